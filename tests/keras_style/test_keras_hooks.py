"""Every hook of callbacks, with its logs, in every path: fit, its validation, evaluate, predict."""

from __future__ import annotations

import inspect
import math
from pathlib import Path
from typing import Any

import fastnn
import numpy as np
import pytest
from fastnn import keras
from fastnn.errors import NonFiniteLossError
from fastnn.keras.callbacks import Callback, CSVLogger, LambdaCallback, ModelCheckpoint, TensorBoard, TerminateOnNaN

X = np.random.default_rng(0).standard_normal((10, 3)).astype(np.float32)
Y = (X.sum(axis=1) > 0).astype(np.int64)
HOOKS = sorted(name for name in dir(Callback) if name.startswith("on_"))
OF_BATCHES = [name for name in HOOKS if "batch" in name]


@pytest.fixture
def model() -> keras.Sequential:
    fastnn.manual_seed(1)
    model = keras.Sequential([keras.layers.Dense(2, activation="softmax", input_shape=(3,))])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def recorder(names: list[str]) -> tuple[Callback, list[tuple]]:
    """A callback with some hooks, whose arguments must all be given: ``on_epoch_begin(self, epoch, logs)``."""
    heard: list[tuple] = []
    own: dict[str, Any] = {}
    for name in names:
        if len(inspect.signature(getattr(Callback, name)).parameters) == 3:

            def hook(self: Any, number: int, logs: Any, name: str = name) -> None:
                heard.append((name, number, sorted(logs)))
        else:

            def hook(self: Any, logs: Any, name: str = name) -> None:
                heard.append((name, sorted(logs)))

        own[name] = hook
    return type("Recorder", (Callback,), own)(), heard


def test_there_are_all_of_keras() -> None:
    pairs = [
        f"on_{what}_{when}" for what in ("train", "epoch", "batch", "test", "predict") for when in ("begin", "end")
    ]
    batches = [f"on_{what}_batch_{when}" for what in ("train", "test", "predict") for when in ("begin", "end")]
    assert sorted([*pairs, *batches]) == HOOKS


EPOCH = ["accuracy", "loss"]
WITH_VAL = [*EPOCH, "val_accuracy", "val_loss"]


@pytest.mark.parametrize("name", HOOKS)
def test_each_alone_gets_logs(name: str, model: keras.Sequential) -> None:
    """As the only one that is overridden, wherever it is called."""
    callback, heard = recorder([name])
    model.fit(X, Y, batch_size=4, epochs=1, verbose=0, callbacks=[callback], validation_data=(X, Y))
    model.evaluate(X, Y, batch_size=4, verbose=0, callbacks=[callback])
    model.predict(X, batch_size=4, verbose=0, callbacks=callback)
    kind, when = name.split("_")[1:-1], name.rpartition("_")[2]
    batches = 3 * (2 if kind[0] == "test" else 1)
    logs = [] if when == "begin" else EPOCH
    if "batch" in kind:
        logs = ["outputs"] if kind[0] == "predict" and when == "end" else logs
        assert heard == [(name, i % 3, logs) for i in range(batches)]
    elif kind == ["epoch"]:
        assert heard == [(name, 0, [] if when == "begin" else WITH_VAL)]
    else:
        whole = {"train": WITH_VAL, "test": EPOCH, "predict": []}[kind[0]]
        assert heard == [(name, [] if when == "begin" else whole)] * (2 if kind == ["test"] else 1)


def test_their_order(model: keras.Sequential) -> None:
    callback, heard = recorder([name for name in HOOKS if name not in ("on_batch_begin", "on_batch_end")])
    model.fit(X, Y, batch_size=5, epochs=1, verbose=0, callbacks=[callback], validation_data=(X[:5], Y[:5]))
    train = [f"on_train_batch_{when}" for _ in range(2) for when in ("begin", "end")]
    test = ["on_test_begin", "on_test_batch_begin", "on_test_batch_end", "on_test_end"]
    wanted = ["on_train_begin", "on_epoch_begin", *train, *test, "on_epoch_end", "on_train_end"]
    assert [entry[0] for entry in heard] == wanted


