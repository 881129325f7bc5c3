"""An op as C: a function each, by the op's name in :func:`fastnn._core.instruction_facts`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import prod
from typing import Any

import numpy as np

from fastnn.c_source.source import Source
from fastnn.c_source.tables import number
from fastnn.engine.program import MISSING, Op

Emit = Callable[[Source, Op], None]

# Elements, in C; {name}: an attribute.
_ELEMENTWISE = {
    "add": "%s + %s",
    "subtract": "%s - %s",
    "multiply": "%s * %s",
    "divide": "%s / %s",
    "copy": "%s",
    "exp": "nn_exp(%s)",
    "log": "nn_log(%s)",
    "relu": "nn_relu(%s)",
    "sigmoid": "nn_sigmoid(%s)",
    "tanh": "nn_tanh(%s)",
    "silu": "nn_silu(%s)",
    "gelu": "nn_gelu(%s)",
    "gelu_tanh": "nn_gelu_tanh(%s)",
    "softplus": "nn_softplus(%s)",
    "elu": "nn_elu(%s, {alpha})",
    "leaky_relu": "nn_leaky_relu(%s, {negative_slope})",
    "clamp": "nn_clamp(%s, {low}, {high})",
}


def _elementwise(template: str, source: Source, op: Op) -> None:
    source.elementwise(op, template.format_map({name: number(value) for name, value in op.attributes.items()}))


def _assign(source: Source, op: Op) -> None:
    source.elementwise(op._replace(inputs=op.inputs[1:]), "%s")


def _power(source: Source, op: Op) -> None:
    exponent = op.attributes["exponent"]
    if exponent == int(exponent) and abs(exponent) <= 64:
        source.elementwise(op, f"nn_whole_power(%s, {int(exponent)})")
    else:
        source.elementwise(op, "sqrtf(%s)" if exponent == 0.5 else f"nn_power(%s, {exponent.hex()})")


def _dense(source: Source, op: Op) -> None:
    x, weight, bias = op.inputs
    (rows, inputs), (row, column) = source.views[x].shape, source.views[x].strides
    outputs = source.views[weight].shape[0]
    sizes = f"{rows}, {outputs}, {inputs}, {source.pointer(x)}, {row}, {column}"
    table = f"{source.weight(weight, (1, 0))}, {outputs}, 1, {source.pointer(bias)}"
    source.say(f"nn_product({sizes}, {table}, {int(op.attributes['relu'])}, {source.row(op.outputs[0])});")


def _matmul(source: Source, op: Op) -> None:
    a, b, y = (source.views[each] for each in (*op.inputs, *op.outputs))
    (m, k), n = a.shape[-2:], b.shape[-1]
    source.row(op.outputs[0])
    for place in np.ndindex(*y.shape[:-2]):
        pointers = []
        for view in (a, b, y):
            own = zip(place[len(place) - len(view.shape) + 2 :], view.shape, view.strides, strict=False)
            name, first = source.base(view)
            pointers.append(f"{name} + {first + sum(at * step for at, extent, step in own if extent != 1)}")
        (a_row, a_column), (b_row, b_column) = a.strides[-2:], b.strides[-2:]
        left, right = f"{pointers[0]}, {a_row}, {a_column}", f"{pointers[1]}, {b_row}, {b_column}"
        source.say(f"nn_product({m}, {n}, {k}, {left}, {right}, 0, 0, {pointers[2]});")


def _rows(name: str, source: Source, op: Op) -> None:
    shape = source.views[op.inputs[0]].shape
    pointers = f"{source.row(op.inputs[0])}, {source.row(op.outputs[0])}"
    source.say(f"{name}({prod(shape[:-1])}, {shape[-1]}, {pointers});")


def _sum(source: Source, op: Op) -> None:
    sizes = ", ".join(map(str, source.views[op.inputs[0]].shape))
    scale = number(op.attributes["scale"])
    source.say(f"nn_sum_axis({sizes}, {source.row(op.inputs[0])}, {scale}, {source.row(op.outputs[0])});")


def _max(source: Source, op: Op) -> None:
    sizes = ", ".join(map(str, source.views[op.inputs[0]].shape))
    source.say(f"nn_max_axis({sizes}, {source.row(op.inputs[0])}, {source.row(op.outputs[0])});")


# -- images ----------------------------------------------------------------------------------------------------------


# The members of nn_window, in their order: C++ knows their names only since C++20.
_MEMBERS = (
    "height width channels out_height out_width outputs kernel_height kernel_width stride_y stride_x top left bottom "
    "right dilation_y dilation_x groups include_padding divisor"
)


def _window(source: Source, image: int, other: int, given: dict[str, Any]) -> str:
    """The sizes of windows on images, and of what they make of them."""
    (_, channels, height, width), (_, outputs, out_height, out_width) = (source.views[i].shape for i in (image, other))
    sizes = dict(zip(_MEMBERS.split(), (height, width, channels, out_height, out_width, outputs), strict=False))
    for name, fields in (
        ("kernel_size", ("kernel_height", "kernel_width")),
        ("stride", ("stride_y", "stride_x")),
        ("padding", ("top", "left", "bottom", "right")),
        ("dilation", ("dilation_y", "dilation_x")),
    ):
        if name in given:
            values = given[name]
            sizes |= dict(zip(fields, values * (len(fields) // len(values)), strict=True))
    sizes |= {name: given[name] for name in ("groups", "divisor") if name in given}
    sizes["include_padding"] = int(given.get("count_include_pad", False))
    return ", ".join(str(sizes.get(name, 0)) for name in _MEMBERS.split())


def _on_images(source: Source, op: Op, window: str, call: str) -> None:
    (samples, *each), (_, *made) = (source.views[i].shape for i in (op.inputs[0], op.outputs[0]))
    pointers = (source.images(op.inputs[0]), prod(each)), (source.images(op.outputs[0]), prod(made))
    source.say("{")
    source.say(f"    static const nn_window s = {{{window}}};")
    source.samples(samples, call, *pointers)
    source.say("}")


def _kernel(source: Source, weight: int) -> tuple[str, list[int]]:
    return source.weight(weight, (2, 3, 1, 0)), list(source.views[weight].shape[2:])


def _conv2d(source: Source, op: Op) -> None:
    table, size = _kernel(source, op.inputs[1])
    window = _window(source, op.inputs[0], op.outputs[0], {**op.attributes, "kernel_size": size})
    bias = source.pointer(op.inputs[2])
    _on_images(source, op, window, f"nn_conv2d(&s, %s, {table}, {bias}, {int(op.attributes['relu'])}, %s);")


def _conv2d_grad_x(source: Source, op: Op) -> None:
    table, size = _kernel(source, op.inputs[1])
    window = _window(source, op.outputs[0], op.inputs[0], {**op.attributes, "kernel_size": size})
    _on_images(source, op, window, f"nn_conv2d_grad_x(&s, %s, {table}, %s);")


def _pool(name: str, source: Source, op: Op) -> None:
    window = _window(source, op.inputs[0], op.outputs[0], op.attributes)
    _on_images(source, op, window, f"{name}(&s, %s, %s);")


def _normalise(source: Source, op: Op) -> None:
    x, *others, mean_at, variance_at = op.inputs
    weight, bias = (None if each == MISSING else source.known(each).astype(np.float64) for each in others)
    mean, variance = (source.known(each).astype(np.float64) for each in (mean_at, variance_at))
    scale = 1 / np.sqrt(variance + op.attributes["eps"])
    values = (mean, scale if weight is None else scale * weight, np.zeros(mean.shape) if bias is None else bias)
    words = [source.table(each.astype(np.float32), op.inputs, op.attributes["eps"], i) for i, each in enumerate(values)]
    samples, channels, height, width = source.views[x].shape
    pointers = source.images(x), source.images(op.outputs[0])
    sizes = f"{samples * height * width}, {channels}"
    source.say(f"nn_normalise({sizes}, {pointers[0]}, {', '.join(words)}, {pointers[1]});")


# -- places ----------------------------------------------------------------------------------------------------------


def _places(source: Source, index: int) -> str:
    places = source.known(index)
    return f"{places.size}, %s, {source.table(places, 'places', index)}"


def _take(source: Source, op: Op) -> None:
    x, index = op.inputs
    source.say(f"nn_take({_places(source, index) % source.row(x)}, {source.row(op.outputs[0])});")


def _take_backward(source: Source, op: Op) -> None:
    x, index = op.inputs
    size = prod(source.views[op.outputs[0]].shape)
    source.say(f"nn_spread({_places(source, index) % source.row(x)}, {size}, {source.row(op.outputs[0])});")


OPS: dict[str, Emit] = {
    **{name: partial(_elementwise, template) for name, template in _ELEMENTWISE.items()},
    "assign": _assign,
    "pow": _power,
    "dense_forward": _dense,
    "matmul": _matmul,
    "softmax": partial(_rows, "nn_softmax"),
    "log_softmax": partial(_rows, "nn_log_softmax"),
    "sum": _sum,
    "max": _max,
    "conv2d": _conv2d,
    "conv2d_grad_x": _conv2d_grad_x,
    "max_pool2d": partial(_pool, "nn_max_pool2d"),
    "avg_pool2d": partial(_pool, "nn_avg_pool2d"),
    "adaptive_avg_pool2d": partial(_pool, "nn_adaptive_avg_pool2d"),
    "batch_norm_inference": _normalise,
    "take": _take,
    "take_backward": _take_backward,
}

# Those that may write over what they read.
IN_PLACE = [*_ELEMENTWISE, "pow"]
