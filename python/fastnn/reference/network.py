"""A multilayer perceptron in plain NumPy: the digits example's whole training step, with Adam."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from fastnn.reference.adam import adam
from fastnn.reference.cross_entropy import cross_entropy
from fastnn.reference.dense import dense_forward, dense_grad_bias, dense_grad_weight, dense_grad_x
from fastnn.reference.random import uniform
from fastnn.reference.relu import relu_backward

INIT = 0  # the stream's purpose in cpp/core/philox.h


class Network:
    """Dense layers with ReLU between them, softmax cross-entropy, Adam.

    Arguments:
        sizes: neurons a layer, inputs first: (784, 256, 10).
        seed: of the initial weights and biases, uniform in +-1 / sqrt(I) (PyTorch's default for Linear).
        dtype: float32 or float64, the precision of everything.

    Attributes:
        parameters: weight (O, I) and bias (O,) of each layer in turn.
        steps: taken so far.
    """

    def __init__(self, sizes: Sequence[int], seed: int = 0, dtype: type = np.float32) -> None:
        self.parameters: list[np.ndarray] = []
        for inputs, outputs in pairwise(sizes):
            limit = inputs**-0.5
            for shape in ((outputs, inputs), (outputs,)):
                values = uniform(shape, -limit, limit, seed, INIT, len(self.parameters))
                self.parameters.append(values.astype(dtype))
        self.steps = 0
        self._m = [np.zeros_like(parameter) for parameter in self.parameters]
        self._v = [np.zeros_like(parameter) for parameter in self.parameters]

    def forward(self, x: np.ndarray) -> list[np.ndarray]:
        """x (N, I) and the output of each layer, the last being the logits (N, C)."""
        outputs = [x]
        layers = len(self.parameters) // 2
        for layer in range(layers):
            weight, bias = self.parameters[2 * layer : 2 * layer + 2]
            outputs.append(dense_forward(outputs[-1], weight, bias, relu=layer + 1 < layers))
        return outputs

    def gradients(self, x: np.ndarray, labels: np.ndarray) -> tuple[float, list[np.ndarray]]:
        """The mean loss of a batch, x (N, I) and labels int64 (N,), and the gradient of each parameter."""
        outputs = self.forward(x)
        loss, _, grad = cross_entropy(outputs[-1], labels)
        gradients: list[np.ndarray] = []
        for layer in reversed(range(len(self.parameters) // 2)):
            entered = outputs[layer]
            gradients[:0] = [dense_grad_weight(grad, entered), dense_grad_bias(grad)]
            if layer > 0:
                grad = relu_backward(dense_grad_x(grad, self.parameters[2 * layer]), entered)
        return float(loss), gradients

    def step(self, x: np.ndarray, labels: np.ndarray, lr: float = 1e-3) -> float:
        """One training step on a batch; returns its mean loss before the step."""
        loss, gradients = self.gradients(x, labels)
        self.steps += 1
        for parameter, grad, m, v in zip(self.parameters, gradients, self._m, self._v, strict=True):
            adam(parameter, grad, m, v, self.steps, lr=lr)
        return loss
