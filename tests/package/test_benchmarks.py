"""The benchmarks: wrong answers are refused, contenders take turns, every number is there, every work runs."""

from __future__ import annotations

import json
import shutil
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import accumulate
from pathlib import Path

import numpy as np
import pytest
from fastnn import _core
from fastnn.reference.exp import exp
from processes import environment, python
from small_data import write_digits, write_idx

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks import __main__ as command  # noqa: E402
from benchmarks import (  # noqa: E402
    busy,
    cnn_step,
    eager,
    end_to_end,
    harness,
    images,
    instructions,
    loader,
    memory,
    op_case,
    speed,
    train_step,
    training,
)  # fmt: skip
from benchmarks.harness import Case, Contender, Mismatch, Options, measure  # noqa: E402
from benchmarks.ops import case as case_of  # noqa: E402
from benchmarks.ops import cases as op_cases  # noqa: E402
from benchmarks.ops import rooms  # noqa: E402
from benchmarks.report import Environment, Report  # noqa: E402
from benchmarks.train_step import FastnnTrainer  # noqa: E402

QUICK = Options(threads=1, quick=True)


def contender(name: str, log: list[str], wrong: str = "") -> Contender:
    def check(answer: object) -> None:
        log.append(f"check {answer}")
        if wrong:
            raise Mismatch(wrong)

    def run() -> str:
        log.append(name)
        return name

    return Contender(name, run, check)


# The harness


def test_a_wrong_answer_stops_before_anything_is_timed() -> None:
    log: list[str] = []
    case = Case("work", lambda: [contender("a", log), contender("b", log, "off by 1"), contender("c", log)])
    with pytest.raises(Mismatch, match="work: b: off by 1; nothing was timed"):
        measure(case, QUICK, 3)
    assert log == ["a", "check a", "b", "check b"]


def test_contenders_take_turns_with_a_probe_before_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the distance of the cores between them."""
    log: list[str] = []

    def probe(threads: int, seconds: float) -> float:
        log.append(f"probe {threads}")
        return 1.0

    monkeypatch.setattr(_core, "fma_peak", probe)
    monkeypatch.setattr(_core, "core_distance", lambda: log.append("cores") or 50.0)
    measure(Case("work", lambda: [contender("a", log), contender("b", log)]), Options(threads=2, quick=True), 2)
    assert log == ["a", "check a", "b", "check b", "cores", *["probe 2", "a", "cores", "probe 2", "b", "cores"] * 2]


def test_short_work_is_repeated_after_an_untimed_call(monkeypatch: pytest.MonkeyPatch) -> None:
    log: list[str] = []
    clock = accumulate(part for seconds in (0.002, 0.004, 0.3, 0.6) for part in (0.0, seconds))
    monkeypatch.setattr(harness.time, "perf_counter", lambda: next(clock))
    result = measure(Case("work", lambda: [contender("a", log), contender("b", log)]), Options(), 1)
    assert log[4:8] == ["a", "a", "b", "b"], "how long a call takes: an untimed one, a timed one"
    assert log[8:] == ["a"] * (1 + 5) + ["b"] * (1 + 3), "10 ms of calls after an untimed one"
    assert [row.median_s for row in result.rows] == pytest.approx([0.06, 0.2])


def measured(monkeypatch: pytest.MonkeyPatch) -> harness.Result:
    """Two contenders with times and peaks that are known."""
    clock = accumulate(part for seconds in (2.0, 6.0, 1.0, 5.0, 4.0, 20.0) for part in (0.0, seconds))
    peaks = iter([5.0, 10.0, 20.0, 20.0, 10.0, 5.0])
    monkeypatch.setattr(harness.time, "perf_counter", lambda: next(clock))
    monkeypatch.setattr(_core, "fma_peak", lambda threads, seconds: next(peaks))
    a, b = contender("a", []), replace(contender("b", []), units=2, settings="b: half a unit", check=None)
    return measure(Case("work", lambda: [a, b], flops=4e9, nbytes=2e9, images=12), QUICK, 3)


def test_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = measured(monkeypatch).rows
    assert (first.median_s, first.best_s, first.worst_s) == (2.0, 1.0, 4.0)
    assert (second.median_s, second.best_s, second.worst_s) == (3.0, 2.5, 10.0)
    assert (first.ratio, first.ratio_low, first.ratio_high) == (1, 1, 1)
    assert (second.ratio, second.ratio_low, second.ratio_high) == (2.5, 1.5, 2.5), "round by round: 1.5, 2.5, 2.5"
    assert (first.gflops, first.gbytes_per_s, first.images_per_s) == (2.0, 1.0, 6.0)
    assert first.u == pytest.approx(0.2), "4 / (2 * 5), 4 / (1 * 20), 4 / (4 * 10)"
    assert (first.peak_gflops, first.peaks_gflops, first.samples_s) == (10.0, [5.0, 20.0, 10.0], [2.0, 1.0, 4.0])
    assert (first.checked, second.checked, second.settings) == (True, False, "b: half a unit")


ENVIRONMENT = Environment(
    benchmark="work",
    date="2026-01-02 03:04 UTC",
    commit="abc1234",
    cpu="A CPU",
    cpus=2,
    isa="avx2",
    threads=2,
    threading="OpenMP",
    fma_peak_gflops=123.4,
    core_distance_ns=54.4,
    system="Linux 6",
    versions={"fastnn": "1.2", "numpy": "2.0"},
    rounds=3,
    quick=False,
)


def cells(lines: list[str]) -> list[str]:
    """The table's rows without their spaces."""
    return [" ".join(line.split()) for line in lines if line.startswith("  ")]


