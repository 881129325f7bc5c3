"""Samplers over a part of the data and by weights, and PyTorch's paths to them."""

from __future__ import annotations

from collections import Counter
from importlib import import_module

import fastnn
import numpy as np
import pytest
from fastnn import random
from fastnn.eager.tensor import Tensor
from fastnn.utils.data import (
    BatchSampler,
    DataLoader,
    RandomSampler,
    Subset,
    SubsetRandomSampler,
    WeightedRandomSampler,
    get_worker_info,
    random_split,
)
from small_data import Generator, Squares, firsts

INDICES = [3, 1, 4, 15, 9, 2, 6]


@pytest.mark.parametrize("form", [list, tuple, np.array, Tensor], ids=["list", "tuple", "array", "Tensor"])
def test_a_part_in_random_order(form: type) -> None:
    sampler = SubsetRandomSampler(form(INDICES))
    passes = [list(sampler) for _ in range(4)]
    assert all(sorted(each) == sorted(INDICES) and type(each[0]) is int for each in passes) and len(sampler) == 7
    assert len({tuple(each) for each in passes}) > 1
    random.manual_seed(5)
    first = list(sampler)
    random.manual_seed(5)
    assert list(sampler) == first
    batches = firsts(DataLoader(Squares(20), 3, sampler=sampler))
    assert [len(batch) for batch in batches] == [3, 3, 1] and sorted(np.concatenate(batches)) == sorted(INDICES)
    assert sorted(SubsetRandomSampler(["b", "a"])) == ["a", "b"] and list(SubsetRandomSampler([])) == []


def test_weights_with_replacement() -> None:
    """Chances 0, 1/4, 0, 1/2, 1/4: over 8,000 draws five standard deviations are 0.024."""
    for weights in ([0, 2, 0, 4, 2], np.float32([0, 2, 0, 4, 2]), Tensor([0, 2, 0, 4, 2])):
        counts = Counter(WeightedRandomSampler(weights, 8000))
        assert set(counts) == {1, 3, 4}
        for index, chance in ((1, 0.25), (3, 0.5), (4, 0.25)):
            assert abs(counts[index] / 8000 - chance) < 0.025
    assert list(WeightedRandomSampler([0, 1e-30], np.int64(3))) == [1, 1, 1]


def test_weights_without_replacement() -> None:
    """Two of three, weights 1, 1, 2: index 2 is missing with chance 2 * 1/4 * 1/3 = 1/6; 4,000 draws, 0.03."""
    missing = Counter()
    sampler = WeightedRandomSampler([1.0, 0.0, 1.0, 2.0], 2, replacement=False)
    for _ in range(4000):
        drawn = list(sampler)
        assert len(set(drawn)) == 2 == len(sampler)
        missing.update({0, 2, 3} - set(drawn))
    assert abs(missing[3] / 4000 - 1 / 6) < 0.03 and abs(missing[0] / 4000 - 5 / 12) < 0.04
    first = Counter(next(iter(sampler)) for _ in range(4000))
    assert abs(first[3] / 4000 - 1 / 2) < 0.04


@pytest.mark.parametrize("replacement", [True, False])
def test_a_generator_decides(replacement: bool) -> None:
    weights = np.arange(1.0, 30.0)
    first, same, other = (WeightedRandomSampler(weights, 9, replacement, Generator(seed)) for seed in (7, 7, 8))
    passes = [list(first) for _ in range(2)]
    assert passes == [list(same) for _ in range(2)] and passes[0] != passes[1] != list(other)
    subset, again = (SubsetRandomSampler(INDICES, Generator(7)) for _ in range(2))
    assert [list(subset) for _ in range(2)] == [list(again) for _ in range(2)]
    assert random.state.orders == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (([1.0], 0), "num_samples should be a positive integer value, but got num_samples=0"),
        (([1.0], True), "num_samples should be a positive integer value, but got num_samples=True"),
        (([1.0], 1.5), "but got num_samples=1.5"),
        (([1.0], 1, 1), "replacement should be a boolean value, but got replacement=1"),
        (([[1.0]], 1), r"weights should be a 1d sequence but given weights have shape \(1, 1\)"),
        (([0.0, 0.0], 1), "with 1 or more above 0; got 2 weights, 0 of them not 0"),
        (([], 1), "got 0 weights"),
        (([1.0, -0.5], 1), "the smallest -0.5"),
        (([1.0, np.nan], 1), "weights must be finite"),
        (([1.0, np.inf], 1), "weights must be finite"),
        (([1.0, 0.0], 2, False), "with 2 or more above 0; got 2 weights, 1 of them not 0"),
    ],
)
def test_what_cannot_be_drawn(arguments: tuple, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        WeightedRandomSampler(*arguments)


def test_numpys_whole_numbers() -> None:
    size = np.int64(2)
    assert list(BatchSampler(range(3), size, False)) == [[0, 1], [2]]
    assert len(DataLoader(Squares(5), batch_size=size, num_workers=np.int32(0))) == 3
    assert len(list(RandomSampler(range(5), num_samples=size))) == 2
    assert [len(part) for part in random_split(range(5), np.array([2, 3]))] == [2, 3]
    assert Subset(range(10, 20), np.array([3]))[0] == 13 == Subset(range(10, 20), Tensor([3]))[0]


@pytest.mark.parametrize(
    "path",
    [
        "utils.data.sampler.SubsetRandomSampler",
        "utils.data.dataset.Dataset",
        "utils.data.dataset.random_split",
        "utils.data.dataloader.DataLoader",
        "utils.data.dataloader.default_collate",
        "utils.tensorboard.writer.SummaryWriter",
        "datasets.mnist.MNIST",
        "datasets.folder.ImageFolder",
        "datasets.vision.VisionDataset",
        "transforms.transforms.Compose",
    ],
)
def test_pytorchs_paths(path: str) -> None:
    """As imports and as attributes."""
    home, _, name = path.rpartition(".")
    imported = getattr(import_module(f"fastnn.{home}"), name)
    assert imported.__name__ == name
    found = fastnn
    for part in path.split("."):
        found = getattr(found, part)
    assert found is imported


def test_there_are_no_workers() -> None:
    assert get_worker_info() is None
