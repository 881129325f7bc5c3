"""Networks as C give the bits that fastnn gives: those of every ISA, by the scalar one."""

from __future__ import annotations

import itertools
import platform
from collections.abc import Iterator
from pathlib import Path

import fastnn
import image_models
import numpy as np
import pytest
import random_networks
from c_programs import COMPILER, check_clean, check_same_bits
from fastnn import _core, c_source, keras, models, nn
from fastnn.c_source.ops import OPS
from fastnn.eager.tensor import Tensor
from fastnn.nn.module import Module
from fastnn.training.structure import known_classes

pytestmark = pytest.mark.skipif(COMPILER is None, reason="needs a C compiler")
RNG = np.random.default_rng(3)
FACTORS = (1549, 10831)  # of 2^24 + 3


@pytest.fixture(autouse=True)
def by_the_scalar_kernels() -> Iterator[None]:
    before = _core.isa()
    _core.set_isa("scalar")
    fastnn.manual_seed(5)
    yield
    _core.set_isa(before)


def samples(*shape: int) -> np.ndarray:
    return RNG.standard_normal((2, *shape)).astype(np.float32)


def used(model: Module) -> Module:
    """With running values that are not those of the start."""
    for buffer in model.buffers():
        if buffer.is_floating_point():
            buffer._data[...] = RNG.uniform(0.5, 1.5, buffer.shape)
    return model


def dense() -> nn.Sequential:
    return nn.Sequential(nn.Linear(33, 20), nn.ReLU(), nn.Dropout(0.5), nn.Linear(20, 9), nn.Softmax(1))


class Activations(nn.Module):
    """All of them, beside each other."""

    def __init__(self) -> None:
        super().__init__()
        plain = [nn.ReLU, nn.ELU, nn.SELU, nn.GELU, nn.SiLU, nn.Mish, nn.Softplus, nn.Softsign, nn.Tanhshrink, nn.Tanh]
        plain += [nn.Hardtanh, nn.ReLU6, nn.Hardsigmoid, nn.Hardswish, nn.LogSigmoid, nn.Sigmoid, nn.PReLU]
        given = [nn.LeakyReLU(0.1), nn.CELU(0.5), nn.GELU("tanh"), nn.Softplus(2.0), nn.Softmax(1), nn.LogSoftmax(1)]
        self.parts = nn.ModuleList([*(kind() for kind in plain), *given, nn.Softmin(1)])

    def forward(self, x: Tensor) -> Tensor:
        return fastnn.cat([part(x) for part in self.parts], 1)


class Operations(nn.Module):
    """What is no layer: reductions, products, powers, views that are turned and repeated."""

    def forward(self, x: Tensor) -> Tensor:
        roots = (x * x + 1) ** 0.5 + (x * x + 0.3) ** -1.3 + (x * x + 0.1).log() - x.clamp(-0.5) ** 3 / 7
        largest, sums = (x @ x.transpose(1, 2)).max(2)[0], x.exp().sum(1, keepdim=True) * x
        return fastnn.cat([largest, roots.mean(2), sums.sum(2), x.permute(0, 2, 1).reshape(1, -1)], 1)


def sequences() -> nn.Sequential:
    layers = [nn.Conv1d(3, 8, 5, padding=2), nn.BatchNorm1d(8), nn.ReLU(), nn.MaxPool1d(2), nn.AvgPool1d(3)]
    layers += [nn.Dropout1d(), nn.ZeroPad1d(1), nn.ConstantPad1d((0, 2), 0.5), nn.AdaptiveAvgPool1d(9)]
    layers += [nn.AdaptiveMaxPool1d(5), nn.Flatten(), nn.LayerNorm(40), nn.Linear(40, 6)]
    return nn.Sequential(*layers, nn.Unflatten(1, (2, 3)))


def pictures() -> nn.Sequential:
    layers = [nn.ConvTranspose2d(3, 8, (3, 2), 2, 1, 1), nn.GroupNorm(2, 8), nn.AvgPool2d(3, 2, 1, True, False)]
    layers += [nn.ConvTranspose2d(8, 4, 3, dilation=2, groups=2), nn.AdaptiveMaxPool2d((3, 4)), nn.AdaptiveAvgPool2d(2)]
    layers += [nn.Dropout2d(), nn.Upsample(size=(5, 6)), nn.UpsamplingNearest2d(scale_factor=2), nn.ZeroPad2d(1)]
    return nn.Sequential(*layers, nn.ConstantPad2d((1, 0, 2, 1), 2.5))


def keras_model() -> Module:
    layers = keras.layers
    model = keras.models.Sequential(
        [
            layers.Input((12, 10, 2)),
            layers.Conv2D(5, 3, padding="same", activation="relu"),
            layers.BatchNormalization(),
            layers.DepthwiseConv2D(3, strides=2, activation="gelu"),
            layers.MaxPooling2D(),
            layers.Dropout(0.5),
            layers.Flatten(),
            layers.Dense(6, activation="tanh"),
            layers.Dense(4, activation="softmax"),
        ]
    )
    return used(model.net)


NETWORKS = {
    "dense": (dense, (33,)),
    "Network": (lambda: fastnn.Network(40, 17, 5), (40,)),
    "lenet5": (models.lenet5, (1, 28, 28)),
    "residual": (lambda: used(image_models.residual()), (3, 12, 12)),
    "activations": (Activations, (37,)),
    "operations": (Operations, (5, 7)),
    "sequences": (lambda: used(sequences()), (3, 64)),
    "pictures": (pictures, (3, 6, 7)),
    "keras": (keras_model, (12, 10, 2)),
    "nothing": (nn.Identity, (4,)),
}


