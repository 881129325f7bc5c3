"""Compose, Grayscale, Resize, ToTensor on PIL images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image


class Compose:
    """One transform after the other."""

    def __init__(self, transforms: Sequence[Callable]) -> None:
        self.transforms = transforms

    def __call__(self, image: Any) -> Any:
        for transform in self.transforms:
            image = transform(image)
        return image


class Grayscale:
    """Mode L."""

    def __init__(self, num_output_channels: int = 1) -> None:
        assert num_output_channels == 1

    def __call__(self, image: Image.Image) -> Image.Image:
        return image.convert("L")


class Resize:
    """To (height, width), bilinear."""

    def __init__(self, size: tuple[int, int]) -> None:
        self.size = size

    def __call__(self, image: Image.Image) -> Image.Image:
        return image.resize(self.size[::-1], Image.Resampling.BILINEAR)


class ToTensor:
    """float32 (C, H, W) in [0, 1]."""

    def __call__(self, image: Image.Image) -> torch.Tensor:
        pixels = torch.from_numpy(np.array(image, np.uint8)).view(image.height, image.width, len(image.getbands()))
        return pixels.permute((2, 0, 1)).contiguous().to(torch.float32).div(255)
