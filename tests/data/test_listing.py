from pathlib import Path

import pytest

from pixelpipe.data.listing import visible_files
from pixelpipe.errors import DatasetError


def test_suffixes_are_told_in_any_case(tmp_path):
    for name in ("b.TXT", "a.txt", "c.png", "txt", ".txt", "d.txt.gz"):
        (tmp_path / name).touch()
    (tmp_path / "folder.txt").mkdir()
    assert visible_files(tmp_path, {".txt"}) == [tmp_path / "a.txt", tmp_path / "b.TXT"]


def test_a_folder_that_cannot_be_listed_is_no_empty_folder(tmp_path):
    with pytest.raises(DatasetError, match="none: must be a readable folder but is not: No such file"):
        visible_files(Path(tmp_path, "none"), {".txt"})
