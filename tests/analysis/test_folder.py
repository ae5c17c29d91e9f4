import json
import tracemalloc
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from pixelpipe.analysis import folder
from pixelpipe.analysis.folder import ANALYSIS_SCHEMA, analyze_files, file_analyzer
from pixelpipe.analysis.gates import GATE_SCHEMA, gates
from pixelpipe.analysis.metrics import METRIC_SCHEMA, METRIC_VERSION, measure
from pixelpipe.analysis.profile import build_profile
from pixelpipe.errors import BadInputError


def draw(seed: int, size: int = 48, width: int | None = None) -> np.ndarray:
    """Few colors, as in art: noise costs a hundred times as much to merge."""
    return np.random.default_rng(seed).integers(0, 2, (size, width or size, 3), dtype=np.uint8) * np.uint8(200)


def save(path: Path, image: np.ndarray) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)
    return str(path)


def rows_of(paths, grid=24, num_workers=1, **options) -> list[dict]:
    parts = list(analyze_files(file_analyzer(grid, **options), paths, num_workers))
    return pa.concat_tables([part.rows for part in parts]).to_pylist()


def test_rows_are_those_of_measure_and_json_ready(tmp_path):
    paths = [save(tmp_path / f"{seed}.png", draw(seed)) for seed in range(3)]
    (result,) = analyze_files(file_analyzer(24), paths)
    assert result.rows.schema.equals(ANALYSIS_SCHEMA, check_metadata=True)
    assert (result.sprites.shape, result.skipped, result.num_files) == ((3, 24, 24, 3), (), 3)
    expected = measure(np.stack([draw(seed) for seed in range(3)]), 24).to_pylist()
    for path, row, metrics in zip(paths, result.rows.to_pylist(), expected, strict=True):
        assert json.loads(json.dumps(row)) == {
            "file": path,
            "source_width": 48,
            "source_height": 48,
            "grid": 24,
            "downscale_method": "cell_median",
            "metric_version": METRIC_VERSION,
            **metrics,
            **dict.fromkeys(GATE_SCHEMA.names),
        }


def test_bad_files_are_skipped_and_the_rest_go_on(tmp_path):
    good = save(tmp_path / "good.png", draw(1))
    wide = save(tmp_path / "wide.png", draw(2, 48, 60))
    small = save(tmp_path / "small.png", draw(3, 23))
    text = tmp_path / "text.png"
    text.write_text("no image")
    missing = str(tmp_path / "missing.png")
    (result,) = analyze_files(file_analyzer(24), [str(text), good, wide, small, good, missing])
    assert result.rows["file"].to_pylist() == [good, good]
    reasons = result.skipped
    assert reasons[1:3] == (
        f"{wide}: must be square but is 60 x 48 px",
        f"{small}: must be at least 24 x 24 px but is 23 x 23",
    )
    skipped = [text, wide, small, missing]
    assert all(reason.startswith(f"{path}: must ") for reason, path in zip(reasons, skipped, strict=True))
    assert not any("\n" in reason for reason in reasons)


def test_one_bad_file_in_many_is_counted_over_chunks_and_workers(tmp_path, monkeypatch):
    good = save(tmp_path / "good.png", draw(1, 24))
    bad = tmp_path / "bad.png"
    bad.touch()
    paths = [good] * 70 + [str(bad)] + [good] * 70
    monkeypatch.setattr(folder, "_ALONE_S", 0.0)
    for num_workers in (1, 2):
        parts = list(analyze_files(file_analyzer(24), paths, num_workers))
        assert sum(len(part.rows) for part in parts) == 140
        assert [reason for part in parts for reason in part.skipped] == [
            f"{bad}: must be a PNG, WEBP, JPEG, BMP or GIF image but is empty"
        ]


@pytest.mark.parametrize("pixels", [1, 60 * 60, 10**9])
def test_mixed_sizes_keep_their_order_over_batches(tmp_path, monkeypatch, pixels):
    monkeypatch.setattr(folder, "_BATCH_PIXELS", pixels)
    sizes = [24, 48, 24, 100, 48, 24, 25]
    paths = [save(tmp_path / f"{i}.png", draw(i, size)) for i, size in enumerate(sizes)]
    rows = rows_of(paths)
    assert [(row["file"], row["source_width"]) for row in rows] == list(zip(paths, sizes, strict=True))
    assert rows == [row for path in paths for row in rows_of([path])]
    (result,) = analyze_files(file_analyzer(24), paths)
    np.testing.assert_array_equal(result.sprites[2], draw(2, 24))
    np.testing.assert_array_equal(result.sprites[5], draw(5, 24))


def test_workers_give_the_rows_of_one_process_in_order(tmp_path, monkeypatch):
    monkeypatch.setattr(folder, "_ALONE_S", 0.0)
    monkeypatch.setattr(folder, "CHUNK_FILES", 3)
    train = np.stack([draw(seed, 24) for seed in range(3)])
    options = {"profile": build_profile(train, "x"), "train_sprites": train}
    paths = [save(tmp_path / f"{seed}.png", draw(seed, 24 + 24 * (seed % 2))) for seed in range(20)] * 8
    assert rows_of(paths, num_workers=2, **options) == rows_of(paths, **options)


def test_files_are_asked_for_as_they_are_needed(tmp_path):
    path = save(tmp_path / "a.png", draw(1, 24))
    asked = 0

    def endless():
        nonlocal asked
        while True:
            asked += 1
            yield path

    next(analyze_files(file_analyzer(24), endless()))
    assert asked == folder.CHUNK_FILES


def test_memory_does_not_grow_with_the_number_of_images(tmp_path):
    path = save(tmp_path / "a.png", draw(1, 96))
    analyzer = file_analyzer(24)

    def peak(num_images: int) -> int:
        tracemalloc.start()
        for _ in analyze_files(analyzer, [path] * num_images):
            pass
        _, highest = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return highest

    peak(32)
    assert peak(192) < 1.1 * peak(64)


def test_profile_and_training_sprites_fill_their_columns(tmp_path):
    train = np.stack([draw(seed, 24) for seed in range(3)])
    path = save(tmp_path / "a.png", train[0].repeat(4, axis=0).repeat(4, axis=1))
    profile = build_profile(train, "x")
    (row,) = rows_of([path], profile=profile, train_sprites=train)
    assert row["nearest_train"] == row["off_palette"] == 0
    expected = gates(measure(train[:1], 24, profile), profile).to_pylist()[0]
    assert {name: row[name] for name in GATE_SCHEMA.names} == expected
    assert row["clean_grid_error"] is None
    assert set(METRIC_SCHEMA.names) < set(row)


def test_transparency_shows_the_background(tmp_path):
    path = tmp_path / "a.png"
    Image.new("RGBA", (24, 24), (1, 2, 3, 0)).save(path)
    (result,) = analyze_files(file_analyzer(24, background="#00ff00"), [str(path)])
    assert result.sprites[0, 0, 0].tolist() == [0, 255, 0]


def test_wrong_arguments_are_refused_before_any_file_is_read():
    with pytest.raises(BadInputError, match=r"`grid` must be 8\.\.128 cells but got 5"):
        file_analyzer(5)
    with pytest.raises(BadInputError, match=r"`background` must be a color"):
        file_analyzer(24, background="white")
    profile = build_profile(np.stack([draw(1, 24)]), "x")
    with pytest.raises(BadInputError, match="`profile` must be of grid 32"):
        file_analyzer(32, profile=profile)
    with pytest.raises(BadInputError, match="`train_sprites` must be"):
        file_analyzer(32, train_sprites=draw(1, 24)[None])
