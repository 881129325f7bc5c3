"""The page: what was found, as one HTML file that loads nothing and works without its script."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from string import Template

import numpy as np

from fastnn import _core
from fastnn.chinese import either
from fastnn.data.resident import Resident
from fastnn.html.markup import DASH, Html, join, tag, text
from fastnn.io.checks import shown_path
from fastnn.nn.module import Module
from fastnn.reporting import curves
from fastnn.reporting.cases import told_as, wrong_cases
from fastnn.reporting.findings import Findings, wilson
from fastnn.reporting.layers import examples, feature_maps, first_layer, seen_by
from fastnn.reporting.summary import kind_of

_SHADES = 6  # of a cell, in style.css: s1 to s6


@dataclass(frozen=True)
class Subject:
    """What was tested on what: the model's file and the data's name as the user gave them.

    sha256: of the parameters.
    """

    path: str
    model: Module
    sha256: str
    data_name: str
    data: Resident


def make_page(subject: Subject, findings: Findings, history: curves.History, wrong_limit: int | None) -> str:
    """The whole file. Equal input gives equal text."""
    names = [shown_path(name) for name in subject.data.classes]
    inside = _inside(subject, names)
    sections = [
        _summary(subject, findings, inside),
        tag(
            "div",
            _section("confusion", either("Confusion", "混淆矩阵"), *_confusion(findings, names)),
            _section("classes", either("Classes", "各类别"), *_classes(findings, names)),
            class_="pair",
        ),
        _section("training", either("Training", "训练"), *_training(history)),
        *[_section(name, title, *content) for name, (title, content) in inside.items()],
        _section("wrong", _wrong(), *wrong_cases(subject.data, findings, names, wrong_limit)),
        tag("footer", f"fastnn {_core.__version__}, {either('parameters', '参数')} {subject.sha256}", class_="soft"),
    ]
    style, script = _part("style.css"), _part("script.js")
    return Template(_part("page.html")).substitute(
        version=text(_core.__version__),
        language=either("en", "zh-CN"),
        policy=_policy(style, script),
        title=text(f"{shown_path(subject.path)}: {percent(findings.correct, findings.total)}"),
        style=style,
        script=script,
        body=join(sections),
    )


def _wrong() -> str:
    return either("Wrong cases", "错误识别")


def _part(name: str) -> str:
    return (files("fastnn.reporting") / name).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    """Nothing is loaded and nothing runs but our own script: a second lock, behind the escaping."""
    allowed = {
        kind: f"'sha256-{b64encode(sha256(content.encode()).digest()).decode()}'"
        for kind, content in (("style", style), ("script", script))
    }
    return (
        f"default-src 'none'; img-src data:; style-src {allowed['style']}; script-src {allowed['script']}; "
        "base-uri 'none'; form-action 'none'"
    )


def percent(part: int, whole: int) -> str:
    """98.03 %; with more digits where fewer would say 100 of what is not all."""
    digits = 2
    while part < whole and float(f"{100 * part / whole:.{digits}f}") == 100:
        digits += 1
    return f"{100 * part / whole:.{digits}f} %"


def _section(name: str, title: str, *content: Html) -> Html:
    return tag("section", tag("h2", title, id=f"{name}-title", tabindex="-1"), join(list(content)), id=name)


def _inside(subject: Subject, names: list[str]) -> dict[str, tuple[str, list[Html]]]:
    """Title and content of the sections that show the network itself, by their names: those that there are."""
    model, data, rows = subject.model, subject.data, examples(subject.data)
    found = seen_by(model, data, rows)
    sections = {
        "weights": (either("First layer", "第一层"), first_layer(model, data, found, names)),
        "maps": (either("Feature maps", "特征图"), feature_maps(found, data, rows, names)),
    }
    return {name: section for name, section in sections.items() if section[1]}


def _summary(subject: Subject, findings: Findings, inside: dict[str, tuple[str, list[Html]]]) -> Html:
    data, model = subject.data, subject.model
    low, high = wilson(findings.correct, findings.total)
    channels, height, width = data.shape
    size = f"{width} \N{MULTIPLICATION SIGN} {height}" + (either(" in colour", " 彩色") if channels == 3 else "")
    count, classes = f"{len(data):,}", len(data.classes)
    held = either(f"{count} images of {size}, {classes} classes", f"{count} 张图片 ({size}), {classes} 个类别")
    facts = {
        either("Architecture", "网络结构"): "-".join(map(str, getattr(model, "sizes", ()))) or kind_of(model),
        either("Parameters", "参数数量"): f"{sum(p.numel() for p in model.parameters()):,}",
        either("Data", "数据"): f"{shown_path(subject.data_name)}: {held}",
        _wrong(): f"{len(findings.wrong):,}",
    }
    links = (
        ("confusion", either("Confusion", "混淆矩阵")),
        ("classes", either("Classes", "各类别")),
        ("training", either("Training", "训练")),
        *[(name, title) for name, (title, _) in inside.items()],
        ("wrong", _wrong()),
    )
    span = f"{100 * low:.2f} {either('to', '到')} {100 * high:.2f} %"
    right = either(f"right; with 95 % confidence {span} (Wilson)", f"识别正确; 95 % 置信区间 {span} (Wilson)")
    accuracy = f"{findings.correct} / {findings.total} = {percent(findings.correct, findings.total)}"
    return tag(
        "header",
        tag("h1", shown_path(subject.path)),
        tag("p", accuracy, class_="accuracy"),
        tag("p", right, class_="soft"),
        tag("dl", *[part for name, value in facts.items() for part in (tag("dt", name), tag("dd", value))]),
        tag(
            "nav", *[tag("a", title, href=f"#{name}") for name, title in links], aria_label=either("Sections", "各部分")
        ),
    )


def _confusion(findings: Findings, names: list[str]) -> list[Html]:
    counts = findings.confusion
    apart = counts.copy()
    np.fill_diagonal(apart, 0)
    most = int(apart.max())
    header = [tag("th", tag("bdi", name), scope="col", title=name) for name in names]
    rows = [
        tag(
            "tr",
            tag("th", tag("bdi", names[y]), scope="row", title=names[y]),
            *[_cell(counts, y, p, most, names) for p in range(len(names))],
        )
        for y in range(len(names))
    ]
    alone = either(" A cell with wrong cases shows them alone.", " 点击有错误的格子, 只显示这些错误。")
    hint = tag("span", alone, id="hint", hidden=True)  # until the script can
    table = tag(
        "table",
        tag("thead", tag("tr", tag("td"), *header, class_="long" if max(map(len, names)) > 3 else None)),
        tag("tbody", join(rows)),
        class_="confusion",
        aria_describedby="confusion-note",
    )
    axes = either("Rows are the actual classes, columns the predicted ones.", "行是实际的类别, 列是预测的类别。")
    region = {"tabindex": "0", "role": "region", "aria_labelledby": "confusion-title"}
    return [
        tag("p", axes, hint, class_="soft", id="confusion-note"),
        tag("div", table, class_="scroll", **region),
    ]


def _cell(counts: np.ndarray, y: int, p: int, most: int, names: list[str]) -> Html:
    count = int(counts[y, p])
    if not count:
        return tag("td", 0, class_="none")
    if y == p:
        return tag("td", count, class_=f"right s{_shade(count, int(counts[y].sum()))}")
    label = f"{told_as(names[y], names[p])}: {count}"
    button = tag("button", count, type="button", disabled=True, data_cell=f"{y}-{p}", aria_label=label)
    return tag("td", button, class_=f"wrong s{_shade(count, most)}")


def _shade(count: int, most: int) -> int:
    """1 to 6; by the root, so that small counts differ as well."""
    return max(1, round(_SHADES * (count / most) ** 0.5))


def _classes(findings: Findings, names: list[str]) -> list[Html]:
    titles = either("class samples precision recall F1", "类别 样本数 精确率 召回率 F1").split()
    header = [tag("th", title, scope="col") for title in titles]
    rows = [
        tag(
            "tr",
            tag("th", tag("bdi", name), scope="row"),
            tag("td", f"{figures.samples:,}"),
            *[tag("td", DASH if v is None else f"{v:.4f}") for v in figures[1:]],
        )
        for name, figures in zip(names, findings.by_class(), strict=True)
    ]
    table = tag("table", tag("thead", tag("tr", *header)), tag("tbody", join(rows)), class_="figures")
    note = either(
        "Recall is the accuracy of a class, precision that of what was taken for it.",
        "召回率: 这一类的样本中识别正确的比例。精确率: 识别成这一类的样本中正确的比例。",
    )
    return [tag("p", note, class_="soft"), tag("div", table, class_="scroll")]


def _training(history: curves.History) -> list[Html]:
    remark = tag("p", history.remark, class_="soft")
    if not history.metrics:
        return [tag("p", either("There are no curves.", "没有曲线。")), remark]
    epochs = max(map(len, history.metrics.values()))
    header = [tag("th", name, scope="col") for name in (either("epoch", "轮"), *history.metrics)]
    rows = [
        tag("tr", tag("th", i + 1, scope="row"), *[tag("td", _value(v, i)) for v in history.metrics.values()])
        for i in range(epochs)
    ]
    table = tag("table", tag("thead", tag("tr", *header)), tag("tbody", join(rows)), class_="figures")
    values = tag("details", tag("summary", either("All values", "所有数值")), tag("div", table, class_="scroll"))
    best = curves.best_epoch(history.metrics)
    remark = tag("p", f"{history.remark} {best}" if best else history.remark, class_="soft")
    return [remark, tag("div", *curves.charts(history.metrics), class_="charts"), values]


def _value(values: Sequence[float], i: int) -> str:
    return f"{values[i]:.4g}" if i < len(values) else DASH
