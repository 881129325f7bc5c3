"""Networks as C, compiled and called."""

from __future__ import annotations

import ctypes
import itertools
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
from fastnn import c_source
from fastnn.eager.autograd import no_grad
from fastnn.eager.tensor import Tensor
from fastnn.nn.contexts import modes
from fastnn.nn.module import Module

COMPILER = shutil.which("gcc") or shutil.which("cc")
CLEAN = ("-Wall", "-Wextra", "-Werror", "-pedantic", "-ffp-contract=off")
STRICT = ("-std=c99", *CLEAN, "-O2")
_number = itertools.count()


def compiled(folder: Path, text: str, *options: str) -> ctypes.CDLL:
    """A C file as a library; a compiler's warning is an error."""
    source, library = (folder / f"network{next(_number)}{ending}" for ending in (".c", ".so"))
    source.write_text(text, "ascii")
    flags = (*STRICT, *options, "-shared", "-fPIC")
    done = subprocess.run([COMPILER, *flags, source, "-o", library, "-lm"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return ctypes.CDLL(str(library))


def check_clean(folder: Path, text: str) -> int:
    """Compiled as C and C++ by each compiler here, with the machine's instructions and without: no warning.

    Returns:
        How many ways there were.
    """
    source = folder / f"network{next(_number)}.c"
    source.write_text(text, "ascii")
    compilers = filter(None, map(shutil.which, ("gcc", "clang", "clang-14")))
    languages = (("c", "c99"), ("c", "gnu17"), ("c++", "c++17"))
    ways = list(itertools.product(compilers, languages, ((), ("-march=native",))))
    for compiler, (language, standard), machine in ways:
        flags = ("-x", language, f"-std={standard}", *CLEAN, *machine, "-O1", "-c", "-o", os.devnull)
        done = subprocess.run([compiler, *flags, source], capture_output=True, text=True)
        assert done.returncode == 0, (compiler, language, machine, done.stderr)
    return len(ways)


def called(function: Callable, x: np.ndarray, count: int) -> np.ndarray:
    """What a C function of x and y writes to y, of so many numbers."""
    y = np.full(count + 1, 99, np.float32)
    function(*(array.ctypes.data_as(ctypes.c_void_p) for array in (x, y)))
    assert y[-1] == 99, "it writes behind its results"
    return y[:-1]


def check_same_bits(folder: Path, model: Module, x: np.ndarray, *options: str) -> None:
    """Two calls of the C form on different samples, each beside the model."""
    library = compiled(folder, c_source.text(model, x[:1]), *options)
    for sample in (x, x[::-1].copy()):
        with modes(model, training=False), no_grad():
            expected = model(Tensor(sample[:1])).detach().numpy()
        found = called(library.predict, sample[:1], expected.size)
        assert found.tobytes() == expected.tobytes(), (found, expected)
