"""What a fit makes of a :class:`Dataset`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from fastnn.keras.data.dataset import UNKNOWN_CARDINALITY, Dataset


def in_passes(given: Any) -> Any:
    """A :class:`Dataset` as :class:`Passes`; anything else as it is."""
    return Passes(given) if isinstance(given, Dataset) else given


class Passes:
    """A data set of batches as something that brings them, pass after pass, as arrays.

    Its length is that of a pass; where the data set does not know it, one pass is counted. One without end has none.
    """

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset
        self._counted: int | None = None

    def __len__(self) -> int:
        if self.dataset.cardinality() != UNKNOWN_CARDINALITY:
            return len(self.dataset)
        if self._counted is None:
            self._counted = sum(1 for _ in self.dataset.as_numpy_iterator())
        return self._counted

    def __iter__(self) -> Iterator[Any]:
        for batch in self.dataset.as_numpy_iterator():
            if isinstance(batch, tuple) and any(np.ndim(part) == 0 for part in batch):
                raise ValueError("the data set brings single samples: put .batch(32) behind it")
            yield batch
