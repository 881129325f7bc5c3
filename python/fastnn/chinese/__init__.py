"""Errors in Chinese, beside the English ones: for ``FASTNN_LANG=zh``, or a Chinese locale.

The English message stays as it is, so that it can be searched for; :func:`translated` tells the same in Chinese, by
the code and the fields that an error carries. The lines are in ``messages.py``, loaded by the first error to be told.
"""

from __future__ import annotations

import os
import re
import sys
from contextlib import suppress
from types import TracebackType
from typing import Any, TextIO

from fastnn.errors import Fault, fault_of
from fastnn.text import can_show, say


def wanted() -> bool:
    """Whether messages are to be in Chinese too: ``FASTNN_LANG`` says zh, or says nothing and the locale is Chinese."""
    own = os.environ.get("FASTNN_LANG", "")
    if own:
        return own.lower().startswith("zh")
    locale = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    return locale.lower().startswith("zh")


def either(english: str, other: str, *streams: TextIO | None) -> str:
    """A text in the user's language, where these streams, if any, can show it."""
    return other if wanted() and all(can_show(other, stream) for stream in streams) else english


def noted(english: str, other: str) -> str:
    """A note for the error stream."""
    return either(english, other, sys.stderr)


def translated(error: BaseException) -> str | None:
    """What an error says, in Chinese, with the names and numbers of its message; None where there is no such line."""
    from fastnn.chinese.messages import FULLER, LINES

    fault = fault_of(error)
    if fault is None and isinstance(error, FileNotFoundError) and error.filename:
        fault = Fault("file.missing", {"path": error.filename})
    if fault is None:
        return by_form(str(error))
    for line in (*FULLER.get(fault.code, ()), LINES.get(fault.code)):
        with suppress(KeyError, AttributeError):  # it is for more fields, or there is none
            layer = "层“{layer}”: " if "layer" in fault.fields and "{layer}" not in line else ""
            return (layer + line).format(**fault.fields)
    return None


def by_form(text: str) -> str | None:
    """The line of a message without a code that has one of the forms that many share."""
    from fastnn.chinese.messages import FORMS, WORDS

    for form, line in FORMS.items() if len(text) < 1000 else ():
        if found := re.fullmatch(form, text, re.DOTALL):
            parts = list(found.groups(""))
            for english, other in WORDS.items():
                parts = [re.sub(english, other, part) for part in parts]
            told = re.sub("(?<=[一-龥]) (?=[一-龥])", "", line.format(*parts))
            return None if re.search("[a-z]+ [a-z]+ [a-z]+", told) else told  # half of it would be English
    return None


def beside(error: BaseException, stream: TextIO | None) -> str:
    """The line in Chinese that goes below an error's message; nothing where none is wanted, known or can be shown."""
    chinese = translated(error) if wanted() else None
    return f"{chinese}\n" if chinese is not None and can_show(chinese, stream) else ""


def wrong_case(predicted: str, actual: str, path: str, stream: TextIO | None) -> str | None:
    """A wrong case's line as the Chinese tutorial has it; without its cross, or None, where the terminal cannot show
    it.
    """
    line = f"错误识别: 预测 = {predicted} 实际 = {actual} 图片路径 = {path}"
    if not wanted() or not can_show(line, stream):
        return None
    return f"❌ {line}" if can_show("❌", stream) else line


def wrapped(text: str, width: int) -> list[str]:
    """A text with Chinese in lines of a width, in which its characters take two columns; nothing for other texts."""
    if text.isascii():
        return []
    lines, used = [""], 0
    for piece in re.findall(r"\([^!-~]|[!-~]+ ?|.", text):  # words of other scripts stay whole
        taken = sum(1 if c.isascii() else 2 for c in piece)
        if used + taken > width and lines[-1] and piece[0] not in "。、,:;)":
            lines, used = [*lines, ""], 0
            piece = piece.lstrip()
        lines[-1] += piece
        used += taken
    return [line.rstrip() for line in lines]


def install() -> None:
    """Uncaught errors of scripts are told in Chinese too, below their traceback."""
    before = sys.excepthook

    def told(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        before(kind, error, trace)
        say(beside(error, sys.stderr), sys.stderr)

    sys.excepthook = told
    ipython = sys.modules.get("IPython")
    if ipython is not None and (shell := ipython.get_ipython()) is not None:
        shell.set_custom_exc((Exception,), _in_notebook)


def _in_notebook(shell: Any, kind: Any, error: BaseException, trace: Any, tb_offset: int | None = None) -> None:
    """What IPython does with an error, which does not ask sys.excepthook, and the line in Chinese below it."""
    shell.showtraceback((kind, error, trace), tb_offset=tb_offset)
    say(beside(error, sys.stderr), sys.stderr)
