"""The steps: classes under torchvision's names. What they do to Tensors is in :mod:`fastnn.transforms.tensors`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.arrays import is_integer
from fastnn.eager.tensor import Tensor
from fastnn.errors import FormatError
from fastnn.transforms import tensors

if TYPE_CHECKING:
    from PIL import Image

__all__ = [
    "CenterCrop",
    "Compose",
    "Grayscale",
    "InterpolationMode",
    "Lambda",
    "Normalize",
    "Resize",
    "ToPILImage",
    "ToTensor",
]


class InterpolationMode(Enum):
    """How :class:`Resize` finds pixels between pixels."""

    NEAREST = "nearest"
    NEAREST_EXACT = "nearest-exact"
    BILINEAR = "bilinear"
    BICUBIC = "bicubic"
    BOX = "box"
    HAMMING = "hamming"
    LANCZOS = "lanczos"


# Pillow's numbers of them, 0 to 5.
_PIL_MODES = tuple(InterpolationMode[name] for name in ("NEAREST", "LANCZOS", "BILINEAR", "BICUBIC", "BOX", "HAMMING"))

# The most pixels that an image may have, read or made: 50 million, as cameras have at most.
MAX_PIXELS = 50_000_000


class Compose:
    """Applies transforms one after the other."""

    def __init__(self, transforms: Sequence[Callable[[Any], Any]]) -> None:
        self.transforms = transforms

    def __call__(self, img: Any) -> Any:
        for transform in self.transforms:
            img = transform(img)
        return img

    def __repr__(self) -> str:
        return "\n".join(["Compose(", *(f"    {transform}" for transform in self.transforms), ")"])


class Grayscale:
    """To grey: Pillow's ``convert("L")``, of a Tensor 0.2989 R + 0.587 G + 0.114 B; repeated three times if
    ``num_output_channels`` is 3.

    Raises:
        ValueError: num_output_channels is neither 1 nor 3.
    """

    def __init__(self, num_output_channels: int = 1) -> None:
        if num_output_channels not in (1, 3):
            raise ValueError(f"num_output_channels should be either 1 or 3, got {num_output_channels!r}")
        self.num_output_channels = num_output_channels

    def __call__(self, img: Any) -> Any:
        if isinstance(img, Tensor):
            return tensors.grey(img, self.num_output_channels)
        grey = _pil_image(img, self).convert("L")
        return grey if self.num_output_channels == 1 else grey.convert("RGB")

    def __repr__(self) -> str:
        return f"Grayscale(num_output_channels={self.num_output_channels})"


# Where an image that was decoded at a fraction of its size says what that was (in Pillow's ``info``).
FULL_SIZE = "full_size"


class Resize:
    """To a given size, antialiased, as Pillow resizes; a Tensor (..., C, H, W) as PyTorch does.

    Args:
        size: (height, width), or one number for the shorter edge; the other keeps the ratio.
        interpolation: an :class:`InterpolationMode`, or Pillow's number or constant of one. Tensors have the nearest,
            bilinear and bicubic ones.
        max_size: with one number, the most that the longer edge may get.
        antialias: without effect on PIL images, which are always antialiased, and on the nearest pixels.
        scaled_jpeg: let :class:`~fastnn.datasets.ImageFolder` decode JPEG files at a half, a quarter or an eighth of
            their size where that is no smaller than the result and nothing but Grayscale comes before: some times
            faster, with slightly other pixels.

    Raises:
        TypeError, ValueError: size is not one or two positive whole numbers, has more than MAX_PIXELS, or does not go
            with max_size; no such interpolation.
        FormatError: on a call, the image's other edge would make more than MAX_PIXELS.
    """

    def __init__(
        self,
        size: int | Sequence[int],
        interpolation: InterpolationMode | int | str = InterpolationMode.BILINEAR,
        max_size: int | None = None,
        antialias: bool | None = True,
        *,
        scaled_jpeg: bool = False,
    ) -> None:
        edges = _edges(size, "Resize")
        if max_size is not None and (len(edges) == 2 or max_size <= edges[0]):
            raise ValueError(f"Resize: max_size = {max_size} needs one smaller number as size, got size = {size}")
        self.size = edges[0] if is_integer(size) else type(size)(edges) if isinstance(size, list | tuple) else size
        self.interpolation = _mode(interpolation)
        self.max_size = None if max_size is None else int(max_size)
        self.antialias = antialias
        self.scaled_jpeg = scaled_jpeg

    def __call__(self, img: Any) -> Any:
        if isinstance(img, Tensor):
            if img.ndim < 3:
                raise ValueError(f"Resize: expected a Tensor (..., C, H, W), got shape {tuple(img.shape)}")
            width, height = self._checked_target(img.shape[-1], img.shape[-2])
            return tensors.resize(img, (height, width), self.interpolation.value, bool(self.antialias))
        full_size = _pil_image(img, self).info.get(FULL_SIZE, img.size)
        size = self._checked_target(*full_size)
        nearest = self.interpolation is InterpolationMode.NEAREST_EXACT  # Pillow's is the exact one
        mode = InterpolationMode.NEAREST if nearest else self.interpolation
        out = img if img.size == size else img.resize(size, _PIL_MODES.index(mode))
        out.info.pop(FULL_SIZE, None)
        return out

    def _checked_target(self, width: int, height: int) -> tuple[int, int]:
        wide, high = self.target(width, height)
        if wide * high > MAX_PIXELS:
            raise FormatError(
                f"resized from {width} x {height}, the image would have {wide} x {high} pixels; "
                f"the limit is {MAX_PIXELS:,}: give Resize (height, width) or a max_size"
            )
        return wide, high

    def target(self, width: int, height: int) -> tuple[int, int]:
        """The result's (width, height) for an image of this width and height."""
        edges = _edges(self.size, "Resize")
        if len(edges) == 2:
            return edges[1], edges[0]
        short, long = min(width, height), max(width, height)
        new_short, new_long = edges[0], int(edges[0] * long / short)
        if self.max_size is not None and new_long > self.max_size:
            new_short, new_long = int(self.max_size * new_short / new_long), self.max_size
        return (new_short, new_long) if width <= height else (new_long, new_short)

    def __repr__(self) -> str:
        return (
            f"Resize(size={self.size}, interpolation={self.interpolation.value}, "
            f"max_size={self.max_size}, antialias={self.antialias}{', scaled_jpeg=True' * self.scaled_jpeg})"
        )


