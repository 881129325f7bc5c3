"""Losses: PyTorch's formulas by hand, and PyTorch itself where it is installed; what they refuse, what they warn of."""

from __future__ import annotations

import math
import re
from typing import Any

import fastnn
import numpy as np
import pytest
from fastnn import nn
from fastnn.eager.tensor import Tensor
from fastnn.nn import functional as F

RNG = np.random.default_rng(5)
ARRAYS: dict[str, np.ndarray] = {
    "x": RNG.standard_normal((4, 3)),
    "t": RNG.standard_normal((4, 3)),
    "p": RNG.uniform(0.05, 0.95, (4, 3)),
    "q": np.array([[0.0, 0.25, 0.75], [1.0, 0.0, 0.0], [0.2, 0.3, 0.5], [0.5, 0.5, 0.0]]),
    "y": np.array([2, 0, 1, 2]),
    "gaps": np.array([2, -100, 1, -100]),
    "w": np.array([0.5, 1.0, 2.0]),
    "sign": np.array([[1.0, -1, 1], [-1, -1, 1], [1, 1, -1], [-1, 1, 1]]),
    "which": np.array([1.0, -1, -1, 1]),
    "a": RNG.standard_normal((4, 3)),
    "maps": RNG.standard_normal((2, 3, 2, 2)),
    "places": RNG.integers(0, 3, (2, 2, 2)),
    "ends": np.array([0.0, 1.0, 0.0, 1.0]),
    "wanted": np.array([1.0, 0.0, 0.0, 1.0]),
}

CALLS = [
    "nn.L1Loss()(x, t)", "nn.L1Loss(reduction='sum')(x, t)", "nn.L1Loss(reduction='none')(x, t)", "F.l1_loss(x, t)",
    "nn.SmoothL1Loss()(x, t)", "nn.SmoothL1Loss(beta=0.3)(x, t)", "F.smooth_l1_loss(x, t, beta=0, reduction='none')",
    "nn.HuberLoss()(x, t)", "nn.HuberLoss(delta=0.4, reduction='none')(x, t)", "nn.BCELoss()(p, q)",
    "nn.BCELoss(reduction='none')(p, q)", "nn.BCELoss(weight=w)(p, q)", "F.binary_cross_entropy(p, q, reduction='sum')",
    "nn.BCELoss(reduction='none')(ends, wanted)", "nn.BCEWithLogitsLoss(pos_weight=w)(x, q)",
    "nn.BCEWithLogitsLoss(weight=w, reduction='none')(x, q)",
    "F.binary_cross_entropy_with_logits(x, q, pos_weight=w, weight=w, reduction='sum')",
    "nn.CrossEntropyLoss(label_smoothing=0.1)(x, y)", "nn.CrossEntropyLoss(weight=w)(x, y)",
    "nn.CrossEntropyLoss(weight=w, label_smoothing=0.2, reduction='none')(x, y)",
    "nn.CrossEntropyLoss(weight=w, label_smoothing=0.2)(x, gaps)", "nn.CrossEntropyLoss()(x, gaps)",
    "nn.CrossEntropyLoss(ignore_index=2)(x, y)", "nn.CrossEntropyLoss(ignore_index=2, reduction='none')(x, y)",
    "F.cross_entropy(x, gaps, weight=w, reduction='sum')", "F.cross_entropy(x[0], y[0], label_smoothing=0.3)",
    "nn.CrossEntropyLoss()(maps, places)", "nn.CrossEntropyLoss(reduction='none')(maps, places)",
    "nn.CrossEntropyLoss(weight=w, ignore_index=1)(maps, places)", "nn.NLLLoss()(x.log_softmax(1), y)",
    "nn.NLLLoss(weight=w)(x, y)", "nn.NLLLoss(weight=w, reduction='none')(x, gaps)", "F.nll_loss(x, y, ignore_index=0)",
    "F.nll_loss(x, y, reduction='sum')", "nn.NLLLoss()(maps, places)", "F.nll_loss(x[0], y[0])",
    "nn.KLDivLoss(reduction='batchmean')(x, q)", "nn.KLDivLoss(reduction='none')(x, q)",
    "F.kl_div(x, t, reduction='sum', log_target=True)", "nn.SoftMarginLoss()(x, sign)",
    "nn.MarginRankingLoss(margin=0.5)(x[:, 0], t[:, 0], which)", "nn.HingeEmbeddingLoss()(x, sign)",
    "nn.HingeEmbeddingLoss(margin=0.2, reduction='sum')(x, sign)", "nn.CosineEmbeddingLoss(margin=0.1)(x, t, which)",
    "nn.TripletMarginLoss(margin=0.7)(x, t, a)", "F.triplet_margin_loss(x, t, a, p=1, reduction='none')",
    "nn.PoissonNLLLoss()(x, p)", "nn.PoissonNLLLoss(log_input=False, reduction='none')(p, q)",
    "F.cosine_similarity(x, t)", "F.cosine_similarity(x, t, dim=0)", "F.pairwise_distance(x, t)", "F.normalize(x)",
    "F.normalize(x, p=1, dim=0)", "nn.MSELoss()(x, t)", "F.mse_loss(x, t, reduction='none')",
]  # fmt: skip


