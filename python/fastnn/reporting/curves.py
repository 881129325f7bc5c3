"""The curves of a training run: read from its files, drawn as SVG."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.chinese import either
from fastnn.errors import FormatError
from fastnn.html import notebook
from fastnn.html.markup import Html, tag
from fastnn.io import load_state, read_regular
from fastnn.io.checks import parse_json, shown_path

if TYPE_CHECKING:
    from fastnn.training.network import Network

Metrics = Mapping[str, Sequence[float]]

_WIDTH, _HEIGHT = 480, 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 12, 12, 36  # margins for the axes
_MOST_DOTS = 40  # epochs with a dot each
_LARGEST = 1e100  # of a value that can be drawn: differences must not overflow


@dataclass(frozen=True)
class History:
    """Metrics by name, a value an epoch, and remarks for the reader: where they come from, or why there are none."""

    metrics: Metrics = field(default_factory=dict)
    remark: str = ""


def history_for(model_path: str, model: Network, path: str | None) -> History:
    """The history in a file, or in the training state beside the model if that can be read.

    Raises:
        FormatError: the file that was asked for is damaged, or has no history in it.
        OSError: it cannot be read.
    """
    if path is not None:
        return _read(path, model)
    beside = f"{model_path}.state"
    if not os.path.exists(beside):
        text = "There is no training state {} beside the model. --history names one elsewhere, or the --json of a run."
        other = "模型旁边没有训练状态 {}。请用 --history 指定它, 或训练的 --json 文件。"
        return History(remark=either(text, other).format(shown_path(beside)))
    try:
        return _read(beside, model, only_its_own=True)
    except (FormatError, OSError) as error:
        unread = either("The training state beside the model cannot be read", "无法读取模型旁边的训练状态")
        return History(remark=f"{unread}: {error}.")


def _read(path: str, model: Network, only_its_own: bool = False) -> History:
    """only_its_own: no curves of a state of another network."""
    remark = either("From {}.", "来自 {}。").format(shown_path(path))
    if bytes(read_regular(path, 1)) == b"{":
        content = parse_json(bytes(read_regular(path)).decode("utf-8", "replace"), shown_path(path))
        if "train_loss" in content:  # what `fastnn train --json` writes
            content = content.get("history", {"loss": content["train_loss"]})
        return History(_checked(content, path), remark)
    tensors, record = load_state(path)
    shapes = [array.shape for name, array in tensors.items() if name.startswith("model.")]
    if only_its_own and shapes != [tuple(tensor.shape) for tensor in model.state_dict().values()]:
        return History(remark=either("{} is of another network.", "{} 是另一个网络的。").format(shown_path(path)))
    if not _same_parameters(tensors, model):
        remark += either(
            " Its parameters are not this model's: the curves may be of another run, or of a later moment of it.",
            "其中的参数不是这个模型的: 曲线可能来自另一次训练, 或之后的训练。",
        )
    return History(_checked(record.get("history"), path), remark)


def _same_parameters(tensors: Mapping[str, np.ndarray], model: Network) -> bool:
    own = [tensor._data for tensor in model.state_dict().values()]
    for kept in ("model.", "best."):  # of the last step, and of the best epoch
        saved = [array for name, array in tensors.items() if name.startswith(kept)]
        if len(own) == len(saved) and all(map(np.array_equal, own, saved)):
            return True
    return False


def _checked(metrics: Any, path: str) -> Metrics:
    """Those metrics that have epochs.

    Raises:
        FormatError: it is no mapping of names to lists of finite numbers.
    """
    sound = isinstance(metrics, Mapping) and all(
        isinstance(values, list) and all(map(_is_number, values)) for values in metrics.values()
    )
    if not sound:
        raise FormatError(f"{shown_path(path)} has no history: lists of numbers by the names of metrics")
    return {name: values for name, values in metrics.items() if values}


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) <= _LARGEST  # neither is NaN


def best_epoch(metrics: Metrics) -> str:
    """Which epoch was the best: the highest val_accuracy, then the lowest val_loss; "" where nothing was validated."""
    known = [name for name in ("val_accuracy", "val_loss") if name in metrics]
    epochs = min((len(metrics[name]) for name in known), default=0)
    if not epochs:
        return ""
    ranks = [
        tuple(-metrics[name][i] if name == "val_loss" else metrics[name][i] for name in known) for i in range(epochs)
    ]
    best = ranks.index(max(ranks))
    values = ", ".join(f"{name} {metrics[name][best]:.4g}" for name in known)
    return either(
        f"The best epoch of {epochs}, by the validation: {best + 1} ({values}).",
        f"按验证结果, {epochs} 轮中最好的是第 {best + 1} 轮 ({values})。",
    )


def cell(metrics: Metrics) -> Html:
    """The charts, for a notebook's cell; values that are no numbers, or too large, are left out of them."""
    epochs = max(map(len, metrics.values()), default=0)
    last = ", ".join(f"{name} {values[-1]:.4g}" for name, values in metrics.items() if values)
    about = f"the last of {epochs:,} epochs: {last}" if epochs else "no epoch yet"
    return notebook.cell(tag("b", "History"), " ", tag("span", about, class_="soft"), tag("div", *charts(metrics)))


