"""Finding the image files of class folders, without following links out of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from fastnn.data.notes import say_once
from fastnn.io.checks import shown_path


@dataclass
class Scan:
    """One walk through a data folder.

    root: the folder. follow_links: whether links to folders are followed and links to files may lead out of
    the root.
    """

    root: str
    follow_links: bool = False
    _real_root: str = field(init=False)

    def __post_init__(self) -> None:
        self._real_root = os.path.realpath(self.root)

    def class_names(self) -> list[str]:
        """The names of the folders in the root, sorted; hidden ones and links are left out."""
        with os.scandir(self.root) as entries:
            return sorted(entry.name for entry in entries if self._is_folder(entry))

    def files(self, class_name: str, is_valid: Callable[[str], bool]) -> Iterator[str]:
        """The valid files beneath a class folder, as torchvision orders them: by folder, then by name."""
        folders = [os.path.join(self.root, class_name)]
        seen: set[tuple[int, int]] = set()
        found: list[tuple[str, list[str]]] = []
        while folders:
            folder = folders.pop()
            if self.follow_links and not _is_new(folder, seen):
                continue
            with os.scandir(folder) as entries:
                listed = list(entries)
            folders += [entry.path for entry in listed if self._is_folder(entry)]
            found.append((folder, [entry.name for entry in listed if self._is_file(entry)]))
        for folder, names in sorted(found):
            yield from filter(is_valid, (os.path.join(folder, name) for name in sorted(names)))

    def loose_files(self, is_valid: Callable[[str], bool]) -> int:
        """How many valid files lie directly in the root."""
        with os.scandir(self.root) as entries:
            return sum(self._is_file(entry) and is_valid(entry.path) for entry in entries)

    def _is_folder(self, entry: os.DirEntry[str]) -> bool:
        if not entry.is_dir():
            return False
        if entry.name.startswith("."):
            self._note("hidden", f"hidden folders such as {shown_path(entry.path)} are ignored")
            return False
        if entry.is_symlink() and not self.follow_links:
            self._note(
                "link",
                f"{shown_path(entry.path)} is a link to a folder and not followed (follow_links=True would)",
            )
            return False
        return True

    def _is_file(self, entry: os.DirEntry[str]) -> bool:
        if not entry.is_symlink():
            return entry.is_file()
        if not entry.is_file():
            return False
        if self.follow_links or os.path.realpath(entry.path).startswith(os.path.join(self._real_root, "")):
            return True
        self._note(
            "outside",
            f"{shown_path(entry.path)} is a link out of the data folder and ignored (follow_links=True would take it)",
        )
        return False

    def _note(self, kind: str, message: str) -> None:
        say_once((kind, self._real_root), message)


def _is_new(folder: str, seen: set[tuple[int, int]]) -> bool:
    """False for a folder that a loop of links has led to again."""
    status = os.stat(folder)
    identity = (status.st_dev, status.st_ino)
    new = identity not in seen
    seen.add(identity)
    return new
