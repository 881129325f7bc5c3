"""What fades ends at zero: averages and gradients at their limits, and what that may do to a step of an optimizer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from fastnn import _core
from fastnn.reference import adam as adam_module
from fastnn.reference import rmsprop as rmsprop_module
from fastnn.reference.adam import adam
from fastnn.reference.bce import bce_with_logits
from fastnn.reference.cross_entropy import cross_entropy
from fastnn.reference.rmsprop import rmsprop
from fastnn.reference.sgd import sgd
from harness import Real, check_same_bits

COUNT = 75  # of values in turn: whole vectors of every ISA, and remainders


def least(real: Real) -> float:
    """The limit of averages and gradients, 2^26 times the smallest normal number."""
    return 2.0 ** (real.exponent + 26)


def around(limit: float, real: Real) -> np.ndarray:
    """Numbers just below, at and just above a limit, far from it, and those that are not to be changed; both signs."""
    at = real.dtype(limit)
    below, above = np.nextafter(at, real.dtype(0)), np.nextafter(at, real.dtype(1))
    values = np.array([below, at, above, at / 2, real.tiny, 2.0**real.exponent, 1, 0, np.inf, np.nan], real.dtype)
    return np.resize(np.concatenate([values, -values]), COUNT)


def ended(values: np.ndarray, limit: float) -> np.ndarray:
    """What is to be left of them: +0 below the limit, -0 included."""
    return np.array([0 if abs(value) < limit else value for value in values.tolist()], values.dtype)


def settings_of(kind: type, **values: Any) -> Any:
    settings = kind()
    for name, value in values.items():
        setattr(settings, name, value)
    return settings


# Averages. Halved by a step without gradient, which is exact: twice a value becomes that value.


def step_adam(real: Real, grad: np.ndarray, m: np.ndarray, v: np.ndarray, beta2: float = 0.5) -> list[np.ndarray]:
    """m and v after a step of the core, checked against the oracle's."""
    settings = settings_of(_core.AdamSettings, beta1=0.5, beta2=beta2)
    settings.set_step(100)
    mine, theirs = ([np.zeros_like(m), m.copy(), v.copy()] for _ in range(2))
    _core.adam(mine[0], grad, *mine[1:], settings)
    with np.errstate(all="ignore"):
        adam(theirs[0], grad, *theirs[1:], 100, beta1=0.5, beta2=beta2)
    for found, wanted in zip(mine[1:], theirs[1:], strict=True):
        check_same_bits(found, wanted)
    return mine[1:]


@pytest.mark.parametrize("zero", [0.0, -0.0])
def test_adam(isa: str, real: Real, zero: float) -> None:
    grad, ones = np.full(COUNT, zero, real.dtype), np.ones(COUNT, real.dtype)
    first, second = around(least(real), real), np.abs(around(2.0**real.exponent, real))
    m, _ = step_adam(real, grad, 2 * first, ones)
    _, v = step_adam(real, grad, ones, 2 * second)
    check_same_bits(m, ended(first, least(real)))
    check_same_bits(v, ended(second, 2.0**real.exponent))


@pytest.mark.parametrize("zero", [0.0, -0.0])
@pytest.mark.parametrize("nesterov", [False, True])
def test_sgd(isa: str, real: Real, zero: float, nesterov: bool) -> None:
    """Also in the first step, whose gradient becomes the average."""
    values, still = around(least(real), real), np.full(COUNT, zero, real.dtype)
    for grad, start, first in ((still, 2 * values, False), (values, still, True)):
        options = {"momentum": 0.5, "nesterov": nesterov, "first": first}
        mine, theirs = ([np.zeros_like(start), start.copy()] for _ in range(2))
        _core.sgd(mine[0], grad, mine[1], settings_of(_core.SgdSettings, **options))
        with np.errstate(all="ignore"):
            sgd(theirs[0], grad, theirs[1], **options)
        check_same_bits(mine[1], theirs[1])
        check_same_bits(mine[1], ended(values, least(real)))


def step_rmsprop(real: Real, grad: np.ndarray, *states: np.ndarray, alpha: float = 0.5) -> list[np.ndarray]:
    """The states after a step of the core, checked against the oracle's."""
    settings = settings_of(_core.RmspropSettings, alpha=alpha, momentum=0.5)
    mine, theirs = ([np.zeros_like(grad), *(state.copy() for state in states)] for _ in range(2))
    _core.rmsprop(mine[0], grad, *mine[1:], settings)
    with np.errstate(all="ignore"):
        rmsprop(theirs[0], grad, *theirs[1:], alpha=alpha, momentum=0.5)
    check_same_bits(mine[1], theirs[1])
    return mine[1:]


