"""One image file: which are read, to which pixels, and what is said about those that are not."""

from __future__ import annotations

import io
import logging
import os
import random
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from fastnn.data import images
from fastnn.data.images import open_image, read_rgb, to_rgb, upright
from fastnn.errors import FormatError
from PIL import ExifTags, Image, ImageOps

MODES = ["1", "L", "LA", "P", "RGB", "RGBA"]


def encoded(image: Image.Image, form: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def sample(mode: str, size: tuple[int, int] = (9, 5)) -> Image.Image:
    values = np.random.default_rng(3).integers(0, 256, (size[1], size[0], 4), np.uint8)
    return Image.fromarray(values).convert(mode)


def written(folder: Path, data: bytes, name: str = "a.png") -> Path:
    path = folder / name
    path.unlink(missing_ok=True)  # writing over a file waits for the disk on some file systems
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("mode", MODES)
def test_png_has_the_pixels_of_pillow(tmp_path: Path, mode: str) -> None:
    path = written(tmp_path, encoded(sample(mode)))
    image = open_image(path)
    with Image.open(path) as expected:
        assert image.mode == expected.mode
        assert image.tobytes() == expected.tobytes()
        expected.info.pop("transparency", None)
        assert to_rgb(image).tobytes() == expected.convert("RGB").tobytes()


@pytest.mark.parametrize(
    ("form", "mode"),
    [
        *(("JPEG", mode) for mode in ("L", "RGB", "CMYK")),
        *(("BMP", mode) for mode in ("L", "RGB", "P")),
        *(("PPM", mode) for mode in ("L", "RGB", "1")),
        *(("WEBP", mode) for mode in ("RGB", "RGBA")),
    ],
)
def test_format_is_told_by_content_not_by_name(tmp_path: Path, form: str, mode: str) -> None:
    data = encoded(sample(mode), form)
    path = written(tmp_path, data, "looks_like.png")
    expected = Image.open(io.BytesIO(data)).convert("RGB")
    assert read_rgb(path).tobytes() == expected.tobytes()


@pytest.mark.parametrize("options", [{}, {"compress_level": 0}, {"optimize": True}])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_short_way_through_png_is_taken_and_gives_the_same_pixels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str, options: dict[str, object]
) -> None:
    image = sample(mode, (31, 17))
    path = written(tmp_path, encoded(image, **options))
    monkeypatch.setattr(images, "_decode", lambda *_: pytest.fail("the parser was used"))
    assert open_image(path).tobytes() == image.tobytes()


def test_palette_with_transparency_is_rgb_without_a_warning(tmp_path: Path) -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.putdata([0, 1])
    path = written(tmp_path, encoded(image, transparency=b"\x80\x40"))
    assert np.asarray(read_rgb(path)).tolist() == [[[10, 20, 30], [200, 100, 50]]]


def test_sixteen_bit_grey_is_scaled_and_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    values = np.array([[0, 128, 129, 257, 32768, 65407, 65535]], np.uint16)
    path = written(tmp_path, encoded(Image.fromarray(values)))
    grey_map = written(tmp_path, b"P5\n7 1\n65535\n" + values.astype(">u2").tobytes(), "a.pgm")
    with caplog.at_level(logging.WARNING, "fastnn"):
        results = [np.asarray(read_rgb(file)) for file in (path, path, grey_map)]
    for result in results:
        assert result[..., 0].tolist() == [[0, 0, 1, 1, 128, 255, 255]]
    assert [record.message for record in caplog.records] == ["16-bit grey images are scaled to 8 bit (by 1/257)"]


def test_keep_grey_leaves_only_grey_images_alone(tmp_path: Path) -> None:
    assert read_rgb(written(tmp_path, encoded(sample("L"))), keep_grey=True).mode == "L"
    assert read_rgb(written(tmp_path, encoded(sample("P"))), keep_grey=True).mode == "RGB"


