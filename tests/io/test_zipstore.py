"""Stored zip archives: torch's own bytes, Python's zipfile, and the tricks that zip allows."""

import io
import struct
import warnings
import zipfile
import zlib

import pytest
from fastnn.errors import FormatError
from fastnn.io.zipstore import archive, is_as_written, read_directory, read_records
from io_files import joined

RECORDS = {"archive/data.pkl": b"program", "archive/data/0": b"0123456789" * 20, "archive/version": b"3\n"}


def read(data: bytes) -> dict[str, bytes]:
    view = memoryview(data)
    records = read_records(view, read_directory(view, "m.pth"), "m.pth")
    return {name: bytes(content) for name, content in records.items()}


def zipped(records: dict[str, bytes], **options: object) -> bytes:
    """An archive by Python's zipfile."""
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w", **options) as file:
        warnings.simplefilter("ignore")  # duplicate names
        for name, content in records.items():
            file.writestr(name, content)
    return buffer.getvalue()


def test_round_trip_and_alignment():
    data = joined(archive(RECORDS))
    assert read(data) == RECORDS
    assert all(data.index(content) % 64 == 0 for content in RECORDS.values())
    assert is_as_written(memoryview(data), {name: memoryview(content) for name, content in RECORDS.items()})
    assert read(joined(archive({}))) == {}


def test_python_zipfile_reads_ours():
    with zipfile.ZipFile(io.BytesIO(joined(archive(RECORDS)))) as file:
        assert file.testzip() is None
        assert {name: file.read(name) for name in file.namelist()} == RECORDS


def test_python_zipfile_archives_are_read():
    assert read(zipped(RECORDS)) == RECORDS

    class Pipe(io.BytesIO):  # not seekable: zipfile then writes sizes behind the data
        def seekable(self) -> bool:
            return False

        def tell(self) -> int:
            raise OSError

        def seek(self, *_: int) -> int:
            raise OSError

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w") as file:
        for name, content in RECORDS.items():
            file.writestr(name, content)
    assert read(pipe.getvalue()) == RECORDS


def test_zipfile_with_forced_zip64_is_read():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file, file.open("archive/a", "w", force_zip64=True) as record:
        record.write(b"content")
    assert read(buffer.getvalue()) == {"archive/a": b"content"}


def test_writes_what_torch_writes(torch):
    buffer = io.BytesIO()
    torch.save({"a": torch.arange(5), "b": [torch.zeros(100), torch.zeros(0)]}, buffer)
    data = buffer.getvalue()
    assert joined(archive(read(data))) == data


def test_zip64_fields_of_large_archives():
    """A directory as torch writes it beyond 4 GiB: sizes and offset in the extra field."""
    name, content = b"archive/a", b"content"
    crc, size = zlib.crc32(content), len(content)
    extra = struct.pack("<HHQQ", 1, 16, size, size)
    local = struct.pack("<IHHHHHIIIHH", 0x04034B50, 0, 0x808, 0, 0, 0, 0, 0, 0, len(name), len(extra))
    record = local + name + extra + content + struct.pack("<IIQQ", 0x08074B50, crc, size, size)
    fields = struct.pack("<HHQQQ", 1, 24, size, size, 0)
    line = (
        0x02014B50,
        0,
        0,
        0x808,
        0,
        0,
        0,
        crc,
        2**32 - 1,
        2**32 - 1,
        len(name),
        len(fields),
        0,
        0,
        0,
        0,
        2**32 - 1,
    )
    directory = struct.pack("<IHHHHHHIIIHHHHHII", *line) + name + fields
    end_64 = struct.pack("<IQHHIIQQQQ", 0x06064B50, 44, 0, 45, 0, 0, 1, 1, len(directory), len(record))
    locator = struct.pack("<IIQI", 0x07064B50, 0, len(record) + len(directory), 1)
    end = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 2**16 - 1, 2**16 - 1, 2**32 - 1, 2**32 - 1, 0)
    data = record + directory + end_64 + locator + end
    assert read(data) == {"archive/a": content}
    for lie in (size + 1, 2**32, 2**63, 2**64 - 1):
        for field in range(3):
            wrong = list((size, size, 0))
            wrong[field] = lie
            with pytest.raises(FormatError, match=r"m\.pth"):
                read(data.replace(fields, struct.pack("<HHQQQ", 1, 24, *wrong)))
    with pytest.raises(FormatError, match="lacks its zip64 sizes"):
        read(data.replace(fields, struct.pack("<HHQQQ", 2, 24, size, size, 0)))
    with pytest.raises(FormatError, match="lacks its zip64 sizes"):
        read(data.replace(fields, struct.pack("<HHQQQ", 1, 8, size, size, 0)[:28]))
    with pytest.raises(FormatError, match="damaged extra field"):
        read(data.replace(fields, struct.pack("<HHQQQ", 1, 25, size, size, 0)))


