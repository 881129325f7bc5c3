"""Finding the image files of class folders, without following links out of them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from fastnn import _core
from fastnn.data.threads import in_order
from fastnn.io.checks import shown_path
from fastnn.io.notes import say_once
from fastnn.text import in_python

IMG_EXTENSIONS = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")
_UNREAD = (".heic", ".heif", ".avif", ".gif")


@dataclass
class Scan:
    """One walk through a data folder.

    root: the folder. follow_links: whether links to folders are followed and links to files may lead out of
    the root. extensions: files whose name ends with one of them count; or else those for which ``is_valid`` is true of
    the path. stamped: note size and time of change of each file.
    """

    root: str
    follow_links: bool = False
    extensions: tuple[str, ...] = ()
    is_valid: Callable[[str], bool] | None = None
    stamped: bool = False
    folders: list[tuple[str, int]] = field(default_factory=list)  # looked into so far, and when each had changed (ns)
    _real_root: str = field(init=False)

    def __post_init__(self) -> None:
        self._real_root = os.path.realpath(self.root)

    def class_names(self) -> list[str]:
        """The names of the folders in the root, sorted; hidden ones and links are left out."""
        self._note_folder(self.root)
        with os.scandir(self.root) as entries:
            return sorted(entry.name for entry in entries if self._is_folder(entry))

    def files(self, class_name: str) -> tuple[list[str], np.ndarray | None]:
        """The valid files beneath a class folder, as torchvision orders them: by folder, then by name.

        Returns:
            Their paths, and their stamps int64 (N, 3): size in bytes, and in ns when the content and when anything
            about the file changed; None where they were not wanted, or a folder is not plain (cpp/data/folder.h).
        """
        folders = [os.path.join(self.root, class_name)]
        seen: set[tuple[int, int]] = set()
        found: list[tuple[str, list[str], np.ndarray | None]] = []
        while folders:
            folder = folders.pop()
            if self.follow_links and not _is_new(folder, seen):
                continue
            names, stamps, inner = self._list(folder)
            folders += [os.path.join(folder, name) for name in inner]
            found.append((os.path.join(folder, ""), names, stamps))
        found.sort(key=lambda listed: listed[0][:-1])
        all_stamps = [stamps for _, _, stamps in found if stamps is not None]
        complete = self.stamped and len(all_stamps) == len(found)
        return [prefix + name for prefix, names, _ in found for name in names], (
            np.concatenate(all_stamps) if complete else None
        )

    def files_of_all(self, class_names: Sequence[str]) -> list[tuple[list[str], np.ndarray | None]]:
        """:meth:`files` of each class, by several threads: the system looks at each file's status without the GIL."""
        threads = min(_core.get_num_threads(), len(class_names))
        if threads <= 1 or self.is_valid is not None:  # which need not be fit for threads
            return [self.files(name) for name in class_names]
        return list(in_order(self.files, class_names, threads))

    def loose(self) -> tuple[list[str], np.ndarray | None]:
        """The names of the valid files that lie directly in the root, sorted, and their stamps as of :meth:`files`."""
        names, stamps, _ = self._list(self.root)
        return names, stamps if self.stamped else None

    def loose_files(self) -> int:
        """How many valid files lie directly in the root."""
        return len(self.loose()[0])

    def _list(self, folder: str) -> tuple[list[str], np.ndarray | None, list[str]]:
        """(names of valid files, sorted; their stamps; names of folders to go into) of a folder."""
        self._note_folder(folder)
        plain = _core.list_folder(folder, self.extensions, self.stamped) if self.is_valid is None else None
        if plain is not None:
            names, stamps, inner = plain
            return names, stamps, [name for name in inner if not self._is_hidden(os.path.join(folder, name))]
        with os.scandir(folder) as entries:
            listed = list(entries)
        names = sorted(entry.name for entry in listed if self._is_file(entry) and self._counts(entry.path))
        return names, None, [entry.name for entry in listed if self._is_folder(entry)]

    def _counts(self, path: str) -> bool:
        return path.lower().endswith(self.extensions) if self.is_valid is None else self.is_valid(path)

    def _is_hidden(self, path: str) -> bool:
        hidden = os.path.basename(path).startswith(".")
        if hidden:
            self._note("hidden", f"hidden folders such as {shown_path(path)} are ignored")
        return hidden

    def _is_folder(self, entry: os.DirEntry[str]) -> bool:
        if not _leads_to(entry.is_dir):
            return False
        if self._is_hidden(entry.path):
            return False
        if entry.is_symlink() and not self.follow_links:
            self._note(
                "link",
                f"{shown_path(entry.path)} is a link to a folder and not followed"
                + in_python(" (follow_links=True would)"),
            )
            return False
        return True

    def _is_file(self, entry: os.DirEntry[str]) -> bool:
        if not entry.is_symlink():
            return entry.is_file()
        if not _leads_to(entry.is_file):
            return False
        if self.follow_links or os.path.realpath(entry.path).startswith(os.path.join(self._real_root, "")):
            return True
        self._note(
            "outside",
            f"{shown_path(entry.path)} is a link out of the data folder and ignored"
            + in_python(" (follow_links=True would take it)"),
        )
        return False

    def _note_folder(self, folder: str) -> None:
        """Before it is listed: what comes later has another time."""
        if self.stamped:
            self.folders.append((folder, os.stat(folder).st_mtime_ns))

    def _note(self, kind: str, message: str) -> None:
        say_once((kind, self._real_root), message)


def looked_in(folder: str, extensions: tuple[str, ...] = IMG_EXTENSIONS) -> str:
    """For a message: what was looked for (TIFF files are found and refused), and which pictures there are not read."""
    wanted, unread = " ".join(extensions).replace(" .tif .tiff", ""), _unread(folder, extensions)
    return (wanted and f" Looked for {wanted}.") + (unread and f" {unread}.")


def note_unread(folder: str, extensions: tuple[str, ...] = IMG_EXTENSIONS) -> None:
    """Says once which pictures in a folder are not read."""
    if unread := _unread(folder, extensions):
        say_once(("unread", folder), f"{shown_path(folder)}: {unread}")


def _unread(folder: str, extensions: tuple[str, ...]) -> str:
    names = Scan(folder, extensions=_UNREAD).files("")[0] if extensions == IMG_EXTENSIONS else ()
    found = Counter(os.path.splitext(name)[1].lower() for name in names if os.path.basename(name)[0] != ".")
    counts = ", ".join(f"{found[ending]:,} {ending}" for ending in _UNREAD if found[ending])
    return counts and f"{counts} files are not read: convert them to JPEG"


def _leads_to(kind: Callable[[], bool]) -> bool:
    """Whether an entry is of a kind; a link that leads nowhere, or round in a circle, is of none."""
    try:
        return kind()
    except OSError:
        return False


def _is_new(folder: str, seen: set[tuple[int, int]]) -> bool:
    """False for a folder that a loop of links has led to again."""
    status = os.stat(folder)
    identity = (status.st_dev, status.st_ino)
    new = identity not in seen
    seen.add(identity)
    return new
