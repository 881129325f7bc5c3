"""Pictures: what is drawn is what the numbers are; matplotlib's absence is told."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fastnn import Network, keras, nn, plot
from fastnn.training.history import History

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")
RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    import matplotlib.pyplot

    matplotlib.pyplot.close("all")


def lines(panel: object) -> dict[str, list[float]]:
    return {line.get_label(): list(line.get_ydata()) for line in panel.lines}


def test_curves(tmp_path: Path) -> None:
    history = History()
    for epoch, (loss, val) in enumerate(((3, 4), (2, 2), (1, 3))):
        history.append(epoch, {"accuracy": epoch / 3, "loss": loss, "val_accuracy": 0.5 - epoch, "val_loss": val})
    figure = history.plot("digits")
    loss, accuracy = figure.axes
    assert (loss.get_ylabel(), accuracy.get_ylabel(), loss.get_xlabel()) == ("loss", "accuracy", "epoch")
    assert lines(loss) == {"training loss": [3, 2, 1], "validation loss": [4, 2, 3], "best epoch: 2": [0, 1]}
    assert "best epoch: 1" in lines(accuracy)
    figure.savefig(tmp_path / "curves.png")
    assert (tmp_path / "curves.png").stat().st_size > 5000


def test_curves_with_gaps() -> None:
    """Validation every second epoch; one that became NaN."""
    figure = plot.curves({"loss": [4, 3, 2, 1], "val_loss": [3, np.nan]})
    line = figure.axes[0].lines[1]
    assert list(line.get_xdata()) == [2, 4] and "best epoch: 2" in lines(figure.axes[0])
    assert len(plot.curves({"loss": [1], "val_loss": [np.nan]}).axes[0].lines) == 2


@pytest.mark.parametrize(("name", "best"), [("r2", 2), ("auc", 2), ("score", 2), ("mae", 3), ("loss", 3)])
def test_the_best_epoch_by_what_the_metric_means(name: str, best: int) -> None:
    """Also of one that is only of validation."""
    figure = plot.curves({"val_" + name: [0.5, 0.9, 0.1]})
    assert lines(figure.axes[0]) == {f"validation {name}": [0.5, 0.9, 0.1], f"best epoch: {best}": [0, 1]}


def test_curves_of_what_fit_returns() -> None:
    x, y = RNG.random((30, 4)).astype(np.float32), np.arange(30) % 3
    figure = Network(4, 3).fit((x, y), epochs=2, verbose=0).plot()
    assert [panel.get_ylabel() for panel in figure.axes] == ["loss", "accuracy"]
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    figure = model.fit(x, y, epochs=2, validation_split=0.5, verbose=0).plot()
    assert list(lines(figure.axes[0]))[:2] == ["training loss", "validation loss"]


def test_weights() -> None:
    """On one scale around zero, in the layer's order."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(12, 5), nn.ReLU(), nn.Linear(5, 2))
    array = model[1].weight.detach().numpy()
    figure = plot.weights(model, (3, 4), labels="abcde")
    for number, panel in enumerate(figure.axes[:5]):
        (image,) = panel.images
        np.testing.assert_array_equal(np.asarray(image.get_array()), array[number].reshape(3, 4))
        assert image.get_clim() == pytest.approx((-np.abs(array).max(), np.abs(array).max()))
        assert panel.get_title() == "abcde"[number]
    assert len(plot.weights(np.zeros((13, 9))).axes) == 20


def test_images() -> None:
    pictures = RNG.random((12, 3, 4, 5))
    figure = plot.images(pictures, labels=range(12))
    np.testing.assert_array_equal(np.asarray(figure.axes[11].images[0].get_array()), np.moveaxis(pictures[11], 0, -1))
    assert figure.axes[11].get_title() == "11"
    for shape in ((2, 4, 5), (2, 1, 4, 5)):
        assert np.asarray(plot.images(np.zeros(shape)).axes[0].images[0].get_array()).shape == (4, 5)


def test_confusion() -> None:
    figure = plot.confusion([0, 0, 1, 2], [0, 1, 1, 0], classes=["猫", "b", "c"])
    (panel,) = figure.axes
    drawn = {tuple(map(int, text.get_position()[::-1])): int(text.get_text()) for text in panel.texts}
    assert drawn == {(0, 0): 1, (0, 1): 1, (1, 1): 1, (2, 0): 1}
    assert [label.get_text() for label in panel.get_yticklabels()] == ["猫", "b", "c"]


def test_confusion_of_words() -> None:
    words = ["cat", "dog", "cat", "eel"]
    (panel,) = plot.confusion(words, np.array(["cat", "dog", "dog", "cat"])).axes
    drawn = {tuple(map(int, text.get_position()[::-1])): int(text.get_text()) for text in panel.texts}
    assert drawn == {(0, 0): 1, (1, 1): 1, (0, 1): 1, (2, 0): 1}
    assert [label.get_text() for label in panel.get_yticklabels()] == ["cat", "dog", "eel"]
    with pytest.raises(ValueError, match="'eel' is not in list"):
        plot.confusion(words, words, classes=["cat", "dog"])


def test_chinese_titles(tmp_path: Path) -> None:
    """In a font that has them, where one is installed: a glyph that is missing is a warning, which is an error here."""
    if len(plot._fonts()) == 1:
        pytest.skip("no font with Chinese glyphs")
    plot.curves({"loss": [2, 1]}, "损失").savefig(tmp_path / "curves.png")
    x = RNG.random((8, 2)).astype(np.float32)
    figure = plot.decision_boundary(lambda p: p[:, :1] - 0.5, x, x[:, 0] > 0.5, ["蓝", "橙"], resolution=20)
    figure.savefig(tmp_path / "plane.png")


def test_every_number_of_a_confusion_is_seen() -> None:
    """Also where no cell is empty: dark digits on light cells, light ones on dark."""
    (panel,) = plot.confusion([0] * 50 + [1] * 50, [0] * 38 + [1] * 12 + [0] * 24 + [1] * 26).axes
    (image,) = panel.images
    colours = image.cmap(image.norm(image.get_array()))[..., :3].mean(axis=-1)
    for text in panel.texts:
        column, row = map(int, text.get_position())
        assert abs(colours[row, column] - matplotlib.colors.to_rgb(text.get_color())[0]) > 0.35


def test_mistakes() -> None:
    for call, message in (
        (lambda: History().plot(), "the history is empty"),
        (lambda: plot.images(np.zeros((2, 2))), r"pictures have shape \(2, 2\)"),
        (lambda: plot.images(np.zeros((2, 2, 2)), [1]), "2 pictures but 1 labels"),
        (lambda: plot.weights(nn.ReLU()), "this ReLU has no linear layer"),
        (lambda: plot.weights(np.zeros((3, 8))), "a unit has 8 weights, which is no image of 3 x 3"),
        (lambda: plot.confusion([0, 1], [0]), "class numbers of shape"),
        (lambda: plot.confusion([0, 2], [0, 1], classes="ab"), r"class numbers must lie in 0\.\.1"),
    ):
        with pytest.raises(ValueError, match=message):
            call()


def test_without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("matplotlib")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"pip install matplotlib"):
        plot.confusion([0], [0])