def test_writer_refuses():
    with pytest.raises(ValueError, match="10,065 records; an archive holds at most 10,064"):
        archive({str(index): b"" for index in range(10_065)})

    class Huge(bytes):
        def __len__(self) -> int:
            return 2**32

    with pytest.raises(ValueError, match="less than 4 GiB"):
        archive({"a": Huge()})


# Tricks. Offsets of fields: APPNOTE 4.3.7 (local header), 4.3.12 (directory), 4.3.16 (end).


def patched(offset_of: bytes, shift: int, layout: str, value: int, data: bytes | None = None) -> bytes:
    """Our archive with one number changed, `shift` bytes behind the first occurrence of a signature."""
    changed = bytearray(data or joined(archive(RECORDS)))
    struct.pack_into(layout, changed, changed.index(offset_of) + shift, value)
    return bytes(changed)


LOCAL, CENTRAL, DESCRIPTOR = b"PK\x03\x04", b"PK\x01\x02", b"PK\x07\x08"
END_64, LOCATOR, END = b"PK\x06\x06", b"PK\x06\x07", b"PK\x05\x06"
GOOD = joined(archive(RECORDS))
PLAIN = zipped(RECORDS)
MILLION = patched(END_64, 32, "<Q", 10**6, patched(END_64, 24, "<Q", 10**6))
MILLION = patched(END, 8, "<H", 65535, patched(END, 10, "<H", 65535, MILLION))
TRICKS = [
    (
        "encrypted",
        patched(LOCAL, 6, "<H", 0x809, patched(CENTRAL, 8, "<H", 0x809)),
        "is encrypted or of an unknown kind",
    ),
    ("encrypted-local", patched(LOCAL, 6, "<H", 0x809), "local header at 0 is damaged"),
    ("deflated", zipped(RECORDS, compression=zipfile.ZIP_DEFLATED), "is compressed; only stored records"),
    ("deflated-local", patched(LOCAL, 8, "<H", 8), "local header at 0 is damaged"),
    ("two-sizes", patched(CENTRAL, 24, "<I", 8), "is compressed"),
    ("prefix", b"#!/bin/sh\n" + GOOD, "does not end at|zip64 end record"),
    ("prefix-plain", b"#!" + PLAIN, "does not end at"),
    ("trailing", GOOD + b"x", "no zip directory at the end"),
    ("comment-length", patched(END, 20, "<H", 1), "no zip directory at the end"),
    ("comment", patched(END, 20, "<H", 1) + b"x", "no zip directory at the end"),
    ("gap", patched(CENTRAL, 42, "<I", 4), "begins at 4, not 0"),
    ("count-less", patched(END_64, 24, "<Q", 2), "end record is damaged"),
    (
        "count-huge",
        patched(END, 10, "<H", 65535, patched(END, 8, "<H", 65535, PLAIN)),
        "65,535 records; at most",
    ),
    ("count-huge-64", MILLION, "1,000,000 records"),
    (
        "count-more",
        patched(END, 10, "<H", 4, patched(END, 8, "<H", 4, PLAIN)),
        "directory is damaged|truncated",
    ),
    ("count-fewer", patched(END, 10, "<H", 2, patched(END, 8, "<H", 2, PLAIN)), "directory ends at"),
    ("directory-size", patched(END, 12, "<I", 7, PLAIN), "does not end at"),
    ("directory-offset", patched(END, 16, "<I", 2**32 - 2, PLAIN), "does not end at"),
    ("disk", patched(END, 4, "<H", 1, PLAIN), "spans several disks"),
    ("disk-64", patched(END_64, 16, "<I", 1), "spans several disks"),
    ("disk-entry", patched(CENTRAL, 34, "<H", 1), "directory is damaged at"),
    ("locator-disks", patched(LOCATOR, 16, "<I", 2), "spans several disks"),
    ("locator-offset", patched(LOCATOR, 8, "<Q", 2**63), "no 56 bytes at offset 9,223"),
    ("end-64-elsewhere", patched(LOCATOR, 8, "<Q", 5), "zip64 end record at 5 is damaged"),
    ("end-64-length", patched(END_64, 4, "<Q", 45), "zip64 end record at"),
    ("end-contradiction", patched(END, 16, "<I", 1), "contradict each other"),
    ("size-lie", patched(CENTRAL, 24, "<I", 2**31, patched(CENTRAL, 20, "<I", 2**31)), "file too small"),
    (
        "size-other",
        patched(CENTRAL, 24, "<I", 8, patched(CENTRAL, 20, "<I", 8)),
        "does not end where the next begins",
    ),
    ("local-size", patched(LOCAL, 22, "<I", 5), "other sizes"),
    ("local-crc", patched(LOCAL, 14, "<I", 5), "other sizes or another checksum"),
    ("local-size-plain", patched(LOCAL, 22, "<I", 0, PLAIN), "other sizes"),
    ("local-name", GOOD.replace(b"archive/data.pkl", b"archive/data.pkx", 1), "has another name"),
    ("local-name-length", patched(LOCAL, 26, "<H", 60000), "has another name"),
    ("local-mark", b"PK\x03\x05" + GOOD[4:], "local header at 0 is damaged"),
    ("descriptor", patched(DESCRIPTOR, 8, "<I", 8), "does not end where"),
    ("descriptor-mark", GOOD.replace(DESCRIPTOR, b"PK\x07\x09", 1), "does not end where"),
    ("crc", patched(CENTRAL, 16, "<I", 1), "does not end where|is damaged"),
    ("central-mark", GOOD.replace(CENTRAL, b"PK\x01\x03"), "directory is damaged at"),
    ("central-name-length", patched(CENTRAL, 28, "<H", 65535), "directory is damaged at"),
    ("name-not-utf8", zipped({"a/b": b"x"}).replace(b"a/b", b"a/\xff"), "is not UTF-8"),
    *[
        (f"name-{bad!r}", zipped({"a/bcdefgh": b"x"}).replace(b"a/bcdefgh", bad), "is not allowed")
        for bad in (
            b"a/../b/cd",
            b"/bcdefghi",
            b"a//bcdefg",
            b"a\\b/cdefg",
            b"a/bcdefg/",
            b"./bcdefgh",
            b"a/b\x00defgh",
            b"a/b\x1b[2Jxy",
        )
    ],
    ("empty", b"", "no 22 bytes"),
    (
        "nothing-but-prefix",
        b"hello" + END + struct.pack("<HHHHIIH", 0, 0, 0, 0, 0, 5, 0),
        "begins at 5, expected 0",
    ),
    ("only-end", struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 0, 0, 0, 5, 0), "does not end at"),
]


