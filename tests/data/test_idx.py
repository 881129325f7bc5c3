"""IDX files: what is read, and that every damage is a FormatError with the path."""

from __future__ import annotations

import gzip
import random
import struct
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fastnn.data import idx as idx_module
from fastnn.data.idx import find_mnist, read_idx, read_labelled, reading_ahead
from fastnn.errors import FormatError


def written(folder: Path, data: bytes, name: str = "a-idx") -> Path:
    path = folder / name
    path.unlink(missing_ok=True)  # writing over a file waits for the disk on some file systems
    path.write_bytes(data)
    return path


def message(path: Path) -> str:
    with pytest.raises(FormatError) as caught:
        read_idx(path)
    assert str(caught.value).startswith(str(path))
    return str(caught.value)


@pytest.mark.parametrize("code, kind", [(8, "u1"), (9, "i1"), (0x0B, "i2"), (0x0C, "i4"), (0x0D, "f4"), (0x0E, "f8")])
@pytest.mark.parametrize("packed", [False, True])
def test_every_type_is_read_into_native_order(tmp_path: Path, code: int, kind: str, packed: bool) -> None:
    values = np.arange(-6, 6).reshape(3, 4).astype(kind)
    data = bytes([0, 0, code, 2]) + struct.pack(">2I", 3, 4) + values.astype(">" + kind).tobytes()
    array = read_idx(written(tmp_path, gzip.compress(data) if packed else data, "named.idx"))
    assert array.dtype == np.dtype(kind) and array.dtype.isnative
    np.testing.assert_array_equal(array, values)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("shape", [(0,), (5, 0, 3), (1, 1, 1, 1, 1, 1, 1, 1)])
def test_odd_shapes(tmp_path: Path, idx: Callable, shape: tuple[int, ...], packed: bool) -> None:
    data = idx(np.zeros(shape, np.uint8))
    assert read_idx(written(tmp_path, gzip.compress(data) if packed else data)).shape == shape


def test_gzip_is_told_by_its_bytes_and_may_have_members(tmp_path: Path, idx: Callable, pixels: Callable) -> None:
    array = pixels(7, 3, 2)
    data = idx(array)
    for cut in (0, 3, 20, len(data)):  # inside the header, inside the data, at its end
        path = written(tmp_path, gzip.compress(data[:cut]) + gzip.compress(data[cut:]), "plain-name")
        np.testing.assert_array_equal(read_idx(path), array)


