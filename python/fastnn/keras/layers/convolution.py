"""Convolution of images and sequences, whose channels come last; kernels (rows, columns, inputs, outputs)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

import numpy as np

from fastnn import _core, nn
from fastnn.eager.tensor import Tensor
from fastnn.keras import activations, initializers, regularizers
from fastnn.keras.layers.layer import Shape, positive
from fastnn.keras.layers.windows import Windowed, channels_first, padding_of, sizes_of
from fastnn.nn import functional

_IN_MEMORY = (2, 3, 1, 0)  # the axes of a parameter (outputs, inputs, rows, columns) in the order in which they lie


class Kernel(NamedTuple):
    """One of a layer's: its shape as Keras has it, how many groups of channels it is applied to, how many come out, and
    whether it is applied to windows or to single pixels.
    """

    name: str
    shape: Shape
    groups: int
    outputs: int
    windowed: bool = True


class Convolved(nn.Module):
    """x (N, H, W, C) or (N, W, C) * kernel, plus bias, and relu of that. kernel (rows, columns, inputs, outputs) as it
    lies in memory; padding (above, left, below, right).
    """

    def __init__(
        self,
        kernel: np.ndarray,
        groups: int,
        strides: Shape = (1, 1),
        padding: Shape = (0, 0, 0, 0),
        dilation: Shape = (1, 1),
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(_core.copy(kernel).transpose(3, 2, 0, 1))
        self.bias: nn.Parameter | None = None
        self.strides, self.padding, self.dilation, self.groups = strides, padding, dilation, groups
        self.relu = False

    def forward(self, x: Tensor) -> Tensor:
        return channels_first(self._convolved, x)

    def _convolved(self, x: Tensor) -> Tensor:
        y = self.product(x)
        return functional.relu(y) if self.relu else y

    def product(self, x: Tensor) -> Tensor:
        """x (N, C, H, W) * kernel, plus bias."""
        return functional.conv2d(x, self.weight, self.bias, self.strides, self.padding, self.dilation, self.groups)


class Convolution(Windowed):
    """Base of the convolutions: activation(x * kernel + bias).

    padding ``"valid"``: windows lie in the image; ``"same"``: one begins at every stride, the image having zeros
    around it, one more behind it than before where their number is odd. dilation_rate: how far apart the pixels of a
    window are. Initialisers and regularizers as :class:`Dense` has them.

    Raises:
        ValueError: sizes that are not positive, another padding, strides with a dilation_rate; once built, groups that
            do not divide the channels, a kernel larger than the images.
    """

    window = "kernel_size"
    causal: ClassVar[bool] = False
    former: ClassVar = {
        "border_mode": "padding",
        "subsample": "strides",
        "subsample_length": "strides",
        "filter_length": "kernel_size",
        "nb_filter": "filters",
        "bias": "use_bias",
        "init": "kernel_initializer",
        "W_regularizer": "kernel_regularizer",
        "b_regularizer": "bias_regularizer",
    }
    refused: ClassVar = {
        name: "kernel_regularizer keeps weights small, or change them in a callback"
        for name in ("depthwise_constraint", "pointwise_constraint")
    }

    def __init__(
        self,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        *,
        dilation_rate: Any = 1,
        activation: Any = None,
        use_bias: bool = True,
        bias_initializer: Any = "zeros",
        bias_regularizer: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        kind = type(self).__name__
        self.kernel_size = sizes_of(kind, "kernel_size", kernel_size, self.axes)
        self.strides = sizes_of(kind, "strides", strides, self.axes)
        self.padding = padding_of(kind, padding, self.causal)
        self.dilation_rate = sizes_of(kind, "dilation_rate", dilation_rate, self.axes)
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError(f"{kind}: strides {self.strides} and dilation_rate {self.dilation_rate}: one of them is 1")
        self.activation = activations.get(activation)
        self.use_bias = bool(use_bias)
        self.bias_initializer = initializers.get(bias_initializer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self._shapes: list[Shape] = []  # of the weights, as Keras has them

    @classmethod
    def kernels(cls, config: Mapping[str, Any], channels: int) -> list[Kernel]:
        """Those of a layer of this config, one applied after the other."""
        raise NotImplementedError

    @classmethod
    def shapes(cls, config: Mapping[str, Any], shape: Shape) -> tuple[list[Shape], Shape]:
        kernels = cls.kernels(config, shape[-1])
        bias = [(kernels[-1].outputs,)] if config["use_bias"] else []
        return [*(kernel.shape for kernel in kernels), *bias], (*cls.places(config, shape)[0], kernels[-1].outputs)

    def compute(self, shape: Shape, weights: list[Shape]) -> None:
        kernels, made = self.kernels(vars(self), shape[-1]), []
        for kernel in kernels:
            start = getattr(self, f"{kernel.name.removesuffix('_kernel')}_initializer")
            made.append(self.module_of(kernel, start(kernel.shape).reshape(self.in_images(kernel.shape)), shape))
        if self.use_bias:
            made[-1].bias = nn.Parameter(self.bias_initializer(weights[-1]))
        made[-1].relu = self.activation is activations.relu  # which the convolution does at its end
        self._shapes = weights
        self.layout = (*((kernel.name, _IN_MEMORY) for kernel in kernels), ("bias", (0,)))
        self.modules = [*made, *([] if made[-1].relu else activations.modules_of(self.activation))]

    def module_of(self, kernel: Kernel, values: np.ndarray, shape: Shape) -> Convolved:
        """What applies a kernel of values (rows, columns, ...) to samples of a shape."""
        matrix = values.reshape(*values.shape[:2], -1, kernel.outputs)
        return Convolved(matrix, kernel.groups, *(self.windows(shape) if kernel.windowed else ()))

    def windows(self, shape: Shape) -> tuple[Shape, Shape, Shape]:
        """Strides, padding (above, left, below, right) and dilation in samples of a shape."""
        padding = self.places(vars(self), shape)[1]
        return self.in_images(self.strides), padding, self.in_images(self.dilation_rate)

    def in_images(self, sizes: Shape) -> Shape:
        """Sizes along its axes as those of images; sequences are images of one row."""
        return (*(1,) * (2 - self.axes), *sizes)

    def named_weights(self) -> list[tuple[str, np.ndarray]]:
        named = zip(super().named_weights(), self._shapes, strict=True)
        return [(name, values.reshape(shape)) for (name, values), shape in named]  # no copy: it is how they lie

    @property
    def bias(self) -> Tensor | None:
        """(outputs,), in the memory of the weight."""
        return self.weights[-1].detach() if self.use_bias else None


class Filters(Convolution):
    """Base of the convolutions of one kernel, to channels that are its ``filters``."""

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        *,
        kernel_initializer: Any = "glorot_uniform",
        kernel_regularizer: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(kernel_size, strides, padding, **kwargs)
        self.filters = positive(type(self).__name__, "filters", filters)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)

    @property
    def kernel(self) -> Tensor:
        """As get_weights has it, in the memory of the weight."""
        return self.weights[0].detach().permute(*_IN_MEMORY).reshape(*self._shapes[0])


class Conv2D(Filters):
    """Images (N, rows, columns, channels) to (N, rows, columns, filters), see :class:`Convolution`; kernel (rows,
    columns, channels / groups, filters).
    """

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        *,
        groups: int = 1,
        **kwargs: Any,
    ) -> None:
        super().__init__(filters, kernel_size, strides, padding, **kwargs)
        kind = type(self).__name__
        self.groups = positive(kind, "groups", groups)
        if self.filters % self.groups:
            raise ValueError(f"{kind}: {self.groups} groups do not divide {self.filters} filters evenly")

    @classmethod
    def kernels(cls, config: Mapping[str, Any], channels: int) -> list[Kernel]:
        filters, groups = config["filters"], config["groups"]
        if channels % groups:
            raise ValueError(f"{cls.label(config)}: {groups} groups do not divide {channels} channels evenly")
        return [Kernel("kernel", (*config["kernel_size"], channels // groups, filters), groups, filters)]


class Conv1D(Conv2D):
    """Sequences (N, steps, channels) to (N, steps, filters), see :class:`Convolution`; kernel (steps, channels /
    groups, filters). padding ``"causal"``: a step sees none that come later.
    """

    axes, causal = 1, True


class DepthwiseConv2D(Convolution):
    """Each channel of images by kernels of its own, depth_multiplier of them, see :class:`Convolution`; kernel (rows,
    columns, channels, depth_multiplier).
    """

    former: ClassVar = {
        "kernel_initializer": "depthwise_initializer",
        "kernel_regularizer": "depthwise_regularizer",
    }

    def __init__(
        self,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        depth_multiplier: int = 1,
        *,
        depthwise_initializer: Any = "glorot_uniform",
        depthwise_regularizer: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(kernel_size, strides, padding, **kwargs)
        self.depth_multiplier = positive(type(self).__name__, "depth_multiplier", depth_multiplier)
        self.depthwise_initializer = initializers.get(depthwise_initializer)
        self.depthwise_regularizer = regularizers.get(depthwise_regularizer)

    @classmethod
    def kernels(cls, config: Mapping[str, Any], channels: int) -> list[Kernel]:
        many = config["depth_multiplier"]
        return [Kernel("depthwise_kernel", (*config["kernel_size"], channels, many), channels, channels * many)]


class SeparableConv2D(DepthwiseConv2D):
    """:class:`DepthwiseConv2D`, without its bias, and a convolution of single pixels to filters of them (Chollet,
    2017).
    """

    former: ClassVar = {
        "kernel_initializer": "pointwise_initializer",
        "kernel_regularizer": "pointwise_regularizer",
    }

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        *,
        pointwise_initializer: Any = "glorot_uniform",
        pointwise_regularizer: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(kernel_size, strides, padding, **kwargs)
        self.filters = positive("SeparableConv2D", "filters", filters)
        self.pointwise_initializer = initializers.get(pointwise_initializer)
        self.pointwise_regularizer = regularizers.get(pointwise_regularizer)

    @classmethod
    def kernels(cls, config: Mapping[str, Any], channels: int) -> list[Kernel]:
        (depthwise,) = super().kernels(config, channels)
        filters = config["filters"]
        return [depthwise, Kernel("pointwise_kernel", (1, 1, depthwise.outputs, filters), 1, filters, windowed=False)]


def Convolution2D(filters: int, kernel_size: Any, nb_col: int | None = None, **kwargs: Any) -> Conv2D:
    """Keras 1's spelling, ``Convolution2D(32, 3, 3)``, of ``Conv2D(32, (3, 3))``."""
    return Conv2D(filters, kernel_size if nb_col is None else (kernel_size, nb_col), **kwargs)


Convolution1D, DepthwiseConvolution2D, SeparableConvolution2D = Conv1D, DepthwiseConv2D, SeparableConv2D
