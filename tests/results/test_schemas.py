"""The tables' columns are a promise to users."""

import pyarrow as pa
import pytest

from pixelpipe.analysis.metrics import METRIC_SCHEMA
from pixelpipe.comparison.decision import DECISION_SCHEMA
from pixelpipe.results.schemas import PER_EPOCH, SCHEMAS, describe

LINEAGE = ["experiment_id", "line", "dataset_hash", "captions_hash", "config_hash", "base_hash"]
PROMISED = {  # design.md, section 5
    "samples": "experiment_id line epoch attempt prompt_id prompt seed sample_uri sprite_png source_px grid "
    "metric_version eval_set_id unique_colors effective_colors clean",
    "confirmations": "role checkpoint effective_colors clean",
    "epochs": "epoch attempt train_loss validation_loss cost_usd seconds_train seconds_sample committed_at",
    "decisions": "epoch attempt verdict reason_code p_value rule_version overridden_by override_reason",
    "captions": "file_name strategy caption split",
    "floors": "resolution aligned metric art_mean vae_mean metric_version",
    "votes": "epoch review_id reviewer prompt_id prompt seed baseline candidate_side choice voted_at",
    "experiments": "name status config_json config_hash changed_at sequence",
}


@pytest.mark.parametrize("table", SCHEMAS)
def test_promised_columns_are_there(table: str):
    assert set(PROMISED[table].split()) <= set(SCHEMAS[table].names)


@pytest.mark.parametrize("table", SCHEMAS)
def test_lineage_stands_first_and_in_every_row(table: str):
    schema = SCHEMAS[table]
    assert schema.names[: len(LINEAGE)] == LINEAGE
    unknown_elsewhere = {"dataset_hash", "captions_hash", "base_hash"}
    assert {name for name in LINEAGE if schema.field(name).nullable} == unknown_elsewhere


@pytest.mark.parametrize("table", SCHEMAS)
def test_every_column_is_described(table: str):
    for column in describe(table).to_pylist():
        assert column["description"], column["column"]
    assert SCHEMAS[table].metadata == {b"pixelpipe.schema_version": b"3"}


@pytest.mark.parametrize("table", PER_EPOCH)
def test_epochs_are_whole_numbers_in_the_file(table: str):
    assert SCHEMAS[table].field("epoch").type == pa.int32()
    assert SCHEMAS[table].field("attempt").type == pa.int32()


def test_what_is_computed_elsewhere_is_stored_whole():
    assert set(METRIC_SCHEMA.names) <= set(SCHEMAS["samples"].names)
    assert set(DECISION_SCHEMA.names) <= set(SCHEMAS["decisions"].names)
    assert set(SCHEMAS["samples"].names) | {"role", "checkpoint"} == set(SCHEMAS["confirmations"].names)
