"""The hash is sharp: the order of k in a single tile of a single product is enough to change it."""

import numpy as np
import pytest
from fastnn import Network, optim, random
from fastnn.eager import ops
from fastnn.eager.tensor import Tensor
from fastnn.nn.losses import CrossEntropyLoss
from fastnn.training.model_files import parameters_sha256

TILE = 14  # rows of the largest register tile (cpp/kernels/cpu/isa/avx512/vec.h)


def trained(steps=3):
    """The parameters' hash after a few eager steps on fixed data."""
    random.manual_seed(0)
    model = Network(50, 24, 5)
    optimizer, criterion = optim.Adam(model.parameters()), CrossEntropyLoss()
    draw = np.random.default_rng(1)
    for _ in range(steps):
        x, y = draw.random((32, 50), dtype=np.float32), draw.integers(0, 5, 32)
        loss = criterion(model(Tensor(x)), Tensor(y))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return parameters_sha256(model)


def reversed_in_one_tile(original):
    """dense_forward whose first tile of the first call adds up k from the end."""
    calls = []

    def dense_forward(x, weight, bias=None, relu=False):
        y = original(x, weight, bias, relu)
        if not calls:
            y[:TILE] = original(x[:TILE, ::-1], weight[:, ::-1], bias, relu)
        calls.append(1)
        return y

    return dense_forward


def test_the_order_of_k_in_one_tile_changes_the_hash(monkeypatch):
    before = trained()
    monkeypatch.setattr(ops, "dense_forward", reversed_in_one_tile(ops.dense_forward))
    assert trained() != before


@pytest.mark.parametrize("rows", [1, TILE, 32])
def test_splitting_rows_changes_nothing(monkeypatch, rows):
    before = trained()
    original = ops.dense_forward

    def in_parts(x, weight, bias=None, relu=False):
        return np.concatenate([original(x[i : i + rows], weight, bias, relu) for i in range(0, len(x), rows)])

    monkeypatch.setattr(ops, "dense_forward", in_parts)
    assert trained() == before
