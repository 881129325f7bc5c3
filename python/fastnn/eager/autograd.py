"""The tape: which op made which tensor, and how gradients flow back.

Reverse-mode differentiation (Griewank and Walther, 2008): every op that involves a tensor with ``requires_grad`` leaves
a :class:`Node`; :func:`backward` visits the nodes in reverse order of making and adds up gradients.
"""

from __future__ import annotations

import functools
import itertools
import operator
import threading
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from fastnn.eager import evidence, ops
from fastnn.eager.memory import owner_of
from fastnn.errors import told
from fastnn.text import absent

__all__ = ["Node", "backward", "enable_grad", "inference_mode", "is_grad_enabled", "no_grad", "set_grad_enabled"]
__all__ += ["Function", "FunctionCtx", "gradcheck"]

if TYPE_CHECKING:
    from fastnn.eager.function import Function as Function
    from fastnn.eager.function import FunctionCtx as FunctionCtx
    from fastnn.eager.gradcheck import gradcheck as gradcheck
    from fastnn.eager.tensor import Tensor

__path__: list[str] = []  # so that an import of fastnn.autograd.function is looked for: see fastnn.renamed

F = TypeVar("F", bound=Callable[..., Any])
Backward = Callable[[np.ndarray], tuple[np.ndarray | None, ...]]

_now = itertools.count().__next__  # what was made or changed later has a larger number
_order = operator.attrgetter("order")

# Which inputs' values a backward reads: pairs (input, the input for whose gradient it is read; ANY: in any case).
# RESULT: not an input's, those of what the op gave.
Reads = tuple[tuple[int, int | None], ...]
ANY = None
RESULT: Reads = ((-1, ANY),)

# The gradient of a scalar by itself. Ops that see this very array leave out a multiplication by one.
UNIT = {np.dtype(kind): np.ones((), dtype=kind) for kind in (np.float32, np.float64)}


def scaled(grad: np.ndarray, by: np.ndarray) -> np.ndarray:
    """grad * by, for a saved gradient of a scalar and what arrives for that scalar."""
    return grad if by is UNIT.get(by.dtype) else ops.multiply(grad, by)


class _ModeOfThread(threading.local):
    """Whether ops leave nodes. Each thread has its own: one may evaluate while another trains."""

    enabled = True


grad_mode = _ModeOfThread()


def is_grad_enabled() -> bool:
    """False inside :class:`no_grad`."""
    return grad_mode.enabled


class _Mode:
    """Around code, or a function: the tape on, off or (None) as it is."""

    def __init__(self, mode: bool | None) -> None:
        self.mode = mode

    def __enter__(self) -> None:
        self._before = grad_mode.enabled
        grad_mode.enabled = self._before if self.mode is None else self.mode

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        grad_mode.enabled = self._before

    def __call__(self, function: F) -> F:
        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            with _Mode(self.mode):
                return function(*args, **kwargs)

        return wrapped  # type: ignore[return-value]


class set_grad_enabled:
    """Turns the tape on or off: ``with set_grad_enabled(False): ...``, or ``@set_grad_enabled(False)``."""

    def __init__(self, mode: bool) -> None:
        self._before = grad_mode.enabled
        self._mode = grad_mode.enabled = bool(mode)

    def __enter__(self) -> None:
        grad_mode.enabled = self._mode

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        grad_mode.enabled = self._before

    def __call__(self, function: F) -> F:
        grad_mode.enabled = self._before
        return _Mode(self._mode)(function)


class no_grad(_Mode):
    """Code inside leaves nothing on the tape: ``with no_grad(): ...``, ``@no_grad()`` or ``@no_grad``."""

    on = False

    def __new__(cls, function: Any = None) -> Any:
        return super().__new__(cls) if function is None else _Mode(cls.on)(function)

    def __init__(self, function: Any = None) -> None:
        super().__init__(self.on)


class enable_grad(no_grad):
    """The opposite of :class:`no_grad`, for use inside it."""

    on = True


class inference_mode(no_grad):
    """:class:`no_grad`; with ``mode=False`` the tape stays as it is."""

    def __new__(cls, mode: Any = True) -> Any:
        return super().__new__(cls, mode if callable(mode) else None)

    def __init__(self, mode: Any = True) -> None:
        _Mode.__init__(self, False if mode else None)


class Version:
    """When one piece of memory was last changed in place (-1: never). All tensors that look at it share one.

    A tensor has none until a second one looks at its memory or it is changed, but for those that several threads may
    have: they get it when they are made.

    source: of a copy that stands for a view, where memory allows none: the copy, and the tensor that it is of.
    """

    changed = -1
    source: tuple[np.ndarray, Tensor] | None = None

    def write_back(self) -> None:
        """Brings a change of a copy to what it was copied from."""
        if self.source is not None:
            copied, tensor = self.source
            tensor._data[...] = copied.reshape(tensor._data.shape)
            mark_changed(tensor)

    def __reduce__(self) -> tuple:
        """Of a copy or a pickle: that is other memory, and its changes are counted elsewhere."""
        return Version, ()


