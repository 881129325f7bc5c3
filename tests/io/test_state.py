"""Training state: arrays and a JSON record in one file."""

import re

import numpy as np
import pytest
from fastnn.errors import FormatError
from fastnn.io import load_safetensors, load_state, save_safetensors, save_state, sniff
from io_files import assert_same_tensors, sample_tensors

RECORD = {
    "epoch": 3,
    "step": 2**60,
    "loss": [0.1, 1e-300, 2.3257131576538086, -0.0],
    "seed": None,
    "resumable": True,
    "loader": {"iterations": 4, "position": 17},
    "data": 'имя ✓ "quoted" \x01',
}


def test_round_trip(tmp_path):
    path = tmp_path / "run.state"
    save_state(path, sample_tensors(), RECORD)
    tensors, record = load_state(str(path))
    assert_same_tensors(tensors, sample_tensors())
    assert record == RECORD and repr(record["loss"]) == repr(RECORD["loss"])
    assert sniff(path) == "safetensors"
    save_state(path, {}, {})
    assert load_state(path) == ({}, {})


def test_equal_records_give_equal_bytes(tmp_path):
    for name, record in (("a", RECORD), ("b", dict(reversed(RECORD.items())))):
        save_state(tmp_path / name, sample_tensors(), record)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize(
    "record, error, text",
    [
        ({"a": {1: 2}}, TypeError, r"record\['a'\] has the key 1; JSON keys are strings"),
        ({"a": (1, 2)}, TypeError, r"record\['a'\] is a tuple; JSON holds"),
        ({"a": [np.float32(1)]}, TypeError, r"record\['a'\]\[0\] is a float32"),
        ({"a": float("nan")}, ValueError, r"record\['a'\] is nan; JSON has no such number"),
        ({"a": [float("-inf")]}, ValueError, r"record\['a'\]\[0\] is -inf"),
        ([], TypeError, "record is a list; expected a dict"),
        ({"a": "\ud800"}, ValueError, "surrogates"),
        ({"a": [0.5] * 500_000}, ValueError, "record has more than 400,000 JSON values"),
        ({"a": "x" * 2**23}, ValueError, "need a header of"),
    ],
)
def test_writer_refuses(tmp_path, record, error, text):
    with pytest.raises(error, match=text):
        save_state(tmp_path / "a", {}, record)
    assert not list(tmp_path.iterdir())


def test_writer_refuses_a_record_inside_itself(tmp_path):
    record = {}
    record["self"] = record
    with pytest.raises(ValueError, match="record is nested too deeply"):
        save_state(tmp_path / "a", {}, record)


def test_a_model_file_is_no_state(tmp_path):
    save_safetensors(tmp_path / "a", sample_tensors())
    with pytest.raises(FormatError, match="a is a safetensors file without training state: a model file"):
        load_state(tmp_path / "a")


def test_a_state_file_is_a_safetensors_file(tmp_path):
    save_state(tmp_path / "a", sample_tensors(), RECORD)
    tensors, metadata = load_safetensors(tmp_path / "a")
    assert_same_tensors(tensors, sample_tensors())
    assert metadata["fastnn.state"].startswith('{"record":{')


@pytest.mark.parametrize(
    "text, message",
    [
        ('{"record":{},"version":2}', "has state version 2; this fastnn reads 1"),
        ('{"record":{},"version":"1"}', "has state version '1'"),
        ('{"record":{},"version":true}', "has state version True"),
        ('{"record":[],"version":1}', "the record is not an object"),
        ('{"record":{}}', "must have version and record, and nothing else"),
        ("[]", "must have version and record"),
        ("{", "fastnn.state is not valid JSON"),
        ('{"record":{"a":1,"a":2},"version":1}', "duplicate key 'a'"),
        ('{"record":{"a":NaN},"version":1}', "NaN is not JSON"),
        ("[" * 100_000, "nested too deeply|not valid JSON"),
    ],
)
def test_bad_state_is_refused(tmp_path, text, message):
    path = tmp_path / "run.state"
    save_safetensors(path, {}, {"fastnn.state": text})
    with pytest.raises(FormatError, match=message) as caught:
        load_state(path)
    assert str(caught.value).startswith(str(path))


def test_damage_is_found(tmp_path):
    path = tmp_path / "run.state"
    save_state(path, sample_tensors(), RECORD)
    data = path.read_bytes()
    for place in (data.index(b"1e-300") + 2, len(data) - 3):
        path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        with pytest.raises(FormatError, match=rf"{re.escape(str(path))}: .*(checksum|JSON)"):
            load_state(path)
