"""Networks of any layers: fit, predict, save and load as of a dense Network; their structure in files, as data."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from pathlib import Path

import fastnn
import numpy as np
import pytest
from fastnn import FormatError, Network, io, models, nn
from fastnn.training.model_files import load_model, load_named, parameters_sha256
from fastnn.training.structure import build, known_classes, structure_of

RNG = np.random.default_rng(3)
X, Y = RNG.random((24, 1, 12, 12), dtype=np.float32), RNG.integers(0, 3, 24)
ENDINGS = ["pth", "safetensors"]


def cnn() -> Network:
    return Network(
        nn.Conv2d(1, 4, (3, 5), stride=(1, 2), padding=1, bias=False),
        nn.BatchNorm2d(4, momentum=None),
        nn.Sequential(nn.PReLU(4), nn.Dropout(0.25), nn.MaxPool2d(2, ceil_mode=True)),
        nn.Flatten(),
        nn.Linear(4 * 6 * 3, 3),
    )


def replaced_head() -> Network:
    """As a network of ImageNet's classes is used for others."""
    model = models.ResNet((1, 1, 1, 1), in_channels=1)
    model.fc = nn.Sequential(nn.Dropout(0.1), nn.Linear(512, 3))
    return Network(model)


NETWORKS: dict[str, Callable[[], Network]] = {
    "layers": cnn,
    "lenet5": lambda: Network(models.lenet5(3, (1, 12, 12))),
    "small_cnn": lambda: Network(models.small_cnn(3, 1)),
    "replaced head": replaced_head,
}


def values(model: nn.Module) -> dict[str, bytes]:
    """All tensors: running values and counts too."""
    return {name: tensor.numpy().tobytes() for name, tensor in model.state_dict().items()}


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("name", NETWORKS)
def test_there_and_back(name: str, ending: str, tmp_path: Path) -> None:
    fastnn.manual_seed(4)
    network, path = NETWORKS[name](), tmp_path / f"net.{ending}"
    history = network.fit((X, Y), val=(X, Y), epochs=2, batch_size=10, verbose=0)
    network.save(path, classes=["a", "b", "c"])
    loaded = Network.load(path)
    assert repr(loaded) == repr(network) and values(loaded) == values(network)
    assert np.array_equal(loaded.predict(X), network.predict(X)) and loaded.predict(X).shape == (24, 3)
    assert loaded.evaluate((X, Y)) == network.evaluate((X, Y))
    assert network.evaluate((X, Y))[0] == history.history["val_loss"][-1]
    assert loaded.predict_classes(X).tolist() == network.predict(X).argmax(1).tolist()
    assert loaded.predict(X[:0]).shape == (0, 3)
    assert loaded.summary() == network.summary()
    info = load_model(path)[1]
    assert (info.classes, info.input_shape, info.output_size, info.sizes) == (["a", "b", "c"], (1, 12, 12), 3, ())
    again = tmp_path / f"again.{ending}"
    loaded.save(again)
    assert again.read_bytes() == path.read_bytes()


@pytest.mark.parametrize("name", NETWORKS)
def test_training_goes_on(name: str, tmp_path: Path) -> None:
    """What was loaded trains as what was saved would."""
    results = []
    for load in (False, True):
        fastnn.manual_seed(4)
        network = NETWORKS[name]()
        network.fit((X, Y), epochs=1, batch_size=10, verbose=0)
        if load:
            network.save(tmp_path / "net.pth")
            state = {dropout.number: dropout.calls for dropout in network.modules() if isinstance(dropout, nn.Dropout)}
            network = Network.load(tmp_path / "net.pth")
            dropouts = [module for module in network.modules() if isinstance(module, nn.Dropout)]
            for module, (number, calls) in zip(dropouts, state.items(), strict=True):
                module.number, module.calls = number, calls
        network.fit((X, Y), epochs=1, batch_size=10, verbose=0, seed=9)
        results.append(values(network))
    assert results[0] == results[1]


