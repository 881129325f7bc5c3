"""What every test can ask for: an ISA, a number of threads, a precision, MNIST; afterwards all is as before."""

import os
from collections.abc import Iterator
from pathlib import Path

# One thread for the BLAS behind NumPy: its waiting workers would take the processors from the threads under test.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ["FASTNN_LANG"] = "en"  # whatever this machine speaks

import numpy as np
import oracle  # noqa: F401
import pytest
from fastnn import _core
from harness import REAL, Real, configured
from hypothesis import settings

settings.register_profile("fastnn", derandomize=True, deadline=None, database=None)
settings.load_profile("fastnn")

SUPPORTED = dict(_core.isa_levels())


@pytest.fixture(params=list(SUPPORTED))
def isa(request: pytest.FixtureRequest) -> Iterator[str]:
    """Each compiled ISA level in turn, in force during the test; one the CPU lacks is a skip that says so."""
    if not SUPPORTED[request.param]:
        pytest.skip(f"this CPU does not support {request.param}")
    with configured(request.param, 1):
        yield request.param


@pytest.fixture(params=[1, 2, 3], ids="threads{}".format)
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    """1, 2 and 3 threads in turn; ask for it after `isa`, which it leaves in force."""
    with configured(_core.isa(), request.param):
        yield request.param


@pytest.fixture(params=[np.float32, np.float64], ids=["float32", "float64"])
def real(request: pytest.FixtureRequest) -> Real:
    """Each working precision in turn, with the wider one of its expected values."""
    wanted = REAL[request.param]
    if not np.finfo(wanted.wide).nmant > wanted.mantissa + 8:
        pytest.skip(f"{wanted.wide.__name__} is not wider than {wanted.dtype.__name__} on this machine: no oracle")
    return wanted


@pytest.fixture(scope="session")
def mnist() -> Path:
    """The folder of MNIST's four files, or a skip."""
    place = os.environ.get("FASTNN_TEST_DATA")
    if not place or not (Path(place) / "mnist").is_dir():
        pytest.skip("needs MNIST: FASTNN_TEST_DATA names no folder with mnist/ in it")
    return Path(place) / "mnist"


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20240229)


@pytest.fixture(autouse=True)
def unchanged_runtime() -> Iterator[None]:
    """No test leaves another ISA or number of threads behind."""
    isa, threads = _core.isa(), _core.get_num_threads()
    yield
    _core.set_isa(isa)
    _core.set_num_threads(threads)