def test_pieces_of_the_compressed_file_join(
    tmp_path: Path, idx: Callable, pixels: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    array = pixels(50, 8, 8)
    path = written(tmp_path, gzip.compress(idx(array)))
    monkeypatch.setattr(idx_module, "_is_one_member", lambda data, spare: False)
    for piece in (1, 7, 100):
        monkeypatch.setattr(idx_module, "_PIECE", piece)
        np.testing.assert_array_equal(read_idx(path), array)


@pytest.mark.parametrize("name", [None, "", "t10k-images", "x" * 4000, "x" * 5000])
@pytest.mark.parametrize("level", [0, 1, 9])
def test_a_single_member_is_read_at_once(
    tmp_path: Path, idx: Callable, pixels: Callable, monkeypatch: pytest.MonkeyPatch, name: str | None, level: int
) -> None:
    """By the core, and by pieces the same; a name that is too long is no obstacle, only slower."""
    array = pixels(300, 8, 8)
    packed = gzip.compress(idx(array), level)
    if name is not None:
        packed = packed[:3] + b"\x08" + packed[4:10] + name.encode() + b"\0" + packed[10:]
    pieces: list[bool] = []
    inflate = idx_module._inflate
    monkeypatch.setattr(idx_module, "_inflate", lambda *a, whole: (pieces.append(whole), inflate(*a, whole=whole))[1])
    np.testing.assert_array_equal(read_idx(written(tmp_path, packed)), array)
    assert pieces == [False, True][: 2 if name == "x" * 5000 else 1]  # the header always


def test_every_damage_of_a_single_member_is_found(tmp_path: Path, idx: Callable, pixels: Callable) -> None:
    """As zlib finds it: by its blocks, its checksum or its size."""
    array = pixels(20, 4, 4)
    packed = gzip.compress(idx(array))
    draw = random.Random(5)
    for _ in range(300):
        wrong = bytearray(packed)
        wrong[draw.randrange(len(wrong))] ^= 1 << draw.randrange(8)
        path = written(tmp_path, bytes(wrong))
        try:
            expected = gzip.decompress(bytes(wrong))
        except (OSError, EOFError, zlib.error):
            expected = b""
        if expected == idx(array):  # in what the header says of time and system
            np.testing.assert_array_equal(read_idx(path), array)
        else:
            message(path)


def test_files_are_read_ahead(mnist_folder: Callable[..., Path], tmp_path: Path, idx: Callable) -> None:
    folder = mnist_folder()
    files = find_mnist(folder)
    wanted = [read_idx(path) for path in files]
    with reading_ahead(folder):
        for path in files:
            idx_module._ahead[str(path)].join()
            path.rename(path.with_name("moved"))  # nobody looks there again
            path.with_name("moved").unlink()
        for path, array in zip(files[:3], wanted, strict=False):
            np.testing.assert_array_equal(read_idx(path), array)
        with pytest.raises(FileNotFoundError):
            read_idx(files[0])  # what was read ahead is given once
    assert not idx_module._ahead
    with pytest.raises(FileNotFoundError):
        read_idx(files[3])  # or until the end


def test_what_cannot_be_read_ahead_is_said_when_it_is_read(mnist_folder: Callable[..., Path], tmp_path: Path) -> None:
    folder = mnist_folder()
    files = find_mnist(folder)
    files.train_images.write_bytes(files.train_images.read_bytes()[:-9])
    with reading_ahead(folder):
        assert "is truncated" in message(files.train_images)
    for wrong in (tmp_path / "nowhere", files.test_labels, "digits", tmp_path):
        with reading_ahead(wrong):
            assert not idx_module._ahead
    files.test_labels.unlink()
    with reading_ahead(folder):
        assert not idx_module._ahead


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is not an IDX file: it starts with '', expected 00 00 08 01"),
        (b"\0\0\x08", "is not an IDX file"),
        (b"<!DOCTYPE html>", "it starts with '<!DOCTYPE html'"),
        (b"PK\x03\x04xxxxxxxx", "it starts with 50 4b 03 04"),
        (b"\0\0\x07\x03", "it starts with 00 00 07 03"),
        (b"\0\0\x08\0", "is not an IDX file"),
        (b"\0\0\x08\x09" + bytes(36), "is not an IDX file"),
        (b"\0\0\x08\x03\0\0\0\x02", "is truncated: its header has 16 bytes, the file 8"),
        (b"\0\0\x08\x03" + b"\xff" * 12, "impossible shape"),
        (
            b"\0\0\x08\x03" + struct.pack(">3I", 60000, 28, 28) + bytes(9912406),
            "is truncated: header says 60000x28x28 = 47,040,000 bytes, the file has 9,912,406. Fetch it again",
        ),
        (b"\0\0\x08\x01\0\0\0\x05" + bytes(9), ": header says 5 = 5 bytes, but 4 more follow"),
    ],
)
def test_wrong_files_say_what_is_wrong(tmp_path: Path, data: bytes, words: str) -> None:
    assert words in message(written(tmp_path, data))


def test_wrong_compressed_files_say_what_is_wrong(tmp_path: Path, idx: Callable, pixels: Callable) -> None:
    whole = idx(pixels(30, 4, 4))
    packed = gzip.compress(whole)
    flipped = bytearray(packed)
    flipped[-6] ^= 1
    cases = [
        (packed[:-4], "is truncated: its gzip data ends after 496 bytes"),
        (packed[:40], "is truncated: its gzip data ends after"),
        (packed + b"junk", "4 bytes follow its gzip data"),
        (gzip.compress(whole + b"\0"), "more data follows than the 496 bytes that its header says"),
        (packed + gzip.compress(b"\0"), "more data follows"),
        (gzip.compress(whole[:-1]), "is truncated: header says 30x4x4 = 480 bytes, the file has 479"),
        (bytes(flipped), "is damaged: "),
        (b"\x1f\x8bxxxxxxxxxxxx", "is damaged: "),
        (b"\x1f\x8b", "is not an IDX file"),
        (gzip.compress(b"hello there"), "it starts with 'hello there'"),
        (gzip.compress(whole[:9]), "is truncated: its header has 16 bytes, the file 9"),
    ]
    for data, words in cases:
        assert words in message(written(tmp_path, data))


def test_no_more_is_inflated_than_the_header_claims(tmp_path: Path, idx: Callable) -> None:
    bomb = gzip.compress(idx(np.zeros((2, 2, 2), np.uint8)) + bytes(50_000_000))
    path = written(tmp_path, bomb)
    tracemalloc.start()
    try:
        assert "more data follows than the 24 bytes" in message(path)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_a_claim_beyond_what_deflate_can_do_is_refused_before_allocation(tmp_path: Path) -> None:
    data = gzip.compress(b"\0\0\x08\x03" + struct.pack(">3I", 2000, 28, 28))
    assert "header says 2000x28x28 = 1,568,000 bytes, the file holds at most" in message(written(tmp_path, data))


