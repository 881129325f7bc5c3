"""Keras' backend, as far as scripts use it: settings, values of variables, and functions of tensors for losses and
metrics.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fastnn.eager.tensor import Tensor
from fastnn.keras import activations, losses
from fastnn.keras.losses import binary_crossentropy, categorical_crossentropy, sparse_categorical_crossentropy
from fastnn.keras.utils import clear_session

__all__ = [
    "abs",
    "argmax",
    "backend",
    "binary_crossentropy",
    "cast",
    "categorical_crossentropy",
    "clear_session",
    "clip",
    "constant",
    "dot",
    "epsilon",
    "equal",
    "eval",
    "exp",
    "flatten",
    "floatx",
    "function",
    "get_value",
    "image_data_format",
    "image_dim_ordering",
    "int_shape",
    "log",
    "max",
    "maximum",
    "mean",
    "min",
    "minimum",
    "ndim",
    "pow",
    "relu",
    "reshape",
    "round",
    "set_epsilon",
    "set_floatx",
    "set_image_data_format",
    "set_image_dim_ordering",
    "set_learning_phase",
    "set_value",
    "shape",
    "sigmoid",
    "softmax",
    "sparse_categorical_crossentropy",
    "sqrt",
    "square",
    "std",
    "sum",
    "tanh",
    "transpose",
    "var",
    "variable",
]

Axis = int | tuple[int, ...] | None


def backend() -> str:
    """What computes."""
    return "fastnn"


# -- settings ----------------------------------------------------------------------------------------------------------


def floatx() -> str:
    """The type of all numbers."""
    return "float32"


def set_floatx(value: str) -> None:
    """Takes float32.

    Raises:
        ValueError: another type.
    """
    if value != "float32":
        raise ValueError(f"floatx is {value!r}; layers of fastnn.keras compute in float32")


def epsilon() -> float:
    """What keeps divisors and probabilities away from 0."""
    return losses.EPSILON


def set_epsilon(value: float) -> None:
    """Takes 1e-7.

    Raises:
        ValueError: another number.
    """
    if value != losses.EPSILON:
        raise ValueError(f"epsilon is {value}; losses of fastnn.keras keep to {losses.EPSILON}")


def image_data_format() -> str:
    """Images are (height, width, channels)."""
    return "channels_last"


def set_image_data_format(value: str) -> None:
    """Takes channels_last.

    Raises:
        ValueError: another format.
    """
    if value != "channels_last":
        raise ValueError(f"image_data_format is {value!r}; images are (N, height, width, channels) here, channels_last")


def image_dim_ordering() -> str:
    """Keras 1's name of channels_last."""
    return "tf"


def set_image_dim_ordering(value: str) -> None:
    """Takes tf.

    Raises:
        ValueError: another ordering.
    """
    if value != "tf":
        raise ValueError(f"image_dim_ordering is {value!r}; images are (N, height, width, channels) here, 'tf'")


def set_learning_phase(value: int) -> None:
    """Says nothing: fit trains with dropout, evaluate and predict without; ``model(x, training=True)`` with it."""


# -- values ------------------------------------------------------------------------------------------------------------


def function(inputs: Any, outputs: Any) -> Callable[[Any], Any]:
    """A function from a list of the one input's array to that of the outputs, as of a layer's feature maps:
    ``function([model.input], [model.layers[0].output])([x])[0]``. One output that is no list gives an array.

    Raises:
        ValueError: what :class:`fastnn.keras.Model` refuses, such as several inputs.
    """
    from fastnn.keras.model import Model

    model, listed = Model(inputs, outputs), isinstance(outputs, list | tuple)

    def values(given: Any) -> Any:
        found = model.predict(given[0] if isinstance(given, list | tuple) else given, verbose=0)
        return [found] if listed and not isinstance(found, list) else found

    return values


def get_value(x: Any) -> Any:
    """A tensor's, a weight's or a learning rate's value, as NumPy has it."""
    if isinstance(x, Tensor):
        return x.detach().numpy().copy()
    return x.numpy() if hasattr(x, "numpy") else np.asarray(x)


eval = get_value


def set_value(x: Any, value: Any) -> None:
    """Sets a weight or a learning rate: ``set_value(model.optimizer.learning_rate, 0.01)``.

    Raises:
        TypeError: something that cannot be set.
    """
    if hasattr(x, "assign"):
        x.assign(value)
    elif isinstance(x, Tensor):
        x.detach().numpy()[...] = value
    else:
        raise TypeError(f"set_value: a {type(x).__name__} cannot be set; a weight or optimizer.learning_rate can")


