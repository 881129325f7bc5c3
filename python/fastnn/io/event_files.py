"""TensorBoard event files, written without TensorFlow, PyTorch or protobuf.

A file is a series of records (length, its checksum, data, its checksum), each an ``Event`` message in protobuf's wire
format: tensorflow/core/util/event.proto, summary.proto and lib/io/record_writer.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, BinaryIO

import numpy as np

from fastnn.io.checks import shown_path
from fastnn.io.event_messages import drawn, histogram, hparams, image, number, plugin, strings
from fastnn.io.notes import say_once
from fastnn.io.protobuf import double, integer, single, submessage, text
from fastnn.text import say

Step = int | None  # None: 0

# What says that there is no room: the run goes on without its log. Other failures to begin one are mistakes.
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EIO)


class SummaryWriter:
    """Writes scalars, histograms, images, texts, graphs and hyperparameters for ``tensorboard --logdir runs``.

    A disk that is full is said once, by the logger "fastnn"; what comes after is left out, and the program goes on.

    Args:
        log_dir: the folder, made where it is missing (None: ``runs/<date>_<host><comment>``).
        comment: ends the name of that folder.
        purge_step: TensorBoard hides what earlier files of the folder have from this step on.
        max_queue, flush_secs: accepted for PyTorch's sake; what was added is in the file after :meth:`flush`.
        filename_suffix: ends the name of the file.

    Raises:
        OSError: the folder or file cannot be made.
    """

    _made = 0

    def __init__(
        self,
        log_dir: str | os.PathLike[str] | None = None,
        comment: str = "",
        purge_step: Step = None,
        max_queue: int = 10,
        flush_secs: int = 120,
        filename_suffix: str = "",
    ) -> None:
        if log_dir is None:
            log_dir = os.path.join("runs", time.strftime("%b%d_%H-%M-%S_") + socket.gethostname() + comment)
        self.log_dir = os.fspath(log_dir)
        self._file: BinaryIO | None = None
        self._closed = False
        try:
            self._begin(filename_suffix, purge_step)
        except OSError as error:
            if error.errno not in _FULL:
                raise
            self._give_up(error)

    def _begin(self, suffix: str, purge_step: Step) -> None:
        os.makedirs(self.log_dir, exist_ok=True)
        SummaryWriter._made += 1
        name = f"events.out.tfevents.{time.time():.0f}.{socket.gethostname()}.{os.getpid()}.{SummaryWriter._made}"
        self._file = open(os.path.join(self.log_dir, name + suffix), "xb")  # noqa: SIM115  closed by close()
        self._record(double(1, time.time()) + text(3, "brain.Event:2"))
        if purge_step is not None:
            start = submessage(7, integer(1, 1))  # a SessionLog with status START
            self._record(double(1, time.time()) + integer(2, int(purge_step)) + start)

    def add_scalar(
        self,
        tag: str,
        scalar_value: Any,
        global_step: Step = None,
        walltime: float | None = None,
        new_style: bool = False,
        double_precision: bool = False,
    ) -> None:
        """One point of a curve. new_style and double_precision change nothing that TensorBoard shows."""
        self._value(text(1, tag) + single(2, number(tag, scalar_value)), global_step, walltime)

    def add_scalars(
        self,
        main_tag: str,
        tag_scalar_dict: Mapping[str, Any],
        global_step: Step = None,
        walltime: float | None = None,
    ) -> None:
        """Points of several curves, ``main_tag/name`` each."""
        for name, value in tag_scalar_dict.items():
            self.add_scalar(f"{main_tag}/{name}", value, global_step, walltime)

    def add_histogram(
        self, tag: str, values: Any, global_step: Step = None, bins: str = "tensorflow", walltime: float | None = None
    ) -> None:
        """The distribution of numbers of any shape, in TensorBoard's buckets.

        Raises:
            ValueError: there are none, or not finite ones; bins is none of PyTorch's words.
        """
        if bins not in ("tensorflow", "auto", "fd"):
            raise ValueError(f"histogram {tag!r}: bins is {bins!r}; it must be 'tensorflow', 'auto' or 'fd'")
        self._value(text(1, tag) + submessage(5, histogram(tag, values)), global_step, walltime)

    def add_image(
        self,
        tag: str,
        img_tensor: Any,
        global_step: Step = None,
        walltime: float | None = None,
        dataformats: str = "CHW",
    ) -> None:
        """An image: uint8, or numbers from 0 to 1; dataformats CHW, HWC or HW, with N for several.

        Raises:
            ValueError: another shape or another order.
        """
        self._value(text(1, tag) + submessage(4, image(tag, img_tensor, dataformats)), global_step, walltime)

    def add_images(
        self,
        tag: str,
        img_tensor: Any,
        global_step: Step = None,
        walltime: float | None = None,
        dataformats: str = "NCHW",
    ) -> None:
        """Several images as one, eight a row; as :meth:`add_image`."""
        self.add_image(tag, img_tensor, global_step, walltime, dataformats)

    def add_figure(
        self, tag: str, figure: Any, global_step: Step = None, close: bool = True, walltime: float | None = None
    ) -> None:
        """A figure of matplotlib, or several of one size, as an image. close: it is not needed any more."""
        figures = figure if isinstance(figure, list | tuple) else [figure]
        self.add_image(tag, np.stack([drawn(each) for each in figures]), global_step, walltime, "NHWC")
        pyplot = sys.modules.get("matplotlib.pyplot")  # only where it is loaded does it hold figures
        if close and pyplot is not None:
            for each in figures:
                pyplot.close(each)

    def add_text(self, tag: str, text_string: str, global_step: Step = None, walltime: float | None = None) -> None:
        """A text, shown as Markdown."""
        metadata = submessage(9, plugin("text"))
        self._value(
            text(1, f"{tag}/text_summary") + metadata + submessage(8, strings(text_string)), global_step, walltime
        )

    def add_hparams(
        self,
        hparam_dict: Mapping[str, Any],
        metric_dict: Mapping[str, Any],
        hparam_domain_discrete: Mapping[str, Sequence[Any]] | None = None,
        run_name: str | None = None,
        global_step: Step = None,
    ) -> None:
        """The settings of a run (numbers, bools, texts) and the numbers that came of it, in a folder of their own.

        Args:
            hparam_dict: the settings.
            metric_dict: the numbers, each also a scalar.
            hparam_domain_discrete: all values that a setting can have.
            run_name: of the folder in this one; None for the time.
            global_step: of the scalars.

        Raises:
            TypeError: no dicts. ValueError: a setting or a number is something else.
        """
        for given in (hparam_dict, metric_dict):
            if not isinstance(given, Mapping):
                raise TypeError(f"hparam_dict and metric_dict should be dictionaries, got {type(given).__name__}")
        told = hparams(hparam_dict, list(metric_dict), hparam_domain_discrete)
        scalars = {name: number(name, value) for name, value in metric_dict.items()}
        with SummaryWriter(os.path.join(self.log_dir, run_name or str(time.time()))) as writer:
            for tag, content in told.items():
                writer._value(text(1, tag) + submessage(9, plugin("hparams", content)), None, None)
            for name, value in scalars.items():
                writer.add_scalar(name, value, global_step)

    def add_graph(
        self, model: Any, input_to_model: Any = None, verbose: bool = False, use_strict_trace: bool = True
    ) -> None:
        """The operations of a model on an input (a Tensor, or several), as a graph; verbose prints it.

        The model is run once, as it evaluates.

        Raises:
            ValueError: no input; or nothing on the tape, as under no_grad or without parameters.
        """
        from fastnn.io.event_graph import graph_of

        if input_to_model is None:
            raise ValueError("add_graph: input_to_model is missing; give a batch as the model takes it")
        nodes = graph_of(model, input_to_model)
        if verbose:
            say("".join(f"{node}\n" for node in nodes), sys.stdout)
        graph = b"".join(submessage(1, node.message()) for node in nodes)
        self._record(double(1, time.time()) + submessage(4, graph))

    def get_logdir(self) -> str:
        """The folder of the file."""
        return self.log_dir

    def flush(self) -> None:
        """Makes what was added visible to readers."""
        if self._file is not None:
            self._guarded(self._file.flush)

    def close(self) -> None:
        """Ends the file."""
        self._closed = True
        if self._file is not None:
            self._guarded(self._file.close)
            self._file = None

    def __enter__(self) -> SummaryWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _value(self, value: bytes, step: Step, walltime: float | None) -> None:
        moment = time.time() if walltime is None else walltime
        self._record(double(1, moment) + integer(2, int(step or 0)) + submessage(5, submessage(1, value)))

    def _record(self, data: bytes) -> None:
        if self._closed:
            raise ValueError(f"the writer of {self.log_dir} is closed")
        if self._file is None:  # given up
            return
        length = struct.pack("<Q", len(data))
        record = length + _checksum(length) + data + _checksum(data)
        self._guarded(lambda: self._file.write(record))

    def _guarded(self, write: Callable[[], object]) -> None:
        try:
            write()
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        """After a part of a record nothing more can follow."""
        if self._file is not None:
            with suppress(OSError):
                self._file.close()
            self._file = None
        where, reason = shown_path(self.log_dir), error.strerror or error
        say_once(("events", self.log_dir), f"{where}: {reason}; the TensorBoard log ends here, the run goes on")


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
