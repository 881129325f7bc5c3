"""In a notebook, whose kernel does not ask sys.excepthook, errors have their Chinese line too."""

from __future__ import annotations

import processes
import pytest

pytest.importorskip("IPython")
CELLS = """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance(colors="NoColor")
shell.run_cell("import fastnn as torch")
shell.run_cell("torch.ones(3, requires_grad=True).backward()")
shell.run_cell("1 / 0")
"""


@pytest.mark.parametrize(("language", "told"), [("zh", True), ("en", False)])
def test_errors(language: str, told: bool) -> None:
    done = processes.python("-c", CELLS, FASTNN_LANG=language)
    assert "RuntimeError: backward() needs a scalar" in done.stdout and "ZeroDivisionError" in done.stdout
    assert ("backward() 需要标量, 这个张量的形状是 (3,)" in done.stderr) is told
