"""Saving is all or nothing, at every failure point; reading takes regular files only."""

import errno
import os
import re
import stat
import subprocess
import threading
import time
from pathlib import Path

import pytest
from fastnn import platform
from fastnn.errors import FormatError
from fastnn.io import atomic, sweep_stale, write_atomic
from io_files import CHUNKS, ERRORS, NEW, OLD, run_python, temps

CALLS = ("stat", "open", "fstat", "fchmod", "write", "fsync", "close", "replace")
DEAD_PID = 2**22 + 1  # above the largest pid that Linux gives out


class FaultyOs:
    """Stands in for the `os` module: records the calls in CALLS and makes the n-th of them fail."""

    def __init__(self, fail_at: int | None = None, error: BaseException | None = None) -> None:
        self.fail_at = fail_at
        self.error = error
        self.calls: list[str] = []

    def stand_in(self, patch: pytest.MonkeyPatch) -> None:
        """Gives it to the two modules that a save goes through."""
        for module in (atomic, platform.posix):
            patch.setattr(module, "os", self)

    def __getattr__(self, name: str):
        real = getattr(os, name)
        return self.wrapped(name, real) if name in CALLS else real

    def wrapped(self, name: str, real):
        def call(*args, **kwargs):
            self.calls.append(name)
            failing = len(self.calls) - 1 == self.fail_at
            if failing and name != "close":
                raise self.error
            result = real(*args, **kwargs)
            if failing:
                raise self.error
            return result

        return call


def os_calls(path: Path) -> list[str]:
    """The calls of one undisturbed save."""
    faulty = FaultyOs()
    with pytest.MonkeyPatch.context() as patch:
        faulty.stand_in(patch)
        write_atomic(path, CHUNKS)
    return faulty.calls


def test_writes_and_replaces(tmp_path):
    path = tmp_path / "a"
    write_atomic(path, CHUNKS)
    assert path.read_bytes() == NEW
    write_atomic(str(path), iter([b"x"]))
    assert path.read_bytes() == b"x"
    write_atomic(path, [])
    assert path.read_bytes() == b""
    assert os.listdir(tmp_path) == ["a"]


def test_mode_is_the_umasks_or_the_old_files(tmp_path):
    path = tmp_path / "a"
    before = os.umask(0o027)
    try:
        write_atomic(path, CHUNKS)
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        path.chmod(0o664)
        write_atomic(path, CHUNKS)
        assert stat.S_IMODE(path.stat().st_mode) == 0o664
    finally:
        os.umask(before)


def test_symbolic_link_stays_and_its_target_is_replaced(tmp_path):
    (tmp_path / "real").mkdir()
    target, link = tmp_path / "real" / "m", tmp_path / "latest"
    link.symlink_to(target)
    write_atomic(link, CHUNKS)  # dangling
    write_atomic(link, [b"again"])
    assert link.is_symlink() and target.read_bytes() == b"again"
    assert os.listdir(tmp_path / "real") == ["m"]


def test_names_of_255_bytes(tmp_path):
    for name in ("x" * 255, "✓" * 85):
        write_atomic(tmp_path / name, CHUNKS)
        assert (tmp_path / name).read_bytes() == NEW


def test_refuses_to_replace_what_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(OSError, match="device, pipe or socket"):
        write_atomic(tmp_path / "fifo", CHUNKS)
    with pytest.raises(IsADirectoryError, match=re.escape(f"{tmp_path} could not be saved")):
        write_atomic(tmp_path, CHUNKS)
    with pytest.raises(OSError, match="symbolic links"):
        write_atomic(tmp_path / "loop", CHUNKS)
    with pytest.raises(FileNotFoundError, match="nothing was written"):
        write_atomic(tmp_path / "missing" / "a", CHUNKS)
    assert sorted(os.listdir(tmp_path)) == ["fifo", "loop"]


def test_write_protected_old_file_stays(checkpoint, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write everything
    with pytest.raises(PermissionError, match=r"write-protected .*the old file is unchanged"):
        write_atomic(checkpoint, CHUNKS)
    assert checkpoint.read_bytes() == OLD


def test_short_writes_are_continued(checkpoint, monkeypatch):
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, data[:3]))
    write_atomic(checkpoint, CHUNKS)
    assert checkpoint.read_bytes() == NEW


def test_a_write_that_takes_nothing_is_a_full_disk(checkpoint, monkeypatch):
    monkeypatch.setattr(os, "write", lambda fd, data: 0)
    with pytest.raises(OSError, match="No space left"):
        write_atomic(checkpoint, CHUNKS)
    assert checkpoint.read_bytes() == OLD and temps(checkpoint.parent) == []


