"""Which layers a file's tensors make, whatever order its writer left them in."""

from __future__ import annotations

import itertools
import time
from pathlib import Path

import numpy as np
import pytest
from fastnn import FormatError, Network, io
from fastnn.training.chain import dense_chain


def tensors(*names: str, **sizes: tuple[int, ...]) -> dict[str, np.ndarray]:
    """Names in this order; a layer's sizes (inputs, outputs) by its name without dots."""
    shapes = {}
    for name in names:
        layer, _, kind = name.rpartition(".")
        inputs, outputs = sizes[layer.replace(".", "_")]
        shapes[name] = (outputs, inputs) if kind == "weight" else (outputs,)
    return {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}


def both(*layers: str) -> list[str]:
    return [f"{layer}.{kind}" for layer in layers for kind in ("weight", "bias")]


def order_of(arrays: dict[str, np.ndarray]) -> list[str]:
    """The names of the weights in the order found, each with its own bias."""
    by_array = {id(array): name for name, array in arrays.items()}
    chain = dense_chain("f", arrays)
    found = [by_array[id(weight)] for weight, _ in chain]
    for name, (_, bias) in zip(found, chain, strict=True):
        assert bias is None or by_array[id(bias)] == name.replace("weight", "bias")
    return [name.removesuffix(".weight") for name in found]


def test_numbers_in_names_are_counted() -> None:
    """Twelve layers of one shape, as a program that sorts by name writes them: layer10 before layer2."""
    names = [f"layer{number}" for number in range(1, 13)]
    arrays = tensors(*sorted(both(*names)), **dict.fromkeys(names, (4, 4)))
    assert next(iter(arrays)) == "layer1.bias" and list(arrays)[2] == "layer10.bias"
    assert order_of(arrays) == names


@pytest.mark.parametrize("form", ["net.{}", "{}", "blocks.{}.0", "fc{}"])
def test_numbers_anywhere_in_names(form: str) -> None:
    names = [form.format(number) for number in (0, 2, 4, 11)]
    sizes = {name.replace(".", "_"): (3, 3) for name in names}
    assert order_of(tensors(*sorted(both(*names)), **sizes)) == names


def test_a_file_with_an_order_of_its_own() -> None:
    """As PyTorch writes a state_dict: the order in which the layers were assigned, each weight before its bias."""
    same = {"hidden": (4, 4), "enter": (4, 4), "leave": (4, 4)}
    assert order_of(tensors(*both("hidden", "enter", "leave"), **same)) == ["hidden", "enter", "leave"]


def test_words_sorted_by_name_are_told_apart_by_shape() -> None:
    sizes = {"out": (5, 2), "input": (7, 6), "hidden": (6, 5)}
    arrays = tensors(*sorted(both(*sizes)), **sizes)
    assert order_of(arrays) == ["input", "hidden", "out"]
    square = {"out": (6, 2), "input": (7, 6), "between": (6, 6)}
    assert order_of(tensors(*sorted(both(*square)), **square)) == ["input", "between", "out"]


@pytest.mark.parametrize("order", [*itertools.permutations(["1.weight", "1.bias", "2.weight", "2.bias"])])
def test_pairs_in_any_order_of_a_file(order: tuple[str, ...]) -> None:
    sizes = {"1": (4, 5), "2": (5, 3)}
    assert order_of(tensors(*order, **sizes)) == ["1", "2"]


def test_without_a_bias_or_a_name() -> None:
    assert order_of(tensors("2.weight", "10.bias", "10.weight", **{"2": (3, 2), "10": (2, 2)})) == ["2", "10"]
    assert len(dense_chain("f", {"weight": np.ones((2, 3)), "bias": np.ones(2)})) == 1
    plain = {"w1": np.ones((2, 3)), "b1": np.ones(2), "w2": np.ones((1, 2))}
    assert [bias is None for _, bias in dense_chain("f", plain)] == [False, True]


UNSURE = "may follow each other in more than one order"
REFUSED = {
    "words of one shape, sorted": (tensors(*sorted(both("a", "b")), a=(4, 4), b=(4, 4)), UNSURE),
    "two hidden layers alike": (
        tensors(*sorted(both("a", "b", "c", "d")), a=(7, 6), b=(6, 6), c=(6, 6), d=(6, 1)),
        UNSURE,
    ),
    "a ring": (tensors(*sorted(both("a", "b")), a=(4, 5), b=(5, 4)), UNSURE),
    "numbers against the file": (tensors(*both("fc2", "fc1"), fc1=(4, 4), fc2=(4, 4)), UNSURE),
    "many words": (
        tensors(*sorted(both(*"abcdefghi")), **{x: (n, n + 1) for n, x in enumerate("abcdefghi", 1)}),
        UNSURE,
    ),
    "no chain by shape": (tensors(*sorted(both("a", "b")), a=(4, 5), b=(6, 3)), "5 outputs .* 6 inputs: not a chain"),
    "no chain by number": (tensors(*sorted(both("1", "2")), **{"1": (4, 5), "2": (6, 3)}), "5 outputs .* 6 inputs"),
    "a bias alone": ({"a.bias": np.ones(2)}, "'a.bias' of shape .* has no place"),
    "a bias of another size": ({"a.weight": np.ones((2, 3)), "a.bias": np.ones(3)}, "'a.bias' .* has no place"),
    "a bias of two dimensions": ({"a.weight": np.ones((2, 3)), "a.bias": np.ones((2, 1))}, "'a.bias' .* has no place"),
    "a convolution": ({"a.weight": np.ones((2, 3, 1, 1)), "a.bias": np.ones(2)}, "'a.weight' .* has no place"),
    "two biases": ({"w": np.ones((2, 3)), "b": np.ones(2), "c": np.ones(2)}, "'c' of shape .* has no place"),
    "a bias first": ({"b": np.ones(2), "w": np.ones((2, 3))}, "'b' of shape .* has no place"),
    "nothing": ({}, "no 2-D weights"),
    "no elements": ({"a.weight": np.ones((0, 3))}, "has no elements"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(case: str) -> None:
    arrays, text = REFUSED[case]
    with pytest.raises(FormatError, match=f"^f:? .*({text})"):
        dense_chain("f", arrays)


def test_hostile_files_are_refused_quickly() -> None:
    """Shapes that almost fit in thousands of orders, names of thousands of digits."""
    letters = "abcdefgh"
    sizes = {name: (1 + n // 3 % 3, 1 + n % 3) for n, name in enumerate(letters[:-1])} | {"h": (9, 9)}
    digits = {f"{'9' * 10_000}{n}": (4, 4) for n in range(3)}
    start = time.perf_counter()
    with pytest.raises(FormatError, match="not a chain"):
        dense_chain("f", tensors(*sorted(both(*letters)), **sizes))
    assert len(dense_chain("f", tensors(*sorted(both(*digits)), **digits))) == 3
    assert time.perf_counter() - start < 5


def test_a_network_through_a_file_sorted_by_name(tmp_path: Path) -> None:
    network = Network(6, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 3)  # eleven layers
    arrays = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
    io.save_safetensors(tmp_path / "f.safetensors", {name: arrays[name] for name in sorted(arrays)})
    x = np.random.default_rng(0).standard_normal((4, 6)).astype(np.float32)
    with pytest.warns(UserWarning, match="does not tell how its network was built"):
        loaded = Network.load(tmp_path / "f.safetensors")
    assert np.array_equal(loaded.predict(x), network.predict(x))
