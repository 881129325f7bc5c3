"""Files whose description of a network is damaged or meant to do harm: one error, and no memory for what they ask."""

from __future__ import annotations

import json
import resource
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastnn import FormatError, Network, io, nn
from fastnn.training.model_files import load_model
from fastnn.training.structure import MAX_DEPTH, build, structure_of

SOUND = structure_of(nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8, 3)))


def at(*place: str, value: Any) -> dict[str, Any]:
    """The sound description with another value somewhere."""
    changed = json.loads(json.dumps(SOUND))
    inside = changed
    for name in place[:-1]:
        inside = inside.setdefault(name, {})
    inside[place[-1]] = value
    return changed


def nested(depth: int) -> dict[str, Any]:
    inner: dict[str, Any] = {"class": "ReLU"}
    for _ in range(depth):
        inner = {"class": "Sequential", "modules": {"0": inner}}
    return inner


def doubled(times: int) -> dict[str, Any]:
    """Each module twice the one before: 2**times layers in all, if that were taken."""
    modules: dict[str, Any] = {"0": {"class": "Sequential", "modules": {"0": {"class": "ReLU"}}}}
    for i in range(1, times):
        same = {"same": str(i - 1)}
        modules[str(i)] = {"class": "Sequential", "modules": {"0": same, "1": same}}
    return {"class": "Sequential", "modules": modules}


def instead(kind: str, **arguments: Any) -> dict[str, Any]:
    """With another layer in the second place."""
    return at("modules", "1", value={"class": kind, "arguments": arguments})


def lenet(*shape: int) -> dict[str, Any]:
    return {"class": "LeNet", "arguments": {"input_shape": shape, "num_classes": 2}}


