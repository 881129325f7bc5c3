"""Models in files and in words: save, load, print, summary, at the level of the package."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import fastnn
import numpy as np
import pytest
from fastnn import FormatError, Network, io, nn
from fastnn.reporting.summary import summary
from fastnn.training.model_files import ModelInfo, load_model, parameters_sha256, save_model

ENDINGS = ["pth", "safetensors", "model"]


@pytest.fixture
def network() -> Network:
    fastnn.manual_seed(5)
    return Network(12, 7, 3)


@pytest.mark.parametrize("ending", ENDINGS)
class TestNetworks:
    def test_there_and_back(self, ending: str, network: Network, tmp_path: Path) -> None:
        path = tmp_path / f"net.{ending}"
        network.save(path)
        loaded = Network.load(path)
        assert loaded.sizes == (12, 7, 3)
        assert parameters_sha256(loaded) == parameters_sha256(network)
        x = np.ones((2, 12), np.float32)
        assert np.array_equal(loaded.predict(x), network.predict(x))

    def test_description(self, ending: str, network: Network, tmp_path: Path) -> None:
        described = {"classes": ["猫", "dog", "e"], "input_shape": (3, 2, 2), "mean": [0.1, 0.2, 0.3], "std": [1.0] * 3}
        network.save(str(tmp_path / f"net.{ending}"), **described)
        info = load_model(tmp_path / f"net.{ending}")[1]
        assert info == ModelInfo((12, 7, 3), **described)

    def test_a_network_in_training(self, ending: str, network: Network, tmp_path: Path) -> None:
        """The parameters that are saved are the last ones, and training goes on as if nothing had been."""
        x, y = np.eye(12, dtype=np.float32), np.arange(12) % 3
        runs = []
        for save in (False, True):
            fastnn.manual_seed(5)
            model = Network(12, 7, 3)
            step = fastnn.compile(model, nn.CrossEntropyLoss(), fastnn.optim.Adam(model.parameters()))
            for _ in range(3):
                step(x, y)
                if save:
                    model.save(tmp_path / f"net.{ending}")
                    assert parameters_sha256(Network.load(tmp_path / f"net.{ending}")) == parameters_sha256(model)
            runs.append(parameters_sha256(model))
        assert runs[0] == runs[1] != parameters_sha256(network)

    def test_equal_models_have_equal_files(self, ending: str, network: Network, tmp_path: Path) -> None:
        for name in ("a", "b"):
            network.save(tmp_path / f"{name}.{ending}")
        assert (tmp_path / f"a.{ending}").read_bytes() == (tmp_path / f"b.{ending}").read_bytes()


def test_the_format_is_told_by_the_content(network: Network, tmp_path: Path) -> None:
    network.save(tmp_path / "a.safetensors")
    (tmp_path / "a.safetensors").rename(tmp_path / "a.pth")
    assert parameters_sha256(Network.load(tmp_path / "a.pth")) == parameters_sha256(network)


def test_a_subclass_is_loaded_as_a_network(tmp_path: Path) -> None:
    class Mine(Network):
        pass

    Mine(4, 2).save(tmp_path / "net.pth")
    assert Mine.load(tmp_path / "net.pth").sizes == (4, 2)


def test_a_whole_network(tmp_path: Path) -> None:
    """It is in the file with its class; another module has more than linear layers with ReLU between."""
    network, other = Network(4, 3, 2), nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 2))
    fastnn.save(network, tmp_path / "net.pth")
    fastnn.save(other, tmp_path / "other.pth")
    assert parameters_sha256(Network.load(tmp_path / "net.pth")) == parameters_sha256(network)
    with pytest.raises(FormatError, match=r"other\.pth holds a Sequential as a whole, not a Network: .*load\(path\)"):
        Network.load(tmp_path / "other.pth")


def test_without_a_bias(tmp_path: Path) -> None:
    weights = OrderedDict(a=np.eye(3, 4, dtype=np.float32), b=np.ones((2, 3), np.float32))
    io.save_pth(tmp_path / "net.pth", weights)
    with pytest.warns(UserWarning, match=r"does not tell how its network was built. Assumed: its layers: ReLU between"):
        network = Network.load(tmp_path / "net.pth")
    assert list(network.state_dict()) == ["layer1.weight", "layer2.weight"]
    assert network(fastnn.ones(1, 4)).tolist() == [[3, 3]]


@pytest.mark.parametrize("ending", ["pth", "safetensors"])
class TestSaveAndLoad:
    """fastnn.save and fastnn.load, as the tutorials have them."""

    def test_state_dicts(self, ending: str, network: Network, tmp_path: Path) -> None:
        path = tmp_path / f"sd.{ending}"
        fastnn.save(network.state_dict(), path)
        loaded = fastnn.load(path, map_location="cpu", weights_only=True)
        assert {type(value) for value in loaded.values()} == {fastnn.Tensor}
        other = Network(12, 7, 3)
        other.load_state_dict(loaded)
        assert parameters_sha256(other) == parameters_sha256(network)

    def test_damage_is_one_exception(self, ending: str, network: Network, tmp_path: Path) -> None:
        path = tmp_path / f"sd.{ending}"
        fastnn.save(network.state_dict(), path)
        path.write_bytes(path.read_bytes()[:-5])
        with pytest.raises(FormatError, match=f"^{path}"):
            fastnn.load(path)
        with pytest.raises(FormatError, match=f"^{path}"):
            Network.load(path)


def test_a_checkpoint_of_many_things(network: Network, tmp_path: Path) -> None:
    optimizer = fastnn.optim.Adam(network.parameters(), lr=0.5)
    network(fastnn.ones(2, 12)).sum().backward()
    optimizer.step()
    content = {"epoch": 3, "model": network.state_dict(), "optimizer": optimizer.state_dict(), "note": ["é", 1.5, None]}
    fastnn.save(content, tmp_path / "checkpoint.pth")
    loaded = fastnn.load(tmp_path / "checkpoint.pth")
    assert (loaded["epoch"], loaded["note"]) == (3, ["é", 1.5, None])
    again, other = fastnn.optim.Adam(network.parameters()), Network(12, 7, 3)
    again.load_state_dict(loaded["optimizer"])
    other.load_state_dict(loaded["model"])
    assert again.param_groups[0]["lr"] == 0.5
    assert parameters_sha256(other) == parameters_sha256(network)


def test_a_missing_file(tmp_path: Path) -> None:
    for read in (fastnn.load, Network.load):
        with pytest.raises(FileNotFoundError, match=r"none\.pth"):
            read(tmp_path / "none.pth")


def test_a_failed_save_leaves_the_old_file(network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network.save(tmp_path / "net.pth")
    before = (tmp_path / "net.pth").read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match=r"could not be saved: No space left on device .*the old file is unchanged"):
        save_model(tmp_path / "net.pth", Network(12, 9, 3), ModelInfo())
    assert (tmp_path / "net.pth").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["net.pth"]


def test_print() -> None:
    assert str(Network(784, 256, 10)) == (
        "Network(\n"
        "  (layer1): Linear(in_features=784, out_features=256, bias=True)\n"
        "  (layer2): Linear(in_features=256, out_features=10, bias=True)\n"
        ")"
    )


def test_summary() -> None:
    network = Network(784, 256, 10)
    before = parameters_sha256(network)
    assert network.summary().splitlines() == [
        "Network",
        "-" * 65,
        "Layer            Output shape  Parameters    Bytes  Multiply-adds",
        "-" * 65,
        "layer1 (Linear)  (N, 256)         200,960  803,840        200,704",
        "layer2 (Linear)  (N, 10)            2,570   10,280          2,560",
        "-" * 65,
        "Total                             203,530  814,120        203,264",
    ]
    assert network.training
    assert parameters_sha256(network) == before


def test_a_layer_says_its_own_multiply_adds() -> None:
    class Scaled(nn.Identity):
        def multiply_adds(self, output_shape: tuple[int, ...]) -> int:
            return 2 * output_shape[1] * output_shape[2]

    lines = summary(nn.Sequential(Scaled(), nn.Flatten(), nn.Linear(12, 5)), (3, 4)).splitlines()
    assert [int(line.split()[-1]) for line in (*lines[4:7], lines[-1])] == [24, 0, 60, 84]
