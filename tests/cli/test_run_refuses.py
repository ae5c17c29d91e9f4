"""Whatever is wrong with an experiment is one line, exit code 2, and a store as it was before."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from pixelpipe.models.layout import WANTED

SPOILED: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing folder": (
        lambda place: (place / "art").rename(place / "gone"),
        "art: must be a folder of sprites but is missing (looked in {place}/art)",
    ),
    "empty folder": (
        lambda place: [path.unlink() for path in (place / "art").iterdir()],
        "art: must hold at least one image (.png, ",
    ),
    "truncated PNG": (
        lambda place: (place / "art/03.png").write_bytes((place / "art/03.png").read_bytes()[:200]),
        "art/03.png: must be a complete image but cannot be read: ",
    ),
    "text named .png": (
        lambda place: (place / "art/03.png").write_text("hello"),
        "art/03.png: must be a PNG, WEBP, JPEG, BMP or GIF image but is something else",
    ),
    "25x25 at grid 24": (
        lambda place: Image.new("RGB", (25, 25)).save(place / "art/03.png"),
        "art/03.png: must be 24x24 px or a whole multiple (the grid is 24) but is 25x25",
    ),
    "caption without image": (
        lambda place: (place / "art/03.png").unlink(),
        "art/03.txt: a caption without its image",
    ),
    "image without caption": (
        lambda place: (place / "art/03.txt").unlink(),
        "art/03.png: an image without its caption; expected 03.txt, metadata.jsonl or metadata.csv",
    ),
    "metadata without file_name": (
        lambda place: to_metadata(place, {"text": "no name"}),
        "art/metadata.jsonl:1: must have a `file_name`",
    ),
    "base without a part": (
        lambda place: (place / "base/vae/diffusion_pytorch_model.safetensors").unlink(),
        "`model.base` ./base: must hold vae/diffusion_pytorch_model.safetensors but does not (base)",
    ),
    "config is missing": (
        lambda place: (place / "config.yaml").unlink(),
        "config.yaml: must be a YAML configuration but does not exist",
    ),
    "config is not YAML": (
        lambda place: (place / "config.yaml").write_text("a: [1\nb"),
        "config.yaml: must be YAML but is not: ",
    ),
    "config is a list": (
        lambda place: (place / "config.yaml").write_text("- a"),
        "config.yaml: must be a mapping of fields but is a list",
    ),
}
OVERRIDES = {
    "training.epcohs=4": "config.yaml: `training.epcohs` is not a field of the configuration",
    "training.epochs=0": "config.yaml: `training.epochs` must be greater than or equal to 1 but got 0",
    "training.resolution=100": "config.yaml: `training.resolution` must be a multiple of 8, the VAE's block but",
    "name=../x": "config.yaml: `name` must be letters, digits, '.', '_' or '-', at most 80, and begin with a letter",
    "sampling.num_prompts=7": "config.yaml: `sampling.num_prompts` must be at least 8 but got 7: ",
    "sampling.num_prompts=13": "`sampling.num_prompts` is 13 but the dataset has only 12 different captions",
    "sampling.prompts=none.txt": "`sampling.prompts` none.txt: must be a text file of one prompt a line but ",
    "model.base=./nowhere": f"`model.base` must be {WANTED} but ./nowhere is none",
    "judge.baseline=nope": "`judge.baseline` must be in the store {store} but nope has no epochs there",
    "oops": "--set oops: must be key=value, e.g. training.epochs=4",
}


def to_metadata(place: Path, first: dict[str, str]) -> None:
    for path in (place / "art").glob("*.txt"):
        path.unlink()
    (place / "art/metadata.jsonl").write_text(json.dumps(first))


@pytest.fixture(params=["new store", "store in use"])
def store(request: pytest.FixtureRequest, place: Path) -> Path:
    if request.param == "store in use":
        (place / "store/lines/art-24").mkdir(parents=True)
        (place / "store/lines/art-24/notes.txt").write_text("mine")
    return place / "store"


def tree(folder: Path) -> list[tuple[str, bytes | None]]:
    return sorted((str(path), path.read_bytes() if path.is_file() else None) for path in folder.rglob("*"))


@pytest.mark.parametrize(("spoil", "message"), SPOILED.values(), ids=list(SPOILED))
def test_bad_inputs(cli, place, store, spoil, message):
    spoil(place)
    before = tree(place)
    said = cli("run", "config.yaml", "--store", store).refused()
    assert said.startswith(message.format(place=place))
    assert tree(place) == before


@pytest.mark.parametrize("override", OVERRIDES)
def test_bad_fields(cli, place, store, override):
    before = tree(place)
    said = cli("run", "config.yaml", "--set", override, "--store", store).refused()
    assert said.startswith(OVERRIDES[override].replace("{store}", str(store)))
    assert tree(place) == before


@pytest.mark.parametrize(
    ("store", "message"),
    [
        ("art/00.png", "store art/00.png: must be a folder but is a file"),
        ("art/00.png/sub", "store art/00.png/sub: must be a place that can be written but: "),
        ("/proc/x", "store /proc/x: must be a place that can be written but: "),
        ("nosuchprotocol://x", "store nosuchprotocol://x: must be a path or a URL that fsspec knows but: "),
        ("", "--store: must be a path or a URL but is empty"),
    ],
)
def test_stores_that_cannot_be_written(cli, place, store, message):
    before = tree(place)
    assert cli("run", "config.yaml", "--store", store).refused().startswith(message)
    assert tree(place) == before


def test_a_name_cannot_break_the_line_or_steer_the_terminal(cli, place):
    (place / "art/evil\n\x1b[31m.png").write_text("x")
    said = cli("run", "config.yaml").refused()
    assert said.startswith("art/evil\\n\\x1b[31m.png: must be a PNG")
