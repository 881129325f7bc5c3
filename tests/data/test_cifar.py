"""CIFAR-10 and CIFAR-100 from small files in their published formats."""

from __future__ import annotations

import io
import pickle
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fastnn
import numpy as np
import pytest
from fastnn import transforms as T
from fastnn.data import cifar
from fastnn.datasets import CIFAR10, CIFAR100
from fastnn.errors import FormatError, fault_of
from fastnn.utils.data import DataLoader

NAMES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
BATCHES = [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]
FINE, COARSE = [f"fine {i}" for i in range(100)], [f"coarse {i}" for i in range(20)]


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FASTNN_DATA", str(tmp_path / "shared"))
    monkeypatch.setenv("FASTNN_CACHE", str(tmp_path / "cache"))


def images() -> np.ndarray:
    """uint8 (12, 3, 32, 32): two for each batch."""
    return np.random.default_rng(0).integers(0, 256, (12, 3, 32, 32), dtype=np.uint8)


def contents(form: str, which: int) -> dict[str, bytes]:
    """The files of a set by name: the form "python" or "binary"."""
    files, rows = {}, images().reshape(12, -1)
    batches = BATCHES if which == 10 else ["train", "test"]
    for number, name in enumerate(batches):
        part = rows[2 * number : 2 * number + 2]
        labels = [2 * number % 10, (2 * number + 1) % 10]
        if form == "binary":
            coarse = [] if which == 10 else [7]
            files[f"{name}.bin"] = b"".join(bytes([*coarse, labels[i]]) + part[i].tobytes() for i in range(2))
        else:
            batch = {b"batch_label": name.encode(), b"data": part, b"filenames": [b"a.png", b"b.png"]}
            keys = {b"labels": labels} if which == 10 else {b"fine_labels": labels, b"coarse_labels": [7, 7]}
            files[name] = pickle.dumps({**batch, **keys}, 2)
    if form == "binary" and which == 10:
        files["batches.meta.txt"] = "\n".join([*NAMES, "", ""]).encode()
    elif form == "binary":
        files["fine_label_names.txt"] = "\n".join(FINE).replace(" ", "_").encode()
    elif which == 10:
        files["batches.meta"] = pickle.dumps(
            {b"num_cases_per_batch": 2, b"label_names": [n.encode() for n in NAMES]}, 2
        )
    else:
        files["meta"] = pickle.dumps({"fine_label_names": FINE, "coarse_label_names": COARSE}, 4)
    return files


FOLDERS = {
    ("python", 10): ("cifar-10-batches-py", "cifar-10-python.tar.gz"),
    ("binary", 10): ("cifar-10-batches-bin", "cifar-10-binary.tar.gz"),
    ("python", 100): ("cifar-100-python", "cifar-100-python.tar.gz"),
    ("binary", 100): ("cifar-100-binary", "cifar-100-binary.tar.gz"),
}


def write(root: Path, form: str = "python", which: int = 10, packed: bool = False, **changed: bytes | None) -> Path:
    """Puts a set's files into a folder, some with other contents, None for not at all; gives the folder or archive."""
    folder, archive = FOLDERS[form, which]
    files = {name: data for name, data in {**contents(form, which), **changed}.items() if data is not None}
    root.mkdir(parents=True, exist_ok=True)
    if not packed:
        (root / folder).mkdir()
        for name, data in files.items():
            (root / folder / name).write_bytes(data)
        return root / folder
    with tarfile.open(root / archive, "w:gz", compresslevel=1) as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(f"{folder}/{name}")
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return root / archive


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("form", ["python", "binary"])
def test_cifar10(tmp_path: Path, form: str, packed: bool) -> None:
    write(tmp_path, form, packed=packed)
    train, test = CIFAR10(tmp_path), CIFAR10(root=str(tmp_path), train=False, download=True)
    expected = images().transpose(0, 2, 3, 1)
    assert isinstance(train.data, np.ndarray) and np.array_equal(train.data, expected[:10])
    assert np.array_equal(test.data, expected[10:]) and test.targets == [0, 1]
    assert train.targets == [*range(10)] and train.classes == NAMES and train.class_to_idx["truck"] == 9
    image, label = train[3]
    assert (image.mode, image.size, label) == ("RGB", (32, 32), 3) and np.array_equal(image, expected[3])
    assert repr(test) == f"Dataset CIFAR10\n    Number of datapoints: 2\n    Root location: {tmp_path}\n    Split: Test"


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("form", ["python", "binary"])
def test_cifar100(tmp_path: Path, form: str, packed: bool) -> None:
    write(tmp_path, form, 100, packed)
    train, test = CIFAR100(tmp_path), CIFAR100(tmp_path, train=False)
    assert train.targets == [0, 1] and test.targets == [2, 3]
    assert np.array_equal(test.data, images()[2:4].transpose(0, 2, 3, 1))
    assert [name.replace("_", " ") for name in train.classes] == FINE and len(train.class_to_idx) == 100


def test_places(tmp_path: Path) -> None:
    """The folder itself as root; $FASTNN_DATA where the root has none."""
    folder = write(tmp_path / "shared")
    assert len(CIFAR10(folder)) == len(CIFAR10(tmp_path / "elsewhere")) == 10


