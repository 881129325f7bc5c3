"""Optimizers: 1,000 steps beside PyTorch's formulas written out in NumPy, and beside torch where it is installed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

import fastnn
import numpy as np
import pytest
from fastnn import _core, nn, optim
from fastnn.eager.tensor import Tensor

Memory = dict[str, Any]


def sgd(w: np.ndarray, g: np.ndarray, kept: Memory, o: Memory) -> np.ndarray:
    d = g + o.get("weight_decay", 0) * w
    momentum = o.get("momentum", 0)
    if momentum:
        first = "buffer" not in kept
        kept["buffer"] = d if first else momentum * kept["buffer"] + (1 - o.get("dampening", 0)) * d
        d = d + momentum * kept["buffer"] if o.get("nesterov") else kept["buffer"]
    return w - o.get("lr", 1e-3) * d


def adam(w: np.ndarray, g: np.ndarray, kept: Memory, o: Memory, decoupled: bool = False) -> np.ndarray:
    lr, (beta1, beta2), eps = o.get("lr", 1e-3), o.get("betas", (0.9, 0.999)), o.get("eps", 1e-8)
    decay = o.get("weight_decay", 1e-2 if decoupled else 0)
    if decoupled:
        w = w - lr * decay * w
    else:
        g = g + decay * w
    t = kept["t"] = kept.get("t", 0) + 1
    kept["m"] = beta1 * kept.get("m", 0) + (1 - beta1) * g
    kept["v"] = beta2 * kept.get("v", 0) + (1 - beta2) * g * g
    m_hat, v_hat = kept["m"] / (1 - beta1**t), kept["v"] / (1 - beta2**t)
    return w - lr * m_hat / (np.sqrt(v_hat) + eps)  # eps after the bias-corrected root


def adamw(w: np.ndarray, g: np.ndarray, kept: Memory, o: Memory) -> np.ndarray:
    return adam(w, g, kept, o, decoupled=True)


def rmsprop(w: np.ndarray, g: np.ndarray, kept: Memory, o: Memory) -> np.ndarray:
    alpha = o.get("alpha", 0.99)
    g = g + o.get("weight_decay", 0) * w
    kept["s"] = alpha * kept.get("s", 0) + (1 - alpha) * g * g
    d = g / (np.sqrt(kept["s"]) + o.get("eps", 1e-8))
    if o.get("momentum"):
        d = kept["b"] = o["momentum"] * kept.get("b", 0) + d
    return w - o.get("lr", 1e-2) * d


def adadelta(w: np.ndarray, g: np.ndarray, kept: Memory, o: Memory) -> np.ndarray:
    rho, eps = o.get("rho", 0.9), o.get("eps", 1e-6)
    g = g + o.get("weight_decay", 0) * w
    kept["v"] = rho * kept.get("v", 0) + (1 - rho) * g**2
    d = ((kept.get("u", 0) + eps) / (kept["v"] + eps)) ** 0.5 * g
    kept["u"] = rho * kept.get("u", 0) + (1 - rho) * d**2
    return w - o.get("lr", 1.0) * d


def adagrad(w: np.ndarray, g: np.ndarray, kept: Memory, o: Memory) -> np.ndarray:
    g = g + o.get("weight_decay", 0) * w
    t = kept["t"] = kept.get("t", 0) + 1
    kept["s"] = kept.get("s", o.get("initial_accumulator_value", 0)) + g**2
    return w - o.get("lr", 1e-2) / (1 + (t - 1) * o.get("lr_decay", 0)) * g / (kept["s"] ** 0.5 + o.get("eps", 1e-10))


def adamax(w: np.ndarray, g: np.ndarray, kept: Memory, o: Memory) -> np.ndarray:
    beta1, beta2 = o.get("betas", (0.9, 0.999))
    g = g + o.get("weight_decay", 0) * w
    t = kept["t"] = kept.get("t", 0) + 1
    kept["m"] = beta1 * kept.get("m", 0) + (1 - beta1) * g
    kept["u"] = np.maximum(beta2 * kept.get("u", 0), abs(g) + o.get("eps", 1e-8))
    return w - o.get("lr", 2e-3) / (1 - beta1**t) * kept["m"] / kept["u"]


def moments(w: np.ndarray, g: np.ndarray, kept: Memory, o: Memory, lr: float) -> tuple[np.ndarray, np.ndarray, float]:
    """w and g after weight decay, and the number of the step, for which kept has both means."""
    beta1, beta2 = o.get("betas", (0.9, 0.999))
    decay = o.get("weight_decay", 0)
    w, g = (w - lr * decay * w, g) if o.get("decoupled_weight_decay") else (w, g + decay * w)
    kept["m"] = beta1 * kept.get("m", 0) + (1 - beta1) * g
    kept["v"] = beta2 * kept.get("v", 0) + (1 - beta2) * g**2
    t = kept["t"] = kept.get("t", 0) + 1
    return w, g, t


def nadam(w: np.ndarray, g: np.ndarray, kept: Memory, o: Memory) -> np.ndarray:
    lr, (beta1, beta2), psi = o.get("lr", 2e-3), o.get("betas", (0.9, 0.999)), o.get("momentum_decay", 4e-3)
    w, g, t = moments(w, g, kept, o, lr)
    mu = [beta1 * (1 - 0.96 ** (i * psi) / 2) for i in (t, t + 1)]
    kept["p"] = kept.get("p", 1) * mu[0]
    m_hat = mu[1] * kept["m"] / (1 - kept["p"] * mu[1]) + (1 - mu[0]) * g / (1 - kept["p"])
    return w - lr * m_hat / ((kept["v"] / (1 - beta2**t)) ** 0.5 + o.get("eps", 1e-8))


def radam(w: np.ndarray, g: np.ndarray, kept: Memory, o: Memory) -> np.ndarray:
    lr, (beta1, beta2) = o.get("lr", 1e-3), o.get("betas", (0.9, 0.999))
    w, g, t = moments(w, g, kept, o, lr)
    m_hat, end = kept["m"] / (1 - beta1**t), 2 / (1 - beta2) - 1
    rho = end - 2 * t * beta2**t / (1 - beta2**t)
    if rho <= 5:
        return w - lr * m_hat
    r = ((rho - 4) * (rho - 2) * end / ((end - 4) * (end - 2) * rho)) ** 0.5
    return w - lr * m_hat * r * (1 - beta2**t) ** 0.5 / (kept["v"] ** 0.5 + o.get("eps", 1e-8))


FORMULAS = {
    "SGD": sgd, "Adam": adam, "AdamW": adamw, "RMSprop": rmsprop, "Adadelta": adadelta, "Adagrad": adagrad,
    "Adamax": adamax, "NAdam": nadam, "RAdam": radam,
}  # fmt: skip
CASES: list[tuple[str, Memory]] = [
    ("SGD", {}),
    ("SGD", {"lr": 0.01, "weight_decay": 0.1}),
    ("SGD", {"lr": 0.01, "momentum": 0.9}),
    ("SGD", {"lr": 0.01, "momentum": 0.8, "dampening": 0.3, "weight_decay": 0.02}),
    ("SGD", {"lr": 0.01, "momentum": 0.9, "nesterov": True, "weight_decay": 0.02}),
    ("Adam", {}),
    ("Adam", {"lr": 0.01, "betas": (0.8, 0.95), "eps": 1e-3, "weight_decay": 0.1}),
    ("AdamW", {}),
    ("AdamW", {"lr": 0.01, "eps": 1e-2, "weight_decay": 0.3}),
    ("RMSprop", {}),
    ("RMSprop", {"lr": 0.003, "alpha": 0.9, "eps": 1e-4, "weight_decay": 0.05, "momentum": 0.7}),
    ("Adadelta", {}),
    ("Adadelta", {"lr": 0.5, "rho": 0.7, "eps": 1e-3, "weight_decay": 0.05}),
    ("Adagrad", {}),
    ("Adagrad", {"lr": 0.1, "lr_decay": 0.01, "eps": 1e-3, "weight_decay": 0.05, "initial_accumulator_value": 0.2}),
    ("Adamax", {}),
    ("Adamax", {"lr": 0.01, "betas": (0.8, 0.95), "eps": 1e-3, "weight_decay": 0.1}),
    ("NAdam", {}),
    ("NAdam", {"lr": 0.01, "betas": (0.8, 0.95), "eps": 1e-3, "weight_decay": 0.1, "momentum_decay": 0.02}),
    ("NAdam", {"lr": 0.01, "weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("RAdam", {}),
    ("RAdam", {"lr": 0.01, "betas": (0.8, 0.6), "eps": 1e-3, "weight_decay": 0.1}),  # never trusted
    ("RAdam", {"lr": 0.01, "betas": (0.8, 0.95), "weight_decay": 0.1, "decoupled_weight_decay": True}),
]
each_case = pytest.mark.parametrize("name, options", CASES, ids=[f"{name}{i}" for i, (name, _) in enumerate(CASES)])


def gradients(steps: int) -> list[np.ndarray]:
    """Random, of very different sizes, sometimes zero."""
    rng = np.random.default_rng(8)
    scale = 10.0 ** rng.integers(-6, 3, (3, 5))
    return [rng.standard_normal((3, 5)) * scale * (rng.random((3, 5)) > 0.1) for _ in range(steps)]


def make(name: str, options: Memory, start: np.ndarray) -> tuple[nn.Parameter, optim.Optimizer]:
    parameter = nn.Parameter(Tensor(start.copy()))
    return parameter, getattr(optim, name)([parameter], **options)


@each_case
def test_thousand_steps(name: str, options: Memory) -> None:
    w = np.random.default_rng(9).standard_normal((3, 5))
    kept: Memory = {}
    parameter, optimizer = make(name, options, w)
    for gradient in gradients(1000):
        w = FORMULAS[name](w, gradient, kept, options)
        parameter.grad = Tensor(gradient)
        optimizer.step()
    np.testing.assert_allclose(parameter.detach().numpy(), w, rtol=1e-9, atol=1e-15)


@each_case
def test_thousand_steps_of_torch(name: str, options: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    nadam = import_module("torch.optim.nadam")  # its product of momenta would be of float32
    monkeypatch.setattr(nadam, "_get_scalar_dtype", lambda: torch.float64)
    start = np.random.default_rng(9).standard_normal((3, 5))
    theirs = torch.nn.Parameter(torch.from_numpy(start.copy()))
    other = getattr(torch.optim, name)([theirs], **options)
    parameter, optimizer = make(name, options, start)
    for gradient in gradients(1000):
        theirs.grad, parameter.grad = torch.from_numpy(gradient), Tensor(gradient)
        other.step()
        optimizer.step()
    np.testing.assert_allclose(parameter.detach().numpy(), theirs.detach().numpy(), rtol=1e-9, atol=1e-15)
    ours = {key: value for key, value in optimizer.param_groups[0].items() if key != "params"}
    assert {key: other.param_groups[0][key] for key in ours} == ours


@each_case
def test_state_dict_round_trip(name: str, options: Memory) -> None:
    """Half the steps, saved and loaded into a fresh optimizer, then the other half: the bits of all at once."""
    start, both = np.random.default_rng(9).standard_normal((3, 5)), []
    for interrupted in (False, True):
        parameter, optimizer = make(name, {**options, "lr": 0.02}, start)
        for step, gradient in enumerate(gradients(20)):
            if interrupted and step == 10:
                saved = optimizer.state_dict()
                parameter, optimizer = make(name, options, parameter.detach().numpy())
                optimizer.load_state_dict(saved)
                assert optimizer.param_groups[0]["lr"] == 0.02
            parameter.grad = Tensor(gradient)
            optimizer.step()
        both.append(parameter.detach().numpy().tobytes())
    assert both[0] == both[1]


def test_any_memory_layout_gives_the_same_bits() -> None:
    start, gradient, results = np.random.default_rng(1).standard_normal((3, 5)), gradients(1)[0], set()
    for parameter in (start, np.array(start, order="F")):
        for grad in (gradient, np.array(gradient, order="F"), gradient[::-1].copy()[::-1]):
            w = nn.Parameter(Tensor(parameter.copy(order="K")))
            optimizer = optim.Adam([w])
            for _ in range(3):
                w.grad = Tensor(grad)
                optimizer.step()
            results.add(w.detach().numpy().tobytes())
    assert len(results) == 1


def test_groups_have_their_own_settings() -> None:
    first, second, third = (nn.Parameter(Tensor(np.ones(2))) for _ in range(3))
    optimizer = optim.SGD([{"params": [first]}, {"params": iter([second]), "lr": 0.5, "momentum": 0.9}], lr=0.1)
    optimizer.add_param_group({"params": third, "weight_decay": 1.0})
    for parameter in (first, second, third):
        parameter.grad = Tensor(np.ones(2))
    optimizer.step()
    assert [parameter.detach().tolist()[0] for parameter in (first, second, third)] == [0.9, 0.5, 0.8]
    first.grad = None
    optimizer.step()  # without a gradient a parameter and its state stay as they are
    assert first.detach().tolist()[0] == 0.9 and second.detach().tolist()[0] == pytest.approx(0.5 - 0.5 * 1.9)
    assert optimizer.state[first]["step"] == 1 and optimizer.state[second]["step"] == 2
    optimizer.zero_grad()
    assert second.grad is None and third.grad is None
    saved = optimizer.state_dict()
    assert [group["params"] for group in saved["param_groups"]] == [[0], [1], [2]] and sorted(saved["state"]) == [
        0,
        1,
        2,
    ]
    with pytest.raises(ValueError, match=r"other parameter groups: 3 groups, this one has 1 of \[3\]"):
        optim.SGD([first, second, third]).load_state_dict(saved)
    with pytest.raises(ValueError, match=r"momentum_buffer has shape \(2,\), its parameter has \(4,\)"):
        wide = [{"params": [nn.Parameter(Tensor(np.ones(4)))]} for _ in range(3)]
        optim.SGD(wide).load_state_dict(saved)
    assert "Parameter Group 1\n    dampening: 0.0\n    lr: 0.5\n" in repr(optimizer)


# Two parameters and gradients: 1 and -2, 0.5 and 1; two steps, worked out on paper to 7 digits.
BY_HAND: dict[str, tuple[Memory, list[list[float]]]] = {
    # v = 0.025, 0.1; d = sqrt(1e-6 / (v + 1e-6)) g = 0.0031622, 0.0031623; u = d^2 / 10 = 1e-6 of both;
    # v = 0.0475, 0.19; d = sqrt(2e-6 / (v + 1e-6)) g = 0.0032444, 0.0032444
    "Adadelta": ({}, [[0.9968378, -2.0031623], [0.9935934, -2.0064067]]),
    # s = 0.25, 1, then 0.5, 2: steps of 0.1, then 0.1 / sqrt(2)
    "Adagrad": ({"lr": 0.1}, [[0.9, -2.1], [0.8292893, -2.1707107]]),
    # the mean over 1 - 0.9^t is g, the largest |g|: steps of lr
    "Adamax": ({"lr": 0.1}, [[0.9, -2.1], [0.8, -2.2]]),
    # rho(1) = 1, rho(2) = 1.9995: plain momentum, whose corrected mean is g
    "RAdam": ({"lr": 0.1}, [[0.95, -2.1], [0.9, -2.2]]),
    # momentum_decay 0: mu = 0.45 each, p = 0.45, 0.2025; m = g / 10, 0.19 g; v_hat = g^2; both parts times sign(g):
    # 0.45 0.1 / (1 - 0.2025) + 0.55 / 0.55 = 1.0564263;  0.45 0.19 / (1 - 0.091125) + 0.55 / 0.7975 = 0.7837263
    "NAdam": ({"lr": 0.1, "momentum_decay": 0.0}, [[0.8943574, -2.1056426], [0.8159847, -2.1840153]]),
}


@pytest.mark.parametrize("name", BY_HAND)
@pytest.mark.parametrize("maximize", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_two_steps_by_hand(name: str, maximize: bool, dtype: type) -> None:
    """Upwards with the gradients' signs turned round it is the same."""
    options, wanted = BY_HAND[name]
    parameter = nn.Parameter(Tensor(np.array([1.0, -2.0], dtype)))
    optimizer = getattr(optim, name)([parameter], **options, maximize=maximize)
    for values in wanted:
        parameter.grad = Tensor(np.array([0.5, 1.0], dtype) * (-1 if maximize else 1))
        optimizer.step()
        assert parameter.detach().numpy().dtype == dtype
        np.testing.assert_allclose(
            parameter.detach().numpy(), values, rtol=0, atol=1e-7 if dtype is np.float64 else 5e-7
        )


