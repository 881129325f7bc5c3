"""A run that is killed and resumed ends with the bits of one that was not; a state of another run is refused."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastnn import io
from fastnn.training.checkpoint import Checkpointer
from job_runs import call, temporary_files, train_json
from killed_runs import kill_and_resume, position
from PIL import Image
from small_data import write_idx

# 230 images, 58 steps an epoch, 12 epochs: some two seconds with a checkpoint (and its flush to disk) every 3 steps.
JOB = ("--arch", "784-24-10", "--batch-size", 4, "--epochs", 12)


@pytest.fixture(scope="module")
def job(idx_folder: Path) -> tuple[Any, ...]:
    return ("--data", idx_folder, *JOB)


@pytest.fixture(scope="module")
def whole(job: tuple, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The run that nobody disturbs."""
    return train_json(*job, cwd=tmp_path_factory.mktemp("whole"), here=True)


def same_result(found: dict[str, Any], whole: dict[str, Any]) -> None:
    for name in ("parameters_sha256", "train_loss", "test_correct", "epochs"):
        assert found[name] == whole[name], name
    assert len(found["epoch_s"]) == len(whole["epoch_s"])


def test_three_kills(job: tuple, whole: dict[str, Any], tmp_path: Path) -> None:
    found, _ = kill_and_resume((*job, "--checkpoint-every", 3), tmp_path, kills=3, seed=1)
    same_result(found, whole)
    assert temporary_files(tmp_path) == []


def check_twenty_kills(job: tuple, every: int, folder: Path, seed: int) -> None:
    (folder / "whole").mkdir()
    whole = train_json(*job, cwd=folder / "whole")
    found, inside = kill_and_resume((*job, "--checkpoint-every", every), folder, kills=20, seed=seed)
    same_result(found, whole)
    assert inside >= 1
    assert temporary_files(folder) == []


@pytest.mark.slow
def test_twenty_kills(tmp_path: Path) -> None:
    data = write_idx(tmp_path / "data", train=900)
    job = ("--data", data, "--arch", "784-24-10", "--batch-size", 4, "--epochs", 20, "--optimizer", "sgd")
    check_twenty_kills(job, 3, tmp_path, seed=2)


@pytest.mark.slow
def test_twenty_kills_on_mnist(mnist: Path, tmp_path: Path) -> None:
    check_twenty_kills(("--data", mnist, "--epochs", 2), 5, tmp_path, seed=3)


@pytest.fixture
def stopped(small: Callable, tmp_path: Path) -> Path:
    """The state of a run of 2 epochs that ended in the middle of the second (its last checkpoint)."""
    call(*small("--epochs", 2, "--checkpoint-every", 7, "--state", tmp_path / "state", "--out", tmp_path / "net.pth"))
    return tmp_path / "state"


def resume(small: Callable, state: Path, *words: Any) -> Any:
    out = state.with_name("resumed.pth")
    return call(*small("--epochs", 4, "--resume", "--state", state, "--out", out, *words))


def test_more_epochs_after_a_finished_run(small: Callable, stopped: Path, tmp_path: Path) -> None:
    words = ("--resume", "--state", stopped, "--epochs", 4)
    found = train_json(*small(*words), cwd=tmp_path, here=True)
    again = train_json(*small(*words), cwd=tmp_path, here=True)
    expected = train_json(*small("--epochs", 4), cwd=tmp_path, here=True)
    same_result(found, expected)
    same_result(again, expected)
    assert (expected["plan_steps"], found["plan_steps"], again["plan_steps"]) == (4 * 9 + 1, 2 * 9 + 1, 1)


