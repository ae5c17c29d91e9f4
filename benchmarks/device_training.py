"""Training and sampling on a GPU, ours beside diffusers' own, in one run with SD1.5's architecture and random weights.

    python benchmarks/device_training.py --script path/to/train_text_to_image.py --minutes 5 --json results.json

Sections in the order of their weight, each guarded: what fails, takes too long or has no time left is said, and the
rest goes on. On a machine without a GPU: `--device cpu --base tiny --resolution 96 --batch-sizes 4`. The script: see
diffusers_script.py.
"""

import argparse
import dataclasses
import gc
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

STARTED = time.time()
ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np
import torch
from accelerate import Accelerator
from diffusers import AutoencoderKL, DPMSolverMultistepScheduler, StableDiffusionPipeline, UNet2DConditionModel
from PIL import Image
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from benchmarks.random_cache import random_cache
from pixelpipe.config import parse_config
from pixelpipe.models.layout import SD15, TINY
from pixelpipe.models.load import load_base
from pixelpipe.sampling.evaluation import ImagePlan
from pixelpipe.sampling.sampler import TIMESTEP_SPACING, Sampler
from pixelpipe.store import Store
from pixelpipe.training.checkpoint import CheckpointStore
from pixelpipe.training.engine import Trainer, TrainingData

TFLOP_PER_IMAGE_512 = 2.41  # forward and backward of SD1.5's UNet
PEAK_TFLOPS = 989.0  # H100 SXM, dense bf16
PROMPT = "pixel art portrait, red hair, glasses"


class TooLong(BaseException):
    """A section took longer than its limit; no `Exception`, which a compiler would catch and wrap."""


def too_long(*_: Any) -> None:
    raise TooLong


