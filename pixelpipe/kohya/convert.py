"""An sd-scripts configuration as a pixelpipe configuration, and what became of every setting, line by line."""

import re
from collections.abc import Mapping
from pathlib import Path

from pixelpipe.kohya.conversion import Conversion
from pixelpipe.kohya.counterparts import ANYWAY, DERIVED, FIELDS, MISSING, NEUTRAL
from pixelpipe.kohya.folders import images_in, read_folders
from pixelpipe.kohya.read import KohyaConfig, Setting, short

SCHEDULES = {"constant": "constant", "constant_with_warmup": "constant", "linear": "linear", "cosine": "cosine"}
KOHYA_BATCH_SIZE, KOHYA_ALPHA, KOHYA_RANK, KOHYA_EPOCHS, KOHYA_STEPS = 1, 1.0, 4, None, 1600


def convert(kohya: KohyaConfig, grid: int, path: Path) -> Conversion:
    """Every setting is in the result's values, or in one of its notes.

    `path`: the file, which notes name about what stands nowhere in it.
    """
    result = Conversion()
    settings = _one_dataset(kohya, result)
    for key, setting in settings.items():
        if key in FIELDS:
            result.put(FIELDS[key], setting.value)
        elif key in ANYWAY:
            result.note("anyway", setting, ANYWAY[key])
        elif key in MISSING:
            if setting.value not in (False, None, "", 0, NEUTRAL.get(key)):
                result.note("missing", setting, MISSING[key])
        elif key not in DERIVED:
            result.note("unknown", setting, "not a setting that pixelpipe knows of sd-scripts")
    result.put("dataset.grid", grid)
    _model(settings, result, path)
    images = read_folders(kohya, settings, result, path)
    _batch(settings, result, path)
    _length(settings, images, result, path)
    _learning_rate(settings, result)
    _optimizer(settings, result)
    _resolution(settings, result, path)
    _tidy(settings, result)
    return result


def _one_dataset(kohya: KohyaConfig, result: Conversion) -> dict[str, Setting]:
    """The training settings and those of the subsets; where subsets differ, the first one's hold and it is said."""
    settings = dict(kohya.training)
    for number, subset in enumerate(kohya.subsets):
        for key, setting in subset.settings.items():
            if key not in settings or (number == 0 and key not in ("image_dir", "num_repeats")):
                settings[key] = setting
            elif settings[key].value != setting.value and key not in ("image_dir", "num_repeats", "class_tokens"):
                result.note(
                    "changed", setting, f"{short(settings[key].value)} is used: pixelpipe trains on one dataset"
                )
    return settings


def _model(settings: Mapping[str, Setting], result: Conversion, path: Path) -> None:
    base = settings.get("pretrained_model_name_or_path")
    if base is None:
        result.note("missing", str(path), "pretrained_model_name_or_path is not there: model.base must be given")
        result.put("model.base", "stable-diffusion-v1-5/stable-diffusion-v1-5")
    elif str(base.value).lower().endswith((".ckpt", ".pt", ".bin")):
        result.note("missing", base, "a pickle is never opened: give model.base as .safetensors or as a folder")
    module = settings.get("network_module")
    result.put("model.method", "full" if module is None else "lora")
    if module is None:
        for key in ("network_dim", "network_alpha"):
            if key in settings:
                result.note("missing", settings[key], "without network_module every weight is trained")
                result.values["model"].pop(FIELDS[key].removeprefix("model."))
        return
    if module.value != "networks.lora":
        result.note("changed", module, "a plain LoRA is trained instead")
    if settings.get("network_train_unet_only") is None:
        result.note(
            "changed", module, "the text encoder is not trained, only the UNet's attention and feed-forward layers"
        )
    result.values["model"].setdefault("rank", KOHYA_RANK)
    result.values["model"].setdefault("alpha", KOHYA_ALPHA)


def _batch(settings: Mapping[str, Setting], result: Conversion, path: Path) -> None:
    """sd-scripts accumulates over batches; pixelpipe's batch is that of the optimizer step, and parts are of it."""
    size = next((settings[key] for key in ("train_batch_size", "batch_size") if key in settings), None)
    each = size.whole() if size else KOHYA_BATCH_SIZE
    parts = settings.get("gradient_accumulation_steps")
    count = parts.whole() if parts else 1
    result.put("training.batch_size", each * count)
    if size is None:
        result.note("changed", str(path), "no train_batch_size: sd-scripts' default, 1, is taken")
    if parts is not None and count > 1:
        result.put("training.gradient_accumulation_steps", count)
        result.note(
            "changed", parts, f"training.batch_size is {each * count} ({each} x {count}), computed in {count} parts"
        )


