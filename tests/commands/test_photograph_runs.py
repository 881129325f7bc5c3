"""The job on photographs: validation after each epoch, the best model, schedules, early stopping, resumed runs."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import photo_job
import pytest
from fastnn import Network, io
from fastnn.training.best import best_epoch
from fastnn.training.model_files import load_model, parameters_sha256
from job_runs import Outcome, argv_of, call, environment, refused, temporary_files, train_json
from killed_runs import kill_and_resume

SGD = ("--optimizer", "sgd", "--momentum", 0.9, "--nesterov", "--lr", 0.1, "--weight-decay", 1e-3)
WORDS = ("--batch-size", 5, *SGD, "--label-smoothing", 0.1, "--schedule", "onecycle")
Run = Callable[..., Outcome]


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return photo_job.write_photos(tmp_path_factory.mktemp("photos"))


@pytest.fixture
def attempt(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """attempt(*words): the job on them in an empty folder, which is the current one."""
    monkeypatch.chdir(tmp_path)
    base = ("--data", photos, "--model", "small_cnn", "--channels", 3, "--out", "net.pth", "--json", "run.json")
    return lambda *words: call(*base, *words)


def results() -> dict[str, Any]:
    return json.loads(Path("run.json").read_text())


def test_what_is_said_and_kept(attempt: Run) -> None:
    run = attempt(*WORDS, "--epochs", 6)
    found = results()
    assert (run.code, run.err, found["engine"]) == (0, "", "plan")
    history, best = found["history"], found["best_epoch"]
    assert set(history) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert best == best_epoch(history) + 1 and best != 6, "another seed: the last epoch is the best"
    assert len(found["images_per_s"]) == len(found["epoch_s"]) == 6
    epochs = [line for line in run.lines if line.startswith("Epoch")]
    values = " | ".join(f"{name} {history[name][1]:.4f}" for name in ("loss", "accuracy", "val_loss", "val_accuracy"))
    assert len(epochs) == 6
    assert re.fullmatch(
        rf"Epoch 2/6 \| \d+\.\d\d s \| [\d,]+ images/s \| mean {re.escape(values)} \| \d:\d\d left", epochs[1]
    )
    told = f"val_accuracy {history['val_accuracy'][best - 1]:.4f}, val_loss {history['val_loss'][best - 1]:.4f}"
    assert f"best epoch: {best} of 6 ({told})" in run.lines
    correct = round(history["val_accuracy"][best - 1] * 10)
    assert run.accuracy == f"test accuracy = {correct} / 10 = {correct / 10:.3f}"  # of the best, not of the last
    assert parameters_sha256(Network.load("net.pth")) == found["parameters_sha256"]
    last = io.load_state("net.pth.state")[0]
    kept = {name: tensor.numpy() for name, tensor in Network.load("net.pth").state_dict().items()}
    assert all(np.array_equal(last[f"best.{name}"], array) for name, array in kept.items())
    assert not all(np.array_equal(last[f"model.{name}"], array) for name, array in kept.items())


def test_memory_is_said(attempt: Run) -> None:
    (line,) = (line for line in attempt("--epochs", 1).lines if line.startswith("memory"))
    pattern = r"memory: about [\d.]+ [MG]B \(images 14\.7 kB, weights 376\.7 kB, steps [\d.]+ MB\); .* more are free"
    assert re.fullmatch(pattern, line), line


@pytest.mark.slow
def test_memory_is_what_was_said(photos: Path, tmp_path: Path) -> None:
    """Within 10 %, of a process of its own; of a network that takes more than the one that starts it, whose memory
    counts for both.
    """
    words = ("--data", photos, "--model", "resnet18", "--channels", 3, "--epochs", 2, "--batch-size", 16)
    with open(tmp_path / "out", "wb") as out:
        process = subprocess.Popen(argv_of("fastnn.train", words), cwd=tmp_path, env=environment(), stdout=out)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    number, unit = re.search(r"memory: about ([\d.]+) ([MG])B", (tmp_path / "out").read_text()).groups()
    assert usage.ru_maxrss * 1024 == pytest.approx(float(number) * {"M": 1e6, "G": 1e9}[unit], rel=0.1)


def test_engines_agree(attempt: Run) -> None:
    """Label smoothing, a schedule of every step and the rest in both."""
    hashes = {}
    for engine in ("plan", "eager"):
        assert attempt(*WORDS, "--epochs", 2, "--engine", engine).code == 0
        hashes[engine] = results()["parameters_sha256"], results()["history"]
    assert hashes["plan"] == hashes["eager"]


@pytest.fixture(scope="module")
def first(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The state of a run of one epoch, and its parameters' hash."""
    folder = tmp_path_factory.mktemp("first")
    words = ("--data", photos, "--model", "small_cnn", "--channels", 3, *WORDS, "--epochs", 1)
    call(*words, "--out", folder / "net.pth", "--json", folder / "run.json")
    return folder / "net.pth.state", json.loads((folder / "run.json").read_text())["parameters_sha256"]


