"""Convolution, pooling and batch norm as layers: text, starts, gradients, state, the same bits everywhere, errors."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import fastnn
import numpy as np
import pytest
from fastnn import nn, optim, random
from fastnn.eager.tensor import Tensor
from fastnn.engine.plan import Plan
from fastnn.nn import functional as F
from fastnn.reference import batch_norm as batch_norm_reference
from fastnn.reference import convolution as reference
from harness import configured


def drawn(*shape: int, dtype: type = np.float32) -> Tensor:
    return Tensor(np.random.default_rng(5).standard_normal(shape).astype(dtype))


TEXTS = {
    "Conv2d(1, 6, kernel_size=(5, 5), stride=(1, 1), padding=(2, 2))": lambda: nn.Conv2d(1, 6, 5, padding=2),
    "Conv2d(4, 8, kernel_size=(3, 5), stride=(1, 1), padding=same, dilation=(2, 2), groups=2, bias=False)": lambda: (
        nn.Conv2d(4, 8, (3, 5), padding="same", dilation=2, groups=2, bias=False)
    ),
    "MaxPool2d(kernel_size=2, stride=2, padding=1, dilation=1, ceil_mode=False)": lambda: nn.MaxPool2d(2, 2, 1),
    "AvgPool2d(kernel_size=(2, 3), stride=2, padding=0)": lambda: nn.AvgPool2d((2, 3), 2),
    "AdaptiveAvgPool2d(output_size=(1, None))": lambda: nn.AdaptiveAvgPool2d((1, None)),
    "AdaptiveMaxPool2d(output_size=(1, None))": lambda: nn.AdaptiveMaxPool2d((1, None)),
    "BatchNorm2d(6, eps=1e-05, momentum=0.1, affine=True, bias=True, track_running_stats=True)": lambda: nn.BatchNorm2d(
        6
    ),
    "BatchNorm1d(3, eps=0.001, momentum=None, affine=False, bias=False, track_running_stats=False)": lambda: (
        nn.BatchNorm1d(3, 1e-3, None, affine=False, track_running_stats=False)
    ),
}


@pytest.mark.parametrize("text", TEXTS)
def test_text(text: str) -> None:
    """As PyTorch 2.13 prints it."""
    assert repr(TEXTS[text]()) == text


def test_parameters_start_in_torchs_distribution() -> None:
    random.manual_seed(11)
    layer = nn.Conv2d(8, 600, (3, 5), groups=2)
    assert layer.weight.shape == (600, 4, 3, 5) and layer.bias.shape == (600,)
    assert layer.weight._data.transpose(2, 3, 1, 0).flags.c_contiguous
    bound = 60**-0.5
    for array in (layer.weight.detach().numpy(), layer.bias.detach().numpy()):
        assert -bound <= array.min() < -0.99 * bound and 0.99 * bound < array.max() <= bound
        assert array.var(dtype=np.float64) == pytest.approx(bound**2 / 3, rel=5 * np.sqrt(0.8 / array.size))


FUNCTIONS: dict[str, tuple[Callable[..., Tensor], tuple[tuple[int, ...], ...]]] = {
    "conv2d": (
        lambda x, w, b: F.conv2d(x, w, b, (2, 1), (1, 2), (1, 2), 2),
        ((2, 4, 6, 7), (6, 2, 3, 2), (6,)),
    ),
    "conv2d same": (lambda x, w: F.conv2d(x, w, padding="same"), ((1, 2, 4, 3), (3, 2, 2, 3))),
    "one image": (lambda x, w: F.conv2d(x, w), ((2, 4, 3), (3, 2, 2, 3))),
    "max_pool2d": (lambda x: F.max_pool2d(x, 3, 2, 1), ((2, 3, 5, 6),)),
    "avg_pool2d": (lambda x: F.avg_pool2d(x, 2, 1, 1, count_include_pad=False), ((2, 3, 5, 4),)),
    "adaptive": (lambda x: F.adaptive_avg_pool2d(x, (2, None)), ((2, 3, 5, 4),)),
    "adaptive max": (lambda x: F.adaptive_max_pool2d(x, (3, 2)), ((2, 3, 5, 4),)),
    "conv1d": (lambda x, w, b: F.conv1d(x, w, b, 2, 1, 2, 2), ((2, 4, 8), (6, 2, 3), (6,))),
    "transposed": (
        lambda x, w, b: F.conv_transpose2d(x, w, b, (2, 1), 1, (1, 0), 2, (1, 2)),
        ((2, 4, 3, 4), (4, 3, 3, 2), (6,)),
    ),
    "batch_norm": (lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True), ((3, 2, 2, 3), (2,), (2,))),
    "batch_norm rows": (lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True), ((5, 3), (3,), (3,))),
    "batch_norm lines": (lambda x: F.batch_norm(x, None, None, training=True), ((3, 2, 4),)),
    "inference": (
        lambda x, w: F.batch_norm(x, Tensor(np.ones(2)), Tensor(np.full(2, 0.7)), w),
        ((3, 2, 2, 3), (2,)),
    ),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_gradients(name: str) -> None:
    """In float64 beside central differences, through a nonlinear function, for one input after the other."""
    function, shapes = FUNCTIONS[name]
    rng = np.random.default_rng(3)
    arrays = [rng.permutation(np.prod(shape)).reshape(shape) / 10 - 1 for shape in shapes]  # no ties
    leaves = [Tensor(array.copy(), requires_grad=True) for array in arrays]
    (function(*leaves).tanh() ** 2).sum().backward()
    for place, leaf in enumerate(leaves):
        direction = rng.standard_normal(arrays[place].shape)

        def at(distance: float, place: int = place, direction: np.ndarray = direction) -> float:
            moved = [Tensor(a + distance * direction if i == place else a) for i, a in enumerate(arrays)]
            return float((function(*moved).tanh() ** 2).sum())

        found = (8 * (at(1e-4) - at(-1e-4)) - (at(2e-4) - at(-2e-4))) / 12e-4
        assert float(np.sum(leaf.grad.numpy() * direction)) == pytest.approx(found, rel=1e-6, abs=1e-8)


def test_memory_order_does_not_matter(rng: np.random.Generator) -> None:
    """Images in PyTorch's order, channels last, every second row of others: one result, which reads like PyTorch's."""
    memory = rng.standard_normal((3, 5, 6, 4)).astype(np.float32)
    layer = nn.Conv2d(4, 3, 3, padding=1)
    forms = [memory.transpose(0, 3, 1, 2), np.ascontiguousarray(memory.transpose(0, 3, 1, 2))]
    forms.append(np.repeat(forms[1], 2, axis=2)[:, :, ::2])
    results = [layer(Tensor(form)) for form in forms]
    assert len({result.detach().numpy().tobytes() for result in results}) == 1
    y = results[0]
    assert y.flatten(1).tolist() == [np.ravel(image).tolist() for image in np.ascontiguousarray(y.detach().numpy())]
    assert y.view(3, -1)[0, 31].item() == y[0, 1, 0, 1].item()


class Net(nn.Module):
    """Convolution, batch norm and a shortcut, pooling of all kinds, dropout, a head."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(1, 6, 5, padding=2), nn.BatchNorm2d(6)
        self.conv2, self.norm2 = nn.Conv2d(6, 6, 3, padding="same", bias=False), nn.BatchNorm2d(6, momentum=None)
        self.pool, self.mean = nn.MaxPool2d(3, 2, 1), nn.AvgPool2d(2)
        self.drop, self.last = nn.Dropout(0.2), nn.AdaptiveAvgPool2d((2, 1))
        self.hidden, self.norm3, self.out = nn.Linear(12, 9), nn.BatchNorm1d(9), nn.Linear(9, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(self.norm1(self.conv1(x)).relu())
        x = (x + self.norm2(self.conv2(x))).relu()
        x = self.last(self.drop(self.mean(x))).flatten(1)
        return self.out(self.norm3(self.hidden(x)).relu())


def trained(steps: int = 5) -> dict[str, bytes]:
    """The state after some steps of the five-step loop."""
    random.manual_seed(3)
    model = Net()
    optimizer, criterion = optim.Adam(model.parameters(), lr=0.01), nn.CrossEntropyLoss()
    rng = np.random.default_rng(1)
    for size in [8, 8, 5, 8, 8][:steps]:
        x, y = rng.standard_normal((size, 1, 14, 12)).astype(np.float32), rng.integers(0, 10, size)
        loss = criterion(model(Tensor(x)), Tensor(y))
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return {name: value.numpy().tobytes() for name, value in model.state_dict().items()}


def test_the_same_bits_everywhere(isa: str, threads: int) -> None:
    with configured("scalar", 1):
        expected = trained()
    assert trained() == expected


def test_a_network_learns_and_is_evaluated() -> None:
    """Network.fit with the engine it chooses itself, on two kinds of stripes."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 128)
    x = rng.standard_normal((128, 1, 8, 8)).astype(np.float32)
    x[labels == 1, :, ::2] += 1.5
    x[labels == 0, :, :, ::2] += 1.5
    random.manual_seed(0)
    layers = [nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 2)]
    model = nn.Sequential(*layers)
    optimizer, criterion = optim.Adam(model.parameters(), lr=0.02), nn.CrossEntropyLoss()
    first = last = float("nan")
    for epoch in range(4):
        for start in range(0, 128, 32):
            some = slice(start, start + 32)
            loss = criterion(model(Tensor(x[some])), Tensor(labels[some]))
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            first, last = (loss.item() if epoch == start == 0 else first), loss.item()
    assert last < 0.2 < first
    model.eval()
    with fastnn.no_grad():
        assert (model(Tensor(x)).argmax(1).numpy() == labels).mean() > 0.95


def test_a_trainer_falls_back_to_eager_steps() -> None:
    """The attempt to compile leaves no trace: running values and draws are those of the eager engine."""

    def state(engine: str) -> dict[str, bytes]:
        rng = np.random.default_rng(0)
        x, y = rng.standard_normal((40, 1, 8, 8)).astype(np.float32), rng.integers(0, 2, 40)
        random.manual_seed(0)
        layers = [nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.3), nn.Flatten(), nn.Linear(144, 2)]
        model = nn.Sequential(*layers)
        trainer = fastnn.Trainer(model, nn.CrossEntropyLoss(), optim.Adam(model.parameters(), lr=0.02), engine=engine)
        trainer.fit((x, y), epochs=2, batch_size=16)
        assert model[1].num_batches_tracked.item() == 6
        return {name: value.numpy().tobytes() for name, value in model.state_dict().items()}

    assert state("plan") == state("eager")


def test_adaptive_max_pooling() -> None:
    """Windows [floor(i H / n), ceil((i + 1) H / n)); the first of the largest has the gradient, NaN is the largest."""
    rng = np.random.default_rng(3)
    cases = {(2, 3, 7, 5): (3, 2), (1, 2, 4, 6): (2, 3), (2, 1, 3, 2): (5, 4), (1, 1, 1, 9): (1, 4)}
    for shape, wanted in cases.items():
        array = rng.integers(0, 3, shape).astype(np.float64)  # many ties
        grad = rng.standard_normal((*shape[:2], *wanted))
        y, slope = np.zeros(grad.shape), np.zeros(shape)
        for place in np.ndindex(*grad.shape):
            rows, columns = (
                slice(i * size // n, -(-(i + 1) * size // n))
                for i, size, n in zip(place[2:], shape[2:], wanted, strict=True)
            )
            window = array[place[0], place[1], rows, columns]
            at = np.unravel_index(window.argmax(), window.shape)
            y[place] = window[at]
            slope[place[0], place[1], rows.start + at[0], columns.start + at[1]] += grad[place]
        for memory in (array, np.ascontiguousarray(array.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)):
            x = Tensor(memory, requires_grad=True)
            found = nn.AdaptiveMaxPool2d(wanted)(x)
            found.backward(Tensor(grad))
            np.testing.assert_array_equal(found.detach().numpy(), y)
            np.testing.assert_allclose(x.grad.numpy(), slope, rtol=0, atol=1e-15 * 8)
    nan = Tensor(np.array([[[[1, np.nan, 5, np.nan, 2]]]]))
    np.testing.assert_array_equal(F.adaptive_max_pool2d(nan, (1, 2)).numpy(), [[[[np.nan, np.nan]]]])
    assert F.adaptive_max_pool2d(Tensor(np.arange(12.0).reshape(1, 3, 4)), (None, 1)).tolist() == [[[3], [7], [11]]]


def test_running_values() -> None:
    """Moved by momentum with the unbiased variance; by the mean of all batches with momentum None; read in eval()."""
    rng = np.random.default_rng(2)
    batches = [rng.standard_normal((4, 3, 2, 2)) * 2 + 1 for _ in range(3)]
    moving, averaging = nn.BatchNorm2d(3, momentum=0.3).double(), nn.BatchNorm2d(3, momentum=None).double()
    mean, var = np.zeros(3), np.ones(3)
    for batch in batches:
        moving(Tensor(batch))
        averaging(Tensor(batch))
        mean = 0.7 * mean + 0.3 * batch.mean((0, 2, 3))
        var = 0.7 * var + 0.3 * batch.var((0, 2, 3), ddof=1)
    np.testing.assert_allclose(moving.running_mean.numpy(), mean, rtol=1e-13)
    np.testing.assert_allclose(moving.running_var.numpy(), var, rtol=1e-13)
    np.testing.assert_allclose(averaging.running_mean.numpy(), np.mean([b.mean((0, 2, 3)) for b in batches], 0))
    np.testing.assert_allclose(averaging.running_var.numpy(), np.mean([b.var((0, 2, 3), ddof=1) for b in batches], 0))
    assert moving.num_batches_tracked.item() == averaging.num_batches_tracked.item() == 3
    before = {name: value.numpy().copy() for name, value in moving.state_dict().items()}
    y = moving.eval()(Tensor(batches[0]))
    expected = batch_norm_reference.batch_norm_inference(batches[0], np.ones(3), np.zeros(3), mean, var)
    np.testing.assert_allclose(y.detach().numpy(), expected, rtol=1e-12, atol=1e-12)
    assert all(np.array_equal(value.numpy(), before[name]) for name, value in moving.state_dict().items())


def test_state() -> None:
    """PyTorch's names and order; loaded into another model, which then gives the same; copies are their own."""
    model, other = (
        nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)),
        nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)),
    )
    x = drawn(4, 1, 5, 5)
    model(x)
    names = ["0.weight", "0.bias", "1.weight", "1.bias", "1.running_mean", "1.running_var", "1.num_batches_tracked"]
    assert list(model.state_dict()) == names and [name for name, _ in model.named_buffers()] == names[4:]
    other.load_state_dict(model.state_dict())
    assert other.eval()(x).tolist() == model.eval()(x).tolist()
    twin, unpickled = copy.deepcopy(model), pickle.loads(pickle.dumps(model))
    for each in (twin, unpickled):
        assert each[0].weight._data.transpose(2, 3, 1, 0).flags.c_contiguous
    assert unpickled(x).tolist() == model(x).tolist()
    twin.train()(x)
    assert twin[1].num_batches_tracked.item() == 2 and model[1].num_batches_tracked.item() == 1
    assert [tensor.dtype for tensor in twin.double().buffers()] == [fastnn.float64, fastnn.float64, fastnn.int64]
    assert list(nn.BatchNorm2d(2, affine=False, track_running_stats=False).state_dict()) == []


