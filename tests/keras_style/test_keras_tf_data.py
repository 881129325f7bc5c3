"""``tf.data.Dataset``: what its methods give, by TensorFlow 2.21 for the same calls; shuffles, caches and fits."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any

import fastnn
import fastnn.keras.tensorflow as tf
import numpy as np
import pytest
from fastnn import keras
from fastnn.keras.data import Dataset, experimental

X = np.arange(10, dtype=np.float32).reshape(5, 2)
Y = np.arange(5)


def slices() -> Dataset:
    return Dataset.from_tensor_slices((X, Y))


def numbers() -> Dataset:
    return Dataset.range(10)


def plain(element: Any) -> Any:
    """Nested lists; types are checked apart."""
    if isinstance(element, tuple):
        return tuple(map(plain, element))
    if isinstance(element, dict):
        return {name: plain(part) for name, part in element.items()}
    return element.tolist() if hasattr(element, "tolist") else element


def pairs() -> Any:
    for i in range(3):
        yield [i, i], i


# What is made, how many TensorFlow says there are, and the first elements.
CHAINS: dict[str, tuple[Callable[[], Dataset], int, list[Any]]] = {
    "rows": (slices, 5, [([0, 1], 0), ([2, 3], 1), ([4, 5], 2), ([6, 7], 3), ([8, 9], 4)]),
    "dict": (
        lambda: Dataset.from_tensor_slices({"a": [1, 2], "b": [[1.0], [2.0]]}),
        2,
        [{"a": 1, "b": [1]}, {"a": 2, "b": [2]}],
    ),
    "words": (lambda: Dataset.from_tensor_slices(["a", "b"]), 2, ["a", "b"]),
    "one": (lambda: Dataset.from_tensors(([1, 2], 3)), 1, [([1, 2], 3)]),
    "generator": (lambda: Dataset.from_generator(pairs), -2, [([0, 0], 0), ([1, 1], 1), ([2, 2], 2)]),
    "range": (lambda: Dataset.range(2, 9, 3), 3, [2, 5, 8]),
    "zip": (lambda: Dataset.zip((numbers(), slices())), 5, [(i, (X[i].tolist(), i)) for i in range(5)]),
    "zip of two": (lambda: Dataset.zip(numbers().take(2), numbers().repeat()), 2, [(0, 0), (1, 1)]),
    "zip within": (lambda: Dataset.zip((numbers().skip(8), (numbers(), numbers()))), 2, [(8, (0, 0)), (9, (1, 1))]),
    "map": (lambda: slices().map(lambda x, y: (x * 2, y + 1)).take(1), 1, [([0, 2], 1)]),
    "map of one": (lambda: numbers().map(lambda v: v + 1).skip(8), 2, [9, 10]),
    "map of a dict": (lambda: Dataset.from_tensor_slices({"a": [1, 2]}).map(lambda d: d["a"]), 2, [1, 2]),
    "filter": (lambda: numbers().filter(lambda v: v > 6), -2, [7, 8, 9]),
    "filter and batch": (lambda: slices().filter(lambda x, y: y > 2).batch(2), -2, [([[6, 7], [8, 9]], [3, 4])]),
    "batch": (lambda: numbers().skip(5).batch(2), 3, [[5, 6], [7, 8], [9]]),
    "whole batches": (lambda: numbers().skip(5).batch(2, drop_remainder=True), 2, [[5, 6], [7, 8]]),
    "batches of batches": (lambda: numbers().batch(2).batch(2, True), 2, [[[0, 1], [2, 3]], [[4, 5], [6, 7]]]),
    "unbatch": (lambda: slices().batch(2).unbatch().skip(3), -2, [([6, 7], 3), ([8, 9], 4)]),
    "take": (lambda: numbers().take(3), 3, [0, 1, 2]),
    "take more": (lambda: Dataset.range(2).take(9), 2, [0, 1]),
    "take all": (lambda: Dataset.range(2).take(-1), 2, [0, 1]),
    "skip": (lambda: numbers().skip(8), 2, [8, 9]),
    "skip more": (lambda: numbers().skip(99), 0, []),
    "skip all": (lambda: numbers().skip(-1), 0, []),
    "repeat": (lambda: Dataset.range(2).repeat(2), 4, [0, 1, 0, 1]),
    "repeat for ever": (lambda: Dataset.range(2).repeat(), -1, [0, 1] * 6),
    "repeat nothing": (lambda: numbers().repeat(0), 0, []),
    "batches that go on": (lambda: Dataset.range(3).repeat().batch(2).take(3), 3, [[0, 1], [2, 0], [1, 2]]),
    "enumerate": (lambda: numbers().skip(8).enumerate(5), 2, [(5, 8), (6, 9)]),
    "concatenate": (lambda: Dataset.range(2).concatenate(Dataset.range(3, 5)), 4, [0, 1, 3, 4]),
    "shard": (lambda: numbers().shard(3, 1), 3, [1, 4, 7]),
    "prefetch": (lambda: Dataset.range(2).prefetch(tf.data.AUTOTUNE), 2, [0, 1]),
    "apply": (lambda: numbers().apply(lambda d: d.take(1)), 1, [0]),
}


@pytest.mark.parametrize("name", CHAINS)
def test_a_chain(name: str) -> None:
    make, size, wanted = CHAINS[name]
    made = make()
    assert [plain(element) for element in made.take(12).as_numpy_iterator()] == wanted
    assert [plain(element) for element in made.take(12)] == wanted
    assert made.cardinality() == experimental.cardinality(made) == size
    if size >= 0:
        assert len(made) == size
    else:
        with pytest.raises(TypeError, match="for ever" if size == -1 else "only a pass tells"):
            len(made)


def test_types_of_elements() -> None:
    """Python's numbers are float32 and int32, arrays stay as they are."""
    found = Dataset.from_tensor_slices(([1.0, 2.0], [1, 2], np.zeros(2), Y[:2])).element_spec
    assert [spec.dtype.name for spec in found] == ["float32", "int32", "float64", "int64"]
    assert numbers().element_spec.dtype == np.int64
    x, y = slices().batch(2).element_spec
    assert str(x) == "TensorSpec(shape=(None, 2), dtype=tf.float32, name=None)" and y.shape == (None,)
    assert slices().batch(2, drop_remainder=True).element_spec[0].shape == (2, 2)
    signature = (tf.TensorSpec((2,), np.dtype("float32")), tf.TensorSpec((), np.dtype("int32")))
    made = Dataset.from_generator(pairs, output_signature=signature).element_spec
    assert [(spec.shape, spec.dtype.name) for spec in made] == [((2,), "float32"), ((), "int32")]
    assert Dataset.from_generator(lambda: iter([1]), output_types=tf.float32).element_spec.dtype == np.float32
    x, y = next(iter(slices().batch(2)))
    assert isinstance(x, fastnn.eager.tensor.Tensor) and ["no", "yes"][y[1]] == "yes"


