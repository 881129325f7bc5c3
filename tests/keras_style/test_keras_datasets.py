"""Data sets of Keras from local files: fashion_mnist, cifar10."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fastnn.errors import FormatError, fault_of
from fastnn.keras.datasets import cifar10, cifar100, fashion_mnist, mnist
from small_data import write_idx

FILES = [*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin"]


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FASTNN_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("FASTNN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


@pytest.mark.parametrize("place", ["data", "cache", "home/.keras/datasets"])
def test_fashion_mnist(tmp_path: Path, place: str) -> None:
    """From a folder of its own: MNIST's files, which have the same names, are not taken for it."""
    write_idx(tmp_path / "data", 30, 10)
    with pytest.raises(FileNotFoundError, match=r"Fashion-MNIST is not there.*train-images-idx3-ubyte\.gz") as raised:
        fashion_mnist.load_data()
    assert fault_of(raised.value).code == "data.missing" and str(tmp_path / "data/fashion-mnist") in str(raised.value)
    write_idx(tmp_path / place / "fashion-mnist", 20, 5)
    (x_train, y_train), (x_test, y_test) = fashion_mnist.load_data()
    assert x_train.shape == (20, 28, 28) and y_test.shape == (5,) and x_test.dtype == y_train.dtype == np.uint8
    assert mnist.load_data()[0][0].shape == (30, 28, 28)


def written(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Two images in each file; all their pixels (12, 32, 32, 3) and labels."""
    rng = np.random.default_rng(1)
    images, labels = rng.integers(0, 256, (12, 32, 32, 3), dtype=np.uint8), np.arange(12, dtype=np.uint8) % 10
    folder.mkdir(parents=True)
    for number, name in enumerate(FILES):
        parts = [bytes([labels[i]]) + images[i].transpose(2, 0, 1).tobytes() for i in (2 * number, 2 * number + 1)]
        (folder / name).write_bytes(b"".join(parts))
    return images, labels


@pytest.mark.parametrize("place", ["data", "cache", "home/.keras/datasets"])
def test_cifar10(tmp_path: Path, place: str) -> None:
    """Files have each colour by itself, arrays the colours of a pixel beside each other."""
    images, labels = written(tmp_path / place / "cifar-10-batches-bin")
    (x_train, y_train), (x_test, y_test) = cifar10.load_data()
    np.testing.assert_array_equal(np.concatenate([x_train, x_test]), images)
    np.testing.assert_array_equal(np.concatenate([y_train, y_test]), labels[:, None])
    assert len(x_train) == 10 and x_train.flags.c_contiguous and y_train.dtype == np.uint8


def test_damaged_cifar10(tmp_path: Path) -> None:
    folder = tmp_path / "data/cifar-10-batches-bin"
    with pytest.raises(FileNotFoundError, match=r"Put cifar-10-python\.tar\.gz .*test_batch"):
        cifar10.load_data()
    written(folder)
    whole = (folder / FILES[2]).read_bytes()
    (folder / FILES[2]).write_bytes(whole[:-1])
    with pytest.raises(FormatError, match=r"data_batch_3\.bin.* has 6,145 bytes, which are not images of 3,073 bytes"):
        cifar10.load_data()
    (folder / FILES[2]).write_bytes(bytes([10]) + whole[1:])
    with pytest.raises(FormatError, match=r"data_batch_3\.bin: label 10 at sample 0 is outside 0\.\.9"):
        cifar10.load_data()
    (folder / FILES[2]).write_bytes(whole)
    (folder / FILES[5]).unlink()
    with pytest.raises(FileNotFoundError, match=r"holds a part of the data set; missing: test_batch\.bin"):
        cifar10.load_data()


def test_cifar100(tmp_path: Path) -> None:
    """A record is the coarse label, the fine one, and the pixels."""
    folder = tmp_path / "data/cifar-100-binary"
    folder.mkdir(parents=True)
    for name, first in (("train.bin", 3), ("test.bin", 9)):
        (folder / name).write_bytes(bytes([first, 10 * first]) + bytes(range(256)) * 12)
    for mode, labels in (("fine", (30, 90)), ("coarse", (3, 9))):
        (x, y), (x_test, y_test) = cifar100.load_data(label_mode=mode)
        assert (y.tolist(), y_test.tolist()) == ([[labels[0]]], [[labels[1]]]) and y.dtype == np.uint8
        assert x.shape == x_test.shape == (1, 32, 32, 3) and x[0, 0, :3].tolist() == [[0] * 3, [1] * 3, [2] * 3]
    with pytest.raises(ValueError, match="label_mode"):
        cifar100.load_data("finest")
