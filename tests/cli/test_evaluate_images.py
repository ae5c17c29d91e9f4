"""Images of another trainer: judged by the rule of any run, and every bad folder refused in one line."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pixelpipe.lines import champion, stored_prompts
from pixelpipe.pipeline.rejudge import rejudge
from pixelpipe.results.reader import list_experiments, read_table
from pixelpipe.store import Store

NUM_PROMPTS, SEEDS, SIZE = 8, (3, 11), 48


def picture(prompt, seed, num_colors):
    """(48, 48, 3) uint8 on a grid of 24: `num_colors` different ones, another picture for every seed."""
    rng = np.random.default_rng(1000 * prompt + seed)
    colors = rng.integers(0, 256, (num_colors, 3), np.uint8)
    return colors[rng.integers(0, num_colors, (24, 24))].repeat(2, 0).repeat(2, 1)


def fill(folder, epochs, num_colors):
    for epoch in range(1, epochs + 1):
        place = folder / f"epoch-{epoch:02d}"
        place.mkdir(parents=True)
        for prompt in range(1, NUM_PROMPTS + 1):
            for seed in SEEDS:
                Image.fromarray(picture(prompt, seed + epoch, num_colors)).save(place / f"p{prompt:03d}__{seed}.png")
    return folder


@pytest.fixture
def images(tmp_path):
    return draw_images(tmp_path)


def draw_images(tmp_path):
    """Folders `base` and `new` (three times the colors), `art`, and `prompts.txt`."""
    fill(tmp_path / "base", 3, 10)
    fill(tmp_path / "new", 3, 30)
    (tmp_path / "art").mkdir()
    for number in range(12):
        Image.fromarray(picture(90, number, 8)[::2, ::2]).save(tmp_path / f"art/{number}.png")
    (tmp_path / "prompts.txt").write_text("\n".join(f"portrait {n}" for n in range(1, NUM_PROMPTS + 1)))
    return tmp_path


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    return draw_images(tmp_path_factory.mktemp("known"))


@pytest.fixture
def with_baseline(cli, known, tmp_path):
    """`images` and a store that has the baseline, which is taken in once."""
    if not (known / "store").exists():
        assert as_baseline(cli, known).exit_code == 0
    return Path(shutil.copytree(known, tmp_path, dirs_exist_ok=True))


def as_baseline(cli, place, *more):
    options = ["--as", "baseline", "--why", "used today", "--line", "art", "--art", place / "art"]
    options += ["--prompts", place / "prompts.txt", "--store", place / "store"]
    return cli("evaluate", "--images", place / "base", *options, *more)


def as_candidate(cli, place, *more, folder="new"):
    return cli("evaluate", "--images", place / folder, "--line", "art", "--store", place / "store", *more)


def test_a_candidate_is_paired_with_the_baseline_and_abandoned(cli, images):
    assert as_baseline(cli, images, "--set", "training.resolution=512").exit_code == 0
    result = as_candidate(cli, images, "--set", "training.resolution=256")
    assert result.exit_code == 0, result.err
    store = Store.open(images / "store")
    statuses = {row["name"]: (row["status"], row["reason_code"]) for row in list_experiments(store)}
    assert statuses == {"base": ("promoted", "declared"), "new": ("abandoned", "worse")}
    candidate = next(row["experiment_id"] for row in list_experiments(store) if row["name"] == "new")
    decisions = read_table(store, "decisions", candidate).to_pylist()
    assert [row["verdict"] for row in decisions] == ["CONTINUE", "ABANDONED", "ABANDONED"]
    assert {(row["num_pairs"], row["baseline_kind"]) for row in decisions} == {(16, "matched_baseline")}
    assert all(row["p_value"] < row["alpha_per_look"] for row in decisions)
    assert [again.differs_in for again in rejudge(store, candidate)] == [[], [], []]
    assert len(read_table(store, "samples", candidate)) == 3 * NUM_PROMPTS * len(SEEDS)
    assert [prompt.text for prompt in stored_prompts(store, "art")] == [f"portrait {n}" for n in range(1, 9)]
    document = store.read(f"experiments/{candidate}/verdict.md").decode()
    assert "| resolution | 512 | 256 |" in document
    assert store.exists(f"experiments/{candidate}/contact_sheet.png")


def test_epoch_by_epoch_as_it_is_trained(cli, with_baseline):
    """Planned for 8 epochs: after each of them the same command judges what is new."""
    images = with_baseline
    later = images / "new/epoch-03"
    later.rename(images / "epoch-03")
    first = as_candidate(cli, images, "--set", "training.epochs=8")
    assert "ABANDONED after epoch 2" in first.out
    (images / "epoch-03").rename(later)
    assert "ABANDONED after epoch 3" in as_candidate(cli, images, "--set", "training.epochs=8").out
    store = Store.open(images / "store")
    [candidate] = [row for row in list_experiments(store) if row["name"] == "new"]
    assert (candidate["epochs"], candidate["status"]) == (3, "abandoned")
    attempts = read_table(store, "epochs", candidate["experiment_id"])["attempt"].to_pylist()
    assert attempts == [1, 1, 2]


def test_what_looks_better_waits_for_a_person(cli, with_baseline):
    """Without weights nobody can draw fresh seeds."""
    images = with_baseline
    shutil.rmtree(images / "new")
    fill(images / "new", 3, 8)
    result = as_candidate(cli, images, "--set", "judge.metric=unique_colors")
    assert "INCONCLUSIVE" in result.out
    assert champion(Store.open(images / "store"), "art").experiment_id.startswith("base-")


def spoil(name):
    def bad_name(place):
        (place / "new/epoch-01/portrait.png").write_bytes(b"")

    def no_epoch(place):
        (place / "new/sample.png").write_bytes(b"")

    def twice(place):
        shutil.copy(place / "new/epoch-01/p001__3.png", place / "new/epoch-01/p001__03.png")

    def missing(place):
        (place / "new/epoch-02/p004__11.png").unlink()

    def sizes(place):
        path = place / "new/epoch-02/p004__11.png"
        Image.open(path).resize((96, 96)).save(path)

    def oblong(place):
        Image.new("RGB", (48, 30)).save(place / "new/epoch-02/p004__11.png")

    def truncated(place):
        path = place / "new/epoch-03/p004__11.png"
        path.write_bytes(path.read_bytes()[:60])

    def empty(place):
        shutil.rmtree(place / "new")
        (place / "new").mkdir()

    def gone(place):
        shutil.rmtree(place / "new")

    def few(place):
        for path in (place / "new").rglob("p00[4-8]__*.png"):
            path.unlink()

    def other_seeds(place):
        for path in sorted((place / "new").rglob("*__11.png")):
            path.rename(path.with_name(path.name.replace("__11", "__12")))

    return locals()[name]


BAD = {
    "bad_name": "portrait.png: must be named epoch-NN/<prompt_id>__<seed>.png below ",
    "no_epoch": "sample.png: must be named epoch-NN/<prompt_id>__<seed>.png below ",
    "twice": "prompt p001 with seed 3 must stand once but ",
    "missing": "epoch-02: must hold the same prompts and seeds as the other epochs but lacks p004__11",
    "sizes": "p004__11.png: must be 48 x 48 px like p001__3.png but is 96 x 96",
    "oblong": "p004__11.png: must be square and at least 24 px but is 48 x 30 px",
    "truncated": "p004__11.png: ",
    "empty": "must hold images named epoch-NN/<prompt_id>__<seed>.png but has none",
    "gone": "must be a folder of epoch-NN/<prompt_id>__<seed>.png but does not exist",
    "few": "at least 7 prompts but are of 3: with fewer, the last of 3 looks can never decide (p < 0.05 in all)",
    "other_seeds": "8 of 16 (prompt, seed) pairs are the same. Bring the baseline's images of the same prompts",
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_folder_is_one_line_and_writes_nothing(cli, with_baseline, case):
    images = with_baseline
    before = Store.open(images / "store").list()
    spoil(case)(images)
    assert BAD[case] in as_candidate(cli, images).refused()
    assert Store.open(images / "store").list() == before


def test_what_must_be_said_once(cli, images):
    place = ["--store", images / "store"]
    lonely = cli("evaluate", "--images", images / "new", "--line", "art", *place)
    assert "must give the text of prompt p001 and 7 more" in lonely.refused()
    options = ["--line", "art", "--prompts", images / "prompts.txt", *place]
    no_art = cli("evaluate", "--images", images / "base", "--as", "baseline", "--why", "x", *options)
    assert no_art.refused() == "line art has no profile of its art yet: name a folder of its sprites with --art DIR"
    no_champion = cli("evaluate", "--images", images / "new", "--art", images / "art", *options)
    assert no_champion.refused().startswith("line art has no champion to judge a candidate against")
    nothing = cli("evaluate", *place).refused()
    assert nothing == "one of CHECKPOINT, --images DIR and --figures FIGURES.yaml must be given"


def test_what_was_judged_stays(cli, with_baseline):
    images = with_baseline
    as_candidate(cli, images)
    path = images / "new/epoch-02/p004__11.png"
    Image.fromarray(picture(1, 1, 5)).save(path)
    assert "epoch-02/p004__11: differs from the image that was judged" in as_candidate(cli, images).refused()
