"""The compiled PNG reader: what it takes has Pillow's pixels, everything else it leaves alone."""

from __future__ import annotations

import io
import os
import random
import struct
import zlib
from collections.abc import Sequence
from ctypes.util import find_library
from pathlib import Path

import numpy as np
import processes
import pytest
from fastnn import _core
from fastnn.data.decode import decode_chunk, decode_folder
from fastnn.data.images import read_rgb
from fastnn.data.pixels import PixelPlan
from fastnn.errors import FormatError
from fastnn.transforms import Grayscale
from PIL import Image

PLANS = {1: PixelPlan((Grayscale(1),)), 3: PixelPlan(())}
GREY, RGB, PALETTE = 0, 2, 3
Chunk = tuple[bytes, bytes]


def png(chunks: Sequence[Chunk]) -> bytes:
    """A PNG file of these chunks, with right checksums."""
    parts = [
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def header(width: int, height: int, colour: int, depth: int = 8, interlace: int = 0) -> Chunk:
    return b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)


def filtered(rows: np.ndarray, filters: Sequence[int], pixel: int) -> bytes:
    """PNG specification, 9.2: uint8 (H, bytes of a row), each row with its filter."""
    above = np.vstack([np.zeros_like(rows[:1]), rows[:-1]]).astype(int)
    left = np.hstack([np.zeros((len(rows), pixel), int), rows[:, :-pixel].astype(int)])
    corner = np.hstack([np.zeros((len(rows), pixel), int), above[:, :-pixel]])
    estimate = left + above - corner
    far_left, far_above, far_corner = (abs(estimate - x) for x in (left, above, corner))
    nearest_above = np.where(far_above <= far_corner, above, corner)
    paeth = np.where((far_left <= far_above) & (far_left <= far_corner), left, nearest_above)
    predicted = [np.zeros_like(left), left, above, (left + above) // 2, paeth]
    lines = [bytes([kind]) + ((row - predicted[kind][y]) % 256).astype(np.uint8).tobytes()
             for y, (row, kind) in enumerate(zip(rows, filters, strict=True))]  # fmt: skip
    return b"".join(lines)


def plain(draw: random.Random, colour: int, width: int, height: int) -> bytes:
    """A file that the reader takes: any filters, compression, split of the data and harmless chunks."""
    noise = np.random.default_rng(draw.randrange(2**32))
    pixel, colours = 3 if colour == RGB else 1, draw.randrange(1, 257)
    most = colours if colour == PALETTE else draw.choice((2, 256))
    rows = noise.integers(0, most, (height, width * pixel), np.uint8, endpoint=False)
    data = zlib.compress(filtered(rows, draw.choices(range(5), k=height), pixel), draw.randrange(10))
    cuts = sorted(draw.choices(range(len(data) + 1), k=draw.choice((0, 0, 0, 1, 4))))
    pieces = [(b"IDAT", data[a:b]) for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    palette = [(b"PLTE", noise.bytes(3 * colours))] if colour == PALETTE else []
    extra = [
        (b"gAMA", b"\0\0\xb1\x8f"),
        (b"tEXt", b"Title\0digit"),
        (b"sRGB", b"\0"),
        (b"pHYs", b"\0\0\0\1" * 2 + b"\1"),
    ]
    before, behind = draw.sample(extra, draw.randrange(3)), draw.sample(extra, draw.choice((0, 0, 1)))
    return png([header(width, height, colour), *before, *palette, *pieces, *behind, (b"IEND", b"")])


def by_pillow(path: Path, channels: int) -> np.ndarray:
    """uint8 (C, H, W) as Pillow has it, without a line of ours."""
    with Image.open(path) as image:
        image.info.pop("transparency", None)
        colour = image.convert("RGB")
        values = np.asarray(colour.convert("L")) if channels == 1 else np.asarray(colour)
    return np.atleast_3d(values).transpose(2, 0, 1)


def read(path: Path | str, channels: int, size: tuple[int, int]) -> np.ndarray | None:
    """uint8 (C, H, W); None, with nothing written, where the reader does not take the file."""
    out = np.full((1, channels, *size), 77, np.uint8)
    if _core.read_images([path], out)[0]:
        return out[0]
    assert (out == 77).all()
    return None


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Three hundred plain files of all three kinds, 1 to 40 pixels wide and high."""
    draw, paths = random.Random(1), []
    for i in range(300):
        paths.append(tmp_path / f"{i}.png")
        paths[-1].write_bytes(
            plain(draw, draw.choice((GREY, RGB, PALETTE)), draw.randrange(1, 41), draw.randrange(1, 41))
        )
    return paths


@pytest.mark.parametrize("channels", [1, 3])
def test_plain_files_have_the_pixels_of_pillow(files: list[Path], channels: int) -> None:
    for path in files:
        expected = by_pillow(path, channels)
        assert np.array_equal(read(path, channels, expected.shape[1:]), expected), path
        assert _core.png_size(path) == expected.shape[1:]


@pytest.mark.slow
@pytest.mark.parametrize("colour", [GREY, RGB, PALETTE])
def test_thousands_of_files(tmp_path: Path, colour: int) -> None:
    draw, path = random.Random(colour), tmp_path / "a.png"
    for _ in range(3000):
        path.unlink(missing_ok=True)
        path.write_bytes(plain(draw, colour, draw.randrange(1, 70), draw.randrange(1, 70)))
        for channels in (1, 3):
            expected = by_pillow(path, channels)
            assert np.array_equal(read(path, channels, expected.shape[1:]), expected)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
@pytest.mark.parametrize("options", [{}, {"optimize": True}, {"compress_level": 0}])
def test_what_pillow_writes(tmp_path: Path, mode: str, options: dict) -> None:
    values = np.random.default_rng(3).integers(0, 256, (28, 30, 4), np.uint8)
    image = Image.fromarray(values).convert("L" if mode == "I;16" else mode)
    path = tmp_path / "a.png"
    (Image.fromarray(np.asarray(image, np.uint16) * 257) if mode == "I;16" else image).save(path, **options)
    for channels in (1, 3):
        got = read(path, channels, (28, 30))
        if mode in ("L", "P", "RGB"):
            assert np.array_equal(got, by_pillow(path, channels))
        else:
            assert got is None


def test_every_colour_becomes_the_grey_of_pillow(tmp_path: Path) -> None:
    """A sixteenth of all colours, every value of each channel among them."""
    levels = np.arange(256, dtype=np.uint8)
    few = levels[::16] + levels[:16]
    for part, channel in enumerate((few, few, few)):
        axes = [few, few, few]
        axes[part] = levels
        colours = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(256, 256, 3)
        assert channel.size == 16
        path = tmp_path / f"{part}.png"
        Image.fromarray(colours).save(path)
        assert np.array_equal(read(path, 1, (256, 256)), by_pillow(path, 1))


SMALL = zlib.compress(b"\0\1\2\0\3\4")
SMALL_HEADER = header(2, 2, GREY)[1]
END = (b"IEND", b"")


@pytest.mark.parametrize(
    "chunks",
    {
        "interlaced": [header(2, 2, GREY, interlace=1), (b"IDAT", SMALL), END],
        "16 bit": [header(1, 2, GREY, depth=16), (b"IDAT", SMALL), END],
        "4 bit": [header(4, 2, GREY, depth=4), (b"IDAT", SMALL), END],
        "alpha": [header(2, 2, 4), (b"IDAT", zlib.compress(bytes(10))), END],
        "transparent": [header(2, 2, GREY), (b"tRNS", b"\0\1"), (b"IDAT", SMALL), END],
        "animated": [header(2, 2, GREY), (b"acTL", b"\0\0\0\1\0\0\0\0"), (b"IDAT", SMALL), END],
        "colour profile": [header(2, 2, GREY), (b"iCCP", b"x\0\0" + zlib.compress(b"")), (b"IDAT", SMALL), END],
        "unknown critical chunk": [header(2, 2, GREY), (b"ABCD", b""), (b"IDAT", SMALL), END],
        "gamma of another size": [header(2, 2, GREY), (b"gAMA", b""), (b"IDAT", SMALL), END],
        "another compression": [(b"IHDR", SMALL_HEADER[:10] + b"\1\0\0"), (b"IDAT", SMALL), END],
        "another method of filters": [(b"IHDR", SMALL_HEADER[:11] + b"\1\0"), (b"IDAT", SMALL), END],
        "a text of more than 64 KB": [header(2, 2, GREY), (b"tEXt", bytes(65537)), (b"IDAT", SMALL), END],
        "transparency behind the data": [
            header(2, 2, PALETTE),
            (b"PLTE", bytes(15)),
            (b"IDAT", SMALL),
            (b"tRNS", bytes(5)),
            END,
        ],
        "no data": [header(2, 2, GREY), END],
        "no end": [header(2, 2, GREY), (b"IDAT", SMALL)],
        "end with content": [header(2, 2, GREY), (b"IDAT", SMALL), (b"IEND", b"x")],
        "chunks behind the end": [header(2, 2, GREY), (b"IDAT", SMALL), END, (b"tEXt", b"x\0y")],
        "no header": [(b"IDAT", SMALL), END],
        "two headers": [header(2, 2, GREY), header(2, 2, GREY), (b"IDAT", SMALL), END],
        "data in two places": [header(2, 2, GREY), (b"IDAT", SMALL[:5]), (b"tEXt", b"x\0y"), (b"IDAT", SMALL[5:]), END],
        "data in two places, the first empty": [
            header(2, 2, GREY),
            (b"IDAT", b""),
            (b"IDAT", b""),
            (b"tEXt", b"x\0y"),
            (b"IDAT", SMALL),
            END,
        ],
        "palette of grey": [header(2, 2, GREY), (b"PLTE", bytes(15)), (b"IDAT", SMALL), END],
        "no palette": [header(2, 2, PALETTE), (b"IDAT", SMALL), END],
        "two palettes": [header(2, 2, PALETTE), (b"PLTE", bytes(15)), (b"PLTE", bytes(15)), (b"IDAT", SMALL), END],
        "palette behind the data": [header(2, 2, PALETTE), (b"IDAT", SMALL), (b"PLTE", bytes(15)), END],
        "palette of no whole colours": [header(2, 2, PALETTE), (b"PLTE", bytes(16)), (b"IDAT", SMALL), END],
        "palette of 257 colours": [header(2, 2, PALETTE), (b"PLTE", bytes(771)), (b"IDAT", SMALL), END],
        "more transparency than colours": [
            header(2, 2, PALETTE),
            (b"PLTE", bytes(15)),
            (b"tRNS", bytes(6)),
            (b"IDAT", SMALL),
            END,
        ],
        "palette of four for the colour 4": [header(2, 2, PALETTE), (b"PLTE", bytes(12)), (b"IDAT", SMALL), END],
        "filter 5": [header(2, 2, GREY), (b"IDAT", zlib.compress(b"\0\1\2\5\3\4")), END],
        "a row too few": [header(2, 2, GREY), (b"IDAT", zlib.compress(b"\0\1\2")), END],
        "a row too many": [header(2, 2, GREY), (b"IDAT", zlib.compress(b"\0\1\2\0\3\4\0\5\6")), END],
        "width 0": [header(0, 2, GREY), (b"IDAT", zlib.compress(b"\0\0")), END],
        "giant": [header(2**31, 2**31, GREY), (b"IDAT", SMALL), END],
    }.items(),
    ids=lambda item: item[0],
)
def test_what_is_left_alone(tmp_path: Path, chunks: tuple[str, list[Chunk]]) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(png(chunks[1]))
    for channels in (1, 3):
        assert read(path, channels, (2, 2)) is None


def test_the_small_file_itself_is_taken(tmp_path: Path) -> None:
    """So that those above are refused for what their names say."""
    grey, palette = tmp_path / "grey.png", tmp_path / "palette.png"
    grey.write_bytes(png([header(2, 2, GREY), (b"IDAT", SMALL), END]))
    palette.write_bytes(png([header(2, 2, PALETTE), (b"PLTE", bytes(range(15))), (b"IDAT", SMALL), END]))
    assert read(grey, 1, (2, 2)).tolist() == [[[1, 2], [3, 4]]]
    assert read(palette, 3, (2, 2)).tolist() == [[[3, 6], [9, 12]], [[4, 7], [10, 13]], [[5, 8], [11, 14]]]
    for size in ((2, 3), (1, 2), (4, 1)):
        assert read(grey, 1, size) is None


def test_what_just_fits_is_taken(tmp_path: Path) -> None:
    """Text of 64 KB, transparency of all colours, a file of 1 MiB; not one byte more."""
    path, texts = tmp_path / "a.png", [(b"tEXt", bytes(65536))] * 15
    path.write_bytes(png([header(2, 2, GREY), (b"tEXt", bytes(65536)), (b"IDAT", SMALL), END]))
    assert read(path, 1, (2, 2)).tolist() == [[[1, 2], [3, 4]]]
    colours = [header(2, 2, PALETTE), (b"PLTE", bytes(range(15))), (b"tRNS", bytes(5)), (b"IDAT", SMALL), END]
    path.write_bytes(png(colours))
    assert read(path, 3, (2, 2)) is not None
    usual = len(png([header(2, 2, GREY), *texts, (b"tEXt", b""), (b"IDAT", SMALL), END]))
    for more in (0, 1):
        rest = bytes(2**20 - usual + more)
        path.write_bytes(png([header(2, 2, GREY), *texts, (b"tEXt", rest), (b"IDAT", SMALL), END]))
        assert path.stat().st_size == 2**20 + more
        assert (read(path, 1, (2, 2)) is None) == bool(more)
        assert _core.png_size(path) == (None if more else (2, 2))


def test_a_header_that_is_not_whole_claims_no_size(tmp_path: Path) -> None:
    path, whole = tmp_path / "a.png", png([header(2, 2, GREY), (b"IDAT", SMALL), END])
    for cut in range(29):  # a signature of 8 bytes, length and name of the chunk, 13 bytes
        path.write_bytes(whole[:cut])
        assert _core.png_size(path) is None
    path.write_bytes(whole[:29])
    assert _core.png_size(path) == (2, 2)
    for chunk in ((b"IHDR", SMALL_HEADER + b"\0"), (b"IHDR", SMALL_HEADER[:12]), (b"IHDS", SMALL_HEADER)):
        path.write_bytes(png([chunk, (b"IDAT", SMALL), END]))
        assert _core.png_size(path) is None


def test_a_header_that_lies_costs_no_memory(tmp_path: Path) -> None:
    """Data of 20 bytes give no image of 400 MB: no block of that size is touched to find out."""
    path = tmp_path / "a.png"
    path.write_bytes(png([header(20_000, 20_000, GREY), (b"IDAT", SMALL), END]))
    code = """import resource, sys, numpy as np; from fastnn import _core
out = np.zeros((1, 1, 20_000, 20_000), np.uint8)
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
before = peak()
print(_core.read_images([sys.argv[1]], out)[0], peak() - before < 100_000)"""
    assert processes.printed(code, path) == "False True\n"


CHECKED_MALLOC = find_library("c_malloc_debug")


@pytest.mark.skipif(CHECKED_MALLOC is None, reason="needs glibc's library that checks malloc")
def test_nothing_behind_its_memory_is_written(files: list[Path]) -> None:
    """By glibc's malloc, which looks behind each block when it is freed."""
    code = """import sys, numpy as np; from fastnn import _core
for path in sys.argv[1:]:
    size = _core.png_size(path)
    assert _core.read_images([path], np.empty((1, 3, *size), np.uint8))[0]"""
    processes.printed(code, *files, LD_PRELOAD=CHECKED_MALLOC, MALLOC_CHECK_="3")


def test_every_damaged_byte_is_noticed(tmp_path: Path) -> None:
    """Each chunk has a checksum: no single change of a byte passes, nor any truncation."""
    draw, path = random.Random(5), tmp_path / "a.png"
    data = plain(draw, PALETTE, 9, 7)
    for at in range(len(data)):
        wrong = bytearray(data)
        wrong[at] ^= draw.randrange(1, 256)
        for damaged in (wrong, data[:at]):
            path.unlink(missing_ok=True)
            path.write_bytes(damaged)
            assert read(path, 1, (7, 9)) is None


def compare_mutations(tmp_path: Path, seed: int, count: int) -> int:
    """Chunks changed and given right checksums again: taken only with Pillow's pixels. How many were taken."""
    draw, taken = random.Random(seed), 0
    for i in range(count):
        path = tmp_path / f"{i}.png"
        data = bytearray(plain(draw, draw.choice((GREY, RGB, PALETTE)), draw.randrange(1, 9), draw.randrange(1, 9)))
        size = _size(data)
        for _ in range(draw.choice((1, 1, 3))):
            data[draw.randrange(8, len(data))] = draw.randrange(256)
        path.write_bytes(with_checksums(data))
        for channels in (1, 3):
            got = read(path, channels, size)
            if got is not None:
                taken += 1
                assert np.array_equal(got, by_pillow(path, channels))
        path.unlink()
    return taken


def _size(data: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from(">II", data, 16)
    return height, width


def with_checksums(data: bytearray) -> bytes:
    at = 8
    while at + 12 <= len(data):
        end = at + 8 + int.from_bytes(data[at : at + 4], "big")
        if end + 4 > len(data):
            break
        data[end : end + 4] = zlib.crc32(data[at + 4 : end]).to_bytes(4, "big")
        at = end + 4
    return bytes(data)


def test_mutations(tmp_path: Path) -> None:
    assert compare_mutations(tmp_path, seed=7, count=1500) > 20


@pytest.mark.slow
def test_thirty_thousand_mutations(tmp_path: Path) -> None:
    compare_mutations(tmp_path, seed=8, count=30000)


def test_what_is_no_file(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (pipe, tmp_path, tmp_path / "missing", Path("/dev/zero"), Path("/dev/null")):
        assert read(path, 1, (2, 2)) is None
        assert _core.png_size(path) is None


def test_a_file_is_read_by_itself(tmp_path: Path) -> None:
    """Whatever the reader had before: the first row's filter sees nothing above it, a short file has no more bytes."""
    rows, paths = np.random.default_rng(4).integers(0, 256, (3, 9), np.uint8), []
    for i, (kind, colour) in enumerate([(2, GREY), (2, RGB), (3, GREY), (3, RGB), (4, GREY), (4, RGB), (2, PALETTE)]):
        pixel = 3 if colour == RGB else 1
        some = rows[:, : 3 * pixel] if colour != PALETTE else rows[:, :3] % 5
        data = zlib.compress(filtered(some, [kind] * 3, pixel))
        palette = [(b"PLTE", bytes(range(15)))] if colour == PALETTE else []
        paths.append(tmp_path / f"{i}.png")
        paths[-1].write_bytes(png([header(3, 3, colour), *palette, (b"IDAT", data), END]))
    order = [*range(7), *range(6, -1, -1)]
    out = np.empty((len(order), 3, 3, 3), np.uint8)
    assert _core.read_images([paths[i] for i in order], out).all()
    for image, i in zip(out, order, strict=True):
        assert np.array_equal(image, by_pillow(paths[i], 3)), i


@pytest.mark.parametrize("cut", [*range(13), 20, 21, 30])
def test_a_short_file_behind_another_one(tmp_path: Path, cut: int) -> None:
    """The bytes that the other left in the buffer are none of its own, least of all a chunk of 4 GB."""
    first, short = tmp_path / "a.png", tmp_path / "b.png"
    first.write_bytes(b"\x89PNG\r\n\x1a\n" + b"\xff" * 60)
    short.write_bytes(png([header(2, 2, GREY), END])[:cut])
    out = np.full((2, 1, 2, 2), 77, np.uint8)
    assert not _core.read_images([first, short], out).any() and (out == 77).all()


def test_nothing_is_no_image(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(png([header(4, 0, GREY), (b"IDAT", zlib.compress(b"")), END]))
    assert not _core.read_images([path], np.empty((1, 1, 0, 4), np.uint8))[0]


def test_large_files_are_left_to_pillow(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (1100, 1000), np.uint8)).save(path)
    assert path.stat().st_size > 2**20
    assert read(path, 1, (1100, 1000)) is None


def test_names_that_are_no_text(tmp_path: Path) -> None:
    path = os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xe9.png")
    Image.new("L", (2, 2), 9).save(path)
    assert read(path, 1, (2, 2)).tolist() == [[[9, 9], [9, 9]]]


@pytest.mark.parametrize(
    ("out", "error", "message"),
    [
        (np.zeros((1, 1, 2, 2), np.float32), TypeError, "contiguous uint8"),
        (np.zeros((1, 2, 2), np.uint8), TypeError, "contiguous uint8"),
        (np.zeros((1, 1, 2, 4), np.uint8)[..., ::2], TypeError, "contiguous uint8"),
        (np.zeros((2, 1, 2, 2), np.uint8), ValueError, "2 images for 1 paths"),
        (np.zeros((1, 2, 2, 2), np.uint8), ValueError, "2 channels; it must have 1 or 3"),
        (np.frombuffer(bytes(4), np.uint8).reshape(1, 1, 2, 2), ValueError, "writeable"),
    ],
)
def test_arguments(out: np.ndarray, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        _core.read_images(["a.png"], out)
    with pytest.raises((TypeError, ValueError)):
        _core.read_images(["a\0b"], np.zeros((1, 1, 2, 2), np.uint8))


@pytest.mark.parametrize("channels", [1, 3])
def test_folders_are_the_same_by_both_ways(files: list[Path], channels: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some files by the compiled reader, the others by Pillow, in one block."""
    for i, path in enumerate(files):
        mode, form = [("RGB", "PNG"), ("RGBA", "PNG"), ("RGB", "JPEG"), ("L", "PNG")][i % 4]
        Image.open(path).convert(mode).resize((9, 8)).save(path, form)
    paths = [str(path) for path in files]
    block = decode_folder(paths, PLANS[channels]).images
    taken = _core.read_images(paths, np.empty_like(block))
    assert taken.sum() == 150
    monkeypatch.setattr(_core, "read_images", lambda names, out: np.zeros(len(names), bool))
    assert np.array_equal(decode_folder(paths, PLANS[channels]).images, block)
    for path, image in zip(paths, block, strict=True):
        assert np.array_equal(PLANS[channels].pixels(read_rgb(path)), image)


def test_a_plain_folder_needs_no_pillow(files: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    same = [path for path in files if _core.png_size(path) == _core.png_size(files[0])]
    monkeypatch.setattr("fastnn.data.decode.read_rgb", None)
    assert len(decode_folder([str(path) for path in same], PLANS[1]).images) == len(same)


def test_a_header_that_lies_decides_nothing(tmp_path: Path, files: list[Path]) -> None:
    """A first file that claims to be giant is bad; the others are read."""
    liar = tmp_path / "0000.png"
    liar.write_bytes(png([header(7000, 7000, GREY), (b"IDAT", SMALL), END]))
    Image.new("L", (5, 4), 3).save(files[0])
    decoded = decode_folder([str(liar), str(files[0])], PLANS[1], on_bad="skip")
    assert decoded.images.shape == (1, 1, 4, 5)
    with pytest.raises(FormatError, match=r"0000\.png"):
        decode_folder([str(liar), str(files[0])], PLANS[1])


def test_problems_keep_their_rows(tmp_path: Path) -> None:
    out = np.full((3, 1, 2, 2), 77, np.uint8)
    paths = [tmp_path / f"{i}.png" for i in range(3)]
    Image.new("L", (2, 2), 1).save(paths[0])
    paths[1].write_bytes(b"nothing")
    Image.new("L", (3, 2), 1).save(paths[2])
    problems = decode_chunk([str(path) for path in paths], PLANS[1], out, first=10)
    assert [(problem.index, problem.size) for problem in problems] == [(11, None), (12, (3, 2))]
    assert out[:, 0, 0, 0].tolist() == [1, 77, 77]


def test_an_empty_list() -> None:
    assert _core.read_images([], np.empty((0, 1, 2, 2), np.uint8)).tolist() == []


def test_bytes_of_a_file_in_memory_are_pillows(tmp_path: Path) -> None:
    """The harness itself: what `plain` writes is sound by Pillow, which checks every chunk."""
    draw = random.Random(2)
    for colour in (GREY, RGB, PALETTE):
        with Image.open(io.BytesIO(plain(draw, colour, 12, 11))) as image:
            image.verify()
