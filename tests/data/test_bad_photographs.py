"""Photographs as they come: those that can be read give Pillow's pixels, the others one message that names the file."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fastnn.data.source import open_source
from fastnn.errors import FormatError
from photographs import cut_to
from PIL import Image

PIXELS = np.random.default_rng(5).integers(0, 256, (12, 16, 3), np.uint8)
PICTURE = Image.fromarray(PIXELS)
SIZE = 6


def saved(image: Image.Image, form: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def huge_png(width: int, height: int) -> bytes:
    """A header that claims so many pixels."""
    chunks = ((b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)), (b"IDAT", zlib.compress(b"")))
    body = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in (*chunks, (b"IEND", b""))
    )
    return b"\x89PNG\r\n\x1a\n" + body


def huge_jpeg(width: int, height: int) -> bytes:
    data = saved(PICTURE, "JPEG")
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]


def translucent() -> Image.Image:
    alpha = np.linspace(0, 255, 12 * 16).astype(np.uint8).reshape(12, 16, 1)
    return Image.fromarray(np.concatenate([PIXELS, alpha], axis=2))


def sixteen_bits() -> Image.Image:
    return Image.fromarray(PIXELS[:, :, 0].astype(np.uint16) * 257)


@pytest.fixture
def folder(tmp_path: Path) -> Callable[..., Path]:
    """folder(data): train/ with two classes, the second picture of the first from these bytes."""

    def make(data: bytes, name: str = "odd.jpg") -> Path:
        for path in ("cat/good.jpg", "dog/good.jpg"):
            (tmp_path / "d" / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "d" / path).write_bytes(saved(PICTURE, "JPEG"))
        (tmp_path / "d" / "cat" / name).write_bytes(data)
        return tmp_path / "d"

    return make


BAD = {
    "truncated": (saved(PICTURE, "JPEG")[:-60], "cannot be read as an image: the file is truncated"),
    "a page": (b"<!DOCTYPE html><html>404</html>", "is not an image: starts with '<!DOCTYPE html'. It was probably"),
    "a text": (b"cat\n", r"is not an image: starts with 'cat\n'"),
    "empty": (b"", "is empty (0 bytes)"),
    "gif": (saved(PICTURE, "GIF"), "is a GIF image, which fastnn does not read: convert it to PNG"),
    "animated gif": (
        saved(PICTURE, "GIF", save_all=True, append_images=[PICTURE.rotate(90)]),
        "is a GIF image, which fastnn does not read: convert it to PNG",
    ),
    "huge png": (huge_png(20_000, 20_000), "claims 20000 x 20000 pixels (400,000,000); the limit is 50,000,000"),
    "huge jpeg": (huge_jpeg(20_000, 20_000), "claims 20000 x 20000 pixels (400,000,000); the limit is 50,000,000"),
    "only a header": (saved(PICTURE, "JPEG")[:20], "cannot be read as an image"),
    "zeros": (bytes(500), r"is not an image: starts with '\x00\x00"),
}


@pytest.mark.parametrize("kind", BAD)
@pytest.mark.parametrize("options", [{"exif": True}, {"scaled_jpeg": True, "memory": 1}], ids=["exif", "file"])
def test_what_is_no_image_is_named(folder: Callable, kind: str, options: dict) -> None:
    data, words = BAD[kind]
    root = folder(data)
    with pytest.raises(FormatError) as caught:
        open_source(root, size=SIZE, **options)
    text = str(caught.value)
    assert text.startswith(f"{root}/cat/odd.jpg ") and words in text and "\n" not in text
    assert text.endswith("(1 bad image among 3)")
    source = open_source(root, size=SIZE, on_bad="skip", **options)
    assert len(source.train) == 2
    assert f"{root}/cat/odd.jpg" in "".join(source.description)


def frames(form: str) -> bytes:
    return saved(PICTURE, form, save_all=True, append_images=[PICTURE.rotate(180)], lossless=True)


GOOD = {
    "cmyk": (saved(PICTURE.convert("CMYK"), "JPEG"), None),
    "grey": (saved(PICTURE.convert("L"), "JPEG"), None),
    "progressive": (saved(PICTURE, "JPEG", progressive=True), None),
    "palette": (saved(PICTURE.convert("P"), "PNG"), None),
    "palette with transparency": (saved(PICTURE.convert("P"), "PNG", transparency=3), PICTURE.convert("P")),
    "transparent": (saved(translucent(), "PNG"), PICTURE),
    "grey and transparent": (saved(translucent().convert("LA"), "PNG"), translucent().convert("LA")),
    "16 bits": (saved(sixteen_bits(), "PNG"), Image.fromarray(PIXELS[:, :, 0])),
    "black and white": (saved(PICTURE.convert("1"), "PNG"), None),
    "animated png": (frames("PNG"), PICTURE),
    "animated webp": (frames("WEBP"), PICTURE),
    "1x1": (saved(PICTURE.crop((3, 3, 4, 4)), "PNG"), None),
    "1x4000": (saved(PICTURE.resize((1, 4000)), "PNG"), None),
    "4000x1": (saved(PICTURE.resize((4000, 1)), "JPEG"), None),
}


@pytest.mark.parametrize("kind", GOOD)
def test_what_can_be_read_has_pillows_pixels(folder: Callable, kind: str) -> None:
    """What is transparent has the colour that the file gives it, 16 bits are scaled (Pillow would cut them)."""
    data, image = GOOD[kind]
    source = open_source(folder(data), size=SIZE)
    image = Image.open(io.BytesIO(data)) if image is None else image
    np.testing.assert_array_equal(source.train.images[1], cut_to(image, SIZE))
    np.testing.assert_array_equal(source.train.images[0], cut_to(Image.open(io.BytesIO(saved(PICTURE, "JPEG"))), SIZE))


def test_a_ratio_beyond_all_pixels(folder: Callable) -> None:
    """1x4000 made 300 wide is 300 x 1,200,000."""
    root = folder(saved(PICTURE.resize((1, 4000)), "PNG"))
    with pytest.raises(FormatError, match=r"cat/odd\.jpg: resized from 1 x 4000, the image would have 300 x 1200000"):
        open_source(root, size=300)


def test_several_bad_files_are_one_message(folder: Callable) -> None:
    root = folder(b"")
    folder(BAD["truncated"][0], "torn.jpg")
    with pytest.raises(FormatError) as caught:
        open_source(root, size=SIZE)
    text = str(caught.value)
    assert (
        text.startswith("2 of 4 images cannot be used: delete them")
        and "odd.jpg is empty" in text
        and "torn.jpg" in text
    )
