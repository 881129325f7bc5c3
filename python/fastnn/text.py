"""Text for people: what a screen can show of it, and which name was perhaps meant."""

from __future__ import annotations

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


def nearest(word: str, known: Iterable[str], count: int = 1) -> list[str]:
    """At most ``count`` of the known names that are like a word, the most alike first: of these, those of the same
    letters, as letters in each other's places are the likeliest slip.
    """
    from difflib import get_close_matches

    found = get_close_matches(word, list(known), n=count + 2)
    return sorted(found, key=lambda name: sorted(name) != sorted(word))[:count]


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``; did you mean 'adam'?``, to end a message with; nothing where no name is like the word."""
    return "".join(f"; did you mean {name!r}?" for name in nearest(word, known))
