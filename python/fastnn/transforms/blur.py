"""Blurring, by convolution with a small kernel; PIL images by way of their Tensors, as torchvision does it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fastnn.arrays import is_integer
from fastnn.eager.autograd import no_grad
from fastnn.eager.tensor import Tensor
from fastnn.transforms import draws
from fastnn.transforms.base import Transform, as_tensor, pair_of, pil_image, pixels_of
from fastnn.transforms.convert import pil_to_tensor, to_pil_image


class GaussianBlur(Transform):
    """Blurred by a Gaussian whose deviation is drawn.

    Args:
        kernel_size: odd numbers of pixels, (width, height) or one for both.
        sigma: the deviation in pixels, or (least, most).

    Raises:
        TypeError, ValueError: other numbers.
    """

    def __init__(self, kernel_size: int | Sequence[int], sigma: float | Sequence[float] = (0.1, 2.0)) -> None:
        self.kernel_size = _sizes(kernel_size)
        self.sigma = pair_of(sigma, "GaussianBlur: sigma")
        if not 0 < self.sigma[0] <= self.sigma[1]:
            raise ValueError(f"GaussianBlur: sigma should be a positive number or (min, max), got {sigma!r}")

    @staticmethod
    def get_params(sigma_min: float, sigma_max: float) -> float:
        """A deviation."""
        return draws.uniform(sigma_min, sigma_max)

    def forward(self, img: Any) -> Any:
        sigma = self.get_params(self.sigma[0], self.sigma[1])
        return gaussian_blur(img, self.kernel_size, sigma)

    def __repr__(self) -> str:
        return f"GaussianBlur(kernel_size={self.kernel_size}, sigma={self.sigma})"


def gaussian_blur(img: Any, kernel_size: int | Sequence[int], sigma: float | Sequence[float] | None = None) -> Any:
    """The image, a PIL image or a Tensor (..., C, H, W), blurred by a Gaussian; mirrored beyond its edges.

    kernel_size: odd numbers of pixels, (width, height) or one for both. sigma: deviations in pixels, alike; None for
    0.15 of the size and 0.35.

    Raises:
        TypeError, ValueError: other numbers.
    """
    sizes = _sizes(kernel_size)
    usual = [0.15 * size + 0.35 for size in sizes]
    deviations = pair_of(usual if sigma is None else sigma, "gaussian_blur: sigma")
    if min(deviations) <= 0:
        raise ValueError(f"gaussian_blur: sigma should be positive, got {sigma!r}")
    if not isinstance(img, Tensor):
        tensor = pil_to_tensor(pil_image(img, "gaussian_blur"))
        return to_pil_image(gaussian_blur(tensor, sizes, deviations), img.mode)
    pixels = pixels_of(img, "gaussian_blur")
    kind = np.float64 if pixels.dtype == np.float64 else np.float32
    across, down = (_bell(size, deviation, kind) for size, deviation in zip(sizes, deviations, strict=True))
    borders = [(0, 0)] * (pixels.ndim - 2) + [(sizes[1] // 2,) * 2, (sizes[0] // 2,) * 2]
    wide = np.pad(pixels.astype(kind, copy=False), borders, "reflect")
    return as_tensor(_rounded(_convolved(wide, down[:, None] * across), pixels.dtype))


def blurred_edges(pixels: np.ndarray) -> np.ndarray:
    """Each pixel mixed with its eight neighbours (5/13 and 1/13 each); those of the edges stay."""
    kind = np.float64 if pixels.dtype == np.float64 else np.float32
    kernel = np.ones((3, 3), kind)
    kernel[1, 1] = 5
    out = pixels.copy()
    out[..., 1:-1, 1:-1] = _rounded(_convolved(pixels.astype(kind, copy=False), kernel / kind(13)), pixels.dtype)
    return out


def _sizes(kernel_size: int | Sequence[int]) -> tuple[int, int]:
    sizes = pair_of(kernel_size, "Gaussian blur: kernel_size")
    if not all(is_integer(size) and size > 0 and size % 2 for size in sizes):
        raise ValueError(f"Gaussian blur: kernel_size should be odd and positive, got {kernel_size!r}")
    return int(sizes[0]), int(sizes[1])


def _bell(size: int, sigma: float, kind: Any) -> np.ndarray:
    """The values of a normal distribution at whole places about zero, of sum one."""
    places = (np.arange(size) - (size - 1) * 0.5).astype(kind)
    values = Tensor(kind(-0.5) * (places / kind(sigma)) ** 2).exp()
    return (values / values.sum()).numpy()


def _convolved(x: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Each plane (..., H, W) by the kernel, without a border."""
    from fastnn.nn.functional import conv2d

    with no_grad():
        planes = Tensor(np.ascontiguousarray(x.reshape(-1, 1, *x.shape[-2:])))
        out = conv2d(planes, Tensor(np.ascontiguousarray(kernel[None, None]))).numpy()
    return out.reshape(*x.shape[:-2], *out.shape[-2:])


def _rounded(x: np.ndarray, kind: np.dtype) -> np.ndarray:
    return (np.rint(x) if kind.kind in "iu" else x).astype(kind, copy=False)
