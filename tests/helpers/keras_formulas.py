"""Keras' training of dense layers, written out in NumPy in float64: formulas of its documentation and of the papers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Arrays = list[np.ndarray]


def softmax(z: np.ndarray) -> np.ndarray:
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


ACTIVATIONS: dict[str, Callable] = {
    "linear": lambda z: z,
    "relu": lambda z: np.maximum(z, 0),
    "leaky_relu": lambda z: np.where(z > 0, z, 0.2 * z),
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "tanh": np.tanh,
    "softmax": softmax,
}


def forward(weights: Arrays, activations: list[str], x: np.ndarray) -> np.ndarray:
    for kernel, bias, name in zip(weights[::2], weights[1::2], activations, strict=True):
        x = ACTIVATIONS[name](x @ kernel + bias)
    return x


def loss(name: str, y: np.ndarray, p: np.ndarray) -> float:
    """Mean over the rows; y one-hot or rows of numbers."""
    if name == "categorical_crossentropy":
        p = np.clip(p / p.sum(axis=1, keepdims=True), 1e-7, 1 - 1e-7)
        return float(-(y * np.log(p)).sum(axis=1).mean())
    if name == "binary_crossentropy":
        p = np.clip(p, 1e-7, 1 - 1e-7)
        return float(-(y * np.log(p) + (1 - y) * np.log(1 - p)).mean())
    return float({"mse": (p - y) ** 2, "mae": np.abs(p - y)}[name].mean())


def gradients(name: str, weights: Arrays, activations: list[str], x: np.ndarray, y: np.ndarray) -> Arrays:
    """By central differences, good to about 1e-9."""
    out, step = [], 1e-6
    for weight in weights:
        gradient = np.zeros_like(weight)
        for place in np.ndindex(weight.shape):
            kept, ends = weight[place], []
            for sign in (1, -1):
                weight[place] = kept + sign * step
                ends.append(loss(name, y, forward(weights, activations, x)))
            weight[place] = kept
            gradient[place] = (ends[0] - ends[1]) / (2 * step)
        out.append(gradient)
    return out


def sgd(w: np.ndarray, g: np.ndarray, kept: dict, o: dict[str, Any]) -> np.ndarray:
    m = kept["m"] = o.get("momentum", 0) * kept.get("m", 0) - o["learning_rate"] * g
    return w + (o["momentum"] * m - o["learning_rate"] * g if o.get("nesterov") else m)


def rmsprop(w: np.ndarray, g: np.ndarray, kept: dict, o: dict[str, Any]) -> np.ndarray:
    rho = o.get("rho", 0.9)
    kept["v"] = rho * kept.get("v", 0) + (1 - rho) * g * g
    step = o["learning_rate"] * g / np.sqrt(kept["v"] + o.get("epsilon", 1e-7))
    if o.get("momentum"):
        step = kept["m"] = o["momentum"] * kept.get("m", 0) + step
    return w - step


def adam(w: np.ndarray, g: np.ndarray, kept: dict, o: dict[str, Any]) -> np.ndarray:
    beta1, beta2 = o.get("beta_1", 0.9), o.get("beta_2", 0.999)
    t = kept["t"] = kept.get("t", 0) + 1
    kept["m"] = beta1 * kept.get("m", 0) + (1 - beta1) * g
    kept["v"] = beta2 * kept.get("v", 0) + (1 - beta2) * g * g
    rate = o["learning_rate"] * np.sqrt(1 - beta2**t) / (1 - beta1**t)
    return w - rate * kept["m"] / (np.sqrt(kept["v"]) + o.get("epsilon", 1e-7))


OPTIMIZERS: dict[str, Callable] = {"SGD": sgd, "RMSprop": rmsprop, "Adam": adam}


def train(
    weights: Arrays,
    activations: list[str],
    name: str,
    optimizer: str,
    options: dict[str, Any],
    x: np.ndarray,
    y: np.ndarray,
    batch: int,
    rates: list[float],
) -> tuple[Arrays, list[float]]:
    """An epoch at each of some learning rates, rows in order; the weights then, and each epoch's mean loss."""
    weights, kept = [np.array(w, np.float64) for w in weights], [{} for _ in weights]
    x, y, losses = x.astype(np.float64), y.astype(np.float64), []
    for rate in rates:
        total = 0.0
        for start in range(0, len(x), batch):
            rows, targets = x[start : start + batch], y[start : start + batch]
            total += loss(name, targets, forward(weights, activations, rows)) * len(rows)
            grads = gradients(name, weights, activations, rows, targets)
            step = OPTIMIZERS[optimizer]
            weights = [
                step(w, g, k, {**options, "learning_rate": rate}) for w, g, k in zip(weights, grads, kept, strict=True)
            ]
        losses.append(total / len(x))
    return weights, losses
