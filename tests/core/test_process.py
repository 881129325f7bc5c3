"""A good guest in the process: what import and calls leave alone, and other libraries."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sysconfig
from pathlib import Path

import processes
import pytest
from harness import configured
from models import trained

HELPERS = Path(processes.__file__).parent


def python(code: str, *arguments: str) -> str:
    """The output of a fresh interpreter, which must not complain."""
    run = processes.python("-c", code, *arguments, folders=[HELPERS], FASTNN_NUM_THREADS="2")
    assert (run.returncode, run.stderr) == (0, ""), run.stderr
    return run.stdout


HYGIENE = """
import ctypes, ctypes.util, decimal, locale, logging, os, random, signal, sys, threading, warnings
import numpy as np
libm = ctypes.CDLL(ctypes.util.find_library("m"))

def state():
    tiny = np.float32(1e-30)
    return {
        "rounding": libm.fegetround(), "subnormals": (float(tiny * np.float32(1e-12)), float(np.float32(1e-42) * 2)),
        "signals": [str(signal.getsignal(s)) for s in signal.valid_signals()],
        "locale": locale.setlocale(locale.LC_ALL), "folder": os.getcwd(),
        "random": hash(random.getstate()), "numpy": str(np.random.get_state()), "environment": dict(os.environ),
        "warnings": [str(f) for f in warnings.filters], "affinity": os.sched_getaffinity(0), "errors": np.geterr(),
        "handlers": logging.getLogger().handlers, "hooks": (sys.excepthook, threading.excepthook, sys.displayhook),
        "path": list(sys.path), "decimal": str(decimal.getcontext()), "limit": sys.getrecursionlimit(),
        "umask": (os.umask(0o22), os.umask(0o22))[0], "switch": sys.getswitchinterval(),
    }

before = state()
import fastnn
from fastnn import nn, optim
after_import = state()
model = nn.Sequential(nn.Linear(784, 64), nn.ReLU(), nn.Dropout(0.1), nn.Linear(64, 10))
step = fastnn.compile(model, nn.CrossEntropyLoss(), optim.Adam(model.parameters()))
x, y = np.ones((64, 784), np.float32), np.zeros(64, np.int64)
step(x, y)
nn.CrossEntropyLoss()(model(fastnn.from_numpy(x)), fastnn.from_numpy(y)).backward()
try:
    step(x, y + 10)
except ValueError:
    pass
for name, value in state().items():
    assert value == before[name] == after_import[name], (name, before[name], after_import[name], value)
"""


def test_import_and_calls_change_nothing() -> None:
    assert python(HYGIENE) == ""


def test_import_is_quick() -> None:
    """Processor time, the best of seven: at most 60 ms beyond numpy."""
    code = (
        "import time, numpy; start = time.process_time(); "
        "import fastnn, fastnn.nn, fastnn.optim, fastnn.engine.plan; print(time.process_time() - start)"
    )
    assert min(float(python(code)) for _ in range(7)) < 0.060


SUBNORMAL = """
import ctypes, hashlib, sys
if len(sys.argv) > 1:
    library = ctypes.CDLL(sys.argv[1])
    library.write_mode(library.read_mode() | 0x8040)  # flush to zero, subnormals are zero; threads inherit it
import numpy as np
from fastnn import Tensor, nn, optim, random
from fastnn.engine.plan import Plan
from models import bits, eager_step
found = hashlib.sha256()
for compiled in (False, True):
    random.manual_seed(1)
    model = nn.Sequential(nn.Linear(512, 256, bias=False), nn.ReLU(), nn.Linear(256, 64))
    model.load_state_dict({name: t.numpy() * np.float32(1e-19) for name, t in model.state_dict().items()})
    optimizer, criterion = optim.SGD(model.parameters(), lr=1e-3, momentum=0.9), nn.MSELoss("sum")
    plan = Plan(model, criterion, optimizer)
    x = np.random.default_rng(0).standard_normal((64, 512)).astype(np.float32) * np.float32(2.0**-66)
    for _ in range(3):
        y = np.zeros((64, 64), np.float32)
        loss = plan.step(x, y) if compiled else eager_step(model, criterion, optimizer, x, y)
    h = model[0](Tensor(x)).detach().numpy()
    low = (h.view(np.uint32) & 0x7FFFFFFF) - 1 < 0x7FFFFF  # by their bits: comparing would flush
    assert low.mean() > 0.5, low.mean()
    found.update(h.tobytes() + repr(bits(model, optimizer)).encode())
if len(sys.argv) > 1:
    assert library.read_mode() & 0x8040 == 0x8040  # left as it was found
print(found.hexdigest())
"""
MODE = """
#include <xmmintrin.h>
unsigned read_mode(void) { return _mm_getcsr(); }
void write_mode(unsigned mode) { _mm_setcsr(mode); }
"""


def test_the_same_bits_beside_a_library_that_flushes_subnormals(tmp_path: Path) -> None:
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None or sysconfig.get_platform() != "linux-x86_64":
        pytest.skip("needs a C compiler and MXCSR")
    (tmp_path / "mode.c").write_text(MODE)
    subprocess.run([compiler, "-shared", "-fPIC", "-o", tmp_path / "mode.so", tmp_path / "mode.c"], check=True)
    assert python(SUBNORMAL, str(tmp_path / "mode.so")) == python(SUBNORMAL)


# P9: beside other libraries


@pytest.mark.parametrize("last", [False, True], ids=["fastnn first", "fastnn last"])
def test_other_openmp_users(last: bool) -> None:
    """Imported before or after torch and scikit-learn, which are at work in between: the same hash."""
    busy = {
        "torch": "import torch; (torch.ones(500, 500) @ torch.ones(500, 500)).sum().item()\n",
        "sklearn": "from sklearn.cluster import KMeans; KMeans(3, n_init=1).fit([[i] for i in range(2000)])\n",
    }
    lines = [code for name, code in busy.items() if importlib.util.find_spec(name)]
    if not lines:
        pytest.skip("neither torch nor scikit-learn is installed")
    imports = [*lines, "import fastnn, models\n"] if last else ["import fastnn, models\n", *lines]
    found = python("".join(imports) + "print(models.trained(3, True), models.trained(3, False))")
    with configured("", 2):
        assert found.split() == [trained(3, True), trained(3, False)]
