"""PyTorch's .pth files both ways, and what must be refused."""

import io
import re
import zipfile
from collections import OrderedDict

import numpy as np
import pytest
from fastnn.errors import FormatError
from fastnn.io import load_pth, save_pth
from fastnn.io.pth import encode_pth
from io_files import (
    DTYPES,
    FLOATS,
    LOAD_IN_LIMITED_MEMORY,
    assert_same_tensors,
    encode,
    joined,
    name,
    parse,
    program,
    pth_file,
    run_python,
    sample_tensors,
    tensor,
)

# Without torch.


def test_round_trip(tmp_path):
    path = tmp_path / "m.pth"
    obj = {
        "model": OrderedDict(sample_tensors()),
        "epoch": 3,
        "lr": 1e-3,
        "classes": ["a", "b"],
        "size": (28, 28),
        "best": None,
        "done": True,
    }
    save_pth(path, obj, {"fastnn.json": b'{"arch": [784, 10]}'})
    found, records = load_pth(str(path))
    assert records == {"fastnn.json": b'{"arch": [784, 10]}'}
    assert_same_tensors(found.pop("model"), obj.pop("model"))
    assert found == obj and list(found) == list(obj)


@pytest.mark.parametrize("code", [*DTYPES, ">f4", ">i8"])
def test_every_type(code):
    array = np.array([[0, 1, 2], [3, 4, 100]]).astype(code)
    found = parse(encode([array, array.T, array[:, ::-1], array[1:, 2], array[0, :0], np.array(array[0, 1])]))[0]
    native = array.astype(array.dtype.newbyteorder("="))
    expected = [native, native.T, native[:, ::-1], native[1:, 2], native[0, :0], np.array(native[0, 1])]
    assert_same_tensors(dict(enumerate(found)), {i: np.asarray(a, order="C") for i, a in enumerate(expected)})


def test_tensors_are_writable_aligned_and_shared_where_they_were(tmp_path):
    shared = FLOATS.copy()
    save_pth(tmp_path / "m.pth", {"a": shared, "b": shared, "c": shared.copy()})
    found = load_pth(tmp_path / "m.pth")[0]
    found["a"][0] = 7
    assert found["b"][0] == 7 and found["c"][0] == 0
    assert all(array.__array_interface__["data"][0] % 64 == 0 for array in found.values())


def test_equal_content_gives_equal_bytes_and_other_content_another_id():
    assert encode(sample_tensors()) == encode(sample_tensors())
    ids = {zipfile.ZipFile(io.BytesIO(encode(o))).read("archive/.data/serialization_id") for o in ([1], [2])}
    assert len(ids) == 2 and all(len(text) == 40 for text in ids)


def test_archive_has_torchs_records():
    with zipfile.ZipFile(io.BytesIO(encode([FLOATS], {"fastnn.json": b"{}"}))) as file:
        assert file.namelist() == [
            "archive/data.pkl",
            "archive/.format_version",
            "archive/.storage_alignment",
            "archive/byteorder",
            "archive/data/0",
            "archive/version",
            "archive/fastnn.json",
            "archive/.data/serialization_id",
        ]


@pytest.mark.parametrize(
    "arguments, expected",
    [
        (dict(shape=(2, 3), strides=(3, 1)), FLOATS.reshape(2, 3)),
        (dict(shape=(3, 2), strides=(1, 3)), FLOATS.reshape(2, 3).T),
        (dict(shape=(2,), strides=(2,), offset=1), FLOATS[1:5:2]),
        (dict(shape=(), strides=(), offset=5), FLOATS[5].reshape(())),
        (dict(shape=(2, 1, 3), strides=(3, 2**62, 1)), FLOATS.reshape(2, 1, 3)),
        (dict(shape=(0, 2**30), strides=(1, 1), offset=6), np.zeros((0, 2**30), np.float32)),
        (dict(shape=(3, 2), strides=(1, 1)), np.array([[0, 1], [1, 2], [2, 3]], np.float32)),
    ],
)
def test_strided_tensors(arguments, expected):
    found = parse(pth_file(program(tensor(6, **arguments)), {"0": FLOATS.tobytes()}))[0]
    assert found.shape == expected.shape and found.dtype == np.float32
    assert np.array_equal(found, expected)


def test_big_endian_files():
    data = pth_file(program(tensor(6, (6,), (1,))), {"0": FLOATS.astype(">f4").tobytes()}, byteorder=b"big")
    assert_same_tensors({"a": parse(data)[0]}, {"a": FLOATS})
    bits = np.array([0x3F80, 0xC040], ">u2").tobytes()
    data = pth_file(program(tensor(2, (2,), (1,), kind="BFloat16")), {"0": bits}, byteorder=b"big")
    assert parse(data)[0].tolist() == [1, -3]


