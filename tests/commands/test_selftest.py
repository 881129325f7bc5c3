"""``fastnn selftest``: the promised bits on every instruction set; a wrong one is named."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice

import numpy as np
import pytest
from fastnn import _core, random
from fastnn.commands import cases, selftest

LEVELS = [name for name, there in _core.isa_levels() if there]


@pytest.fixture(scope="module")
def table() -> dict[str, str]:
    return selftest.promised()


def test_the_table_is_what_is_computed(table: dict[str, str]) -> None:
    """On the best instruction set, with one thread and with several; what was set is set back."""
    before = _core.isa(), _core.get_num_threads(), random.state.as_dict()
    rounds = list(islice(selftest.rounds(), 2))
    assert (_core.isa(), _core.get_num_threads(), random.state.as_dict()) == before
    assert [(each.isa, each.threads > 1) for each in rounds] == [(LEVELS[0], False), (LEVELS[0], True)]
    for each in rounds:
        assert each.hashes == table
    for name in ("784-64-10", "LeNet-5"):
        assert table[f"training {name}, plan"] == table[f"training {name}, eager"]
    assert len(set(table.values())) == len(table) - 2  # nothing else is twice


@pytest.mark.slow
def test_all_instruction_sets(capsys: pytest.CaptureFixture[str]) -> None:
    assert selftest.main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[2:-1]] == [name for name in LEVELS for _ in range(2)]
    assert all("41 of 41 as promised" in line for line in lines[2:-1])
    assert lines[-1] == "This machine computes the promised bits."


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[np.ndarray]]:
    """Three cases that take no time, as this machine computes them; the table has them as they are now."""
    found = {name: [np.arange(3.0) + i] for i, name in enumerate(("linear", "conv2d", "training"))}
    promised = {name: selftest._digest(arrays) for name, arrays in found.items()}
    monkeypatch.setattr(selftest, "promised", lambda: promised)
    monkeypatch.setattr(cases, "cases", lambda: iter(found.items()))
    return found


def test_a_wrong_one_is_named(
    small: dict[str, list[np.ndarray]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One bit of one op, on one instruction set."""
    assert selftest.main([]) == 0
    assert "3 of 3 as promised" in capsys.readouterr().out

    def broken() -> Iterator[tuple[str, list[np.ndarray]]]:
        for name, (array,) in small.items():
            bad = name == "conv2d" and _core.isa() == LEVELS[-1]
            yield name, [np.nextafter(array, 9.0) if bad else array]

    monkeypatch.setattr(cases, "cases", broken)
    assert selftest.main([]) == 1
    lines = capsys.readouterr().out.splitlines()
    wrong = [line for line in lines if line.startswith("WRONG")]
    assert len(wrong) == 2 and all(line.startswith(f"WRONG conv2d: {LEVELS[-1]}, ") for line in wrong)
    assert [line for line in lines if "2 of 3 as promised" in line] and lines[-1].startswith("This machine does NOT")

    assert selftest.main(["--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert {row["case"] for row in told["wrong"]} == {"conv2d"} and told["cases"] == 3
    assert len(told["rounds"]) == 2 * len(LEVELS) and told["isa"] == _core.isa()


def test_a_case_too_many_or_too_few(small: dict[str, list[np.ndarray]], capsys: pytest.CaptureFixture[str]) -> None:
    small["new"] = small.pop("linear")
    assert selftest.main([]) == 1
    out = capsys.readouterr().out
    assert "WRONG linear:" in out and "WRONG new:" in out


def test_the_digest_sees_types_and_shapes() -> None:
    a = np.arange(6, dtype=np.float32)
    different = [a, a.astype(np.float64), a.reshape(2, 3), a.view(np.int32), np.where(a == 0, -a, a)]
    assert len({selftest._digest([each]) for each in different}) == len(different)
    assert selftest._digest([a.reshape(2, 3).T]) == selftest._digest([a.reshape(2, 3).T.copy()])
    assert selftest._digest([a.astype(">f4")]) == selftest._digest([a])


def test_a_new_table(small: dict[str, list[np.ndarray]], capsys: pytest.CaptureFixture[str]) -> None:
    """As the file has it."""
    assert selftest.main(["--table"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines == [f"{digest} {name}" for name, digest in selftest.promised().items()]
