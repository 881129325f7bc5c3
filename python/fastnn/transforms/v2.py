"""The names of torchvision.transforms.v2 that stand for the same steps, and ToImage and ToDtype, which it has instead
of ToTensor: ``Compose([ToImage(), ToDtype(torch.float32, scale=True)])``.

Steps take one image; boxes, masks and labels beside it they do not know.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn.eager import dtypes
from fastnn.eager.tensor import Tensor
from fastnn.transforms import functional
from fastnn.transforms.autoaugment import AutoAugment, AutoAugmentPolicy, RandAugment, TrivialAugmentWide
from fastnn.transforms.base import Transform, as_tensor
from fastnn.transforms.transforms import *  # noqa: F403
from fastnn.transforms.transforms import __all__ as _steps

__all__ = [
    *_steps,
    "AutoAugment",
    "AutoAugmentPolicy",
    "RandAugment",
    "ToDtype",
    "ToImage",
    "TrivialAugmentWide",
    "functional",
]


class ToImage(Transform):
    """A PIL image or an array (H, W) or (H, W, C) as Tensor (C, H, W) of its own numbers; a Tensor stays.

    Raises:
        TypeError: something else.
    """

    def forward(self, inpt: Any) -> Tensor:
        if isinstance(inpt, Tensor):
            return inpt
        if not isinstance(inpt, np.ndarray):
            return functional.pil_to_tensor(inpt)
        return as_tensor(inpt[None] if inpt.ndim == 2 else inpt.transpose(2, 0, 1))


class ToDtype(Transform):
    """A Tensor as another type.

    Args:
        dtype: the type.
        scale: scale the values, as ConvertImageDtype does: 255 of uint8 is 1.0. Otherwise they stay.

    Raises:
        TypeError: on a call, not a Tensor.
    """

    def __init__(self, dtype: Any, scale: bool = False) -> None:
        if isinstance(dtype, dict):
            raise TypeError("ToDtype: fastnn has no types of images to tell apart; give one dtype")
        self.dtype = dtype
        self.scale = scale

    def forward(self, inpt: Tensor) -> Tensor:
        if self.scale or not isinstance(inpt, Tensor):
            return functional.convert_image_dtype(inpt, self.dtype)
        return as_tensor(inpt.detach().numpy().astype(dtypes.to_numpy(self.dtype)))

    def __repr__(self) -> str:
        return f"ToDtype(scale={self.scale})"
