"""The forms of the deployments: titles and ranges of flow parameters, and a server that refuses unknown ones.

Sections of a configuration forbid unknown keys by themselves. The flow's own parameters Prefect leaves open: a
misspelled one would be scheduled, and fail on the worker. `python -m flows.parameters` closes them on the server.
"""

import sys
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from pixelpipe.captions.writing import Convention
from pixelpipe.config import CaptionsConfig, DatasetConfig, ExperimentConfig
from pixelpipe.config.yaml_file import NAME_PATTERN
from pixelpipe.pipeline.retention import Retention


def titled(title: str, **limits: Any) -> Any:
    """Prefect titles a parameter by its name; this stays."""
    return Field(**limits, json_schema_extra={"title": title})


StoreUrl = Annotated[str, titled("Store", min_length=1)]
Line = Annotated[str, titled("Line", pattern=f"^{NAME_PATTERN}$")]
Experiment = Annotated[ExperimentConfig, titled("Experiment")]
Sprites = Annotated[DatasetConfig, titled("Dataset")]
Captions = Annotated[CaptionsConfig, titled("Captions")]
Folder = Annotated[Path | None, titled("Folder of sprites")]
NewFolder = Annotated[Path | None, titled("New folder")]
NewPlace = Annotated[Path, titled("New folder or file")]
Base = Annotated[str, titled("Base model", min_length=1)]
Files = Annotated[Convention | None, titled("Files")]
Repetition = Annotated[int, titled("Repetition", ge=0, le=1000)]
Keep = Annotated[Retention, titled("What old experiments keep")]
DryRun = Annotated[bool, titled("Dry run")]
Checkpoint = Annotated[str, titled("Checkpoint", min_length=1)]
Role = Annotated[Literal["candidate", "baseline"], titled("Role")]
OwnLine = Annotated[Annotated[str, Field(pattern=f"^{NAME_PATTERN}$")] | None, titled("Line")]
OwnName = Annotated[Annotated[str, Field(pattern=f"^{NAME_PATTERN}$")] | None, titled("Name")]
FileEpoch = Annotated[Annotated[int, Field(ge=1)] | None, titled("Epoch of a file")]
Known = Annotated[dict[str, Any] | None, titled("What is known of it")]
Prompts = Annotated[Path | None, titled("File of prompts")]
Person = Annotated[str | None, titled("Who says so")]
Reason = Annotated[str | None, titled("Why")]
Days = Annotated[int, titled("Days to answer", ge=1, le=90)]


def refuse_unknown_parameters(tag: str = "pixelpipe") -> list[str]:
    """Close the parameters of every deployment that bears the tag; returns their names."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterTags

    with get_client(sync_client=True) as client:
        of_ours = DeploymentFilter(tags=DeploymentFilterTags(all_=[tag]))
        deployments = client.read_deployments(deployment_filter=of_ours)
        for deployment in deployments:
            closed = {**(deployment.parameter_openapi_schema or {}), "additionalProperties": False}
            body = {"parameter_openapi_schema": closed, "enforce_parameter_schema": True}
            client.request("PATCH", "/deployments/{id}", path_params={"id": deployment.id}, json=body)
    return sorted(deployment.name for deployment in deployments)


if __name__ == "__main__":
    sys.stdout.write(f"unknown parameters are refused: {', '.join(refuse_unknown_parameters())}\n")
