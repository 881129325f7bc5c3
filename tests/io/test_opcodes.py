"""The pickle reader builds plain data only: nothing that a file says is looked up, imported or called."""

import os
import pickle
import re
import sys
import time
from collections import OrderedDict

import numpy as np
import pytest
from fastnn.errors import FormatError
from fastnn.io import load_pth, opcode_writer, opcodes
from io_files import (
    name,
    needs_strace,
    number,
    numbers,
    program,
    pth_file,
    run_python,
    storage,
    string,
    tensor,
)

MEMOISE = b"q\x00"
ORDERED_DICT = name("collections", "OrderedDict")
REBUILD = name("torch._utils", "_rebuild_tensor_v2")
SAFE_WAY = r"not only tensors; fastnn never runs code from files\. On a machine you trust: torch\.save\(model"


def build_tensor(reference, offset, shape, strides):
    """Stands in for the reader of .pth files."""
    return np.array([offset, *shape, *strides])


def read(data: bytes):
    return opcodes.read(memoryview(data), "m.pth: data.pkl", build_tensor)


# Plain data.

PLAIN = [
    None,
    True,
    False,
    *(
        0,
        1,
        255,
        256,
        65535,
        65536,
        2**31 - 1,
        2**31,
        -1,
        -(2**31),
        -(2**31) - 1,
        2**63,
        -(2**63),
        2**2000,
        -(2**2000),
    ),
    *(0.0, -0.0, 1.5, 1e308, float("inf")),
    *("", "a", "é✓😀", "x" * 300, "\0"),
    *((), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4), [], [1, [2, [3]]], {}),
    {"a": 1, 2: "b", None: 3.5, True: ()},
    OrderedDict([("z", 1), ("a", OrderedDict())]),
    {"epoch": 3, "best": 0.978, "classes": ["cat", "dog"], "size": (28, 28), "nested": {"a": {"b": [{}]}}},
]


@pytest.mark.parametrize("value", PLAIN, ids=lambda value: repr(value)[:40])
def test_round_trip_of_plain_data(value):
    written = opcode_writer.write(value, None)
    for found in (read(written), pickle.loads(written), read(pickle.dumps(value, protocol=2))):
        assert found == value and type(found) is type(value)
        assert repr(found) == repr(value)


def test_memo_and_shared_parts_are_read():
    shared = ["a"]
    value = {"x": shared, "y": shared, "z": [shared, ("t", "t")]}
    assert read(pickle.dumps(value, protocol=2)) == value
    large = {str(index): index for index in range(2000)}  # LONG_BINPUT, LONG_BINGET, batches of SETITEMS
    assert read(pickle.dumps([large, list(large), list(large)], protocol=2)) == [
        large,
        list(large),
        list(large),
    ]


def test_torch_calls_become_plain_data():
    assert read(program(tensor(6, (2, 3), (3, 1), 4))).tolist() == [4, 2, 3, 3, 1]
    assert read(program(name("torch", "Size"), numbers((2, 3)), b"\x85R")) == (2, 3)
    hooks = b"\x88" + ORDERED_DICT + b")R"
    parameter = name("torch._utils", "_rebuild_parameter") + tensor(1, (1,), (1,)) + hooks + b"\x87R"
    assert read(program(parameter)).tolist() == [0, 1, 1]
    parameter = name("torch.nn.parameter", "Parameter") + tensor(1, (1,), (1,)) + b"\x88\x86R"
    assert read(program(parameter)).tolist() == [0, 1, 1]
    state = b"}" + string("_metadata") + b"}s"
    assert read(program(ORDERED_DICT, b")R", string("a"), b"K\x01s", state, b"b")) == {"a": 1}


@pytest.mark.parametrize("key", [2**64 - 1, -(2**63), -1, 0, True, None, 1.5, "a"])
def test_keys_of_dicts(key):
    assert read(opcode_writer.write({key: 1}, None)) == {key: 1}


# Attacks. Each program must end in FormatError, quickly, and the command in it must never run.


