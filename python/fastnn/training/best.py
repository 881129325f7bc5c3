"""The best epoch of a run: its parameters, kept while training goes on, and an end where none is better any more."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isfinite

import numpy as np

from fastnn.errors import NonFiniteLossError
from fastnn.training.callbacks import Callback
from fastnn.training.trainer import Trainer


def best_epoch(history: Mapping[str, Sequence[float]]) -> int | None:
    """The epoch (from 0) of the highest val_accuracy; of several, that of the lowest val_loss, of these the first. None
    where nothing was validated.
    """
    losses = history.get("val_loss", [])
    accuracies = history.get("val_accuracy", [0.0] * len(losses))
    ranks = [(accuracy, -loss) for accuracy, loss in zip(accuracies, losses, strict=True)]
    return ranks.index(max(ranks)) if ranks else None


class Best(Callback):
    """Keeps the model's parameters and buffers as they were after the best epoch so far (:func:`best_epoch`).

    save: called after each epoch that is the best so far. patience: training ends after so many epochs without a
    better one; None: it does not. Both follow from the history alone, so that a resumed run does as one that was not
    stopped; tensors are what its state has to keep.
    """

    def __init__(self, save: Callable[[], None], patience: int | None = None) -> None:
        self.save = save
        self.patience = patience
        self.tensors: dict[str, np.ndarray] = {}

    def on_train_begin(self, trainer: Trainer) -> None:
        trainer.stop_training = self.out_of_patience(trainer)

    def on_epoch_end(self, trainer: Trainer, epoch: int, metrics: dict[str, float]) -> None:
        """Raises NonFiniteLossError where val_loss is NaN or infinite, which no epoch could be compared with."""
        if not isfinite(loss := metrics["val_loss"]):
            raise NonFiniteLossError(f"val_loss became {loss:g} in epoch {epoch + 1}: try a lower learning rate")
        if best_epoch(trainer.history.history) == epoch:
            state = trainer.model.state_dict()
            self.tensors = {name: np.array(tensor._data, order="C") for name, tensor in state.items()}
            self.save()
        trainer.stop_training = trainer.stop_training or self.out_of_patience(trainer)

    def out_of_patience(self, trainer: Trainer) -> bool:
        """Whether the last epochs were no better, as many as there may be."""
        best = best_epoch(trainer.history.history)
        return None not in (best, self.patience) and trainer.history.epoch[-1] - best >= self.patience
