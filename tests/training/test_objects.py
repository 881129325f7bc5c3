"""Whole modules, named tuples, dataclasses and namespaces in files: as data, for classes that the program has."""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
import types
from collections import namedtuple
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import fastnn
import numpy as np
import pytest
from fastnn import FormatError, nn
from fastnn.io import load_pth, save_pth
from fastnn.nn import functional
from fastnn.training.model_files import parameters_sha256
from processes import python

Point = namedtuple("Point", "a b")


class Typed(NamedTuple):
    name: str
    values: list


@dataclass
class Config:
    lr: float
    sizes: list = field(default_factory=list)

    def __post_init__(self) -> None:
        CALLS.append("post_init")


@dataclass(frozen=True, slots=True)
class Frozen:
    lr: float
    weights: object = None


CALLS: list[str] = []


class Net(nn.Module):
    """What scripts' models are made of."""

    def __init__(self, hidden: int = 5) -> None:
        super().__init__()
        CALLS.append("init")
        self.fc1 = nn.Linear(4, hidden)
        self.body = nn.Sequential(nn.Dropout(0.3), nn.Linear(hidden, hidden), nn.LeakyReLU(0.2))
        self.fc2 = nn.Linear(hidden, 2, bias=False)
        self.tied = self.fc1
        self.scale = nn.Parameter(fastnn.ones(2))
        self.register_buffer("count", fastnn.tensor(3))
        self.activation = functional.relu
        self.config = {"hidden": hidden, "names": ("a", "b"), 7: [1.5, None, True]}

    def forward(self, x: fastnn.Tensor) -> fastnn.Tensor:
        return self.fc2(self.body(self.activation(self.fc1(x)))) * self.scale


def again(obj: object) -> object:
    file = io.BytesIO()
    fastnn.save(obj, file)
    file.seek(0)
    CALLS.clear()
    loaded = fastnn.load(file, weights_only=False)
    assert CALLS == []  # no constructor, no __post_init__
    return loaded


class TestModules:
    def test_it_computes_what_it_computed(self) -> None:
        model = Net().eval()
        loaded = again(model)
        x = fastnn.rand(3, 4)
        assert type(loaded) is Net and (loaded(x) == model(x)).all()
        assert parameters_sha256(loaded) == parameters_sha256(model)
        assert str(loaded) == str(model)

    def test_attributes(self) -> None:
        model = Net(7).eval()
        model.body.train()
        model.scale.requires_grad_(False)
        loaded = again(model)
        assert loaded.config == model.config and loaded.activation is functional.relu
        assert [module.training for module in loaded.modules()] == [module.training for module in model.modules()]
        assert loaded.body[0].p == 0.3 and loaded.body[2].negative_slope == 0.2
        assert [p.requires_grad for p in loaded.parameters()] == [p.requires_grad for p in model.parameters()]
        assert loaded.count.shape == () and list(dict(loaded.named_buffers())) == ["count"]
        assert [name for name, _ in loaded.named_parameters()] == [name for name, _ in model.named_parameters()]

    def test_what_is_shared_stays_shared(self) -> None:
        model = Net()
        model.weights = [model.fc2.weight]
        model.itself = {"model": model}
        loaded = again({"one": model, "two": [model]})
        assert loaded["one"] is loaded["two"][0] is loaded["one"].itself["model"]
        assert loaded["one"].tied is loaded["one"].fc1
        assert loaded["one"].weights[0] is loaded["one"].fc2.weight

    def test_it_learns_on_as_if_nothing_had_been(self) -> None:
        """The weights lie in memory as layers want them, and dropout draws what it would have drawn."""
        fastnn.manual_seed(1)
        model = Net()
        loaded = again(model)
        assert loaded.fc1.weight._data.strides == model.fc1.weight._data.strides
        for each in (model, loaded):
            optimizer = fastnn.optim.Adam(each.parameters())
            for _ in range(3):
                optimizer.zero_grad()
                each(fastnn.ones(2, 4)).sum().backward()
                optimizer.step()
        assert parameters_sha256(loaded) == parameters_sha256(model)

    def test_kinds_of_values(self) -> None:
        values = {
            "array": np.arange(3),
            "tensor": fastnn.ones(2, dtype=fastnn.float64),
            "dtype": fastnn.float64,
            "device": fastnn.device("cpu"),
            "size": fastnn.ones(2, 3).shape,
            "set": {1, "a", None},
            "frozen": frozenset({2.5}),
            "layer": nn.ReLU,
            "point": Point(1, 2),
            "number": np.float32(1.5),
        }
        model = nn.Sequential()
        for name, value in values.items():
            setattr(model, name, value)
        loaded = again(model)
        for name, value in values.items():
            found = getattr(loaded, name)
            assert type(found) is (float if name == "number" else type(value)), name
            assert np.array_equal(found, value) if name in ("array", "tensor") else found == value, name

    def test_a_class_made_inside_a_function(self) -> None:
        def make() -> nn.Module:
            class Local(nn.Module):
                def forward(self, x: fastnn.Tensor) -> fastnn.Tensor:
                    return x + 1

            return Local()

        earlier, model = make(), make()
        assert type(again(model)) is type(model) is not type(earlier)  # the youngest of that name

    def test_after_training_by_a_plan(self) -> None:
        network = fastnn.Network(4, 3, 2)
        x, y = np.eye(4, dtype=np.float32), np.arange(4) % 2
        network.fit((x, y), epochs=2, verbose=0)
        loaded = again(network)
        assert np.array_equal(loaded.predict(x), network.predict(x))
        loaded.fit((x, y), epochs=1, verbose=0)


