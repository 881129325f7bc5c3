"""A data set in memory up to the first random step of its transform: files are decoded once, the rest runs each time.

Of an image folder with ``Compose([Resize(64), CenterCrop(64), RandomHorizontalFlip(), ToTensor(), Normalize(...)])``
the uint8 pixels that CenterCrop gives are kept; the flip runs in the calling thread, ToTensor and Normalize in C++ for
a whole batch. Where images are of several sizes, as before ``RandomResizedCrop(64)``, they are kept one by one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn import _core
from fastnn.data.collate import default_collate
from fastnn.data.pixels import PixelPlan, split_plan
from fastnn.data.resident import Resident
from fastnn.eager.tensor import Tensor
from fastnn.io.memory import ALWAYS_FINE, free_memory
from fastnn.transforms import Compose, ToTensor

if TYPE_CHECKING:
    from PIL import Image

    from fastnn.data.folder import ImageFolder
    from fastnn.data.vision import VisionDataset


@dataclass(frozen=True, eq=False)
class Prepared:
    """The images, and what is still to be done with each.

    image, target: of a row, the image after the steps that give the same pixels each time, and its label. changes: from
    image to image, for each use of a sample. numbers: of the plan that then makes numbers of images, None where
    ``changes`` does that too.
    """

    image: Callable[[int], Any]
    target: Callable[[int], Any]
    changes: Callable[[Any], Any]
    numbers: PixelPlan | None
    target_transform: Callable[[Any], Any] | None

    def batch(self, index: np.ndarray) -> list[Any]:
        """[x, y] of the rows ``index`` (int64 (B,)): what ``default_collate`` makes of the samples one by one."""
        images, targets = [], []
        for row in index.tolist():
            images.append(self.changes(self.image(row)))
            target = self.target(row)
            targets.append(target if self.target_transform is None else self.target_transform(target))
        x = default_collate(images) if self.numbers is None else _as_numbers(images, self.numbers)
        return [x, default_collate(targets)]


def prepared(dataset: VisionDataset, decode: Callable[[PixelPlan], Resident | None]) -> Prepared | None:
    """A data set that ``decode`` reads by a plan; None where its transform does not begin with steps that make all
    images of one size, or they do not fit memory."""
    split = split_plan(dataset.transform)
    block = decode(split.first) if split.makes_one_size else None
    if block is None:
        return None

    def image(row: int) -> Image.Image:
        from PIL import Image

        planes = block.images[row]
        if len(planes) == 1:
            return Image.fromarray(planes[0])
        pixels = planes.transpose(1, 2, 0)  # by planes it takes an eighth of the time of a copy pixel by pixel
        return Image.fromarray(pixels if pixels.flags.c_contiguous else np.stack(tuple(planes), -1))

    targets = block.targets.tolist()
    return Prepared(image, targets.__getitem__, Compose(split.changes), split.numbers, dataset.target_transform)


class Kept:
    """Images of several sizes, read once as long as a quarter of the memory lasts that was free; the others each time.

    plan: steps that give the same pixels each time, done once too. read: from path to image.
    """

    def __init__(self, plan: PixelPlan, read: Callable[[str], Image.Image]) -> None:
        self.plan = plan
        self._read = read
        self._images: dict[str, Image.Image] = {}
        self._left = max(ALWAYS_FINE, free_memory() // 4)

    def image(self, path: str) -> Image.Image:
        """A copy of its own of the image in a file."""
        kept = self._images.get(path)
        if kept is None:
            kept = Compose(self.plan.steps)(self._read(path))
            size = kept.width * kept.height * (1 if kept.mode == "L" else 4)  # as Pillow holds them
            if size > self._left:
                return kept
            self._left -= size
            self._images[path] = kept
        return kept.copy()


def remembered(dataset: ImageFolder, read: Callable[[str], Image.Image], kept: Kept | None) -> tuple[Prepared, Kept]:
    """A folder's data set whose images are kept as they are read; in ``kept``, where that is of the same steps."""
    split = split_plan(dataset.transform)
    images = kept if kept is not None and kept.plan.key == split.first.key else Kept(split.first, read)
    changes, samples = Compose(split.changes), dataset.samples
    found = Prepared(
        lambda row: images.image(samples[row][0]),
        lambda row: samples[row][1],
        changes,
        split.numbers,
        dataset.target_transform,
    )
    return found, images


def _as_numbers(images: list[Any], plan: PixelPlan) -> Tensor:
    """What ToTensor and Normalize make of the images of a batch."""
    kinds = {(getattr(image, "mode", None), getattr(image, "size", None)) for image in images}
    if len(kinds) > 1 or kinds.pop()[0] not in ("L", "RGB"):
        steps = Compose([ToTensor(), *([plan.normalize] if plan.normalize else [])])
        return default_collate([steps(image) for image in images])
    width, height = images[0].size
    block = np.empty((len(images), len(images[0].mode), height, width), np.uint8)
    for row, image in enumerate(images):
        block[row] = np.asarray(image).reshape(height, width, -1).transpose(2, 0, 1)
    return Tensor(_core.gather_uint8(block, np.arange(len(images)), *plan.normalisation(block.shape[1])))
