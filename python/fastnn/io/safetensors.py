"""The safetensors format: an 8-byte length, a JSON header, one buffer of tensors.

Format: https://github.com/huggingface/safetensors (README, "Format"). The reader holds to it strictly and to
tighter
limits: 8 MB of header, 10,000 tensors, rank 8. Our own files carry two more metadata keys, `fastnn.format`
and `fastnn.checksums`; other programs read them as any safetensors file.

The checksums are CRC-32, one for each tensor and one for the header. A CRC-32 finds every single-bit flip and
every burst of up to 32 bits with certainty; it guards against damage, not against forgery, which no checksum
inside the file could.
"""

import math
import os
import re
import struct
import zlib
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from fastnn.errors import FormatError, told
from fastnn.io.atomic import read_regular, write_atomic
from fastnn.io.checks import (
    MAX_RANK,
    MAX_TENSORS,
    check_bool,
    compact_json,
    element_count,
    json_without_strings,
    parse_json,
    shown_name,
    shown_path,
    widen_bfloat16,
)
from fastnn.io.foreign import foreign_file

MAX_HEADER = 8 * 2**20
_METADATA = "__metadata__"
_FORMAT = "fastnn.format"
_CHECKSUMS = "fastnn.checksums"
_FORMAT_VERSION = "1"

# Outside of strings the header has objects, lists and natural numbers only.
_STRAY = re.compile(r'[^{}\[\],:"0-9 \t\r\n]+')

# BF16 has no NumPy type: it is read as the float32 of the same value.
_DTYPES = {
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "BF16": np.dtype("<u2"),
    "I64": np.dtype("<i8"),
    "I32": np.dtype("<i4"),
    "I16": np.dtype("<i2"),
    "I8": np.dtype("i1"),
    "U64": np.dtype("<u8"),
    "U32": np.dtype("<u4"),
    "U16": np.dtype("<u2"),
    "U8": np.dtype("u1"),
    "BOOL": np.dtype("bool"),
}
_CODES = {dtype: code for code, dtype in _DTYPES.items() if code != "BF16"}

_Infos = dict[str, dict[str, Any]]


def save_safetensors(
    path: str | os.PathLike[str],
    tensors: Mapping[str, np.ndarray],
    metadata: Mapping[str, str] | None = None,
    *,
    durable: bool = True,
) -> None:
    """Writes named arrays and string metadata to one file, atomically, with checksums.

    Args:
        path: the file to write; see `write_atomic`.
        tensors: arrays of any shape and layout, of the types F64 F32 F16 I64 I32 I16 I8 U64 U32 U16 U8 BOOL.
        metadata: strings only.
        durable: see `write_atomic`.

    Raises:
        TypeError: an array type that the format lacks, or metadata that are no strings.
        ValueError: more than 10,000 tensors, rank above 8, a header over 8 MB, or a reserved name.
        OSError: the file could not be written; the old one is unchanged.
    """
    write_atomic(path, encode_safetensors(tensors, metadata), durable=durable)


def load_safetensors(path: str | os.PathLike[str]) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Reads a safetensors file of any program: `(tensors, metadata)`.

    The tensors come in the order of the header, as writable views of one private buffer. BF16 becomes float32.
    Checksums are verified where the file has ours.

    Raises:
        FormatError: not a valid, undamaged safetensors file.
        OSError: the file could not be opened or read.
    """
    return parse_safetensors(read_regular(path), shown_path(path))


def encode_safetensors(
    tensors: Mapping[str, np.ndarray], metadata: Mapping[str, str] | None = None
) -> list[bytes | memoryview]:
    """The chunks of the file that `save_safetensors` writes; the same arguments and errors."""
    arrays = {name: _as_stored(name, array) for name, array in tensors.items()}
    if len(arrays) > MAX_TENSORS:
        raise ValueError(f"{len(arrays):,} tensors; a file holds at most {MAX_TENSORS:,}")
    # Widest types first keeps every tensor aligned to its own size, as the reference writer does.
    order = sorted(arrays, key=lambda name: -arrays[name].itemsize)
    ends = dict(zip(order, _running_sum(arrays[name].nbytes for name in order), strict=True))
    infos = {
        name: {
            "dtype": _CODES[array.dtype],
            "shape": list(array.shape),
            "data_offsets": [ends[name] - array.nbytes, ends[name]],
        }
        for name, array in arrays.items()
    }
    checked = {_FORMAT: _FORMAT_VERSION, **_user_metadata(metadata)}
    views = {name: _bytes_of(array) for name, array in arrays.items()}
    crcs = {name: zlib.crc32(views[name]) for name in arrays}
    checked[_CHECKSUMS] = compact_json(_checksums(infos, checked, crcs))
    header = _encode_header(infos, checked)
    if len(header) > MAX_HEADER:
        raise ValueError(f"names and metadata need a header of {len(header):,} bytes; at most {MAX_HEADER:,}")
    return [struct.pack("<Q", len(header)), header, *(views[name] for name in order)]


def parse_safetensors(view: memoryview, where: str) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Like `load_safetensors`, for the bytes of a file; `where` (its path) begins every message."""
    raw, header = _read_header(view, where)
    metadata = _check_metadata(header.pop(_METADATA, {}), where)
    infos = _check_infos(header, where)
    data = view[8 + len(raw) :]
    _check_layout(infos, len(data), where)
    _verify(infos, metadata, raw, data, where)
    tensors = {name: _tensor(info, data, f"{where}: tensor {shown_name(name)}") for name, info in infos.items()}
    return tensors, {key: text for key, text in metadata.items() if key not in (_FORMAT, _CHECKSUMS)}