def variable(value: Any, dtype: Any = None, name: str | None = None) -> Tensor:
    """A tensor of a value."""
    return Tensor(np.array(get_value(value), dtype=np.float32))


constant = variable


def cast(x: Any, dtype: str) -> Tensor:
    """x in another type."""
    return Tensor(get_value(x).astype(dtype)) if dtype != floatx() else _tensor(x)


def shape(x: Any) -> tuple[int, ...]:
    """Of each axis, its size."""
    return tuple(_tensor(x).shape)


int_shape = shape


def ndim(x: Any) -> int:
    """How many axes."""
    return _tensor(x).dim()


# -- functions ---------------------------------------------------------------------------------------------------------


def sum(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Over all, or along an axis."""
    return _along(lambda t, *at: t.sum(*at), x, axis, keepdims)


def mean(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Over all, or along an axis."""
    return _along(lambda t, *at: t.mean(*at), x, axis, keepdims)


def var(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Mean of (x - mean)^2."""
    return mean(square(_tensor(x) - mean(x, axis, True)), axis, keepdims)


def std(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Root of :func:`var`."""
    return sqrt(var(x, axis, keepdims))


def max(x: Any, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """The largest."""
    return _tensor(x).max() if axis is None else _tensor(x).max(axis, keepdims)[0]


def min(x: Any, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """The smallest."""
    return -max(-_tensor(x), axis, keepdims)


def argmax(x: Any, axis: int = -1) -> Tensor:
    """Where the largest is."""
    return _tensor(x).argmax(axis)


def square(x: Any) -> Tensor:
    """x^2."""
    t = _tensor(x)
    return t * t


def abs(x: Any) -> Tensor:
    """|x|."""
    t = _tensor(x)
    return t.relu() + (-t).relu()


def sqrt(x: Any) -> Tensor:
    """The root, of what is below 0 as of 0."""
    return _tensor(x).relu().sqrt()


def exp(x: Any) -> Tensor:
    """e^x."""
    return _tensor(x).exp()


def log(x: Any) -> Tensor:
    """The natural logarithm."""
    return _tensor(x).log()


def pow(x: Any, a: float) -> Tensor:
    """x^a."""
    return _tensor(x).pow(a)


def round(x: Any) -> Tensor:
    """The nearest whole number, without a gradient."""
    return Tensor(np.rint(get_value(x)))


def clip(x: Any, min_value: float, max_value: float) -> Tensor:
    """x kept in [min_value, max_value]."""
    return minimum(maximum(x, min_value), max_value)


def maximum(x: Any, y: Any) -> Tensor:
    """The larger of each two."""
    return y + (_tensor(x) - y).relu()


def minimum(x: Any, y: Any) -> Tensor:
    """The smaller of each two."""
    t = _tensor(x)
    return t - (t - y).relu()


def equal(x: Any, y: Any) -> Tensor:
    """Whether each is the other's."""
    return _tensor(x) == (y if isinstance(y, int | float) else _tensor(y))


def dot(x: Any, y: Any) -> Tensor:
    """The matrix product."""
    return _tensor(x) @ _tensor(y)


def flatten(x: Any) -> Tensor:
    """All in one axis."""
    return _tensor(x).reshape(-1)


def reshape(x: Any, shape: tuple[int, ...]) -> Tensor:
    """In another shape."""
    return _tensor(x).reshape(*shape)


def transpose(x: Any) -> Tensor:
    """With its axes the other way round."""
    t = _tensor(x)
    return t.permute(*reversed(range(t.dim())))


def relu(x: Any, alpha: float = 0.0, max_value: float | None = None) -> Tensor:
    """max(x, 0)."""
    return activations.relu(_tensor(x), alpha, max_value)


def sigmoid(x: Any) -> Tensor:
    """1 / (1 + exp(-x))."""
    return _tensor(x).sigmoid()


def softmax(x: Any, axis: int = -1) -> Tensor:
    """exp(x) / sum exp(x) along an axis."""
    return _tensor(x).softmax(axis)


def tanh(x: Any) -> Tensor:
    """tanh(x)."""
    return _tensor(x).tanh()


def _tensor(x: Any) -> Tensor:
    if isinstance(x, Tensor):
        return x
    array = np.asarray(x)
    return Tensor(array.astype(np.float32) if array.dtype.kind != "f" else array)


def _along(function: Any, x: Any, axis: Axis, keepdims: bool) -> Tensor:
    t = _tensor(x)
    if axis is None:
        axis = tuple(range(t.dim()))
        if not keepdims:
            return function(t)
    for each in sorted({a % t.dim() for a in (axis if isinstance(axis, tuple | list) else (axis,))}, reverse=True):
        t = function(t, each, keepdims)
    return t
