"""What others wrote: a network that PyTorch exported, and ONNX's own tests of its operators."""

from __future__ import annotations

import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import fastnn
import numpy as np
import pytest
from fastnn import FormatError, onnx
from fastnn.onnx.loading import Loaded
from fastnn.onnx.messages import parse
from fastnn.onnx.operators import OPERATORS
from onnx_models import check_alike


@pytest.mark.slow
@pytest.mark.parametrize("dynamo", [False, True])
def test_a_network_of_pytorch(dynamo: bool, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("onnx")
    if dynamo:
        pytest.importorskip("onnxscript")
    nn = torch.nn
    torch.manual_seed(0)
    head = (nn.Flatten(), nn.Dropout(0.2), nn.Linear(8 * 6 * 6, 10), nn.LogSoftmax(1))
    body = (nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 8, 3, stride=2))
    model, x = nn.Sequential(*body, nn.GELU(), *head).eval(), torch.rand(2, 1, 28, 28)
    batch = {"dynamic_shapes": ({0: "batch"},)} if dynamo else {"dynamic_axes": {"x": {0: "batch"}}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        version = 18 if dynamo else 17
        how = {"input_names": ["x"], "opset_version": version, "external_data": False}
        torch.onnx.export(model, (x,), str(tmp_path / "a.onnx"), dynamo=dynamo, **how, **batch)
    loaded = onnx.load(tmp_path / "a.onnx")
    check_alike([loaded(x.numpy()).detach().numpy()], [model(x).detach().numpy()])
    names = {name for name, _ in model.named_parameters()}
    kept = {name for name, _ in loaded.named_parameters()}
    assert {"8.weight", "8.bias"} <= kept & names
    assert loaded(fastnn.rand(5, 1, 28, 28)).shape == (5, 10)


# Of onnx 1.23.2's 1,884 cases; the others of our operators have element types, outputs and modes that are refused.
LEAST_PASSED = 683


def outcome(case: Any, inputs: list[Any], outputs: list[Any]) -> str:
    """``passed``, or ``refused`` with an error that says why.

    Raises:
        AssertionError: other numbers than ONNX has.
    """
    if not all(isinstance(each, np.ndarray | np.generic) for each in (*inputs, *outputs)):
        return "refused"  # sequences, and what NumPy has no type for
    try:
        network = Loaded(parse(memoryview(case.model.SerializeToString()), case.name), case.name).eval()
        with fastnn.no_grad():
            results = network(*map(np.asarray, inputs))
    except (FormatError, ValueError, TypeError):
        return "refused"
    found = results if isinstance(results, tuple) else (results,)
    for a, b in zip(found, outputs, strict=True):
        assert a.numpy().dtype == b.dtype, case.name
        np.testing.assert_allclose(a.numpy(), b, rtol=case.rtol, atol=case.atol, err_msg=case.name)
    return "passed"


@pytest.mark.slow
def test_onnxs_own_tests_of_operators() -> None:
    loader = pytest.importorskip("onnx.backend.test.loader")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cases = loader.load_model_tests(kind="node")
    counts: Counter[str] = Counter()
    for case in cases:
        ours = all(node.op_type in OPERATORS and not node.domain for node in case.model.graph.node)
        for inputs, outputs in case.data_sets if ours else ():
            counts[outcome(case, inputs, outputs)] += 1
    assert counts["passed"] >= LEAST_PASSED, counts
