import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pixelpipe.analysis import folder
from pixelpipe.analysis.folder import AnalyzedFile, SkippedFile, analyze_files, find_images
from pixelpipe.analysis.gates import GATE_SCHEMA
from pixelpipe.analysis.metrics import METRIC_SCHEMA, measure
from pixelpipe.analysis.profile import build_profile
from pixelpipe.errors import BadInputError


def draw(seed: int, size: int = 48, width: int | None = None) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (size, width or size, 3), dtype=np.uint8)


def save(path: Path, image: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)
    return path


def test_rows_are_those_of_measure_and_json_ready(tmp_path):
    paths = [save(tmp_path / f"{seed}.png", draw(seed)) for seed in range(3)]
    results = list(analyze_files(paths, 24))
    expected = measure(np.stack([draw(seed) for seed in range(3)]), 24).to_pylist()
    for path, result, metrics in zip(paths, results, expected, strict=True):
        assert isinstance(result, AnalyzedFile)
        assert result.sprite.shape == (24, 24, 3)
        row = json.loads(json.dumps(result.row()))
        assert row == {
            "file": str(path),
            "source_width": 48,
            "source_height": 48,
            "grid": 24,
            "downscale_method": "cell_median",
            "metric_version": "1",
            **metrics,
        }
        assert set(METRIC_SCHEMA.names) <= set(row)


def test_bad_files_are_skipped_in_order_and_the_rest_go_on(tmp_path):
    good = save(tmp_path / "good.png", draw(1))
    wide = save(tmp_path / "wide.png", draw(2, 48, 60))
    small = save(tmp_path / "small.png", draw(3, 23))
    text = tmp_path / "text.png"
    text.write_text("no image")
    missing = tmp_path / "missing.png"
    paths = [text, good, wide, small, good, missing]
    results = list(analyze_files(paths, 24))
    assert [result.path for result in results] == paths
    assert [isinstance(result, AnalyzedFile) for result in results] == [
        False,
        True,
        False,
        False,
        True,
        False,
    ]
    reasons = [result.reason for result in results if isinstance(result, SkippedFile)]
    assert reasons[1] == f"{wide}: must be square but is 60 x 48 px"
    assert reasons[2] == f"{small}: must be at least 24 x 24 px but is 23 x 23"
    skipped = [text, wide, small, missing]
    assert all(reason.startswith(f"{path}: must ") for reason, path in zip(reasons, skipped, strict=True))
    assert not any("\n" in reason for reason in reasons)


def test_mixed_sizes_keep_their_order_over_windows(tmp_path, monkeypatch):
    sizes = [24, 48, 24, 100, 48, 24, 25]
    paths = [save(tmp_path / f"{i}.png", draw(i, size)) for i, size in enumerate(sizes)]
    whole = [result.row() for result in analyze_files(paths, 24) if isinstance(result, AnalyzedFile)]
    assert [row["source_width"] for row in whole] == sizes
    monkeypatch.setattr(folder, "_WINDOW_FILES", 2)
    assert [r.row() for r in analyze_files(paths, 24) if isinstance(r, AnalyzedFile)] == whole
    monkeypatch.setattr(folder, "_WINDOW_FILES", 64)
    monkeypatch.setattr(folder, "_WINDOW_PIXELS", 1)
    assert [r.row() for r in analyze_files(paths, 24) if isinstance(r, AnalyzedFile)] == whole


def test_memory_is_bounded_by_the_window(tmp_path, monkeypatch):
    monkeypatch.setattr(folder, "_WINDOW_FILES", 3)
    path = save(tmp_path / "a.png", draw(1))
    asked = 0

    def endless():
        nonlocal asked
        while True:
            asked += 1
            yield path

    results = analyze_files(endless(), 24)
    next(results)
    assert asked == 3


def test_profile_and_training_sprites_fill_their_columns(tmp_path):
    train = np.stack([draw(seed, 24) for seed in range(3)])
    path = save(tmp_path / "a.png", train[0].repeat(4, axis=0).repeat(4, axis=1))
    (result,) = analyze_files([path], 24, profile=build_profile(train, "x"), train_sprites=train)
    assert isinstance(result, AnalyzedFile)
    row = result.row()
    assert row["nearest_train"] == row["off_palette"] == 0
    assert set(GATE_SCHEMA.names) <= set(row)
    assert row["clean_grid_error"] is None


def test_transparency_shows_the_background(tmp_path):
    path = tmp_path / "a.png"
    Image.new("RGBA", (24, 24), (1, 2, 3, 0)).save(path)
    (result,) = analyze_files([path], 24, background="#00ff00")
    assert isinstance(result, AnalyzedFile)
    assert result.sprite[0, 0].tolist() == [0, 255, 0]


def test_wrong_arguments_are_refused_before_any_file_is_read():
    with pytest.raises(BadInputError, match=r"`grid` must be 8\.\.128 cells but got 5"):
        analyze_files([], 5)
    with pytest.raises(BadInputError, match=r"`background` must be a color"):
        analyze_files([], 24, background="white")
    profile = build_profile(np.stack([draw(1, 24)]), "x")
    with pytest.raises(BadInputError, match="`profile` must be of grid 32"):
        analyze_files([], 32, profile=profile)
    with pytest.raises(BadInputError, match="`train_sprites` must be"):
        analyze_files([], 32, train_sprites=draw(1, 24)[None])


def test_find_images_searches_folders_and_keeps_files(tmp_path):
    names = ["b/x.PNG", "b/a.jpeg", "a.gif", "c/d/e.webp", "z.bmp", "y.jpg"]
    for name in [*names, "notes.txt", ".hidden.png", ".cache/f.png", "metadata.jsonl"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = find_images([tmp_path])
    assert found == sorted(tmp_path / name for name in names)
    assert find_images([tmp_path / "z.bmp", str(tmp_path / "notes.txt"), tmp_path]) == [
        tmp_path / "z.bmp",
        tmp_path / "notes.txt",
        *[path for path in found if path.name != "z.bmp"],
    ]


def test_find_images_refuses_what_is_not_there(tmp_path):
    with pytest.raises(BadInputError, match=r"none: must be an image or a folder"):
        find_images([tmp_path / "none"])
    (tmp_path / "notes.txt").touch()
    with pytest.raises(BadInputError, match="must hold images"):
        find_images([tmp_path])