def call(module: str, attribute: str, *arguments: bytes) -> bytes:
    return name(module, attribute) + b"(" + b"".join(arguments) + b"tR"


COMMAND = "touch canary"  # in the folder of the test
TEXT, PYTHON = string(COMMAND), string(f"__import__('os').system({COMMAND!r})")
OBJECTS = r"contains Python objects \(first: "
NESTED = ORDERED_DICT + b")R"

# Programs by name, each with a pattern of its message. Code that is asked for:
ASK_FOR_CODE = {
    "os.system": (program(call("os", "system", TEXT)), OBJECTS + r"'os\.system'\), " + SAFE_WAY),
    "posix.system": (program(call("posix", "system", TEXT)), OBJECTS + "'posix.system'"),
    "builtins.eval": (program(call("builtins", "eval", PYTHON)), OBJECTS + "'builtins.eval'"),
    "builtins.exec": (program(call("builtins", "exec", PYTHON)), OBJECTS),
    "__builtin__.eval": (program(call("__builtin__", "eval", PYTHON)), OBJECTS),
    "subprocess.Popen": (program(call("subprocess", "Popen", TEXT)), OBJECTS),
    "importlib": (program(call("importlib", "import_module", string("antigravity"))), OBJECTS),
    "getattr": (program(call("builtins", "getattr", name("os", "environ"), TEXT)), OBJECTS),
    "dotted": (program(name("torch", "FloatStorage.__init__.__globals__")), OBJECTS),
    "module-only": (program(name("torch", "")), OBJECTS),
    "torch.load": (program(call("torch", "load", TEXT)), OBJECTS),
    "numpy": (program(call("numpy", "load", TEXT)), OBJECTS),
    "codecs": (program(call("_codecs", "encode", TEXT, string("latin1"))), OBJECTS),
    "bytearray": (program(call("builtins", "bytearray", number(8 * 10**9))), OBJECTS),
    "set": (program(name("builtins", "set"), b"]\x85R"), OBJECTS),
    "ansi-name": (program(name("os\x1b[2J", "system")), r"first: 'os\\x1b\[2J\.system'"),
    "no-newline": (program(b"cos" + b"x" * 300), "name of a global does not end"),
    "inst": (program(b"(", TEXT, b"ios\nsystem\n"), OBJECTS + "opcode INST"),
    "obj": (program(b"(", name("torch", "Size"), TEXT, b"o"), OBJECTS + "opcode OBJ"),
    "newobj": (program(name("torch", "Size"), TEXT, b"\x85\x81"), OBJECTS + "opcode NEWOBJ"),
    "newobj-ex": (program(name("torch", "Size"), b")}\x92"), OBJECTS + "opcode NEWOBJ_EX"),
    "stack-global": (program(string("os"), string("system"), b"\x93"), OBJECTS + "opcode STACK_GLOBAL"),
    "ext1": (program(b"\x82\x01"), OBJECTS + "opcode EXT1"),
}

