"""Networks of images drawn at random, the same in fastnn and in PyTorch: any layer behind any other, branches, layers
that are used twice. `dropout` False leaves out what draws numbers: the two draw others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

CLASSES = 5
Shape = tuple[int, int, int]  # channels, height, width

# By name: what is made of a library's nn, random numbers and a shape that it keeps.
KEEPS: dict[str, Callable[[Any, np.random.Generator, Shape], Any]] = {
    "ReLU": lambda nn, rng, shape: nn.ReLU(),
    "LeakyReLU": lambda nn, rng, shape: nn.LeakyReLU(0.1),
    "Tanh": lambda nn, rng, shape: nn.Tanh(),
    "Sigmoid": lambda nn, rng, shape: nn.Sigmoid(),
    "ELU": lambda nn, rng, shape: nn.ELU(),
    "GELU": lambda nn, rng, shape: nn.GELU(),
    "SiLU": lambda nn, rng, shape: nn.SiLU(),
    "Softplus": lambda nn, rng, shape: nn.Softplus(),
    "Hardtanh": lambda nn, rng, shape: nn.Hardtanh(),
    "PReLU": lambda nn, rng, shape: nn.PReLU(),
    "BatchNorm2d": lambda nn, rng, shape: nn.BatchNorm2d(
        shape[0],
        momentum=(0.1, 0.3, 1.0)[rng.integers(3)],
        affine=bool(rng.integers(4)),
        track_running_stats=bool(rng.integers(4)),
    ),
    "GroupNorm": lambda nn, rng, shape: nn.GroupNorm(1, shape[0]),
    "LayerNorm": lambda nn, rng, shape: nn.LayerNorm(shape[int(rng.integers(3)) :]),
    "Identity": lambda nn, rng, shape: nn.Identity(),
}
DROPS: dict[str, Callable[[Any], Any]] = {
    "Dropout": lambda nn: nn.Dropout(0.2),
    "Dropout2d": lambda nn: nn.Dropout2d(0.2),
}


def network(lib: Any, seed: int, dropout: bool = True) -> tuple[Any, Shape]:
    """A classifier of this library, and the shape of its images."""
    rng = np.random.default_rng(seed)
    shape = (int(rng.integers(1, 4)), *(int(n) for n in rng.integers(3, 14, 2)))
    layers, kept = _layers(lib, rng, shape, depth=0, dropout=dropout)
    width = kept[0] * kept[1] * kept[2]
    head = [lib.nn.Flatten(), lib.nn.Linear(width, 8)]
    if rng.integers(2):
        head += [lib.nn.BatchNorm1d(8)]
    head += [lib.nn.Tanh(), lib.nn.Linear(8, CLASSES)]  # no kink, where a normalised feature is a rounding beside 0
    return lib.nn.Sequential(*layers, *head), shape


def batches(shape: Shape, seed: int, sizes: tuple[int, ...] = (6, 6, 3), dtype: type = np.float32) -> list[Any]:
    rng = np.random.default_rng(seed + 10**6)
    return [(rng.standard_normal((n, *shape)).astype(dtype), rng.integers(0, CLASSES, n)) for n in sizes]


def _layers(lib: Any, rng: np.random.Generator, shape: Shape, depth: int, dropout: bool) -> tuple[list[Any], Shape]:
    layers = []
    for _ in range(int(rng.integers(2, 6 if depth == 0 else 4))):
        layer, shape = _layer(lib, rng, shape, depth, dropout)
        layers.append(layer)
    return layers, shape


def _layer(lib: Any, rng: np.random.Generator, shape: Shape, depth: int, dropout: bool) -> tuple[Any, Shape]:
    kind = rng.choice(["conv", "conv", "keeps", "keeps", "pool", "drop", "resize", "join"])
    if kind == "conv":
        return convolution(lib.nn, rng, shape)
    if kind == "pool":
        return pooling(lib.nn, rng, shape)
    if kind == "join" and depth < 2:
        return _join(lib, rng, shape, depth, dropout)
    if kind == "resize":
        return _resize(lib.nn, rng, shape)
    if kind == "drop" and dropout:
        return DROPS[str(rng.choice(list(DROPS)))](lib.nn), shape
    return KEEPS[str(rng.choice(list(KEEPS)))](lib.nn, rng, shape), shape


def convolution(nn: Any, rng: np.random.Generator, shape: Shape) -> tuple[Any, Shape]:
    groups = int(rng.choice([n for n in (1, 1, 2, 3, shape[0]) if shape[0] % n == 0]))
    outputs = groups * int(rng.integers(1, 1 + 12 // groups)) if groups < 13 else shape[0]
    if rng.integers(4) == 0:
        layer = nn.Conv2d(shape[0], outputs, tuple(map(int, rng.integers(1, 4, 2))), padding="same", groups=groups)
        return layer, (outputs, *shape[1:])
    stride, padding, dilation = (
        tuple(int(n) for n in rng.integers(low, high, 2)) for low, high in ((1, 3), (0, 3), (1, 3))
    )
    most = [(size + 2 * pad - 1) // spread + 1 for size, pad, spread in zip(shape[1:], padding, dilation, strict=True)]
    kernel = tuple(int(rng.integers(1, min(4, 1 + size))) for size in most)
    layer = nn.Conv2d(shape[0], outputs, kernel, stride, padding, dilation, groups, bias=bool(rng.integers(2)))
    sides = [
        (size + 2 * pad - spread * (k - 1) - 1) // step + 1
        for size, pad, spread, k, step in zip(shape[1:], padding, dilation, kernel, stride, strict=True)
    ]
    return layer, (outputs, *sides)


def pooling(nn: Any, rng: np.random.Generator, shape: Shape) -> tuple[Any, Shape]:
    if rng.integers(3) == 0:
        size = tuple(int(n) for n in rng.integers(1, 4, 2))
        return nn.AdaptiveAvgPool2d(size), (shape[0], *size)
    kernel = tuple(int(rng.integers(1, min(4, 1 + side))) for side in shape[1:])
    stride = tuple(int(n) for n in rng.integers(1, 4, 2))
    padding = tuple(int(rng.integers(0, 1 + k // 2)) for k in kernel)
    sides = [
        (size + 2 * pad - k) // step + 1 for size, pad, k, step in zip(shape[1:], padding, kernel, stride, strict=True)
    ]
    layer = (nn.MaxPool2d, nn.AvgPool2d)[int(rng.integers(2))](kernel, stride, padding)
    return layer, (shape[0], *sides)


def _resize(nn: Any, rng: np.random.Generator, shape: Shape) -> tuple[Any, Shape]:
    if rng.integers(2) and max(shape[1:]) < 10:
        return nn.Upsample(scale_factor=2), (shape[0], 2 * shape[1], 2 * shape[2])
    left, right, top, bottom = (int(n) for n in rng.integers(0, 3, 4))
    return nn.ZeroPad2d((left, right, top, bottom)), (shape[0], shape[1] + top + bottom, shape[2] + left + right)


def _join(lib: Any, rng: np.random.Generator, shape: Shape, depth: int, dropout: bool) -> tuple[Any, Shape]:
    """Branches of one input: their sum, their channels one behind the other, or one layer used twice."""
    kind = str(rng.choice(["sum", "cat", "twice"]))
    if kind == "twice":
        layer = lib.nn.Sequential(
            lib.nn.Conv2d(shape[0], shape[0], 3, padding=1), KEEPS["BatchNorm2d"](lib.nn, rng, shape)
        )
        return _branches(lib, kind, [layer, layer]), shape
    parts, shapes = [], []
    for _ in range(2):
        layers, kept = _layers(lib, rng, shape, depth + 1, dropout)
        if kind == "sum":
            layers.append(lib.nn.Conv2d(kept[0], shape[0], 1))
        parts.append(lib.nn.Sequential(*layers, lib.nn.AdaptiveAvgPool2d((min(shape[1], 4), min(shape[2], 4)))))
        shapes.append(kept)
    channels = shape[0] if kind == "sum" else shapes[0][0] + shapes[1][0]
    return _branches(lib, kind, parts), (channels, min(shape[1], 4), min(shape[2], 4))


def _branches(lib: Any, kind: str, parts: list[Any]) -> Any:
    class Branches(lib.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.parts = lib.nn.ModuleList(parts)

        def forward(self, x: Any) -> Any:
            if kind == "twice":
                return self.parts[1](self.parts[0](x)) + x
            first, second = (part(x) for part in self.parts)
            return first + second if kind == "sum" else lib.cat([first, second], 1)

    return Branches()
