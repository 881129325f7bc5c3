"""A compiled training step as text, for ``cpp/selftest`` to run where there is no Python, and what it must come to.

A line each, numbers counted from 0 in the order of their lines::

    buffer BYTES
    view BUFFER OFFSET DTYPE PANELS RANK SHAPE... RANK STRIDES...     (in elements; PANELS: kept so (1) or not (0))
    write VIEW HEX                                                    (all its elements in C order)
    op NAME COUNT INPUTS... COUNT OUTPUTS... COUNT (ATTRIBUTE KIND VALUE)... STATE
    run STEPS
    result VIEW

KIND: b(ool), i(nteger), r(eal, hexadecimal), l(ist: COUNT INTEGERS...). STATE: ``-``, ``adam LR BETA1 BETA2 EPS
WEIGHT_DECAY STEP``, ``dropout SEED CALL MODULE``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from fastnn import _core
from fastnn.engine.plan import Plan
from fastnn.engine.program import Op, View

KEPT = ("parameter", "state", "constant", "input", "target")


def program_text(plan: Plan, steps: int) -> str:
    """A plan's only program, from the values that it has now."""
    (program,) = plan._programs.values()
    memory = program.memory
    lines = []
    for buffer in memory.buffers:
        assert buffer.shares is None, "another plan's memory"
        lines.append(f"buffer {buffer.nbytes}")
    for view in memory.views:
        place = f"{view.buffer} {view.offset} {view.dtype} {int(view.panel != 0)}"
        lines.append(f"view {place} {_list(view.shape)} {_list(view.strides)}")
    kept = [(n, view) for n, view in enumerate(memory.views) if memory.buffers[view.buffer].role in KEPT]
    for number, view in kept:
        lines.append(f"write {number} {_values(plan, number, view).tobytes().hex()}")
    lines += [_op_line(op) for op in program.ops if op.name != "view"]
    return "\n".join([*lines, f"run {steps}", *(f"result {number}" for number, _ in kept), ""])


def result_hash(plan: Plan) -> str:
    """FNV-1a, 64 bits, hexadecimal, of what :func:`program_text` names as results."""
    (program,) = plan._programs.values()
    value = 0xCBF29CE484222325
    for number, view in enumerate(program.memory.views):
        if program.memory.buffers[view.buffer].role in KEPT:
            for byte in _values(plan, number, view).tobytes():
                value = (value ^ byte) * 0x100000001B3 % 2**64
    return f"{value:x}"


def _values(plan: Plan, number: int, view: View) -> np.ndarray:
    out = np.empty(view.shape, view.dtype)
    plan._executor.read(number, out)
    return out


def _list(numbers: Any) -> str:
    return " ".join(map(str, (len(numbers), *numbers)))


def _op_line(op: Op) -> str:
    return " ".join([f"op {op.name} {_list(op.inputs)} {_list(op.outputs)} {len(op.attributes)}", *_words(op)])


def _words(op: Op) -> Iterator[str]:
    for name, value in op.attributes.items():
        kind = {bool: "b", int: "i", float: "r"}.get(type(value), "l")
        yield f"{name} {kind} {int(value) if kind in 'bi' else value.hex() if kind == 'r' else _list(value)}"
    state = op.state
    if isinstance(state, _core.DropoutDraw):
        yield f"dropout {state.seed} {state.call} 0"  # of the only such module
    elif isinstance(state, _core.AdamSettings):
        reals = (state.lr, state.beta1, state.beta2, state.eps, state.weight_decay)
        yield f"adam {' '.join(float(value).hex() for value in reals)} {state.step}"
    else:
        assert state is None, state
        yield "-"
