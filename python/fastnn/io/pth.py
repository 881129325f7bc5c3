"""PyTorch's .pth files, both ways: a stored zip with one pickle (`data.pkl`) and one record per storage
(`data/N`).

Read without running anything in them (see `opcodes`), written so that `torch.load(weights_only=True)` accepts
them. Layout: torch.save of PyTorch 2.13 and torch/serialization.py. What torch does not know of, such as
`fastnn.json`, travels as extra records, which torch ignores.
"""

import os
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from fastnn.errors import FormatError, told
from fastnn.io import opcode_writer, opcodes
from fastnn.io.atomic import read_regular, write_atomic
from fastnn.io.checks import (
    MAX_RANK,
    MAX_TENSORS,
    check_bool,
    element_count,
    shown_name,
    shown_path,
    widen_bfloat16,
)
from fastnn.io.foreign import SAFE_WAY, foreign_file
from fastnn.io.opcodes import StorageRef
from fastnn.io.zipstore import Directory, archive, is_as_written, read_directory, read_records

_FOLDER = "archive"
_OUR_ID = b"fastnn-1-"
_DATA_RECORD = re.compile(r"data/\d{1,20}")
_EXTRA_RECORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_TORCH_RECORDS = (
    "data.pkl",
    ".format_version",
    ".storage_alignment",
    "byteorder",
    "version",
    ".data/serialization_id",
)

# BFloat16 has no NumPy type: it is read as the float32 of the same value.
_DTYPES = {
    "Double": np.dtype("<f8"),
    "Float": np.dtype("<f4"),
    "Half": np.dtype("<f2"),
    "BFloat16": np.dtype("<u2"),
    "Long": np.dtype("<i8"),
    "Int": np.dtype("<i4"),
    "Short": np.dtype("<i2"),
    "Char": np.dtype("i1"),
    "Byte": np.dtype("u1"),
    "Bool": np.dtype("bool"),
}
_KINDS = {dtype: kind for kind, dtype in _DTYPES.items() if kind != "BFloat16"}


def save_pth(path: str | os.PathLike[str], obj: Any, records: Mapping[str, bytes] | None = None) -> None:
    """Writes an object for `torch.load`, atomically.

    Args:
        path: the file to write; see `write_atomic`.
        obj: nested dict, OrderedDict, list, tuple, str, int, float, bool, None with NumPy arrays as leaves.
            An array that appears twice is stored once and is one shared tensor in torch.
        records: extra records by name ("fastnn.json"), ignored by torch and returned by `load_pth`.

    Raises:
        TypeError, ValueError: something that a .pth file cannot hold, naming its place.
        OSError: the file could not be written; the old one is unchanged.
    """
    write_atomic(path, encode_pth(obj, records))


def load_pth(path: str | os.PathLike[str]) -> tuple[Any, dict[str, bytes]]:
    """Reads what `torch.save` or `save_pth` wrote: `(obj, extra records)`.

    Tensors and parameters become writable NumPy views of one private buffer, with the strides they had:
    tensors that shared memory still do. Half stays float16, bfloat16 becomes float32.

    Raises:
        FormatError: damaged, no .pth file, or one that needs code: whole modules, TorchScript, files of torch
            < 1.6.
        OSError: the file could not be opened or read.
    """
    return parse_pth(read_regular(path), shown_path(path))


def encode_pth(obj: Any, records: Mapping[str, bytes] | None = None) -> list[bytes | memoryview]:
    """The chunks of the file that `save_pth` writes; the same arguments and errors."""
    storages = _StorageWriter()
    program = opcode_writer.write(obj, storages.store)
    try:
        opcodes.read(memoryview(program), "obj", lambda *_: np.zeros(1))
    except FormatError as error:
        raise ValueError(f"obj is too large or too deep to be read back: {error}") from error
    for name in records or {}:
        if not _EXTRA_RECORD.fullmatch(name) or name in _TORCH_RECORDS:
            raise ValueError(f"{name!r} cannot be the name of an extra record")
    content: dict[str, bytes | memoryview] = {
        "data.pkl": program,
        ".format_version": b"1",
        ".storage_alignment": b"64",
        "byteorder": b"little",
        **{f"data/{key}": view for key, view in enumerate(storages.views)},
        "version": b"3\n",
        **(records or {}),
    }
    content[".data/serialization_id"] = _OUR_ID + _fingerprint(content)
    return archive({f"{_FOLDER}/{name}": data for name, data in content.items()})


def parse_pth(view: memoryview, where: str) -> tuple[Any, dict[str, bytes]]:
    """Like `load_pth`, for the bytes of a file; `where` (its path) begins every message."""
    if bytes(view[:4]) != b"PK\x03\x04":
        raise foreign_file(where, view, "pth")
    directory = read_directory(view, where)
    folder = _check_names(view, directory, where)
    full = read_records(view, directory, where)
    records = {name.removeprefix(folder): data for name, data in full.items()}
    is_ours = bytes(records.get(".data/serialization_id", b"")).startswith(_OUR_ID)
    if is_ours and not is_as_written(view, full):
        text = f"{where} is damaged: its zip structure is not as fastnn wrote it"
        raise told(FormatError(text), "file.damaged", what=where)
    storages = _StorageReader(records, where)
    obj = opcodes.read(records["data.pkl"], f"{where}: data.pkl", storages.build_tensor)
    extra = {name: bytes(data) for name, data in records.items() if not _is_torch_record(name)}
    return obj, extra


