"""The documents: every block of Python in README and docs/ runs; every public name says what it does and is shown."""

from __future__ import annotations

import doctest
import re
import shutil
from pathlib import Path
from typing import Any

import fastnn
import numpy as np
import pytest
from colour_photos import photo
from documents import EXAMPLES, Block, blocks, needed, pages, public_names
from repository import ROOT, shown
from small_data import write_digits, write_idx

FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the pages take for granted."""
    folder = tmp_path_factory.mktemp("files")
    write_digits(folder / "mnist_images", 60, 20)
    write_idx(folder / "mnist", train=100, test=20)
    for number in range(8):
        for kind, colour in (("cats", (255, 0, 0)), ("dogs", (0, 255, 0))):
            for split in ("pets/train", "pets/val", "flowers"):
                photo(folder / split / kind / f"{number}.jpg", colour, (80, 64))
    return folder


def names() -> dict[str, Any]:
    """Arrays that pages take for granted."""
    rng = np.random.default_rng(0)
    x, y = rng.random((60, 784), np.float32), rng.integers(0, 10, 60)
    return {"__name__": "page", "x_train": x[:40], "y_train": y[:40], "x_test": x[40:], "y_test": y[40:]}


def run(page: Path, block: Block, known: dict[str, Any]) -> None:
    """Runs a block with the names of those before; one of a session (>>>) must print what it shows."""
    if not block.code.startswith(">>>"):
        exec(compile("\n" * (block.line - 1) + block.code, str(page), "exec"), known)
        return
    test = doctest.DocTestParser().get_doctest(block.code, {}, shown(page), str(page), block.line - 1)
    test.globs = known
    said: list[str] = []
    failed = doctest.DocTestRunner(optionflags=FLAGS).run(test, out=said.append, clear_globs=False).failed
    assert not failed, "".join(said)


@pytest.mark.parametrize("page", [page for page in pages() if list(blocks(page.read_text()))], ids=shown)
def test_blocks_run(page: Path, files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = page.read_text("utf-8")
    for module in needed(text):
        pytest.importorskip(module)
    folder = shutil.copytree(files, tmp_path / "page")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("FASTNN_DATA", str(folder / "mnist"))
    monkeypatch.setenv("MPLBACKEND", "agg")
    fastnn.manual_seed(0)
    known = names()
    for block in blocks(text):
        run(page, block, known)


def test_blocks_are_found_and_can_fail() -> None:
    text = "a\n<!-- before\nx = 1\n-->\n<!-- not run: sold out -->\n```python\nno\n```\n\n```python\n>>> x\n2\n```\n"
    first, last = blocks(text)
    assert (first, last) == (Block(3, "x = 1\n"), Block(11, ">>> x\n2\n"))
    known: dict[str, Any] = {}
    run(ROOT / "README.md", first, known)
    with pytest.raises(AssertionError, match=r"Expected:\s+2\s+Got:\s+1"):
        run(ROOT / "README.md", last, known)


PUBLIC = public_names()


def test_public_names_say_what_they_do() -> None:
    assert len(PUBLIC) > 600
    assert [name for name, value in PUBLIC.items() if not (value.__doc__ or "").strip()] == []


def test_docstrings_show_what_comes_out() -> None:
    """The examples in docstrings, as doctests."""
    finder, runner = doctest.DocTestFinder(recurse=False), doctest.DocTestRunner(optionflags=FLAGS)
    said: list[str] = []
    for name, value in PUBLIC.items():
        for test in finder.find(value, name, module=False, globs={}):
            runner.run(test, out=said.append)
    assert runner.summarize(verbose=False).failed == 0, "".join(said)


def test_public_names_are_shown() -> None:
    """In an example: of its own docstring, or of the pages of examples, which show families at once."""
    pages = "\n".join(path.read_text("utf-8") for path in sorted(EXAMPLES.glob("*.md")))
    words = set(re.findall(r"\w+", "\n".join(block.code for block in blocks(pages))))
    without = [name for name, value in PUBLIC.items() if ">>>" not in (value.__doc__ or "")]
    assert [name for name in without if name.rpartition(".")[2] not in words] == []
