"""The command line's training: what it prints, what it writes, its options."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from fastnn import _core
from fastnn.training.model_files import load_model
from job_runs import Outcome, call, run, train_json
from PIL import Image
from small_data import pack, write_class, write_idx, write_tree

Words = Callable[..., tuple]

KEYS = (
    "test_correct",
    "test_total",
    "train_loss",
    "epoch_s",
    "wall_s",
    "epochs",
    "seed",
    "isa",
    "threads",
    "engine",
    "parameters_sha256",
)


@pytest.fixture(scope="module")
def idx_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcome]:
    """A run with the tutorial's network, as a process, on IDX files: its folder and what it printed."""
    folder = tmp_path_factory.mktemp("run")
    pack(write_idx(folder / "data", test=66))
    words = ("--data", "data", "--epochs", 2, "--batch-size", 2, "--json", "run.json", "--out", "net.safetensors")
    return folder, run(*words, cwd=folder)


@pytest.fixture(scope="module")
def tree_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcome]:
    """A run on class folders, with a class that says more than its number, strays and a nested folder."""
    root = write_tree(tmp_path_factory.mktemp("tree run") / "data", ("0", "one", "zebra"), side=28)
    colours = Image.linear_gradient("L").resize((28, 28))
    logo = Image.merge("RGB", (colours, colours.rotate(90), colours.rotate(180)))
    logo.save(root / "train" / "one" / "logo.png")
    write_class(root / "test" / "zebra" / "deep", 1, 3, 2, 28, prefix="one-")
    logo.save(root / "test" / "0" / "logo.png")
    (root / "test" / "zebra" / "notes.txt").write_text("not an image")
    words = ("--data", "data", "--arch", "784-16-3", "--epochs", 4, "--batch-size", 4)
    return root.parent, run(*words, cwd=root.parent)


class TestIdxRun:
    @pytest.fixture
    def folder(self, idx_run: tuple[Path, Outcome]) -> Path:
        return idx_run[0]

    @pytest.fixture
    def outcome(self, idx_run: tuple[Path, Outcome]) -> Outcome:
        return idx_run[1]

    def test_it_succeeds_without_a_word_on_the_error_stream(self, outcome: Outcome) -> None:
        assert (outcome.code, outcome.err) == (0, "")

    def test_the_lines_up_to_the_test(self, outcome: Outcome) -> None:
        number = r"\d+\.\d{4}"
        epoch = [
            rf"Epoch N/2 \| Batch 0/115 \| Loss: {number}",
            rf"Epoch N/2 \| Batch 100/115 \| Loss: {number}",
            rf"Epoch N/2 \| \d+\.\d\d s \| [\d,]+ images/s \| mean loss {number} \| test_accuracy 0\.\d{{4}}",
        ]
        expected = [
            "train_dataset length: 230",
            "train_loader length: 115",
            *(line.replace("N", "1") for line in epoch[:-1]),
            epoch[-1].replace("N", "1") + r" \| \d:\d\d left",
            *(line.replace("N", "2") for line in epoch),
            r"model saved: net\.safetensors",
            "test_dataset length: 66",
        ]
        assert len(outcome.lines) > len(expected)
        for line, pattern in zip(outcome.lines, expected, strict=False):
            assert re.fullmatch(pattern, line), line

    def test_the_first_loss_is_that_of_ten_equally_likely_classes(self, outcome: Outcome) -> None:
        assert 1.8 < float(outcome.lines[2].rsplit(" ", 1)[1]) < 2.8

    def test_wrong_cases(self, outcome: Outcome, folder: Path) -> None:
        """Every third label is wrong by one: the network is right, and the 22 cases are the mislabelled images."""
        expected = [
            f"wrong case: predict = {7 * i % 10} y = {(7 * i + 1) % 10} img_path = t10k-images-idx3-ubyte.gz[{i}]"
            for i in range(2, 66, 3)
        ]
        assert [line for line in outcome.lines if "wrong case:" in line] == expected[:20]
        assert (folder / "net.safetensors.wrong.txt").read_text().splitlines() == expected
        assert outcome.lines[-2] == "22 wrong cases: net.safetensors.wrong.txt; the first 20 are above"

    def test_the_last_line(self, outcome: Outcome) -> None:
        assert outcome.accuracy == "test accuracy = 44 / 66 = 0.667"

    def test_the_last_epochs_accuracy_is_that_of_the_test(self, outcome: Outcome) -> None:
        (last,) = (line for line in outcome.lines if line.startswith("Epoch 2/2 | ") and " s |" in line)
        assert last.endswith(" | test_accuracy 0.6667")

    def test_looking_at_the_test_changes_no_bit(self, folder: Path, tmp_path: Path) -> None:
        """A quiet run does not."""
        found = json.loads((folder / "run.json").read_text())
        words = ("--data", folder / "data", "--epochs", 2, "--batch-size", 2)
        quiet = train_json(*words, cwd=tmp_path)
        assert quiet["parameters_sha256"] == found["parameters_sha256"] and quiet["train_loss"] == found["train_loss"]

    def test_json(self, folder: Path, outcome: Outcome) -> None:
        found = json.loads((folder / "run.json").read_text())
        assert set(KEYS) <= set(found)
        assert (found["test_correct"], found["test_total"], found["epochs"], found["seed"]) == (44, 66, 2, 0)
        assert (found["isa"], found["threads"], found["engine"]) == (_core.isa(), 1, "plan")
        assert len(found["train_loss"]) == len(found["epoch_s"]) == 2
        assert 0 < sum(found["epoch_s"]) < found["wall_s"] < 100
        assert found["train_loss"][1] < found["train_loss"][0] < 2
        assert f"mean loss {found['train_loss'][1]:.4f}" in outcome.out
        assert re.fullmatch("[0-9a-f]{64}", found["parameters_sha256"])

    def test_the_files(self, folder: Path, outcome: Outcome) -> None:
        names = {path.name for path in folder.iterdir()}
        assert names == {"data", "run.json", "net.safetensors", "net.safetensors.wrong.txt"}
        info = load_model(folder / "net.safetensors")[1]
        assert (info.sizes, info.input_shape, info.classes) == ((784, 256, 10), (1, 28, 28), list("0123456789"))


