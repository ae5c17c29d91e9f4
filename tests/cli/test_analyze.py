import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pyarrow import parquet

from pixelpipe.analysis.folder import ANALYSIS_SCHEMA
from pixelpipe.analysis.metrics import METRIC_SCHEMA


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    for seed, name in enumerate(["b.png", "sub/a b.png", "ü.PNG"]):
        pixels = np.random.default_rng(seed).integers(0, 256, (48, 48, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / name)
    return tmp_path


FILES = ["b.png", "ü.PNG", "sub/a b.png"]


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
    rows, _, summary = result.out.partition("\n\n")
    head, *rows = rows.splitlines()
    assert head.split() == ["effective_colors", "unique_colors", "top10_share", "orphan_ratio", "grid_error", "file"]
    assert [row.split("  ")[-1] for row in rows] == ["b.png", "sub/a b.png"]
    row = json.loads(cli("analyze", "b.png", "--format", "json").out)
    assert rows[0].split()[:2] == [str(row["effective_colors"]), str(row["unique_colors"])]
    assert summary.splitlines()[:2] == ["2 images", summary.splitlines()[1]]
    assert summary.splitlines()[1].split() == ["metric", "p5", "median", "p95", "max"]


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


@pytest.mark.parametrize("name", ["rows.csv", "rows.jsonl", "rows.parquet"])
def test_rows_go_into_a_file_and_the_summary_to_stdout(cli, folder, name):
    result = cli("analyze", ".", "--out", name)
    assert (result.exit_code, result.err) == (0, "")
    assert result.out.startswith("\n3 images\nmetric")
    records = [json.loads(line) for line in cli("analyze", ".", "--format", "json").out.splitlines()]
    if name == "rows.parquet":
        table = parquet.read_table(name)
        assert table.schema.equals(ANALYSIS_SCHEMA, check_metadata=True)
        assert table.to_pylist() == records
    elif name == "rows.csv":
        assert Path(name).read_text() == cli("analyze", ".", "--format", "csv").out
    else:
        assert [json.loads(line) for line in Path(name).read_text().splitlines()] == records
    assert not list(folder.glob(".*"))


def test_a_file_is_replaced_only_by_a_whole_one(cli, folder):
    Path("rows.parquet").write_text("before")
    Path("notes.png").write_text("x")
    assert cli("analyze", "notes.png", "--out", "rows.parquet", "--picture", "p.png").exit_code == 2
    assert Path("rows.parquet").read_text() == "before"
    assert not Path("p.png").exists()
    assert not list(folder.glob(".*"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--format", "parquet"], "--format parquet must have --out FILE: it is no text"),
        (["--format", "table", "--out", "x.txt"], "--out x.txt: must be json, csv or parquet"),
        (["--out", "rows"], "--out rows: must end in .json, .jsonl, .ndjson, .csv, .parquet, or --format says"),
        (["--out", "none/rows.csv"], "none/rows.csv: must be a file that can be written but: No such file"),
        (["--out", "sub", "--format", "csv"], "sub: must be a file but is a folder"),
        (["--picture", "none/p.png"], "none/p.png: must be a file that can be written but: No such file"),
        (["--summary", "--out", "x.csv"], "--summary must go without --out"),
        (
            ["--out", "x.png", "--format", "csv", "--picture", "x.png"],
            "--picture x.png: must be another file than that",
        ),
        (["--picture", "p.jpg"], "--picture p.jpg: must end in .png"),
        (["--out", "x.parquet", "--format", "csv"], "--out x.parquet: must be named as --format csv is but its name"),
        (["--picture", "b.png"], "--picture b.png: must be a new file but is one of the images to measure"),
        (["--out", "pipe.csv"], "pipe.csv: must be a file but is a device or a pipe"),
        (["--profile", "none"], "none: must be a folder of sprites but is missing"),
    ],
)
def test_outputs_that_cannot_be(cli, folder, arguments, message):
    os.mkfifo("pipe.csv")
    before = Path("b.png").read_bytes()
    assert cli("analyze", ".", *arguments).refused().startswith(message)
    assert Path("b.png").read_bytes() == before


def test_a_link_stays_and_its_file_is_written(cli, folder):
    Path("link.csv").symlink_to("rows.csv")
    cli("analyze", "b.png", "--out", "link.csv")
    assert Path("link.csv").is_symlink()
    assert Path("rows.csv").read_text().startswith("file,")


@pytest.mark.parametrize("name", ["rows.csv", "rows.jsonl", "rows.parquet", "p.png"])
def test_a_full_disk_leaves_nothing_of_a_file(folder, name):
    """The system's limit of a file's size stands for the disk: both refuse the write that is one too many."""
    option = "--picture" if name == "p.png" else "--out"
    done = _limited(f"b.png {option} {name}", limit=300)
    assert (done.returncode, done.stderr) == (1, f"pixelpipe: {name}: nothing was written: File too large\n")
    assert not list(folder.glob(f"*{name}*"))
    assert not list(folder.glob(".*"))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
@pytest.mark.parametrize("output", ["--format table", "--format json", "--format csv", "--summary"])
def test_a_full_disk_behind_stdout_is_one_line(folder, output):
    with Path("/dev/full").open("w") as full:
        done = _limited(f"b.png {output}", stdout=full)
    assert (done.returncode, done.stderr) == (1, "pixelpipe: output: cannot be written: No space left on device\n")


def _limited(arguments: str, limit: int | None = None, stdout: Any = subprocess.PIPE) -> subprocess.CompletedProcess:
    """`pixelpipe analyze` in a process of its own, whose files are `limit` bytes at most."""
    limits = f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}));" if limit else ""
    code = f"import resource; {limits} from pixelpipe.cli import main; main()"
    command = [sys.executable, "-B", "-c", code, "analyze", *arguments.split()]
    return subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=120)


