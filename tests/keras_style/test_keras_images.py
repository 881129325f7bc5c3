"""Layers of images and sequences against their definitions in float64; their weights in Keras' form and order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import fastnn
import numpy as np
import pytest
from fastnn import keras
from fastnn.eager.tensor import Tensor
from fastnn.keras import layers
from keras_images import convolved, normalised, padded, pooled, transposed

SHAPES = [((7, 9), (3, 3)), ((8, 8), (2, 2)), ((5, 6), (1, 3)), ((11, 4), (5, 4)), ((1, 1), (1, 1)), ((6, 13), (4, 1))]


def drawn(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(np.float32)


def check(layer: Any, x: np.ndarray, expected: np.ndarray) -> None:
    """Called, compiled, and as declared for a file; the sums are short: some u of their terms."""
    wanted = type(layer).declared(layer.config(), x.shape[1:])
    model = keras.Sequential([keras.Input(x.shape[1:]), layer])
    for found in (layer(x).detach().numpy(), model.predict(x, verbose=0)):
        assert found.shape == (len(x), *model.output_shape[1:]) == expected.shape
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=2e-5)
    assert wanted == ([w.shape for w in layer.get_weights()], model.output_shape[1:])


def weighted(layer: Any, shape: tuple[int, ...]) -> list[np.ndarray]:
    """The layer's weights, drawn anew (its bias is not zero)."""
    layer.build(shape)
    layer.set_weights([drawn(*w.shape) for w in layer.get_weights()])
    return [w.astype(np.float64) for w in layer.get_weights()]


@pytest.mark.parametrize(("size", "kernel"), SHAPES)
@pytest.mark.parametrize("strides", [(1, 1), (2, 2), (3, 1)])
@pytest.mark.parametrize("padding", ["valid", "same"])
def test_windows(size: tuple[int, int], kernel: tuple[int, int], strides: tuple[int, int], padding: str) -> None:
    """Convolution, with activation; depthwise, separable; both kinds of pooling."""
    x = drawn(3, *size, 4)
    how = {"strides": strides, "padding": padding}
    conv = layers.Conv2D(6, kernel, groups=2, activation="relu", **how)
    w, b = weighted(conv, x.shape[1:])
    assert w.shape == (*kernel, 2, 6) and conv.kernel.shape == w.shape
    check(conv, x, np.maximum(convolved(x, w, strides, padding) + b, 0))
    depthwise = layers.DepthwiseConv2D(kernel, depth_multiplier=3, activation="tanh", **how)
    w, b = weighted(depthwise, x.shape[1:])
    assert w.shape == (*kernel, 4, 3)
    each = convolved(x, w.reshape(*kernel, 1, 12), strides, padding)
    check(depthwise, x, np.tanh(each + b))
    separable = layers.SeparableConv2D(5, kernel, depth_multiplier=3, **how)
    w, v, b = weighted(separable, x.shape[1:])
    assert w.shape == (*kernel, 4, 3) and v.shape == (1, 1, 12, 5)
    check(separable, x, convolved(convolved(x, w.reshape(*kernel, 1, 12), strides, padding), v) + b)
    for kind in (layers.MaxPooling2D, layers.AveragePooling2D):
        check(kind(kernel, **how), x, pooled(x, kind is layers.MaxPooling2D, kernel, strides, padding))


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_dilation(padding: str) -> None:
    x = drawn(2, 9, 8, 3)
    conv = layers.Conv2D(4, (3, 2), dilation_rate=(2, 3), padding=padding, use_bias=False)
    (w,) = weighted(conv, x.shape[1:])
    check(conv, x, convolved(x, w, (1, 1), padding, (2, 3)))


@pytest.mark.parametrize(("size", "kernel"), SHAPES)
@pytest.mark.parametrize("strides", [(1, 1), (2, 2), (3, 1)])
@pytest.mark.parametrize("padding", ["valid", "same"])
def test_transposed(size: tuple[int, int], kernel: tuple[int, int], strides: tuple[int, int], padding: str) -> None:
    """Sizes are Keras' documented ones; the gradient is the convolution of what comes back."""
    x = drawn(3, *size, 4)
    more = [max(taps - stride, 0) if padding == "valid" else 0 for taps, stride in zip(kernel, strides, strict=True)]
    rows, columns = (size[i] * strides[i] + more[i] for i in (0, 1))
    layer = layers.Conv2DTranspose(6, kernel, strides, padding, activation="relu")
    w, b = weighted(layer, x.shape[1:])
    assert w.shape == (*kernel, 6, 4) and layer.kernel.shape == w.shape
    check(layer, x, np.maximum(transposed(x, w, strides, padding, (rows, columns), (1, 1)) + b, 0))
    images, (w, b) = Tensor(x, requires_grad=True), layer.weights
    layer.modules[0].relu = False
    back = drawn(3, rows, columns, 6)
    (layer(images) * Tensor(back)).sum().backward()
    expected = convolved(back, layer.get_weights()[0].astype(np.float64), strides, padding)
    np.testing.assert_allclose(images.grad.numpy(), expected[:, : size[0], : size[1]], rtol=1e-5, atol=2e-5)
    np.testing.assert_allclose(b.grad.numpy(), back.sum((0, 1, 2), dtype=np.float64), rtol=1e-5, atol=1e-4)
    slope = np.einsum(
        "nyxo,nyxo->",
        transposed(x, np.ones(w.permute(2, 3, 1, 0).shape), strides, padding, (rows, columns), (1, 1)),
        back,
    )
    assert float(w.grad.sum()) == pytest.approx(slope, rel=1e-4, abs=1e-2)


