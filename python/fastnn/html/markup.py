"""HTML out of parts that are escaped by being text: only what :func:`tag` made goes into a page as it is."""

from __future__ import annotations

import html

from fastnn.text import safe_text

DASH = "\N{EN DASH}"  # where a number is not defined

_VOID = {"img", "rect", "circle", "line", "polyline", "br"}  # written without an end


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def text(value: object) -> Html:
    """Any value as HTML that shows it. Control, bidirectional and unpaired characters become visible escapes: names
    from users must not change how the page around them reads.
    """
    if isinstance(value, Html):
        return value
    return Html(html.escape(safe_text(str(value), "utf-8")))


def tag(name: str, *children: object, **attributes: object) -> Html:
    """An element. Attributes: ``class_`` for class, ``data_cell`` for data-cell; True for a bare one, None or False
    for none.
    """
    written = "".join(_attribute(key.rstrip("_").replace("_", "-"), value) for key, value in attributes.items())
    if name in _VOID:
        return Html(f"<{name}{written}/>")
    return Html(f"<{name}{written}>{''.join(map(text, children))}</{name}>")


def join(parts: list[Html]) -> Html:
    """One after the other, a line each."""
    return Html("\n".join(parts))


def _attribute(name: str, value: object) -> str:
    if value is None or value is False:
        return ""
    return f" {name}" if value is True else f' {name}="{text(value)}"'
