"""Fork after parallel work, and Python threads beside each other."""

from __future__ import annotations

import multiprocessing
import os
import select
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import fastnn
import numpy as np
import pytest
from fastnn import nn, optim, random
from fastnn.eager.tensor import Tensor
from fastnn.engine.plan import Plan, compile
from fastnn.engine.recording import Recorder, one_at_a_time
from harness import configured
from models import bits, classes, eager_step, mlp, trained

fork_is_meant = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
X, Y = classes(784, 10, [64])[0]


def in_a_child(work: Callable[[], str], seconds: float = 2.0) -> str:
    """What work gives in a forked child, which must be done within some seconds."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writer, work().encode())
        except BaseException as error:
            os.write(writer, repr(error).encode())
        finally:
            os._exit(0)
    os.close(writer)
    try:
        ready, _, _ = select.select([reader], [], [], seconds)
        if not ready:
            os.kill(child, 9)
        return os.read(reader, 10_000).decode() if ready else f"the child hung for {seconds} s"
    finally:
        os.close(reader)
        os.waitpid(child, 0)


@fork_is_meant
@pytest.mark.parametrize("times", [20, pytest.param(100, marks=pytest.mark.slow)])
def test_fork_after_parallel_work(times: int) -> None:
    with configured("", 2):
        expected = [trained(2, compiled) for compiled in (False, True)]
        for number in range(times):
            assert in_a_child(lambda n=number: trained(2, bool(n % 2))) == expected[number % 2]
            assert trained(2, bool(number % 2)) == expected[number % 2]  # the parent goes on in parallel


@fork_is_meant
def test_a_plan_goes_on_in_the_child() -> None:
    with configured("", 2):
        model = mlp(784, 128, 10)
        step = compile(model, nn.CrossEntropyLoss(), optim.Adam(model.parameters()))
        step(X, Y)
        child = in_a_child(lambda: repr([step(X, Y).item(), model[0].weight[0].sum().item()]))
        assert child == repr([step(X, Y).item(), model[0].weight[0].sum().item()])


@fork_is_meant
@pytest.mark.parametrize("what", ["a kernel", "a plan", "a recording"])
def test_fork_beside_another_thread(what: str) -> None:
    """In the middle of its kernel, its plan's step or its recording; the child has only the forking thread."""
    with configured("", 2):
        expected, stop, started = trained(2, True), threading.Event(), threading.Event()
        x, model = Tensor(np.ones((700, 700), np.float32)), mlp(784, 300, 10)
        step = compile(model, nn.CrossEntropyLoss(), optim.SGD(model.parameters()))

        def work() -> None:
            recording = what == "a recording"
            with one_at_a_time if recording else nullcontext(), Recorder() if recording else configured("", 2):
                while not stop.is_set():
                    step(X, Y) if what == "a plan" else x @ x
                    started.set()

        thread = threading.Thread(target=work)
        thread.start()
        started.wait()
        try:
            for _ in range(5):
                assert in_a_child(lambda: trained(2, True)) == expected
        finally:
            stop.set()
            thread.join()


@fork_is_meant
def test_a_forked_pool() -> None:
    with configured("", 2):
        expected = [trained(2, True, seed) for seed in range(4)]
        with multiprocessing.get_context("fork").Pool(2) as pool:
            found = pool.starmap_async(trained, [(2, True, seed) for seed in range(4)]).get(timeout=20)
    assert found == expected


# P2: threads


def together(works: list[Callable[[], Any]]) -> list[Any]:
    """The results of functions that start at once, each in a thread of its own."""
    barrier, results = threading.Barrier(len(works)), [None] * len(works)

    def run(number: int) -> None:
        barrier.wait()
        try:
            results[number] = works[number]()
        except Exception as error:
            results[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def net(number: int) -> Callable[[], dict[str, Any]]:
    """Training of the net of a number, made here; each has other sizes, half of them are compiled."""
    random.manual_seed(number)
    model = nn.Sequential(mlp(784, 90 + 10 * number, 20), nn.Dropout(0.2), nn.Linear(20, 10))
    optimizer, criterion = optim.Adam(model.parameters()), nn.CrossEntropyLoss()
    plan = Plan(model, criterion, optimizer)
    data = classes(784, 10, [32, 32, 5])

    def work() -> dict[str, Any]:
        for x, y in data:
            plan.step(x, y) if number % 2 else eager_step(model, criterion, optimizer, x, y)
            with fastnn.no_grad():
                model[0](Tensor(x))
        return bits(model, optimizer)

    return work


@pytest.mark.parametrize("rounds", [10, pytest.param(50, marks=pytest.mark.slow)])
def test_threads_train_different_nets(rounds: int) -> None:
    for number in range(rounds):
        with configured("", 1 + number % 2):
            count = 2 + number % 3
            works = [net(each) for each in range(count)]
            random.manual_seed(99)  # all draw from one seed: the serial runs must, too
            found = together(works)
            serial = [net(each) for each in range(count)]
            random.manual_seed(99)
            assert found == [work() for work in serial]


class Slow(nn.Module):
    """Gives other threads the time to meddle with its recording."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Dropout(0.5), nn.Linear(784, 10))

    def forward(self, x: Tensor) -> Tensor:
        time.sleep(0.005)
        return self.layers(x)


@pytest.mark.parametrize("model", [Slow, lambda: fastnn.Network(784, 64, 10)], ids=["module", "network"])
def test_threads_share_a_net_for_prediction(model: Callable[[], nn.Module]) -> None:
    """Each plan is recorded in evaluation mode, and the net stays in the mode it was in."""
    network = model()
    predict = network.predict if isinstance(network, fastnn.Network) else lambda x: compile(network)(x).numpy()
    expected = predict(X)
    for result in together([lambda: [predict(X) for _ in range(5)]] * 3):
        assert not isinstance(result, Exception), result
        assert all(np.array_equal(each, expected) for each in result)
    assert all(module.training for module in network.modules())
