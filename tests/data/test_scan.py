"""Finding image files: plain folders by the compiled listing, others by Python's; the same files in the same order."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from fastnn import _core
from fastnn.data.scan import Scan

PNG = (".png", ".jpeg")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A class folder with nested folders, other files, capital letters and a hidden folder."""
    for name in (
        "b.png",
        "a.PNG",
        "A.Jpeg",
        "no.txt",
        "png",
        ".h.png",
        "in/z.png",
        "in/er/y.png",
        "in-x/x.png",
        ".git/g.png",
    ):
        path = tmp_path / "c" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"1234567"[: len(name)])
    return tmp_path


def names(scan: Scan) -> list[str]:
    return [os.path.relpath(path, scan.root) for path in scan.files("c")[0]]


def test_both_ways_find_the_same(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = names(Scan(str(tree), extensions=PNG))
    here = ["c/.h.png", "c/A.Jpeg", "c/a.PNG", "c/b.png"]
    assert compiled == [*here, "c/in/z.png", "c/in-x/x.png", "c/in/er/y.png"]  # folders by their paths: "-" before "/"
    monkeypatch.setattr(_core, "list_folder", lambda *_: None)
    assert names(Scan(str(tree), extensions=PNG)) == compiled
    assert names(Scan(str(tree), is_valid=lambda path: path.lower().endswith(PNG))) == compiled


def test_stamps(tree: Path) -> None:
    paths, stamps = Scan(str(tree), extensions=PNG, stamped=True).files("c")
    status = [os.stat(path) for path in paths]
    assert stamps.tolist() == [[each.st_size, each.st_mtime_ns, each.st_ctime_ns] for each in status]
    assert Scan(str(tree), extensions=PNG).files("c")[1] is None


@pytest.mark.parametrize("name", ["link.png", "ü.png", b"\xff.png"])
def test_no_stamps_where_anything_is_unusual(tree: Path, name: str | bytes) -> None:
    path = os.fsencode(tree) + b"/c/in/" + os.fsencode(name)
    os.symlink(tree / "c" / "b.png", path) if name == "link.png" else open(path, "xb").close()
    assert _core.list_folder(tree / "c" / "in", PNG, True) is None
    paths, stamps = Scan(str(tree), extensions=PNG, stamped=True).files("c")
    assert os.fsdecode(path) in paths
    assert len(paths) == 8
    assert stamps is None


def test_what_cannot_be_listed(tree: Path) -> None:
    os.mkfifo(tree / "c" / "in" / "pipe.png")
    for path in (tree / "c" / "in", tree / "missing", tree / "c" / "b.png"):
        assert _core.list_folder(path, PNG, False) is None
    assert "c/in/pipe.png" not in names(Scan(str(tree), extensions=PNG))


def test_a_listing_is_sorted_by_bytes_and_knows_extensions(tree: Path) -> None:
    files, stamps, folders = _core.list_folder(tree / "c", PNG, False)
    assert files == [".h.png", "A.Jpeg", "a.PNG", "b.png"]
    assert stamps.shape == (0, 3)
    assert sorted(folders) == [".git", "in", "in-x"]
    assert _core.list_folder(tree / "c", [], False)[0] == []
    kind = "\x08"  # of a regular file, in the byte before its name: no part of it
    assert _core.list_folder(tree / "c", [f"{kind}png", "png"], False)[0] == [".h.png", "a.PNG", "b.png", "png"]
    assert _core.list_folder(tree / "c", [f"{kind}png"], False)[0] == []


@pytest.mark.parametrize("year", [2400, 9999])
def test_times_that_fit_no_count_of_nanoseconds(tree: Path, year: int) -> None:
    path, seconds = tree / "c" / "b.png", (year - 1970) * 31_556_952
    os.utime(path, (seconds, seconds))
    if int(path.stat().st_mtime) != seconds:
        pytest.skip("this file system has no such times")
    assert _core.list_folder(tree / "c", PNG, True)[1][3, 1] == 2**63 - 1


@pytest.mark.parametrize("follow", [False, True])
def test_links_that_loop(tree: Path, follow: bool) -> None:
    """To themselves, to each other, to a folder above, to nothing: ignored as dangling ones are."""
    before = names(Scan(str(tree), extensions=PNG))
    folder = tree / "c" / "in"
    for name, target in (("x.png", "x.png"), ("a.png", "b.png"), ("b.png", "a.png"), ("d", "d"), ("n.png", "no")):
        (folder / name).symlink_to(target)
    (folder / "up").symlink_to(tree / "c")
    (tree / "class").symlink_to("class")
    (tree / "class.png").symlink_to("class.png")
    assert Scan(str(tree), follow).class_names() == ["c"]
    assert names(Scan(str(tree), follow, PNG)) == before
    assert names(Scan(str(tree), follow, is_valid=lambda path: path.lower().endswith(PNG))) == before
    assert Scan(str(tree), follow, PNG).loose_files() == 0
