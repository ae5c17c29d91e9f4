"""A lease: one process at a time runs an experiment, and its attempts are numbered.

Attempt n is the file `experiments/<id>/attempts/000n.json`, put only if absent, so of two starters one gets it. It ends
with `000n.ended.json`, or is taken over by attempt n + 1: at once when its holder died on this host (host, boot,
process namespace, pid and start time tell, so a reused pid does not count), and after a minute without a heartbeat
anywhere. A holder that only stood still finds out at its next step or write, and `fence.py` lets it commit nothing.
"""

import logging
import threading
import time
from types import TracebackType

from pixelpipe.attempts import (
    EXPIRES_AFTER_S,
    HEARTBEAT_S,
    Record,
    age_s,
    as_json,
    attempt_key,
    holder_record,
    is_here,
    last_heartbeat,
    lives,
    newest_attempt,
    now,
    read_record,
)
from pixelpipe.errors import AlreadyExistsError, ExperimentHeldError, LeaseLostError, StoreError
from pixelpipe.fence import FencedStore, claims, seal
from pixelpipe.store import Store

logger = logging.getLogger(__name__)


class Lease:
    """Held by this process. Entered, it gives heartbeats from a thread until it is left, which ends the attempt."""

    def __init__(self, store: Store, experiment_id: str, attempt: int, heartbeat_s: float = HEARTBEAT_S) -> None:
        self.experiment_id, self.attempt = experiment_id, attempt
        self.store = FencedStore(store, experiment_id, attempt, self.check, self.check_known)
        self._place, self._lost = store, False
        self._left = threading.Event()
        self._heartbeat = threading.Thread(target=self._beat, args=(heartbeat_s,), name="pixelpipe-lease", daemon=True)

    def check(self) -> None:
        """Raise `LeaseLostError`, which says to whom, once another attempt has taken the experiment over."""
        self._lost = self._lost or self._place.exists(attempt_key(self.experiment_id, self.attempt + 1))
        self.check_known()

    def check_known(self) -> None:
        """The same without asking the store: cheap enough for every step of a training."""
        if not self._lost:
            return
        record = read_record(self._place, self.experiment_id, self.attempt + 1)
        raise LeaseLostError(
            f"experiment {self.experiment_id}: attempt {self.attempt} stood still too long; since "
            f"{record['acquired_at'][:19]} UTC attempt {record['attempt']} goes on, pid {record['pid']} on "
            f"{record['host']['name']}"
        )

    def release(self, error: str | None = None) -> None:
        """End the attempt; ending it twice, or after somebody ended it by hand, is fine."""
        self._left.set()
        key = attempt_key(self.experiment_id, self.attempt, ".ended")
        if not self._place.exists(key):
            self._place.replace(key, as_json({"attempt": self.attempt, "ended_at": now(), "error": error}))

    def __enter__(self) -> "Lease":
        self._heartbeat.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release(None if kind is None else kind.__name__)

    def _beat(self, heartbeat_s: float) -> None:
        key, failed = attempt_key(self.experiment_id, self.attempt, ".heartbeat"), False
        while not self._left.wait(heartbeat_s):
            try:
                self.check()
                self._place.replace(key, as_json({"at": now()}))
                failed = False
            except LeaseLostError as error:
                logger.error("%s", error)
                return
            except StoreError as error:  # it may come back, and if it does not, the run itself fails
                if not failed:
                    logger.warning("no heartbeat of %s: %s", self.experiment_id, error)
                failed = True


def acquire(
    store: Store, experiment_id: str, heartbeat_s: float = HEARTBEAT_S, expires_after_s: float = EXPIRES_AFTER_S
) -> Lease:
    """The next attempt of an experiment, numbered from 1.

    Raises `ExperimentHeldError` (one line: who, where, since when) while the newest attempt's holder lives. Of another
    host only heartbeats tell: this waits for the next one, at most `expires_after_s`.
    """
    while True:
        attempt = newest_attempt(store, experiment_id)
        if _is_open(store, experiment_id, attempt):
            _await_end(store, read_record(store, experiment_id, attempt))
        try:
            record = holder_record(experiment_id, attempt + 1, heartbeat_s, expires_after_s)
            store.put(attempt_key(experiment_id, attempt + 1), as_json(record))
        except AlreadyExistsError:
            continue  # another process was first: see whether it holds
        for earlier in range(1, attempt + 1):
            if not _was_released(store, experiment_id, earlier):
                seal(store, experiment_id, earlier, by=attempt + 1)
        return Lease(store, experiment_id, attempt + 1, heartbeat_s)


def check_free(store: Store, experiment_id: str) -> None:
    """Raise `ExperimentHeldError` while the newest attempt's holder lives, as far as can be told at once."""
    attempt = newest_attempt(store, experiment_id)
    if _is_open(store, experiment_id, attempt):
        record = read_record(store, experiment_id, attempt)
        if (lives(record) if is_here(record) else True) and _silent_s(store, record) < record["expires_after_s"]:
            raise _held(store, record)


def deaths_in_a_row(store: Store, experiment_id: str, attempt: int) -> int:
    """How many attempts right before this one died, and committed no epoch."""
    deaths = 0
    for earlier in range(attempt - 1, 0, -1):
        if _was_released(store, experiment_id, earlier) or claims(store, experiment_id, earlier):
            break
        deaths += 1
    return deaths


def _is_open(store: Store, experiment_id: str, attempt: int) -> bool:
    return attempt > 0 and not store.exists(attempt_key(experiment_id, attempt, ".ended"))


def _was_released(store: Store, experiment_id: str, attempt: int) -> bool:
    """By its holder, that is: who ends an attempt by hand cannot know that nothing is on its way."""
    key = attempt_key(experiment_id, attempt, ".ended")
    return store.exists(key) and b'"ended_at"' in store.read(key)


def _await_end(store: Store, record: Record) -> None:
    """Return when the holder is dead or has ended, or was silent for so long that it counts as dead."""
    if is_here(record) and not lives(record):
        return
    if is_here(record) and _silent_s(store, record) < record["expires_after_s"]:
        raise _held(store, record)
    first, started = last_heartbeat(store, record), time.monotonic()
    logger.info("%s; watching whether it lives", _held(store, record))
    while _is_open(store, record["experiment_id"], record["attempt"]):
        if last_heartbeat(store, record) != first:
            raise _held(store, record)
        watched_s = time.monotonic() - started
        # its clock, or ours, may be wrong: however old a heartbeat looks, two more must be missed
        if watched_s > record["expires_after_s"] or (
            watched_s > 2 * record["heartbeat_s"] and age_s(first) > record["expires_after_s"]
        ):
            return
        time.sleep(min(1.0, record["heartbeat_s"] / 2))


def _silent_s(store: Store, record: Record) -> float:
    return age_s(last_heartbeat(store, record))


def _held(store: Store, record: Record) -> ExperimentHeldError:
    who = f"pid {record['pid']} on {record['host']['name']} since {record['acquired_at'][:19]} UTC"
    silent_s = max(0, round(_silent_s(store, record)))
    return ExperimentHeldError(
        f"experiment {record['experiment_id']} is running: {who}; stop it first (its last heartbeat was {silent_s} s "
        f"ago, and after {record['expires_after_s']:.0f} s without one it counts as gone)"
    )
