"""Rules about the loop around a model: gradients that were kept, modes that were forgotten."""

from __future__ import annotations

from collections.abc import Iterator

from fastnn.checks.case import Case
from fastnn.checks.findings import Finding
from fastnn.eager import evidence
from fastnn.nn.dropout import Dropout


def zero_grad(case: Case) -> Iterator[Finding]:
    """A step was taken with gradients that were added to those of an earlier step."""
    names = [name for name, param in case.model.named_parameters() if evidence.tell_stale(param)]
    if names:
        yield Finding(
            "zero_grad",
            f"gradients of earlier steps are still in those of later ones (of {names[0]} and {len(names) - 1} others): "
            f"call optimizer.zero_grad() before each backward()",
        )


def evaluation(case: Case) -> Iterator[Finding]:
    """Dropout was active where a model was evaluated."""
    for name, module in case.model.named_modules():
        if isinstance(module, Dropout) and module.p > 0 and evidence.tell_evaluated(module):
            yield Finding(
                "eval",
                f"dropout '{name}' was active under no_grad(): call model.eval() first, model.train() after",
            )
