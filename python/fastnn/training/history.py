"""What a training run leaves behind, epoch by epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class History:
    """Metrics by name, one value an epoch: ``history.history["val_accuracy"]``, or ``history.val_accuracy``."""

    def __init__(self) -> None:
        self.history: dict[str, list[float]] = {}
        self.epoch: list[int] = []

    def append(self, epoch: int, metrics: dict[str, float]) -> None:
        """The metrics of one epoch (from 0)."""
        self.epoch.append(epoch)
        for name, value in metrics.items():
            self.history.setdefault(name, []).append(value)

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
