"""The part of the pickle format that a file of tensors needs, read and written without running anything.

A pickle is a program for a stack machine. This reader knows about thirty of its opcodes, those that build numbers,
strings, tuples, lists and dicts. The two that make pickles dangerous are defused: GLOBAL gives a `Token` (a name out of
a fixed table, never a Python object) and REDUCE compares that token with the few calls that torch.save writes. No
opcode calls, imports or looks up anything, and counts, depths and lengths are bounded. Opcodes: comments of CPython's
Lib/pickletools.py. Written by torch: torch/_utils.py, torch/serialization.py.
"""

import struct
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np

from fastnn.errors import FormatError, told
from fastnn.io.checks import check_key, shown_name
from fastnn.io.foreign import SAFE_WAY

MAX_PICKLE = 8 * 2**20
MAX_OPCODES = 400_000
MAX_VALUES = 400_000
MAX_DEPTH = 64
MAX_STRING = 2**20
MAX_GLOBAL = 256


class Token:
    """A global name of the fixed table; `storage` is the element type if it names a storage class."""

    __slots__ = ("name", "storage")

    def __init__(self, name: str, storage: str = "") -> None:
        self.name = name
        self.storage = storage


class StorageRef:
    """What a tensor's persistent id says: element type ("Float"), record key ("0"), number of elements."""

    __slots__ = ("count", "key", "kind")

    def __init__(self, kind: str, key: str, count: int) -> None:
        self.kind = kind
        self.key = key
        self.count = count


ORDERED_DICT = Token("collections OrderedDict")
TENSOR = Token("torch._utils _rebuild_tensor_v2")
_PARAMETER = Token("torch._utils _rebuild_parameter")
_PARAMETER_CLASS = Token("torch.nn.parameter Parameter")
_SIZE = Token("torch Size")
_KINDS = ("Double", "Float", "Half", "BFloat16", "Long", "Int", "Short", "Char", "Byte", "Bool")
STORAGES = {kind: Token(f"torch {kind}Storage", kind) for kind in _KINDS}
# Dtypes that came after the storage classes: torch names them beside a storage of bytes.
_UNTYPED_TENSOR = Token("torch._utils _rebuild_tensor_v3")
_UNTYPED = Token("torch.storage UntypedStorage", "Untyped")
_UNSIGNED = {Token(f"torch uint{8 * size}"): size for size in (2, 4, 8)}
_CALLS = (ORDERED_DICT, TENSOR, _UNTYPED_TENSOR, _PARAMETER, _PARAMETER_CLASS, _SIZE)
_TABLE = {token.name: token for token in (*_CALLS, *STORAGES.values(), _UNTYPED, *_UNSIGNED)}

BuildTensor = Callable[[StorageRef, int, tuple[Any, ...], tuple[Any, ...]], np.ndarray]


def read(data: memoryview, where: str, build_tensor: BuildTensor) -> Any:
    """Reads a protocol-2 pickle as torch.save writes it into plain data.

    Args:
        data: the pickle.
        where: what every error message begins with (path and record).
        build_tensor: makes the array of `(storage, offset, shape, strides)`, the last three in elements and
            as the file gave them: unchecked numbers.

    Returns:
        dict, OrderedDict, list, tuple, str, int, float, bool, None and the arrays that `build_tensor`
        returned.

    Raises:
        FormatError: damaged, too large, or more than plain data and tensors.
    """
    if len(data) > MAX_PICKLE:
        raise FormatError(f"{where} has {len(data):,} bytes; at most {MAX_PICKLE:,} are supported")
    return Reader(data, where, build_tensor).run()


