"""The examples, each run as a script of its own: what it prints, and the picture it writes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from processes import environment, python

EXAMPLES = Path(__file__).parents[2] / "examples"
SHORT = {
    "or_gate": ["--iterations", "100"],
    "line_fits": ["--epochs", "2", "error-rule"],
    "curve_1_3_1": ["--epochs", "30"],
    "three_ways": [],
    "convolution": [],
}
NO_DISPLAY = "no picture: there is no display; --save FILE.gif or --save FILE.png writes one"
NO_MATPLOTLIB = "no picture: matplotlib is not installed; pip install matplotlib brings it"

# A backend for matplotlib: a window without a screen, that lets a film run to its end and counts what it was shown.
WINDOW = """
from matplotlib.backend_bases import FigureManagerBase
from matplotlib.backends.backend_agg import FigureCanvasAgg

timers, drawn = [], []

class FigureManager(FigureManagerBase):
    @classmethod
    def start_main_loop(cls):
        from matplotlib import pyplot
        pyplot.gcf().canvas.draw()
        for _ in range(100):
            timers[0]._on_timer()
        print(f"window: {len(drawn)} pictures")

class FigureCanvas(FigureCanvasAgg):
    required_interactive_framework = "headless"
    manager_class = FigureManager

    def new_timer(self, *args, **kwargs):
        timers.append(super().new_timer(*args, **kwargs))
        return timers[-1]

    def draw_idle(self):
        self.draw()

    def draw(self):
        drawn.append(0)
        super().draw()
