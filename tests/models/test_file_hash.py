"""Gigabytes are hashed once, and again as soon as anything of the file is not as it was."""

import hashlib
import os

import pytest

import pixelpipe.models.file_hash as module
from pixelpipe.models.file_hash import file_hash


@pytest.fixture
def weights(tmp_path, monkeypatch):
    monkeypatch.setenv("PIXELPIPE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(module, "REMEMBERED_BYTES", 4)
    monkeypatch.setattr(module, "SETTLED_S", -1.0)
    path = tmp_path / "weights.safetensors"
    path.write_bytes(b"weights")
    return path


def no_reading(_path):
    raise AssertionError("it was hashed before")


def test_a_large_file_is_hashed_once(weights, monkeypatch):
    expected = hashlib.sha256(b"weights").hexdigest()
    assert file_hash(weights) == expected
    monkeypatch.setattr(module, "_hash", no_reading)
    assert file_hash(weights) == expected


def test_a_change_of_the_same_size_and_time_is_seen(weights):
    file_hash(weights)
    stat = weights.stat()
    weights.write_bytes(b"WEIGHTS")
    os.utime(weights, ns=(stat.st_atime_ns, stat.st_mtime_ns))  # as a copy that keeps times would
    assert file_hash(weights) == hashlib.sha256(b"WEIGHTS").hexdigest()


def test_what_changed_a_moment_ago_is_not_remembered(weights, monkeypatch, tmp_path):
    monkeypatch.setattr(module, "SETTLED_S", 60.0)
    file_hash(weights)
    assert not (tmp_path / "cache").exists()


def test_a_damaged_memory_and_one_that_cannot_be_written(weights, tmp_path, monkeypatch):
    expected = file_hash(weights)
    [memory] = (tmp_path / "cache/hashes").iterdir()
    memory.write_text("abc")
    assert file_hash(weights) == expected
    (tmp_path / "in the way").touch()
    monkeypatch.setenv("PIXELPIPE_CACHE", str(tmp_path / "in the way"))
    assert file_hash(weights) == expected


def test_a_small_file_is_always_read(weights, monkeypatch, tmp_path):
    monkeypatch.setattr(module, "REMEMBERED_BYTES", 100)
    assert file_hash(weights) == hashlib.sha256(b"weights").hexdigest()
    assert not (tmp_path / "cache").exists()