# Known calls with arguments that are none of theirs, and data where it does not belong:
MISUSE_CALLS = {
    "nested-reduce": (program(NESTED, TEXT, b"\x85R"), "REDUCE of something that is no known call"),
    "reduce-string": (program(string("os.system"), TEXT, b"\x85R"), "REDUCE of something"),
    "reduce-list": (program(ORDERED_DICT, b"]R"), "REDUCE of something"),
    "ordered-dict-arguments": (
        program(call("collections", "OrderedDict", b"]")),
        "unexpected arguments of coll",
    ),
    "size-of-string": (program(call("torch", "Size", TEXT)), r"unexpected arguments of torch\.Size"),
    "storage-called": (
        program(call("torch", "FloatStorage", number(10**12))),
        "unexpected arguments of torch.Float",
    ),
    "parameter-of-number": (
        program(call("torch.nn.parameter", "Parameter", b"K\x01", b"\x88")),
        "unexpected arg",
    ),
    "parameter-hooks": (
        program(name("torch._utils", "_rebuild_parameter"), tensor(1, (1,), (1,)), b"\x88]\x87R"),
        "unexpected arguments of torch._utils._rebuild_parameter",
    ),
    "tensor-hooks": (
        program(tensor(1, (1,), (1,)).replace(ORDERED_DICT + b")R", b"}" + TEXT + TEXT + b"s")),
        "unexpected arguments of torch._utils._rebuild_tensor_v2",
    ),
    "tensor-metadata": (
        program(tensor(1, (1,), (1,))[:-2] + tensor(1, (1,), (1,)) + b"tR"),
        "unexpected arguments",
    ),
    "tensor-of-nothing": (
        program(call("torch._utils", "_rebuild_tensor_v2", *[b"N"] * 6)),
        "unexpected arguments",
    ),
    "tensor-few": (
        program(call("torch._utils", "_rebuild_tensor_v2", storage("Float", "0", 1))),
        "unexpected",
    ),
    "tensor-offset-true": (
        program(tensor(1, (1,), (1,)).replace(number(0), b"\x88")),
        "unexpected arguments",
    ),
    "build-dict": (
        program(b"}", b"}", string("__setstate__"), TEXT, b"sb"),
        "BUILD of something that is no Ordered",
    ),
    "build-token": (program(ORDERED_DICT, b"}b"), "BUILD of something"),
    "build-attribute": (
        program(NESTED, b"}", string("__class__"), TEXT, b"sb"),
        "something else than _metadata",
    ),
    "build-tuple": (program(NESTED, b"N}\x86b"), "something else than _metadata"),
    "persid-string": (program(TEXT, b"Q"), "persistent id is not a storage"),
    "persid-token": (
        program(storage("Float", "0", 1).replace(b"torch\nFloatStorage", b"torch\nSize")),
        "persistent",
    ),
    "untyped-storage": (program(name("torch.storage", "UntypedStorage")), OBJECTS),
    "text-persid": (program(b"P0\n"), "opcode 0x50 is not one that tensors need"),
    "token-as-value": (program(b"]", ORDERED_DICT, b"a"), "a name or storage stands where data should"),
    "storage-as-value": (program(storage("Float", "0", 1)), "a name or storage stands"),
}

# Values and depths without end:
WITHOUT_END = {
    "memo-bomb": (
        program(b"(]", MEMOISE, b"".join(b"](h\x00h\x00e" + MEMOISE for _ in range(40)), b"t"),
        "more than 400,000 values",
    ),
    "memo-tuple-bomb": (
        program(b"]", MEMOISE, b"".join(b"h\x00\x86" + MEMOISE for _ in range(60))),
        "more than 400,000 values",
    ),
    "wide-bomb": (
        program(b"(](", b"N" * 700, b"e", MEMOISE, b"](", b"h\x00" * 700, b"et"),
        "more than 400,000 values",
    ),
    "tuple-key-bomb": (
        program(b"})", MEMOISE, b"".join(b"h\x00\x86" + MEMOISE for _ in range(60)), b"K\x01s"),
        "a dict key is a tuple",
    ),
    # Remainders by 2**61 - 1 are Python's hashes: a dict of n of these would take n**2 steps.
    "colliding-keys": (
        program(b"}(", b"".join(number((2**61 - 1) * i) + b"N" for i in range(30_000)), b"u"),
        "a dict key is an integer of 65 bits; at most 64",
    ),
    "key-above-64-bits": (program(b"}", number(2**64), b"Ns"), "a dict key is an integer of 65 bits"),
    "key-below-64-bits": (program(b"}", number(-(2**63) - 1), b"Ns"), "a dict key is an integer of 64 bits"),
    "list-in-itself": (program(b"]", MEMOISE, b"h\x00a"), "nested deeper than 64"),
    "dict-in-itself": (program(b"}", MEMOISE, b"K\x01h\x00s"), "nested deeper than 64"),
    "deep-lists": (program(b"]" * 5000, b"a" * 4999), "nested deeper than 64"),
    "deep-tuples": (program(b")", b"\x85" * 100_000), "nested deeper than 64"),
    "deep-marks": (program(b"(" * 1000), "nested deeper than 64"),
    "opcodes": (program(b"N" * 500_000), "more than 400,000 opcodes"),
    "dict-flood": (program(b"}" * 500_000), "more than 400,000 opcodes"),
    "huge-program": (program(b"N" * (8 * 2**20)), "at most 8,388,608 are supported"),
}

