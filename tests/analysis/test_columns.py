"""The columns are a promise to users: docs/metrics.md says of each what the schema says."""

from pathlib import Path

import pyarrow as pa
import pytest

from pixelpipe.analysis.columns import METRIC_SCHEMA, SET_SCHEMA

DOCUMENT = (Path(__file__).parents[2] / "docs/metrics.md").read_text()


@pytest.mark.parametrize("column", [*METRIC_SCHEMA, *SET_SCHEMA], ids=lambda column: column.name)
def test_every_column_is_documented_with_unit_range_and_meaning(column: pa.Field):
    unit, limits, text = (column.metadata[key].decode() for key in (b"unit", b"range", b"description"))
    assert f"| `{column.name}` | {unit} | {limits} | {text} |" in DOCUMENT