class Node:
    """One op on the tape, made by :func:`fastnn.eager.support.result`.

    inputs: the tensors it took (those without ``requires_grad`` too, in the order of ``backward``'s results).
    backward: gradient of the op's output -> gradients of its inputs (None: no gradient).
    reads: the inputs whose values backward needs as they were; RESULT: those of the output, whose version it has.
    A node that was gone through has let go of backward and inputs.
    """

    __slots__ = ("backward", "inputs", "name", "order", "reads", "version")

    def __init__(self, name: str, inputs: tuple[Tensor, ...], backward: Backward, reads: Reads) -> None:
        self.name = name
        self.inputs = inputs
        self.backward: Backward | None = backward
        self.reads = reads
        self.version = Version() if reads is RESULT else None
        self.order = _now()

    def __repr__(self) -> str:
        return f"<{self.name}Backward0>"


def version_of(tensor: Tensor) -> Version:
    """That of a tensor's memory."""
    version = tensor._version
    if version is None:
        version = tensor._version = Version()
    return version


def mark_changed(tensor: Tensor) -> None:
    """Notes that a tensor's memory was changed in place: nodes made before that may have needed its old values."""
    version = version_of(tensor)
    version.changed = _now()
    version.write_back()


def _check_unchanged(node: Node) -> None:
    """Refuses to go back through an op when what its backward needs is no longer what it was.

    Raises:
        RuntimeError: memory of an input, or of the result, was changed in place since.
    """
    if node.version is not None and node.version.changed > node.order:
        raise _changed_since(f"the result of {node.name} as it was")
    for place, other in () if node.reads is RESULT else node.reads:
        tensor, needed = node.inputs[place], other is ANY or node.inputs[other].requires_grad
        if needed and tensor._version is not None and tensor._version.changed > node.order:
            raise _changed_since(f"a tensor of shape {tuple(tensor._data.shape)} as {node.name} saw it")


def _changed_since(needed: str) -> RuntimeError:
    text = (
        f"backward() needs {needed}, but it was changed in place since, by optimizer.step() or an operation such as "
        f"+=, on it or on another tensor of the same memory: compute the loss again, or change a clone()"
    )
    return told(RuntimeError(text), "backward.changed")


def _reachable(root: Node) -> Iterable[Node]:
    """All nodes that the root depends on, the latest made first."""
    seen = {root}
    stack = [root]
    while stack:
        for tensor in stack.pop().inputs:
            node = tensor._node
            if node is not None and node not in seen:
                seen.add(node)
                stack.append(node)
    return sorted(seen, key=_order, reverse=True)


def _into_leaf(tensor: Tensor, grad: np.ndarray, shared: bool) -> None:
    """shared: grad lies in memory that something else uses too; a leaf's may be written to (``grad.zero_()``)."""
    before = tensor.grad
    if before is not None:
        tensor.grad = tensor._wrap(ops.add(before._data, grad))
        evidence.gradient_added(before, tensor.grad)
    else:
        tensor.grad = tensor._wrap(ops.copy(grad) if shared else grad)


def backward(root: Tensor, gradient: np.ndarray, retain_graph: bool = False) -> None:
    """Adds d(root)/d(leaf) * gradient to ``leaf.grad`` of every leaf with ``requires_grad``.

    Raises:
        RuntimeError: root is not on the tape, or its tape was used up by an earlier call without ``retain_graph``.
    """
    if root._node is None:
        if not root.requires_grad:
            text = (
                "backward() on a tensor that does not require grad and has no grad_fn: it does not depend on any "
                "parameter (was it computed under no_grad(), detached, or by fastnn.compile(model)?)"
            )
            raise told(RuntimeError(text), "backward.detached")
        return _into_leaf(root, gradient, shared=True)
    nodes = _reachable(root._node)
    if None in [node.backward for node in nodes]:
        text = (
            "backward() a second time through the same graph: its saved values were freed after the first. "
            "Compute the loss again before calling backward(), or pass retain_graph=True the first time"
        )
        raise told(RuntimeError(text), "backward.twice")
    grads = {root._node: gradient}
    for node in nodes:
        grad = grads.pop(node, None)
        if grad is not None:
            _propagate(node, grad, grads, retain_graph)
        if not retain_graph:
            node.backward, node.inputs = None, ()  # what it saved is free; those that read it came before
    return None


def _propagate(node: Node, grad: np.ndarray, grads: dict[Node, np.ndarray], retained: bool) -> None:
    owner = owner_of(grad)
    if node.reads:
        _check_unchanged(node)
    for tensor, tensor_grad in zip(node.inputs, node.backward(grad), strict=True):
        if tensor_grad is None or not tensor.requires_grad:
            continue
        source = tensor._node
        if source is None:
            _into_leaf(tensor, tensor_grad, retained or owner_of(tensor_grad) is owner)
        else:
            before = grads.get(source)
            grads[source] = tensor_grad if before is None else ops.add(before, tensor_grad)


# They stand above this module, on tensors, and are found on first use.
_LAZY = {"Function": "function", "FunctionCtx": "function", "gradcheck": "gradcheck"}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        absent(globals(), name)
    from importlib import import_module

    value = globals()[name] = getattr(import_module(f"fastnn.eager.{_LAZY[name]}"), name)
    return value
