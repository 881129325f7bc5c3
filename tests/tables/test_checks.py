"""scikit-learn's own checks of estimators: all of them, no failure expected."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("sklearn")

from fastnn.sklearn import NetworkClassifier, NetworkRegressor
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@parametrize_with_checks([NetworkClassifier(), NetworkRegressor()])
def test_check(estimator: Any, check: Any) -> None:
    check(estimator)


def test_that_there_are_checks() -> None:
    names = [repr(check) for _, check in estimator_checks_generator(NetworkClassifier())]
    assert len(names) > 50
    for needed in ("sample_weight_equivalence_on_dense", "partial_fit_n_features", "multilabel", "pickle", "n_iter"):
        assert any(needed in name for name in names)
