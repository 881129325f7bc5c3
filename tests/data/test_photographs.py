"""Folders of photographs: their layouts, how they are cut to size and turned, and where their pixels lie."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastnn.data import block, packed
from fastnn.data.packed import PackCache
from fastnn.data.resident import Resident
from fastnn.data.source import Source, open_source, open_test
from fastnn.platform import mapped_files
from fastnn.training.feed import Feed
from photographs import cut_to
from PIL import ExifTags, Image, ImageOps
from PIL.PngImagePlugin import PngInfo

HOUR_NS = 3600 * 10**9


def photograph(path: Path, seed: int, size: tuple[int, int] = (9, 7), orientation: int = 1) -> None:
    """A picture of coarse random colours, in its own format by name."""
    pixels = np.random.default_rng(seed).integers(0, 256, (4, 5, 3), np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    if orientation != 1:
        exif[ExifTags.Base.Orientation] = orientation
    Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC).save(path, exif=exif)


@pytest.fixture
def photographs(tmp_path: Path) -> Callable[..., Path]:
    """photographs("train/cat/1.jpg", ...): a folder of these, of three shapes, two hours old."""

    def make(*names: str, root: Path = tmp_path / "data") -> Path:
        for name in names:
            seed = sum(map(ord, name))
            photograph(root / name, seed, [(9, 7), (6, 11), (8, 8)][seed % 3])
        for path in sorted(root.rglob("*")):
            os.utime(path, ns=(0, time.time_ns() - 2 * HOUR_NS))
        return root

    return make


CATS_AND_DOGS = [f"{name}.{number}.jpg" for name in ("cat", "dog") for number in range(5)]


def files(part: Resident | None) -> list[str] | None:
    return None if part is None else [os.path.basename(name) for name in part.names]


def test_parts(photographs: Callable) -> None:
    """val/ is looked at while training, test/ at the end; where there is no test/, val/ too."""
    parts = {"train": "train/cat/1.jpg", "val": "val/cat/2.jpg", "test": "test/cat/3.jpg"}
    wanted = {
        "train": (None, None), "train val": ("2.jpg", "2.jpg"), "train test": (None, "3.jpg"),
        "train val test": ("2.jpg", "3.jpg"),
    }  # fmt: skip
    for number, (there, (val, test)) in enumerate(wanted.items()):
        root = photographs(*(parts[name] for name in there.split()), root=photographs().parent / str(number))
        source = open_source(root, size=4)
        assert (files(source.val), files(source.test)) == (val and [val], test and [test])
        assert files(open_test(root, size=4)) == [test or "1.jpg"]
    given = open_source(root, val=root / "val", size=4)
    assert files(given.val) == ["2.jpg"] and given.val is given.test


def test_numbered_pictures_are_no_test_set(photographs: Callable) -> None:
    root = photographs("train/cat/1.jpg", "test/1.jpg", "test/20.jpg", "test/3.png")
    source = open_source(root, size=4)
    assert (source.val, source.test) == (None, None)
    assert source.description[0] == (
        f"{root}/test: 3 numbered pictures without classes, no test set (for fastnn predict --csv)"
    )
    photographs("val/cat/7.jpg")
    source = open_source(root, size=4)
    assert files(source.test) == files(source.val) == files(open_test(root, size=4)) == ["7.jpg"]
    photographs("test/x4.jpg")
    with pytest.raises(
        FileNotFoundError, match=r"4 files lie directly in '.*/test'; the names of 4 say no class: 1\.jp"
    ):
        open_source(root, size=4)


@pytest.mark.parametrize("train", ["", "train/"])
def test_classes_by_the_names_of_files(photographs: Callable, train: str) -> None:
    root = photographs(*(train + name for name in CATS_AND_DOGS), "val/dog.7.jpg", "val/cat.10.jpg", "test/1.jpg")
    photographs(f"{train}.hidden.1.jpg")
    source = open_source(root, size=4)
    assert files(source.train) == CATS_AND_DOGS
    assert source.train.targets.tolist() == [0] * 5 + [1] * 5 and source.classes == ["cat", "dog"]
    assert files(source.val) == ["cat.10.jpg", "dog.7.jpg"] and source.val.targets.tolist() == [0, 1]
    assert f"{(root / train)}: classes by the names of the files, cat, dog" in source.description


def test_class_folders_come_first(photographs: Callable) -> None:
    """Unless names are asked for."""
    root = photographs("owl/1.jpg", *CATS_AND_DOGS)
    assert open_source(root, size=4).classes == ["owl"]
    asked = open_source(root, size=4, labels_from_name=True)
    assert asked.classes == ["cat", "dog"] and not any("by the names" in line for line in asked.description)
    dotted = photographs("a.b.1.jpg", "a.b.2.JPG", "a.01.png", root=root.parent / "dotted")
    assert open_source(dotted, size=4).classes == ["a", "a.b"]


def test_names_that_say_no_class(photographs: Callable) -> None:
    root = photographs(*CATS_AND_DOGS, "cat.jpg", "dog_5.jpg", "11.jpg", "x.1a.jpg")
    with pytest.raises(FileNotFoundError) as caught:
        open_source(root, size=4)
    assert str(caught.value) == (
        f"found no class folders in '{root}'. 14 files lie directly in '{root}'; the names of 4 say no class: 11.jpg, "
        "cat.jpg, dog_5.jpg, .... Looked for .jpg .jpeg .png .ppm .bmp .pgm .webp. "
        f"Expected '{root}/<class>/<image>', or files named <class>.<number>.<ext>, such as cat.123.jpg"
    )
    with pytest.raises(FileNotFoundError, match=r"no image files in '.*/none'\..* Expected <class>\.<number>\.<ext>"):
        open_source(photographs("none/cat/1.jpg") / "none", size=4, labels_from_name=True)


@pytest.mark.parametrize(
    ("other", "shown"), [("Cat.1.jpg", "'Cat' and 'cat'"), ("ca\u0301t.1.jpg", r"'ca\\u0301t' and")]
)
def test_classes_that_look_alike(photographs: Callable, other: str, shown: str) -> None:
    root = photographs("cat.2.jpg", "c\u00e1t.3.jpg", other)
    with pytest.raises(ValueError, match=f"say the classes {shown}.* differ in letter case or Unicode form only"):
        open_source(root, size=4)


def test_classes_of_another_unicode_form(photographs: Callable) -> None:
    """As one archive gives them on two systems: shown so that they can be told apart."""
    root = photographs("train/caf\u00e9/1.jpg", "val/cafe\u0301/1.jpg")
    with pytest.raises(ValueError, match=r"the validation data has class 'cafe\\u0301' .* train: \['caf\\xe9'\]"):
        open_source(root, size=4)


def test_parts_of_other_classes(photographs: Callable) -> None:
    root = photographs("train/cat/1.jpg", "train/dog/1.jpg", "val/cat/1.jpg", "test/cat/1.jpg", "test/dog/1.jpg")
    with pytest.raises(ValueError, match="the validation data lacks class 'dog' that training has"):
        open_source(root, size=4)
    (root / "val" / "dog").mkdir()
    with pytest.raises(FileNotFoundError, match=f"class 'dog' has no images: {root}/val/dog"):
        open_source(root, size=4)


@pytest.mark.parametrize("size", [1, 4, 7, 20])
def test_size_is_torchvisions(photographs: Callable, size: int) -> None:
    root = photographs(*(f"cat/{number}.jpg" for number in range(6)))
    colour = open_source(root, size=size).train
    assert colour.shape == (3, size, size)
    for image, path in zip(colour.images, colour.names.paths, strict=True):
        np.testing.assert_array_equal(image, cut_to(Image.open(path), size))
    grey = open_source(root, size=size, channels=1).train
    assert grey.shape == (1, size, size)


def test_size_beside_torchvision(photographs: Callable) -> None:
    transforms = pytest.importorskip("torchvision.transforms")
    root = photographs(*(f"cat/{number}.jpg" for number in range(12)))
    step = transforms.Compose([transforms.Resize(5), transforms.CenterCrop(5)])
    found = open_source(root, size=5).train
    for image, path in zip(found.images, found.names.paths, strict=True):
        assert np.array_equal(image.transpose(1, 2, 0), np.asarray(step(Image.open(path).convert("RGB"))))


def test_size_excludes_resize(photographs: Callable) -> None:
    root = photographs("cat/1.jpg")
    with pytest.raises(ValueError, match="size and resize both say how large images become"):
        open_source(root, size=4, resize=(4, 4))
    with pytest.raises(ValueError, match="numbers of at least 1"):
        open_source(root, size=0)


@pytest.mark.parametrize("orientation", range(2, 9))
@pytest.mark.parametrize("form", ["jpg", "png", "webp"])
def test_turned_photographs(tmp_path: Path, orientation: int, form: str) -> None:
    """As they lie, which is said, or upright; by JPEG's fractions too."""
    root = tmp_path / "d"
    photograph(root / "cat" / f"1.{form}", 1, (200, 120), orientation)
    photograph(root / "cat" / f"2.{form}", 2, (200, 120))
    lying, upright = open_source(root, size=16), open_source(root, size=16, exif=True)
    assert lying.description[0] == ("1 of 2 photographs were turned by their camera and stay as they lie: exif=True")
    assert not any("turned" in line for line in upright.description)
    turned = Image.open(root / "cat" / f"1.{form}")
    turned = ImageOps.exif_transpose(turned)
    np.testing.assert_array_equal(upright.train.images[0], cut_to(turned, 16))
    assert np.array_equal(upright.train.images[1], lying.train.images[1])
    assert not np.array_equal(upright.train.images[0], lying.train.images[0])
    scaled = open_source(root, size=16, exif=True, scaled_jpeg=True).train.images
    assert np.abs(scaled.astype(int) - upright.train.images).mean() < 2


