"""Faults: what errors say to programs. Every code that is raised has its Chinese line, every field of a line its value;
and an error keeps its fault whoever adds words to it, copies it or sends it to another process."""

from __future__ import annotations

import ast
import copy
import pickle
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from string import Formatter
from typing import Any, NamedTuple

import numpy as np
import pytest
from fastnn import Network, chinese, kernels, nn
from fastnn.chinese.messages import FULLER, LINES
from fastnn.commands import cli
from fastnn.data.decode import decode_folder
from fastnn.data.pixels import PixelPlan
from fastnn.eager.tensor import Tensor
from fastnn.errors import Fault, FormatError, NonFiniteLossError, fault_of, retold, told
from fastnn.text import offer
from job_runs import call
from repository import CPP, PACKAGE, cpp_files
from small_data import write_idx


class Site(NamedTuple):
    """Where an error gets its fault, and with which fields."""

    place: str
    code: str
    fields: frozenset[str]


def python_sites(path: Path) -> Iterator[Site]:
    """Calls of ``told``; a code is a word in quotes there, and fields are named one by one."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("told", "_told"):
            code, names = node.args[1], [keyword.arg for keyword in node.keywords]
            assert isinstance(code, ast.Constant) and None not in names, f"{path}:{node.lineno}"
            yield Site(f"{path.name}:{node.lineno}", code.value, frozenset(map(str, names)))


def cpp_sites(path: Path) -> Iterator[Site]:
    """``Fault{"code", {{"name", value}, ...}}``."""
    for found in re.finditer(r'Fault\{"([\w.]+)"(?:,\s*\{(\{.*?\})\})?\}', path.read_text(), re.DOTALL):
        yield Site(path.name, found[1], frozenset(re.findall(r'\{"(\w+)",', found[2] or "")))


SITES = [site for path in sorted(PACKAGE.rglob("*.py")) for site in python_sites(path)]
SITES += [site for path in cpp_files(CPP) for site in cpp_sites(path)]


# What a layer knows more of an error that passes it: ``fields |= {"flat": features}``.
ADDED = frozenset(
    re.findall(r'"(\w+)":', " ".join(re.findall(r" fields \|= {.*}", (PACKAGE / "nn/linear.py").read_text())))
)


def fields_of(line: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(line) if name is not None}


def test_every_code_has_its_line() -> None:
    """And nothing else has: a line whose code nobody raises would never be read."""
    raised = {site.code for site in SITES}
    assert raised == set(LINES) and set(FULLER) <= set(LINES)
    assert len(LINES) >= 90


@pytest.mark.parametrize("code", LINES)
def test_every_field_of_a_line_has_a_value(code: str) -> None:
    """From each place that raises its code; those of a fuller line from one of them, or from what a module adds."""
    places = [site for site in SITES if site.code == code]
    assert not [site for site in places if not fields_of(LINES[code]) <= site.fields]
    given = frozenset({"layer"}).union(*(site.fields for site in places), ADDED)
    for line in FULLER.get(code, ()):
        assert fields_of(line) <= given


def test_sites_are_found(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text('raise told(ValueError(text), "a.b", label=7, last=9) from error\n')
    (tmp_path / "a.cpp").write_text('fail(Fault{"a.b", {{"label", i}, {"last", n - 1}}}, op, "x");\nFault{"c"}')
    assert list(python_sites(tmp_path / "a.py")) == [Site("a.py:1", "a.b", frozenset({"label", "last"}))]
    expected = [Site("a.cpp", "a.b", frozenset({"label", "last"})), Site("a.cpp", "c", frozenset())]
    assert list(cpp_sites(tmp_path / "a.cpp")) == expected
    (tmp_path / "b.py").write_text("raise told(ValueError(text), code, **fields)\n")
    with pytest.raises(AssertionError):
        list(python_sites(tmp_path / "b.py"))


# Faults travel with their errors


def contents(error: BaseException) -> tuple[str, dict[str, Any]]:
    fault = fault_of(error)
    assert isinstance(fault, Fault)
    return fault.code, fault.fields


def caught(call: Callable[[], Any]) -> Exception:
    with pytest.raises(Exception) as info:
        call()
    return info.value


ERRORS: dict[str, Callable[[], Exception]] = {
    "ValueError": lambda: told(ValueError("x"), "a.b", n=1),
    "TypeError of the core": lambda: caught(lambda: kernels.relu_forward([1.0])),
    "ValueError of the core": lambda: caught(lambda: kernels.relu_forward(np.ones(3), out=np.broadcast_to(1.0, 3))),
    "RuntimeError": lambda: caught(lambda: Tensor(np.ones(3), requires_grad=True).backward()),
    "FormatError": lambda: told(FormatError("x"), "a.b", shape=(1, 2)),
    "NonFiniteLossError": lambda: told(NonFiniteLossError("x"), "a.b", loss=float("inf")),
    "OSError": lambda: told(OSError(28, "no space", "file"), "a.b", path="file"),
    "MemoryError": lambda: told(MemoryError(), "a.b"),
}


@pytest.mark.parametrize("make", ERRORS.values(), ids=ERRORS.keys())
def test_copies_keep_it(make: Callable[[], Exception]) -> None:
    error = make()
    for other in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert (type(other), str(other), contents(other)) == (type(error), str(error), contents(error))


def test_most_errors_have_none() -> None:
    assert fault_of(ValueError("x")) is None and fault_of(retold(ValueError("x"), None, layer="a")) is None


def test_fields_that_are_none_are_left_out() -> None:
    assert contents(told(ValueError(), "a.b", meant=None, n=0)) == ("a.b", {"n": 0})


def test_the_core_gives_numbers_and_words() -> None:
    error = caught(lambda: kernels.dense_forward(np.ones((2, 3), np.float32), np.ones((5, 4), np.float32), None))
    assert contents(error) == ("linear.features", {"inputs": 4, "rows": 2, "features": 3})
    assert str(error) == "[linear] weight has 4 inputs, x has shape (2, 3): 3 features a sample"
    error = caught(lambda: kernels.relu_forward(np.array(["a"], object)))
    assert contents(error) == ("array.expected", {"got": "object (its first element is a 'str')"})


def test_modules_add_where_it_was() -> None:
    inner = nn.Sequential(nn.Linear(4, 3))
    error = caught(lambda: nn.Sequential(nn.Flatten(), inner)(Tensor(np.ones((2, 5), np.float32))))
    assert contents(error) == ("linear.features", {"inputs": 4, "rows": 2, "features": 5, "outputs": 3, "layer": "1.0"})
    assert str(error).startswith("layer '1.0' Linear(")


def test_bad_images_are_told_together(tmp_path: Path) -> None:
    """One as what it is, several as how many."""
    paths = [str(tmp_path / name) for name in ("a.png", "b.png")]
    for path in paths:
        Path(path).touch()
    one = caught(lambda: decode_folder(paths[:1], PixelPlan(())))
    assert contents(one) == ("file.empty", {"path": paths[0]})
    two = caught(lambda: decode_folder(paths, PixelPlan(())))
    assert chinese.translated(two) == "2 张图片中有 2 张不能用: 请删除它们, 或使用 ImageFolder(..., is_valid_file=...)"


def test_commands_add_what_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether there is a state file, after the words of the training loop."""
    monkeypatch.setenv("FASTNN_LANG", "zh")
    words = ("--data", write_idx(tmp_path / "data"), "--cache", "off", "--out", tmp_path / "net.pth", "--quiet")
    outcome = call(*words, "--arch", "784-16-10", "--batch-size", 10, "--lr", 1e30)
    english, told_in_chinese = outcome.err.splitlines()
    assert english.endswith("; no state was saved before")
    assert told_in_chinese == "第 1 轮第 1 步的损失变成了 nan, 训练已停止: 请用比 1e+30 更小的学习率, 或检查这些样本"


