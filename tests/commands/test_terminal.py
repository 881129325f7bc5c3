"""What a terminal shows: a progress bar that leaves whole lines, in any encoding, whatever files are called."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import shutil
import struct
import subprocess
import termios
from collections.abc import Callable
from pathlib import Path

import pytest
from job_runs import argv_of, call, environment, run
from small_data import write_class, write_tree

Words = Callable[..., tuple]

BAR = re.compile(r"\r(\[[=.]+[^\r\n]*)")


def on_terminal(*words: object, cwd: Path, columns: int = 80) -> tuple[int, str]:
    """A command with a terminal for its output and errors: (exit code, every character that was sent to it)."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    argv = argv_of("fastnn.train", words)
    process = subprocess.Popen(argv, cwd=cwd, env=environment(TERM="xterm"), stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    sent = bytearray()
    while piece := _read(ours):
        sent += piece
    os.close(ours)
    return process.wait(timeout=60), sent.decode()


def _read(fd: int) -> bytes:
    try:
        return os.read(fd, 65536)
    except OSError:  # how Linux says that the other end is closed
        return b""


def screen(sent: str) -> list[str]:
    """The lines that are left on a terminal: a carriage return goes to the start of a line, text overwrites, colours
    take no place.
    """
    lines, sent = [], re.sub("\033\\[[0-9;]*m", "", sent)
    for line in sent.replace("\r\n", "\n").split("\n"):
        shown: list[str] = []
        for part in line.split("\r"):
            shown[: len(part)] = part
        lines.append("".join(shown).rstrip())
    return lines


def without_times(line: str) -> str:
    return re.sub(r"\d+\.\d\d s \| [\d,]+ images/s|\d:\d\d left", "TIME", line)


def test_a_bar_over_whole_lines(small: Words, tmp_path: Path) -> None:
    words = small("--epochs", 3, "--out", "net.pth")
    code, sent = on_terminal(*words, cwd=tmp_path)
    plain = run(*words, cwd=tmp_path)
    assert (code, plain.code) == (0, 0)
    assert [*map(without_times, screen(sent))] == [*map(without_times, plain.lines), ""]
    bars = BAR.findall(sent)
    assert f"[{'=' * 30}] 36/36 images read" in [bar.rstrip() for bar in bars]
    assert re.search(r"\[=+\] 9/9 loss \d\.\d{4} \| [\d,]+ images/s \| 0:\d\d left", sent)
    assert "\r" not in plain.out
    assert re.search("test accuracy = .* \033\\[1;32m= 0\\.\\d+\033\\[0m", sent) and "\033" not in plain.out


def test_a_bar_is_never_wider_than_the_terminal(small: Words, tmp_path: Path) -> None:
    code, sent = on_terminal(*small("--epochs", 1, "--out", "net.pth"), cwd=tmp_path, columns=20)
    assert code == 0
    assert max(map(len, BAR.findall(sent))) == 19


def test_an_error_stands_on_a_line_of_its_own(tree: Path, small: Words, tmp_path: Path) -> None:
    shutil.copytree(tree, tmp_path / "data")
    (tmp_path / "data" / "test" / "cat" / "003.png").write_bytes(b"GIF89a")
    code, sent = on_terminal(*small("--data", "data"), cwd=tmp_path)
    assert code == 2
    assert "images read" in sent
    assert screen(sent)[0].startswith("fastnn.train: error: data/test/cat/003.png is a GIF image")


def test_quiet_draws_no_bar(small: Words, tmp_path: Path) -> None:
    code, sent = on_terminal(*small("--epochs", 6, "--quiet"), cwd=tmp_path)
    assert (code, sent) == (0, "test accuracy = 12 / 12 \033[1;32m= 1.000\033[0m\r\n")


@pytest.mark.parametrize(
    ("encoding", "cat", "dog"), [("ascii", r"\u732b", r"\xf1"), ("cp936", "猫", r"\xf1"), ("utf-8", "猫", "ñ")]
)
def test_class_names_in_every_encoding(encoding: str, cat: str, dog: str, tmp_path: Path) -> None:
    root = write_tree(tmp_path / "data", ("ñ", "猫"))
    write_class(root / "test" / "ñ", 1, 2, 1, 8, prefix="wrong-")
    command = argv_of("fastnn.train", ("--data", "data", "--arch", "64-8-2", "--epochs", 6, "--batch-size", 4))
    env = environment(PYTHONIOENCODING=encoding)
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, timeout=60, check=True)
    wrong = f"wrong case: predict = 1 ({cat}) y = 0 ({dog}) img_path = data/test/{dog}/wrong-000.png"
    assert wrong in done.stdout.decode(encoding).splitlines()
    assert (tmp_path / "mnist.pth.wrong.txt").read_text("utf-8") == (
        "wrong case: predict = 1 (猫) y = 0 (ñ) img_path = data/test/ñ/wrong-000.png\n"
    )


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("new\nline.png", r"new\nline.png"),
        ("red\x1b[31m.png", r"red\x1b[31m.png"),
        ("back\rwards.png", r"back\rwards.png"),
        (os.fsdecode(b"\xff\xfe.png"), r"\udcff\udcfe.png"),
    ],
    ids=["newline", "escape", "return", "not UTF-8"],
)
def test_hostile_file_names_are_escaped(name: str, shown: str, tree: Path, small: Words, tmp_path: Path) -> None:
    root = shutil.copytree(tree, tmp_path / "data")
    os.rename(root / "test" / "cat" / "000.png", root / "test" / "dog" / name)
    outcome = call(*small("--data", root, "--epochs", 6, "--out", tmp_path / "net.pth"))
    wrong = rf"wrong case: predict = 0 (cat) y = 1 (dog) img_path = '{root}/test/dog/{shown}'"
    assert [line for line in outcome.out.split("\n") if line.startswith("wrong")] == [wrong]
    assert (tmp_path / "net.pth.wrong.txt").read_bytes() == (wrong + "\n").encode()
    assert outcome.accuracy == "test accuracy = 11 / 12 = 0.917"


def test_hostile_class_names_are_escaped(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "data", ("a", "b\n\x1b[2J"))
    write_class(root / "test" / "a", 1, 2, 1, 8, prefix="wrong-")
    words = ("--data", root, "--epochs", 6, "--batch-size", 4, "--out", tmp_path / "net.pth")
    outcome = call(*words, "--arch", "64-8-2")
    assert rf"wrong case: predict = 1 ('b\n\x1b[2J') y = 0 (a) img_path = {root}/test/a/wrong-000.png" in outcome.lines
    refused = call(*words, "--arch", "64-8-3")
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert r"'b\n\x1b[2J'" in refused.err
