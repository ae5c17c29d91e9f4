import numpy as np
import pytest

from pixelpipe.captions.evidence import FOLDS, PixelEvidence, hanley_mcneil, stratified_folds


@pytest.fixture(scope="module")
def art() -> tuple[np.ndarray, np.ndarray]:
    """120 pictures of noise; every third has a red patch."""
    rng = np.random.default_rng(1)
    sprites = rng.integers(60, 200, (120, 24, 24, 3), dtype=np.uint8)
    with_patch = np.arange(120) % 3 == 0
    sprites[with_patch, 4:8, 4:8] = (230, 20, 20)
    return sprites, with_patch


def test_what_is_drawn_is_supported_and_what_is_not_is_not(art):
    sprites, with_patch = art
    evidence = PixelEvidence(sprites, np.arange(120))
    everyone = np.ones(120, dtype=bool)
    drawn = evidence.measure(with_patch, everyone)
    assert drawn.status == "supported"
    assert drawn.auc > 0.95
    chance = evidence.measure(np.random.default_rng(2).permutation(with_patch), everyone)
    assert chance.status != "supported"
    assert abs(chance.auc - 0.5) < 0.15


def test_the_same_twice(art):
    sprites, with_patch = art
    first, second = (PixelEvidence(sprites, np.arange(120)).measure(with_patch, np.ones(120, bool)) for _ in range(2))
    assert first is not None
    assert first == second


def test_only_comparable_images_are_compared(art):
    sprites, with_patch = art
    among = np.arange(120) < 60
    support = PixelEvidence(sprites, np.arange(120)).measure(with_patch, among)
    assert (support.num_with, support.num_without) == (20, 40)


def test_too_few_images_say_nothing(art):
    sprites, _ = art
    evidence = PixelEvidence(sprites, np.arange(120))
    assert evidence.measure(np.arange(120) < 7, np.ones(120, bool)) is None
    assert evidence.measure(np.arange(120) < 113, np.ones(120, bool)) is None
    copies = PixelEvidence(sprites, np.where(np.arange(120) < 20, 0, np.arange(120)))
    assert copies.measure(np.arange(120) < 20, np.ones(120, bool)) is None  # 20 copies of one picture are one


def test_folds_keep_groups_whole_and_deal_the_term_out():
    groups = np.repeat(np.arange(50), 2)
    target = groups < 15
    fold = stratified_folds(target, groups)
    assert all(len(set(fold[groups == group])) == 1 for group in range(50))
    assert [target[fold == number].sum() for number in range(FOLDS)] == [6] * FOLDS


def test_hanley_mcneil():
    """Their equation 1 by hand: AUC 0.8, 30 and 40 images, standard error 0.0557."""
    low, high = hanley_mcneil(0.8, 30, 40)
    assert (high - low) / 2 / 1.96 == pytest.approx(0.0557, abs=0.0005)
    assert hanley_mcneil(1.0, 10, 10)[0] > 0.9
    assert hanley_mcneil(0.5, 1000, 1000) == (pytest.approx(0.475, abs=0.001), pytest.approx(0.525, abs=0.001))
