"""MNIST from its four IDX files. torchvision's contract, without the download."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.data.idx import find_mnist, mnist_name, read_labelled
from fastnn.data.paths import StrPath
from fastnn.data.pixels import PixelPlan, grey_pixels
from fastnn.data.resident import NumberedNames, Resident
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
    ``class_to_idx``.

    Args:
        root: the folder of the four files, or one with them in ``raw`` or ``MNIST/raw``; gzip-compressed or
            not.
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
        super().__init__(root, transform, target_transform)
        self.train = train
        files = find_mnist(self.root) if os.path.isdir(self.root) else None
        if files is None:
            text = where_to_put_mnist(os.path.join(self.root, "MNIST", "raw"))
            raise told(FileNotFoundError(text), "mnist.missing")
        images, labels = (files.train_images, files.train_labels) if train else (files.test_images, files.test_labels)
        data, targets = read_labelled(images, labels, len(self.classes))
        self.data, self.targets = Tensor(data), Tensor(targets)
        self._file = images.name
        self._prepared: tuple[str, np.ndarray, np.ndarray] | None = None

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return self._transformed(self._image(index), int(self.targets.numpy()[index]))

    def __len__(self) -> int:
        return len(self.data)

    @property
    def class_to_idx(self) -> dict[str, int]:
        return {name: label for label, name in enumerate(self.classes)}

    def extra_repr(self) -> str:
        return f"Split: {'Train' if self.train else 'Test'}"

    def _image(self, index: int) -> Image.Image:
        from PIL import Image

        return Image.fromarray(self.data.numpy()[index])

    def _is_plain(self) -> bool:
        return type(self).__getitem__ is MNIST.__getitem__

    def _decode(self, plan: PixelPlan, threads: int | None, progress: Progress | None) -> Resident:
        data = self.data.numpy()
        digits = [str(digit) for digit in range(len(self.classes))]
        names = NumberedNames(self._file, range(len(data)))
        return Resident(self._pixels(data, plan), self.targets.numpy(), names, digits)

    def _pixels(self, data: np.ndarray, plan: PixelPlan) -> np.ndarray:
        """uint8 (N, C, H, W), kept for the next call with the same steps and ``data``."""
        if self._prepared is None or self._prepared[0] != plan.key or self._prepared[1] is not data:
            self._prepared = (plan.key, data, grey_pixels(data, plan))
        return self._prepared[2]


def where_to_put_mnist(folder: StrPath) -> str:
    """What to tell someone who has no MNIST."""
    names = "".join(f"\n  {mnist_name(split, kind)}.gz" for split in ("train", "t10k") for kind in ("images", "labels"))
    return (
        "MNIST is not there, and fastnn does not download. "
        f"Put these four files (compressed or not) into {shown_path(folder)}:{names}\n"
        "They are at https://ossci-datasets.s3.amazonaws.com/mnist/"
    )