class CenterCrop:
    """The middle of the image, or of a Tensor (..., H, W); black around it where the image is smaller.

    Args:
        size: (height, width), or one number for both.

    Raises:
        TypeError, ValueError: size is not one or two positive whole numbers, or has more than MAX_PIXELS.
    """

    def __init__(self, size: int | Sequence[int]) -> None:
        edges = _edges(size, "CenterCrop")
        self.size = (edges[0], edges[-1])

    def __call__(self, img: Any) -> Any:
        if isinstance(img, Tensor):
            return tensors.center_crop(img, self.size)
        from PIL import ImageOps

        height, width = self.size
        missing_x, missing_y = max(width - _pil_image(img, self).width, 0), max(height - img.height, 0)
        if missing_x or missing_y:
            img = ImageOps.expand(img, (missing_x // 2, missing_y // 2, (missing_x + 1) // 2, (missing_y + 1) // 2))
        left, top = round((img.width - width) / 2), round((img.height - height) / 2)
        return img.crop((left, top, left + width, top + height))

    def __repr__(self) -> str:
        return f"CenterCrop(size={self.size})"


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
        return Tensor(np.ascontiguousarray(pixels))

    def __repr__(self) -> str:
        return "ToTensor()"


class Normalize:
    """(x - mean) / std for each channel of a float Tensor (..., C, H, W), in that order.

    Args:
        mean, std: one number a channel, or one for all.
        inplace: change the tensor itself.

    Raises:
        ValueError: a std is zero as float32; on a call, another number of channels.
        TypeError: on a call, not a float Tensor.
    """

    def __init__(self, mean: Sequence[float], std: Sequence[float], inplace: bool = False) -> None:
        if (_per_channel(std).astype(np.float32) == 0).any():
            raise ValueError(f"Normalize: std = {std} has a zero (as float32), which leads to division by zero")
        self.mean = mean
        self.std = std
        self.inplace = inplace

    def __call__(self, tensor: Tensor) -> Tensor:
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


class Lambda:
    """Applies any function.

    Raises:
        TypeError: lambd cannot be called.
    """

    def __init__(self, lambd: Callable[[Any], Any]) -> None:
        if not callable(lambd):
            raise TypeError(f"Argument lambd should be callable, got {type(lambd).__name__!r}")
        self.lambd = lambd

    def __call__(self, img: Any) -> Any:
        return self.lambd(img)

    def __repr__(self) -> str:
        return "Lambda()"


def _pil_image(img: Any, step: object) -> Image.Image:
    from PIL import Image

    if not isinstance(img, Image.Image):
        name, found = type(step).__name__, type(img).__name__
        raise TypeError(
            f"{name}: expected a PIL image or a Tensor, got {found}; put ToPILImage() or ToTensor() before it"
        )
    return img


def _edges(size: int | Sequence[int], name: str) -> tuple[int, ...]:
    """One or two whole numbers of at least 1, and no more pixels than an image may have."""
    edges = tuple(size) if isinstance(size, Sequence) and not isinstance(size, str) else (size,)
    if not all(map(is_integer, edges)):
        raise TypeError(f"{name}: size should be a whole number or (height, width), got {size!r}")
    if len(edges) not in (1, 2) or min(edges) < 1:
        raise ValueError(f"{name}: size should be one or two numbers of at least 1, got {size!r}")
    height, width = int(edges[0]), int(edges[-1])
    if height * width > MAX_PIXELS:
        pixels = height * width
        raise ValueError(
            f"{name}: {width} x {height} are {pixels:,} pixels; the limit is {MAX_PIXELS:,}. Make it smaller"
        )
    return (height, width)[: len(edges)]


def _mode(interpolation: Any) -> InterpolationMode:
    """The mode that is meant, by Pillow's number too."""
    if isinstance(interpolation, int | np.integer) and 0 <= interpolation < len(_PIL_MODES):
        return _PIL_MODES[interpolation]
    if isinstance(interpolation, InterpolationMode | str):
        return InterpolationMode(interpolation)
    names = ", ".join(f"{number} ({mode.value})" for number, mode in enumerate(_PIL_MODES))
    raise TypeError(f"Resize: interpolation should be an InterpolationMode or Pillow's {names}, got {interpolation!r}")


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
