"""ImageFolder: torchvision's contract, and what fastnn adds to it."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fastnn.data.images import read_rgb
from fastnn.data.resident import Resident
from fastnn.datasets import ImageFolder
from fastnn.eager.tensor import Tensor
from fastnn.errors import FormatError
from fastnn.transforms import Compose, Grayscale, Lambda, Normalize, Resize, ToTensor
from PIL import Image

GREY = Compose([Grayscale(), ToTensor()])


def test_contract(image_folder: Callable) -> None:
    root = image_folder({"dog": 2, "cat": 3, "Zebra": 1})
    data = ImageFolder(str(root))
    assert data.classes == ["Zebra", "cat", "dog"]
    assert data.class_to_idx == {"Zebra": 0, "cat": 1, "dog": 2}
    assert data.targets == [0, 1, 1, 1, 2, 2]
    assert data.samples is data.imgs
    assert data.samples[1] == (f"{root}/cat/000.png", 1)
    assert len(data) == 6
    image, label = data[-1]
    assert (image.mode, image.size, label) == ("RGB", (6, 4), 2)
    assert [label for _, label in data] == data.targets  # iteration ends by IndexError
    with pytest.raises(IndexError):
        data[6]


def test_transforms_are_applied(image_folder: Callable) -> None:
    data = ImageFolder(image_folder({"a": 1, "b": 1}), GREY, target_transform=lambda label: label + 10)
    x, label = data[1]
    assert isinstance(x, Tensor) and tuple(x.shape) == (1, 4, 6) and label == 11


def test_prints_as_torchvision(image_folder: Callable) -> None:
    root = image_folder({"a": 1, "b": 1})
    assert (
        repr(ImageFolder(str(root))) == f"Dataset ImageFolder\n    Number of datapoints: 2\n    Root location: {root}"
    )
    data = ImageFolder(root, GREY, target_transform=Lambda(abs))
    assert repr(data) == (
        f"Dataset ImageFolder\n    Number of datapoints: 2\n    Root location: {root}\n    StandardTransform\n"
        "Transform: Compose(\n"
        "               Grayscale(num_output_channels=1)\n"
        "               ToTensor()\n"
        "           )\n"
        "Target transform: Lambda()"
    )


def test_order_is_that_of_sorted_os_walk(tmp_path: Path) -> None:
    for name in ("c/b.png", "c/a/z.png", "c/a-b/y.png", "c/a/deep/x.JPEG", "c/B.webp", "c/notes.txt", "d/1.tiff"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    expected = [
        os.path.join(folder, name)
        for top in ("c", "d")
        for folder, _, names in sorted(os.walk(tmp_path / top))
        for name in sorted(names)
        if not name.endswith(".txt")
    ]
    assert len(expected) == 6
    assert [path for path, _ in ImageFolder(tmp_path).samples] == expected


def test_is_valid_file_and_loader(image_folder: Callable) -> None:
    root = image_folder({"a": 3, "b": 2})
    data = ImageFolder(root, loader=os.path.basename, is_valid_file=lambda path: not path.endswith("000.png"))
    assert [data[i] for i in range(len(data))] == [("001.png", 0), ("002.png", 0), ("001.png", 1)]
    assert data.extensions is None


def test_home_is_expanded(image_folder: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    root = image_folder({"a": 1})
    monkeypatch.setenv("HOME", str(root.parent))
    data = ImageFolder("~/images")
    assert data.root == str(root) and data.samples == [(f"{root}/a/000.png", 0)]


def test_missing_folder_has_a_suggestion(image_folder: Callable, tmp_path: Path) -> None:
    root = image_folder({"a": 1}, tmp_path / "train" / "deep")
    with pytest.raises(FileNotFoundError) as caught:
        ImageFolder(tmp_path / "tran" / "deep")
    assert str(caught.value) == f"data folder '{tmp_path}/tran/deep' does not exist (did you mean '{root}'?)"
    with pytest.raises(FileNotFoundError, match=r"does not exist$"):
        ImageFolder(tmp_path / "something else")
    with pytest.raises(NotADirectoryError, match=r"000\.png' is a file, not a folder"):
        ImageFolder(root / "a" / "000.png")


def test_images_directly_in_the_root(tmp_path: Path) -> None:
    for i in range(4):
        Image.new("L", (2, 2)).save(tmp_path / f"{i}.png")
    with pytest.raises(FileNotFoundError) as caught:
        ImageFolder(tmp_path)
    assert str(caught.value) == (
        f"found no class folders in '{tmp_path}'. Looked for .jpg .jpeg .png .ppm .bmp .pgm .webp. "
        f"4 files lie directly in '{tmp_path}'. Expected '{tmp_path}/<class>/<image>'"
    )
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with pytest.raises(FileNotFoundError, match=r"found 0 images in 2 class folders under .* 4 files lie directly in"):
        ImageFolder(tmp_path)


def test_pictures_that_are_not_read_are_counted(image_folder: Callable, caplog: pytest.LogCaptureFixture) -> None:
    root = image_folder({"cat": 1, "dog": 0})
    for name in ("cat/1.HEIC", "cat/deep/2.heic", "dog/3.avif", "dog/notes.txt", "dog/._4.heic"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(b"")
    with pytest.raises(
        FileNotFoundError, match=r"class 'dog' .*\.webp\. 2 \.heic, 1 \.avif files are not read: convert"
    ):
        ImageFolder(root)
    (root / "dog" / "3.png").write_bytes(b"")
    for _ in range(2):
        ImageFolder(root)
    assert caplog.messages == [f"{root}: 2 .heic, 1 .avif files are not read: convert them to JPEG"]
    (root / "dog" / "3.png").unlink()
    (root / "cat" / "000.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"found 0 images .*\. 2 \.heic, 1 \.avif files are not read"):
        ImageFolder(root)
    assert len(ImageFolder(root, is_valid_file=lambda path: path.endswith(".avif"), allow_empty=True)) == 1


def test_empty_classes_are_named(image_folder: Callable) -> None:
    root = image_folder({"cat": 1, "zebra": 0})
    with pytest.raises(FileNotFoundError) as caught:
        ImageFolder(root)
    assert str(caught.value).startswith(f"class 'zebra' has no images: {root}/zebra. Looked for .jpg")
    assert str(caught.value).endswith("Fill or move it, or pass allow_empty=True")
    data = ImageFolder(root, allow_empty=True)
    assert data.classes == ["cat", "zebra"] and len(data) == 1


def test_hidden_folders_are_ignored_and_said_once(image_folder: Callable, caplog: pytest.LogCaptureFixture) -> None:
    root = image_folder({"a": 2, ".ipynb_checkpoints": 1})
    image_folder({".hidden": 1}, root / "a")
    with caplog.at_level(logging.WARNING, "fastnn"):
        for _ in range(2):
            assert ImageFolder(root).classes == ["a"] and len(ImageFolder(root)) == 2
    assert len(caplog.records) == 1
    assert "hidden folders such as" in caplog.records[0].message


def test_links_do_not_lead_out(image_folder: Callable, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    root = image_folder({"a": 1, "b": 1})
    secret = image_folder({"x": 1}, tmp_path / "images-private") / "x"
    (root / "a" / "inside.png").symlink_to(root / "b" / "000.png")
    (root / "a" / "outside.png").symlink_to(secret / "000.png")
    (root / "a" / "dangling.png").symlink_to(root / "nothing.png")
    (root / "a" / "folder").symlink_to(secret)
    (root / "linked class").symlink_to(secret)
    with caplog.at_level(logging.WARNING, "fastnn"):
        data = ImageFolder(root)
    assert data.classes == ["a", "b"]
    assert [os.path.basename(path) for path, _ in data.samples] == ["000.png", "inside.png", "000.png"]
    assert sorted(record.message.split(" is ")[1][:6] for record in caplog.records) == ["a link", "a link"]
    followed = ImageFolder(root, follow_links=True)
    assert followed.classes == ["a", "b", "linked class"]
    assert [os.path.relpath(path, root) for path, label in followed.samples if label == 0] == [
        "a/000.png",
        "a/inside.png",
        "a/outside.png",
        "a/folder/000.png",
    ]


def test_a_linked_root_is_fine(image_folder: Callable, tmp_path: Path) -> None:
    root = image_folder({"a": 1})
    (root / "a" / "same.png").symlink_to("000.png")
    (tmp_path / "link").symlink_to(root)
    assert len(ImageFolder(tmp_path / "link")) == 2


def test_loops_of_links_end(image_folder: Callable) -> None:
    root = image_folder({"a": 1, "b": 1})
    (root / "a" / "up").symlink_to(root)
    (root / "b" / "self").symlink_to(root / "b")
    data = ImageFolder(root, follow_links=True)
    assert [os.path.relpath(path, root) for path, label in data.samples if label == 1] == ["b/000.png"]
    assert len(data) == 3


def test_hostile_names_are_escaped_in_messages(tmp_path: Path) -> None:
    (tmp_path / "good").mkdir()
    Image.new("L", (1, 1)).save(tmp_path / "good" / "1.png")
    (tmp_path / "evil\n\x1b[31m").mkdir()
    with pytest.raises(FileNotFoundError) as caught:
        ImageFolder(tmp_path)
    assert str(caught.value).isprintable() and r"evil\n\x1b[31m" in str(caught.value)
    os.mkdir(os.fsencode(tmp_path) + b"/\xff\xfe")
    with pytest.raises(FileNotFoundError) as caught:
        ImageFolder(tmp_path)
    assert str(caught.value).isprintable()


def test_bad_image_is_named_by_the_sample(image_folder: Callable) -> None:
    root = image_folder({"a": 1})
    (root / "a" / "bad.png").write_bytes(b"<html>")
    with pytest.raises(FormatError, match=r"a/bad\.png is not an image"):
        ImageFolder(root)[1]


def test_resident_equals_the_samples(image_folder: Callable) -> None:
    root = image_folder({"a": 3, "b": 2}, size=(4, 6, 3))
    Image.new("LA", (6, 4), (7, 9)).save(root / "a" / "grey.png")
    for transform in (
        ToTensor(),
        GREY,
        Compose([Resize((3, 3)), ToTensor(), Normalize((0.1, 0.2, 0.3), (0.4, 0.5, 0.6))]),
        Compose([Grayscale(3), ToTensor(), Normalize((0.5,), (0.25,))]),
    ):
        data = ImageFolder(root, transform)
        resident = data.resident()
        assert isinstance(resident, Resident)
        x, y = resident.batch(np.arange(6))
        assert y.tolist() == data.targets and resident.classes == data.classes
        assert list(resident.names) == [path for path, _ in data.samples]
        for row in range(6):
            np.testing.assert_array_equal(x[row], data[row][0].numpy())


def test_resident_is_decoded_once_until_something_changes(image_folder: Callable) -> None:
    data = ImageFolder(image_folder({"a": 3, "b": 2}), GREY)
    first = data.resident()
    assert data.resident().images is first.images
    data.transform = Compose([Grayscale(), ToTensor(), Normalize(0.5, 0.5)])
    assert data.resident().images is first.images and data.resident().mean.tolist() == [0.5]
    data.samples = data.samples[:4]
    assert len(data.resident()) == 4
    data.samples[0] = (data.samples[1][0], 1)
    assert data.resident().targets.tolist() == [1, 0, 0, 1]
    data.transform = Compose([Grayscale(), Resize(2), ToTensor()])
    assert data.resident().shape == (1, 2, 3)


class Renamed(ImageFolder):
    """A subclass that changes nothing."""


class Inverted(ImageFolder):
    def __getitem__(self, index: int) -> tuple:
        x, y = super().__getitem__(index)
        return 1 - x, y


def test_no_resident_where_samples_may_differ(image_folder: Callable) -> None:
    root = image_folder({"a": 2})
    assert Renamed(root, GREY).resident() is not None
    for data in (
        Inverted(root, GREY),
        ImageFolder(root),
        ImageFolder(root, Compose([Lambda(lambda image: image), ToTensor()])),
        ImageFolder(root, GREY, target_transform=abs),
        ImageFolder(root, GREY, loader=lambda path: Image.new("RGB", (3, 3))),
    ):
        assert data.resident() is None
    image_folder({"b": 1}, root, size=(9, 9))
    assert ImageFolder(root, GREY).resident() is None
    assert ImageFolder(root, Compose([Resize((4, 4)), ToTensor()])).resident() is not None


def test_resident_names_bad_files(image_folder: Callable) -> None:
    root = image_folder({"a": 2})
    (root / "a" / "bad.png").write_bytes(b"")
    with pytest.raises(FormatError, match=r"a/bad\.png is empty \(0 bytes\)\. Delete it or leave it out"):
        ImageFolder(root, GREY).resident()


@pytest.mark.parametrize(
    "transform",
    [
        GREY,
        ToTensor(),
        Compose([Grayscale(), ToTensor(), Normalize((0.13,), (0.31,))]),
        Compose([ToTensor(), Normalize((0.1, 0.2, 0.3), (0.3, 0.4, 0.5))]),
        Compose([Grayscale(3), ToTensor()]),
        Compose([Grayscale(), Resize((5, 5)), ToTensor()]),
    ],
    ids=["grey", "colour", "grey normalised", "colour normalised", "three greys", "resized"],
)
def test_single_images_are_what_the_transform_makes(transform: Callable, tmp_path: Path) -> None:
    """By the compiled reader or by Pillow: files of all sorts and sizes, one after the other, in any order."""
    (tmp_path / "a").mkdir()
    rng = np.random.default_rng(8)
    colour = Image.fromarray(rng.integers(0, 256, (7, 9, 3), dtype=np.uint8))
    kinds = {f"{mode}.png": colour.convert(mode) for mode in ("RGB", "L", "P", "RGBA", "1")}
    kinds |= {"a.jpg": colour, "small.png": colour.resize((4, 3)), "b.bmp": colour}
    for name, image in kinds.items():
        image.save(tmp_path / "a" / name)
    data = ImageFolder(tmp_path, transform)
    for index in [*range(8), 5, 0, 5, 1, 7, 3]:
        found, label = data[index]
        wanted = transform(read_rgb(data.samples[index][0]))
        assert label == 0 and found.dtype is wanted.dtype and found.shape == wanted.shape
        assert found.numpy().tobytes() == wanted.numpy().tobytes(), data.samples[index][0]


def test_single_images_change_and_go(image_folder: Callable) -> None:
    """Every access reads its file."""
    root = image_folder({"a": 2})
    data = ImageFolder(root, GREY)
    before = data[0][0].numpy().copy()
    Image.new("L", (2, 3), 51).save(data.samples[0][0])
    assert data[0][0].shape == (1, 3, 2) and (data[0][0].numpy() == np.float32(0.2)).all() and before.shape == (1, 4, 6)
    data.transform = None
    assert data[0][0].size == (2, 3)
    data.transform = GREY
    (root / "a" / "001.png").write_bytes(b"<!DOCTYPE html>")
    with pytest.raises(FormatError, match=r"001\.png is not an image: starts with '<!DOCTYPE html'"):
        data[1]
    os.remove(data.samples[1][0])
    with pytest.raises(FileNotFoundError):
        data[1]