@pytest.mark.parametrize("order", [b"little", b"big"])
def test_numbers_are_in_this_machines_byte_order(order):
    """As the core asks for it: by NumPy's sign for it, too."""
    data = FLOATS.astype(">f4" if order == b"big" else "<f4").tobytes()
    obj, _ = parse(pth_file(program(tensor(6, (6,), (1,))), {"0": data}, byteorder=order))
    assert obj.dtype.byteorder == "=" and obj.tolist() == FLOATS.tolist()


def test_bfloat16_is_widened_once_for_shared_storages():
    bits = np.array([0x3F80, 0xC040, 0x7F80], np.uint16).tobytes()
    pair = tensor(3, (2,), (1,), kind="BFloat16") + tensor(3, (2,), (1,), offset=1, kind="BFloat16") + b"\x86"
    first, second = parse(pth_file(program(pair), {"0": bits}))[0]
    assert (first.tolist(), second.tolist()) == ([1, -3], [-3, np.inf]) and first.dtype == np.float32
    assert np.shares_memory(first, second)


def bad_tensor(**arguments) -> bytes:
    count = arguments.pop("count", 6)
    return pth_file(program(tensor(count, **arguments)), {"0": FLOATS.tobytes()})


MANY = pth_file(program(b"(", *(tensor(6, (6,), (1,)) for _ in range(20)), b"t"), {"0": FLOATS.tobytes()})
BAD = [
    ("beyond", bad_tensor(shape=(7,), strides=(1,)), "tensor in data/0 reaches element 6 of a storage of 6"),
    ("offset-beyond", bad_tensor(shape=(6,), strides=(1,), offset=1), "reaches element 6"),
    ("offset-negative", bad_tensor(shape=(2,), strides=(1,), offset=-1), "reaches element"),
    (
        "stride-beyond",
        bad_tensor(shape=(2, 2), strides=(2**62, 1)),
        "reaches element 4,611,686,018,427,387,905",
    ),
    ("stride-wraps", bad_tensor(shape=(3,), strides=(2**63,)), "reaches element"),
    ("stride-negative", bad_tensor(shape=(2,), strides=(-1,)), r"has the strides \(-1,\) for the shape"),
    ("strides-few", bad_tensor(shape=(2, 2), strides=(1,)), "has the strides"),
    (
        "expanded",
        bad_tensor(shape=(2**39,), strides=(0,)),
        r"repeats the same memory .*Save tensor\.clone\(\)",
    ),
    ("shape-huge", bad_tensor(shape=(2**62,), strides=(0,)), "dimension 4611686018427387904"),
    (
        "shape-overflow",
        bad_tensor(shape=(4194305, 4194305, 211106198978564), strides=(0, 0, 0)),
        "dimension 2111",
    ),
    ("shape-product", bad_tensor(shape=(2**32, 2**32), strides=(0, 0)), "impossible shape"),
    ("shape-zero-huge", bad_tensor(shape=(0, 2**40, 2**40), strides=(0, 0, 0)), "impossible shape"),
    ("shape-negative", bad_tensor(shape=(-1,), strides=(1,)), "dimension -1"),
    ("rank-9", bad_tensor(shape=(1,) * 9, strides=(1,) * 9), "9 dimensions; at most 8"),
    ("count-lie", bad_tensor(count=7, shape=(7,), strides=(1,)), "expects 7 Float elements; it has 6 Float"),
    ("count-huge", bad_tensor(count=2**500, shape=(7,), strides=(1,)), "expects 3273390607"),
    ("no-storage", bad_tensor(shape=(6,), strides=(1,), key="1"), "data/1: the record is missing"),
    ("key-path", bad_tensor(shape=(6,), strides=(1,), key="../../etc/passwd"), "the record is missing"),
    ("odd-size", pth_file(program(tensor(1, (1,), (1,))), {"0": b"12345"}), "has 5 bytes, no multiple of 4"),
    (
        "other-kind-of-one-size",
        pth_file(
            program(tensor(6, (6,), (1,)), tensor(6, (6,), (1,), kind="Int"), b"\x86"),
            {"0": FLOATS.tobytes()},
        ),
        "expects 6 Int elements; it has 6 Float",
    ),
    (
        "other-kind",
        pth_file(
            program(tensor(6, (6,), (1,)), tensor(3, (3,), (1,), kind="Double"), b"\x86"),
            {"0": FLOATS.tobytes()},
        ),
        "expects 3 Double elements; it has 6 Float",
    ),
    (
        "bad-truth",
        pth_file(program(tensor(2, (2,), (1,), kind="Bool")), {"0": b"\x01\x02"}),
        "truth values other than",
    ),
    (
        "byteorder",
        pth_file(program(b"N"), byteorder=b"middle"),
        "byteorder is b'middle'; expected little or big",
    ),
    ("other-record", pth_file(program(b"N"), **{"../x": b""}), "is not allowed"),
    (
        "nested-record",
        pth_file(program(b"N"), **{"extra/x": b""}),
        "'archive/extra/x' does not belong into a .pth file",
    ),
    ("data-name", pth_file(program(b"N"), **{"data/x": b""}), "'archive/data/x' does not belong"),
    (
        "script",
        pth_file(program(b"N"), **{"constants.pkl": b""}),
        "is a TorchScript archive .*fastnn never runs code",
    ),
    ("script-code", pth_file(program(b"N"), **{"code/model.py": b"import os"}), "is a TorchScript archive"),
]


