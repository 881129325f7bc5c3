"""Reading takes regular files only, whole, into aligned private memory."""

import errno
import os

import numpy as np
import pytest
from fastnn.errors import FormatError
from fastnn.io import atomic, memory, read_regular
from io_files import run_python


def test_read_whole_prefix_and_aligned(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(bytes(range(200)))
    view = read_regular(path)
    assert bytes(view) == bytes(range(200)) and not view.readonly
    # Several at once: the allocator alone would not give all of them such an address.
    views = [read_regular(path, limit) for limit in range(1, 200, 7)]
    assert all(memoryview_address(view) % 64 == 0 for view in views)
    assert bytes(read_regular(path, 5)) == bytes(range(5))
    assert bytes(read_regular(path, 500)) == bytes(range(200))


def memoryview_address(view: memoryview) -> int:
    return np.frombuffer(view, np.uint8).__array_interface__["data"][0]


def test_short_reads_are_continued(tmp_path, monkeypatch):
    (tmp_path / "a").write_bytes(b"0123456789")
    real = os.readv
    monkeypatch.setattr(os, "readv", lambda fd, views: real(fd, [views[0][:3]]))
    assert bytes(read_regular(tmp_path / "a")) == b"0123456789"


def test_file_that_shrinks_while_it_is_read(tmp_path, monkeypatch):
    path = tmp_path / "a"
    path.write_bytes(b"x" * 100)
    real = os.readv

    def shrink_then_read(fd, views):
        os.truncate(path, 40)
        return real(fd, views)

    monkeypatch.setattr(os, "readv", shrink_then_read)
    with pytest.raises(FormatError, match=r"ended after 40 of 100 bytes while being read"):
        read_regular(path)


READ_ODD = """
import sys
from fastnn.errors import FormatError
from fastnn.io import load_pth, load_safetensors, load_state, read_regular, sniff
from fastnn.io.atomic import map_regular
for path in sys.argv[1:]:
    for function in (read_regular, map_regular, sniff, load_safetensors, load_pth, load_state):
        try:
            function(path)
            print("loaded", path)
        except FormatError as error:
            assert str(error).startswith(path) and "not a regular file" in str(error), error
"""


def test_fifos_devices_and_folders_are_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "link").symlink_to("/dev/zero")
    paths = [tmp_path / "fifo", "/dev/zero", "/dev/full", tmp_path / "link", tmp_path]
    done = run_python(READ_ODD, *paths, timeout=20)
    assert (done.returncode, done.stdout) == (0, ""), done


def test_a_mapped_file_is_what_it_was(tmp_path):
    """Until the last view is gone: a file that is saved anew, or removed, is another one. Nobody can write to it."""
    path = tmp_path / "a"
    path.write_bytes(b"old" * 5000)
    view = atomic.map_regular(path)
    assert view.readonly and len(view) == 15000
    atomic.write_atomic(path, [b"new"])
    assert bytes(view) == b"old" * 5000 and bytes(atomic.map_regular(path)) == b"new"
    path.unlink()
    assert bytes(view) == b"old" * 5000
    path.write_bytes(b"")
    with pytest.raises(FormatError, match=r"a is empty \(0 bytes\)"):
        atomic.map_regular(path)
    with pytest.raises(FileNotFoundError) as caught:
        atomic.map_regular(tmp_path / "none")
    assert caught.value.filename == str(tmp_path / "none")


@pytest.mark.parametrize(
    ("text", "size"),
    [
        (None, 500),
        ("2G", 2 * 10**9),
        ("1.5m", 1_500_000),
        ("64kB", 64_000),
        (" 7 ", 7),
        (9, 9),
        ("50%", 500),
        ("2.5%", 25),
    ],
)
def test_memory_in_words(text, size, monkeypatch):
    monkeypatch.setattr(memory, "free_memory", lambda: 1000)
    monkeypatch.setattr(memory, "ALWAYS_FINE", 100)
    assert memory.allowed_memory(text) == size


def test_little_is_always_allowed(monkeypatch):
    monkeypatch.setattr(memory, "free_memory", lambda: 1000)
    assert memory.allowed_memory(None) == memory.ALWAYS_FINE


@pytest.mark.parametrize(
    "text", ["", "0", "-1", "2X", "0%", "101%", "nan", "1e9", "G", "2 G G", "\u0662G", 0, "9" * 19]
)
def test_words_that_are_no_memory(text):
    with pytest.raises(ValueError, match="it must be a size such as 2G or 500M, or a share of what is free: 50%"):
        memory.allowed_memory(text)


def test_missing_file_and_read_error_keep_type_and_path(tmp_path, monkeypatch):
    path = tmp_path / "a"
    with pytest.raises(FileNotFoundError) as caught:
        read_regular(path)
    assert caught.value.filename == str(path)
    path.write_bytes(b"x")

    def fail(fd, views):
        raise PermissionError(errno.EPERM, "no")

    monkeypatch.setattr(os, "readv", fail)
    with pytest.raises(PermissionError) as caught:
        read_regular(path)
    assert caught.value.filename == str(path)


def test_file_larger_than_the_memory_is_refused_before_reading(tmp_path):
    path = tmp_path / "sparse"
    path.touch()
    os.truncate(path, 2**42)
    with pytest.raises(FormatError, match=r"sparse needs 4.4 TB of memory; \d+\.\d [GT]B are free"):
        read_regular(path)


def test_memory_that_cannot_be_had(tmp_path, monkeypatch):
    (tmp_path / "a").write_bytes(b"x")

    def fail(*_):
        raise MemoryError

    monkeypatch.setattr(np, "empty", fail)
    with pytest.raises(FormatError, match=r"a needs 1 bytes of memory, more than is free"):
        read_regular(tmp_path / "a")


def test_a_system_that_does_not_tell_its_memory(tmp_path, monkeypatch):
    def fail(*_):
        raise FileNotFoundError

    monkeypatch.setattr(memory, "open", fail, raising=False)
    monkeypatch.setattr(atomic, "ALWAYS_FINE", 0)
    (tmp_path / "a").write_bytes(b"x")
    assert bytes(read_regular(tmp_path / "a")) == b"x"


def test_folders_and_devices_are_named(tmp_path):
    with pytest.raises(FormatError, match=r" is a folder, not a regular file"):
        read_regular(tmp_path)
    with pytest.raises(FormatError, match=r"^/dev/zero is a device, pipe or socket, not a regular file"):
        read_regular("/dev/zero", 10)
