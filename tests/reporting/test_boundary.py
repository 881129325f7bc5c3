"""The picture of a decision boundary: its regions, its points, and models of every kind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import fastnn
import numpy as np
import pytest
from fastnn import Network, keras, nn, plot
from fastnn.reporting.boundary import numbers_of, shares_of
from matplotlib.collections import PathCollection
from matplotlib.colors import to_rgb

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")
X = np.random.default_rng(0).uniform(-1, 1, (60, 2)).astype(np.float32)
Y = (X[:, 0] > 0).astype(np.int64)


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    import matplotlib.pyplot

    matplotlib.pyplot.close("all")
    plot.size("screen")


def layer(weight: list[list[float]]) -> nn.Linear:
    """Scores that rise with the first number alone."""
    linear = nn.Linear(2, len(weight))
    with fastnn.no_grad():
        linear.weight.copy_(fastnn.tensor(weight))
        linear.bias.zero_()
    return linear


def sure(p: np.ndarray) -> np.ndarray:
    """Of class 1."""
    return 1 / (1 + np.exp(-8 * np.asarray(p)[:, :1]))


def network() -> Network:
    return Network(layer([[-4.0, 0.0], [4.0, 0.0]]))


def keras_model() -> keras.Sequential:
    model = keras.Sequential([keras.layers.Dense(2, "softmax", input_shape=(2,))])
    model.set_weights([np.array([[-4, 4], [0, 0]], np.float32), np.zeros(2, np.float32)])
    return model


class Estimator:
    """As scikit-learn's."""

    classes_ = np.array(["left", "right"])

    def predict_proba(self, p: np.ndarray) -> np.ndarray:
        return np.concatenate([1 - sure(p), sure(p)], axis=1)


KINDS: dict[str, Any] = {
    "network": network,
    "module": lambda: nn.Sequential(layer([[-4.0, 0.0], [4.0, 0.0]]), nn.Dropout(0.9)),
    "float64": lambda: layer([[-4.0, 0.0], [4.0, 0.0]]).double(),
    "a logit": lambda: layer([[8.0, 0.0]]),
    "keras": keras_model,
    "estimator": Estimator,
    "one probability": lambda: sure,
    "class numbers": lambda: lambda p: (p[:, 0] > 0).astype(int),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_model(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    """All of them say the same, in probabilities that add up to 1; none prints or trains."""
    model = KINDS[kind]()
    if isinstance(model, nn.Module):
        model.train()
    shares = shares_of(model, X)
    np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-6)
    expected = np.concatenate([1 - sure(X), sure(X)], axis=1)
    np.testing.assert_allclose(shares, expected.round() if kind == "class numbers" else expected, atol=1e-5)
    assert capsys.readouterr().out == ""
    assert not isinstance(model, nn.Module) or model.training


def points(panel: Any) -> list[Any]:
    return [each for each in panel.collections if isinstance(each, PathCollection)]


def wrong(panel: Any) -> np.ndarray:
    return np.concatenate([each.get_offsets() for each in points(panel) if each.get_label() == "_nolegend_"])


def test_regions_and_points() -> None:
    """The class's colour on its side, paler at the border; right points are dots, wrong ones crosses."""
    y = Y.copy()
    y[:4] = 1 - y[:4]
    figure = plot.decision_boundary(network(), X, y, ["left", "right"], resolution=50)
    (panel,) = figure.axes
    picture = np.asarray(panel.images[0].get_array())
    assert picture.shape == (50, 50, 3)
    blue, orange = (np.array(to_rgb(f"C{i}")) for i in range(2))
    for column, colour in ((0, blue), (49, orange)):  # 0.55 of the colour where the model is sure
        np.testing.assert_allclose(picture[25, column], 1 - 0.55 * (1 - colour), atol=0.01)
    assert picture[25, 25].min() > picture[25, 0].min() + 0.2
    low, high = X.min(axis=0), X.max(axis=0)
    left, right, bottom, top = panel.images[0].get_extent()
    assert left < low[0] and right > high[0] and bottom < low[1] and top > high[1]
    assert sum(len(each.get_offsets()) for each in points(panel)) == 60
    assert [text.get_text() for text in panel.get_legend().get_texts()] == ["left", "right"]
    np.testing.assert_array_equal(np.sort(wrong(panel), axis=0), np.sort(X[:4], axis=0))


def test_labels_of_an_estimator() -> None:
    figure = plot.decision_boundary(Estimator(), X, Estimator.classes_[Y])
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == ["left", "right"]
    assert not len(wrong(figure.axes[0]))


def test_without_labels_there_are_no_points() -> None:
    assert plot.decision_boundary(network(), fastnn.tensor(X)).axes[0].get_legend() is None


def test_mistakes() -> None:
    for call, message in (
        (lambda: plot.decision_boundary(network(), np.zeros((4, 3))), r"x has shape \(4, 3\); a plane needs points"),
        (lambda: plot.decision_boundary(network(), X, Y[:5]), "60 points but 5 labels"),
        (lambda: plot.decision_boundary(network(), X, Y + 1), r"class numbers must lie in 0\.\.1"),
        (lambda: plot.decision_boundary(network(), X, Y, ["a"]), "1 names but 2 classes"),
        (lambda: numbers_of(["up"], 1, ["left"], 1), "the model has no class 'up'"),
        (lambda: plot.size("cinema"), "unknown size 'cinema'. Known: screen, projector, or a number"),
        (lambda: plot.size(0), "size is 0; it must be above 0"),
    ):
        with pytest.raises(ValueError, match=message):
            call()


def test_sizes() -> None:
    """A projector has pictures of twice the pixels, with everything in them twice as large."""
    small = plot.curves({"loss": [2, 1]})
    plot.size("projector")
    large = plot.curves({"loss": [2, 1]})
    assert large.dpi == 2 * small.dpi and tuple(large.get_size_inches()) == tuple(small.get_size_inches())
    plot.size(1.5)
    assert plot.curves({"loss": [2, 1]}).dpi == 1.5 * small.dpi