@pytest.mark.parametrize("data, text", [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_bad_file_is_refused(data, text):
    with pytest.raises(FormatError, match=text) as caught:
        parse(data)
    assert str(caught.value).startswith("m.pth") and str(caught.value).isprintable()


def test_second_folder_is_refused():
    records = {"a/data.pkl": program(b"N"), "b/data/0": b""}
    from fastnn.io.zipstore import archive

    with pytest.raises(FormatError, match="'b/data/0' does not belong"):
        parse(joined(archive(records)))


def test_truncated_and_damaged_files():
    data = encode(sample_tensors())
    for length in range(len(data)):
        with pytest.raises(FormatError, match=r"m\.pth"):
            parse(data[:length])
    with pytest.raises(
        FormatError, match=r"m\.pth is truncated or damaged: no zip directory at the end of its 500 bytes"
    ):
        parse(data[:500])
    damaged = bytearray(data)
    damaged[data.index(sample_tensors()["layer1.weight"].tobytes()) + 9] ^= 4
    with pytest.raises(FormatError, match=r"record 'archive/data/0' is damaged \(checksum\): 80 bytes at offset"):
        parse(damaged)


def test_padding_of_our_own_files_is_checked():
    data = bytearray(encode([FLOATS]))
    data[data.index(b"ZZZZ")] ^= 1
    with pytest.raises(FormatError, match="zip structure is not as fastnn wrote it"):
        parse(data)


def test_writer_refuses():
    for obj, records, error, text in [
        (
            {"a": np.zeros(2, complex)},
            None,
            TypeError,
            r"obj\['a'\] is complex128; a \.pth file holds float64",
        ),
        ({"a": np.zeros(2, np.uint16)}, None, TypeError, r"obj\['a'\] is uint16"),
        ([np.zeros((1,) * 9)], None, ValueError, r"obj\[0\]: a file holds at most .* 8 dimensions"),
        ([np.zeros(0) for _ in range(10_001)], None, ValueError, "at most 10,000 tensors"),
        ("x" * 2**23, None, ValueError, "too large or too deep to be read back: obj has 8,388,"),
        (
            "x" * (2**20 + 1),
            None,
            ValueError,
            "too large or too deep to be read back: .*a string of 1,048,577",
        ),
        ([0.5] * 500_000, None, ValueError, "read back: .*more than 400,000 opcodes"),
        ([], {"version": b""}, ValueError, "'version' cannot be the name of an extra record"),
        ([], {"data/7": b""}, ValueError, "'data/7' cannot be"),
        ([], {"../x": b""}, ValueError, "cannot be the name"),
        ([], {".x": b""}, ValueError, "cannot be the name"),
    ]:
        with pytest.raises(error, match=text):
            encode_pth(obj, records)


def test_memory_while_loading(tmp_path):
    array = np.zeros((1024, 8 * 1024), np.float32)
    save_pth(tmp_path / "m", {"a": array, "b": array[:512]})
    done = run_python(LOAD_IN_LIMITED_MEMORY, "pth", tmp_path / "m")
    assert done.stdout == "['a', 'b']\n", done.stderr


@pytest.mark.parametrize(
    "pickle",
    [
        program(b"}" * 390_000),
        program(b"]" * 390_000),
        program(name("collections", "OrderedDict"), b"q\0", b"h\0)R" * 130_000),
    ],
    ids=["dicts", "lists", "ordered-dicts"],
)
def test_memory_while_refusing(tmp_path, pickle):
    (tmp_path / "m").write_bytes(pth_file(pickle))
    done = run_python(LOAD_IN_LIMITED_MEMORY, "pth", tmp_path / "m")
    assert re.match(r"FormatError /\S+/m", done.stdout), done.stderr
