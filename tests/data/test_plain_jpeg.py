"""The short way to read JPEG files: Pillow's own pixels, or it leaves the file to Pillow's parser."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from fastnn.data.jpeg import read_plain_jpeg
from fastnn.transforms import MAX_PIXELS
from PIL import Image, JpegImagePlugin

KINDS = [
    {}, {"quality": 1}, {"quality": 100, "subsampling": 0}, {"subsampling": 1}, {"progressive": True},
    {"optimize": True}, {"restart_marker_blocks": 1}, {"comment": b"a cat"}, {"icc_profile": bytes(300)},
]  # fmt: skip


def picture(rng: np.random.Generator, grey: bool = False) -> Image.Image:
    height, width = rng.integers(1, 40, 2)
    return Image.fromarray(rng.integers(0, 256, (height, width) if grey else (height, width, 3), np.uint8))


def saved(image: Image.Image, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", **options)
    return file.getvalue()


def by_pillow(data: bytes) -> Image.Image | None:
    """None for what it refuses."""
    try:
        image = JpegImagePlugin.JpegImageFile(io.BytesIO(data))
        image.load()
    except Exception:  # Pillow documents none
        return None
    return image


def is_pillows(found: Image.Image, data: bytes) -> bool:
    wanted = by_pillow(data)
    return wanted is not None and (found.mode, found.size, found.tobytes()) == (
        wanted.mode, wanted.size, wanted.tobytes()
    )  # fmt: skip


@pytest.mark.parametrize("options", KINDS, ids=str)
@pytest.mark.parametrize("grey", [False, True], ids=["colour", "grey"])
def test_pixels_are_pillows(options: dict[str, object], grey: bool, rng: np.random.Generator) -> None:
    for _ in range(5):
        data = saved(picture(rng, grey), **options)
        for more in (b"", b"\0", data):  # behind it: cameras put a second picture there
            assert is_pillows(read_plain_jpeg(data + more, MAX_PIXELS), data + more)


def test_what_is_left_to_the_parser(rng: np.random.Generator) -> None:
    image, exif = picture(rng), Image.Exif()
    exif[0x0112] = 6
    assert read_plain_jpeg(saved(image, exif=exif), MAX_PIXELS) is None
    assert read_plain_jpeg(saved(image.convert("CMYK")), MAX_PIXELS) is None
    data, xmp = saved(image), b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta/>"
    assert (
        read_plain_jpeg(data[:2] + b"\xff\xe1" + struct.pack(">H", len(xmp) + 2) + xmp + data[2:], MAX_PIXELS) is None
    )
    assert read_plain_jpeg(data, image.width * image.height) is not None
    assert read_plain_jpeg(data, image.width * image.height - 1) is None
    for size in ((0, 5), (5, 0), (65535, 65535)):
        at = data.index(b"\xff\xc0") + 5
        assert read_plain_jpeg(data[:at] + struct.pack(">HH", *size) + data[at + 4 :], MAX_PIXELS) is None


def test_truncated_anywhere(rng: np.random.Generator) -> None:
    data = saved(picture(rng))
    assert all(read_plain_jpeg(data[:length], MAX_PIXELS) is None for length in range(len(data) - 1))


def test_damaged_anywhere(rng: np.random.Generator) -> None:
    """What Pillow refuses is refused; what it reads all the same has its pixels."""
    read = 0
    for number in range(300):
        data = bytearray(saved(picture(rng, number % 3 == 0), **KINDS[number % len(KINDS)]))
        for _ in range(1 + number % 3):
            at = rng.integers(2, len(data)) if number % 2 else rng.integers(2, min(len(data), 200))
            data[at : at + number % 2] = rng.integers(0, 256, 1, np.uint8).tobytes()
        found = read_plain_jpeg(bytes(data), MAX_PIXELS)
        read += found is not None
        assert found is None or is_pillows(found, bytes(data))
    assert 50 < read < 300
