"""Batch normalisation, with Keras' meaning of its settings."""

from __future__ import annotations

from typing import Any, ClassVar

from fastnn import nn
from fastnn.eager.tensor import Tensor
from fastnn.keras import initializers, regularizers
from fastnn.keras.layers.layer import Layer, Shape
from fastnn.nn import functional


class _BatchNorm(nn.Module):
    """gamma (x - mean) / sqrt(variance + epsilon) + beta along an axis, see :class:`BatchNormalization`."""

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
