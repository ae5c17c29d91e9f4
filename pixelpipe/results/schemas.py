"""The Parquet tables: every column's type, unit and meaning. A column never changes its meaning.

A new column is nullable and raises `SCHEMA_VERSION`: files of every version are read as one table, with nulls where a
column is younger than a file. Columns that cannot be null are declared so, and `writer.write_rows` refuses a null in
them. Metric, gate and decision columns come from the modules that compute them.
"""

import pyarrow as pa

from pixelpipe.analysis.columns import GATE_SCHEMA, METRIC_SCHEMA, SET_SCHEMA
from pixelpipe.comparison.decision import DECISION_SCHEMA

SCHEMA_VERSION = "3"  # 2: `gpu` and `usd_per_hour` in `epochs`; 3: `stage` in `decisions`

_TEXT, _INT, _LONG, _FLOAT = pa.string(), pa.int32(), pa.int64(), pa.float64()
_TIME = pa.timestamp("us", tz="UTC")


def _field(name: str, kind: pa.DataType, unit: str, description: str, nullable: bool = False) -> pa.Field:
    return pa.field(name, kind, nullable, {"unit": unit, "description": description})


def _optional(name: str, kind: pa.DataType, unit: str, description: str) -> pa.Field:
    return _field(name, kind, unit, description, nullable=True)


_LINEAGE = [
    _field("experiment_id", _TEXT, "", "<name>-<8 hex>."),
    _field("line", _TEXT, "", "Lineage of comparable experiments: one art style at one grid."),
    _optional("dataset_hash", _TEXT, "sha256", "Content of the training sprites; null: trained elsewhere."),
    _optional("captions_hash", _TEXT, "sha256", "Content of their captions; null: trained elsewhere."),
    _field("config_hash", _TEXT, "sha256", "Resolved configuration."),
    _optional("base_hash", _TEXT, "sha256", "Weights of the base model; null: trained elsewhere."),
]
_EPOCH = [
    _field("epoch", _INT, "epoch", "Epoch, from 1."),
    _field("attempt", _INT, "", "Attempt of the experiment that wrote the row, from 1."),
]
_METRIC_VERSION = _field("metric_version", _TEXT, "", "Version of the metrics' definitions.")
_EVAL_SET_ID = _field("eval_set_id", _TEXT, "sha256", "Prompts, seeds, sampler, grid and metric version.")
_CHECKPOINT_HASH = _optional("checkpoint_hash", _TEXT, "sha256", "Manifest of the UNet's files.")

