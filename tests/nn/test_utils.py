"""Gradients cut to a size, parameters as one vector."""

from __future__ import annotations

import math

import fastnn
import numpy as np
import pytest
from fastnn import nn
from fastnn.eager.tensor import Tensor
from fastnn.nn import utils


def learned(*gradients: list[float]) -> list[nn.Parameter]:
    made = [nn.Parameter(np.zeros(len(gradient))) for gradient in gradients]
    for parameter, gradient in zip(made, gradients, strict=True):
        parameter.grad = Tensor(np.array(gradient))
    return made


@pytest.mark.parametrize(
    ("norm", "order", "total"),
    [(2.5, 2.0, 5.0), (1.0, 1, 7.0), (2.0, math.inf, 4.0), (1.0, "inf", 4.0), (9.0, 2, 5.0), (5.0, 2.0, 5.0)],
)
def test_the_norm_of_all_is_cut(norm: float, order: float, total: float) -> None:
    """Of 3, 0 and -4; by a factor of norm / (total + 1e-6), at most 1."""
    parameters = [*learned([3.0, 0.0], [-4.0]), nn.Parameter(np.zeros(2))]
    held = parameters[0].grad
    assert utils.clip_grad_norm_(iter(parameters), norm, norm_type=order).item() == total
    factor = min(1.0, norm / (total + 1e-6))
    assert held is parameters[0].grad and parameters[2].grad is None
    np.testing.assert_allclose(held.numpy(), [3 * factor, 0], rtol=1e-14)
    np.testing.assert_allclose(parameters[1].grad.numpy(), [-4 * factor], rtol=1e-14)


def test_values_are_cut() -> None:
    parameters = learned([3.0, -0.25], [-4.0])
    utils.clip_grad_value_(parameters, 0.5)
    assert [p.grad.tolist() for p in parameters] == [[0.5, -0.25], [-0.5]]
    utils.clip_grad_value_(parameters[0], clip_value=0.125)
    assert parameters[0].grad.tolist() == [0.125, -0.125]


def test_norms_that_are_no_numbers() -> None:
    parameters = learned([math.nan, 1.0], [2.0])
    with pytest.raises(RuntimeError, match=r"norm of order 2\.0 .* is nan: they cannot be cut"):
        utils.clip_grad_norm_(parameters, 1.0, error_if_nonfinite=True)
    assert parameters[1].grad.tolist() == [2]
    assert math.isnan(utils.clip_grad_norm_(parameters, 1.0).item()) and math.isnan(parameters[1].grad.item())
    assert utils.clip_grad_norm_([], 1.0).item() == 0 == utils.clip_grad_norm_([nn.Parameter(np.ones(1))], 1.0).item()


def test_gradients_are_as_torch_cuts_them() -> None:
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(shape) for shape in ((3, 4), (5,), ())]
    for order in (2, 1, 3.5, math.inf):
        ours, theirs = (
            [nn.Parameter(np.zeros(a.shape)) for a in arrays],
            [torch.zeros(a.shape).double() for a in arrays],
        )
        for own, their, array in zip(ours, theirs, arrays, strict=True):
            own.grad, their.grad = Tensor(array.copy()), torch.from_numpy(array.copy())
        total = torch.nn.utils.clip_grad_norm_(theirs, 0.7, order)
        assert utils.clip_grad_norm_(ours, 0.7, order).item() == pytest.approx(total.item(), rel=1e-14)
        for own, their in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(own.grad.numpy(), their.grad.numpy(), rtol=1e-13)


def test_parameters_as_one_vector() -> None:
    layer = nn.Linear(2, 3)
    vector = utils.parameters_to_vector(layer.parameters())
    assert vector.tolist() == [*layer.weight.detach().reshape(-1).tolist(), *layer.bias.tolist()]
    (vector * fastnn.arange(9)).sum().backward()
    assert layer.weight.grad.tolist() == [[0, 1], [2, 3], [4, 5]] and layer.bias.grad.tolist() == [6, 7, 8]
    utils.vector_to_parameters(fastnn.arange(9).float(), layer.parameters())
    assert layer.weight.tolist() == [[0, 1], [2, 3], [4, 5]] and layer.bias.tolist() == [6, 7, 8]
    with pytest.raises(ValueError, match=r"shape \(8,\) cannot fill parameters of 9 numbers"):
        utils.vector_to_parameters(fastnn.zeros(8), layer.parameters())
    with pytest.raises(TypeError, match="expected a tensor, got list"):
        utils.vector_to_parameters([0.0] * 9, layer.parameters())
    assert layer.bias.tolist() == [6, 7, 8]
