"""Layers of a :class:`fastnn.keras.models.Sequential`: Dense, Activation, LeakyReLU, Dropout, Flatten, Input."""

from __future__ import annotations

from math import inf, prod
from typing import Any

import numpy as np

from fastnn import nn
from fastnn.arrays import is_integer
from fastnn.keras import activations, initializers
from fastnn.keras.named import unique

Shape = tuple[int, ...]


class Layer:
    """Base of the layers. ``build(shape)`` makes the modules that compute it, once.

    name: its own or ``dense``, ``dense_1``, ...; input_shape: of one sample, for a model's first layer (input_dim: the
    same for one dimension). Attributes once built: ``input_shape``, ``output_shape`` with None for the batch.

    Raises:
        ValueError: input_shape with a size that is no positive number.
    """

    # Keras' name of each weight, and which axis of our parameter each of its axes is: in the order of ``weights``.
    layout: tuple[tuple[str, tuple[int, ...]], ...] = ()

    def __init__(
        self, name: str | None = None, input_shape: Any = None, input_dim: int | None = None, **unknown: Any
    ) -> None:
        kind = type(self).__name__
        if unknown:
            raise TypeError(f"{kind} has no argument {', '.join(map(repr, unknown))} in fastnn.keras")
        self.name = unique(kind) if name is None else name
        self.given_shape = _checked_shape(kind, (input_dim,) if input_dim is not None else input_shape)
        self.modules: list[nn.Module] = []
        self.input_shape: tuple[int | None, ...] | None = None
        self.output_shape: tuple[int | None, ...] | None = None
        self._trainable = True

    @property
    def trainable(self) -> bool:
        """Whether fit changes its weights."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = bool(value)
        for weight in self.weights:
            weight.requires_grad = self._trainable

    @property
    def built(self) -> bool:
        return self.output_shape is not None

    def build(self, shape: Shape) -> Shape:
        """Makes the modules for samples of a shape; the shape that comes out.

        Raises:
            ValueError: it was built for another shape, or cannot take this one.
        """
        if self.built and self.input_shape != (None, *shape):
            raise ValueError(
                f"layer '{self.name}' ({type(self).__name__}) was built for inputs of shape {self.input_shape}, "
                f"got {(None, *shape)}"
            )
        if not self.built:
            out = self.make(shape)
            self.trainable = self._trainable
            self.input_shape, self.output_shape = (None, *shape), (None, *out)
        return self.output_shape[1:]  # type: ignore[index,return-value]

    def make(self, shape: Shape) -> Shape:
        """Fills ``modules``; the shape that comes out."""
        raise NotImplementedError

    def config(self) -> dict[str, Any]:
        """The arguments that make it again.

        Raises:
            ValueError: it has a function of the user's as activation.
        """
        return {"name": self.name}

    @classmethod
    def declared(cls, config: dict[str, Any], shape: Shape) -> tuple[list[Shape], Shape]:
        """The shapes of the weights that a layer of this config has for samples of a shape, and the shape that comes
        out; nothing is made.
        """
        return [], shape

    @property
    def weights(self) -> list[nn.Parameter]:
        """Its parameters: their axes are in PyTorch's order; get_weights has Keras'."""
        return [parameter for module in self.modules for parameter in module.parameters()]

    def named_weights(self) -> list[tuple[str, np.ndarray]]:
        """Each weight's name and its values, in Keras' order of axes and the parameter's own memory."""
        values = [weight.detach().numpy() for weight in self.weights]
        known = [(name, array.transpose(axes)) for array, (name, axes) in zip(values, self.layout, strict=False)]
        others = enumerate(values[len(known) :], start=len(known))  # an activation's own
        return [*known, *((f"weight_{number}", array) for number, array in others)]

    def get_weights(self) -> list[np.ndarray]:
        """Copies of its weights, in Keras' order of axes: of Dense, kernel (inputs, units) and bias (units,)."""
        return [np.array(values, order="C") for _, values in self.named_weights()]

    def set_weights(self, weights: list[np.ndarray]) -> None:
        """Takes over what get_weights gives.

        Raises:
            ValueError: another number of arrays, or another shape.
        """
        own = [values for _, values in self.named_weights()]
        if len(weights) != len(own):
            raise ValueError(f"layer '{self.name}' has {len(own)} weights, got {len(weights)} arrays")
        arrays = [np.asarray(values) for values in weights]
        for values, array in zip(own, arrays, strict=True):
            if array.shape != values.shape:
                raise ValueError(
                    f"layer '{self.name}': a weight of shape {values.shape} cannot take one of {array.shape}"
                )
        for values, array in zip(own, arrays, strict=True):
            values[...] = array

    def count_params(self) -> int:
        """How many numbers its weights have."""
        return sum(weight.numel() for weight in self.weights)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"


