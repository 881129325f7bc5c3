"""``flow_from_directory``: batches of the images in class folders."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.data.paths import check_folder
from fastnn.data.scan import Scan
from fastnn.errors import outside
from fastnn.io.checks import shown_path
from fastnn.keras.preprocessing.iterator import SUBSETS, Files, Saving, one_hot, split_at
from fastnn.keras.progress import show
from fastnn.keras.utils.image_utils import check_chosen

if TYPE_CHECKING:
    from fastnn.keras.preprocessing.generator import ImageDataGenerator

# Keras' endings; TIFF files are counted as there, and reading one says what to do.
ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".ppm", ".tif", ".tiff")
CLASS_MODES = ("categorical", "binary", "sparse", "input", None)


class DirectoryIterator(Files):
    """Images in ``directory/<class>/``, at any depth, in the order of their names; prints how many there are.

    Hidden folders, and links out of the directory (but for follow_links), are left out.

    target_size: (height, width) of all, by an interpolation ("nearest", as in Keras; "bilinear" looks better).
    color_mode: "rgb", "rgba", "grayscale". classes: the folders in the order of their numbers; None: all, by name.
    class_mode: "categorical" one-hot rows, "binary" or "sparse" numbers, "input" the images, None no targets.
    subset: "validation", the first images of each class, as many as the generator's validation_split says, or
    "training", the others. save_to_dir: a folder for the images of every batch.

    Attributes: ``class_indices`` {name: number}, ``classes`` (N,), ``num_classes``, ``filenames``, ``filepaths``,
    ``samples``, ``image_shape``.

    Raises:
        FileNotFoundError: no folder, or no images.
        ValueError: an argument that is out of its range.
    """

    def __init__(
        self,
        directory: Any,
        image_data_generator: ImageDataGenerator,
        target_size: Sequence[int] = (256, 256),
        color_mode: str = "rgb",
        classes: Sequence[str] | None = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        save_to_dir: Any = None,
        save_prefix: str = "",
        save_format: str = "png",
        follow_links: bool = False,
        subset: str | None = None,
        interpolation: str = "nearest",
        keep_aspect_ratio: bool = False,
    ) -> None:
        check_chosen("class_mode", class_mode, CLASS_MODES)
        check_chosen("subset", subset, SUBSETS)
        check_folder(directory)
        self.directory = directory
        scan = Scan(os.fspath(directory), follow_links, ENDINGS)
        names = list(classes) if classes else scan.class_names()
        if class_mode == "binary" and len(names) > 2:
            some = ", ".join(names[:5])
            raise ValueError(
                f"class_mode='binary' is for two classes, there are {len(names)} ({some}): use 'categorical'"
            )
        found = _files_of(scan, names)
        if subset is not None:
            share = image_data_generator.validation_split
            at = [split_at(len(paths), share) for paths in found]
            found = [p[n:] if subset == "training" else p[:n] for p, n in zip(found, at, strict=True)]
        self.num_classes = len(names)
        self.class_indices = {name: number for number, name in enumerate(names)}
        self.classes = np.repeat(np.arange(len(names), dtype=np.int32), [len(paths) for paths in found])
        filepaths = [path for paths in found for path in paths]
        self.filenames = [os.path.relpath(path, scan.root) for path in filepaths]
        show(f"Found {len(filepaths)} images belonging to {self.num_classes} classes.")
        super().__init__(
            *(filepaths, image_data_generator, target_size, color_mode, class_mode, batch_size, shuffle, seed),
            *(Saving(save_to_dir, save_prefix, save_format), interpolation, keep_aspect_ratio),
        )

    @property
    def labels(self) -> np.ndarray:
        """The class of each image."""
        return self.classes

    def _with_targets(self, batch: np.ndarray, index: np.ndarray) -> Any:
        labels = self.classes[index]
        categorical = self.class_mode == "categorical"
        return batch, one_hot(labels, self.num_classes, self.dtype) if categorical else labels.astype(self.dtype)


def _files_of(scan: Scan, names: list[str]) -> list[list[str]]:
    """The images of each class.

    Raises:
        FileNotFoundError: a class that is no folder, or no images at all.
    """
    root = shown_path(scan.root)
    absent = [name for name in names if not os.path.isdir(os.path.join(scan.root, name))]
    if absent:
        raise FileNotFoundError(f"classes: there is no folder {absent[0]!r} in '{root}'")
    found = [paths for paths, _ in scan.files_of_all(names)] if names else []
    if not any(found):
        lying = scan.loose_files()
        what = "no images in its class folders" if names else "no class folders"
        text = f"'{root}' has {what}: expected <class>/<image>"
        if lying:
            parent, own = os.path.split(os.path.abspath(scan.root))
            way = f"flow_from_directory({shown_path(parent)!r}, classes=[{own!r}], class_mode=None)"
            text += f". {lying:,} images lie in it directly: {way} takes them without classes"
        raise FileNotFoundError(text)
    for name, paths in zip(names, found, strict=True):
        if not paths:
            warnings.warn(
                f"class {name!r} has no images: {shown_path(os.path.join(scan.root, name))}", stacklevel=outside()
            )
    return found
