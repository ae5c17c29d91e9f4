import json
import math
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pixelpipe.analysis.metrics import METRIC_SCHEMA, METRIC_VERSION, measure, sprites
from pixelpipe.analysis.palette import hill_shannon, hill_simpson
from pixelpipe.analysis.profile import build_profile
from pixelpipe.errors import BadInputError

GOLDEN = Path(__file__).with_name("golden.json")
COUNTS = ["unique_colors", "effective_colors", "effective_colors_04", "visible_colors"]
NULLABLE = {"off_palette", "palette_distance", "nearest_train"}


def draw_sprite(seed: int, num_colors: int = 12, grid: int = 24) -> np.ndarray:
    """A flat sprite: rectangles of distinct colors on white. (grid, grid, 3) uint8."""
    generator = np.random.default_rng(seed)
    sprite = np.full((grid, grid, 3), 255, dtype=np.uint8)
    levels = np.array([(r, g, b) for r in (0, 120, 230) for g in (0, 120, 230) for b in (0, 120, 230)])
    for color in generator.permutation(levels)[: num_colors - 1]:
        top, left = generator.integers(2, grid - 6, 2)
        sprite[top : top + 4, left : left + 5] = color
    return sprite


def upscale(sprite: np.ndarray, size: int) -> np.ndarray:
    cell = (np.arange(size) * 2 + 1) * len(sprite) // (2 * size)
    return sprite[cell][:, cell]


def hashed(shape: tuple[int, ...], salt: int) -> np.ndarray:
    """Bytes 0..255 by Knuth's multiplicative hash: the same with every version of numpy's generators."""
    index = np.arange(math.prod(shape), dtype=np.uint64) + np.uint64(salt)
    mixed = (index * np.uint64(2654435761)) & np.uint64(0xFFFFFFFF)
    mixed = ((mixed ^ (mixed >> np.uint64(15))) * np.uint64(2246822519)) & np.uint64(0xFFFFFFFF)
    return (mixed >> np.uint64(24)).astype(np.int64).reshape(shape)


def golden_sprite(salt: int) -> np.ndarray:
    """A flat sprite of 4-cell blocks on white, (24, 24, 3) uint8."""
    blocks = hashed((4, 5, 3), salt) // 64 * 64
    sprite = np.full((24, 24, 3), 255, dtype=np.uint8)
    sprite[8:24, 2:22] = blocks.repeat(4, axis=0).repeat(4, axis=1)
    sprite[12, 7] = sprite[12, 16] = (20, 20, 60)  # two eyes
    return sprite


def golden_images() -> dict[str, np.ndarray]:
    art = golden_sprite(1)
    noisy = upscale(art, 384).astype(np.int64) + hashed((384, 384, 3), 7) % 13 - 6
    return {
        "constant": np.full((96, 96, 3), (12, 200, 99), dtype=np.uint8),
        "art_24": art,
        "art_512_rolled": np.roll(upscale(art, 512), 5, axis=(0, 1)),
        "noisy_384": noisy.clip(0, 255).astype(np.uint8),
        "random_100": hashed((100, 100, 3), 9).astype(np.uint8),
    }


def measure_golden() -> dict[str, dict]:
    train = np.stack([golden_sprite(salt) for salt in (100, 200, 300)])
    profile = build_profile(train, "golden")
    return {name: measure(image[None], 24, profile, train).to_pylist()[0] for name, image in golden_images().items()}


def test_golden_figures_of_this_metric_version():
    """A difference here means a new METRIC_VERSION, and then a new golden.json."""
    golden = json.loads(GOLDEN.read_text())
    assert golden["metric_version"] == METRIC_VERSION
    measured = measure_golden()
    assert measured.keys() == golden["images"].keys()
    for name, expected in golden["images"].items():
        assert measured[name] == pytest.approx(expected, rel=1e-5, abs=1e-6), name


