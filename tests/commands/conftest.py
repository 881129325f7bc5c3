"""Small data sets for the tests of the job, made once."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastnn import random
from job_runs import Outcome, call
from small_data import write_idx, write_tree

ARCH = ("--arch", "64-16-3")


@pytest.fixture(scope="session")
def idx_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """230 training and 60 test images of 28x28 in ten classes; every third test label is wrong."""
    return write_idx(tmp_path_factory.mktemp("idx"))


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """36 training and 12 test images of 8x8 in the classes cat, dog and emu."""
    return write_tree(tmp_path_factory.mktemp("tree"), ("cat", "dog", "emu"))


@pytest.fixture
def small(tree: Path) -> Callable[..., tuple]:
    """small("--epochs", 2): the words of a run on the three classes."""
    return lambda *words: ("--data", tree, *ARCH, "--batch-size", 4, *words)


@pytest.fixture
def data(tree: Path, tmp_path: Path) -> Path:
    """A tree of its own to break: the classes cat, dog and emu in train/ and test/."""
    return Path(shutil.copytree(tree, tmp_path / "data"))


@pytest.fixture
def train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Outcome]:
    """train(*words): a run on ./data that must leave no file behind."""
    monkeypatch.chdir(tmp_path)

    def attempt(*words: Any) -> Outcome:
        before = sorted(tmp_path.iterdir())
        outcome = call("--data", "data", "--arch", "64-8-3", "--epochs", 1, *words)
        if outcome.code:
            assert sorted(tmp_path.iterdir()) == before
        return outcome

    return attempt


@pytest.fixture(autouse=True)
def unchanged_random_state() -> Iterator[None]:
    before = random.state.as_dict()
    yield
    random.state.restore(before)


@pytest.fixture
def imports_put_back() -> Iterator[None]:
    """What a command's import of a user's network changes in this process (``torch`` means fastnn) is as before."""
    modules, finders, paths = dict(sys.modules), list(sys.meta_path), list(sys.path)
    yield
    sys.meta_path[:], sys.path[:] = finders, paths
    for name in set(sys.modules) - set(modules):
        if not name.startswith("fastnn"):
            del sys.modules[name]
    sys.modules.update(modules)
