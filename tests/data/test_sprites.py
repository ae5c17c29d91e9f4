import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pixelpipe.data.sprites import content_hash, load_sprites, stack, to_sprite, upscale
from pixelpipe.errors import DatasetError

GRID = 24


def art(seed: int, grid: int = GRID) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (grid, grid, 3), dtype=np.uint8)


def save(path: Path, pixels: np.ndarray, **options) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)
    return path


def refused(folder: Path, grid: int = GRID) -> str:
    with pytest.raises(DatasetError) as error:
        load_sprites(folder, grid)
    assert "\n" not in str(error.value)
    return str(error.value)


def repeated(pixels: np.ndarray, factor: int) -> np.ndarray:
    return pixels.repeat(factor, axis=0).repeat(factor, axis=1)


@pytest.mark.parametrize("factor", [1, 2, 3, 8, 21, 32])
def test_sprites_and_their_upscales_are_one_pixel_a_cell(tmp_path, factor):
    save(tmp_path / "a.png", repeated(art(1), factor))
    (sprite,) = load_sprites(tmp_path, GRID)
    np.testing.assert_array_equal(sprite.pixels, art(1))
    assert (sprite.file_name, sprite.content_hash) == ("a.png", content_hash(art(1)))


@pytest.mark.parametrize("corner", [(0, 0), (0, -1), (-1, 0), (-1, -1), (70, 31)])
def test_one_wrong_pixel_is_no_upscale(tmp_path, corner):
    image = repeated(art(1), 4)
    image[corner] ^= 1
    path = save(tmp_path / "a.png", image)
    assert refused(tmp_path) == f"{path}: 96x96 must be a nearest-neighbor upscale of 24x24 but its cells are not flat"


def test_smooth_upscales_are_refused(tmp_path):
    smooth = Image.fromarray(art(1)).resize((96, 96), Image.Resampling.BILINEAR)
    smooth.save(tmp_path / "a.png")
    assert "its cells are not flat" in refused(tmp_path)


@pytest.mark.parametrize(("height", "width"), [(25, 25), (24, 48), (48, 24), (12, 12), (512, 512), (1, 1), (36, 36)])
def test_other_sizes_are_refused(tmp_path, height, width):
    path = save(tmp_path / "a.png", np.zeros((height, width, 3), np.uint8))
    size = f"{width}x{height}"
    assert refused(tmp_path) == f"{path}: must be 24x24 px or a whole multiple (the grid is 24) but is {size}"


def test_transparency_shows_the_background(tmp_path):
    rgba = np.dstack([art(1), np.full((GRID, GRID), 255, np.uint8)])
    rgba[:12, :, 3] = 0
    save(tmp_path / "a.png", rgba)
    (sprite,) = load_sprites(tmp_path, GRID, "#102030")
    assert np.unique(sprite.pixels[:12].reshape(-1, 3), axis=0).tolist() == [[16, 32, 48]]
    np.testing.assert_array_equal(sprite.pixels[12:], art(1)[12:])


def test_hash_is_of_the_art_not_of_the_file(tmp_path):
    few_colors = art(1) // 128 * 255
    image = Image.fromarray(few_colors)
    image.save(tmp_path / "rgb.png")
    image.quantize(8).save(tmp_path / "palette.png")
    image.convert("RGBA").save(tmp_path / "rgba.png", compress_level=0)
    image.save(tmp_path / "b.bmp")
    image.save(tmp_path / "w.webp", lossless=True)
    save(tmp_path / "upscaled.png", repeated(few_colors, 5))
    sprites = load_sprites(tmp_path, GRID)
    assert len(sprites) == 6
    assert len({sprite.content_hash for sprite in sprites}) == 1
    with Image.open(tmp_path / "palette.png") as stored:
        assert stored.mode == "P"


def test_hash_tells_pixels_and_shapes_apart():
    other = art(1)
    other[3, 4, 2] ^= 1
    flat = np.zeros((2, 2, 3), np.uint8)
    assert len({content_hash(pixels) for pixels in (art(1), other, flat, flat.reshape(1, 4, 3), flat[:1])}) == 5


def test_folders_are_searched_in_a_fixed_order(tmp_path):
    names = ["z.png", "b/é.PNG", "b/ a b.png", "c.d/e/x.png/y.png"]  # a folder may end in .png
    for seed, name in enumerate(names):
        save(tmp_path / name, art(seed))
    sprites = load_sprites(tmp_path, GRID)
    assert [sprite.file_name for sprite in sprites] == ["b/ a b.png", "b/é.PNG", "c.d/e/x.png/y.png", "z.png"]
    np.testing.assert_array_equal(stack(sprites), np.stack([art(2), art(1), art(3), art(0)]))


