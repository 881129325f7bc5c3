"""Trainer with callbacks of one's own, a compiled step, schedules of the learning rate."""

from typing import assert_type

import fastnn
from fastnn import nn, optim
from fastnn.optim import lr_scheduler
from fastnn.training.callbacks import Callback
from fastnn.training.trainer import Trainer


class Stop(Callback):
    def __init__(self, below: float) -> None:
        self.below = below
        self.losses: list[float] = []

    def on_epoch_end(self, trainer: Trainer, epoch: int, metrics: dict[str, float]) -> None:
        self.losses.append(metrics["loss"])
        if metrics["loss"] < self.below:
            trainer.stop_training = True


x, y = fastnn.rand(24, 3), fastnn.rand(24, 1)
model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1))
criterion = nn.MSELoss()
optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
stop = Stop(1e-6)
history = fastnn.Trainer(model, criterion, optimizer).fit(
    (x.numpy(), y.numpy()), epochs=2, batch_size=8, callbacks=[stop]
)
assert len(stop.losses) == 2 and history.history["loss"] == stop.losses

step = fastnn.compile(model, criterion, optimizer)
scheduler = lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.5)
for _ in range(2):
    loss = step(x, y)
    assert_type(loss, fastnn.Tensor)
    scheduler.step()
rate: float = optimizer.param_groups[0]["lr"]
assert rate < 0.1
