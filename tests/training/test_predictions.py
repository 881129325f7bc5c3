"""What outputs predict, by the loss; numbers as they are, whatever their dtype; what is unlike the training."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fastnn
import numpy as np
import pytest
from fastnn import FormatError, Network, Trainer, keras, nn, optim
from fastnn.nn import functional
from fastnn.training.feed import Feed
from fastnn.training.input_range import range_of
from fastnn.training.model_files import load_model
from fastnn.training.model_info import ModelInfo
from fastnn.utils.data import DataLoader, TensorDataset

X = np.linspace(0, 1, 48, dtype=np.float32).reshape(16, 3)
CLASSES = np.arange(16) % 2
ROWS = np.stack([X[:, 0], 2 * X[:, 1] + 3], axis=1)
ONE_HOT = np.eye(2, dtype=np.float32)[CLASSES]
LINE = 2 * X[:, :1] + 3
SIDES = CLASSES[:, None].astype(np.float32)


def softmax(scores: np.ndarray) -> np.ndarray:
    powers = np.exp(scores.astype(np.float64))
    return powers / powers.sum(axis=1, keepdims=True)


def sigmoid(scores: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-scores.astype(np.float64)))


def same(scores: np.ndarray) -> np.ndarray:
    return scores


class OwnSquares(nn.Module):
    def forward(self, x: Any, y: Any) -> Any:
        return ((x - y) ** 2).mean()


class OwnEntropy(nn.CrossEntropyLoss):
    pass


def own_entropy(x: Any, y: Any) -> Any:
    return functional.cross_entropy(x, y) * 2


# (loss, targets, what the outputs predict)
LOSSES: dict[str, tuple[Any, np.ndarray, Callable[[np.ndarray], np.ndarray]]] = {
    "cross_entropy": ("cross_entropy", CLASSES, softmax),
    "mse of a number": ("mse", LINE, same),
    "mse of rows": ("mse", ROWS, same),
    "mse of one-hot rows": ("mse", ONE_HOT, same),
    "bce of one": ("bce_with_logits", SIDES, sigmoid),
    "bce of several": ("bce_with_logits", ONE_HOT, sigmoid),
    "an object": (nn.CrossEntropyLoss(), CLASSES, softmax),
    "mse as an object": (nn.MSELoss(), LINE, same),
    "log-probabilities": (nn.NLLLoss(), CLASSES, softmax),
    "a function": (functional.mse_loss, ROWS, same),
    "a function of classes": (functional.cross_entropy, CLASSES, softmax),
    "a function of sides": (functional.binary_cross_entropy_with_logits, SIDES, sigmoid),
    "a subclass": (OwnEntropy(), CLASSES, softmax),
    "one's own": (OwnSquares(), ROWS, same),
    "one's own of classes": (own_entropy, CLASSES, softmax),
}


def fitted(name: str, how: str) -> Network:
    loss, y, _ = LOSSES[name]
    fastnn.manual_seed(2)
    network = Network(3, 5, y.shape[1] if y.ndim > 1 else 2)
    if how == "trainer":
        criterion = {
            "cross_entropy": nn.CrossEntropyLoss(),
            "mse": nn.MSELoss(),
            "bce_with_logits": nn.BCEWithLogitsLoss(),
        }
        criterion = criterion[loss] if isinstance(loss, str) else loss
        Trainer(network, criterion, optim.Adam(network.parameters())).fit((X, y), epochs=2)
        return network
    data = {"arrays": (X, y), "loader": DataLoader(TensorDataset(fastnn.tensor(X), fastnn.tensor(y)), batch_size=4)}[
        how
    ]
    network.fit(data, loss=loss, epochs=2, verbose=0)
    return network


def scores(network: Network) -> np.ndarray:
    return network(fastnn.tensor(X)).detach().numpy()


@pytest.mark.parametrize("how", ["arrays", "loader", "trainer"])
@pytest.mark.parametrize("name", LOSSES)
def test_predictions_are_those_of_the_loss(name: str, how: str, tmp_path: Path) -> None:
    """Also from a file, and after another save."""
    network, meaning = fitted(name, how), LOSSES[name][2]
    expected = meaning(scores(network))
    assert np.allclose(network.predict(X), expected, rtol=1e-5, atol=1e-7)
    for ending in ("pth", "safetensors", "again.pth"):
        network.save(tmp_path / f"n.{ending}")
        network = Network.load(tmp_path / f"n.{ending}")
        assert np.allclose(network.predict(X), expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("name", LOSSES)
def test_a_loaded_network_is_evaluated_with_its_loss(name: str, tmp_path: Path) -> None:
    if name.startswith("one's own"):
        pytest.skip("no file holds that loss")
    network, y = fitted(name, "arrays"), LOSSES[name][1]
    network.save(tmp_path / "n.pth")
    found, expected = Network.load(tmp_path / "n.pth").evaluate((X, y)), network.evaluate((X, y))
    assert np.array_equal(found, expected, equal_nan=True)


def test_before_any_fit() -> None:
    fastnn.manual_seed(2)
    several, one = Network(3, 4, 2), Network(3, 4, 1)
    assert np.allclose(several.predict(X), softmax(scores(several)), rtol=1e-5)
    assert np.array_equal(one.predict(X), scores(one))


def test_the_last_fit_counts() -> None:
    network = Network(3, 2)
    network.fit((X, CLASSES), epochs=1, verbose=0)
    network.fit((X, ROWS), loss="mse", epochs=1, verbose=0)
    assert np.array_equal(network.predict(X), scores(network))
    network.fit((X, CLASSES), epochs=1, verbose=0)
    assert np.allclose(network.predict(X).sum(axis=1), 1)


def test_a_number_is_no_class() -> None:
    network = fitted("mse of a number", "arrays")
    with pytest.raises(ValueError, match=r"trained to give a number: it tells no classes apart. Use predict\(\)"):
        network.predict_classes(X)
    assert set(fitted("bce of one", "arrays").predict_classes(X)) <= {0, 1}


def test_what_a_save_is_told_counts(tmp_path: Path) -> None:
    network = Network(3, 2)
    network.save(tmp_path / "n.pth", outputs="numbers")
    assert np.array_equal(Network.load(tmp_path / "n.pth").predict(X), scores(network))


# -- the rule of scaling ---------------------------------------------------------------------------------------------

PIXELS = np.array([[0, 90, 180], [240, 3, 7], [1, 0, 255], [12, 13, 14]], np.uint8)
LABELS = np.array([0, 1, 1, 0])
FORMS: dict[str, Callable[[np.ndarray], Any]] = {
    "uint8": lambda x: x,
    "list": lambda x: x.tolist(),
    "list of floats": lambda x: x.astype(float).tolist(),
    "int64": lambda x: x.astype(np.int64),
    "int32": lambda x: x.astype(np.int32),
    "float32": lambda x: x.astype(np.float32),
    "float64": lambda x: x.astype(np.float64),
    "tensor": fastnn.tensor,
    "float tensor": lambda x: fastnn.tensor(x.astype(np.float32)),
}


def network_on(x: Any) -> tuple[list[float], Network]:
    fastnn.manual_seed(4)
    network = Network(3, 4, 2)
    history = network.fit((x, LABELS), val=(x, LABELS), epochs=3, verbose=0)
    return history.loss + history.val_loss, network


def loaded_with(x: Any) -> tuple[list[float], Network]:
    fastnn.manual_seed(4)
    network = Network(3, 4, 2)
    loader = DataLoader(TensorDataset(fastnn.as_tensor(x), fastnn.tensor(LABELS)), batch_size=64, shuffle=True)
    return network.fit(loader, epochs=3, verbose=0).loss, network


def keras_on(x: Any) -> tuple[list[float], Any]:
    fastnn.manual_seed(4)
    model = keras.Sequential([keras.layers.Dense(2, "softmax", input_shape=(3,))])
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model.fit(x, LABELS, epochs=3, verbose=0, validation_data=(x, LABELS)).history["val_loss"], model


@pytest.mark.parametrize("form", FORMS)
def test_numbers_are_taken_as_they_are(form: str) -> None:
    """In fit, evaluate, predict and Keras style alike: the dtype decides nothing."""
    plain, x = PIXELS.astype(np.float32), FORMS[form](PIXELS)
    fastnn.manual_seed(0)
    network = Network(3, 4, 2)
    by_hand = scores_of(network, plain)
    assert np.array_equal(network.predict_classes(x), by_hand.argmax(axis=1))
    assert np.array_equal(network.predict(x), network.predict(plain))
    assert np.allclose(network.predict(x), softmax(by_hand - by_hand.max(axis=1, keepdims=True)), atol=1e-6)
    assert network.evaluate((x, LABELS)) == network.evaluate((plain, LABELS))
    for fit in (network_on, loaded_with, keras_on):
        (losses, model), (expected, other) = fit(x), fit(plain)
        assert losses == expected
        assert np.array_equal(model.predict(x), other.predict(plain))


def scores_of(network: Network, x: np.ndarray) -> np.ndarray:
    """By hand, in float64."""
    first, second = network.layer1, network.layer2
    w1, b1, w2, b2 = (
        p.detach().numpy().astype(np.float64) for p in (first.weight, first.bias, second.weight, second.bias)
    )
    return np.maximum(x @ w1.T + b1, 0) @ w2.T + b2


USES: dict[str, Callable[[Any, Any], Any]] = {
    "predict": lambda model, x: model.predict(x),
    "predict_classes": lambda model, x: model.predict_classes(x),
}
FITS = {"network": network_on, "keras": keras_on}
UNLIKE = {
    "pixels not scaled": (
        PIXELS / 255,
        PIXELS,
        r"from 0 to 255; .*trained on values from 0 to 1: divide pixels by 255",
    ),
    "floats not scaled": (PIXELS / 255, PIXELS.astype(np.float32), "divide pixels by 255"),
    "normalised": ((PIXELS / 255 - 0.13) / 0.31, PIXELS, "divide pixels by 255"),
    "scaled once too often": (PIXELS.astype(np.float32), PIXELS / 255, "from 0 to 1; .* from 0 to 255: give it inputs"),
    "another unit": (PIXELS / 255e3, PIXELS / 255, "give it inputs scaled as those were"),
}


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("case", UNLIKE)
def test_what_does_not_look_like_the_training_is_said(case: str, fit: str, use: str, tmp_path: Path) -> None:
    x, other, said = UNLIKE[case]
    _, model = FITS[fit](x)
    ways = [lambda: USES[use](model, other), lambda: model.evaluate(*given(fit, other))]
    if fit == "network":
        model.save(tmp_path / "n.pth")
        again = Network.load(tmp_path / "n.pth")
        ways += [lambda: USES[use](again, other), lambda: again.evaluate((other, LABELS))]
    for way in ways:
        with pytest.warns(UserWarning, match=said) as caught:
            way()
        assert use != "predict" or caught[0].filename == __file__
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            USES[use](model, x)


def given(fit: str, x: Any) -> tuple:
    return ((x, LABELS),) if fit == "network" else (x, LABELS)


@pytest.mark.parametrize("fit", FITS)
def test_validation_data_of_another_scale_are_said(fit: str) -> None:
    model = FITS[fit](PIXELS / 255)[1]
    options = {"epochs": 1, "verbose": 0}
    with pytest.warns(UserWarning, match="divide pixels by 255"):
        if fit == "network":
            model.fit((PIXELS / 255, LABELS), (PIXELS, LABELS), **options)
        else:
            model.fit(PIXELS / 255, LABELS, validation_data=(PIXELS, LABELS), **options)


@pytest.mark.parametrize("norm", [None, (np.array([0.1, 0.5]), np.array([0.2, 2.0]))])
def test_ranges_are_those_of_the_batches(norm: Any) -> None:
    """Of images of two channels, normalised or not."""
    images = np.array([[[[0, 51]], [[102, 255]]], [[[204, 153]], [[255, 255]]]], np.uint8)
    feed = Feed(images, np.zeros(2, np.int64), *(norm or (None, None)))
    batch, _ = feed.batch(np.arange(2))
    assert np.allclose(range_of(feed), [batch.min(), batch.max()], rtol=1e-6)
    assert np.allclose(range_of(feed), [0, 1] if norm is None else [-0.5, 3.5])  # (0 - 0.1) / 0.2, (0.8 - 0.1) / 0.2


@pytest.mark.parametrize("other", [np.zeros((2, 3)), PIXELS / 255 * 3, -PIXELS / 255, PIXELS[:1] / 255, PIXELS[:0]])
def test_nothing_is_said_of_what_may_be_the_same(other: np.ndarray) -> None:
    network_on(PIXELS / 255)[1].predict(other)
    keras_on(PIXELS / 255)[1].predict(other, verbose=0)


# -- what files tell -------------------------------------------------------------------------------------------------


class Tanh(Network):
    def forward(self, x: Any) -> Any:
        return self.layer2(self.layer1(x).tanh())


def test_a_forward_of_its_own_is_told(tmp_path: Path) -> None:
    """Loaded by its class it is the same; by another one it is said what is assumed."""
    network = Tanh(3, 4, 2)
    expected = network.predict(X)
    network.save(tmp_path / "n.pth")
    assert np.array_equal(Tanh.load(tmp_path / "n.pth").predict(X), expected)
    with pytest.warns(
        UserWarning, match=r"Assumed: its layers: ReLU between them \(it was a 'Tanh', with a forward of"
    ):
        other = Network.load(tmp_path / "n.pth")
    assert type(other) is Network and not np.array_equal(other.predict(X), expected)


def test_a_file_that_tells_nothing(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    fastnn.save(model.state_dict(), tmp_path / "n.pth")
    said = r"n\.pth does not tell how .* Assumed: its layers: ReLU between them, nothing .*; its outputs: scores"
    with pytest.warns(UserWarning, match=said):
        Network.load(tmp_path / "n.pth")


def test_a_pickle_of_an_earlier_version() -> None:
    network = Network(3, 4, 2)
    state = {name: value for name, value in network.__getstate__().items() if name not in ("_info", "_turns")}
    former = Network.__new__(Network)
    former.__dict__.update(state)
    assert np.array_equal(former.predict(X), network.predict(X))
    again = pickle.loads(pickle.dumps(fitted("mse of rows", "arrays")))
    assert np.array_equal(again.predict(X), scores(again))


def test_a_model_of_keras_style_is_another(tmp_path: Path) -> None:
    """Also where its kernels are square, so that their shapes tell nothing."""
    model = keras.Sequential([keras.layers.Dense(3, "tanh", input_shape=(3,)), keras.layers.Dense(3)])
    model.save(tmp_path / "n.safetensors")
    with pytest.raises(FormatError, match=r"is a model of fastnn\.keras: keras\.models\.load_model reads it"):
        Network.load(tmp_path / "n.safetensors")


def test_a_file_of_an_earlier_version(tmp_path: Path) -> None:
    """It has no more than the first five fields."""
    from fastnn import io

    network = Network(784, 10)
    text = '{"version": 1, "sizes": [784, 10], "classes": [], "input_shape": [1, 28, 28], "mean": null, "std": null}'
    io.save_pth(
        tmp_path / "n.pth", {k: v.numpy() for k, v in network.state_dict().items()}, {"fastnn.json": text.encode()}
    )
    loaded, info = load_model(tmp_path / "n.pth")
    assert info == ModelInfo((784, 10), [], (1, 28, 28), version=1)
    assert np.array_equal(loaded.predict(np.ones((1, 784))), network.predict(np.ones((1, 784))))


@pytest.mark.parametrize(
    "change",
    [
        {"outputs": "classes"},
        {"outputs": 3},
        {"ground": "grey"},
        {"preparation": ["mnist"]},
        {"input_range": [1]},
        {"input_range": "ab"},
        {"version": "two"},
        {"loss": "NoLoss", "outputs": "x" * 10**5},
    ],
)
def test_a_description_that_makes_no_sense(change: dict, tmp_path: Path) -> None:
    Network(3, 2).save(tmp_path / "n.pth", **change)
    with pytest.raises(FormatError, match=r"n\.pth: its description of the network is damaged") as caught:
        Network.load(tmp_path / "n.pth")
    assert len(str(caught.value)) < 500


def test_a_loss_of_another_version_is_the_usual_one(tmp_path: Path) -> None:
    network = Network(3, 1)
    network.save(tmp_path / "n.pth", loss="Module", outputs="numbers")
    found = Network.load(tmp_path / "n.pth").evaluate((X, LINE))[0]
    assert np.isclose(found, ((scores(network) - LINE) ** 2).mean())


@pytest.mark.parametrize(
    ("x", "facts"),
    [
        (np.zeros((5, 784)), {"ground": "dark", "preparation": "scaled", "input_shape": (1, 28, 28), "mean": None}),
        (np.ones((5, 28, 28)), {"ground": "light", "input_shape": (1, 28, 28), "mean": None}),
        (
            np.full((5, 3, 9, 9), 255),
            {"ground": "light", "input_shape": (3, 9, 9), "mean": [0.0] * 3, "std": [1 / 255] * 3},
        ),
        (np.arange(2).repeat(100).reshape(2, 100), {"ground": "mixed", "input_shape": (1, 10, 10)}),
        (np.full((5, 784), -0.4), {"ground": "", "preparation": "", "input_shape": (), "mean": None}),
        (np.zeros((5, 4)), {"ground": "", "input_shape": ()}),
        (np.zeros((5, 9, 9, 3)), {"ground": "", "input_shape": ()}),
    ],
)
def test_what_a_fit_tells_of_images(x: np.ndarray, facts: dict) -> None:
    network = Network(x[0].size, 2)
    network.fit((x, np.arange(len(x)) % 2), epochs=1, verbose=0)
    assert {name: getattr(network._info, name) for name in facts} == facts
    assert network._info.input_range == [x.min().astype(np.float32), x.max().astype(np.float32)]
