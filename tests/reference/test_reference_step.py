"""A whole training step out of ops: 100 steps in float64 stay within 1e-9 of plain NumPy."""

import numpy as np
from fastnn import _core
from fastnn.reference.network import Network
from harness import configured


class CoreNetwork(Network):
    """The reference network with every computation of its step done by the compiled ops."""

    def __init__(self, sizes: tuple[int, ...], dtype: type) -> None:
        super().__init__(sizes, seed=3, dtype=dtype)
        self.states = [(np.zeros_like(parameter), np.zeros_like(parameter)) for parameter in self.parameters]
        self.settings = _core.AdamSettings()

    def step(self, x: np.ndarray, labels: np.ndarray, lr: float = 1e-3) -> float:
        weight1, bias1, weight2, bias2 = self.parameters
        hidden = _core.dense_forward(x, weight1, bias1, True)
        loss, _, grad_y = _core.cross_entropy(_core.dense_forward(hidden, weight2, bias2), labels)
        grad_hidden = _core.relu_backward(_core.dense_grad_x(grad_y, weight2), hidden)
        gradients = [
            _core.dense_grad_weight(grad_hidden, x, np.empty_like(weight1)),
            _core.dense_grad_bias(grad_hidden),
            _core.dense_grad_weight(grad_y, hidden, np.empty_like(weight2)),
            _core.dense_grad_bias(grad_y),
        ]
        self.settings.lr = lr
        self.settings.advance()
        for parameter, grad, (m, v) in zip(self.parameters, gradients, self.states, strict=True):
            _core.adam(parameter, grad, m, v, self.settings)
        return float(loss)


def batches(dtype: type) -> list[tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(1)
    centres = rng.uniform(0, 1, (10, 100))
    drawn = [rng.integers(0, 10, 32) for _ in range(100)]
    return [((centres[labels] + 0.3 * rng.standard_normal((32, 100))).astype(dtype), labels) for labels in drawn]


def test_a_hundred_steps_in_float64() -> None:
    reference, network = Network((100, 48, 10), seed=3, dtype=np.float64), CoreNetwork((100, 48, 10), np.float64)
    losses = []
    for x, labels in batches(np.float64):
        losses.append(network.step(x, labels, 3e-3))
        assert abs(losses[-1] - reference.step(x, labels, 3e-3)) < 1e-9
    for found, wanted in zip(network.parameters, reference.parameters, strict=True):
        assert np.abs(found - wanted).max() < 1e-9
    assert losses[0] > 2 and np.mean(losses[-10:]) < 0.3, "the network learns"


def test_same_bits_on_every_configuration(isa: str, threads: int) -> None:
    """D1, D2 in float32: the parameters after ten steps, on each ISA and number of threads."""
    network = CoreNetwork((100, 48, 10), np.float32)
    for x, labels in batches(np.float32)[:10]:
        network.step(x, labels)
    with configured("scalar", 1):
        plain = CoreNetwork((100, 48, 10), np.float32)
        for x, labels in batches(np.float32)[:10]:
            plain.step(x, labels)
    for found, wanted in zip(network.parameters, plain.parameters, strict=True):
        assert found.tobytes() == wanted.tobytes()
