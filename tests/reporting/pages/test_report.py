"""report.html says what verdict.md and the model card say, loads nothing, and shows whatever it is given as text."""

import base64
import hashlib
import io
import json
import re

import numpy as np
import pytest
from markdown_it import MarkdownIt
from PIL import Image

from pixelpipe.reporting.description import describe
from pixelpipe.reporting.model_card import Exported, model_card
from pixelpipe.reporting.pages.report import html_report
from pixelpipe.reporting.pages.shown_images import BUDGET_BYTES
from pixelpipe.reporting.verdict import verdict_markdown

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</script><script>alert(2)</script>",
    "it's \"quoted\" & 'so'",
    "🎨 👩‍🎨 é ü 漢字",
    "שלום עולם مرحبا",
    "[x](javascript:alert(3)) `code` | pipe",
    "{{ 7 * 7 }} ${7*7} <%= 7 %>",
    "&lt;b&gt; &amp;amp;",
    "*bold* _under_ # head",
]
LIMIT_BYTES = 5_000_000


def page(store, experiment_id):
    return html_report(store, describe(store, experiment_id))


def words(text):
    return " ".join(text.split())


def test_every_text_of_the_verdict_stands_in_the_page(store, story, parse):
    """By construction; and this would see a section that got lost or was rounded anew."""
    for experiment_id in story:
        found = describe(store, experiment_id)
        text = parse(page(store, experiment_id)).text
        rendered = parse(MarkdownIt("commonmark").enable("table").render(verdict_markdown(found)))
        pieces = [words(piece) for piece in rendered.texts if words(piece)]
        assert len(pieces) > 60
        missing = [piece for piece in pieces if piece.removesuffix(":") not in text]
        assert missing == [f"{found.name}: {found.status.upper()}", "Verdict:"]  # the page has them one under the other


def test_one_sentence_opens_all_documents(store, story, parse):
    for experiment_id in story:
        found = describe(store, experiment_id)
        source = page(store, experiment_id)
        [shown] = re.findall(r'<p id="verdict">(.*?)</p>', source)
        card = model_card(store, found, Exported(1, "diffusers", "it", "fp16", adapter=False))
        rendered = parse(MarkdownIt("commonmark").enable("table").render(card + verdict_markdown(found)))
        assert parse(shown).text == found.verdict
        assert rendered.text.count(found.verdict) == 2
        assert found.status.upper() in parse(source).text


def test_it_loads_nothing_and_is_small(store, story, parse):
    source = page(store, story[1])
    assert len(source.encode()) < LIMIT_BYTES
    found = parse(source)
    assert not set(found.tags) & {"img", "iframe", "object", "embed", "base", "form"}
    assert found.values("src", "srcset", "action") == []
    hrefs = {
        tag: [value for of, name, value in found.attributes if (of, name) == (tag, "href")] for tag in ("link", "a")
    }
    assert hrefs["link"] == ["data:,"]
    assert [href for href in hrefs["a"] if re.match(r"[a-z]+:|//|/", href)] == []
    assert {place[:5] for place in re.findall(r"url\(([^)]*)\)", source)} <= {"data:", *_clips(source)}
    assert "@import" not in source


def _clips(source):
    """Beginnings of the plot's own clipping paths, which are in the page."""
    return {f"#{name}"[:5] for name in re.findall(r'<clipPath id="([^"]*)"', source)}


