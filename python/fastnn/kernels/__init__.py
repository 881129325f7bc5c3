"""The kernels on NumPy arrays, float32 or float64: a function of each op, and of each optimizer's update.

``foo_forward(x, ..., out=None)`` and ``foo_backward(grad_y, ..., out=None)``; losses give their mean and its gradient,
updates (``adam_step``) change their arrays in place. ``OPS`` has the function of every op of the core by the op's name.

Inputs may be non-contiguous, misaligned, byte-swapped or read-only: they are copied where the kernel needs it. ``out``
must be a writeable, contiguous array (images also with the channels last) of the right shape and dtype that overlaps no
input, unless it says so; of several results it is for the first (losses: the gradient). Results are the same bits on
every ISA and any number of threads (``cpp/README.md`` has the order of every sum). An argument of a wrong kind is a
TypeError that names it.

Letters: N samples, I inputs, O outputs, C classes. Images are (N, C, H, W) with C channels, kernels
(O, C / groups, kh, kw); results of images lie [N][H][W][C] in memory, gradients of kernels [kh][kw][C / groups][O],
which is also what is fastest to give (others are copied).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastnn import _core
from fastnn.kernels import (
    activations,
    batch_norm,
    convolution,
    dense,
    elementwise,
    losses,
    pooling,
    results,
    rows,
    updates,
)
from fastnn.kernels.activations import *  # noqa: F403
from fastnn.kernels.batch_norm import *  # noqa: F403
from fastnn.kernels.convolution import *  # noqa: F403
from fastnn.kernels.dense import *  # noqa: F403
from fastnn.kernels.elementwise import *  # noqa: F403
from fastnn.kernels.losses import *  # noqa: F403
from fastnn.kernels.pooling import *  # noqa: F403
from fastnn.kernels.rows import *  # noqa: F403
from fastnn.kernels.updates import *  # noqa: F403

__all__: list[str] = ["OPS"]
__all__ += activations.__all__
__all__ += batch_norm.__all__
__all__ += convolution.__all__
__all__ += dense.__all__
__all__ += elementwise.__all__
__all__ += losses.__all__
__all__ += pooling.__all__
__all__ += rows.__all__
__all__ += updates.__all__

# The others are called as their op is, with _forward or _step behind it.
_OTHER = {
    "assign": "copy",
    "cross_entropy": "softmax_cross_entropy",
    **{f"{op}_grad_{part}": f"{op}_backward" for op in ("dense", "conv2d") for part in ("x", "weight", "bias")},
}

globals().update({name: results.checked(globals()[name]) for name in __all__ if name != "OPS"})

OPS: dict[str, Callable[..., Any]] = {
    op: globals()[next((name for name in (_OTHER.get(op, op), f"{op}_step") if name in __all__), f"{op}_forward")]
    for op in (*_core.instruction_facts(), "gather_rows", "gather_uint8", "adam", "sgd", "rmsprop")
}
