"""Measuring: compare first, then take turns, each sample beside a probe of the machine's peak.

A *case* is one piece of work; its *contenders* do it, fastnn first. Every contender runs once and its answer is
checked; one wrong answer stops the benchmark (:class:`Mismatch`). Then rounds A B C A B C ...: a probe of the FMA peak,
a pause in which the other contenders' spinning threads fall asleep, an untimed call, a timed sample. Numbers of one
round belong together: ratios are taken round by round, and U is the share of the peak that was probed just before the
sample.

Where more than one thread is used, the distance of the cores is measured between the samples. On some machines it
changes by the minute and with it every time by a factor of two: samples with near cores and with far ones have rows of
their own, and one before and after which it differs is left out and counted.
"""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from typing import NamedTuple

import numpy as np
from fastnn import _core

U32 = 2.0**-24  # unit roundoff of float32
WITH_OPENBLAS = {"numpy", "sklearn"}  # contenders whose products are by NumPy's or SciPy's
SAMPLE_SECONDS = 0.01  # a sample is repeated calls for at least this long: the clock and a stray interrupt vanish

# Cores that share a last-level cache are 20 to 80 ns apart, others 150 and more.
NEAR_NS = 100.0
KINDS = ("", "near", "far")  # of a sample by the distance of the cores; "": not measured


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
        ops: for ``ops``: the only ones, by PyTorch's names or those of their rooms.
        data, images, epochs: for ``loader`` and ``end_to_end``.
        mnist: the folder of MNIST's files, for steps on its pixels; None: drawn digits.
    """

    threads: int = 1
    rounds: int | None = None
    quick: bool = False
    peers: tuple[str, ...] = ()
    only: str = ""
    data: str | None = None
    images: int | None = None
    epochs: int = 10
    mnist: str | None = None
    ops: tuple[str, ...] = ()

    def among(self, peers: Sequence[str]) -> Options:
        """The same with no peers but these."""
        return replace(self, peers=tuple(peer for peer in self.peers if peer in peers))

    @property
    def probe_seconds(self) -> float:
        return 0.0005 if self.quick else 0.005

    def pause_seconds(self, before: str) -> float:
        """Threads spin after their work, on a processor the next one needs: GNU OpenMP's for up to 5 ms, OpenBLAS' for
        120 (seen on an Intel Emerald Rapids). before: who has just run.
        """
        return 0 if self.quick else 0.15 if before in WITH_OPENBLAS else 0.005


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
        singles: the seconds of each unit of the last run, where single ones matter; a sample is their median then.
    """

    name: str
    run: Callable[[], object]
    check: Callable[[object], None] | None
    units: int = 1
    settings: str = ""
    singles: Callable[[], Sequence[float]] | None = None


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


class Sample(NamedTuple):
    """One timing of a contender: seconds a unit, or of single ones; the peak probed before it; ns between the cores
    before and after it, None where not measured."""

    seconds: float
    singles: list[float]
    peak: float
    distances: tuple[float | None, float | None]

    @property
    def cores(self) -> str | None:
        """What it is by the distance of the cores; None where that changed meanwhile."""
        before, after = ("" if ns is None else "near" if ns < NEAR_NS else "far" for ns in self.distances)
        return before if before == after else None


@dataclass
class Row:
    """One contender's result, of its samples of one kind. Times are seconds a unit; ratios are its time over fastnn's,
    round by round, None where no round has both of this kind.

    Attributes:
        cores: the kind, one of KINDS. distance_ns: the median, None where not measured.
        p99_s: the 99th percentile of single units, p99_ratio: to fastnn's; None where they were not timed.
    """

    name: str
    cores: str
    settings: str
    checked: bool
    median_s: float
    best_s: float
    worst_s: float
    ratio: float | None
    ratio_low: float | None
    ratio_high: float | None
    p99_s: float | None
    p99_ratio: float | None
    distance_ns: float | None
    peak_gflops: float
    u: float | None
    gflops: float | None
    gbytes_per_s: float | None
    images_per_s: float | None
    samples_s: list[float] = field(default_factory=list)
    peaks_gflops: list[float] = field(default_factory=list)
    distances_ns: list[list[float | None]] = field(default_factory=list)


