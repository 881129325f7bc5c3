"""Arrays and lists where tensors belong: every layer says so, and what to do."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from fastnn import Network, from_numpy, nn, tensor
from fastnn.errors import fault_of

IMAGES = np.ones((2, 3, 8, 8), np.float32)
SEQUENCES = np.ones((2, 3, 8), np.float32)
LAYERS = [
    (nn.Linear(8, 2), IMAGES),
    (nn.Conv2d(3, 4, 3), IMAGES),
    (nn.ConvTranspose2d(3, 4, 3), IMAGES),
    (nn.Conv1d(3, 4, 3), SEQUENCES),
    (nn.MaxPool2d(2), IMAGES),
    (nn.AvgPool1d(2), SEQUENCES),
    (nn.AdaptiveAvgPool2d(1), IMAGES),
    (nn.BatchNorm1d(3), SEQUENCES),
    (nn.BatchNorm2d(3), IMAGES),
    (nn.LayerNorm(8), IMAGES),
    (nn.GroupNorm(1, 3), IMAGES),
    (nn.Dropout(), IMAGES),
    (nn.Dropout2d(), IMAGES),
    (nn.ReLU(), IMAGES),
    (nn.GELU(), IMAGES),
    (nn.PReLU(), IMAGES),
    (nn.Softmax(1), IMAGES),
    (nn.Flatten(), IMAGES),
    (nn.Unflatten(1, (1, 3)), IMAGES),
    (nn.Upsample(scale_factor=2), IMAGES),
    (nn.ZeroPad2d(1), IMAGES),
    (nn.Embedding(4, 2), np.zeros(3, np.int64)),
]
FROM_ARRAY = r"use fastnn\.from_numpy\(x\), or fastnn\.tensor\(x\) for a copy of it"


@pytest.mark.parametrize(("layer", "array"), LAYERS, ids=lambda value: type(value).__name__)
def test_layers(layer: nn.Module, array: np.ndarray) -> None:
    kind, shape = type(layer).__name__, ", ".join(map(str, array.shape)).join("()").replace("(3)", "(3,)")
    for call in (lambda: layer(array), lambda: layer(input=array) if kind == "Embedding" else layer(x=array)):
        with pytest.raises(TypeError) as caught:
            call()
        assert str(caught.value).startswith(
            f"{kind} takes tensors, got a NumPy array of shape {shape}: use fastnn.from"
        )
        assert fault_of(caught.value).code == "input.array"
    with pytest.raises(TypeError, match=rf"^{kind} takes tensors, got a list: use fastnn\.tensor\(x\)$"):
        layer(array.tolist())


def test_losses() -> None:
    with pytest.raises(TypeError, match=rf"^MSELoss takes tensors, got a NumPy array of shape \(2,\): {FROM_ARRAY}"):
        nn.MSELoss()(nn.Parameter(np.zeros(2, np.float32)), np.zeros(2))


def test_labels_that_are_words() -> None:
    """What to do makes the tensor that the loss wants."""
    labels, logits = ["dog", "cat", "dog"], nn.Parameter(np.zeros((3, 2), np.float32))
    with pytest.raises(TypeError, match=r"^CrossEntropyLoss takes .* take class numbers: ") as caught:
        nn.CrossEntropyLoss()(logits, labels)
    how = str(caught.value).partition("numbers: ")[2]
    for make in (lambda: tensor(labels), lambda: tensor(np.array(labels))):
        with pytest.raises(TypeError, match=f"For texts take class numbers: {re.escape(how)}$"):
            make()
    first, second = how.split("; ")
    given = {"labels": labels, "tensor": tensor}
    exec(first, given)
    assert eval(second, given).tolist() == [1, 0, 1]


def test_the_layer_within_a_model_is_named() -> None:
    for model in (nn.Sequential(nn.Sequential(nn.Linear(8, 2))), Network(nn.Sequential(nn.Linear(8, 2)))):
        with pytest.raises(
            TypeError, match=rf"^layer '[\w.]*0' Linear\(.*\): Linear takes tensors, got .*: {FROM_ARRAY}"
        ):
            model(IMAGES)


@pytest.mark.parametrize(
    ("layer", "array"), [LAYERS[i] for i in (0, 1, 2, 3, 7, 8)], ids=lambda value: type(value).__name__
)
def test_numbers_of_another_type(layer: nn.Module, array: np.ndarray) -> None:
    """NumPy's are float64."""
    kind = type(layer).__name__
    with pytest.raises(TypeError, match=rf"; the input is float64, the {kind} float32: x\.float\(\), or model\.double"):
        layer(from_numpy(array.astype(np.float64)))
    layer.double()
    with pytest.raises(TypeError, match=rf"; the input is float32, the {kind} float64: x\.double\(\), or model\.float"):
        layer(from_numpy(array))
    layer.float()
    layer(from_numpy(array))


def test_an_image_without_its_batch() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(144, 2))
    with pytest.raises(
        ValueError, match=r"^layer '2' Linear.* x has shape \(4, 36\).*x\.unsqueeze\(0\) is a batch of one"
    ):
        model(from_numpy(IMAGES[0]))
    assert model(from_numpy(IMAGES[:1])).shape == (1, 2)


class Own(nn.Module):
    """The user's: it may take arrays."""

    def forward(self, x: Any) -> Any:
        return x.view(-1, 784) if x.ndim == 2 else x.relu()


@pytest.mark.parametrize("wrap", [lambda module: module, nn.Sequential])
@pytest.mark.parametrize(("array", "error"), [(np.ones((2, 784)), ValueError), (IMAGES, AttributeError)])
def test_an_error_of_the_users_own_code_stays_with_a_note(wrap: Any, array: np.ndarray, error: type) -> None:
    with pytest.raises(error) as caught:
        wrap(Own())(array)
    (note,) = caught.value.__notes__
    assert note.startswith(f"Own takes tensors, got a NumPy array of shape {array.shape}: use fastnn.from_numpy(x)")
    with pytest.raises(AttributeError) as caught:
        wrap(Own())(3.5)
    assert not hasattr(caught.value, "__notes__")
