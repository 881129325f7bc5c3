"""Zip archives as torch.save writes them: every record stored as it is, nothing compressed.

Written after the zip specification (PKWARE APPNOTE 6.3, sections 4.3 and 4.5) and the bytes of torch 2.13. Python's
`zipfile` is not used for reading: it accepts prefixes, overlaps, duplicate names and compression, and checks a CRC only
when a record is read to its end. Here the records must follow each other without a gap from the first byte to the
directory, so that no record can overlap another and all together never exceed the file.
"""

import struct
import zlib
from collections.abc import Mapping
from typing import NamedTuple

from fastnn.errors import FormatError, told
from fastnn.io.checks import MAX_TENSORS, shown_name

MAX_RECORDS = MAX_TENSORS + 64
_MAX_NAME = 1024
_ALIGNMENT = 64
_MAX_OVERHEAD = 2**20  # more than the headers of a record and a full directory take

_LOCAL = struct.Struct("<IHHHHHIIIHH")
_CENTRAL = struct.Struct("<IHHHHHHIIIHHHHHII")
_DESCRIPTOR = struct.Struct("<IIII")
_DESCRIPTOR_64 = struct.Struct("<IIQQ")
_END = struct.Struct("<IHHHHIIH")
_END_64 = struct.Struct("<IQHHIIQQQQ")
_LOCATOR = struct.Struct("<IIQI")

_LOCAL_MARK, _CENTRAL_MARK, _DESCRIPTOR_MARK = 0x04034B50, 0x02014B50, 0x08074B50
_END_MARK, _END_64_MARK, _LOCATOR_MARK = 0x06054B50, 0x06064B50, 0x07064B50
_HAS_DESCRIPTOR, _UTF8 = 0x0008, 0x0800
_FLAGS = _HAS_DESCRIPTOR | _UTF8
_IN_EXTRA_16, _IN_EXTRA_32 = 0xFFFF, 0xFFFFFFFF
_ZIP64_EXTRA = 1


class Entry(NamedTuple):
    """One line of the directory."""

    name: str
    flags: int
    method: int
    crc: int
    stored: int
    size: int
    offset: int


class Directory(NamedTuple):
    """The entries in the order of their records, and the offset at which the directory begins."""

    entries: list[Entry]
    offset: int


def archive(records: Mapping[str, bytes | memoryview]) -> list[bytes | memoryview]:
    """The chunks of an archive with these records, in this order, laid out as torch 2.13 does.

    Each record begins at a multiple of 64 bytes; no dates, so that equal records give equal files.

    Raises:
        ValueError: too many records, or more than 4 GiB in all.
    """
    if len(records) > MAX_RECORDS:
        raise ValueError(f"{len(records):,} records; an archive holds at most {MAX_RECORDS:,}")
    chunks: list[bytes | memoryview] = []
    directory: list[bytes] = []
    offset = 0
    for name, data in records.items():
        code, crc, size = name.encode(), zlib.crc32(data), len(data)
        padding = -(offset + _LOCAL.size + len(code) + 4) % _ALIGNMENT
        extra = struct.pack("<2sH", b"FB", padding) + b"Z" * padding
        if offset + size + _MAX_OVERHEAD >= _IN_EXTRA_32:
            raise ValueError("a .pth file of fastnn holds less than 4 GiB; save as .safetensors")
        # torch writes no descriptor behind an empty record.
        flags = _FLAGS if size else _UTF8
        descriptor = _DESCRIPTOR.pack(_DESCRIPTOR_MARK, crc, size, size) if size else b""
        local = _LOCAL.pack(_LOCAL_MARK, 0, flags, 0, 0, 0, 0, 0, 0, len(code), len(extra)) + code + extra
        head = (_CENTRAL_MARK, 0, 0, flags, 0, 0, 0, crc, size, size, len(code), 0, 0, 0, 0, 0, offset)
        directory.append(_CENTRAL.pack(*head) + code)
        chunks += [local, data, descriptor]
        offset += len(local) + size + len(descriptor)
    chunks.append(b"".join(directory) + _end_records(len(records), sum(map(len, directory)), offset))
    return chunks


def _end_records(count: int, size: int, offset: int) -> bytes:
    """The three records behind a directory of `size` bytes at `offset`."""
    end_64 = _END_64.pack(_END_64_MARK, 44, 0x031E, 45, 0, 0, count, count, size, offset)
    locator = _LOCATOR.pack(_LOCATOR_MARK, 0, offset + size, 1)
    return end_64 + locator + _END.pack(_END_MARK, 0, 0, count, count, size, offset, 0)


