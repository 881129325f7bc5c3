"""The page of ``fastnn report`` and the lines of ``fastnn predict`` in Chinese: no English word is left but names, and
none of it where nobody asked for it.
"""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import fastnn
import pytest
from fastnn import Network, models, nn
from job_runs import call
from PIL import Image
from small_data import write_tree

# Names: of files, classes, metrics, layers, people.
NAMES = set(
    re.findall(r"\w+", "fastnn loss accuracy lr Wilson F cat dog conv conv1 conv2 Linear Sequential SmallCNN data")
)
SHOWN = ("alt", "aria-label", "title", "data-some")


class Words(HTMLParser):
    """What a page shows, and what it reads out: texts outside of names, and attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "img", "rect", "circle", "line", "polyline"):
            self.open.append(tag)
        self.texts += [value or "" for name, value in attributes if name in SHOWN]

    def handle_endtag(self, tag: str) -> None:
        if self.open and self.open[-1] == tag:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        if not {"script", "style", "bdi", "h1"} & set(self.open[-1:]):
            self.texts.append(data)


def english(page: str) -> set[str]:
    words = {
        word
        for text in Words(page).texts
        for word in re.findall(r"[A-Za-z]+", re.sub(r"\S*[/.]\S*|[0-9a-f]{64}", "", text))
    }
    return {word for word in words if word not in NAMES and not word.startswith("val")}


@pytest.fixture
def reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A function of a network, a language, and the images' channels: the page of a report on it."""
    write_tree(tmp_path / "data", ("cat", "dog"), side=16)
    monkeypatch.chdir(tmp_path)
    curves = {"loss": [1.0, 0.5], "val_loss": [1.0, 0.7], "val_accuracy": [0.2, 0.6], "lr": [0.1, 0.01]}
    Path("run.json").write_text(json.dumps({"train_loss": [1.0, 0.5], "history": curves}))

    def report(network: Network, language: str, channels: int, *words: str) -> str:
        monkeypatch.setenv("FASTNN_LANG", language)
        network.save("net.pth", classes=["cat", "dog"], input_shape=(channels, 16, 16))
        outcome = call("net.pth", "--data", "data", "--html", "p.html", *words, module="fastnn.report")
        assert outcome.code == 0, outcome.err
        return Path("p.html").read_text("utf-8")

    return report


NETWORKS = {
    "dense": (lambda: Network(256, 6, 2), 1),
    "one layer": (lambda: Network(256, 2), 1),
    "three planes": (lambda: Network(768, 20, 2), 3),
    "filters": (lambda: Network(models.create("small_cnn", (1, 16, 16), 2)), 1),
    "filters in colour": (lambda: Network(nn.Sequential(nn.Conv2d(3, 20, 3), nn.Flatten(), nn.Linear(3920, 2))), 3),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_no_english_is_left(name: str, reported: Any) -> None:
    make, channels = NETWORKS[name]
    for words in (("--history", "run.json"), ()):
        page = reported(make(), "zh", channels, *words)
        assert '<html lang="zh-CN">' in page and english(page) <= (set() if words else {"history", "json"})
        assert ("混淆矩阵" in page and "学习率" in page) or not words
    page = reported(make(), "en", channels)
    assert '<html lang="en">' in page and {"Confusion", "Classes", "precision"} <= english(page)
    assert not re.search("[\N{CJK UNIFIED IDEOGRAPH-4E00}-\N{CJK UNIFIED IDEOGRAPH-9FFF}]", page)


def test_predict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Network(16, 3).save("net.pth", classes=["cat", "dog", "emu"], input_shape=(1, 4, 4))
    Image.new("L", (4, 4)).save("x.png")
    Path("bad.png").touch()
    for language, then, skipped in (
        ("en", "then", "left out 1 of 2 images:"),
        ("zh", "其次", "2 张图片中跳过了 1 张:"),
    ):
        monkeypatch.setenv("FASTNN_LANG", language)
        outcome = call("net.pth", "x.png", "bad.png", "--on-bad-image", "skip", module="fastnn.predict")
        line = rf"x\.png: (cat|dog|emu) \(\d+\.\d%; {then} (cat|dog|emu) \d+\.\d%, (cat|dog|emu) \d+\.\d%\)\n"
        assert re.fullmatch(line, outcome.out) and skipped in outcome.err
    assert not re.search("then|left out|images", outcome.out + outcome.err)


@pytest.mark.parametrize(("language", "expected"), [("en", "does not tell"), ("zh", "没有完整记录网络结构")])
def test_what_is_assumed(language: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FASTNN_LANG", language)
    fastnn.save(Network(784, 10).state_dict(), tmp_path / "old.pth")
    Image.new("L", (28, 28), 255).save(tmp_path / "x.png")
    outcome = call(tmp_path / "old.pth", tmp_path / "x.png", module="fastnn.predict")
    assert outcome.code == 0 and expected in outcome.err
    said = re.sub(r"\S*[/.]\S*", "", outcome.err)
    assert language == "en" or set(re.findall("[A-Za-z]+", said)) <= set(
        ["fastnn", "ReLU", "softmax", "MNIST", "predict", "raw", "x"]
    )
