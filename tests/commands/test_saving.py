"""What a run that cannot save, or must not, leaves behind: the last good files, whole."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastnn import io
from job_runs import argv_of, call, environment, refused, temporary_files

Words = Callable[..., tuple]

MODEL_BYTES = 4 * (64 * 2000 + 2000 + 2000 * 3 + 3)  # of --arch 64-2000-3


@pytest.mark.parametrize("option", ["--out", "--json", "--state"])
def test_a_place_that_cannot_be_written_is_refused_before_training(
    option: str, small: Words, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "loop").symlink_to("loop")
    out = () if option == "--out" else ("--out", tmp_path / "net.pth")
    for path, part in (
        (tmp_path / "no" / "where", f"cannot be written: there is no folder {tmp_path}/no"),
        (tmp_path / "file" / "net", f"cannot be written: there is no folder {tmp_path}/file"),
        (tmp_path, "it is a folder or a device, not a file"),
        ("/dev/full", "it is a folder or a device, not a file"),
        (tmp_path / "loop", "it is a link that leads back to itself"),
    ):
        refused(call(*small(*out, option, path)), f"{path} cannot be written: ", part)
    refused(call(*small(*out, option, "-")), f"{option} - is no file: the standard output has")
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    refused(call(*small(*out, option, tmp_path / "new")), "cannot be written: no permission")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "loop"]


@pytest.mark.parametrize("option", ["--wrong", "--json"])
def test_evaluate_refuses_such_a_place_too(option: str, small: Words, tree: Path, tmp_path: Path) -> None:
    call(*small("--epochs", 1, "--out", tmp_path / "net.pth"))
    words = (tmp_path / "net.pth", "--data", tree, option, tmp_path / "no" / "where")
    refused(call(*words, module="fastnn.evaluate"), "cannot be written: there is no folder")


def limited(words: tuple, folder: Path, kilobytes: int) -> subprocess.CompletedProcess[str]:
    """The job where no file can grow beyond so many kilobytes, as on a full disk."""
    command = ["bash", "-c", f'ulimit -f {kilobytes} && exec "$@"', "bash", *argv_of("fastnn.train", words)]
    return captured(command, folder)


def captured(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    env = environment()
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=60, check=False)


def test_no_room_for_the_model(small: Words, tmp_path: Path) -> None:
    call(*small("--epochs", 1, "--out", tmp_path / "net.pth"))
    before = (tmp_path / "net.pth").read_bytes()
    done = limited(small("--epochs", 1, "--arch", "64-2000-3", "--out", "net.pth"), tmp_path, kilobytes=300)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("fastnn.train: error: net.pth could not be saved: File too large (needs 5")
    assert done.stderr.endswith("; the old file is unchanged\n")
    assert (tmp_path / "net.pth").read_bytes() == before
    assert temporary_files(tmp_path) == []


def test_no_room_for_the_state(small: Words, tmp_path: Path) -> None:
    """Training goes on; each failed save is said; the model is saved, and the last good state is whole."""
    words = small("--epochs", 1, "--arch", "64-2000-3", "--out", "net.pth", "--checkpoint-every", 4)
    call(*words, "--limit", 8, "--state", tmp_path / "net.pth.state", "--out", tmp_path / "net.pth")
    before = (tmp_path / "net.pth.state").read_bytes()
    assert len(before) > 2 * MODEL_BYTES
    done = limited(words, tmp_path, kilobytes=MODEL_BYTES // 1000 + 100)
    assert (done.returncode, done.stdout.splitlines()[-1][:16]) == (0, "test accuracy = ")
    assert done.stderr.count("fastnn: net.pth.state could not be saved: File too large (needs 1.6 MB, ") == 3
    assert done.stderr.count("the old file is unchanged. The next save will be tried again\n") == 3
    assert (tmp_path / "net.pth.state").read_bytes() == before
    assert temporary_files(tmp_path) == []


def test_stopped_with_no_room_for_the_state(small: Words, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not claim to have saved."""

    def full(*_: Any) -> None:
        raise OSError(28, "net.pth.state could not be saved: No space left on device")

    monkeypatch.setattr("fastnn.training.checkpoint.save_checkpoint", full)
    monkeypatch.setattr("fastnn.training.callbacks.BatchLines.on_chunk", lambda *_: signal.raise_signal(signal.SIGINT))
    outcome = call(*small("--epochs", 1, "--out", tmp_path / "net.pth"))
    assert outcome.code == 130
    assert outcome.err.startswith("fastnn: net.pth.state could not be saved: No space left on device. The next save")
    assert "stopped" not in outcome.out