@pytest.mark.parametrize(
    ("kernel", "strides", "apart", "padding", "more", "size"),
    [
        ((3, 3), (2, 2), (1, 1), "same", 0, (9, 11)), ((3, 4), (2, 3), (1, 1), "same", 1, (10, 16)),
        ((3, 3), (2, 3), (1, 1), "valid", (1, 2), (12, 20)), ((2, 5), (3, 1), (1, 1), "same", (2, 0), (14, 6)),
        ((3, 2), (1, 1), (2, 3), "valid", None, (9, 9)), ((3, 2), (1, 1), (2, 3), "same", None, (5, 6)),
    ],
)  # fmt: skip
def test_sizes_of_the_transposed(
    kernel: tuple[int, int], strides: tuple[int, int], apart: tuple[int, int], padding: str, more: Any, size: Any
) -> None:
    """(n - 1) strides + kernel - 2 (kernel // 2) + output_padding of 5 x 6 pixels, the middle term for "same"."""
    x = drawn(2, 5, 6, 3)
    layer = layers.Conv2DTranspose(4, kernel, strides, padding, output_padding=more, dilation_rate=apart)
    w, b = weighted(layer, x.shape[1:])
    check(layer, x, transposed(x, w, strides, padding, size, apart) + b)


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_transposed_sequences(padding: str) -> None:
    x = drawn(3, 10, 4)
    layer = layers.Conv1DTranspose(6, 5, 2, padding, activation="tanh")
    w, b = weighted(layer, x.shape[1:])
    assert w.shape == (5, 6, 4) and layers.Convolution2DTranspose is layers.Conv2DTranspose
    size = (1, 20 if padding == "same" else 23)
    check(layer, x, np.tanh(transposed(x[:, None], w[None], (1, 2), padding, size, (1, 1))[:, 0] + b))


@pytest.mark.parametrize("strides", [1, 2])
@pytest.mark.parametrize("padding", ["valid", "same", "causal"])
def test_sequences(strides: int, padding: str) -> None:
    x = drawn(3, 10, 4)
    conv = layers.Conv1D(6, 3, strides, padding, activation="sigmoid")
    w, b = weighted(conv, x.shape[1:])
    assert w.shape == (3, 4, 6)
    rows = np.pad(x, ((0, 0), (2, 0), (0, 0))) if padding == "causal" else x
    sides = "valid" if padding == "causal" else padding
    y = convolved(rows[:, None], w[None], (1, strides), sides)[:, 0] + b
    check(conv, x, 1 / (1 + np.exp(-y)))
    if padding != "causal":
        for kind in (layers.MaxPooling1D, layers.AveragePooling1D):
            largest = kind is layers.MaxPooling1D
            check(kind(3, strides, padding), x, pooled(x[:, None], largest, (1, 3), (1, strides), padding)[:, 0])


def test_all_of_an_image() -> None:
    x, rows = drawn(3, 4, 5, 6), drawn(3, 8, 6)
    for kind, function in ((layers.GlobalMaxPooling2D, np.max), (layers.GlobalAveragePooling2D, np.mean)):
        check(kind(), x, function(x, axis=(1, 2)))
        check(kind(keepdims=True), x, function(x, axis=(1, 2), keepdims=True))
    for kind, function in ((layers.GlobalMaxPooling1D, np.max), (layers.GlobalAveragePooling1D, np.mean)):
        check(kind(), rows, function(rows, axis=1))
        check(kind(keepdims=True), rows, function(rows, axis=1, keepdims=True))


