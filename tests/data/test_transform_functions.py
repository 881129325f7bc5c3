"""torchvision.transforms.functional: PIL images are Pillow's own, Tensors worked out by hand."""

from __future__ import annotations

from collections.abc import Callable

import fastnn
import numpy as np
import pytest
from fastnn import transforms
from fastnn.eager.tensor import Tensor
from fastnn.transforms import functional as F
from fastnn.transforms.base import MAX_PIXELS
from PIL import Image, ImageEnhance, ImageOps

ROWS = np.array([[[1, 2, 3], [4, 5, 6]]], np.uint8)  # one channel, 2 rows, 3 columns


@pytest.fixture
def photo(pixels: Callable) -> Image.Image:
    return Image.fromarray(pixels(20, 24, 3))


def tensor(values: object, kind: type = np.float32) -> Tensor:
    return Tensor(np.array(values, kind))


def lists(img: Tensor) -> list:
    return img.numpy().tolist()


# name of a function, its arguments, what Pillow makes of the photo
PILLOWS: list[tuple[str, tuple, Callable[[Image.Image], Image.Image]]] = [
    ("hflip", (), ImageOps.mirror),
    ("vflip", (), ImageOps.flip),
    ("crop", (2, -1, 5, 20), lambda x: x.crop((-1, 2, 19, 7))),
    ("pad", (2,), lambda x: ImageOps.expand(x, 2)),
    ("pad", ([1, 2, 3, 4], (9, 8, 7)), lambda x: ImageOps.expand(x, (1, 2, 3, 4), (9, 8, 7))),
    ("pad", ((1, 2), 5), lambda x: ImageOps.expand(x, (1, 2, 1, 2), (5, 5, 5))),
    ("rotate", (30, 2, True, None, 7), lambda x: x.rotate(30, 2, True, fillcolor=(7, 7, 7))),
    ("rotate", (-90,), lambda x: x.rotate(-90)),
    ("adjust_brightness", (1.5,), lambda x: ImageEnhance.Brightness(x).enhance(1.5)),
    ("adjust_contrast", (0.5,), lambda x: ImageEnhance.Contrast(x).enhance(0.5)),
    ("adjust_saturation", (2,), lambda x: ImageEnhance.Color(x).enhance(2)),
    ("adjust_sharpness", (2,), lambda x: ImageEnhance.Sharpness(x).enhance(2)),
    ("adjust_hue", (0.0,), lambda x: x.convert("HSV").convert("RGB")),
    ("invert", (), ImageOps.invert),
    ("posterize", (3,), lambda x: ImageOps.posterize(x, 3)),
    ("solarize", (100,), lambda x: ImageOps.solarize(x, 100)),
    ("autocontrast", (), ImageOps.autocontrast),
    ("equalize", (), ImageOps.equalize),
    ("rgb_to_grayscale", (), lambda x: x.convert("L")),
]


@pytest.mark.parametrize(("name", "args", "pillows"), PILLOWS, ids=[f"{row[0]}{row[1]}" for row in PILLOWS])
def test_pil_images_are_pillows(photo: Image.Image, name: str, args: tuple, pillows: Callable) -> None:
    found, expected = getattr(F, name)(photo, *args), pillows(photo)
    assert (found.mode, found.size) == (expected.mode, expected.size)
    assert found.tobytes() == expected.tobytes()
    assert found.tobytes() != photo.tobytes()


@pytest.mark.parametrize(
    ("mode", "row"),
    [
        ("constant", [0, 0, 1, 2, 3, 0]),
        ("edge", [1, 1, 1, 2, 3, 3]),
        ("reflect", [3, 2, 1, 2, 3, 2]),
        ("symmetric", [2, 1, 1, 2, 3, 3]),
    ],
)
def test_borders(mode: str, row: list[int]) -> None:
    """Two pixels left, one right; and one row less at the bottom. The same of a Tensor and a PIL image."""
    sides = (2, 0, 1, -1)
    assert lists(F.pad(Tensor(ROWS), sides, padding_mode=mode)) == [[row]]
    assert np.asarray(F.pad(Image.fromarray(ROWS[0]), sides, padding_mode=mode)).tolist() == [row]
    assert lists(transforms.Pad(sides, padding_mode=mode)(Tensor(ROWS))) == [[row]]


