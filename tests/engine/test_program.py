"""Lowered programs: the list is all that an executor needs, memory and state included."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from fastnn import _core, nn, optim, random
from fastnn.eager.tensor import Tensor
from fastnn.engine.executor import FACTS
from fastnn.engine.plan import Plan
from fastnn.engine.program import MISSING, Memory, Op, Program, View
from fastnn.engine.recording import RecordingError
from models import Counting, bits, classes, eager_step, mlp
from numpy.lib.stride_tricks import as_strided


class ListExecutor:
    """Runs a program by reading its list: one call of an eager op for each, on arrays of its own."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._buffers: list[np.ndarray] = []
        self._programs: list[Program] = []
        self.ran: list[str] = []

    def panel_width(self, dtype: np.dtype) -> int:
        return 0

    def load(self, program: Program) -> None:
        for buffer in self._memory.buffers[len(self._buffers) :]:
            contents = np.zeros(buffer.nbytes, np.uint8) if buffer.contents is None else buffer.contents.view(np.uint8)
            self._buffers.append(np.array(contents).reshape(-1))
        program.number = len(self._programs)
        self._programs.append(program)

    def _array(self, number: int) -> np.ndarray | None:
        if number == MISSING:
            return None
        view: View = self._memory.views[number]
        flat = self._buffers[view.buffer].view(view.dtype)[view.offset :]
        return as_strided(flat, view.shape, [stride * flat.itemsize for stride in view.strides])

    def write(self, view: int, array: np.ndarray) -> None:
        self._array(view)[...] = array

    def read(self, view: int, array: np.ndarray) -> None:
        array[...] = self._array(view)

    def clear(self, view: int) -> None:
        self._array(view)[...] = 0

    def finite(self, view: int) -> bool:
        return bool(np.isfinite(self._array(view)).all())

    def step(self, program: int) -> None:
        for op in self._programs[program].ops:
            self.ran.append(op.name)
            if op.name not in ("view", "all_reduce"):
                self._run(op)

    def _run(self, op: Op) -> None:
        inputs, outputs = ([self._array(number) for number in numbers] for numbers in (op.inputs, op.outputs))
        made = self._update(op, inputs, outputs) if op.name.endswith("update") else self._call(op, inputs)
        for output, result in zip(outputs, made if isinstance(made, tuple) else (made,), strict=True):
            output[...] = result

    def _call(self, op: Op, arrays: list[Any]) -> Any:
        """In the order of the op's arguments, as its facts tell them."""
        given, state = iter(arrays), [op.state and op.state.seed, op.state and op.state.call, 0]
        args = [
            next(given) if "array" in kind else state.pop(0) if kind == "state" else op.attributes[name]
            for name, kind, *_ in FACTS[op.name]["arguments"]
        ]
        return getattr(_core, op.name)(*args)

    def _update(self, op: Op, inputs: list[Any], outputs: list[Any]) -> tuple[np.ndarray, ...]:
        param, *states = (np.array(output, order="K") for output in outputs)
        made = {"dense_update": _core.dense_grad_weight, "bias_update": _core.dense_grad_bias}.get(op.name)
        grad = inputs[0] if made is None else made(*inputs)
        alike = np.empty_like(param)
        alike[...] = grad
        op.state.advance()
        _core.update([(op.state, param, alike, states)])
        return (param, *states)


def train(plan_of: Any, steps: int = 4) -> tuple[list[bytes], dict[str, Any], Plan | None]:
    """The losses and final bits of a small network, and its plan."""
    random.manual_seed(1)
    model = nn.Sequential(*mlp(7, 6, 5), nn.Tanh(), nn.Linear(5, 3))
    optimizer = optim.Adam(model.parameters(), lr=0.05)
    criterion = nn.CrossEntropyLoss()
    plan = plan_of(model, criterion, optimizer)
    losses = []
    for x, y in classes(7, 3, [8] * steps):
        step = plan.step(x, y).numpy() if plan else eager_step(model, criterion, optimizer, x, y)
        losses.append(step.tobytes())
    return losses, bits(model, optimizer), plan


EAGER = train(lambda *_: None)


