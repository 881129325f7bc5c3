"""Models as ONNX files: what onnx's checker, onnxruntime and our own reader say of them."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import fastnn
import numpy as np
import pytest
from fastnn import models, nn, onnx
from fastnn.nn import functional as F
from fastnn.onnx.messages import read
from onnx_models import FUNCTIONS, LAYERS, NETWORKS, Function, check_alike, exported, made, numbers, results

CASES = {**LAYERS, **FUNCTIONS, **NETWORKS}
SLOW = ("resnet18", "resnet34")  # files of 45 and 85 MB


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name in CASES])
def test_readers_compute_the_same(name: str, tmp_path: Path, runtime: ModuleType | None) -> None:
    """Ours, and where they are installed onnx's checker and onnxruntime."""
    model, inputs = made(CASES[name])
    path = exported(model, inputs, tmp_path)
    loaded, session = onnx.load(path), None
    if runtime is not None:
        import_module("onnx.checker").check_model(path, full_check=True)
        session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
    for rows in (1, 4):
        given, expected = results(model, inputs, rows)
        check_alike(results(loaded, tuple(given), rows)[1], expected)
        if session is not None:
            feeds = dict(zip([each.name for each in session.get_inputs()], given, strict=True))
            check_alike(session.run(None, feeds), expected)


@pytest.fixture(scope="module")
def runtime() -> ModuleType | None:
    if find_spec("onnx") is None or find_spec("onnxruntime") is None:
        return None
    return import_module("onnxruntime")


def test_onnxruntime_is_here(runtime: ModuleType | None) -> None:
    """So that a summary says where it is not."""
    if runtime is None:
        pytest.skip("onnx and onnxruntime are not installed")


def test_every_layer_has_a_case() -> None:
    """But for losses, and what only holds other layers."""
    layers = {name for name in nn.__all__ if isinstance(getattr(nn, name), type) and not name.endswith("Loss")}
    layers -= {"Module", "ModuleDict", "ModuleList", "Parameter", "Sequential"}
    assert layers - {name.partition("(")[0] for name in LAYERS} == set()


def test_the_names_are_the_state_dicts(tmp_path: Path) -> None:
    model = models.small_cnn()
    path = exported(model, (numbers(1, 3, 32, 32),), tmp_path)
    graph = read(path)
    state = {name: each for name, each in model.state_dict().items() if not name.endswith("num_batches_tracked")}
    assert list(graph.tensors) == list(state)
    assert all((graph.tensors[name] == each.numpy()).all() for name, each in state.items())
    assert (graph.opset, graph.inputs["input"], graph.outputs["output"]) == (
        17,
        (np.dtype("f4"), ("batch", 3, 32, 32)),
        (np.dtype("f4"), ("batch", 10)),
    )


def test_a_tied_weight_is_written_once(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4))
    model[2].weight = model[0].weight
    graph = read(exported(model, (numbers(2, 4),), tmp_path))
    assert list(graph.tensors) == ["0.weight", "0.bias", "2.bias"]


def test_images_are_not_turned_round(tmp_path: Path) -> None:
    """Although they lie with their channels last: a file has the operations that the network has."""
    graph = read(exported(models.lenet5(), (numbers(1, 1, 28, 28),), tmp_path))
    found = [node.op for node in graph.nodes if node.op != "Constant"]
    convolutional = ["Conv", "Relu", "MaxPool"] * 2
    assert found == [*convolutional, "Reshape", "Gemm", "Relu", "Gemm", "Relu", "Gemm"]


def test_a_script_that_was_written_for_pytorch(tmp_path: Path) -> None:
    axes = {"in": {0: "batch_size"}, "out": {0: "batch_size"}}
    words = {"input_names": ["in"], "output_names": ["out"], "export_params": True, "do_constant_folding": True}
    model = nn.Linear(2, 3)
    path = exported(model, (numbers(1, 2),), tmp_path, **words, dynamic_axes=axes, opset_version=17)
    assert list(read(path).inputs) == ["in"]
    for refused, message in [
        ({"opset_version": 11}, "files are written for opset 17, not 11: leave opset_version out"),
        ({"export_params": False}, "the weights are always in the file"),
        ({"dynamic_axes": {"input": {0: "n", 2: "rows"}}}, r"dynamic_axes of 'input': only the first .*, not \[2\]"),
        ({"dynamic_axes": {"input": [1]}}, r"only the first dimension can vary in the file, not \[1\]"),
    ]:
        with pytest.raises(ValueError, match=message):
            exported(model, (numbers(1, 2),), tmp_path, **refused)