"""

each_example = pytest.mark.parametrize("name", SHORT)


def run(name: str, *words: str, before: Path | None = None, **variables: str) -> list[str]:
    """The lines that an example prints, without a display; ``before``: a folder whose modules come first."""
    inherited = environment(*([before] if before else [])).items()
    env = {key: value for key, value in inherited if key not in ("DISPLAY", "WAYLAND_DISPLAY", "MPLBACKEND")}
    # Where another process is busy, threads that wait for each other make half a second of NumPy six.
    env |= {"OPENBLAS_NUM_THREADS": "1", "FASTNN_NUM_THREADS": "1", **variables}
    script = [sys.executable, "-W", "error", str(EXAMPLES / f"{name}.py")]
    done = subprocess.run([*script, *words], env=env, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def found(pattern: str, lines: list[str]) -> list[tuple[str, ...]]:
    """The groups of all lines that a pattern fits."""
    return [match.groups() for match in (re.fullmatch(pattern, line) for line in lines) if match]


@pytest.fixture
def no_matplotlib(tmp_path: Path) -> Path:
    (tmp_path / "matplotlib.py").write_text("raise ImportError('hidden')\n")
    return tmp_path


def check_moving(path: Path) -> None:
    """A GIF whose frames differ, and whose last one stays."""
    with Image.open(path) as image:
        assert image.format == "GIF" and image.n_frames > 3
        first = np.asarray(image.convert("RGB"))
        image.seek(image.n_frames - 1)
        assert image.info["duration"] == 2000
        last = np.asarray(image.convert("RGB"))
    assert (first != last).any(axis=-1).sum() > 100


# -- pictures --------------------------------------------------------------------------------------------------------


def test_without_a_display_it_says_so() -> None:
    pytest.importorskip("matplotlib")
    assert run("curve_1_3_1", *SHORT["curve_1_3_1"])[-1] == NO_DISPLAY


def test_with_a_display_there_is_a_window(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    (tmp_path / "window.py").write_text(WINDOW)
    lines = run("curve_1_3_1", *SHORT["curve_1_3_1"], before=tmp_path, MPLBACKEND="module://window")
    frames, rest = found(r"window: (\d+) pictures", lines), lines[:-1]
    assert int(frames[0][0]) > 10 and not any("no picture" in line for line in rest)


@each_example
def test_without_matplotlib_it_prints_all_the_same(name: str, no_matplotlib: Path) -> None:
    lines = run(name, *SHORT[name], "--save", str(no_matplotlib / "fit.gif"), before=no_matplotlib)
    assert len(lines) > 3 and lines[-1] == NO_MATPLOTLIB and lines.count(NO_MATPLOTLIB) == 1
    assert not (no_matplotlib / "fit.gif").exists()


@each_example
def test_a_gif_moves(name: str, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / "fit.gif"
    last = run(name, *SHORT[name], "--save", str(path))[-1]
    check_moving(path)
    with Image.open(path) as image:
        assert last == f"saved {path}: {image.n_frames} frames"


@pytest.mark.parametrize("name", ["curve_1_3_1"])
def test_a_png_is_the_last_frame(name: str, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    still, film = tmp_path / "fit.png", tmp_path / "fit.gif"
    assert run(name, *SHORT[name], "--save", str(still))[-1] == f"saved {still}: 1 frame"
    run(name, *SHORT[name], "--save", str(film))
    with Image.open(still) as png, Image.open(film) as gif:
        assert png.format == "PNG"
        gif.seek(gif.n_frames - 1)
        # A GIF has 256 colours, and the labels' edges lie a fraction of a pixel elsewhere.
        apart = np.asarray(png.convert("L"), int) - np.asarray(gif.convert("L"), int)
    assert (abs(apart) > 40).mean() < 0.01


# Takes frames as ffmpeg does, and writes what it was told and how many bytes came.
FFMPEG = """#!{python}
import sys
data = sys.stdin.buffer.read()
open(sys.argv[-1], "w").write(f"{{len(data)}} {{' '.join(sys.argv[1:])}}")
"""


def test_an_mp4_goes_through_ffmpeg(tmp_path: Path) -> None:
    """All frames, the last one for two seconds, of the size that a projector has."""
    pytest.importorskip("matplotlib")
    (tmp_path / "ffmpeg").write_text(FFMPEG.format(python=sys.executable))
    (tmp_path / "ffmpeg").chmod(0o755)
    path = tmp_path / "fit.mp4"
    words = [*SHORT["curve_1_3_1"], "--size", "640x360", "--save", str(path)]
    ((count,),) = found(
        rf"saved {path}: (\d+) frames", run("curve_1_3_1", *words, PATH=f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    )
    size, *told = path.read_text().split()
    assert int(size) == (int(count) + 9) * 640 * 360 * 4
    assert told[told.index("-s") + 1] == "640x360" and "-framerate" in told


def test_an_mp4_without_ffmpeg(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / "fit.mp4"
    done = python(EXAMPLES / "curve_1_3_1.py", *SHORT["curve_1_3_1"], "--save", path, PATH=str(tmp_path))
    assert done.returncode == 1 and not path.exists()
    assert done.stderr == f"{path}: an MP4 needs ffmpeg, which is not on the PATH; --save FILE.gif does without\n"


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("none/fit.gif", "there is no folder none"),
        ("fit.bmq", "its name must end with .gif, .mp4 or .png"),
        ("/dev/null/fit.gif", "there is no folder /dev/null"),
    ],
)
def test_what_cannot_be_saved_is_said_at_once(path: str, words: str) -> None:
    done = python(EXAMPLES / "or_gate.py", "--save", path)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"{path}: {words}\n")


def test_a_picture_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    (tmp_path / "ffmpeg").write_text("#!/bin/sh\nhead -c 9 > /dev/null\nexit 3\n")
    (tmp_path / "ffmpeg").chmod(0o755)
    path = tmp_path / "fit.mp4"
    path.write_text("mine")
    words = [*SHORT["curve_1_3_1"], "--save", str(path)]
    done = python(EXAMPLES / "curve_1_3_1.py", *words, PATH=f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert done.returncode == 1 and "exit status 3" in done.stderr
    assert path.read_text() == "mine" and {each.name for each in tmp_path.iterdir()} == {"ffmpeg", "fit.mp4"}


def test_panels_fill_a_projector(tmp_path: Path) -> None:
    """Five small pictures in two rows: more than a third of the frame is coloured or written on."""
    pytest.importorskip("matplotlib")
    run("convolution", "--size", "1920x1080", "--save", str(tmp_path / "fit.png"))
    with Image.open(tmp_path / "fit.png") as image:
        assert (np.asarray(image.convert("RGB")) < 255).any(axis=2).mean() > 0.35


def test_the_size_of_a_picture(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    run("convolution", "--size", "1920x1080", "--save", str(tmp_path / "fit.png"))
    with Image.open(tmp_path / "fit.png") as image:
        assert image.size == (1920, 1080)
    done = python(EXAMPLES / "convolution.py", "--size", "big")
    assert done.returncode == 2 and "'big' is no size of at least 100x100 pixels, such as 1920x1080" in done.stderr


# -- OR gate ---------------------------------------------------------------------------------------------------------


def check_or_gate(lines: list[str], iterations: int) -> list[float]:
    """Three times the same report, of NumPy, the compiled step and the trainer; the errors."""
    errors = [(int(i), float(error)) for i, error in found(r"Error in (\d+) iteration for training: (\S+)", lines)]
    reports = len(range(0, iterations, 10_000))
    assert [i for i, _ in errors] == 3 * list(range(0, iterations, 10_000))
    values = np.array([error for _, error in errors]).reshape(3, reports)
    np.testing.assert_allclose(values[1:], values[[0, 0]], rtol=1e-12)
    assert lines.count("Training finish!") == lines.count("test res:") == 3
    assert lines.count("syn0:") == lines.count("syn1:") == 1
    for (difference,) in found(r"weights differ from NumPy's by at most (\S+)", lines):
        assert float(difference) < 1e-12
    assert len(found(r"\d+\.\d\d s: (\d+\.\d) times as fast as NumPy", lines)) == 2
    assert values[0, 0] == pytest.approx(0.1126195)
    return values[0].tolist()


def results(lines: list[str]) -> np.ndarray:
    """The numbers under each ``test res:``, (3, 4)."""
    starts = [i + 1 for i, line in enumerate(lines) if line == "test res:"]
    return np.array([[float(line.strip("[] ")) for line in lines[i : i + 4]] for i in starts])


def test_or_gate() -> None:
    lines = run("or_gate", "--iterations", "20001", "--no-plot")
    assert check_or_gate(lines, 20001)[1:] == pytest.approx([0.00685155, 0.00191847], rel=1e-4)
    assert (np.abs(results(lines) - [0, 1, 1, 1]) < 0.1).all()


@pytest.mark.slow
def test_or_gate_to_the_end() -> None:
    lines = run("or_gate", "--no-plot")
    assert check_or_gate(lines, 100_000)[-1] == pytest.approx(2e-4, rel=0.2)
    assert (np.abs(results(lines) - [0, 1, 1, 1]) < 0.03).all()


# -- lines -----------------------------------------------------------------------------------------------------------


def test_line_fits() -> None:
    lines = run("line_fits", "--no-plot")
    number = r"(-?\d+\.\d+)"
    fits = found(rf"([\w-]+): w = {number}, b = {number}, mean squared error {number}, (\d+) updates", lines)
    w, b, mse = ({name: float(row[i]) for name, *row in fits} for i in range(3))
    assert list(w) == ["error-rule", "normal-equation", "sgd", "mini-batch", "bias", "sigmoid"]
    assert [int(updates) for *_, updates in fits] == [10_000, 1, 10_000, 1000, 1000, 1000]
    assert [float(d) for *_, d in found(r"  fastnn: w = \S+, b = \S+; differs by (\S+)", lines)] == pytest.approx(
        [0] * 6, abs=1e-9
    )
    # The points and the one exact solution, worked out again.
    random = np.random.RandomState(1)
    xs = np.sort(random.rand(100))
    ys = 1.2 * xs + random.rand(100) / 10
    assert w["normal-equation"] == pytest.approx((xs * ys).sum() / (xs**2).sum(), abs=5e-5)
    for name in ("error-rule", "sgd", "mini-batch"):
        assert w[name] == pytest.approx(w["normal-equation"], abs=0.05) and b[name] == 0
        assert mse[name] < 0.002
    slope, height = np.polyfit(xs, ys, 1)
    assert (w["bias"], b["bias"]) == (pytest.approx(slope, abs=0.02), pytest.approx(height, abs=0.02))
    assert -b["sigmoid"] / w["sigmoid"] == pytest.approx(0.5, abs=0.05) and mse["sigmoid"] < 0.06


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_one_bad_last_sample(seed: int) -> None:
    """It moves the error rule's line far and the normal equation's hardly."""
    lines = run("line_fits", "--no-plot", "--seed", str(seed), "error-rule", "normal-equation")
    (rule,), (normal,) = found(r"[\w-]+: w = (\S+), b = .*", lines)
    (bad_rule,), (bad_normal,) = found(r"  with one bad sample, the last y = 0: w = (\S+)", lines)
    assert abs(float(normal) - float(bad_normal)) < 0.05
    assert abs(float(rule) - float(bad_rule)) > 0.4


def test_the_slice_that_is_a_mistake() -> None:
    lines = run("line_fits", "--no-plot", "--epochs", "1", "mini-batch")
    assert lines[-1] == ("  xs[i::i+10] would be batches of [10, 5, 3, 2, 2, 1, 1, 1, 1, 1], 10 of 100 points in all")


def test_a_method_that_is_not_there() -> None:
    done = python(EXAMPLES / "line_fits.py", "sdg")
    assert done.returncode == 2 and "no method 'sdg'; there are error-rule, normal-equation, sgd" in done.stderr


# -- 1-3-1 and three ways --------------------------------------------------------------------------------------------


def errors_of_1_3_1(*words: str) -> list[float]:
    """NumPy's and fastnn's mean squared error, after their curves were compared."""
    lines = run("curve_1_3_1", "--no-plot", *words)
    assert float(found(r"the curves differ by at most (\S+)", lines)[0][0]) < 1e-9
    return [float(mse) for _, mse in found(r"(NumPy|fastnn): mean squared error (\S+), \d+\.\d\d s", lines)]


def test_1_3_1() -> None:
    """A tenth of the epochs."""
    before, after = errors_of_1_3_1("--epochs", "1"), errors_of_1_3_1("--epochs", "2000")
    assert before[0] == before[1] > 0.2 and after[0] == after[1] < 0.1


@pytest.mark.slow
def test_1_3_1_fits_for_most_seeds() -> None:
    errors = [errors_of_1_3_1("--seed", str(seed), "--epochs", "10000")[0] for seed in range(3)]
    assert sum(error < 0.02 for error in errors) >= 2, errors


def test_three_ways() -> None:
    lines = run("three_ways", "--no-plot", "--seed", "2")
    accuracies = found(r"(NumPy|Keras style|PyTorch style): test accuracy = (\d+) / 2000, \d+\.\d\d s", lines)
    assert [name for name, _ in accuracies] == ["NumPy", "Keras style", "PyTorch style"]
    assert accuracies[1][1] == accuracies[2][1] and all(int(right) > 1800 for _, right in accuracies)
    assert lines[3] == "Keras style and PyTorch style: equal bit for bit"
    assert float(found(r"NumPy and fastnn: weights differ by at most (\S+)", lines)[0][0]) < 2e-6


# -- convolution -----------------------------------------------------------------------------------------------------


def arrays(lines: list[str]) -> dict[str, list[np.ndarray]]:
    """The matrices under each ``name:``."""
    matrices: dict[str, list[np.ndarray]] = {}
    rows: list[list[float]] = []
    name = ""
    for line in lines:
        if line.endswith(":"):
            name = line[:-1]
        elif line.lstrip().startswith("["):
            rows.append([float(number) for number in line.strip("[] ").split()])
        if line.endswith("]]"):
            matrices.setdefault(name, []).append(np.array(rows))
            rows = []
    return matrices


def test_convolution() -> None:
    """The tutorial's numbers, as PyTorch 2.13 gives them; more kernels go the same way."""
    lines = run("convolution", "--no-plot", "--maps", "3", "--seed", "4")
    shown = arrays(lines)
    assert shown["feature map"][0].tolist() == [[12, 12, 17], [10, 17, 19], [9, 6, 14]]
    assert shown["max pooling"][0].tolist() == [[12, 17], [10, 19]]
    assert lines[lines.index("max pooling:") + 3] == "flattened: [12. 17. 10. 19.]"
    assert shown["gradient of the kernel"][0].tolist() == [[6, 7, 4], [6, 6, 7], [7, 5, 7]]
    for name in ("kernel", "feature map", "ReLU", "max pooling", "gradient of the kernel"):
        assert len(shown[name]) == 3
    image = shown["image"][0]
    windows = np.lib.stride_tricks.sliding_window_view(image, (3, 3))
    for kernel, y, positive in zip(shown["kernel"], shown["feature map"], shown["ReLU"], strict=True):
        assert y.tolist() == (windows * kernel).sum((2, 3)).tolist() and positive.tolist() == y.clip(0).tolist()
    assert lines[-9:-4] == [
        "  (0): Conv2d(1, 3, kernel_size=(3, 3), stride=(1, 1), bias=False)",
        "  (1): ReLU()",
        "  (2): MaxPool2d(kernel_size=2, stride=2, padding=1, dilation=1, ceil_mode=False)",
        "  (3): Flatten(start_dim=1, end_dim=-1)",
        ")",
    ]
    assert lines[-4:] == [f"{name}: as by hand" for name in ("feature maps", "ReLU", "max pooling", "gradients")]
