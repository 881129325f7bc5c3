"""TensorBoard event files, written without TensorFlow, PyTorch or protobuf.

A file is a series of records (length, its checksum, data, its checksum), each an ``Event`` message in protobuf's wire
format: tensorflow/core/util/event.proto, summary.proto and lib/io/record_writer.
"""

from __future__ import annotations

import io
import os
import socket
import struct
import time
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np

from fastnn.arrays import to_array

Step = int | None  # None: 0

_POSITIVE = 1e-12 * 1.1 ** np.arange(775)  # TensorBoard's default buckets: up to 1e20, each a tenth wider
_EDGES = np.concatenate([-_POSITIVE[::-1], [0.0], _POSITIVE, [np.finfo(np.float64).max]])


class SummaryWriter:
    """Writes scalars, histograms, images and texts for ``tensorboard --logdir runs``.

    log_dir: the folder, made where it is missing (None: ``runs/<date>_<host><comment>``). Also a context manager.

    Raises:
        OSError: the folder or file cannot be made.
    """

    _made = 0

    def __init__(self, log_dir: str | os.PathLike[str] | None = None, comment: str = "") -> None:
        if log_dir is None:
            log_dir = os.path.join("runs", time.strftime("%b%d_%H-%M-%S_") + socket.gethostname() + comment)
        self.log_dir = os.fspath(log_dir)
        os.makedirs(self.log_dir, exist_ok=True)
        SummaryWriter._made += 1
        name = f"events.out.tfevents.{time.time():.0f}.{socket.gethostname()}.{os.getpid()}.{SummaryWriter._made}"
        self._file: BinaryIO | None = open(os.path.join(self.log_dir, name), "xb")  # noqa: SIM115  closed by close()
        self._record(_double(1, time.time()) + _text(3, "brain.Event:2"))

    def add_scalar(self, tag: str, scalar_value: Any, global_step: Step = None, walltime: float | None = None) -> None:
        """One point of a curve."""
        self._value(_text(1, tag) + _float(2, _number(tag, scalar_value)), global_step, walltime)

    def add_scalars(self, main_tag: str, tag_scalar_dict: Mapping[str, Any], global_step: Step = None) -> None:
        """Points of several curves, ``main_tag/name`` each."""
        for name, value in tag_scalar_dict.items():
            self.add_scalar(f"{main_tag}/{name}", value, global_step)

    def add_histogram(self, tag: str, values: Any, global_step: Step = None, walltime: float | None = None) -> None:
        """The distribution of numbers of any shape.

        Raises:
            ValueError: there are none, or not finite ones.
        """
        numbers = to_array(values).astype(np.float64).reshape(-1)
        if not numbers.size or not np.isfinite(numbers).all():
            raise ValueError(f"histogram {tag!r}: needs at least one number, and all of them finite")
        counts, _ = np.histogram(numbers, np.concatenate([[-np.finfo(np.float64).max], _EDGES]))
        used = np.flatnonzero(counts)
        shown = slice(max(used[0] - 1, 0), used[-1] + 1)
        with np.errstate(over="ignore"):
            moments = [numbers.min(), numbers.max(), numbers.size, numbers.sum(), (numbers * numbers).sum()]
        message = b"".join(_double(i + 1, float(value)) for i, value in enumerate(moments))
        message += _bytes(6, _EDGES[shown].astype("<f8").tobytes())
        message += _bytes(7, counts[shown].astype("<f8").tobytes())
        self._value(_text(1, tag) + _bytes(5, message), global_step, walltime)

    def add_image(
        self,
        tag: str,
        img_tensor: Any,
        global_step: Step = None,
        walltime: float | None = None,
        dataformats: str = "CHW",
    ) -> None:
        """An image: uint8, or numbers from 0 to 1; dataformats CHW, HWC or HW.

        Raises:
            ValueError: another shape or another order.
        """
        from PIL import Image

        array = to_array(img_tensor)
        if sorted(dataformats) not in (["C", "H", "W"], ["H", "W"]) or array.ndim != len(dataformats):
            raise ValueError(f"image {tag!r} has shape {array.shape}, which is no {dataformats}: CHW, HWC or HW")
        if array.dtype != np.uint8:
            array = np.clip(array.astype(np.float64) * 255 + 0.5, 0, 255).astype(np.uint8)
        if array.ndim == 3:
            array = np.moveaxis(array, dataformats.index("C"), -1)
            array = array[..., 0] if array.shape[-1] == 1 else array
        channels = array.shape[-1] if array.ndim == 3 else 1
        if channels not in (1, 3, 4):
            raise ValueError(f"image {tag!r} has {channels} channels; it must have 1, 3 or 4")
        file = io.BytesIO()
        Image.fromarray(array).save(file, "PNG")
        sizes = b"".join(_integer(i + 1, size) for i, size in enumerate((*array.shape[:2], channels)))
        self._value(_text(1, tag) + _bytes(4, sizes + _bytes(4, file.getvalue())), global_step, walltime)

    def add_text(self, tag: str, text_string: str, global_step: Step = None, walltime: float | None = None) -> None:
        """A text, shown as Markdown."""
        strings = 7  # DataType.DT_STRING
        one = _bytes(2, _bytes(2, _integer(1, 1)))  # a shape of one dimension of size 1
        tensor = _integer(1, strings) + one + _text(8, text_string)
        metadata = _bytes(1, _text(1, "text"))  # the plug-in that shows it
        self._value(_text(1, f"{tag}/text_summary") + _bytes(9, metadata) + _bytes(8, tensor), global_step, walltime)

    def get_logdir(self) -> str:
        """The folder of the file."""
        return self.log_dir

    def flush(self) -> None:
        """Makes what was added visible to readers."""
        if self._file is not None:
            self._file.flush()

    def close(self) -> None:
        """Ends the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def __enter__(self) -> SummaryWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _value(self, value: bytes, step: Step, walltime: float | None) -> None:
        moment = time.time() if walltime is None else walltime
        self._record(_double(1, moment) + _integer(2, int(step or 0)) + _bytes(5, _bytes(1, value)))

    def _record(self, data: bytes) -> None:
        if self._file is None:
            raise ValueError(f"the writer of {self.log_dir} is closed")
        length = struct.pack("<Q", len(data))
        self._file.write(length + _checksum(length) + data + _checksum(data))


def _number(tag: str, value: Any) -> float:
    array = to_array(value)
    if array.size != 1 or array.dtype.kind not in "fiub":
        raise ValueError(f"scalar {tag!r} must be one number, got {array.dtype} of shape {array.shape}")
    return float(array.reshape(()))


# -- protobuf's wire format: a key (field number, kind), then the value ----------------------------------------------


def _varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _integer(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _double(field: int, value: float) -> bytes:
    return _varint(field << 3 | 1) + struct.pack("<d", value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _text(field: int, value: str) -> bytes:
    return _bytes(field, value.encode("utf-8", "replace"))


def _float(field: int, value: float) -> bytes:
    return _varint(field << 3 | 5) + np.float32(value).tobytes()


# -- CRC-32C (Castagnoli), masked as in TensorFlow's record files ----------------------------------------------------


def _crc_table() -> list[int]:
    polynomial = 0x82F63B78  # reflected
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (polynomial if value & 1 else 0)
        table.append(value)
    return table


_TABLE = _crc_table()


def _checksum(data: bytes) -> bytes:
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    crc ^= 0xFFFFFFFF
    masked = (crc >> 15 | crc << 17 & 0xFFFFFFFF) + 0xA282EAD8 & 0xFFFFFFFF
    return struct.pack("<I", masked)
