"""The built-in digits: the same pixels everywhere, as hard as promised; the PNG tree: whole or not there."""

import hashlib
import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import oracle
import pytest
from fastnn import _core
from fastnn.datasets import digits
from PIL import Image
from processes import environment

Patch, Log = pytest.MonkeyPatch, pytest.LogCaptureFixture
Digits = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]  # train and test: images, labels


def sha256(images: np.ndarray, labels: np.ndarray) -> str:
    return hashlib.sha256(images.astype(np.uint8).tobytes() + labels.astype(np.uint8).tobytes()).hexdigest()


@pytest.fixture(scope="module")
def drawn() -> Digits:
    return digits.make_digits()


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return digits.digits_folder(tmp_path_factory.mktemp("cache"))


def run(code: str, cache: Path) -> subprocess.Popen[str]:
    """Python code in a process of its own with this cache folder."""
    one_thread = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    env = environment(FASTNN_CACHE=str(cache), **one_thread)
    return subprocess.Popen([sys.executable, "-c", code], env=env, stdout=subprocess.PIPE, text=True)


def output_of(process: subprocess.Popen[str]) -> str:
    printed, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    return printed.strip()


# Pixels


def test_the_committed_hash(drawn: Digits) -> None:
    train_images, train_labels, test_images, test_labels = drawn
    assert train_images.shape == (digits.TRAIN, 28, 28) and train_images.dtype == np.uint8
    assert test_images.shape == (digits.TEST, 28, 28) and train_labels.dtype == test_labels.dtype == np.int64
    labels = np.concatenate([train_labels, test_labels])
    assert sha256(np.concatenate([train_images, test_images]), labels) == digits.PIXELS_SHA256


@pytest.mark.parametrize("count", [1, 2, 3, 7, 16])
def test_the_number_of_threads_changes_nothing(drawn: Digits, count: int) -> None:
    _core.set_num_threads(count)
    images, labels = _core.draw_digits(digits.SEED, 0, 500)
    np.testing.assert_array_equal(images, drawn[0][:500])
    np.testing.assert_array_equal(labels, drawn[1][:500])


def test_a_sample_depends_on_seed_and_index_alone(drawn: Digits) -> None:
    for first, count in ((0, 1), (3, 1), (7, 26), (9_990, 20), (11_999, 1)):
        images, labels = _core.draw_digits(digits.SEED, first, count)
        np.testing.assert_array_equal(images, np.concatenate([drawn[0], drawn[2]])[first : first + count])
        np.testing.assert_array_equal(labels, np.concatenate([drawn[1], drawn[3]])[first : first + count])
    other, _ = _core.draw_digits(digits.SEED + 1, 0, 100)
    assert not any(np.array_equal(a, b) for a, b in zip(other, drawn[0], strict=False))


def test_no_image_comes_twice(drawn: Digits) -> None:
    assert len({image.tobytes() for images in (drawn[0], drawn[2]) for image in images}) == 12_000


