"""`pixelpipe analyze` as a process: interrupted, cut off, on a terminal, and among files of every bad kind."""

import io
import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

COMMAND = [sys.executable, "-c", "from pixelpipe.cli import main; main()", "analyze"]


def encoded(seed: int = 0) -> bytes:
    buffer = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 2, (24, 24, 3), dtype=np.uint8) * np.uint8(255)
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(scope="module")
def many(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("many")
    data = encoded()
    for number in range(6000):
        (folder / f"{number:04}.png").write_bytes(data)
    return folder


def start(*arguments: object, **options) -> subprocess.Popen:
    return subprocess.Popen([*COMMAND, *map(str, arguments)], **options)


def children(process: subprocess.Popen) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


def test_ctrl_c_ends_every_process_and_leaves_no_file(many, tmp_path):
    out = tmp_path / "rows.parquet"
    process = start(many, "--out", out, "--workers", 2, start_new_session=True, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while len(workers := children(process)) < 2 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(workers) >= 2
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all of them
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err.strip() == "pixelpipe: interrupted"
    _, alive = psutil.wait_procs(workers, timeout=10)
    assert not alive
    assert not list(tmp_path.iterdir())


def test_a_reader_that_has_enough_ends_it_quietly(many):
    process = start(many, "--format", "json", stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stderr is not None
    assert json.loads(process.stdout.readline())["file"].endswith("0000.png")
    process.stdout.close()
    with process.stderr as stderr:
        assert stderr.read() == ""
    assert process.wait(30) == 0


def test_rows_go_to_the_pipe_and_the_bar_to_the_terminal(many, tmp_path):
    some = tmp_path / "some"
    some.mkdir()
    for path in sorted(many.iterdir())[:40]:
        (some / path.name).write_bytes(path.read_bytes())
    ours, theirs = pty.openpty()
    process = start(some, "--format", "json", stdout=subprocess.PIPE, stderr=theirs, env=os.environ | {"TERM": "xterm"})
    os.close(theirs)
    assert process.stdout is not None
    with process.stdout as stdout:
        rows = [json.loads(line) for line in stdout.read().splitlines()]
    assert process.wait(30) == 0
    assert [Path(row["file"]).name for row in rows] == sorted(path.name for path in some.iterdir())
    seen = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # how Linux says that nobody holds the other side any more
            break
        seen += part
        if not part:
            break
    os.close(ours)
    assert b"measuring" in seen
    assert b'"file"' not in seen


def test_a_folder_of_everything_bad(tmp_path):
    """Valid JSON for every good file, one line for every bad one, whatever they are called."""
    folder = tmp_path / "art"
    folder.mkdir()
    good = [
        "plain.png",
        "two\nlines.png",
        'quote"back\\slash.png',
        "ünïcödé 素.png",
        "-rf.png",
        os.fsdecode(b"\xff.png"),
    ]
    for name in good:
        (folder / name).write_bytes(encoded())
    Image.new("RGB", (24, 30)).save(folder / "wide.png")
    Image.new("RGB", (20, 20)).save(folder / "small.png")
    frames = [Image.new("RGB", (24, 24), color) for color in ("red", "blue")]
    frames[0].save(folder / "moves\nabout.gif", save_all=True, append_images=frames[1:])
    (folder / "empty.png").touch()
    (folder / "cut.png").write_bytes(encoded()[:60])
    (folder / "text.png").write_text("a portrait")
    (folder / "loop.png").symlink_to(folder / "loop.png")
    (folder / "up").symlink_to(folder)
    os.mkfifo(folder / "pipe.png")
    (folder / "notes.txt").write_text("not an image, and not meant as one")
    process = start(folder, "--format", "json", stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=_ascii())
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1
    names = [Path(json.loads(line)["file"]).name for line in out.decode().splitlines()]
    assert sorted(names) == sorted([*good[:-1], "\\xff.png"])
    *skipped, last = err.decode("ascii").splitlines()
    assert len(skipped) == 8
    assert all(line.startswith("pixelpipe: skipped ") and ": must " in line for line in skipped)
    assert last == "pixelpipe: 6 measured, 8 skipped"


def _ascii() -> dict[str, str]:
    """A locale that knows no umlaut: JSON is UTF-8 all the same."""
    return os.environ | {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
