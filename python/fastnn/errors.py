"""The exceptions that fastnn adds to Python's own, and what any error says to programs: its code and its values."""

from __future__ import annotations

import sys
from typing import Any, TypeVar

__all__ = ["Fault", "FormatError", "NonFiniteLossError", "fault_of"]

E = TypeVar("E", bound=BaseException)


class FormatError(ValueError):
    """What a file contains is damaged, foreign or unsupported.

    Raised by every reader of fastnn, and the only exception that the *content* of a file can cause. The message begins
    with the file's path and names the tensor, record or offset. Failures of the operating system (missing file, no
    permission, full disk) stay `OSError`.
    """


class NonFiniteLossError(ArithmeticError):
    """The loss or a parameter became NaN or infinite; the message says where."""


class Fault:
    """What an error is (``labels.range``) and the values that its message names, so that nobody reads them from it."""

    def __init__(self, code: str, fields: dict[str, Any]) -> None:
        self.code = code
        self.fields = fields

    def __repr__(self) -> str:
        return f"Fault({self.code!r}, {self.fields})"


def told(error: E, code: str, /, **fields: Any) -> E:
    """An error with its fault, to be raised: ``raise told(ValueError(text), "labels.range", label=7, sample=3)``.

    Fields that are None are left out.
    """
    return retold(error, Fault(code, {}), **fields)


def retold(error: E, fault: Fault | None, /, **fields: Any) -> E:
    """An error whose message repeats another's: with that one's fault, if it had one, and more fields."""
    if fault is not None:
        more = {name: value for name, value in fields.items() if value is not None}
        error._fastnn_fault = Fault(fault.code, {**fault.fields, **more})  # type: ignore[attr-defined]
    return error


def outside() -> int:
    """The stack level of the first frame that is not ours, for warnings."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("fastnn."):
        level, frame = level + 1, frame.f_back
    return level


def fault_of(error: BaseException) -> Fault | None:
    """What an error is; None where only its message says so."""
    return getattr(error, "_fastnn_fault", None)