_IMAGE = [
    _field("prompt_id", _TEXT, "", "Prompt within the evaluation set."),
    _field("prompt", _TEXT, "", "Text given to the text encoder."),
    _field("seed", _LONG, "", "Seed of the initial noise."),
    _field("sample_uri", _TEXT, "", "Full-size image in the store."),
    _field("sprite_png", pa.binary(), "PNG", "The cell_median sprite, grid x grid px."),
    _optional("named_color_agreement", _FLOAT, "share", "Colors named in the prompt that the sprite shows."),
    _field("source_px", _INT, "px", "Side of the full-size image."),
    _field("grid", _INT, "cells", "Side of the sprite."),
    _field("downscale_method", _TEXT, "", "How sprite_png was made of the full-size image."),
    _METRIC_VERSION,
    _EVAL_SET_ID,
    _optional("profile_hash", _TEXT, "sha256", "Profile of the training art behind the gates."),
    _CHECKPOINT_HASH,
]
_EPOCH_SUMMARY = [
    _optional("train_loss", _FLOAT, "", "Mean loss of the epoch's steps."),
    _optional("validation_loss", _FLOAT, "", "Held-out sprites, fixed noise, stratified timesteps."),
    _optional("learning_rate", _FLOAT, "", "At the epoch's last step."),
    _optional("optimizer_steps", _LONG, "steps", "Since the experiment's start; null: trained elsewhere."),
    _optional("images_seen", _LONG, "images", "Training images since the experiment's start; null: not known."),
    _field("seconds_train", _FLOAT, "s", "Training of this epoch."),
    _field("seconds_save", _FLOAT, "s", "Waiting for its checkpoint, which is written while images are generated."),
    _field("seconds_sample", _FLOAT, "s", "Generating its images."),
    _field("seconds_analyze", _FLOAT, "s", "Measuring them."),
    _field("seconds_judge", _FLOAT, "s", "Deciding, confirmation included."),
    _field("cost_usd", _FLOAT, "USD", "This epoch's seconds at the budget's price."),
    _optional("gpu", _TEXT, "", "What was rented; null: trained elsewhere, or before schema 2."),
    _optional("usd_per_hour", _FLOAT, "USD/h", "Its price then; null likewise."),
    _field("num_samples", _INT, "images", "Images measured."),
    _optional("mean_unique_colors", _FLOAT, "colors", "Mean over this epoch's images."),
    _optional("median_unique_colors", _FLOAT, "colors", "Median over this epoch's images."),
    _optional("mean_effective_colors", _FLOAT, "colors", "Mean over this epoch's images."),
    _optional("median_effective_colors", _FLOAT, "colors", "Median over this epoch's images."),
    _optional("clean_rate", _FLOAT, "share", "Images that pass every gate, 0 to 1."),
    *SET_SCHEMA,
    _field("decision", _TEXT, "", "CONTINUE, ABANDONED, PROMOTED or INCONCLUSIVE."),
    _optional("reason_code", _TEXT, "", "The rule that decided."),
    _EVAL_SET_ID,
    _METRIC_VERSION,
    _CHECKPOINT_HASH,
    _optional("resolution", _INT, "px", "Training and sampling size; null: not known."),
    _field("committed_at", _TIME, "", "When the epoch began to exist."),
]
_CONFIRMATION = [
    _field("role", _TEXT, "", "candidate or baseline."),
    _field("checkpoint", _TEXT, "", "<experiment_id>@<epoch> that made the image."),
]
_DECIDED = [
    _field("decided_at", _TIME, "", "When."),
    _optional("overridden_by", _TEXT, "", "Person who decided otherwise."),
    _optional("override_reason", _TEXT, "", "Why they did."),
]
_STATUS = [
    _field("name", _TEXT, "", "The configuration's name."),
    _field("status", _TEXT, "", "running, abandoned, promoted, inconclusive, failed or cancelled."),
    _optional("reason_code", _TEXT, "", "Why, in one word."),
    _optional("message", _TEXT, "", "Why, in one sentence."),
    _field("config_json", _TEXT, "JSON", "Resolved configuration; has `origin` where it was trained elsewhere."),
    _field("changed_at", _TIME, "", "When."),
    _field("attempt", _INT, "", "Attempt of the experiment, from 1."),
    _field("sequence", _INT, "", "Number of the change within the experiment, from 1."),
]
_CAPTION = [
    _field("file_name", _TEXT, "", "Sprite, relative to the dataset's folder."),
    _field("content_hash", _TEXT, "sha256", "Its pixels."),
    _field("strategy", _TEXT, "", "Where the caption comes from."),
    _field("caption", _TEXT, "", "The text that is trained on."),
    _field("split", _TEXT, "", "train or validation."),
    _optional("near_duplicate_of", _TEXT, "", "Sprite that it nearly repeats."),
    _optional("caption_notes", _TEXT, "", "What was mended in a generated caption: empty, repeated, cut."),
    _optional("num_tokens", _INT, "tokens", "Counted by the base's tokenizer; CLIP reads 75."),
    _optional("num_findings", _INT, "", "What the lint says of it, words that stand late apart."),
    _optional("findings_json", _TEXT, "JSON", "The lint's findings: rule, term, words, size_px, reason."),
]

