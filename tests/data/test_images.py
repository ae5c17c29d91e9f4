import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps

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
    assert read_rgb(path)[0].tolist()[:2] == [[255, 0, 0], [128, 128, 128]]
    np.testing.assert_allclose(read_rgb(path)[0, 2], [191, 64, 64], atol=1)
    np.testing.assert_allclose(read_rgb(path, "#ffffff")[0, 2], [255, 127, 127], atol=1)
    assert read_rgb(path, "#0A0b0C")[0, 1].tolist() == [10, 11, 12]


def test_gray_with_alpha(tmp_path):
    la = Image.fromarray(np.array([[[7, 255], [7, 0]]], dtype=np.uint8))
    assert la.mode == "LA"
    assert read_rgb(save(tmp_path / "a.png", la))[0].tolist() == [[7] * 3, [128] * 3]


@pytest.mark.parametrize("transparency", [None, 1, bytes([255, 0, 255])])
def test_palette(tmp_path, transparency):
    image = Image.fromarray(np.array([[0, 1, 2]], dtype=np.uint8), "L").convert("P")
    image.putpalette([250, 0, 0, 0, 250, 0, 0, 0, 250])
    options = {} if transparency is None else {"transparency": transparency}
    read = read_rgb(save(tmp_path / "a.png", image, **options))
    middle = [0, 250, 0] if transparency is None else [128, 128, 128]
    assert read[0].tolist() == [[250, 0, 0], middle, [0, 0, 250]]


def test_transparent_color_of_rgb_and_gray(tmp_path):
    rgb = Image.fromarray(np.array([[[1, 2, 3], [4, 5, 6]]], dtype=np.uint8))
    read = read_rgb(save(tmp_path / "rgb.png", rgb, transparency=(1, 2, 3)))
    assert read[0].tolist() == [[128, 128, 128], [4, 5, 6]]
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


def save_deep(path: Path, samples: np.ndarray, color_type: int, transparent: bytes = b"", interlaced: bool = False):
    """A PNG of 16 bits a sample, which Pillow cannot write: `samples` (H, W, channels) uint16."""
    height, width = samples.shape[:2]
    passes = [(0, 0, 1, 1)]
    if interlaced:  # Adam7: first row and column, steps
        passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
    rows = [row for y, x, dy, dx in passes for row in samples[y::dy, x::dx] if row.size]
    data = b"".join(b"\0" + row.astype(">u2").tobytes() for row in rows)
    header = struct.pack(">IIBBBBB", width, height, 16, color_type, 0, 0, int(interlaced))
    extra = chunk(b"tRNS", transparent) if transparent else b""
    png = chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + png)
    return path


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize(("color_type", "channels"), [(0, 1), (2, 3), (4, 2), (6, 4)])
def test_sixteen_bits_of_every_kind_are_scaled_and_rounded(tmp_path, color_type, channels, interlaced):
    deep = np.random.default_rng(4).integers(0, 65536, (11, 13, channels), dtype=np.uint16)
    deep[0, 0] = 65407  # 254.5 of 255: rounds up, where the high byte says 255 and a clip too; 65406 rounds down
    deep[0, 1] = 65406
    if channels in (2, 4):
        deep[..., -1] = 65535
    read = read_rgb(save_deep(tmp_path / "a.png", deep, color_type, interlaced=interlaced))
    expected = np.floor(deep / 257 + 0.5).astype(np.uint8)
    colors = expected[..., :3] if channels >= 3 else np.repeat(expected[..., :1], 3, axis=-1)
    np.testing.assert_array_equal(read, colors)
    assert read[0, :2, 0].tolist() == [255, 254]


def test_sixteen_bit_transparency(tmp_path):
    half = np.array([[[65535, 0, 0, 32768], [65535, 0, 0, 0]]], dtype=np.uint16)
    read = read_rgb(save_deep(tmp_path / "rgba.png", half, 6), "#0000ff")
    np.testing.assert_allclose(read[0], [[128, 0, 127], [0, 0, 255]], atol=1)
    key = np.array([[[257, 0, 0], [258, 0, 0]]], dtype=np.uint16)  # both are 1 in 8 bits: only the first is invisible
    read = read_rgb(save_deep(tmp_path / "rgb.png", key, 2, struct.pack(">3H", 257, 0, 0)), "#00ff00")
    assert read[0].tolist() == [[0, 255, 0], [1, 0, 0]]


@pytest.mark.parametrize("name", ["a.png", "a.jpg"])
def test_interlaced_and_progressive(tmp_path, name):
    image = Image.new("RGB", (20, 20), (250, 10, 10))
    image.paste((10, 250, 10), (0, 0, 10, 10))
    if name == "a.jpg":
        path = save(tmp_path / name, image, progressive=True, quality=100, subsampling=0)
    else:
        path = tmp_path / name
        rgb = np.asarray(image).astype(np.uint16) * 257
        save_deep(path, rgb, 2, interlaced=True)
    np.testing.assert_allclose(read_rgb(path), np.asarray(image), atol=4 if name == "a.jpg" else 0)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("extension", ["png", "jpg", "webp"])
