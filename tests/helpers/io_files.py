"""What the tests of fastnn.io share: sample data, crafted files, subprocesses, strace."""

import errno
import json
import os
import shutil
import struct
import subprocess
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
from fastnn.io import zipstore
from fastnn.io.atomic import TEMP_SUFFIX
from fastnn.io.pth import encode_pth, parse_pth
from processes import python

DTYPES = ("f8", "f4", "f2", "i8", "i4", "i2", "i1", "u1", "?")


def sample_tensors() -> dict[str, np.ndarray]:
    """A small model: float32 layers, an integer counter, a mask, an empty tensor."""
    rng = np.random.default_rng(7)
    return {
        "layer1.weight": rng.standard_normal((5, 4)).astype(np.float32),
        "layer1.bias": rng.standard_normal(5).astype(np.float32),
        "steps": np.array(12345),
        "mask": np.array([True, False, True]),
        "empty": np.zeros((0, 3), np.float32),
    }


def random_tensors(rng: np.random.Generator) -> OrderedDict[str, np.ndarray]:
    """Up to 6 tensors of any type and rank 0 to 4, of any bits (NaNs too), some not contiguous."""
    result = OrderedDict()
    for index in range(rng.integers(0, 7)):
        shape = tuple(int(dim) for dim in rng.integers(0, 5, size=rng.integers(0, 5)))
        dtype = np.dtype(str(rng.choice(DTYPES)))
        count = int(np.prod(shape, dtype=int))
        if dtype.kind == "b":
            array = rng.integers(0, 2, count).astype(bool).reshape(shape)
        else:
            array = np.frombuffer(rng.bytes(count * dtype.itemsize), dtype).reshape(shape)
        name = f"{'abcé✓'[rng.integers(0, 5)]}{index}.weight"
        result[name] = array.T if rng.integers(0, 2) else array
    return result


def assert_same_tensors(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    """Equal names, types, shapes and bits."""
    assert set(found) == set(expected)
    for name, array in expected.items():
        assert found[name].dtype == array.dtype, name
        assert found[name].shape == array.shape, name
        assert found[name].tobytes() == array.tobytes(), name


def joined(chunks: list[bytes | memoryview]) -> bytes:
    """The file that an encoder's chunks make."""
    return b"".join(bytes(chunk) for chunk in chunks)


# Saving.

OLD = b"old checkpoint"
CHUNKS = [b"new ", memoryview(b"check"), b"", b"point"]
NEW = b"new checkpoint"
ERRORS = (errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EINTR, errno.EACCES)


def temps(folder: Path) -> list[str]:
    """The temporary files of saves in a folder."""
    return [entry for entry in os.listdir(folder) if entry.endswith(TEMP_SUFFIX)]


# .pth files.

FLOATS = np.arange(6, dtype=np.float32)


def parse(data: bytes) -> tuple[object, dict[str, bytes]]:
    return parse_pth(memoryview(bytearray(data)), "m.pth")


def encode(obj: object, records: dict[str, bytes] | None = None) -> bytes:
    return joined(encode_pth(obj, records))


# Crafted safetensors files.


def safetensors_file(header: object, data: bytes = b"") -> bytes:
    """A file with this header (an object, or the raw bytes of one) and no checksums."""
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(raw)) + raw + data


# Crafted pickles, opcode by opcode.


def string(text: str) -> bytes:
    return b"X" + struct.pack("<I", len(text.encode())) + text.encode()


def number(value: int) -> bytes:
    size = value.bit_length() // 8 + 1
    return bytes([0x8A, size]) + value.to_bytes(size, "little", signed=True)


def name(module: str, attribute: str) -> bytes:
    return f"c{module}\n{attribute}\n".encode()


def numbers(values: tuple[int, ...]) -> bytes:
    return b"(" + b"".join(map(number, values)) + b"t"


def storage(kind: str, key: str, count: int) -> bytes:
    return (
        b"(" + string("storage") + name("torch", f"{kind}Storage") + string(key) + string("cpu") + number(count) + b"tQ"
    )


def tensor(
    count: int,
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    offset: int = 0,
    kind: str = "Float",
    key: str = "0",
) -> bytes:
    hooks = b"\x89" + name("collections", "OrderedDict") + b")R"
    arguments = storage(kind, key, count) + number(offset) + numbers(shape) + numbers(strides) + hooks
    return name("torch._utils", "_rebuild_tensor_v2") + b"(" + arguments + b"tR"


def unsigned_tensor(dtype: str, size: int, count: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> bytes:
    """What torch writes of its unsigned dtypes: a storage of bytes, and the dtype behind the hooks."""
    typed = tensor(count * size, shape, strides).replace(b"_tensor_v2", b"_tensor_v3")
    return typed.replace(b"torch\nFloatStorage", b"torch.storage\nUntypedStorage")[:-2] + name("torch", dtype) + b"tR"


def program(*parts: bytes) -> bytes:
    return b"\x80\x02" + b"".join(parts) + b"."


def pth_file(pickle: bytes, storages: dict[str, bytes] | None = None, **changed: bytes) -> bytes:
    """A .pth archive around a pickle, without the mark of fastnn's own writer."""
    records = {"data.pkl": pickle, "byteorder": b"little", "version": b"3\n"}
    records |= {f"data/{key}": data for key, data in (storages or {}).items()} | changed
    return joined(zipstore.archive({f"archive/{key}": data for key, data in records.items()}))


# Subprocesses.


def run_python(
    code: str, *arguments: object, prefix: tuple[str, ...] = (), timeout: float = 60
) -> subprocess.CompletedProcess[str]:
    """Runs Python code in a fresh interpreter that finds this fastnn."""
    return python("-c", code, *arguments, prefix=prefix, seconds=timeout, PYTHONDONTWRITEBYTECODE="1")


LOAD_IN_LIMITED_MEMORY = """
import os, re, resource, sys
from fastnn.errors import FormatError
from fastnn.io import load_pth, load_safetensors
load = {"pth": load_pth, "safetensors": load_safetensors}[sys.argv[1]]
size = os.path.getsize(sys.argv[2])
now = int(re.search(r"VmSize:\\s+(\\d+)", open("/proc/self/status").read())[1]) * 1024
limit = now + int(1.2 * size) + 32 * 2**20
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
try:
    print(sorted(load(sys.argv[2])[0]))
except FormatError as error:
    print("FormatError", error)
"""


def strace_works() -> bool:
    """Whether strace is here and may trace."""
    if shutil.which("strace") is None:
        return False
    return subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True).returncode == 0


needs_strace = pytest.mark.skipif(not strace_works(), reason="strace is not installed or may not trace")
