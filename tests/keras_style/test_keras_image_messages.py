"""What is said of images that do not fit a network, and of settings that layers of images do not take."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from fastnn import keras
from fastnn.keras import layers

X = np.zeros((8, 28, 28, 1), np.float32)
Y = np.zeros(8, np.int64)


def conv(**how: Any) -> layers.Layer:
    return layers.Conv2D(4, 3, name="c", **how)


def model(*parts: layers.Layer, shape: Any = None, loss: str = "sparse_categorical_crossentropy") -> keras.Sequential:
    made = keras.Sequential([*([] if shape is None else [keras.Input(shape)]), *parts])
    made.compile("sgd", loss)
    return made


def trained(x: np.ndarray, shape: Any = None) -> None:
    model(conv(), layers.Flatten(), layers.Dense(10, "softmax"), shape=shape).fit(x, Y, verbose=0)


MESSAGES: dict[str, tuple[Callable[[], Any], str]] = {
    "no channels": (
        lambda: trained(X[..., 0]),
        "layer 'c' (Conv2D) takes images (N, rows, columns, channels), got (N, 28, 28): their channels are missing; "
        "x[..., None] makes them one, input_shape=(28, 28, 1)",
    ),
    "no channels in input_shape": (lambda: conv(input_shape=(28, 28)).build((28, 28)), "x[..., None] makes them one"),
    "no channels in a model": (
        lambda: model(conv(), shape=(28, 28)),
        "got (N, 28, 28): their channels are missing; x[..., None]",
    ),
    "rows": (lambda: trained(X.reshape(8, -1)), "got (N, 784): put a Reshape((rows, columns, channels)) before it"),
    "rows for images": (
        lambda: trained(X.reshape(8, -1), (28, 28, 1)),
        "the same numbers in that shape: x.reshape(-1, 28, 28, 1)",
    ),
    "channels first": (lambda: trained(X.transpose(0, 3, 1, 2), (28, 28, 1)), "come first: x.transpose(0, 2, 3, 1)"),
    "channels first, unknown shape": (
        lambda: trained(X.transpose(0, 3, 1, 2)),
        "kernel size 3 x 3 is larger than the inputs (N, 1, 28, 28): are their channels first? x.transpose(0, 2, 3, 1)",
    ),
    "channels_first": (
        lambda: conv(data_format="channels_first"),
        "data_format is 'channels_first'; images are (N, rows, columns, channels) here: x.transpose(0, 2, 3, 1)",
    ),
    "grey": (lambda: trained(X, (28, 28, 3)), "a network of 3 channels: np.repeat(x, 3, axis=-1)"),
    "grey without channels": (lambda: trained(X[..., 0], (28, 28, 3)), "np.repeat(x[..., None], 3, axis=-1)"),
    "colour": (lambda: trained(X.repeat(3, -1), (28, 28, 1)), "of grey ones: x.mean(axis=-1, keepdims=True)"),
    "another size": (
        lambda: trained(X, (32, 32, 1)),
        "give data of that shape, or the model's first layer input_shape=(28, 28, 1)",
    ),
    "kernel": (
        lambda: model(layers.MaxPooling2D(14), conv(), shape=(28, 28, 8)),
        "layer 'c' (Conv2D): kernel size 3 x 3 is larger than the inputs (N, 2, 2, 8): padding='same' keeps",
    ),
    "dilated": (lambda: model(conv(dilation_rate=4), shape=(8, 8, 8)), "kernel size 9 x 9 is larger"),
    "pool": (lambda: model(layers.MaxPooling2D((1, 9)), shape=(8, 8, 8)), "pool size 1 x 9 is larger than the inputs"),
    "groups": (lambda: model(conv(groups=2), shape=(8, 8, 3)), "2 groups do not divide 3 channels evenly"),
    "groups of filters": (lambda: layers.Conv2D(5, 3, groups=2), "2 groups do not divide 5 filters evenly"),
    "filters": (lambda: layers.Conv2D(0, 3), "Conv2D: filters is 0; it must be an integer of at least 1"),
    "kernel_size": (
        lambda: layers.Conv2D(2, (3, 3, 3)),
        "is (3, 3, 3); it must be an integer or 2 of them",
    ),
    "strides": (lambda: layers.Conv2D(2, 3, (1, 0)), "strides is (1, 0); it must be at least 1"),
    "strides and dilation": (lambda: layers.Conv2D(2, 3, 2, dilation_rate=2), "one of them is 1"),
    "output_padding": (
        lambda: layers.Conv2DTranspose(2, 3, (2, 1), output_padding=1),
        "output_padding is 1; it must be smaller than the strides (2, 1)",
    ),
    "no output": (
        lambda: model(layers.Conv2DTranspose(2, 2, 2, "same", output_padding=0), shape=(1, 4, 3)),
        "(Conv2DTranspose): output_padding (0, 0) leaves nothing of (1, 4) pixels: (0, 6)",
    ),
    "groups of the transposed": (lambda: layers.Conv2DTranspose(4, 3, groups=2), "groups is not supported: Conv2D"),
    "padding": (lambda: layers.Conv2D(2, 3, padding=1), "must be 'valid' or 'same'; ZeroPadding2D puts any number"),
    "causal": (lambda: layers.Conv2D(2, 3, padding="causal"), "padding is 'causal'; it must be 'valid' or 'same'"),
    "constraint": (lambda: layers.Conv2D(2, 3, kernel_constraint="max_norm"), "kernel_constraint is not supported"),
    "sequence": (lambda: model(layers.Conv1D(2, 3), shape=(28,)), "takes sequences (N, steps, channels), got (N, 28)"),
    "momentum": (lambda: layers.BatchNormalization(momentum=1.5), "momentum is 1.5; it must be within 0 and 1"),
    "epsilon": (lambda: layers.BatchNormalization(epsilon=0), "epsilon is 0; it must be positive"),
    "axis": (lambda: model(layers.BatchNormalization(axis=4), shape=(8, 8, 3)), "axis 4 is not one of the samples"),
    "renorm": (lambda: layers.BatchNormalization(renorm=True), "renorm is not supported"),
    "interpolation": (lambda: layers.UpSampling2D(interpolation="bilinear"), "is 'bilinear'; there is 'nearest'"),
    "cropping": (lambda: model(layers.Cropping2D(4), shape=(8, 8, 3)), "leaves nothing of (8, 8, 3)"),
    "zeros": (lambda: layers.ZeroPadding2D((1, 2, 3)), "must be an integer, two, or ((above, below), (left, right))"),
    "dims": (lambda: layers.Permute((0, 1)), "dims is (0, 1); it must name each dimension once, from 1 on"),
    "dims of another": (lambda: model(layers.Permute((2, 1)), shape=(8, 8, 3)), "do not fit samples of (8, 8, 3)"),
    "shapes in Add": (
        lambda: layers.Add()([conv()(keras.Input((28, 28, 1))), keras.Input((28, 28, 1))]),
        "inputs of shapes [(26, 26, 4), (28, 28, 1)] do not go together",
    ),
}


@pytest.mark.parametrize("what", MESSAGES)
def test_messages(what: str) -> None:
    call, text = MESSAGES[what]
    with pytest.raises(ValueError, match=re.escape(text)):
        call()


@pytest.mark.parametrize(
    "loss", ["sparse_categorical_crossentropy", "categorical_crossentropy", "binary_crossentropy", "mse"]
)
def test_dense_without_flatten(loss: str) -> None:
    """It is applied to the channels of each pixel, as Keras does; labels of whole images do not go with that."""
    net = model(conv(), layers.Dense(10, "softmax"), shape=(28, 28, 1), loss=loss)
    assert net.output_shape == (None, 26, 26, 10)
    with pytest.raises(ValueError, match=r"for each place \(26, 26\): put Flatten\(\) or GlobalAveragePooling2D\(\)"):
        net.fit(X, Y if loss.startswith("sparse") else np.eye(10)[Y], verbose=0)
    places = np.zeros((8, 26, 26), np.int64)
    history = net.fit(X, places if loss.startswith("sparse") else np.eye(10)[places], verbose=0).history
    assert np.isfinite(history["loss"]).all()


def test_channels_first_with_same_padding() -> None:
    """Everything fits, so it is a warning; images that are no more than 3 high but not square are no such sign."""
    with pytest.warns(
        UserWarning, match=r"layer 'c' \(Conv2D\): inputs \(N, 3, 28, 28\): are their channels first"
    ) as found:
        model(conv(padding="same"), shape=(3, 28, 28))
    assert len(found) == 1 and found[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model(conv(padding="same"), shape=(3, 28, 16))
        model(conv(), shape=(28, 28, 3))


def test_a_channel_may_be_left_out() -> None:
    """Where the model has one and is known to: Keras takes both."""
    net = model(conv(), layers.Flatten(), layers.Dense(10, "softmax"), shape=(28, 28, 1))
    images = np.random.default_rng(0).random((8, 28, 28), dtype=np.float32)
    np.testing.assert_array_equal(net.predict(images, verbose=0), net.predict(images[..., None], verbose=0))
    flat = model(layers.Flatten(), layers.Dense(10, "softmax"), shape=(28, 28))
    np.testing.assert_array_equal(flat.predict(images[..., None], verbose=0), flat.predict(images, verbose=0))
