"""Work that several threads do, without the locks of Python's own pools: a Ctrl-C in the wrong line of those leaves one
taken, and the pool waits for its threads for ever.
"""

from __future__ import annotations

from _thread import start_new_thread
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from queue import SimpleQueue
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_order(work: Callable[[Item], Result], items: Sequence[Item], threads: int) -> Iterator[Result]:
    """``work(item)`` of each item, in their order, done by so many threads; by fewer where the system has not so many.

    Once the iterator is closed, or an exception of the work has come out of it, nobody works any more.
    """
    numbers, stopped, ended = iter(range(len(items))), [], []
    done: SimpleQueue[tuple[int, Result | None, BaseException | None]] = SimpleQueue()

    def take() -> None:
        for number in numbers:
            if stopped:
                break
            try:
                done.put((number, work(items[number]), None))
            except BaseException as error:
                done.put((number, None, error))
        ended.append(True)  # first: an interrupt may take what was put from the queue and lose it
        done.put((-1, None, None))

    running = 0
    try:
        with suppress(RuntimeError):  # no more threads
            while running < min(threads, len(items)):
                start_new_thread(take, ())
                running += 1
        if running == 0:
            take()
        early: dict[int, tuple[Result | None, BaseException | None]] = {}
        for number in range(len(items)):
            while number not in early:
                which, *found = done.get()
                early[which] = (found[0], found[1])
            result, error = early.pop(number)
            if error is not None:
                raise error
            yield result  # type: ignore[misc]
    finally:
        stopped.append(True)
        while len(ended) < running:
            done.get()
