"""Devices and what scripts ask about GPUs."""

from __future__ import annotations

import fastnn
import numpy as np
import pytest
from fastnn import _core, cuda, nn
from fastnn.eager.device import device
from fastnn.eager.tensor import Tensor


def test_forms() -> None:
    assert repr(device("cpu")) == "device(type='cpu')" and str(device("cpu")) == "cpu"
    assert repr(device("cuda:1")) == repr(device("cuda", 1)) == "device(type='cuda', index=1)"
    assert str(device("cuda", 0)) == "cuda:0" and device("cuda:0").index == 0 and device("cuda").index is None
    assert device(device("cuda:2")) == device("cuda:2") != device("cuda") != device("cpu")
    assert device("cpu") != "cpu", "as in PyTorch"
    assert len({device("cpu"), device("cpu"), device("cuda")}) == 2


@pytest.mark.parametrize("wrong", ["gpu", "cuda:x", "cuda:-1", "", "CPU", None, 3])
def test_unknown_devices(wrong: object) -> None:
    with pytest.raises(ValueError, match="unknown device"):
        device(wrong)


def test_everything_is_on_the_cpu() -> None:
    x = Tensor(np.ones(3, np.float32))
    assert fastnn.device is device and x.device == device("cpu") and not x.is_cuda
    assert x.to(device("cpu")) is x.to("cpu") is x.cpu() is x
    model = nn.Linear(2, 2)
    assert model.to(device("cpu")) is model and nn.MSELoss().to("cpu").training


@pytest.mark.skipif(_core.cuda_available(), reason="there is a GPU")
def test_without_a_gpu() -> None:
    assert not cuda.is_available() and cuda.device_count() == 0
    for move in (lambda: Tensor([1.0]).cuda(), lambda: nn.Linear(1, 1).cuda(), lambda: Tensor([1.0]).to("cuda:0")):
        with pytest.raises(RuntimeError, match="CUDA"):
            move()


def test_calls_without_effect() -> None:
    cuda.synchronize()
    cuda.empty_cache()
    before = fastnn.initial_seed()
    cuda.manual_seed_all(7)
    assert fastnn.initial_seed() == 7
    fastnn.manual_seed(before)
