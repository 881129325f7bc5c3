"""From any image to what a network was trained on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn import _core
from fastnn.chinese import noted
from fastnn.data.look import look_of
from fastnn.data.photo import SIDE, as_mnist
from fastnn.data.resident import FileNames, Resident
from fastnn.data.typical import Typical, fits, parse_typical
from fastnn.errors import told
from fastnn.io.checks import shown_names
from fastnn.io.notes import say_once
from fastnn.training.model_info import ModelInfo
from fastnn.training.network import Network
from fastnn.training.trained_on import square
from fastnn.transforms import CenterCrop, Resize

if TYPE_CHECKING:
    from PIL.Image import Image

    from fastnn.data.packed import PackCache


@dataclass(frozen=True)
class InputSpec:
    """What a network takes: image shape (C, H, W), normalisation, its classes' names (none where it gives numbers),
    ground of its images, whether these have MNIST's frame, or are cropped to squares. assumed: what of this is taken
    for granted. typical: what these images are like, where its file tells.
    """

    shape: tuple[int, int, int]
    mean: np.ndarray | None
    std: np.ndarray | None
    classes: list[str]
    ground: str = ""
    framed: bool = False
    cropped: bool = False
    assumed: tuple[str, ...] = ()
    typical: Typical | None = None

    def inputs(self, pixels: np.ndarray) -> np.ndarray:
        """float32 (N, C, H, W) of uint8 pixels."""
        order = np.arange(len(pixels), dtype=np.int64)
        return _core.gather_uint8(pixels, order, self.mean, self.std)

    def unlike(self, pixels: np.ndarray) -> np.ndarray:
        """Which images, uint8 (N, C, H, W), are not at all like those that it was trained on: bool (N,); none where
        nobody knows.
        """
        return np.zeros(len(pixels), bool) if self.typical is None else self.typical.unlike(pixels)


def spec_of(model: Network, info: ModelInfo) -> InputSpec:
    """What a loaded network takes; guessed from its first layer where the file does not say.

    Raises:
        ValueError: its input is no square grey or colour image, or it has one output and nothing tells what that is.
    """
    shape, features = info.input_shape, model.sizes[:1]
    if not shape and features:
        shape = square(features[0])
    if len(shape) != 3 or features not in ((), (prod(shape),)) or shape[0] not in (1, 3):
        taken = (
            f"takes {features[0]} numbers, which are no image" if features else "was trained on no images, as it seems"
        )
        raise ValueError(f"this network {taken}: predict() from Python works on arrays")
    if info.class_count < 2 and info.outputs != "numbers":
        raise ValueError(
            "this network has one output: it tells no classes apart. predict() from Python gives the number"
        )
    classes = info.classes or ([] if info.outputs == "numbers" else range(info.class_count))
    classes = [str(name) for name in classes]
    mean, std = (None if values is None else np.asarray(values, dtype=np.float64) for values in (info.mean, info.std))
    like_digits = shape == (1, SIDE, SIDE) and classes == [str(digit) for digit in range(10)]
    framed = info.preparation == "mnist" if info.preparation else like_digits
    assumed = (*info.assumptions(), *_assumed_of_images(info, shape, framed))
    ground, cropped = info.ground or ("dark" if framed else ""), info.preparation == "cropped" and shape[1] == shape[2]
    typical = parse_typical(info.typical) if info.typical else None
    typical = typical if typical is not None and fits(typical, shape) else None
    return InputSpec(shape, mean, std, classes, ground, framed, cropped, assumed, typical)


def _assumed_of_images(info: ModelInfo, shape: Sequence[int], framed: bool) -> Iterator[str]:
    channels, height, width = shape
    if not info.input_shape:
        kind = noted("grey", "灰度") if channels == 1 else noted("in colour", "彩色")
        yield f"{noted('its images', '图片')}: {width}x{height}, {kind}"
    if not info.preparation and framed:
        yield noted(
            "light digits on dark, as MNIST's (predict --raw: only scaled)",
            "深色背景上的浅色数字, 与 MNIST 相同 (predict --raw: 只缩放)",
        )
    low, high = info.input_range or (0.0, 1.0)
    if info.mean is None and (low < 0 or high > 1):
        yield noted(
            f"pixels from 0 to 1, though it was trained on numbers from {low:g} to {high:g}",
            f"像素从 0 到 1, 虽然训练用的数从 {low:g} 到 {high:g}",
        )
    elif info.mean is None and info.input_range is None and not (info.input_shape and info.version):  # else all is told
        yield noted("pixels from 0 to 1, not normalised", "像素从 0 到 1, 没有标准化")


def _check_has_classes(info: ModelInfo, spec: InputSpec) -> None:
    """Refuses a network that tells no classes apart.

    Raises:
        ValueError: it gives numbers.
    """
    if not spec.classes:
        raise ValueError(
            f"this network was trained to give numbers ({info.output_count}): it tells no classes apart. "
            "fastnn predict gives them"
        )


def prepare(image: Image, spec: InputSpec, raw: bool = False) -> np.ndarray:
    """uint8 pixels (C, H, W) of an image of any size and mode, as the network was trained on; upright, where a camera
    was held otherwise. raw: only scaled.

    Raises:
        FormatError: to be cropped, and so narrow that its longer side would be enormous.
    """
    from fastnn.data.images import to_rgb, upright

    if not raw:
        if spec.framed:
            return as_mnist(image, spec.ground)[None]
        image, before = upright(image), image
        if image is not before:
            note = "photographs are turned upright where their EXIF data say that the camera was held otherwise"
            say_once("upright", note)
    channels, height, width = spec.shape
    image = image if image.mode == "L" and channels == 1 else to_rgb(image)
    if channels == 1:
        image = image.convert("L")
    if spec.cropped and not raw:
        image = CenterCrop(height)(Resize(height)(image))
    pixels = np.asarray(Resize((height, width))(image))
    return pixels[None] if channels == 1 else np.ascontiguousarray(pixels.transpose(2, 0, 1))


def ground_note(pixels: np.ndarray, spec: InputSpec) -> str:
    """What is to be said of images, uint8 (N, C, H, W), on another ground than the training's; empty for others."""
    ground = look_of(pixels).ground
    if {ground, spec.ground} != {"dark", "light"}:
        return ""
    ours, its = ("浅色" if word == "light" else "深色" for word in (ground, spec.ground))
    return noted(
        f"the images are on a {ground} ground, the network was trained on a {spec.ground} one",
        f"图片是{ours}背景, 网络训练时是{its}背景",
    )