@pytest.mark.parametrize(
    ("place", "spelling", "ending"),
    [("", ".idx", None), ("", "-idx", ".gz"), ("raw", ".idx", ".gz"), ("MNIST/raw", "-idx", "")],
    ids=["dots", "gz", "raw, dots, gz", "MNIST/raw, gz by its bytes"],
)
def test_every_layout_of_idx_files_is_the_same_run(
    place: str, spelling: str, ending: str | None, tmp_path: Path, idx_folder: Path
) -> None:
    folder = write_idx(tmp_path / "data" / place, spelling=spelling)
    if ending is not None:
        pack(folder, ending)
    words = ("--epochs", 1, "--arch", "784-8-10")
    found = train_json("--data", tmp_path / "data", *words, cwd=tmp_path, here=True)
    expected = train_json("--data", idx_folder, *words, cwd=tmp_path, here=True)
    assert found["parameters_sha256"] == expected["parameters_sha256"]
    assert found["test_correct"] == expected["test_correct"]


class TestTreeRun:
    @pytest.fixture
    def outcome(self, tree_run: tuple[Path, Outcome]) -> Outcome:
        return tree_run[1]

    def test_stray_logos_count_like_any_image(self, outcome: Outcome) -> None:
        assert (outcome.code, outcome.err) == (0, "")
        assert outcome.lines[:2] == ["train_dataset length: 37", "train_loader length: 10"]
        assert "test_dataset length: 15" in outcome.lines

    def test_wrong_cases_have_names_and_paths(self, outcome: Outcome) -> None:
        wrong = [line for line in outcome.lines if line.startswith("wrong case")]
        for name in ("one-000.png", "one-001.png"):
            assert f"wrong case: predict = 1 (one) y = 2 (zebra) img_path = data/test/zebra/deep/{name}" in wrong
        logo = [line for line in wrong if line.endswith(" y = 0 img_path = data/test/0/logo.png")]
        assert len(wrong) == 2 + len(logo)
        assert outcome.accuracy == f"test accuracy = {13 - len(logo)} / 15 = {(13 - len(logo)) / 15:.3f}"
        assert outcome.lines[-2] == f"{len(wrong)} wrong cases: ./mnist.pth.wrong.txt"

    def test_the_default_model_file(self, tree_run: tuple[Path, Outcome]) -> None:
        folder, outcome = tree_run
        assert "model saved: ./mnist.pth" in outcome.lines
        assert load_model(folder / "mnist.pth")[1].classes == ["0", "one", "zebra"]


def test_quiet_prints_the_accuracy_only(small: Words, tmp_path: Path) -> None:
    outcome = call(*small("--epochs", 6, "--quiet", "--out", tmp_path / "net.pth"))
    assert (outcome.code, outcome.out, outcome.err) == (0, "test accuracy = 12 / 12 = 1.000\n", "")