class TestRecords:
    @pytest.mark.parametrize(
        "record",
        [
            Point(1, [2, 3]),
            Typed("n", [1.5]),
            Config(0.1, [1, 2]),
            Frozen(0.5),
            argparse.Namespace(lr=0.1, layers=[3]),
            types.SimpleNamespace(a=None),
        ],
    )
    def test_there_and_back(self, record: object) -> None:
        for loaded in (again(record), again({"deep": [record]})["deep"][0]):
            assert loaded == record and type(loaded) is type(record)

    def test_tensors_in_them(self) -> None:
        loaded = again({"p": Point(fastnn.ones(2), 2), "f": Frozen(1.0, fastnn.zeros(1))})
        assert loaded["p"].a.tolist() == [1, 1] and loaded["f"].weights.tolist() == [0]

    def test_further_attributes_of_a_dataclass(self) -> None:
        config = Config(1.0)
        config.note = "x"
        assert again(config).note == "x"

    def test_sizes_are_tuples_for_others_to_read(self, tmp_path: Path) -> None:
        fastnn.save({"shape": fastnn.ones(2, 3).shape}, tmp_path / "a.pth")
        assert load_pth(tmp_path / "a.pth") == ({"shape": (2, 3)}, {})


class Closing:
    def __del__(self) -> None:
        CALLS.append("del")


@dataclass
class ClosingData(Closing):
    a: int = 0


@dataclass
class Failing(Exception):
    a: int = 0


class ClosingModule(nn.Module, Closing):
    pass


class Slotted(nn.Module):
    __slots__ = ("hidden",)


def slotted() -> Slotted:
    module = Slotted()
    object.__setattr__(module, "hidden", 1)
    return module


class Own(nn.Module):
    def __setstate__(self, state: object) -> None:
        CALLS.append("setstate")


