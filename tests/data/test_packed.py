"""Decoded images kept between runs: the same data without decoding, never of other files, never in the way."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastnn.data import decode, packed
from fastnn.data.packed import PackCache
from fastnn.data.source import Source, open_source
from fastnn.io.safetensors import load_safetensors, save_safetensors
from PIL import Image

HOUR_NS = 3600 * 10**9


@pytest.fixture
def root(image_folder: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """train/ and test/ of two classes, one with a nested folder; an hour old."""
    monkeypatch.setattr(packed, "_LEAST", 1)
    monkeypatch.setattr(packed, "_SETTLED_NS", -HOUR_NS)  # what was made just now is old enough
    root = image_folder({"cat": 3, "dog": 2}, tmp_path / "data" / "train")
    image_folder({"cat": 1, "dog": 1}, root.parent / "test", seed=9)
    (root / "cat" / "more").mkdir()
    Image.new("L", (6, 4), 7).save(root / "cat" / "more" / "x.png")
    settle(root.parent)
    return root.parent


@pytest.fixture
def cache(tmp_path: Path) -> PackCache:
    return PackCache(tmp_path / "cache" / "deep")


def settle(root: Path) -> None:
    """Everything was changed an hour ago, each at its own time."""
    paths = sorted(path for path in (root, *root.rglob("*")) if not path.is_symlink())
    for number, path in enumerate(paths):
        os.utime(path, ns=(0, time.time_ns() - HOUR_NS - number * 1001))


def contents(source: Source) -> list[Any]:
    halves = (source.train, source.test)
    return [source.classes, *((half.images.tolist(), half.targets.tolist(), list(half.names)) for half in halves)]


def reads(
    monkeypatch: pytest.MonkeyPatch, root: Path, cache: PackCache | None, **options: Any
) -> tuple[int, list[Any]]:
    """How many folders had to be decoded, and the data."""
    count, decode_folder = 0, decode.decode_folder

    def counted(*arguments: Any, **more: Any) -> Any:
        nonlocal count
        count += 1
        return decode_folder(*arguments, **more)

    with monkeypatch.context() as patch:
        patch.setattr(decode, "decode_folder", counted)
        source = open_source(root, cache=cache, **options)
    return count, contents(source)


def packs(cache: PackCache) -> list[Path]:
    return sorted(cache.folder.glob("*")) if cache.folder.is_dir() else []


@pytest.mark.parametrize("trust", [False, True])
def test_the_second_run_decodes_nothing(
    root: Path, cache: PackCache, trust: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = contents(open_source(root))
    cache = PackCache(cache.folder, trust)
    assert reads(monkeypatch, root, cache) == (2, expected)
    assert len(packs(cache)) == 2
    assert reads(monkeypatch, root, cache) == (0, expected)
    for options in ({"limit": 2}, {"channels": 3}, {"resize": (5, 5)}):
        plain = contents(open_source(root, **options))
        assert reads(monkeypatch, root, cache, **options)[1] == plain
        assert reads(monkeypatch, root, cache, **options) == (0, plain)


def grow(root: Path) -> None:
    with open(root / "train" / "cat" / "000.png", "ab") as file:
        file.write(b"more")


def touch(root: Path) -> None:
    os.utime(root / "train" / "cat" / "more" / "x.png", ns=(0, time.time_ns() - HOUR_NS // 2))


def add(root: Path) -> None:
    Image.new("L", (6, 4), 8).save(root / "train" / "cat" / "more" / "y.png")


def remove(root: Path) -> None:
    (root / "train" / "dog" / "001.png").unlink()


def rename(root: Path) -> None:
    (root / "train" / "dog" / "001.png").rename(root / "train" / "dog" / "new.png")


def move(root: Path) -> None:
    (root / "train" / "cat" / "001.png").rename(root / "train" / "dog" / "009.png")


def add_class(root: Path) -> None:
    for half in ("train", "test"):
        (root / half / "eel").mkdir()
        Image.new("L", (6, 4), 8).save(root / half / "eel" / "y.png")


def rename_class(root: Path) -> None:
    for half in ("train", "test"):
        (root / half / "dog").rename(root / half / "wolf")


@pytest.mark.parametrize("change", [grow, touch, add, remove, rename, move, add_class, rename_class])
@pytest.mark.parametrize("trust", [False, True])
def test_every_change_is_seen(
    root: Path, cache: PackCache, change: Callable, trust: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trusted, all but those that no folder's time shows."""
    cache = PackCache(cache.folder, trust)
    old = reads(monkeypatch, root, cache)[1]
    change(root)
    count, found = reads(monkeypatch, root, cache)
    if trust and change in (grow, touch):
        assert (count, found) == (0, old)
        return
    assert count > 0
    assert found == contents(open_source(root))
    settle(root)
    reads(monkeypatch, root, cache)
    assert reads(monkeypatch, root, cache) == (0, found)


def test_what_changed_just_now_is_not_kept(root: Path, cache: PackCache, monkeypatch: pytest.MonkeyPatch) -> None:
    """It could change again without another time."""
    monkeypatch.setattr(packed, "_SETTLED_NS", 2 * 10**9)
    open_source(root, cache=cache)
    assert packs(cache) == []


