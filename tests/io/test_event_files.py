"""Event files: read back record by record here, and by TensorBoard where it is installed."""

from __future__ import annotations

import errno
import io
import struct
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import fastnn
import numpy as np
import pytest
from fastnn import keras, nn
from fastnn.io import event_files, notes
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


def test_several_images_lie_side_by_side(tmp_path: Path) -> None:
    """Eight a row, black where there are no more; as PyTorch's writer has them."""
    numbers = np.random.default_rng(0).integers(1, 256, (10, 3, 5, 7)).astype(np.uint8)
    with SummaryWriter(tmp_path) as writer:
        writer.add_images("x", numbers, 1)
        writer.add_images("x", fastnn.tensor(numbers.transpose(0, 2, 3, 1)), 2, dataformats="NHWC")
        writer.add_image("x", numbers[:, 0], 3, dataformats="NHW")
        writer.add_images("x", numbers[:3, :1], 4)
    read = [np.asarray(Image.open(io.BytesIO(fields(value[4][0])[4][0]))) for _, _, value in values(tmp_path)]
    np.testing.assert_array_equal(read[0], read[1])
    assert [each.shape for each in read] == [(10, 56, 3), (10, 56, 3), (10, 56), (5, 21)]
    for place in range(10):
        row, column = divmod(place, 8)
        cut = read[0][5 * row : 5 * row + 5, 7 * column : 7 * column + 7]
        np.testing.assert_array_equal(cut, numbers[place].transpose(1, 2, 0))
        np.testing.assert_array_equal(cut[..., 0], read[2][5 * row : 5 * row + 5, 7 * column : 7 * column + 7])
    assert not read[0][5:, 14:].any()


