"""``get_file``: a file that is there already, and what is in an archive."""

from __future__ import annotations

import hashlib
import os
import shutil
import tarfile
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from fastnn.data.paths import data_folders
from fastnn.errors import FormatError
from fastnn.io.checks import shown_bytes, shown_name, shown_path

StrPath = str | os.PathLike[str]

_HASHES = {32: "md5", 64: "sha256"}  # by their hexadecimal digits
_BLOCK = 2**20


def get_file(
    fname: StrPath | None = None,
    origin: str | None = None,
    untar: bool = False,
    md5_hash: str | None = None,
    file_hash: str | None = None,
    cache_subdir: str = "datasets",
    hash_algorithm: str = "auto",
    extract: bool = False,
    archive_format: str = "auto",
    cache_dir: StrPath | None = None,
    force_download: bool = False,
) -> str:
    """The path of a file that Keras would download; fastnn does not, so it must be there already.

    It is looked for by its name (that of origin, if fname does not say another) in ``cache_dir/cache_subdir``
    (``~/.keras/datasets``), ``$FASTNN_DATA`` and fastnn's cache folder. extract, untar: an archive (tar, also
    compressed, or zip) is unpacked once, beside it, and the path is that of the folder: ``NAME_extracted``, as in
    Keras 3. file_hash: MD5 or SHA-256. (hash_algorithm, archive_format and force_download change nothing.)

    Raises:
        FileNotFoundError: it is not there; the message says where to put it.
        FormatError: its hash is another, or it is no archive that can be unpacked: damaged, larger than the free disk,
            or with links or paths that lead out of the folder.
    """
    name = os.path.basename(urlsplit(origin or "").path) if fname is None else os.fspath(fname)
    if not name or os.path.basename(name) != name:
        raise ValueError(f"get_file: fname is {name!r}; it must be the name of a file, without folders")
    base = os.path.expanduser("~/.keras") if cache_dir is None else os.fspath(cache_dir)
    folders = [os.path.join(base, cache_subdir), *map(os.fspath, data_folders(cache_subdir))]
    archive = os.path.basename(urlsplit(origin or "").path) if extract or untar else ""
    names = dict.fromkeys(each for each in (name, archive) if each)
    found = [path for folder in folders for each in names if os.path.isfile(path := os.path.join(folder, each))]
    if not found:
        source = f" ({origin})" if origin else ""
        raise FileNotFoundError(
            f"{shown_name(name)} is not there, and fastnn does not download. Put it{source} into one of: "
            f"{', '.join(shown_path(folder) for folder in folders)} (FASTNN_DATA names another)"
        )
    _check_hash(found[0], file_hash or md5_hash)
    return _extracted(found[0]) if extract or untar else found[0]


def _check_hash(path: str, wanted: str | None) -> None:
    if wanted is None:
        return
    if len(wanted) not in _HASHES:
        raise ValueError(f"get_file: file_hash is {wanted!r}; it must be an MD5 or SHA-256 in hexadecimal digits")
    digest = hashlib.new(_HASHES[len(wanted)], usedforsecurity=False)
    with open(path, "rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    if digest.hexdigest() != wanted.lower():
        raise FormatError(f"{shown_path(path)} has the hash {digest.hexdigest()}, not {wanted}: it is another file")


def _extracted(path: str) -> str:
    """The folder with what is in an archive; it is there as a whole or not at all."""
    folder, name = os.path.split(path)
    target = os.path.join(folder, f"{name.partition('.')[0]}_extracted")
    if os.path.isdir(target):
        return target
    partial = tempfile.mkdtemp(dir=folder)
    try:
        if zipfile.is_zipfile(path):
            _unzip(path, partial)
        else:
            _untar(path, partial)
        os.replace(partial, target)
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, OSError, RuntimeError) as error:
        if isinstance(error, FormatError):
            raise
        raise FormatError(f"{shown_path(path)} cannot be unpacked: {error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return target


def _untar(path: str, folder: str) -> None:
    with tarfile.open(path) as archive:
        members = [member for member in archive if not member.isdir()]
        odd = [member.name for member in members if not member.isfile()]
        _check_members(path, folder, ((member.name, member.size) for member in members), odd)
        for member in members:
            source = archive.extractfile(member)
            _write(source, folder, member.name)


def _unzip(path: str, folder: str) -> None:
    with zipfile.ZipFile(path) as archive:
        members = [member for member in archive.infolist() if not member.is_dir()]
        _check_members(path, folder, ((member.filename, member.file_size) for member in members), [])
        for member in members:
            with archive.open(member) as source:
                _write(source, folder, member.filename)


def _check_members(path: str, folder: str, members: Iterable[tuple[str, int]], odd: list[str]) -> None:
    """Refuses links, devices and paths that lead out of a folder, and more than the disk has room for."""
    size = 0
    for name, count in members:
        parts = PurePosixPath(name.replace("\\", "/"))
        if parts.is_absolute() or ".." in parts.parts or ":" in name:
            odd.append(name)
        size += count
    if odd:
        raise FormatError(
            f"{shown_path(path)} is not unpacked: {shown_name(odd[0])} in it is a link or leads out of its folder"
        )
    free = shutil.disk_usage(folder).free
    if size > free:
        raise FormatError(f"{shown_path(path)} holds {shown_bytes(size)}; the disk has {shown_bytes(free)} free")


def _write(source: Any, folder: str, name: str) -> None:
    target = os.path.join(folder, name)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    with open(target, "wb") as file:
        shutil.copyfileobj(source, file)
