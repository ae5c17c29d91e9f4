"""What a form in Prefect's UI says of every field of the configuration."""

from pydantic import BaseModel

from pixelpipe.config import ExperimentConfig, JudgeConfig, TrainingConfig
from pixelpipe.config.form import title


def test_titles_are_words():
    assert title("lr_warmup_steps", None) == "Learning rate warmup steps"
    assert title("vlm", None) == "VLM"
    assert title("min_snr_gamma", None) == "Min SNR gamma"


def test_numbers_say_their_range():
    training = TrainingConfig.model_json_schema()["properties"]
    assert training["epochs"]["description"] == "Each ends with a checkpoint and a verdict. (At least 1, at most 1000.)"
    assert training["learning_rate"]["description"].endswith("(Above 0, below 1.)")
    assert JudgeConfig.model_json_schema()["properties"]["run_sd"]["description"].endswith("(At least 0, at most 1.)")
    assert "9.2" not in str(ExperimentConfig.model_json_schema()["properties"]["seed"]["description"])


def sections(model: type[BaseModel]) -> list[type[BaseModel]]:
    found = [field.annotation for field in model.model_fields.values()]
    return [kind for kind in found if isinstance(kind, type) and issubclass(kind, BaseModel)]


def test_every_field_says_what_it_is():
    for model in (ExperimentConfig, *sections(ExperimentConfig)):
        for name, field in model.model_json_schema()["properties"].items():
            assert field.get("description"), f"{model.__name__}.{name}"
            assert field["title"][0].isupper()
