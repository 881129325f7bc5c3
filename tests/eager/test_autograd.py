"""The tape: how gradients flow, add up and stop. Their values are in test_gradients."""

from __future__ import annotations

import copy
import pickle
import sys
import threading
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from fastnn import autograd, nn, optim
from fastnn.eager.autograd import enable_grad, is_grad_enabled, no_grad, set_grad_enabled
from fastnn.eager.tensor import Tensor
from fastnn.engine.plan import compile
from fastnn.nn import functional as F
from processes import printed


def leaf(*numbers: float, kind: type = np.float64) -> Tensor:
    return Tensor(np.array(numbers, kind), requires_grad=True)


def test_gradients_add_up_over_uses_and_calls() -> None:
    x, constant = leaf(1.0, 2.0), Tensor([3.0, 3.0])
    loss = (x * x * constant + x).sum()
    loss.backward(retain_graph=True)
    assert x.grad.tolist() == [7.0, 13.0] and constant.grad is None
    loss.backward()
    (2 * x).sum().backward()
    assert x.grad.tolist() == [16.0, 28.0]
    y, h = leaf(5.0), (x * 1).exp()
    (h * h + h).sum().backward()
    x.grad = x.grad - (2 * h * h + h).detach()
    (x * 1).backward(gradient=Tensor([10.0, 20.0]))
    (y.reshape(())).backward()
    assert x.grad.tolist() == pytest.approx([26.0, 48.0]) and y.grad.tolist() == [1.0]


def test_the_graph_is_let_go_of_on_the_way() -> None:
    """Memory of what comes late is free before backward reaches what came early, unless the graph is to stay."""
    x, alive = leaf(-1.0, 0.5), []
    h = x.exp()
    kept, late = weakref.ref(h), h.exp()
    y = late.reshape(2, 1).exp().sum()
    arrays = [weakref.ref(tensor._data) for tensor in (h, late)]
    h._node.backward = lambda g, first=h._node.backward: (alive.append([a() is not None for a in arrays]), first(g))[1]
    del h, late
    y.backward(retain_graph=True)
    y.backward()
    assert alive == [[True, True], [True, False]]
    assert kept() is None and [a() for a in arrays] == [None, None]
    np.testing.assert_allclose(x.grad.numpy(), 2 * np.exp(np.exp(np.exp([-1, 0.5])) + np.exp([-1, 0.5]) + [-1, 0.5]))
    with pytest.raises(RuntimeError, match="second time"):
        y.backward()


def test_uses_add_up_from_the_last_to_the_first() -> None:
    """In float32 the order shows: it is the reverse of the order of making, every time."""
    factors = np.random.default_rng(1).standard_normal(50).astype(np.float32) * 10.0 ** np.arange(-5, 5).repeat(5)
    expected = np.float32(0)
    for factor in factors.astype(np.float32)[::-1]:
        expected += factor
    for _ in range(3):
        x = leaf(1.0, kind=np.float32)
        total = x * float(factors[0])
        for factor in factors[1:]:
            total = total + x * float(factor)
        total.sum().backward()
        assert x.grad.item() == expected


@pytest.mark.parametrize(
    "make", [lambda x: x.sum(), lambda x: (x + x.detach()).sum(), lambda x: x.view(1, -1)[0].sum()]
)
def test_a_gradient_is_memory_of_its_own(make: Callable[[Tensor], Tensor]) -> None:
    x, y = leaf(1.0, 2.0), leaf(3.0, 4.0)
    (make(x) + make(y) + (x + y).sum()).backward()
    x.grad.zero_()
    assert y.grad.tolist() == [2.0, 2.0]
    scalar = leaf(1.0)
    for _ in range(3):  # the gradient of a loss by itself is shared by all: zeroing one must not reach it
        scalar.sum().backward()
        assert scalar.grad.item() == 1.0
        scalar.grad.zero_()
    assert all(unit == 1 for unit in autograd.UNIT.values())


