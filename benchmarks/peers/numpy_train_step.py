"""The training step as one writes it in NumPy: float32, BLAS for the products, updates in place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from benchmarks.training import Job


class Trainer:
    """A multilayer perceptron by hand."""

    name = "numpy"
    settings = "numpy: float32, BLAS for the products, updates in place; batches are slices of float32 data"
    eps_corrected = True

    def __init__(self, job: Job) -> None:
        self.work = job.work
        self.batches = job.batches()
        self.weights = [weight.T.copy() for weight in job.parameters[::2]]  # (I, O): x @ w is BLAS's best case
        self.biases = [bias.copy() for bias in job.parameters[1::2]]
        self.moments = [[np.zeros_like(p), np.zeros_like(p)] for p in (*self.weights, *self.biases)]
        self.step = 0

    def parameters(self) -> list[np.ndarray]:
        """Weight (O, I) and bias (O,) of each layer."""
        return [array for w, b in zip(self.weights, self.biases, strict=True) for array in (w.T, b)]

    def epoch(self) -> float:
        """The mean loss of an epoch."""
        return float(np.mean([self.train(x, y) for x, y in self.batches]))

    def train(self, x: np.ndarray, y: np.ndarray) -> float:
        """One step; its loss."""
        entered = [x]
        last = len(self.weights) - 1
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            z = entered[-1] @ weight
            z += bias
            entered.append(z if layer == last else self.activate(z))
        loss, grad = self.loss(entered.pop(), y)
        weight_gradients: list[np.ndarray] = []
        bias_gradients: list[np.ndarray] = []
        for layer in range(last, -1, -1):
            weight_gradients.insert(0, entered[layer].T @ grad)
            bias_gradients.insert(0, grad.sum(axis=0))
            if layer:
                grad = grad @ self.weights[layer].T
                grad *= self.slope(entered[layer])
        self.update([*weight_gradients, *bias_gradients])
        return loss

    def activate(self, z: np.ndarray) -> np.ndarray:
        """ReLU or the logistic function."""
        return np.maximum(z, 0, out=z) if self.work.activation == "relu" else 1 / (1 + np.exp(-z))

    def slope(self, y: np.ndarray) -> np.ndarray:
        """The activation's derivative, from its result."""
        return y > 0 if self.work.activation == "relu" else y * (1 - y)

    def loss(self, output: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
        """Mean loss and its gradient."""
        if self.work.loss == "mse":
            error = output - y
            return float(np.mean(error * error)), error * np.float32(2 / error.size)
        rows = np.arange(len(y))
        output -= output.max(axis=1, keepdims=True)
        grad = np.exp(output)
        totals = grad.sum(axis=1, keepdims=True)
        loss = float(np.mean(np.log(totals[:, 0]) - output[rows, y]))
        grad /= totals
        grad[rows, y] -= 1
        grad /= len(y)
        return loss, grad

    def update(self, gradients: list[np.ndarray]) -> None:
        """Adam (PyTorch's form) or SGD."""
        lr, self.step = self.work.lr, self.step + 1
        for p, g, (m, v) in zip((*self.weights, *self.biases), gradients, self.moments, strict=True):
            if self.work.optimizer == "sgd":
                g *= lr
                p -= g
                continue
            m *= 0.9
            m += 0.1 * g
            v *= 0.999
            g *= g
            g *= 0.001
            v += g
            np.sqrt(v, out=g)
            g *= (1 - 0.999**self.step) ** -0.5
            g += 1e-8
            np.divide(m, g, out=g)
            g *= lr / (1 - 0.9**self.step)
            p -= g