_FLOOR = [
    _field("resolution", _INT, "px", "Training and sampling size."),
    _field("aligned", pa.bool_(), "", "Whether a cell is a whole number of latents at this size."),
    _field("latents_per_cell", _FLOAT, "latents", "Side of a cell."),
    _METRIC_VERSION,
    _field("num_sprites", _INT, "sprites", "Of the training art that were sent through."),
    _field("metric", _TEXT, "", "A metric of `samples`, or `clean`."),
    _optional("unit", _TEXT, "", "Of the figures."),
    *(
        _optional(f"{side}_{name}", _FLOAT, "", f"{name} over {what}.")
        for side, what in (("art", "the training art itself"), ("vae", "the art after the VAE alone"))
        for name in ("mean", "p5", "median", "p95")
    ),
]


_VOTE = [
    _field("epoch", _INT, "epoch", "Epoch of the experiment that was looked at."),
    _field("review_id", _TEXT, "", "One page: its pairs, their order and their sides."),
    _field("reviewer", _TEXT, "", "Who voted, as they named themselves."),
    _field("prompt_id", _TEXT, "", "Prompt of the pair."),
    _field("prompt", _TEXT, "", "Its text."),
    _field("seed", _LONG, "", "Seed of both images."),
    _field("baseline", _TEXT, "", "<experiment_id>@<epoch> of the other side."),
    _field("candidate_side", _TEXT, "", "left or right: where this experiment stood."),
    _field("choice", _TEXT, "", "candidate (this experiment), baseline or equal."),
    _field("seconds", _FLOAT, "s", "From seeing the pair to the vote."),
    _field("voted_at", _TIME, "", "When, by the reviewer's clock."),
    _field("imported_at", _TIME, "", "When it was stored."),
]


def _schema(*groups: list[pa.Field] | pa.Schema) -> pa.Schema:
    """The groups' fields in order, each name once."""
    fields: dict[str, pa.Field] = {}
    for field in (field for group in groups for field in group):
        known = fields.setdefault(field.name, field)
        assert known.type == field.type, f"{field.name} is {known.type} and {field.type}"
    return pa.schema(list(fields.values()), metadata={"pixelpipe.schema_version": SCHEMA_VERSION})


SCHEMAS: dict[str, pa.Schema] = {
    "samples": _schema(_LINEAGE, _EPOCH, _IMAGE, METRIC_SCHEMA, GATE_SCHEMA),
    "confirmations": _schema(_LINEAGE, _EPOCH, _CONFIRMATION, _IMAGE, METRIC_SCHEMA, GATE_SCHEMA),
    "epochs": _schema(_LINEAGE, _EPOCH, _EPOCH_SUMMARY),
    "decisions": _schema(_LINEAGE, _EPOCH, DECISION_SCHEMA, _DECIDED),
    "experiments": _schema(_LINEAGE, _STATUS),
    "captions": _schema(_LINEAGE, _CAPTION),
    "floors": _schema(_LINEAGE, _FLOOR),
    "votes": _schema(_LINEAGE, _VOTE),
}
PER_EPOCH = ("samples", "confirmations", "decisions", "epochs")
"""Tables with one file an (experiment, epoch, attempt), which exist once the `epochs` file does.

In `confirmations` experiment and epoch are the candidate's, for both roles: what is confirmed.
"""


def describe(table: str) -> pa.Table:
    """Columns of a table as rows: column, type, unit, description."""
    return describe_schema(SCHEMAS[table])


def describe_schema(schema: pa.Schema) -> pa.Table:
    fields = list(schema)
    return pa.table(
        {
            "column": [field.name for field in fields],
            "type": [str(field.type) for field in fields],
            "unit": [_metadata(field, "unit") for field in fields],
            "description": [_metadata(field, "description") for field in fields],
        }
    )


def _metadata(field: pa.Field, name: str) -> str:
    return (field.metadata or {}).get(name.encode(), b"").decode()
