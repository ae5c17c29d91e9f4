"""What is kept of old experiments: rotation says what must be, a policy says from when on no more is.

Rows are never removed, nor the sprites that stand in them; what takes space are checkpoints and full-size pictures.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from pixelpipe.config.form import describe_ranges, title
from pixelpipe.errors import ExperimentHeldError
from pixelpipe.keys import epoch_name, experiment_key
from pixelpipe.lease import check_free
from pixelpipe.lines import champion_history, line_names
from pixelpipe.pipeline.baseline import Baseline
from pixelpipe.pipeline.status import FINISHED
from pixelpipe.pipeline.stored_weights import lender
from pixelpipe.results.reader import list_experiments, read_table
from pixelpipe.results.writer import committed_epochs
from pixelpipe.store import MANIFEST, Store

MAX_DAYS = 36_500.0  # a century: more overflows in time's own arithmetic
Kind = Literal["checkpoint", "samples", "confirmation", "temporary"]


class Retention(BaseModel):
    """Days since an experiment's last change of status; without them nothing is removed."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", field_title_generator=title, json_schema_extra=describe_ranges
    )

    checkpoints_days: float | None = Field(
        default=None,
        ge=0,
        le=MAX_DAYS,
        title="Days of checkpoints",
        description="After so many days only the last checkpoint, the best and champions stay; None: all.",
    )
    samples_days: float | None = Field(
        default=None,
        ge=0,
        le=MAX_DAYS,
        title="Days of full-size pictures",
        description="After so many days only those of the same epochs stay, and every sprite; None: all.",
    )


@dataclass(frozen=True, slots=True)
class Removal:
    """One folder that was, or would be, removed; or all temporary files of processes that were killed."""

    experiment_id: str | None  # None: of none
    kind: Kind
    epoch: int | None
    num_files: int
    num_bytes: int


@dataclass(frozen=True, slots=True)
class _Protected:
    """What may still be asked for, whatever the policy says."""

    experiments: frozenset[str]  # champions', which may have to be scored again, and baselines of unfinished runs
    epochs: dict[str, set[int]]  # experiment -> epochs that were a champion


def prune(store: Store, policy: Retention, *, now: datetime | None = None, dry_run: bool = False) -> list[Removal]:
    """Remove what the policy no longer keeps, or with `dry_run` only say what that is; the largest first.

    Whatever the policy, temporary files go that killed processes left a day ago or more.

    Left alone, whatever their age: the current champions' experiments, experiments that run or that an unfinished one
    is judged against, and of every experiment its last and best epoch and those that were a champion.
    """
    left = store.sweep(dry_run)
    removals = [Removal(None, "temporary", None, len(left), sum(left.values()))] if left else []
    if policy.checkpoints_days is None and policy.samples_days is None:
        return removals
    now = now or datetime.now(UTC)
    listed = list_experiments(store)
    protected = _protected(store, listed)
    for row in listed:
        if row["experiment_id"] in protected.experiments or _runs(store, row):
            continue
        found = list(_removable(store, row, policy, protected, now - row["changed_at"]))
        removals += [removal for removal, _ in found]
        if not dry_run:
            for _, keys in found:
                _remove(store, keys)
    return sorted(removals, key=lambda removal: -removal.num_bytes)


def without_samples(removals: Iterable[Removal]) -> list[str]:
    """Experiments that lost full-size pictures of an epoch: reports link to them."""
    return sorted({str(removal.experiment_id) for removal in removals if removal.kind == "samples"})


def _protected(store: Store, listed: list[dict[str, Any]]) -> _Protected:
    experiments, epochs = set(), {}
    for line in line_names(store):
        history = champion_history(store, line)
        experiments.update(entry.experiment_id for entry in history[-1:])
        for entry in history:
            epochs.setdefault(entry.experiment_id, set()).add(entry.epoch)
    for row in listed:
        key = experiment_key(row["experiment_id"], "baseline.json")
        if row["status"] not in FINISHED and store.exists(key):
            judged_against = Baseline.model_validate_json(store.read(key)).experiment_id
            experiments.update({judged_against} - {None})
    for borrower, numbers in list(epochs.items()):  # a checkpoint that was scored again lies where it was trained
        epochs.setdefault(lender(store, borrower), set()).update(numbers)
    return _Protected(frozenset(experiments | {lender(store, name) for name in experiments}), epochs)


def _runs(store: Store, row: dict[str, Any]) -> bool:
    """Now, or it is to go on: a `running` one whose process died is resumed by the same command."""
    try:
        check_free(store, row["experiment_id"])
    except ExperimentHeldError:
        return True
    return row["status"] == "running"


def _removable(
    store: Store, row: dict[str, Any], policy: Retention, protected: _Protected, age: timedelta
) -> Iterator[tuple[Removal, list[str]]]:
    """Removals with their keys."""
    experiment_id = row["experiment_id"]
    kept = last_and_best(store, experiment_id) | protected.epochs.get(experiment_id, set())
    if not kept:  # no epoch is committed: nothing says which one is the last
        return
    folders: dict[Kind, str] = {}
    if policy.checkpoints_days is not None and age >= timedelta(days=policy.checkpoints_days):
        folders["checkpoint"] = "checkpoints"
    if policy.samples_days is not None and age >= timedelta(days=policy.samples_days):
        folders["samples"] = "samples"
        folders["confirmation"] = "confirmation"
    for kind, folder in folders.items():
        names = {epoch_name(epoch): epoch for epoch in committed_epochs(store, experiment_id)}
        groups: dict[str, dict[str, int]] = {}
        for key, num_bytes in store.sizes(experiment_key(experiment_id, folder)).items():
            name = key.split("/")[3] if kind != "confirmation" else folder  # both sides' pictures go together
            groups.setdefault(name, {})[key] = num_bytes
        for name, sizes in sorted(groups.items()):
            epoch = names.get(name, names.get(name.rpartition("-")[0]))  # checkpoints: by epoch and attempt
            if kind == "confirmation" or (epoch is not None and epoch not in kept):
                yield Removal(experiment_id, kind, epoch, len(sizes), sum(sizes.values())), list(sizes)


def last_and_best(store: Store, experiment_id: str) -> set[int]:
    """The committed epochs of an experiment that is no champion's whose checkpoints may still be asked for.

    The last, and the best by its mean; of what is known by no figures, the last.
    """
    rows = read_table(store, "epochs", experiment_id, columns=["epoch", "mean_effective_colors"]).to_pylist()
    measured = [row for row in rows if row["mean_effective_colors"] is not None]
    best = min(measured, key=lambda row: (row["mean_effective_colors"], row["epoch"]), default=None)
    return {row["epoch"] for row in (max(rows, key=lambda row: row["epoch"], default=None), best) if row is not None}


def _remove(store: Store, keys: list[str]) -> None:
    """Manifests first: killed in the middle, what is left is no checkpoint rather than a damaged one."""
    manifests = [key for key in keys if key.endswith(f"/{MANIFEST}")]
    store.delete_many(manifests)
    store.delete_many(sorted(set(keys) - set(manifests)))
