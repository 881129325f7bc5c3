"""Networks of ONNX files: they are Modules that can be trained further, saved and exported again."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import fastnn
import numpy as np
import pytest
from fastnn import nn, onnx, optim
from fastnn.onnx.messages import Graph, Node, read, write
from image_models import residual
from onnx_models import check_alike, exported, made, numbers, results

F4 = np.dtype("f4")
X, LABELS = numbers(24, 3, 12, 12), np.arange(24) % 10


def trained(model: nn.Module, engine: str) -> dict[str, np.ndarray]:
    """The state after three epochs."""
    fastnn.manual_seed(1)
    optimizer = optim.Adam(model.train().parameters(), lr=1e-2)
    fastnn.Trainer(model, nn.CrossEntropyLoss(), optimizer, engine=engine).fit((X, LABELS), epochs=3, batch_size=8)
    return {name: each.numpy().copy() for name, each in model.state_dict().items()}


@pytest.mark.parametrize("engine", ["plan", "eager"])
def test_training_goes_on_with_the_same_bits(engine: str, tmp_path: Path) -> None:
    """As in the model that was exported: weights, and the running values of batch norm."""
    model, _ = made((lambda: _without_dropout(residual()), ()))
    loaded = onnx.load(exported(model, (X[:2],), tmp_path))
    expected, found = trained(model, engine), trained(loaded, engine)
    assert found.keys() == {name for name in expected if "num_batches" not in name}
    assert [name for name in found if (found[name] != expected[name]).any()] == []


def _without_dropout(model: nn.Module) -> nn.Module:
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    return model


def test_it_is_a_module(tmp_path: Path) -> None:
    model, inputs = made((lambda: nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3)), (numbers(2, 4),)))
    loaded = onnx.load(exported(model, inputs, tmp_path))
    assert [name for name, _ in loaded.named_parameters()] == ["0.weight", "0.bias", "1.weight", "1.bias"]
    assert [name for name, _ in loaded.named_buffers()] == ["1.running_mean", "1.running_var"]
    assert not loaded.training and loaded.get_parameter("0.weight").requires_grad
    assert getattr(loaded, "1").running_mean is loaded.get_buffer("1.running_mean")
    assert "model.onnx, 2 operations" in repr(loaded) or "operations" in repr(loaded)
    other = copy.deepcopy(loaded)
    other.load_state_dict({name: each * 0 for name, each in loaded.state_dict().items()})
    assert other(inputs[0]).abs().sum().item() == 0 < loaded(inputs[0]).abs().sum().item()
    fastnn.save(loaded.state_dict(), tmp_path / "a.pth")
    model.load_state_dict(fastnn.load(tmp_path / "a.pth"), strict=False)
    (tmp_path / "again").mkdir()
    again = onnx.load(exported(loaded, inputs, tmp_path / "again"))
    check_alike(results(again, inputs, 3)[1], results(model, inputs, 3)[1])


def test_a_whole_one_in_a_file(tmp_path: Path) -> None:
    """What its nodes are is data."""
    model, inputs = made((residual, (X[:2],)))
    loaded = onnx.load(exported(model, inputs, tmp_path))
    fastnn.save(loaded, tmp_path / "whole.pth")
    for other in (fastnn.load(tmp_path / "whole.pth"), pickle.loads(pickle.dumps(loaded))):
        check_alike(results(other, inputs, 3)[1], results(loaded, inputs, 3)[1])
        assert {name: each is other.get_parameter(name) for name, each in other.named_parameters()}
        state = trained(other, "plan")
        assert all((state[name] == each).all() for name, each in trained(copy.deepcopy(loaded), "plan").items())


def graph(nodes: list[Node], tensors: dict[str, np.ndarray] | None = None, opset: int = 17, **shapes: tuple) -> Graph:
    made = Graph(nodes, tensors or {}, opset=opset)
    made.inputs = {name: (F4, shape) for name, shape in shapes.items()}
    made.outputs = {nodes[-1].outputs[0]: (F4, ())}
    return made


def run(folder: Path, made: Graph, *inputs: Any, train: bool = False) -> Any:
    write(folder / "a.onnx", made)
    with fastnn.no_grad():
        return onnx.load(folder / "a.onnx").train(train)(*map(fastnn.tensor, inputs))


def test_dropout_drops_while_training(tmp_path: Path) -> None:
    made = graph([Node("Dropout", ["x", "r"], ["y"])], {"r": np.array(0.5, "f4")}, x=("n",))
    x = np.ones(1000, "f4")
    assert (run(tmp_path, made, x).numpy() == x).all()
    assert set(run(tmp_path, made, x, train=True).tolist()) == {0.0, 2.0}


def test_batch_norm_learns_its_running_values(tmp_path: Path) -> None:
    """The same bits as the layer: a momentum of 0.9 in a file, in float32, is 0.1 here."""
    layer, x = nn.BatchNorm1d(3), numbers(8, 3)
    tensors = {
        name: layer.state_dict()[name].numpy().copy() for name in ("weight", "bias", "running_mean", "running_var")
    }
    made = graph([Node("BatchNormalization", ["x", *tensors], ["y"], {"momentum": 0.9})], tensors, x=("n", 3))
    write(tmp_path / "a.onnx", made)
    assert read(tmp_path / "a.onnx").nodes[0].attributes == {"momentum": 0.9}
    loaded = onnx.load(tmp_path / "a.onnx").train()
    for _ in range(3):
        assert (loaded(fastnn.tensor(x)) == layer(fastnn.tensor(x))).numpy().all()
    assert (loaded.running_mean == layer.running_mean).numpy().all()


@pytest.mark.parametrize("opset", [9, 11, 13, 18, 21])
def test_operators_of_other_opsets(opset: int, tmp_path: Path) -> None:
    """What was an attribute is an input now, and the softmax of all dimensions behind an axis is one of it alone."""
    x = numbers(2, 3, 4)
    axes = {} if opset >= 13 else {"axes": [1]}
    given = ["x", "one"] if opset >= 13 else ["x"]
    mean = ["x", "one"] if opset >= 18 else ["x"]
    nodes = [
        Node("Unsqueeze", given, ["u"], axes),
        Node("Squeeze", ["u", *given[1:]], ["s"], axes),
        Node("ReduceMean", mean, ["m"], {"keepdims": 1, **({} if opset >= 18 else {"axes": [1]})}),
        Node("Sub", ["s", "m"], ["d"]),
        Node("Softmax", ["d"], ["y"], {"axis": 1}),
    ]
    found = run(tmp_path, graph(nodes, {"one": np.array([1])}, opset, x=("n", 3, 4)), x)
    d = x - x.mean(1, keepdims=True)
    over = 1 if opset >= 13 else (1, 2)
    expected = np.exp(d) / np.exp(d).sum(over, keepdims=True)
    check_alike([found.numpy()], [expected])


def test_sizes_follow_the_input(tmp_path: Path) -> None:
    """As PyTorch writes x.view(x.size(0), -1): recorded in plans too."""
    nodes = [
        Node("Shape", ["x"], ["shape"]),
        Node("Gather", ["shape", "zero"], ["rows"], {"axis": 0}),
        Node("Unsqueeze", ["rows", "first"], ["row"]),
        Node("Concat", ["row", "rest"], ["sizes"], {"axis": 0}),
        Node("Reshape", ["x", "sizes"], ["flat"]),
        Node("Gemm", ["flat", "w"], ["y"]),
    ]
    tensors = {"zero": np.array(0), "first": np.array([0]), "rest": np.array([-1]), "w": numbers(6, 2)}
    made = graph(nodes, tensors, x=("n", 2, 3))
    x = numbers(5, 2, 3)
    check_alike([run(tmp_path, made, x).numpy()], [x.reshape(5, 6) @ tensors["w"]])
    compiled = fastnn.compile(onnx.load(tmp_path / "a.onnx"))
    check_alike([compiled(fastnn.tensor(x)).detach().numpy()], [x.reshape(5, 6) @ tensors["w"]])


@pytest.mark.parametrize("operator, axis", [("Gather", 0), ("Gather", 1), ("GatherElements", 1)])
def test_rows_from_the_end(operator: str, axis: int, tmp_path: Path) -> None:
    """Their numbers are an input."""
    made = graph([Node(operator, ["w", "rows"], ["y"], {"axis": axis})], {"w": numbers(3, 3)}, rows=("n", 3))
    rows = np.array([[0, -1, 2], [-3, 1, 0], [2, 2, -2]])
    find = np.take if operator == "Gather" else np.take_along_axis
    for given in (rows, rows % 3):
        assert (run(tmp_path, made, given).numpy() == find(made.tensors["w"], given, axis)).all()
    loaded = onnx.load(tmp_path / "a.onnx")
    loaded(fastnn.tensor(rows)).sum().backward()
    assert loaded.w.grad.sum().item() == (27 if operator == "Gather" else 9)
    for dynamic in (True, False):
        again = onnx.load(exported(loaded, (rows,), tmp_path, dynamic_batch=dynamic))
        assert (again(fastnn.tensor(rows[::-1].copy())) == loaded(fastnn.tensor(rows[::-1].copy()))).all()
        assert loaded.w.requires_grad


def test_inputs_that_do_not_fit(tmp_path: Path) -> None:
    made = graph([Node("Add", ["a", "b"], ["y"])], a=("n", 3), b=("n", 3))
    with pytest.raises(ValueError, match=r"takes 2 inputs \(a, b\), got 1"):
        run(tmp_path, made, numbers(2, 3))
    with pytest.raises(ValueError, match=r"the input 'b' of .*a\.onnx has shape \(n, 3\), got \(2, 4\)"):
        run(tmp_path, made, numbers(2, 3), numbers(2, 4))


def test_an_error_names_the_node(tmp_path: Path) -> None:
    made = graph([Node("MatMul", ["x", "w"], ["y"])], {"w": numbers(4, 2)}, x=("n", "k"))
    with pytest.raises(ValueError) as caught:
        run(tmp_path, made, numbers(2, 3))
    assert any("in 'MatMul' (which makes 'y')" in note for note in caught.value.__notes__)
    made = graph([Node("Div", ["z", "z"], ["q"]), Node("Reshape", ["x", "q"], ["y"])], {"z": np.array([0])}, x=("n",))
    assert run(tmp_path, made, numbers(0)).shape == (0,), "a division by zero is no crash"


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="missing"):
        onnx.load(tmp_path / "missing.onnx")
