"""Keras' tutorials, as they are written: with their import lines changed, and with nothing changed at all."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np
import processes
import pytest
from tutorial_runs import Run, python

HERE = Path(__file__).parent / "keras_style"
VALUE = r"\d\.\d{4}"


def test_digits(run_keras: Run) -> None:
    """784-512-10, one-hot, rmsprop."""
    lines = run_keras(HERE / "mnist_mlp.py")
    assert lines[0] == "(400, 28, 28) uint8 400"
    assert lines[1] == 'Model: "sequential"' and lines[9] == " Total params: 407,050 (1.55 MB)"
    bar = r"13/13 ━{20} \d+s \d+(us|ms|s)/step"
    for epoch in range(10):
        assert lines[12 + 2 * epoch] == f"Epoch {epoch + 1}/10"
        assert re.fullmatch(rf"{bar} - accuracy: {VALUE} - loss: {VALUE}", lines[13 + 2 * epoch])
    assert re.fullmatch(rf"1/1 ━{{20}} \d+s \d+(us|ms|s)/step - accuracy: {VALUE} - loss: \S+", lines[32])
    assert lines[33].startswith("test_acc: ") and float(lines[33].split()[1]) >= 0.9
    assert len(lines) == 34


def test_validation(run_keras: Run, tmp_path: Path) -> None:
    """Class numbers, dropout, a validation split, callbacks, a saved model; under tensorflow's name."""
    lines = run_keras(HERE / "validation.py")
    for epoch in range(5):
        assert lines[2 * epoch] == f"Epoch {epoch + 1}/5"
        values = " - ".join(f"{name}: {VALUE}" for name in ("acc", "loss", "val_acc", "val_loss"))
        assert re.fullmatch(rf"5/5 - \d+s - \d+(us|ms|s)/step - {values}", lines[2 * epoch + 1])
    assert lines[10] == "['acc', 'loss', 'val_acc', 'val_loss']"
    assert [line[:8] for line in lines[11:16]] == [f"epoch {epoch}:" for epoch in range(1, 6)]
    assert lines[-1].startswith("(5, 10) [") and (tmp_path / "best.keras").is_file()


@pytest.mark.parametrize(
    ("script", "lacking"),
    [
        ("from keras.layers import Conv3D", "keras.layers.Conv3D"),
        ("import tensorflow as tf\ntf.keras.applications.VGG16()", "keras.applications"),
        ("import tensorflow as tf\ntf.Variable(1)", "tensorflow.Variable"),
        ("import keras.ops", "keras.ops"),
        ("from tensorflow.keras.layers import LSTM", "keras.layers.LSTM"),
        ("import tensorflow.lite", "tensorflow.lite"),
        ("import tensorflow as tf\ntf.data.TextLineDataset('x')", "tensorflow.data.TextLineDataset"),
        ("import tensorflow as tf\ntf.data.Dataset.list_files('x')", "tensorflow.data.Dataset.list_files"),
        ("import tensorflow as tf\ntf.data.Dataset.range(3).window(2)", "tensorflow.data.Dataset.window"),
    ],
)
def test_a_name_that_is_not_there(script: str, lacking: str, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(script)
    done = python(tmp_path, "-m", "fastnn.run", "script.py")
    place = f"script.py, line {len(script.splitlines())}"
    assert done.stderr == f"{place}: fastnn has no {lacking}; python -m fastnn.run --list shows what there is\n"
    assert done.returncode == 2


def test_a_name_that_is_misspelt(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text("from keras import layers\nlayers.Danse(3)")
    done = processes.python("-m", "fastnn.run", "script.py", cwd=tmp_path, FASTNN_LANG="zh")
    english, chinese = done.stderr.splitlines()
    assert english.startswith("script.py, line 2: fastnn has no keras.layers.Danse; python")
    assert english.endswith("; did you mean 'Dense'?")
    assert chinese == "fastnn 没有 keras.layers.Danse: 是不是 Dense?"


def values(name: str, lines: list[str]) -> list[float]:
    """The numbers in the line that begins with a name."""
    line = next(line for line in lines if line.startswith(name))
    return [float(number) for number in re.findall(r"-?\d+\.\d+", line)]


def test_an_autoencoder(run_keras: Run, tmp_path: Path) -> None:
    """Inputs as targets, layers of one model in another, what NumPy writes of predictions."""
    lines = run_keras(HERE / "autoencoder.py")
    assert lines[:2] == ["(400, 784) (10, 784)", "(10, 32) (10, 784)"]
    first, last = values("loss from", lines)
    assert last < 0.6 * first
    assert lines[-1] == "better than the mean image: True"
    assert np.load(tmp_path / "codes.npz")["codes"].shape == (10, 32)


def test_class_weights(run_keras: Run, tmp_path: Path) -> None:
    """Few of one class: weights find more of them; callbacks that stop, slow down, save and write a CSV file."""
    lines = run_keras(HERE / "class_weights.py")
    assert re.fullmatch(r"Number of positive samples in training data: \d+ \(\d+\.\d\d% of total\)", lines[0])
    epochs = int(re.fullmatch(r"epochs (\d+) of 30", lines[-5])[1])
    (best,) = values("best val_loss", lines)
    assert values("restored", lines) == values("in the file", lines) == [best] and best < 0.4
    weighted, plain = values("positives found", lines)
    assert weighted >= plain and weighted >= 0.6
    with (tmp_path / "training.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == [str(epoch) for epoch in range(epochs)]
    assert {"accuracy", "loss", "val_accuracy", "val_loss"} <= set(rows[0])
    assert min(float(row["val_loss"]) for row in rows) == pytest.approx(best, abs=5e-5)
    rates = [float(row["learning_rate"]) for row in rows]
    assert rates == sorted(rates, reverse=True) and rates[0] == pytest.approx(0.01) and rates[-1] < 0.01


def test_a_rate_by_the_epoch_and_batch_by_batch(run_keras: Run) -> None:
    """LearningRateScheduler of (epoch, rate), he_normal, RMSprop(0.01), train_on_batch, test_on_batch."""
    lines = run_keras(HERE / "schedule.py")
    assert lines[0] == "['learning_rate', 'loss', 'mae', 'val_loss', 'val_mae']"
    assert values("rates", lines) == [0.01, round(0.01 * 0.9**20, 5)]
    first, last = values("mse from", lines)
    assert last < 5 < 100 < first
    assert values("test mae", lines)[0] < 1.5 and "predicted (4,)" in lines
    assert values("batch by batch", lines)[0] < 4


def test_keras_1(run_keras: Run) -> None:
    """Module paths, np_utils, nb_epoch, lr and decay as they were spelled."""
    lines = run_keras(HERE / "keras_1.py")
    assert lines[:2] == ["300 train samples", "100 test samples"]
    assert lines[2] == "Epoch 1/20" and lines[40] == "Epoch 20/20"
    assert values("Test score", lines)[0] < 0.2 and values("Test accuracy", lines)[0] >= 0.95
