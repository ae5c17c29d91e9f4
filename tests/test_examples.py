"""The example configurations are valid, and say what their comments claim."""

from pathlib import Path

import pytest

from pixelpipe.config import alignment_warning, load_config

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("sd15-*.yaml"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_are_valid_and_comparable(path: Path):
    config = load_config(path)
    assert config.name == path.stem.replace("a100", "full")
    assert config.line_name == "portraits-24"
    assert alignment_warning(config.resolution, config.dataset.grid) is None
    assert config.sampling.num_prompts >= config.min_prompts


def test_there_is_one_of_each_method():
    assert sorted(load_config(path).model.method for path in EXAMPLES) == ["full", "lora"]
