"""Writing under a lease: whoever lost it writes nothing that counts, however long the process stood still.

A look at the lease before a write is not enough: a process may be stopped between the two (SIGSTOP, a lost network, a
laptop's lid) and write hours later. So what makes an epoch exist is claimed first, under a number of the attempt's own
that is put only if absent, e.g. `attempts/0001/claim-0003.json`. Whoever takes the experiment over puts the next number
itself, which seals the attempt: it can claim no more. One of the two wins each number. A claim that was won before
holds all that it takes to finish it, so it is finished. Everything else that an attempt writes bears its number or is
the same whoever writes it, and it deletes only what earlier attempts left.
"""

import base64
import json
from collections.abc import Callable, Iterable
from itertools import count
from pathlib import Path

from pixelpipe.errors import AlreadyExistsError
from pixelpipe.keys import experiment_key
from pixelpipe.store import Store


class FencedStore(Store):
    """The store of an attempt: every change looks first whether the attempt still holds its lease.

    `check` raises when it does not; `check_known` the same, from what is known already: for an epoch's pictures.
    """

    def __init__(
        self,
        store: Store,
        experiment_id: str,
        attempt: int,
        check: Callable[[], None],
        check_known: Callable[[], None],
    ) -> None:
        super().__init__(store.url, store._files)
        self._claim_key = lambda number: claim_key(experiment_id, attempt, number)
        self._check, self._check_known = check, check_known
        self._claims = 0

    def put(self, key: str, data: bytes) -> None:
        self._check()
        super().put(key, data)

    def put_file(self, key: str, local: Path, move: bool = False) -> None:
        self._check()
        super().put_file(key, local, move)

    def replace(self, key: str, data: bytes) -> None:
        self._check()
        super().replace(key, data)

    def redraw(self, key: str, data: bytes) -> None:
        self._check_known()
        super().replace(key, data)

    def delete(self, key: str) -> None:
        self._check()
        super().delete(key)

    def delete_tree(self, prefix: str) -> None:
        self._check()
        super().delete_tree(prefix)

    def delete_many(self, keys: Iterable[str]) -> None:
        self._check()
        super().delete_many(keys)

    def commit(self, key: str, data: bytes) -> None:
        """Put once and for all attempts: claimed, then put. Raises what `check` raises when the attempt is sealed."""
        self._check()
        claim = json.dumps({"key": key, "data": base64.b64encode(data).decode()}).encode()
        claim_key = self._claim_key(self._claims + 1)
        try:
            super().put(claim_key, claim)
        except AlreadyExistsError:
            if self.read(claim_key) != claim:  # it is ours where a client put it twice after a lost answer
                self._check()  # sealed by a later attempt, so this raises
                raise
        self._claims += 1
        _finish(super().put, key, data)


def claim_key(experiment_id: str, attempt: int, number: int) -> str:
    return experiment_key(experiment_id, "attempts", f"{attempt:04d}", f"claim-{number:04d}.json")


def claims(store: Store, experiment_id: str, attempt: int) -> int:
    """How many epochs the attempt committed; a seal is none."""
    keys = store.list(experiment_key(experiment_id, "attempts", f"{attempt:04d}"))
    return sum("sealed_by" not in json.loads(store.read(key)) for key in keys)


def seal(store: Store, experiment_id: str, attempt: int, by: int) -> None:
    """Let the attempt commit nothing more, and finish what it claimed last."""
    last = None
    for number in count(1):
        key = claim_key(experiment_id, attempt, number)
        try:
            store.put(key, json.dumps({"sealed_by": by}).encode())
            break
        except AlreadyExistsError:
            claim = json.loads(store.read(key))
            if "sealed_by" in claim:
                break
            last = claim
    if last is not None:
        _finish(store.put, last["key"], base64.b64decode(last["data"]))


def _finish(put: Callable[[str, bytes], None], key: str, data: bytes) -> None:
    """Of a claim that was won; it may be finished already."""
    try:
        put(key, data)
    except AlreadyExistsError:
        return
