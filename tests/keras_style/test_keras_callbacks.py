"""What callbacks hear, and what those of Keras do with it."""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import fastnn
import numpy as np
import pytest
from fastnn import keras
from fastnn.keras import metrics
from fastnn.keras.callbacks import (
    Callback,
    EarlyStopping,
    LambdaCallback,
    LearningRateScheduler,
    ModelCheckpoint,
    ReduceLROnPlateau,
)

X = np.random.default_rng(0).standard_normal((40, 3)).astype(np.float32)
Y = (X.sum(axis=1) > 0).astype(np.int64)


@pytest.fixture
def model() -> keras.Sequential:
    fastnn.manual_seed(1)
    model = keras.Sequential([keras.layers.Dense(2, activation="softmax", input_shape=(3,))])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


class Scores(Callback):
    """Puts values of its own in the place of a metric, before the others hear of it."""

    def __init__(self, name: str, values: list[float]) -> None:
        super().__init__()
        self.name, self.values = name, values

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        logs[self.name] = self.values[epoch]


def fit(model: keras.Sequential, callbacks: list[Callback], epochs: int = 6, **options: Any) -> Any:
    return model.fit(X, Y, batch_size=10, epochs=epochs, verbose=0, callbacks=callbacks, **options)


def test_what_they_hear(model: keras.Sequential) -> None:
    heard: list[str] = []

    class All(Callback):
        def on_train_begin(self, logs: Any = None) -> None:
            heard.append(f"begin {self.params} {self.model is model}")

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            heard.append(f"epoch {epoch}")

        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            heard.append(f"batch {batch}")

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            heard.append(f"after {batch} {sorted(logs)}")

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            heard.append(f"end {epoch} {list(logs)}")

        def on_train_end(self, logs: Any = None) -> None:
            heard.append(f"over {list(logs)}")

    fit(model, [All()], epochs=1, validation_data=(X, Y))
    names = ["accuracy", "loss"]
    batches = [line for i in range(4) for line in (f"batch {i}", f"after {i} {names}")]
    every = [*names, "val_accuracy", "val_loss"]
    begin = "begin {'epochs': 1, 'steps': 4, 'verbose': 0} True"
    assert heard == [begin, "epoch 0", *batches, f"end 0 {every}", f"over {every}"]


def test_weights_between_batches_are_those_of_that_moment(model: keras.Sequential) -> None:
    seen: list[np.ndarray] = []
    record = LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(model.get_weights()[0]))
    fit(model, [record], epochs=1)
    assert len(seen) == 4 and all(not np.array_equal(a, b) for a, b in pairwise(seen))


def test_early_stopping(model: keras.Sequential, capsys: pytest.CaptureFixture[str]) -> None:
    stop = EarlyStopping(monitor="m", mode="min", patience=2, verbose=1, restore_best_weights=True)
    kept: list[np.ndarray] = []
    record = LambdaCallback(on_epoch_end=lambda epoch, logs: kept.append(model.get_weights()[0]))
    history = fit(model, [Scores("m", [3, 2, 2.5, 2, 1, 0]), record, stop])
    assert history.epoch == [0, 1, 2, 3] and stop.stopped_epoch == 3
    np.testing.assert_array_equal(model.get_weights()[0], kept[1])
    assert capsys.readouterr().out.splitlines() == [
        "Epoch 4: early stopping",
        "Restoring model weights from the end of the best epoch: 2.",
    ]


@pytest.mark.parametrize(
    ("options", "values", "epochs"),
    [
        ({"patience": 1}, [1, 2, 3, 4, 5, 6], 2),
        ({"patience": 1, "mode": "max"}, [1, 2, 3, 4, 5, 6], 6),
        ({"patience": 1, "min_delta": 0.5}, [1, 0.8, 0.7, 0, 0, 0], 2),
        ({"patience": 2, "baseline": 0.5}, [3, 2, 2.5, 0, 0, 0], 3),
        ({"patience": 1, "start_from_epoch": 3}, [1, 2, 3, 4, 5, 6], 5),
    ],
)
def test_early_stopping_counts(model: keras.Sequential, options: dict, values: list[float], epochs: int) -> None:
    history = fit(model, [Scores("m", values), EarlyStopping(monitor="m", **{"mode": "min", **options})])
    assert len(history.epoch) == epochs


