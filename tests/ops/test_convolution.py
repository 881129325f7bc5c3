"""Convolution: forward and its gradients over random sizes, ISAs and threads; the fixed orders bit for bit."""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import exact
import numpy as np
import pytest
from fastnn import _core
from fastnn.reference import convolution as reference
from harness import Arrays, Op, OpTests, Real, check_same_bits, configured
from image_tests import Layer, exact_convolution, images, kernels, random_layer, whole

# Few channels and many, borders of all kinds, strides, dilations, groups, kernels that meet only padding, no channels.
LAYERS = [
    Layer(2, 1, 6, (9, 8), (5, 5), padding=(2, 2, 2, 2)),
    Layer(1, 3, 17, (7, 7), (3, 3), (2, 2), (1, 1, 1, 1)),
    Layer(3, 6, 16, (8, 6), (5, 5)),
    Layer(2, 16, 6, (6, 6), (3, 3), padding=(1, 0, 2, 1)),
    Layer(2, 33, 35, (5, 5), (3, 3), padding=(1, 1, 1, 1)),
    Layer(2, 24, 9, (2, 2), (3, 3), padding=(1, 1, 1, 1)),
    Layer(2, 8, 33, (5, 6), (1, 1)),
    Layer(2, 8, 5, (7, 6), (1, 1), (2, 3)),
    Layer(1, 5, 7, (9, 9), (3, 2), (1, 2), (2, 1, 0, 3), (2, 3)),
    Layer(2, 6, 9, (6, 5), (3, 3), (2, 1), (1, 1, 1, 1), groups=3),
    Layer(2, 7, 7, (6, 5), (3, 3), padding=(1, 1, 1, 1), groups=7),
    Layer(2, 19, 19, (6, 11), (3, 3), (1, 1), (1, 1, 1, 1), (1, 2), 19),
    Layer(1, 1, 1, (1, 1), (1, 1)),
    Layer(1, 2, 3, (1, 1), (5, 5), padding=(4, 4, 4, 4)),
    Layer(0, 2, 3, (4, 4), (3, 3)),
    Layer(2, 3, 4, (3, 3), (2, 2), (4, 4), (3, 3, 3, 3)),
    Layer(3, 4, 5, (6, 7), (3, 3), padding=(1, 1, 1, 1)),
]
LARGE = [
    Layer(16, 8, 24, (14, 14), (3, 3), padding=(1, 1, 1, 1)),
    Layer(9, 1, 6, (28, 28), (5, 5), padding=(2, 2, 2, 2)),
    Layer(1, 16, 70, (12, 12), (3, 3), padding=(1, 1, 1, 1)),
]

Draw = Callable[[np.random.Generator, Layer, type], Arrays]


def drawn(*parts: str) -> Draw:
    """Normal values in the order of memory, and the layer's sizes in an array of whole numbers."""

    def draw(rng: np.random.Generator, layer: Layer, dtype: type) -> Arrays:
        def normal(shape: tuple[int, ...]) -> np.ndarray:
            return rng.standard_normal(shape).astype(dtype)

        makers = {"bias": lambda: normal((layer.outputs,))}
        arrays = [makers[part]() if part in makers else getattr(layer, part)(normal) for part in parts]
        return (
            *arrays,
            np.array([*layer.size, *layer.kernel, *layer.stride, *layer.padding, *layer.dilation, layer.groups]),
        )

    return draw


def unpacked(sizes: np.ndarray) -> tuple[tuple, tuple, tuple]:
    """The size of the image, of the kernel, and the other settings."""
    n = [int(value) for value in sizes]
    return tuple(n[:2]), tuple(n[2:4]), (tuple(n[4:6]), tuple(n[6:10]), tuple(n[10:12]), n[12])


def forward_of(module: object, **options: object) -> Callable[..., np.ndarray]:
    def run(x: np.ndarray, weight: np.ndarray, bias: np.ndarray, sizes: np.ndarray) -> np.ndarray:
        return module.conv2d(images(x), kernels(weight), bias, *unpacked(sizes)[2], **options)

    return run


def grad_x_of(module: object) -> Callable[..., np.ndarray]:
    def run(grad_y: np.ndarray, weight: np.ndarray, sizes: np.ndarray) -> np.ndarray:
        size, _, settings = unpacked(sizes)
        return module.conv2d_grad_x(images(grad_y), kernels(weight), size, *settings)

    return run


