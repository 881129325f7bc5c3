"""Functional models: layers called with each other's results; merging layers; files, copies, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import fastnn
import numpy as np
import pytest
from fastnn import io, keras
from fastnn.errors import FormatError
from fastnn.keras import layers

RNG = np.random.default_rng(6)
X = RNG.standard_normal((40, 4)).astype(np.float32)
Y = (X.sum(1) > 0).astype(np.int64)


def residual(compiled: bool = True) -> keras.Model:
    """Two ways from the input, a layer in two places, softmax behind."""
    fastnn.manual_seed(4)
    x = keras.Input(shape=(4,), name="x")
    shared = layers.Dense(4, activation="tanh", name="shared")
    a = shared(x)
    b = layers.Add(name="sum")([x, shared(a)])
    c = layers.concatenate([a, b], name="both")
    model = keras.Model(inputs=x, outputs=layers.Dense(2, activation="softmax", name="out")(c), name="net")
    if compiled:
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def by_hand(model: keras.Model, x: np.ndarray) -> np.ndarray:
    w, b, v, c = model.get_weights()
    first = np.tanh(x @ w + b)
    logits = np.concatenate([first, x + np.tanh(first @ w + b)], axis=1) @ v + c
    shares = np.exp(logits - logits.max(1, keepdims=True))
    return shares / shares.sum(1, keepdims=True)


def test_outputs_by_hand() -> None:
    model = residual(False)
    assert [layer.name for layer in model.layers] == ["x", "shared", "sum", "both", "out"]
    assert model.input_shape == (None, 4) and model.output_shape == (None, 2)
    assert model.input.shape == (None, 4) and model.output.shape == (None, 2) and model.count_params() == 20 + 18
    np.testing.assert_allclose(model.predict(X, verbose=0), by_hand(model, X), rtol=2e-6)
    np.testing.assert_allclose(model(X).numpy(), by_hand(model, X), rtol=2e-6)


def test_it_learns_as_its_formula_does() -> None:
    """Loss and accuracy before the first step; one SGD step by finite differences; then to the end."""
    model = residual()
    model.compile(keras.optimizers.SGD(learning_rate=0.5), "sparse_categorical_crossentropy", metrics=["accuracy"])
    before, shares = model.get_weights(), by_hand(model, X)

    def loss_at(weights: list[np.ndarray]) -> float:
        model.set_weights(weights)
        return float(-np.log(by_hand(model, X.astype(np.float64))[np.arange(40), Y]).mean())

    loss, accuracy = model.evaluate(X, Y, verbose=0)
    assert loss == pytest.approx(loss_at(before), rel=1e-5) and accuracy == (shares.argmax(1) == Y).mean()
    model.train_on_batch(X, Y)
    after = model.get_weights()
    for number, at in ((0, (1, 2)), (1, (3,)), (2, (5, 1))):
        up, down = ([w.copy() for w in before] for _ in range(2))
        up[number][at] += 1e-2
        down[number][at] -= 1e-2
        slope = (loss_at(up) - loss_at(down)) / 2e-2
        assert (before[number][at] - after[number][at]) / 0.5 == pytest.approx(slope, rel=1e-2, abs=1e-4)
    model.set_weights(before)
    history = model.fit(X, Y, epochs=60, verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0] / 2 and history.history["accuracy"][-1] > 0.9


def test_a_chain_is_a_sequential() -> None:
    """With the same bits after training."""
    results = []
    for functional in (False, True):
        fastnn.manual_seed(1)
        parts = [layers.Dense(5, activation="relu"), layers.Dropout(0.2), layers.Dense(2, activation="softmax")]
        if functional:
            x = y = layers.Input((4,))
            for layer in parts:
                y = layer(y)
            model = keras.Model(x, y)
        else:
            model = keras.Sequential([layers.Input((4,)), *parts])
        model.compile("rmsprop", "sparse_categorical_crossentropy")
        model.fit(X, Y, epochs=3, verbose=0)
        results.append([w.tobytes() for w in model.get_weights()])
    assert results[0] == results[1]


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (layers.Add(), [5, 7, 9]), (layers.Subtract(), [-3, -3, -3]), (layers.Multiply(), [4, 10, 18]),
        (layers.Average(), [2.5, 3.5, 4.5]), (layers.Maximum(), [4, 5, 6]), (layers.Minimum(), [1, 2, 3]),
        (layers.Concatenate(), [1, 2, 3, 4, 5, 6]), (layers.add, [5, 7, 9]), (layers.subtract, [-3, -3, -3]),
        (layers.multiply, [4, 10, 18]), (layers.average, [2.5, 3.5, 4.5]), (layers.maximum, [4, 5, 6]),
        (layers.minimum, [1, 2, 3]), (layers.concatenate, [1, 2, 3, 4, 5, 6]),
    ],
)  # fmt: skip
def test_merging_layers(layer: Callable, expected: list[float]) -> None:
    pair = [np.array([[1.0, 2.0, 3.0]]), np.array([[4.0, 5.0, 6.0]])]
    assert layer(pair).tolist() == [expected]
    symbol = layer([layers.Input((3,)), layers.Input((3,))])
    assert symbol.shape == (None, len(expected))


@pytest.mark.parametrize(
    "formula",
    [
        lambda x, y: x + y, lambda x, y: y - x, lambda x, y: x * y, lambda x, y: y + 2, lambda x, y: 2.5 + y,
        lambda x, y: y - 2, lambda x, y: 1 - y, lambda x, y: 0.5 * y, lambda x, y: -y * x + x * 3,
    ],
)  # fmt: skip
def test_arithmetic(formula: Callable, tmp_path: Path) -> None:
    """Of what stands for batches as of the arrays; in files too."""
    x = keras.Input((4,))
    y = layers.Dense(4)(x)
    keras.Model(x, formula(x, y)).save(tmp_path / "m.keras")
    model = keras.models.load_model(tmp_path / "m.keras")
    w, b = model.get_weights()
    rows = X.astype(np.float64)
    np.testing.assert_allclose(model.predict(X, verbose=0), formula(rows, rows @ w + b), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("other", ["2", None, True, keras, X])
def test_arithmetic_with_other_things(other: object) -> None:
    for calculated in (lambda: keras.Input((4,)) + other, lambda: other * layers.Dense(4)(keras.Input((4,)))):
        with pytest.raises(TypeError):
            calculated()


def test_shapes_that_are_merged() -> None:
    a, b = layers.Input((2, 3)), layers.Input((2, 5))
    assert layers.Concatenate()([a, b]).shape == (None, 2, 8)
    assert layers.Concatenate(axis=1)([a, layers.Input((4, 3))]).shape == (None, 6, 3)
    assert layers.Add()([a, layers.Input((3,))]).shape == (None, 2, 3)


def test_files_and_copies(tmp_path: Path) -> None:
    model = residual()
    model.fit(X, Y, epochs=2, verbose=0)
    expected = model.predict(X, verbose=0).tobytes()
    model.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    assert type(loaded) is keras.Model and loaded.compiled and loaded.name == "net"
    assert loaded.predict(X, verbose=0).tobytes() == expected
    model.fit(X, Y, epochs=1, verbose=0, shuffle=False)
    loaded.fit(X, Y, epochs=1, verbose=0, shuffle=False)
    assert [w.tobytes() for w in loaded.get_weights()] == [w.tobytes() for w in model.get_weights()]
    for other in (keras.models.clone_model(model), keras.models.model_from_json(model.to_json())):
        other.set_weights(model.get_weights())
        assert other.predict(X, verbose=0).tobytes() == model.predict(X, verbose=0).tobytes()
        assert other.get_config() == model.get_config()
    model.save_weights(tmp_path / "w.weights.safetensors")
    fresh = residual()
    fresh.load_weights(tmp_path / "w.weights.safetensors")
    assert fresh.predict(X, verbose=0).tobytes() == model.predict(X, verbose=0).tobytes()


def test_models_within_models(tmp_path: Path) -> None:
    """A functional one in a Sequential, and both in a functional one."""
    inner = residual(False)
    model = keras.Sequential([layers.Input((4,)), layers.Dense(4, name="first"), inner])
    w, b = model.layers[0].get_weights()
    np.testing.assert_allclose(model.predict(X, verbose=0), by_hand(inner, X @ w + b), rtol=2e-5)
    x = keras.Input((4,))
    outer = keras.Model(x, layers.Average()([model(x), inner(x)]))
    assert len(outer.weights) == 6 and outer.count_params() == 20 + 38
    outer.compile("sgd", "mse")
    outer.fit(X, np.eye(2, dtype=np.float32)[Y], verbose=0)
    mean = (model.predict(X, verbose=0) + inner.predict(X, verbose=0)) / 2
    np.testing.assert_allclose(outer.predict(X, verbose=0), mean, rtol=1e-6)
    model.save(tmp_path / "m.keras")
    assert (
        keras.models.load_model(tmp_path / "m.keras").predict(X, verbose=0).tobytes()
        == model.predict(X, verbose=0).tobytes()
    )


def test_a_part_of_a_model() -> None:
    """Its layers' outputs are there for another, with the same weights."""
    model = residual(False)
    part = keras.Model(model.input, model.get_layer("sum").output)
    w, b = model.get_weights()[:2]
    np.testing.assert_allclose(
        part.predict(X, verbose=0), X + np.tanh(np.tanh(X @ w + b) @ w + b), rtol=2e-5, atol=1e-6
    )
    assert part.get_layer("shared") is model.get_layer("shared")