def test_accuracies_grow_and_losses_fall() -> None:
    for name, grows in (("val_loss", False), ("acc", True), ("val_accuracy", True), ("mse", False), ("val_acc", True)):
        assert EarlyStopping(monitor=name).larger_is_better() == grows


def judged(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    return np.ones(len(y))


class Grows(metrics.Metric):
    larger_is_better = True

    def __init__(self) -> None:
        super().__init__(judged, "loss_of_weight")


RENAMED = {
    "top1": (lambda: metrics.SparseCategoricalAccuracy(name="top1"), True),
    "inaccuracy": (lambda: metrics.MeanSquaredError(name="inaccuracy"), False),
    "error": (lambda: metrics.BinaryAccuracy(name="error"), True),
    "acc_of_ages": (lambda: metrics.MeanAbsoluteError(name="acc_of_ages"), False),
    "loss_of_weight": (Grows, True),
    "acc": (lambda: "acc", True),
    "sparse_categorical_accuracy": (lambda: "sparse_categorical_accuracy", True),
    "mae": (lambda: "mae", False),
}
WATCHING = [
    lambda **given: EarlyStopping(patience=1, restore_best_weights=True, **given),
    lambda **given: ReduceLROnPlateau(patience=1, **given),
    lambda **given: ModelCheckpoint("best.keras", save_best_only=True, **given),
]


@pytest.mark.parametrize("prefix", ["", "val_"])
@pytest.mark.parametrize("name", RENAMED)
@pytest.mark.parametrize("watch", WATCHING)
def test_the_metric_is_asked(watch: Callable, name: str, prefix: str, model: keras.Sequential) -> None:
    """Whatever it is called."""
    metric, grows = RENAMED[name]
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=[metric()])
    callback = watch(monitor=prefix + name)
    callback.set_model(model)
    assert callback.larger_is_better() == grows
    assert callback.is_better(2, 1) == grows and callback.is_better(1, 2) != grows


@pytest.mark.parametrize("watch", WATCHING)
def test_the_best_of_a_renamed_accuracy(
    watch: Callable, model: keras.Sequential, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Values that grow all the time: training neither stops nor slows down, and the last weights are the best."""
    monkeypatch.chdir(tmp_path)
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=[metrics.CategoricalAccuracy(name="top1")])
    history = fit(model, [Scores("val_top1", [0.1, 0.2, 0.3, 0.4]), watch(monitor="val_top1", verbose=1)], epochs=4)
    assert history.epoch == [0, 1, 2, 3]
    assert len(set(history.history.get("learning_rate", [0.01]))) == 1
    if os.path.exists("best.keras"):
        saved = keras.models.load_model("best.keras")
        np.testing.assert_array_equal(saved.get_weights()[0], model.get_weights()[0])


@pytest.mark.parametrize("watch", WATCHING)
def test_an_unknown_metric_needs_a_mode(
    watch: Callable, model: keras.Sequential, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the first epoch, where it is the model's; else at the first value."""
    monkeypatch.chdir(tmp_path)
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=[judged])
    before = model.get_weights()[0]
    for monitor in ("judged", "val_judged"):
        with pytest.raises(ValueError, match=rf"monitor='{monitor}'.*: nothing tells .*Pass mode='max' or mode='min'"):
            fit(model, [watch(monitor=monitor)], epochs=2)
    np.testing.assert_array_equal(model.get_weights()[0], before)
    with pytest.raises(ValueError, match="Pass mode="):
        fit(model, [Scores("my_accuracy", [1, 2, 3]), watch(monitor="my_accuracy")], epochs=3)
    for mode in ("max", "min"):
        callback = watch(monitor="judged", mode=mode)
        assert fit(model, [callback], epochs=1).epoch == [0]
        assert callback.larger_is_better() == (mode == "max")
    assert fit(model, [ModelCheckpoint("every.keras", monitor="judged")], epochs=1).epoch == [0]


