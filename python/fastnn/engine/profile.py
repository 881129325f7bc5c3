"""Where the time of a compiled training step goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fastnn import _core

_PROBE_S = 0.02  # long enough for the processor to leave its idle clock


@dataclass(frozen=True)
class Part:
    """One instruction of a step.

    flops: of its product, zeros that were left out included (0 where it is none). nbytes: of the arrays it touches,
    each counted once. seconds: of all threads together, in one step; predicted: by the model that chooses the number of
    threads (cpp/plan/cost.h).
    """

    name: str
    detail: str
    flops: float
    nbytes: float
    seconds: float
    predicted: float


@dataclass(frozen=True)
class Profile:
    """The parts of a step in the order in which they were recorded, the last one waiting at barriers.

    threads: that took part. peak: multiply-adds that these threads do at most, in flops a second, measured.
    """

    parts: Sequence[Part]
    threads: int
    peak: float

    def lines(self) -> list[str]:
        """A table: time of all threads, share of the step, rate of the products and of the memory touched."""
        total = sum(part.seconds for part in self.parts)
        rows = [("part of a step", "us", "share", "model us", "GFLOP/s", "of peak", "GB/s")]
        rows += [self._row(part, total) for part in self.parts]
        width = max(len(row[0]) for row in rows)
        table = [f"{row[0]:{width}}" + "".join(f"{cell:>9}" for cell in row[1:]) for row in rows]
        threads = f"{self.threads} thread{'s' * (self.threads > 1)}"
        return [
            *table,
            f"{total * 1e6:.1f} us in all, {threads} together; peak: {self.peak / 1e9:.0f} GFLOP/s, measured",
        ]

    def _row(self, part: Part, total: float) -> tuple[str, ...]:
        name = f"{part.name} {part.detail}".rstrip()
        share = f"{part.seconds / total:.1%}" if total else ""
        rates = ("", "", "")
        if part.seconds:
            flops = part.flops / part.seconds
            # One thread's share of the peak: seconds are those of all threads.
            rates = (f"{flops / 1e9:.1f}", f"{flops / self.peak * self.threads:.0%}") if part.flops else ("", "")
            rates += (f"{part.nbytes / part.seconds / 1e9:.1f}" if part.nbytes else "",)
        predicted = f"{part.predicted * 1e6:.2f}" if part.predicted else ""
        return name, f"{part.seconds * 1e6:.2f}", share, predicted, *rates


def profile_of(core: _core.Plan, program: int) -> Profile:
    """What a program's profile has gathered since ``core.start_profile``."""
    threads, parts = core.profile(program)
    return Profile([Part(*values) for values in parts], threads, _core.fma_peak(threads, _PROBE_S) * 1e9)