def test_a_palette_survives_a_border(photo: Image.Image) -> None:
    indexed = photo.quantize(8)
    for mode in ("constant", "edge"):
        out = F.pad(indexed, 1, padding_mode=mode)
        assert (out.mode, out.getpalette()) == ("P", indexed.getpalette())
        assert np.asarray(out)[1:-1, 1:-1].tolist() == np.asarray(indexed).tolist()


def test_crops_of_tensors() -> None:
    x = Tensor(ROWS)
    assert lists(F.crop(x, 1, 1, 1, 2)) == [[[5, 6]]]
    assert lists(F.crop(x, -1, 2, 2, 2)) == [[[0, 0], [3, 0]]]
    assert lists(F.crop(x, 5, 5, 1, 1)) == [[[0]]]
    assert lists(F.hflip(x)) == [[[3, 2, 1], [6, 5, 4]]] and lists(F.vflip(x)) == [[[4, 5, 6], [1, 2, 3]]]
    assert [lists(part)[0][0][0] for part in F.five_crop(x, (1, 1))] == [1, 3, 4, 6, 2]
    assert [lists(part)[0][0][0] for part in transforms.TenCrop(1)(x)] == [1, 3, 4, 6, 2, 3, 1, 6, 4, 2]
    assert lists(F.center_crop(x, (2, 1))) == [[[2], [5]]]
    assert lists(F.resized_crop(x, 0, 1, 2, 2, (1, 1))) == [[[4]]]  # (2 + 3 + 5 + 6) / 4


def test_tensors_turn_as_their_pixels() -> None:
    """By 90 degrees the pixels are others' pixels; by 180 with a colour outside none is outside."""
    x = tensor(np.arange(9).reshape(1, 3, 3))
    for interpolation in (transforms.InterpolationMode.NEAREST, transforms.InterpolationMode.BILINEAR):
        np.testing.assert_allclose(F.rotate(x, 90, interpolation).numpy()[0], np.rot90(x.numpy()[0]), atol=1e-5)
        np.testing.assert_allclose(F.rotate(x, 180, interpolation, fill=9).numpy(), x.numpy()[:, ::-1, ::-1], atol=1e-5)
    wide = np.arange(8).reshape(1, 2, 4)
    assert lists(F.rotate(Tensor(wide), 90, expand=True)) == [np.rot90(wide[0]).tolist()]
    assert lists(F.rotate(Tensor(ROWS), 180, center=(0, 0), fill=[7])) == [[[7] * 3] * 2]


def test_affine_by_hand() -> None:
    """One pixel to the right; half a pixel to the right is the mean of two; a shear of 45 degrees."""
    x = tensor([[[2, 4, 8], [2, 4, 8], [2, 4, 8]]])
    assert lists(F.affine(x, 0, (1, 0), 1.0, 0))[0][0] == [0, 2, 4]
    assert lists(F.affine(x, 0, (1, 0), 1.0, 0, fill=5))[0][0] == [5, 2, 4]
    halves = F.affine(x, 0, (0.5, 0), 1.0, 0, 2).numpy()[0, 1]
    np.testing.assert_allclose(halves, [1, 3, 6], rtol=1e-6)
    slanted = F.affine(tensor([[[0, 1, 0]] * 3]), 0, (0, 0), 1.0, (45.0, 0.0))
    assert lists(slanted) == [[[0, 0, 1], [0, 1, 0], [1, 0, 0]]]
    twice = F.affine(tensor([[[0, 1, 0]] * 3]), 0, (0, 0), 3.0, 0.0)
    assert lists(twice) == [[[1, 1, 1]] * 3]
    picture = Image.fromarray(np.array([[10, 20, 30]], np.uint8))
    assert np.asarray(F.affine(picture, 0, (1, 0), 1.0, 0)).tolist() == [[0, 10, 20]]
    assert np.asarray(F.affine(picture, 0, (1, 0), 1.0, 0, fill=7, center=(0, 0))).tolist() == [[7, 10, 20]]


