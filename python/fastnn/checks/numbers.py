"""Rules about the numbers of the data: pixels as they are in files, labels and targets that the outputs do not have."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from fastnn.checks.case import Case
from fastnn.checks.findings import Finding
from fastnn.nn import functional, losses


def pixels(case: Case) -> Iterator[Finding]:
    """Of images, whose pixels come to a layer as they are in files."""
    x = case.inputs[0] if case.inputs else case.x
    if x.ndim < 2 or not x.size or x[0].size < 64:  # fewer numbers are no image
        return
    if x.min() >= 0 and 127 < x.max() <= 255 and np.array_equal(x, np.round(x)):
        yield Finding(
            "pixels",
            f"inputs are whole numbers from {x.min():g} to {x.max():g}, as pixels are in files: "
            f"divide them by 255 (ToTensor does)",
        )


def precision(case: Case) -> Iterator[Finding]:
    """Of tensors in another one than the parameters: loops hand them to the model as they are."""
    given, own = case.given, case.x.dtype
    if given is not None and given.kind == "f" and given != own:
        how = "float" if own == np.float32 else "double"
        yield Finding("dtype", f"inputs are {given}, the parameters {own}: model(x) refuses them; use x.{how}()")


def labels(case: Case) -> Iterator[Finding]:
    """Class numbers outside those of the outputs; targets of another shape than the outputs."""
    if not takes_classes(case.criterion):
        yield from _targets(case)
        return
    labels = case.labels
    if labels.dtype.kind not in "iu":
        if case.outputs is not None and case.y.shape == case.outputs.shape and not of_logarithms(case.criterion):
            return  # probabilities
        yield Finding("labels", f"targets are {labels.dtype}: cross-entropy takes class numbers, integers")
        return
    if case.outputs is None or case.outputs.ndim != 2:
        return
    classes, low, high = case.outputs.shape[1], int(labels.min()), int(labels.max())
    if low < 0 or high >= classes:
        hint = ": count classes from 0" if (low, high) == (1, classes) else ""
        yield Finding(
            "labels",
            f"labels run from {low} to {high}, the model has {classes} outputs, for labels 0 to {classes - 1}{hint}",
        )


def of_logarithms(criterion: Any) -> bool:
    return isinstance(criterion, losses.NLLLoss) or criterion is functional.nll_loss


def takes_classes(criterion: Any) -> bool:
    classes = isinstance(criterion, losses.CrossEntropyLoss | losses.NLLLoss)
    return classes or criterion in (functional.cross_entropy, functional.nll_loss)


def _targets(case: Case) -> Iterator[Finding]:
    if not isinstance(case.criterion, losses.MSELoss | losses.BCEWithLogitsLoss) or case.outputs is None:
        return
    if case.outputs.shape != case.y.shape and len(case.outputs) == len(case.y):
        hint = "; for class numbers use CrossEntropyLoss and target.long()" if case.y.ndim == 1 else ""
        if case.y.size == case.outputs.size:
            hint = f": use target.view{tuple(-1 if i == 0 else n for i, n in enumerate(case.outputs.shape))}"
        yield Finding(
            "labels",
            f"the model gives shape {case.outputs.shape}, the targets have {case.y.shape}{hint}",
        )
