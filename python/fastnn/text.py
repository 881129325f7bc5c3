"""Text for people: what a screen can show of it, and which name was perhaps meant."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TextIO


def can_show(text: str, stream: TextIO | None) -> bool:
    """Whether a terminal can show a text."""
    try:
        text.encode(getattr(stream, "encoding", None) or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def safe_text(text: str, encoding: str | None) -> str:
    """Text with what an encoding (ascii, cp936) lacks as escapes, and without control characters of file names."""
    printable = "".join(c if c.isprintable() or c in "\n\r\t" else c.encode("unicode_escape").decode() for c in text)
    encoding = encoding or "ascii"
    return printable.encode(encoding, "backslashreplace").decode(encoding)


def natural(name: str) -> list[str | tuple[int, str]]:
    """Sorts layer2 before layer10: texts and numbers in turn, a number by its digits, which may be thousands."""
    parts = re.split("([0-9]+)", name)
    return [(len(part.lstrip("0")), part.lstrip("0")) if index % 2 else part for index, part in enumerate(parts)]


def nearest(word: str, known: Iterable[str], count: int = 1) -> list[str]:
    """At most ``count`` of the known names that are like a word, the most alike first."""
    from difflib import get_close_matches

    return get_close_matches(word, list(known), n=count)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``; did you mean 'adam'?``, to end a message with; nothing where no name is like the word."""
    return "".join(f"; did you mean {name!r}?" for name in nearest(word, known))
