"""``torch.Tensor(...)`` and the tensor types by name: FloatTensor, LongTensor and friends; Variable.

``Tensor`` here is the public name: it makes tensors as PyTorch's does, and every tensor is an instance of it. What the
package itself makes tensors with is :class:`fastnn.eager.tensor.Tensor`, which takes over an array as it is.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from fastnn.eager import autograd, dtypes, tensor
from fastnn.eager.device import check_device
from fastnn.eager.dtypes import Size
from fastnn.eager.support import array_of


class TensorType(type):
    """A class that makes tensors of one dtype; its instances are all tensors that have it (None: all tensors)."""

    kind: dtypes.dtype | None

    def __call__(cls, *data: Any, **options: Any) -> Any:
        """``FloatTensor(2, 3)``: zeros of that size; ``FloatTensor([[0, 1]])``: these values, whatever holds them.

        An array or tensor of that dtype is not copied.
        """
        if "kind" not in vars(cls):  # somebody's own subclass of Tensor
            return super().__call__(*data, **options)
        return cls.make(*data, **options) if hasattr(cls, "make") else _made(cls.kind, *data, **options)

    def __instancecheck__(cls, value: Any) -> bool:
        if "kind" not in vars(cls):
            return super().__instancecheck__(value)
        return isinstance(value, tensor.Tensor) and cls.kind in (None, value.dtype)

    def __eq__(cls, other: object) -> bool:
        return cls is other or (other is tensor.Tensor and vars(cls).get("kind", cls) is None)

    def __hash__(cls) -> int:
        return hash(tensor.Tensor) if vars(cls).get("kind", cls) is None else super().__hash__()


def _made(kind: dtypes.dtype | None, *data: Any, requires_grad: bool = False, **options: Any) -> tensor.Tensor:
    kind = kind or dtypes.float32
    data = (*data, options.pop("data")) if not data and "data" in options else data
    check_device(options.pop("device", "cpu") or "cpu")
    if options:
        raise TypeError(f"a tensor is made of data or sizes, requires_grad and device; not with {', '.join(options)}")
    if len(data) == 2 and isinstance(data[1], bool):  # Tensor(array, True)
        data, requires_grad = data[:1], data[1]
    if len(data) == 1 and isinstance(data[0], tensor.Tensor):
        made = tensor.Tensor(data[0].detach().to(kind))
        return made.requires_grad_() if requires_grad else made
    if len(data) == 1 and not isinstance(data[0], Size | int | np.integer):
        array = array_of(data[0])
        if array.dtype.kind not in "fiub":
            raise TypeError(f"a tensor cannot be made of {type(data[0]).__name__} {data[0]!r:.50}: it holds no numbers")
        return tensor.Tensor(array.astype(kind.numpy, copy=False), requires_grad)
    size = (0,) if not data else data[0] if isinstance(data[0], Size) else data
    if not all(isinstance(extent, int | np.integer) for extent in size):
        raise TypeError(f"expected sizes or one list of values, got {', '.join(map(repr, data))}")
    return tensor.Tensor(np.zeros(size, kind.numpy), requires_grad)


class Tensor(tensor.Tensor, metaclass=TensorType):
    """``Tensor([[0, 1]])``: a float32 tensor of these values, whatever the list holds; ``Tensor(2, 3)``: one of that
    size, zeros; ``fastnn.tensor`` makes one of the list's own dtype. Every tensor is an instance.

    An array or tensor that is float32 already is not copied.

    Raises:
        TypeError: it holds no numbers; in methods, something that is none is combined with it.
        ValueError: in methods, shapes that do not fit, both told; sizes that do not add up.
        IndexError: in methods, a dimension or an index that is not there.
        RuntimeError: in methods, what a dtype or the tape does not allow.

    >>> import fastnn
    >>> x = fastnn.tensor([1.0, 2.0], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> x.grad
    tensor([2., 4.])
    """

    __slots__ = ()
    kind = None


class FloatTensor(metaclass=TensorType):
    """float32: see :class:`Tensor`."""

    kind = dtypes.float32


class DoubleTensor(metaclass=TensorType):
    """float64: see :class:`Tensor`."""

    kind = dtypes.float64


class LongTensor(metaclass=TensorType):
    """int64: see :class:`Tensor`. Fractions are cut off."""

    kind = dtypes.int64


class IntTensor(metaclass=TensorType):
    """int32: see :class:`Tensor`. Fractions are cut off."""

    kind = dtypes.int32


class ByteTensor(metaclass=TensorType):
    """uint8: see :class:`Tensor`. Fractions are cut off."""

    kind = dtypes.uint8


class HalfTensor(metaclass=TensorType):
    """float16, as tensors out of files may be; none are made."""

    kind = dtypes.float16


class ShortTensor(metaclass=TensorType):
    """int16, as tensors out of files may be; none are made."""

    kind = dtypes.int16


class CharTensor(metaclass=TensorType):
    """int8, as tensors out of files may be; none are made."""

    kind = dtypes.int8


class BoolTensor(metaclass=TensorType):
    """bool: see :class:`Tensor`. What is not 0 is true."""

    kind = dtypes.bool_


_MADE = (FloatTensor, DoubleTensor, LongTensor, IntTensor, ByteTensor, BoolTensor)
_TYPES = {each.kind: each for each in (*_MADE, HalfTensor, ShortTensor, CharTensor)}
_BY_NAME = {f"torch.{each.__name__}": each for each in _TYPES.values()} | {"torch.Tensor": FloatTensor}


def dtype_of(kind: Any) -> Any:
    """The dtype that a tensor type (FloatTensor), its name ("torch.FloatTensor") or a dtype stands for.

    Raises:
        TypeError: no such type; a GPU's too.
    """
    found = _BY_NAME.get(kind, kind) if isinstance(kind, str) else kind
    if isinstance(found, TensorType):
        return found.kind or dtypes.float32
    if isinstance(found, str):
        raise TypeError(f"there is no tensor type {kind!r}; there are {', '.join(sorted(_BY_NAME))}")
    return found


def type_(x: tensor.Tensor, dtype: Any = None, non_blocking: bool = False) -> Any:
    """The name of its type, ``"torch.FloatTensor"``; given a type, its name or a dtype, the tensor in that."""
    name = _TYPES[x.dtype].__name__ if x.dtype in _TYPES else f"{x.dtype.name.replace('ui', 'UI')}Tensor"
    return f"torch.{name}" if dtype is None else x.to(dtype_of(dtype))


class Variable(metaclass=TensorType):
    """``Variable(tensor, requires_grad=False)``: the tensor itself. Since PyTorch 0.4 they are what Variables were."""

    kind = None

    @staticmethod
    def make(data: tensor.Tensor, requires_grad: bool = False, volatile: bool = False) -> tensor.Tensor:
        if volatile:
            text = "volatile was removed and now has no effect. Use `with torch.no_grad():` instead."  # PyTorch's words
            warnings.warn(text, UserWarning, stacklevel=3)
        if not isinstance(data, tensor.Tensor):
            raise TypeError(f"Variable: expected a tensor, got {type(data).__name__}: make one with torch.tensor(...)")
        return data.requires_grad_() if requires_grad else data


def set_default_dtype(dtype: Any) -> None:
    """Takes float32, which new tensors of fractions have anyway.

    Raises:
        TypeError: another dtype: fastnn does not keep one for the whole program.
    """
    if dtype_of(dtype) != dtypes.float32:
        raise TypeError(
            f"the default dtype is float32 and stays so; for {dtype} say model.double() and dtype=float64 where "
            f"tensors are made"
        )


set_default_tensor_type = set_default_dtype


def get_default_dtype() -> dtypes.dtype:
    """float32."""
    return dtypes.float32


# Where PyTorch has them.
tensor.Tensor.type = type_  # type: ignore[attr-defined]
autograd.Variable = Variable  # type: ignore[attr-defined]
autograd.__all__.append("Variable")