def test_batches_of_validation_are_of_the_batch_size(model: keras.Sequential) -> None:
    callback, heard = recorder(["on_test_batch_end"])
    model.fit(X, Y, batch_size=10, verbose=0, callbacks=[callback], validation_data=(X, Y), validation_batch_size=3)
    assert [entry[1] for entry in heard] == [0, 1, 2, 3]


def test_the_same_scores_batch_by_batch(model: keras.Sequential) -> None:
    logs: list[dict] = []
    record = LambdaCallback(on_test_batch_end=lambda batch, seen: logs.append(seen))
    heard = model.evaluate(X, Y, batch_size=3, verbose=0, callbacks=[record], return_dict=True)
    alone = model.evaluate(X, Y, batch_size=3, verbose=0, return_dict=True)
    assert heard == logs[-1] and len(logs) == 4
    assert heard == {name: pytest.approx(value, rel=1e-6) for name, value in alone.items()}
    first = model.evaluate(X[:3], Y[:3], verbose=0, return_dict=True)
    assert logs[0] == {name: pytest.approx(value, rel=1e-6) for name, value in first.items()}


def test_the_outputs_of_predicted_batches(model: keras.Sequential) -> None:
    parts: list[np.ndarray] = []
    record = LambdaCallback(on_predict_batch_end=lambda batch, logs: parts.append(logs["outputs"]))
    out = model.predict(X, batch_size=4, verbose=0, callbacks=[record])
    np.testing.assert_array_equal(np.concatenate(parts), out)
    np.testing.assert_array_equal(out, model.predict(X, verbose=0))


def test_params(model: keras.Sequential) -> None:
    callback = Callback()
    model.fit(X, Y, batch_size=4, epochs=3, verbose=0, callbacks=[callback])
    assert callback.params == {"epochs": 3, "steps": 3, "verbose": 0}
    model.predict(X, batch_size=3, verbose=0, callbacks=[callback])
    assert callback.params == {"steps": 4, "verbose": 0} and callback.model is model


@pytest.mark.parametrize("name", HOOKS)
def test_lambdas(name: str, model: keras.Sequential) -> None:
    called: list[tuple] = []
    callback = LambdaCallback(**{name: lambda *given: called.append(given)})
    model.fit(X, Y, verbose=0, callbacks=[callback])
    model.evaluate(X, Y, verbose=0, callbacks=[callback])
    model.predict(X, verbose=0, callbacks=[callback])
    assert called
    with pytest.raises(TypeError, match="there is no hook 'on_epoch_ended'"):
        LambdaCallback(on_epoch_ended=print)


