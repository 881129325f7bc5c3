"""One benchmark from its cases to a report."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from fastnn import _core

from benchmarks.harness import Options, measure
from benchmarks.report import Report, block, describe, heading, notes, summary


def run(work: str, options: Options, show: Callable[[str], object]) -> Report:
    """Measures every case that is wanted, showing each as it is done.

    Raises:
        Mismatch: an answer is wrong.
        ValueError: no case is wanted, or the data is not there.
    """
    module = import_module(f"benchmarks.{work}")
    rounds = 1 if options.quick else module.ROUNDS
    options = options.among(module.PEERS)
    _core.set_num_threads(options.threads)
    report = Report(describe(work, options, rounds))
    show("\n".join(heading(report.environment)))
    for case in module.cases(options):
        if options.only in case.name:
            report.results.append(measure(case, options, rounds))
            show("\n" + "\n".join(block(report.results[-1])))
    if not report.results:
        raise ValueError(f"no case has {options.only!r} in its name")
    show("\n" + "\n".join([*notes(report.results), *summary(report.results)]))
    return report
