"""``fastnn.autograd.gradcheck``: gradients against differences."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from fastnn.eager.autograd import no_grad
from fastnn.eager.tensor import Tensor


def gradcheck(
    func: Callable[..., Any],
    inputs: Tensor | tuple[Any, ...],
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
) -> bool:
    """Whether the gradients of func are those that central differences of 2 eps find, as PyTorch has it:
    ``gradcheck(Square.apply, fastnn.randn(3, dtype=fastnn.float64, requires_grad=True))``.

    func: takes the inputs, gives a tensor or a tuple of them. inputs: those of float64 that require a gradient are
    looked at, and the results that require one, or all where none does. A gradient is right that differs by at most
    atol + rtol times its size.

    Raises:
        ValueError: no input requires a gradient, or one that does is not float64 (raise_exception or not).
        RuntimeError: a gradient is wrong (raise_exception); it names the place.
    """
    given = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    looked_at = {place: x for place, x in enumerate(given) if isinstance(x, Tensor) and x.requires_grad}
    if not looked_at:
        raise ValueError("gradcheck needs an input with requires_grad=True")
    if any(x._data.dtype != np.float64 for x in looked_at.values()):
        raise ValueError("gradcheck needs inputs of float64, as differences of float32 have three digits: x.double()")
    before = [x.grad for x in looked_at.values()]
    try:
        wrong = next(_wrong(func, given, looked_at, (eps, atol, rtol)), None)
    finally:
        for x, grad in zip(looked_at.values(), before, strict=True):
            x.grad = grad
    if wrong is not None and raise_exception:
        raise RuntimeError(wrong)
    return wrong is None


def _results(func: Callable[..., Any], given: tuple[Any, ...]) -> list[Tensor]:
    found = func(*given)
    return [each for each in (found if isinstance(found, tuple | list) else [found]) if each._data.dtype.kind == "f"]


def _wrong(
    func: Callable[..., Any], given: tuple[Any, ...], looked_at: dict[int, Tensor], how: tuple[float, float, float]
) -> Iterator[str]:
    """What is wrong, in words."""
    eps, atol, rtol = how
    results = _results(func, given)
    lost = not any(result.requires_grad for result in results)
    for number, result in enumerate(results):
        if not (result.requires_grad or lost):
            continue
        for place, x in looked_at.items():
            claimed = _claimed(func, given, number, x)
            found = _found(func, given, number, place, eps)
            far = np.argwhere(~(np.abs(claimed - found) <= atol + rtol * np.abs(found)))
            if len(far):
                i, j = far[0]
                yield (
                    f"the gradient of element {i} of result {number} by element {j} of input {place} is "
                    f"{claimed[i, j]:.6g}, differences find {found[i, j]:.6g}"
                    + ": no result requires a gradient, it left the tape (NumPy, detach(), data, no_grad)"
                    * lost
                )


def _claimed(func: Callable[..., Any], given: tuple[Any, ...], number: int, x: Tensor) -> np.ndarray:
    """d result / d x as backward has it: (elements of the result, elements of x)."""
    rows = []
    size = _results(func, given)[number]._data.size
    for i in range(size):
        x.grad = None
        result = _results(func, given)[number]
        if not result.requires_grad:
            return np.zeros((size, x._data.size))
        seed = np.zeros(size)
        seed[i] = 1
        result.backward(Tensor(seed.reshape(result._data.shape).astype(result._data.dtype)))
        rows.append(np.zeros(x._data.size) if x.grad is None else x.grad._data.reshape(-1).copy())
    return np.array(rows).reshape(size, x._data.size)


def _found(func: Callable[..., Any], given: tuple[Any, ...], number: int, place: int, eps: float) -> np.ndarray:
    """The same by differences."""
    columns = []
    for j in range(given[place]._data.size):
        ends = []
        for step in (eps, -eps):
            moved = given[place]._data.copy()
            moved.reshape(-1)[j] += step
            with no_grad():
                ends.append(_results(func, (*given[:place], Tensor(moved), *given[place + 1 :]))[number]._data.copy())
        columns.append((ends[0] - ends[1]).reshape(-1) / (2 * eps))
    return np.array(columns).T.reshape(-1, given[place]._data.size)
