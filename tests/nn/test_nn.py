"""Modules: what they register, load, copy and print. PyTorch's contract."""

from __future__ import annotations

import copy
from collections import OrderedDict
from typing import Any

import numpy as np
import pytest
from fastnn import nn
from fastnn.eager import dtypes
from fastnn.eager.tensor import Tensor


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(3, 2)
        self.scale = nn.Parameter(Tensor(np.ones(2, np.float32)))
        self.register_buffer("mean", Tensor(np.zeros(2, np.float32)))


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.Sequential(Block(), nn.ReLU())
        self.shared = self.blocks[0].first
        self.last = nn.Linear(2, 1, bias=False)
        self.note = "not registered"


def test_registration_order_and_shared_parts() -> None:
    model = Model()
    named = ["blocks.0.scale", "blocks.0.first.weight", "blocks.0.first.bias", "last.weight"]
    assert [name for name, _ in model.named_parameters()] == named
    assert [name for name, _ in model.named_children()] == ["blocks", "shared", "last"]
    modules = ["", "blocks", "blocks.0", "blocks.0.first", "blocks.1", "last"]
    assert [name for name, _ in model.named_modules()] == modules == [n for n, _ in Model().named_modules()]
    assert [name for name, _ in model.named_buffers()] == ["blocks.0.mean"]
    state = ["scale", "mean", "first.weight", "first.bias"]
    shared = ["shared.weight", "shared.bias", "last.weight"]
    assert list(model.state_dict()) == [f"blocks.0.{name}" for name in state] + shared
    assert len(list(model.parameters())) == 4 and len(list(model.blocks[0].parameters(recurse=False))) == 1


def test_apply_train_and_zero_grad_reach_everything() -> None:
    model, seen = Model(), []
    assert model.apply(lambda module: seen.append(type(module).__name__)) is model
    assert seen == ["Linear", "Block", "ReLU", "Sequential", "Linear", "Linear", "Model"]  # children first, as torch
    assert model.eval() is model and not any(module.training for module in model.modules())
    model.blocks.train()
    assert not model.training and model.blocks[0].first.training
    for parameter in model.parameters():
        parameter.grad = parameter.detach()
    model.zero_grad()
    assert all(parameter.grad is None for parameter in model.parameters())
    assert not any(parameter.requires_grad for parameter in model.requires_grad_(False).parameters())


def test_attributes_move_between_registries() -> None:
    model = Model()
    model.last = nn.Linear(2, 4)
    assert [name for name, _ in model.named_children()] == ["blocks", "shared", "last"]
    model.shared = None
    model.blocks[0].scale = nn.Parameter(Tensor(np.zeros(5)))
    assert model.shared is None and dict(model.named_parameters())["blocks.0.scale"].shape == (5,)
    for name, wrong in (("last", 3), ("blocks", Tensor(1.0))):
        with pytest.raises(TypeError, match=f"'{name}' is a .* it cannot become a"):
            setattr(model, name, wrong)
    with pytest.raises(TypeError, match="'weight' is a Parameter of this Linear, it cannot become a Tensor"):
        model.last.weight = Tensor(np.zeros((4, 2)))
    del model.last, model.blocks[0].mean
    assert list(model.state_dict())[-1] == "blocks.0.first.bias" and not hasattr(model, "last")
    with pytest.raises(AttributeError, match="last"):
        del model.last


def test_nothing_is_assigned_before_init() -> None:
    class Forgetful(nn.Module):
        def __init__(self) -> None:
            self.layer = nn.Linear(1, 1)

    with pytest.raises(AttributeError, match=r"'layer' to a Forgetful before super\(\).__init__\(\)"):
        Forgetful()
    with pytest.raises(NotImplementedError, match="Block has no forward"):
        Block()(1)


LAYERS = """Sequential(
  (0): Linear(in_features=784, out_features=256, bias=False)
  (act): Sequential(
    (0): ReLU()
    (1): Dropout(p=0.25, inplace=False)
    (2): Sequential()
  )
  (1): Flatten(start_dim=1, end_dim=-1)
  (2): Softmax(dim=1)
  (3): LogSoftmax(dim=-1)
  (4): CrossEntropyLoss()
  (5): ReLU(inplace=True)
  (6): LeakyReLU(negative_slope=0.01)
  (7): LeakyReLU(negative_slope=1, inplace=True)
)"""


def layers(lib: Any) -> Any:
    inner = lib.Sequential(lib.ReLU(), lib.Dropout(0.25), lib.Sequential())
    rest = [lib.Flatten(), lib.Softmax(dim=1), lib.LogSoftmax(dim=-1), lib.CrossEntropyLoss(), lib.ReLU(inplace=True)]
    rest += [lib.LeakyReLU(), lib.LeakyReLU(1, True)]
    named = {str(number): layer for number, layer in enumerate(rest, start=1)}
    return lib.Sequential(OrderedDict({"0": lib.Linear(784, 256, bias=False), "act": inner, **named}))


def test_print_is_torchs() -> None:
    assert repr(layers(nn)) == LAYERS and repr(nn.Identity()) == "Identity()"
    assert repr(layers(pytest.importorskip("torch").nn)) == LAYERS