def read_directory(view: memoryview, where: str) -> Directory:
    """Reads and checks the directory of the archive in `view`; opens no record.

    Raises:
        FormatError: truncated, damaged, or a directory that contradicts itself or the file's size.
    """
    count, size, offset, end = _read_end(view, where)
    if count > MAX_RECORDS:
        raise FormatError(f"{where} has {count:,} records; at most {MAX_RECORDS:,} are supported")
    if offset + size != end:
        raise FormatError(f"{where}: directory of {size:,} bytes at {offset:,} does not end at {end:,}")
    entries: list[Entry] = []
    place = offset
    for _ in range(count):
        entry, place = _read_entry(view, place, end, where)
        entries.append(entry)
    if place != end:
        raise FormatError(f"{where}: directory ends at {place:,}, expected {end:,}")
    if len({entry.name for entry in entries}) != count:
        raise FormatError(f"{where} has two records of one name")
    return Directory(sorted(entries, key=lambda entry: entry.offset), offset)


def read_records(view: memoryview, directory: Directory, where: str) -> dict[str, memoryview]:
    """The bytes of every record, uncopied, after checking headers, positions and CRC-32.

    Raises:
        FormatError: compressed or encrypted records, gaps or overlaps, local headers that contradict the
            directory, damaged content.
    """
    records: dict[str, memoryview] = {}
    place = 0
    starts = [entry.offset for entry in directory.entries] + [directory.offset]
    for entry, after in zip(directory.entries, starts[1:], strict=True):
        if entry.offset != place:
            raise FormatError(f"{where}: record {shown_name(entry.name)} begins at {entry.offset:,}, not {place:,}")
        records[entry.name] = _read_record(view, entry, after, where)
        place = after
    if place != directory.offset:
        raise FormatError(f"{where}: directory begins at {directory.offset:,}, expected {place:,}")
    return records


def is_as_written(view: memoryview, records: Mapping[str, memoryview]) -> bool:
    """Whether the file is, byte for byte, the archive that `archive` would make of its records."""
    place = 0
    for chunk in archive(records):
        if isinstance(chunk, bytes) and view[place : place + len(chunk)] != chunk:
            return False
        place += len(chunk)
    return place == len(view)


def _unpack(layout: struct.Struct, view: memoryview, offset: int, where: str) -> tuple[int, ...]:
    """Unpacks a fixed structure, checking that it lies inside the file."""
    if not 0 <= offset <= len(view) - layout.size:
        text = f"{where} is truncated or damaged: no {layout.size} bytes at offset {offset:,}"
        raise told(FormatError(text), "file.truncated", path=where)
    return layout.unpack_from(view, offset)


def _read_end(view: memoryview, where: str) -> tuple[int, int, int, int]:
    """Count, size and offset of the directory, and where it must end."""
    end = len(view) - _END.size
    mark, *disks, here, count, size, offset, comment = _unpack(_END, view, end, where)
    if mark != _END_MARK or comment:
        text = f"{where} is truncated or damaged: no zip directory at the end of its {len(view):,} bytes"
        raise told(FormatError(text), "file.truncated", path=where)
    small = (here, count, size, offset)
    locator = end - _LOCATOR.size
    if locator < 0 or view[locator : locator + 4] != struct.pack("<I", _LOCATOR_MARK):
        if any(disks) or here != count or _IN_EXTRA_32 in small:
            raise _several_disks(where)
        return count, size, offset, end
    _, disk, end_64, disk_count = _unpack(_LOCATOR, view, locator, where)
    mark, length, _, _, *large_disks, here, count, size, offset = _unpack(_END_64, view, end_64, where)
    if mark != _END_64_MARK or end_64 + _END_64.size != locator or length != 44:
        what = f"{where}: zip64 end record at {end_64:,}"
        raise told(FormatError(f"{what} is damaged"), "file.damaged", what=what)
    if any(disks) or any(large_disks) or disk or disk_count != 1 or here != count:
        raise _several_disks(where)
    limits = (_IN_EXTRA_16, _IN_EXTRA_16, _IN_EXTRA_32, _IN_EXTRA_32)
    for short, long, limit in zip(small, (here, count, size, offset), limits, strict=True):
        if short not in (long, limit):
            raise FormatError(f"{where}: zip end records contradict each other: {short:,} and {long:,}")
    return count, size, offset, end_64


def _several_disks(where: str) -> FormatError:
    what = f"{where}: zip end record"
    return told(FormatError(f"{what} is damaged or spans several disks"), "file.damaged", what=what)


