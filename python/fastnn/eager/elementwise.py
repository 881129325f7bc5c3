"""Functions of each element: arithmetic, comparison, relu and its kind. Each is a method of Tensor.

One forward line and, beside it, one backward line: a function of the output's gradient g. Where that uses the values of
an input, ``reads`` names it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.eager import autograd, dtypes, ops
from fastnn.eager.autograd import ANY, RESULT
from fastnn.eager.support import FACTORS, TensorBase, by_op, floating, operand, promoted, result, unbroadcast, wrap
from fastnn.errors import told

if TYPE_CHECKING:
    from fastnn.eager.tensor import Tensor

_ITSELF: autograd.Reads = ((0, ANY),)
_OPERANDS = (TensorBase, bool, int, float, np.ndarray, np.generic)


# -- arithmetic ------------------------------------------------------------------------------------------------------


def add(a: Tensor, other: Any, *, alpha: float = 1) -> Tensor:
    """a + alpha b."""
    other = other if alpha == 1 else operand(other, a) * alpha
    return _binary(a, other, ops.add, "add", lambda g, a, b: (g, g), "Add")


def subtract(a: Tensor, other: Any, *, alpha: float = 1) -> Tensor:
    """a - alpha b."""
    other = other if alpha == 1 else operand(other, a) * alpha
    return _binary(a, other, ops.subtract, "subtract", lambda g, a, b: (g, ops.multiply(g, -1.0)), "Sub")


def multiply(a: Tensor, other: Any) -> Tensor:
    """a b, elementwise; shapes broadcast."""
    return _binary(
        a, other, ops.multiply, "multiply", lambda g, a, b: (ops.multiply(g, b), ops.multiply(g, a)), "Mul", FACTORS
    )


def divide(a: Tensor, other: Any) -> Tensor:
    """a / b, elementwise; integers become float32."""
    a, b = floating(a), floating(operand(other, a))
    return _binary(a, b, ops.divide, "divide", _divide_backward, "Div", reads=((0, 1), (1, ANY)))


def _divide_backward(g: np.ndarray, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    grad_a = ops.divide(g, b)  # y = a / b: dy/da = 1/b, dy/db = -a/b^2
    return grad_a, ops.multiply(ops.multiply(grad_a, ops.divide(a, b)), -1.0)


def _binary(
    a: Tensor,
    other: Any,
    function: Callable[..., np.ndarray],
    integer: str,
    backward: Callable[..., tuple],
    name: str,
    reads: autograd.Reads = (),
) -> Tensor:
    a, b = promoted(a, operand(other, a))
    x, y = a._data, b._data
    if x.dtype.kind != "f":
        return wrap(ops.integer(x, y, integer))

    def run_backward(g: np.ndarray) -> tuple[np.ndarray | None, ...]:
        grad_a, grad_b = backward(g, x, y)
        return (
            unbroadcast(grad_a, x.shape) if a.requires_grad else None,
            unbroadcast(grad_b, y.shape) if b.requires_grad else None,
        )

    try:
        data = function(x, y)
    except ValueError as error:
        error.args = (f"{error}: each dimension must be equal, or 1 in one of them",)
        told(error, "shapes.broadcast", first=x.shape, second=y.shape)
        raise
    return result(data, (a, b), run_backward, name, reads)


def power(x: Tensor, exponent: Any) -> Tensor:
    """x ** p, p a number or a tensor: NaN where a negative x meets a p that is no whole number."""
    if isinstance(exponent, TensorBase):
        return _binary(x, exponent, ops.powers, "power", _powers_backward, "Pow", reads=((0, ANY), (1, ANY)))
    if isinstance(exponent, int | np.integer) and exponent >= 0 and x._data.dtype.kind in "iu":
        return wrap(ops.integer(x._data, int(exponent), "power"))
    return by_op("pow", "Pow", floating(x), float(exponent))


def _powers_backward(g: np.ndarray, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    # z = x^y: dz/dx = y x^(y-1), 0 for y = 0; dz/dy = z log x, 0 for x = 0 where the power stays 0
    zero = np.zeros((), x.dtype)
    by_x = ops.multiply(y, ops.powers(x, ops.subtract(y, 1.0)))
    by_y = ops.multiply(ops.powers(x, y), ops.log(x))
    flat = ops.exact("logical_and", ops.compare(x, zero, "equal"), ops.compare(y, zero, "greater_equal"))
    grad_x = ops.exact("where", ops.compare(y, zero, "equal"), zero, by_x)
    return ops.multiply(g, grad_x), ops.multiply(g, ops.exact("where", flat, zero, by_y))


# -- comparison ------------------------------------------------------------------------------------------------------


def _compare(a: Tensor, other: Any, relation: str) -> Tensor:
    a, b = promoted(a, operand(other, a))
    return wrap(ops.compare(a._data, b._data, relation))


def greater(a: Tensor, other: Any) -> Tensor:
    """a > b, elementwise: bools."""
    return _compare(a, other, "greater")


def greater_equal(a: Tensor, other: Any) -> Tensor:
    """a >= b, elementwise: bools."""
    return _compare(a, other, "greater_equal")


def less(a: Tensor, other: Any) -> Tensor:
    """a < b, elementwise: bools."""
    return _compare(a, other, "less")


def less_equal(a: Tensor, other: Any) -> Tensor:
    """a <= b, elementwise: bools."""
    return _compare(a, other, "less_equal")


def equal(a: Tensor, other: object) -> Tensor:
    """a == b, elementwise: bools."""
    return _compare(a, other, "equal") if isinstance(other, _OPERANDS) else NotImplemented


def not_equal(a: Tensor, other: object) -> Tensor:
    """a != b, elementwise: bools."""
    return _compare(a, other, "not_equal") if isinstance(other, _OPERANDS) else NotImplemented


# -- functions -------------------------------------------------------------------------------------------------------


def relu(x: Tensor) -> Tensor:
    """max(x, 0), elementwise."""
    try:
        y = ops.relu(x._data)
    except TypeError:
        if not dtypes.is_integer(x._data.dtype):
            raise
        return wrap(ops.exact("maximum", x._data, np.zeros((), x._data.dtype)))
    if not autograd.grad_mode.enabled:
        return wrap(y)
    return result(y, (x,), lambda g: (ops.relu_backward(g, y),), "Relu", RESULT)


def sigmoid(x: Tensor) -> Tensor:
    """1 / (1 + e^-x), elementwise."""
    y = ops.sigmoid(floating(x)._data)
    return result(y, (x,), lambda g: (ops.sigmoid_backward(g, y),), "Sigmoid", RESULT)


def tanh(x: Tensor) -> Tensor:
    """The hyperbolic tangent, elementwise."""
    y = ops.tanh(floating(x)._data)
    return result(y, (x,), lambda g: (ops.tanh_backward(g, y),), "Tanh", RESULT)


def exp(x: Tensor) -> Tensor:
    """e^x, elementwise."""
    y = ops.exp(floating(x)._data)
    return result(y, (x,), lambda g: (ops.multiply(g, y),), "Exp", RESULT)


def log(x: Tensor) -> Tensor:
    """The natural logarithm, elementwise: -inf of 0, NaN below."""
    data = floating(x)._data
    return result(ops.log(data), (x,), lambda g: (ops.divide(g, data),), "Log", reads=_ITSELF)


def erf(x: Tensor) -> Tensor:
    """The error function: 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x."""
    x = floating(x)
    data = x._data

    def backward(g: np.ndarray) -> tuple[np.ndarray]:
        bell = ops.exp(ops.multiply(ops.multiply(data, data), -1.0))
        return (ops.multiply(ops.multiply(g, 2 / math.sqrt(math.pi)), bell),)

    return result(ops.erf(data), (x,), backward, "Erf", reads=_ITSELF)


def square(x: Tensor) -> Tensor:
    """x x, elementwise."""
    return x * x


def sqrt(x: Tensor) -> Tensor:
    """The square root, elementwise: NaN below 0."""
    return x**0.5


def rsqrt(x: Tensor) -> Tensor:
    """1 / sqrt(x), elementwise."""
    return x**-0.5


def reciprocal(x: Tensor) -> Tensor:
    """1 / x, elementwise."""
    return 1.0 / x


def negative(x: Tensor) -> Tensor:
    """-x, elementwise."""
    return x * -1