def loss_of(call: str, lib: Any, tensor: Any) -> tuple[Any, dict[str, Any]]:
    values = {name: tensor(array) for name, array in ARRAYS.items()}
    return eval(call, {"nn": lib.nn, "F": lib.nn.functional, **values}), values


@pytest.mark.parametrize("call", CALLS)
def test_values_and_gradients_are_torchs(call: str) -> None:
    torch = pytest.importorskip("torch")
    learned = [name for name in ("x", "p", "maps") if re.search(rf"\({name}\W", call)]
    results = []
    for lib, tensor in ((torch, lambda array: torch.from_numpy(array.copy())), (fastnn, Tensor)):
        leaves: dict[int, Any] = {}

        def leaf(array: np.ndarray, tensor: Any = tensor, leaves: dict[int, Any] = leaves) -> Any:
            made = tensor(array)
            if any(array is ARRAYS[name] for name in learned):
                leaves[id(array)] = made.requires_grad_()
            return made

        loss, _ = loss_of(call, lib, leaf)
        if leaves:
            (loss * 1.5).sum().backward()
        results.append((loss.detach().numpy(), [each.grad.numpy() for each in leaves.values()]))
    (wanted, slopes), (found, ours) = results
    assert found.shape == wanted.shape and found.dtype == wanted.dtype
    np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-14)
    for slope, own in zip(slopes, ours, strict=True):
        np.testing.assert_allclose(own, slope, rtol=1e-10, atol=1e-12)


X, Y = np.array([[1.0, 2.0, 0.5], [0.0, -1.0, 3.0]]), np.array([1, 0])
LOGS = X - np.log(np.exp(X).sum(1, keepdims=True))


@pytest.mark.parametrize(
    ("loss", "value"),
    [
        (F.l1_loss(Tensor([1.0, 2.0]), Tensor([0.0, 4.0])), 1.5),
        (F.smooth_l1_loss(Tensor([1.0, 2.0]), Tensor([0.5, 4.0])), (0.125 + 1.5) / 2),
        (F.huber_loss(Tensor([1.0, 2.0]), Tensor([0.5, 5.0]), delta=2.0), (0.125 + 4.0) / 2),
        (F.binary_cross_entropy(Tensor([0.5, 0.25]), Tensor([1.0, 0.0])), (math.log(2) - math.log(0.75)) / 2),
        (F.binary_cross_entropy(Tensor([0.0, 1.0]), Tensor([1.0, 0.0])), 100.0),
        (F.binary_cross_entropy_with_logits(Tensor([0.0]), Tensor([1.0]), pos_weight=Tensor([3.0])), 3 * math.log(2)),
        (F.cross_entropy(Tensor(X), Tensor(Y), label_smoothing=0.3),
         -(0.7 * (LOGS[0, 1] + LOGS[1, 0]) + 0.1 * LOGS.sum()) / 2),
        (F.cross_entropy(Tensor(X), Tensor(Y), weight=Tensor([1.0, 3.0, 1.0])), -(3 * LOGS[0, 1] + LOGS[1, 0]) / 4),
        (F.cross_entropy(Tensor(X), Tensor([1, -100])), -LOGS[0, 1]),
        (F.nll_loss(Tensor(LOGS), Tensor(Y), weight=Tensor([1.0, 3.0, 1.0])), -(3 * LOGS[0, 1] + LOGS[1, 0]) / 4),
        (F.kl_div(Tensor([[-1.0, -2.0]]), Tensor([[1.0, 0.0]]), reduction="batchmean"), 1.0),
        (F.margin_ranking_loss(Tensor([1.0]), Tensor([3.0]), Tensor([1.0]), margin=0.5), 2.5),
        (F.cosine_similarity(Tensor([[3.0, 4.0]]), Tensor([[4.0, 3.0]])), 0.96),
        (F.normalize(Tensor([[3.0, 4.0]])).sum(), 1.4),
    ],
)  # fmt: skip
def test_values_by_hand(loss: Tensor, value: float) -> None:
    np.testing.assert_allclose(loss.numpy().item(), value, rtol=1e-12)


