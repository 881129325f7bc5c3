"""Metrics: what fit and evaluate count beside the loss. Means over all that was seen, or counts of confusions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from fastnn.eager.tensor import Tensor
from fastnn.keras import losses
from fastnn.keras.named import Configured, Number, known, snake

Values = Callable[..., Any]

# Of an AUC: its error falls with one over their number, and they come from files too, which must not ask for memory.
_MOST_THRESHOLDS = 100_000


class Variable:
    """A number (or array of them) that a metric keeps: ``assign``, ``assign_add``, ``numpy()``."""

    def __init__(self, shape: tuple[int, ...] = (), name: str = "") -> None:
        self.name = name
        self.value = np.zeros(shape)

    def assign(self, value: Any) -> Variable:
        self.value = np.broadcast_to(_array(value), self.value.shape).astype(np.float64)
        return self

    def assign_add(self, value: Any) -> Variable:
        return self.assign(self.value + _array(value))

    def numpy(self) -> np.ndarray:
        return self.value.copy()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self.value.astype(dtype or np.float64)

    def __float__(self) -> float:
        return float(self.value)

    def __add__(self, other: Any) -> Any:
        return self.value + _array(other)

    def __sub__(self, other: Any) -> Any:
        return self.value - _array(other)

    def __mul__(self, other: Any) -> Any:
        return self.value * _array(other)

    def __truediv__(self, other: Any) -> Any:
        return self.value / _array(other)

    def __rtruediv__(self, other: Any) -> Any:
        return _array(other) / self.value

    __radd__, __rmul__ = __add__, __mul__


class Metric(Configured):
    """Base of the metrics: a class of yours has ``update_state(y_true, y_pred, sample_weight=None)``, ``result()``, and
    makes what it counts with ``add_weight``.

    larger_is_better: which way callbacks that watch it go; None where that is not known.
    """

    larger_is_better: bool | None = None
    per_batch = True  # whether it must see batch by batch; else several at once give the same
    compact = False  # whether class numbers do in place of one-hot rows

    def __init__(self, name: Any = None, dtype: Any = None, as_given: bool = True) -> None:
        self._function: MeanMetricWrapper | None = None
        if callable(name):  # a function and its name, as fastnn 0.1.0 took them
            self._function = MeanMetricWrapper(name, dtype)
            name, dtype = self._function.name, None
            if self.larger_is_better is None:
                self.larger_is_better = self._function.larger_is_better
        self.name = snake(type(self).__name__) if name is None else name
        self.dtype = "float32"
        self._variables: list[Variable] = []

    def add_weight(
        self, name: str = "", shape: tuple[int, ...] = (), initializer: Any = "zeros", **ignored: Any
    ) -> Variable:
        """A number that starts at zero, and is set to zero by :meth:`reset_state`."""
        self._variables.append(Variable(tuple(shape), name))
        return self._variables[-1]

    add_variable = add_weight

    @property
    def variables(self) -> list[Variable]:
        return list(self._variables)

    def reset_state(self) -> None:
        """Starts from nothing."""
        for variable in self._variables:
            variable.assign(0)
        if self._function is not None:
            self._function.reset_state()

    def reset_states(self) -> None:
        """Keras 2's name of it."""
        self.reset_state()

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Counts one batch more."""
        if self._function is None:
            raise NotImplementedError(f"{type(self).__name__} has no update_state of its own")
        self._function.update_state(y_true, y_pred, sample_weight)

    def result(self) -> Any:
        """What was counted so far."""
        if self._function is None:
            raise NotImplementedError(f"{type(self).__name__} has no result of its own")
        return self._function.result()

    def __call__(self, *args: Any, **named: Any) -> Any:
        self.update_state(*args, **named)
        return self.result()


class _Total(Metric):
    def __init__(self, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(name, dtype)
        self.reset_state()

    def reset_state(self) -> None:
        self._total = self._count = 0.0

    def _add(self, values: Any, sample_weight: Any = None) -> None:
        array = np.asarray(_array(values), dtype=np.float64)
        if sample_weight is None:
            self._total += float(array.sum())
            self._count += array.size
            return
        weight = np.asarray(_array(sample_weight), dtype=np.float64)
        weight = (
            weight.reshape(weight.shape + (1,) * (array.ndim - weight.ndim)) if weight.ndim < array.ndim else weight
        )
        weight = np.broadcast_to(weight.reshape(array.shape) if weight.size == array.size else weight, array.shape)
        self._total += float((array * weight).sum())
        self._count += float(weight.sum())


class Mean(_Total):
    """The mean of all values given; 0 before the first."""

    def update_state(self, values: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        self._add(values, sample_weight)

    def result(self) -> float:
        return Number(self._total / self._count if self._count else 0.0)


class Sum(Mean):
    """The sum of all values given."""

    def result(self) -> float:
        return Number(self._total)


class MeanMetricWrapper(Mean):
    """The running mean of a function of arrays (targets, predictions): of its values, or where it gives one number a
    batch, of these.
    """

    def __init__(self, fn: Values, name: str | None = None, dtype: Any = None, **settings: Any) -> None:
        super().__init__(name or getattr(fn, "__name__", "metric"), dtype)
        if self.larger_is_better is None and fn in _FUNCTIONS:
            self.larger_is_better = _FUNCTIONS[fn].larger_is_better
        self.fn = fn
        self.settings = settings

    def values(self, y_true: np.ndarray, y_pred: np.ndarray) -> Any:
        """The function's, a sample each."""
        return self.fn(y_true, y_pred, **self.settings)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        values = _array(self.values(_array(y_true), _array(y_pred)))
        if values.ndim == 0:
            sample_weight = None
        self._add(values, sample_weight)


