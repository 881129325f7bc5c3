"""ImageFolder: one folder for each class, images beneath it. torchvision's contract.

What differs: hidden folders are ignored; a class without images is an error that names it; links to folders are not
followed and links to files must stay inside the root, so that a planted link cannot pull a private file into a model.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np

from fastnn import _core
from fastnn.data.decode import NotResident, decode_folder, read_compiled
from fastnn.data.images import read_rgb
from fastnn.data.paths import StrPath, check_folder
from fastnn.data.pixels import PixelPlan, jpeg_target, pixel_plan
from fastnn.data.resident import FileNames, Resident
from fastnn.data.scan import Scan
from fastnn.data.vision import Progress, Transform, VisionDataset
from fastnn.eager.tensor import Tensor
from fastnn.errors import told
from fastnn.io.checks import shown_path
from fastnn.text import in_python

IMG_EXTENSIONS = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")

_FIRST = np.zeros(1, np.int64)


class ImageFolder(VisionDataset):
    """Images under ``root/<class>/``, at any depth; classes are numbered in the order of their names.

    Attributes: ``classes``, ``class_to_idx``, ``samples`` (also ``imgs``): (path, label) of each image,
    ``targets``.

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

    _stamped = False  # whether sizes and times of change are noted, for the cache of decoded images

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
        super().__init__(root, transform, target_transform)
        check_folder(self.root)
        self.loader = loader
        self.extensions = IMG_EXTENSIONS if is_valid_file is None else None
        scan = Scan(os.fspath(self.root), follow_links, IMG_EXTENSIONS, is_valid_file, self._stamped)
        self.classes = scan.class_names()
        self.class_to_idx = {name: label for label, name in enumerate(self.classes)}
        listed = scan.files_of_all(self.classes)
        found = {name: paths for name, (paths, _) in zip(self.classes, listed, strict=True)}
        self.samples = [(path, label) for name, label in self.class_to_idx.items() for path in found[name]]
        self._scan, self._stamps = scan, [stamps for _, stamps in listed]
        self.imgs = self.samples
        self.targets = [label for _, label in self.samples]
        self._size: tuple[int, int] | None = (
            None  # (height, width) of the last file read compiled: the next is likely alike
        )
        self._block: tuple[str, list[tuple[str, int]], Resident | None] | None = None
        empty = [name for name in self.classes if not found[name]]
        if not self.classes or (empty and not allow_empty):
            raise self._what_is_missing(empty, scan.loose_files())

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

    def __len__(self) -> int:
        return len(self.samples)

    def _is_plain(self) -> bool:
        return self.loader is read_rgb and type(self).__getitem__ is ImageFolder.__getitem__

    def _decode(self, plan: PixelPlan, threads: int | None, progress: Progress | None) -> Resident | None:
        if self._block is None or self._block[:2] != (plan.key, self.samples):
            self._block = (plan.key, list(self.samples), self._decode_now(plan, threads, progress))
        return self._block[2]

    def _decode_now(self, plan: PixelPlan, threads: int | None, progress: Progress | None) -> Resident | None:
        paths = [path for path, _ in self.samples]
        try:
            images = decode_folder(paths, plan, threads=threads, progress=progress).images if paths else None
        except NotResident:
            images = None
        if images is None:
            return None
        targets = np.array([label for _, label in self.samples], np.int64)
        return Resident(images, targets, FileNames(paths), self.classes)

    def _what_is_missing(self, empty: list[str], loose: int) -> FileNotFoundError:
        root = shown_path(self.root)
        looked = "" if self.extensions is None else f" Looked for {' '.join(self.extensions)}."
        if empty and len(empty) < len(self.classes):
            folders = [shown_path(os.path.join(self.root, name)) for name in empty[:20]]
            named = [f"class {name!r} has no images: {folder}" for name, folder in zip(empty, folders, strict=False)]
            more = f"; and {len(empty) - 20} more" if len(empty) > 20 else ""
            text = f"{'; '.join(named)}{more}.{looked} Remove the folder{in_python(' or pass allow_empty=True')}"
            return told(FileNotFoundError(text), "class.empty", name=empty[0], folder=folders[0])
        lying = f" {loose:,} files lie directly in '{root}'." if loose else ""
        count = f"0 images in {len(empty)} class folders under" if empty else "no class folders in"
        text = f"found {count} '{root}'.{looked}{lying} Expected '{root}/<class>/<image>'"
        return told(FileNotFoundError(text), "folder.empty", root=root, classes=len(empty) or None)
