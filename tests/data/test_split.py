"""The part held out for the validation: stratified, by seed, the same files wherever and however they are listed."""

from __future__ import annotations

import shutil
import unicodedata
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fastnn.data.export import export_folder
from fastnn.data.resident import Resident
from fastnn.data.source import Source, open_source
from fastnn.data.split import Split
from PIL import Image

NAMES = [f"{name}/{number}.jpg" for name, count in (("cat", 10), ("dog", 5), ("emu", 1)) for number in range(count)]
LABELS = np.repeat([0, 1, 2], [10, 5, 1])


def held(names: list[str], labels: np.ndarray, fraction: float = 0.3, seed: int = 0) -> set[str]:
    rows = np.flatnonzero(Split(fraction, seed).held_out(names, labels))
    return {names[row] for row in rows}


def test_the_files_are_fixed() -> None:
    """For ever: the first by ``printf 0/cat/1.jpg | sha256sum``."""
    assert held(NAMES, LABELS) == {"cat/1.jpg", "cat/5.jpg", "cat/6.jpg", "dog/1.jpg", "dog/2.jpg"}
    assert held(NAMES, LABELS, seed=-7) == {"cat/2.jpg", "cat/6.jpg", "cat/9.jpg", "dog/2.jpg", "dog/3.jpg"}


def test_the_order_of_the_files_does_not_matter() -> None:
    order = np.random.default_rng(3).permutation(len(NAMES))
    assert held([NAMES[row] for row in order], LABELS[order]) == held(NAMES, LABELS)


def test_files_that_are_added_move_few(rng: np.random.Generator) -> None:
    """Half of a class stays held out where as many come."""
    names = [f"cat/{number}.jpg" for number in range(1000)]
    few, many = (held(names[:count], np.zeros(count, np.int64), 0.5) for count in (500, 1000))
    assert len(few & many) > 200


@pytest.mark.parametrize(
    ("images", "fraction", "count"),
    [(1, 0.5, 0), (2, 0.01, 1), (2, 0.99, 1), (3, 0.5, 2), (5, 0.3, 2), (5, 0.25, 1), (10, 0.25, 3), (4000, 0.2, 800)],
)
def test_rounding(images: int, fraction: float, count: int) -> None:
    """To the nearest, a half upwards, neither all nor none."""
    assert Split(fraction).count(images) == count
    labels = np.append(np.zeros(images, np.int64), [1, 1])
    assert Split(fraction).held_out(list(map(str, range(images + 2))), labels)[:-2].sum() == count


@pytest.mark.parametrize("fraction", [0.0, 1.0, -1, 2, float("nan"), float("inf")])
def test_fractions_are_checked(fraction: float) -> None:
    with pytest.raises(ValueError, match=r"it must be between 0 and 1, such as 0\.2"):
        Split(fraction)


def test_nothing_to_hold_out() -> None:
    with pytest.raises(ValueError, match="no class has two images"):
        Split(0.5).held_out(["a/1", "b/1"], np.array([0, 1]))


@pytest.mark.parametrize("name", ["caf\u00e9.%d.jpg", "\u1e9b\u0323.%d.png", "\uac00%d.jpg"])
def test_unicode_forms(name: str) -> None:
    """A file system may give a name in another form than it was made with."""
    labels = np.zeros(9, np.int64)
    forms = [[unicodedata.normalize(form, name % number) for number in range(9)] for form in ("NFC", "NFD")]
    rows = [Split(0.4).held_out(names, labels).tolist() for names in forms]
    assert forms[0] != forms[1] and rows[0] == rows[1]


def test_names_that_differ_in_form_or_case_only() -> None:
    """They are files of their own; which of them are held out is told by their names, not by their order."""
    names = ["a/\u00e9.jpg", "a/e\u0301.jpg", "a/E.jpg", "a/e.jpg", "a/\udcff.jpg", "a/\n.jpg"]
    assert len(held(names, np.zeros(6, np.int64), 0.5)) == 3
    assert held(names[:2], np.zeros(2, np.int64)) == held(names[1::-1], np.zeros(2, np.int64)) == {"a/e\u0301.jpg"}
    assert held(names, np.zeros(6, np.int64), 0.5) == held(names[::-1], np.zeros(6, np.int64), 0.5)


# Of the forms that data have


def shown(part: Resident | None) -> list[str]:
    return [name.split("data/")[-1] for name in part.names]


