"""``fastnn.check(model, data)``: the mistakes that cost learners an evening, found in a second.

Each rule is exact: it speaks only where something is wrong. Nothing that the model, the optimizer or the random state
holds is changed.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from fastnn import random
from fastnn.arrays import to_array
from fastnn.eager import autograd, evidence
from fastnn.eager.tensor import Tensor
from fastnn.nn import functional, losses
from fastnn.nn.contexts import listening, modes
from fastnn.nn.dropout import Dropout
from fastnn.nn.linear import Linear
from fastnn.nn.module import Module, failure_of
from fastnn.optim import Adam
from fastnn.optim.optimizer import Optimizer
from fastnn.training.feed import as_feed, convert

# One batch is enough to see most mistakes; labels are looked at in more, and in all where they lie in memory.
_ROWS, _BATCHES = 64, 50
# A network that can learn at all gets better on one batch within so many steps, by more than float32's rounding.
_STEPS, _ROUNDING = 50, 1e-6


@dataclass(frozen=True)
class Finding:
    """One mistake: the rule's name, and what is wrong and what to do."""

    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.message}"


class Findings(list[Finding]):
    """What :func:`check` found; printed a line each."""

    def __str__(self) -> str:
        return "\n".join(map(str, self)) or "nothing wrong was found"

    __repr__ = __str__


@dataclass(frozen=True)
class _Case:
    """What the rules look at. outputs: the model's for the first batch in evaluation mode; None where it failed."""

    model: Module
    x: np.ndarray
    y: np.ndarray
    labels: np.ndarray
    criterion: Any
    optimizer: Optimizer | None
    outputs: np.ndarray | None
    inputs: list[np.ndarray]  # of the linear layers, in the order of their calls


def check(model: Module, data: Any, criterion: Any = None, optimizer: Optimizer | None = None) -> Findings:
    """Looks for: ``softmax`` (or sigmoid) before a loss that applies it itself; ``zero_grad`` forgotten; ``eval``
    forgotten; ``pixels`` from 0 to 255; ``labels`` that the outputs do not have; a ``shape`` that does not fit (and the
    right one); a ``loss`` that does not fall.

    data: a DataLoader, a data set or a tuple (x, y). criterion: None for cross-entropy where the targets are class
    numbers, else the mean squared error. optimizer: whose steps are to be tried; None for Adam. zero_grad and eval are
    seen after some training or evaluation in eager code, and told once.

    Raises:
        TypeError: data of another kind, a model that is no module or gives no tensor.
        ValueError: there is no data.
    """
    if not isinstance(model, Module):
        raise TypeError(f"check() takes an nn.Module, got a {type(model).__name__}")
    state = random.state.as_dict()
    try:
        return _check(model, data, criterion, optimizer)
    finally:
        random.state.restore(state)


def _check(model: Module, data: Any, criterion: Any, optimizer: Optimizer | None) -> Findings:
    x, y, labels = _first(data)
    dtype = next((param._data.dtype for param in model.parameters()), x.dtype)
    x, y = convert("input", x, dtype), convert("target", y, dtype)
    x = x if x.dtype.kind == "f" else x.astype(dtype)  # pixels as they are in files: a rule tells of them
    if criterion is None:
        criterion = losses.CrossEntropyLoss() if y.dtype.kind in "iu" else losses.MSELoss()
    found, outputs, inputs = Findings(), None, []
    try:
        outputs, inputs = _outputs(model, x)
    except (ValueError, RuntimeError) as error:
        found += _shape(model, x, error)
    case = _Case(model, x, y, labels, criterion, optimizer, outputs, inputs)
    for rule in _RULES:
        found += rule(case)
    if not found and outputs is not None:
        found += _loss(case)
    return found


