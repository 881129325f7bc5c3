"""Models for scikit-learn."""

from __future__ import annotations

from fastnn.keras.wrappers.scikit_learn import KerasClassifier, KerasRegressor

__all__ = ["KerasClassifier", "KerasRegressor"]