@dataclass
class Result:
    """One case's rows, and the name of those that are fastnn's. left_out: how many samples are in none, as the distance
    of the cores changed."""

    name: str
    unit: str
    flops: float
    nbytes: float
    images: int
    ours: str
    rows: list[Row]
    left_out: int


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
    samples: list[list[Sample]] = [[] for _ in contenders]
    gc.collect()
    gc.disable()
    try:
        distance = core_distance(options)
        for turn in range((options.rounds or rounds) * len(contenders)):
            place = turn % len(contenders)
            time.sleep(options.pause_seconds(contenders[place - 1].name))
            peak = _core.fma_peak(options.threads, options.probe_seconds)
            seconds = _sample(contenders[place], calls[place], warm=repeat)
            singles = contenders[place].singles
            before, distance = distance, core_distance(options)
            samples[place].append(Sample(seconds, list(singles()) if singles else [], peak, (before, distance)))
    finally:
        gc.enable()
    rows = [
        _row(case, contender, own, samples[0], cores)
        for cores in KINDS
        for contender, own in zip(contenders, samples, strict=True)
        if any(sample.cores == cores for sample in own)
    ]
    left_out = sum(sample.cores is None for own in samples for sample in own)
    ours = contenders[0].name
    return Result(case.name, case.unit, case.flops, case.nbytes, case.images, ours, rows, left_out)


def core_distance(options: Options) -> float | None:
    """Nanoseconds from core to core; None where one thread does not care, or the system does not tell."""
    return _core.core_distance() if options.threads > 1 else None


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
    """Seconds a unit, over consecutive calls, after an untimed one; or the median of single units."""
    run = contender.run
    if warm:
        run()
    started = time.perf_counter()
    for _ in range(calls):
        run()
    if contender.singles:
        return median(contender.singles())
    return (time.perf_counter() - started) / (calls * contender.units)


def _calls(contender: Contender) -> int:
    """How many calls fill a sample."""
    one = _sample(contender, 1, warm=True) * contender.units
    return max(1, math.ceil(SAMPLE_SECONDS / max(one, 1e-9)))


def _row(case: Case, contender: Contender, samples: list[Sample], ours: list[Sample], cores: str) -> Row:
    own = [sample for sample in samples if sample.cores == cores]
    rounds = [
        (theirs, first) for theirs, first in zip(samples, ours, strict=True) if theirs.cores == first.cores == cores
    ]
    ratios = [theirs.seconds / first.seconds for theirs, first in rounds]
    seconds = [sample.seconds for sample in own]
    typical = median(seconds)
    p99, our_p99 = (_p99([sample for sample in part if sample.cores == cores]) for part in (samples, ours))
    distances = [list(sample.distances) for sample in own]
    shares = [case.flops / sample.seconds / (sample.peak * 1e9) for sample in own]
    return Row(
        name=contender.name,
        cores=cores,
        settings=contender.settings,
        checked=contender.check is not None,
        median_s=typical,
        best_s=min(seconds),
        worst_s=max(seconds),
        ratio=median(ratios) if ratios else None,
        ratio_low=min(ratios, default=None),
        ratio_high=max(ratios, default=None),
        p99_s=p99,
        p99_ratio=p99 / our_p99 if p99 and our_p99 else None,
        distance_ns=median(ns for pair in distances for ns in pair) if cores else None,
        peak_gflops=median(sample.peak for sample in own),
        u=median(shares) if case.flops else None,
        gflops=case.flops / typical * 1e-9 if case.flops else None,
        gbytes_per_s=case.nbytes / typical * 1e-9 if case.nbytes else None,
        images_per_s=case.images / typical if case.images else None,
        samples_s=seconds,
        peaks_gflops=[sample.peak for sample in own],
        distances_ns=distances,
    )


def _p99(samples: list[Sample]) -> float | None:
    singles = [seconds for sample in samples for seconds in sample.singles]
    return float(np.quantile(singles, 0.99)) if singles else None


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