# What is no program:
MALFORMED = {
    "string-4GB": (program(b"X\xff\xff\xff\xffabc"), "a string of 4,294,967,295 bytes; at most"),
    "string-too-short": (program(b"X\x10\x00\x00\x00abc"), "bytes too early"),
    "string-no-utf8": (program(b"X\x01\x00\x00\x00\xff"), "a string is not UTF-8"),
    "long4": (program(b"\x8b\xff\xff\xff\x7f"), "opcode 0x8b"),
    "frame": (program(b"\x95" + b"\xff" * 8), "opcode 0x95"),
    "protocol-4": (pickle.dumps({"a": 1}, protocol=4), "does not begin with pickle protocol 2"),
    "protocol-twice": (program(b"\x80\x02N"), "opcode 0x80"),
    "protocol-0": (pickle.dumps([1], protocol=0), "does not begin with pickle protocol 2"),
    "empty": (b"", "does not begin with"),
    "no-stop": (program(b"N")[:-1], "1 bytes too early"),
    "after-stop": (program(b"N") + b"N.", "STOP with data left over"),
    "two-values": (program(b"NN"), "STOP with data left over"),
    "no-value": (program(), "STOP with data left over"),
    "open-mark": (program(b"(N"), "STOP with data left over"),
    "tuple-of-nothing": (program(b"\x87"), "takes a value from an empty stack"),
    "tuple-across-mark": (program(b"N(\x85"), "takes a value from an empty stack"),
    "no-mark": (program(b"t"), "no mark on the stack"),
    "memo-unknown": (program(b"h\x07"), "value number 7 was never remembered"),
    "memo-huge": (program(b"Nr\xff\xff\xff\xff"), "cannot remember a value as number 4,294,967,295"),
    "memo-of-nothing": (program(b"q\x00"), "cannot remember"),
    "setitem-on-list": (program(b"]NNs"), "SETITEM into something that is no dict"),
    "setitems-odd": (program(b"}(Nu"), "a key that has no value"),
    "append-to-dict": (program(b"}Na"), "APPEND to something that is no list"),
    "array-key": (program(b"}", tensor(1, (1,), (1,)), b"Ns"), "a dict key is a ndarray"),
    "key-twice": (program(b"}", string("a"), b"Ns", string("a"), b"Ns"), "the key 'a' stands twice"),
}

ATTACKS = ASK_FOR_CODE | MISUSE_CALLS | WITHOUT_END | MALFORMED
ATTACK_NAMES = list(ATTACKS)


def test_there_are_thirty_attacks_and_more():
    assert len(ATTACK_NAMES) >= 80


@pytest.mark.parametrize("attack", ATTACK_NAMES)
def test_attack_is_refused(tmp_path, monkeypatch, attack):
    monkeypatch.chdir(tmp_path)
    canary = tmp_path / "canary"
    data, text = ATTACKS[attack]
    path = tmp_path / "m.pth"
    path.write_bytes(pth_file(data, {"0": bytes(4)}))
    monkeypatch.setitem(sys.modules, "pickle", None)  # any import of pickle now fails
    start = time.process_time()
    with pytest.raises(FormatError, match=text) as caught:
        load_pth(path)
    assert time.process_time() - start < 2
    assert str(caught.value).startswith(f"{path}: data.pkl") and str(caught.value).isprintable()
    assert not canary.exists()


