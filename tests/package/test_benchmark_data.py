"""What the benchmarks train on: data that keeps a network alive, so that they time training and nothing else."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from small_data import write_idx

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks import train_step, training  # noqa: E402


def life(job: training.Job, epochs: int) -> tuple[float, float]:
    """Behind so many of 100 steps: the share of the hidden values that are not 0, and the last loss to the first."""
    trainer = train_step.FastnnTrainer(job, "plan")
    losses = [trainer.epoch() for _ in range(epochs)]
    weight, bias = trainer.parameters()[:2]
    return float((job.x @ weight.T + bias > 0).mean()), losses[-1] / losses[0]


def dense_adam() -> training.Job:
    work = next(work for work in train_step.WORKS if work.optimizer == "adam" and not work.pixels)
    assert work.steps == 100
    return training.make_job(work, 2)


def test_dense_data_keep_a_network_alive() -> None:
    """2,000 steps, as many as a benchmark's run."""
    active, loss = life(dense_adam(), 20)
    assert active > 0.4 and loss < 0.01


def test_other_data_do_not() -> None:
    """Positive inputs with random labels: the fault that the test above finds."""
    job = dense_adam()
    rng = np.random.default_rng(0)
    killing = replace(job, x=rng.random(job.x.shape, np.float32), y=rng.integers(0, 10, len(job.y)))
    active, loss = life(killing, 8)
    assert active < 0.1 and loss > 0.8


@pytest.mark.parametrize("work", [work for work in train_step.WORKS if not work.pixels], ids=lambda work: work.name)
def test_labels_and_targets_can_be_learned(work: training.Work) -> None:
    """What least squares finds in one half of them holds in the other; x is normal."""
    job = training.make_job(work, 1)
    assert job.x.dtype == np.float32 and abs(job.x.mean()) < 0.05 and 0.95 < job.x.std() < 1.05
    if work.loss == "cross_entropy":
        assert np.unique(job.y).tolist() == list(range(10)) and job.y.dtype == np.int64
        wanted = np.eye(10)[job.y]
    else:
        assert job.y.dtype == np.float32 and 0 < job.y.min() < job.y.max() < 1
        wanted = job.y
    half = len(job.x) // 2
    weight = np.linalg.lstsq(job.x[:half], wanted[:half] - wanted.mean(), rcond=None)[0]
    found = job.x[half:] @ weight
    assert np.corrcoef(found.reshape(-1), wanted[half:].reshape(-1))[0, 1] > 0.4


@pytest.mark.parametrize("mnist", [False, True])
def test_pixels(tmp_path: Path, mnist: bool) -> None:
    write_idx(tmp_path, 230, 60)
    work = training.Work((784, 8, 10), 32, steps=2, pixels=True, mnist=str(tmp_path) if mnist else None)
    job = training.make_job(work, 1)
    assert job.pixels is not None and job.pixels.shape == (64, 784) and job.pixels.dtype == np.uint8
    assert np.array_equal(job.x, job.pixels / np.float32(255)) and job.y.shape == (64,)
    if mnist:
        raw = (tmp_path / "train-images-idx3-ubyte").read_bytes()[16:]
        assert raw.endswith(job.pixels.tobytes())
    assert ("MNIST" if mnist else "digits") in work.name
