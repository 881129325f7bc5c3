"""The core without Python: a recorded step that another program runs."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import fastnn
import numpy as np
import pytest
from fastnn import _core, nn, optim
from fastnn.engine.plan import Plan
from program_text import program_text, result_hash
from repository import ROOT

STEPS = 3


class Small(nn.Module):
    """Convolution, batch norm, pooling, dropout and dense layers, of odd sizes."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 7, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(7)
        self.conv2 = nn.Conv2d(7, 5, 5, stride=2, padding=2)
        self.dropout = nn.Dropout(0.3)
        self.layer1 = nn.Linear(5 * 3 * 3, 41)
        self.layer2 = nn.Linear(41, 10)

    def forward(self, x: fastnn.Tensor) -> fastnn.Tensor:
        x = nn.functional.max_pool2d(self.norm(self.conv1(x)).relu(), 2)
        x = self.conv2(x).tanh().flatten(1)
        return self.layer2(nn.functional.gelu(self.layer1(self.dropout(x))))


def recorded() -> tuple[Plan, fastnn.Tensor, fastnn.Tensor]:
    """A plan after its first step, and its batch."""
    fastnn.manual_seed(5)
    rng = np.random.default_rng(2)
    model = Small()
    x = fastnn.tensor(rng.standard_normal((9, 3, 11, 12), np.float32))
    y = fastnn.tensor(rng.integers(0, 10, 9))
    plan = Plan(model, nn.CrossEntropyLoss(), optim.Adam(model.parameters(), lr=0.01, weight_decay=0.1))
    plan.step(x, y)
    return plan, x, y


def build(folder: Path, *options: str) -> Path:
    """The program."""
    configure = ["cmake", "-G", "Ninja", "-S", ROOT, "-B", folder, "-DFASTNN_SELFTEST=ON", "-DFASTNN_WERROR=ON"]
    settings = ["-DCMAKE_BUILD_TYPE=Release", f"-DSKBUILD_PROJECT_VERSION={fastnn.__version__}", *options]
    for command in ([*configure, *settings], ["ninja", "-C", folder]):
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    (program,) = [path for path in (folder / "cpp").glob("fastnn_selftest*") if path.suffix in ("", ".exe")]
    return program


def check_runs(command: Sequence[str | Path], tmp_path: Path, **environment: str) -> None:
    """Every run comes to what the plan comes to here."""
    plan, x, y = recorded()
    (tmp_path / "step.txt").write_text(program_text(plan, STEPS))
    for _ in range(STEPS):
        plan.step(x, y)
    words = [*command, "step.txt"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, env={**os.environ, **environment})
    assert done.returncode == 0, done.stdout + done.stderr
    supported = [isa for isa, has in _core.isa_levels() if has]
    runs = [f"{isa} {threads} {result_hash(plan)}" for isa in supported for threads in (1, 2, 3)]
    assert done.stdout.split("\n") == [*runs, ""]


@pytest.mark.slow
def test_the_program_comes_to_the_same_bits(tmp_path: Path) -> None:
    check_runs([build(tmp_path / "build")], tmp_path)


MINGW = "x86_64-w64-mingw32-g++-posix"
WINE = shutil.which("wine64", path=f"{os.environ.get('PATH', '')}:/usr/lib/wine")


@pytest.mark.slow
@pytest.mark.skipif(not (shutil.which(MINGW) and WINE), reason="needs mingw-w64 and Wine")
def test_windows_comes_to_the_same_bits(tmp_path: Path) -> None:
    system = ["-DCMAKE_SYSTEM_NAME=Windows", "-DCMAKE_SYSTEM_PROCESSOR=x86_64", f"-DCMAKE_CXX_COMPILER={MINGW}"]
    program = build(tmp_path / "build", *system, "-DCMAKE_EXE_LINKER_FLAGS=-static")
    check_runs([WINE, program], tmp_path, WINEPREFIX=str(tmp_path / "wine"), WINEDEBUG="-all")


def test_the_text_is_that_of_the_step() -> None:
    plan, x, y = recorded()
    text, before = program_text(plan, STEPS), result_hash(plan)
    assert {line.split()[0] for line in text.splitlines()} == {"buffer", "view", "write", "op", "run", "result"}
    plan.step(x, y)
    assert result_hash(plan) != before
    assert program_text(plan, STEPS) != text
