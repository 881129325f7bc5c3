"""torchvision's transforms: results by their definitions, printed form by torchvision's source."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from fastnn.data.pixels import pixel_plan
from fastnn.eager.tensor import Tensor
from fastnn.errors import FormatError
from fastnn.transforms import (
    CenterCrop,
    Compose,
    Grayscale,
    InterpolationMode,
    Lambda,
    Normalize,
    Resize,
    ToPILImage,
    ToTensor,
)
from PIL import Image


@pytest.fixture
def photo(pixels: Callable) -> Image.Image:
    """A colour image, 40 wide and 30 high."""
    return Image.fromarray(pixels(30, 40, 3))


def test_compose_prints_as_torchvision() -> None:
    steps = Compose([Grayscale(), Resize(28), CenterCrop(20), ToTensor(), Normalize((0.1307,), (0.3081,)), Lambda(abs)])
    assert repr(steps) == (
        "Compose(\n"
        "    Grayscale(num_output_channels=1)\n"
        "    Resize(size=28, interpolation=bilinear, max_size=None, antialias=True)\n"
        "    CenterCrop(size=(20, 20))\n"
        "    ToTensor()\n"
        "    Normalize(mean=(0.1307,), std=(0.3081,))\n"
        "    Lambda()\n"
        ")"
    )
    assert repr(Resize((3, 4), InterpolationMode.BICUBIC)) == (
        "Resize(size=(3, 4), interpolation=bicubic, max_size=None, antialias=True)"
    )
    assert (repr(ToPILImage()), repr(ToPILImage("L"))) == ("ToPILImage()", "ToPILImage(mode=L)")


def test_to_tensor_divides_correctly_rounded() -> None:
    x = ToTensor()(np.arange(256, dtype=np.uint8).reshape(16, 16)).numpy().reshape(-1)
    assert x.dtype == np.float32
    for u, value in enumerate(x):
        error = abs(Fraction(float(value)) - Fraction(u, 255))
        for neighbour in (np.nextafter(value, np.float32(-1)), np.nextafter(value, np.float32(2))):
            assert error < abs(Fraction(float(neighbour)) - Fraction(u, 255))


def test_to_tensor_shapes_and_modes(photo: Image.Image) -> None:
    x = ToTensor()(photo)
    assert isinstance(x, Tensor) and tuple(x.shape) == (3, 30, 40) and x.numpy().flags.c_contiguous
    np.testing.assert_array_equal(x.numpy()[1], np.asarray(photo)[..., 1].astype(np.float32) / np.float32(255))
    assert tuple(ToTensor()(photo.convert("LA")).shape) == (2, 30, 40)
    binary = ToTensor()(Image.new("1", (2, 2), 1)).numpy()
    assert binary.dtype == np.float32 and binary.tolist() == [[[1, 1], [1, 1]]]
    deep = ToTensor()(Image.fromarray(np.array([[0, 65535]], np.uint16))).numpy()
    assert deep.dtype == np.int32 and deep.tolist() == [[[0, 65535]]]
    assert ToTensor()(np.ones((2, 3, 4), np.float64)).numpy().dtype == np.float64


def test_to_tensor_refuses_other_things(photo: Image.Image) -> None:
    with pytest.raises(TypeError, match="pic should be a PIL image or an array, got Tensor"):
        ToTensor()(ToTensor()(photo))
    with pytest.raises(ValueError, match=r"2 or 3 dimensions, got shape \(1, 2, 3, 4\)"):
        ToTensor()(np.zeros((1, 2, 3, 4)))


def test_grayscale_is_pillows(photo: Image.Image) -> None:
    assert Grayscale()(photo).tobytes() == photo.convert("L").tobytes()
    three = Grayscale(3)(photo)
    assert three.mode == "RGB"
    np.testing.assert_array_equal(np.asarray(three), np.dstack([np.asarray(photo.convert("L"))] * 3))
    with pytest.raises(ValueError, match="should be either 1 or 3, got 2"):
        Grayscale(2)


def test_grey_survives_the_way_through_rgb() -> None:
    grey = Image.fromarray(np.arange(256, dtype=np.uint8).reshape(16, 16))
    assert grey.convert("RGB").convert("L").tobytes() == grey.tobytes()


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ({"size": 15}, (20, 15)),
        ({"size": [15]}, (20, 15)),
        ({"size": (7, 9)}, (9, 7)),
        ({"size": 100, "max_size": 120}, (120, 90)),
        ({"size": 10, "max_size": 12}, (12, 9)),
        ({"size": 7}, (9, 7)),
    ],
)
def test_resize_gives_torchvisions_sizes_and_pillows_pixels(
    photo: Image.Image, options: dict, size: tuple[int, int]
) -> None:
    result = Resize(**options)(photo)
    assert result.size == size
    assert result.tobytes() == photo.resize(size, Image.Resampling.BILINEAR).tobytes()
    turned = Resize(**options)(photo.transpose(Image.Transpose.ROTATE_90))
    assert turned.size == (size if len(np.atleast_1d(options["size"])) == 2 else size[::-1])


def test_resize_to_the_same_size_is_the_image_itself(photo: Image.Image) -> None:
    assert Resize((30, 40))(photo) is photo
    assert Resize(30)(photo) is photo


def test_center_crop(photo: Image.Image) -> None:
    whole = np.asarray(photo)
    np.testing.assert_array_equal(np.asarray(CenterCrop((10, 20))(photo)), whole[10:20, 10:30])
    np.testing.assert_array_equal(np.asarray(CenterCrop(9)(photo)), whole[10:19, 16:25])  # 10.5 and 15.5 to even
    larger = np.asarray(CenterCrop((33, 50))(photo))
    assert larger.shape == (33, 50, 3)
    np.testing.assert_array_equal(larger[1:31, 5:45], whole)
    assert larger.sum(dtype=np.int64) == whole.sum(dtype=np.int64)
    odd = np.asarray(CenterCrop((30, 51))(photo))
    np.testing.assert_array_equal(odd[:, 5:45], whole)
    mixed = np.asarray(CenterCrop((40, 20))(photo))
    np.testing.assert_array_equal(mixed[5:35], whole[:, 10:30])


@pytest.mark.parametrize("step", [Resize, CenterCrop])
def test_sizes_are_checked(step: type) -> None:
    for size in (0, -1, (3, 0), (1, 2, 3), []):
        with pytest.raises(ValueError, match="numbers of at least 1"):
            step(size)
    for size in (1.5, "28", None, (True, 3)):
        with pytest.raises(TypeError, match="size should be a whole number"):
            step(size)


def test_max_size_is_checked() -> None:
    for size, limit in (((3, 4), 5), (10, 10)):
        with pytest.raises(ValueError, match="max_size"):
            Resize(size, max_size=limit)


def test_images_only_where_images_are_needed(photo: Image.Image) -> None:
    for step in (Grayscale(), Resize(3), CenterCrop(3)):
        with pytest.raises(TypeError, match=r"expected a PIL image or a Tensor, got ndarray; put ToPILImage\(\)"):
            step(np.asarray(photo))
    with pytest.raises(TypeError, match=r"got PngImageFile|got Image; put ToTensor\(\) before it"):
        Normalize(0.5, 0.5)(photo)


def test_pillows_numbers_of_interpolations(photo: Image.Image) -> None:
    """Pillow's documentation: NEAREST 0, LANCZOS 1, BILINEAR 2, BICUBIC 3, BOX 4, HAMMING 5."""
    for number, name in enumerate(("NEAREST", "LANCZOS", "BILINEAR", "BICUBIC", "BOX", "HAMMING")):
        expected = photo.resize((9, 7), Image.Resampling[name])
        spellings = (number, np.int64(number), Image.Resampling[name], InterpolationMode[name], name.lower())
        for mode in (*spellings, getattr(Image, name)):
            step = Resize((7, 9), interpolation=mode)
            assert step.interpolation is InterpolationMode[name] and step(photo).tobytes() == expected.tobytes()
    assert Resize((7, 9), InterpolationMode.NEAREST_EXACT)(photo).tobytes() == Resize((7, 9), 0)(photo).tobytes()
    for wrong in (6, -1, 2.0, None):
        with pytest.raises(TypeError, match=r"should be an InterpolationMode or Pillow's 0 \(nearest\), 1 \(lanczos\)"):
            Resize(7, wrong)
    with pytest.raises(ValueError, match="'cubic'"):
        Resize(7, "cubic")
    with pytest.raises(TypeError, match=r"got 28\. Height and width are one argument: Resize\(\(20, 28\)\)$"):
        Resize(20, 28)


