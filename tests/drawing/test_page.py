"""The page in a real browser: drawn on with mouse, finger and keys, on screens of several sizes, in both languages."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from importlib.resources import files

import pytest
from chromium import EXECUTABLE, Browser
from fastnn.drawing.server import TOKEN, Server

pytestmark = pytest.mark.skipif(EXECUTABLE is None, reason="there is no Chromium here")

SHARES = "[...document.querySelectorAll('#classes i')].map((bar) => parseFloat(bar.style.getPropertyValue('--share')))"
INK = """(() => {{
    const {{ width, height }} = {0}, {{ data }} = {0}.getContext('2d').getImageData(0, 0, width, height);
    return data.filter((value, i) => i % 4 === 0 && value > 128).length;
}})()"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    browser = Browser(tmp_path_factory.mktemp("chromium"))
    yield browser
    browser.close()


@pytest.fixture
def page(browser: Browser, server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Browser]:
    """The page as it is first seen, on a desktop; nothing on it may fail."""
    monkeypatch.delenv("FASTNN_LANG", raising=False)
    browser.size(1200, 900)
    shown(browser, server)
    yield browser
    assert browser.errors == []


def shown(browser: Browser, server: Server) -> None:
    browser.open(server.address)
    browser.until("document.querySelectorAll('#classes li').length === 10")


def places(page: Browser, *points: tuple[float, float]) -> list[tuple[float, float]]:
    """Of shares of the sheet, on the screen."""
    box = page.evaluate("(({left, top, width, height}) => [left, top, width, height])(sheet.getBoundingClientRect())")
    return [(box[0] + x * box[2], box[1] + y * box[3]) for x, y in points]


ONE = ((0.5, 0.2), (0.5, 0.4), (0.5, 0.6), (0.5, 0.8))
PLUS = ((0.2, 0.5), (0.8, 0.5))


def ink(page: Browser, name: str) -> int:
    return page.evaluate(INK.format(name))


def is_empty(page: Browser) -> bool:
    return page.evaluate("best.classList.contains('empty')")


def settled(page: Browser) -> int:
    """What the network sees once the last answer has come: the same for a fifth of a second."""
    before, now = -1, ink(page, "seen")
    while now != before:
        time.sleep(0.2)
        before, now = now, ink(page, "seen")
    return now


class TestDrawing:
    def test_an_empty_sheet(self, page: Browser) -> None:
        assert page.evaluate("best.textContent") == "Nothing is drawn yet."
        assert page.evaluate("document.getElementById('undo').disabled && document.getElementById('clear').disabled")
        assert set(page.evaluate(SHARES)) == {0} and ink(page, "seen") == 0

    def test_with_a_mouse(self, page: Browser) -> None:
        page.mouse(*places(page, *ONE))
        page.until("best.textContent === '1'")
        assert abs(sum(page.evaluate(SHARES)) - 100) < 0.1
        assert page.evaluate("document.querySelector('#classes .best span').textContent") == "1"
        assert 20 < ink(page, "seen") < 150 and ink(page, "sheet") > 1000
        assert page.evaluate("document.querySelector('#layers figcaption').textContent").startswith(
            "layer1: 32 units, ±"
        )
        page.until("said.textContent.startsWith('1, ')")

    def test_while_drawing(self, page: Browser) -> None:
        """The answer follows the pen before it is lifted."""
        (x, y), *_ = places(page, ONE[0])
        page.send("Input.dispatchMouseEvent", type="mousePressed", x=x, y=y, button="left", buttons=1, clickCount=1)
        page.send("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y + 150, button="left", buttons=1)
        page.until("!best.classList.contains('empty')")
        page.send("Input.dispatchMouseEvent", type="mouseReleased", x=x, y=y + 150, button="left", clickCount=1)

    def test_taking_back(self, page: Browser) -> None:
        page.mouse(*places(page, *ONE))
        alone = ink(page, "sheet")
        page.mouse(*places(page, *PLUS))
        assert ink(page, "sheet") > alone
        page.evaluate("document.getElementById('undo').click()")
        assert ink(page, "sheet") == alone
        page.mouse(*places(page, *PLUS))
        page.key("z", modifiers=2)
        assert ink(page, "sheet") == alone
        page.evaluate("document.getElementById('clear').click()")
        page.until("best.classList.contains('empty')")
        assert ink(page, "sheet") == 0

    def test_a_dot_and_a_wider_pen(self, page: Browser) -> None:
        page.mouse(*places(page, (0.5, 0.5)))
        thin = ink(page, "sheet")
        page.evaluate("pen.value = 40")
        page.mouse(*places(page, (0.2, 0.2)))
        assert thin > 100 and ink(page, "sheet") > 3 * thin

    def test_with_keys_alone(self, page: Browser) -> None:
        """Reached by Tab; arrows move the pen, Space lowers and lifts it, Delete clears."""
        page.key("Tab")
        assert page.evaluate("document.activeElement.id") == "sheet"
        for _ in range(6):
            page.key("ArrowUp")
        assert is_empty(page)
        page.key(" ")
        for _ in range(13):
            page.key("ArrowDown")
        page.key(" ")
        page.until("best.textContent === '1'")
        drawn = settled(page)
        page.key("ArrowRight", modifiers=8)
        assert ink(page, "seen") == drawn and page.evaluate("scrollY") == 0
        page.key("Delete")
        page.until("best.classList.contains('empty')")

    def test_with_a_finger(self, page: Browser, server: Server) -> None:
        """The page stays where it is under it: dispatched touches do not scroll, real ones would."""
        assert page.evaluate("getComputedStyle(sheet).touchAction") == "none"
        page.size(320, 640, touch=True)
        shown(page, server)
        page.finger(*places(page, *ONE))
        page.until("best.textContent === '1'")
        assert page.evaluate("scrollY") == 0
        page.size(1200, 900)


@pytest.mark.parametrize("width", [320, 480, 704, 900, 1600])
def test_nothing_sticks_out(page: Browser, width: int) -> None:
    page.size(width, 700)
    page.mouse(*places(page, *ONE))
    page.until("!best.classList.contains('empty')")
    page.evaluate("best.textContent = 'a golden retriever', unlike.hidden = false")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    inside = "[...document.querySelectorAll('main *:not(#said)')]"
    assert page.evaluate(f"{inside}.every((element) => element.getBoundingClientRect().right <= innerWidth)")
    for_fingers = "[...document.querySelectorAll('button, .tools label:not([hidden])')]"
    assert page.evaluate(f"{for_fingers}.every((element) => element.offsetHeight >= 36)")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast(page: Browser, scheme: str) -> None:
    """4.5 to 1 at least (WCAG 2.1, 1.4.3), of everything that is written."""
    page.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    page.evaluate("unlike.hidden = trouble.hidden = false")
    contrast = """[...document.querySelectorAll('h1, h2, p, li, button, label, figcaption')].map((e) => {
        const light = (text) => text.match(/[0-9.]+/g).slice(0, 3).map((v) => v / 255)
            .map((v) => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
            .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
        let under = e;
        while (getComputedStyle(under).backgroundColor === 'rgba(0, 0, 0, 0)') under = under.parentElement;
        const [a, b] = [light(getComputedStyle(e).color), light(getComputedStyle(under).backgroundColor)];
        return (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    })"""
    found = page.evaluate(contrast)
    assert len(found) > 20 and min(found) >= 4.5
    assert (page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)") == (
        scheme == "light"
    )
    page.send("Emulation.setEmulatedMedia", features=[])


