"""Layers of several inputs: Add, Concatenate and their kind, and the functions of the same names."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any, ClassVar

import numpy as np

from fastnn import nn
from fastnn.eager.creation import cat
from fastnn.eager.tensor import Tensor
from fastnn.keras.layers.layer import Layer, Shape
from fastnn.keras.layers.symbol import Symbol, symbols_in


class _Merged(nn.Module):
    """A function of several tensors as a module."""

    def __init__(self, function: Callable[..., Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *tensors: Tensor) -> Tensor:
        return self.function(*tensors)


class Merge(Layer):
    """Base of the layers that take a list of inputs: of one shape, or of shapes that broadcast."""

    least: ClassVar[int] = 2

    @staticmethod
    def merged(*tensors: Tensor) -> Tensor:
        """What is made of the inputs."""
        raise NotImplementedError

    def make(self, shape: Any) -> Shape:
        self.modules = [_Merged(type(self).merged)]
        return self.joined(type(self).__name__, self.config(), list(shape))

    @classmethod
    def joined(cls, label: str, config: dict[str, Any], shapes: list[Shape]) -> Shape:
        """The shape that comes out for samples of these shapes.

        Raises:
            ValueError: they do not go together.
        """
        try:
            return tuple(np.broadcast_shapes(*shapes))
        except ValueError:
            raise ValueError(f"{label}: inputs of shapes {shapes} do not go together") from None

    @classmethod
    def declared(cls, config: dict[str, Any], shape: Any) -> tuple[list[Shape], Shape]:
        return [], cls.joined(cls.__name__, config, [tuple(each) for each in shape])

    def _checked(self, given: list[Any]) -> None:
        if len(given) < self.least:
            kind = type(self).__name__
            raise ValueError(
                f"layer '{self.name}' ({kind}) takes a list of at least {self.least} inputs: {kind}()([a, b])"
            )

    def called_with(self, symbols: list[Symbol]) -> Symbol:
        self._checked(symbols)
        return self._symbol_of(self.build(tuple(tuple(each.shape[1:]) for each in symbols)), symbols)

    def __call__(self, x: Any, training: bool = False) -> Any:
        """Of a list of batches, or of what stands for them."""
        symbols = symbols_in(x)
        if symbols:
            return self.called_with(symbols)
        given = x if isinstance(x, list | tuple) else [x]
        self._checked(given)
        batches = [each if isinstance(each, Tensor) else Tensor(np.asarray(each, np.float32)) for each in given]
        self.build(tuple(tuple(batch.shape[1:]) for batch in batches))
        return self.modules[0](*batches)


class Add(Merge):
    """The sum of its inputs."""

    @staticmethod
    def merged(*tensors: Tensor) -> Tensor:
        return reduce(Tensor.add, tensors)


class Subtract(Merge):
    """The first input less the second.

    Raises:
        ValueError: other than two inputs.
    """

    @staticmethod
    def merged(*tensors: Tensor) -> Tensor:
        return tensors[0] - tensors[1]

    def _checked(self, given: list[Any]) -> None:
        if len(given) != 2:
            raise ValueError(f"layer '{self.name}' (Subtract) takes two inputs, got {len(given)}")


class Multiply(Merge):
    """The product of its inputs, element by element."""

    @staticmethod
    def merged(*tensors: Tensor) -> Tensor:
        return reduce(Tensor.mul, tensors)


class Average(Merge):
    """The mean of its inputs."""

    @staticmethod
    def merged(*tensors: Tensor) -> Tensor:
        return reduce(Tensor.add, tensors) / len(tensors)


class Maximum(Merge):
    """The largest of its inputs, element by element."""

    @staticmethod
    def merged(*tensors: Tensor) -> Tensor:
        return reduce(Tensor.maximum, tensors)


class Minimum(Merge):
    """The smallest of its inputs, element by element."""

    @staticmethod
    def merged(*tensors: Tensor) -> Tensor:
        return reduce(Tensor.minimum, tensors)


class Concatenate(Merge):
    """Its inputs one after the other along an axis: the last, or another but the first, which is the batch.

    Raises:
        ValueError: the axis is that of the batch or is not there, or shapes differ elsewhere.
    """

    least = 1

    def __init__(self, axis: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = int(axis)

    def make(self, shape: Any) -> Shape:
        axis = self.axis
        self.modules = [_Merged(lambda *tensors: cat(tensors, axis))]
        return self.joined("Concatenate", self.config(), list(shape))

    @classmethod
    def joined(cls, label: str, config: dict[str, Any], shapes: list[Shape]) -> Shape:
        axis, rank = config["axis"], len(shapes[0]) + 1
        if not -rank <= axis < rank or axis % rank == 0:
            raise ValueError(f"{label}: axis {axis} is not one of the samples of shape {shapes[0]}")
        place = axis % rank - 1
        rest = {(len(shape), *shape[:place], *shape[place + 1 :]) for shape in shapes}
        if len(rest) > 1:
            raise ValueError(f"{label}: inputs of shapes {shapes} do not go together along axis {axis}")
        return (*shapes[0][:place], sum(shape[place] for shape in shapes), *shapes[0][place + 1 :])


def add(inputs: Any, **kwargs: Any) -> Any:
    """:class:`Add` of a list."""
    return Add(**kwargs)(inputs)


def subtract(inputs: Any, **kwargs: Any) -> Any:
    """:class:`Subtract` of two."""
    return Subtract(**kwargs)(inputs)


def multiply(inputs: Any, **kwargs: Any) -> Any:
    """:class:`Multiply` of a list."""
    return Multiply(**kwargs)(inputs)


def average(inputs: Any, **kwargs: Any) -> Any:
    """:class:`Average` of a list."""
    return Average(**kwargs)(inputs)


def maximum(inputs: Any, **kwargs: Any) -> Any:
    """:class:`Maximum` of a list."""
    return Maximum(**kwargs)(inputs)


def minimum(inputs: Any, **kwargs: Any) -> Any:
    """:class:`Minimum` of a list."""
    return Minimum(**kwargs)(inputs)


def concatenate(inputs: Any, axis: int = -1, **kwargs: Any) -> Any:
    """:class:`Concatenate` of a list."""
    return Concatenate(axis, **kwargs)(inputs)
