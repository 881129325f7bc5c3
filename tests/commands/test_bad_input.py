"""Bad input: one line that says what is wrong, where, and what to do; exit code 2; nothing written."""

from __future__ import annotations

import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from job_runs import refused
from PIL import Image
from small_data import idx_bytes, write_class, write_idx

Breaker = Callable[[Path], Any]


def png_claiming(width: int, height: int) -> bytes:
    """A sound grey PNG file, but for its data, which are not of the size that it claims."""
    parts = (b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0), b"IDAT" + zlib.compress(b""), b"IEND")
    chunks = [struct.pack(">I", len(part) - 4) + part + struct.pack(">I", zlib.crc32(part)) for part in parts]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


BAD_IMAGES = {
    "truncated": (lambda good: good[: len(good) // 2], "the file is truncated after"),
    "empty": (lambda good: b"", "is empty (0 bytes)"),
    "page": (lambda good: b"<!DOCTYPE html><html>404</html>", "is not an image: starts with '<!DOCTYPE html'. It was"),
    "text": (lambda good: b"hello, world", "is not an image: starts with 'hello, world'"),
    "bomb": (lambda good: png_claiming(60_000, 60_000), "claims 60000 x 60000 pixels (3,600,000,000); the limit is"),
    "damaged": (lambda good: good[:50] + b"\xff\x00\xff" + good[53:], "cannot be read as an image"),
}


class TestFolders:
    def test_missing(self, train: Callable, data: Path) -> None:
        refused(train("--data", "dat"), "data folder 'dat' does not exist (did you mean 'data'?)")
        refused(train("--data", "data/train/cat/000.png"), "is a file, not a folder")
        refused(train("--val", "datta"), "data folder 'datta' does not exist (did you mean 'data'?)")

    def test_empty(self, train: Callable, tmp_path: Path) -> None:
        (tmp_path / "data").mkdir()
        refused(train(), "no class folders in 'data'", "Expected 'data/<class>/<image>'")

    def test_images_without_class_folders(self, train: Callable, tmp_path: Path) -> None:
        write_class(tmp_path / "data", 0, 2, 5, 8)
        refused(train(), "no class folders in 'data'", "5 files lie directly in 'data'", ".png", "<class>")

    def test_class_folders_without_images(self, train: Callable, tmp_path: Path) -> None:
        for name in ("a", "b"):
            (tmp_path / "data" / name).mkdir(parents=True)
        refused(train(), "found 0 images in 2 class folders under 'data'", "Looked for .jpg .jpeg .png")

    def test_one_class_without_images(self, train: Callable, data: Path) -> None:
        for path in (data / "train" / "dog").iterdir():
            path.rename(path.with_suffix(".txt"))
        refused(train(), "class 'dog' has no images: data/train/dog")

    def test_hidden_folders_are_ignored_with_a_note(
        self, train: Callable, data: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        (data / "train" / ".ipynb_checkpoints").mkdir()
        assert train().code == 0
        assert caplog.messages == ["hidden folders such as data/train/.ipynb_checkpoints are ignored"]

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda test: shutil.rmtree(test / "dog"), "the test data lacks class 'dog' that training has"),
            (lambda test: (test / "dog").rename(test / "cow"), "class 'cow' (index 1 there) that training lacks"),
            (lambda test: shutil.copytree(test / "emu", test / "zoo"), "class 'zoo' (index 3 there) that training"),
        ],
        ids=["one less", "another", "one more"],
    )
    def test_other_classes_in_the_test(self, change: Breaker, message: str, train: Callable, data: Path) -> None:
        change(data / "test")
        refused(train(), message, "labels would be shifted", "train: ['cat', 'dog', 'emu'], test: [")