def test_summary_has_all_layers(capsys: pytest.CaptureFixture[str]) -> None:
    residual().summary()
    text = capsys.readouterr().out
    assert 'Model: "net"' in text and "Total params: 38 " in text
    assert all(word in text for word in ("x (InputLayer)", "sum (Add)", "both (Concatenate)", "(None, 8)"))


def test_summary_says_what_layers_are_called_with(capsys: pytest.CaptureFixture[str]) -> None:
    """Keras 3.15's table of the same layers, line for line, at the 108 columns that it takes where there is room."""
    x = keras.Input((8, 8, 3), name="img")
    a = layers.Conv2D(4, 3, padding="same", name="conv2d")(x)
    c = layers.Add(name="add")([a, layers.BatchNormalization(name="batch_normalization")(a)])
    d = layers.Concatenate(name="both")([c, x])
    keras.Model(x, layers.Dense(2, name="dense")(layers.GlobalAveragePooling2D(name="mean")(d))).summary()
    assert capsys.readouterr().out.splitlines()[1:-3] == CONNECTED.strip().splitlines()
    residual().summary(show_trainable=True)
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in capsys.readouterr().out.splitlines()]
    rows = [row for row in rows if row]
    assert [row[3:] for row in rows] == [
        ["-", "-"], ["x[0][0], shared[0][0]", "Y"], ["x[0][0], shared[1][0]", "-"],
        ["shared[0][0], sum[0][0]", "-"], ["both[0][0]", "Y"],
    ]  # fmt: skip
    keras.Model(x, a).summary()
    assert "Connected to" not in capsys.readouterr().out
    x, again = keras.Input((4,), name="x"), layers.Dense(4, name="again")
    keras.Model(x, again(again(again(x)))).summary()
    text = capsys.readouterr().out
    assert "x[0][0], again[0][0]," in text and "again[1][0]" in text


