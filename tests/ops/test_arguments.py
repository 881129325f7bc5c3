"""Bad arguments to every op: a clear error of the right type; harmless oddities of arrays are accepted."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastnn import _core
from harness import as_tuple, check_same_bits, strided
from op_calls import ANY_TYPE, BROADCAST, IN_PLACE, WITH_OUT, array_arguments, call, numbers, valid_calls

ARRAYS = array_arguments()
each_array = pytest.mark.parametrize(("name", "place"), ARRAYS)
each_input = pytest.mark.parametrize(
    ("name", "place"), [(name, place) for name, place in ARRAYS if place not in IN_PLACE.get(name, ())]
)
each_updated = pytest.mark.parametrize(
    ("name", "place"), [(name, place) for name, places in IN_PLACE.items() for place in places]
)
each_out = pytest.mark.parametrize("name", WITH_OUT)


def changed(name: str, place: int, value: Any) -> list[Any]:
    arguments = valid_calls()[name]
    arguments[place] = value
    return arguments


def test_every_op_is_here() -> None:
    """What the core offers beside ops is listed; all else must have a right call in op_calls.py."""
    other = {
        "array_memory_counters", "augmented", "available_cpus", "core_distance", "cuda_available",
        "cuda_missing_reason", "fma_peak", "get_num_threads", "inflate", "inflate_blocks", "isa", "isa_description",
        "isa_levels", "kernel_addresses", "list_folder", "panel_width", "png_size", "read_images", "replace", "set_isa",
        "set_num_threads", "team_counters", "threading", "update",
    }  # fmt: skip
    functions = {name for name in dir(_core) if name.islower() and not name.startswith("_")} - other
    ops = {name for name in functions if not re.match(r"digits?_|draw_|plan|instruction", name)}
    assert ops == set(valid_calls())


def test_right_calls_are_right() -> None:
    for name, arguments in valid_calls().items():
        call(name, arguments)


@each_array
@pytest.mark.parametrize("wrong", [[1.0, 2.0], (1.0,), "text", {"a": 1}, object()], ids=lambda x: type(x).__name__)
def test_not_an_array(name: str, place: int, wrong: object) -> None:
    with pytest.raises(TypeError, match=rf"^\[\w+\] .*expected a NumPy array, got {type(wrong).__name__}"):
        call(name, changed(name, place, wrong))


@each_array
def test_object_array_names_its_first_element(name: str, place: int) -> None:
    wrong = np.full(valid_calls()[name][place].shape, None)
    wrong.flat[0] = "seven"
    with pytest.raises(TypeError, match=r"got object \(its first element is a 'str'\)"):
        call(name, changed(name, place, wrong))


@each_array
@pytest.mark.parametrize("dtype", ["f2", "g", "i4", "u4", "c8", "S3", "U3", "M8[s]", "V4"])
def test_unsupported_types(name: str, place: int, dtype: str) -> None:
    wrong = np.zeros(valid_calls()[name][place].shape, dtype)
    found = re.escape(str(wrong.dtype))
    with pytest.raises(TypeError, match=rf"expected a float32, float64, int64, uint8 or bool array, got {found}"):
        call(name, changed(name, place, wrong))


@each_array
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.uint8, np.bool_])
def test_other_types_than_needed(name: str, place: int, dtype: type) -> None:
    """A supported type in the wrong place, or beside another: TypeError that names it."""
    array = valid_calls()[name][place]
    alone = sum(op == name for op, _ in ARRAYS) == 1 or name.startswith("take") or name == "gather_rows"
    fits = (name, place) in ANY_TYPE or (alone and array.dtype.kind == "f" and dtype in (np.float32, np.float64))
    arguments = changed(name, place, array.astype(dtype))
    if (
        array.dtype == dtype
        or fits
        or (name in ("max_backward", "cross_entropy") and dtype is np.float64 and place == 0)
    ):
        call(name, arguments)
    else:
        with pytest.raises(TypeError, match=rf"^\[\w+\] .*must be .*, got {np.dtype(dtype).name}|, got float32"):
            call(name, arguments)


@each_array
def test_too_many_dimensions(name: str, place: int) -> None:
    wrong = np.zeros((1,) * 9, valid_calls()[name][place].dtype)
    with pytest.raises(ValueError, match="has 9 dimensions; at most 8 are supported"):
        call(name, changed(name, place, wrong))


FIXED_RANK = [
    *[("dense_forward", place) for place in range(3)],
    *[(f"dense_grad_{what}", place) for what in ("x", "weight") for place in range(2)],
    *[("dense_grad_bias", 0), ("cross_entropy", 0), ("cross_entropy", 1), ("sum", 0), ("max", 0), ("matmul", 0)],
    *[("conv2d", place) for place in range(3)],
    *[(f"conv2d_grad_{what}", place) for what in ("x", "weight") for place in range(2)],
    *[("conv2d_grad_bias", 0), ("max_pool2d", 0), ("max_pool2d_backward", 0), ("max_pool2d_backward", 1)],
    *[("avg_pool2d", 0), ("avg_pool2d_backward", 0), ("adaptive_avg_pool2d", 0), ("adaptive_avg_pool2d_backward", 0)],
    *[("batch_norm", place) for place in range(5)],
    *[("matmul", 1), ("max_backward", 0), ("max_backward", 1), ("gather_rows", 1), ("gather_uint8", 1)],
    *[("gather_uint8", 2), ("gather_uint8", 3)],
]


@pytest.mark.parametrize(("name", "place"), FIXED_RANK)
def test_wrong_rank(name: str, place: int) -> None:
    array = valid_calls()[name][place]
    for wrong in (array[np.newaxis], np.asarray(array[0]), np.array(array.flat[0])):
        with pytest.raises(ValueError, match=r"^\[\w+\] .*(dimension|shape|rank)"):
            call(name, changed(name, place, wrong))


@each_array
def test_mismatched_shapes(name: str, place: int) -> None:
    """One more in the first or the last dimension, where another array has to agree."""
    array = valid_calls()[name][place]
    for axis in {0, array.ndim - 1}:
        wrong = np.repeat(array, 2, axis=axis)
        alone = sum(op == name for op, _ in ARRAYS) == 1 and name != "avg_pool2d_backward"  # that is told a size
        free = alone or (name, place, axis) in {
            ("dense_grad_x", 0, 0), ("dense_grad_x", 1, 1), ("dense_grad_weight", 0, 1), ("dense_grad_weight", 1, 1),
            ("dense_forward", 0, 0), ("gather_rows", 0, 0), ("gather_rows", 0, 1), ("gather_rows", 1, 0),
            ("gather_uint8", 0, 0), ("gather_uint8", 0, 2), ("gather_uint8", 1, 0), ("take", 0, 0), ("take", 0, 1),
            ("take", 1, 0), ("take", 1, 1), ("cross_entropy", 0, 1), ("matmul", 1, 2), *((b, 0, 0) for b in BROADCAST),
            ("conv2d", 0, 0), ("conv2d", 0, 3), ("conv2d", 1, 3), ("conv2d_grad_x", 0, 0),
            ("avg_pool2d_backward", 0, 0), ("batch_norm", 0, 0), ("batch_norm", 0, 3), ("batch_norm_inference", 0, 0),
            ("batch_norm_inference", 0, 3),
        }  # fmt: skip
        if free:
            call(name, changed(name, place, wrong))
            continue
        with pytest.raises(ValueError, match=r"^\[\w+\] .*(shape|element|inputs|outputs|samples|dimension)"):
            call(name, changed(name, place, wrong))


@each_input
def test_odd_inputs_are_accepted(name: str, place: int) -> None:
    """Any strides, byte order and alignment, and read-only memory: the same result, and the input unchanged."""
    array = valid_calls()[name][place]
    swapped = array.astype(array.dtype.newbyteorder())
    odd = [swapped] if name in IN_PLACE else strided(array)  # an update wants gradients in the parameter's layout
    plain_arguments = valid_calls()[name]
    plain = as_tuple(call(name, plain_arguments))
    for other in [*odd, array.copy()]:
        other.flags.writeable = False
        arguments = changed(name, place, other)
        for found, wanted in zip(as_tuple(call(name, arguments)), plain, strict=True):
            if name not in IN_PLACE:
                check_same_bits(found, wanted)
        check_same_bits(arguments[place].astype(array.dtype), array)
        for updated in IN_PLACE.get(name, ()):
            check_same_bits(arguments[updated], plain_arguments[updated])


@each_updated
def test_updated_arrays_must_be_plain(name: str, place: int) -> None:
    array = valid_calls()[name][place]
    _, _, _, misaligned, swapped = strided(array)
    locked = array.copy()
    locked.flags.writeable = False
    for wrong, message in ((locked, "is read-only"), (misaligned, "is misaligned"), (swapped, "byte order")):
        with pytest.raises(ValueError, match=message):
            call(name, changed(name, place, wrong))


def with_out(name: str, out: object) -> list[Any]:
    """The right call with `out` in its place; what lies between is as by default."""
    arguments = valid_calls()[name]
    defaults = {"cross_entropy": [0.0], "mse": [True], "bce_with_logits": [True]}.get(name, [])
    missing = WITH_OUT[name] - len(arguments)
    return [*arguments, *defaults[:missing], out]


def result_of(name: str) -> np.ndarray:
    return as_tuple(call(name, valid_calls()[name]))[-1].copy()


@each_out
def test_out_is_used(name: str) -> None:
    expected = result_of(name)
    out = np.full(expected.shape, 99, expected.dtype)
    assert as_tuple(call(name, with_out(name, out)))[-1] is out
    check_same_bits(out, expected)


@each_out
def test_bad_outs(name: str) -> None:
    expected = result_of(name)
    read_only = np.zeros(expected.shape, expected.dtype)
    read_only.flags.writeable = False
    _, spread, _, misaligned, swapped = strided(np.zeros(expected.shape, expected.dtype))
    wrong_shape = np.zeros((*expected.shape, 2), expected.dtype)
    for out, error, message in (
        ([0.0], TypeError, "out: expected a NumPy array, got list"),
        (np.zeros(expected.shape, np.int64), TypeError, "out must be float32, got int64"),
        (np.zeros(expected.shape, np.float64), TypeError, "out must be float32, got float64"),
        (read_only, ValueError, r"out is read-only; pass a writeable array"),
        (spread, ValueError, r"out must be contiguous"),
        (misaligned, ValueError, "out is misaligned"),
        (swapped, ValueError, "out is not in this machine's byte order"),
        (wrong_shape, ValueError, rf"out has shape {re.escape(str(wrong_shape.shape))}, it must be"),
    ):
        with pytest.raises(error, match=rf"^\[\w+\] {message}"):
            call(name, with_out(name, out))


@each_out
def test_overlapping_out(name: str) -> None:
    """A result that would be written over part of an input is refused, wherever the overlap begins."""
    expected = result_of(name)
    arguments = valid_calls()[name]
    for place, array in enumerate(arguments):
        if not isinstance(array, np.ndarray) or array.dtype != expected.dtype:
            continue
        room = array.size + expected.size
        for begin in (1, array.size - 1):
            memory = np.zeros(room, array.dtype)
            shared = memory[: array.size].reshape(array.shape)
            shared[...] = array
            out = memory[begin : begin + expected.size].reshape(expected.shape)
            call_arguments = with_out(name, out)
            call_arguments[place] = shared
            with pytest.raises(ValueError, match="out overlaps an input in memory"):
                call(name, call_arguments)
            check_same_bits(shared, array)


@pytest.mark.parametrize("label", [-1, 7, 2**40, -(2**63)])
def test_labels_out_of_range_are_named(label: int) -> None:
    labels = np.array([0, 6, 3, label, label])
    message = rf"\[cross_entropy\] label {label} at sample 3 is outside 0\.\.6: the last layer has 7 outputs"
    with pytest.raises(ValueError, match=message):
        _core.cross_entropy(numbers(5, 7), labels)


@pytest.mark.parametrize("p", [-0.1, 1.0, 2.0, float("nan"), float("inf")])
def test_dropout_probability(p: float) -> None:
    with pytest.raises(ValueError, match=r"\[dropout\] p is .*; it must be at least 0 and less than 1"):
        _core.dropout(numbers(3), p, 0, 0, 0)


@pytest.mark.parametrize("name", ["cross_entropy", "mse", "bce_with_logits"])
def test_empty_batches(name: str) -> None:
    for shape in ((0, 7), (5, 0), (0, 0)):
        other = np.zeros(shape[0], np.int64) if name == "cross_entropy" else np.zeros(shape, np.float32)
        with pytest.raises(ValueError, match="the batch is empty"):
            getattr(_core, name)(np.zeros(shape, np.float32), other)


def test_no_classes() -> None:
    for name in ("softmax", "log_softmax"):
        for x in (np.zeros((3, 0), np.float32), np.zeros((), np.float32)):
            with pytest.raises(ValueError, match="x needs at least one class in its last dimension"):
                getattr(_core, name)(x)


def test_mean_and_std_go_together() -> None:
    images, index, values = np.zeros((2, 3, 4), np.uint8), np.array([1]), np.ones(3)
    for mean, std in ((values, None), (None, values)):
        with pytest.raises((TypeError, ValueError), match=r"\[gather_uint8\] .*(mean|std)"):
            _core.gather_uint8(images, index, mean, std)


def test_width_that_does_not_fit() -> None:
    """The message says which images the numbers belong to."""
    message = r"weight has 784 inputs \(784 is a 28x28 grey image\), x has shape \(2, 3072\): 3072 features a sample"
    with pytest.raises(ValueError, match=message):
        _core.dense_forward(numbers(2, 3072), numbers(3, 784))


HUGE = [(2**62,), (2**31, 2**29), (2**20, 2**20, 2**20)]


@each_input
def test_huge_arrays(name: str, place: int) -> None:
    """Sizes that no memory holds (one element, repeated): an error at once, never an overflow."""
    array = valid_calls()[name][place]
    for shape in HUGE:
        if np.prod(shape, dtype=object) * array.itemsize >= 2**63:
            shape = (*shape[:-1], shape[-1] // 8)
        huge = np.broadcast_to(array.reshape(-1)[0], shape)
        with pytest.raises((ValueError, MemoryError)):
            call(name, changed(name, place, huge))


HUGE_BUT_EMPTY = """
import numpy as np
from fastnn import _core
many = np.empty((2**55, 5, 0), np.float32)
assert _core.sum(many).shape == (2**55, 0)
assert _core.relu(many).shape == _core.add(many, many).shape == _core.copy(many).shape == many.shape
assert _core.{call}
"""


@pytest.mark.parametrize(
    "call",
    [
        "max(many)[0].shape == (2**55, 0)",
        "matmul(many[:, :0, :].repeat(1, 2), np.broadcast_to(np.float32(1), (2**55, 0, 2))).shape == (2**55, 0, 2)",
        "max_backward(many[:, 0], np.empty((2**55, 0), np.int64), 5).shape == many.shape",
        "softmax(np.empty((0, 2**55), np.float32)).shape == (0, 2**55)",
    ],
)
def test_huge_but_empty(call: str) -> None:
    """Nothing to do, in dimensions that multiply to 2^55: no loop may run over them."""
    subprocess.run([sys.executable, "-c", HUGE_BUT_EMPTY.format(call=call)], check=True, timeout=20)


def fuzz(seed: int, calls: int) -> None:
    script = Path(__file__).parents[1] / "helpers" / "fuzz_arguments.py"
    done = subprocess.run([sys.executable, str(script), str(seed), str(calls)], capture_output=True, text=True)
    last = done.stdout.rstrip().rsplit("\n", 1)[-1]
    assert done.returncode == 0, f"exit {done.returncode} in or after: {last}\n{done.stderr[-2000:]}"
    assert f"{calls} calls" in last and "'right'" in last and "'ValueError'" in last


def test_fuzz() -> None:
    """P4: 2,000 calls with any arguments, in a child: no signal, nothing above 3 s, documented exceptions only."""
    fuzz(1, 2000)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 5))
def test_fuzz_more(seed: int) -> None:
    fuzz(seed, 10_000)


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({0: None}, TypeError),
        ({1: [1.0]}, TypeError),
        ({1: np.zeros(3, dtype=np.float64)}, TypeError),
        ({2: np.zeros(4, dtype=np.float32)}, ValueError),
        ({3: []}, ValueError),
        ({3: [np.zeros(3, dtype=np.float32), np.zeros((3, 1), dtype=np.float32)]}, ValueError),
        ({3: None}, TypeError),
    ],
)
def test_updates_of_a_step(wrong: dict[int, Any], error: type[Exception]) -> None:
    """Settings, parameter, gradient and states of each; the others of the call stay as they are."""

    def right() -> list[Any]:
        zeros = [np.zeros(3, dtype=np.float32) for _ in range(3)]
        return [_core.AdamSettings(), zeros[0], np.ones(3, dtype=np.float32), zeros[1:]]

    first, second = right(), right()
    for place, value in wrong.items():
        second[place] = value
    for settings in (first[0], second[0]):
        if settings is not None:
            settings.set_step(1)
    with pytest.raises(error):
        _core.update([tuple(first), tuple(second)])
    assert not first[1].any()
    _core.update([tuple(first)])
    assert first[1].all()


def test_a_counter_is_set_with_its_update() -> None:
    settings, counted = _core.AdamSettings(), {"step": 3}
    settings.set_step(7)
    arrays = [np.ones(3, dtype=np.float32) for _ in range(4)]
    for wrong in ([], 7, None):
        with pytest.raises(TypeError):
            _core.update([(settings, *arrays[:2], arrays[2:], wrong)])
    with pytest.raises(TypeError, match="got 3 objects"):
        _core.update([(settings, *arrays[:2])])
    assert counted == {"step": 3} and (arrays[0] == 1).all()
    _core.update([(settings, *arrays[:2], arrays[2:], counted)])
    assert counted == {"step": 7} and (arrays[0] < 1).all()


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ([1.0, 2.0], TypeError),
        (np.ones(3), TypeError),
        (np.ones(4, dtype=np.float32), ValueError),
        (np.ones((1, 3), dtype=np.float32), ValueError),
        (None, TypeError),
    ],
)
def test_replace_is_all_or_nothing(wrong: Any, error: type[Exception]) -> None:
    first, second = (np.zeros(3, dtype=np.float32) for _ in range(2))
    fields = {"step": 1}
    ones = np.ones(3, dtype=np.float32)
    with pytest.raises(error):
        _core.replace([(first, ones), (second, wrong)], [(fields, {"step": 2})])
    with pytest.raises(ValueError, match="overlap"):
        _core.replace([(first, ones), (first[:], ones)], [(fields, {"step": 2})])
    second.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        _core.replace([(first, ones), (second, ones)], [(fields, {"step": 2})])
    assert not first.any() and fields == {"step": 1}
    _core.replace([(first, ones)], [(fields, {"step": 2, "sum": 3})])
    assert first.all() and fields == {"step": 2, "sum": 3}
