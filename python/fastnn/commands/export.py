"""``fastnn export MODEL FILE``: a saved network as C source, as an ONNX model, or in the other format of weights."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from fastnn.commands import cli
from fastnn.commands.signals import Signals
from fastnn.io.checks import shown_bytes, shown_path

if TYPE_CHECKING:
    from fastnn.c_source import Pixels
    from fastnn.eager.tensor import Tensor
    from fastnn.nn.module import Module
    from fastnn.training.model_info import ModelInfo
    from fastnn.training.network import Network

Shape = tuple[int, ...]


def make_parser() -> cli.Parser:
    parser = cli.Parser(
        prog="fastnn export",
        description="Write a saved network for other programs: as one C99 file without dependencies, as an ONNX model, "
        "or in the other format of weights."
        "\n把保存的网络写成其他程序可用的文件: 一个无依赖的 C99 文件, ONNX 模型, 或另一种权重格式。",
    )
    add = parser.add_argument
    add(
        "model",
        metavar="MODEL",
        help="a .pth or .safetensors file, also one of fastnn.keras\n"
        "模型文件 (.pth 或 .safetensors), 也可以是 fastnn.keras 的",
    )
    add(
        "target",
        metavar="FILE",
        help="its ending says what is written: .c, .onnx, .safetensors or .pth\n"
        "扩展名决定写成什么: .c, .onnx, .safetensors 或 .pth",
    )
    cli.add_named(add)
    add(
        "--name",
        metavar="NAME",
        help="of the function in C: void NAME(const float *x, float *y) (predict)\n"
        "C 函数的名字: void NAME(const float *x, float *y) (默认 predict)",
    )
    return parser


def export(args: argparse.Namespace, signals: Signals) -> int:
    """Runs the command."""
    from fastnn.commands.results import check_writable
    from fastnn.training.console import Console

    write = _writer(args)
    check_writable(args.target)
    if os.path.realpath(args.target) == os.path.realpath(args.model):
        raise ValueError(f"{shown_path(args.target)} is the model itself: choose another name")
    write(args)
    Console().line(f"{shown_path(args.target)}: {shown_bytes(os.path.getsize(args.target))}")
    return 0


def _writer(args: argparse.Namespace) -> Callable[[argparse.Namespace], None]:
    """What writes a file of this ending.

    Raises:
        ValueError: nothing does, or an option is of another ending.
    """
    ending = os.path.splitext(args.target)[1].lower()
    if ending not in _WRITERS:
        raise ValueError(
            f"{shown_path(args.target)} must end in one of {', '.join(_WRITERS)}: that says what is written"
        )
    if args.name is not None and ending != ".c":
        raise ValueError(f"--name is of a function in C, and {shown_path(args.target)} is none")
    if ending in (".pth", ".safetensors") and (args.named or args.input_shape):
        raise ValueError("--model and --input-shape are for .c and .onnx: a file of weights gets those that are there")
    return _WRITERS[ending]


def _to_weights(args: argparse.Namespace) -> None:
    from fastnn.training.model_files import convert

    convert(args.model, args.target)


def _to_c(args: argparse.Namespace) -> None:
    from fastnn import c_source

    model, shape, pixels = _opened(args)
    c_source.export(model, _example(shape), args.target, args.name or "predict", pixels)


def _to_onnx(args: argparse.Namespace) -> None:
    from fastnn import onnx

    model, shape, _ = _opened(args)
    onnx.export(model, _example(shape), args.target)


_WRITERS = {".c": _to_c, ".onnx": _to_onnx, ".safetensors": _to_weights, ".pth": _to_weights}


def _example(shape: Shape) -> Tensor:
    import numpy as np

    from fastnn.eager.tensor import Tensor

    return Tensor(np.zeros((1, *shape), np.float32))


def _opened(args: argparse.Namespace) -> tuple[Module, Shape, Pixels | None]:
    """The network, the shape of one input, and how that is made of pixels, where the file tells.

    Raises:
        ValueError: nothing tells the shape.
    """
    from fastnn import io
    from fastnn.commands.networks import load
    from fastnn.commands.testing import say_assumed
    from fastnn.training.console import Console

    if io.sniff(args.model) == "safetensors" and "fastnn.keras" in io.load_safetensors(args.model)[1]:
        from fastnn.keras.models import load_model

        keras = load_model(args.model, compile=False)
        return keras.net, args.input_shape or tuple(keras.input_shape[1:]), None
    given = args.input_shape
    network, info = load(args.model, args.named, given)
    say_assumed(args.model, list(info.assumptions()), Console())
    if network.sizes:
        return network, network.sizes[:1], _pixels(network, info)
    if not (given or info.input_shape):
        raise ValueError(f"{shown_path(args.model)} does not tell the shape of its inputs: add --input-shape CxHxW")
    return network, given or info.input_shape, _pixels(network, info)


def _pixels(network: Network, info: ModelInfo) -> Pixels | None:
    """How a network's images are prepared, where its file says so."""
    from fastnn.c_source import Pixels
    from fastnn.training.preparation import spec_of

    low, high = info.input_range or (0.0, 1.0)
    if not info.input_shape or info.version == 0 or (info.mean is None and (low < 0 or high > 1)):
        return None
    try:
        spec = spec_of(network, info)
    except ValueError:  # no images
        return None
    return Pixels(spec.shape, info.mean, info.std, spec.classes, list(_notes(info)))


def _notes(info: ModelInfo) -> Iterator[str]:
    """What the images of a training were like."""
    prepared = {
        "mnist": "the strokes light, scaled into a box of 20 x 20, their centre of mass in the middle",
        "scaled": "scaled to this size",
        "cropped": "the shorter side scaled to this size, of the longer one the middle",
    }
    if info.preparation:
        yield f"Images of the training: {prepared[info.preparation]}."
    if info.ground:
        yield f"They were on a {info.ground} ground."


def main(argv: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    return cli.run("fastnn export", export, make_parser(), argv)
