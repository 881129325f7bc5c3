"""Dense, Activation, Dropout and SpatialDropout2D, Flatten, Reshape, Lambda, Input."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import Any, ClassVar

from fastnn import nn
from fastnn.eager.creation import ones, zeros
from fastnn.eager.tensor import Tensor
from fastnn.keras import activations, initializers, regularizers
from fastnn.keras.layers.layer import Layer, Shape, positive
from fastnn.keras.layers.symbol import Arithmetic, Symbol
from fastnn.keras.layers.windows import Images, data_format_of


class Dense(Layer):
    """y = activation(x kernel + bias): (N, ..., inputs) -> (N, ..., units).

    kernel (inputs, units) starts as kernel_initializer has it (glorot_uniform), bias (units,) at zero. What
    kernel_regularizer and bias_regularizer make of them is added to the loss.

    Raises:
        ValueError: units below 1, or an unknown name.
    """

    layout = (("kernel", (1, 0)), ("bias", (0,)))
    former: ClassVar = {
        "output_dim": "units",
        "init": "kernel_initializer",
        "bias": "use_bias",
        "W_regularizer": "kernel_regularizer",
        "b_regularizer": "bias_regularizer",
    }

    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.units = positive("Dense", "units", units)
        self.activation = activations.get(activation)
        self.use_bias = bool(use_bias)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)

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

    @property
    def kernel(self) -> Tensor:
        """(inputs, units), in the memory of the weight."""
        return self.weights[0].detach().permute(1, 0)

    @property
    def bias(self) -> Tensor | None:
        """(units,), in the memory of the weight."""
        return self.weights[1].detach() if self.use_bias else None


class Activation(Layer):
    """An activation as a layer of its own: ``Activation("softmax")``."""

    def __init__(self, activation: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.activation = activations.get(activation)

    def make(self, shape: Shape) -> Shape:
        self.modules = activations.modules_of(self.activation)
        return shape


class Dropout(Layer):
    """Zeroes a share ``rate`` of its inputs while training and scales the others by 1 / (1 - rate) (Srivastava et al.,
    2014).

    Raises:
        ValueError: rate is not in [0, 1).
    """

    former: ClassVar = {"p": "rate"}
    refused: ClassVar = {
        "noise_shape": "every element is drawn for itself",
        "seed": "fastnn.manual_seed (keras.utils.set_random_seed) seeds all dropout",
    }

    def __init__(self, rate: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not 0 <= rate < 1:
            raise ValueError(f"Dropout: rate is {rate}; it must be at least 0 and less than 1")
        self.rate = float(rate)

    def make(self, shape: Shape) -> Shape:
        self.modules = [nn.Dropout(self.rate)]
        return shape


class _ChannelDropout(nn.Dropout):
    """Of whole channels of (N, ..., C)."""

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return x
        return x * super().forward(ones(x.shape[0], *(1 for _ in x.shape[1:-1]), x.shape[-1]))


class SpatialDropout2D(Dropout, Images):
    """:class:`Dropout` of whole channels of images (N, rows, columns, channels) (Tompson et al., 2015).

    Raises:
        ValueError: rate is not in [0, 1).
    """

    make = Images.make

    @classmethod
    def shapes(cls, config: Mapping[str, Any], shape: Shape) -> tuple[list[Shape], Shape]:
        return [], shape

    def compute(self, shape: Shape, weights: list[Shape]) -> None:
        self.modules = [_ChannelDropout(self.rate)]


class Flatten(Layer):
    """(N, ...) -> (N, product of the others): of images row by row, the channels of a pixel beside each other."""

    def __init__(self, data_format: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = data_format_of("Flatten", data_format)

    def make(self, shape: Shape) -> Shape:
        self.modules = [nn.Flatten()]
        return (prod(shape),)

    @classmethod
    def declared(cls, config: dict[str, Any], shape: Shape) -> tuple[list[Shape], Shape]:
        return [], (prod(shape),)


class Reshape(Layer):
    """(N, ...) -> (N, *target_shape), one size of which may be -1: what is left.

    Raises:
        ValueError: the shape does not hold as many numbers as a sample has.
    """

    def __init__(self, target_shape: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.target_shape = tuple(int(size) for size in target_shape)

    def make(self, shape: Shape) -> Shape:
        out = _filled(self.target_shape, prod(shape))
        if prod(out) != prod(shape):
            raise ValueError(f"layer '{self.name}' (Reshape) cannot make {out} of samples of shape {shape}")
        self.modules = [_Called(lambda x: x.reshape(-1, *out))]
        return out

    @classmethod
    def declared(cls, config: dict[str, Any], shape: Shape) -> tuple[list[Shape], Shape]:
        return [], _filled(tuple(config["target_shape"]), prod(shape))


class Lambda(Layer):
    """A function of tensors as a layer; the shape that it makes is found by calling it with zeros."""

    refused: ClassVar = {"output_shape": "it is found by calling the function", "mask": "there are no masks"}

    def __init__(self, function: Callable[[Tensor], Tensor], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not callable(function):
            raise TypeError(f"Lambda: expected a function of a tensor, got {type(function).__name__}")
        self.function = function

    def make(self, shape: Shape) -> Shape:
        self.modules = [_Called(self.function)]
        return tuple(self.function(zeros(1, *shape)).shape[1:])


class InputLayer(Arithmetic, Layer):
    """What a model's inputs look like; computes nothing. Layers are called with it to make a functional model."""

    def __init__(self, shape: Any = None, **kwargs: Any) -> None:
        super().__init__(**{"input_shape": shape, **kwargs})

    def make(self, shape: Shape) -> Shape:
        return shape

    @property
    def shape(self) -> tuple[int | None, ...] | None:
        """(None, ...), None for the batch."""
        return None if self.given_shape is None else (None, *self.given_shape)

    @property
    def symbol(self) -> Symbol:
        """What stands for a batch of it.

        Raises:
            ValueError: it was given no shape.
        """
        if self.given_shape is None:
            raise ValueError(f"Input '{self.name}' has no shape: Input(shape=(784,))")
        return self._output or self._symbol_of(self.build(self.given_shape), [])

    def config(self) -> dict[str, Any]:
        return {"name": self.name, "input_shape": None if self.given_shape is None else list(self.given_shape)}


def Input(
    shape: Any = None, name: str | None = None, dtype: Any = None, batch_shape: Any = None, batch_size: Any = None
) -> InputLayer:
    """The shape of one sample, as a model's first entry: ``Sequential([Input((784,)), Dense(10)])``; or what the layers
    of a functional model start from: ``x = Input((784,))``, ``y = Dense(10)(x)``, ``Model(x, y)``.

    batch_size: says nothing, as a model takes batches of any.
    """
    return InputLayer(shape, name=name, dtype=dtype, batch_shape=batch_shape)


class _Called(nn.Module):
    """A function as a module."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


def _filled(target: Shape, numbers: int) -> Shape:
    """A target shape with its -1 made what is left of a sample's numbers."""
    rest = prod(size for size in target if size != -1)
    return tuple(numbers // max(rest, 1) if size == -1 else size for size in target)
