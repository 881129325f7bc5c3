"""Whole training steps: batch, forward, loss, backward, update, from the same parameters on the same batches.

A run is one epoch of a few steps over data in memory. The first epoch of everyone starts from the same
parameters and must end with the reference's loss and parameters (:func:`checker`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from itertools import pairwise

import numpy as np
from fastnn import _core, nn, optim
from fastnn.engine import make_engine
from fastnn.feed import Feed
from fastnn.reference import adam as adam_reference
from fastnn.reference import dense, sigmoid
from fastnn.reference.cross_entropy import cross_entropy
from fastnn.reference.mse import mse
from fastnn.reference.relu import relu, relu_backward

from benchmarks.harness import U32, Case, Contender, Mismatch, Options

ROUNDS = 21
PEERS = ("torch", "torch_compile", "jax", "sklearn")
ENGINES = ("plan", "eager")

# After an epoch a contender may be this many times as far from the float64 result as the reference is in float32:
# roundings are amplified alike whoever makes them. What an error in a formula does is 1000 times that and more.
SLACK = 32


@dataclass(frozen=True)
class Work:
    """A network, its data and how it is trained; ``steps`` make one epoch."""

    sizes: tuple[int, ...]
    batch: int
    steps: int
    loss: str = "cross_entropy"
    optimizer: str = "adam"
    activation: str = "relu"
    pixels: bool = False
    lr: float = 1e-3

    @property
    def name(self) -> str:
        loss = {"cross_entropy": "", "mse": "MSE, "}[self.loss]
        sort = "digits" if self.pixels else "dense input"
        return (
            f"{'-'.join(map(str, self.sizes))} {self.activation}, batch {self.batch}, {loss}"
            f"{self.optimizer.upper() if self.optimizer == 'sgd' else 'Adam'}, {sort}"
        )

    @property
    def flops(self) -> float:
        """GEMM operations of a dense step: forward, weight gradients, and input gradients but the first layer's."""
        layers = [2.0 * self.batch * inputs * outputs for inputs, outputs in pairwise(self.sizes)]
        return 3 * sum(layers) - layers[0]


WORKS = (
    Work((784, 256, 10), 64, steps=100),
    Work((784, 256, 10), 64, steps=100, pixels=True),
    Work((784, 512, 10), 128, steps=50),
    Work((784, 200, 200, 200, 10), 6000, steps=2, loss="mse", optimizer="sgd", lr=0.1),
    Work((1, 3, 1), 8, steps=500, loss="mse", optimizer="sgd", activation="sigmoid", lr=0.1),
)
QUICK_STEPS, QUICK_BATCH = 2, 64

SETTINGS = (
    "fastnn: batches are gathered by index in every step, as after a shuffle; digits (19 % of the pixels are not 0) "
    "from uint8, scaled in the step"
)


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
    """Normal values, or drawn digits (as many zeros as in MNIST, 19 % of the pixels and 66 % of a batch's columns are
    not 0); random labels or targets; parameters from PyTorch's initial distribution."""
    rng = np.random.default_rng(20240229)
    samples, outputs = work.steps * work.batch, work.sizes[-1]
    labels = rng.integers(0, outputs, samples)
    pixels = None
    if work.pixels:
        drawn, labels = _core.draw_digits(7, 0, samples)
        pixels, labels = drawn.reshape(samples, -1), labels.astype(np.int64)
        x = pixels / np.float32(255)
    else:
        x = rng.standard_normal((samples, work.sizes[0]), np.float32)
    parameters = []
    for inputs, width in pairwise(work.sizes):
        limit = inputs**-0.5
        parameters += [rng.uniform(-limit, limit, shape).astype(np.float32) for shape in ((width, inputs), (width,))]
    y = labels if work.loss == "cross_entropy" else rng.uniform(0, 1, (samples, outputs)).astype(np.float32)
    return Job(work, x, pixels, y, parameters, threads)