def test_perspective_by_hand() -> None:
    """Corners that stay change nothing; those moved by one pixel move the image."""
    corners = [[0, 0], [3, 0], [3, 3], [0, 3]]
    x = tensor(np.arange(16).reshape(1, 4, 4))
    np.testing.assert_allclose(F.perspective(x, corners, corners).numpy(), x.numpy(), atol=1e-5)
    moved = F.perspective(x, corners, [[left + 1, top] for left, top in corners], 0, fill=9).numpy()
    np.testing.assert_array_equal(moved[0, :, 1:], x.numpy()[0, :, :-1])
    assert (moved[0, :, 0] == 9).all()
    with pytest.raises(ValueError, match="lie on a line"):
        F.perspective(x, corners, [[0, 0], [1, 0], [2, 0], [3, 0]])


def test_colours_of_tensors_by_hand() -> None:
    x = tensor([[[0.2, 0.4]], [[0.4, 0.8]], [[0.6, 0.0]]])
    grey = 0.2989 * x.numpy()[0] + 0.587 * x.numpy()[1] + 0.114 * x.numpy()[2]
    np.testing.assert_allclose(F.adjust_brightness(x, 2).numpy(), np.minimum(2 * x.numpy(), 1), rtol=1e-6)
    contrast = 0.5 * x.numpy() + 0.5 * grey.mean()
    np.testing.assert_allclose(F.adjust_contrast(x, 0.5).numpy(), contrast, rtol=1e-6)
    np.testing.assert_allclose(F.adjust_saturation(x, 0).numpy(), np.stack([grey] * 3), rtol=1e-6)
    np.testing.assert_allclose(F.adjust_gamma(x, 2, 0.5).numpy(), 0.5 * x.numpy() ** 2, rtol=1e-6)
    np.testing.assert_allclose(F.adjust_hue(x, 0.0).numpy(), x.numpy(), atol=1e-6)
    np.testing.assert_allclose(F.adjust_hue(x, 1 / 3).numpy()[[1, 2, 0]], x.numpy(), atol=1e-6)  # red becomes green
    np.testing.assert_allclose(F.invert(x).numpy(), 1 - x.numpy())
    np.testing.assert_allclose(F.solarize(x, 0.5).numpy(), np.where(x.numpy() >= 0.5, 1 - x.numpy(), x.numpy()))
    assert lists(F.adjust_brightness(tensor([[[100, 200]]], np.uint8), 1.5)) == [[[150, 255]]]
    assert lists(F.adjust_contrast(tensor([[[100, 200]]], np.uint8), 0)) == [[[150, 150]]]
    assert lists(F.posterize(tensor([[[255, 100]]], np.uint8), 2)) == [[[192, 64]]]
    assert lists(F.posterize(tensor([[[255]]], np.uint8), 0)) == [[[0]]]
    assert lists(F.autocontrast(tensor([[[10, 20, 35]], [[7, 7, 7]], [[0, 1, 255]]], np.uint8))) == [
        [[0, 102, 255]],
        [[7, 7, 7]],
        [[0, 1, 255]],
    ]


def test_equalize_is_pillows_of_one_channel(pixels: Callable) -> None:
    plane = np.minimum(pixels(40, 40), 90)
    assert lists(F.equalize(Tensor(plane[None])))[0] == np.asarray(ImageOps.equalize(Image.fromarray(plane))).tolist()


