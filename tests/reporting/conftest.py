"""Stores filled by the real writer, with decisions of the real rule; images are small fabricated sprites."""

import io
import json
import shutil
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from pixelpipe.analysis.gates import GATE_SCHEMA
from pixelpipe.analysis.metrics import METRIC_SCHEMA
from pixelpipe.comparison.decision import BaselineKind
from pixelpipe.comparison.evidence import (
    BaselineEvidence,
    EpochContext,
    Plan,
    epoch_evidence,
    match_epoch,
    past_decisions,
)
from pixelpipe.comparison.guardrails import Guardrails
from pixelpipe.comparison.pairing import pair
from pixelpipe.comparison.rule import decide
from pixelpipe.config import ExperimentConfig, content_id
from pixelpipe.keys import before_key, epoch_stem
from pixelpipe.results.reader import read_table
from pixelpipe.results.schemas import SCHEMAS
from pixelpipe.results.writer import append_status, table_of, write_rows
from pixelpipe.store import Store

WHEN = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
GUARDRAILS = Guardrails(floor=18.0, min_colors=8.0, max_colors=40.0, max_largest_share=0.9)
STATUS = {"CONTINUE": "running", "ABANDONED": "abandoned", "PROMOTED": "promoted", "INCONCLUSIVE": "inconclusive"}
IMAGES_AN_EPOCH = 184


def sprite(grid, number):
    """(grid, grid, 3) uint8 of few colors, another one for every number."""
    return np.random.default_rng(number).integers(0, 4, (grid, grid, 3), np.uint8) * np.uint8(80)


def png(pixels):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


