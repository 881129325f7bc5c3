"""Random transforms: what they draw, what they do with it, how they print, and that ``manual_seed`` decides."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations

import fastnn
import numpy as np
import pytest
from fastnn import transforms as T
from fastnn.eager.tensor import Tensor
from fastnn.transforms import draws
from fastnn.transforms import functional as F
from fastnn.transforms.autoaugment import apply_operation
from PIL import Image

NEAREST = T.InterpolationMode.NEAREST


@pytest.fixture
def photo(pixels: Callable) -> Image.Image:
    return Image.fromarray(pixels(16, 20, 3))


PRINTED = {
    "RandomHorizontalFlip(p=0.5)": T.RandomHorizontalFlip(),
    "RandomVerticalFlip(p=0.25)": T.RandomVerticalFlip(0.25),
    "RandomCrop(size=(32, 32), padding=4)": T.RandomCrop(32, padding=4),
    "RandomResizedCrop(size=(8, 8), scale=(0.08, 1.0), ratio=(0.75, 1.3333), interpolation=bilinear, antialias=True)": (
        T.RandomResizedCrop(8)
    ),
    "RandomRotation(degrees=[-10.0, 10.0], interpolation=nearest, expand=False, fill=0)": T.RandomRotation(10),
    "RandomRotation(degrees=[1.0, 2.0], interpolation=bilinear, expand=True, center=(1, 2), fill=5)": (
        T.RandomRotation((1, 2), 2, True, (1, 2), 5)
    ),
    "RandomAffine(degrees=[0.0, 0.0], translate=(0.1, 0.1), scale=(0.9, 1.1), shear=[-5.0, 5.0])": (
        T.RandomAffine(0, (0.1, 0.1), (0.9, 1.1), 5)
    ),
    "RandomAffine(degrees=[-1.0, 1.0], interpolation=bilinear, fill=3, center=(0, 0))": (
        T.RandomAffine(1, interpolation=2, fill=3, center=(0, 0))
    ),
    "ColorJitter(brightness=(0.8, 1.2), contrast=(0.0, 3.0), saturation=None, hue=(-0.1, 0.1))": (
        T.ColorJitter(0.2, 2, 0, 0.1)
    ),
    "RandomErasing(p=0.5, scale=(0.02, 0.33), ratio=(0.3, 3.3), value=0, inplace=False)": T.RandomErasing(),
    "GaussianBlur(kernel_size=(3, 3), sigma=(0.1, 2.0))": T.GaussianBlur(3),
    "RandomGrayscale(p=0.1)": T.RandomGrayscale(),
    "RandomPerspective(p=0.5)": T.RandomPerspective(),
    "RandomPosterize(bits=2,p=0.5)": T.RandomPosterize(2),
    "RandomSolarize(threshold=9,p=0.5)": T.RandomSolarize(9),
    "RandomAdjustSharpness(sharpness_factor=2,p=0.5)": T.RandomAdjustSharpness(2),
    "RandomInvert(p=0.5)": T.RandomInvert(),
    "RandomAutocontrast(p=0.5)": T.RandomAutocontrast(),
    "RandomEqualize(p=0.5)": T.RandomEqualize(),
    "RandomApply(\n    p=0.5\n    RandomInvert(p=0.5)\n)": T.RandomApply([T.RandomInvert()]),
    "RandomChoice(\n    ToTensor()\n)(p=None)": T.RandomChoice([T.ToTensor()]),
    "RandomOrder(\n    ToTensor()\n)": T.RandomOrder([T.ToTensor()]),
    "Pad(padding=2, fill=0, padding_mode=constant)": T.Pad(2),
    "FiveCrop(size=(3, 3))": T.FiveCrop(3),
    "TenCrop(size=(3, 4), vertical_flip=True)": T.TenCrop((3, 4), True),
    "PILToTensor()": T.PILToTensor(),
    "ConvertImageDtype()": T.ConvertImageDtype(fastnn.float32),
    "AutoAugment(policy=AutoAugmentPolicy.CIFAR10, fill=None)": T.AutoAugment(T.AutoAugmentPolicy.CIFAR10),
    "RandAugment(num_ops=2, magnitude=9, num_magnitude_bins=31, interpolation=InterpolationMode.NEAREST, fill=None)": (
        T.RandAugment()
    ),
    "TrivialAugmentWide(num_magnitude_bins=31, interpolation=InterpolationMode.NEAREST, fill=None)": (
        T.TrivialAugmentWide()
    ),
}


@pytest.mark.parametrize("text", PRINTED)
def test_printed_as_torchvision(text: str) -> None:
    assert repr(PRINTED[text]) == text


ALWAYS: dict[str, tuple[Callable, Callable]] = {
    "flip": (T.RandomHorizontalFlip(1), F.hflip),
    "vertical flip": (T.RandomVerticalFlip(1), F.vflip),
    "invert": (T.RandomInvert(1), F.invert),
    "grey": (T.RandomGrayscale(1), lambda x: F.rgb_to_grayscale(x, 3)),
    "posterize": (T.RandomPosterize(2, 1), lambda x: F.posterize(x, 2)),
    "solarize": (T.RandomSolarize(100, 1), lambda x: F.solarize(x, 100)),
    "sharpness": (T.RandomAdjustSharpness(2, 1), lambda x: F.adjust_sharpness(x, 2)),
    "autocontrast": (T.RandomAutocontrast(1), F.autocontrast),
    "equalize": (T.RandomEqualize(1), F.equalize),
    "apply": (T.RandomApply([T.RandomInvert(1), F.hflip], 1), lambda x: F.hflip(F.invert(x))),
    "choice": (T.RandomChoice([F.hflip, F.vflip, F.invert], [0, 1, 0]), F.vflip),
    "order": (T.RandomOrder([F.hflip, F.invert]), lambda x: F.hflip(F.invert(x))),
    "crop of all": (T.RandomCrop((16, 20)), lambda x: x),
    "missing": (T.RandomCrop((16, 22), pad_if_needed=True, fill=9), lambda x: F.pad(x, (2, 0), 9)),
    "turn": (T.RandomRotation((90, 90), fill=4), lambda x: F.rotate(x, 90, fill=4)),
    "affine": (T.RandomAffine((30, 30), (0, 0), (2, 2), (9, 9, 4, 4)), lambda x: F.affine(x, 30, (0, 0), 2, (9, 4))),
    "jitter": (T.ColorJitter((2, 2)), lambda x: F.adjust_brightness(x, 2)),
    "hue": (T.ColorJitter(hue=(0.2, 0.2)), lambda x: F.adjust_hue(x, 0.2)),
    "blur": (T.GaussianBlur(3, 0.7), lambda x: F.gaussian_blur(x, 3, 0.7)),
    "whole resized": (T.RandomResizedCrop((4, 5), (1, 1), (1.25, 1.25)), lambda x: F.resize(x, (4, 5))),
}


@pytest.mark.parametrize("name", ALWAYS)
def test_what_is_done(photo: Image.Image, name: str) -> None:
    """Where nothing is left to chance, of a PIL image and of its Tensor; and nothing at probability 0."""
    step, expected = ALWAYS[name]
    if name == "missing":  # a random part of it
        wide, found = np.asarray(expected(photo)), np.asarray(step(photo))
        assert any(np.array_equal(found, wide[:, left : left + 22]) for left in range(3))
        return
    assert step(photo).tobytes() == expected(photo).tobytes()
    x = F.pil_to_tensor(photo)
    np.testing.assert_array_equal(step(x).numpy(), expected(x).numpy())
    if hasattr(step, "p") and not isinstance(step, T.RandomChoice):
        step = type(step)(**{**vars(step), "p": 0})
        assert step(photo) is photo and step(x) is x


RANDOM: dict[str, Callable] = {
    "flip": T.RandomHorizontalFlip(),
    "crop": T.RandomCrop(9, 2, padding_mode="reflect"),
    "resized crop": T.RandomResizedCrop(7),
    "rotation": T.RandomRotation(90, expand=True),
    "affine": T.RandomAffine(20, (0.2, 0.2), (0.5, 1.5), 10),
    "perspective": T.RandomPerspective(0.8),
    "jitter": T.ColorJitter(0.5, 0.5, 0.5, 0.3),
    "blur": T.GaussianBlur(3),
    "order": T.RandomOrder([T.RandomRotation(20), T.RandomCrop(16, 1), F.invert]),
    "choice": T.RandomChoice([F.hflip, F.vflip]),
    "auto": T.AutoAugment(),
    "svhn": T.AutoAugment(T.AutoAugmentPolicy.SVHN),
    "rand": T.RandAugment(),
    "trivial": T.TrivialAugmentWide(),
}


@pytest.mark.parametrize("name", RANDOM)
def test_the_seed_decides(photo: Image.Image, name: str) -> None:
    """The same images after the same seed, others after another; a Tensor works too."""

    def some(seed: int) -> list[bytes]:
        fastnn.manual_seed(seed)
        return [RANDOM[name](photo).tobytes() for _ in range(8)]

    first = some(1)
    assert some(1) == first and some(2) != first and len(set(first)) > 1
    assert isinstance(RANDOM[name](F.pil_to_tensor(photo)), Tensor)


def test_draws() -> None:
    """Whole numbers of a range all occur and none else; probabilities and weights come about."""
    assert {draws.integer(2, 5) for _ in range(60)} == {2, 3, 4}
    assert 420 < sum(draws.chance(0.25) for _ in range(2000)) < 580  # 500 +- 4 deviations of 19.4
    counts = np.bincount([draws.choice(3, [1, 0, 3]) for _ in range(2000)], minlength=3)
    assert counts[1] == 0 and 420 < counts[0] < 580
    assert {tuple(draws.order(3)) for _ in range(80)} == set(permutations(range(3)))


def test_crops_lie_inside_and_everywhere(photo: Image.Image) -> None:
    places = {T.RandomCrop.get_params(photo, (15, 18))[:2] for _ in range(80)}
    assert places == {(top, left) for top in range(2) for left in range(3)}
    for _ in range(200):
        top, left, height, width = T.RandomResizedCrop.get_params(photo, (0.1, 1.0), (0.5, 2.0))
        assert 0 <= top <= 16 - height and 0 <= left <= 20 - width
        assert 0.1 * 320 * 0.7 < height * width <= 320 and 0.4 < width / height < 2.5
    assert T.RandomResizedCrop.get_params(photo, (1, 1), (4, 5)) == (5, 0, 5, 20)  # does not fit: the middle
    assert T.RandomResizedCrop.get_params(photo, (1, 1), (0.1, 0.2)) == (0, 8, 16, 3)
    angle, moved, scale, shear = T.RandomAffine.get_params((5, 6), (0.5, 0.25), (2, 3), (1, 2, 3, 4), (20, 16))
    assert 5 <= angle < 6 and abs(moved[0]) <= 10 and abs(moved[1]) <= 4 and 2 <= scale < 3
    assert 1 <= shear[0] < 2 and 3 <= shear[1] < 4


def test_jitter_in_any_order(photo: Image.Image) -> None:
    brighter, harder = F.adjust_brightness(photo, 0.5), F.adjust_contrast(photo, 2)
    both = {F.adjust_contrast(brighter, 2).tobytes(), F.adjust_brightness(harder, 0.5).tobytes()}
    step = T.ColorJitter((0.5, 0.5), (2, 2))
    assert {step(photo).tobytes() for _ in range(20)} == both and len(both) == 2


def test_what_a_policy_draws(photo: Image.Image) -> None:
    """RandAugment at 9 of 30, the numbers by torchvision's table; signed ones both ways."""
    signed = {"ShearX": 0.09, "ShearY": 0.09, "TranslateX": 150 / 331 * 20 * 0.3, "TranslateY": 150 / 331 * 16 * 0.3}
    signed |= {"Rotate": 9.0, **dict.fromkeys(("Brightness", "Color", "Contrast", "Sharpness"), 0.27)}
    other = {"Identity": 0, "Posterize": 7, "Solarize": 178.5, "AutoContrast": 0, "Equalize": 0}
    values = [*signed.items(), *((name, -value) for name, value in signed.items()), *other.items()]
    expected = {apply_operation(photo, name, value, NEAREST, None).tobytes() for name, value in values}
    step = T.RandAugment(num_ops=1)
    assert {step(photo).tobytes() for _ in range(400)} == expected and len(expected) > 18


