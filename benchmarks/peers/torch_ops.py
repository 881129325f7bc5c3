"""PyTorch's single ops, for ``python -m benchmarks ops --peers torch``.

Eager, float32, as many threads as everyone has, no autograd tape; losses and updates use the fused calls that
torch offers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

SETTINGS = "torch ops: eager, float32, no_grad; optimizers fused where torch has a fused one"
aten = torch.ops.aten


def cross_entropy(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    log_probabilities = functional.log_softmax(logits, 1)
    losses = functional.nll_loss(log_probabilities, labels, reduction="none")
    grad = log_probabilities.exp()
    grad[torch.arange(len(labels)), labels] -= 1
    return losses.mean(), losses, grad.div_(len(labels))


def mse(x: Tensor, target: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    error = x - target
    losses = (error * error).sum(1)
    return losses.sum() / x.numel(), losses, error * (2 / x.numel())


def bce(x: Tensor, target: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    losses = functional.binary_cross_entropy_with_logits(x, target, reduction="none").sum(1)
    return losses.sum() / x.numel(), losses, (torch.sigmoid(x) - target) / x.numel()


def adam(
    param: Tensor, grad: Tensor, m: Tensor, v: Tensor, *, step: int, **scalars: float
) -> tuple[Tensor, Tensor, Tensor]:
    torch._fused_adam_(
        [param], [grad], [m], [v], [], [torch.tensor(float(step))],
        weight_decay=0.0, amsgrad=False, maximize=False, **scalars,
    )  # fmt: skip
    return param, m, v


def sgd(param: Tensor, grad: Tensor, buffer: Tensor, **scalars: float) -> tuple[Tensor, Tensor]:
    torch._fused_sgd_(
        [param], [grad], [buffer],
        weight_decay=0.0, dampening=0.0, nesterov=False, maximize=False, is_first_step=False, **scalars,
    )  # fmt: skip
    return param, buffer


def rmsprop(
    param: Tensor, grad: Tensor, square: Tensor, *, lr: float, alpha: float, eps: float
) -> tuple[Tensor, Tensor]:
    square.mul_(alpha).addcmul_(grad, grad, value=1 - alpha)
    param.addcdiv_(grad, square.sqrt().add_(eps), value=-lr)
    return param, square


def gather_uint8(x: Tensor, index: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    return x[index].float().div_(255).sub_(mean.float()).div_(std.float())


def conv2d_grad_x(grad_y: Tensor, weight: Tensor, *, padding: int) -> Tensor:
    side = grad_y.shape[-1] + weight.shape[-1] - 1 - 2 * padding
    size = [len(grad_y), weight.shape[1], side, side]
    return torch.nn.grad.conv2d_input(size, weight, grad_y, padding=padding)


def conv2d_grad_weight(grad_y: Tensor, x: Tensor, *, padding: int) -> Tensor:
    side = x.shape[-1] + 2 * padding - grad_y.shape[-1] + 1
    return torch.nn.grad.conv2d_weight(x, [grad_y.shape[1], x.shape[1], side, side], grad_y, padding=padding)


def max_pool2d_backward(grad_y: Tensor, x: Tensor) -> Tensor:
    _, index = aten.max_pool2d_with_indices(x, [2, 2], [2, 2])
    return aten.max_pool2d_with_indices_backward(grad_y, x, [2, 2], [2, 2], [0, 0], [1, 1], False, index)


def avg_pool2d_backward(grad_y: Tensor) -> Tensor:
    x = grad_y.repeat_interleave(2, 2).repeat_interleave(2, 3)  # only its shape is looked at
    return aten.avg_pool2d_backward(grad_y, x, [2, 2], [2, 2], [0, 0], False, True, None)


OPS: dict[str, Callable[..., Any]] = {
    "adam": adam,
    "add": torch.add,
    "avg_pool2d": lambda x: functional.avg_pool2d(x, 2),
    "avg_pool2d_backward": avg_pool2d_backward,
    "batch_norm": lambda x, weight, bias, var: functional.batch_norm(x, None, None, weight, bias, training=True),
    "batch_norm_inference": lambda x, weight, bias, var: functional.batch_norm(x, bias, var, weight, bias),
    "bce": bce,
    "conv2d_forward": functional.conv2d,
    "conv2d_grad_weight": conv2d_grad_weight,
    "conv2d_grad_x": conv2d_grad_x,
    "cross_entropy": cross_entropy,
    "dense_forward": lambda x, weight, bias: functional.linear(x, weight, bias).relu_(),
    "dense_grad_bias": lambda grad_y: grad_y.sum(0),
    "dense_grad_weight": lambda grad_y, x: grad_y.T @ x,
    "dense_grad_x": torch.matmul,
    "divide": torch.div,
    "exp": torch.exp,
    "gather_rows": lambda x, index: x[index],
    "gather_uint8": gather_uint8,
    "clamp": lambda x: x.clamp(0.0, 6.0),
    "clamp_backward": lambda grad_y, x: torch.where((x >= 0) & (x <= 6), grad_y, 0.0),
    "elu": functional.elu,
    "elu_backward": lambda grad_y, x: aten.elu_backward(grad_y, 1.0, 1.0, 1.0, False, x),
    "gelu": functional.gelu,
    "gelu_backward": aten.gelu_backward,
    "gelu_tanh": lambda x: functional.gelu(x, approximate="tanh"),
    "gelu_tanh_backward": lambda grad_y, x: aten.gelu_backward(grad_y, x, approximate="tanh"),
    "leaky_relu": functional.leaky_relu,
    "leaky_relu_backward": lambda grad_y, x: aten.leaky_relu_backward(grad_y, x, 0.01, False),
    "log": torch.log,
    "log_softmax": lambda x: torch.log_softmax(x, -1),
    "matmul": torch.matmul,
    "max": lambda x: tuple(torch.max(x, 1)),
    "max_pool2d": lambda x: functional.max_pool2d(x, 2),
    "max_pool2d_backward": max_pool2d_backward,
    "mse": mse,
    "pow_1.5": lambda x: torch.pow(x, 1.5),
    "pow_3.0": lambda x: torch.pow(x, 3.0),
    "relu": torch.relu,
    "relu_backward": lambda grad_y, x: aten.threshold_backward(grad_y, x, 0),
    "rmsprop": rmsprop,
    "sgd": sgd,
    "sigmoid": torch.sigmoid,
    "sigmoid_backward": aten.sigmoid_backward,
    "softmax": lambda x: torch.softmax(x, -1),
    "softmax_backward": lambda grad_y, y: aten._softmax_backward_data(grad_y, y, -1, torch.float32),
    "sum": lambda x: x.sum(1),
    "tanh": torch.tanh,
    "tanh_backward": aten.tanh_backward,
}


def call(name: str, inputs: tuple[Any, ...], settings: Mapping[str, float], threads: int) -> Callable[[], Any]:
    """torch's op of that name on these arrays, as a function without arguments."""
    torch.set_num_threads(threads)
    tensors = [torch.from_numpy(value) if isinstance(value, np.ndarray) else value for value in inputs]
    return partial(OPS[name], *tensors, **settings)