@pytest.mark.parametrize("zero", [0.0, -0.0])
def test_rmsprop(isa: str, real: Real, zero: float) -> None:
    grad, ones = np.full(COUNT, zero, real.dtype), np.ones(COUNT, real.dtype)
    squares, steps = np.abs(around(2.0**real.exponent, real)), around(least(real), real)
    square, _ = step_rmsprop(real, grad, 2 * squares, ones)
    _, buffer = step_rmsprop(real, grad, ones, 2 * steps)
    check_same_bits(square, ended(squares, 2.0**real.exponent))
    check_same_bits(buffer, ended(steps, least(real)))


def test_a_gradient_whose_square_is_too_small_adds_nothing(isa: str, real: Real) -> None:
    """With beta 3/4 the limit is an even power of two: what counts there adds the smallest normal number, exactly."""
    smallest = real.dtype(2.0**real.exponent)
    grad = around(2.0 ** (real.exponent // 2 + 1), real)
    average = np.full(COUNT, 4 * smallest)
    _, v = step_adam(real, grad, np.zeros_like(grad), average, beta2=0.75)
    square, _ = step_rmsprop(real, grad, average, np.zeros_like(grad), alpha=0.75)
    for found in (v, square):
        for first in (0, 10):  # of the other sign
            assert found[first : first + 2].tolist() == [3 * smallest, 4 * smallest]


# Gradients.


def test_gradients(isa: str, real: Real) -> None:
    """Each is exact here: a quarter of sigmoid's, half of softmax's where probabilities are equal, all of
    log_softmax's where they are zero."""
    values = around(least(real), real)
    check_same_bits(_core.sigmoid_backward(4 * values, np.full_like(values, 0.5)), ended(values, least(real)))
    values = values[np.isfinite(values)]
    pairs, wanted = (
        np.stack([values, -values], 1),
        np.stack([ended(each, least(real)) for each in (values, -values)], 1),
    )
    check_same_bits(_core.softmax_backward(2 * pairs, np.full_like(pairs, 0.5)), wanted)
    check_same_bits(_core.log_softmax_backward(pairs, np.full_like(pairs, -np.inf)), wanted)


def test_gradients_of_losses(isa: str, real: Real) -> None:
    """The bits of the formula, then the limit; the oracle has zeros in the same places."""
    x = np.linspace(real.exponent, 0, 400).astype(real.dtype)[:, np.newaxis]  # exp(x) from 0 up
    rows = np.concatenate([x, np.zeros_like(x)], 1)
    wide, samples = rows.astype(real.wide), real.dtype(1 / len(x))
    e = _core.exp(rows)
    p = e / (e[:, :1] + e[:, 1:])
    p[:, 1] -= 1
    found = _core.cross_entropy(rows, np.ones(len(x), np.int64))[2]
    check_same_bits(found, ended_rows(p * samples, real))
    truth = cross_entropy(wide, np.ones(len(x), np.int64), dtype=real.dtype)[2]
    np.testing.assert_array_equal(found[:, 0] == 0, truth[:, 0] == 0)
    assert 0.2 < np.mean(found[:, 0] == 0) < 0.9

    found = _core.bce_with_logits(x, np.zeros_like(x))[2]
    check_same_bits(found, ended_rows(_core.sigmoid(x) * samples, real))
    truth = bce_with_logits(x.astype(real.wide), np.zeros_like(x), dtype=real.dtype)[2]
    np.testing.assert_array_equal(found == 0, truth == 0)


def ended_rows(values: np.ndarray, real: Real) -> np.ndarray:
    return ended(values.reshape(-1), least(real)).reshape(values.shape)


# Steps. Without epsilon, gradients that are too small to count divide by what is left of their average.

Update = Callable[..., None]
LR, STEPS = 0.01, 200
BETA1, BETA2, ALPHA, MOMENTUM = 0.9, 0.999, 0.99, 0.5


def adam_pair(eps: float, eps_corrected: bool) -> tuple[Any, Update, int]:
    """Settings, the oracle of a step (param, grad, m, v, number, dtype), how many states."""
    options = {"lr": LR, "beta1": BETA1, "beta2": BETA2, "eps": eps, "eps_corrected": eps_corrected}

    def oracle(param: np.ndarray, grad: np.ndarray, m: np.ndarray, v: np.ndarray, step: int, dtype: type) -> None:
        adam(param, grad, m, v, step, dtype=dtype, **options)

    return settings_of(_core.AdamSettings, **options), oracle, 2


def rmsprop_pair(eps: float, eps_inside: bool, momentum: float) -> tuple[Any, Update, int]:
    """As adam_pair."""
    options = {"lr": LR, "alpha": ALPHA, "eps": eps, "eps_inside": eps_inside, "momentum": momentum}

    def oracle(param: np.ndarray, grad: np.ndarray, *rest: Any) -> None:
        *states, _, dtype = rest
        rmsprop(param, grad, states[0], states[1] if momentum else None, dtype=dtype, **options)

    return settings_of(_core.RmspropSettings, **options), oracle, 2 if momentum else 1


FORMS = {
    "Adam": lambda eps: adam_pair(eps, True),
    "Keras' Adam": lambda eps: adam_pair(eps, False),
    "RMSprop": lambda eps: rmsprop_pair(eps, False, 0),
    "RMSprop with momentum": lambda eps: rmsprop_pair(eps, False, MOMENTUM),
    "Keras' RMSprop": lambda eps: rmsprop_pair(eps, True, 0),
}


def tiny_gradients(real: Real) -> np.ndarray:
    """(STEPS, elements) of the op's precision. Magnitudes from 2^-50 to 2^-149 (2^-498 to 2^-1074) in octaves, the
    same in every step, with alternating signs, in the first step only, in every seventh, falling by a tenth a step."""
    octaves = np.arange(real.exponent // 2 + 13, real.exponent - real.mantissa - 1, -1)
    step = np.arange(STEPS)[:, np.newaxis]
    patterns = [step * 0 + 1, (-1) ** step, step == 0, step % 7 == 0, 0.9**step]
    return np.concatenate([pattern * real.wide(2) ** octaves for pattern in patterns], 1).astype(real.dtype)


def steps_of(update: Update, states: list[np.ndarray], gradients: np.ndarray) -> np.ndarray:
    """How far each step moves a parameter that is at 0 before it, (STEPS, elements)."""
    moved = np.zeros((len(gradients), *states[0].shape), states[0].dtype)
    with np.errstate(all="ignore"):
        for number, grad in enumerate(gradients, 1):
            update(moved[number - 1], grad.astype(moved.dtype), *states, number)
    return moved


def longest(real: Real, plain: np.ndarray) -> np.ndarray:
    """The bound of ops/optimizer.h: 2.5 times a step of the formulas as they are, and what is missing of an average of
    gradients or steps. Roundings add gamma of 1 / (1 - beta) terms of each average to what is at most rate 10 / (1 -
    momentum): |m| <= 7.3 sqrt(v), g <= 10 sqrt(s) by Cauchy and Schwarz."""
    root = np.sqrt(2.0**real.exponent / (1 - BETA2))
    missing = LR * least(real) / (1 - BETA1) / root
    return 2.5 * np.abs(plain) + missing + 2.5 * real.gamma(1100) * LR * 10 / (1 - MOMENTUM)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("eps", [0.0, 1e-30, 1e-16, 1e-8])
def test_no_step_is_much_longer(real: Real, form: str, eps: float) -> None:
    """Wherever the formulas as they are, in a precision that needs no limits, make a finite step."""
    settings, oracle, count = FORMS[form](eps)
    gradients = tiny_gradients(real)
    kernel = _core.adam if count == 2 and form.endswith("Adam") else _core.rmsprop

    def ours(param: np.ndarray, grad: np.ndarray, *rest: Any) -> None:
        *states, number = rest
        settings.set_step(number)
        kernel(param, grad, *states, *([None] if count == 1 else []), settings)

    def states(dtype: type) -> list[np.ndarray]:
        return [np.zeros(gradients.shape[1], dtype) for _ in range(count)]

    plain = steps_of(lambda *each: oracle(*each, real.wide), states(real.wide), gradients)
    kept = gradients != 0  # of what has not even a first gradient the formulas make 0 / 0
    checked = np.logical_or.accumulate(kept) & np.isfinite(plain)
    assert checked[:, kept[0]].all()
    found = steps_of(ours, states(real.dtype), gradients)
    assert np.isfinite(found).all()
    assert np.all(np.abs(found) <= longest(real, plain), where=checked)


@pytest.mark.parametrize("form", FORMS)
def test_an_epsilon_that_is_not_raised_would_show(real: Real, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test above, with the oracle for the op and its epsilon left at zero, must fail."""
    _, oracle, count = FORMS[form](0.0)
    gradients = tiny_gradients(real)
    states = [[np.zeros(gradients.shape[1], real.wide) for _ in range(count)] for _ in range(2)]
    plain = steps_of(lambda *each: oracle(*each, real.wide), states[0], gradients)
    for module in (adam_module, rmsprop_module):
        monkeypatch.setattr(module, "least_root", lambda beta, dtype: 0.0)
    found = steps_of(lambda *each: oracle(*each, real.dtype), states[1], gradients)
    assert not np.all(np.abs(found) <= longest(real, plain))


@pytest.mark.parametrize("op", ["gelu", "gelu_tanh", "silu", "softplus", "elu"])
def test_activations(isa: str, real: Real, op: str) -> None:
    """Where their slope is 1: far above zero; elu's at 0, as above it nothing fades."""
    grad_y, numbers = around(least(real), real), [1.0] if op == "elu" else []
    x = np.full(COUNT, 0 if op == "elu" else 300, real.dtype)
    check_same_bits(getattr(_core, f"{op}_backward")(grad_y, x, *numbers), ended(grad_y, least(real)))
