"""Buffers of modules, what is found by its path, and what a module is cast to."""

from __future__ import annotations

import copy
import io
from collections.abc import Callable

import fastnn
import numpy as np
import pytest
from fastnn import nn, optim
from fastnn.eager.tensor import Tensor
from fastnn.engine.plan import Plan


class Scaled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("scale", fastnn.full((2,), 3.0))
        self.register_buffer("seen", fastnn.zeros(1), persistent=False)
        self.register_buffer("later", None)
        self.inner = nn.Linear(2, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x) * self.scale + self.seen


def test_state_has_the_persistent_ones() -> None:
    model = Scaled()
    assert [name for name, _ in model.named_buffers()] == ["scale", "seen"] and len([*model.buffers()]) == 2
    assert [*model.state_dict()] == ["scale", "inner.weight", "inner.bias"] and model.later is None
    assert [name for name, _ in nn.Sequential(model).named_buffers("net")] == ["net.0.scale", "net.0.seen"]
    assert not [*nn.Sequential(model).buffers(recurse=False)]
    state = model.state_dict()
    model.scale = fastnn.ones(2)
    assert model.state_dict()["scale"].tolist() == [1, 1]
    model.load_state_dict({**state, "scale": fastnn.full((2,), 5.0)})
    assert model.scale.tolist() == [5, 5]
    model.later = fastnn.ones(1)
    assert "later" in model.state_dict() and len([*model.buffers()]) == 3
    model.register_buffer("seen", fastnn.ones(1))
    assert "seen" in model.state_dict()
    model.register_buffer("scale", fastnn.ones(2), persistent=False)
    del model.later
    assert [*model.state_dict()] == ["seen", "inner.weight", "inner.bias"]


def test_a_shared_buffer_is_one() -> None:
    model = nn.Sequential(Scaled(), Scaled())
    model[1].scale = model[0].scale
    assert [name for name, _ in model.named_buffers()] == ["0.scale", "0.seen", "1.seen"]


def test_copies_and_files_keep_what_is_persistent() -> None:
    model, file = Scaled(), io.BytesIO()
    fastnn.save(model, file)
    file.seek(0)
    for other in (copy.deepcopy(model), fastnn.load(file, weights_only=False)):
        assert [*other.state_dict()] == [*model.state_dict()] and len([*other.buffers()]) == 2
        assert other.later is None and other(fastnn.ones(1, 2)).tolist() == model(fastnn.ones(1, 2)).tolist()


def test_plans_have_them() -> None:
    model, x, y = Scaled(), np.ones((3, 2), np.float32), np.zeros((3, 2), np.float32)
    plan = Plan(model, nn.MSELoss(), optim.SGD(model.parameters(), lr=0.0))
    for value in (0.0, 2.0):
        model.seen = fastnn.full((1,), value)
        assert plan.step(x, y) == nn.MSELoss()(model(Tensor(x)), Tensor(y)).item()
    assert [*model.state_dict()] == ["scale", "inner.weight", "inner.bias"]


@pytest.mark.parametrize(
    ("wrong", "kind", "text"),
    [
        (lambda m: m.register_buffer("a", np.ones(1)), TypeError, "must be a tensor or None, got ndarray"),
        (lambda m: m.register_buffer("a.b", fastnn.ones(1)), KeyError, "have a dot, got 'a.b'"),
        (lambda m: m.register_buffer("", fastnn.ones(1)), KeyError, "must not be empty"),
        (lambda m: m.register_buffer("inner", fastnn.ones(1)), KeyError, "has 'inner' already"),
        (lambda m: m.register_buffer("forward", fastnn.ones(1)), KeyError, "has 'forward' already"),
        (lambda m: setattr(m, "scale", 3.0), TypeError, "'scale' is a buffer of this Scaled, it cannot become a float"),
        (lambda m: Early(), AttributeError, r"behind super\(\).__init__\(\)"),
    ],
)
def test_refused(wrong: Callable[[nn.Module], object], kind: type, text: str) -> None:
    model = Scaled()
    with pytest.raises(kind, match=text):
        wrong(model)
    assert [*model.state_dict()] == ["scale", "inner.weight", "inner.bias"]


class Early(nn.Module):
    def __init__(self) -> None:
        self.register_buffer("a", fastnn.ones(1))


def test_a_parameter_may_take_a_buffers_place() -> None:
    model = Scaled()
    model.scale = nn.Parameter(np.ones(2, np.float32))
    assert "scale" not in dict(model.named_buffers()) and "scale" in dict(model.named_parameters())
    assert [*model.state_dict()].count("scale") == 1


def test_what_is_found_by_its_path() -> None:
    model = nn.Sequential(Scaled())
    assert model.get_submodule("0.inner") is model[0].inner and model.get_submodule("") is model
    assert model.get_parameter("0.inner.bias") is model[0].inner.bias and model.get_buffer("0.scale") is model[0].scale
    for call, text in (
        (lambda: model.get_submodule("0.outer"), "has no module '0.outer'"),
        (lambda: model.get_parameter("0.scale"), "has no parameter '0.scale'"),
        (lambda: model.get_buffer("0.later"), "has no buffer '0.later'"),
    ):
        with pytest.raises(AttributeError, match=text):
            call()


def test_casts_take_all_buffers() -> None:
    model = Scaled()
    model.register_buffer("count", fastnn.tensor([1]))
    assert model.double() is model
    assert {t.dtype for t in (model.scale, model.seen, model.inner.weight)} == {fastnn.float64}
    assert model.count.dtype is fastnn.int64 and model(fastnn.ones(1, 2).double()).dtype is fastnn.float64
    assert model.float().seen.dtype is fastnn.float32 and model.type(fastnn.DoubleTensor).scale.dtype is fastnn.float64
    assert model.to(fastnn.float32).inner.bias.dtype is fastnn.float32


@pytest.mark.parametrize(
    ("cast", "text"),
    [
        (
            lambda m: m.half(),
            r"Linear\.half\(\): fastnn computes in float32 and float64, not in float16.*leave the call out",
        ),
        (lambda m: m.bfloat16(), "not in bfloat16"),
        (lambda m: m.to(fastnn.int64), "cast to a floating dtype, float32 or float64, not to int64"),
    ],
)
def test_casts_that_are_refused(cast: Callable[[nn.Module], object], text: str) -> None:
    layer = nn.Linear(2, 2)
    with pytest.raises(TypeError, match=text):
        cast(layer)
    assert layer.weight.dtype is fastnn.float32


def test_apply_goes_from_the_inside_out() -> None:
    model, seen = nn.Sequential(nn.Linear(1, 1), nn.ModuleList([nn.ReLU()])), []
    assert model.apply(lambda module: seen.append(type(module).__name__)) is model
    assert seen == ["Linear", "ReLU", "ModuleList", "Sequential"]
