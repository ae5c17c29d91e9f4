"""One contract for every kind of store, and what only a local disk can be asked: two processes, kill -9."""

import errno
import os
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

import fsspec
import pytest
from fsspec import AbstractFileSystem
from hypothesis import given
from hypothesis import strategies as st

from pixelpipe import keys, local_files
from pixelpipe.errors import AlreadyExistsError, BadInputError, CorruptCheckpointError, StoreError
from pixelpipe.store import Store


@pytest.fixture(params=["local", "file_url", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    urls = {
        "local": str(tmp_path / "store"),
        "file_url": f"file://{tmp_path / 'store'}",
        "memory": f"memory://{uuid.uuid4().hex}/deep",
    }
    return Store.open(urls[request.param])


@pytest.fixture
def local(tmp_path: Path) -> Store:
    return Store.open(tmp_path / "store")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "unet"
    (folder / "deep").mkdir(parents=True)
    (folder / "weights.bin").write_bytes(b"weights" * 1000)
    (folder / "deep" / "config.json").write_text("{}")
    return folder


# --- the contract -------------------------------------------------------------------------------------------


def test_put_then_read(store: Store):
    assert not store.exists("a/b.txt")
    store.put("a/b.txt", b"one")
    assert store.exists("a/b.txt")
    assert store.read("a/b.txt") == b"one"
    assert not store.exists("a")


def test_put_is_only_if_absent(store: Store):
    store.put("a/b.txt", b"one")
    with pytest.raises(AlreadyExistsError, match=r"a/b\.txt exists already"):
        store.put("a/b.txt", b"two")
    assert store.read("a/b.txt") == b"one"


def test_replace_overwrites(store: Store):
    store.replace("verdict.md", b"one, and longer")
    store.replace("verdict.md", b"two")
    assert store.read("verdict.md") == b"two"


@pytest.mark.parametrize("move", [False, True])
def test_put_file(store: Store, tmp_path: Path, move: bool):
    source = tmp_path / "sample.png"
    source.write_bytes(b"png")
    store.put_file("samples/a.png", source, move=move)
    assert store.read("samples/a.png") == b"png"
    assert source.exists() is not move


@pytest.mark.parametrize("move", [False, True])
def test_put_file_is_only_if_absent_and_keeps_the_source(store: Store, tmp_path: Path, move: bool):
    source = tmp_path / "sample.png"
    source.write_bytes(b"new")
    store.put("samples/a.png", b"old")
    with pytest.raises(AlreadyExistsError):
        store.put_file("samples/a.png", source, move=move)
    assert store.read("samples/a.png") == b"old"
    assert source.read_bytes() == b"new"


def test_list_is_sorted_recursive_and_by_folder(store: Store):
    for key in ("a/c/2", "a/b", "ab/x", "a/c/1", "z"):
        store.put(key, b"")
    assert store.list("a") == ["a/b", "a/c/1", "a/c/2"]
    assert store.list() == ["a/b", "a/c/1", "a/c/2", "ab/x", "z"]
    assert store.list("nothing") == []
    assert store.list("z") == []


def test_an_absent_store_reads_as_empty(store: Store):
    assert store.list() == []
    assert not store.exists("a")
    with pytest.raises(FileNotFoundError):
        store.read("a")
    store.delete_tree("a")
    assert store.sweep() == {}


def test_delete(store: Store):
    store.put("a/b", b"")
    store.put("a/c", b"")
    store.delete("a/b")
    store.delete("a/b")
    assert store.list() == ["a/c"]
    store.delete_tree("a")
    assert store.list() == []
    store.put("a/b", b"again")


def test_empty_files(store: Store):
    store.put("empty", b"")
    assert store.read("empty") == b""
    assert store.list() == ["empty"]


def test_check_writable_leaves_nothing_to_list(store: Store):
    store.check_writable()
    assert store.list() == []


@pytest.mark.parametrize("key", ["", "/etc/passwd", "../up", "a/../../b", "a//b", "a/./b", "a/", "a\\b", ".tmp/x"])
def test_keys_outside_the_store_are_bugs(store: Store, key: str):
    for operation in (store.read, store.exists, store.delete, store.uri, store.local_path, store.delete_tree):
        with pytest.raises(AssertionError):
            operation(key)
    with pytest.raises(AssertionError):
        store.put(key, b"")


# --- trees --------------------------------------------------------------------------------------------------


def test_a_tree_round_trips(store: Store, tree: Path, tmp_path: Path):
    digest = store.put_tree("checkpoints/epoch-01/unet", tree)
    fetched = store.fetch_tree("checkpoints/epoch-01/unet", tmp_path / "fetched")
    assert (fetched / "weights.bin").read_bytes() == b"weights" * 1000
    assert (fetched / "deep" / "config.json").read_text() == "{}"
    assert len(digest) == 64
    assert store.put_tree("another", tree) == digest, "the hash is of the contents only"
    assert store.fetch_tree("checkpoints/epoch-01/unet", tmp_path / "fetched") == fetched


def test_a_local_tree_is_verified_in_place(local: Store, tree: Path):
    local.put_tree("unet", tree)
    assert local.fetch_tree("unet") == local.local_path("unet")


def test_an_object_store_fetches_to_a_temporary_folder(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    store = Store.open(f"memory://{uuid.uuid4().hex}")
    store.put_tree("unet", tree)
    fetched = store.fetch_tree("unet")
    assert (fetched / "weights.bin").exists()
    assert not list(fetched.rglob("*.partial"))


def test_a_damaged_download_is_fetched_again(tree: Path, tmp_path: Path):
    store = Store.open(f"memory://{uuid.uuid4().hex}")
    store.put_tree("unet", tree)
    fetched = store.fetch_tree("unet", tmp_path / "cache")
    (fetched / "weights.bin").write_bytes(b"cut off")
    store.fetch_tree("unet", tmp_path / "cache")
    assert (fetched / "weights.bin").read_bytes() == b"weights" * 1000


def test_moving_a_tree_empties_its_source(store: Store, tree: Path):
    store.put_tree("unet", tree, move=True)
    assert [path for path in tree.rglob("*") if path.is_file()] == []
    assert store.read("unet/deep/config.json") == b"{}"


def test_leftovers_of_an_uncommitted_tree_are_removed(store: Store, tree: Path, tmp_path: Path):
    store.put("unet/weights.bin", b"half")
    store.put("unet/shard-7.bin", b"of another layout")
    with pytest.raises(CorruptCheckpointError, match=r"has no manifest\.json"):
        store.fetch_tree("unet", tmp_path / "fetched")
    store.put_tree("unet", tree)
    assert store.list("unet") == ["unet/deep/config.json", "unet/manifest.json", "unet/weights.bin"]


def test_a_committed_tree_stays(store: Store, tree: Path):
    store.put_tree("unet", tree)
    with pytest.raises(AlreadyExistsError, match="committed already"):
        store.put_tree("unet", tree)
    assert store.exists("unet/weights.bin")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (b"weights" * 999 + b"weighty", "weights.bin differs from its manifest: sha256"),
        (b"short", "weights.bin differs from its manifest: 5 bytes instead of 7000"),
        (None, "weights.bin is missing"),
    ],
)
def test_corruption_names_the_file(store: Store, tree: Path, tmp_path: Path, damage: bytes | None, message: str):
    store.put_tree("unet", tree)
    store.delete("unet/weights.bin")
    if damage is not None:
        store.put("unet/weights.bin", damage)
    with pytest.raises(CorruptCheckpointError, match=message):
        store.fetch_tree("unet", tmp_path / "fetched")


@pytest.mark.parametrize("manifest", [b"", b"[]", b'{"../up": {"sha256": "", "bytes": 1}}', b'{"a": 1}', b"\xff"])
def test_a_damaged_manifest_is_corruption(store: Store, tmp_path: Path, manifest: bytes):
    store.put("unet/manifest.json", manifest)
    with pytest.raises(CorruptCheckpointError, match="is not a manifest"):
        store.fetch_tree("unet", tmp_path / "fetched")


# --- places that cannot be a store ------------------------------------------------------------------------------


def test_a_file_in_the_way(tmp_path: Path):
    (tmp_path / "store").write_text("a file")
    with pytest.raises(BadInputError, match="must be a folder but is a file"):
        Store.open(tmp_path / "store")


def assert_not_writable(url: Path | str) -> None:
    with pytest.raises(BadInputError, match=r"must be a place that can be written but: .+") as caught:
        Store.open(url).check_writable()
    assert "\n" not in str(caught.value)
    assert str(url) in str(caught.value)


def test_a_parent_that_is_a_file(tmp_path: Path):
    (tmp_path / "parent").write_text("a file")
    assert_not_writable(tmp_path / "parent" / "store")


@pytest.mark.skipif(sys.platform != "linux", reason="/proc refuses new folders even to root")
def test_a_parent_that_cannot_be_created():
    assert_not_writable(Path("/proc/pixelpipe/store"))


def test_a_file_where_temporary_files_go(tmp_path: Path):
    (tmp_path / ".tmp").write_text("a file")
    assert_not_writable(tmp_path)


@pytest.mark.parametrize("url", ["", "  ", "nonsense://bucket/x"])
def test_urls_that_name_no_place(url: str):
    with pytest.raises(BadInputError) as caught:
        Store.open(url)
    assert "\n" not in str(caught.value)


def test_opening_creates_nothing(tmp_path: Path):
    Store.open(tmp_path / "store").list()
    assert not (tmp_path / "store").exists()


def test_uris(tmp_path: Path):
    assert Store.open(tmp_path / "s").uri("a/b") == str(tmp_path / "s" / "a" / "b")
    assert Store.open("memory://s/").uri("a/b") == "memory:///s/a/b"
    assert Store.open("memory://s/").local_path("a/b") is None


# --- temporary files ----------------------------------------------------------------------------------------


def test_temporary_files_are_never_listed_and_swept_when_old(local: Store, tmp_path: Path):
    local.put("a", b"")
    old, young = (tmp_path / "store" / ".tmp" / name for name in ("old", "young"))
    for path in (old, young):
        path.write_bytes(b"half")
    os.utime(old, (time.time() - 25 * 3600,) * 2)
    assert local.list() == ["a"]
    assert local.sweep(dry_run=True) == {"old": 4}
    assert old.exists()
    assert local.sweep() == {"old": 4}
    assert (old.exists(), young.exists()) == (False, True)


def test_a_scratch_folder_is_on_the_stores_disk_and_leaves_nothing(local: Store, tmp_path: Path):
    with local.scratch("save") as folder:
        (folder / "a").write_bytes(b"bytes")
        assert folder.is_relative_to(tmp_path / "store")
        assert local.list() == []
        local.put_file("a", folder / "a", move=True)
    assert local.list() == ["a"]
    assert list((tmp_path / "store" / ".tmp").iterdir()) == []


def test_sweeping_takes_what_a_killed_process_left_in_a_scratch_folder(local: Store, tmp_path: Path):
    with local.scratch("young") as young:
        left = young.parent / "old"
        left.mkdir()
        (left / "half").write_bytes(b"half")
        for path in (left / "half", left):
            os.utime(path, (time.time() - 25 * 3600,) * 2)
        assert local.sweep() == {"old/half": 4}
        assert (left.exists(), young.exists()) == (False, True)


def test_success_and_failure_leave_no_temporary_file(local: Store, tmp_path: Path):
    local.put("a", b"")
    local.replace("b", b"")
    with pytest.raises(AlreadyExistsError):
        local.put("a", b"")
    assert list((tmp_path / "store" / ".tmp").iterdir()) == []


# --- processes ----------------------------------------------------------------------------------------------

RACER = """
import sys
from pathlib import Path
from pixelpipe.errors import AlreadyExistsError
from pixelpipe.store import Store
url, name, links = sys.argv[1:]
if links == "without":
    import errno, os
    def refuse(*paths): raise OSError(errno.EPERM, "links are not supported here")
    os.link = refuse
store = Store.open(url)
print("ready", flush=True)
sys.stdin.readline()
won = []
for round in range(50):
    try:
        store.put(f"race/{round}", (name * 20_000).encode())
        won.append(str(round))
    except AlreadyExistsError:
        pass
print(" ".join(won))
"""


def start(source: str, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", source, *arguments]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def ready(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"


@pytest.mark.parametrize("links", ["with", "without"])
def test_of_eight_processes_exactly_one_wins(local: Store, links: str):
    processes = [start(RACER, local.url, str(number), links) for number in range(8)]
    for process in processes:
        ready(process)
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    outputs = [process.communicate()[0] for process in processes]
    won = [(round_, str(name)) for name, output in enumerate(outputs) for round_ in output.split()]
    assert sorted(int(round_) for round_, _ in won) == list(range(50))
    for round_, name in won:
        assert local.read(f"race/{round_}") == (name * 20_000).encode()


WRITER = """
import sys
from pixelpipe.store import Store
store = Store.open(sys.argv[1])
store.put("begun", b"")
print("ready", flush=True)
number = 0
while True:
    number += 1
    store.put(f"files/{number:06d}", b"x" * 300_000)
    store.replace("document", b"y" * 300_000)
"""


def sizes(store: Store) -> set[int]:
    return {len(store.read(key)) for key in store.list() if key != "begun"}


def test_readers_and_kill_9_at_any_moment_find_whole_files_only(tmp_path: Path):
    for watch_s in (0.003, 0.02, 0.05, 0.15):
        store = Store.open(tmp_path / str(watch_s))
        with start(WRITER, store.url) as process:
            try:
                ready(process)
                end = time.monotonic() + watch_s
                while time.monotonic() < end or not store.exists("document"):
                    assert sizes(store) <= {300_000}
            finally:
                process.send_signal(signal.SIGKILL)
        assert sizes(store) == {300_000}
        store.put("files/next", b"life goes on")


# --- disks with less ----------------------------------------------------------------------------------------


@pytest.fixture
def no_links(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk without hard links, such as exFAT: the one thing here that no disk at hand does by itself."""

    def refuse(*paths: Path) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(local_files.os, "link", refuse)


@pytest.mark.usefixtures("no_links")
def test_without_hard_links_put_is_still_whole_and_once(local: Store, tmp_path: Path, tree: Path):
    local.put("a", b"one")
    with pytest.raises(AlreadyExistsError):
        local.put("a", b"two")
    local.put_tree("unet", tree, move=True)
    local.fetch_tree("unet")
    assert local.read("a") == b"one"
    assert [path.name for path in (tmp_path / "store" / ".tmp").iterdir()] == [local_files.LOCK]
    os.utime(tmp_path / "store" / ".tmp" / local_files.LOCK, (0, 0))
    assert local.sweep() == {}, "the lock stays: removing it would let two in"


def test_moving_a_symbolic_link_copies_what_it_points_to(local: Store, tmp_path: Path):
    (tmp_path / "target").write_bytes(b"bytes")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    local.put_file("a", tmp_path / "link", move=True)
    path = local.local_path("a")
    assert path is not None
    assert not path.is_symlink()
    assert local.read("a") == b"bytes"
    assert (tmp_path / "target").exists()
    assert not (tmp_path / "link").is_symlink()


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="needs a second disk")
def test_moving_from_another_disk_copies(local: Store):
    source = Path("/dev/shm") / f"pixelpipe-{uuid.uuid4().hex}"
    source.write_bytes(b"bytes")
    local.put_file("a", source, move=True)
    assert local.read("a") == b"bytes"
    assert not source.exists()


# --- keys ---------------------------------------------------------------------------------------------------


def test_the_layout():
    assert keys.experiment_key("e-1a2b3c4d", "config.yaml") == "experiments/e-1a2b3c4d/config.yaml"
    assert keys.checkpoint_key("e", 3, 2, "unet") == "experiments/e/checkpoints/epoch-03-2/unet"
    assert keys.sample_key("e", 12, "p01", 7) == "experiments/e/samples/epoch-12/p01__7.png"
    assert keys.before_key("e", "p01", 7) == "experiments/e/before/p01__7.png"
    assert keys.confirmation_key("e", "baseline", "p01", 7) == "experiments/e/confirmation/baseline/p01__7.png"
    assert keys.results_key("samples", "e", "epoch-01-1") == "results/v1/samples/e/epoch-01-1.parquet"
    assert keys.line_key("portraits-24", "prompts.json") == "lines/portraits-24/prompts.json"


@given(st.integers(1, 10_000), st.integers(1, 10_000), st.sampled_from(["", "baseline"]))
def test_epoch_stems_parse_back(epoch: int, attempt: int, suffix: str):
    key = keys.results_key("samples", "e", keys.epoch_stem(epoch, attempt, suffix))
    assert keys.parse_epoch_key(key) == ("e", epoch, attempt)


@pytest.mark.parametrize("name", ["0001-running.parquet", "epoch-01-1.csv", "epoch-01.parquet", "epoch-1-1.parquet"])
def test_other_names_are_not_of_an_epoch(name: str):
    assert keys.parse_epoch_key(f"results/v1/samples/e/{name}") is None


@pytest.mark.parametrize("part", ["..", "a/../b", "", ".hidden", "a b", "epoch=1", "/a"])
def test_parts_that_are_no_names_are_bugs(part: str):
    with pytest.raises(AssertionError):
        keys.experiment_key(part)


@pytest.mark.parametrize(("epoch", "attempt", "suffix"), [(0, 1, ""), (1, 0, ""), (1, 1, "A B")])
def test_stems_count_from_one(epoch: int, attempt: int, suffix: str):
    with pytest.raises(AssertionError):
        keys.epoch_stem(epoch, attempt, suffix)


# --- a disk or a network that fails ------------------------------------------------------------------------------


class OutOfReach(AbstractFileSystem):
    """Whatever is asked of it, its library raises an error of its own."""

    protocol = "outofreach"

    def __getattribute__(self, name: str):
        if name in (
            "find",
            "info",
            "isdir",
            "isfile",
            "ls",
            "pipe_file",
            "put_file",
            "cat_file",
            "cat",
            "get_file",
            "rm",
            "rm_file",
        ):
            raise RuntimeError("could not connect:\n  10.0.0.1")
        return super().__getattribute__(name)


fsspec.register_implementation("outofreach", OutOfReach)


def test_a_server_that_does_not_answer_is_one_line(tmp_path: Path):
    store = Store.open("outofreach://bucket/prefix")
    (tmp_path / "file").touch()
    for action, call in {
        "write a/b": lambda: store.put("a/b", b""),
        "write a/c": lambda: store.replace("a/c", b""),
        "write a/d": lambda: store.put_file("a/d", tmp_path / "file"),
        "read a/b": lambda: store.read("a/b"),
        "look for a/b": lambda: store.exists("a/b"),
        "list a": lambda: store.list("a"),
        "remove a/b": lambda: store.delete("a/b"),
        "remove a": lambda: store.delete_tree("a"),
    }.items():
        with pytest.raises(StoreError) as caught:
            call()
        assert str(caught.value) == f"store {store.url}: cannot {action}: could not connect: 10.0.0.1"
    with pytest.raises(
        BadInputError, match=r"could not connect: 10\.0\.0\.1 \(a wrong address, or no credentials\?\)$"
    ):
        store.check_reachable()
    assert_not_writable(store.url)


def test_a_full_disk_is_one_line_and_leaves_nothing(local: Store, tmp_path: Path):
    """In a process that may write no file over 4 KiB: as on a full disk, the write fails in the middle."""
    local.put("small", b"x")
    code = (
        "import resource, signal, sys; from pixelpipe.store import Store\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "try: Store.open(sys.argv[1]).put('large', b'x' * 100_000)\n"
        "except Exception as error: print(type(error).__name__, error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, local.url], capture_output=True, text=True, check=True)
    assert done.stdout == f"StoreError store {local.url}: cannot write large: File too large\n"
    assert local.list() == ["small"]
    assert list((tmp_path / "store/.tmp").iterdir()) == []


def test_asking_whether_it_can_be_written_makes_no_store(local: Store, tmp_path: Path):
    local.check_writable()
    Store.open(tmp_path / "deep/er/store").check_writable()
    assert list(tmp_path.iterdir()) == []