def test_columns_are_described_and_typed():
    table = measure(np.zeros((2, 24, 24, 3), np.uint8), 24)
    assert table.schema.equals(METRIC_SCHEMA, check_metadata=True)
    for column in METRIC_SCHEMA:
        assert set(column.metadata) == {b"unit", b"range", b"description"}
    assert {f.name for f in METRIC_SCHEMA if f.nullable} == NULLABLE


def test_nulls_exactly_without_profile_and_training_sprites():
    image, train = draw_sprite(1)[None], np.stack([draw_sprite(2), draw_sprite(3)])
    profile = build_profile(train, "x")
    row = measure(image, 24).to_pylist()[0]
    assert {name for name, value in row.items() if value is None} == NULLABLE
    row = measure(image, 24, profile).to_pylist()[0]
    assert {name for name, value in row.items() if value is None} == {"nearest_train"}
    assert None not in measure(image, 24, profile, train).to_pylist()[0].values()


def test_constant_image():
    row = measure(np.full((1, 100, 100, 3), 77, np.uint8), 24).to_pylist()[0]
    ones = [*COUNTS, "hill_shannon", "hill_simpson", "top10_share", "largest_share", "background_uniformity"]
    assert [row[name] for name in ones] == [1] * len(ones)
    assert [row[name] for name in ("grid_error", "grid_error_p95", "straddle", "orphan_ratio", "off_grid")] == [0] * 5
    assert [row[name] for name in ("grid_pitch", "grid_strength", "coarse_grid", "geary_c")] == [1, 0, 0, 0]


def test_rows_are_in_order_and_independent_of_the_batch():
    images = np.stack([upscale(draw_sprite(seed, 3 + seed), 96) for seed in range(5)])
    together = measure(images, 24).to_pylist()
    assert together == [measure(image[None], 24).to_pylist()[0] for image in images]
    assert measure(images[:0], 24).num_rows == 0


@pytest.mark.parametrize("size", [24, 192, 384, 512, 576])
@pytest.mark.parametrize("seed", [1, 2])
def test_upscaled_art_keeps_its_colors(size, seed):
    sprite = draw_sprite(seed)
    row = measure(upscale(sprite, size)[None], 24).to_pylist()[0]
    own_size = measure(sprite[None], 24).to_pylist()[0]
    for name in ("grid_phase_x", "grid_phase_y", "grid_strength"):  # whole pixels are no whole fractions of a cell
        assert row.pop(name) == pytest.approx(own_size.pop(name), abs=0.02)
    assert row == own_size
    assert row["unique_colors"] == row["effective_colors"] == len(np.unique(sprite.reshape(-1, 3), axis=0))
    np.testing.assert_array_equal(sprites(upscale(sprite, size)[None], 24)[0], sprite)


def test_invisible_noise_explodes_unique_but_not_effective_colors():
    sprite = draw_sprite(3, num_colors=20)
    clean = measure(upscale(sprite, 384)[None], 24).to_pylist()[0]
    noise = np.random.default_rng(0).normal(0, 1, (384, 384, 3))
    noisy = (upscale(sprite, 384) + noise).round().clip(0, 255).astype(np.uint8)
    row = measure(noisy[None], 24).to_pylist()[0]
    assert row["effective_colors"] == pytest.approx(clean["effective_colors"], rel=0.3)
    assert row["unique_colors"] > 5 * clean["unique_colors"]


def draw_image(data: st.DataObject, grid: int) -> np.ndarray:
    """Any bytes, noise, two colors, or flat art, of any size from the grid's."""
    height, width = (data.draw(st.integers(grid, 40)) for _ in range(2))
    generator = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    fill = data.draw(st.sampled_from(["array", "random", "two", "dark", "stripes"]))
    if fill == "array":
        return data.draw(hnp.arrays(np.uint8, (height, width, 3)))
    if fill == "two":
        return (generator.integers(0, 2, (height, width, 1)) * (255, 255, 0)).astype(np.uint8)
    if fill == "stripes":
        return ((np.indices((height, width)).sum(axis=0) % 2)[..., None] * (255, 0, 255)).astype(np.uint8)
    return generator.integers(0, 3 if fill == "dark" else 256, (height, width, 3), dtype=np.uint8)


