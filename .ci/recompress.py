"""recompress.py WHEEL...: writes wheels again with the same contents, deflated as small as zopfli can.

Anything that reads zip files reads them. It takes half a minute, which an installation from sources should not.
"""

from __future__ import annotations

import struct
import sys
import zipfile
import zlib
from pathlib import Path

import zopfli.zlib

_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_NEEDS, _DEFLATED = 20, 8  # version 2.0 of the format, and its method 8: APPNOTE.TXT, 4.4
_UTF8 = 0x800


def recompressed(data: bytes) -> bytes:
    """A raw deflate stream: zlib's without its two bytes of header and four of checksum."""
    return zopfli.zlib.compress(data, numiterations=5)[2:-4]


def rewrite(path: Path) -> None:
    """In place, and compared afterwards."""
    before = path.stat().st_size
    with zipfile.ZipFile(path) as wheel:
        contents = [(info, wheel.read(info)) for info in wheel.infolist()]
    out, index = bytearray(), bytearray()
    for info, data in contents:
        packed, name, place = recompressed(data), info.filename.encode(), len(out)
        year, month, day, hour, minute, second = info.date_time
        stamp = hour << 11 | minute << 5 | second // 2, (year - 1980) << 9 | month << 5 | day
        shared = _UTF8, _DEFLATED, *stamp, zlib.crc32(data), len(packed), len(data), len(name), 0
        out += _LOCAL.pack(b"PK\3\4", _NEEDS, *shared) + name + packed
        made = _NEEDS | 3 << 8  # on Unix: permission bits
        index += _CENTRAL.pack(b"PK\1\2", made, _NEEDS, *shared, 0, 0, 0, info.external_attr, place) + name
    count = len(contents)
    out += index + _END.pack(b"PK\5\6", 0, 0, count, count, len(index), len(out), 0)
    path.write_bytes(out)
    with zipfile.ZipFile(path) as wheel:
        again = [(info.filename, wheel.read(info)) for info in wheel.infolist()]
    assert again == [(info.filename, data) for info, data in contents]
    print(f"{path.name}: {before:,} -> {path.stat().st_size:,} bytes")


for argument in sys.argv[1:]:
    rewrite(Path(argument))