CONV = ("modules", "0", "arguments")
HUGE = {"class": "ResNet", "arguments": {"layers": [2**30] * 4}}
HOSTILE: dict[str, tuple[Any, str]] = {
    "an unknown layer": (instead("os.system"), "layer '1' is a 'os.system', no class of"),
    "a class that runs nothing": (instead("ModuleList"), "is a 'ModuleList', no class"),
    "a loss": (instead("MSELoss"), "is a 'MSELoss', no class"),
    "the base": (instead("Module"), "is a 'Module', no class"),
    "no class": (at("modules", "1", value={}), "is a None, no class"),
    "a class that is a list": (at("modules", "1", value={"class": ["ReLU"]}), "no class of fastnn's"),
    "a layer that is a number": (at("modules", "1", value=7), "layer '1' is described by 7"),
    "modules that are a list": (at("modules", value=[1, 2]), r"\(Sequential\) has the modules \[1, 2\]"),
    "modules of a layer": (at("modules", "1", "modules", value={"0": {"class": "ReLU"}}), r"\(ReLU\) has the modules"),
    "arguments that are a list": (at(*CONV, value=[1, 2]), "has 'arguments' = "),
    "another argument": (at(*CONV, "pading", value=1), r"layer '0' \(Conv2d\) has 'pading' = 1"),
    "a private argument": (instead("Embedding", num_embeddings=2, embedding_dim=2, _weight=[1]), "_weight"),
    "an argument too few": (at(*CONV, value={"in_channels": 1}), "missing 2 required"),
    "a text for a size": (at(*CONV, "out_channels", value="2"), "has 'out_channels' = '2'"),
    "a truth for a size": (at(*CONV, "out_channels", value=True), "has 'out_channels' = True"),
    "half a size": (at(*CONV, "out_channels", value=1.5), r"has 'out_channels' = 1\.5"),
    "no size": (at(*CONV, "out_channels", value=None), "has 'out_channels' = None"),
    "a size below 1": (at(*CONV, "out_channels", value=-2), "out_channels is -2; it must be at least 1"),
    "a size of 64 bits": (at(*CONV, "out_channels", value=2**40), "has 'out_channels' = 1099511627776"),
    "a size of 5000 digits": (at(*CONV, "out_channels", value=10**4000), "has 'out_channels' = "),
    "a huge size": (at(*CONV, "out_channels", value=2**26), "larger than all that the file holds"),
    "huge sizes": (at(*CONV, value={"in_channels": 2**30, "out_channels": 2**30, "kernel_size": 3}), "needs"),
    "many channels": (instead("BatchNorm2d", num_features=2**30), "larger"),
    "a list in a list": (at(*CONV, "kernel_size", value=[[3, 3], 3]), "has 'kernel_size' = "),
    "three sides": (at(*CONV, "kernel_size", value=[3, 3, 3]), "kernel_size"),
    "a pool of text": (instead("MaxPool2d", kernel_size="2"), "kernel_size"),
    "other sizes": (at(*CONV, "out_channels", value=3), r"'0\.weight' has shape \(2, 1, 3, 3\) in the state"),
    "a layer less": (at("modules", "3", value={"class": "ReLU"}), r"unexpected '3\.weight'"),
    "a layer more": (at("modules", "4", value=SOUND["modules"]["3"]), r"missing '4\.weight'"),
    "a name that is a method": (at("modules", "forward", value={"class": "ReLU"}), "'forward' has no place there"),
    "a name that is a registry": (at("modules", "_modules", value={"class": "ReLU"}), "'_modules' has no place there"),
    "a name with a dot": (at("modules", "a.b", value={"class": "ReLU"}), r"'a\.b' has no place there"),
    "no name": (at("modules", "", value={"class": "ReLU"}), "has no place there"),
    "the same as none": (at("modules", "1", value={"same": "9"}), "'1' is to be the same as '9', which is no"),
    "the same as itself": (at("modules", "1", value={"same": "1"}), "no layer before it"),
    "within itself": (at("modules", "2", value={"class": "Sequential", "modules": {"0": {"same": "2"}}}), "no layer"),
    "some of some": (doubled(40), "no layer before it"),
    "deep": (nested(MAX_DEPTH + 1), f"beyond {MAX_DEPTH} modules within each other"),
    "very deep": (nested(450), "beyond"),
    "many": (at("modules", value={str(i): {"class": "ReLU"} for i in range(20_000)}), "or 10,000 in all"),
    "millions": ({"class": "Sequential", "modules": {str(i): {} for i in range(300_000)}}, "values"),
    "a model of many layers": (HUGE, "larger than all that the file holds"),
    "a model of huge images": (lenet(1, 2**30, 2**30), "needs"),
    "a model of large images": (lenet(1, 9999, 9999), "larger"),
    "images of two sides": (lenet(9, 9), "unpack"),
    "a text": ("Sequential", "its description of the network is damaged"),
}  # fmt: skip


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_descriptions(case: str, tmp_path: Path) -> None:
    structure, part = HOSTILE[case]
    path, model = tmp_path / "net.pth", build("f", SOUND, arrays := sound_arrays())
    assert isinstance(model, nn.Sequential)
    info = {"sizes": [], "structure": structure, "output_size": 3, "version": 2}
    io.save_pth(path, arrays, {"fastnn.json": json.dumps(info).encode()})
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(FormatError, match=rf"^{path}: .*{part}"):
        Network.load(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # kB


def sound_arrays() -> dict[str, np.ndarray]:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8, 3))
    return {name: tensor.numpy() for name, tensor in model.state_dict().items()}


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"classes": ["a", "b"]}, "its description names 2 classes, the network has 3 outputs"),
        ({"output_size": "3"}, "is damaged"),
        ({"input_shape": [4, 4]}, r"the described input shape \(4, 4\) is not that of images \(C, H, W\)"),
        ({"input_shape": [1, -4, 4]}, "the described input shape"),
        ({"mean": [0.5], "std": [0.0]}, "makes no sense"),
    ],
)
def test_descriptions_that_do_not_fit(change: dict[str, Any], part: str, tmp_path: Path) -> None:
    info = {"sizes": [], "structure": SOUND, "output_size": 3, "version": 2}
    for content, expected in ((info, None), (info | change, part)):
        io.save_pth(tmp_path / "net.pth", sound_arrays(), {"fastnn.json": json.dumps(content).encode()})
        if expected is None:
            assert load_model(tmp_path / "net.pth")[1].output_size == 3
            continue
        with pytest.raises(FormatError, match=part):
            Network.load(tmp_path / "net.pth")
