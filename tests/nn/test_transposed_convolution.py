"""Transposed convolution: the adjoint of a convolution, PyTorch's values, texts and starts, in plans, errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import fastnn
import numpy as np
import pytest
from beside_torch import check_beside_torch, check_texts
from fastnn import nn, optim, random
from fastnn.eager.tensor import Tensor
from fastnn.nn import functional as F
from fastnn.reference import convolution as reference
from harness import configured
from models import train

RNG = np.random.default_rng(8)
ARRAYS = {"x": RNG.standard_normal((3, 4, 5, 3)), "w": RNG.standard_normal((4, 3, 3, 2))}
ARRAYS |= {"b": RNG.standard_normal(3), "c": RNG.standard_normal(6)}
CALLS = [
    "F.conv_transpose2d(x, w)", "F.conv_transpose2d(x, w, b, 2, 1, 1)", "F.conv_transpose2d(x[0], w, b, (3, 1))",
    "F.conv_transpose2d(x, w, c, (2, 3), (1, 0), (1, 2), 2, (2, 1))", "F.conv_transpose2d(x, w, padding=1, dilation=3)",
    "F.conv_transpose2d(x[:, :, :1, :1], w, b, 4, output_padding=3)",
    "F.conv_transpose2d(x.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2), w, b, stride=2)",
]  # fmt: skip


@pytest.mark.parametrize("call", CALLS)
def test_values_and_gradients_are_torchs(call: str) -> None:
    check_beside_torch(call, ARRAYS)


def test_random_sizes_are_torchs() -> None:
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    for _ in range(100):
        groups, (ins, outs) = int(rng.integers(1, 4)), rng.integers(1, 9, 2)
        kernel, stride, dilation = (tuple(map(int, rng.integers(1, 4, 2))) for _ in range(3))
        around = tuple(int(rng.integers(0, d * (k - 1) // 2 + 1)) for k, d in zip(kernel, dilation, strict=True))
        more = tuple(int(rng.integers(0, s)) for s in stride)
        x = rng.standard_normal((int(rng.integers(1, 4)), groups * ins, *rng.integers(1, 7, 2)))
        w = rng.standard_normal((groups * ins, outs, *kernel))
        settings = (stride, around, more, groups, dilation)
        theirs = torch.nn.functional.conv_transpose2d(torch.from_numpy(x), torch.from_numpy(w), None, *settings)
        ours = F.conv_transpose2d(Tensor(x), Tensor(w), None, *settings)
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-12, atol=1e-12)


def test_texts_are_torchs() -> None:
    check_texts(
        [
            "nn.ConvTranspose2d(4, 6, 3)",
            "nn.ConvTranspose2d(4, 6, (3, 2), 2, 1, 1, 2, False, 2)",
            "nn.ConvTranspose2d(1, 2, 4, (2, 1), (1, 0), dilation=(1, 3))",
        ]
    )


def test_values() -> None:
    """By the NumPy reference of a convolution's gradients, exactly for whole numbers."""
    rng = np.random.default_rng(2)
    x, w = rng.integers(-5, 6, (2, 4, 3, 5)).astype(np.float64), rng.integers(-5, 6, (4, 2, 3, 2)).astype(np.float64)
    grad = rng.integers(-5, 6, (2, 4, 6, 5)).astype(np.float64)
    settings = ((2, 1), (1, 1, 1, 1), (1, 2), 2)
    leaves = [Tensor(array, requires_grad=True) for array in (x, w, np.arange(4.0))]
    y = F.conv_transpose2d(*leaves, (2, 1), 1, (1, 0), 2, (1, 2))
    y.backward(Tensor(grad))
    wanted = reference.conv2d_grad_x(x, w, (6, 5), *settings) + np.arange(4.0).reshape(4, 1, 1)
    np.testing.assert_array_equal(y.detach().numpy(), wanted)
    np.testing.assert_array_equal(leaves[0].grad.numpy(), reference.conv2d(grad, w, None, *settings))
    np.testing.assert_array_equal(leaves[1].grad.numpy(), reference.conv2d_grad_weight(x, grad, (3, 2), *settings))
    np.testing.assert_array_equal(leaves[2].grad.numpy(), grad.sum((0, 2, 3)))


def test_it_is_the_adjoint() -> None:
    """<conv(x), y> = <x, transposed(y)>, as whole numbers show exactly."""
    rng = np.random.default_rng(4)
    x, y, w = (Tensor(rng.integers(-4, 5, shape) * 1.0) for shape in ((2, 3, 9, 8), (2, 5, 5, 4), (5, 3, 3, 2)))
    there, back = F.conv2d(x, w, None, 2, (1, 0)), F.conv_transpose2d(y, w, None, 2, (1, 0))
    assert there.shape == y.shape and back.shape == x.shape
    assert (there * y).sum().item() == (x * back).sum().item()


def test_parameters_start_in_torchs_distribution() -> None:
    """The fan in is out_channels / groups kh kw, as PyTorch counts it."""
    random.manual_seed(11)
    layer = nn.ConvTranspose2d(600, 8, (3, 5), groups=2)
    assert [*layer.state_dict()] == ["weight", "bias"] and layer.weight.shape == (600, 4, 3, 5)
    bound = 60**-0.5
    array = layer.weight.detach().numpy()
    assert -bound <= array.min() < -0.99 * bound and 0.99 * bound < array.max() <= bound
    assert array.var(dtype=np.float64) == pytest.approx(bound**2 / 3, rel=5 * np.sqrt(0.8 / array.size))
    assert np.abs(layer.bias.detach().numpy()).max() <= bound
    assert layer.weight._data.transpose(2, 3, 1, 0).flags.c_contiguous