class Reader:
    """The stack machine. Each method named after an opcode carries it out.

    ``kind``: what a sound file is, for messages.
    """

    kind = "file of tensors"

    def __init__(self, data: memoryview, where: str, build_tensor: BuildTensor) -> None:
        self.data = data
        self.where = where
        self.build_tensor = build_tensor
        self.place = 0
        self.stack: list[Any] = []
        self.marks: list[list[Any]] = []
        self.memo: dict[int, Any] = {}

    def run(self) -> Any:
        """Carries out opcodes up to STOP and returns the one value that is left."""
        self.begin()
        for _ in range(MAX_OPCODES):
            code = self.take(1)[0]
            if code == ord("."):
                return self.stop()
            action = self.action_of(code)
            if action is None:
                raise self.unknown(code)
            action(self)
        raise self.fault(f"more than {MAX_OPCODES:,} opcodes")

    def begin(self) -> None:
        """Passes the protocol's number."""
        if bytes(self.data[:2]) != b"\x80\x02":
            raise self.fault("does not begin with pickle protocol 2, the default of torch.save")
        self.place = 2

    def action_of(self, code: int) -> Callable[[Any], None] | None:
        """What carries out an opcode, if it is a known one."""
        return _ACTIONS.get(code)

    def token_of(self, name: str) -> Token | None:
        """What stands for a global name ("module name"), if it is a known one."""
        return _TABLE.get(name)

    def stop(self) -> Any:
        """The end: nothing may be left over."""
        if self.place != len(self.data) or len(self.stack) != 1 or self.marks:
            raise self.fault("STOP with data left over")
        self.check_plain(self.stack[0])
        return self.stack[0]

    def fault(self, text: str) -> FormatError:
        """The error for what stands before the current place."""
        text = f"{self.where} is damaged or no {self.kind}: {text} (offset {self.place:,})"
        return told(FormatError(text), "file.damaged", what=self.where)

    def unknown(self, code: int) -> FormatError:
        """The error for an opcode that this reader has not."""
        if code in _CODE_RUNNING:
            return self.objects(f"opcode {_CODE_RUNNING[code]} at offset {self.place - 1:,}")
        return self.fault(f"opcode 0x{code:02x} is not one that tensors need")

    def objects(self, first: str) -> FormatError:
        """The error for a file that needs code."""
        text = f"{self.where} contains Python objects (first: {first}), not only tensors; {SAFE_WAY}"
        return told(FormatError(text), "file.code", path=self.where, first=first)

    def take(self, count: int) -> memoryview:
        """The next `count` bytes of the program."""
        piece = self.data[self.place : self.place + count]
        if len(piece) != count:
            raise self.fault(f"ends {count - len(piece)} bytes too early")
        self.place += count
        return piece

    def number(self, layout: struct.Struct) -> Any:
        """The next number of the program."""
        return layout.unpack(self.take(layout.size))[0]

    def pop(self) -> Any:
        """The top of the stack, taken off."""
        if not self.stack:
            raise self.fault("takes a value from an empty stack")
        return self.stack.pop()

    def top(self, kind: type, text: str) -> Any:
        """The top of the stack, left there, if it is of the kind."""
        if not self.stack or not isinstance(self.stack[-1], kind):
            raise self.fault(text)
        return self.stack[-1]

    def pop_mark(self) -> list[Any]:
        """The values above the last mark, taken off."""
        if not self.marks:
            raise self.fault("no mark on the stack")
        values, self.stack = self.stack, self.marks.pop()
        return values

    def mark(self) -> None:
        if len(self.marks) >= MAX_DEPTH:
            raise self.fault(f"nested deeper than {MAX_DEPTH}")
        self.marks.append(self.stack)
        self.stack = []

    def global_name(self) -> None:
        lines = bytes(self.data[self.place : self.place + MAX_GLOBAL]).split(b"\n", 2)
        if len(lines) != 3:
            raise self.fault("name of a global does not end")
        module, name = (str(line, "ascii", "backslashreplace") for line in lines[:2])
        token = self.token_of(f"{module} {name}")
        if token is None:
            raise self.objects(shown_name(f"{module}.{name}"))
        self.place += len(lines[0]) + len(lines[1]) + 2
        self.stack.append(token)

    def reduce(self) -> None:
        args, function = self.pop(), self.pop()
        if not isinstance(function, Token) or type(args) is not tuple:
            raise self.fault("REDUCE of something that is no known call")
        self.stack.append(self.call(function, args))

    def call(self, function: Token, args: tuple[Any, ...]) -> Any:
        """The plain value that stands for one of torch's calls."""
        if function is ORDERED_DICT and not args:
            return OrderedDict()
        if function is _SIZE and len(args) == 1 and type(args[0]) is tuple:
            return args[0]
        if function is TENSOR and len(args) in (6, 7):
            return self.tensor(*args)
        if function is _UNTYPED_TENSOR and len(args) in (7, 8):
            return self.untyped_tensor(*args)
        if function in (_PARAMETER, _PARAMETER_CLASS):
            match args:
                case (np.ndarray() as array, bool(), *rest) if self.no_hooks(rest):
                    return array
        raise self.fault(f"unexpected arguments of {function.name.replace(' ', '.')}")

    def tensor(
        self, storage: Any, offset: Any, shape: Any, strides: Any, _: Any, hooks: Any, metadata: Any = None
    ) -> np.ndarray:
        """The array that stands for a call of `_rebuild_tensor_v2`."""
        numbers = type(offset) is int and type(shape) is tuple and type(strides) is tuple
        is_storage = isinstance(storage, StorageRef) and storage.kind != _UNTYPED.storage
        if not is_storage or not numbers or not self.no_hooks([hooks]) or metadata is not None:
            raise self.fault("unexpected arguments of torch._utils._rebuild_tensor_v2")
        return self.build_tensor(storage, offset, shape, strides)

    def untyped_tensor(self, storage: Any, *args: Any) -> np.ndarray:
        """The array that stands for a call of `_rebuild_tensor_v3`, whose storage counts bytes."""
        *rest, kind = args[:6]
        size = _UNSIGNED.get(kind) if isinstance(kind, Token) else None
        bytes_in = storage.count if isinstance(storage, StorageRef) and storage.kind == _UNTYPED.storage else None
        if size is None or bytes_in is None or bytes_in % size:
            raise self.fault("unexpected arguments of torch._utils._rebuild_tensor_v3")
        return self.tensor(StorageRef(f"UInt{8 * size}", storage.key, bytes_in // size), *rest, *args[6:])

    def no_hooks(self, hooks: list[Any]) -> bool:
        """Whether this is what torch writes where a tensor has no hooks: an empty OrderedDict, or nothing."""
        return all(isinstance(hook, OrderedDict) and not hook for hook in hooks) and len(hooks) <= 1

    def persistent_id(self) -> None:
        match self.pop():
            case ("storage", Token() as token, str() as key, str(), int() as count) if token.storage:
                self.stack.append(StorageRef(token.storage, key, count))
            case _:
                raise self.fault("persistent id is not a storage of a known type")

    def build(self) -> None:
        # A state_dict carries its version numbers as an attribute, `_metadata`; nothing here needs them.
        state = self.pop()
        self.top(OrderedDict, "BUILD of something that is no OrderedDict")
        if type(state) is not dict or list(state) != ["_metadata"]:
            raise self.fault("BUILD with something else than _metadata")

    def set_items(self, values: list[Any]) -> None:
        target = self.top(dict, "SETITEM into something that is no dict")
        if len(values) % 2:
            raise self.fault("SETITEMS with a key that has no value")
        for key, value in zip(values[::2], values[1::2], strict=True):
            try:
                check_key(key)
            except ValueError as error:
                raise self.fault(str(error)) from None
            if key in target:
                raise self.fault(f"the key {shown_name(key)} stands twice in a dict")
            target[key] = value

    def set_item(self) -> None:
        value, key = self.pop(), self.pop()
        self.set_items([key, value])

    def append_all(self, values: list[Any]) -> None:
        self.top(list, "APPEND to something that is no list").extend(values)

    def short_tuple(self, count: int) -> None:
        values = [self.pop() for _ in range(count)]
        self.stack.append(tuple(reversed(values)))

    def long_tuple(self) -> None:
        values = self.pop_mark()
        self.stack.append(tuple(values))

    def put(self, index: int) -> None:
        if not self.stack or index >= MAX_OPCODES:
            raise self.fault(f"cannot remember a value as number {index:,}")
        self.memo[index] = self.stack[-1]

    def get(self, index: int) -> None:
        if index not in self.memo:
            raise self.fault(f"value number {index:,} was never remembered")
        self.stack.append(self.memo[index])

    def string(self) -> None:
        length = self.number(_UINT32)
        if length > MAX_STRING:
            raise self.fault(f"a string of {length:,} bytes; at most {MAX_STRING:,} are supported")
        try:
            self.stack.append(str(self.take(length), "utf-8"))
        except UnicodeDecodeError as error:
            raise self.fault("a string is not UTF-8") from error

    def long(self) -> None:
        self.stack.append(int.from_bytes(self.take(self.take(1)[0]), "little", signed=True))

    def check_plain(self, value: Any) -> None:
        """Refuses a result that is no tree of plain data.

        Shared parts count each time they appear: a list of lists of the same lists takes a hundred bytes here and would
        take for ever to walk. A list inside itself is found by its depth.
        """
        level, total = [value], 0
        for _ in range(MAX_DEPTH):
            total += len(level)
            if total > MAX_VALUES:
                raise self.fault(f"more than {MAX_VALUES:,} values")
            level = self.children(level)
            if not level:
                return
        raise self.fault(f"nested deeper than {MAX_DEPTH}")

    def children(self, level: list[Any]) -> list[Any]:
        """The values inside the containers of one level."""
        inner: list[Any] = []
        for value in level:
            if isinstance(value, Token | StorageRef):
                raise self.fault("a name or storage stands where data should")
            if isinstance(value, dict):
                inner.extend(value.values())
            elif isinstance(value, list | tuple):
                inner.extend(value)
            if len(inner) > MAX_VALUES:
                raise self.fault(f"more than {MAX_VALUES:,} values")
        return inner


_UINT8, _UINT16, _UINT32 = struct.Struct("B"), struct.Struct("<H"), struct.Struct("<I")
_INT32, _FLOAT64 = struct.Struct("<i"), struct.Struct(">d")

_ACTIONS: dict[int, Callable[[Reader], None]] = {
    ord("c"): Reader.global_name,
    ord("R"): Reader.reduce,
    ord("Q"): Reader.persistent_id,
    ord("b"): Reader.build,
    ord("("): Reader.mark,
    ord("q"): lambda machine: machine.put(machine.number(_UINT8)),
    ord("r"): lambda machine: machine.put(machine.number(_UINT32)),
    ord("h"): lambda machine: machine.get(machine.number(_UINT8)),
    ord("j"): lambda machine: machine.get(machine.number(_UINT32)),
    ord("X"): Reader.string,
    ord("K"): lambda machine: machine.stack.append(machine.number(_UINT8)),
    ord("M"): lambda machine: machine.stack.append(machine.number(_UINT16)),
    ord("J"): lambda machine: machine.stack.append(machine.number(_INT32)),
    0x8A: Reader.long,
    ord("G"): lambda machine: machine.stack.append(machine.number(_FLOAT64)),
    ord("N"): lambda machine: machine.stack.append(None),
    0x88: lambda machine: machine.stack.append(True),
    0x89: lambda machine: machine.stack.append(False),
    ord(")"): lambda machine: machine.stack.append(()),
    ord("]"): lambda machine: machine.stack.append([]),
    ord("}"): lambda machine: machine.stack.append({}),
    0x85: lambda machine: machine.short_tuple(1),
    0x86: lambda machine: machine.short_tuple(2),
    0x87: lambda machine: machine.short_tuple(3),
    ord("t"): Reader.long_tuple,
    ord("a"): lambda machine: machine.append_all([machine.pop()]),
    ord("e"): lambda machine: machine.append_all(machine.pop_mark()),
    ord("s"): Reader.set_item,
    ord("u"): lambda machine: machine.set_items(machine.pop_mark()),
}
_CODE_RUNNING = {
    ord("i"): "INST",
    ord("o"): "OBJ",
    0x81: "NEWOBJ",
    0x82: "EXT1",
    0x83: "EXT2",
    0x84: "EXT4",
    0x92: "NEWOBJ_EX",
    0x93: "STACK_GLOBAL",
}