def test_what_it_was_made_of_is_not_changed() -> None:
    """Elements that users get, and change, are copies."""
    x, wanted = X.copy(), X.tolist()
    for made in (Dataset.from_tensor_slices(x), Dataset.from_tensor_slices(x).map(lambda row: row).cache()):
        list(made.as_numpy_iterator())
        for row in made:
            row += 100
        list(made.map(lambda row: row.mul_(0)))
        assert [row.tolist() for row in made.as_numpy_iterator()] == x.tolist() == wanted


def values(dataset: Dataset) -> list[int]:
    return [int(value) for value in dataset.as_numpy_iterator()]


def test_shuffle() -> None:
    """Each of n buffered elements is as likely; none comes before it was in the buffer; each pass is another."""
    made = numbers().shuffle(3, seed=1)
    passes = [values(made) for _ in range(300)]
    assert all(sorted(order) == list(range(10)) for order in passes) and len(set(map(tuple, passes))) > 250
    ahead = np.array(passes) - np.arange(10)
    assert ahead.max() == 2
    first = np.bincount([order[0] for order in passes], minlength=3)
    assert len(first) == 3 and first.min() > 70  # 100 each; 8.2 are their standard deviation
    again = numbers().shuffle(3, seed=1)
    assert [values(again) for _ in range(3)] == passes[:3]
    assert values(numbers().shuffle(3, seed=2)) != passes[0]


def test_shuffle_without_a_seed() -> None:
    fastnn.manual_seed(3)
    made = numbers().shuffle(10)
    first, second = values(made), values(made)
    fastnn.manual_seed(3)
    assert [values(made), values(made)] == [first, second] and first != second
    same = numbers().shuffle(10, reshuffle_each_iteration=False)
    assert values(same) == values(same) != list(range(10))
    assert values(Dataset.range(3000).shuffle(3000, seed=0)) != list(range(3000))  # more numbers than one block


def test_cache() -> None:
    """The first whole pass stays, be it of rows or of what a function gave; half a pass does not."""
    calls: list[int] = []

    def seen(value: Any) -> Any:
        calls.append(int(value))
        return value * 2

    made = numbers().shuffle(10, seed=1).map(seen).cache()
    next(made.as_numpy_iterator())
    first = list(values(made))
    assert values(made) == values(made.take(-1)) == first and len(calls) == 11
    rows = slices().shuffle(5, seed=1).batch(2).cache()
    assert [plain(e) for e in rows.as_numpy_iterator()] == [plain(e) for e in rows.as_numpy_iterator()]
    assert values(Dataset.range(0).cache()) == []
    made = numbers().shuffle(10).cache()
    assert [int(value) for value in islice(made.as_numpy_iterator(), 10)] == values(made)  # the last is enough


def test_a_cache_that_does_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fastnn.keras.data.dataset.fits_memory", lambda size: size <= 40)
    calls: list[int] = []
    made = numbers().map(lambda value: calls.append(1) or value).cache()
    assert values(made) == values(made) == list(range(10)) and len(calls) == 20


