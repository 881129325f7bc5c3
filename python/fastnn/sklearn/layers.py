"""The network of an estimator, linear layers of plain arrays with an activation between; its losses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from fastnn.eager.tensor import Tensor
from fastnn.engine.plan import Criterion
from fastnn.nn import functional
from fastnn.nn.activation import ELU, GELU, LeakyReLU, ReLU, Sigmoid, SiLU, Tanh
from fastnn.nn.dropout import Dropout
from fastnn.nn.linear import Identity
from fastnn.nn.module import Module
from fastnn.nn.parameter import Parameter
from fastnn.sklearn.threads import threads_for
from fastnn.training.engines import EagerEngine
from fastnn.training.feed import Feed

ACTIVATIONS: Mapping[str, type[Module]] = {
    "identity": Identity,
    "logistic": Sigmoid,
    "tanh": Tanh,
    "relu": ReLU,
    "leaky_relu": LeakyReLU,
    "elu": ELU,
    "gelu": GELU,
    "silu": SiLU,
}
# What a network predicts whose outputs become this, and the loss with which it goes on.
PREDICTS = {
    "softmax": ("softmax", "CrossEntropyLoss"),
    "logistic": ("sigmoid", "BCEWithLogitsLoss"),
    "identity": ("numbers", "MSELoss"),
}


class Layers(Module):
    """coefs (inputs, outputs) and intercepts (outputs,) of each layer, in whose memory it learns.

    dropout: the share of the hidden layers' outputs that are left out while training.
    """

    def __init__(
        self,
        coefs: Sequence[np.ndarray],
        intercepts: Sequence[np.ndarray],
        activation: str,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.activate = ACTIVATIONS[activation]()
        self.last = len(coefs) - 1
        for number, (coef, intercept) in enumerate(zip(coefs, intercepts, strict=True)):
            setattr(self, f"weight{number}", Parameter(coef.T))
            setattr(self, f"bias{number}", Parameter(intercept))
            if dropout and number < self.last:
                setattr(self, f"dropout{number}", _Dropout(dropout, number))

    def forward(self, x: Tensor) -> Tensor:
        for number in range(self.last + 1):
            x = functional.linear(x, getattr(self, f"weight{number}"), getattr(self, f"bias{number}"))
            if number < self.last:
                x = self.activate(x)
                dropout = self._modules.get(f"dropout{number}")
                x = x if dropout is None else dropout(x)
        return x

    def of(self, kind: str) -> list[Parameter]:
        """The parameters that are a ``weight``, or a ``bias``, from the first layer to the last."""
        return [getattr(self, f"{kind}{number}") for number in range(self.last + 1)]


class _Dropout(Dropout):
    """With a seed and a number of its own, so that nothing else in the process counts."""

    unrecorded = Dropout.unrecorded | {"seed"}

    def __init__(self, p: float, number: int) -> None:
        Module.__init__(self)
        self.p, self.inplace, self.seed, self.number, self.calls = p, False, 0, number, 0


def outputs_of(
    coefs: Sequence[np.ndarray], intercepts: Sequence[np.ndarray], activation: str, x: np.ndarray
) -> np.ndarray:
    """What layers give for rows (N, inputs): (N, outputs)."""
    with threads_for(len(x) * sum(coef.size for coef in coefs)):
        return EagerEngine(Layers(coefs, intercepts, activation)).outputs(Feed.of_inputs(x))


# -- losses: means over samples of sums over outputs, as those of scikit-learn's networks -----------------------------
# Where samples have weights, targets carry them: softmax's are multiplied by them, others have them in a last column.


def _summed(mean: Tensor, outputs: Tensor) -> Tensor:
    return mean if outputs.shape[1] == 1 else mean * outputs.shape[1]


def _log_loss(p: Tensor, t: Tensor) -> Tensor:
    # In one row: the kernel takes rows one by one, and a short one as long as a vector of them.
    return _summed(functional.binary_cross_entropy_with_logits(p.reshape(1, -1), t.reshape(1, -1)), p)


def _weighted_log_loss(p: Tensor, t: Tensor) -> Tensor:
    each = functional.binary_cross_entropy_with_logits(p, t[:, :-1], reduction="none")
    return _summed((each * t[:, -1:]).mean(), p)


def _half_squares(p: Tensor, t: Tensor) -> Tensor:
    return functional.mse_loss(p, t) * (p.shape[1] / 2)


def _weighted_half_squares(p: Tensor, t: Tensor) -> Tensor:
    return ((p - t[:, :-1]).square() * t[:, -1:]).mean() * (p.shape[1] / 2)


# By what becomes of the outputs, without and with weights.
LOSSES: Mapping[str, tuple[Criterion, Criterion]] = {
    "softmax": (functional.cross_entropy, functional.cross_entropy),
    "logistic": (_log_loss, _weighted_log_loss),
    "identity": (_half_squares, _weighted_half_squares),
}


def packed(targets: np.ndarray, weights: np.ndarray | None, outputs: int, dtype: np.dtype) -> np.ndarray:
    """Targets, class numbers (N,) or (N, outputs), with weights (N,) as these losses take them."""
    if weights is None:
        return targets
    column = weights.astype(dtype)[:, None]
    if targets.ndim == 1:
        return np.eye(outputs, dtype=dtype)[targets] * column
    return np.concatenate([targets, column], axis=1)
