"""FashionMNIST, KMNIST and EMNIST from small files in their published formats."""

from __future__ import annotations

import gzip
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
from fastnn import transforms as T
from fastnn.datasets import EMNIST, KMNIST, MNIST, FashionMNIST
from fastnn.errors import FormatError, fault_of
from fastnn.utils.data import DataLoader
from small_data import idx_bytes, pack, write_idx

SIZES = {"byclass": 62, "bymerge": 47, "balanced": 47, "letters": 27, "digits": 10, "mnist": 10}


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FASTNN_DATA", str(tmp_path / "shared"))
    monkeypatch.setenv("FASTNN_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize("kind", [FashionMNIST, KMNIST])
@pytest.mark.parametrize("place", ["{}/raw", "{}", "../shared/{}/raw"])
def test_folders_of_their_own(tmp_path: Path, kind: type, place: str) -> None:
    """Files that have MNIST's names, in MNIST's folder or beside it, are not taken for it."""
    root = tmp_path / "data"
    write_idx(root, 20, 5)
    write_idx(root / "MNIST/raw", 20, 5)
    with pytest.raises(FileNotFoundError, match=f"{kind.__name__} is not there"):
        kind(root)
    pack(write_idx(root / place.format(kind.__name__), 30, 10))
    train, test = kind(root), kind(root, train=False)
    assert (len(train), len(test), len(MNIST(root))) == (30, 10, 20)
    assert tuple(train.data.shape) == (30, 28, 28) and int(train.targets[1]) == 7
    assert repr(train).splitlines()[0] == f"Dataset {kind.__name__}"
    block = kind(root, transform=T.ToTensor()).resident()
    assert block is not None and block.classes == train.classes and len(train.classes) == 10


def test_names_of_classes() -> None:
    assert FashionMNIST.classes[0] == "T-shirt/top" and FashionMNIST.classes[9] == "Ankle boot"
    assert KMNIST.classes == ["o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"]
    assert {split: len(classes) for split, classes in EMNIST.classes_split_dict.items()} == SIZES
    assert "".join(EMNIST.classes_split_dict["balanced"]) == "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabdefghnqrt"


def test_what_to_put_where(tmp_path: Path) -> None:
    for kind, url in ((FashionMNIST, "http://fashion-mnist"), (KMNIST, "http://codh")):
        with pytest.raises(FileNotFoundError) as raised:
            kind(tmp_path, download=True)
        text = str(raised.value)
        assert url in text and str(tmp_path / kind.__name__ / "raw") in text and "t10k-labels-idx1-ubyte.gz" in text
        assert fault_of(raised.value).fields["name"] == kind.__name__
    folder = write_idx(tmp_path / "FashionMNIST/raw", 9, 3)
    (folder / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(FileNotFoundError, match="missing: t10k-labels-idx1-ubyte"):
        FashionMNIST(tmp_path)


def emnist(labels: list[int], split: str = "letters") -> dict[str, bytes]:
    """The four files of a split, by name; an image's first row says its label."""
    images = np.zeros((len(labels), 28, 28), np.uint8)
    images[:, 0] = np.array(labels)[:, None]
    files = {}
    for part in ("train", "test"):
        files[f"emnist-{split}-{part}-images-idx3-ubyte.gz"] = gzip.compress(idx_bytes(images))
        files[f"emnist-{split}-{part}-labels-idx1-ubyte.gz"] = gzip.compress(idx_bytes(np.array(labels)))
        labels, images = labels[:-1], images[:-1]
    return files


def put(folder: Path, files: dict[str, bytes], form: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    if form == "zip":
        with ZipFile(folder / "gzip.zip", "w") as archive:
            for name, data in files.items():
                archive.writestr(f"gzip/{name}", data)
        return folder / "gzip.zip"
    for name, data in files.items():
        plain = form == "plain"
        (folder / name.removesuffix(".gz" if plain else "")).write_bytes(gzip.decompress(data) if plain else data)
    return folder


@pytest.mark.parametrize("form", ["gz", "plain", "zip"])
@pytest.mark.parametrize("folder", ["EMNIST/raw", "EMNIST/raw/gzip", "../shared/emnist"])
def test_emnist(tmp_path: Path, form: str, folder: str) -> None:
    """As published: rows and columns stay exchanged; letters are 1 to 26."""
    put(tmp_path / "data" / folder, emnist([1, 26, 3]), form)
    train, test = EMNIST(tmp_path / "data", "letters"), EMNIST(tmp_path / "data", split="letters", train=False)
    assert (train.targets.tolist(), test.targets.tolist()) == ([1, 26, 3], [1, 26])
    assert (train.data.numpy()[1, 0] == 26).all() and train.data.numpy()[1, 1:].sum() == 0
    assert train.classes[26] == "z" and train.class_to_idx["a"] == 1 and train.split == "letters"
    x, y = next(iter(DataLoader(EMNIST(tmp_path / "data", "letters", transform=T.ToTensor()), 3)))
    assert x.shape == (3, 1, 28, 28) and y.tolist() == [1, 26, 3]


def test_wrong_emnist(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"split should be one of byclass, bymerge, .*, got 'all'"):
        EMNIST(tmp_path, "all")
    with pytest.raises(
        FileNotFoundError, match=r"gzip\.zip, or emnist-digits-train-images-idx3-ubyte\.gz and .*labels"
    ):
        EMNIST(tmp_path, "digits", download=True)
    folder = tmp_path / "EMNIST/raw"
    archive = put(folder, emnist([3, 27]), "zip")
    with pytest.raises(
        FormatError, match=r"gzip\.zip: gzip/emnist-letters-train-labels-.*label 27 at sample 1 is outside"
    ):
        EMNIST(tmp_path, "letters")
    with pytest.raises(FormatError, match=r"gzip/emnist-digits-train-images-idx3-ubyte\.gz is not in the archive"):
        EMNIST(tmp_path, "digits")
    archive.write_bytes(archive.read_bytes()[:-30])
    with pytest.raises(FormatError, match=r"gzip\.zip: gzip/emnist-letters-train-images.* cannot be read"):
        EMNIST(tmp_path, "letters")
    archive.unlink()
    put(folder, {**emnist([1, 2]), "emnist-letters-train-labels-idx1-ubyte.gz": b"<html>"}, "gz")
    with pytest.raises(FormatError, match=r"emnist-letters-train-labels-idx1-ubyte\.gz is not an IDX file"):
        EMNIST(tmp_path, "letters")
