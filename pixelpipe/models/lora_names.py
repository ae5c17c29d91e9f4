"""The names that LoRA files give to layers: kohya's (sd-scripts, A1111, ComfyUI), diffusers' old and new, peft's.

A name says which module of which part it is for, and which half it is: `down` (rank x in) or `up` (out x rank).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

PARTS = ("unet", "text_encoder")
KOHYA_PREFIXES = {"unet": "lora_unet_", "text_encoder": "lora_te_text_model_"}
DIFFUSERS_PREFIXES = {"unet": "unet.", "text_encoder": "text_encoder.text_model."}

_HALVES = {"lora_down": "down", "lora_A": "down", "down": "down", "lora_up": "up", "lora_B": "up", "up": "up"}
_ENDINGS = (
    re.compile(r"\.(?P<half>lora_down|lora_up|lora_A|lora_B)(\.(?!weight)\w+)?\.weight$"),
    re.compile(r"(\.lora|\.lora_linear_layer|_lora)\.(?P<half>down|up)\.weight$"),
)
_ALPHA = re.compile(r"(\.lora|_lora)?\.alpha$")
# diffusers of 2023 named the attention of both parts after its processors
_PROCESSORS = {"to_q": "q_proj", "to_k": "k_proj", "to_v": "v_proj", "to_out": "out_proj"}

OTHER_METHODS = {  # what a tensor's name shows -> what trained it; only plain LoRA adds up * down to a weight
    "hada_w": "LoHa",
    "lokr_w": "LoKr",
    "lora_mid": "LoCon with a Tucker decomposition",
    "dora_scale": "DoRA",
    "lora_magnitude_vector": "DoRA",
    "oft_": "OFT",
    "on_input": "IA3",
    ".diff_b": "a difference of full weights",
    "lora_bias": "LoRA with biases",
    "glora": "GLoRA",
}


@dataclass(frozen=True, slots=True)
class TensorRole:
    """What a tensor of a LoRA file is."""

    layer: str  # the name without its ending
    half: str  # down, up or alpha


def tensor_role(name: str) -> TensorRole | None:
    """Of a tensor, or None for a name that is none of a LoRA's."""
    for ending in _ENDINGS:
        if match := ending.search(name):
            return TensorRole(name[: match.start()], _HALVES[match["half"]])
    if match := _ALPHA.search(name):
        return TensorRole(name[: match.start()], "alpha")
    return None


def other_method(names: Iterable[str]) -> str | None:
    """The method, if the file is not of plain LoRA."""
    found = (method for name in names for mark, method in OTHER_METHODS.items() if mark in name)
    return next(found, None)


def module_table(modules: Mapping[str, Iterable[str]]) -> dict[str, tuple[str, str]]:
    """Every name that a file may give to a layer -> (part, the model's own name of the module).

    `modules`: unet and text_encoder -> names of their linear layers and convolutions.
    """
    table: dict[str, tuple[str, str]] = {}
    for part in PARTS:
        for module in modules[part]:
            for name in _aliases(part, module):
                table[name] = (part, module)
    return table


def _aliases(part: str, module: str) -> list[str]:
    flat = module.replace(".", "_")
    if part == "unet":
        short = module.removesuffix(".0") if module.endswith(".to_out.0") else module
        processor = re.sub(r"(\.attn[12])\.(to_\w+)$", r"\1.processor.\2", short)
        return [
            f"lora_unet_{flat}",
            f"unet.{module}",
            f"unet.{processor}",
            processor,
            f"base_model.model.{module}",
            module,
        ]
    names = [f"lora_te_text_model_{flat}", f"lora_te1_text_model_{flat}"]
    for processor, projection in _PROCESSORS.items():
        if module.endswith(f".{projection}"):
            names.append(f"text_encoder.text_model.{module.removesuffix(projection)}{processor}")
    dotted = [module, f"text_model.{module}"]
    return [*names, *(prefix + name for name in dotted for prefix in ("text_encoder.", "base_model.model.", ""))]
