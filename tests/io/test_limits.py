"""The limits of the readers, one by one: the last value that is read, and the first that is refused."""

import io
import struct
import zipfile
from collections import OrderedDict

import numpy as np
import pytest
from fastnn.errors import FormatError
from fastnn.io import opcode_writer, opcodes
from fastnn.io.checks import MAX_ELEMENTS, MAX_JSON_VALUES, MAX_RANK, MAX_TENSORS, element_count, parse_json
from fastnn.io.safetensors import MAX_HEADER, parse_safetensors
from fastnn.io.zipstore import archive, read_directory, read_records
from io_files import FLOATS, joined, name, parse, program, pth_file, safetensors_file, string, tensor


def read(data: bytes) -> object:
    return opcodes.read(memoryview(data), "f", lambda *_: np.zeros(1))


class TestPickles:
    def test_its_bytes(self) -> None:
        parts = [string("a" * (2**20 - 5))] * 7
        rest = opcodes.MAX_PICKLE - len(program(b"(", *parts, string(""), b"t"))
        assert len(read(program(b"(", *parts, string("a" * rest), b"t"))) == 8
        with pytest.raises(FormatError, match="f has 8,388,609 bytes; at most 8,388,608"):
            read(program(b"(", *parts, string("a" * (rest + 1)), b"t"))

    def test_a_strings_bytes(self) -> None:
        assert len(read(program(string("a" * 2**20)))) == 2**20
        with pytest.raises(FormatError, match="a string of 1,048,577 bytes"):
            read(program(string("a" * (2**20 + 1))))

    def test_depth_of_marks(self) -> None:
        assert read(program(b"(" * 64 + b"t" * 64)) != ()
        with pytest.raises(FormatError, match=r"nested deeper than 64 \(offset 67\)"):
            read(program(b"(" * 65 + b"t" * 65))

    def test_numbers_of_remembered_values(self) -> None:
        assert read(program(b"Nr", struct.pack("<I", opcodes.MAX_OPCODES - 1))) is None
        with pytest.raises(FormatError, match="as number 400,000"):
            read(program(b"Nr", struct.pack("<I", opcodes.MAX_OPCODES)))

    def test_hooks_of_parameters(self) -> None:
        """None, or one empty OrderedDict; neither one with something in it nor two."""
        empty = name("collections", "OrderedDict") + b")R"
        for hooks, fits in ((b"", True), (empty, True), (empty + string("a") + b"Ns", False), (empty + empty, False)):
            data = program(name("torch.nn.parameter", "Parameter"), b"(", tensor(1, (1,), (1,)), b"\x88", hooks, b"tR")
            if fits:
                assert read(data).tolist() == [0]
                continue
            with pytest.raises(FormatError, match="unexpected arguments"):
                read(data)

    @pytest.mark.parametrize("value", [-(2**31), -(2**31) - 1, 2**31 - 1, 2**31, 255, 256, 2**16 - 1, 2**16, -1])
    def test_integers(self, value: int) -> None:
        assert read(opcode_writer.write(value, None)) == value

    def test_integers_of_many_bytes(self) -> None:
        most = 2 ** (255 * 8 - 1) - 1
        for value in (most, -most):
            assert read(opcode_writer.write(value, None)) == value
        with pytest.raises(ValueError, match="an integer of 256 bytes; at most 255"):
            opcode_writer.write(most + 1, None)

    def test_depth_of_what_is_written(self) -> None:
        value: list = []
        for _ in range(63):
            value = [value]
        assert read(opcode_writer.write(value, None)) == value
        with pytest.raises(ValueError, match="nested deeper than 64"):
            opcode_writer.write([value], None)

    def test_state_of_a_dict(self) -> None:
        """BUILD takes a dict with _metadata, not something else that lists as one."""
        ordered = name("collections", "OrderedDict") + b")R"
        with pytest.raises(FormatError, match="something else than _metadata"):
            read(program(ordered, b"(", string("_metadata"), b"tb"))


class TestShapes:
    def test_rank(self) -> None:
        assert element_count((1,) * MAX_RANK, "f") == 1
        with pytest.raises(FormatError, match="f has 9 dimensions"):
            element_count((1,) * (MAX_RANK + 1), "f")

    def test_elements(self) -> None:
        assert element_count((MAX_ELEMENTS,), "f") == MAX_ELEMENTS
        for shape in ((MAX_ELEMENTS + 1,), (MAX_ELEMENTS, 2), (0, MAX_ELEMENTS, 2), (-1,), (True,), (1.0,)):
            with pytest.raises(FormatError, match="f has the"):
                element_count(shape, "f")


def test_values_of_json() -> None:
    assert len(parse_json("[" + "0," * (MAX_JSON_VALUES - 2) + "0]", "f")) == MAX_JSON_VALUES - 1
    with pytest.raises(FormatError, match="more than 400,000 JSON values"):
        parse_json("[" + "0," * MAX_JSON_VALUES + "0]", "f")


