"""DatasetFolder and ImageFolder: one folder for each class, images beneath it. torchvision's contract.

What differs: hidden folders are ignored; a class without images is an error that names it; links to folders are not
followed and links to files must stay inside the root, so that a planted link cannot pull a private file into a model.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from fastnn import _core
from fastnn.data.decode import decode_folder, read_compiled
from fastnn.data.images import read_rgb
from fastnn.data.paths import StrPath, check_folder
from fastnn.data.pixels import PixelPlan, jpeg_target, pixel_plan
from fastnn.data.prepared import Kept, Prepared, remembered
from fastnn.data.resident import FileNames, NotResident, Resident
from fastnn.data.scan import IMG_EXTENSIONS, Scan, looked_in, note_unread
from fastnn.data.vision import Progress, Transform, VisionDataset
from fastnn.eager.tensor import Tensor
from fastnn.errors import told
from fastnn.io.checks import shown_path
from fastnn.text import in_python

# torchvision's names of the reader
pil_loader = default_loader = read_rgb

_FIRST = np.zeros(1, np.int64)


def has_file_allowed_extension(filename: str, extensions: str | tuple[str, ...]) -> bool:
    """Whether a file's name ends with one of them, in whatever case."""
    return filename.lower().endswith(extensions)


def is_image_file(filename: str) -> bool:
    """Whether a file's name ends with one of torchvision's extensions of images."""
    return has_file_allowed_extension(filename, IMG_EXTENSIONS)


def find_classes(directory: StrPath) -> tuple[list[str], dict[str, int]]:
    """The folders in a folder, sorted, and their numbers.

    Raises:
        FileNotFoundError: there are none.
    """
    return _numbered(Scan(os.fspath(directory)))


def make_dataset(
    directory: StrPath,
    class_to_idx: Mapping[str, int] | None = None,
    extensions: str | tuple[str, ...] | None = None,
    is_valid_file: Callable[[str], bool] | None = None,
    allow_empty: bool = False,
) -> list[tuple[str, int]]:
    """(path, label) of the files beneath the folders of classes, class by class in the order of their names.

    Args:
        directory: the folder that holds them.
        class_to_idx: the label of each class; None for those of :func:`find_classes`.
        extensions: files whose name ends with one of them count,
        is_valid_file: or else those for which this is true of the path.
        allow_empty: accept classes without files.

    Raises:
        ValueError: no classes; neither or both of extensions and is_valid_file.
        FileNotFoundError: a class has no files.
    """
    scan = Scan(os.fspath(directory), False, _endings(extensions), is_valid_file)
    return _listed(scan, _numbered(scan)[1] if class_to_idx is None else class_to_idx, allow_empty)[0]


