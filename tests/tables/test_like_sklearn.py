"""The same draws, steps and ends as scikit-learn's own networks: the same numbers within rounding."""

from __future__ import annotations

import inspect
import warnings
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn")

from fastnn.sklearn import NetworkClassifier, NetworkRegressor
from sklearn.datasets import load_iris, make_multilabel_classification, make_regression
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import scale

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = load_iris(return_X_y=True)
X = scale(X)
R = make_regression(90, 5, n_targets=2, noise=3.0, random_state=1)
L = make_multilabel_classification(90, 6, n_classes=4, random_state=1)
PROBLEMS: dict[str, tuple[type, type, Any, Any]] = {
    "two classes": (MLPClassifier, NetworkClassifier, X[Y < 2], Y[Y < 2]),
    "three classes": (MLPClassifier, NetworkClassifier, X, Y),
    "labels": (MLPClassifier, NetworkClassifier, scale(L[0]), L[1]),
    "a number": (MLPRegressor, NetworkRegressor, scale(R[0]), scale(R[1])[:, 0]),
    "numbers": (MLPRegressor, NetworkRegressor, scale(R[0]), scale(R[1])),
}
SGD = {"solver": "sgd", "learning_rate_init": 0.05, "alpha": 0.0}


def both(problem: str, weights: Any = None, **settings: Any) -> tuple[Any, Any]:
    *kinds, x, y = PROBLEMS[problem]
    settings = {"random_state": 3, "max_iter": 30, "hidden_layer_sizes": (20,), **settings}
    return tuple(kind(**settings).fit(x, y, weights) for kind in kinds)  # type: ignore[return-value]


def apart(one: Any, two: Any) -> float:
    pairs = zip([*one.coefs_, *one.intercepts_], [*two.coefs_, *two.intercepts_], strict=True)
    return max(float(np.abs(a - b).max()) for a, b in pairs)


@pytest.mark.parametrize("problem", PROBLEMS)
class TestSame:
    # Rounding of 30 steps and more of size 0.1, in numbers of about 1: some 1e-14.
    def test_gradient_descent(self, problem: str) -> None:
        one, two = both(problem, **SGD)
        assert apart(one, two) < 1e-13
        assert two.loss_curve_ == pytest.approx(one.loss_curve_, rel=1e-13)
        assert (one.n_iter_, one.t_, one.n_outputs_, one.out_activation_) == (
            two.n_iter_,
            two.t_,
            two.n_outputs_,
            two.out_activation_,
        )
        x = PROBLEMS[problem][2]
        assert np.array_equal(one.predict(x), two.predict(x)) or np.allclose(one.predict(x), two.predict(x), 1e-11)

    def test_batches_with_a_rest(self, problem: str) -> None:
        assert apart(*both(problem, **SGD, batch_size=32, hidden_layer_sizes=(9, 6), activation="tanh")) < 1e-13

    def test_early_stopping(self, problem: str) -> None:
        one, two = both(problem, **SGD, early_stopping=True, max_iter=60, n_iter_no_change=3, validation_fraction=0.2)
        assert one.n_iter_ == two.n_iter_ < 60 or problem in ("numbers", "a number")
        assert two.validation_scores_ == pytest.approx(one.validation_scores_, rel=1e-12)
        assert apart(one, two) < 1e-13

    def test_an_end_where_nothing_gets_better(self, problem: str) -> None:
        one, two = both(problem, **{**SGD, "tol": 0.02, "n_iter_no_change": 3, "max_iter": 200})
        assert one.n_iter_ == two.n_iter_ < 200
        assert two.best_loss_ == pytest.approx(one.best_loss_, rel=1e-12)

    def test_weights(self, problem: str) -> None:
        if "sample_weight" not in inspect.signature(MLPClassifier.fit).parameters:
            pytest.skip("this scikit-learn's networks take no sample_weight")
        count = len(PROBLEMS[problem][2])
        one, two = both(problem, np.arange(count) % 4 + 0.5, **SGD, batch_size=count)
        assert apart(one, two) < 1e-13

    # Adam's epsilon is added before the correction of the means there, behind it here: 1e-8 beside steps of 1e-3.
    def test_adam(self, problem: str) -> None:
        one, two = both(problem, alpha=0.0)
        assert two.loss_curve_ == pytest.approx(one.loss_curve_, rel=1e-4)
        assert apart(one, two) < 1e-3

    @pytest.mark.parametrize("rest", [0, 32])
    def test_penalty(self, problem: str, rest: int) -> None:
        """Also of a last batch that is smaller, which has a larger share of it."""
        settings = {**SGD, "batch_size": rest or len(PROBLEMS[problem][2]), "tol": 0.0, "n_iter_no_change": 100}
        one, two = both(problem, **{**settings, "alpha": 5.0})
        assert apart(one, two) < 1e-13
        assert apart(two, both(problem, **settings)[1]) > 1e-3


def test_warm_start() -> None:
    settings = {"random_state": 3, "max_iter": 5, "warm_start": True, **SGD}
    one, two = MLPClassifier(**settings), NetworkClassifier(**settings)
    with warnings.catch_warnings(action="ignore"):
        for _ in range(3):
            one.fit(X, Y)
            two.fit(X, Y)
    assert len(two.loss_curve_) == 15
    assert two.loss_curve_ == pytest.approx(one.loss_curve_, rel=1e-13) and apart(one, two) < 1e-13


def test_partial_fit() -> None:
    one, two = (kind(random_state=3, **SGD) for kind in (MLPClassifier, NetworkClassifier))
    for rows in (slice(0, 40), slice(30, 110), slice(100, 150), slice(0, 40)):
        for each in (one, two):
            each.partial_fit(X[rows], Y[rows], classes=[0, 1, 2])
    assert apart(one, two) < 1e-13
