"""fastnn.check: each mistake is found, none is invented, nothing is changed."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from typing import Any

import fastnn
import numpy as np
import pytest
from fastnn import Network, _core, keras, nn, optim, random
from fastnn.eager.autograd import no_grad
from fastnn.eager.tensor import Tensor
from fastnn.training.model_files import parameters_sha256
from fastnn.utils.data import DataLoader, Dataset, TensorDataset

RNG = np.random.default_rng(5)
X = RNG.random((80, 1, 6, 6)).astype(np.float32)
Y = ((X.reshape(80, -1) - 0.5) @ RNG.standard_normal((36, 3))).argmax(axis=1)
POINTS = np.linspace(-1, 1, 40, dtype=np.float32)[:, None]


@pytest.fixture(autouse=True)
def seeded() -> None:
    fastnn.manual_seed(3)


def with_rate(x: np.ndarray, lr: float) -> tuple:
    model = mlp()
    return model, (x, Y), None, optim.SGD(model.parameters(), lr=lr)


def mlp(*last: nn.Module) -> nn.Sequential:
    return nn.Sequential(nn.Flatten(), nn.Linear(36, 12), nn.ReLU(), nn.Dropout(0.2), nn.Linear(12, 3), *last)


class Views(nn.Module):
    """A digit network as the tutorials have it, with the size of its view."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        self.layer1, self.layer2 = nn.Linear(size, 8), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer2(self.layer1(x.view(-1, self.size)).relu())


class Rows(Dataset):
    def __len__(self) -> int:
        return len(X)

    def __getitem__(self, index: int) -> tuple[np.ndarray, int]:
        return X[index], int(Y[index])


def trained(model: nn.Module, zeroes: bool = True, steps: int = 3, in_place: bool = False) -> nn.Module:
    optimizer = optim.SGD(model.parameters(), lr=0.01)
    for _ in range(steps):
        loss = nn.CrossEntropyLoss()(model(Tensor(X)), Tensor(Y))
        loss.backward()
        optimizer.step()
        if in_place:
            for parameter in model.parameters():
                parameter.grad.zero_()
        elif zeroes:
            optimizer.zero_grad()
    return model


def accumulated(model: nn.Module) -> nn.Module:
    """Two batches for each step, as one does where a large one has no room."""
    optimizer = optim.SGD(model.parameters(), lr=0.01)
    for _ in range(3):
        optimizer.zero_grad()
        for half in (slice(40), slice(40, 80)):
            nn.CrossEntropyLoss()(model(Tensor(X[half])), Tensor(Y[half])).backward()
        optimizer.step()
    return model


def evaluated(model: nn.Module, train: bool) -> nn.Module:
    model.train(train)
    with no_grad():
        model(Tensor(X))
    return model.train()


def dead(model: nn.Sequential) -> nn.Sequential:
    with no_grad():
        model[1].bias -= 100
    return model


def pixels() -> tuple:
    x = np.round(RNG.random((80, 1, 8, 8)) * 255).astype(np.float32)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 3)), (x, Y)


class Detached(Views):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).detach()


class Relu(Views):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).relu()


