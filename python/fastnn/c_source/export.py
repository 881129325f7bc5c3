"""A model as a C file."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np

from fastnn import _core
from fastnn.c_source import tables
from fastnn.c_source.blame import culprit
from fastnn.c_source.kernels import needed
from fastnn.c_source.listing import Listing, listed
from fastnn.c_source.ops import IN_PLACE, OPS
from fastnn.c_source.source import INPUT, OUTPUT, Source
from fastnn.eager.tensor import Tensor
from fastnn.engine.program import MISSING
from fastnn.engine.recording import RecordingError
from fastnn.io.atomic import write_atomic
from fastnn.io.checks import shown_bytes
from fastnn.nn.module import Module
from fastnn.platform import in_c_library

# What no function can be called: reserved names, macros of the headers, names that the file has, words of C and C++.
_TAKEN = (
    r"_\w*|nn_\w*|\w+_(t|eq|cast)|(L?DBL|FLT|DEC|FP|M|U?INT\w*|SIZE|PTRDIFF|WCHAR|WINT|SIG|MATH|HUGE)_\w*|DECIMAL_DIG|"
    r"INFINITY|NAN|NULL|fpclassify|signbit|is(finite|inf|nan|normal|unordered|(less|greater)\w*)|linux|unix|"
    "main|mean|memory|pixels|std|x|y|align(as|of)|and|asm|auto|bit(and|or)|bool|break|case|catch|char|class|co_.*|compl|"
    "concept|const(eval|expr|init)?|continue|decltype|default|delete|do|double|else|enum|explicit|export|extern|false|"
    "float|for|friend|goto|if|inline|int|long|mutable|namespace|new|noexcept|not|nullptr|operator|x?or|private|"
    "protected|public|register|requires|restrict|return|short|(un)?signed|sizeof|static(_assert)?|struct|switch|"
    "template|this|thread_local|throw|true|try|type(def|id|name|of.*)|union|using|virtual|void|volatile|while"
)


@dataclass(frozen=True)
class Pixels:
    """How pixels become a network's input: images (C, H, W) of numbers / 255, then (x - mean) / std of each channel.

    classes: the names of its outputs. notes: lines on what the images are like, for the head of the file.
    """

    shape: tuple[int, int, int]
    mean: Sequence[float] | None = None
    std: Sequence[float] | None = None
    classes: Sequence[str] = ()
    notes: Sequence[str] = field(default_factory=tuple)


def export(
    model: Module, example: Any, path: str | os.PathLike[str], name: str = "predict", pixels: Pixels | None = None
) -> None:
    """Writes a model as one C99 file with ``void predict(const float *x, float *y)``, atomically.

    Dropout and batch norm are as in evaluation. The file needs no library; compiled without ``-ffast-math`` and with
    ``-ffp-contract=off`` it gives the model's bits.

    Args:
        model: of float32.
        example: an input of one sample, (1, ...); its numbers do not matter.
        path: of the file.
        name: of the function.
        pixels: also a function of uint8 pixels, ``predict_pixels``, and ``predict_classes``, the names of the outputs.

    Raises:
        ValueError: a name that is none in C, a batch, or a network that cannot be written so, saying what of it.
        OSError: the file could not be written; an old one is unchanged.
    """
    write_atomic(path, [text(model, example, name, pixels).encode()])


def text(model: Module, example: Any, name: str = "predict", pixels: Pixels | None = None) -> str:
    """What :func:`export` writes."""
    if not re.fullmatch(rf"(?!({_TAKEN})$)[A-Za-z]\w*", name, re.ASCII) or in_c_library(name):
        raise ValueError(
            f"{name!r} cannot be the name of a function in C: take letters, digits and _, no word of C or C++, "
            "no name of the file or the C library"
        )
    x = example._data if isinstance(example, Tensor) else np.asarray(example)
    if x.dtype != np.float32 or x.ndim == 0 or len(x) != 1:
        raise ValueError(f"the example must be one sample of float32, (1, ...), got {x.dtype} of shape {x.shape}")
    if pixels is not None and prod(pixels.shape) != x.size:
        raise ValueError(f"images of {pixels.shape} are not the example's {x.size} numbers")
    try:
        source = _source(listed(model, x))
    except RecordingError as error:
        what = re.split(r", so this| on a tensor while|\. Such|: call", str(error))[0]
        raise ValueError(f"this network cannot be written as C: {culprit(model, x, OPS)}{what}") from error
    return "\n\n".join(_file(source, name, x.shape, pixels)) + "\n"


def _source(listing: Listing) -> Source:
    """The lines of all ops.

    Raises:
        RecordingError: one has no C form.
    """
    source, read = Source(listing, IN_PLACE), {view for op in listing.program.ops for view in op.inputs}
    for op in listing.program.ops:
        if op.name == "view":
            continue
        if op.name not in OPS:
            raise RecordingError(f"there is no C form of {op.name}{_WHY.get(op.name, '')}")
        views = [source.views[i] for i in (*op.inputs, *op.outputs) if i != MISSING and not listing.is_known(i)]
        other = {view.dtype for view in views} - {"float32"}
        if op.name == "max" and op.outputs[1] not in read and source.program.output != op.outputs[1]:
            other -= {"int64"}
        if other:
            raise RecordingError(f"{op.name} is of {', '.join(sorted(other))}, C has networks of float32")
        source.lines.append(f"    // {op.name}: {source.views[op.outputs[0]].shape}")
        try:
            OPS[op.name](source, op)
        except ValueError as error:
            raise RecordingError(f"{op.name}: {error}") from None
    return source


_WHY = {
    "batch_norm": " without running values: each batch is normalised by its own",
    "dropout": ": it draws numbers in evaluation",
}

_HEAD = """\
#include <float.h>
#include <math.h>
#include <stdint.h>

