"""One model asked by several threads at once: each gets the answer that one thread gets."""

from __future__ import annotations

import copy
import os
import pickle
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import fastnn
import numpy as np
import pytest
from fastnn import Network, _core, nn, optim
from fastnn.keras import layers, models

X = np.random.default_rng(2).standard_normal((500, 30)).astype(np.float32)
Y = np.arange(500) % 3


@pytest.fixture(autouse=True)
def threads_that_change_often() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


class Dropping(Network):
    """A forward that looks at values, so that it stays eager, and differs in training mode."""

    def __init__(self, *sizes: int) -> None:
        super().__init__(*sizes)
        self.drop = nn.Dropout(0.5)

    def children(self) -> Any:
        return (self.layer1, self.layer2)

    def forward(self, x: Any) -> Any:
        return super().forward(self.drop(x) if float(x.sum().item()) else x)


def untrained(kind: type[Network] = Network) -> Network:
    fastnn.manual_seed(3)
    return kind(30, 40, 3)


def fitted() -> Network:
    network = untrained()
    network.fit((X, Y), epochs=1, verbose=0)
    return network


def keras(*, built: bool = True) -> models.Sequential:
    start = [layers.Input((30,))] if built else []
    model = models.Sequential([*start, layers.Dense(40, "relu"), layers.Dropout(0.5), layers.Dense(3, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def compiled() -> Callable[[np.ndarray], np.ndarray]:
    forward = fastnn.compile(nn.Sequential(nn.Linear(30, 40), nn.Dropout(), nn.Linear(40, 3)))
    return lambda x: forward(x).numpy()


def asked(model: Any, method: str, *, labels: bool = False, **options: Any) -> Callable[[np.ndarray], Any]:
    """A method of a model, with labels as a second argument or as a pair with x."""

    def ask(x: np.ndarray) -> Any:
        y = (Y[: len(x)],) if labels else ()
        answer = getattr(model, method)(*([(x, *y)] if isinstance(model, Network) and labels else (x, *y)), **options)
        return answer.numpy() if isinstance(answer, fastnn.Tensor) else answer

    return ask


USES: dict[str, Callable[[], Callable[[np.ndarray], Any]]] = {
    "network": lambda: asked(untrained(), "predict"),
    "trained": lambda: asked(fitted(), "predict"),
    "classes": lambda: asked(fitted(), "predict_classes"),
    "eager": lambda: asked(untrained(Dropping), "predict"),
    "evaluate": lambda: asked(fitted(), "evaluate", labels=True),
    "keras": lambda: asked(keras(), "predict", verbose=0),
    "keras evaluate": lambda: asked(keras(), "evaluate", labels=True, verbose=0),
    "keras call": lambda: asked(keras(), "__call__"),
    "not built": lambda: asked(keras(built=False), "predict", verbose=0),
    "compiled": compiled,
}


def at_once(work: Callable[[], None], threads: int = 4) -> list[BaseException]:
    """What work raised, begun by several threads at the same time."""
    raised: list[BaseException] = []
    gate = threading.Barrier(threads)

    def begin() -> None:
        gate.wait()
        try:
            work()
        except BaseException as error:
            raised.append(error)

    workers = [threading.Thread(target=begin) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert not any(worker.is_alive() for worker in workers)
    return raised


@pytest.mark.parametrize("name", USES)
def test_answers_are_those_of_one_thread(name: str) -> None:
    use, found = USES[name](), []
    assert at_once(lambda: [found.append((rows, use(X[:rows]))) for rows in (500, 7, 500, 33) * 4]) == []  # type: ignore[func-returns-value]
    expected = {rows: use(X[:rows]) for rows in (500, 7, 33)}
    assert len(found) == 64
    assert all(np.array_equal(values, expected[rows]) for rows, values in found)


def test_predict_and_evaluate_together() -> None:
    """After a fit, whose plan has the parameters: evaluate uses that, predict another one."""
    network = fitted()
    expected = network.evaluate((X, Y)), network.predict(X)
    network.fit((X, Y), epochs=1, verbose=0, lr=1e-30)
    turn = iter(range(100))

    def work() -> None:
        for _ in range(5):
            if next(turn) % 2:
                assert network.evaluate((X, Y)) == expected[0]
            else:
                assert np.array_equal(network.predict(X), expected[1])

    assert at_once(work) == []


def test_training_is_not_waited_for() -> None:
    model = nn.Sequential(nn.Linear(30, 800), nn.Linear(800, 3))
    plan = fastnn.compile(model, nn.CrossEntropyLoss(), optim.SGD(model.parameters(), lr=0.0)).__self__
    evaluating = threading.Event()
    with plan._exclusive.training():
        raised = at_once(lambda: (evaluating.set(), plan.forward(X)), threads=1)
    assert [str(error)[:49] for error in raised] == ["this model is being trained or evaluated by another"[:49]]
    assert evaluating.is_set() and plan.forward(X).shape == (500, 3)


def test_copies_and_children_are_free() -> None:
    """A lock that somebody holds is no lock of a copy's, nor of a child's."""
    network, model = untrained(), keras()
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with network._turns, model._turns:
            held.set()
            done.wait(60)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()
    for same in (copy.deepcopy(network), pickle.loads(pickle.dumps(network))):
        assert same.predict(X).shape == (500, 3)
    child = os.fork()
    if not child:
        signal.alarm(60)  # one that waits for ever is a failure
        os._exit(int(network.predict(X).shape != (500, 3) or model.predict(X, verbose=0).shape != (500, 3)))
    done.set()
    holder.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_the_thread_that_has_turns_may_take_them_again() -> None:
    turns = _core.Lease()
    with turns, turns:
        pass
    assert at_once(lambda: turns.__enter__() or turns.__exit__()) == []
