"""``torch.nn.utils``: gradients cut to a size, parameters as one vector."""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite

from fastnn.eager import autograd
from fastnn.eager.autograd import no_grad
from fastnn.eager.creation import cat, stack
from fastnn.eager.creation import tensor as new_tensor
from fastnn.eager.tensor import Tensor

__all__ = [
    "clip_grad_norm_",
    "clip_grad_value_",
    "get_total_norm",
    "parameters_to_vector",
    "vector_to_parameters",
]

Parameters = Tensor | Iterable[Tensor]

__path__: list[str] = []  # so that an import of fastnn.nn.utils.clip_grad is looked for: see renamed


def _with_gradients(parameters: Parameters) -> list[Tensor]:
    given = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    return [parameter for parameter in given if parameter.grad is not None]


def get_total_norm(
    tensors: Parameters, norm_type: float = 2.0, error_if_nonfinite: bool = False, foreach: bool | None = None
) -> Tensor:
    """The norm of all numbers of some tensors, as if they were one vector; 0 of none.

    Raises:
        RuntimeError: error_if_nonfinite, and it is NaN or infinite.
    """
    given = [tensors] if isinstance(tensors, Tensor) else list(tensors)
    if not given:
        return new_tensor(0.0)
    with no_grad():
        kind = max((each.detach() for each in given), key=lambda each: each.element_size()).dtype
        total = stack([each.detach().to(kind).norm(norm_type) for each in given]).norm(norm_type)
    if error_if_nonfinite and not isfinite(total.item()):
        raise RuntimeError(
            f"the total norm of order {norm_type} of the gradients is {total.item()}: they cannot be cut to a size; "
            f"error_if_nonfinite=False multiplies them all the same"
        )
    return total


def clip_grad_norm_(
    parameters: Parameters,
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Multiplies all gradients in place so that their norm, as one vector, is at most max_norm; gives the norm before.

    norm_type: its order; inf: the largest number. The factor is max_norm / (norm + 1e-6), at most 1.

    Raises:
        RuntimeError: error_if_nonfinite, and the norm is NaN or infinite: no gradient is changed.
    """
    chosen = _with_gradients(parameters)
    total = get_total_norm([each.grad for each in chosen], norm_type, error_if_nonfinite)
    with no_grad():
        factor = (max_norm / (total + 1e-6)).clamp(max=1.0)
        for each in chosen:
            _replace(each.grad, each.grad.detach() * factor.to(each.grad.dtype))
    return total


def clip_grad_value_(parameters: Parameters, clip_value: float, foreach: bool | None = None) -> None:
    """Cuts each number of all gradients, in place, to -clip_value..clip_value."""
    with no_grad():
        for each in _with_gradients(parameters):
            _replace(each.grad, each.grad.detach().clamp(-float(clip_value), float(clip_value)))


def _replace(tensor: Tensor, values: Tensor) -> None:
    """New numbers in a tensor's memory."""
    tensor._data[...] = values._data
    autograd.mark_changed(tensor)


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """All numbers of all parameters, one after the other, with gradients to each."""
    return cat([parameter.reshape(-1) for parameter in parameters])


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Copies the numbers of a vector into parameters, one after the other.

    Raises:
        ValueError: another number of them than the parameters have: nothing is changed.
        TypeError: no tensor.
    """
    if not isinstance(vec, Tensor):
        raise TypeError(f"expected a tensor, got {type(vec).__name__}")
    given = list(parameters)
    wanted = sum(parameter.numel() for parameter in given)
    if vec.dim() != 1 or vec.numel() != wanted:
        raise ValueError(f"a vector of shape {tuple(vec.shape)} cannot fill parameters of {wanted} numbers")
    place = 0
    for parameter in given:
        part = vec._data[place : place + parameter.numel()]
        parameter._data[...] = part.reshape(parameter._data.shape)
        autograd.mark_changed(parameter)
        place += parameter.numel()