def test_a_class_in_the_place_of_a_transform() -> None:
    for number, steps in enumerate(([Grayscale, ToTensor], (Grayscale(), ToTensor))):
        name = steps[number].__name__
        with pytest.raises(TypeError, match=rf"^Compose: {name} is a class, not a transform: use {name}\(\)$"):
            Compose(steps)
    assert Compose([np.asarray, np.float32])([1]) == 1  # which are functions enough


@pytest.mark.parametrize("step", [Resize, CenterCrop])
@pytest.mark.parametrize("size", [(60_000, 60_000), (28, 10**20), 7072, [10**9]])
def test_sizes_are_refused_before_anything_is_allocated(step: type, size: object) -> None:
    with pytest.raises(ValueError, match=r"pixels; the limit is 50,000,000\. Make it smaller"):
        step(size)


def test_a_long_image_is_not_resized_to_more_than_an_image_may_have() -> None:
    long = Image.new("L", (1, 60_000))
    for image in (long, Tensor(np.zeros((1, 1, 60_000), np.float32))):
        with pytest.raises(FormatError, match=r"would have 30 x 1800000 pixels|would have 1800000 x 30 pixels"):
            Resize(30)(image)
    assert Resize((3, 30))(long).size == (30, 3) and Resize(2, max_size=60_000)(long).size == (1, 60_000)