def message(path: Path, **options: int) -> str:
    with pytest.raises(FormatError) as caught:
        open_image(path, **options)
    assert str(caught.value).startswith(str(path))
    return str(caught.value)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty (0 bytes)"),
        (b"<!DOCTYPE html><html>", "is not an image: starts with '<!DOCTYPE html'. It was probably an error page"),
        (b"\n <html><body>404", "It was probably an error page saved by a download"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
        (b"\x7fELF\x02\x01\x01", r"is not an image: starts with '\x7fELF"),
        (b"GIF89a\x01\0\x01\0", "is a GIF image, which fastnn does not read: convert it to PNG"),
        (b"II*\0\x08\0\0\0", "is a TIFF image, which fastnn does not read: convert it to PNG"),
        (
            b"\0\0\0\x18ftypheic\0\0\0\0mif1",
            "is a HEIC photograph (iPhone), which fastnn does not read: convert it to JPEG",
        ),
        (b"RIFF\x04\0\0\0WEBP", "cannot be read as an image"),
        (b"\x89PNG\r\n\x1a\n", "cannot be read as an image"),
        (b"P6\n3 3\n255\n", "cannot be read as an image"),
    ],
)
def test_what_is_no_image_is_named_with_its_reason(tmp_path: Path, data: bytes, words: str) -> None:
    assert words in message(written(tmp_path, data))


