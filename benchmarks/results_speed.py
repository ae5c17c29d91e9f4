"""Writing an epoch and asking for a leaderboard, beside what people do instead, in one run:

    python -m benchmarks.results_speed                       # 1,000 experiments x 8 epochs x 96 samples
    python -m benchmarks.results_speed --experiments 50      # in seconds

Rivals: a Parquet file an image (`DataFrame.to_parquet`), one big Parquet file that is read and written again to append,
and a table of SQLite. All hold the same rows, sprites included. The leaderboard is the same question in each: of every
experiment's last epoch, the mean over prompts of its colors, with the standard error, ranked.
"""

import argparse
import os
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from pixelpipe.keys import compacted_key, compaction_key, epoch_stem
from pixelpipe.results import compaction, query, reader
from pixelpipe.results.schemas import SCHEMAS
from pixelpipe.results.writer import write_rows
from pixelpipe.store import Store

EPOCHS, PROMPTS, SEEDS = 8, 24, 4
SAMPLES = PROMPTS * SEEDS
SPRITE_BYTES = 700
IMAGES = 768  # files that stand for as many as there are rows
AT_ONCE = 200  # experiments in a compacted file: about 128 MB
START = datetime(2026, 1, 1, tzinfo=UTC)


def rows_of(table: str, experiment: int, epoch: int, rng: np.random.Generator, attempt: int = 1) -> pa.Table:
    """Made-up rows with every column: 96 in `samples`, one in the others."""
    count = SAMPLES if table == "samples" else 1
    columns = {field.name: _column(field, count, rng) for field in SCHEMAS[table]}
    fixed = {
        "experiment_id": f"run-{experiment:08x}",
        "line": f"line-{experiment % 5}",
        "eval_set_id": f"{experiment % 5:064x}",
        "epoch": epoch,
        "attempt": attempt,
        "metric": "effective_colors",
        "sequence": 1,
        "status": "inconclusive",
        "planned_epochs": EPOCHS,
    }
    for name, value in fixed.items():
        if name in columns:
            columns[name] = pa.array([value] * count, SCHEMAS[table].field(name).type)
    if table == "samples":
        columns["prompt_id"] = pa.array([f"p{n // SEEDS:03d}" for n in range(count)])
        columns["prompt"] = pa.array(
            [f"pixel art portrait number {n // SEEDS}, red hair, blue coat" for n in range(count)]
        )
        columns["seed"] = pa.array([n % SEEDS for n in range(count)], pa.int64())
        columns["sprite_png"] = pa.array([rng.bytes(SPRITE_BYTES) for _ in range(count)])
        columns["effective_colors"] = pa.array(
            rng.integers(12, 60, count), SCHEMAS[table].field("effective_colors").type
        )
    return pa.table(columns, SCHEMAS[table])


def _column(field: pa.Field, count: int, rng: np.random.Generator) -> pa.Array:
    kind = field.type
    if pa.types.is_string(kind):
        return pa.array([f"{field.name} of the row"] * count, kind)
    if pa.types.is_timestamp(kind):
        return pa.array([START + timedelta(seconds=int(rng.integers(1e6)))] * count, kind)
    if pa.types.is_boolean(kind):
        return pa.array(rng.random(count) < 0.5)
    if pa.types.is_binary(kind):
        return pa.array([b"x"] * count, kind)
    return pa.array(rng.integers(1, 100, count)).cast(kind)


def write_epoch(store: Store, experiment: int, epoch: int, rng: np.random.Generator) -> None:
    """As a run does: `epochs` last."""
    for table in ("samples", "decisions", "epochs"):
        write_rows(store, table, f"run-{experiment:08x}", epoch_stem(epoch, 1), rows_of(table, experiment, epoch, rng))


