"""Cells of notebooks: one output that is renewed, and what trains in them."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from typing import Any

import fastnn
import numpy as np
import pytest
from fastnn import Network, keras, nn, optim
from fastnn.html import notebook
from fastnn.training.callbacks import Callback, EpochLines
from fastnn.training.trainer import Trainer
from notebooks import Page, Shell, played

X = np.random.default_rng(0).random((40, 6)).astype(np.float32)
Y = np.arange(40) % 3


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> Shell:
    return played(monkeypatch)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, which stands still."""
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    return now


def keras_model() -> keras.Sequential:
    model = keras.Sequential([keras.layers.Dense(3, "softmax", input_shape=(6,))])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


# -- one output ------------------------------------------------------------------------------------------------------


def test_it_is_renewed(shell: Shell, clock: list[float]) -> None:
    """At once, then every tenth of a second; what waits at the end of the cell is shown, once."""
    output = notebook.Renewed()
    with shell.cell():
        for number in range(5):
            output.show(f"line {number}")
            clock[0] += 0.03
        assert shell.drawn == 2 and [each["text/plain"] for each in shell.outputs.values()] == ["line 4"]
        output.show("last")
    assert shell.drawn == 3 and [each["text/plain"] for each in shell.outputs.values()] == ["last"]
    with shell.cell():
        pass
    assert shell.drawn == 3 and shell.hooks == []


def test_an_interrupted_cell_shows_the_last(shell: Shell, clock: list[float]) -> None:
    output = notebook.Renewed()
    with shell.cell():
        output.show("first")
        output.show("last")
        raise KeyboardInterrupt
    assert [each["text/plain"] for each in shell.outputs.values()] == ["last"]


def test_what_takes_long_is_drawn_seldom(shell: Shell, clock: list[float]) -> None:
    class Slow:
        def _repr_html_(self) -> str:
            clock[0] += 0.5
            return "<b></b>"

    output = notebook.Renewed()
    for _ in range(10):
        output.show(Slow())
        clock[0] += 1
    assert shell.drawn == 2
    assert "text/html" in next(iter(shell.outputs.values()))


def test_outside_of_notebooks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither in a script, nor in IPython's terminal, nor where standard output is caught."""
    assert notebook.renewed(sys.stdout) is None and not notebook.in_notebook()
    notebook.Renewed().show("nothing")
    shell = played(monkeypatch)
    assert notebook.renewed(shell.stdout) is not None
    assert notebook.renewed(io.StringIO()) is None
    shell.kernel = None
    assert notebook.renewed(shell.stdout) is None and not notebook.in_notebook()


# -- progress --------------------------------------------------------------------------------------------------------


def test_network_fit_has_one_line(shell: Shell) -> None:
    with shell.cell():
        Network(6, 3).fit((X, Y), (X, Y), epochs=4)
    (shown,) = shell.outputs.values()
    assert shown["text/plain"].startswith("Epoch 4/4 - ") and "val_accuracy" in shown["text/plain"]
    assert "\n" not in shown["text/plain"] and shell.stdout.getvalue() == ""


def test_verbose_2_has_a_line_an_epoch(shell: Shell) -> None:
    with shell.cell():
        Network(6, 3).fit((X, Y), epochs=4, verbose=2)
        Network(6, 3).fit((X, Y), epochs=4, verbose=0)
    assert shell.outputs == {} and shell.stdout.getvalue().count("Epoch ") == 4


def test_the_bar_says_which_epoch(shell: Shell) -> None:
    with shell.cell():
        EpochLines().console.bar(3, 10, "loss 1", "Epoch 2/7 ")
    (shown,) = shell.outputs.values()
    assert shown["text/plain"] == f"Epoch 2/7 [{'=' * 9}{'.' * 21}] 3/10 loss 1"


def test_keras_fit_has_one_output(shell: Shell) -> None:
    """Of all epochs; evaluate and predict have one each."""
    model = keras_model()
    with shell.cell():
        model.fit(X, Y, epochs=3)
    ((_, shown),) = shell.outputs.items()
    assert shown["text/plain"].startswith("Epoch 3/3\n2/2 ━") and "accuracy" in shown["text/plain"]
    with shell.cell():
        model.evaluate(X, Y)
        model.predict(X)
    assert len(shell.outputs) == 3 and shell.stdout.getvalue() == ""
    with shell.cell():
        model.fit(X, Y, epochs=3, verbose=2)
    assert len(shell.outputs) == 3 and shell.stdout.getvalue().count("Epoch ") == 3


