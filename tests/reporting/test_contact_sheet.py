"""The contact sheet: every art pixel is a crisp square of its own color, in a picture of a sane size."""

import io

import numpy as np
import pytest
from PIL import Image

from pixelpipe.reporting.contact_sheet import GROUP_GAP, LABEL, MARGIN, choose_epochs, contact_sheet
from pixelpipe.reporting.description import describe


def sheet(store, experiment_id, **options):
    with Image.open(io.BytesIO(contact_sheet(store, describe(store, experiment_id), **options))) as image:
        assert image.format == "PNG"
        return np.asarray(image.convert("RGB"))


def find(picture, enlarged):
    """(top, left) of every place where the enlarged sprite stands, searched down its own column of prompts."""
    height, width = enlarged.shape[:2]
    left = MARGIN + LABEL
    column = picture[:, left : left + width]
    return [
        (top, left)
        for top in range(len(column) - height + 1)
        if np.array_equal(column[top, :], enlarged[0]) and np.array_equal(column[top : top + height], enlarged)
    ]


def enlarge(sprite, scale):
    return sprite.repeat(scale, axis=0).repeat(scale, axis=1)


def test_sprites_are_enlarged_by_a_whole_factor_and_nothing_else(store, fill):
    fill.start(fill.config())
    art = [[fill.sprite(24, 10 * p + s) for s in range(2)] for p in range(12)]
    fill.epoch(1, fill.colors(30), pixels=art)
    picture = sheet(store, "candidate-0a1b2c3d")
    assert find(picture, enlarge(art[0][0], 4))
    assert not find(picture, enlarge(art[0][1], 4))  # one seed a prompt: the first
    assert picture.shape[1] <= 1600


def test_the_baseline_stands_beneath_the_candidate(store, fill):
    theirs = [[fill.sprite(24, 1000 + 10 * p + s) for s in range(2)] for p in range(12)]
    ours = [[fill.sprite(24, 10 * p + s) for s in range(2)] for p in range(12)]
    fill.start(fill.config("baseline"))
    fill.epoch(1, fill.colors(30), pixels=theirs)
    fill.start(fill.config())
    fill.epoch(1, fill.colors(40), "baseline-0a1b2c3d", pixels=ours)
    picture = sheet(store, "candidate-0a1b2c3d")
    ((top, _),) = find(picture, enlarge(ours[0][0], 4))
    ((below, _),) = find(picture, enlarge(theirs[0][0], 4))
    assert below > top


def test_what_was_drawn_before_training_stands_above_all_epochs(store, fill):
    art = [[fill.sprite(24, 10 * p + s) for s in range(2)] for p in range(12)]
    before = [fill.sprite(24, 5000 + p) for p in range(12)]
    fill.start(fill.config())
    fill.epoch(1, fill.colors(30), pixels=art)
    without = sheet(store, "candidate-0a1b2c3d")
    ((first, _),) = find(without, enlarge(art[0][0], 4))
    fill.before_training([*before[:11], None])
    picture = sheet(store, "candidate-0a1b2c3d")
    row = 4 * 24 + GROUP_GAP
    assert find(picture, enlarge(before[0], 4)) == [(first, MARGIN + LABEL)]
    assert np.array_equal(picture[: first - GROUP_GAP], without[: first - GROUP_GAP])
    assert np.array_equal(picture[first + row :], without[first:]), "all else is as it was"
    assert (picture[first : first + row] == (244, 246, 248)).all(axis=-1).sum() > 80**2, "a place for what is missing"


@pytest.mark.parametrize("grid", [24, 32, 128])
@pytest.mark.parametrize(("prompts", "max_prompts"), [(5, 12), (24, 12), (30, 30)])
def test_sizes(store, fill, grid, prompts, max_prompts):
    fill.grid, fill.num_prompts, fill.seeds = grid, prompts, 1
    fill.start(fill.config(training={"epochs": 1}, judge={"alpha": 0.06}))
    fill.epoch(1, fill.colors(30))
    height, width, _ = sheet(store, "candidate-0a1b2c3d", max_prompts=max_prompts).shape
    assert 600 <= width <= 1600
    assert 200 <= height <= 700


def test_one_prompt(store, fill):
    fill.start(fill.config())
    fill.epoch(1, fill.colors(30))
    assert sheet(store, "candidate-0a1b2c3d", max_prompts=1).shape[1] <= 800


def test_many_epochs_show_ten(store, fill):
    fill.num_prompts, fill.seeds = 10, 1
    fill.start(fill.config(training={"epochs": 12}))
    for epoch in range(1, 13):
        fill.epoch(epoch, fill.colors(30))
    twelve = sheet(store, "candidate-0a1b2c3d")
    fill.start(fill.config("ten", training={"epochs": 12}))
    for epoch in range(1, 11):
        fill.epoch(epoch, fill.colors(30))
    assert twelve.shape == sheet(store, "ten-0a1b2c3d").shape


@pytest.mark.parametrize("count", [1, 2, 9, 10, 11, 30, 1000])
def test_chosen_epochs_are_even_and_include_both_ends(count):
    chosen = choose_epochs(list(range(1, count + 1)))
    assert len(chosen) == len(set(chosen)) == min(count, 10)
    assert (chosen[0], chosen[-1]) == (1, count)
    steps = np.diff(chosen)
    assert steps.size == 0 or steps.max() - steps.min() <= 1


def test_missing_images_leave_a_place(store, fill):
    fill.start(fill.config())
    fill.epoch(1, fill.colors(30))
    fill.epoch(2, fill.colors(30), drop=4)
    placeholder = (244, 246, 248)
    picture = sheet(store, "candidate-0a1b2c3d").reshape(-1, 3)
    missing = int((picture == placeholder).all(axis=1).sum())
    assert 1.5 * 96**2 < missing < 2 * 96**2  # two of the shown images, less their border and words


def test_no_epoch(store, fill):
    fill.start(fill.config(), status="failed")
    assert sheet(store, "candidate-0a1b2c3d").shape == (140, 640, 3)


def test_odd_prompts(store, fill):
    """Empty, endless, without spaces, in other scripts: a heading is drawn or cut, never an error."""
    fill.prompts = ["", "x" * 500, "word " * 200, "赤い髪の人", "<b>|`", "a\nb", *(str(n) for n in range(6))]
    fill.start(fill.config())
    fill.epoch(1, fill.colors(30))
    assert sheet(store, "candidate-0a1b2c3d").shape[1] <= 1600


def test_the_same_tables_give_the_same_bytes(store, story):
    found = describe(store, story[1])
    assert contact_sheet(store, found) == contact_sheet(store, found)
