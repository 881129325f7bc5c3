"""What is said of the usual mistakes with modules: an input that is no tensor, ``super().__init__()`` left out."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn.eager.dtypes import CLASS_NUMBERS
from fastnn.eager.tensor import Tensor
from fastnn.errors import told


def refusal(taker: str, inputs: tuple[Any, ...]) -> TypeError | None:
    """What a module or a function, ``taker``, has to say of the first of its inputs that is no tensor, though it may
    have been meant for one; None where there is none.
    """
    for value in inputs:
        if not isinstance(value, Tensor | bool) and (error := _refused(f"{taker} takes tensors, got", taker, value)):
            return error
    return None


def _refused(text: str, taker: str, value: Any) -> TypeError | None:
    kind = type(value).__name__
    if isinstance(value, np.ndarray):
        how = "fastnn.from_numpy(x), or fastnn.tensor(x) for a copy of it"
        error = TypeError(f"{text} a NumPy array of shape {value.shape}: use {how}")
        return told(error, "input.array", layer_kind=taker, got=f"ndarray {value.shape}")
    if value is None:
        error = TypeError(f"{text} None: has the forward() or the function that made it no return?")
        return told(error, "input.none", layer_kind=taker)
    if isinstance(value, list | tuple) and any(isinstance(part, Tensor) for part in value):
        how = "fastnn.stack(x) makes one of a list; a batch (x, y) of a loader is taken apart: for x, y in loader"
        return told(TypeError(f"{text} a {kind} of tensors: {how}"), "input.tensors", layer_kind=taker, got=kind)
    if isinstance(value, list | tuple | int | float):
        what = f"a {kind}" if isinstance(value, list | tuple) else f"the number {value}"
        texts = isinstance(value, list | tuple) and any(isinstance(part, str) for part in value)
        how = CLASS_NUMBERS if texts else "use fastnn.tensor(x)"
        return told(TypeError(f"{text} {what}: {how}"), "input.array", layer_kind=taker, got=kind)
    if hasattr(value, "state_dict"):
        error = TypeError(f"{text} a {kind}, a module: call it first, output = model(x)")
        return told(error, "input.module", layer_kind=taker, got=kind)
    if hasattr(value, "getpixel") or isinstance(value, str):
        what = f"the text {value[:40]!r}" if isinstance(value, str) else "a picture"
        error = TypeError(f"{text} {what}: of a picture, transforms.ToTensor()(picture).unsqueeze(0) is a batch of one")
        return told(error, "input.picture", layer_kind=taker, got=kind)
    return None


def without_init(kind: str) -> AttributeError:
    """A module was used whose own ``__init__`` has not called that of Module."""
    text = f"{kind}: super().__init__() was not called: make it the first line of {kind}.__init__"
    return told(AttributeError(text), "module.init", kind=kind)


def made_of_tensors(kind: str, values: tuple[Any, ...]) -> None:
    """Refuses tensors where a layer or a loss is made, which is called with them later.

    Raises:
        TypeError: one of the values is a tensor.
    """
    if any(isinstance(value, Tensor) for value in values):
        given = "outputs, labels" if kind.endswith("Loss") else "x"
        text = f"nn.{kind}(...) makes a {kind} and takes no tensors: make it first, then call it, nn.{kind}()({given})"
        raise told(TypeError(text), "module.made", kind=kind, given=given)
