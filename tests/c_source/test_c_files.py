"""What a C file says besides its network: pixels, classes, sizes; and what is refused."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any

import fastnn
import numpy as np
import pytest
from c_programs import COMPILER, called, check_same_bits, compiled
from fastnn import _core, c_source, nn
from fastnn.c_source import tables
from fastnn.c_source.kernels import definitions, needed
from fastnn.c_source.listing import listed
from fastnn.c_source.ops import IN_PLACE
from fastnn.c_source.places import Places
from fastnn.eager.tensor import Tensor
from fastnn.engine.program import MISSING
from fastnn.nn.module import Module

needs_compiler = pytest.mark.skipif(COMPILER is None, reason="needs a C compiler")
COLOURS = c_source.Pixels((3, 5, 4), [0.1, 0.2, 0.3], [0.7, 0.8, 0.9], ["cat", 'a "dog"??/ \\ \n', "猫"], ["*/ end"])


def example(*shape: int) -> np.ndarray:
    return np.zeros((1, *shape), np.float32)


@needs_compiler
@pytest.mark.parametrize("pixels", [COLOURS, c_source.Pixels((3, 5, 4))], ids=["normalised", "plain"])
def test_pixels(pixels: c_source.Pixels, tmp_path: Path) -> None:
    """They come row by row, colours side by side; what becomes of them is what the loader makes."""
    library = compiled(tmp_path, c_source.text(nn.Flatten(), example(3, 5, 4), "see", pixels))
    image = np.random.default_rng(1).integers(0, 256, (1, 3, 5, 4), dtype=np.uint8)
    mean, std = (None if each is None else np.array(each) for each in (pixels.mean, pixels.std))
    expected = _core.gather_uint8(image, np.zeros(1, np.int64), mean, std)
    found = called(library.see_pixels, np.ascontiguousarray(image[0].transpose(1, 2, 0)), 60)
    assert found.tobytes() == expected.tobytes()
    if pixels.classes:
        names = (ctypes.c_char_p * 3).in_dll(library, "see_classes")
        assert [name.decode() for name in names] == list(pixels.classes)


@needs_compiler
def test_the_result_may_be_the_input_or_a_constant(tmp_path: Path) -> None:
    class Constant(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(fastnn.randn(1, 3))

        def forward(self, x: Tensor) -> Tensor:
            return self.weight

    check_same_bits(tmp_path, Constant(), example(2))
    check_same_bits(tmp_path, nn.Flatten(), np.arange(6, dtype=np.float32).reshape(1, 2, 3))


def test_places_are_used_again_and_never_shared() -> None:
    """No number that is read later is written over."""
    model = nn.Sequential(*(layer for _ in range(6) for layer in (nn.Conv2d(3, 3, 3, padding=1), nn.ReLU(), nn.Tanh())))
    program = listed(model, example(3, 8, 8)).program
    views, roles = program.memory.views, [buffer.role for buffer in program.memory.buffers]
    elsewhere = {number for number, role in enumerate(roles) if role != "value"}
    places = Places(program, elsewhere, IN_PLACE)
    assert places.size <= 2 * 3 * 64  # of thirteen results, and a turned input
    holder: dict[int, int] = {}  # which buffer's numbers lie at a place
    for op in program.ops:
        used = [(i in op.outputs, views[i].buffer) for i in (*op.inputs, *op.outputs) if i != MISSING]
        for writes, buffer in used:
            if buffer not in elsewhere:
                first = places.first[buffer]
                span = range(first, first + program.memory.buffers[buffer].nbytes // 4)
                assert writes or op.name == "view" or all(holder[place] == buffer for place in span)
                holder |= dict.fromkeys(span, buffer) if writes and op.name != "view" else {}


class Looks(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x * float(x.sum())


class Counts(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("calls", fastnn.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return x + self.calls


DRAWS = np.random.default_rng(0)


class Noise(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x + fastnn.randn_like(x)


class GeneratorsNoise(nn.Module):
    def forward(self, x: Any) -> Any:
        return x + fastnn.tensor(np.float32(DRAWS.normal()))


class NumPysNoise(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x * np.random.rand()


class Both(nn.Module):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x, x * 2


class Best(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.argmax(1)


class Larger(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.abs()


class Made(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.linear(x, x.reshape(4, 1) * fastnn.ones(1, 4))


REFUSED: dict[str, tuple[Module, Any, str]] = {
    "values": (nn.Sequential(Looks()), example(4), r"layer '0' \(Looks\): item\(\)$"),
    "buffers": (Counts(), example(4), "change"),
    "draws": (Noise(), example(4), "as C: a random draw"),
    "draws of NumPy's": (NumPysNoise(), example(4), r"as C: forward\(\) or the loss changes NumPy's random numbers"),
    "draws of a generator": (GeneratorsNoise(), example(4), "as C: a forward that draws random numbers"),
    "two results": (Both(), example(4), r"as C: forward\(\) gives a tuple$"),
    "integers": (Best(), example(4), "max is of int64"),
    "no compiled form": (nn.Sequential(nn.Linear(4, 4), Larger()), example(4), r"layer '1' \(Larger\).*'absolute'"),
    "weights": (Made(), example(4), "dense_forward: its weight.* computed"),
    "own statistics": (
        nn.BatchNorm2d(2, track_running_stats=False),
        example(2, 3, 3),
        "C: there is no C form of batch_norm without running values",
    ),
    "numbers of rows": (nn.Embedding(5, 3), example(4), "integers"),
    "doubles": (nn.Linear(4, 2).double(), example(4).astype(np.float64), "one sample of float32"),
    "a batch": (nn.Linear(4, 2), np.zeros((2, 4), np.float32), "one sample"),
    "half doubles": (nn.Sequential(nn.Linear(4, 2).double()), example(4), "float64"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_c_form(name: str) -> None:
    model, x, message = REFUSED[name]
    with pytest.raises((ValueError, TypeError), match=message):
        c_source.text(model, x)


NOT_NAMES = [
    "",
    "2nd",
    "int",
    "a b",
    "nn_exp",
    "größe",
    "x",
    "a;",
    "a\n",
    "_Bool",
    "_net",
    "uint8_t",
    "size_t",
    "class",
]
NOT_NAMES += [
    "static_assert",
    "inline",
    "pixels",
    "main",
    "NAN",
    "INFINITY",
    "FLT_MAX",
    "UINT8_MAX",
    "DBL_DIG",
    "isnan",
]
NOT_NAMES += ["printf", "memcpy", "sqrtf", "fma", "read", "malloc", "signbit", "isgreater"]


@pytest.mark.parametrize("name", NOT_NAMES)
def test_names_that_are_none(name: str) -> None:
    """Also words of C and C++, and what the headers and the C library have."""
    with pytest.raises(ValueError, match="cannot be the name"):
        c_source.text(nn.ReLU(), example(3), name)


@pytest.mark.parametrize(
    "name", ["predict", "net", "MLP", "i", "s", "mean2", "classes", "ints", "xy", "in_", "Mx", "F_a"]
)
def test_names_that_can_be_taken(name: str) -> None:
    assert f"void {name}(const float *x" in c_source.text(nn.ReLU(), example(3), name)


def test_images_of_another_size() -> None:
    with pytest.raises(ValueError, match="are not the example's 3 numbers"):
        c_source.text(nn.ReLU(), example(3), "predict", COLOURS)


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "old.c"
    path.write_text("old")
    with pytest.raises(ValueError):
        c_source.export(Looks(), example(4), path)
    assert path.read_text() == "old"
    c_source.export(nn.ReLU(), example(4), path)
    assert "void predict(" in path.read_text()


def test_only_what_is_needed() -> None:
    text = c_source.text(nn.ReLU(), example(4))
    assert "nn_relu" in text and "nn_exp" not in text and "static float memory" not in text
    assert needed("nn_softmax(1)")[-1].startswith("static void nn_softmax")
    assert len(definitions()) == len(set(definitions().values())) > 40


@pytest.mark.parametrize(
    "value, text",
    [
        *[(0.5, "0x1p-1f"), (3, "3.0f"), (-0.0, "-0x0p+0f"), (0.1, "0x1.99999ap-4f"), (1e-45, "0x1p-149f")],
        *[(np.inf, "INFINITY"), (-np.inf, "-INFINITY"), (np.nan, "NAN")],
    ],
)
def test_numbers(value: float, text: str) -> None:
    assert tables.number(value) == text