@pytest.mark.parametrize("attack", ["os.system", "posix.system", "builtins.eval", "__builtin__.eval", "inst"])
def test_the_attacks_are_real(tmp_path, monkeypatch, attack):
    """Python's own pickle does run them: the canary is able to die."""
    monkeypatch.chdir(tmp_path)
    canary = tmp_path / "canary"
    pickle.loads(ATTACKS[attack][0])
    assert canary.exists()


def test_every_other_opcode_is_refused():
    allowed = {ord(".")} | set(opcodes._ACTIONS)
    assert len(allowed) == 30
    for code in set(range(256)) - allowed:
        for before in (b"", b"N", b"(", name("torch", "Size") + b")"):
            with pytest.raises(FormatError, match=f"opcode (0x{code:02x}|[A-Z_]+[0-9]?) "):
                read(program(before, bytes([code]), b"\x00" * 16))


LOAD_ALL = """
import sys
from fastnn.errors import FormatError
from fastnn.io import load_pth
open(sys.argv[1] + "/start", "rb").close()
for number in range(int(sys.argv[2])):
    try:
        load_pth(f"{sys.argv[1]}/{number}.pth")
        print("loaded", number)
    except FormatError:
        pass
"""


@needs_strace
def test_loading_attacks_starts_nothing_connects_nowhere_and_writes_nothing(tmp_path):
    (tmp_path / "start").touch()
    for index, (data, _) in enumerate(ATTACKS.values()):
        (tmp_path / f"{index}.pth").write_bytes(pth_file(data, {"0": bytes(4)}))
    log = tmp_path / "trace.log"
    calls = "execve,fork,vfork,connect,socket,openat,open,creat,unlink,rename,mkdir,link,symlink"
    prefix = ("strace", "-f", "--seccomp-bpf", "-o", str(log), "-e", f"trace={calls}")
    done = run_python(LOAD_ALL, tmp_path, len(ATTACKS), prefix=prefix)
    assert (done.returncode, done.stdout) == (0, ""), done
    lines = log.read_text().splitlines()
    start = next(index for index, line in enumerate(lines) if "/start" in line)
    loading = [line for line in lines[start + 1 :] if ".pyc" not in line and "/proc/" not in line]
    assert sum(".pth" in line for line in loading) == len(ATTACKS)
    for line in loading:
        assert re.search(r'openat\(AT_FDCWD, "[^"]+", O_RDONLY[A-Z_|]*\)|\+\+\+ exited with 0', line), line
        assert "O_CREAT" not in line


def test_source_never_imports_pickle():
    folder = os.path.dirname(opcodes.__file__)
    for entry in os.listdir(folder):
        if entry.endswith(".py"):
            with open(os.path.join(folder, entry), encoding="utf-8") as file:
                assert not re.search(r"^\s*(import|from)\s+(pickle|_pickle|dill|marshal|shelve)", file.read(), re.M)


# The writer.


def test_writer_refuses():
    loop: list = []
    loop.append(loop)
    for value, error, text in [
        (
            {"a": [1, {2: object()}]},
            TypeError,
            r"obj\['a'\]\[1\]\[2\] is a object; a \.pth file holds arrays, dicts",
        ),
        ({"a": b"x"}, TypeError, r"obj\['a'\] is a bytes"),
        ({(1, 2): 3}, TypeError, r"key obj\[\(1, 2\)\] is a tuple"),
        ({1, 2}, TypeError, "obj is a set"),
        (loop, ValueError, r"obj\[0\]\[0\].* is nested deeper than 64"),
        (2**2040, ValueError, "obj is an integer of 256 bytes; at most 255"),
        (["\ud800"], ValueError, r"obj\[0\] is not valid Unicode"),
    ]:
        with pytest.raises(error, match=text):
            opcode_writer.write(value, None)


def test_numpy_scalars_are_written_as_numbers():
    value = [np.float64(1.5), np.float32(0.5), np.int64(7), np.bool_(True), np.str_("x")]
    assert read(opcode_writer.write(value, None)) == [1.5, 0.5, 7, True, "x"]
