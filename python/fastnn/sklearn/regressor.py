"""A network that predicts numbers."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import RegressorMixin

from fastnn.sklearn.base import NetworkEstimator
from fastnn.training.feed import convert


class NetworkRegressor(RegressorMixin, NetworkEstimator):
    """A multilayer perceptron that predicts one number a sample, or several: scikit-learn's MLPRegressor, in compiled
    steps.

    The loss is half the squared error. Scale y, as X, to a standard deviation of about 1 (TransformedTargetRegressor).
    Settings and what a fit leaves behind: as NetworkClassifier has them, without classes; early_stopping looks at R2.
    """

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """One epoch over X (samples, features) and y, from where the last one ended."""
        return self._fit(X, y, sample_weight, incremental=True)

    def predict(self, X: Any) -> Any:
        """A number of each sample (samples,), or rows of them (samples, outputs)."""
        outputs = self._outputs(X)
        return self._given(outputs[:, 0] if outputs.shape[1] == 1 else outputs, X, self._names)

    def _targets(self, y: np.ndarray, fresh: bool, incremental: bool, dtype: np.dtype) -> np.ndarray:
        targets = convert("y", np.ascontiguousarray(y.reshape(len(y), -1), np.float64), dtype)
        if fresh:
            self.n_outputs_, self.out_activation_ = targets.shape[1], "identity"
        elif targets.shape[1] != self.n_outputs_:
            raise ValueError(f"y has {targets.shape[1]} numbers a sample, the fit before had {self.n_outputs_}")
        return targets

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
