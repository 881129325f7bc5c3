"""Convolution and pooling of sequences: the bits of images with a height of 1, PyTorch's values and texts, in plans."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import fastnn
import numpy as np
import pytest
from beside_torch import check_beside_torch, check_texts
from fastnn import nn, optim, random
from fastnn.eager.tensor import Tensor
from fastnn.nn import functional as F
from fastnn.reference import convolution, pooling
from models import train

RNG = np.random.default_rng(6)
X = RNG.standard_normal((3, 4, 11))
ARRAYS = {"x": X, "w": RNG.standard_normal((6, 2, 3)), "b": RNG.standard_normal(6), "v": RNG.standard_normal((5, 4, 4))}
CALLS = [
    "F.conv1d(x, w, b, 2, 1, 2, 2)", "F.conv1d(x, v, stride=(3,), padding='valid')", "F.conv1d(x[0], w, b, groups=2)",
    "F.conv1d(x, w, padding='same', dilation=2, groups=2)", "F.conv1d(x, v[:, :, :1])",
    "F.conv1d(x.transpose(1, 2).contiguous().transpose(1, 2), v)",
    "F.max_pool1d(x, 3)", "F.max_pool1d(x, 3, 2, 1, 1, True)", "F.max_pool1d(x[0], (2,), dilation=3)",
    "F.avg_pool1d(x, 3)", "F.avg_pool1d(x, 3, 2, 1, True, False)", "F.avg_pool1d(x[0], 4, (1,), padding=2)",
    "F.adaptive_avg_pool1d(x, 4)", "F.adaptive_avg_pool1d(x[0], 1)", "F.adaptive_avg_pool1d(x, 20)",
    "F.adaptive_max_pool1d(x, 4)", "F.adaptive_max_pool1d(x, 11)", "F.adaptive_max_pool1d(x[0], (3,))",
    "nn.BatchNorm1d(4).double()(x)", "nn.BatchNorm1d(11).double()(x.transpose(1, 2))", "nn.GroupNorm(2, 4).double()(x)",
]  # fmt: skip


@pytest.mark.parametrize("call", CALLS)
def test_values_and_gradients_are_torchs(call: str) -> None:
    check_beside_torch(call, ARRAYS)


def test_texts_are_torchs() -> None:
    check_texts(
        ["nn.Conv1d(4, 6, 3)", "nn.Conv1d(4, 6, (3,), 2, 1, 2, 2, False)", "nn.Conv1d(1, 1, 2, padding='same')"]
    )
    check_texts(["nn.MaxPool1d(2)", "nn.MaxPool1d((3,), 2, 1, ceil_mode=True)", "nn.AvgPool1d(3, 2)"])
    check_texts(["nn.AdaptiveAvgPool1d(4)", "nn.AdaptiveMaxPool1d((4,))"])


def test_values() -> None:
    """By the NumPy reference, of images with a height of 1."""
    x, w, b = X[:, :, None], ARRAYS["w"][:, :, None], ARRAYS["b"]
    y = F.conv1d(Tensor(X), Tensor(ARRAYS["w"]), Tensor(b), 2, 1, 2, 2)
    expected = convolution.conv2d(x, w, b, (1, 2), (0, 1, 0, 1), (1, 2), 2)
    np.testing.assert_allclose(y.numpy(), expected[:, :, 0], rtol=1e-13, atol=1e-13)
    y = F.max_pool1d(Tensor(X), 3, 2, 1)
    np.testing.assert_array_equal(y.numpy()[:, :, None], pooling.max_pool2d(x, (1, 3), (1, 2), (0, 1, 0, 1)))
    y = F.adaptive_avg_pool1d(Tensor(X), 4)
    np.testing.assert_array_equal(y.numpy()[:, :, None], pooling.adaptive_avg_pool2d(x, (1, 4)))


def test_by_hand() -> None:
    x = fastnn.tensor([[[1.0, 2.0, 3.0, 5.0]]])
    assert F.conv1d(x, fastnn.tensor([[[1.0, 10.0]]])).tolist() == [[[21, 32, 53]]]
    assert nn.MaxPool1d(2)(x).tolist() == [[[2, 5]]] and nn.AvgPool1d(2)(x).tolist() == [[[1.5, 4]]]
    assert nn.AdaptiveAvgPool1d(1)(x).tolist() == [[[2.75]]] and nn.AdaptiveMaxPool1d(2)(x[0]).tolist() == [[2, 5]]


def test_parameters_start_in_torchs_distribution() -> None:
    random.manual_seed(11)
    layer = nn.Conv1d(8, 600, 5, groups=2)
    assert [*layer.state_dict()] == ["weight", "bias"] and layer.weight.shape == (600, 4, 5)
    assert layer.weight._data.transpose(2, 1, 0).flags.c_contiguous
    for array in (layer.weight.detach().numpy(), layer.bias.detach().numpy()):
        bound = 20**-0.5
        assert -bound <= array.min() < -0.99 * bound and 0.99 * bound < array.max() <= bound
        assert array.var(dtype=np.float64) == pytest.approx(bound**2 / 3, rel=5 * np.sqrt(0.8 / array.size))


def network() -> nn.Module:
    return nn.Sequential(
        *(nn.Conv1d(3, 8, 3, padding=1), nn.BatchNorm1d(8), nn.ReLU(), nn.MaxPool1d(2)),
        *(nn.Conv1d(8, 8, 3, stride=2, groups=2), nn.ReLU(), nn.AvgPool1d(2, 1), nn.AdaptiveMaxPool1d(3)),
        *(nn.Dropout1d(0.2), nn.AdaptiveAvgPool1d(2), nn.Flatten(), nn.Linear(16, 4)),
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_plans_have_the_bits_of_eager_code(isa: str, threads: int, dtype: type) -> None:
    rng = np.random.default_rng(1)
    batches = [(rng.standard_normal((n, 3, 24)).astype(dtype), rng.integers(0, 4, n)) for n in (9, 9, 1, 4, 9)]

    def build() -> tuple[nn.Module, Any, optim.Optimizer]:
        model = network().to(dtype)
        return model, nn.CrossEntropyLoss(), optim.Adam(model.parameters(), lr=0.01)

    assert train(build, batches, compiled=True) == train(build, batches, compiled=False)


def test_nothing_is_copied_between_layers() -> None:
    """What a layer gives lies [N][L][C], as the next one reads it."""
    x = Tensor(RNG.standard_normal((2, 9, 3)).astype(np.float32).transpose(0, 2, 1))
    for layer in (nn.Conv1d(3, 5, 2), nn.BatchNorm1d(5), nn.ReLU(), nn.MaxPool1d(2), nn.AvgPool1d(2)):
        x = layer(x)
        assert x._data.transpose(0, 2, 1).flags.c_contiguous and not x._data.flags.c_contiguous


ERRORS: dict[str, tuple[Callable[[], object], type, str]] = {
    "images": (
        lambda: nn.Sequential(nn.Conv1d(3, 4, 3))(fastnn.zeros(2, 3, 8, 8)),
        ValueError,
        r"layer '0' Conv1d.*expected \(N, C, L\) or \(C, L\), got shape \(2, 3, 8, 8\): images .* named 2d",
    ),
    "channels": (
        lambda: nn.Sequential(nn.Conv1d(3, 4, 3))(fastnn.zeros(2, 4, 8)),
        ValueError,
        r"layer '0' Conv1d.*expected 3 in dimension -2, the channels, got 4: x has shape \(2, 4, 8\)$",
    ),
    "channels last": (
        lambda: nn.Conv1d(3, 4, 3)(fastnn.zeros(2, 8, 3)),
        ValueError,
        r"channels last\? use x.transpose\(-2, -1\)",
    ),
    "long": (lambda: nn.Conv1d(3, 4, 9)(fastnn.zeros(2, 3, 8)), ValueError, "kernel of 1 x 9 pixels is larger"),
    "groups": (lambda: nn.Conv1d(3, 4, 3, groups=2), ValueError, "Conv1d: 2 groups do not divide 3 input"),
    "pair": (lambda: nn.Conv1d(3, 4, (3, 3)), TypeError, r"Conv1d: kernel_size must be an integer, got \(3, 3\)"),
    "same": (lambda: nn.Conv1d(3, 4, 3, 2, padding="same"), ValueError, "padding='same' needs stride 1"),
    "weight": (lambda: F.conv1d(fastnn.zeros(2, 3, 8), fastnn.zeros(4, 3)), ValueError, r"\(O, C / groups, k\)"),
    "pool": (lambda: nn.MaxPool1d(3)(fastnn.zeros(2, 3, 2)), ValueError, "kernel of 1 x 3 pixels is larger"),
    "row": (lambda: nn.AvgPool1d(3)(fastnn.zeros(8)), ValueError, r"\[avg_pool1d\] expected .* got shape \(8,\)"),
    "sizes": (lambda: nn.AdaptiveAvgPool1d((3, 3))(fastnn.zeros(2, 3, 2)), TypeError, "output_size must be an integer"),
    "none": (lambda: nn.AdaptiveMaxPool1d(0)(fastnn.zeros(2, 3, 2)), ValueError, "must be from 1 to"),
    "indices": (lambda: nn.MaxPool1d(2, return_indices=True), ValueError, "MaxPool1d: return_indices is not supported"),
    "F indices": (lambda: F.max_pool1d(fastnn.zeros(1, 1, 4), 2, return_indices=True), ValueError, "return_indices"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name: str) -> None:
    call, kind, message = ERRORS[name]
    with pytest.raises(kind, match=message):
        call()
