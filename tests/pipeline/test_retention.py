"""What old experiments keep: the policy's days on one side, what may still be asked for on the other."""

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pixelpipe.keys import before_key, checkpoint_key, confirmation_key, experiment_key, sample_key
from pixelpipe.lease import acquire
from pixelpipe.lines import move_champion
from pixelpipe.pipeline.baseline import Baseline
from pixelpipe.pipeline.maintenance import maintenance_records
from pixelpipe.pipeline.retention import Removal, Retention, prune
from pixelpipe.pipeline.stored_weights import Weights, put_weights
from pixelpipe.reporting.maintenance import maintenance_sentence
from pixelpipe.results.writer import append_status, table_of, write_rows
from pixelpipe.store import Store
from tests.cli.conftest import minimal

NOW = datetime(2026, 11, 26, tzinfo=UTC)
ALL = Retention(checkpoints_days=30, samples_days=30)
EPOCHS = (1, 2, 3, 4)  # the second is the best


class Shelf:
    """Experiments with four epochs each, with all their files."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.store = store
        self.weights = folder / "weights"
        self.weights.mkdir()
        (self.weights / "w.safetensors").write_bytes(b"w" * 1000)

    def add(self, experiment_id: str, status: str = "inconclusive", days: float = 40) -> str:
        lineage = {"experiment_id": experiment_id, "line": "art-24"}
        for epoch in EPOCHS:
            row = minimal("epochs", **lineage, epoch=epoch, attempt=1, mean_effective_colors=20.0 + abs(epoch - 2))
            write_rows(self.store, "epochs", experiment_id, f"epoch-{epoch:02d}-1", table_of("epochs", [row]))
            self.store.put_tree(checkpoint_key(experiment_id, epoch, 1, "unet"), self.weights)
            self.store.put(sample_key(experiment_id, epoch, "p000", 1), b"png" * 100)
        self.store.put_tree(checkpoint_key(experiment_id, 4, 1, "training_state"), self.weights)
        self.store.put(before_key(experiment_id, "p000", 1), b"png")
        for role in ("candidate", "baseline"):
            self.store.put(confirmation_key(experiment_id, role, "p000", 1), b"png")
        change = minimal("experiments", **lineage, status=status, name="x", config_json="{}")
        del change["sequence"]
        append_status(self.store, change | {"changed_at": NOW - timedelta(days=days)})
        return experiment_id

    def champion(self, experiment_id: str, epoch: int, after: int = 0) -> None:
        moved = move_champion(
            self.store, "art-24", after=after, experiment_id=experiment_id, epoch=epoch, reason="x", set_by="rule"
        )
        assert moved is not None

    def kept(self, experiment_id: str, what: str) -> list[int]:
        keys = self.store.list(experiment_key(experiment_id, what))
        return sorted({int(key.split("/")[3].split("-")[1]) for key in keys})


@pytest.fixture(params=["local", "memory"])
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> Shelf:
    url = str(tmp_path / "store") if request.param == "local" else f"memory://{tmp_path.name}-shelf"
    return Shelf(Store.open(url), tmp_path)


def test_temporary_files_of_killed_processes_go_whatever_the_policy(tmp_path: Path):
    store, left = Store.open(tmp_path), tmp_path / ".tmp" / "checkpoint-of-a-killed-run"
    left.mkdir(parents=True)
    (left / "unet.safetensors").write_bytes(b"half")
    assert prune(store, Retention()) == [], "a process may still be writing it"
    for path in (left / "unet.safetensors", left):
        os.utime(path, (time.time() - 25 * 3600,) * 2)
    expected = [Removal(None, "temporary", None, num_files=1, num_bytes=4)]
    assert prune(store, Retention(), dry_run=True) == expected
    assert left.exists()
    assert prune(store, Retention()) == expected
    assert not left.exists()
    said = maintenance_sentence(maintenance_records([], expected), dry_run=False)
    assert said == "1 file of processes that were killed goes, 4 bytes"


def test_last_and_best_stay(shelf: Shelf):
    one = shelf.add("one-1a2b3c4d")
    removals = prune(shelf.store, ALL, now=NOW)
    assert shelf.kept(one, "checkpoints") == shelf.kept(one, "samples") == [2, 4]
    assert shelf.store.exists(f"{checkpoint_key(one, 4, 1, 'training_state')}/manifest.json")
    assert shelf.store.list(experiment_key(one, "confirmation")) == []
    assert shelf.store.exists(before_key(one, "p000", 1)), "a sprite, as those in the rows"
    assert sorted((each.kind, each.epoch or 0, each.experiment_id) for each in removals) == [
        *(("checkpoint", epoch, one) for epoch in (1, 3)),
        ("confirmation", 0, one),  # both sides': one row
        *(("samples", epoch, one) for epoch in (1, 3)),
    ]
    assert [each.num_bytes for each in removals] == sorted((each.num_bytes for each in removals), reverse=True)
    assert next(each.num_bytes for each in removals if each.kind == "samples") == 300
    assert prune(shelf.store, ALL, now=NOW) == []


def test_a_dry_run_says_the_same_and_removes_nothing(shelf: Shelf):
    shelf.add("one-1a2b3c4d")
    before = shelf.store.list()
    said = prune(shelf.store, ALL, now=NOW, dry_run=True)
    assert shelf.store.list() == before
    assert prune(shelf.store, ALL, now=NOW) == said
    assert len(before) - len(shelf.store.list()) == sum(each.num_files for each in said)


@pytest.mark.parametrize("policy", [Retention(), Retention(checkpoints_days=41), Retention(samples_days=41)])
def test_what_is_young_or_of_no_policy_stays(shelf: Shelf, policy: Retention):
    shelf.add("one-1a2b3c4d", days=40)
    assert prune(shelf.store, policy, now=NOW) == []


def test_each_kind_has_days_of_its_own(shelf: Shelf):
    one = shelf.add("one-1a2b3c4d", days=40)
    prune(shelf.store, Retention(checkpoints_days=30, samples_days=90), now=NOW)
    assert (shelf.kept(one, "checkpoints"), shelf.kept(one, "samples")) == ([2, 4], [1, 2, 3, 4])


def test_all_of_the_champions_experiment_stays_and_what_was_a_champion(shelf: Shelf):
    former, current = shelf.add("former-1a2b3c4d", "promoted"), shelf.add("current-1a2b3c4d", "promoted")
    shelf.champion(former, 3)
    shelf.champion(current, 4, after=1)
    prune(shelf.store, ALL, now=NOW)
    assert shelf.kept(current, "checkpoints") == shelf.kept(current, "samples") == [1, 2, 3, 4]
    assert shelf.kept(former, "checkpoints") == [2, 3, 4]


def test_what_runs_and_what_it_is_judged_against_stays(shelf: Shelf):
    running, baseline = shelf.add("running-1a2b3c4d", "failed"), shelf.add("baseline-1a2b3c4d")
    pinned = Baseline(experiment_id=baseline, epoch=4).model_dump_json().encode()
    shelf.store.replace(experiment_key(running, "baseline.json"), pinned)
    with acquire(shelf.store, running):
        assert prune(shelf.store, ALL, now=NOW) == []
    assert {each.experiment_id for each in prune(shelf.store, ALL, now=NOW)} == {running}, "it failed, and is not held"
    assert shelf.add("dead-1a2b3c4d", "running") not in {
        each.experiment_id for each in prune(shelf.store, ALL, now=NOW)
    }


def test_killed_in_the_middle_it_leaves_no_damaged_checkpoint(shelf: Shelf, monkeypatch: pytest.MonkeyPatch):
    one = shelf.add("one-1a2b3c4d")
    real: Callable[..., Any] = Store.delete_many

    def die_after_the_manifests(self: Store, keys: list[str]) -> None:
        real(self, keys)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Store, "delete_many", die_after_the_manifests)
        with pytest.raises(KeyboardInterrupt):
            prune(shelf.store, ALL, now=NOW)
    left = shelf.store.list(experiment_key(one, "checkpoints", "epoch-01-1"))
    assert [key for key in left if key.endswith("manifest.json")] == []
    prune(shelf.store, ALL, now=NOW)
    assert shelf.kept(one, "checkpoints") == [2, 4]


def test_a_policy_has_no_other_fields():
    for wrong in ({"checkpoint_days": 3}, {"samples_days": -1}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            Retention(**wrong)


def test_a_champion_that_was_scored_again_keeps_the_weights_that_it_borrows(shelf: Shelf):
    """Its own folder has none: all epochs of the experiment that trained them stay."""
    trained, again = shelf.add("trained-1a2b3c4d"), shelf.add("again-1a2b3c4d")
    put_weights(shelf.store, again, Weights(kind="experiment", experiment_id=trained))
    shelf.champion(again, 3)
    other = shelf.add("other-1a2b3c4d")
    prune(shelf.store, ALL, now=NOW)
    assert (shelf.kept(trained, "checkpoints"), shelf.kept(other, "checkpoints")) == ([1, 2, 3, 4], [2, 4])
    shelf.champion(other, 4, after=1)
    prune(shelf.store, ALL, now=NOW)
    assert shelf.kept(trained, "checkpoints") == [2, 3, 4]