class Dense(Layer):
    """y = activation(x kernel + bias): (N, ..., inputs) -> (N, ..., units).

    kernel (inputs, units) starts as kernel_initializer has it (glorot_uniform), bias (units,) at zero.

    Raises:
        ValueError: units below 1, or an unknown name.
    """

    layout = (("kernel", (1, 0)), ("bias", (0,)))

    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not is_integer(units) or units < 1:
            raise ValueError(f"Dense: units is {units!r}; it must be an integer of at least 1")
        self.units = int(units)
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)

    def make(self, shape: Shape) -> Shape:
        if not shape:
            raise ValueError(f"layer '{self.name}' (Dense) needs inputs of shape (N, features), got (N,)")
        linear = nn.Linear(shape[-1], self.units, bias=self.use_bias)
        linear.weight.detach().numpy()[...] = self.kernel_initializer((shape[-1], self.units)).T
        if self.use_bias:
            linear.bias.detach().numpy()[...] = self.bias_initializer((self.units,))
        self.modules = [linear, *activations.modules_of(self.activation)]
        return (*shape[:-1], self.units)

    @classmethod
    def declared(cls, config: dict[str, Any], shape: Shape) -> tuple[list[Shape], Shape]:
        units = config["units"]
        biases = [(units,)] if config["use_bias"] else []
        return [(shape[-1], units), *biases], (*shape[:-1], units)

    def config(self) -> dict[str, Any]:
        return {
            **super().config(),
            "units": self.units,
            "activation": activations.name_in_files(self.activation),
            "use_bias": self.use_bias,
        }


class Activation(Layer):
    """An activation as a layer of its own: ``Activation("softmax")``."""

    def __init__(self, activation: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.activation = activations.get(activation)

    def make(self, shape: Shape) -> Shape:
        self.modules = activations.modules_of(self.activation)
        return shape

    def config(self) -> dict[str, Any]:
        return {**super().config(), "activation": activations.name_in_files(self.activation)}


class LeakyReLU(Layer):
    """x where x > 0, else negative_slope x.

    Raises:
        ValueError: negative_slope is negative or not finite.
    """

    def __init__(self, negative_slope: float = 0.3, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not 0 <= negative_slope < inf:
            raise ValueError(f"LeakyReLU: negative_slope is {negative_slope}; it must be at least 0 and finite")
        self.negative_slope = float(negative_slope)

    def make(self, shape: Shape) -> Shape:
        self.modules = [nn.LeakyReLU(self.negative_slope)]
        return shape

    def config(self) -> dict[str, Any]:
        return {**super().config(), "negative_slope": self.negative_slope}


class Dropout(Layer):
    """Zeroes a share ``rate`` of its inputs while training and scales the others by 1 / (1 - rate) (Srivastava et al.,
    2014).

    Raises:
        ValueError: rate is not in [0, 1).
    """

    def __init__(self, rate: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not 0 <= rate < 1:
            raise ValueError(f"Dropout: rate is {rate}; it must be at least 0 and less than 1")
        self.rate = float(rate)

    def make(self, shape: Shape) -> Shape:
        self.modules = [nn.Dropout(self.rate)]
        return shape

    def config(self) -> dict[str, Any]:
        return {**super().config(), "rate": self.rate}


class Flatten(Layer):
    """(N, ...) -> (N, product of the others)."""

    def make(self, shape: Shape) -> Shape:
        self.modules = [nn.Flatten()]
        return (prod(shape),)

    @classmethod
    def declared(cls, config: dict[str, Any], shape: Shape) -> tuple[list[Shape], Shape]:
        return [], (prod(shape),)


class InputLayer(Layer):
    """What a model's inputs look like; computes nothing."""

    def __init__(self, shape: Any = None, **kwargs: Any) -> None:
        super().__init__(**{"input_shape": shape, **kwargs})

    def make(self, shape: Shape) -> Shape:
        return shape


def Input(shape: Any, name: str | None = None) -> InputLayer:
    """The shape of one sample, as a model's first entry: ``Sequential([Input((784,)), Dense(10)])``."""
    return InputLayer(shape, name=name)


# What a file may name.
KINDS: dict[str, type[Layer]] = {kind.__name__: kind for kind in (Dense, Activation, LeakyReLU, Dropout, Flatten)}


def _checked_shape(kind: str, shape: Any) -> Shape | None:
    if shape is None:
        return None
    sizes = (shape,) if is_integer(shape) else tuple(shape)
    if not all(is_integer(size) and size > 0 for size in sizes):
        raise ValueError(f"{kind}: input_shape is {shape}; it must be the sizes of one sample, such as (784,)")
    return tuple(int(size) for size in sizes)