@each_case
def test_maximize_goes_up(name: str, options: Memory) -> None:
    start, ends = np.random.default_rng(9).standard_normal((3, 5)), []
    for sign in (1, -1):
        parameter, optimizer = make(name, {**options, "maximize": sign < 0}, start)
        for gradient in gradients(20):
            parameter.grad = Tensor(sign * gradient)
            optimizer.step()
        ends.append(parameter.detach().numpy().tobytes())
    assert ends[0] == ends[1] != start.tobytes()


def test_a_rate_may_be_of_numpy() -> None:
    """A float64 rate from a schedule does not make float32 parameters float64."""
    for name in FORMULAS:
        parameter = nn.Parameter(Tensor(np.ones(3, np.float32)))
        optimizer = getattr(optim, name)([parameter], lr=np.float64(0.1))
        parameter.grad = Tensor(np.ones(3, np.float32))
        optimizer.step()
        assert parameter.detach().numpy().dtype == np.float32 and parameter[0].item() < 1


class Signed(optim.Optimizer):
    """A script's own: a step of lr against each sign, counted."""

    def __init__(self, params: Any, lr: float) -> None:
        super().__init__(params, {"lr": lr})

    def step(self, closure: Any = None) -> None:
        for group in self.param_groups:
            for p in group["params"]:
                state = self.state[p]
                state["step"] = state.get("step", 0) + 1
                p.data = p.data - group["lr"] * Tensor(np.sign(p.grad.numpy()))


