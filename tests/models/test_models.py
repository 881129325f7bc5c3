"""The models' structure and names; beside torchvision's where it is installed."""

from __future__ import annotations

from typing import Any

import fastnn
import numpy as np
import pytest
from fastnn import models, nn

SHAPES = {
    "lenet": ((3, 20, 17), 2),
    "lenet5": ((1, 28, 28), 10),
    "resnet18": ((3, 33, 40), 5),
    "resnet34": ((1, 32, 32), 3),
    "small_cnn": ((3, 9, 8), 4),
    "small_resnet": ((3, 4, 6), 3),
}
# Of the default numbers of classes: the published ones; small_cnn and small_resnet by hand: kernels, two values a
# channel, the last layer.
PARAMETERS = {
    "lenet": 3 * 150 + 6 + 6 * 400 + 16 + 2704 * 120 + 120 + 120 * 84 + 84 + 84 * 2 + 2,
    "lenet5": 61_706,
    "resnet18": 11_689_512,
    "resnet34": 21_797_672,
    "small_cnn": 9 * (3 * 32 + 32 * 64 + 64 * 128) + 2 * (32 + 64 + 128) + 128 * 10 + 10,
    "small_resnet": 25 * 3 * 32
    + 9 * (32 * 64 + 2 * 64 * 64 + 64 * 96 + 96 * 96 + 96 * 128 + 3 * 128 * 128 + 128 * 192 + 3 * 192 * 192)
    + (64 * 96 + 96 * 128 + 128 * 192)
    + 2 * (32 + 64 + 2 * 64 + 3 * 96 + 5 * 128 + 5 * 192)
    + 192 * 2
    + 2,
}


@pytest.mark.parametrize("name", models.MODELS)
def test_a_model_by_name_takes_its_images(name: str) -> None:
    shape, classes = SHAPES[name]
    model = models.create(name, shape, classes)
    assert tuple(model(fastnn.zeros(2, *shape)).shape) == (2, classes)


@pytest.mark.parametrize("name", models.MODELS)
def test_parameters_are_as_many_as_published(name: str) -> None:
    model = getattr(models, name)()
    assert sum(parameter.numel() for parameter in model.parameters()) == PARAMETERS[name]


def test_an_unknown_name_gets_a_suggestion() -> None:
    with pytest.raises(ValueError, match=r"there is no model 'resnet43'.*resnet34"):
        models.create("resnet43", (3, 64, 64), 2)


def test_lenet_refuses_images_of_which_nothing_is_left() -> None:
    assert models.lenet((1, 16, 16), 2).fc1.in_features == 16
    with pytest.raises(ValueError, match="15x16 are too small: at least 16x16"):
        models.lenet((1, 15, 16), 2)
    assert models.lenet5(input_shape=(1, 12, 12)).fc1.in_features == 16
    with pytest.raises(ValueError, match="12x11 are too small: at least 12x12"):
        models.lenet5(input_shape=(1, 12, 11))


def test_weights_are_refused_with_the_way_to_get_them() -> None:
    with pytest.raises(ValueError, match=r"resnet18: the package has no weights.*load_state_dict"):
        models.resnet18("DEFAULT")
    for make in (models.resnet18, models.resnet34):
        for asked in ({"pretrained": True}, {"weights": "IMAGENET1K_V1"}):
            with pytest.raises(ValueError, match=rf"^{make.__name__}: the package has no weights"):
                make(**asked)
    models.resnet34(False)  # pretrained=False, as it was spelled
    assert models.resnet18(pretrained=False, num_classes=3).fc.out_features == 3


def test_lenet_is_its_formula() -> None:
    """Beside windows and products in NumPy."""
    fastnn.manual_seed(3)
    model, x = models.lenet5(), np.random.default_rng(0).standard_normal((2, 1, 28, 28)).astype(np.float32)
    weight = {name: value.detach().numpy().astype(np.float64) for name, value in model.named_parameters()}

    def layer(images: np.ndarray, name: str) -> np.ndarray:
        windows = np.lib.stride_tricks.sliding_window_view(images, (5, 5), (2, 3))
        y = np.einsum("nchwij,ocij->nohw", windows, weight[f"{name}.weight"]) + weight[f"{name}.bias"][:, None, None]
        n, c, h, w = y.shape
        return np.maximum(y, 0).reshape(n, c, h // 2, 2, w // 2, 2).max((3, 5))

    h = layer(layer(np.pad(x.astype(np.float64), ((0, 0), (0, 0), (2, 2), (2, 2))), "conv1"), "conv2").reshape(2, -1)
    for name in ("fc1", "fc2"):
        h = np.maximum(h @ weight[f"{name}.weight"].T + weight[f"{name}.bias"], 0)
    np.testing.assert_allclose(
        model(fastnn.tensor(x)).detach().numpy(), h @ weight["fc3.weight"].T + weight["fc3.bias"], atol=1e-5
    )


@pytest.mark.parametrize("name", ["resnet18", "resnet34", "small_resnet"])
def test_convolutions_of_a_resnet_start_as_he_et_al(name: str) -> None:
    """Deviation sqrt(2 / (O kh kw)): of 36,864 draws and more, within five of its own deviations, 1 / sqrt(2 n)."""
    fastnn.manual_seed(1)
    for layer in getattr(models, name)().modules():
        if isinstance(layer, nn.Conv2d):
            weight = layer.weight.detach().numpy()
            wanted = (2 / (weight.shape[0] * weight[0, 0].size)) ** 0.5
            assert abs(weight.std() / wanted - 1) < 5 / (2 * weight.size) ** 0.5


@pytest.mark.parametrize("name", ["resnet18", "resnet34"])
def test_torchvisions_weights_give_torchvisions_outputs(name: str) -> None:
    torch = pytest.importorskip("torch")
    torchvision: Any = pytest.importorskip("torchvision")
    torch.manual_seed(0)
    theirs = getattr(torchvision.models, name)(num_classes=7)
    for buffer in theirs.buffers():  # as if trained
        if buffer.is_floating_point():
            buffer.uniform_(0.5, 1.5)
    ours = getattr(models, name)(num_classes=7)
    state = {key: fastnn.from_numpy(value.numpy()) for key, value in theirs.state_dict().items()}
    assert list(ours.state_dict()) == list(state)
    ours.load_state_dict(state)
    x = np.random.default_rng(0).standard_normal((2, 3, 64, 64)).astype(np.float32)
    for mode in (True, False):  # with the batch's values, then with the running ones that this has moved
        wanted = theirs.train(mode)(torch.from_numpy(x)).detach().numpy()
        found = ours.train(mode)(fastnn.from_numpy(x)).detach().numpy()
        np.testing.assert_allclose(found, wanted, atol=1e-4, rtol=1e-4)
