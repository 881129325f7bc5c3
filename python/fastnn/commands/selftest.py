"""``fastnn selftest``: whether this machine computes the promised bits."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from fastnn.commands import cli
from fastnn.commands.signals import Signals
from fastnn.training.console import Console

TABLE = Path(__file__).with_name("promised.txt")  # a hash and a name a line, written by --table


class Round(NamedTuple):
    """All cases on one instruction set with so many threads: hashes by name."""

    isa: str
    threads: int
    hashes: dict[str, str]
    seconds: float


def promised() -> dict[str, str]:
    """The hash of each case."""
    return {name: digest for digest, name in (line.split(" ", 1) for line in TABLE.read_text().splitlines())}


def rounds() -> Iterator[Round]:
    """Every instruction set that this processor has, with one thread and with several. What is set is set back."""
    from fastnn import _core, random
    from fastnn.commands.cases import cases

    isa, threads, state = _core.isa(), _core.get_num_threads(), random.state.as_dict()
    try:
        for name, there in _core.isa_levels():
            for count in (1, max(threads, 2)) if there else ():
                _core.set_isa(name)
                _core.set_num_threads(count)
                began = time.perf_counter()
                hashes = {case: _digest(arrays) for case, arrays in cases()}
                yield Round(name, count, hashes, time.perf_counter() - began)
    finally:
        _core.set_isa(isa)
        _core.set_num_threads(threads)
        random.state.restore(state)


def _digest(arrays: Sequence[Any]) -> str:
    """Of types, shapes and bytes in C order; 64 bits are enough against accidents."""
    import numpy as np

    digest = sha256()
    for array in map(np.asarray, arrays):
        little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
        digest.update(f"{little.dtype.str} {array.shape} ".encode() + little.tobytes())
    return digest.hexdigest()[:16]


def selftest(args: argparse.Namespace, signals: Signals) -> int:
    """Runs the command."""
    from fastnn.commands.info import runtime_info

    console, facts = Console(), runtime_info()
    if args.table:
        for name, digest in next(rounds()).hashes.items():
            console.line(f"{digest} {name}")
        return 0
    table, wrong, done = promised(), [], []
    if not args.json:
        console.line(f"fastnn {facts['fastnn']}, Python {facts['python']}, NumPy {facts['numpy']}, {facts['platform']}")
        count, of = facts["threads"], facts["processors"]
        console.line(f"in use: {facts['isa']}, {count} thread{'s' * (count > 1)} of {of} processor{'s' * (of > 1)}")
    for each in rounds():
        signals.check()
        bad = [name for name in table.keys() | each.hashes.keys() if each.hashes.get(name) != table.get(name)]
        done.append(each)
        wrong += [(each, name) for name in sorted(bad)]
        if not args.json:
            right = f"{len(table) - len(bad)} of {len(table)} as promised"
            console.line(f"{each.isa:8} {each.threads} thread{'s' * (each.threads > 1)}: {right}, {each.seconds:.2f} s")
    told = [
        dict(case=name, isa=each.isa, threads=each.threads, found=each.hashes.get(name), promised=table.get(name))
        for each, name in wrong
    ]
    if args.json:
        import json

        ran = [{"isa": each.isa, "threads": each.threads, "seconds": round(each.seconds, 3)} for each in done]
        console.line(json.dumps({**facts, "rounds": ran, "cases": len(table), "wrong": told}, indent=2))
    else:
        for row in told:
            console.line("WRONG {case}: {isa}, {threads} threads: {found}, promised {promised}".format(**row))
        console.line("This machine computes the promised bits." if not told else _ADVICE)
    return 1 if told else 0


_ADVICE = (
    "This machine does NOT compute the promised bits. Please report it with all of these lines, and with those of "
    "`fastnn info`; FASTNN_ISA names an instruction set that is right."
)


def make_parser() -> cli.Parser:
    parser = cli.Parser(
        prog="fastnn selftest",
        description="Compute ops and short trainings on every instruction set that this processor has, with one thread "
        "and with several, compiled and eager, and compare their bits with the promised ones. Exit code 0: all equal."
        "\n在这个处理器的每种指令集上计算各种运算和短的训练 (单线程和多线程, 编译的和逐步的), "
        "与承诺的结果逐位比较。退出码 0: 全部相同。",
    )
    parser.add_argument("--json", action="store_true", help="print all that was found as JSON\n写成 JSON")
    parser.add_argument(
        "--table",
        action="store_true",
        help="print the hashes of this build, the new table for developers\n写出这次编译的哈希表, 供开发者用",
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    return cli.run("fastnn selftest", selftest, make_parser(), argv)