def grad_weight_of(module: object) -> Callable[..., np.ndarray]:
    def run(grad_y: np.ndarray, x: np.ndarray, sizes: np.ndarray) -> np.ndarray:
        _, kernel, settings = unpacked(sizes)
        return module.conv2d_grad_weight(images(grad_y), images(x), kernel, *settings)

    return run


def on_magnitudes(run: Callable[..., np.ndarray], roundings: Callable[..., int]) -> Callable[..., list[np.ndarray]]:
    """So many roundings on the sum of magnitudes (N3)."""

    def bound(real: Real, truth: Arrays, inputs: Arrays) -> list[np.ndarray]:
        magnitudes = [np.abs(array) if array.dtype.kind == "f" else array for array in inputs]
        return [real.gamma(roundings(*inputs)) * run(*magnitudes)]

    return bound


class TestForward(OpTests):
    op = Op(
        run=forward_of(_core),
        truth=forward_of(reference),
        bound=on_magnitudes(forward_of(reference), lambda x, w, *_: w[..., 0].size + 4),
        draw=drawn("x", "weight", "bias"),
        small=LAYERS,
        large=LARGE,
        takes_out=False,
    )


class TestForwardRelu(OpTests):
    op = Op(
        run=forward_of(_core, relu=True),
        truth=forward_of(reference, relu=True),
        bound=on_magnitudes(forward_of(reference), lambda x, w, *_: w[..., 0].size + 4),
        draw=drawn("x", "weight", "bias"),
        small=LAYERS[::3],
        large=LARGE[:1],
        takes_out=False,
    )


class TestGradX(OpTests):
    op = Op(
        run=grad_x_of(_core),
        truth=grad_x_of(reference),
        bound=on_magnitudes(grad_x_of(reference), lambda g, w, *_: w[:, :, 0].size + 4),
        draw=drawn("y", "weight"),
        small=LAYERS,
        large=LARGE,
        takes_out=False,
    )


class TestGradWeight(OpTests):
    op = Op(
        run=grad_weight_of(_core),
        truth=grad_weight_of(reference),
        bound=on_magnitudes(grad_weight_of(reference), lambda g, *_: g[..., 0].size + 4),
        draw=drawn("y", "x"),
        small=[layer for layer in LAYERS if layer.samples],
        large=LARGE[:1],
        takes_out=False,
    )


class TestGradBias(OpTests):
    op = Op(
        run=lambda grad_y: _core.conv2d_grad_bias(images(grad_y)),
        truth=lambda grad_y: reference.conv2d_grad_bias(images(grad_y)),
        bound=lambda real, truth, inputs: [
            (real.u + inputs[0][..., 0].size * 2.0**-52) * reference.conv2d_grad_bias(images(np.abs(inputs[0])))
        ],
        draw=lambda rng, shape, dtype: (rng.standard_normal(shape).astype(dtype),),
        small=[*((2, 3, 2, n) for n in range(1, 35)), *((n, 2, 1, 5) for n in range(1, 10)), (9, 5, 5, 33)],
        large=[(40, 9, 9, 70)],
        takes_out=False,
    )


def check_integers(rng: np.random.Generator, count: int) -> None:
    """Random layers, forward and gradients, equal those in float64 with tolerance 0, for one to seven threads."""
    for number in range(count):
        layer, dtype = random_layer(rng), (np.float32, np.float64)[number % 2]
        draw = whole(rng, dtype)
        x, weight, grad_y = images(layer.x(draw)), kernels(layer.weight(draw)), images(layer.y(draw))
        if number % 5 == 0:  # PyTorch's order in memory
            x, weight, grad_y = (np.ascontiguousarray(array) for array in (x, weight, grad_y))
        bias = draw((layer.outputs,))
        y, grad_x, grad_weight = exact_convolution(layer, x, weight, grad_y)
        expected = {
            "forward": y + bias[:, np.newaxis, np.newaxis],
            "relu": np.maximum(y + bias[:, np.newaxis, np.newaxis], 0),
            "grad_x": grad_x,
            "grad_weight": grad_weight,
            "grad_bias": grad_y.astype(np.float64).sum((0, 2, 3)),
        }
        _core.set_num_threads((1, 2, 3, 7)[number % 4])
        actual = {
            "forward": _core.conv2d(x, weight, bias, *layer.settings),
            "relu": _core.conv2d(x, weight, bias, *layer.settings, relu=True),
            "grad_x": _core.conv2d_grad_x(grad_y, weight, layer.size, *layer.settings),
            "grad_weight": _core.conv2d_grad_weight(grad_y, x, layer.kernel, *layer.settings),
            "grad_bias": _core.conv2d_grad_bias(grad_y),
        }
        for name, found in actual.items():
            check_same_bits(found, expected[name].astype(dtype) + dtype(0), f"{name} of {layer}")


