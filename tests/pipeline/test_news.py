"""Nothing new is nothing to do; new art, captions, base or code make one candidate, and once it is judged, no other."""

import shutil

import pytest
from PIL import Image

import pixelpipe.pipeline.code as code
import pixelpipe.pipeline.news as news_module
from pixelpipe import lines
from pixelpipe.errors import BadInputError
from pixelpipe.lines import move_champion
from pixelpipe.pipeline.news import find_news
from pixelpipe.pipeline.prepare import prepare
from pixelpipe.store import Store
from tests.conftest import Painter, make_painter, picture


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """A line with a champion, made once; every test has its own copy of it."""
    folder = tmp_path_factory.mktemp("first")
    with pytest.MonkeyPatch.context() as monkeypatch:
        make_painter(folder, monkeypatch).run("first", lambda _: 27, training={"epochs": 1})
    return folder


@pytest.fixture
def painter(first, tmp_path, monkeypatch):
    shutil.copytree(first, tmp_path / "line")
    return Painter(Store.open(tmp_path / "line/store"), tmp_path / "line", monkeypatch)


@pytest.fixture
def champion(painter):
    current = lines.champion(painter.store, "art-24")
    assert current is not None
    return current.experiment_id


def news_of(painter):
    return find_news(painter.store, "art-24", painter.folder / "art")


def draw_another(folder, number=90):
    Image.fromarray(picture(20, number)).save(folder / f"{number}.png")
    (folder / f"{number}.txt").write_text("a new sprite")


def test_nothing_new(painter, champion):
    news = news_of(painter)
    assert (news.changed, news.candidate, news.answer) == ([], None, champion)
    assert news.sentence == f"nothing new since {champion}@1, the champion"
    assert (
        prepare(painter.store, news_module.champion_config(painter.store, news.champion, None)).experiment_id
        == champion
    )


def test_new_art_is_a_candidate_with_the_champions_configuration(painter, champion):
    draw_another(painter.folder / "art")
    news = news_of(painter)
    assert news.changed == ["dataset", "captions"]
    assert news.sentence == f"new dataset and captions since {champion}@1, the champion"
    assert news.candidate is not None
    assert news.candidate.experiment_id != champion
    assert news.candidate.config.training.epochs == 1
    assert news.candidate.config.judge.baseline == "champion"
    assert len(news.candidate.manifest.samples) == 17


def test_a_caption_alone_is_new(painter, champion):
    (painter.folder / "art/03.txt").write_text("a sprite that is called otherwise")
    assert news_of(painter).changed == ["captions"]


def test_renaming_files_is_nothing_new(painter, champion):
    for suffix in ("png", "txt"):
        (painter.folder / f"art/03.{suffix}").rename(painter.folder / f"art/renamed.{suffix}")
    assert news_of(painter).changed == []


def test_art_elsewhere(painter, champion, tmp_path):
    shutil.copytree(painter.folder / "art", tmp_path / "more")
    assert find_news(painter.store, "art-24", tmp_path / "more").changed == []
    draw_another(tmp_path / "more")
    assert find_news(painter.store, "art-24", tmp_path / "more").changed == ["dataset", "captions"]
    assert news_of(painter).changed == []


def test_the_champions_own_folder_is_what_is_looked_at(first):
    assert find_news(Store.open(first / "store"), "art-24").changed == []


def test_what_was_judged_is_not_trained_again(painter, champion):
    draw_another(painter.folder / "art")
    worse = painter.run("first", lambda _: 42, training={"epochs": 1})
    assert worse != champion
    news = news_of(painter)
    assert (news.changed, news.candidate, news.answer) == (["dataset", "captions"], None, worse)
    assert news.sentence == f"nothing new since {worse}, which was judged already; {champion}@1 is the champion"


def test_new_code_repeats_the_experiment_once(painter, champion, monkeypatch):
    assert len(code.code_hash()) == 64
    monkeypatch.setattr(news_module, "code_hash", lambda: "f" * 64)
    news = news_of(painter)
    assert news.changed == ["code"]
    assert news.candidate is not None
    assert (news.candidate.repetition, news.candidate.experiment_id != champion) == (1, True)
    monkeypatch.setattr(code, "code_hash", lambda: "f" * 64)
    code.record_code(painter.store, champion)  # as if it had been run by that code
    assert news_of(painter).changed == []


def test_a_champion_of_before_there_was_a_record_of_code(painter, champion):
    painter.store.delete(f"experiments/{champion}/code.json")
    news = news_of(painter)
    assert (news.changed, news.candidate) == ([], None)
    assert news.hashes["code"] == (None, code.code_hash())


@pytest.mark.parametrize("name", ["models/load.py", "training/engine.py", "config/training.py", "pipeline/session.py"])
def test_the_code_that_makes_pictures_counts(name, tmp_path, monkeypatch):
    root = code.Path(code.pixelpipe.__file__).parent
    shutil.copytree(root, tmp_path / "copy", ignore=shutil.ignore_patterns("*.safetensors", "*.json", "__pycache__"))
    monkeypatch.setattr(code.pixelpipe, "__file__", str(tmp_path / "copy/__init__.py"))
    before = code.code_hash.__wrapped__()
    for other in ("reporting/verdict.py", "config/judge.py"):
        change(tmp_path / "copy" / other)
    assert code.code_hash.__wrapped__() == before, "neither a report nor the judge changes a picture"
    change(tmp_path / "copy" / name)
    assert code.code_hash.__wrapped__() != before


def change(source):
    source.write_text(f"{source.read_text()}# changed\n")


def test_bad_input(tmp_path):
    with pytest.raises(BadInputError, match=r"line art-24: must have a champion to train anew but has none in "):
        find_news(Store.open(tmp_path / "store"), "art-24")


def test_a_champion_that_nothing_can_be_compared_with(painter, champion, monkeypatch):
    draw_another(painter.folder / "art")
    monkeypatch.setattr("pixelpipe.pipeline.prepare.METRIC_VERSION", "another")
    with pytest.raises(BadInputError, match=rf"{champion}@1 was measured by another evaluation set"):
        news_of(painter)


def test_the_newest_champion_is_what_counts(painter, champion):
    other = painter.run("second", lambda _: 28, training={"epochs": 1, "learning_rate": 1e-3})
    move_champion(painter.store, "art-24", after=1, experiment_id=other, epoch=1, reason="x", set_by="anna")
    assert news_of(painter).answer == other