def test_in_memory_and_in_batches(tmp_path: Path) -> None:
    """One block for the steps that are known; a random one is done for each use."""
    write(tmp_path)
    steps = [T.ToTensor(), T.Normalize((0.5, 0.5, 0.5), (0.5, 0.25, 0.5))]
    data = CIFAR10(tmp_path, transform=T.Compose(steps))
    block = data.resident()
    assert block is not None and np.array_equal(block.images, images()[:10]) and block.classes == NAMES
    x, y = next(iter(DataLoader(data, 4)))
    np.testing.assert_array_equal(x.numpy(), np.stack([data[i][0].numpy() for i in range(4)]))
    assert y.tolist() == [0, 1, 2, 3]
    small = CIFAR10(tmp_path, transform=T.Compose([T.Resize(8), T.CenterCrop(6), T.ToTensor()])).resident()
    assert small is not None and small.images.shape == (10, 3, 6, 6)
    grey = CIFAR10(tmp_path, transform=T.Compose([T.Grayscale(), T.ToTensor()])).resident()
    assert grey is not None and grey.images.shape == (10, 1, 32, 32)
    data.transform = T.Compose([T.RandomCrop(32, padding=4), T.RandomHorizontalFlip(), *steps])
    assert data.resident() is None and data.prepared() is not None
    found = []
    for one_by_one in (False, True):
        fastnn.manual_seed(1)
        batch = [data[i][0] for i in range(4)] if one_by_one else next(iter(DataLoader(data, 4)))[0]
        found.append([x.numpy() for x in batch])
    np.testing.assert_array_equal(*found)
    data.transform = T.Compose([T.ToTensor(), T.RandomErasing(1)])
    assert data.prepared() is None and next(iter(DataLoader(data, 4)))[0].shape == (4, 3, 32, 32)
    data.transform = None
    assert data.prepared() is None


def batch(**changed: Any) -> bytes:
    values = {"data": images()[:2].reshape(2, -1), "labels": [1, 2], **changed}
    return pickle.dumps({key: value for key, value in values.items() if value is not None}, 2)


WRONG: dict[str, tuple[dict[str, bytes | None], str]] = {
    "missing batch": ({"data_batch_3": None}, r"holds a part of the data set; missing: data_batch_3$"),
    "missing names": ({"batches.meta": None}, r"missing: batches.meta$"),
    "truncated": ({"data_batch_2": contents("python", 10)["data_batch_2"][:-1000]}, r"data_batch_2 is damaged or no"),
    "no pickle": ({"data_batch_2": b"<html>"}, r"data_batch_2 is damaged or no pickle.*protocol 2"),
    "a list": ({"data_batch_2": pickle.dumps([1], 2)}, r"data_batch_2 is no batch of CIFAR-10: it has no array 'data'"),
    "other pixels": ({"data_batch_2": batch(data=np.zeros((2, 784), np.uint8))}, r"data_batch_2 is no batch"),
    "no labels": ({"data_batch_2": batch(labels=None)}, r"data_batch_2 has no list of whole numbers 'labels'"),
    "words": ({"data_batch_2": batch(labels=["a", "b"])}, r"data_batch_2 has no list of whole numbers"),
    "label": ({"data_batch_2": batch(labels=[1, 10])}, r"data_batch_2: label 10 at sample 1 is outside 0\.\.9"),
    "fewer labels": ({"data_batch_2": batch(labels=[1])}, r"data_batch_2 has 2 images but 1 labels"),
    "names": (
        {"batches.meta": pickle.dumps({"label_names": ["a"]}, 2)},
        r"batches.meta does not hold the names of .* 10",
    ),
}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", WRONG)
def test_wrong_files(tmp_path: Path, name: str, packed: bool) -> None:
    """One message that names the file, or the archive and the file in it."""
    changed, text = WRONG[name]
    place = write(tmp_path, packed=packed, **changed)
    kind = FileNotFoundError if name.startswith("missing") else FormatError
    with pytest.raises(kind, match=text) as raised:
        CIFAR10(tmp_path)
    assert str(raised.value).startswith(str(place)) and "\n" not in str(raised.value)


def test_wrong_archives(tmp_path: Path) -> None:
    archive = write(tmp_path, packed=True)
    whole = archive.read_bytes()
    damages: list[Callable[[], bytes]] = [lambda: whole[: len(whole) // 2], lambda: b"no archive at all", lambda: b""]
    for damage in damages:
        archive.write_bytes(damage())
        with pytest.raises(FormatError, match=r"cifar-10-python.tar.gz cannot be read"):
            CIFAR10(tmp_path)


def test_an_archive_that_inflates_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where it is not a file of ours that is so large, but what tells the name of one."""
    monkeypatch.setattr(cifar, "MAX_BYTES", 2**20)
    with tarfile.open(tmp_path / "cifar-10-python.tar.gz", "w:gz", format=tarfile.PAX_FORMAT) as tar:
        tar.addfile(tarfile.TarInfo("x" * 2**21))
    with pytest.raises(FormatError, match=r"tar\.gz inflates to more than 1\.0 MB"):
        CIFAR10(tmp_path)


def test_a_hostile_batch(tmp_path: Path) -> None:
    evil = b"\x80\x02cposix\nsystem\nU\x09touch bad\x85R."
    write(tmp_path, data_batch_1=evil)
    with pytest.raises(FormatError, match=r"data_batch_1 contains Python objects \(first: 'posix.system'\)"):
        CIFAR10(tmp_path)


def test_what_to_put_where(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as raised:
        CIFAR10(tmp_path / "data", download=True)
    text = str(raised.value)
    assert fault_of(raised.value).code == "data.missing"
    for part in ("https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz", *BATCHES, "batches.meta"):
        assert part in text
    assert f"into {tmp_path / 'data'}" in text
    with pytest.raises(FileNotFoundError, match=r"cifar-100-python with train, test, meta"):
        CIFAR100(tmp_path)