CONNECTED = """
┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━━━━━┓
┃ Layer (type)                  ┃ Output Shape              ┃         Param # ┃ Connected to               ┃
┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━━━━━┩
│ img (InputLayer)              │ (None, 8, 8, 3)           │               0 │ -                          │
├───────────────────────────────┼───────────────────────────┼─────────────────┼────────────────────────────┤
│ conv2d (Conv2D)               │ (None, 8, 8, 4)           │             112 │ img[0][0]                  │
├───────────────────────────────┼───────────────────────────┼─────────────────┼────────────────────────────┤
│ batch_normalization           │ (None, 8, 8, 4)           │              16 │ conv2d[0][0]               │
│ (BatchNormalization)          │                           │                 │                            │
├───────────────────────────────┼───────────────────────────┼─────────────────┼────────────────────────────┤
│ add (Add)                     │ (None, 8, 8, 4)           │               0 │ conv2d[0][0],              │
│                               │                           │                 │ batch_normalization[0][0]  │
├───────────────────────────────┼───────────────────────────┼─────────────────┼────────────────────────────┤
│ both (Concatenate)            │ (None, 8, 8, 7)           │               0 │ add[0][0], img[0][0]       │
├───────────────────────────────┼───────────────────────────┼─────────────────┼────────────────────────────┤
│ mean (GlobalAveragePooling2D) │ (None, 7)                 │               0 │ both[0][0]                 │
├───────────────────────────────┼───────────────────────────┼─────────────────┼────────────────────────────┤
│ dense (Dense)                 │ (None, 2)                 │              16 │ mean[0][0]                 │
└───────────────────────────────┴───────────────────────────┴─────────────────┴────────────────────────────┘
"""


