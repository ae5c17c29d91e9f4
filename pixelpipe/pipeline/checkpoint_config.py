"""The configuration of a checkpoint that is evaluated: what is known of it, and how its line is asked. No torch."""

from collections.abc import Mapping
from typing import Any

from pixelpipe.config import VAE_FACTOR, ExperimentConfig, JudgeConfig, SamplingConfig
from pixelpipe.elsewhere import DEFAULT_GRID, ElsewhereConfig, parse_elsewhere
from pixelpipe.errors import BadInputError
from pixelpipe.lines import champion, line_names, pinned_profile
from pixelpipe.pipeline.baseline import known_config
from pixelpipe.pipeline.checkpoint_source import Source, names_experiment
from pixelpipe.pipeline.comparable import same_settings
from pixelpipe.results.reader import latest_status
from pixelpipe.store import Store

Values = dict[str, Any]


def choose_line(store: Store, checkpoint: str, line: str | None) -> str:
    """As asked for; else that of the experiment that trained the checkpoint, or the store's only one."""
    if line is not None:
        return line
    name = checkpoint.partition("@")[0]
    status = latest_status(store, name) if names_experiment(name) else None
    if status is not None:
        return status["line"]
    lines = line_names(store)
    if len(lines) != 1:
        known = f"has {', '.join(lines)}" if lines else "has none yet"
        raise BadInputError(f"--line: must name the line that it is judged in, but {store.url} {known}")
    return lines[0]


def checkpoint_config(
    store: Store, source: Source, given: Mapping[str, Any], line: str, name: str | None
) -> ElsewhereConfig:
    """What was stated wins over what the source's own experiment knows, and that over what the line's champion has.

    Of the evaluation set it is the champion's that comes first: only then the two can be compared.
    """
    theirs = _champion_values(store, line)
    values = _merged(theirs["defaults"], source.known, {"sampling": theirs["asked"]}, given)
    values |= {"origin": "checkpoint", "line": line, "name": name or given.get("name") or source.name}
    values["model"] = values.get("model", {}) | {"base": source.base}
    values["dataset"] = {"grid": theirs["grid"] or DEFAULT_GRID} | values.get("dataset", {})
    values["training"] = _training(values, source)
    values["sampling"] = _sampling(values)
    values["judge"] = _judged_by(values.get("judge") or {}, sorted(source.epochs))
    config = parse_elsewhere(values, "--set")
    pinned_profile(store, line, config.grid)  # refuses another grid than the line's
    return config


def _champion_values(store: Store, line: str) -> dict[str, Any]:
    """Of the line's champion: its evaluation set, and the size and precision that a file does not know of itself."""
    current = champion(store, line)
    if current is None:
        return {"defaults": {}, "asked": {}, "grid": None}
    config = known_config(store, current.experiment_id)
    training = {"resolution": config.training.resolution, "mixed_precision": config.training.mixed_precision}
    if isinstance(config, ExperimentConfig):
        training["resolution"] = config.resolution
    sampling = {"batch_size": config.sampling.batch_size, "confirm_seeds": config.sampling.confirm_seeds}
    return {
        "defaults": {"training": _known(training), "sampling": _known(sampling)},
        "asked": same_settings(store, current.experiment_id),
        "grid": config.dataset.grid,
    }


def _training(values: Mapping[str, Any], source: Source) -> Values:
    """With the size and the precision that it is drawn at."""
    latents_per_cell = 1 if source.base == "tiny" else 2
    usual = {"resolution": latents_per_cell * VAE_FACTOR * values["dataset"]["grid"], "mixed_precision": "no"}
    return usual | _known(values.get("training") or {})


def _sampling(values: Mapping[str, Any]) -> Values:
    """With every default: nothing of how pictures are drawn may be left open."""
    guidance = 2.0 if values["model"]["base"] == "tiny" else 7.5
    usual = SamplingConfig(guidance_scale=guidance).model_dump(mode="json", exclude={"adaptive"})
    return _known(usual) | _known(values.get("sampling") or {})


def _judged_by(judge: Values, epochs: list[int]) -> Values:
    """The looks that there will be: from the first epoch to the last. What comes alone needs no second one to agree."""
    together = 1
    while len(epochs) > together and epochs[-1 - together] == epochs[-1] - together:
        together += 1
    patience = judge.get("patience", JudgeConfig.model_fields["patience"].default)
    limited = min(patience, together) if isinstance(patience, int) else patience
    return judge | {"grace": epochs[0] - 1, "patience": limited}


def _merged(*parts: Mapping[str, Any]) -> Values:
    """Section by section, the later wins."""
    merged: Values = {}
    for part in parts:
        for name, value in part.items():
            both = isinstance(value, Mapping) and isinstance(merged.get(name), Mapping)
            merged[name] = {**merged[name], **value} if both else dict(value) if isinstance(value, Mapping) else value
    return merged


def _known(values: Mapping[str, Any]) -> Values:
    return {name: value for name, value in values.items() if value is not None}