def test_names_of_inputs_and_outputs(tmp_path: Path) -> None:
    model = Function(lambda a, b: (a + b, a - b))
    graph = read(exported(model, (numbers(2, 3), numbers(2, 3)), tmp_path, output_names=["sum", "difference"]))
    assert (list(graph.inputs), list(graph.outputs)) == (["input_0", "input_1"], ["sum", "difference"])
    with pytest.raises(ValueError, match=r"output_names must be 2 different names, got \['a', 'a'\]"):
        exported(model, (numbers(2, 3), numbers(2, 3)), tmp_path, output_names=["a", "a"])
    for word, name in (("input_names", "weight"), ("input_names", "output"), ("output_names", "input")):
        with pytest.raises(ValueError, match=rf"\['{name}'\] are names of the model's state, or of an input and an"):
            exported(nn.Linear(3, 3), (numbers(2, 3),), tmp_path, **{word: [name]})


def test_names_that_the_graph_would_take(tmp_path: Path) -> None:
    """Its own give way."""
    model = Function(lambda x: fastnn.cat([fastnn.ones(1, 3).expand(len(x), 3), x.exp()], 1))
    made = {name for node in read(exported(model, (numbers(2, 3),), tmp_path)).nodes for name in node.outputs}
    assert {"exp_0", "constant_1", "batch_rows", "constant_1_sizes_1"} <= made
    for name in made - {"output"}:
        for words in ({"input_names": [name]}, {"output_names": [name]}):
            loaded = onnx.load(exported(model, (numbers(2, 3),), tmp_path, **words))
            assert (loaded(fastnn.zeros(4, 3)).numpy() == 1).all()


def test_an_example_of_numpys_float64(tmp_path: Path) -> None:
    """As x / 255 makes it: the file takes what the model takes."""
    path = exported(nn.Linear(3, 2), (np.zeros((1, 3)),), tmp_path)
    assert read(path).inputs["input"][0] == np.dtype("f4")
    assert read(exported(nn.Linear(3, 2).double(), (np.zeros((1, 3), "f4"),), tmp_path)).inputs["input"][0] == np.dtype(
        "f8"
    )


@pytest.mark.parametrize("dynamic", [True, False])
def test_what_is_added_up_in_place(dynamic: bool, tmp_path: Path) -> None:
    """Begins with what was there before it, not with what the example made of it."""

    def total(x: Any) -> Any:
        sums = [fastnn.zeros(len(x), 3), fastnn.ones(3, len(x)).t(), fastnn.zeros(1, 3), fastnn.zeros(len(x), 1, 3)]
        for each in sums[:3]:
            each += (x * 2).mean(0, keepdim=True)
        sums[0] *= x
        return sums[0] + sums[1] * sums[2] + sums[3].view(-1, 3).add_(x)

    loaded = onnx.load(exported(Function(total), (numbers(1, 3),), tmp_path, dynamic_batch=dynamic))
    x = fastnn.tensor(numbers(1, 3))
    check_alike([loaded(x).numpy()], [total(x).numpy()])


def test_a_fixed_batch(tmp_path: Path) -> None:
    model = Function(lambda x: x.view(2, 6))
    path = exported(model, (numbers(2, 3, 2),), tmp_path, dynamic_batch=False)
    assert read(path).inputs["input"][1] == (2, 3, 2)
    with pytest.raises(ValueError, match=r"has shape \(2, 3, 2\), got \(3, 3, 2\)"):
        onnx.load(path)(fastnn.zeros(3, 3, 2))


_OWN = fastnn.Generator()


