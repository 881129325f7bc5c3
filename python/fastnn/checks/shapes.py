"""Rules about shapes: does the model take the data, and give a row for each sample?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import prod

from fastnn.checks.case import Case
from fastnn.checks.findings import Finding
from fastnn.errors import Fault, fault_of
from fastnn.nn.linear import Linear
from fastnn.nn.module import failure_of


def fitting(case: Case) -> Iterator[Finding]:
    """The model cannot take the data: the right number, where a linear layer or a view has the wrong one."""
    if case.error is None:
        return
    layer = getattr(failure_of(case.error), "innermost", None)
    fault = fault_of(case.error) or Fault("", {})
    if isinstance(layer, Linear) and fault.code == "linear.features":
        yield Finding("shape", _width(case, layer, fault.fields))
    elif fault.code == "reshape.size" and len(fault.fields["shape"]) > 1:
        remedy = _flattened(fault.fields["shape"][1:])
        yield Finding("shape", f"a view does not fit inputs of shape {case.x.shape}. {remedy} ({case.error})")
    else:
        yield Finding("shape", f"the model does not take a batch of shape {case.x.shape}: {case.error}")


def rows(case: Case) -> Iterator[Finding]:
    """A view that cuts samples apart, as view(-1, 784) does with three colours."""
    samples, outputs = len(case.x), case.outputs
    if outputs is not None and outputs.ndim and len(outputs) != samples:
        remedy = _flattened(case.x.shape[1:])
        yield Finding("shape", f"the model gives {len(outputs)} rows for {samples} samples. {remedy}")


def _width(case: Case, layer: Linear, got: Mapping[str, int]) -> str:
    """What is wrong where a linear layer gets rows of another number of features."""
    name = next((f"'{name}' " for name, module in case.model.named_modules() if module is layer and name), "")
    features, flat = got["features"], got["rows"] == len(case.x)
    remedy = f"make it Linear({features}, {layer.out_features})" if flat else "put nn.Flatten() before it"
    return (
        f"layer {name}Linear({layer.in_features}, {layer.out_features}) "
        f"gets {features} features a sample from inputs of shape {case.x.shape}: {remedy}"
    )


def _flattened(sizes: Sequence[int]) -> str:
    """How to make rows of samples of some sizes."""
    numbers, product = prod(sizes), " x ".join(map(str, sizes))
    return f"A sample has {product} = {numbers} numbers there: use flatten(1) or view(-1, {numbers})"
