"""Networks of images: their training beside a reference in float64, their plans, files, summaries and messages."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import fastnn
import numpy as np
import pytest
from fastnn import keras
from fastnn.engine.plan import Plan
from fastnn.keras import layers
from fastnn.nn import CrossEntropyLoss
from fastnn.reference import batch_norm, convolution, pooling

RNG = np.random.default_rng(8)
X = RNG.standard_normal((60, 7, 8, 2)).astype(np.float32)
Y = (X[:, :3].sum((1, 2, 3)) > 0) + (X[:, 4:, :, 0].sum((1, 2)) > 0).astype(np.int64)


def network() -> keras.Sequential:
    """Padding that is one more behind than before, strides, batch normalisation, both kinds of pooling."""
    fastnn.manual_seed(5)
    return keras.Sequential(
        [
            layers.Conv2D(4, 3, strides=2, padding="same", use_bias=False, input_shape=(7, 8, 2), name="first"),
            layers.BatchNormalization(momentum=0.9, name="norm"),
            layers.ReLU(),
            layers.MaxPooling2D(3, strides=2, padding="same"),
            layers.Conv2D(5, 2, padding="same", activation="relu", name="second"),
            layers.AveragePooling2D(2, strides=1, padding="same"),
            layers.Flatten(),
            layers.Dense(3, activation="softmax", name="out"),
        ],
        name="net",
    )


class Reference:
    """The same in float64, of the reference's functions, which have their channels first; SGD with momentum."""

    FIRST: ClassVar = {"stride": (2, 2), "padding": (1, 0, 1, 1)}
    SECOND: ClassVar = {"padding": (0, 0, 1, 1)}
    EDGE = ((0, 0), (0, 0), (0, 1), (0, 1))  # what both poolings have around them: 4 x 4 and 2 x 2 pixels
    COUNTS = np.array([[4, 2], [2, 1]])  # pixels in the windows of the mean

    def __init__(self, weights: list[np.ndarray]) -> None:
        kernel, gamma, beta, self.mean, self.variance, second, bias, dense, out = (w.astype(float) for w in weights)
        self.learned = [kernel, gamma, beta, second, bias, dense, out]
        self.steps = [np.zeros_like(w) for w in self.learned]

    def weights(self) -> list[np.ndarray]:
        return [*self.learned[:3], self.mean, self.variance, *self.learned[3:]]

    def train(self, x: np.ndarray, y: np.ndarray, rate: float, momentum: float) -> float:
        kernel, gamma, beta, second, bias, dense, out = self.learned
        w, v = kernel.transpose(3, 2, 0, 1), second.transpose(3, 2, 0, 1)
        images = x.astype(float).transpose(0, 3, 1, 2)
        a = convolution.conv2d(images, w, **self.FIRST)
        b, mean, inverse, self.mean, self.variance = batch_norm.batch_norm(
            a, gamma, beta, self.mean, self.variance, 0.1, 1e-3, False
        )
        c = np.pad(np.maximum(b, 0), self.EDGE, constant_values=-np.inf)
        d = pooling.max_pool2d(c, (3, 3), (2, 2))
        e = np.maximum(convolution.conv2d(d, v, bias, **self.SECOND), 0)
        f = pooling.avg_pool2d(np.pad(e, self.EDGE), (2, 2), (1, 1), divisor=1) / self.COUNTS
        rows = f.transpose(0, 2, 3, 1).reshape(len(x), -1)  # Keras' order: the channels of a pixel beside each other
        logits = rows @ dense + out
        shares = np.exp(logits - logits.max(1, keepdims=True))
        shares /= shares.sum(1, keepdims=True)
        loss = -np.log(shares[np.arange(len(x)), y]).mean()
        g = (shares - np.eye(3)[y]) / len(x)
        back = (g @ dense.T).reshape(len(x), 2, 2, 5).transpose(0, 3, 1, 2) / self.COUNTS
        back = pooling.avg_pool2d_backward(back, (3, 3), (2, 2), (1, 1), divisor=1)[:, :, :2, :2] * (e > 0)
        found = [
            convolution.conv2d_grad_weight(back, d, (2, 2), **self.SECOND).transpose(2, 3, 1, 0),
            back.sum((0, 2, 3)),
            rows.T @ g,
            g.sum(0),
        ]
        back = convolution.conv2d_grad_x(back, v, (2, 2), **self.SECOND)
        back = pooling.max_pool2d_backward(back, c, (3, 3), (2, 2))[:, :, :4, :4] * (b > 0)
        back, *grads = batch_norm.batch_norm_backward(back, a, gamma, mean, inverse)
        first = convolution.conv2d_grad_weight(back, images, (3, 3), **self.FIRST).transpose(2, 3, 1, 0)
        self.steps = [momentum * s - rate * each for s, each in zip(self.steps, [first, *grads, *found], strict=True)]
        self.learned = [w + s for w, s in zip(self.learned, self.steps, strict=True)]
        return loss


