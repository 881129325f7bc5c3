"""The primitive array ops: the only functions of eager code that compute.

Everything in :mod:`fastnn.eager.tensor`, :mod:`fastnn.nn` and :mod:`fastnn.optim` that makes new numbers goes through a
function of this module, NumPy arrays in, NumPy arrays out. So a recording (:mod:`fastnn.engine.plan`) that swaps these
functions for recorders sees a whole training step, and the compiled plan that repeats the list gives the same bits.

Views (reshape of contiguous memory, transpose, basic slices, broadcasts) move no data and are not ops.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from fastnn import _core

if TYPE_CHECKING:
    from fastnn.engine.recording import Recorder

# The recording in progress, if any. Values are not to be read out while it runs.
recorder: Recorder | None = None

# Compiled, with a counterpart in the plan executor (cpp/plan/instructions.cpp).
dense_forward = _core.dense_forward
dense_grad_x = _core.dense_grad_x
dense_grad_weight = _core.dense_grad_weight
dense_grad_bias = _core.dense_grad_bias
matmul = _core.matmul
add = _core.add
subtract = _core.subtract
multiply = _core.multiply
divide = _core.divide
relu = _core.relu
relu_backward = _core.relu_backward
sigmoid = _core.sigmoid
sigmoid_backward = _core.sigmoid_backward
tanh = _core.tanh
tanh_backward = _core.tanh_backward
exp = _core.exp
log = _core.log
pow = _core.pow
pow_backward = _core.pow_backward
softmax = _core.softmax
softmax_backward = _core.softmax_backward
log_softmax = _core.log_softmax
log_softmax_backward = _core.log_softmax_backward
cross_entropy = _core.cross_entropy
mse = _core.mse
bce_with_logits = _core.bce_with_logits
sum = _core.sum
max = _core.max
max_backward = _core.max_backward
dropout = _core.dropout
take = _core.take
take_backward = _core.take_backward


def copy(x: np.ndarray) -> np.ndarray:
    """x in C order, in memory of its own."""
    return _core.copy(x) if x.dtype != np.int32 else np.array(x, order="C")


def cast(x: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """x in another dtype; a fraction is cut off on the way to an integer, as in C and PyTorch."""
    with np.errstate(invalid="ignore"):
        return x.astype(dtype)


def compare(x: np.ndarray, y: np.ndarray, relation: str) -> np.ndarray:
    """Elementwise ``greater``, ``greater_equal``, ``less``, ``less_equal``, ``equal`` or ``not_equal``: a bool
    array.
    """
    return np.asarray(getattr(np, relation)(x, y))


def integer(x: np.ndarray, y: np.ndarray, operation: str) -> np.ndarray:
    """Arithmetic of integer arrays: ``add``, ``subtract``, ``multiply``, ``floor_divide``, ``remainder``, ``power``;
    ``sum`` over
    the axes y and ``argmax`` along axis y."""
    if operation == "sum":
        return np.asarray(np.add.reduce(x, axis=y, dtype=np.int64))
    if operation == "argmax":
        return np.asarray(np.argmax(x, axis=y))
    return np.asarray(getattr(np, operation)(x, y))


def index(x: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Rows (or elements) that an integer or bool array picks, NumPy's rules: a copy."""
    return np.asarray(x[positions], order="C")


def concatenate(arrays: Sequence[np.ndarray], axis: int) -> np.ndarray:
    """Arrays one after the other along an axis: a copy."""
    return np.concatenate(arrays, axis=axis)


# What a recording swaps: every public function above.
PRIMITIVES: Sequence[str] = tuple(
    name
    for name, value in list(globals().items())
    if callable(value) and not name.startswith("_") and name != "Sequence"
)