@pytest.mark.parametrize("form", ["PNG", "JPEG", "BMP", "PPM", "WEBP"])
def test_every_truncation_is_an_error_that_names_the_file(tmp_path: Path, form: str) -> None:
    whole = encoded(sample("RGB", (40, 30)), form)
    for length in range(1, len(whole) - 12, max(1, len(whole) // 60)):
        try:
            open_image(written(tmp_path, whole[:length]))
        except FormatError as error:
            assert str(error).startswith(str(tmp_path / "a.png"))
        else:
            assert form in ("JPEG", "WEBP") and length > len(whole) * 0.9  # only padding was cut


def test_truncation_says_how_much_is_there(tmp_path: Path) -> None:
    whole = encoded(sample("RGB", (100, 100)))
    assert f"truncated after 8,192 of at least {len(whole) - 12:,} bytes" in message(written(tmp_path, whole[:8192]))
    bitmap = encoded(sample("RGB", (100, 100)), "BMP")
    assert f"truncated after 999 of at least {len(bitmap):,} bytes" in message(written(tmp_path, bitmap[:999]))
    photo = encoded(sample("RGB", (300, 300)), "JPEG")
    assert "the file is truncated after 9,000 bytes" in message(written(tmp_path, photo[:9000]))


def damaged_png(width: int, height: int, compressed: bytes) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", compressed) + chunk(b"IEND", b"")


def bomb_webp(kind: bytes, header: bytes) -> bytes:
    return b"RIFF" + struct.pack("<I", 100) + b"WEBP" + kind + struct.pack("<I", 10) + header + bytes(90)


@pytest.mark.parametrize(
    "data",
    [
        damaged_png(60000, 60000, zlib.compress(bytes(100))),
        b"P6 60000 60000 255 ",
        bomb_webp(b"VP8X", b"\0\0\0\0" + struct.pack("<I", 59999)[:3] + struct.pack("<I", 59999)[:3]),
    ],
    ids=["png", "ppm", "webp"],
)
def test_pixel_limit_is_taken_from_the_header(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(Image.Image, "load", lambda _: pytest.fail("decoded"))
    text = message(written(tmp_path, data))
    assert "claims 60000 x 60000 pixels (3,600,000,000); the limit is 50,000,000" in text


@pytest.mark.parametrize(
    ("kind", "header"),
    [
        (b"VP8L", b"\x2f" + struct.pack("<I", 16382 | 16382 << 14)),
        (b"VP8 ", bytes(3) + b"\x9d\x01\x2a\xff\x3f\xff\x3f"),
    ],
)
def test_both_webp_encodings_tell_their_size(tmp_path: Path, kind: bytes, header: bytes) -> None:
    assert "claims 16383 x 16383 pixels" in message(written(tmp_path, bomb_webp(kind, header)))


@pytest.mark.parametrize(
    "options", [{"lossless": True}, {"lossless": False}, {"lossless": True, "exif": b"Exif\0\0II*\0"}]
)
def test_webp_size_is_what_pillow_reads(options: dict[str, object]) -> None:
    for size in ((1, 1), (37, 120), (300, 5)):
        assert images._webp_size(encoded(sample("RGB", size), "WEBP", **options)) == size


def test_limit_is_an_argument(tmp_path: Path) -> None:
    path = written(tmp_path, encoded(sample("L", (20, 10))))
    assert open_image(path, max_pixels=200).size == (20, 10)
    assert "the limit is 199" in message(path, max_pixels=199)


def test_damage_inside_a_plain_png_is_found(tmp_path: Path) -> None:
    assert "cannot be read as an image" in message(written(tmp_path, damaged_png(28, 28, b"not deflate")))


@pytest.mark.parametrize("mode", ["L", "P", "RGBA"])
def test_every_flipped_bit_of_a_png_is_noticed(tmp_path: Path, mode: str) -> None:
    whole = encoded(sample(mode), compress_level=0)
    start = whole.index(b"IDAT")
    for at in range(start, len(whole) - 12):
        flipped = bytearray(whole)
        flipped[at] ^= 1 << at % 8
        assert "cannot be read as an image" in message(written(tmp_path, bytes(flipped)))
    flipped = bytearray(whole)
    flipped[start + 20] ^= 1
    words = f"the checksum of its chunk b'IDAT' at byte {start - 4:,} is wrong"
    assert words in message(written(tmp_path, bytes(flipped)))


def test_pixels_beyond_pillows_own_limit_are_read_if_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    path = written(tmp_path, encoded(sample("P", (20, 10))))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert open_image(path).size == (20, 10)


def test_only_regular_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    assert "is not a regular file" in message(tmp_path / "pipe.png")
    (tmp_path / "folder.png").mkdir()
    assert "is not a regular file" in message(tmp_path / "folder.png")
    with pytest.raises(FileNotFoundError):
        open_image(tmp_path / "nothing.png")


def test_hostile_names_are_escaped(tmp_path: Path) -> None:
    path = written(tmp_path, b"", "a\n\x1b[31mred.png")
    with pytest.raises(FormatError) as caught:
        open_image(path)
    assert str(caught.value).isprintable()
    assert r"a\n\x1b[31mred.png" in str(caught.value)


def seeds() -> list[bytes]:
    """One small file of each kind that is read."""
    return [
        *(encoded(sample(mode)) for mode in (*MODES, "I;16")),
        encoded(sample("L", (28, 28))),
        encoded(sample("RGB"), "JPEG"),
        encoded(sample("L"), "JPEG", progressive=True),
        encoded(sample("RGB"), "BMP"),
        encoded(sample("P"), "BMP"),
        encoded(sample("RGB"), "PPM"),
        b"P2\n3 2\n255\n0 1 2 3 4 5\n",
        encoded(sample("RGBA"), "WEBP"),
    ]


def mutated(data: bytes, rng: random.Random) -> bytes:
    """A copy with one to four bytes changed, or cut, or with a piece doubled."""
    result = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        result[rng.randrange(len(result))] = rng.choice((0, 1, 127, 128, 255, rng.randrange(256)))
    if rng.random() < 0.2:
        del result[rng.randrange(len(result)) :]
    if rng.random() < 0.1:
        at = rng.randrange(len(result) + 1)
        result[at:at] = result[at : at + 40]
    return bytes(result)


def check_mutations(tmp_path: Path, count: int) -> None:
    rng, files = random.Random(1), seeds()
    refused = 0
    for i in range(count):
        path = written(tmp_path, mutated(files[i % len(files)], rng))
        try:
            assert read_rgb(path).mode == "RGB"
        except FormatError as error:
            assert str(error).startswith(str(path))
            refused += 1
    assert count // 10 < refused < count


def test_mutations_give_an_image_or_a_format_error(tmp_path: Path) -> None:
    check_mutations(tmp_path, 1500)


@pytest.mark.slow
def test_many_mutations_give_an_image_or_a_format_error(tmp_path: Path) -> None:
    check_mutations(tmp_path, 100_000)


@pytest.mark.parametrize("orientation", range(10))
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_a_turned_camera(tmp_path: Path, orientation: int, form: str) -> None:
    """Beside Pillow's own reading of the tag; 0 and 9 are no orientations."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    path = written(tmp_path, encoded(sample("RGB"), form, exif=exif), f"a.{form.lower()}")
    with Image.open(path) as there:
        expected = ImageOps.exif_transpose(there)
    image = upright(open_image(path))
    assert image.size == ((5, 9) if 5 <= orientation <= 8 else (9, 5))
    assert image.tobytes() == expected.tobytes()


def test_without_a_usable_orientation(tmp_path: Path) -> None:
    for exif in (b"", b"Exif\0\0not a TIFF header"):
        image = open_image(written(tmp_path, encoded(sample("RGB"), "JPEG", exif=exif)))
        assert upright(image) is image
