"""Folders with random transforms: files are decoded once, batches are what the samples one by one are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import fastnn
import numpy as np
import pytest
from fastnn import transforms as T
from fastnn.data import prepared
from fastnn.data.images import read_rgb
from fastnn.data.pixels import pixel_plan, split_plan
from fastnn.datasets import ImageFolder
from fastnn.utils.data import DataLoader, Subset

CASES = {
    "flip": [T.Resize(8), T.CenterCrop(8), T.RandomHorizontalFlip(), T.ToTensor(), T.Normalize((0.5,) * 3, (0.2,) * 3)],
    "grey": [T.Grayscale(), T.Resize((6, 6)), T.RandomRotation(40), T.ToTensor()],
    "erasing": [T.Resize((6, 6)), T.ToTensor(), T.RandomErasing(0.9), T.Lambda(lambda x: x * 2)],
    "nested": [T.Compose([T.CenterCrop(7)]), T.RandomApply([T.Grayscale(3)], 0.5), T.Pad(1), T.ToTensor()],
    "sizes": [T.Resize(9), T.RandomResizedCrop(6), T.RandomHorizontalFlip(), T.ToTensor(), T.Normalize(0.5, 0.5)],
    "nothing known": [T.Lambda(lambda image: image.resize((5, 5))), T.ToTensor(), T.RandomErasing(1)],
    "own": [T.CenterCrop(5), T.Lambda(lambda image: image.rotate(90)), T.ToTensor()],
}


@pytest.mark.parametrize("name", CASES)
def test_batches_are_the_samples_one_by_one(image_folder: Callable[..., Path], name: str) -> None:
    root = image_folder({"a": 5, "b": 4}, size=(10, 12, 3))
    image_folder({"c": 1}, root, size=(14, 11, 3))
    data, steps = ImageFolder(root, T.Compose(CASES[name])), CASES[name]
    known = DataLoader(data, 4, shuffle=True)
    unknown = DataLoader(ImageFolder(root, T.Compose(steps), loader=lambda path: read_rgb(path)), 4, shuffle=True)
    assert data.resident() is None and data.prepared() is not None and unknown.dataset.prepared() is None
    batches = []
    for loader in (known, unknown):
        fastnn.manual_seed(3)
        batches.append([batch for _ in range(2) for batch in loader])  # two epochs, which differ
    for (x, y), (expected_x, expected_y) in zip(*batches, strict=True):
        np.testing.assert_array_equal(x.numpy(), expected_x.numpy())
        assert x.numpy().dtype == np.float32 and y.tolist() == expected_y.tolist()


def test_files_are_read_once(image_folder: Callable[..., Path]) -> None:
    root = image_folder({"a": 3, "b": 2}, size=(10, 12, 3))
    data = ImageFolder(root, T.Compose(CASES["flip"]), target_transform=lambda label: label + 10)
    loader = DataLoader(Subset(data, [4, 0]), 2)
    first = next(iter(loader))
    for path, _ in data.samples:
        Path(path).unlink()
    fastnn.manual_seed(0)
    assert [next(iter(loader))[0].shape for _ in range(2)] == [first[0].shape] * 2 and first[1].tolist() == [11, 10]


def test_images_of_several_sizes_are_kept(image_folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as memory is there for; each use has a copy of its own; other steps have others."""
    root = image_folder({"a": 3}, size=(10, 12, 3))
    image_folder({"b": 2}, root, size=(20, 12, 3))
    monkeypatch.setattr(prepared, "ALWAYS_FINE", 3 * 10 * 12 * 4 + 20 * 12 * 4)
    monkeypatch.setattr(prepared, "free_memory", lambda: 0)
    painted = T.Lambda(lambda image: image.paste((1, 2, 3), (0, 0, 5, 5)) or image)
    data = ImageFolder(root, T.Compose([T.RandomCrop(6), T.ToTensor()]))
    loader = DataLoader(data, 5)
    first = next(iter(loader))[0].numpy()
    paths = [path for path, _ in data.samples]
    for path in paths[:4]:
        Path(path).unlink()
    data.transform = T.Compose([painted, T.ToTensor(), T.CenterCrop(6)])
    list(DataLoader(Subset(data, [0, 1]), 2))
    data.transform = T.Compose([T.RandomCrop(6), T.ToTensor()])
    fastnn.manual_seed(0)
    np.testing.assert_array_equal(next(iter(loader))[0].numpy(), first)
    Path(paths[4]).unlink()
    with pytest.raises(FileNotFoundError):
        list(loader)
    data.transform = T.Compose([T.Resize(9), T.RandomCrop(6), T.ToTensor()])
    with pytest.raises(FileNotFoundError):
        list(DataLoader(data, 1))


def test_what_is_prepared() -> None:
    """In a block only what makes all images of one size, by steps of our own that give the same pixels each time."""
    flip, number = T.RandomHorizontalFlip(), T.ToTensor()

    def parts(*steps: Any) -> Any:
        split = split_plan(T.Compose(list(steps)))
        found = len(split.first.steps), len(split.changes), split.numbers is not None
        return found if split.makes_one_size else ("sizes", *found)

    assert parts(T.Resize(8), flip, number) == ("sizes", 1, 1, True)
    assert parts(flip, T.CenterCrop(3), number) == ("sizes", 0, 2, True)
    assert parts(T.Resize((8, 9)), flip, number) == (1, 1, True)
    assert parts(T.Resize(8), T.CenterCrop(8), T.Pad(2), T.RandomCrop(8), number) == (3, 1, True)
    assert parts(T.CenterCrop(8), number, T.RandomErasing()) == (1, 2, False)
    assert parts(type("Mine", (T.CenterCrop,), {})(8), flip, number) == ("sizes", 0, 2, True)
    assert pixel_plan(T.Compose([T.CenterCrop(8), flip, number])) is None


def test_images_that_come_out_of_different_sizes(image_folder: Callable[..., Path]) -> None:
    root = image_folder({"a": 2}, size=(10, 12, 3))
    steps = T.Compose([T.CenterCrop(8), T.RandomRotation((45, 46), expand=True), T.RandomOrder([]), T.ToTensor()])
    shapes = {tuple(x.shape) for x, _ in DataLoader(ImageFolder(root, steps), 2)}
    assert len(shapes) == 1
    mixed = T.Compose([T.CenterCrop(8), T.RandomApply([T.Grayscale()]), T.ToTensor()])
    with pytest.raises(ValueError, match=r"samples of a batch must have one shape"):
        list(DataLoader(ImageFolder(root, mixed), 12, sampler=[0, 1] * 6))
    growing = iter(range(9))
    steps = T.Compose([T.CenterCrop(8), T.Lambda(lambda image: T.Pad(next(growing))(image)), T.ToTensor()])
    with pytest.raises(ValueError, match=r"samples of a batch must have one shape.*need a Resize"):
        list(DataLoader(ImageFolder(root, steps), 2))


def test_pad_is_done_once(image_folder: Callable[..., Path]) -> None:
    """LeNet's border of two: as other steps that give the same pixels each time."""
    data = ImageFolder(image_folder({"a": 3}, size=(4, 6, 3)), T.Compose([T.Pad(2, 7), T.ToTensor()]))
    block = data.resident()
    assert block is not None and block.images.shape == (3, 3, 8, 10) and (block.images[:, :, :2] == 7).all()
    np.testing.assert_array_equal(block.batch(np.arange(3))[0][1], data[1][0].numpy())
