"""Before a run: the difference that an evaluation set of a given size can see."""

import math

from scipy import special

from pixelpipe.comparison.simulation import Noise
from pixelpipe.comparison.statistics import POWER

PROMPT_CHOICES = (8, 12, 16, 24, 32, 48, 64)
SEED_CHOICES = (1, 2, 4, 8)


def planned_difference(
    noise: Noise, num_prompts: int, seeds_per_prompt: int, margin: float, alpha: float, spread: float = 0.0
) -> float | None:
    """Smallest true difference that one look finds to exceed `margin` with 80% power; None: none, however large.

    `statistics.detectable_difference` of images that do not exist yet: the variance of the mean log ratio is
    (interaction^2 + 2 ln(1 + image^2) / seeds) / prompts, besides `spread` between runs.
    """
    if num_prompts < 2 or 2.0**-num_prompts >= alpha:
        return None
    degrees = num_prompts - 1
    quantiles = float(special.stdtrit(degrees, 1 - alpha) + special.stdtrit(degrees, POWER))
    variance = (noise.interaction**2 + 2 * math.log1p(noise.image**2) / seeds_per_prompt) / num_prompts
    return (1 + margin) * math.exp(quantiles * math.sqrt(variance + spread**2)) - 1


def chance_left_open(noise: Noise, num_prompts: int, margin: float, run_sd: float = 0.0) -> float:
    """That the first seeds of a candidate with no true difference have a mean beyond the margin, on the log scale.

    How often an adaptive evaluation of such a candidate draws the other seeds, too. `run_sd`: between runs.
    """
    variance = (noise.interaction**2 + 2 * math.log1p(noise.image**2)) / num_prompts + 2 * run_sd**2
    return float(special.ndtr(-math.log1p(margin) / math.sqrt(variance))) if variance else 0.0


def cheapest(
    noise: Noise, difference: float, margin: float, alpha: float, spread: float = 0.0
) -> tuple[int, int] | None:
    """(prompts, seeds) with the fewest pictures that see `difference`; None: not even 64 x 8 do."""
    sees = []
    for prompts in PROMPT_CHOICES:
        for seeds in SEED_CHOICES:
            found = planned_difference(noise, prompts, seeds, margin, alpha, spread)
            if found is not None and found <= difference:
                sees.append((prompts * seeds, prompts, seeds))
    return min(sees)[1:] if sees else None
