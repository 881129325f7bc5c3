"""State dicts of optimizers: PyTorch's forms, and what does not fit is refused before anything is changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import fastnn
import numpy as np
import pytest
from fastnn import nn, optim
from fastnn.eager.tensor import Tensor

MOMENTUM = {"lr": 0.1, "momentum": 0.9, "dampening": 0.5, "weight_decay": 0, "nesterov": False, "maximize": False}
TORCH = {"foreach": None, "capturable": False, "differentiable": False, "fused": None}
ADAM = {"lr": 0.1, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0, "amsgrad": False, "maximize": False} | TORCH


def one(start: float = 1.0) -> nn.Parameter:
    return nn.Parameter(Tensor(np.array([start])))


def state_dict(group: dict[str, Any], *states: dict[str, Any]) -> dict[str, Any]:
    numbers = list(range(len(states)))
    return {"state": dict(zip(numbers, states, strict=True)), "param_groups": [group | {"params": numbers}]}


def stepped(optimizer: optim.Optimizer, parameter: nn.Parameter, gradient: float = 1.0) -> float:
    parameter.grad = Tensor(np.array([gradient]))
    optimizer.step()
    return parameter.item()


class TestSGD:
    """PyTorch's state has no step: a momentum_buffer that is there is no first one, None or nothing is."""

    def test_a_momentum_goes_on(self) -> None:
        w = one()
        optimizer = optim.SGD([w], lr=1.0)
        optimizer.load_state_dict(state_dict(MOMENTUM, {"momentum_buffer": fastnn.tensor([2.0])}))
        # b = 0.9 * 2 + (1 - 0.5) * 1 = 2.3;  w = 1 - 0.1 * 2.3
        assert stepped(optimizer, w) == pytest.approx(0.77, abs=1e-12)

    @pytest.mark.parametrize("state", [{"momentum_buffer": None}, {}])
    def test_a_momentum_begins(self, state: dict[str, Any]) -> None:
        w = one()
        optimizer = optim.SGD([w], lr=1.0)
        optimizer.load_state_dict(state_dict(MOMENTUM, state))
        assert stepped(optimizer, w) == pytest.approx(0.9, abs=1e-12)  # b = g

    def test_no_state(self) -> None:
        w = one()
        optimizer = optim.SGD([w], lr=1.0)
        optimizer.load_state_dict({"state": {}, "param_groups": [MOMENTUM | {"params": [0]}]})
        assert stepped(optimizer, w) == pytest.approx(0.9, abs=1e-12)

    def test_momentum_switched_on_later(self) -> None:
        """Our own state, saved between the switch and the next step."""
        w = one()
        optimizer = optim.SGD([w], lr=0.1)
        stepped(optimizer, w)
        optimizer.param_groups[0]["momentum"] = 0.9
        other = one(w.item())
        again = optim.SGD([other], lr=1.0)
        again.load_state_dict(optimizer.state_dict())
        assert stepped(again, other) == stepped(optimizer, w)


@pytest.mark.parametrize("step", [3, 3.0, np.float32(3), np.array(3.0), np.array([3]), fastnn.tensor(3.0)])
def test_steps_in_every_form(step: object) -> None:
    w = one()
    optimizer = optim.Adam([w])
    moments = {"exp_avg": np.array([0.5]), "exp_avg_sq": np.array([0.25])}
    optimizer.load_state_dict(state_dict(ADAM, {"step": step, **moments}))
    assert optimizer.state[w]["step"] == 3
    # m = 0.55, v = 0.25075; m / (1 - 0.9^4) / (sqrt(v / (1 - 0.999^4)) + 1e-8)
    m, v = 0.9 * 0.5 + 0.1, 0.999 * 0.25 + 0.001
    expected = 1 - 0.1 * (m / (1 - 0.9**4)) / ((v / (1 - 0.999**4)) ** 0.5 + 1e-8)
    assert stepped(optimizer, w) == pytest.approx(expected, rel=1e-12)


def test_parameters_by_the_numbers_that_the_groups_give_them() -> None:
    """As in PyTorch: the k-th of a group belongs to the k-th, whatever it is called; JSON makes text of numbers."""
    first, second = one(), one()
    optimizer = optim.SGD([first, second], lr=1.0)
    for numbers in ([7, 3], ["7", "3"]):
        state = {numbers[1]: {"momentum_buffer": np.array([2.0])}}
        optimizer.load_state_dict({"state": state, "param_groups": [MOMENTUM | {"params": [7, 3]}]})
        assert list(optimizer.state) == [second]


def test_a_rate_that_is_a_tensor() -> None:
    optimizer = optim.SGD([one()], lr=1.0)
    optimizer.load_state_dict(state_dict(MOMENTUM | {"lr": fastnn.tensor(0.25)}, {}))
    assert optimizer.param_groups[0]["lr"] == 0.25


