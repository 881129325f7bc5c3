"""Embedding: a learned row for each of so many numbers."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from fastnn.arrays import is_integer
from fastnn.eager import autograd, ops
from fastnn.eager.spelling import spelled
from fastnn.eager.support import contiguous, result
from fastnn.eager.tensor import Tensor
from fastnn.nn import init
from fastnn.nn.module import Module
from fastnn.nn.parameter import Parameter

_REFUSED = {
    "max_norm": "the rows are not made shorter: do that with weight.data, under no_grad()",
    "scale_grad_by_freq": "gradients of a row that comes several times add up",
    "sparse": "gradients are whole arrays, which any optimizer takes",
}


def _check_refused(name: str, given: dict[str, Any]) -> None:
    for option, what in _REFUSED.items():
        if given[option]:
            raise ValueError(f"{name}: {option} is not supported: {what}")


@spelled
def embedding(
    x: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """Rows of weight (R, D) by their numbers: x integers (...) -> (..., D). Row padding_idx has no gradient.

    Raises:
        IndexError: a number outside 0..R-1, or a padding_idx that is no row.
        TypeError: x is not integers.
        ValueError: weight is no matrix, or max_norm, scale_grad_by_freq or sparse.
    """
    _check_refused("embedding", {"max_norm": max_norm, "scale_grad_by_freq": scale_grad_by_freq, "sparse": sparse})
    if x._data.dtype.kind not in "iu":
        raise TypeError(f"[embedding] numbers of rows must be integers, got {x.dtype!r}: use x.long()")
    if weight.dim() != 2:
        raise ValueError(f"[embedding] weight must be (rows, size), got shape {tuple(weight.shape)}")
    rows, size = weight._data.shape
    padding = None if padding_idx is None else _row(padding_idx, rows, "embedding")
    numbers = x._read("embedding()")
    wrong = np.flatnonzero((numbers < 0) | (numbers >= rows))
    if len(wrong):
        raise IndexError(f"[embedding] {numbers.flat[wrong[0]]} is outside 0..{rows - 1}: weight has {rows} rows")

    kept = numbers.copy()

    def backward(g: np.ndarray) -> tuple[np.ndarray]:
        grad = ops.take_backward(contiguous(g), ops.places_of_rows(kept, size), [rows, size])
        if padding is not None:
            grad[padding] = 0
        return (grad,)

    return result(ops.rows(contiguous(weight._data), numbers), (weight,), backward, "Embedding")


def _row(index: int, rows: int, label: str) -> int:
    """padding_idx counted from the front."""
    if not -rows <= index < rows:
        raise IndexError(f"{label}: padding_idx is {index}; there are {rows} rows")
    return int(index) % rows


class Embedding(Module):
    """Rows of a learned table by their numbers, see :func:`fastnn.nn.functional.embedding`.

    weight (num_embeddings, embedding_dim) starts as normal numbers, the row padding_idx as zeros, which it stays.

    Raises:
        ValueError: a size below 1; max_norm, scale_grad_by_freq or sparse.
        IndexError: a padding_idx that is no row.
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        _weight: Tensor | None = None,
    ) -> None:
        super().__init__()
        _check_refused("Embedding", {"max_norm": max_norm, "scale_grad_by_freq": scale_grad_by_freq, "sparse": sparse})
        for name, value in (("num_embeddings", num_embeddings), ("embedding_dim", embedding_dim)):
            if not is_integer(value) or value < 1:
                raise ValueError(f"Embedding: {name} is {value!r}; it must be an integer of at least 1")
        self.num_embeddings, self.embedding_dim = int(num_embeddings), int(embedding_dim)
        self.padding_idx = None if padding_idx is None else _row(padding_idx, self.num_embeddings, "Embedding")
        self.weight = Parameter(self._start() if _weight is None else _weight)

    def _start(self) -> np.ndarray:
        values = init.normal((self.num_embeddings, self.embedding_dim))
        if self.padding_idx is not None:
            values[self.padding_idx] = 0
        return values

    def reset_parameters(self) -> None:
        """New numbers, as at the start."""
        self.weight._data[...] = self._start()
        autograd.mark_changed(self.weight)

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Tensor,
        freeze: bool = True,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
    ) -> Self:
        """One whose weight is this tensor (R, D); freeze: it does not learn."""
        if embeddings.dim() != 2:
            raise ValueError(f"Embedding: expected a table (rows, size), got shape {tuple(embeddings.shape)}")
        made = cls(*embeddings.shape, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse, _weight=embeddings)
        made.weight.requires_grad = not freeze
        return made

    def forward(self, x: Tensor) -> Tensor:
        return embedding(x, self.weight, self.padding_idx)

    def extra_repr(self) -> str:
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}{padding}"
