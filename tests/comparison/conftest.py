"""Tables and contexts of known figures; every builder takes what a test wants to be different."""

import numpy as np
import pyarrow as pa
import pytest

from pixelpipe.comparison.decision import BaselineKind
from pixelpipe.comparison.evidence import BaselineEvidence, EpochContext, EpochEvidence, Plan
from pixelpipe.comparison.guardrails import Guardrails
from pixelpipe.comparison.pairing import pair
from pixelpipe.config import JudgeConfig

GUARDRAILS = Guardrails(
    floor=18.0, min_colors=8.0, max_colors=40.0, max_largest_share=0.9, max_geary_c=0.9, max_coarse_grid=0.7
)


class Build:
    """Builders, as one fixture: test modules cannot import one another under importlib mode."""

    guardrails = GUARDRAILS

    @staticmethod
    def samples(values, eval_set_id="set", metric="effective_colors", **columns):
        """Rows of P prompts x S seeds from (P, S) values."""
        values = np.asarray(values, dtype=float)
        num_prompts, num_seeds = values.shape
        return pa.table(
            {
                "prompt_id": [f"p{p:02d}" for p in range(num_prompts) for _ in range(num_seeds)],
                "seed": pa.array(list(range(num_seeds)) * num_prompts, pa.int64()),
                "eval_set_id": [eval_set_id] * values.size,
                metric: values.ravel(),
            }
            | columns
        )

    @classmethod
    def colors(cls, rng, mean, num_prompts=24, num_seeds=4, cv=0.3):
        """(P, S) gamma values with this mean and coefficient of variation between images of a prompt."""
        prompts = mean * rng.gamma(1 / 0.2**2, 0.2**2, (num_prompts, 1))
        return prompts * rng.gamma(1 / cv**2, cv**2, (num_prompts, num_seeds))

    @classmethod
    def scaled(cls, ratio, seed=0, num_prompts=12, num_seeds=2, noise=0.02):
        """A pairing whose candidate is `ratio` times the baseline, with a little noise."""
        rng = np.random.default_rng(seed)
        theirs = rng.uniform(40, 80, (num_prompts, num_seeds))
        ours = theirs * ratio * rng.normal(1, noise, theirs.shape)
        return pair(cls.samples(ours), cls.samples(theirs), "effective_colors", GUARDRAILS.floor)

    @staticmethod
    def plan(epochs=8, pairs=24, **judge):
        return Plan("cand-00000000", "art-24", epochs, pairs, pairs, JudgeConfig(**judge))

    @staticmethod
    def evidence(epoch=2, **changes):
        values = {
            "epoch": epoch,
            "images_seen": 184 * epoch,
            "eval_set_id": "set",
            "dataset_hash": "d" * 64,
            "num_images": 24,
            "non_finite": 0,
            "duplicate_rows": 0,
            "means": {"effective_colors": 30.0, "unique_colors": 400.0},
            "median_colors": 25.0,
            "median_largest_share": 0.4,
            "duplicate_rate": 0.05,
        }
        return EpochEvidence(**values | changes)

    @staticmethod
    def matched(pairing, epoch=2, **changes):
        values = {
            "kind": BaselineKind.MATCHED,
            "reference": f"base-11111111@{epoch}",
            "images_seen": 184 * epoch,
            "dataset_hash": "d" * 64,
            "pairing": pairing,
        }
        return BaselineEvidence(**values | changes)

    @classmethod
    def context(cls, *, plan=None, evidence=None, baseline=None, history=()):
        return EpochContext(
            plan or cls.plan(),
            evidence or cls.evidence(),
            BaselineEvidence() if baseline is None else baseline,
            GUARDRAILS,
            history,
        )


@pytest.fixture
def build():
    return Build
