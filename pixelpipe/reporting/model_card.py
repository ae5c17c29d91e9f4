"""README.md of an exported model: what it is, what was found about it, how to use it. From the tables alone."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pixelpipe.lines import stored_prompts
from pixelpipe.reporting.description import Description
from pixelpipe.reporting.figures import number
from pixelpipe.reporting.markdown import bullets, code, table, text
from pixelpipe.reporting.trajectory import EpochFacts
from pixelpipe.store import Store

NUM_PROMPTS = 3
Kind = Literal["diffusers", "single-file", "kohya", "lora"]

_WARNINGS = {
    "abandoned": "**This experiment was abandoned: its checkpoints were judged worse than the baseline.**",
    "inconclusive": "This experiment ended without a decision: nothing shows that it is better than the baseline.",
    "running": "This experiment was still running when this was exported: it has no verdict yet.",
    "failed": "This experiment failed before it was decided about.",
    "cancelled": "This experiment was cancelled before it was decided about.",
}


@dataclass(frozen=True, slots=True)
class Exported:
    """What the card is of."""

    epoch: int
    kind: Kind
    file: str  # its name, as the user chose it
    dtype: str
    adapter: bool  # trained as a LoRA, merged or not


def model_card(store: Store, description: Description, exported: Exported) -> str:
    """Markdown with the front matter that model hubs read; the same tables give the same text."""
    [facts] = [facts for facts in description.epochs if facts.epoch == exported.epoch]
    prompts = [prompt.text for prompt in (stored_prompts(store, description.line) or ())][:NUM_PROMPTS]
    sections = [
        _front_matter(description, exported),
        f"# {text(description.experiment_id)}, epoch {exported.epoch}",
        _verdict(description),
        "## Measured",
        _measured(description, facts),
        "## How to use it",
        _usage(description.config, exported, prompts),
        "## Training",
        _training(description, facts, exported),
        "## Where it comes from",
        table(["Hash of", "SHA-256"], [[name, code(digest)] for name, digest in description.hashes.items()]),
        "Made with pixelpipe.",
    ]
    return "\n\n".join(sections) + "\n"


def _front_matter(description: Description, exported: Exported) -> str:
    """YAML; JSON strings are YAML strings, whatever a name holds."""
    base = str(description.config["model"]["base"])
    lines = [f"library_name: {'diffusers' if exported.kind in ('diffusers', 'lora') else 'single-file'}"]
    if "/" in base and not base.endswith(".safetensors") and base.count("/") == 1 and base[0].isalnum():
        lines.append(f"base_model: {json.dumps(base)}")
    tags = ["pixel-art", "stable-diffusion", "text-to-image", *(["lora"] if exported.adapter else [])]
    return "\n".join(["---", *lines, f"tags: [{', '.join(tags)}]", "---"])


def _verdict(description: Description) -> str:
    reason = f" ({code(description.reason_code)})" if description.reason_code else ""
    parts = [f"**{description.status.upper()}**{reason}. {text(description.verdict)}"]
    if warning := _WARNINGS.get(description.status):
        parts.append(warning)
    parts.append(
        "A verdict speaks of one checkpoint, not of its configuration: another training seed gives another one."
    )
    return "\n\n".join(parts)


def _measured(description: Description, facts: EpochFacts) -> str:
    facts = description.as_compared(facts)
    rows = [
        ["effective colors (mean; merged at 0.02 in OKLab)", number(facts.mean_effective_colors)],
        ["unique colors (mean)", number(facts.mean_unique_colors)],
        ["clean images", "–" if facts.clean_rate is None else f"{facts.clean_rate:.0%}"],
        ["validation loss", number(facts.validation_loss, 4)],
        ["images measured", str(facts.num_samples)],
    ]
    compared = description.baseline_of(facts)
    header = ["", f"epoch {facts.epoch}"]
    if compared is not None and description.baseline is not None:
        header.append(f"baseline {code(f'{description.baseline.experiment_id}@{compared.epoch}')}")
        clean = "–" if compared.clean_rate is None else f"{compared.clean_rate:.0%}"
        values = (number(compared.mean_effective_colors), number(compared.mean_unique_colors), clean)
        values = (*values, number(compared.validation_loss, 4), str(compared.num_samples))
        rows = [[*row, value] for row, value in zip(rows, values, strict=True)]
    grid = description.config["dataset"]["grid"]
    return (
        f"On {description.num_prompts} prompts x {description.seeds_per_prompt} seeds, brought to {grid}x{grid} px.\n\n"
        + table(header, rows, right=range(1, len(header)))
    )


def _usage(config: Mapping[str, Any], exported: Exported, prompts: Sequence[str]) -> str:
    size, grid = config["training"]["resolution"], config["dataset"]["grid"]
    steps, guidance = config["sampling"]["num_inference_steps"], config["sampling"]["guidance_scale"]
    settings = [
        f"Size: {size}x{size} px, the size that it was trained at; {size / grid:g} px a cell",
        f"Sampler: DPM++ 2M, {steps} steps, guidance (CFG) {guidance:g}, no negative prompt: as it was judged",
        f"Afterwards: shrink to {grid}x{grid} px with nearest-neighbor, or by the median of each cell's inner half",
    ]
    if prompts:
        settings.append(f"Prompts like its captions, e.g. {'; '.join(code(prompt) for prompt in prompts)}")
    return f"{_how(config, exported, prompts)}\n\n{bullets(settings)}"


def _how(config: Mapping[str, Any], exported: Exported, prompts: Sequence[str]) -> str:
    name = exported.file
    if exported.kind == "single-file":
        return (
            f"A1111: `models/Stable-diffusion/{name}`. ComfyUI: `models/checkpoints/{name}`, node *Load Checkpoint*. "
            "diffusers: `StableDiffusionPipeline.from_single_file`."
        )
    if exported.kind == "kohya":
        stem = name.removesuffix(".safetensors")
        return (
            f"A1111: `models/Lora/{name}`, and `<lora:{stem}:1>` in the prompt. ComfyUI: `models/loras/{name}`, node "
            f"*Load LoRA*. On the base that it was trained on: {code(config['model']['base'])}."
        )
    prompt = json.dumps(prompts[0] if prompts else "a prompt", ensure_ascii=False)
    of_lora = exported.kind == "lora"
    source = json.dumps(str(config["model"]["base"]) if of_lora else name)
    lines = [
        "```python",
        "import torch",
        "from diffusers import DPMSolverMultistepScheduler, StableDiffusionPipeline",
        "",
        f'pipeline = StableDiffusionPipeline.from_pretrained({source}, torch_dtype=torch.float16).to("cuda")',
        *([f"pipeline.load_lora_weights({json.dumps(name)})"] if of_lora else []),
        "pipeline.scheduler = DPMSolverMultistepScheduler.from_config(",
        '    pipeline.scheduler.config, timestep_spacing="leading"',
        ")",
        f"image = pipeline({prompt}, height={config['training']['resolution']}, "
        f"width={config['training']['resolution']}, num_inference_steps={config['sampling']['num_inference_steps']}, "
        f"guidance_scale={config['sampling']['guidance_scale']:g}).images[0]",
        "```",
    ]
    return "\n".join(lines)


def _training(description: Description, facts: EpochFacts, exported: Exported) -> str:
    config = description.config
    training, model = config["training"], config["model"]
    method = "every weight of the UNet"
    if exported.adapter:
        merged = "" if exported.kind in ("kohya", "lora") else ", merged into the weights here"
        method = f"a LoRA of the UNet (rank {model['rank']}, alpha {model['alpha']:g}){merged}"
    seen = "unknown" if facts.images_seen is None else f"{facts.images_seen:,}"
    items = [
        f"Base: {code(model['base'])}; trained: {method}; stored as {exported.dtype}",
        f"Epoch {facts.epoch} of {description.planned_epochs} planned; images seen: {seen}",
        f"Learning rate {training['learning_rate']:g}, batch {training['batch_size']}, seed {config['seed']}, "
        f"captions dropped: {training['caption_dropout']:.0%}",
    ]
    if description.dataset is not None:
        items.append(
            f"{description.dataset.num_train} sprites, {description.dataset.num_validation} more held out; captions: "
            f"{', '.join(description.dataset.strategies)}"
        )
    items.append("The base's license holds for what is made from its weights; SD1.5's is CreativeML Open RAIL-M")
    return bullets(items)
