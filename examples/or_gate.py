"""A network learns OR: 3-4-1, sigmoid, no bias (the third input is always 1), gradient descent on all four cases.

l1 = sigmoid(X syn0), l2 = sigmoid(l1 syn1), E = mean((l2 - y)^2) / 2, and backwards, with sigmoid' = s (1 - s):

    delta2 = (l2 - y) l2 (1 - l2) / 4            syn1 -= rate l1^T delta2
    delta1 = (delta2 syn1^T) l1 (1 - l1)         syn0 -= rate X^T delta1

First in NumPy, then twice in fastnn: a Python call for each iteration, and one for thousands of them.
"""

from __future__ import annotations

import time
from typing import Any

import fastnn
import numpy as np
import picture
from fastnn import nn, optim

X = np.array([[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]], dtype=np.float64)
Y = np.array([[0], [1], [1], [1]], dtype=np.float64)
RATE = 0.04
REPORT_EVERY = 10_000

Weights = tuple[np.ndarray, np.ndarray]


def sigmoid(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z))


def output(syn0: np.ndarray, syn1: np.ndarray, x: np.ndarray) -> np.ndarray:
    return sigmoid(sigmoid(x @ syn0) @ syn1)


def report(i: int, error: float) -> None:
    print(f"Error in {i} iteration for training: {error}")


def numpy_way(start: Weights, iterations: int, kept: set[int]) -> list[Weights]:
    """The weights before each iteration of ``kept``, and after the last one."""
    syn0, syn1 = start[0].copy(), start[1].copy()
    film = []
    for i in range(iterations):
        if i in kept:
            film.append((syn0.copy(), syn1.copy()))
        l1 = sigmoid(X @ syn0)
        l2 = sigmoid(l1 @ syn1)
        if i % REPORT_EVERY == 0:
            report(i, np.mean((l2 - Y) ** 2) / 2)
        delta2 = (l2 - Y) * l2 * (1 - l2) / len(X)
        delta1 = (delta2 @ syn1.T) * l1 * (1 - l1)
        syn1 -= RATE * l1.T @ delta2
        syn0 -= RATE * X.T @ delta1
    return [*film, (syn0, syn1)]


def network(start: Weights) -> tuple[nn.Module, nn.Module, optim.Optimizer]:
    """The same in fastnn. MSELoss is 2 E, so half of the rate makes the same step; Linear keeps syn transposed."""
    model = nn.Sequential(nn.Linear(3, 4, bias=False), nn.Sigmoid(), nn.Linear(4, 1, bias=False), nn.Sigmoid()).double()
    model.load_state_dict({"0.weight": fastnn.tensor(start[0].T), "2.weight": fastnn.tensor(start[1].T)})
    return model, nn.MSELoss(), optim.SGD(model.parameters(), lr=RATE / 2)


def weights(model: nn.Module) -> Weights:
    return model[0].weight.detach().numpy().T, model[2].weight.detach().numpy().T


def compiled_way(start: Weights, iterations: int) -> Weights:
    """A call for each iteration."""
    model, criterion, optimizer = network(start)
    step = fastnn.compile(model, criterion, optimizer)
    for i in range(iterations):
        loss = step(X, Y)  # as it was before this step
        if i % REPORT_EVERY == 0:
            report(i, loss.item() / 2)
    return weights(model)


def trainer_way(start: Weights, iterations: int) -> Weights:
    """The same compiled step, run by the Trainer: an epoch goes over copies of the four cases, a batch each."""
    model, criterion, optimizer = network(start)
    trainer = fastnn.Trainer(model, criterion, optimizer)
    for epoch, i in enumerate(range(0, iterations, REPORT_EVERY), start=1):
        copies = min(REPORT_EVERY, iterations - i)
        cases = np.tile(X, (copies, 1)), np.tile(Y, (copies, 1))
        trainer.fit(cases, epochs=epoch, batch_size=len(X), shuffle=False)  # up to this epoch: one more
        report(i, trainer.epoch_losses[0] / 2)
    return weights(model)


def draw(axes: Any, frame: tuple[int, Weights, list[int], list[float]]) -> None:
    """The output over all inputs between the four cases, and the error so far."""
    i, (syn0, syn1), times, errors = frame
    a, b = np.meshgrid(np.linspace(-0.25, 1.25, 61), np.linspace(-0.25, 1.25, 61))
    plane = output(syn0, syn1, np.stack([a, b, np.ones_like(a)], axis=-1))[..., 0]
    axes[0].imshow(plane, origin="lower", extent=(-0.25, 1.25, -0.25, 1.25), vmin=0, vmax=1, cmap="coolwarm")
    for (x1, x2, _), l2 in zip(X, output(syn0, syn1, X)[:, 0], strict=True):
        axes[0].plot(x1, x2, "o", color="black")
        axes[0].annotate(f"{l2:.2f}", (x1, x2), xytext=(6, 6), textcoords="offset points")
    axes[0].set(title=f"output after {i:,} iterations", xlabel="first input", ylabel="second input")
    axes[1].loglog(np.array(times) + 1, errors, color="lightgrey")
    axes[1].loglog([t + 1 for t in times if t <= i], [e for t, e in zip(times, errors, strict=True) if t <= i])
    axes[1].minorticks_off()  # half of the time of a frame
    axes[1].set(title="error", xlabel="iteration")


def main() -> None:
    parser = picture.options(__doc__, "iterations", 100_000)
    args = parser.parse_args()
    random = np.random.RandomState(args.seed)
    start = 2 * random.rand(3, 4) - 1, 2 * random.rand(4, 1) - 1
    kept = picture.moments(args.iterations)

    def timed(way: Any, *more: Any) -> tuple[float, Any]:
        began = time.perf_counter()
        result = way(start, args.iterations, *more)
        return time.perf_counter() - began, result

    print("NumPy")
    seconds, film = timed(numpy_way, set(kept))
    syn0, syn1 = film[-1]
    print("Training finish!")
    print(f"syn0:\n{syn0}\nsyn1:\n{syn1}\ntest res:\n{output(syn0, syn1, X)}")
    print(f"{seconds:.2f} s")

    for name, way in (("fastnn.compile, a call an iteration", compiled_way), ("fastnn.Trainer", trainer_way)):
        print(f"\n{name}")
        own, found = timed(way)
        print("Training finish!")
        print(f"test res:\n{output(*found, X)}")
        difference = max(np.abs(a - b).max() for a, b in zip(found, film[-1], strict=True))
        print(f"weights differ from NumPy's by at most {difference:.1e}")
        print(f"{own:.2f} s: {seconds / own:.1f} times as fast as NumPy")

    errors = [float(np.mean((output(*each, X) - Y) ** 2) / 2) for each in film]
    picture.show(args, draw, [(i, each, kept, errors) for i, each in zip(kept, film, strict=True)], (1, 2))


if __name__ == "__main__":
    main()
