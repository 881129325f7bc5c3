"""Transposed convolution of images: the gradient of a convolution with respect to its input, as a function.

Its own gradients are that convolution's forward and the gradient of its weight; all are ops of the core.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastnn.eager import ops
from fastnn.eager.images import Ints, Pair, batched, channels_last, convolved, pair, wrong_channels
from fastnn.errors import told

if TYPE_CHECKING:
    from fastnn.eager.tensor import Tensor


def conv_transpose2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Ints = 1,
    padding: Ints = 0,
    output_padding: Ints = 0,
    groups: int = 1,
    dilation: Ints = 1,
) -> Tensor:
    """x (N, C, H, W) or (C, H, W), weight (C, O / groups, kh, kw), bias (O,) -> (N, O, oh, ow) with
    oh = (H - 1) stride - 2 padding + dilation (kh - 1) + 1 + output_padding.

    Raises:
        ValueError: channels that do not fit, groups that do not divide, an output_padding that is not smaller than the
            stride (PyTorch takes one below the dilation too), nothing left of the images.
        TypeError: dtypes that differ.
    """
    step, around, spread = pair("stride", stride), pair("padding", padding), pair("dilation", dilation)
    behind = pair("output_padding", output_padding)
    if any(not 0 <= more < max(one, 1) for more, one in zip(behind, step, strict=True)):
        text = f"[conv_transpose2d] output_padding is {behind}; it must be at least 0 and below the stride, {step}"
        raise ValueError(text)
    _check(tuple(input.shape), tuple(weight.shape), None if bias is None else tuple(bias.shape), groups)
    size = output_size_of(tuple(input.shape[-2:]), weight.shape[2:], step, around, spread, behind)
    settings = (step, around * 2, spread, groups)
    return batched(input, transposed, weight, bias, size, settings)


def output_size_of(
    size: tuple[int, ...], kernel: tuple[int, ...], stride: Pair, padding: Pair, dilation: Pair, behind: Pair
) -> Pair:
    """(oh, ow) of images of a size (H, W)."""
    rows, columns = (
        (extent - 1) * step - 2 * around + spread * (taps - 1) + 1 + more
        for extent, taps, step, around, spread, more in zip(
            size, kernel, stride, padding, dilation, behind, strict=True
        )
    )
    return rows, columns


def _check(shape: tuple[int, ...], weight: tuple[int, ...], bias: tuple[int, ...] | None, groups: int) -> None:
    """Refuses shapes that do not fit; the core would call x the gradient of something."""
    if len(shape) not in (3, 4):
        text = f"[conv_transpose2d] expected (N, C, H, W) or (C, H, W), got shape {shape}"
        raise told(ValueError(text), "conv2d.rank", shape=str(shape))
    if len(weight) != 4:
        raise ValueError(
            f"[conv_transpose2d] weight must have 4 dimensions (C, O / groups, kh, kw), got shape {weight}"
        )
    if shape[-3] != weight[0]:
        raise wrong_channels("conv_transpose2d", shape, weight[0])
    if groups < 1 or weight[0] % groups:
        raise ValueError(f"[conv_transpose2d] {groups} groups do not divide {weight[0]} channels evenly")
    if bias is not None and bias != (weight[1] * groups,):
        raise ValueError(f"[conv_transpose2d] bias has shape {bias}, weight has {weight[1] * groups} outputs")


def transposed(
    x: Tensor, weight: Tensor, bias: Tensor | None, size: tuple[int, ...], settings: tuple[Ints, ...]
) -> Tensor:
    """Images of a size (rows, columns), of which conv2d with these settings makes images like x: its stride, padding
    (above, left, below, right), dilation and groups.

    Raises:
        ValueError: the size is not positive.
    """
    if min(size) < 1:
        raise ValueError(f"[conv_transpose2d] padding {settings[1][:2]} leaves nothing of the images: {size} pixels")
    data, kernel = channels_last(x._data), tuple(weight.shape[2:])
    y = ops.conv2d_grad_x(data, weight._to_read(), size, *settings)
    if bias is not None:
        y = ops.add(y, bias._data[:, None, None])
    return convolved(
        y,
        (x, weight, bias),
        lambda grad: ops.conv2d(grad, weight._to_read(), None, *settings),
        lambda grad: ops.conv2d_grad_weight(data, grad, kernel, *settings),
    )
