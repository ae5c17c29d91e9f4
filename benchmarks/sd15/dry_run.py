"""SD1.5 at its real size with random weights: build, hash, load, one training step, one sampling step, export, load.

    python benchmarks/sd15/dry_run.py [--method full|lora] [--resolution 64] [--device cuda]

What a run of examples/sd15-a100.yaml does first, where no weights are at hand. It needs 2.2 GB of disk, and memory
as it reports: full training keeps weights, gradients and two moments of 860 million parameters in fp32.
"""

import argparse
import json
import resource
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import torch

from pixelpipe.models.layout import LAYOUT, SD15, hash_base, resolve_base
from pixelpipe.models.load import empty_models, load_base
from pixelpipe.models.save import models_of, single_file_tensors
from pixelpipe.models.write import write_safetensors

RECORD: dict[str, Any] = {}


@contextmanager
def timed(name: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    RECORD[f"{name}_s"] = round(time.perf_counter() - started, 2)
    RECORD[f"{name}_peak_gb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 1)
    click.echo(f"{name:24} {RECORD[f'{name}_s']:8.2f} s   peak so far {RECORD[f'{name}_peak_gb']:5.1f} GB")


def build_folder(folder: Path) -> None:
    """SD1.5 in diffusers' layout, every weight drawn at random (deviation 0.02), fp16."""
    generator = torch.Generator().manual_seed(0)
    shutil.copytree(SD15, folder)
    for part, model in parts_of(folder).items():
        tensors = {
            name: torch.randn(tensor.shape, generator=generator).mul_(0.02).half()
            for name, tensor in model.state_dict().items()
        }
        write_safetensors(folder / part / LAYOUT[part][-1], tensors, {"format": "pt"})


def parts_of(folder: Path) -> dict[str, torch.nn.Module]:
    from diffusers import AutoencoderKL

    unet, text_encoder = empty_models(folder)
    with torch.device("meta"):
        vae = AutoencoderKL.from_config(AutoencoderKL.load_config(folder / "vae"))
    return {"unet": unet, "vae": vae, "text_encoder": text_encoder}


def training_step(base: Any, method: str, resolution: int, device: str) -> float:
    """Forward, backward and AdamW on one latent; returns the loss."""
    unet = base.unet.train()
    if method == "lora":
        from peft import LoraConfig

        unet.requires_grad_(False)
        unet.add_adapter(LoraConfig(r=16, lora_alpha=16, target_modules=["to_q", "to_k", "to_v", "to_out.0"]))
    trained = [weight for weight in unet.parameters() if weight.requires_grad]
    click.echo(f"trained weights: {sum(weight.numel() for weight in trained):,}")
    optimizer = torch.optim.AdamW(trained, lr=1e-5, fused=True)
    latents = torch.randn(1, 4, resolution // 8, resolution // 8, device=device)
    text = torch.randn(1, 77, 768, device=device)
    loss = torch.nn.functional.mse_loss(unet(latents, torch.tensor([500], device=device), text).sample, latents)
    loss.backward()
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return loss.item()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--method", choices=["full", "lora"], default="full")
    parser.add_argument("--resolution", type=int, default=64)
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder, file = Path(scratch) / "sd15", Path(scratch) / "sd15.safetensors"
        with timed("build"):
            build_folder(folder)
        with timed("check"):
            resolve_base(str(folder))
        with timed("hash"):
            hash_base(folder)
        with timed("load"):
            base = load_base(folder, arguments.device)
        with timed("export single file"):
            tensors = single_file_tensors(models_of(base, base.unet), torch.float16)
            write_safetensors(file, tensors, {"format": "pt"})
        click.echo(f"{len(tensors)} tensors, {file.stat().st_size:,} bytes")
        del tensors
        first = {name: tensor.clone() for name, tensor in list(base.unet.state_dict().items())[:5]}
        with timed("sample one step"), torch.no_grad():
            latents = torch.randn(1, 4, 8, 8, device=arguments.device)
            ids = base.tokenizer("pixel art", padding="max_length", return_tensors="pt").input_ids
            hidden = base.text_encoder(ids.to(arguments.device))[0]
            noise = base.unet(latents, torch.tensor([500], device=arguments.device), hidden).sample
            image = base.vae.decode(noise / base.vae.config.scaling_factor).sample
        assert image.shape == (1, 3, 64, 64)
        assert image.isfinite().all()
        with timed("training step"):
            loss = training_step(base, arguments.method, arguments.resolution, arguments.device)
        click.echo(f"loss {loss:.4f}")
        del base
        with timed("load single file"):
            again = load_base(resolve_base(str(file)), arguments.device)
        same = all(torch.equal(again.unet.state_dict()[name], tensor) for name, tensor in first.items())
        assert same, "the single file does not hold what was exported"
    click.echo(json.dumps(RECORD))


if __name__ == "__main__":
    main()
