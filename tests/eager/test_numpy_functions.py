"""NumPy's functions of tensors give tensors where PyTorch's do, or where those fail."""

from __future__ import annotations

import numpy as np
import pytest
from fastnn.eager.tensor import Tensor

A = np.array([[1.0, -2.0], [3.0, 0.5]], np.float32)

TENSORS = [



    "np.matmul(t, t)", "np.transpose(t)", "np.reshape(t, (4,))", "np.squeeze(t)", "np.cumsum(t, axis=0)", "np.prod(t)",
    "np.power(t, 2)", "a + t", "t + a", "a * t", "a - t", "np.float32(2) / t", "np.add.reduce(t)",
]  # fmt: skip
ARRAYS = [
    "np.concatenate([t, t])",
    "np.stack([t, t])",
    "np.where(t > 1, t, 0)",
    "np.asarray(t)",
    "np.sort(t)",
    "np.unique(t)",
]


@pytest.mark.parametrize("call", [*TENSORS, *ARRAYS])
def test_functions(call: str) -> None:
    expected = eval(call, {"np": np, "a": A, "t": A})
    found = eval(call, {"np": np, "a": A, "t": Tensor(A.copy())})
    assert type(found) is (Tensor if call in TENSORS else np.ndarray)
    np.testing.assert_allclose(np.asarray(found), expected, rtol=1e-6)
    assert np.asarray(found).dtype == np.asarray(expected).dtype


def test_a_number_of_numpy_is_a_number() -> None:
    found = np.float64(2) * Tensor(A)
    assert type(found) is Tensor and found.tolist() == (2 * A).tolist() and found.numpy().dtype == np.float32


def test_what_there_are_no_tensors_of() -> None:
    assert type(np.exp(Tensor(A), dtype=np.float64)) is Tensor
    assert type(np.add(Tensor(A), 1j)) is np.ndarray


def test_on_the_tape_it_is_refused() -> None:
    """NumPy leaves no gradients: as PyTorch says."""
    for call in (np.sin, np.exp, lambda x: np.maximum(x, 0)):
        with pytest.raises(RuntimeError, match="detach"):
            call(Tensor(A, requires_grad=True))
    assert np.sum(Tensor(A, requires_grad=True)).requires_grad  # that is x.sum()