def test_modes_nest() -> None:
    x = leaf(1.0)
    with no_grad():
        assert not (x * 2).requires_grad and not is_grad_enabled()
        with enable_grad():
            assert (x * 2).requires_grad
            with set_grad_enabled(False):
                assert not (x * 2).requires_grad
            assert is_grad_enabled()
        assert not is_grad_enabled()
    assert no_grad()(lambda: (x * 2).requires_grad)() is False
    with pytest.raises(KeyError), no_grad():
        raise KeyError
    assert is_grad_enabled() and (x * 2).requires_grad
    set_grad_enabled(False)
    assert not is_grad_enabled()
    set_grad_enabled(True)


def test_each_thread_has_its_own_mode() -> None:
    seen = []
    with no_grad():
        thread = threading.Thread(target=lambda: seen.append(is_grad_enabled()))
        thread.start()
        thread.join()
    assert seen == [True]


def test_detach_cuts() -> None:
    x = leaf(3.0)
    (x.detach() * x).sum().backward()
    assert x.grad.tolist() == [3.0] and x.detach().is_leaf and not x.data.requires_grad


def test_a_cast_gives_the_gradient_in_the_leaf_s_dtype() -> None:
    x = leaf(1.0, kind=np.float32)
    (x.double() * 2).sum().backward()
    assert x.grad.numpy().dtype == np.float32 and not x.long().requires_grad


@pytest.mark.parametrize(
    "wrong, text",
    [
        (lambda x: x.backward(), r"needs a scalar, this tensor has shape \(2,\)"),
        (lambda x: x.detach().sum().backward(), "does not require grad"),
        (lambda x: x.backward(Tensor([1.0])), r"gradient has shape \(1,\), the tensor has \(2,\)"),
        (lambda x: [y.backward() for y in [x.exp().sum()] * 2], "second time.*retain_graph=True"),
        (lambda x: [(y * 2).sum().backward() for y in [x.exp()] * 2], "second time"),
    ],
)
def test_errors(wrong: Callable[[Tensor], Any], text: str) -> None:
    with pytest.raises(RuntimeError, match=text):
        wrong(leaf(1.0, 2.0))


def test_a_deep_chain_needs_no_deep_stack() -> None:
    found = []

    def run() -> None:
        x = leaf(0.0)
        y = x
        for _ in range(5000):
            y = y + 1
        y.sum().backward()
        found.append((y.item(), x.grad.item()))

    limit, size = sys.getrecursionlimit(), threading.stack_size(256 * 1024)
    try:
        sys.setrecursionlimit(200)
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
    finally:
        sys.setrecursionlimit(limit)
        threading.stack_size(size)
    assert found == [(5000.0, 1.0)]


