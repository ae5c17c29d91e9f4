"""Write an experiment's documents, and show the verdict in Prefect's UI with its pictures inline."""

import base64
import re

from prefect import task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE

from pixelpipe.keys import experiment_key
from pixelpipe.reporting.documents import write_documents
from pixelpipe.store import Store


@task(name="report", cache_policy=NO_CACHE)
def report_experiment(store: Store, experiment_id: str) -> dict[str, str]:
    """Document name -> where it is."""
    documents = write_documents(store, experiment_id)
    create_markdown_artifact(
        markdown=_with_pictures_inline(store, experiment_id, store.read(experiment_key(experiment_id, "verdict.md"))),
        key=artifact_key(experiment_id),
        description=f"The verdict about {experiment_id}",
    )
    return documents


def artifact_key(experiment_id: str) -> str:
    """Prefect allows lower-case letters, digits and dashes."""
    return "verdict-" + re.sub(r"[^a-z0-9]+", "-", experiment_id.lower()).strip("-")


def _with_pictures_inline(store: Store, experiment_id: str, markdown: bytes) -> str:
    """Replace relative links to PNGs of the experiment by data URIs: the UI cannot read the store."""

    def inline(match: re.Match[str]) -> str:
        png = base64.b64encode(store.read(experiment_key(experiment_id, match[2]))).decode()
        return f"{match[1]}(data:image/png;base64,{png})"

    return re.sub(r"(!\[[^\]]*\])\(([A-Za-z0-9_]+\.png)\)", inline, markdown.decode())