def timed(function: Callable[[], object], times: int = 5) -> float:
    """Median seconds."""
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        function()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def writing(folder: Path, existing: int) -> dict[str, float]:
    """Seconds for an epoch of 96 samples, on the disk (synced), where `existing` epochs are there already."""
    rng = np.random.default_rng(1)
    samples = rows_of("samples", 0, 1, rng)
    frame = samples.to_pandas()
    store = Store.open(folder / "store")
    attempts = iter([rows_of("samples", 0, 1, rng, attempt) for attempt in range(1, 9)])
    numbers = iter(range(1000))

    def ours() -> None:
        rows = next(attempts)
        write_rows(store, "samples", "run-00000000", epoch_stem(1, rows["attempt"][0].as_py()), rows)

    taken = {"pixelpipe": timed(ours)}
    taken["one to_parquet an image"] = timed(lambda: _each_image(folder, frame, next(numbers)), 3)
    big = folder / "all.parquet"
    pq.write_table(pa.concat_tables([samples] * existing), big, compression="zstd")
    taken[f"appended to one file of {existing} epochs"] = timed(lambda: _append(big, samples), 3)
    with sqlite3.connect(folder / "all.sqlite") as database:
        frame.to_sql("samples", database, index=False)
        taken["SQLite"] = timed(lambda: _insert(database, frame))
    return taken


def _each_image(folder: Path, frame: pd.DataFrame, number: int) -> None:
    place = folder / f"images-{number}"
    place.mkdir()
    for row in range(len(frame)):
        path = place / f"{row}.parquet"
        frame.iloc[row : row + 1].to_parquet(path)
        _sync(path)


def _append(big: Path, samples: pa.Table) -> None:
    pq.write_table(pa.concat_tables([pq.read_table(big), samples]), big, compression="zstd")
    _sync(big)


def _insert(database: sqlite3.Connection, frame: pd.DataFrame) -> None:
    frame.to_sql("samples", database, index=False, if_exists="append")
    database.commit()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


def fill_compacted(store: Store, experiments: int) -> None:
    """The store as `compact` leaves it, without writing 24,000 small files first: its files, and their catalog."""
    rng = np.random.default_rng(2)
    catalog = compaction.Catalog(1, {}, {})
    for table in ("samples", "decisions", "epochs", "experiments"):
        epochs = range(1, EPOCHS + 1) if table != "experiments" else [0]
        first = pa.concat_tables([rows_of(table, 0, epoch, rng) for epoch in epochs])
        stems = [epoch_stem(epoch, 1) if epoch else "0001-inconclusive" for epoch in epochs]
        catalog.covered[table] = {f"run-{experiment:08x}": stems for experiment in range(experiments)}
        catalog.files[table] = []
        for start in range(0, experiments, AT_ONCE):
            some = range(start, min(start + AT_ONCE, experiments))
            rows = pa.concat_tables([_another(first, table, experiment, rng) for experiment in some])
            catalog.files[table].append(_compacted(store, table, rows, start))
    store.put(compaction_key(1), catalog.to_json())


def _another(first: pa.Table, table: str, experiment: int, rng: np.random.Generator) -> pa.Table:
    """The first experiment's rows as another's, with colors and sprites of its own."""
    count = len(first)
    changes = {"experiment_id": f"run-{experiment:08x}", "line": f"line-{experiment % 5}"}
    changes |= {"eval_set_id": f"{experiment % 5:064x}"} if table != "experiments" else {}
    columns: dict[str, pa.Array] = {name: pa.array([value] * count) for name, value in changes.items()}
    if table == "samples":
        kind = first.schema.field("effective_colors").type
        columns["effective_colors"] = pa.array(rng.integers(12, 60, count)).cast(kind)
        sprites = pa.py_buffer(rng.bytes(SPRITE_BYTES * count))
        columns["sprite_png"] = pa.FixedSizeBinaryArray.from_buffers(
            pa.binary(SPRITE_BYTES), count, [None, sprites]
        ).cast(pa.binary())
    for name, column in columns.items():
        first = first.set_column(first.column_names.index(name), first.schema.field(name), column)
    return first


def _compacted(store: Store, table: str, rows: pa.Table, number: int) -> compaction.CompactedFile:
    key = compacted_key(table, f"000001-benchmark-{number}")
    with store.scratch("benchmark") as scratch:
        num_bytes = compaction._write_file(scratch / "rows.parquet", table, rows)
        store.put_file(key, scratch / "rows.parquet", move=True)
    return compaction.CompactedFile(key, len(rows), num_bytes)


