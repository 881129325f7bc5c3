"""Several images in one: ``make_grid``, and ``save_image``, torchvision.utils' names and semantics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fastnn.data.image_files import file_of, format_of
from fastnn.eager.tensor import Tensor
from fastnn.io.atomic import write_atomic
from fastnn.transforms.functional import to_pil_image

__all__ = ["make_grid", "save_image"]


def make_grid(
    tensor: Tensor | Sequence[Tensor],
    nrow: int = 8,
    padding: int = 2,
    normalize: bool = False,
    value_range: tuple[float, float] | None = None,
    scale_each: bool = False,
    pad_value: float = 0.0,
) -> Tensor:
    """Images side by side, (C, H', W'); one image is given back as it is. Grey ones become RGB.

    Args:
        tensor: images (N, C, H, W), one (C, H, W) or (H, W), or a list of images of one shape.
        nrow: images in a row.
        padding: pixels between them and around all.
        normalize: shift the values to 0..1.
        value_range: (min, max) that become 0 and 1; None for those of the images.
        scale_each: each image by its own least and greatest value.
        pad_value: what is between the images.

    Raises:
        TypeError: not Tensors; normalize of whole numbers.
        ValueError: other dimensions, images of different shapes, none.
    """
    images = _batch(tensor)
    if normalize:
        images = _normalized(images, value_range, scale_each)
    if len(images) == 1:
        return Tensor(np.ascontiguousarray(images[0]))
    if nrow < 1 or padding < 0:
        raise ValueError(f"make_grid: nrow should be at least 1 and padding not negative, got {nrow} and {padding}")
    count, channels, high, wide = images.shape
    columns, padding = min(int(nrow), count), int(padding)
    rows = -(-count // columns)
    height, width = high + padding, wide + padding
    grid = np.full((channels, height * rows + padding, width * columns + padding), pad_value, images.dtype)
    for place, image in enumerate(images):
        top, left = (at * size + padding for at, size in zip(divmod(place, columns), (height, width), strict=True))
        grid[:, top : top + high, left : left + wide] = image
    return Tensor(grid)


def save_image(tensor: Tensor | Sequence[Tensor], fp: Any, format: str | None = None, **kwargs: Any) -> None:
    """Writes an image file, of several images their grid; floats are 0..1.

    Args:
        tensor: as :func:`make_grid` has it.
        fp: a path, which is replaced in one step, or an open binary file.
        format: Pillow's name of the format; None to tell by the path's ending.
        kwargs: what :func:`make_grid` takes.

    Raises:
        TypeError, ValueError: as :func:`make_grid`; no such format.
        OSError: the file cannot be written.
    """
    x = make_grid(tensor, **kwargs).numpy()
    kind = x.dtype.type if x.dtype.kind == "f" else np.float32
    pixels = np.clip(x.astype(kind) * kind(255) + kind(0.5), 0, 255).astype(np.uint8)
    image = to_pil_image(Tensor(pixels))
    if hasattr(fp, "write"):
        image.save(fp, format)
    else:
        write_atomic(fp, [file_of(image, format_of(fp, format, "save_image"))], durable=False)


def _batch(tensor: Any) -> np.ndarray:
    """(N, C, H, W) with more than one channel."""
    if isinstance(tensor, list | tuple):
        wrong = next((type(each).__name__ for each in tensor if not isinstance(each, Tensor)), None)
        if wrong:
            raise TypeError(f"tensor or list of tensors expected, got a list containing {wrong}")
        shapes = {tuple(each.shape) for each in tensor}
        if len(shapes) != 1:
            raise ValueError(f"make_grid: the images of a list should have one shape, got {sorted(shapes) or 'none'}")
        x = np.stack([each.detach().numpy() for each in tensor])
    elif isinstance(tensor, Tensor):
        x = tensor.detach().numpy()
    else:
        raise TypeError(f"tensor or list of tensors expected, got {type(tensor).__name__}")
    if x.ndim not in (2, 3, 4) or not x.size:
        raise ValueError(f"make_grid: expected images (N, C, H, W), (C, H, W) or (H, W), got shape {x.shape}")
    x = x.reshape(*(1,) * (4 - x.ndim), *x.shape)
    return np.repeat(x, 3, axis=1) if x.shape[1] == 1 else x


def _normalized(images: np.ndarray, value_range: tuple[float, float] | None, scale_each: bool) -> np.ndarray:
    if value_range is not None and not isinstance(value_range, tuple):
        raise TypeError("value_range has to be a tuple (min, max) if specified. min and max are numbers")
    if images.dtype.kind != "f":
        raise TypeError(f"make_grid: normalize needs floats, got {images.dtype} images; divide by 255 first")
    out = images.copy()
    kind = images.dtype.type
    for part in out if scale_each else [out]:
        low, high = map(float, (part.min(), part.max()) if value_range is None else value_range)
        part[...] = (np.clip(part, low, high) - kind(low)) / kind(max(high - low, 1e-5))
    return out
