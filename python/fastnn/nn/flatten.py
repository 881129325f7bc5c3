"""Flatten and Unflatten: images as rows and back."""

from __future__ import annotations

from collections.abc import Sequence

from fastnn.arrays import is_integer
from fastnn.eager.tensor import Tensor
from fastnn.nn.module import Module


class Flatten(Module):
    """(N, C, H, W) -> (N, C H W)."""

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim = int(start_dim)
        self.end_dim = int(end_dim)

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """One dimension as several: ``Unflatten(1, (C, H, W))`` makes images of rows; one size may be -1, what is left.

    Raises:
        TypeError: dim is no integer (dimensions have no names), or sizes are none.
    """

    def __init__(self, dim: int, unflattened_size: Sequence[int]) -> None:
        super().__init__()
        if not is_integer(dim):
            raise TypeError(f"Unflatten: dim must be an integer, got {dim!r}")
        if not isinstance(unflattened_size, Sequence) or not all(map(is_integer, unflattened_size)):
            raise TypeError(f"Unflatten: unflattened_size must be a tuple of integers, got {unflattened_size!r}")
        self.dim = int(dim)
        self.unflattened_size = tuple(map(int, unflattened_size))

    def forward(self, x: Tensor) -> Tensor:
        return x.unflatten(self.dim, self.unflattened_size)

    def extra_repr(self) -> str:
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"