@pytest.fixture
def can_mount() -> None:
    """A skip where this user may not mount a small file system."""
    try:
        subprocess.run(["unshare", "-m", "true"], capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs the right to mount a file system (unshare -m)")


@pytest.mark.usefixtures("can_mount")
def test_a_full_disk(small: Words, tmp_path: Path) -> None:
    """On a file system of 300 kB."""
    script = """
mount -t tmpfs -o size=300k tmpfs disk && cd disk && echo old > net.pth
"$@"
echo "exit code $?"; cat net.pth; ls -A
"""
    (tmp_path / "disk").mkdir()
    words = small("--epochs", 1, "--arch", "64-2000-3", "--out", "net.pth", "--quiet")
    command = ["unshare", "-m", "bash", "-c", script, "bash", *argv_of("fastnn.train", words)]
    done = captured(command, tmp_path)
    assert done.stdout == "exit code 2\nold\nnet.pth\n"
    part = r"net\.pth could not be saved: No space left on device \(needs 54\d\.\d kB, 30\d\.\d kB free in .*disk\)"
    assert re.search(part, done.stderr)


class TestNumbersThatBlowUp:
    def test_the_loss(self, small: Words, tmp_path: Path) -> None:
        """Where it happened is said; no model is written; the state from before stays."""
        words = small("--epochs", 2, "--out", tmp_path / "net.pth", "--checkpoint-every", 1)
        outcome = call(*words, "--lr", 1e30)
        assert (outcome.code, outcome.err.count("\n")) == (2, 1)
        assert "loss became nan at epoch 1 step 1 (batch: sample ids " in outcome.err
        assert "training stopped. Try a lower learning rate than 1e+30, or look at these samples" in outcome.err
        assert f"the state in {tmp_path}/net.pth.state is from before" in outcome.err
        assert [path.name for path in tmp_path.iterdir()] == ["net.pth.state"]
        tensors, record = io.load_state(tmp_path / "net.pth.state")
        assert record["position"]["step"] == 1
        assert all(np.isfinite(tensor).all() for tensor in tensors.values())

    def test_the_loss_without_a_state(self, small: Words, tmp_path: Path) -> None:
        for engine in ("plan", "eager"):
            outcome = call(*small("--lr", 1e30, "--engine", engine, "--out", tmp_path / "net.pth"))
            assert "loss became nan at epoch 1 step 1 (batch: sample ids " in outcome.err
            assert outcome.err.endswith("; no state was saved before\n")

    @pytest.mark.parametrize("every", [0, 1, 5])
    def test_the_last_update(self, every: int, small: Words, tmp_path: Path) -> None:
        """One step whose loss is good and whose weights are not: neither a model nor a state is written."""
        (tmp_path / "net.pth").write_text("the last good one")
        rate = ("--lr", 1e300, "--optimizer", "sgd", "--limit", 4, "--batch-size", 4)
        outcome = call(*small("--epochs", 1, "--out", tmp_path / "net.pth", "--checkpoint-every", every, *rate))
        assert outcome.code == 2
        assert "parameter 'layer2.weight' has " in outcome.err or "parameter 'layer1.weight' has " in outcome.err
        assert "non-finite values at epoch " in outcome.err
        assert [path.name for path in tmp_path.iterdir()] == ["net.pth"]
        assert (tmp_path / "net.pth").read_text() == "the last good one"


def test_json_is_not_written_for_a_run_that_failed(small: Words, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(json.dumps({"of": "yesterday"}))
    call(*small("--lr", 1e30, "--out", tmp_path / "net.pth", "--json", tmp_path / "run.json"))
    assert json.loads((tmp_path / "run.json").read_text()) == {"of": "yesterday"}
