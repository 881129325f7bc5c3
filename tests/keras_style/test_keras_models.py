"""Sequential without its training: layers, shapes, tables, files, and what is said of mistakes."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fastnn
import numpy as np
import pytest
from fastnn import keras, nn
from fastnn.eager.tensor import Tensor
from fastnn.errors import FormatError
from fastnn.keras import activations, layers, models, named
from fastnn.keras.datasets import mnist
from fastnn.keras.utils import to_categorical

X = np.random.default_rng(0).random((12, 4, 3)).astype(np.float32)
Y = np.arange(12) % 3


@pytest.fixture(autouse=True)
def fresh() -> None:
    named.forget()
    fastnn.manual_seed(4)


def small() -> keras.Sequential:
    flat = layers.Flatten(input_shape=(4, 3))
    return models.Sequential(
        [flat, layers.Dense(5, "relu"), layers.Dropout(0.5), layers.Dense(3), layers.Activation("softmax")]
    )


def compiled() -> keras.Sequential:
    model = small()
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def test_layers_and_shapes() -> None:
    model = small()
    names = ["flatten", "dense", "dropout", "dense_1", "activation"]
    assert [layer.name for layer in model.layers] == names
    assert [layer.output_shape for layer in model.layers] == [(None, 12), (None, 5), (None, 5), (None, 3), (None, 3)]
    assert (model.input_shape, model.output_shape) == ((None, 4, 3), (None, 3))
    assert [w.shape for w in model.get_weights()] == [(12, 5), (5,), (5, 3), (3,)]
    assert model.count_params() == 12 * 5 + 5 + 5 * 3 + 3
    assert model.get_layer("dense_1") is model.layers[3] is model.get_layer(index=3)
    assert model.pop().name == "activation" and model.output_shape == (None, 3)


def test_dense_is_its_formula() -> None:
    model = small()
    w1, b1, w2, b2 = model.get_weights()
    z = np.maximum(X.reshape(12, 12) @ w1 + b1, 0) @ w2 + b2
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(model.predict(X, verbose=0), p, rtol=1e-5)
    np.testing.assert_allclose(model(X).numpy(), p, rtol=1e-5)
    np.testing.assert_array_equal(model.predict_classes(X), p.argmax(axis=1))


def test_where_weights_start() -> None:
    model = models.Sequential([keras.Input((200,)), layers.Dense(100)])
    kernel, bias = model.get_weights()
    bound = (6 / 300) ** 0.5
    assert not bias.any() and np.abs(kernel).max() <= bound and kernel.std() == pytest.approx(bound / 3**0.5, rel=0.02)
    for name, spread in (("he_uniform", (2 / 200) ** 0.5), ("random_normal", 0.05), ("zeros", 0)):
        model = models.Sequential(
            [keras.Input((200,)), layers.Dense(100, kernel_initializer=name, bias_initializer="ones")]
        )
        kernel, bias = model.get_weights()
        assert bias.all() and kernel.std() == pytest.approx(spread, rel=0.02)


def test_a_model_is_built_by_its_first_data() -> None:
    model = models.Sequential([layers.Dense(3, "softmax")])
    assert not model.built
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(X.reshape(12, 12), Y, verbose=0)
    assert model.input_shape == (None, 12)
    assert model.predict(np.zeros((0, 12)), verbose=0).shape == (0, 3)


def test_pixels_are_taken_as_they_are() -> None:
    """Integers too: Keras does not divide them by 255."""
    model = models.Sequential([layers.Dense(1, input_dim=2, kernel_initializer="ones")])
    np.testing.assert_array_equal(model.predict(np.array([[100, 155]], dtype=np.uint8), verbose=0), [[255]])


def test_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    small().summary()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == 'Model: "sequential"'
    assert lines[2] == "┃ Layer (type)                       ┃ Output Shape             ┃         Param # ┃"
    assert lines[4] == "│ flatten (Flatten)                  │ (None, 12)               │               0 │"
    assert lines[6] == "│ dense (Dense)                      │ (None, 5)                │              65 │"
    assert lines[-3:] == [
        " Total params: 83 (332.00 B)",
        " Trainable params: 83 (332.00 B)",
        " Non-trainable params: 0 (0.00 B)",
    ]
    models.Sequential([layers.Dense(3)]).summary()
    assert "0 (unbuilt)" in capsys.readouterr().out


LINE = r"3/3 ━{20} \d+s \d+(us|ms|s)/step - accuracy: \d\.\d{4} - loss: \d\.\d{4}"


def test_progress_lines(capsys: pytest.CaptureFixture[str]) -> None:
    model = compiled()
    model.fit(X, Y, batch_size=5, epochs=2, validation_data=(X, Y))
    model.fit(X, Y, batch_size=5, epochs=1, verbose=2)
    model.evaluate(X, Y, batch_size=5)
    model.predict(X)
    lines = capsys.readouterr().out.splitlines()
    value = r"\d\.\d{4}"
    wanted = [
        "Epoch 1/2",
        rf"{LINE} - val_accuracy: {value} - val_loss: {value}",
        "Epoch 2/2",
        rf"{LINE} - val_accuracy: {value} - val_loss: {value}",
        rf"3/3 - \d+s - \d+(us|ms|s)/step - accuracy: {value} - loss: {value}",
        LINE,
        r"1/1 ━{20} \d+s \d+(us|ms|s)/step",
    ]
    assert [bool(re.fullmatch(pattern, line)) for pattern, line in zip(wanted, lines, strict=True)] == [True] * 7


@pytest.mark.parametrize("encoding", ["ascii", "cp936", "latin-1"])
def test_terminals_that_cannot_show_the_bar(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", screen)
    model = compiled()
    model.summary()
    model.fit(X, Y, epochs=2)
    screen.flush()
    text = screen.buffer.getvalue().decode(encoding)
    assert "1/1 " in text and "dense (Dense)" in text and "\\u" not in text


def test_files(tmp_path: Path) -> None:
    model = compiled()
    model.fit(X, Y, verbose=0)
    model.save(tmp_path / "model.keras")
    model.save_weights(tmp_path / "model.weights.h5")
    again = models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))
    assert [layer.name for layer in again.layers] == [layer.name for layer in model.layers]
    assert again.layers[2].rate == 0.5
    fresh = models.Sequential([layers.Flatten(input_shape=(4, 3)), layers.Dense(5, "relu"), layers.Dense(3, "softmax")])
    fresh.load_weights(tmp_path / "model.weights.h5")
    np.testing.assert_allclose(fresh.predict(X, verbose=0), model.predict(X, verbose=0), rtol=1e-6)
    with pytest.raises(FormatError, match="has no architecture"):
        models.load_model(tmp_path / "model.weights.h5")
    with pytest.raises(FormatError, match=r"holds weights of shapes .* model 'other' has"):
        models.Sequential([keras.Input((4,)), layers.Dense(2)], name="other").load_weights(tmp_path / "model.keras")


def test_slopes_of_leaky_relu(tmp_path: Path) -> None:
    """A layer's 0.3 or its own, in files too; 0.2 by name. Names are Keras' own."""
    kinds = [keras.Input((3,)), layers.LeakyReLU(), layers.LeakyReLU(0.5), layers.Dense(3, "leaky_relu")]
    model = models.Sequential(kinds)
    model.set_weights([np.eye(3), np.zeros(3)])
    assert [layer.name for layer in model.layers] == ["leaky_re_lu", "leaky_re_lu_1", "dense"]
    model.save(tmp_path / "m")
    for each in (model, models.load_model(tmp_path / "m")):
        np.testing.assert_allclose(each.predict([[-1, 0, 2]], verbose=0), [[-1 * 0.3 * 0.5 * 0.2, 0, 2]], rtol=1e-6)
        assert [layer.negative_slope for layer in each.layers[:2]] == [0.3, 0.5]
    x = Tensor([-1.0, 4.0])
    assert activations.leaky_relu(x).tolist() == activations.leaky_relu(x, negative_slope=0.2).tolist()
    assert activations.leaky_relu(x, 0.25).tolist() == [-0.25, 4]


class Kernel(layers.Layer):
    """A weight as a convolution's: (height, width, inputs, outputs), ours (outputs, inputs, height, width)."""

    layout = (("kernel", (2, 3, 1, 0)),)

    def make(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        self.modules = [nn.Module(), nn.Module()]
        self.modules[0].weight = nn.Parameter(np.zeros((5, 2, 3, 4), dtype=np.float32))
        self.modules[1].scale = nn.Parameter(np.ones((6, 7), dtype=np.float32))  # as an activation's own
        return shape


def test_axes_of_weights_are_keras_own(tmp_path: Path) -> None:
    model = models.Sequential([Kernel(input_shape=(9,), name="conv")])
    values = np.arange(120, dtype=np.float32).reshape(3, 4, 2, 5)
    scale = np.arange(42, dtype=np.float32).reshape(6, 7)
    model.set_weights([values, scale])
    assert model.weights[0].detach().numpy()[4, 1, 2, 3] == values[2, 3, 1, 4]
    assert [name for name, _ in model.layers[0].named_weights()] == ["kernel", "weight_1"]
    model.save_weights(tmp_path / "weights")
    other = models.Sequential([Kernel(input_shape=(9,), name="conv")])
    other.load_weights(tmp_path / "weights")
    for own, expected in zip(other.get_weights(), (values, scale), strict=True):
        assert np.array_equal(own, expected)
    with pytest.raises(ValueError, match=r"a weight of shape \(3, 4, 2, 5\) cannot take one of \(5, 2, 3, 4\)"):
        model.set_weights([np.zeros((5, 2, 3, 4)), scale])


def test_a_file_that_declares_more_than_it_has(tmp_path: Path) -> None:
    """Refused before memory is taken for it."""
    compiled().save(tmp_path / "m")
    data = (tmp_path / "m").read_bytes()
    for change in ((b'"units\\": 5,', b'"units\\": 9,'), (b"[4, 3]", b"[4,33]")):
        assert len(change[0]) == len(change[1])
        (tmp_path / "bad").write_bytes(data.replace(*change))
        with pytest.raises(FormatError, match=r"declares are not those in the file|is damaged"):
            models.load_model(tmp_path / "bad")


def test_an_activation_of_the_users_own(tmp_path: Path) -> None:
    model = models.Sequential([layers.Dense(3, activation=lambda x: x.relu() * 2, input_dim=2)])
    np.testing.assert_array_equal(model.predict(np.zeros((1, 2)), verbose=0), np.zeros((1, 3)))
    with pytest.raises(ValueError, match="is a function of yours"):
        model.save(tmp_path / "m")
    model.save_weights(tmp_path / "m")


def test_frozen_layers(capsys: pytest.CaptureFixture[str]) -> None:
    model = compiled()
    model.layers[1].trainable = False
    before = model.get_weights()
    model.fit(X, Y, epochs=2, verbose=0)
    same = [np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True)]
    assert same == [True, True, False, False] and len(model.trainable_weights) == 2
    model.summary()
    assert " Non-trainable params: 65 (260.00 B)" in capsys.readouterr().out
    model.trainable = True
    model.fit(X, Y, verbose=0)
    assert not np.array_equal(before[0], model.get_weights()[0])


