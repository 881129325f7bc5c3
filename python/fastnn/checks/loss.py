"""Rules about the loss: does it get logits where it wants them, and does it fall?"""

from __future__ import annotations

import copy
from collections.abc import Iterator

import numpy as np

from fastnn.checks.case import Case
from fastnn.checks.findings import Finding
from fastnn.checks.numbers import of_logarithms, takes_classes
from fastnn.eager import autograd
from fastnn.eager.tensor import Tensor
from fastnn.nn import losses
from fastnn.nn.activation import Sigmoid
from fastnn.nn.module import Module
from fastnn.optim import Adam
from fastnn.optim.optimizer import Optimizer

# A network that can learn at all gets better on one batch within so many steps, by more than float32's rounding.
_STEPS, _ROUNDING = 50, 1e-6


def softmax(case: Case) -> Iterator[Finding]:
    """A softmax, sigmoid or ReLU before a loss that wants none; none where one is due."""
    if case.outputs is None or not case.outputs.size:
        return
    p, criterion = case.outputs, getattr(case.criterion, "__name__", type(case.criterion).__name__)
    inside = bool(np.all((p >= 0) & (p <= 1)))
    rows = inside and p.ndim == 2 and p.shape[1] > 1 and np.allclose(p.sum(axis=1), 1, atol=1e-5)
    logarithms = of_logarithms(case.criterion)
    entropy = takes_classes(case.criterion) and not logarithms
    if entropy and case.made in ("Sigmoid", "Relu"):
        yield Finding("softmax", f"{criterion} takes numbers of any size and sign: leave the last {case.made} out")
    if logarithms and p.ndim == 2 and not np.allclose(np.exp(p).sum(1), 1, atol=1e-3):
        yield Finding("softmax", f"{criterion} wants a LogSoftmax(dim=1) at the model's end: or use CrossEntropyLoss")
    if rows and entropy:
        yield Finding(
            "softmax",
            f"the model's outputs are probabilities, but {criterion} applies softmax itself: "
            f"give it the logits (leave the softmax out), or it learns slowly",
        )
    if isinstance(case.criterion, losses.BCEWithLogitsLoss) and inside and _ends_in_sigmoid(case.model):
        yield Finding(
            "softmax", f"the model ends in a sigmoid, but {criterion} applies it itself: leave the last one out"
        )


def _ends_in_sigmoid(model: Module) -> bool:
    *_, last = model.modules()
    return isinstance(last, Sigmoid)


def falls(case: Case) -> Iterator[Finding]:
    """A model that can learn at all learns the first batch by heart: a copy of it tries."""
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
            f"the loss does not fall on one batch learnt {_STEPS} times: "
            f"{seen[0]:.4g} at first, {min(seen[1:]):.4g} at best. {_cause(case, rate)}"
        )
    else:
        return
    yield Finding("loss", message)


def _could_fall(model: Module, loss: float) -> bool:
    """Whether the last gradients say that there is something to learn: not at the bottom already."""
    largest = max((float(np.abs(p.grad.numpy()).max()) for p in model.parameters() if p.grad is not None), default=0.0)
    return largest > 1e-4 * loss


def _learnt(case: Case, model: Module, optimizer: Optimizer) -> list[float]:
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


def _cause(case: Case, rate: float) -> str:
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
