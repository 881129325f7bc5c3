"""gather_rows, gather_uint8, take and its gradient: exact."""

import numpy as np
import pytest
from fastnn import _core
from fastnn.reference import gather as reference
from harness import Arrays, Op, OpTests, Real, check_same_bits


def draw_rows(rng: np.random.Generator, shape: tuple[int, ...], dtype: type) -> Arrays:
    """shape: indices, then the shape of a row; 11 rows."""
    return rng.standard_normal((11, *shape[1:])).astype(dtype), rng.integers(0, 11, shape[0])


class TestGatherRows(OpTests):
    op = Op(
        run=_core.gather_rows,
        truth=reference.gather_rows,
        draw=draw_rows,
        small=[*((n, 5) for n in range(20)), *((3, n) for n in range(35)), (4,), (7, 2, 3)],
        large=[(301, 1001), (310_001,)],
    )

    @pytest.mark.parametrize("dtype", [np.int64, np.uint8, np.bool_])
    def test_other_types(self, isa: str, dtype: type, rng: np.random.Generator) -> None:
        x, index = rng.integers(0, 2, (5, 3, 7)).astype(dtype), np.array([4, 0, 0, 2])
        check_same_bits(_core.gather_rows(x, index), x[index])

    @pytest.mark.parametrize("width", [0, 1, 4, 8, 9])
    def test_rows_of_bytes_begin_at_any_address(self, width: int, rng: np.random.Generator) -> None:
        x = rng.integers(0, 256, 1 + 5 * width, np.uint8)[1:].reshape(5, width)
        check_same_bits(_core.gather_rows(x, np.array([4, 0, 3])), x[[4, 0, 3]])


def draw_take(rng: np.random.Generator, shape: tuple[int, ...], dtype: type) -> Arrays:
    return rng.standard_normal((3, 17)).astype(dtype), rng.integers(0, 51, shape)


class TestTake(OpTests):
    op = Op(
        run=_core.take,
        truth=reference.take,
        draw=draw_take,
        small=[*((n,) for n in range(35)), (), (3, 4)],
        large=[(150_001,), (400, 401)],
        takes_out=False,
    )

    @pytest.mark.parametrize("dtype", [np.int64, np.uint8, np.bool_])
    def test_other_types(self, isa: str, dtype: type, rng: np.random.Generator) -> None:
        x, index = rng.integers(0, 2, (5, 7)).astype(dtype), rng.integers(0, 35, (2, 9))
        check_same_bits(_core.take(x, index), x.reshape(-1)[index])


def draw_take_backward(rng: np.random.Generator, shape: tuple[int, ...], dtype: type) -> Arrays:
    return rng.standard_normal(shape).astype(dtype), rng.integers(0, 51, shape)


class TestTakeBackward(OpTests):
    """Places that come up often, so that the ascending order of the sums shows in the bits."""

    op = Op(
        run=lambda grad_y, index: _core.take_backward(grad_y, index, [3, 17]),
        truth=lambda grad_y, index: reference.take_backward(grad_y, index, (3, 17)),
        draw=draw_take_backward,
        small=[*((n,) for n in range(35)), (30, 40)],
        large=[(5000,)],
        takes_out=False,
    )


def draw_images(rng: np.random.Generator, shape: tuple[int, ...], dtype: type) -> Arrays:
    """shape: indices, channels, pixels. 9 images, a mean and a deviation a channel."""
    images = rng.integers(0, 256, (9, *shape[1:])).astype(np.uint8)
    return (
        images,
        rng.integers(0, 9, shape[0]),
        rng.uniform(0.1, 0.9, shape[1]),
        rng.uniform(0.1, 0.9, shape[1]),
    )


SMALL_IMAGES = [
    *((n, 2, 5) for n in range(6)),
    *((3, 3, n) for n in range(35)),
    (4, 1, 28, 28),
    (3, 0, 5),
    (5, 3),
]
LARGE_IMAGES = [(101, 1, 28, 28), (27, 3, 31, 31)]


class TestGatherUint8(OpTests):
    op = Op(
        run=lambda x, index, mean, std, out=None: _core.gather_uint8(x, index, mean, std, False, out),
        truth=reference.gather_uint8,
        draw=draw_images,
        small=SMALL_IMAGES,
        large=LARGE_IMAGES,
    )


