"""Fixtures of the tests of fastnn.io."""

import warnings
from pathlib import Path
from types import ModuleType

import pytest
from io_files import OLD


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    path.write_bytes(OLD)
    path.chmod(0o640)
    return path


@pytest.fixture(scope="session")
def torch() -> ModuleType:
    """PyTorch, or a skip; its import warns about things that are not ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("torch")