def test_shapes_and_ranges() -> None:
    x = drawn(2, 4, 6, 3)
    check(layers.ZeroPadding2D(2), x, np.pad(x, ((0, 0), (2, 2), (2, 2), (0, 0))))
    check(layers.ZeroPadding2D((1, 0)), x, np.pad(x, ((0, 0), (1, 1), (0, 0), (0, 0))))
    check(layers.ZeroPadding2D(((1, 2), (0, 3))), x, np.pad(x, ((0, 0), (1, 2), (0, 3), (0, 0))))
    check(layers.Cropping2D(((1, 2), (0, 3))), x, x[:, 1:-2, :-3])
    check(layers.UpSampling2D((3, 2)), x, x.repeat(3, axis=1).repeat(2, axis=2))
    check(layers.Permute((3, 1, 2)), x, x.transpose(0, 3, 1, 2))
    check(layers.Rescaling(1 / 255, offset=-0.5), x, x / 255 - 0.5)
    check(layers.Rescaling([1.0, 2, 3], [0.0, 1, 2]), x, x * [1, 2, 3] + [0, 1, 2])
    check(layers.Flatten(), x, x.reshape(2, -1))
    check(layers.Reshape((-1, 3)), x, x.reshape(2, 24, 3))
    check(layers.Dense(5, use_bias=False, kernel_initializer="ones"), x, x.sum(-1, keepdims=True).repeat(5, axis=-1))
    check(layers.ReLU(max_value=0.5), x, x.clip(0, 0.5))


def test_upsampling_and_padding_backwards() -> None:
    """The gradient of a weighted sum is the weights' sum over what each pixel became."""
    for layer in (layers.UpSampling2D((2, 3)), layers.ZeroPadding2D(((1, 0), (2, 1))), layers.Cropping2D(1)):
        x = Tensor(drawn(2, 4, 4, 3), requires_grad=True)
        y = layer(x)
        weights = drawn(*y.shape)
        (y * Tensor(weights)).sum().backward()
        expected = np.zeros(x.shape)
        for place in np.ndindex(4, 4):
            unit = np.zeros(x.shape, np.float32)
            unit[:, place[0], place[1]] = 1
            expected[:, place[0], place[1]] = (layer(unit).detach().numpy() * weights).sum((1, 2))
        np.testing.assert_allclose(x.grad.numpy(), expected, rtol=1e-5, atol=1e-6)


def test_dropout_of_channels() -> None:
    fastnn.manual_seed(3)
    layer = layers.SpatialDropout2D(0.5)
    x = np.ones((40, 3, 4, 8), np.float32)
    np.testing.assert_array_equal(layer(x).detach().numpy(), x)
    y = layer(x, training=True).detach().numpy()
    assert set(np.unique(y)) == {0, 2} and np.all(y == y[:, :1, :1])
    assert 0.35 < y[:, 0, 0].mean() / 2 < 0.65  # 320 draws: five deviations of 0.028


@pytest.mark.parametrize("shape", [(6, 4, 5, 3), (10, 3), (6, 7, 3)])
def test_batch_normalization(shape: tuple[int, ...]) -> None:
    """Five batches: outputs, and moving values, of which the variance is the mean square."""
    layer = layers.BatchNormalization()
    others = tuple(range(len(shape) - 1))
    gamma, beta, mean, variance = weighted_norm(layer, shape)
    for step in range(5):
        x = drawn(*shape) * (step + 1) + step
        here, spread = x.mean(others, dtype=np.float64), x.var(others, dtype=np.float64)
        expected = normalised(x, gamma, beta, here, spread)
        np.testing.assert_allclose(layer(x, training=True).detach().numpy(), expected, rtol=1e-5, atol=1e-5)
        mean, variance = 0.99 * mean + 0.01 * here, 0.99 * variance + 0.01 * spread
        np.testing.assert_allclose(layer.get_weights()[2:], [mean, variance], rtol=1e-5, atol=1e-7)
        np.testing.assert_allclose(
            layer(x).detach().numpy(), normalised(x, gamma, beta, mean, variance), rtol=1e-4, atol=1e-5
        )


def weighted_norm(layer: layers.BatchNormalization, shape: tuple[int, ...]) -> list[np.ndarray]:
    layer.build(shape[1:])
    layer.set_weights([drawn(3), drawn(3) + 1, drawn(3), np.abs(drawn(3)) + 0.5])
    return [w.astype(np.float64) for w in layer.get_weights()]


