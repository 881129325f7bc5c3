"""RMSprop: one step within derived bounds, with momentum, decay and both places of epsilon."""

from typing import Any

import numpy as np
from fastnn import _core
from fastnn.reference.rmsprop import rmsprop
from harness import Arrays, Op, Real
from optimizer_tests import OptimizerTests, optimizer


def bound_of(s: dict[str, Any]) -> Any:
    """The errors of the running square, of the quotient, of the momentum; constants are rounded once too."""
    lr, alpha, eps, momentum = s["lr"], s["alpha"], s["eps"], s.get("momentum", 0)
    decay = s.get("weight_decay", 0)

    def bound(real: Real, truth: Arrays, inputs: Arrays) -> list[np.ndarray]:
        w, g, square, *velocity = inputs
        u = real.u
        dg = u * (np.abs(decay * w) + np.abs(g + decay * w)) if decay else np.zeros_like(w)
        g = g + decay * w
        mean = truth[1]
        dmean = u * (alpha * square + 3 * (1 - alpha) * g * g + mean) + 2 * (1 - alpha) * np.abs(g) * dg
        if s.get("eps_inside"):
            below = np.sqrt(mean + eps)
            dbelow = below * ((dmean + u * eps + u * (mean + eps)) / (mean + eps) / 2 + u)
        else:
            below = np.sqrt(mean) + eps
            dbelow = np.sqrt(mean) * (dmean / mean / 2 + u) + u * eps + u * below
        step = g / below
        dstep = dg / below + np.abs(step) * (dbelow / below + u)
        states = [1.01 * dmean]
        if velocity:
            step = momentum * velocity[0] + step
            dstep = u * np.abs(momentum * velocity[0]) + dstep + u * np.abs(step)
            states.append(1.01 * dstep)
        return [1.01 * (lr * (dstep + u * np.abs(step)) + u * np.abs(truth[0])), *states]

    return bound


def op(**changes: Any) -> Op:
    values = {"lr": 0.01, "alpha": 0.99, "eps": 1e-8, **changes}
    settings, states = _core.RmspropSettings(), 2 if "momentum" in values else 1
    for name, value in values.items():
        setattr(settings, name, value)

    def run(param: np.ndarray, grad: np.ndarray, square: np.ndarray, buffer: np.ndarray | None = None) -> None:
        _core.rmsprop(param, grad, square, buffer, settings)

    def truth(param: np.ndarray, grad: np.ndarray, square: np.ndarray, buffer: np.ndarray | None = None) -> None:
        rmsprop(param, grad, square, buffer, **values)

    return optimizer(run, truth, bound_of(values), states, 4)


class TestPlain(OptimizerTests):
    op = op()


class TestMomentumAndDecay(OptimizerTests):
    op = op(momentum=0.9, weight_decay=0.1, eps=1e-3)


class TestKeras(OptimizerTests):
    op = op(lr=0.001, alpha=0.9, eps=1e-2, eps_inside=True)


class TestKerasMomentum(OptimizerTests):
    op = op(alpha=0.9, eps=1e-2, eps_inside=True, momentum=0.5)
