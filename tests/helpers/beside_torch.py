"""Calls of layers and functions, the same in fastnn and in PyTorch where it is installed: values, gradients, texts."""

from __future__ import annotations

from typing import Any

import fastnn
import numpy as np
import pytest
from fastnn.eager.tensor import Tensor

Results = tuple[np.ndarray, list[np.ndarray]]


def results_of(lib: Any, tensor: Any, call: str, arrays: dict[str, np.ndarray]) -> Results:
    """A call's value, and the gradients of a weighted sum of it by all arrays of floats. It may use nn, F and torch."""
    leaves = {name: tensor(array.copy()) for name, array in arrays.items()}
    learned = [leaf.requires_grad_() for leaf in leaves.values() if leaf.is_floating_point()]
    out = eval(call, {"nn": lib.nn, "F": lib.nn.functional, "torch": lib, **leaves})
    weight = np.random.default_rng(3).uniform(0.5, 1.5, tuple(out.shape))
    (out * tensor(weight)).sum().backward()
    grads = [np.zeros(tuple(leaf.shape)) if leaf.grad is None else leaf.grad.numpy() for leaf in learned]
    return out.detach().numpy(), grads


def check_beside_torch(call: str, arrays: dict[str, np.ndarray]) -> None:
    """float64, to its last digits."""
    torch = pytest.importorskip("torch")
    wanted, slopes = results_of(torch, torch.from_numpy, call, arrays)
    found, ours = results_of(fastnn, Tensor, call, arrays)
    assert found.shape == wanted.shape and found.dtype == wanted.dtype
    np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-13)
    for slope, own in zip(slopes, ours, strict=True):
        np.testing.assert_allclose(own, slope, rtol=1e-10, atol=1e-12)


def check_texts(calls: list[str]) -> None:
    """What they print as."""
    torch = pytest.importorskip("torch")
    for call in calls:
        assert repr(eval(call, {"nn": fastnn.nn})) == repr(eval(call, {"nn": torch.nn})), call
