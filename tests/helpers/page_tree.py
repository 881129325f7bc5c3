"""A report's page as a tree, and what every such page must be: sound HTML that loads nothing."""

from __future__ import annotations

import base64
import hashlib
import os
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

DESCRIBED = ("aria-labelledby", "aria-describedby")
# Names of classes and files that try to end text, attributes and the script, or to turn the page around them.
HOSTILE = (
    "<img src=x onerror=alert(1)>",
    '"><b>&amp;<!--',
    "' onclick='x",
    "two\nlines",
    "\u202egnp.exe",
    os.fsdecode(b"\xff\xfe"),
    "]]>${body}$body",
)
VOID = {"meta", "img", "rect", "circle", "line", "polyline"}


class Node:
    """An element: its name, attributes, elements and text inside."""

    def __init__(self, name: str, attributes: list[tuple[str, str | None]] = ()) -> None:
        assert len(dict(attributes)) == len(attributes), f"an attribute of {name} is there twice"
        self.name, self.attributes = name, dict(attributes)
        self.inside: list[Node | str] = []

    def walk(self) -> Iterator[Node]:
        yield self
        for part in self.inside:
            if isinstance(part, Node):
                yield from part.walk()

    def all(self, name: str, /, **wanted: str) -> list[Node]:
        """Elements of a name, with words of a class or the values of attributes."""
        return [node for node in self.walk() if node.name == name and all(map(node.has, wanted, wanted.values()))]

    def one(self, name: str, /, **wanted: str) -> Node:
        (node,) = self.all(name, **wanted)
        return node

    def has(self, key: str, value: str) -> bool:
        if key == "class_":
            return value in (self.attributes.get("class") or "").split()
        return self.attributes.get(key.replace("_", "-")) == value

    @property
    def text(self) -> str:
        return "".join(part if isinstance(part, str) else part.text for part in self.inside)


class Parser(HTMLParser):
    """A tree of a page in which every element ends where it should."""

    def __init__(self) -> None:
        super().__init__()
        self.open = [Node("page")]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag not in VOID, f"{tag} is not closed"
        self.handle_startendtag(tag, attrs)
        self.open.append(self.open[-1].inside[-1])

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open[-1].inside.append(Node(tag, attrs))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().name == tag

    def handle_data(self, data: str) -> None:
        self.open[-1].inside.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")


def parse(path: Path) -> Node:
    """The page in a file, checked for what every page must be."""
    parser = Parser()
    parser.feed(path.read_text(encoding="utf-8"))
    parser.close()
    assert [node.name for node in parser.open] == ["page"]
    page = parser.open[0]
    check_closed(page)
    check_reading(page)
    return page


def check_closed(page: Node) -> None:
    """Nothing is loaded, nothing can run but the two parts whose hashes the policy names."""
    policy = page.one("meta", http_equiv="Content-Security-Policy").attributes["content"]
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'sha256-")
    for name in ("style", "script"):
        digest = hashlib.sha256(page.one(name).text.encode()).digest()
        assert f"{name}-src 'sha256-{base64.b64encode(digest).decode()}'" in policy
    assert not re.search(r"url\(|@import", page.one("style").text)
    for node in page.walk():
        assert node.name not in {"link", "iframe", "object", "embed", "base", "form", "b>"}
        assert not [name for name in node.attributes if name.startswith("on") or name == "style"]
        assert re.match("data:image/(png|jpeg);base64,", node.attributes.get("src", "data:image/png;base64,"))
        assert node.attributes.get("href", "#").startswith("#")


def check_reading(page: Node) -> None:
    """What screen readers and phones need; links lead somewhere; images are of the size that is said."""
    assert page.one("html").attributes == {"lang": "en"}
    assert (
        page.one("head").one("title").text and page.one("meta", charset="utf-8") and page.one("meta", name="viewport")
    )
    ids = [node.attributes["id"] for node in page.walk() if "id" in node.attributes]
    assert len(set(ids)) == len(ids)
    targets = [node.attributes["href"][1:] for node in page.all("a")]
    targets += [node.attributes[key] for node in page.walk() for key in DESCRIBED if key in node.attributes]
    assert set(targets) <= set(ids)
    assert all(node.attributes.get("scope") in ("row", "col") for node in page.all("th"))
    for image in page.all("img"):
        assert image.attributes["alt"]
        shown, real = (int(image.attributes["width"]), int(image.attributes["height"])), pixels(image).shape[1::-1]
        assert (shown[0] / real[0], shown[1] / real[1]) in {(times, times) for times in range(1, 100)}


def pixels(image: Node) -> np.ndarray:
    """What an img element shows: a PNG that decodes, grey, RGB or with transparency, or a JPEG of a photograph."""
    kind, _, data = image.attributes["src"].partition(";base64,")
    with Image.open(BytesIO(base64.b64decode(data, validate=True))) as picture:
        assert f"data:image/{picture.format.lower()}" == kind and (kind.endswith("png") or image.has("class_", "photo"))
        return np.asarray(picture.convert("RGBA") if picture.mode == "P" else picture)
