"""Sequential: layers one after the other, their weights and their files; how it trains is in ``training.py``."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fastnn import nn
from fastnn.keras import activations, file_names, layers, saving
from fastnn.keras.layers.layer import Layer, Penalties, Symbol
from fastnn.keras.named import options, unique
from fastnn.keras.progress import show
from fastnn.keras.training import Trained

Shape = tuple[int, ...]
StrPath = str | os.PathLike[str]


class Sequential(Trained, Layer):
    """Layers one after the other: ``Sequential([Dense(512, activation="relu", input_shape=(784,)), Dense(10)])``.

    Without an input_shape (or a first :func:`layers.Input`) the model is built by the first data it sees. A model may
    be a layer of another.

    Attributes: ``layers``, ``optimizer``, ``history`` (the last fit's), ``stop_training``.
    """

    def __init__(
        self, layers: Sequence[layers.Layer] | None = None, name: str | None = None, trainable: bool = True
    ) -> None:
        self.name = unique("sequential") if name is None else name
        self.dtype = "float32"
        self._layers: list[Any] = []
        self._input: Shape | None = None
        self.start_uncompiled()
        for layer in layers or ():
            self.add(layer)
        if not trainable:
            self.trainable = False

    # -- layers ------------------------------------------------------------------------------------------------------

    @property
    def layers(self) -> list[layers.Layer]:
        return list(self._layers)

    @property
    def modules(self) -> list[nn.Module]:
        """What computes it."""
        return [module for layer in self._layers for module in layer.modules]

    @property
    def given_shape(self) -> Shape | None:
        """Of one sample, as far as it is known."""
        return self._input

    def add(self, layer: layers.Layer) -> None:
        """One layer more, at the end.

        Raises:
            TypeError: something that is no layer.
            ValueError: a name that another of its layers has, or an Input that is not the first.
        """
        if not isinstance(layer, Layer):
            kind = layer.__name__ if isinstance(layer, type) else type(layer).__name__
            raise TypeError(f"Sequential takes layers of fastnn.keras.layers, got {kind}")
        if layer.name in [other.name for other in self._layers]:
            raise ValueError(f"all layers of a model need names of their own: '{layer.name}' is there already")
        if not self._layers and layer.given_shape is not None:
            self._input = layer.given_shape
        if isinstance(layer, layers.InputLayer):
            if self._layers:
                raise ValueError("an Input is the first of a model's layers")
            return
        self._layers.append(layer)
        self._forget_net()
        try:
            if self._input is not None:
                self.build()
        except ValueError:
            self._layers.pop()
            raise

    def pop(self, rebuild: bool = True) -> layers.Layer:
        """Takes the last layer off."""
        if not self._layers:
            raise ValueError(f"model '{self.name}' has no layers")
        self._forget_net()
        return self._layers.pop()

    def get_layer(self, name: str | None = None, index: int | None = None) -> layers.Layer:
        """A layer by its name or its place.

        Raises:
            ValueError: there is none.
        """
        if index is not None and index < len(self._layers):
            return self._layers[index]
        for layer in self._layers:
            if layer.name == name:
                return layer
        raise ValueError(f"model '{self.name}' has no such layer: {', '.join(layer.name for layer in self._layers)}")

    def build(self, input_shape: Sequence[int | None] | None = None) -> None:
        """Makes the weights for inputs of a shape (None, ...), or of the shape that the first layer was given.

        Raises:
            ValueError: no shape is known, or one that a layer cannot take.
        """
        if input_shape is not None:
            self._input = tuple(int(size) for size in tuple(input_shape)[1:])  # type: ignore[arg-type]
        if self._input is None:
            raise ValueError(f"model '{self.name}' does not know its input shape: give the first layer an input_shape")
        self.build_for(self._input)

    def build_for(self, shape: Shape) -> Shape:
        """Makes the weights for samples of a shape; the shape that comes out."""
        self._input = shape
        for layer in self._layers:
            shape = layer.build_for(shape)
        return shape

    @property
    def built(self) -> bool:
        return bool(self._layers) and all(layer.built for layer in self._layers)

    def check_built(self) -> None:
        """Refuses a model that has no weights yet.

        Raises:
            ValueError: it has no layers, or does not know its input shape.
        """
        if not self._layers:
            raise ValueError(f"model '{self.name}' has no layers: add some")
        if not self.built:
            self.build()

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        self.check_built()
        return self._layers[0].input_shape

    @property
    def output_shape(self) -> tuple[int | None, ...]:
        self.check_built()
        return self._layers[-1].output_shape

    @property
    def inputs(self) -> list[Symbol]:
        return [self.input]

    @property
    def outputs(self) -> list[Symbol]:
        return [self.output]

    @property
    def weights(self) -> list[nn.Parameter]:
        return [weight for layer in self._layers for weight in layer.weights]

    @property
    def trainable_weights(self) -> list[nn.Parameter]:
        """Those that fit changes."""
        return [weight for layer in self._layers for weight in layer.trainable_weights]

    @property
    def trainable(self) -> bool:
        """Whether fit changes any weight; set, it holds for all layers."""
        return any(layer.trainable for layer in self._layers)

    @trainable.setter
    def trainable(self, value: bool) -> None:
        for layer in self._layers:
            layer.trainable = value

    @property
    def activation(self) -> activations.Function:
        """The last layer's."""
        return getattr(self._layers[-1], "activation", activations.linear) if self._layers else activations.linear

    def penalties(self) -> Penalties:
        return [each for layer in self._layers for each in layer.penalties()]

    def named_weights(self) -> list[tuple[str, np.ndarray]]:
        return [(f"{layer.name}/{name}", values) for layer in self._layers for name, values in layer.named_weights()]

    def get_weights(self) -> list[np.ndarray]:
        """Copies of all weights: kernel (inputs, outputs) and bias of each layer in turn."""
        return [values for layer in self._layers for values in layer.get_weights()]

    def set_weights(self, weights: Sequence[np.ndarray]) -> None:
        """Takes over what get_weights gives.

        Raises:
            ValueError: another number of arrays, or another shape.
        """
        self.check_built()
        if len(weights) != len(self.weights):
            raise ValueError(f"model '{self.name}' has {len(self.weights)} weights, got {len(weights)} arrays")
        rest = list(weights)
        for layer in self._layers:
            count = len(layer.weights)
            layer.set_weights(rest[:count])
            rest = rest[count:]

    def count_params(self) -> int:
        """How many numbers all weights have."""
        self.check_built()
        return sum(layer.count_params() for layer in self._layers)

    def summary(
        self,
        line_length: int | None = None,
        positions: Any = None,
        print_fn: Any = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
    ) -> None:
        """Prints the table of layers, or calls print_fn with it. line_length: its width, where the texts leave room.
        expand_nested: the layers of models within too. show_trainable: a column of who learns. (positions, of Keras 2,
        changes nothing.)
        """
        from fastnn.keras.summary import summary

        if callable(line_length):
            line_length, print_fn = None, line_length
        (print_fn or show)(summary(self, line_length, expand_nested, show_trainable))

    def __repr__(self) -> str:
        return f"<Sequential name={self.name}, built={self.built}>"

    # -- files -------------------------------------------------------------------------------------------------------

    def save(
        self, path: StrPath, overwrite: bool = True, include_optimizer: bool = True, save_format: Any = None
    ) -> None:
        """Writes weights, architecture, and where it is compiled optimizer (with its state), loss and metrics;
        :func:`load_model` reads them. overwrite: False refuses a path that is there already.

        Raises:
            ValueError: a name that ends in .h5 (this is no HDF5 file), or another save_format than "keras".
            FileExistsError: overwrite is False, and there is such a file.
        """
        file_names.check_format(save_format)
        saving.save(self, path, overwrite=overwrite, optimizer=include_optimizer)

    def save_weights(self, path: StrPath, overwrite: bool = True, save_format: Any = None) -> None:
        """Writes the weights alone."""
        file_names.check_format(save_format)
        saving.save(self, path, architecture=False, overwrite=overwrite)

    def load_weights(self, path: StrPath, by_name: bool = False, skip_mismatch: bool = False) -> None:
        """Takes over the weights in a file of save or save_weights. by_name: of layers that have the name alone.

        Raises:
            FormatError: damaged, or weights of other shapes.
        """
        saving.load_weights(self, path, by_name, skip_mismatch)

    def config(self) -> dict[str, Any]:
        described = [{"class_name": type(layer).__name__, "config": layer.config()} for layer in self._layers]
        return {
            "name": self.name,
            "input_shape": None if self._input is None else list(self._input),
            "layers": described,
        }

    def get_config(self) -> dict[str, Any]:
        """What :meth:`from_config` makes the model of again: name, input shape, layers."""
        return self.config()

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Any = None) -> Sequential:
        """The model that a config describes, with weights of its own."""
        shape = config["input_shape"]
        start = [] if shape is None else [layers.Input(shape)]
        return cls([*start, *(saving.make_layer(each) for each in config["layers"])], name=config["name"])

    @classmethod
    def declared(cls, config: dict[str, Any], shape: Shape) -> tuple[list[Shape], Shape]:
        return saving.declared(config, shape)

    def to_json(self, **how: Any) -> str:
        """The architecture as JSON, without weights: for :func:`model_from_json`."""
        return json.dumps({"class_name": "Sequential", "config": self.config()}, **how)

    def to_yaml(self, **how: Any) -> str:
        """Refused, as Keras does since 2.6.

        Raises:
            RuntimeError: always.
        """
        raise RuntimeError("to_yaml() is gone from Keras too, as YAML can run code when it is read: use to_json()")


def load_model(
    path: StrPath, custom_objects: Mapping[str, Any] | None = None, compile: bool = True, **how: Any
) -> Sequential:
    """The model that :meth:`Sequential.save` wrote, compiled as it was. custom_objects: functions of yours by name.

    compile: False leaves optimizer, loss and metrics out.

    Raises:
        FormatError: damaged, or a file of Keras itself.
    """
    options("load_model", how, {}, ("safe_mode", "options"))
    return saving.load(path, custom_objects or {}, compile)


def save_model(model: Sequential, path: StrPath, overwrite: bool = True, **how: Any) -> None:
    """The same as ``model.save(path)``."""
    model.save(path, overwrite, **how)


def model_from_json(text: str, custom_objects: Any = None) -> Sequential:
    """The model that :meth:`Sequential.to_json` described, with weights of its own.

    Raises:
        ValueError: no such description.
    """
    try:
        described = json.loads(text)
        return Sequential.from_config(described["config"])
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise ValueError(f"this is no description that to_json() of fastnn.keras gave: {error}") from None


def clone_model(model: Sequential) -> Sequential:
    """The same layers with weights of their own."""
    return Sequential.from_config(model.config())
