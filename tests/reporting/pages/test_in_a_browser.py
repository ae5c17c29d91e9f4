"""What the pages' scripts do, in Chromium: a reader who presses keys, types and votes. Skipped where there is none.

A script that plays the reader is put at the end of the page, and allowed by its policy; what it saw is read from the
document that Chromium prints.
"""

import base64
import hashlib
import html
import json
import re
import shutil
import subprocess

import numpy as np
import pytest

from pixelpipe.reporting.ballots import read_ballot, store_votes
from pixelpipe.reporting.blind_review import make_review
from pixelpipe.reporting.description import describe
from pixelpipe.reporting.pages.report import html_report
from pixelpipe.reporting.pages.review import review_page
from pixelpipe.reporting.pages.site import site_page
from pixelpipe.results.reader import read_table

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
    "--password-store=basic", "--enable-logging=stderr", "--host-resolver-rules=MAP * ~NOTFOUND",
    "--virtual-time-budget=2000",
)  # fmt: skip
PLAY = """
const seen = [], press = (key) => document.activeElement.dispatchEvent(
  new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
const find = (selector) => document.querySelector(selector);
const told = () => { const e = document.createElement("pre"); e.id = "seen"; e.textContent = JSON.stringify(seen);
  document.body.append(e); };
"""

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium, which no package index has")