class TestLanguages:
    def told(self, page: Browser) -> tuple[str, str]:
        return page.evaluate("[document.documentElement.lang, document.querySelector('#saying h2').textContent]")

    def test_english(self, page: Browser) -> None:
        assert self.told(page) == ["en", "What it says"]

    def test_the_users_wish(self, page: Browser, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("FASTNN_LANG", "zh")
        shown(page, server)
        assert self.told(page) == ["zh", "网络的判断"]

    @pytest.mark.parametrize(("languages", "found"), [("fr-FR,zh-CN,en", "zh"), ("de", "en")])
    def test_the_browsers(self, page: Browser, server: Server, languages: str, found: str) -> None:
        agent = page.evaluate("navigator.userAgent")
        page.send("Emulation.setUserAgentOverride", userAgent=agent, acceptLanguage=languages)
        shown(page, server)
        assert self.told(page)[0] == found
        page.send("Emulation.setUserAgentOverride", userAgent=agent, acceptLanguage="en")

    def test_both_have_all_words(self) -> None:
        script = (files("fastnn.drawing") / "script.js").read_text("utf-8")
        english, chinese = (
            set(re.findall(r"(?:^|[{,])\s*([a-z]+): ", part, re.MULTILINE))
            for part in re.split(r"\n    zh: \{", script[: script.index("const MOST_CLASSES")])
        )
        assert len(chinese) > 15 and chinese == english - {"en"}


class TestTrouble:
    def test_an_address_without_the_token(self, browser: Browser, server: Server) -> None:
        browser.open(server.address.split("#")[0])
        browser.until("!trouble.hidden")
        assert "open the one that fastnn draw printed" in browser.evaluate("trouble.textContent")
        assert browser.evaluate("document.querySelector('main').hidden")

    def test_a_server_that_has_ended(self, browser: Browser, serve: Callable) -> None:
        with serve() as server:
            shown(browser, server)
        browser.mouse(*places(browser, *ONE))
        browser.until("!trouble.hidden")
        assert "is it still running?" in browser.evaluate("trouble.textContent")

    def test_other_pages_cannot_ask(self, browser: Browser, server: Server) -> None:
        """Not even one that somehow knows the token; nor can they load or show the page."""
        browser.open("data:text/html,<p>evil")
        base, options = server.address.split("#")[0], {"method": "POST", "headers": {TOKEN: server.token}}
        for address, how in ((f"{base}model", options), (base, {"mode": "no-cors"}), (base, {})):
            ask = f"fetch('{address}', {json.dumps(how)}).then(() => 'answered', () => 'refused')"
            assert browser.evaluate(ask) == "refused"
