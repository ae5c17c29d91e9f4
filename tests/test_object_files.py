"""The store on S3, against moto's server, with 500s and cut connections injected."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import s3fs

import pixelpipe.object_files as object_files
from benchmarks.faulty_s3 import BUCKET, CREDENTIALS, Faulty, serving
from pixelpipe.errors import AlreadyExistsError, BadInputError, StoreError
from pixelpipe.object_files import ObjectFiles
from pixelpipe.store import Store

URL = f"s3://{BUCKET}/team"


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[str, Faulty]]:
    with pytest.MonkeyPatch.context() as patch, serving() as (address, faulty):
        for name, value in {**CREDENTIALS, "AWS_ENDPOINT_URL": address}.items():
            patch.setenv(name, value)
        yield address, faulty
        s3fs.S3FileSystem.clear_instance_cache()


@pytest.fixture
def faulty(server: tuple[str, Faulty]) -> Iterator[Faulty]:
    yield server[1]
    server[1].share, server[1].next = 0.0, []


@pytest.fixture
def store(faulty: Faulty, request: pytest.FixtureRequest) -> Store:
    return Store.open(f"{URL}/{request.node.name}")


@pytest.fixture
def impatient(server: tuple[str, Faulty]) -> Store:
    """Which tries everything once."""
    keys = {"key": CREDENTIALS["AWS_ACCESS_KEY_ID"], "secret": CREDENTIALS["AWS_SECRET_ACCESS_KEY"]}
    once = {"retries": {"total_max_attempts": 1}}
    options = {"endpoint_url": server[0], "client_kwargs": {"region_name": "us-east-1"}, "use_listings_cache": False}
    return Store("s3://art/once", ObjectFiles(s3fs.S3FileSystem(**keys, **options, config_kwargs=once), "art/once"))


def test_the_contract_holds_while_requests_fail(store: Store, faulty: Faulty, tmp_path: Path):
    faulty.share = 0.2
    (tmp_path / "unet").mkdir()
    (tmp_path / "unet/weights").write_bytes(b"weights" * 1000)
    for number in range(12):
        store.put(f"results/{number:02d}", b"%d" % number)
        with pytest.raises(AlreadyExistsError, match="exists already"):
            store.put(f"results/{number:02d}", b"again")
    store.replace("results/00", b"new")
    assert list(store.read_many(store.list("results"))) == [b"new", *(b"%d" % number for number in range(1, 12))]
    store.put_tree("checkpoints/unet", tmp_path / "unet")
    assert (store.fetch_tree("checkpoints/unet", tmp_path / "back") / "weights").read_bytes() == b"weights" * 1000
    store.delete("results/00")
    assert (store.exists("results/00"), store.exists("results/01"), store.exists("results")) == (False, True, False)
    store.delete_many(store.list("results")[:5])
    assert len(store.list("results")) == 6
    store.delete_tree("results")
    assert store.list() == ["checkpoints/unet/manifest.json", "checkpoints/unet/weights"]
    assert sum(faulty.injected.values()) > 10


@pytest.mark.parametrize("kind", ["500 after", "cut after"])
def test_a_put_whose_answer_is_lost_is_ours(store: Store, faulty: Faulty, kind: str):
    faulty.next = [kind]
    store.put("once", b"mine")
    assert store.read("once") == b"mine"
    with pytest.raises(AlreadyExistsError):
        store.put("once", b"of another writer")


def test_a_large_file_goes_up_in_parts_and_appears_whole(
    store: Store, faulty: Faulty, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(object_files, "UPLOAD_PART_BYTES", 5 * 2**20)
    large, other = os.urandom(11 * 2**20), tmp_path / "other"
    (tmp_path / "large").write_bytes(large)
    other.write_bytes(b"x" * 11 * 2**20)
    # begun, three parts, of which one is sent again, and completed without an answer
    faulty.next = [None, None, "cut before", None, None, "cut after"]
    store.put_file("unet.safetensors", tmp_path / "large", move=True)
    assert store.read("unet.safetensors") == large
    assert not (tmp_path / "large").exists()
    with pytest.raises(AlreadyExistsError):
        store.put_file("unet.safetensors", other, move=True)
    assert other.exists()
    assert faulty.injected["cut after"] >= 1


def test_a_large_file_is_read_though_its_connections_are_cut(store: Store, faulty: Faulty, tmp_path: Path):
    data = os.urandom(12 * 2**20)
    store.replace("unet.safetensors", data)
    faulty.next = ["cut within the body"]
    assert store.read("unet.safetensors") == data
    faulty.next = ["cut within the body"]
    store._files.download("unet.safetensors", tmp_path / "local")
    assert (tmp_path / "local").read_bytes() == data


def test_a_server_that_fails_is_neither_an_empty_store_nor_an_absent_file(impatient: Store, faulty: Faulty):
    impatient.put("results/row", b"1")
    for ask in (lambda: impatient.list("results"), lambda: impatient.exists("results/row")):
        faulty.next = ["500 before"] * 3
        with pytest.raises(StoreError):
            ask()
        faulty.next = []
    assert impatient.list("results") == ["results/row"]


def test_a_bucket_that_is_not_there_is_one_line(faulty: Faulty):
    absent = Store.open("s3://no-such-bucket/team")
    for check in (absent.check_reachable, absent.check_writable):
        with pytest.raises(BadInputError, match=r"^store s3://no-such-bucket/team: .*bucket does not exist") as caught:
            check()
        assert "\n" not in str(caught.value)


def test_of_two_processes_exactly_one_creates_each_key(store: Store, faulty: Faulty):
    faulty.share = 0.1
    code = (
        "import sys; from pixelpipe.store import Store; from pixelpipe.errors import AlreadyExistsError\n"
        "store, won = Store.open(sys.argv[1]), 0\n"
        "for number in range(25):\n"
        "    try: store.put(f'keys/{number:02d}', sys.argv[2].encode()); won += 1\n"
        "    except AlreadyExistsError: pass\n"
        "print(won)\n"
    )
    writers = [
        subprocess.Popen([sys.executable, "-c", code, store.url, name], stdout=subprocess.PIPE, text=True)
        for name in ("one", "two")
    ]
    won = {name: int(writer.communicate()[0]) for name, writer in zip(("one", "two"), writers, strict=True)}
    kept = [data.decode() for data in store.read_many(store.list("keys"))]
    assert {name: kept.count(name) for name in won} == won
    assert sum(won.values()) == 25
