"""Models in files: safetensors with the architecture, and how it is compiled, as JSON in its metadata."""

from __future__ import annotations

import json
import math
import os
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn import io
from fastnn.errors import FormatError, told
from fastnn.io.checks import shown_bytes, shown_path
from fastnn.io.memory import fits_memory, free_memory
from fastnn.keras import layers, losses, metrics, optimizers
from fastnn.keras.file_names import check_ending
from fastnn.keras.named import plain
from fastnn.text import natural

if TYPE_CHECKING:
    from fastnn.keras.model import Model

StrPath = str | os.PathLike[str]

_KEY = "fastnn.keras"
_STATE = "optimizer/"
_MODELS = ("Sequential", "Functional", "Model")
# What a description can be wrong by.
WRONG = (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError, OverflowError)


def save(
    model: Model, path: StrPath, architecture: bool = True, overwrite: bool = True, optimizer: bool = True
) -> None:
    """Writes a model's weights (and architecture), atomically; the arrays are named ``dense/0``, ``dense/1``, ...

    Raises:
        ValueError: it is not built yet, has layers that a file cannot describe, or the name says another format.
        FileExistsError: overwrite is False, and there is such a file.
    """
    check_ending(path, architecture)
    if not overwrite and os.path.exists(path):
        raise FileExistsError(f"{shown_path(path)} is there already, and overwrite is False")
    model.check_built()
    arrays = {
        f"{layer.name}/{number}": values for layer in model.layers for number, values in enumerate(layer.get_weights())
    }
    if len({layer.name for layer in model.layers}) < len(model.layers):
        raise ValueError(f"model '{model.name}' has two layers of one name: give each its own, then save it")
    metadata = {}
    if architecture:
        compiled, state = described(model) if optimizer and model.optimizer is not None else (None, {})
        described_as = {"version": 2, "class_name": model.class_name(), **model.get_config(), "seen": model.seen}
        metadata[_KEY] = json.dumps({**described_as, "compiled": compiled})
        arrays |= state
    io.save_safetensors(path, arrays, metadata)


def described(model: Model) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """How a model is compiled, and the arrays of its optimizer's state."""
    state = model.optimizer.state()
    arrays, slots = {}, []
    for number, values in enumerate(state["slots"]):
        kept = {name: value for name, value in values.items() if not isinstance(value, np.ndarray)}
        slots.append({name: plain(value) for name, value in kept.items()})
        for name in values.keys() - kept.keys():
            arrays[f"{_STATE}{number}/{name}"] = values[name]
    compiled = {
        "optimizer": plain(model.optimizer),
        "state": {"steps": state["steps"], "slots": slots},
        "loss": None if model.loss is None else _by_name(model.loss),
        "metrics": [_by_name(metric) for metric in model.metrics],
        "weighted_metrics": [_by_name(metric) for metric in model.weighted_metrics],
    }
    return compiled, arrays


def _by_name(given: losses.Loss | metrics.Metric) -> Any:
    """A loss or metric by class and config; one of the user's by its name."""
    try:
        config = plain(given)
        (losses if isinstance(given, losses.Loss) else metrics).get(config)
    except WRONG:
        return {"yours": given.name}
    return config


def load(path: StrPath, custom: Mapping[str, Any], compile: bool = True) -> Model:
    """The model in a file that :func:`save` wrote.

    Raises:
        FormatError: damaged, Keras' own (an HDF5 or .keras file), or without an architecture.
    """
    arrays, metadata = _read(path)
    if _KEY not in metadata:
        raise FormatError(
            f"{shown_path(path)} has no architecture of fastnn.keras: make the model, then model.load_weights(path)"
        )
    state = {name: arrays.pop(name) for name in list(arrays) if name.startswith(_STATE)}
    try:
        config = json.loads(metadata[_KEY])
        if declared(config)[0] != [array.shape for array in arrays.values()]:  # before memory is taken for them
            raise ValueError("the weights that it declares are not those in the file")
        model = model_class(config.get("class_name", "Sequential")).from_config(config)
        model.check_built()
        _put(path, model, arrays)
        model.seen = _range(config.get("seen"))
        if compile and config.get("compiled"):
            _compile(path, model, config["compiled"], state, custom)
    except WRONG as error:
        if isinstance(error, FormatError):
            raise
        what = f"{shown_path(path)}: its description of the model"
        raise told(FormatError(f"{what} is damaged ({error})"), "file.damaged", what=what) from None
    return model


def _range(seen: Any) -> list[float] | None:
    """The least and the largest number of a training; None where there was none."""
    if seen is None:
        return None
    low, high = map(float, seen)
    return [low, high]


