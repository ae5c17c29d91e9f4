"""Documents that must not fall behind the code."""

import re
from pathlib import Path

import yaml
from pydantic import BaseModel

from pixelpipe.cli import COMMANDS
from pixelpipe.config import ExperimentConfig, parse_config

ROOT = Path(__file__).parents[1]


def documented_fields() -> dict[str, dict[str, str]]:
    """Section ("Top level" for none) -> field -> what its row says."""
    sections: dict[str, dict[str, str]] = {}
    for line in (ROOT / "docs/configuration.md").read_text().splitlines():
        if line.startswith("## "):
            sections[line.removeprefix("## ").strip("`")] = current = {}
        elif row := re.match(r"\| `(\w+)` \| (.*)", line):
            current[row[1]] = row[2]
    return sections


def test_every_field_is_documented_with_its_default_and_meaning():
    documented = documented_fields()
    for name, field in ExperimentConfig.model_fields.items():
        model = field.annotation
        if not (isinstance(model, type) and issubclass(model, BaseModel)):
            assert name in documented["Top level"]
            continue
        assert list(documented[name]) == list(model.model_fields)
        for key, leaf in model.model_fields.items():
            default = "required" if leaf.is_required() else "null" if leaf.default is None else f"`{leaf.default}`"
            assert f"| {default} | {leaf.description} |" in documented[name][key], f"{name}.{key}"


def test_the_readme_names_every_command_and_both_make_targets():
    readme = (ROOT / "README.md").read_text()
    assert readme.index("make demo") < readme.index("make test") < 200
    assert all(re.search(rf"`pixelpipe [^`]*\b{command}\b|`{command}\b", readme) for command in COMMANDS)


def test_the_readmes_configuration_is_one():
    [example] = re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert parse_config(yaml.safe_load(example) | {"name": "x"}, "README.md").dataset.grid == 24


def test_links_between_documents_lead_somewhere():
    for document in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("pixelpipe/**/*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name}: {target}"
