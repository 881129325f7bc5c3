"""Trainer, compile, and a network's prediction: both engines, every form of data."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import fastnn
import numpy as np
import pytest
from fastnn import Network, nn, optim
from fastnn.eager.tensor import Tensor
from fastnn.training.callbacks import AccuracyOnTest, Callback
from fastnn.training.feed import Feed
from fastnn.training.model_files import parameters_sha256
from fastnn.training.trainer import Trainer
from fastnn.utils.data import DataLoader, Dataset

RNG = np.random.default_rng(8)
X = RNG.standard_normal((70, 6)).astype(np.float32)
Y = RNG.integers(0, 3, 70)
MODEL, LOSS = nn.Linear(6, 3), nn.CrossEntropyLoss()
SGD = optim.SGD(MODEL.parameters())


@pytest.fixture(autouse=True)
def seeded() -> None:
    fastnn.manual_seed(5)


class LooksAtValues(nn.Module):
    """A model that no plan can follow: what it does depends on the numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(6, 8), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.first(x).relu()
        return self.second(hidden if hidden.sum().item() > 0 else -hidden)


class LooksWhenEvaluated(LooksAtValues):
    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.first(x).relu()) if self.training else super().forward(x)


class Rows(Dataset):
    def __len__(self) -> int:
        return len(X)

    def __getitem__(self, index: int) -> tuple[np.ndarray, int]:
        return X[index], int(Y[index])


def trainer_of(model: nn.Module, engine: str = "plan") -> Trainer:
    return Trainer(model, nn.CrossEntropyLoss(), optim.Adam(model.parameters(), lr=0.01), engine=engine)


def trained(kind: Callable[[], nn.Module], engine: str, data: Any = (X, Y)) -> tuple[Trainer, list[float]]:
    fastnn.manual_seed(5)
    trainer = trainer_of(kind(), engine)
    history = trainer.fit(data, (X, Y), epochs=3, batch_size=16)
    return trainer, history.loss + history.val_loss + history.val_accuracy


@pytest.mark.parametrize("data", [lambda: (X, Y), Rows, lambda: DataLoader(Rows(), 16, shuffle=True)])
@pytest.mark.parametrize(
    "kind",
    [lambda: Network(6, 8, 3), lambda: nn.Sequential(nn.Linear(6, 9), nn.Tanh(), nn.Dropout(0.4), nn.Linear(9, 3))],
    ids=["network", "dropout"],
)
def test_engines_agree(kind: Callable[[], nn.Module], data: Callable[[], Any]) -> None:
    (plan, numbers), (eager, same) = trained(kind, "plan", data()), trained(kind, "eager", data())
    assert (plan.engine.name, eager.engine.name) == ("plan", "eager")
    assert numbers == same
    assert parameters_sha256(plan.model) == parameters_sha256(eager.model)


@pytest.mark.parametrize("data", [lambda: (X, Y), Rows])
def test_a_model_that_looks_at_values_stays_eager(data: Callable[[], Any]) -> None:
    (fallen, numbers), (eager, same) = trained(LooksAtValues, "plan", data()), trained(LooksAtValues, "eager", data())
    assert fallen.engine.name == "eager"
    assert "item() on a tensor while a plan is being recorded" in fallen.engine_note
    assert eager.engine_note == ""
    assert numbers == same
    assert parameters_sha256(fallen.model) == parameters_sha256(eager.model)


def test_a_model_that_looks_at_values_when_evaluated() -> None:
    trainer, numbers = trained(LooksWhenEvaluated, "plan")
    assert trainer.engine_note
    assert numbers == trained(LooksWhenEvaluated, "eager")[1]


def test_validation_changes_nothing() -> None:
    digests = []
    for validation in (None, (X, Y), Rows()):
        fastnn.manual_seed(5)
        trainer = trainer_of(nn.Sequential(nn.Linear(6, 9), nn.Dropout(0.3), nn.Linear(9, 3)))
        trainer.fit((X, Y), validation, epochs=2)
        digests.append(parameters_sha256(trainer.model))
    assert len(set(digests)) == 1


