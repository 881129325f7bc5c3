"""safetensors files: round trips, the reference package both ways, the attack set, checksums."""

import json
import re
import struct

import numpy as np
import pytest
from fastnn.errors import FormatError
from fastnn.io import load_safetensors, save_safetensors
from fastnn.io.safetensors import encode_safetensors, parse_safetensors
from io_files import (
    LOAD_IN_LIMITED_MEMORY,
    assert_same_tensors,
    joined,
    random_tensors,
    run_python,
    safetensors_file,
    sample_tensors,
)


def parse(data: bytes) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    return parse_safetensors(memoryview(bytearray(data)), "m.safetensors")


def encode(tensors: dict[str, np.ndarray], metadata: dict[str, str] | None = None) -> bytes:
    return joined(encode_safetensors(tensors, metadata))


def header_of(data: bytes) -> dict:
    return json.loads(data[8 : 8 + struct.unpack("<Q", data[:8])[0]])


def entry(dtype: object, shape: object, begin: object, end: object, **more: object) -> dict:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end], **more}


def test_round_trip_keeps_order_bits_and_metadata(tmp_path):
    path = tmp_path / "m.safetensors"
    tensors, metadata = sample_tensors(), {"arch": '{"sizes": [784, 10]}', "ключ": "значение"}
    save_safetensors(path, tensors, metadata)
    found, found_metadata = load_safetensors(path)
    assert list(found) == list(tensors) and found_metadata == metadata
    assert_same_tensors(found, tensors)
    found["layer1.bias"][0] = 7  # writable, and not the file
    assert_same_tensors(load_safetensors(str(path))[0], tensors)


@pytest.mark.parametrize("code", ["f8", "f4", "f2", "i8", "i4", "i2", "i1", "u8", "u4", "u2", "u1", "?", ">f4", ">i8"])
def test_every_type(code):
    array = np.array([[0, 1, 2], [3, 4, 250 if code == "u1" else 100]]).astype(code)
    found = parse(encode({"a": array, "t": array.T, "z": array[0, 0].reshape(())}))[0]
    native = array.astype(array.dtype.newbyteorder("="))
    assert_same_tensors(found, {"a": native, "t": native.T.copy(), "z": native[0, 0].reshape(())})


def test_layout_is_the_reference_writers():
    tensors = {"a": np.zeros(3, np.uint8), "b": np.zeros(3, np.float64), "c": np.zeros(3, np.float32)}
    data = encode(tensors)
    length = struct.unpack("<Q", data[:8])[0]
    infos = header_of(data)
    assert length % 8 == 0 and data[8:9] == b"{"
    assert [infos[name]["data_offsets"] for name in "bca"] == [[0, 24], [24, 36], [36, 39]]
    assert len(data) == 8 + length + 39


def test_equal_content_gives_equal_bytes():
    assert encode(sample_tensors(), {"a": "b"}) == encode(sample_tensors(), {"a": "b"})


def test_bfloat16_is_widened():
    bits = np.array([0x3F80, 0xC040, 0x7F80, 0x0001], np.uint16)
    data = safetensors_file({"a": entry("BF16", [2, 2], 0, 8), "e": entry("BF16", [0], 8, 8)}, bits.tobytes())
    found = parse(data)[0]
    expected = np.array([[1, -3], [np.inf, 2.0**-133]], np.float32)
    assert_same_tensors(found, {"a": expected, "e": np.zeros(0, np.float32)})


def test_misaligned_tensors_of_other_writers_are_copied():
    data = safetensors_file(
        {"a": entry("U8", [1], 0, 1), "b": entry("F64", [1], 1, 9)}, b"\x07" + struct.pack("d", 2.5)
    )
    found = parse(data)[0]
    assert found["b"].flags.aligned and found["b"][0] == 2.5


