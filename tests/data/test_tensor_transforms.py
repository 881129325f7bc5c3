"""Transforms of Tensors: PyTorch's results, worked out by hand and, where it is there, by PyTorch."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from fastnn.eager.tensor import Tensor
from fastnn.transforms import CenterCrop, Compose, Grayscale, InterpolationMode, Normalize, Resize, ToTensor
from fastnn.transforms.transforms import Resize as SameResize
from PIL import Image

ROW = np.array([3.0, 10.0, 24.0, 80.0])


def resized(row: np.ndarray, new: int, mode: str, antialias: bool | None = True) -> list[float]:
    image = Tensor(row.reshape(1, 1, -1))
    both = [
        Resize((1, new), mode, antialias=antialias)(image).numpy()[0, 0],
        Resize((new, 1), mode, antialias=antialias)(Tensor(row.reshape(1, -1, 1))).numpy()[0, :, 0],
    ]
    np.testing.assert_array_equal(*both)
    return both[0].tolist()


def test_bilinear_by_hand() -> None:
    """Half as large: triangles over four pixels, 3/7, 3/7, 1/7; without antialiasing the mean of two."""
    a, b, c, d = ROW
    assert resized(ROW, 2, "bilinear") == pytest.approx([(3 * a + 3 * b + c) / 7, (b + 3 * c + 3 * d) / 7], rel=1e-15)
    assert resized(ROW, 2, "bilinear", antialias=False) == [(a + b) / 2, (c + d) / 2]
    assert resized(ROW, 2, "bilinear", antialias=None) == [(a + b) / 2, (c + d) / 2]
    for antialias in (True, False):  # twice as large
        assert resized(ROW[:2], 4, "bilinear", antialias) == [a, 0.75 * a + 0.25 * b, 0.25 * a + 0.75 * b, b]


def test_bicubic_by_hand() -> None:
    """Twice as large, a quarter of a pixel from the second of four: Keys' kernel at 1.25, 0.25, 0.75, 1.75."""
    a, b, c, d = ROW
    old = [-0.10546875, 0.87890625, 0.26171875, -0.03515625]  # a = -0.75
    assert resized(ROW, 8, "bicubic", antialias=False)[3] == np.dot(old, [a, b, c, d])
    new = [-0.0703125, 0.8671875, 0.2265625, -0.0234375]  # a = -0.5
    assert resized(ROW, 8, "bicubic")[3] == pytest.approx(np.dot(new, [a, b, c, d]), rel=1e-15)


def test_nearest_by_hand() -> None:
    """floor(i * 3 / 5), and floor((i + 1/2) * 3 / 5)."""
    assert resized(ROW[:3], 5, "nearest") == ROW[[0, 0, 1, 1, 2]].tolist()
    assert resized(ROW[:3], 5, "nearest-exact") == ROW[[0, 0, 1, 2, 2]].tolist()
    with pytest.raises(ValueError, match="Tensors are resized by nearest, nearest-exact, bilinear, bicubic, not box"):
        resized(ROW, 2, "box")


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float32, np.float64])
def test_types_stay(pixels: Callable, dtype: type) -> None:
    """Whole numbers are rounded to the nearest; two dimensions before C, H, W stay."""
    image = pixels(2, 3, 9, 6).astype(dtype)
    result = Resize((3, 4))(Tensor(image)).numpy()
    exact = Resize((3, 4))(Tensor(image.astype(np.float64))).numpy()
    assert result.dtype == dtype and result.shape == (2, 3, 3, 4)
    np.testing.assert_allclose(result, exact, atol=0.5001 if image.dtype.kind in "iu" else 1e-4)
    cut = Resize((3, 12), "bicubic")(Tensor(np.uint8([[[0, 0, 255, 255, 0, 0]] * 3]))).numpy()
    assert cut.min() == 0 and cut.max() == 255


def test_sizes_are_those_of_images(pixels: Callable) -> None:
    image = pixels(30, 40, 3)
    tensor = ToTensor()(image)
    for step in (Resize(15), Resize((7, 9)), Resize(10, max_size=12), CenterCrop(9), CenterCrop((33, 50))):
        width, height = step(Image.fromarray(image)).size
        assert tuple(step(tensor).shape) == (3, height, width)
    assert Resize(30)(tensor) is tensor
    with pytest.raises(ValueError, match=r"expected a Tensor \(\.\.\., C, H, W\), got shape \(30, 40\)"):
        Resize(3)(tensor[0])


def test_bilinear_agrees_with_pillow(pixels: Callable) -> None:
    """Both are antialiased by the same triangles; Pillow rounds after each direction."""
    image = pixels(31, 40, 3)
    theirs = np.asarray(Resize((12, 17))(Image.fromarray(image)))
    ours = Resize((12, 17))(Tensor(image.transpose(2, 0, 1))).numpy().transpose(1, 2, 0)
    assert np.abs(theirs.astype(int) - ours.astype(int)).max() <= 1


def test_center_crop(pixels: Callable) -> None:
    """The pixels of the same crop of the image, at every parity, and of shapes without channels."""
    image = pixels(30, 41)
    for size in ((10, 20), (9, 9), (33, 50), (30, 52), (40, 20), (30, 41)):
        expected = np.asarray(CenterCrop(size)(Image.fromarray(image)))
        np.testing.assert_array_equal(CenterCrop(size)(Tensor(image)).numpy(), expected)
        np.testing.assert_array_equal(CenterCrop(size)(Tensor(image[None, None])).numpy()[0, 0], expected)


def test_grey() -> None:
    """100 * 0.2989 + 200 * 0.587 + 50 * 0.114 = 152.99, cut to 152 in whole numbers."""
    colour = np.array([100, 200, 50]).reshape(3, 1, 1)
    assert Grayscale()(Tensor(colour.astype(np.uint8))).tolist() == [[[152]]]
    assert Grayscale(3)(Tensor(colour.astype(np.float64)[None])).numpy().ravel().tolist() == pytest.approx([152.99] * 3)
    assert Grayscale(3)(Tensor(colour[:1])).shape == (3, 1, 1)
    with pytest.raises(ValueError, match="with 1 or 3 channels, got shape"):
        Grayscale()(Tensor(colour[:2]))


def test_after_to_tensor_in_a_transform(pixels: Callable) -> None:
    steps = Compose([ToTensor(), Resize((8, 8)), CenterCrop(6), Grayscale(), Normalize(0.5, 0.5)])
    assert steps(Image.fromarray(pixels(16, 16, 3))).shape == (1, 6, 6)
    assert SameResize is Resize  # torchvision.transforms.transforms


@pytest.mark.parametrize("antialias", [True, False])
@pytest.mark.parametrize("mode", ["nearest", "nearest-exact", "bilinear", "bicubic"])
@pytest.mark.parametrize("size", [(7, 9), (40, 25), (13, 64), (1, 1)])
def test_as_pytorch(pixels: Callable, mode: str, antialias: bool, size: tuple[int, int]) -> None:
    torch = pytest.importorskip("torch")
    image = pixels(2, 3, 20, 31).astype(np.float32) / 255
    theirs = torch.nn.functional.interpolate(
        torch.from_numpy(image), size, mode=mode, antialias=antialias and mode.startswith("bi")
    )
    ours = Resize(size, InterpolationMode(mode), antialias=antialias)(Tensor(image))
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), atol=1e-5)
