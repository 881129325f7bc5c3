"""What a file is, told by its first bytes and never by its name."""

import os
import re

from fastnn.errors import FormatError, told
from fastnn.io.atomic import read_regular

HEAD = 4096

# First bytes -> kind and what to say about it, in order of trial.
_SIGNATURES: tuple[tuple[bytes, str, str], ...] = (
    (b"\x89HDF\r\n\x1a\n", "hdf5", "an HDF5 file (Keras .h5)"),
    (b"\x93NUMPY", "npy", "a NumPy .npy array"),
    (b"\x1f\x8b", "gzip", "gzip-compressed data; unpack it first"),
    (b"\x89PNG\r\n\x1a\n", "image", "an image"),
    (b"\xff\xd8\xff", "image", "an image"),
    (b"version https://git-lfs", "lfs", "a Git LFS pointer; fetch the real file with 'git lfs pull'"),
    (b"\x00\x00\x08\x01", "idx", "an IDX file of labels (MNIST), not a model"),
    (b"\x00\x00\x08\x03", "idx", "an IDX file of images (MNIST), not a model"),
)
_LEGACY_TORCH = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
# Protocol buffers: field 1 (the version of ONNX's format), then one of the fields that writers put next.
_ONNX = re.compile(rb"\x08[\x01-\x1f][\x12\x1a\x22\x3a\x42]")
_NEEDS_CODE = ("legacy-pth", "pickle", "tar")
SAFE_WAY = "fastnn never runs code from files. On a machine you trust: torch.save(model.state_dict(), 'sd.pth')"
_PHRASES = {
    "empty": "empty (0 bytes)",
    "safetensors": "a safetensors file",
    "pth": "a PyTorch .pth file",
    "npz": "a NumPy .npz archive",
    "zip": "a zip archive, but none that torch.save wrote",
    "onnx": "an ONNX model",
    "pickle": "a Python pickle",
    "legacy-pth": "a PyTorch file of the format before 1.6 (a raw pickle)",
    "tar": "a tar archive (PyTorch's oldest format is one)",
    "html": "an HTML page, perhaps an error page saved by a download",
    "zeros": "zero bytes only: an interrupted download or crash",
    "text": "text",
    "unknown": "of no known format",
    **{kind: phrase for _, kind, phrase in _SIGNATURES},
}


def sniff(path: str | os.PathLike[str]) -> str:
    """What kind of file this is, by its content: `"safetensors"`, `"pth"`, or the kind of a foreign file.

    Foreign kinds: empty, hdf5, onnx, pickle, legacy-pth, tar, npy, npz, zip, gzip, html, image, idx, lfs, zeros, text,
    unknown. The kind is a guess from the first 4 KB; only loading says whether the file is valid.

    Raises:
        FormatError: not a regular file.
        OSError: the file could not be opened or read.
    """
    return kind_of(bytes(read_regular(path, HEAD)))


def describe(kind: str) -> str:
    """The kind in words, to stand after "is" or "seems to be"."""
    return _PHRASES[kind]


def foreign_file(where: str, view: memoryview, expected: str) -> FormatError:
    """The error for a file that is not the expected "safetensors" or "pth": says what it seems to be."""
    kind = kind_of(bytes(view[:HEAD]))
    if kind == "empty":
        return told(FormatError(f"{where} is empty (0 bytes)"), "file.empty", path=where)
    if kind == expected:
        return told(FormatError(f"{where} is a damaged {expected} file"), "file.damaged", what=where)
    if where.endswith(".safetensors") and kind != "safetensors":  # as its name promises
        expected = "safetensors"
    advice = f". {SAFE_WAY}" if kind in _NEEDS_CODE else ""
    return FormatError(f"{where} is not {describe(expected)}: it seems to be {describe(kind)}{advice}")


def kind_of(head: bytes) -> str:
    """`sniff` for the first bytes of a file."""
    for signature, kind, _ in _SIGNATURES:
        if head.startswith(signature):
            return kind
    if not head:
        return "empty"
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= 2**30:
        return "safetensors"
    if head.startswith(b"PK\x03\x04"):
        return _kind_of_zip(head)
    if head.startswith(_LEGACY_TORCH):
        return "legacy-pth"
    if head[257:262] == b"ustar":
        return "tar"
    if head[0] == 0x80 and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return "pickle"
    if _ONNX.match(head):
        return "onnx"
    return _kind_of_text(head)


def _kind_of_zip(head: bytes) -> str:
    """A zip archive by the name of its first entry."""
    name = head[30 : 30 + int.from_bytes(head[26:28], "little")]
    if name.endswith(b".npy"):
        return "npz"
    inner = name.partition(b"/")[2]
    torch_names = (b"data.pkl", b"version", b"byteorder", b".format_version", b"constants.pkl")
    return "pth" if inner in torch_names or inner.startswith((b"data/", b"code/")) else "zip"


def _kind_of_text(head: bytes) -> str:
    """What has no signature: pages, text, zeros, anything."""
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype", b"<html", b"<?xml")):
        return "html"
    if not any(head):
        return "zeros"
    return "text" if all(32 <= byte < 127 or byte in b"\t\r\n" for byte in head) else "unknown"
