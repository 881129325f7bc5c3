"""Plans of convolution, pooling and batch norm give the bits of eager code, whoever runs them."""

from __future__ import annotations

import hashlib
import re
from functools import cache
from typing import Any

import numpy as np
import pytest
from fastnn import _core, models, nn, optim, random
from fastnn.eager.tensor import Tensor
from fastnn.engine.plan import Plan
from harness import configured
from image_models import MODELS, images
from models import bits, eager_step, train

SIZES = [37, 16, 5]  # whole chunks of samples and a part of one; the last batch is short
STEPS = 20


def run(name: str, dtype: type, compiled: bool) -> tuple[list[bytes], dict[str, Any]]:
    def build() -> tuple[nn.Module, Any, optim.Optimizer]:
        model = MODELS[name][0]().to(dtype)
        return model, nn.CrossEntropyLoss(), optim.Adam(model.parameters(), lr=0.01)

    return train(build, images(name, SIZES, dtype), compiled)


@cache
def expected(name: str, dtype: type) -> tuple[list[bytes], dict[str, Any]]:
    with configured("", 1):
        return run(name, dtype, compiled=False)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", MODELS)
def test_plan_equals_eager(isa: str, threads: int, name: str, dtype: type) -> None:
    """Losses, parameters, the optimizer's state, and the running values of batch norm with their count."""
    assert run(name, dtype, compiled=True) == expected(name, dtype)


class Training:
    """A model with its batches, to be trained a few steps at a time."""

    def __init__(self, name: str) -> None:
        random.manual_seed(3)
        self.model = MODELS[name][0]()
        self.optimizer = optim.SGD(self.model.parameters(), lr=0.05, momentum=0.9)
        self.plan = Plan(self.model, nn.CrossEntropyLoss(), self.optimizer)
        self.batches = images(name, [16, 16, 16, 9])

    def steps(self, first: int, end: int, compiled: bool) -> None:
        for step in range(first, end):
            x, y = self.batches[step % 4]
            if compiled:
                self.plan.step(x, y)
            else:
                eager_step(self.model, nn.CrossEntropyLoss(), self.optimizer, x, y)

    def sha256(self) -> str:
        return hashlib.sha256(repr(bits(self.model, self.optimizer)).encode()).hexdigest()


def trained(name: str, compiled: bool = True) -> str:
    training = Training(name)
    training.steps(0, STEPS, compiled)
    return training.sha256()


@cache
def hash_of(name: str) -> str:
    with configured("", 1):
        return trained(name, compiled=False)


@pytest.mark.parametrize("threads", [1, 2, 3, 7])
@pytest.mark.parametrize("name", ["lenet", "residual"])
def test_hashes_are_equal_everywhere(isa: str, threads: int, name: str) -> None:
    with configured(isa, threads):
        assert trained(name) == hash_of(name)


@pytest.mark.parametrize("name", ["lenet", "residual"])
def test_resumed_training(name: str) -> None:
    """Its state goes from plan to eager code to another plan: what a step changes of modules goes with it."""
    first, second = Training(name), Training(name)
    first.steps(0, 7, compiled=True)
    first.steps(7, 9, compiled=False)
    assert first.sha256() != hash_of(name)
    second.model.load_state_dict(first.model.state_dict())
    second.optimizer.load_state_dict(first.optimizer.state_dict())
    for one, other in zip(first.model.modules(), second.model.modules(), strict=True):
        if isinstance(one, nn.Dropout):
            other.number, other.calls = one.number, one.calls
    second.steps(9, STEPS, compiled=True)
    assert second.sha256() == hash_of(name)


@pytest.mark.parametrize("name", MODELS)
def test_gradients_in_one_piece(name: str) -> None:
    """With an arena the gradients are kept, and updates are apart from what makes them."""
    results = []
    for arena in (False, True):
        training = Training(name)
        training.plan = Plan(training.model, nn.CrossEntropyLoss(), training.optimizer, arena=arena)
        training.steps(0, 4, compiled=True)
        results.append(training.sha256())
    assert results[0] == results[1]


@pytest.mark.parametrize("name", MODELS)
def test_evaluation(threads: int, name: str) -> None:
    """With running values; they stay as they are."""
    model = MODELS[name][0]()
    with configured("", threads):
        training = Plan(model, nn.CrossEntropyLoss(), optim.SGD(model.parameters(), lr=0.01))
        training.step(*images(name, [8])[0])
        before = bits(model, training.optimizer)
        for x, _ in images(name, [8, 1, 3]):
            model.eval()
            wanted = model(Tensor(x)).detach().numpy()
            model.train()
            assert Plan(model).forward(x).numpy().tobytes() == wanted.tobytes()
        assert bits(model, training.optimizer) == before


