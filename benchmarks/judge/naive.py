"""What people use instead: each rule says after which epoch of a run it would have abandoned it, or never.

All see the same pictures as ours, paired by prompt and seed, at the same epochs, and may look after every one.
"""

import warnings
from itertools import product

import numpy as np
import optuna

from pixelpipe.comparison.simulation import Pictures

warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)  # it is what people use
optuna.logging.set_verbosity(optuna.logging.WARNING)

THRESHOLDS = (0.0, 0.05, 0.10, 0.15, 0.20, 0.25, 0.30, 0.35, 0.40, 0.50, 0.60, 0.80)
WILCOXON_P = (0.1, 0.05, 0.01, 1e-3, 1e-4, 1e-5, 1e-6, 1e-8)

Stops = dict[str, int | None]


def point_thresholds(pictures: Pictures) -> Stops:
    """Mean worse than (1 + t) times the baseline's, k epochs in a row.

    t = 0, k = 1 is "mean worse once"; t = 0, k = 3 "three in a row"; k = 1 with t > 0 is how TFMA's value and
    change thresholds are used: a point estimate against a number, no statistics.
    """
    ratios = pictures.candidate.mean(axis=(1, 2)) / pictures.baseline.mean(axis=(1, 2))
    return {
        point_name(threshold, row): _first_streak(ratios > 1 + threshold, row)
        for threshold, row in product(THRESHOLDS, (1, 2, 3))
    }


def point_name(threshold: float, row: int) -> str:
    times = {1: "once", 2: "twice in a row", 3: "three times in a row"}[row]
    return f"mean worse {times}" if threshold == 0 else f"mean {threshold:+.0%} {times}"


def _first_streak(worse: np.ndarray, row: int) -> int | None:
    length = 0
    for epoch, bad in enumerate(worse, start=1):
        length = length + 1 if bad else 0
        if length == row:
            return epoch
    return None


def wilcoxon(pictures: Pictures) -> Stops:
    """Optuna's WilcoxonPruner: the candidate's pictures against the baseline's as the best trial, after every epoch.

    Its defaults are p_threshold=0.1, n_startup_steps=2. A smaller threshold prunes later, never earlier.
    """
    found: Stops = {wilcoxon_name(p): None for p in WILCOXON_P}
    for epoch, (candidate, baseline) in enumerate(zip(pictures.candidate, pictures.baseline, strict=True), start=1):
        study, trial = _study(baseline), _trial(candidate)
        for p in WILCOXON_P:
            pruner = optuna.pruners.WilcoxonPruner(p_threshold=p)
            if not pruner.prune(study, trial):
                break
            found[wilcoxon_name(p)] = found[wilcoxon_name(p)] or epoch
        if found[wilcoxon_name(WILCOXON_P[-1])] is not None:
            break
    return found


def wilcoxon_name(p: float) -> str:
    return "WilcoxonPruner, defaults" if p == 0.1 else f"WilcoxonPruner, p < {p:g}"


def _study(baseline: np.ndarray) -> optuna.Study:
    study = optuna.create_study(direction="minimize")
    steps = dict(enumerate(baseline.ravel().tolist()))
    study.add_trial(optuna.trial.create_trial(value=float(baseline.mean()), intermediate_values=steps))
    return study


def _trial(candidate: np.ndarray) -> optuna.trial.FrozenTrial:
    steps = dict(enumerate(candidate.ravel().tolist()))
    return optuna.trial.create_trial(state=optuna.trial.TrialState.PRUNED, intermediate_values=steps)
