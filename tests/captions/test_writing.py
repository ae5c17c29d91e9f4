import json

import pytest

from pixelpipe.captions.sidecar import read_captions
from pixelpipe.captions.writing import convention_of, write_captions, write_copy
from pixelpipe.errors import BadInputError

CAPTIONS = {"a.png": "größer, “Ritter”", "sub/b.v2.png": 'he said "hi", ok', "像.png": "红色"}


@pytest.fixture
def dataset(tmp_path):
    folder = tmp_path / "art"
    for name in CAPTIONS:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())
    return folder


@pytest.mark.parametrize("convention", ["txt", "jsonl", "csv"])
def test_what_is_written_is_read(dataset, convention):
    write_captions(dataset, CAPTIONS, convention)
    assert read_captions(dataset, list(CAPTIONS)) == CAPTIONS
    assert convention_of(dataset) == convention
    for path in dataset.rglob("*.*"):
        assert b"\r" not in path.read_bytes()
        assert not path.name.startswith(".")


@pytest.mark.parametrize(("convention", "mark", "end"), [("jsonl", "\ufeff", "\r\n"), ("csv", "\ufeff", "\r\n")])
def test_other_columns_stay(dataset, convention, mark, end):
    name = f"metadata.{convention}"
    rows = [{"file_name": n, "text": "old", "age": "4"} for n in CAPTIONS]
    lines = (
        [json.dumps(row) for row in rows]
        if convention == "jsonl"
        else ["file_name,text,age", *(f"{n},old,4" for n in CAPTIONS)]
    )
    (dataset / name).write_text(mark + end.join(lines) + end, encoding="utf-8", newline="")
    write_captions(dataset, CAPTIONS, convention, columns_of=dataset)
    assert read_captions(dataset, list(CAPTIONS)) == CAPTIONS
    assert read_captions(dataset, list(CAPTIONS), "age") == dict.fromkeys(CAPTIONS, "4")


def test_a_copy_is_a_dataset(dataset, tmp_path):
    write_captions(dataset, dict.fromkeys(CAPTIONS, "old"), "txt")
    write_copy(dataset, tmp_path / "new/copy", CAPTIONS)
    assert read_captions(tmp_path / "new/copy", list(CAPTIONS)) == CAPTIONS
    assert (tmp_path / "new/copy/sub/b.v2.png").read_bytes() == b"sub/b.v2.png"
    assert read_captions(dataset, list(CAPTIONS)) == dict.fromkeys(CAPTIONS, "old")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["copy"]


def test_a_copy_needs_a_place_of_its_own(dataset):
    with pytest.raises(BadInputError, match="a copy must go to a new or empty folder"):
        write_copy(dataset, dataset, CAPTIONS)