def test_json_round_trip_and_table(monkeypatch: pytest.MonkeyPatch) -> None:
    report = Report(ENVIRONMENT, [measured(monkeypatch)])
    again = Report.from_json(report.to_json())
    assert again == report and again.text() == report.text()
    lines = report.text().splitlines()
    assert lines[0] == "benchmark work, 2026-01-02 03:04 UTC, commit abc1234"
    assert (
        lines[1]
        == "A CPU, 2 CPUs; avx2, 2 threads (OpenMP); FMA peak 123 GFLOP/s in float32; cores 54 ns apart; Linux 6"
    )
    assert lines[2] == "fastnn 1.2, numpy 2.0"
    assert "work: 4.00 GFLOP, 2.00 GB, 12 images a call" in lines
    assert cells(lines) == [
        "median best worst ratio (range) rate peak U",
        "a 2.00 s 1.00 s 4.00 s 1.00x 2.00 GFLOP/s 10 0.20",
        "b 3.00 s 2.50 s 10.0 s 2.50x (1.50..2.50) 1.33 GFLOP/s 10 0.08",
    ]
    assert lines[-1] == "b: half a unit" and max(map(len, lines)) <= 120


def apart(monkeypatch: pytest.MonkeyPatch, distances: list[float], seconds: list[float]) -> harness.Result:
    """Contenders a and b in turns of so many seconds each, with cores at these distances before and after."""
    clock = accumulate(part for taken in seconds for part in (0.0, taken))
    each = iter(distances)
    monkeypatch.setattr(harness.time, "perf_counter", lambda: next(clock))
    monkeypatch.setattr(_core, "fma_peak", lambda threads, seconds: 8.0)
    monkeypatch.setattr(_core, "core_distance", lambda: next(each))
    case = Case("work", lambda: [contender("a", []), contender("b", [])], flops=4e9)
    return measure(case, Options(threads=2, quick=True), len(seconds) // 2)


def test_near_and_far_cores_are_kept_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has ratios of its own; where the distance changed during a sample, that is left out."""
    distances = [50.0, 50.0, 60.0, 70.0, 200.0, 200.0, 200.0, 200.0, 99.0]
    result = apart(monkeypatch, distances, [2.0, 6.0, 1.0, 5.0, 4.0, 20.0, 6.0, 30.0])
    assert [(row.name, row.cores, row.samples_s, row.ratio) for row in result.rows] == [
        ("a", "near", [2.0, 1.0], 1),
        ("b", "near", [6.0], 3),
        ("a", "far", [4.0, 6.0], 1),
        ("b", "far", [20.0], 5),
    ]
    assert result.left_out == 2 and result.rows[0].distances_ns == [[50, 50], [60, 70]]
    report = Report(ENVIRONMENT, [result, replace(result, name="more")])
    assert Report.from_json(report.to_json()) == report
    lines = report.text().splitlines()
    assert cells(lines)[:6] == [
        "cores median best worst ratio (range) rate peak U",
        "a near 55 1.50 s 1.00 s 2.00 s 1.00x 2.67 GFLOP/s 8 0.38",
        "b near 55 6.00 s 6.00 s 6.00 s 3.00x (3.00..3.00) 667 MFLOP/s 8 0.08",
        "a far 200 5.00 s 4.00 s 6.00 s 1.00x 800 MFLOP/s 8 0.10",
        "b far 200 20.0 s 20.0 s 20.0 s 5.00x (5.00..5.00) 200 MFLOP/s 8 0.03",
        "left out: 2 samples, before and after which the cores' distance differs",
    ]
    assert "cores: ns from one to another, before and after each sample; near: both times below 100" in lines
    assert lines[-5:] == [
        "in short:",
        *(f"{name}, {text}" for name in ("work", "more") for text in (
            "near: 1.50 s, U 0.38; b 3.00x",
            "far: 5.00 s, U 0.10, 3.33x of near; b 5.00x",
        )),
    ]  # fmt: skip


def test_a_ratio_needs_both_at_one_distance(monkeypatch: pytest.MonkeyPatch) -> None:
    result = apart(monkeypatch, [50.0, 200.0, 200.0, 200.0, 50.0], [2.0, 6.0, 2.0, 6.0])
    assert [(row.name, row.cores, row.ratio) for row in result.rows] == [("a", "far", 1), ("b", "far", None)]
    assert "b far 200 6.00 s 6.00 s 6.00 s - 667 MFLOP/s 8 0.08" in cells(
        Report(ENVIRONMENT, [result]).text().split("\n")
    )


def test_one_thread_asks_for_no_distance(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_core, "core_distance", lambda: pytest.fail("asked"))
    row = measure(Case("work", lambda: [contender("a", [])]), QUICK, 1).rows[0]
    assert (row.cores, row.distance_ns, row.distances_ns) == ("", None, [[None, None]])


def test_single_units_have_a_percentile(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of all rounds together; a sample is its units' median."""
    units = [iter([[0.1] * 99 + [9.0], [0.3] * 100]), iter([[0.2] * 90 + [18.0] * 10, [0.6] * 100])]
    names = [replace(contender(name, []), singles=lambda i=i: next(units[i])) for i, name in enumerate("ab")]
    monkeypatch.setattr(harness, "_sample", lambda contender, calls, warm: 0.1 if contender.name == "a" else 0.2)
    result = measure(Case("work", lambda: names, unit="step"), QUICK, 2)
    assert [(row.median_s, row.p99_s) for row in result.rows] == [(0.1, 0.3), (0.2, 18.0)]
    assert result.rows[1].p99_ratio == pytest.approx(60)
    text = Report(ENVIRONMENT, [result, result]).text()
    assert "work: 100 ms, p99 300 ms; b 2.00x, p99 18.0 s, 60.0x" in text


def test_a_sample_of_single_units_is_their_median() -> None:
    each = replace(contender("a", []), singles=lambda: [3.0, 1.0, 2.0])
    assert harness._sample(each, 1, warm=True) == 2.0


def test_bounds() -> None:
    expected = np.array([1.0, -2.0, 0.0])
    harness.require_close(np.array([1.0, -2.25, 0.0]), expected, [0, 0.25, 0])
    for wrong in ([1.0, -2.26, 0.0], [1.0, -2.0, 1e-30], [np.nan, -2.0, 0.0], [np.inf, -2.0, 0.0]):
        with pytest.raises(Mismatch, match=r"element \(\d,\) of \(3,\) is .* 1 elements are wrong"):
            harness.require_close(np.array(wrong), expected, [0, 0.25, 0])
    with pytest.raises(Mismatch, match=r"shape \(1, 3\), expected \(3,\)"):
        harness.require_close(expected[np.newaxis], expected, 1)


@pytest.mark.parametrize("threads", [1, 2])
def test_peak_is_above_every_product(threads: int) -> None:
    """The yardstick is no shorter than what it measures: the best of some probes, the best of some products."""
    _core.set_num_threads(threads)
    a = np.ones((1024, 256), np.float32)
    rates, peaks = [], []
    for _ in range(5):
        peaks.append(_core.fma_peak(threads, 0.005))
        product = Contender("product", lambda: _core.matmul(a, a[:256]), None)
        seconds = harness._sample(product, 5, warm=True)
        rates.append(2 * 1024 * 256 * 256 / seconds * 1e-9)
    assert max(rates) < 1.05 * max(peaks)


@pytest.mark.parametrize(("threads", "seconds"), [(0, 0.1), (4097, 0.1), (1, 0.0), (1, 11.0), (1, float("nan"))])
def test_peak_refuses(threads: int, seconds: float) -> None:
    with pytest.raises(ValueError, match=r"\[fma_peak\] (threads|seconds) must be"):
        _core.fma_peak(threads, seconds)


# Planted faults


right_exp = _core.exp


def broken_exp(x: np.ndarray) -> np.ndarray:
    """One element, 3 ULP off."""
    y = right_exp(x)
    y.flat[5] *= np.float32(1 + 3 * 2**-23)
    return y


def test_a_wrong_op_is_refused() -> None:
    case = op_case.OpCase("64x256", _core.exp, exp, op_case.normal((64, 256)), bound=op_case.ulps(2))
    measure(case_of("exp", case, QUICK), QUICK, 1)
    with pytest.raises(Mismatch, match=r"exp 64x256: fastnn: result 0 element \(0, 5\)"):
        measure(case_of("exp", replace(case, ours=broken_exp), QUICK), QUICK, 1)
    with pytest.raises(Mismatch, match="exp 64x256: numpy: result 0"):
        measure(case_of("exp", replace(case, numpy=lambda x: np.exp(x) + x * np.float32(1e-4)), QUICK), QUICK, 1)


WORK = training.Work((20, 8, 4), batch=16, steps=5)


def slower_rate(trainer: FastnnTrainer) -> None:
    trainer.engine.plan.optimizer.param_groups[0]["lr"] *= 0.99


def shifted_labels(trainer: FastnnTrainer) -> None:
    trainer.feed = replace(trainer.feed, y=(trainer.feed.y + 1) % 4)


def other_bias(trainer: FastnnTrainer) -> None:
    state = {name: value.numpy().copy() for name, value in trainer.model.state_dict().items()}
    state["2.bias"][1] += 1e-3
    trainer.model.load_state_dict(state)


def test_a_wrong_training_is_refused() -> None:
    job = training.make_job(WORK, 1)

    def make(fault: Callable[[FastnnTrainer], None], part: training.Job) -> FastnnTrainer:
        trainer = FastnnTrainer(part, "plan")
        fault(trainer)
        return trainer

    right = partial(make, lambda trainer: None)
    loss = right(job).epoch()
    training.check_trainer(right, job, loss)
    with pytest.raises(Mismatch, match="the first epoch's mean loss"):
        training.check_trainer(right, job, loss * 1.01)
    for fault in (slower_rate, shifted_labels, other_bias):
        with pytest.raises(Mismatch, match=r"the mean loss of the first steps|parameter \d"):
            training.check_trainer(partial(make, fault), job, loss)


def test_wrong_logits_are_refused() -> None:
    job = training.make_job(replace(eager.SINGLES, steps=3), 1)
    outputs = eager.FastnnModel(job).one_by_one()
    eager.check_outputs(job, outputs)
    for wrong in (outputs[::-1], outputs * np.float32(1.01), outputs[:2]):
        with pytest.raises(Mismatch, match="the logits"):
            eager.check_outputs(job, wrong)


def test_a_wrong_batch_is_refused(tmp_path: Path) -> None:
    loader.draw_folder(tmp_path, 70)
    root = str(tmp_path)
    read = list(loader.open_folder(root))
    loader.check_batches(root, read)
    x, y = (part.numpy().copy() for part in read[0])
    brightest = np.unravel_index(x.argmax(), x.shape)
    x[brightest] = np.nextafter(x[brightest], np.float32(0))
    for batches, what in (
        ([(x, y), read[1]], "other pixels"),
        ([(read[0][0], y + 1), read[1]], "other labels"),
        (read[:1], "64 images, the folder 70"),
    ):
        with pytest.raises(Mismatch, match=what):
            loader.check_batches(root, batches)


def test_a_wrong_accuracy_is_refused() -> None:
    end_to_end.check((9780, 10_000), (9760, 10_000))
    with pytest.raises(Mismatch, match=r"0\.9500, the NumPy script's is 0\.9780 within 0\.0"):
        end_to_end.check((9780, 10_000), (9500, 10_000))
    with pytest.raises(Mismatch, match="tested on 9999 images"):
        end_to_end.check((9780, 10_000), (9780, 9_999))


# The command


def run(tmp_path: Path, *arguments: str) -> Report:
    """``python -m benchmarks`` in a process of its own: what it wrote, and that it printed the same."""
    file = tmp_path / "report.json"
    words = ["benchmarks", *arguments, "--quick", "--threads", "1", "--json", file]
    done = python("-m", *words, cwd=ROOT, folders=[ROOT], FASTNN_CACHE=str(tmp_path))
    assert done.returncode == 0, done.stderr
    report = Report.from_json(file.read_text())
    assert done.stdout == report.text() + "\n"
    assert report.environment.threads == 1 and report.environment.fma_peak_gflops > 0
    assert (report.environment.core_distance_ns is None) == (_core.available_cpus() < 2)
    for result in report.results:
        for row in result.rows:
            assert 0 < row.best_s <= row.median_s <= row.worst_s
            assert row.ratio > 0 and len(row.samples_s) == len(row.peaks_gflops) == 1
            assert (row.u is None) == (result.flops == 0)
    return report


def test_ops(tmp_path: Path) -> None:
    report = run(tmp_path, "ops")
    ops = {result.name.split()[0] for result in report.results}
    assert ops == set(rooms()) - {"convolution", "pooling"} | {"conv2d", "max_pool2d", "avg_pool2d"}
    for result in report.results:
        assert [row.name for row in result.rows] == ["fastnn", "numpy"]
        unchecked = [row.name for row in result.rows if not row.checked]
        assert unchecked == (["numpy"] if result.name.split()[0] in ("random", "dropout") else [])


def test_single_ops() -> None:
    def found(*names: str) -> set[str]:
        return {case.name.split()[0] for case in op_cases(Options(ops=names))}

    assert found("max_pool2d", "batch_norm") == {"max_pool2d", "batch_norm"}
    assert found("pooling", "conv2d") == {"max_pool2d", "avg_pool2d", "conv2d"}


def test_train_step(tmp_path: Path) -> None:
    report = run(tmp_path, "train_step")
    assert len(report.results) == 5
    for result in report.results:
        assert [row.name for row in result.rows] == ["fastnn plan", "fastnn eager", "numpy"]
        assert all(row.checked and row.u is not None for row in result.rows)
    assert report.results[0].flops == 52_363_264, "784-256-10 at batch 64: 52.36 MFLOP"


def test_cnn_step(tmp_path: Path) -> None:
    report = run(tmp_path, "cnn_step", "--only", "lenet5")
    assert [result.unit for result in report.results] == ["step", "step", "call", "call"]
    assert all(row.checked and row.u is not None for result in report.results for row in result.rows)


def test_flops_of_images() -> None:
    """LeNet-5: 784 pixels, 6 maps and 25 taps; 100, 16 and 150; three dense layers."""
    forward = 64 * 2 * (784 * 6 * 25 + 100 * 16 * 150 + 400 * 120 + 120 * 84 + 84 * 10)
    assert cnn_step.LENET5.flops == 3 * forward - 64 * 2 * 784 * 6 * 25
    assert cnn_step.RESNET34.flops == pytest.approx(56.8e9, rel=0.01)


def test_a_wrong_training_of_images_is_refused() -> None:
    job = images.make_image_job(replace(cnn_step.LENET5, batch=4, steps=2), 1)

    def make(rate: float, part: training.Job) -> FastnnTrainer:
        trainer = FastnnTrainer(part, "plan")
        trainer.engine.plan.optimizer.param_groups[0]["lr"] *= rate
        return trainer

    loss = make(1, job).epoch()
    images.check_steps(partial(make, 1), job, loss)
    with pytest.raises(Mismatch, match="the first epoch's mean loss"):
        images.check_steps(partial(make, 1), job, loss * 1.01)
    with pytest.raises(Mismatch, match=r"parameter \d"):
        images.check_steps(partial(make, 0.99), job, loss)
    outputs = cnn_step.FastnnModel(job).run()
    images.check_outputs(job, outputs)
    with pytest.raises(Mismatch, match="the logits"):
        images.check_outputs(job, outputs[::-1])


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory() -> None:
    """Moments, parameters, activations: not nothing, and not what Python needs."""
    before, behind = memory.measure("fastnn", "lenet5")
    assert 0 < behind - before < 100


def test_tiny(tmp_path: Path) -> None:
    report = run(tmp_path, "tiny")
    assert len(report.results) == 2
    for result in report.results:
        assert [row.name for row in result.rows] == ["fastnn plan", "fastnn loop, DataLoader", "numpy"]
        assert result.unit == "step" and all(row.checked for row in result.rows)


def test_eager(tmp_path: Path) -> None:
    report = run(tmp_path, "eager")
    assert [result.name.split(",")[0] for result in report.results] == [
        "five steps", *["model(x)"] * 2, *["test of 2"] * 2,
    ]  # fmt: skip
    assert all(row.checked for result in report.results for row in result.rows)
    assert [result.images for result in report.results] == [0, 0, 0, 2000, 2000]


def test_busy(tmp_path: Path) -> None:
    """Beside it means beside: a process that is running."""
    report = run(tmp_path, "busy")
    alone, beside = report.results[0].rows
    assert (alone.name, beside.name) == ("fastnn plan, alone", "beside a busy process")
    assert all(row.checked and row.p99_s >= row.median_s for row in (alone, beside))


def test_a_busy_sample_is_one_run() -> None:
    """Its steps are enough for a sample: it is not repeated."""
    contenders = busy.prepare(replace(busy.WORK, sizes=(784, 16, 10), batch=16), QUICK)
    for each in contenders:
        assert each.units == busy.EPOCHS * busy.WORK.steps
        assert harness._sample(each, 1, warm=False) < 0.1 and len(each.singles()) == each.units


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_busy_process_is_busy_and_goes() -> None:
    """Running or ready to run whenever one looks, and gone behind the block."""
    with busy.busy_process() as process:
        for _ in range(20):
            time.sleep(0.002)
            assert Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "R"
    assert process.returncode == -signal.SIGKILL


def test_speed(tmp_path: Path) -> None:
    """The works of three, one after the other, on MNIST's pixels where they are given."""
    write_idx(tmp_path / "mnist", 2000, 10)
    report = run(tmp_path, "speed", "--mnist", str(tmp_path / "mnist"))
    names = [result.name for result in report.results]
    assert len(names) == 5 + 5 + 1 and sum("MNIST" in name for name in names) == 4
    in_short = report.text().partition("in short:\n")[2]
    assert [name for name in names if name not in in_short.replace("\n  ", " ")] == []


def test_each_work_of_speed_gets_its_own_peers() -> None:
    peers = [case.prepare.args[1].peers for case in speed.cases(Options(peers=("torch", "jax")))]
    assert peers == [("torch", "jax")] * 5 + [("torch",)] * 5 + [()]


def test_instructions_kept_are_of_works_that_there_are() -> None:
    names = {train_step.WORKS[number].name for number in instructions.COUNTED}
    kept = json.loads(instructions.RESULTS.read_text())
    assert kept.keys() == names and all(type(count) is int and count > 0 for count in kept.values())


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("valgrind") is None, reason="Valgrind is not installed")
def test_instructions_of_a_step_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """More steps are more instructions, and the same ones each time but for a few of Python's start."""
    monkeypatch.setenv("PYTHONPATH", environment(ROOT)["PYTHONPATH"])
    monkeypatch.chdir(ROOT)
    few, many = (instructions.count(4, steps) for steps in instructions.COUNTED[4])
    step = (many - few) / 40_000
    kept = json.loads(instructions.RESULTS.read_text())[train_step.WORKS[4].name]
    assert 0.5 * kept < step < 2 * kept, "compilers differ, yet not so much"


