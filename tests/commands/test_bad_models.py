"""Model files that are damaged, foreign or meant to do harm: the commands name them and run nothing from them."""

from __future__ import annotations

import json
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastnn import FormatError, Network, io
from fastnn.training.model_files import ModelInfo, load_model, save_model
from job_runs import call, refused
from PIL import Image
from small_data import idx_bytes

SOUND = ModelInfo((64, 8, 3), ["cat", "dog", "emu"], (1, 8, 8))


@pytest.fixture
def model(tmp_path: Path) -> Path:
    save_model(tmp_path / "sound.pth", Network(64, 8, 3), SOUND)
    return tmp_path / "sound.pth"


def check_refused(path: Path, tree: Path, *parts: str) -> None:
    """evaluate, predict and load_model refuse the file; predict and evaluate begin with its name and leave nothing."""
    before = sorted(path.parent.iterdir())
    image = tree / "test" / "cat" / "000.png"
    refused(call(path, image, module="fastnn.predict"), f"fastnn.predict: error: {path}", *parts)
    refused(call(path, "--data", tree, module="fastnn.evaluate"), f"fastnn.evaluate: error: {path}", *parts)
    assert sorted(path.parent.iterdir()) == before
    with pytest.raises(FormatError):
        load_model(path)


def flipped(good: bytes, at: int) -> bytes:
    return good[:at] + bytes([good[at] ^ 16]) + good[at + 1 :]


@pytest.mark.parametrize("ending", ["pth", "safetensors"])
@pytest.mark.parametrize(
    "damage",
    [lambda good: good[: len(good) // 2], lambda good: good[:-1], lambda good: good + b"more", lambda good: good[:40]],
    ids=["half", "a byte short", "more behind it", "the start"],
)
def test_damaged(ending: str, damage: Callable[[bytes], bytes], tree: Path, tmp_path: Path) -> None:
    path = tmp_path / f"net.{ending}"
    save_model(path, Network(64, 8, 3), SOUND)
    path.write_bytes(damage(path.read_bytes()))
    check_refused(path, tree)


@pytest.mark.parametrize("ending", ["pth", "safetensors"])
def test_a_flipped_bit_in_a_weight(ending: str, tree: Path, tmp_path: Path) -> None:
    path = tmp_path / f"net.{ending}"
    network = Network(64, 8, 3)
    save_model(path, network, SOUND)
    good = path.read_bytes()
    at = good.index(network.layer1.weight.detach().numpy().tobytes())
    path.write_bytes(flipped(good, at + 999))
    check_refused(path, tree, "layer1.weight" if ending == "safetensors" else "")


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"", "is empty (0 bytes)"),
        (b"<!DOCTYPE html><title>404</title>", "an HTML page"),
        (b"layer1.weight = 3\n", "it seems to be text"),
        (bytes(5000), "zero bytes only"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "an image"),
        (b"\x89HDF\r\n\x1a\n" + bytes(50), "an HDF5 file (Keras .h5)"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
        (idx_bytes(np.zeros((2, 8, 8))), "an IDX file of images (MNIST), not a model"),
        (b"\x80\x04\x95\x0c\x00", "never runs code from files"),
        (b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.", "of the format before 1.6"),
    ],
)
def test_foreign(content: bytes, part: str, tree: Path, tmp_path: Path) -> None:
    (tmp_path / "net.pth").write_bytes(content)
    check_refused(tmp_path / "net.pth", tree, part)


def test_a_folder_or_a_device(tree: Path, tmp_path: Path) -> None:
    check_refused(tmp_path, tree, "is a folder, not a regular file")
    refused(call("/dev/zero", tree / "test" / "cat" / "000.png", module="fastnn.predict"), "/dev/zero is a device")


def test_a_missing_file(tmp_path: Path) -> None:
    for module in ("fastnn.predict", "fastnn.evaluate"):
        words = (tmp_path / "no.pth", "x.png") if module == "fastnn.predict" else (tmp_path / "no.pth",)
        refused(call(*words, module=module), f"{module}: error: {tmp_path}/no.pth: No such file or directory")


@pytest.mark.parametrize(
    "pickled",
    [
        b"\x80\x02cos\nsystem\nX\x05\x00\x00\x00touch\x85R.",
        b"\x80\x02cbuiltins\neval\nX\x04\x00\x00\x00quit\x85R.",
        b"\x80\x02cmymodel\nNet\n)\x81.",
        b"\x80\x02cbuiltins\nbytearray\n\x8a\x05\x00\x00\x00\x00\x10\x85R.",
    ],
    ids=["system", "eval", "a class", "bytearray"],
)
def test_malicious(pickled: bytes, tree: Path, tmp_path: Path) -> None:
    """Files that would call something in Python's unpickler."""
    canary = tmp_path / "canary"
    command = f"touch {canary}".encode()
    pickled = pickled.replace(b"X\x05\x00\x00\x00touch", b"X" + struct.pack("<I", len(command)) + command)
    with zipfile.ZipFile(tmp_path / "net.pth", "w") as archive:
        archive.writestr("net/data.pkl", pickled)
        archive.writestr("net/version", "3\n")
    check_refused(tmp_path / "net.pth", tree)
    assert not canary.exists()


def tensors(**shapes: tuple[int, ...]) -> OrderedDict[str, np.ndarray]:
    return OrderedDict((name.replace("_", "."), np.zeros(shape, np.float32)) for name, shape in shapes.items())


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (tensors(conv_weight=(8, 1, 3, 3)), "tensor 'conv.weight' of shape (8, 1, 3, 3) has no place in a chain"),
        (tensors(a_weight=(8, 64), a_bias=(7,)), "tensor 'a.bias' of shape (7,) has no place"),
        (tensors(a_bias=(8,)), "tensor 'a.bias' of shape (8,) has no place"),
        (tensors(a_weight=(8, 64), b_weight=(3, 9)), "a layer with 8 outputs is followed by one with 9 inputs"),
        (tensors(a_weight=(0, 64), b_weight=(3, 0)), "a weight has no elements"),
        ({}, "holds no 2-D weights"),
        ([np.zeros((3, 64), np.float32)], "holds a list, not a state_dict of tensors"),
        ({"epoch": 3}, "holds a dict, not a state_dict of tensors: take them out, fastnn.save("),
    ],
)
def test_no_chain_of_layers(content: Any, part: str, tree: Path, tmp_path: Path) -> None:
    io.save_pth(tmp_path / "net.pth", content)
    check_refused(tmp_path / "net.pth", tree, part)


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"sizes": [64, 9, 3]}, "its parameters are of a 64-8-3 network, its description says 64-9-3"),
        ({"classes": ["cat", "dog"]}, "its description names 2 classes, the network has 3 outputs"),
        ({"input_shape": [1, 8, 9]}, "the described input shape (1, 8, 9) is not that of 64 inputs"),
        ({"input_shape": [1, -8, -8]}, "the described input shape (1, -8, -8)"),
        ({"mean": [0.5]}, "the described normalisation, mean [0.5] and std None, makes no sense"),
        ({"mean": [0.5], "std": [0.0]}, "makes no sense"),
        ({"mean": [0.5, 0.5], "std": [1.0, 1.0]}, "makes no sense"),
        ({"mean": [float("nan")], "std": [1.0]}, "makes no sense"),
        ({"sizes": "64-8-3"}, "its description of the network is damaged"),
        ({"sizes": [1e999]}, "its description of the network is damaged"),
        ({"classes": 3}, "its description of the network is damaged"),
        ([1, 2], "its description of the network is damaged"),
        ("{", "its description of the network is damaged"),
    ],
)
def test_a_description_that_does_not_fit(change: Any, part: str, model: Path, tree: Path) -> None:
    content, records = io.load_pth(model)
    text = json.loads(records["fastnn.json"])
    changed = json.dumps(text | change if isinstance(change, dict) else change) if change != "{" else "{"
    io.save_pth(model, content, {"fastnn.json": changed.encode()})
    check_refused(model, tree, part)


