"""One right call of every op of the core: what the tests of bad arguments start from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from fastnn import _core

ANY_TYPE = {("copy", 0), ("gather_rows", 0), ("take", 0)}  # (op, argument) that take all five types
BROADCAST = {"add", "subtract", "multiply", "divide"}
IN_PLACE = {"assign": (0,), "adam": (0, 2, 3), "sgd": (0, 2), "rmsprop": (0, 2, 3)}  # arguments that are updated
WITH_OUT = {
    "relu": 1, "sigmoid": 1, "tanh": 1, "exp": 1, "log": 1, "softmax": 1, "log_softmax": 1,
    "relu_backward": 2, "sigmoid_backward": 2, "tanh_backward": 2, "softmax_backward": 2, "log_softmax_backward": 2,
    "leaky_relu": 2, "leaky_relu_backward": 3, "elu": 2, "elu_backward": 3, "clamp": 3, "clamp_backward": 4,
    "gelu": 1, "gelu_tanh": 1, "silu": 1, "softplus": 1,
    "gelu_backward": 2, "gelu_tanh_backward": 2, "silu_backward": 2, "softplus_backward": 2,
    "dense_forward": 4, "dense_grad_x": 2, "dense_grad_weight": 2, "dense_grad_bias": 1, "matmul": 2,
    "cross_entropy": 4, "mse": 3, "bce_with_logits": 3, "gather_rows": 2, "gather_uint8": 5,
}  # fmt: skip


def numbers(*shape: int, dtype: type = np.float32) -> np.ndarray:
    """Values in (0, 1): right for logarithms, probabilities and squares alike."""
    count = int(np.prod(shape))
    return ((np.arange(count) * 37 % 101 + 1) / 103).astype(dtype).reshape(shape)


def valid_calls() -> dict[str, list[Any]]:
    """Arguments of a right call of each op, freshly made."""
    calls: dict[str, list[Any]] = {
        name: [numbers(5, 7)]
        for name in (
            "relu",
            "sigmoid",
            "tanh",
            "exp",
            "log",
            "gelu",
            "gelu_tanh",
            "silu",
            "softplus",
            "softmax",
            "log_softmax",
            "copy",
            "dense_grad_bias",
            "finite",
        )
    }
    smooth = ("gelu", "gelu_tanh", "silu", "softplus")
    for name in ("relu", "sigmoid", "tanh", "softmax", "log_softmax", *smooth):
        calls[f"{name}_backward"] = [numbers(5, 7), numbers(5, 7)]
    for name in BROADCAST:
        calls[name] = [numbers(5, 7), numbers(7)]
    calls |= {
        "pow": [numbers(5, 7), 1.5],
        "pow_backward": [numbers(5, 7), numbers(5, 7), 3.0],
        "elu": [numbers(5, 7), 0.25],
        "elu_backward": [numbers(5, 7), numbers(5, 7), 0.25],
        "clamp": [numbers(5, 7), -0.5, 0.25],
        "clamp_backward": [numbers(5, 7), numbers(5, 7), -0.5, 0.25],
        "leaky_relu": [numbers(5, 7), 0.25],
        "leaky_relu_backward": [numbers(5, 7), numbers(5, 7), 0.25],
        "assign": [numbers(5, 7), numbers(5, 7)],
        "dropout": [numbers(5, 7), 0.25, 1, 2, 3],
        "sum": [numbers(2, 5, 7), 0.2],
        "max": [numbers(2, 5, 7)],
        "max_backward": [numbers(2, 7), np.arange(14).reshape(2, 7) % 5, 5],
        "matmul": [numbers(2, 5, 7), numbers(2, 7, 3)],
        "dense_forward": [numbers(5, 7), numbers(3, 7), numbers(3), True],
        "dense_grad_x": [numbers(5, 3), numbers(3, 7)],
        "dense_grad_weight": [numbers(5, 3), numbers(5, 7)],
        "cross_entropy": [numbers(5, 7), np.arange(5), True],
        "mse": [numbers(5, 7), numbers(5, 7), True],
        "bce_with_logits": [numbers(5, 7), numbers(5, 7), True],
        "gather_rows": [numbers(5, 7), np.array([4, 0, 0])],
        "gather_uint8": [np.arange(30, dtype=np.uint8).reshape(5, 2, 3), np.array([4, 0]), numbers(2, dtype=np.float64),
                         numbers(2, dtype=np.float64), False],
        "take": [numbers(5, 7), np.array([[34, 0], [3, 3]])],
        "take_backward": [numbers(2, 2), np.array([[34, 0], [3, 3]]), [5, 7]],
        "adam": [numbers(5, 7) for _ in range(4)] + [_core.AdamSettings()],
        "sgd": [numbers(5, 7) for _ in range(3)] + [_core.SgdSettings()],
        "rmsprop": [numbers(5, 7) for _ in range(4)] + [_core.RmspropSettings()],
        "uniform": [[5, 7], 0.0, 1.0, 1, 2, 3, False],
        "permutation": [9, 1, 2, 3],
    }  # fmt: skip
    calls["adam"][4].set_step(1)
    return calls | image_calls()


def image_calls() -> dict[str, list[Any]]:
    """Those of the ops of images."""
    return {
        "conv2d": [numbers(2, 3, 6, 5), numbers(4, 3, 3, 3), numbers(4), [1, 1], [1, 1, 1, 1], [1, 1], 1, True],
        "conv2d_grad_x": [numbers(2, 4, 6, 5), numbers(4, 3, 3, 3), [6, 5], [1, 1], [1, 1, 1, 1], [1, 1], 1],
        "conv2d_grad_weight": [numbers(2, 4, 6, 5), numbers(2, 3, 6, 5), [3, 3], [1, 1], [1, 1, 1, 1], [1, 1], 1],
        "conv2d_grad_bias": [numbers(2, 4, 6, 5)],
        "max_pool2d": [numbers(2, 3, 6, 5), [3, 2], [2, 1], [1, 0], [1, 1], True],
        "max_pool2d_backward": [numbers(2, 3, 4, 4), numbers(2, 3, 6, 5), [3, 2], [2, 1], [1, 0], [1, 1], True],
        "avg_pool2d": [numbers(2, 3, 6, 5), [3, 2], [2, 1], [1, 0], True, False, 0],
        "avg_pool2d_backward": [numbers(2, 3, 4, 4), [6, 5], [3, 2], [2, 1], [1, 0], True, False, 0],
        "adaptive_avg_pool2d": [numbers(2, 3, 6, 5), [2, 3]],
        "adaptive_avg_pool2d_backward": [numbers(2, 3, 2, 3), [6, 5]],
        "batch_norm": [numbers(2, 3, 6, 5), numbers(3), numbers(3), numbers(3), numbers(3), 0.1, 1e-5],
        "batch_norm_backward": [numbers(2, 3, 6, 5), numbers(2, 3, 6, 5), numbers(3), numbers(3, dtype=np.float64),
                                numbers(3, dtype=np.float64)],
        "batch_norm_inference": [numbers(2, 3, 6, 5), numbers(3), numbers(3), numbers(3), numbers(3), 1e-5],
        "batch_norm_inference_backward": [numbers(2, 3, 6, 5), numbers(2, 3, 6, 5), numbers(3), numbers(3), numbers(3),
                                          1e-5],
    }  # fmt: skip


def array_arguments() -> list[tuple[str, int]]:
    """(op, place) of every array that an op takes."""
    return [
        (name, place)
        for name, arguments in valid_calls().items()
        for place, argument in enumerate(arguments)
        if isinstance(argument, np.ndarray)
    ]


def call(name: str, arguments: list[Any]) -> Any:
    op: Callable[..., Any] = getattr(_core, name)
    return op(*arguments)
