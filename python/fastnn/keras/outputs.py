"""A functional model of several outputs: what every layer makes of images, from one pass."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate, pairwise
from math import prod
from typing import Any

import numpy as np

from fastnn.keras import layers
from fastnn.keras.layers.symbol import Symbol, symbols_in
from fastnn.keras.model import Model

_ONE = "fit a model of one output; several need a training step of your own (fastnn.nn, fastnn.optim)"


class Outputs(Model):
    """``Model(inputs, [a, b])``: calls and predict give a list, or of a dict of outputs a dict, as Keras does. It looks
    at layers that a model of one output trains; it is not compiled, saved, or a layer itself.

    Within, one model makes a row of all outputs, which is taken apart.
    """

    def __init__(self, inputs: Any, outputs: Any, name: str | None = None, trainable: bool = True) -> None:
        self._names = list(outputs) if isinstance(outputs, Mapping) else None
        self._ends = symbols_in(list(outputs.values()) if isinstance(outputs, Mapping) else list(outputs))
        flat = [layers.Flatten(name=f"flat_{i}")(end) for i, end in enumerate(self._ends)]
        super().__init__(inputs, layers.Concatenate(name="all")(flat), name, trainable)
        self._joined = Model(inputs, self._end, name=self.name)
        made = {id(symbol.layer) for symbol in (*flat, self._end)}
        self._calls = [call for call in self._calls if id(call.layer) not in made]
        self._layers = [layer for layer in self._layers if id(layer) not in made]

    @property
    def output(self) -> Any:
        return self._as_given(self._ends)

    @property
    def outputs(self) -> list[Symbol]:
        return list(self._ends)

    @property
    def output_shape(self) -> Any:
        return self._as_given([end.shape for end in self._ends])

    def predict(self, *args: Any, **how: Any) -> Any:
        """Arrays (N, ...), of what :meth:`Model.predict` takes."""
        return self._taken_apart(self._joined.predict(*args, **how))

    def __call__(self, x: Any, training: bool = False) -> Any:
        """Tensors (N, ...)."""
        if symbols_in(x):
            raise ValueError(f"model '{self.name}' has {len(self._ends)} outputs; a layer of another model has one")
        return self._taken_apart(self._joined(x, training))

    def compile(self, *_: Any, **__: Any) -> None:
        """Refused.

        Raises:
            ValueError: always.
        """
        raise ValueError(f"model '{self.name}' has {len(self._ends)} outputs: {_ONE}")

    def config(self) -> dict[str, Any]:
        """Refused.

        Raises:
            ValueError: always.
        """
        text = f"model '{self.name}' has {len(self._ends)} outputs, which a file does not hold: save the model whose "
        raise ValueError(text + "layers they are of, and make this one of it again")

    def _taken_apart(self, rows: Any) -> Any:
        """Tensors or arrays of all outputs, of one (N, numbers of all)."""
        shapes = [end.shape[1:] for end in self._ends]
        places = pairwise(accumulate(map(prod, shapes), initial=0))
        parts = [rows[:, a:b].reshape(len(rows), *shape) for (a, b), shape in zip(places, shapes, strict=True)]
        return self._as_given([np.ascontiguousarray(p) if isinstance(p, np.ndarray) else p for p in parts])

    def _as_given(self, values: list[Any]) -> Any:
        return values if self._names is None else dict(zip(self._names, values, strict=True))
