"""A real Chromium without a window, told what to do through its debugging pipe (the Chrome DevTools Protocol)."""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

EXECUTABLE = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
SECONDS = 30.0  # for any answer, on a busy machine


class Browser:
    """One page of a browser of its own. errors: what scripts threw and what the page was refused."""

    def __init__(self, profile: Path, language: str = "en-US") -> None:
        assert EXECUTABLE is not None
        (to_read, self._write), (self._read, to_write) = os.pipe(), os.pipe()
        quiet = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-extensions")
        words = [*quiet, f"--user-data-dir={profile}", f"--accept-lang={language}", "--remote-debugging-pipe"]
        # It looks for its pipe at 3 and 4.
        start = f"import os, sys; os.dup2({to_read}, 3); os.dup2({to_write}, 4); os.execv(sys.argv[1], sys.argv[1:])"
        self._process = subprocess.Popen(
            [sys.executable, "-S", "-c", start, EXECUTABLE, *words, "about:blank"],
            pass_fds=(to_read, to_write),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_read)
        os.close(to_write)
        self._number, self._buffer, self._session = 0, b"", ""
        self.errors: list[str] = []
        try:
            self._attach()
        except BaseException:
            self.close()
            raise

    def _attach(self) -> None:
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.send(f"{domain}.enable")

    def close(self) -> None:
        """Ends it and all that it started."""
        with contextlib.suppress(OSError, AssertionError):
            self._session = ""
            self.send("Browser.close")
        os.close(self._write)
        os.close(self._read)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def send(self, method: str, **params: Any) -> dict[str, Any]:
        """The result of a command of the protocol."""
        self._number += 1
        session = {"sessionId": self._session} if self._session else {}
        text = json.dumps({"id": self._number, "method": method, "params": params, **session})
        os.write(self._write, text.encode() + b"\0")
        while True:
            message = self._next()
            if message.get("id") == self._number:
                assert "error" not in message, (method, message["error"])
                return message["result"]

    def _next(self) -> dict[str, Any]:
        end = time.monotonic() + SECONDS
        while b"\0" not in self._buffer:
            assert select.select([self._read], [], [], max(0.0, end - time.monotonic()))[0], "Chromium does not answer"
            part = os.read(self._read, 1 << 20)
            assert part, "Chromium has ended"
            self._buffer += part
        text, _, self._buffer = self._buffer.partition(b"\0")
        message = json.loads(text)
        if message.get("method") == "Runtime.exceptionThrown":
            self.errors.append(str(message["params"]["exceptionDetails"]))
        if message.get("method") == "Log.entryAdded" and message["params"]["entry"]["level"] == "error":
            self.errors.append(message["params"]["entry"]["text"])
        return message

    def evaluate(self, script: str) -> Any:
        """The value of an expression in the page."""
        found = self.send("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def until(self, script: str) -> Any:
        """The value of an expression once it is true."""
        end = time.monotonic() + SECONDS
        while not (value := self.evaluate(script)):
            assert time.monotonic() < end, f"never true: {script}"
            time.sleep(0.02)
        return value

    def open(self, address: str) -> None:
        """Loads a page, from the beginning."""
        self.send("Page.navigate", url="about:blank")
        self.errors.clear()
        self.send("Page.navigate", url=address)
        self.until("document.readyState === 'complete' && location.href !== 'about:blank'")

    def size(self, width: int, height: int, touch: bool = False) -> None:
        """As large a screen, of a telephone or tablet where it can be touched."""
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=touch)
        self.send("Emulation.setTouchEmulationEnabled", enabled=touch)

    def mouse(self, *path: tuple[float, float]) -> None:
        """Pressed at the first point, moved through the others, released at the last."""
        for kind, (x, y) in (("mousePressed", path[0]), *[("mouseMoved", each) for each in path[1:]]):
            self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1)
        x, y = path[-1]
        self.send("Input.dispatchMouseEvent", type="mouseReleased", x=x, y=y, button="left", clickCount=1)

    def finger(self, *path: tuple[float, float]) -> None:
        """The same with a finger."""
        for number, (x, y) in enumerate(path):
            kind = "touchMove" if number else "touchStart"
            self.send("Input.dispatchTouchEvent", type=kind, touchPoints=[{"x": x, "y": y}])
        self.send("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])

    def key(self, name: str, modifiers: int = 0) -> None:
        """A key pressed and released: ArrowUp, Delete, Tab, a letter; modifiers: 2 Ctrl, 8 Shift."""
        text = {"text": name} if len(name) == 1 and not modifiers else {}
        for kind in ("keyDown" if text else "rawKeyDown", "keyUp"):
            self.send("Input.dispatchKeyEvent", type=kind, key=name, code=name, modifiers=modifiers, **text)

    def screenshot(self, path: Path) -> None:
        """A picture of the whole page."""
        from base64 import b64decode

        found = self.send("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(b64decode(found["data"]))