def test_numbers_are_samples_of_one_feature() -> None:
    model = models.Sequential([layers.Dense(units=1, input_shape=[1])])
    model.compile(optimizer="sgd", loss="mean_squared_error")
    x = np.array([-1.0, 0, 1, 2, 3, 4])
    history = model.fit(x, 2 * x - 1, epochs=300, verbose=0).history
    assert history["loss"][-1] < 0.01 * history["loss"][0]
    assert model.predict(np.array([10.0]), verbose=0)[0, 0] == pytest.approx(19, abs=0.5)


def test_validation_data_goes_before_a_split() -> None:
    model = compiled()
    model.compile(keras.optimizers.SGD(0.0), "sparse_categorical_crossentropy")
    model.layers[2].rate = 0.0
    history = model.fit(X, Y, verbose=0, validation_split=0.5, validation_data=(X[:2], Y[:2]), batch_size=12).history
    assert history["val_loss"] == [pytest.approx(model.evaluate(X[:2], Y[:2], verbose=0), rel=1e-5)]


def test_metrics_of_the_users_own_get_rows_as_given() -> None:
    model = compiled()
    seen: list[tuple] = []

    def agreement(t: np.ndarray, p: np.ndarray) -> np.ndarray:
        seen.append((t.shape, p.shape))
        return t.argmax(axis=1) == p.argmax(axis=1)

    model.compile("sgd", "categorical_crossentropy", metrics=[agreement, "accuracy"])
    _, own, accuracy = model.evaluate(X, to_categorical(Y), verbose=0)
    assert own == accuracy and seen == [((12, 3), (12, 3))]


