"""Tensors of the dtypes that only files have: looked at, converted, loaded into a module; never computed with."""

from __future__ import annotations

import struct
from pathlib import Path

import fastnn
import numpy as np
import pytest
from fastnn import nn
from fastnn.io import load_pth, save_pth, save_safetensors
from io_files import program, pth_file, safetensors_file, tensor

KINDS = {
    "float16": fastnn.float16,
    "int16": fastnn.int16,
    "int8": fastnn.int8,
    "uint16": fastnn.uint16,
    "uint32": None,
    "uint64": None,
}
VALUES = [[0, 1], [2, 100]]


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def loaded(kind: str, tmp_path: Path) -> fastnn.Tensor:
    save_safetensors(tmp_path / "a", {"w": np.array(VALUES, kind)})
    return fastnn.load(tmp_path / "a")["w"]


def test_it_can_be_looked_at(kind: str, loaded: fastnn.Tensor) -> None:
    assert repr(loaded.dtype) == f"torch.{kind}" and loaded.shape == (2, 2)
    assert KINDS[kind] in (None, loaded.dtype)
    assert loaded.tolist() == VALUES and loaded[1, 1].item() == 100
    assert f"dtype=torch.{kind}" in repr(loaded) and "100" in repr(loaded)
    assert loaded.numpy().dtype == kind and loaded.clone().dtype == loaded.detach().dtype == loaded.dtype


def test_it_can_be_converted(loaded: fastnn.Tensor) -> None:
    for converted, wanted in ((loaded.float(), fastnn.float32), (loaded.to(fastnn.float64), fastnn.float64)):
        assert converted.dtype is wanted and converted.tolist() == VALUES
    assert (loaded.float() + 1).tolist() == [[1, 2], [3, 101]]


def test_it_is_converted_on_its_way_into_a_module(loaded: fastnn.Tensor) -> None:
    model = nn.Linear(2, 2, bias=False)
    model.load_state_dict({"weight": loaded})
    assert model.weight.dtype is fastnn.float32 and model.weight.tolist() == VALUES
    assert model(fastnn.ones(1, 2)).tolist() == [[1, 102]]


@pytest.mark.parametrize("ending", ["safetensors", "pth"])
def test_it_is_saved_as_it_is(loaded: fastnn.Tensor, kind: str, ending: str, tmp_path: Path) -> None:
    if ending == "pth" and kind.startswith("uint"):
        with pytest.raises(TypeError, match=rf"obj\['w'\] is {kind}; a .pth file holds"):
            fastnn.save({"w": loaded}, tmp_path / "b.pth")
        return
    fastnn.save({"w": loaded}, tmp_path / f"b.{ending}")
    again = fastnn.load(tmp_path / f"b.{ending}")["w"]
    assert again.dtype is loaded.dtype and again.tolist() == VALUES


def test_products_are_refused(loaded: fastnn.Tensor, kind: str) -> None:
    with pytest.raises(TypeError, match=f"got {kind}"):
        loaded @ loaded
    assert (fastnn.ones(2, 2) + loaded).tolist() == [[1, 2], [3, 101]]  # beside a float32 it is converted


@pytest.mark.parametrize("name", ["float16", "int16", "int8", "uint16", "half", "short"])
def test_nothing_is_made_of_them(name: str) -> None:
    wanted = getattr(fastnn, name)
    for make in (
        lambda: fastnn.zeros(2, dtype=wanted),
        lambda: fastnn.ones(2).to(wanted),
        lambda: nn.Linear(1, 1).to(wanted),
    ):
        with pytest.raises(TypeError, match=r"fastnn has no tensors of dtype .*; convert to one of float32"):
            make()
    with pytest.raises(TypeError, match="fastnn has no tensors of dtype float16"):
        fastnn.tensor(np.ones(2, np.float16))


def test_bfloat16_is_float32(tmp_path: Path) -> None:
    """A bfloat16 is the upper half of the float32 of the same value: 0x3f80 is 1, 0xc040 is -3."""
    bits = struct.pack("<2H", 0x3F80, 0xC040)
    header = {"w": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}}
    (tmp_path / "a").write_bytes(safetensors_file(header, bits))
    (tmp_path / "b").write_bytes(pth_file(program(tensor(2, (2,), (1,), kind="BFloat16")), {"0": bits}))
    found = fastnn.load(tmp_path / "a")["w"], fastnn.load(tmp_path / "b")
    for each in found:
        assert each.dtype is fastnn.float32 and each.tolist() == [1, -3]


def test_half_precision_networks_of_the_command_line(tmp_path: Path) -> None:
    save_pth(tmp_path / "a.pth", {"fc.weight": np.full((2, 3), 0.5, np.float16), "fc.bias": np.ones(2, np.float16)})
    with pytest.warns(UserWarning, match="does not tell how its network was built"):
        network = fastnn.Network.load(tmp_path / "a.pth")
    assert network(fastnn.ones(1, 3)).tolist() == [[2.5, 2.5]]
    assert load_pth(tmp_path / "a.pth")[0]["fc.bias"].dtype == np.float16
