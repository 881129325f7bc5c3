"""Preprocessing layers: what they make of images beside Keras' own numbers; draws; what is compiled behind them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import fastnn
import fastnn.keras.tensorflow as tf
import numpy as np
import pytest
from fastnn import keras
from fastnn.keras import front, layers
from fastnn.keras.layers.preprocessing.pictures import Pictures, Random
from keras_pictures import CHANGED, DRAWN, IMAGES

ROUNDING = 0.005  # of what is written to two decimals
FLOAT32 = 1e-3  # places to 2**-22 of a pixel, and 80 between neighbours


def drawing(layer: Pictures) -> Pictures:
    """A layer that is given its random numbers."""
    turns = iter(DRAWN * 2)
    layer.drawn = lambda count, low, high: np.float32(low) + np.float32(next(turns)[:count]) * np.float32(high - low)
    return layer


@pytest.mark.parametrize("text", CHANGED)
def test_images_beside_keras(text: str) -> None:
    layer = drawing(eval(text, vars(layers)))
    found = layer(IMAGES, training=True)
    assert found.dtype == tf.float32
    wanted = [[row.split() for row in image.split("; ")] for image in CHANGED[text]]
    np.testing.assert_allclose(found.numpy()[..., 0], np.array(wanted, float), rtol=0, atol=ROUNDING + FLOAT32)


@pytest.mark.parametrize("text", CHANGED)
def test_channels_and_single_images(text: str) -> None:
    """Each channel as if it were alone; an image as a batch of one; numbers of any type."""
    three = np.concatenate([IMAGES, IMAGES + 3, 200 - IMAGES / 2], axis=-1)
    whole = drawing(eval(text, vars(layers)))(three).numpy()
    for channel in range(3):
        alone = drawing(eval(text, vars(layers)))(three[..., channel : channel + 1]).numpy()
        np.testing.assert_array_equal(whole[..., channel], alone[..., 0])
    one = drawing(eval(text, vars(layers)))(tf.cast(IMAGES[0], "uint8")).numpy()
    np.testing.assert_array_equal(one[..., 0], drawing(eval(text, vars(layers)))(IMAGES[:1]).numpy()[0, ..., 0])


def test_a_large_batch() -> None:
    """In more than one piece."""
    images = np.random.default_rng(0).random((40, 33, 31, 2)).astype(np.float32)
    layer = layers.RandomRotation(0.5, seed=1)
    matrices = layer.matrices(40, 33, 31)
    layer.matrices = lambda count, *size: matrices[:count]
    whole = layer(images).numpy()
    layer.matrices = lambda count, *size: matrices[39:]
    np.testing.assert_array_equal(whole[39:], layer(images[39:]).numpy())
    assert np.abs(whole - images).max() > 0.1


@pytest.mark.parametrize("mode", ["reflect", "nearest", "wrap"])
def test_images_of_a_pixel_or_a_line(mode: str) -> None:
    """What lies outside of them is like them."""
    for shape in ((1, 1), (1, 5), (5, 1)):
        images = np.full((3, *shape, 2), 7, np.float32)
        for layer in (layers.RandomRotation(0.5, mode), layers.RandomTranslation(1.0, 1.0, mode, "nearest")):
            np.testing.assert_array_equal(layer(images).numpy(), images)
            np.testing.assert_array_equal(layer(images[0]).numpy(), images[0])


RANDOM: dict[str, Callable[..., Random]] = {
    "RandomFlip": lambda **how: layers.RandomFlip(**how),
    "RandomRotation": lambda **how: layers.RandomRotation(0.2, **how),
    "RandomZoom": lambda **how: layers.RandomZoom(0.2, **how),
    "RandomTranslation": lambda **how: layers.RandomTranslation(0.2, 0.2, **how),
    "RandomContrast": lambda **how: layers.RandomContrast(0.5, **how),
    "RandomBrightness": lambda **how: layers.RandomBrightness(0.2, **how),
    "RandomCrop": lambda **how: layers.RandomCrop(6, 6, **how),
}
PIXELS = np.random.default_rng(2).uniform(50, 200, (16, 9, 9, 3)).astype(np.float32)


@pytest.mark.parametrize("name", RANDOM)
def test_draws(name: str) -> None:
    """By the layer's seed, or fastnn's; none where nothing is trained."""
    make = RANDOM[name]
    one, other = make(seed=4), make(seed=4)
    first, second = (one(PIXELS).numpy() for _ in range(2))
    np.testing.assert_array_equal(other(PIXELS).numpy(), first)
    assert not np.array_equal(first, second)
    assert not np.array_equal(make(seed=5)(PIXELS).numpy(), first)
    fastnn.manual_seed(1)
    first, second = (make()(PIXELS).numpy() for _ in range(2))
    fastnn.manual_seed(1)
    np.testing.assert_array_equal(make()(PIXELS).numpy(), first)
    assert not np.array_equal(first, second)
    plain = one(PIXELS, training=False).numpy()
    if name == "RandomCrop":
        wanted = layers.CenterCrop(6, 6)  # of the proportions of the image: all of it, resized
        assert plain.shape == (16, 6, 6, 3) and wanted(PIXELS).shape == plain.shape
        np.testing.assert_array_equal(plain, layers.Resizing(6, 6)(PIXELS).numpy())
    else:
        np.testing.assert_array_equal(plain, PIXELS)


def test_ranges() -> None:
    """Numbers spread over what was asked for, and over no more."""
    for layer, low, high in (
        (layers.RandomBrightness(0.1, value_range=(0, 1000), seed=0), -100, 100),
        (layers.RandomBrightness((0.1, 0.2), value_range=(0, 1000), seed=0), 100, 200),
    ):
        added = (layer(np.full((2000, 1, 1, 1), 500.0)).numpy() - 500).ravel()
        assert low <= added.min() < low + (high - low) / 50 and high - (high - low) / 50 < added.max() <= high
    shares = [
        layers.RandomFlip("horizontal", seed=seed)(PIXELS).numpy()[:, 0, 0, 0] != PIXELS[:, 0, 0, 0]
        for seed in range(50)
    ]
    assert 320 < np.sum(shares) < 480  # 400 of 800; 14 are their standard deviation


MISTAKES: dict[str, tuple[Callable[[], Any], str]] = {
    "mode": (lambda: layers.RandomFlip("left"), "mode is 'left'; it must be one of 'horizontal'"),
    "factor": (lambda: layers.RandomRotation(1.5), "factor is 1.5; it must be a number from -1 to 1, or two of them"),
    "pair": (lambda: layers.RandomZoom((0.1, 0.2, 0.3)), "height_factor is"),
    "words": (lambda: layers.RandomTranslation(0.1, "a"), "width_factor is 'a'"),
    "contrast": (lambda: layers.RandomContrast(-0.5), "it must be a number from 0 to 1"),
    "value_range": (lambda: layers.RandomBrightness(0.1, value_range=255), "value_range is 255"),
    "fill_mode": (
        lambda: layers.RandomZoom(0.1, fill_mode="mirror"),
        "fill_mode is 'mirror'; it must be one of reflect",
    ),
    "interpolation": (lambda: layers.RandomZoom(0.1, interpolation="bicubic"), "interpolation is 'bicubic'"),
    "seed": (lambda: layers.RandomFlip(seed="x"), "seed is 'x'; it must be an integer"),
    "size": (lambda: layers.Resizing(0, 3), "height is 0; it must be an integer of at least 1"),
    "resizing": (lambda: layers.Resizing(2, 2, "area"), "interpolation is 'area'; there are nearest, bilinear"),
    "filled": (lambda: layers.Resizing(2, 2, fill_mode="wrap"), "there is 'constant'"),
    "two": (lambda: layers.Resizing(2, 2, crop_to_aspect_ratio=True, pad_to_aspect_ratio=True), "not both"),
    "format": (lambda: layers.CenterCrop(2, 2, data_format="channels_first"), "data_format is 'channels_first'"),
    "rows": (
        lambda: layers.RandomFlip()(np.zeros((4, 3))),
        r"takes images \(N, rows, columns, channels\), got \(4, 3\)",
    ),
    "behind": (
        lambda: network([layers.Conv2D(2, 3), layers.RandomFlip()]).fit(X, Y, verbose=0),
        "put it before the layers",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_in_preprocessing(name: str) -> None:
    call, text = MISTAKES[name]
    with pytest.raises(ValueError, match=text):
        call()


# -- within models -----------------------------------------------------------------------------------------------------

X = np.random.default_rng(3).uniform(0, 255, (48, 8, 8, 3)).astype(np.float32)
Y = np.arange(48) % 2
X[Y == 1, 2:6, 2:6] += 100


def network(first: list[Any]) -> keras.Sequential:
    fastnn.manual_seed(6)
    rest = [layers.Rescaling(1 / 255), layers.Conv2D(3, 3, activation="relu"), layers.Flatten(), layers.Dense(2)]
    net = keras.Sequential([keras.Input((8, 8, 3)), *first, *rest])
    net.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    return net


def augmentation() -> list[Any]:
    return [layers.RandomFlip("horizontal", seed=1), layers.RandomRotation(0.1, seed=2), layers.RandomZoom(0.1, seed=3)]


def functional(first: list[Any]) -> keras.Model:
    net = network([])
    inputs = keras.Input((8, 8, 3))
    outputs = keras.Sequential(first)(inputs)
    for layer in net.layers:
        outputs = layer(outputs)
    model = keras.Model(inputs, outputs)
    model.compile("sgd", net.loss, metrics=["accuracy"])
    return model


FORMS: dict[str, Callable[[list[Any]], keras.Model]] = {
    "layers": network,
    "a model within": lambda first: network([keras.Sequential(first)]),
    "functional": functional,
}


@pytest.mark.parametrize("form", FORMS)
def test_training_is_that_of_the_changed_batches(form: str) -> None:
    """As by hand: each batch through the layers, one step of the rest; which is compiled. Evaluated unchanged."""
    net = FORMS[form](augmentation())
    assert net._trainer().engine.name == "plan" and net._trainer().engine_note == ""
    history = net.fit(X, Y, batch_size=16, epochs=2, shuffle=False, verbose=0, validation_data=(X, Y)).history
    plain, by_hand, losses = network([]), augmentation(), []
    for epoch in range(2):
        for start in range(0, 48, 16):
            batch = X[start : start + 16]
            for layer in by_hand:
                batch = layer(batch, training=True)
            losses.append(plain.train_on_batch(batch, Y[start : start + 16], return_dict=True)["loss"])
        assert history["loss"][epoch] == pytest.approx(np.mean(losses[-3:]), rel=1e-12)
        assert history["val_loss"][epoch] == plain.evaluate(X, Y, verbose=0)[0]
    np.testing.assert_array_equal(net.predict(X, verbose=0), plain.predict(X, verbose=0))
    assert net.evaluate(X, Y, verbose=0) == plain.evaluate(X, Y, verbose=0)
    loss = net.train_on_batch(X[:16], Y[:16])[0]
    for layer in by_hand:
        batch = layer(X[:16] if layer is by_hand[0] else batch, training=True)
    assert loss == plain.train_on_batch(batch, Y[:16])[0]


def test_shuffled_rows_go_through_too() -> None:
    """Every sample once an epoch, in another order each; the same again for a seed."""
    seen: list[np.ndarray] = []
    net = network([layers.RandomBrightness(0.0)])
    layer = net.layers[0]
    plain = layer.changed
    layer.changed = lambda images, training: seen.append(images[:, 0, 0, 0]) or plain(images, training)
    fastnn.manual_seed(8)
    losses = net.fit(X, Y, batch_size=20, epochs=2, verbose=0).history["loss"]
    first, second = np.concatenate(seen[:3]), np.concatenate(seen[3:])
    assert [len(part) for part in seen] == [20, 20, 8] * 2
    assert sorted(first) == sorted(second) == sorted(X[:, 0, 0, 0]) and list(first) != list(second)
    net = network([layers.RandomBrightness(0.0)])
    fastnn.manual_seed(8)
    assert net.fit(X, Y, batch_size=20, epochs=2, verbose=0).history["loss"] == losses


def test_sizes_within_a_model() -> None:
    """Resizing and CenterCrop for training, evaluate and predict; what is behind them is compiled."""
    large = np.repeat(np.repeat(X, 2, axis=1), 2, axis=2)
    rest = [layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(2, kernel_initializer="ones")]
    net = keras.Sequential([keras.Input((16, 16, 3)), layers.Resizing(10, 10), layers.CenterCrop(8, 8), *rest])
    net.compile("sgd", "mse")
    assert net.output_shape == (None, 2) and net._trainer().engine.name == "plan"
    wanted = layers.CenterCrop(8, 8)(layers.Resizing(10, 10)(large)).numpy().sum((1, 2, 3)) / 255
    np.testing.assert_allclose(net.predict(large, verbose=0)[:, 0], wanted, rtol=1e-5)
    assert net._predictor.note == ""
    target = np.repeat(wanted[:, None], 2, axis=1)
    assert net.evaluate(large, target, verbose=0) == pytest.approx(0, abs=1e-6)
    assert net.fit(large, target, verbose=0).history["loss"][0] == pytest.approx(0, abs=1e-6)


def test_a_model_called_by_itself(tmp_path: Path) -> None:
    """As Keras: its random layers change images unless training is False, its Dropout does nothing."""
    made = keras.Sequential([*augmentation(), layers.Dropout(0.9)])
    batch = tf.constant(X)
    changed = made(batch).numpy()
    assert not np.array_equal(changed, X) and np.count_nonzero(changed) > 0.9 * X.size
    assert np.count_nonzero(made(batch, training=True).numpy()) < 0.2 * X.size
    np.testing.assert_array_equal(made(batch, training=False).numpy(), X)
    np.testing.assert_array_equal(made.predict(X, verbose=0), X)
    made.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras")
    other = keras.Sequential(augmentation())
    np.testing.assert_array_equal(again(batch).numpy(), other(batch).numpy())  # its seeds begin anew


def test_layers_in_map() -> None:
    """Single images of different sizes; batches through a model."""
    for kind in (np.uint8, np.float64):
        assert layers.Rescaling(1 / 255)(np.full((2, 2, 3), 51, kind)).dtype == tf.float32
    small = tf.data.Dataset.from_generator(lambda: iter([X[0], X[1, :5], X[2, :, :6]]))
    sizes = [tuple(x.shape) for x in small.map(layers.Rescaling(0.5)).map(layers.RandomFlip(seed=1))]
    assert sizes == [(8, 8, 3), (5, 8, 3), (8, 6, 3)]
    assert {tuple(x.shape) for x in small.map(layers.Resizing(4, 5))} == {(4, 5, 3)}
    ready = keras.Sequential([layers.Resizing(4, 5), layers.Rescaling(0.5)])
    assert {tuple(x.shape) for x in small.map(ready)} == {(4, 5, 3)} and not ready.built
    made, other = keras.Sequential(augmentation()), keras.Sequential(augmentation())
    batches = tf.data.Dataset.from_tensor_slices((X, Y)).batch(16).map(lambda x, y: (made(x, training=True), y))
    for number, (x, y) in enumerate(batches):
        rows = slice(16 * number, 16 * number + 16)
        np.testing.assert_array_equal(x.numpy(), other(X[rows], training=True).numpy())
        np.testing.assert_array_equal(y.numpy(), Y[rows])


@pytest.mark.parametrize("axis", [-1, None, (1, 3)])
def test_normalization_of_a_data_set(axis: Any) -> None:
    """The same as of all rows at once, in batches of different sizes."""
    whole, parts = layers.Normalization(axis=axis), layers.Normalization(axis=axis)
    data = tf.data.Dataset.from_tensor_slices((X, Y)).batch(20)
    whole.adapt(X)
    parts.adapt(data.map(lambda x, y: x))
    np.testing.assert_allclose(parts.mean.numpy(), whole.mean.numpy(), rtol=1e-6)
    np.testing.assert_allclose(parts.variance.numpy(), whole.variance.numpy(), rtol=1e-6)
    parts.adapt(data.map(lambda x, y: x), steps=1)
    whole.adapt(X[:20])
    np.testing.assert_array_equal(parts.mean.numpy(), whole.mean.numpy())
    with pytest.raises(ValueError, match="takes inputs alone"):
        parts.adapt(data)


def test_a_front_ends_where_something_else_begins() -> None:
    both = keras.Input((8, 8, 3))
    flipped = layers.RandomFlip(seed=1)(both)
    joined = layers.Flatten()(layers.Add()([both, flipped]))
    branched = keras.Model(both, layers.Dense(2)(joined))
    assert front.split(branched.net)[0] is None
    mean = layers.Normalization(mean=[1.0, 2, 3], variance=[4.0, 4, 9])
    for first, count in (
        ([], 0),
        ([layers.Rescaling(2.0), layers.RandomFlip(), layers.Rescaling(0.5)], 2),
        ([mean, *augmentation()], 4),
    ):
        found, _ = front.split(network(first).net)
        assert (found and len(found.modules)) == (count or None)
    assert front.split(keras.Sequential([keras.Input((8, 8, 3)), layers.RandomFlip()]).net)[0] is None
    branched.compile("sgd", "mse")
    assert np.isfinite(branched.fit(X, np.zeros((48, 2)), verbose=0).history["loss"]).all()  # in Python
