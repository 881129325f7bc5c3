"""Dropout."""

from __future__ import annotations

import copy
from typing import ClassVar

import numpy as np

from fastnn import random
from fastnn.eager import autograd, evidence
from fastnn.eager.support import wrap
from fastnn.eager.tensor import Tensor
from fastnn.nn import functional
from fastnn.nn.module import Module


class Dropout(Module):
    """Zeroes elements with probability p while training and scales the others by 1 / (1 - p) (Srivastava et al., 2014).

    The draw depends on the seed, this module's number and how often it was called in training mode: the same on every
    machine.

    Raises:
        ValueError: p is not in [0, 1).
    """

    unrecorded = Module.unrecorded | {"calls"}
    seed: int | None = None  # of a module that does not draw by fastnn's own

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if not 0.0 <= p < 1.0:
            raise ValueError(f"Dropout: p is {p}; it must be at least 0 and less than 1")
        self.p = float(p)
        self.inplace = inplace
        self.number = random.state.advance("dropouts")
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0.0:
            return x
        evidence.dropout_active(self, learning=autograd.is_grad_enabled())
        out = functional.dropout_call(x, self.p, self)
        self.calls += 1
        return out

    def drawn_by(self) -> int:
        """The seed of its draws."""
        return random.state.seed if self.seed is None else self.seed

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"

    def __deepcopy__(self, memo: dict[int, object]) -> Dropout:
        """A module of its own: it has another number, so it draws for itself."""
        other = memo[id(self)] = type(self).__new__(type(self))
        other.__dict__.update(copy.deepcopy(self.__dict__, memo))
        other.number, other.calls = random.state.advance("dropouts"), 0
        return other


class _ChannelDropout(Dropout):
    takes: ClassVar[dict[int, tuple[str, int]]]  # by the number of dimensions: shapes, dimensions behind the channels

    def forward(self, x: Tensor) -> Tensor:
        shape = tuple(x.shape)
        if len(shape) not in self.takes:
            kind, wanted = type(self).__name__, " or ".join(text for text, _ in self.takes.values())
            raise ValueError(f"{kind}: expected x {wanted}, got shape {shape}")
        if not self.training or self.p == 0.0:
            return x
        behind = self.takes[len(shape)][1]
        ones = np.ones(shape[: len(shape) - behind] + (1,) * behind, x._data.dtype)
        return x * super().forward(wrap(ones))


class Dropout1d(_ChannelDropout):
    """:class:`Dropout` of whole channels of (N, C, L) or (C, L).

    Raises:
        ValueError: p is not in [0, 1), or x has other dimensions.
    """

    takes: ClassVar[dict[int, tuple[str, int]]] = {3: ("(N, C, L)", 1), 2: ("(C, L)", 1)}


class Dropout2d(_ChannelDropout):
    """:class:`Dropout` of whole channels of images (N, C, H, W); of (N, C), as in networks' heads, of each feature.

    Raises:
        ValueError: p is not in [0, 1), or x has other dimensions.
    """

    takes: ClassVar[dict[int, tuple[str, int]]] = {4: ("(N, C, H, W)", 2), 2: ("(N, C)", 0)}
