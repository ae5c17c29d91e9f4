"""What the flow and its training processes say to each other: small files in one folder, each put whole by a rename.

The flow asks for an epoch (`epoch-02.wanted`), the first process answers when it is trained and its checkpoint is kept
(`epoch-02.json`). A process that fails leaves `error-<rank>.json`. Files outlive whoever wrote them, and nobody has to
listen at the moment that something is said.
"""

import json
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pixelpipe.errors
from pixelpipe.errors import PixelpipeError, WorkerDiedError
from pixelpipe.keys import epoch_name
from pixelpipe.training.engine import EpochRecord

POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class EpochFiles:
    """The folder of one launch; every method says which side calls it."""

    folder: Path

    def ask(self, epoch: int) -> None:
        """The flow: train this epoch."""
        self._put(f"{epoch_name(epoch)}.wanted", {})

    def wait_until_asked(self, epoch: int) -> None:
        """A training process: an epoch that nobody asked for is never trained, since the verdict may abandon it."""
        _wait_for(self.folder / f"{epoch_name(epoch)}.wanted", lambda: None)

    def answer(self, record: EpochRecord) -> None:
        """The first training process: the epoch is trained and its checkpoint is in the store."""
        fields = {name: getattr(record, name) for name in EpochRecord.__dataclass_fields__ if name != "saved"}
        self._put(f"{epoch_name(record.epoch)}.json", fields | {"checkpoint_hash": record.checkpoint_hash})

    def wait_for_answer(self, epoch: int, check: Callable[[], None]) -> EpochRecord:
        """The flow; `check` is called meanwhile and raises when the processes are gone."""
        answer = self.folder / f"{epoch_name(epoch)}.json"
        _wait_for(answer, check)
        fields: dict[str, Any] = json.loads(answer.read_text())
        saved: Future[str] = Future()
        saved.set_result(fields.pop("checkpoint_hash"))
        return EpochRecord(**fields, saved=saved)

    def report(self, rank: int, error: BaseException) -> None:
        """A training process: why it ends."""
        text = " ".join(str(error).split())
        self._put(f"error-{rank}.json", {"error": type(error).__name__, "message": text, "time": time.time()})

    def reported_error(self) -> PixelpipeError | None:
        """The flow: the first error that was raised on purpose, else the first of any kind; None: nobody said why."""
        reports = [json.loads(path.read_text()) for path in self.folder.glob("error-*.json")]
        for report in sorted(reports, key=lambda report: report["time"]):
            known = getattr(pixelpipe.errors, report["error"], None)
            if known is not None and issubclass(known, PixelpipeError):
                return known(report["message"])
        if not reports:
            return None
        first = min(reports, key=lambda report: report["time"])
        return WorkerDiedError(f"a training process ended: {first['error']}: {first['message']}")

    def _put(self, name: str, content: dict[str, Any]) -> None:
        partial = self.folder / f".{name}.partial"
        partial.write_text(json.dumps(content))
        partial.replace(self.folder / name)


def _wait_for(path: Path, check: Callable[[], None]) -> None:
    while not path.exists():
        check()
        time.sleep(POLL_S)
