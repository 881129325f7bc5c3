"""Fusion: passes over a recorded list that join neighbours into one op. Each leaves the same bits.

What can be joined is asked of the ops' facts (``cpp/ops/facts.h``), so that a new op needs no line here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np

from fastnn.eager.memory import owner_of
from fastnn.engine.executor import FACTS
from fastnn.engine.recording import Record


def count_uses(records: Iterable[Record], results: Iterable[np.ndarray]) -> Counter[int]:
    """How often each owning array is read: by a record, or as a result of the whole."""
    uses = Counter(id(owner_of(arg)) for record in records for arg in record.args if isinstance(arg, np.ndarray))
    uses.update(id(owner_of(result)) for result in results)
    return uses


def with_epilogue(record: Record, op: str) -> Record | None:
    """The record with ``op`` done at its end; None where it cannot do that, or does it already."""
    facts = FACTS.get(record.name, {})
    if op not in facts.get("epilogues", ()):
        return None
    names = [name for name, *_ in facts["arguments"]]
    place = names.index(op)
    if len(record.args) > place and record.args[place]:
        return None
    missing = [_default(argument) for argument in facts["arguments"][len(record.args) : place]]
    args = [*record.args[:place], *missing, True, *record.args[place + 1 :]]
    return Record(record.name, args, record.outputs)


def _default(argument: tuple[str, str, bool, Any]) -> Any:
    _, kind, _, value = argument
    return None if kind == "optional array" else value


def fuse_linear_relu(records: list[Record], results: Iterable[np.ndarray]) -> list[Record]:
    """A linear map with an epilogue, then that op of nothing but its result -> one record (dense_forward and relu)."""
    uses = count_uses(records, results)
    fused: list[Record] = []
    places: dict[int, int] = {}  # where the record stands that made an array
    for record in records:
        source = places.get(id(record.args[0])) if len(record.args) == 1 else None
        if source is not None and uses[id(owner_of(record.args[0]))] == 1:
            joined = with_epilogue(fused[source], record.name)
            if joined is not None:
                fused[source] = joined._replace(outputs=record.outputs)
                continue
        if FACTS.get(record.name, {}).get("epilogues"):
            places[id(record.outputs[0])] = len(fused)
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
    """Takes out each gradient of a parameter that its update can make: it is final and nothing else reads it.

    Returns the remaining records and, by id of the gradient array, the record to fuse into that parameter's update.
    """
    gradients = list(gradients)
    uses = count_uses(records, gradients)
    final = {id(owner_of(gradient)): gradient for gradient in gradients}
    split: dict[int, Record] = {}
    for record in records:
        owner = id(owner_of(record.outputs[0]))
        if FACTS.get(record.name, {}).get("update") and owner in final and uses[owner] == 1:
            split[id(final[owner])] = record
    taken = {id(record) for record in split.values()}
    return [record for record in records if id(record) not in taken], split