BOARD = """
WITH newest AS (SELECT experiment_id, max(epoch) AS epoch FROM samples GROUP BY experiment_id),
prompts AS (
    SELECT s.experiment_id, s.line, s.prompt_id, avg(s.effective_colors) AS colors
    FROM samples s JOIN newest n ON s.experiment_id = n.experiment_id AND s.epoch = n.epoch GROUP BY 1, 2, 3
)
SELECT line, experiment_id, avg(colors) AS colors,
    sqrt(max(0, avg(colors * colors) - avg(colors) * avg(colors)) / (count(*) - 1)) AS standard_error
FROM prompts GROUP BY line, experiment_id ORDER BY line, colors
"""


def prepare(folder: Path, experiments: int) -> None:
    """The same rows for each: what `asking` asks."""
    store = Store.open(folder / "board")
    fill_compacted(store, experiments)
    samples = reader.read_table(store, "samples")
    pq.write_table(samples, folder / "big.parquet", compression="zstd")
    with sqlite3.connect(folder / "board.sqlite") as database:
        for start in range(0, len(samples), 96_000):
            samples.slice(start, 96_000).to_pandas().to_sql("samples", database, index=False, if_exists="append")
        database.execute("CREATE INDEX by_epoch ON samples (experiment_id, epoch)")
    (folder / "images").mkdir()
    for row in range(IMAGES):
        pq.write_table(samples.slice(row, 1), folder / f"images/{row}.parquet")


def asking(folder: Path, experiments: int) -> dict[str, float]:
    """Seconds for a leaderboard, median of several."""
    store, big = Store.open(folder / "board"), folder / "big.parquet"
    [counted] = query.run(store, "SELECT count(*) AS n FROM samples").to_pylist()
    assert counted["n"] == experiments * EPOCHS * SAMPLES
    assert len(query.run(store, "FROM leaderboard")) == experiments
    taken = {"pixelpipe, FROM leaderboard": timed(lambda: query.run(store, "FROM leaderboard"))}
    with duckdb.connect() as connection:
        connection.execute(f"CREATE VIEW samples AS SELECT * FROM '{big}'")
        board = BOARD.replace("max(0,", "greatest(0,")  # SQLite's word for it
        taken["one big file, DuckDB"] = timed(lambda: connection.execute(board).fetchall())
    taken["one big file, pandas"] = timed(lambda: _pandas_board(big), 3)
    with sqlite3.connect(folder / "board.sqlite") as database:
        taken["SQLite, indexed"] = timed(lambda: database.execute(BOARD).fetchall(), 3)
    columns = ["experiment_id", "effective_colors"]
    an_image = timed(lambda: pd.read_parquet(folder / "images", columns=columns), 3) / IMAGES
    taken[f"one file an image, reading alone (from {IMAGES:,})"] = an_image * counted["n"]
    return taken


def _pandas_board(big: Path) -> pd.DataFrame:
    columns = ["experiment_id", "line", "epoch", "prompt_id", "effective_colors"]
    samples = pd.read_parquet(big, columns=columns)
    last = samples[samples.epoch == samples.groupby("experiment_id").epoch.transform("max")]
    prompts = last.groupby(["line", "experiment_id", "prompt_id"]).effective_colors.mean()
    return prompts.groupby(["line", "experiment_id"]).agg(["mean", "sem"]).sort_values("mean")


def show(title: str, taken: dict[str, float]) -> None:
    print(f"\n{title}")
    ours = next(iter(taken.values()))
    for name, seconds in taken.items():
        print(f"  {name:55} {1000 * seconds:12,.1f} ms   x{seconds / ours:,.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--experiments", type=int, default=1000)
    parser.add_argument("--prepared", type=Path, help="a folder that is prepared if it is not there, and kept")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.prepared or Path(scratch) / "board"
        if not folder.exists():
            folder.mkdir(parents=True)
            prepare(folder, given.experiments)
            if given.prepared:
                return
        show("Writing an epoch of 96 samples, synced to the disk", writing(Path(scratch), existing=400))
        title = f"A leaderboard over {given.experiments} experiments x {EPOCHS} epochs x {SAMPLES} samples"
        show(title, asking(folder, given.experiments))


if __name__ == "__main__":
    main()
