"""deploy/: what a build copies is there, and every placeholder of a work pool's template is a variable of its form."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
TEMPLATES = sorted((ROOT / "deploy").glob("*.json"))


def placeholders(part: Any) -> set[str]:
    return set(re.findall(r"\{\{ (\w+) \}\}", json.dumps(part)))


def test_what_the_image_copies_is_there_and_not_ignored():
    copied = re.findall(r"^COPY (.+) \S+$", (ROOT / "deploy/Dockerfile").read_text(), re.MULTILINE)
    sources = {source for line in copied for source in line.split()}
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert sources == kept
    assert all((ROOT / source).exists() for source in sources)


def test_the_image_has_every_package_of_the_project():
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "benchmarks"}
    assert packages == {"pixelpipe", "flows", "tasks"}


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.stem)
def test_every_placeholder_is_a_variable_and_every_variable_is_used(template: Path):
    pool = json.loads(template.read_text())
    variables = pool["variables"]["properties"]
    assert placeholders(pool["job_configuration"]) == set(variables)
    assert all({"title", "description"} <= set(variable) for variable in variables.values())
    required = {name for name, variable in variables.items() if "default" not in variable}
    assert required <= {"env", "labels"}  # what a worker fills in


def test_a_run_gets_its_gpu():
    docker, kubernetes = (json.loads(path.read_text())["job_configuration"] for path in TEMPLATES)
    [request] = docker["container_create_kwargs"]["device_requests"]
    assert request == {"driver": "nvidia", "device_ids": "{{ gpus }}", "capabilities": [["gpu"]]}
    pod = kubernetes["job_manifest"]["spec"]["template"]["spec"]
    assert pod["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == "{{ gpus }}"
    assert pod["restartPolicy"] == "Never"  # Prefect schedules it again, and it goes on where it was