def test_loader(tmp_path: Path) -> None:
    report = run(tmp_path, "loader", "--images", "30")
    assert [result.name.split()[0] for result in report.results] == ["first", "later"]
    assert all(result.images == 30 and result.rows[0].images_per_s for result in report.results)


def test_photographs(tmp_path: Path) -> None:
    report = run(tmp_path, "photographs", "--images", "8")
    assert report.results[0].name == "LeNet 3x64x64, batch 64, 8 photographs"
    assert report.results[0].rows[0].images_per_s and not report.results[0].rows[0].checked


def test_end_to_end(tmp_path: Path) -> None:
    write_digits(tmp_path / "data", 200, 40)
    report = run(tmp_path, "end_to_end", "--data", str(tmp_path / "data"))
    assert "1 epochs of 200 files, test on 40" in report.results[0].name
    assert [row.name for row in report.results[0].rows] == ["fastnn", "numpy"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("work", "peers"),
    [
        ("ops", "torch"),
        ("train_step", "torch,jax,sklearn"),
        ("loader", "torch"),
        ("tiny", "torch,jax"),
        ("eager", "torch"),
        ("cnn_step", "torch"),
    ],
)
def test_peers(tmp_path: Path, work: str, peers: str) -> None:
    """Every peer gives right answers."""
    for peer in peers.split(","):
        pytest.importorskip(peer)
    report = run(tmp_path, work, "--peers", peers)
    for result in report.results:
        names = " ".join(row.name for row in result.rows)
        assert result.name.startswith(("random", "dropout")) or all(peer in names for peer in peers.split(","))


