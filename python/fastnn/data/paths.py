"""Folders of data: where they are, and what to say where they are not."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from fastnn.errors import told
from fastnn.io.checks import shown_path
from fastnn.text import nearest

StrPath = str | os.PathLike[str]


def cache_folder() -> Path:
    """Where data is kept between runs: $FASTNN_CACHE, else $XDG_CACHE_HOME/fastnn, else ~/.cache/fastnn."""
    if own := os.environ.get("FASTNN_CACHE"):
        return Path(own).expanduser()
    general = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(general).expanduser() / "fastnn"


def data_folders(name: str) -> list[Path]:
    """Where a data set is looked for beside the folders that a program names: $FASTNN_DATA and the cache folder, there
    also in a folder of its own."""
    own, cache = os.environ.get("FASTNN_DATA"), cache_folder()
    named = [Path(own).expanduser(), Path(own).expanduser() / name] if own else []
    return [*named, cache / name, cache]


def own_folders(names: Sequence[str], roots: Sequence[Path] = (), also: Sequence[Path] = ()) -> list[Path]:
    """Where a data set is looked for that has a folder of its own, of one of these names: in ``roots``, the places
    of :func:`data_folders` and ``also``, or there itself where that is its name."""
    places = [*roots, *dict.fromkeys(place for name in names for place in data_folders(name)), *also]
    found = (place if place.name in names else place / name for place in places for name in names)
    return list(dict.fromkeys(found))


def here_or_in_data(path: StrPath) -> StrPath:
    """A folder; where it is not there and not absolute, the one of that name beneath $FASTNN_DATA if there is one."""
    own = os.environ.get("FASTNN_DATA")
    if not os.fspath(path):
        return os.curdir
    if own and not os.path.exists(path):
        beneath = os.path.join(os.path.expanduser(own), path)
        return beneath if os.path.isdir(beneath) else path
    return path


def check_folder(path: StrPath, also: Iterable[str] = ()) -> None:
    """Raises unless ``path`` is a folder.

    Args:
        path: the folder.
        also: further names that could have been meant, for the suggestion.

    Raises:
        FileNotFoundError: there is nothing of that name; the message suggests a similar one.
        NotADirectoryError: it is a file.
    """
    if os.path.isdir(path):
        return
    folder = shown_path(path)
    if os.path.lexists(path) and os.path.exists(path):
        raise told(NotADirectoryError(f"data folder '{folder}' is a file, not a folder"), "folder.file", folder=folder)
    similar = _similar(os.fspath(path), also)
    meant = shown_path(similar) if similar else None
    hint = f" (did you mean '{meant}'?)" if meant else ""
    text = f"data folder '{folder}' does not exist{hint}"
    raise told(FileNotFoundError(text), "folder.missing", folder=folder, meant=meant)


def _similar(path: str, also: Iterable[str]) -> str | None:
    """The nearest name beside the first part of ``path`` that does not exist."""
    rest: list[str] = []
    parent, name = os.path.split(os.path.normpath(path))
    while parent and name and not os.path.isdir(parent):
        rest.insert(0, name)
        parent, name = os.path.split(parent)
    names = {other: os.path.join(parent, other, *rest) for other in _folders(parent or os.curdir)}
    names.update((other, other) for other in also if not parent)
    close = [key for key in nearest(name, names, 3) if names[key] in also or os.path.isdir(names[key])]
    return names[close[0]] if close else None


def _folders(parent: str) -> list[str]:
    try:
        with os.scandir(parent) as entries:
            return [entry.name for entry in entries if entry.is_dir() and not entry.name.startswith(".")]
    except OSError:
        return []
