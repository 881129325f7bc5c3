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


def test_no_other_accelerator() -> None:
    """What scripts ask before they choose a device, and switches that they set."""
    from fastnn import accelerator, backends

    assert not backends.mps.is_available() and not backends.mps.is_built() and not backends.cudnn.is_available()
    assert accelerator.is_available() is cuda.is_available() and accelerator.device_count() == cuda.device_count()
    if not accelerator.is_available():
        assert accelerator.current_accelerator() is None
    backends.cudnn.deterministic, backends.cudnn.benchmark = True, False
    backends.cuda.matmul.allow_tf32 = True
    with pytest.raises(AttributeError):
        _ = backends.vulkan
    assert str(device("mps")) == "mps"
    with pytest.raises(RuntimeError, match="Apple's GPUs"):
        fastnn.ones(1).to("mps")


def test_forms_of_to() -> None:
    x, cpu = fastnn.ones(2), device("cpu")
    assert x.to(cpu, non_blocking=True) is x.to("cpu", fastnn.float32) is x.to(cpu, dtype=fastnn.float32) is x
    assert x.to(cpu, fastnn.float64, True).dtype is x.to(fastnn.ones(1).double()).dtype is fastnn.float64
    assert x.to(fastnn.int64, non_blocking=True).dtype is fastnn.int64 and x.to(x) is x
    assert x.to(cpu, copy=True) is not x
    model = nn.Linear(2, 2)
    assert model.to(cpu, fastnn.float64, non_blocking=True) is model and model.weight.dtype is fastnn.float64


def test_mixed_precision_is_float32() -> None:
    """As PyTorch's with enabled=False: a step is a step."""
    from fastnn import amp, optim
    from fastnn.cuda.amp import autocast
    from fastnn.cuda.amp.grad_scaler import GradScaler

    assert autocast is amp.autocast and GradScaler is amp.GradScaler
    weights = []
    for scaled in (False, True):
        fastnn.manual_seed(0)
        model = nn.Linear(2, 1)
        optimizer, scaler = optim.SGD(model.parameters(), lr=0.1), GradScaler("cpu", init_scale=1024.0)
        with autocast("cpu", enabled=scaled):
            loss = model(fastnn.ones(3, 2)).sum()
        (scaler.scale(loss) if scaled else loss).backward()
        scaler.unscale_(optimizer)
        assert (scaler.step(optimizer) if scaled else optimizer.step()) is None
        scaler.update()
        weights.append(model.weight.tolist())
    assert weights[0] == weights[1] and scaler.get_scale() == 1.0 and not scaler.is_enabled()
    scaler.load_state_dict(scaler.state_dict())
    assert autocast(device_type="cuda")(len)([1]) == 1