def test_every_work_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """Modules with cases are works, those with a command of their own are handed their words."""
    sources = {path.stem: path.read_text("utf-8") for path in (ROOT / "benchmarks").glob("*.py")}
    sources["ops"] = (ROOT / "benchmarks/ops/__init__.py").read_text("utf-8")
    assert {name for name, text in sources.items() if "\ndef cases(" in text} == set(command.WORKS)
    assert {name for name, text in sources.items() if "\ndef main(" in text} == {"__main__", *command.COMMANDS}
    with pytest.raises(SystemExit):
        command.main(["--help"])
    told = capsys.readouterr().out
    for name, about in (command.WORKS | command.COMMANDS).items():
        assert f"\n  {name:12}  {about}\n" in told
    for name in command.COMMANDS:
        with pytest.raises(SystemExit):
            command.main([name, "--help"])
        assert capsys.readouterr().out.startswith(f"usage: benchmarks {name} ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["ops", "--peers", "tensorflow"], "--peers: 'tensorflow' is none of torch, torch_compile, jax, sklearn"),
        (["ops", "--only", "fourier"], "no case has 'fourier' in its name"),
        (["ops", "--op", "conv2d,fft"], "--op: 'fft' is none of adam, "),
        (["tiny", "--op", "conv2d"], "--op chooses single ops: python -m benchmarks ops --op conv2d"),
        (["end_to_end", "--data", "nowhere"], "nowhere has no folder 'train'"),
        (["train_step", "--only", "digits", "--mnist", "nowhere"], "no case has 'digits' in its name"),
        (["train_step", "--only", "MNIST", "--mnist", str(ROOT / "cpp")], "cpp has no MNIST files"),
    ],
)
def test_wrong_arguments(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in command.THREAD_VARIABLES:
        monkeypatch.setenv(variable, "1")
    assert command.main([*arguments, "--quick"]) == 2
    assert message in capsys.readouterr().err


def test_a_wrong_answer_ends_the_command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in command.THREAD_VARIABLES:
        monkeypatch.setenv(variable, "1")
    monkeypatch.setattr(_core, "exp", broken_exp)
    assert command.main(["ops", "--quick", "--only", "exp 64x256"]) == 1
    assert "WRONG: exp 64x256: fastnn: result 0 element (0, 5)" in capsys.readouterr().err