class TestImages:
    @pytest.mark.parametrize("kind", BAD_IMAGES)
    def test_one_bad_image(self, kind: str, train: Callable, data: Path) -> None:
        damage, message = BAD_IMAGES[kind]
        path = data / "train" / "dog" / "007.png"
        path.write_bytes(damage(path.read_bytes()))
        refused(train(), "fastnn.train: error: data/train/dog/007.png ", message, "--on-bad-image skip")
        skipped = train("--on-bad-image", "skip")
        assert skipped.code == 0
        assert skipped.lines[0] == "left out 1 of 36 images in data/train:"
        assert skipped.lines[1].startswith("  data/train/dog/007.png ")
        assert message in skipped.lines[1]
        assert "train_dataset length: 35" in skipped.lines

    def test_list_names_every_bad_image_of_both_halves(self, train: Callable, data: Path) -> None:
        bad = [
            data / "train" / "cat" / "001.png",
            data / "train" / "emu" / "000.png",
            data / "test" / "dog" / "002.png",
        ]
        for path in bad:
            path.write_bytes(b"")
        one = [f"data/{path.relative_to(data)} is empty (0 bytes)" for path in bad]
        outcome = train("--on-bad-image", "list")
        refused(outcome, *one, "2 of 36 images cannot be used", lines=outcome.err.count("\n"))
        skipped = train("--on-bad-image", "skip")
        assert all(f"  {line}" in skipped.lines for line in one)
        assert "test_dataset length: 11" in skipped.lines

    def test_different_sizes(self, train: Callable, data: Path) -> None:
        path = data / "train" / "dog" / "007.png"
        Image.new("L", (9, 8)).save(path)
        refused(train(), "8x8 (35), 9x8 (1: data/train/dog/007.png). Use --resize 8x8")
        assert train("--on-bad-image", "skip").lines[1] == "  data/train/dog/007.png is 9x8, not 8x8 as the others"
        assert "train_dataset length: 36" in train("--resize", "8x8").lines

    def test_photographs_are_told_of_size_first(self, train: Callable, data: Path) -> None:
        for number, path in enumerate(sorted((data / "train").rglob("*.png"))):
            Image.new("RGB", (9 + number, 8)).save(path)
        for options in ((), ("--on-bad-image", "skip")):
            refused(train(*options), "images have different sizes", "Use --size 64 (photographs) or --resize 9x8")

    def test_another_size_in_the_test(self, train: Callable, data: Path) -> None:
        for path in (data / "test").rglob("*.png"):
            Image.new("L", (9, 8)).save(path)
        refused(train(), "training images are 8x8, test images 9x8: use --resize 8x8")

    def test_no_good_image_at_all(self, train: Callable, data: Path) -> None:
        for path in (data / "train").rglob("*.png"):
            path.write_bytes(b"")
        for mode in ("error", "skip", "list"):
            outcome = train("--on-bad-image", mode)
            refused(outcome, "is empty (0 bytes)", lines=outcome.err.count("\n"))


class TestIdx:
    IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"

    @pytest.mark.parametrize(
        ("name", "damage", "parts"),
        [
            (IMAGES, lambda good: b"\0\0\x07\x03" + good[4:], ["is not an IDX file: it starts with 00 00 07 03"]),
            (IMAGES, lambda good: b"<html>" + good[6:], ["is not an IDX file: it starts with '<html>"]),
            (IMAGES, lambda good: good[:-1], ["is truncated: header says 40x8x8 = 2,560 bytes, the file has 2,559"]),
            (IMAGES, lambda good: good[:9], ["is truncated: its header has 16 bytes, the file 9"]),
            (IMAGES, lambda good: good + b"xyz", ["header says 40x8x8 = 2,560 bytes, but 3 more follow"]),
            (IMAGES, lambda good: b"", ["is not an IDX file"]),
            (IMAGES, lambda good: good[:4] + b"\xff" * 12 + good[16:], ["more than 2**40 elements"]),
            (IMAGES, lambda good: idx_bytes(np.zeros(40)), ["holds uint8 40; images are uint8 with 3 dimension(s)"]),
            (LABELS, lambda good: idx_bytes(np.zeros(39)), ["has 40 images but ", f"{LABELS} has 39 labels"]),
            (LABELS, lambda good: good[:11] + b"\x0a" + good[12:], ["label 10 at sample 3 is outside 0..9"]),
            (LABELS, lambda good: good[:11] + b"\xff" + good[12:], ["label 255 at sample 3 is outside 0..9"]),
        ],
    )
    def test_damaged(self, name: str, damage: Breaker, parts: list[str], train: Callable, tmp_path: Path) -> None:
        path = write_idx(tmp_path / "data", train=40, test=10, side=8) / name
        path.write_bytes(damage(path.read_bytes()))
        refused(train("--arch", "64-8-10"), f"data/{name}", *parts)

    def test_a_part_of_the_files(self, train: Callable, tmp_path: Path) -> None:
        folder = write_idx(tmp_path / "data", train=40, test=10, side=8)
        (folder / self.LABELS).unlink()
        refused(train(), "data holds a part of an MNIST data set; missing: train-labels-idx1-ubyte")

    def test_no_mnist_here(self, train: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("FASTNN_CACHE", str(tmp_path / "cache"))
        monkeypatch.delenv("FASTNN_DATA", raising=False)
        outcome = train("--data", "mnist")
        names = [f"{split}-{kind}-ubyte" for split in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")]
        refused(outcome, "no local copy of MNIST", str(tmp_path / "cache" / "mnist"), *names, lines=6)
