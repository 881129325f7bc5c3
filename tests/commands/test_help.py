"""What the commands say of themselves: every option has its help, in English and in Chinese; messages name the command
and the option as they were typed; colours where a terminal has them.
"""

from __future__ import annotations

import importlib
import io
import re
import unicodedata
from pathlib import Path

import pytest
from fastnn.__main__ import COMMANDS
from fastnn.chinese import wrapped
from fastnn.text import RED, in_colour, say
from job_runs import call, refused

CHINESE = re.compile("[\N{CJK UNIFIED IDEOGRAPH-4E00}-\N{CJK UNIFIED IDEOGRAPH-9FFF}]")
NAMES = [name for name in COMMANDS if hasattr(importlib.import_module(COMMANDS[name][0]), "make_parser")]


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("name", NAMES)
def test_every_option_has_its_help_in_both_languages(name: str) -> None:
    parser = importlib.import_module(COMMANDS[name][0]).make_parser()
    texts = {"description": parser.description} | {str(action.dest): action.help for action in parser._actions}
    for option, text in texts.items():
        if text == "==SUPPRESS==":
            continue
        english, _, chinese = (text or "").partition("\n")
        assert english and not CHINESE.search(english) and CHINESE.search(chinese), (option, text)


def test_the_commands_are_told_in_both_languages(monkeypatch: pytest.MonkeyPatch) -> None:
    for language in ("en", "zh"):
        monkeypatch.setenv("FASTNN_LANG", language)
        lines = call("--help", module="fastnn.__main__").lines
        told = [line for line in lines if line.strip().split(" ")[0] in COMMANDS and line.startswith("  ")]
        assert len(told) == len(COMMANDS)
        assert all(bool(CHINESE.search(line)) == (language == "zh") for line in told), told


@pytest.mark.parametrize("width", [40, 80])
def test_help_in_chinese_fits_the_terminal(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FASTNN_LANG", "zh")
    monkeypatch.setenv("COLUMNS", str(width))
    lines = call("train", "--help", module="fastnn.__main__").lines
    assert lines[0].startswith("用法: fastnn train [-h]") and "选项:" in lines
    columns = [sum(1 + (unicodedata.east_asian_width(c) in "WF") for c in line) for line in lines]
    wide = [line for line, count in zip(lines, columns, strict=True) if count > width and CHINESE.search(line)]
    assert wide == [] and sum(map(bool, map(CHINESE.search, lines))) > 35


def test_lines_break_between_characters_and_words() -> None:
    assert wrapped("学习率 learning rate, 很小", 10) == ["学习率", "learning", "rate, 很小"]
    assert wrapped("plain words", 5) == []


def test_a_command_is_named_as_it_was_started() -> None:
    assert call("train", "--epohcs", 1, module="fastnn.__main__").err.startswith("fastnn train: error: unknown option")
    refused(call("--epohcs", 1), "fastnn.train: error: ", "did you mean '--epochs'? (see fastnn.train --help)")
    assert call("evaluate", "--help", module="fastnn.__main__").out.startswith("usage: fastnn evaluate [-h]")


@pytest.mark.parametrize("name", ["q.h5", "Q.KERAS", "net.onnx", "x.json"])
def test_a_name_of_another_format_is_refused_before_any_work(name: str, tmp_path: Path) -> None:
    outcome = call("--data", tmp_path / "nowhere", "--out", tmp_path / name)
    refused(outcome, f"--out {tmp_path / name} is the name of another format: a model is saved as .pth")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--out", "no/m.pth"),
        ("--state", "no/m.state"),
        ("--json", "no/m.json"),
        ("--seed", 2**64),
        ("--threads", 10**6),
        ("--memory", "lots"),
        ("--val-fraction", 1.5),
        ("--resize", "8"),
        ("--size", 0),
        ("--lr", -1),
        ("--limit", 0),
        ("--arch", "4"),
        ("--model", "lenet6"),
    ],
)
def test_messages_name_the_option_that_was_typed(option: str, value: object, tmp_path: Path) -> None:
    words = {"--out": tmp_path / "m.pth", option: value}
    named = [word for pair in words.items() for word in pair]
    refused(call("--limit", 20, "--cache", "off", "--epochs", 1, *named), option)


def test_the_remedy_is_of_the_option_that_was_typed(tmp_path: Path) -> None:
    """Images that --size makes do not fit: another --size, no --resize, which does not go with it."""
    outcome = call("--size", 16, "--limit", 20, "--cache", "off", "--out", tmp_path / "m.pth")
    refused(outcome, "Use --arch 768-256-10, or another --size")
    assert "--resize" not in outcome.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("train", "--epohcs", 3), "没有选项 --epohcs (是不是 --epochs?)"),
        (("train", "--batch-size", "many"), "--batch-size 的值不对: 'many' 不是整数"),
        (("train", "--epochs", 0), "--epochs 的值不对: 0 必须是不小于 1 的数"),
        (("train", "--epochs"), "--epochs 的值不对: 后面要写一个值"),
        (("train", "more"), "多余的参数 more"),
        (("predict", "net.pth"), "参数不全"),
        (("run", "nope.py"), "没有脚本 nope.py"),
    ],
)
def test_errors_of_the_command_line_in_chinese(words: tuple, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FASTNN_LANG", "zh")
    english, chinese = call(*words, module="fastnn.__main__").err.splitlines()
    assert english.startswith(f"fastnn {words[0]}: error: ")
    assert chinese == f"{told}。用法见 fastnn {words[0]} --help"
    monkeypatch.setenv("FASTNN_LANG", "en")
    assert call(*words, module="fastnn.__main__").err == f"{english}\n"


def test_a_form_that_messages_share_in_chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FASTNN_LANG", "zh")
    outcome = call("--val-fraction", 2)
    assert outcome.err.splitlines()[-1] == "--val-fraction 是 2.0: 必须是 0 到 1 之间, 如 0.2"


def test_an_unknown_command_in_chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FASTNN_LANG", "zh")
    english, chinese, *_ = call("trian", module="fastnn.__main__").err.splitlines()
    assert english == "fastnn: error: unknown command 'trian'; did you mean 'train'?"
    assert chinese == "没有命令 trian"


def test_a_file_of_another_name_is_offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mnist.pth").touch()
    refused(
        call("mnst.pth", module="fastnn.evaluate"), "mnst.pth: No such file or directory; did you mean 'mnist.pth'?"
    )


def test_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    terminal, file = Terminal(), io.StringIO()
    for stream in (terminal, file):
        say("fastnn: error: no error:\n", stream, "error:", RED)
    assert terminal.getvalue() == "fastnn: \033[1;31merror:\033[0m no error:\n"
    assert file.getvalue() == "fastnn: error: no error:\n"
    for name, value, shown in (("NO_COLOR", "1", False), ("NO_COLOR", "", True), ("TERM", "dumb", False)):
        with monkeypatch.context() as here:
            here.setenv(name, value)
            assert in_colour(terminal) is shown
    assert not in_colour(None)