def test_without_running_values_batches_are_normalised_by_their_own() -> None:
    layer, x = nn.BatchNorm1d(3, track_running_stats=False).eval(), drawn(5, 3)
    assert abs(layer(x).detach().numpy().mean(0)).max() < 1e-6


def test_same_padding_keeps_the_size() -> None:
    for kernel, dilation in (((3, 3), 1), ((2, 5), 1), ((4, 3), (2, 1))):
        layer = nn.Conv2d(2, 3, kernel, padding="same", dilation=dilation)
        assert layer(drawn(1, 2, 7, 6)).shape == (1, 3, 7, 6)
    even = nn.Conv2d(1, 1, 2, padding="same", bias=False)
    x = drawn(1, 1, 3, 3)
    padded = reference.conv2d(np.pad(x.numpy(), [(0, 0), (0, 0), (0, 1), (0, 1)]), even.weight.detach().numpy())
    np.testing.assert_allclose(even(x).detach().numpy(), padded, rtol=1e-5, atol=1e-6)


ERRORS: dict[str, tuple[Callable[[], Any], type, str]] = {
    "path": (
        lambda: nn.Sequential(nn.Conv2d(1, 2, 3), nn.Sequential(nn.Conv2d(3, 2, 3)))(drawn(1, 1, 8, 8)),
        ValueError,
        r"layer '1.0' Conv2d\(3, 2, .*expected 3 channels, got 2",
    ),
    "head": (
        lambda: nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(10, 2))(drawn(1, 1, 8, 8)),
        ValueError,
        r"layer '2' Linear.*weight has 10 inputs, x has shape \(1, 72\).*; Linear\(72, 2\) would fit",
    ),
    "grey": (
        lambda: nn.Conv2d(3, 4, 3)(drawn(2, 1, 8, 8)),
        ValueError,
        r"got 1: .* a grey image for a network of 3 channels: Grayscale\(3\), or a first layer of 1 channel",
    ),
    "one grey": (lambda: nn.Conv2d(3, 4, 3)(drawn(1, 8, 8)), ValueError, r"one image \(C, H, W\); a grey image for a"),
    "last": (lambda: nn.Conv2d(3, 4, 3)(drawn(2, 8, 8, 3)), ValueError, r"channels last\? use x.permute\(0, 3, 1, 2\)"),
    "grey last": (
        lambda: nn.Conv2d(3, 4, 3)(drawn(2, 8, 8, 1)),
        ValueError,
        r"got 8: .*last dimension is 1: channels last\? use x.permute\(0, 3, 1, 2\), and Grayscale\(3\)",
    ),
    "one last": (lambda: nn.Conv2d(3, 4, 3)(drawn(8, 8, 3)), ValueError, r"channels last\? use x.permute\(2, 0, 1\)"),
    "no channel": (
        lambda: nn.Conv2d(1, 4, 3)(drawn(16, 8, 8)),
        ValueError,
        r"expected 1 channel, got 16: x has shape \(16, 8, 8\), one image .* grey images needs x.unsqueeze\(1\)",
    ),
    "rows": (
        lambda: nn.Conv2d(1, 4, 3)(drawn(2, 64)),
        ValueError,
        r"images are \(N, C, H, W\); rows of pixels need view",
    ),
    "integers": (
        lambda: nn.Sequential(nn.Conv2d(1, 2, 3))(Tensor(np.zeros((1, 1, 4, 4), np.uint8))),
        TypeError,
        r"^layer '0' Conv2d.*: images must be float32 or float64, got torch.uint8: x.float\(\) / 255",
    ),
    "large": (
        lambda: nn.Sequential(nn.Conv2d(1, 2, 5), nn.MaxPool2d(3))(drawn(1, 1, 6, 6)),
        ValueError,
        "layer '1' MaxPool2d.*kernel of 3 x 3 pixels is larger than the image: 2 x 2, with padding 2 x 2",
    ),
    "no image": (lambda: nn.MaxPool2d(10**30)(drawn(1, 1, 4, 4)), ValueError, "no image has so many pixels"),
    "no stride": (lambda: nn.Conv2d(1, 2, 3, stride=10**30), ValueError, "no image has so many pixels"),
    "sizes": (lambda: nn.AdaptiveAvgPool2d((1, 2, 3))(drawn(1, 1, 4, 4)), TypeError, r"two of them .* got \(1, 2, 3\)"),
    "windows": (lambda: nn.AdaptiveMaxPool2d((10**9, 2))(drawn(1, 1, 4, 4)), ValueError, "must be from 1 to 65536"),
    "no memory": (
        lambda: nn.AdaptiveMaxPool2d(2**16)(Tensor(np.zeros((64, 64, 4, 4), np.float32))),
        ValueError,
        r"\[adaptive_max_pool2d\] a result of shape \(64, 64, 65536, 65536\) needs .* PiB",
    ),
    "divisor": (
        lambda: nn.AvgPool2d(2, divisor_override=0)(drawn(1, 1, 4, 4)),
        ValueError,
        "is 0; it must be at least",
    ),
    "large divisor": (
        lambda: nn.AvgPool2d(2, divisor_override=10**30)(drawn(1, 1, 4, 4)),
        ValueError,
        "divisor_override is 10*: no image has so many pixels",
    ),
    "no pixels": (lambda: nn.AdaptiveMaxPool2d(2)(drawn(1, 3, 0, 4)), ValueError, r"got shape \(1, 3, 0, 4\)"),
    "adaptive indices": (lambda: nn.AdaptiveMaxPool2d(2, True), ValueError, "return_indices is not supported"),
    "groups": (
        lambda: nn.Conv2d(3, 4, 3, groups=2),
        ValueError,
        "2 groups do not divide 3 input and 4 output channels",
    ),
    "negative": (lambda: nn.Conv2d(3, -4, 3), ValueError, "out_channels is -4; it must be at least 1"),
    "fraction": (lambda: nn.Conv2d(3, 4, 2.5), TypeError, "kernel_size must be an integer or two of them"),
    "three": (lambda: nn.Conv2d(3, 4, (1, 2, 3)), TypeError, "kernel_size must be an integer or two of them"),
    "zero": (lambda: nn.Conv2d(3, 4, 3, stride=0), ValueError, "stride is 0; it must be at least 1"),
    "padding": (lambda: nn.Conv2d(3, 4, 3, padding=-1), ValueError, "padding is -1; it must be at least 0"),
    "word": (lambda: nn.Conv2d(3, 4, 3, padding="full"), ValueError, "'same' or 'valid', got 'full'"),
    "same": (lambda: nn.Conv2d(3, 4, 3, 2, padding="same"), ValueError, "padding='same' needs stride 1"),
    "mode": (lambda: nn.Conv2d(3, 4, 3, padding_mode="reflect"), ValueError, "padding_mode must be 'zeros'"),
    "huge": (lambda: nn.Conv2d(2**30, 2**30, 3), ValueError, "PiB; check the sizes"),
    "indices": (lambda: nn.MaxPool2d(2, return_indices=True), ValueError, "return_indices is not supported"),
    "F indices": (lambda: F.max_pool2d(drawn(1, 1, 4, 4), 2, return_indices=True), ValueError, "return_indices"),
    "features": (lambda: nn.BatchNorm2d(3)(drawn(2, 4, 3, 3)), ValueError, "has 3 features, x has shape"),
    "rank": (
        lambda: nn.BatchNorm2d(3)(drawn(2, 3)),
        ValueError,
        r"BatchNorm2d takes \(N, C, H, W\), got shape \(2, 3\)",
    ),
    "one": (lambda: nn.BatchNorm1d(3)(drawn(1, 3)), ValueError, "training needs more than one value a channel"),
    "dtype": (
        lambda: nn.Sequential(nn.Conv2d(1, 1, 1))(Tensor(np.zeros((1, 1, 2, 2)))),
        TypeError,
        r"^layer '0' Conv2d.*: \[conv2d\] weight must be float64, got float32",
    ),
    "not flat": (
        lambda: nn.Sequential(nn.Conv2d(1, 2, 3), nn.Linear(72, 2))(drawn(5, 1, 8, 8)),
        ValueError,
        r"layer '1' Linear.*x has shape \(5, 2, 6, 6\): 6 features.*; nn.Flatten\(\) before it makes rows of 72",
    ),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name: str) -> None:
    call, kind, message = ERRORS[name]
    with pytest.raises(kind, match=message):
        call()


