"""MNIST from its four IDX files. torchvision's contract, without the download."""

from __future__ import annotations

import os
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.arrays import to_array
from fastnn.data.idx import find_mnist, mnist_name, read_labelled
from fastnn.data.paths import StrPath, data_folders
from fastnn.data.pixels import PixelPlan, grey_pixels
from fastnn.data.resident import NotResident, NumberedNames, Resident
from fastnn.data.vision import Progress, Transform, VisionDataset
from fastnn.eager.tensor import Tensor
from fastnn.errors import told
from fastnn.io.checks import shown_path

if TYPE_CHECKING:
    from PIL import Image

_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


class MNIST(VisionDataset):
    """Handwritten digits, 28x28 grey: 60,000 to train with, 10,000 to test.

    Attributes: ``data`` uint8 Tensor (N, 28, 28), ``targets`` int64 Tensor (N,), ``classes``,
    ``class_to_idx``. Lists, arrays or Tensors may be put in their place.

    Args:
        root: the folder of the four files, or one with them in ``raw`` or ``MNIST/raw``; gzip-compressed or
            not. Where it has none, ``$FASTNN_DATA`` and the cache folder are asked, also their folder ``mnist``.
        train: the training images, or else the test images.
        transform, target_transform: applied to each image (PIL, mode "L") and label.
        download: accepted; where the files are missing, the error says which to put where.

    Raises:
        FileNotFoundError: the files are not there.
        FormatError: they are damaged or do not belong together.
    """

    classes = [f"{digit} - {word}" for digit, word in enumerate(_WORDS)]  # noqa: RUF012

    def __init__(
        self,
        root: StrPath,
        train: bool = True,
        transform: Transform | None = None,
        target_transform: Transform | None = None,
        download: bool = False,
    ) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.train = train
        places = [place for place in (self.root, *data_folders("mnist")) if os.path.isdir(place)]
        files = next(filter(None, map(find_mnist, places)), None)
        if files is None:
            text = where_to_put_mnist(os.path.join(self.root, "MNIST", "raw"))
            raise told(FileNotFoundError(text), "mnist.missing")
        images, labels = (files.train_images, files.train_labels) if train else (files.test_images, files.test_labels)
        data, targets = read_labelled(images, labels, len(self.classes))
        self.data, self.targets = Tensor(data), Tensor(targets)
        self._file = images.name
        self._prepared: tuple[tuple[str, tuple[int, ...], int], np.ndarray, np.ndarray] | None = None

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        targets = self.targets.numpy() if isinstance(self.targets, Tensor) else self.targets
        return self._transformed(self._image(index), int(targets[index]))

    def __len__(self) -> int:
        return len(self.data)

    @property
    def class_to_idx(self) -> dict[str, int]:
        return {name: label for label, name in enumerate(self.classes)}

    def extra_repr(self) -> str:
        return f"Split: {'Train' if self.train else 'Test'}"

    def _image(self, index: int) -> Image.Image:
        from PIL import Image

        data = self.data.numpy() if isinstance(self.data, Tensor) else self.data
        pixels = to_array(data[index])
        small = _as_bytes(pixels)
        if small is not None:
            return Image.fromarray(small)
        if pixels.dtype.kind != "f":
            raise ValueError(f"{type(self).__name__}.data: pixels must lie in 0..255, sample {index} has others")
        return Image.fromarray(pixels.astype(np.float32))

    def _is_plain(self) -> bool:
        return self._has_hooks_of(MNIST, "__getitem__", "__len__", "_image")

    def _decode(self, plan: PixelPlan, threads: int | None, progress: Progress | None) -> Resident | None:
        data, targets = _array_of(self.data), _array_of(self.targets)
        images = None if data is None or data.ndim != 3 else _as_bytes(data)
        if images is None or targets is None or targets.dtype.kind not in "biu" or targets.shape != (len(images),):
            return None
        digits = [str(digit) for digit in range(len(self.classes))]
        names = NumberedNames(self._file, range(len(images)))
        try:
            pixels = self._pixels(images, plan)
        except NotResident:
            return None
        return Resident(pixels, targets.astype(np.int64, copy=False), names, digits)

    def _pixels(self, images: np.ndarray, plan: PixelPlan) -> np.ndarray:
        """uint8 (N, C, H, W), kept for the next call with the same steps and pixels: the same array, or equal ones."""
        same = id(images) if plan.leaves_grey else zlib.crc32(np.ascontiguousarray(images))
        key = (plan.key, images.shape, same)
        if self._prepared is None or self._prepared[0] != key:
            self._prepared = (key, images, grey_pixels(images, plan))  # the array is held, so that its id stays its own
        return self._prepared[2]


def _array_of(values: Any) -> np.ndarray | None:
    """The array that a Tensor, array or list is; None for rows of different lengths."""
    try:
        return to_array(values)
    except (TypeError, ValueError):
        return None


def _as_bytes(pixels: np.ndarray) -> np.ndarray | None:
    """Whole numbers in 0..255 as uint8; None for others."""
    if pixels.dtype == np.uint8:
        return pixels
    fits = pixels.dtype.kind in "biu" and (not pixels.size or (pixels.min() >= 0 and pixels.max() <= 255))
    return pixels.astype(np.uint8) if fits else None


def where_to_put_mnist(folder: StrPath) -> str:
    """What to tell someone who has no MNIST."""
    names = "".join(f"\n  {mnist_name(split, kind)}.gz" for split in ("train", "t10k") for kind in ("images", "labels"))
    return (
        "MNIST is not there, and fastnn does not download. "
        f"Put these four files (compressed or not) into {shown_path(folder)}:{names}\n"
        "They are at https://ossci-datasets.s3.amazonaws.com/mnist/"
    )