REFUSED = {
    "a lambda": (lambda x: x, r"obj\.thing is a function .* files name those of fastnn only"),
    "a function of others": (tempfile.mkdtemp, r"obj\.thing is a function"),
    "a class": (Config, r"obj\.thing is a type"),
    "a method": ("x".join, r"obj\.thing is a builtin_function_or_method .* no number, text, list, dict or tensor"),
    "an optimizer": (fastnn.optim.SGD(nn.Linear(1, 1).parameters()), r"obj\.thing is a whole SGD.*state_dict\(\)"),
    "a set of tuples": ({(1, 2)}, r"obj\.thing is a set"),
    "a file": (io.BytesIO(), r"obj\.thing is a BytesIO"),
    "deep": ([{"k": [object()]}], r"obj\.thing\[0\]\['k'\]\[0\] is a object"),
    "a reference": ({"fastnn.object": 0}, r"obj\.thing has the key 'fastnn.object'"),
    "a class with __del__": (ClosingData(), r"obj\.thing is a ClosingData .* has a __del__"),
    "an exception": (Failing(), r"obj\.thing is a Failing .* C code"),
    "a module with __del__": (ClosingModule(), r"obj\.thing is a ClosingModule .* a __del__"),
    "a module with slots": (slotted(), r"obj\.thing is a Slotted .*__slots__"),
    "a module with __setstate__": (Own(), r"obj\.thing is a Own .*__setstate__"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_data_is_refused_with_its_place(tmp_path: Path, case: str) -> None:
    thing, text = REFUSED[case]
    model = nn.Sequential()
    model.thing = thing
    with pytest.raises(TypeError, match=text):
        fastnn.save(model, tmp_path / "a.pth")
    assert list(tmp_path.iterdir()) == []


def test_what_holds_itself_is_refused() -> None:
    values: list = []
    values.append(values)
    with pytest.raises(ValueError, match="nested too deeply, or holds itself"):
        fastnn.save(values, io.BytesIO())


def file_of(value: object, *entries: object) -> io.BytesIO:
    """A file with these entries for objects."""
    with tempfile.TemporaryDirectory() as folder:
        save_pth(f"{folder}/a", {"value": value, "objects": list(entries)}, {"fastnn.objects": b"1"})
        return io.BytesIO(Path(folder, "a").read_bytes())


HERE = __name__
FIRST = {"fastnn.object": 0}
EMPTY = {"_parameters": {}, "_modules": {}, "_buffers": {}, "attributes": {}}


def module_entry(name: list[str], **parts: object) -> dict:
    return {"class": name, **EMPTY, **parts}


CRAFTED = {
    "not there": (module_entry(["__main__", "Nowhere"]), r"holds an object of '__main__\.Nowhere', which this program"),
    "not loaded": (module_entry(["antigravity", "Net"]), r"'antigravity\.Net', which this program does not have"),
    "no module": (module_entry(["tempfile", "TemporaryDirectory"]), "does not have"),
    "no class": (module_entry(["os", "system"]), "does not have"),
    "a builtin": (module_entry(["builtins", "object"]), "does not have"),
    "no record": ({"class": ["subprocess", "Popen"], "fields": {}}, "damaged|other fields"),
    "with __del__": ({"class": [HERE, "ClosingData"], "fields": {"a": 1}}, "is no class of data"),
    "a module with __del__": (module_entry([HERE, "ClosingModule"]), "is no class of data"),
    "other fields": ({"class": [HERE, "Point"], "fields": {"a": 1}}, r"Point had other fields .*\['a'\]"),
    "a missing field": ({"class": [HERE, "Config"], "fields": {"sizes": []}}, r"Config had other fields"),
    "a function": ({"name": ["os", "system"]}, r"'os\.system', which this program does not have"),
    "a class to call": ({"name": [HERE, "Config"]}, "does not have"),
    "a name without a function": ({"name": ["fastnn.eager.tensor", "np"]}, "does not have"),
    "a number for a module": (module_entry([HERE, "Net"], _modules={"fc1": 3}), "_modules has something else"),
    "a tensor for a parameter": (module_entry([HERE, "Net"], _parameters={"w": np.ones(1)}), "_parameters has"),
    "no entry": ({}, "damaged"),
    "an unknown kind": ({"code": "x"}, "damaged"),
    "an unknown dtype": ({"dtype": "float7"}, "damaged"),
    "no entries": (None, "damaged"),
    "no name": (module_entry("Net"), "damaged|does not have"),
    "a reference too far": ({"size": [{"fastnn.object": 9}]}, "damaged"),
    "a set of lists": ({"set": [[1]], "frozen": False}, "damaged"),
    "a set of huge numbers": ({"set": [2**70], "frozen": False}, "damaged.*71 bits"),
}


@pytest.mark.parametrize("case", CRAFTED)
def test_crafted_files_are_refused(case: str) -> None:
    entry, text = CRAFTED[case]
    before = set(sys.modules)
    CALLS.clear()
    with pytest.raises(FormatError, match=f"^<BytesIO>.*({text})"):
        found = fastnn.load(file_of(FIRST, entry))
        [found.shape for _ in found]
    assert CALLS == [] and "antigravity" not in set(sys.modules) - before


def test_crafted_records_beside_the_objects() -> None:
    with pytest.raises(FormatError, match="damaged"):
        fastnn.load(file_of({"fastnn.object": "x"}))
    with pytest.raises(FormatError, match="damaged"):
        fastnn.load(file_of([1, {"fastnn.object": 10**6}]))
    chain = [{"class": [HERE, "Point"], "fields": {"a": {"fastnn.object": i + 1}, "b": 0}} for i in range(5_000)]
    with pytest.raises(FormatError, match="damaged"):
        fastnn.load(file_of(FIRST, *chain))
    knot = {"class": [HERE, "Point"], "fields": {"a": FIRST, "b": 0}}
    with pytest.raises(FormatError, match="damaged"):
        fastnn.load(file_of(FIRST, knot))


def test_a_script_that_became_a_module() -> None:
    """Where one class has that name; where two have, nobody guesses."""
    file = file_of(FIRST, module_entry(["__main__", "Twin"], attributes={"training": False}))
    one = type("Twin", (nn.Module,), {"__module__": "one"})
    assert type(fastnn.load(file)) is one
    two = type("Twin", (nn.Module,), {"__module__": "two"})
    file.seek(0)
    with pytest.raises(FormatError, match=r"'__main__\.Twin', which this program does not have"):
        fastnn.load(file)
    for kind in (one, two):
        assert type(fastnn.load(file_of(FIRST, module_entry([kind.__module__, "Twin"])))) is kind


def test_a_lazy_module_is_not_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    class Lazy(types.ModuleType):
        def __getattribute__(self, name: str) -> object:
            raise AssertionError("asked")

    monkeypatch.setitem(sys.modules, "lazy", Lazy("lazy"))
    with pytest.raises(FormatError, match=r"'lazy\.Net', which this program does not have"):
        fastnn.load(file_of(FIRST, module_entry(["lazy", "Net"])))


SCRIPT = """
import fastnn as torch
from fastnn import nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 2)
    def forward(self, x):
        return self.fc(x)
if __name__ == "__main__":
    torch.save(Net(), "net.pth")
"""
USE = """
import fastnn as torch
{}
model = torch.load("net.pth")
print(type(model).__name__, model(torch.ones(1, 3)).shape)
"""


def test_between_programs(tmp_path: Path) -> None:
    """What a script saved, a program loads that imports the script; one that has no such class is told."""
    (tmp_path / "net.py").write_text(SCRIPT)
    assert python("net.py", cwd=tmp_path).returncode == 0
    for way in ("from net import Net", "import net"):
        assert python("-c", USE.format(way), cwd=tmp_path).stdout == "Net torch.Size([1, 2])\n"
    lost = python("-c", USE.format("pass"), cwd=tmp_path).stderr
    assert "net.pth holds an object of '__main__.Net', which this program does not have" in lost


def test_layers_of_fastnn_are_there_for_every_program(tmp_path: Path) -> None:
    fastnn.save(nn.Sequential(nn.Linear(3, 2), nn.Tanh()), tmp_path / "net.pth")
    assert python("-c", USE.format("pass"), cwd=tmp_path).stdout == "Sequential torch.Size([1, 2])\n"