def test_integers(isa: str, rng: np.random.Generator) -> None:
    """No tolerance at all, over 300 layers."""
    with configured(isa, 1):
        check_integers(rng, 300)


@pytest.mark.slow
def test_many_integers(isa: str, rng: np.random.Generator) -> None:
    with configured(isa, 1):
        check_integers(rng, 3000)


ORDERED = [
    Layer(2, 3, 9, (5, 4), (3, 3), padding=(1, 1, 1, 1)),
    Layer(1, 17, 6, (4, 4), (3, 2), padding=(1, 1, 1, 0)),
    Layer(2, 30, 18, (3, 3), (3, 3), padding=(1, 1, 1, 1)),
    Layer(2, 2, 3, (7, 6), (3, 2), (2, 1), (2, 0, 1, 1), (1, 2)),
    Layer(1, 4, 6, (6, 5), (2, 3), (1, 2), (0, 1, 0, 1), groups=2),
    Layer(3, 3, 3, (17, 16), (3, 2), padding=(1, 0, 1, 1), groups=3),
]


def ordered(layer: Layer, rng: np.random.Generator) -> Arrays:
    def normal(shape: tuple[int, ...]) -> np.ndarray:
        return rng.standard_normal(shape).astype(np.float32)

    return images(layer.x(normal)), kernels(layer.weight(normal)), images(layer.y(normal))


@pytest.mark.parametrize("number", range(len(ORDERED)))
def test_orders(isa: str, number: int, rng: np.random.Generator) -> None:
    """Bit for bit the chains written in NumPy, with exact fused multiply-adds."""
    layer = ORDERED[number]
    x, weight, grad_y = ordered(layer, rng)
    settings = layer.settings
    y = reference.conv2d(x, weight, None, *settings, fma=exact.fma)
    check_same_bits(_core.conv2d(x, weight, None, *settings), y)
    assert np.any(reference.conv2d(x, weight, None, *settings) != y), "another rounding would be seen"
    turned = (np.ascontiguousarray(array[:, ::-1]) for array in (x, weight))
    if layer.groups == 1:
        assert np.any(_core.conv2d(*turned, None, *settings) != y), "another order of channels would be seen"
    found = _core.conv2d_grad_x(grad_y, weight, layer.size, *settings)
    check_same_bits(found, reference.conv2d_grad_x(grad_y, weight, layer.size, *settings, fma=exact.fma))
    found = _core.conv2d_grad_weight(grad_y, x, layer.kernel, *settings)
    check_same_bits(found, reference.conv2d_grad_weight(grad_y, x, layer.kernel, *settings, fma=exact.fma))


def test_chunks_are_part_of_the_order(isa: str, monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator) -> None:
    """Chunks of two samples, the last one of one; with other chunks the bits would differ."""
    layer = Layer(5, 1, 3, (13, 14), (2, 3))
    x, _, grad_y = ordered(layer, rng)
    found = _core.conv2d_grad_weight(grad_y, x, layer.kernel)
    assert reference.chunk_samples(1, layer.size, 3, layer.out_size, 18) == 2
    check_same_bits(found, reference.conv2d_grad_weight(grad_y, x, layer.kernel, fma=exact.fma))
    for other in (1, 4, 8):
        monkeypatch.setattr(reference, "chunk_samples", lambda *_, chunk=other: chunk)
        assert np.any(found != reference.conv2d_grad_weight(grad_y, x, layer.kernel, fma=exact.fma))


