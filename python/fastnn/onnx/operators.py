"""ONNX's operators as functions of tensors: what a loaded network computes with.

Sizes, axes and numbers of rows come as NumPy arrays where they are known before there is an input, or follow from its
shape; so a plan can be recorded. https://onnx.ai/onnx/operators tells each operator's history.
"""

from __future__ import annotations

import operator as python
from collections.abc import Callable, Sequence
from math import prod
from types import SimpleNamespace as Settings
from typing import Any, NamedTuple

import numpy as np

from fastnn.eager import creation, selection
from fastnn.eager.dtypes import from_numpy
from fastnn.eager.tensor import Tensor
from fastnn.errors import FormatError
from fastnn.io.checks import shown_bytes
from fastnn.io.memory import fits_memory
from fastnn.nn import functional as F
from fastnn.onnx.messages import dtype_of

Value = Tensor | np.ndarray


class Operator(NamedTuple):
    """run(settings, *inputs) gives a value, or a tuple of several. settings: the node's attributes, else these."""

    run: Callable[..., Any]
    least: int
    most: int
    settings: dict[str, Any]
    outputs: int


OPERATORS: dict[str, Operator] = {}
_ANY = 10_000


def operator(name: str, least: int, most: int | None = None, outputs: int = 1, **settings: Any) -> Callable:
    """Lists the function below it under names (several apart by spaces); settings: its attributes as they are where a
    node has none.
    """

    def listed(function: Callable) -> Callable:
        for each in name.split():
            OPERATORS[each] = Operator(function, least, least if most is None else most, settings, outputs)
        return function

    return listed


def tensor(x: Value) -> Tensor:
    return x if isinstance(x, Tensor) else Tensor(np.asarray(x))


def host(x: Value) -> np.ndarray:
    """Numbers that say how to compute; in a recording such of an input are refused."""
    return x._read("sizes that an input has") if isinstance(x, Tensor) else x


def ints(x: Value) -> list[int]:
    return [int(each) for each in host(x).reshape(-1)]


def bounded(shape: Sequence[int]) -> None:
    """Refuses what a few bytes of a file can say and no memory holds.

    Raises:
        FormatError: it does not fit.
    """
    size = 8 * prod(shape)
    if min(shape, default=0) < 0 or not fits_memory(size):
        raise FormatError(
            f"the file makes a tensor of shape {tuple(shape)}, {shown_bytes(abs(size))}: no memory for it"
        )


def fit(*values: Value) -> None:
    """Refuses what values make when their dimensions are repeated, as :func:`bounded`."""
    bounded(np.broadcast_shapes(*(tuple(each.shape) for each in values)))


def _both(function: Callable[[Any, Any], Any]) -> Callable[..., Value]:
    """A function of two, on arrays where both are such."""

    def applied(at: Settings, a: Value, b: Value) -> Value:
        fit(a, b)
        if isinstance(a, Tensor) or isinstance(b, Tensor):
            return function(tensor(a), tensor(b))
        return np.asarray(function(a, b))

    return applied


def _quotient(a: Any, b: Any) -> Any:
    kind = a._data.dtype.kind if isinstance(a, Tensor) else a.dtype.kind
    if kind == "f":
        return a / b
    down = a // b  # of integers ONNX cuts the fraction off
    return down + ((down < 0) & (down * b != a))


_PAIRS = "Add:add Sub:sub Mul:mul Greater:gt GreaterOrEqual:ge Less:lt LessOrEqual:le Equal:eq And:and_ Or:or_ Xor:xor"
for _pair in _PAIRS.split():
    _name, _, _word = _pair.partition(":")
    operator(_name, 2)(_both(getattr(python, _word)))
operator("Div", 2)(_both(_quotient))

# Methods of tensors and functions of the same names.
_ELEMENTWISE = (
    "Abs Ceil Erf Exp Floor IsNaN Log Neg Reciprocal Relu Round Sigmoid Sign Sqrt Tanh HardSwish Mish Softplus Softsign"
)
for _name in _ELEMENTWISE.split():
    _method = getattr(Tensor, _name.lower(), None) or getattr(F, _name.lower())
    operator(_name, 1)(lambda at, x, method=_method: method(tensor(x)))
operator("Not", 1)(lambda at, x: ~tensor(x))

