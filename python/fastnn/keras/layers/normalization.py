"""Values of mean 0 and variance 1: inputs by what was seen before training, or each batch in between."""

from __future__ import annotations

from itertools import islice
from typing import Any, ClassVar

import numpy as np

from fastnn import nn
from fastnn.eager.tensor import Tensor
from fastnn.keras import initializers, regularizers
from fastnn.keras.data import Dataset
from fastnn.keras.layers.layer import Layer, Shape
from fastnn.nn import functional

EPSILON = 1e-7  # Keras': the smallest deviation that is divided by


class Normalization(Layer):
    """(x - mean) / sqrt(variance). These are given, or :meth:`adapt` finds them in data.

    axis: that (or those) along which each entry has numbers of its own; None: one pair for all.

    Raises:
        ValueError: mean without variance, or a model is built before either is known.
    """

    refused: ClassVar = {"invert": "multiply by the deviation and add the mean in a Lambda layer"}

    def __init__(self, axis: Any = -1, mean: Any = None, variance: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if (mean is None) != (variance is None):
            raise ValueError("Normalization: mean and variance go together; give both or neither")
        self.axis = tuple(axis) if isinstance(axis, list | tuple) else axis
        self.mean = None if mean is None else Tensor(np.asarray(mean, dtype=np.float32))
        self.variance = None if variance is None else Tensor(np.asarray(variance, dtype=np.float32))

    def adapt(self, data: Any, batch_size: int | None = None, steps: int | None = None) -> None:
        """Takes mean and variance from samples (N, ...), or from a :class:`fastnn.keras.data.Dataset` of batches of
        them; steps: so many batches.

        Raises:
            ValueError: no samples, or batches of more than these.
        """
        values, seen, mean, variance = np.zeros(0), 0, np.float64(0), np.float64(0)
        for batch in islice(data.as_numpy_iterator(), steps) if isinstance(data, Dataset) else (data,):
            if isinstance(batch, tuple | dict):
                raise ValueError("Normalization.adapt takes inputs alone: dataset.map(lambda x, y: x)")
            values = np.asarray(batch, dtype=np.float32)
            values = values[:, None] if values.ndim == 1 else values
            if not len(values):
                continue
            others = self._shared(values.ndim)
            exact = values.astype(np.float64)
            seen += len(values)
            share = len(values) / seen  # of this batch in all so far (Chan, Golub and LeVeque, 1979)
            apart = exact.mean(axis=others, keepdims=True) - mean
            variance = variance * (1 - share) + exact.var(axis=others, keepdims=True) * share
            variance = variance + apart**2 * (share * (1 - share))
            mean = mean + apart * share
        if not seen:
            raise ValueError("Normalization.adapt: there are no samples")
        self.mean, self.variance = Tensor(np.asarray(mean, np.float32)), Tensor(np.asarray(variance, np.float32))
        if self.given_shape is None:
            self.given_shape = values.shape[1:]
        self.build(values.shape[1:])
        for module in self.modules:
            module.take(self.mean, self.variance)

    def _shared(self, rank: int) -> tuple[int, ...]:
        """The axes along which numbers are the same."""
        own = () if self.axis is None else self.axis if isinstance(self.axis, tuple) else (self.axis,)
        return tuple(set(range(rank)) - {axis % rank for axis in own})

    def make(self, shape: Shape) -> Shape:
        if self.mean is None:
            raise ValueError(f"layer '{self.name}' (Normalization) knows no mean yet: call adapt(data) first")
        self.modules = [Normalized(self.mean, self.variance)]
        return shape


class Normalized(nn.Module):
    """(x - mean) / sqrt(variance)."""

    def __init__(self, mean: Tensor, variance: Tensor) -> None:
        super().__init__()
        self.take(mean, variance)

    def take(self, mean: Tensor, variance: Tensor) -> None:
        """Computes with these from here on."""
        self.mean = mean
        self.factor = Tensor(1 / np.maximum(np.sqrt(variance.numpy()), np.float32(EPSILON)))

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.mean) * self.factor


