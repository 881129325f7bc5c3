"""Checks and wording that all file readers share."""

import math
import os
import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from fastnn.errors import FormatError

MAX_TENSORS = 10_000
MAX_RANK = 8
MAX_ELEMENTS = 2**40
MAX_JSON_VALUES = 400_000

_JSON_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)


def shown_path(path: str | os.PathLike[str]) -> str:
    """The path as text for a message; escaped if it has characters that could disturb a terminal."""
    text = os.fsdecode(os.fspath(path))
    return text if text.isprintable() else repr(text)


def shown_name(name: object) -> str:
    """A name that came out of a file, quoted, escaped and cut to a readable length."""
    text = ascii(name)
    return text if len(text) <= 100 else f"{text[:80]}...{text[-10:]}"


def shown_names(names: Sequence[str]) -> str:
    """Names in a message, quoted: the first 20."""
    return f"[{', '.join(map(repr, names[:20]))}{', ...' if len(names) > 20 else ''}]"


def listed(head: str, lines: Sequence[str], shown: int = 5, all_by: str = "") -> str:
    """A message of many files: what is to be said of all of them, and what to do, before some of them, a line each.

    all_by: what names them all.
    """
    more = f"and {len(lines) - shown:,} more" + (f" ({all_by} names all)" if all_by else "")
    return "\n  ".join([head, *lines[:shown], *([more] if len(lines) > shown else [])])


def shown_bytes(count: int) -> str:
    """A byte count as people read it: 831 bytes, 4.2 MB."""
    if count < 1000:
        return f"{count} bytes"
    power = min((len(str(count)) - 1) // 3, 6)
    return f"{count / 1000**power:.1f} {' kMGTPE'[power]}B"


def element_count(shape: Iterable[Any], where: str) -> int:
    """The number of elements of `shape`, in Python integers, after checking it.

    Args:
        shape: the dimensions as a file gave them, of any type.
        where: what the error message begins with (path and tensor).

    Raises:
        FormatError: not at most 8 non-negative integers, or more than 2**40 elements. Dimensions of size zero
            do not hide huge ones beside them: NumPy refuses such a shape with an error of its own.
    """
    dims = tuple(shape)
    if len(dims) > MAX_RANK:
        raise FormatError(f"{where} has {len(dims)} dimensions; at most {MAX_RANK} are supported")
    for dim in dims:
        if type(dim) is not int or not 0 <= dim <= MAX_ELEMENTS:
            raise FormatError(f"{where} has the dimension {shown_name(dim)}; expected an integer from 0 to 2**40")
    if math.prod(max(dim, 1) for dim in dims) > MAX_ELEMENTS:
        raise FormatError(f"{where} has the impossible shape {list(dims)}: more than 2**40 elements")
    return math.prod(dims)


def check_key(key: object) -> None:
    """Refuses what a file may not put into a dict or set as a key.

    Tuples that share their parts can take for ever to hash. Integers over 64 bits can be made so that all have one hash
    (it is the remainder by 2**61 - 1), and a dict of n such keys takes n**2 steps.

    Raises:
        ValueError: no string, number, truth value or None, or an integer over 64 bits.
    """
    if not isinstance(key, str | int | float | None):
        raise ValueError(f"a dict key is a {type(key).__name__}")
    if isinstance(key, int) and not -(2**63) <= key < 2**64:
        raise ValueError(f"a dict key is an integer of {key.bit_length()} bits; at most 64 are supported")


def json_without_strings(text: str) -> str:
    """`text` with every JSON string emptied, which leaves the structure alone."""
    return _JSON_STRING.sub('""', text)


def widen_bfloat16(bits: np.ndarray) -> np.ndarray:
    """The float32 values of bfloat16 bit patterns (uint16): a bfloat16 is the upper half of a float32."""
    return (bits.astype(np.uint32) << 16).view(np.float32)


def check_bool(array: np.ndarray, where: str) -> None:
    """Refuses truth values other than 0 and 1: NumPy would compute nonsense with them."""
    if array.dtype == bool and (array.view(np.uint8) > 1).any():
        raise FormatError(f"{where} has truth values other than 0 and 1")


def compact_json(value: Any, sort_keys: bool = False) -> str:
    """The one JSON spelling that fastnn writes: no spaces, no escapes that are not needed, no NaN."""
    import json

    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=sort_keys)


def parse_json(text: str, where: str) -> Any:
    """Parses JSON strictly: no duplicate keys, no NaN or Infinity, a bounded number of values and depth.

    The number of values is checked before parsing: a few megabytes of `[[],[],...` would otherwise take a
        hundred.

    Raises:
        FormatError: with `where` in front.
    """
    import json

    skeleton = json_without_strings(text)
    if sum(skeleton.count(mark) for mark in ",[{") > MAX_JSON_VALUES:
        raise FormatError(f"{where} has more than {MAX_JSON_VALUES:,} JSON values")
    try:
        return json.loads(text, object_pairs_hook=_unique_keys, parse_constant=_no_constant)
    except RecursionError as error:
        raise FormatError(f"{where} is JSON nested too deeply") from error
    except ValueError as error:
        raise FormatError(f"{where} is not valid JSON: {error}") from error


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Builds an object; raises ValueError if a key stands there twice."""
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:
            raise ValueError(f"duplicate key {shown_name(key)}")
        result[key] = value
    return result


def _no_constant(name: str) -> None:
    """NaN and the infinities are no JSON."""
    raise ValueError(f"{name} is not JSON")
