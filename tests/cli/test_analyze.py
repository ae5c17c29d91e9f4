import csv
import io
import json
import os

import numpy as np
import pytest
from PIL import Image

from pixelpipe.analysis.metrics import METRIC_SCHEMA


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    for seed, name in enumerate(["b.png", "sub/a b.png", "ü.PNG"]):
        pixels = np.random.default_rng(seed).integers(0, 256, (48, 48, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / name)
    return tmp_path


FILES = ["b.png", "sub/a b.png", "ü.PNG"]


def test_json_is_one_object_a_line(cli, folder):
    result = cli("analyze", ".", "--format", "json")
    assert (result.exit_code, result.err) == (0, "")
    rows = [json.loads(line) for line in result.out.splitlines()]
    assert [row["file"] for row in rows] == FILES
    assert set(METRIC_SCHEMA.names) < set(rows[0])
    assert {row["source_width"] for row in rows} == {48}


def test_csv_holds_the_same(cli, folder):
    rows = list(csv.DictReader(io.StringIO(cli("analyze", ".", "--format", "csv").out)))
    records = [json.loads(line) for line in cli("analyze", ".", "--format", "json").out.splitlines()]
    assert [row.keys() for row in rows] == [record.keys() for record in records]
    assert [row["file"] for row in rows] == FILES
    assert [float(row["effective_colors"]) for row in rows] == [record["effective_colors"] for record in records]


def test_the_table_shows_the_main_metrics(cli, folder):
    result = cli("analyze", "b.png", "sub")
    head, *rows = result.out.splitlines()
    assert head.split() == ["file", "unique_colors", "effective_colors", "top10_share", "orphan_ratio", "grid_error"]
    assert [row.split("  ")[0] for row in rows] == ["b.png", "sub/a b.png"]


def test_the_grid_counts(cli, folder):
    coarse, fine = (json.loads(cli("analyze", "b.png", "--grid", g, "--format", "json").out) for g in (8, 48))
    assert (coarse["grid"], fine["grid"]) == (8, 48)
    assert coarse["unique_colors"] <= 64 < fine["unique_colors"]


def test_the_background_shows_through(cli, folder):
    Image.new("RGBA", (24, 24), (9, 9, 9, 0)).save("clear.png")
    Image.fromarray(np.pad(np.zeros((12, 24, 3), np.uint8), ((0, 12), (0, 0), (0, 0)))).save("black.png")
    result = cli("analyze", "clear.png", "black.png", "--format", "json", "--background", "#00ff00")
    assert [json.loads(line)["unique_colors"] for line in result.out.splitlines()] == [1, 1]
    assert "`background` must be a color as #rrggbb but got 'red'" in cli("analyze", ".", "--background", "red").err


def test_one_bad_file_does_not_stop_the_others(cli, folder):
    (folder / "broken.png").write_bytes((folder / "b.png").read_bytes()[:100])
    Image.new("RGB", (20, 48)).save(folder / "wide.png")
    result = cli("analyze", ".", "--format", "json")
    assert result.exit_code == 1
    assert [json.loads(line)["file"] for line in result.out.splitlines()] == FILES
    first, second, summary = result.err.splitlines()
    assert first.startswith("pixelpipe: skipped broken.png: must be a complete image")
    assert second == "pixelpipe: skipped wide.png: must be square but is 20 x 48 px"
    assert summary == "pixelpipe: 3 measured, 2 skipped"


def test_a_name_of_broken_utf8_is_written_as_escapes(cli, folder):
    os.rename(b"b.png", b"\xff.png")  # noqa: PTH104
    for output_format in ("json", "csv", "table"):
        result = cli("analyze", ".", "--format", output_format)
        assert result.exit_code == 0
        assert "\\udcff.png" in result.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none"], "none: must be an image or a folder of images but does not exist"),
        (["x" * 300], f"{'x' * 300}: must be an image or a folder of images but: File name too long"),
        (["empty"], "empty: must hold images (.png, "),
    ],
)
def test_nothing_to_measure(cli, folder, arguments, message):
    (folder / "empty").mkdir()
    (folder / "empty/notes.txt").touch()
    assert cli("analyze", *arguments).refused().startswith(message)


@pytest.mark.parametrize("output_format", ["json", "csv", "table"])
def test_no_image_among_the_files(cli, folder, output_format):
    (folder / "notes.png").write_text("x")
    result = cli("analyze", "notes.png", "--format", output_format)
    assert (result.exit_code, result.out) == (2, "")
    first, last = result.err.splitlines()
    assert first.startswith("pixelpipe: skipped notes.png: must be a PNG, ")
    assert last == "pixelpipe: no image could be measured (1 skipped)"


@pytest.mark.parametrize("arguments", [[], [".", "--grid", "7"], [".", "--grid", "129"], [".", "--format", "xml"]])
def test_wrong_usage(cli, folder, arguments):
    result = cli("analyze", *arguments)
    assert (result.exit_code, result.out) == (2, "")
    assert "Error: " in result.err