@pytest.mark.parametrize("recipe", ["tutorial", "fast"])
@pytest.mark.parametrize("steps", [1, 5, 8, 9, 10, 17])
def test_from_behind_any_step(
    steps: int, recipe: str, small: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped behind so many of its 18 steps, in 2 epochs of 9, a run does the others when it is resumed."""
    run = ("--epochs", 2, "--recipe", recipe)
    words = small(*run, "--state", tmp_path / "state", "--out", tmp_path / "net.pth")
    with monkeypatch.context() as patch:
        patch.setattr("fastnn.commands.fitting.Checkpointer", StopsAtTheFirstSave)
        assert call(*words, "--checkpoint-every", steps).code == 1
    epoch, step = position(tmp_path / "state")
    assert epoch * 9 + step == steps
    found = train_json(*words, "--resume", cwd=tmp_path, here=True)
    same_result(found, train_json(*small(*run), cwd=tmp_path, here=True))
    assert found["plan_steps"] == 18 - steps + 1


class StopsAtTheFirstSave(Checkpointer):
    def save(self, trainer: Any) -> bool:
        super().save(trainer)
        raise RuntimeError("saved")


def test_a_schedule_belongs_to_its_epochs(small: Callable, tmp_path: Path) -> None:
    """More epochs would have had other rates from the first step on."""
    words = small("--recipe", "fast", "--state", tmp_path / "state", "--out", tmp_path / "net.pth")
    call(*words, "--epochs", 2, "--checkpoint-every", 7)
    outcome = call(*words, "--epochs", 3, "--resume")
    assert outcome.code == 2
    assert "(--schedule, --recipe, --epochs) was 'linear over 2 epochs', is now 'linear over 3 epochs'" in outcome.err


def test_an_engine_may_follow_the_other(small: Callable, stopped: Path, tmp_path: Path) -> None:
    words = small("--resume", "--state", stopped, "--epochs", 3, "--engine", "eager", "--threads", 3)
    found = train_json(*words, cwd=tmp_path, here=True)
    same_result(found, train_json(*small("--epochs", 3), cwd=tmp_path, here=True))


def test_what_is_said(small: Callable, stopped: Path) -> None:
    outcome = resume(small, stopped)
    assert outcome.lines[2] == f"resumed from {stopped}: epoch 3, batch 0"
    assert outcome.lines[3].startswith("Epoch 3/4 | Batch 0/9")
    done = resume(small, stopped)
    assert done.lines[2] == f"resumed from {stopped}: nothing is left to train, all epochs are done"


def test_without_a_state_it_starts_afresh_and_says_so(small: Callable, tmp_path: Path) -> None:
    outcome = resume(small, tmp_path / "state")
    assert outcome.code == 0
    assert outcome.lines[2] == f"nothing to resume: there is no {tmp_path}/state; starting afresh"
    found = train_json(*small("--epochs", 4), cwd=tmp_path, here=True)
    assert position(tmp_path / "state") == (4, 0)
    assert f"mean loss {found['train_loss'][3]:.4f}" in outcome.out


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (("--batch-size", 5), "--batch-size was 4, is now 5"),
        (("--seed", 1), "--seed was 0, is now 1"),
        (("--arch", "64-17-3"), "--arch was '64-16-3', is now '64-17-3'"),
        (("--optimizer", "adamw"), "--optimizer was 'adam', is now 'adamw'"),
        (("--lr", 0.01), "--lr was 0.001, is now 0.01"),
        (
            ("--recipe", "fast"),
            "the learning rate's schedule (--schedule, --recipe, --epochs) was None, is now 'linear over 4",
        ),
        (("--loss", "mse"), "--loss was 'cross_entropy', is now 'mse'"),
        (("--limit", 20), "the data set (its fingerprint) was '"),
        (("--limit", 20, "--seed", 2), "; --seed was 0, is now 2"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_another_run_is_refused(change: tuple, named: str, small: Callable, stopped: Path) -> None:
    before = stopped.read_bytes()
    outcome = resume(small, stopped, *change)
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)
    assert f"{stopped} is the state of another run: " in outcome.err
    assert named in outcome.err
    assert "start afresh without --resume" in outcome.err
    assert stopped.read_bytes() == before


def test_one_changed_pixel_is_another_data_set(small: Callable, tree: Path, stopped: Path, tmp_path: Path) -> None:
    root = shutil.copytree(tree, tmp_path / "data")
    path = root / "train" / "dog" / "003.png"
    pixels = np.array(Image.open(path))
    pixels[3, 4] ^= 1
    Image.fromarray(pixels).save(path)
    outcome = resume(small, stopped, "--data", root)
    assert outcome.code == 2
    assert "the data set (its fingerprint) was" in outcome.err


def test_another_version_is_said(small: Callable, stopped: Path) -> None:
    tensors, record = io.load_state(stopped)
    record["config"]["version"] = "0.0.1"
    io.save_state(stopped, tensors, record)
    outcome = resume(small, stopped)
    assert outcome.code == 0
    assert re.match(r"that state is of fastnn 0\.0\.1, this is \d", outcome.lines[3])


def test_damaged_states_are_refused(small: Callable, stopped: Path) -> None:
    good = stopped.read_bytes()
    half = len(good) // 2
    flipped = good[:half] + bytes([good[half] ^ 4]) + good[half + 1 :]
    for damaged in (b"", good[:half], flipped, good + b"x", b"\0" * len(good), b"not a state"):
        stopped.write_bytes(damaged)
        outcome = resume(small, stopped)
        assert (outcome.code, outcome.err.count("\n")) == (2, 1)
        assert outcome.err.startswith(f"fastnn.train: error: {stopped}")
        assert stopped.read_bytes() == damaged
