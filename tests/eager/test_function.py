"""autograd.Function: ops from outside, with PyTorch's forward, backward and ctx; gradcheck."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import fastnn
import fastnn as torch
import numpy as np
import pytest
from fastnn import nn, optim
from fastnn.autograd import Function, gradcheck
from fastnn.autograd.function import once_differentiable
from fastnn.eager.tensor import Tensor
from fastnn.engine.recording import RecordingError


class Square(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return 2 * x * grad


class Exp(Function):
    """Keeps its result; the newer form, whose forward has no ctx."""

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return x.exp()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.save_for_backward(output)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return ctx.saved_tensors[0] * grad


class Polar(Function):
    """Two arguments, two results, a number that is none of them, and a place that has no gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor, scale: float) -> tuple[Tensor, Tensor, Tensor]:
        ctx.save_for_backward(x, y, None)
        ctx.scale = scale
        larger = (x > y).float()
        ctx.mark_non_differentiable(larger)
        return scale * x * y, x - y, larger

    @staticmethod
    def backward(ctx: Any, by_product: Tensor, by_difference: Tensor, by_larger: Tensor) -> tuple[Any, ...]:
        x, y, nothing = ctx.saved_tensors
        assert nothing is None and float(by_larger.sum()) == 0
        wanted = ctx.needs_input_grad
        grad_x = ctx.scale * y * by_product + by_difference if wanted[0] else None
        grad_y = ctx.scale * x * by_product - by_difference if wanted[1] else None
        return grad_x, grad_y, None


def leaf(*values: float, dtype: Any = fastnn.float64) -> Tensor:
    return fastnn.tensor(values, dtype=dtype, requires_grad=True)


def test_a_gradient_flows_through() -> None:
    x = leaf(1.0, -2.0, 3.0)
    y = Square.apply(x * 2) + x
    assert y.tolist() == [5, 14, 39] and "Add" in repr(y.grad_fn)
    y.sum().backward()
    assert x.grad.tolist() == [9, -15, 25]
    assert "Square" in repr(Square.apply(x).grad_fn)


def test_gradcheck_of_all() -> None:
    x, y = leaf(0.5, -1.5, 2.0), leaf(1.0, 0.25, -3.0)
    assert gradcheck(Square.apply, x)
    assert gradcheck(Exp.apply, (x,))
    assert gradcheck(lambda a, b: Polar.apply(a, b, 1.5), (x, y))
    assert gradcheck(lambda a, b: Square.apply(Polar.apply(a, b, 2.0)[1]), (x, y))
    assert x.grad is None


