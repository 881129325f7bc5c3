"""python fuzz_arguments.py SEED CALLS: calls ops with right, odd and absurd arguments.

Each call is printed before it is made, so that the last line names the one that crashed. A call that takes longer than
3 s ends the process by SIGALRM; memory is limited, so that sizes no machine has are seen as such. Exit status 1 for an
exception other than ValueError, TypeError and MemoryError.
"""

from __future__ import annotations

import collections
import random
import resource
import signal
import sys
from typing import Any

import numpy as np
from fastnn import _core
from harness import strided
from op_calls import WITH_OUT, valid_calls

SIZES = [0, 1, 2, 3, 5, 7, 16, 17, 33, 64]
HUGE = [2**31 - 1, 2**31, 2**32 + 1, 2**40, 2**59, 2**62]
NUMBERS = [0, 1, -1, 3, 2**31, 2**32, 2**63 - 1, -(2**63), 2**64, 0.5, -0.0, 1e300, float("nan"), float("inf"), True]
TYPES = ["f4", "f4", "f8", "i8", "u1", "?", "f2", "i4", "c8", "O", "S2", "M8[s]", ">f4", ">i8"]
DOCUMENTED = (ValueError, TypeError, MemoryError)


def some_shape(draw: random.Random) -> tuple[int, ...]:
    rank = draw.choice([0, 1, 1, 2, 2, 2, 3, 3, 4, 8, 9, 20])
    return tuple(draw.choice(SIZES if rank < 5 else [1, 2]) for _ in range(rank))


def huge_array(draw: random.Random) -> np.ndarray:
    """One element repeated, or nothing at all, in a size that no memory holds."""
    shape = [draw.choice(SIZES) for _ in range(draw.randrange(3))]
    shape.insert(draw.randrange(len(shape) + 1), draw.choice(HUGE))
    dtype = np.dtype(draw.choice(["f4", "f8", "i8", "u1"]))
    while np.prod([max(n, 1) for n in shape], dtype=object) * dtype.itemsize >= 2**63:
        shape[shape.index(max(shape))] //= 2
    return np.broadcast_to(np.ones((), dtype), shape)


def some_array(draw: random.Random, like: Any = None) -> np.ndarray:
    if draw.random() < 0.05:
        return huge_array(draw)
    alike = isinstance(like, np.ndarray) and max(like.shape, default=0) < 10_000
    shape = like.shape if alike and draw.random() < 0.7 else some_shape(draw)
    dtype = like.dtype if alike and draw.random() < 0.7 else np.dtype(draw.choice(TYPES))
    values = np.array([draw.choice([0, 1, 2, 3, 100]) for _ in range(64)])
    array = np.resize(values, shape).astype(dtype)
    if dtype.kind == "f" and array.size and draw.random() < 0.3:
        array.flat[draw.randrange(array.size)] = draw.choice([np.nan, np.inf, -np.inf, -0.0, 1e-40])
    if dtype.kind in "fiub" and array.ndim < 5 and draw.random() < 0.3:
        array = draw.choice(strided(array))
    array.flags.writeable = draw.random() < 0.9
    return array


def some_value(draw: random.Random, like: Any) -> Any:
    """A replacement for an argument: mostly of its kind."""
    if draw.random() < 0.1:
        return draw.choice([None, "x", [], [1.0], {}, object, b"", (), np.float32(1)])
    if isinstance(like, np.ndarray):
        return some_array(draw, like)
    if isinstance(like, list):
        return [draw.choice(SIZES + HUGE + [-1, -(2**63)]) for _ in range(draw.choice([0, 1, 2, 3, 9, 30]))]
    return draw.choice(NUMBERS)


def some_out(draw: random.Random, arguments: list[Any]) -> Any:
    """None, an input itself, a part of one, or any array."""
    arrays = [argument for argument in arguments if isinstance(argument, np.ndarray) and argument.ndim]
    if not arrays:
        return None
    chosen = draw.choice(arrays)
    return draw.choice([None, chosen, chosen[..., :1], some_array(draw, chosen)])


def some_call(draw: random.Random) -> tuple[str, list[Any]]:
    calls = valid_calls()
    name = draw.choice(sorted(calls))
    arguments = calls[name]
    for _ in range(draw.choice([0, 1, 1, 2])):
        place = draw.randrange(len(arguments))
        arguments[place] = some_value(draw, arguments[place])
    if name == "dense_grad_bias" and getattr(arguments[0], "size", 0) > 2**30:
        return some_call(draw)  # its input may be one row repeated: 2^40 additions are what was asked for
    if WITH_OUT.get(name) == len(arguments) and draw.random() < 0.4:
        arguments.append(some_out(draw, arguments))
    return name, arguments


def described(argument: Any) -> str:
    if not isinstance(argument, np.ndarray):
        return repr(argument)[:60]
    return f"array({argument.dtype.str} {argument.shape} strides {argument.strides})"


def main(seed: int, calls: int) -> int:
    resource.setrlimit(resource.RLIMIT_AS, (2 * 2**30, 2 * 2**30))
    _core.set_num_threads(2)
    draw = random.Random(seed)
    seen: collections.Counter[str] = collections.Counter()
    for number in range(calls):
        name, arguments = some_call(draw)
        print(number, name, ", ".join(map(described, arguments)), flush=True)
        signal.alarm(3)
        try:
            getattr(_core, name)(*arguments)
            seen["right"] += 1
        except DOCUMENTED as error:
            seen[type(error).__name__] += 1
        finally:
            signal.alarm(0)
    print(f"{calls} calls: {dict(seen)}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2])))