def test_blur_by_hand() -> None:
    """The bell of one bright pixel; a mirrored edge; an even image stays even."""
    x = np.zeros((1, 5, 5), np.float32)
    x[0, 2, 2] = 1
    bell = np.exp(-0.5 * np.array([-1, 0, 1]) ** 2 / 0.8**2)
    bell /= bell.sum()
    out = F.gaussian_blur(Tensor(x), 3, 0.8).numpy()[0]
    np.testing.assert_allclose(out[1:4, 1:4], np.outer(bell, bell), rtol=1e-6)
    flat = F.gaussian_blur(Image.new("RGB", (9, 7), (10, 20, 30)), [5, 3], [0.5, 2])
    assert flat.tobytes() == Image.new("RGB", (9, 7), (10, 20, 30)).tobytes()
    row = F.gaussian_blur(tensor([[[0, 0, 8]] * 3]), [3, 1], 0.8).numpy()[0, 0]
    np.testing.assert_allclose(row, [0, 8 * bell[0], 8 * bell[1]], rtol=1e-6)
    sharp = F.adjust_sharpness(Tensor(x), 0).numpy()[0]
    np.testing.assert_allclose(sharp[1:4, 1:4], np.array([[1, 1, 1], [1, 5, 1], [1, 1, 1]]) / 13, rtol=1e-6)


def test_types_of_numbers() -> None:
    """uint8 255 is 1.0 and the most of an int64; a float 1.0 is 255."""
    to = F.convert_image_dtype
    assert lists(to(tensor([0, 255], np.uint8))) == [0.0, 1.0]
    assert lists(to(tensor([0.0, 0.5, 0.997, 1.0]), fastnn.uint8)) == [0, 127, 255, 255]
    assert lists(to(tensor([1], np.uint8), fastnn.int32)) == [2**23]
    assert lists(to(tensor([2**31 - 1, 2**23], np.int32), fastnn.uint8)) == [255, 1]
    assert to(tensor([0.25]), fastnn.float64).numpy().dtype == np.float64
    same = tensor([1.0])
    assert to(same) is same
    with pytest.raises(RuntimeError, match=r"cast from torch.float32 to torch.int32 cannot be performed safely"):
        transforms.ConvertImageDtype(fastnn.int32)(same)
    with pytest.raises(TypeError, match=r"expected a Tensor, got int; put ToTensor\(\)"):
        to(3)


def test_pil_to_tensor_keeps_the_numbers(photo: Image.Image) -> None:
    x = transforms.PILToTensor()(photo)
    assert x.dtype is fastnn.uint8 and lists(x) == np.asarray(photo).transpose(2, 0, 1).tolist()
    assert F.to_pil_image(x).tobytes() == photo.tobytes()
    with pytest.raises(TypeError, match="PILToTensor: expected a PIL image"):
        F.pil_to_tensor(np.zeros((2, 2)))


def test_dimensions(photo: Image.Image) -> None:
    assert F.get_dimensions(photo) == [3, 20, 24] and F.get_dimensions(Tensor(ROWS[0])) == [1, 2, 3]
    assert F.get_image_size(photo) == [24, 20] and F.get_image_num_channels(Tensor(ROWS)) == 1


