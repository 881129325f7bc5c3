"""Recorded primitives as ONNX's operations: a function of the builder and the primitive's arguments each.

https://onnx.ai/onnx/operators: what each of them computes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

from fastnn.engine.recording import Record
from fastnn.onnx.messages import number_of
from fastnn.onnx.tracing import Builder, along_axes

# Of one array, with nothing to say.
_UNARY = {
    "relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh", "exp": "Exp", "log": "Log", "erf": "Erf",
    "softplus": "Softplus", "softmax": "Softmax", "log_softmax": "LogSoftmax",
}  # fmt: skip
_BINARY = {
    "add": "Add", "subtract": "Sub", "multiply": "Mul", "divide": "Div", "powers": "Pow", "power": "Pow",
    "maximum": "Max", "minimum": "Min", "greater": "Greater", "greater_equal": "GreaterOrEqual", "less": "Less",
    "less_equal": "LessOrEqual", "equal": "Equal", "logical_and": "And", "logical_or": "Or", "logical_xor": "Xor",
    "bitwise_and": "And", "bitwise_or": "Or", "bitwise_xor": "Xor",
}  # fmt: skip
_EXACT = {
    "absolute": "Abs", "sign": "Sign", "floor": "Floor", "ceil": "Ceil", "rint": "Round", "isnan": "IsNaN",
    "isinf": "IsInf", "logical_not": "Not", "invert": "Not",
}  # fmt: skip

Given = Sequence[Any]


def emit(build: Builder, record: Record) -> None:
    """Adds what a recorded primitive is.

    Raises:
        ValueError: ONNX has no operation for it.
    """
    name, args = record.name, record.args
    made = record.outputs[0]
    if name == "copy":
        build.copy(args[0], made)
    elif name == "assign":
        build.assign(args[0], args[1])
    elif name in _UNARY:
        build.put(made, build.add(_UNARY[name], build.name_of(args[0])))
    elif name in _BINARY:
        build.put(made, _binary(build, name, *args))
    elif name in _WRITERS:
        results = _WRITERS[name](build, *args)
        for array, result in zip(record.outputs, [results] if isinstance(results, str) else results, strict=False):
            build.put(array, result)
    else:
        raise ValueError(f"[onnx.export] the operation '{name}' has no form in ONNX, opset 17")


def _binary(build: Builder, name: str, a: Any, b: Any) -> str:
    dtype = next(each.dtype for each in (a, b) if isinstance(each, np.ndarray))
    bools = _BINARY[name] in ("And", "Or", "Xor")
    if name.startswith("bitwise") and dtype.kind != "b":
        raise ValueError(f"[onnx.export] {name} of integers has no form in ONNX, opset {build.graph.opset}")
    names = [build.operand(each, dtype) for each in (a, b)]
    if bools:
        names = [_cast(build, one, each, np.dtype(bool)) for one, each in zip(names, (a, b), strict=True)]
    return build.add(_BINARY[name], *names)


def _cast(build: Builder, name: str, array: Any, dtype: np.dtype) -> str:
    return name if np.asarray(array).dtype == dtype else build.add("Cast", name, to=number_of(dtype))


def _with(build: Builder, op: str, name: str, number: float, like: np.ndarray) -> str:
    """An operation of a value and a number."""
    return build.add(op, name, build.constant(number, like.dtype))


# -- of each element -------------------------------------------------------------------------------------------------


def _compare(build: Builder, a: Any, b: Any, relation: str) -> str:
    if relation == "not_equal":
        return build.add("Not", _binary(build, "equal", a, b))
    return _binary(build, relation, a, b)


def _exact(build: Builder, operation: str, *arrays: np.ndarray) -> str:
    x = arrays[0]
    if operation in _BINARY:
        return _binary(build, operation, *arrays)
    if operation == "where":
        return build.add("Where", *(build.name_of(each, True) for each in arrays))
    if operation in ("floor_divide", "remainder"):
        names = [build.operand(each, x.dtype) for each in arrays]
        down = build.add("Floor", build.add("Div", *names))
        return down if operation == "floor_divide" else build.add("Sub", names[0], build.add("Mul", names[1], down))
    name = build.name_of(x)
    if operation == "logical_not" or (operation == "invert" and x.dtype.kind == "b"):
        return build.add("Not", _cast(build, name, x, np.dtype(bool)))
    if operation == "trunc":
        return build.add("Mul", build.add("Sign", name), build.add("Floor", build.add("Abs", name)))
    if operation == "isfinite":
        return build.add("Not", build.add("Or", build.add("IsNaN", name), build.add("IsInf", name)))
    if operation not in _EXACT or operation == "invert":
        raise ValueError(f"[onnx.export] {operation} of {x.dtype} has no form in ONNX, opset {build.graph.opset}")
    return build.add(_EXACT[operation], name)


def _integer(build: Builder, x: np.ndarray, y: Any, operation: str) -> str:
    if operation in ("argmax", "argmin"):
        return build.add("ArgMax" if operation == "argmax" else "ArgMin", build.name_of(x), axis=int(y), keepdims=0)
    if operation == "sum":
        wide = _cast(build, build.name_of(x), x, np.dtype(np.int64))
        return build.add("ReduceSum", wide, build.constant(list(y), np.int64), keepdims=0) if y else wide
    if operation in _BINARY:
        return _binary(build, operation, x, y)
    names = [build.operand(each, x.dtype) for each in (x, y)]
    rest = build.add("Mod", *names)  # of the sign of y, as ours; a quotient of integers is cut off, ours rounded down
    return rest if operation == "remainder" else build.add("Div", build.add("Sub", names[0], rest), names[1])


def _power(build: Builder, x: np.ndarray, exponent: float) -> str:
    name = build.name_of(x)
    if exponent in (0.5, -0.5):
        name = build.add("Sqrt", name)
    if exponent in (-1, -0.5):
        return build.add("Reciprocal", name)
    return name if exponent == 0.5 else _with(build, "Pow", name, exponent, x)


def _silu(build: Builder, x: np.ndarray) -> str:
    name = build.name_of(x)
    return build.add("Mul", name, build.add("Sigmoid", name))


def _gelu(build: Builder, x: np.ndarray) -> str:
    name = build.name_of(x)
    share = _with(build, "Add", build.add("Erf", _with(build, "Mul", name, math.sqrt(0.5), x)), 1, x)
    return _with(build, "Mul", build.add("Mul", name, share), 0.5, x)


def _gelu_tanh(build: Builder, x: np.ndarray) -> str:
    name = build.name_of(x)
    cube = _with(build, "Mul", build.add("Mul", build.add("Mul", name, name), name), 0.044715, x)
    inner = _with(build, "Mul", build.add("Add", name, cube), math.sqrt(2 / math.pi), x)
    return _with(build, "Mul", build.add("Mul", name, _with(build, "Add", build.add("Tanh", inner), 1, x)), 0.5, x)


def _clamp(build: Builder, x: np.ndarray, low: float, high: float) -> str:
    bounds = (build.constant(bound, x.dtype) for bound in (low, high))
    return build.add("Clip", build.name_of(x), *bounds)


# -- products, sums, rows ----------------------------------------------------------------------------------------------


def _dense(build: Builder, x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None, *_: Any) -> str:
    given = [build.name_of(each) for each in (x, weight, bias) if each is not None]
    return build.add("Gemm", *given, transB=1)


def _matmul(build: Builder, a: np.ndarray, b: np.ndarray) -> str:
    """Both repeat their leading dimensions as they need, not those of the matrices."""
    names = [build.name_of(each, 0 not in each.strides[-2:] or 1 in each.shape[-2:]) for each in (a, b)]
    return build.add("MatMul", *names)


def _sum(build: Builder, x: np.ndarray, scale: float = 1.0) -> str:
    """Over the middle of three axes; times scale: that of a mean, over more axes than this one perhaps."""
    name = build.name_of(x)
    if scale == 1:
        return build.add("ReduceSum", name, build.constant([1]), keepdims=0)
    name, left = build.add("ReduceMean", name, axes=[1], keepdims=0), scale * x.shape[1]
    return name if math.isclose(left, 1) else _with(build, "Mul", name, left, x)


def _max(build: Builder, x: np.ndarray) -> tuple[str, str]:
    name = build.name_of(x)
    return build.add("ReduceMax", name, axes=[1], keepdims=0), build.add("ArgMax", name, axis=1, keepdims=0)


def _rows(build: Builder, weight: np.ndarray, numbers: np.ndarray) -> str:
    which = build.name_of(numbers)
    if numbers.dtype not in (np.int32, np.int64):
        which = _cast(build, which, numbers, np.dtype(np.int64))
    return build.add("Gather", build.name_of(weight), which, axis=0)


def _index(build: Builder, x: np.ndarray, key: Any) -> str:
    """Of places that an input says: whole slices, or as gather() picks elements along an axis."""
    parts = key if isinstance(key, tuple) else (key,)
    axes = [axis for axis, part in enumerate(parts) if build.is_value(part)]
    if axes:
        axis, places = axes[0], parts[axes[0]]
        others = [part for part in parts if part is not places]
        slices = all(isinstance(part, slice) and part == slice(None) for part in others)
        if len(axes) > 1 or places.dtype.kind != "i" or not (slices or len(parts) == x.ndim == places.ndim):
            raise ValueError("[onnx.export] elements picked by several tensors, or by one of bools: no form in ONNX")
        op = "Gather" if slices else "GatherElements"
        return build.add(op, build.name_of(x), build.name_of(places), axis=axis)
    return build.picked(build.name_of(x), x.shape, np.arange(x.size).reshape(x.shape)[key])


def _ordered(build: Builder, x: np.ndarray, axis: int, descending: bool) -> str:
    count = build.constant([x.shape[axis]])
    return build.second("TopK", build.name_of(x), count, axis=int(axis), largest=int(descending))


def _pad(build: Builder, x: np.ndarray, places: np.ndarray, shape: Sequence[int]) -> str:
    axes = along_axes(shape, places)
    if axes is None or any((np.diff(axis) != 1).any() for axis in axes):
        raise ValueError("[onnx.export] elements put into a larger tensor, other than as one block: no form in ONNX")
    first = [int(axis[0]) for axis in axes]
    behind = [extent - start - len(axis) for extent, start, axis in zip(shape, first, axes, strict=True)]
    return build.add("Pad", build.name_of(x), build.constant([*first, *behind]))


# -- images ------------------------------------------------------------------------------------------------------------


def _conv(
    build: Builder,
    x: np.ndarray,
    weight: np.ndarray,
    bias: Any,
    stride: Given,
    pads: Given,
    dilation: Given,
    groups: int,
) -> str:
    given = [build.name_of(each) for each in (x, weight, bias) if each is not None]
    sizes = {"kernel_shape": weight.shape[2:], "strides": stride, "pads": pads, "dilations": dilation}
    return build.add(
        "Conv", *given, **{name: list(map(int, values)) for name, values in sizes.items()}, group=int(groups)
    )


def _conv_transposed(
    build: Builder,
    x: np.ndarray,
    weight: np.ndarray,
    size: Given,
    stride: Given,
    pads: Given,
    dilation: Given,
    groups: int,
) -> str:
    """pads of the convolution whose gradient it is; what it lacks of the size comes behind."""
    kernel = weight.shape[2:]
    whole = [(n - 1) * s + d * (k - 1) + 1 for n, s, d, k in zip(x.shape[2:], stride, dilation, kernel, strict=True)]
    more = [n - (w - pads[i] - pads[i + 2]) for i, (n, w) in enumerate(zip(size, whole, strict=True))]
    around = [*pads[:2], *(pad - min(each, 0) for pad, each in zip(pads[2:], more, strict=True))]
    sizes = {"kernel_shape": kernel, "strides": stride, "pads": around, "dilations": dilation}
    sizes["output_padding"] = [max(each, 0) for each in more]
    lists = {name: list(map(int, values)) for name, values in sizes.items()}
    return build.add("ConvTranspose", build.name_of(x), build.name_of(weight), **lists, group=int(groups))


def _behind(size: Given, kernel: Given, stride: Given, pads: Given, dilation: Given, ceil: bool) -> list[int]:
    """How much more than its padding lies behind the images (rows, columns) where a last window goes beyond: it is
    counted only where it begins in the image or before it.
    """
    more = []
    for i in range(2):
        room = size[i] + pads[i] + pads[i + 2] - dilation[i] * (kernel[i] - 1) - 1
        rest = -room % stride[i] if ceil else 0
        more.append(rest if room + rest < size[i] + pads[i] else 0)
    return more


def _max_pool(
    build: Builder, x: np.ndarray, kernel: Given, stride: Given, pads: Given, dilation: Given, ceil: bool
) -> str:
    more = _behind(x.shape[2:], kernel, stride, pads, dilation, ceil)
    around = [*pads[:2], *(pad + each for pad, each in zip(pads[2:], more, strict=True))]
    sizes = {"kernel_shape": kernel, "strides": stride, "pads": around, "dilations": dilation}
    return build.add("MaxPool", build.name_of(x), **{name: list(map(int, values)) for name, values in sizes.items()})


def _avg_pool(
    build: Builder, x: np.ndarray, kernel: Given, stride: Given, pads: Given, ceil: bool, count: bool, divisor: int
) -> str:
    """Zeros that count are put around the images; what a last window has beyond them does not count."""
    more, name = _behind(x.shape[2:], kernel, stride, pads, (1, 1), ceil), build.name_of(x)
    if (count or divisor) and any(pads):
        name = build.add("Pad", name, build.constant([0, 0, *pads[:2], 0, 0, *pads[2:]], np.int64))
        pads = (0, 0, 0, 0)
    if divisor and any(more):
        name = build.add("Pad", name, build.constant([0, 0, 0, 0, 0, 0, *more], np.int64))
        more = [0, 0]
    around = [*pads[:2], *(pad + each for pad, each in zip(pads[2:], more, strict=True))]
    sizes = {"kernel_shape": kernel, "strides": stride, "pads": around}
    name = build.add("AveragePool", name, **{name: list(map(int, values)) for name, values in sizes.items()})
    return _with(build, "Mul", name, prod(kernel) / divisor, x) if divisor else name


def _adaptive_avg_pool(build: Builder, x: np.ndarray, wanted: Given) -> str:
    """Where the windows differ in size, as products with matrices of their shares."""
    name, size = build.name_of(x), x.shape[2:]
    if tuple(wanted) == (1, 1):
        return build.add("GlobalAveragePool", name)
    if not any(extent % windows for extent, windows in zip(size, wanted, strict=True)):
        kernel = [extent // windows for extent, windows in zip(size, wanted, strict=True)]
        return build.add("AveragePool", name, kernel_shape=kernel, strides=kernel)
    rows, columns = (_shares(extent, windows) for extent, windows in zip(size, wanted, strict=True))
    name = build.add("MatMul", build.constant(rows, x.dtype), name)
    return build.add("MatMul", name, build.constant(columns.T, x.dtype))


def _shares(extent: int, windows: int) -> np.ndarray:
    """(windows, extent): what each pixel has in the mean of each window."""
    number, pixel = np.arange(windows)[:, None], np.arange(extent)
    inside = (pixel >= number * extent // windows) & (pixel < -(-(number + 1) * extent // windows))
    return inside / inside.sum(1, keepdims=True)


def _batch_norm(
    build: Builder, x: np.ndarray, weight: Any, bias: Any, mean: np.ndarray, var: np.ndarray, eps: float = 1e-5
) -> str:
    channels = x.shape[1]
    scale = build.constant(np.ones(channels), x.dtype) if weight is None else build.name_of(weight)
    shift = build.constant(np.zeros(channels), x.dtype) if bias is None else build.name_of(bias)
    rest = (build.name_of(each) for each in (mean, var))
    return build.add("BatchNormalization", build.name_of(x), scale, shift, *rest, epsilon=float(eps))


def _batch_norm_of_batch(
    build: Builder, x: np.ndarray, weight: Any, bias: Any, mean: None, var: None, momentum: float, eps: float, *_: Any
) -> str:
    """Of a layer without running values, which normalises by what it is given: y; mean and inverse are for backward."""
    name, over = build.name_of(x), {"axes": [0, 2, 3], "keepdims": 1}
    off = build.add("Sub", name, build.add("ReduceMean", name, **over))
    spread = build.add("ReduceMean", build.add("Mul", off, off), **over)
    name = build.add("Div", off, build.add("Sqrt", _with(build, "Add", spread, eps, x)))
    for op, each in (("Mul", weight), ("Add", bias)):
        if each is not None:
            name = build.add(op, name, build.name_of(each[:, None, None], True))
    return name


_WRITERS: dict[str, Callable[..., str | tuple[str, ...]]] = {
    "compare": _compare,
    "exact": _exact,
    "integer": _integer,
    "cast": lambda build, x, dtype: build.add("Cast", build.name_of(x), to=number_of(dtype)),
    "pow": _power,
    "silu": _silu,
    "gelu": _gelu,
    "gelu_tanh": _gelu_tanh,
    "clamp": _clamp,
    "elu": lambda build, x, alpha: build.add("Elu", build.name_of(x), alpha=float(alpha)),
    "leaky_relu": lambda build, x, slope: build.add("LeakyRelu", build.name_of(x), alpha=float(slope)),
    "dense_forward": _dense,
    "matmul": _matmul,
    "sum": _sum,
    "max": _max,
    "rows": _rows,
    "index": _index,
    "ordered": _ordered,
    "take": lambda build, x, places: build.picked(build.name_of(x), x.shape, places),
    "take_backward": _pad,
    "concatenate": lambda build, arrays, axis: build.add("Concat", *map(build.name_of, arrays), axis=int(axis)),
    "accumulate": lambda build, x, axis: build.add("CumSum", build.name_of(x), build.constant(int(axis))),
    "conv2d": _conv,
    "conv2d_grad_x": _conv_transposed,
    "max_pool2d": _max_pool,
    "avg_pool2d": _avg_pool,
    "adaptive_avg_pool2d": _adaptive_avg_pool,
    "batch_norm": _batch_norm_of_batch,
    "batch_norm_inference": _batch_norm,
}
