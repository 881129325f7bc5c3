"""What the image data sets share: root, transforms, the printed form (torchvision's), the way into memory."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from fastnn.data.dataset import Dataset
from fastnn.data.paths import StrPath
from fastnn.data.pixels import PixelPlan, pixel_plan
from fastnn.data.resident import Resident

Transform = Callable[[Any], Any]
Progress = Callable[[int, int], None]


class VisionDataset(Dataset[tuple[Any, Any]]):
    """Images and labels under a folder. Subclasses have ``__getitem__``, ``__len__`` and :meth:`_decode`."""

    def __init__(
        self, root: StrPath, transform: Transform | None = None, target_transform: Transform | None = None
    ) -> None:
        self.root = os.path.expanduser(root) if isinstance(root, str) else root
        self.transform = transform
        self.target_transform = target_transform

    def resident(self, *, threads: int | None = None, progress: Progress | None = None) -> Resident | None:
        """The whole data set, decoded into one uint8 block: now, or earlier if nothing changed since.

        Args:
            threads: that decode; None for as many as fastnn computes with.
            progress: called with (done, total).

        Returns:
            None where samples can only be had one by one: the transform is not made of fastnn's own steps
                ending with
            ToTensor, a loader or ``__getitem__`` of the user's, images of different sizes, or too many for
            the memory.

        Raises:
            FormatError: images that cannot be read, each with its path.
        """
        plan = pixel_plan(self.transform) if self._is_plain() and self.target_transform is None else None
        if plan is None:
            return None
        block = self._decode(plan, threads, progress)
        if block is None:
            return None
        mean, std = plan.normalisation(block.shape[0])
        return replace(block, mean=mean, std=std)

    def _is_plain(self) -> bool:
        """Whether a sample is what this class makes of it, not a subclass or a loader of the user's."""
        raise NotImplementedError

    def _decode(self, plan: PixelPlan, threads: int | None, progress: Progress | None) -> Resident | None:
        """The data set without normalisation, kept for the next call with the same steps and samples."""
        raise NotImplementedError

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
        steps = (("Transform: ", self.transform), ("Target transform: ", self.target_transform))
        lines = [line for head, step in steps if step is not None for line in _hanging(head, repr(step))]
        if lines:
            body.append("\n".join(["StandardTransform", *lines]))  # only its first line is indented, as in torchvision
        return "\n    ".join([f"Dataset {type(self).__name__}", *body])


def _hanging(head: str, text: str) -> list[str]:
    """``head`` and ``text``, the further lines of text beneath its first."""
    lines = text.splitlines()
    return [head + lines[0], *(" " * len(head) + line for line in lines[1:])]
