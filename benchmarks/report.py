"""What a benchmark found: the machine, the versions and the results, as a table and as JSON."""

from __future__ import annotations

import datetime
import json
import platform
import subprocess
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from statistics import median
from textwrap import wrap

import numpy as np
from fastnn import _core

from benchmarks.harness import NEAR_NS, Options, Result, Row

ROOT = Path(__file__).parent.parent
VERSIONS = {"torch": "torch", "torch_compile": "torch", "jax": "jax", "sklearn": "scikit-learn"}


@dataclass
class Environment:
    """Where and with what the numbers came about."""

    benchmark: str
    date: str
    commit: str
    cpu: str
    cpus: int
    isa: str
    threads: int
    threading: str
    fma_peak_gflops: float
    core_distance_ns: float | None
    system: str
    versions: dict[str, str]
    rounds: int
    quick: bool


@dataclass
class Report:
    """All of one run."""

    environment: Environment
    results: list[Result] = field(default_factory=list)

    def to_json(self) -> str:
        """Everything, single samples included."""
        return json.dumps(asdict(self), indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Report:
        """What :meth:`to_json` wrote."""
        content = json.loads(text)
        results = [
            Result(**{**result, "rows": [Row(**row) for row in result["rows"]]}) for result in content["results"]
        ]
        return cls(Environment(**content["environment"]), results)

    def text(self) -> str:
        """The table."""
        blocks = ["\n".join(block(result)) for result in self.results]
        last = "\n".join([*notes(self.results), *summary(self.results)])
        return "\n\n".join(["\n".join(heading(self.environment)), *blocks, last])


def describe(benchmark: str, options: Options, rounds: int) -> Environment:
    """The environment of this process."""
    probes = [_core.fma_peak(options.threads, options.probe_seconds) for _ in range(5)]
    return Environment(
        benchmark=benchmark,
        date=datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        commit=_commit(),
        cpu=_cpu(),
        cpus=_core.available_cpus(),
        isa=_core.isa(),
        threads=options.threads,
        threading=_core.threading(),
        fma_peak_gflops=median(probes),
        core_distance_ns=_core.core_distance(),
        system=f"{platform.system()} {platform.release()}",
        versions=_versions(options.peers),
        rounds=options.rounds or rounds,
        quick=options.quick,
    )


def _commit() -> str:
    """The commit of the checkout, "+" where files differ from it; empty where git or a checkout is not there."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(ROOT), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout.strip()

    try:
        return git("rev-parse", "--short", "HEAD") + ("+" if git("status", "--porcelain") else "")
    except (OSError, subprocess.SubprocessError):
        return ""


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _versions(peers: tuple[str, ...]) -> dict[str, str]:
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    versions = {
        "fastnn": _core.__version__,
        "python": platform.python_version(),
        "numpy": f"{np.__version__} ({blas.get('name', 'no BLAS')} {blas.get('version', '')})",
        "pillow": metadata.version("pillow"),
    }
    for peer in peers:
        versions[VERSIONS[peer]] = metadata.version(VERSIONS[peer])
    return versions


# The table

_WIDTH = 110
_PREFIXES = (("G", 1e9), ("M", 1e6), ("k", 1e3), ("", 1.0))


def heading(environment: Environment) -> Iterator[str]:
    """The lines above the table."""
    e = environment
    commit = f", commit {e.commit}" if e.commit else ""
    yield f"benchmark {e.benchmark}, {e.date}{commit}"
    yield (
        f"{e.cpu}, {e.cpus} CPUs; {e.isa}, {_count(e.threads, 'thread')} ({e.threading}); "
        f"FMA peak {e.fma_peak_gflops:.0f} GFLOP/s in float32; "
        + ("" if e.core_distance_ns is None else f"cores {e.core_distance_ns:.0f} ns apart; ")
        + e.system
    )
    versions = [f"{name} {version}".replace(" ", "\xa0") for name, version in e.versions.items()]  # not broken there
    yield from (line.replace("\xa0", " ") for line in wrap(", ".join(versions), _WIDTH))
    if e.quick:
        yield "quick run: it shows that everything works; the numbers mean nothing"
    rounds = _count(e.rounds, "round")
    yield f"answers compared first, then {rounds}, contenders in turn; ratio: time over fastnn's, median (range)"


def block(result: Result) -> Iterator[str]:
    """The lines of one case."""
    work = [text for text in (_scaled(result.flops, "FLOP"), _scaled(result.nbytes, "B")) if text]
    work += [f"{result.images:,} images"] if result.images else []
    yield f"{result.name}" + (f": {', '.join(work)} a {result.unit}" if work else "")
    width = max(20, *(len(row.name) for row in result.rows))
    apart, single = any(row.cores for row in result.rows), any(row.p99_s is not None for row in result.rows)
    columns = f" {'median':>8} {'best':>8} {'worst':>8} {'ratio':>8} {'(range)':14} {'rate':>15} {'peak':>6}"
    cores, u, p99 = f" {'cores':>8}" * apart, f" {'U':>5}" * bool(result.flops), f" {'p99':>8} {'ratio':>8}" * single
    yield f"  {'':{width}}{cores}{columns}{u}{p99}"
    for row in result.rows:
        ours = row.name == result.ours or row.ratio is None
        spread = "" if ours else f"({_three_digits(row.ratio_low)}..{_three_digits(row.ratio_high)})"
        yield (
            f"  {row.name:{width}}"
            + ("" if row.distance_ns is None else f" {row.cores:4} {row.distance_ns:3.0f}")
            + f" {_time(row.median_s)} {_time(row.best_s)} {_time(row.worst_s)} {_times(row.ratio):>8} {spread:14}"
            + f" {_rate(row):>15} {row.peak_gflops:6.0f}"
            + ("" if row.u is None else f" {row.u:5.2f}")
            + ("" if row.p99_s is None else f" {_time(row.p99_s)} {_times(row.p99_ratio):>8}")
        )
    if result.left_out:
        yield f"  left out: {_count(result.left_out, 'sample')}, before and after which the cores' distance differs"


def notes(results: list[Result]) -> Iterator[str]:
    """The lines below the table: what the columns mean, and every contender's settings."""
    rows = [row for result in results for row in result.rows]
    legend = "peak: GFLOP/s of multiply-adds in registers, probed before each sample"
    yield legend + "; U: share of it, in GEMM flops" * any(row.u is not None for row in rows)
    if any(row.cores for row in rows):
        yield f"cores: ns from one to another, before and after each sample; near: both times below {NEAR_NS:.0f}"
    if any(row.p99_s is not None for row in rows):
        yield "p99: 99th percentile of single units; median, best and worst are of rounds' medians"
    for settings in dict.fromkeys(row.settings for row in rows if row.settings):
        yield from wrap(settings, _WIDTH, subsequent_indent="  ")


def summary(results: list[Result]) -> Iterator[str]:
    """A line for each work and distance of the cores: fastnn's time, and how many times as long the others take. None
    for a single work."""
    if len(results) == 1:
        return
    yield "\nin short:"
    for result in results:
        for cores in dict.fromkeys(row.cores for row in result.rows):
            rows = [row for row in result.rows if row.cores == cores]
            texts = [_own(row, result) if row.name == result.ours else _other(row) for row in rows]
            yield from wrap(
                f"{result.name}{cores and f', {cores}'}: {'; '.join(texts)}", _WIDTH, subsequent_indent="  "
            )


def _own(row: Row, result: Result) -> str:
    """fastnn's time, U, and how many times as long as with near cores it takes with far ones."""
    text = _time(row.median_s).strip() + _p99(row)
    text += "" if row.u is None else f", U {row.u:.2f}"
    near = result.rows[0]
    both = near.name == row.name and near.cores != row.cores
    return text + f", {_times(row.median_s / near.median_s)} of {near.cores}" * both


def _other(row: Row) -> str:
    text = f"{row.name} {_times(row.ratio)}{_p99(row)}"
    return text if row.p99_s is None else f"{text}, {_times(row.p99_ratio)}"


def _p99(row: Row) -> str:
    return "" if row.p99_s is None else f", p99 {_time(row.p99_s).strip()}"


def _times(ratio: float | None) -> str:
    return "-" if ratio is None else f"{_three_digits(ratio)}x"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")


def _time(seconds: float) -> str:
    units = (("s ", 1.0), ("ms", 1e3), ("us", 1e6), ("ns", 1e9))
    unit, factor = next((pair for pair in units if seconds * pair[1] >= 1), units[-1])
    return f"{_three_digits(seconds * factor):>5} {unit}"


def _three_digits(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _scaled(value: float | None, unit: str) -> str:
    """52400000.0, "FLOP" as "52.4 MFLOP"; nothing for nothing."""
    if not value:
        return ""
    prefix, factor = next((pair for pair in _PREFIXES if value >= pair[1]), _PREFIXES[-1])
    return f"{_three_digits(value / factor)} {prefix}{unit}"


def _rate(row: Row) -> str:
    rates = ((row.gflops, 1e9, "FLOP/s"), (row.gbytes_per_s, 1e9, "B/s"))
    known = [_scaled(value * factor, unit) for value, factor, unit in rates if value is not None]
    known += [] if row.images_per_s is None else [f"{_three_digits(row.images_per_s)} images/s"]
    return known[0] if known else ""