def test_reports(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Of the commands: memory, which has words of its own there, and a fault of ours."""
    monkeypatch.setenv("FASTNN_LANG", "zh")
    for options, advice in (
        ([], ""),
        (["--limit"], "; try a smaller --limit"),
        (["--size", "--out"], "; try a smaller --size"),
    ):
        offer(options)
        cli.report("fastnn", MemoryError("4 GB"), traceback=False)
        assert capsys.readouterr().err.splitlines()[0] == f"fastnn: error: out of memory: 4 GB{advice}"
    offer(["--arch", "--batch-size", "--limit", "--data", "--memory", "--model", "--size"])
    assert cli.report("fastnn.train", MemoryError("4 GB"), traceback=False) == 2
    offer(None)
    assert capsys.readouterr().err == (
        "fastnn.train: error: out of memory: 4 GB; "
        "try a smaller --arch, --model, --size, --batch-size, --limit or --memory\n"
        "内存不足: 请减小网络或批大小\n"
    )
    error = caught(lambda: Network(4, 3).load_state_dict({}))
    assert cli.report("fastnn.train", error, traceback=False) == 1
    assert (
        capsys.readouterr()
        .err.splitlines()[-1]
        .startswith("这份参数与模型 Network 不相符 (缺少、多余或形状不同的有 'layer1.weight'")
    )
