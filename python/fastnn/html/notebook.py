"""The cells of a notebook: HTML that takes the notebook's colours, and an output that is renewed."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Sequence
from typing import Any, TextIO

from fastnn.html.markup import Html, tag

# Text has the colour of the notebook around it, rules and lines are of colours that are seen on white as on black: what
# a notebook's theme is, its HTML cannot ask in the same way everywhere (JupyterLab, VS Code and Colab each say it
# elsewhere). Every rule is of the class alone: the notebook's own look stays.
_STYLE = """
div.fastnn{font:13px/1.5 system-ui,sans-serif;overflow-x:auto}
div.fastnn b{font-weight:600}
div.fastnn table{border-collapse:collapse;margin:.3em 0;font-size:inherit;font-variant-numeric:tabular-nums}
div.fastnn pre{font-family:monospace;line-height:1.2}
div.fastnn th,div.fastnn td{padding:.1em 1.2em .1em 0;text-align:left!important;vertical-align:top;background:none}
div.fastnn th,div.fastnn td{border:0;border-bottom:1px solid #8885}
div.fastnn th{font-weight:600}
div.fastnn .number{text-align:right!important}
div.fastnn .soft{opacity:.65}
div.fastnn figure{display:inline-block;margin:.3em 1em .3em 0;text-align:center;vertical-align:top}
div.fastnn figure.chart{width:24em;max-width:100%;text-align:left}
div.fastnn img{display:block;height:64px;width:auto;max-width:none;margin:0 auto;image-rendering:pixelated}
div.fastnn img.photo{height:72px;image-rendering:auto}
div.fastnn .row{white-space:nowrap}
div.fastnn svg{width:100%}
div.fastnn text{fill:currentColor;opacity:.65;font-size:15px}
div.fastnn line{stroke:#8885}
div.fastnn polyline{fill:none;stroke-width:2.5;stroke-linejoin:round}
div.fastnn polyline.training{stroke:#3b82e0}
div.fastnn polyline.validation{stroke:#e06a20}
div.fastnn g.training,div.fastnn .training::before{fill:#3b82e0;color:#3b82e0}
div.fastnn g.validation,div.fastnn .validation::before{fill:#e06a20;color:#e06a20}
div.fastnn .key{margin-left:1em}
div.fastnn .key::before{content:"\\25cf  "}
"""


def cell(*children: object) -> Html:
    """What a ``_repr_html_`` gives: these parts, in a look of their own."""
    return tag("div", tag("style", Html(_STYLE)), *children, class_="fastnn")


def table(header: Sequence[object], rows: Iterable[Sequence[object]], left: int) -> Html:
    """A table whose first ``left`` columns are texts, the others numbers."""

    def row(kind: str, cells: Sequence[object]) -> Html:
        return tag("tr", *(tag(kind, each, class_="number" if i >= left else None) for i, each in enumerate(cells)))

    return tag("table", tag("thead", row("th", header)), tag("tbody", *(row("td", cells) for cells in rows)))


def _shell() -> Any:
    """IPython's shell where it runs a notebook's cells; None in scripts, terminals and where it is not loaded."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None and hasattr(ipython, "get_ipython") else None
    return shell if getattr(shell, "kernel", None) is not None else None


def renewed(stream: TextIO | None) -> Renewed | None:
    """An output for what would go to a stream; None where that does not show in a notebook's cell (nor does one that
    was put in the place of ``sys.stdout``).
    """
    ours = type(stream).__module__.split(".")[0] in ("ipykernel", "pyodide_kernel")
    return Renewed() if ours and _shell() is not None else None


def in_notebook() -> bool:
    """Whether a cell of a notebook runs this."""
    return _shell() is not None


def formats(value: object) -> tuple[dict[str, str], dict[str, Any]]:
    """What the notebook shows of a value, by kinds of content, and what it is told of these."""
    found: tuple[dict[str, str], dict[str, Any]] = _shell().display_formatter.format(value)
    return found


def display(data: dict[str, str], metadata: dict[str, Any] | None = None, name: str = "", update: bool = False) -> None:
    """Puts an output into the running cell: texts by kind, images in base64. name: so that it can be replaced."""
    shell = _shell()
    if shell is not None:
        shell.display_pub.publish(data, metadata or {}, transient={"display_id": name} if name else {}, update=update)


class Renewed:
    """One output of the running cell, whose content is replaced: the cell and its file keep the last alone."""

    seconds_between = 0.1  # a notebook's server refuses more than 1000 messages a second, and no eye sees more than ten

    def __init__(self) -> None:
        self._name = ""
        self._next = 0.0  # when the next one may be drawn
        self._waiting: object = None
        self._at_end = False  # whether the end of the cell shows what still waits, also after an interrupt

    def show(self, content: object) -> None:
        """A text, or what has a ``_repr_html_``, in the place of the content: at once or, where that is very young,
        later, as it is then.
        """
        self._waiting, shell = content, _shell()
        if shell is None:
            return
        if time.monotonic() >= self._next:
            self._draw()
        elif not self._at_end:
            self._at_end = True
            shell.events.register("post_run_cell", self._last)

    def _last(self, result: object) -> None:
        self._at_end = False
        _shell().events.unregister("post_run_cell", self._last)
        self._draw()

    def _draw(self) -> None:
        content, self._waiting = self._waiting, None
        if content is None:
            return
        began = time.monotonic()
        new, self._name = not self._name, self._name or f"fastnn-{os.urandom(8).hex()}"
        data = {"text/plain": content if isinstance(content, str) else repr(content)}
        if hasattr(content, "_repr_html_"):
            data["text/html"] = content._repr_html_()
        display(data, name=self._name, update=not new)
        ended = time.monotonic()
        self._next = ended + max(self.seconds_between, 10 * (ended - began))  # a long curve takes a tenth of the time