@pytest.mark.parametrize("code", ERRORS, ids=lambda code: errno.errorcode[code])
@pytest.mark.parametrize("old", [True, False], ids=["replace", "create"])
def test_every_failing_call_leaves_the_old_file(tmp_path, code, old):
    count = len(os_calls(tmp_path / "dry"))
    for index in range(count + 2):
        path = tmp_path / f"m{index}"
        if old:
            path.write_bytes(OLD)
            path.chmod(0o600)
        faulty = FaultyOs(index, OSError(code, os.strerror(code)))
        with pytest.MonkeyPatch.context() as patch:
            faulty.stand_in(patch)
            check_failed_save(path, faulty, code, OLD if old else None)
        assert temps(tmp_path) == [], faulty.calls


def check_failed_save(path: Path, faulty: FaultyOs, code: int, old: bytes | None) -> None:
    """Saves with a fault: it never happens, or the error tells all and the file is old or entirely new."""
    try:
        write_atomic(path, CHUNKS)
    except OSError as error:
        assert type(error) is type(OSError(code, "")) and error.errno == code
        assert str(path) in error.strerror and os.strerror(code) in error.strerror
        assert re.search(r"needs 14 bytes, \d+\.\d [kMGTP]B free in /", error.strerror)
        content = path.read_bytes() if path.exists() else None
        renamed = "replace" in faulty.calls[: faulty.fail_at]
        assert content == (NEW if renamed else old), faulty.calls
        kept = "the old file is unchanged" if old is not None else "nothing was written"
        assert ("power failure" if renamed else kept) in error.strerror
    else:
        assert len(faulty.calls) <= faulty.fail_at
        assert path.read_bytes() == NEW


def test_the_injected_calls_are_those_of_a_save(checkpoint):
    order = [call for call in os_calls(checkpoint) if call not in ("stat", "fstat")]
    assert order == [
        "open",
        "open",
        "fchmod",
        "write",
        "write",
        "write",
        "fsync",
        "close",
        "replace",
        "fsync",
        "close",
    ]


def test_folder_that_cannot_be_synced_is_no_error(checkpoint, monkeypatch):
    last_sync = max(index for index, call in enumerate(os_calls(checkpoint)) if call == "fsync")
    FaultyOs(last_sync, OSError(errno.EINVAL, "cannot sync a folder")).stand_in(monkeypatch)
    write_atomic(checkpoint, CHUNKS)
    assert checkpoint.read_bytes() == NEW


