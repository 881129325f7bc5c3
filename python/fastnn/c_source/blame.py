"""Which layer it is that has no C form."""

from __future__ import annotations

from collections.abc import Collection
from types import TracebackType
from typing import Any

import numpy as np

from fastnn.eager.autograd import no_grad
from fastnn.eager.tensor import Tensor
from fastnn.engine.recording import Recorder, RecordingError, one_at_a_time
from fastnn.io.checks import shown_name
from fastnn.nn.contexts import listening, modes
from fastnn.nn.module import Module


def culprit(model: Module, x: np.ndarray, known: Collection[str]) -> str:
    """``layer '2.act' (Sign): ``, the innermost that uses an op which is not known, or does what no recording has;
    nothing where it is the model itself, or none.
    """
    found: list[Any] = []

    def heard(module: Module, inputs: tuple[Any, ...], output: Any) -> None:
        if not found and any(record.name not in known for record in recorder.records):
            found.append(module)

    try:
        with (
            one_at_a_time,
            Recorder() as recorder,
            modes(model, training=False),
            listening(model.modules(), heard),
            no_grad(),
        ):
            model(Tensor(x))
    except RecordingError as error:
        found = _within(error.__traceback__)[-1:]
    names = {id(module): name for name, module in model.named_modules() if name}
    return "".join(
        f"layer {shown_name(names[id(each)])} ({type(each).__name__}): " for each in found if id(each) in names
    )


def _within(trace: TracebackType | None) -> list[Any]:
    """The modules whose code an exception came through."""
    found = []
    while trace is not None:
        found += [each for each in [trace.tb_frame.f_locals.get("self")] if isinstance(each, Module)]
        trace = trace.tb_next
    return found
