import json
from pathlib import Path
from typing import Any

import pytest

from pixelpipe.captions.sidecar import read_captions
from pixelpipe.errors import DatasetError


def write(folder: Path, **files: str | bytes) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def jsonl(*rows: Any) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def refused(folder: Path, *names: str, column: str = "text") -> str:
    with pytest.raises(DatasetError) as error:
        read_captions(folder, names, column)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_text_files_beside_images(tmp_path):
    write(tmp_path, **{"a.txt": "a  red\r\nknight\n", "b/c.v2.txt": "\ufeffein Ritter, größer", "b/D.TXT": "d"})
    names = ["a.png", "b/D.png", "b/c.v2.webp"]
    assert read_captions(tmp_path, names) == {
        "a.png": "a red knight",
        "b/D.png": "d",
        "b/c.v2.webp": "ein Ritter, größer",
    }


def test_what_is_no_caption_is_left_alone(tmp_path):
    write(tmp_path, **dict.fromkeys(("a.txt", "README.txt", "LICENSE.txt", "sub/Credits.txt"), "words"))
    write(tmp_path, **{"._a.txt": b"\0\5\x16\7", ".cache/x.txt": "x", "notes.md": "x", "metadata.json": "{}"})
    (tmp_path / "folder.txt").mkdir()
    assert read_captions(tmp_path, ["a.png"]) == {"a.png": "words"}
    assert read_captions(tmp_path, ["a.png", "README.png"]) == {"a.png": "words", "README.png": "words"}


def test_an_image_without_its_caption(tmp_path):
    write(tmp_path, **{"a.txt": "a"})
    message = refused(tmp_path, "a.png", "sub/b.png")
    assert message.startswith(
        f"{tmp_path / 'sub/b.png'}: an image without its caption; expected sub/b.txt, metadata.jsonl"
    )


def test_a_caption_without_its_image(tmp_path):
    write(tmp_path, **{"a.txt": "a", "sub/a.txt": "b"})
    assert refused(tmp_path, "a.png") == f"{tmp_path / 'sub/a.txt'}: a caption without its image"


def test_text_files_that_are_ambiguous(tmp_path):
    write(tmp_path, **{"a.txt": "a"})
    assert refused(tmp_path, "a.png", "a.webp") == f"{tmp_path}: a.png and a.webp would share the caption a.txt"
    write(tmp_path, **{"a.TXT": "b"})
    if (tmp_path / "a.txt").read_text() == "a":  # a disk that tells case
        assert "a.png has another caption file" in refused(tmp_path, "a.png")


def test_captions_that_say_nothing_or_no_text(tmp_path):
    write(tmp_path, **{"a.txt": " \n\t"})
    assert refused(tmp_path, "a.png") == f"{tmp_path / 'a.png'}: its caption must not be empty"
    write(tmp_path, **{"a.txt": "größer".encode("latin-1")})
    assert refused(tmp_path, "a.png") == f"{tmp_path / 'a.txt'}: must be a caption but is not UTF-8 text"


@pytest.mark.parametrize("file", [("a.txt", "mon\0ster"), ("metadata.csv", "file_name,text\na.png,mon\0ster\n")])
def test_a_caption_with_a_nul_is_no_text(tmp_path, file):
    write(tmp_path, **dict([file]))
    assert refused(tmp_path, "a.png") == f"{tmp_path / 'a.png'}: its caption must be text but holds a NUL character"


def test_a_long_caption_is_kept(tmp_path):
    write(tmp_path, **{"a.txt": "word " * 100_000})
    assert len(read_captions(tmp_path, ["a.png"])["a.png"]) == 499_999


def test_jsonl(tmp_path):
    rows = [{"file_name": "./sub/b.png", "text": "b\u2028c", "n": 1}, {"file_name": "a.png", "text": "größer", "n": 2}]
    write(
        tmp_path, **{"metadata.jsonl": "\ufeff" + jsonl(rows[0]) + "\r\n \n" + json.dumps(rows[1], ensure_ascii=False)}
    )
    assert read_captions(tmp_path, ["a.png", "sub/b.png"]) == {"a.png": "größer", "sub/b.png": "b c"}