def test_errors_of_python_code_stay_as_they_are() -> None:
    class Wrong(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x + len(3)

    with pytest.raises(TypeError, match=r"^object of type 'int' has no len\(\)$"):
        nn.Sequential(Wrong())(drawn(1, 2))


def test_a_failed_forward_counts_no_batch() -> None:
    """A batch that is refused leaves the running values and their count as they were."""
    layer = nn.BatchNorm1d(2)
    with pytest.raises(ValueError, match="more than one value"):
        layer(drawn(1, 2))
    assert layer.num_batches_tracked.item() == 0 and layer.running_mean.tolist() == [0, 0]


EMPTY: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...], tuple[int, ...]]] = {
    "conv2d": (lambda: nn.Conv2d(3, 4, 3), (3, 8, 8), (4, 6, 6)),
    "conv1d": (lambda: nn.Conv1d(3, 4, 3), (3, 8), (4, 6)),
    "transposed": (lambda: nn.ConvTranspose2d(3, 4, 3), (3, 8, 8), (4, 10, 10)),
    "max": (lambda: nn.MaxPool2d(2), (3, 8, 8), (3, 4, 4)),
    "mean": (lambda: nn.AvgPool2d(2), (3, 8, 8), (3, 4, 4)),
    "adaptive": (lambda: nn.AdaptiveAvgPool2d(3), (3, 8, 8), (3, 3, 3)),
    "adaptive max": (lambda: nn.AdaptiveMaxPool2d(3), (3, 8, 8), (3, 3, 3)),
    "evaluation": (lambda: nn.BatchNorm2d(3).eval(), (3, 8, 8), (3, 8, 8)),
    "dense": (lambda: nn.Linear(3, 4), (3,), (4,)),
}


