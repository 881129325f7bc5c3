"""What layers look for and what they find: their weights, and what they give for some images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

import numpy as np

from fastnn.eager.autograd import no_grad
from fastnn.eager.memory import owner_of
from fastnn.eager.tensor import Tensor
from fastnn.engine.recording import Listener, Record, one_at_a_time
from fastnn.nn.contexts import modes
from fastnn.nn.module import Module

T = TypeVar("T")

_NORMALISED = {"batch_norm", "batch_norm_inference"}
_POOLED = {"max_pool2d", "avg_pool2d"}  # some write F.relu(F.max_pool2d(conv(x), 2))
_ACTIVATIONS = {"relu", "leaky_relu", "sigmoid", "tanh"}
_WEIGHTED = {"conv2d", "dense_forward"}


class Layer(NamedTuple):
    """One layer with a weight in a forward pass.

    name: as ``named_modules()`` has it. weight: (O, ...). values: (N, O) or (N, O, H, W), what it gave for N inputs,
    after the batch norm and the activation (and the pooling before that) behind it.
    """

    name: str
    weight: np.ndarray
    values: np.ndarray


class Convolution(NamedTuple):
    """One convolution of a forward pass.

    name: of its layer, as ``named_modules()`` has it. filters: its weight (O, I / groups, kh, kw). maps: (N, O, H, W),
    what it found in N images, after the batch norm and the activation (and the pooling before that) behind it.
    """

    name: str
    filters: np.ndarray
    maps: np.ndarray


def forward(model: Module, x: np.ndarray) -> tuple[np.ndarray, list[Layer]]:
    """What a model gives for inputs x (N, ...) in evaluation mode, and its linear layers and convolutions in the order
    of their use.

    The model is as it was before, but for what its own forward changes of it.
    """
    with one_at_a_time, Listener() as listener, modes(model, training=False), no_grad():
        outputs = model(Tensor(x))
    names = {id(owner_of(param._to_read())): name.rpartition(".")[0] for name, param in model.named_parameters()}
    found: list[Layer] = []
    for place, record in enumerate(listener.records):
        if record.name in _WEIGHTED:
            weight = record.args[1]
            name = names.get(id(owner_of(weight))) or ("convolution" if weight.ndim == 4 else "linear")
            found.append(Layer(name, weight, _activated(record.outputs[0], listener.records[place + 1 :])))
    return outputs.numpy(), found


def convolutions(model: Module, x: np.ndarray) -> list[Convolution]:
    """The convolutions that a model runs on images x (N, C, H, W), as :func:`forward` has them."""
    return [Convolution(*layer) for layer in forward(model, x)[1] if layer.weight.ndim == 4]


def _activated(maps: np.ndarray, later: Sequence[Record]) -> np.ndarray:
    """A layer's output, or what follows makes of it: its batch norm, and the activation behind that."""
    end = maps
    for record in later:
        if not record.args or record.args[0] is not end:
            continue
        if record.name in _ACTIVATIONS:
            return record.outputs[0]
        if record.name not in _NORMALISED | _POOLED:
            break
        end = record.outputs[0]
        maps = end if record.name in _NORMALISED else maps
    return maps


def spread(items: Sequence[T], most: int) -> list[T]:
    """At most so many of a list, evenly from the first to the last."""
    if len(items) <= most:
        return list(items)
    return [items[place] for place in np.linspace(0, len(items) - 1, most).round().astype(int)]


def reduced(maps: np.ndarray, most: int) -> np.ndarray:
    """Maps (N, C, H, W) with sides of at most so many pixels, each the mean of a square of theirs; the rest that fills
    no square is left out.
    """
    height, width = maps.shape[2:]
    times = -(-max(height, width) // most)
    times = min(times, height, width)
    rows, columns = height // times, width // times
    cut = maps[:, :, : rows * times, : columns * times]
    with np.errstate(invalid="ignore"):  # of infinities of both signs
        return cut.reshape(*maps.shape[:2], rows, times, columns, times).mean(axis=(3, 5))
