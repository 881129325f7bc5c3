"""Functions that pass on one of several values, and their signs. Each but where is a method of Tensor."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from fastnn.eager import ops
from fastnn.eager.support import TensorBase, by_op, operand, promoted, result, unbroadcast, wrap

if TYPE_CHECKING:
    from fastnn.eager.tensor import Tensor


def absolute(x: Tensor) -> Tensor:
    """|x|; its gradient at 0 is 0."""
    data = x._data
    return result(
        ops.exact("absolute", data),
        (x,),
        lambda g: (ops.multiply(g, ops.exact("sign", data)),),
        "Abs",
        reads=((0, None),),
    )


def sign(x: Tensor) -> Tensor:
    """-1, 0 or 1; the gradient is 0."""
    return stepped(x, ops.exact("sign", x._data), "Sign")


def stepped(x: Tensor, data: np.ndarray, name: str) -> Tensor:
    """A function of x that is constant but for jumps: its gradient is 0."""
    if x._data.dtype.kind != "f":
        return wrap(data)
    return result(data, (x,), lambda g: (ops.multiply(g, 0.0),), name)


def clamp(x: Tensor, min: Any = None, max: Any = None) -> Tensor:
    """x, but min where it is less and max where it is more: numbers or tensors. The gradient is that of x within them.

    Raises:
        ValueError: neither is given.
    """
    if min is None and max is None:
        raise ValueError("clamp: give min, max or both")
    if isinstance(min, TensorBase) or isinstance(max, TensorBase):
        x = x if min is None else maximum(x, operand(min, x))
        return x if max is None else minimum(x, operand(max, x))
    if x._data.dtype.kind == "f" and all(bound is None or _bounds(bound) for bound in (min, max)):
        return by_op("clamp", "Clamp", x, -inf if min is None else float(min), inf if max is None else float(max))
    low, high = (None if bound is None else operand(bound, x) for bound in (min, max))
    for bound in (low, high):
        x = x if bound is None else promoted(x, bound)[0]
    data = y = x._data
    inside = np.ones((), bool)
    if low is not None:
        bound = low._data.astype(data.dtype)
        y, inside = ops.exact("maximum", y, bound), ops.compare(data, bound, "greater_equal")
    if high is not None:
        bound = high._data.astype(data.dtype)
        y = ops.exact("minimum", y, bound)
        inside = ops.exact("logical_and", inside, ops.compare(data, bound, "less_equal"))
    if data.dtype.kind != "f":
        return wrap(y)
    return result(y, (x,), lambda g: (_kept(g, inside),), "Clamp")


def _bounds(number: Any) -> bool:
    """Whether it is a Python number, not NaN: those leave x its dtype."""
    return type(number) in (int, float) and number == number


def _kept(g: np.ndarray, where: np.ndarray) -> np.ndarray:
    """A gradient where a condition holds, 0 elsewhere."""
    return ops.exact("where", where, g, np.zeros((), g.dtype))


def maximum(a: Tensor, other: Any) -> Tensor:
    """The larger of two, element by element; where they are equal each has half of the gradient."""
    return _one_of(a, other, "maximum", "greater")


def minimum(a: Tensor, other: Any) -> Tensor:
    """The smaller of two, element by element; where they are equal each has half of the gradient."""
    return _one_of(a, other, "minimum", "less")


def _one_of(a: Tensor, other: Any, function: str, relation: str) -> Tensor:
    a, b = promoted(a, operand(other, a))
    x, y = a._data, b._data
    data = ops.exact(function, x, y)
    if data.dtype.kind != "f":
        return wrap(data)
    first, second = ops.compare(x, y, relation), ops.compare(y, x, relation)

    def backward(g: np.ndarray) -> tuple[np.ndarray, ...]:
        half = ops.multiply(g, 0.5)
        sides = ((first, second), (second, first))
        parts = [ops.exact("where", mine, g, _kept(half, ~theirs)) for mine, theirs in sides]
        return tuple(unbroadcast(part, shape) for part, shape in zip(parts, (x.shape, y.shape), strict=True))

    return result(data, (a, b), backward, function.capitalize())


@overload
def where(condition: Tensor) -> tuple[Tensor, ...]: ...
@overload
def where(condition: Tensor, input: Any, other: Any) -> Tensor: ...
def where(condition: Tensor, input: Any = None, other: Any = None) -> Tensor | tuple[Tensor, ...]:
    """input where condition holds, other elsewhere, broadcast; of the condition alone the places where it holds, a
    tensor of integers for each dimension.
    """
    if input is None and other is None:
        return tuple(wrap(places) for places in np.nonzero(condition._read("where() of a condition")))
    like = input if isinstance(input, TensorBase) else other if isinstance(other, TensorBase) else None
    if like is None:
        like = wrap(np.zeros((), np.float32 if isinstance(input, float) or isinstance(other, float) else np.int64))
    a, b = promoted(operand(input, like), operand(other, like))
    held = condition._data.astype(bool, copy=False)
    data = ops.exact("where", held, a._data, b._data)
    if data.dtype.kind != "f":
        return wrap(data)
    return result(
        data,
        (a, b),
        lambda g: (unbroadcast(_kept(g, held), a._data.shape), unbroadcast(_kept(g, ~held), b._data.shape)),
        "Where",
    )


def where_method(x: Tensor, condition: Tensor, other: Any) -> Tensor:
    """x where condition holds, other elsewhere."""
    return where(condition, x, other)


def masked_fill(x: Tensor, mask: Tensor, value: Any) -> Tensor:
    """A number where mask holds, x elsewhere; in x's dtype."""
    return where(mask, wrap(np.asarray(value._data if isinstance(value, TensorBase) else value, x._data.dtype)), x)