def charts(metrics: Metrics) -> list[Html]:
    """A chart for each metric, its validation beside its training."""
    drawn = {name: values for name, values in metrics.items() if any(map(_is_number, values))}
    names = dict.fromkeys(name.removeprefix("val_") for name in drawn)
    return [_figure(name, drawn) for name in names]


def _figure(name: str, metrics: Metrics) -> Html:
    series = {kind: metrics[key] for kind, key in (("training", name), ("validation", f"val_{name}")) if key in metrics}
    keys = [tag("span", _spoken(kind), class_=f"key {kind}") for kind in series if name != "lr"]
    title = either("learning rate", "学习率") if name == "lr" else name
    return tag("figure", tag("figcaption", tag("b", title), *keys), _chart(name, series), class_="chart")


def _spoken(kind: str) -> str:
    """The name of a series."""
    return either(kind, {"training": "训练", "validation": "验证"}[kind])


def _chart(name: str, series: Metrics) -> Html:
    """The plot: axes with their numbers, a line for each series."""
    epochs = max(map(len, series.values()))
    numbers = [value for values in series.values() for value in values if _is_number(value)]
    ys = _ticks(min(numbers), max(numbers))
    step = max(1, -(-(epochs - 1) // 8))
    xs = list(range(1, epochs + 1, step))
    x_at = _scale(1, max(epochs, 2), _LEFT, _WIDTH - _RIGHT)
    y_at = _scale(ys[0], ys[-1], _HEIGHT - _BOTTOM, _TOP)
    parts = [_level(y, y_at(y), ys) for y in ys]
    parts += [tag("text", x, x=x_at(x), y=_HEIGHT - _BOTTOM + 18, text_anchor="middle") for x in xs]
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    parts.append(tag("text", either("epoch", "轮"), x=middle, y=_HEIGHT - 3, text_anchor="middle"))
    for kind, values in series.items():
        points = [(i, x_at(i), y_at(value), value) for i, value in enumerate(values, start=1) if _is_number(value)]
        parts += _line(kind, points)
    form = either("{} from {:.4g} to {:.4g}", "{}从 {:.4g} 到 {:.4g}")
    ends = "; ".join(form.format(_spoken(kind), values[0], values[-1]) for kind, values in series.items())
    label = f"{name} {either(f'over {epochs} epoch' + 's' * (epochs > 1), f'({epochs} 轮)')}: {ends}"
    return tag("svg", *parts, viewBox=f"0 0 {_WIDTH} {_HEIGHT}", role="img", aria_label=label)


def _level(value: float, y: float, ticks: Sequence[float]) -> Html:
    """A line across and its number, with as many digits as the ticks need to differ."""
    digits = max(0, -math.floor(math.log10(ticks[1] - ticks[0]) + 1e-9))
    shown = f"{value:.{digits}f}" if digits < 8 and abs(value) < 1e7 else f"{value:.3g}"
    rule = tag("line", x1=_LEFT, x2=_WIDTH - _RIGHT, y1=y, y2=y)
    return tag("g", rule, tag("text", shown, x=_LEFT - 8, y=y + 4, text_anchor="end"))


def _line(kind: str, points: Sequence[tuple[int, float, float, float]]) -> list[Html]:
    """Of epochs, their places and their values."""
    line = tag("polyline", class_=kind, points=" ".join(f"{x},{y}" for _, x, y, _ in _thinned(points)))
    if len(points) > _MOST_DOTS:
        return [line]
    dots = [
        tag(
            "g",
            tag("title", f"{_spoken(kind)}, {either(f'epoch {i}', f'第 {i} 轮')}: {value:.4g}"),
            tag("circle", cx=x, cy=y, r=3),
            class_=kind,
        )
        for i, x, y, value in points
    ]
    return [line, *dots]


def _thinned(points: Sequence[tuple[int, float, float, float]]) -> Sequence[tuple[int, float, float, float]]:
    """Of many points the highest and the lowest of every so many: the line looks the same, a live one stays quick."""
    between = -(-2 * len(points) // _WIDTH)
    if between < 3:
        return points
    kept = []
    for start in range(0, len(points), between):
        some = points[start : start + between]
        kept += sorted({min(some, key=lambda point: point[2]), max(some, key=lambda point: point[2])})
    return kept


def _scale(low: float, high: float, start: float, end: float) -> Any:
    """The line that takes low to start and high to end, to a tenth of a pixel."""
    return lambda value: round(start + (value - low) / (high - low) * (end - start), 1)


def _ticks(low: float, high: float) -> list[float]:
    """Three to seven round numbers around all values; from zero where that leaves the curve half of the height."""
    if 0 <= low <= high / 2:
        low = 0.0
    if high - low < 1e-9 * max(abs(low), abs(high), 1e-9):  # all the same: some room around it
        room = max(abs(high) / 2, 1e-9)
        low, high = low - room, high + room
    rough = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [number * step for number in range(first, last + 1)]