class TestSafetensors:
    @staticmethod
    def header(size: int) -> bytes:
        """An empty file's header, padded to a size."""
        return b"{}" + b" " * (size - 2)

    def test_its_header(self) -> None:
        assert parse_safetensors(memoryview(bytearray(safetensors_file(self.header(MAX_HEADER)))), "f") == ({}, {})
        with pytest.raises(FormatError, match="header of 8,388,609 bytes"):
            parse_safetensors(memoryview(bytearray(safetensors_file(self.header(MAX_HEADER + 1)))), "f")

    def test_its_end(self) -> None:
        data = safetensors_file({"a": {"dtype": "U8", "shape": [2], "data_offsets": [0, 2]}}, b"ab")
        for wrong in (data[:-1], data + b"c", data[:8] + data[9:], data[:8]):
            with pytest.raises(FormatError, match=r"^f"):
                parse_safetensors(memoryview(bytearray(wrong)), "f")
        long = struct.pack("<Q", len(data) - 7) + data[8:]
        with pytest.raises(FormatError, match="f is truncated: header of"):
            parse_safetensors(memoryview(bytearray(long)), "f")

    def test_its_tensors(self) -> None:
        entry = {"dtype": "U8", "shape": [0], "data_offsets": [0, 0]}
        most = {f"{number}": entry for number in range(MAX_TENSORS)}
        assert len(parse_safetensors(memoryview(bytearray(safetensors_file(most))), "f")[0]) == MAX_TENSORS
        with pytest.raises(FormatError, match="f has 10,001 tensors"):
            parse_safetensors(memoryview(bytearray(safetensors_file(most | {"more": entry}))), "f")


RECORDS = {"archive/data.pkl": b"program"}


class TestArchives:
    """Fields of a zip directory that nothing else contradicts."""

    @staticmethod
    def read(data: bytes) -> dict[str, memoryview]:
        view = memoryview(data)
        return read_records(view, read_directory(view, "f"), "f")

    @staticmethod
    def changed(mark: bytes, shift: int, layout: str, value: int) -> bytes:
        """Our archive with one number in the structure that begins with a mark."""
        data = bytearray(joined(archive(RECORDS)))
        struct.pack_into(layout, data, data.index(mark) + shift, value)
        return bytes(data)

    def test_names(self) -> None:
        name = "archive/" + "a" * 1016
        assert list(self.read(joined(archive({name: b"x"})))) == [name]
        with pytest.raises(FormatError, match=r"record name .* is not allowed"):
            self.read(joined(archive({name + "a": b"x"})))

    @pytest.mark.parametrize(
        ("mark", "shift", "layout", "text"),
        [
            (b"PK\x01\x02", 34, "<H", "zip directory is damaged"),  # the disk of a record
            (b"PK\x03\x04", 18, "<I", "other sizes or another checksum"),  # a record's stored size
            (b"PK\x03\x04", 22, "<I", "other sizes or another checksum"),  # its size
            (b"PK\x03\x04", 14, "<I", "other sizes or another checksum"),  # its checksum
            (b"PK\x06\x06", 4, "<Q", "zip64 end record at .* is damaged"),  # its length
        ],
    )
    def test_numbers(self, mark: bytes, shift: int, layout: str, text: str) -> None:
        assert bytes(self.read(joined(archive(RECORDS)))["archive/data.pkl"]) == b"program"
        with pytest.raises(FormatError, match=text):
            self.read(self.changed(mark, shift, layout, 45))

    def test_sizes_of_compressed_records(self) -> None:
        """Stored, says the method, and both sizes must be one."""
        with pytest.raises(FormatError, match=r"is compressed|file too small"):
            self.read(self.changed(b"PK\x01\x02", 20, "<I", 6))


@pytest.mark.parametrize(
    ("shape", "strides"),
    [((2, 3, 4), (12, 4, 1)), ((2, 0, 3), (3, 3, 1)), ((0,), (1,)), ((), ()), ((0, 0), (1, 1)), ((1, 5, 1), (5, 1, 1))],
)
def test_strides_are_written_as_pytorch_has_them(shape: tuple[int, ...], strides: tuple[int, ...]) -> None:
    """A dimension without elements counts as one: torch.zeros(2, 0, 3).stride() is (3, 3, 1)."""
    found = []
    written = opcode_writer.write(np.zeros(shape, np.float32), lambda *_: opcodes.StorageRef("Float", "0", 1))
    opcodes.read(memoryview(written), "f", lambda *arguments: found.append(arguments[2:]) or np.zeros(1))
    assert found == [(shape, strides)]


@pytest.mark.parametrize("folder", ["a", "ab", "abc", "abcd"])
def test_tensors_of_other_zip_writers_are_aligned(folder: str) -> None:
    """torch's records begin at multiples of 64; those of other programs anywhere."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr(f"{folder}/data.pkl", program(tensor(6, (6,), (1,))))
        file.writestr(f"{folder}/data/0", FLOATS.tobytes())
    found = parse(buffer.getvalue())[0]
    assert found.flags.aligned and found.flags.writeable and found.tolist() == FLOATS.tolist()


def test_ordered_dicts_stay_so() -> None:
    assert type(read(opcode_writer.write(OrderedDict(a=1), None))) is OrderedDict


def test_the_least_integer_of_32_bits_is_written_as_one() -> None:
    assert opcode_writer.write(-(2**31), None) == program(b"J\x00\x00\x00\x80")


def test_tensors_that_repeat_their_memory() -> None:
    """As many elements as the storage has, in any order; one more is an expanded tensor."""
    data = FLOATS[:2].tobytes()
    assert parse(pth_file(program(tensor(2, (2,), (0,))), {"0": data}))[0].tolist() == [0, 0]
    with pytest.raises(FormatError, match=r"shape \[3\] repeats the same memory"):
        parse(pth_file(program(tensor(2, (3,), (0,))), {"0": data}))