def test_a_file_without_checksums_metadata_or_tensors_loads():
    assert parse(safetensors_file({})) == ({}, {})
    assert parse(safetensors_file({"__metadata__": {"format": "pt"}})) == ({}, {"format": "pt"})
    assert parse(safetensors_file(b"{}   \n")) == ({}, {})
    assert parse(encode({})) == ({}, {})


# Against the reference implementation.


def test_1000_random_state_dicts_both_ways():
    reference = pytest.importorskip("safetensors.numpy")
    rng = np.random.default_rng(0)
    for index in range(1000):
        tensors = random_tensors(rng)
        contiguous = {name: np.asarray(array, order="C") for name, array in tensors.items()}
        assert_same_tensors(reference.load(encode(tensors, {"index": str(index)})), tensors)
        found, metadata = parse(reference.save(contiguous, {"index": str(index)}))
        assert_same_tensors(found, tensors)
        assert metadata == {"index": str(index)}


def test_reference_file_functions(tmp_path):
    safetensors = pytest.importorskip("safetensors")
    numpy = pytest.importorskip("safetensors.numpy")
    save_safetensors(tmp_path / "ours", sample_tensors(), {"k": "v"})
    assert_same_tensors(numpy.load_file(tmp_path / "ours"), sample_tensors())
    with safetensors.safe_open(tmp_path / "ours", framework="numpy") as file:
        assert file.metadata()["k"] == "v"
    numpy.save_file(sample_tensors(), tmp_path / "theirs")
    assert_same_tensors(load_safetensors(tmp_path / "theirs")[0], sample_tensors())


def test_torch_writes_and_reads(torch):
    reference = pytest.importorskip("safetensors.torch")
    data = reference.save({"h": torch.tensor([1.5, -2]).bfloat16(), "w": torch.eye(3)}, {"format": "pt"})
    expected = {"h": np.array([1.5, -2], np.float32), "w": np.eye(3, dtype=np.float32)}
    assert_same_tensors(parse(data)[0], expected)
    assert torch.equal(reference.load(encode(expected))["w"], torch.eye(3))


# What cannot be written.


def test_writer_refuses():
    zeros = np.zeros(2, np.float32)
    for tensors, metadata, error, text in [
        ({"a": [1, 2]}, None, TypeError, "tensor 'a' is a list; expected a NumPy array"),
        ({"a": np.zeros(2, complex)}, None, TypeError, "tensor 'a' is complex128; safetensors holds float64"),
        ({"a": np.array(["x"])}, None, TypeError, "tensor 'a' is <U1"),
        ({"__metadata__": zeros}, None, ValueError, "'__metadata__' cannot be the name"),
        ({1: zeros}, None, ValueError, "1 cannot be the name"),
        ({"a": zeros.reshape((1,) * 8 + (2,))}, None, ValueError, "tensor 'a' has 9 dimensions; at most 8"),
        ({"a\ud800": zeros}, None, ValueError, "surrogates"),
        (
            {f"a{i}": zeros for i in range(10_001)},
            None,
            ValueError,
            "10,001 tensors; a file holds at most 10,000",
        ),
        ({}, {"a": 1}, TypeError, "metadata 'a': 1: safetensors metadata are strings only"),
        ({}, {"fastnn.checksums": "x"}, ValueError, "'fastnn.checksums' is reserved"),
        ({}, {"a": "x" * 2**23}, ValueError, "need a header of 8,388,"),
    ]:
        with pytest.raises(error, match=text):
            encode_safetensors(tensors, metadata)


# What must not be read.

