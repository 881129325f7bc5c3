"""Against PyTorch itself: its files here, ours there, and those that need code refused."""

import io
import struct
from collections import OrderedDict
from types import ModuleType

import numpy as np
import pytest
from fastnn.errors import FormatError
from fastnn.io import load_pth
from io_files import FLOATS, assert_same_tensors, encode, parse, random_tensors


def saved_by(torch: ModuleType, obj, **options) -> bytes:
    buffer = io.BytesIO()
    torch.save(obj, buffer, **options)
    return buffer.getvalue()


def loaded_by(torch: ModuleType, data: bytes):
    return torch.load(io.BytesIO(data), weights_only=True)


def bits(tensor) -> np.ndarray:
    return tensor.detach().contiguous().numpy()


def test_1000_random_state_dicts_both_ways(torch):
    rng = np.random.default_rng(1)
    for index in range(1000):
        tensors = random_tensors(rng)
        found = loaded_by(torch, encode({"state": tensors, "index": index}, {"fastnn.json": b"{}"}))
        assert found["index"] == index and type(found["state"]) is OrderedDict
        assert list(found["state"]) == list(tensors)
        assert_same_tensors({name: bits(tensor) for name, tensor in found["state"].items()}, tensors)
        theirs = OrderedDict((name, torch.from_numpy(array.copy())) for name, array in tensors.items())
        obj, records = parse(saved_by(torch, {"state": theirs, "index": index}))
        assert records == {} and obj["index"] == index and type(obj["state"]) is OrderedDict
        assert list(obj["state"]) == list(tensors)
        assert_same_tensors(obj["state"], tensors)


def test_torch_loads_plain_data_of_ours(torch):
    obj = {
        "n": [0, 255, 256, 65536, -1, 2**31, -(2**40), 2**70],
        "f": [0.5, -0.0, float("inf")],
        "t": [(), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)],
        "s": ["", "é✓", None, True, False],
        5: {"nested": {"deep": [{}]}},
    }
    assert repr(loaded_by(torch, encode(obj))) == repr(obj)
    assert repr(parse(saved_by(torch, obj))[0]) == repr(obj)


def test_state_dicts_of_modules_and_optimizers(torch):
    model = torch.nn.Sequential(
        torch.nn.Conv2d(1, 3, 3), torch.nn.BatchNorm2d(3), torch.nn.Flatten(), torch.nn.Linear(12, 2)
    )
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.ones(5, 1, 4, 4)).sum().backward()
    optimizer.step()
    data = saved_by(torch, {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 2})
    obj, _ = parse(data)
    expected = {name: bits(tensor) for name, tensor in model.state_dict().items()}
    assert_same_tensors(obj["model"], expected)
    assert list(obj["model"]) == list(expected)
    moments = optimizer.state_dict()["state"]
    assert set(obj["optimizer"]["state"]) == set(moments)
    assert_same_tensors(obj["optimizer"]["state"][0], {key: bits(value) for key, value in moments[0].items()})
    assert obj["optimizer"]["param_groups"] == optimizer.state_dict()["param_groups"]
    fresh = torch.nn.Sequential(
        torch.nn.Conv2d(1, 3, 3), torch.nn.BatchNorm2d(3), torch.nn.Flatten(), torch.nn.Linear(12, 2)
    )
    fresh.load_state_dict(loaded_by(torch, encode(obj))["model"])
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), fresh.state_dict().values(), strict=True))


def test_torch_tensors_of_every_kind(torch):
    base = torch.arange(24.0).reshape(4, 6)
    kinds = {
        "parameter": torch.nn.Parameter(torch.ones(3)),
        "frozen": torch.nn.Parameter(torch.ones(2), requires_grad=False),
        "scalar": torch.tensor(2.5),
        "empty": torch.zeros(0, 3),
        "transposed": base.t(),
        "offset": base[1:, 2:4],
        "row": base[2],
        "half": torch.tensor([1.5, -2]).half(),
        "channels_last": torch.arange(24.0).reshape(1, 2, 3, 4).contiguous(memory_format=torch.channels_last),
    }
    obj, _ = parse(saved_by(torch, kinds))
    assert_same_tensors(obj, {name: bits(tensor) for name, tensor in kinds.items()})
    assert np.shares_memory(obj["transposed"], obj["offset"])
    other, _ = parse(saved_by(torch, {"bf16": torch.tensor([1.5, -2]).bfloat16(), "size": base.size()}))
    assert other["bf16"].dtype == np.float32 and other["bf16"].tolist() == [1.5, -2]
    assert other["size"] == (4, 6)


def test_shared_tensors_are_shared_in_torch(torch):
    shared = FLOATS.copy()
    found = loaded_by(torch, encode({"a": shared, "b": shared}))
    assert found["a"].data_ptr() == found["b"].data_ptr()


@pytest.mark.filterwarnings("ignore")
def test_files_that_need_code_are_refused(torch, tmp_path):
    way = r"fastnn never runs code from files\. On a machine you trust: torch\.save\(model\.state_dict\(\)"
    with pytest.raises(
        FormatError, match=r"contains Python objects \(first: 'torch\.nn\.modules\.linear\.Linear'\).*" + way
    ):
        parse(saved_by(torch, torch.nn.Linear(2, 2)))
    with pytest.raises(FormatError, match=r"format before 1\.6.*" + way):
        parse(saved_by(torch, {"a": torch.ones(2)}, _use_new_zipfile_serialization=False))
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), str(tmp_path / "script.pt"))
    with pytest.raises(FormatError, match="is a TorchScript archive.*" + way):
        load_pth(tmp_path / "script.pt")
    for obj, first in [
        (torch.zeros(2, dtype=torch.complex64), r"torch\.ComplexFloatStorage"),
        (torch.float32, r"torch\.float32"),
        (torch.zeros(2, 2).to_sparse(), "torch._utils._rebuild_sparse_tensor"),
        ({1, 2}, r"__builtin__\.set|builtins\.set"),
    ]:
        with pytest.raises(FormatError, match=rf"contains Python objects \(first: '({first})'\)"):
            parse(saved_by(torch, [obj]))
    with pytest.raises(FormatError, match="repeats the same memory"):
        parse(saved_by(torch, torch.ones(1).expand(1000)))
    with pytest.raises(FormatError, match="does not begin with pickle protocol 2"):
        parse(saved_by(torch, [1], pickle_protocol=4))


def test_damaged_torch_files(torch):
    """Their own loader takes these without a word."""
    data = bytearray(saved_by(torch, {"a": torch.arange(6.0)}))
    data[data.index(struct.pack("<f", 5.0))] ^= 1
    assert loaded_by(torch, bytes(data))["a"][5] != 5
    with pytest.raises(FormatError, match=r"record 'archive/data/0' is damaged \(checksum\)"):
        parse(data)
