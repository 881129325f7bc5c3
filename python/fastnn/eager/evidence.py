"""Evidence: what training and evaluation leave behind for :func:`fastnn.check`, which asks for it later.

Who notifies does so in one call: the tape when it adds a gradient to another, an optimizer after its step, dropout when
it is active. What they leave lies on the tensor or module that it tells of, and goes with it. No result depends on it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastnn.eager.tensor import Tensor
    from fastnn.nn.dropout import Dropout

# In ``_used`` of a gradient: a step has used it; it was added to one that a step had used. Of a parameter: a step has
# used such a stale gradient. None: nothing of the kind.
_USED, _STALE = "used", "stale"


def gradient_added(before: Tensor, total: Tensor) -> None:
    """A leaf had the gradient ``before``, and has ``total`` now. Zeros that were left in it do no harm."""
    if before._used is not None and before._data.any():
        total._used = _STALE


def gradient_used(param: Tensor) -> None:
    """An optimizer has changed a parameter by its gradient."""
    if param.grad._used is _STALE:
        param._used = _STALE
    param.grad._used = _USED


def dropout_active(module: Dropout, learning: bool) -> None:
    """A dropout has drawn. learning: whether gradients can follow; if not, somebody evaluates in training mode."""
    if not learning:
        module.evaluated_in_training = True


def tell_stale(param: Tensor) -> bool:
    """Whether a step used gradients that were added to those of an earlier step. Told once."""
    stale = param._used is _STALE
    if stale:
        param._used = None
    return stale


def tell_evaluated(module: Dropout) -> bool:
    """Whether a dropout was active in an evaluation. Told once."""
    evaluated = getattr(module, "evaluated_in_training", False)
    if evaluated:
        module.evaluated_in_training = False
    return evaluated
