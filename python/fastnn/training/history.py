"""What a training run leaves behind, epoch by epoch."""

from __future__ import annotations

from collections.abc import Iterator
from math import nan
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class History:
    """Metrics by name, one value an epoch: ``history.history["val_accuracy"]``, or ``history.val_accuracy``.

    It goes over its epochs, a dict each, so that ``pandas.DataFrame(history)`` has a row an epoch. In a notebook's cell
    it is its curves. After an interrupt the history so far is ``network.history``, of a Trainer ``trainer.history``,
    and in Keras style ``model.history``.
    """

    def __init__(self) -> None:
        self.history: dict[str, list[float]] = {}
        self.epoch: list[int] = []
        # Each metric's rows: a validation may be made every few epochs.
        self._taken: dict[str, list[int]] = {}

    def append(self, epoch: int, metrics: dict[str, float]) -> None:
        """The metrics of one epoch (from 0)."""
        for name, value in metrics.items():
            self.history.setdefault(name, []).append(value)
            self._taken.setdefault(name, []).append(len(self.epoch))
        self.epoch.append(epoch)

    def __iter__(self) -> Iterator[dict[str, float]]:
        """The metrics of each epoch; NaN where one was not taken."""
        taken: dict[str, dict[int, float]] = {}
        for name, values in self.history.items():
            rows = self._taken.get(name, [])  # none where a checkpoint brought the values, of each epoch
            taken[name] = dict(zip(rows if len(rows) == len(values) else range(len(values)), values, strict=True))
        for row in range(len(self.epoch)):
            yield {name: values.get(row, nan) for name, values in taken.items()}

    def plot(self, title: str = "") -> Figure:
        """The metrics by epoch, training beside validation (:func:`fastnn.reporting.plot.curves`); returns the figure.

        Raises:
            ImportError: matplotlib is not installed.
            ValueError: there are no epochs yet.
        """
        from fastnn.reporting import plot

        return plot.curves(self, title)

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["history"][name]
        except KeyError:
            known = ", ".join(self.__dict__.get("history", {})) or "nothing yet"
            raise AttributeError(f"this history has no {name!r}; it has {known}") from None

    def __repr__(self) -> str:
        return f"History({len(self.epoch)} epochs: {', '.join(self.history)})"

    def _repr_html_(self) -> str:
        """For a notebook's cell: the curves, and the last values."""
        from fastnn.reporting.curves import cell

        return cell({name: [float(row[name]) for row in self] for name in self.history})


class LastHistory:
    """``network.history``: of its last fit, also of one that was interrupted. A subclass may have its own attribute."""

    def __get__(self, network: Any, kind: type) -> Any:
        if network is None:
            return self
        return History() if network._trainer is None else network._trainer.history
