"""Data sets whose images are one array, as MNIST and CIFAR are: ``data`` and ``targets``, which users may replace."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.arrays import to_array
from fastnn.data.paths import StrPath
from fastnn.data.pixels import PixelPlan, array_pixels, split_end
from fastnn.data.prepared import Prepared
from fastnn.data.resident import NotResident, NumberedNames, Resident
from fastnn.data.vision import Progress, Transform, VisionDataset
from fastnn.eager.tensor import Tensor
from fastnn.transforms import Compose

if TYPE_CHECKING:
    from PIL import Image


class InMemory(VisionDataset):
    """Grey images (N, H, W) or colour images (N, H, W, 3) and their labels.

    Attributes: ``data``, ``targets``: Tensors, arrays or lists; ``train``; ``classes``, ``class_to_idx``.

    Args:
        root: the folder that has the files, see the class.
        train: the training images, or else the test images.
        transform, target_transform: applied to each image (PIL) and label.
        download: accepted; where the files are missing, the error says which to put where.
    """

    classes: list[str] = []  # noqa: RUF012
    train: bool
    data: Any
    targets: Any

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
        self._read()

    def _read(self) -> None:
        """Finds the files and holds what is in them."""
        raise NotImplementedError

    def _hold(self, data: Any, targets: Any, file: str) -> None:
        """Takes images and labels that were read from a file of this name."""
        self.data, self.targets, self._file = data, targets, file
        self._prepared: tuple[tuple[str, tuple[int, ...], int], np.ndarray, np.ndarray] | None = None

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return self._transformed(self._image(index), self._target(index))

    def __len__(self) -> int:
        return len(self.data)

    @property
    def class_to_idx(self) -> dict[str, int]:
        """The label of each class."""
        return {name: label for label, name in enumerate(self.classes)}

    def extra_repr(self) -> str:
        return f"Split: {'Train' if self.train else 'Test'}"

    def _target(self, index: int) -> int:
        targets = self.targets.numpy() if isinstance(self.targets, Tensor) else self.targets
        return int(targets[index])

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

    def _shown(self, index: int) -> tuple[Any, Any]:
        if not self.is_plain():
            return super()._shown(index)
        label, classes = self._target(index), self._shown_classes()
        return self._image(index), classes[label] if 0 <= label < len(classes) else label

    def is_plain(self) -> bool:
        return self._has_hooks_of(InMemory, "__getitem__", "__len__", "_image", "_target")

    def prepared(self, *, threads: int | None = None) -> Prepared | None:
        found = super().prepared(threads=threads)
        changes, numbers = split_end(self.transform)
        if found is not None or numbers is None or not self.is_plain():
            return found
        return Prepared(self._image, self._target, Compose(changes), numbers, self.target_transform)

    def _shown_classes(self) -> list[str]:
        """What to call the classes on a screen."""
        return list(self.classes)

    def _decode(self, plan: PixelPlan, threads: int | None, progress: Progress | None) -> Resident | None:
        data, targets = _array_of(self.data), _array_of(self.targets)
        is_image = data is not None and (data.ndim == 3 or (data.ndim == 4 and data.shape[3] == 3))
        images = _as_bytes(data) if data is not None and is_image else None
        if images is None or targets is None or targets.dtype.kind not in "biu" or targets.shape != (len(images),):
            return None
        names = NumberedNames(self._file, range(len(images)))
        try:
            pixels = self._pixels(images, plan)
        except NotResident:
            return None
        return Resident(pixels, targets.astype(np.int64, copy=False), names, self._shown_classes())

    def _pixels(self, images: np.ndarray, plan: PixelPlan) -> np.ndarray:
        """uint8 (N, C, H, W), kept for the next call with the same steps and pixels: the same array, or equal ones."""
        is_view = images.ndim == 3 and plan.leaves_grey
        same = id(images) if is_view else zlib.crc32(np.ascontiguousarray(images))
        key = (plan.key, images.shape, same)
        if self._prepared is None or self._prepared[0] != key:
            self._prepared = (key, images, array_pixels(images, plan))  # held, so that its id stays its own
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
