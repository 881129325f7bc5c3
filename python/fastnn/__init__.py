"""fastnn: small networks on ordinary CPUs, fast, from a small package, with the same bits on every machine.

``import fastnn as torch`` runs the well-known digit scripts; :class:`fastnn.Network` has fit, evaluate and predict;
``python -m fastnn.train`` trains without a line of code.
"""

from __future__ import annotations

from fastnn.platform import exit_on_interrupt as _exit_on_interrupt
from fastnn.platform import starts_command as _starts_command

# On the way to a command, Ctrl-C ends the process at once: nothing has been done. What runs later takes the signal.
# Before all other imports, which it would end with a traceback.
if _starts_command():
    _exit_on_interrupt()

import sys as _sys
from typing import TYPE_CHECKING, Any

from fastnn import chinese, renamed

try:
    from fastnn._core import __version__, get_num_threads, set_num_threads
except ImportError as error:
    if not (_starts_command() and str(error).startswith("[isa]")):
        raise
    print("fastnn: error:", error, file=_sys.stderr)
    raise SystemExit(2) from None
from fastnn.eager import autograd
from fastnn.eager import functions as _functions
from fastnn.eager.autograd import enable_grad, inference_mode, is_grad_enabled, no_grad, set_grad_enabled
from fastnn.eager.creation import (
    arange,
    as_tensor,
    cat,
    empty,
    empty_like,
    eye,
    from_numpy,
    full,
    full_like,
    is_floating_point,
    is_tensor,
    linspace,
    normal,
    numel,
    ones,
    ones_like,
    rand,
    rand_like,
    randint,
    randn,
    randn_like,
    randperm,
    stack,
    tensor,
    zeros,
    zeros_like,
)
from fastnn.eager.device import device
from fastnn.eager.dtypes import Size, dtype, float16, float32, float64, int8, int16, int32, int64, uint8, uint16
from fastnn.eager.dtypes import bool_ as bool
from fastnn.eager.functions import *  # noqa: F403
from fastnn.eager.legacy import get_default_dtype, set_default_dtype, set_default_tensor_type
from fastnn.eager.selection import where
from fastnn.random import Generator, initial_seed, manual_seed
from fastnn.text import absent as _absent

if TYPE_CHECKING:
    from fastnn import accelerator as accelerator
    from fastnn import amp as amp
    from fastnn import backends as backends
    from fastnn import c_source as c_source
    from fastnn import cuda as cuda
    from fastnn import datasets as datasets
    from fastnn import keras as keras
    from fastnn import kernels as kernels
    from fastnn import models as models
    from fastnn import nn, optim
    from fastnn import onnx as onnx
    from fastnn import transforms as transforms
    from fastnn import utils as utils
    from fastnn.amp import autocast
    from fastnn.checks.check import check
    from fastnn.commands.info import runtime_info

    # To a type checker all of them are the one class that functions give.
    from fastnn.eager.tensor import Tensor
    from fastnn.eager.tensor import Tensor as BoolTensor
    from fastnn.eager.tensor import Tensor as ByteTensor
    from fastnn.eager.tensor import Tensor as CharTensor
    from fastnn.eager.tensor import Tensor as DoubleTensor
    from fastnn.eager.tensor import Tensor as FloatTensor
    from fastnn.eager.tensor import Tensor as HalfTensor
    from fastnn.eager.tensor import Tensor as IntTensor
    from fastnn.eager.tensor import Tensor as LongTensor
    from fastnn.eager.tensor import Tensor as ShortTensor
    from fastnn.engine.plan import compile
    from fastnn.errors import FormatError
    from fastnn.reporting import plot as plot
    from fastnn.training.callbacks import LiveCurve as LiveCurve
    from fastnn.training.network import Network
    from fastnn.training.saving import load, save
    from fastnn.training.trainer import Trainer
else:
    from fastnn.eager.legacy import (
        BoolTensor,
        ByteTensor,
        CharTensor,
        DoubleTensor,
        FloatTensor,
        HalfTensor,
        IntTensor,
        LongTensor,
        ShortTensor,
        Tensor,
    )

float, double, int, long = float32, float64, int32, int64
half, short = float16, int16

# Found on first use: `import fastnn` stays quick. Name -> the module that has it ("" where the name is the module).
_LAZY = {
    "FormatError": "fastnn.errors",
    "LiveCurve": "fastnn.training.callbacks",
    "Network": "fastnn.training.network",
    "Trainer": "fastnn.training.trainer",
    "accelerator": "",
    "amp": "",
    "autocast": "fastnn.amp",
    "backends": "",
    "c_source": "",
    "check": "fastnn.checks.check",
    "compile": "fastnn.engine.plan",
    "cuda": "",
    "datasets": "",
    "keras": "",
    "kernels": "",
    "load": "fastnn.training.saving",
    "models": "",
    "nn": "",
    "onnx": "",
    "optim": "",
    "plot": "",
    "runtime_info": "fastnn.commands.info",
    "save": "fastnn.training.saving",
    "transforms": "",
    "utils": "",
}


_sys.meta_path.insert(0, renamed.Renamed)

if chinese.wanted():
    chinese.install()


def __getattr__(name: str) -> Any:
    if name not in _LAZY and name not in renamed.RENAMED:
        _absent(globals(), name)
    from importlib import import_module

    home = _LAZY.get(name)
    value = getattr(import_module(home), name) if home else import_module(f"fastnn.{name}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})


# What ``from fastnn import *`` gives: the modules above, with their `as`, are for who asks.
__all__ = [
    "BoolTensor",
    "ByteTensor",
    "CharTensor",
    "DoubleTensor",
    "FloatTensor",
    "FormatError",
    "Generator",
    "HalfTensor",
    "IntTensor",
    "LongTensor",
    "Network",
    "ShortTensor",
    "Size",
    "Tensor",
    "Trainer",
    "__version__",
    "arange",
    "as_tensor",
    "autocast",
    "autograd",
    "bool",
    "cat",
    "check",
    "compile",
    "device",
    "double",
    "dtype",
    "empty",
    "empty_like",
    "enable_grad",
    "eye",
    "float",
    "float16",
    "float32",
    "float64",
    "from_numpy",
    "full",
    "full_like",
    "get_default_dtype",
    "get_num_threads",
    "half",
    "inference_mode",
    "initial_seed",
    "int",
    "int8",
    "int16",
    "int32",
    "int64",
    "is_floating_point",
    "is_grad_enabled",
    "is_tensor",
    "linspace",
    "load",
    "long",
    "manual_seed",
    "nn",
    "no_grad",
    "normal",
    "numel",
    "ones",
    "ones_like",
    "optim",
    "rand",
    "rand_like",
    "randint",
    "randn",
    "randn_like",
    "randperm",
    "runtime_info",
    "save",
    "set_default_dtype",
    "set_default_tensor_type",
    "set_grad_enabled",
    "set_num_threads",
    "short",
    "stack",
    "tensor",
    "uint8",
    "uint16",
    "where",
    "zeros",
    "zeros_like",
]
__all__ += _functions.__all__