# -- the live curve --------------------------------------------------------------------------------------------------


def by_network(epochs: int) -> None:
    Network(6, 3).fit((X, Y), (X, Y), epochs=epochs, verbose=0, callbacks=[fastnn.LiveCurve()])


def by_keras(epochs: int) -> None:
    live = keras.callbacks.LiveCurve()
    keras_model().fit(X, Y, epochs=epochs, validation_data=(X, Y), verbose=0, callbacks=[live])


def by_hand(epochs: int) -> None:
    live = fastnn.LiveCurve()
    for epoch in range(epochs):
        live.update(loss=1 / (epoch + 1), val_loss=1.0, accuracy=0.0, val_accuracy=0.5)


@pytest.mark.parametrize("run", [by_network, by_keras, by_hand])
def test_live_curve(run: Callable[[int], None], shell: Shell) -> None:
    """One output, whose last state has all epochs: a dot for each of both kinds in both charts."""
    with shell.cell():
        run(5)
    (shown,) = shell.outputs.values()
    assert shown["text/plain"].startswith("History(5 epochs: ")
    page = Page(shown["text/html"])
    assert [tag for tag, _ in page.tags].count("svg") == 2
    assert [tag for tag, _ in page.tags].count("circle") == 5 * 4


def test_live_curves_of_two_cells(shell: Shell) -> None:
    live = fastnn.LiveCurve()
    for _ in range(2):
        with shell.cell():
            Network(6, 3).fit((X, Y), epochs=2, verbose=0, callbacks=[live])
    assert len(shell.outputs) == 2


def test_live_curve_outside_of_notebooks() -> None:
    for kind in (fastnn.LiveCurve, keras.callbacks.LiveCurve):
        with pytest.warns(UserWarning, match=r"LiveCurve draws in a notebook's cell, and this is none"):
            live = kind()
    with pytest.warns(UserWarning, match="LiveCurve"):
        live = fastnn.LiveCurve()
    live.update(loss=1.0)
    assert live.history.loss == [1.0]


# -- interrupts ------------------------------------------------------------------------------------------------------


class Interrupt(Callback):
    """Ctrl-C after the third epoch, before others hear of it."""

    def on_epoch_begin(self, trainer: Trainer, epoch: int) -> None:
        if epoch == 3:
            raise KeyboardInterrupt


def interrupted_network() -> Any:
    network = Network(6, 3)
    assert network.history.epoch == []
    with pytest.raises(KeyboardInterrupt):
        network.fit((X, Y), epochs=9, verbose=0, callbacks=[Interrupt()])
    return network.history


def interrupted_trainer() -> Any:
    model = nn.Linear(6, 3)
    trainer = Trainer(model, nn.CrossEntropyLoss(), optim.SGD(model.parameters(), lr=0.1), outputs=True)
    with pytest.raises(KeyboardInterrupt):
        trainer.fit((X, Y), epochs=9, callbacks=[Interrupt()])
    return trainer.history


def interrupted_keras() -> Any:
    def stop(epoch: int, logs: Any) -> None:
        if epoch == 3:
            raise KeyboardInterrupt

    model = keras_model()
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y, epochs=9, verbose=0, callbacks=[keras.callbacks.LambdaCallback(on_epoch_begin=stop)])
    return model.history


@pytest.mark.parametrize("run", [interrupted_network, interrupted_trainer, interrupted_keras])
def test_the_history_survives_an_interrupt(run: Callable[[], Any]) -> None:
    history = run()
    assert history.epoch == [0, 1, 2] and len(history.loss) == len(history.accuracy) == 3
    assert len(list(history)) == 3 and "the last of 3 epochs" in history._repr_html_()


def test_a_subclass_has_its_own_history() -> None:
    class Mine(Network):
        def __init__(self) -> None:
            super().__init__(6, 3)
            self.history = ["mine"]

    network = Mine()
    network.fit((X, Y), epochs=1, verbose=0)
    assert network.history == ["mine"]