class Fill:
    """Writes experiments into a store, epoch by epoch, as a run would."""

    sprite = staticmethod(sprite)

    def __init__(self, store):
        self.store = store
        self.num_prompts, self.seeds, self.grid = 12, 2, 24
        self.prompts = [f"pixelportrait, a person with hair {number}" for number in range(100)]

    def config(self, name="candidate", **changes):
        values = {
            "name": name,
            "line": "portraits-24",
            "dataset": {"path": "sprites", "grid": self.grid},
            "training": {"epochs": 4, "resolution": 192, "learning_rate": 1e-5},
            "sampling": {"num_prompts": self.num_prompts, "seeds_per_prompt": self.seeds},
        }
        for key, value in changes.items():
            values[key] = {**values.get(key, {}), **value} if isinstance(value, dict) else value
        return ExperimentConfig.model_validate(values)

    def start(self, config, captions="c" * 64, status="running", **changes):
        """The first status of an experiment; returns its id."""
        experiment_id = f"{config.name}-0a1b2c3d"
        self.lineage = {
            "experiment_id": experiment_id,
            "line": config.line_name,
            "dataset_hash": "d" * 64,
            "captions_hash": captions,
            "config_hash": content_id(config.resolved()),
            "base_hash": "b" * 64,
        }
        self.experiment = config
        self.status(status, **changes)
        return experiment_id

    def status(self, status, reason_code=None, message=None):
        append_status(
            self.store,
            {
                **self.lineage,
                "name": self.experiment.name,
                "status": status,
                "reason_code": reason_code,
                "message": message,
                "config_json": self.experiment.model_copy(update={"name": "config"}).model_dump_json(),
                "changed_at": WHEN,
                "attempt": 1,
            },
        )

    def captions(self, texts, duplicates=0, flagged=0, term="plastic frame"):
        """`flagged` training captions name plastic frames."""
        finding = {"rule": "lexicon", "term": term, "words": "plastic", "size_px": 0.19, "reason": "2 mm"}
        records = [
            {
                **self.lineage,
                "file_name": f"{number}.png",
                "content_hash": str(number),
                "strategy": "sidecar",
                "caption": caption,
                "split": "validation" if number == 0 else "train",
                "near_duplicate_of": "0.png" if 0 < number <= duplicates else None,
                "caption_notes": None,
                "num_tokens": 9,
                "num_findings": int(0 < number <= flagged),
                "findings_json": json.dumps([finding] * (0 < number <= flagged)),
            }
            for number, caption in enumerate(texts)
        ]
        write_rows(self.store, "captions", self.lineage["experiment_id"], "captions", table_of("captions", records))

    def samples(self, epoch, colors, pixels=None, drop=0):
        """Rows of `colors` (prompts x seeds); metrics that no document shows are constants."""
        experiment_id = self.lineage["experiment_id"]
        records = []
        for p in range(self.num_prompts):
            for s in range(self.seeds):
                value = int(colors[p, s])
                metrics = {f.name: 0.5 if pa.types.is_floating(f.type) else value for f in METRIC_SCHEMA}
                metrics |= {"unique_colors": 10 * value}
                art = sprite(self.grid, 10_000 * epoch + 100 * p + s) if pixels is None else pixels[p][s]
                records.append(
                    {
                        **dict.fromkeys(SCHEMAS["samples"].names),  # null unless said otherwise
                        **self.lineage,
                        "epoch": epoch,
                        "attempt": 1,
                        "prompt_id": f"p{p:03d}",
                        "prompt": self.prompts[p],
                        "seed": 100 * p + s,
                        "sample_uri": f"experiments/{experiment_id}/{p}.png",
                        "sprite_png": png(art),
                        "source_px": 192,
                        "grid": self.grid,
                        "downscale_method": "cell_median",
                        "metric_version": "1",
                        "eval_set_id": "e" * 16,
                        "profile_hash": None,
                        "checkpoint_hash": "a" * 64,
                        **metrics,
                        **{f.name: value <= 30 for f in GATE_SCHEMA},
                    }
                )
        return table_of("samples", records[: len(records) - drop])

    def before_training(self, pixels):
        """Sprites of the first seed of each prompt; None: there is no such file."""
        for p, art in enumerate(pixels):
            if art is not None:
                self.store.put(before_key(self.lineage["experiment_id"], f"p{p:03d}", 100 * p), png(art))

    def baseline(self, baseline_id, samples, images_seen):
        """Evidence of another experiment's comparable epoch."""
        rows = read_table(self.store, "epochs", baseline_id).to_pylist()
        found = match_epoch(images_seen, {row["epoch"]: row["images_seen"] for row in rows})
        theirs = read_table(self.store, "samples", baseline_id)
        theirs = theirs.filter(pa.compute.equal(theirs["epoch"], found.epoch))
        pairing = pair(samples, theirs, self.experiment.judge.metric, GUARDRAILS.floor)
        return BaselineEvidence(
            kind=found.kind,
            reference=f"{baseline_id}@{found.epoch}",
            images_seen=found.images_seen,
            dataset_hash="d" * 64,
            pairing=pairing,
            champion_pairing=pairing,
        )

    def summary(self, mean, name="512px-epoch-8", metric="unique_colors"):
        return BaselineEvidence(kind=BaselineKind.SUMMARY, reference=name, summary_metric=metric, summary_mean=mean)

    def decision(self, epoch, samples, baseline=None, epoch_size=IMAGES_AN_EPOCH):
        """The rule's, with the decisions that are stored. `baseline`: an id, evidence, or None."""
        experiment_id, config = self.lineage["experiment_id"], self.experiment
        if isinstance(baseline, str):
            baseline = self.baseline(baseline, samples, epoch * epoch_size)
        evidence = epoch_evidence(
            samples,
            epoch=epoch,
            images_seen=epoch * epoch_size,
            dataset_hash="d" * 64,
            duplicate_rate=0.0,
            metric=config.judge.metric,
        )
        past = past_decisions(read_table(self.store, "decisions", experiment_id))
        plan = Plan.from_config(experiment_id, config)
        return decide(EpochContext(plan, evidence, baseline or BaselineEvidence(), GUARDRAILS, past))

    def epoch(self, epoch, colors, baseline=None, pixels=None, drop=0):
        """Commit one epoch with the rule's decision, which is returned."""
        samples = self.samples(epoch, colors, pixels, drop)
        decision = self.decision(epoch, samples, baseline)
        self.commit(epoch, samples, decision)
        return decision

    def commit(self, epoch, samples, decision, epoch_size=IMAGES_AN_EPOCH):
        """Samples, decision and, last, the epoch itself."""
        experiment_id, stem = self.lineage["experiment_id"], epoch_stem(epoch, 1)
        when = WHEN + timedelta(minutes=epoch)
        decided = {"decided_at": when, "overridden_by": None, "override_reason": None}
        row = {**decision.row(), **self.lineage, "attempt": 1, **decided}
        write_rows(self.store, "samples", experiment_id, stem, samples)
        write_rows(self.store, "decisions", experiment_id, stem, table_of("decisions", [row]))
        effective = samples["effective_colors"].to_numpy()
        summary = {
            **dict.fromkeys(SCHEMAS["epochs"].names),  # null unless said otherwise
            **self.lineage,
            "epoch": epoch,
            "attempt": 1,
            "train_loss": 0.2 / epoch,
            "validation_loss": 0.16 / epoch**0.3,
            "learning_rate": 1e-5,
            "optimizer_steps": 12 * epoch,
            "images_seen": epoch * epoch_size,
            "seconds_train": 60.0 + epoch,
            "seconds_save": 4.0,
            "seconds_sample": 30.0,
            "seconds_analyze": 3.0,
            "seconds_judge": 1.0,
            "cost_usd": 0.04 + epoch / 1000,
            "num_samples": samples.num_rows,
            "mean_unique_colors": float(10 * effective.mean()),
            "median_unique_colors": float(10 * np.median(effective)),
            "mean_effective_colors": float(effective.mean()),
            "median_effective_colors": float(np.median(effective)),
            "clean_rate": float((effective <= 30).mean()),
            "duplicate_rate": 0.0,
            "decision": str(decision.verdict),
            "reason_code": str(decision.reason_code),
            "eval_set_id": "e" * 16,
            "metric_version": "1",
            "checkpoint_hash": "a" * 64,
            "resolution": 192,
            "committed_at": when,
        }
        write_rows(self.store, "epochs", experiment_id, stem, table_of("epochs", [summary]))

    def colors(self, mean, seed=0):
        """(prompts, seeds) counts around a mean: the same picture-to-picture pattern for every epoch of a seed."""
        spread = np.random.default_rng(seed).normal(0, 0.12, (self.num_prompts, self.seeds))
        return np.round(mean * (1 + spread))

    def run(self, config, means, baseline=None, flagged=0, **changes):
        """Epochs with these mean colors until the rule ends the run, then the final status; returns the id."""
        experiment_id = self.start(config, **changes)
        self.captions(self.prompts[:20], flagged=flagged)
        for epoch, mean in enumerate(means, start=1):
            decision = self.epoch(epoch, self.colors(mean, seed=epoch), baseline)
            if decision.ends_run:
                self.status(STATUS[decision.verdict], str(decision.reason_code), decision.sentence)
                break
        return experiment_id