operator("Elu", 1, alpha=1.0)(lambda at, x: F.elu(tensor(x), at.alpha))
operator("Celu", 1, alpha=1.0)(lambda at, x: F.celu(tensor(x), at.alpha))
operator("LeakyRelu", 1, alpha=0.01)(lambda at, x: F.leaky_relu(tensor(x), at.alpha))
operator("ThresholdedRelu", 1, alpha=1.0)(lambda at, x: selection.where(x > at.alpha, x, x * 0.0))
operator("HardSigmoid", 1, alpha=0.2, beta=0.5)(lambda at, x: (tensor(x) * at.alpha + at.beta).clamp(0.0, 1.0))
operator("Gelu", 1, approximate="none")(lambda at, x: F.gelu(tensor(x), at.approximate))
operator("Swish", 1, alpha=1.0)(lambda at, x: x * (x * at.alpha).sigmoid())
operator("Pow", 2)(lambda at, x, y: _power(x, y))
operator("PRelu", 2)(lambda at, x, slope: tensor(x).relu() - _both(lambda a, b: a * b)(at, slope, (-tensor(x)).relu()))
operator("Where", 3)(lambda at, c, a, b: _where(c, a, b))
operator("IsInf", 1, detect_negative=1, detect_positive=1)(
    lambda at, x: x.isinf() & (((x > 0) & bool(at.detect_positive)) | ((x < 0) & bool(at.detect_negative)))
)


def _power(x: Value, y: Value) -> Value:
    fit(x, y)
    if not isinstance(x, Tensor) and not isinstance(y, Tensor):
        return np.asarray(x**y)
    x = tensor(x)
    known = isinstance(y, np.ndarray) and y.ndim == 0
    return (x ** (y.item() if known else tensor(y))).to(x.dtype)  # type: ignore[union-attr]


def _where(c: Value, a: Value, b: Value) -> Value:
    fit(c, a, b)
    if not any(isinstance(each, Tensor) for each in (c, a, b)):
        return np.where(c, a, b)
    return selection.where(tensor(c), tensor(a), tensor(b))


@operator("Selu", 1, alpha=1.6732632, gamma=1.0507010)
def _selu(at: Settings, x: Value) -> Tensor:
    return F.elu(tensor(x), at.alpha) * at.gamma


@operator("Mod", 2, fmod=0)
def _mod(at: Settings, a: Value, b: Value) -> Value:
    if at.fmod:
        raise FormatError("Mod with fmod=1 is not supported")
    return _both(lambda a, b: a % b)(at, a, b)


@operator("Sum Max Min Mean", 1, _ANY)
def _several(at: Settings, *values: Value) -> Tensor:
    join = {"Max": Tensor.maximum, "Min": Tensor.minimum}.get(at.op, Tensor.add)
    fit(*values)
    total = tensor(values[0])
    for value in values[1:]:
        total = join(total, tensor(value))
    return total / float(len(values)) if at.op == "Mean" else total


@operator("Clip", 1, 3, min=None, max=None)
def _clip(at: Settings, x: Value, low: Value | None = None, high: Value | None = None) -> Tensor:
    bounds = [at.min if low is None else host(low).item(), at.max if high is None else host(high).item()]
    if bounds == [None, None]:
        return tensor(x)
    x = tensor(x)
    if None not in bounds and bounds[0] > bounds[1]:
        bounds[0] = bounds[1]  # as ONNX has it
    return x.clamp(*bounds)


@operator("Cast", 1, to=0, saturate=1, round_mode="up")
def _cast(at: Settings, x: Value) -> Value:
    dtype = dtype_of(at.to, "Cast")
    return tensor(x).to(from_numpy(dtype)) if isinstance(x, Tensor) else x.astype(dtype)


@operator("Identity", 1)
def _identity(at: Settings, x: Value) -> Value:
    return x


@operator("Dropout", 1, 3, ratio=0.5, seed=0)
def _dropout(at: Settings, x: Value, ratio: Value | None = None, training: Value | None = None) -> Value:
    """Whether it drops is what the module's mode says."""
    return at.layer(x)