def test_each_digit_equally_often_in_random_order(drawn: Digits) -> None:
    for labels in (drawn[1], drawn[3]):
        assert np.bincount(labels, minlength=10).tolist() == [len(labels) // 10] * 10
        places = labels.reshape(-1, 10)  # each digit at each of the ten places of its shuffle
        counts = (places[:, :, None] == np.arange(10)).sum(axis=0)
        expected = len(places) / 10
        assert (((counts - expected) ** 2 / expected).sum(axis=1) < 30).all()  # chi-square: 0.0004


def test_white_ink_on_black_in_the_middle_of_the_page(drawn: Digits) -> None:
    images = drawn[0]
    assert 0.17 < (images > 0).mean() < 0.21  # 0.191 in MNIST
    assert 28 < images.mean() < 37  # 33.3 in MNIST
    assert images.max() == 255 and (images.max(axis=(1, 2)) > 100).all()
    pixel = np.arange(28)
    ink = images.sum(axis=(1, 2), dtype=np.float64)
    for axis in (1, 2):
        centre = images.sum(axis=axis) @ pixel / ink
        assert abs(centre.mean() - 14) < 0.1 and (np.abs(centre - 14) < 2.5).all()


@pytest.mark.parametrize(("first", "count"), [(-1, 1), (0, -1), (2**32, 1), (2**32 - 1, 2), (2**62, 2**62)])
def test_a_range_that_does_not_exist(first: int, count: int) -> None:
    with pytest.raises(ValueError, match=rf"\[draw_digits\] .*got first {first} and count {count}$"):
        _core.draw_digits(digits.SEED, first, count)


def test_ends_of_the_range() -> None:
    images, labels = _core.draw_digits(2**64 - 1, 2**32 - 3, 3)
    assert images.any(axis=(1, 2)).all() and labels.shape == (3,)
    assert _core.draw_digits(0, 2**32, 0)[0].shape == (0, 28, 28)


# Difficulty

TRAINING = f"""
import sys
sys.path.insert(0, {str(Path(oracle.__file__).parent)!r})
import numpy as np
import oracle
from fastnn.data.digits import make_digits
from fastnn.reference.network import Network

train_images, train_y, test_images, test_y = make_digits()
train_x, test_x = (x.reshape(-1, 784).astype(np.float32) / 255 for x in (train_images, test_images))
for sizes, epochs in (((784, 256, 10), 8), ((784, 10), 20)):
    network, random = Network(sizes), np.random.default_rng(0)
    for _ in range(epochs):
        for rows in np.array_split(random.permutation(len(train_x)), 78):
            network.step(train_x[rows], train_y[rows], lr=2e-3)
    print(100 * (network.forward(test_x)[-1].argmax(axis=1) == test_y).mean())
"""


def test_difficulty(tmp_path: Path) -> None:
    network, linear = map(float, output_of(run(TRAINING, tmp_path)).split())
    assert 95 <= network <= 99.5
    assert 85 <= linear <= network - 3


# The PNG tree


def read_back(tree: Path) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels of the tree in the order in which they were drawn."""
    found = {}
    for path in tree.rglob("*.png"):
        with Image.open(path) as image:
            assert (image.mode, image.size, image.format) == ("L", (28, 28), "PNG")
            found[(path.parts[-3] == "test", path.stem)] = np.asarray(image), int(path.parts[-2])
    images, labels = zip(*(found[key] for key in sorted(found)), strict=True)
    return np.stack(images), np.array(labels)


FEW = 200, 40
FEW_DIGITS = f"from fastnn.datasets import digits\ndigits.TRAIN, digits.TEST = {FEW}\n"


def is_whole_with_few(tree: Path) -> bool:
    images, labels = read_back(tree)
    expected_images, expected_labels = _core.draw_digits(digits.SEED, 0, sum(FEW))
    return np.array_equal(images, expected_images) and np.array_equal(labels, expected_labels)


def leftovers(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.iterdir() if path.name.startswith("."))


def test_the_tree_holds_the_committed_pixels(tree: Path) -> None:
    assert tree.name == f"digits-{digits.PIXELS_SHA256[:12]}"
    folders = {str(path.relative_to(tree)): len(list(path.iterdir())) for path in tree.glob("*/*")}
    assert folders == {f"train/{d}": 1000 for d in range(10)} | {f"test/{d}": 200 for d in range(10)}
    assert sorted(path.name for path in tree.iterdir()) == ["test", "train"]
    assert sha256(*read_back(tree)) == digits.PIXELS_SHA256
    assert leftovers(tree.parent) == []


def test_a_second_call_draws_nothing(tree: Path, monkeypatch: Patch) -> None:
    monkeypatch.setattr(digits, "_write_tree", None)
    assert digits.digits_folder(tree.parent) == tree


def test_drawing_and_writing_take_seconds_at_most(tmp_path: Path) -> None:
    start = time.perf_counter()
    digits.digits_folder(tmp_path)
    assert time.perf_counter() - start < 20  # 1.2 s on two quiet cores


def test_the_cache_folder_of_the_environment(tmp_path: Path, monkeypatch: Patch) -> None:
    monkeypatch.setattr(digits, "_write_tree", Path.mkdir)
    monkeypatch.setenv("FASTNN_CACHE", str(tmp_path / "own"))
    assert digits.digits_folder().parent == tmp_path / "own"
    monkeypatch.delenv("FASTNN_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert digits.digits_folder().parent == tmp_path / "xdg" / "fastnn"


def test_a_killed_process_leaves_no_half_tree(tmp_path: Path, monkeypatch: Patch) -> None:
    killed_amid = """
import os, signal
whole = digits.grey_files
def partial(images):
    for index, png in enumerate(whole(images)):
        if index == 100:
            os.kill(os.getpid(), signal.SIGKILL)
        yield png
digits.grey_files = partial
digits.digits_folder()
"""
    process = run(FEW_DIGITS + killed_amid, tmp_path)
    process.communicate(timeout=60)
    assert process.returncode == -9
    (left,) = leftovers(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [left]  # no tree

    monkeypatch.setattr(digits, "TRAIN", FEW[0])
    monkeypatch.setattr(digits, "TEST", FEW[1])
    assert is_whole_with_few(digits.digits_folder(tmp_path))
    assert leftovers(tmp_path) == [left]  # it may be a living process's


def test_what_killed_processes_left_is_removed_later(tmp_path: Path, monkeypatch: Patch) -> None:
    monkeypatch.setattr(digits, "_write_tree", Path.mkdir)
    name = f".digits-{digits.PIXELS_SHA256[:12]}"
    old, young, foreign = (tmp_path / f for f in (f"{name}.1-a.fastnn-tmp", f"{name}.2-b.fastnn-tmp", ".x"))
    for folder in (old, young, foreign):
        (folder / "train").mkdir(parents=True)
    for folder in (old, foreign):
        os.utime(folder, (time.time() - 7200,) * 2)
    digits.digits_folder(tmp_path)
    assert not old.exists() and young.is_dir() and foreign.is_dir()


def test_two_processes_at_once(tmp_path: Path) -> None:
    waiting = """
import time
start = digits._write_tree
cache = digits.cache_folder()
def together(root):  # both have found no tree before either writes one
    root.with_suffix(".ready").mkdir(parents=True)
    deadline = time.monotonic() + 30
    while len(list(cache.glob(".*.ready"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    start(root)
digits._write_tree = together
print(digits.digits_folder())
"""
    processes = [run(FEW_DIGITS + waiting, tmp_path) for _ in range(2)]
    (tree,) = map(Path, {output_of(process) for process in processes})
    assert tree.parent == tmp_path and is_whole_with_few(tree)
    assert [name for name in leftovers(tmp_path) if not name.endswith(".ready")] == []


@pytest.fixture
def no_private_tree() -> Iterator[None]:
    digits._private_tree.cache_clear()
    yield
    digits._private_tree.cache_clear()


def test_an_unwritable_cache_is_said_once(
    tmp_path: Path,
    monkeypatch: Patch,
    caplog: Log,
    no_private_tree: None,
) -> None:
    monkeypatch.setattr(digits, "_write_tree", lambda root: (root / "train").mkdir())
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "file").write_bytes(b"")
    with caplog.at_level(logging.WARNING, "fastnn"):
        first = digits.digits_folder(tmp_path / "file" / "cache")
        second = digits.digits_folder(tmp_path / "file" / "cache")
    assert first == second and first.parent == tmp_path and (first / "train").is_dir()
    (record,) = caplog.records
    assert "built-in digits cannot be kept in the cache folder" in record.getMessage()
    assert str(tmp_path / "file") in record.getMessage() and str(first) in record.getMessage()
    assert "FASTNN_CACHE" in record.getMessage()


def test_no_home_folder_is_no_error(
    tmp_path: Path,
    monkeypatch: Patch,
    caplog: Log,
    no_private_tree: None,
) -> None:
    def unknown(self: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(digits, "_write_tree", lambda root: (root / "train").mkdir())
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(Path, "expanduser", unknown)
    with caplog.at_level(logging.WARNING, "fastnn"):
        assert digits.digits_folder().parent == tmp_path
    assert "home directory" in caplog.text


def test_a_full_disk_leaves_nothing_in_the_cache(
    tmp_path: Path,
    monkeypatch: Patch,
    caplog: Log,
    no_private_tree: None,
) -> None:
    calls = []

    def full_at_first(root: Path) -> None:
        (root / "train").mkdir(parents=True)
        calls.append(root)
        if len(calls) == 1:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(digits, "_write_tree", full_at_first)
    (tmp_path / "cache").mkdir()
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    folder = digits.digits_folder(tmp_path / "cache")
    assert folder.parent == tmp_path / "tmp" and list((tmp_path / "cache").iterdir()) == []


def test_a_private_tree_goes_with_its_process(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    code = "tree = digits.digits_folder(); print(tree, len(list(tree.rglob('*.png'))))"
    tree, files = output_of(run(FEW_DIGITS + code, tmp_path / "file")).rsplit(maxsplit=1)
    assert int(files) == sum(FEW) and not Path(tree).exists()
