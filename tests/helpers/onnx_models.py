"""Models for ONNX files, each with inputs: every layer, functions of tensors, networks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import fastnn
import numpy as np
from fastnn import keras, models, nn, onnx
from fastnn.nn import functional as F
from image_models import residual

Case = tuple[Callable[[], Any], tuple[np.ndarray, ...]]
RNG = np.random.default_rng(14)


def numbers(*shape: int, dtype: str = "f4") -> np.ndarray:
    return RNG.standard_normal(shape).astype(dtype)


class Function(nn.Module):
    """A function of tensors as a model."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *inputs: Any) -> Any:
        return self.function(*inputs)


class OfNet(Function):
    """A function of what a part called net makes."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        self.net = nn.Linear(5, 1)

    def forward(self, *inputs: Any) -> Any:
        return self.function(self.net(*inputs))


_IMAGES, _SMALL, _ODD, _LINE = numbers(2, 4, 9, 8), numbers(2, 4, 3, 5), numbers(2, 4, 7, 10), numbers(2, 4, 9)
_FLAT, _ROWS = numbers(2, 5), np.arange(6).reshape(2, 3)
_PLAIN = "CELU ELU GELU SELU Hardsigmoid Hardswish Hardtanh Identity LeakyReLU LogSigmoid LogSoftmax Mish PReLU ReLU "
_PLAIN += "ReLU6 Sigmoid SiLU Softmax Softmin Softplus Softsign Tanh Tanhshrink Dropout Flatten"
_GROWN = {"kernel_size": 3, "stride": 2}
_WINDOWS: tuple[dict[str, Any], ...] = (
    {"kernel_size": 2},
    {**_GROWN, "padding": 1},
    {**_GROWN, "ceil_mode": True},
    {**_GROWN, "padding": 1, "ceil_mode": True},
    {"kernel_size": 2, "stride": 3},
    {"kernel_size": 2, "stride": 3, "padding": 1, "ceil_mode": True},  # a last window would begin behind the image
)
_CONVOLUTIONS: tuple[dict[str, Any], ...] = (
    {"padding": 1},
    {"stride": 2, "padding": 2},
    {"dilation": 2},
    {"groups": 2},
    {"padding": "same"},
    {"bias": False},
)
_TRANSPOSED: tuple[dict[str, Any], ...] = (
    {},
    {"stride": 2, "padding": 1, "output_padding": 1},
    {"groups": 2, "stride": 3},
    {"bias": False, "dilation": 2},
)

Layer = tuple[Any, np.ndarray, dict[str, Any]]


def _windows() -> Iterator[Layer]:
    sizes = {"in_channels": 4, "out_channels": 6, "kernel_size": 3}
    for options in _CONVOLUTIONS:
        yield nn.Conv2d, _IMAGES, {**sizes, **options}
        yield nn.Conv1d, _LINE, {**sizes, **options}
    yield nn.Conv2d, numbers(2, 1, 6, 6), {"in_channels": 1, "out_channels": 2, "kernel_size": 3}
    for options in _TRANSPOSED:
        yield nn.ConvTranspose2d, _IMAGES, {**sizes, **options}
    for options in _WINDOWS:
        for x in (_IMAGES, _SMALL, _ODD):
            yield nn.MaxPool2d, x, options
            yield nn.AvgPool2d, x, options
            yield nn.AvgPool2d, x, {**options, "count_include_pad": False}
            yield nn.AvgPool2d, x, {**options, "divisor_override": 5}
    yield nn.MaxPool2d, _IMAGES, {"kernel_size": 2, "dilation": 2, "stride": 1}
    for layer in (nn.MaxPool1d, nn.AvgPool1d):
        yield layer, _LINE, {"kernel_size": 2}
    for size in (1, 2, (2, 3), (None, 4)):
        yield nn.AdaptiveAvgPool2d, _ODD, {"output_size": size}
        yield nn.AdaptiveMaxPool2d, _ODD, {"output_size": size}
    for layer in (nn.AdaptiveAvgPool1d, nn.AdaptiveMaxPool1d):
        yield layer, _LINE, {"output_size": 4}


def _others() -> Iterator[Layer]:
    yield nn.GELU, _SMALL, {"approximate": "tanh"}
    yield nn.Softmax, _IMAGES, {"dim": 1}
    yield nn.PReLU, _IMAGES, {"num_parameters": 4}
    yield nn.Linear, _FLAT, {"in_features": 5, "out_features": 3}
    yield nn.Linear, _LINE, {"in_features": 9, "out_features": 3, "bias": False}
    yield nn.Unflatten, numbers(2, 12), {"dim": 1, "unflattened_size": (3, 4)}
    yield nn.Embedding, _ROWS, {"num_embeddings": 10, "embedding_dim": 4}
    yield nn.GroupNorm, _IMAGES, {"num_groups": 2, "num_channels": 4}
    yield nn.LayerNorm, _IMAGES, {"normalized_shape": (9, 8)}
    for norm, x in ((nn.BatchNorm2d, _IMAGES), (nn.BatchNorm1d, numbers(2, 4)), (nn.BatchNorm1d, _LINE)):
        for options in ({}, {"affine": False}, {"track_running_stats": False}):
            if x.ndim > 2 or options.get("track_running_stats", True):  # a row alone has no variance
                yield norm, x, {"num_features": 4, **options}
    yield nn.ZeroPad1d, _LINE, {"padding": 1}
    yield nn.ZeroPad2d, _IMAGES, {"padding": (1, 2, 0, 1)}
    yield nn.ConstantPad1d, _LINE, {"padding": 1, "value": -3.0}
    yield nn.ConstantPad2d, _IMAGES, {"padding": (1, 2, -1, 1), "value": 2.5}
    yield nn.Dropout1d, _LINE, {}
    yield nn.Dropout2d, _IMAGES, {}
    for options in ({"scale_factor": 2}, {"size": (7, 3), "mode": "nearest-exact"}, {"scale_factor": 1.5}):
        yield nn.Upsample, _IMAGES, options
    yield nn.UpsamplingNearest2d, _IMAGES, {"scale_factor": 2}


def _layers() -> dict[str, Case]:
    cases: dict[str, Case] = {name: (getattr(nn, name), (numbers(2, 3, 5) * 3,)) for name in _PLAIN.split()}
    for layer, x, options in (*_windows(), *_others()):
        given = ", ".join(f"{name}={value}" for name, value in options.items())
        cases[f"{layer.__name__}({given}) {x.shape[1:]}"] = (partial(layer, **options), (x,))
    return cases


def _in_place(x: Any) -> Any:
    y = x * 2
    y += x
    return y.mul_(3)


class _Double(fastnn.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x.clone() * 2

    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        return grad * 2


_X, _CUBE, _POSITIVE = numbers(2, 3), numbers(2, 3, 4), np.abs(numbers(2, 3)) + 0.5
_FUNCTIONS: dict[str, tuple[Callable[..., Any], tuple[np.ndarray, ...]]] = {
    "view": (lambda x: x.view(-1, 12) @ fastnn.ones(12, 3), (_CUBE,)),
    "in place": (_in_place, (_X,)),
    "cat": (lambda x: fastnn.cat([x, x * 2], 1), (_CUBE,)),
    "stack": (lambda x: fastnn.stack([x, x * 2], 1), (_X,)),
    "chunk": (lambda x: x.chunk(2, 1)[1] * x.chunk(2, 1)[0], (numbers(2, 6, 3),)),
    "slices": (lambda x: x[:, 1:, ::2] + 0, (_CUBE,)),
    "integers as indices": (lambda x: x[:, 0] - x[:, -1], (_CUBE,)),
    "lists as indices": (lambda x: x[:, [0, 2, 1, 1]], (_CUBE,)),
    "flip": (lambda x: x.flip(1), (_CUBE,)),
    "mean over the batch": (lambda x: x.mean((0, 2), keepdim=True) * x, (_CUBE,)),
    "mean of all": (lambda x: x - x.mean(), (_CUBE,)),
    "sum": (lambda x: x.sum(1), (_CUBE,)),
    "max": (lambda x: tuple(x.max(1)), (_CUBE,)),
    "min": (lambda x: x.min(2).values, (_CUBE,)),
    "std": (lambda x: x.std(1), (_CUBE,)),
    "where": (lambda x: fastnn.where(x > 0, x, x * 0.1), (_X,)),
    "masked_fill": (lambda x: x.masked_fill(x < 0, 7.0), (_X,)),
    "clamp": (lambda x: x.clamp(-0.5), (_X,)),
    "powers": (lambda x: x**1.5 + x**x + x**-1 + x**-0.5 + x**2, (_POSITIVE,)),
    "exp log": (lambda x: (x.exp() + 1).log() - x.erf(), (_X,)),
    "rounding": (lambda x: x.abs().floor() + x.ceil().trunc() + x.round() + x.sign(), (_X,)),
    "remainder": (lambda x: x % 0.3 + x // 0.7, (_X,)),
    "cumsum": (lambda x: x.cumsum(1), (_X,)),
    "norm": (lambda x: x / x.norm(dim=1, keepdim=True), (_X,)),
    "a token for each row": (lambda x: fastnn.cat([fastnn.ones(1, 1, 4).expand(x.shape[0], 1, 4), x], 1), (_CUBE,)),
    "zeros for each row": (lambda x: fastnn.cat([fastnn.zeros(x.shape[0], 2), x], 1), (_X,)),
    "repeat": (lambda x: x.repeat(1, 2, 3), (_CUBE,)),
    "attention": (lambda x: (x @ x.transpose(1, 2) / 2).softmax(-1) @ x, (_CUBE,)),
    "heads": (lambda x: x.view(x.shape[0], 3, 2, 2).permute(0, 2, 1, 3).reshape(x.shape[0], -1), (_CUBE,)),
    "pixel shuffle": (
        lambda x: x.view(x.shape[0], 2, 2, 2, 3, 3).permute(0, 1, 4, 2, 5, 3).reshape(x.shape[0], 2, 6, 6),
        (numbers(2, 8, 3, 3),),
    ),
    "two inputs and outputs": (lambda x, y: (x * y, x - y), (_X, numbers(2, 3))),
    "comparison": (lambda x: (x != 0) & (x > 0) | ~(x < 1) ^ (x >= 2), (_X,)),
    "questions": (lambda x: fastnn.isnan(x / x) | fastnn.isfinite(x) & (x <= 1), (_X,)),
    "counts": (lambda x: (x > 0).long().sum(1), (_X,)),
    "bytes": (lambda x: x.float() / 255, (np.arange(6, dtype="u1").reshape(2, 3),)),
    "float64": (lambda x: x.tanh() * 2, (numbers(2, 3, dtype="f8"),)),
    "integers": (lambda x: x * 2 + x // 3 - x % 3, (np.arange(-3, 3).reshape(2, 3),)),
    "matrix and vector": (lambda x: x @ fastnn.ones(3), (_X,)),
    "similarities": (lambda x: x @ x.t(), (_X,)),
    "dimensions of one": (lambda x: x[:, :, None].squeeze(-1).unsqueeze(0).squeeze(0), (_X,)),
    "sort": (lambda x: tuple(x.sort(1, descending=True)), (_CUBE,)),
    "topk": (lambda x: tuple(x.topk(2, 2, largest=False)), (_CUBE,)),
    "median": (lambda x: x.median(1).values, (_X,)),
    "gather": (lambda x, places: x.gather(1, places), (_X, _ROWS % 3)),
    "index_select": (lambda x: x.index_select(1, fastnn.tensor([2, 0])), (_X,)),
    "a table": (lambda places: fastnn.arange(8).float().reshape(4, 2)[places], (_ROWS % 4,)),
    "maximum": (lambda x: fastnn.maximum(x, x * 2) - fastnn.minimum(x, x * x), (_X,)),
    "nothing": (lambda x: x, (_X,)),
    "normalize": (lambda x: F.normalize(x), (_X,)),
    "linear of a weight turned round": (lambda x: F.linear(x, fastnn.ones(3, 4).t()), (_X,)),
    "a row of the batch": (lambda x: x[0] + x, (_X,)),
}


def _keras_images() -> Any:
    layers = keras.layers
    return keras.models.Sequential(
        [
            layers.Conv2D(8, 3, activation="relu", input_shape=(12, 12, 3), padding="same"),
            layers.MaxPooling2D(),
            layers.BatchNormalization(),
            layers.SeparableConv2D(6, 3, strides=2, padding="same", activation="relu"),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(5, activation="softmax"),
        ]
    )


def _keras_sequences() -> Any:
    layers = keras.layers
    dense = [layers.GlobalAveragePooling1D(), layers.Dense(4, activation="gelu")]
    return keras.models.Sequential([layers.Conv1D(8, 3, activation="relu", input_shape=(16, 3)), *dense])


def _keras_branches() -> Any:
    layers = keras.layers
    start = layers.Input((8, 8, 2))
    x = layers.Concatenate()([layers.Conv2D(4, 3, padding="same")(start), start])
    x = layers.UpSampling2D()(layers.Conv2DTranspose(3, 3, strides=2, padding="same")(x))
    return keras.models.Model(start, layers.GlobalMaxPooling2D()(x))


LAYERS = _layers()
FUNCTIONS: dict[str, Case] = {
    name: (lambda function=function: Function(function), given) for name, (function, given) in _FUNCTIONS.items()
}
NETWORKS: dict[str, Case] = {
    "mlp": (lambda: fastnn.Network(8, 5, 3), (numbers(2, 8),)),
    "network of modules": (
        lambda: fastnn.Network(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(72, 3)),
        (numbers(2, 1, 8, 8),),
    ),
    "lenet5": (models.lenet5, (numbers(1, 1, 28, 28),)),
    "residual": (residual, (numbers(1, 3, 12, 12),)),
    "small_cnn": (models.small_cnn, (numbers(1, 3, 32, 32),)),
    "resnet18": (lambda: models.resnet18(num_classes=10), (numbers(1, 3, 32, 32),)),
    "resnet34": (lambda: models.resnet34(num_classes=10), (numbers(1, 3, 32, 32),)),
    "squeeze(1)": (lambda: OfNet(lambda y: y.squeeze(1)), (_FLAT,)),
    "[:, 0]": (lambda: OfNet(lambda y: y[:, 0]), (_FLAT,)),
    "flatten()": (lambda: OfNet(lambda y: y.flatten()), (_FLAT,)),
    "view(-1)": (lambda: OfNet(lambda y: y.view(-1)), (_FLAT,)),
    "Function": (lambda: Function(_Double.apply), (_FLAT,)),
    "keras images": (_keras_images, (numbers(2, 12, 12, 3),)),
    "keras sequences": (_keras_sequences, (numbers(2, 16, 3),)),
    "keras branches": (_keras_branches, (numbers(2, 8, 8, 2),)),
}


def module(model: Any) -> nn.Module:
    """Of a Keras model that which computes."""
    return model if isinstance(model, nn.Module) else model.net


def made(case: Case) -> tuple[Any, tuple[np.ndarray, ...]]:
    """The model of a case, its running values being none that batch norm starts with, and its inputs."""
    fastnn.manual_seed(0)
    model = case[0]()
    for name, buffer in module(model).named_buffers():
        if name.endswith("running_mean") or name.endswith("running_var"):
            buffer.copy_(fastnn.rand(*buffer.shape) + 0.5)
    return model, case[1]


def results(model: Any, inputs: tuple[np.ndarray, ...], rows: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """So many rows of inputs, and what a model in evaluation mode gives for them."""
    given = [x[np.arange(rows) % len(x)] for x in inputs]
    net = module(model).eval()
    with fastnn.no_grad():
        found = net(*map(fastnn.tensor, given))
    return given, [each.numpy() for each in (found if isinstance(found, tuple | list) else [found])]


def check_alike(found: list[np.ndarray], expected: list[np.ndarray]) -> None:
    """Equal to 1e-5 of the largest number, of one dtype and shape."""
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        off = np.abs(a.astype("f8") - b).max(initial=0)
        assert off <= 1e-5 * max(1.0, np.abs(b.astype("f8")).max(initial=0)), off


def exported(model: Any, inputs: tuple[np.ndarray, ...], folder: Path, **options: Any) -> Path:
    path = folder / "model.onnx"
    onnx.export(model, inputs, path, **options)
    return path