@pytest.fixture
def store(tmp_path):
    return Store.open(tmp_path / "store")


@pytest.fixture
def fill(store):
    return Fill(store)


@pytest.fixture(scope="session")
def told(tmp_path_factory):
    """The store of `story`, filled once, and its two ids."""
    fill = Fill(Store.open(tmp_path_factory.mktemp("told") / "store"))
    baseline_id = fill.run(fill.config("baseline"), [30, 28, 26, 24])
    captions = {"strategy": "sidecar", "column": "detailed"}
    config = fill.config("doomed", captions=captions, training={"epochs": 4, "resolution": 96})
    return fill, (baseline_id, fill.run(config, [48, 52, 50, 50], baseline_id, captions="f" * 64))


@pytest.fixture
def story(fill, told):
    """(baseline's id, abandoned candidate's id): two factors changed, twice as many colors."""
    teller, ids = told
    shutil.copytree(teller.store.url, fill.store.url, dirs_exist_ok=True)
    fill.lineage, fill.experiment = teller.lineage, teller.experiment
    return ids


UNSEEN = ("style", "script", "title")
VOID = ("meta", "link", "br", "hr", "img", "input")


class Page(HTMLParser):
    """A page as its reader gets it: texts, attributes, links; parsed by the standard library."""

    def __init__(self, source):
        super().__init__(convert_charrefs=True)
        self.tags, self.texts, self.attributes, self.open = [], [], [], []
        self.feed(source)
        self.close()
        assert self.open == [], "every element is closed"

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_data(self, data):
        if not set(self.open) & set(UNSEEN):
            self.texts.append(data)

    @property
    def text(self):
        """Everything that is read, on one line."""
        return " ".join("".join(self.texts).split())

    def values(self, *names):
        return [value for _, name, value in self.attributes if name in names]


@pytest.fixture
def parse():
    return Page
