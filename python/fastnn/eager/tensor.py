"""Tensor: a NumPy array with a place on the tape. PyTorch's names and rules.

The methods that compute are the functions of the modules beside this one, where each stands with its gradient.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Self, overload

import numpy as np

from fastnn.eager import (
    autograd,
    draws,
    dtypes,
    elementwise,
    indexing,
    linalg,
    logic,
    ops,
    ordering,
    reductions,
    rounding,
    selection,
    shapes,
    statistics,
)
from fastnn.eager import device as devices
from fastnn.eager.dtypes import Size
from fastnn.eager.inplace import fill_, in_place, update
from fastnn.eager.memory import in_layout_of
from fastnn.eager.printing import tensor_text
from fastnn.eager.softmax import log_softmax, softmax
from fastnn.eager.spelling import spelled
from fastnn.eager.support import TensorBase, as_array, operand, reshaped, result, results_are, view_of, wrap
from fastnn.errors import told

if TYPE_CHECKING:
    from typing import Protocol

    class Extreme(Protocol):
        """``max`` and ``min`` as methods: one tensor, or with a dimension a pair."""

        @overload
        def __call__(self) -> Tensor: ...
        @overload
        def __call__(self, dim: Tensor) -> Tensor: ...
        @overload
        def __call__(self, dim: Int = ..., keepdim: Bool = ..., *, axis: Int = ...) -> reductions.MaxResult: ...


Number = int | float
# Within the class these names are its methods.
Int = int
Float = float
Bool = bool


class Tensor(TensorBase):
    """An n-dimensional array that remembers how it was made.

    Tensor(array) takes over the array without a copy; use :func:`fastnn.tensor` for lists and copies.
    """

    __slots__ = ()

    # A tensor on the left of a NumPy array decides what happens: array + tensor is a tensor.
    __array_priority__ = 100

    if TYPE_CHECKING:  # of fastnn.Tensor, which is a class of its own
        grad: Tensor | None
        requires_grad: Bool

        def __init__(self, *data: Any, requires_grad: Bool = False, device: Any = None) -> None: ...

    def __init__(self, data: Any, requires_grad: Bool = False) -> None:  # type: ignore[no-redef]
        self._data = as_array(data)
        self._node: autograd.Node | None = None
        self.grad = None
        self.requires_grad = False
        self._version = autograd.version_of(data) if isinstance(data, TensorBase) else autograd.Version()
        self._used: str | None = None
        if requires_grad:
            self.requires_grad_()

    # -- what it is --------------------------------------------------------------------------------------------------

    @property
    def shape(self) -> Size:
        """The size of each dimension."""
        return Size(self._data.shape)

    @overload
    def size(self) -> Size: ...
    @overload
    def size(self, dim: Int) -> Int: ...
    def size(self, dim: Int | None = None) -> Size | Int:
        """The shape, or the size of one dimension."""
        return self.shape if dim is None else self._data.shape[dim]

    def dim(self) -> Int:
        """How many dimensions it has."""
        return self._data.ndim

    @property
    def ndim(self) -> Int:
        """How many dimensions it has."""
        return self._data.ndim

    ndimension = dim

    def numel(self) -> Int:
        """How many elements it has."""
        return self._data.size

    nelement = numel

    def element_size(self) -> Int:
        """Bytes of an element."""
        return self._data.itemsize

    def is_floating_point(self) -> Bool:
        """Whether its elements are floating point numbers."""
        return self._data.dtype.kind == "f"

    def is_contiguous(self) -> Bool:
        """Whether it lies in memory in the order of its dimensions."""
        return self._data.flags.c_contiguous

    @property
    def dtype(self) -> dtypes.dtype:
        """The type of its elements."""
        return dtypes.of(self._data)

    @property
    def device(self) -> devices.device:
        """Where it is: the CPU."""
        return devices.CPU

    @property
    def is_cuda(self) -> Bool:
        """False."""
        return False

    @property
    def is_leaf(self) -> Bool:
        """Whether no op made it (on the tape)."""
        return self._node is None

    @property
    def grad_fn(self) -> autograd.Node | None:
        """What made it, on the tape; None of a leaf."""
        return self._node

    def requires_grad_(self, requires_grad: Bool = True) -> Self:
        """Has gradients arrive in ``grad`` (or not); returns itself.

        Raises:
            RuntimeError: integers.
        """
        if requires_grad and self._data.dtype.kind != "f":
            text = f"only floating point tensors can require gradients; this one is {self.dtype!r}: call .float() first"
            raise told(RuntimeError(text), "tensor.gradient", got=repr(self.dtype))
        self.requires_grad = requires_grad
        return self

    def __len__(self) -> Int:
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
            error = RuntimeError("numpy() on a tensor that requires grad: use tensor.detach().numpy()")
            raise told(error, "tensor.numpy")
        return self._read("numpy()")

    def __array_wrap__(self, array: np.ndarray, context: Any = None, return_scalar: Bool = False) -> Any:
        """What a function of NumPy made of a tensor, as a tensor where there are tensors of its dtype."""
        return wrap(np.asarray(array)) if dtypes.has(np.asarray(array).dtype) else array

    def __array__(self, dtype: Any = None, copy: Bool | None = None) -> np.ndarray:
        data = self._read("__array__") if not self.requires_grad else self.numpy()
        if dtype is not None and np.dtype(dtype) != data.dtype:
            return data.astype(dtype)
        return data.copy() if copy else data

    def item(self) -> Number:
        """The one value, as a Python number."""
        if self._data.size != 1:
            shape = tuple(self.shape)
            text = f"item() needs a tensor with one element; this one has shape {shape}: take its mean() or sum() first"
            raise told(RuntimeError(text), "tensor.item", shape=shape)
        return self._read("item()").item()

    def tolist(self) -> Any:
        """Its values as nested lists of Python's numbers."""
        return self._read("tolist()").tolist()

    def __float__(self) -> Float:
        return float(self.item())

    def __int__(self) -> Int:
        return int(self.item())

    def __index__(self) -> Int:
        if self._data.dtype.kind not in "iub" or self._data.size != 1:
            raise TypeError("only integer tensors of a single element can be used as an index")
        return int(self.item())

    def __bool__(self) -> Bool:
        if self._data.size != 1:
            text = "the truth of a tensor with more than one element is ambiguous: use .any() or .all()"
            raise told(RuntimeError(text), "tensor.truth")
        return bool(self._read("bool()").item())

    # -- leaving the tape, changing type -----------------------------------------------------------------------------

    _wrap = staticmethod(wrap)

    def detach(self) -> Tensor:
        """The same memory, off the tape."""
        return view_of(self, self._data)

    @property
    def data(self) -> Tensor:
        """The same memory, off the tape; what is assigned takes the place of its values."""
        return view_of(self, self._data)

    @data.setter
    def data(self, value: Tensor) -> None:
        self._data = in_layout_of(self._data, value._data)
        self._version = autograd.version_of(value) if self._data is value._data else autograd.Version()
        autograd.mark_changed(self)  # for what was computed from the values so far

    def clone(self) -> Tensor:
        """A copy, on the tape."""
        return result(ops.copy(self._data), (self,), lambda g: (g,), "Clone")

    def contiguous(self) -> Tensor:
        """Itself where it lies in the order of its dimensions, else a copy that does."""
        return self if self._data.flags.c_contiguous else self.clone()

    def to(
        self,
        target: Any = None,
        second: Any = None,
        non_blocking: Bool = False,
        copy: Bool = False,
        *,
        dtype: Any = None,
        device: Any = None,
    ) -> Tensor:
        """In another dtype, or on another device: to(dtype), to(device), to(device, dtype), to(other tensor), dtype=,
        device=. copy: a copy where nothing is to change, too. Nothing is ever done in the background.
        """
        kind = devices.destination(target, second, dtype, device)
        if kind is None or kind == self._data.dtype:
            return self.clone() if copy else self
        before = self._data.dtype
        data = ops.cast(self._data, kind)
        if data.dtype.kind != "f":
            return wrap(data)
        return result(data, (self,), lambda g: (ops.cast(g, before),), "ToCopy")

    def float(self) -> Tensor:
        """As float32."""
        return self.to(dtypes.float32)

    def double(self) -> Tensor:
        """As float64."""
        return self.to(dtypes.float64)

    def long(self) -> Tensor:
        """As int64; fractions are cut off."""
        return self.to(dtypes.int64)

    def int(self) -> Tensor:
        """As int32; fractions are cut off."""
        return self.to(dtypes.int32)

    def bool(self) -> Tensor:
        """As bools: what is not 0 is True."""
        return self.to(dtypes.bool_)

    def byte(self) -> Tensor:
        """As uint8."""
        return self.to(dtypes.uint8)

    def type_as(self, other: Tensor) -> Tensor:
        """In the dtype of another tensor."""
        return self.to(other.dtype)

    def cpu(self) -> Tensor:
        """Itself."""
        return self

    def cuda(self, device: Any = None, non_blocking: Bool = False) -> Tensor:
        """Refused: there is no GPU. RuntimeError."""
        return self.to(device="cuda")

    # -- arithmetic --------------------------------------------------------------------------------------------------

    __add__ = __radd__ = add = elementwise.add
    __sub__ = sub = subtract = elementwise.subtract
    __mul__ = __rmul__ = mul = multiply = elementwise.multiply
    __truediv__ = div = divide = true_divide = elementwise.divide
    __floordiv__ = floor_divide = rounding.floor_divide
    __mod__ = remainder = rounding.remainder
    __pow__ = pow = elementwise.power
    __neg__ = neg = negative = elementwise.negative
    sqrt, rsqrt, square, reciprocal = elementwise.sqrt, elementwise.rsqrt, elementwise.square, elementwise.reciprocal

    def __pos__(self) -> Tensor:
        return self

    def __matmul__(self, other: Any) -> Tensor:
        """The product of matrices (..., M, K) and (..., K, N), vectors (K,) too; leading dimensions broadcast.

        Raises:
            ValueError: sizes that do not fit.
        """
        return linalg.matmul(self, operand(other, self))

    matmul = mm = mv = __matmul__
    bmm, dot, outer = linalg.bmm, linalg.dot, linalg.outer

    def __rsub__(self, other: Any) -> Tensor:
        return operand(other, self) - self

    def __rtruediv__(self, other: Any) -> Tensor:
        return operand(other, self) / self

    def __rfloordiv__(self, other: Any) -> Tensor:
        return operand(other, self) // self

    def __rmod__(self, other: Any) -> Tensor:
        return operand(other, self) % self

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

    __gt__ = gt = greater = elementwise.greater
    __ge__ = ge = greater_equal = elementwise.greater_equal
    __lt__ = lt = less = elementwise.less
    __le__ = le = less_equal = elementwise.less_equal
    __eq__ = eq = elementwise.equal
    __ne__ = ne = not_equal = elementwise.not_equal
    __and__ = __rand__ = bitwise_and = logic.bitwise_and
    __or__ = __ror__ = bitwise_or = logic.bitwise_or
    __xor__ = __rxor__ = bitwise_xor = logic.bitwise_xor
    __invert__ = bitwise_not = logic.bitwise_not
    logical_and, logical_or, logical_xor = logic.logical_and, logic.logical_or, logic.logical_xor
    logical_not, isnan, isinf, isfinite = logic.logical_not, logic.isnan, logic.isinf, logic.isfinite
    isclose, allclose, equal = logic.isclose, logic.allclose, logic.same

    # -- functions of each element, reductions -----------------------------------------------------------------------

    relu, sigmoid, tanh = elementwise.relu, elementwise.sigmoid, elementwise.tanh
    exp, log, erf = elementwise.exp, elementwise.log, elementwise.erf
    __abs__ = abs = absolute = selection.absolute
    sign, clamp, where = selection.sign, selection.clamp, selection.where_method
    clip, maximum, minimum, masked_fill = clamp, selection.maximum, selection.minimum, selection.masked_fill
    floor, ceil, trunc = rounding.floor, rounding.ceil, rounding.trunc
    round = rounding.round_
    softmax, log_softmax = spelled(softmax), spelled(log_softmax)
    sum, mean = spelled(reductions.sum_), spelled(reductions.mean)
    max: Extreme = spelled(reductions.max_)
    min: Extreme = spelled(reductions.min_)
    argmax, amax = spelled(reductions.argmax), spelled(reductions.amax)
    argmin, amin = spelled(reductions.argmin), spelled(reductions.amin)
    any, all = spelled(reductions.any_), spelled(reductions.all_)
    var, std, norm = spelled(statistics.var), spelled(statistics.std), spelled(statistics.norm)
    cumsum, count_nonzero = spelled(statistics.cumsum), spelled(statistics.count_nonzero)
    bernoulli = draws.bernoulli

    # -- order, picking ----------------------------------------------------------------------------------------------

    sort, argsort, topk = spelled(ordering.sort), spelled(ordering.argsort), spelled(ordering.topk)
    median: Any = spelled(ordering.median)
    unique, nonzero, bincount = ordering.unique, ordering.nonzero, ordering.bincount
    gather, index_select, masked_select = ordering.gather, ordering.index_select, ordering.masked_select

    # -- shape, parts ------------------------------------------------------------------------------------------------

    reshape = shapes.reshape
    view = shapes.view
    view_as = reshape_as = shapes.view_as
    flatten, squeeze, unsqueeze = shapes.flatten, spelled(shapes.squeeze), spelled(shapes.unsqueeze)
    expand, expand_as, unflatten = shapes.expand, shapes.expand_as, shapes.unflatten
    transpose = swapaxes = shapes.transpose
    permute, t, movedim = shapes.permute, shapes.t, shapes.movedim
    split, chunk, unbind = spelled(shapes.split), spelled(shapes.chunk), spelled(shapes.unbind)
    narrow, repeat, tile, flip = shapes.narrow, shapes.repeat, shapes.tile, shapes.flip
    __getitem__, __setitem__ = indexing.getitem, indexing.setitem

    @property
    def T(self) -> Tensor:
        """The dimensions in reverse order: a view."""
        return shapes.reverse(self)

    # -- gradients, changes in place ---------------------------------------------------------------------------------

    def backward(self, gradient: Tensor | None = None, retain_graph: Bool = False) -> None:
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
        autograd.backward(self, start.astype(self._data.dtype, copy=False), retain_graph)

    def zero_(self) -> Self:
        """All zeros, in place."""
        self[...] = 0
        return self

    def copy_(self, source: Tensor, non_blocking: Bool = False) -> Self:
        """Takes the values of another tensor, broadcast, in place."""
        self[...] = source
        return self

    fill_, scatter_ = fill_, ordering.scatter_
    normal_, uniform_, bernoulli_ = draws.normal_, draws.uniform_, draws.bernoulli_
    add_, sub_, mul_, div_, pow_ = map(in_place, (add, sub, mul, div, pow))
    floor_divide_, remainder_, neg_, abs_, square_ = map(in_place, (floor_divide, remainder, neg, abs, square))
    exp_, log_, sqrt_, reciprocal_ = map(in_place, (exp, log, sqrt, reciprocal))
    relu_, sigmoid_, tanh_ = map(in_place, (relu, sigmoid, tanh))
    clamp_, masked_fill_, sign_ = map(in_place, (clamp, masked_fill, sign))
    clip_ = clamp_
    floor_, ceil_, trunc_, round_ = map(in_place, (floor, ceil, trunc, round))


results_are(Tensor)
