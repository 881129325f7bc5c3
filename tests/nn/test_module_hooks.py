"""Hooks before and after a module's forward."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from fastnn import Network, nn, optim
from fastnn.eager.tensor import Tensor
from fastnn.engine.plan import Plan
from fastnn.engine.recording import RecordingError

X = Tensor(np.ones((2, 3), np.float32))


def test_hooks_are_called_in_their_order_until_removed() -> None:
    model, heard = nn.Sequential(nn.Linear(3, 4), nn.ReLU()), []
    hear = [lambda module, inputs, output, n=n: heard.append((n, module, inputs, output)) for n in range(3)]
    handles = [model[1].register_forward_hook(hear[0]), model[1].register_forward_hook(hear[1])]
    handles.append(model[1].register_forward_hook(hear[2], prepend=True))
    out = model(X)
    assert [n for n, *_ in heard] == [2, 0, 1] and all(module is model[1] for _, module, _, _ in heard)
    assert all(output is out and type(inputs) is tuple and len(inputs) == 1 for *_, inputs, output in heard)
    handles[0].remove()
    handles[0].remove()
    model(X)
    assert [n for n, *_ in heard][3:] == [2, 1]
    with handles[1], handles[2]:
        pass
    model(X)
    assert len(heard) == 5


def test_what_hooks_give_takes_the_place() -> None:
    layer = nn.ReLU()
    layer.register_forward_pre_hook(lambda module, inputs: (inputs[0] - 3,))
    layer.register_forward_pre_hook(lambda module, inputs: -inputs[0])
    layer.register_forward_hook(lambda module, inputs, output: output * 10)
    assert layer(X).tolist() == [[20.0] * 3] * 2


def test_errors_still_name_the_layer() -> None:
    model = nn.Sequential(nn.ReLU(), nn.Linear(4, 2))
    model[1].register_forward_hook(lambda *_: None)
    with pytest.raises(ValueError, match=r"^layer '1' Linear"):
        model(X)


def test_a_model_with_hooks_is_not_compiled() -> None:
    """A plan would not call them: the trainer goes on with eager code, which does."""
    model, heard = Network(3, 4, 2), []
    step = Plan(model, nn.CrossEntropyLoss(), optim.SGD(model.parameters()))
    handle = next(model.children()).register_forward_hook(lambda module, inputs, output: heard.append(len(output)))
    with pytest.raises(RecordingError, match=r"a forward hook.*call it without compile"):
        step.step(np.ones((2, 3), np.float32), np.array([0, 1]))
    model.fit((np.ones((6, 3), np.float32), np.array([0, 1, 0, 1, 0, 1])), epochs=1, batch_size=2, verbose=False)
    assert heard.count(2) >= 3
    handle.remove()
    step.step(np.ones((2, 3), np.float32), np.array([0, 1]))


def test_paths_of_types() -> None:
    """As annotations and imports of PyTorch's sources have them."""
    from fastnn.nn.modules.loss import CrossEntropyLoss

    names: dict[str, Any] = {
        "modules.loss.CrossEntropyLoss": CrossEntropyLoss,
        "modules.Module": nn.Module,
        "modules.linear.Linear": nn.Linear,
        "modules.module.Module": nn.Module,
        "modules.activation.ReLU": nn.ReLU,
        "modules.container.Sequential": nn.Sequential,
        "modules.dropout.Dropout": nn.Dropout,
        "parameter.Parameter": nn.Parameter,
    }
    for path, kind in names.items():
        assert eval(f"nn.{path}", {"nn": nn}) is kind
    assert CrossEntropyLoss is nn.CrossEntropyLoss


def test_hooks_that_are_not_there() -> None:
    layer = nn.Linear(2, 2)
    assert not hasattr(layer, "register_full_backward_hook")
    with pytest.raises(AttributeError, match=r"attribute 'register_full_backward_hook'[:;] .*\.grad$"):
        layer.register_full_backward_hook(print)
    with pytest.raises(AttributeError, match=r"^'Linear' object has no attribute 'wieght'$"):
        _ = layer.wieght