@pytest.mark.parametrize("eagerly", [False, True])
def test_training_beside_a_reference(eagerly: bool) -> None:
    """Three epochs, the last batch of each shorter: losses and all weights, the moving values among them."""
    model = network()
    reference = Reference(model.get_weights())
    optimizer = keras.optimizers.SGD(0.05, momentum=0.9)
    model.compile(optimizer, "sparse_categorical_crossentropy", run_eagerly=eagerly)
    losses = model.fit(X, Y, batch_size=16, epochs=3, shuffle=False, verbose=0).history["loss"]
    for loss in losses:
        batches = [slice(start, min(start + 16, 60)) for start in range(0, 60, 16)]
        wanted = [reference.train(X[some], Y[some], 0.05, 0.9) * (some.stop - some.start) for some in batches]
        assert loss == pytest.approx(sum(wanted) / 60, rel=1e-5)
    for found, wanted in zip(model.get_weights(), reference.weights(), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=2e-5)


def resnet(channels: int = 2) -> keras.Model:
    fastnn.manual_seed(2)
    x = keras.Input((7, 8, channels), name="x")
    a = layers.Conv2D(4, 3, padding="same", use_bias=False)(x)
    a = layers.Activation("relu")(layers.BatchNormalization()(a))
    b = layers.Conv2D(4, 3, padding="same", use_bias=False)(a)
    b = layers.BatchNormalization()(b)
    c = layers.ReLU()(layers.Add()([a, b]))
    both = layers.Concatenate()([c, layers.Conv2D(2, 1, strides=1, activation="tanh")(x)])
    return keras.Model(x, layers.Dense(3, "softmax")(layers.GlobalAveragePooling2D()(both)))


@pytest.mark.parametrize("make", [network, resnet])
def test_nothing_is_copied(make: Callable[[], keras.Model]) -> None:
    """A step and a prediction are compiled, and put no image in another order: what a layer gives is what the next
    reads. (Concatenate copies, being what it is.)
    """
    model = make()
    logits = model.assembled(logits=True)
    optimizer = fastnn.optim.SGD(model.parameters, lr=0.1)
    plan = Plan(logits, CrossEntropyLoss(), optimizer)
    names = [op.name for op in plan.train_program(X[:16], Y[:16]).ops]
    assert "conv2d" in names and "batch_norm" in names
    moving = {"copy", "take", "take_backward", "unpack", "index"}
    parts = 2 if make is resnet else 0  # of a concatenation
    assert sum(name in moving for name in names) <= 2 * parts, names
    evaluated = [op.name for op in plan.eval_program(X[:16]).ops]
    assert sum(name in moving for name in evaluated) <= parts, evaluated


def test_relu_is_part_of_the_convolution() -> None:
    model = keras.Sequential([layers.Conv2D(4, 3, activation="relu", input_shape=(7, 8, 2)), layers.Flatten()])
    names = [op.name for op in Plan(model.net).eval_program(X[:16]).ops]
    assert "conv2d" in names and "relu" not in names


