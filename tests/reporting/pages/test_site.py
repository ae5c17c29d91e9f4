"""index.html: every experiment once, leaderboards by line and evaluation set, links that lead somewhere."""

import json
import re

from pixelpipe.reporting.documents import write_documents
from pixelpipe.reporting.pages.site import reports_to_build, site_page, write_site
from pixelpipe.results import query


def ids_in(source, part):
    [section] = re.findall(rf'<section class="{part}".*?</section>', source, re.DOTALL)
    return re.findall(r'<span class="id">([^<]*)</span>', section)


def test_every_experiment_and_the_leaderboard_of_the_view(store, fill, story, parse):
    failed = fill.start(fill.config("broken"))
    fill.status("failed", "error", "The disk is full.")
    source = site_page(store)
    places = query.run(store, "SELECT experiment_id FROM leaderboard ORDER BY rank")["experiment_id"].to_pylist()
    assert ids_in(source, "boards") == places == [*story]  # 24 colors before 50
    assert sorted(ids_in(source, "all")) == sorted([*story, failed])
    text = parse(source).text
    assert "The disk is full." in text
    assert "3 experiments" in text
    assert "★ champion" not in text  # nobody was made one in this store


def test_links_lead_to_the_reports_that_exist(store, story, parse):
    write_documents(store, story[0])
    hrefs = [value for tag, name, value in parse(site_page(store)).attributes if (tag, name) == ("a", "href")]
    assert hrefs == [f"experiments/{story[0]}/report.html"] * 2  # in the leaderboard, and among all
    assert all(store.exists(href) for href in hrefs)


def test_a_report_links_back_once_there_is_an_index(store, story, parse):
    write_documents(store, story[0])
    report = f"experiments/{story[0]}/report.html"
    assert "../../index.html" not in store.read(report).decode()
    write_site(store)
    write_documents(store, story[0])
    assert "../../index.html" in parse(store.read(report).decode()).values("href")


def test_reports_that_are_missing_or_of_runs_that_go_on_are_built(store, fill, story):
    running = fill.start(fill.config("running"))
    assert set(reports_to_build(store, everything=False)) == {*story, running}
    for experiment_id in (*story, running):
        write_documents(store, experiment_id)
    assert reports_to_build(store, everything=False) == [running]
    assert set(reports_to_build(store, everything=True)) == {*story, running}


def test_it_loads_nothing_and_texts_stay_texts(store, fill, parse):
    text = "<script>alert('1')</script> \"🎨\" שלום"
    fill.prompts = [f"{text} {number}" for number in range(100)]
    fill.run(fill.config("one"), [30, 28, 26, 24])
    fill.experiment = fill.experiment.model_copy(update={"name": text})
    fill.status("promoted", "first_baseline", text)
    found = parse(site_page(store))
    assert found.tags.count("script") == 1
    assert text in found.texts
    assert all(value.startswith("data:image/webp;base64,") for value in found.values("src"))
    [prompts] = found.values("alt")
    assert prompts == "; ".join(f"{text} {number}" for number in range(4))
    assert "default-src 'none'" in json.dumps(found.values("content"))


def test_an_empty_store_has_a_page(store, parse):
    text = parse(site_page(store)).text
    assert "0 experiments" in text
    assert "No epoch has been committed yet." in text
