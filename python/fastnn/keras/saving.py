"""Models in files: safetensors with the architecture as JSON in its metadata, whatever the file's name."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn import io
from fastnn.errors import FormatError, told
from fastnn.io.checks import shown_path
from fastnn.keras import layers
from fastnn.text import natural

if TYPE_CHECKING:
    from fastnn.keras.models import Sequential

StrPath = str | os.PathLike[str]

_KEY = "fastnn.keras"


def save(model: Sequential, path: StrPath, architecture: bool = True) -> None:
    """Writes a model's weights (and architecture), atomically; the arrays are named ``dense/0``, ``dense/1``, ...

    Raises:
        ValueError: it is not built yet, or has layers that a file cannot describe.
    """
    model.check_built()
    arrays = {
        f"{layer.name}/{number}": values for layer in model.layers for number, values in enumerate(layer.get_weights())
    }
    if len({layer.name for layer in model.layers}) < len(model.layers):
        raise ValueError(f"model '{model.name}' has two layers of one name: give each its own, then save it")
    metadata = {_KEY: json.dumps({"version": 1, **model.get_config()})} if architecture else {}
    io.save_safetensors(path, arrays, metadata)


def load(path: StrPath) -> Sequential:
    """The model in a file that :func:`save` wrote.

    Raises:
        FormatError: damaged, Keras' own (an HDF5 or .keras file), or without an architecture.
    """
    from fastnn.keras.models import Sequential

    arrays, metadata = _read(path)
    if _KEY not in metadata:
        raise FormatError(
            f"{shown_path(path)} has no architecture of fastnn.keras: make the model, then model.load_weights(path)"
        )
    try:
        config = json.loads(metadata[_KEY])
        if _declared(config) != [array.shape for array in arrays.values()]:  # before memory is taken for them
            raise ValueError("the weights that it declares are not those in the file")
        model = Sequential.from_config(config)
        model.check_built()
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as error:
        what = f"{shown_path(path)}: its description of the model"
        raise told(FormatError(f"{what} is damaged ({error})"), "file.damaged", what=what) from None
    _put(path, model, arrays)
    return model


def _declared(config: Any) -> list[tuple[int, ...]]:
    """The shapes of all weights of a model's config."""
    shape, found = tuple(config["input_shape"]), []
    for layer in config["layers"]:
        kind = layers.KINDS.get(layer["class_name"], layers.Layer)
        weights, shape = kind.declared(layer["config"], shape)
        found += weights
    return found


def load_weights(model: Sequential, path: StrPath) -> None:
    """Takes over the weights in a file; layers are matched in their order.

    Raises:
        FormatError: damaged, or weights that do not fit the model.
    """
    model.check_built()
    _put(path, model, _read(path)[0])


def make_layer(config: Any) -> layers.Layer:
    """A layer of its class's name and the arguments that ``config()`` gave.

    Raises:
        ValueError: there is no such layer.
    """
    kind = layers.KINDS.get(config["class_name"])
    if kind is None:
        raise ValueError(f"there is no layer {config['class_name']!r}")
    return kind(**config["config"])


def _read(path: StrPath) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    with open(path, "rb") as file:
        start = file.read(8)
    if start[:4] == b"\x89HDF" or start[:4] == b"PK\x03\x04":
        raise FormatError(
            f"{shown_path(path)} is a file of Keras itself (HDF5 or a .keras archive), which fastnn does not read: "
            "in Keras, np.savez(path, *model.get_weights()); here, model.set_weights(list(np.load(path).values()))"
        )
    return io.load_safetensors(path)


def _put(path: StrPath, model: Sequential, arrays: dict[str, np.ndarray]) -> None:
    values = [arrays[name] for name in _in_order(list(arrays), model)]
    wanted = [own.shape for layer in model.layers for _, own in layer.named_weights()]
    found = [array.shape for array in values]
    if wanted != found:
        raise FormatError(f"{shown_path(path)} holds weights of shapes {found}, model '{model.name}' has {wanted}")
    model.set_weights(values)


def _in_order(names: list[str], model: Sequential) -> list[str]:
    """The names of a file's arrays in the order of the model's: by its own names, or as they come in the file; where
    that is by name (as the safetensors package sorts them), dense_2 before dense_10.
    """
    own = [f"{layer.name}/{number}" for layer in model.layers for number, _ in enumerate(layer.named_weights())]
    if set(own) == set(names):
        return own
    return sorted(names, key=natural) if names == sorted(names) else names