def test_sprites_of_another_grid_are_noticed(cli, folder):
    Image.new("RGB", (32, 32)).save("a32.png")
    assert cli("analyze", "a32.png", "--format", "json").err == (
        "pixelpipe: 1 of 1 images are no whole multiple of the grid, 24: most are 32 px wide; is --grid right?\n"
    )
    assert cli("analyze", "a32.png", "--format", "json", "--grid", "32").err == ""


def test_a_grid_that_is_assumed_is_said_of_images_that_do_not_show_it(cli, folder):
    Image.new("RGB", (97, 97)).save("large.png")
    said = "pixelpipe: 1 of 2 images are wider than 96 px: a grid of 24 is assumed; --grid says which it is\n"
    assert cli("analyze", "b.png", "large.png", "--format", "json").err == said
    assert cli("analyze", "large.png", "--format", "json", "--grid", "24").err == ""
    (folder / "art").mkdir()
    Image.new("RGB", (24, 24)).save("art/a.png")
    assert cli("analyze", "large.png", "--format", "json", "--profile", "art").err == ""


def test_a_summary_alone_is_a_record_a_metric(cli, folder):
    records = [json.loads(line) for line in cli("analyze", ".", "--summary", "--format", "json").out.splitlines()]
    rows = [json.loads(line) for line in cli("analyze", ".", "--format", "json").out.splitlines()]
    by_name = {record["metric"]: record for record in records}
    assert by_name["unique_colors"]["median"] == np.median([row["unique_colors"] for row in rows])
    table = cli("analyze", ".", "--summary").out
    assert table.startswith("\n3 images\nmetric")
    assert "b.png" not in table


def test_a_profile_adds_the_arts_columns_gates_and_percentiles(cli, folder, portraits):
    arguments = ("analyze", portraits, "b.png", "--profile", portraits)
    *art, noise = [json.loads(line) for line in cli(*arguments, "--format", "json").out.splitlines()]
    assert {row["nearest_train"] for row in art} == {0.0}
    assert noise["nearest_train"] > 0.2
    assert np.mean([row["clean"] for row in art]) > 0.8
    assert noise["clean"] is False
    lines = cli(*arguments).out.splitlines()
    assert lines[0].split()[-4:] == ["off_palette", "nearest_train", "clean", "file"]
    assert any(line.split()[0] == "metric" and line.endswith("art p95") for line in lines if line)
    share = np.mean([row["clean"] for row in [*art, noise]])
    assert lines[-1].startswith(f"clean by the art's percentiles: {share:.0%} (effective colors ")
    gates = {
        record["metric"]: record["mean"]
        for record in map(json.loads, cli(*arguments, "--summary", "--format", "json").out.splitlines())
    }
    assert gates["clean"] == pytest.approx(share)


def test_a_picture_of_the_extremes(cli, folder, portraits):
    assert cli("analyze", portraits, "--picture", "p.png", "--summary").exit_code == 0
    with Image.open("p.png") as picture:
        assert picture.format == "PNG"
        assert 1000 < picture.width < 1600


def test_the_vae_floor_of_a_folder_of_art(cli, folder, portraits):
    (folder / "art").mkdir()
    for path in sorted(portraits.glob("*.png"))[:3]:
        shutil.copy(path, folder / "art")
    arguments = ("analyze", "art", "--vae", "tiny", "--resolution", 128, "--resolution", 96)
    lines = cli(*arguments).out.splitlines()
    assert lines[0] == "3 sprites of art through the VAE of tiny"
    assert re.split("  +", lines[1].strip()) == ["median (p95)", "the art", "96 px NOT aligned", "128 px NOT aligned"]
    assert "96 px is not aligned: the VAE alone turns" in lines[-2]
    records = [json.loads(line) for line in cli(*arguments, "--format", "json").out.splitlines()]
    assert [record["aligned"] for record in records] == [False] * len(records)
    colors = {record["resolution"]: record for record in records if record["metric"] == "effective_colors"}
    assert colors[96]["vae_median"] > colors[96]["art_median"] == colors[128]["art_median"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["art", "--resolution", "192"], "--resolution must go with --vae BASE"),
        (["art", "--vae", "tiny", "--resolution", "100"], "--resolution must be a multiple of 8 px, at least the grid"),
        (["art", "--vae", "tiny", "--summary"], "--summary must go without --vae"),
        (["art", "--vae", "tiny", "--out", "x.csv"], "--out must go without --vae"),
        (["art", "b.png", "--vae", "tiny"], "--vae must have one folder of art but got 2 paths"),
        (["art", "--vae", "tiny", "--format", "parquet"], "--format must be table, json or csv with --vae"),
        (["art", "--vae", "no-such-base"], "`model.base` must be tiny, a folder, "),
        (["b.png", "--vae", "tiny"], "b.png: must be a folder of sprites but is a file"),
    ],
)
def test_floors_that_cannot_be(cli, folder, arguments, message):
    (folder / "art").mkdir()
    Image.new("RGB", (24, 24)).save("art/a.png")
    result = cli("analyze", *arguments).refused()
    assert result.startswith(message)


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
        assert "\\xff.png" in result.out


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
    assert cli("analyze", *arguments).refused().endswith(" (see pixelpipe analyze --help)")
