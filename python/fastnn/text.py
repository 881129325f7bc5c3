"""Text for people: what a screen can show of it, how it gets there, which name was perhaps meant, what they can do."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn, TextIO
from weakref import WeakSet

from fastnn.errors import told
from fastnn.platform import name_of


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


# Streams that could not take a text: said once.
_failed: WeakSet[TextIO] = WeakSet()


def on_terminal(stream: TextIO | None) -> bool:
    """Whether somebody watches a stream; it need not be there, open or a real file."""
    try:
        return stream is not None and stream.isatty()
    except (AttributeError, OSError, ValueError):
        return False


# SGR codes of ECMA-48.
RED, GREEN, YELLOW = "1;31", "1;32", "33"


def in_colour(stream: TextIO | None) -> bool:
    """Whether a stream is a terminal that shows colours: NO_COLOR (https://no-color.org) and TERM=dumb say that none
    are wanted; old Windows consoles show the codes themselves.
    """
    shown = os.name != "nt" or "WT_SESSION" in os.environ
    return shown and on_terminal(stream) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def say(text: str, stream: TextIO | None, part: str = "", colour: str = "") -> None:
    """Writes a text at once, as the stream can show it; the first ``part`` in it in a colour, where there are any.

    Nothing where there is no stream (a daemon, ``pythonw``). One that cannot take it, on a full disk or closed, is said
    once on the error stream, and the program goes on.

    Raises:
        BrokenPipeError: nobody reads it any more.
    """
    if stream is None:
        return
    try:
        shown = safe_text(text, getattr(stream, "encoding", None))
        if part and in_colour(stream):
            shown = shown.replace(part, f"\033[{colour}m{part}\033[0m", 1)
        stream.write(shown)
        if hasattr(stream, "flush"):
            stream.flush()
    except BrokenPipeError:
        raise
    except (OSError, ValueError) as error:
        _note_failure(stream, error)


def lost(stream: TextIO | None) -> bool:
    """Whether a stream could not take a text of :func:`say`."""
    return stream is not None and stream in _failed


def _note_failure(stream: TextIO, error: OSError | ValueError) -> None:
    if stream in _failed:
        return
    _failed.add(stream)
    if stream is not sys.stderr:
        reason = getattr(error, "strerror", None) or error
        say(f"fastnn: {name_of(stream)} cannot be written: {reason}; going on without it\n", sys.stderr)


def natural(name: str) -> list[str | tuple[int, str]]:
    """Sorts layer2 before layer10: texts and numbers in turn, a number by its digits, which may be thousands."""
    parts = re.split("([0-9]+)", name)
    return [(len(part.lstrip("0")), part.lstrip("0")) if index % 2 else part for index, part in enumerate(parts)]


def kind_of(given: object) -> str:
    """What was given instead, to end a message with: a class is to be called."""
    name = getattr(given, "__name__", "")
    return f"{name}, a class: call it, {name}(...)" if isinstance(given, type) else type(given).__name__


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


def nearest(word: str, known: Iterable[str], count: int = 1, cutoff: float = 0.6) -> list[str]:
    """At most ``count`` of the known names that are like a word, the most alike first: of these, those of the same
    letters, as letters in each other's places are the likeliest slip, and those that have all of its parts. Capitals
    and the dashes of options count for nothing. cutoff: how like, up to 1.
    """
    from difflib import get_close_matches

    spelt = {name.lower().lstrip("-"): name for name in sorted(known, reverse=True)}
    word = word.lower().lstrip("-")
    found = get_close_matches(word, spelt, count + 2, cutoff)
    parts = set(word.split("_"))
    found.sort(key=lambda name: (sorted(name) != sorted(word), not parts <= set(name.split("_"))))
    return [spelt[name] for name in found[:count]]


def did_you_mean(word: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """``; did you mean 'adam'?``, to end a message with; nothing where no name is like the word."""
    return "".join(map(suggested, nearest(word, known, cutoff=cutoff)))


def suggested(name: str) -> str:
    """``; did you mean 'adam'?``; nothing for none."""
    return name and f"; did you mean {name!r}?"


def meant(names: Mapping[str, Any], name: str) -> str:
    """The one of a module's or class's names that a slip is like, or none: Conv3d is not meant to be Conv2d."""
    listed = {*names.get("__all__", ()), *names.get("_LAZY", ())} or {each for each in names if each[0] != "_"}
    for near in nearest(name, listed, 1, 0.8):
        spelt = {name.lower(), near.lower()}
        return near if len(spelt) == len({each.strip("0123456789d") for each in spelt}) else ""
    return ""


def absent(names: Mapping[str, Any], name: str) -> NoReturn:
    """The end of a module's ``__getattr__``: AttributeError, without ``obj``: Python would tell slips again."""
    module = names["__name__"].replace(".eager", "")
    text = f"module {module!r} has no attribute {name!r}"
    if name[0] != "_":  # as tools ask for
        text += f"; python -m fastnn.run --list shows what there is{suggested(meant(names, name))}"
    raise told(AttributeError(text, name=name, obj=None), "name.absent", module=module, name=name)
