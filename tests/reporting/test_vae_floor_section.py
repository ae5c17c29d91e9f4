"""The floor stands beside the results where it was measured, and nowhere else."""

from pixelpipe.analysis.metrics import METRIC_VERSION
from pixelpipe.reporting.description import describe
from pixelpipe.reporting.verdict import verdict_markdown
from pixelpipe.results.writer import table_of, write_rows


def put_floor(store, experiment_id, resolution, art, vae):
    about = describe(store, experiment_id)
    row = {
        "experiment_id": experiment_id, "line": about.line,
        **{f"{name}_hash": digest for name, digest in about.hashes.items()},
        "resolution": resolution, "aligned": resolution % 192 == 0, "latents_per_cell": resolution / 192,
        "metric_version": METRIC_VERSION, "num_sprites": 40, "metric": "effective_colors", "unit": "colors",
        **{f"{side}_{name}": value for side, value in (("art", art), ("vae", vae))
           for name in ("mean", "p5", "median", "p95")},
    }  # fmt: skip
    write_rows(store, "floors", experiment_id, "floor", table_of("floors", [row]))


def floor_rows(document):
    return [line for line in document.splitlines() if line.startswith("| Art through the VAE")]


def test_both_floors_stand_in_the_results_table(store, story):
    baseline_id, candidate_id = story
    assert not floor_rows(verdict_markdown(describe(store, candidate_id)))
    put_floor(store, candidate_id, 96, 15.1, 42.5)
    [row] = floor_rows(verdict_markdown(describe(store, candidate_id)))
    assert row.split(" | ")[1:] == ["–", "42.5 (96 px, not aligned)", "– |"]
    put_floor(store, baseline_id, 192, 15.1, 15.2)
    document = verdict_markdown(describe(store, candidate_id))
    [row] = floor_rows(document)
    assert row == ("| Art through the VAE, effective colors | 15.2 (192 px) | 42.5 (96 px, not aligned) | +180% |")
    assert (
        "The floor: at 96 px, where a cell is 0.5 latents, the VAE alone turns the training art's mean of 15.1 "
        "effective colors into 42.5. No fine-tune of the UNet can beat that." in document
    )


def test_a_first_baseline_has_the_sentence(store, story):
    baseline_id, _ = story
    put_floor(store, baseline_id, 192, 15.1, 15.2)
    document = verdict_markdown(describe(store, baseline_id))
    assert (
        "The floor: at 192 px the VAE alone turns the training art's mean of 15.1 effective colors into 15.2."
        in document
    )
    assert not floor_rows(document)
