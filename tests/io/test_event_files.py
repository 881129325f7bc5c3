"""Event files: read back record by record here, and by TensorBoard where it is installed."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import fastnn
import numpy as np
import pytest
from fastnn import keras
from fastnn.io import event_files
from fastnn.utils.tensorboard import SummaryWriter
from PIL import Image


def test_the_checksum() -> None:
    """CRC-32C of the digits 1 to 9, as RFC 3720 and its errata have it, masked."""
    crc = 0xE3069283
    masked = ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
    assert event_files._checksum(b"123456789") == struct.pack("<I", masked)


def fields(message: bytes) -> dict[int, list[Any]]:
    """A protobuf message: the values of each field number."""
    found: dict[int, list[Any]] = {}
    place = 0

    def varint() -> int:
        nonlocal place
        value = shift = 0
        while True:
            byte = message[place]
            place += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while place < len(message):
        number, kind = divmod(varint(), 8)
        if kind == 0:
            value: Any = varint()
        elif kind == 1:
            value, place = struct.unpack_from("<d", message, place)[0], place + 8
        elif kind == 5:
            value, place = struct.unpack_from("<f", message, place)[0], place + 4
        else:
            assert kind == 2
            size = varint()
            value, place = message[place : place + size], place + size
        found.setdefault(number, []).append(value)
    assert place == len(message)
    return found


def events(folder: Path) -> list[dict[int, list[Any]]]:
    """The events of the one file in a folder, checksums verified."""
    (file,) = folder.iterdir()
    data, found, place = file.read_bytes(), [], 0
    while place < len(data):
        length = data[place : place + 8]
        (size,) = struct.unpack("<Q", length)
        record = data[place + 12 : place + 12 + size]
        assert data[place + 8 : place + 12] == event_files._checksum(length)
        assert data[place + 12 + size : place + 16 + size] == event_files._checksum(record)
        found.append(fields(record))
        place += 16 + size
    assert found[0][3] == [b"brain.Event:2"]
    return found[1:]


def values(folder: Path) -> list[tuple[str, int, dict[int, list[Any]]]]:
    """(tag, step, value) of each event."""
    out = []
    for event in events(folder):
        value = fields(fields(event[5][0])[1][0])
        out.append((value[1][0].decode(), event[2][0], value))
    return out


def test_scalars(tmp_path: Path) -> None:
    with SummaryWriter(tmp_path) as writer:
        writer.add_scalar("loss", 0.25, 3, walltime=12.5)
        writer.add_scalar("loss", fastnn.tensor(1.5), 2**40)
        writer.add_scalar("loss", 2.5)
        writer.add_scalars("acc", {"train": np.float32(0.5), "val": 1}, 7)
        assert writer.get_logdir() == str(tmp_path)
    assert [(tag, step, value[2]) for tag, step, value in values(tmp_path)] == [
        ("loss", 3, [0.25]),
        ("loss", 2**40, [1.5]),
        ("loss", 0, [2.5]),
        ("acc/train", 7, [0.5]),
        ("acc/val", 7, [1.0]),
    ]
    assert events(tmp_path)[0][1] == [12.5]


def test_histograms(tmp_path: Path) -> None:
    numbers = np.array([[-3.0, 0.0, 1e-20], [2.0, 2.5, 1e30]])
    with SummaryWriter(tmp_path) as writer:
        writer.add_histogram("w", fastnn.tensor(numbers), 1)
    histogram = fields(values(tmp_path)[0][2][5][0])
    moments = [histogram[i][0] for i in range(1, 6)]
    assert moments == [-3.0, 1e30, 6.0, numbers.sum(), (numbers**2).sum()]
    limits, counts = (np.frombuffer(histogram[i][0], "<f8") for i in (6, 7))
    assert len(limits) == len(counts) and counts.sum() == 6 and (np.diff(limits) > 0).all()
    for number in numbers.ravel():  # lies in a bucket that is not empty
        assert counts[np.searchsorted(limits, number, side="right" if number in limits else "left")] > 0


@pytest.mark.parametrize(
    ("shape", "order", "size"),
    [((3, 5, 7), "CHW", (7, 5)), ((5, 7, 3), "HWC", (7, 5)), ((5, 7), "HW", (7, 5)), ((1, 5, 7), "CHW", (7, 5))],
)
def test_images(tmp_path: Path, shape: tuple[int, ...], order: str, size: tuple[int, int]) -> None:
    numbers = np.random.default_rng(0).random(shape)
    with SummaryWriter(tmp_path) as writer:
        writer.add_image("x", numbers, 1, dataformats=order)
        writer.add_image("x", fastnn.tensor(np.round(numbers * 255).astype(np.uint8)), 2, dataformats=order)
    one, other = (fields(value[4][0]) for _, _, value in values(tmp_path))
    assert one == other and (one[2], one[1]) == ([size[0]], [size[1]])
    picture = Image.open(io.BytesIO(one[4][0]))
    assert picture.size == size and len(picture.getbands()) == one[3][0] == (3 if 3 in shape else 1)


def test_texts_and_closed_writers(tmp_path: Path) -> None:
    writer = SummaryWriter(tmp_path)
    writer.add_text("note", "数字 **bold**", 1)
    writer.close()
    writer.close()
    tag, _, value = values(tmp_path)[0]
    assert tag == "note/text_summary" and fields(value[8][0])[8] == ["数字 **bold**".encode()]
    with pytest.raises(ValueError, match="is closed"):
        writer.add_scalar("x", 1)


def test_mistakes(tmp_path: Path) -> None:
    with SummaryWriter(tmp_path) as writer:
        with pytest.raises(ValueError, match="scalar 'x' must be one number"):
            writer.add_scalar("x", [1, 2])
        with pytest.raises(ValueError, match="all of them finite"):
            writer.add_histogram("x", [1, np.nan])
        with pytest.raises(ValueError, match="is no CHW"):
            writer.add_image("x", np.zeros((3, 3)))
        with pytest.raises(ValueError, match="has 2 channels"):
            writer.add_image("x", np.zeros((2, 3, 3)))


def test_two_writers_of_one_folder_have_files_of_their_own(tmp_path: Path) -> None:
    writers = [SummaryWriter(tmp_path) for _ in range(2)]
    for writer in writers:
        writer.close()
    assert len(list(tmp_path.iterdir())) == 2


def test_keras_callback(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, "softmax", name="d")])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    x, y = np.random.default_rng(0).random((20, 3)), np.arange(20) % 2
    board = keras.callbacks.TensorBoard(tmp_path, histogram_freq=2)
    history = model.fit(x, y, epochs=3, verbose=0, validation_split=0.2, callbacks=[board]).history
    train = [(tag, step, value[2][0]) for tag, step, value in values(tmp_path / "train") if 2 in value]
    expected = [(f"epoch_{name}", i, np.float32(history[name][i])) for i in range(3) for name in ("accuracy", "loss")]
    assert train == expected
    assert [tag for tag, _, value in values(tmp_path / "train") if 5 in value] == ["d/kernel", "d/bias"] * 2
    assert [tag for tag, _, _ in values(tmp_path / "validation")] == ["epoch_accuracy", "epoch_loss"] * 3


@pytest.mark.filterwarnings("ignore")  # TensorBoard's own
def test_tensorboard_reads_it(tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    with SummaryWriter(tmp_path) as writer:
        writer.add_scalar("loss", 0.25, 3)
        writer.add_histogram("w", np.arange(5.0), 1)
        writer.add_image("x", np.zeros((1, 4, 6)), 2)
        writer.add_text("note", "hello", 1)
    reader = accumulator.EventAccumulator(str(tmp_path)).Reload()
    assert [(event.step, event.value) for event in reader.Scalars("loss")] == [(3, 0.25)]
    assert reader.Histograms("w")[0].histogram_value.num == 5
    assert (reader.Images("x")[0].width, reader.Images("x")[0].height) == (6, 4)
    assert reader.Tensors("note/text_summary")[0].tensor_proto.string_val == [b"hello"]
