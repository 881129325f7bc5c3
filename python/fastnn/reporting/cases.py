"""The wrong cases: each an image, what it is, what it was taken for, the values of the classes, its path."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite

from fastnn.data.resident import Resident
from fastnn.reporting.findings import Findings
from fastnn.reporting.markup import DASH, Html, join, tag
from fastnn.reporting.pictures import case_picture

_SHORT = 6  # letters of a class's name that are seen without a tooltip


def wrong_cases(data: Resident, findings: Findings, names: list[str], limit: int) -> list[Html]:
    """The section's parts: what is shown, the way back from a filter, the cases."""
    total, rows = len(findings.wrong), findings.wrong[:limit].tolist()
    if not total:
        return [tag("p", "None.")]
    all_shown = f"All {total:,}, the most confident first"
    what = all_shown if len(rows) == total else f"The {len(rows):,} most confident of {total:,}"
    status = tag("span", what, id="shown", role="status")
    back = tag("button", "Show all", type="button", id="all", hidden=True)
    cases = [_case(data, findings, names, row) for row in rows]
    return [
        tag("p", status, back, tag("a", "Confusion matrix", href="#confusion"), class_="filter"),
        tag("ol", join(cases), class_="cases"),
    ]


def _case(data: Resident, findings: Findings, names: list[str], row: int) -> Html:
    actual, predicted = int(data.targets[row]), int(findings.predicted[row])
    picture = case_picture(data.images[row])
    alt = f"actual {names[actual]}, predicted {names[predicted]}"
    classes = findings.top(row)
    show = _number if findings.kind == "numbers" else _percent
    bars = [_bar(names[k], float(findings.values[row, k]), show, _role(k, actual, predicted)) for k in classes]
    words = tag("p", tag("b", tag("bdi", names[actual])), " taken for ", tag("b", tag("bdi", names[predicted])))
    return tag(
        "li",
        tag("img", src=picture.address, width=picture.width, height=picture.height, alt=alt),
        tag("div", words, tag("table", tag("tbody", *bars))),
        tag("bdi", *_path(data.names[row]), class_="path", dir="ltr"),
        class_="case",
        data_cell=f"{actual}-{predicted}",
    )


def _path(name: str) -> list[object]:
    """The parts of a path, each by itself: a name in Arabic would else change places with the one after it."""
    if name.isascii():
        return [name]
    first, *others = name.split("/")
    return [tag("bdi", first), *[part for other in others for part in ("/", tag("bdi", other))]]


def _role(label: int, actual: int, predicted: int) -> str | None:
    return "own" if label == actual else "said" if label == predicted else None


def _bar(name: str, value: float, show: Callable[[float], str], role: str | None) -> Html:
    """A row: class, bar, value."""
    share = 100 * min(max(value, 0.0), 1.0) if isfinite(value) else 0.0
    bar = tag("svg", tag("rect", width=f"{share:.1f}%", height="100%"), aria_hidden="true")
    label = tag("th", tag("bdi", name), scope="row", title=name if len(name) > _SHORT else None)
    return tag("tr", label, tag("td", bar), tag("td", show(value)), class_=role)


def _number(value: float) -> str:
    return f"{value:.3g}" if isfinite(value) else DASH


def _percent(probability: float) -> str:
    if not isfinite(probability):
        return DASH
    return "< 0.1 %" if 0 < probability < 0.0005 else f"{100 * probability:.1f} %"