def test_another_column(tmp_path):
    write(tmp_path, **{"metadata.jsonl": jsonl({"file_name": "a.png", "text": "short", "detailed": "long", "age": 4})})
    assert read_captions(tmp_path, ["a.png"], "detailed") == {"a.png": "long"}
    for column in ("prompt", "age"):
        message = refused(tmp_path, "a.png", column=column)
        assert message.endswith(
            f"jsonl:1: must have a text in `{column}` (captions.column) but has one in detailed, text"
        )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (jsonl({"file_name": "a.png", "text": "a"}) + "\n{oops}\n", ":3: must be one JSON object a line: Expecting"),
        ("[" * 100_000, ":1: must be one JSON object a line: "),
        ('{"n": ' + "9" * 5000 + "}", ":1: must be one JSON object a line: "),
        (jsonl(["a.png", "a"]), ":1: must be a JSON object but is list"),
        (jsonl({"text": "a"}), ":1: must have a `file_name`"),
        (jsonl({"file_name": "", "text": "a"}), ":1: must have a `file_name`"),
        (jsonl({"file_name": 3, "text": "a"}), ":1: must have a `file_name`"),
        (jsonl({"file_name": "a.png"}), ":1: must have a text in `text` (captions.column) but has one in no column"),
        (
            jsonl({"file_name": "a.png", "text": None}),
            ":1: must have a text in `text` (captions.column) but has one in no",
        ),
        (jsonl({"file_name": "a.png", "text": "a"}, {"file_name": "./a.png", "text": "b"}), ":2: a.png stands twice"),
        (
            jsonl(*({"file_name": f"{n}.png", "text": "x"} for n in "abc")),
            ": names b.png (and 1 more), which is no image",
        ),
        ("", ": must name every image but has no line for a.png"),
        (b"\xff\xfe{\0", ": must be a table of texts but is not UTF-8 text"),
    ],
)
def test_bad_jsonl(tmp_path, content, message):
    write(tmp_path, **{"metadata.jsonl": content})
    assert refused(tmp_path, "a.png").startswith(f"{tmp_path / 'metadata.jsonl'}{message}")


def test_half_a_character_is_no_text(tmp_path):
    write(tmp_path, **{"metadata.jsonl": '{"file_name": "a.png", "text": "\\ud83d"}'})
    assert refused(tmp_path, "a.png") == f"{tmp_path / 'a.png'}: its caption must be Unicode text but is '\\ud83d'"


NO_NAMES = ":1: must be names of columns, with commas between, and `file_name` among them, but is "


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_csv(tmp_path, line_end, mark):
    lines = [
        "file_name,text,detailed",
        'a.png,"red hair, ""spiky""",x',
        "sub/é.png,größer\x0b\x85 Ritter,y",
        "",
        f'c.png,"two{line_end}lines",z',
    ]
    write(tmp_path, **{"metadata.csv": mark + line_end.join(lines) + line_end})
    names = ["a.png", "c.png", "sub/é.png"]
    captions = {"a.png": 'red hair, "spiky"', "c.png": "two lines", "sub/é.png": "größer Ritter"}
    assert read_captions(tmp_path, names) == captions
    assert read_captions(tmp_path, names, "detailed") == {"a.png": "x", "c.png": "z", "sub/é.png": "y"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "file_name,text\nb.png,b\na.png,red hair, glasses\n",
            ":3: must have 2 fields but has more; a caption that holds",
        ),
        ('file_name,text\na.png,"red hair\nb.png,b\n', ":2: must be CSV but is not: "),
        ("file_name,text\na.png," + "x" * 200_000, ":2: must be CSV but is not: field larger than"),
        ("file_name,text\na.png\n", ":2: must have a text in `text` (captions.column) but has one in no column"),
        (
            "file_name;text\na.png;b\n",
            NO_NAMES,
        ),
        ("a.png,b\n", NO_NAMES + "'a.png,b'"),
        ("x" * 100_000, f"{NO_NAMES}'{'x' * 80}'"),
        ("file_name,text,text\na.png,a,b\n", ":1: must name every column once but names `text` again"),
        ("file_name,text\na.png,a\na.png,b\n", ":3: a.png stands twice"),
        ("", ": must name every image but has no line for a.png (and 1 more)"),
    ],
)
def test_bad_csv(tmp_path, content, message):
    write(tmp_path, **{"metadata.csv": content})
    assert refused(tmp_path, "a.png", "b.png").startswith(f"{tmp_path / 'metadata.csv'}{message}")


def test_captions_come_from_one_place(tmp_path):
    write(tmp_path, **{"metadata.jsonl": jsonl({"file_name": "a.png", "text": "a"}), "README.txt": "x"})
    assert read_captions(tmp_path, ["a.png"]) == {"a.png": "a"}
    write(tmp_path, **{"a.txt": "a"})
    assert refused(tmp_path, "a.png").endswith("must come from one place but are in metadata.jsonl and 1 .txt files")
    (tmp_path / "a.txt").unlink()
    write(tmp_path, **{"metadata.csv": "file_name,text\na.png,a\n"})
    assert refused(tmp_path, "a.png").endswith("must come from one place but are in metadata.jsonl and metadata.csv")


def test_names_match_however_accents_are_written(tmp_path):
    """macOS writes file names with the accents apart."""
    apart, together = "cafe\u0301", "caf\u00e9"
    write(tmp_path, **{"metadata.jsonl": jsonl({"file_name": f"{together}.png", "text": "a cup"})})
    assert read_captions(tmp_path, [f"{apart}.png"]) == {f"{apart}.png": "a cup"}
    assert "another image whose name looks the same" in refused(tmp_path, f"{apart}.png", f"{together}.png")
    (tmp_path / "metadata.jsonl").unlink()
    write(tmp_path, **{f"{apart}.txt": "a cup"})
    assert read_captions(tmp_path, [f"{together}.png"]) == {f"{together}.png": "a cup"}