def test_the_time_of_an_epoch_is_that_of_its_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking at the validation or the test data is none of it."""
    outputs, looked = Trainer.outputs_of, []

    def slow(trainer: Trainer, feed: Feed) -> np.ndarray:
        looked.append(len(feed))
        time.sleep(0.2)
        return outputs(trainer, feed)

    monkeypatch.setattr(Trainer, "outputs_of", slow)
    trainer, feed = trainer_of(Network(6, 8, 3)), Feed(X, Y)
    told: dict[str, float] = {}

    class Told(Callback):
        def on_epoch_end(self, trainer: Trainer, epoch: int, metrics: dict[str, float]) -> None:
            told.update(metrics)

    trainer.fit((X, Y), (X, Y), epochs=2, callbacks=[AccuracyOnTest(feed), Told()])
    assert len(looked) == 4 and len(trainer.epoch_seconds) == 2 and max(trainer.epoch_seconds) < 0.2
    assert told["test_accuracy"] == told["val_accuracy"] and "test_accuracy" not in trainer.history.history


def test_metrics_are_what_they_say() -> None:
    """The loss and accuracy of an evaluation, by the definitions, in float64."""
    model = Network(6, 3)
    metrics = trainer_of(model).evaluate((X, Y))
    weight, bias = (p.detach().numpy().astype(np.float64) for p in model.parameters())
    scores = X @ weight.T + bias
    losses = np.log(np.exp(scores).sum(axis=1)) - scores[np.arange(70), Y]
    assert metrics["loss"] == pytest.approx(losses.mean(), rel=1e-6)
    assert metrics["accuracy"] == np.mean(scores.argmax(axis=1) == Y)


def test_the_loss_of_an_epoch_is_the_mean_over_its_batches() -> None:
    trainer = trainer_of(Network(6, 3))
    trainer.fit((X, Y), epochs=2, batch_size=16)
    assert len(trainer.epoch_losses) == 5
    assert trainer.history.loss[1] == math.fsum(trainer.epoch_losses) / 5


@pytest.mark.parametrize("engine", ["plan", "eager"])
@pytest.mark.parametrize("data", [lambda: (X, Y), Rows, lambda: DataLoader(Rows(), batch_size=16)])
def test_the_accuracy_of_an_epoch_is_that_of_its_batches_before_their_steps(
    engine: str, data: Callable[[], Any]
) -> None:
    """Beside the steps taken one by one, also with a last batch that is shorter."""
    model = nn.Sequential(nn.Linear(6, 8), nn.Dropout(0.2), nn.Linear(8, 3))
    trainer = Trainer(model, nn.CrossEntropyLoss(), optim.SGD(model.parameters(), lr=0.5), engine=engine, outputs=True)
    accuracy = trainer.fit(data(), epochs=1, batch_size=16, shuffle=False).accuracy

    fastnn.manual_seed(5)
    model = nn.Sequential(nn.Linear(6, 8), nn.Dropout(0.2), nn.Linear(8, 3))
    optimizer, right = optim.SGD(model.parameters(), lr=0.5), 0
    for start in range(0, len(X), 16):
        output = model(Tensor(X[start : start + 16]))
        right += int((output.argmax(1) == Tensor(Y[start : start + 16])).sum())
        optimizer.zero_grad()
        nn.CrossEntropyLoss()(output, Tensor(Y[start : start + 16])).backward()
        optimizer.step()
    assert accuracy == [right / len(X)]


def test_fit_goes_on_where_it_stopped() -> None:
    """fit(epochs=n) trains up to n epochs in all."""
    runs = []
    for ends in ((4,), (1, 3, 4)):
        fastnn.manual_seed(9)
        trainer = trainer_of(Network(6, 8, 3))
        for end in ends:
            trainer.fit((X, Y), epochs=end, batch_size=16)
        with pytest.warns(UserWarning, match="epochs=3 counts the 4 .* epochs=7 goes on"):
            trainer.fit((X, Y), epochs=3, batch_size=16)
        runs.append((parameters_sha256(trainer.model), trainer.history.loss))
    assert runs[0] == runs[1]
    assert len(runs[0][1]) == 4


def test_a_callback_ends_a_fit_and_the_next_goes_on() -> None:
    class Ends(Callback):
        def on_epoch_end(self, trainer: Trainer, epoch: int, metrics: dict[str, float]) -> None:
            trainer.stop_training = epoch == 1

    trainer = trainer_of(Network(6, 3))
    assert len(trainer.fit((X, Y), epochs=5, callbacks=[Ends()]).loss) == 2
    assert len(trainer.fit((X, Y), epochs=5).loss) == 5


def test_drop_last_and_order() -> None:
    trainer = trainer_of(Network(6, 3))
    trainer.fit((X, Y), epochs=1, batch_size=16, drop_last=True)
    assert (trainer.steps_per_epoch, len(trainer.epoch_losses)) == (4, 4)
    with pytest.raises(ValueError, match="data set has 70 samples, batch_size is 71 and drop_last is on"):
        trainer_of(Network(6, 3)).fit((X, Y), batch_size=71, drop_last=True)


def test_an_unknown_engine() -> None:
    with pytest.raises(ValueError, match="engine must be one of plan, eager, got 'pln'"):
        trainer_of(Network(6, 3), "pln")


class TestCompile:
    def test_a_step_is_the_five_steps(self) -> None:
        compiled, typed = Network(6, 8, 3), Network(6, 8, 3)
        typed.load_state_dict(compiled.state_dict())
        criterion, optimizers = nn.CrossEntropyLoss(), [optim.Adam(m.parameters()) for m in (compiled, typed)]
        step = fastnn.compile(compiled, criterion, optimizers[0])
        for size in (16, 16, 7, 16):
            x, y = fastnn.tensor(X[:size]), fastnn.tensor(Y[:size])
            loss = criterion(typed(x), y)
            optimizers[1].zero_grad()
            loss.backward()
            optimizers[1].step()
            assert step(x, y).item() == loss.item()
        assert parameters_sha256(compiled) == parameters_sha256(typed)

    def test_inference(self) -> None:
        model = nn.Sequential(nn.Linear(6, 4), nn.Dropout(0.5), nn.Sigmoid())
        forward = fastnn.compile(model)
        model.eval()
        assert np.array_equal(forward(X).numpy(), model(fastnn.tensor(X)).detach().numpy())

    def test_half_of_a_training_step(self) -> None:
        with pytest.raises(ValueError, match="takes a criterion and an optimizer together"):
            fastnn.compile(Network(6, 3), nn.CrossEntropyLoss())

    @pytest.mark.parametrize("make", [fastnn.compile, fastnn.Trainer])
    @pytest.mark.parametrize(
        "model, criterion, optimizer, error, text",
        [
            (MODEL, LOSS, optim.SGD(Network(6, 3).parameters()), ValueError, "none of this model's parameters"),
            (MODEL, LOSS, optim.SGD, TypeError, r"such as Adam\(.*\), got the class SGD: call it"),
            (MODEL, nn.CrossEntropyLoss, SGD, TypeError, "a loss, .* got the class CrossEntropyLoss: call it"),
            (MODEL, SGD, LOSS, TypeError, "criterion must be a loss, .* got SGD"),
            (nn.Linear, LOSS, SGD, TypeError, "model must be a Module, .* got the class Linear: call it"),
            (lambda x: x, LOSS, SGD, TypeError, "model must be a Module, .* got function"),
        ],
    )
    def test_parts_that_do_not_fit(
        self, make: Any, model: Any, criterion: Any, optimizer: Any, error: type[Exception], text: str
    ) -> None:
        with pytest.raises(error, match=text):
            make(model, criterion, optimizer)

    def test_a_function_alone(self) -> None:
        with pytest.raises(TypeError, match=r"model must be a Module, .* got builtin_function_or_method"):
            fastnn.compile(abs)

    def test_no_model_comes_back(self) -> None:
        forward = fastnn.compile(MODEL)
        for name in ("parameters", "train", "eval", "state_dict", "weight"):
            with pytest.raises(AttributeError, match=rf"gives a function, without {name}: its forward"):
                getattr(forward, name)
        assert forward.__name__ == "forward"


@pytest.mark.parametrize("engine", ["plan", "eager"])
@pytest.mark.parametrize(
    ("loss", "got"),
    [
        (lambda out, y: nn.CrossEntropyLoss()(out, y).item(), "float"),
        (lambda out, y: None, "NoneType"),
    ],
)
def test_a_loss_that_gives_no_tensor(engine: str, loss: Callable, got: str) -> None:
    network = Network(6, 3)
    trainer = Trainer(network, loss, optim.SGD(network.parameters(), lr=0.1), engine=engine)
    with pytest.raises(
        TypeError, match=f"^the loss function must return a tensor, got {got}: with a return, without item"
    ):
        trainer.fit((X, Y), epochs=1)


def test_a_loss_that_cannot_be_hashed() -> None:
    """An object of a dataclass is equal to others, and so has no hash."""

    @dataclass
    class Scaled:
        factor: float = 2.0

        def __call__(self, outputs: Tensor, y: Tensor) -> Tensor:
            return nn.MSELoss()(outputs, y) * self.factor

    network = Network(6, 1)
    trainer = Trainer(network, Scaled(), optim.SGD(network.parameters(), lr=0.1))
    assert len(trainer.fit((X, X[:, :1]), epochs=2).history["loss"]) == 2


class TestPrediction:
    def test_probabilities(self) -> None:
        network = Network(6, 8, 3)
        found = network.predict(X)
        scores = network(fastnn.tensor(X)).detach().numpy().astype(np.float64)
        expected = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        assert (found.dtype, found.shape) == (np.float32, (70, 3))
        assert np.allclose(found, expected, rtol=1e-6, atol=0)
        assert network.predict_classes(X).dtype == np.int64
        assert np.array_equal(network.predict_classes(X), scores.argmax(axis=1))

    def test_every_form_of_input(self) -> None:
        network = Network(6, 8, 3)
        expected = network.predict(X)
        for same in (X.astype(np.float64), X.tolist(), fastnn.tensor(X), X.reshape(70, 1, 2, 3), np.asfortranarray(X)):
            assert np.array_equal(network.predict(same), expected)
        assert network.predict(X[:0]).shape == (0, 3)
        assert np.array_equal(network.predict(np.ones((2, 6), int)), network.predict(np.ones((2, 6), np.float32)))
        pixels = RNG.integers(0, 256, (4, 6)).astype(np.uint8)
        for same in (pixels.astype(np.float32), pixels.tolist(), pixels.astype(np.int64), fastnn.tensor(pixels)):
            assert np.array_equal(network.predict(same), network.predict(pixels))

    def test_rows_do_not_depend_on_each_other(self) -> None:
        network = Network(6, 8, 3)
        x = RNG.standard_normal((2007, 6)).astype(np.float32)
        assert np.array_equal(network.predict(x)[[0, 999, 1000, 2006]], network.predict(x[[0, 999, 1000, 2006]]))

    def test_it_does_not_change_the_mode_or_the_weights(self) -> None:
        network = Network(6, 3)
        before = parameters_sha256(network)
        for training in (True, False):
            network.train(training).predict(X)
            assert network.training is training
        assert parameters_sha256(network) == before


def test_batches_are_gathered_to_be_recorded_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Afterwards their programs are found by shapes: of a whole batch, of the last one, of the evaluation."""
    gathered: list[int] = []
    gather = Feed.batch

    def counted(feed: Feed, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        gathered.append(len(rows))
        return gather(feed, rows)

    monkeypatch.setattr(Feed, "batch", counted)
    trainer_of(Network(6, 8, 3)).fit((X, Y), (X, Y), epochs=3, batch_size=16)
    assert gathered == [16, 6, 70]


@pytest.mark.parametrize("pixels", [False, True])
def test_a_feed_knows_what_its_batches_are(pixels: bool) -> None:
    x = np.arange(5 * 2 * 3 * 4, dtype=np.uint8 if pixels else np.float64).reshape(5, 2, 3, 4)
    feed = Feed(x, np.ones((5, 7), dtype=np.float32))
    batch_x, batch_y = feed.batch(np.array([4, 0]))
    assert feed.signature(2) == (batch_x.shape, batch_x.dtype, batch_y.shape, batch_y.dtype)
