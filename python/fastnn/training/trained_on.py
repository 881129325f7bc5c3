"""What a network has to remember of its training: the fields of :class:`~fastnn.training.model_info.ModelInfo`."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn.data.dataset import TensorDataset
from fastnn.data.loader import without_subsets
from fastnn.data.look import look_of
from fastnn.data.resident import Resident
from fastnn.data.typical import sample_of, typical_of
from fastnn.data.vision import VisionDataset
from fastnn.engine.plan import Criterion
from fastnn.nn import losses
from fastnn.training.feed import Feed
from fastnn.training.input_range import range_of
from fastnn.training.trainer import loss_class
from fastnn.training.transformed import told_by

# The side from which a flat row of square length is taken for an image, not for a row of a table: scikit-learn's digits
# are 8x8.
_LEAST_SIDE = 8


def trained_on(criterion: Criterion, data: Any, feed: Feed | None, outputs: int) -> dict[str, Any]:
    """What a fit of a network with so many outputs tells.

    data: as fit was given it. feed: the same in memory, where it is all that a fit sees.
    """
    kind = loss_class(criterion)
    resident = _resident(data)
    feed = feed or (_in_memory(data) if resident is None else Feed.of(resident))
    predicted = getattr(criterion, "predicts", getattr(kind, "predicts", "")) or _by_targets(feed, outputs)
    known = {"outputs": predicted, "loss": kind.__name__ if _is_ours(kind) else ""}
    classes = _classes(data) if resident is None else resident.classes
    told_apart = 2 if outputs == 1 and predicted == "sigmoid" else outputs
    if len(classes) == told_apart or not outputs:  # of modules that no batch has gone through yet nobody knows
        known["classes"] = list(classes)
    said = _of_transform(data)
    if feed is None:
        return known | said
    known |= _inputs(feed)
    cropped = said.get("preparation") == "cropped" and known.get("preparation") == "scaled"
    return known | ({"preparation": "cropped"} if cropped else {})


def loss_of(name: str, outputs: str) -> Any:
    """The loss of a class's name; of a name that is not known, the usual one for such outputs."""
    kind = getattr(losses, name, None)
    usual = {"sigmoid": losses.BCEWithLogitsLoss, "numbers": losses.MSELoss}.get(outputs, losses.CrossEntropyLoss)
    return kind() if _is_ours(kind) else usual()


def square(features: int) -> tuple[int, ...]:
    """(C, H, W) of a square grey or colour image of so many numbers; () where there is none."""
    for channels in (1, 3):
        side = int((features // channels) ** 0.5 + 0.5)
        if side >= _LEAST_SIDE and channels * side * side == features:
            return (channels, side, side)
    return ()


def image_facts(feed: Feed) -> dict[str, Any]:
    """How the images of a feed look, by a sample of them; nothing where its rows are no images."""
    rows, shape = sample_of(feed.x), _image_shape(feed.x.shape[1:])
    some = feed.x[rows]
    pixels, mean, std = _pixels(some, feed.mean, feed.std, shape[:1])
    if not shape or pixels is None:
        return {}
    pixels = pixels.reshape(len(some), *shape)
    look, typical = look_of(pixels), typical_of(pixels, feed.y[rows] if feed.y.dtype.kind in "iu" else None)
    facts = {"ground": look.ground, "preparation": "mnist" if look.framed else "scaled"}
    facts |= {"input_shape": shape, "mean": mean, "std": std}
    return facts | ({} if typical is None else {"typical": typical.facts()})


def _inputs(feed: Feed) -> dict[str, Any]:
    return {"input_range": range_of(feed)} | image_facts(feed)


def _is_ours(kind: Any) -> bool:
    return isinstance(kind, type) and vars(losses).get(kind.__name__) is kind and hasattr(kind, "predicts")


def _by_targets(feed: Feed | None, outputs: int) -> str:
    """Of a loss that does not say it: class numbers are told apart by scores."""
    if feed is None:
        return ""
    return "softmax" if feed.y.ndim == 1 and feed.y.dtype.kind in "iu" and outputs > 1 else "numbers"


def _resident(data: Any) -> Resident | None:
    """Images that fit has, or is about to have, in memory."""
    dataset, _ = without_subsets(getattr(data, "dataset", data))
    return dataset.resident() if isinstance(dataset, VisionDataset) else None


def _classes(data: Any) -> list[str]:
    """Names of the classes: of labels that are words, or of a data set whose transforms are the user's; none where its
    labels may be too.
    """
    if labels := getattr(data, "labels", None):
        return list(labels)
    dataset, _ = without_subsets(getattr(data, "dataset", data))
    if not isinstance(dataset, VisionDataset) or dataset.target_transform is not None or not dataset.is_plain():
        return []
    from fastnn.data.folder import DatasetFolder  # which needs Pillow

    return list(dataset.classes) if isinstance(dataset, DatasetFolder) else []


def _of_transform(data: Any) -> dict[str, Any]:
    """What the transform of a data set of images tells of them."""
    dataset, _ = without_subsets(getattr(data, "dataset", data))
    return told_by(dataset.transform) if isinstance(dataset, VisionDataset) and dataset.is_plain() else {}


def _in_memory(data: Any) -> Feed | None:
    dataset, _ = without_subsets(getattr(data, "dataset", data))
    if type(dataset) is not TensorDataset or len(dataset.tensors) != 2 or not len(dataset):
        return None
    x, y = (tensor.numpy() for tensor in dataset.tensors)
    return Feed(x.astype(np.float32) if x.dtype == np.uint8 else x, y)


def _image_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """(C, H, W) of rows that may be images, () of others."""
    if len(shape) == 2:
        return (1, *shape)
    if len(shape) == 3:
        return shape if shape[0] in (1, 3) else ()
    return square(shape[0]) if len(shape) == 1 else ()


def _pixels(
    x: np.ndarray, mean: np.ndarray | None, std: np.ndarray | None, channels: tuple[int, ...]
) -> tuple[np.ndarray | None, list[float] | None, list[float] | None]:
    """uint8 pixels of rows, and what makes the rows of pixels / 255; None where that cannot be told."""
    if x.dtype == np.uint8:
        return x, *(None if values is None else values.tolist() for values in (mean, std))
    if x.min() >= 0 and x.max() <= 1:
        return np.rint(x * 255).astype(np.uint8), None, None
    if x.min() >= 0 and x.max() <= 255 and np.array_equal(x, np.rint(x)):  # pixels as they are in files
        return x.astype(np.uint8), [0.0] * sum(channels), [1 / 255] * sum(channels)
    return None, None, None
