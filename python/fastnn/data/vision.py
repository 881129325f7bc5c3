"""What the image data sets share: root, transforms, the printed form (torchvision's), the way into memory."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from fastnn.data.dataset import Dataset
from fastnn.data.paths import StrPath, here_or_in_data
from fastnn.data.pixels import PixelPlan, pixel_plan
from fastnn.data.prepared import Prepared, prepared
from fastnn.data.resident import Resident

Transform = Callable[[Any], Any]
Progress = Callable[[int, int], None]


class StandardTransform:
    """A transform of the image and one of the label, called with both."""

    def __init__(self, transform: Transform | None = None, target_transform: Transform | None = None) -> None:
        self.transform = transform
        self.target_transform = target_transform

    def __call__(self, input: Any, target: Any) -> tuple[Any, Any]:
        image = input if self.transform is None else self.transform(input)
        return image, target if self.target_transform is None else self.target_transform(target)

    def __repr__(self) -> str:
        steps = (("Transform: ", self.transform), ("Target transform: ", self.target_transform))
        lines = [line for head, step in steps if step is not None for line in _hanging(head, repr(step))]
        return "\n".join(["StandardTransform", *lines])


class VisionDataset(Dataset[tuple[Any, Any]]):
    """Images and labels under a folder. Subclasses have ``__getitem__`` and ``__len__``.

    Args:
        root: the folder; one that is not there is looked for beneath ``$FASTNN_DATA``, "" is the current folder.
        transforms: of an image and its label together, instead of the other two.
        transform, target_transform: of each image and label.

    Raises:
        ValueError: transforms together with one of the other two.
    """

    def __init__(
        self,
        root: StrPath = "",
        transforms: Callable[[Any, Any], Any] | None = None,
        transform: Transform | None = None,
        target_transform: Transform | None = None,
    ) -> None:
        separate = transform is not None or target_transform is not None
        if transforms is not None and separate:
            raise ValueError("Only transforms or transform/target_transform can be passed as argument")
        self.root = here_or_in_data(os.path.expanduser(root) if isinstance(root, str) else root)
        self.transform = transform
        self.target_transform = target_transform
        self.transforms = StandardTransform(transform, target_transform) if separate else transforms

    def resident(self, *, threads: int | None = None, progress: Progress | None = None) -> Resident | None:
        """The whole data set, decoded into one uint8 block: now, or earlier if nothing changed since.

        Args:
            threads: that decode; None for as many as fastnn computes with.
            progress: called with (done, total).

        Returns:
            None where samples can only be had one by one: the transform is not made of fastnn's own steps ending with
            ToTensor, a loader or ``__getitem__`` of the user's, images of different sizes, or too many for the memory.

        Raises:
            FormatError: images that cannot be read, each with its path.
        """
        plan = pixel_plan(self.transform) if self.is_plain() and self.target_transform is None else None
        if plan is None:
            return None
        block = self._decode(plan, threads, progress)
        if block is None:
            return None
        mean, std = plan.normalisation(block.shape[0])
        return replace(block, mean=mean, std=std)

    def prepared(self, *, threads: int | None = None) -> Prepared | None:
        """The data set in memory up to the first random step of its transform; see :mod:`fastnn.data.prepared`.

        None where that is not possible: a loader or ``__getitem__`` of the user's, or the transform does not begin with
        fastnn's own Resize to two numbers or CenterCrop and the images are not kept one by one.
        """
        if not self.is_plain():
            return None
        return prepared(self, lambda plan: self._decode(plan, threads, None))

    def is_plain(self) -> bool:
        """Whether a sample is what fastnn's class makes of it, not a subclass or a loader of the user's."""
        return False

    def _decode(self, plan: PixelPlan, threads: int | None, progress: Progress | None) -> Resident | None:
        """The data set without normalisation, kept for the next call with the same steps and samples."""
        raise NotImplementedError

    def _has_hooks_of(self, ours: type, *names: str) -> bool:
        """Whether a subclass has left these methods as our class has them."""
        return all(getattr(type(self), name, None) is getattr(ours, name, None) for name in (*names, "__getitems__"))

    def _transformed(self, image: Any, target: int) -> tuple[Any, Any]:
        return image if self.transform is None else self.transform(image), self._transformed_target(target)

    def _transformed_target(self, target: int) -> Any:
        return target if self.target_transform is None else self.target_transform(target)

    def extra_repr(self) -> str:
        """Further lines for ``print(dataset)``."""
        return ""

    def __repr__(self) -> str:
        body = [
            f"Number of datapoints: {len(self)}",
            f"Root location: {self.root}",
            *self.extra_repr().splitlines(),
        ]
        if self.transform is not None or self.target_transform is not None:  # they may have been set since
            body.append(repr(StandardTransform(self.transform, self.target_transform)))  # indented as in torchvision
        elif self.transforms is not None:
            body.append(repr(self.transforms))
        return "\n    ".join([f"Dataset {type(self).__name__}", *body])


def _hanging(head: str, text: str) -> list[str]:
    """``head`` and ``text``, the further lines of text beneath its first."""
    lines = text.splitlines()
    return [head + lines[0], *(" " * len(head) + line for line in lines[1:])]
