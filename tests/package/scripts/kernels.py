"""The ops on plain arrays, and seeds, threads, what is known of the machine."""

from typing import assert_type

import fastnn
import numpy as np
from fastnn import kernels
from numpy.typing import NDArray


def layer(x: NDArray[np.float32], weight: NDArray[np.float32], bias: NDArray[np.float32]) -> NDArray[np.float32]:
    y: NDArray[np.float32] = kernels.dense_forward(x, weight, bias, "relu")
    return y


rng = np.random.default_rng(0)
x, weight = rng.random((5, 3), np.float32), rng.random((2, 3), np.float32)
y = layer(x, weight, np.zeros(2, np.float32))
grad_x, grad_weight, grad_bias = kernels.dense_backward(kernels.relu_backward(np.ones_like(y), y), x, weight)
assert grad_x.shape == x.shape and grad_weight.shape == weight.shape and grad_bias.shape == (2,)
fastnn.manual_seed(3)
assert_type(fastnn.initial_seed(), int)
threads = fastnn.get_num_threads()
fastnn.set_num_threads(threads)
assert_type(fastnn.is_grad_enabled(), bool)
assert fastnn.runtime_info()["threads"] == threads
assert_type(fastnn.__version__, str)
