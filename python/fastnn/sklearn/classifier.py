"""A network that tells classes apart."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils import compute_sample_weight
from sklearn.utils.multiclass import type_of_target, unique_labels

from fastnn.nn.labels import predicted_classes, predictions
from fastnn.sklearn.base import NetworkEstimator


class NetworkClassifier(ClassifierMixin, NetworkEstimator):
    """A multilayer perceptron that tells classes apart: scikit-learn's MLPClassifier, in compiled steps.

    Labels are of any type; rows of zeros and ones (samples, labels) are several labels of one sample. Numbers are
    computed as X has them: float32, or float64. With the same random_state and settings the initial weights and the
    order of the samples are MLPClassifier's, and all bits the same on every machine.

    hidden_layer_sizes: a number a hidden layer; () for none. activation: identity, logistic, tanh, relu, leaky_relu,
    elu, gelu, silu. solver: adam, sgd, rmsprop. alpha: the L2 penalty of weights. dropout: the share of hidden outputs
    that each step leaves out. batch_size: "auto" is 200; all samples where there are fewer. learning_rate: constant,
    invscaling, adaptive (a fifth where nothing gets better any more), or by epochs up to max_iter, learning_rate_init
    being the highest: linear, onecycle, cosine, step. max_iter: epochs. early_stopping: holds out
    validation_fraction, and keeps the weights of the best score there. A fit ends after n_iter_no_change epochs that
    are no better by tol, in the loss or that score. class_weight: a weight by label, or "balanced". momentum and
    nesterovs_momentum are sgd's; beta_1 and beta_2 adam's; epsilon adam's and rmsprop's; power_t invscaling's.

    After a fit: classes_, n_features_in_, feature_names_in_, coefs_ (inputs, outputs) and intercepts_ by layer,
    n_iter_, loss_, loss_curve_ (without the penalty), best_loss_, validation_scores_, best_validation_score_,
    history_, n_layers_, n_outputs_, out_activation_.
    """

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: str = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        dropout: float = 0.0,
        batch_size: int | str = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: int = 10,
        class_weight: Any = None,
    ) -> None:
        settings = {
            name: value for name, value in locals().items() if name not in ("self", "class_weight", "__class__")
        }
        super().__init__(**settings)
        self.class_weight = class_weight

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """One epoch over X (samples, features) and y, from where the last one ended.

        classes: all labels that will ever come; at the first call.

        Raises:
            ValueError: no classes at the first call, others at a later one, or a label that is none of them.
        """
        if self.class_weight == "balanced":
            raise ValueError("class_weight='balanced' needs all samples at once: give partial_fit a dict of weights")
        known = self.classes_ if hasattr(self, "coefs_") else None
        if known is None and classes is None:
            raise ValueError("classes must be passed on the first call to partial_fit.")
        if classes is not None:
            labels = unique_labels(classes)
            if known is not None and not np.array_equal(known, labels):
                raise ValueError(f"classes={classes!r} is not the same as on last call to partial_fit, was: {known!r}")
            self.classes_ = labels
        return self._fit(X, y, sample_weight, incremental=True)

    def predict(self, X: Any) -> Any:
        """The label of each sample (samples,); of several labels, zeros and ones (samples, labels)."""
        outputs = self._outputs(X)
        if self._multilabel:
            labels = (outputs > 0).astype(np.int64)
        else:
            labels = self.classes_[np.minimum(predicted_classes(outputs), len(self.classes_) - 1)]
        return self._given(labels, X, self._names)

    def predict_proba(self, X: Any) -> Any:
        """The probability of each class (samples, classes), in the order of ``classes_``."""
        return self._given(self._probabilities(X), X, self._columns())

    def predict_log_proba(self, X: Any) -> Any:
        """The logarithm of :meth:`predict_proba`."""
        with np.errstate(divide="ignore"):
            return self._given(np.log(self._probabilities(X)), X, self._columns())

    def _probabilities(self, X: Any) -> np.ndarray:
        outputs = self._outputs(X)
        if self.out_activation_ == "softmax":
            return predictions(outputs, "softmax")
        p = predictions(outputs, "sigmoid")
        if self._multilabel:
            return p
        return np.hstack([1 - p, p]) if len(self.classes_) == 2 else np.ones_like(p)

    def _columns(self) -> list[Any] | None:
        return self._names if self._multilabel else self.classes_.tolist()

    def _targets(self, y: np.ndarray, fresh: bool, incremental: bool, dtype: np.dtype) -> np.ndarray:
        kind = type_of_target(y, input_name="y", raise_unknown=True)
        if kind not in ("binary", "multiclass", "multilabel-indicator"):
            raise ValueError(
                f"Unknown label type: {kind}. {type(self).__name__} takes a label a sample, or zeros and "
                "ones for several; for numbers there is NetworkRegressor"
            )
        multilabel = kind == "multilabel-indicator"
        if fresh:
            if not incremental:
                self.classes_ = np.arange(y.shape[1]) if multilabel else np.unique(y)
            self._multilabel, classes = multilabel, len(self.classes_)
            self.out_activation_ = "logistic" if multilabel or classes <= 2 else "softmax"
            self.n_outputs_ = classes if multilabel or classes > 2 else 1
        if multilabel != self._multilabel or (multilabel and y.shape[1] != self.n_outputs_):
            raise ValueError(f"y has shape {y.shape}, unlike that of the fit before: {len(self.classes_)} labels")
        if multilabel:
            return np.ascontiguousarray(y, dtype)
        places = np.minimum(np.searchsorted(self.classes_, y), len(self.classes_) - 1)
        if (unknown := self.classes_[places] != y).any():
            raise ValueError(f"y has a label {y[unknown].tolist()[0]!r} that is none of the classes {self.classes_}")
        return places if self.out_activation_ == "softmax" else places.astype(dtype)[:, None]

    def _weights(self, sample_weight: Any, y: np.ndarray) -> np.ndarray | None:
        weights = super()._weights(sample_weight, y)
        if self.class_weight is None:
            return weights
        of_classes = compute_sample_weight(self.class_weight, y)
        if (of_classes < 0).any():
            raise ValueError("class_weight has negative values: a class counts from 0 on")
        return of_classes if weights is None else weights * of_classes

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
