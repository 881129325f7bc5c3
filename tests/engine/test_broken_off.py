"""Recordings and plans that an exception or a fork breaks off: nobody waits for them, and nothing of them stays."""

from __future__ import annotations

import copy
import gc
import os
import pickle
import random
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import fastnn
import numpy as np
import pytest
from fastnn import _core, nn, optim
from fastnn.eager import ops
from fastnn.eager.tensor import Tensor
from fastnn.engine import plan as plans
from fastnn.engine.plan import Plan
from fastnn.engine.recording import Recorder, RecordingError, one_at_a_time

X, Y = np.ones((4, 3), np.float32), np.zeros(4, np.int64)

fork_is_meant = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")
# Python drops an interrupt that hits a callback of the collector or the end of an object, and says so.
interrupts_anywhere = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def model_and_step() -> tuple[nn.Module, Callable]:
    model = nn.Linear(3, 2)
    return model, fastnn.compile(model, nn.CrossEntropyLoss(), optim.SGD(model.parameters(), lr=0.1))


def train() -> float:
    return model_and_step()[1](X, Y).item()


# The lease


def in_thread(work: Callable[[], object]) -> object:
    """What a function gives in another thread, or the exception that it raises."""
    found: list[object] = []

    def run() -> None:
        try:
            found.append(work())
        except Exception as error:
            found.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(20)
    assert not thread.is_alive()
    return found[0]


def entered(lease: _core.Lease) -> int:
    with lease:
        return lease.depth()


@contextmanager
def held_by_another_thread(lease: _core.Lease) -> Iterator[None]:
    taken, done = threading.Event(), threading.Event()

    def hold() -> None:
        with lease:
            taken.set()
            done.wait(20)

    thread = threading.Thread(target=hold)
    thread.start()
    taken.wait(20)
    try:
        yield
    finally:
        done.set()
        thread.join(20)


def test_a_thread_may_enter_again_and_others_are_refused() -> None:
    lease = _core.Lease("taken")
    with lease:
        first = lease.turn()
        with lease:
            assert (lease.depth(), lease.turn()) == (2, first)
        assert lease.depth() == 1
        assert str(in_thread(lambda: entered(lease))) == "taken"
        assert in_thread(lambda: (lease.depth(), lease.turn())) == (0, 0)
    assert in_thread(lambda: entered(lease)) == 1 and lease.turn() == 0
    with lease:
        assert lease.turn() == first + 2
    lease.__exit__(None, None, None)  # nobody holds it: nothing
    assert entered(lease) == 1


def test_others_wait() -> None:
    lease, order = _core.Lease(), []

    def other() -> None:
        with lease:
            order.append("other")

    with lease:
        thread = threading.Thread(target=other)
        thread.start()
        time.sleep(0.05)
        order.append("first")
    thread.join(20)
    assert order == ["first", "other"]


def test_an_evaluation_waits_for_all_but_training() -> None:
    lease, order = _core.Lease("taken"), []

    def evaluation() -> None:
        with lease.evaluation():
            order.append("other")

    for use in (lease, lease.evaluation()):
        with use:
            thread = threading.Thread(target=evaluation)
            thread.start()
            time.sleep(0.05)
            order.append("first")
        thread.join(20)
    assert order == ["first", "other"] * 2
    with lease.training():
        with lease.evaluation():  # validation
            assert lease.depth() == 2
        assert str(in_thread(evaluation)) == "taken"
    with lease.evaluation():
        assert str(in_thread(lease.training().__enter__)) == "taken"
    assert in_thread(evaluation) is None  # what trained is over


def test_copies_are_free() -> None:
    lease = _core.Lease("taken")
    with lease:
        for same in (copy.deepcopy(lease), pickle.loads(pickle.dumps(lease))):
            assert in_thread(lambda same=same: entered(same)) == 1
            with same:
                assert str(in_thread(lambda same=same: entered(same))) == "taken"


