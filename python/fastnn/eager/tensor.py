"""Tensor: a NumPy array with a place on the tape. PyTorch's names and rules.

The methods that compute are the functions of the modules beside this one, where each stands with its gradient.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self

import numpy as np

from fastnn.eager import autograd, dtypes, elementwise, indexing, linalg, ops, reductions, shapes
from fastnn.eager import device as devices
from fastnn.eager.dtypes import Size
from fastnn.eager.inplace import update
from fastnn.eager.memory import in_layout_of
from fastnn.eager.printing import tensor_text
from fastnn.eager.softmax import log_softmax, softmax
from fastnn.eager.support import TensorBase, as_array, operand, reshaped, result, results_are, view_of, wrap
from fastnn.errors import told

Number = int | float


class Tensor(TensorBase):
    """An n-dimensional array that remembers how it was made.

    Tensor(array) takes over the array without a copy; use :func:`fastnn.tensor` for lists and copies.
    """

    __slots__ = ()

    # A tensor on the left of a NumPy array decides what happens: array + tensor is a tensor.
    __array_priority__ = 100

    def __init__(self, data: Any, requires_grad: bool = False) -> None:
        self._data = as_array(data)
        self._node: autograd.Node | None = None
        self.grad: Tensor | None = None
        self.requires_grad = False
        self._version = autograd.version_of(data) if isinstance(data, TensorBase) else autograd.Version()
        self._used: str | None = None
        if requires_grad:
            self.requires_grad_()

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

    def __iter__(self) -> Iterator[Tensor]:
        return (self[i] for i in range(len(self)))

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return tensor_text(self)

    def __format__(self, spec: str) -> str:
        """``f"{loss:.4f}"``: a single number as such, anything else as it prints."""
        return format(self.item(), spec) if self._data.ndim == 0 else format(repr(self), spec)

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

    # -- leaving the tape, changing type -----------------------------------------------------------------------------

    _wrap = staticmethod(wrap)

    def detach(self) -> Tensor:
        return view_of(self, self._data)

    data = property(detach)

    @data.setter
    def data(self, value: Tensor) -> None:
        self._data = in_layout_of(self._data, value._data)
        self._version = autograd.version_of(value) if self._data is value._data else autograd.Version()
        autograd.mark_changed(self)  # for what was computed from the values so far

    def clone(self) -> Tensor:
        return result(ops.copy(self._data), (self,), lambda g: (g,), "Clone")

    def contiguous(self) -> Tensor:
        return self if self._data.flags.c_contiguous else self.clone()

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
            return wrap(data)
        return result(data, (self,), lambda g: (ops.cast(g, before),), "ToCopy")

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

    # -- arithmetic --------------------------------------------------------------------------------------------------

    __add__ = __radd__ = add = elementwise.add
    __sub__ = sub = elementwise.subtract
    __mul__ = __rmul__ = mul = elementwise.multiply
    __truediv__ = div = elementwise.divide
    __floordiv__ = elementwise.floor_divide
    __mod__ = elementwise.remainder
    __pow__ = pow = elementwise.power

    def __neg__(self) -> Tensor:
        return self * -1

    def sqrt(self) -> Tensor:
        return self**0.5

    def __matmul__(self, other: Any) -> Tensor:
        return linalg.matmul(self, operand(other, self))

    matmul = mm = __matmul__

    def __rsub__(self, other: Any) -> Tensor:
        return operand(other, self) - self

    def __rtruediv__(self, other: Any) -> Tensor:
        return operand(other, self) / self

    def __rpow__(self, base: Any) -> Tensor:
        return operand(base, self) ** self

    def __rmatmul__(self, other: Any) -> Tensor:
        return operand(other, self) @ self

    def __iadd__(self, other: Any) -> Tensor:
        return update(self, self + other)

    def __isub__(self, other: Any) -> Tensor:
        return update(self, self - other)

    def __imul__(self, other: Any) -> Tensor:
        return update(self, self * other)

    def __itruediv__(self, other: Any) -> Tensor:
        return update(self, self / other)

    # -- comparison --------------------------------------------------------------------------------------------------

    __gt__ = gt = elementwise.greater
    __ge__ = ge = elementwise.greater_equal
    __lt__ = lt = elementwise.less
    __le__ = le = elementwise.less_equal
    __eq__ = eq = elementwise.equal
    __ne__ = ne = elementwise.not_equal

    # -- functions of each element, reductions -----------------------------------------------------------------------

    relu, sigmoid, tanh = elementwise.relu, elementwise.sigmoid, elementwise.tanh
    exp, log = elementwise.exp, elementwise.log
    softmax, log_softmax = softmax, log_softmax
    sum, mean, max, argmax = reductions.sum_, reductions.mean, reductions.max_, reductions.argmax

    def any(self) -> Tensor:
        return wrap(np.asarray(self._read("any()").any()))

    def all(self) -> Tensor:
        return wrap(np.asarray(self._read("all()").all()))

    # -- shape, parts ------------------------------------------------------------------------------------------------

    reshape = view = shapes.reshape
    flatten, squeeze, unsqueeze, expand = shapes.flatten, shapes.squeeze, shapes.unsqueeze, shapes.expand
    transpose, permute, t = shapes.transpose, shapes.permute, shapes.t
    T = property(shapes.reverse)
    __getitem__, __setitem__ = indexing.getitem, indexing.setitem

    # -- gradients, changes in place ---------------------------------------------------------------------------------

    def backward(self, gradient: Tensor | None = None, retain_graph: bool = False) -> None:
        """Fills ``.grad`` of every leaf this tensor depends on.

        Raises:
            RuntimeError: the tensor is no scalar and no gradient was given, or it is not on the tape.
        """
        if gradient is None and self._data.size != 1:
            shape = tuple(self.shape)
            text = (
                f"backward() needs a scalar, this tensor has shape {shape}: "
                f"call .mean() or .sum() first, or pass gradient"
            )
            raise told(RuntimeError(text), "backward.shape", shape=shape)
        start = gradient._data if gradient is not None else reshaped(autograd.UNIT[self._data.dtype], self._data.shape)
        if start.shape != self._data.shape:
            raise RuntimeError(f"gradient has shape {start.shape}, the tensor has {tuple(self.shape)}")
        autograd.backward(self, start, retain_graph)

    def zero_(self) -> Self:
        self[...] = 0
        return self

    def copy_(self, source: Tensor) -> Self:
        self[...] = source
        return self


results_are(Tensor)
