"""What many tests stand on: small real datasets, the tiny base, and a configuration that runs in seconds."""

import gc
import os
import tempfile
import zlib
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # no test loads anything from a hub
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
if "PYTEST_XDIST_WORKER" in os.environ:  # threads of two torch processes on the same cores mostly wait
    os.environ.setdefault("OMP_NUM_THREADS", "1")
# compiled once for all runs of the tests, which leave the user's own cache alone
os.environ.setdefault("NUMBA_CACHE_DIR", str(Path(__file__).parents[1] / ".pytest_cache/numba"))

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from pixelpipe.collector import resting
from pixelpipe.config import ExperimentConfig, parse_config
from pixelpipe.store import Store


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """It imports all that there is."""
    with resting():
        return (yield)


def pytest_unconfigure() -> None:
    """DuckDB, which the tests' modules import, says on stderr that it leaks where nothing is collected at the end."""
    gc.unfreeze()


TESTS = Path(__file__).parent
# What several files share and takes long to make, and files whose tests run long: they come first.
SHARED = ("undisturbed", "prefect_server")
LONGEST_FIRST = ("flows", "pipeline", "training", "cli")


@pytest.hookimpl(tryfirst=True)  # before xdist looks for the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Of several processes one runs all of a file, and all files that share the same: nothing is made twice."""
    shared: dict[Path, str] = {}
    for name in reversed(SHARED):
        shared |= {item.path: name for item in items if name in getattr(item, "fixturenames", ())}
    for item in items:
        item.add_marker(pytest.mark.xdist_group(shared.get(item.path) or str(item.path.relative_to(TESTS))))

    def place(item: pytest.Item) -> tuple[int, int]:
        folder = item.path.relative_to(TESTS).parts[0]
        return (
            SHARED.index(shared[item.path]) if item.path in shared else len(SHARED),
            LONGEST_FIRST.index(folder) if folder in LONGEST_FIRST else len(LONGEST_FIRST),
        )

    items.sort(key=place)


@pytest.fixture(scope="session", autouse=True)
def temporary_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What libraries, and processes that are killed, leave behind goes with the tests' own folders."""
    folder = tmp_path_factory.mktemp("tmp")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(folder))
        patch.setattr(tempfile, "tempdir", str(folder))
        yield folder


@pytest.fixture(scope="session", autouse=True)
def training_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Latents and embeddings go to a temporary folder, also those of processes that tests start."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PIXELPIPE_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session")
def portraits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 synthetic portraits with two kinds of captions."""
    from pixelpipe.data.portraits import write_dataset

    folder = tmp_path_factory.mktemp("dataset") / "portraits"
    write_dataset(folder, 40, seed=3)
    return folder


@pytest.fixture(scope="session")
def base() -> Any:
    """The tiny base. Its UNet is shared: a test that trains takes a copy."""
    from pixelpipe.models.layout import TINY
    from pixelpipe.models.load import load_base

    return load_base(TINY)


@pytest.fixture
def make_config(portraits: Path) -> Callable[..., ExperimentConfig]:
    """A configuration of a few seconds; keywords are sections, e.g. `make_config(training={"epochs": 1})`.

    Half the usual resolution takes a quarter of the time; no test that uses it asks how good the pictures are.
    """

    def make(**changes: Any) -> ExperimentConfig:
        values: dict[str, Any] = {
            "name": "small",
            "dataset": {"path": str(portraits), "repeats": 1, "validation_fraction": 0.2},
            "training": {"epochs": 2, "batch_size": 8, "learning_rate": 1e-3, "ema_decay": 0, "resolution": 96},
            "sampling": {"num_prompts": 8, "seeds_per_prompt": 1, "num_inference_steps": 2, "confirm_seeds": 1},
        }
        for key, change in changes.items():
            values[key] = {**values.get(key, {}), **change} if isinstance(change, dict) else change
        return parse_config(values, where="test")

    return make


@pytest.fixture(scope="session")
def prefect_server() -> Iterator[None]:
    """Prefect's own server on a temporary database, once a session: it takes 16 s to start."""
    from flows.connection import apply_settings

    apply_settings()
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=120):
        yield


GRID, IMAGES_AN_EPOCH = 24, 40
Colors = Callable[[int], float]  # epoch -> mean number of colors of its pictures


def picture(num_colors: int, seed: int) -> np.ndarray:
    """(24, 24, 3) uint8 with that many colors, all of them far apart for the eye; half of it background."""
    rng = np.random.default_rng(seed)
    levels = np.stack(np.meshgrid(*[np.arange(20, 256, 47)] * 3), axis=-1).reshape(-1, 3)
    palette = levels[rng.permutation(len(levels))[:num_colors]]
    cells = rng.permutation(np.arange(GRID * GRID) % (2 * num_colors))
    return palette[np.where(cells < num_colors, cells, 0)].reshape(GRID, GRID, 3).astype(np.uint8)