F32 = entry("F32", [2], 0, 8)
HUGE = [4194305, 4194305, 211106198978564]  # the product is 4 in 64-bit arithmetic
ATTACKS: list[tuple[str, bytes, str]] = [
    ("overflow", safetensors_file({"a": entry("F32", HUGE, 0, 16)}, b"x" * 16), "dimension 211106198978564"),
    ("overflow-to-zero", safetensors_file({"a": entry("F32", [2**32, 2**32], 0, 0)}), "impossible shape"),
    ("zero-beside-huge", safetensors_file({"a": entry("F32", [0, 2**40, 2**40], 0, 0)}), "impossible shape"),
    ("huge-dim", safetensors_file({"a": entry("U8", [2**62], 0, 2**62)}), "dimension 4611686018427387904"),
    ("dim-2^64", safetensors_file({"a": entry("U8", [2**64], 0, 2**64)}), "dimension 18446744073709551616"),
    (
        "dim-400-digits",
        safetensors_file(b'{"a":{"dtype":"U8","shape":[' + b"9" * 400 + b'],"data_offsets":[0,1]}}'),
        "dimension 9",
    ),
    (
        "dim-5000-digits",
        safetensors_file(b'{"a":{"dtype":"U8","shape":[' + b"9" * 5000 + b'],"data_offsets":[0,1]}}'),
        "not valid JSON",
    ),
    ("rank-9", safetensors_file({"a": entry("F32", [1] * 9, 0, 4)}, b"x" * 4), "9 dimensions; at most 8"),
    ("negative-dim", safetensors_file({"a": entry("F32", [-2], 0, 8)}, b"x" * 8), "header has '-'"),
    ("float-dim", safetensors_file({"a": entry("F32", [2.0], 0, 8)}, b"x" * 8), "header has '.'"),
    (
        "exponent-dim",
        safetensors_file(b'{"a":{"dtype":"U8","shape":[1e3],"data_offsets":[0,1]}}'),
        "header has 'e'",
    ),
    ("true-dim", safetensors_file({"a": entry("F32", [True, 2], 0, 8)}, b"x" * 8), "header has 'true'"),
    ("string-dim", safetensors_file({"a": entry("F32", ["2"], 0, 8)}, b"x" * 8), "dimension '2'"),
    ("shape-no-list", safetensors_file({"a": entry("F32", {}, 0, 8)}, b"x" * 8), "must be lists"),
    (
        "offsets-no-list",
        safetensors_file({"a": {"dtype": "F32", "shape": [2], "data_offsets": 8}}, b"x" * 8),
        "must be lists",
    ),
    (
        "three-offsets",
        safetensors_file({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8, 8]}}, b"x" * 8),
        "two integers",
    ),
    ("string-offsets", safetensors_file({"a": entry("F32", [2], "0", "8")}, b"x" * 8), "two integers"),
    (
        "reversed-offsets",
        safetensors_file({"a": entry("F32", [2], 8, 0)}, b"x" * 8),
        r"F32 \[2\] needs 8 bytes",
    ),
    (
        "wrong-size",
        safetensors_file({"a": entry("F32", [3], 0, 8)}, b"x" * 8),
        r"F32 \[3\] needs 12 bytes, data_offsets are \[0, 8\]",
    ),
    (
        "too-many-bytes",
        safetensors_file({"a": entry("F32", [1], 0, 8)}, b"x" * 8),
        r"F32 \[1\] needs 4 bytes",
    ),
    (
        "beyond-end",
        safetensors_file({"a": F32}, b"x" * 4),
        "is truncated: header promises 8 data bytes, file has 4",
    ),
    ("trailing", safetensors_file({"a": F32}, b"x" * 9), "1 bytes after its last tensor"),
    ("no-tensor-trailing", safetensors_file({}, b"x"), "1 bytes after its last tensor"),
    (
        "hole",
        safetensors_file({"a": F32, "b": entry("U8", [1], 9, 10)}, b"x" * 10),
        "'b' leaves a hole before it: begins at 9, expected 8",
    ),
    ("hole-at-start", safetensors_file({"a": entry("U8", [1], 1, 2)}, b"xx"), "'a' leaves a hole"),
    (
        "overlap",
        safetensors_file({"a": F32, "b": entry("F32", [2], 4, 12)}, b"x" * 12),
        "'b' overlaps the tensor before it",
    ),
    ("same-bytes", safetensors_file({"a": F32, "b": F32}, b"x" * 8), "'b' overlaps"),
    (
        "unknown-dtype",
        safetensors_file({"a": entry("F8_E4M3", [8], 0, 8)}, b"x" * 8),
        "type 'F8_E4M3'; supported: F64",
    ),
    ("dtype-no-string", safetensors_file({"a": entry(["F32"], [2], 0, 8)}, b"x" * 8), r"type \['F32'\]"),
    (
        "extra-key",
        safetensors_file({"a": {**F32, "x": 1}}, b"x" * 8),
        "'a' must have dtype, shape and data_offsets, and nothing",
    ),
    ("missing-key", safetensors_file({"a": {"dtype": "F32", "shape": [2]}}, b"x" * 8), "'a' must have"),
    ("tensor-no-object", safetensors_file({"a": [1]}), "'a' must have"),
    (
        "bad-truth",
        safetensors_file({"a": entry("BOOL", [2], 0, 2)}, b"\x01\x02"),
        "'a' has truth values other than",
    ),
    ("metadata-number", safetensors_file({"__metadata__": {"a": 1}}), "metadata 'a' is 1, not a string"),
    ("metadata-list", safetensors_file({"__metadata__": []}), "__metadata__ is not an object"),
    ("metadata-nested", safetensors_file({"__metadata__": {"a": {"b": "c"}}}), "metadata 'a' is"),
    (
        "duplicate-tensor",
        safetensors_file(
            b'{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}'
        ),
        "duplicate key 'a'",
    ),
    (
        "duplicate-by-escape",
        safetensors_file(b'{"__metadata__":{"a":"1","\\u0061":"2"}}'),
        "duplicate key 'a'",
    ),
    (
        "duplicate-inner",
        safetensors_file(b'{"a":{"dtype":"U8","dtype":"I8","shape":[0],"data_offsets":[0,0]}}'),
        "duplicate key 'dtype'",
    ),
    ("leading-space", safetensors_file(b" {}"), "is not a safetensors file"),
    ("array-header", safetensors_file(b"[]"), "is not a safetensors file"),
    ("trailing-json", safetensors_file(b"{}{}"), "not valid JSON"),
    ("null-padding", safetensors_file(b"{}\x00\x00"), r"header has '\\x00\\x00'"),
    ("comment", safetensors_file(b"{/**/}"), "header has"),
    ("nan", safetensors_file(b'{"a":NaN}'), "header has 'NaN'"),
    ("bad-utf8", safetensors_file(b'{"\xff":{}}'), "header is not UTF-8 at offset 10"),
    ("surrogate", safetensors_file(b'{"__metadata__":{"a":"\\ud800"}}'), "invalid Unicode"),
    (
        "surrogate-name",
        safetensors_file(b'{"\\udc00":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}'),
        "invalid Unicode",
    ),
    ("deep", safetensors_file(b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"), "nested too deeply"),
    (
        "many-values",
        safetensors_file(b'{"a":[' + b"[]," * 2_000_000 + b"[]]}"),
        "more than 400,000 JSON values",
    ),
    (
        "many-tensors",
        safetensors_file({f"{i}": entry("U8", [0], 0, 0) for i in range(10_001)}),
        "10,001 tensors; at most 10,000",
    ),
    (
        "header-too-large",
        struct.pack("<Q", 8 * 2**20 + 1) + b"{" + b" " * 100,
        "header of 8,388,609 bytes; at most",
    ),
    ("header-2^63", struct.pack("<Q", 2**63) + b"{}", "header of 9,223,372"),
    ("header-beyond-file", struct.pack("<Q", 100) + b"{}", "is truncated: header of 100 bytes, file has 10"),
    ("empty", b"", r"is empty \(0 bytes\)"),
    ("short", b"\x02\x00\x00", "is not a safetensors file"),
    ("ansi-name", safetensors_file({"\x1b[2J": entry("F32", [3], 0, 8)}, b"x" * 8), r"tensor '\\x1b\[2J'"),
]


@pytest.mark.parametrize("data, text", [case[1:] for case in ATTACKS], ids=[case[0] for case in ATTACKS])
def test_attack_is_refused(data, text):
    with pytest.raises(FormatError, match=text) as caught:
        parse(data)
    assert str(caught.value).startswith("m.safetensors")
    assert str(caught.value).isprintable()


def test_every_truncation_is_refused():
    data = encode(sample_tensors())
    for length in range(len(data)):
        with pytest.raises(FormatError, match=r"m\.safetensors"):
            parse(data[:length])


# Checksums.


def test_damaged_tensor_is_named():
    tensors = sample_tensors()
    data = bytearray(encode(tensors))
    infos = header_of(data)
    begin = infos["layer1.bias"]["data_offsets"][0]
    data[len(data) - sum(array.nbytes for array in tensors.values()) + begin] ^= 0x10
    with pytest.raises(FormatError, match=r"tensor 'layer1.bias' is damaged \(checksum\)"):
        parse(data)


def changed_header(change) -> bytes:
    """One of our files with another header over the same data."""
    data = encode(sample_tensors(), {"k": "v"})
    length = struct.unpack("<Q", data[:8])[0]
    header = header_of(data)
    change(header, header["__metadata__"])
    return safetensors_file(header, data[8 + length :])


@pytest.mark.parametrize(
    "change, text",
    [
        (lambda header, meta: meta.update(k="w"), "header is damaged"),
        (lambda header, meta: meta.pop("fastnn.format"), "header is damaged"),
        (lambda header, meta: meta.pop("fastnn.checksums"), "header is damaged|not valid JSON"),
        (lambda header, meta: meta.update({"fastnn.format": "2"}), "fastnn.format '2' is unknown"),
        (lambda header, meta: meta.update({"fastnn.checksums": "[]"}), "header is damaged"),
        (lambda header, meta: meta.update({"fastnn.checksums": "{"}), "not valid JSON"),
        (lambda header, meta: header.update(x=header.pop("layer1.bias")), "header is damaged"),
        (lambda header, meta: header["layer1.weight"].update(shape=[4, 5]), "header is damaged"),
        (lambda header, meta: header["layer1.weight"].update(dtype="I32"), "header is damaged"),
        (lambda header, meta: None, "header is damaged"),  # spelled differently: json.dumps puts spaces
    ],
)
def test_changed_header_is_refused(change, text):
    with pytest.raises(FormatError, match=text):
        parse(changed_header(change))


def test_checksum_table_without_one_tensor():
    def drop(header, meta):
        table = json.loads(meta["fastnn.checksums"])
        del table["tensors"]["mask"]
        meta["fastnn.checksums"] = json.dumps(table)

    with pytest.raises(FormatError, match="tensor 'mask' is damaged"):
        parse(changed_header(drop))


# Memory.


def test_memory_while_loading(tmp_path):
    array = np.zeros((1024, 8 * 1024), np.float32)
    save_safetensors(tmp_path / "m", {"a": array, "b": array[:512]})
    done = run_python(LOAD_IN_LIMITED_MEMORY, "safetensors", tmp_path / "m")
    assert done.stdout == "['a', 'b']\n", done.stderr


@pytest.mark.parametrize("attack", ["many-values", "deep", "many-tensors", "overflow", "huge-dim"])
def test_memory_while_refusing(tmp_path, attack):
    (tmp_path / "m").write_bytes(next(data for name, data, _ in ATTACKS if name == attack))
    done = run_python(LOAD_IN_LIMITED_MEMORY, "safetensors", tmp_path / "m")
    assert re.match(r"FormatError /\S+/m", done.stdout), done.stderr