def test_the_list_of_an_earlier_run_does_not_stay(small: Words, tmp_path: Path) -> None:
    (tmp_path / "net.pth.wrong.txt").write_text("wrong case: of yesterday\n")
    outcome = call(*small("--epochs", 6, "--out", tmp_path / "net.pth"))
    assert outcome.lines[-2] == f"0 wrong cases: {tmp_path}/net.pth.wrong.txt"
    assert (tmp_path / "net.pth.wrong.txt").read_text() == ""


def test_a_folder_without_a_test_half(tree: Path, tmp_path: Path) -> None:
    words = ("--data", tree / "train", "--arch", "64-16-3", "--epochs", 1, "--out", tmp_path / "net.pth")
    outcome = call(*words, "--json", tmp_path / "run.json")
    assert outcome.code == 0
    beside = f"--val names one; --data {tree} has one"
    assert outcome.accuracy == f"no test set: none was found beside the training images; {beside}"
    assert json.loads((tmp_path / "run.json").read_text())["test_total"] is None


def test_val(tree: Path, tmp_path: Path) -> None:
    words = ("--data", tree / "train", "--val", tree / "test", "--arch", "64-16-3", "--epochs", 6, "--batch-size", 4)
    assert train_json(*words, cwd=tmp_path, here=True)["test_correct"] == 12


def test_arch_and_resize(tree: Path, tmp_path: Path) -> None:
    train_json("--data", tree, "--arch", "12-9-7-3", "--resize", "4x3", "--epochs", 1, cwd=tmp_path, here=True)
    model, info = load_model(tmp_path / "model.pth")
    assert (model.sizes, info.input_shape) == ((12, 9, 7, 3), (1, 3, 4))


def test_limit(idx_folder: Path, tmp_path: Path) -> None:
    outcome = call("--data", idx_folder, "--limit", 25, "--epochs", 1, "--out", tmp_path / "net.pth")
    assert "train_dataset length: 25" in outcome.lines
    assert "test_dataset length: 25" in outcome.lines
    assert "limited to 25 of 230 images" in outcome.lines[0]


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd", "rmsprop"])
@pytest.mark.parametrize("loss", ["cross_entropy", "mse", "bce_with_logits"])
def test_every_optimizer_learns_with_every_loss(optimizer: str, loss: str, small: Words, tmp_path: Path) -> None:
    rate = {"sgd": 0.05}.get(optimizer, 0.003)
    words = small("--epochs", 12, "--optimizer", optimizer, "--loss", loss, "--lr", rate)
    found = train_json(*words, cwd=tmp_path, here=True)
    assert found["train_loss"][-1] < 0.5 * found["train_loss"][0]
    assert found["test_correct"] == 12


def test_the_default_learning_rate_is_adams(small: Words, tmp_path: Path) -> None:
    runs = [train_json(*small("--epochs", 1, *more), cwd=tmp_path, here=True) for more in ((), ("--lr", "1e-3"))]
    assert runs[0]["parameters_sha256"] == runs[1]["parameters_sha256"]


def test_threads(small: Words, tmp_path: Path) -> None:
    assert train_json(*small("--epochs", 1, "--threads", 3), cwd=tmp_path, here=True)["threads"] == 3


def test_help_names_every_option_and_its_default() -> None:
    outcome = call("--help")
    assert outcome.code == 0
    text = " ".join(outcome.out.split())
    for words in (
        "(default: digits)",
        "(default: 10; fast: 4)",
        "(default: 64; fast: 250, lenet5: 128)",
        "(default: 0)",
        "(default: adam)",
    ):
        assert words in text
    assert "None)" not in text


def test_tensorboard(tmp_path: Path) -> None:
    """Event files beside the same bits: a loss each 100 steps, each epoch's, and the weights."""
    write_idx(tmp_path / "data", train=230, test=20)
    words = ["--data", "data", "--epochs", "2", "--batch-size", "2", "--arch", "784-8-10"]
    plain = train_json(*words, cwd=tmp_path)
    logged = train_json(*words, "--tensorboard", "runs/one", cwd=tmp_path)
    assert plain["parameters_sha256"] == logged["parameters_sha256"]
    (file,) = (tmp_path / "runs/one").iterdir()
    data = file.read_bytes()
    assert data.count(b"batch/loss") == 4 and data.count(b"epoch/loss") == 2 and data.count(b"layer1.weight") == 2