def test_a_claim_beyond_the_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, idx: Callable) -> None:
    monkeypatch.setattr(idx_module, "fits_memory", lambda size: False)
    assert "of memory are free" in message(written(tmp_path, gzip.compress(idx(np.zeros(5, np.uint8)))))


def test_labelled_pair(tmp_path: Path, idx: Callable, pixels: Callable) -> None:
    x = written(tmp_path, idx(pixels(4, 2, 3)), "x")
    y = written(tmp_path, idx(np.array([9, 0, 3, 1])), "y")
    images, labels = read_labelled(x, y)
    assert images.shape == (4, 2, 3) and images.dtype == np.uint8
    assert labels.tolist() == [9, 0, 3, 1] and labels.dtype == np.int64


def test_pairs_that_do_not_fit(tmp_path: Path, idx: Callable, pixels: Callable) -> None:
    x = written(tmp_path, idx(pixels(4, 2, 3)), "x-images")
    y = written(tmp_path, idx(np.array([9, 0, 10, 11])), "y-labels")
    short = written(tmp_path, idx(np.zeros(3)), "short-labels")
    with pytest.raises(FormatError, match=r"y-labels: label 10 at sample 2 is outside 0\.\.9"):
        read_labelled(x, y)
    assert read_labelled(x, y, classes=12)[1].tolist() == [9, 0, 10, 11]
    with pytest.raises(FormatError, match=r"x-images has 4 images but .*short-labels has 3 labels: do they belong"):
        read_labelled(x, short)
    with pytest.raises(FormatError, match=r"y-labels holds uint8 4; images are uint8 with 3 dimension"):
        read_labelled(y, x)


@pytest.mark.parametrize("place", [".", "raw", "MNIST/raw"])
@pytest.mark.parametrize("dotted", [False, True])
@pytest.mark.parametrize("packed", [False, True])
def test_mnist_is_found(tmp_path: Path, mnist_folder: Callable, place: str, dotted: bool, packed: bool) -> None:
    mnist_folder(tmp_path / "d" / place, packed=packed, dotted=dotted)
    files = find_mnist(tmp_path / "d")
    assert files is not None
    assert [read_idx(path).shape for path in (files.train_images, files.train_labels)] == [(40, 8, 8), (40,)]
    assert [read_idx(path).shape for path in (files.test_images, files.test_labels)] == [(20, 8, 8), (20,)]


def test_mnist_that_is_not_there(tmp_path: Path, mnist_folder: Callable) -> None:
    assert find_mnist(tmp_path) is None
    folder = mnist_folder()
    (folder / "t10k-labels-idx1-ubyte.gz").unlink()
    (folder / "train-images-idx3-ubyte.gz").unlink()
    with pytest.raises(FileNotFoundError, match=r"missing: train-images-idx3-ubyte, t10k-labels-idx1-ubyte"):
        find_mnist(folder)
    with pytest.raises(FileNotFoundError, match=r"'.*mnst' does not exist \(did you mean '.*mnist'\?\)"):
        find_mnist(folder.with_name("mnst"))


def mutated(data: bytes, rng: random.Random) -> bytes:
    result = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(min(len(result), 24)) if rng.random() < 0.5 else rng.randrange(len(result))
        result[at] = rng.choice((0, 1, 3, 8, 127, 128, 255, rng.randrange(256)))
    if rng.random() < 0.2:
        del result[rng.randrange(1, len(result)) :]
    if rng.random() < 0.1:
        result += bytes(rng.randrange(30))
    return bytes(result)


def check_mutations(tmp_path: Path, idx: Callable, pixels: Callable, count: int) -> None:
    plain = idx(pixels(9, 4, 4))
    files = [plain, gzip.compress(plain), gzip.compress(plain[:30]) + gzip.compress(plain[30:])]
    rng, refused = random.Random(2), 0
    for i in range(count):
        data = mutated(files[i % 3], rng)
        if i % 4 == 3:
            data = gzip.compress(mutated(plain, rng))
        path = written(tmp_path, data)
        try:
            assert read_idx(path).nbytes <= 1032 * len(data)
        except FormatError as error:
            assert str(error).startswith(str(path))
            refused += 1
    assert count // 3 < refused < count


def test_mutations_give_an_array_or_a_format_error(tmp_path: Path, idx: Callable, pixels: Callable) -> None:
    check_mutations(tmp_path, idx, pixels, 2000)


@pytest.mark.slow
def test_many_mutations_give_an_array_or_a_format_error(tmp_path: Path, idx: Callable, pixels: Callable) -> None:
    check_mutations(tmp_path, idx, pixels, 100_000)
