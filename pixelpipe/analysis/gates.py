"""What makes an image clean: one stored boolean a gate, thresholds from the profile of the training art."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pixelpipe.analysis.columns import GATE_SCHEMA
from pixelpipe.analysis.profile import Profile


def gates(metrics: pa.Table, profile: Profile | None) -> pa.Table:
    """The gates of each row of `metrics` (METRIC_SCHEMA): GATE_SCHEMA, as many rows, in order.

    Without a profile everything is null. Without a VAE round trip in it `clean_grid_error` is null and
    `clean` uses the other three. Raises `BadInputError` for a profile of another metric version.
    """
    if profile is None:
        nulls = [pa.nulls(len(metrics), pa.bool_()) for _ in GATE_SCHEMA]
        return pa.Table.from_arrays(nulls, schema=GATE_SCHEMA)
    profile.check_version()
    limits = profile.thresholds
    judged = {
        "clean_effective_colors": _column(metrics, "effective_colors") <= limits.effective_colors_max,
        "clean_orphan_ratio": _column(metrics, "orphan_ratio") <= limits.orphan_ratio_max,
        "clean_top10_share": _column(metrics, "top10_share") >= limits.top10_share_min,
    }
    if limits.grid_error_max is not None:
        judged["clean_grid_error"] = _column(metrics, "grid_error") <= limits.grid_error_max
    judged["clean"] = np.logical_and.reduce(list(judged.values()))
    nulls = pa.nulls(len(metrics), pa.bool_())
    columns = [pa.array(judged[name]) if name in judged else nulls for name in GATE_SCHEMA.names]
    return pa.Table.from_arrays(columns, schema=GATE_SCHEMA)


def _column(metrics: pa.Table, name: str) -> npt.NDArray[np.float64]:
    return metrics[name].to_numpy().astype(np.float64)
