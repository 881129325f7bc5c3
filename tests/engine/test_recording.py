"""From a recording to instructions: what is recorded and refused, what is fused and what must not be, and the
executor's own checks."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from fastnn import _core, nn, optim, random
from fastnn.eager import ops
from fastnn.eager.tensor import Tensor
from fastnn.engine.fusion import count_uses, drop_unused, fuse_linear_relu, split_gradients
from fastnn.engine.plan import Plan
from fastnn.engine.recording import Record, Recorder, RecordingError, one_at_a_time
from fastnn.nn import functional as F
from models import bits, classes, eager_step, mlp

X, Y = classes(6, 3, [4])[0]


class Reads(nn.Module):
    """A layer, and something done with its output."""

    def __init__(self, use: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.layer, self.use = nn.Linear(6, 3), use

    def forward(self, x: Tensor) -> Tensor:
        h = self.layer(x)
        used = self.use(h)
        return h * used if isinstance(used, Tensor) else h


READS: dict[str, Callable[[Tensor], Any]] = {
    r"item\(\)": lambda h: h.sum().item(),
    r"bool\(\)": lambda h: bool(h.sum()),
    r"tolist\(\)": lambda h: h.tolist(),
    r"numpy\(\)": lambda h: h.detach().numpy(),
    "__array__": lambda h: np.asarray(h.detach()),
    "item": lambda h: float(h.sum()) + int(h.sum()),
    r"one_hot\(\)": lambda h: F.one_hot(h.argmax(1)),
    r"any\(\)": lambda h: h.any(),
    r"all\(\)": lambda h: h.all(),
    "indexing by a tensor": lambda h: h[h.argmax(1)],
    "a change in place": lambda h: h.detach().zero_(),
    "'greater' has no compiled form": lambda h: (h > 0).float(),
    "'cast' has no compiled form": lambda h: h.double().float(),
    "'add' has no compiled form": lambda h: (h.argmax(1, keepdim=True) + 1).float(),
    "another one is being recorded": lambda h: Plan(nn.ReLU()).forward(np.float32([[1]])),
}


@pytest.mark.parametrize("text", READS)
def test_values_cannot_be_read_while_recording(text: str) -> None:
    """The message says that such a model stays eager; eager code runs it."""
    random.manual_seed(0)
    model = Reads(READS[text])
    assert model(Tensor(X)).shape == (4, 3)
    plan = Plan(model, nn.CrossEntropyLoss(), optim.SGD(model.parameters()))
    for run in (lambda: plan.step(X, Y), lambda: plan.forward(X)):
        with pytest.raises(RecordingError, match=text) as caught:
            run()
        assert "eager" in str(caught.value) or "forward()" in str(caught.value)
        assert ops.recorder is None and ops.add is _core.add
    assert model(Tensor(X)).sum().item() is not None


def test_a_result_that_nobody_uses_is_no_obstacle() -> None:
    model = Reads(lambda h: [h > 0, h.argmax(1) + 1])
    Plan(model, nn.CrossEntropyLoss(), optim.SGD(model.parameters())).step(X, Y)


def test_other_threads_are_not_recorded() -> None:
    """They run and read what they like, also in the moment in which a recording begins or ends."""
    stop, failures, rounds = threading.Event(), [], []
    model = mlp(6, 5, 3)

    def work() -> None:
        other = mlp(3, 2)
        try:
            while not stop.is_set():
                rounds.append((other(Tensor(X[:, :3])).relu() > 0).any().item())
        except Exception as error:
            failures.append(error)

    thread, counts, interval = threading.Thread(target=work), set(), sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        thread.start()
        for _ in range(300):
            with one_at_a_time, Recorder() as recorder:
                model(Tensor(X)).sum()
            counts.add(tuple(record.name for record in recorder.records))
    finally:
        stop.set()
        thread.join()
        sys.setswitchinterval(interval)
    assert failures == [] and rounds and counts == {("dense_forward", "relu", "dense_forward", "sum")}


def test_a_recording_that_ends_while_another_thread_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = Recorder()
    answers = [None, elsewhere]
    asked = type("Ops", (), {"recorder": property(lambda self: answers.pop())})
    monkeypatch.setattr(sys.modules["fastnn.eager.support"], "ops", asked())
    assert Tensor(np.float32(3)).item() == 3


# Fusion, on lists written by hand


def arrays(count: int) -> list[np.ndarray]:
    return [np.zeros((3, 3), np.float32) for _ in range(count)]


def test_linear_and_relu_become_one() -> None:
    x, w, b, h, y, z = arrays(6)
    for args in ([x, w, b], [x, w, None], [x, w]):
        records = [Record("dense_forward", args, [h]), Record("relu", [h], [y]), Record("exp", [y], [z])]
        fused = fuse_linear_relu(records, [z])
        assert [record.name for record in fused] == ["dense_forward", "exp"]
        assert fused[0].args[:2] == [x, w] and fused[0].args[3] is True and fused[0].outputs[0] is y
        assert (fused[0].args[2] is b) == (len(args) == 3 and args[2] is b)
        assert records[0].args == args and records[0].outputs[0] is h  # the recording itself stays


@pytest.mark.parametrize(
    "case", ["used again", "a view used again", "a result", "a view's relu", "relu of another", "relu'd"]
)
def test_linear_and_relu_stay_two(case: str) -> None:
    x, w, b, h, y, z = arrays(6)
    linear = Record("dense_forward", [x, w, b, True] if case == "relu'd" else [x, w, b], [h])
    relu = Record("relu", [{"a view's relu": h[:2], "relu of another": x}.get(case, h)], [y])
    more = {"used again": [Record("exp", [h], [z])], "a view used again": [Record("exp", [h.T[1:]], [z])]}
    records = [linear, relu, *more.get(case, [])]
    assert fuse_linear_relu(records, [y, h] if case == "a result" else [y]) == records


def test_unused_records_are_dropped() -> None:
    a, b, c, d, e = arrays(5)
    keep = [Record("exp", [a], [b]), Record("max", [b.T], [c, d])]
    dead = [Record("exp", [c], [e]), Record("log", [e[1:]], [a.copy()])]
    assert drop_unused([keep[0], *dead, keep[1]], [d[0]]) == keep
    assert drop_unused(keep, [e]) == []
    assert count_uses(keep, [d[0]])[id(b)] == 1 and count_uses(keep, [d, d])[id(d)] == 2


def test_final_gradients_of_dense_layers_are_taken_out() -> None:
    g, x, other = arrays(3)
    made = np.zeros((3, 3), np.float32).T  # as dense_grad_weight gives it: a view
    weight, bias = Record("dense_grad_weight", [g, x], [made]), Record("dense_grad_bias", [g], [other])
    assert split_gradients([weight, bias], [made, other]) == ([], {id(made): weight, id(other): bias})
    assert split_gradients([weight, bias], [made]) == ([bias], {id(made): weight})
    add = Record("add", [made, x], [g.copy()])
    for records, gradients in (
        ([weight, add], [add.outputs[0]]),  # a sum of two uses
        ([weight, add], [made]),  # read by something else as well
        ([weight, bias], [made, made]),  # the gradient of two
    ):
        assert split_gradients(records, gradients) == (records, {})


def instructions(model: nn.Module) -> list[str]:
    plan = Plan(model, nn.CrossEntropyLoss(), optim.Adam(model.parameters()))
    plan.step(X, Y)
    return plan.core.instructions(0)


def test_a_step_in_instructions() -> None:
    forward = ["gather", "gather", "dense_forward", "dense_forward", "cross_entropy", "loss"]
    updates = ["dense_update", "bias_update", "dense_update", "bias_update"]
    assert instructions(mlp(6, 5, 3)) == [*forward, "dense_grad_x", "relu_backward", *updates]
    assert "relu" in instructions(Reads(lambda h: h.relu()))
    shared = nn.Linear(6, 6)
    names = instructions(nn.Sequential(shared, nn.ReLU(), shared))
    assert names.count("dense_grad_weight") == 2 and "add" in names and "dense_update" not in names


def test_label_smoothing_is_compiled(isa: str, rng: np.random.Generator) -> None:
    x, y = rng.standard_normal((17, 6)).astype(np.float32), rng.integers(0, 3, 17)
    found = []
    for compiled in (True, False):
        random.manual_seed(0)
        model, criterion = mlp(6, 5, 3), nn.CrossEntropyLoss(label_smoothing=0.1)
        optimizer = optim.Adam(model.parameters())
        plan = Plan(model, criterion, optimizer)
        for _ in range(3):
            loss = plan.step(x, y).numpy() if compiled else eager_step(model, criterion, optimizer, x, y)
        found.append((loss.tobytes(), bits(model, optimizer)))
    assert found[0] == found[1]


# The executor


@pytest.fixture
def core() -> _core.Plan:
    """A plan with one program, one buffer of 64 bytes, and view 0 of 16 floats."""
    plan = _core.Plan()
    plan.program()
    plan.view(plan.buffer(64), 0, [16], [1], "float32")
    return plan


@pytest.mark.parametrize(
    "wrong, error, text",
    [
        (lambda p: p.view(0, 0, [100], [1], "float32"), ValueError, "outside its buffer"),
        (lambda p: p.view(0, 0, [5], [40], "float32"), ValueError, "outside its buffer"),
        (lambda p: p.view(0, 40, [1], [1], "float64"), ValueError, "outside its buffer"),
        (lambda p: p.view(0, -1, [1], [1], "float32"), ValueError, "outside its buffer"),
        (lambda p: p.view(0, 0, [5], [2**62], "float32"), ValueError, "64-bit|outside"),
        (lambda p: p.view(0, 2**62, [5], [2**62], "float32"), ValueError, "64-bit|outside"),
        (lambda p: p.view(0, 0, [2**32, 2**32], [1, 1], "float32", 32), ValueError, "64-bit|outside"),
        (lambda p: p.view(0, 0, [33, 2], [1, 1], "float32", 32), ValueError, "outside its buffer"),
        (lambda p: p.view(0, 0, [4], [1], "float32", 32), ValueError, "two dimensions"),
        (lambda p: p.view(0, 0, [-1], [1], "float32"), ValueError, "must not be negative"),
        (lambda p: p.view(0, 0, [2], [-1], "float32"), ValueError, "must not be negative"),
        (lambda p: p.view(0, 0, [1], [1, 1], "float32"), ValueError, "a stride for each dimension"),
        (lambda p: p.view(0, 0, [1] * 9, [1] * 9, "float32"), ValueError, "at most 8 of them; got 9 sizes"),
        (lambda p: p.view(0, 0, [1], [1], "int32"), TypeError, "no compiled plan works on int32"),
        (lambda p: p.view(7, 0, [1], [1], "float32"), ValueError, "no buffer 7"),
        (lambda p: p.buffer(-1), ValueError, "a buffer of -1 bytes"),
        (lambda p: p.buffer(2**62), MemoryError, "bad_alloc"),
        (lambda p: p.step(3), ValueError, "no program 3"),
        (lambda p: p.emit(0, "fft", [0], [0], {}), ValueError, "no compiled form of 'fft'"),
        (lambda p: p.emit(0, "relu", [9], [0], {}), ValueError, "no view 9"),
        (lambda p: p.emit(0, "relu", [0], [], {}), ValueError, "number 0 is missing"),
        (lambda p: p.emit(0, "pow", [0], [0], {}), ValueError, "gives no exponent"),
        (
            lambda p: p.emit(0, "leaky_relu", [0], [0], {"negative_slope": np.inf}),
            ValueError,
            "slope is inf; it must be",
        ),
        (lambda p: p.emit(0, "relu", [0], [p.view(0, 0, [8], [1], "float32")], {}), ValueError, "must be equal"),
        (lambda p: p.set_io(0, 9, -1, -1, -1), ValueError, "no view 9"),
        (lambda p: p.write(0, np.zeros(16)), TypeError, "must be float32, got float64"),
        (lambda p: p.write(0, np.zeros(15, np.float32)), ValueError, r"\(15,\)"),
        (lambda p: p.read(9, np.zeros(16, np.float32)), ValueError, "no view 9"),
        (lambda p: p.clear(9), ValueError, "no view 9"),
        (lambda p: p.clear(p.view(0, 0, [2, 2], [8, 1], "float32")), ValueError, "the plan's view"),
        (lambda p: p.finite(p.view(0, 0, [2, 2], [8, 1], "float32")), ValueError, "the plan's view"),
        (lambda p: p.finite(p.view(0, 0, [2], [1], "int64")), TypeError, "the plan's view"),
        (lambda p: (p.step(0), p.emit(0, "relu", [0], [0], {})), ValueError, "program 0 .* takes no more instructions"),
        (lambda p: (p.step(0), p.set_io(0, 0, -1, -1, -1)), ValueError, "program 0 .* takes no more instructions"),
    ],
)
def test_the_executor_checks(core: _core.Plan, wrong: Callable[[Any], Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        wrong(core)


@pytest.mark.parametrize("offset, shape, stride", [(0, [32], [1]), (4, [28], [1]), (0, [2, 4], [28, 1]), (31, [], [])])
def test_a_view_ends_inside_its_memory(core: _core.Plan, offset: int, shape: list[int], stride: list[int]) -> None:
    """The 64 bytes of the buffer and the cache line behind them that is its own: not an element more."""
    core.view(0, offset, shape, stride, "float32")
    with pytest.raises(ValueError, match="it ends at byte 132 of 128"):
        core.view(0, offset + 1, shape, stride, "float32")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_views_are_cleared_and_looked_at(core: _core.Plan, dtype: str) -> None:
    """Of strided memory and of panels, which have padding."""
    buffer = core.buffer(8 * 64 * 5)
    for view in (core.view(buffer, 0, [5, 3], [1, 5], dtype), core.view(buffer, 0, [5, 3], [1, 1], dtype, 32)):
        for value in (1, np.nan, np.inf, -np.inf):
            array = np.ones((5, 3), dtype)
            array[4, 2] = value
            core.write(view, array)
            assert core.finite(view) == np.isfinite(value)
        core.clear(view)
        assert core.finite(view)
        core.read(view, array)
        assert not array.any()


def test_a_run_checks_its_source() -> None:
    model = mlp(6, 3)
    plan = Plan(model, nn.CrossEntropyLoss(), optim.SGD(model.parameters()))
    program, order = plan.train_program(X, Y), np.arange(4)
    for source, steps, text in [
        (_core.Source(X, Y, order), 2, "reach past the order's 4"),
        (_core.Source(X, Y, order + 1), 1, "4"),
        (_core.Source(X, np.tile(Y, 2), order), 1, "4 images but 8 targets"),
        (_core.Source(X, None, order), 1, "needs targets"),
        (_core.Source(X[:, :5].copy(), Y, order), 1, "5"),
    ]:
        with pytest.raises(ValueError, match=text):
            plan.run(program, source, 0, steps)
    with pytest.raises(ValueError, match="losses is too small"):
        plan.run(program, _core.Source(X, Y, order), 0, 1, losses=np.zeros(0, np.float32))
    twice = _core.Source(X, Y, np.tile(order, 2))
    with pytest.raises(ValueError, match=r"losses is too small .* it has 1 elements, 2 steps give 2"):
        plan.run(program, twice, 1, 1, losses=np.zeros(1, np.float32))
    with pytest.raises((TypeError, ValueError), match="contiguous"):
        plan.run(program, twice, 0, 1, losses=np.zeros(4, np.float32)[::2])
    with pytest.raises(ValueError, match="steps -1 to 0 of 4 samples"):
        plan.run(program, twice, -1, 1)
    with pytest.raises(ValueError, match="losses were asked for, but program 1 has none"):
        plan.run(plan.eval_program(X), twice, 0, 1, losses=np.zeros(1, np.float32))
    nan = np.full_like(X, np.nan)
    done = plan.run(program, _core.Source(nan, Y, np.tile(order, 5)), 0, 5, seconds=9, stop_at_nan=True)
    assert done == 1 and plan.core.steps_run == 1
