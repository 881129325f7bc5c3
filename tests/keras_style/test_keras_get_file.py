"""``get_file``: files that are there, archives unpacked as a whole or not at all, what is refused."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastnn.errors import FormatError
from fastnn.keras.utils import get_file

ORIGIN = "https://example.org/data/flowers.tgz?version=2"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where files are looked for."""
    monkeypatch.setenv("FASTNN_DATA", str(tmp_path / "own"))
    monkeypatch.setenv("FASTNN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    (tmp_path / "own").mkdir()
    return tmp_path / "own"


def tar(path: Path, *members: Any) -> None:
    """Of names with a text, or ready members."""
    with tarfile.open(path, "w:gz") as archive:
        for member in members:
            info = tarfile.TarInfo(member) if isinstance(member, str) else member
            info.size = 4 if info.isfile() else 0
            archive.addfile(info, io.BytesIO(b"text") if info.isfile() else None)


def test_a_file_that_is_there(folder: Path, tmp_path: Path) -> None:
    (folder / "flowers.tgz").write_bytes(b"text")
    assert get_file(origin=ORIGIN) == get_file("flowers.tgz", ORIGIN) == str(folder / "flowers.tgz")
    (tmp_path / "else/mine").mkdir(parents=True)
    (tmp_path / "else/mine/flowers.tgz").write_bytes(b"text")
    found = get_file("flowers.tgz", ORIGIN, cache_dir=tmp_path / "else", cache_subdir="mine")
    assert found == str(tmp_path / "else/mine/flowers.tgz")


def test_hashes(folder: Path) -> None:
    (folder / "x").write_bytes(b"text")
    for name in ("md5", "sha256"):
        wanted = hashlib.new(name, b"text").hexdigest()
        assert get_file("x", file_hash=wanted.upper()) == str(folder / "x")
        with pytest.raises(FormatError, match=f"x has the hash {wanted}, not .*0000: it is another file"):
            get_file("x", file_hash=len(wanted) * "0")
    assert get_file("x", md5_hash=hashlib.new("md5", b"text").hexdigest()) == str(folder / "x")
    with pytest.raises(ValueError, match="must be an MD5 or SHA-256"):
        get_file("x", file_hash="12")


def test_an_archive(folder: Path) -> None:
    """Once; under the name that Keras 3 gives the folder."""
    tar(folder / "flowers.tgz", "flowers/rose/1.txt", "flowers/2.txt")
    with zipfile.ZipFile(folder / "more.zip", "w") as archive:
        archive.writestr("flowers/rose/1.txt", "text")
        archive.writestr("flowers/2.txt", "text")
    for found in (
        get_file("flowers", ORIGIN, untar=True),
        get_file("flowers.tgz", ORIGIN, extract=True),
        get_file("more.zip", extract=True),
    ):
        assert Path(found).parent == folder and found.endswith("_extracted")
        assert (Path(found) / "flowers/rose/1.txt").read_text() == (Path(found) / "flowers/2.txt").read_text() == "text"
    (folder / "flowers_extracted/flowers/2.txt").write_text("mine")
    assert Path(get_file("flowers", ORIGIN, untar=True), "flowers/2.txt").read_text() == "mine"
    assert sorted(path.name for path in folder.iterdir()) == [
        *("flowers.tgz", "flowers_extracted", "more.zip", "more_extracted")
    ]


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def half(path: Path) -> None:
    tar(path, "a.txt")
    path.write_bytes(path.read_bytes()[:60])


REFUSED: dict[str, tuple[Callable[[Path], None], str]] = {
    "above": (lambda path: tar(path, "a.txt", "../b.txt"), "'../b.txt' in it is a link or leads out of its folder"),
    "absolute": (lambda path: tar(path, "/etc/b.txt"), "'/etc/b.txt' in it"),
    "a drive": (lambda path: tar(path, "C:\\b.txt"), "in it is a link or leads out"),
    "backslashes": (lambda path: tar(path, "a\\..\\..\\b.txt"), "in it is a link or leads out"),
    "a link": (lambda path: tar(path, "a.txt", link("b", "/etc/passwd")), "'b' in it is a link"),
    "a hard link": (lambda path: tar(path, link("b", "a", tarfile.LNKTYPE)), "'b' in it is a link"),
    "a device": (lambda path: tar(path, link("b", "", tarfile.CHRTYPE)), "'b' in it is a link or"),
    "damaged": (lambda path: path.write_bytes(b"\x1f\x8b no archive"), "cannot be unpacked"),
    "half": (half, "cannot be unpacked"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_archives_that_are_refused(name: str, folder: Path) -> None:
    """Nothing of them is left."""
    make, text = REFUSED[name]
    make(folder / "flowers.tgz")
    with pytest.raises(FormatError, match=rf"flowers\.tgz .*{text}"):
        get_file(origin=ORIGIN, extract=True)
    assert [path.name for path in folder.parent.rglob("*") if path.is_file()] == ["flowers.tgz"]
    assert list(folder.iterdir()) == [folder / "flowers.tgz"]


def test_more_than_the_disk_holds(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tar(folder / "flowers.tgz", "a.txt", "b.txt")
    usage = type("Usage", (), {"free": 7})
    monkeypatch.setattr("fastnn.keras.utils.files.shutil.disk_usage", lambda path: usage)
    with pytest.raises(FormatError, match=r"holds 8 bytes; the disk has 7 bytes free"):
        get_file(origin=ORIGIN, extract=True)


def test_a_file_that_is_not_there(folder: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        get_file(origin=ORIGIN)
    text = str(caught.value)
    assert text.startswith("'flowers.tgz' is not there, and fastnn does not download. Put it (https://example.org/")
    assert str(folder) in text and "FASTNN_DATA names another" in text
    for name in ("", "../x", "a/b"):
        with pytest.raises(ValueError, match="must be the name of a file, without folders"):
            get_file(name)
