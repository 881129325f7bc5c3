"""Functions of sequences (N, C, L) or (C, L): convolution and pooling of images (N, C, H, W) with a height of 1.

In memory they lie [N][L][C], as such images do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from fastnn.eager import images
from fastnn.eager.images import Ints, Sizes, numbers
from fastnn.errors import told

if TYPE_CHECKING:
    from fastnn.eager.tensor import Tensor


def _as_images(op: str, x: Tensor, function: Callable[[Tensor], Tensor]) -> Tensor:
    """What a function makes of the rows of images.

    Raises:
        ValueError: x is no sequence.
    """
    shape = tuple(x.shape)
    if len(shape) not in (2, 3):
        hint = ": images (N, C, H, W) have layers and functions of their own, named 2d" if len(shape) == 4 else ""
        text = f"[{op}] expected (N, C, L) or (C, L), got shape {shape}{hint}"
        raise told(ValueError(text), "sequence.rank", shape=shape)
    return function(x.unsqueeze(-2)).squeeze(-2)


def _columns(name: str, value: Ints, rows: int) -> tuple[int, int]:
    """A number of the sequence as (rows, columns) of the image."""
    return rows, numbers(name, value, 1)[0]


def conv1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Ints = 1,
    padding: Ints | str = 0,
    dilation: Ints = 1,
    groups: int = 1,
) -> Tensor:
    """y = x * weight + bias: x (N, C, L) or (C, L), weight (O, C / groups, k), bias (O,); padding as of
    :func:`fastnn.eager.images.conv2d`.

    Raises:
        ValueError: other dimensions, channels that do not fit, groups that do not divide, a kernel longer than the
            padded sequence.
        TypeError: dtypes that differ.
    """
    if weight.dim() != 3:
        raise ValueError(f"[conv1d] weight must have 3 dimensions (O, C / groups, k), got shape {tuple(weight.shape)}")
    step, spread = _columns("stride", stride, 1), _columns("dilation", dilation, 1)
    around = padding if isinstance(padding, str) else _columns("padding", padding, 0)

    def convolved(x: Tensor) -> Tensor:
        _check_channels(tuple(input.shape), weight.shape[1] * groups)
        return images.batched(x, images.convolution, weight, bias, step, around, spread, groups)

    return _as_images("conv1d", input, convolved)


def _check_channels(shape: tuple[int, ...], channels: int) -> None:
    """Refuses sequences of other channels: the core would speak of images."""
    if shape[-2] == channels:
        return
    hint = "; its last dimension has so many: channels last? use x.transpose(-2, -1)" if shape[-1] == channels else ""
    text = f"[conv1d] expected {channels} in dimension -2, the channels, got {shape[-2]}: x has shape {shape}{hint}"
    raise told(ValueError(text), "conv1d.channels", expected=channels, got=shape[-2], shape=shape)


def max_pool1d(
    input: Tensor,
    kernel_size: Ints,
    stride: Ints | None = None,
    padding: Ints = 0,
    dilation: Ints = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Tensor:
    """The largest of each window of (N, C, L) or (C, L); see :func:`fastnn.eager.images.max_pool2d`.

    Raises:
        ValueError: other dimensions, a kernel longer than the padded sequence, padding of more than half of it,
            return_indices.
    """
    images.refuse_indices("[max_pool1d]", return_indices)
    kernel = _columns("kernel_size", kernel_size, 1)
    step = kernel if stride is None else _columns("stride", stride, 1)
    settings = (step, _columns("padding", padding, 0), _columns("dilation", dilation, 1), ceil_mode)
    return _as_images("max_pool1d", input, lambda x: images.max_pool2d(x, kernel, *settings))


def avg_pool1d(
    input: Tensor,
    kernel_size: Ints,
    stride: Ints | None = None,
    padding: Ints = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """The mean of each window of (N, C, L) or (C, L); stride None: kernel_size.

    Raises:
        ValueError: other dimensions, a kernel longer than the padded sequence, padding of more than half of it.
    """
    kernel = _columns("kernel_size", kernel_size, 1)
    step = kernel if stride is None else _columns("stride", stride, 1)
    settings = (step, _columns("padding", padding, 0), ceil_mode, count_include_pad)
    return _as_images("avg_pool1d", input, lambda x: images.avg_pool2d(x, kernel, *settings))


def _length(output_size: Sizes) -> tuple[int, int | None]:
    given = output_size[0] if isinstance(output_size, tuple | list) and len(output_size) == 1 else output_size
    return 1, None if given is None else numbers("output_size", given, 1)[0]  # type: ignore[arg-type]


def adaptive_avg_pool1d(input: Tensor, output_size: Sizes) -> Tensor:
    """Means of windows that cut (N, C, L) or (C, L) into output_size.

    Raises:
        ValueError: other dimensions, a size below 1.
    """
    size = _length(output_size)
    return _as_images("adaptive_avg_pool1d", input, lambda x: images.adaptive_avg_pool2d(x, size))


def adaptive_max_pool1d(input: Tensor, output_size: Sizes, return_indices: bool = False) -> Tensor:
    """The largest of each of the windows that cut (N, C, L) or (C, L) into output_size.

    Raises:
        ValueError: other dimensions, a size below 1, return_indices.
    """
    images.refuse_indices("[adaptive_max_pool1d]", return_indices)
    size = _length(output_size)
    return _as_images("adaptive_max_pool1d", input, lambda x: images.adaptive_max_pool2d(x, size))