def test_only_its_own_scripts_may_run(store, story, parse):
    source = page(store, story[1])
    [policy] = [value for value in parse(source).values("content") if value.startswith("default-src")]
    assert "default-src 'none'" in policy
    assert "img-src data:" in policy
    [script] = re.findall(r"<script>(.*?)</script>", source, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert re.findall(r"script-src ([^;]*)", policy) == [f"'sha256-{digest}'"]


def test_the_same_tables_give_the_same_page(store, story):
    assert page(store, story[1]) == page(store, story[1])


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_are_shown_as_texts(store, fill, parse, text):
    fill.prompts = [f"{text} {number}" for number in range(100)]
    baseline_id = fill.run(fill.config("baseline"), [30, 28, 26, 24])
    config = fill.config("doomed", dataset={"path": f"art/{text}"}, captions={"trigger": text})
    experiment_id = fill.start(config, captions="f" * 64)
    fill.captions([f"{text} caption"] * 4, flagged=2, term=text)
    fill.epoch(1, fill.colors(60, seed=1), baseline_id)
    fill.experiment = config.model_copy(update={"name": text})
    fill.status("failed", "error", f"It failed: {text}")
    source = page(store, experiment_id)
    found = parse(source)
    assert found.tags.count("script") == 2  # ours
    assert {name for _, name, _ in found.attributes if name.startswith("on")} == set()
    assert not {"img", "iframe", "object", "embed"} & set(found.tags)
    assert f"It failed: {text}" in found.text
    assert text in found.texts  # the heading
    assert any(label and label.endswith(f"{text} 0") for label in found.values("aria-label"))
    assert f"art/{text}" in found.text
    assert any(piece.strip() == text for piece in found.texts)
    [data] = re.findall(r'<script type="application/json" id="samples-data">(.*?)</script>', source, re.DOTALL)
    assert json.loads(data)["prompts"][0] == f"{text} 0"


def test_what_turns_the_writing_around_is_made_visible(store, fill, parse):
    fill.prompts = [f"a person \u202e gnp.exe {number}\x07" for number in range(100)]
    experiment_id = fill.run(fill.config(), [30, 28, 26, 24])
    source = page(store, experiment_id)
    assert "\u202e" not in source
    assert "\x07" not in source
    assert "a person \\u202e gnp.exe 0" in source


def test_every_state_gives_a_page(store, fill, story, parse):
    running = fill.start(fill.config("running"))
    one = fill.start(fill.config("one"))
    fill.epoch(1, fill.colors(30))
    summary = fill.run(fill.config("summary"), [40, 45], fill.summary(216.6, name="<b>512px</b>"))
    for experiment_id in (*story, running, one, summary):
        found = parse(page(store, experiment_id))
        assert ("Samples" in found.text) == (experiment_id != running)
        assert "None" not in re.sub(r"None(:| of)", "", found.text)
    assert "Not decided yet" in parse(page(store, running)).text


def atlas(source, name):
    [uri] = re.findall(rf"\.{name} {{ background-image: url\(data:image/webp;base64,([^)]*)\)", source)
    with Image.open(io.BytesIO(base64.b64decode(uri))) as picture:
        return np.asarray(picture.convert("RGBA"))


def test_sprites_are_the_tables_pixels(store, fill):
    fill.start(fill.config())
    art = [[fill.sprite(24, 10 * p + s) for s in range(2)] for p in range(12)]
    fill.epoch(1, fill.colors(30), pixels=art, drop=1)
    sheet = atlas(page(store, "candidate-0a1b2c3d"), "sheet0")
    assert sheet.shape == (2 * 24, 12 * 24, 4)
    for p in range(12):
        for s in range(2):
            cell = sheet[24 * s : 24 * s + 24, 24 * p : 24 * p + 24]
            if (p, s) == (11, 1):
                assert not cell[..., 3].any()  # it was not drawn
            else:
                assert np.array_equal(cell[..., :3], art[p][s])


def test_the_baseline_stands_beneath_its_epoch_with_the_same_seed(store, story):
    source = page(store, story[1])
    [data] = re.findall(r'id="samples-data">(.*?)</script>', source, re.DOTALL)
    rows = json.loads(data)["rows"]
    assert [row["title"] for row in rows] == ["Epoch 1", "Baseline, epoch 1", "Epoch 2", "Baseline, epoch 2"]
    for ours, theirs in zip(rows[::2], rows[1::2], strict=True):
        seeds = [[[image["seed"] for image in prompt] for prompt in side["images"]] for side in (ours, theirs)]
        assert seeds[0] == seeds[1]


def test_what_was_drawn_before_training_stands_above_all_epochs(store, fill, story, parse):
    _, candidate_id = story
    without = page(store, candidate_id)
    before = [fill.sprite(24, 5000 + p) for p in range(3)]
    fill.before_training([before[0], None, before[2]])
    source = page(store, candidate_id)
    [data] = re.findall(r'id="samples-data">(.*?)</script>', source, re.DOTALL)
    first, *others = json.loads(data)["rows"]
    assert first["title"] == "Before training"
    assert first["images"][:3] == [
        [{"seed": "0", "figures": [], "href": None}, None],
        [None, None],
        [{"seed": "200", "figures": [], "href": None}, None],
    ]
    assert others == json.loads(re.findall(r'id="samples-data">(.*?)</script>', without, re.DOTALL)[0])["rows"]
    sheet = atlas(source, first["sheet"])
    assert np.array_equal(sheet[:24, 48:72, :3], before[2])
    assert not sheet[:, 24:48, 3].any()
    found = parse(source)
    assert "Before trainingfirst seed of 2 prompts" in found.text
    labels = found.values("aria-label")
    assert any(label.startswith("Before training, seed 0: ") for label in labels)
    [gone] = {re.search(r"(\d+) of the full-size images are no longer", text)[1] for text in (without, source)}
    assert gone == "96", "it never had any"
    assert len(source) - len(without) < 20_000


def test_full_size_images_are_linked_where_the_store_has_them(store, story):
    baseline_id, candidate_id = story
    store.put(f"experiments/{candidate_id}/samples/epoch-01/p000__0.png", b"png")
    store.put(f"experiments/{baseline_id}/samples/epoch-02/p001__100.png", b"png")
    source = page(store, candidate_id)
    links = re.findall(r'<a class="sprite [^>]* href="([^"]*)"', source)
    assert links == ["samples/epoch-01/p000__0.png", f"../{baseline_id}/samples/epoch-02/p001__100.png"]


def test_a_long_experiment_of_noisy_pictures_stays_within_the_limit(store, fill):
    """24 prompts x 4 seeds x 8 epochs of noise, which compresses not at all, on a grid of 32, beside a baseline."""
    fill.num_prompts, fill.seeds, fill.grid = 24, 4, 32
    noise = np.random.default_rng(0).integers(0, 256, (24, 4, 32, 32, 3), np.uint8)
    ids = []
    for name in ("baseline", "candidate"):
        ids.append(fill.start(fill.config(name, training={"epochs": 8})))
        for epoch in range(1, 9):
            fill.epoch(epoch, fill.colors(30), ids[0] if name == "candidate" else None, pixels=noise)
    source = page(store, ids[1])
    assert 0.3 * BUDGET_BYTES < len(source.encode()) < LIMIT_BYTES
    assert "24 prompts, 2 of 4 seeds, 8 epochs" in source
