import csv
import io
import json

import pytest

from pixelpipe.data.portraits import write_dataset


@pytest.fixture
def art(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_dataset(tmp_path / "art", 30, seed=1)
    return tmp_path / "art"


def lint(cli, *arguments):
    return cli("captions", "lint", "art", *arguments)


def test_a_summary_by_rule(cli, art):
    result = lint(cli, "--column", "detailed")
    assert result.exit_code == 0
    assert [line.split()[0] for line in result.out.splitlines()][:3] == ["rule", "size", "lexicon"]
    assert result.err.endswith(" captions have findings (" + result.err.rsplit("(", 1)[1])
    assert result.err.startswith("pixelpipe: 30 of 30 captions have findings")


@pytest.mark.parametrize("by", ["finding", "term", "image", "rule"])
def test_rows_in_every_format(cli, art, by):
    records = [
        json.loads(x) for x in lint(cli, "--column", "detailed", "--by", by, "--format", "json").out.splitlines()
    ]
    rows = list(csv.DictReader(io.StringIO(lint(cli, "--column", "detailed", "--by", by, "--format", "csv").out)))
    assert [list(row) for row in rows] == [list(record) for record in records]
    assert len(rows) >= 3


def test_strict_is_for_scripts(cli, art):
    assert lint(cli, "--column", "detailed", "--strict").exit_code == 1
    assert lint(cli, "--strict", "--grid", "24").exit_code in (0, 1)
    for path in sorted(art.glob("*.png"))[1:]:
        path.unlink()
    (art / "metadata.jsonl").unlink()
    (art / "portrait-0001.txt").write_text("a person")
    assert lint(cli, "--strict").exit_code == 0


def test_a_page_that_loads_nothing_and_runs_nothing(cli, art):
    rows = [json.loads(line) for line in (art / "metadata.jsonl").read_text().splitlines()]
    for row in rows:
        row["text"] = "<script>alert('x')</script>, visible pores\"><img src=x onerror=alert(1)>"
    (art / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    lint(cli, "--html", "page.html")
    page = (art.parent / "page.html").read_text()
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "<img src=x" not in page
    assert page.count('src="data:image/png;base64,') >= 30
    assert "http" not in page.replace("https://", "").replace("http-equiv", "")
    assert "default-src 'none'; img-src data:; style-src 'unsafe-inline'" in page


def test_a_fixed_copy(cli, art):
    before = (art / "metadata.jsonl").read_text()
    assert lint(cli, "--column", "detailed", "--write", "fixed").exit_code == 0
    assert (art / "metadata.jsonl").read_text() == before
    again = cli("captions", "lint", "fixed", "--column", "detailed", "--by", "image", "--format", "json")
    rows = [json.loads(line) for line in again.out.splitlines()]
    assert max(row["tokens"] for row in rows) <= 75
    detailed = {json.loads(line)["file_name"]: json.loads(line)["detailed"] for line in before.splitlines()}
    assert all(len(row["caption"]) < len(detailed[row["file_name"]]) for row in rows)


def test_in_place_only_when_asked(cli, art):
    before = (art / "metadata.jsonl").read_text()
    lint(cli, "--column", "detailed", "--in-place")
    after = [json.loads(line) for line in (art / "metadata.jsonl").read_text().splitlines()]
    assert [row["text"] for row in after] == [json.loads(line)["text"] for line in before.splitlines()]
    assert after[0]["detailed"] != json.loads(before.splitlines()[0])["detailed"]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        ({"portrait-0001.txt": b"x"}, "captions must come from one place"),
        ({"metadata.jsonl": b"\xff\xfe\x00"}, "must be a table of texts but is not UTF-8 text"),
        ({"metadata.jsonl": b'{"file_name": "portrait-0001.png", "text": ""}\n'}, "must name every image"),
        ({"metadata.jsonl": b'{"file_name": "a.png", "text": "x"}\n' * 2}, ":2: a.png stands twice"),
    ],
)
def test_bad_input(cli, art, spoil, message):
    for name, content in spoil.items():
        (art / name).write_bytes(content)
    assert message in lint(cli).refused()


def test_bad_usage(cli, art):
    assert "only one of them" in lint(cli, "--write", "x", "--in-place").refused()
    assert "a copy must go to a new or empty folder" in lint(cli, "--write", "art").refused()
    assert "must be a folder of sprites" in cli("captions", "lint", "nowhere").refused()
    assert "none/x.html: must be a file that can be written" in lint(cli, "--html", "none/x.html").refused()


def test_write_palette_captions(cli, art):
    result = cli(
        "captions", "write", "art", "--strategy", "palette", "--trigger", "pxl", "--write", "new", "--as", "txt"
    )
    assert result.exit_code == 0
    assert result.err.startswith("30 captions, ")
    assert (art.parent / "new/portrait-0001.txt").read_text().startswith("pxl, ")


def test_write_from_traits(cli, art):
    arguments = ("--strategy", "traits", "--template", "{background} background, {eyewear}", "--in-place")
    assert cli("captions", "write", "art", *arguments).exit_code == 0
    rows = [json.loads(line) for line in (art / "metadata.jsonl").read_text().splitlines()]
    assert all(row["text"].startswith(f"{row['background']} background") for row in rows)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--strategy", "palette"], "--write DIR or --in-place: one of them must be given"),
        (["--strategy", "traits", "--template", "{beard}", "--in-place"], "`captions.template` names beard"),
        (["--strategy", "vlm", "--in-place"], "`captions.vlm` must name a folder or a hub id"),
        (["--strategy", "palette", "--trigger", "", "--in-place"], "captions write: `trigger` must not be empty"),
        (["--strategy", "palette", "--in-place", "--as", "txt"], "has captions as jsonl already"),
    ],
)
def test_bad_writing(cli, art, arguments, message):
    assert message in cli("captions", "write", "art", *arguments).refused()
