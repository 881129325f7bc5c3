"""A 1-3-1 network of sigmoids learns a curve that no single neuron can draw: y is 1 between 0.3 and 0.7, else 0.

a1 = sigmoid(x W1 + b1), a2 = sigmoid(a1 W2 + b2), E = mean((a2 - y)^2) over a batch of up to n = 8 points:

    d2 = 2 / n (a2 - y) a2 (1 - a2)          W2 -= rate a1^T d2        b2 -= rate sum(d2)
    d1 = (d2 W2^T) a1 (1 - a1)               W1 -= rate x^T d1         b1 -= rate sum(d1)

In NumPy and in fastnn, from the same first weights, with the same batches. --seed begins elsewhere.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import fastnn
import numpy as np
import picture
from fastnn import nn, optim

BATCH = 8
RATE = 1.0

XS = np.sort(np.random.RandomState(0).rand(50))[:, None]
YS = ((XS > 0.3) & (XS < 0.7)).astype(np.float64)
GRID = np.linspace(0, 1, 201)[:, None]


def sigmoid(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z))


def epochs(count: int, seed: int) -> Iterator[list[tuple[np.ndarray, np.ndarray]]]:
    """The batches of each epoch: after manual_seed the Trainer shuffles by the same randperm."""
    fastnn.manual_seed(seed)
    for _ in range(count):
        order = fastnn.randperm(len(XS)).numpy()
        x, y = XS[order], YS[order]
        yield [(x[i : i + BATCH], y[i : i + BATCH]) for i in range(0, len(XS), BATCH)]


def predict(weights: list[np.ndarray], x: np.ndarray) -> np.ndarray:
    w1, b1, w2, b2 = weights
    return sigmoid(sigmoid(x @ w1 + b1) @ w2 + b2)


def numpy_way(start: list[np.ndarray], count: int, seed: int, kept: set[int]) -> list[list[np.ndarray]]:
    """The weights before each epoch of ``kept``, and after the last one."""
    w1, b1, w2, b2 = weights = [each.copy() for each in start]
    film = []
    for epoch, batches in enumerate(epochs(count, seed)):
        if epoch in kept:
            film.append([each.copy() for each in weights])
        for x, y in batches:
            a1 = sigmoid(x @ w1 + b1)
            a2 = sigmoid(a1 @ w2 + b2)
            d2 = 2 / len(x) * (a2 - y) * a2 * (1 - a2)
            d1 = (d2 @ w2.T) * a1 * (1 - a1)
            w2 -= RATE * a1.T @ d2
            b2 -= RATE * d2.sum(axis=0)
            w1 -= RATE * x.T @ d1
            b1 -= RATE * d1.sum(axis=0)
    return [*film, weights]


def weights_of(model: nn.Module) -> list[np.ndarray]:
    """Copies; Linear keeps W transposed."""
    return [each.detach().numpy().T.copy() for each in model.parameters()]


def fastnn_way(model: nn.Module, count: int, seed: int) -> list[np.ndarray]:
    fastnn.manual_seed(seed)
    trainer = fastnn.Trainer(model, nn.MSELoss(), optim.SGD(model.parameters(), lr=RATE))
    trainer.fit((XS, YS), epochs=count, batch_size=BATCH)
    return weights_of(model)


def mse(weights: list[np.ndarray]) -> float:
    return float(np.mean((predict(weights, XS) - YS) ** 2))


def draw(axes: Any, frame: tuple[int, list[np.ndarray], list[np.ndarray] | None]) -> None:
    epoch, weights, own = frame
    axes[0].plot(XS, YS, "o", color="grey", markersize=4)
    axes[0].plot(GRID, predict(weights, GRID), label="NumPy")
    if own is not None:
        axes[0].plot(GRID, predict(own, GRID), "--", label="fastnn")
    axes[0].legend(loc="upper right")
    axes[0].set(title=f"epoch {epoch:,}: mean squared error {mse(weights):.4f}", ylim=(-0.1, 1.25))


def main() -> None:
    args = picture.options(__doc__, "epochs", 20_000).parse_args()
    fastnn.manual_seed(args.seed)
    model = nn.Sequential(nn.Linear(1, 3), nn.Sigmoid(), nn.Linear(3, 1), nn.Sigmoid()).double()
    kept = picture.moments(args.epochs)

    began = time.perf_counter()
    film = numpy_way(weights_of(model), args.epochs, args.seed, set(kept))
    between = time.perf_counter()
    own = fastnn_way(model, args.epochs, args.seed)
    ended = time.perf_counter()

    print(f"NumPy: mean squared error {mse(film[-1]):.6f}, {between - began:.2f} s")
    print(f"fastnn: mean squared error {mse(own):.6f}, {ended - between:.2f} s")
    print(f"the curves differ by at most {np.abs(predict(own, GRID) - predict(film[-1], GRID)).max():.1e}")
    frames = [(epoch, weights, None) for epoch, weights in zip(kept, film, strict=True)]
    picture.show(args, draw, [*frames, (args.epochs, film[-1], own)])


if __name__ == "__main__":
    main()
