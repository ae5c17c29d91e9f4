"""What people use instead: each rule says after which epoch of a run it would have abandoned it, or never.

All see the same pictures as ours, paired by prompt and seed, at the same epochs, and may look after every one.
"""

import warnings
from collections.abc import Sequence
from itertools import product

import numpy as np
import optuna
import scipy.stats

from pixelpipe.comparison.simulation import Pictures

warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)  # it is what people use
optuna.logging.set_verbosity(optuna.logging.WARNING)

THRESHOLDS = (0.0, 0.05, 0.10, 0.15, 0.20, 0.25, 0.30, 0.35, 0.40, 0.50, 0.60, 0.80)
WILCOXON_P = (0.1, 0.05, 0.01, 1e-3, 1e-4, 1e-5, 1e-6, 1e-8)

Stops = dict[str, np.ndarray]  # rule -> (R,) epoch after which each run is abandoned; 0: never


def point_thresholds(runs: Sequence[Pictures]) -> Stops:
    """Mean worse than (1 + t) times the baseline's, k epochs in a row.

    t = 0, k = 1 is "mean worse once"; t = 0, k = 3 "three in a row"; k = 1 with t > 0 is how TFMA's value and
    change thresholds are used: a point estimate against a number, no statistics.
    """
    candidate, baseline = _sides(runs)
    ratios = candidate.mean(axis=2) / baseline.mean(axis=2)  # (R, E)
    return {
        point_name(threshold, row): _first_streak(ratios > 1 + threshold, row)
        for threshold, row in product(THRESHOLDS, (1, 2, 3))
    }


def point_name(threshold: float, row: int) -> str:
    times = {1: "once", 2: "twice in a row", 3: "three times in a row"}[row]
    return f"mean worse {times}" if threshold == 0 else f"mean {threshold:+.0%} {times}"


def _sides(runs: Sequence[Pictures]) -> tuple[np.ndarray, np.ndarray]:
    """(R, E, pictures) of candidate and baseline."""
    sides = (np.stack([getattr(run, side) for run in runs]) for side in ("candidate", "baseline"))
    candidate, baseline = (values.reshape(*values.shape[:2], -1) for values in sides)
    return candidate, baseline


def _first_streak(worse: np.ndarray, row: int) -> np.ndarray:
    """(R, E) bool -> (R,) epoch at which `row` of them stand together; 0: never."""
    together = worse.copy()
    for back in range(1, row):
        together[:, back:] &= worse[:, :-back]
        together[:, :back] = False
    return np.where(together.any(axis=1), together.argmax(axis=1) + 1, 0)


def wilcoxon(runs: Sequence[Pictures]) -> Stops:
    """Optuna's WilcoxonPruner: the candidate's pictures against the baseline's as the best trial, after every epoch.

    Its defaults are p_threshold=0.1, n_startup_steps=2. Its test is scipy's, asked here for all runs at once; the
    pruner itself is asked about the first run, and must agree.
    """
    candidate, baseline = _sides(runs)
    tested = scipy.stats.wilcoxon(candidate - baseline, alternative="greater", zero_method="zsplit", axis=2)
    worse = candidate.mean(axis=2) > baseline.mean(axis=2)  # it never prunes what is better on average
    found = {wilcoxon_name(p): _first_streak((tested.pvalue < p) & worse, 1) for p in WILCOXON_P}
    for p in WILCOXON_P:
        assert found[wilcoxon_name(p)][0] == _pruned_after(candidate[0], baseline[0], p), "Optuna's own answer differs"
    return found


def wilcoxon_name(p: float) -> str:
    return "WilcoxonPruner, defaults" if p == 0.1 else f"WilcoxonPruner, p < {p:g}"


def _pruned_after(candidate: np.ndarray, baseline: np.ndarray, p: float) -> int:
    """The epoch after which the pruner itself prunes; 0: never."""
    pruner = optuna.pruners.WilcoxonPruner(p_threshold=p)
    for epoch, (ours, theirs) in enumerate(zip(candidate, baseline, strict=True), start=1):
        study = optuna.create_study(direction="minimize")
        best = dict(enumerate(theirs.tolist()))
        study.add_trial(optuna.trial.create_trial(value=float(theirs.mean()), intermediate_values=best))
        steps = dict(enumerate(ours.tolist()))
        pruned = optuna.trial.TrialState.PRUNED
        if pruner.prune(study, optuna.trial.create_trial(state=pruned, intermediate_values=steps)):
            return epoch
    return 0