@pytest.mark.parametrize(
    "words",
    [
        ("--schedule", "cosine"),
        ("--schedule", "step"),
        ("--schedule", "linear"),
        ("--weight-decay", 0.1),
        ("--momentum", 0.5),
        ("--no-nesterov",),
        ("--label-smoothing", 0.3),
        ("--seed", 1),
    ],
    ids=lambda words: words[0][2:],
)
def test_every_option_counts(words: tuple, attempt: Run, first: tuple[Path, str]) -> None:
    """Another one gives other parameters, and its state is of another run, named by the option."""
    state, found = first
    refusal = attempt(*WORDS, "--epochs", 1, *words, "--resume", "--state", state)
    refused(refusal, f"{state} is the state of another run: ", words[0].replace("--no-", "--"))
    assert attempt(*WORDS, "--epochs", 1, *words).code == 0
    assert results()["parameters_sha256"] != found


def test_weight_decay_of_adam_and_adamw_differ(attempt: Run) -> None:
    hashes = set()
    for words in (("adam",), ("adam", "--weight-decay", 0.01), ("adamw",), ("adamw", "--weight-decay", 0)):
        assert attempt("--epochs", 2, "--optimizer", *words).code == 0
        hashes.add(results()["parameters_sha256"])
    assert len(hashes) == 3, "adamw without decay is adam"


def test_early_stopping(attempt: Run) -> None:
    words = (*WORDS, "--epochs", 40, "--early-stopping", 2)
    run = attempt(*words)
    found = results()
    epochs, best = len(found["epoch_s"]), found["best_epoch"]
    assert epochs == best + 2 < 40
    assert f"stopped early: the last 2 epochs were not better than epoch {best}" in run.lines
    again = attempt(*words, "--resume")
    assert results() == found | {"wall_s": results()["wall_s"], "plan_steps": results()["plan_steps"]}
    assert again.lines[-1] == run.lines[-1] and not any(line.startswith("Epoch") for line in again.lines)
    refused(attempt(*words, "--early-stopping", 3, "--resume"), "--early-stopping was 2, is now 3")
    refused(attempt(*WORDS, "--epochs", 40, "--resume"), "--early-stopping was 2, is now None")


def test_resumed_elsewhere(attempt: Run, tmp_path: Path) -> None:
    """The best model goes where --out says now, also where no epoch is better any more."""
    words = (*WORDS, "--epochs", 6, "--state", "state")
    attempt(*words)
    best = (tmp_path / "net.pth").read_bytes()
    (tmp_path / "net.pth").unlink()
    assert attempt(*words, "--resume", "--out", "other.pth").code == 0
    assert (tmp_path / "other.pth").read_bytes() == best


def test_states_that_do_not_fit(attempt: Run) -> None:
    """Without the best epoch's parameters, or with others."""
    words = (*WORDS, "--epochs", 2)
    attempt(*words)
    tensors, record = io.load_state("net.pth.state")
    lost = {name: array for name, array in tensors.items() if not name.startswith("best.")}
    for changed in (lost, tensors | {"best.more": np.zeros(1)}, tensors | {"best.net.0.weight": np.zeros(1)}):
        io.save_state("net.pth.state", changed, record)
        refused(attempt(*words, "--resume"), "net.pth.state is not a training state that fits this run")


def test_other_pictures_to_look_at_are_another_run(attempt: Run, photos: Path, tmp_path: Path) -> None:
    attempt(*WORDS, "--epochs", 2)
    other = photo_job.write_photos(tmp_path / "other", seed=1)
    words = ("--val", other / "val", "--resume")
    refused(attempt(*WORDS, "--epochs", 2, *words), "looked at after each epoch (their fingerprint) was '")


