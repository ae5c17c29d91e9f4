import csv
import io
import json

import pytest

from pixelpipe.cli.options import _one_below_the_other
from pixelpipe.lines import champion_history, move_champion
from pixelpipe.store import Store


def rows(result) -> list[dict]:
    assert (result.exit_code, result.err) == (0, "")
    return [json.loads(line) for line in result.out.splitlines()]


READING = [
    ["experiments"],
    ["baseline", "show"],
    ["query", "SELECT * FROM samples"],
    ["query", "SELECT * FROM experiments"],
]


@pytest.mark.parametrize("command", READING, ids=" ".join)
@pytest.mark.parametrize("output_format", ["table", "json", "csv"])
def test_an_empty_store_is_read_and_not_made(cli, place, command, output_format):
    result = cli(*command, "--store", "new", "--format", output_format)
    header = "experiment_id," if (command[0], output_format) == ("query", "csv") else ""
    assert (result.exit_code, result.out[:14]) == (0, header)
    assert result.out.count("\n") == bool(header)
    assert bool(result.err) == (output_format == "table")
    assert not (place / "new").exists()


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["show", "x"], "EXPERIMENT must be one of store new but got 'x': none begins so; see pixelpipe experiments"),
        (["show", "../x"], "EXPERIMENT must be one of store new but got '../x': none begins so"),
        (["judge", "x"], "EXPERIMENT must be one of store new but got 'x': none begins so"),
        (["report", "x"], "EXPERIMENT must be one of store new but got 'x': none begins so"),
        (["baseline", "show", "--line", "x"], "--line must be one of none yet but got x"),
        (["baseline", "set", "x", "--why", "w"], "EXPERIMENT@EPOCH must name an epoch, e.g. x@8, but got x"),
        (["baseline", "set", "x@1", "--why", " "], "--why: must say why but is empty"),
        (["baseline", "set", "x@1", "--why", "w"], "EXPERIMENT must be one of store new but got 'x'"),
        (["generate", "a knight"], "--line: must name one line, but new has none yet: run an experiment first"),
        (["generate", "a knight", "--line", "../x"], "--line must be one of none yet but got ../x"),
        (["generate", "a knight", "--from", "../x@1"], "EXPERIMENT must be one of store new but got '../x'"),
        (["generate", "a knight", "--to", "config.yaml"], "--to config.yaml: must be a folder but is a file"),
        (
            ["generate", "a knight", "--to", "x" * 300],
            f"--to {'x' * 300}: must be a folder but cannot be: File name too",
        ),
        (["query", "SELECT nothing"], "query: Binder Error: "),
        (["query", ""], "query: must ask for rows, e.g. SELECT * FROM experiments; it cannot change anything"),
        (["query", "SELECT * FROM 'config.yaml'"], "query: "),
        (["query", "COPY (SELECT 1) TO 'new.csv'"], "query: "),
    ],
)
def test_what_is_not_there_is_one_line(cli, place, command, message):
    assert cli(*command, "--store", "new").refused().startswith(message)
    assert not (place / "new").exists()
    assert not (place / "new.csv").exists()
    assert not (place / "sprites").exists()


def test_experiments_lists_the_latest_first(cli, filled):
    listed = rows(cli("experiments", "--store", filled, "--format", "json"))
    assert [(row["experiment_id"], row["status"], row["epochs"]) for row in listed] == [
        ("second-5e6f7a8b", "running", 0),
        ("first-1a2b3c4d", "abandoned", 2),
    ]
    table = cli("experiments", "--store", filled).out
    assert "first-1a2b3c4d" in table
    assert "abandoned" in table
    assert len(list(csv.DictReader(io.StringIO(cli("experiments", "--store", filled, "--format", "csv").out)))) == 2


def test_the_store_can_come_from_the_environment(cli, filled, monkeypatch):
    monkeypatch.setenv("PIXELPIPE_STORE", str(filled))
    assert len(rows(cli("experiments", "--format", "json"))) == 2
    assert rows(cli("experiments", "--format", "json", "--store", "other")) == []


def test_a_misspelled_experiment_is_told_which_was_meant(cli, filled):
    said = cli("show", "frist", "--store", filled).refused()
    assert said.endswith("none begins so; did you mean first-1a2b3c4d?")
    assert cli("show", "", "--store", filled).refused().endswith("2 begin so: second-5e6f7a8b, first-1a2b3c4d")


def test_the_champion_is_marked(cli, filled):
    move_champion(
        Store.open(filled), "art-24", after=0, experiment_id="first-1a2b3c4d", epoch=2, reason="better", set_by="rule"
    )
    listed = rows(cli("experiments", "--store", filled, "--format", "json"))
    assert {row["experiment_id"]: row["champion_epoch"] for row in listed} == {
        "first-1a2b3c4d": 2,
        "second-5e6f7a8b": None,
    }


