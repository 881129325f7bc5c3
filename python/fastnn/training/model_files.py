"""Models in files: what :mod:`fastnn.io` stores, plus how to build the network again."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Mapping
from hashlib import sha256
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.eager.tensor import Tensor
from fastnn.errors import FormatError
from fastnn.io.checks import shown_name, shown_path
from fastnn.nn.module import Module
from fastnn.nn.parameter import Parameter
from fastnn.training.model_info import ModelInfo, check_info, parse_info

if TYPE_CHECKING:
    from fastnn.training.network import Network

StrPath = str | os.PathLike[str]

_RECORD = "fastnn.json"  # a record of a .pth file, which PyTorch ignores
_KEY = "fastnn.model"  # the same text in a safetensors file's metadata


def save_model(path: StrPath, model: Module, info: ModelInfo) -> None:
    """Writes a model's parameters and its info, atomically: safetensors where the name ends so, PyTorch's .pth
    otherwise.
    """
    from fastnn import io

    arrays = OrderedDict((name, np.asarray(tensor._data, order="C")) for name, tensor in model.state_dict().items())
    if os.fspath(path).endswith(".safetensors"):
        io.save_safetensors(path, arrays, {_KEY: info.text()})
    else:
        io.save_pth(path, arrays, {_RECORD: info.text().encode()})


def load_model(path: StrPath, kind: type[Network] | None = None) -> tuple[Network, ModelInfo]:
    """The network in a file, of a class that is made as Network is (None: Network), and what is known of it, which the
    network knows as well.

    A file without our info (PyTorch's) must hold 2-D weights with their biases in order: a chain of linear layers with
    ReLU between.

    Raises:
        FormatError: damaged, foreign, or no such chain.
    """
    from fastnn.training.network import Network

    arrays, text = _read(path)
    info = parse_info(path, text) if text is not None else ModelInfo(version=0)
    chain = _dense_chain(path, arrays)
    sizes = tuple([chain[0][0].shape[1], *(weight.shape[0] for weight, _ in chain)])
    info.sizes = info.sizes or sizes
    check_info(path, info, sizes)
    network = (kind or Network)(*sizes)
    for layer, (weight, bias) in zip(network.children(), chain, strict=True):
        layer.weight._data[...] = weight
        if bias is None:
            layer.bias = None
        else:
            layer.bias._data[...] = bias
    if network.own_forward() == info.forward:
        info.forward = ""
    network._info = info
    return network, info


def _read(path: StrPath) -> tuple[dict[str, np.ndarray], str | None]:
    """Arrays by name and our description, if the file has one."""
    from fastnn import io

    if io.sniff(path) == "safetensors":
        arrays, metadata = io.load_safetensors(path)
        if "fastnn.keras" in metadata:  # kernels lie the other way round, activations are any
            raise FormatError(f"{shown_path(path)} is a model of fastnn.keras: keras.models.load_model reads it")
        return arrays, metadata.get(_KEY)
    obj, records = io.load_pth(path)
    for key in ("state_dict", "model_state_dict"):  # the usual forms of a checkpoint with more in it
        if isinstance(obj, Mapping) and isinstance(obj.get(key), Mapping):
            obj = obj[key]
    if not isinstance(obj, Mapping) or not all(isinstance(value, np.ndarray) for value in obj.values()):
        raise FormatError(f"{shown_path(path)} holds a {type(obj).__name__}, not a state_dict of tensors")
    text = records.get(_RECORD)
    return dict(obj), None if text is None else text.decode("utf-8", "replace")


def _dense_chain(path: StrPath, arrays: Mapping[str, np.ndarray]) -> list[tuple[np.ndarray, np.ndarray | None]]:
    """Weights (O, I) with their biases, each layer's outputs the next one's inputs: all that a Network is made of.

    Raises:
        FormatError: anything else, a convolution's weight among it; the tensor is named.
    """
    chain: list[tuple[np.ndarray, np.ndarray | None]] = []
    for name, array in arrays.items():
        if array.ndim == 2:
            chain.append((array, None))
        elif array.ndim == 1 and chain and chain[-1][1] is None and array.shape[0] == chain[-1][0].shape[0]:
            chain[-1] = (chain[-1][0], array)
        else:
            raise FormatError(
                f"{shown_path(path)}: tensor {shown_name(name)} of shape {array.shape} has no place in "
                "a chain of linear layers (2-D weights, each followed by its bias)"
            )
    if not chain:
        raise FormatError(f"{shown_path(path)} holds no 2-D weights: it is not a chain of linear layers")
    for (before, _), (after, _) in pairwise(chain):
        if after.shape[1] != before.shape[0]:
            raise FormatError(
                f"{shown_path(path)}: a layer with {before.shape[0]} outputs is followed by "
                f"one with {after.shape[1]} inputs: not a chain"
            )
    if min(min(weight.shape) for weight, _ in chain) < 1:
        raise FormatError(f"{shown_path(path)}: a weight has no elements")
    return chain


def parameters_sha256(model: Module) -> str:
    """Hash of a state_dict in order: each name in UTF-8, one 0 byte, the C-order little-endian bytes in logical
    shape.
    """
    digest = sha256()
    for name, tensor in model.state_dict().items():
        data = np.asarray(tensor._data, order="C")
        digest.update(name.encode() + b"\0" + data.astype(data.dtype.newbyteorder("<"), copy=False).tobytes())
    return digest.hexdigest()


def save(obj: Any, path: StrPath) -> None:
    """Writes a state_dict (or nested dicts and lists of tensors and numbers): PyTorch's .pth, or safetensors where the
    name ends so.

    ``torch.save(model.state_dict(), "mnist.pth")``. PyTorch reads the file with ``torch.load(path,
    weights_only=True)``.

    Raises:
        TypeError: something that is no plain data (a whole module: save its state_dict()).
    """
    from fastnn import io

    if isinstance(obj, Module):
        raise TypeError(
            f"save() stores plain data, not a whole {type(obj).__name__}: "
            "save(model.state_dict(), path), or model.save(path)"
        )
    if os.fspath(path).endswith(".safetensors"):
        io.save_safetensors(path, _to_arrays(obj))
    else:
        io.save_pth(path, _to_arrays(obj))


def load(path: StrPath, map_location: Any = None, weights_only: bool = True) -> Any:
    """What :func:`save` or ``torch.save`` wrote, arrays as tensors. Nothing in the file is ever executed.

    Raises:
        FormatError: damaged or foreign.
    """
    from fastnn import io

    if io.sniff(path) == "safetensors":
        return _to_tensors(io.load_safetensors(path)[0])
    return _to_tensors(io.load_pth(path)[0])


def _to_arrays(obj: Any) -> Any:
    if isinstance(obj, Tensor):
        return np.asarray(obj._data, order="C")
    if isinstance(obj, Mapping):
        kind = OrderedDict if isinstance(obj, OrderedDict) else dict
        return kind((_key(key), _to_arrays(value)) for key, value in obj.items())
    if isinstance(obj, list | tuple):
        return type(obj)([_to_arrays(value) for value in obj])
    return obj


def _key(key: Any) -> Any:
    if isinstance(key, Parameter):
        raise TypeError("a dict keyed by parameters cannot be saved: use optimizer.state_dict()")
    return key


def _to_tensors(obj: Any) -> Any:
    if isinstance(obj, np.ndarray):
        return Tensor._wrap(obj)
    if isinstance(obj, Mapping):
        return type(obj)((key, _to_tensors(value)) for key, value in obj.items())
    if isinstance(obj, list | tuple):
        return type(obj)([_to_tensors(value) for value in obj])
    return obj
