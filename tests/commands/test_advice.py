"""Advice that can be followed: an option that a message names is one of the command that says it, a function exists."""

from __future__ import annotations

import ast
import builtins
import importlib
import io
import os
import re
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fastnn
import numpy as np
import pytest
from fastnn import keras, nn, optim, transforms
from fastnn.commands import data as data_command
from fastnn.commands import draw, evaluate, examples, export, info, predict, report, run, selftest, train
from fastnn.data.folder import ImageFolder
from fastnn.data.source import open_source
from fastnn.keras.data import Dataset
from fastnn.text import in_python, offer, way
from fastnn.training.engines import PlanEngine
from fastnn.utils.data import DataLoader
from job_runs import Outcome, call
from PIL import Image

ROOT = Path(fastnn.__file__).parent
COMMANDS = {
    "train": train,
    "evaluate": evaluate,
    "report": report,
    "predict": predict,
    "draw": draw,
    "export": export,
    "examples": examples,
    "selftest": selftest,
    "data": data_command,
    "info": info,
    "run": run,
}
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")

# Who else says such words: to the users of which commands.
SPEAKERS = {
    "commands/cli.py": ["train"],
    "commands/pictures.py": ["predict"],
    "commands/submission.py": ["predict"],
    "commands/fitting.py": ["train"],
    "commands/trainers.py": ["train"],
    "commands/steps.py": ["train"],
    "commands/networks.py": ["train", "evaluate"],
    "commands/plans.py": ["info"],
    "commands/settings.py": ["train"],
    "training/checkpoint.py": ["train"],
    "training/preparation.py": ["predict"],
    "chinese/messages.py": ["train", "run"],
    "text.py": ["run"],
    "data/source.py": ["train"],
    "reporting/curves.py": ["report", "train"],
}


def options_of(command: str) -> set[str]:
    actions = COMMANDS[command].make_parser()._actions
    return {"--help", "--version", *(option for action in actions for option in action.option_strings)}


