"""The memory of results: used again when an array dies, and never while anybody looks at it."""

from __future__ import annotations

import gc
import os
import pickle
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from fastnn import _core
from fastnn.eager.memory import address_of
from fastnn.eager.tensor import Tensor
from processes import printed

COUNT = 1 << 18  # float32 in 1 MB
MB = 1 << 20
MOST_KEPT = 120 * MB


def result(value: float, count: int = COUNT) -> np.ndarray:
    """A result of an op, full of one number."""
    return _core.relu(np.full(count, value, np.float32))


def taken_and_reused() -> np.ndarray:
    return np.array(_core.array_memory_counters()[:2])


def kept() -> int:
    return _core.array_memory_counters()[2]


def forget_kept() -> None:
    """Blocks of a size that the tests do not use take the place of all others."""
    held = [result(0, 30 * COUNT) for _ in range(4)]
    del held
    assert kept() <= MOST_KEPT


@pytest.fixture(autouse=True)
def alone() -> Iterator[None]:
    gc.collect()
    forget_kept()
    yield


def test_memory_is_used_again() -> None:
    """A block given back last is taken first; smaller results take it where it is not much larger."""
    a, b = result(1), result(2)
    first, second = address_of(a), address_of(b)
    before = taken_and_reused()
    del a
    del b
    c, d = result(3), result(4, COUNT * 7 // 8)
    assert (address_of(c), address_of(d)) == (second, first)
    assert (taken_and_reused() - before).tolist() == [2, 2]
    del c
    small = result(5, COUNT // 2)
    assert address_of(small) != second and (taken_and_reused() - before).tolist() == [3, 2]
    assert small.min() == small.max() == 5


def test_small_results_are_left_to_numpy() -> None:
    counters = taken_and_reused()
    result(1, 8191)
    assert (taken_and_reused() == counters).all()
    result(1, 8192)
    assert (taken_and_reused() - counters)[0] == 1


# What somebody may hold when the array itself is gone: they look at the same memory.
VIEWS: dict[str, Callable[[np.ndarray], Any]] = {
    "itself": lambda a: a,
    "slice": lambda a: a[COUNT // 2 :],
    "view of views": lambda a: a.reshape(512, -1).T[3:, ::2][1:],
    "other type": lambda a: a.view(np.uint8),
    "row": lambda a: a.reshape(64, -1)[-1],
    "iterator": lambda a: a.flat,
    "memoryview": memoryview,
    "frombuffer": lambda a: np.frombuffer(a, np.float32),
    "DLPack": np.from_dlpack,
    "array interface": lambda a: np.asarray(type("Held", (), {"__array_interface__": a.__array_interface__, "a": a})()),
    "tensor": lambda a: Tensor(a).detach().numpy(),
    "tensor of a view": lambda a: Tensor(a).reshape(2, -1).T[5:].numpy(),
    "pickled out of band": lambda a: out_of_band(a),
}


def out_of_band(array: np.ndarray) -> np.ndarray:
    buffers: list[pickle.PickleBuffer] = []
    data = pickle.dumps(array, 5, buffer_callback=buffers.append)
    return pickle.loads(data, buffers=buffers)


def values(view: Any) -> set[float]:
    array = np.asarray(view)
    return set(np.unique(array.view(np.float32) if array.dtype == np.uint8 else array).tolist())


@pytest.mark.parametrize("name", VIEWS)
def test_memory_that_is_looked_at_does_not_change(name: str) -> None:
    view = VIEWS[name](result(7))
    for number in range(4):
        others = [result(100 + number) for _ in range(3)]
        del others
        assert values(view) == {7}
    before = kept()
    del view
    gc.collect()
    assert kept() == before + MB


def test_gradients_and_outputs_that_are_held_do_not_change() -> None:
    """Five steps of a loop: what was read from a tensor that is gone stays as it was."""
    weight = Tensor(np.ones((256, 512), np.float32), requires_grad=True)
    x = np.random.default_rng(0).standard_normal((128, 512)).astype(np.float32)
    seen = []
    for step in range(5):
        out = Tensor(x * np.float32(step)) @ weight.T
        out.sum().backward()
        for array in (out.detach().numpy(), weight.grad.numpy()):
            seen.append((array, array.copy()))
        weight.grad = None
    for array, copy in seen:
        assert (array == copy).all()
    assert len({address_of(array) for array, _ in seen}) == len(seen)


def test_threads_have_memory_apart() -> None:
    """Blocks that one thread gives back are taken by others, each array by one."""
    wrong: list[tuple[float, float]] = []
    handed: list[np.ndarray] = []

    def work(number: int) -> None:
        rng = np.random.default_rng(number)
        held: list[tuple[float, np.ndarray]] = []
        for turn in range(150):
            value = float(1 + number * 1000 + turn)
            held.append((value, result(value, COUNT // 4 + 64 * int(rng.integers(4)))))
            handed.append(held[0][1])  # dies in whichever thread is the last to let go
            if len(held) > 5:
                expected, array = held.pop(int(rng.integers(len(held))))
                if not (array == expected).all():
                    wrong.append((expected, float(array[0])))
            while len(handed) > 8:
                handed.pop(0)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong and kept() <= MOST_KEPT


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_of_fork_goes_on() -> None:
    """It has the arrays and the kept blocks of its parent, as memory of its own."""
    code = """
import os, sys
import numpy as np
from fastnn import _core
_core.set_num_threads(1)
full = lambda value: _core.relu(np.full(1 << 18, value, np.float32))
a, b = full(1), full(2)
del b
child = os.fork()
c = full(3 if child else 4)
assert _core.array_memory_counters()[1] == 1
assert (a == 1).all() and (c == (3 if child else 4)).all()
del c
for _ in range(3): full(5 if child else 6)
held = a[1:]
del a
full(7)
assert (held == 1).all()
if child:
    assert os.waitpid(child, 0)[1] == 0
    print("both")
"""
    assert printed(code) == "both\n"


def test_what_is_kept_is_bounded() -> None:
    """In bytes, the oldest blocks going first, and in number; a block larger than all of it is not kept."""
    result(0, 5 * COUNT)
    arrays = [result(1, 30 * COUNT) for _ in range(5)]
    arrays.clear()
    assert kept() == MOST_KEPT
    before = taken_and_reused()
    result(1, 5 * COUNT)
    assert kept() == 95 * MB
    result(1, 120 * COUNT + 1)
    assert kept() == 95 * MB and (taken_and_reused() - before).tolist() == [2, 0]
    small = [result(1, 8192) for _ in range(400)]
    small.clear()
    assert kept() == 256 * 8192 * 4


def test_arrays_own_their_memory() -> None:
    a = result(3)
    assert a.flags.owndata and a.base is None and a.flags.writeable and address_of(a) % 64 == 0
    assert not np.shares_memory(a, result(3))
    a.resize(2 * COUNT, refcheck=False)
    assert a[:COUNT].min() == a[:COUNT].max() == 3 and not a[COUNT:].any()
    a.resize(4, refcheck=False)
    assert a.tolist() == [3] * 4
    a += 1
    assert (pickle.loads(pickle.dumps(result(2))) == 2).all() and (a == 4).all()


def test_only_results_are_taken_from_it() -> None:
    """NumPy's own arrays are left to NumPy, after an error too."""
    before = taken_and_reused()
    result(1)
    with pytest.raises(MemoryError, match=r"Unable to allocate 64\.0 TiB"):
        _core.add(np.zeros((1 << 22, 1), np.float32), np.zeros((1, 1 << 22), np.float32))
    counters = taken_and_reused()
    assert (counters - before)[0] == 2
    np.empty(COUNT, np.float32), np.ones(COUNT) * 2, result(1, 16).repeat(COUNT)
    assert (taken_and_reused() == counters).all()


@pytest.mark.skipif("libasan" in os.environ.get("LD_PRELOAD", ""), reason="its own memory is beyond any limit")
def test_kept_memory_is_given_up_before_there_is_none() -> None:
    code = """
import resource
import numpy as np
from fastnn import _core
_core.set_num_threads(1)
full = lambda megabytes: _core.relu(np.broadcast_to(np.float32(1), (megabytes << 18,)))
arrays = [full(16) for _ in range(6)]
arrays.clear()
x = np.ones(64 << 18, np.float32)
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (24 << 20), resource.RLIM_INFINITY))
print(_core.array_memory_counters()[2] >> 20)
y = _core.relu(x)
print((y == 1).all(), _core.array_memory_counters()[2])
try:
    _core.add(x[: 1 << 13, None], x[: 1 << 13])
except MemoryError as error:
    print(error)
"""
    # Six results, and the memory that each operand in turn was made dense in.
    assert printed(code) == (
        "112\nTrue 0\nUnable to allocate 256. MiB for an array with shape (8192, 8192) and data type float32\n"
    )
