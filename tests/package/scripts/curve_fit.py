"""A curve by hand: parameters as tensors, a loss of one's own, gradients, a check of the model."""

from collections.abc import Callable
from typing import assert_type

import fastnn as torch
from fastnn import Tensor, nn, optim

Loss = Callable[[Tensor, Tensor], Tensor]


def smooth(output: Tensor, target: Tensor) -> Tensor:
    error = (output - target).abs()
    return torch.where(error < 1, 0.5 * error**2, error - 0.5).mean()


def fit(loss: Loss, steps: int) -> tuple[float, float]:
    w = torch.zeros(1, requires_grad=True)
    b = torch.zeros(1, requires_grad=True)
    optimizer = optim.RMSprop([w, b], lr=0.01)
    x = torch.linspace(-1, 1, 20)
    for _ in range(steps):
        value = loss(w * x + b, 2 * x - 1)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
    return w.item(), b.item()


w, b = fit(smooth, 3)
assert_type(w, float)
assert fit(nn.MSELoss(), 3)[0] > 0
x = torch.rand(8, 4)
findings = torch.check(nn.Sequential(nn.Linear(4, 2)), (x.numpy(), (torch.arange(8) % 2).numpy()))
assert isinstance(str(findings), str)
