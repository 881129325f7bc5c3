"""Decoding a folder into one block, and the block itself."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastnn import _core
from fastnn.data import decode
from fastnn.data.decode import NotResident, decode_folder
from fastnn.data.pixels import PixelPlan
from fastnn.data.resident import FileNames, NumberedNames, Resident
from fastnn.errors import FormatError
from fastnn.transforms import CenterCrop, Grayscale
from PIL import Image

GREY = PixelPlan((Grayscale(),))


@pytest.fixture
def paths(image_folder: Callable, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """60 files of 6x4 pixels, in three chunks."""
    monkeypatch.setattr(decode.Block, "chunk", 25)
    root = image_folder({"a": 60})
    return [f"{root}/a/{name}" for name in sorted(os.listdir(root / "a"))]


def spoil(path: str, data: bytes = b"<html>") -> str:
    Path(path).write_bytes(data)
    return path


def resize(path: str, width: int, height: int) -> str:
    Image.new("L", (width, height)).save(path)
    return path


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_block_has_each_image_in_its_row(paths: list[str], threads: int) -> None:
    decoded = decode_folder(paths, GREY, threads=threads)
    assert decoded.images.shape == (60, 1, 4, 6) and decoded.images.flags.c_contiguous
    assert decoded.kept.tolist() == list(range(60)) and decoded.problems == []
    for row in (0, 24, 25, 59):
        np.testing.assert_array_equal(decoded.images[row, 0], np.asarray(Image.open(paths[row])))


@pytest.mark.parametrize(("images", "threads", "chunk"), [(60, 2, 32), (400, 2, 50), (400, 3, 34), (4000, 2, 256)])
def test_few_photographs_take_all_threads(
    paths: list[str], images: int, threads: int, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each has some chunks of its own, where there are enough for that."""
    seen: list[int] = []
    monkeypatch.setattr(decode.Block, "chunk", 256)
    monkeypatch.setattr(decode, "decode_chunk", lambda paths, *_: seen.append(len(paths)) or [])
    decode_folder([paths[0]] * images, GREY, threads=threads)
    assert max(seen) == chunk and sum(seen) == images