@pytest.mark.parametrize("start", [b"\x89HDF\r\n\x1a\n", b"PK\x03\x04rest"])
def test_files_of_keras_itself(start: bytes, tmp_path: Path) -> None:
    (tmp_path / "m.h5").write_bytes(start + bytes(100))
    with pytest.raises(FormatError, match="is a file of Keras itself"):
        models.load_model(tmp_path / "m.h5")


def test_damaged_files(tmp_path: Path) -> None:
    compiled().save(tmp_path / "m")
    data = (tmp_path / "m").read_bytes()
    for change in ((b"Dense", b"Dance"), (b"units", b"onits"), (b"[4, 3]", b"[4,-3]"), (b"relu", b"rela")):
        assert change[0] in data
        (tmp_path / "bad").write_bytes(data.replace(*change))
        with pytest.raises(FormatError):
            models.load_model(tmp_path / "bad")
    for size in (0, 7, 100, len(data) - 1):
        (tmp_path / "bad").write_bytes(data[:size])
        with pytest.raises(FormatError):
            models.load_model(tmp_path / "bad")


FLAT = X.reshape(12, 12)
MISTAKES: dict[str, tuple[Callable[[], Any], type, str]] = {
    "fit first": (lambda: small().fit(X, Y), ValueError, r"not compiled: call compile\(optimizer, loss\) before fit"),
    "no loss": (lambda: _with(loss=None).fit(X, Y), ValueError, "has no loss: compile"),
    "loss name": (lambda: _with(loss="categorical_crosentropy"), ValueError, "did you mean 'categorical_crossentropy'"),
    "optimizer name": (lambda: _with(optimizer="adma"), ValueError, "unknown optimizer 'adma'; did you mean 'adam'"),
    "optimizer": (lambda: _with(optimizer=3), TypeError, "optimizer must be a name or a Optimizer"),
    "metric": (lambda: _with(metrics=["accurracy"]), ValueError, "unknown metric 'accurracy'; did you mean 'accuracy'"),
    "activation": (lambda: layers.Dense(3, activation="rellu"), ValueError, "did you mean 'relu'"),
    "units": (lambda: layers.Dense(0), ValueError, "units is 0; it must be an integer of at least 1"),
    "slope": (lambda: layers.LeakyReLU(-0.5), ValueError, "negative_slope is -0.5; it must be at least 0 and finite"),
    "rate": (lambda: layers.Dropout(1.0), ValueError, "rate is 1.0; it must be at least 0 and less than 1"),
    "argument": (lambda: layers.Dense(3, kernel_regularise="l2"), TypeError, "Dense has no argument 'kernel_regular"),
    "input shape": (lambda: layers.Dense(3, input_shape=(-1,)), ValueError, r"input_shape is \(-1,\)"),
    "no layer": (lambda: models.Sequential([3]), TypeError, "takes layers of fastnn.keras.layers, got int"),
    "class": (lambda: models.Sequential([layers.Flatten]), TypeError, "got Flatten"),
    "empty": (lambda: _empty().fit(X, Y), ValueError, "has no layers"),
    "shape": (
        lambda: compiled().fit(FLAT, Y),
        ValueError,
        r"layer 'flatten' \(Flatten\) takes inputs of shape \(None, 4, 3\), x has shape \(12, 12\)",
    ),
    "rows": (lambda: compiled().fit(X, Y[:5]), ValueError, r"x has shape \(12, 4, 3\), y has \(5,\)"),
    "one-hot": (
        lambda: compiled().fit(X, to_categorical(Y)),
        ValueError,
        "one-hot rows go with categorical_crossentropy",
    ),
    "label": (
        lambda: compiled().fit(X, Y + 1),
        ValueError,
        "label 3 at sample 2 is outside 0..2: the last layer has 3",
    ),
    "fraction": (lambda: compiled().fit(X, Y + 0.5), ValueError, "takes class numbers, got values such as 0.5"),
    "numbers": (
        lambda: _with(loss="categorical_crossentropy").fit(X, Y),
        ValueError,
        "make rows of class numbers with to_categorical",
    ),
    "mse": (
        lambda: _with(loss="mse").fit(X, Y),
        ValueError,
        r"takes targets of the outputs' shape \(None, 3\), got \(12,\)",
    ),
    "nan": (
        lambda: compiled().fit(np.where(X > 0.5, np.nan, X), Y),
        ValueError,
        "x has .* non-finite values, first at sample",
    ),
    "no targets": (lambda: compiled().fit(X), ValueError, "need targets"),
    "empty data": (lambda: compiled().fit(X[:0], Y[:0]), ValueError, "the data set is empty"),
    "split": (lambda: compiled().fit(X, Y, validation_split=1.5), ValueError, "validation_split is 1.5"),
    "split of few": (lambda: compiled().fit(X[:1], Y[:1], validation_split=0.5), ValueError, "leaves 0 to train with"),
    "batch": (lambda: compiled().fit(X, Y, batch_size=0), ValueError, "batch_size is 0; it must be >= 1"),
    "epochs": (lambda: compiled().fit(X, Y, epochs=1.5), TypeError, "epochs must be an integer"),
    "text": (lambda: compiled().fit(X.astype(str), Y), TypeError, "expected numbers"),
    "weights": (lambda: small().set_weights([np.zeros(3)]), ValueError, "has 4 weights, got 1 arrays"),
    "a weight": (
        lambda: small().layers[1].set_weights([np.zeros((5, 12)), np.zeros(5)]),
        ValueError,
        r"shape \(12, 5\) cannot take one of \(5, 12\)",
    ),
    "two names": (
        lambda: models.Sequential([layers.Dense(3, name="a"), layers.Dense(3, name="a")]),
        ValueError,
        "need names of their own",
    ),
    "categories": (lambda: to_categorical([0, 3], 3), ValueError, r"labels run from 0 to 3, outside 0\.\.2"),
    "no shape": (
        lambda: models.Sequential([layers.Dense(3)]).count_params(),
        ValueError,
        "does not know its input shape",
    ),
}


