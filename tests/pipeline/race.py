"""One candidate of a race: `race.py FOLDER NAME COLORS NUM_RACERS`. It waits for the others before its end."""

import sys
import time
from pathlib import Path

import pytest

from pixelpipe.store import Store
from tests.conftest import Painter

if __name__ == "__main__":
    folder, name, colors, num_racers = Path(sys.argv[1]), sys.argv[2], float(sys.argv[3]), int(sys.argv[4])
    monkeypatch = pytest.MonkeyPatch()

    def line_up() -> None:
        (folder / f"{name}.ready").touch()
        while len(list(folder.glob("*.ready"))) < num_racers:
            time.sleep(0.002)

    painter = Painter(Store.open(folder / "store"), folder, monkeypatch, before_conclusion=line_up)
    painter.run(
        name,
        lambda _: colors,
        fresh={"candidate": colors, "baseline": 27},
        training={"epochs": 1, "learning_rate": 1e-4 * int(name[-1])},
    )