def test_threads_decode(paths: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    seen = set()
    chunk = decode.decode_chunk
    together = threading.Barrier(2)

    def watched(*arguments: object) -> list:
        seen.add(threading.current_thread())
        if len(seen) <= 2:
            together.wait(10)  # only two at once get past here
        return chunk(*arguments)

    monkeypatch.setattr(decode, "decode_chunk", watched)
    decode_folder(paths[:50], GREY, threads=2)
    assert len(seen) == 2 and threading.main_thread() not in seen


def test_progress_is_told(paths: list[str]) -> None:
    seen: list[tuple[int, int]] = []
    decode_folder(paths, GREY, threads=2, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(25, 60), (50, 60), (60, 60)]


def test_an_interrupt_in_progress_ends_the_work(paths: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody decodes any more once the error is told."""
    working, chunk = [], decode.decode_chunk

    def counted(*arguments: Any) -> Any:
        working.append(1)
        found = chunk(*arguments)
        working.pop()
        return found

    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(decode, "decode_chunk", counted)
    with pytest.raises(KeyboardInterrupt):
        decode_folder(paths, GREY, threads=2, progress=interrupt)
    assert working == []


def test_one_bad_file(paths: list[str]) -> None:
    bad = spoil(paths[30])
    with pytest.raises(FormatError) as caught:
        decode_folder(paths, GREY)
    assert str(caught.value) == (
        f"{bad} is not an image: starts with '<html>'. It was probably an error page saved by a download. "
        "Delete it or leave it out with ImageFolder(..., is_valid_file=...) (1 bad image among 60)"
    )


def test_several_bad_files_are_told_together(paths: list[str]) -> None:
    bad = [spoil(paths[0]), spoil(paths[7], b""), paths[40]]
    os.remove(bad[2])
    with pytest.raises(FormatError) as caught:
        decode_folder(paths, GREY)
    lines = str(caught.value).splitlines()
    advice = "delete them or leave them out with ImageFolder(..., is_valid_file=...)"
    assert lines[0] == f"3 of 60 images cannot be used: {advice}" and len(lines) == 4
    assert [line.split()[0] for line in lines[1:4]] == bad
    assert lines[3].endswith("cannot be opened: No such file or directory")


def test_reading_stops_after_twenty_bad_files(paths: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for path in paths[1:31]:
        spoil(path)
    with pytest.raises(FormatError) as caught:
        decode_folder(paths, GREY, threads=1)
    lines = str(caught.value).splitlines()
    assert lines[0].startswith("24 of 25 images cannot be used: ") and len(lines) == 7
    assert lines[6].strip() == "and 19 more"


def test_no_good_file_at_all(paths: list[str]) -> None:
    for path in paths[:30]:
        spoil(path)
    with pytest.raises(FormatError, match=r"^20 of 20 images cannot be used"):
        decode_folder(paths[:30], GREY)
    for on_bad in ("skip", "list"):
        with pytest.raises(FormatError, match=r"^30 of 30 images cannot be used"):
            decode_folder(paths[:30], GREY, on_bad=on_bad)


def test_skip_leaves_bad_files_out(paths: list[str]) -> None:
    spoil(paths[0])
    spoil(paths[30])
    resize(paths[50], 3, 3)
    decoded = decode_folder(paths, GREY, on_bad="skip")
    assert decoded.images.shape == (57, 1, 4, 6) and decoded.images.flags.c_contiguous
    assert sorted(set(range(60)) - set(decoded.kept.tolist())) == [0, 30, 50]
    assert [problem.index for problem in decoded.problems] == [0, 30, 50]
    assert decoded.problems[2].message == f"{paths[50]} is 3x3, not 6x4 as the others"
    for row, kept in ((0, 1), (28, 29), (29, 31), (56, 59)):
        assert decoded.kept[row] == kept
        np.testing.assert_array_equal(decoded.images[row, 0], np.asarray(Image.open(paths[kept])))


def test_skip_keeps_the_most_frequent_size(paths: list[str]) -> None:
    resize(paths[0], 9, 9)
    decoded = decode_folder(paths, GREY, on_bad="skip")
    assert decoded.images.shape == (59, 1, 4, 6) and decoded.kept[0] == 1


def test_skip_does_not_leave_most_images_out(paths: list[str]) -> None:
    spoil(paths[59])
    for i, path in enumerate(paths[:30]):
        resize(path, 10 + i, 10)
    decoded = decode_folder(paths, GREY, on_bad="skip")
    assert len(decoded.images) == 29
    resize(paths[58], 50, 10)
    with pytest.raises(NotResident, match=r"^images have different sizes: 6x4 \(29\), .* Use transforms\.Resize"):
        decode_folder(paths, GREY, on_bad="skip")


def test_list_names_all_bad_files(paths: list[str]) -> None:
    bad = [spoil(path) for path in paths[10:40]] + [resize(paths[45], 3, 3)]
    with pytest.raises(FormatError) as caught:
        decode_folder(paths, GREY, on_bad="list")
    lines = str(caught.value).splitlines()
    assert lines[0].startswith("31 of 60 images cannot be used: ")
    assert [line.split()[0] for line in lines[1:]] == bad
    assert len(decode_folder(paths[51:60], GREY, on_bad="list").images) == 9


def test_different_sizes_are_counted_and_named(paths: list[str]) -> None:
    odd = [resize(paths[i], 32, 32) for i in (0, 40)] + [resize(paths[50], 8, 9)]
    with pytest.raises(NotResident) as caught:
        decode_folder(paths, GREY)
    assert str(caught.value) == (
        f"images have different sizes: 6x4 (57), 32x32 (2: {odd[0]}, {odd[1]}), 8x9 (1: {odd[2]}). "
        "Use transforms.Resize((4, 6))"
    )
    assert len(decode_folder(paths, PixelPlan((Grayscale(), CenterCrop(4)))).images) == 60


def test_photos_of_all_sizes_stop_early(paths: list[str]) -> None:
    for i, path in enumerate(paths[:30]):
        resize(path, 10 + i, 10)
    with pytest.raises(NotResident) as caught:
        decode_folder(paths, GREY, threads=1)
    assert str(caught.value).startswith("images have different sizes (among the first 25): 10x10 (1), 11x10 (1: ")
    assert "20 other sizes" in str(caught.value)


def test_memory_is_checked_before_it_is_taken(paths: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fastnn.data.resident.fits_memory", lambda size: size < 1_440)
    with pytest.raises(NotResident, match=r"^60 images of 6x4x1 need 1\.4 kB, .* of memory are free"):
        decode_folder(paths, GREY)


def test_on_bad_is_checked(paths: list[str]) -> None:
    with pytest.raises(ValueError, match="on_bad is 'ignore'; it must be one of error, skip, list"):
        decode_folder(paths, GREY, on_bad="ignore")


@pytest.fixture
def resident(pixels: Callable) -> Resident:
    mean, std = np.array([0.1, 0.2, 0.3]), np.array([0.4, 0.5, 0.6])
    return Resident(pixels(10, 3, 4, 5), np.arange(10) % 3, [f"{i}.png" for i in range(10)], list("abc"), mean, std)


def test_batch_is_normalised_in_order(resident: Resident) -> None:
    index = np.array([7, 0, 7, 9])
    x, y = resident.batch(index)
    assert x.dtype == np.float32 and y.tolist() == [1, 0, 1, 0]
    unit = resident.images[index].astype(np.float32) / np.float32(255)
    mean, std = (values.astype(np.float32)[:, None, None] for values in (resident.mean, resident.std))
    np.testing.assert_array_equal(x, (unit - mean) / std)
    with pytest.raises(ValueError, match="index 10 at place 1 is outside"):
        resident.batch(np.array([0, 10]))


def test_fingerprint_sees_pixels_labels_and_shape(resident: Resident) -> None:
    first = resident.fingerprint()
    assert len(first) == 64 and first == resident.fingerprint()
    resident.images[9, 2, 3, 4] ^= 1
    second = resident.fingerprint()
    resident.targets[4] = 2
    third = resident.fingerprint()
    resident.images = resident.images.reshape(10, 3, 5, 4)
    assert len({first, second, third, resident.fingerprint()}) == 4


def test_parts_must_fit(resident: Resident) -> None:
    x, y, names, classes = resident.images, resident.targets, resident.names, resident.classes
    for images in (x.astype(np.float32), x[0], x[:, :, ::2]):
        with pytest.raises(ValueError, match="images must be contiguous uint8"):
            Resident(images, y, names, classes)
    for targets in (y[:9], y.astype(np.int32)):
        with pytest.raises(ValueError, match="targets must be int64"):
            Resident(x, targets, names, classes)
    with pytest.raises(ValueError, match="names must be one an image"):
        Resident(x, y, names[1:], classes)
    with pytest.raises(ValueError, match="mean and std both"):
        Resident(x, y, names, classes, np.zeros(3))


def test_repr_is_short(resident: Resident) -> None:
    assert len(repr(resident)) < 200


def test_numbered_names() -> None:
    names = NumberedNames("t10k-images-idx3-ubyte.gz", np.array([3, 247, 9]))
    assert names[1] == "t10k-images-idx3-ubyte.gz[247]" and names[-1] == "t10k-images-idx3-ubyte.gz[9]"
    assert list(names[1:]) == ["t10k-images-idx3-ubyte.gz[247]", "t10k-images-idx3-ubyte.gz[9]"]
    assert len(names) == 3 and len(list(names)) == 3


def test_file_names_are_safe_to_print() -> None:
    names = FileNames(["/d/1.png", "/d/\x1b[31m\n.png", "/d/\udcff.png"])
    assert names[0] == "/d/1.png" and len(names) == 3
    assert all(name.isprintable() for name in names) and list(names[1:2]) == [r"'/d/\x1b[31m\n.png'"]


def test_threads_follow_those_of_the_computation(paths: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    counts = []
    shared = decode.in_order
    monkeypatch.setattr(
        decode, "in_order", lambda work, items, threads: counts.append(threads) or shared(work, items, threads)
    )
    _core.set_num_threads(1)
    decode_folder(paths[:5], GREY)
    decode_folder(paths[:5], GREY, threads=3)
    assert counts == [1, 3]