def test_concatenation_is_compiled() -> None:
    """Along any axis, forward and backward: the same bits as eager code."""
    results = []
    for eagerly in (False, True):
        fastnn.manual_seed(1)
        x = keras.Input((7, 8, 2))
        a, b = layers.Conv2D(3, 1, activation="relu")(x), layers.Conv2D(3, 1, padding="same")(x)
        joined = layers.Concatenate()([layers.Concatenate(1)([a, b]), layers.Concatenate(axis=-3)([b, x_of(x)])])
        model = keras.Model(x, layers.Dense(3, "softmax")(layers.Flatten()(joined)))
        model.compile("adam", "sparse_categorical_crossentropy", run_eagerly=eagerly)
        model.fit(X, Y, batch_size=16, epochs=2, shuffle=False, verbose=0)
        results.append(b"".join(w.tobytes() for w in model.get_weights()))
    assert results[0] == results[1]
    names = [op.name for op in Plan(model.net).eval_program(X[:16]).ops]
    assert names.count("assign") == 8 and "concatenate" not in names


def x_of(x: Any) -> Any:
    return layers.Concatenate()([x, layers.Lambda(lambda t: t[..., :1] * 2)(x)])


def fitted(model: keras.Model, epochs: int = 2) -> keras.Model:
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(X, Y, batch_size=16, epochs=epochs, verbose=0)
    return model


def same_weights(a: keras.Model, b: keras.Model) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(a.get_weights(), b.get_weights(), strict=True))


@pytest.mark.parametrize("make", [network, resnet])
def test_files(make: Callable[[], keras.Model], tmp_path: Path) -> None:
    """Whole, with the optimizer, which goes on as if nothing had been; weights alone; the moving values with both."""
    model = fitted(make())
    assert not np.array_equal(model.get_layer(index=2 if make is resnet else 1).get_weights()[2], np.zeros(4))
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras")
    assert same_weights(again, model) and again.get_config() == model.get_config()
    np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))
    assert again.evaluate(X, Y, verbose=0) == model.evaluate(X, Y, verbose=0)
    for each in (model, again):
        each.fit(X, Y, batch_size=16, shuffle=False, verbose=0)
    assert same_weights(again, model)
    model.save_weights(tmp_path / "w.weights.h5.safetensors")
    other = make()
    assert not same_weights(other, model)
    other.load_weights(tmp_path / "w.weights.h5.safetensors")
    assert same_weights(other, model)
    assert same_weights(keras.models.model_from_json(model.to_json()), make()) is False


def test_best_weights_come_back(tmp_path: Path) -> None:
    """With the moving values of their epoch: what was measured then is measured again."""
    model = network()
    model.compile(keras.optimizers.SGD(0.3), "sparse_categorical_crossentropy")
    stop = keras.callbacks.EarlyStopping(monitor="val_loss", patience=3, restore_best_weights=True)
    save = keras.callbacks.ModelCheckpoint(tmp_path / "best.keras", monitor="val_loss", save_best_only=True)
    history = model.fit(X, Y, batch_size=16, epochs=30, validation_split=0.25, verbose=0, callbacks=[stop, save])
    best = min(history.history["val_loss"])
    assert len(history.epoch) < 30 and history.history["val_loss"][-1] > best
    for each in (model, keras.models.load_model(tmp_path / "best.keras")):
        assert each.evaluate(X[45:], Y[45:], verbose=0) == pytest.approx(best, rel=1e-6)


