"""The VAE floor of an experiment, as rows: what its base's VAE alone makes of its art at its training size."""

import pyarrow as pa
import pyarrow.compute as pc

from pixelpipe.analysis.duplicates import TrainSprites
from pixelpipe.analysis.metrics import METRIC_VERSION
from pixelpipe.analysis.vae_floor import art_itself, floor_of, floor_records
from pixelpipe.pipeline.prepare import Experiment
from pixelpipe.pipeline.session import Session
from pixelpipe.results.reader import read_table
from pixelpipe.results.writer import table_of, write_rows
from pixelpipe.store import Store

TABLE = "floors"


def record_floor(store: Store, experiment: Experiment, session: Session) -> None:
    """Put the `floors` rows of an experiment, once; as another one has them for the same art, base and size."""
    if read_table(store, TABLE, experiment.experiment_id, columns=["metric"]).num_rows:
        return
    rows = _known(store, experiment)
    write_rows(store, TABLE, experiment.experiment_id, "floor", rows or _measured(experiment, session))


def _known(store: Store, experiment: Experiment) -> pa.Table | None:
    same = {
        "line": experiment.line,
        "dataset_hash": experiment.input_hashes["dataset_hash"],
        "base_hash": experiment.base_hash,
        "resolution": experiment.config.resolution,
        "metric_version": METRIC_VERSION,
    }
    rows = read_table(store, TABLE)
    for name, value in same.items():
        rows = rows.filter(pc.equal(rows[name], value))
    if not rows.num_rows:
        return None
    rows = rows.filter(pc.equal(rows["experiment_id"], rows["experiment_id"][0]))
    return table_of(TABLE, [row | experiment.lineage for row in rows.to_pylist()])


def _measured(experiment: Experiment, session: Session) -> pa.Table:
    profile, train = session.profile, TrainSprites(session.floor_art)
    floor = floor_of([session.round_trip], experiment.config.resolution, profile, train)
    session.forget_round_trip()
    itself = art_itself(session.floor_art, profile, train)
    about = experiment.lineage | {"metric_version": METRIC_VERSION, "num_sprites": len(session.floor_art)}
    return table_of(TABLE, [about | record for record in floor_records(itself, [floor])])