def test_figures(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib").use("Agg")
    from matplotlib import pyplot

    figures = [pyplot.figure(figsize=(2, 1), dpi=50) for _ in range(3)]
    with SummaryWriter(tmp_path) as writer:
        writer.add_figure("one", figures[0], 4, close=False)
        assert pyplot.fignum_exists(figures[0].number)
        writer.add_figure("three", figures, 5)
    assert not pyplot.get_fignums()
    drawn = [(tag, step, fields(value[4][0])) for tag, step, value in values(tmp_path)]
    assert [(tag, step, image[2], image[1]) for tag, step, image in drawn] == [
        ("one", 4, [100], [50]),
        ("three", 5, [300], [50]),
    ]


def test_hyperparameters(tmp_path: Path) -> None:
    """Three messages for the plug-in, then the numbers, in a folder of their own."""
    settings = {"lr": 0.5, "batch": np.int64(4), "name": "adam", "flag": True}
    with SummaryWriter(tmp_path / "run") as writer:
        writer.add_hparams(settings, {"acc": fastnn.tensor(0.25)}, {"name": ["adam", "sgd"]}, "best", 7)
    found = values(tmp_path / "run" / "best")
    assert [tag for tag, _, _ in found] == [
        *(f"_hparams_/{name}" for name in ("experiment", "session_start_info", "session_end_info")),
        "acc",
    ]
    assert (found[3][1], found[3][2][2]) == (7, [0.25])
    told = []
    for (_, _, value), field in zip(found, (2, 3, 4), strict=False):
        plugin = fields(fields(value[9][0])[1][0])
        assert plugin[1] == [b"hparams"]
        told.append(fields(fields(plugin[2][0])[field][0]))
    infos = [fields(info) for info in told[0][4]]
    assert [(info[1][0].decode(), info[4][0]) for info in infos] == [("lr", 3), ("batch", 3), ("name", 1), ("flag", 2)]
    assert [fields(each)[3] for each in fields(infos[2][5][0])[1]] == [[b"adam"], [b"sgd"]]
    assert fields(fields(told[0][5][0])[1][0])[2] == [b"acc"]
    pairs = {fields(pair)[1][0].decode(): fields(fields(pair)[2][0]) for pair in told[1][1]}
    assert pairs == {"lr": {2: [0.5]}, "batch": {2: [4.0]}, "name": {3: [b"adam"]}, "flag": {4: [1]}}
    assert told[2] == {1: [1]}  # success


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.drop = nn.Linear(6, 4), nn.Dropout(0.5)
        self.rest = nn.Sequential(nn.ReLU(), nn.Linear(4, 2))

    def forward(self, x: fastnn.Tensor, twice: fastnn.Tensor | None = None) -> fastnn.Tensor:
        x = self.rest(self.drop(self.first(x.view(-1, 6))))
        return x if twice is None else x + twice


def test_graphs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Operations in the order in which they depend on each other, in the scopes of their parameters."""
    net, x = Net(), fastnn.tensor(np.zeros((5, 2, 3), np.float32))
    fastnn.manual_seed(3)
    with SummaryWriter(tmp_path) as writer:
        writer.add_graph(net, x, verbose=True)
        writer.add_graph(net, (x, fastnn.tensor([1.0, 2.0])))
        with pytest.raises(ValueError, match="input_to_model is missing"):
            writer.add_graph(net)
        with fastnn.no_grad(), pytest.raises(ValueError, match="Net leaves nothing on the tape; call it outside"):
            writer.add_graph(net, x)
    assert net.training and net.drop.training and x.requires_grad is False
    after = fastnn.rand(3).tolist()
    fastnn.manual_seed(3)
    assert fastnn.rand(3).tolist() == after, "looking at it draws nothing"
    graphs = [[fields(node) for node in fields(event[4][0])[1]] for event in events(tmp_path)]
    found = [(n[1][0].decode(), n[2][0].decode(), [name.decode() for name in n.get(3, [])]) for n in graphs[0]]
    assert found == [
        ("input/0", "Input", []),
        ("Net/View", "View", ["input/0"]),
        ("Net/first/weight", "Parameter", []),
        ("Net/first/bias", "Parameter", []),
        ("Net/first/Addmm", "Addmm", ["Net/View", "Net/first/weight", "Net/first/bias"]),
        ("Net/first/Relu", "Relu", ["Net/first/Addmm"]),
        ("Net/rest/1/weight", "Parameter", []),
        ("Net/rest/1/bias", "Parameter", []),
        ("Net/rest/1/Addmm", "Addmm", ["Net/first/Relu", "Net/rest/1/weight", "Net/rest/1/bias"]),
        ("output/0", "Output", ["Net/rest/1/Addmm"]),
    ]
    assert graphs[1][-1][3] == graphs[1][-2][1] and {b"input/0", b"input/1"} <= {n[1][0] for n in graphs[1]}
    attribute = fields(graphs[0][4][5][0])
    shape = fields(fields(fields(attribute[2][0])[1][0])[7][0])
    assert attribute[1] == [b"_output_shapes"] and [fields(size)[1] for size in shape[2]] == [[5], [4]]
    lines = capsys.readouterr().out.splitlines()
    assert lines[4] == "Net/first/Addmm = Addmm(Net/View, Net/first/weight, Net/first/bias) [5, 4]" and len(lines) == 10


def test_pytorchs_arguments(tmp_path: Path) -> None:
    writer = SummaryWriter(log_dir=tmp_path, comment="", purge_step=3, max_queue=1, flush_secs=1, filename_suffix=".x")
    writer.add_scalar("loss", 1, global_step=1, walltime=2.0, new_style=True, double_precision=True)
    writer.add_histogram("w", np.arange(3), global_step=1, bins="auto", walltime=2.0)
    writer.add_scalars("a", {"b": 1}, 2, walltime=3.0)
    writer.close()
    purge, *rest = events(tmp_path)
    assert (purge[2], fields(purge[7][0])) == ([3], {1: [1]}) and [event[1][0] for event in rest] == [2.0, 2.0, 3.0]
    assert next(tmp_path.iterdir()).suffix == ".x"


# A full disk


@pytest.mark.parametrize("at", ["write", "flush", "close"])
def test_a_full_disk_is_said_once(
    tmp_path: Path, at: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    notes._said.clear()
    writer = SummaryWriter(tmp_path)
    real = writer._file

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    calls = {"write": real.write, "flush": real.flush, "close": real.close, at: full}
    monkeypatch.setattr(writer, "_file", SimpleNamespace(**calls))
    for step in range(3):
        writer.add_scalar("loss", 1, step)
        writer.flush()
    writer.add_image("x", np.zeros((1, 2, 2)))
    writer.close()
    messages = [record.message for record in caplog.records]
    assert messages == [f"{tmp_path}: No space left on device; the TensorBoard log ends here, the run goes on"]
    with pytest.raises(ValueError, match="is closed"):
        writer.add_scalar("loss", 1)
    real.close()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_is_full_from_the_start(
    tmp_path: Path, number: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    notes._said.clear()

    def full(*_: object, **__: object) -> None:
        raise OSError(number, "no room")

    monkeypatch.setattr(event_files.os, "makedirs", full)
    with SummaryWriter(tmp_path / "runs") as writer:
        writer.add_scalar("loss", 1)
        writer.flush()
    assert [record.message.split(": ")[1] for record in caplog.records] == [
        "no room; the TensorBoard log ends here, the run goes on"
    ]


def test_a_folder_that_cannot_be_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        SummaryWriter(tmp_path / "file" / "runs")


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
        for settings, numbers in (({"a": [1, 2]}, {}), ({"a": None}, {}), ({}, {"b": "text"})):
            with pytest.raises(ValueError, match="must be"):
                writer.add_hparams(settings, numbers)
        with pytest.raises(ValueError, match=r"names \['b'\], hparam_dict has \['a'\]"):
            writer.add_hparams({"a": 1}, {}, {"b": [1]})
        with pytest.raises(TypeError, match="should be dictionaries, got list"):
            writer.add_hparams([1], {})
        with pytest.raises(ValueError, match="bins is 'sturges'"):
            writer.add_histogram("x", [1], bins="sturges")


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
