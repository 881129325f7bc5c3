"""What the tensor functions share: what a tensor holds, how results are made of arrays, and the rules for shapes.

Tensor stands above those functions, which are its methods. They know what is below: :class:`TensorBase`, and make their
results of the class that :func:`results_are` names.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isqrt, prod
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.eager import dtypes, ops
from fastnn.eager.autograd import ANY, Backward, Node, Reads, grad_mode, version_of
from fastnn.errors import told

if TYPE_CHECKING:
    from fastnn.eager.tensor import Tensor

Axis = int | Sequence[int] | None

# For ``reads`` of a product: each factor, for the other's gradient (see autograd.Node).
FACTORS: Reads = ((0, 1), (1, 0))

_SEQUENCES = (tuple, list)
_new = object.__new__


class TensorBase:
    """What a tensor holds, and the ways in which ops read its array."""

    # _version: see autograd; None while no other tensor looks at the memory. _used: see evidence. Every tensor has
    # both: to find a slot unset takes half a microsecond.
    __slots__ = ("__weakref__", "_data", "_node", "_used", "_version", "grad", "requires_grad")

    def _for_product(self) -> tuple[np.ndarray, bool]:
        """The array as a factor, and whether it is known to be finite (see Parameter)."""
        return self._data, False

    def _to_read(self) -> np.ndarray:
        """The array for an op that neither keeps nor changes it."""
        return self._data

    def _read(self, what: str) -> np.ndarray:
        """The array for use outside: refused while a plan is being recorded, because its values are not known then."""
        recorder = ops.recorder
        if recorder is not None:
            recorder.refuse(what)
        return self._data


_kind: type = TensorBase


def results_are(kind: type) -> None:
    """Sets the class that results are made of, once: Tensor."""
    global _kind
    _kind = kind


# -- results ---------------------------------------------------------------------------------------------------------


def wrap(data: np.ndarray) -> Tensor:
    """A tensor off the tape, around an array that is known to be fine."""
    out = _new(_kind)
    out._data = data
    out._node = None
    out.grad = None
    out.requires_grad = False
    out._version = None
    out._used = None
    return out


def view_of(x: Tensor, data: np.ndarray) -> Tensor:
    """A tensor off the tape, around an array that is memory of x."""
    out = wrap(data)
    out._version = version_of(x)
    return out


def result(
    data: np.ndarray,
    inputs: tuple[Tensor, ...],
    backward: Backward,
    name: str,
    reads: Reads = (),
    view: bool = False,
) -> Tensor:
    """The output of an op, with a node where a gradient may be wanted.

    backward and reads are those of :class:`fastnn.eager.autograd.Node`: the gradients of the inputs, and whose values
    they are computed from. view: whether data is memory of the first input.
    """
    out = _new(_kind)
    out._data = data
    out.grad = None
    out._version = version_of(inputs[0]) if view else None
    out._used = None
    if grad_mode.enabled:
        for tensor in inputs:
            if tensor.requires_grad:
                node = out._node = Node(name, inputs, backward, reads)
                if node.version is not None:
                    out._version = node.version
                out.requires_grad = True
                return out
    out._node = None
    out.requires_grad = False
    return out


def by_op(op: str, name: str, x: Tensor, *numbers: float) -> Tensor:
    """What an op of the core makes of x and some numbers, whose backward reads x."""
    data = x._data
    return result(
        getattr(ops, op)(data, *numbers),
        (x,),
        lambda g: (getattr(ops, f"{op}_backward")(g, data, *numbers),),
        name,
        reads=((0, ANY),),
    )


# -- operands --------------------------------------------------------------------------------------------------------


def as_array(data: Any) -> np.ndarray:
    """The array of a tensor, or of anything that NumPy makes one of.

    Raises:
        TypeError: fastnn has no tensors of its dtype.
    """
    if isinstance(data, TensorBase):
        return data._data
    array = np.asarray(data)
    dtypes.from_numpy(array.dtype)
    return array


def operand(value: Any, like: Tensor) -> Tensor:
    """value as a tensor beside ``like``: a Python number takes its dtype (a fraction makes integers float32)."""
    if isinstance(value, TensorBase):
        return value
    if isinstance(value, bool | int | float | np.integer):
        kind = like._data.dtype
        if kind.kind != "f" and isinstance(value, float):
            kind = np.dtype(np.float32)
        elif kind.kind == "b" and not isinstance(value, bool):
            kind = np.dtype(np.int64)
        return wrap(np.asarray(value, dtype=kind))
    if isinstance(value, np.ndarray | np.generic):
        return wrap(as_array(value))
    kind = "None" if value is None else type(value).__name__
    text = f"a tensor cannot be combined with {kind}"
    if isinstance(value, str):
        how = 'f"loss: {loss.item()}" writes its number into a text, print("loss:", loss) prints both'
        raise told(TypeError(f"{text}: {how}"), "operand.text")
    if value is None:
        raise told(TypeError(f"{text}: has the function that made it no return?"), "operand.none")
    raise told(TypeError(f"{text}: convert it with fastnn.tensor(...)"), "operand.kind", got=kind)


def floating(x: Tensor) -> Tensor:
    """x, or an integer x as float32."""
    return x if x._data.dtype.kind == "f" else x.to(dtypes.float32)


def promoted(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Both in one dtype: the wider float, or the float beside an integer (PyTorch's rule)."""
    p, q = a._data.dtype, b._data.dtype
    if p is q or p == q:
        return a, b
    if p.kind == "f" and q.kind == "f":
        wide = max(p, q, key=lambda kind: kind.itemsize)
    elif p.kind == "f" or q.kind == "f":
        wide = p if p.kind == "f" else q
    else:
        wide = np.promote_types(p, q)
    kind = dtypes.from_numpy(wide)
    return a.to(kind), b.to(kind)