def test_weights_in_keras_order() -> None:
    """Layer by layer; of batch normalisation gamma, beta, moving mean, moving variance."""
    model = network()
    shapes = [(3, 3, 2, 4), *[(4,)] * 4, (2, 2, 4, 5), (5,), (20, 3), (3,)]
    assert [w.shape for w in model.get_weights()] == shapes
    assert [name for name, _ in model.named_weights()][:5] == [
        *("first/kernel", "norm/gamma", "norm/beta", "norm/moving_mean", "norm/moving_variance"),
    ]
    values = [np.arange(np.prod(shape), dtype=np.float32).reshape(shape) + 1 for shape in shapes]
    model.set_weights(values)
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), values, strict=True))
    assert len(model.trainable_weights) == 7 and len(model.non_trainable_weights) == 2
    np.testing.assert_array_equal(model.layers[0].kernel.numpy(), values[0])
    np.testing.assert_array_equal(model.layers[4].bias.numpy(), values[6])


def test_summary() -> None:
    lines: list[str] = []
    network().summary(print_fn=lines.append)
    text = lines[0].splitlines()
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in text if line.startswith("│")]
    assert rows[0] == ["first (Conv2D)", "(None, 4, 4, 4)", "72"]
    assert rows[1] == ["norm (BatchNormalization)", "(None, 4, 4, 4)", "16"]
    assert rows[3][0].endswith("(MaxPooling2D)") and rows[3][1:] == ["(None, 2, 2, 4)", "0"]
    assert text[-3:] == [
        " Total params: 236 (944.00 B)",
        " Trainable params: 228 (912.00 B)",
        " Non-trainable params: 8 (32.00 B)",
    ]


def test_frozen_layers_are_as_they_were() -> None:
    """Batches neither move nor scale what is not trainable, in a plan that was made before, too."""
    model = fitted(network())
    before = model.get_weights()
    model.layers[0].trainable = model.layers[1].trainable = False
    expected = model.evaluate(X, Y, verbose=0)[0]
    losses = model.fit(X, Y, batch_size=60, verbose=0).history["loss"]
    assert losses[0] == pytest.approx(expected, rel=1e-5)
    changed = [not np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True)]
    assert changed == [False] * 5 + [True] * 4


def test_a_single_sample_left_over() -> None:
    model = network()
    model.compile("sgd", "sparse_categorical_crossentropy")
    assert np.isfinite(model.fit(X[:33], Y[:33], batch_size=16, verbose=0).history["loss"]).all()
    one = keras.Sequential([layers.Dense(4, input_shape=(3,)), layers.BatchNormalization(), layers.Dense(1)])
    one.compile("sgd", "mse")
    one.fit(np.ones((1, 3)), np.ones(1), verbose=0)
    assert np.isfinite(one.get_weights()[4]).all()


def test_bytes_of_pixels() -> None:
    """uint8 images with Rescaling in front train as floats that were scaled before."""
    pixels = RNG.integers(0, 256, (40, 6, 6, 1), dtype=np.uint8)
    results = []
    for inside in (True, False):
        fastnn.manual_seed(0)
        rest = [layers.Conv2D(3, 3, activation="relu"), layers.Flatten(), layers.Dense(1, activation="sigmoid")]
        model = keras.Sequential([keras.Input((6, 6, 1)), *([layers.Rescaling(1 / 255)] if inside else []), *rest])
        model.compile("adam", "binary_crossentropy")
        model.fit(pixels if inside else pixels * np.float32(1 / 255), np.arange(40) % 2, verbose=0)
        results.append(model.get_weights())
    for a, b in zip(*results, strict=True):
        np.testing.assert_array_equal(a, b)