def test_one_of_several_results() -> None:
    """The others' gradients are zeros, or None where that is wanted."""
    x, y = leaf(1.0, 2.0), leaf(3.0, 5.0)
    product, difference, larger = Polar.apply(x, y, 2.0)
    assert not larger.requires_grad and difference.requires_grad
    product.sum().backward()
    assert x.grad.tolist() == [6, 10] and y.grad.tolist() == [2, 4]
    seen: list[Any] = []

    class Pair(Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> tuple[Tensor, Tensor]:
            ctx.set_materialize_grads(False)
            return x * 1, x * 2

        @staticmethod
        def backward(ctx: Any, *grads: Any) -> Any:
            seen.extend(grads)
            return grads[1] * 2

    Pair.apply(x)[1].sum().backward()
    assert seen[0] is None and x.grad.tolist() == [8, 12]


def test_results_that_are_used_together_and_twice() -> None:
    x, y = leaf(1.0, 2.0), leaf(3.0, 5.0)
    product, difference, _ = Polar.apply(x, y, 1.0)
    (product * difference + product).sum().backward()
    a, b = np.array([1.0, 2]), np.array([3.0, 5])
    assert np.allclose(x.grad.numpy(), 2 * a * b - b * b + b)
    assert np.allclose(y.grad.numpy(), a * a - 2 * a * b + a)


def test_each_call_of_backward_has_its_own_gradients() -> None:
    x, y = leaf(1.0, 2.0), leaf(3.0, 5.0)
    product, difference, _ = Polar.apply(x, y, 1.0)
    product.sum().backward(retain_graph=True)
    x.grad = None
    difference.sum().backward()
    assert x.grad.tolist() == [1, 1]


def test_only_what_wants_a_gradient() -> None:
    x, plain = leaf(1.0, 2.0), fastnn.tensor([3.0, 4.0], dtype=fastnn.float64)
    Polar.apply(x, plain, 1.0)[0].sum().backward()
    assert x.grad.tolist() == [3, 4] and plain.grad is None
    with fastnn.no_grad():
        assert not Square.apply(x).requires_grad
    assert not Square.apply(plain).requires_grad
    assert not any(Polar.apply(plain, plain, 1.0)[i].requires_grad for i in range(3))


def test_retained_and_used_up() -> None:
    x = leaf(2.0)
    y = Square.apply(x)
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.tolist() == [8]
    with pytest.raises(RuntimeError, match="second time"):
        y.backward()


@pytest.mark.parametrize("which", ["argument", "result"])
def test_what_was_saved_must_not_change(which: str) -> None:
    x = fastnn.tensor([1.0, 2.0], requires_grad=True) * 1
    y = (Square if which == "argument" else Exp).apply(x)
    (x if which == "argument" else y).detach().mul_(3)
    with pytest.raises(RuntimeError, match="changed in place"):
        y.sum().backward()


def test_an_argument_may_be_returned() -> None:
    class Same(Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            return x

        @staticmethod
        def backward(ctx: Any, grad: Tensor) -> Tensor:
            return -grad

    x = leaf(1.0, 2.0)
    y = Same.apply(x)
    assert y is not x and x.grad_fn is None
    y.sum().backward()
    assert x.grad.tolist() == [-1, -1]


def test_a_gradient_of_the_shape_that_was_repeated() -> None:
    class Add(Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor, y: Tensor) -> Tensor:
            return x + y

        @staticmethod
        def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:
            return grad, grad

    x, y = fastnn.ones(3, 2, requires_grad=True), fastnn.ones(2, requires_grad=True)
    Add.apply(x, y).sum().backward()
    assert x.grad.shape == (3, 2) and y.grad.tolist() == [3, 3]


def wrong(result: Any) -> type[Function]:
    class Wrong(Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            return x * 1

        @staticmethod
        def backward(ctx: Any, grad: Tensor) -> Any:
            return result

    return Wrong


@pytest.mark.parametrize(
    "result, kind, message",
    [
        (fastnn.ones(3), RuntimeError, r"Wrong\.backward returned a gradient of shape \(3,\) for argument 0.* \(2,\)"),
        ((fastnn.ones(2), fastnn.ones(2)), RuntimeError, "returned 2 gradients; apply.. had 1 arguments"),
        ((), RuntimeError, "returned 0 gradients"),
        (np.ones(2), TypeError, "must return tensors or None, got ndarray for argument 0"),
    ],
)
def test_a_backward_that_is_wrong(result: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        wrong(result).apply(fastnn.ones(2, requires_grad=True)).sum().backward()


def test_words_for_beginners() -> None:
    x = fastnn.ones(2, requires_grad=True)
    with pytest.raises(TypeError, match=r"Square\.apply\(x\)"):
        Square()

    class Dirty(Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Any:
            ctx.mark_dirty(x)

    class Number(Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Any:
            ctx.save_for_backward(3)

    class Nothing(Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Any:
            return x.numpy() if not x.requires_grad else 3

    with pytest.raises(NotImplementedError, match=r"x\.clone\(\)"):
        Dirty.apply(x)
    with pytest.raises(TypeError, match=r"save_for_backward takes tensors, got int: .*ctx\.x ="):
        Number.apply(x)
    with pytest.raises(TypeError, match=r"Nothing\.forward must return a tensor or a tuple of them, got int"):
        Nothing.apply(x)
    with pytest.raises(NotImplementedError, match="static method forward"):
        Function.apply(x)


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return Square.apply(self.layer(x))


def test_a_plan_refuses_it_and_says_so() -> None:
    with pytest.raises(RecordingError, match=r"Square\.apply\(\).*what a Function does is Python's.*stays eager"):
        fastnn.compile(Net())(fastnn.ones(2, 4))


def test_training_stays_eager() -> None:
    fastnn.manual_seed(1)
    trainer = fastnn.Trainer(net := Net(), nn.MSELoss(), optim.SGD(net.parameters(), lr=0.01))
    x, y = np.random.default_rng(0).random((32, 4), np.float32), np.zeros((32, 3), np.float32)
    before = float(nn.MSELoss()(net(fastnn.from_numpy(x)), fastnn.from_numpy(y)))
    trainer.fit((x, y), epochs=3, batch_size=8)
    assert float(nn.MSELoss()(net(fastnn.from_numpy(x)), fastnn.from_numpy(y))) < before
    assert trainer.engine.name == "eager"


def test_nothing_is_kept_alive() -> None:
    """A result that its context keeps is no circle: it goes without the collector."""
    gc.disable()
    try:
        y = Exp.apply(fastnn.ones(3, requires_grad=True))
        seen = weakref.ref(y)
        node = weakref.ref(y.grad_fn) if hasattr(type(y.grad_fn), "__weakref__") else None
        del y
        assert seen() is None and (node is None or node() is None)
    finally:
        gc.enable()


def test_gradcheck_finds_what_is_wrong() -> None:
    class Off(Square):
        @staticmethod
        def backward(ctx: Any, grad: Tensor) -> Tensor:
            return 2.01 * ctx.saved_tensors[0] * grad

    x = leaf(1.0, 2.0)
    with pytest.raises(
        RuntimeError, match=r"element 0 of result 0 by element 0 of input 0 is 2\.01, differences find 2"
    ):
        gradcheck(Off.apply, x)
    assert gradcheck(Off.apply, x, raise_exception=False) is False
    for lost in (lambda x: x.detach() * 2, lambda x: fastnn.from_numpy(x.detach().numpy() ** 2)):
        with pytest.raises(RuntimeError, match=r"is 0, differences find 2: no result requires a gradient"):
            gradcheck(lost, x)
        assert gradcheck(lost, x, raise_exception=False) is False
    assert gradcheck(lambda x: x.detach() * 0 + 1, x)
    with pytest.raises(ValueError, match="requires_grad=True"):
        gradcheck(Square.apply, x.detach())
    with pytest.raises(ValueError, match=r"x\.double\(\)"):
        gradcheck(Square.apply, leaf(1.0, dtype=fastnn.float32))


def test_gradients_have_the_arguments_dtype() -> None:
    class Rounded(Square):
        @staticmethod
        def backward(ctx: Any, grad: Tensor) -> Tensor:
            return (2 * ctx.saved_tensors[0] * grad).float()

    x = leaf(1.0, 2.0)
    Rounded.apply(x).sum().backward()
    assert x.grad.dtype == fastnn.float64 and x.grad.tolist() == [2, 4]
    (x * 2).backward(fastnn.ones(2))
    assert x.grad.dtype == fastnn.float64 and x.grad.tolist() == [4, 6]


def test_pytorchs_names() -> None:
    assert torch.autograd.Function is Function and torch.autograd.gradcheck is gradcheck
    with pytest.raises(AttributeError, match=r"module 'fastnn\.autograd' has no attribute 'Functional'"):
        _ = torch.autograd.Functional