WRONG: dict[str, tuple[Callable[[], tuple], str, str]] = {
    "softmax": (lambda: (mlp(nn.Softmax(1)), (X, Y)), "softmax", "CrossEntropyLoss applies softmax itself"),
    "sigmoid": (
        lambda: (nn.Sequential(nn.Linear(1, 1), nn.Sigmoid()), (POINTS, (POINTS > 0) * 1.0), nn.BCEWithLogitsLoss()),
        "softmax",
        "the model ends in a sigmoid, but BCEWithLogitsLoss applies it itself",
    ),
    "sigmoid, cross-entropy": (
        lambda: (mlp(nn.Sigmoid()), (X, Y)),
        "softmax",
        "CrossEntropyLoss takes numbers of any size and sign: leave the last Sigmoid out",
    ),
    "relu of a function": (
        lambda: (Relu(36), (X, Y), nn.functional.cross_entropy),
        "softmax",
        "leave the last Relu out",
    ),
    "logits, NLL": (
        lambda: (mlp(), (X, Y), nn.NLLLoss()),
        "softmax",
        r"NLLLoss wants a LogSoftmax\(dim=1\) at the model's end",
    ),
    "float64 tensors": (
        lambda: (mlp(), (Tensor(X.astype(np.float64)), Tensor(Y))),
        "dtype",
        r"inputs are float64, the parameters float32: model\(x\) refuses them; use x.float\(\)",
    ),
    "a loader of float64": (
        lambda: (mlp(), DataLoader(TensorDataset(Tensor(X.astype(np.float64)), Tensor(Y)), batch_size=16)),
        "dtype",
        "inputs are float64",
    ),
    "zero_grad": (lambda: (trained(mlp(), zeroes=False), (X, Y)), "zero_grad", r"of 1\.weight and 3 others"),
    "eval": (lambda: (evaluated(mlp(), train=True), (X, Y)), "eval", "dropout '3' was active under no_grad"),
    "pixels": (pixels, "pixels", "from 0 to 255"),
    "labels": (
        lambda: (mlp(), (X, Y + 1)),
        "labels",
        "run from 1 to 3, the model has 3 outputs, .*: count classes from 0",
    ),
    "a late label": (lambda: (mlp(), (X, np.where(np.arange(80) == 77, 9, Y))), "labels", "run from 0 to 9"),
    "float labels": (
        lambda: (mlp(), (X, Y.astype(np.float32)), nn.CrossEntropyLoss()),
        "labels",
        "targets are float32: cross-entropy takes class numbers",
    ),
    "class numbers as fractions": (
        lambda: (mlp(), (X, Y.astype(np.float32))),
        "labels",
        r"gives shape \(64, 3\), the targets have \(64,\); for class numbers use CrossEntropyLoss and target.long\(\)$",
    ),
    "columns": (
        lambda: (nn.Linear(1, 1), (POINTS, POINTS[:, 0])),
        "labels",
        r"gives shape \(40, 1\), the targets have \(40,\): use target.view\(-1, 1\)",
    ),
    "width": (
        lambda: (nn.Sequential(nn.Flatten(), nn.Sequential(nn.Linear(35, 3))), (X, Y)),
        "shape",
        r"layer '1\.0' Linear\(35, 3\) gets 36 features .*: make it Linear\(36, 3\)",
    ),
    "view": (
        lambda: (Views(35), (X, Y)),
        "shape",
        r"A sample has 1 x 6 x 6 = 36 numbers there: use flatten\(1\) or view\(-1, 36\)",
    ),
    "colours": (
        lambda: (Views(36), (np.repeat(X, 3, axis=1), Y)),
        "shape",
        r"gives 192 rows for 64 samples\. A sample has 3 x 6 x 6 = 108 numbers",
    ),
    "no channels": (
        lambda: (nn.Linear(36, 3), (X, Y)),
        "shape",
        r"does not take a batch of shape|Linear\(36, 3\) gets 6",
    ),
    "dead": (lambda: (dead(mlp()), (X, Y)), "loss", "the outputs stay the same for every input"),
    "foreign optimizer": (
        lambda: (mlp(), (X, Y), None, optim.Adam(mlp().parameters())),
        "loss",
        "has none of this model's parameters",
    ),
    "no rate": (lambda: with_rate(X, 1e-12), "loss", "Try another learning rate than 1e-12"),
    "large rate": (lambda: with_rate(X * 100, 1e18), "loss", "the loss becomes (nan|inf) after"),
    "detached": (lambda: (Detached(36), (X, Y)), "loss", "does not depend on any parameter"),
}


@pytest.mark.parametrize(("arguments", "rule", "message"), WRONG.values(), ids=WRONG.keys())
@pytest.mark.filterwarnings("ignore:overflow")
def test_mistakes(arguments: Callable[[], tuple], rule: str, message: str) -> None:
    found = fastnn.check(*arguments())
    assert [finding.rule for finding in found] == [rule]
    assert re.search(message, found[0].message), found[0].message
    assert str(found) == f"{rule}: {found[0].message}"