def test_what_layers_give() -> None:
    """A model of a Sequential's input and a layer's output: its feature maps, channels last, weights shared."""
    model = fitted(network())
    maps = keras.Model(model.input, model.get_layer("first").output)
    assert maps.output_shape == (None, 4, 4, 4)
    kernel = model.get_weights()[0]
    y = convolution.conv2d(X.astype(float).transpose(0, 3, 1, 2), kernel.transpose(3, 2, 0, 1), **Reference.FIRST)
    np.testing.assert_allclose(maps.predict(X, verbose=0), y.transpose(0, 2, 3, 1), rtol=1e-5, atol=1e-5)
    whole = keras.Model(inputs=model.inputs, outputs=model.output)
    np.testing.assert_array_equal(whole.predict(X, verbose=0), model.predict(X, verbose=0))
    model.fit(X, Y, epochs=1, verbose=0)
    assert not np.array_equal(maps.get_weights()[0], kernel)
    np.testing.assert_array_equal(maps.get_weights()[0], model.get_weights()[0])
    before = model.input
    keras.Sequential([model, layers.Dense(2)])  # as a layer of another it is what it was
    assert model.input is before
    model.pop()
    assert model.output.shape == (None, 20)
    assert keras.Model(model.input, model.output).predict(X, verbose=0).shape == (60, 20)


def everything(kind: Any) -> Any:
    """Layers of every sort, of a package like Keras."""
    make, x = kind.layers, kind.Input((7, 8, 2))
    a = make.Rescaling(2.0, offset=-0.5)(make.ZeroPadding2D(((0, 1), (1, 0)))(x))
    a = make.Conv2D(6, 3, strides=2, padding="same", use_bias=False, kernel_regularizer=kind.regularizers.L2(1e-3))(a)
    a = make.ReLU()(make.BatchNormalization()(a))
    b = make.Conv2D(6, (3, 2), padding="same", groups=2, use_bias=False)(a)
    a = make.Add()([a, make.BatchNormalization(momentum=0.9)(b)])
    a = make.Concatenate()([a, make.Conv2D(2, 3, dilation_rate=2, padding="same", activation="tanh")(a)])
    a = make.UpSampling2D((2, 2))(make.MaxPooling2D(3, strides=2, padding="same")(a))
    a = make.DepthwiseConv2D(3, padding="same", depth_multiplier=2, use_bias=False)(a)
    a = make.LeakyReLU()(make.BatchNormalization(scale=False)(a))
    a = make.Conv2DTranspose(6, (3, 2), strides=(1, 2), padding="same")(a)
    a = make.Conv2DTranspose(4, 3, strides=2, activation="relu", kernel_regularizer=kind.regularizers.L2(1e-3))(a)
    a = make.SeparableConv2D(5, 2, activation="relu")(make.AveragePooling2D(2, strides=1, padding="same")(a))
    a = make.Conv1D(4, 2, padding="causal", activation="sigmoid")(make.Reshape((-1, 5))(a))
    a = make.Conv1DTranspose(4, 4, strides=2, padding="same")(a)
    return kind.Model(x, make.Dense(3, activation="softmax")(make.GlobalAveragePooling1D()(a)))


@pytest.mark.filterwarnings("ignore")  # Keras' own
def test_beside_keras() -> None:
    """Started from the same weights: the same outputs, histories, scores, and weights in the same order."""
    os.environ.setdefault("KERAS_BACKEND", "torch")
    theirs_keras = pytest.importorskip("keras")
    fastnn.manual_seed(6)
    ours, theirs = everything(keras), everything(theirs_keras)
    theirs.set_weights(ours.get_weights())
    np.testing.assert_allclose(ours.predict(X, verbose=0), theirs.predict(X, verbose=0), rtol=1e-5, atol=1e-6)
    found = []
    for model, kind in ((ours, keras), (theirs, theirs_keras)):
        model.compile(kind.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
        history = model.fit(X, Y, batch_size=16, epochs=4, validation_split=0.25, shuffle=False, verbose=0).history
        found.append((history, model.get_weights(), model.evaluate(X, Y, verbose=0)))
    (history, weights, scores), (their_history, their_weights, their_scores) = found
    assert list(history) == list(their_history)
    for name, values in history.items():
        np.testing.assert_allclose(values, their_history[name], rtol=2e-5, atol=2e-6, err_msg=name)
    for got, wanted in zip(weights, their_weights, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=2e-4, atol=2e-5)
    np.testing.assert_allclose(scores, their_scores, rtol=2e-5, atol=2e-6)
