"""Models in files: what :mod:`fastnn.io` stores, plus how to build the network again."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np

from fastnn.errors import FormatError, told
from fastnn.io.checks import shown_path
from fastnn.nn.module import Module
from fastnn.training.chain import dense_chain
from fastnn.training.model_info import ModelInfo, check_info, parse_info
from fastnn.training.saving import OBJECTS, names_safetensors
from fastnn.training.saving import load as load
from fastnn.training.saving import save as save
from fastnn.training.structure import build, filled, structure_of

if TYPE_CHECKING:
    from fastnn.training.network import Network

StrPath = str | os.PathLike[str]

_RECORD = "fastnn.json"  # a record of a .pth file, which PyTorch ignores
_KEY = "fastnn.model"  # the same text in a safetensors file's metadata


def save_model(path: StrPath, model: Module, info: ModelInfo) -> None:
    """Writes a model's parameters and its info, atomically: safetensors where the name ends so, PyTorch's .pth
    otherwise.
    """
    arrays = OrderedDict((name, np.asarray(tensor._data, order="C")) for name, tensor in model.state_dict().items())
    _write(path, arrays, info.text())


def convert(source: StrPath, target: StrPath) -> None:
    """Writes the tensors of a file, and what it tells of its network, into one of the other format: safetensors where
    the name ends so, PyTorch's .pth otherwise.

    Raises:
        FormatError: damaged, foreign, or no tensors by name.
    """
    arrays, text = _read(source)
    _write(target, OrderedDict(arrays), text)


def _write(path: StrPath, arrays: Mapping[str, np.ndarray], text: str | None) -> None:
    from fastnn import io

    if names_safetensors(path):
        io.save_safetensors(path, arrays, {} if text is None else {_KEY: text})
    else:
        io.save_pth(path, arrays, {} if text is None else {_RECORD: text.encode()})


def load_model(path: StrPath, kind: type[Network] | None = None) -> tuple[Network, ModelInfo]:
    """The network in a file, of a class that is made as Network is (None: Network), and what is known of it, which the
    network knows as well.

    A file that does not tell its structure (PyTorch's) must hold 2-D weights with their biases: a chain of linear
    layers with ReLU between, in the order that names and file tell.

    Raises:
        FormatError: damaged, foreign, of layers that are not fastnn's, no such chain, or one whose order nothing tells.
    """
    from fastnn.training.network import Network

    arrays, text = _read(path)
    info = parse_info(path, text) if text is not None else ModelInfo(version=0)
    if info.structure:
        info.sizes = ()
        check_info(path, info, ())
        network = (kind or Network)(build(shown_path(path), info.structure, arrays))
    else:
        network = _dense(path, info, arrays, kind or Network)
    if network.own_forward() == info.forward:
        info.forward = ""
    network._info = info
    return network, info


def load_named(
    path: StrPath,
    name: str,
    image_shape: Callable[[int, int], tuple[int, ...]],
    create: Callable[[str, tuple[int, ...], int], Module] | None = None,
) -> tuple[Network, ModelInfo]:
    """The network of a name with the tensors of a file, where that does not tell its structure, and what is known of
    it.

    create: makes the network of a name for images (C, H, W) and so many classes; None: those of :mod:`fastnn.models`.
    image_shape: gives the shape of one image, (C, H, W), where the file does not, for the channels that the first
    convolution takes and the numbers that the first linear layer takes; 0 where there is none.

    Raises:
        FormatError: damaged, foreign, or with other tensors than this network has.
    """
    from fastnn import models
    from fastnn.training.network import Network

    arrays, text = _read(path)
    info = parse_info(path, text) if text is not None else ModelInfo(version=0)
    shape, classes = info.input_shape, info.output_count
    if len(shape) != 3 or not classes:
        kernels = [array for array in arrays.values() if array.ndim == 4]
        matrices = [array for array in arrays.values() if array.ndim == 2]
        if not kernels and (":" not in name or not matrices):  # those of fastnn.models have some
            raise FormatError(f"{shown_path(path)} is no {name}: it has no convolution")
        channels, inputs = (each[0].shape[1] if each else 0 for each in (kernels, matrices))
        shape, classes = image_shape(channels, inputs), len((matrices or kernels)[-1])
    model = filled(f"{shown_path(path)} is no {name}", arrays, lambda: (create or models.create)(name, shape, classes))
    info = replace(info, sizes=(), input_shape=shape, structure=structure_of(model), output_size=classes)
    check_info(path, info, ())
    network = Network(model)
    network._info = info
    return network, info


def _dense(path: StrPath, info: ModelInfo, arrays: Mapping[str, np.ndarray], kind: type[Network]) -> Network:
    """Of a chain of linear layers."""
    chain = dense_chain(shown_path(path), arrays)
    sizes = tuple([chain[0][0].shape[1], *(weight.shape[0] for weight, _ in chain)])
    info.sizes = info.sizes or sizes
    check_info(path, info, sizes)
    network = kind(*sizes)
    for layer, (weight, bias) in zip(network.children(), chain, strict=True):
        layer.weight._data[...] = weight
        if bias is None:
            layer.bias = None
        else:
            layer.bias._data[...] = bias
    return network


def _read(path: StrPath) -> tuple[dict[str, np.ndarray], str | None]:
    """Arrays by name and our description, if the file has one."""
    from fastnn import io

    if io.sniff(path) == "safetensors":
        arrays, metadata = io.load_safetensors(path)
        if "fastnn.keras" in metadata:  # kernels lie the other way round, activations are any
            raise FormatError(f"{shown_path(path)} is a model of fastnn.keras: keras.models.load_model reads it")
        return arrays, metadata.get(_KEY)
    obj, records = io.load_pth(path)
    if OBJECTS in records:
        return _parts_of_network(path)
    for key in ("state_dict", "model_state_dict", "model", "net"):  # the usual forms of a checkpoint with more in it
        if isinstance(obj, Mapping) and isinstance(obj.get(key), Mapping):
            obj = obj[key]
    if not isinstance(obj, Mapping) or not all(isinstance(value, np.ndarray) for value in obj.values()):
        what = f"{shown_path(path)} holds a {type(obj).__name__}, not a state_dict of tensors"
        raise FormatError(f"{what}: take them out, fastnn.save(fastnn.load(path)[...], 'state.pth')")
    text = records.get(_RECORD)
    return dict(obj), None if text is None else text.decode("utf-8", "replace")


def _parts_of_network(path: StrPath) -> tuple[dict[str, np.ndarray], str]:
    """The arrays and the description of a whole Network in a file. Of other modules nobody knows here what is between
    their layers.
    """
    from fastnn.training.network import Network

    model = load(path)
    if not isinstance(model, Network):
        kind = type(model).__name__
        raise FormatError(f"{shown_path(path)} holds a {kind} as a whole, not a Network: it is for fastnn.load(path)")
    try:
        text = replace(model._info, **model._built(), forward=model.own_forward()).text()
    except (AttributeError, TypeError, ValueError) as error:
        what = f"{shown_path(path)}: its description of the network"
        raise told(FormatError(f"{what} is damaged ({error})"), "file.damaged", what=what) from None
    return {name: tensor._data for name, tensor in model.state_dict().items()}, text


def parameters_sha256(model: Module) -> str:
    """Hash of a state_dict in order: each name in UTF-8, one 0 byte, the C-order little-endian bytes in logical
    shape.
    """
    digest = sha256()
    for name, tensor in model.state_dict().items():
        data = np.asarray(tensor._data, order="C")
        digest.update(name.encode() + b"\0" + data.astype(data.dtype.newbyteorder("<"), copy=False).tobytes())
    return digest.hexdigest()
