"""Measuring: compare first, then take turns, each sample beside a probe of the machine's peak.

A *case* is one piece of work; its *contenders* do it, fastnn first. Every contender runs once and its answer is
checked; one wrong answer stops the benchmark (:class:`Mismatch`). Then rounds A B C A B C ...: a probe of the FMA peak,
a pause in which the other contenders' spinning threads fall asleep, an untimed call, a timed sample. Numbers of one
round belong together: ratios are taken round by round, and U is the share of the peak that was probed just before the
sample.
"""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median

import numpy as np
from fastnn import _core

U32 = 2.0**-24  # unit roundoff of float32
SAMPLE_SECONDS = 0.01  # a sample is repeated calls for at least this long: the clock and a stray interrupt vanish


class Mismatch(Exception):
    """A contender's answer differs from the reference; the message says where and by how much."""


@dataclass(frozen=True)
class Options:
    """What to run and how long.

    Attributes:
        threads: for every contender and the probe.
        rounds: samples of each contender; None for the benchmark's own number.
        quick: to see that everything works, not to learn a number.
        peers: names of the files in peers/ to compare with, beside NumPy.
        only: a part of a case's name; other cases are left out.
        data, images, epochs: for ``loader`` and ``end_to_end``.
    """

    threads: int = 1
    rounds: int | None = None
    quick: bool = False
    peers: tuple[str, ...] = ()
    only: str = ""
    data: str | None = None
    images: int | None = None
    epochs: int = 10

    @property
    def probe_seconds(self) -> float:
        return 0.0005 if self.quick else 0.005

    @property
    def pause_seconds(self) -> float:
        """GNU OpenMP's threads spin for up to 5 ms after their work, on a processor the next one needs."""
        return 0 if self.quick else 0.005


@dataclass(frozen=True)
class Contender:
    """One way to do a case's work.

    Attributes:
        name: who does it.
        run: does it once, or ``units`` times.
        check: raises Mismatch unless it is given a right result of the first run. None: there is nothing to
            compare with (``settings`` says why).
        units: how often one run does the case's work.
        settings: what a reader needs to know to call the comparison fair.
    """

    name: str
    run: Callable[[], object]
    check: Callable[[object], None] | None
    units: int = 1
    settings: str = ""


@dataclass(frozen=True)
class Case:
    """One piece of work.

    Attributes:
        name: with its shapes.
        prepare: makes data and contenders, fastnn's first.
        unit: what a time is the time of ("call", "step", "pass", "run").
        flops, nbytes, images: of one unit; what is 0 is not reported.
        repeat: calls may be repeated to fill a sample, after an untimed one. False: one call is a sample.
    """

    name: str
    prepare: Callable[[], Sequence[Contender]]
    unit: str = "call"
    flops: float = 0
    nbytes: float = 0
    images: int = 0
    repeat: bool = True


@dataclass
class Row:
    """One contender's result. Times are seconds a unit; ratios are its time over fastnn's, round by round."""

    name: str
    settings: str
    checked: bool
    median_s: float
    best_s: float
    worst_s: float
    ratio: float
    ratio_low: float
    ratio_high: float
    peak_gflops: float
    u: float | None
    gflops: float | None
    gbytes_per_s: float | None
    images_per_s: float | None
    samples_s: list[float] = field(default_factory=list)
    peaks_gflops: list[float] = field(default_factory=list)


@dataclass
class Result:
    """One case's rows."""

    name: str
    unit: str
    flops: float
    nbytes: float
    images: int
    rows: list[Row]


