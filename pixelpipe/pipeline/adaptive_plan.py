"""What an adaptive evaluation of a plan draws: at most, and what to expect of a candidate that is no worse."""

from dataclasses import dataclass

from pixelpipe.comparison.power import chance_left_open
from pixelpipe.comparison.run_deviation import RunDeviation
from pixelpipe.comparison.simulation import Noise
from pixelpipe.config import FIRST_STAGE_SHARE, ExperimentConfig, fewest_prompts
from pixelpipe.lines import champion
from pixelpipe.results.reader import read_table
from pixelpipe.store import Store


@dataclass(frozen=True, slots=True)
class AdaptiveImages:
    """Over all epochs, what fills up the last batch of a stage included: it is computed, too."""

    expected: float  # of a candidate with no true difference
    most: float


def adaptive_images(config: ExperimentConfig, noise: Noise, deviation: RunDeviation | None) -> AdaptiveImages:
    """The last epoch is whole; of the others the first seeds, and the rest as often as these leave it open."""
    sampling, epochs = config.sampling, config.training.epochs
    first = _in_batches(sampling.num_prompts, sampling.batch_size)
    rest = _in_batches(sampling.num_prompts * (sampling.seeds_per_prompt - 1), sampling.batch_size)
    whole = sampling.num_prompts * sampling.seeds_per_prompt
    run_sd = deviation.sd if deviation else 0.0
    left_open = chance_left_open(noise, sampling.num_prompts, config.judge.abandon_margin, run_sd)
    expected, most = ((epochs - 1) * (first + share * rest) + whole for share in (left_open, 1.0))
    return AdaptiveImages(expected, most)


def may_be_adaptive(config: ExperimentConfig) -> bool:
    """Whether `sampling.adaptive` could be set, and would change anything."""
    sampling, judge = config.sampling, config.judge
    needed = fewest_prompts(judge.alpha * (1 - FIRST_STAGE_SHARE), config.planned_looks)
    enough = sampling.num_prompts >= needed and sampling.seeds_per_prompt > 1
    return enough and config.training.epochs > 1 and not sampling.adaptive


def is_adaptive(store: Store, config: ExperimentConfig) -> bool:
    """Whether it is set and there are pictures of a baseline: else every epoch is drawn whole."""
    if not config.sampling.adaptive:
        return False
    experiment_id = config.judge.baseline.partition("@")[0]
    if experiment_id == "champion":
        current = champion(store, config.line_name)
        if current is None:
            return False
        experiment_id = current.experiment_id
    return read_table(store, "samples", experiment_id, columns=["epoch"]).num_rows > 0


def _in_batches(images: int, batch_size: int) -> int:
    return -(-images // batch_size) * batch_size
