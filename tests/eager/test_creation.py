"""Making tensors: the arguments that PyTorch takes everywhere, and streams of random numbers of one's own."""

from __future__ import annotations

from typing import Any

import fastnn
import numpy as np
import pytest
from fastnn import Generator

MAKERS = {

    "zeros(size=(4,)": (4,), "ones(size=[2, 1]": (2, 1), "rand(2, 3": (2, 3), "rand(size=(5,)": (5,), "randn(3": (3,),



    "full_like(like, 7": (2, 2), "normal(like, 2.0": (2, 2),
}  # fmt: skip


def made(call: str, rest: str = "") -> Any:
    return eval(f"torch.{call}{rest})", {"torch": fastnn, "like": fastnn.zeros(2, 2)})


@pytest.mark.parametrize("call", MAKERS)
def test_arguments(call: str) -> None:
    plain = made(call)
    assert plain.shape == MAKERS[call] and plain.dtype is fastnn.float32 and not plain.requires_grad
    assert made(call, ", device='cpu'").shape == made(call, ", device=torch.device('cpu')").shape == plain.shape
    assert made(call, ", dtype=torch.float64").dtype is fastnn.float64
    if not call.startswith("as_tensor"):
        assert made(call, ", requires_grad=True").requires_grad
    for where in ("cuda", "mps"):
        if not fastnn.cuda.is_available():
            with pytest.raises(RuntimeError):
                made(call, f", device='{where}'")


def test_whole_numbers() -> None:
    sizes = ["5, (3,)", "2, 5, (3,)", "high=5, low=2, size=(3,)", "5, size=(3,)"]
    for call in [*(f"randint({size}" for size in sizes), "randperm(3"]:
        assert made(call).dtype is fastnn.int64 and made(call, ", device='cpu'").shape == (3,)
    assert made("full((2,), 3").dtype is fastnn.int64 and made("full((2,), True").dtype is fastnn.bool
    assert made("ones_like(torch.arange(3)").dtype is fastnn.int64


DRAWS = ["rand(4", "randn(4", "randint(100, (4,)", "randperm(9", "normal(1.0, 2.0, (4,)"]


@pytest.mark.parametrize("call", DRAWS)
def test_generators(call: str) -> None:
    """A stream of its own: its numbers are those of fastnn's after the same seed, which does not move."""
    fastnn.manual_seed(11)
    expected = [made(call).tolist() for _ in range(2)]
    fastnn.manual_seed(5)
    untouched = [made(call).tolist() for _ in range(2)]
    fastnn.manual_seed(5)
    generator = Generator().manual_seed(11)
    named = {"torch": fastnn, "g": generator}
    first = eval(f"torch.{call}, generator=g)", named).tolist()
    between = made(call).tolist()
    assert [first, eval(f"torch.{call}, generator=g)", named).tolist()] == expected
    assert [between, made(call).tolist()] == untouched
    assert generator.initial_seed() == 11 and generator.manual_seed(2) is generator
    assert generator.seed() == generator.initial_seed() != generator.seed()


def test_filling_in_place_from_a_generator() -> None:
    x = fastnn.zeros(3)
    assert x.normal_(generator=Generator().manual_seed(3)) is x
    assert x.tolist() == fastnn.randn(3, generator=Generator().manual_seed(3)).tolist()
    assert x.uniform_(2, 3, generator=Generator()).min() >= 2 and x.max() < 3
    assert set(fastnn.zeros(100).bernoulli_(0.3).tolist()) == {0.0, 1.0}
    share = fastnn.bernoulli(fastnn.full((2000,), 0.25)).mean().item()
    assert abs(share - 0.25) < 5 * (0.25 * 0.75 / 2000) ** 0.5


def test_splits_and_loaders_take_generators() -> None:
    from fastnn.utils.data import DataLoader, TensorDataset, random_split

    data = TensorDataset(fastnn.arange(10))
    parts = [random_split(data, [6, 4], generator=Generator().manual_seed(42))[0].indices for _ in range(2)]
    assert parts[0] == parts[1]
    loaders = [DataLoader(data, batch_size=10, shuffle=True, generator=Generator().manual_seed(1)) for _ in range(2)]
    orders = [next(iter(loader))[0].tolist() for loader in loaders]
    assert orders[0] == orders[1] != list(range(10))


@pytest.mark.parametrize(
    ("wrong", "error", "text"),
    [
        (lambda: fastnn.rand(2, generator=3), TypeError, "must be a fastnn.Generator, got int"),
        (lambda: Generator("cuda"), RuntimeError, "on the CPU"),
        (lambda: Generator().manual_seed(1.5), TypeError, "integer"),
        (lambda: fastnn.zeros(2, size=(3,)), TypeError, "given twice"),
        (lambda: fastnn.normal(0.0, -1.0, (2,)), ValueError, "std is -1"),
        (lambda: fastnn.randint(5, 2, (1,)), ValueError, "above low"),
    ],
)
def test_faults(wrong: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        wrong()


def test_inference_mode() -> None:
    x = fastnn.ones(2, requires_grad=True)

    @fastnn.inference_mode()
    def called() -> bool:
        return (x * 2).requires_grad

    @fastnn.no_grad
    def bare() -> bool:
        return (x * 2).requires_grad

    @fastnn.set_grad_enabled(False)
    def switched() -> bool:
        return (x * 2).requires_grad

    assert not called() and not bare() and not switched() and (x * 2).requires_grad
    with fastnn.inference_mode():
        assert not (x * 2).requires_grad
        with fastnn.enable_grad(), fastnn.inference_mode(mode=False):
            assert (x * 2).requires_grad
    with fastnn.inference_mode(False):
        assert (x * 2).requires_grad
    assert np.asarray(x.detach()).sum() == 2