def test_settings_of_batch_normalization() -> None:
    x = drawn(5, 4, 6, 3)
    plain = layers.BatchNormalization(center=False, scale=False, momentum=0.5, epsilon=1e-2)
    y = plain(x, training=True).detach().numpy()
    mean, variance = x.mean((0, 1, 2)), x.var((0, 1, 2))
    np.testing.assert_allclose(y, (x - mean) / np.sqrt(variance + 1e-2), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(plain.get_weights(), [mean / 2, (1 + variance) / 2], rtol=1e-5, atol=1e-7)
    assert [name for name, _ in plain.named_weights()] == ["moving_mean", "moving_variance"]
    rows = layers.BatchNormalization(axis=1)
    expected = normalised(x.swapaxes(1, 3), 1, 0, x.mean((0, 2, 3)), x.var((0, 2, 3))).swapaxes(1, 3)
    np.testing.assert_allclose(rows(x, training=True).detach().numpy(), expected, rtol=1e-4, atol=1e-5)
    assert [w.shape for w in rows.get_weights()] == [(4,)] * 4
    single = layers.BatchNormalization(beta_initializer="ones")
    np.testing.assert_array_equal(single(drawn(1, 3), training=True).detach().numpy(), np.ones((1, 3)))


def test_what_batch_normalization_counts() -> None:
    """Moving values are weights that do not learn; of a frozen layer none do, and batches leave it as it is."""
    layer = layers.BatchNormalization()
    x = drawn(5, 4, 6, 3)
    layer(x)
    counts = [len(layer.weights), len(layer.trainable_weights), len(layer.non_trainable_weights)]
    assert counts == [4, 2, 2] and layer.count_params() == 12
    assert [name for name, _ in layer.named_weights()] == ["gamma", "beta", "moving_mean", "moving_variance"]
    layer.trainable = False
    assert len(layer.trainable_weights) == 0 and len(layer.non_trainable_weights) == 4
    before = layer(x).detach().numpy()
    np.testing.assert_array_equal(layer(x, training=True).detach().numpy(), before)
    np.testing.assert_array_equal(layer.get_weights()[2], np.zeros(3))


STARTS: dict[str, tuple[Callable[[], Any], tuple[int, int]]] = {
    "Conv2D": (lambda: layers.Conv2D(32, 3), (9 * 16, 9 * 32)),
    "groups": (lambda: layers.Conv2D(32, 3, groups=4), (9 * 4, 9 * 32)),
    "Conv2DTranspose": (lambda: layers.Conv2DTranspose(32, 3), (9 * 16, 9 * 32)),
    "Conv1D": (lambda: layers.Conv1D(32, 5), (5 * 16, 5 * 32)),
    "DepthwiseConv2D": (lambda: layers.DepthwiseConv2D(5, depth_multiplier=4), (25 * 16, 25 * 4)),
}


@pytest.mark.parametrize("kind", STARTS)
def test_where_kernels_start(kind: str) -> None:
    """Uniform within sqrt(6 / (inputs + outputs)), places included: the largest of hundreds is near it."""
    make, (inputs, outputs) = STARTS[kind]
    fastnn.manual_seed(1)
    layer = make()
    layer.build((9,) * layer.axes + (16,))
    bound = (6 / (inputs + outputs)) ** 0.5
    assert 0.98 * bound < np.abs(layer.get_weights()[0]).max() <= bound
    np.testing.assert_array_equal(layer.get_weights()[1], 0)


def test_regularizers_and_initializers() -> None:
    model = keras.Sequential(
        [
            layers.Conv2D(2, 3, kernel_initializer="ones", bias_initializer="ones", kernel_regularizer="l2"),
            layers.BatchNormalization(gamma_regularizer="l2"),
            layers.SeparableConv2D(2, 1, pointwise_initializer="ones", pointwise_regularizer="l1", use_bias=False),
        ]
    )
    model.build((None, 5, 5, 1))
    assert [float(loss) for layer in model.layers for loss in layer.losses] == pytest.approx([0.18, 0.02, 0.04])
    np.testing.assert_array_equal(model.get_weights()[1], 1)


def test_padding_is_asymmetric() -> None:
    """The reference itself: TensorFlow's own example, 7 pixels, a window of 3, 2 apart."""
    assert padded(np.zeros((1, 7, 8, 1)), (3, 3), (2, 2), "same", 0).shape == (1, 9, 9, 1)
    odd = padded(np.ones((1, 8, 8, 1)), (3, 3), (2, 2), "same", 0)
    assert odd[0, 0, 0, 0] == 1 and odd[0, -1, -1, 0] == 0


def test_other_names() -> None:
    assert layers.MaxPool2D is layers.MaxPooling2D and layers.AvgPool2D is layers.AveragePooling2D
    assert layers.GlobalAvgPool2D is layers.GlobalAveragePooling2D and layers.Convolution1D is layers.Conv1D
    old = layers.Convolution2D(8, 3, 5, border_mode="same", subsample=(2, 1), dim_ordering="tf", W_regularizer="l2")
    assert (old.kernel_size, old.strides, old.padding, old.filters) == ((3, 5), (2, 1), "same", 8)
    assert layers.Convolution2D(8, 3).kernel_size == (3, 3)
    assert layers.MaxPooling2D((2, 3), border_mode="same").strides == (2, 3)
