"""The table of a model's layers."""

from __future__ import annotations

import pytest
from fastnn import Tensor, models, nn
from fastnn.reporting.summary import kind_of, summary


def test_lenet() -> None:
    """The numbers of the paper's network as it is taught: 61,706 parameters; 25 weights for each output of conv1."""
    assert summary(models.lenet5(), (1, 28, 28)).splitlines() == [
        "LeNet",
        "-" * 69,
        "Layer             Output shape     Parameters    Bytes  Multiply-adds",
        "-" * 69,
        "conv1 (Conv2d)    (N, 6, 28, 28)          156      624        117,600",
        "pool (MaxPool2d)  (N, 6, 14, 14)            0        0              0",
        "conv2 (Conv2d)    (N, 16, 10, 10)       2,416    9,664        240,000",
        "pool (MaxPool2d)  (N, 16, 5, 5)             0        0              0",
        "fc1 (Linear)      (N, 120)             48,120  192,480         48,000",
        "fc2 (Linear)      (N, 84)              10,164   40,656         10,080",
        "fc3 (Linear)      (N, 10)                 850    3,400            840",
        "-" * 69,
        "Total                                  61,706  246,824        416,520",
    ]


def test_running_values_stay() -> None:
    model = models.small_cnn()
    lines = summary(model, (3, 16, 16)).splitlines()
    assert lines[5].split() == ["features.1", "(BatchNorm2d)", "(N,", "32,", "16,", "16)", "64", "256", "0"]
    assert model.training and int(model.features[1].num_batches_tracked.item()) == 0


@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_dtypes(kind: str) -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3, groups=1), nn.Flatten(), nn.Linear(16, 2))
    lines = summary(model.double() if kind == "float64" else model, (3, 4, 4)).splitlines()
    assert int(lines[-1].split()[2].replace(",", "")) == (112 + 34) * (8 if kind == "float64" else 4)


def test_wrapped() -> None:
    class Wrapper(nn.Module):
        def __init__(self, model: nn.Module) -> None:
            super().__init__()
            self.add_module("", model)

        def forward(self, x: Tensor) -> Tensor:
            return self._modules[""](x)

    assert kind_of(Wrapper(Wrapper(nn.Linear(2, 2)))) == "Linear"
    assert kind_of(nn.Sequential(nn.Linear(2, 2))) == "Sequential"