# -- shapes ----------------------------------------------------------------------------------------------------------


def dimension(dim: int, rank: int) -> int:
    """dim counted from the front.

    Raises:
        IndexError: there is no such dimension.
    """
    if not -rank <= dim < rank:
        error = IndexError(f"dimension {dim} is outside a tensor of {rank} dimensions: {-rank} to {rank - 1}")
        raise told(error, "dimension.range", dim=dim, rank=rank, first=-rank, last=rank - 1)
    return dim % rank


def shape_of(args: tuple[Any, ...]) -> tuple[int, ...]:
    """(2, 3) from reshape(2, 3) as well as reshape((2, 3))."""
    if len(args) == 1 and isinstance(args[0], _SEQUENCES):
        args = args[0]
    return tuple(map(int, args))


def check_memory(op: str, shape: Sequence[int]) -> None:
    """Refuses a result that no machine of today holds, before anything is allocated. Eight bytes an element: the op
    keeps their places.

    Raises:
        ValueError: it is so large.
    """
    needed = 8 * prod(shape)
    if needed > 2**46:
        text = f"[{op}] a result of shape {tuple(shape)} needs {needed / 2**50:.3g} PiB; check the sizes"
        raise told(ValueError(text), "result.memory", shape=tuple(shape), pebibytes=needed / 2**50)


def contiguous(data: np.ndarray) -> np.ndarray:
    """data where it is in C order, a copy by an op otherwise (NumPy would copy unseen by a recording)."""
    return data if data.flags.c_contiguous else ops.copy(data)


def reshaped(data: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """data in another shape: a view where memory allows.

    Raises:
        ValueError: the shape has another number of elements.
    """
    if data.shape == shape:
        return data
    dense = data if data.flags.c_contiguous else ops.copy(data)
    try:
        return dense.reshape(shape)
    except ValueError:
        rows = prod(data.shape[1:]) if data.ndim > 2 and len(shape) == 2 else None
        fitting = f"; view(-1, {rows}), or flatten(1), makes a row of each of its {len(data)} samples" if rows else ""
        if rows and data.ndim == 4 and shape[0] == -1 < shape[1]:
            fitting += _of_images(data.shape[1], shape[1])
        text = f"[reshape] shape {data.shape} has {data.size} elements, it cannot become {shape}{fitting}"
        error = ValueError(text)
        raise told(error, "reshape.size", shape=data.shape, wanted=shape, count=data.size, rows=rows) from None


def _of_images(channels: int, wanted: int) -> str:
    """What would make rows of so many numbers of images with these channels, in words."""
    for kept, grey in ((channels, ""), (1, "Grayscale() and ")):
        side = isqrt(wanted // kept)
        if kept * side * side == wanted:
            return f"; {grey}Resize(({side}, {side})) makes rows of {wanted} of these images"
    return ""


def three(data: np.ndarray, first: int, last: int) -> np.ndarray:
    """(outer, axis, inner) with the axes first..last as one."""
    shape = data.shape
    parts = (shape[:first], shape[first : last + 1], shape[last + 1 :])
    return reshaped(data, tuple(dtypes.Size(part).numel() for part in parts))


def sum_axes(data: np.ndarray, axes: Sequence[int], scale: float) -> np.ndarray:
    """Sum over axes (ascending), which are dropped; times scale. Adjacent axes are one reduction, runs of them go from
    the last to the first.
    """
    runs = _runs(axes)
    if not runs:
        return ops.multiply(data, scale) if scale != 1.0 else data
    for number, (first, last) in enumerate(runs):
        total = ops.sum(three(data, first, last), scale if number == len(runs) - 1 else 1.0)
        data = reshaped(total, data.shape[:first] + data.shape[last + 1 :])
    return data


def _runs(axes: Sequence[int]) -> list[tuple[int, int]]:
    """Adjacent axes as runs [first, last], the last run first: (0, 2, 3) -> [(2, 3), (0, 0)]."""
    runs: list[tuple[int, int]] = []
    for axis in reversed(axes):
        if runs and runs[-1][0] == axis + 1:
            runs[-1] = (axis, runs[-1][1])
        else:
            runs.append((axis, axis))
    return runs


def unbroadcast(grad: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Sums a gradient over the dimensions along which its tensor was repeated."""
    if grad.shape == shape:
        return grad
    lead = grad.ndim - len(shape)
    repeated = tuple(range(lead)) + tuple(
        i + lead for i, extent in enumerate(shape) if extent == 1 and grad.shape[i + lead] != 1
    )
    return reshaped(sum_axes(grad, repeated, 1.0), shape)


def array_of(data: Any) -> np.ndarray:
    """The array that lists of numbers make; one is taken as it is.

    Raises:
        ValueError: rows of different lengths.
    """
    try:
        return np.asarray(data)
    except ValueError as error:
        if "inhomogeneous" not in str(error):
            raise
        raise ValueError(
            "a tensor has rows of one length: the lists in this list have different ones. Pad them to the longest"
        ) from None
