"""What ``fastnn selftest`` computes: every kind of op forwards and backwards, random numbers, updates, trainings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

import fastnn
from fastnn import Network, Trainer, _core, models, nn, optim, random
from fastnn.data.augment import augmentation
from fastnn.data.digits import SEED

Arrays = list[Any]

# Shape of the input, how the layer is made. Odd sizes leave remainders on every instruction set. All is small: scalar
# kernels take some 3 ns for a multiply-add, and all of it half a second with them.
_LAYERS: dict[str, tuple[tuple[int, ...], Callable[[], nn.Module]]] = {
    "linear": ((37, 51), lambda: nn.Linear(51, 29)),
    "linear, several threads": ((256, 300), lambda: nn.Linear(300, 130)),
    "conv2d": ((5, 3, 13, 11), lambda: nn.Conv2d(3, 7, 3, stride=2, padding=1)),
    "conv2d, several threads": ((16, 8, 20, 20), lambda: nn.Conv2d(8, 16, 5)),
    "conv2d, groups": ((3, 6, 9, 9), lambda: nn.Conv2d(6, 6, 3, groups=6, dilation=2)),
    "conv_transpose2d": ((3, 4, 7, 5), lambda: nn.ConvTranspose2d(4, 3, 3, stride=2)),
    "max_pool2d": ((3, 5, 13, 11), lambda: nn.MaxPool2d(3, 2, 1)),
    "avg_pool2d": ((3, 5, 13, 11), lambda: nn.AvgPool2d(2)),
    "batch_norm": ((6, 5, 7, 9), lambda: nn.BatchNorm2d(5)),
    "layer_norm": ((9, 37), lambda: nn.LayerNorm(37)),
    "softmax": ((9, 37), lambda: nn.Softmax(dim=1)),
    "log_softmax": ((9, 37), lambda: nn.LogSoftmax(dim=1)),
    "dropout": ((9, 37), lambda: nn.Dropout(0.3)),
    **{
        kind.__name__.lower(): ((9, 37), kind)
        for kind in (nn.ReLU, nn.LeakyReLU, nn.ELU, nn.GELU, nn.SiLU, nn.Sigmoid, nn.Tanh, nn.Softplus)
    },
}

_FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "exp": lambda x: x.exp(),
    "log": lambda x: (x * x + 0.1).log(),
    "pow": lambda x: (x.abs() + 0.1) ** 1.7,
    "matmul": lambda x: x @ x.t(),
    "sum": lambda x: x.sum(1) * x.sum(),
    "std": lambda x: x.std(0),
    "cross_entropy": lambda x: nn.CrossEntropyLoss(label_smoothing=0.1)(x, fastnn.arange(len(x))),
    "mse_loss": lambda x: nn.MSELoss()(x, x.detach() * 0.5),
    "bce_with_logits": lambda x: nn.BCEWithLogitsLoss()(x, (x.detach() > 0).to(x.dtype)),
}

_OPTIMIZERS: dict[str, Callable[..., optim.Optimizer]] = {
    "sgd": partial(optim.SGD, lr=0.1, momentum=0.9, weight_decay=0.01),
    "adam": partial(optim.Adam, lr=0.01, amsgrad=False),
    "adamw": partial(optim.AdamW, lr=0.01),
    "rmsprop": partial(optim.RMSprop, lr=0.01),
}


def cases() -> Iterator[tuple[str, Arrays]]:
    """Name and arrays, each from the same seed."""
    for name, (shape, make) in _LAYERS.items():
        yield name, _layer(shape, make, _KINDS[:1] if "threads" in name else _KINDS)
    for name, function in _FUNCTIONS.items():
        yield name, _differentiated(function, (11, 37), (), _KINDS)
    for name, optimizer in _OPTIMIZERS.items():
        yield name, _updated(optimizer)
    fastnn.manual_seed(5)
    yield "random numbers", [f._data for f in (fastnn.rand(99), fastnn.randn(99), fastnn.randperm(99))]
    images, labels = _core.draw_digits(SEED, 0, 120)
    yield "digits", [images, labels]
    colour = np.repeat(images[:6, None], 3, axis=1)
    yield "augmentation", [augmentation("strong", 3).images(colour, np.arange(6, dtype=np.int64), 1)]
    data = images.reshape(-1, 784).astype(np.float32) / 255, labels.astype(np.int64)
    for engine in ("plan", "eager"):
        yield f"training 784-64-10, {engine}", _trained(lambda: Network(784, 64, 10), data, engine, 50)
        pictures = data[0].reshape(-1, 1, 28, 28)[:24], data[1][:24]
        yield f"training LeNet-5, {engine}", _trained(models.lenet5, pictures, engine, 14)


def _layer(shape: tuple[int, ...], make: Callable[[], nn.Module], kinds: Any) -> Arrays:
    """What it was made with, its output and gradients."""
    arrays = []
    for kind in kinds:
        fastnn.manual_seed(7)
        layer = make().to(kind)
        parameters = list(layer.parameters())
        arrays += [*(p._data for p in parameters), *_differentiated(layer, shape, parameters, (kind,))]
    return arrays


_KINDS = (fastnn.float32, fastnn.float64)


def _differentiated(function: Callable[[Any], Any], shape: tuple[int, ...], parameters: Any, kinds: Any) -> Arrays:
    arrays = []
    for kind in kinds:
        fastnn.manual_seed(9)
        x = fastnn.randn(*shape).to(kind).requires_grad_()
        y = function(x)
        y.backward(fastnn.randn(*y.shape).to(kind))
        arrays += [y.detach()._data, x.grad._data, *(p.grad._data for p in parameters)]
    return arrays


def _updated(make: Callable[..., optim.Optimizer]) -> Arrays:
    fastnn.manual_seed(11)
    parameter = nn.Parameter(fastnn.randn(301))
    optimizer = make([parameter])
    for _ in range(4):
        parameter.grad = fastnn.randn(301)
        optimizer.step()
    return [parameter._data]


def _trained(make: Callable[[], nn.Module], data: tuple[np.ndarray, np.ndarray], engine: str, batch: int) -> Arrays:
    """An epoch, its last batch a smaller one."""
    random.manual_seed(13)
    model = make()
    trainer = Trainer(model, nn.CrossEntropyLoss(), optim.Adam(model.parameters()), engine=engine)
    trainer.fit(data, epochs=1, batch_size=batch)
    return [np.array(trainer.epoch_losses), *(p._data for p in model.parameters())]
