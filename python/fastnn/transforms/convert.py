"""From images to Tensors and back, between types of numbers, and normalisation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.eager import dtypes
from fastnn.eager.tensor import Tensor
from fastnn.transforms.base import Transform, as_tensor, pil_image, pixels_of

if TYPE_CHECKING:
    from PIL import Image


class ToTensor:
    """A PIL image or an array (H, W) or (H, W, C) as Tensor (C, H, W).

    8-bit images become float32 in 0..1 (u / 255, correctly rounded); other values stay as they are.

    Raises:
        TypeError: neither an image nor an array.
        ValueError: an array with other than 2 or 3 dimensions.
    """

    def __call__(self, pic: Any) -> Tensor:
        pixels = _channels_first(pic)
        if pixels.dtype == np.uint8:
            pixels = pixels.astype(np.float32) / np.float32(255)
        return as_tensor(pixels)

    def __repr__(self) -> str:
        return "ToTensor()"


class PILToTensor:
    """A PIL image as Tensor (C, H, W) of its own numbers: uint8 0..255 for 8-bit images.

    Raises:
        TypeError: not a PIL image.
    """

    def __call__(self, pic: Image.Image) -> Tensor:
        return as_tensor(_channels_first(pil_image(pic, "PILToTensor")))

    def __repr__(self) -> str:
        return "PILToTensor()"


class ConvertImageDtype(Transform):
    """A Tensor as another type, its values scaled: whole numbers go from 0 to the most of their type, floats to 1.

    Raises:
        TypeError: on a call, not a Tensor.
        RuntimeError: on a call, floats to whole numbers that they are too coarse for, as torchvision refuses it.
    """

    def __init__(self, dtype: Any) -> None:
        self.dtype = dtype

    def forward(self, image: Tensor) -> Tensor:
        return convert_image_dtype(image, self.dtype)


class Normalize(Transform):
    """(x - mean) / std for each channel of a float Tensor (..., C, H, W), in that order.

    Args:
        mean, std: one number a channel, or one for all.
        inplace: change the tensor itself.

    Raises:
        ValueError: a std is zero as float32; on a call, another number of channels.
        TypeError: on a call, not a float Tensor.
    """

    def __init__(self, mean: float | Sequence[float], std: float | Sequence[float], inplace: bool = False) -> None:
        if (_per_channel(std).astype(np.float32) == 0).any():
            raise ValueError(f"Normalize: std = {std} has a zero (as float32), which leads to division by zero")
        self.mean = mean
        self.std = std
        self.inplace = inplace

    def forward(self, tensor: Tensor) -> Tensor:
        if not isinstance(tensor, Tensor) or not tensor.dtype.is_floating_point:
            found = tensor.dtype if isinstance(tensor, Tensor) else type(tensor).__name__
            raise TypeError(f"Normalize: expected a float Tensor, got {found}; put ToTensor() before it")
        x = tensor.numpy()
        if x.ndim < 3:
            raise ValueError(f"Normalize: expected a tensor (..., C, H, W), got shape {x.shape}")
        mean, std = (values.astype(x.dtype)[:, None, None] for values in self.per_channel(x.shape[-3]))
        out = x if self.inplace else x.copy()
        out -= mean
        out /= std
        return tensor if self.inplace else Tensor(out)

    def per_channel(self, channels: int) -> tuple[np.ndarray, np.ndarray]:
        """(mean, std), float64 (channels,) each.

        Raises:
            ValueError: there are neither ``channels`` nor one of them.
        """
        values = (_per_channel(self.mean), _per_channel(self.std))
        for name, array in zip(("mean", "std"), values, strict=True):
            if len(array) not in (1, channels):
                raise ValueError(f"Normalize: {name} has {len(array)} values, the image has {channels} channel(s)")
        mean, std = (np.ascontiguousarray(np.broadcast_to(array, channels)) for array in values)
        return mean, std

    def __repr__(self) -> str:
        return f"Normalize(mean={self.mean}, std={self.std})"


class ToPILImage:
    """A Tensor (C, H, W) or an array (H, W) or (H, W, C) as PIL image; floats of a Tensor are 0..1, times 255
    and cut.

    Raises:
        TypeError: neither a Tensor nor an array.
        ValueError: no image has such a shape, or ``mode`` does not fit it.
    """

    def __init__(self, mode: str | None = None) -> None:
        self.mode = mode

    def __call__(self, pic: Any) -> Image.Image:
        from PIL import Image

        pixels = _channels_last(pic, keep_float=self.mode == "F")
        modes = {1: ("L",), 2: ("LA",), 3: ("RGB", "YCbCr", "HSV"), 4: ("RGBA", "CMYK", "RGBX")}.get(
            pixels.shape[2], ()
        )
        if pixels.dtype != np.uint8:
            modes = {"i": ("I",), "f": ("F",)}.get(pixels.dtype.kind, ()) if pixels.shape[2] == 1 else ()
        mode = self.mode or (modes[0] if modes else None)
        if mode not in modes:
            raise ValueError(
                f"ToPILImage: {pixels.dtype} pixels of shape {pixels.shape} (H, W, C) make no image of mode {mode}"
            )
        if pixels.shape[2] == 1:
            pixels = pixels[:, :, 0]
        image = Image.fromarray(np.ascontiguousarray(pixels))
        return image if image.mode == mode else Image.frombytes(mode, image.size, image.tobytes())

    def __repr__(self) -> str:
        return f"ToPILImage(mode={self.mode})" if self.mode is not None else "ToPILImage()"


def to_tensor(pic: Any) -> Tensor:
    """What :class:`ToTensor` makes of an image or array."""
    return ToTensor()(pic)


def pil_to_tensor(pic: Image.Image) -> Tensor:
    """What :class:`PILToTensor` makes of an image."""
    return PILToTensor()(pic)


def to_pil_image(pic: Any, mode: str | None = None) -> Image.Image:
    """What :class:`ToPILImage` makes of a Tensor or array."""
    return ToPILImage(mode)(pic)


def normalize(tensor: Tensor, mean: Sequence[float], std: Sequence[float], inplace: bool = False) -> Tensor:
    """What :class:`Normalize` makes of a Tensor."""
    return Normalize(mean, std, inplace)(tensor)


def convert_image_dtype(image: Tensor, dtype: Any = dtypes.float32) -> Tensor:
    """A Tensor as another type, scaled; see :class:`ConvertImageDtype`."""
    if not isinstance(image, Tensor):
        raise TypeError(f"ConvertImageDtype: expected a Tensor, got {type(image).__name__}; put ToTensor() before it")
    x, kind = image.detach().numpy(), dtypes.to_numpy(dtype)
    return image if x.dtype == kind else as_tensor(scaled(x, kind))


def scaled(x: np.ndarray, kind: np.dtype) -> np.ndarray:
    """An image's numbers as another type; the order of operations is torchvision's."""
    if x.dtype.kind == "f":
        if kind.kind == "f":
            return x.astype(kind)
        if 8 * kind.itemsize > np.finfo(x.dtype).nmant + 1:  # more bits than a float keeps
            raise RuntimeError(f"The cast from {dtypes.of(x)} to {dtypes.from_numpy(kind)} cannot be performed safely")
        return (x * x.dtype.type(most(kind) + 1.0 - 1e-3)).astype(kind)
    if kind.kind == "f":
        return x.astype(kind) / kind.type(most(x.dtype))
    above, below = most(x.dtype) + 1, most(kind) + 1
    return (x // (above // below)).astype(kind) if above > below else x.astype(kind) * kind.type(below // above)


def most(kind: np.dtype) -> int:
    """What white is: the greatest whole number, or 1."""
    return int(np.iinfo(kind).max) if kind.kind in "iu" else 1


def white_of(img: Tensor, name: str) -> tuple[np.ndarray, int]:
    """The pixels (..., C, H, W) of an image of 1 or 3 channels, and what white is in it."""
    pixels = pixels_of(img, name, (1, 3))
    if pixels.dtype.kind not in "uif":
        raise TypeError(f"{name}: expected a Tensor of whole numbers or floats, got {img.dtype}")
    return pixels, most(pixels.dtype)


def _per_channel(values: Any) -> np.ndarray:
    """float64 (C,) from a number or a sequence of them."""
    array = np.atleast_1d(np.asarray(values, np.float64))
    if array.ndim != 1 or not len(array):
        raise ValueError(f"Normalize: expected one number a channel, got {values!r}")
    return array


def _channels_first(pic: Any) -> np.ndarray:
    """(C, H, W) of an image or array."""
    from PIL import Image

    if isinstance(pic, Image.Image):
        pixels = np.asarray(pic.convert("L") if pic.mode == "1" else pic)
        if pixels.dtype.kind == "u" and pixels.dtype.itemsize == 2:  # 16-bit grey: tensors have no uint16
            pixels = pixels.astype(np.int32)
    elif isinstance(pic, np.ndarray):
        pixels = pic
    else:
        raise TypeError(f"ToTensor: pic should be a PIL image or an array, got {type(pic).__name__}")
    if pixels.ndim not in (2, 3):
        raise ValueError(f"ToTensor: pic should have 2 or 3 dimensions, got shape {pixels.shape}")
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


def _channels_last(pic: Any, keep_float: bool) -> np.ndarray:
    """(H, W, C) of a Tensor (C, H, W) or (H, W), or of an array (H, W, C) or (H, W)."""
    if not isinstance(pic, Tensor | np.ndarray):
        raise TypeError(f"ToPILImage: pic should be a Tensor or an array, got {type(pic).__name__}")
    pixels = pic if isinstance(pic, np.ndarray) else pic.detach().numpy()
    if pixels.ndim not in (2, 3):
        raise ValueError(f"ToPILImage: pic should have 2 or 3 dimensions, got shape {pixels.shape}")
    if pixels.ndim == 2:
        pixels = pixels[:, :, None]
    elif isinstance(pic, Tensor):
        pixels = pixels.transpose(1, 2, 0)
    if isinstance(pic, Tensor) and pixels.dtype.kind == "f" and not keep_float:
        pixels = (pixels * pixels.dtype.type(255)).astype(np.uint8)
    return pixels