def test_a_full_disk_ends_nothing(attempt: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The best model so far is tried again; only the last write has to succeed."""
    saves: list[int] = []
    save = Network.save

    def failing(self: Network, *args: Any, **info: Any) -> None:
        saves.append(1)
        if len(saves) == 1:
            raise OSError(28, "No space left on device", "net.pth")
        save(self, *args, **info)

    monkeypatch.setattr(Network, "save", failing)
    run = attempt(*WORDS, "--epochs", 3)
    assert run.code == 0 and "No space left on device. The run goes on without it" in run.err
    assert load_model("net.pth")[1].classes == ["cat", "dog"]


def test_loss_that_explodes_leaves_the_best(attempt: Run) -> None:
    run = attempt("--optimizer", "sgd", "--lr", 1e30, "--epochs", 3)
    assert run.code == 2 and ("no state was saved before" in run.err or "the model of epoch" in run.err)


def test_event_files(attempt: Run, tmp_path: Path) -> None:
    attempt(*WORDS, "--epochs", 2, "--tensorboard", "runs")
    (events,) = (tmp_path / "runs").iterdir()
    data = events.read_bytes()
    for tag in ("loss", "accuracy", "val_loss", "val_accuracy", "lr", "seconds", "images_per_s"):
        assert data.count(f"epoch/{tag}".encode()) == 2, tag


def test_augmentation(attempt: Run, tmp_path: Path) -> None:
    """Each name, and each seed, its own; the same from both engines. Some of its pictures are in event files."""
    pytest.importorskip("fastnn.data.augment")
    hashes = []
    strong = ("--augment", "strong")
    for options in ((), ("--augment", "light"), strong, (*strong, "--engine", "eager")):
        assert attempt(*WORDS, "--epochs", 2, "--tensorboard", "runs", *options).code == 0
        hashes.append(results()["parameters_sha256"])
    assert len(set(hashes)) == 3 and hashes[2] == hashes[3]
    refused(attempt(*WORDS, "--epochs", 2, "--augment", "light", "--resume"), "--augment was 'strong', is now 'light'")
    found = [path.read_bytes().count(b"training images") for path in (tmp_path / "runs").iterdir()]
    assert sorted(found) == [0, 1, 1, 1]


def test_a_network_that_cannot_be_compiled_says_so(attempt: Run, tmp_path: Path, imports_put_back: None) -> None:
    """One that looks at values; told once, before the first epoch."""
    code = """
from fastnn import nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(432, 2)
    def forward(self, x):
        return self.fc(x.flatten(1) * (2 if x.max().item() > 0 else 1))
"""
    (tmp_path / "looking.py").write_text(code)
    run = attempt("--model", "looking.py:Net", "--epochs", 1)
    assert run.code == 0 and results()["engine"] == "eager"
    assert run.out.count("\nthe network is run layer by layer, as it cannot be compiled: ") == 1


def check_kills(photos: Path, folder: Path, kills: int, epochs: int, *words: Any) -> None:
    """Killed so often, a run has the results, the model file and the last state of one that nobody disturbed. At a rate
    that leaves it something to learn: no epoch's accuracy is 1.
    """
    job = ("--data", photos, "--model", "small_cnn", "--channels", 3, *WORDS, "--early-stopping", 200, *words)
    job = (*job, "--lr", 1e-5, "--epochs", epochs, "--out", "net.pth", "--checkpoint-every", 3)
    (folder / "whole").mkdir()
    whole = train_json(*job, "--out", folder / "whole" / "net.pth", cwd=folder / "whole")
    assert max(whole["history"]["accuracy"]) < 1
    found, inside = kill_and_resume(job, folder, kills, seed=6)
    for name in ("parameters_sha256", "history", "best_epoch", "test_correct", "epochs"):
        assert found[name] == whole[name], name
    assert (folder / "net.pth").read_bytes() == (folder / "whole" / "net.pth").read_bytes()
    last, expected = (io.load_state(each / "net.pth.state")[0] for each in (folder, folder / "whole"))
    assert last.keys() == expected.keys() and all(np.array_equal(last[name], expected[name]) for name in last)
    assert inside and temporary_files(folder) == []


def test_two_kills(photos: Path, tmp_path: Path) -> None:
    check_kills(photos, tmp_path, 2, 30)


@pytest.mark.slow
@pytest.mark.parametrize("augment", ["light", "strong"])
def test_twenty_kills_of_photographs(augment: str, photos: Path, tmp_path: Path) -> None:
    check_kills(photos, tmp_path, 20, 150, "--augment", augment)