class TestGatherUint8InDouble(OpTests):
    op = Op(
        run=lambda x, index, mean, std, out=None: _core.gather_uint8(x, index, mean, std, True, out),
        truth=lambda x, index, mean, std: reference.gather_uint8(x, index, mean, std, True),
        draw=draw_images,
        small=SMALL_IMAGES,
        large=LARGE_IMAGES,
    )


@pytest.mark.parametrize(
    "shape", [(1, 3, 4, 5), (9, 3, 20, 31), (9, 4, 1, 7), (9, 2, 7, 1), (5, 1, 3, 4), (0, 3, 4, 5)]
)
def test_channels_innermost(isa: str, real: Real, shape: tuple[int, ...], rng: np.random.Generator) -> None:
    """Images that lie [N][H][W][C] give the same values, in that order too."""
    x, double = rng.integers(0, 256, shape).astype(np.uint8), real.dtype is np.float64
    last = np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    index = rng.integers(0, len(x), 4 if len(x) else 0)
    mean, std = rng.uniform(0.1, 0.9, (2, shape[1]))
    for settings in ((None, None), (mean, std)):
        found = _core.gather_uint8(last, index, *settings, double)
        check_same_bits(np.ascontiguousarray(found), _core.gather_uint8(x, index, *settings, double))
        assert found.transpose(0, 2, 3, 1).flags.c_contiguous
    found = _core.gather_rows(last.astype(real.dtype), index)
    assert np.array_equal(found, x[index]) and found.transpose(0, 2, 3, 1).flags.c_contiguous


def test_rows_in_another_order_than_the_results(rng: np.random.Generator) -> None:
    x = rng.integers(0, 256, (5, 4, 6, 3)).astype(np.uint8).transpose(0, 3, 1, 2)
    with pytest.raises(ValueError, match="without gaps and in the same order, got shape"):
        _core.gather_rows(x, np.array([1]), np.empty((1, 3, 4, 6), np.uint8))
    across = x.transpose(0, 1, 3, 2)
    assert np.array_equal(_core.gather_rows(across, np.array([1, 0])), across[[1, 0]])
    with pytest.raises(ValueError, match="channels must be outermost or innermost in a row of x"):
        _core.gather_uint8(x.transpose(0, 2, 1, 3), np.array([1]), np.zeros(4), np.ones(4))
    backwards = x[::-1].T  # samples are not outermost: copied
    assert np.array_equal(_core.gather_rows(backwards, np.array([1, 0])), backwards[[1, 0]])


def test_every_byte(isa: str, real: Real) -> None:
    """u / 255 correctly rounded, then two correctly rounded steps: torchvision's ToTensor and Normalize."""
    x, index, double = (
        np.arange(256, dtype=np.uint8).reshape(1, 1, 256),
        np.array([0]),
        real.dtype is np.float64,
    )
    unit = np.arange(256).astype(real.dtype) / real.dtype(255)
    check_same_bits(_core.gather_uint8(x, index, double_precision=double)[0, 0], unit)
    assert np.all(np.abs(unit - np.arange(256, dtype=real.wide) / 255) <= real.spacing(unit.astype(real.wide)) / 2)
    normalised = _core.gather_uint8(x, index, np.array([0.1307]), np.array([0.3081]), double)[0, 0]
    check_same_bits(normalised, (unit - real.dtype(0.1307)) / real.dtype(0.3081))


@pytest.mark.parametrize("index", [[0, 11], [-1, 0], [3, 2**62], [3, -(2**63)]])
def test_indices_outside_are_named(index: list[int]) -> None:
    """Negative ones too: nothing counts from the end here."""
    place = int(not 0 <= index[1] < 11)
    x, at = np.zeros((11, 2, 3), np.float32), np.array(index)
    for call in (
        lambda: _core.gather_rows(x, at),
        lambda: _core.gather_uint8(x.astype(np.uint8), at),
        lambda: _core.take(x[:, 0, 0], at),
        lambda: _core.take_backward(np.zeros(2), at, [11]),
    ):
        with pytest.raises(ValueError, match=rf"index {index[place]} at place {place} is outside 0\.\.10"):
            call()


def test_channels_must_match() -> None:
    x, index = np.zeros((2, 3, 4), np.uint8), np.array([1])
    with pytest.raises(ValueError, match=r"mean and std need one value a channel: .*\(2, 3, 4\), got \(2,\)"):
        _core.gather_uint8(x, index, np.zeros(2), np.ones(2))
    with pytest.raises(ValueError, match="std of channel 1 is 0"):
        _core.gather_uint8(x, index, np.zeros(3), np.array([1.0, 0, 1]))