class TestChangedInPlace:
    """backward() after a change of what it needs: an error, not a wrong gradient."""

    def test_a_step_between_two_losses(self) -> None:
        first, second = nn.Linear(3, 3), nn.Linear(3, 1)
        optimizer = optim.SGD([*first.parameters(), *second.parameters()], lr=0.1)
        x = Tensor(np.ones((2, 3), dtype=np.float32))
        losses = [second(first(x)).sum(), (second(first(x)) ** 2).sum()]
        losses[0].backward()
        optimizer.step()
        with pytest.raises(RuntimeError, match=r"shape \(1, 3\) as Addmm saw it, but it was changed in place since"):
            losses[1].backward()

    @pytest.mark.parametrize(
        "use",
        [
            *(lambda w: w * w, lambda w: w**3.0, lambda w: 1 / w, Tensor.log, F.leaky_relu, F.elu, F.gelu, F.silu),
            *(F.softplus, F.hardtanh, lambda w: F.gelu(w, "tanh"), lambda w: w.clamp(0, 3)),
        ],
    )
    def test_a_leaf(self, use: Callable[[Tensor], Tensor]) -> None:
        w = Tensor(np.ones(3), requires_grad=True)
        loss = use(w).sum()
        with no_grad():
            w += 1
        with pytest.raises(RuntimeError, match="changed in place since"):
            loss.backward()

    def test_what_is_not_needed_may_change(self) -> None:
        w, b = Tensor(np.ones(3), requires_grad=True), Tensor(np.ones(3), requires_grad=True)
        linear = nn.Linear(3, 2)
        loss = (w * 2 + b).sum() + linear(Tensor(np.ones((1, 3), dtype=np.float32))).sum()
        with no_grad():
            for tensor in (w, b, linear.weight, linear.bias):
                tensor += 1
        loss.backward()
        np.testing.assert_array_equal(w.grad.numpy(), [2, 2, 2])
        np.testing.assert_array_equal(linear.weight.grad.numpy(), np.ones((2, 3)))

    def test_before_it_was_used(self) -> None:
        w = Tensor(np.ones(3), requires_grad=True)
        with no_grad():
            w *= 3
        (w * w).sum().backward()
        np.testing.assert_array_equal(w.grad.numpy(), [6, 6, 6])

    def test_in_another_process(self) -> None:
        """A pickle of a tensor that was changed often, read where little has happened so far."""
        code = """
import copy
import pickle, sys
from fastnn import Tensor
x, w = pickle.loads(bytes.fromhex(sys.argv[1])), Tensor([2.0, 3.0]).requires_grad_()
(x * w).sum().backward()
print(w.grad.tolist())
"""
        x = Tensor(np.zeros(2))
        for _ in range(1000):
            x += 1
        assert printed(code, pickle.dumps(x).hex()) == "[1000.0, 1000.0]\n"

    def test_through_views(self) -> None:
        """Weights that are used transposed or in another shape, as one does from scratch."""
        w = Tensor(np.ones((3, 4)), requires_grad=True)
        x = Tensor(np.ones((2, 4)))
        for used in (Tensor.t, lambda w: w.view(4, 3), lambda w: w.permute(1, 0), lambda w: w.t().view(4, 3)):
            loss = ((x @ used(w)) ** 2).sum()
            loss = loss + (used(w) * used(w)).sum()
            with no_grad():
                w += 1
            with pytest.raises(RuntimeError, match="changed in place since"):
                loss.backward()

    def test_by_a_loaded_state_and_by_a_compiled_step(self) -> None:
        model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 1))
        x, y = np.ones((2, 3), dtype=np.float32), np.zeros((2, 1), dtype=np.float32)
        step = compile(model, nn.MSELoss(), optim.SGD(model.parameters(), lr=0.1))
        for change in (lambda: model.load_state_dict(model.state_dict()), lambda: step(x, y)):
            loss = model(Tensor(x)).sum()
            change()
            with pytest.raises(RuntimeError, match="changed in place since"):
                loss.backward()


# What looks at the memory of a leaf of shape (4,), on the tape and off it.
VIEWS: dict[str, Callable[[Tensor], Tensor]] = {
    "itself": lambda w: w,
    "slice": lambda w: w[0:3],
    "step": lambda w: w[::2],
    "element": lambda w: w[1],
    "new axis": lambda w: w[None, ..., 1:],
    "slice of a slice": lambda w: w[1:][1:],
    "view": lambda w: w.view(2, 2),
    "column of a view": lambda w: w.view(2, 2).t()[1],
    "expand": lambda w: w.expand(3, 4),
    "iteration": lambda w: next(iter(w.view(2, 2))),
    "detach": lambda w: w.detach(),
    "data": lambda w: w.data[2:],
    "made of it": lambda w: Tensor(w),
    "a parameter": lambda w: nn.Parameter(w),
}


@pytest.mark.parametrize("changed", [name for name in VIEWS if name != "expand"])
@pytest.mark.parametrize("used", VIEWS)
def test_memory_has_one_version(used: str, changed: str) -> None:
    """A product of one view with a leaf; then another view, or the leaf, changes: with and without a node."""
    w, other = leaf(1.0, 2.0, 3.0, 4.0), leaf(2.0)
    loss = (VIEWS[used](w) * other).sum()
    with no_grad():
        VIEWS[changed](w).zero_()
    with pytest.raises(RuntimeError, match="changed in place since"):
        loss.backward()
    assert other.grad is None
    (VIEWS[used](w) * other).sum().backward()  # computed from the new values
    assert other.grad.item() == VIEWS[used](w).detach().sum().item()