REFUSED: list[tuple[Callable, type, str]] = [
    (lambda x: F.rotate(x, 3, 3), ValueError, r"nearest or bilinear, not bicubic; use it before ToTensor\(\)"),
    (lambda x: F.rotate(x, "3"), TypeError, "angle should be a number of degrees"),
    (lambda x: F.rotate(x, 3, center=4), TypeError, "center should be a sequence of length 2"),
    (lambda x: F.rotate(x, 3, fill=(1, 2)), ValueError, r"fill has 2 numbers, the image has 1 channel"),
    (lambda x: F.affine(x, 0, (1,), 1, 0), ValueError, "translate should be a sequence of length 2"),
    (lambda x: F.affine(x, 0, (1, 1), 0, 0), ValueError, "scale should be positive"),
    (lambda x: F.pad(x, (1, 2, 3)), ValueError, "length 1 or 2 or 4"),
    (lambda x: F.pad(x, "1"), TypeError, "padding, where it is not one number"),
    (lambda x: F.pad(x, 1, (1, 2)), TypeError, r"filled with one number.*put Pad before ToTensor\(\)"),
    (lambda x: F.pad(x, 1, padding_mode="wrap"), ValueError, "constant, edge, reflect, symmetric, got 'wrap'"),
    (lambda x: F.pad(Image.new("L", (3, 2)), -1), ValueError, r"Pad: with padding=-1 nothing is left of 3 x 2 pixels"),
    (lambda x: F.pad(x, MAX_PIXELS), ValueError, "the limit is 50,000,000"),
    (lambda x: F.five_crop(x, 3), ValueError, r"size \(3, 3\) is larger than the image's \(2, 3\)"),
    (lambda x: F.adjust_hue(x, 0.6), ValueError, r"hue_factor \(0.6\) is not in"),
    (lambda x: F.adjust_contrast(x, -1), ValueError, "contrast_factor"),
    (lambda x: F.posterize(F.convert_image_dtype(x), 3), TypeError, r"only uint8 Tensors, got torch.float32"),
    (lambda x: F.solarize(F.convert_image_dtype(x), 3), TypeError, "threshold should be at most 1"),
    (lambda x: F.gaussian_blur(x, 4), ValueError, "odd and positive, got 4"),
    (lambda x: F.gaussian_blur(x, 3, 0), ValueError, "sigma should be positive"),
    (lambda x: F.invert(Tensor(np.zeros((2, 3, 3)))), ValueError, "1 or 3 channels, got shape"),
    (lambda x: F.hflip(np.zeros((3, 3))), TypeError, r"got ndarray; put ToPILImage\(\) or ToTensor\(\) before it"),
    (lambda x: F.erase(Image.new("L", (3, 3)), 0, 0, 1, 1, 0), TypeError, r"put ToTensor\(\) before it"),
    (lambda x: F.invert(Image.new("RGBA", (3, 3))), ValueError, r"image of mode RGBA .*; convert it to RGB first"),
    (lambda x: F.adjust_contrast(Image.new("1", (3, 3)), 2), ValueError, "adjust_contrast: Pillow .* mode 1"),
    (lambda x: F.invert(x > 3), TypeError, "whole numbers or floats, got torch.bool"),
    (lambda x: F.rotate(x[:, :0], 3), ValueError, r"with pixels, got shape \(1, 0, 3\)"),
    (lambda x: F.perspective(x, [[0, 0]], [[0, 0]]), ValueError, "four corners each, got 1 and 1"),
]


@pytest.mark.parametrize(("call", "kind", "text"), REFUSED, ids=[row[2][:30] for row in REFUSED])
def test_refusals(call: Callable, kind: type, text: str) -> None:
    with pytest.raises(kind, match=text):
        call(Tensor(ROWS))


BESIDE: list[tuple[str, tuple]] = [
    ("rotate", (33.0, 0)),
    ("rotate", (-20.0, 2, True)),
    ("affine", (30.0, [2, -1], 0.7, [10.0, 4.0], 2)),
    ("perspective", ([[0, 0], [6, 0], [6, 6], [0, 6]], [[1, 0], [5, 1], [6, 5], [0, 5]])),
    ("pad", ([1, 2], 0, "reflect")),
    ("adjust_hue", (0.2,)),
    ("adjust_contrast", (1.7,)),
    ("adjust_sharpness", (1.7,)),
    ("gaussian_blur", ([3, 5],)),
]


@pytest.mark.parametrize(("name", "args"), BESIDE, ids=[f"{row[0]}{row[1]}" for row in BESIDE])
def test_as_torchvision(photo: Image.Image, name: str, args: tuple) -> None:
    torch = pytest.importorskip("torch")
    theirs = getattr(pytest.importorskip("torchvision.transforms.functional"), name)
    if name in ("rotate", "affine"):
        mode = pytest.importorskip("torchvision.transforms").InterpolationMode
        place = 1 if name == "rotate" else 4
        modes = {0: mode.NEAREST, 2: mode.BILINEAR}
        their_args = [modes[value] if row == place else value for row, value in enumerate(args)]
    else:
        their_args = list(args)
    assert getattr(F, name)(photo, *args).tobytes() == theirs(photo, *their_args).tobytes()
    x = F.to_tensor(photo)
    found = getattr(F, name)(x, *args).numpy()
    np.testing.assert_allclose(found, theirs(torch.from_numpy(x.numpy()), *their_args).numpy(), atol=2e-6)