class _Sine(fastnn.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        return fastnn.from_numpy(np.sin(x.numpy()))


REFUSED: dict[str, tuple[Any, np.ndarray, str]] = {
    "values": (lambda x: x * x.max().item(), numbers(2, 3), r"item\(\) in forward\(\)"),
    "draws": (lambda x: x + fastnn.randn_like(x), numbers(2, 3), "a random draw"),
    "draws that happen to be alike": (lambda x: x * (fastnn.rand(1) < 2), numbers(2, 3), "a random draw"),
    "draws in place": (lambda x: x + fastnn.zeros(3).normal_(), numbers(2, 3), "a random draw"),
    "an order": (lambda x: x[:, fastnn.randperm(3)], numbers(2, 3), "a random draw"),
    "a new layer": (lambda x: nn.Linear(3, 3)(x), numbers(2, 3), "draws random numbers"),
    "bernoulli": (lambda x: fastnn.bernoulli(x.sigmoid()), numbers(2, 3), "a random draw"),
    "draws of NumPy's": (lambda x: x + np.random.rand(), numbers(2, 3), "differ from run to run"),
    "draws of a generator": (lambda x: x + fastnn.rand(3, generator=_OWN), numbers(2, 3), "a random draw"),
    "NumPy in a Function": (_Sine.apply, numbers(2, 3), r"numpy\(\) in forward\(\)"),
    "dropout": (lambda x: F.dropout(x, 0.5, True), numbers(2, 3), "dropout"),
    "order": (lambda x: x.unique(), numbers(2, 3), r"unique\(\) in forward\(\)"),
    "truth": (lambda x: x[x > 0], numbers(2, 3), "by one of bools"),
    "batch": (lambda x: x.view(2, 3), numbers(2, 3), "cannot become"),
    "count": (lambda x: x * x.shape[0], numbers(2, 3), "depends on the size of the batch"),
    "numbers of rows": (
        lambda x: x + fastnn.arange(len(x))[:, None],
        numbers(2, 3),
        "depends on the size of the batch",
    ),
    "parts of the batch": (lambda x: x.split(2, 0)[0], numbers(2, 3), "dynamic_batch=False"),
    "branches": (
        lambda x: x + 1 - 1 if x.shape[0] == 2 else x + 1,
        numbers(2, 3),
        "other operations for other batches",
    ),
    "branch": (lambda x: x + 1 if x.shape[0] == 2 else x - 1, numbers(2, 3), "write forward\\(\\) for any batch"),
    "a part in place": (lambda x: _part(x), numbers(2, 3), "a change in place in forward"),
    "a part of zeros in place": (lambda x: fastnn.zeros(2, 3)[0].add_(x[0]), numbers(2, 3), "in place of a part"),
    "a copy": (lambda x: fastnn.tensor(x) * 2, numbers(2, 3), r"tensor\(\) in forward\(\)"),
    "no dtype": (lambda x: x, np.array(["a"]), "must be a tensor or array of numbers"),
    "no tensor": (lambda x: {"a": x}, numbers(2, 3), "got dict"),
    "no rows": (lambda x: x, numbers(0, 3), "no rows"),
}


OF_BATCHES = ("batch", "count", "numbers of rows", "parts of the batch", "branches", "branch", "no rows")


def _part(x: Any) -> Any:
    y = x * 1
    y[:, 0] = 0.0
    return y


@pytest.mark.parametrize("name", REFUSED)
def test_what_a_file_cannot_say_is_refused(name: str, tmp_path: Path) -> None:
    function, x, words = REFUSED[name]
    path = tmp_path / "model.onnx"
    path.write_bytes(b"before")
    for dynamic in {True, name in OF_BATCHES}:
        with pytest.raises((ValueError, TypeError), match=words):
            onnx.export(Function(function), x, path, dynamic_batch=dynamic)
    assert path.read_bytes() == b"before", "an old file is left alone"


def test_the_model_is_as_before(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.Dropout(0.5))
    model[0].eval()
    before = {name: each.numpy().copy() for name, each in model.state_dict().items()}
    exported(model, (numbers(2, 3),), tmp_path)
    assert [module.training for module in model.modules()] == [True, False, True, True]
    assert all((before[name] == each.numpy()).all() for name, each in model.state_dict().items())
    counts = nn.BatchNorm1d(3)
    counts.forward = lambda x: x + counts.num_batches_tracked.add_(1)  # type: ignore[method-assign]
    with pytest.raises(ValueError, match="a change in place in forward"):
        exported(counts, (numbers(2, 3),), tmp_path)
    assert counts.num_batches_tracked.item() == 0
    with pytest.raises(TypeError, match="expected a Module, a Network or a Keras model, got dict"):
        exported({}, (numbers(2, 3),), tmp_path)
    with pytest.raises(TypeError, match=r"got Fitted: give its to_network\(\)$"):
        exported(type("Fitted", (), {"to_network": 0})(), (numbers(2, 3),), tmp_path)


def test_a_network_that_was_trained(tmp_path: Path) -> None:
    """Its weights lay in a plan's memory."""
    network, x = fastnn.Network(4, 3, 2), numbers(8, 4)
    network.fit((x, np.arange(8) % 2), epochs=2, verbose=0)
    loaded = onnx.load(exported(network, (x[:1],), tmp_path))
    check_alike([loaded(x).softmax(1).detach().numpy()], [network.predict(x)])


def test_the_same_bytes_again(tmp_path: Path) -> None:
    model, inputs = made(NETWORKS["small_cnn"])
    first = exported(model, inputs, tmp_path).read_bytes()
    assert exported(model, (numbers(5, 3, 32, 32),), tmp_path).read_bytes() == first