def test_interrupt_leaves_the_old_file_and_no_temporary_one(checkpoint, monkeypatch):
    first_write = os_calls(checkpoint).index("write")
    checkpoint.write_bytes(OLD)
    FaultyOs(first_write, KeyboardInterrupt()).stand_in(monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        write_atomic(checkpoint, CHUNKS)
    assert checkpoint.read_bytes() == OLD and temps(checkpoint.parent) == []


def test_two_threads_save_to_one_path(tmp_path):
    path = tmp_path / "m"
    contents = [bytes([letter]) * 10_000 for letter in b"ab"]
    threads = [
        threading.Thread(target=lambda data=data: [write_atomic(path, [data]) for _ in range(20)]) for data in contents
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_bytes() in contents and os.listdir(tmp_path) == ["m"]


FILE_LIMIT = """
import resource, sys
from fastnn.io import write_atomic
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    write_atomic(sys.argv[1], [b"x" * 150_000] * 2)
except OSError as error:
    print(error.strerror)
"""


def test_file_size_limit(checkpoint):
    done = run_python(FILE_LIMIT, checkpoint)
    assert done.returncode == 0, done.stderr
    assert "File too large (needs 300.0 kB," in done.stdout
    assert checkpoint.read_bytes() == OLD and os.listdir(checkpoint.parent) == [checkpoint.name]


def test_full_disk(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("mounting needs root")
    try:
        write_atomic(disk / "ck", [OLD])
        with pytest.raises(OSError, match=r"No space left on device \(needs 2.0 MB, 1.0 MB free in") as caught:
            write_atomic(disk / "ck", [b"x" * 1_000_000] * 2)
        assert caught.value.errno == errno.ENOSPC
        assert (disk / "ck").read_bytes() == OLD and os.listdir(disk) == ["ck"]
    finally:
        subprocess.run(["umount", disk], check=True)


def temp_name(target: str, pid: int, tail: str = "0123456789abcdef", space: str | None = None) -> str:
    return f"{atomic._temp_prefix(target)}{space or platform.pid_space()}-{pid}-{tail}{atomic.TEMP_SUFFIX}"


def test_sweep_removes_what_dead_processes_left(tmp_path):
    stale = [temp_name("m", DEAD_PID), temp_name("m", os.getpid()), temp_name("m", 9_999_999_999)]
    kept = [
        temp_name("m", 1),
        temp_name("m", os.getppid()),
        temp_name("other", DEAD_PID),
        temp_name("m.pth", DEAD_PID),
        temp_name("m", DEAD_PID, "short"),
        ".m.notes",
    ]
    for entry in stale + kept:
        (tmp_path / entry).touch()
    sweep_stale(tmp_path / "m")
    assert set(os.listdir(tmp_path)) == set(kept)
    sweep_stale(tmp_path / "missing" / "m")


def test_names_that_begin_alike_are_swept_each_for_itself(tmp_path):
    one, other = ("experiment-2026-11-29-mnist-784-256-10-adam-seed-" + seed for seed in "12")
    assert one[:40] == other[:40]
    (tmp_path / temp_name(one, DEAD_PID)).touch()
    (tmp_path / temp_name(other, DEAD_PID)).touch()
    sweep_stale(tmp_path / one)
    assert temps(tmp_path) == [temp_name(other, DEAD_PID)]


@pytest.mark.parametrize("pid", [DEAD_PID, os.getpid(), 1])
def test_what_another_machine_or_container_writes_stays_for_a_day(tmp_path, pid):
    for hours, entries in ((23, 1), (25, 0)):
        foreign = tmp_path / temp_name("m", pid, space="0" * 16)
        foreign.touch()
        written = time.time() - hours * 3600
        os.utime(foreign, (written, written))
        sweep_stale(tmp_path / "m")
        assert len(temps(tmp_path)) == entries


IN_ANOTHER_CONTAINER = ("unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc")


def unshares() -> bool:
    try:
        return subprocess.run([*IN_ANOTHER_CONTAINER, "true"], capture_output=True).returncode == 0
    except OSError:
        return False


@pytest.mark.skipif(not unshares(), reason="unshare is not installed or may not make containers")
def test_saves_of_two_containers_leave_each_other_alone(tmp_path):
    name = temp_name("m", os.getpid())
    (tmp_path / name).touch()
    sweep = "import sys; from fastnn.io import sweep_stale; sweep_stale(sys.argv[1])"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(atomic, "_in_flight", {name})
        for prefix in ((), IN_ANOTHER_CONTAINER):
            assert run_python(sweep, tmp_path / "m", prefix=prefix).returncode == 0
            assert temps(tmp_path) == [name]
    sweep_stale(tmp_path / "m")
    assert temps(tmp_path) == []


def test_each_process_is_on_its_own_where_the_system_does_not_tell_containers_apart(monkeypatch):
    def untold(path):
        raise FileNotFoundError

    told = platform.pid_space()
    assert told == platform.pid_space() == run_python(SPACE).stdout.strip()
    monkeypatch.setattr(os, "readlink", untold)
    here = platform.pid_space()
    assert here == platform.pid_space() != told
    monkeypatch.setattr(os, "getpid", lambda: DEAD_PID)  # as after a fork
    assert platform.pid_space() != here


SPACE = "from fastnn.platform import pid_space; print(pid_space())"


def test_sweep_leaves_what_other_users_write(tmp_path, monkeypatch):
    def not_yours(pid, number):
        raise PermissionError

    monkeypatch.setattr(os, "kill", not_yours)
    (tmp_path / temp_name("m", DEAD_PID)).touch()
    sweep_stale(tmp_path / "m")
    assert len(temps(tmp_path)) == 1


def test_saving_sweeps(tmp_path):
    (tmp_path / temp_name("m", DEAD_PID)).touch()
    write_atomic(tmp_path / "m", CHUNKS)
    assert os.listdir(tmp_path) == ["m"]


def test_a_file_larger_than_the_free_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is allocated; small ones are read whatever the system says."""
    path = tmp_path / "a"
    path.write_bytes(bytes(1000))
    monkeypatch.setattr("fastnn.io.atomic.machine_memory", lambda: 999)
    assert len(atomic.read_regular(path)) == 1000
    monkeypatch.setattr("fastnn.io.atomic.ALWAYS_FINE", 1000)
    with pytest.raises(FormatError, match=r"a needs 1\.0 kB of memory; 999 bytes are free"):
        atomic.read_regular(path)
    monkeypatch.setattr("fastnn.io.atomic.machine_memory", lambda: 1000)
    assert len(atomic.read_regular(path)) == 1000


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        FileNotFoundError, match=rf"could not be saved: there is no folder {tmp_path / 'models'} \(make"
    ):
        write_atomic(tmp_path / "models" / "net.pth", [b"x"])
