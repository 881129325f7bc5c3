"""One thread for what is over in less time than several need to meet, and to wait for each other."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from fastnn import _core

# Multiply-adds of a millisecond (AVX2, one core): a second thread takes a fifth off steps of a tenth of that, and
# twice the processor time, which searches and cross-validations have better use for.
_WORTH_SEVERAL = 2e7

_lock = threading.Lock()
_inside, _before = 0, 1


@contextmanager
def threads_for(multiply_adds: float) -> Iterator[None]:
    """Inside, calls of so much work each take as many threads as are worth it. The process has one number for all its
    threads: others that train meanwhile have it, too.
    """
    if multiply_adds >= _WORTH_SEVERAL:
        yield
        return
    _enter()
    try:
        yield
    finally:
        _leave()


def _enter() -> None:
    global _inside, _before
    with _lock:
        if not _inside:
            _before = _core.get_num_threads()
            _core.set_num_threads(1)
        _inside += 1


def _leave() -> None:
    global _inside
    with _lock:
        _inside -= 1
        if not _inside:
            _core.set_num_threads(_before)