def _length(settings: Mapping[str, Setting], folders: Mapping[Path, int], result: Conversion, path: Path) -> None:
    steps, training = settings.get("max_train_steps"), result.values["training"]
    if "epochs" in training:
        return
    count = sum(len(images_in(folder)) for folder in folders) * result.values["dataset"].get("repeats", 1)
    wanted = steps.whole() if steps else KOHYA_STEPS
    where = steps or str(path)
    if not count:
        result.note("missing", where, "the images are not on this machine, so steps are no epochs: set training.epochs")
        return
    training["epochs"] = max(1, round(wanted * training["batch_size"] / count))
    fewer = "; each is judged: fewer with a larger dataset.repeats cost less" if training["epochs"] > 30 else ""
    result.note("changed", where, f"about {training['epochs']} epochs of {count} images: training.epochs{fewer}")


def _learning_rate(settings: Mapping[str, Setting], result: Conversion) -> None:
    given = settings.get("learning_rate")
    chosen = settings.get("unet_lr") or given
    if chosen is not None:
        result.put("training.learning_rate", chosen.number())
    if given is not None and chosen is not None and given.value != chosen.value:
        result.note("changed", given, "unet_lr is used: only the UNet is trained")
    schedule = settings.get("lr_scheduler")
    if schedule is not None:
        known = SCHEDULES.get(str(schedule.value))
        result.put("training.lr_scheduler", known or "cosine")
        if known is None:
            result.note("changed", schedule, "cosine, which comes nearest")
    warmup = settings.get("lr_warmup_steps")
    if warmup is not None and isinstance(warmup.value, float) and 0 < warmup.value < 1:
        result.note("missing", warmup, "a share of all steps: set training.lr_warmup_steps as a number")
    elif warmup is not None:
        result.put("training.lr_warmup_steps", warmup.whole())


def _optimizer(settings: Mapping[str, Setting], result: Conversion) -> None:
    kind = settings.get("optimizer_type")
    if kind is not None and str(kind.value).lower() != "adamw":
        more = ", which sets its own learning rate: set training.learning_rate" if _sets_its_own_rate(kind) else ""
        result.note("changed", kind, f"AdamW{more}")
    arguments = settings.get("optimizer_args")
    if arguments is None:
        return
    for argument in arguments.value if isinstance(arguments.value, list) else [arguments.value]:
        name, _, value = str(argument).partition("=")
        if name.strip() == "weight_decay":
            result.put("training.weight_decay", arguments.number(value))
        else:
            result.note("missing", arguments, f"{name.strip()} cannot be set")


def _resolution(settings: Mapping[str, Setting], result: Conversion, path: Path) -> None:
    setting = settings.get("resolution")
    if setting is None:
        result.note("changed", str(path), "no resolution: pixelpipe's default for the grid is taken")
        return
    sides = setting.value if isinstance(setting.value, list) else str(setting.value).split(",")
    sides = [int(setting.number(side)) for side in sides]
    result.put("training.resolution", max(sides))
    if len(set(sides)) > 1:
        result.note("changed", setting, f"{max(sides)} x {max(sides)}: sprites are square")


def _tidy(settings: Mapping[str, Setting], result: Conversion) -> None:
    """Values that sd-scripts writes otherwise: names, precision, off."""
    if "name" in result.values:
        result.values["name"] = (
            re.sub(r"[^A-Za-z0-9._-]+", "-", str(result.values["name"])).strip("-._")[:60] or "kohya"
        )
    training = result.values["training"]
    if training.get("noise_offset") is None:
        training.pop("noise_offset", None)
    if training.get("mixed_precision") not in (None, "no", "bf16", "fp16"):
        result.note("changed", settings["mixed_precision"], "no")
        training["mixed_precision"] = "no"
    base = result.values.get("model", {}).get("base")
    if isinstance(base, str):
        result.values["model"]["base"] = base.replace("\\", "/")


def _sets_its_own_rate(kind: Setting) -> bool:
    return str(kind.value).lower().startswith(("prodigy", "dadapt", "adafactor"))
