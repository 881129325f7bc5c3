"""What users override or replace in the data sets of images is what they get, one by one, in batches and in memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastnn.data.folder import default_loader, find_classes, is_image_file, make_dataset
from fastnn.datasets import MNIST, DatasetFolder, ImageFolder, VisionDataset
from fastnn.eager.tensor import Tensor
from fastnn.transforms import Compose, Grayscale, Resize, ToTensor
from fastnn.utils.data import DataLoader

GREY = Compose([Grayscale(), ToTensor()])


def labels(data: Any) -> list[int]:
    """Those of one pass in batches."""
    return [int(label) for _, batch in DataLoader(data, batch_size=2) for label in batch]


@pytest.fixture
def pets(image_folder: Callable) -> Path:
    return image_folder({"bird": 1, "cat": 2, "dog": 3})


def test_find_classes_decides(pets: Path) -> None:
    class Mine(ImageFolder):
        def find_classes(self, directory: Any) -> tuple[list[str], dict[str, int]]:
            assert directory == self.root
            return ["dog", "cat"], {"dog": 0, "cat": 1}

    data = Mine(pets, GREY)
    assert (data.classes, data.class_to_idx, len(data)) == (["dog", "cat"], {"dog": 0, "cat": 1}, 5)
    assert data.targets == [1, 1, 0, 0, 0] == labels(data)  # in the order of the names, as torchvision has them
    assert data.resident().classes == ["dog", "cat"]


def test_make_dataset_decides(pets: Path) -> None:
    """A method, or static as in torchvision; called with its keywords."""

    class Mine(ImageFolder):
        @staticmethod
        def make_dataset(
            directory: Any,
            class_to_idx: Any,
            extensions: Any = None,
            is_valid_file: Any = None,
            allow_empty: Any = False,
        ) -> list[tuple[str, int]]:
            return make_dataset(directory, class_to_idx, extensions, is_valid_file)[::2]

    class Half(ImageFolder):
        def make_dataset(self, directory: Any, class_to_idx: Any, **options: Any) -> list[tuple[str, float]]:
            return [(path, label / 2) for path, label in super().make_dataset(directory, class_to_idx, **options)]

    assert Mine(pets, GREY).targets == labels(Mine(pets, GREY)) == [0, 1, 2]
    halves = Half(pets, GREY)
    assert halves.targets == [0, 0.5, 0.5, 1, 1, 1] and halves.resident() is None
    assert next(iter(DataLoader(halves, batch_size=6)))[1].tolist() == halves.targets


@pytest.mark.parametrize("where", ["__getitem__", "__len__", "loader", "target_transform", "late target_transform"])
def test_no_block_stands_for_what_is_overridden(pets: Path, where: str) -> None:
    class Item(ImageFolder):
        def __getitem__(self, index: int) -> tuple[Any, int]:
            return super().__getitem__(index)[0], 7

    class Length(ImageFolder):
        def __len__(self) -> int:
            return 2

    def seven(_: int) -> int:
        return 7

    data, expected = ImageFolder(pets, GREY), [7] * 6
    if where == "__getitem__":
        data = Item(pets, GREY)
    elif where == "__len__":
        data, expected = Length(pets, GREY), [0, 1]
    elif where == "loader":
        data = ImageFolder(pets, lambda path: Tensor(np.zeros(1)) + len(path), loader=str)
        expected = data.targets
    elif where == "target_transform":
        data = ImageFolder(pets, GREY, target_transform=seven)
    else:
        next(iter(DataLoader(data)))
        data.target_transform = seven
    assert data.resident() is None and labels(data) == expected


def test_what_is_set_after_a_pass_counts(pets: Path) -> None:
    data = ImageFolder(pets, GREY)
    assert labels(data) == [0, 1, 1, 2, 2, 2]
    data.samples = data.imgs = [(path, 5) for path, _ in data.samples[:3]]
    data.classes = list("abcdef")
    assert labels(data) == [5, 5, 5] and data.resident().classes == list("abcdef")
    data.loader = lambda path: default_loader(path).resize((2, 2))
    assert next(iter(DataLoader(data)))[0].shape == (1, 1, 2, 2)


def test_dataset_folder(tmp_path: Path) -> None:
    """torchvision's arguments and errors."""
    for name in ("b/1.npy", "b/x.txt", "a/2.NPY"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        np.save(tmp_path / name, np.float32([3])) if name[-1] != "t" else (tmp_path / name).touch()
    (tmp_path / "a" / "2.NPY.npy").rename(tmp_path / "a" / "2.NPY")
    for options in ({"extensions": (".npy",)}, {"is_valid_file": lambda path: path.lower().endswith("npy")}):
        data = DatasetFolder(tmp_path, np.load, target_transform=lambda label: label + 1, **options)
        assert [Path(path).name for path, _ in data.samples] == ["2.NPY", "1.npy"] and data.targets == [0, 1]
        assert data[1] == (np.float32([3]), 2) and not hasattr(data, "imgs") and data.resident() is None
        assert labels(data) == [1, 2]
    with pytest.raises(ValueError, match="Both extensions and is_valid_file cannot be None or not None at the same"):
        DatasetFolder(tmp_path, np.load)
    with pytest.raises(ValueError, match="Both extensions and is_valid_file"):
        make_dataset(tmp_path, None, ".npy", bool)
    with pytest.raises(FileNotFoundError, match="found 0 images in 2 class folders"):
        DatasetFolder(tmp_path, np.load, (".png",))
    assert DatasetFolder(tmp_path, np.load, (".png",), allow_empty=True).samples == []


def test_functions_of_torchvisions_module(pets: Path) -> None:
    assert find_classes(pets) == (["bird", "cat", "dog"], {"bird": 0, "cat": 1, "dog": 2})
    assert [label for _, label in make_dataset(str(pets), {"dog": 4}, ".png")] == [4, 4, 4]
    assert len(make_dataset(pets, is_valid_file=is_image_file)) == 6
    with pytest.raises(FileNotFoundError, match="class 'cow' has no images"):
        make_dataset(pets, {"dog": 0, "cow": 1}, ".png")
    with pytest.raises(FileNotFoundError, match="no class folders"):
        find_classes(pets / "dog")


def test_own_data_sets_of_images() -> None:
    """On torchvision's base class, with a transform of both."""

    class Two(VisionDataset):
        def __getitem__(self, index: int) -> Any:
            return self.transforms(index, -index)

        def __len__(self) -> int:
            return 2

    assert [Two(transforms=lambda x, y: (x, y))[i] for i in range(2)] == [(0, 0), (1, -1)]
    data = Two("anywhere", transform=lambda x: x + 1, target_transform=abs)
    assert data[1] == (2, 1) and data.resident() is None and labels(data) == [0, 1]
    with pytest.raises(ValueError, match="Only transforms or transform/target_transform can be passed"):
        Two(transforms=lambda x, y: (x, y), transform=abs)


# What is put in the place of MNIST's data and targets

FORMS = {
    "list": list,
    "list of lists": lambda array: array.tolist(),
    "int64": lambda array: array.astype(np.int64),
    "uint8": lambda array: array.astype(np.uint8),
    "Tensor": Tensor,
    "list of Tensors": lambda array: [Tensor(row) for row in array],
}


@pytest.mark.parametrize("steps", [[], [Resize(5)]], ids=["plain", "resized"])
@pytest.mark.parametrize("form", FORMS)
def test_targets_and_data_in_any_form(mnist_folder: Callable, form: str, steps: list) -> None:
    data = MNIST(mnist_folder(), transform=Compose([*steps, ToTensor()]))
    pixels, targets = data.data.numpy()[::2], data.targets.numpy()[::2] % 2
    expected = [data[row][0].numpy() for row in range(0, 40, 2)]
    list(DataLoader(data))
    data.data, data.targets = FORMS[form](pixels), FORMS[form](targets)
    assert len(data) == 20 and data[1][1] == targets[1] and type(data[1][1]) is int
    np.testing.assert_array_equal(data[3][0].numpy(), expected[3])
    x, y = next(iter(DataLoader(data, batch_size=20)))
    np.testing.assert_array_equal(x.numpy(), expected)
    assert y.tolist() == targets.tolist() and y.numpy().dtype == np.int64
    assert data.resident().targets.tolist() == targets.tolist()


def test_data_changed_in_place(mnist_folder: Callable) -> None:
    """After their pixels were kept in another size."""
    data = MNIST(mnist_folder(), transform=Compose([Resize(5), ToTensor()]))
    next(iter(DataLoader(data)))
    data.data.numpy()[:] = 255
    data.targets[0] = 3
    x, y = next(iter(DataLoader(data, batch_size=40)))
    assert x.numpy().min() == 1 and y.tolist()[0] == 3


def test_other_pixels(mnist_folder: Callable) -> None:
    """Floats stay as they are; labels that are no whole numbers, or not as many, are left to each sample."""
    data = MNIST(mnist_folder(), transform=ToTensor())
    bytes_of = data.data.numpy()
    data.data = bytes_of.astype(np.float64) / 255
    assert data.resident() is None
    np.testing.assert_array_equal(next(iter(DataLoader(data)))[0][0, 0].numpy(), np.float32(bytes_of[0] / 255))
    data.data = bytes_of.astype(np.int64) * 2
    with pytest.raises(ValueError, match=r"MNIST\.data: pixels must lie in 0\.\.255, sample 3 has others"):
        data[3]
    data.data, data.targets = Tensor(bytes_of[:5]), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    assert data.resident() is None and labels(data) == [0, 1, 2, 3, 4]
    data.targets = [0, 1]
    with pytest.raises(IndexError):
        labels(data)


# Where data sets are looked for


def test_an_empty_root_is_the_current_folder(
    mnist_folder: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mnist_folder(tmp_path / "MNIST" / "raw")
    monkeypatch.chdir(tmp_path)
    assert len(MNIST(root="")) == 40 and MNIST("").root == "."


def test_the_data_folder_is_asked(
    mnist_folder: Callable, image_folder: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, pets = mnist_folder(), image_folder({"a": 1}, tmp_path / "images" / "pets")
    monkeypatch.setenv("FASTNN_DATA", str(folder))
    monkeypatch.setenv("FASTNN_CACHE", str(tmp_path / "cache"))
    empty = tmp_path / "empty"
    empty.mkdir()
    for root in (empty, tmp_path / "not there", ""):
        monkeypatch.chdir(empty)
        assert len(MNIST(root, train=False)) == 20
    monkeypatch.setenv("FASTNN_DATA", str(tmp_path / "images"))
    assert ImageFolder("pets").samples == [(f"{pets}/a/000.png", 0)]
    with pytest.raises(FileNotFoundError, match="MNIST is not there"):
        MNIST(empty)
