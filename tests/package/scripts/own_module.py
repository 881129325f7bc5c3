"""Modules of one's own: parameters, buffers, lists, hooks, several inputs and outputs."""

from typing import Any, assert_type

import fastnn as torch
from fastnn import Tensor, nn
from fastnn.nn import functional as F
from fastnn.nn import init


class Scaled(nn.Module):
    running: Tensor

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs))
        self.gain = nn.Parameter(torch.ones(1))
        self.register_buffer("running", torch.zeros(outputs))
        init.kaiming_uniform_(self.weight, nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        y = F.linear(x, self.weight) * self.gain
        if self.training:
            self.running.mul_(0.9).add_(y.detach().mean(0) * 0.1)
        return y


class Two(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.parts = nn.ModuleList([Scaled(3, 3) for _ in range(2)])
        self.heads = nn.ModuleDict({"a": nn.Linear(3, 1), "b": nn.Linear(3, 2)})
        self.body = nn.Sequential(nn.Linear(3, 3), nn.Tanh())

    def forward(self, x: Tensor, twice: bool = False) -> tuple[Tensor, Tensor]:
        for part in self.parts:
            x = part(x)
        if twice:
            x = self.body(x)
        return self.heads["a"](x), self.heads["b"](x)


def seen(module: nn.Module, inputs: Any, output: Any) -> None:
    shapes.append(type(module).__name__)


shapes: list[str] = []
net = Two()
handle = net.body.register_forward_hook(seen)
a, b = net(torch.rand(5, 3), twice=True)
assert a.shape == (5, 1) and b.shape == (5, 2) and shapes == ["Sequential"]
handle.remove()
count = sum(p.numel() for p in net.parameters() if p.requires_grad)
assert_type(count, int)
for name, parameter in net.named_parameters():
    assert_type(parameter, nn.Parameter)
    assert name
net.body[0].requires_grad_(False)
linear = nn.Linear(2, 1)
linear.weight.data.fill_(0.5)
linear.bias.data.zero_()
assert_type(linear.weight.data, Tensor)
net.train().eval().double().to("cpu").zero_grad()
