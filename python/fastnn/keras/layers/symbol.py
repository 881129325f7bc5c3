"""What stands for a batch while a model is put together: a shape, and how it comes about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastnn.keras.layers.layer import Layer


class Arithmetic:
    """``a + b``, ``a - b`` and ``a * b`` of what stands for batches, or of one and a number: Add, Subtract, Multiply or
    Rescaling.
    """

    def __add__(self, other: Any) -> Symbol:
        return _rescaled(self, 1.0, other) if _is_number(other) else _merged("Add", self, other)

    def __sub__(self, other: Any) -> Symbol:
        return _rescaled(self, 1.0, -other) if _is_number(other) else _merged("Subtract", self, other)

    def __mul__(self, other: Any) -> Symbol:
        return _rescaled(self, other, 0.0) if _is_number(other) else _merged("Multiply", self, other)

    def __rsub__(self, other: Any) -> Symbol:
        return _rescaled(self, -1.0, other) if _is_number(other) else NotImplemented

    def __neg__(self) -> Symbol:
        return _rescaled(self, -1.0, 0.0)

    __radd__, __rmul__ = __add__, __mul__
    __array_ufunc__ = None  # NumPy leaves `array + symbol` to the above, which refuse it


class Symbol(Arithmetic):
    """A model's or layer's input or output: ``shape`` (None, ...), ``dtype`` and ``name``, without values.

    layer, parents: what it comes out of, for what; None and nothing where that is not known.
    """

    dtype = "float32"

    def __init__(
        self,
        shape: tuple[int | None, ...] | None,
        name: str,
        layer: Layer | None = None,
        parents: Sequence[Symbol] = (),
    ) -> None:
        self.shape = shape
        self.name = name
        self.layer = layer
        self.parents = tuple(parents)

    def __repr__(self) -> str:
        return f"<shape={self.shape}, dtype={self.dtype}, name={self.name}>"


def symbols_in(x: Any) -> list[Symbol]:
    """The symbols that a layer is called with: one, several, or what ``Input`` gave; none of values."""
    given = x if isinstance(x, list | tuple) else [x]
    found = [each.symbol if hasattr(each, "symbol") else each for each in given]
    return found if found and all(isinstance(each, Symbol) for each in found) else []


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _merged(kind: str, *given: Any) -> Symbol:
    from fastnn.keras import layers

    return getattr(layers, kind)()(list(given)) if symbols_in(given) else NotImplemented


def _rescaled(x: Any, scale: float, offset: float) -> Symbol:
    from fastnn.keras import layers

    return layers.Rescaling(float(scale), float(offset))(x)


def calls_behind(output: Symbol) -> list[Symbol]:
    """Everything that an output comes from, itself included: each once, behind what it needs."""
    order: list[Symbol] = []
    seen: set[int] = set()
    stack: list[tuple[Symbol, bool]] = [(output, False)]
    while stack:
        symbol, ready = stack.pop()
        if ready:
            order.append(symbol)
        elif id(symbol) not in seen:
            seen.add(id(symbol))
            stack.append((symbol, True))
            stack.extend((parent, False) for parent in reversed(symbol.parents))
    return order
