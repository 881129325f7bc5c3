"""The commands on folders of photographs: the same run wherever the pixels lie, parts held out, what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from job_runs import call, refused, train_json
from PIL import Image


@pytest.fixture
def kaggle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Kaggle's layout: train/cat.0.jpg, ..., test/1.jpg; photographs of several shapes, cats darker than dogs."""
    monkeypatch.setenv("FASTNN_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(7)
    names = [f"train/{name}.{number}.jpg" for name in ("cat", "dog") for number in range(10)]
    for number, name in enumerate([*names, "test/1.jpg", "test/10.jpg", "test/2.jpg"]):
        high = 120 if "cat" in name else 256
        pixels = rng.integers(0, high, (14 + number % 3, 12 + number % 5, 3), np.uint8)
        (tmp_path / "kaggle" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / "kaggle" / name)
    return tmp_path / "kaggle"


@pytest.fixture
def run(kaggle: Path) -> Callable[..., Any]:
    """run(*words): two epochs of a small convolutional network."""
    words = ("--data", kaggle, "--model", "small_cnn", "--size", 12, "--epochs", 1, "--batch-size", 8)
    return lambda *more: call(*words, "--val-fraction", 0.25, "--out", "m.safetensors", *more)


def test_kaggles_layout(run: Callable, kaggle: Path) -> None:
    outcome = run()
    assert outcome.code == 0, outcome.err
    assert outcome.lines[:4] == [
        "6 of 20 images are held out for the validation, by seed 0",
        f"{kaggle}/train: classes by the names of the files, cat, dog",
        f"{kaggle}/test: 3 numbered pictures without classes, no test set (for fastnn predict --csv)",
        "20 images of 12x12x3: 8.6 kB of memory",
    ]
    assert "train_dataset length: 14" in outcome.lines and "test_dataset length: 6" in outcome.lines


@pytest.mark.parametrize("network", [("--model", "small_cnn"), ("--arch", "432-8-2")], ids=["convolutions", "dense"])
def test_the_same_bits_wherever_the_pixels_lie(kaggle: Path, tmp_path: Path, network: tuple[str, ...]) -> None:
    """In memory or in a file."""
    words = ("--data", kaggle, *network, "--size", 12, "--epochs", 2, "--batch-size", 8, "--val-fraction", 0.25)
    results = [train_json(*words, *more, cwd=tmp_path, here=True) for more in ((), ("--memory", "1K"))]
    assert len({result["parameters_sha256"] for result in results}) == 1
    assert results[0]["test_correct"] == results[1]["test_correct"]


def test_a_seed_holds_out_its_own(run: Callable) -> None:
    first, other = ({*run("--seed", seed, "--memory", memory).lines} for seed, memory in ((0, "50%"), (5, "1K")))
    assert "6 of 20 images are held out for the validation, by seed 5" in other
    assert any("in a file read as needed, 0 bytes of memory, where they may take 1.0 kB (--memory)" in x for x in other)
    assert not any("in a file" in line for line in first)


def test_what_is_refused(run: Callable, kaggle: Path) -> None:
    refused(run("--resize", "12x12"), "--size and --resize both say how large images become")
    refused(run("--memory", "lots"), "--memory is 'lots'; it must be a size such as 2G or 500M, or a share")
    refused(run("--val-fraction", "1.5"), "it must be between 0 and 1")
    refused(run("--val", kaggle / "train"), "is to validate with", "leave out --val-fraction")
    (kaggle / "val" / "cat").mkdir(parents=True)
    Image.new("RGB", (12, 12)).save(kaggle / "val" / "cat" / "1.png")
    refused(run(), "has val/ to validate with", "leave out --val-fraction, or move val/ elsewhere")
    (kaggle / "train" / "owl.jpg").write_bytes(b"")
    refused(run(), "the names of 1 say no class: owl.jpg", "such as cat.123.jpg")


def test_exported_and_read_again(kaggle: Path) -> None:
    words = ("export", kaggle, "out", "--size", 12, "--val-fraction", 0.25, "--seed", 3)
    assert call(*words, module="fastnn.commands.data").code == 0
    counts = {split: len(list(Path("out", split).rglob("*.png"))) for split in ("train", "val")}
    assert counts == {"train": 14, "val": 6} and not Path("out", "test").exists()
    outcome = call("--data", "out", "--arch", "432-8-2", "--channels", 3, "--epochs", 1)
    assert outcome.code == 0 and "test_dataset length: 6" in outcome.lines


@pytest.mark.parametrize(("words", "features"), [((), 432), (("--channels", 1), 144), (("--channels", 3), 432)])
def test_channels(kaggle: Path, words: tuple[Any, ...], features: int) -> None:
    """Colour where photographs are cut to size, if nothing else is said; the refusal tells what came."""
    refused(call("--data", kaggle, "--arch", "7-8-2", "--size", 12, *words), f"got {features} features")


def test_of_photographs_five_wrong_cases_are_shown(run: Callable, tmp_path: Path, kaggle: Path) -> None:
    """The list has all."""
    for number in range(10, 60):
        for name in ("cat", "dog"):
            (kaggle / f"train/{name}.{number}.jpg").write_bytes((kaggle / f"train/{name}.0.jpg").read_bytes())
    lines = run("--lr", 1e-9).lines
    wrong = (tmp_path / "m.safetensors.wrong.txt").read_text().splitlines()
    assert len(wrong) > 5 and [line for line in lines if line.startswith("wrong case: ")] == wrong[:5]
    assert lines[-2] == f"{len(wrong)} wrong cases: m.safetensors.wrong.txt; the first 5 are above"