def apart(source: Source, total: int) -> None:
    assert not {*source.train.names} & {*source.val.names} and len(source.train) + len(source.val) == total


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for row, name in enumerate(NAMES):
        path = tmp_path / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4), (row, 2 * row, 3)).save(path.with_suffix(".png"))
    return tmp_path / "data"


def test_class_folders(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where they lie does not matter; each image keeps its label and name."""
    source = open_source(folder, val_fraction=0.3, channels=3)
    assert shown(source.val) == ["cat/0.png", "cat/1.png", "cat/7.png", "dog/1.png", "dog/2.png"]
    assert source.test is source.val
    apart(source, 16)
    for part in (source.train, source.val):
        rows = [NAMES.index(name.replace(".png", ".jpg")) for name in shown(part)]
        assert part.images[:, 0, 0, 0].tolist() == rows and part.targets.tolist() == LABELS[rows].tolist()
    assert source.description[0] == (
        "5 of 16 images are held out for the validation, by seed 0; none of ['emu'], with a single image"
    )
    moved = shutil.copytree(folder, tmp_path / "deep" / "er" / "data" / "train")
    assert shown(open_source(moved.parent, val_fraction=0.3).val) == [f"train/{name}" for name in shown(source.val)]
    monkeypatch.chdir(folder.parent)
    for spec in ("data", "data/", "./data"):
        assert shown(open_source(spec, val_fraction=0.3).val) == shown(source.val)
    assert shown(open_source(folder, val_fraction=0.3, seed=1).val) != shown(source.val)


def test_a_limit_takes_from_both(folder: Path) -> None:
    """What is held out is so whatever the limit."""
    whole, part = (open_source(folder, val_fraction=0.3, limit=limit) for limit in (None, 3))
    assert (len(part.train), len(part.val)) == (3, 3)
    assert {*part.val.names} < {*whole.val.names} and {*part.train.names} < {*whole.train.names}


def test_bad_images_are_left_out_of_either(folder: Path) -> None:
    for name in ("cat/1.png", "cat/2.png"):
        (folder / name).write_bytes(b"")
    source = open_source(folder, val_fraction=0.3, channels=3, on_bad="skip")
    assert shown(source.val) == ["cat/0.png", "cat/7.png", "dog/1.png", "dog/2.png"]
    assert "cat/2.png" not in shown(source.train)
    apart(source, 14)
    for part in (source.train, source.val):
        rows = [NAMES.index(name.replace(".png", ".jpg")) for name in shown(part)]
        assert part.images[:, 0, 0, 0].tolist() == rows


def test_names_of_files(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "flat" / "data").mkdir(parents=True)
    for path in folder.rglob("*.png"):
        shutil.copy(path, tmp_path / "flat" / "data" / f"{path.parent.name}.{path.name}")
    source = open_source(tmp_path / "flat" / "data", val_fraction=0.3)
    assert np.bincount(source.val.targets).tolist() == [3, 2]
    apart(source, 16)


def test_idx_files(mnist_folder: Callable) -> None:
    """By their places; compressed or not."""
    packed, plain = (
        open_source(mnist_folder(mnist_folder() / str(gz), packed=gz), val_fraction=0.25) for gz in (True, False)
    )
    assert np.array_equal(packed.val.images, plain.val.images) and len(packed.val) == 10
    assert np.bincount(packed.val.targets).tolist() == [1] * 10
    assert len(packed.train) == 30 and len(packed.test) == 20 and packed.test is not packed.val
    places = [name.split("[")[1] for part in (packed.train, packed.val) for name in part.names]
    assert len({*places}) == 40


def test_there_is_a_part_to_validate_with(folder: Path) -> None:
    for name in ("train", "val"):
        shutil.copytree(folder / "cat", folder / "both" / name / "cat")
    with pytest.raises(ValueError, match=r"both has val/ to validate with, so that none .* leave out val_fraction, or"):
        open_source(folder / "both", val_fraction=0.3)
    with pytest.raises(ValueError, match=r"data is to validate with, so that none .* leave out val_fraction$"):
        open_source(folder, val=folder, val_fraction=0.3)


def test_what_is_exported(folder: Path, tmp_path: Path) -> None:
    export_folder(folder, tmp_path / "out", val_fraction=0.3)
    counts = [len(list((tmp_path / "out" / split).rglob("*.png"))) for split in ("train", "val")]
    assert counts == [11, 5] and not (tmp_path / "out" / "test").exists()
