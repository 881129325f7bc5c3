"""Text for people: what a screen can show of it, which name was perhaps meant, what they can do where they are."""

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


_options: frozenset[str] | None = None


def offer(options: Iterable[str] | None) -> None:
    """From here on advice is for a command that has these options (None: for Python)."""
    global _options
    _options = None if options is None else frozenset(options)


def way(option: str, python: str) -> str:
    """How to do something: by an option (``--limit N``) where the command that runs has it, else in Python."""
    return option if option.split(maxsplit=1)[0] in (_options or ()) else python


def in_python(words: str) -> str:
    """Words on what is there in Python alone; nothing for a command."""
    return words if _options is None else ""


def nearest(word: str, known: Iterable[str], count: int = 1) -> list[str]:
    """At most ``count`` of the known names that are like a word, the most alike first."""
    from difflib import get_close_matches

    return get_close_matches(word, list(known), n=count)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``; did you mean 'adam'?``, to end a message with; nothing where no name is like the word."""
    return "".join(f"; did you mean {name!r}?" for name in nearest(word, known))
