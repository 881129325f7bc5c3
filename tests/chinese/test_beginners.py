"""The errors that beginners meet: each row of the tables in docs/errors.md is made as a beginner makes it, and says
what stands beside it, in English and in Chinese. ``python tests/chinese/test_beginners.py`` writes what is said now
into the page.
"""

from __future__ import annotations

import os
import re
import tempfile
import warnings
from pathlib import Path
from typing import Any

import fastnn
import pytest
from fastnn import chinese

PAGE = Path(__file__).parents[2] / "docs" / "errors.md"
ROW = re.compile(r"^\| `(.+?)` \| (.*) \|$", re.MULTILINE)
# As the issue has them: a page that lost one would not be noticed otherwise.
USUAL = (
    "np.zeros",
    "float64",
    "x)",
    "view(",
    "Adam(model)",
    "load_state_dict('model.pth')",
    "'loss: ' +",
    "labels, model(",
)


def prepared() -> dict[str, Any]:
    """The names that the page's first block of code makes."""
    fastnn.manual_seed(0)
    names: dict[str, Any] = {}
    exec(re.search(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)[1], names)  # type: ignore[index]
    return names


def said(code: str, names: dict[str, Any]) -> str:
    """The cell of a row: what an error says, its notes, and its Chinese line."""
    fastnn.keras.backend.clear_session()  # names count from the start
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            exec(code, dict(names))
        except Exception as error:
            lines = [f"{type(error).__name__}: {error}", *getattr(error, "__notes__", []), chinese.translated(error)]
            return "<br>".join(
                f"`{line}`" if number < len(lines) - 1 else str(line) for number, line in enumerate(lines)
            )
    return "nothing"


def rows() -> list[Any]:
    return [pytest.param(code, cell, id=code) for code, cell in ROW.findall(PAGE.read_text("utf-8"))]


@pytest.fixture(scope="module")
def names() -> dict[str, Any]:
    return prepared()


@pytest.mark.parametrize(("code", "cell"), rows())
def test_the_page_says_what_fastnn_says(
    code: str, cell: str, names: dict[str, Any], tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    assert said(code, names) == cell


def test_each_gives_the_fix_in_both_languages() -> None:
    cells = [cell for _, cell in ROW.findall(PAGE.read_text("utf-8"))]
    assert len(cells) >= 55
    for cell in cells:
        english, _, told = cell.rpartition("<br>")
        assert re.search("[\N{CJK UNIFIED IDEOGRAPH-4E00}-\N{CJK UNIFIED IDEOGRAPH-9FFF}]", told), cell
        assert re.search(r"[:;]|must|only|takes|did you mean", english.partition(": ")[2]), cell


def test_the_usual_ones_are_there() -> None:
    made = "\n".join(code for code, _ in ROW.findall(PAGE.read_text("utf-8")))
    assert [each for each in USUAL if each not in made] == []


if __name__ == "__main__":
    os.chdir(tempfile.mkdtemp())
    made = prepared()
    text = ROW.sub(lambda row: f"| `{row[1]}` | {said(row[1], made)} |", PAGE.read_text("utf-8"))
    PAGE.write_text(text, "utf-8")