def test_files_that_change_places(root: Path, cache: PackCache, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the same size and with the same time of their content, as an archive leaves them."""
    places = [root / "train" / name / "same.bmp" for name in ("cat", "dog")]
    for grey, path in enumerate(places):
        Image.new("L", (6, 4), grey).save(path)
        os.utime(path, ns=(0, HOUR_NS))
    reads(monkeypatch, root, cache)
    places[0].rename(root / "kept")
    places[1].rename(places[0])
    (root / "kept").rename(places[1])
    for folder in (root, *(path.parent for path in places)):
        os.utime(folder, ns=(0, HOUR_NS))
    count, found = reads(monkeypatch, root, cache)
    assert count == 1
    assert found == contents(open_source(root))


def test_files_that_come_while_images_are_read(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folders' times are those of the scan, not those after it."""
    cache, decode_folder = PackCache(tmp_path / "cache", trust=True), decode.decode_folder

    def slow(*arguments: Any, **options: Any) -> Any:
        add(root) if not (root / "train" / "cat" / "more" / "y.png").exists() else None
        return decode_folder(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(decode, "decode_folder", slow)
        assert len(open_source(root, cache=cache).train) == 6
    assert len(open_source(root, cache=cache).train) == 7


def test_a_cache_that_cannot_be_written_is_used(root: Path, cache: PackCache, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any, **__: Any) -> None:
        raise PermissionError(1, "Operation not permitted")

    expected = reads(monkeypatch, root, cache)[1]
    monkeypatch.setattr(packed.os, "utime", refused)
    assert reads(monkeypatch, root, cache) == (0, expected)


def test_few_images_are_not_kept(root: Path, cache: PackCache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "_LEAST", 6)
    open_source(root, cache=cache)
    assert len(packs(cache)) == 1


def test_bad_images_and_links_are_not_kept(root: Path, cache: PackCache) -> None:
    (root / "train" / "cat" / "000.png").write_bytes(b"no image")
    os.symlink("000.png", root / "test" / "dog" / "link.png")
    settle(root)
    source = open_source(root, cache=cache, on_bad="skip")
    assert (len(source.train), len(source.test)) == (5, 3)
    assert packs(cache) == []


@pytest.mark.parametrize("trust", [False, True])
def test_damaged_packs_are_made_again(
    root: Path, cache: PackCache, trust: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    cache = PackCache(cache.folder, trust)
    expected = reads(monkeypatch, root, cache)[1]
    rng, intact = np.random.default_rng(0), [path.read_bytes() for path in packs(cache)]
    for round_number in range(30):
        for path, data in zip(packs(cache), intact, strict=True):
            wrong = bytearray(data)
            wrong[rng.integers(len(wrong))] ^= 1 << rng.integers(8)
            path.write_bytes(wrong if round_number % 3 else wrong[: rng.integers(len(wrong))])
        assert reads(monkeypatch, root, cache) == (2, expected)
        assert [path.read_bytes() for path in packs(cache)] == intact
    assert "made again" in caplog.text


@pytest.mark.parametrize("trust", [False, True])
@pytest.mark.parametrize("name", ["images", "targets", "names", "classes", "folders", "changed", "stamp", "made"])
def test_sound_files_that_are_no_packs(
    root: Path, cache: PackCache, name: str, trust: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = PackCache(cache.folder, trust)
    expected = reads(monkeypatch, root, cache)[1]
    for path in packs(cache):
        tensors, _ = load_safetensors(path)
        other = {"names": np.append(tensors["names"], 0).astype(np.uint8), "images": tensors["images"][1:]}
        save_safetensors(path, {**tensors, name: other.get(name, np.zeros(1, np.float32))})
    assert reads(monkeypatch, root, cache) == (2, expected)
    assert reads(monkeypatch, root, cache) == (0, expected)


def test_where_nothing_can_be_written(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    (tmp_path / "file").touch()
    expected = contents(open_source(root))
    for _ in range(2):
        assert reads(monkeypatch, root, PackCache(tmp_path / "file" / "cache")) == (2, expected)
    assert caplog.text.count("not kept for the next run") == 1


def test_a_full_disk(root: Path, cache: PackCache, monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    def full(*_: Any) -> int:
        raise OSError(28, "No space left on device")

    expected = contents(open_source(root))
    monkeypatch.setattr("fastnn.io.atomic.os.write", full)
    assert reads(monkeypatch, root, cache) == (2, expected)
    assert "No space left on device" in caplog.text
    assert packs(cache) == []


def test_the_least_recently_used_go_first(root: Path, cache: PackCache, monkeypatch: pytest.MonkeyPatch) -> None:
    open_source(root, cache=cache)
    old, used = packs(cache)
    os.utime(old, ns=(0, 1))
    other = cache.folder / "other.safetensors"
    other.write_bytes(bytes(10000))
    monkeypatch.setattr(packed, "_MOST_BYTES", used.stat().st_size + 500)
    open_source(root, cache=PackCache(cache.folder), channels=3)
    assert not old.exists()
    assert other.exists()


def test_packs_of_one_run_make_no_room_for_each_other(
    root: Path, cache: PackCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a set that is larger than all packs may be would be decoded in every run."""
    monkeypatch.setattr(packed, "_MOST_BYTES", 1000)
    for count in (2, 0):
        assert reads(monkeypatch, root, PackCache(cache.folder))[0] == count


def test_another_pillow_makes_other_packs(root: Path, cache: PackCache, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its decoder may round otherwise."""
    reads(monkeypatch, root, cache)
    monkeypatch.setattr(packed.PIL, "__version__", "0")
    assert reads(monkeypatch, root, cache)[0] == 2
