"""Messages of TensorBoard's event files (:mod:`fastnn.io.protobuf`).

tensorflow/core/framework/summary.proto and graph.proto; tensorboard/plugins/hparams/plugin_data.proto and api.proto.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fastnn.arrays import to_array
from fastnn.io.protobuf import double, integer, submessage, text

_POSITIVE = 1e-12 * 1.1 ** np.arange(775)  # TensorBoard's default buckets: up to 1e20, each a tenth wider
_EDGES = np.concatenate([-_POSITIVE[::-1], [0.0], _POSITIVE, [np.finfo(np.float64).max]])


# -- values of a summary ---------------------------------------------------------------------------------------------


def number(tag: str, value: Any) -> float:
    """The one number of a scalar.

    Raises:
        ValueError: it is none, or not one.
    """
    array = to_array(value)
    if array.size != 1 or array.dtype.kind not in "fiub":
        raise ValueError(f"scalar {tag!r} must be one number, got {array.dtype} of shape {array.shape}")
    return float(array.reshape(()))


def histogram(tag: str, values: Any) -> bytes:
    """A HistogramProto of numbers of any shape.

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
    message = b"".join(double(i + 1, float(value)) for i, value in enumerate(moments))
    message += submessage(6, _EDGES[shown].astype("<f8").tobytes())
    return message + submessage(7, counts[shown].astype("<f8").tobytes())


def image(tag: str, pixels: Any, order: str) -> bytes:
    """An Image of uint8, or of numbers from 0 to 1; several (N) side by side, eight a row.

    Raises:
        ValueError: another shape or another order than CHW, HWC, HW or one of these with N.
    """
    from PIL import Image

    array, letters = to_array(pixels), order.upper()
    if "".join(sorted(letters)) not in ("CHW", "HW", "CHNW", "HNW") or array.ndim != len(letters):
        allowed = "CHW, HWC, HW, NCHW, NHWC or NHW"
        raise ValueError(f"image {tag!r} has shape {array.shape}, which is no {order}: dataformats is {allowed}")
    if array.dtype != np.uint8:
        array = np.clip(array.astype(np.float64) * 255 + 0.5, 0, 255).astype(np.uint8)
    for letter in "NC":
        if letter not in letters:
            array, letters = array[..., None], letters + letter
    array = _side_by_side(array.transpose([letters.index(letter) for letter in "NHWC"]))
    channels = array.shape[-1]
    if channels not in (1, 3, 4):
        raise ValueError(f"image {tag!r} has {channels} channels; it must have 1, 3 or 4")
    file = io.BytesIO()
    Image.fromarray(array[..., 0] if channels == 1 else array).save(file, "PNG")
    sizes = b"".join(integer(i + 1, size) for i, size in enumerate(array.shape))
    return sizes + submessage(4, file.getvalue())


def drawn(figure: Any) -> np.ndarray:
    """uint8 (H, W, 4): what a figure of matplotlib shows."""
    from PIL import Image

    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=figure.dpi)
    return np.asarray(Image.open(file).convert("RGBA"))


def _side_by_side(images: np.ndarray) -> np.ndarray:
    """(H, W, C) of (N, H, W, C): eight a row, black where there are no more."""
    count, height, width, channels = images.shape
    columns = min(count, 8)
    rows = -(-count // max(columns, 1))
    grid = np.zeros((rows * columns, height, width, channels), np.uint8)
    grid[:count] = images
    grid = grid.reshape(rows, columns, height, width, channels).swapaxes(1, 2)
    return np.ascontiguousarray(grid.reshape(rows * height, columns * width, channels))


def strings(words: str) -> bytes:
    """A TensorProto of one string."""
    kind = 7  # DataType.DT_STRING
    one = submessage(2, submessage(2, integer(1, 1)))  # a shape of one dimension of size 1
    return integer(1, kind) + one + text(8, words)


def plugin(name: str, content: bytes = b"") -> bytes:
    """A SummaryMetadata: the plug-in that shows a value, and what it is told."""
    return submessage(1, text(1, name) + (submessage(2, content) if content else b""))


# -- hyperparameters: three values that TensorBoard reads together ---------------------------------------------------


def hparams(
    values: Mapping[str, Any], metrics: Sequence[str], domains: Mapping[str, Sequence[Any]] | None
) -> dict[str, bytes]:
    """The three HParamsPluginData of a run, by the tag of each.

    Raises:
        ValueError: a value is no number, bool or text; a domain of a name that there is not.
    """
    unknown = set(domains or {}) - set(values)
    if unknown:
        raise ValueError(f"hparam_domain_discrete names {sorted(unknown)}, hparam_dict has {sorted(values)}")
    infos = [_hparam_info(name, value, (domains or {}).get(name)) for name, value in values.items()]
    named = [submessage(5, submessage(1, text(2, name))) for name in metrics]
    started = [submessage(1, text(1, name) + submessage(2, _value(name, value))) for name, value in values.items()]
    succeeded = integer(1, 1)
    return {
        "_hparams_/experiment": submessage(2, b"".join(submessage(4, info) for info in infos) + b"".join(named)),
        "_hparams_/session_start_info": submessage(3, b"".join(started)),
        "_hparams_/session_end_info": submessage(4, succeeded),
    }


def _hparam_info(name: str, value: Any, domain: Sequence[Any] | None) -> bytes:
    value = _plain(name, value)
    kind = 1 if isinstance(value, str) else 2 if isinstance(value, bool) else 3  # DataType: string, bool, float64
    listed = b"".join(submessage(1, _value(name, each)) for each in domain or ())
    return text(1, name) + integer(4, kind) + (submessage(5, listed) if domain is not None else b"")


def _value(name: str, value: Any) -> bytes:
    """A google.protobuf.Value."""
    value = _plain(name, value)
    if isinstance(value, str):
        return text(3, value)
    return integer(4, int(value)) if isinstance(value, bool) else double(2, value)


def _plain(name: str, value: Any) -> str | bool | float:
    if isinstance(value, str):
        return value
    array = to_array(value)
    if array.size != 1 or array.dtype.kind not in "fiub":
        raise ValueError(f"hyperparameter {name!r} must be a number, a bool or a text, got {type(value).__name__}")
    only = array.reshape(())[()]
    return bool(only) if array.dtype.kind == "b" else float(only)
