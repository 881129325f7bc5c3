"""Standard streams that are not there, closed, full or strange; files that a full disk does not take."""

from __future__ import annotations

import errno
import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fastnn import Network, keras
from fastnn.text import lost, on_terminal, say
from job_runs import call, environment

Words = Callable[..., tuple]


def shell(command: str, cwd: Path) -> tuple[int, str, str]:
    """(exit code, standard output, standard error) of a line; PY stands for the interpreter."""
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=cwd,
        env=environment(PY=sys.executable),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def line(small: Words) -> str:
    """A short run as a line of the shell."""
    return " ".join(map(str, ["$PY -m fastnn.train", *small("--epochs", 1, "--out", "net.pth")]))


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_commands_without_streams(line: str, tmp_path: Path, closed: str) -> None:
    """The job runs, a mistake exits with 2, and no file of ours is standard output or error."""
    code, out, err = shell(f"{line} {closed}", tmp_path)
    assert (code, err) == (0, "") and (tmp_path / "net.pth").stat().st_size > 4000
    assert ("test accuracy" in out) == (closed == "2>&-")
    model = (tmp_path / "net.pth").read_bytes()
    for command, expected in (
        ("$PY -m fastnn.evaluate net.pth --data /nope", 2),
        ("$PY -m fastnn.evaluate", 2),
        ("$PY -m fastnn.train --help", 0),
        ("$PY -m fastnn info", 0),
        ("$PY -m fastnn", 2),
        ("$PY -m fastnn nope", 2),
        ("$PY -m fastnn.run nope.py", 2),
        ("$PY -m fastnn.run --list", 0),
    ):
        code, _, err = shell(f"{command} {closed}", tmp_path)
        assert (command, code, "Traceback" in err) == (command, expected, False)
    assert (tmp_path / "net.pth").read_bytes() == model


def test_a_full_disk_under_standard_output(line: str, tmp_path: Path) -> None:
    """Training goes on and saves; a command that only shows has failed. Said once, with the file."""
    code, _, err = shell(f"{line} > /dev/full", tmp_path)
    lines = err.splitlines()
    assert (code, lines) == (0, ["fastnn: /dev/full cannot be written: No space left on device; going on without it"])
    assert (tmp_path / "net.pth").exists()
    code, _, err = shell("$PY -m fastnn info > /dev/full", tmp_path)
    assert (code, err.splitlines()) == (2, lines)
    code, out, _ = shell(f"{line} 2> /dev/full", tmp_path)
    assert code == 0 and "test accuracy" in out
    assert shell("$PY -m fastnn.evaluate /nope > /dev/full 2> /dev/full", tmp_path)[0] == 2