def test_reduce_and_single() -> None:
    assert int(numbers().reduce(np.int64(0), lambda total, value: total + value)) == 45
    assert int(Dataset.range(3, 4).get_single_element()) == 3
    with pytest.raises(ValueError, match="there are several"):
        numbers().get_single_element()


MISTAKES: dict[str, tuple[Callable[[], Any], str]] = {
    "counts": (lambda: Dataset.from_tensor_slices((X, Y[:3])), r"a row for each element, got \[3, 5\] rows"),
    "no rows": (lambda: Dataset.from_tensor_slices(3), "got single numbers"),
    "batch_size": (lambda: numbers().batch(0), "batch_size is 0; it must be an integer of at least 1"),
    "buffer_size": (lambda: numbers().shuffle(0), "buffer_size is 0"),
    "shapes": (
        lambda: list(Dataset.from_generator(lambda: [[1], [1, 2]]).batch(2)),
        r"elements have different shapes, \(1,\) and \(2,\): make them alike with map",
    ),
    "shard": (lambda: numbers().shard(2, 2), "index is 2, of 2 shards"),
    "file": (lambda: numbers().cache("here"), "without a file name"),
    "empty": (lambda: Dataset.range(0).element_spec, "no element to tell shapes"),
    "endless": (lambda: model().fit(slices().batch(2).repeat()), "how many batches an epoch has, steps_per_epoch"),
    "no batches": (lambda: model().fit(slices()), r"brings single samples: put \.batch\(32\) behind it"),
    "nothing": (lambda: model().fit(slices().batch(2).take(0)), "it brought no batch"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_in_chains(name: str) -> None:
    call, text = MISTAKES[name]
    with pytest.raises(ValueError, match=text):
        call()


def test_what_is_no_data_set() -> None:
    with pytest.raises(TypeError, match=r"Dataset\.zip takes data sets, got int"):
        Dataset.zip((numbers(), 1))
    with pytest.raises(TypeError, match="must be a function"):
        Dataset.from_generator([1, 2])
    with pytest.raises(TypeError, match="made of arrays, tuples and dicts; got object"):
        list(numbers().map(lambda value: object()))


# -- what fit makes of them --------------------------------------------------------------------------------------------

ROWS = np.random.default_rng(0).standard_normal((40, 6)).astype(np.float32)
LABELS = (ROWS.sum(axis=1) > 0).astype(np.int32)


def model() -> keras.Sequential:
    fastnn.manual_seed(0)
    dense = keras.layers.Dense
    net = keras.Sequential([dense(8, "relu", input_shape=(6,)), dense(2, "softmax")])
    net.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return net


def test_fit_is_that_of_the_arrays() -> None:
    """Batches in the order of the rows; validation, evaluate and predict."""
    made = Dataset.from_tensor_slices((ROWS, LABELS)).batch(16)
    one, other = model(), model()
    found = one.fit(made, epochs=3, validation_data=made.take(1), verbose=0).history
    wanted = other.fit(
        ROWS, LABELS, 16, epochs=3, shuffle=False, validation_data=(ROWS[:16], LABELS[:16]), verbose=0
    ).history
    assert found == wanted and found["loss"][2] < found["loss"][0]
    whole = other.evaluate(ROWS, LABELS, verbose=0)
    assert one.evaluate(made, verbose=0) == pytest.approx(whole, rel=40 * 2.0**-24)  # float32 sums of 40 losses
    for given in (made, made.map(lambda x, y: x)):
        np.testing.assert_array_equal(one.predict(given, verbose=0), other.predict(ROWS, verbose=0))


def test_fit_of_what_is_not_counted() -> None:
    made = Dataset.from_tensor_slices((ROWS, LABELS)).filter(lambda x, y: y == 1)
    net = model()
    history = net.fit(made.batch(8), epochs=2, verbose=0)
    assert history.params["steps"] == -(-int(LABELS.sum()) // 8)
    assert len(net.predict(made.batch(8), verbose=0)) == LABELS.sum()
    assert net.fit(made.batch(4).repeat(), epochs=2, steps_per_epoch=9, verbose=0).params["steps"] == 9


def test_split_dataset() -> None:
    """As Keras 3.15 does for this seed."""
    left, right = keras.utils.split_dataset((np.arange(10.0), np.arange(10)), left_size=0.7, shuffle=True, seed=3)
    assert [int(y) for _, y in left.as_numpy_iterator()] == [1, 5, 6, 0, 9, 4, 7]
    assert [int(y) for _, y in right.as_numpy_iterator()] == [2, 8, 3]
    left, right = keras.utils.split_dataset(numbers().batch(4), right_size=2)
    assert [len(batch) for batch in left.as_numpy_iterator()] == [4, 4]
    assert plain(next(right.as_numpy_iterator())) == [8, 9]
    for sizes, text in {
        (None, None): "give left_size",
        (0.5, 9): "5 and 9 of 10",
        (1.5, None): "left_size is 1.5",
    }.items():
        with pytest.raises(ValueError, match=text):
            keras.utils.split_dataset(np.arange(10), *sizes)
