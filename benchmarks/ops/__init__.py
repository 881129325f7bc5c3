"""One file a room of ``cpp/ops``: its cases. Here they get their contenders: fastnn, NumPy and the peers wanted."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from importlib import import_module
from pkgutil import iter_modules

from benchmarks.harness import Case, Contender, Options
from benchmarks.op_case import OpCase, copies

ROUNDS = 11
PEERS = ("torch",)

# NumPy and the peers order their sums differently and have other polynomials: what the bound allows us, they get
# this many times. A wrong formula is off by 10^5 times.
SLACK = 16


def rooms() -> list[str]:
    """The files here."""
    return sorted(module.name for module in iter_modules(__path__))


def all_cases() -> Iterator[tuple[str, OpCase]]:
    """Every case of every room, and the room's name."""
    for room in rooms():
        for op_case in import_module(f"{__name__}.{room}").cases():
            yield room, op_case


def cases(options: Options) -> Iterator[Case]:
    """The cases of the ops that are wanted.

    Raises:
        ValueError: an op that there is not.
    """
    known = {name for room, op_case in all_cases() for name in (room, op_case.op or room)}
    for name in options.ops:
        if name not in known:
            raise ValueError(f"--op: {name!r} is none of {', '.join(sorted(known))}")
    for room, op_case in all_cases():
        if not options.ops or not {room, op_case.op}.isdisjoint(options.ops):
            yield case(room, op_case, options)


def case(room: str, op_case: OpCase, options: Options) -> Case:
    """A room's case for the harness."""
    name, prepare = f"{op_case.op or room} {op_case.name}", partial(contenders, op_case, options)
    return Case(name, prepare, flops=op_case.flops, nbytes=op_case.nbytes)


def contenders(op_case: OpCase, options: Options) -> list[Contender]:
    """fastnn, NumPy and the peers wanted, each on arrays of its own."""
    inputs = op_case.inputs()
    check = op_case.check(inputs)
    loose = partial(check, slack=SLACK)
    in_numpy = Contender(
        "numpy",
        partial(op_case.numpy or op_case.reference, *copies(inputs)),
        None if op_case.other_numbers else loose,
        settings=op_case.other_numbers,
    )
    found = [Contender("fastnn", partial(op_case.ours, *copies(inputs)), check), in_numpy]
    if op_case.torch and "torch" in options.peers:
        torch_ops = import_module("benchmarks.peers.torch_ops")
        run = torch_ops.call(op_case.torch, copies(inputs), op_case.settings, options.threads)
        found.append(Contender("torch", run, loose, settings=torch_ops.SETTINGS))
    return found
