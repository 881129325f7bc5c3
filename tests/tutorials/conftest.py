"""How Keras' tutorials are run: with their import lines changed, and with nothing changed at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_data import write_mnist
from tutorial_runs import KERAS, Run, runner


@pytest.fixture(params=["imports changed", "unchanged"])
def run_keras(request: pytest.FixtureRequest, tmp_path: Path) -> Run:
    """Runs a script in a folder where MNIST's files are: 400 drawn digits."""
    write_mnist(tmp_path / "data/MNIST/raw", 400)
    return runner(tmp_path, KERAS if request.param == "imports changed" else None)
