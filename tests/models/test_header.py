"""Headers against safetensors' own reader, and every way in which a file is not whole."""

import struct
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from pixelpipe.errors import WeightsError
from pixelpipe.models.header import read_header, unfinished_download
from pixelpipe.models.layout import TINY

UNET = TINY / "unet/diffusion_pytorch_model.safetensors"


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    path = tmp_path / "x.safetensors"
    save_file({"a": torch.zeros(3, 4), "b": torch.zeros(2, dtype=torch.bfloat16)}, path, metadata={"made": "here"})
    return path


def refused(path: Path) -> str:
    with pytest.raises(WeightsError) as error:
        read_header(path)
    message = str(error.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message.removeprefix(f"{path}: ")


def test_names_types_shapes_and_metadata(whole):
    header = read_header(whole)
    assert {name: (info.dtype, info.shape) for name, info in header.tensors.items()} == {
        "a": ("F32", (3, 4)),
        "b": ("BF16", (2,)),
    }
    assert header.metadata == {"made": "here"}


def test_agrees_with_safetensors_about_a_whole_unet():
    with safe_open(UNET, framework="pt") as file:
        shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    assert {name: info.shape for name, info in read_header(UNET).tensors.items()} == shapes


@pytest.mark.parametrize("kept", [1, 7, 8, 20, 150, 170, 203])
def test_every_cut_is_seen(whole, kept):
    data = whole.read_bytes()
    assert len(data) == 204
    whole.write_bytes(data[:kept])
    assert refused(whole)


def test_a_cut_says_how_much_is_there(whole):
    data = whole.read_bytes()
    whole.write_bytes(data[:-1])
    assert refused(whole) == (f"is cut off: {len(data) - 1} of {len(data)} bytes are there; download or copy it again")
    whole.write_bytes(data + b"xx")
    assert refused(whole) == "is damaged: 2 bytes follow its last tensor"


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "is empty"),
        (b"PK\x03\x04" + b"\0" * 50 + b"x" * 50, "is a pickle (.ckpt, .bin, .pt), which can run any code"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "is a Git LFS pointer"),
        (b"<!DOCTYPE html><html>", "is a web page"),
        (b"\x89PNG\r\n\x1a\n", "is something else"),
        (struct.pack("<Q", 4) + b"null", "its header is damaged"),
        (struct.pack("<Q", 4) + b"{{{{", "its header is damaged"),
        (struct.pack("<Q", 8) + b'{"a":{}}', "its header is damaged"),
        (struct.pack("<Q", 54) + b'{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}' + b"\0" * 8, "damaged"),
        (struct.pack("<Q", 54) + b'{"a":{"dtype":"X99","shape":[2],"data_offsets":[0,8]}}' + b"\0" * 8, "damaged"),
    ],
)  # fmt: skip
def test_what_is_no_safetensors_file(tmp_path, content, what):
    path = tmp_path / "x.safetensors"
    path.write_bytes(content)
    assert what in refused(path)


def test_a_folder_is_no_file(tmp_path):
    assert "cannot be read" in refused(tmp_path)


@pytest.mark.parametrize(
    ("place", "found"),
    [
        ("unet/m.safetensors.part", True),
        ("unet/m.safetensors.crdownload", True),
        (".cache/huggingface/download/unet/x.y.incomplete", True),
        ("unet/.cache/huggingface/download/x.y.incomplete", True),
        ("unet/other.safetensors.part", False),
    ],
)
def test_downloads_that_did_not_end(tmp_path, place, found):
    path = tmp_path / place
    path.parent.mkdir(parents=True)
    path.touch()
    assert unfinished_download(tmp_path / "unet/m.safetensors") == (path if found else None)


def test_the_hubs_cache_keeps_half_a_file_among_its_blobs(tmp_path):
    blob = tmp_path / "models--a--b/blobs/0a1b.incomplete"
    blob.parent.mkdir(parents=True)
    blob.touch()
    assert unfinished_download(tmp_path / "models--a--b/snapshots/f00/unet/m.safetensors") == blob


def test_a_relative_name_is_fine(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert unfinished_download(Path("m.safetensors")) is None
