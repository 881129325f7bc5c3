"""Pictures of training and of models, drawn with matplotlib (``pip install matplotlib``).

Every function returns matplotlib's figure: ``figure.savefig("curves.png")``, or ``fastnn.plot.show()`` for a window. In
a notebook it is shown once, at the end of its cell. ``fastnn.plot.size("projector")`` makes all that follow larger.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from functools import partial
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.arrays import to_array
from fastnn.html import notebook
from fastnn.reporting.boundary import numbers_of, shares_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Fonts with Chinese glyphs, as the usual systems name them; those that are there stand in where the first has none.
_CHINESE = (
    *("Noto Sans CJK SC", "Noto Sans CJK JP", "Source Han Sans SC", "Microsoft YaHei", "PingFang SC", "SimHei"),
    *("WenQuanYi Micro Hei", "WenQuanYi Zen Hei"),
)

# Backends of notebooks that show a figure as soon as it is made, and what becomes of it later.
_LIVE = ("ipympl", "widget", "nbagg", "notebook")

_COLUMNS = 10  # of small pictures side by side
_GAINS = ("acc", "r2", "score", "auc", "precision", "recall")  # in names of metrics of which more is better

# How many times as large as usual figures are, texts and lines too: two panels of curves, 960 x 720 pixels each, fill a
# projector of 1920 x 1080.
_SIZES = {"screen": 1.0, "projector": 2.0}
_size = 1.0


def size(name: str | float) -> None:
    """From here on figures have the size for a ``"screen"`` or a ``"projector"``, or are so many times as large.

    Raises:
        ValueError: another name, or a number that is not above 0.
    """
    global _size
    if isinstance(name, str) and name not in _SIZES:
        raise ValueError(f"unknown size {name!r}. Known: {', '.join(_SIZES)}, or a number")
    factor = _SIZES[name] if isinstance(name, str) else float(name)
    if not 0 < factor < np.inf:
        raise ValueError(f"size is {name}; it must be above 0 and finite")
    _size = factor


def curves(history: Any, title: str = "") -> Figure:
    """Each metric by epoch, training and validation in one panel: where validation turns up (or down) while training
    goes on, a model overfits; its best epoch is marked.

    history: what fit returns, or a dict of metric name -> values.

    Raises:
        ValueError: there are no epochs.
    """
    values: Mapping[str, Sequence[float]] = getattr(history, "history", history)
    names = list(dict.fromkeys(name.removeprefix("val_") for name in values if len(values[name])))
    if not names:
        raise ValueError("the history is empty: no epoch was trained")
    names.sort(key=lambda name: name != "loss")
    figure, panels = _panels(1, len(names), 4.8, 3.6)
    for panel, name in zip(panels, names, strict=True):
        _curve(panel, name, values)
    figure.suptitle(title, fontfamily=_fonts())
    return figure


def images(pictures: Any, labels: Sequence[Any] | None = None, columns: int = _COLUMNS) -> Figure:
    """Pictures (N, H, W), (N, 1, H, W) or (N, 3, H, W) in rows, labels above them.

    Raises:
        ValueError: another shape, or another number of labels.
    """
    array = to_array(pictures)
    if array.ndim == 4:
        array = array[:, 0] if array.shape[1] == 1 else np.moveaxis(array, 1, -1)
    if array.ndim not in (3, 4) or not len(array) or (array.ndim == 4 and array.shape[-1] != 3):
        raise ValueError(f"pictures have shape {to_array(pictures).shape}; they must be (N, H, W) or (N, 1 or 3, H, W)")
    if labels is not None and len(labels) != len(array):
        raise ValueError(f"{len(array)} pictures but {len(labels)} labels")
    figure, panels = _grid(len(array), columns)
    for number, panel in enumerate(panels[: len(array)]):
        panel.imshow(array[number], cmap="gray" if array.ndim == 3 else None)
        panel.set_title("" if labels is None else str(labels[number]), fontsize=9)
    return figure


def weights(model: Any, shape: tuple[int, int] | None = None, labels: Sequence[Any] | None = None) -> Figure:
    """What the units of a first layer look for: each unit's weights as an image, red for a positive one, blue for a
    negative one, white for zero, on one scale. Of a model with a single layer: each class's evidence.

    model: a module with a linear layer, a Keras-style model, or weights (units, inputs). shape: (height, width) of an
    input; None: a square.

    Raises:
        ValueError: no linear layer, or inputs that are no image of that shape.
    """
    array = _first_weights(model)
    side = round(array.shape[1] ** 0.5)
    height, width = (side, side) if shape is None else shape
    if height * width != array.shape[1]:
        raise ValueError(f"a unit has {array.shape[1]} weights, which is no image of {height} x {width}: give a shape")
    largest = float(np.abs(array).max()) or 1.0
    figure, panels = _grid(len(array), _COLUMNS)
    for number, panel in enumerate(panels[: len(array)]):
        panel.imshow(array[number].reshape(height, width), cmap="RdBu_r", vmin=-largest, vmax=largest)
        panel.set_title("" if labels is None else str(labels[number]), fontsize=9)
    return figure


def confusion(actual: Any, predicted: Any, classes: Sequence[Any] | None = None) -> Figure:
    """How often each class (rows) was taken for each (columns): class numbers (N,) both, or words.

    Raises:
        ValueError: other shapes, or words that are none of the classes.
    """
    y, p = to_array(actual), to_array(predicted)
    if y.dtype.kind not in "fiub" and y.ndim == p.ndim == 1:
        labels = list(np.unique([*y, *p]) if classes is None else classes)
        y, p, classes = *(np.array(list(map(labels.index, words.tolist()))) for words in (y, p)), labels
    if y.ndim != 1 or y.shape != p.shape or not len(y):
        raise ValueError(f"class numbers of shape (N,) are needed twice, got {y.shape} and {p.shape}")
    count = int(max(y.max(), p.max())) + 1 if classes is None else len(classes)
    if min(y.min(), p.min()) < 0 or max(y.max(), p.max()) >= count:
        raise ValueError(f"class numbers must lie in 0..{count - 1}")
    matrix = np.zeros((count, count), dtype=np.int64)
    np.add.at(matrix, (y.astype(np.int64), p.astype(np.int64)), 1)
    figure, (panel,) = _panels(1, 1, 5.6, 5.2)
    shades = np.log1p(matrix) / np.log1p(matrix.max())
    panel.imshow(shades, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.argwhere(matrix):
        dark = shades[row, column] > 0.6
        panel.text(column, row, matrix[row, column], ha="center", va="center", color="white" if dark else "black")
    panel.set(xlabel="predicted", ylabel="actual", xticks=range(count), yticks=range(count))
    if classes is not None:
        panel.set_xticklabels(classes, rotation=90)
        panel.set_yticklabels(classes)
    return figure


def decision_boundary(
    model: Any, x: Any, y: Any = None, classes: Sequence[Any] | None = None, resolution: int = 200
) -> Figure:
    """Which class a model gives every point of a plane, paler where it is less sure, and the points x (N, 2) in the
    colours of their classes y; crosses are points that it has wrong.

    model: a network, a module, a Keras-style model, an estimator with predict, or a function of points float32 (M, 2).
    It gives scores or probabilities (M, C) of classes, one number each (a probability of class 1, or a logit where
    some lie outside of 0..1), or class numbers (M,). classes: their names. resolution: pixels of a side.

    Raises:
        ValueError: x is not (N, 2), another number of labels, labels that the model does not know.
    """
    points = np.asarray(to_array(x), np.float32)
    if points.ndim != 2 or points.shape[1] != 2 or not len(points):
        raise ValueError(f"x has shape {points.shape}; a plane needs points of two numbers, (N, 2)")
    low, high = points.min(axis=0), points.max(axis=0)
    room = np.maximum((high - low) * 0.08, 1e-6)
    edges = [np.linspace(a, b, resolution, dtype=np.float32) for a, b in zip(low - room, high + room, strict=True)]
    plane = np.stack(np.meshgrid(*edges), axis=-1).reshape(-1, 2)
    known = getattr(model, "classes_", None)
    shares = shares_of(model, np.concatenate([plane, points]))
    named = (each for each in (classes, known) if each is not None)
    names = [str(name) for name in next(named, range(shares.shape[1]))]
    if len(names) != shares.shape[1]:
        raise ValueError(f"{len(names)} names but {shares.shape[1]} classes")
    figure, (panel,) = _panels(1, 1, 5.2, 4.4)
    _regions(panel, edges, shares[: len(plane)].reshape(resolution, resolution, -1))
    if y is not None:
        said = shares[len(plane) :].argmax(axis=1)
        _points(panel, points, numbers_of(y, len(points), known, len(names)), said, names)
    return figure


def show() -> None:
    """Opens windows with the figures so far, where there is a display."""
    _pyplot().show()


def _curve(panel: Axes, name: str, values: Mapping[str, Sequence[float]]) -> None:
    training = values.get(name, ())
    validation = np.asarray(values.get(f"val_{name}", ()), dtype=np.float64)
    epochs = np.arange(1, (len(training) or len(validation)) + 1)
    if len(training):
        panel.plot(epochs, training, "o-", markersize=3, label=f"training {name}")
    if len(validation):
        between = max(len(epochs) // len(validation), 1)  # it may be made every few epochs only
        epochs = epochs[between - 1 :: between][: len(validation)]
        panel.plot(epochs, validation, "s-", markersize=3, label=f"validation {name}")
    if np.isfinite(validation).any():
        is_gain = any(word in name for word in _GAINS)
        best = epochs[int(np.nanargmax(validation) if is_gain else np.nanargmin(validation))]
        panel.axvline(best, color="gray", linewidth=1, linestyle=":", label=f"best epoch: {best}")
    panel.set(xlabel="epoch", ylabel=name)
    panel.xaxis.get_major_locator().set_params(integer=True)
    panel.legend()
    panel.grid(alpha=0.3)


def _regions(panel: Axes, edges: Sequence[np.ndarray], shares: np.ndarray) -> None:
    """Shares (rows, columns, C) of a plane between these edges."""
    count = shares.shape[-1]
    winner, sure = shares.argmax(axis=-1), (shares.max(axis=-1, keepdims=True) - 1 / count) / (1 - 1 / count)
    colours = np.array([_colour(number) for number in range(count)])[winner]
    extent = (edges[0][0], edges[0][-1], edges[1][0], edges[1][-1])
    panel.imshow(1 - (1 - colours) * (0.12 + 0.43 * sure), origin="lower", extent=extent, aspect="auto")
    for number in np.unique(winner)[1:]:
        lead = shares[..., number] - np.delete(shares, number, axis=-1).max(axis=-1)
        panel.contour(*edges, lead, levels=[0], colors="black", linewidths=0.8)


def _points(panel: Axes, x: np.ndarray, y: np.ndarray, said: np.ndarray, names: Sequence[str]) -> None:
    for number, name in enumerate(names):
        for right, mark in ((True, "o"), (False, "X")):
            some = x[(y == number) & ((y == said) == right)]
            label = name if right else "_nolegend_"
            look: dict[str, Any] = {"color": _colour(number), "edgecolors": "black", "linewidths": 0.5, "marker": mark}
            panel.scatter(some[:, 0], some[:, 1], s=22, label=label, **look)
    panel.legend(loc="best", prop={"family": _fonts()})


def _colour(number: int) -> tuple[float, float, float]:
    from matplotlib import colormaps

    return colormaps["tab10"](number % 10)[:3]


def _first_weights(model: Any) -> np.ndarray:
    """(units, inputs) of the first linear layer."""
    from fastnn.nn import Linear, Module

    net = model if isinstance(model, Module) else getattr(model, "net", None)
    if isinstance(net, Module):
        layer = next((module for module in net.modules() if isinstance(module, Linear)), None)
        if layer is None:
            raise ValueError(f"this {type(model).__name__} has no linear layer")
        return layer.weight.detach().numpy()
    array = to_array(model)
    if array.ndim != 2 or not array.size:
        raise ValueError(f"weights have shape {array.shape}; they must be (units, inputs)")
    return array


def _pyplot() -> Any:
    """matplotlib's drawing interface.

    Raises:
        ImportError: it is not installed.
    """
    try:
        import matplotlib.pyplot
    except ImportError as error:
        raise ImportError("pictures need matplotlib: pip install matplotlib") from error
    return matplotlib.pyplot


def _fonts() -> list[str]:
    """The usual font, then those with Chinese glyphs that are here."""
    from matplotlib import font_manager

    there = set(font_manager.get_font_names())
    return ["sans-serif", *(name for name in _CHINESE if name in there)]


def _panels(rows: int, columns: int, width: float, height: float) -> tuple[Figure, Sequence[Axes]]:
    """A figure with panels of a size in inches, row by row."""
    pyplot = _pyplot()
    # The figure first: it loads the backend, and what a notebook's one sets must not be undone at the end of a context.
    dpi = pyplot.rcParams["figure.dpi"] * _size
    figure = pyplot.figure(figsize=(columns * width, rows * height), dpi=dpi, layout="constrained")
    with pyplot.rc_context({"font.family": _fonts()}):
        panels = figure.subplots(rows, columns, squeeze=False)
    if notebook.in_notebook() and not any(word in pyplot.get_backend().lower() for word in _LIVE):
        figure._ipython_display_ = partial(_display, figure)
    return figure, panels.ravel()


def _display(figure: Figure) -> None:
    """What IPython does with a figure that is a cell's last value, and at the end of the cell with those that are still
    open: whichever comes first shows it and closes it.
    """
    del figure._ipython_display_
    try:
        found = notebook.formats(figure)
        if not any(kind.startswith("image/") for kind in found[0]):  # a backend without notebooks
            file = BytesIO()
            figure.savefig(file, format="png", bbox_inches="tight", dpi=figure.dpi)
            found[0]["image/png"] = b64encode(file.getvalue()).decode()
        notebook.display(*found)
    finally:
        figure._ipython_display_ = partial(_display, figure)
    _pyplot().close(figure)


def _grid(count: int, columns: int) -> tuple[Figure, Sequence[Axes]]:
    """Panels for small pictures, without axes."""
    rows = -(-count // columns)
    figure, panels = _panels(rows, min(columns, count), 0.9, 1.0)
    for panel in panels:
        panel.set_axis_off()
    return figure, panels
