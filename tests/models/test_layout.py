import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pixelpipe.errors import BaseModelError
from pixelpipe.models.layout import LAYOUT, WANTED, hash_base, resolve_base

PARTS = [(part, file) for part, files in LAYOUT.items() for file in files]


def replace(path: Path, text: str) -> None:
    """Put a file in the place of a link."""
    path.unlink()
    path.write_text(text)


def refused(base: str) -> str:
    with pytest.raises(BaseModelError) as error:
        resolve_base(base)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_local_folder_is_itself(folder, monkeypatch):
    assert resolve_base(str(folder)) == folder
    monkeypatch.setenv("HOME", str(folder.parent))
    assert resolve_base("~/base") == folder


@pytest.mark.parametrize(("part", "file"), PARTS)
def test_every_part_is_needed(folder, part, file):
    (folder / part / file).unlink()
    assert refused(str(folder)) == f"`model.base` {folder}: must hold {part}/{file} but does not ({folder})"


def test_a_pickle_is_no_part(folder):
    weights = folder / "unet/diffusion_pytorch_model.safetensors"
    weights.rename(weights.with_suffix(".bin"))
    assert "must hold unet/diffusion_pytorch_model.safetensors" in refused(str(folder))


@pytest.mark.parametrize("base", ["sd15", "./sd15", "/nowhere/sd15", "a/b/c", "~nobody-of-that-name/x", "x" * 300])
def test_what_is_neither_folder_nor_hub_id(base):
    assert refused(base).startswith(f"`model.base` must be {WANTED} but ")


def test_a_file_of_another_kind_is_no_base(tmp_path):
    (tmp_path / "model.gguf").touch()
    assert refused(str(tmp_path / "model.gguf")).endswith(f"but {tmp_path}/model.gguf is a .gguf file")


def test_a_hub_that_does_not_answer_is_one_line(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert refused("no-such-owner/no-such-model").startswith(
        "`model.base` no-such-owner/no-such-model: no such folder, and"
    )


def test_the_hash_is_of_what_the_base_is_made_of(folder, tmp_path):
    before = hash_base(folder)
    shutil.copytree(folder, tmp_path / "copy")
    assert hash_base(tmp_path / "copy") == before
    for name in ("README.md", "unet/notes.md", "unet/._config.json", "vae/old.bin"):
        (folder / name).unlink(missing_ok=True)  # the base's own files are links
        (folder / name).write_text("x")
    (folder / "unet/logs.json").mkdir()
    assert hash_base(folder) == before


@pytest.mark.parametrize(("part", "file"), PARTS)
def test_every_part_counts_in_the_hash(folder, part, file):
    before = hash_base(folder)
    replace(folder / part / file, "other")
    assert hash_base(folder) != before


def test_contents_that_change_places_change_the_hash(folder):
    before = hash_base(folder)
    one, other = folder / "unet/config.json", folder / "vae/config.json"
    texts = one.read_text(), other.read_text()
    replace(one, texts[1])
    replace(other, texts[0])
    assert hash_base(folder) != before


def test_finding_a_base_does_not_load_torch(folder):
    code = f"import sys, pixelpipe.models.layout as m; m.hash_base(m.resolve_base({str(folder)!r})); "
    code += "sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