def digits(*sizes: int) -> tuple:
    """The tutorials' network and data."""
    pixels, labels = _core.draw_digits(1, 0, 100)
    return Network(*sizes), (pixels[:, None].astype(np.float32) / 255, labels)


def one_hot_digits() -> tuple:
    model, (x, y) = digits(784, 200, 200, 200, 10)
    return model, (x, np.eye(10, dtype=np.float32)[y]), nn.MSELoss(), optim.SGD(model.parameters(), lr=1)


def or_gate() -> tuple:
    first, second = nn.Linear(3, 4, bias=False), nn.Linear(4, 1, bias=False)
    model = nn.Sequential(first, nn.Sigmoid(), second, nn.Sigmoid())
    x = np.array([[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]], dtype=np.float32)
    y = np.array([[0], [1], [1], [1]], dtype=np.float32)
    return model, (x, y), nn.MSELoss(), optim.SGD(model.parameters(), lr=0.01)


def adversaries() -> tuple:
    """Two networks in turn: the first one's gradients from the second one's loss are cleared before they are used."""
    first, second = mlp(), nn.Linear(36, 36)
    optimizers = [optim.SGD(model.parameters(), lr=0.01) for model in (first, second)]
    x = Tensor(X.reshape(80, 36))
    for _ in range(3):
        for optimizer, made in zip(optimizers, (x, second(x)), strict=True):
            optimizer.zero_grad()
            nn.CrossEntropyLoss()(first(made.view(80, 1, 6, 6)), Tensor(Y)).backward()
            optimizer.step()
    return first, (X, Y)


class Scaled(Views):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x / 255)


def fitted() -> tuple:
    network = Network(36, 8, 3)
    network.fit((X, Y), epochs=1, verbose=0)
    return network, (X, Y)


def at_the_bottom() -> tuple:
    """Noisy numbers on a line that lies as well as it can."""
    y = (3 * POINTS + np.sin(50 * POINTS)).astype(np.float32)
    model, (w, b) = nn.Linear(1, 1), np.linalg.lstsq(np.hstack([POINTS, POINTS * 0 + 1]), y, rcond=None)[0]
    model.load_state_dict({"weight": Tensor(w[None]), "bias": Tensor(b)})
    return model, (POINTS, y)


class HiddenRelu(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.relu = nn.Linear(36, 8), nn.Linear(8, 3), nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.relu(self.first(x.flatten(1))))


RIGHT: dict[str, Callable[[], tuple]] = {
    "network": lambda: (Network(36, 8, 3), (X, Y)),
    "loader": lambda: (mlp(), DataLoader(Rows(), batch_size=16)),
    "data set": lambda: (mlp(), Rows()),
    "tensors": lambda: (mlp(), TensorDataset(Tensor(X), Tensor(Y))),
    "zeroed": lambda: (trained(mlp()), (X, Y)),
    "zeroed in place": lambda: (trained(mlp(), in_place=True), (X, Y)),
    "accumulated": lambda: (accumulated(mlp()), (X, Y)),
    "one step": lambda: (trained(mlp(), zeroes=False, steps=1), (X, Y)),
    "evaluated": lambda: (evaluated(mlp(), train=False), (X, Y)),
    "more outputs than classes": lambda: (mlp(), (X, np.minimum(Y, 1))),
    "log softmax, NLL": lambda: (mlp(nn.LogSoftmax(1)), (X, Y), nn.NLLLoss()),
    "sigmoid, MSE": lambda: (mlp(nn.Sigmoid()), (X, np.eye(3, dtype=np.float32)[Y]), nn.MSELoss()),
    "relu last made, not last called": lambda: (HiddenRelu(), (X, Y)),
    "float64 throughout": lambda: (mlp().double(), (Tensor(X.astype(np.float64)), Tensor(Y))),
    "softmax, MSE": lambda: (mlp(nn.Softmax(1)), (X, np.eye(3, dtype=np.float32)[Y]), nn.MSELoss()),
    "curve": lambda: (nn.Sequential(nn.Linear(1, 3), nn.Sigmoid(), nn.Linear(3, 1)), (POINTS, np.sin(POINTS))),
    "bits": lambda: (
        nn.Linear(2, 1),
        (np.array([[0, 0], [1, 1], [0, 1.0]], np.float32), np.array([[0], [1], [1.0]], np.float32)),
    ),
    "the tutorials' digits": lambda: digits(784, 256, 10),
    "one layer": lambda: digits(784, 10),
    "one-hot digits": one_hot_digits,
    "OR gate": or_gate,
    "adversaries": adversaries,
    "fitted": fitted,
    "at the bottom": at_the_bottom,
    "divides by 255": lambda: (Scaled(36), (np.round(X * 255), Y)),
    "counts": lambda: (nn.Linear(20, 3), (np.round(X.reshape(80, 36)[:, :20] * 199), Y)),
    "function": lambda: (mlp(), (X, Y), nn.functional.cross_entropy),
    "a function of one's own": lambda: (mlp(), (X, Y), lambda p, t: nn.functional.cross_entropy(p, t)),
    "float64": lambda: (mlp(), (X.astype(np.float64), Y)),
    "learnt by heart": lambda: (nn.Linear(1, 1), (POINTS * 0, POINTS * 0 + 1), None),
}


