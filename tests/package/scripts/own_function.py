"""An op of one's own, with its gradient: with ctx, and with setup_context."""

from __future__ import annotations

from typing import Any

import fastnn as torch
from fastnn.autograd import Function


class Square(Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> torch.Tensor:
        x: torch.Tensor
        (x,) = ctx.saved_tensors
        return 2 * x * grad


class Scaled(Function):
    @staticmethod
    def forward(x: torch.Tensor, by: float) -> torch.Tensor:
        return x * by

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[torch.Tensor, float], output: torch.Tensor) -> None:
        _, ctx.by = inputs

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor, None]:
        return grad * ctx.by, None


x = torch.tensor([1.0, 2.0], requires_grad=True)
(Square.apply(x) + Scaled.apply(x, 3.0)).sum().backward()
assert x.grad is not None and x.grad.tolist() == [5.0, 7.0]
