"""A convolution, by hand: a 5x5 image, a 3x3 kernel that goes over it, ReLU, and the largest of each 2x2 window.

    y[r, c] = sum over i, j of image[r + i, c + j] kernel[i, j]           3x3, the "feature map"
    p[r, c] = max of y[2 r - 1 : 2 r + 1, 2 c - 1 : 2 c + 1], y >= 0      2x2: windows begin one pixel outside

and backwards from the sum of p: each p hands its 1 to the pixel of y that was largest, the first of equals, if ReLU let
it through; the kernel's gradient is the sum of the image's 3x3 windows behind those pixels.

In NumPy and in fastnn, whose PyTorch style is the tutorials'. --maps adds kernels of small whole numbers, by --seed.
"""

from __future__ import annotations

from typing import Any

import fastnn
import numpy as np
import picture
from fastnn import nn

IMAGE = np.array([[3, 3, 2, 1, 0], [0, 0, 1, 3, 1], [3, 1, 2, 2, 3], [2, 0, 0, 2, 2], [2, 0, 0, 0, 1]], np.float32)
KERNEL = np.array([[0, 1, 2], [2, 2, 0], [0, 1, 2]], np.float32)
SIZE = len(IMAGE) - len(KERNEL) + 1  # of a feature map


def convolve(kernel: np.ndarray) -> np.ndarray:
    y = np.zeros((SIZE, SIZE), np.float32)
    for r, c in np.ndindex(y.shape):
        y[r, c] = (IMAGE[r : r + 3, c : c + 3] * kernel).sum()
    return y


def max_pool(y: np.ndarray) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """The largest of each window, and where they are."""
    p, winners = np.zeros((2, 2), np.float32), []
    for r, c in np.ndindex(p.shape):
        pixels = [(i, j) for i in (2 * r - 1, 2 * r) for j in (2 * c - 1, 2 * c) if i >= 0 and j >= 0]  # padding: none
        winners.append(max(pixels, key=lambda pixel: y[pixel]))
        p[r, c] = y[winners[-1]]
    return p, winners


def gradient(y: np.ndarray, winners: list[tuple[int, int]]) -> np.ndarray:
    """Of the kernel, from the sum of the pooled pixels."""
    grad = np.zeros_like(KERNEL)
    for r, c in winners:
        if y[r, c] > 0:
            grad += IMAGE[r : r + 3, c : c + 3]
    return grad


def fastnn_way(kernels: np.ndarray) -> list[np.ndarray]:
    """Feature maps, those after ReLU, pooled ones and the gradients of the kernels, each (maps, rows, columns)."""
    conv = nn.Conv2d(1, len(kernels), kernel_size=3, bias=False)
    conv.weight.data = fastnn.tensor(kernels[:, None])
    model = nn.Sequential(conv, nn.ReLU(), nn.MaxPool2d(kernel_size=2, stride=2, padding=1), nn.Flatten())
    print(model)
    x = fastnn.tensor(IMAGE[None, None])
    maps = conv(x)
    pooled = model(x)
    pooled.sum().backward()
    grads = conv.weight.grad[:, 0]
    shown = (maps[0], maps[0].relu(), pooled.view(-1, 2, 2), grads)
    return [each.detach().numpy() for each in shown]


def draw(axes: Any, frame: tuple[int, np.ndarray, list[list[np.ndarray]]]) -> None:
    """The window on the image, and each feature map as far as it has come; the others follow when it is done."""
    step, kernels, results = frame
    done = step >= SIZE**2
    r, c = divmod(min(step, SIZE**2 - 1), SIZE)
    for number, (kernel, (y, positive, p, _)) in enumerate(zip(kernels, results, strict=True)):
        row = axes[5 * number : 5 * number + 5]
        so_far = np.where(np.arange(SIZE**2).reshape(y.shape) <= step, y, np.nan)
        later = [positive, p] if done else [np.full_like(y, np.nan), np.full_like(p, np.nan)]
        _numbers(row[0], "image", IMAGE)
        if not done:
            row[0].add_patch(_frame(r, c))
        names = ("kernel", "convolution", "ReLU", "max pooling")
        for panel, name, values in zip(row[1:], names, (kernel, so_far, *later), strict=True):
            _numbers(panel, name, values)


def _frame(r: int, c: int) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle((c - 0.5, r - 0.5), 3, 3, fill=False, edgecolor="red", linewidth=3)


def _numbers(panel: Any, name: str, values: np.ndarray) -> None:
    """A small picture with its numbers."""
    panel.imshow(np.nan_to_num(values), cmap="Oranges", vmin=0, vmax=40)
    size = max(10, 22 * panel.bbox.height / panel.figure.dpi / len(values))
    for (r, c), value in np.ndenumerate(values):
        if not np.isnan(value):
            panel.text(c, r, f"{value:g}", ha="center", va="center", fontsize=size)
    panel.set(title=name, xticks=[], yticks=[])


def main() -> None:
    args = picture.options(__doc__, "maps", 1).parse_args()
    more = np.random.RandomState(args.seed).randint(-2, 3, (max(args.maps, 1) - 1, *KERNEL.shape))
    kernels = np.concatenate([KERNEL[None], more.astype(np.float32)])
    print("NumPy")
    print(f"image:\n{IMAGE}")
    results = []
    for kernel in kernels:
        y = convolve(kernel)
        positive = np.maximum(y, 0)
        p, winners = max_pool(positive)
        results.append([y, positive, p, gradient(y, winners)])
        print(f"kernel:\n{kernel}\nfeature map:\n{y}\nReLU:\n{positive}\nmax pooling:\n{p}\nflattened: {p.reshape(-1)}")
        print(f"gradient of the kernel:\n{results[-1][-1]}")

    print("\nfastnn")
    names = ("feature maps", "ReLU", "max pooling", "gradients")
    for name, own, by_hand in zip(names, fastnn_way(kernels), zip(*results, strict=True), strict=True):
        print(f"{name}: {'as by hand' if np.array_equal(own, by_hand) else 'NOT as by hand'}")
    picture.show(args, draw, [(step, kernels, results) for step in range(SIZE**2 + 1)], (len(kernels), 5))


if __name__ == "__main__":
    main()
