"""The compiled inflate against zlib: the same streams accepted, the same bytes."""

from __future__ import annotations

import random
import zlib

import numpy as np
import pytest
from fastnn import _core

SIZES = (0, 1, 5, 100, 784, 3000, 40000)


def by_zlib(stream: bytes, size: int) -> bytes | None:
    """What zlib makes of a stream that ends where the bytes end and gives exactly ``size``, else None."""
    decompressor = zlib.decompressobj()
    try:
        data = decompressor.decompress(stream, size + 1)
    except zlib.error:
        return None
    return data if decompressor.eof and len(data) == size and not decompressor.unused_data else None


def by_us(stream: bytes, size: int) -> bytes | None:
    try:
        return _core.inflate(stream, size)
    except ValueError as error:
        assert str(error).startswith("[inflate] ")
        return None


def by_blocks(stream: bytes, size: int) -> bytes | None:
    """The blocks of a zlib stream alone."""
    out = np.full(size + 8, 7, np.uint8)
    whole = _core.inflate_blocks(memoryview(stream)[2:-4], out)
    return out[:size].tobytes() if whole else None


def generated(draw: random.Random) -> bytes:
    """Bytes of some kind: noise, few symbols, a long period, near zero, runs."""
    size = draw.choice(SIZES)
    match draw.randrange(5):
        case 0:
            return draw.randbytes(size)
        case 1:
            return bytes(draw.choices((0, 0, 0, 0, 7, 255), k=size))
        case 2:
            return draw.randbytes(max(1, size // 50)) * 50
        case 3:
            return bytes(int(abs(draw.gauss(0, 20))) % 256 for _ in range(size))
        case _:
            return b"".join(bytes([draw.randrange(256)]) * draw.randrange(1, 400) for _ in range(size // 50))


def compressed(draw: random.Random, data: bytes) -> bytes:
    """A stream with every kind of block, window and strategy."""
    window, memory, strategy = draw.choice((9, 12, 15)), draw.choice((1, 8, 9)), draw.randrange(5)
    compressor = zlib.compressobj(draw.randrange(10), zlib.DEFLATED, window, memory, strategy)
    cut = draw.randrange(len(data) + 1)
    flushed = compressor.compress(data[:cut]) + compressor.flush(draw.choice((zlib.Z_SYNC_FLUSH, zlib.Z_FULL_FLUSH)))
    start = flushed if draw.random() < 0.3 else b""
    if not start:
        compressor = zlib.compressobj(draw.randrange(10), zlib.DEFLATED, window, memory, strategy)
        cut = 0
    return start + compressor.compress(data[cut:]) + compressor.flush()


def damaged(draw: random.Random, stream: bytes) -> bytes:
    """A few bits flipped, perhaps cut; often with the checksum that the damaged blocks would have."""
    wrong = bytearray(stream)
    for _ in range(draw.choice((1, 1, 1, 2, 8))):
        wrong[draw.randrange(len(wrong))] ^= 1 << draw.randrange(8)
    if draw.random() < 0.1:
        wrong = wrong[: draw.randrange(len(wrong))]
    if draw.random() < 0.2:
        return bytes(wrong)
    blocks = zlib.decompressobj(-15)
    try:
        data = blocks.decompress(bytes(wrong[2:]))
    except zlib.error:
        return bytes(wrong)
    end = len(wrong) - len(blocks.unused_data)
    return bytes(wrong[:end]) + zlib.adler32(data).to_bytes(4, "big") if blocks.eof else bytes(wrong)


def compare(seed: int, streams: int, mutations: int) -> tuple[int, int]:
    """(damaged streams still accepted, refused), all as zlib does."""
    draw, ends = random.Random(seed), [0, 0]
    for _ in range(streams):
        data = generated(draw)
        stream = compressed(draw, data)
        assert by_us(stream, len(data)) == by_blocks(stream, len(data)) == data
        for size in (len(data) - 1, len(data) + 1):
            assert by_us(stream, size) is None
            assert size < 0 or by_blocks(stream, size) is None
        for _ in range(mutations):
            wrong = damaged(draw, stream)
            size = max(0, len(data) + draw.choice((0, 0, 0, 1, -1)))
            expected = by_zlib(wrong, size)
            assert by_us(wrong, size) == expected
            assert expected is None or by_blocks(wrong, size) == expected
            ends[expected is None] += 1
    return ends[0], ends[1]


def test_like_zlib() -> None:
    accepted, refused = compare(seed=1, streams=300, mutations=20)
    assert accepted > 100
    assert refused > 1000


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 6))
def test_a_hundred_thousand_mutations_like_zlib(seed: int) -> None:
    compare(seed, streams=1000, mutations=25)


def test_every_cut_of_a_stream() -> None:
    data = bytes(range(256)) * 3
    stream = zlib.compress(data)
    for size in range(len(stream)):
        assert by_us(stream[:size], len(data)) is None
    assert by_us(stream + b"\0", len(data)) is None
    assert by_us(stream, len(data)) == data


@pytest.mark.parametrize(
    "blocks",
    [
        "00000111",  # a block of the kind that does not exist
        "110 00010101 11111",  # fixed codes: length 258 (here 3) back further than there is anything
        "110 11000110",  # length symbol 286
        "101 10111 00000 0000",  # 286 + ... lengths of codes: too many symbols
        "101 00000 00000 0000 000 000 000 000",  # no code for lengths
        "101 00000 00000 0000 100 100 100 100",  # four codes of one bit
    ],
)
def test_blocks_that_cannot_be(blocks: str) -> None:
    bits = blocks.replace(" ", "").ljust(200, "0")
    body = bytes(int(bits[i : i + 8][::-1], 2) for i in range(0, len(bits), 8))
    stream = b"\x78\x9c" + body
    for size in (0, 3, 258, 1000):
        assert by_zlib(stream, size) is None
        assert by_us(stream, size) is None


@pytest.mark.parametrize("header", [b"\x78\x9d", b"\x88\x1c", b"\x79\x9b", b"\x78\xbb", b"\x78"])
def test_wrong_headers(header: bytes) -> None:
    stream = header + zlib.compress(b"abc")[2:]
    assert by_zlib(stream, 3) is None
    assert by_us(stream, 3) is None


def test_sizes() -> None:
    with pytest.raises(ValueError, match="size is -1; it must be from 0 to"):
        _core.inflate(zlib.compress(b""), -1)
    assert _core.inflate(zlib.compress(b""), 0) == b""


def test_blocks_into_memory() -> None:
    stream, out = zlib.compress(bytes(range(40)))[2:-4], np.full(100, 9, np.uint8)
    assert _core.inflate_blocks(stream, out[20:68])
    assert out[20:60].tolist() == list(range(40))
    assert (out[:20] == 9).all() and (out[68:] == 9).all()  # the eight bytes between may have changed
    assert not _core.inflate_blocks(stream + b"\0", out[20:68])
    assert not _core.inflate_blocks(stream[:-1], out[20:68])
    assert not _core.inflate_blocks(b"", out[20:68])
    for wrong in (out[:7], out[:0]):
        with pytest.raises(ValueError, match=r"out has \d bytes; it needs 8 to spare"):
            _core.inflate_blocks(stream, wrong)
    for wrong in (out[::2], out.reshape(10, 10), out.astype(np.int8)):
        with pytest.raises(TypeError, match=r"out must be contiguous uint8 \(N,\)"):
            _core.inflate_blocks(stream, wrong)
    for data in (memoryview(stream)[::2], np.ones((4, 4), np.uint8), np.ones(4)):
        with pytest.raises(TypeError, match="data must be contiguous bytes"):
            _core.inflate_blocks(data, out)
    out.flags.writeable = False
    with pytest.raises(ValueError, match="writeable"):
        _core.inflate_blocks(stream, out)