def test_one_of_ones_own() -> None:
    parameter = nn.Parameter(Tensor(np.array([1.0, -2.0])))
    optimizer = Signed([parameter], lr=0.25)
    for _ in range(2):
        parameter.grad = Tensor(np.array([3.0, -4.0]))
        optimizer.step()
    assert parameter.tolist() == [0.5, -1.5] and optimizer.state_dict()["state"] == {0: {"step": 2}}


def test_closure_gives_the_loss() -> None:
    parameter = nn.Parameter(Tensor(np.array([3.0])))
    optimizer = optim.SGD([parameter], lr=0.1)

    def closure() -> Tensor:
        loss = (parameter * parameter).sum()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == 9.0 and parameter.item() == pytest.approx(2.4)


W = nn.Parameter(Tensor(np.ones(2)))


@pytest.mark.parametrize(
    "wrong, error, text",
    [
        (lambda: optim.Adam([]), ValueError, "Adam got no parameters: pass model.parameters"),
        (lambda: optim.SGD(nn.ReLU().parameters()), ValueError, "SGD got no parameters"),
        (lambda: optim.SGD(W), TypeError, "single tensor: put it into a list"),
        (lambda: optim.SGD([np.ones(2)]), TypeError, "can only optimise tensors, got a ndarray"),
        (lambda: optim.SGD([W, W]), ValueError, "twice in one"),
        (lambda: optim.SGD([{"params": [W]}, {"params": [W]}]), ValueError, "more than one parameter group"),
        (lambda: optim.SGD([W * 2]), ValueError, "leaf tensors"),
        (lambda: optim.SGD([W], lr=-1), ValueError, "SGD: lr is -1; it must satisfy 0 <= lr"),
        (lambda: optim.SGD([W], nesterov=True), ValueError, "nesterov needs a momentum above 0"),
        (lambda: optim.SGD([W], momentum=0.9, dampening=0.1, nesterov=True), ValueError, "no dampening"),
        (lambda: optim.Adam([W], lr=float("nan")), ValueError, "Adam: lr is nan"),
        (
            lambda: optim.Adam([W], betas=(0.9, 1.0)),
            ValueError,
            r"betas\[1\] is 1.0; it must satisfy 0 <= betas\[1\] < 1",
        ),
        (lambda: optim.AdamW([W], eps=-1e-8), ValueError, "AdamW: eps is -1e-08"),
        (lambda: optim.RMSprop([W], alpha=1.5), ValueError, "RMSprop: alpha is 1.5; .* 0 <= alpha <= 1"),
        (lambda: optim.RMSprop([{"params": [W], "momentum": -0.1}]), ValueError, "RMSprop: momentum is -0.1"),
        (lambda: optim.Adadelta([W], rho=1.1), ValueError, "Adadelta: rho is 1.1; .* 0 <= rho <= 1"),
        (lambda: optim.Adadelta([W], eps=-1), ValueError, "Adadelta: eps is -1"),
        (lambda: optim.Adagrad([W], lr_decay=-1), ValueError, "Adagrad: lr_decay is -1"),
        (lambda: optim.Adagrad([W], initial_accumulator_value=-1), ValueError, "initial_accumulator_value is -1"),
        (lambda: optim.Adamax([W], betas=(1.0, 0.9)), ValueError, r"Adamax: betas\[0\] is 1.0"),
        (lambda: optim.NAdam([W], momentum_decay=-0.1), ValueError, "NAdam: momentum_decay is -0.1"),
        (lambda: optim.RAdam([W], lr=float("inf")), ValueError, "RAdam: lr is inf"),
    ],
)
def test_error(wrong: Callable[[], Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        wrong()


def test_a_step_is_one_call_and_all_of_it_or_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four parameters, one call of the core; a gradient that does not fit leaves all of them as they were."""
    model, calls = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2)), []
    optimizer = optim.Adam(model.parameters())
    update = _core.update
    monkeypatch.setattr(_core, "update", lambda updates: (calls.append(len(updates)), update(updates)))
    for parameter in model.parameters():
        parameter.grad = Tensor(np.ones(parameter.shape, dtype=np.float32))
    optimizer.step()
    assert calls == [4]
    before = [parameter.detach().numpy().copy() for parameter in model.parameters()]
    model[1].bias.grad = Tensor(np.ones(2))  # float64
    with pytest.raises(TypeError, match="grad"):
        optimizer.step()
    for parameter, kept in zip(model.parameters(), before, strict=True):
        np.testing.assert_array_equal(parameter.detach().numpy(), kept)
        assert optimizer.state[parameter]["step"] == 1


def test_momentum_may_begin_later() -> None:
    """A buffer that was not kept so far begins at the next gradient."""
    parameter, options = make("SGD", {"lr": 0.1}, np.zeros((1, 2)))
    parameter.grad = Tensor(np.array([[1.0, 2.0]]))
    options.step()
    options.param_groups[0]["momentum"] = 0.5
    options.step()
    options.step()
    np.testing.assert_allclose(parameter.detach().numpy(), -0.1 * (1 + 1 + 1.5) * np.array([[1.0, 2.0]]))


@each_case
def test_parameters_of_a_group_may_be_at_different_steps(name: str, options: Memory) -> None:
    """Two that take turns and one that takes part in every third step: each is as if it were alone."""
    rng, turns = np.random.default_rng(3), (lambda t: t % 2 == 0, lambda t: t % 2 == 1, lambda t: t % 3 == 0)
    starts = [rng.standard_normal((3, 5)) for _ in turns]
    together = [nn.Parameter(Tensor(start.copy())) for start in starts]
    shared = getattr(optim, name)(together, **options)
    alone = [make(name, options, start) for start in starts]
    for t, gradient in enumerate(gradients(24)):
        for parameter, (single, optimizer), takes_part in zip(together, alone, turns, strict=True):
            parameter.grad = single.grad = Tensor(gradient) if takes_part(t) else None
            optimizer.step()
        shared.step()
    for parameter, (single, _) in zip(together, alone, strict=True):
        assert parameter.detach().numpy().tobytes() == single.detach().numpy().tobytes()


def interrupted_after(events: int) -> Callable[..., Any]:
    """For sys.settrace: Ctrl-C at this many lines and calls from here."""
    left = [events]

    def trace(frame: Any, event: str, arg: Any) -> Any:
        left[0] -= 1
        if left[0] == 0:
            raise KeyboardInterrupt
        return trace

    return trace


@pytest.mark.parametrize("name, options", [*[case for case in CASES if case[1]], ("Adam", {}), ("Adadelta", {})])
def test_an_interrupt_leaves_all_or_nothing(name: str, options: Memory) -> None:
    """At every line of a step: weights and states are those of the same step, for all parameters; then it goes on."""

    def begun() -> tuple[list[nn.Parameter], optim.Optimizer]:
        parameters = [nn.Parameter(Tensor(np.full(n, 1.5, np.float32))) for n in (2, 3, 5)]
        optimizer = getattr(optim, name)(parameters, **options)
        for _ in range(2):
            for parameter in parameters:
                parameter.grad = Tensor(np.arange(1, parameter.shape[0] + 1, dtype=np.float32))
            optimizer.step()
        return parameters, optimizer

    def all_of(parameters: list[nn.Parameter], optimizer: optim.Optimizer) -> list[Any]:
        state = optimizer.state_dict()["state"]
        fields = [
            value.tolist() if isinstance(value, Tensor) else value for each in state.values() for value in each.values()
        ]
        return [*(parameter.tolist() for parameter in parameters), *fields]

    parameters, optimizer = begun()
    before = all_of(parameters, optimizer)
    optimizer.step()
    after, ends = all_of(parameters, optimizer), set()
    for events in range(1, 1000):
        parameters, optimizer = begun()
        tracing = sys.gettrace()
        sys.settrace(interrupted_after(events))
        try:
            optimizer.step()
            break
        except KeyboardInterrupt:
            pass
        finally:
            sys.settrace(tracing)
        found = all_of(parameters, optimizer)
        assert found in (before, after), events
        ends.add(found == after)
        if found == before:
            optimizer.step()
            assert all_of(parameters, optimizer) == after, events
    assert ends == {False, True} and events > 20


def test_parameters_that_share_memory_take_turns() -> None:
    """A weight that is another one's, turned round: both steps are made, as PyTorch makes them, on any threads."""
    values = np.linspace(-1, 1, 400 * 400, dtype=np.float32).reshape(400, 400)
    first = nn.Parameter(Tensor(values.copy()))
    second = nn.Parameter(Tensor(first._data.T))
    for parameter, factor in ((first, 0.5), (second, 2.0)):
        parameter.grad = Tensor(np.full_like(values, factor))
    optim.SGD([first, second], lr=0.125).step()
    np.testing.assert_array_equal(first.detach().numpy(), values - np.float32(0.0625) - np.float32(0.25))


def test_a_gradient_is_not_its_parameter() -> None:
    parameter = nn.Parameter(Tensor(np.ones(4, np.float32)))
    parameter.grad = parameter.detach()
    with pytest.raises(ValueError, match=r"(grad and param|param and grad) overlap in memory"):
        optim.SGD([parameter], lr=0.1).step()


@pytest.mark.parametrize("kind", ["SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Adadelta", "Adamax", "NAdam", "RAdam"])
def test_options_of_pytorch(kind: str) -> None:
    """How a step is computed changes nothing here; what would make another step is refused where it is on."""
    make = getattr(optim, kind)

    def stepped(**options: object) -> list[float]:
        param = nn.Parameter(np.ones(3, np.float32))
        optimizer = make([param], lr=0.5, **options)
        (param * fastnn.tensor([1.0, 2.0, -3.0])).sum().backward()
        optimizer.step()
        assert not set(options) & set(optimizer.param_groups[0])
        return param.tolist()

    ways = {"foreach": True, "fused": None, "capturable": False, "differentiable": False}
    others = {"Adam": "amsgrad", "AdamW": "amsgrad", "RMSprop": "centered"}.get(kind)
    assert stepped(**ways, **({others: False} if others else {})) == stepped()
    for name in filter(None, ("differentiable", others)):
        with pytest.raises(ValueError, match=rf"^{kind}: {name}=True makes another update, .* leave it out"):
            stepped(**{name: True})
        with pytest.raises(ValueError, match=rf"^{kind}: {name}=True"):
            make([{"params": [nn.Parameter(np.ones(1, np.float32))], name: True}])
    for name in ("learning_rate", "amsgrad" if others is None else "amsgrat"):
        with pytest.raises(TypeError, match=rf"^{kind}\.__init__\(\) got an unexpected keyword argument '{name}'"):
            stepped(**{name: False})