class DatasetFolder(VisionDataset):
    """Files under ``root/<class>/``, at any depth; classes are numbered in the order of their names.

    ``find_classes`` and ``make_dataset`` are asked, so that a subclass decides which classes and files there are.

    Attributes: ``classes``, ``class_to_idx``, ``samples``: (path, label) of each file, ``targets``.

    Args:
        root: the folder.
        loader: path to sample.
        extensions: files whose name ends with one of them count,
        transform, target_transform: applied to each sample and label.
        is_valid_file: or else those for which this is true of the path.
        allow_empty: accept classes without files.
        follow_links: follow links to folders, and take links to files outside the root.

    Raises:
        FileNotFoundError: no such folder, no class folders, or a class without files.
        NotADirectoryError: root is a file.
        ValueError: neither or both of extensions and is_valid_file.
    """

    _stamped = False  # whether sizes and times of change are noted, for the cache of decoded images

    def __init__(
        self,
        root: StrPath,
        loader: Callable[[str], Any],
        extensions: tuple[str, ...] | None = None,
        transform: Transform | None = None,
        target_transform: Transform | None = None,
        is_valid_file: Callable[[str], bool] | None = None,
        allow_empty: bool = False,
        *,
        follow_links: bool = False,
    ) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        check_folder(self.root)
        self.loader = loader
        self.extensions = extensions
        self._scan = Scan(os.fspath(self.root), follow_links, _endings(extensions), is_valid_file, self._stamped)
        self._stamps: list[np.ndarray | None] = []
        self.classes, self.class_to_idx = self.find_classes(self.root)
        self.samples = self.make_dataset(
            self.root,
            class_to_idx=self.class_to_idx,
            extensions=extensions,
            is_valid_file=is_valid_file,
            allow_empty=allow_empty,
        )
        self.targets = [label for _, label in self.samples]

    def find_classes(self, directory: StrPath) -> tuple[list[str], dict[str, int]]:
        """The classes' names and the label of each."""
        return _numbered(self._scan_of(directory))

    def make_dataset(
        self,
        directory: StrPath,
        class_to_idx: Mapping[str, int],
        extensions: tuple[str, ...] | None = None,
        is_valid_file: Callable[[str], bool] | None = None,
        allow_empty: bool = False,
    ) -> list[tuple[str, int]]:
        """(path, label) of each sample; as :func:`make_dataset`."""
        scan = replace(self._scan_of(directory), extensions=_endings(extensions), is_valid=is_valid_file)
        samples, self._stamps = _listed(scan, class_to_idx, allow_empty)
        return samples

    def _scan_of(self, directory: StrPath) -> Scan:
        """The one scan of the root, or one like it of another folder."""
        return self._scan if os.fspath(directory) == self._scan.root else replace(self._scan, root=os.fspath(directory))

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        path, target = self.samples[index]
        return self._transformed(self.loader(path), target)

    def __len__(self) -> int:
        return len(self.samples)

    def _shown(self, index: int) -> tuple[Any, Any]:
        path, label = self.samples[index]
        return self.loader(path), self.classes[label]


class ImageFolder(DatasetFolder):
    """Images under ``root/<class>/``, at any depth; classes are numbered in the order of their names.

    Attributes as :class:`DatasetFolder` has them, ``imgs`` is ``samples``.

    Args:
        root: the folder.
        transform, target_transform: applied to each image and label.
        loader: path to image; by default RGB, see :func:`fastnn.data.images.read_rgb`.
        is_valid_file: which files count, by path; by default those with one of torchvision's extensions.
        allow_empty: accept classes without images.
        follow_links: follow links to folders, and take links to files outside the root.

    Raises:
        FileNotFoundError: no such folder, no class folders, or a class without images.
        NotADirectoryError: root is a file.
    """

    def __init__(
        self,
        root: StrPath,
        transform: Transform | None = None,
        target_transform: Transform | None = None,
        loader: Callable[[str], Any] = read_rgb,
        is_valid_file: Callable[[str], bool] | None = None,
        allow_empty: bool = False,
        *,
        follow_links: bool = False,
    ) -> None:
        extensions = IMG_EXTENSIONS if is_valid_file is None else None
        super().__init__(
            root,
            loader,
            extensions,
            transform,
            target_transform,
            is_valid_file,
            allow_empty,
            follow_links=follow_links,
        )
        self.imgs = self.samples
        # (height, width) of the last file read compiled: the next is likely alike
        self._size: tuple[int, int] | None = None
        self._kept: Kept | None = None
        self._block: tuple[str, list[tuple[str, int]], Resident | None] | None = None

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        path, target = self.samples[index]
        if self.loader is not read_rgb:
            return self._transformed(self.loader(path), target)
        plan = pixel_plan(self.transform)
        if plan is not None and (image := self._compiled(path, plan)) is not None:
            return image, self._transformed_target(target)
        return self._transformed(read_rgb(path, jpeg_target=jpeg_target(self.transform)), target)

    def _compiled(self, path: str, plan: PixelPlan) -> Tensor | None:
        """What the transform makes of a file, by the compiled reader; None where that does not read it."""
        pixels = read_compiled(path, plan, self._size)
        if pixels is None:
            return None
        self._size = pixels.shape[2:]
        return Tensor(_core.gather_uint8(pixels, _FIRST, *plan.normalisation(pixels.shape[1]))[0])

    def prepared(self, *, threads: int | None = None) -> Prepared | None:
        found = super().prepared(threads=threads)
        if found is not None or self.transform is None or not self.is_plain() or jpeg_target(self.transform):
            return found
        found, self._kept = remembered(self, read_rgb, self._kept)
        return found

    def is_plain(self) -> bool:
        return self.loader is read_rgb and self._has_hooks_of(ImageFolder, "__getitem__", "__len__")

    def _decode(self, plan: PixelPlan, threads: int | None, progress: Progress | None) -> Resident | None:
        if self._block is None or self._block[:2] != (plan.key, self.samples):
            self._block = (plan.key, list(self.samples), self._decode_now(plan, threads, progress))
        found = self._block[2]
        return None if found is None else replace(found, classes=self.classes)

    def _decode_now(self, plan: PixelPlan, threads: int | None, progress: Progress | None) -> Resident | None:
        paths = [path for path, _ in self.samples]
        if not all(isinstance(label, int | np.integer) for _, label in self.samples):
            return None
        try:
            images = decode_folder(paths, plan, threads=threads, progress=progress).images if paths else None
        except NotResident:
            images = None
        if images is None:
            return None
        targets = np.array([label for _, label in self.samples], np.int64)
        return Resident(images, targets, FileNames(paths), self.classes)


