"""The table of ``fastnn predict --csv``: a row for each image, in the form that Kaggle takes.

``id,label`` with the probability of the second class for networks of two, ``id,CLASS,CLASS,...`` with that of each for
others, ``id,label`` with the name of the class where that is asked for. Numbers have as many digits as tell them from
other float32 numbers, which are the same on every machine.
"""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Iterable, Sequence

import numpy as np

from fastnn.errors import told
from fastnn.io.checks import shown_path
from fastnn.nn.labels import class_values, predicted_classes

CLIP = (0.005, 0.995)  # what --clip means alone: an error of certainty costs ln 200 = 5.3 of log loss, not infinity

Id = int | str


def ids_of(paths: Sequence[str], from_name: bool) -> list[Id]:
    """What each image is called in the table: the number that its name ends with, or its name.

    Raises:
        ValueError: a name without a number, or two images of one id.
    """
    ids: list[Id] = [_number(path) if from_name else os.path.basename(path) for path in paths]
    without = [path for path, number in zip(paths, ids, strict=True) if number == ""]
    if from_name and without:
        first = shown_path(without[0])
        text = (
            f"{len(without):,} of {len(paths):,} images have no number at the end of their name, the first is {first}"
        )
        advice = "--id-from-name is for names like 12.jpg; without it the ids are the names"
        raise told(ValueError(f"{text}: {advice}"), "images.numbers", count=len(without), total=len(paths), path=first)
    seen: dict[Id, str] = {}
    for path, name in zip(paths, ids, strict=True):
        if (other := seen.setdefault(name, path)) is not path:
            first, second = shown_path(other), shown_path(path)
            text = f"{first} and {second} have the same id, {shown_path(str(name))}: leave one of them out"
            raise told(ValueError(text), "images.twice", first=first, second=second, id=shown_path(str(name)))
    return ids


def _number(path: str) -> Id:
    found = re.search(r"([0-9]+)$", os.path.splitext(os.path.basename(path))[0])
    return int(found[1]) if found else ""


def check_predictions(classes: Sequence[str], kind: str, label: str) -> None:
    """Refuses a network that does not give what the table is to have.

    Raises:
        ValueError: it tells no classes, or no probabilities.
    """
    if not classes:
        raise ValueError("this network was trained to give numbers: it tells no classes for --csv. --json gives them")
    if kind == "numbers" and label == "probability":
        raise ValueError(
            "this network was trained to give numbers, which are no probabilities: --label class writes the classes"
        )


def header(classes: Sequence[str], label: str) -> list[str]:
    """The table's columns."""
    return ["id", "label"] if label == "class" or len(classes) == 2 else ["id", *classes]


def rows(
    ids: Sequence[Id], outputs: np.ndarray, classes: Sequence[str], kind: str, label: str, clip: Sequence[float] | None
) -> list[list[str]]:
    """Those of some images.

    Raises:
        ValueError: an output that is no number.
    """
    values = class_values(outputs, kind).astype(np.float32)
    wrong = np.flatnonzero(~np.isfinite(values).all(axis=1))
    if len(wrong):
        raise ValueError(f"the network gives {values[wrong[0]].min()} for the image {ids[wrong[0]]}: it is of no use")
    if label == "class":
        return [[str(name), classes[row]] for name, row in zip(ids, predicted_classes(outputs).tolist(), strict=True)]
    if clip is not None:
        values = np.clip(values, *np.array(clip, np.float32))
    if len(classes) == 2:
        values = values[:, 1:]
    return [[str(name), *map(str, row)] for name, row in zip(ids, values, strict=True)]


def text(table: Iterable[Sequence[str]]) -> str:
    """A table as CSV: commas between, quotes where a value needs them, a newline behind each row."""
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows([list(map(_cell, row)) for row in table])
    return file.getvalue()


def _cell(value: str) -> str:
    """A value that no spreadsheet takes for a formula, and every editor can show."""
    shown = shown_path(value)
    return f"'{shown}" if shown.startswith(("=", "+", "-", "@")) else shown