def test_csv(model: keras.Sequential, tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    first = model.fit(X, Y, epochs=2, verbose=0, callbacks=[CSVLogger(path)], validation_data=(X, Y)).history
    lines = path.read_text().splitlines()
    assert lines[0] == "epoch,accuracy,loss,val_accuracy,val_loss" and len(lines) == 3
    assert [float(cell) for cell in lines[2].split(",")] == [1, *(first[name][1] for name in WITH_VAL)]
    model.fit(X, Y, initial_epoch=2, epochs=3, verbose=0, callbacks=[CSVLogger(path, append=True)])
    assert path.read_text().splitlines()[3].startswith("2,") and path.read_text().endswith(",NA,NA\n")
    model.fit(X, Y, verbose=0, callbacks=[CSVLogger(str(path), separator=";")])
    assert path.read_text().splitlines()[0] == "epoch;accuracy;loss"


def test_csv_that_cannot_be_written(model: keras.Sequential, tmp_path: Path) -> None:
    callback = CSVLogger(tmp_path / "gone" / "log.csv")
    with pytest.raises(FileNotFoundError):
        model.fit(X, Y, verbose=0, callbacks=[callback])
    (tmp_path / "gone").mkdir()
    remove = LambdaCallback(on_epoch_begin=lambda epoch, logs: _remove(tmp_path / "gone"))
    with pytest.warns(UserWarning, match=r"cannot be written .* training goes on") as said:
        history = model.fit(X, Y, epochs=3, verbose=0, callbacks=[remove, callback])
    assert history.epoch == [0, 1, 2] and len(said) == 1


def _remove(folder: Path) -> None:
    for path in folder.glob("*"):
        path.unlink()
    if folder.exists():
        folder.rmdir()


def test_a_loss_that_is_no_number(model: keras.Sequential, capsys: pytest.CaptureFixture[str]) -> None:
    def fit(*callbacks: Callback) -> Any:
        model.set_weights([np.full((3, 2), 1e30), np.zeros(2)])
        model.compile(keras.optimizers.SGD(1e30), "mse")
        return model.fit(X * 1e9, np.eye(2)[Y] * 1e30, epochs=4, verbose=0, callbacks=list(callbacks))

    with pytest.raises(NonFiniteLossError):
        fit()
    callback, heard = recorder(["on_train_end"])
    history = fit(TerminateOnNaN(), callback)
    assert "Invalid loss, terminating training" in capsys.readouterr().out
    assert len(history.epoch) < 4 and len(heard) == 1


def test_checkpoints_by_batches_and_periods(model: keras.Sequential, tmp_path: Path) -> None:
    saves: list[int] = []
    callback = ModelCheckpoint(tmp_path / "m.keras", save_freq=3)
    callback._save = lambda path, text: saves.append(int(model.optimizer.iterations))  # type: ignore[method-assign]
    model.fit(X, Y, batch_size=2, epochs=2, verbose=0, callbacks=[callback])
    assert saves == [3, 6, 9]
    model.fit(X, Y, epochs=4, verbose=0, callbacks=[ModelCheckpoint(str(tmp_path / "{epoch}.keras"), period=2)])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["2.keras", "4.keras"]
    best = ModelCheckpoint(tmp_path / "b.keras", "loss", save_best_only=True, initial_value_threshold=0.0)
    model.fit(X, Y, verbose=0, callbacks=[best])
    assert not (tmp_path / "b.keras").exists()
    for wrong in ("step", 0):
        with pytest.raises(ValueError, match="save_freq is"):
            ModelCheckpoint("m.keras", save_freq=wrong)


def test_tensorboard_arguments(model: keras.Sequential, tmp_path: Path) -> None:
    board = TensorBoard(
        tmp_path,
        histogram_freq=1,
        write_graph=True,
        write_images=True,
        write_steps_per_second=True,
        update_freq="batch",
    )
    model.fit(X, Y, batch_size=5, verbose=0, callbacks=[board])
    data = b"".join(path.read_bytes() for path in (tmp_path / "train").iterdir())
    for name in (b"keras", b"batch_loss", b"epoch_loss", b"epoch_steps_per_second", b"dense", b"PNG"):
        assert name in data, name
    quiet = TensorBoard(tmp_path / "q", write_graph=False)
    model.fit(X, Y, verbose=0, callbacks=[quiet])
    data = b"".join(path.read_bytes() for path in (tmp_path / "q/train").iterdir())
    assert b"epoch_loss" in data and b"keras" not in data and b"PNG" not in data and b"batch_loss" not in data
    for wrong in ({"embeddings_freq": 1}, {"write_grads": True}, {"update_freq": "step"}, {"update_freq": 0}):
        with pytest.raises(ValueError, match="TensorBoard:"):
            TensorBoard(tmp_path, **wrong)


def test_nothing_is_called_in_vain(model: keras.Sequential) -> None:
    """Training is not cut into batches for hooks that nobody has."""
    fitting = keras.callbacks.CallbackList([Callback(), TerminateOnNaN(), TensorBoard()], model, {})
    assert not any(fitting.hears(kind) for kind in ("train_batch", "test_batch", "predict_batch"))
    for name in OF_BATCHES:
        callback, _ = recorder([name])
        kind = "train_batch" if name in ("on_batch_begin", "on_batch_end") else "_".join(name.split("_")[1:3])
        assert callback.hears(kind) and math.fsum(callback.hears(k) for k in ("train_batch", "test_batch")) <= 1