def resident_for(
    spec: str,
    model: Network,
    info: ModelInfo,
    on_bad: str,
    *,
    progress: Callable[[int, int], None] | None = None,
    cache: PackCache | None = None,
    say: Callable[[str], None] = lambda text: None,
    **reading: Any,
) -> Resident:
    """The test half of a data set, as a loaded network wants it: as :func:`prepare` has each image, where they are not
    like those of the training. say: is told so. reading: further arguments of :func:`fastnn.data.source.open_test`.

    Raises:
        ValueError: other classes than the network's, or a network that has none.
    """
    from fastnn.data.source import open_test

    wanted = spec_of(model, info)
    _check_has_classes(info, wanted)
    reading |= {"on_bad": on_bad, "progress": progress, "channels": wanted.shape[0], "cache": cache}
    data, scaled = _in_its_size(wanted, on_bad, partial(open_test, spec, **reading))
    other = ground_note(data.images, wanted)
    if wanted.framed and (scaled or other):
        data = replace(data, images=_prepared(data, wanted))
        say(f"the images are not like those of the training (28x28 on a {wanted.ground} ground): prepared as photos")
    elif other:
        say(other)
    _check_classes(wanted.classes, data.classes, bool(info.classes))
    data.mean, data.std = wanted.mean, wanted.std
    return data


def _in_its_size(spec: InputSpec, on_bad: str, read: Callable[..., Resident]) -> tuple[Resident, bool]:
    """A data set in a network's size, and whether it was scaled to that. read: takes what makes images of it."""
    from fastnn.data.decode import NotResident

    _, height, width = spec.shape
    if spec.cropped:
        return read(size=height), False
    if spec.framed or on_bad == "error":  # else those of another size than most would be left out
        with suppress(NotResident):  # several sizes
            data = read()
            if data.shape == spec.shape:
                return data, False
    return read(resize=(width, height)), True


def _prepared(data: Resident, spec: InputSpec) -> np.ndarray:
    """The images of a data set from their files on, as predict has them: uint8 (N, C, H, W)."""
    from PIL import Image as pil

    from fastnn.data.images import open_image

    in_files = isinstance(data.names, FileNames)
    images = map(open_image, data.names.paths) if in_files else map(pil.fromarray, data.images[:, 0])
    return np.stack([prepare(image, spec) for image in images])


def _check_classes(model: Sequence[str], data: Sequence[str], named: bool) -> None:
    if len(model) == len(data) and (not named or list(model) == list(data)):
        return
    counts = "" if len(model) == len(data) else f" ({len(model):,} and {len(data):,} classes)"
    known, found = shown_names(model), shown_names(data)
    text = f"the network knows the classes {known}, the data has {found}{counts}: labels would be shifted"
    raise told(ValueError(text), "model.classes", known=known, found=found)
