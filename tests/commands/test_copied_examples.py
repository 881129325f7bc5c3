"""``fastnn examples``: what it copies, and that nothing of the user's is lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastnn.commands import examples
from repository import ROOT

HOME = ROOT / "examples"


def names(folder: Path) -> set[str]:
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_all_of_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "new" / "folder"
    assert examples.main([str(target)]) == 0
    assert names(target) == names(HOME) >= {"README.md", "or_gate.py", "notebooks/4-digits.ipynb", "lesson.md"}
    assert (target / "picture.py").read_bytes() == (HOME / "picture.py").read_bytes()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"{len(names(HOME))} files written to {target}")
    assert lines[-1].endswith(f"jupyter lab {target / 'notebooks'}")


def test_the_folder_without_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert examples.main([]) == 0
    assert names(tmp_path / "fastnn-examples") == names(HOME)


def test_what_was_changed_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    examples.main([str(tmp_path)])
    (tmp_path / "notebooks/4-digits.ipynb").write_text("mine")
    (tmp_path / "README.md").unlink()
    capsys.readouterr()
    assert examples.main([str(tmp_path)]) == 0
    assert (tmp_path / "notebooks/4-digits.ipynb").read_text() == "mine" and (tmp_path / "README.md").is_file()
    lines = capsys.readouterr().out.splitlines()
    assert (
        lines[0] == f"{tmp_path / 'notebooks/4-digits.ipynb'} was changed and stays as it is; delete it for a new copy"
    )
    assert lines[1].startswith("1 file written")


def test_where_they_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert examples.main([str(tmp_path / "file")]) == 2
    assert capsys.readouterr().err.endswith(f"error: {tmp_path / 'file'} is a file; a folder is needed\n")


@pytest.mark.parametrize("lacking", ["", "matplotlib", "jupyterlab matplotlib"])
def test_only_what_is_missing_is_to_be_installed(
    lacking: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(examples, "find_spec", lambda name: None if name in lacking else examples)
    examples.main([str(tmp_path / "new")])
    first = f"pip install {lacking}, then " if lacking else ""
    assert f"the notebooks: {first}jupyter lab {tmp_path}" in capsys.readouterr().out


def test_an_installation_without_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(examples, "__file__", str(tmp_path / "a/b/commands/examples.py"))
    with pytest.raises(FileNotFoundError, match="this installation has no examples"):
        examples.home()
    assert examples.main([str(tmp_path)]) == 2