class _BatchNorm(nn.Module):
    """gamma (x - mean) / sqrt(variance + epsilon) + beta along an axis, see :class:`BatchNormalization`."""

    moving_mean: Tensor
    moving_variance: Tensor

    def __init__(self, axis: int, momentum: float, epsilon: float) -> None:
        super().__init__()
        self.axis, self.momentum, self.epsilon = axis, momentum, epsilon
        self.gamma: nn.Parameter | None = None
        self.beta: nn.Parameter | None = None
        self.learns = True

    def forward(self, x: Tensor) -> Tensor:
        turned = x.movedim(self.axis, -1) if self.axis != x.dim() - 1 else x
        pixels = turned.reshape(x.shape[0], -1, 1, turned.shape[-1]).permute(0, 3, 1, 2)
        moving, learned = (self.moving_mean, self.moving_variance), (self.gamma, self.beta)
        how = (self.training and self.learns, 1 - self.momentum, self.epsilon, False)
        y = functional.batch_norm(pixels, *moving, *learned, *how).permute(0, 2, 3, 1).reshape(*turned.shape)
        return y.movedim(-1, self.axis) if turned is not x else y


class BatchNormalization(Layer):
    """Each channel with mean 0 and variance 1, times gamma, plus beta (Ioffe and Szegedy, 2015).

    Training takes mean and variance from the batch, and moving values follow them: moving = momentum moving + (1 -
    momentum) batch's, the variance being the mean square (as Keras 3 has it; PyTorch's is the unbiased one). All else
    takes the moving ones, as does a layer that is not trainable. axis: of the channels. center, scale: whether there
    are beta and gamma. Weights: gamma, beta, moving_mean, moving_variance.

    Raises:
        ValueError: momentum outside [0, 1], epsilon that is not positive; once built, an axis that is not there.
    """

    former: ClassVar = {
        "gamma_init": "gamma_initializer",
        "beta_init": "beta_initializer",
    }
    refused: ClassVar = {
        "renorm": "larger batches have the same use",
        "synchronized": "there is one machine",
        "fused": "there is one way to compute it",
        "virtual_batch_size": "use smaller batches",
        "mode": "it is 0, of channels",
        "gamma_constraint": "gamma_regularizer keeps it small",
        "beta_constraint": "beta_regularizer keeps it small",
    }

    def __init__(
        self,
        axis: Any = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not 0 <= momentum <= 1:
            raise ValueError(f"BatchNormalization: momentum is {momentum}; it must be within 0 and 1")
        if not epsilon > 0:
            raise ValueError(f"BatchNormalization: epsilon is {epsilon}; it must be positive")
        self.axis = int(axis[0] if isinstance(axis, list | tuple) and len(axis) == 1 else axis)
        self.momentum, self.epsilon = float(momentum), float(epsilon)
        self.center, self.scale = bool(center), bool(scale)
        names = (*(("gamma",) if scale else ()), *(("beta",) if center else ()), "moving_mean", "moving_variance")
        self.layout = tuple((name, (0,)) for name in names)
        self.beta_initializer = initializers.get(beta_initializer)
        self.gamma_initializer = initializers.get(gamma_initializer)
        self.moving_mean_initializer = initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = initializers.get(moving_variance_initializer)
        self.beta_regularizer = regularizers.get(beta_regularizer)
        self.gamma_regularizer = regularizers.get(gamma_regularizer)

    def make(self, shape: Shape) -> Shape:
        ((channels,), *_), _ = self.declared(vars(self), shape)
        norm = _BatchNorm(self.axis % (len(shape) + 1), self.momentum, self.epsilon)
        for name, _ in self.layout:
            values = getattr(self, f"{name}_initializer")((channels,))
            if name in ("gamma", "beta"):
                setattr(norm, name, nn.Parameter(values))
            else:
                norm.register_buffer(name, Tensor(values))
        self.modules = [norm]
        return shape

    @classmethod
    def declared(cls, config: dict[str, Any], shape: Shape) -> tuple[list[Shape], Shape]:
        axis, rank = config["axis"], len(shape) + 1
        if not -rank <= axis < rank or axis % rank == 0:
            raise ValueError(
                f"layer '{config['name']}' (BatchNormalization): axis {axis} is not one of the samples of shape {shape}"
            )
        return [(shape[axis % rank - 1],)] * (2 + config["scale"] + config["center"]), shape

    def learn(self, learns: bool) -> None:
        super().learn(learns)
        for module in self.modules:
            module.learns = learns
