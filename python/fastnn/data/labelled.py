"""Images in one folder whose names say their class: ``cat.123.jpg``, as Kaggle gives cats and dogs."""

from __future__ import annotations

import os
import re
import time
import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING

from fastnn.data.scan import IMG_EXTENSIONS, Scan, looked_in, note_unread
from fastnn.errors import told
from fastnn.io.checks import shown_path

if TYPE_CHECKING:
    from fastnn.data.packed import Found

_LABELLED = re.compile(r"(.+)\.[0-9]+\.[^.]+", re.DOTALL)
_NUMBERED = re.compile(r"[0-9]+\.[^.]+")
_SHOWN = 3


class LooseFiles:
    """The image files that lie directly in a folder, and the names of folders beside them; hidden ones are left out."""

    def __init__(self, root: str, stamped: bool = False) -> None:
        self.root = root
        self._started = time.time_ns()
        self._scan = Scan(root, extensions=IMG_EXTENSIONS, stamped=stamped)
        self.folders = self._scan.class_names()
        names, self._stamps = self._scan.loose()
        seen = [row for row, name in enumerate(names) if not name.startswith(".")]
        self.names = [names[row] for row in seen]
        if self._stamps is not None:
            self._stamps = self._stamps[seen]

    def are_labelled(self) -> bool:
        """Whether there are some, and all names are ``<class>.<number>.<ext>``."""
        return bool(self.names) and all(map(_LABELLED.fullmatch, self.names))

    def are_numbered(self) -> bool:
        """Whether there are some, and all names are ``<number>.<ext>``."""
        return bool(self.names) and all(map(_NUMBERED.fullmatch, self.names))

    def labelled(self) -> LabelledFiles:
        """With the classes that the names say.

        Raises:
            FileNotFoundError: there are none, or names that say no class.
            ValueError: classes that look alike.
        """
        if not self.are_labelled():
            raise self.refusal()
        note_unread(self.root)
        return LabelledFiles(self, [_LABELLED.fullmatch(name)[1] for name in self.names])  # type: ignore[index]

    def refusal(self) -> FileNotFoundError:
        """What is wrong with files that say no class: the first few, and what is expected."""
        root, strays = shown_path(self.root), [name for name in self.names if not _LABELLED.fullmatch(name)]
        form = "<class>.<number>.<ext>, such as cat.123.jpg"
        if not self.names:
            text = f"no image files in '{root}'.{looked_in(self.root)} Expected {form}"
        else:
            first = ", ".join(map(shown_path, strays[:_SHOWN])) + ", ..." * (len(strays) > _SHOWN)
            lying = f"{len(self.names):,} files lie directly in '{root}'"
            text = (
                f"found no class folders in '{root}'. {lying}; the names of {len(strays):,} say no class: {first}. "
                f"{looked_in(self.root)[1:]} Expected '{root}/<class>/<image>', or files named {form}"
            )
        return told(FileNotFoundError(text), "folder.empty", root=root, classes=None)

    def found(self, samples: Sequence[tuple[str, int]], classes: list[str]) -> Found | None:
        """For the cache; None where links or unusual names are among the files."""
        from fastnn.data.packed import Found

        if self._stamps is None:
            return None
        return Found(self.root, samples, classes, self._stamps, sorted(self._scan.folders), self._started)


class LabelledFiles:
    """Samples (path, label) of files whose names say their class, in the order of their names.

    Raises:
        ValueError: classes that differ in letter case or Unicode form only.
    """

    def __init__(self, files: LooseFiles, names: list[str]) -> None:
        self.classes = sorted(set(names))
        _check_apart(files.root, self.classes)
        labels = {name: label for label, name in enumerate(self.classes)}
        pairs = zip(files.names, names, strict=True)
        self.samples = [(os.path.join(files.root, file), labels[name]) for file, name in pairs]
        self._files = files

    def found(self) -> Found | None:
        """For the cache; None where links or unusual names are among the files."""
        return self._files.found(self.samples, self.classes)


def _check_apart(root: str, classes: list[str]) -> None:
    seen: dict[str, str] = {}
    for name in classes:
        key = unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
        if (other := seen.setdefault(key, name)) != name:
            raise ValueError(
                f"{shown_path(root)}: the names of files say the classes {other!a} and {name!a}, which differ in "
                "letter case or Unicode form only: rename the files, or give each class a folder"
            )