@pytest.fixture
def play(tmp_path):
    def run(page, reader):
        """What the reader's script has put into `seen`; the page must have had no error, and asked for nothing."""
        script = PLAY + reader
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert page.count("script-src ") == 1
        page = page.replace("script-src ", f"script-src 'sha256-{digest}' ")
        page = page.replace("</body>", f"<script>{script}</script></body>")
        (tmp_path / "page.html").write_text(page, encoding="utf-8")
        places = (f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", f"file://{tmp_path / 'page.html'}")
        command = [CHROMIUM, *FLAGS, "--window-size=1300,900", *places]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        assert [line for line in done.stderr.splitlines() if "CONSOLE" in line] == []
        [seen] = re.findall(r'<pre id="seen">(.*?)</pre>', done.stdout, re.DOTALL)
        return json.loads(html.unescape(seen))

    return run


def test_keys_and_buttons_step_through_the_samples(store, fill, story, play):
    baseline, candidate = story
    fill.before_training([None, fill.sprite(24, 5000)])
    store.put(f"experiments/{candidate}/samples/epoch-02/p000__0.png", b"png")
    store.put(f"experiments/{baseline}/samples/epoch-01/p001__101.png", b"png")
    seen = play(
        html_report(store, describe(store, candidate)),
        """
        const look = () => seen.push([find(".where").textContent, document.activeElement.getAttribute("aria-label"),
          ...[...document.querySelectorAll(".stage figcaption")].map((e) => e.textContent)]);
        find('.samples a[tabindex="0"]').focus();
        look();
        for (const key of ["ArrowRight", "ArrowDown", "s", "ArrowUp", "ArrowUp"]) { press(key); look(); }
        document.activeElement.blur();
        find('[data-step=epoch][data-by="1"]').click();
        look();
        for (const by of [-1, -1]) find(`[data-step=epoch][data-by="${by}"]`).click();
        find("[data-step=seed]").click();
        look();
        seen.push([...document.querySelectorAll(".stage tbody td:nth-child(2)")].map((e) => e.textContent).join(""));
        seen.push(find(".stage").hidden, document.documentElement.scrollWidth - innerWidth,
          document.querySelectorAll('.samples a[tabindex="0"]').length);
        told();
        """,
    )
    *steps, before, told, hidden, overflow, tab_stops = seen
    assert before[:3] == ["Before training, prompt 2 of 12, seed 100 (1 of 2)", None, "Before training"]
    assert told == "", "nobody has measured it"
    assert [step[0] for step in steps] == [
        "Epoch 2, prompt 1 of 12, seed 0 (1 of 2)",
        "Epoch 2, prompt 2 of 12, seed 100 (1 of 2)",
        "Epoch 2, prompt 2 of 12, seed 100 (1 of 2)",  # the baseline's row of the same epoch
        "Epoch 2, prompt 2 of 12, seed 101 (2 of 2)",
        "Epoch 2, prompt 2 of 12, seed 101 (2 of 2)",
        "Epoch 1, prompt 2 of 12, seed 101 (2 of 2)",
        "Epoch 2, prompt 2 of 12, seed 101 (2 of 2)",
    ]
    labels = [step[1].partition(",")[0] if step[1] else None for step in steps]
    assert labels == ["Epoch 2", "Epoch 2", "Baseline", "Baseline", "Epoch 2", "Baseline", None]
    figures = {
        (row["experiment_id"], row["epoch"], row["seed"]): row["effective_colors"]
        for row in read_table(store, "samples").to_pylist()
    }
    gone = " no longer kept"
    for step, epoch, seed, ends in ((steps[0], 2, 0, ("", gone)), (steps[5], 1, 101, (gone, ""))):
        expected = [
            f"{title}epoch {epoch}: {figures[name, epoch, seed]} effective colors · full size{end}".capitalize()
            for title, name, end in (("", candidate, ends[0]), ("baseline, ", baseline, ends[1]))
        ]
        assert step[2:] == expected
    assert (hidden, tab_stops) == (False, 1)
    assert overflow <= 0


def test_words_find_experiments(store, story, play):
    seen = play(
        site_page(store),
        """
        const shown = () => seen.push([...document.querySelectorAll(".all tbody tr")].filter((row) => !row.hidden)
          .map((row) => row.querySelector("bdi").textContent).sort(), find("[role=status]").textContent);
        const input = find("#words");
        for (const words of ["", "ABANDONED  doom", "nobody"]) {
          input.value = words;
          input.dispatchEvent(new Event("input"));
          shown();
        }
        told();
        """,
    )
    assert seen == [["baseline", "doomed"], "", ["doomed"], "1 of 2", [], "0 of 2"]


def test_votes_by_key_are_saved_and_can_be_imported(store, story, play):
    review, pictures = make_review(store, describe(store, story[1]), None, 5, np.random.default_rng(0))
    saved = play(
        review_page(review, pictures),
        """
        let file;
        URL.createObjectURL = (blob) => { file = blob; return "data:,"; };
        HTMLAnchorElement.prototype.click = function () { seen.push(this.download); };
        find("#reviewer").value = "Ann <b>";
        find("form").requestSubmit();
        seen.push(find(".where").textContent);
        for (const key of ["ArrowLeft", "ArrowRight", "Backspace", "ArrowLeft", "ArrowDown"]) press(key);
        seen.push(find(".where").textContent);
        press("ArrowRight");
        find("[data-choice=stop]").click();
        seen.push(find(".summary").textContent);
        find("[data-choice=save]").click();
        file.text().then((text) => { seen.push(JSON.parse(text)); told(); });
        """,
    )
    *seen, ballot = saved
    assert seen == [
        "Pair 1 of 5",
        "Pair 4 of 5",
        "4 of 5 pairs have your vote.",
        f"votes-{review.review_id}-Ann-b-.json",
    ]
    assert [vote["choice"] for vote in ballot["votes"]] == ["left", "left", "equal", "right"]
    file = store.local_path("votes.json")
    file.write_text(json.dumps(ballot))
    store_votes(store, read_ballot(file))
    rows = read_table(store, "votes").to_pylist()
    sides = [pair.candidate_side for pair in review.pairs]
    chosen = {0: "left", 1: "left", 3: "right"}  # by the pair's place
    expected = ["candidate" if side == sides[number] else "baseline" for number, side in chosen.items()]
    assert sorted(row["choice"] for row in rows) == sorted([*expected, "equal"])
    assert {row["reviewer"] for row in rows} == {"Ann <b>"}