@dataclasses.dataclass
class Bench:
    """What every section needs, and where its figures go."""

    options: argparse.Namespace
    base_folder: Path
    results: dict[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def device(self) -> torch.device:
        return torch.device(self.options.device)

    @property
    def precision(self) -> str:
        return "bf16" if self.device.type == "cuda" else "no"

    @property
    def num_steps(self) -> int:
        """That are timed."""
        return 10 if self.device.type == "cuda" else 40

    def left_s(self) -> float:
        return 60 * self.options.minutes - (time.time() - STARTED)

    def section(self, name: str, needs_s: int, limit_s: int, work: Callable[[], dict[str, Any]]) -> None:
        """Run `work` if `needs_s` are left, for at most `limit_s`: a signal ends it, which waits for a kernel only."""
        if self.options.only and not name.startswith(tuple(self.options.only)):
            return
        if self.left_s() < needs_s:
            self._say(name, {"skipped": f"{self.left_s():.0f} s left, {needs_s} s needed"})
            return
        started = time.time()
        signal.alarm(int(min(limit_s, self.left_s())))
        try:
            result = work()
        except TooLong:
            result = {"failed": "it took too long"}
        except Exception as error:
            reason = " ".join(str(error).split())[-400:]
            result = {"failed": f"{type(error).__name__}: {reason}"}
            traceback.print_exc(limit=-4)
        finally:
            signal.alarm(0)
        self._say(name, {**result, "section_s": round(time.time() - started, 1)})
        release()

    def _say(self, name: str, result: dict[str, Any]) -> None:
        self.results[name] = result
        figures = "  ".join(
            f"{key} {value:.4g}" if isinstance(value, float) else f"{key} {value}" for key, value in result.items()
        )
        print(f"{name:34s} {figures}", flush=True)
        if self.options.json:
            self.options.json.write_text(json.dumps(self.results, indent=1))


def release() -> None:
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def synchronize() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def wait_for_steps() -> None:
    """For what trains, not for the copy of a checkpoint beside it."""
    if torch.cuda.is_available():
        torch.cuda.current_stream().synchronize()


# --- the base: SD1.5's architecture with random weights, as a folder that both sides load --------------------------


def write_base(options: argparse.Namespace, folder: Path) -> Path:
    if options.base == "tiny":
        return TINY
    torch.manual_seed(0)
    with torch.device(options.device):
        unet = UNet2DConditionModel.from_config(UNet2DConditionModel.load_config(SD15 / "unet"))
        vae = AutoencoderKL.from_config(AutoencoderKL.load_config(SD15 / "vae"))
        text_encoder = CLIPTextModel(CLIPTextConfig.from_pretrained(SD15 / "text_encoder"))
    from diffusers import DDPMScheduler

    StableDiffusionPipeline(
        vae=vae,
        text_encoder=text_encoder,
        tokenizer=CLIPTokenizer.from_pretrained(SD15 / "tokenizer"),
        unet=unet,
        scheduler=DDPMScheduler.from_config(DDPMScheduler.load_config(SD15 / "scheduler")),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    ).save_pretrained(folder)
    return folder


def write_images(folder: Path, count: int, size_px: int) -> None:
    """An imagefolder of flat-celled sprites, enlarged."""
    folder.mkdir(parents=True)
    generator = np.random.default_rng(0)
    rows = []
    for number in range(count):
        sprite = generator.integers(0, 256, (24, 24, 3), dtype=np.uint8)
        Image.fromarray(sprite).resize((size_px, size_px), Image.Resampling.NEAREST).save(folder / f"{number:04d}.png")
        rows.append(json.dumps({"file_name": f"{number:04d}.png", "text": f"{PROMPT}, number {number}"}))
    (folder / "metadata.jsonl").write_text("\n".join(rows))


# --- ours ----------------------------------------------------------------------------------------------------------


def make_trainer(bench: Bench, batch_size: int, repeats: int, unet: Any = None, **training: Any) -> Trainer:
    """A batch's worth of samples, seen `repeats` times: so many steps an epoch."""
    model = training.pop("model", {})
    values = {"resolution": bench.options.resolution, "epochs": 8, "batch_size": batch_size, "learning_rate": 1e-5}
    values |= {"mixed_precision": bench.precision, **training}
    config = parse_config({"name": "b", "dataset": {"path": "x"}, "model": model, "training": values}, "benchmark")
    unet = unet if unet is not None else fresh_unet(bench)
    width = unet.config.cross_attention_dim
    tokens = 77 if bench.options.base == "sd15" else 40
    caches = [random_cache(count, bench.options.resolution, bench.device, tokens, width) for count in (batch_size, 2)]
    scheduler = json.loads((bench.base_folder / "scheduler/scheduler_config.json").read_text())
    data = TrainingData(*caches, repeats=repeats)
    return Trainer(unet, scheduler, data, config.training, config.model, 1, Accelerator(cpu=bench.device.type == "cpu"))


def fresh_unet(bench: Bench) -> UNet2DConditionModel:
    torch.manual_seed(0)
    with torch.device(bench.device):
        return UNet2DConditionModel.from_config(UNet2DConditionModel.load_config(bench.base_folder / "unet"))


def train_speed(bench: Bench, batch_size: int, compiled: bool = False) -> dict[str, Any]:
    """Images a second of the engine's own epoch, warm: everything from gathering the batch to the optimizer."""
    trainer, steps = make_trainer(bench, batch_size, 3), bench.num_steps
    if compiled:
        trainer.compile()
    started = time.perf_counter()
    trainer._train_epoch(1)
    synchronize()
    result = {"warm_up_s": time.perf_counter() - started}
    trainer.data = dataclasses.replace(trainer.data, repeats=steps)
    started, cpu_started = time.perf_counter(), time.process_time()
    trainer._train_epoch(2)
    synchronize()
    step_s = (time.perf_counter() - started) / steps
    result = {"images_per_s": batch_size / step_s, **result}
    if compiled:
        result |= {"compile_s": result["warm_up_s"] - 3 * step_s}
    if bench.device.type == "cpu":
        result["images_per_cpu_s"] = batch_size * steps / (time.process_time() - cpu_started)
    peak_bytes = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else None
    return result | accounting(bench, batch_size / step_s, peak_bytes)


def profile(bench: Bench, batch_size: int) -> dict[str, Any]:
    """Where an uncompiled step's time goes: what takes most, to a file; of a GPU, operations and their kernels."""
    trainer = make_trainer(bench, batch_size, 1)
    trainer._train_epoch(1)
    with torch.profiler.profile() as profiler:  # of all that there is: a CPU, a GPU
        trainer._train_epoch(2)
        synchronize()
    events = profiler.key_averages()
    table = events.table(sort_by=f"self_{bench.device.type}_time_total", row_limit=30, max_name_column_width=100)
    bench.options.profile.write_text(table)
    return {"file": str(bench.options.profile)}


def accounting(bench: Bench, rate: float, peak_bytes: int | None) -> dict[str, Any]:
    result: dict[str, Any] = {} if peak_bytes is None else {"peak_GiB": peak_bytes / 2**30}
    if bench.options.base == "sd15" and bench.options.resolution == 512:
        result["MFU_percent"] = 100 * rate * TFLOP_PER_IMAGE_512 / PEAK_TFLOPS
    return result


# --- theirs --------------------------------------------------------------------------------------------------------


def diffusers_speed(bench: Bench, images: Path, batch_size: int) -> dict[str, Any]:
    script, steps, workers = bench.options.script, bench.num_steps, 8 if bench.device.type == "cuda" else 0
    if script is None or not script.is_file():
        return {"skipped": "train_text_to_image.py was not given: --script PATH (see diffusers_script.py)"}
    with tempfile.TemporaryDirectory() as scratch:
        times = Path(scratch) / "times.json"
        command = [
            sys.executable,
            str(ROOT / "benchmarks/diffusers_script.py"),
            str(times),
            str(steps + 3),
            str(script),
        ]
        command += ["--pretrained_model_name_or_path", str(bench.base_folder), "--train_data_dir", str(images)]
        command += ["--resolution", str(bench.options.resolution), "--train_batch_size", str(batch_size)]
        command += ["--mixed_precision", bench.precision, "--learning_rate", "1e-5", "--lr_warmup_steps", "0"]
        command += ["--max_train_steps", "1000", "--checkpointing_steps", "100000", "--seed", "1"]
        command += ["--dataloader_num_workers", str(workers), "--output_dir", scratch, "--report_to", "all"]
        command += ["--cache_dir", str(Path(scratch) / "cache")]
        if bench.device.type == "cuda":
            command.append("--allow_tf32")
        environment = {**os.environ, "HF_HUB_OFFLINE": "1", "WANDB_MODE": "disabled"}
        if bench.options.script_packages:
            paths = (str(bench.options.script_packages), os.environ.get("PYTHONPATH", ""))
            environment["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
        if bench.device.type == "cpu":
            environment["CUDA_VISIBLE_DEVICES"] = ""
        started = time.time()
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if not times.is_file():
            raise RuntimeError(done.stderr[-1500:])
        found = json.loads(times.read_text())
    taken = found["times"]
    rate = batch_size * steps / (taken[-1] - taken[2])
    result = {"images_per_s": rate, "command_to_first_step_s": taken[0] - started}
    if bench.device.type == "cpu":
        result["images_per_cpu_s"] = batch_size * steps / (found["cpu_times"][-1] - found["cpu_times"][2])
    return result | accounting(bench, rate, found["peak_bytes"])


def first_step(bench: Bench, images: Path) -> dict[str, Any]:
    """Seconds from our command to the end of the first step: imports, loading, encoding 200 sprites, the step."""
    with tempfile.TemporaryDirectory() as scratch:
        command = [sys.executable, __file__, "--device", bench.options.device, "--base", bench.options.base]
        command += ["--resolution", str(bench.options.resolution), "--child", str(bench.base_folder), str(images)]
        figures = {}
        for name in ("first_time_s", "cached_s"):
            started = time.time()
            environment = {**os.environ, "PIXELPIPE_CACHE": scratch}
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
            if done.returncode:
                raise RuntimeError(done.stderr[-1500:])
            figures[name] = float(done.stdout.splitlines()[-1]) - started
    return figures


def child_first_step(bench: Bench, images: Path) -> None:
    from pixelpipe.data.manifest import Sample
    from pixelpipe.data.sprites import load_sprites
    from pixelpipe.training.cache import build_cache

    base = load_base(bench.base_folder, bench.device)
    lines = [json.loads(line) for line in (images / "metadata.jsonl").read_text().splitlines()]
    captions = {line["file_name"]: line["text"] for line in lines}
    small = images.parent / "sprites"
    samples = [Sample(sprite, captions[sprite.file_name], "train") for sprite in load_sprites(small, 24)]
    cache = build_cache(base, samples, bench.options.resolution)
    trainer = make_trainer(bench, min(32, len(samples)), 1, unet=base.unet)
    trainer.data = dataclasses.replace(trainer.data, train=cache)
    trainer.step.unet.train()
    next(iter(_steps(trainer)))
    synchronize()
    print(time.time())


def _steps(trainer: Trainer) -> Iterator[torch.Tensor]:
    cache = trainer.data.train
    everything = torch.arange(len(cache))
    order = everything.split(trainer.config.batch_size)
    latents, hidden = cache.latents.batches(order), trainer._hidden_states(1, everything, list(order))
    for rows in order:
        yield trainer._train_step(len(rows), trainer._bounds(len(rows)), latents, hidden)


# --- epochs, exactness, sampling -----------------------------------------------------------------------------------


def epoch_gap(bench: Bench, batch_size: int) -> dict[str, Any]:
    """Seconds from the last step of an epoch to the first of the next, and how long the save takes beside it."""
    trainer = make_trainer(bench, batch_size, 4, epochs=2)
    marks: list[float] = []
    step = trainer.step.__call__

    class Marking:
        def __getattr__(self, name: str) -> Any:
            return getattr(trainer_step, name)

        def __call__(self, *args: Any) -> Any:
            wait_for_steps()
            marks.append(time.perf_counter())
            result = step(*args)
            wait_for_steps()
            marks.append(time.perf_counter())
            return result

    trainer_step, trainer.step = trainer.step, Marking()
    with tempfile.TemporaryDirectory() as scratch:
        checkpoints = CheckpointStore(Store.open(scratch), "benchmark-1")
        epochs = trainer.train_epochs(checkpoints)
        first = next(epochs)
        started = time.perf_counter()
        second = trainer._train_epoch(2)
        overlapped = time.perf_counter() - started
        gap = marks[8] - marks[7]
        waited = time.perf_counter()
        first.saved.result()
        saved = time.perf_counter() - marks[7]
        waited = time.perf_counter() - waited
        epochs.close()
    steps = [stop - start for start, stop in zip(marks[::2], marks[1::2], strict=True)]
    return {
        "gap_s": gap,
        "save_s": saved,
        "step_before_s": statistics.median(steps[1:4]),
        "step_while_saving_s": statistics.median(steps[5:8]),
        "epoch_while_saving_s": overlapped,
        "loss": second,
    }


def exactness(bench: Bench) -> dict[str, Any]:
    """Resumed beside uninterrupted, with everything on, on this device; the tiny UNet."""
    config = UNet2DConditionModel.load_config(TINY / "unet")

    def make() -> Trainer:
        torch.manual_seed(0)
        unet = UNet2DConditionModel.from_config(config).to(bench.device)
        options = argparse.Namespace(**{**vars(bench.options), "base": "tiny", "resolution": 192})
        small = Bench(options, TINY)
        everything = {"ema_decay": 0.9, "gradient_accumulation_steps": 2, "min_snr_gamma": 5.0, "noise_offset": 0.05}
        return make_trainer(small, 8, 3, unet=unet, epochs=3, learning_rate=1e-3, **everything)

    with tempfile.TemporaryDirectory() as scratch:
        places = [CheckpointStore(Store.open(f"{scratch}/{name}"), "x-1") for name in ("straight", "resumed")]
        straight = make()
        expected = [record.validation_loss for record in straight.train_epochs(places[0])]
        found = []
        for epoch in range(3):
            trainer = make()
            if epoch:
                trainer.resume(places[1], epoch)
            epochs = trainer.train_epochs(places[1])
            record = next(epochs)
            record.saved.result()
            found.append(record.validation_loss)
            epochs.close()
    pairs = list(zip(straight.step.judged, trainer.step.judged, strict=True))
    difference = max((a - b).abs().max().item() for a, b in pairs)
    scale = max(a.abs().max().item() for a, _ in pairs)
    assert difference < 1e-2 * scale, f"resumed differs by {difference}"
    return {
        "same_bits": all(torch.equal(a, b) for a, b in pairs),
        "max_weight_difference": difference,
        "max_loss_difference": max(abs(a - b) for a, b in zip(expected, found, strict=True)),
    }


def sampling(bench: Bench) -> dict[str, Any]:
    """Images a second: ours, and StableDiffusionPipeline as its documentation uses it, and in batches."""
    resolution, num_images, steps = bench.options.resolution, bench.options.num_images, bench.options.sampling_steps
    dtype = torch.bfloat16 if bench.device.type == "cuda" else torch.float32
    base = load_base(bench.base_folder, bench.device)
    pipeline = StableDiffusionPipeline.from_pretrained(bench.base_folder, dtype=dtype, safety_checker=None)
    pipeline.scheduler = DPMSolverMultistepScheduler.from_config(
        pipeline.scheduler.config, timestep_spacing=TIMESTEP_SPACING
    )
    pipeline = pipeline.to(bench.device)
    pipeline.set_progress_bar_config(disable=True)
    plans = [ImagePlan(str(number), f"{PROMPT}, number {number}", number) for number in range(num_images)]
    size = min(bench.options.sampling_batch, num_images)

    def theirs(pipeline: StableDiffusionPipeline, batch: int, count: int) -> tuple[float, float, np.ndarray]:
        """Images a second of time and of CPU time, and the images."""
        started, cpu_started, images = time.perf_counter(), time.process_time(), []
        for start in range(0, count, batch):
            part = plans[start : start + batch]
            images += pipeline(
                [plan.prompt for plan in part],
                generator=[torch.Generator("cpu").manual_seed(plan.seed) for plan in part],
                num_inference_steps=steps, height=resolution, width=resolution,
            ).images  # fmt: skip
        synchronize()
        cpu_s = time.process_time() - cpu_started
        return count / (time.perf_counter() - started), count / cpu_s, np.stack([np.asarray(each) for each in images])

    theirs(pipeline, 1, 1)
    single, single_cpu, pictures = theirs(pipeline, 1, min(bench.options.one_by_one, num_images))
    theirs(pipeline, size, size)
    batched, batched_cpu, _ = theirs(pipeline, size, num_images)
    del pipeline
    release()
    unet = base.unet if bench.device.type == "cpu" else base.unet.to(dtype)
    sampler = Sampler(base, resolution=resolution, num_inference_steps=steps, guidance_scale=7.5, batch_size=size)

    def ours() -> tuple[float, float, np.ndarray]:
        started, cpu_started = time.perf_counter(), time.process_time()
        images = np.stack([image for _, image in sampler.sample(unet, plans)])
        synchronize()
        return num_images / (time.perf_counter() - started), num_images / (time.process_time() - cpu_started), images

    list(sampler.sample(unet, plans[:size]))
    rate, rate_cpu, images = ours()
    of_cpu_time = {"ratio_to_documented_cpu_time": rate_cpu / single_cpu, "to_batched": rate_cpu / batched_cpu}
    of_compiled = {}
    if bench.options.compile:
        sampler.compile(unet)
        started = time.perf_counter()
        list(sampler.sample(unet, plans[:size]))
        compiling_s = time.perf_counter() - started - size / rate
        compiled_rate, _, compiled_images = ours()
        of_compiled = {
            "compiling_s": compiling_s,
            "ours_compiled_images_per_s": compiled_rate,
            "ratio_compiled_to_documented": compiled_rate / single,
            "compiled_largest_difference_of_255": largest_difference(compiled_images, pictures),
        }
    return {
        "ours_images_per_s": rate,
        "pipeline_one_by_one": single,
        "pipeline_in_batches": batched,
        "batch": size,
        "ratio_to_documented": rate / single,
        "ratio_to_batched": rate / batched,
        **(of_cpu_time if bench.device.type == "cpu" else {}),
        **of_compiled,
        "largest_difference_of_255": largest_difference(images, pictures),
        "mean_difference_of_255": float(differences(images, pictures).mean()),
    }


def differences(images: np.ndarray, pictures: np.ndarray) -> np.ndarray:
    """Of those that both drew, absolute, in levels of 255."""
    return np.abs(images[: len(pictures)].astype(int) - pictures.astype(int))


def largest_difference(images: np.ndarray, pictures: np.ndarray) -> int:
    return int(differences(images, pictures).max())


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda", choices=["cuda", "cpu"])
    parser.add_argument("--base", default="sd15", choices=["sd15", "tiny"])
    parser.add_argument("--resolution", type=int, default=512)
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[32, 8, 16, 64], help="the first matters most")
    parser.add_argument("--script", type=Path, help="diffusers' train_text_to_image.py")
    parser.add_argument("--script-packages", type=Path, help="a folder with what only the script needs: datasets, ...")
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--only", nargs="+", default=[], metavar="WORD", help="sections whose name begins with these")
    parser.add_argument("--sampling-steps", type=int, default=20)
    parser.add_argument("--num-images", type=int, default=32, help="that are sampled")
    parser.add_argument("--sampling-batch", type=int, default=16, help="of ours, and of the pipeline in batches")
    parser.add_argument("--compile", action="store_true", help="training and sampling, too: minutes more")
    parser.add_argument("--compile-limit", type=int, default=300, metavar="SECONDS", help="of a section that compiles")
    parser.add_argument("--one-by-one", type=int, default=4, help="images that the pipeline draws one by one")
    parser.add_argument("--profile", type=Path, metavar="FILE", help="a table of where a step's time goes")
    parser.add_argument("--child", nargs=2, type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    options = parse()
    if options.child:
        child_first_step(Bench(options, options.child[0]), options.child[1])
        return
    signal.signal(signal.SIGALRM, too_long)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        bench = Bench(options, write_base(options, folder / "base"))
        images, main_batch = folder / "images", options.batch_sizes[0]
        write_images(images, 200, options.resolution)
        write_images(folder / "sprites", 200, 24)
        release()
        name = torch.cuda.get_device_name() if options.device == "cuda" else "CPU"
        print(f"{name}, torch {torch.__version__}; set up in {time.time() - STARTED:.0f} s", flush=True)
        run_sections(bench, images, main_batch)
    rates = {name: result["images_per_s"] for name, result in bench.results.items() if "images_per_s" in result}
    if theirs := rates.pop(f"diffusers, batch {main_batch}", None):
        print()
        for name, rate in rates.items():
            if name.endswith(f", batch {main_batch}"):
                print(f"{name}: {rate / theirs:.2f} times diffusers' script")


def run_sections(bench: Bench, images: Path, batch: int) -> None:
    """Each with the seconds that it needs, and the most that it gets."""
    options, others = bench.options, bench.options.batch_sizes[1:]
    ours, theirs = partial(train_speed, bench), partial(diffusers_speed, bench, images)
    bench.section(f"ours, batch {batch}", 15, 60, partial(ours, batch))
    if options.profile:
        bench.section("profile", 10, 30, partial(profile, bench, batch))
    bench.section(f"diffusers, batch {batch}", 30, 90, partial(theirs, batch))
    bench.section("between epochs", 10, 60, partial(epoch_gap, bench, batch))
    bench.section("exactness on this device", 10, 60, partial(exactness, bench))
    bench.section("sampling", 45, 60 + options.compile_limit, partial(sampling, bench))
    for size in others:
        bench.section(f"ours, batch {size}", 8, 40, partial(ours, size))
    bench.section("command to first step", 30, 90, partial(first_step, bench, images))
    for size in (batch, *(size for size in others if size > batch)) if options.compile else ():
        bench.section(f"ours compiled, batch {size}", 60, options.compile_limit, partial(ours, size, compiled=True))
    for size in others:
        bench.section(f"diffusers, batch {size}", 30, 60, partial(theirs, size))


if __name__ == "__main__":
    main()