def test_a_table_is_never_folded(cli, filled):
    """In a file each record is a line, however long; on a terminal that is too narrow, a block."""
    sql = f"SELECT '{'long ' * 100}' AS text, epoch FROM epochs"
    lines = cli("query", sql, "--store", filled).out.splitlines()
    assert len(lines) == 3
    assert lines[1] == f"{'long ' * 100}      1"
    assert list(_one_below_the_other([{"a": "1", "name": "x"}, {"a": "2", "name": ""}])) == [
        *("a     1", "name  x", "", "a     2", "name"),
    ]


def test_query_without_sql_says_what_there_is(cli, filled):
    described = rows(cli("query", "--store", filled, "--format", "json"))
    assert {row["view"] for row in described} >= {"samples", "epochs", "decisions", "experiments"}
    [row] = [row for row in described if (row["view"], row["column"]) == ("epochs", "cost_usd")]
    assert (row["unit"], row["description"]) == ("USD", "This epoch's seconds at the budget's price.")


def test_show_by_id_or_its_beginning(cli, filled):
    result = cli("show", "first", "--store", filled)
    assert result.out.startswith("first-1a2b3c4d: abandoned (line art-24)\nIt is abandoned.\n\n")
    assert [row["epoch"] for row in rows(cli("show", "first-1a2b3c4d", "--store", filled, "--format", "json"))] == [
        1,
        2,
    ]
    running = cli("show", "second", "--store", filled)
    assert running.out.startswith("second-5e6f7a8b: running")
    assert running.err == "no epochs yet\n"


def test_a_beginning_that_several_share_names_them(cli, filled):
    said = cli("show", "", "--store", filled).refused()
    assert said.endswith("2 begin so: second-5e6f7a8b, first-1a2b3c4d")


def test_query_gives_whatever_sql_can_make(cli, filled):
    sql = """SELECT sum(epoch) AS total, 1.5::DECIMAL(4, 2) AS tenth, DATE '2026-01-02' AS day, 'nan'::FLOAT AS none,
             TIMESTAMP '2026-01-02 03:04:05' AS moment, [1, 2] AS list, {'a': DATE '2026-01-02'} AS struct,
             INTERVAL 1 DAY AS span, 'x'::BLOB AS blob, true AS yes, NULL AS nothing FROM epochs"""
    (row,) = rows(cli("query", sql, "--store", filled, "--format", "json"))
    assert row.pop("span")
    assert row == {
        "total": 3,
        "tenth": 1.5,
        "day": "2026-01-02",
        "none": None,
        "moment": "2026-01-02T03:04:05",
        "list": [1, 2],
        "struct": {"a": "2026-01-02"},
        "blob": "<1 bytes>",
        "yes": True,
        "nothing": None,
    }
    for output_format in ("csv", "table"):
        assert "2026-01-02" in cli("query", sql, "--store", filled, "--format", output_format).out


def test_columns_of_one_name_are_all_shown(cli, filled):
    sql = "SELECT a.epoch, b.epoch, 7 AS epoch_2, b.epoch + 1 AS epoch FROM epochs a, epochs b WHERE a.epoch < b.epoch"
    assert rows(cli("query", sql, "--store", filled, "--format", "json")) == [
        {"epoch": 1, "epoch_2": 2, "epoch_2_2": 7, "epoch_3": 3}
    ]


def test_reading_changes_nothing(cli, filled):
    def files():
        return sorted((path, path.stat().st_mtime_ns) for path in filled.rglob("*"))

    before = files()
    for command in (*READING, ["show", "first"]):
        assert cli(*command, "--store", filled).exit_code == 0
    assert files() == before


def test_baseline_show_is_the_history(cli, filled):
    store = Store.open(filled)
    for after, experiment_id in enumerate(["first-1a2b3c4d", "second-5e6f7a8b"]):
        move_champion(
            store, "art-24", after=after, experiment_id=experiment_id, epoch=2, reason="better", set_by="rule"
        )
    move_champion(store, "trees-32", after=0, experiment_id="third-1a2b3c4d", epoch=1, reason="first", set_by="rule")
    shown = rows(cli("baseline", "show", "--store", filled, "--format", "json"))
    assert [(row["line"], row["experiment_id"], row["champion"]) for row in shown] == [
        ("art-24", "first-1a2b3c4d", False),
        ("art-24", "second-5e6f7a8b", True),
        ("trees-32", "third-1a2b3c4d", True),
    ]
    assert len(rows(cli("baseline", "show", "--line", "trees-32", "--store", filled, "--format", "json"))) == 1


def test_a_champion_must_have_its_epoch_and_its_weights(cli, filled):
    said = cli("baseline", "set", "first@9", "--why", "w", "--store", filled).refused()
    assert said == "first@9: must be one of the epochs [1, 2]"
    said = cli("baseline", "set", "first@2", "--why", "w", "--store", filled).refused()
    assert said.startswith("first@2: its weights are not kept any more")
    assert champion_history(Store.open(filled), "art-24") == []
