"""Options that do not fit: one line that says which, why, and what would; and what an error shows of the code."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastnn import Tensor, random
from fastnn.commands import cli
from fastnn.models import MODELS, create
from job_runs import call, refused, run, train_json
from PIL import Image


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("--arch", "784-8-3"),
            "layer 0 Linear(784->8) got 64 features: an image is 8x8x1. Use --arch 64-8-3, or --re",
        ),
        (("--arch", "64-8-10"), "the data has 3 classes (cat, dog, emu), the last layer 10 outputs. Use --arch 64-8-3"),
        (("--arch", "64"), "--arch is '64'; it must be sizes with dashes between, input first, such as 784-256-10"),
        (("--arch", "64-0-3"), "--arch is '64-0-3'"),
        (("--arch", "64-99999999999999-3"), "Linear(64 -> 99999999999999) needs "),
        (("--resize", "8"), "--resize is '8'; it must be WIDTHxHEIGHT, such as 28x28"),
        (("--resize", "9" * 5000 + "x2"), "it must be WIDTHxHEIGHT, such as 28x28"),
        (("--resize", "28x99999999999999999999"), "--resize is '28x99999999999999999999'; it must be"),
        (
            ("--resize", "60000x60000"),
            "--resize 60000x60000 makes images of 3,600,000,000 features, 10,800,000,000 in colour; "
            "layer 0 Linear(64->8) takes 64: change --resize or --arch",
        ),
        (("--batch-size", 0), "argument --batch-size: 0 is too small; it must be at least 1"),
        (("--batch-size", "many"), "argument --batch-size: 'many' is not a whole number"),
        (("--epochs", 0), "argument --epochs: 0 is too small; it must be at least 1"),
        (("--limit", -3), "argument --limit: -3 is too small"),
        (("--lr", "nan"), "argument --lr: nan must be above 0 and finite"),
        (("--lr", "0"), "argument --lr: 0 must be above 0"),
        (("--threads", 99999), "argument --threads: 99999 is too large; it must be at most 4096"),
        (("--weight-decay", -1), "argument --weight-decay: -1 must be at least 0 and finite"),
        (("--weight-decay", "inf"), "argument --weight-decay: inf must be at least 0 and finite"),
        (("--momentum", 1), "argument --momentum: 1 must be at least 0 and below 1"),
        (("--label-smoothing", "half"), "argument --label-smoothing: 'half' is not a number"),
        (("--label-smoothing", 1.5), "argument --label-smoothing: 1.5 must be at least 0 and below 1"),
        (("--early-stopping", 0), "argument --early-stopping: 0 is too small; it must be at least 1"),
        (("--schedule", "cos"), "argument --schedule: invalid choice: 'cos' (choose from"),
        (("--augment", "heavy"), "argument --augment: invalid choice: 'heavy' (choose from"),
        (("--momentum", 0.9), "--momentum is of sgd and rmsprop: adam has none that can be chosen"),
        (("--momentum", 0, "--optimizer", "adamw"), "--momentum is of sgd and rmsprop: adamw has none"),
        (("--nesterov", "--optimizer", "rmsprop"), "--nesterov is of --optimizer sgd: rmsprop has no such form"),
        (("--nesterov", "--optimizer", "sgd"), "--nesterov is a form of momentum: add --momentum 0.9, or leave it out"),
        (
            ("--label-smoothing", 0.1, "--loss", "mse"),
            "--label-smoothing is of the loss cross_entropy: leave it out with --loss mse",
        ),
        (
            ("--recipe", "catsdogs"),
            "--arch is of dense networks, recipe catsdogs is for photographs: use --model, or leave it out",
        ),
        (("--seed", 2**64), f"--seed is {2**64}; it must fit 64 bits"),
        (("--optimizer", "adm"), "argument --optimizer: invalid choice: 'adm' (choose from"),
        (("--device", "cuda"), "fastnn was built without CUDA"),
        (("--optimiser", "sgd"), "unknown option '--optimiser'; did you mean '--optimizer'? (see fastnn.train --help)"),
        (("--epoch=3",), "unknown option '--epoch'; did you mean '--epochs'?"),
        (("--bogus",), "unknown option '--bogus' (see fastnn.train --help)"),
        (("--frobnicate",), "unknown option '--frobnicate' (see fastnn.train --help)"),
        (("more",), "unexpected argument 'more'"),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, tuple) else "",
)
def test_options(words: tuple, message: str, train: Callable, data: Path) -> None:
    refused(train(*words), message)


def test_early_stopping_needs_something_to_look_at(idx_folder: Path, tmp_path: Path) -> None:
    """MNIST has images to train on and to test with."""
    words = ("--data", idx_folder, "--out", tmp_path / "net.pth", "--early-stopping", 2)
    refused(call(*words), "--early-stopping needs images to look at after each epoch: in val/", "--val-fraction 0.2")


def test_which_optimizers_have_momentum() -> None:
    """What the options say of them is so."""
    from inspect import signature

    from fastnn.commands.steps import MOMENTUM, NESTEROV
    from fastnn.training.network import OPTIMIZERS

    for names, option in ((MOMENTUM, "momentum"), (NESTEROV, "nesterov"), (tuple(OPTIMIZERS), "weight_decay")):
        assert names == tuple(name for name, kind in OPTIMIZERS.items() if option in signature(kind).parameters)


@pytest.mark.parametrize("arch", ["1000-2-3", "3000-2-3"])
def test_sizes_are_refused_before_an_image_is_read(arch: str, train: Callable, data: Path) -> None:
    """Grey or in colour; what fits neither is refused although no image could be read."""
    for path in data.rglob("*.png"):
        path.write_bytes(b"no image")
    refused(train("--resize", "40x24", "--arch", arch), "features, 2,880 in colour; layer 0 Linear(")
    read = train("--resize", "40x25", "--arch", arch)
    assert read.code == 2 and "000.png is not an image" in read.err


def test_commands(tmp_path: Path) -> None:
    outcome = call("evalute", module="fastnn.__main__")
    assert outcome.code == 2
    assert outcome.err.splitlines()[0] == "fastnn: error: unknown command 'evalute'; did you mean 'evaluate'?"
    assert call(module="fastnn.__main__").code == 2
    refused(call("net.pth", module="fastnn.predict"), "the following arguments are required: IMAGE")
    refused(call("export", "nowhere", tmp_path / "x", module="fastnn.commands.data"), "'nowhere' does not exist")


def test_traceback_on_request(data: Path, tmp_path: Path) -> None:
    """As processes: without, one line; with it, where the error was raised and the same line."""
    words = ("--data", "data", "--arch", "63-3")
    plain, traced = run(*words, cwd=tmp_path), run(*words, "--traceback", cwd=tmp_path)
    refused(plain, "layer 0 Linear(63->3) got 64 features")
    assert traced.code == 2
    assert traced.err.startswith("Traceback (most recent call last):\n")
    assert "in check_fit" in traced.err
    assert traced.err.endswith(plain.err)


def test_an_internal_fault_is_called_one(train: Callable, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise KeyError("oops")

    monkeypatch.setattr("fastnn.commands.trainers.check_fit", broken)
    outcome = train()
    assert outcome.code == 1
    message = "internal error: KeyError: 'oops' (a fault in fastnn; --traceback shows where)"
    assert outcome.err == f"fastnn.train: error: {message}\n"


def test_decoded_images_are_kept_where_wanted(tmp_path: Path) -> None:
    """A thousand files: read once, then from the cache; not at all with --cache off."""
    for half, count in (("train", 1000), ("test", 4)):
        for i in range(count):
            folder = tmp_path / "data" / half / str(i % 2)
            folder.mkdir(parents=True, exist_ok=True)
            Image.new("L", (4, 4), i % 256).save(folder / f"{i}.png")
    time.sleep(2.1)  # what changed in the last two seconds is not kept
    words = ("--data", tmp_path / "data", "--arch", "16-4-2", "--epochs", 1)
    cache = tmp_path / "cache"
    kept = {"off": 0, cache: 1}
    hashes = set()
    for more in (("--cache", "off"), ("--cache", cache), ("--cache", cache), ("--cache", cache, "--trust-cache")):
        hashes.add(train_json(*words, *more, cwd=tmp_path)["parameters_sha256"])
        assert len(list(cache.glob("images-*"))) == kept[more[1]]
    assert len(hashes) == 1
    refused(run(*words, "--cache", "off", "--trust-cache", cwd=tmp_path), "--trust-cache needs a cache")


def test_profile(train: Callable, data: Path) -> None:
    words = ("--arch", "64-8-3", "--profile")
    text = train(*words).out
    assert "part of a step" in text
    assert "dense_update 64-8" in text
    refused(train(*words, "--engine", "eager"), "--profile is of compiled steps")


def test_info_on_a_plan() -> None:
    state = random.state.as_dict()
    text = call("--plan", "20-32-3", "--batch-size", 16, module="fastnn.commands.info").out
    assert random.state.as_dict() == state
    assert "  rows: dense_forward, cross_entropy" in text
    assert " that may be used. Predicted us of a step by threads" in text
    assert "dense_update 20-32" in text
    assert call("--plan", "20", module="fastnn.commands.info").code == 2


@pytest.mark.parametrize("name", ["lenet", "lenet5", "small_cnn"])
def test_info_on_a_plan_of_a_model(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line a layer, of the usual images or of those that are asked for."""
    monkeypatch.setattr("fastnn.commands.plans._MEASURED_S", 0)
    state = random.state.as_dict()
    words = ("--plan", name, "--batch-size", 2, "--input-shape", "1x32x40")
    lines = call(*words, module="fastnn.commands.info").lines
    assert random.state.as_dict() == state
    assert lines[0].endswith("on 2 inputs of (1, 32, 40), as it is compiled:")
    usual, classes = cli.MODELS[name]
    model = create(name, (1, 32, 40), classes)
    named = [line.split()[0] for line in lines]
    layers = {path.rpartition(".")[0] for path, _ in model.named_parameters()}
    assert layers <= set(named) and len(lines) < 1.2 * len(layers) + 25
    assert [line for line in lines if line.startswith("batch") and line.split("  ")[-1].strip() == f"{2 * 1280 * 4:,}"]
    assert " ms (the median of " in lines[-1]
    create(name, usual, classes)(Tensor(np.zeros((1, *usual), np.float32)))


def test_models_have_usual_images() -> None:
    assert cli.MODELS.keys() == MODELS.keys()


def test_info_on_no_such_plan() -> None:
    def said(*words: object) -> str:
        outcome = call(*words, module="fastnn.commands.info")
        assert outcome.code == 2 and len(outcome.err.splitlines()) == 1
        return outcome.err

    assert "did you mean 'resnet34'" in said("--plan", "resnet43")
    assert "'3x8' is not CHANNELSxHEIGHTxWIDTH" in said("--plan", "lenet5", "--input-shape", "3x8")
    assert "is no shape, such as 3x64x64" in said("--plan", "lenet5", "--input-shape", f"3x8x{'9' * 5000}")
    assert "images of 8x8 are too small" in said("--plan", "lenet5", "--input-shape", "1x8x8")
    assert "an input of 20-5-2 is 20 numbers" in said("--plan", "20-5-2", "--input-shape", "1x4x5")
    assert "name a network with --plan" in said("--input-shape", "1x4x5")
