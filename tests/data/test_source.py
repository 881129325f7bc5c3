"""What --data may name: found, checked, read; and written again as a tree of PNG files."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fastnn.data.export import export_folder
from fastnn.data.parts import first_of_each_class
from fastnn.data.paths import cache_folder
from fastnn.data.resident import NumberedNames
from fastnn.data.source import open_source, open_test
from fastnn.datasets import ImageFolder
from fastnn.errors import FormatError
from fastnn.transforms import Compose, Grayscale, Resize, ToTensor
from PIL import Image


@pytest.fixture
def tree(image_folder: Callable, tmp_path: Path) -> Callable[..., Path]:
    """tree(train={"0": 3}, test={"0": 2}): a data folder."""

    def make(root: Path = tmp_path / "data", **splits: dict[str, int]) -> Path:
        for seed, (split, counts) in enumerate(splits.items()):
            image_folder(counts, root / split, seed=1000 * seed)
        return root

    return make


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder."""
    monkeypatch.setenv("FASTNN_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("FASTNN_DATA", raising=False)
    return tmp_path / "cache"


def test_train_and_test_folders(tree: Callable) -> None:
    root = tree(train={"0": 3, "1": 2}, test={"0": 1, "1": 1})
    source = open_source(root)
    assert source.classes == source.train.classes == source.test.classes == ["0", "1"]
    assert source.train.images.shape == (5, 1, 4, 6) and source.train.targets.tolist() == [0, 0, 0, 1, 1]
    assert list(source.test.names) == [f"{root}/test/0/000.png", f"{root}/test/1/000.png"]
    assert source.train.mean is None and source.description == []
    expected = ImageFolder(root / "test", Compose([Grayscale(), ToTensor()]))
    np.testing.assert_array_equal(source.test.batch(np.array([1]))[0][0], expected[1][0].numpy())


def test_val_stands_in_for_test_and_an_own_one_for_both(tree: Callable, tmp_path: Path) -> None:
    root = tree(train={"a": 1}, val={"a": 2})
    assert len(open_source(root).test) == 2
    tree(test={"a": 3})
    assert len(open_source(root).test) == 3
    other = tree(tmp_path / "other", test={"a": 4}, train={"a": 9})
    plain = tree(tmp_path / "plain", **{".": {"a": 5}})
    assert len(open_source(root, val=other).test) == 4
    assert len(open_source(root, val=plain).test) == 5
    assert len(open_source(root, val=root / "val").test) == 2


def test_training_data_alone(tree: Callable, tmp_path: Path) -> None:
    assert open_source(tree(train={"a": 1})).test is None
    source = open_source(tree(tmp_path / "plain", **{".": {"a": 1, "b": 2}}))
    assert source.test is None and source.classes == ["a", "b"] and len(source.train) == 3


@pytest.mark.parametrize("place", [".", "MNIST/raw"])
def test_idx_folder(mnist_folder: Callable, tmp_path: Path, place: str) -> None:
    mnist_folder(tmp_path / "d" / place)
    source = open_source(str(tmp_path / "d"))
    assert source.train.images.shape == (40, 1, 8, 8) and source.test.images.shape == (20, 1, 8, 8)
    assert source.classes == list("0123456789") and source.train.targets[:3].tolist() == [0, 7, 4]
    assert source.test.names[7] == "t10k-images-idx3-ubyte.gz[7]"


def test_colour_becomes_grey_as_torchvision_makes_it(tree: Callable) -> None:
    root = tree(train={"a": 2})
    rng = np.random.default_rng(1)
    for name, mode in (("photo.jpg", "RGB"), ("logo.png", "RGBA"), ("palette.png", "P")):
        Image.fromarray(rng.integers(0, 256, (4, 6, 4), np.uint8)).convert(mode).save(root / "train" / "a" / name)
    source = open_source(root)
    for row, path in enumerate(source.train.names):
        with Image.open(path) as image:
            image.info.pop("transparency", None)
            expected = np.asarray(image.convert("RGB").convert("L"))
        np.testing.assert_array_equal(source.train.images[row, 0], expected)
    colour = open_source(root, channels=3).train
    with Image.open(colour.names[4]) as image:
        np.testing.assert_array_equal(colour.images[4], np.asarray(image).transpose(2, 0, 1))


def test_three_channels_of_idx_are_equal(mnist_folder: Callable) -> None:
    grey, three = (open_source(mnist_folder(), channels=channels).test.images for channels in (1, 3))
    np.testing.assert_array_equal(three, np.repeat(grey, 3, axis=1))


def test_resize_is_width_and_height(tree: Callable, mnist_folder: Callable, tmp_path: Path) -> None:
    root = tree(train={"a": 1}, test={"a": 1})
    Image.new("L", (50, 40)).save(root / "train" / "a" / "large.png")
    source = open_source(root, resize=(5, 3))
    assert source.train.shape == (1, 3, 5)
    expected = ImageFolder(root / "test", Compose([Grayscale(), Resize((3, 5)), ToTensor()]))[0][0]
    np.testing.assert_array_equal(source.test.batch(np.array([0]))[0][0], expected.numpy())
    digits = open_source(mnist_folder(), resize=(7, 6)).train
    assert digits.shape == (1, 6, 7)
    row = Image.fromarray(open_source(mnist_folder()).train.images[3, 0]).resize((7, 6), Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(digits.images[3, 0], np.asarray(row))


def test_limit_takes_classes_in_turn(tree: Callable, mnist_folder: Callable) -> None:
    assert first_of_each_class(np.array([0, 0, 0, 1, 1, 2]), 4).tolist() == [0, 1, 3, 5]
    assert first_of_each_class(np.array([2, 0, 1, 0, 2, 2]), 5).tolist() == [0, 1, 2, 3, 4]
    assert first_of_each_class(np.array([5, 5, 5]), 2).tolist() == [0, 1]
    assert first_of_each_class(np.array([1, 0]), 9).tolist() == [0, 1]
    root = tree(train={"a": 9, "b": 9, "c": 1}, test={"a": 2, "b": 1, "c": 1})
    source = open_source(root, limit=5)
    assert [os.path.relpath(name, root) for name in source.train.names] == [
        f"train/{name}.png" for name in ("a/000", "a/001", "b/000", "b/001", "c/000")
    ]
    assert len(source.test) == 4
    assert source.description == [
        f"limited to 5 of 19 images in {root}/train: the first of each class, then the second, ..."
    ]
    digits = open_source(mnist_folder(), limit=13)
    assert sorted(np.bincount(digits.train.targets)) == [1] * 7 + [2] * 3 and len(digits.test) == 13
    whole = open_source(mnist_folder()).train
    for row in range(13):
        name = digits.train.names[row]
        place = int(name[name.index("[") + 1 : -1])
        np.testing.assert_array_equal(digits.train.images[row], whole.images[place])
        assert digits.train.targets[row] == whole.targets[place]


def test_classes_that_differ(tree: Callable, tmp_path: Path) -> None:
    root = tree(train={"a": 1, "d": 1}, test={"a": 1, "c": 1, "d": 1})
    with pytest.raises(ValueError) as caught:
        open_source(root)
    assert str(caught.value) == (
        "the test data has class 'c' (index 1 there) that training lacks; labels would be shifted. "
        "train: ['a', 'd'], test: ['a', 'c', 'd']"
    )
    other = tree(tmp_path / "other", train={"a": 1, "b": 1, "d": 1}, test={"a": 1, "d": 1})
    with pytest.raises(ValueError, match=r"the test data lacks class 'b' that training has; labels would be shifted"):
        open_source(other)


def test_sizes_that_differ(tree: Callable) -> None:
    root = tree(train={"a": 2}, test={"a": 1})
    Image.new("L", (9, 8)).save(root / "test" / "a" / "000.png")
    with pytest.raises(ValueError, match=r"training images are 6x4, test images 9x8: use resize=\(6, 4\)"):
        open_source(root)
    Image.new("L", (9, 8)).save(root / "train" / "a" / "000.png")
    Image.new("L", (6, 4)).save(root / "train" / "a" / "002.png")
    with pytest.raises(
        ValueError,
        match=r"images have different sizes: 6x4 \(2\), 9x8 \(1: .*/a/000\.png\)\. Use transforms\.Resize\(\(4, 6\)\)",
    ):
        open_source(root)


@pytest.mark.parametrize("on_bad", ["error", "skip", "list"])
def test_bad_images(tree: Callable, on_bad: str) -> None:
    root = tree(train={"a": 3}, test={"a": 3})
    bad = [root / split / "a" / "001.png" for split in ("train", "test")]
    bad[0].write_bytes(bad[0].read_bytes()[:50])
    bad[1].write_bytes(b"")
    if on_bad != "skip":
        with pytest.raises(FormatError) as caught:
            open_source(root, on_bad=on_bad)
        assert f"{bad[0]} cannot be read as an image: the file is truncated after 50 of" in str(caught.value)
        assert (f"{bad[1]} is empty (0 bytes)" in str(caught.value)) == (on_bad == "list")
        return
    source = open_source(root, on_bad=on_bad)
    assert (len(source.train), len(source.test)) == (2, 2)
    assert [os.path.basename(name) for name in source.train.names] == ["000.png", "002.png"]
    assert source.description[0] == f"left out 1 of 3 images in {root}/train:"
    assert source.description[1].startswith(f"  {bad[0]} cannot be read")
    tree(root.parent / "two", train={"a": 2, "b": 2})
    (root.parent / "two" / "train" / "a" / "000.png").write_bytes(b"")
    assert open_source(root.parent / "two", on_bad=on_bad).train.targets.tolist() == [0, 1, 1]
    np.testing.assert_array_equal(source.test.images[1, 0], np.asarray(Image.open(root / "test" / "a" / "002.png")))


def test_progress(tree: Callable) -> None:
    seen: list[tuple[int, int]] = []
    open_source(tree(train={"a": 3}, test={"a": 2}), progress=lambda done, total: seen.append((done, total)))
    assert seen == [(3, 3), (2, 2)]


def test_missing_places(tmp_path: Path, tree: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tree(train={"a": 1})
    with pytest.raises(FileNotFoundError, match=r"data folder 'mnits' does not exist \(did you mean 'mnist'\?\)"):
        open_source("mnits")
    with pytest.raises(FileNotFoundError, match=r"data folder 'dta' does not exist \(did you mean 'data'\?\)"):
        open_source("dta")
    with pytest.raises(FileNotFoundError, match=r"'.*/vall' does not exist"):
        open_source(tmp_path / "data", val=tmp_path / "vall")
    (tmp_path / "file.zip").touch()
    with pytest.raises(NotADirectoryError, match=r"data folder 'file\.zip' is a file, not a folder"):
        open_source("file.zip")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="found no class folders in 'empty'"):
        open_source("empty")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"limit": 0}, "limit is 0; it must be at least 1"),
        ({"channels": 2}, "channels is 2; it must be 1"),
        ({"resize": (0, 5)}, "numbers of at least 1"),
        ({"on_bad": "no"}, "on_bad is 'no'"),
    ],
)
def test_options_are_checked(tree: Callable, options: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        open_source(tree(train={"a": 1}), **options)


def test_the_test_part_alone(tree: Callable, mnist_folder: Callable) -> None:
    root = tree(train={"a": 2}, test={"a": 1})
    (root / "train" / "a" / "000.png").write_bytes(b"")
    assert list(open_test(root).names) == [f"{root}/test/a/000.png"]
    assert open_test(root / "test", resize=(3, 2)).shape == (1, 2, 3)
    folder = mnist_folder()
    (folder / "train-images-idx3-ubyte.gz").write_bytes(b"")
    assert open_test(folder, channels=3).images.shape == (20, 3, 8, 8)


def test_idx_without_images(mnist_folder: Callable) -> None:
    with pytest.raises(FormatError, match=r"t10k-images-idx3-ubyte\.gz has no images"):
        open_source(mnist_folder(t10k=0))


def test_digits(nowhere: Path, tree: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    from fastnn.datasets import digits

    root = tree(train={"0": 2, "1": 1}, test={"0": 1, "1": 1})
    monkeypatch.setattr(digits, "digits_folder", lambda: root)
    source = open_source("digits")
    assert source.train.names[0] == f"{root}/train/0/000.png"
    assert source.description[0] == f"built-in digits in {root}: synthetic, drawn by fastnn, not handwriting"
    assert "--data mnist" in source.description[1]


def test_mnist_by_name(nowhere: Path, mnist_folder: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError) as caught:
        open_source("mnist")
    text = str(caught.value)
    assert f"into {nowhere}/mnist:" in text and "needs no files: digits" in text and "--" not in text
    for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        assert f"\n  {name}-ubyte\n" in text
    mnist_folder(nowhere / "mnist", train=30)
    assert len(open_source("mnist").train) == 30
    monkeypatch.setenv("FASTNN_DATA", str(tmp_path / "own"))
    assert len(open_source("mnist").train) == 30
    mnist_folder(tmp_path / "own" / "mnist" / "MNIST" / "raw", train=50)
    assert len(open_source("mnist").train) == 50


def test_cache_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FASTNN_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/home/someone")
    assert str(cache_folder()) == "/home/someone/.cache/fastnn"
    monkeypatch.setenv("XDG_CACHE_HOME", "/x")
    assert str(cache_folder()) == "/x/fastnn"
    monkeypatch.setenv("FASTNN_CACHE", "~/own")
    assert str(cache_folder()) == "/home/someone/own"


def test_export_of_idx_reads_back_equal(mnist_folder: Callable, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    target = tmp_path / "new" / "tree"
    count = export_folder(mnist_folder(), target, progress=lambda done, total: seen.append((done, total)))
    assert count == 60 and seen == [(40, 60), (60, 60)]
    before, after = open_source(mnist_folder()), open_source(target)
    assert after.classes == before.classes
    for old, new in ((before.train, after.train), (before.test, after.test)):
        assert isinstance(old.names, NumberedNames)
        order = [int(Path(name).stem) for name in new.names]
        np.testing.assert_array_equal(old.images[order], new.images)
        np.testing.assert_array_equal(old.targets[order], new.targets)
    with Image.open(target / "train" / "7" / "00001.png") as image:
        assert image.mode == "L"
    assert os.listdir(tmp_path / "new") == ["tree"]


def test_export_keeps_colour(tree: Callable, tmp_path: Path) -> None:
    root = tree(train={"a": 1})
    colours = np.zeros((2, 4, 6, 3), np.uint8)
    colours[0, 2, 2, 1] = colours[1, 3, 5, 2] = 9  # green differs, blue differs
    for i in range(2):
        Image.fromarray(colours[i]).save(root / "train" / "a" / f"colour{i}.png")
    assert export_folder(root, tmp_path / "out") == 3
    with Image.open(tmp_path / "out" / "train" / "a" / "00000.png") as grey:
        assert grey.mode == "L"
    for i in range(2):
        with Image.open(tmp_path / "out" / "train" / "a" / f"{i + 1:05d}.png") as image:
            np.testing.assert_array_equal(np.asarray(image), colours[i])
    assert os.listdir(tmp_path / "out") == ["train"]


def test_export_replaces_nothing(tree: Callable, tmp_path: Path) -> None:
    root = tree(train={"a": 1})
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").touch()
    for target in (tmp_path / "full", tmp_path / "full" / "mine.txt"):
        with pytest.raises(ValueError, match="exists and is not an empty folder: choose another place"):
            export_folder(root, target)
    (tmp_path / "empty").mkdir()
    assert export_folder(root, tmp_path / "empty") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "empty", "full"]


def test_interrupted_export_leaves_nothing(tree: Callable, tmp_path: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    root = tree(train={"a": 1})
    with pytest.raises(KeyboardInterrupt):
        export_folder(root, tmp_path / "out", progress=interrupt)
    assert [path.name for path in tmp_path.iterdir()] == ["data"]