@pytest.mark.parametrize("data, text", [trick[1:] for trick in TRICKS], ids=[trick[0] for trick in TRICKS])
def test_trick_is_refused(data, text):
    with pytest.raises(FormatError, match=text) as caught:
        read(data)
    assert str(caught.value).startswith("m.pth") and str(caught.value).isprintable()


def test_duplicate_names_are_refused():
    data = zipped({"a/b": b"1", "a/c": b"2"}).replace(b"a/c", b"a/b")
    with pytest.raises(FormatError, match="two records of one name"):
        read(data)


def test_overlapping_records_are_refused():
    """Two directory lines for one record: the usual bomb, where a small file unpacks to a huge one."""
    data = bytearray(zipped({"a/b": b"x" * 50, "a/c": b"y" * 50}))
    second = data.rindex(CENTRAL)
    struct.pack_into("<I", data, second + 42, 0)
    with pytest.raises(FormatError, match=r"does not end where|begins at 0, not|another name"):
        read(bytes(data))


def test_every_truncation_is_refused():
    for length in range(len(GOOD)):
        with pytest.raises(FormatError, match=r"m\.pth"):
            read(GOOD[:length])


def test_damaged_content_is_named_with_its_offset():
    data = bytearray(GOOD)
    data[GOOD.index(b"0123456789") + 3] ^= 1
    with pytest.raises(FormatError, match=r"record 'archive/data/0' is damaged \(checksum\): 200 bytes at offset 192"):
        read(bytes(data))
