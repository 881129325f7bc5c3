"""Sequential: layers one after the other; models in files, and copies of them."""

from __future__ import annotations

import json
import os
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

from fastnn import nn
from fastnn.keras import activations, layers, saving
from fastnn.keras.layers.layer import Layer
from fastnn.keras.layers.preprocessing.pictures import Pictures
from fastnn.keras.layers.reshaping import Rescaling
from fastnn.keras.layers.symbol import Symbol, symbols_in
from fastnn.keras.model import Model as Model
from fastnn.keras.named import options, unique
from fastnn.text import kind_of

Shape = tuple[int, ...]
StrPath = str | os.PathLike[str]


class Sequential(Model):
    """Layers one after the other: ``Sequential([Dense(512, activation="relu", input_shape=(784,)), Dense(10)])``.

    Without an input_shape (or a first :func:`layers.Input`) the model is built by the first data it sees. A model may
    be a layer of another.

    Attributes: ``layers``, ``optimizer``, ``history`` (the last fit's), ``stop_training``.
    """

    def __init__(
        self, layers: Sequence[layers.Layer] | None = None, name: str | None = None, trainable: bool = True
    ) -> None:
        self._begin(unique("sequential") if name is None else name)
        self._input: Shape | None = None
        self._chain: list[Symbol] = []  # what goes in, and what comes out of each layer
        for layer in layers or ():
            self.add(layer)
        if not trainable:
            self.trainable = False

    @property
    def modules(self) -> list[nn.Module]:
        """What computes it."""
        return [module for layer in self._layers for module in layer.modules]

    @property
    def given_shape(self) -> Shape | None:
        """Of one sample, as far as it is known."""
        return self._input

    def assembled(self, logits: bool = False) -> nn.Module:
        """All layers as one module; logits: without the last activation."""
        parts = [(layer.name, module) for layer in self._layers for module in layer.modules]
        named = [(f"{name}_{i}", module) for i, (name, module) in enumerate(parts)]
        return nn.Sequential(OrderedDict(named[:-1] if logits else named))

    def add(self, layer: layers.Layer) -> None:
        """One layer more, at the end.

        Raises:
            TypeError: something that is no layer.
            ValueError: a name that another of its layers has, or an Input that is not the first.
        """
        if not isinstance(layer, Layer):
            raise TypeError(f"Sequential takes layers of fastnn.keras.layers, got {kind_of(layer)}")
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
        self._input = out = shape
        for layer in self._layers:
            out = layer.build_for(out)
        if [symbol.layer for symbol in self._chain[1:]] != self._layers:
            self._chain = [layers.InputLayer(shape, name="input_layer").symbol]
            for layer in self._layers:
                self._chain.append(layer.called_with(self._chain[-1:]))
        return out

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
    def input(self) -> Symbol:
        self.check_built()
        return self._chain[0]

    @property
    def output(self) -> Symbol:
        self.check_built()
        return self._chain[len(self._layers)]

    @property
    def activation(self) -> activations.Function:
        """The last layer's."""
        return getattr(self._layers[-1], "activation", activations.linear) if self._layers else activations.linear

    def __call__(self, x: Any, training: bool | None = None) -> Any:
        """The same as of any model. Layers that make images ready alone take them one by one too, and of any size."""
        if (
            symbols_in(x)
            or not self._layers
            or not all(isinstance(each, Pictures | Rescaling) for each in self._layers)
        ):
            return super().__call__(x, training)
        for layer in self._layers:
            x = layer(x, training)
        return x

    def config(self) -> dict[str, Any]:
        described = [{"class_name": type(layer).__name__, "config": layer.config()} for layer in self._layers]
        return {
            "name": self.name,
            "input_shape": None if self._input is None else list(self._input),
            "layers": described,
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Any = None) -> Sequential:
        """The model that a config describes, with weights of its own."""
        shape = config["input_shape"]
        start = [] if shape is None else [layers.Input(shape)]
        return cls([*start, *(saving.make_layer(each) for each in config["layers"])], name=config["name"])

    @classmethod
    def declared(cls, config: dict[str, Any], shape: Shape) -> tuple[list[Shape], Shape]:
        return saving.declared(config, shape)


def load_model(
    path: StrPath, custom_objects: Mapping[str, Any] | None = None, compile: bool = True, **how: Any
) -> Model:
    """The model that :meth:`Model.save` wrote, compiled as it was. custom_objects: functions of yours by name.

    compile: False leaves optimizer, loss and metrics out.

    Raises:
        FormatError: damaged, or a file of Keras itself.
    """
    options(load_model, how, {}, ("safe_mode", "options"))
    return saving.load(path, custom_objects or {}, compile)


def save_model(model: Model, path: StrPath, overwrite: bool = True, **how: Any) -> None:
    """The same as ``model.save(path)``."""
    model.save(path, overwrite, **how)


def model_from_json(text: str, custom_objects: Any = None) -> Model:
    """The model that :meth:`Model.to_json` described, with weights of its own.

    Raises:
        ValueError: no such description, or one of more weights than there is memory for.
    """
    try:
        described = json.loads(text)
        kind, config = saving.model_class(described["class_name"]), described["config"]
        saving.check_size(config)
        return kind.from_config(config)
    except saving.WRONG as error:
        raise ValueError(f"this is no description that to_json() of fastnn.keras gave: {error}") from None


def clone_model(model: Model) -> Model:
    """The same layers with weights of their own."""
    return type(model).from_config(model.config())