def test_a_waiting_thread_can_be_interrupted() -> None:
    lease = _core.Lease()
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        with held_by_another_thread(lease):
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            with pytest.raises(KeyboardInterrupt):
                entered(lease)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert entered(lease) == 1


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def child(work: Callable[[], object], seconds: int = 60) -> bool:
    """Whether a function comes to its end in a child of this process."""
    pid = os.fork()
    if pid == 0:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(seconds)
        code = 1
        try:
            work()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    return os.waitpid(pid, 0)[1] == 0


@fork_is_meant
def test_a_lease_of_a_thread_that_the_child_lacks() -> None:
    lease = _core.Lease("taken")

    def in_child() -> None:
        assert entered(lease) == 1
        with lease:
            assert str(in_thread(lambda: entered(lease))) == "taken"
            assert child(lambda: 1 / (entered(lease) == 2))  # its own goes along

    with held_by_another_thread(lease):
        assert child(in_child)
        with pytest.raises(RuntimeError, match="taken"):
            entered(lease)
    assert entered(lease) == 1


# Interrupts


@pytest.fixture
def interrupts() -> Iterator[Callable[[float], None]]:
    """interrupts(seconds): a KeyboardInterrupt so much later."""
    gc.collect()  # what earlier tests left: one that hits while threading takes a dead thread off its list is swallowed
    before = signal.signal(signal.SIGALRM, interrupt)
    yield lambda seconds: signal.setitimer(signal.ITIMER_REAL, seconds)
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@interrupts_anywhere
def test_interrupts_while_steps_are_recorded(interrupts: Callable) -> None:
    """Wherever they hit, with what they break off still at hand: nobody waits, the next recording is whole."""
    expected, drawn, kept = train(), random.Random(1), []
    for _ in range(500):
        fastnn.manual_seed(0)
        try:
            interrupts(drawn.uniform(1e-5, 1.5e-3))
            for _ in range(50):
                train()
        except KeyboardInterrupt as error:
            kept.append(error)
    assert len(kept) > 400 and one_at_a_time.depth() == 0
    assert isinstance(in_thread(train), float)
    fastnn.manual_seed(0)
    train()
    assert ops.recorder is None and ops.add is _core.add and Tensor(np.float32(3)).item() == 3
    assert np.isfinite(expected)


@interrupts_anywhere
def test_interrupts_while_a_plan_runs(interrupts: Callable) -> None:
    """The plan is nobody's afterwards: another thread may train and read."""
    model, step = model_and_step()
    step(X, Y)
    drawn, whole = random.Random(2), 0
    for _ in range(300):
        with suppress(KeyboardInterrupt):
            interrupts(drawn.uniform(1e-5, 5e-4))
            for _ in range(1000):  # an interrupt within a finalizer is swallowed, and none comes
                step(X, Y)
                model.weight.sum()
            whole += 1
    interrupts(0)
    assert whole < 50
    assert isinstance(in_thread(lambda: step(X, Y).item()), float)
    assert isinstance(in_thread(lambda: model.weight.sum().item()), float)


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
@pytest.mark.parametrize("place", ["__enter__", "__exit__", "put_back", "model"])
def test_an_exception_at_each_border(place: str, error: type, monkeypatch: pytest.MonkeyPatch) -> None:
    """Raised once in the recorder's own lines, as Ctrl-C or an empty memory would."""

    def fail(*_: object) -> None:
        raise error

    model, step = model_and_step()
    with monkeypatch.context() as patch:
        if place == "model":
            patch.setattr(type(model), "forward", fail)
        elif place == "put_back":
            patch.setattr("fastnn.engine.recording.put_back", fail)
        else:
            patch.setattr(Recorder, place, fail)
        with pytest.raises(error):
            step(X, Y)
    assert one_at_a_time.depth() == 0
    assert Tensor(np.float32(3)).item() == 3  # eager code is not refused in the name of what was broken off
    assert isinstance(in_thread(train), float) and np.isfinite(step(X, Y).item())
    assert ops.recorder is None and ops.add is _core.add


