"""`views`, `maintain`, and SQL over awkward text, through the command line."""

import json
import shutil
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner, Result

from pixelpipe.cli import app
from pixelpipe.errors import BadInputError
from pixelpipe.results.views import view_names

STORE = Path(__file__).parents[1] / "results" / "previous_store"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return Path(shutil.copytree(STORE, tmp_path / "store"))


def _call(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(each) for each in arguments], catch_exceptions=False, standalone_mode=False)


def _rows(*arguments: object) -> list[dict]:
    return [json.loads(line) for line in _call(*arguments, "--format", "json").stdout.splitlines()]


def test_views_are_listed_with_units(place: Path):
    rows = _rows("views", "--store", place)
    assert {row["view"] for row in rows} == set(view_names())
    assert {"view": "costs", "column": "cost_usd", "type": "double", "unit": "USD",
            "description": "All its committed epochs."} in rows  # fmt: skip


@pytest.mark.parametrize("options", [(), ("--copy",)])
def test_a_duckdb_file_of_them(place: Path, tmp_path: Path, options: tuple[str, ...]):
    file = tmp_path / "analyst.duckdb"
    assert _call("views", "--to", file, *options, "--store", place).stdout == f"{file}\n"
    with duckdb.connect(str(file), read_only=True) as connection:
        assert connection.sql("SELECT count(*) FROM samples").fetchall() == [(10,)]
        assert connection.sql("SELECT rank FROM leaderboard").fetchall() == [(1,)]
    with pytest.raises(BadInputError, match="must be a new file"):
        _call("views", "--to", file, "--store", place)
    assert _call("views", "--to", file, "--overwrite", "--store", place).exit_code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["analyst.duckdb", "store"]


def test_a_copy_needs_a_place(place: Path):
    with pytest.raises(BadInputError, match="must have --to FILE"):
        _call("views", "--copy", "--store", place)


def test_prompts_are_text_and_nothing_else(place: Path):
    """Quotes, markup, an emoji and right-to-left letters: found by what they are, given back as they are."""
    [text] = {row["prompt"][-21:] for row in _rows("query", "SELECT DISTINCT prompt FROM samples", "--store", place)}
    assert text == ", 'quoted' <b> שלום 👾"[-21:]
    sql = "SELECT count(*) AS n FROM samples WHERE prompt LIKE '%, ''quoted'' <b> שלום 👾'"
    assert _rows("query", sql, "--store", place) == [{"n": 10}]
    table = _call("query", "SELECT any_value(prompt) AS prompt FROM samples", "--store", place).stdout
    assert "'quoted' <b> שלום 👾" in table


def test_maintain_compacts_and_says_so(place: Path):
    before = _rows("query", "FROM samples ORDER BY epoch, prompt_id", "--store", place)
    said = _call("maintain", "--dry-run", "--checkpoints-days", 0, "--store", place)
    assert "dry run: nothing to do" in said.stderr, "eight files are the fewest that are worth it"
    assert _rows("query", "FROM samples ORDER BY epoch, prompt_id", "--store", place) == before