#if defined(__FAST_MATH__) || (defined(FLT_EVAL_METHOD) && FLT_EVAL_METHOD != 0 && FLT_EVAL_METHOD != 16)
#error "compile without -ffast-math, on 32-bit x86 with -msse2 -mfpmath=sse"
#endif
#if defined(__clang__) || !defined(__GNUC__)
#pragma STDC FP_CONTRACT OFF
#endif"""


def _file(source: Source, name: str, shape: tuple[int, ...], pixels: Pixels | None) -> Iterator[str]:
    """The parts of the file, which empty lines stand between."""
    body = _body(source, name)
    yield _comment(source, name, shape, pixels)
    yield _HEAD
    yield from needed(body)
    yield from source.tables
    if source.places.size:
        yield f"static float memory[{source.places.size}];"
    yield body
    if pixels is not None:
        yield from _of_pixels(name, pixels)


def _body(source: Source, name: str) -> str:
    lines = [f"void {name}(const float *x, float *y) {{", *source.lines]
    place, first = source.base(source.views[source.program.output])
    if not any(re.search(r"\bx\b", line) for line in lines[1:]) and place != INPUT:
        lines.append("    (void)x;")
    if place != OUTPUT:
        lines.append(f"    for (int i = 0; i < {_outputs(source)}; ++i) y[i] = {place}[{first} + i];")
    return "\n".join([*lines, "}"])


def _outputs(source: Source) -> int:
    return prod(source.program.output_shape)


def _comment(source: Source, name: str, shape: tuple[int, ...], pixels: Pixels | None) -> str:
    """What is to be known of the file before it is used."""
    weights, between = (
        f"{count:,} numbers ({shown_bytes(4 * count)})" for count in (source.numbers, source.places.size)
    )
    lines = [
        f"A network, as fastnn {_core.__version__} wrote it: C99, no library needed.",
        "",
        f"void {name}(const float *x, float *y)",
        f"    x: {prod(shape):,} numbers, {shape[1:]}; y: {_outputs(source):,} numbers.",
    ]
    if pixels is not None:
        channels, height, width = pixels.shape
        kind = {1: "grey", 3: "red, green and blue side by side"}.get(channels, f"{channels} channels side by side")
        lines += [
            f"void {name}_pixels(const uint8_t *pixels, float *y)",
            f"    pixels: {height} rows of {width}, {kind}, from 0 to 255; they are divided by 255"
            + ("." if pixels.mean is None else f", then (x - {list(pixels.mean)}) / {list(pixels.std or ())}."),
            *(f"    {note}" for note in pixels.notes),
        ]
        if pixels.classes:
            lines.append(f"const char *const {name}_classes[{len(pixels.classes)}]: what the outputs stand for.")
    lines += [
        "",
        f"Memory: weights, constant: {weights}; between the layers, static: {between}.",
        "One thread at a time calls it, and y is memory of its own.",
        "",
        "cc -std=c99 -O2 -ffp-contract=off -c (-O3 -march=native: the same bits, some ten times as fast)",
    ]
    return "\n".join(["/*", *(f" * {tables.comment(line)}".rstrip() for line in lines), " */"])


def _of_pixels(name: str, pixels: Pixels) -> Iterator[str]:
    """The function from pixels, and the names of the classes."""
    channels, height, width = pixels.shape
    size, value = height * width, "(float)pixels[i * CHANNELS + c] / 255.0f".replace("CHANNELS", str(channels))
    lines = [f"void {name}_pixels(const uint8_t *pixels, float *y) {{", f"    static float x[{channels * size}];"]
    if pixels.mean is not None and pixels.std is not None:
        for what, values in (("mean", pixels.mean), ("std", pixels.std)):
            lines.append(f"    static const float {what}[{channels}] = {{{', '.join(map(tables.number, values))}}};")
        value = f"({value} - mean[c]) / std[c]"
    lines += [
        f"    for (int c = 0; c < {channels}; ++c) {{",
        f"        for (int i = 0; i < {size}; ++i) x[c * {size} + i] = {value};",
        "    }",
        f"    {name}(x, y);",
        "}",
    ]
    yield "\n".join(lines)
    if pixels.classes:
        names = ", ".join(map(tables.string, pixels.classes))
        of_classes = f"const char *const {name}_classes[{len(pixels.classes)}]"
        yield f"extern {of_classes};\n{of_classes} = {{{names}}};"  # in C++ other files would not see it otherwise