def test_few_pixels() -> None:
    """Images of one pixel or a row of them go through everything."""
    for size in ((1, 1), (1, 5), (3, 2)):
        steps = [step for name, step in RANDOM.items() if name not in ("crop", "order")]
        for image in (Image.new("RGB", size, (9, 9, 9)), F.pil_to_tensor(Image.new("RGB", size))):
            for step in (*steps, *(T.RandomPerspective(1, p=1) for _ in range(9))):
                assert type(step(image)) is type(image)


def test_erasing() -> None:
    x = fastnn.ones(2, 10, 12)
    for value, expected in ((7, [7, 7]), ((3, 4), [3, 4])):
        out = T.RandomErasing(1, (0.1, 0.3), value=value)(x).numpy()
        changed = out[0] != 1
        rows, columns = np.flatnonzero(changed.any(1)), np.flatnonzero(changed.any(0))
        assert changed.sum() == len(rows) * len(columns) == (rows[-1] - rows[0] + 1) * (columns[-1] - columns[0] + 1)
        assert 0.05 * 120 < changed.sum() < 0.4 * 120
        assert [out[channel][changed].tolist() for channel in (0, 1)] == [[each] * changed.sum() for each in expected]
    assert (x.numpy() == 1).all()
    noise = T.RandomErasing(1, (0.5, 0.6), value="random")(x).numpy()
    assert len(np.unique(noise)) > 60
    assert T.RandomErasing(1, (0.2, 0.3), inplace=True)(x) is x and (x.numpy() == 0).any()
    assert T.RandomErasing(0)(x) is x
    whole = T.RandomErasing(1, (1, 1), (1, 1))(x)
    assert whole.numpy().tolist() == x.numpy().tolist()