@operator("Softmax LogSoftmax", 1, axis=None)
def _softmax(at: Settings, x: Value) -> Tensor:
    x = tensor(x)
    function = Tensor.softmax if at.op == "Softmax" else Tensor.log_softmax
    if at.opset >= 13:
        return function(x, -1 if at.axis is None else at.axis)
    first = 1 if at.axis is None else at.axis  # all dimensions from there on are one
    return function(x.reshape(prod(x.shape[:first]), -1), 1).reshape(x.shape)


# -- shapes ------------------------------------------------------------------------------------------------------------


def _constant(at: Settings) -> np.ndarray:
    scalars = {"value_float": np.float32, "value_int": np.int64, "value_floats": np.float32, "value_ints": np.int64}
    if at.value is not None:
        return at.value
    for name, dtype in scalars.items():
        if getattr(at, name) is not None:
            return np.asarray(getattr(at, name), dtype)
    raise FormatError("Constant without a value")


operator("Constant", 0, value=None, value_float=None, value_int=None, value_floats=None, value_ints=None)(_constant)


@operator("Shape", 1, start=0, end=None)
def _shape(at: Settings, x: Value) -> np.ndarray:
    return np.array(tuple(x.shape)[at.start : at.end], np.int64)


@operator("Size", 1)
def _size(at: Settings, x: Value) -> np.ndarray:
    return np.array(prod(x.shape), np.int64)


@operator("ConstantOfShape", 1, value=None)
def _constant_of_shape(at: Settings, shape: Value) -> np.ndarray:
    bounded(ints(shape))
    value = np.zeros(1, np.float32) if at.value is None else at.value
    return np.full(ints(shape), value.reshape(-1)[0], value.dtype)


@operator("Range", 3, stash_type=1)
def _range(at: Settings, start: Value, limit: Value, delta: Value) -> np.ndarray:
    first, end, step = (host(each).item() for each in (start, limit, delta))
    if step == 0:
        raise FormatError("Range with a step of 0")
    bounded([max(int((end - first) / step), 0)])
    return np.arange(first, end, step, host(start).dtype)


@operator("Reshape", 2, allowzero=0)
def _reshape(at: Settings, x: Value, shape: Value) -> Value:
    sizes = ints(shape)
    if not at.allowzero:
        sizes = [x.shape[i] if size == 0 and i < len(x.shape) else size for i, size in enumerate(sizes)]
    return x.reshape(sizes)


@operator("Flatten", 1, axis=1)
def _flatten(at: Settings, x: Value) -> Value:
    axis = at.axis % len(x.shape) if at.axis < 0 else at.axis
    return x.reshape([prod(x.shape[:axis]), prod(x.shape[axis:])])


@operator("Transpose", 1, perm=None)
def _transpose(at: Settings, x: Value) -> Value:
    order = range(len(x.shape))[::-1] if at.perm is None else at.perm
    return x.permute(*order) if isinstance(x, Tensor) else x.transpose(order)


@operator("Squeeze Unsqueeze", 1, 2, axes=None)
def _squeeze(at: Settings, x: Value, axes: Value | None = None) -> Value:
    shape = list(x.shape)
    given = at.axes if axes is None else ints(axes)
    rank = len(shape) + len(given or ()) * (at.op == "Unsqueeze")
    chosen = sorted({_axis(axis, rank) for axis in given or ()})
    if at.op == "Unsqueeze":
        for axis in chosen:
            shape.insert(axis, 1)
        return x.reshape(shape)
    if any(shape[axis] != 1 for axis in chosen):
        raise ValueError(f"Squeeze: shape {tuple(shape)} has more than one element along {chosen}")
    return x.reshape([n for axis, n in enumerate(shape) if (axis not in chosen if given is not None else n != 1)])


def _axis(axis: int, rank: int) -> int:
    if not -rank <= axis < rank:
        raise ValueError(f"axis {axis} is outside a tensor of {rank} dimensions")
    return axis % rank


@operator("Concat", 1, _ANY, axis=0)
def _concat(at: Settings, *parts: Value) -> Value:
    bounded([sum(prod(part.shape) for part in parts)])
    if not any(isinstance(part, Tensor) for part in parts):
        return np.concatenate(parts, at.axis)
    return creation.cat([tensor(part) for part in parts], at.axis)


