"""Functional models of several outputs: what each layer makes of images, by models of one; what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import fastnn
import numpy as np
import pytest
from fastnn import keras
from fastnn.keras import layers

X = np.random.default_rng(2).random((5, 8, 8, 3), dtype=np.float32)


def network() -> keras.Sequential:
    fastnn.manual_seed(3)
    parts = [
        layers.Conv2D(4, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dense(2, "softmax"),
    ]
    model = keras.Sequential([keras.Input((8, 8, 3)), *parts])
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


def test_a_list_of_layers() -> None:
    """The bits of models of one output each, also after the network has learned more."""
    model = network()
    several = keras.Model(inputs=model.inputs, outputs=[layer.output for layer in model.layers])
    for _ in range(2):
        model.fit(X, [0, 1, 1, 0, 1], verbose=0)
        arrays, tensors = several.predict(X, verbose=0), several(X)
        assert len(arrays) == len(tensors) == 4 and several.layers[1:] == model.layers
        for layer, array, tensor in zip(model.layers, arrays, tensors, strict=True):
            alone = keras.Model(model.input, layer.output).predict(X, verbose=0)
            assert array.shape == alone.shape and array.tobytes() == alone.tobytes() and array.flags.c_contiguous
            np.testing.assert_array_equal(tensor.numpy(), alone)
    assert several.output_shape == [(None, 6, 6, 4), (None, 3, 3, 4), (None, 36), (None, 2)]
    assert [symbol.shape for symbol in several.outputs] == several.output_shape == [s.shape for s in several.output]
    assert several.count_params() == model.count_params()


def test_a_dict_of_layers(capsys: pytest.CaptureFixture[str]) -> None:
    model = network()
    several = keras.Model([model.inputs], {layer.name: layer.output for layer in model.layers[:2]}, name="maps")
    found = several.predict(X[:1], verbose=0)
    assert {name: array.shape for name, array in found.items()} == {
        **{model.layers[0].name: (1, 6, 6, 4), model.layers[1].name: (1, 3, 3, 4)}
    }
    assert several.predict(X[:0], verbose=0)[model.layers[1].name].shape == (0, 3, 3, 4)
    several.summary()
    text = capsys.readouterr().out
    assert 'Model: "maps"' in text and "flat" not in text and "Concatenate" not in text and "Total params: 112 " in text


def test_a_function_of_the_backend() -> None:
    """A list for a list, as Keras has it."""
    model = network()
    inner, last = (keras.Model(model.input, model.layers[i].output).predict(X, verbose=0) for i in (0, -1))
    function, outputs = keras.backend.function, [model.layers[0].output, model.output]
    for found in (function([model.input], outputs)([X]), function(model.inputs, outputs)(X)):
        assert [array.tobytes() for array in found] == [inner.tobytes(), last.tobytes()]
    (alone,) = function([model.input], outputs[:1])([X])
    np.testing.assert_array_equal(alone, inner)
    np.testing.assert_array_equal(function([model.input], model.output)([X]), last)


def test_automatic_names_go_on() -> None:
    before = layers.Flatten().name, layers.Concatenate().name
    model = network()
    keras.Model(model.inputs, [model.layers[0].output, model.output])
    after = layers.Flatten().name, layers.Concatenate().name
    numbers = [int(name.rpartition("_")[2]) if "_" in name else 0 for name in (*before, *after)]
    assert (numbers[2] - numbers[0], numbers[3] - numbers[1]) == (2, 1)  # of the network itself, one Flatten


REFUSED: dict[str, tuple[Callable[[keras.Model, Path], object], str]] = {
    "compile": (lambda model, _: model.compile("adam", "mse"), "has 2 outputs: fit a model of one output"),
    "fit": (lambda model, _: model.fit(X, X), "is not compiled"),
    "save": (lambda model, path: model.save(path / "m.keras"), "save the model whose layers they are of"),
    "layer": (lambda model, _: model(keras.Input((8, 8, 3))), "a layer of another model has one"),
    "another input": (
        lambda model, _: keras.Model(keras.Input((8, 8, 3)), model.outputs),
        "the output must come from the input",
    ),
}


@pytest.mark.parametrize("call", REFUSED)
def test_refused(call: str, tmp_path: Path) -> None:
    wrong, text = REFUSED[call]
    model = network()
    with pytest.raises(ValueError, match=text):
        wrong(keras.Model(model.input, [model.layers[0].output, model.output]), tmp_path)
    assert not list(tmp_path.iterdir())