def test_operations_of_policies(photo: Image.Image) -> None:
    """By their names, those with a number by torchvision's rules."""
    made = {
        name: apply_operation(photo, name, value, NEAREST, None).tobytes()
        for name, value in (("ShearX", 1.0), ("TranslateY", 3.7), ("Rotate", 9), ("Color", 0.5), ("Posterize", 3))
    }
    assert made == {
        "ShearX": F.affine(photo, 0, (0, 0), 1, (45.0, 0), NEAREST, None, (0, 0)).tobytes(),
        "TranslateY": F.affine(photo, 0, (0, 3), 1, 0).tobytes(),
        "Rotate": F.rotate(photo, 9).tobytes(),
        "Color": F.adjust_saturation(photo, 1.5).tobytes(),
        "Posterize": F.posterize(photo, 3).tobytes(),
    }
    for policy in T.AutoAugmentPolicy:
        pairs = T.AutoAugment(policy).policies
        assert len(pairs) == 25 and all(len(pair) == 2 for pair in pairs)
        for name, p, strength in (operation for pair in pairs for operation in pair):
            assert 0 <= p <= 1 and (strength is None or 0 <= strength <= 9)
            apply_operation(photo, name, 1, NEAREST, None)
    assert T.AutoAugment().policies[0] == (("Posterize", 0.4, 8), ("Rotate", 0.6, 9))


