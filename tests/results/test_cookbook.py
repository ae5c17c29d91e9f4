"""docs/results.md: every block is run as it stands there, and the answers of a question agree."""

import math
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from pixelpipe.keys import results_key
from pixelpipe.lines import champion
from pixelpipe.results import query, writer
from pixelpipe.results.compaction import compact
from pixelpipe.results.reader import read_table
from pixelpipe.results.schemas import SCHEMAS
from pixelpipe.results.views import view_names
from pixelpipe.store import Store

DOCUMENT = (Path(__file__).parents[2] / "docs/results.md").read_text()
BLOCK = re.compile(r"^```(\S+(?: \S+)?)\n(.*?)^```", re.DOTALL | re.MULTILINE)
QUESTIONS = {
    title: dict(BLOCK.findall(body))
    for title, body in re.findall(r"^### (\d+\. .*?)\n(.*?)(?=^##)", DOCUMENT, re.DOTALL | re.MULTILINE)
}
BLOCKS = dict(BLOCK.findall(DOCUMENT))
PREVIOUS = "previous-22ab0dc0"


def _like(rows: pa.Table, experiment_id: str, factor: float, **values: Any) -> pa.Table:
    """Another experiment's rows, made of the first one's."""
    changes: dict[str, Any] = {"experiment_id": experiment_id, **values}
    for name in ("effective_colors", "mean_effective_colors"):
        if name in rows.column_names:
            kind = rows.schema.field(name).type
            scaled = pc.multiply(rows[name], factor).cast(kind, safe=False)
            rows = rows.set_column(rows.column_names.index(name), name, scaled)
    for name, value in changes.items():
        if name in rows.column_names:
            field = rows.schema.field(name)
            rows = rows.set_column(rows.column_names.index(name), field, pa.array([value] * len(rows), field.type))
    return rows


OTHERS = {
    "abandoned-0a2b3c4d": ("abandoned", 1.6),
    "better-1a2b3c4d": ("inconclusive", 0.8),
    "third-2a2b3c4d": ("failed", 1.1),
}


@pytest.fixture
def studio(painted: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Four experiments in `pixelpipe-store`, in compacted, new, superseded and uncommitted files, some rows twice."""
    for number, (experiment_id, (status, factor)) in enumerate(OTHERS.items()):
        for table in SCHEMAS:
            rows = read_table(painted, table, PREVIOUS)
            values = {
                "status": status,
                "reason_code": "worse",
                "gpu": "H100-80GB",
                "num_findings": number,
                "sequence": 1,
            }
            _write(painted, table, experiment_id, _like(rows, experiment_id, factor, **values))
        if number == 0:
            key = results_key("samples", experiment_id, "epoch-01-1")
            twice = painted.read(key)
            compact(painted, min_files=2, settle_s=0)
            painted.put(key, twice)
    again = read_table(painted, "samples", "third-2a2b3c4d").filter(pc.field("epoch") == 2)
    writer.write_rows(painted, "samples", "third-2a2b3c4d", "epoch-02-2", _like(again, "third-2a2b3c4d", 2, attempt=2))
    monkeypatch.chdir(painted.local_path("results").parent.parent)
    painted.local_path("results").parent.rename("pixelpipe-store")
    return Store.open("pixelpipe-store")


def _write(store: Store, table: str, experiment_id: str, rows: pa.Table) -> None:
    if "epoch" not in rows.column_names:
        rows = rows.slice(0, 1) if table == "experiments" else rows
        writer.write_rows(store, table, experiment_id, "0001-rows", rows)
        return
    for epoch in (1, 2):
        of_epoch = rows.filter(pc.field("epoch") == epoch)
        writer.write_rows(store, table, experiment_id, f"epoch-{epoch:02d}-1", of_epoch)


def _rows(answer: Any) -> list[tuple]:
    """Of any library, in any order, to six digits."""
    if isinstance(answer, pd.DataFrame):
        answer = pa.Table.from_pandas(answer.reset_index(drop=True), preserve_index=False)
    elif isinstance(answer, pl.DataFrame):
        answer = answer.to_arrow()
    names = sorted(answer.column_names)
    return [tuple(names), *sorted((tuple(_plain(row[name]) for name in names) for row in answer.to_pylist()), key=repr)]


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return None if math.isnan(value) else float(np.format_float_positional(value, precision=6, fractional=False))
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return value.isoformat() if isinstance(value, datetime) else value


def _run_python(*blocks: str) -> Any:
    scope: dict[str, Any] = {}
    exec(compile("\n".join(blocks), "docs/results.md", "exec"), scope)
    return scope["answer"]


def test_there_are_twelve_questions_in_three_languages():
    assert len(QUESTIONS) == 12
    assert all(list(blocks) == ["sql", "python pandas", "python polars"] for blocks in QUESTIONS.values())


def test_every_question_is_answered_the_same_in_sql_pandas_and_polars(studio: Store):
    for title, blocks in QUESTIONS.items():
        answers = {
            "sql": query.run(studio, blocks["sql"]),
            "pandas": _run_python(BLOCKS["python setup"], blocks["python pandas"]),
            "polars": _run_python(BLOCKS["python setup"], blocks["python polars"]),
        }
        rows = {name: _rows(answer) for name, answer in answers.items()}
        assert len(rows["sql"]) > 1, title
        assert rows["pandas"] == rows["sql"], title
        assert rows["polars"] == rows["sql"], title


def test_answers_are_right(studio: Store):
    """A few of them, against figures that are known."""
    one = champion(studio, "art-24")
    assert one is not None
    [second] = [blocks["sql"] for title, blocks in QUESTIONS.items() if title.startswith("2.")]
    assert query.run(studio, second)["experiment_id"].to_pylist() == [one.experiment_id] == [PREVIOUS]
    board = query.run(studio, "SELECT experiment_id, rank FROM leaderboard ORDER BY rank").to_pylist()
    assert [row["experiment_id"].partition("-")[0] for row in board] == ["better", "previous", "third", "abandoned"]
    differences = query.run(
        studio, next(blocks["sql"] for title, blocks in QUESTIONS.items() if title.startswith("5."))
    )
    assert {row["pairs"] for row in differences.to_pylist()} == {5}
    assert {row["difference"] for row in differences.to_pylist() if row["experiment_id"] == PREVIOUS} == {0.0}


def test_a_folder_is_read_as_the_views_are_without_pixelpipe(studio: Store):
    wanted = query.run(studio, "FROM samples").drop_columns(["sprite_png"])
    answers = {
        "pandas": _run_python("import pandas as pd", BLOCKS["python pandas-folder"]),
        "polars": _run_python("import polars as pl", BLOCKS["python polars-folder"]),
        "duckdb": duckdb.sql(BLOCKS["sql-folder"]).to_arrow_table(),
    }
    for name, answer in answers.items():
        found = answer[wanted.column_names] if name != "duckdb" else answer.select(wanted.column_names)
        assert _rows(found) == _rows(wanted), name


def test_every_view_is_in_the_document():
    documented = re.findall(r"^\| `(\w+)` \|", DOCUMENT, re.MULTILINE)
    assert sorted(documented) == view_names()