def _fingerprint(content: Mapping[str, bytes | memoryview]) -> bytes:
    """31 characters that identify the content, as torch's own serialization id does."""
    import hashlib

    digest = hashlib.sha256()
    for name, data in content.items():
        digest.update(f"{name} {len(data)}\n".encode())
        digest.update(data)
    return digest.hexdigest()[:31].encode()


def _is_torch_record(name: str) -> bool:
    """Whether torch itself writes a record of this name."""
    return name in _TORCH_RECORDS or _DATA_RECORD.fullmatch(name) is not None


def _check_names(view: memoryview, directory: Directory, where: str) -> str:
    """The folder that all records lie in, with its slash, after refusing what is no plain torch.save file."""
    names = [entry.name for entry in directory.entries]
    folder = names[0].partition("/")[0] + "/" if names else ""
    inner = [name.removeprefix(folder) for name in names]
    script = [name for name in inner if name.startswith("code/") or name == "constants.pkl"]
    if script:
        raise FormatError(f"{where} is a TorchScript archive (it has {shown_name(script[0])}); {SAFE_WAY}")
    if "data.pkl" not in inner:
        raise foreign_file(where, view, "pth")
    for name in names:
        short = name.removeprefix(folder)
        known = _is_torch_record(short) or _EXTRA_RECORD.fullmatch(short)
        if not name.startswith(folder) or not known:
            raise FormatError(f"{where}: record {shown_name(name)} does not belong into a .pth file")
    return folder


class _StorageWriter:
    """Collects the arrays of an object; each array object is stored once."""

    def __init__(self) -> None:
        self.views: list[memoryview] = []
        self.known: dict[int, tuple[np.ndarray, StorageRef]] = {}

    def store(self, array: np.ndarray, place: str) -> StorageRef:
        """Files the elements of `array` in C order."""
        if id(array) in self.known:
            return self.known[id(array)][1]
        kind = _KINDS.get(array.dtype.newbyteorder("<"))
        if kind is None:
            raise TypeError(f"{place} is {array.dtype}; a .pth file holds {', '.join(map(str, _KINDS))}")
        if array.ndim > MAX_RANK or len(self.views) >= MAX_TENSORS:
            raise ValueError(f"{place}: a file holds at most {MAX_TENSORS:,} tensors of at most {MAX_RANK} dimensions")
        flat = np.asarray(array, dtype=_DTYPES[kind], order="C").reshape(-1)
        reference = StorageRef(kind, str(len(self.views)), flat.size)
        self.views.append(memoryview(flat.view(np.uint8)))
        self.known[id(array)] = (array, reference)
        return reference


class _StorageReader:
    """Makes arrays on the records of an archive. Every number that it gets came out of the file."""

    def __init__(self, records: Mapping[str, memoryview], where: str) -> None:
        self.records = records
        self.where = where
        self.opened: dict[str, tuple[str, np.ndarray]] = {}
        order = bytes(records.get("byteorder", b"little"))
        if order not in (b"little", b"big"):
            raise FormatError(f"{where}: record byteorder is {shown_name(order)}; expected little or big")
        self.swapped = order == b"big"

    def build_tensor(
        self, reference: StorageRef, offset: int, shape: tuple[Any, ...], strides: tuple[Any, ...]
    ) -> np.ndarray:
        """The strided view of a storage, checked to lie inside it."""
        where = f"{self.where}: tensor in data/{shown_name(reference.key)[1:-1]}"
        storage = self.storage(reference, where)
        count = element_count(shape, where)
        if len(strides) != len(shape) or any(type(step) is not int or step < 0 for step in strides):
            raise FormatError(f"{where} has the strides {shown_name(strides)} for the shape {list(shape)}")
        if count == 0:
            return np.empty(shape, storage.dtype)
        # In a dimension of size 1 the stride means nothing and may be anything.
        steps = [step if dim > 1 else 1 for dim, step in zip(shape, strides, strict=True)]
        last = offset + sum((dim - 1) * step for dim, step in zip(shape, steps, strict=True))
        if offset < 0 or last >= storage.size:
            raise FormatError(f"{where} reaches element {last:,} of a storage of {storage.size:,}")
        if count > storage.size:
            raise FormatError(
                f"{where}: shape {list(shape)} repeats the same memory "
                f"({count:,} elements in a storage of {storage.size:,}). "
                "Save tensor.clone() instead of an expanded tensor"
            )
        size = storage.itemsize
        return np.ndarray(shape, storage.dtype, storage, offset * size, [step * size for step in steps])

    def storage(self, reference: StorageRef, where: str) -> np.ndarray:
        """The 1-D array of a record, opened once."""
        kind, key = reference.kind, reference.key
        if key not in self.opened:
            self.opened[key] = (kind, self.open(kind, key, where))
        opened, array = self.opened[key]
        if opened != kind or array.size != reference.count:
            found = f"{array.size:,} {opened}"
            raise FormatError(f"{where} expects {shown_name(reference.count)} {kind} elements; it has {found}")
        return array

    def open(self, kind: str, key: str, where: str) -> np.ndarray:
        """The record's bytes as numbers of this machine."""
        data = self.records.get(f"data/{key}")
        dtype = _DTYPES[kind].newbyteorder(">") if self.swapped else _DTYPES[kind]
        if data is None or len(data) % dtype.itemsize:
            state = "is missing" if data is None else f"has {len(data):,} bytes, no multiple of {dtype.itemsize}"
            raise FormatError(f"{where}: the record {state}")
        array = np.frombuffer(data, dtype)
        check_bool(array, where)
        if kind == "BFloat16":
            return widen_bfloat16(array)
        return array if dtype.isnative and array.flags.aligned else array.astype(dtype.newbyteorder("="))