def test_bias_sums_are_double(isa: str, rng: np.random.Generator) -> None:
    """Bit for bit the chains in float64; in float32, or all pixels in one chain, they would differ."""
    grad_y = images((rng.standard_normal((70, 6, 7, 5)) * 10.0 ** rng.integers(-3, 4, 5)).astype(np.float64))
    check_same_bits(_core.conv2d_grad_bias(grad_y), reference.conv2d_grad_bias(grad_y))
    assert np.any(exact.chain(grad_y.transpose(0, 2, 3, 1).reshape(-1, 5)) != reference.conv2d_grad_bias(grad_y))
    single = grad_y.astype(np.float32)
    check_same_bits(_core.conv2d_grad_bias(single), reference.conv2d_grad_bias(single))
    assert np.any(exact.chain(single.transpose(0, 2, 3, 1).reshape(-1, 5)) != reference.conv2d_grad_bias(single))


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")  # NumPy's, of inf - inf
@pytest.mark.parametrize("layer", [LAYERS[0], LAYERS[3], LAYERS[4], LAYERS[5], LAYERS[9]], ids=str)
def test_padding_meets_nothing(isa: str, threads: int, layer: Layer, rng: np.random.Generator) -> None:
    """An infinite or NaN weight does not meet the padding, nor does such a gradient in the gradient of the weight."""
    x, weight, grad_y = ordered(layer, rng)
    weight[0, 0, 0, 0], weight[-1, 0, -1, -1] = np.inf, np.nan
    grad_y[0, 0, 0, 0], grad_y[-1, -1, -1, -1] = np.nan, -np.inf
    expected = reference.conv2d(x, weight, None, *layer.settings)
    assert 0 < np.isfinite(expected[:, 0]).mean() < 1
    for found, wanted in (
        (_core.conv2d(x, weight, None, *layer.settings), expected),
        (
            _core.conv2d_grad_x(grad_y, weight, layer.size, *layer.settings),
            reference.conv2d_grad_x(grad_y, weight, layer.size, *layer.settings),
        ),
        (
            _core.conv2d_grad_weight(grad_y, x, layer.kernel, *layer.settings),
            reference.conv2d_grad_weight(grad_y, x, layer.kernel, *layer.settings),
        ),
    ):
        assert np.array_equal(np.isnan(found), np.isnan(wanted))
        assert np.array_equal(np.isinf(found), np.isinf(wanted))


@contextmanager
def little_memory(more: int) -> Iterator[None]:
    """So many bytes beyond what the process has now."""
    limits = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + more, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)


@pytest.mark.parametrize("channels", [1, 3, 8, 64])
@pytest.mark.parametrize("outputs", [6, 16, 128])
def test_far_taps_take_no_memory(isa: str, channels: int, outputs: int, rng: np.random.Generator) -> None:
    """Taps a million pixels apart, of which the middle one alone meets the image: no zeros are laid out for the others,
    and the bits are its own.
    """
    far = 10**6
    x, weight, grad_y = (
        rng.standard_normal(shape).astype(np.float32)
        for shape in ((2, channels, 8, 8), (outputs, channels, 3, 3), (2, outputs, 8, 8))
    )
    for rows, columns in ((1, far), (far, 1), (far, far)):
        settings = ([1, 1], [rows, columns, rows, columns], [rows, columns], 1)
        near = np.s_[:, :, 1:2, 1:2] if rows == columns else np.s_[:, :, :, 1:2] if rows == 1 else np.s_[:, :, 1:2, :]
        beside = [int(rows == 1), int(columns == 1)] * 2
        middle = np.ascontiguousarray(weight[near])
        with little_memory(256 << 20):
            found = _core.conv2d(x, weight, None, *settings)
            grad_x = _core.conv2d_grad_x(grad_y, weight, [8, 8], *settings)
            grad_weight = _core.conv2d_grad_weight(grad_y, x, [3, 3], *settings)
        check_same_bits(found, _core.conv2d(x, middle, None, [1, 1], beside))
        check_same_bits(grad_x, _core.conv2d_grad_x(grad_y, middle, [8, 8], [1, 1], beside))
        kernel = list(middle.shape[2:])
        check_same_bits(grad_weight[near], _core.conv2d_grad_weight(grad_y, x, kernel, [1, 1], beside))
        assert np.count_nonzero(grad_weight) == middle.size


def test_a_far_frame_takes_no_memory(rng: np.random.Generator) -> None:
    """A padding of which few outputs are made."""
    x, weight = rng.standard_normal((2, 3, 8, 8)), rng.standard_normal((4, 3, 3, 3))
    with little_memory(256 << 20):
        y = _core.conv2d(x, weight, None, [10**5, 10**5], [10**5] * 4)
    expected = np.zeros((2, 4, 3, 3))
    expected[:, :, 1, 1] = np.einsum("ncij,ocij->no", x[:, :, :3, :3], weight)
    np.testing.assert_allclose(y, expected, rtol=1e-12, atol=1e-12)


