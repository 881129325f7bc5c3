"""Which transforms can be split: pixels prepared once as uint8, numbers made of them batch by batch in C++.

The geometry and colour steps of :mod:`fastnn.transforms` give the same uint8 pixels each time, so they run once for an
image; ``ToTensor`` and ``Normalize`` are what ``_core.gather_uint8`` computes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.data.resident import allocate_block
from fastnn.transforms import CenterCrop, Compose, Grayscale, Normalize, Pad, Resize, ToTensor

if TYPE_CHECKING:
    from PIL import Image

_PIXEL_STEPS = (Grayscale, Resize, CenterCrop, Pad)


@dataclass(frozen=True)
class PixelPlan:
    """A recognised transform: ``steps`` from image to image, then u / 255, then ``normalize`` if any."""

    steps: tuple[Callable[[Image.Image], Image.Image], ...]
    normalize: Normalize | None = None

    @property
    def key(self) -> str:
        """The steps as text: equal where they give equal pixels."""
        return repr(self.steps)

    @cached_property
    def keeps_grey(self) -> bool:
        """Whether a grey image ("L") gives the same pixels with and without going through RGB first.

        It does where the first step is Grayscale: Pillow's weights add up to one, so v -> (v, v, v) -> v.
        """
        return bool(self.steps) and isinstance(self.steps[0], Grayscale)

    @property
    def leaves_grey(self) -> bool:
        """Whether a grey image's own pixels are the result."""
        return not self._steps_of_grey

    @property
    def channels_alone(self) -> int | None:
        """1 or 3 where the steps are nothing but a choice of channels, which the compiled reader makes; else None."""
        if not self.steps:
            return 3
        return 1 if len(self.steps) == 1 and self.keeps_grey and self.steps[0].num_output_channels == 1 else None

    @cached_property
    def _steps_of_grey(self) -> tuple[Callable[[Image.Image], Image.Image], ...]:
        """The steps less those that do nothing to a grey image."""
        return self.steps[1:] if self.keeps_grey and self.steps[0].num_output_channels == 1 else self.steps

    @cached_property
    def jpeg_target(self) -> Callable[[int, int], tuple[int, int]] | None:
        """See :func:`jpeg_target`."""
        return _first_target(self.steps)

    def pixels(self, image: Image.Image) -> np.ndarray:
        """uint8 (C, H, W) of an image of mode "L" or "RGB"."""
        for step in self._steps_of_grey if image.mode == "L" else self.steps:
            image = step(image)
        shape = (image.height, image.width, len(image.mode))
        return np.frombuffer(image.tobytes(), np.uint8).reshape(shape).transpose(2, 0, 1)

    def normalisation(self, channels: int) -> tuple[np.ndarray | None, np.ndarray | None]:
        """(mean, std) for images of that many channels, float64, or (None, None).

        Raises:
            ValueError: Normalize was made for another number of channels.
        """
        return (None, None) if self.normalize is None else self.normalize.per_channel(channels)


def pixel_plan(transform: Any) -> PixelPlan | None:
    """The plan of a transform made of our own steps that ends with ToTensor and perhaps Normalize, None for
    any other.

    Subclasses count as others: they may do anything.
    """
    steps = _flat(transform)
    normalize = steps.pop() if steps and type(steps[-1]) is Normalize else None
    if not steps or type(steps.pop()) is not ToTensor or any(type(step) not in _PIXEL_STEPS for step in steps):
        return None
    return PixelPlan(tuple(steps), normalize)


@dataclass(frozen=True)
class SplitPlan:
    """A transform in parts: ``first``, steps of our own that give the same pixels each time; ``changes``, done for each
    use (the first is a random one, or of the user's); ``numbers``, ToTensor and perhaps Normalize at the end, None
    where ``changes`` has them."""

    first: PixelPlan
    changes: tuple[Callable[[Any], Any], ...]
    numbers: PixelPlan | None

    @property
    def makes_one_size(self) -> bool:
        """Whether ``first`` makes images of one size of whatever there is."""
        return any(
            type(step) is CenterCrop or (type(step) is Resize and _is_pair(step.size)) for step in self.first.steps
        )


def split_plan(transform: Any) -> SplitPlan:
    """The parts of a transform."""
    steps = _flat(transform)
    count = next((row for row, step in enumerate(steps) if type(step) not in _PIXEL_STEPS), len(steps))
    changes, numbers = split_end(Compose(steps[count:]))
    return SplitPlan(PixelPlan(tuple(steps[:count])), changes, numbers)


def split_end(transform: Any) -> tuple[tuple[Callable[[Any], Any], ...], PixelPlan | None]:
    """The steps before ToTensor, and the plan of ToTensor and perhaps Normalize at the end; all of them and None for a
    transform that ends with something else."""
    steps = _flat(transform)
    end = next((row for row, step in enumerate(steps) if type(step) is ToTensor), len(steps))
    numbers = pixel_plan(Compose(steps[end:]))
    return tuple(steps if numbers is None else steps[:end]), numbers


def _is_pair(size: int | Sequence[int]) -> bool:
    return isinstance(size, Sequence) and len(size) == 2


def jpeg_target(transform: Any) -> Callable[[int, int], tuple[int, int]] | None:
    """From the (width, height) of a JPEG file to a size that is enough to decode, where the transform begins by making
    images smaller and allows it (``Resize(scaled_jpeg=True)``)."""
    return _first_target(_flat(transform))


def _first_target(steps: Sequence[Any]) -> Callable[[int, int], tuple[int, int]] | None:
    first = next((step for step in steps if type(step) is not Grayscale), None)
    return first.target if type(first) is Resize and first.scaled_jpeg else None


def array_pixels(images: np.ndarray, plan: PixelPlan) -> np.ndarray:
    """uint8 (N, C, H, W) that a plan makes of grey images, uint8 (N, H, W), or of colour images (N, H, W, 3).

    Raises:
        NotResident: more than half of the free memory.
    """
    if images.ndim == 3 and (plan.leaves_grey or not len(images)):
        return np.ascontiguousarray(images[:, None])
    if not plan.steps or not len(images):
        return np.ascontiguousarray(images.transpose(0, 3, 1, 2))
    from PIL import Image

    first = plan.pixels(Image.fromarray(images[0]))
    out = allocate_block(len(images), first.shape)
    for row, image in enumerate(images):
        out[row] = plan.pixels(Image.fromarray(image))
    return out


def _flat(transform: Any) -> list[Any]:
    """The steps of a transform, those of nested Compose included."""
    if type(transform) is not Compose or not isinstance(transform.transforms, Sequence):
        return [transform]
    return [step for part in transform.transforms for step in _flat(part)]