def test_recordings_do_not_nest() -> None:
    class Nested(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            train()
            return super().forward(x)

    model = Nested(3, 2)
    with pytest.raises(RecordingError, match="while another one is being recorded"):
        fastnn.compile(model)(X)
    assert one_at_a_time.depth() == 0 and np.isfinite(train())


# Forks


@fork_is_meant
@pytest.mark.parametrize("what", ["recording", "training", "reading"])
def test_children_beside_a_busy_thread(what: str) -> None:
    """They record, train with the very plan, and read the very parameters."""
    model, step = model_and_step()
    step(X, Y)
    stop, interval = threading.Event(), sys.getswitchinterval()

    def work() -> None:
        while not stop.is_set():
            if what == "recording":
                train()
                continue
            with suppress(RuntimeError):  # refused: the main thread has the plan
                step(X, Y)
                if what == "reading":
                    model.weight.sum()

    def in_child() -> None:
        assert np.isfinite(train())
        assert np.isfinite(step(X, Y).item()) and np.isfinite(model.weight.sum().item())
        assert ops.recorder is None and ops.add is _core.add

    thread = threading.Thread(target=work)
    sys.setswitchinterval(1e-6)
    try:
        thread.start()
        assert all(child(in_child) for _ in range(60))
    finally:
        stop.set()
        thread.join()
        sys.setswitchinterval(interval)


# Room


def test_programs_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """By their number; results are those of a plan without a bound."""
    monkeypatch.setattr(plans, "MOST_PROGRAMS", 5)
    x = np.random.default_rng(0).random((40, 3), np.float32)
    y = np.arange(40) % 2

    def trained(bounded: bool) -> list[float]:
        fastnn.manual_seed(0)
        model = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5), nn.Linear(4, 2))
        plan = Plan(model, nn.CrossEntropyLoss(), optim.Adam(model.parameters()))
        plan._profiled = not bounded  # a profile holds on to its program
        losses = []
        for rows in [*range(1, 30), *range(20, 40), 3, 3]:
            losses.append(plan.step(x[:rows], y[:rows]).item())
            losses.append(plan.forward(x[:rows]).numpy().sum())
            assert len(plan._programs) <= 5 or not bounded
        return [*losses, *model[0].weight.detach().numpy().ravel()]

    assert trained(True) == trained(False)


def test_buffers_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """By their bytes, but for so few programs as a training has."""
    monkeypatch.setattr(plans, "MOST_BYTES", 20_000)
    model = nn.Linear(3, 2)
    plan = Plan(model)
    for rows in range(1, 200):
        plan.forward(np.ones((rows, 3), np.float32))
        last = (rows + 8) * 8 * 3 * 4
        assert len(plan._programs) <= plans.FEW_PROGRAMS or plan._memory.nbytes() < 20_000 + last
    assert len(plan._programs) <= plans.FEW_PROGRAMS


def test_an_epoch_goes_on_when_its_program_was_let_go_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """A callback that evaluates many shapes between two chunks: the same losses as without it."""
    monkeypatch.setattr(plans, "MOST_PROGRAMS", 3)

    class Evaluates(fastnn.trainer.Callback):
        every = 1

        def on_chunk(self, trainer: fastnn.Trainer, chunk: object) -> None:
            for rows in range(1, 6):
                trainer.engine.plan.forward(np.ones((rows, 3), np.float32))

    def losses(callbacks: list) -> list[float]:
        fastnn.manual_seed(0)
        model = nn.Linear(3, 2)
        trainer = fastnn.Trainer(model, nn.CrossEntropyLoss(), optim.SGD(model.parameters(), lr=0.1, momentum=0.9))
        x = np.random.default_rng(0).random((40, 3), np.float32)
        trainer.fit((x, np.arange(40) % 2), epochs=2, batch_size=8, callbacks=callbacks)
        return trainer.history.history["loss"]

    assert losses([Evaluates()]) == losses([])
