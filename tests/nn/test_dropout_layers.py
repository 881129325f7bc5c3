"""Dropout as a function, and of whole channels."""

from __future__ import annotations

from collections.abc import Callable

import fastnn
import numpy as np
import pytest
from beside_torch import check_texts
from fastnn import nn, optim
from fastnn.eager.tensor import Tensor
from fastnn.engine.plan import Plan
from fastnn.engine.recording import RecordingError
from fastnn.nn import functional as F


@pytest.mark.parametrize("p", [0.2, 0.5, 0.9])
def test_a_share_is_zero_and_the_rest_is_scaled(p: float) -> None:
    fastnn.manual_seed(2)
    x = fastnn.ones(100, 200, requires_grad=True)
    y = F.dropout(x, p)
    kept = y.detach().numpy() != 0
    assert abs(kept.mean() - (1 - p)) < 5 * np.sqrt(p * (1 - p) / kept.size)
    np.testing.assert_allclose(y.detach().numpy()[kept], 1 / (1 - p), rtol=1e-6)
    y.sum().backward()
    assert x.grad.tolist() == y.tolist()
    assert F.dropout(x, p).tolist() != y.tolist()
    fastnn.manual_seed(2)
    assert F.dropout(x, p).tolist() == y.tolist()


def test_ends_and_evaluation() -> None:
    x = fastnn.tensor([1.0, -2.0])
    assert F.dropout(x, 0.5, training=False) is x and F.dropout(x, 0.0) is x
    assert F.dropout(x, 1.0).tolist() == [0, 0]


@pytest.mark.parametrize(
    ("drop", "shape"),
    [
        (nn.Dropout2d(0.4), (40, 30, 2, 3)), (nn.Dropout1d(0.4), (40, 30, 4)), (nn.Dropout1d(0.4), (900, 5)),
        (lambda x: F.dropout2d(x, 0.4), (40, 30, 2, 3)),
    ],
)  # fmt: skip
def test_channels_go_as_a_whole(drop: Callable[[Tensor], Tensor], shape: tuple[int, ...]) -> None:
    fastnn.manual_seed(2)
    channels = shape[0] if len(shape) == 2 else shape[0] * shape[1]
    y = drop(fastnn.ones(*shape)).numpy().reshape(channels, -1)
    assert (y == y[:, :1]).all() and np.unique(y).tolist() == pytest.approx([0, 1 / 0.6])
    assert abs((y[:, 0] == 0).mean() - 0.4) < 5 * np.sqrt(0.24 / channels)


@pytest.mark.parametrize("drop", [nn.Dropout2d(0.4), lambda x: F.dropout2d(x, 0.4)])
def test_features_of_a_head_go_one_by_one(drop: Callable[[Tensor], Tensor]) -> None:
    """Tutorials have Dropout2d behind linear layers."""
    fastnn.manual_seed(2)
    y = drop(fastnn.ones(60, 50)).numpy()
    assert np.unique(y).tolist() == pytest.approx([0, 1 / 0.6])
    assert abs((y == 0).mean() - 0.4) < 5 * np.sqrt(0.24 / y.size)
    assert (y == 0).mean(0).min() > 0 and (y == 0).mean(1).max() < 1


def test_channels_in_plans_are_those_of_eager_code() -> None:
    x, y = np.random.default_rng(0).standard_normal((2, 6, 12)).astype(np.float32)
    states = []
    for compiled in (False, True):
        fastnn.manual_seed(3)
        inner = [nn.Unflatten(1, (3, 2, 2)), nn.Dropout2d(0.5), nn.Flatten(), nn.Linear(12, 12)]
        model = nn.Sequential(nn.Linear(12, 12), *inner)
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        plan = Plan(model, nn.MSELoss(), optimizer) if compiled else None
        for _ in range(3):
            if plan is not None:
                plan.step(x, y)
                continue
            optimizer.zero_grad()
            nn.MSELoss()(model(Tensor(x)), Tensor(y)).backward()
            optimizer.step()
        states.append([value.numpy().tobytes() for value in model.state_dict().values()])
    assert states[0] == states[1]


def test_the_function_is_not_compiled() -> None:
    """A plan would repeat one draw; a trainer goes on without."""

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(2, 1)

        def forward(self, x: Tensor) -> Tensor:
            return self.linear(F.dropout(x, 0.5, self.training))

    model, x, y = Model(), np.ones((8, 2), np.float32), np.ones((8, 1), np.float32)
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(RecordingError, match=r"dropout\(\), which draws anew each time"):
        Plan(model, nn.MSELoss(), optimizer).step(x, y)
    losses = fastnn.Trainer(model, nn.MSELoss(), optimizer).fit((x, y), epochs=5).loss
    assert len(set(losses)) == 5


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        (lambda: F.dropout(fastnn.ones(2), 1.5), r"p is 1\.5; it must be from 0 to 1"),
        (lambda: F.dropout2d(fastnn.ones(2, 3, 4)), r"expected x \(N, C, H, W\), got shape \(2, 3, 4\)"),
        (lambda: nn.Dropout2d()(fastnn.ones(2, 3, 4)), r"Dropout2d: expected x \(N, C, H, W\) or \(N, C\), got shape"),
        (lambda: nn.Dropout1d(1.0), "p is 1.0"),
    ],
)
def test_refused(wrong: Callable[[], object], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        wrong()


def test_texts_are_torchs() -> None:
    check_texts(["nn.Dropout2d()", "nn.Dropout1d(0.2)", "nn.Dropout2d(p=0.3, inplace=True)"])
