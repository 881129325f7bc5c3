"""Whether an estimator's settings make sense, as scikit-learn wants it: looked at when it is fitted."""

from __future__ import annotations

import math
from collections.abc import Iterator
from numbers import Real
from typing import Any

import numpy as np
from sklearn.utils._param_validation import InvalidParameterError

from fastnn import optim
from fastnn.arrays import is_integer
from fastnn.sklearn.layers import ACTIVATIONS
from fastnn.sklearn.stopping import RATES
from fastnn.text import did_you_mean

SOLVERS = {"adam": optim.Adam, "sgd": optim.SGD, "rmsprop": optim.RMSprop}
_NAMES = {"activation": tuple(ACTIVATIONS), "solver": tuple(SOLVERS), "learning_rate": RATES}
_COUNTS = ("max_iter", "n_iter_no_change", "batch_size")
_FLAGS = ("shuffle", "warm_start", "nesterovs_momentum", "early_stopping")
# The least, the most, and whether these themselves are taken.
_RANGES = {
    "alpha": (0, math.inf, "[)"),
    "dropout": (0, 1, "[)"),
    "learning_rate_init": (0, math.inf, "()"),
    "power_t": (0, math.inf, "[)"),
    "tol": (0, math.inf, "[)"),
    "momentum": (0, 1, "[]"),
    "validation_fraction": (0, 1, "()"),
    "beta_1": (0, 1, "[)"),
    "beta_2": (0, 1, "[)"),
    "epsilon": (0, math.inf, "()"),
}


def check_settings(estimator: Any) -> list[int]:
    """The sizes of the hidden layers.

    Raises:
        InvalidParameterError: a setting is out of range, no known name, or of a wrong kind; scikit-learn's error, a
            ValueError and a TypeError.
    """
    sizes = estimator.hidden_layer_sizes
    sizes = list(sizes) if hasattr(sizes, "__len__") and not isinstance(sizes, str) else [sizes]
    for text in _faults(estimator, sizes):
        raise InvalidParameterError(f"{type(estimator).__name__}: {text}")
    return [int(size) for size in sizes]


def _faults(estimator: Any, sizes: list[Any]) -> Iterator[str]:
    for name, known in _NAMES.items():
        if (value := getattr(estimator, name)) not in known:
            hint = did_you_mean(value, known) if isinstance(value, str) else ""
            yield f"{name} is {value!r}{hint or ';'} it must be one of {', '.join(known)}"
    for name in _FLAGS:
        if not isinstance(value := getattr(estimator, name), bool | np.bool_):
            yield f"{name} is {value!r}; it must be True or False"
    for name, value in [("hidden_layer_sizes", size) for size in sizes] + [(n, getattr(estimator, n)) for n in _COUNTS]:
        if (name, value) in (("batch_size", "auto"), ("n_iter_no_change", math.inf)):
            continue
        if not is_integer(value):
            yield f"{name} takes whole numbers, got {value!r}"
        elif value < 1:
            yield f"{name} is {value}; it must be at least 1"
    for name, (low, high, ends) in _RANGES.items():
        value = getattr(estimator, name)
        if not isinstance(value, Real) or isinstance(value, bool):
            yield f"{name} must be a number, got {value!r}"
        elif not (low <= value <= high) or (value == low and ends[0] == "(") or (value == high and ends[1] == ")"):
            yield f"{name} is {value!r}; it must be within {ends[0]}{low}, {high}{ends[1]}"