def test_normalize_subtracts_then_divides(photo: Image.Image) -> None:
    x = ToTensor()(photo)
    before = x.numpy().copy()
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    y = Normalize(mean, std)(x).numpy()
    assert y.dtype == np.float32
    for c in range(3):
        np.testing.assert_array_equal(y[c], (before[c] - np.float32(mean[c])) / np.float32(std[c]))
    np.testing.assert_array_equal(x.numpy(), before)
    one = Normalize(0.5, 0.25, inplace=True)(x)
    assert one is x
    np.testing.assert_array_equal(x.numpy(), (before - np.float32(0.5)) / np.float32(0.25))


def test_normalize_says_what_does_not_fit(photo: Image.Image) -> None:
    with pytest.raises(ValueError, match=r"std = \[1, 1e-60\] has a zero"):
        Normalize([0, 0], [1, 1e-60])
    with pytest.raises(ValueError, match=r"mean has 3 values, the image has 1 channel"):
        Normalize([0, 0, 0], [1])(ToTensor()(photo.convert("L")))
    with pytest.raises(TypeError, match=r"expected a float Tensor, got Image; put ToTensor\(\) before it"):
        Normalize(0, 1)(photo)
    with pytest.raises(ValueError, match=r"got shape \(3,\)"):
        Normalize(0, 1)(Tensor(np.zeros(3, np.float32)))


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_to_pil_image_undoes_to_tensor(photo: Image.Image, mode: str) -> None:
    image = photo.convert(mode)
    back = ToPILImage()(ToTensor()(image))
    assert back.mode == mode and back.tobytes() == image.tobytes()
    from_array = ToPILImage()(np.asarray(image))
    assert from_array.mode == mode and from_array.tobytes() == image.tobytes()


def test_every_grey_value_survives_the_round_trip() -> None:
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    np.testing.assert_array_equal(np.asarray(ToPILImage()(ToTensor()(grey))), grey)


def test_to_pil_image_modes(photo: Image.Image) -> None:
    assert ToPILImage("YCbCr")(ToTensor()(photo)).mode == "YCbCr"
    assert ToPILImage()(Tensor(np.zeros((5, 4), np.float32))).size == (4, 5)
    assert ToPILImage("F")(Tensor(np.full((1, 2, 2), 0.5, np.float32))).getpixel((0, 0)) == 0.5
    assert ToPILImage()(np.zeros((2, 2), np.int32)).mode == "I"
    with pytest.raises(ValueError, match=r"shape \(30, 40, 3\) \(H, W, C\) make no image of mode L"):
        ToPILImage("L")(ToTensor()(photo))
    with pytest.raises(ValueError, match="make no image of mode None"):
        ToPILImage()(np.zeros((2, 2, 7), np.uint8))
    with pytest.raises(ValueError, match="2 or 3 dimensions"):
        ToPILImage()(np.zeros(2, np.uint8))
    with pytest.raises(TypeError, match="got Image"):
        ToPILImage()(photo)


def test_lambda() -> None:
    assert Lambda(lambda x: x + 1)(2) == 3
    with pytest.raises(TypeError, match="lambd should be callable, got 'int'"):
        Lambda(3)


class LoudGrayscale(Grayscale):
    """A subclass, which may do anything."""


def test_plans_of_what_is_ours() -> None:
    normalize = Normalize(0.5, 0.5)
    plan = pixel_plan(Compose([Grayscale(), Compose([Resize(9), CenterCrop(8)]), ToTensor(), normalize]))
    assert plan is not None
    assert [type(step) for step in plan.steps] == [Grayscale, Resize, CenterCrop] and plan.normalize is normalize
    assert pixel_plan(ToTensor()).steps == ()
    other = Compose([Grayscale(), Resize(9), CenterCrop(8), ToTensor()])
    assert pixel_plan(other).key == plan.key
    assert pixel_plan(Compose([Grayscale(), Resize(10), CenterCrop(8), ToTensor()])).key != plan.key


@pytest.mark.parametrize(
    "transform",
    [
        None,
        Grayscale(),
        Normalize(0, 1),
        Compose([]),
        Compose([ToTensor(), Grayscale()]),
        Compose([LoudGrayscale(), ToTensor()]),
        Compose([Lambda(abs), ToTensor()]),
        Compose([ToTensor(), Normalize(0, 1), Normalize(0, 1)]),
        lambda image: image,
    ],
)
def test_no_plan_for_anything_else(transform: object) -> None:
    assert pixel_plan(transform) is None


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize(
    "steps", [[], [Grayscale()], [Grayscale(3)], [Resize(9)], [Grayscale(), Resize((5, 6))], [CenterCrop(50)]]
)
def test_a_plans_pixels_are_those_of_the_transform(photo: Image.Image, mode: str, steps: list) -> None:
    image = photo.convert(mode)
    plan = pixel_plan(Compose([*steps, ToTensor()]))
    expected = Compose([*steps, ToTensor()])(image).numpy()
    pixels = plan.pixels(image)
    assert pixels.dtype == np.uint8
    np.testing.assert_array_equal(pixels.astype(np.float32) / np.float32(255), expected)
