"""``fastnn.autograd.Function``: an op from outside, whose forward and backward are written in Python.

    class Square(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, grad):
            (x,) = ctx.saved_tensors
            return 2 * x * grad

    y = Square.apply(x)

What it does is not recorded: a model that calls one stays eager.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from fastnn.eager import autograd, ops
from fastnn.eager.autograd import Node, grad_mode, no_grad
from fastnn.eager.support import unbroadcast, view_of, wrap
from fastnn.eager.tensor import Tensor


class FunctionCtx:
    """What a forward leaves for its backward; any other attribute, too.

    needs_input_grad: for each argument of ``apply``, whether its gradient is wanted.
    """

    def __init__(self, name: str, needs_input_grad: tuple[bool, ...]) -> None:
        self.needs_input_grad = needs_input_grad
        self._name = name
        self._kept: list[tuple[Tensor | None, int]] = []
        self._constant: tuple[Tensor, ...] = ()
        self._zeros = True

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keeps tensors, arguments or results or others, for ``saved_tensors``.

        Raises:
            TypeError: something else is among them; that can be an attribute of ctx.
        """
        for each in tensors:
            if each is not None and not isinstance(each, Tensor):
                raise TypeError(
                    f"save_for_backward takes tensors, got {type(each).__name__}: keep it as an attribute, ctx.x = ..."
                )
        then = autograd._now()
        self._kept = [(each, then) for each in tensors]

    @property
    def saved_tensors(self) -> tuple[Tensor | None, ...]:
        """What was kept.

        Raises:
            RuntimeError: one was changed in place since.
        """
        for each, then in self._kept:
            if each is not None and each._version is not None and each._version.changed > then:
                raise autograd._changed_since(f"a tensor of shape {tuple(each.shape)} as {self._name} saved it")
        return tuple(each for each, _ in self._kept)

    def mark_non_differentiable(self, *results: Tensor) -> None:
        """Says of results that no gradient goes through them; those of integers are so by themselves."""
        self._constant = results

    def set_materialize_grads(self, value: bool) -> None:
        """Whether backward is given zeros (the default) or None for a result that nothing depends on."""
        self._zeros = bool(value)

    def mark_dirty(self, *tensors: Tensor) -> NoReturn:
        """Not supported.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError(f"{self._name}: a Function cannot change its arguments: change and return x.clone()")


class Function:
    """An op with a gradient of its own: static methods ``forward(ctx, *args)`` and ``backward(ctx, *grads)``, called
    through ``apply``. Instead of ctx in forward: ``forward(*args)`` and ``setup_context(ctx, inputs, output)``.

    forward is given the arguments of ``apply``, tensors and anything else, and returns a tensor or a tuple of them;
    nothing in it is on the tape. backward is given the gradient of each result and returns one for each argument: a
    tensor of its shape, or None. It is differentiated once only, as everything here.
    """

    def __init__(self) -> None:
        raise TypeError(f"{type(self).__name__} is called through its class: {type(self).__name__}.apply(x)")

    # So typed, each may be overridden with arguments of any names and number.

    @staticmethod
    def forward(*args: Any, **named: Any) -> Any:
        raise NotImplementedError("a Function needs a static method forward(ctx, *args)")

    @staticmethod
    def setup_context(*args: Any, **named: Any) -> Any:
        raise NotImplementedError

    @staticmethod
    def backward(*args: Any, **named: Any) -> Any:
        raise NotImplementedError("a Function that is differentiated needs a static method backward(ctx, *grads)")

    @classmethod
    def apply(cls, *args: Any) -> Any:
        """What forward makes of the arguments, on the tape.

        Raises:
            TypeError: forward returns something else than tensors.
            RuntimeError: a plan is being recorded, which such an op cannot be part of.
        """
        if ops.recorder is not None:
            ops.recorder.refuse(
                f"{cls.__name__}.apply()", "what a Function does is Python's, which a plan does not run"
            )
        needs = tuple(isinstance(each, Tensor) and each.requires_grad and grad_mode.enabled for each in args)
        ctx = FunctionCtx(cls.__name__, needs)
        with no_grad():
            if cls.setup_context is Function.setup_context:
                given = cls.forward(ctx, *args)
            else:
                given = cls.forward(*args)
                cls.setup_context(ctx, args, given)
        results = given if isinstance(given, tuple) else (given,)
        if not all(isinstance(each, Tensor) for each in results):
            kinds = ", ".join(type(each).__name__ for each in results)
            raise TypeError(f"{cls.__name__}.forward must return a tensor or a tuple of them, got {kinds}")
        # What is on the tape are other tensors on their memory: ctx may keep those, and the tape keeps ctx.
        taped = tuple(view_of(each, each._data) for each in results)
        if any(needs):
            constant = [any(each is one for one in ctx._constant) for each in results]
            _Call(cls, ctx, args, taped, constant)
        return taped if isinstance(given, tuple) else taped[0]


def once_differentiable(function: Callable) -> Callable:
    """Marks a backward that is not differentiated itself, as none is here."""
    return function


class _Call:
    """One call: a node for each result, which brings its gradient here, and one that asks backward for all of them.

    The latter is older than the results' nodes, so the tape reaches it when all of those have been there. constant:
    which results no gradient goes through.
    """

    def __init__(
        self,
        function: type[Function],
        ctx: FunctionCtx,
        args: tuple[Any, ...],
        results: tuple[Tensor, ...],
        constant: list[bool],
    ) -> None:
        self.function, self.ctx = function, ctx
        self.wanted = [place for place, needed in enumerate(ctx.needs_input_grad) if needed]
        self.arguments = [(args[place]._data.shape, args[place]._data.dtype) for place in self.wanted]
        self.results = [(each._data.shape, each._data.dtype) for each in results]
        self.arrived: dict[int, np.ndarray] = {}
        self.count = len(args)
        joint = wrap(np.zeros(()))
        joint.requires_grad = True
        joint._node = Node(function.__name__, tuple(args[place] for place in self.wanted), self.gradients, ())
        for place, (each, fixed) in enumerate(zip(results, constant, strict=True)):
            if each._data.dtype.kind == "f" and not fixed:
                each._node = Node(function.__name__, (joint,), self._taker(place), ())
                each.requires_grad = True

    def _taker(self, place: int) -> autograd.Backward:
        def take(grad: np.ndarray) -> tuple[np.ndarray]:
            self.arrived[place] = grad
            return (np.zeros(()),)

        return take

    def gradients(self, _: np.ndarray) -> tuple[np.ndarray | None, ...]:
        """Those of the arguments that want one.

        Raises:
            RuntimeError: backward gives another number of gradients, or one of another shape.
            TypeError: it gives something else than tensors.
        """
        arrived, self.arrived = self.arrived, {}
        grads = [
            wrap(arrived[place]) if place in arrived else wrap(np.zeros(*of)) if self.ctx._zeros else None
            for place, of in enumerate(self.results)
        ]
        with no_grad():
            given = self.function.backward(self.ctx, *grads)
        found = given if isinstance(given, tuple | list) else (given,)
        name = f"{self.function.__name__}.backward"
        if len(found) < self.count or any(each is not None for each in found[self.count :]):
            raise RuntimeError(f"{name} returned {len(found)} gradients; apply() had {self.count} arguments")
        return tuple(
            _checked(name, place, found[place], *of) for place, of in zip(self.wanted, self.arguments, strict=True)
        )


def _checked(name: str, place: int, grad: Any, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray | None:
    """The gradient of an argument, in its dtype, summed where that was repeated."""
    if grad is None:
        return None
    if not isinstance(grad, Tensor):
        raise TypeError(f"{name} must return tensors or None, got {type(grad).__name__} for argument {place}")
    found = grad._data.shape
    lead = len(found) - len(shape)
    if lead < 0 or any(own not in (1, other) for own, other in zip(shape, found[lead:], strict=True)):
        raise RuntimeError(f"{name} returned a gradient of shape {found} for argument {place}, which has shape {shape}")
    return unbroadcast(grad._data.astype(dtype, copy=False), shape)