def test_what_a_system_leaves_beside_art_is_no_art(tmp_path):
    save(tmp_path / "a.png", art(1))
    save(tmp_path / ".thumbnails/a.png", art(2))
    for name in ("._a.png", ".DS_Store", "Thumbs.db", "a.png~", "notes.txt", "metadata.jsonl"):
        (tmp_path / name).write_bytes(b"\0\5\x16\7")
    assert [sprite.file_name for sprite in load_sprites(tmp_path, GRID)] == ["a.png"]


def test_links_are_followed_once(tmp_path):
    save(tmp_path / "elsewhere/b.png", art(2))
    folder = tmp_path / "art"
    save(folder / "a.png", art(1))
    (folder / "linked").symlink_to(tmp_path / "elsewhere")
    (folder / "c.png").symlink_to(tmp_path / "elsewhere/b.png")
    (folder / "up").symlink_to(folder)
    (tmp_path / "link-to-art").symlink_to(folder)
    for place in (folder, tmp_path / "link-to-art"):
        assert [sprite.file_name for sprite in load_sprites(place, GRID)] == ["a.png", "c.png", "linked/b.png"]


def test_an_image_that_cannot_be_opened_is_named(tmp_path):
    save(tmp_path / "a.png", art(1))
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere.png")
    assert refused(tmp_path) == f"{tmp_path / 'gone.png'}: must be an image file but is a link to nothing"


def test_a_name_that_no_table_can_hold_is_refused(tmp_path):
    path = Path(os.fsdecode(bytes(save(tmp_path / "a.png", art(1)).parent) + b"/\xff.png"))
    (tmp_path / "a.png").rename(path)
    assert refused(tmp_path).endswith(": its file name must be UTF-8")


def test_folders_that_are_none(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = save(tmp_path / "a.png", art(1))
    assert refused(file) == f"{file}: must be a folder of sprites but is a file"
    assert refused(Path("art")) == f"art: must be a folder of sprites but is missing (looked in {tmp_path / 'art'})"
    (tmp_path / "loop").symlink_to("loop")
    assert "loop: must be a folder of sprites but is missing" in refused(Path("loop"))
    assert refused(Path("x" * 300)).endswith("must be a folder of sprites but is out of reach: File name too long")
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty/notes.txt").touch()
    assert refused(Path("empty")).startswith("empty: must hold at least one image (.png, ")


def test_the_first_bad_file_is_named_and_the_others_counted(tmp_path):
    whole = save(tmp_path / "c.png", art(1)).read_bytes()
    (tmp_path / "b.png").write_bytes(whole[: len(whole) // 2])
    assert refused(tmp_path).startswith(f"{tmp_path / 'b.png'}: must be a complete image but cannot be read: ")
    assert "more of" not in refused(tmp_path)
    (tmp_path / "a.png").write_text("I am text")
    (tmp_path / "d.png").touch()
    message = refused(tmp_path)
    assert message.startswith(f"{tmp_path / 'a.png'}: must be a PNG, ")
    assert message.endswith(" (and 2 more of 4 files)")


@pytest.mark.parametrize("grid", [8, 24, 32, 50, 128])
def test_upscale_is_pillows_nearest(grid):
    """Also where a pixel's center lies on a border of cells, which Pillow's rounding decides."""
    pixels = art(grid, grid)
    sizes = [grid, grid + 1, 36, 60, 64, 96, 100, 192, 200, 256, 300, 384, 511, 512, 513, 576, 768, 1000, 1024]
    for size in (size for size in sizes if size >= grid):
        expected = Image.fromarray(pixels).resize((size, size), Image.Resampling.NEAREST)
        np.testing.assert_array_equal(upscale(pixels, size), np.asarray(expected), err_msg=str(size))


def test_upscale_of_many_is_upscale_of_each():
    sprites = np.stack([art(1), art(2)])
    np.testing.assert_array_equal(upscale(sprites, 60), np.stack([upscale(sprite, 60) for sprite in sprites]))
    np.testing.assert_array_equal(upscale(sprites[:0], 60), np.empty((0, 60, 60, 3)))


@pytest.mark.parametrize("grid", [8, 24, 128])
def test_an_upscale_by_a_whole_number_is_undone(grid):
    for factor in (1, 2, 7, 16):
        image = upscale(art(3, grid), grid * factor)
        np.testing.assert_array_equal(image, repeated(art(3, grid), factor))
        np.testing.assert_array_equal(to_sprite(image, grid, Path("x")), art(3, grid))
