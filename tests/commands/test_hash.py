"""The same parameters, bit for bit, whatever runs the job: threads, instruction set, engine, container of the data."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastnn import _core, io
from job_runs import run, train_json
from small_data import pack, write_idx

Words = Callable[..., tuple]

LEVELS = dict(_core.isa_levels())
# More rows than tiles, remainders everywhere: 230 images in batches of 36, the last one of 14.
JOB = ("--arch", "784-37-10", "--epochs", 2, "--batch-size", 36)


def supported(isa: str) -> str:
    if not LEVELS[isa]:
        pytest.skip(f"this CPU does not support {isa}")
    return isa


@pytest.fixture(scope="module")
def job(idx_folder: Path) -> tuple[Any, ...]:
    return ("--data", idx_folder, *JOB)


@pytest.fixture(scope="module")
def expected(job: tuple, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The run that all others must equal."""
    return train_json(*job, cwd=tmp_path_factory.mktemp("expected"), here=True)


def same_run(found: dict[str, Any], expected: dict[str, Any]) -> None:
    """Equal parameters, losses and test, and different runs indeed (their clocks)."""
    for name in ("parameters_sha256", "train_loss", "test_correct"):
        assert found[name] == expected[name], name
    assert found["epoch_s"] != expected["epoch_s"]


@pytest.mark.parametrize("threads", [1, 2, 3, 4, 7])
def test_threads(threads: int, job: tuple, expected: dict[str, Any], tmp_path: Path) -> None:
    found = train_json(*job, cwd=tmp_path, env={"FASTNN_NUM_THREADS": str(threads)})
    assert found["threads"] == threads
    same_run(found, expected)


@pytest.mark.parametrize("isa", list(LEVELS))
def test_instruction_sets(isa: str, job: tuple, expected: dict[str, Any], tmp_path: Path) -> None:
    found = train_json(*job, cwd=tmp_path, env={"FASTNN_ISA": supported(isa)})
    assert found["isa"] == isa
    same_run(found, expected)


def test_threads_that_decode_a_folder(small: Words, tmp_path: Path) -> None:
    one, four = (train_json(*small("--threads", n, "--epochs", 1), cwd=tmp_path, here=True) for n in (1, 4))
    same_run(four, one)


@pytest.mark.parametrize("loss", ["cross_entropy", "mse", "bce_with_logits"])
@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd", "rmsprop"])
def test_engines(optimizer: str, loss: str, small: Words, tmp_path: Path) -> None:
    words = small("--epochs", 2, "--batch-size", 5, "--optimizer", optimizer, "--loss", loss)
    plan, eager = (train_json(*words, "--engine", engine, cwd=tmp_path, here=True) for engine in ("plan", "eager"))
    assert (plan["engine"], eager["engine"]) == ("plan", "eager")
    same_run(eager, plan)


def test_the_plan_ran_every_step(job: tuple, expected: dict[str, Any], tmp_path: Path) -> None:
    """7 steps in each of 2 epochs, and 1 evaluation of the 60 test images."""
    eager = train_json(*job, "--engine", "eager", cwd=tmp_path, here=True)
    assert (expected["plan_steps"], eager["plan_steps"]) == (2 * 7 + 1, 0)
    same_run(eager, expected)


def test_checkpoints_and_gzip_change_nothing(expected: dict[str, Any], tmp_path: Path) -> None:
    pack(write_idx(tmp_path / "data"))
    words = ("--data", tmp_path / "data", *JOB, "--checkpoint-every", 3, "--threads", 2)
    same_run(train_json(*words, cwd=tmp_path, here=True), expected)


def test_other_runs_have_other_bits(job: tuple, expected: dict[str, Any], tmp_path: Path) -> None:
    """The hash can tell: another seed, batch size, learning rate or length of training each gives another one."""
    changes = ((), ("--seed", 1), ("--batch-size", 35), ("--lr", 0.0010001), ("--epochs", 1), ("--limit", 229))
    hashes = [train_json(*job, *change, cwd=tmp_path, here=True)["parameters_sha256"] for change in changes]
    assert hashes[0] == expected["parameters_sha256"]
    assert len(set(hashes)) == len(changes)


def definition(arrays: dict[str, np.ndarray]) -> str:
    """The hash as it is defined: over the state_dict in order, each name in UTF-8, one 0 byte, the C-order
    little-endian bytes in logical shape."""
    digest = sha256()
    for name, array in arrays.items():
        digest.update(name.encode("utf-8") + b"\0" + np.ascontiguousarray(array).astype("<f4").tobytes())
    return digest.hexdigest()


@pytest.mark.parametrize("ending", ["safetensors", "pth"])
def test_the_hash_is_that_of_the_saved_file(ending: str, job: tuple, expected: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / f"net.{ending}"
    train_json(*job, "--out", path, cwd=tmp_path, here=True)
    arrays = dict(io.load_safetensors(path)[0] if ending == "safetensors" else io.load_pth(path)[0])
    order = [f"layer{number}.{part}" for number in (1, 2) for part in ("weight", "bias")]
    assert sorted(arrays) == sorted(order)
    assert [arrays[name].shape for name in order] == [(37, 784), (37,), (10, 37), (10,)]
    assert {array.dtype for array in arrays.values()} == {np.dtype("float32")}
    assert definition({name: arrays[name] for name in order}) == expected["parameters_sha256"]


@pytest.mark.slow
class TestMnist:
    """Two epochs of the real thing, with the defaults of everything else."""

    @pytest.fixture
    def words(self, mnist: Path) -> tuple:
        return ("--data", mnist, "--epochs", 2)

    def test_threads_instruction_sets_and_engines(self, words: tuple, tmp_path: Path) -> None:
        expected = train_json(*words, cwd=tmp_path)
        assert expected["plan_steps"] == 2 * 938 + 10
        assert expected["test_correct"] > 9600
        runs = [({"FASTNN_NUM_THREADS": str(n)}, ()) for n in (2, 3, 4, 7)]
        runs += [({"FASTNN_ISA": isa}, ()) for isa in ("avx2", "avx512") if LEVELS.get(isa)]
        runs += [({}, ("--engine", "eager"))]
        for env, more in runs:
            same_run(train_json(*words, *more, cwd=tmp_path, env=env), expected)

    def test_the_scalar_level_over_twenty_steps(self, mnist: Path, tmp_path: Path) -> None:
        words = ("--data", mnist, "--epochs", 1, "--limit", 20 * 64)
        runs = [train_json(*words, cwd=tmp_path, env={"FASTNN_ISA": isa}) for isa in LEVELS if LEVELS[isa]]
        for found in runs[1:]:
            same_run(found, runs[0])


def test_an_instruction_set_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    for isa in ("avx1024", *(name for name, there in LEVELS.items() if not there)):
        outcome = run(cwd=tmp_path, env={"FASTNN_ISA": isa})
        assert outcome.code == 2
        assert f"FASTNN_ISA is '{isa}'" in outcome.err.splitlines()[-1]