@pytest.mark.parametrize("loss", [F.mse_loss, F.l1_loss, F.smooth_l1_loss, F.huber_loss, nn.MSELoss(), nn.L1Loss()])
def test_shapes_that_broadcast_are_warned_of(loss: Any) -> None:
    """(N,) beside (N, 1): all pairs, as PyTorch has it."""
    x, t = Tensor(np.array([[1.0], [2.0]]), requires_grad=True), Tensor(np.array([1.0, 3.0]))
    text = r"shape \(2, 1\), the target \(2,\).*broadcast to \(2, 2\), as PyTorch does.*use target\.view\(-1, 1\)"
    with pytest.warns(UserWarning, match=text) as caught:
        value = loss(x, t)
    assert caught[0].filename == __file__
    pairs = loss(Tensor([[1.0, 1.0], [2.0, 2.0]]), Tensor([[1.0, 3.0], [1.0, 3.0]]))
    assert value.item() == pairs.item()
    value.backward()
    assert x.grad.shape == (2, 1)
    assert loss(x, t.view(-1, 1)).item() != value.item()  # and no warning


@pytest.mark.parametrize(
    "name", ["MSELoss", "L1Loss", "SmoothL1Loss", "CrossEntropyLoss", "NLLLoss", "BCEWithLogitsLoss"]
)
def test_older_words_for_reductions(name: str) -> None:
    kind = getattr(nn, name)
    words = {"sum": {"size_average": False}, "none": {"reduce": False}, "mean": {"size_average": True}}
    for reduction, older in words.items():
        assert kind(**older).reduction == reduction == kind(reduction).reduction == kind(reduction=reduction).reduction


def test_weights_are_state() -> None:
    """As PyTorch's: buffers of the loss, that are saved with it and change their dtype with it."""
    loss = nn.CrossEntropyLoss(weight=Tensor(np.float32([1, 2])))
    assert list(loss.state_dict()) == ["weight"] and list(nn.CrossEntropyLoss().state_dict()) == []
    assert loss.double().weight.dtype is fastnn.float64
    assert list(nn.BCEWithLogitsLoss(pos_weight=Tensor([2.0])).state_dict()) == ["pos_weight"]


@pytest.mark.parametrize("function", [F.mse_loss, F.l1_loss, F.smooth_l1_loss, F.huber_loss, F.kl_div])
def test_arguments_by_name(function: Any) -> None:
    x, t = Tensor(X), Tensor(np.abs(X))
    assert function(input=x, target=t).item() == function(x=x, target=t).item() == function(x, t).item()
    labels = Tensor(Y)
    assert F.cross_entropy(input=x, target=labels).item() == F.cross_entropy(x, labels).item()
    assert F.softmax(input=x, axis=1).tolist() == F.softmax(x, 1).tolist() == F.softmax(x, dim=1).tolist()
    assert F.softmax(x.float(), dim=1, dtype=fastnn.float64).dtype is fastnn.float64
    assert F.gelu(input=x).tolist() == F.gelu(x).tolist()


@pytest.mark.parametrize(
    ("wrong", "error", "text"),
    [
        (lambda: F.mse_loss(Tensor(X), Tensor(np.ones((4, 5)))), ValueError, "they must be equal"),
        (
            lambda: F.binary_cross_entropy(Tensor([1.5]), Tensor([1.0])),
            ValueError,
            "from 1.5 to 1.5; .*WithLogits",
        ),
        (lambda: F.binary_cross_entropy(Tensor([[0.5]]), Tensor([1.0])), ValueError, r"use target.view\(-1, 1\)"),
        (lambda: nn.BCEWithLogitsLoss()(Tensor([[0.5]]), Tensor([1.0])), ValueError, "they must be equal"),
        (lambda: F.cross_entropy(Tensor(X), Tensor([1, -1])), ValueError, "label -1 at sample 1"),
        (lambda: F.cross_entropy(Tensor(X), Tensor([5, -100])), ValueError, r"label 5 at sample 0 is outside 0\.\.2"),
        (lambda: F.cross_entropy(Tensor(X), Tensor(Y), weight=Tensor([1.0])), ValueError, "there are 3 classes"),
        (lambda: F.cross_entropy(Tensor(X), Tensor(Y), label_smoothing=2), ValueError, "from 0 to 1"),
        (lambda: nn.CrossEntropyLoss(label_smoothing=-1), ValueError, "from 0 to 1"),
        (lambda: F.cross_entropy(Tensor(np.ones((2, 3, 4))), Tensor(Y)), ValueError, r"labels of shape \(2, 4\)"),
        (lambda: F.nll_loss(Tensor(X), Tensor([1])), ValueError, "2 rows of outputs and 1 labels"),
        (lambda: nn.L1Loss(reduction="avg"), ValueError, "'mean', 'sum' or 'none', got 'avg'"),
        (lambda: nn.MSELoss("batchmean"), ValueError, "got 'batchmean'"),
        (lambda: F.huber_loss(Tensor(X), Tensor(X), delta=0), ValueError, "above 0"),
        (lambda: F.smooth_l1_loss(Tensor(X), Tensor(X), beta=-1), ValueError, "not be negative"),
    ],
)
def test_faults(wrong: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        wrong()
