"""ONNX's operators of images and of what is normalised: see ``operators.py``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf
from types import SimpleNamespace as Settings
from typing import Any

import numpy as np

from fastnn.eager import creation, selection
from fastnn.eager.images import batched
from fastnn.eager.indexing import picked
from fastnn.eager.tensor import Tensor
from fastnn.eager.transposed_convolution import transposed
from fastnn.errors import FormatError
from fastnn.nn import functional as F
from fastnn.onnx.operators import Value, bounded, host, ints, operator, tensor

Ints = Sequence[int]


def _as_images(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """function(settings, images, ...): sequences (N, C, L) are images of one row, their kernels too."""

    def applied(at: Settings, x: Value, *others: Value | None) -> Tensor:
        x, *rest = (each if each is None else tensor(each) for each in (x, *others))
        axes = x.dim() - 2
        if axes not in (1, 2):
            raise FormatError(f"{at.op} of a tensor of {x.dim()} dimensions is not supported, only of 3 and 4")
        if axes == 2:
            return function(at, x, *rest)
        wide = Settings(**vars(at))
        for name, flat in (("kernel_shape", 1), ("strides", 1), ("dilations", 1), ("output_padding", 0)):
            given = getattr(at, name, None)
            setattr(wide, name, None if given is None else [flat, *given])
        if getattr(at, "output_shape", None) is not None:
            wide.output_shape = [1, *at.output_shape[-1:]]
        wide.pads = None if at.pads is None else [0, at.pads[0], 0, at.pads[1]]
        rest = [each.unsqueeze(2) if each is not None and each.dim() == 3 else each for each in rest]
        return function(wide, x.unsqueeze(2), *rest).squeeze(2)

    return applied


def _windows(at: Settings, size: Ints, kernel: Ints) -> tuple[tuple, tuple, tuple, tuple]:
    """(kernel, strides, pads (above, left, below, right), dilations) of windows over images of a size."""
    strides, dilations = tuple(at.strides or (1, 1)), tuple(getattr(at, "dilations", None) or (1, 1))
    kernel = tuple(kernel)
    if at.kernel_shape is not None and tuple(at.kernel_shape) != kernel:
        raise FormatError(f"{at.op}: kernel_shape {at.kernel_shape} is not that of the weight, {kernel}")
    if not len(kernel) == len(strides) == len(dilations) == 2 or min(*kernel, *strides, *dilations) < 1:
        raise FormatError(
            f"{at.op}: kernel {kernel}, strides {strides}, dilations {dilations}: two positive numbers each"
        )
    if at.auto_pad in ("NOTSET", "VALID"):
        pads = tuple(at.pads or (0,) * 4) if at.auto_pad == "NOTSET" else (0,) * 4
    elif at.auto_pad in ("SAME_UPPER", "SAME_LOWER"):
        spans = zip(size, kernel, strides, dilations, strict=True)
        total = [max((-(-n // s) - 1) * s + d * (k - 1) + 1 - n, 0) for n, k, s, d in spans]
        pads = _same(total, at.auto_pad == "SAME_UPPER")
    else:
        raise FormatError(f"{at.op}: auto_pad is {at.auto_pad!r}")
    if len(pads) != 4 or min(pads) < 0:
        raise FormatError(f"{at.op}: pads {pads} must be four numbers, none below 0")
    bounded([size[0] + pads[0] + pads[2], size[1] + pads[1] + pads[3]])
    return kernel, strides, pads, dilations


def _same(total: Ints, upper: bool) -> tuple[int, ...]:
    small, large = [each // 2 for each in total], [each - each // 2 for each in total]
    return (*small, *large) if upper else (*large, *small)


@operator("Conv", 2, 3, auto_pad="NOTSET", dilations=None, group=1, kernel_shape=None, pads=None, strides=None)
@_as_images
def _conv(at: Settings, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    _, strides, pads, dilations = _windows(at, x.shape[2:], weight.shape[2:])
    bounded(
        (x.shape[0], weight.shape[0], *(n + a + b for n, a, b in zip(x.shape[2:], pads[:2], pads[2:], strict=True)))
    )
    return F.conv2d(x, weight, bias, strides, pads, dilations, at.group)


@operator("ConvTranspose", 2, 3, auto_pad="NOTSET", dilations=None, group=1, kernel_shape=None, pads=None, strides=None,
          output_padding=None, output_shape=None)  # fmt: skip
@_as_images
def _conv_transpose(at: Settings, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    same = at.auto_pad.startswith("SAME")
    plain = Settings(**{**vars(at), "auto_pad": "NOTSET" if same else at.auto_pad})
    kernel, strides, pads, dilations = _windows(plain, x.shape[2:], weight.shape[2:])
    more, wanted = at.output_padding or (0, 0), at.output_shape
    each = zip(x.shape[2:], strides, kernel, dilations, more, strict=True)
    whole = [s * (n - 1) + d * (k - 1) + 1 + extra for n, s, k, d, extra in each]
    if same and wanted is None:
        wanted = [n * s for n, s in zip(x.shape[2:], strides, strict=True)]
    if wanted is not None:
        total = [max(a - b, 0) for a, b in zip(whole, wanted, strict=True)]
        pads = _same(total, at.auto_pad == "SAME_UPPER")
    size = wanted or [n - a - b for n, a, b in zip(whole, pads[:2], pads[2:], strict=True)]
    bounded((x.shape[0], weight.shape[1] * at.group, *size))
    if x.shape[1] != weight.shape[0] or at.group < 1 or x.shape[1] % at.group:
        raise ValueError(
            f"ConvTranspose: x {tuple(x.shape)}, weight {tuple(weight.shape)} and group {at.group} do not fit"
        )
    return batched(x, lambda x: transposed(x, weight, bias, size, (strides, pads, dilations, at.group)))


@operator("MaxPool", 1, auto_pad="NOTSET", ceil_mode=0, dilations=None, kernel_shape=None, pads=None, storage_order=0,
          strides=None)  # fmt: skip
@_as_images
def _max_pool(at: Settings, x: Tensor) -> Tensor:
    kernel, strides, pads, dilations = _windows(at, x.shape[2:], at.kernel_shape or ())
    if not _fits(kernel, pads):
        x, pads = F.pad(x, _around(pads), value=-inf), (0,) * 4
    return F.max_pool2d(x, kernel, strides, pads, dilations, bool(at.ceil_mode))


@operator("AveragePool", 1, auto_pad="NOTSET", ceil_mode=0, count_include_pad=0, dilations=None, kernel_shape=None,
          pads=None, strides=None)  # fmt: skip
@_as_images
def _average_pool(at: Settings, x: Tensor) -> Tensor:
    kernel, strides, pads, dilations = _windows(at, x.shape[2:], at.kernel_shape or ())
    if dilations != (1, 1):
        raise FormatError(f"AveragePool with dilations {dilations} is not supported")
    how = (kernel, strides)
    if _fits(kernel, pads):
        return F.avg_pool2d(x, *how, pads, bool(at.ceil_mode), bool(at.count_include_pad))
    means = F.avg_pool2d(F.pad(x, _around(pads)), *how, 0, bool(at.ceil_mode))
    if at.count_include_pad:
        return means
    ones = creation.ones(1, 1, *x.shape[2:], dtype=x.dtype)
    return means / F.avg_pool2d(F.pad(ones, _around(pads)), *how, 0, bool(at.ceil_mode))


def _fits(kernel: Ints, pads: Ints) -> bool:
    """Whether padding is at most half of the windows, as the pooling of images wants it."""
    return all(2 * max(a, b) <= k for k, a, b in zip(kernel, pads[:2], pads[2:], strict=True))


def _around(pads: Ints) -> tuple[int, ...]:
    return pads[1], pads[3], pads[0], pads[2]


@operator("GlobalAveragePool GlobalMaxPool", 1)
def _global_pool(at: Settings, x: Value) -> Tensor:
    x = tensor(x)
    over = tuple(range(2, x.dim()))
    if at.op == "GlobalMaxPool":
        return x.amax(over, True)
    return F.adaptive_avg_pool2d(x, 1) if x.dim() == 4 else x.mean(over, True)


@operator("BatchNormalization", 5, epsilon=1e-5, momentum=0.9, training_mode=0, spatial=1)
def _batch_norm(at: Settings, x: Value, scale: Value, shift: Value, mean: Value, var: Value) -> Tensor:
    if at.training_mode or not at.spatial:
        raise FormatError("BatchNormalization with training_mode=1 or spatial=0 is not supported")
    given = [tensor(each) for each in (x, mean, var, scale, shift)]
    momentum = float(f"{1 - at.momentum:.6g}")  # 0.1 of float32's 0.9: a network learns the same bits as before
    return F.batch_norm(*given, training=at.training, momentum=momentum, eps=at.epsilon)


@operator("LayerNormalization", 2, 3, axis=-1, epsilon=1e-5, stash_type=1)
def _layer_norm(at: Settings, x: Value, scale: Value, bias: Value | None = None) -> Tensor:
    x = tensor(x)
    y = F.layer_norm(x, tuple(x.shape)[at.axis :], None, None, at.epsilon) * tensor(scale)
    return y if bias is None else y + tensor(bias)


@operator("InstanceNormalization", 3, epsilon=1e-5)
def _instance_norm(at: Settings, x: Value, scale: Value, bias: Value) -> Tensor:
    return F.group_norm(tensor(x), x.shape[1], tensor(scale), tensor(bias), at.epsilon)


@operator("GroupNormalization", 3, epsilon=1e-5, num_groups=1, stash_type=1)
def _group_norm(at: Settings, x: Value, scale: Value, bias: Value) -> Tensor:
    if at.opset < 21:
        raise FormatError(f"GroupNormalization of opset {at.opset} is not supported, only from 21 on")
    return F.group_norm(tensor(x), at.num_groups, tensor(scale), tensor(bias), at.epsilon)


@operator("LpNormalization", 1, axis=-1, p=2)
def _lp_norm(at: Settings, x: Value) -> Tensor:
    x = tensor(x)
    norm = x.abs().sum(at.axis, True) if at.p == 1 else (x * x).sum(at.axis, True).sqrt()
    return x / selection.where(norm == 0, 1.0, norm)


@operator("Resize", 1, 4, antialias=0, axes=None, coordinate_transformation_mode="half_pixel", cubic_coeff_a=-0.75,
          exclude_outside=0, extrapolation_value=0.0, keep_aspect_ratio_policy="stretch", mode="nearest",
          nearest_mode="round_prefer_floor")  # fmt: skip
def _resize(
    at: Settings, x: Value, roi: Value | None = None, scales: Value | None = None, sizes: Value | None = None
) -> Tensor:
    """The nearest elements along each axis."""
    moved = {
        "half_pixel": lambda i, scale, new, old: (i + 0.5) / scale - 0.5,
        "pytorch_half_pixel": lambda i, scale, new, old: (i + 0.5) / scale - 0.5 if new > 1 else i * 0.0,
        "asymmetric": lambda i, scale, new, old: i / scale,
        "align_corners": lambda i, scale, new, old: i * ((old - 1) / (new - 1)) if new > 1 else i * 0.0,
    }
    rounded: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "round_prefer_floor": lambda i: np.ceil(i - 0.5),
        "round_prefer_ceil": lambda i: np.floor(i + 0.5),
        "floor": np.floor,
        "ceil": np.ceil,
    }
    where, how = at.coordinate_transformation_mode, at.nearest_mode
    if at.opset < 11:  # x and scales alone
        roi, scales, where, how = None, roi, "asymmetric", "floor"
    if at.mode != "nearest" or where not in moved or how not in rounded or at.keep_aspect_ratio_policy != "stretch":
        raise FormatError(f"Resize with mode={at.mode!r}, {where!r}, {how!r} is not supported, only 'nearest' ones")
    x = tensor(x)
    given = [] if scales is None else host(scales).astype(float).tolist()
    wanted = ints(sizes) if not given and sizes is not None else []
    axes = list(range(x.dim())) if at.axes is None else [axis % x.dim() for axis in at.axes]
    if len(given or wanted) != len(axes):
        raise FormatError(f"Resize has {len(given or wanted)} scales or sizes for {len(axes)} axes")
    lines: list[Any] = [np.arange(extent) for extent in x.shape]
    for axis, size in zip(axes, given or wanted, strict=True):
        old = x.shape[axis]
        new, scale = (int(old * size), size) if given else (size, size / max(old, 1))
        if not 0 < scale < inf:
            raise FormatError(f"Resize by {scale}")
        bounded([new])
        lines[axis] = np.clip(rounded[how](moved[where](np.arange(new), scale, new, old)), 0, old - 1).astype(np.int64)
    bounded([len(line) for line in lines])
    return picked(x, lines)