@dataclass
class Painter:
    """Runs experiments whose pictures are painted, not sampled; all that comes after the pictures is the real thing."""

    store: Store
    folder: Path
    monkeypatch: pytest.MonkeyPatch
    before_conclusion: Callable[[], object] = lambda: None

    def run(self, name: str, colors: Colors, fresh: Mapping[str, float] | None = None, **sections) -> str:
        """Run to its end; `fresh`: role -> colors on fresh seeds, where a promotion is confirmed. Returns the id."""
        from pixelpipe.pipeline.alone import run_alone

        values: dict[str, Any] = {
            "name": name,
            "line": "art-24",
            "dataset": {"path": str(self.folder / "art"), "repeats": 1, "validation_fraction": 0.3},
            "training": {"epochs": 4, "resolution": 96},  # of the floor alone, which the real VAE measures
            "sampling": {"num_prompts": 8, "seeds_per_prompt": 2, "confirm_seeds": 2},
        }
        for section, changes in sections.items():
            values[section] = {**values.get(section, {}), **changes} if isinstance(changes, dict) else changes
        with self.monkeypatch.context() as patch:  # a run may run another one in its midst
            self._stand_in(patch, colors, fresh or {})
            return run_alone(self.store, parse_config(values, "test")).experiment_id

    def paint_in_flows(self, colors: float, fresh: Mapping[str, float]) -> None:
        """From now on the flows' own stages train nothing and paint: candidates all alike, all that follows is real."""
        self._stand_in(self.monkeypatch, lambda _: colors, fresh)

    def _stand_in(self, patch: pytest.MonkeyPatch, colors: Colors, fresh: Mapping[str, float]) -> None:
        import pixelpipe.pipeline.alone as alone
        import pixelpipe.pipeline.fresh as fresh_seeds
        import pixelpipe.pipeline.run as stages
        from pixelpipe.pipeline.conclude import conclude

        def concluded(run: Any, decision: Any) -> Any:
            self.before_conclusion()
            return conclude(run, decision)

        for module in (stages, fresh_seeds):
            patch.setattr(module, "checkpoint_sampler", lambda *_: (None, None))
        patch.setattr(fresh_seeds, "sample_images", self._paint_fresh(fresh))
        patch.setattr(stages.ExperimentRun, "train_epoch", self._record)
        patch.setattr(stages.ExperimentRun, "sample_epoch", self._paint_epoch(colors))
        patch.setattr(alone, "conclude", concluded)

    @staticmethod
    def _record(run: Any) -> Any:
        """Of the next epoch, for `ExperimentRun.train_epoch`."""
        from pixelpipe.pipeline.stage_seconds import StageSeconds
        from pixelpipe.training.engine import EpochRecord

        decision = run.last_decision()
        epoch = decision.epoch + 1 if decision else 1
        run.seconds = StageSeconds(train=10.0, save=1.0, sample=5.0)
        saved: Future[str] = Future()
        saved.set_result("c" * 64)
        return EpochRecord(
            epoch=epoch,
            train_loss=0.2,
            validation_loss=0.2,
            learning_rate=1e-5,
            optimizer_steps=epoch,
            images_seen=IMAGES_AN_EPOCH * run.config.repeats * epoch,
            seconds_train=10.0,
            saved=saved,
        )

    def _paint_epoch(self, colors: Colors) -> Callable[[Any, Any], int]:
        """For `ExperimentRun.sample_epoch`. What is painted does not depend on ids, which change with every default."""

        def paint(run: Any, record: Any) -> int:
            plans, epoch = run.to_draw(record.epoch), record.epoch
            for plan in plans:
                what = (run.config.name, run.config.seed, epoch, plan)
                self._paint(run._sample_key(epoch, plan), colors(epoch), what)
            return len(plans)

        return paint

    def _paint_fresh(self, fresh: Mapping[str, float]):
        def paint(store, sampler, unet, plans, key_of, description):
            experiment_id, role = key_of.args
            for number, plan in enumerate(plans):
                self._paint(key_of(plan), fresh[role], (experiment_id.rpartition("-")[0], role, number))
            return len(plans)

        return paint

    def _paint(self, key: str, mean: float, what: tuple[object, ...]) -> None:
        from pixelpipe.data.png import encode_png

        seed = zlib.crc32(repr(what).encode())
        num_colors = round(mean * np.random.default_rng(seed).uniform(0.93, 1.07))
        self.store.replace(key, encode_png(picture(num_colors, seed)))


@pytest.fixture
def painter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Painter:
    return make_painter(tmp_path, monkeypatch)


def make_painter(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Painter:
    """With 16 sprites in `folder/art`, whose profile is that of the line."""
    from PIL import Image

    from pixelpipe.analysis.profile import build_profile
    from pixelpipe.lines import pin_profile

    art = [picture(14 + 3 * number // 2, number) for number in range(16)]
    (folder / "art").mkdir()
    for number, sprite in enumerate(art):
        Image.fromarray(sprite).save(folder / f"art/{number:02d}.png")
        (folder / f"art/{number:02d}.txt").write_text(f"sprite {number}")
    store = Store.open(folder / "store")
    pin_profile(store, "art-24", build_profile(np.stack(art), "d" * 64))
    return Painter(store, folder, monkeypatch)
