"""Layers without convolution: Linear, activations, Flatten, Dropout, Sequential."""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Iterator
from math import prod

from fastnn import random
from fastnn.eager import autograd
from fastnn.eager.tensor import Tensor
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
    """

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__()
        for name, size in (("in_features", in_features), ("out_features", out_features)):
            if isinstance(size, bool) or not isinstance(size, int):
                raise TypeError(f"Linear: {name} must be an integer, got {size!r}")
            if size < 1:
                raise ValueError(f"Linear: {name} is {size}; it must be at least 1")
        _check_memory(in_features, out_features)
        self.in_features = in_features
        self.out_features = out_features
        bound = in_features**-0.5
        self.weight = Parameter(init.uniform((out_features, in_features), bound).T.copy().T)
        self.bias = Parameter(init.uniform((out_features,), bound)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        return functional.linear(x, self.weight, self.bias)

    def multiply_adds(self, output_shape: tuple[int, ...]) -> int:
        return prod(output_shape) * self.in_features

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


def _check_memory(in_features: int, out_features: int) -> None:
    """Refuses a weight that no machine of today holds, before anything is allocated."""
    needed = in_features * out_features * 4
    if needed > 2**46:
        raise ValueError(f"Linear({in_features} -> {out_features}) needs {needed / 2**50:.3g} PiB; check the sizes")


class ReLU(Module):
    """max(x, 0), elementwise."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, x: Tensor) -> Tensor:
        return x.relu()

    def extra_repr(self) -> str:
        return "inplace=True" if self.inplace else ""


class Sigmoid(Module):
    """1 / (1 + exp(-x)), elementwise."""

    def forward(self, x: Tensor) -> Tensor:
        return x.sigmoid()


class Tanh(Module):
    """tanh(x), elementwise."""

    def forward(self, x: Tensor) -> Tensor:
        return x.tanh()


class Softmax(Module):
    """exp(x) / sum exp(x) along dim."""

    def __init__(self, dim: int = -1) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, x: Tensor) -> Tensor:
        return x.softmax(self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class LogSoftmax(Softmax):
    """log of :class:`Softmax`."""

    def forward(self, x: Tensor) -> Tensor:
        return x.log_softmax(self.dim)


class Flatten(Module):
    """(N, C, H, W) -> (N, C H W)."""

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim = start_dim
        self.end_dim = end_dim

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Identity(Module):
    """y = x."""

    def forward(self, x: Tensor) -> Tensor:
        return x


class Dropout(Module):
    """Zeroes elements with probability p while training and scales the others by 1 / (1 - p) (Srivastava et al., 2014).

    The draw depends on the seed, this module's number and how often it was called in training mode: the same on every
    machine.

    Raises:
        ValueError: p is not in [0, 1).
    """

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if not 0.0 <= p < 1.0:
            raise ValueError(f"Dropout: p is {p}; it must be at least 0 and less than 1")
        self.p = float(p)
        self.inplace = inplace
        self.number = random.state.advance("dropouts")
        self.calls = 0
        self.evaluated_in_training = False  # for fastnn.check

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0.0:
            return x
        if not autograd.is_grad_enabled():
            self.evaluated_in_training = True
        out = functional.dropout_call(x, self.p, self)
        self.calls += 1
        return out

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"

    def __deepcopy__(self, memo: dict[int, object]) -> Dropout:
        """A module of its own: it has another number, so it draws for itself."""
        other = memo[id(self)] = type(self).__new__(type(self))
        other.__dict__.update(copy.deepcopy(self.__dict__, memo))
        other.number, other.calls = random.state.advance("dropouts"), 0
        return other


class Sequential(Module):
    """Modules one after the other: ``Sequential(Linear(2, 3), ReLU())`` or an OrderedDict of names."""

    def __init__(self, *layers: Module | OrderedDict[str, Module]) -> None:
        super().__init__()
        named = (
            layers[0] if len(layers) == 1 and isinstance(layers[0], dict) else {str(i): m for i, m in enumerate(layers)}
        )
        for name, layer in named.items():
            if not isinstance(layer, Module):
                raise TypeError(f"Sequential: entry {name} is a {type(layer).__name__}, not a module")
            self.add_module(name, layer)

    def append(self, layer: Module) -> Sequential:
        self.add_module(str(len(self._modules)), layer)
        return self

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Module]:
        return iter(self._modules.values())

    def __getitem__(self, index: int | slice) -> Module:
        named = list(self._modules.items())
        return Sequential(OrderedDict(named[index])) if isinstance(index, slice) else named[index][1]

    def forward(self, x: Tensor) -> Tensor:
        for layer in self._modules.values():
            x = layer(x)
        return x