# -- functions of arrays ----------------------------------------------------------------------------------------------


def _beside(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Targets of as many axes as the predictions have."""
    if y.ndim == p.ndim - 1 and p.shape[-1] == 1:
        return y[..., None]
    return y[..., 0] if y.ndim == p.ndim + 1 and y.shape[-1] == 1 else y


def binary_accuracy(y_true: Any, y_pred: Any, threshold: float = 0.5) -> np.ndarray:
    """Whether the target is 1 where the prediction is above a threshold, 0 elsewhere: no other target is ever met."""
    y, p = _array(y_true), _array(y_pred)
    return (_beside(y, p) == (p > threshold)).astype(np.float32)


def categorical_accuracy(y_true: Any, y_pred: Any) -> np.ndarray:
    """Whether the largest of each row (..., C) of predictions is that of the targets (class numbers do as well)."""
    y, p = _array(y_true), _array(y_pred)
    return ((y.argmax(-1) if y.ndim == p.ndim else y) == p.argmax(-1)).astype(np.float32)


def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> np.ndarray:
    """Whether the largest of each row (..., C) is the target's class, class numbers (...) or (..., 1)."""
    y, p = _array(y_true), _array(y_pred)
    y = y[..., 0] if y.ndim == p.ndim and y.shape[-1] == 1 else y
    if y.shape != p.shape[:-1]:
        raise ValueError(
            f"sparse_categorical_accuracy takes class numbers of shape {p.shape[:-1]}, got {y.shape}: "
            "categorical_accuracy takes rows"
        )
    return (y == p.argmax(-1)).astype(np.float32)


def top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> np.ndarray:
    """Whether the target's class, of one-hot rows, is among the k largest predictions."""
    return sparse_top_k_categorical_accuracy(_array(y_true).argmax(-1), y_pred, k)


def sparse_top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> np.ndarray:
    """The same of class numbers."""
    y, p = _array(y_true), _array(y_pred)
    y = (y[..., 0] if y.ndim == p.ndim else y).astype(np.int64)[..., None]
    larger = (p > np.take_along_axis(p, y, -1)).sum(-1)
    return (larger < k).astype(np.float32)


def accuracy(y_true: Any, y_pred: Any) -> np.ndarray:
    """Keras' choice, by shapes: binary for a single output, of class numbers where the targets have an axis less,
    else of one-hot rows.
    """
    return _by_shapes(y_true, y_pred, binary_accuracy, sparse_categorical_accuracy, categorical_accuracy)


def crossentropy(y_true: Any, y_pred: Any) -> np.ndarray:
    """The same choice among the cross-entropies."""
    kinds = losses.binary_crossentropy, losses.sparse_categorical_crossentropy, losses.categorical_crossentropy
    return _by_shapes(y_true, y_pred, *kinds)


def _by_shapes(y_true: Any, y_pred: Any, of_one: Values, of_numbers: Values, of_rows: Values) -> Any:
    y, p = _array(y_true), _array(y_pred)
    if p.shape[-1:] == (1,):
        return of_one(y, p)
    return (of_numbers if y.ndim < p.ndim or y.shape[-1] == 1 else of_rows)(y, p)


def equal(y_true: Any, y_pred: Any) -> np.ndarray:
    """Whether each prediction is its target."""
    y, p = _array(y_true), _array(y_pred)
    return (_beside(y, p) == p).astype(np.float32)


def _array(values: Any) -> np.ndarray:
    return values.detach().numpy() if isinstance(values, Tensor) else np.asarray(values)


def _kind(class_name: str, fn: Values, default: str, larger: bool, compact: bool = False) -> type[MeanMetricWrapper]:
    """A metric class of Keras' name: its function's settings are arguments."""

    def __init__(self: Any, name: str = default, dtype: Any = None) -> None:
        MeanMetricWrapper.__init__(self, fn, name, dtype)

    own = {
        "per_batch": False,
        "larger_is_better": larger,
        "compact": compact,
        "__init__": __init__,
        "__doc__": fn.__doc__,
    }
    return type(MeanMetricWrapper)(class_name, (MeanMetricWrapper,), {**own, "__module__": __name__})


Accuracy = _kind("Accuracy", equal, "accuracy", True)
_ByShapes = _kind("_ByShapes", accuracy, "accuracy", True, compact=True)
_CrossentropyByShapes = _kind("_CrossentropyByShapes", crossentropy, "crossentropy", False)
CategoricalAccuracy = _kind("CategoricalAccuracy", categorical_accuracy, "categorical_accuracy", True, compact=True)
SparseCategoricalAccuracy = _kind(
    "SparseCategoricalAccuracy", sparse_categorical_accuracy, "sparse_categorical_accuracy", True, compact=True
)
MeanSquaredError = _kind("MeanSquaredError", losses.mean_squared_error, "mean_squared_error", False)
MeanAbsoluteError = _kind("MeanAbsoluteError", losses.mean_absolute_error, "mean_absolute_error", False)
MeanAbsolutePercentageError = _kind(
    "MeanAbsolutePercentageError", losses.mean_absolute_percentage_error, "mean_absolute_percentage_error", False
)
MeanSquaredLogarithmicError = _kind(
    "MeanSquaredLogarithmicError", losses.mean_squared_logarithmic_error, "mean_squared_logarithmic_error", False
)
LogCoshError = _kind("LogCoshError", losses.log_cosh, "logcosh", False)
Poisson = _kind("Poisson", losses.poisson, "poisson", False)
KLDivergence = _kind("KLDivergence", losses.kl_divergence, "kl_divergence", False)
Hinge = _kind("Hinge", losses.hinge, "hinge", False)
SquaredHinge = _kind("SquaredHinge", losses.squared_hinge, "squared_hinge", False)
CategoricalHinge = _kind("CategoricalHinge", losses.categorical_hinge, "categorical_hinge", False)


class CosineSimilarity(MeanMetricWrapper):
    """The cosine of the angle between targets and predictions: 1 where they point the same way."""

    per_batch, larger_is_better = False, True

    def __init__(self, name: str = "cosine_similarity", dtype: Any = None) -> None:
        super().__init__(losses.cosine_similarity, name, dtype)

    def values(self, y_true: np.ndarray, y_pred: np.ndarray) -> Any:
        return -_array(super().values(y_true, y_pred))


class BinaryAccuracy(MeanMetricWrapper):
    """The share of targets that are 1 where the prediction is above a threshold, 0 elsewhere."""

    per_batch, larger_is_better = False, True

    def __init__(self, name: str = "binary_accuracy", dtype: Any = None, threshold: float = 0.5) -> None:
        super().__init__(binary_accuracy, name, dtype, threshold=threshold)
        self.threshold = threshold


class TopKCategoricalAccuracy(MeanMetricWrapper):
    """The share of samples whose class, of one-hot rows, is among the k largest predictions."""

    per_batch, larger_is_better = False, True
    own = staticmethod(top_k_categorical_accuracy)

    def __init__(self, k: int = 5, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(type(self).own, name or snake(type(self).__name__), dtype, k=k)
        self.k = k


class SparseTopKCategoricalAccuracy(TopKCategoricalAccuracy):
    """The same of class numbers."""

    own = staticmethod(sparse_top_k_categorical_accuracy)


class _OfLoss(MeanMetricWrapper):
    per_batch, larger_is_better = False, False
    own: type[losses.Loss] = losses.BinaryCrossentropy

    def __init__(
        self, name: str | None = None, dtype: Any = None, from_logits: bool = False, label_smoothing: float = 0.0
    ) -> None:
        settings = {"label_smoothing": label_smoothing} if label_smoothing else {}
        loss = type(self).own(from_logits=from_logits, reduction="none", **settings)
        super().__init__(loss, name or snake(type(self).__name__), dtype)
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing


class BinaryCrossentropy(_OfLoss):
    """Mean of -(t log p + (1 - t) log(1 - p))."""


class CategoricalCrossentropy(_OfLoss):
    """Mean of -sum t log p."""

    own = losses.CategoricalCrossentropy


class SparseCategoricalCrossentropy(_OfLoss):
    """Mean of -log p of the target's class."""

    own = losses.SparseCategoricalCrossentropy

    def __init__(self, name: str | None = None, dtype: Any = None, from_logits: bool = False) -> None:
        super().__init__(name, dtype, from_logits)


class RootMeanSquaredError(MeanMetricWrapper):
    """The root of the mean of (p - t)^2 over everything."""

    per_batch, larger_is_better = False, False

    def __init__(self, name: str = "root_mean_squared_error", dtype: Any = None) -> None:
        super().__init__(losses.mean_squared_error, name, dtype)

    def result(self) -> float:
        return Number(np.sqrt(super().result()))


# -- counts of confusions ---------------------------------------------------------------------------------------------


class _Counts(Metric):
    """Counts of true and false positives and negatives at some thresholds."""

    per_batch, larger_is_better = False, True

    def __init__(self, thresholds: Any, name: str | None, dtype: Any = None) -> None:
        super().__init__(name, dtype)
        self.thresholds = thresholds
        self._at = np.atleast_1d(np.asarray(0.5 if thresholds is None else thresholds, dtype=np.float64))
        self.reset_state()

    def reset_state(self) -> None:
        self._counts = np.zeros((4, len(self._at)))  # true positives, false ones, true negatives, false ones

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        p = _array(y_pred)
        y = _beside(_array(y_true), p)
        if y.shape != p.shape:
            raise ValueError(
                f"{self.name} takes targets of the outputs' shape, {p.shape}, got {y.shape}: make rows of numbers "
                "with to_categorical"
            )
        weight = np.ones(len(p)) if sample_weight is None else _array(sample_weight).reshape(len(p))
        weight = np.broadcast_to(weight.reshape(-1, *(1,) * (p.ndim - 1)), p.shape).reshape(-1)
        self._count(y.reshape(-1) > 0.5, p.reshape(-1), weight)

    def _count(self, positive: np.ndarray, p: np.ndarray, weight: np.ndarray) -> None:
        """By sorting: those above each threshold are behind the first of them."""
        order = np.argsort(p, kind="stable")
        first = np.searchsorted(p[order], self._at, side="right")
        below = [np.concatenate([[0], np.cumsum((weight * kept)[order])]) for kept in (positive, ~positive)]
        (false_negatives, true_negatives), (positives, negatives) = ([b[first] for b in below], [b[-1] for b in below])
        self._counts += [positives - false_negatives, negatives - true_negatives, true_negatives, false_negatives]

    def _shown(self, values: np.ndarray) -> Any:
        return Number(values[0]) if np.ndim(self.thresholds) == 0 else values


class Precision(_Counts):
    """True positives / all predicted ones, above a threshold (0.5)."""

    refused: ClassVar = {"top_k": "give thresholds", "class_id": "give the column of that class as targets and outputs"}

    def __init__(self, thresholds: Any = None, name: str = "precision", dtype: Any = None) -> None:
        super().__init__(thresholds, name, dtype)

    def result(self) -> Any:
        right, wrong = self._counts[:2]
        return self._shown(_ratio(right, right + wrong))


class Recall(_Counts):
    """True positives / all positives there are."""

    refused = Precision.refused

    def __init__(self, thresholds: Any = None, name: str = "recall", dtype: Any = None) -> None:
        super().__init__(thresholds, name, dtype)

    def result(self) -> Any:
        right, missed = self._counts[0], self._counts[3]
        return self._shown(_ratio(right, right + missed))


class _Count(_Counts):
    row = 0

    def __init__(self, thresholds: Any = None, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(thresholds, name, dtype)

    def result(self) -> Any:
        return self._shown(self._counts[self.row])


class TruePositives(_Count):
    """How many positives are predicted so."""


class FalsePositives(_Count):
    """How many negatives are predicted positive."""

    row, larger_is_better = 1, False


class TrueNegatives(_Count):
    """How many negatives are predicted so."""

    row = 2


class FalseNegatives(_Count):
    """How many positives are predicted negative."""

    row, larger_is_better = 3, False


class AUC(_Counts):
    """The area under the curve of true against false positive rates (curve="PR": of precision against recall, by Davis
    and Goadrich's interpolation), from counts at thresholds that lie evenly in [0, 1], as Keras does.

    Raises:
        ValueError: another curve, less than two thresholds or more than 100,000.
    """

    refused: ClassVar = {
        "summation_method": "it is 'interpolation'",
        "thresholds": "they lie evenly: num_thresholds is how many there are",
        "multi_label": "give one AUC a column",
    }

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        name: str = "auc",
        dtype: Any = None,
        from_logits: bool = False,
    ) -> None:
        if not 2 <= num_thresholds <= _MOST_THRESHOLDS:
            raise ValueError(
                f"AUC: num_thresholds is {num_thresholds}; it must be at least 2 and at most {_MOST_THRESHOLDS:,}"
            )
        if curve not in ("ROC", "PR"):
            raise ValueError(f"AUC: curve is {curve!r}; it must be 'ROC' or 'PR'")
        inner = (np.arange(num_thresholds - 2) + 1) / (num_thresholds - 1)
        super().__init__([-losses.EPSILON, *inner, 1 + losses.EPSILON], name, dtype)
        self.num_thresholds = num_thresholds
        self.curve = curve
        self.from_logits = from_logits

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        p = _array(y_pred)
        super().update_state(y_true, 1 / (1 + np.exp(-p)) if self.from_logits else p, sample_weight)

    def result(self) -> float:
        right, wrong, away, missed = self._counts
        recall = _ratio(right, right + missed)
        if self.curve == "ROC":
            false_rate = _ratio(wrong, wrong + away)
            return Number(((false_rate[:-1] - false_rate[1:]) * (recall[:-1] + recall[1:]) / 2).sum())
        return self._under_precision(right, right + wrong, right + missed)

    @staticmethod
    def _under_precision(right: np.ndarray, chosen: np.ndarray, positives: np.ndarray) -> float:
        """Between two thresholds the right ones grow in proportion to the chosen ones: the integral of their ratio."""
        gained = right[:-1] - right[1:]
        slope = _ratio(gained, np.maximum(chosen[:-1] - chosen[1:], 0))
        start = right[1:] - slope * chosen[1:]
        both = (chosen[:-1] > 0) & (chosen[1:] > 0)
        ratio = np.where(both, _ratio(chosen[:-1], np.maximum(chosen[1:], 0)), 1.0)
        parts = _ratio(slope * (gained + start * np.log(ratio)), np.maximum(positives[1:], 0))
        return float(parts.sum())


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """0 where there is nothing to divide by."""
    return np.divide(above, below, out=np.zeros_like(above, dtype=np.float64), where=below > 0)


# -- by name ----------------------------------------------------------------------------------------------------------

_CLASSES: tuple[type[Metric], ...] = (
    BinaryAccuracy,
    CategoricalAccuracy,
    SparseCategoricalAccuracy,
    TopKCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    MeanSquaredError,
    RootMeanSquaredError,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredLogarithmicError,
    LogCoshError,
    Poisson,
    KLDivergence,
    Hinge,
    SquaredHinge,
    CategoricalHinge,
    CosineSimilarity,
    BinaryCrossentropy,
    CategoricalCrossentropy,
    SparseCategoricalCrossentropy,
    Precision,
    Recall,
    AUC,
    TruePositives,
    FalsePositives,
    TrueNegatives,
    FalseNegatives,
)
mse = MSE = mean_squared_error = losses.mean_squared_error
mae = MAE = mean_absolute_error = losses.mean_absolute_error
mape = MAPE = mean_absolute_percentage_error = losses.mean_absolute_percentage_error
msle = MSLE = mean_squared_logarithmic_error = losses.mean_squared_logarithmic_error
binary_crossentropy = losses.binary_crossentropy
categorical_crossentropy = losses.categorical_crossentropy
sparse_categorical_crossentropy = losses.sparse_categorical_crossentropy

_SHORT: dict[str, type[Metric]] = {
    "mse": MeanSquaredError,
    "mae": MeanAbsoluteError,
    "mape": MeanAbsolutePercentageError,
    "msle": MeanSquaredLogarithmicError,
    "rmse": RootMeanSquaredError,
    "top_k_categorical_accuracy": TopKCategoricalAccuracy,
    "sparse_top_k_categorical_accuracy": SparseTopKCategoricalAccuracy,
    "cosine": CosineSimilarity,
    "log_cosh": LogCoshError,
    "logcosh": LogCoshError,
    "auc": AUC,
    "accuracy": _ByShapes,
    "acc": _ByShapes,
    "crossentropy": _CrossentropyByShapes,
    "ce": _CrossentropyByShapes,
}
_KNOWN: dict[str, type[Metric]] = {**{snake(kind.__name__): kind for kind in _CLASSES}, **_SHORT}
_BY_CLASS = {kind.__name__: kind for kind in (*_CLASSES, _ByShapes, _CrossentropyByShapes, Accuracy, Mean, Sum)}
_FUNCTIONS = {globals()[name]: kind for name, kind in _KNOWN.items() if callable(globals().get(name)) and name != "auc"}


def larger_is_better(name: str) -> bool | None:
    """Of a metric by Keras' name; None for any other name."""
    return _KNOWN[name].larger_is_better if name in _KNOWN else None


def get(given: Any) -> Metric:
    """The metric of a name, a class, a config, an object, or a function of arrays.

    Raises:
        ValueError: an unknown name.
        TypeError: something else.
    """
    if isinstance(given, str):
        of_loss = given not in _KNOWN and given in losses.NAMES
        return _of_loss(losses.get(given), given) if of_loss else known("metric", given, _KNOWN)(name=given)
    if isinstance(given, dict):
        return known("metric", given["class_name"], _BY_CLASS)(**given["config"])
    if isinstance(given, type) and issubclass(given, Metric):
        return given()
    if isinstance(given, Metric):
        return given
    if isinstance(given, losses.Loss):
        return _of_loss(given, given.name)
    if callable(given):
        name = getattr(given, "__name__", "metric")
        return _FUNCTIONS[given](name=name) if given in _FUNCTIONS else MeanMetricWrapper(given, name)
    raise TypeError(f"a metric must be a name, a Metric of fastnn.keras or a function, got {type(given).__name__}")


def _of_loss(loss: losses.Loss, name: str) -> Metric:
    """A loss as a metric."""
    metric = MeanMetricWrapper(loss, name)
    metric.larger_is_better = False
    return metric