@pytest.mark.parametrize("name", MODELS)
def test_batches_of_nothing_and_of_one(name: str) -> None:
    """None is refused, by the loss or by batch norm; one is, where batch norm would have one value a channel."""
    for size in (0, 1):
        results = []
        for compiled in (False, True):
            training = Training(name)
            training.batches = images(name, [size])
            before = bits(training.model, training.optimizer)
            try:
                training.steps(0, 1, compiled)
                results.append(training.sha256())
            except ValueError as error:
                results.append(str(error))
                assert re.search("the batch is empty|more than one value a channel", str(error))
                assert bits(training.model, training.optimizer) == before
        assert results[0] == results[1]
        assert (len(results[0]) == 64) == (size == 1 and name != "odd")
    with pytest.raises(ValueError, match=r"the batch is empty|more than one value"):
        training.plan.forward(images(name, [0])[0][0])


def test_running_values_are_seen_between_steps() -> None:
    """After each step, whoever looks; and a plan goes on from values that somebody set."""
    training, plain = Training("residual"), Training("residual")
    for step in range(4):
        for each, compiled in ((training, True), (plain, False)):
            each.steps(step, step + 1, compiled)
        norms = [each.model[1] for each in (training, plain)]
        assert norms[0].num_batches_tracked.item() == step + 1
        np.testing.assert_array_equal(norms[0].running_var.numpy(), norms[1].running_var.numpy())
        if step == 1:
            for norm in norms:
                norm.running_mean = Tensor(np.full(8, 0.5, np.float32))
    assert training.sha256() == plain.sha256()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e-42])
@pytest.mark.parametrize("where", ["input", "weight"])
def test_special_values(where: str, value: float) -> None:
    """They go where they go in eager code."""
    results = []
    for compiled in (False, True):
        training = Training("lenet")
        if where == "input":
            training.batches[0][0][2, 0, 0, 0] = value
        else:
            data = training.model.conv2.weight.detach().numpy().copy()
            data[1, 2, 0, 0] = value
            training.model.conv2.weight.data = Tensor(data)
        training.steps(0, 2, compiled)
        results.append({name: t.numpy() for name, t in training.model.state_dict().items()})
    for name, plain in results[0].items():
        np.testing.assert_array_equal(results[1][name], plain)


def test_samples_go_through_lenet_in_chains() -> None:
    """One to the dense layers, one back from them, the gradients of each chunk's weights included."""
    training = Training("lenet")
    x, y = images("lenet", [64])[0]
    phases = training.plan.core.phases(training.plan.train_program(x, y).number)
    forward, backward, update = phases[0], phases[-2], phases[-1]
    layer = ["conv2d", "max_pool2d"]
    assert forward == ["rows", "gather", "gather", *layer, *layer, "copy"]
    assert backward[0] == "rows" and backward.count("max_pool2d_backward") == backward.count("conv2d_grad_weight") == 2
    assert update.count("conv2d_update") == update.count("conv2d_bias_update") == 2


def test_dense_layers_leave_chains_of_large_images() -> None:
    """They would have a sample or two at a time."""
    model = models.lenet((3, 64, 64))
    plan = Plan(model, nn.CrossEntropyLoss(), optim.SGD(model.parameters(), lr=0.1))
    x = np.random.default_rng(1).standard_normal((64, 3, 64, 64)).astype(np.float32)
    phases = plan.core.phases(plan.train_program(x, np.zeros(64, np.int64)).number)
    chains = [phase[1:] for phase in phases if phase[0] == "rows"]
    assert any("dense_grad_x" in chain for chain in chains)
    assert not any("dense_grad_x" in chain and "conv2d_grad_x" in chain for chain in chains)


def test_a_chunk_of_samples_goes_through_a_chain_together() -> None:
    """A gradient is summed over chunks of two samples, of which what comes next in the chain leaves nothing."""
    samples, side = 18, 12  # 9 chunks in 4 blocks of a chain: cut evenly, two blocks would end inside of a chunk
    core = _core.Plan()
    core.program()
    rng = np.random.default_rng(5)

    def view(shape: list[int], stride: list[int]) -> int:
        return core.view(core.buffer(4 * int(np.prod(shape))), 0, shape, stride, "float32")

    shape, strides = [samples, 1, side, side], [side * side, 1, side, 1]
    grad, x = (view(shape, strides) for _ in range(2))
    weight = view([1, 1, 3, 3], [1, 1, 3, 1])
    window = {"stride": [1, 1], "padding": [1, 1, 1, 1], "dilation": [1, 1], "groups": 1}
    core.emit(0, "conv2d_grad_weight", [grad, x], [weight], {**window, "kernel_size": [3, 3]})
    core.emit(0, "exp", [grad], [grad], {})
    core.set_io(0, x, -1, -1, -1)
    values = [rng.standard_normal(shape).astype(np.float32) for _ in range(2)]
    for place, array in zip((grad, x), values, strict=True):
        core.write(place, array)
    assert core.phases(0)[0] == ["rows", "gather", "conv2d_grad_weight", "exp"]
    with configured("", 1):
        core.step(0)
    found = np.zeros((1, 1, 3, 3), np.float32)
    core.read(weight, found)
    assert found.tobytes() == _core.conv2d_grad_weight(*values, [3, 3], [1, 1], [1, 1, 1, 1]).tobytes()
