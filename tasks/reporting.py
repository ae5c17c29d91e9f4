"""Write an experiment's documents, and show the verdict in Prefect's UI with its pictures inline."""

import base64
import re
from posixpath import normpath

from prefect import task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE

from pixelpipe.keys import experiment_key
from pixelpipe.pipeline.outcome import stored_outcome
from pixelpipe.reporting.documents import VERDICT, write_documents
from pixelpipe.store import Store
from tasks.announcement import artifact_key, tolerant


@task(name="report", task_run_name="report", cache_policy=NO_CACHE)
def report_experiment(store: Store, experiment_id: str) -> dict[str, str]:
    """Document name -> where it is."""
    documents = write_documents(store, experiment_id)
    outcome = stored_outcome(store, experiment_id)
    markdown = _for_the_ui(store, experiment_id, store.read(experiment_key(experiment_id, VERDICT)).decode())
    with tolerant("the verdict"):
        create_markdown_artifact(
            markdown=markdown,
            key=artifact_key("verdict", experiment_id),
            description=f"**{outcome.status.upper()}** {outcome.sentence}",
        )
    return documents


def _for_the_ui(store: Store, experiment_id: str, markdown: str) -> str:
    """The verdict where the store cannot be read: pictures as data URIs, other relative links as places to copy."""

    def inline(match: re.Match[str]) -> str:
        png = base64.b64encode(store.read(experiment_key(experiment_id, match[2]))).decode()
        return f"{match[1]}(data:image/png;base64,{png})"

    def place(match: re.Match[str]) -> str:
        return f"`{store.uri(normpath(f'{experiment_key(experiment_id)}/{match[1]}'))}`"

    markdown = re.sub(r"(?<![!\\])\[[^\]]*\]\(([\w./-]+)\)", place, markdown)  # a user's brackets are escaped
    return re.sub(r"(!\[[^\]]*\])\(([A-Za-z0-9_]+\.png)\)", inline, markdown)
