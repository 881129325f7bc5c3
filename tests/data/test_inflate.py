"""The compiled inflate against zlib: the same streams accepted, the same bytes."""

from __future__ import annotations

import random
import zlib
from pathlib import Path

import numpy as np
import processes
import pytest
from fastnn import _core
from guard_pages import GuardedMemory

HERE = Path(__file__).parent
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


def in_bytes(bits: str) -> bytes:
    """Bits as a stream has them, the first one lowest."""
    padded = bits.replace(" ", "") + "0" * (-len(bits.replace(" ", "")) % 8)
    return bytes(int(padded[at : at + 8][::-1], 2) for at in range(0, len(padded), 8))


def number(value: int, bits: int) -> str:
    """A number in a stream: its lowest bit first, where a code has its highest first."""
    return f"{value:0{bits}b}"[::-1] if bits else ""


def repeating(literals: bytes, length: int, back: int) -> bytes:
    """A block with fixed codes (RFC 1951, 3.2.5, 3.2.6): literals below 144, then so many bytes (3 to 10) of so far
    back."""
    extra = max(0, (back - 1).bit_length() - 2)
    symbol, rest = 2 * extra + ((back - 1) >> extra), (back - 1) & ((1 << extra) - 1)
    match = f"{length - 2:07b}{symbol:05b}{number(rest, extra)}"
    return in_bytes("110" + "".join(f"{0x30 + value:08b}" for value in literals) + match + "0" * 7)


def blocks_by_zlib(blocks: bytes, size: int) -> bytes | None:
    """As by_zlib, of blocks alone."""
    decompressor = zlib.decompressobj(-15)
    try:
        data = decompressor.decompress(blocks, size + 1)
    except zlib.error:
        return None
    return data if decompressor.eof and len(data) == size and not decompressor.unused_data else None


def blocks_by_us(blocks: bytes, size: int) -> bytes | None:
    out = np.full(size + 8, 7, np.uint8)
    return out[:size].tobytes() if _core.inflate_blocks(blocks, out) else None


@pytest.mark.parametrize("before", [0, 1, 2, 3, 7, 8, 9, 100, 1000, 32767])
def test_matches_begin_inside_the_output(before: int) -> None:
    """At its first byte at the earliest; and they end at its last one at the latest."""
    literals = bytes(i * 7 % 144 for i in range(before))
    for length in (3, 10):
        for back in range(max(1, before - 2), before + 3):
            blocks, size = repeating(literals, length, back), before + length
            made = blocks_by_us(blocks, size)
            assert made == blocks_by_zlib(blocks, size)
            assert (made is not None) == (back <= before)
            for wrong in (size - 1, size - length, size + 1):
                assert blocks_by_us(blocks, wrong) is None


def codes_of(lengths: dict[int, int]) -> dict[int, str]:
    """The canonical code (RFC 1951, 3.2.2) of symbols that have these lengths, as text."""
    codes, code, before = {}, 0, 0
    for symbol in sorted(lengths, key=lambda symbol: (lengths[symbol], symbol)):
        code <<= lengths[symbol] - before
        before = lengths[symbol]
        codes[symbol] = f"{code:0{before}b}"
        code += 1
    return codes


NAMES = codes_of({name: 4 if name < 13 else 5 for name in range(19)})  # complete: 13 / 16 + 6 / 32 = 1
ORDER = (16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15)
NUMBER_OF = {16: (2, 3), 17: (3, 3), 18: (7, 11)}  # extra bits, and what they begin with


def dynamic(counts: tuple[int, int], names: list[int | tuple[int, int]], body: str) -> bytes:
    """A block with its own codes (3.2.7): how many lengths of each kind, the lengths or (name, times), then bits."""
    head = "101" + number(counts[0] - 257, 5) + number(counts[1] - 1, 5) + number(15, 4)
    head += "".join(number(4 if name < 13 else 5, 3) for name in ORDER)
    for name in names:
        symbol, times = name if isinstance(name, tuple) else (name, 0)
        bits, first = NUMBER_OF.get(symbol, (0, 0))
        head += NAMES[symbol] + number(times - first, bits)
    return in_bytes(head + body)


def zeros(count: int) -> list[int | tuple[int, int]]:
    """So many lengths of 0, from 11 on."""
    full, rest = divmod(count - 11, 127)
    return [(18, 127)] * full + [(18, 11 + rest)]


A_AND_END = [*zeros(97), 1, *zeros(158), 1]  # "a" is 0, the end 1; no distance yet
END = [*zeros(256), 1]  # the end is 0, there is nothing else


