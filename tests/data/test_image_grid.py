"""``make_grid``, ``save_image`` and torchvision.io's functions."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import fastnn
import numpy as np
import pytest
from fastnn.eager.tensor import Tensor
from fastnn.errors import FormatError
from fastnn.io import (
    ImageReadMode,
    decode_image,
    encode_jpeg,
    encode_png,
    read_file,
    read_image,
    write_jpeg,
    write_png,
)
from fastnn.utils import make_grid, save_image
from PIL import Image


def grid(x: np.ndarray, **options: object) -> list:
    return make_grid(Tensor(x), **options).numpy().tolist()  # type: ignore[arg-type]


def test_a_grid_by_hand() -> None:
    """Three images of two pixels, two in a row, one pixel of 9 between."""
    x = np.arange(1, 7, dtype=np.float32).reshape(3, 1, 1, 2)
    rows = [[9] * 7, [9, 1, 2, 9, 3, 4, 9], [9] * 7, [9, 5, 6, 9, 9, 9, 9], [9] * 7]
    assert grid(x, nrow=2, padding=1, pad_value=9) == [rows] * 3  # grey becomes RGB
    assert make_grid([Tensor(each) for each in x], nrow=2, padding=1, pad_value=9).numpy().tolist() == [rows] * 3
    assert grid(x, padding=0)[0] == [[1, 2, 3, 4, 5, 6]]
    assert grid(x[:1]) == [[[1, 2]]] * 3 and grid(x[0, 0]) == [[[1, 2]]] * 3 and grid(x[0]) == [[[1, 2]]] * 3
    colour = np.arange(8, dtype=np.uint8).reshape(2, 2, 2, 1)
    out = make_grid(Tensor(colour), padding=1, pad_value=7).numpy()
    assert out.dtype == np.uint8 and out[:, 1:3, [1, 3]].tolist() == [[[0, 4], [1, 5]], [[2, 6], [3, 7]]]


def test_values_of_a_grid() -> None:
    x = np.array([[[[-1.0, 3.0]]], [[[1.0, 7.0]]]], np.float32)
    assert grid(x, normalize=True, padding=0)[0] == [[0, 0.5, 0.25, 1]]
    assert grid(x, normalize=True, value_range=(-1, 3), padding=0)[0] == [[0, 1, 0.5, 1]]
    assert grid(x, normalize=True, scale_each=True, padding=0)[0] == [[0, 1, 0, 1]]
    assert x[0, 0, 0].tolist() == [-1, 3]


REFUSED: list[tuple[Callable, type, str]] = [
    (lambda: make_grid(3), TypeError, "tensor or list of tensors expected, got int"),
    (lambda: make_grid([fastnn.ones(1), 3]), TypeError, "a list containing int"),
    (lambda: make_grid([fastnn.ones(1, 2, 2), fastnn.ones(1, 2, 3)]), ValueError, r"one shape, got \[\(1, 2, 2\)"),
    (lambda: make_grid([]), ValueError, "got none"),
    (lambda: make_grid(fastnn.ones(2, 1, 1, 2, 2)), ValueError, r"got shape \(2, 1, 1, 2, 2\)"),
    (lambda: make_grid(fastnn.ones(2, 3, 2, 2), nrow=0), ValueError, "nrow should be at least 1"),
    (lambda: make_grid(fastnn.ones(2, 3, 2, 2), normalize=True, value_range=[0, 1]), TypeError, "has to be a tuple"),
    (lambda: make_grid(fastnn.ones(2, 3, 2, 2, dtype=fastnn.int64), normalize=True), TypeError, "needs floats"),
    (lambda: save_image(fastnn.ones(3, 2, 2), "x.foo"), ValueError, r"ending '.foo' of x.foo; use .png or .jpg"),
    (lambda: encode_png(fastnn.ones(3, 2, 2)), TypeError, "expected a uint8 Tensor .*float32; save_image takes floats"),
    (lambda: encode_png(fastnn.ones(2, 2, 2, dtype=fastnn.uint8)), ValueError, "1 or 3 channels"),
    (lambda: encode_jpeg(fastnn.ones(3, 2, 2, dtype=fastnn.uint8), 0), ValueError, "quality should be from 1 to 100"),
    (lambda: read_image("x.png", "RGB"), FileNotFoundError, "x.png"),
    (lambda: decode_image(fastnn.ones(3)), TypeError, r"expected a Tensor of bytes, uint8 \(n,\), or a path"),
    (lambda: decode_image(fastnn.ones(3, dtype=fastnn.uint8)), FormatError, "decode_image: the data is not an image"),
]


@pytest.mark.parametrize(("call", "kind", "text"), REFUSED, ids=[row[2][:30] for row in REFUSED])
def test_refusals(call: Callable, kind: type, text: str) -> None:
    with pytest.raises(kind, match=text):
        call()


def test_saved_and_read(tmp_path: Path) -> None:
    """Floats in 0..1 are rounded to the nearest of 0..255; a file is replaced; several images are one grid."""
    x = np.array([0.0, 0.4999 / 255, 0.5001 / 255, 1.0, 7.0, -3.0], np.float32).reshape(1, 2, 3).repeat(3, 0)
    path = tmp_path / "a.png"
    path.write_bytes(b"old")
    save_image(Tensor(x), path)
    expected = [[[0, 0, 1], [255, 255, 0]]] * 3
    assert read_image(str(path)).numpy().tolist() == expected and read_image(path).dtype is fastnn.uint8
    assert [each.name for each in tmp_path.iterdir()] == ["a.png"]
    buffer = io.BytesIO()
    save_image([Tensor(x)] * 2, buffer, format="png", nrow=1, padding=0)
    both = decode_image(Tensor(np.frombuffer(buffer.getvalue(), np.uint8)))
    assert both.numpy().tolist() == [rows * 2 for rows in expected]
    save_image(Tensor(x), tmp_path / "b.jpg")
    assert (tmp_path / "b.jpg").read_bytes().startswith(b"\xff\xd8\xff")


def test_modes(tmp_path: Path, pixels: Callable) -> None:
    photo = Image.fromarray(pixels(5, 7, 3))
    path = tmp_path / "photo.png"
    photo.save(path)
    as_is = read_image(path).numpy()
    assert as_is.tolist() == pixels(5, 7, 3).transpose(2, 0, 1).tolist()
    assert read_image(path, ImageReadMode.GRAY).numpy()[0].tolist() == np.asarray(photo.convert("L")).tolist()
    assert [read_image(path, mode).shape[0] for mode in ("gray_alpha", "rgb", "RGBA")] == [2, 3, 4]
    with pytest.raises(ValueError, match="UNCHANGED, GRAY, GRAY_ALPHA, RGB, RGB_ALPHA, RGBA, got 'green'"):
        read_image(path, "green")
    photo.quantize(4).save(path)
    assert read_image(path).numpy().tolist() == np.asarray(photo.quantize(4).convert("RGB")).transpose(2, 0, 1).tolist()
    Image.fromarray(np.array([[0, 40000]], np.uint16)).save(path)
    assert read_image(path).numpy().tolist() == [[[0, 40000]]] and read_image(path, "RGB").numpy().max() == 156
    exif = photo.getexif()
    exif[0x0112] = 6
    photo.save(tmp_path / "turned.jpg", exif=exif)
    turned = [read_image(tmp_path / "turned.jpg", apply_exif_orientation=each).shape for each in (False, True)]
    assert turned == [(3, 5, 7), (3, 7, 5)]


def test_written(tmp_path: Path, pixels: Callable) -> None:
    x = Tensor(pixels(3, 6, 5))
    write_png(x, tmp_path / "a.png", 0)
    assert read_image(tmp_path / "a.png").numpy().tolist() == x.numpy().tolist()
    assert read_file(tmp_path / "a.png").numpy().tolist() == encode_png(x, 0).numpy().tolist()
    write_jpeg(x[:1], tmp_path / "a.jpg", 90)
    assert decode_image(tmp_path / "a.jpg").shape == (1, 6, 5)
    (tmp_path / "a.jpg").write_bytes((tmp_path / "a.jpg").read_bytes()[:-9])
    with pytest.raises(FormatError, match=r"a\.jpg cannot be read as an image: the file is truncated"):
        read_image(tmp_path / "a.jpg")


def test_as_torchvision(pixels: Callable) -> None:
    torch = pytest.importorskip("torch")
    theirs = pytest.importorskip("torchvision.utils").make_grid
    x = pixels(7, 3, 4, 5).astype(np.float32) / 100 - 1
    for options in ({}, {"nrow": 3, "normalize": True}, {"normalize": True, "scale_each": True, "padding": 0}):
        found = make_grid(Tensor(x), **options).numpy()
        np.testing.assert_allclose(found, theirs(torch.from_numpy(x), **options).numpy(), atol=1e-6)
