"""Data sets, samplers and collation: PyTorch's contract."""

from __future__ import annotations

from collections import OrderedDict, namedtuple
from collections.abc import Callable

import numpy as np
import pytest
from fastnn import random
from fastnn.eager.tensor import Tensor
from fastnn.utils.data import (
    BatchSampler,
    ConcatDataset,
    DataLoader,
    RandomSampler,
    Sampler,
    SequentialSampler,
    Subset,
    TensorDataset,
    default_collate,
    random_split,
)
from small_data import Generator, Squares, firsts


def test_samplers() -> None:
    assert list(SequentialSampler(range(3))) == [0, 1, 2]
    assert sorted(RandomSampler(range(9))) == list(range(9))
    assert len(RandomSampler(range(9), num_samples=20)) == len(list(RandomSampler(range(9), num_samples=20))) == 20
    assert sorted(list(RandomSampler(range(9), num_samples=18))[9:]) == list(range(9))
    drawn = list(RandomSampler(range(10), replacement=True, num_samples=5000))
    assert set(drawn) == set(range(10)) and all(400 < drawn.count(i) < 600 for i in range(10))
    assert list(RandomSampler(range(10), replacement=True)) != list(RandomSampler(range(10), replacement=True))
    batches = BatchSampler(SequentialSampler(range(5)), 2, drop_last=False)
    assert list(batches) == [[0, 1], [2, 3], [4]] and len(batches) == 3
    assert list(BatchSampler([4, 2, 9], 2, drop_last=True)) == [[4, 2]]
    with pytest.raises(NotImplementedError, match="Sampler needs a method __iter__"):
        iter(Sampler())


Point = namedtuple("Point", "x y")


def test_collate_follows_pytorch() -> None:
    kinds = [
        ((1, 2), np.int64),
        ((1.5, 2.0), np.float64),
        ((1, 2.5), np.float32),
        ((True, False), np.bool_),
        ((np.float32(1), np.float32(2)), np.float32),
        ((np.int32(1), np.int32(2)), np.int32),
    ]
    for batch, kind in kinds:
        collated = default_collate(list(batch))
        assert collated.numpy().dtype == kind and collated.tolist() == list(batch)
    assert default_collate(["a", "b"]) == ["a", "b"]
    pair = default_collate([(1, "a"), (2, "b")])
    assert type(pair) is list and pair[0].tolist() == [1, 2] and pair[1] == ("a", "b")
    assert [part.tolist() for part in default_collate([[1, 2], [3, 4]])] == [[1, 3], [2, 4]]
    nested = default_collate([OrderedDict(a={"b": 1}), OrderedDict(a={"b": 2})])
    assert type(nested) is OrderedDict and nested["a"]["b"].tolist() == [1, 2]
    point = default_collate([Point(1, 2), Point(3, 4)])
    assert type(point) is Point and point.y.tolist() == [2, 4]
    arrays = default_collate([np.zeros((2, 3), np.float32), np.ones((2, 3), np.float32)])
    assert tuple(arrays.shape) == (2, 2, 3) and arrays.numpy().dtype == np.float32
    assert tuple(default_collate([Tensor(np.zeros(2)), Tensor(np.ones(2))]).shape) == (2, 2)


def test_collate_refuses() -> None:
    with pytest.raises(
        TypeError, match="must contain tensors, numpy arrays, numbers, dicts or lists; found <class 'NoneType'>"
    ):
        default_collate([None])
    with pytest.raises(TypeError, match="found <U1"):
        default_collate([np.array(["a"])])
    with pytest.raises(ValueError, match="of equal size: 1, but 2 at entry 1"):
        default_collate([[1], [1, 2]])
    with pytest.raises(ValueError, match=r"one shape: \(2,\), but \(3,\) at entry 2\. Images of different sizes need"):
        default_collate([np.zeros(2), np.zeros(2), np.zeros(3)])


@pytest.mark.parametrize("replacement", [False, True])
def test_iter_of_a_sampler_draws_at_once(replacement: bool) -> None:
    sampler = RandomSampler(range(20), replacement)
    iter(sampler)
    assert random.state.orders == 1
    seeded = RandomSampler(range(20), replacement, generator=Generator(4))
    orders = [list(seeded) for _ in range(2)]
    again = RandomSampler(range(20), replacement, generator=Generator(4))
    assert [list(again) for _ in range(2)] == orders and orders[0] != orders[1]
    assert random.state.orders == 1


def test_tensor_dataset(pixels: Callable) -> None:
    x, y = pixels(10, 3).astype(np.float32), np.arange(10)
    data = TensorDataset(Tensor(x), y)
    assert len(data) == 10 and data[3][1].item() == 3 and data[-1][0].tolist() == x[-1].tolist()
    random.manual_seed(0)
    fast = list(DataLoader(data, 4, shuffle=True))
    random.manual_seed(0)
    slow = list(DataLoader(data, 4, shuffle=True, collate_fn=lambda batch: default_collate(batch)))
    for (fast_x, fast_y), (slow_x, slow_y) in zip(fast, slow, strict=True):
        np.testing.assert_array_equal(fast_x.numpy(), slow_x.numpy())
        np.testing.assert_array_equal(fast_y.numpy(), slow_y.numpy())
    for bad in ((), (x, y[:9]), (np.float32(3), y)):
        with pytest.raises((ValueError, TypeError), match="TensorDataset"):
            TensorDataset(*bad)
    with pytest.raises(TypeError, match="expected Tensors or arrays, got list"):
        TensorDataset([1, 2])


def test_subset_and_concat() -> None:
    subset = Subset(Squares(10), [7, 2, 9])
    assert len(subset) == 3 and [subset[i][0] for i in range(3)] == [7, 2, 9]
    assert firsts(DataLoader(Subset(subset, [2, 0]), 2)) == [[9, 7]]
    joined = Squares(2) + Squares(3)
    assert isinstance(joined, ConcatDataset) and len(joined) == 5
    assert [joined[i][0] for i in range(5)] == [0, 1, 0, 1, 2] and joined[-1][0] == 2
    assert joined.cumulative_sizes == [2, 5]
    for index in (5, -6):
        with pytest.raises(IndexError, match="outside a data set of 5 samples"):
            joined[index]
    with pytest.raises(ValueError, match="empty iterable"):
        ConcatDataset([])


def test_random_split() -> None:
    parts = random_split(range(10), [3, 7])
    assert [len(part) for part in parts] == [3, 7]
    assert sorted(parts[0].indices + parts[1].indices) == list(range(10)) and random.state.orders == 1
    assert [len(part) for part in random_split(range(11), [0.5, 0.3, 0.2])] == [6, 3, 2]
    assert [len(part) for part in random_split(range(10), [0.7, 0.2, 0.1])] == [7, 2, 1]
    same = [random_split(range(30), [10, 20], Generator(42))[0].indices for _ in range(2)]
    assert same[0] == same[1]
    for lengths in ([3, 6], [0.5, 0.4], [-1, 11]):
        with pytest.raises(ValueError, match="do not add up to the 10 samples"):
            random_split(range(10), lengths)
    with pytest.raises(ValueError, match="fractions must lie between 0 and 1"):
        random_split(range(10), [1.5, -0.5])
