"""What the rules look at: a model, a batch of its data, and what the model makes of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fastnn.arrays import to_array
from fastnn.eager.tensor import Tensor
from fastnn.errors import told
from fastnn.nn import losses
from fastnn.nn.contexts import listening, modes
from fastnn.nn.linear import Linear
from fastnn.nn.module import Module
from fastnn.optim.optimizer import Optimizer
from fastnn.training.feed import as_feed, convert

# One batch is enough to see most mistakes; labels are looked at in more, and in all where they lie in memory.
_ROWS, _BATCHES = 64, 50


@dataclass(frozen=True)
class Case:
    """x, y: the first batch. labels: the targets of as many as are looked at. outputs: the model's for x in evaluation
    mode, None where it failed with ``error``, ``made`` by this op. inputs: of its linear layers, in the order of their
    calls. given: the dtype that tensors came in; x has the model's.
    """

    model: Module
    x: np.ndarray
    y: np.ndarray
    labels: np.ndarray
    criterion: Any
    optimizer: Optimizer | None
    outputs: np.ndarray | None = None
    error: Exception | None = None
    inputs: list[np.ndarray] = field(default_factory=list)
    made: str = ""
    given: np.dtype | None = None


def case_of(model: Module, data: Any, criterion: Any, optimizer: Optimizer | None) -> Case:
    """Reads the data and calls the model once.

    Raises:
        TypeError: data of another kind, a model that gives no tensor.
        ValueError: there is no data.
    """
    x, y, labels = _first(data)
    arrays = isinstance(data, tuple | list) and not isinstance(data[0], Tensor)
    given = None if arrays else x.dtype
    dtype = next((param._data.dtype for param in model.parameters()), x.dtype)
    x, y = convert("input", x, dtype), convert("target", y, dtype)
    x = x if x.dtype.kind == "f" else x.astype(dtype)  # pixels as they are in files: a rule tells of them
    if criterion is None:
        criterion = losses.CrossEntropyLoss() if y.dtype.kind in "iu" else losses.MSELoss()
    try:
        outputs, inputs = _outputs(model, x)
    except (ValueError, RuntimeError) as error:
        return Case(model, x, y, labels, criterion, optimizer, error=error, given=given)
    made = "" if outputs.grad_fn is None else outputs.grad_fn.name
    return Case(model, x, y, labels, criterion, optimizer, outputs.detach().numpy(), None, inputs, made, given)


def _first(data: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The first batch, and the targets of as many as are looked at."""
    feed = as_feed(data)
    if feed is not None:
        x, y = feed.batch(np.arange(min(_ROWS, len(feed)), dtype=np.int64))
        return x, y, feed.y
    if not hasattr(data, "batch_sampler"):
        from fastnn.data.loader import DataLoader

        data = DataLoader(data, batch_size=_ROWS)
    pairs = [_pair(batch) for batch, _ in zip(data, range(_BATCHES), strict=False)]
    if not pairs:
        raise told(ValueError("the data set is empty: there is nothing to check"), "data.empty")
    x, y = pairs[0]
    return x[:_ROWS], y[:_ROWS], np.concatenate([targets for _, targets in pairs])


def _pair(batch: Any) -> tuple[np.ndarray, np.ndarray]:
    if not isinstance(batch, tuple | list) or len(batch) != 2:
        raise TypeError(f"a batch must be a pair (x, y), got a {type(batch).__name__}")
    x, y = map(to_array, batch)
    return x, y


def _outputs(model: Module, x: np.ndarray) -> tuple[Tensor, list[np.ndarray]]:
    """The model's outputs in evaluation mode, and what came to its linear layers.

    Raises:
        TypeError: they are no tensor.
    """
    layers = [module for module in model.modules() if isinstance(module, Linear)]
    inputs: list[np.ndarray] = []

    def heard(layer: Module, given: tuple[Tensor, ...], output: Tensor) -> None:
        inputs.append(given[0].detach().numpy())

    with modes(model, training=False), listening(layers, heard):
        outputs = model(Tensor(x))
    if not isinstance(outputs, Tensor):
        raise TypeError(f"the model must give one tensor, got a {type(outputs).__name__}")
    return outputs, inputs
