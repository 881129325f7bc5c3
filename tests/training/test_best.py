"""The best epoch: which it is, what is kept of it, when training ends for want of a better one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from fastnn import Network, nn, optim, random
from fastnn.errors import NonFiniteLossError
from fastnn.training.best import Best, best_epoch
from fastnn.training.trainer import Trainer


@pytest.mark.parametrize(
    ("accuracies", "losses", "best"),
    [
        ([], [], None),
        ([0.5], [2.0], 0),
        ([0.5, 0.7, 0.6], [1.0, 3.0, 0.1], 1),
        ([0.5, 0.7, 0.7], [1.0, 3.0, 2.0], 2),
        ([0.7, 0.7, 0.7], [1.0, 1.0, 2.0], 0),
    ],
)
def test_which_is_best(accuracies: list[float], losses: list[float], best: int | None) -> None:
    """The highest accuracy; of equals the lowest loss, of these the first."""
    assert best_epoch({"loss": losses, "val_loss": losses, "val_accuracy": accuracies}) == best


def test_of_numbers_the_lowest_loss_is_best() -> None:
    assert best_epoch({"val_loss": [3.0, 1.0, 2.0]}) == 1
    assert best_epoch({"loss": [3.0, 1.0, 2.0]}) is None


class Scripted(Trainer):
    """Its epochs have these val_accuracies, whatever they are."""

    def __init__(self, accuracies: list[float]) -> None:
        random.manual_seed(0)
        network = Network(4, 3, 2)
        super().__init__(network, nn.CrossEntropyLoss(), optim.SGD(network.parameters(), lr=0.1))
        self.accuracies = iter(accuracies)
        self.seen: list[np.ndarray] = []

    def evaluate(self, data: object) -> dict[str, float]:
        self.seen.append(self.model.state_dict()["layer1.weight"].numpy().copy())
        return {"loss": 1.0, "accuracy": next(self.accuracies)}


@pytest.fixture
def fit() -> Callable[..., Trainer]:
    x = np.random.default_rng(0).normal(size=(8, 4)).astype(np.float32)
    data = (x, np.arange(8) % 2)

    def run(trainer: Trainer, best: Best, epochs: int = 6) -> Trainer:
        trainer.fit(data, data, epochs=epochs, batch_size=4, callbacks=[best])
        return trainer

    return run


def test_what_is_kept(fit: Callable) -> None:
    """Copies of the parameters after the best epoch, whatever came later; a file is due after each better one."""
    saves: list[int] = []
    trainer = Scripted([0.5, 0.4, 0.9, 0.9, 0.3, 0.6])
    best = Best(lambda: saves.append(len(trainer.seen)))
    fit(trainer, best)
    assert saves == [1, 3] and best_epoch(trainer.history.history) == 2
    assert np.array_equal(best.tensors["layer1.weight"], trainer.seen[2])
    assert not np.array_equal(best.tensors["layer1.weight"], trainer.seen[3])
    assert set(best.tensors) == set(trainer.model.state_dict())


@pytest.mark.parametrize(("patience", "epochs"), [(1, 2), (2, 5), (3, 6), (None, 6)])
def test_patience(patience: int | None, epochs: int, fit: Callable) -> None:
    trainer = fit(Scripted([0.5, 0.4, 0.6, 0.5, 0.6, 0.2]), Best(lambda: None, patience))
    assert len(trainer.history.epoch) == epochs
    best = Best(lambda: None, patience)
    assert best.out_of_patience(trainer) == (
        patience is not None and epochs - 1 - (0 if epochs == 2 else 2) >= patience
    )


def test_a_run_that_had_stopped_stays_so(fit: Callable) -> None:
    trainer = fit(Scripted([0.5, 0.4, 0.3, 0.9]), Best(lambda: None, 2))
    assert len(trainer.history.epoch) == 3
    trainer.stop_training = False  # as in a process of its own
    assert len(fit(trainer, Best(lambda: None, 2)).history.epoch) == 3


def test_a_loss_that_is_no_number(fit: Callable) -> None:
    trainer = Scripted([0.5, 0.5])
    trainer.evaluate = lambda data: {"loss": float("nan"), "accuracy": 0.5}
    with pytest.raises(NonFiniteLossError, match="val_loss became nan in epoch 1: try a lower"):
        fit(trainer, Best(lambda: None))
