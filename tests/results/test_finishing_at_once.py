"""40 experiments that end at the same moment, in processes and threads of their own: no row is lost."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

from pixelpipe.lines import champion_history
from pixelpipe.results.reader import list_experiments, read_table
from pixelpipe.store import Store

PROCESSES, THREADS = 4, 10


def test_no_row_is_lost(tmp_path: Path):
    store, script = Store.open(tmp_path / "store"), Path(__file__).with_name("finish_experiments.py")
    processes = [
        subprocess.Popen(
            [sys.executable, str(script), store.url, str(THREADS * number), str(THREADS)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(PROCESSES)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    champions = [int(process.communicate(timeout=120)[0]) for process in processes]
    assert all(process.returncode == 0 for process in processes)

    experiments = [f"e{number}-1a2b3c4d" for number in range(PROCESSES * THREADS)]
    for table, count in (("samples", 2), ("decisions", 2), ("epochs", 1), ("experiments", 2)):
        found = Counter(read_table(store, table, columns=["experiment_id"])["experiment_id"].to_pylist())
        assert found == dict.fromkeys(experiments, count), table
    assert sum(champions) == 1
    [won] = champion_history(store, "art-24")
    status = {row["experiment_id"]: row["status"] for row in list_experiments(store)}
    assert status == {name: "promoted" if name == won.experiment_id else "inconclusive" for name in experiments}