def test_results_lie_as_the_core_reads_them() -> None:
    """Channels last, and kernels [kh][kw][I][O]: the next op copies nothing."""
    layer = LAYERS[3]
    x, weight, grad_y = ordered(layer, np.random.default_rng(0))
    assert _core.conv2d(x, weight, None, *layer.settings).transpose(0, 2, 3, 1).flags.c_contiguous
    grad_x = _core.conv2d_grad_x(grad_y, weight, layer.size, *layer.settings)
    assert grad_x.transpose(0, 2, 3, 1).flags.c_contiguous
    grad_weight = _core.conv2d_grad_weight(grad_y, x, layer.kernel, *layer.settings)
    assert grad_weight.transpose(2, 3, 1, 0).flags.c_contiguous


def call(**changed: object) -> np.ndarray:
    arguments = {"x": np.zeros((2, 3, 8, 8), np.float32), "weight": np.zeros((4, 3, 3, 3), np.float32), **changed}
    return _core.conv2d(**arguments)


def zeros(*shape: int) -> np.ndarray:
    return np.zeros(shape, np.float32)


LARGER = "is larger than the image"
ERRORS = {
    "grey": ({"x": zeros(2, 1, 8, 8)}, r"expected 3 channels, got 1: x has shape \(2, 1, 8, 8\).*Grayscale\(3\)"),
    "colour": ({"weight": zeros(4, 1, 3, 3)}, r"expected 1 channel, got 3.*Grayscale\(\)"),
    "last": ({"x": zeros(2, 8, 8, 3)}, r"expected 3 channels, got 8.*channels last\? use x.permute\(0, 3, 1, 2\)"),
    "one image": ({"x": zeros(3, 8, 8)}, r"x has shape \(3, 8, 8\): images are \(N, C, H, W\); .*unsqueeze\(0\)"),
    "rows": ({"x": zeros(2, 64)}, r"x has shape \(2, 64\).*view\(-1, 1, 28, 28\)"),
    "kernel": ({"x": zeros(2, 3, 2, 8)}, f"the kernel of 3 x 3 pixels {LARGER}: 2 x 8, with padding 2 x 8"),
    "dilated": ({"dilation": [4, 4]}, rf"the kernel of 9 x 9 pixels \(dilated\) {LARGER}: 8 x 8"),
    "groups": ({"groups": 3, "weight": zeros(4, 1, 3, 3)}, "3 groups do not divide 3 input and 4 output channels"),
    "no outputs": ({"weight": zeros(0, 3, 3, 3)}, "the weight has 0 outputs; it must have at least 1"),
    "no groups": ({"groups": 0}, "groups is 0; it must be at least 1"),
    "stride": ({"stride": [0, 1]}, "stride is 0; it must be at least 1"),
    "padding": ({"padding": [-1, 0, 0, 0]}, "padding is -1; it must be at least 0"),
    "paddings": ({"padding": [1, 1]}, "padding needs 4 numbers, got 2"),
    "far": ({"padding": [2**40, 0, 0, 0]}, "padding is 1099511627776, more than any image has pixels"),
    "bias": ({"bias": zeros(5)}, r"bias has shape \(5,\), weight has 4 outputs"),
}


def test_no_outputs_have_no_gradients() -> None:
    for wrong in (
        lambda: _core.conv2d_grad_x(zeros(2, 0, 6, 6), zeros(0, 3, 3, 3), [8, 8]),
        lambda: _core.conv2d_grad_weight(zeros(2, 0, 6, 6), zeros(2, 3, 8, 8), [3, 3]),
    ):
        with pytest.raises(ValueError, match="the weight has 0 outputs"):
            wrong()


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name: str) -> None:
    changed, message = ERRORS[name]
    with pytest.raises(ValueError, match=rf"^\[conv2d\] .*{message}"):
        call(**changed)


def test_huge_results_are_refused_before_they_are_made() -> None:
    """32 million by 32 million pixels of padding."""
    with pytest.raises((ValueError, MemoryError)):
        call(padding=[2**20, 2**20, 2**20, 2**20])