@pytest.mark.parametrize(
    ("sound", "counts", "names", "body"),
    [
        (True, (257, 1), [*A_AND_END, 0], "0001"),
        (True, (286, 30), [*A_AND_END, *zeros(29 + 30)], "0001"),
        (False, (287, 1), [*A_AND_END, *zeros(30), 0], "0001"),
        (False, (288, 1), [*A_AND_END, *zeros(31), 0], "0001"),
        (False, (257, 31), [*A_AND_END, *zeros(31)], "0001"),
        (False, (257, 32), [*A_AND_END, *zeros(32)], "0001"),
        (True, (286, 30), [*A_AND_END, *zeros(48), (17, 10), 0], "0001"),
        (False, (286, 30), [*A_AND_END, *zeros(50), (17, 10)], "0001"),  # a length too many
        (False, (257, 1), [*A_AND_END, (16, 3)], "0001"),
        (True, (257, 3), [*A_AND_END[:-1], 1, 0, 1, 1], "0001"),
        (True, (257, 4), [*A_AND_END, 2, (16, 3)], "0001"),
        (False, (257, 1), [(16, 3), *zeros(94), 1, *zeros(158), 1, 0], "0001"),  # as before, but there is none
        (False, (257, 1), [*zeros(97), 1, *zeros(159), 0], "0001"),  # no end
        (True, (257, 1), [*END, 0], "0"),  # a single code may be of one bit
        (False, (257, 1), [*END, 0], "1"),  # its other bit means nothing
        (False, (257, 1), [*zeros(256), 2, 0], "00"),
        (False, (257, 1), [*zeros(97), 2, *zeros(158), 2, 0], "0001"),  # half of the codes unused
        (False, (257, 1), [*zeros(97), 1, 1, *zeros(157), 1, 0], "0001"),  # more codes than there are
        (True, (258, 1), [*zeros(97), 2, *zeros(158), 2, 1, 1], "10" + "0" + "0" + "11"),  # a, 3 from 1 back, end
        (False, (258, 1), [*zeros(97), 2, *zeros(158), 2, 1, 1], "10" + "0" + "1" + "11"),
        (False, (258, 1), [*zeros(97), 2, *zeros(158), 2, 1, 0], "10" + "0" + "0" + "11"),  # no distance has a code
        (False, (258, 2), [*zeros(97), 2, *zeros(158), 2, 1, 2, 2], "10" + "0" + "00" + "11"),
    ],
)
def test_codes_of_a_block(sound: bool, counts: tuple[int, int], names: list[int | tuple[int, int]], body: str) -> None:
    blocks = dynamic(counts, names, body)
    made = [blocks_by_us(blocks, size) for size in range(5)]
    assert made == [blocks_by_zlib(blocks, size) for size in range(5)]
    assert any(found is not None for found in made) == sound


def test_sums_do_not_wrap() -> None:
    """Adler-32's, where they are the largest: after 5,552 bytes of 255 behind sums of 65,520."""
    data = bytes([255] * 256 + [239]).ljust(5553, b"\0") + b"\xff" * 12_000
    assert zlib.adler32(data[:5553]) & 0xFFFF == 65_520
    assert by_us(zlib.compress(data), len(data)) == data


def stored(content: bytes, size: int | None = None) -> bytes:
    """A block of type 0 that says it has so many bytes."""
    size = len(content) if size is None else size
    return b"\1" + size.to_bytes(2, "little") + (size ^ 0xFFFF).to_bytes(2, "little") + content


def blocks_at_the_edges(draw: random.Random) -> list[bytes]:
    """Blocks that reach just beyond what they are given, or would; sound ones and damaged ones beside them."""
    edges = [b"", *(stored(b"abc")[:cut] for cut in range(9)), *(stored(b"abc", size) for size in (2, 3, 4, 5, 65535))]
    edges += [repeating(bytes(before), 10, before + more) for before in (0, 1, 8, 50) for more in (1, 2, 14)]
    for _ in range(150):
        stream = compressed(draw, generated(draw)[:3000])
        edges += [stream[2:-4], *(damaged(draw, stream)[2:-4] for _ in range(6)), stream[2 : draw.randrange(3, 40)]]
    return edges


def stay_inside() -> None:
    """Inflates with the input and the output between pages that nobody may touch, at the end and at the start."""
    memory = GuardedMemory(), GuardedMemory()
    for blocks in blocks_at_the_edges(random.Random(3)):
        whole = zlib.decompressobj(-15)
        try:
            size = len(whole.decompress(blocks))
        except zlib.error:
            size = 500
        for room in {max(0, size + more) for more in (-9, -1, 0, 1, 300)}:
            expected = blocks_by_zlib(blocks, room)
            for at_end in (True, False):
                data = memory[0].place(np.frombuffer(blocks, np.uint8), at_end)
                out = memory[1].place(np.zeros(room + 8, np.uint8), at_end)
                made = _core.inflate_blocks(data, out)
                assert (out[:room].tobytes() if made else None) == expected, blocks.hex()
    print("inside")


def test_nothing_beyond_the_buffers_is_touched() -> None:
    """In a process of its own: reading or writing one byte too far ends it."""
    done = processes.python(
        "-c", "import test_inflate; test_inflate.stay_inside()", folders=(HERE, HERE.parent / "helpers")
    )
    assert (done.returncode, done.stdout) == (0, "inside\n"), done.stderr[-2000:]


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
    stream = b"\x78\x9c" + in_bytes(blocks.replace(" ", "").ljust(200, "0"))
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
