"""Every art pixel of a shown sprite is a crisp square of its own color; the chart counts every image."""

import io

import numpy as np
import pytest
from PIL import Image

from pixelpipe.analysis.folder import FileAnalyzer
from pixelpipe.analysis.profile import build_profile
from pixelpipe.analysis.summary import Extremes, Summary
from pixelpipe.reporting.extremes_picture import ART, BAR, CHART_PX, FAINT, MARGIN, extremes_picture


def draw(grid, num_colors):
    sprite = np.full((grid, grid, 3), 255, dtype=np.uint8)
    for number in range(1, num_colors):
        sprite[number * grid // 8 :][: grid // 8, : grid // 2] = [
            number % 3 * 120,
            number // 3 % 3 * 120,
            number // 9 * 120,
        ]
    return sprite


def picture(tmp_path, images, profile=None):
    paths = []
    for number, image in enumerate(images):
        paths.append(str(tmp_path / f"{'a long name of ' * 5}{number}.png"))
        Image.fromarray(image).save(paths[-1])
    result = FileAnalyzer(images[0].shape[0], profile=profile)(paths)
    summary, extremes = Summary(), Extremes(8)
    summary.add(result.rows)
    extremes.add(result.rows, result.sprites)
    with Image.open(io.BytesIO(extremes_picture("art", extremes, summary, profile))) as drawn:
        return np.asarray(drawn.convert("RGB"))


def find(drawn, sprite, scale):
    """Tops at which the enlarged sprite stands in the first column."""
    enlarged = sprite.repeat(scale, axis=0).repeat(scale, axis=1)
    column = drawn[:, MARGIN : MARGIN + enlarged.shape[1]]
    return [
        top for top in range(len(column) - len(enlarged)) if np.array_equal(column[top:][: len(enlarged)], enlarged)
    ]


@pytest.mark.parametrize(("grid", "scale"), [(24, 6), (32, 4), (8, 18), (128, 1)])
def test_sprites_are_enlarged_by_a_whole_factor_the_best_above_the_worst(tmp_path, grid, scale):
    art = [draw(grid, num_colors) for num_colors in (5, 4, 6)]
    drawn = picture(tmp_path, art)
    (best,), (worst,) = (find(drawn, sprite, scale) for sprite in (art[1], art[2]))
    assert best < worst
    assert drawn.shape[1] < 1500


def count(drawn, color):
    return int((drawn == np.array(Image.new("RGB", (1, 1), color))).all(axis=-1).sum())


def test_the_chart_shows_counts_and_the_range_of_the_art(tmp_path):
    art = [draw(24, num_colors) for num_colors in (4, 5, 6, 6)]
    profile = build_profile(np.stack(art), "x")
    plain, with_art = picture(tmp_path, art), picture(tmp_path, art, profile)
    assert count(plain, ART) == 0 < count(with_art, ART)
    bar = (plain == np.array(Image.new("RGB", (1, 1), BAR))).all(axis=-1)
    heights = sorted(set(bar.sum(axis=0).tolist()))
    assert heights == [0, CHART_PX // 2 + 1, CHART_PX + 1]  # one image, and two
    line = (plain == np.array(Image.new("RGB", (1, 1), FAINT))).all(axis=-1).sum(axis=1) > plain.shape[1] / 2
    tops = np.flatnonzero(line)
    assert np.diff(tops).tolist() == [CHART_PX // 2, CHART_PX // 2 + 1], "a line at two images, at one, and at none"


def test_blank_images_only_make_a_picture_too(tmp_path):
    assert picture(tmp_path, [draw(24, 1)]).shape[2] == 3
