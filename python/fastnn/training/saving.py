"""``torch.save`` and ``torch.load``: plain data with tensors, and objects of the running program's classes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from fastnn.errors import FormatError, told
from fastnn.io.atomic import read_open, read_regular, write_atomic
from fastnn.io.checks import shown_path
from fastnn.io.foreign import HEAD, kind_of
from fastnn.io.pth import encode_pth, parse_pth
from fastnn.io.safetensors import encode_safetensors, parse_safetensors
from fastnn.training import objects

_PATH = str | bytes | os.PathLike
OBJECTS = "fastnn.objects"  # a record of a .pth file with objects in it, which PyTorch ignores


def save(
    obj: Any,
    f: Any = None,
    pickle_module: Any = None,
    pickle_protocol: int = 2,
    _use_new_zipfile_serialization: bool = True,
    *,
    path: Any = None,
) -> None:
    """Writes a state_dict, nested dicts and lists of tensors and numbers, or whole modules: PyTorch's .pth, or
    safetensors where the name ends so.

    ``torch.save(model.state_dict(), "mnist.pth")``. PyTorch reads the file with ``torch.load(path,
    weights_only=True)``. A whole module, a named tuple, a dataclass or a namespace is saved as its class's name and its
    attributes, for :func:`load` in a program that has the class.

    f (or path): where to, a path, or a binary file or io.BytesIO, written at its position. A path is replaced in one
    step or not at all. The format is torch's zip with pickle protocol 2.

    Raises:
        TypeError: something that is no data, naming its place.
        ValueError: another format or protocol, or nested too deeply.
        OSError: the file could not be written; an old one at a path is unchanged.

    >>> import fastnn, io
    >>> file = io.BytesIO()
    >>> fastnn.save({"w": fastnn.ones(2), "epoch": 3}, file)
    >>> _ = file.seek(0)
    >>> fastnn.load(file)["epoch"]
    3
    """
    if f is None and path is None:
        text = 'save(obj, f) takes what to save and where to: fastnn.save(model.state_dict(), "model.pth")'
        raise told(TypeError(text), "save.path")
    target = _one_of(f, path, "save(obj, f)")
    if isinstance(obj, _PATH) and not isinstance(target, _PATH) and not hasattr(target, "write"):
        text = 'save(obj, f) takes the path second: fastnn.save(model.state_dict(), "model.pth")'
        raise told(TypeError(text), "save.swapped")
    if pickle_module is not None or pickle_protocol != 2 or not _use_new_zipfile_serialization:
        raise ValueError("save() writes torch's zip format with pickle protocol 2 only: leave these options out")
    value, entries = objects.flatten(obj)
    if names_safetensors(target):
        if entries or not isinstance(value, Mapping):
            kind = type(obj).__name__
            raise TypeError(f"a safetensors file holds tensors by name, not a {kind}: save it under a name with .pth")
        chunks = encode_safetensors(value)
    elif entries:
        chunks = encode_pth({"value": value, "objects": entries}, {OBJECTS: b"1"})
    else:
        chunks = encode_pth(value)
    if isinstance(target, _PATH):
        write_atomic(target, chunks)
    else:
        _write(target, chunks)


def load(
    f: Any = None,
    map_location: Any = None,
    weights_only: bool = True,
    *,
    path: Any = None,
    pickle_module: Any = None,
    mmap: bool | None = None,
) -> Any:
    """What :func:`save` or ``torch.save`` wrote: arrays as tensors, objects of classes that the running program has.

    Nothing in the file is ever executed, with weights_only or without; no module is imported and no constructor called.
    Tensors are on the CPU. The file is read whole (mmap, and pickle_module, are PyTorch's ways to do that).

    f (or path): a path, or a binary file or io.BytesIO that can seek, read from its position to its end.

    Raises:
        FormatError: damaged or foreign, or with objects of a class that the program does not have.
        OSError: the file could not be opened or read.
    """
    source = _one_of(f, path, "load(f)")
    if isinstance(source, bytes) and b"\0" in source:
        raise TypeError("load(f) takes a path or an open binary file, got a file's bytes: load(io.BytesIO(...))")
    if isinstance(source, _PATH):
        where, view = shown_path(source), read_regular(source)
    else:
        where = _shown(source)
        if not hasattr(source, "read"):
            raise TypeError(f"load(f) takes a path or an open binary file, got {where}")
        view = read_open(source, where)
        if not view:
            raise FormatError(f"{where} has nothing left to read at its position: call its seek(0) first")
    if kind_of(bytes(view[:HEAD])) == "safetensors":
        return objects.restore(parse_safetensors(view, where)[0], (), where)
    value, records = parse_pth(view, where)
    if OBJECTS not in records:
        return objects.restore(value, (), where)
    if not isinstance(value, Mapping) or set(value) != {"value", "objects"}:
        raise FormatError(f"{where}: its description of objects is damaged")
    return objects.restore(value["value"], value["objects"], where)


# Endings of other formats than .pth and .safetensors; with any other name a model is in that of .pth.
_OTHER_FORMATS = (".c", ".csv", ".h5", ".hdf5", ".json", ".keras", ".npy", ".npz", ".onnx", ".pb", ".png", ".tflite")
_OTHER_FORMATS += (".txt",)


def check_model_name(path: Any, option: str = "save():") -> None:
    """Refuses a name that promises another format than the file would have. option: what names it.

    Raises:
        ValueError: the ending is that of another format.
    """
    if os.fsdecode(path).lower().endswith(_OTHER_FORMATS):
        form = "a model is saved as .pth (PyTorch's) or .safetensors; `fastnn export` makes .onnx and .c of it"
        text = f"{option} {shown_path(path)} is the name of another format: {form}"
        raise told(ValueError(text), "model.ending", option=option, path=shown_path(path))


def names_safetensors(target: Any) -> bool:
    """Whether a path, or the name of an open file, ends with .safetensors."""
    name = os.fsdecode(target) if isinstance(target, _PATH) else getattr(target, "name", "")
    return isinstance(name, str) and name.endswith(".safetensors")


def _one_of(f: Any, path: Any, call: str) -> Any:
    """The target or source, under whichever name it was given."""
    if (f is None) == (path is None):
        raise TypeError(f"{call} takes one path or open binary file")
    return path if f is None else f


def _shown(file: Any) -> str:
    """An open file in messages."""
    name = getattr(file, "name", None)
    return shown_path(name) if isinstance(name, _PATH) else f"<{type(file).__name__}>"


def _write(file: Any, chunks: list[bytes | memoryview]) -> None:
    """Writes to a file that is open."""
    if not hasattr(file, "write"):
        raise TypeError(f"save(obj, f) takes a path or an open binary file, got {_shown(file)}")
    try:
        for chunk in chunks:
            _write_all(file, memoryview(chunk))
    except TypeError as error:
        raise TypeError(f"{_shown(file)} takes no bytes: open it with mode 'wb'") from error


def _write_all(file: Any, piece: memoryview) -> None:
    """All bytes: a file without a buffer may take fewer than it was given."""
    while piece.nbytes:
        taken = file.write(piece)
        piece = piece[taken if isinstance(taken, int) else len(piece) :]
