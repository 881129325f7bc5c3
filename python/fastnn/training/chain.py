"""The layers of a chain in a file's tensors. Names tell what belongs together and in which order.

A file's own order counts where its writer kept one. Many sort by name, which puts biases before weights and layer10
before layer2: such an order tells nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, pairwise

import numpy as np

from fastnn.errors import FormatError
from fastnn.io.checks import shown_name
from fastnn.text import natural, way

Layer = tuple[np.ndarray, np.ndarray | None]  # weight (O, I), bias (O,)

# Of as many layers the shapes are tried in every order that fits: 3**8 at most, as 3 sizes make 9 shapes.
_MOST_BY_SHAPE = 8


def dense_chain(where: str, arrays: Mapping[str, np.ndarray]) -> list[Layer]:
    """Weights (O, I) with their biases, each layer's outputs the next one's inputs: all that a Network is made of.

    ``where`` (the file's path) begins every message.

    Raises:
        FormatError: anything else, a convolution's weight among it (the tensor is named), or layers that fit in more
            than one order.
    """
    named = all(name.rpartition(".")[2] in ("weight", "bias") for name in arrays)
    layers = _by_name(where, arrays) if named else _one_after_the_other(where, arrays)
    if not layers:
        raise FormatError(f"{where} holds no 2-D weights: it is not a chain of linear layers")
    if min(min(weight.shape) for weight, _ in layers.values()) < 1:
        raise FormatError(f"{where}: a weight has no elements")
    return [layers[name] for name in _order(where, layers, is_sorted=list(arrays) == sorted(arrays))]


def _by_name(where: str, arrays: Mapping[str, np.ndarray]) -> dict[str, Layer]:
    """Layers of ``name.weight`` and ``name.bias``."""
    layers: dict[str, Layer] = {}
    for name, array in arrays.items():
        layer, _, kind = name.rpartition(".")
        weight = arrays.get(f"{layer}.weight" if layer else "weight")
        if kind == "weight" and array.ndim == 2:
            layers[layer] = array, arrays.get(f"{layer}.bias" if layer else "bias")
        elif kind == "weight" or weight is None or weight.ndim != 2 or array.shape != weight.shape[:1]:
            raise _no_place(where, name, array)
    return layers


def _one_after_the_other(where: str, arrays: Mapping[str, np.ndarray]) -> dict[str, Layer]:
    """Layers of tensors under any names: each weight, and the bias that may follow it."""
    layers: dict[str, Layer] = {}
    last = ""
    for name, array in arrays.items():
        if array.ndim == 2:
            last = name
            layers[name] = array, None
        elif last and layers[last][1] is None and array.shape == layers[last][0].shape[:1]:
            layers[last] = layers[last][0], array
        else:
            raise _no_place(where, name, array)
    return layers


def _order(where: str, layers: Mapping[str, Layer], is_sorted: bool) -> Sequence[str]:
    """The one order in which the layers make a chain: the file's where it is not by name, that of the numbers in the
    names where these differ in nothing else; where there is neither, the one that the shapes allow.
    """
    names = list(layers)
    told = [] if is_sorted else [names]
    if len({re.sub("[0-9]+", "", name) for name in names}) == 1:
        told.append(sorted(names, key=natural))
    fitting = [order for order in told if _misfit(layers, order) is None] if told else _by_shape(layers)
    if not fitting:
        outputs, inputs = _misfit(layers, told[-1] if told else names) or (0, 0)
        text = f"a layer with {outputs} outputs is followed by one with {inputs} inputs: not a chain"
        raise FormatError(f"{where}: {text}")
    if any(order != fitting[0] for order in fitting):
        shown = ", ".join(map(shown_name, names[:4])) + (", ..." if len(names) > 4 else "")
        raise FormatError(
            f"{where}: its layers ({shown}) may follow each other in more than one order, and their names do not tell "
            "in which: number them ('layer1.weight', 'layer1.bias', 'layer2.weight', ...)"
        )
    return fitting[0]


def _misfit(layers: Mapping[str, Layer], order: Sequence[str]) -> tuple[int, int] | None:
    """Outputs and inputs of the first two layers that do not fit; None where all do."""
    weights = [layers[name][0] for name in order]
    gaps = ((before.shape[0], after.shape[1]) for before, after in pairwise(weights))
    return next(((outputs, inputs) for outputs, inputs in gaps if outputs != inputs), None)


def _by_shape(layers: Mapping[str, Layer]) -> list[list[str]]:
    """Orders that make a chain: none, one, or two where there are more or nobody looks."""
    shapes = {name: weight.shape for name, (weight, _) in layers.items()}
    names = list(shapes)
    if len(names) > _MOST_BY_SHAPE:
        return [names, names[::-1]]
    found = list(islice(_continued([], names, shapes), 2))
    alike = len(set(shapes.values())) < len(names)
    return [*found, found[0][::-1]] if found and alike else found


def _continued(chain: list[str], rest: list[str], shapes: Mapping[str, tuple[int, ...]]) -> Iterator[list[str]]:
    """The orders that begin with a chain and go on with the rest; of layers of one shape, the first comes first."""
    if not rest:
        yield chain
    after = {shapes[name]: name for name in reversed(rest) if not chain or shapes[name][1] == shapes[chain[-1]][0]}
    for name in after.values():
        yield from _continued([*chain, name], [other for other in rest if other != name], shapes)


def _no_place(where: str, name: str, array: np.ndarray) -> FormatError:
    named = way("--model lenet5 (resnet18, ...) names one of fastnn's with these tensors. Otherwise build", "Build")
    return FormatError(
        f"{where}: tensor {shown_name(name)} of shape {array.shape} has no place in "
        "a chain of linear layers (2-D weights, each with its bias), and the file tells of no other network. "
        f"{named} it in Python and model.load_state_dict(fastnn.load(path))"
    )
