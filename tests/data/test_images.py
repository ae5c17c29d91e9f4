import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pixelpipe.data.images import parse_color, read_rgb
from pixelpipe.errors import BadInputError, DatasetError

RGB = np.random.default_rng(0).integers(0, 256, (9, 7, 3), dtype=np.uint8)


def save(path: Path, image: Image.Image, **options) -> Path:
    image.save(path, **options)
    return path


def refused(path: Path, **options) -> str:
    with pytest.raises(DatasetError) as error:
        read_rgb(path, **options)
    message = str(error.value)
    assert message.startswith(f"{path}: must ")
    assert "\n" not in message
    return message


@pytest.mark.parametrize("extension", ["png", "bmp", "webp", "gif"])
def test_lossless_rgb_is_unchanged(tmp_path, extension):
    image = Image.fromarray(RGB)
    if extension == "gif":
        image = image.quantize(64)
    options = {"lossless": True} if extension == "webp" else {}
    path = save(tmp_path / f"a.{extension}", image, **options)
    read = read_rgb(path)
    assert (read.dtype, read.shape, read.flags.writeable) == (np.uint8, (9, 7, 3), True)
    np.testing.assert_array_equal(read, RGB if extension != "gif" else np.asarray(image.convert("RGB")))


def test_jpeg_and_cmyk_jpeg(tmp_path):
    flat = Image.new("RGB", (16, 16), (200, 40, 90))
    np.testing.assert_allclose(read_rgb(save(tmp_path / "a.jpg", flat)), np.asarray(flat), atol=3)
    cmyk = save(tmp_path / "b.jpg", flat.convert("CMYK"), quality=100)
    np.testing.assert_allclose(read_rgb(str(cmyk)), np.asarray(flat), atol=4)


def test_rgba_is_composited_over_the_background(tmp_path):
    rgba = np.zeros((1, 3, 4), dtype=np.uint8)
    rgba[0] = [(255, 0, 0, 255), (255, 0, 0, 0), (255, 0, 0, 128)]
    path = save(tmp_path / "a.png", Image.fromarray(rgba))
    assert read_rgb(path)[0].tolist()[:2] == [[255, 0, 0], [255, 255, 255]]
    np.testing.assert_allclose(read_rgb(path)[0, 2], [255, 127, 127], atol=1)
    assert read_rgb(path, "#0A0b0C")[0, 1].tolist() == [10, 11, 12]


def test_gray_with_alpha(tmp_path):
    la = Image.fromarray(np.array([[[7, 255], [7, 0]]], dtype=np.uint8))
    assert la.mode == "LA"
    assert read_rgb(save(tmp_path / "a.png", la))[0].tolist() == [[7] * 3, [255] * 3]


@pytest.mark.parametrize("transparency", [None, 1, bytes([255, 0, 255])])
def test_palette(tmp_path, transparency):
    image = Image.fromarray(np.array([[0, 1, 2]], dtype=np.uint8), "L").convert("P")
    image.putpalette([250, 0, 0, 0, 250, 0, 0, 0, 250])
    options = {} if transparency is None else {"transparency": transparency}
    read = read_rgb(save(tmp_path / "a.png", image, **options))
    middle = [0, 250, 0] if transparency is None else [255, 255, 255]
    assert read[0].tolist() == [[250, 0, 0], middle, [0, 0, 250]]


def test_transparent_color_of_rgb_and_gray(tmp_path):
    rgb = Image.fromarray(np.array([[[1, 2, 3], [4, 5, 6]]], dtype=np.uint8))
    read = read_rgb(save(tmp_path / "rgb.png", rgb, transparency=(1, 2, 3)))
    assert read[0].tolist() == [[255, 255, 255], [4, 5, 6]]
    gray = Image.fromarray(np.array([[9, 200]], dtype=np.uint8))
    read = read_rgb(save(tmp_path / "gray.png", gray, transparency=200), "#102030")
    assert read[0].tolist() == [[9, 9, 9], [16, 32, 48]]


def test_one_bit_and_gray(tmp_path):
    bits = np.array([[True, False, True]])
    assert read_rgb(save(tmp_path / "1.png", Image.fromarray(bits)))[0, :, 0].tolist() == [255, 0, 255]
    gray = np.arange(256, dtype=np.uint8)[None]
    np.testing.assert_array_equal(read_rgb(save(tmp_path / "l.png", Image.fromarray(gray)))[..., 1], gray)


def test_sixteen_bit_gray_is_scaled_not_clipped(tmp_path):
    gray = np.array([[0, 128, 129, 257, 32768, 65278, 65535]], dtype=np.uint16)
    image = Image.fromarray(gray)
    assert image.mode == "I;16"
    read = read_rgb(save(tmp_path / "a.png", image))
    assert read[0, :, 0].tolist() == [round(value / 257) for value in gray[0].tolist()]
    assert (read == read[..., :1]).all()