def _compile(
    path: StrPath, model: Model, compiled: dict[str, Any], arrays: dict[str, np.ndarray], custom: Mapping[str, Any]
) -> None:
    """As it was; where that needs functions which are not given, not at all, and that is said."""
    given = [compiled["loss"], *compiled["metrics"], *compiled["weighted_metrics"]]
    lacking = [
        each["yours"] for each in given if isinstance(each, dict) and each.get("yours", None) not in (None, *custom)
    ]
    if lacking:
        warnings.warn(
            f"{shown_path(path)}: the model is not compiled, as that needs your {', '.join(lacking)}: "
            f"load_model(path, custom_objects={{{lacking[0]!r}: ...}}), or compile it",
            stacklevel=4,
        )
        return

    def found(each: Any, get: Any) -> Any:
        return get(custom[each["yours"]] if isinstance(each, dict) and "yours" in each else each)

    optimizer = optimizers.get(compiled["optimizer"])
    chosen = ([found(each, metrics.get) for each in compiled[kind]] for kind in ("metrics", "weighted_metrics"))
    loss = None if compiled["loss"] is None else found(compiled["loss"], losses.get)
    model.compile(optimizer, loss, None, *chosen)
    slots = [dict(values) for values in compiled["state"]["slots"]]
    for name, array in arrays.items():
        number, slot = name[len(_STATE) :].split("/", 1)
        slots[int(number)][slot] = array
    optimizer.take_state({"steps": compiled["state"]["steps"], "slots": slots})
    if slots:
        optimizer.bind(model.parameters)  # what does not fit is known now


def check_size(config: Any) -> None:
    """Refuses a description whose weights would not leave half of the free memory; one without an input shape has none
    yet.

    Raises:
        ValueError: it would not.
    """
    if "calls" in config or config.get("input_shape") is not None:
        size = sum(math.prod(shape) * np.dtype(np.float32).itemsize for shape in declared(config)[0])
        if not fits_memory(size):
            raise ValueError(f"its weights would take {shown_bytes(size)}, {shown_bytes(free_memory())} are free")


def declared(config: Any, shape: tuple[int, ...] | None = None) -> tuple[list[tuple[int, ...]], tuple[int, ...]]:
    """The shapes of all weights of a model's config, and of what comes out."""
    if "calls" in config:
        return model_class("Functional").declared(config, shape)
    shape, found = tuple(config["input_shape"] if shape is None else shape), []
    for layer in config["layers"]:
        kind = kind_of(layer["class_name"]) or layers.Layer
        weights, shape = kind.declared(layer["config"], shape)
        found += weights
    return found, shape


def load_weights(model: Model, path: StrPath, by_name: bool = False, skip_mismatch: bool = False) -> None:
    """Takes over the weights in a file; layers are matched in their order, or by their names.

    skip_mismatch: of layers whose weights have other shapes, nothing is taken.

    Raises:
        FormatError: damaged, or weights that do not fit the model.
    """
    model.check_built()
    arrays = {name: array for name, array in _read(path)[0].items() if not name.startswith(_STATE)}
    if not (by_name or skip_mismatch):
        _put(path, model, arrays)
        return
    groups: dict[str, list[np.ndarray]] = {}
    for name, array in arrays.items():
        groups.setdefault(name.rpartition("/")[0], []).append(array)
    own = [layer for layer in model.layers if layer.weights]
    pairs = (
        [(layer, groups.get(layer.name)) for layer in own] if by_name else list(zip(own, groups.values(), strict=False))
    )
    for layer, values in pairs:
        fits = values is not None and [v.shape for v in values] == [w.shape for _, w in layer.named_weights()]
        if fits:
            layer.set_weights(values)
        elif values is not None and not skip_mismatch:
            shapes = [value.shape for value in values]
            raise FormatError(f"{shown_path(path)}: weights of shapes {shapes} do not fit layer '{layer.name}'")


def make_layer(config: Any) -> layers.Layer:
    """A layer of its class's name and the arguments that ``config()`` gave.

    Raises:
        ValueError: there is no such layer.
    """
    kind = kind_of(config["class_name"])
    if kind is None:
        raise ValueError(f"there is no layer {config['class_name']!r}")
    return kind.from_config(config["config"])


def kind_of(name: Any) -> type[layers.Layer] | None:
    """A layer's class, or of a model within a model."""
    return model_class(name) if name in _MODELS else layers.KINDS.get(name)


def model_class(name: Any) -> type[Model]:
    """A model's class by its name in files.

    Raises:
        ValueError: there is none.
    """
    from fastnn.keras.models import Model, Sequential

    if name not in _MODELS:
        raise ValueError(f"there is no model {name!r}: {', '.join(_MODELS)}")
    return Sequential if name == "Sequential" else Model


def _read(path: StrPath) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    with open(path, "rb") as file:
        start = file.read(8)
    if start[:4] == b"\x89HDF" or start[:4] == b"PK\x03\x04":
        raise FormatError(
            f"{shown_path(path)} is a file of Keras itself (HDF5 or a .keras archive), which fastnn does not read: "
            "in Keras, np.savez(path, *model.get_weights()); here, model.set_weights(list(np.load(path).values()))"
        )
    return io.load_safetensors(path)


def _put(path: StrPath, model: Model, arrays: dict[str, np.ndarray]) -> None:
    values = [arrays[name] for name in _in_order(list(arrays), model)]
    wanted = [own.shape for layer in model.layers for _, own in layer.named_weights()]
    found = [array.shape for array in values]
    if wanted != found:
        raise FormatError(f"{shown_path(path)} holds weights of shapes {found}, model '{model.name}' has {wanted}")
    model.set_weights(values)


def _in_order(names: list[str], model: Model) -> list[str]:
    """The names of a file's arrays in the order of the model's: by its own names, or as they come in the file; where
    that is by name (as the safetensors package sorts them), dense_2 before dense_10.
    """
    own = [f"{layer.name}/{number}" for layer in model.layers for number, _ in enumerate(layer.named_weights())]
    if set(own) == set(names):
        return own
    return sorted(names, key=natural) if names == sorted(names) else names
