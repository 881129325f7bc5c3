"""Damage: every single-bit flip of our files is found, and no mutation brings anything but FormatError."""

import copy
import json
import struct
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from fastnn.errors import FormatError
from fastnn.io.pth import encode_pth, parse_pth
from fastnn.io.safetensors import encode_safetensors, parse_safetensors
from io_files import joined, name, program, pth_file, safetensors_file, sample_tensors, string, tensor

Parser = Callable[[memoryview, str], Any]
INTERESTING = (
    0,
    1,
    2,
    7,
    255,
    256,
    2**15,
    2**16 - 1,
    2**31 - 1,
    2**31,
    2**32 - 1,
    2**32,
    2**40,
    2**63 - 1,
    2**64 - 1,
)

SAFETENSORS = joined(encode_safetensors(sample_tensors(), {"architecture": '{"sizes":[4,5]}', "имя": "\x01✓"}))
PTH = joined(
    encode_pth({"model": OrderedDict(sample_tensors()), "epoch": 3, "é": [1.5, (1, 2)]}, {"fastnn.json": b"{}"})
)


def outcome(parse: Parser, data: bytes) -> str:
    """What loading brings: "loaded" or "refused". Any error but a FormatError fails the test."""
    try:
        parse(memoryview(data), "m.model")
    except FormatError as error:
        assert str(error).startswith("m.model"), error
        assert str(error).isprintable()
        return "refused"
    return "loaded"


# Single-bit flips.


def undetected_flips(parse: Parser, data: bytes, bits: Iterator[int]) -> list[int]:
    """The bits of the file whose flip nobody noticed."""
    found = []
    for bit in bits:
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << bit % 8
        if outcome(parse, bytes(damaged)) == "loaded":
            found.append(bit)
    return found


@pytest.mark.parametrize(
    "parse, data", [(parse_safetensors, SAFETENSORS), (parse_pth, PTH)], ids=["safetensors", "pth"]
)
def test_every_sampled_bit_flip_is_found(parse, data):
    """10,000 flips (or every bit of a smaller file), anywhere in the file: header, names, padding, data."""
    assert outcome(parse, data) == "loaded"
    bits = np.random.default_rng(2).permutation(len(data) * 8)[:10_000]
    assert undetected_flips(parse, data, map(int, bits)) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "parse, data", [(parse_safetensors, SAFETENSORS), (parse_pth, PTH)], ids=["safetensors", "pth"]
)
def test_every_bit_flip_is_found(parse, data):
    assert undetected_flips(parse, data, iter(range(len(data) * 8))) == []


def test_flips_in_files_without_checksums_go_unnoticed():
    """The counterpart: the test above is able to fail."""
    header = {"a": {"dtype": "F32", "shape": [100], "data_offsets": [0, 400]}}
    data = safetensors_file(header, bytes(400))
    assert len(undetected_flips(parse_safetensors, data, iter(range(len(data) * 8 - 3200, len(data) * 8)))) == 3200


def test_flips_in_the_data_of_a_large_file():
    array = np.random.default_rng(3).standard_normal(50_000).astype(np.float32)
    for parse, data in (
        (parse_safetensors, joined(encode_safetensors({"a": array}))),
        (parse_pth, joined(encode_pth([array]))),
    ):
        begin = data.index(array.tobytes()) * 8
        bits = np.random.default_rng(4).integers(begin, begin + array.nbytes * 8, 500)
        assert undetected_flips(parse, data, map(int, bits)) == []


# Mutations of any kind. Bases without fastnn's mark, so that they reach the code behind the checksums.


def mutate_bytes(rng: np.random.Generator, data: bytes) -> bytes:
    """One to four random changes: bytes, cuts, copies, numbers of every width."""
    changed = bytearray(data)
    for _ in range(rng.integers(1, 5)):
        if not changed:
            return bytes(changed)
        place = int(rng.integers(0, len(changed)))
        length = int(rng.integers(1, 17))
        match rng.integers(0, 7):
            case 0:
                changed[place] ^= 1 << int(rng.integers(0, 8))
            case 1:
                changed[place] = int(rng.integers(0, 256))
            case 2:
                del changed[place : place + length]
            case 3:
                changed[place:place] = rng.bytes(length)
            case 4:
                source = int(rng.integers(0, len(changed)))
                changed[place : place + length] = changed[source : source + length]
            case 5:
                width = int(rng.choice([1, 2, 4, 8]))
                value = int(rng.choice(np.array(INTERESTING, dtype=object))) % 2 ** (8 * width)
                changed[place : place + width] = value.to_bytes(width, "little")
            case 6:
                del changed[place:]
    return bytes(changed)


STRANGE = (
    *INTERESTING,
    -1,
    1.5,
    True,
    None,
    "",
    "F64",
    "BF16",
    "BOOL",
    "é\x1b",
    "\ud800",
    [],
    [0],
    [[]],
    {},
    {"a": 1},
    [2**40] * 3,
)


def mutate_header(rng: np.random.Generator, header: dict[str, Any]) -> dict[str, Any]:
    """A safetensors header with one to three of its values or keys exchanged."""
    changed = json.loads(json.dumps(header))
    for _ in range(rng.integers(1, 4)):
        places = list(walk(changed))
        container, key = places[rng.integers(0, len(places))]
        value = copy.deepcopy(STRANGE[rng.integers(0, len(STRANGE))])
        if isinstance(container, dict) and rng.integers(0, 3) == 0:
            container[str(value)] = container.pop(key)
        else:
            container[key] = value
        if not list(walk(changed)):
            return changed
    return changed