@pytest.mark.parametrize("name", EMPTY)
def test_no_samples_give_none(name: str) -> None:
    """As PyTorch has it, and with gradients of zero: layers of images and dense ones alike."""
    build, shape, expected = EMPTY[name]
    layer = build()
    y = layer(Tensor(np.zeros((0, *shape), np.float32), requires_grad=True))
    assert y.shape == (0, *expected)
    y.sum().backward()
    for parameter in layer.parameters():
        assert not parameter.grad.numpy().any() and parameter.grad.shape == parameter.shape


def test_training_on_no_samples_is_refused() -> None:
    """By the loss, and by batch norm, which counts no batch."""
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(72, 2))
    x, y = drawn(0, 1, 8, 8), Tensor(np.zeros(0, np.int64))
    with pytest.raises(ValueError, match="the batch is empty"):
        nn.CrossEntropyLoss()(model(x), y)
    plan = Plan(model, nn.CrossEntropyLoss(), optim.SGD(model.parameters(), lr=0.1))
    with pytest.raises(ValueError, match="empty"):
        plan.step(x.numpy(), y.numpy())
    norm = nn.BatchNorm2d(1)
    with pytest.raises(ValueError, match="more than one value a channel"):
        norm(x)
    assert norm.num_batches_tracked.item() == 0


