"""The notebooks: small, without outputs, in both languages; each runs from its first cell to its last."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from processes import environment
from repository import ROOT

FOLDER = ROOT / "examples" / "notebooks"
NOTEBOOKS = sorted(path.name for path in FOLDER.glob("*.ipynb"))

each_notebook = pytest.mark.parametrize("name", NOTEBOOKS)


def cells(name: str, kind: str) -> list[str]:
    """The texts of its cells."""
    content = json.loads((FOLDER / name).read_text("utf-8"))
    assert (content["nbformat"], content["nbformat_minor"]) == (4, 5)
    return ["".join(cell["source"]) for cell in content["cells"] if cell["cell_type"] == kind]


def test_there_are_some() -> None:
    assert [name[0] for name in NOTEBOOKS] == list("12345")


@each_notebook
def test_form(name: str) -> None:
    content = json.loads((FOLDER / name).read_text("utf-8"))
    for cell in content["cells"]:
        assert cell["id"] and cell.get("outputs", []) == [] and cell.get("execution_count") is None
    texts = cells(name, "markdown")
    assert texts[0].startswith(f"# {name[0]}. ") and all(re.search("[\u4e00-\u9fff]", text) for text in texts[:2])
    for code in cells(name, "code"):
        ast.parse(code)
    assert (FOLDER / name).stat().st_size < 8000


@pytest.mark.slow
@each_notebook
def test_it_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a kernel of its own. Each figure is shown once, and what fit says is one output."""
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    for key, value in environment().items():
        monkeypatch.setenv(key, value)
    folder = tmp_path / "notebooks"
    shutil.copytree(FOLDER, folder)
    notebook = nbformat.read(folder / name, 4)
    nbclient.NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(folder)}}).execute()
    shown = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    pictures = [output.data["image/png"] for output in shown if "image/png" in output.get("data", {})]
    assert len(pictures) >= 3 and len(set(pictures)) == len(pictures)
    assert not [output for output in shown if output.get("name") == "stderr"]
    for cell in notebook.cells:
        check_progress(cell)


def check_progress(cell: Any) -> None:
    lines = [output for output in cell.get("outputs", []) if "Epoch" in output.get("data", {}).get("text/plain", "")]
    assert len(lines) <= 1


@each_notebook
def test_the_first_cell_imports_fastnn(name: str) -> None:
    """So that ``fastnn.plot.size`` can be said there."""
    assert "import fastnn" in cells(name, "code")[0].splitlines()


def test_drawn_pets_follow_their_program(tmp_path: Path) -> None:
    text = (FOLDER / "pets.py").read_text("utf-8")

    def drawn(colour: str, at: int) -> tuple[bytes, bytes]:
        (tmp_path / "pets.py").write_text(text.replace("size, fur)", f"size, {colour})"), "utf-8")
        os.utime(tmp_path / "pets.py", (at, at))
        names: dict[str, Any] = {"__name__": "pets", "__file__": str(tmp_path / "pets.py")}
        exec((tmp_path / "pets.py").read_text("utf-8"), names)
        folder = names["draw_pets"](tmp_path / "drawn", 4, 2)
        return (folder / "train/cat/000.png").read_bytes(), (folder / "test/dog/000.png").read_bytes()

    first = drawn("fur", 1)
    assert drawn("(255, 60, 60)", 2) == first  # older than the pictures
    assert all(new != old for new, old in zip(drawn("(255, 60, 60)", int(time.time()) + 9), first, strict=True))
