"""``flow_from_dataframe``: batches of the images that a table names, with the table's classes or numbers."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.errors import outside
from fastnn.io.checks import shown_path
from fastnn.keras.preprocessing.directory import ENDINGS
from fastnn.keras.preprocessing.iterator import SUBSETS, Files, Saving, one_hot, split_at
from fastnn.keras.progress import show
from fastnn.keras.utils.image_utils import check_chosen
from fastnn.training.feed import as_array

if TYPE_CHECKING:
    from fastnn.keras.preprocessing.generator import ImageDataGenerator

CLASS_MODES = ("categorical", "binary", "sparse", "raw", "input", None)
_NAMED = ("categorical", "binary", "sparse")  # whose targets are names of classes


class DataFrameIterator(Files):
    """Images that the column x_col of a pandas table names, below directory; prints how many there are.

    y_col: the column of classes, names or (class_mode "categorical") lists of them; of class_mode "raw", the columns of
    numbers, as they are. weight_col: of sample weights. classes: the names that count, in the order of their numbers;
    None: all, sorted. validate_filenames: leave out, with a warning, what is no file with an ending of an image. The
    rest as :class:`DirectoryIterator` has it; subset="validation" is the first part of the table.

    Raises:
        FileNotFoundError: none of the files is there.
        KeyError: no such column.
        ValueError: an argument that is out of its range.
    """

    def __init__(
        self,
        dataframe: Any,
        image_data_generator: ImageDataGenerator,
        directory: Any = None,
        x_col: str = "filename",
        y_col: Any = "class",
        weight_col: str | None = None,
        target_size: Sequence[int] = (256, 256),
        color_mode: str = "rgb",
        classes: Sequence[str] | None = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        save_to_dir: Any = None,
        save_prefix: str = "",
        save_format: str = "png",
        subset: str | None = None,
        interpolation: str = "nearest",
        validate_filenames: bool = True,
        keep_aspect_ratio: bool = False,
    ) -> None:
        class_mode = "raw" if class_mode == "other" else class_mode
        check_chosen("class_mode", class_mode, CLASS_MODES)
        check_chosen("subset", subset, SUBSETS)
        self.directory = directory or ""
        names = _column(dataframe, x_col)
        if not all(isinstance(name, str) for name in names):
            raise TypeError(f"column {x_col!r} must have names of files, and nothing else")
        rows = self._there(names) if validate_filenames else list(range(len(names)))
        self._targets: Any = None
        if class_mode in _NAMED:
            rows = self._classed(_column(dataframe, y_col), rows, classes, class_mode)
        elif class_mode == "raw":
            columns = y_col if isinstance(y_col, list) else [y_col]
            values = np.stack([as_array(_column(dataframe, each), each) for each in columns], axis=1)
            self._targets = values if isinstance(y_col, list) else values[:, 0]
        if subset is not None:
            at = split_at(len(rows), image_data_generator.validation_split)
            rows = rows[at:] if subset == "training" else rows[:at]
        if self._targets is not None:
            self._targets = self._targets[rows]
        weights = None if weight_col is None else as_array(_column(dataframe, weight_col), weight_col)
        self.sample_weight = None if weights is None else weights[rows]
        self.filenames = [names[row] for row in rows]
        kind = "validated" if validate_filenames else "non-validated"
        of_classes = f" belonging to {self.num_classes} classes" if class_mode in _NAMED else ""
        show(f"Found {len(rows)} {kind} image filenames{of_classes}.")
        super().__init__(
            [os.path.join(self.directory, name) for name in self.filenames],
            *(image_data_generator, target_size, color_mode, class_mode, batch_size, shuffle, seed),
            *(Saving(save_to_dir, save_prefix, save_format), interpolation, keep_aspect_ratio),
        )

    @property
    def labels(self) -> Any:
        """The classes' numbers, or the raw targets, of each image."""
        return self._targets

    @property
    def classes(self) -> Any:
        """The class of each image; a list of them where a label is a list."""
        return self._targets.tolist()

    def _there(self, names: list[str]) -> list[int]:
        """The rows whose files are there."""
        paths = [os.path.join(self.directory, name) for name in names]
        rows = [i for i, path in enumerate(paths) if path.lower().endswith(ENDINGS) and os.path.isfile(path)]
        if not rows:
            first = f": the first is {shown_path(paths[0])}" if paths else ""
            raise FileNotFoundError(
                f"none of the {len(paths)} files of the table is there{first}; directory=... is before"
            )
        if len(rows) < len(paths):
            gone = next(path for i, path in enumerate(paths) if i not in set(rows))
            text = f"Found {len(paths) - len(rows)} invalid image filename(s), which are ignored"
            warnings.warn(f"{text}, such as {shown_path(gone)}", stacklevel=outside())
        return rows

    def _classed(self, labels: list[Any], rows: list[int], classes: Any, class_mode: str) -> list[int]:
        """The rows that have a class; sets the classes and the targets (N,) of all rows."""
        lists = [list(label) if isinstance(label, list | tuple) else [label] for label in labels]
        if not all(isinstance(name, str) for names in lists for name in names):
            text = f"class_mode {class_mode!r} needs names of classes, as strings; df[y_col].astype(str) makes them, "
            raise TypeError(text + "class_mode='raw' takes numbers as they are")
        names = list(dict.fromkeys(classes)) if classes else sorted({name for row in rows for name in lists[row]})
        if class_mode == "binary" and len(names) != 2:
            raise ValueError(f"class_mode='binary' needs two classes, there are {len(names)}")
        self.num_classes = len(names)
        self.class_indices = {name: number for number, name in enumerate(names)}
        numbers = [[self.class_indices[name] for name in each if name in self.class_indices] for each in lists]
        self._targets = np.empty(len(labels), object)
        self._targets[:] = [
            own if isinstance(label, list | tuple) else (own or [0])[0]
            for own, label in zip(numbers, labels, strict=True)
        ]
        return [row for row in rows if numbers[row]]

    def _with_targets(self, batch: np.ndarray, index: np.ndarray) -> Any:
        targets = self._targets[index]
        if self.class_mode == "categorical":
            targets = one_hot(targets, self.num_classes, self.dtype)
        elif self.class_mode != "raw":
            targets = targets.astype(self.dtype)
        return (batch, targets, *([] if self.sample_weight is None else [self.sample_weight[index]]))


def _column(dataframe: Any, name: Any) -> list[Any]:
    if name not in dataframe:
        raise KeyError(f"the table has no column {name!r}; it has {', '.join(map(str, dataframe))}")
    return list(dataframe[name])
