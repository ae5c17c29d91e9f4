"""The views of `pixelpipe query` that are more than a table: their SQL (DuckDB), and what each column means.

They stand on the tables, on `status_changes` (every row of the `experiments` table) and on `champions` (every line's
history), however these are read: as Arrow data by `results.query`, or as Parquet by `results.analyst`.
"""

from dataclasses import dataclass

import pyarrow as pa

from pixelpipe.results.schemas import SCHEMAS

STATUS_CHANGES = "status_changes"
CHAMPIONS = "champions"


def _field(name: str, kind: pa.DataType, unit: str, description: str) -> pa.Field:
    return pa.field(name, kind, metadata={"unit": unit, "description": description})


def _same(table: str, *names: str) -> list[pa.Field]:
    """Columns that a view takes from a table as they are."""
    return [SCHEMAS[table].field(name).with_nullable(True) for name in names]


_TEXT, _INT, _LONG, _FLOAT, _BOOL = pa.string(), pa.int32(), pa.int64(), pa.float64(), pa.bool_()

CHAMPION_SCHEMA = pa.schema(
    [
        _field("line", _TEXT, "", "Line."),
        _field("sequence", _INT, "", "Number within the line, from 1."),
        _field("experiment_id", _TEXT, "", "Experiment of the checkpoint."),
        _field("epoch", _INT, "epoch", "Its epoch."),
        _field("reason", _TEXT, "", "Why."),
        _field("set_by", _TEXT, "", "`rule`, or the person who said so."),
        _field("set_at", pa.timestamp("us", tz="UTC"), "", "Since when it is the champion."),
        _field("is_current", _BOOL, "", "It is the champion now."),
    ]
)


@dataclass(frozen=True, slots=True)
class View:
    """`needs`: tables and views that its SQL reads."""

    sql: str
    needs: tuple[str, ...]
    columns: tuple[pa.Field, ...]


_SECONDS = tuple(f"seconds_{stage}" for stage in ("train", "save", "sample", "analyze", "judge"))

_EXPERIMENTS = f"""
SELECT * FROM {STATUS_CHANGES}
QUALIFY row_number() OVER (PARTITION BY experiment_id ORDER BY sequence DESC) = 1
"""

# Sums and means say their order: rows come from many files at once, and of floats the order decides the last digit.
_LEADERBOARD = """
WITH newest AS (
    SELECT experiment_id, max(epoch) AS epoch, count(*) AS num_epochs, sum(cost_usd ORDER BY epoch) AS cost_usd
    FROM epochs GROUP BY experiment_id
), best AS (
    SELECT experiment_id, arg_min(epoch, (mean_effective_colors, epoch)) AS best_epoch
    FROM epochs WHERE mean_effective_colors IS NOT NULL GROUP BY experiment_id
), floors_of_art AS (
    SELECT DISTINCT experiment_id, epoch, floor FROM decisions WHERE metric = 'effective_colors'
), prompts AS (
    SELECT s.experiment_id, s.prompt_id, count(*) AS num_images,
        avg(greatest(s.effective_colors, coalesce(f.floor, 0)) ORDER BY s.seed) AS colors,
        avg(CASE WHEN s.clean THEN 1.0 WHEN NOT s.clean THEN 0.0 END) AS clean
    FROM samples s JOIN newest n ON s.experiment_id = n.experiment_id AND s.epoch = n.epoch
    LEFT JOIN floors_of_art f ON s.experiment_id = f.experiment_id AND s.epoch = f.epoch
    GROUP BY s.experiment_id, s.prompt_id
), scores AS (
    SELECT experiment_id, sum(num_images)::BIGINT AS num_images, avg(colors ORDER BY prompt_id) AS judged_colors,
        avg(clean ORDER BY prompt_id) AS clean_rate,
        stddev_samp(colors ORDER BY prompt_id) / sqrt(count(*)) AS standard_error
    FROM prompts GROUP BY experiment_id
)
SELECT e.line, e.eval_set_id,
    (rank() OVER (PARTITION BY e.line, e.eval_set_id
        ORDER BY coalesce(s.judged_colors, e.mean_effective_colors) NULLS LAST))::INTEGER AS rank,
    e.experiment_id, x.name, x.status, c.experiment_id IS NOT NULL AS is_champion,
    e.epoch, n.num_epochs::INTEGER AS num_epochs, s.num_images,
    coalesce(s.judged_colors, e.mean_effective_colors) AS judged_colors, s.standard_error,
    e.mean_effective_colors, coalesce(s.clean_rate, e.clean_rate) AS clean_rate, e.named_color_agreement,
    b.best_epoch, n.cost_usd
FROM epochs e JOIN newest n ON e.experiment_id = n.experiment_id AND e.epoch = n.epoch
LEFT JOIN scores s ON s.experiment_id = e.experiment_id
LEFT JOIN best b ON b.experiment_id = e.experiment_id
LEFT JOIN experiments x ON x.experiment_id = e.experiment_id
LEFT JOIN champions c ON c.experiment_id = e.experiment_id AND c.line = e.line AND c.is_current
ORDER BY e.line, e.eval_set_id, rank, e.experiment_id
"""

