"""Adam and AdamW: one step within derived bounds, in all forms, from the first step to the thousandth."""

from typing import Any

import numpy as np
import pytest
from fastnn import _core
from fastnn.reference.adam import adam
from harness import Arrays, Op, Real
from optimizer_tests import OptimizerTests, optimizer

DEFAULTS = {"lr": 1e-3, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.0}


def settings_of(step: int, **values: Any) -> _core.AdamSettings:
    settings = _core.AdamSettings()
    for name, value in values.items():
        setattr(settings, name, value)
    settings.set_step(step)
    return settings


def bound_of(step: int, s: dict[str, Any]) -> Any:
    """The errors of m and v, then of the update; d... are absolute, constants are rounded once too. The
    running product beta^step in double is off by step 2^-53 of itself."""
    c1, c2 = 1 - s["beta1"] ** step, 1 - s["beta2"] ** step
    root, b1, b2, decay = c2**0.5, s["beta1"], s["beta2"], s["weight_decay"]
    power = 2.0**-53 * (step * (s["beta1"] ** step / c1 + s["beta2"] ** step / c2) + 6)
    eps = s["eps"] * (root if s.get("eps_corrected", True) else 1)

    def bound(real: Real, truth: Arrays, inputs: Arrays) -> list[np.ndarray]:
        (w, g, m0, v0), u = inputs, real.u
        dw, dg = np.zeros_like(w), np.zeros_like(w)
        if s.get("decoupled"):
            dw = 4 * u * np.abs(w)
        elif decay:
            dg, g = u * (np.abs(decay * w) + np.abs(g + decay * w)), g + decay * w
        m, v = truth[1:]
        dm = u * (np.abs(b1 * m0) + 2 * np.abs((1 - b1) * g) + np.abs(m)) + (1 - b1) * dg
        dv = u * (b2 * v0 + 3 * (1 - b2) * g * g + v) + 2 * (1 - b2) * np.abs(g) * dg
        rate = s["lr"] * root / c1
        below = np.sqrt(v) + eps
        dbelow = np.sqrt(v) * (dv / v / 2 + u) + eps * (u + power) + u * below
        update = np.abs(rate * m / below)
        dupdate = update * (3 * u + power + dbelow / below) + rate * dm / below
        return [1.01 * (dw + dupdate + u * np.abs(truth[0])), 1.01 * dm, 1.01 * dv]

    return bound


def op(step: int, **changes: Any) -> Op:
    values = {**DEFAULTS, **changes}
    settings = settings_of(step, **values)

    def truth(param: np.ndarray, grad: np.ndarray, m: np.ndarray, v: np.ndarray) -> None:
        betas = {name: param.dtype.type(values[name]) for name in ("beta1", "beta2")}
        adam(param, grad, m, v, step, **{**values, **betas})

    return optimizer(lambda *arrays: _core.adam(*arrays, settings), truth, bound_of(step, values), 2, 4)


class TestAdam(OptimizerTests):
    op = op(10)


class TestFirstStep(OptimizerTests):
    op = op(1)


class TestThousandthStepWithDecay(OptimizerTests):
    op = op(1000, weight_decay=0.1, lr=0.05, beta1=0.8, beta2=0.99, eps=1e-3)


class TestAdamW(OptimizerTests):
    op = op(10, weight_decay=0.1, decoupled=True, lr=0.05)


class TestKeras(OptimizerTests):
    op = op(10, eps=1e-3, eps_corrected=False, lr=0.05)


@pytest.mark.parametrize("variant", [{}, {"weight_decay": 0.1}, {"weight_decay": 0.1, "decoupled": True}])
def test_many_steps(isa: str, real: Real, variant: dict[str, Any], rng: np.random.Generator) -> None:
    """200 steps stay beside the oracle's: errors add up but are not amplified."""
    values = {**DEFAULTS, **variant, "lr": 0.01}
    settings = settings_of(0, **values)
    mine = [rng.standard_normal(33).astype(real.dtype), *np.zeros((2, 33), real.dtype)]
    theirs = [array.astype(real.wide) for array in mine]
    for step in range(1, 201):
        grad = rng.standard_normal(33).astype(real.dtype)
        settings.advance()
        _core.adam(mine[0], grad, *mine[1:], settings)
        adam(theirs[0], grad.astype(real.wide), *theirs[1:], step, **values)
    for found, wanted in zip(mine, theirs, strict=True):
        assert np.abs(found - wanted).max() < 200 * 20 * real.u


def test_bias_correction_by_repeated_multiplication() -> None:
    settings, power = settings_of(0), 1.0
    for step in range(1, 1001):
        settings.advance()
        power *= 0.999
        assert settings.beta2_power == power
        assert step % 100 or settings_of(step).beta2_power == power


def test_zero_gradients_and_states(isa: str, real: Real) -> None:
    """Nothing divides by zero: a parameter that never got a gradient stays where it is."""
    param = np.array([1, -0.0, 3], real.dtype)
    m, v = np.zeros(3, real.dtype), np.zeros(3, real.dtype)
    _core.adam(param, np.zeros(3, real.dtype), m, v, settings_of(1))
    assert param.tolist() == [1, 0, 3] and not m.any() and not v.any()


def test_steps_far_ahead_take_no_time() -> None:
    """The powers of beta come to rest at 0 long before; a state file may say any step."""
    settings = _core.AdamSettings()
    settings.set_step(10**15)
    assert settings.step == 10**15 and settings.beta1_power == settings.beta2_power == 0
    settings.beta2 = 0.9
    settings.set_step(3)
    assert (settings.beta1_power, settings.beta2_power) == (0.9 * 0.9 * 0.9, 0.9 * 0.9 * 0.9)