MOMENTS = {"exp_avg": np.ones(1), "exp_avg_sq": np.ones(1)}
FULL = {"step": 2, **MOMENTS}
BAD = {
    "no step": (ADAM, MOMENTS, r"lacks step; it has \['exp_avg', 'exp_avg_sq'\]"),
    "a moment is missing": (ADAM, {"step": 2, "exp_avg": np.ones(1)}, "lacks exp_avg_sq"),
    "a moment is None": (ADAM, FULL | {"exp_avg": None}, "lacks exp_avg;"),
    "a shape": (ADAM, FULL | {"exp_avg": np.ones(2)}, r"exp_avg has shape \(2,\), its parameter has \(1,\)"),
    "a step below 0": (ADAM, FULL | {"step": -1}, "step is -1; it must be a count from 0 to"),
    "a step over 64 bits": (ADAM, FULL | {"step": 2**70}, "step is 1180591620717411303424;"),
    "a step of years": (ADAM, FULL | {"step": 2**62}, "step is 4611686018427387904;"),
    "a step that is no number": (ADAM, FULL | {"step": float("nan")}, "step is nan"),
    "a broken step": (ADAM, FULL | {"step": 1.5}, r"step is 1\.5"),
    "two steps": (ADAM, FULL | {"step": np.array([1, 2])}, r"step is \[1 2\]"),
    "amsgrad": (ADAM | {"amsgrad": True}, FULL, "has amsgrad, which fastnn's Adam has not"),
    "another decay": (ADAM | {"decoupled_weight_decay": True}, FULL, "decays weights in another way than Adam"),
    "a rate below 0": (ADAM | {"lr": -1.0}, FULL, "Adam: lr is -1.0"),
    "a rate that is text": (ADAM | {"lr": "x"}, FULL, "are no numbers for Adam"),
    "a rate over all bounds": (ADAM | {"lr": 10**400}, FULL, "are no numbers for Adam"),
    "a beta": (ADAM | {"betas": (0.9, 1.0)}, FULL, r"betas\[1\] is 1\.0"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_does_not_fit_changes_nothing(case: str) -> None:
    group, state, text = BAD[case]
    first, second = one(), one()
    optimizer = optim.Adam([first, second], lr=0.5)
    stepped(optimizer, first)
    before = repr(optimizer.state_dict())
    with pytest.raises(ValueError, match=text):
        optimizer.load_state_dict(state_dict(group | {"lr": group["lr"]}, FULL, state))
    assert repr(optimizer.state_dict()) == before


def test_a_parameter_that_no_group_has() -> None:
    optimizer = optim.Adam([one()])
    for number in (1, -1, 2**70, "x"):
        content = {"state": {number: FULL}, "param_groups": [ADAM | {"params": [0]}]}
        with pytest.raises(ValueError, match=f"the state of a parameter {number}, which no group has"):
            optimizer.load_state_dict(content)


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW", "RMSprop"])
def test_states_of_pytorch(name: str) -> None:
    """Those that PyTorch makes load as they are, and the next step is the same."""
    torch = pytest.importorskip("torch")
    options = {"lr": 0.1} | ({"momentum": 0.9} if name in ("SGD", "RMSprop") else {})
    theirs = torch.nn.Parameter(torch.ones(3, dtype=torch.float64))
    source = getattr(torch.optim, name)([theirs], **options)
    gradient = np.array([0.5, -1.0, 2.0])
    for step in range(4):
        if step == 3:
            ours = nn.Parameter(Tensor(theirs.detach().numpy().copy()))
            copy = getattr(optim, name)([ours])
            saved = source.state_dict()
            state = {
                number: {key: v.numpy().copy() if torch.is_tensor(v) else v for key, v in values.items()}
                for number, values in saved["state"].items()
            }
            copy.load_state_dict({"state": state, "param_groups": saved["param_groups"]})
            ours.grad = Tensor(gradient)
            copy.step()
        theirs.grad = torch.from_numpy(gradient)
        source.step()
    assert np.allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=1e-12)


class Own(optim.Optimizer):
    """A script's own, with state of any name and shape, and no count of steps."""

    def __init__(self, params: Any, lr: float = 1.0) -> None:
        super().__init__(params, {"lr": lr})

    def step(self, closure: Any = None) -> None:
        for group in self.param_groups:
            for p in group["params"]:
                state = self.state[p]
                state.setdefault("velocity", fastnn.zeros_like(p)).add_(p.grad)
                state["seen"] = [*state.get("seen", []), p.grad.norm()]
                p.data.add_(state["velocity"], alpha=-group["lr"])


def test_state_of_ones_own_optimizer_goes_on(tmp_path: Path) -> None:
    w = one()
    optimizer = Own([w])
    assert [stepped(optimizer, w), stepped(optimizer, w)] == [0.0, -2.0]
    saved = optimizer.state_dict()
    fastnn.save(saved, tmp_path / "own.pth")
    for given in (saved, fastnn.load(tmp_path / "own.pth")):
        other = one(-2.0)
        again = Own([other], lr=0.5)
        again.load_state_dict(given)
        assert stepped(again, other) == -5.0 and again.state[other]["velocity"].item() == 3.0
        assert len(again.state[other]["seen"]) == 3
    assert optimizer.state[w]["velocity"].item() == 2.0 and len(optimizer.state[w]["seen"]) == 2


def test_an_optimizer_without_a_step_says_so() -> None:
    class Forgotten(optim.Optimizer):
        pass

    with pytest.raises(NotImplementedError, match=r"Forgotten has no step\(\)"):
        Forgotten([one()], {"lr": 0.1}).step()
