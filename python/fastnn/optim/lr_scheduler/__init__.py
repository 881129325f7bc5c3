"""Learning-rate schedules, under PyTorch's names and with its recursions: ``scheduler.step()`` once an epoch, after the
optimizer's steps.

Source of all of them: https://docs.pytorch.org/docs/stable/optim.html#how-to-adjust-learning-rate
"""

from fastnn.optim.lr_scheduler.base import LRScheduler, _LRScheduler
from fastnn.optim.lr_scheduler.combined import ChainedScheduler, SequentialLR
from fastnn.optim.lr_scheduler.cyclic import CosineAnnealingWarmRestarts, CyclicLR, OneCycleLR
from fastnn.optim.lr_scheduler.factors import LambdaLR, MultiplicativeLR
from fastnn.optim.lr_scheduler.plateau import ReduceLROnPlateau
from fastnn.optim.lr_scheduler.recursive import (
    ConstantLR,
    CosineAnnealingLR,
    ExponentialLR,
    LinearLR,
    MultiStepLR,
    PolynomialLR,
    StepLR,
)

__all__ = [
    "ChainedScheduler",
    "ConstantLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "CyclicLR",
    "ExponentialLR",
    "LRScheduler",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "MultiplicativeLR",
    "OneCycleLR",
    "PolynomialLR",
    "ReduceLROnPlateau",
    "SequentialLR",
    "StepLR",
    "_LRScheduler",
]
