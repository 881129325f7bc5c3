"""Tensor: a NumPy array with a place on the tape. PyTorch's names and rules.

Each method is one forward line and, beside it, one backward line. Shapes in comments: N samples, I inputs, O outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Self

import numpy as np

from fastnn.eager import autograd, dtypes, ops
from fastnn.eager import device as devices
from fastnn.eager.dtypes import Size

Number = int | float
_new = object.__new__
Axis = int | Sequence[int] | None


class Tensor:
    """An n-dimensional array that remembers how it was made.

    Tensor(array) takes over the array without a copy; use :func:`fastnn.tensor` for lists and copies.
    """

    # _changed: when it was last changed in place; _used: see autograd.USED. Unset: never.
    __slots__ = ("__weakref__", "_changed", "_data", "_node", "_used", "grad", "requires_grad")

    # A tensor on the left of a NumPy array decides what happens: array + tensor is a tensor.
    __array_priority__ = 100

    def __init__(self, data: Any, requires_grad: bool = False) -> None:
        self._data = _as_array(data)
        self._node: autograd.Node | None = None
        self.grad: Tensor | None = None
        self.requires_grad = False
        if requires_grad:
            self.requires_grad_()

    @staticmethod
    def _wrap(data: np.ndarray) -> Tensor:
        """A tensor around an array that is known to be fine."""
        out = _new(Tensor)
        out._data = data
        out._node = None
        out.grad = None
        out.requires_grad = False
        return out

    # -- what it is --------------------------------------------------------------------------------------------------

    @property
    def shape(self) -> Size:
        return Size(self._data.shape)

    def size(self, dim: int | None = None) -> Size | int:
        return self.shape if dim is None else self._data.shape[dim]

    def dim(self) -> int:
        return self._data.ndim

    ndim = property(dim)

    def numel(self) -> int:
        return self._data.size

    @property
    def dtype(self) -> dtypes.dtype:
        return dtypes.from_numpy(self._data.dtype)

    @property
    def device(self) -> devices.device:
        return devices.CPU

    @property
    def is_cuda(self) -> bool:
        return False

    @property
    def is_leaf(self) -> bool:
        return self._node is None

    @property
    def grad_fn(self) -> autograd.Node | None:
        return self._node

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        if requires_grad and self._data.dtype.kind != "f":
            raise RuntimeError(
                f"only floating point tensors can require gradients; this one is {self.dtype!r}: call .float() first"
            )
        self.requires_grad = requires_grad
        return self

    def __len__(self) -> int:
        if self._data.ndim == 0:
            raise TypeError("len() of a 0-d tensor")
        return len(self._data)

    def __repr__(self) -> str:
        from fastnn.eager.printing import tensor_text

        data, suffixes = self._data, []
        if data.size == 0 and data.ndim != 1:
            suffixes.append(f"size={tuple(data.shape)}")
        if data.dtype not in _PRINTED_WITHOUT_DTYPE or (data.size == 0 and data.dtype != np.float32):
            suffixes.append(f"dtype={self.dtype!r}")
        if self._node is not None:
            suffixes.append(f"grad_fn={self._node!r}")
        elif self.requires_grad:
            suffixes.append("requires_grad=True")
        return tensor_text(data, suffixes)

    def __format__(self, spec: str) -> str:
        """``f"{loss:.4f}"``: a single number as such, anything else as it prints."""
        return format(self.item(), spec) if self._data.ndim == 0 else format(repr(self), spec)

    def _for_product(self) -> tuple[np.ndarray, bool]:
        """The array as a factor, and whether it is known to be finite (see Parameter)."""
        return self._data, False

    def _to_read(self) -> np.ndarray:
        """The array for an op that neither keeps nor changes it."""
        return self._data

    # -- out of the tensor world -------------------------------------------------------------------------------------

    def numpy(self) -> np.ndarray:
        """The array itself, not a copy.

        Raises:
            RuntimeError: the tensor requires grad; ``detach()`` first.
        """
        if self.requires_grad:
            raise RuntimeError("numpy() on a tensor that requires grad: use tensor.detach().numpy()")
        return self._read("numpy()")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        data = self._read("__array__") if not self.requires_grad else self.numpy()
        if dtype is not None and np.dtype(dtype) != data.dtype:
            return data.astype(dtype)
        return data.copy() if copy else data

    def item(self) -> Number:
        """The one value, as a Python number."""
        if self._data.size != 1:
            raise RuntimeError(f"item() needs a tensor with one element; this one has shape {tuple(self.shape)}")
        return self._read("item()").item()

    def tolist(self) -> Any:
        return self._read("tolist()").tolist()

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __index__(self) -> int:
        if self._data.dtype.kind not in "iub" or self._data.size != 1:
            raise TypeError("only integer tensors of a single element can be used as an index")
        return int(self.item())

    def __bool__(self) -> bool:
        if self._data.size != 1:
            raise RuntimeError("the truth of a tensor with more than one element is ambiguous: use .any() or .all()")
        return bool(self._read("bool()").item())

    def _read(self, what: str) -> np.ndarray:
        """The array for use outside: refused while a plan is being recorded, because its values are not known then."""
        recorder = ops.recorder
        if recorder is not None:
            recorder.refuse(what)
        return self._data

    def __iter__(self) -> Iterator[Tensor]:
        return (self[i] for i in range(len(self)))

    __hash__ = object.__hash__

    # -- leaving the tape, changing type -----------------------------------------------------------------------------

    def detach(self) -> Tensor:
        return Tensor._wrap(self._data)

    @property
    def data(self) -> Tensor:
        return Tensor._wrap(self._data)

    @data.setter
    def data(self, value: Tensor) -> None:
        self._data = in_layout_of(self._data, value._data)

    def clone(self) -> Tensor:
        return _result(ops.copy(self._data), (self,), lambda g: (g,), "Clone")

    def to(self, target: Any = None, *, dtype: Any = None, device: Any = None) -> Tensor:
        if target is not None and not isinstance(target, dtypes.dtype | np.dtype | type):
            device, target = target, None
        if device is not None:
            devices.check_device(device)
        kind = dtype if dtype is not None else target
        if kind is None or dtypes.to_numpy(kind) == self._data.dtype:
            return self
        before = self._data.dtype
        data = ops.cast(self._data, dtypes.to_numpy(kind))
        if data.dtype.kind != "f":
            return Tensor._wrap(data)
        return _result(data, (self,), lambda g: (ops.cast(g, before),), "ToCopy")

    def float(self) -> Tensor:
        return self.to(dtypes.float32)

    def double(self) -> Tensor:
        return self.to(dtypes.float64)

    def long(self) -> Tensor:
        return self.to(dtypes.int64)

    def int(self) -> Tensor:
        return self.to(dtypes.int32)

    def bool(self) -> Tensor:
        return self.to(dtypes.bool_)

    def type_as(self, other: Tensor) -> Tensor:
        return self.to(other.dtype)

    def cpu(self) -> Tensor:
        return self

    def cuda(self, device: Any = None) -> Tensor:
        return self.to(device="cuda")

    def contiguous(self) -> Tensor:
        return self if self._data.flags.c_contiguous else self.clone()

    # -- arithmetic --------------------------------------------------------------------------------------------------

    def __add__(self, other: Any) -> Tensor:
        return _binary(self, other, ops.add, "add", lambda g, a, b: (g, g), "Add")

    def __sub__(self, other: Any) -> Tensor:
        return _binary(self, other, ops.subtract, "subtract", lambda g, a, b: (g, ops.multiply(g, -1.0)), "Sub")

    def __rsub__(self, other: Any) -> Tensor:
        return _operand(other, self) - self

    def __mul__(self, other: Any) -> Tensor:
        return _binary(
            self, other, ops.multiply, "multiply", lambda g, a, b: (ops.multiply(g, b), ops.multiply(g, a)), "Mul"
        )

    def __truediv__(self, other: Any) -> Tensor:
        a, b = _floating(self), _floating(_operand(other, self))
        return _binary(a, b, ops.divide, "divide", _divide_backward, "Div")

    def __rtruediv__(self, other: Any) -> Tensor:
        return _operand(other, self) / self

    def __neg__(self) -> Tensor:
        return self * -1

    def __floordiv__(self, other: Any) -> Tensor:
        return _integer_only(self, other, "floor_divide", "//")

    def __mod__(self, other: Any) -> Tensor:
        return _integer_only(self, other, "remainder", "%")

    def __pow__(self, exponent: Any) -> Tensor:
        """x ** p. A tensor p gives exp(p log x), so x must be positive there."""
        if isinstance(exponent, int) and exponent >= 0 and self._data.dtype.kind in "iu":
            return Tensor._wrap(ops.integer(self._data, exponent, "power"))
        x = _floating(self)
        if isinstance(exponent, Tensor):
            return (_floating(exponent) * x.log()).exp()
        p = float(exponent)
        data = x._data
        return _result(ops.pow(data, p), (x,), lambda g: (ops.pow_backward(g, data, p),), "Pow")

    def __rpow__(self, base: Any) -> Tensor:
        return _operand(base, self) ** self

    def __matmul__(self, other: Any) -> Tensor:
        from fastnn.eager.linalg import matmul

        return matmul(self, _operand(other, self))

    def __rmatmul__(self, other: Any) -> Tensor:
        return _operand(other, self) @ self

    __radd__, __rmul__ = __add__, __mul__
    matmul, mm, add, sub, mul, div, pow = __matmul__, __matmul__, __add__, __sub__, __mul__, __truediv__, __pow__

    def sqrt(self) -> Tensor:
        return self**0.5

    def __iadd__(self, other: Any) -> Tensor:
        return self._updated(self + other)

    def __isub__(self, other: Any) -> Tensor:
        return self._updated(self - other)

    def __imul__(self, other: Any) -> Tensor:
        return self._updated(self * other)

    def __itruediv__(self, other: Any) -> Tensor:
        return self._updated(self / other)

    def _updated(self, value: Tensor) -> Tensor:
        from fastnn.eager.inplace import update

        return update(self, value)

    # -- comparison --------------------------------------------------------------------------------------------------

    def __gt__(self, other: Any) -> Tensor:
        return _compare(self, other, "greater")

    def __ge__(self, other: Any) -> Tensor:
        return _compare(self, other, "greater_equal")

    def __lt__(self, other: Any) -> Tensor:
        return _compare(self, other, "less")

    def __le__(self, other: Any) -> Tensor:
        return _compare(self, other, "less_equal")

    def __eq__(self, other: object) -> Tensor:  # type: ignore[override]
        return _compare(self, other, "equal") if isinstance(other, _OPERANDS) else NotImplemented

    def __ne__(self, other: object) -> Tensor:  # type: ignore[override]
        return _compare(self, other, "not_equal") if isinstance(other, _OPERANDS) else NotImplemented

    gt, ge, lt, le, eq, ne = __gt__, __ge__, __lt__, __le__, __eq__, __ne__

    # -- functions of each element -----------------------------------------------------------------------------------

    def relu(self) -> Tensor:
        y = ops.relu(self._data)
        return _result(y, (self,), lambda g: (ops.relu_backward(g, y),), "Relu")

    def sigmoid(self) -> Tensor:
        y = ops.sigmoid(_floating(self)._data)
        return _result(y, (self,), lambda g: (ops.sigmoid_backward(g, y),), "Sigmoid")

    def tanh(self) -> Tensor:
        y = ops.tanh(_floating(self)._data)
        return _result(y, (self,), lambda g: (ops.tanh_backward(g, y),), "Tanh")

    def exp(self) -> Tensor:
        y = ops.exp(_floating(self)._data)
        return _result(y, (self,), lambda g: (ops.multiply(g, y),), "Exp")

    def log(self) -> Tensor:
        x = _floating(self)._data
        return _result(ops.log(x), (self,), lambda g: (ops.divide(g, x),), "Log")

    def softmax(self, dim: int) -> Tensor:
        return _over_last_axis(self, dim, _softmax_last)

    def log_softmax(self, dim: int) -> Tensor:
        return _over_last_axis(self, dim, _log_softmax_last)

    # -- reductions --------------------------------------------------------------------------------------------------

    def sum(self, dim: Axis = None, keepdim: bool = False) -> Tensor:
        from fastnn.eager.reductions import sum_

        return sum_(self, dim, keepdim, mean=False)

    def mean(self, dim: Axis = None, keepdim: bool = False) -> Tensor:
        from fastnn.eager.reductions import sum_

        return sum_(self, dim, keepdim, mean=True)

    def max(self, dim: int | None = None, keepdim: bool = False) -> Any:
        """The largest value; with dim a pair (values, indices)."""
        from fastnn.eager.reductions import max_

        return max_(self, dim, keepdim)

    def argmax(self, dim: int | None = None, keepdim: bool = False) -> Tensor:
        from fastnn.eager.reductions import argmax

        return argmax(self, dim, keepdim)

    def any(self) -> Tensor:
        return Tensor._wrap(np.asarray(self._read("any()").any()))

    def all(self) -> Tensor:
        return Tensor._wrap(np.asarray(self._read("all()").all()))

    # -- shape -------------------------------------------------------------------------------------------------------

    def reshape(self, *shape: Any) -> Tensor:
        data = self._data
        before = data.shape
        return _result(_reshaped(data, _shape_of(shape)), (self,), lambda g: (_reshaped(g, before),), "View")

    view = reshape

    def flatten(self, start_dim: int = 0, end_dim: int = -1) -> Tensor:
        rank = self._data.ndim
        if rank == 0:
            return self.reshape(1)
        start, end = _dimension(start_dim, rank), _dimension(end_dim, rank)
        if start > end:
            raise ValueError(f"[flatten] start_dim {start_dim} comes after end_dim {end_dim}")
        shape = self._data.shape
        return self.reshape(*shape[:start], Size(shape[start : end + 1]).numel(), *shape[end + 1 :])

    def transpose(self, dim0: int, dim1: int) -> Tensor:
        return _result(self._data.swapaxes(dim0, dim1), (self,), lambda g: (g.swapaxes(dim0, dim1),), "Transpose")

    def permute(self, *dims: Any) -> Tensor:
        rank = self._data.ndim
        order = [_dimension(dim, rank) for dim in _shape_of(dims)]
        if sorted(order) != list(range(rank)):
            raise ValueError(f"[permute] {tuple(order)} does not name each of the {rank} dimensions once")
        back = [order.index(i) for i in range(rank)]
        return _result(self._data.transpose(order), (self,), lambda g: (g.transpose(back),), "Permute")

    def t(self) -> Tensor:
        if self._data.ndim > 2:
            raise ValueError(f"[t] expected at most 2 dimensions, got shape {tuple(self.shape)}: use transpose")
        return self.transpose(0, 1) if self._data.ndim == 2 else self

    @property
    def T(self) -> Tensor:
        return self.permute(*range(self._data.ndim - 1, -1, -1))

    def unsqueeze(self, dim: int) -> Tensor:
        shape = list(self._data.shape)
        shape.insert(_dimension(dim, len(shape) + 1), 1)
        return self.reshape(*shape)

    def squeeze(self, dim: int | None = None) -> Tensor:
        shape = self._data.shape
        chosen = range(len(shape)) if dim is None else (_dimension(dim, len(shape)),)
        return self.reshape(*(extent for i, extent in enumerate(shape) if extent != 1 or i not in chosen))

    def expand(self, *shape: Any) -> Tensor:
        wanted, before = _shape_of(shape), self._data.shape
        lead = len(wanted) - len(before)
        target = tuple(before[i - lead] if want == -1 and i >= lead else want for i, want in enumerate(wanted))
        try:
            wide = np.broadcast_to(self._data, target)
        except ValueError:
            raise ValueError(f"[expand] a tensor of shape {before} cannot be repeated to {wanted}") from None
        return _result(wide, (self,), lambda g: (_unbroadcast(g, before),), "Expand")

    def __getitem__(self, key: Any) -> Tensor:
        if type(key) is int and not self.requires_grad:  # a sample of a data set, again and again
            return Tensor._wrap(self._data[key, ...])
        from fastnn.eager.indexing import getitem

        return getitem(self, key)

    def __setitem__(self, key: Any, value: Any) -> None:
        from fastnn.eager.indexing import setitem

        setitem(self, key, value)

    # -- gradients ---------------------------------------------------------------------------------------------------

    def backward(self, gradient: Tensor | None = None, retain_graph: bool = False) -> None:
        """Fills ``.grad`` of every leaf this tensor depends on.

        Raises:
            RuntimeError: the tensor is no scalar and no gradient was given, or it is not on the tape.
        """
        if gradient is None and self._data.size != 1:
            raise RuntimeError(
                f"backward() needs a scalar, this tensor has shape {tuple(self.shape)}: call .mean() or .sum() first, "
                f"or pass gradient"
            )
        start = gradient._data if gradient is not None else _reshaped(autograd.UNIT[self._data.dtype], self._data.shape)
        if start.shape != self._data.shape:
            raise RuntimeError(f"gradient has shape {start.shape}, the tensor has {tuple(self.shape)}")
        autograd.backward(self, start, retain_graph)

    def zero_(self) -> Self:
        self[...] = 0
        return self

    def copy_(self, source: Tensor) -> Self:
        self[...] = source
        return self


_SEQUENCES = (tuple, list)
_OPERANDS = (Tensor, bool, int, float, np.ndarray, np.generic)
_PRINTED_WITHOUT_DTYPE = frozenset(np.dtype(kind) for kind in (np.float32, np.int64, np.bool_))


def in_layout_of(array: np.ndarray, other: np.ndarray) -> np.ndarray:
    """other in the memory order of array where their shapes are equal, else as it is."""
    if other.strides == array.strides or other.shape != array.shape:
        return other
    out = np.empty_like(array, dtype=other.dtype)
    out[...] = other
    return out


def _as_array(data: Any) -> np.ndarray:
    if isinstance(data, Tensor):
        return data._data
    array = np.asarray(data)
    dtypes.from_numpy(array.dtype)
    return array


def _result(data: np.ndarray, inputs: tuple[Tensor, ...], backward: autograd.Backward, name: str) -> Tensor:
    """The output of an op, with a node where a gradient may be wanted."""
    out = _new(Tensor)
    out._data = data
    out.grad = None
    out._node = None
    out.requires_grad = False
    if autograd._Mode.enabled:
        for tensor in inputs:
            if tensor.requires_grad:
                out.requires_grad = True
                out._node = autograd.Node(name, inputs, backward)
                break
    return out


def _operand(value: Any, like: Tensor) -> Tensor:
    """value as a tensor beside ``like``: a Python number takes its dtype (a fraction makes integers float32)."""
    if isinstance(value, Tensor):
        return value
    if isinstance(value, bool | int | float):
        kind = like._data.dtype
        if kind.kind != "f" and isinstance(value, float):
            kind = np.dtype(np.float32)
        elif kind.kind == "b" and not isinstance(value, bool):
            kind = np.dtype(np.int64)
        return Tensor._wrap(np.asarray(value, dtype=kind))
    if isinstance(value, np.ndarray | np.generic):
        return Tensor(value)
    raise TypeError(f"a tensor cannot be combined with {type(value).__name__}: convert it with fastnn.tensor(...)")


def _floating(x: Tensor) -> Tensor:
    return x if x._data.dtype.kind == "f" else x.to(dtypes.float32)


def _promoted(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Both in one dtype: the wider float, or the float beside an integer (PyTorch's rule)."""
    p, q = a._data.dtype, b._data.dtype
    if p == q:
        return a, b
    if p.kind == "f" and q.kind == "f":
        wide = max(p, q, key=lambda kind: kind.itemsize)
    elif p.kind == "f" or q.kind == "f":
        wide = p if p.kind == "f" else q
    else:
        wide = np.promote_types(p, q)
    kind = dtypes.from_numpy(wide)
    return a.to(kind), b.to(kind)