def _as_stored(name: str, array: np.ndarray) -> np.ndarray:
    """The array in C order and little-endian, if the format can hold it."""
    if not isinstance(name, str) or name == _METADATA:
        raise ValueError(f"{name!r} cannot be the name of a tensor")
    if not isinstance(array, np.ndarray | np.generic):
        raise TypeError(f"tensor {name!r} is a {type(array).__name__}; expected a NumPy array")
    dtype = array.dtype.newbyteorder("<")
    if dtype not in _CODES:
        raise TypeError(f"tensor {name!r} is {array.dtype}; safetensors holds {', '.join(map(str, _CODES))}")
    if array.ndim > MAX_RANK:
        raise ValueError(f"tensor {name!r} has {array.ndim} dimensions; at most {MAX_RANK} are supported")
    # ascontiguousarray would turn a 0-d array into a 1-d one.
    return np.asarray(array, dtype=dtype, order="C")


def _user_metadata(metadata: Mapping[str, str] | None) -> dict[str, str]:
    """A checked copy of the caller's metadata."""
    result = dict(metadata or {})
    for key, text in result.items():
        if not isinstance(key, str) or not isinstance(text, str):
            raise TypeError(f"metadata {key!r}: {text!r}: safetensors metadata are strings only")
        if key in (_FORMAT, _CHECKSUMS):
            raise ValueError(f"metadata key {key!r} is reserved")
    return result


def _running_sum(counts: Iterable[int]) -> list[int]:
    """The sum up to and including each count."""
    total, sums = 0, []
    for count in counts:
        total += count
        sums.append(total)
    return sums


def _bytes_of(array: np.ndarray) -> memoryview:
    """The bytes of a C-contiguous array."""
    return memoryview(array.reshape(-1).view(np.uint8))


def _encode_header(infos: _Infos, metadata: Mapping[str, str]) -> bytes:
    """The header's one spelling: compact JSON, metadata first, padded with spaces to a multiple of 8."""
    header = {_METADATA: metadata, **infos} if metadata else infos
    text = compact_json(header).encode()
    return text + b" " * (-len(text) % 8)


def _checksums(infos: _Infos, metadata: Mapping[str, str], crcs: Mapping[str, int]) -> dict[str, Any]:
    """The table under `fastnn.checksums`: the header without that key, and each tensor."""
    header = zlib.crc32(_encode_header(infos, metadata))
    return {"header": f"{header:08x}", "tensors": {name: f"{crc:08x}" for name, crc in crcs.items()}}


def _read_header(view: memoryview, where: str) -> tuple[memoryview, dict[str, Any]]:
    """The header's bytes and its parsed object."""
    if len(view) < 9 or view[8] != ord("{"):
        raise foreign_file(where, view, "safetensors")
    (length,) = struct.unpack_from("<Q", view)
    if length > MAX_HEADER:
        raise FormatError(f"{where}: header of {length:,} bytes; at most {MAX_HEADER:,} are supported")
    if 8 + length > len(view):
        text = f"{where} is truncated: header of {length:,} bytes, file has {len(view):,}"
        raise told(FormatError(text), "file.truncated", path=where)
    raw = view[8 : 8 + length]
    try:
        text = str(raw, "utf-8")
    except UnicodeDecodeError as error:
        raise FormatError(f"{where}: header is not UTF-8 at offset {8 + error.start}") from error
    if stray := _STRAY.search(json_without_strings(text)):
        raise FormatError(f'{where}: header has {shown_name(stray[0])} where only {{ [ , : " and digits may stand')
    return raw, parse_json(text, f"{where}: header")


def _check_metadata(metadata: Any, where: str) -> dict[str, str]:
    """The `__metadata__` object, if it maps strings to strings."""
    if not isinstance(metadata, dict):
        raise FormatError(f"{where}: __metadata__ is not an object")
    for key, text in metadata.items():
        if not isinstance(text, str):
            raise FormatError(f"{where}: metadata {shown_name(key)} is {shown_name(text)}, not a string")
        _check_unicode(key, where)
        _check_unicode(text, where)
    return metadata