def limits(column: pa.Field, grid: int) -> tuple[float, float]:
    """What the schema's own `range` says."""
    low, high = column.metadata[b"range"].decode().strip("[]").split(", ")
    return float(low), float(grid * grid if high == "n" else high)


@settings(max_examples=80)
@given(st.data())
def test_no_image_leaves_the_ranges_that_the_schema_promises(data):
    grid = data.draw(st.sampled_from([8, 9, 12]))
    image = draw_image(data, grid)
    train = np.random.default_rng(1).integers(0, 256, (3, grid, grid, 3), dtype=np.uint8)
    with np.errstate(divide="raise", over="raise", invalid="raise"):
        row = measure(image[None], grid, build_profile(train, "x"), train).to_pylist()[0]
    for column in METRIC_SCHEMA:
        low, high = limits(column, grid)
        assert math.isfinite(row[column.name])
        assert low - 1e-9 <= row[column.name] <= high + 1e-9, column.name
    assert row["effective_colors_04"] <= row["effective_colors"] <= row["num_regions"]
    assert row["hill_simpson"] <= row["hill_shannon"] + 1e-9 <= row["effective_colors"] + 2e-9
    assert 0 < row["largest_share"] <= row["top10_share"]
    assert row["background_uniformity"] > 0
    assert row["grid_error"] <= row["grid_error_p95"]


def test_hill_numbers_of_known_shares():
    assert hill_shannon(np.full(8, 1 / 8)) == pytest.approx(8)
    assert hill_simpson(np.full(8, 1 / 8)) == pytest.approx(8)
    assert hill_shannon(np.array([0.5, 0.25, 0.25])) == pytest.approx(2**1.5)
    assert hill_simpson(np.array([0.5, 0.25, 0.25])) == pytest.approx(1 / 0.375)


def test_off_palette_counts_only_colors_far_from_the_art():
    train = np.full((1, 24, 24, 3), 255, np.uint8)
    image = train.copy()
    image[0, :6] = (255, 0, 0)  # a quarter
    image[0, 6:12] = 254  # indistinguishable
    row = measure(image, 24, build_profile(train, "x")).to_pylist()[0]
    assert row["off_palette"] == 0.25
    assert 0.05 < row["palette_distance"] < 0.25
    assert measure(train, 24, build_profile(train, "x"))["palette_distance"].to_pylist() == [0]


def test_nearest_train_knows_copies_and_mirror_images():
    train = np.stack([draw_sprite(1), draw_sprite(2)])
    images = np.stack([train[1], train[0][:, ::-1], draw_sprite(9)])
    copied, mirrored, new = measure(images, 24, train_sprites=train)["nearest_train"].to_pylist()
    assert (copied, mirrored) == (0, 0)
    assert new > 0.02


@pytest.mark.parametrize(
    ("train", "message"),
    [
        (np.zeros((2, 32, 32, 3), np.uint8), "`train_sprites` must be"),
        (np.zeros((0, 24, 24, 3), np.uint8), r"M at least 1 but got \(0, 24, 24, 3\)"),
    ],
)
def test_wrong_training_sprites_are_refused(train, message):
    with pytest.raises(BadInputError, match=message):
        measure(np.zeros((1, 24, 24, 3), np.uint8), 24, train_sprites=train)


def test_a_profile_of_another_grid_or_version_is_refused():
    images = np.zeros((1, 32, 32, 3), np.uint8)
    profile = build_profile(np.zeros((1, 24, 24, 3), np.uint8), "x")
    with pytest.raises(BadInputError, match="must be of grid 32 but is of grid 24"):
        measure(images, 32, profile)
    with pytest.raises(BadInputError, match="must be of metric version 2 but is of 0"):
        measure(images, 24, profile.model_copy(update={"metric_version": "0"}))


def test_a_table_goes_through_arrow_and_back(tmp_path):
    table = measure(draw_sprite(1)[None], 24)
    with pa.OSFile(str(tmp_path / "t.arrow"), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    assert pa.ipc.open_file(tmp_path / "t.arrow").read_all().equals(table)