def _binary(
    a: Tensor, other: Any, function: Callable[..., np.ndarray], integer: str, backward: Callable[..., tuple], name: str
) -> Tensor:
    a, b = _promoted(a, _operand(other, a))
    x, y = a._data, b._data
    if x.dtype.kind != "f":
        return Tensor._wrap(ops.integer(x, y, integer))

    def run_backward(g: np.ndarray) -> tuple[np.ndarray | None, ...]:
        grad_a, grad_b = backward(g, x, y)
        return (
            _unbroadcast(grad_a, x.shape) if a.requires_grad else None,
            _unbroadcast(grad_b, y.shape) if b.requires_grad else None,
        )

    return _result(function(x, y), (a, b), run_backward, name)


def _divide_backward(g: np.ndarray, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    grad_a = ops.divide(g, b)  # y = a / b: dy/da = 1/b, dy/db = -a/b^2
    return grad_a, ops.multiply(ops.multiply(grad_a, ops.divide(a, b)), -1.0)


def _integer_only(a: Tensor, other: Any, operation: str, symbol: str) -> Tensor:
    a, b = _promoted(a, _operand(other, a))
    if a._data.dtype.kind not in "iu":
        raise TypeError(f"{symbol} is for integer tensors, not {a.dtype!r}")
    if not b._data.all():
        raise ZeroDivisionError(f"{symbol} by zero in a tensor of integers")
    return Tensor._wrap(ops.integer(a._data, b._data, operation))


def _compare(a: Tensor, other: Any, relation: str) -> Tensor:
    a, b = _promoted(a, _operand(other, a))
    return Tensor._wrap(ops.compare(a._data, b._data, relation))


def _unbroadcast(grad: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Sums a gradient over the dimensions along which its tensor was repeated."""
    if grad.shape == shape:
        return grad
    from fastnn.eager.reductions import sum_axes

    lead = grad.ndim - len(shape)
    repeated = tuple(range(lead)) + tuple(
        i + lead for i, extent in enumerate(shape) if extent == 1 and grad.shape[i + lead] != 1
    )
    return _reshaped(sum_axes(grad, repeated, 1.0), shape)


def _shape_of(args: tuple[Any, ...]) -> tuple[int, ...]:
    """(2, 3) from reshape(2, 3) as well as reshape((2, 3))."""
    if len(args) == 1 and isinstance(args[0], _SEQUENCES):
        args = args[0]
    return tuple(map(int, args))


def _reshaped(data: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """A view where memory allows, a copy by an op otherwise (NumPy would copy unseen)."""
    if data.shape == shape:
        return data
    contiguous = data if data.flags.c_contiguous else ops.copy(data)
    try:
        return contiguous.reshape(shape)
    except ValueError:
        raise ValueError(f"[reshape] shape {data.shape} has {data.size} elements, it cannot become {shape}") from None


def _dimension(dim: int, rank: int) -> int:
    """dim counted from the front."""
    if not -rank <= dim < rank:
        raise IndexError(f"dimension {dim} is outside a tensor of {rank} dimensions")
    return dim % rank


def _over_last_axis(x: Tensor, dim: int, function: Callable[[Tensor], Tensor]) -> Tensor:
    """function along dim: moved to the end and back where it is not there."""
    x = _floating(x)
    rank = x._data.ndim
    if _dimension(dim, rank) == rank - 1:
        return function(x)
    return function(x.transpose(dim, -1)).transpose(dim, -1)


def _softmax_last(x: Tensor) -> Tensor:
    y = ops.softmax(x._data)
    return _result(y, (x,), lambda g: (ops.softmax_backward(g, y),), "Softmax")


def _log_softmax_last(x: Tensor) -> Tensor:
    y = ops.log_softmax(x._data)
    return _result(y, (x,), lambda g: (ops.log_softmax_backward(g, y),), "LogSoftmax")