def _read_entry(view: memoryview, place: int, end: int, where: str) -> tuple[Entry, int]:
    """The directory line at `place`, and the place of the next."""
    fields = _unpack(_CENTRAL, view, place, where)
    mark, _, _, flags, method, _, _, crc, stored, size, name_length, extra_length, comment, disk = fields[:14]
    offset = fields[16]
    name_at = place + _CENTRAL.size
    extra_at = name_at + name_length
    after = extra_at + extra_length + comment
    if mark != _CENTRAL_MARK or disk or after > end:
        what = f"{where}: zip directory"
        raise told(FormatError(f"{what} is damaged at offset {place:,}"), "file.damaged", what=what)
    name = _read_name(view[name_at:extra_at], where)
    large = _zip64_fields(view[extra_at : extra_at + extra_length], name, where)
    values = []
    for value in (size, stored, offset):
        if value == _IN_EXTRA_32 and not large:
            raise FormatError(f"{where}: record {shown_name(name)} lacks its zip64 sizes")
        values.append(large.pop(0) if value == _IN_EXTRA_32 else value)
    size, stored, offset = values
    if offset + stored > place:
        raise FormatError(f"{where}: record {shown_name(name)} claims {stored:,} bytes at {offset:,}: file too small")
    return Entry(name, flags, method, crc, stored, size, offset), after


def _read_name(code: memoryview, where: str) -> str:
    """A record's name: UTF-8, components separated by single slashes, none of them `.` or `..`."""
    try:
        name = str(code, "utf-8")
    except UnicodeDecodeError as error:
        raise FormatError(f"{where}: record name {shown_name(bytes(code))} is not UTF-8") from error
    parts = name.split("/")
    bad = "\\" in name or not name.isprintable() or any(part in ("", ".", "..") for part in parts)
    if bad or len(code) > _MAX_NAME:
        raise FormatError(f"{where}: record name {shown_name(name)} is not allowed")
    return name


def _zip64_fields(extra: memoryview, name: str, where: str) -> list[int]:
    """The 8-byte numbers of the zip64 extra field, in order; empty if there is none."""
    place = 0
    while place < len(extra):
        kind, length = _unpack(struct.Struct("<HH"), extra, place, where)
        place += 4
        if place + length > len(extra):
            raise FormatError(f"{where}: record {shown_name(name)} has a damaged extra field")
        if kind == _ZIP64_EXTRA:
            return list(struct.unpack_from(f"<{length // 8}Q", extra, place))
        place += length
    return []


def _read_record(view: memoryview, entry: Entry, after: int, where: str) -> memoryview:
    """The content of a record that must end, with its descriptor, exactly at `after`."""
    record = f"{where}: record {shown_name(entry.name)}"
    if entry.flags & ~_FLAGS:
        raise FormatError(f"{record} is encrypted or of an unknown kind (flags {entry.flags:#06x})")
    if entry.method != 0 or entry.stored != entry.size:
        raise FormatError(f"{record} is compressed; only stored records, as torch.save writes them, are read")
    fields = _unpack(_LOCAL, view, entry.offset, where)
    mark, _, flags, method, _, _, crc, stored, size, name_length, extra_length = fields
    described = bool(flags & _HAS_DESCRIPTOR)
    name_at = entry.offset + _LOCAL.size
    begin = name_at + name_length + extra_length
    if mark != _LOCAL_MARK or (flags, method) != (entry.flags, 0):
        what = f"{record}: local header at {entry.offset:,}"
        raise told(FormatError(f"{what} is damaged"), "file.damaged", what=what)
    if view[name_at : name_at + name_length] != entry.name.encode():
        raise FormatError(f"{record}: local header at {entry.offset:,} has another name")
    later = (0,) if described else ()
    sizes = (entry.size, _IN_EXTRA_32, *later)
    if stored not in sizes or size not in sizes or crc not in (entry.crc, *later):
        raise FormatError(f"{record}: local header at {entry.offset:,} has other sizes or another checksum")
    end = begin + entry.size
    if end + (_descriptor_size(view, entry, end, after) if described else 0) != after:
        raise FormatError(f"{record} at {begin:,} does not end where the next begins, at {after:,}")
    if zlib.crc32(view[begin:end]) != entry.crc:
        text = f"{record} is damaged (checksum): {entry.size:,} bytes at offset {begin:,}"
        raise told(FormatError(text), "file.damaged", what=record)
    return view[begin:end]


def _descriptor_size(view: memoryview, entry: Entry, end: int, after: int) -> int:
    """The size of the data descriptor at `end`, 0 if none is there that repeats CRC and size."""
    for layout in (_DESCRIPTOR, _DESCRIPTOR_64):
        if after - end == layout.size:
            fields = layout.unpack_from(view, end)
            return layout.size if fields == (_DESCRIPTOR_MARK, entry.crc, entry.size, entry.size) else 0
    return 0