def test_exif_orientation_is_applied(tmp_path, extension, orientation):
    image = Image.new("RGB", (16, 32), "white")
    image.paste((200, 0, 0), (0, 0, 8, 8))
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if extension == "webp" else {"quality": 100} if extension == "jpg" else {}
    path = save(tmp_path / f"a.{extension}", image, exif=exif, **options)
    with Image.open(path) as stored:
        upright = np.asarray(ImageOps.exif_transpose(stored).convert("RGB"))  # Pillow's own reading of the standard
    np.testing.assert_array_equal(read_rgb(path), upright)
    assert read_rgb(path).shape[:2] == ((32, 16) if orientation <= 4 else (16, 32))


def linear_profile(space: bytes = b"RGB ") -> bytes:
    """A minimal ICC profile (v2): sRGB's primaries, or gray, with gamma 1: half the light is the number 128."""
    white, red, green, blue = (
        b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(65536 * value) for value in xyz))
        for xyz in ((0.9642, 1, 0.8249), (0.4361, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7141))
    )
    curve = b"curv\0\0\0\0" + struct.pack(">I", 0)
    text = b"desc\0\0\0\0" + struct.pack(">I", 7) + b"linear\0" + bytes(79)
    tags = {b"desc": text + bytes(-len(text) % 4), b"wtpt": white, b"cprt": b"text\0\0\0\0none\0\0\0\0"}
    if space == b"RGB ":
        tags |= {b"rXYZ": red, b"gXYZ": green, b"bXYZ": blue} | dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    else:
        tags |= {b"kTRC": curve}
    table, body = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        table += name + struct.pack(">II", start + len(body), len(data))
        body += data
    size = start + len(body)
    head = struct.pack(">I4sI4s4s4s", size, b"none", 0x02400000, b"mntr", space, b"XYZ ") + bytes(12) + b"acsp"
    head += bytes(28) + struct.pack(">3i", 63190, 65536, 54061)
    return head.ljust(128, b"\0") + table + body


def test_colors_of_a_profile_are_converted(tmp_path):
    image = Image.new("RGBA", (2, 1), (128, 128, 128, 255))
    image.putpixel((1, 0), (255, 0, 0, 0))
    read = read_rgb(save(tmp_path / "a.png", image, icc_profile=linear_profile()), "#102030")
    np.testing.assert_allclose(read[0], [[188] * 3, [16, 32, 48]], atol=1)  # sRGB of half the light is 188
    gray = save(tmp_path / "gray.png", Image.new("L", (1, 1), 128), icc_profile=linear_profile(b"GRAY"))
    np.testing.assert_allclose(read_rgb(gray)[0, 0], 188, atol=1)
    palette = save(tmp_path / "p.png", Image.new("RGB", (9, 9), (128, 0, 0)).quantize(4), icc_profile=linear_profile())
    np.testing.assert_allclose(read_rgb(palette)[0, 0], [188, 0, 0], atol=1)


def test_a_profile_that_says_nothing_new_moves_no_color(tmp_path):
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for number, profile in enumerate([srgb, b"no profile", linear_profile(b"GRAY")]):
        path = save(tmp_path / f"{number}.png", Image.fromarray(RGB), icc_profile=profile)
        np.testing.assert_array_equal(read_rgb(path), RGB)


def test_missing_folder_empty_and_text(tmp_path):
    assert "does not exist" in refused(tmp_path / "none.png")
    assert "is no file" in refused(tmp_path)
    (tmp_path / "empty.png").touch()
    assert "is empty" in refused(tmp_path / "empty.png")
    (tmp_path / "text.png").write_text("a portrait of a woman")
    assert "must be a PNG, WEBP, JPEG, BMP or GIF image" in refused(tmp_path / "text.png")


def test_links_to_nothing_and_names_that_cannot_be(tmp_path):
    (tmp_path / "loop.png").symlink_to(tmp_path / "loop.png")
    assert "is a link to nothing" in refused(tmp_path / "loop.png")
    assert "cannot be opened: File name too long" in refused(tmp_path / ("x" * 300))
    assert "does not exist" in refused(tmp_path / "a\0b.png")


def test_a_file_that_may_not_be_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tmp_path.chmod(0o755)
    (tmp_path / "closed").mkdir()
    save(tmp_path / "a.png", Image.fromarray(RGB)).chmod(0)
    save(tmp_path / "closed/b.png", Image.fromarray(RGB))
    (tmp_path / "closed").chmod(0)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)  # nothing is closed to root
    try:
        assert refused(Path("a.png")) == "a.png: must be an image file but cannot be opened: Permission denied"
        assert "cannot be opened: Permission denied" in refused(Path("closed/b.png"))
    finally:
        os.seteuid(user)
        (tmp_path / "closed").chmod(0o755)


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
