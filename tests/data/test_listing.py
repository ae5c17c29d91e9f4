import os
from pathlib import Path

import pytest

from pixelpipe.data.listing import find_files, visible_files
from pixelpipe.errors import BadInputError, DatasetError

SUFFIXES = (".png", ".jpg")


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def found(*paths) -> list[str]:
    files, problems = find_files(paths, SUFFIXES)
    assert problems == []
    return files


def test_suffixes_are_told_in_any_case(tmp_path):
    touch(tmp_path, "b.TXT", "a.txt", "c.png", "txt", ".txt", "d.txt.gz")
    (tmp_path / "folder.txt").mkdir()
    assert visible_files(tmp_path, {".txt"}) == [tmp_path / "a.txt", tmp_path / "b.TXT"]


def test_a_folder_that_cannot_be_listed_is_no_empty_folder(tmp_path):
    with pytest.raises(DatasetError, match="none: must be a readable folder but is not: No such file"):
        visible_files(Path(tmp_path, "none"), {".txt"})


def test_folders_are_searched_and_files_are_kept(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    touch(tmp_path, "b/x.PNG", "b/a.jpg", "a.png", "c/d/e.png", "z.png", "notes.txt", ".hidden.png", ".cache/f.png")
    everything = ["a.png", "z.png", "b/a.jpg", "b/x.PNG", "c/d/e.png"]
    assert found(".") == everything
    assert found(tmp_path) == [str(tmp_path / name) for name in everything]
    assert found("z.png", "notes.txt", "./z.png", ".") == ["z.png", "notes.txt", "a.png", *everything[2:]]


def test_patterns_find_files_of_the_suffixes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    touch(tmp_path, "run1/a.png", "run1/a.txt", "run2/deep/b.png", "run2/.hidden.png", "c[1].png", "d.png/e.jpg")
    assert found("**/*.png") == ["c[1].png", "run1/a.png", "run2/deep/b.png"]
    assert found("run?/*") == ["run1/a.png"]
    assert found("c[1].png") == ["c[1].png"]  # what exists is no pattern
    assert found(str(tmp_path / "*" / "*.jpg")) == [str(tmp_path / "d.png/e.jpg")]


def test_links_are_followed_once(tmp_path):
    touch(tmp_path, "art/a.png", "elsewhere/b.png")
    (tmp_path / "art/loop").symlink_to(tmp_path / "art")
    (tmp_path / "art/linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "art/gone.png").symlink_to(tmp_path / "nowhere")
    names = [os.path.relpath(file, tmp_path / "art") for file in found(tmp_path / "art")]
    assert names == ["a.png", "gone.png", "linked/b.png"]  # a link to nothing is for the reader to report


def test_what_is_not_there_is_refused(tmp_path):
    touch(tmp_path, "empty/notes.txt")
    with pytest.raises(BadInputError, match=r"none: must be an image or a folder of images but does not exist"):
        find_files([tmp_path / "none"], SUFFIXES)
    with pytest.raises(BadInputError, match=r"empty: must hold images \(.png, .jpg\) but has none"):
        find_files([tmp_path / "empty"], SUFFIXES)
    with pytest.raises(BadInputError, match=r"\*.gif: must hold images"):
        find_files([tmp_path / "*.gif"], SUFFIXES)


def test_a_closed_folder_is_reported_and_the_others_are_searched(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    touch(tmp_path, "closed/a.png", "open/b.png")
    tmp_path.chmod(0o755)
    (tmp_path / "closed").chmod(0)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)  # nothing is closed to root
    try:
        problem = "closed: must be a readable folder but is not: Permission denied"
        assert find_files(["closed", "open"], SUFFIXES) == (["open/b.png"], [problem])
        assert find_files(["."], SUFFIXES) == (["open/b.png"], [f"./{problem}"])
    finally:
        os.seteuid(user)
        (tmp_path / "closed").chmod(0o755)
