"""From any image to what a network was trained on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fastnn import _core
from fastnn.data.photo import SIDE, as_mnist
from fastnn.data.resident import Resident
from fastnn.training.model_files import ModelInfo
from fastnn.training.network import Network

if TYPE_CHECKING:
    from PIL.Image import Image

    from fastnn.data.packed import PackCache


@dataclass(frozen=True)
class InputSpec:
    """What a network takes: image shape (C, H, W), normalisation, and its classes' names."""

    shape: tuple[int, int, int]
    mean: np.ndarray | None
    std: np.ndarray | None
    classes: list[str]

    @property
    def digits(self) -> bool:
        """Whether this is a recogniser of MNIST-like digits."""
        return self.shape == (1, SIDE, SIDE) and self.classes == [str(digit) for digit in range(10)]

    def inputs(self, pixels: np.ndarray) -> np.ndarray:
        """float32 (N, C, H, W) of uint8 pixels."""
        order = np.arange(len(pixels), dtype=np.int64)
        return _core.gather_uint8(pixels, order, self.mean, self.std)


def spec_of(model: Network, info: ModelInfo) -> InputSpec:
    """What a loaded network takes; guessed from its first layer where the file does not say.

    Raises:
        ValueError: its input is no square grey or colour image, or it has no classes.
    """
    if model.sizes[-1] < 2:
        raise ValueError(
            "this network has one output: it tells no classes apart. predict() from Python gives the number"
        )
    classes = info.classes or [str(i) for i in range(model.sizes[-1])]
    shape = info.input_shape or _square(model.sizes[0])
    if len(shape) != 3 or shape[0] * shape[1] * shape[2] != model.sizes[0] or shape[0] not in (1, 3):
        raise ValueError(
            f"this network takes {model.sizes[0]} numbers, which are no image: predict() from Python works on arrays"
        )
    mean, std = (None if values is None else np.asarray(values, dtype=np.float64) for values in (info.mean, info.std))
    return InputSpec(shape, mean, std, classes)


def _square(features: int) -> tuple[int, ...]:
    for channels in (1, 3):
        side = int((features // channels) ** 0.5 + 0.5)
        if channels * side * side == features:
            return (channels, side, side)
    return ()


def prepare(image: Image, spec: InputSpec, raw: bool = False) -> np.ndarray:
    """uint8 pixels (C, H, W) of an image of any size and mode, as the network was trained on."""
    from PIL import Image as pil

    from fastnn.data.images import to_rgb

    if spec.digits and not raw:
        return as_mnist(image)[None]
    channels, height, width = spec.shape
    image = image if image.mode == "L" and channels == 1 else to_rgb(image)
    if channels == 1:
        image = image.convert("L")
    if image.size != (width, height):
        image = image.resize((width, height), pil.Resampling.BILINEAR)
    pixels = np.asarray(image)
    return pixels[None] if channels == 1 else np.ascontiguousarray(pixels.transpose(2, 0, 1))


def resident_for(
    spec: str,
    model: Network,
    info: ModelInfo,
    on_bad: str,
    *,
    progress: Callable[[int, int], None] | None = None,
    cache: PackCache | None = None,
) -> Resident:
    """The test half of a data set, as a loaded network wants it.

    Raises:
        ValueError: other classes than the network's.
    """
    from fastnn.data.decode import NotResident
    from fastnn.data.source import open_test

    wanted = spec_of(model, info)
    channels, height, width = wanted.shape

    def read(resize: tuple[int, int] | None) -> Resident:
        return open_test(spec, resize=resize, on_bad=on_bad, progress=progress, channels=channels, cache=cache)

    try:
        data = read(None)
    except NotResident:  # images of several sizes: all become the network's
        data = read((width, height))
    if data.shape != wanted.shape:
        data = read((width, height))
    _check_classes(wanted.classes, data.classes, bool(info.classes))
    data.mean, data.std = wanted.mean, wanted.std
    return data


def _check_classes(model: Sequence[str], data: Sequence[str], named: bool) -> None:
    if len(model) != len(data) or (named and list(model) != list(data)):
        raise ValueError(
            f"the network knows the classes {list(model)}, the data has {list(data)}: labels would be shifted"
        )