def sources() -> Iterator[tuple[str, ast.Module]]:
    """Those of the package; an installed one has the examples, programs of their own, beside them."""
    for path in sorted(ROOT.rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        if not name.startswith("examples/"):
            yield name, ast.parse(path.read_text())


def words(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """String constants that are no docstrings, each with the name of the innermost call that it is an argument of."""
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}

    def visit(node: ast.AST, call: str) -> Iterator[tuple[str, str]]:
        if id(node) in docs:
            return
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value, call
        if isinstance(node, ast.Call):
            function = node.func
            call = getattr(function, "id", getattr(function, "attr", ""))
        for child in ast.iter_child_nodes(node):
            yield from visit(child, call)

    return visit(tree, "")


def test_options_in_the_code_are_those_of_the_command_that_says_them() -> None:
    """Elsewhere than in a command's own words they are asked for with :func:`fastnn.text.way`."""
    everything = set().union(*map(options_of, COMMANDS))
    seen, wrong = 0, []
    for name, tree in sources():
        speakers = [Path(name).stem] if name.startswith("commands/") else []
        speakers = SPEAKERS.get(name, speakers)
        own = set().union(*(options_of(speaker) for speaker in speakers if speaker in COMMANDS))
        for text, caller in words(tree):
            found = OPTION.findall(text)
            seen += len(found)
            if caller not in ("add", "add_argument") and name != "__main__.py":
                wrong += [(name, option) for option in found if option not in (everything if caller == "way" else own)]
    assert wrong == [] and seen > 35


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """Classes a and b, with images of two sizes."""
    for label, name in enumerate("ab"):
        (tmp_path / "mixed" / name).mkdir(parents=True)
        for row in range(3):
            Image.new("L", (8 + label, 8)).save(tmp_path / "mixed" / name / f"{row}.png")
    return tmp_path / "mixed"


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """Classes a and b, with a file that is no whole image."""
    for name in "ab":
        (tmp_path / "broken" / name).mkdir(parents=True)
        Image.new("L", (8, 8)).save(tmp_path / "broken" / name / "0.png")
    path = tmp_path / "broken" / "a" / "1.png"
    path.write_bytes(b"<html>")
    return tmp_path / "broken"


@pytest.fixture
def half(broken: Path) -> Path:
    """A class without images."""
    (broken / "b" / "0.png").unlink()
    return broken


@pytest.fixture
def no_mnist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("FASTNN_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("FASTNN_DATA", raising=False)
    return "mnist"


BAD = ["mixed", "broken", "half", "no_mnist"]


def refusals(spec: Any, tmp_path: Path) -> dict[str, Outcome]:
    """What every command that reads data says of some."""
    model = tmp_path / "m.pth"
    fastnn.Network(64, 2).save(model, classes=["a", "b"], input_shape=(1, 8, 8))
    arguments = {
        "train": ("--data", spec, "--arch", "64-2", "--epochs", 1, "--out", tmp_path / "out.pth"),
        "evaluate": (model, "--data", spec),
        "report": (model, "--data", spec, "--html", tmp_path / "r.html"),
        "data": ("export", spec, tmp_path / "exported"),
    }
    if os.path.isdir(spec):
        arguments["predict"] = (model, *sorted(Path(spec).rglob("*.png")))
    return {name: call(*given, module=f"fastnn.commands.{name}") for name, given in arguments.items()}


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("bad", BAD)
def test_commands_name_options_that_they_have(
    bad: str, language: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FASTNN_LANG", language)
    named = 0
    for name, outcome in refusals(request.getfixturevalue(bad), tmp_path).items():
        assert outcome.code in (0, 2), outcome
        found = set(OPTION.findall(outcome.err))
        assert found <= options_of(name), (name, outcome.err)
        assert not re.search(r"transforms\.|is_valid_file|allow_empty|resize=", outcome.err)
        named += len(found)
    assert bad == "half" or named


@pytest.mark.parametrize("bad", BAD)
def test_errors_in_python_name_no_option(
    bad: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = request.getfixturevalue(bad)
    to_numbers = transforms.ToTensor()
    uses: list[Callable[[], Any]] = [lambda: open_source(spec)]
    if bad != "no_mnist":
        uses += [
            lambda: ImageFolder(spec, to_numbers).resident(),
            lambda: list(DataLoader(ImageFolder(spec, to_numbers), batch_size=4)),
        ]
    told = []
    for use in uses:
        try:
            use()
        except (ValueError, OSError, RuntimeError) as error:
            told.append(str(error))
    assert told and not any(OPTION.search(text) for text in told), told


def test_export_can_be_followed(mixed: Path, broken: Path, tmp_path: Path) -> None:
    """Each refusal's option leads to a tree."""
    for spec in (mixed, broken):
        said = call("export", spec, tmp_path / "tree", module="fastnn.commands.data")
        option, value = re.search(r"(--[a-z-]+) (\w+)", said.err).groups()  # type: ignore[union-attr]
        done = call("export", spec, tmp_path / f"{spec.name}-tree", option, value, module="fastnn.commands.data")
        assert (done.code, done.err) == (0, "")
        made = [path.read_bytes() for path in (tmp_path / f"{spec.name}-tree").rglob("*.png")]
        assert {image[16:24] for image in made} == {struct.pack(">2I", 8, 8)}  # the size in a PNG file's header
    limited = call("export", mixed, tmp_path / "few", "--resize", "4x4", "--limit", 2, module="fastnn.commands.data")
    assert (limited.code, len(list((tmp_path / "few").rglob("*.png")))) == (0, 2)


def test_who_is_spoken_to() -> None:
    assert (way("--limit 3", "Subset"), in_python("!")) == ("Subset", "!")
    offer(["--limit"])
    try:
        assert (way("--limit 3", "Subset"), way("--resize", "Resize"), in_python("!")) == ("--limit 3", "Resize", "")
    finally:
        offer(None)


def test_memory_names_what_the_command_has(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise MemoryError("4 GB")

    monkeypatch.setattr("fastnn.training.model_files.load_model", full)
    monkeypatch.setattr("fastnn.commands.networks.load_model", full)
    for name, given in {"evaluate": ("m.pth",), "predict": ("m.pth", "x.png"), "info": ("--plan", __file__)}.items():
        outcome = call(*given, module=f"fastnn.commands.{name}")
        assert "out of memory: 4 GB" in outcome.err
        assert set(OPTION.findall(outcome.err)) <= options_of(name)


def test_a_plan_of_wrong_sizes_names_its_own_option() -> None:
    assert "--plan is 'x'" in call("--plan", "x", module="fastnn.commands.info").err


# -- functions -------------------------------------------------------------------------------------------------------

CALL = re.compile(r"(?<![\w.'])((?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*)\((?!s\))")

# What messages call things of the user's own.
OF_USERS = {
    "classes": (list,),
    "criterion": (nn.CrossEntropyLoss,),
    "labels": (fastnn.Tensor,),
    "loss": (fastnn.Tensor,),
    "dataset": (Dataset,),
    "history": (fastnn.training.history.History,),
    "model": (nn.Module, keras.Sequential, fastnn.Network),
    "net": (fastnn.Network,),
    "optimizer": (optim.Optimizer,),
    "target": (fastnn.Tensor,),
    "tensor": (fastnn.Tensor,),
    "to_network": (object,),  # of fastnn.sklearn's estimators, whose package need not be here
    "x": (fastnn.Tensor,),
    "y": (np.ndarray,),
}
MODULES = {"io": io, "np": np, "torch": fastnn, "fastnn": fastnn, "nn": nn, "optim": optim, "transforms": transforms}


def homes() -> list[Any]:
    """Where a name without a dot may be found: what scripts import, and the methods of what they make."""
    names = (
        "nn.functional",
        "optim.lr_scheduler",
        "utils.data",
        "data.source",
        "datasets",
        "keras.layers",
        "keras.preprocessing.image",
        "keras.regularizers",
        "keras.utils",
    )
    modules = [
        fastnn,
        nn,
        optim,
        transforms,
        keras,
        keras.models,
        *map(importlib.import_module, map("fastnn.{}".format, names)),
    ]
    kinds = [fastnn.Tensor, fastnn.Network, fastnn.Trainer, keras.Sequential, nn.Module, optim.Optimizer, PlanEngine]
    kinds += [Dataset, keras.layers.Normalization, optim.lr_scheduler.LRScheduler, io.BytesIO]
    return [*modules, *kinds, np.ndarray, builtins]


def exists(name: str) -> bool:
    """Whether there is something of this dotted name that a script can call."""
    first, *rest = name.split(".")
    starts = [getattr(home, first) for home in homes() if hasattr(home, first)] or list(OF_USERS.get(first, ()))
    if rest:
        starts += [*OF_USERS.get(first, ()), *([MODULES[first]] if first in MODULES else [])]
    for part in rest:
        starts = [getattr(start, part) for start in starts if hasattr(start, part)]
    return bool(starts)


def test_functions_that_messages_name_are_there() -> None:
    named = {
        name: source
        for source, tree in sources()
        if not source.startswith("c_source/")  # functions of C
        for text, _ in words(tree)
        if " " in text  # else it is no sentence
        for name in CALL.findall(text)
    }
    assert len(named) > 40
    assert {name: source for name, source in named.items() if not exists(name)} == {}
    assert not any(map(exists, ("transforms.Rezise", "model.lode", "fastnn.nothing", "nothing")))