_COSTS = f"""
WITH spent AS (
    SELECT experiment_id, count(*) AS num_epochs, sum(cost_usd ORDER BY epoch) AS cost_usd,
        {", ".join(f"sum({stage} ORDER BY epoch) AS {stage}" for stage in _SECONDS)},
        sum({" + ".join(_SECONDS)} ORDER BY epoch) AS seconds,
        any_value(gpu) AS gpu, any_value(usd_per_hour) AS usd_per_hour
    FROM epochs GROUP BY experiment_id
), planned AS (
    SELECT experiment_id, max(planned_epochs) AS planned_epochs FROM decisions GROUP BY experiment_id
)
SELECT x.experiment_id, x.line, x.name, x.status, s.num_epochs::INTEGER AS num_epochs, p.planned_epochs,
    s.seconds, {", ".join(f"s.{stage}" for stage in _SECONDS)},
    (s.seconds_sample + s.seconds_analyze + s.seconds_judge) / nullif(s.seconds, 0) AS evaluation_share,
    s.cost_usd,
    CASE WHEN x.status IN ('abandoned', 'inconclusive') AND p.planned_epochs > s.num_epochs
        THEN s.cost_usd / s.num_epochs * (p.planned_epochs - s.num_epochs) END AS spared_usd,
    s.gpu, s.usd_per_hour
FROM experiments x JOIN spent s ON s.experiment_id = x.experiment_id
LEFT JOIN planned p ON p.experiment_id = x.experiment_id
ORDER BY s.cost_usd DESC, x.experiment_id
"""

VIEWS: dict[str, View] = {
    "experiments": View(
        _EXPERIMENTS,
        (STATUS_CHANGES,),
        tuple(SCHEMAS["experiments"]),
    ),
    "leaderboard": View(
        _LEADERBOARD,
        ("epochs", "samples", "decisions", CHAMPIONS, "experiments"),
        (
            *_same("epochs", "line", "eval_set_id"),
            _field("rank", _INT, "", "Within line and evaluation set, fewest judged colors first."),
            *_same("experiments", "experiment_id", "name", "status"),
            _field("is_champion", _BOOL, "", "It has its line's champion."),
            _field("epoch", _INT, "epoch", "Its last committed epoch: what is ranked, and not picked for its figure."),
            _field("num_epochs", _INT, "epochs", "Committed epochs."),
            _field("num_images", _LONG, "images", "Of that epoch; null: known by figures alone."),
            _field("judged_colors", _FLOAT, "colors", "Mean over prompts; flatter than the art counts as the art."),
            _field("standard_error", _FLOAT, "colors", "Of judged_colors, over prompts."),
            *_same("epochs", "mean_effective_colors"),
            _field("clean_rate", _FLOAT, "share", "Images that pass every gate, mean over prompts."),
            *_same("epochs", "named_color_agreement"),
            _field("best_epoch", _INT, "epoch", "Of the lowest mean_effective_colors; flattered by being picked."),
            _field("cost_usd", _FLOAT, "USD", "All its committed epochs."),
        ),
    ),
    "costs": View(
        _COSTS,
        ("epochs", "decisions", "experiments"),
        (
            *_same("experiments", "experiment_id", "line", "name", "status"),
            _field("num_epochs", _INT, "epochs", "Committed epochs."),
            *_same("decisions", "planned_epochs"),
            _field("seconds", _FLOAT, "s", "All stages of all its committed epochs."),
            *_same("epochs", *_SECONDS),
            _field("evaluation_share", _FLOAT, "share", "Of the seconds: sampling, measuring, judging."),
            _field("cost_usd", _FLOAT, "USD", "All its committed epochs."),
            _field("spared_usd", _FLOAT, "USD", "What ending early spared, at the mean price of its epochs."),
            *_same("epochs", "gpu", "usd_per_hour"),
        ),
    ),
}  # in the order in which they stand on each other


def base_relations() -> list[str]:
    """What the views stand on, and what is queried as it is."""
    return sorted([*(name for name in SCHEMAS if name != "experiments"), STATUS_CHANGES, CHAMPIONS])


def view_names() -> list[str]:
    return sorted([*base_relations(), *VIEWS])


def view_schema(name: str) -> pa.Schema:
    """Columns with units and meanings."""
    if name in VIEWS:
        return pa.schema(VIEWS[name].columns)
    if name == CHAMPIONS:
        return CHAMPION_SCHEMA
    return SCHEMAS[table_of_view(name)]


def table_of_view(name: str) -> str:
    """The table that a base relation shows."""
    return "experiments" if name == STATUS_CHANGES else name


def needed(names: set[str]) -> set[str]:
    """The relations and all that their SQL reads."""
    found = set(names)
    for name in reversed(VIEWS):
        if name in found:
            found.update(VIEWS[name].needs)
    return found
