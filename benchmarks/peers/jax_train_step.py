"""JAX in its best setting on a CPU: the whole epoch is one compiled ``lax.scan``, its state donated.

Batches lie in one float32 array (steps, batch, I) on the device; compile time is not counted.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

if TYPE_CHECKING:
    from benchmarks.training import Job, Work

Parameters = list[jax.Array]
State = tuple[Parameters, Parameters, Parameters, jax.Array]  # parameters, m, v, steps taken


def loss_of(work: Work, parameters: Parameters, x: jax.Array, y: jax.Array) -> jax.Array:
    """The mean loss of a batch."""
    activation = jax.nn.relu if work.activation == "relu" else jax.nn.sigmoid
    for layer in range(0, len(parameters), 2):
        x = x @ parameters[layer] + parameters[layer + 1]
        if layer + 2 < len(parameters):
            x = activation(x)
    if work.loss == "mse":
        return jnp.mean((x - y) ** 2)
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(x), y[:, None], axis=1))


def train(work: Work, state: State, batch: tuple[jax.Array, jax.Array]) -> tuple[State, jax.Array]:
    """One step: the new state and the loss."""
    parameters, ms, vs, step = state
    step = step + 1
    loss, gradients = jax.value_and_grad(partial(loss_of, work))(parameters, *batch)
    if work.optimizer == "sgd":
        return ([p - work.lr * g for p, g in zip(parameters, gradients, strict=True)], ms, vs, step), loss
    ms = [0.9 * m + 0.1 * g for m, g in zip(ms, gradients, strict=True)]
    vs = [0.999 * v + 0.001 * g * g for v, g in zip(vs, gradients, strict=True)]
    rate = work.lr / (1 - 0.9**step)
    root = jnp.sqrt(1 - 0.999**step)
    parameters = [p - rate * m / (jnp.sqrt(v) / root + 1e-8) for p, m, v in zip(parameters, ms, vs, strict=True)]
    return (parameters, ms, vs, step), loss


class Trainer:
    """Epochs of compiled steps."""

    name = "jax scan"
    settings = "jax: jit of lax.scan over the epoch, state donated, batches on the device; compile time not counted"
    eps_corrected = True

    def __init__(self, job: Job) -> None:
        # (I, O): x @ w, without a transpose in the step.
        parameters = [jnp.asarray(array.T if array.ndim == 2 else array) for array in job.parameters]
        zeros = [[jnp.zeros_like(p) for p in parameters] for _ in range(2)]
        self.state: State = (parameters, *zeros, jnp.zeros((), jnp.int32))
        xs, ys = zip(*job.batches(), strict=True)
        self.batches = jnp.asarray(np.stack(xs)), jnp.asarray(np.stack(ys))
        self.scan = jax.jit(lambda state, batches: lax.scan(partial(train, job.work), state, batches), donate_argnums=0)

    def epoch(self) -> float:
        """The mean loss of an epoch."""
        self.state, losses = self.scan(self.state, self.batches)
        return float(np.asarray(losses).mean())

    def parameters(self) -> list[np.ndarray]:
        """Weight (O, I) and bias (O,) of each layer."""
        arrays = [np.asarray(array) for array in self.state[0]]
        return [array.T if array.ndim == 2 else array for array in arrays]