def test_exif_that_the_compiled_reader_does_not_know(tmp_path: Path) -> None:
    """In a text of a PNG file, where ImageMagick puts it; the plain reader would take the file."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 3
    info, data = PngInfo(), exif.tobytes()
    info.add_text("Raw profile type exif", f"\nexif\n{len(data):8}\n{data.hex()}\n")
    (tmp_path / "d" / "cat").mkdir(parents=True)
    pixels = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    Image.fromarray(pixels).save(tmp_path / "d" / "cat" / "1.png", pnginfo=info)
    lying, upright = (open_source(tmp_path / "d", channels=3, exif=exif).train.images[0] for exif in (False, True))
    assert np.array_equal(lying.transpose(1, 2, 0), pixels) and np.array_equal(upright, lying[:, ::-1, ::-1])


# Where the pixels lie


def contents(source: Source) -> list[Any]:
    parts = [part for part in (source.train, source.val, source.test) if part is not None]
    return [(part.images.tolist(), part.targets.tolist(), list(part.names)) for part in parts]


@pytest.fixture
def root(photographs: Callable, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(packed, "_LEAST", 1)
    monkeypatch.setattr(packed, "_SETTLED_NS", -HOUR_NS)  # what was made just now is old enough
    names = [f"{name}/{number}.jpg" for name in ("cat", "dog") for number in range(5)]
    return photographs(*(f"train/{name}" for name in names), "test/cat/1.jpg", "test/dog/2.jpg")


def test_channels_lie_last(root: Path, tmp_path: Path) -> None:
    """As they come and from the cache; a fit copies nothing, the fingerprint does not tell."""
    cache = PackCache(tmp_path / "cache")
    for _ in range(2):
        train = open_source(root, size=4, cache=cache).train
        assert train.images.transpose(0, 2, 3, 1).flags.c_contiguous and train.images.flags.writeable
        assert np.may_share_memory(Feed.of(train).channels_last().x, train.images)
        planes = Resident(np.ascontiguousarray(train.images), train.targets, train.names, train.classes)
        assert train.fingerprint() == planes.fingerprint()
        index = np.array([3, 0, 3])
        assert np.array_equal(train.batch(index)[0], planes.batch(index)[0])
    assert open_source(root, size=4, channels=1, cache=cache).train.images.flags.c_contiguous


OPTIONS: list[dict[str, Any]] = [{}, {"limit": 3}, {"val_fraction": 0.4}, {"val_fraction": 0.4, "limit": 2}]


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("kept", ["", "cache", "trusted"])
def test_pixels_in_a_file_are_the_same(root: Path, tmp_path: Path, options: dict[str, Any], kept: str) -> None:
    """Read from the images, then from the pack; the file has no name."""
    cache = PackCache(tmp_path / "cache", kept == "trusted") if kept else None
    wanted = contents(open_source(root, size=4, **options))
    before = open_source(root, size=4, cache=cache, **options)
    assert contents(before) == wanted
    for _ in range(2):
        source = open_source(root, size=4, cache=cache, memory=1, **options)
        assert contents(source) == wanted
        assert not any(part.images.flags.writeable for part in (source.train, source.test))
        assert source.train.fingerprint() == before.train.fingerprint()
        assert any("in a file read as needed, 0 bytes of memory" in line for line in source.description)
        assert os.listdir(Path(os.environ["FASTNN_CACHE"]) / "tmp") == []


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FASTNN_CACHE", str(tmp_path / "own"))
    (tmp_path / "own" / "tmp").mkdir(parents=True)


def test_a_cache_of_each_reading(photographs: Callable, root: Path, tmp_path: Path) -> None:
    """Turned or not, by class folders or names; whether photographs were turned is kept, too."""
    photographs("train/elk.1.jpg", "test/elk.1.jpg")
    photograph(root / "train" / "cat" / "0.jpg", 1, orientation=3)
    for trust in (False, True, True):
        cache = PackCache(tmp_path / "cache", trust)
        for options in ({}, {"exif": True}, {"labels_from_name": True}):
            source, plain = (open_source(root, size=4, cache=kept, **options) for kept in (cache, None))
            assert contents(source) == contents(plain) and source.description == plain.description
    assert len(list(cache.folder.glob("images-*"))) == 6


def test_what_is_read_from_a_file_is_kept(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However few images; the pack takes the place of the file that has no name."""
    monkeypatch.setattr(packed, "_LEAST", 1000)
    cache = PackCache(tmp_path / "cache")
    for _ in range(2):
        source = open_source(root, size=4, cache=cache, memory=1)
        assert {str(path) for path in cache.folder.glob("images-*")} <= mapped_files()
        assert len(list(cache.folder.glob("images-*"))) == 2 and len(source.train) == 10


