"""Modules that hold others: as lists and dicts do, with the parameters in the module that has them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import fastnn
import numpy as np
import pytest
from beside_torch import check_texts
from fastnn import nn, optim
from fastnn.eager.tensor import Tensor
from fastnn.engine.plan import Plan


class Residual(nn.Module):
    """Layers in a list, heads in a dict."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(3, 3) for _ in range(3))
        self.heads = nn.ModuleDict({"a": nn.Linear(3, 2), "b": nn.Linear(3, 1)})

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = x + layer(x).relu()
        return self.heads["a"](x)


def test_parameters_belong_to_the_module() -> None:
    model = Residual()
    names = [*model.state_dict()]
    assert names[:2] == ["layers.0.weight", "layers.0.bias"] and names[-2:] == ["heads.b.weight", "heads.b.bias"]
    assert len([*model.parameters()]) == 10
    other = Residual()
    other.load_state_dict(model.state_dict())
    x = Tensor(np.ones((2, 3), np.float32))
    assert other(x).tolist() == model(x).tolist()


def test_a_plan_goes_through_them() -> None:
    model = Residual()
    x, y = np.ones((4, 3), np.float32), np.zeros((4, 2), np.float32)
    expected = nn.MSELoss()(model(Tensor(x)), Tensor(y)).item()
    optimizer = optim.SGD(model.parameters(), lr=0.0)
    plan = Plan(model, nn.MSELoss(), optimizer)
    assert plan.step(x, y) == expected
    model.layers[1] = nn.Linear(3, 3)  # recorded again
    optimizer.add_param_group({"params": model.layers[1].parameters()})
    assert plan.step(x, y) == nn.MSELoss()(model(Tensor(x)), Tensor(y)).item() != expected


def numbers(modules: Any) -> list[int]:
    return [module.in_features for module in modules]


@pytest.mark.parametrize("kind", [nn.ModuleList, lambda modules: nn.Sequential(*modules)], ids=["list", "sequential"])
def test_what_a_list_does(kind: Callable[..., Any]) -> None:
    made = kind([nn.Linear(n, n) for n in (1, 2, 3)])
    assert len(made) == 3 and numbers(made) == [1, 2, 3]
    assert made[-1].in_features == made[np.int64(2)].in_features == 3
    assert numbers(made[1:]) == [2, 3] and type(made[1:]) is type(made)
    made.append(nn.Linear(4, 4)).insert(0, nn.Linear(9, 9)).extend([nn.Linear(5, 5)])
    assert numbers(made) == [9, 1, 2, 3, 4, 5] and [*made.state_dict()][-1] == "5.bias"
    assert made.pop().in_features == 5 and made.pop(0).in_features == 9
    made[0] = nn.Linear(7, 7)
    del made[1]
    assert numbers(made) == [7, 3, 4] and [*made.state_dict()][::2] == ["0.weight", "1.weight", "2.weight"]
    del made[1:]
    assert numbers(made) == [7] and len([*made.parameters()]) == 2
    for wrong, error, text in (
        (lambda: made[1], IndexError, "has 1 modules, there is no number 1"),
        (lambda: made.append(3), TypeError, "entry 1 is a int, not a module"),
        (lambda: made.__setitem__(0, "x"), TypeError, "entry 0 is a str, not a module"),
        (lambda: made.__setitem__(5, nn.ReLU()), IndexError, "there is no number 5"),
    ):
        with pytest.raises(error, match=text):
            wrong()
    assert numbers(made) == [7]


def test_lists_are_added() -> None:
    made = nn.ModuleList([nn.Linear(1, 1)])
    made += [nn.Linear(2, 2)]
    assert numbers(made + nn.ModuleList([nn.Linear(3, 3)])) == [1, 2, 3] and numbers(made) == [1, 2] and made[0] in made
    with pytest.raises(NotImplementedError, match="only holds modules: call them"):
        made(1)


def test_named_layers_keep_their_names() -> None:
    made = nn.Sequential(OrderedDict(first=nn.Linear(1, 1), second=nn.Linear(2, 2), third=nn.Linear(3, 3)))
    del made[1]
    assert [*made._modules] == ["first", "third"] and numbers(made) == [1, 3]


def test_what_a_dict_does() -> None:
    made = nn.ModuleDict([("a", nn.ReLU()), ("b", nn.Linear(1, 2))])
    made["c"] = nn.Tanh()
    made.update({"a": nn.Sigmoid()})
    assert [*made] == [*made.keys()] == ["a", "b", "c"] and "b" in made and "z" not in made and len(made) == 3
    assert isinstance(made["a"], nn.Sigmoid) and [type(m).__name__ for m in made.values()] == [
        "Sigmoid",
        "Linear",
        "Tanh",
    ]
    assert made.pop("b").in_features == 1 and not [*made.parameters()]
    del made["a"]
    assert [name for name, _ in made.items()] == ["c"]
    for wrong, error, text in (
        (lambda: made["z"], KeyError, "z"),
        (lambda: made.update({"d": 3}), TypeError, "entry 'd' is a int, not a module"),
        (lambda: made.update({3: nn.ReLU()}), TypeError, "names are texts, got 3"),
        (lambda: made.update(keys=0) if False else made.__setitem__("keys", nn.ReLU()), KeyError, "that of a method"),
        (lambda: made(1), NotImplementedError, "call one"),
    ):
        with pytest.raises(error, match=text):
            wrong()
    made.clear()
    assert len(made) == 0


def test_errors_name_the_place_within_lists() -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.blocks = nn.ModuleList([nn.Linear(3, 3), nn.Sequential(nn.ReLU(), nn.Linear(4, 4))])

        def forward(self, x: Tensor) -> Tensor:
            for block in self.blocks:
                x = block(x)
            return x

    with pytest.raises(ValueError, match=r"layer 'blocks\.1\.1' Linear\(in_features=4"):
        Model()(fastnn.ones(2, 3))


def test_texts_are_torchs() -> None:
    check_texts(["nn.ModuleList([nn.ReLU(), nn.ReLU(), nn.Linear(2, 2)])", "nn.ModuleDict({'a': nn.ReLU()})"])
    check_texts(["nn.ModuleList()", "nn.Sequential(nn.ReLU(), nn.ReLU())", "nn.ModuleDict()"])
    check_texts(["nn.ModuleList([nn.ModuleList([nn.ReLU(), nn.ReLU()]), nn.Sequential(nn.Tanh(), nn.Flatten())])"])