def measure(case: Case, options: Options, rounds: int) -> Result:
    """Checks, then times the contenders of a case.

    Raises:
        Mismatch: an answer is wrong; nothing was timed.
    """
    contenders = case.prepare()
    for contender in contenders:
        _check(case, contender)
    repeat = case.repeat and not options.quick
    calls = [_calls(contender) if repeat else 1 for contender in contenders]
    samples: list[list[float]] = [[] for _ in contenders]
    peaks: list[list[float]] = [[] for _ in contenders]
    gc.collect()
    gc.disable()
    try:
        for turn in range((options.rounds or rounds) * len(contenders)):
            place = turn % len(contenders)
            peaks[place].append(_core.fma_peak(options.threads, options.probe_seconds))
            time.sleep(options.pause_seconds)
            samples[place].append(_sample(contenders[place], calls[place], warm=repeat))
    finally:
        gc.enable()
    rows = [_row(case, *parts, samples[0]) for parts in zip(contenders, samples, peaks, strict=True)]
    return Result(case.name, case.unit, case.flops, case.nbytes, case.images, rows)


def _check(case: Case, contender: Contender) -> None:
    """Runs a contender once and has its answer compared."""
    answer = contender.run()
    if contender.check is None:
        return
    try:
        contender.check(answer)
    except Mismatch as error:
        raise Mismatch(f"{case.name}: {contender.name}: {error}; nothing was timed") from error


def _sample(contender: Contender, calls: int, warm: bool) -> float:
    """Seconds a unit, over consecutive calls, after an untimed one."""
    run = contender.run
    if warm:
        run()
    started = time.perf_counter()
    for _ in range(calls):
        run()
    return (time.perf_counter() - started) / (calls * contender.units)


def _calls(contender: Contender) -> int:
    """How many calls fill a sample."""
    one = _sample(contender, 1, warm=True) * contender.units
    return max(1, math.ceil(SAMPLE_SECONDS / max(one, 1e-9)))


def _row(case: Case, contender: Contender, samples: list[float], peaks: list[float], ours: list[float]) -> Row:
    ratios = [theirs / own for theirs, own in zip(samples, ours, strict=True)]
    typical = median(samples)
    shares = [case.flops / seconds / (peak * 1e9) for seconds, peak in zip(samples, peaks, strict=True)]
    return Row(
        name=contender.name,
        settings=contender.settings,
        checked=contender.check is not None,
        median_s=typical,
        best_s=min(samples),
        worst_s=max(samples),
        ratio=median(ratios),
        ratio_low=min(ratios),
        ratio_high=max(ratios),
        peak_gflops=median(peaks),
        u=median(shares) if case.flops else None,
        gflops=case.flops / typical * 1e-9 if case.flops else None,
        gbytes_per_s=case.nbytes / typical * 1e-9 if case.nbytes else None,
        images_per_s=case.images / typical if case.images else None,
        samples_s=samples,
        peaks_gflops=peaks,
    )


def require_close(actual: np.ndarray, expected: np.ndarray, bound: object, what: str = "result") -> None:
    """|actual - expected| <= bound, element by element; equal shapes, NaN nowhere.

    Raises:
        Mismatch: with the worst element.
    """
    actual = np.asarray(actual)
    if actual.shape != expected.shape:
        raise Mismatch(f"{what} has shape {actual.shape}, expected {expected.shape}")
    error = np.abs(actual.astype(np.float64) - expected)
    limit = np.broadcast_to(np.asarray(bound, np.float64), error.shape)
    wrong = ~(error <= limit)
    if not wrong.any():
        return
    excess = np.where(wrong, np.where(np.isnan(error), np.inf, error - limit), -1)
    worst = np.unravel_index(np.argmax(excess), error.shape)
    raise Mismatch(
        f"{what} element {tuple(map(int, worst))} of {actual.shape} is {actual[worst]!r}, expected "
        f"{expected[worst]!r} within {limit[worst]:.3g}; {int(wrong.sum())} elements are wrong"
    )


def gamma(roundings: int | float | np.ndarray, u: float = U32) -> np.ndarray:
    """The relative error of a chain of roundings, at most n u / (1 - n u) of the sum of magnitudes.

    Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., 2002, section 3.1.
    """
    return np.asarray(roundings) * u / (1 - np.asarray(roundings) * u)
