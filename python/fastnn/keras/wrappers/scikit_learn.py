"""Models as scikit-learn's estimators: ``KerasClassifier(build_fn=make_model, epochs=5)``; it need not be there."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from typing import Any, Self

import numpy as np

from fastnn.keras.callbacks import History
from fastnn.keras.models import Sequential
from fastnn.keras.utils import to_categorical

_METHODS = ("fit", "predict", "evaluate")


class _Estimator:
    """Base: makes a new compiled model at every fit. Arguments are those of the function that makes the model, and of
    fit, predict and evaluate.

    Raises:
        ValueError: no function, or an argument that none of these takes.
    """

    _estimator_type = ""

    def __init__(self, build_fn: Callable[..., Sequential] | None = None, model: Any = None, **settings: Any) -> None:
        self.build_fn = build_fn if build_fn is not None else model
        if not callable(self.build_fn):
            raise ValueError(f"{type(self).__name__} needs build_fn: a function that gives a compiled model")
        self.settings = settings
        self._check(settings)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The arguments that it was made with."""
        return {"build_fn": self.build_fn, **self.settings}

    def set_params(self, **params: Any) -> Self:
        """Sets some of them."""
        if "build_fn" in params:
            self.build_fn = params.pop("build_fn")
        self._check(params)
        self.settings.update(params)
        return self

    def fit(self, X: Any, y: Any, **named: Any) -> Self:
        """Makes a model and trains it; ``history_`` is its history, ``model_`` the model."""
        self.model_ = self.build_fn(**self._for(self.build_fn, {}))  # type: ignore[misc]
        self.history_: History = self.model_.fit(np.asarray(X), self._targets(y), **self._for(self.model_.fit, named))
        return self

    @property
    def model(self) -> Sequential:
        """The model of the last fit.

        Raises:
            ValueError: there was none.
        """
        if not hasattr(self, "model_"):
            raise ValueError(f"this {type(self).__name__} is not fitted yet: call fit(X, y) first")
        return self.model_

    def _targets(self, y: Any) -> np.ndarray:
        return np.asarray(y)

    def _for(self, function: Callable[..., Any], named: dict[str, Any]) -> dict[str, Any]:
        """The settings that a function takes."""
        return {name: value for name, value in {**self.settings, **named}.items() if name in _taken_by(function)}

    def _check(self, settings: dict[str, Any]) -> None:
        known = {"nb_epoch", *_taken_by(self.build_fn)}  # type: ignore[arg-type]
        for method in _METHODS:
            known |= _taken_by(getattr(Sequential, method))
        for name in settings:
            if name not in known:
                raise ValueError(f"{type(self).__name__}: neither build_fn nor fit takes {name!r}")
        if "nb_epoch" in settings:
            settings["epochs"] = settings.pop("nb_epoch")

    def __sklearn_tags__(self) -> Any:
        tags, classifier = sys.modules["sklearn.utils"], self._estimator_type == "classifier"  # who asks has it
        return tags.Tags(
            estimator_type=self._estimator_type,
            target_tags=tags.TargetTags(required=True),
            classifier_tags=tags.ClassifierTags() if classifier else None,
            regressor_tags=None if classifier else tags.RegressorTags(),
        )


class KerasClassifier(_Estimator):
    """Classes of any labels; one-hot targets where the model's loss is categorical_crossentropy."""

    _estimator_type = "classifier"

    def predict_proba(self, X: Any, **named: Any) -> np.ndarray:
        """The probability of each class (N, C); of a single output, of both."""
        p = self.model.predict(np.asarray(X), **{"verbose": 0, **self._for(self.model.predict, named)})
        return np.hstack([1 - p, p]) if p.shape[1] == 1 else p

    def predict(self, X: Any, **named: Any) -> np.ndarray:
        """The most probable label of each row."""
        p = self.predict_proba(X, **named)
        return self.classes_[p.argmax(axis=1)]

    def score(self, X: Any, y: Any, **named: Any) -> float:
        """The share of rows whose label is predicted."""
        y = np.asarray(y)
        labels = y.argmax(axis=1) if y.ndim == 2 and y.shape[1] > 1 else y.reshape(len(y))
        return float((self.predict(X, **named) == labels).mean())

    def _targets(self, y: Any) -> np.ndarray:
        y = np.asarray(y)
        if y.ndim == 2 and y.shape[1] > 1:
            self.classes_ = np.arange(y.shape[1])
            return y
        self.classes_, numbers = np.unique(y.reshape(len(y)), return_inverse=True)
        one_hot = self.model_.loss is not None and self.model_.loss.name == "categorical_crossentropy"
        return to_categorical(numbers, len(self.classes_)) if one_hot else numbers


class KerasRegressor(_Estimator):
    """Numbers."""

    _estimator_type = "regressor"

    def predict(self, X: Any, **named: Any) -> np.ndarray:
        """A number for each row (N,), or rows of them."""
        out = self.model.predict(np.asarray(X), **{"verbose": 0, **self._for(self.model.predict, named)})
        return out[:, 0] if out.shape[1:] == (1,) else out

    def score(self, X: Any, y: Any, **named: Any) -> float:
        """R^2: 1 - the squared errors' sum / that of the mean as a prediction. (Keras 2 gave minus the loss.)"""
        y, p = np.asarray(y, dtype=np.float64), self.predict(X, **named)
        y = y.reshape(p.shape)
        return float(1 - ((y - p) ** 2).sum() / ((y - y.mean(axis=0)) ** 2).sum())


def _taken_by(function: Callable[..., Any]) -> set[str]:
    kinds = inspect.signature(function).parameters.values()
    return {each.name for each in kinds if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)} - {
        "self",
        "x",
        "y",
    }
