"""No op reads or writes one byte beyond its arrays: guard pages before and after each (N2)."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = str(Path(__file__).parents[1] / "helpers" / "guard_pages.py")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, SCRIPT, *arguments], capture_output=True, text=True)


def test_every_op_stays_inside(isa: str) -> None:
    done = run(isa)
    last = done.stdout.rstrip().rsplit("\n", 1)[-1]
    assert done.returncode == 0, f"exit {done.returncode} in {last}\n{done.stderr[-2000:]}"
    assert int(last.split()[0]) > 5000


@pytest.mark.parametrize("where", ["end", "start"])
def test_an_overrun_is_seen(where: str) -> None:
    done = run("overrun", where)
    assert done.returncode == -signal.SIGSEGV and done.stdout == f"overrun at the {where}\n"
