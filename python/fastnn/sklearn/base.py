"""What the estimators have in common: settings, fit and partial_fit, outputs, pickles."""

from __future__ import annotations

import math
import os
import warnings
from itertools import pairwise
from numbers import Number
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data

from fastnn import _core
from fastnn.eager.tensor import Tensor
from fastnn.errors import outside
from fastnn.nn.linear import Linear
from fastnn.nn.module import Module
from fastnn.sklearn.layers import ACTIVATIONS, LOSSES, PREDICTS, Layers, outputs_of, packed
from fastnn.sklearn.learner import Learner, put_back, taken
from fastnn.sklearn.settings import SOLVERS, check_settings
from fastnn.sklearn.stopping import Patience, Rate
from fastnn.sklearn.threads import threads_for
from fastnn.sklearn.validation import HeldOut, Rows
from fastnn.training.feed import Feed, convert
from fastnn.training.history import History

if TYPE_CHECKING:
    from fastnn.training.network import Network

# Numbers of rows that one call of the compiled steps gets at most: 8 MB.
_MOST_ORDERS = 2**20


class NetworkEstimator(BaseEstimator):
    """Base of both. Parameters have MLPClassifier's names, defaults and meanings where it has them, and a fit makes
    the same draws of random_state.
    """

    coefs_: list[np.ndarray]
    intercepts_: list[np.ndarray]
    n_outputs_: int
    out_activation_: str
    validation_scores_: list[float] | None
    _learner: Learner | None

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
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.dropout = dropout
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change

    @property
    def history_(self) -> History:
        """The loss and, with early stopping, the score by epoch: ``history_.plot()`` draws them."""
        check_is_fitted(self)
        history = History()
        history.epoch = list(range(len(self.loss_curve_)))
        history.history = {"loss": list(self.loss_curve_)}
        if self.validation_scores_:
            history.history["val_score"] = list(self.validation_scores_)
        return history

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Trains on X (samples, features) and y; again from the start, unless ``warm_start``.

        sample_weight (samples,): what each sample counts in the loss; one of 0 is as one that is not there.

        Raises:
            ValueError: data or settings that do not fit, values that are not finite.
            NonFiniteLossError: the loss became NaN or infinite.
        """
        return self._fit(X, y, sample_weight, incremental=False)

    def _fit(self, X: Any, y: Any, sample_weight: Any, incremental: bool) -> Self:
        hidden = check_settings(self)
        if self.early_stopping and incremental:
            raise ValueError("partial_fit does not support early_stopping=True: it makes one pass over its data")
        fresh = not hasattr(self, "coefs_") or not (self.warm_start or incremental)
        names = getattr(y, "columns", [getattr(y, "name", None)])  # of DataFrames and Series
        X, y = self._checked(X, y, fresh)
        targets = self._targets(y, fresh, incremental, X.dtype)
        rows, mean_weight = _weighted(X, targets, self._weights(sample_weight, y))
        draws = check_random_state(self.random_state)
        if fresh:
            self._begin(hidden, X, draws)
            self._names = None if names[0] is None else list(names)
        held = None
        if self.early_stopping:
            binary = self.out_activation_ == "logistic" and self.n_outputs_ == 1
            rows, held_rows = rows.split(self.validation_fraction, draws, stratify=binary)
            held = HeldOut(held_rows, self.out_activation_)
        count = len(rows.x)
        batch = min(200 if self.batch_size == "auto" else int(self.batch_size), count)
        learner, key = self._learner_of(rows.weights is not None, incremental)
        learner.write(self.coefs_, self.intercepts_)
        learner.set(**self._steps())
        # scikit-learn's penalty: alpha / 2 times the sum of squares, over the samples of a batch.
        learner.optimizer.param_groups[0]["weight_decay"] = self.alpha / (batch * mean_weight)
        data = Feed(rows.x, packed(rows.targets, rows.weights, self.n_outputs_, rows.x.dtype))
        with threads_for(3 * batch * sum(coef.size for coef in self.coefs_)):  # forward, and backward twice
            self._train(learner, data, batch, draws, held, 1 if incremental else self.max_iter)
        if held is None:
            self.coefs_, self.intercepts_ = learner.learned()
        self._learner = learner if incremental else None
        if not incremental:
            put_back(key, learner)
        return self

    def _checked(self, X: Any, y: Any, reset: bool) -> tuple[np.ndarray, np.ndarray]:
        dtypes = (np.float64, np.float32)
        how = {"multi_output": True, "y_numeric": isinstance(self, RegressorMixin), "dtype": dtypes, "order": "C"}
        X, y = validate_data(self, X, y, reset=reset, **how)
        y = y.toarray() if hasattr(y, "toarray") else y
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        return X if reset else convert("X", X, self.coefs_[0].dtype), y

    def _weights(self, sample_weight: Any, y: np.ndarray) -> np.ndarray | None:
        if sample_weight is None:
            return None
        if isinstance(sample_weight, Number):
            sample_weight = np.full(len(y), sample_weight)
        weights = check_array(sample_weight, ensure_2d=False, dtype=np.float64, input_name="sample_weight")
        if weights.shape != (len(y),):
            raise ValueError(f"sample_weight has shape {weights.shape}; it must be a number a sample, ({len(y)},)")
        if (weights < 0).any():
            raise ValueError("sample_weight has negative values: a sample counts from 0 on")
        if not weights.any():
            raise ValueError("all values of sample_weight are zero: there is nothing to learn from")
        return weights

    def _begin(self, hidden: list[int], X: np.ndarray, draws: np.random.RandomState) -> None:
        """Initial weights, uniform by Glorot and Bengio, 2010, and empty curves."""
        sizes = [X.shape[1], *hidden, self.n_outputs_]
        self.n_layers_ = len(sizes)
        self.coefs_, self.intercepts_ = [], []
        for inputs, outputs in pairwise(sizes):
            bound = np.sqrt((2.0 if self.activation == "logistic" else 6.0) / (inputs + outputs))
            self.coefs_.append(draws.uniform(-bound, bound, (inputs, outputs)).astype(X.dtype))
            self.intercepts_.append(draws.uniform(-bound, bound, outputs).astype(X.dtype))
        self._seed = int(draws.randint(2**31 - 1)) if self.dropout else 0
        self._state: Any = None
        self._learner = None
        self.t_ = 0
        self.loss_curve_: list[float] = []
        self.validation_scores_ = [] if self.early_stopping else None
        self.best_validation_score_ = -np.inf if self.early_stopping else None
        self.best_loss_ = None if self.early_stopping else np.inf

    def _learner_of(self, weighted: bool, incremental: bool) -> tuple[Learner, Any]:
        """One that begins, or of partial_fit goes on from the last one's state; and what its recordings depend on."""
        criterion, known = LOSSES[self.out_activation_][weighted], self._learner
        if incremental and known is not None:
            if known.criterion is criterion:
                return known, None
            self._state = known.state()
        shapes = tuple(coef.shape for coef in self.coefs_)
        settings = (self.solver, bool(self.momentum), self.activation, self.dropout)
        key = (os.getpid(), _core.isa(), criterion, shapes, self.coefs_[0].dtype, *settings)
        learner = None if incremental else taken(key)
        if learner is None:
            # By the core, whose arrays begin at a cache line.
            coefs, intercepts = (list(map(_core.copy, some)) for some in (self.coefs_, self.intercepts_))
            layers = Layers(coefs, intercepts, self.activation, self.dropout)
            groups = [{"params": layers.of(kind)} for kind in ("weight", "bias")]
            learner = Learner(layers, criterion, SOLVERS[self.solver](groups, **self._steps()))
        learner.restart(self._seed)
        if incremental and self._state is not None:
            learner.restore(self._state)
        return learner, key

    def _steps(self) -> dict[str, Any]:
        """The hyper-parameters of the solver's steps."""
        if self.solver == "adam":
            return {"lr": self.learning_rate_init, "betas": (self.beta_1, self.beta_2), "eps": self.epsilon}
        if self.solver == "rmsprop":
            return {"lr": self.learning_rate_init, "eps": self.epsilon}
        nesterov = bool(self.nesterovs_momentum and self.momentum)
        return {"lr": self.learning_rate_init, "momentum": self.momentum, "nesterov": nesterov}

    def _train(
        self,
        learner: Learner,
        data: Feed,
        batch: int,
        draws: np.random.RandomState,
        held: HeldOut | None,
        epochs: int,
    ) -> None:
        """So many epochs, or fewer where they get no better."""
        best: Any = self.best_validation_score_ if held else -self.best_loss_  # type: ignore[operator]
        rate, patience, order = Rate(self), Patience(self, best), np.arange(len(data))
        self.n_iter_ = 0
        # scikit-learn's networks learn by the sum over numbers of a sample, and tell the mean.
        per_output = self.n_outputs_ if self.out_activation_ == "identity" else 1
        alone = self.verbose or held is not None or rate.changes
        try:
            while self.n_iter_ < epochs:
                learner.set(lr=rate.at(self.n_iter_, epochs, self.t_))
                # No more than there will be in any case.
                count = 1 if alone else min(patience.least(), epochs - self.n_iter_, _MOST_ORDERS // len(data) + 1)
                orders = np.empty((int(count), len(data)), dtype=np.int64)
                for row in orders:
                    row[:] = order = _shuffled(order, draws) if self.shuffle else order
                losses = learner.epochs(data, orders, batch)
                for loss in losses:
                    self._epoch_done(loss / per_output, len(data), learner, held, patience)
                if len(losses) < count:
                    raise KeyboardInterrupt
                if patience.is_over():
                    falls = rate.falls()
                    if self.verbose:
                        what = "Training loss" if held is None else "Validation score"
                        text = f"did not improve more than tol={self.tol:f} for {patience.most} consecutive epochs."
                        print(what, text, f"Setting learning rate to {rate.now:f}" if falls else "Stopping.")
                    if not falls:
                        return
                    patience.count = 0
        except KeyboardInterrupt:
            warnings.warn("Training interrupted by user.", stacklevel=outside())
        else:
            if epochs > 1 and self.n_iter_ == epochs:
                text = f"Maximum iterations ({epochs}) reached and the optimization hasn't converged yet."
                warnings.warn(text, ConvergenceWarning, stacklevel=outside())

    def _epoch_done(
        self, loss: float, samples: int, learner: Learner, held: HeldOut | None, patience: Patience
    ) -> None:
        self.n_iter_ += 1
        self.t_ += samples
        self.loss_ = loss
        self.loss_curve_.append(loss)
        text = f"Iteration {self.n_iter_}, loss = {loss:.8f}"
        if held is None:
            patience.better(-loss)
            self.best_loss_ = -patience.best
        else:
            score = held.score(learner.outputs(held.feed))
            self.validation_scores_.append(score)  # type: ignore[union-attr]
            if patience.better(score):
                self.coefs_, self.intercepts_ = learner.learned()
            self.best_validation_score_ = patience.best
            text += f", validation score = {score:.6f}"
        if self.verbose:
            print(text)

    def to_network(self) -> Network:
        """A :class:`fastnn.Network` of these layers, in float32: to save, export or train further."""
        from fastnn.training.model_info import ModelInfo
        from fastnn.training.network import Network

        check_is_fitted(self)
        layers: list[Module] = []
        for coef, intercept in zip(self.coefs_, self.intercepts_, strict=True):
            layers += [ACTIVATIONS[self.activation]()] if layers else []
            layers.append(linear := Linear(*coef.shape))
            linear.weight.data[...] = Tensor(coef.T.astype(np.float32))
            linear.bias.data[...] = Tensor(intercept.astype(np.float32))  # type: ignore[union-attr]
        network = Network(*layers)
        network.__dict__["_sample"] = (self.coefs_[0].shape[:1], self.n_outputs_)
        outputs, loss = PREDICTS[self.out_activation_]
        names = getattr(self, "classes_", np.array(())).tolist()
        names = [name if isinstance(name, int | float) else str(name) for name in names]
        if names == list(range(len(names))) and float not in map(type, names):
            names = []  # class numbers already
        network.__dict__["_info"] = ModelInfo(outputs=outputs, loss=loss, classes=names, output_size=self.n_outputs_)
        return network

    def set_output(self, *, transform: str | None = None) -> Self:
        """What predictions come as: arrays (``"default"``), or with the index of X Series and DataFrames
        (``"pandas"``), whose columns are classes or y's. None: as before. Clones begin with arrays.

        Raises:
            ValueError: another name.
        """
        if transform not in (None, "default", "pandas"):
            raise ValueError(f"set_output: transform is {transform!r}; predictions come as 'default' or 'pandas'")
        if transform is not None:
            self._output = transform
        return self

    def _given(self, values: np.ndarray, X: Any, columns: Any) -> Any:
        """Predictions for X as they are to come."""
        if getattr(self, "_output", "default") == "default":
            return values
        import pandas

        index = X.index if isinstance(X, pandas.DataFrame) else None
        if values.ndim == 1:
            return pandas.Series(values, index, name=columns[0] if columns else None)
        return pandas.DataFrame(values, index, columns)

    def _outputs(self, X: Any) -> np.ndarray:
        """(samples, outputs)."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=(np.float64, np.float32), order="C")
        X = convert("X", X, self.coefs_[0].dtype)
        return outputs_of(self.coefs_, self.intercepts_, self.activation, X)

    def __getstate__(self) -> dict[str, Any]:
        """For pickles and copies: plain arrays, the optimizer's too where partial_fit goes on."""
        state = dict(super().__getstate__())
        learner = state.pop("_learner", None)
        if "coefs_" in state:
            state = {**state, "_learner": None, "_state": state["_state"] if learner is None else learner.state()}
        return state


def _shuffled(order: np.ndarray, draws: np.random.RandomState) -> np.ndarray:
    places = np.arange(len(order))
    draws.shuffle(places)
    return order[places]


def _weighted(X: np.ndarray, targets: np.ndarray, weights: np.ndarray | None) -> tuple[Rows, float]:
    """The samples that count, with weights whose mean is 1, and the mean that they had."""
    if weights is None:
        return Rows(X, targets, None), 1.0
    if not weights.all():
        counts = weights > 0
        X, targets, weights = X[counts], targets[counts], weights[counts]
    mean = math.fsum(weights.tolist()) / len(weights)
    alike = (weights == weights[0]).all()
    return Rows(X, targets, None if alike else weights / mean), mean