def _check_unicode(text: str, where: str) -> None:
    """Refuses half a surrogate pair: JSON can spell one, no file or terminal can take it."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise FormatError(f"{where}: header has invalid Unicode in {shown_name(text)}") from error


def _check_infos(header: dict[str, Any], where: str) -> _Infos:
    """Checks every tensor's entry on its own: keys, types, sizes."""
    if len(header) > MAX_TENSORS:
        raise FormatError(f"{where} has {len(header):,} tensors; at most {MAX_TENSORS:,} are supported")
    for name, info in header.items():
        _check_unicode(name, where)
        tensor = f"{where}: tensor {shown_name(name)}"
        if not isinstance(info, dict) or set(info) != {"dtype", "shape", "data_offsets"}:
            raise FormatError(f"{tensor} must have dtype, shape and data_offsets, and nothing else")
        dtype, shape, offsets = info["dtype"], info["shape"], info["data_offsets"]
        if not isinstance(dtype, str) or dtype not in _DTYPES:
            raise FormatError(f"{tensor} has the type {shown_name(dtype)}; supported: {', '.join(_DTYPES)}")
        if not isinstance(shape, list) or not isinstance(offsets, list):
            raise FormatError(f"{tensor}: shape and data_offsets must be lists")
        needed = element_count(shape, tensor) * _DTYPES[dtype].itemsize
        if len(offsets) != 2 or any(type(offset) is not int for offset in offsets):
            raise FormatError(f"{tensor}: data_offsets must be two integers")
        if offsets[1] - offsets[0] != needed:
            text = f"{dtype} {shape} needs {needed:,} bytes, data_offsets are {offsets}"
            raise FormatError(f"{tensor}: {text}")
    return header


def _check_layout(infos: _Infos, available: int, where: str) -> None:
    """The tensors must cover the data exactly: no overlap, no hole, nothing before or after."""
    end = 0
    for begin, stop, name in sorted((*info["data_offsets"], name) for name, info in infos.items()):
        if begin != end:
            fault = "overlaps the tensor before it" if begin < end else "leaves a hole before it"
            raise FormatError(f"{where}: tensor {shown_name(name)} {fault}: begins at {begin:,}, expected {end:,}")
        end = stop
    if end > available:
        text = f"{where} is truncated: header promises {end:,} data bytes, file has {available:,}"
        raise told(FormatError(text), "file.truncated", path=where)
    if end < available:
        raise FormatError(f"{where} has {available - end:,} bytes after its last tensor")


def _verify(infos: _Infos, metadata: dict[str, str], raw: memoryview, data: memoryview, where: str) -> None:
    """Checks what our own writer promised; files of other programs promise nothing.

    Two keys mark a file as ours, so that one damaged key cannot turn it into a file without checksums. The header must
    also be spelled exactly as our writer would: that finds a flip that changes no value.
    """
    if _FORMAT not in metadata and _CHECKSUMS not in metadata:
        return
    if metadata.get(_FORMAT, _FORMAT_VERSION) != _FORMAT_VERSION:
        raise FormatError(f"{where}: {_FORMAT} {shown_name(metadata[_FORMAT])} is unknown: damaged or too new")
    crcs = {name: zlib.crc32(data[slice(*info["data_offsets"])]) for name, info in infos.items()}
    rest = {key: text for key, text in metadata.items() if key != _CHECKSUMS}
    expected = _checksums(infos, rest, crcs)
    promised = metadata.get(_CHECKSUMS, "")
    if promised == compact_json(expected) and raw == _encode_header(infos, metadata):
        return
    found = parse_json(promised, f"{where}: {_CHECKSUMS}")
    if isinstance(found, dict) and found.get("header") == expected["header"]:
        tensors = found.get("tensors") if isinstance(found.get("tensors"), dict) else {}
        for name, crc in expected["tensors"].items():
            if tensors.get(name) != crc:
                tensor = shown_name(name)
                text = f"{where}: tensor {tensor} is damaged (checksum)"
                raise told(FormatError(text), "tensor.damaged", path=where, tensor=tensor)
    what = f"{where}: header"
    text = (
        f"{what} is damaged (checksum). If another program wrote this file and copied fastnn's metadata, "
        f"write it without the keys {_FORMAT} and {_CHECKSUMS}"
    )
    raise told(FormatError(text), "file.damaged", what=what)


def _tensor(info: dict[str, Any], data: memoryview, where: str) -> np.ndarray:
    """One array on the file's bytes; copied only if it is misaligned or must be widened."""
    dtype = _DTYPES[info["dtype"]]
    shape = info["shape"]
    if math.prod(shape) == 0:
        return np.empty(shape, np.float32 if info["dtype"] == "BF16" else dtype)
    array = np.ndarray(shape, dtype, data, info["data_offsets"][0])
    if info["dtype"] == "BF16":
        return widen_bfloat16(array)
    check_bool(array, where)
    return array if array.flags.aligned else array.copy()
