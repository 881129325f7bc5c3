"""Batch normalisation (Ioffe and Szegedy, 2015)."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from fastnn.eager import ops
from fastnn.eager.inplace import write
from fastnn.eager.tensor import Tensor
from fastnn.errors import told
from fastnn.nn import functional, init
from fastnn.nn.module import Module
from fastnn.nn.parameter import Parameter


class _BatchNorm(Module):
    """weight and bias (num_features,) start as ones and zeros, running_mean and running_var as zeros and ones.

    momentum None: running values are the means over all batches so far. Without track_running_stats there are none, and
    each batch is normalised by its own values, in evaluation, too; switched off later, they stay as they are.
    """

    shapes: ClassVar[dict[int, str]]  # of what it takes, by the number of dimensions

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        if isinstance(num_features, bool) or not isinstance(num_features, int):
            raise TypeError(f"{type(self).__name__}: num_features must be an integer, got {num_features!r}")
        if num_features < 1:
            raise ValueError(f"{type(self).__name__}: num_features is {num_features}; it must be at least 1")
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        self.weight = Parameter(init.constant((num_features,), 1)) if affine else None
        self.bias = Parameter(init.constant((num_features,), 0)) if affine and bias else None
        self.running_mean = self.running_var = self.num_batches_tracked = None
        if track_running_stats:
            self.register_buffer("running_mean", Tensor(init.constant((num_features,), 0)))
            self.register_buffer("running_var", Tensor(init.constant((num_features,), 1)))
            self.register_buffer("num_batches_tracked", Tensor(np.array(0)))

    def forward(self, x: Tensor) -> Tensor:
        self._check(x._data.shape)
        moves = self.training and self.track_running_stats
        tracked = self.num_batches_tracked if moves else None
        momentum = self.momentum
        if momentum is None:
            momentum = 0.0 if tracked is None else 1.0 / (float(tracked) + 1)
        running = (self.running_mean, self.running_var) if moves or not self.training else (None, None)
        by_batch = self.training or running == (None, None)
        y = functional.batch_norm(x, *running, self.weight, self.bias, by_batch, momentum, self.eps)
        if tracked is not None:
            write(tracked, ..., ops.add(tracked._data, np.array(1)))
        return y

    def reset_running_stats(self) -> None:
        """Running values and their count as they start."""
        for buffer, value in ((self.running_mean, 0), (self.running_var, 1), (self.num_batches_tracked, 0)):
            if buffer is not None:
                write(buffer, ..., value)

    def reset_parameters(self) -> None:
        """All of it as it starts."""
        self.reset_running_stats()
        for parameter, value in ((self.weight, 1), (self.bias, 0)):
            if parameter is not None:
                init.constant_(parameter, value)

    def _check(self, shape: tuple[int, ...]) -> None:
        name = type(self).__name__
        if len(shape) not in self.shapes:
            wanted = " or ".join(self.shapes.values())
            text = f"{name} takes {wanted}, got shape {shape}"
            raise told(ValueError(text), "batch_norm.rank", shape=shape)
        if shape[1] != self.num_features:
            text = f"{name} has {self.num_features} features, x has shape {shape}: {shape[1]} in its second dimension"
            raise told(ValueError(text), "batch_norm.features", features=self.num_features, got=shape[1])

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )


class BatchNorm1d(_BatchNorm):
    """Normalises each feature of (N, C) or (N, C, L) over the batch.

    Raises:
        ValueError: another number of features or dimensions; a single value a feature in training.
    """

    shapes: ClassVar[dict[int, str]] = {2: "(N, C)", 3: "(N, C, L)"}


class BatchNorm2d(_BatchNorm):
    """Normalises each channel of images (N, C, H, W) over the batch and all pixels.

    Raises:
        ValueError: another number of channels or dimensions; a single value a channel in training.
    """

    shapes: ClassVar[dict[int, str]] = {4: "(N, C, H, W)"}
