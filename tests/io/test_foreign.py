"""Files of another kind are told by their content, and the message says what they seem to be."""

import gzip
import io
import pickle
import tarfile
import zipfile

import fastnn
import numpy as np
import pytest
from fastnn.errors import FormatError
from fastnn.io import describe, load_pth, load_safetensors, save_pth, save_safetensors, sniff
from io_files import sample_tensors

SAFE_WAY = r"fastnn never runs code from files\. On a machine you trust: torch\.save\(model\.state_dict\(\)"


def npz() -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, a=np.zeros(3))
    return buffer.getvalue()


def zipped(name: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, b"x")
    return buffer.getvalue()


def tarred() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        archive.addfile(tarfile.TarInfo("storages"))
    return buffer.getvalue()


LEGACY = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03."
CASES = [
    ("hdf5", b"\x89HDF\r\n\x1a\n" + b"\0" * 100, "HDF5"),
    ("onnx", b"\x08\x08\x12\x07pytorch\x1a\x032.1" + b"\0" * 50, "ONNX"),
    ("pickle", pickle.dumps({"a": 1}), "Python pickle"),
    ("pickle", pickle.dumps({"a": 1}, protocol=2), "Python pickle"),
    ("legacy-pth", LEGACY, "before 1.6"),
    ("tar", tarred(), "tar archive"),
    ("npz", npz(), r"NumPy \.npz"),
    ("npy", b"\x93NUMPY\x01\x00" + b" " * 100, r"NumPy \.npy"),
    ("zip", zipped("word/document.xml"), "zip archive"),
    ("gzip", gzip.compress(b"x" * 100), "gzip"),
    ("html", b"\n<!DOCTYPE html><html><head>", "HTML page"),
    ("html", b"<html>", "HTML page"),
    ("image", b"\x89PNG\r\n\x1a\n" + b"\0" * 50, "an image"),
    ("idx", b"\x00\x00\x08\x03\x00\x00\xea\x60", "IDX file of images"),
    ("lfs", b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
    ("zeros", b"\0" * 1000, "zero bytes only"),
    ("text", b"epoch,loss\n1,0.5\n", "text"),
    ("unknown", b"\xf3\x10\x99abc\xfe" * 5, "no known format"),
    ("empty", b"", r"empty \(0 bytes\)"),
]


@pytest.mark.parametrize("kind, data, text", CASES, ids=[case[0] for case in CASES])
def test_foreign_file_is_named(tmp_path, kind, data, text):
    path = tmp_path / "model.safetensors"
    path.write_bytes(data)
    assert sniff(path) == kind
    assert describe(kind)
    for load in (load_safetensors, load_pth):
        with pytest.raises(FormatError, match=text) as caught:
            load(path)
        assert str(caught.value).startswith(str(path))


def test_a_damaged_head_is_told_by_what_the_name_promises(tmp_path):
    save_safetensors(tmp_path / "a.safetensors", sample_tensors())
    whole = (tmp_path / "a.safetensors").read_bytes()
    (tmp_path / "a.safetensors").write_bytes(b"\xff" * 8 + whole[8:])
    with pytest.raises(FormatError, match="is not a safetensors file: it seems to be of no known format"):
        fastnn.load(tmp_path / "a.safetensors")
    (tmp_path / "a.safetensors").write_bytes(whole)
    with pytest.raises(FormatError, match=r"is not a PyTorch \.pth file: it seems to be a safetensors file"):
        load_pth(tmp_path / "a.safetensors")


@pytest.mark.parametrize("data", [LEGACY, pickle.dumps([1]), tarred()], ids=["legacy", "pickle", "tar"])
def test_files_that_need_code_say_how_to_save_safely(tmp_path, data):
    (tmp_path / "m.pth").write_bytes(data)
    with pytest.raises(FormatError, match=SAFE_WAY):
        load_pth(tmp_path / "m.pth")


def test_own_formats_are_told_by_content_not_by_name(tmp_path):
    save_safetensors(tmp_path / "a.pth", sample_tensors())
    save_pth(tmp_path / "b.safetensors", sample_tensors())
    assert sniff(tmp_path / "a.pth") == "safetensors"
    assert sniff(tmp_path / "b.safetensors") == "pth"
    with pytest.raises(FormatError, match=r"a\.pth is not a PyTorch \.pth file: it seems to be a safetensors file"):
        load_pth(tmp_path / "a.pth")
    with pytest.raises(FormatError, match=r"is not a safetensors file: it seems to be a PyTorch \.pth file"):
        load_safetensors(tmp_path / "b.safetensors")


def test_path_that_could_disturb_a_terminal_is_escaped(tmp_path):
    path = tmp_path / "a\x1b[2J\n.pth"
    path.write_bytes(b"")
    with pytest.raises(FormatError) as caught:
        load_pth(path)
    assert str(caught.value).isprintable() and r"\x1b[2J\n.pth" in str(caught.value)
