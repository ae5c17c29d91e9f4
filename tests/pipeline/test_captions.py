import json

import pytest

from pixelpipe.captions.sidecar import read_captions
from pixelpipe.config import CaptionsConfig, DatasetConfig
from pixelpipe.data.portraits import write_dataset
from pixelpipe.errors import BadInputError, DatasetError
from pixelpipe.pipeline.captions import caption_dataset, lint_experiment
from pixelpipe.pipeline.dataset import findings_by_file, record_dataset
from pixelpipe.pipeline.prepare import prepare
from pixelpipe.results.reader import read_table
from pixelpipe.store import Store

PALETTE = CaptionsConfig(strategy="palette", trigger="pxl portrait")


@pytest.fixture
def art(tmp_path):
    write_dataset(tmp_path / "art", 30, seed=2)
    return tmp_path / "art"


@pytest.fixture
def store(tmp_path):
    return Store.open(tmp_path / "store")


def dataset(folder) -> DatasetConfig:
    return DatasetConfig(path=folder)


def test_a_copy_with_captions_of_its_own(art, store, tmp_path):
    done = caption_dataset(store, dataset(art), PALETTE, "sd15", to=tmp_path / "copy", convention="txt")
    names = [path.name for path in (tmp_path / "copy").glob("*.png")]
    captions = read_captions(tmp_path / "copy", names)
    assert done.num_sprites == len(captions) == 30
    assert all(
        caption.startswith("pxl portrait, ") and caption.endswith(" background") for caption in captions.values()
    )


def test_in_place_keeps_the_other_columns(art, store):
    caption_dataset(store, dataset(art), PALETTE, "sd15", in_place=True)
    rows = [json.loads(line) for line in (art / "metadata.jsonl").read_text().splitlines()]
    assert all(row["text"].startswith("pxl portrait, ") for row in rows)
    assert all({"detailed", "hair_color"} <= set(row) for row in rows)
    with pytest.raises(BadInputError, match="has captions as jsonl already"):
        caption_dataset(store, dataset(art), PALETTE, "sd15", in_place=True, convention="txt")


def test_only_made_and_kept(art, store):
    before = sorted(path.name for path in art.iterdir())
    assert caption_dataset(store, dataset(art), PALETTE, "sd15").place is None
    assert sorted(path.name for path in art.iterdir()) == before
    assert len(store.list("captions")) == 1


@pytest.mark.parametrize("strategy", ["simple", "enhanced"])
def test_an_experiment_knows_what_its_captions_ask_for(store, make_config, strategy):
    config = make_config(captions={"strategy": strategy, "column": "detailed"})
    experiment = prepare(store, config)
    record_dataset(store, experiment)
    rows = read_table(store, "captions", experiment.experiment_id).to_pylist()
    found = findings_by_file(lint_experiment(experiment))
    assert {row["file_name"]: json.loads(row["findings_json"]) for row in rows} == found
    assert all(0 < row["num_tokens"] <= 75 for row in rows)
    flagged = sum(row["num_findings"] > 0 for row in rows)
    assert flagged == len(rows) if strategy == "enhanced" else flagged <= 0.2 * len(rows)
    if strategy == "enhanced":
        assert "size" in {finding["rule"] for row in rows for finding in json.loads(row["findings_json"])}


def test_captions_that_clip_would_cut_are_refused(art, store, make_config):
    rows = [json.loads(line) for line in (art / "metadata.jsonl").read_text().splitlines()]
    rows[3]["text"] = "word " * 200
    (art / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(DatasetError, match=r"portrait-0004.png: its caption must fit in 75 tokens but has "):
        prepare(store, make_config(dataset={"path": str(art)}))
