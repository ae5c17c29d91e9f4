import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import numpy as np
import pytest

from pixelpipe.analysis.profile import Profile, build_profile
from pixelpipe.errors import ConfigError
from pixelpipe.lines import (
    Champion,
    champion,
    champion_history,
    line_names,
    move_champion,
    pin_profile,
    pin_prompts,
    pinned_profile,
    stored_prompts,
)
from pixelpipe.sampling.evaluation import Prompt
from pixelpipe.store import Store

RACERS = 8


@pytest.fixture(params=["local", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return Store.open(tmp_path / "store" if request.param == "local" else f"memory://{tmp_path.name}-lines")


def move(store: Store, after: int, experiment_id: str = "x-1a2b3c4d", line: str = "art-24") -> Champion | None:
    return move_champion(store, line, after=after, experiment_id=experiment_id, epoch=3, reason="better", set_by="rule")


def prompts(text: str) -> tuple[Prompt, ...]:
    return (Prompt(prompt_id="p001", text=text, source="é.png", held_out=True),)


def profile(seed: int, grid: int = 24) -> Profile:
    return build_profile(
        np.random.default_rng(seed).integers(0, 256, (3, grid, grid, 3), dtype=np.uint8), f"hash {seed}"
    )


def test_a_new_line_is_empty(store):
    assert champion(store, "art-24") is None
    assert champion_history(store, "art-24") == []
    assert stored_prompts(store, "art-24") is None
    assert pinned_profile(store, "art-24", 24) is None
    assert line_names(store) == []


def test_the_history_grows_and_its_end_is_the_champion(store):
    moves = [move(store, after, f"x-{after}") for after in range(12)]
    history = champion_history(store, "art-24")
    assert history == moves
    assert [entry.sequence for entry in history] == list(range(1, 13))
    current = champion(store, "art-24")
    assert current == history[-1]
    assert current is not None
    assert current.reference == "x-11@3"
    assert champion(store, "other-24") is None


def test_whoever_looked_too_early_does_not_move_it(store):
    assert move(store, 0, "first")
    assert move(store, 0, "late") is None
    assert [entry.experiment_id for entry in champion_history(store, "art-24")] == ["first"]


def test_lines_do_not_mix(store):
    move(store, 0, "one", "art-24")
    move(store, 0, "two", "art-2")
    pin_prompts(store, "trees-32", prompts("an oak"))
    assert line_names(store) == ["art-2", "art-24", "trees-32"]
    assert [entry.experiment_id for entry in champion_history(store, "art-2")] == ["two"]


def test_of_racing_threads_one_wins(tmp_path):
    store, barrier = Store.open(tmp_path / "store"), Barrier(RACERS)

    def race(number: int) -> list[Champion | None]:
        results = []
        for after in range(5):
            barrier.wait()
            results.append(move(store, after, f"x-{number}"))
        return results

    with ThreadPoolExecutor(RACERS) as pool:
        rounds = zip(*pool.map(race, range(RACERS)), strict=True)
        winners = [[entry for entry in entries if entry] for entries in rounds]
    assert [len(entries) for entries in winners] == [1] * 5
    assert champion_history(store, "art-24") == [entries[0] for entries in winners]


def test_of_racing_processes_one_wins(tmp_path):
    code = (
        "import sys; from pixelpipe.lines import move_champion; from pixelpipe.store import Store\n"
        "store = Store.open(sys.argv[1]); print('ready', flush=True); sys.stdin.readline()\n"
        "moves = [move_champion(store, 'art-24', after=n, experiment_id=sys.argv[2], epoch=1, reason='r', set_by='s')"
        " for n in range(50)]\n"
        "print(sum(move is not None for move in moves))"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "store")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    racers = [subprocess.Popen([*command, f"x-{number}"], **pipes) for number in range(3)]
    for racer in racers:
        assert racer.stdout.readline() == "ready\n"
    wins = []
    for racer in racers:
        racer.stdin.write("go\n")
        racer.stdin.flush()
    for racer in racers:
        output, _ = racer.communicate(timeout=60)
        assert racer.returncode == 0
        wins.append(int(output))
    assert sum(wins) == 50
    history = champion_history(Store.open(tmp_path / "store"), "art-24")
    assert [entry.sequence for entry in history] == list(range(1, 51))
    assert [sum(entry.experiment_id == f"x-{number}" for entry in history) for number in range(3)] == wins


def test_prompts_are_pinned_once(store):
    assert pin_prompts(store, "art-24", prompts("a königin")) == prompts("a königin")
    assert pin_prompts(store, "art-24", prompts("other")) == prompts("a königin")
    assert stored_prompts(store, "art-24") == prompts("a königin")


def test_the_profile_is_pinned_once(store):
    assert pin_profile(store, "art-24", profile(1)) == profile(1)
    assert pin_profile(store, "art-24", profile(2)) == profile(1)
    pinned = pinned_profile(store, "art-24", 24)
    assert pinned is not None
    assert pinned.profile_hash == profile(1).profile_hash


def test_another_grid_is_another_line(store):
    pin_profile(store, "art-24", profile(1))
    with pytest.raises(ConfigError, match=r"`dataset.grid` must be 24, that of line art-24, but got 32"):
        pinned_profile(store, "art-24", 32)


def test_files_that_a_desktop_leaves_are_no_lines_and_no_champions(tmp_path):
    store = Store.open(tmp_path)
    move(store, 0)
    for name in ("lines/.DS_Store", "lines/art-24/.DS_Store", "lines/art-24/champions/.DS_Store"):
        (tmp_path / name).write_bytes(b"\0")
    assert line_names(store) == ["art-24"]
    assert len(champion_history(store, "art-24")) == 1