REFUSED: list[tuple[Callable, type, str]] = [
    (lambda: T.RandomHorizontalFlip(2), ValueError, "probability from 0 to 1, got 2"),
    (lambda: T.RandomApply([], "a"), TypeError, "p should be a number"),
    (lambda: T.RandomChoice([abs], [1, 2]), ValueError, "a weight for each of 1 transforms"),
    (lambda: T.RandomChoice(abs), TypeError, "transforms should be a sequence"),
    (lambda: T.RandomCrop(0), ValueError, "numbers of at least 1"),
    (lambda: T.RandomCrop(9)(Image.new("L", (3, 9))), ValueError, r"larger than the image's \(9, 3\).*pad_if_needed"),
    (lambda: T.RandomResizedCrop(3, scale=1), TypeError, "Scale should be a sequence"),
    (lambda: T.RandomResizedCrop(3, ratio=(0, 1)), ValueError, "ratio should be two positive numbers"),
    (lambda: T.RandomRotation(-1), ValueError, "If degrees is a single number, it must be positive"),
    (lambda: T.RandomRotation((1, 2, 3)), ValueError, "degrees should be a sequence of length 2"),
    (lambda: T.RandomRotation(1, fill="red"), TypeError, "Fill should be either a sequence or a number"),
    (lambda: T.RandomAffine(0, (2, 0)), ValueError, "translation values should be between 0 and 1"),
    (lambda: T.RandomAffine(0, scale=(0, 1)), ValueError, "scale values should be positive"),
    (lambda: T.ColorJitter(-1), ValueError, "brightness is a single number, it must be non negative"),
    (lambda: T.ColorJitter(hue=0.7), ValueError, r"hue values should be between \(-0.5, 0.5\)"),
    (lambda: T.ColorJitter("much"), TypeError, "single number or a list/tuple with length 2"),
    (lambda: T.RandomErasing(value="red"), ValueError, "should be 'random', got 'red'"),
    (lambda: T.RandomErasing(scale=(0, 2)), ValueError, "scale should be between 0 and 1"),
    (
        lambda: T.RandomErasing(1, value=(1, 2))(fastnn.ones(3, 4, 4)),
        ValueError,
        "value has 2 numbers, the image has 3",
    ),
    (lambda: T.RandomErasing()(Image.new("L", (3, 3))), TypeError, r"put ToTensor\(\) before it"),
    (lambda: T.GaussianBlur(2), ValueError, "odd and positive"),
    (lambda: T.GaussianBlur(3, (2, 1)), ValueError, "sigma should be a positive number"),
    (lambda: T.AutoAugment("mnist"), ValueError, "mnist"),
    (lambda: T.RandAugment(magnitude=31), ValueError, "magnitude should be from 0 to 30"),
]


@pytest.mark.parametrize(("call", "kind", "text"), REFUSED, ids=[row[2][:30] for row in REFUSED])
def test_refusals(call: Callable, kind: type, text: str) -> None:
    with pytest.raises(kind, match=text):
        call()


def test_ranges_the_wrong_way_round_are_said() -> None:
    with pytest.warns(UserWarning, match=r"should be of kind \(min, max\)"):
        T.RandomResizedCrop(3, scale=(1, 0.5))
