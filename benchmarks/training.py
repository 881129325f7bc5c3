"""What there is to train, the same for every contender, and the reference that they are compared with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
from fastnn import _core, nn
from fastnn.data.idx import find_mnist, read_labelled
from fastnn.reference import adam, dense, sgd
from fastnn.reference.cross_entropy import cross_entropy
from fastnn.reference.mse import mse
from fastnn.reference.relu import relu, relu_backward
from fastnn.reference.sigmoid import sigmoid, sigmoid_backward

from benchmarks.harness import U32, Mismatch

# A contender's first steps must bring its loss and its parameters as near to float64's as the reference in float32
# comes, but for this factor: roundings grow alike whoever makes them. A learning rate that is 1 % off is far outside.
CHECKED_STEPS, SLACK = 3, 32

# Later some activation lies so near 0 that a rounding decides its sign, and from there on runs part: of a whole epoch
# only the mean loss is compared, relatively.
LOSS_TOLERANCE = 1e-3


@dataclass(frozen=True)
class Work:
    """A network, its data and how it is trained; ``steps`` make one epoch. pixels: of the digits in the folder
    ``mnist``, drawn ones without it; otherwise the input is dense."""

    sizes: tuple[int, ...]
    batch: int
    steps: int
    loss: str = "cross_entropy"
    optimizer: str = "adam"
    activation: str = "relu"
    pixels: bool = False
    mnist: str | None = None
    lr: float = 1e-3

    @property
    def name(self) -> str:
        loss = {"cross_entropy": "", "mse": "MSE, "}[self.loss]
        sort = "dense input" if not self.pixels else "digits" if self.mnist is None else "MNIST"
        return (
            f"{'-'.join(map(str, self.sizes))} {self.activation}, batch {self.batch}, {loss}"
            f"{self.optimizer.upper() if self.optimizer == 'sgd' else 'Adam'}, {sort}"
        )

    def model(self) -> nn.Module:
        """The network."""
        activation = nn.ReLU if self.activation == "relu" else nn.Sigmoid
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(self.sizes):
            layers += [nn.Linear(inputs, outputs), activation()]
        return nn.Sequential(*layers[:-1])

    @property
    def flops(self) -> float:
        """GEMM operations of a dense step: forward, weight gradients, and input gradients but the first layer's."""
        layers = [2.0 * self.batch * inputs * outputs for inputs, outputs in pairwise(self.sizes)]
        return 3 * sum(layers) - layers[0]