def test_writes_of_a_few_bytes(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One call may take fewer than it was given."""
    wanted, pwrite = contents(open_source(root, size=4)), os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda fd, data, at: pwrite(fd, data[:7], at))
    assert contents(open_source(root, size=4, memory=1)) == wanted


def test_memory_is_shared_by_the_parts(root: Path) -> None:
    """What train has taken test cannot."""
    size = 4 * 4 * 3
    for memory, places in ((12 * size, [True, True]), (11 * size, [True, False]), (9 * size, [False, True])):
        source = open_source(root, size=4, memory=memory)
        assert [part.images.flags.writeable for part in (source.train, source.test)] == places
    assert open_source(root, size=4).description == ["12 images of 4x4x3: 576 bytes of memory"]


def test_bad_images_left_out_of_a_file(root: Path) -> None:
    (root / "train" / "cat" / "1.jpg").write_bytes(b"")
    wanted = contents(open_source(root, size=4, on_bad="skip"))
    assert contents(open_source(root, size=4, on_bad="skip", memory=1)) == wanted
    assert len(wanted[0][0]) == 9


def test_a_pack_that_is_replaced_while_it_is_mapped(root: Path, tmp_path: Path) -> None:
    """Or removed: whoever reads it keeps what it had, another run has the new one."""
    cache = PackCache(tmp_path / "cache")
    source = open_source(root, size=4, cache=cache, memory=1)
    place, old = source.train.images.ctypes.data, source.train.images.copy()
    photograph(root / "train" / "cat" / "1.jpg", 99)
    os.utime(root / "train" / "cat" / "1.jpg", ns=(0, time.time_ns() - HOUR_NS))
    packs = {path: path.stat().st_ino for path in cache.folder.glob("images-*")}
    new = open_source(root, size=4, cache=cache, memory=1)
    assert sum(path.stat().st_ino != inode for path, inode in packs.items()) == 1
    assert source.train.images.ctypes.data == place and np.array_equal(source.train.images, old)
    assert not np.array_equal(new.train.images[1], old[1])
    for path in packs:
        path.unlink()
    assert np.array_equal(source.train.images, old)


def test_where_the_file_is(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the cache's folder, in fastnn's own without one, in the system's where no home is known."""
    places, nameless = [], block.nameless_file
    monkeypatch.setattr(block, "nameless_file", lambda folder, size: places.append(folder) or nameless(folder, size))
    open_source(root, size=4, memory=1, cache=PackCache(tmp_path / "cache"))
    open_source(root, size=4, memory=1)
    monkeypatch.setattr(block, "cache_folder", lambda: Path("~nobody-of-this-name").expanduser())
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    open_source(root, size=4, memory=1)
    folders = [tmp_path / "cache", tmp_path / "own", tmp_path]
    assert places == [folder / "tmp" for folder in folders for _ in range(2)]


def test_a_set_that_nothing_has_room_for(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("fastnn.platform.os.posix_fallocate", full)
    with pytest.raises(
        OSError, match=r"the images take 480 bytes, more than they may of memory, .*No space left.* size="
    ):
        open_source(root, size=4, memory=1)
