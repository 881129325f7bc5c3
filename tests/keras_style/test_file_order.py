"""Weights in a file whose writer sorted them by name go to the layers that they are of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fastnn import io, keras
from fastnn.keras import layers


def deep(*names: str) -> keras.Sequential:
    """Eleven layers of one shape and one for the result; under these names, or Keras' own."""
    named = [{"name": name} for name in names] or [{}] * 12
    inner = [layers.Dense(3, activation="tanh", **words) for words in named[:-1]]
    return keras.Sequential([keras.Input(shape=(3,)), *inner, layers.Dense(2, **named[-1])])


def sort(path: Path) -> None:
    arrays, metadata = io.load_safetensors(path)
    io.save_safetensors(path, {name: arrays[name] for name in sorted(arrays)}, metadata)


X = np.random.default_rng(0).standard_normal((5, 3)).astype(np.float32)


@pytest.mark.parametrize("names", [(), ("b", "a", *"hgfedcjik", "z")])
def test_the_same_names(names: tuple[str, ...], tmp_path: Path) -> None:
    model = deep(*names)
    model.save_weights(tmp_path / "a.weights.safetensors")
    sort(tmp_path / "a.weights.safetensors")
    expected = model.predict(X, verbose=0)
    model.set_weights([np.zeros_like(values) for values in model.get_weights()])
    model.load_weights(tmp_path / "a.weights.safetensors")
    assert np.array_equal(model.predict(X, verbose=0), expected)


def test_other_numbers_in_the_names(tmp_path: Path) -> None:
    """Keras numbers its layers through the program: a model made later has other names."""
    model, later = deep(*(f"layer_{number}" for number in range(12))), deep()
    model.save_weights(tmp_path / "a.weights.safetensors")
    assert {layer.name for layer in model.layers}.isdisjoint(layer.name for layer in later.layers)
    for change in (lambda path: None, sort):
        change(tmp_path / "a.weights.safetensors")
        later.set_weights([np.zeros_like(values) for values in later.get_weights()])
        later.load_weights(tmp_path / "a.weights.safetensors")
        assert np.array_equal(later.predict(X, verbose=0), model.predict(X, verbose=0))
