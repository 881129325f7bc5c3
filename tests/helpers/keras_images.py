"""Keras' layers of images by their definitions, in NumPy and float64: windows are cut out, and nothing is shared with
fastnn. Images are (N, rows, columns, channels), kernels (rows, columns, inputs / groups, outputs).
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

Pair = tuple[int, int]
Values = np.ndarray | int


def padded(x: np.ndarray, window: Pair, strides: Pair, padding: str, value: float) -> np.ndarray:
    """With what TensorFlow's documentation puts around images for ``same``."""
    if padding == "valid":
        return x
    sides = []
    for size, reach, stride in zip(x.shape[1:3], window, strides, strict=True):
        rest = size % stride
        lacking = max(reach - (stride if rest == 0 else rest), 0)
        sides.append((lacking // 2, lacking - lacking // 2))
    return np.pad(x, ((0, 0), *sides, (0, 0)), constant_values=value)


def windows(x: np.ndarray, window: Pair, strides: Pair, padding: str, value: float = 0.0) -> np.ndarray:
    """(N, windows down, windows across, channels, *window)."""
    cut = sliding_window_view(padded(x, window, strides, padding, value), window, axis=(1, 2))
    return cut[:, :: strides[0], :: strides[1]]


def convolved(
    x: np.ndarray, kernel: np.ndarray, strides: Pair = (1, 1), padding: str = "valid", dilation: Pair = (1, 1)
) -> np.ndarray:
    """x * kernel, in as many groups as the channels are kernels' inputs."""
    rows, columns = (spread * (size - 1) + 1 for size, spread in zip(kernel.shape[:2], dilation, strict=True))
    wide = np.zeros((rows, columns, *kernel.shape[2:]))
    wide[:: dilation[0], :: dilation[1]] = kernel
    groups = x.shape[-1] // kernel.shape[2]
    parts = zip(np.split(x, groups, axis=-1), np.split(wide, groups, axis=-1), strict=True)
    return np.concatenate(
        [np.einsum("nyxcij,ijco->nyxo", windows(a, (rows, columns), strides, padding), k) for a, k in parts], axis=-1
    )


def transposed(x: np.ndarray, kernel: np.ndarray, strides: Pair, padding: str, size: Pair, apart: Pair) -> np.ndarray:
    """Each pixel of x adds its kernel (rows, columns, outputs, inputs), whose taps are apart, to an image: of that a
    size, from its middle for ``same``, where it is larger.
    """
    counts, taps = x.shape[1:3], kernel.shape[:2]
    rows, columns = ((counts[i] - 1) * strides[i] + apart[i] * (taps[i] - 1) + 1 for i in (0, 1))
    image = np.zeros((len(x), max(rows, size[0]), max(columns, size[1]), kernel.shape[2]))
    for n, y, x_, i, j in np.ndindex(*x.shape[:3], *taps):
        image[n, y * strides[0] + i * apart[0], x_ * strides[1] + j * apart[1]] += kernel[i, j] @ x[n, y, x_]
    top, left = (max(0, rows - size[0]) // 2, max(0, columns - size[1]) // 2) if padding == "same" else (0, 0)
    return image[:, top : top + size[0], left : left + size[1]]


def pooled(x: np.ndarray, largest: bool, window: Pair, strides: Pair, padding: str) -> np.ndarray:
    """The largest or the mean of the pixels that a window has of the image itself."""
    cut = windows(x, window, strides, padding, np.nan)
    return (np.nanmax if largest else np.nanmean)(cut, axis=(-2, -1))


def normalised(
    x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, mean: np.ndarray, variance: np.ndarray
) -> np.ndarray:
    """By the last axis, with Keras' epsilon."""
    return (x - mean) / np.sqrt(variance + 1e-3) * gamma + beta