class Root(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return (x * x + 0.1) ** 0.3


ALONE = [nn.ReLU(), nn.ELU(), nn.GELU(), nn.SiLU(), nn.Softplus(), nn.Tanh(), nn.Sigmoid(), nn.Softmax(1), Root()]
ALONE += [nn.LeakyReLU(), nn.LogSoftmax(1), nn.Hardtanh()]


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network(name: str, tmp_path: Path) -> None:
    make, shape = NETWORKS[name]
    check_same_bits(tmp_path, make(), samples(*shape))


@pytest.mark.parametrize("name", [*NETWORKS, *(layer.__class__.__name__ for layer in ALONE)])
def test_no_warning_in_c_and_cpp(name: str, tmp_path: Path) -> None:
    """Of gcc and clang, for each kind of network: what only some of them use is not in others' files."""
    make, shape = NETWORKS.get(name) or (lambda: next(each for each in ALONE if type(each).__name__ == name), (4,))
    pixels = c_source.Pixels((1, 1, int(np.prod(shape))), [0.5], [0.25], ["a", "b"])
    assert check_clean(tmp_path, c_source.text(make(), samples(*shape)[:1], "predict", pixels)) >= 2


def test_every_layer_is_here() -> None:
    """But for models, which are made of them, and what is refused."""
    here = {type(module).__name__ for make, _ in NETWORKS.values() for module in make().modules()}
    assert known_classes().keys() - here == {"BasicBlock", "ResNet", "SmallCNN", "SmallResNet", "Embedding"}


def test_every_op_of_an_evaluation_has_a_c_form() -> None:
    """Others are of gradients, losses, batches and draws."""
    of_training = {"batch_norm", "cross_entropy", "mse", "bce_with_logits", "dropout", "dense_grad_x"}
    without = set(_core.instruction_facts()) - set(OPS) - of_training
    assert {name for name in without if not name.endswith(("_backward", "_grad_weight", "_grad_bias"))} == set()


@pytest.mark.slow
@pytest.mark.parametrize("name, size", [("small_cnn", 32), ("lenet", 64), ("small_resnet", 64)])
def test_a_model(name: str, size: int, tmp_path: Path) -> None:
    check_same_bits(tmp_path, used(models.create(name, (3, size, size), 10)), samples(3, size, size))


def check_random(seeds: range, folder: Path) -> int:
    """How many of them have a C form: batch norm without running values has none."""
    count = 0
    for seed in seeds:
        model, shape = random_networks.network(fastnn, seed)
        unknown = any(isinstance(each, nn.BatchNorm2d) and each.running_mean is None for each in model.modules())
        if not unknown:
            check_same_bits(folder, used(model), samples(*shape), "-O1")
            count += 1
    return count


def test_random_networks(tmp_path: Path) -> None:
    assert check_random(range(4), tmp_path) >= 3


@pytest.mark.slow
def test_many_random_networks(tmp_path: Path) -> None:
    assert check_random(range(4, 84), tmp_path) >= 60


def far_apart() -> tuple[nn.Linear, np.ndarray]:
    """A layer whose chains meet every size of numbers, subnormal, infinite, cancelled, and in its first rows products
    half way between two numbers, beside which there is almost nothing: 24929 * 673 = 2^24 + 1, FACTORS = 2^24 + 3.
    """
    layer, x = nn.Linear(64, 200), samples(64)
    weight = layer.weight._data
    for array, most in ((weight, 100), (layer.bias._data, 60), (x, 60)):
        array *= np.exp2(RNG.integers(-most, most, array.shape)).astype(np.float32)
    weight[:50] *= np.float32(2.0**-60)
    weight[:9], layer.bias._data[:9] = 0, 0
    x[:, :3] = 2.0**-30, 673, FACTORS[0]
    for row, (sign, tiny, place) in enumerate(itertools.product((1, -1), (1, -1), (1, 2))):
        weight[row, 0], weight[row, place] = tiny, sign * (0, 24929, FACTORS[1])[place]
    return layer, x


@pytest.mark.parametrize("flags", [(), ("-mfma",), ("-O0",)], ids=str)
def test_multiply_add_is_rounded_once(flags: tuple[str, ...], tmp_path: Path) -> None:
    """By an instruction and without."""
    if "-mfma" in flags and (platform.machine() != "x86_64" or not dict(_core.isa_levels())["avx2"]):
        pytest.skip("needs a processor with fused multiply-adds")
    check_same_bits(tmp_path, *far_apart(), *flags)


@pytest.mark.parametrize(
    "right, wrong",
    [
        ("if (word.bits % 2 == 0)", "if (0)"),
        ("(lost > 0) == (sum > 0) ? 1 : UINT64_MAX", "1"),
        ("y[j] = y[j] + 0.0f;", "y[j] = y[j] + 0x1p-149f;"),
    ],
)
def test_a_fault_is_seen(right: str, wrong: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layer, x = far_apart()
    text = c_source.text(layer, x[:1])
    assert right in text
    monkeypatch.setattr(c_source, "text", lambda *given: text.replace(right, wrong))
    with pytest.raises(AssertionError):
        check_same_bits(tmp_path, layer, x)