def test_the_list_is_all_that_an_executor_needs() -> None:
    """Another executor than the compiled one, which knows the list alone, trains to the same bits."""
    losses, found, plan = train(lambda *parts: Plan(*parts, executor=ListExecutor))
    assert (losses, found) == EAGER[:2]
    assert plan._executor.ran.count("cross_entropy") == 4


def test_a_plan_tells_what_it_does() -> None:
    model = mlp(3, 2)
    plan = Plan(model, nn.MSELoss(), optim.SGD(model.parameters(), lr=0.1))
    lines = list(plan.train_program(np.ones((4, 3), np.float32), np.ones((4, 2), np.float32)).lines())
    width = _core.panel_width()
    assert lines[0] == "%2 float32[4, 3]: input"
    assert f"%0 float32[2, 3] in panels of {width}: parameter" in lines
    assert any(line.endswith("= dense_forward(%2, %0, %1, relu=False)") for line in lines)
    assert any("= dense_update(" in line for line in lines) and lines[-2].startswith("loss: %")


def test_views_are_in_the_list() -> None:
    """The same memory seen otherwise: nothing moves, but a reader of the list learns of it."""

    class Turned(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return (x.exp().transpose(0, 1) * 2.0).reshape(-1)

    program = Plan(Turned()).eval_program(np.ones((4, 3), np.float32))
    names = [op.name for op in program.ops]
    assert names.index("exp") < names.index("view") < names.index("multiply")
    turned = next(op for op in program.ops if op.name == "view")
    before, after = (program.memory.views[numbers[0]] for numbers in (turned.inputs, turned.outputs))
    assert (before.shape, after.shape, after.strides) == ((4, 3), (3, 4), before.strides[::-1])
    assert before.buffer == after.buffer


# Gradients in one piece


@pytest.mark.parametrize("executor", ["compiled", "list"])
def test_an_arena_changes_no_bits(executor: str) -> None:
    more = {"executor": ListExecutor} if executor == "list" else {}
    losses, found, plan = train(lambda *parts: Plan(*parts, arena=True, **more))
    assert (losses, found) == EAGER[:2]
    if executor == "list":
        names = plan._executor.ran[: len(plan._executor.ran) // 4]
        place = names.index("all_reduce")
        assert names.count("all_reduce") == 1 and set(names[place + 1 :]) == {"update"}
        assert "update" not in names[:place]


def test_an_arena_holds_all_gradients_at_the_time_of_the_reduction() -> None:
    """Behind what makes gradients, before any update; the phases keep it so, and it runs in each step."""
    _, _, plan = train(lambda *parts: Plan(*parts, arena=True))
    phases = plan.core.phases(0)
    place = next(i for i, phase in enumerate(phases) if "all_reduce" in phase)
    before, after = ([n for phase in some for n in phase] for some in (phases[:place], phases[place + 1 :]))
    assert {"dense_grad_weight", "dense_grad_bias"} <= set(before) and "update" not in before
    assert after.count("update") == 6 and not {"dense_grad_weight", "dense_grad_bias"} & set(after)
    program = plan.train_program(*classes(7, 3, [8])[0])
    (reduction,) = [op for op in program.ops if op.name == "all_reduce"]
    arena = program.memory.views[reduction.inputs[0]]
    assert arena.shape == (7 * 6 + 6 + 6 * 5 + 5 + 5 * 3 + 3,)
    seen = set()
    for op in program.ops[program.ops.index(reduction) + 1 :]:
        view = program.memory.views[op.inputs[0]]
        assert view.buffer == arena.buffer
        seen |= {view.offset + i for i in range(int(np.prod(view.shape)))}
    assert seen == set(range(arena.shape[0]))
    x, y = classes(7, 3, [8])[0]
    number = plan.start_profile(x, y)
    plan.step(x, y)
    assert [part.seconds > 0 for part in plan.profile(number).parts if part.name == "all_reduce"] == [True]


def test_an_arena_takes_gradients_that_share_memory() -> None:
    """The gradient of a sum's operands is one array, or a value repeated: each parameter gets its own place."""

    class Sum(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = (nn.Parameter(np.full(3, value, np.float32)) for value in (1.0, 2.0))

        def forward(self, x: Tensor) -> Tensor:
            return x + (self.a + self.b)

    def trained(arena: bool) -> list[bytes]:
        model = Sum()
        plan = Plan(model, nn.MSELoss(), optim.SGD(model.parameters(), lr=0.1), arena=arena)
        for _ in range(3):
            plan.step(np.ones((4, 3), np.float32), np.zeros((4, 3), np.float32))
        return [parameter.detach().numpy().tobytes() for parameter in model.parameters()]

    assert trained(True) == trained(False)


# State that a step changes


@pytest.mark.parametrize("replaces", [False, True])
def test_modules_change_their_state(replaces: bool) -> None:
    """Recorded, written back after each call, read again where it was changed from outside, never by recording."""

    def run(compiled: bool) -> dict[str, Any]:
        random.manual_seed(3)
        model = Counting(replaces)
        optimizer, criterion = optim.SGD(model.parameters(), lr=0.1), nn.MSELoss()
        plan = Plan(model, criterion, optimizer)
        seen: dict[str, Any] = {}
        for number, size in enumerate((4, 4, 2, 4)):
            x = np.cos(np.arange(size * 3, dtype=np.float32) + number).reshape(size, 3)
            y = np.ones((size, 2), np.float32)
            plan.step(x, y) if compiled else eager_step(model, criterion, optimizer, x, y)
            seen[f"{number}"] = {name: tensor.numpy().tobytes() for name, tensor in model.state_dict().items()}
            if number == 1:
                model.calls[...] = 10.0
            model.eval()
            out = plan.forward(x) if compiled else model(Tensor(x))
            seen[f"{number} out"] = out.detach().numpy().tobytes()
            model.train()
        assert model.calls.item() == 12.0
        return seen

    assert run(compiled=True) == run(compiled=False)


def test_parts_of_the_state_are_no_state() -> None:
    """Only a whole buffer may be changed while recording, and only one of a module."""

    class Wrong(Counting):
        def forward(self, x: Tensor) -> Tensor:
            self.mean[0] = 1.0
            return self.layer(x)

    model = Wrong()
    with pytest.raises(RuntimeError, match="a change in place"):
        Plan(model, nn.MSELoss(), optim.SGD(model.parameters(), lr=0.1)).step(
            np.ones((4, 3), np.float32), np.ones((4, 2), np.float32)
        )
    assert model.mean.tolist() == [0, 0, 0]


X, Y = np.cos(np.arange(12, dtype=np.float32)).reshape(4, 3), np.ones((4, 2), np.float32)


@pytest.mark.parametrize("order", ["pppp", "pepp", "epep", "ppep"])
def test_plans_and_eager_code_take_turns_with_a_state(order: str) -> None:
    """A buffer that eager code or the user replaces is the one that the plan goes on with."""

    def run(order: str) -> dict[str, bytes]:
        random.manual_seed(3)
        model = Counting(replaces=True)
        optimizer, criterion = optim.SGD(model.parameters(), lr=0.1), nn.MSELoss()
        plan = Plan(model, criterion, optimizer)
        for kind in order:
            plan.step(X, Y) if kind == "p" else eager_step(model, criterion, optimizer, X, Y)
            model.calls = model.calls * 2.0
        return {name: tensor.numpy().tobytes() for name, tensor in model.state_dict().items()}

    assert run(order) == run("eeee")


class Forward(nn.Module):
    """A layer, and something done to buffers of shape (3, 3) in forward."""

    def __init__(self, does: Callable[[nn.Module, Tensor], Any]) -> None:
        super().__init__()
        self.layer, self.does = nn.Linear(3, 2), does
        for name, start in (("a", 1.0), ("b", 5.0), ("spare", 0.0)):
            self.register_buffer(name, Tensor(np.arange(9, dtype=np.float32).reshape(3, 3) * 0.1 + start))

    def forward(self, x: Tensor) -> Tensor:
        self.does(self, x)
        return self.layer(x @ self.a) + self.b.mean()


def swap(module: nn.Module, x: Tensor) -> None:
    module.a, module.b = module.b, module.a


CHANGES: dict[str, Callable[[Any, Tensor], Any]] = {
    "swapped": swap,
    "overlapping": lambda m, x: m.a.copy_(m.a.t()),
    "replaced": lambda m, x: setattr(m, "a", m.a * 0.5),
    "twice": lambda m, x: (m.a.copy_(m.a * 0.5), m.a.copy_(m.a + m.b)),
}


def values_of(module: nn.Module) -> list[bytes]:
    return [tensor.numpy().tobytes() for tensor in module.state_dict().values()]


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("training", [True, False])
def test_changes_of_state_are_those_of_eager_code(name: str, training: bool) -> None:
    def run(compiled: bool) -> list[Any]:
        random.manual_seed(3)
        model = Forward(CHANGES[name])
        optimizer, criterion = optim.SGD(model.parameters(), lr=0.1), nn.MSELoss()
        plan, seen = Plan(model, criterion, optimizer), []
        for _ in range(3):
            if training:
                plan.step(X, Y) if compiled else eager_step(model, criterion, optimizer, X, Y)
            else:
                out = plan.forward(X) if compiled else model(Tensor(X))
                seen.append(out.detach().numpy().tobytes())
            seen.append(values_of(model))
        return seen

    assert run(compiled=True) == run(compiled=False)


REFUSED: dict[str, Callable[[Any, Tensor], Any]] = {
    "deleted": lambda m, x: delattr(m, "spare"),
    "made": lambda m, x: m.register_buffer("c", x.detach()),
    "reshaped": lambda m, x: setattr(m, "b", m.a[0]),
    "a parameter": lambda m, x: setattr(m, "b", m.layer.weight.detach()),
    "backwards": lambda m, x: x[::-1] * 2.0,
    "no compiled form": lambda m, x: m.a.copy_((x[:3] > 0).float()),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_recording_that_is_refused_leaves_all_as_it_was(name: str) -> None:
    """The model, and the plan with the programs that it has."""

    def does(module: Any, x: Tensor) -> None:
        if len(x) == 7:
            kept.append(REFUSED[name](module, x))

    kept: list[Any] = []
    model = Forward(does)
    if name == "a parameter":
        model.layer = nn.Linear(3, 3)
    model.layer.weight.grad = Tensor(np.ones(tuple(model.layer.weight.shape), np.float32))
    targets = np.ones((7, model.layer.out_features), np.float32)
    plan = Plan(model, nn.MSELoss(), optim.SGD(model.parameters(), lr=0.1))
    plan.step(X, targets[:4])
    grad = model.layer.weight.grad = Tensor(np.ones(tuple(model.layer.weight.shape), np.float32))
    before, wide = values_of(model), np.tile(X, (2, 1))[:7]
    if name == "backwards":
        model.does = lambda module, x: setattr(module, "a", (x[::-1] * 1.0)[:3]) if len(x) == 7 else None
    for _ in range(2):
        with pytest.raises(RecordingError):
            plan.step(wide, targets)
    assert values_of(model) == before and list(model._buffers) == ["a", "b", "spare"]
    assert model.layer.weight.grad is grad
    for rows in (4, 3, 4):
        assert np.isfinite(plan.step(X[:rows], targets[:rows]).item())


# Weights of any rank in panels


@pytest.mark.parametrize("shape", [(5, 3), (40, 3, 2), (33, 2, 3, 4)])
def test_a_weight_in_panels_is_a_matrix(shape: tuple[int, ...]) -> None:
    """Taps outermost, then inputs; outputs in panels, padded with zeros."""
    width, (outputs, *rest) = 32, shape
    inputs = int(np.prod(rest))
    core, weight = _core.Plan(), np.arange(outputs * inputs, dtype=np.float32).reshape(shape) + 1
    panels = -(-outputs // width)
    buffer = core.buffer(panels * width * inputs * 4)
    packed = core.view(buffer, 0, list(shape), [1] * len(shape), "float32", width)
    core.write(packed, weight)
    back = np.zeros_like(weight)
    core.read(packed, back)
    assert np.array_equal(back, weight)
    raw = np.zeros((panels, inputs, width), np.float32)
    core.read(core.view(buffer, 0, list(raw.shape), [inputs * width, width, 1], "float32"), raw)
    matrix = np.moveaxis(weight, (0, 1), (-1, -2)).reshape(inputs, outputs)
    wanted = np.zeros((inputs, panels * width), np.float32)
    wanted[:, :outputs] = matrix
    assert np.array_equal(raw.transpose(1, 0, 2).reshape(inputs, -1), wanted)
