"""What a model says of points of a plane: how sure it is of each class, whichever way it tells."""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from typing import Any

import numpy as np

from fastnn.arrays import to_array
from fastnn.eager.autograd import no_grad
from fastnn.eager.tensor import Tensor
from fastnn.nn import Module
from fastnn.nn.contexts import modes


def shares_of(model: Any, points: np.ndarray) -> np.ndarray:
    """How sure a model is of each class, (M, C), adding up to 1."""
    found, known = _asked(model, points), getattr(model, "classes_", None)
    if found.ndim == 1 and found.dtype.kind not in "f":
        numbers = numbers_of(found, len(points), known, None)
        count = int(numbers.max()) + 1 if known is None else len(known)
        return np.eye(max(count, 2), dtype=np.float32)[numbers]
    found = found.reshape(len(points), -1).astype(np.float64)
    if found.shape[1] == 1:
        one = found if found.min() >= 0 and found.max() <= 1 else 1 / (1 + np.exp(-found.clip(-50, 50)))
        return np.concatenate([1 - one, one], axis=1)
    if found.min() >= 0 and np.allclose(found.sum(axis=1), 1, atol=1e-3):
        return found
    sizes = np.exp(found - found.max(axis=1, keepdims=True))
    return sizes / sizes.sum(axis=1, keepdims=True)


def _asked(model: Any, points: np.ndarray) -> np.ndarray:
    predict: Callable[..., Any] | None = getattr(model, "predict_proba", None) or getattr(model, "predict", None)
    if predict is not None:
        return to_array(predict(points, **({"verbose": 0} if "verbose" in signature(predict).parameters else {})))
    if not isinstance(model, Module):
        return to_array(model(points))
    kind = next((parameter._data.dtype for parameter in model.parameters()), points.dtype)
    with modes(model, training=False), no_grad():
        return to_array(model(Tensor(points.astype(kind))))


def numbers_of(labels: Any, count: int, known: Any, classes: int | None) -> np.ndarray:
    """Class numbers (N,) of labels, which are these or names that an estimator knows."""
    given = np.asarray(to_array(labels)).reshape(-1)
    if len(given) != count:
        raise ValueError(f"{count} points but {len(given)} labels")
    if known is not None:
        place = {name: number for number, name in enumerate(np.asarray(known).tolist())}
        strange = next((label for label in given.tolist() if label not in place), None)
        if strange is not None:
            raise ValueError(f"the model has no class {strange!r}")
        return np.array([place[label] for label in given.tolist()])
    if given.min() < 0 or (classes is not None and given.max() >= classes):
        raise ValueError(f"class numbers must lie in 0..{(classes or 1) - 1}")
    return given.astype(np.int64)