@dataclass(frozen=True)
class Job:
    """What every contender gets.

    Attributes:
        work: the network and its settings.
        x: float32 (steps * batch, I); pixels: the same as uint8, or None; y: int64 (N,), or float32 (N, O) for MSE.
        parameters: weight (O, I) and bias (O,) of each layer.
        threads: to use at most.
    """

    work: Work
    x: np.ndarray
    pixels: np.ndarray | None
    y: np.ndarray
    parameters: list[np.ndarray]
    threads: int

    def batches(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Consecutive slices."""
        size = self.work.batch
        starts = range(0, len(self.x), size)
        return [(self.x[start : start + size], self.y[start : start + size]) for start in starts]


def make_job(work: Work, threads: int) -> Job:
    """Normal values, and as labels or targets what a random linear teacher makes of them; or digits and their labels.

    So a network stays alive however long it is trained. Positive inputs with random labels kill nearly every ReLU
    within 800 steps of Adam: its gradients are 0, moments decay until they are subnormal and stay so, and a benchmark
    times what processors do about that. Parameters come from PyTorch's initial distribution.
    """
    rng = np.random.default_rng(20240229)
    pixels = None
    if work.pixels:
        pixels, labels = digits(work)
        x = pixels / np.float32(255)
    else:
        x = rng.standard_normal((work.steps * work.batch, work.sizes[0]), np.float32)
    scores = x @ rng.standard_normal((work.sizes[0], work.sizes[-1]), np.float32) / np.sqrt(np.float32(work.sizes[0]))
    if not work.pixels:
        labels = scores.argmax(axis=1)
    parameters: list[np.ndarray] = []
    for inputs, width in pairwise(work.sizes):
        limit = inputs**-0.5
        parameters += [rng.uniform(-limit, limit, shape).astype(np.float32) for shape in ((width, inputs), (width,))]
    y = labels if work.loss == "cross_entropy" else sigmoid(scores)
    return Job(work, x, pixels, y, parameters, threads)


def digits(work: Work) -> tuple[np.ndarray, np.ndarray]:
    """uint8 (N, 784) and int64 (N,): MNIST's last training images, or drawn ones, of which too 19 % of the pixels and
    66 % of the columns of a batch of 64 are not 0.

    The last ones: in the steps that are checked of them no activation of 784-256-10 lies within 4e-6 of 0. One of the
    first ones does within 7e-7, where a rounding decides its sign.

    Raises:
        ValueError: the folder has no MNIST files.
    """
    samples = work.steps * work.batch
    if work.mnist is None:
        x, y = _core.draw_digits(7, 0, samples)
    elif files := find_mnist(work.mnist):
        x, y = read_labelled(files.train_images, files.train_labels)
    else:
        raise ValueError(f"{work.mnist} has no MNIST files")
    return x[-samples:].reshape(samples, -1), y[-samples:].astype(np.int64)


def reference_epoch(job: Job, dtype: type, eps_corrected: bool = True) -> tuple[float, list[np.ndarray]]:
    """The mean loss of the first epoch and the parameters after it, by ``fastnn.reference``."""
    work, parameters = job.work, [array.astype(dtype) for array in job.parameters]
    moments = [(np.zeros_like(array), np.zeros_like(array)) for array in parameters]
    losses = []
    for step, (x, y) in enumerate(job.batches(), start=1):
        targets = y if work.loss == "cross_entropy" else y.astype(dtype)
        loss, gradients = _gradients(work, parameters, x.astype(dtype), targets)
        losses.append(loss)
        for parameter, gradient, (m, v) in zip(parameters, gradients, moments, strict=True):
            if work.optimizer == "adam":
                adam.adam(parameter, gradient, m, v, step, lr=work.lr, eps_corrected=eps_corrected)
            else:
                sgd.sgd(parameter, gradient, None, lr=work.lr)
    return float(np.mean(losses)), parameters


def _gradients(
    work: Work, parameters: list[np.ndarray], x: np.ndarray, y: np.ndarray
) -> tuple[float, list[np.ndarray]]:
    """The mean loss of a batch and the gradient of each parameter."""
    activate, backward = (relu, relu_backward) if work.activation == "relu" else (sigmoid, sigmoid_backward)
    entered, last = [x], len(parameters) - 2
    for layer in range(0, last + 2, 2):
        output = dense.dense_forward(entered[-1], parameters[layer], parameters[layer + 1])
        entered.append(output if layer == last else activate(output))
    loss, _, grad = (cross_entropy if work.loss == "cross_entropy" else mse)(entered.pop(), y)
    gradients: list[np.ndarray] = []
    for layer in range(last, -1, -2):
        x = entered[layer // 2]
        gradients[:0] = [dense.dense_grad_weight(grad, x), dense.dense_grad_bias(grad)]
        if layer:
            grad = backward(dense.dense_grad_x(grad, parameters[layer]), x)
    return float(loss), gradients


class Trainer(Protocol):
    """One contender: built from a job, at the job's parameters.

    Attributes:
        name, settings: as a contender's.
        eps_corrected: Adam adds eps to the bias-corrected root (PyTorch's form), not before the correction.
    """

    name: str
    settings: str
    eps_corrected: bool

    def epoch(self) -> float:
        """Trains on all batches in order; the mean of their losses."""
        ...

    def parameters(self) -> list[np.ndarray]:
        """Weight (O, I) and bias (O,) of each layer."""
        ...


def check_trainer(make: Callable[[Job], Trainer], job: Job, loss: float) -> None:
    """Compares the first steps of a fresh trainer, and the mean loss of a first epoch, with the reference.

    Raises:
        Mismatch: they differ.
    """
    first = first_steps(job, CHECKED_STEPS)
    trainer = make(first)
    check_start(first, trainer.eps_corrected, trainer.epoch(), trainer.parameters())
    expected, _ = reference_epoch(job, np.float64, trainer.eps_corrected)
    check_epoch(loss, expected)


def check_epoch(loss: float, expected: float) -> None:
    """Compares the mean loss of a first epoch with float64's."""
    if not abs(loss - expected) <= LOSS_TOLERANCE * abs(expected):
        raise Mismatch(f"the first epoch's mean loss is {loss!r}, expected {expected!r} within {LOSS_TOLERANCE:.1%}")


def first_steps(job: Job, steps: int) -> Job:
    """The beginning of a job."""
    samples = steps * job.work.batch
    pixels = None if job.pixels is None else job.pixels[:samples]
    return replace(job, x=job.x[:samples], y=job.y[:samples], pixels=pixels)


def check_start(job: Job, eps_corrected: bool, loss: float, parameters: list[np.ndarray]) -> None:
    """Compares mean loss and parameters after the job with the reference's in float64."""
    exact, single = (reference_epoch(job, dtype, eps_corrected) for dtype in (np.float64, np.float32))
    compare((loss, parameters), exact, single)


Steps = tuple[float, list[np.ndarray]]  # the mean loss, and the parameters behind them


def compare(found: Steps, exact: Steps, single: Steps, size: Callable[[np.ndarray], Any] = np.linalg.norm) -> None:
    """Compares what some steps gave with the reference's in float64, as far off as its float32 is, but for SLACK; of
    parameters by a measure of their size.

    Raises:
        Mismatch: they differ.
    """
    bound = SLACK * max(abs(single[0] - exact[0]), U32 * abs(exact[0]))
    if not abs(found[0] - exact[0]) <= bound:
        raise Mismatch(f"the mean loss of the first steps is {found[0]!r}, expected {exact[0]!r} within {bound:.2g}")
    for number, (parameter, wanted, rounded) in enumerate(zip(found[1], exact[1], single[1], strict=True)):
        bound = SLACK * max(size(rounded - wanted), U32 * size(wanted))
        error = size(parameter.reshape(wanted.shape) - wanted)
        if not error <= bound:
            raise Mismatch(
                f"parameter {number} is {error:.2g} ({size.__name__}) from the reference's, {bound:.2g} is allowed"
            )
