"""``fastnn.check(model, data)``: the mistakes that cost learners an evening, found in a second.

Each rule is exact: it speaks only where something is wrong. Nothing that the model, the optimizer or the random state
holds is changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from fastnn import random
from fastnn.checks import loop, loss, numbers, shapes
from fastnn.checks.case import Case, case_of
from fastnn.checks.findings import Finding, Findings
from fastnn.nn.module import Module
from fastnn.optim.optimizer import Optimizer

_RULES: tuple[Callable[[Case], Iterable[Finding]], ...] = (
    shapes.fitting,
    shapes.rows,
    loss.softmax,
    loop.zero_grad,
    loop.evaluation,
    numbers.pixels,
    numbers.precision,
    numbers.labels,
)


def check(model: Module, data: Any, criterion: Any = None, optimizer: Optimizer | None = None) -> Findings:
    """Looks for: ``softmax`` (or sigmoid, ReLU) before a loss that wants none, or left out before one that wants it;
    ``zero_grad`` forgotten; ``eval`` forgotten; ``pixels`` from 0 to 255; tensors of another ``dtype`` than the
    parameters; ``labels`` that the outputs do not have; a ``shape`` that does not fit (and the right one); a ``loss``
    that does not fall.

    data: a DataLoader, a data set or a tuple (x, y). criterion: None for cross-entropy where the targets are class
    numbers, else the mean squared error. optimizer: whose steps are to be tried; None for Adam. zero_grad and eval are
    seen after some training or evaluation in eager code, and told once.

    Raises:
        TypeError: data of another kind, a model that is no module or gives no tensor.
        ValueError: there is no data.

    >>> import fastnn, numpy as np
    >>> wrong = fastnn.nn.Sequential(fastnn.nn.Linear(2, 2), fastnn.nn.Softmax(dim=1))
    >>> [found.rule for found in fastnn.check(wrong, (np.eye(2, dtype="f4"), np.array([0, 1])))]
    ['softmax']
    """
    if not isinstance(model, Module):
        keras = "; a Keras model's fit checks its data" if hasattr(model, "compile") else ""
        raise TypeError(f"check() takes an nn.Module, got a {type(model).__name__}{keras}")
    state = random.state.as_dict()
    try:
        return _check(case_of(model, data, criterion, optimizer))
    finally:
        random.state.restore(state)


def _check(case: Case) -> Findings:
    found = Findings(finding for rule in _RULES for finding in rule(case))
    if not found and case.outputs is not None:
        found += loss.falls(case)
    return found
