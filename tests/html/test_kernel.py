"""The same in a real kernel: figures are shown once, from the first cell on; an interrupt leaves the history."""

from __future__ import annotations

from typing import Any

import pytest
from processes import environment

pytestmark = pytest.mark.slow

nbclient = pytest.importorskip("nbclient")
nbformat = pytest.importorskip("nbformat")
pytest.importorskip("ipykernel")

HISTORY = """
import os, signal, threading
import fastnn, numpy as np
from fastnn import Network, Trainer, keras, nn, optim
history = fastnn.trainer.History()
for epoch in range(3):
    history.append(epoch, {"loss": 3.0 - epoch})
"""
DATA = """
x, y = np.random.rand(3000, 30).astype("f4"), np.arange(3000) % 10
def interrupt_soon():
    threading.Timer(0.7, os.kill, (os.getpid(), signal.SIGINT)).start()
"""


@pytest.fixture(autouse=True)
def kernel_finds_fastnn(monkeypatch: pytest.MonkeyPatch) -> None:
    for key, value in environment().items():
        monkeypatch.setenv(key, value)


def run(*cells: str) -> list[list[Any]]:
    """The outputs of each cell, in a fresh kernel."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3", allow_errors=True).execute()
    return [cell.outputs for cell in notebook.cells]


def kinds(outputs: list[Any]) -> list[str]:
    """png, html, text or the error's name, an output each."""
    return [
        next((kind for kind in ("png", "html") if any(kind in key for key in output.get("data", {}))), None)
        or output.get("ename", "text")
        for output in outputs
    ]


def test_a_figure_is_shown_once() -> None:
    """As the last value, with a semicolon, kept in a name, changed after it was made, two in one cell, and again."""
    cells = run(
        HISTORY + "history.plot()",
        "history.plot();",
        "figure = history.plot()",
        "figure = history.plot()\nfigure.axes[0].set_ylim(0, 9)\nfigure",
        "history.plot()\nhistory.plot()",
        "figure",
        "import matplotlib; matplotlib.use('agg'); figure = history.plot()",
        "figure",
    )
    assert [kinds(outputs) for outputs in cells] == [
        *(["png"], ["png"], ["png"], ["png"], ["png", "png"], ["png"]),
        *([], ["png"]),  # of a backend that shows nothing by itself, where it is the value
    ]
    assert cells[3][0].data["image/png"] == cells[5][0].data["image/png"] != cells[0][0].data["image/png"]


def test_interrupts() -> None:
    """In every style; the output that was renewed and the live curve show how far it came."""
    cells = run(
        HISTORY + DATA,
        "network = Network(30, 64, 10)\ninterrupt_soon()\n"
        "network.fit((x, y), epochs=100_000, callbacks=[fastnn.LiveCurve()])",
        "print(len(network.history.epoch) == len(network.history.loss) > 0)",
        "network.fit((x, y), epochs=2);",
        "model = nn.Linear(30, 10)\ntrainer = Trainer(model, nn.CrossEntropyLoss(), optim.SGD(model.parameters()))\n"
        "interrupt_soon()\ntrainer.fit((x, y), epochs=100_000)",
        "print(len(trainer.history.epoch) == len(trainer.history.loss) > 0)",
        "model = keras.Sequential([keras.layers.Dense(10, 'softmax', input_shape=(30,))])\n"
        "model.compile('sgd', 'sparse_categorical_crossentropy')\ninterrupt_soon()\nmodel.fit(x, y, epochs=100_000)",
        "print(len(model.history.epoch) == len(model.history.loss) > 0)",
    )
    assert sorted(kinds(cells[1])) == ["KeyboardInterrupt", "html", "text"]
    assert kinds(cells[3]) == ["text"] and "Epoch 2/2 - " in cells[3][0].data["text/plain"]
    assert kinds(cells[4]) == ["KeyboardInterrupt"] and kinds(cells[6]) == ["text", "KeyboardInterrupt"]
    for number in (2, 5, 7):
        assert [output.text for output in cells[number]] == ["True\n"]
