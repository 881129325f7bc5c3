"""Whether an estimator's settings make sense, as scikit-learn wants it: looked at when it is fitted."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any

from fastnn import optim
from fastnn.arrays import is_integer
from fastnn.sklearn.layers import ACTIVATIONS
from fastnn.sklearn.stopping import RATES
from fastnn.text import did_you_mean

SOLVERS = {"adam": optim.Adam, "sgd": optim.SGD, "rmsprop": optim.RMSprop}
_NAMES = {"activation": tuple(ACTIVATIONS), "solver": tuple(SOLVERS), "learning_rate": RATES}
_COUNTS = ("max_iter", "n_iter_no_change", "batch_size")
# The least, the most, and whether these themselves are taken.
_RANGES = {
    "alpha": (0, math.inf, "[)"),
    "dropout": (0, 1, "[)"),
    "learning_rate_init": (0, math.inf, "()"),
    "power_t": (0, math.inf, "[)"),
    "tol": (-math.inf, math.inf, "[)"),
    "momentum": (0, 1, "[]"),
    "validation_fraction": (0, 1, "()"),
    "beta_1": (0, 1, "[)"),
    "beta_2": (0, 1, "[)"),
    "epsilon": (0, math.inf, "()"),
}


def check_settings(estimator: Any) -> list[int]:
    """The sizes of the hidden layers.

    Raises:
        ValueError: a setting is out of range, or no known name.
        TypeError: one is of a wrong kind.
    """
    kind = type(estimator).__name__
    for name, known in _NAMES.items():
        if (value := getattr(estimator, name)) not in known:
            hint = did_you_mean(value, known) if isinstance(value, str) else ""
            raise ValueError(f"{kind}: {name} is {value!r}{hint or ';'} it must be one of {', '.join(known)}")
    for name in _COUNTS:
        _check_count(kind, name, getattr(estimator, name))
    for name, (low, high, ends) in _RANGES.items():
        value = getattr(estimator, name)
        if not isinstance(value, Real) or isinstance(value, bool):
            raise TypeError(f"{kind}: {name} must be a number, got {value!r}")
        above = low <= value if ends[0] == "[" else low < value
        if not (above and (value <= high if ends[1] == "]" else value < high)):
            raise ValueError(f"{kind}: {name} is {value!r}; it must be within {ends[0]}{low}, {high}{ends[1]}")
    sizes = estimator.hidden_layer_sizes
    sizes = [sizes] if isinstance(sizes, Integral) else list(sizes)
    for size in sizes:
        _check_count(kind, "hidden_layer_sizes", size)
    return [int(size) for size in sizes]


def _check_count(kind: str, name: str, value: Any) -> None:
    if (name, value) in (("batch_size", "auto"), ("n_iter_no_change", math.inf)):
        return
    if not is_integer(value):
        raise TypeError(f"{kind}: {name} takes whole numbers, got {value!r}")
    if value < 1:
        raise ValueError(f"{kind}: {name} is {value}; it must be at least 1")
