"""GPU memory of training SD1.5 in bf16, by batch size: counted, without a GPU and without computing anything.

    python benchmarks/sd15/memory.py [--resolution 384]

The UNet runs on the meta device in bf16, and every tensor that autograd keeps for the backward pass is counted once;
attention as flash attention keeps it (q, k, v and the output). Added are fp32 masters, gradients, AdamW's moments and
the average, the UNet's bf16 copy, and VAE and text encoder in fp32. Not counted: the allocator's waste, cuDNN's work
space, and what the backward pass holds for a moment; measured peaks are some GB above.
"""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
import torch
from diffusers import UNet2DConditionModel
from torch.overrides import TorchFunctionMode

from pixelpipe.models.layout import SD15

GB = 1e9
FROZEN_GB = (83_653_863 + 123_060_480) * 4 / GB  # VAE and text encoder, fp32
BATCHES = (1, 4, 8, 16, 32, 64)


class Flash(torch.autograd.Function):
    """Keeps what flash attention keeps."""

    @staticmethod
    def forward(ctx: Any, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        out = torch.empty_like(q)
        ctx.save_for_backward(q, k, v, out)
        return out

    @staticmethod
    def backward(ctx: Any, *_: Any) -> Any:
        raise NotImplementedError


class FlashAttention(TorchFunctionMode):
    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.nn.functional.scaled_dot_product_attention:
            return Flash.apply(*args[:3])
        return func(*args, **(kwargs or {}))


@contextmanager
def kept_bytes(unet: UNet2DConditionModel) -> Iterator[list[int]]:
    """The bytes of all tensors that autograd keeps inside, the parameters themselves left out."""
    parameters = {id(weight) for weight in unet.parameters()}
    seen: dict[int, torch.Tensor] = {}
    total = [0]

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        origin = tensor._base if tensor._base is not None else tensor
        if id(origin) not in parameters and id(origin) not in seen:
            seen[id(origin)] = origin
            total[0] += origin.nbytes
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        yield total


def activations_gb(unet: UNet2DConditionModel, resolution: int, batch: int) -> float:
    side = resolution // 8
    with torch.device("meta"), kept_bytes(unet) as total, FlashAttention():
        latents, text = torch.empty(batch, 4, side, side), torch.empty(batch, 77, 768)
        unet(latents.bfloat16(), torch.tensor([1]), text.bfloat16())
    return total[0] / GB


def weights_gb(unet: UNet2DConditionModel, ema: bool) -> float:
    """bf16 copy of all weights; masters, gradients, two moments and the average, fp32, of those that are trained."""
    total = sum(weight.numel() for weight in unet.parameters())
    trained = sum(weight.numel() for weight in unet.parameters() if weight.requires_grad)
    return (total * 2 + trained * 4 * (4 + ema)) / GB + FROZEN_GB


def make_unet(method: str, checkpointing: bool) -> UNet2DConditionModel:
    with torch.device("meta"):
        unet = UNet2DConditionModel.from_config(UNet2DConditionModel.load_config(SD15 / "unet"))
        if method == "lora":
            from peft import LoraConfig

            unet.requires_grad_(False)
            targets = ["to_q", "to_k", "to_v", "to_out.0", "ff.net.0.proj", "ff.net.2"]
            unet.add_adapter(LoraConfig(r=16, lora_alpha=16, target_modules=targets))
    if checkpointing:
        unet.enable_gradient_checkpointing()
    return unet.to(torch.bfloat16).train()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--resolution", type=int, nargs="+", default=[256, 384, 512])
    arguments = parser.parse_args()
    click.echo("| method | px | checkpointing | " + " | ".join(f"batch {batch}" for batch in BATCHES) + " |")
    click.echo("|---|---:|---|" + "---:|" * len(BATCHES))
    for method in ("full", "lora"):
        for resolution in arguments.resolution:
            for checkpointing in (False, True):
                unet = make_unet(method, checkpointing)
                fixed = weights_gb(unet, ema=method == "full")
                cells = [f"{fixed + activations_gb(unet, resolution, batch):.1f}" for batch in BATCHES]
                click.echo(f"| {method} | {resolution} | {'yes' if checkpointing else 'no'} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
