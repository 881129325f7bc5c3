"""How far apart the cores are: a plausible number, with nothing left behind."""

from __future__ import annotations

import json
import os

import pytest
from fastnn import _core
from processes import printed

TWO = pytest.mark.skipif(_core.available_cpus() < 2, reason="needs two processors")


@TWO
def test_a_distance_is_some_cycles_to_a_microsecond() -> None:
    """No cache line crosses in 5 ns; two threads that share a processor would take turns of 50 us and more."""
    found = [_core.core_distance() for _ in range(5)]
    assert all(5 < distance < 1000 for distance in found), found


@TWO
def test_the_caller_stays_where_it_may_be() -> None:
    before = os.sched_getaffinity(0)
    _core.core_distance()
    assert os.sched_getaffinity(0) == before


def test_one_processor_has_no_distance() -> None:
    code = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); "
    assert printed(code + "from fastnn import _core; print(_core.core_distance())") == "None\n"


def test_info_tells_it() -> None:
    code = "import sys; from fastnn.commands.info import main; sys.exit(main(sys.argv[1:]))"
    distance = json.loads(printed(code, "--json"))["core_distance_ns"]
    assert (distance is not None) == (_core.available_cpus() > 1)
    assert "\ncore_distance_ns: " in printed(code)