def reference_epoch(job: Job, dtype: type, eps_corrected: bool = True) -> tuple[float, list[np.ndarray]]:
    """The mean loss of the first epoch and the parameters after it, by ``fastnn.reference``."""
    work, parameters = job.work, [array.astype(dtype) for array in job.parameters]
    moments = [(np.zeros_like(array), np.zeros_like(array)) for array in parameters]
    loss_of = cross_entropy if work.loss == "cross_entropy" else mse
    losses = []
    for step, (x, y) in enumerate(job.batches(), start=1):
        entered = [x.astype(dtype)]
        for layer in range(0, len(parameters), 2):
            y_layer = dense.dense_forward(entered[-1], *parameters[layer : layer + 2])
            entered.append(_activate(work, y_layer) if layer + 2 < len(parameters) else y_layer)
        loss, _, grad = loss_of(entered[-1], y if work.loss == "cross_entropy" else y.astype(dtype))
        gradients: list[np.ndarray] = []
        for layer in range(len(parameters) - 2, -1, -2):
            x_layer = entered[layer // 2]
            gradients[:0] = [dense.dense_grad_weight(grad, x_layer), dense.dense_grad_bias(grad)]
            if layer:
                backward = relu_backward if work.activation == "relu" else sigmoid.sigmoid_backward
                grad = backward(dense.dense_grad_x(grad, parameters[layer]), x_layer)
        for parameter, gradient, (m, v) in zip(parameters, gradients, moments, strict=True):
            if work.optimizer == "adam":
                adam_reference.adam(parameter, gradient, m, v, step, lr=work.lr, eps_corrected=eps_corrected)
            else:
                parameter -= dtype(work.lr) * gradient
        losses.append(float(loss))
    return float(np.mean(losses)), parameters


def _activate(work: Work, y: np.ndarray) -> np.ndarray:
    return relu(y) if work.activation == "relu" else sigmoid.sigmoid(y)


def checker(job: Job, eps_corrected: bool = True) -> Callable[[float, list[np.ndarray]], None]:
    """What compares a first epoch's loss and parameters with the reference's in float64."""
    loss64, exact = reference_epoch(job, np.float64, eps_corrected)
    loss32, rounded = reference_epoch(job, np.float32, eps_corrected)

    def check(loss: float, parameters: list[np.ndarray]) -> None:
        bound = SLACK * max(abs(loss32 - loss64), U32 * abs(loss64))
        if not abs(loss - loss64) <= bound:
            raise Mismatch(f"the first epoch's mean loss is {loss!r}, expected {loss64!r} within {bound:.2g}")
        for number, (found, wanted, single) in enumerate(zip(parameters, exact, rounded, strict=True)):
            scale = np.linalg.norm(wanted)
            bound = SLACK * max(np.linalg.norm(single - wanted), U32 * scale) / scale
            error = np.linalg.norm(found.reshape(wanted.shape) - wanted) / scale
            if not error <= bound:
                raise Mismatch(f"parameter {number} is off by {error:.2g} of its norm, {bound:.2g} is allowed")

    return check


class FastnnTrainer:
    """fastnn's engines on data that lies in memory, as ``fit`` and the command line run them."""

    eps_corrected = True

    def __init__(self, job: Job, engine: str) -> None:
        work = job.work
        activation = nn.ReLU if work.activation == "relu" else nn.Sigmoid
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(work.sizes):
            layers += [nn.Linear(inputs, outputs), activation()]
        self.model = nn.Sequential(*layers[:-1])
        names = [name for name, _ in self.model.named_parameters()]
        self.model.load_state_dict(dict(zip(names, job.parameters, strict=True)))
        criterion = nn.CrossEntropyLoss() if work.loss == "cross_entropy" else nn.MSELoss()
        update = optim.Adam if work.optimizer == "adam" else optim.SGD
        optimizer = update(self.model.parameters(), lr=work.lr)
        self.engine = make_engine(engine, self.model, criterion, optimizer)
        self.feed = Feed(job.x if job.pixels is None else job.pixels, job.y)
        self.order = np.arange(len(job.x))
        self.batch, self.steps = work.batch, work.steps
        self.name = f"fastnn {engine}"
        self.settings = SETTINGS

    def epoch(self) -> float:
        """The mean loss of an epoch."""
        chunks = self.engine.epoch(self.feed, self.order, self.batch, 0, lambda step: self.steps, False)
        return float(np.concatenate([chunk.losses for chunk in chunks]).mean())

    def parameters(self) -> list[np.ndarray]:
        """Weight (O, I) and bias (O,) of each layer."""
        return [parameter.detach().numpy().copy() for parameter in self.model.parameters()]


def cases(options: Options) -> Iterator[Case]:
    """One case a work."""
    for work in WORKS:
        if options.quick:
            work = replace(work, steps=QUICK_STEPS, batch=min(work.batch, QUICK_BATCH))
        yield Case(work.name, partial(prepare, work, options), unit="step", flops=work.flops)


def prepare(work: Work, options: Options) -> list[Contender]:
    """fastnn's engines, NumPy and the peers wanted, all at the same parameters."""
    job = make_job(work, options.threads)
    trainers = [FastnnTrainer(job, engine) for engine in ENGINES]
    for peer in ("numpy", *options.peers):
        trainers.append(import_module(f"benchmarks.peers.{peer}_train_step").Trainer(job))
    checks = {form: checker(job, form) for form in {trainer.eps_corrected for trainer in trainers}}

    def contender(trainer: FastnnTrainer) -> Contender:
        def check(loss: object) -> None:
            checks[trainer.eps_corrected](loss, trainer.parameters())

        return Contender(trainer.name, trainer.epoch, check, units=work.steps, settings=trainer.settings)

    return [contender(trainer) for trainer in trainers]
