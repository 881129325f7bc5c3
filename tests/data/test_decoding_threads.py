"""Work of several threads: in order, ended by an error, a close or Ctrl-C, with as many threads as there are."""

from __future__ import annotations

import _thread
import gc
import random
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from fastnn.data import threads
from fastnn.data.threads import in_order


def slow_at_first(number: int) -> tuple[int, int]:
    """The first items take longest: results come in another order than they are wanted."""
    time.sleep(0.003 * max(0, 4 - number))
    return number * number, threading.get_ident()


@pytest.mark.parametrize("count", [1, 2, 5, 100])
@pytest.mark.parametrize("items", [[], [3], list(range(20)), range(1000, 1030)])
def test_results_are_in_order(count: int, items: Any) -> None:
    found = list(in_order(slow_at_first, items, count))
    assert [square for square, _ in found] == [number * number for number in items]
    assert threading.get_ident() not in {thread for _, thread in found}
    assert len({thread for _, thread in found}) <= count


@pytest.mark.parametrize("had", [0, 1, 3])
def test_fewer_threads_where_the_system_has_no_more(had: int, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[int] = []

    def start(work: Callable, arguments: tuple) -> int:
        if len(started) == had:
            raise RuntimeError("can't start new thread")
        started.append(1)
        return _thread.start_new_thread(work, arguments)

    monkeypatch.setattr(threads, "start_new_thread", start)
    assert list(in_order(lambda number: number + 1, range(50), 8)) == list(range(1, 51))


@pytest.mark.parametrize("error", [ValueError, MemoryError, KeyboardInterrupt])
def test_an_error_of_the_work_comes_in_its_place(error: type[BaseException]) -> None:
    """After the results before it; then nobody works any more."""
    done: list[int] = []

    def work(number: int) -> int:
        time.sleep(0.001)
        if number == 5:
            raise error
        done.append(number)
        return number

    results = in_order(work, range(1000), 3)
    assert [next(results) for _ in range(5)] == [0, 1, 2, 3, 4]
    with pytest.raises(error):
        next(results)
    known = len(done)
    time.sleep(0.02)
    assert len(done) == known < 100


def test_closing_waits_for_who_works() -> None:
    working: list[int] = []

    def work(number: int) -> None:
        working.append(number)
        time.sleep(0.02)
        working.remove(number)

    results = in_order(work, range(100), 4)
    next(results)
    results.close()
    assert working == []


def test_interrupts_leave_nobody_waiting() -> None:
    """Wherever they hit: a later call works, and so does the one that they end."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    drawn, hits, before = random.Random(2), 0, signal.signal(signal.SIGALRM, interrupt)
    gc.collect()
    try:
        for _ in range(1500):
            try:
                signal.setitimer(signal.ITIMER_REAL, drawn.uniform(1e-5, 1e-3))
                for _ in range(40):
                    list(in_order(str, range(8), 3))
            except KeyboardInterrupt:
                hits += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert hits > 1000 and list(in_order(str, range(3), 2)) == ["0", "1", "2"]