def test_a_damaged_description_is_refused(tmp_path: Path) -> None:
    """Layers called with later results, or that are not there; an input of another width."""
    residual(False).save(tmp_path / "m.keras")
    arrays, metadata = io.load_safetensors(tmp_path / "m.keras")
    for path, value in (
        (("calls", 3, 1, 1), 9), (("calls", 3, 0), 9), (("calls", 1, 1, 0), -1), (("calls", 1), None), (("calls",), []),
        (("layers", 0, "config", "input_shape"), [5]), (("layers", 2, "class_name"), "Dense"), (("class_name",), "os"),
        (("layers", 3, "config", "axis"), 7), (("layers",), {}),
    ):  # fmt: skip
        described = json.loads(metadata["fastnn.keras"])
        place = described
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value
        io.save_safetensors(tmp_path / "d.keras", arrays, {"fastnn.keras": json.dumps(described)})
        with pytest.raises(FormatError, match="description of the model is damaged"):
            keras.models.load_model(tmp_path / "d.keras")


A, B = layers.Input((3,), name="a"), layers.Input((4,), name="b")
CALLS: dict[str, tuple[Callable[[], object], type, str]] = {
    "no inputs": (lambda: keras.Model(), TypeError, r"Model needs inputs: Model\(inputs=x, outputs=y\)"),
    "no outputs": (lambda: keras.Model(A), TypeError, "Model needs outputs"),
    "arrays": (lambda: keras.Model(X, Y), TypeError, "inputs must be what Input.* got ndarray"),
    "two inputs": (lambda: keras.Model([A, B], layers.Dense(2)(A)), ValueError, "there are 2 inputs; it has one"),
    "another input": (
        lambda: keras.Model(A, layers.Dense(2)(B)),
        ValueError,
        "must come from the input.*from b_output",
    ),
    "both": (lambda: keras.Model(A, layers.concatenate([A, B])), ValueError, "from nothing else"),
    "shapes": (lambda: layers.Add()([A, B]), ValueError, r"Add: inputs of shapes .* do not go together"),
    "one": (lambda: layers.Add()([A]), ValueError, "takes a list of at least 2 inputs"),
    "three": (lambda: layers.Subtract()([A, A, A]), ValueError, "takes two inputs, got 3"),
    "several": (lambda: layers.Dense(2)([A, A]), ValueError, r"\(Dense\) takes one input, got 2"),
    "axis": (lambda: layers.Concatenate(axis=0)([A, A]), ValueError, "axis 0 is not one of the samples"),
    "rows": (
        lambda: layers.Concatenate(axis=1)([layers.Input((2, 3)), layers.Input((2, 4))]),
        ValueError,
        "do not go together along axis 1",
    ),
    "no shape": (lambda: layers.Dense(2)(layers.Input()), ValueError, "has no shape"),
    "other width": (lambda: residual().predict(X[:, :3], verbose=0), ValueError, "4"),
    "built": (lambda: residual().build((None, 5)), ValueError, r"inputs of shape \(None, 4\), got \(None, 5\)"),
    "names": (
        lambda: keras.Model(A, layers.Dense(3, name="d")(layers.Dense(3, name="d")(A))),
        ValueError,
        "names of their own",
    ),
}


@pytest.mark.parametrize("call", CALLS)
def test_refused(call: str) -> None:
    wrong, kind, text = CALLS[call]
    with pytest.raises(kind, match=text):
        wrong()


def test_former_names() -> None:
    """Keras 1: input, output; a Sequential is a Model, too."""
    x = keras.Input((3,))
    assert keras.Model(input=x, output=layers.Dense(2)(x)).output_shape == (None, 2)
    assert isinstance(keras.Sequential(), keras.Model) and keras.models.Model is keras.Model