def test_output_size() -> None:
    layer, x = nn.ConvTranspose2d(3, 2, 3, stride=2, padding=1), Tensor(RNG.standard_normal((1, 3, 4, 5)).astype("f4"))
    assert layer(x).shape == (1, 2, 7, 9)
    for wanted in ((8, 9), (7, 10), (1, 2, 8, 10)):
        assert layer(x, output_size=wanted).shape == (1, 2, *wanted[-2:])
    grown = nn.ConvTranspose2d(3, 2, 3, 2, 1, (1, 0))
    grown.load_state_dict(layer.state_dict())
    assert grown(x).tolist() == layer(x, (8, 9)).tolist()


def decoder(dtype: type) -> nn.Module:
    """An autoencoder of images 1x8x8."""
    return nn.Sequential(
        *(nn.Conv2d(1, 8, 3, 2, 1), nn.ReLU(), nn.Conv2d(8, 12, 3, 2, 1), nn.BatchNorm2d(12), nn.LeakyReLU()),
        *(nn.ConvTranspose2d(12, 8, 3, 2, 1, 1, groups=2, bias=False), nn.BatchNorm2d(8), nn.ReLU()),
        *(nn.ConvTranspose2d(8, 1, 2, 2), nn.Sigmoid()),
    ).to(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_plans_have_the_bits_of_eager_code(isa: str, threads: int, dtype: type) -> None:
    """Also with everything on one thread and no vectors."""
    rng = np.random.default_rng(1)
    batches = [(x, x) for x in (rng.random((n, 1, 8, 8)).astype(dtype) for n in (17, 9, 1, 17))]

    def build() -> tuple[nn.Module, Any, optim.Optimizer]:
        model = decoder(dtype)
        return model, nn.MSELoss(), optim.Adam(model.parameters(), lr=0.01)

    found = train(build, batches, compiled=True)
    with configured("scalar", 1):
        assert found == train(build, batches, compiled=False)


def zeros(*shape: int) -> Tensor:
    return fastnn.zeros(*shape)


ERRORS: dict[str, tuple[Callable[[], object], type, str]] = {
    "channels": (
        lambda: nn.Sequential(nn.ConvTranspose2d(3, 4, 3))(zeros(1, 4, 8, 8)),
        ValueError,
        r"layer '0' ConvTranspose2d.*\[conv_transpose2d\] expected 3 channels, got 4: x has shape \(1, 4, 8, 8\)",
    ),
    "rank": (lambda: nn.ConvTranspose2d(3, 4, 3)(zeros(3, 8)), ValueError, r"expected \(N, C, H, W\) or \(C, H, W\)"),
    "groups": (lambda: nn.ConvTranspose2d(3, 4, 3, groups=2), ValueError, "2 groups do not divide 3 input"),
    "F groups": (lambda: F.conv_transpose2d(zeros(1, 3, 4, 4), zeros(3, 4, 3, 3), groups=2), ValueError, "2 groups"),
    "more": (lambda: nn.ConvTranspose2d(3, 4, 3, 2, output_padding=2), ValueError, "must be smaller than the stride"),
    "negative": (lambda: nn.ConvTranspose2d(3, 4, 3, output_padding=-1), ValueError, "-1; it must be at least 0"),
    "F more": (
        lambda: F.conv_transpose2d(zeros(1, 3, 4, 4), zeros(3, 4, 3, 3), output_padding=1),
        ValueError,
        "at least 0 and below the stride",
    ),
    "word": (lambda: nn.ConvTranspose2d(3, 4, 3, padding="same"), ValueError, "padding must be numbers, got 'same'"),
    "padding": (lambda: nn.ConvTranspose2d(3, 4, 3, padding=5)(zeros(1, 3, 4, 4)), ValueError, "leaves nothing of"),
    "size": (
        lambda: nn.ConvTranspose2d(3, 4, 3, 2, 1)(zeros(1, 3, 4, 4), (9, 8)),
        ValueError,
        r"output_size is \(9, 8\); it must be \(7, 7\) to \(8, 8\)",
    ),
    "one size": (lambda: nn.ConvTranspose2d(3, 4, 3)(zeros(1, 3, 4, 4), (6,)), ValueError, r"must be \(6, 6\)"),
    "bias": (
        lambda: F.conv_transpose2d(zeros(1, 3, 4, 4), zeros(3, 4, 3, 3), zeros(1)),
        ValueError,
        r"bias has shape \(1,\), weight has 4 outputs",
    ),
    "weight": (lambda: F.conv_transpose2d(zeros(1, 3, 4, 4), zeros(3, 4, 3)), ValueError, r"\(C, O / groups, kh, kw\)"),
    "huge": (lambda: nn.ConvTranspose2d(3, 4, 3, 2**30)(zeros(1, 3, 4, 4)), ValueError, "more than any image has"),
    "memory": (lambda: nn.ConvTranspose2d(2**30, 2**30, 3), ValueError, "ConvTranspose2d: a weight of .* PiB"),
    "integers": (lambda: nn.ConvTranspose2d(3, 4, 3)(zeros(1, 3, 4, 4).long()), TypeError, "x.float"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name: str) -> None:
    call, kind, message = ERRORS[name]
    with pytest.raises(kind, match=message):
        call()