def test_sixteen_bit_gray_with_a_transparent_value(tmp_path):
    path = save(tmp_path / "a.png", Image.fromarray(np.array([[0, 40000]], dtype=np.uint16)))
    png = path.read_bytes()
    end_of_header = png.index(b"IHDR") + 4 + 13 + 4
    path.write_bytes(png[:end_of_header] + chunk(b"tRNS", struct.pack(">H", 40000)) + png[end_of_header:])
    assert read_rgb(path, "#010203")[0].tolist() == [[0, 0, 0], [1, 2, 3]]


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def test_sixteen_bit_rgb(tmp_path):
    header = struct.pack(">IIBBBBB", 2, 1, 16, 2, 0, 0, 0)
    row = b"\0" + struct.pack(">6H", *[257 * value for value in (1, 2, 3, 250, 251, 252)])
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(row)) + chunk(b"IEND", b"")
    (tmp_path / "a.png").write_bytes(png)
    assert read_rgb(tmp_path / "a.png")[0].tolist() == [[1, 2, 3], [250, 251, 252]]


def test_missing_folder_empty_and_text(tmp_path):
    assert "does not exist" in refused(tmp_path / "none.png")
    assert "is no file" in refused(tmp_path)
    (tmp_path / "empty.png").touch()
    assert "is empty" in refused(tmp_path / "empty.png")
    (tmp_path / "text.png").write_text("a portrait of a woman")
    assert "must be a PNG, WEBP, JPEG, BMP or GIF image" in refused(tmp_path / "text.png")


def test_other_formats_are_refused(tmp_path):
    path = save(tmp_path / "a.tiff", Image.fromarray(RGB))
    assert "must be a PNG" in refused(path)


@pytest.mark.parametrize("name", ["a.gif", "a.webp", "a.png"])
def test_animations_are_refused(tmp_path, name):
    frames = [Image.new("RGB", (8, 8), color) for color in ("red", "blue", "green")]
    frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:])
    assert "must be a still image but is animated" in refused(tmp_path / name)


def test_size_is_checked_before_decoding(tmp_path):
    path = save(tmp_path / "a.png", Image.fromarray(RGB))
    assert "must have at most 62 pixels but is 7 x 9" in refused(path, max_pixels=62)
    assert read_rgb(path, max_pixels=63).shape == (9, 7, 3)
    for side in (10_000, 40_000):  # above Pillow's warning, and above its error
        header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
        bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
        (tmp_path / "bomb.png").write_bytes(bomb)
        assert "must have at most 16777216 pixels" in refused(tmp_path / "bomb.png")


def encode(extension: str) -> bytes:
    buffer = io.BytesIO()
    image = Image.fromarray(np.random.default_rng(1).integers(0, 256, (16, 16, 3), dtype=np.uint8))
    image.save(buffer, format="JPEG" if extension == "jpg" else extension.upper())
    return buffer.getvalue()


def read_or_reason(path: Path) -> np.ndarray | str:
    try:
        return read_rgb(path)
    except DatasetError as error:
        return str(error)


@pytest.mark.parametrize("extension", ["png", "bmp", "webp", "gif", "jpg"])
def test_truncated_anywhere_is_refused_or_loses_no_pixel(tmp_path, extension):
    whole = encode(extension)
    path = tmp_path / f"a.{extension}"
    path.write_bytes(whole)
    pixels = read_rgb(path)
    num_refused = 0
    for length in range(0, len(whole), 3):
        path.write_bytes(whole[:length])
        read = read_or_reason(path)
        if isinstance(read, str):
            assert read.startswith(f"{path}: must ")
            assert "\n" not in read
            num_refused += 1
        else:
            np.testing.assert_array_equal(read, pixels)
    assert num_refused > 0.9 * len(whole) / 3


@pytest.mark.parametrize("extension", ["png", "bmp", "webp", "gif", "jpg"])
def test_damaged_bytes_raise_nothing_but_dataset_errors(tmp_path, extension):
    whole = encode(extension)
    path = tmp_path / f"a.{extension}"
    generator = np.random.default_rng(2)
    for _ in range(200):
        damaged = bytearray(whole)
        for position in generator.integers(0, len(whole) // int(generator.choice([1, 8])), 4):
            damaged[position] = int(generator.integers(0, 256))
        path.write_bytes(damaged)
        read = read_or_reason(path)
        assert "\n" not in read if isinstance(read, str) else (read.dtype, read.ndim) == (np.uint8, 3)


@pytest.mark.parametrize("text", ["", "white", "#fff", "#12345g", "123456", "#1234567", "# 2 3 4"])
def test_a_bad_background_is_refused(tmp_path, text):
    with pytest.raises(BadInputError, match="`background` must be a color as #rrggbb"):
        read_rgb(save(tmp_path / "a.png", Image.fromarray(RGB)), text)


def test_background_is_parsed():
    assert parse_color("#Ff8000") == (255, 128, 0)
