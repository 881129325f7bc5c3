"""``torch.backends``: what there is, and switches that change nothing here: results are the same bits in every run, on
every machine, with any of them.
"""

from __future__ import annotations

import sys
from types import ModuleType

from fastnn import _core


def _backend(name: str, available: bool, **switches: object) -> ModuleType:
    """A module of that name, so that it can be imported too."""
    module = ModuleType(f"{__name__}.{name}", "Switches that are kept and change nothing.")
    module.is_available = lambda: available  # type: ignore[attr-defined]
    module.is_built = lambda: available  # type: ignore[attr-defined]
    vars(module).update(switches)
    sys.modules[module.__name__] = module
    return module


cudnn = _backend("cudnn", False, enabled=False, benchmark=False, deterministic=True, allow_tf32=False)
cudnn.version = lambda: None  # type: ignore[attr-defined]
mps = _backend("mps", False)
mkldnn = _backend("mkldnn", False, enabled=False)
openmp = _backend("openmp", False)
cuda = _backend("cuda", _core.cuda_available())
cuda.matmul = _backend("cuda.matmul", False, allow_tf32=False)  # type: ignore[attr-defined]
