"""torch.save and torch.load: paths, open files, and what is said of other things."""

from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path

import fastnn
import numpy as np
import pytest
from fastnn import FormatError, nn

CONTENT = {"a": [1, 2.5, None, "é"], "w": fastnn.tensor([[1.0, 2.0]]), "loss": fastnn.tensor(1.5)}


def assert_is_content(found: dict) -> None:
    assert found["a"] == CONTENT["a"]
    assert found["w"].tolist() == [[1.0, 2.0]]
    assert found["loss"].shape == () and found["loss"].item() == 1.5


def test_a_file_in_memory() -> None:
    file = io.BytesIO()
    fastnn.save(CONTENT, file)
    file.seek(0)
    loaded = fastnn.load(file, map_location="cpu")
    assert_is_content(loaded)
    loaded["w"] += 1  # its memory is its own, and may be written
    file.seek(0)
    assert_is_content(fastnn.load(file))
    assert file.read() == b""


def test_files_hold_what_paths_hold(tmp_path: Path) -> None:
    file = io.BytesIO()
    fastnn.save(CONTENT, file)
    fastnn.save(CONTENT, tmp_path / "a.pth")
    assert file.getvalue() == (tmp_path / "a.pth").read_bytes()


@pytest.mark.parametrize("name", ["a.pth", "a.safetensors"])
def test_open_files_by_every_name(tmp_path: Path, name: str) -> None:
    """The ending of an open file's name counts as a path's does."""
    content = {"w": CONTENT["w"]}
    for buffering in (-1, 0):
        with open(tmp_path / name, "wb", buffering) as file:
            fastnn.save(obj=content, f=file)
        with open(tmp_path / name, "rb", buffering) as file:
            assert fastnn.load(f=file)["w"].tolist() == [[1.0, 2.0]]
    assert (fastnn.io.sniff(tmp_path / name) == "safetensors") == name.endswith("safetensors")


@pytest.mark.parametrize("make", [str, Path, lambda path: str(path).encode()])
def test_paths_of_every_kind(tmp_path: Path, make) -> None:
    for name in ("a.pth", "a.safetensors"):
        fastnn.save({"w": CONTENT["w"]}, make(tmp_path / name))
        assert fastnn.load(path=make(tmp_path / name))["w"].tolist() == [[1.0, 2.0]]
    assert fastnn.io.sniff(tmp_path / "a.safetensors") == "safetensors"


def test_a_file_within_another(tmp_path: Path) -> None:
    """From where it stands to its end; members of archives too."""
    file = io.BytesIO(b"head")
    file.seek(4)
    fastnn.save(CONTENT, file)
    file.seek(4)
    assert_is_content(fastnn.load(file))
    fastnn.save(CONTENT, tmp_path / "a.pth")
    with gzip.open(tmp_path / "a.gz", "wb") as packed:
        fastnn.save(CONTENT, packed)
    with gzip.open(tmp_path / "a.gz", "rb") as packed:
        assert_is_content(fastnn.load(packed))
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(tmp_path / "a.pth", "a.pth")
    with zipfile.ZipFile(tmp_path / "a.zip") as archive, archive.open("a.pth") as member:
        assert_is_content(fastnn.load(member))


class Slow(io.RawIOBase):
    """Takes and gives a few bytes at a time, as raw files may."""

    def __init__(self) -> None:
        self.inner = io.BytesIO()

    def write(self, data: memoryview) -> int:
        return self.inner.write(data[:7])

    def read(self, size: int = -1) -> bytes:
        return self.inner.read(min(size, 7))

    def seek(self, *where: int) -> int:
        return self.inner.seek(*where)

    def tell(self) -> int:
        return self.inner.tell()


def test_short_reads_and_writes_are_continued() -> None:
    file = Slow()
    fastnn.save(CONTENT, file)
    file.seek(0)
    assert_is_content(fastnn.load(file))


def test_a_file_that_gives_less_than_it_said() -> None:
    file = Slow()
    fastnn.save(CONTENT, file)
    file.seek(0)
    file.inner.read = lambda size: b""
    with pytest.raises(FormatError, match=r"^<Slow> ended after 0 of [\d,]+ bytes while being read"):
        fastnn.load(file)