def _numbered(scan: Scan) -> tuple[list[str], dict[str, int]]:
    """The classes in a folder, and their numbers."""
    classes = scan.class_names()
    if not classes:
        raise _what_is_missing(scan, [], [])
    return classes, {name: label for label, name in enumerate(classes)}


def _endings(extensions: str | Sequence[str] | None) -> tuple[str, ...]:
    return (extensions,) if isinstance(extensions, str) else tuple(extensions or ())


def _listed(
    scan: Scan, class_to_idx: Mapping[str, int], allow_empty: bool
) -> tuple[list[tuple[str, int]], list[np.ndarray | None]]:
    """(path, label) of each file of these classes, and the files' stamps class by class."""
    if bool(scan.extensions) == (scan.is_valid is not None):
        raise ValueError("Both extensions and is_valid_file cannot be None or not None at the same time")
    names = sorted(class_to_idx)
    there = [name for name in names if os.path.isdir(os.path.join(scan.root, name))]
    found = dict(zip(there, scan.files_of_all(there), strict=True))
    empty = [name for name in names if name not in found or not found[name][0]]
    if empty and not allow_empty:
        raise _what_is_missing(scan, names, empty)
    note_unread(scan.root, scan.extensions)
    samples = [(path, class_to_idx[name]) for name in there for path in found[name][0]]
    return samples, [found[name][1] for name in there]


def _what_is_missing(scan: Scan, classes: list[str], empty: list[str]) -> FileNotFoundError:
    root = shown_path(scan.root)
    for folder in (os.path.join(scan.root, name) for name in empty):
        if os.path.isdir(folder) and any("ubyte" in name for name in os.listdir(folder)):
            text = f"{shown_path(folder)} holds IDX files, no images of a class: the data is {shown_path(folder)}"
            return told(FileNotFoundError(text), "folder.idx", folder=shown_path(folder))
    looked = looked_in(scan.root, scan.extensions)
    if empty and len(empty) < len(classes):
        folders = [shown_path(os.path.join(scan.root, name)) for name in empty[:20]]
        named = [f"class {name!r} has no images: {folder}" for name, folder in zip(empty, folders, strict=False)]
        more = f"; and {len(empty) - 20} more" if len(empty) > 20 else ""
        text = f"{'; '.join(named)}{more}.{looked} Fill or move it{in_python(', or pass allow_empty=True')}"
        return told(FileNotFoundError(text), "class.empty", name=empty[0], folder=folders[0])
    loose = scan.loose_files()
    lying = f" {loose:,} files lie directly in '{root}'." if loose else ""
    count = f"0 images in {len(empty)} class folders under" if empty else "no class folders in"
    text = f"found {count} '{root}'.{looked}{lying} Expected '{root}/<class>/<image>'"
    return told(FileNotFoundError(text), "folder.empty", root=root, classes=len(empty) or None)
