"""Model: layers, their weights and files, put together by calling layers; how it trains is in ``training.py``."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, TypeVar

import numpy as np

from fastnn import nn
from fastnn.eager.tensor import Tensor
from fastnn.keras import activations, file_names, layers, saving
from fastnn.keras.layers.layer import Layer, Penalties
from fastnn.keras.layers.symbol import Symbol, calls_behind, symbols_in
from fastnn.keras.named import known, unique
from fastnn.keras.progress import show
from fastnn.keras.training import Trained

T = TypeVar("T")
Shape = tuple[int, ...]
StrPath = str | os.PathLike[str]


class Graph(nn.Module):
    """Modules that are not one after the other.

    steps: each the names of its modules, and which earlier values they are called with (0: the input).
    """

    def __init__(
        self, modules: Mapping[str, nn.Module], steps: tuple[tuple[tuple[str, ...], tuple[int, ...]], ...]
    ) -> None:
        super().__init__()
        for name, module in modules.items():
            self.add_module(name, module)
        self.steps = steps

    def forward(self, x: Tensor) -> Tensor:
        values = [x]
        for names, sources in self.steps:
            inputs = [values[source] for source in sources]
            for name in names:
                inputs = [self._modules[name](*inputs)]
            values.append(inputs[0])
        return values[-1]


class Model(Trained, Layer):
    """Layers put together by calling them: ``x = Input((784,))``, ``y = Dense(10)(Dense(32, "relu")(x))``,
    ``Model(x, y)``. It has one input and one output; a layer that is called twice has its weights in both places. A
    model may be a layer of another. With a list or dict of outputs it gives all of them, and is not trained.

    Attributes: ``layers``, ``optimizer``, ``history`` (the last fit's), ``stop_training``.

    Raises:
        TypeError: inputs or outputs that no layers gave.
        ValueError: several inputs, or an output that does not come from the input alone.
    """

    former: ClassVar = {"input": "inputs", "output": "outputs"}

    def __new__(cls, *args: Any, **given: Any) -> Model:
        outputs = given.get("outputs", args[1] if len(args) > 1 else None)
        if cls is Model and len(symbols_in(_listed(outputs))) > 1:
            from fastnn.keras.outputs import Outputs

            return object.__new__(Outputs)
        return object.__new__(cls)

    def __init__(
        self, inputs: Any = None, outputs: Any = None, name: str | None = None, trainable: bool = True
    ) -> None:
        self._start, self._end = _only(inputs, "inputs"), _only(outputs, "outputs")
        self._calls = calls_behind(self._end)
        others = [call for call in self._calls if not call.parents and call is not self._start]
        if others or self._start not in self._calls:
            raise ValueError(
                "Model: the output must come from the input, and from nothing else; "
                f"it comes from {', '.join(call.name for call in self._calls if not call.parents)}"
            )
        self._begin(unique("functional") if name is None else name)
        self._layers = list({id(call.layer): call.layer for call in self._calls}.values())
        if len({layer.name for layer in self._layers}) < len(self._layers):
            raise ValueError("all layers of a model need names of their own")
        if not trainable:
            self.trainable = False

    def _begin(self, name: str) -> None:
        """What every model has."""
        self.name = name
        self.dtype = "float32"
        self._layers: list[Any] = []
        self._output: Symbol | None = None
        self.start_uncompiled()

    # -- layers ------------------------------------------------------------------------------------------------------

    @property
    def layers(self) -> list[layers.Layer]:
        return list(self._layers)

    @property
    def modules(self) -> list[nn.Module]:
        """What computes it, as a layer of another."""
        return [self.net]

    @property
    def given_shape(self) -> Shape | None:
        """Of one sample, as far as it is known."""
        return self.input_shape[1:]  # type: ignore[return-value]

    def assembled(self, logits: bool = False) -> nn.Module:
        """All layers as one module; logits: without the last activation."""
        named, steps = {}, []
        for call in self._calls[1:] if self._calls[0] is self._start else self._calls:
            own = {f"{call.layer.name}_{i}": module for i, module in enumerate(call.layer.modules)}
            names = tuple(own)[:-1] if logits and call is self._end else tuple(own)
            named |= {name: own[name] for name in names}
            steps.append((names, tuple(self._calls.index(parent) for parent in call.parents)))
        return Graph(named, tuple(steps))

    def get_layer(self, name: str | None = None, index: int | None = None) -> layers.Layer:
        """A layer by its name or its place.

        Raises:
            ValueError: there is none.
        """
        if index is not None and index < len(self._layers):
            return self._layers[index]
        return known("layer", str(index if name is None else name), {layer.name: layer for layer in self._layers})

    def build(self, input_shape: Sequence[int | None] | None = None) -> None:
        """Its layers have their weights since they were called; refuses another shape.

        Raises:
            ValueError: the shape is not that of the input.
        """
        if input_shape is not None:
            self.build_for(tuple(input_shape)[1:])  # type: ignore[arg-type]

    def build_for(self, shape: Shape) -> Shape:
        """The shape that comes out for samples of a shape."""
        if tuple(shape) != self.input_shape[1:]:
            raise ValueError(f"model '{self.name}' has inputs of shape {self.input_shape}, got {(None, *shape)}")
        return self.output_shape[1:]  # type: ignore[return-value]

    @property
    def built(self) -> bool:
        return True

    def check_built(self) -> None:
        """Refuses a model that has no weights yet: this kind has them from the start."""

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        return self._start.shape  # type: ignore[return-value]

    @property
    def output_shape(self) -> tuple[int | None, ...]:
        return self._end.shape  # type: ignore[return-value]

    @property
    def input(self) -> Symbol:
        return self._start

    @property
    def output(self) -> Symbol:
        return self._end

    @property
    def inputs(self) -> list[Symbol]:
        return [self.input]

    @property
    def outputs(self) -> list[Symbol]:
        return [self.output]

    @property
    def weights(self) -> list[Tensor]:
        """Each once, also where layers share them."""
        return _each_once(weight for layer in self._layers for weight in layer.weights)

    @property
    def trainable_weights(self) -> list[nn.Parameter]:
        """Those that fit changes."""
        return _each_once(weight for layer in self._layers for weight in layer.trainable_weights)

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
        return getattr(self._end.layer, "activation", activations.linear)

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
        wanted = sum(len(layer.weights) for layer in self._layers)
        if len(weights) != wanted:
            raise ValueError(f"model '{self.name}' has {wanted} weights, got {len(weights)} arrays")
        rest = list(weights)
        for layer in self._layers:
            count = len(layer.weights)
            layer.set_weights(rest[:count])
            rest = rest[count:]

    def count_params(self) -> int:
        """How many numbers all weights have."""
        self.check_built()
        return sum(weight.numel() for weight in self.weights)

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

    def _repr_html_(self) -> str:
        """For a notebook's cell: the table of :meth:`summary`."""
        from fastnn.html import notebook
        from fastnn.html.markup import tag
        from fastnn.keras.summary import summary

        return notebook.cell(tag("pre", summary(self)))

    # -- files -------------------------------------------------------------------------------------------------------

    def save(
        self, path: StrPath, overwrite: bool = True, include_optimizer: bool = True, save_format: Any = None
    ) -> None:
        """Writes weights, architecture, and where it is compiled optimizer (with its state), loss and metrics;
        :func:`load_model` reads them. overwrite: False refuses a path that is there already.

        Raises:
            ValueError: a name that ends as files of other formats do; of .h5 and another save_format than "keras" a
                warning says that fastnn's own format is written.
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
        places = [id(layer) for layer in self._layers]
        return {
            "name": self.name,
            "layers": [{"class_name": type(layer).__name__, "config": layer.config()} for layer in self._layers],
            "calls": [
                [places.index(id(call.layer)), [self._calls.index(parent) for parent in call.parents]]
                for call in self._calls
            ],
        }

    def get_config(self) -> dict[str, Any]:
        """What :meth:`from_config` makes the model of again: name, layers, and how they follow each other."""
        return self.config()

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Any = None) -> Model:
        """The model that a config describes, with weights of its own."""
        made = [saving.make_layer(each) for each in config["layers"]]
        calls: list[Symbol] = []
        for number, parents in config["calls"]:
            layer = made[number]
            given = [calls[parent] for parent in _earlier(parents, len(calls))]
            calls.append(layer.called_with(given) if given else symbols_in(layer)[0])
        return cls(next(call for call in calls if not call.parents), calls[-1], name=config["name"])

    @classmethod
    def declared(cls, config: dict[str, Any], shape: Shape | None) -> tuple[list[Shape], Shape]:
        """The shapes of all weights, and of what comes out."""
        shapes: list[Shape] = []
        weights: dict[int, list[Shape]] = {}
        for number, parents in config["calls"]:
            entry = config["layers"][number]
            given = [shapes[parent] for parent in _earlier(parents, len(shapes))]
            kind = saving.kind_of(entry["class_name"]) or Layer
            if not given:
                shapes.append(tuple(entry["config"]["input_shape"]) if shape is None else shape)
                continue
            several = issubclass(kind, layers.merging.Merge)
            own, out = kind.declared(entry["config"], given if several else given[0])  # type: ignore[arg-type]
            weights.setdefault(number, own)
            shapes.append(out)
        return [each for number in sorted(weights) for each in weights[number]], shapes[-1]

    @classmethod
    def class_name(cls) -> str:
        """In files: the one of Keras' own configs."""
        return "Sequential" if cls.__name__ == "Sequential" else "Functional"

    def to_json(self, **how: Any) -> str:
        """The architecture as JSON, without weights: for :func:`model_from_json`."""
        return json.dumps({"class_name": self.class_name(), "config": self.config()}, **how)

    def to_yaml(self, **how: Any) -> str:
        """Refused, as Keras does since 2.6.

        Raises:
            RuntimeError: always.
        """
        raise RuntimeError("to_yaml() is gone from Keras too, as YAML can run code when it is read: use to_json()")


def _each_once(weights: Iterable[T]) -> list[T]:
    return list({id(weight): weight for weight in weights}.values())


def _only(given: Any, what: str) -> Symbol:
    """The one input or output of a model."""
    if given is None:
        raise TypeError(
            f"Model needs {what}: Model(inputs=x, outputs=y), y being what layers gave for x = Input(...). "
            "A subclass that computes in its own way is a fastnn.nn.Module with forward() here"
        )
    symbols = symbols_in(_listed(given))
    if not symbols:
        raise TypeError(
            f"Model: {what} must be what Input(...) or a layer called with it gave, got {type(given).__name__}"
        )
    if len(symbols) > 1:
        raise ValueError(
            f"Model: there are {len(symbols)} {what}; it has one: make one array of several, and take it apart with "
            "Lambda layers"
        )
    return symbols[0]


def _listed(given: Any) -> Any:
    """Inputs or outputs, from a dict of them or a list in a list (``[model.inputs]``)."""
    if isinstance(given, list | tuple) and len(given) == 1 and isinstance(given[0], list | tuple):
        return given[0]
    return list(given.values()) if isinstance(given, Mapping) else given


def _earlier(parents: Any, count: int) -> list[int]:
    """Numbers of earlier calls, as a file has them.

    Raises:
        ValueError: one that is none.
    """
    if not all(type(parent) is int and 0 <= parent < count for parent in parents):
        raise ValueError(f"a layer is called with {parents}, of {count} earlier ones")
    return list(parents)
