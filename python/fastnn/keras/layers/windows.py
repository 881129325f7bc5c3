"""Windows over images: where they lie, how many there are, and what to say where they do not fit."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from fastnn.arrays import is_integer
from fastnn.eager.tensor import Tensor
from fastnn.errors import outside
from fastnn.keras.layers.layer import Layer, Shape

_FORMATS = {None: "channels_last", "default": "channels_last", "tf": "channels_last", "channels_last": "channels_last"}
_TURN = "x.transpose(0, 2, 3, 1), input_shape=(rows, columns, channels)"


def data_format_of(kind: str, given: Any) -> str:
    """``channels_last``, the only one.

    Raises:
        ValueError: another.
    """
    if given not in _FORMATS:
        raise ValueError(f"{kind}: data_format is {given!r}; images are (N, rows, columns, channels) here: {_TURN}")
    return _FORMATS[given]


def sizes_of(kind: str, name: str, given: Any, axes: int, least: int = 1) -> Shape:
    """A number for each axis, of one for all or of as many.

    Raises:
        ValueError: something else, or a number below the least.
    """
    sizes = (given,) * axes if is_integer(given) else given
    if not isinstance(sizes, list | tuple) or len(sizes) != axes or not all(map(is_integer, sizes)):
        raise ValueError(f"{kind}: {name} is {given!r}; it must be an integer or {axes} of them")
    if min(sizes) < least:
        raise ValueError(f"{kind}: {name} is {given!r}; it must be at least {least}")
    return tuple(map(int, sizes))


def channels_first(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """A function of images (N, C, H, W), of which fastnn has the channels last in memory, on (N, H, W, C); rows (N, W,
    C) are images of one row. Nothing is copied.
    """
    images = x if x.dim() == 4 else x.unsqueeze(1)
    y = function(images.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
    return y if x.dim() == 4 else y.squeeze(1)


class Images(Layer):
    """Base of the layers of images (N, rows, columns, channels), or of sequences (N, steps, channels).

    Raises:
        ValueError: a data_format with the channels first.
    """

    axes: ClassVar[int] = 2  # without those of batch and channels
    former: ClassVar = {"dim_ordering": "data_format"}

    def __init__(self, data_format: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = data_format_of(type(self).__name__, data_format)

    @classmethod
    def label(cls, config: Mapping[str, Any]) -> str:
        """What a message calls the layer of a config, or of attributes."""
        return f"layer '{config['name']}' ({cls.__name__})"

    @classmethod
    def declared(cls, config: dict[str, Any], shape: Shape) -> tuple[list[Shape], Shape]:
        """Those of :meth:`Layer.declared`, for samples that are images.

        Raises:
            ValueError: they are not, or do not fit.
        """
        if len(shape) != cls.axes + 1:
            raise ValueError(f"{cls.label(config)} takes {_wanted(cls.axes)}, got {_batch(shape)}{_advice(cls, shape)}")
        return cls.shapes(config, shape)

    @classmethod
    def shapes(cls, config: Mapping[str, Any], shape: Shape) -> tuple[list[Shape], Shape]:
        """Those of the weights, and of what comes out."""
        raise NotImplementedError

    def make(self, shape: Shape) -> Shape:
        weights, out = type(self).declared(vars(self), shape)
        if len(shape) == 3 and shape[0] in (1, 3) and shape[1] == shape[2] > 4:
            text = f"{self.label(vars(self))}: inputs {_batch(shape)}{_advice(type(self), shape)}"
            warnings.warn(text, stacklevel=outside())
        self.compute(shape, weights)
        return out

    def compute(self, shape: Shape, weights: list[Shape]) -> None:
        """Fills ``modules``, with weights of these shapes."""
        raise NotImplementedError


class Windowed(Images):
    """Base of the layers that look at windows of images: of ``window``, ``strides`` apart."""

    window: ClassVar[str]  # the name of their size

    @classmethod
    def places(cls, config: Mapping[str, Any], shape: Shape) -> tuple[Shape, Shape]:
        """How many windows there are along each axis; how many pixels the images lack before and behind them: of an
        image (above, left, below, right).

        padding ``"same"`` is TensorFlow's: as many windows as strides begin in the image, and what they reach beyond it
        is half before it and half behind, where one more is if that is odd. ``"causal"``: all of it before.

        Raises:
            ValueError: a window is larger than the images.
        """
        window, strides = config[cls.window], config["strides"]
        spread = config.get("dilation_rate", (1,) * cls.axes)
        reach = [apart * (size - 1) + 1 for size, apart in zip(window, spread, strict=True)]
        found = [_along(*axis, config["padding"]) for axis in zip(shape, reach, strides, strict=False)]
        if min(count for count, _, _ in found) < 1:
            many = " x ".join(map(str, reach))
            raise ValueError(
                f"{cls.label(config)}: {cls.window.replace('_', ' ')} {many} is larger than the inputs "
                f"{_batch(shape)}{_advice(cls, shape) or ': ' + _SMALLER}"
            )
        lead = (0,) * (2 - cls.axes)
        before, behind = ((*lead, *(axis[i] for axis in found)) for i in (1, 2))
        return tuple(count for count, _, _ in found), (*before, *behind)


_SMALLER = "padding='same' keeps their size; fewer layers of pooling before it leave more of them"


def _along(size: int, reach: int, stride: int, padding: str) -> tuple[int, int, int]:
    """Windows along an axis, and the pixels that are lacking before and behind it."""
    if padding == "valid":
        return (size - reach) // stride + 1, 0, 0
    count = -(-size // stride)
    if padding == "causal":
        return count, reach - 1, 0
    lacking = max((count - 1) * stride + reach - size, 0)
    return count, lacking // 2, lacking - lacking // 2


def padding_of(kind: str, given: Any, causal: bool = False) -> str:
    """A padding's name in small letters.

    Raises:
        ValueError: an unknown one.
    """
    known = ("valid", "same", *(("causal",) if causal else ()))
    name = given.lower() if isinstance(given, str) else given
    if name not in known:
        hint = "; ZeroPadding2D puts any number of zeros around images" if not isinstance(given, str) else ""
        raise ValueError(f"{kind}: padding is {given!r}; it must be {' or '.join(map(repr, known))}{hint}")
    return name


def _batch(shape: Shape) -> str:
    return f"(N, {', '.join(map(str, shape))})" if shape else "(N,)"


def _wanted(axes: int) -> str:
    return "images (N, rows, columns, channels)" if axes == 2 else "sequences (N, steps, channels)"


def _advice(cls: type[Images], shape: Shape) -> str:
    """What to do about samples of a shape, where that is plain."""
    if len(shape) == cls.axes:
        number = ", ".join(map(str, (*shape, 1)))
        return f": their channels are missing; x[..., None] makes them one, input_shape=({number})"
    if len(shape) == 1:
        return ": put a Reshape((rows, columns, channels)) before it" if cls.axes == 2 else ""
    first = cls.axes == 2 and len(shape) == 3 and shape[0] in (1, 3) and shape[2] > 4
    return f": are their channels first? {_TURN}" if first else ""