@pytest.mark.parametrize("changed", VIEWS)
def test_a_step_changes_every_view(changed: str) -> None:
    """Also where the product reads no tensor that the optimizer knows."""
    w = nn.Parameter(np.array([1.0, 2.0, 3.0, 4.0]))
    view = VIEWS[changed](w)
    loss = (view.detach() * leaf(2.0)).sum()
    w.grad = Tensor(np.ones(4))
    optim.SGD([w], lr=0.5).step()
    with pytest.raises(RuntimeError, match="changed in place since"):
        loss.backward()


@pytest.mark.parametrize("use", [Tensor.relu, Tensor.exp, Tensor.sigmoid, Tensor.tanh, lambda x: x.softmax(0)])
def test_a_result_that_backward_reads(use: Callable[[Tensor], Tensor]) -> None:
    """Changed through a view off the tape, which is the only way to it."""
    for change in (lambda y: y.detach().zero_(), lambda y: y.view(2, 1).detach()[0].zero_()):
        y = use(leaf(1.0, 2.0))
        loss = (y * 3).sum()
        change(y)
        with pytest.raises(RuntimeError, match=r"needs the result of .* changed in place since"):
            loss.backward()


def test_indices_that_backward_reads() -> None:
    x = leaf(1.0, 5.0, 2.0)
    values, indices = x.max(0)
    indices.zero_()
    with pytest.raises(RuntimeError, match="needs the result of Max"):
        values.backward()
    values = x.max(0).values
    values.detach().zero_()  # which are not read
    values.backward()
    assert x.grad.tolist() == [0.0, 1.0, 0.0]


def test_other_memory_may_change() -> None:
    """Copies, what was never read, and results that only others' gradients would need."""
    w = leaf(1.0, 2.0)
    copies = [w.detach().clone(), w.detach()[[0, 1]], w.detach() + 0, w.detach().float().double()]
    loss, total = (w * w).sum(), w + 1
    for each in [*copies, total.detach()]:
        each.zero_()
    (loss + total.sum()).backward()
    assert w.grad.tolist() == [3.0, 5.0]


def test_data_in_its_place_is_a_change() -> None:
    """The product with a layer's weight looks it up when the gradients are wanted."""
    layer, x = nn.Linear(2, 1), Tensor(np.ones((1, 2), np.float32), requires_grad=True)
    loss = layer(x).sum()
    layer.weight.data = Tensor(np.zeros((1, 2), np.float32))
    with pytest.raises(RuntimeError, match="changed in place since"):
        loss.backward()
    layer.bias.data = fresh = Tensor(np.ones(1, np.float32))  # from here on they share it
    loss = (layer.bias * layer.bias).sum()
    fresh.zero_()
    with pytest.raises(RuntimeError, match="changed in place since"):
        loss.backward()


@pytest.mark.parametrize("fill", [nn.init.zeros_, nn.init.uniform_, nn.init.xavier_uniform_])
def test_initialising_is_a_change(fill: Callable[[Tensor], Tensor]) -> None:
    layer, x = nn.Linear(2, 2), Tensor(np.ones((1, 2), np.float32), requires_grad=True)
    loss = layer(x).sum()
    fill(layer.weight)
    with pytest.raises(RuntimeError, match="changed in place since"):
        loss.backward()


def test_a_copy_has_a_version_of_its_own() -> None:
    w = leaf(1.0, 2.0)
    _ = w[0:1]
    for other in (copy.deepcopy(w), pickle.loads(pickle.dumps(w))):
        loss = (other * other).sum()
        with no_grad():
            w += 1
        loss.backward()
        assert other.grad.tolist() == [2 * value for value in other.tolist()]
    twin = copy.copy(w)  # of the same memory
    loss = (twin * twin).sum()
    with no_grad():
        w += 1
    with pytest.raises(RuntimeError, match="changed in place since"):
        loss.backward()
