"""Linear, and the layer that does nothing."""

from __future__ import annotations

from math import prod
from typing import Any

from fastnn import _core
from fastnn.arrays import is_integer
from fastnn.eager.tensor import Tensor
from fastnn.errors import Fault, told
from fastnn.nn import functional, init
from fastnn.nn.module import Module
from fastnn.nn.parameter import Parameter


class Linear(Module):
    """y = x W^T + b.

    weight (out_features, in_features) and bias (out_features,) start uniform in +-1/sqrt(in_features) (PyTorch's
    default: Kaiming with a = sqrt(5)). In memory the weight lies [in][out], as the kernels read it: ``weight`` is the
    transposed view.

    Shapes: x (..., in_features) -> (..., out_features).

    Raises:
        ValueError: a size is not positive.

    >>> import fastnn
    >>> fastnn.nn.Linear(3, 2)(fastnn.ones(5, 3)).shape
    torch.Size([5, 2])
    """

    bias: Parameter  # None without; PyTorch's annotation, which lets users write layer.bias.data

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__()
        for name, size in (("in_features", in_features), ("out_features", out_features)):
            if not is_integer(size):
                raise TypeError(f"Linear: {name} must be an integer, got {size!r}")
            if size < 1:
                raise ValueError(f"Linear: {name} is {size}; it must be at least 1")
        in_features, out_features = int(in_features), int(out_features)
        _check_memory(in_features, out_features)
        self.in_features = in_features
        self.out_features = out_features
        bound = in_features**-0.5
        # By the core, whose arrays begin at a cache line: a single row reads weights as fast as the caches give them.
        self.weight = Parameter(_core.copy(init.uniform((out_features, in_features), bound).T).T)
        self.bias = Parameter(init.uniform((out_features,), bound)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        return functional.linear(x, self.weight, self.bias)

    def multiply_adds(self, output_shape: tuple[int, ...]) -> int:
        return prod(output_shape) * self.in_features

    def _advice(self, fault: Fault | None, inputs: tuple[Any, ...]) -> str:
        if fault is None or fault.code != "linear.features":
            return ""
        shape = tuple(inputs[0].shape) if inputs else ()
        features, fields = prod(shape[1:]), fault.fields
        if features == self.in_features or len(shape) == 4:  # images have no other use for rows of their last dimension
            fields |= {"given": shape, "flat": features}
            rest = "" if features == self.in_features else f", and Linear({features}, {self.out_features}) fits these"
            return f"nn.Flatten() before it makes rows of {features}{rest}"
        if len(shape) == 2 and prod(shape) == self.in_features:
            fields |= {"single": "x.unsqueeze(0)"}
            return "is it one sample, flattened without its batch? x.unsqueeze(0) is a batch of one"
        width, rows = fields["features"], fields["rows"]
        fields |= {"outputs": self.out_features}
        fitting = f"Linear({width}, {self.out_features}) would fit"
        if width == 0 or rows * width % self.in_features or self.in_features % width:
            return fitting
        fields |= {"whole": self.in_features}
        return f"{fitting}, or view(-1, {self.in_features}) of its input, if that cut samples apart"

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


def _check_memory(in_features: int, out_features: int) -> None:
    """Refuses a weight that no machine of today holds, before anything is allocated."""
    needed = in_features * out_features * 4
    if needed > 2**46:
        size = needed / 2**50
        text = f"Linear({in_features} -> {out_features}) needs {size:.3g} PiB; check the sizes"
        raise told(ValueError(text), "linear.memory", inputs=in_features, outputs=out_features, pebibytes=size)


class Identity(Module):
    """y = x."""

    def forward(self, x: Tensor) -> Tensor:
        return x
