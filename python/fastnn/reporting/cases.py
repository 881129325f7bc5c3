"""The wrong cases: each an image, what it is, what it was taken for, the values of the classes, its path."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite

from fastnn.chinese import either
from fastnn.data.resident import Resident
from fastnn.html.markup import DASH, Html, join, tag
from fastnn.html.pictures import Picture, case_picture
from fastnn.reporting.findings import Findings

MOST_CASES = 2000
_MOST_BYTES = 1_800_000  # of their pictures: some 600 photographs of 64x64, with the rest a page of less than 3 MB
_SHORT = 6  # letters of a class's name that are seen without a tooltip


def wrong_cases(data: Resident, findings: Findings, names: list[str], limit: int | None) -> list[Html]:
    """The section's parts: what is shown, the way back from a filter, the cases. limit: how many of these; None: as
    many as the page can bear.
    """
    total, cases, size = len(findings.wrong), [], 0
    for row in findings.wrong[: MOST_CASES if limit is None else limit].tolist():
        picture = case_picture(data.images[row])
        size += len(picture.address)
        if limit is None and size > _MOST_BYTES:
            break
        cases.append(_case(data, findings, names, row, picture))
    if not total:
        return [tag("p", either("None.", "没有。"))]
    count = f"{len(cases):,}"
    what = either(f"The {count} most confident of {total:,}", f"{total:,} 个中最有把握的 {count} 个")
    if len(cases) == total:
        what = either(f"All {count}, the most confident first", f"全部 {count} 个, 最有把握的在前")
    some = either(", # of them shown", ", 显示其中 # 个")
    status = tag("span", what, id="shown", role="status", data_some=some)
    back = tag("button", either("Show all", "显示全部"), type="button", id="all", hidden=True)
    return [
        tag("p", status, back, tag("a", either("Confusion matrix", "混淆矩阵"), href="#confusion"), class_="filter"),
        tag("ol", join(cases), class_="cases"),
    ]


def told_as(actual: str, predicted: str) -> str:
    """What a case is and what it was taken for."""
    return either(f"actual {actual}, predicted {predicted}", f"实际 {actual}, 预测 {predicted}")


def _case(data: Resident, findings: Findings, names: list[str], row: int, picture: Picture) -> Html:
    actual, predicted = int(data.targets[row]), int(findings.predicted[row])
    alt = told_as(names[actual], names[predicted])
    classes = findings.top(row)
    show = _number if findings.kind == "numbers" else _percent
    bars = [_bar(names[k], float(findings.values[row, k]), show, _role(k, actual, predicted)) for k in classes]
    words = tag(
        "p",
        tag("b", tag("bdi", names[actual])),
        either(" taken for ", " 识别成 "),
        tag("b", tag("bdi", names[predicted])),
    )
    size = {"width": picture.width, "height": picture.height}
    return tag(
        "li",
        tag("img", src=picture.address, **size, alt=alt, class_=picture.style),
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