def test_reduce_on_plateau(model: keras.Sequential, capsys: pytest.CaptureFixture[str]) -> None:
    reduce = ReduceLROnPlateau(monitor="m", mode="min", factor=0.5, patience=2, cooldown=1, min_lr=0.003, verbose=1)
    history = fit(model, [Scores("m", [1.0] * 9), reduce], epochs=9)
    assert history.history["learning_rate"] == [0.01, 0.01, 0.01, 0.005, 0.005, 0.003, 0.003, 0.003, 0.003]
    assert "Epoch 3: ReduceLROnPlateau reducing learning rate to 0.005." in capsys.readouterr().out


def test_a_schedule(model: keras.Sequential) -> None:
    history = fit(model, [LearningRateScheduler(lambda epoch: 1 / (epoch + 1))], epochs=3)
    assert history.history["learning_rate"] == [1, 0.5, 1 / 3]


def test_checkpoints(model: keras.Sequential, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    every = ModelCheckpoint(tmp_path / "all" / "{epoch:02d}-{m:.1f}.keras")
    best = ModelCheckpoint(str(tmp_path / "best.keras"), monitor="m", mode="min", save_best_only=True, verbose=1)
    kept: list[np.ndarray] = []
    record = LambdaCallback(on_epoch_end=lambda epoch, logs: kept.append(model.get_weights()[0]))
    fit(model, [Scores("m", [2, 1, 3]), record, every, best], epochs=3)
    assert sorted(os.listdir(tmp_path / "all")) == ["01-2.0.keras", "02-1.0.keras", "03-3.0.keras"]
    np.testing.assert_array_equal(keras.models.load_model(tmp_path / "best.keras").get_weights()[0], kept[1])
    lines = [line for line in capsys.readouterr().out.splitlines() if line]
    path = tmp_path / "best.keras"
    assert lines == [
        f"Epoch 1: m improved from None to 2.00000, saving model to {path}",
        f"Epoch 2: m improved from 2.00000 to 1.00000, saving model to {path}",
        "Epoch 3: m did not improve from 1.00000",
    ]


@pytest.mark.parametrize(
    ("callback", "error", "message"),
    [
        (lambda: ModelCheckpoint("{val_loss}.keras"), ValueError, "names 'val_loss', which this fit does not have"),
        (lambda: EarlyStopping, TypeError, "callbacks must be Callback objects of fastnn.keras.callbacks, got EarlySt"),
        (lambda: print, TypeError, "must be Callback objects"),
    ],
)
def test_mistakes(model: keras.Sequential, callback: Any, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        fit(model, [callback()], epochs=1)
    with pytest.raises(ValueError, match="mode must be"):
        EarlyStopping(mode="largest")
    with pytest.raises(ValueError, match="must be less than 1"):
        ReduceLROnPlateau(factor=1)


@pytest.mark.parametrize(
    "callback",
    [EarlyStopping(), ReduceLROnPlateau(), ModelCheckpoint("never", save_best_only=True)],
    ids=lambda callback: type(callback).__name__,
)
def test_a_metric_that_is_not_there(callback: Callback, model: keras.Sequential) -> None:
    """A warning, and training goes on, as in Keras."""
    with pytest.warns(UserWarning, match=r"watches 'val_loss', which this fit does not have.* It has: accuracy, loss"):
        assert fit(model, [callback], epochs=2).epoch == [0, 1]
    assert not os.path.exists("never")


def test_one_callback_without_a_list(model: keras.Sequential) -> None:
    assert model.fit(X, Y, epochs=3, verbose=0, callbacks=Scores("m", [0, 0, 0])).history["m"] == [0, 0, 0]


def test_a_batch_may_stop_it(model: keras.Sequential) -> None:
    """And the old names of the hooks are called."""
    seen: list[int] = []

    class Stop(Callback):
        def on_batch_end(self, batch: int, logs: Any = None) -> None:
            seen.append(batch)
            self.model.stop_training = batch == 1

    assert fit(model, [Stop()], epochs=5).epoch == [0]
    assert seen == [0, 1]