def test_sequential_is_a_list() -> None:
    model = nn.Sequential(nn.ReLU(), nn.Linear(2, 3)).append(nn.Tanh())
    assert len(model) == 3 and isinstance(model[-1], nn.Tanh) and [type(m).__name__ for m in model][1] == "Linear"
    assert list(model[1:].state_dict()) == ["1.weight", "1.bias"]
    with pytest.raises(TypeError, match="entry 0 is a function"):
        nn.Sequential(lambda x: x)


def test_load_state_dict_names_everything_that_is_wrong() -> None:
    model = Model()
    before = {name: tensor.numpy().copy() for name, tensor in model.state_dict().items()}
    state = dict(before, extra=np.zeros(1), other=np.zeros(1))
    del state["last.weight"], state["blocks.0.mean"]
    state["blocks.0.scale"] = np.full(3, 7)
    parts = [
        "missing 'blocks.0.mean', 'last.weight'",
        "unexpected 'extra', 'other'",
        r"'blocks.0.scale' has shape \(3,\)",
    ]
    with pytest.raises(RuntimeError, match=".*".join(parts) + r".* wants \(2,\)"):
        model.load_state_dict(state)
    with pytest.raises(RuntimeError, match="scale"):  # a wrong shape is wrong in any case
        model.load_state_dict(state, strict=False)
    for name, tensor in model.state_dict().items():
        np.testing.assert_array_equal(tensor.numpy(), before[name])
    state["blocks.0.scale"] = [5.0, 6.0]
    result = model.load_state_dict(state, strict=False)
    assert result == (["blocks.0.mean", "last.weight"], ["extra", "other"])
    assert model.blocks[0].scale.detach().tolist() == [5, 6]
    with pytest.raises(TypeError, match="entry 'extra' is a str"):
        model.load_state_dict({"extra": "text"}, strict=False)
    checkpoint = {"epoch": 3, "optimizer": {"state": {}}, "net": model.state_dict()}
    with pytest.raises(TypeError, match=r"takes a state, which is inside this one: give checkpoint\['net'\]$"):
        model.load_state_dict(checkpoint)
    assert repr(model.load_state_dict(before)) == "<All keys matched successfully>"


def test_state_dict_shares_memory_and_deepcopy_does_not() -> None:
    model = Model()
    other = copy.deepcopy(model)
    model.state_dict()["last.weight"].copy_(Tensor(np.full((1, 2), 9.0)))
    assert model.last.weight.detach().tolist() == [[9, 9]] and other.last.weight.detach().tolist() != [[9, 9]]
    assert other.blocks[0].first.weight is other.shared.weight and other.shared.weight._data.flags.f_contiguous
    model.double()
    assert {tensor.dtype for tensor in model.state_dict().values()} == {dtypes.float64}
    assert model.shared.weight._data.flags.f_contiguous  # memory stays [in][out]


class TestWhereItFailed:
    """An error in a layer names it by its path."""

    def test_in_nested_modules(self) -> None:
        model = nn.Sequential(nn.Flatten(), nn.Sequential(nn.ReLU(), nn.Linear(784, 10)))
        message = (
            r"^layer '1\.1' Linear\(in_features=784, out_features=10, bias=True\): \[linear\] weight has 784 inputs"
        )
        with pytest.raises(ValueError, match=message):
            model(Tensor(np.zeros((2, 3, 32, 32), dtype=np.float32)))

    def test_in_attributes_and_in_loops(self) -> None:
        class Net(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.body, self.hidden = nn.Sequential(nn.Linear(3, 4)), [nn.Linear(9, 4)]

            def forward(self, x: Tensor) -> Tensor:
                for layer in self.hidden:  # which the module does not know
                    x = layer(x)
                return self.body(x)

        x = Tensor(np.zeros((2, 5), dtype=np.float32))
        with pytest.raises(ValueError, match=r"^\[linear\] weight has 9 inputs"):
            Net()(x)
        model = Net()
        model.hidden = []
        with pytest.raises(ValueError, match=r"^layer 'body\.0' Linear\(in_features=3"):
            model(x)

    def test_the_module_itself(self) -> None:
        with pytest.raises(ValueError, match=r"^\[linear\] weight has 3 inputs"):
            nn.Linear(3, 4)(Tensor(np.zeros((2, 5), dtype=np.float32)))

    def test_errors_of_the_users_own_stay_as_they_are(self) -> None:
        class Odd(ValueError):
            def __init__(self, row: int) -> None:
                super().__init__("row", row)
                self.path = "data.csv"

        class Layer(nn.Module):
            def forward(self, x: Tensor) -> Tensor:
                raise Odd(3)

        with pytest.raises(Odd) as caught:
            nn.Sequential(Layer())(Tensor(np.zeros(1)))
        assert caught.value.args == ("row", 3) and caught.value.path == "data.csv"


def test_the_layers_former_place() -> None:
    from fastnn.nn.layers import Linear, Sequential

    assert (Linear, Sequential) == (nn.Linear, nn.Sequential) and nn.__spec__.name == "fastnn.nn"


def test_what_a_star_gives() -> None:
    """Also what is loaded on first use."""
    names: dict[str, Any] = {}
    exec("from fastnn import *", names)
    assert names["nn"] is nn and {"optim", "Tensor", "tensor", "float32", "no_grad"} <= set(names)
