"""Running the same experiment anew, under an id of its own."""

from dataclasses import replace

from pixelpipe.pipeline.prepare import Experiment
from pixelpipe.pipeline.status import finished_status
from pixelpipe.store import Store


def next_repetition(store: Store, experiment: Experiment) -> Experiment:
    """The first repetition that has not ended: a new one, or one that was interrupted."""
    repetition = experiment.repetition
    while True:
        candidate = replace(experiment, repetition=repetition)
        if not finished_status(store, candidate.experiment_id):
            return candidate
        repetition += 1