def _outputs(model: Module, x: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """The model's outputs in evaluation mode, and what came to its linear layers.

    Raises:
        TypeError: they are no tensor.
    """
    layers = [module for module in model.modules() if isinstance(module, Linear)]
    inputs: list[np.ndarray] = []

    def heard(layer: Module, given: tuple[Tensor, ...], output: Tensor) -> None:
        inputs.append(given[0].numpy())

    with modes(model, training=False), listening(layers, heard), autograd.no_grad():
        outputs = model(Tensor(x))
    if not isinstance(outputs, Tensor):
        raise TypeError(f"the model must give one tensor, got a {type(outputs).__name__}")
    return outputs.numpy(), inputs


def _first(data: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The first batch, and the targets of as many as are looked at."""
    feed = as_feed(data)
    if feed is not None:
        x, y = feed.batch(np.arange(min(_ROWS, len(feed)), dtype=np.int64))
        return x, y, feed.y
    if not hasattr(data, "batch_sampler"):
        from fastnn.data.loader import DataLoader

        data = DataLoader(data, batch_size=_ROWS)
    pairs = [_pair(batch) for batch, _ in zip(data, range(_BATCHES), strict=False)]
    if not pairs:
        raise ValueError("the data set is empty: there is nothing to check")
    x, y = pairs[0]
    return x[:_ROWS], y[:_ROWS], np.concatenate([targets for _, targets in pairs])


def _pair(batch: Any) -> tuple[np.ndarray, np.ndarray]:
    if not isinstance(batch, tuple | list) or len(batch) != 2:
        raise TypeError(f"a batch must be a pair (x, y), got a {type(batch).__name__}")
    x, y = map(to_array, batch)
    return x, y


# -- the rules -------------------------------------------------------------------------------------------------------


def _shape(model: Module, x: np.ndarray, error: Exception) -> Iterator[Finding]:
    """The model cannot take the data: the right number, where a linear layer or a view has the wrong one."""
    text, layer = str(error), getattr(failure_of(error), "innermost", None)
    width, view = re.search(r"x has shape \((\d+), (\d+)\)", text), re.search(r"\[reshape\] shape \(([\d, ]+)\)", text)
    if isinstance(layer, Linear) and width:
        name = next((f"'{name}' " for name, module in model.named_modules() if module is layer and name), "")
        rows, got = map(int, width.groups())
        right = f"make it Linear({got}, {layer.out_features})"
        yield Finding(
            "shape",
            f"layer {name}Linear({layer.in_features}, {layer.out_features}) gets {got} features a sample from inputs "
            f"of shape {x.shape}: {right if rows == len(x) else 'put nn.Flatten() before it'}",
        )
    elif view:
        _, *sizes = map(int, view[1].split(", "))
        yield Finding("shape", f"a view does not fit inputs of shape {x.shape}. {_flattened(sizes)} ({text})")
    else:
        yield Finding("shape", f"the model does not take a batch of shape {x.shape}: {text}")


def _flattened(sizes: Sequence[int]) -> str:
    """How to make rows of samples of some sizes."""
    numbers = prod(sizes)
    return (
        f"A sample has {' x '.join(map(str, sizes))} = {numbers} numbers there: use flatten(1) or view(-1, {numbers})"
    )


def _rows(case: _Case) -> Iterator[Finding]:
    """A view that cuts samples apart, as view(-1, 784) does with three colours."""
    rows, outputs = len(case.x), case.outputs
    if outputs is not None and outputs.ndim and len(outputs) != rows:
        yield Finding(
            "shape", f"the model gives {len(outputs)} rows for {rows} samples. {_flattened(case.x.shape[1:])}"
        )


def _softmax(case: _Case) -> Iterator[Finding]:
    if case.outputs is None or not case.outputs.size:
        return
    p, criterion = case.outputs, getattr(case.criterion, "__name__", type(case.criterion).__name__)
    inside = bool(np.all((p >= 0) & (p <= 1)))
    rows = inside and p.ndim == 2 and p.shape[1] > 1 and np.allclose(p.sum(axis=1), 1, atol=1e-5)
    if rows and (isinstance(case.criterion, losses.CrossEntropyLoss) or case.criterion is functional.cross_entropy):
        yield Finding(
            "softmax",
            f"the model's outputs are probabilities, but {criterion} applies softmax itself: give it the logits "
            f"(leave the softmax out), or it learns slowly",
        )
    if isinstance(case.criterion, losses.BCEWithLogitsLoss) and inside and _ends_in_sigmoid(case.model):
        yield Finding(
            "softmax", f"the model ends in a sigmoid, but {criterion} applies it itself: leave the last one out"
        )


def _ends_in_sigmoid(model: Module) -> bool:
    from fastnn.nn import Sigmoid

    *_, last = model.modules()
    return isinstance(last, Sigmoid)


def _zero_grad(case: _Case) -> Iterator[Finding]:
    """A step was taken with gradients that were added to those of an earlier step."""
    names = [name for name, param in case.model.named_parameters() if evidence.tell_stale(param)]
    if names:
        yield Finding(
            "zero_grad",
            f"gradients of earlier steps are still in those of later ones (of {names[0]} and {len(names) - 1} others): "
            f"call optimizer.zero_grad() before each backward()",
        )


def _eval(case: _Case) -> Iterator[Finding]:
    for name, module in case.model.named_modules():
        if isinstance(module, Dropout) and module.p > 0 and evidence.tell_evaluated(module):
            yield Finding(
                "eval",
                f"dropout '{name}' was active under no_grad(): call model.eval() first, model.train() after",
            )


def _pixels(case: _Case) -> Iterator[Finding]:
    """Of images, whose pixels come to a layer as they are in files."""
    x = case.inputs[0] if case.inputs else case.x
    if x.ndim < 2 or not x.size or x[0].size < 64:  # fewer numbers are no image
        return
    if x.min() >= 0 and 127 < x.max() <= 255 and np.array_equal(x, np.round(x)):
        yield Finding(
            "pixels",
            f"inputs are whole numbers from {x.min():g} to {x.max():g}, as pixels are in files: divide them by 255 "
            f"(ToTensor does)",
        )


def _takes_classes(criterion: Any) -> bool:
    classes = isinstance(criterion, losses.CrossEntropyLoss | losses.NLLLoss)
    return classes or criterion in (functional.cross_entropy, functional.nll_loss)


def _labels(case: _Case) -> Iterator[Finding]:
    if not _takes_classes(case.criterion):
        yield from _targets(case)
        return
    labels = case.labels
    if labels.dtype.kind not in "iu":
        yield Finding("labels", f"targets are {labels.dtype}: cross-entropy takes class numbers, integers")
        return
    if case.outputs is None or case.outputs.ndim != 2:
        return
    classes, low, high = case.outputs.shape[1], int(labels.min()), int(labels.max())
    if low < 0 or high >= classes:
        hint = ": count classes from 0" if (low, high) == (1, classes) else ""
        yield Finding(
            "labels",
            f"labels run from {low} to {high}, the model has {classes} outputs, for labels 0 to {classes - 1}{hint}",
        )


def _targets(case: _Case) -> Iterator[Finding]:
    if not isinstance(case.criterion, losses.MSELoss | losses.BCEWithLogitsLoss) or case.outputs is None:
        return
    if case.outputs.shape != case.y.shape and len(case.outputs) == len(case.y):
        fitting = case.y.size == case.outputs.size
        hint = f": use target.view{tuple(-1 if i == 0 else n for i, n in enumerate(case.outputs.shape))}"
        yield Finding(
            "labels",
            f"the model gives shape {case.outputs.shape}, the targets have {case.y.shape}{hint if fitting else ''}",
        )


def _loss(case: _Case) -> Iterator[Finding]:
    """Learns one batch by heart, on a copy."""
    try:
        model, optimizer = copy.deepcopy((case.model, case.optimizer))
    except TypeError:  # it holds something that cannot be copied
        return
    optimizer = optimizer or Adam(model.parameters())
    seen, rate = _learnt(case, model, optimizer), optimizer.param_groups[0]["lr"]
    if not seen:
        message = "the loss does not depend on any parameter: is it computed from detached tensors?"
    elif not np.isfinite(seen[-1]):
        message = f"the loss becomes {seen[-1]:g} after {len(seen) - 1} steps: lower lr={rate:g}"
    elif _is_constant(model, case.x):
        message = "the outputs stay the same for every input: a layer before them gives nothing but zeros"
    elif seen[0] > 0 and min(seen[1:]) > (1 - _ROUNDING) * seen[0] and _could_fall(model, seen[0]):
        message = (
            f"the loss does not fall on one batch learnt {_STEPS} times: {seen[0]:.4g} at first, {min(seen[1:]):.4g} "
            f"at best. {_cause(case, rate)}"
        )
    else:
        return
    yield Finding("loss", message)


def _could_fall(model: Module, loss: float) -> bool:
    """Whether the last gradients say that there is something to learn: not at the bottom already."""
    largest = max((float(np.abs(p.grad.numpy()).max()) for p in model.parameters() if p.grad is not None), default=0.0)
    return largest > 1e-4 * loss


def _learnt(case: _Case, model: Module, optimizer: Optimizer) -> list[float]:
    """The losses of some steps on the first batch, up to one that is not finite; none where nothing can be learnt."""
    model.eval()  # dropout would blur them
    seen: list[float] = []
    while len(seen) < _STEPS and (not seen or np.isfinite(seen[-1])):
        loss = case.criterion(model(Tensor(case.x)), Tensor(case.y))
        if not loss.requires_grad:
            return []
        seen.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return seen


def _cause(case: _Case, rate: float) -> str:
    own = {id(param) for param in case.model.parameters()}
    groups = [] if case.optimizer is None else case.optimizer.param_groups
    learnt = [id(param) for group in groups for param in group["params"]]
    if learnt and own.isdisjoint(learnt):
        return "The optimizer has none of this model's parameters: make it with model.parameters()"
    return f"Try another learning rate than {rate:g}"


def _is_constant(model: Module, x: np.ndarray) -> bool:
    """Whether inputs that differ all give the same outputs."""
    with autograd.no_grad():
        outputs = model(Tensor(x)).numpy()
    return len(x) > 1 and bool(np.ptp(x, axis=0).any()) and not np.ptp(outputs, axis=0).any()


_RULES: tuple[Callable[[_Case], Iterable[Finding]], ...] = (_rows, _softmax, _zero_grad, _eval, _pixels, _labels)