def test_what_a_file_must_be(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("text")
    with open(tmp_path / "a.txt") as file, pytest.raises(TypeError, match=r"a\.txt is open as text: .*'rb'"):
        fastnn.load(file)
    with open(tmp_path / "b.txt", "w") as file, pytest.raises(TypeError, match=r"b\.txt takes no bytes: .*'wb'"):
        fastnn.save(CONTENT, file)
    for call in (fastnn.load, lambda value: fastnn.save({}, value)):
        with pytest.raises(TypeError, match="takes a path or an open binary file, got <int>"):
            call(3)
        with pytest.raises(TypeError, match=r"takes (one path or open binary file|what to save and where to)"):
            call(None)
    file = io.BytesIO()
    fastnn.save(CONTENT, file)
    with pytest.raises(TypeError, match=r"got a file's bytes: load\(io\.BytesIO\(\.\.\.\)\)"):
        fastnn.load(file.getvalue())
    with pytest.raises(TypeError, match="takes one path or open binary file"):
        fastnn.save({}, tmp_path / "a", path=tmp_path / "b")


def test_a_pipe_cannot_seek() -> None:
    import os

    reading, writing = os.pipe()
    os.close(writing)
    with open(reading, "rb") as file, pytest.raises(TypeError, match=r"cannot seek: read it into an io\.BytesIO first"):
        fastnn.load(file)


def test_a_file_at_its_end() -> None:
    file = io.BytesIO()
    fastnn.save(CONTENT, file)
    with pytest.raises(FormatError, match=r"^<BytesIO> has nothing left to read at its position: call its seek\(0\)"):
        fastnn.load(file)


def test_damaged_and_foreign_files_in_memory() -> None:
    file = io.BytesIO()
    fastnn.save(CONTENT, file)
    with pytest.raises(FormatError, match=r"^<BytesIO> is truncated or damaged"):
        fastnn.load(io.BytesIO(file.getvalue()[:-1]))
    with pytest.raises(FormatError, match=r"^<BytesIO> is not a PyTorch \.pth file: it seems to be text"):
        fastnn.load(io.BytesIO(b"hello"))


def test_sizes_are_held_against_memory_before_it_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.BytesIO()
    file.seek = lambda *where: 10**15
    with pytest.raises(FormatError, match=r"^<BytesIO> needs 1\.0 PB of memory"):
        fastnn.load(file)


def test_other_formats_are_refused(tmp_path: Path) -> None:
    for options in ({"pickle_protocol": 4}, {"_use_new_zipfile_serialization": False}, {"pickle_module": io}):
        with pytest.raises(ValueError, match="zip format with pickle protocol 2 only: leave these options out"):
            fastnn.save(CONTENT, tmp_path / "a.pth", **options)
    assert list(tmp_path.iterdir()) == []
    fastnn.save(CONTENT, tmp_path / "a.pth", pickle_protocol=2)
    assert_is_content(fastnn.load(tmp_path / "a.pth", mmap=True, weights_only=False))


@pytest.mark.parametrize("content", [nn.Linear(2, 2), [fastnn.ones(1)], {"m": nn.ReLU()}])
def test_safetensors_hold_tensors_by_name_only(tmp_path: Path, content: object) -> None:
    with pytest.raises(TypeError, match=r"holds tensors by name, not a .*: save it under a name with \.pth"):
        fastnn.save(content, tmp_path / "a.safetensors")
    assert list(tmp_path.iterdir()) == []


def test_every_rank_comes_back_as_it_was(tmp_path: Path) -> None:
    """0-d tensors stay so, in every writer and reader."""
    arrays = {f"{rank}": np.ones((1,) * rank, np.float32) for rank in range(5)}
    for name in ("a.pth", "a.safetensors"):
        fastnn.save({key: fastnn.tensor(array) for key, array in arrays.items()}, tmp_path / name)
        loaded = fastnn.load(tmp_path / name)
        assert {key: tuple(tensor.shape) for key, tensor in loaded.items()} == {k: a.shape for k, a in arrays.items()}


def test_a_state_of_shape_1_is_one_number(tmp_path: Path) -> None:
    """As in PyTorch, for files of older versions; no other shape passes for another."""

    class Counting(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("count", fastnn.tensor(0))

    model = Counting()
    model.load_state_dict({"count": fastnn.tensor([3])})
    assert model.count.shape == () and model.count.item() == 3
    for wrong in ([3, 4], [[3]]):
        with pytest.raises(RuntimeError, match=r"'count' has shape \(.*\) in the state, the model wants \(\)"):
            model.load_state_dict({"count": fastnn.tensor(wrong)})
