"""Promotions race: one candidate becomes the champion, and the others are judged against that one."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq

from pixelpipe.comparison.evidence import past_decisions
from pixelpipe.lines import champion, champion_history
from pixelpipe.pipeline.rejudge import rejudge
from pixelpipe.reporting.documents import write_documents
from pixelpipe.results.reader import latest_status, list_experiments, read_table

ROOT = Path(__file__).parents[2]


def race(folder: Path, **colors: float) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(Path(__file__).with_name("race.py")), str(folder)]
    racers = [
        subprocess.Popen(
            [*command, name, str(mean), str(len(colors))], env=environment, stderr=subprocess.PIPE, text=True
        )
        for name, mean in colors.items()
    ]
    for racer in racers:
        _, err = racer.communicate(timeout=180)
        assert racer.returncode == 0, err[-3000:]


def test_of_two_that_beat_the_champion_one_becomes_it_and_the_other_is_judged_again(painter):
    """Both are confirmed against the first champion, and end at the same moment, in processes of their own."""
    store = painter.store
    first = painter.run("first", lambda _: 27, training={"epochs": 1})
    race(painter.folder, racer1=19, racer2=19)
    history = champion_history(store, "art-24")
    assert len(history) == 2
    winner = history[-1]
    [loser] = [row for row in list_experiments(store) if row["experiment_id"] not in (first, winner.experiment_id)]
    assert (loser["status"], loser["epochs"]) == ("inconclusive", 1)
    assert latest_status(store, winner.experiment_id)["status"] == "promoted"
    [decision] = past_decisions(read_table(store, "decisions", loser["experiment_id"]))
    assert decision.champion == winner.reference
    assert decision.verdict == "INCONCLUSIVE"
    assert [each.differs_in for each in rejudge(store, loser["experiment_id"])] == [[]]
    assert set(write_documents(store, loser["experiment_id"]))
    [epoch] = read_table(store, "epochs", loser["experiment_id"]).to_pylist()
    files = [key for key in store.list("results/v1/epochs") if loser["experiment_id"] in key]
    assert (epoch["attempt"], len(files)) == (2, 2)
    assert read_table(store, "samples", loser["experiment_id"]).num_rows == 16


def test_a_candidate_that_beats_the_new_champion_too_follows_it(painter):
    store = painter.store
    painter.run("first", lambda _: 36, training={"epochs": 1})
    slow = {"training": {"epochs": 1, "learning_rate": 1e-3}}
    middle: list[str] = []

    def another_is_promoted_meanwhile() -> None:
        painter.before_conclusion = lambda: None
        fresh = {"candidate": 31, "baseline": 36}
        middle.append(painter.run("middle", lambda _: 31, fresh, training={"epochs": 1, "learning_rate": 1e-5}))

    painter.before_conclusion = another_is_promoted_meanwhile
    best = painter.run("best", lambda _: 26, {"candidate": 26, "baseline": 31}, **slow)
    assert [entry.experiment_id for entry in champion_history(store, "art-24")][1:] == [*middle, best]
    assert champion(store, "art-24").reference == f"{best}@1"
    [row] = read_table(store, "decisions", best).to_pylist()
    assert (row["champion"], row["confirmation_baseline"], row["verdict"]) == (f"{middle[0]}@1",) * 2 + ("PROMOTED",)
    seeds = {}
    for attempt in (1, 2):
        key = f"results/v1/confirmations/{best}/epoch-01-{attempt}.parquet"
        seeds[attempt] = set(read_parquet(store, key)["seed"].to_pylist())
    assert not seeds[1] & seeds[2], "a second confirmation must not look at the pictures that the first one chose by"
    spent = [read_parquet(store, f"results/v1/epochs/{best}/epoch-01-{a}.parquet").to_pylist()[0] for a in (1, 2)]
    assert spent[1]["seconds_judge"] > spent[0]["seconds_judge"]
    assert spent[1]["seconds_train"] == spent[0]["seconds_train"]


def read_parquet(store, key):
    return pq.read_table(io.BytesIO(store.read(key)))
