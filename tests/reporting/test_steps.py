"""A compiled step as a table: what stands in each line is what the layers themselves make it."""

from __future__ import annotations

from math import prod

import numpy as np
import pytest
from fastnn import Tensor, models, nn, optim
from fastnn.engine.plan import Plan
from fastnn.io.checks import shown_bytes
from fastnn.reporting.steps import Layer, layers_of, step_lines

BATCH = 4


def recorded(model: nn.Module, shape: tuple[int, ...], **settings: bool) -> tuple[list[Layer], list[str]]:
    plan = Plan(
        model, nn.CrossEntropyLoss(), optim.Adam([p for p in model.parameters() if p.requires_grad]), **settings
    )
    program = plan.train_program(np.ones((BATCH, *shape), np.float32), np.zeros(BATCH, np.int64))
    return layers_of(program, plan.names()), step_lines(program, plan.names())


@pytest.mark.parametrize("arena", [False, True])
def test_lenet(arena: bool) -> None:
    """The products of the first convolution are two: nobody wants the gradient of the images."""
    model = models.lenet5()
    layers, lines = recorded(model, (1, 28, 28), arena=arena)
    assert [(each.name, each.ops, each.output) for each in layers] == [
        ("batch", [], (4, 1, 28, 28)),
        ("conv1", ["conv2d", "relu"], (4, 6, 28, 28)),
        ("", ["max_pool2d"], (4, 6, 14, 14)),
        ("conv2", ["conv2d", "relu"], (4, 16, 10, 10)),
        ("", ["max_pool2d", "copy"], (4, 16, 5, 5)),
        ("fc1", ["dense_forward", "relu"], (4, 120)),
        ("fc2", ["dense_forward", "relu"], (4, 84)),
        ("fc3", ["dense_forward"], (4, 10)),
        ("loss", ["cross_entropy"], ()),
    ]
    named = {each.name: each for each in layers}
    products = {"conv1": 2, "conv2": 3, "fc1": 3, "fc2": 3, "fc3": 3}
    for name, count in products.items():
        layer, module = named[name], getattr(model, name)
        assert layer.multiply_adds == count * module.multiply_adds(layer.output)
        assert layer.parameter_bytes == sum(4 * param.numel() for param in module.parameters())
        assert layer.output_bytes == 4 * prod(layer.output)
    assert sum(each.multiply_adds for each in layers) == sum(each.multiply_adds for each in map(named.get, products))
    total = next(line for line in lines if line.startswith("Total")).split()[1:]
    assert int(total[0].replace(",", "")) == sum(each.multiply_adds for each in layers)
    assert int(total[1].replace(",", "")) == 4 * 61_706


def test_residual() -> None:
    """A line a layer: what follows with the same shape stands beside it; running values and their count are no ops."""
    shortcut = nn.Sequential(nn.Conv2d(3, 8, 1, 2, bias=False), nn.BatchNorm2d(8))
    model = nn.Sequential(models.BasicBlock(3, 8, 2, shortcut), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5))
    layers, lines = recorded(model, (3, 8, 8))
    found = {each.name: each for each in layers if each.name}
    assert found["0.bn2"].ops == ["batch_norm", "add", "relu"] and found["0.downsample.1"].ops == ["batch_norm"]
    assert found["0.bn1"].ops == ["batch_norm", "relu"] and found["0.bn1"].multiply_adds == 0
    assert [each.name for each in layers if each.multiply_adds] == ["0.downsample.0", "0.conv1", "0.conv2", "3"]
    assert found["0.conv2"].multiply_adds == 3 * 4 * 8 * 4 * 4 * 8 * 9
    assert found["0.conv1"].multiply_adds == 2 * 4 * 8 * 4 * 4 * 3 * 9
    assert [line.startswith("0.bn2  ") and "batch_norm, add, relu  (4, 8, 4, 4)" in line for line in lines].count(True)


def test_used_twice_and_frozen() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.same, self.last = nn.Linear(6, 6), nn.Linear(6, 6), nn.Linear(6, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.last(self.same(self.same(self.first(x)).relu()))

    model = Twice()
    for param in model.last.parameters():
        param.requires_grad = False
    layers, _ = recorded(model, (6,))
    assert [(each.name, each.multiply_adds) for each in layers[1:-1]] == [
        ("first", 2 * 4 * 36),
        ("same", 3 * 4 * 36),
        ("same", 3 * 4 * 36),
        ("last", 2 * 4 * 18),
    ]


def test_memory() -> None:
    """Parameters once, twice as much for Adam's averages, the batch with its classes."""
    _, lines = recorded(nn.Sequential(nn.Linear(64, 32), nn.Linear(32, 32)), (64,))
    size = 4 * (64 * 32 + 32 + 32 * 32 + 32)
    (memory,) = (line for line in lines if line.startswith("memory: "))
    assert f"parameters {size / 1000:.1f} kB" in memory
    assert f"states of optimizer and layers {2 * size / 1000:.1f} kB" in memory
    assert f"the batch {(4 * 64 * 4 + 4 * 8) / 1000:.1f} kB" in memory


def test_shared_memory_counts_once() -> None:
    model = models.small_cnn()
    plan = Plan(model, nn.CrossEntropyLoss(), optim.SGD(model.parameters(), lr=0.1))
    program = plan.train_program(np.ones((BATCH, 3, 24, 24), np.float32), np.zeros(BATCH, np.int64))
    (memory,) = (line for line in step_lines(program, plan.names()) if line.startswith("memory: "))
    everything = sum(buffer.nbytes for buffer in program.memory.buffers)
    assert memory.startswith(f"memory: {shown_bytes(program.memory.nbytes())}:")
    assert program.memory.nbytes() < 0.9 * everything