def test_running_values_start_anew() -> None:
    layer, x = nn.BatchNorm2d(2), drawn(3, 2, 4, 4)
    fresh = {name: value.tolist() for name, value in layer.state_dict().items()}
    layer(x)
    layer.weight.data.fill_(3.0)
    layer.reset_running_stats()
    assert {name: value.tolist() for name, value in layer.state_dict().items()} == {**fresh, "weight": [3, 3]}
    layer(x)
    layer.reset_parameters()
    assert {name: value.tolist() for name, value in layer.state_dict().items()} == fresh
    nn.BatchNorm1d(2, affine=False, track_running_stats=False).reset_parameters()


def test_running_values_stay_where_they_are_not_tracked_any_more() -> None:
    """As in PyTorch: no batch moves them; in evaluation they are read all the same, where there are any."""
    layer, x = nn.BatchNorm2d(2), drawn(3, 2, 4, 4)
    layer(x)
    before = {name: value.tolist() for name, value in layer.state_dict().items()}
    evaluated = layer.eval()(x).tolist()
    layer.track_running_stats = False
    assert layer.train()(x + 1).detach().numpy().mean() == pytest.approx(0, abs=1e-6)
    assert layer.eval()(x).tolist() == evaluated
    assert {name: value.tolist() for name, value in layer.state_dict().items()} == before
    layer.running_mean = layer.running_var = None
    assert layer(x + 1).detach().numpy().mean() == pytest.approx(0, abs=1e-6)
