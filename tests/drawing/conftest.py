"""A small network of digits, and the server that shows it sheets."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from math import prod
from pathlib import Path

import fastnn
import pytest
from fastnn import _core, random
from fastnn.drawing.server import Server
from fastnn.drawing.viewer import Viewer
from fastnn.training.model_files import load_model


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """784-32-10, trained on 2,000 built-in digits."""
    before = random.state.as_dict()
    path = tmp_path_factory.mktemp("drawing") / "digits.safetensors"
    images, labels = _core.draw_digits(3, 0, 2000)
    network = fastnn.Network(784, 32, 10)
    network.fit((images.reshape(-1, 784) / 255, labels), epochs=5, verbose=0, seed=1)
    network.save(path, classes=list("0123456789"))
    random.state.restore(before)
    return path


@pytest.fixture(scope="session")
def viewer(model: Path) -> Viewer:
    return Viewer(str(model), *load_model(model))


@pytest.fixture(scope="session")
def serve(viewer: Viewer) -> Callable[[], AbstractContextManager[Server]]:
    """serve(): a server at work; it must not fail at anything."""

    @contextmanager
    def serving() -> Iterator[Server]:
        failed: list[Exception] = []
        answers = {"/model": (0, viewer.facts), "/see": (prod(viewer.sheet), viewer.see)}
        with Server(answers, 0, failed.append) as server:
            thread = threading.Thread(target=server.serve_forever, args=[0.02])
            thread.start()
            yield server
            server.shutdown()
            thread.join()
        assert failed == []

    return serving


@pytest.fixture(scope="session")
def server(serve: Callable[[], AbstractContextManager[Server]]) -> Iterator[Server]:
    with serve() as server:
        yield server
