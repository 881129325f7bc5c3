"""Choosing kernels and threads: forced by the environment, reported, refused with a clear error where it cannot be."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from fastnn import _core
from harness import configured

LEVELS = dict(_core.isa_levels())
REPORT = "from fastnn import _core; print(_core.isa(), _core.get_num_threads(), _core.available_cpus())"


def run(code: str, prefix: tuple[str, ...] = (), **variables: str) -> subprocess.CompletedProcess[str]:
    kept = {k: v for k, v in os.environ.items() if k not in ("FASTNN_ISA", "FASTNN_NUM_THREADS", "OMP_NUM_THREADS")}
    command = [*prefix, sys.executable, "-c", code]
    return subprocess.run(command, env={**kept, **variables}, capture_output=True, text=True)


def report(prefix: tuple[str, ...] = (), **variables: str) -> tuple[str, int, int]:
    done = run(REPORT, prefix, **variables)
    assert done.returncode == 0, done.stderr
    isa, threads, cpus = done.stdout.split()
    return isa, int(threads), int(cpus)


def test_levels_are_listed_best_first() -> None:
    assert list(LEVELS) in (["avx512", "avx2", "scalar"], ["neon", "scalar"], ["scalar"]) and LEVELS["scalar"]


def test_best_supported_level_by_default() -> None:
    best = next(name for name, supported in LEVELS.items() if supported)
    assert report()[0] == report(FASTNN_ISA="")[0] == best


def test_forced_level_is_the_active_one(isa: str) -> None:
    assert report(FASTNN_ISA=isa)[0] == isa == _core.isa()
    assert _core.isa_description()


@pytest.mark.parametrize("name", ["avx9", "AVX2", "scalar "])
def test_unknown_level(name: str) -> None:
    message = f"[isa] FASTNN_ISA is '{name}'; it must be one of {', '.join(LEVELS)}"
    done = run("import fastnn._core", FASTNN_ISA=name)
    assert done.returncode == 1 and message in done.stderr
    for words in (("-m", "fastnn", "info"), ("-m", "fastnn.train")):  # one line, as of any wrong setting
        env = {**os.environ, "FASTNN_ISA": name}
        said = subprocess.run([sys.executable, *words], env=env, capture_output=True, text=True, check=False)
        assert (said.returncode, said.stderr) == (2, f"fastnn: error: {message}\n")
    before = _core.isa()
    with pytest.raises(ValueError) as caught:
        _core.set_isa(name)
    assert str(caught.value) == message and _core.isa() == before


@pytest.mark.parametrize("name", LEVELS)
def test_unsupported_level(name: str) -> None:
    if LEVELS[name]:
        pytest.skip(f"this CPU supports {name}")
    message = f"[isa] FASTNN_ISA is '{name}', which this CPU does not support; unset it for the best that does"
    done = run("import fastnn._core", FASTNN_ISA=name)
    assert done.returncode == 1 and message in done.stderr
    with pytest.raises(ValueError) as caught:
        _core.set_isa(name)
    assert str(caught.value) == message


def test_levels_call_different_functions() -> None:
    """Equal bits prove nothing if both names lead to the same code. Doubles of avx512 are avx2's (dispatch.cpp)."""
    addresses = {name: set(_core.kernel_addresses(name)) for name in LEVELS}
    assert all(len(each) == 3 for each in addresses.values())
    shared = len(addresses.get("avx512", set()) & addresses.get("avx2", set()))
    assert shared == ("avx512" in LEVELS)
    assert len(set().union(*addresses.values())) == 3 * len(LEVELS) - shared


def test_panel_widths_are_the_levels_own(isa: str) -> None:
    """The table in force is really used: its panels are as wide as its vectors make them."""
    widths = {"scalar": (2, 2), "neon": (16, 8), "avx2": (16, 8), "avx512": (32, 8)}
    assert (_core.panel_width(), _core.panel_width(True)) == widths[isa]


def test_levels_are_fast_in_order() -> None:
    """A forced level changes what runs: vectors beat single lanes by far (three times and more; here: any at all)."""
    if not LEVELS.get("avx2"):
        pytest.skip("this CPU does not support avx2")
    import time

    a = np.ones((200, 200), np.float32)
    seconds = {}
    for name in ("scalar", "avx2"):
        with configured(name, 1):
            rounds = []
            for _ in range(5):
                start = time.perf_counter()
                _core.matmul(a, a)
                rounds.append(time.perf_counter() - start)
        seconds[name] = min(rounds)
    assert seconds["avx2"] < seconds["scalar"]


def test_threads_from_the_environment() -> None:
    cpus = report()[2]
    assert report()[1] == cpus
    assert report(FASTNN_NUM_THREADS="7")[1] == 7
    assert report(OMP_NUM_THREADS="1")[1] == 1
    assert report(OMP_NUM_THREADS="1,2")[1] == 1, "a list: one entry a nesting level"
    assert report(OMP_NUM_THREADS="1000")[1] == cpus, "OpenMP's variable does not take more than there is"
    assert report(OMP_NUM_THREADS="1", FASTNN_NUM_THREADS="3")[1] == 3, "our own variable wins"
    assert report(FASTNN_NUM_THREADS="", OMP_NUM_THREADS="")[1] == cpus


@pytest.mark.parametrize("variable", ["FASTNN_NUM_THREADS", "OMP_NUM_THREADS"])
@pytest.mark.parametrize("value", ["0", "-1", "two", "1.5", "4097", "99999999999999999999", "3 "])
def test_bad_numbers_of_threads(variable: str, value: str) -> None:
    done = run(
        "from fastnn import _core\ntry: _core.get_num_threads()\nexcept ValueError as e: print(e)", **{variable: value}
    )
    assert done.stdout == f"[threads] {variable} is '{value}'; it must be a number from 1 to 4096\n", done.stderr


def test_affinity_mask_counts() -> None:
    if shutil.which("taskset") is None or 0 not in os.sched_getaffinity(0):
        pytest.skip("needs taskset and processor 0")
    isa, threads, cpus = report(("taskset", "-c", "0"))
    assert (threads, cpus) == (1, 1) and LEVELS[isa]
    assert report(("taskset", "-c", "0"), FASTNN_NUM_THREADS="2")[1] == 2, "what is asked for by name is given"


@pytest.mark.parametrize("threads", [0, -1, 4097])
def test_set_num_threads_refuses(threads: int) -> None:
    before = _core.get_num_threads()
    with pytest.raises(ValueError, match=rf"threads must be from 1 to 4096, got {threads}"):
        _core.set_num_threads(threads)
    assert _core.get_num_threads() == before


@pytest.mark.parametrize("threads", [2**31, 1.5, "2", None])
def test_set_num_threads_wants_an_integer(threads: object) -> None:
    with pytest.raises(TypeError):
        _core.set_num_threads(threads)
