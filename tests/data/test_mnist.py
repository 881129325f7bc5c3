"""MNIST from IDX files: torchvision's contract."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fastnn.data.resident import NotResident
from fastnn.data.source import open_test
from fastnn.datasets import MNIST
from fastnn.errors import FormatError
from fastnn.transforms import Compose, Grayscale, Normalize, Resize, ToTensor
from fastnn.utils.data import DataLoader


def test_contract(mnist_folder: Callable) -> None:
    root = mnist_folder()
    train, test = MNIST(root), MNIST(root, train=False, download=True)
    assert (len(train), len(test)) == (40, 20)
    assert tuple(train.data.shape) == (40, 8, 8) and train.targets.numpy()[:4].tolist() == [0, 7, 4, 1]
    assert train.classes[:2] == ["0 - zero", "1 - one"] and train.class_to_idx["9 - nine"] == 9
    image, label = test[3]
    assert (image.mode, image.size, label, type(label)) == ("L", (8, 8), 1, int)
    np.testing.assert_array_equal(np.asarray(image), test.data.numpy()[3])
    assert [label for _, label in train] == train.targets.numpy().tolist()
    assert test[-1][1] == test.targets.numpy()[-1]


def test_prints_as_torchvision(mnist_folder: Callable) -> None:
    root = mnist_folder()
    assert repr(MNIST(str(root), train=False, transform=ToTensor())) == (
        f"Dataset MNIST\n    Number of datapoints: 20\n    Root location: {root}\n    Split: Test\n"
        "    StandardTransform\nTransform: ToTensor()"
    )
    assert repr(MNIST(root)).endswith("    Split: Train")


@pytest.mark.parametrize("download", [False, True])
@pytest.mark.parametrize("exists", [False, True])
def test_missing_files_say_which_and_where(tmp_path: Path, download: bool, exists: bool) -> None:
    root = tmp_path / "data"
    if exists:
        root.mkdir()
    with pytest.raises(FileNotFoundError) as caught:
        MNIST(root, download=download)
    text = str(caught.value)
    assert f"into {root}/MNIST/raw:" in text and "does not download" in text
    for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        assert f"\n  {name}-ubyte.gz" in text


def test_damage_is_a_format_error(mnist_folder: Callable, idx: Callable) -> None:
    root = mnist_folder(packed=False)
    (root / "train-labels-idx1-ubyte").write_bytes(idx(np.full(40, 10)))
    with pytest.raises(FormatError, match=r"train-labels-idx1-ubyte: label 10 at sample 0 is outside 0\.\.9"):
        MNIST(root)
    (root / "train-labels-idx1-ubyte").write_bytes(idx(np.zeros(39)))
    with pytest.raises(FormatError, match=r"has 40 images but .* has 39 labels"):
        MNIST(root)


@pytest.mark.parametrize(
    "transform",
    [
        ToTensor(),
        Compose([Grayscale(), ToTensor(), Normalize((0.1307,), (0.3081,))]),
        Compose([Grayscale(3), ToTensor()]),
        Compose([Resize(5), ToTensor()]),
    ],
)
def test_resident_equals_the_samples(mnist_folder: Callable, transform: Callable) -> None:
    data = MNIST(mnist_folder(), train=False, transform=transform)
    resident = data.resident()
    x, y = resident.batch(np.arange(20))
    for row in range(20):
        np.testing.assert_array_equal(x[row], data[row][0].numpy())
    assert y.tolist() == data.targets.numpy().tolist()
    assert resident.names[7] == "t10k-images-idx3-ubyte.gz[7]" and resident.classes == list("0123456789")


def test_resident_shares_or_keeps_its_pixels(mnist_folder: Callable) -> None:
    data = MNIST(mnist_folder(), transform=ToTensor())
    assert np.shares_memory(data.resident().images, data.data.numpy())
    data.transform = Compose([Resize(5), ToTensor()])
    first = data.resident().images
    assert data.resident().images is first
    data.data, data.targets = data.data[:30], data.targets[:30]
    assert len(data.resident()) == 30


class Inverted(MNIST):
    def __getitem__(self, index: int) -> tuple:
        x, y = super().__getitem__(index)
        return 1 - x, y


def test_no_resident_where_samples_may_differ(mnist_folder: Callable) -> None:
    assert Inverted(mnist_folder(), transform=ToTensor()).resident() is None
    assert MNIST(mnist_folder()).resident() is None


def test_a_block_beyond_the_memory_is_not_made(mnist_folder: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    """Samples come one by one then; where only a block will do, the error says what it would need."""
    root = mnist_folder()
    data = MNIST(root, transform=Compose([Resize(5), ToTensor()]))
    monkeypatch.setattr("fastnn.data.resident.fits_memory", lambda size: size < 500)
    assert data.resident() is None and next(iter(DataLoader(data, batch_size=40)))[0].shape == (40, 1, 5, 5)
    with pytest.raises(
        NotResident, match=r"20 images of 5x5x1 need 500 bytes, .* Make them smaller \(transforms\.Resize\)"
    ):
        open_test(root, resize=(5, 5))