@operator("Split", 1, 2, _ANY, axis=0, split=None, num_outputs=None)
def _split(at: Settings, x: Value, sizes: Value | None = None) -> Any:
    extent, count = x.shape[at.axis], at.num_outputs or at.count
    given = at.split if sizes is None else ints(sizes)
    if given is None:
        each = -(-extent // count)
        given = [max(min(each, extent - first * each), 0) for first in range(count)]
    return tensor(x).split(given, at.axis)


@operator("Slice", 1, 5, starts=None, ends=None, axes=None)
def _slice(at: Settings, x: Value, *bounds: Value | None) -> Value:
    starts, ends, axes, steps = [None if each is None else ints(each) for each in (*bounds, *[None] * 4)[:4]]
    starts, ends, axes = starts or at.starts or [], ends or at.ends or [], axes or at.axes
    key = [slice(None)] * len(x.shape)
    for i, (first, end) in enumerate(zip(starts, ends, strict=True)):
        axis, step = _axis(axes[i] if axes else i, len(key)), steps[i] if steps else 1
        extent = x.shape[axis]
        first, end = (each + extent if each < 0 else each for each in (first, end))
        if step < 0:
            last = min(max(end, -1), extent - 1)
            key[axis] = slice(min(max(first, 0), extent - 1), None if last < 0 else last, step)
        else:
            key[axis] = slice(max(first, 0), max(end, 0), step)
    return x[tuple(key)]


@operator("Gather", 2, axis=0)
def _gather(at: Settings, x: Value, where: Value) -> Value:
    axis = _axis(at.axis, len(x.shape))
    bounded([*x.shape[:axis], *where.shape, *x.shape[axis + 1 :]])
    if isinstance(where, Tensor) and isinstance(x, Tensor) and where.dim():
        rows = x.dim() == 2 and axis == 0 and x.dtype.is_floating_point and not (where._read("embedding()") < 0).any()
        return F.embedding(where, x) if rows else x[(*[slice(None)] * axis, where)]
    numbers = host(where)
    return x[(*[slice(None)] * axis, int(numbers) if numbers.ndim == 0 else numbers)]


@operator("GatherElements", 2, axis=0)
def _gather_elements(at: Settings, x: Value, where: Value) -> Tensor:
    return tensor(x).gather(at.axis, tensor(where))


@operator("TopK", 2, outputs=2, axis=-1, largest=1, sorted=1)
def _top(at: Settings, x: Value, count: Value) -> tuple[Tensor, Tensor]:
    found = tensor(x).topk(int(host(count).item()), at.axis, bool(at.largest))
    return found.values, found.indices


@operator("Expand", 2)
def _expand(at: Settings, x: Value, shape: Value) -> Value:
    wanted = np.broadcast_shapes(tuple(x.shape), tuple(ints(shape)))
    bounded(wanted)
    return x.expand(*wanted) if isinstance(x, Tensor) else np.broadcast_to(x, wanted)


@operator("Tile", 2)
def _tile(at: Settings, x: Value, repeats: Value) -> Value:
    times = ints(repeats)
    bounded([n * extent for n, extent in zip(times, x.shape, strict=True)])
    return x.repeat(*times) if isinstance(x, Tensor) else np.tile(x, times)


@operator("Pad", 1, 4, mode="constant", pads=None, value=0.0)
def _pad(
    at: Settings, x: Value, pads: Value | None = None, value: Value | None = None, axes: Value | None = None
) -> Tensor:
    if at.mode != "constant":
        raise FormatError(f"Pad with mode={at.mode!r} is not supported, only 'constant'")
    x, given = tensor(x), at.pads if pads is None else ints(pads)
    chosen = range(x.dim()) if axes is None else [_axis(axis, x.dim()) for axis in ints(axes)]
    before = dict(zip(chosen, given, strict=False))
    behind = dict(zip(chosen, given[len(chosen) :], strict=True))
    bounded([n + before.get(axis, 0) + behind.get(axis, 0) for axis, n in enumerate(x.shape)])
    sizes = [size for axis in range(x.dim())[::-1] for size in (before.get(axis, 0), behind.get(axis, 0))]
    return F.pad(x, sizes, value=at.value if value is None else host(value).item())


@operator("DepthToSpace SpaceToDepth", 1, blocksize=1, mode="DCR")
def _blocks(at: Settings, x: Value) -> Tensor:
    (n, c, h, w), b = x.shape, at.blocksize
    if at.op == "SpaceToDepth":
        order = (0, 1, 3, 5, 2, 4) if at.mode == "CRD" else (0, 3, 5, 1, 2, 4)
        return tensor(x).reshape(n, c, h // b, b, w // b, b).permute(*order).reshape(n, -1, h // b, w // b)
    if at.mode == "CRD":
        split, order = tensor(x).reshape(n, -1, b, b, h, w), (0, 1, 4, 2, 5, 3)
    else:
        split, order = tensor(x).reshape(n, b, b, -1, h, w), (0, 3, 4, 1, 5, 2)
    return split.permute(*order).reshape(n, -1, h * b, w * b)


@operator("CumSum", 2, exclusive=0, reverse=0)
def _cumsum(at: Settings, x: Value, axis: Value) -> Tensor:
    x, along = tensor(x), _axis(int(host(axis).item()), len(x.shape))
    x = x.flip(along) if at.reverse else x
    total = x.cumsum(along).to(x.dtype)
    total = total - x if at.exclusive else total
    return total.flip(along) if at.reverse else total


# -- products and reductions -------------------------------------------------------------------------------------------


@operator("MatMul", 2)
def _matmul(at: Settings, a: Value, b: Value) -> Tensor:
    a, b = tensor(a), tensor(b)
    bounded([*np.broadcast_shapes(a.shape[:-2], b.shape[:-2]), *a.shape[-2:-1], *b.shape[-1:]])
    return a @ b


@operator("Gemm", 2, 3, alpha=1.0, beta=1.0, transA=0, transB=0)
def _gemm(at: Settings, a: Value, b: Value, c: Value | None = None) -> Tensor:
    a, b = tensor(a), tensor(b)
    a, b = a.t() if at.transA else a, b if at.transB else b.t()
    bias = None if c is None else tensor(c)
    bounded([a.shape[0], b.shape[0]])
    if at.alpha == at.beta == 1 and (bias is None or tuple(bias.shape) == (b.shape[0],)):
        return F.linear(a, b, bias)
    y = a @ b.t() if at.alpha == 1 else (a @ b.t()) * at.alpha
    return y if bias is None else y + (bias if at.beta == 1 else bias * at.beta)


_REDUCTIONS = "ReduceSum ReduceMean ReduceMax ReduceMin ReduceL1 ReduceL2 ReduceSumSquare ReduceLogSum ReduceLogSumExp"


@operator(_REDUCTIONS, 1, 2, axes=None, keepdims=1, noop_with_empty_axes=0)
def _reduce(at: Settings, x: Value, axes: Value | None = None) -> Tensor:
    x = tensor(x)
    chosen = at.axes if axes is None else ints(axes)
    if not chosen and at.noop_with_empty_axes:
        return x
    over, kept = tuple(chosen or range(x.dim())), bool(at.keepdims)
    kinds: dict[str, Callable[[], Tensor]] = {
        "Mean": lambda: x.mean(over, kept),
        "Max": lambda: x.amax(over, kept),
        "Min": lambda: x.amin(over, kept),
        "L1": lambda: x.abs().sum(over, kept),
        "L2": lambda: (x * x).sum(over, kept).sqrt(),
        "SumSquare": lambda: (x * x).sum(over, kept),
        "LogSum": lambda: x.sum(over, kept).log(),
        "LogSumExp": lambda: _log_sum_exp(x, over, kept),
    }
    return kinds.get(at.op.removeprefix("Reduce"), lambda: x.sum(over, kept))()


def _log_sum_exp(x: Tensor, over: tuple[int, ...], kept: bool) -> Tensor:
    most = x.amax(over, True).detach()
    total = (x - most).exp().sum(over, True).log() + most
    return (
        total
        if kept
        else total.reshape([n for i, n in enumerate(x.shape) if i not in {_axis(a, x.dim()) for a in over}])
    )


@operator("ArgMax ArgMin", 1, axis=0, keepdims=1, select_last_index=0)
def _arg(at: Settings, x: Value) -> Tensor:
    x, find = tensor(x), Tensor.argmax if at.op == "ArgMax" else Tensor.argmin
    if not at.select_last_index:
        return find(x, at.axis, bool(at.keepdims))
    return (x.shape[at.axis] - 1) - find(x.flip(at.axis), at.axis, bool(at.keepdims))
