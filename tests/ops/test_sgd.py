"""SGD: one step within derived bounds, with momentum, dampening, decay and Nesterov's form."""

from typing import Any

import numpy as np
from fastnn import _core
from fastnn.reference.sgd import sgd
from harness import Arrays, Op, Real, check_same_bits
from optimizer_tests import OptimizerTests, optimizer


def settings_of(**values: Any) -> _core.SgdSettings:
    settings = _core.SgdSettings()
    for name, value in values.items():
        setattr(settings, name, value)
    return settings


def bound_of(s: dict[str, Any]) -> Any:
    """The errors of the gradient with decay, of the velocity, of the direction; constants are rounded once too."""
    lr, momentum, decay = s["lr"], s.get("momentum", 0), s.get("weight_decay", 0)

    def bound(real: Real, truth: Arrays, inputs: Arrays) -> list[np.ndarray]:
        w, g, *velocity = inputs
        u = real.u
        dg = u * (np.abs(decay * w) + np.abs(g + decay * w)) if decay else np.zeros_like(w)
        g = g + decay * w
        if not velocity:
            return [1.01 * (lr * (dg + u * np.abs(g)) + u * np.abs(truth[0]))]
        fresh, b = 1 - s.get("dampening", 0), truth[1]
        db = u * (np.abs(momentum * velocity[0]) + 2 * np.abs(fresh * g) + np.abs(b)) + fresh * dg
        db = dg + u * np.abs(b) if s.get("first") else db
        direction, dd = b, db
        if s.get("nesterov"):
            direction = g + momentum * b
            dd = u * np.abs(momentum * b) + momentum * db + dg + u * np.abs(direction)
        return [1.01 * (lr * (dd + u * np.abs(direction)) + u * np.abs(truth[0])), 1.01 * db]

    return bound


def op(**values: Any) -> Op:
    settings, states = settings_of(**values), int("momentum" in values)

    def run(param: np.ndarray, grad: np.ndarray, buffer: np.ndarray | None = None) -> None:
        _core.sgd(param, grad, buffer, settings)

    def truth(param: np.ndarray, grad: np.ndarray, buffer: np.ndarray | None = None) -> None:
        sgd(param, grad, buffer, **values)

    return optimizer(run, truth, bound_of(values), states, 1)


class TestPlain(OptimizerTests):
    op = op(lr=0.1)


class TestDecay(OptimizerTests):
    op = op(lr=0.1, weight_decay=0.01)


class TestMomentum(OptimizerTests):
    op = op(lr=0.1, momentum=0.9, dampening=0.3, weight_decay=0.01)


class TestFirstStep(OptimizerTests):
    op = op(lr=0.1, momentum=0.9, dampening=0.3, first=True)


class TestNesterov(OptimizerTests):
    op = op(lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01)


def test_first_step_ignores_what_the_buffer_holds(isa: str, real: Real) -> None:
    param, grad, buffer = np.ones(5, real.dtype), np.full(5, 2, real.dtype), np.full(5, np.nan, real.dtype)
    _core.sgd(param, grad, buffer, settings_of(lr=0.5, momentum=0.9, first=True))
    check_same_bits(param, np.zeros(5, real.dtype))
    check_same_bits(buffer, grad)


def test_first_step_is_step_one() -> None:
    settings = settings_of()
    assert not settings.first
    for first in (True, False, False):
        settings.advance()
        assert settings.first is first
