"""Networks of images to train, and what they are compared with: the same network in float64, run eagerly.

A reference in NumPy alone would take minutes a step of the larger ones; the ops that the eager step is made of are each
compared with theirs (``benchmarks ops``, ``tests/ops``). PyTorch has to agree with it, too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod

import numpy as np
from fastnn import Tensor, from_numpy, models, nn, no_grad, optim, random

from benchmarks.harness import require_close
from benchmarks.training import SLACK, Job, Steps, Trainer, check_epoch, compare, first_steps


@dataclass(frozen=True)
class ImageWork:
    """A network of ``fastnn.models`` on images (C, H, W), of ten classes; ``steps`` make one epoch. Adam."""

    network: str
    shape: tuple[int, int, int]
    batch: int
    steps: int
    loss: str = "cross_entropy"
    optimizer: str = "adam"
    lr: float = 1e-3
    classes: int = 10

    @property
    def name(self) -> str:
        return f"{self.network} {'x'.join(map(str, self.shape))}, batch {self.batch}"

    def model(self) -> nn.Module:
        """The network at parameters that are always the same."""
        random.manual_seed(5)
        return models.create(self.network, self.shape, self.classes)

    def layer_flops(self) -> list[float]:
        """Of the product of each layer in a forward pass, taps in the padding included."""
        flops: list[float] = []

        def count(module: nn.Module, inputs: object, output: Tensor) -> None:
            flops.append(2.0 * self.batch * prod(output.shape) * prod(module.weight.shape[1:]))

        model = self.model().eval()
        for module in model.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                module.register_forward_hook(count)
        with no_grad():
            model(Tensor(np.zeros((1, *self.shape), np.float32)))
        return flops

    @property
    def flops(self) -> float:
        """Of a step: forward, weight gradients, and input gradients but the first layer's."""
        layers = self.layer_flops()
        return 3 * sum(layers) - layers[0]


def make_image_job(work: ImageWork, threads: int) -> Job:
    """Normal values, and as labels what a random linear teacher makes of them, as :func:`.training.make_job` does."""
    rng = np.random.default_rng(20240229)
    x = rng.standard_normal((work.steps * work.batch, *work.shape), np.float32)
    labels = (x.reshape(len(x), -1) @ rng.standard_normal((prod(work.shape), work.classes), np.float32)).argmax(axis=1)
    parameters = [parameter.detach().numpy().copy() for parameter in work.model().parameters()]
    return Job(work, x, None, labels, parameters, threads)


def check_steps(make: Callable[[Job], Trainer], job: Job, loss: float) -> None:
    """Compares the first step of a fresh trainer, and the mean loss of a first epoch, with float64's.

    Adam's first step is the sign of each gradient, also of one that is nothing but rounding: a few parameters may go
    the other way, and later steps of networks with batch norm part soon. So most of the parameters are compared.

    Raises:
        Mismatch: they differ.
    """
    first = first_steps(job, 1)
    trainer = make(first)
    found = trainer.epoch(), trainer.parameters()
    compare(found, _steps(first, np.float64), _steps(first, np.float32), typical)
    check_epoch(loss, _steps(job, np.float64)[0])


def typical(values: np.ndarray) -> float:
    """The median of the magnitudes."""
    return float(np.median(np.abs(values)))


def _steps(job: Job, dtype: type) -> Steps:
    """The mean loss of the job's steps and the parameters behind them, run eagerly."""
    model = job.work.model().to(dtype)
    optimizer = optim.Adam(model.parameters(), lr=job.work.lr)
    losses = []
    for x, y in job.batches():
        loss = nn.CrossEntropyLoss()(model(from_numpy(x.astype(dtype))), from_numpy(y))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return float(np.mean(losses)), [parameter.detach().numpy() for parameter in model.parameters()]


def check_outputs(job: Job, outputs: np.ndarray) -> None:
    """Compares logits (N, C) with float64's, as far off as float32's own are.

    Raises:
        Mismatch: they differ.
    """
    exact, single = (_outputs(job, dtype) for dtype in (np.float64, np.float32))
    require_close(outputs, exact, SLACK * np.abs(single - exact).max(), "the logits")


def _outputs(job: Job, dtype: type) -> np.ndarray:
    model = job.work.model().to(dtype).eval()
    with no_grad():
        return np.concatenate([model(from_numpy(x.astype(dtype))).numpy() for x, _ in job.batches()])
