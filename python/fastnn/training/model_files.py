"""Models in files: what :mod:`fastnn.io` stores, plus how to build the network again."""

from __future__ import annotations

import json
import os
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from math import isfinite, prod
from typing import TYPE_CHECKING

import numpy as np

from fastnn.errors import FormatError, told
from fastnn.io.checks import shown_path
from fastnn.nn.module import Module
from fastnn.training.chain import dense_chain
from fastnn.training.saving import OBJECTS, names_safetensors
from fastnn.training.saving import load as load
from fastnn.training.saving import save as save

if TYPE_CHECKING:
    from fastnn.training.network import Network

StrPath = str | os.PathLike[str]

_RECORD = "fastnn.json"  # a record of a .pth file, which PyTorch ignores
_KEY = "fastnn.model"  # the same text in a safetensors file's metadata


@dataclass
class ModelInfo:
    """How a network was built and what it was trained on.

    sizes: of :class:`fastnn.Network`. classes: their names by output. input_shape: (C, H, W). mean, std: normalisation
    per channel.
    """

    sizes: tuple[int, ...] = ()
    classes: list[str] = field(default_factory=list)
    input_shape: tuple[int, ...] = ()
    mean: list[float] | None = None
    std: list[float] | None = None


def save_model(path: StrPath, model: Module, info: ModelInfo) -> None:
    """Writes a model's parameters and its info, atomically: safetensors where the name ends so, PyTorch's .pth
    otherwise.
    """
    from fastnn import io

    arrays = OrderedDict((name, np.asarray(tensor._data, order="C")) for name, tensor in model.state_dict().items())
    text = json.dumps({"version": 1, **asdict(info)})
    if names_safetensors(path):
        io.save_safetensors(path, arrays, {_KEY: text})
    else:
        io.save_pth(path, arrays, {_RECORD: text.encode()})


def load_model(path: StrPath) -> tuple[Network, ModelInfo]:
    """The network in a file, and what is known of it.

    A file without our info (PyTorch's) must hold 2-D weights with their biases: a chain of linear layers with ReLU
    between, in the order that names and file tell.

    Raises:
        FormatError: damaged, foreign, no such chain, or one whose order nothing tells.
    """
    from fastnn.training.network import Network

    arrays, text = _read(path)
    info = _parse_info(path, text) if text is not None else ModelInfo()
    chain = dense_chain(shown_path(path), arrays)
    sizes = tuple([chain[0][0].shape[1], *(weight.shape[0] for weight, _ in chain)])
    info.sizes = info.sizes or sizes
    _check_info(path, info, sizes)
    network = Network(*sizes)
    for layer, (weight, bias) in zip(network.children(), chain, strict=True):
        layer.weight._data[...] = weight
        if bias is None:
            layer.bias = None
        else:
            layer.bias._data[...] = bias
    return network, info


def _read(path: StrPath) -> tuple[dict[str, np.ndarray], str | None]:
    """Arrays by name and our description, if the file has one."""
    from fastnn import io

    if io.sniff(path) == "safetensors":
        arrays, metadata = io.load_safetensors(path)
        return arrays, metadata.get(_KEY)
    obj, records = io.load_pth(path)
    if OBJECTS in records:
        obj = _state_of_network(path)
    for key in ("state_dict", "model_state_dict"):  # the usual forms of a checkpoint with more in it
        if isinstance(obj, Mapping) and isinstance(obj.get(key), Mapping):
            obj = obj[key]
    if not isinstance(obj, Mapping) or not all(isinstance(value, np.ndarray) for value in obj.values()):
        raise FormatError(f"{shown_path(path)} holds a {type(obj).__name__}, not a state_dict of tensors")
    text = records.get(_RECORD)
    return dict(obj), None if text is None else text.decode("utf-8", "replace")


def _state_of_network(path: StrPath) -> dict[str, np.ndarray]:
    """The arrays of a whole Network in a file. Of other modules nobody knows here what is between their layers."""
    from fastnn.training.network import Network

    model = load(path)
    if not isinstance(model, Network):
        kind = type(model).__name__
        raise FormatError(f"{shown_path(path)} holds a {kind} as a whole, not a Network: it is for fastnn.load(path)")
    return {name: tensor._data for name, tensor in model.state_dict().items()}


def _parse_info(path: StrPath, text: str) -> ModelInfo:
    try:
        content = json.loads(text)
        if not isinstance(content, dict):
            raise TypeError("it is no object")
        known = {name: content[name] for name in ModelInfo.__dataclass_fields__ if name in content}
        info = ModelInfo(**known)
        info.sizes = tuple(int(size) for size in info.sizes)
        info.input_shape = tuple(int(size) for size in info.input_shape)
        info.classes = [str(name) for name in info.classes]
        for name in ("mean", "std"):
            values = getattr(info, name)
            setattr(info, name, None if values is None else [float(value) for value in values])
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        what = f"{shown_path(path)}: its description of the network"
        raise told(FormatError(f"{what} is damaged ({error})"), "file.damaged", what=what) from None
    return info


def _check_info(path: StrPath, info: ModelInfo, sizes: tuple[int, ...]) -> None:
    """Refuses a description that does not fit the parameters: a network of these sizes."""
    if info.sizes != sizes:
        raise FormatError(
            f"{shown_path(path)}: its parameters are of a {_dashed(sizes)} network, "
            f"its description says {_dashed(info.sizes)}"
        )
    if info.classes and len(info.classes) != sizes[-1]:
        described = f"its description names {len(info.classes)} classes"
        raise FormatError(f"{shown_path(path)}: {described}, the network has {sizes[-1]} outputs")
    shape = info.input_shape
    if shape and (min(shape) < 1 or prod(shape) != sizes[0]):
        raise FormatError(f"{shown_path(path)}: the described input shape {shape} is not that of {sizes[0]} inputs")
    mean, std = info.mean, info.std
    channels = shape[0] if shape else 1
    sound = mean is None and std is None
    if mean is not None and std is not None:
        sound = len(mean) == len(std) == channels and all(map(isfinite, mean + std)) and min(std) > 0
    if not sound:
        raise FormatError(f"{shown_path(path)}: the described normalisation, mean {mean} and std {std}, makes no sense")


def _dashed(sizes: tuple[int, ...]) -> str:
    return "-".join(map(str, sizes))


def parameters_sha256(model: Module) -> str:
    """Hash of a state_dict in order: each name in UTF-8, one 0 byte, the C-order little-endian bytes in logical
    shape.
    """
    digest = sha256()
    for name, tensor in model.state_dict().items():
        data = np.asarray(tensor._data, order="C")
        digest.update(name.encode() + b"\0" + data.astype(data.dtype.newbyteorder("<"), copy=False).tobytes())
    return digest.hexdigest()