def walk(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in nested dicts and lists, as (container, key)."""
    keys = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in list(keys):
        yield value, key
        yield from walk(inner)


HEADER = {
    "__metadata__": {"format": "pt"},
    "a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
    "b": {"dtype": "BOOL", "shape": [3], "data_offsets": [24, 27]},
    "c": {"dtype": "BF16", "shape": [1, 1], "data_offsets": [27, 29]},
    "d": {"dtype": "I64", "shape": [0, 4], "data_offsets": [29, 29]},
}
DATA = bytes(24) + b"\x01\x00\x01" + b"\x80\x3f"


def mutated_safetensors(rng: np.random.Generator) -> bytes:
    """A random damaged safetensors file: of the bytes, of the header's structure, or of its text."""
    match rng.integers(0, 4):
        case 0:
            return mutate_bytes(rng, SAFETENSORS)
        case 1:
            return mutate_bytes(rng, safetensors_file(HEADER, DATA))
        case 2:
            return safetensors_file(mutate_header(rng, HEADER), DATA)
        case _:
            return safetensors_file(mutate_bytes(rng, json.dumps(HEADER).encode()), DATA)


STORAGES = {"0": np.arange(6, dtype=np.float32).tobytes(), "1": b"\x01\x00\x01", "2": b"\x80\x3f"}
PICKLE = program(
    b"}q\x00(" + string("model") + name("collections", "OrderedDict") + b")R(",
    string("a") + tensor(6, (2, 3), (3, 1)) + b"q\x01",
    string("b") + tensor(3, (3,), (1,), key="1", kind="Bool") + b"u",
    string("c") + tensor(1, (1,), (1,), key="2", kind="BFloat16") + b"q\x02",
    string("numbers") + b"q\x03](K\x01M\x01\x01J\xff\xff\xff\xffG" + bytes(8) + b"\x8a\x02\x01\x00\x88\x89N)e",
    string("again") + b"h\x03h\x01h\x02\x87" + string("one") + b"h\x03\x85" + string("dict") + b"}K\x01K\x02su",
)
RECORDS = pth_file(PICKLE, STORAGES)


def number_places(data: bytes) -> list[tuple[int, str]]:
    """Where the numbers of a zip archive's headers stand, with their format."""
    fields = {b"PK\x03\x04": "HHHHHIIIHH", b"PK\x01\x02": "HHHHHHIIIHHHHHII", b"PK\x06\x06": "QHHIIQQQQ"}
    fields |= {b"PK\x06\x07": "IQI", b"PK\x05\x06": "HHHHIIH", b"PK\x07\x08": "III"}
    places = []
    for mark, layout in fields.items():
        start = data.find(mark)
        while start >= 0:
            places += [(start + 4 + struct.calcsize("<" + layout[:i]), layout[i]) for i in range(len(layout))]
            start = data.find(mark, start + 1)
    return places


ZIP_NUMBERS = number_places(RECORDS)


def mutate_zip(rng: np.random.Generator) -> bytes:
    """The archive with one to three numbers of its headers exchanged."""
    changed = bytearray(RECORDS)
    for _ in range(rng.integers(1, 4)):
        place, code = ZIP_NUMBERS[rng.integers(0, len(ZIP_NUMBERS))]
        width = struct.calcsize("<" + code)
        (old,) = struct.unpack_from("<" + code, changed, place)
        values = [*INTERESTING, old + 1, old - 1, old ^ 8, len(RECORDS)]
        value = values[rng.integers(0, len(values))] % 2 ** (8 * width)
        struct.pack_into("<" + code, changed, place, value)
    return bytes(changed)


def mutated_pth(rng: np.random.Generator) -> bytes:
    """A random damaged .pth file: of the bytes, of the zip structure, or of the pickle in an intact zip."""
    match rng.integers(0, 5):
        case 0:
            return mutate_bytes(rng, PTH)
        case 1:
            return mutate_zip(rng)
        case 2:
            storages = {key: mutate_bytes(rng, data) for key, data in STORAGES.items()}
            return pth_file(PICKLE, storages)
        case _:
            return pth_file(mutate_bytes(rng, PICKLE), STORAGES)


FORMATS = {"safetensors": (parse_safetensors, mutated_safetensors), "pth": (parse_pth, mutated_pth)}


def check_mutations(name: str, count: int, seed: int) -> None:
    """Loads `count` mutated files; some must still load, or the mutations are too coarse."""
    parse, mutated = FORMATS[name]
    rng = np.random.default_rng(seed)
    outcomes = [outcome(parse, mutated(rng)) for _ in range(count)]
    refused = outcomes.count("refused")
    assert 0.5 * count < refused < 0.999 * count, refused


def test_the_bases_load():
    assert outcome(parse_safetensors, safetensors_file(HEADER, DATA)) == "loaded"
    assert outcome(parse_pth, RECORDS) == "loaded"


@pytest.mark.parametrize("name", FORMATS)
def test_mutations_bring_only_format_errors(name):
    check_mutations(name, 4_000, seed=5)


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMATS)
def test_100_000_mutations_bring_only_format_errors(name):
    check_mutations(name, 100_000, seed=6)