@pytest.mark.parametrize("arguments", RIGHT.values(), ids=RIGHT.keys())
def test_no_false_alarm(arguments: Callable[[], tuple]) -> None:
    found = fastnn.check(*arguments())
    assert str(found) == "nothing wrong was found"


def test_nothing_is_changed() -> None:
    model = trained(mlp())
    optimizer = optim.Adam(model.parameters())
    nn.CrossEntropyLoss()(model(Tensor(X)), Tensor(Y)).backward()
    model[3].eval()
    before: list[Any] = [parameters_sha256(model), random.state.as_dict(), copy.deepcopy(optimizer.state_dict())]
    grads = [parameter.grad for parameter in model.parameters()]
    fastnn.check(model, (X, Y), optimizer=optimizer)
    assert [parameters_sha256(model), random.state.as_dict(), optimizer.state_dict()] == before
    assert all(parameter.grad is grad for parameter, grad in zip(model.parameters(), grads, strict=True))
    assert not model[3].training and model[4].training


def test_a_model_in_a_compiled_plan() -> None:
    model = mlp()
    step = fastnn.compile(model, nn.CrossEntropyLoss(), optim.Adam(model.parameters()))
    first = step(X, Y).item()
    assert not fastnn.check(model, (X, Y))
    assert step(X, Y).item() != first


def test_it_is_told_once() -> None:
    """And not again after the loop was mended."""
    model = evaluated(trained(mlp(), zeroes=False), train=True)
    assert [finding.rule for finding in fastnn.check(model, (X, Y))] == ["zero_grad", "eval"]
    for parameter in model.parameters():
        parameter.grad = None
    assert not fastnn.check(trained(model), (X, Y))


def test_a_shuffling_loader_draws_as_if_nothing_was() -> None:
    before = random.state.as_dict()
    fastnn.check(mlp(), DataLoader(Rows(), batch_size=16, shuffle=True))
    state = random.state.as_dict()
    assert {**state, "parameters": 0, "dropouts": 0} == {**before, "parameters": 0, "dropouts": 0}


class Pairs(nn.Linear):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return super().forward(x), x


def test_bad_data() -> None:
    with pytest.raises(ValueError, match="the data set is empty"):
        fastnn.check(mlp(), DataLoader([]))
    with pytest.raises(TypeError, match="has no method __getitem__"):
        fastnn.check(mlp(), 3)
    for model, data, message in (
        (Pairs(36, 3), (X.reshape(80, 36), Y), "must give one tensor, got a tuple"),
        (keras.Sequential(), (X, Y), "takes an nn.Module, got a Sequential"),
        (mlp(), DataLoader([(1.0, 2.0, 3.0)]), r"a batch must be a pair \(x, y\), got a list"),
        (mlp(), DataLoader([{"x": 1.0}]), r"a batch must be a pair \(x, y\), got a dict"),
    ):
        with pytest.raises(TypeError, match=message):
            fastnn.check(model, data)
