"""What an experiment was made from: its contents by hash, in the order in which they were used."""

from pixelpipe.reporting.description import Description
from pixelpipe.reporting.markdown import code, table, text


def lineage_table(description: Description) -> str:
    """Markdown; what is not known is left out."""
    config, decision = description.config, description.decision
    rows = [
        [name, what, code(digest)]
        for name, what in _contents(description).items()
        if (digest := description.hashes[name]) is not None
    ]
    if decision is not None:
        sampling = config.get("sampling", {})
        how = f"{description.num_prompts} prompts × {description.seeds_per_prompt} seeds"
        if "num_inference_steps" in sampling:
            how += f", {sampling['num_inference_steps']} steps, guidance {sampling['guidance_scale']:g}"
        rows.append(["evaluation set", how, code(decision.eval_set_id)])
        rows.append(["rule", f"version {text(decision.rule_version)}", ""])
    return table(["Made from", "What", "SHA-256"], rows)


def _contents(description: Description) -> dict[str, str]:
    """Key of `Description.hashes` -> Markdown."""
    config, dataset = description.config, description.dataset
    sprites = text(config.get("dataset", {}).get("path", ""))
    if dataset is not None:
        sprites += f" ({dataset.num_train} sprites, {dataset.num_validation} more held out)"
    model = config.get("model", {})
    return {
        "dataset": sprites,
        "captions": text(config.get("captions", {}).get("strategy", "")),
        "base": text(f"{model.get('base', '')}, trained: {model.get('method', '')}"),
        "config": "[config.yaml](config.yaml)",
    }
