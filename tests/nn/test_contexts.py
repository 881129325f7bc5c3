"""Around a run of a model: modes and listeners, and that they leave nothing behind."""

from __future__ import annotations

import numpy as np
import pytest
from fastnn import nn
from fastnn.eager.tensor import Tensor
from fastnn.nn.contexts import listening, modes


def model() -> nn.Sequential:
    return nn.Sequential(nn.Linear(3, 2), nn.Sequential(nn.Dropout(0.5), nn.ReLU()))


@pytest.mark.parametrize("training", [True, False])
def test_each_module_gets_its_own_mode_back(training: bool) -> None:
    net = model()
    net[1].eval()
    before = [module.training for module in net.modules()]
    with pytest.raises(KeyError), modes(net, training=training):
        assert {module.training for module in net.modules()} == {training}
        raise KeyError
    assert [module.training for module in net.modules()] == before == [True, True, False, False, False]


def test_listeners_hear_each_forward_and_go() -> None:
    net, heard = model(), []
    x = Tensor(np.ones((4, 3), np.float32))
    layers = [net[0], net[1][1]]
    with listening(layers, lambda module, inputs, output: heard.append((module, inputs, output))):
        y = net.eval()(x)
        assert net[0](x=x).shape == (4, 2)
    assert [module for module, _, _ in heard] == [net[0], net[1][1], net[0]]
    assert heard[0][1] == (x,) and heard[1][1][0] is heard[0][2] and heard[1][2] is y and heard[2][1][0] is x
    net(x)
    assert len(heard) == 3 and not any("forward" in vars(module) for module in net.modules())


def test_listeners_go_after_an_error_and_leave_a_forward_of_the_module_itself() -> None:
    net = model()
    own = net[0].forward = lambda x: x
    with pytest.raises(TypeError), listening([net[0], net[1]], lambda *_: None):
        assert net[0].forward is not own
        net(None)
    assert net[0].forward is own and "forward" not in vars(net[1])