def test_a_full_disk_under_files(small: Words, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The list of wrong cases and the JSON: a line each, and the run ends well with its model."""

    def full(path: object, *_: object) -> None:
        raise OSError(errno.ENOSPC, f"{path} could not be saved: No space left on device")

    monkeypatch.setattr("fastnn.commands.testing.write_atomic", full)
    monkeypatch.setattr("fastnn.commands.results.write_atomic", full)
    out, found = tmp_path / "net.pth", tmp_path / "run.json"
    (tmp_path / "net.pth.wrong.txt").write_text("of an earlier run\n")
    done = call(*small("--epochs", 1, "--out", out, "--json", found))
    assert done.code == 0 and "test accuracy" in done.accuracy and out.exists()
    assert done.err.splitlines() == [
        f"fastnn: {path} could not be saved: No space left on device. The run goes on without it"
        for path in (f"{out}.wrong.txt", found)
    ]


def test_a_full_disk_under_the_log(small: Words, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: object, *_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("fastnn.io.event_files.SummaryWriter._begin", full)
    done = call(*small("--epochs", 2, "--out", tmp_path / "net.pth", "--tensorboard", tmp_path / "tb"))
    assert done.code == 0 and (tmp_path / "net.pth").exists() and "test accuracy" in done.accuracy


# From Python


class Bare:
    """A stream with ``write`` alone, as some programs put in place of standard output."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> None:
        self.text += text


def closed() -> io.StringIO:
    stream = io.StringIO()
    stream.close()
    return stream


@pytest.mark.parametrize("make", [lambda: None, Bare, io.StringIO, closed, lambda: open("/dev/full", "w")])  # noqa: SIM115
def test_fit_whatever_standard_output_is(make: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = np.ones((8, 3), np.float32), np.zeros(8, np.int64)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    stream, errors = make(), io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(sys, "stderr", errors)
    Network(3, 2).fit((x, y), epochs=2)
    model.summary()
    model.fit(x, y, epochs=2)
    model.evaluate(x, y)
    told = errors.getvalue().splitlines()
    if isinstance(stream, Bare):
        assert stream.text.count("Epoch 2/2") == 2 and "Total params: 8" in stream.text and not told
    assert len(told) == lost(stream) == (make is closed or getattr(stream, "name", "") == "/dev/full")
    monkeypatch.undo()
    if lost(stream) and not stream.closed:
        with pytest.raises(OSError, match="No space left"):
            stream.close()


def test_errors_without_an_error_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    with pytest.raises(SystemExit) as stop:
        import fastnn.commands.train as command

        command.main(["--epochs", "x"])
    assert stop.value.code == 2 and command.main(["--data", "/nope"]) == 2


def test_say(capsys: pytest.CaptureFixture[str]) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), "ascii")
    say("数 \x1b\n", stream)
    assert stream.buffer.getvalue() == b"\\u6570 \\x1b\n" and not lost(stream)
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as pipe:
        with pytest.raises(BrokenPipeError):
            say("x", pipe)
        with pytest.raises(BrokenPipeError):
            pipe.close()
    for strange in (None, Bare(), closed(), sys.stdout):
        assert on_terminal(strange) is False
    assert capsys.readouterr().err == ""


# An interrupt while a command is being imported

INTERRUPT = """
import os, signal, sys
class Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == os.environ["AT"]:
            os.kill(os.getpid(), signal.SIGINT)
            signal.signal(signal.SIGINT, signal.getsignal(signal.SIGINT))
sys.meta_path.insert(0, Finder)
"""


@pytest.mark.parametrize(
    "module",
    [
        "numpy",
        "fastnn._core",
        "fastnn.nn",
        "argparse",
        "fastnn.commands.cli",
        "fastnn.commands.fitting",
        "fastnn.training.trainer",
        "fastnn.data.source",
        "PIL",
    ],
)
@pytest.mark.parametrize("start", ["-m fastnn.train", "-mfastnn.train", "-m fastnn train", "bin/fastnn train"])
def test_ctrl_c_during_imports(module: str, start: str, tmp_path: Path, small: Words) -> None:
    """Exit code 130 and not a word."""
    (tmp_path / "sitecustomize.py").write_text(INTERRUPT)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "fastnn").write_text("import sys\nfrom fastnn.__main__ import main\nsys.exit(main())\n")
    found = environment()["PYTHONPATH"]
    words = [str(word) for word in small("--out", tmp_path / "net.pth", "--epochs", 1)]
    done = subprocess.run(
        [sys.executable, *start.split(), *words],
        env=environment(AT=module, PYTHONPATH=f"{tmp_path}{os.pathsep}{found}"),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_scripts_of_users_get_their_interrupt(tmp_path: Path) -> None:
    """``fastnn.run`` runs them as Python does: KeyboardInterrupt, which they may catch."""
    lines = ["import os, signal", "try:", "    os.kill(os.getpid(), signal.SIGINT)", "except KeyboardInterrupt:"]
    (tmp_path / "script.py").write_text("\n".join([*lines, "    print('caught')"]))
    code, out, _ = shell("$PY -m fastnn.run script.py", tmp_path)
    assert (code, out) == (0, "caught\n")
