"""What Network's methods are given: x and y apart or as a pair, labels that are words, a part to hold out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fastnn.arrays import is_integer, to_array
from fastnn.data.dataset import Subset
from fastnn.data.split import Split
from fastnn.training.feed import as_feed, check_labels


class Labelled(tuple[Any, Any]):
    """(x, y) whose y numbers these labels."""

    labels: Sequence[str] = ()


def is_alone(x: Any) -> bool:
    """Whether something is x without y: an array, a tensor, a table, or rows in a list."""
    if isinstance(x, list):
        return len(x) != 2
    return hasattr(x, "__array__") or hasattr(x, "detach")


def pair(x: Any, y: Any) -> Any:
    """(x, y) of x and y; a pair or a data set as it is.

    Raises:
        TypeError: labels beside something that has its own.
    """
    if y is None:
        return x
    if not is_alone(x):
        raise TypeError(f"y goes with an array x; {type(x).__name__} brings its labels itself: leave y out")
    return x, y


def numbered(data: Any, labels: Sequence[str], outputs: int = 0, learned: bool = False) -> Any:
    """A pair (x, y) with the numbers of labels that are words, or other numbers; anything else as it is.

    labels: those that the network knows; where they are to be learned other words take their place, of so many outputs
    (0: nobody knows).

    Raises:
        ValueError: a label that it does not know, or not one for each output.
        TypeError: words among other things.
    """
    words = _words(data, bool(labels) and not isinstance(labels[0], str))
    if words is None:
        return data
    found = np.unique(words).tolist()
    if new := [label for label in found if label not in labels]:
        if not learned or words.dtype.kind != "U":
            known = f"its classes are {_listed(labels)}" if labels else "it was trained on class numbers"
            raise ValueError(f"y has the label {new[0]!r}, which the network does not know: {known}")
        labels = found
        if outputs and len(labels) != max(outputs, 2):
            text = (
                f"y has {len(labels)} labels ({_listed(labels)}), the network {outputs} outputs: it needs one for each"
            )
            raise ValueError(text)
    numbers = {label: number for number, label in enumerate(labels)}
    made = Labelled((data[0], np.array([numbers[word] for word in words.tolist()], dtype=np.int64)))
    made.labels = list(labels)
    return made


def _listed(labels: Sequence[Any]) -> str:
    return ", ".join(map(str, labels[:5])) + (", ..." if len(labels) > 5 else "")


def _words(data: Any, numbers: bool) -> np.ndarray | None:
    """The labels of a pair (x, y) as text, where y has words in it, or with ``numbers`` those."""
    if not isinstance(data, tuple | list) or len(data) != 2:
        return None
    y = to_array(data[1])
    if y.ndim != 1 or not len(y) or y.dtype.kind not in "OUST":
        return y if numbers and y.ndim == 1 and y.dtype.kind in "fiub" else None
    others = [place for place, each in enumerate(y.tolist()) if not isinstance(each, str)]
    if 0 < len(others) < len(y):
        raise TypeError(f"y has words, but {y[others[0]]!r} at sample {others[0]}")
    return None if others else y.astype(str)


def targets(data: Any, predicts: str, outputs: int) -> Any:
    """A pair (x, y) as a loss of such outputs takes it: of numbers and probabilities y in floating point, (N,) for a
    single output as (N, 1). Anything else, and of a loss that does not say (``""``), as it is.

    Raises:
        TypeError: numbers for a loss of classes.
        ValueError: a single output for one.
    """
    if not isinstance(data, tuple | list) or len(data) != 2 or not predicts:
        return data
    y = to_array(data[1])
    if y.dtype.kind not in "fiub":
        return data
    if predicts == "softmax":
        way = "to learn numbers give loss='mse'"
        if y.ndim == 1 and y.dtype.kind == "f":
            raise TypeError(f"y is {y.dtype}; cross_entropy takes words or class numbers, y.astype(int): {way}")
        if outputs == 1:
            raise ValueError(f"cross_entropy needs an output for each class: {way}, for two classes 'bce_with_logits'")
        return data
    y = y if y.dtype.kind == "f" else y.astype(np.float32)
    made = Labelled((data[0], y[:, None] if y.ndim == outputs == 1 else y))
    made.labels = getattr(data, "labels", ())
    return made


def split(data: Any, share: float, seed: int) -> tuple[Any, Any]:
    """What is left to train on, and what is held out: a share of each class, by the seed and the samples' places, as
    :class:`fastnn.data.split.Split` counts; of numbers of all.

    Raises:
        ValueError: a share that is not between 0 and 1, or of too few samples.
        TypeError: batches that a loader brings.
    """
    if not 0 < share < 1:
        raise ValueError(f"val is {share!r}; a share must be between 0 and 1, such as 0.2")
    how = Split(float(share), seed)
    if hasattr(data, "batch_sampler"):
        raise TypeError(f"val={share} holds out samples of arrays or of a data set; a DataLoader brings batches")
    feed = as_feed(data)
    count = len(data) if feed is None else len(feed)
    classes = np.zeros(count, np.int64) if feed is None or feed.y.ndim > 1 or feed.y.dtype.kind == "f" else feed.y
    held = how.held_out(list(map(str, range(count))), classes)
    parts = [np.flatnonzero(rows) for rows in (~held, held)]
    if isinstance(data, tuple | list):
        x, y = map(to_array, data)
        made = [Labelled((x[rows], y[rows])) for rows in parts]
        made[0].labels = getattr(data, "labels", ())
        return made[0], made[1]
    left, out = (Subset(data, rows.tolist()) for rows in parts)
    return left, out


def class_weights(weight: Mapping[Any, float] | str, data: Any, outputs: int) -> np.ndarray:
    """What each sample of a class counts (C,): by its number or label, else 1; or all classes alike ("balanced").

    Raises:
        ValueError: no class of that name, a weight below 0, or labels that are no classes.
    """
    feed = as_feed(data)
    if feed is None or feed.y.ndim != 1 or feed.y.dtype.kind != "i" or not outputs:
        raise ValueError("class_weight needs the class numbers or labels of arrays, or of a data set in memory")
    check_labels(feed.y, outputs)
    weights = np.ones(outputs)
    if isinstance(weight, str) and weight == "balanced":
        counts = np.bincount(feed.y, minlength=outputs)
        return len(feed) / (np.count_nonzero(counts) * np.maximum(counts, 1))
    numbers = {name: place for place, name in enumerate(getattr(data, "labels", ()))}
    if not isinstance(weight, Mapping):
        raise ValueError(f"class_weight is {weight!r}; it must be 'balanced' or a dict of weights")
    for name, value in weight.items():
        place = numbers.get(name, name)
        if not is_integer(place) or not 0 <= place < outputs or not value >= 0:
            known = _listed(list(numbers)) or f"0..{outputs - 1}"
            raise ValueError(f"class_weight has {value!r} for {name!r}; it takes weights from 0 on for {known}")
        weights[place] = value
    return weights