def test_the_sound_file_is_accepted(model: Path, tree: Path) -> None:
    """So that what the tests above see is the damage."""
    assert call(model, tree / "test" / "cat" / "000.png", module="fastnn.predict").code == 0
    assert call(model, "--data", tree, "--quiet", module="fastnn.evaluate").code == 0


def test_bad_images_for_predict(model: Path, tree: Path, tmp_path: Path) -> None:
    good, bad = tree / "test" / "cat" / "000.png", tmp_path / "bad\n.png"
    bad.write_bytes(b"")
    refused(call(model, good, bad, module="fastnn.predict"), f"'{tmp_path}/bad\\n.png' is empty (0 bytes)")
    refused(call(model, tmp_path / "no.png", module="fastnn.predict"), "no.png: No such file or directory")
    Image.new("L", (5, 5)).save(tmp_path / "image.tiff")
    refused(call(model, tmp_path / "image.tiff", module="fastnn.predict"), "a TIFF image, which fastnn does not read")


@pytest.mark.parametrize(
    ("sizes", "part"),
    [((63, 3), "takes 63 numbers, which are no image"), ((64, 1), "has one output: it tells no classes apart")],
)
def test_networks_of_other_things_than_images(sizes: tuple, part: str, tree: Path, tmp_path: Path) -> None:
    Network(*sizes).save(tmp_path / "net.pth")
    refused(call(tmp_path / "net.pth", tree / "test" / "cat" / "000.png", module="fastnn.predict"), part)
