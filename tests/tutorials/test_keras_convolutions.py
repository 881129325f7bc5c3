"""Keras' tutorials with networks of images, as they are written: import lines changed, and with nothing changed."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from small_data import write_mnist
from tutorial_runs import Run

HERE = Path(__file__).parent / "keras_style"
VALUE = r"\d\.\d{4}"


def number(name: str, lines: list[str]) -> float:
    """The one that a line ends in, which begins with a name."""
    return float(next(line for line in lines if line.startswith(name)).split()[-1])


def totals(lines: list[str]) -> list[str]:
    return [line.strip() for line in lines if re.match(r" (Total|Trainable|Non-trainable) params", line)]


def test_mnist_cnn(run_keras: Run) -> None:
    """Conv2D 32 and 64, MaxPooling2D, Dropout, one-hot; image_data_format; adadelta."""
    lines = run_keras(HERE / "mnist_cnn.py")
    assert lines[:3] == ["x_train shape: (400, 28, 28, 1)", "400 train samples", "10 test samples"]
    bar = r"4/4 ━{20} \d+s \d+(us|ms|s)/step"
    values = " - ".join(f"{name}: {VALUE}" for name in ("accuracy", "loss", "val_accuracy", "val_loss"))
    for epoch in range(12):
        assert lines[3 + 2 * epoch] == f"Epoch {epoch + 1}/12"
        assert re.fullmatch(f"{bar} - {values}", lines[4 + 2 * epoch])
    assert number("Test accuracy:", lines) >= 0.9 and len(lines) == 29


def test_lenet(run_keras: Run, tmp_path: Path) -> None:
    """tanh and AveragePooling2D."""
    lines = run_keras(HERE / "lenet.py")
    assert lines[0] == 'Model: "lenet"' and " Total params: 61,706 (241.04 KB)" in lines
    assert number("accuracy", lines) >= 0.9
    assert lines[-1] == "(5, 5, 1, 6) (6,) (None, 10, 10, 16)" and (tmp_path / "lenet.weights.h5").is_file()


def pets(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """uint8 (N, 48, 48, 3): a bright square (1) or ring (0) somewhere in noise."""
    rng = np.random.default_rng(seed)
    images, labels = rng.integers(0, 120, (count, 48, 48, 3)), np.arange(count) % 2
    for image, label in zip(images, labels, strict=True):
        top, left = rng.integers(2, 24, 2)
        image[top : top + 20, left : left + 20] += 130
        if not label:
            image[top + 5 : top + 15, left + 5 : left + 15] -= 130
    return images.clip(0, 255).astype(np.uint8), labels


def test_cats_and_dogs(run_keras: Run, tmp_path: Path) -> None:
    """Rescaling, four convolutions, sigmoid; ModelCheckpoint and the best model again."""
    (images, labels), (others, wanted) = pets(300, 1), pets(100, 2)
    names = ("train_images", "train_labels", "validation_images", "validation_labels")
    np.savez(tmp_path / "cats_and_dogs.npz", **dict(zip(names, (images, labels, others, wanted), strict=True)))
    lines = run_keras(HERE / "cats_and_dogs.py")
    assert lines[0] == "(300, 48, 48, 3) uint8" and lines[1] == 'Model: "functional"'
    assert totals(lines) == [f"{kind} params: 15,409 (60.19 KB)" for kind in ("Total", "Trainable")] + [
        "Non-trainable params: 0 (0.00 B)"
    ]
    assert number("Test accuracy:", lines) >= 0.8 and "best True" in lines
    assert lines[-1].startswith("(4, 1) [")


def test_a_residual_network(run_keras: Run) -> None:
    """Functional, with Add, BatchNormalization and ZeroPadding2D; saved and loaded."""
    lines = run_keras(HERE / "residual.py")
    assert lines[0] == 'Model: "resnet"'
    assert totals(lines) == [
        "Total params: 5,266 (20.57 KB)",
        "Trainable params: 5,122 (20.01 KB)",
        "Non-trainable params: 144 (576.00 B)",
    ]
    assert number("accuracy", lines) >= 0.9
    assert lines[-2:] == ["the same True", "20 12"]


def test_an_autoencoder(run_keras: Run, tmp_path: Path) -> None:
    """Conv2DTranspose; the noise is less behind it; a model of two outputs beside it."""
    lines = run_keras(HERE / "conv_autoencoder.py")
    assert totals(lines)[0] == "Total params: 7,265 (28.38 KB)"
    loss, error = (re.findall(VALUE, next(line for line in lines if line.startswith(n))) for n in ("loss", "error"))
    assert float(loss[1]) < 0.9 * float(loss[0]) and float(error[0]) < 0.5 * float(error[1])
    assert lines[-1] == "(10, 7, 7, 16) (10, 28, 28, 1) the same True" and (tmp_path / "autoencoder.keras").is_file()


def test_cifar(run_keras: Run, tmp_path: Path) -> None:
    """TensorFlow's site: logits, labels (N, 1), two summaries; the files of CIFAR-10's binary version."""
    folder = tmp_path / "data/MNIST/raw/cifar-10-batches-bin"
    folder.mkdir()
    rng = np.random.default_rng(3)
    looks = rng.integers(0, 200, (10, 3072))
    for name, count in [*((f"data_batch_{i}.bin", 60) for i in range(1, 6)), ("test_batch.bin", 40)]:
        labels = rng.integers(0, 10, (count, 1))
        pixels = looks[labels[:, 0]] + rng.integers(0, 56, (count, 3072))
        np.concatenate([labels, pixels], axis=1).astype(np.uint8).tofile(folder / name)
    lines = run_keras(HERE / "cifar_cnn.py")
    assert lines[0] == "(300, 32, 32, 3) (300, 1)"
    assert [line for line in totals(lines) if line.startswith("Total")] == [
        *("Total params: 56,320 (220.00 KB)", "Total params: 122,570 (478.79 KB)")
    ]
    assert float(lines[-1]) >= 0.9


def test_fashion(run_keras: Run, tmp_path: Path) -> None:
    """Logits, a network as a layer of another with Softmax, LeakyReLU, BatchNormalization."""
    write_mnist(tmp_path / "data/MNIST/raw/fashion-mnist", 200)
    lines = run_keras(HERE / "fashion_cnn.py")
    assert lines[:2] == ["Epoch 1/4", lines[1]] and re.match(r"7/7 - \d+s", lines[1])
    assert lines[-2:] == ["(10, 10) True", "sums to one: True"]
