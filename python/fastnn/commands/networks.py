"""Networks by what ``--model`` names: those of :mod:`fastnn.models`, and one's own, MODULE:CLASS.

One's own is a class of ``nn.Module``, or a function that makes one, in an importable module (``mynet:Net``) or in a
file (``mynet.py:Net``). It is called with those of these keyword arguments that it names: ``num_classes``;
``in_channels``; ``size``, the side of square images, of others (height, width); ``input_shape``, (channels, height,
width). In that module ``torch`` stands for fastnn, as under ``fastnn.run``.
"""

from __future__ import annotations

import importlib
import inspect
import os
import sys
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from types import ModuleType
from typing import Any

import numpy as np

from fastnn import models
from fastnn.commands.cli import MODELS
from fastnn.eager.autograd import no_grad
from fastnn.eager.tensor import Tensor
from fastnn.errors import FormatError
from fastnn.io.checks import shown_path
from fastnn.nn.contexts import modes
from fastnn.nn.module import Module
from fastnn.text import did_you_mean
from fastnn.training.model_files import load_model, load_named
from fastnn.training.model_info import ModelInfo
from fastnn.training.network import Network
from fastnn.training.trained_on import square

Shape = tuple[int, int, int]


def create(name: str, input_shape: Shape, num_classes: int) -> Module:
    """A network for images (C, H, W) and a number of classes, by what ``--model`` names.

    Raises:
        ValueError: there is none of this name, or it cannot be made for these.
    """
    if ":" not in name:
        return models.create(name, input_shape, num_classes)
    maker = own(name)
    arguments = _arguments(name, maker, input_shape, num_classes)
    shown = f"{name}({', '.join(f'{key}={value}' for key, value in arguments.items())})"
    try:
        model = maker(**arguments)
    except Exception as error:  # the user's code may raise anything
        raise _failed(name, f"{shown} cannot be made", error) from error
    if not isinstance(model, Module):
        raise ValueError(f"--model {name}: {shown} gives a {type(model).__name__}, no nn.Module")
    return model


def own(name: str) -> Callable[..., Any]:
    """The class, or the function, that MODULE:CLASS names.

    Raises:
        ValueError: no such module, none that can be imported, nothing of that name in it, or no class of nn.Module.
    """
    where, _, attribute = name.rpartition(":")
    module = _module(name, where)
    found = getattr(module, attribute, None)
    if found is None:
        known = [key for key, value in vars(module).items() if _is_network(value)]
        has = f"; it has {', '.join(known)}" if known else "; no class in it is an nn.Module"
        raise ValueError(
            f"--model {name}: {shown_path(where)} has no {attribute}{did_you_mean(attribute, known) or has}"
        )
    if not callable(found) or (isinstance(found, type) and not issubclass(found, Module)):
        raise ValueError(f"--model {name}: {attribute} is no class of nn.Module, nor a function that makes one")
    return found


def check_outputs(name: str, model: Module, shape: Shape, classes: int) -> None:
    """Refuses a network of one's own that does not give a number for each class of an image.

    Raises:
        ValueError: with what it gives, or what it raised.
    """
    try:
        with modes(model, training=False), no_grad():
            found = model(Tensor(np.zeros((1, *shape), np.float32)))
    except Exception as error:  # the user's code may raise anything
        raise _failed(name, f"it takes no images {shape}", error) from error
    given = f"outputs {tuple(found.shape)}" if isinstance(found, Tensor) else f"a {type(found).__name__}"
    if given != f"outputs {(1, classes)}":
        text = f"--model {name}: it gives {given} of one image, {(1, classes)} are expected for {classes} classes"
        raise ValueError(f"{text}: let its constructor take num_classes, and give one output each")


def load(
    path: str,
    named: str | None,
    input_shape: tuple[int, ...] | None = None,
    image_shape: Callable[[int], Shape] | None = None,
) -> tuple[Network, ModelInfo]:
    """The network in a file, and what is known of it.

    named: what ``--model`` says of which network the file has the tensors, None where it tells itself. input_shape: of
    one input, where the file does not tell; image_shape: gives (C, H, W) for a number of channels, where nothing tells.

    Raises:
        FormatError: damaged, foreign, or with other tensors than this network has.
        ValueError: there is none of this name.
    """
    if named is None:
        return load_model(path)
    if ":" in named:
        own(named)

    def shape(channels: int, inputs: int) -> tuple[int, ...]:
        if found := input_shape or (not channels and square(inputs)):
            return found
        if image_shape is not None:
            return image_shape(channels)
        if named not in MODELS:
            text = f"{shown_path(path)} does not tell the size of its images: add --input-shape CxHxW, such as"
            raise FormatError(f"{text} {channels or 3}x64x64")
        return channels, *MODELS[named][0][1:]

    return load_named(path, named, shape, create)


def _module(name: str, where: str) -> ModuleType:
    """The module, imported as it would be from a script in the current folder."""
    from fastnn.commands import run

    if sys.modules.get("torch") is not sys.modules["fastnn"]:
        run.install()
    try:
        return _of_file(where) if where.endswith(".py") else _of_path(where)
    except FileNotFoundError as error:
        if error.filename != where:
            raise _failed(name, f"{shown_path(where)} cannot be imported", error) from error
        raise ValueError(f"--model {name}: there is no file {shown_path(where)}") from None
    except (Exception, SystemExit) as error:  # the user's code may raise anything
        if isinstance(error, ModuleNotFoundError) and error.name and f"{where}.".startswith(f"{error.name}."):
            text = f"there is no module {error.name}: name one that can be imported, or a file, {where}.py:CLASS"
            raise ValueError(f"--model {name}: {text}") from None
        raise _failed(name, f"{shown_path(where)} cannot be imported", error) from error


def _of_path(where: str) -> ModuleType:
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    return importlib.import_module(where)


def _of_file(where: str) -> ModuleType:
    """A file's; what lies beside it can be imported there."""
    if not os.path.isfile(where):
        raise FileNotFoundError(2, "no such file", where)
    folder, file = os.path.split(os.path.abspath(where))
    if folder not in sys.path:
        sys.path.insert(0, folder)
    spec = spec_from_file_location(file[:-3], where)
    module = module_from_spec(spec)
    sys.modules.setdefault(file[:-3], module)
    spec.loader.exec_module(module)
    return module


def _is_network(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, Module) and not value.__module__.startswith("fastnn")


def _arguments(name: str, maker: Callable[..., Any], shape: Shape, classes: int) -> dict[str, Any]:
    """Those that it names."""
    channels, height, width = shape
    known = {
        "num_classes": classes,
        "in_channels": channels,
        "size": height if height == width else (height, width),
        "input_shape": shape,
    }
    parameters = inspect.signature(maker).parameters.values()
    named = [each for each in parameters if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)]
    needed = [each.name for each in parameters if each.default is each.empty and each.kind != each.VAR_KEYWORD]
    if other := [each for each in needed if each not in known and each != "args"]:
        raise ValueError(
            f"--model {name}: it cannot be made without {', '.join(other)}: only those of {', '.join(known)} are given "
            "that it names. Let the others have defaults"
        )
    return {each.name: known[each.name] for each in named if each.name in known}


def _failed(name: str, what: str, error: BaseException) -> ValueError:
    """What to say of an error in the user's code."""
    from fastnn.commands import run

    lacking = run.missing(error)
    why = f"fastnn has no {lacking}" if lacking else f"{type(error).__name__}: {error}"
    place = "" if isinstance(error, SyntaxError) else run.place_of(error, "")
    return ValueError(f"--model {name}: {what}: {why}" + (f" ({place})" if place else ""))
