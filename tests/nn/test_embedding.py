"""Embedding: rows by their numbers, gradients that add up, the row of padding."""

from __future__ import annotations

from collections.abc import Callable

import fastnn
import numpy as np
import pytest
from beside_torch import check_beside_torch, check_texts
from fastnn import nn, optim
from fastnn.eager.tensor import Tensor
from fastnn.nn import functional as F

TABLE = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
NUMBERS = np.array([[2, 0, 2], [1, 1, 1]])


def test_rows_by_hand() -> None:
    weight = Tensor(TABLE.copy(), requires_grad=True)
    y = F.embedding(Tensor(NUMBERS), weight)
    assert y.tolist() == TABLE[NUMBERS].tolist()
    (y * 2).sum().backward()
    assert weight.grad.tolist() == [[2, 2], [6, 6], [4, 4]]
    assert F.embedding(Tensor(np.array(1)), weight).tolist() == [3, 4]


def test_the_row_of_padding_is_zeros_and_stays() -> None:
    layer = nn.Embedding(4, 3, padding_idx=-2)
    assert layer.padding_idx == 2 and layer.weight.detach()[2].tolist() == [0, 0, 0]
    before = layer.weight.detach().clone()
    optimizer = optim.SGD(layer.parameters(), lr=1.0)
    layer(fastnn.tensor([2, 1, 2])).sum().backward()
    optimizer.step()
    assert (layer.weight.detach() - before).tolist() == pytest.approx(np.array([[0] * 3, [-1] * 3, [0] * 3, [0] * 3]))


def test_it_starts_as_normal_numbers() -> None:
    fastnn.manual_seed(1)
    values = nn.Embedding(200, 100).weight.detach().numpy().astype(np.float64)
    assert abs(values.mean()) < 5 / np.sqrt(values.size) and abs(values.std() - 1) < 5 / np.sqrt(2 * values.size)
    assert values.dtype == np.float64 and nn.Embedding(3, 2).weight.dtype is fastnn.float32


def test_a_table_that_is_there() -> None:
    layer = nn.Embedding.from_pretrained(Tensor(TABLE.astype(np.float32)))
    assert not layer.weight.requires_grad and layer(fastnn.tensor([1])).tolist() == [[3, 4]]
    assert nn.Embedding.from_pretrained(Tensor(TABLE), freeze=False).weight.requires_grad


@pytest.mark.parametrize("call", ["F.embedding(n, w)", "F.embedding(n, w, padding_idx=1)", "F.embedding(n[0, 0], w)"])
def test_values_and_gradients_are_torchs(call: str) -> None:
    check_beside_torch(call, {"n": NUMBERS, "w": TABLE})


def test_texts_are_torchs() -> None:
    check_texts(["nn.Embedding(10, 3)", "nn.Embedding(10, 3, padding_idx=1)", "nn.Embedding(10, 3, -1)"])


def test_a_model_with_one_trains() -> None:
    """Whether the sum of two numbers is odd."""
    fastnn.manual_seed(0)
    model = nn.Sequential(nn.Embedding(6, 4), nn.Flatten(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 2))
    x = fastnn.tensor(np.random.default_rng(1).integers(0, 6, (64, 2)))
    y, optimizer, losses = x.sum(1) % 2, optim.Adam(model.parameters(), lr=0.05), []
    for _ in range(100):
        optimizer.zero_grad()
        losses.append(F.cross_entropy(model(x), y))
        losses[-1].backward()
        optimizer.step()
    assert losses[-1].item() < losses[0].item() / 10


@pytest.mark.parametrize(
    ("wrong", "kind", "text"),
    [
        (lambda: nn.Embedding(3, 2)(fastnn.tensor([[0, 3]])), IndexError, r"3 is outside 0\.\.2: weight has 3 rows"),
        (lambda: nn.Embedding(3, 2)(fastnn.tensor([-1])), IndexError, r"-1 is outside 0\.\.2"),
        (lambda: nn.Embedding(3, 2)(fastnn.tensor([1.0])), TypeError, r"must be integers, got .*float32: use x\.long"),
        (lambda: nn.Embedding(3, 0), ValueError, "embedding_dim is 0"),
        (lambda: nn.Embedding(3, 2, padding_idx=3), IndexError, "padding_idx is 3; there are 3 rows"),
        (lambda: nn.Embedding(3, 2, max_norm=1.0), ValueError, "max_norm is not supported"),
        (lambda: nn.Embedding(3, 2, sparse=True), ValueError, "sparse is not supported: gradients are whole"),
        (lambda: F.embedding(Tensor(NUMBERS), Tensor(TABLE[0])), ValueError, r"got shape \(2,\)"),
    ],
)
def test_refused(wrong: Callable[[], object], kind: type, text: str) -> None:
    with pytest.raises(kind, match=text):
        wrong()