def _with(optimizer: Any = "adam", loss: Any = "mse", metrics: Any = None) -> keras.Sequential:
    model = small()
    model.compile(optimizer=optimizer, loss=loss, metrics=metrics)
    return model


def _empty() -> keras.Sequential:
    model = models.Sequential()
    model.compile("adam", "mse")
    return model


@pytest.mark.parametrize(("call", "error", "message"), MISTAKES.values(), ids=MISTAKES.keys())
def test_mistakes(call: Callable[[], Any], error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_to_categorical() -> None:
    np.testing.assert_array_equal(to_categorical([[1], [0]]), [[0, 1], [1, 0]])
    assert to_categorical([1, 0], 4).shape == (2, 4) and to_categorical([]).shape == (0, 0)


def test_mnist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From mnist.npz, where it lies or in a known folder; else from IDX files; else it says what to put where."""
    monkeypatch.setenv("FASTNN_DATA", str(tmp_path))
    monkeypatch.setenv("FASTNN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"Put mnist\.npz .* train-images-idx3-ubyte\.gz"):
        mnist.load_data()
    rng = np.random.default_rng(0)
    arrays = {
        "x_train": rng.integers(0, 256, (6, 28, 28), dtype=np.uint8),
        "y_train": np.arange(6, dtype=np.uint8),
        "x_test": rng.integers(0, 256, (2, 28, 28), dtype=np.uint8),
        "y_test": np.arange(2, dtype=np.uint8),
    }
    np.savez(tmp_path / "mnist.npz", **arrays)
    (x_train, y_train), (x_test, y_test) = mnist.load_data()
    for name, got in (("x_train", x_train), ("y_train", y_train), ("x_test", x_test), ("y_test", y_test)):
        np.testing.assert_array_equal(got, arrays[name])
    (tmp_path / "mnist.npz").write_bytes(b"PK\x03\x04 damaged")
    with pytest.raises(FormatError, match=r"is no mnist\.npz"):
        mnist.load_data()
    np.savez(tmp_path / "mnist.npz", x_train=np.zeros(3))
    with pytest.raises(FormatError, match=r"is no mnist\.npz"):
        mnist.load_data()
