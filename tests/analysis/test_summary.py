import numpy as np
import pyarrow as pa
import pytest

from pixelpipe.analysis.folder import FileAnalyzer
from pixelpipe.analysis.gates import gates
from pixelpipe.analysis.metrics import METRIC_SCHEMA, measure, sprites
from pixelpipe.analysis.profile import build_profile
from pixelpipe.analysis.summary import Extremes, Summary


def draw(num_colors: int, seed: int = 0) -> np.ndarray:
    """(24, 24, 3) uint8 with exactly so many colors, which an eye can tell apart."""
    sprite = np.zeros((24, 24, 3), dtype=np.uint8)
    positions = np.random.default_rng(seed).permutation(24 * 24)
    for number in range(1, num_colors):
        share = positions[24 * (number - 1) : 24 * number]
        sprite.reshape(-1, 3)[share] = [number % 3 * 120, number // 3 % 3 * 120, number // 9 * 120]
    return sprite


def rows_of(images: list[np.ndarray], profile=None) -> pa.Table:
    """What an analysis of files has of these images."""
    stacked = np.stack(images)
    metrics = measure(stacked, 24, profile)
    table = metrics.append_column("file", pa.array([f"{number:02}.png" for number in range(len(images))]))
    for name, column in zip((g := gates(metrics, profile)).column_names, g.columns, strict=True):
        table = table.append_column(name, column)
    return table


def test_percentiles_are_those_of_all_parts_together():
    images = [draw(number) for number in range(1, 21)]
    summary = Summary()
    summary.add(rows_of(images[:7]))
    summary.add(rows_of(images[7:]))
    assert summary.num_images == 20
    records = {record["metric"]: record for record in summary.percentiles()}
    whole = measure(np.stack(images), 24)
    assert set(records) == {name for name in METRIC_SCHEMA.names if whole[name].null_count == 0}
    for name, record in records.items():
        values = whole[name].to_numpy()
        assert record["mean"] == pytest.approx(values.mean())
        assert record["max"] == values.max()
        for rank in (5, 25, 75, 95):
            assert record[f"p{rank}"] == pytest.approx(np.percentile(values, rank))
    assert records["effective_colors"] == {
        "metric": "effective_colors", "unit": "colors", "mean": 10.5, "min": 1, "p5": pytest.approx(1.95),
        "p25": 5.75, "median": 10.5, "p75": 15.25, "p95": pytest.approx(19.05), "max": 20,
    }  # fmt: skip
    np.testing.assert_array_equal(summary.values("effective_colors"), np.arange(1, 21))


def test_gates_are_shares_of_the_images_that_pass():
    art = [draw(number) for number in range(4, 14)]
    profile = build_profile(np.stack(art), "x")
    summary = Summary()
    summary.add(rows_of(art, profile))
    summary.add(rows_of([draw(25)] * 10, profile))
    expected = gates(measure(np.stack(art), 24), profile)["clean"].to_pylist()
    assert summary.gates()["clean"] == pytest.approx(sum(expected) / 20)
    assert "clean_grid_error" not in summary.gates()  # no round trip, no gate
    assert "off_palette" in {record["metric"] for record in summary.percentiles()}
    alone = Summary()
    alone.add(rows_of(art))
    assert alone.gates() == {}


def test_extremes_are_distinct_sprites_of_fewest_and_most_colors():
    images = [draw(12), draw(3), draw(20), draw(3), draw(7), draw(1), draw(20, seed=1), draw(15)]
    extremes = Extremes(3)
    rows, small = rows_of(images), sprites(np.stack(images), 24)
    extremes.add(rows.slice(0, 4), small[:4])
    extremes.add(rows.slice(4), small[4:])
    assert [image.row["effective_colors"] for image in extremes.least] == [3, 7, 12]
    assert [image.row["effective_colors"] for image in extremes.most] == [20, 20, 15]
    assert extremes.least[0].row["file"] == "01.png"  # of equal ones the first
    np.testing.assert_array_equal(extremes.least[1].sprite, draw(7))
    assert extremes.num_blank == 1


def test_nearly_empty_pictures_are_blank():
    corner = draw(1)
    corner[0, :3] = 200
    extremes = Extremes(3)
    extremes.add(rows_of([corner, draw(1)]), np.stack([corner, draw(1)]))
    assert (extremes.least, extremes.most, extremes.num_blank) == ([], [], 2)


def test_an_analyzer_gives_what_a_summary_takes(tmp_path):
    from PIL import Image

    Image.fromarray(draw(5)).save(tmp_path / "a.png")
    result = FileAnalyzer(24)([str(tmp_path / "a.png")])
    summary, extremes = Summary(), Extremes(1)
    summary.add(result.rows)
    extremes.add(result.rows, result.sprites)
    assert extremes.least[0].row["effective_colors"] == 5
