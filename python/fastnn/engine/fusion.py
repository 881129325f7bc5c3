"""Fusion: passes over a recorded list that join neighbours into one op. Each leaves the same bits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np

from fastnn.eager.memory import owner_of
from fastnn.engine.recording import Record


def count_uses(records: Iterable[Record], results: Iterable[np.ndarray]) -> Counter[int]:
    """How often each owning array is read: by a record, or as a result of the whole."""
    uses = Counter(id(owner_of(arg)) for record in records for arg in record.args if isinstance(arg, np.ndarray))
    uses.update(id(owner_of(result)) for result in results)
    return uses


def fuse_linear_relu(records: list[Record], results: Iterable[np.ndarray]) -> list[Record]:
    """dense_forward then relu of nothing but its result -> dense_forward with ReLU in its epilogue."""
    uses = count_uses(records, results)
    fused: list[Record] = []
    made_by: dict[int, Record] = {}
    for record in records:
        source = made_by.get(id(record.args[0])) if record.name == "relu" else None
        if source is not None and uses[id(owner_of(record.args[0]))] == 1:
            source.args = [*source.args[:3], *[None] * (3 - len(source.args)), True]
            source.outputs = record.outputs
            continue
        if record.name == "dense_forward" and len(record.args) < 4:
            record = Record(record.name, record.args, record.outputs)
            made_by[id(record.outputs[0])] = record
        fused.append(record)
    return fused


def drop_unused(records: list[Record], results: Iterable[np.ndarray]) -> list[Record]:
    """Leaves out records whose outputs nobody reads, from the last to the first."""
    needed = {id(owner_of(result)) for result in results}
    kept: list[Record] = []
    for record in reversed(records):
        if any(id(owner_of(output)) in needed for output in record.outputs):
            kept.append(record)
            needed.update(id(owner_of(arg)) for arg in record.args if isinstance(arg, np.ndarray))
    return kept[::-1]


def split_gradients(records: list[Record], gradients: Iterable[np.ndarray]) -> tuple[list[Record], dict[int, Record]]:
    """Takes out each gradient of a dense layer's weight or bias whose result is a final gradient and nothing else.

    Returns the remaining records and, by id of the gradient array, the record to fuse into that parameter's update.
    """
    gradients = list(gradients)
    uses = count_uses(records, gradients)
    final = {id(owner_of(gradient)): gradient for gradient in gradients}
    split: dict[int, Record] = {}
    for record in records:
        owner = id(owner_of(record.outputs[0]))
        if record.name in ("dense_grad_weight", "dense_grad_bias") and owner in final and uses[owner] == 1:
            split[id(final[owner])] = record
    taken = {id(record) for record in split.values()}
    return [record for record in records if id(record) not in taken], split
