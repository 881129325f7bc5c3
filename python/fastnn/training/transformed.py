"""What a transform tells of the images that come out of it, also of random ones, which cannot be looked at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastnn.transforms import CenterCrop, Compose, Grayscale, InterpolationMode, Normalize, Resize, ToTensor

# Steps of torchvision's names that leave the size of an image as it is, and pixels as likely as they were.
_KEEPING = {
    "ColorJitter",
    "GaussianBlur",
    "RandomAdjustSharpness",
    "RandomAffine",
    "RandomAutocontrast",
    "RandomErasing",
    "RandomGrayscale",
    "RandomHorizontalFlip",
    "RandomPerspective",
    "RandomRotation",
    "RandomVerticalFlip",
}


def told_by(transform: Any) -> dict[str, Any]:
    """Fields of :class:`~fastnn.training.model_info.ModelInfo`: the preparation, where the transform begins with
    ``Resize((H, W))`` or with ``Resize(N)`` and ``CenterCrop(N)``; and where it goes on with steps that leave the size
    as it is, to ``ToTensor`` and perhaps ``Normalize``, shape and normalisation too.
    """
    steps = list(transform.transforms) if type(transform) is Compose else []
    grey = [step for step in steps if type(step) is Grayscale]
    steps = [step for step in steps if type(step) is not Grayscale]
    size, preparation, used = _size(steps)
    if not preparation:
        return {}
    known: dict[str, Any] = {"preparation": preparation}
    rest = [step for step in steps[used:] if not _keeps(step)]
    if [type(step) for step in rest] not in ([ToTensor], [ToTensor, Normalize]):
        return known
    channels = 1 if grey and grey[-1].num_output_channels == 1 else 3
    try:
        ends = rest[1].per_channel(channels) if len(rest) > 1 else None
    except ValueError:  # of another number of channels: the first image will say so
        return known
    mean, std = (None, None) if ends is None else (each.tolist() for each in ends)
    return known | {"input_shape": (channels, *size), "mean": mean, "std": std}


def _size(steps: Sequence[Any]) -> tuple[tuple[int, int], str, int]:
    """(H, W) that the first steps give images of any size, how, and how many steps these are; "" for others."""
    if not steps or type(steps[0]) is not Resize or steps[0].interpolation is not InterpolationMode.BILINEAR:
        return (0, 0), "", 0
    size = steps[0].size
    if isinstance(size, Sequence) and len(size) == 2:
        return (int(size[0]), int(size[1])), "scaled", 1
    side = int(size[0] if isinstance(size, Sequence) else size)
    if type(steps[1 if len(steps) > 1 else 0]) is CenterCrop and steps[0].max_size is None:
        return (side, side), "cropped" if steps[1].size == (side, side) else "", 2
    return (0, 0), "", 0


def _keeps(step: Any) -> bool:
    return type(step).__name__ in _KEEPING and not getattr(step, "expand", False)