def test_names_are_the_modules_own(tmp_path: Path) -> None:
    model = models.resnet18(num_classes=3)
    assert list(Network(model).state_dict()) == list(model.state_dict())
    Network(model).save(tmp_path / "net.pth")
    other = models.resnet18(num_classes=3)
    other.load_state_dict(fastnn.load(tmp_path / "net.pth"))
    assert parameters_sha256(other) == parameters_sha256(model)
    assert list(cnn().state_dict())[:2] == ["0.weight", "1.weight"]
    assert repr(Network(nn.Linear(3, 2))) == "Network(\n  (0): Linear(in_features=3, out_features=2, bias=True)\n)"


def test_a_networks_parameters_are_its_modules() -> None:
    """Modes too: a network holds the module itself."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(144, 3))
    network = Network(model)
    network.fit((X, Y), epochs=1, verbose=0)
    assert next(network.parameters()) is model[1].weight and not network.sizes
    network.eval()
    assert not model.training
    assert np.array_equal(network(fastnn.tensor(X)).tolist(), model(fastnn.tensor(X)).tolist())


def test_a_whole_network(tmp_path: Path) -> None:
    network = cnn()
    network.fit((X, Y), epochs=1, verbose=0)
    fastnn.save(network, tmp_path / "net.pth")
    assert values(Network.load(tmp_path / "net.pth")) == values(network)
    assert values(fastnn.load(tmp_path / "net.pth")) == values(network)


def test_a_module_in_two_places_stays_one(tmp_path: Path) -> None:
    twice = nn.Linear(6, 6)
    network = Network(nn.Sequential(twice, nn.ReLU()), twice, nn.Linear(6, 3))
    network.save(tmp_path / "net.pth")
    loaded = Network.load(tmp_path / "net.pth")
    assert values(loaded) == values(network) and len(list(loaded.parameters())) == 4


def test_what_a_network_of_modules_is_made_of() -> None:
    with pytest.raises(TypeError, match="a layer's size must be an integer, got Linear"):
        Network(4, nn.Linear(4, 2))
    with pytest.raises(ValueError, match=r"has seen no input yet: give its shape, summary\(\(1, 28, 28\)\)"):
        cnn().summary()
    assert "Conv2d" in cnn().summary((1, 12, 12))


# What is described


def example(kind: type[nn.Module]) -> nn.Module:
    """A module of a class with nothing but what its constructor asks for."""
    special = {models.LeNet: ((1, 16, 16), 2), models.ResNet: ((1, 1, 1, 1),), nn.Unflatten: (1, (2, 1))}
    needed = [p for p in inspect.signature(kind).parameters.values() if p.kind == p.POSITIONAL_OR_KEYWORD]
    return kind(*special.get(kind, [2 for parameter in needed if parameter.default is parameter.empty]))


@pytest.mark.parametrize("name", known_classes())
def test_every_known_class(name: str) -> None:
    module = example(known_classes()[name])
    structure = json.loads(json.dumps(structure_of(module)))
    again = build("f", structure, {key: tensor.numpy() for key, tensor in module.state_dict().items()})
    assert type(again) is type(module) and repr(again) == repr(module) and values(again) == values(module)
    assert structure_of(again) == structure


@pytest.mark.parametrize(
    "module",
    [
        nn.Conv2d(4, 6, (1, 3), stride=(2, 1), padding=(0, 1), dilation=(1, 2), groups=2, bias=False),
        nn.Conv2d(1, 2, 3, padding="same"),
        nn.BatchNorm2d(3, eps=0.5, momentum=None, affine=False, track_running_stats=False),
        nn.BatchNorm1d(3, momentum=0.3, bias=False),
        nn.LayerNorm((2, 3), elementwise_affine=False),
        nn.GroupNorm(2, 4, bias=False),
        nn.MaxPool2d(3, stride=1, padding=1, dilation=2, ceil_mode=True),
        nn.AvgPool2d((2, 3), count_include_pad=False, divisor_override=5),
        nn.AdaptiveAvgPool2d((None, 2)),
        nn.Embedding(5, 3, padding_idx=1),
        nn.ConstantPad2d((1, 2, 3, 4), -1.5),
        nn.Upsample(scale_factor=(2, 3)),
        nn.Upsample(size=7, mode="nearest-exact"),
        nn.Hardtanh(-2.0, 3.0, inplace=True),
        nn.GELU("tanh"),
        nn.Linear(3, 2, bias=False),
        nn.Softmax(1),
        models.BasicBlock(4, 8, 2, nn.Conv2d(4, 8, 1, stride=2)),
    ],
    ids=lambda module: type(module).__name__,
)
def test_every_argument(module: nn.Module) -> None:
    structure = json.loads(json.dumps(structure_of(module)))
    again = build("f", structure, {key: tensor.numpy() for key, tensor in module.state_dict().items()})
    fields = [{k: v for k, v in vars(m).items() if isinstance(v, int | float | str | tuple)} for m in (module, again)]
    assert fields[0] == fields[1] and values(again) == values(module)


def test_dense_files_are_as_they_were(tmp_path: Path) -> None:
    Network(3, 2).save(tmp_path / "net.pth")
    assert json.loads(io.load_pth(tmp_path / "net.pth")[1]["fastnn.json"]) == {
        "sizes": [3, 2], "classes": [], "input_shape": [], "mean": None, "std": None, "outputs": "", "loss": "",
        "input_range": None, "ground": "", "preparation": "", "forward": "", "version": 2,
    }  # fmt: skip


class Mine(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(4, 2)

    def forward(self, x: fastnn.Tensor) -> fastnn.Tensor:
        return self.inner(x)


class LeNet(Mine):
    """Of a name that is known, but not that class."""


@pytest.mark.parametrize("kind", [Mine, LeNet])
@pytest.mark.parametrize("ending", ENDINGS)
def test_classes_of_ones_own(kind: type[nn.Module], ending: str, tmp_path: Path) -> None:
    """Saved, with a warning; what the file cannot tell is named when it is loaded, and the numbers are there."""
    path, network = tmp_path / f"net.{ending}", Network(nn.Linear(4, 4), kind())
    with pytest.warns(UserWarning, match=rf"will not tell how to build .*\.{kind.__name__} \('1'\): load its tensors"):
        network.save(path)
    with pytest.raises(FormatError, match=rf"^{path}: layer '1' is a '.*\.{kind.__name__}', no class of fastnn's: .*"):
        Network.load(path)
    network.load_state_dict(fastnn.load(path))


def test_a_named_model_with_a_files_tensors(tmp_path: Path) -> None:
    model = models.lenet5(4, (1, 20, 20))
    fastnn.save(model.state_dict(), tmp_path / "net.pth")
    network, info = load_named(tmp_path / "net.pth", "lenet5", lambda channels, inputs: (channels, 20, 20))
    assert values(network) == values(model) and info.input_shape == (1, 20, 20) and info.class_count == 4
    for name, side, part in (
        ("lenet", 20, "'fc1.weight' has shape"),
        ("small_cnn", 20, "missing"),
        ("lenet", 8, "small"),
    ):
        with pytest.raises(FormatError, match=rf"net\.pth is no {name} .*{part}"):
            load_named(tmp_path / "net.pth", name, lambda channels, inputs, side=side: (channels, side, side))
    Network(4, 3).save(tmp_path / "dense.pth")
    with pytest.raises(FormatError, match=r"dense\.pth is no lenet: it has no convolution"):
        load_named(tmp_path / "dense.pth", "lenet", lambda channels, inputs: (channels, 20, 20))


def test_a_network_that_was_never_used_is_saved_whole(tmp_path: Path) -> None:
    """How many numbers it gives is found by the described shape; a shape that it does not take is refused."""
    path, network = tmp_path / "m.pth", Network(models.lenet5())
    network.save(path, input_shape=(1, 28, 28), classes=list("0123456789"))
    assert load_model(path)[1].output_size == 10
    with pytest.raises(ValueError, match="channels"):
        Network(models.lenet5()).save(path, input_shape=(3, 28, 28))
    assert load_model(path)[1].input_shape == (1, 28, 28)
    Network(models.lenet5()).save(path, classes=list("0123456789"))
    assert load_model(path)[1].class_count == 10
