"""Scripts of the sorts that people write when they learn, in PyTorch's names: unchanged, by ``fastnn run``."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import fastnn
import numpy as np
import pytest
from PIL import Image
from small_data import write_mnist
from tutorial_runs import TORCH, Run, python, runner

HERE = Path(__file__).parent / "scripts"


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return runner(tmp_path, None)


@pytest.fixture
def digits(tmp_path: Path) -> Path:
    """Where the scripts look for MNIST: 400 drawn digits, of which the first ten are the test set."""
    write_mnist(tmp_path / "data/MNIST/raw", 400)
    return tmp_path


def write_csv(path: Path, columns: list[str], rows: list[list[object]]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([columns, *rows])


def numbers(pattern: str, lines: list[str]) -> np.ndarray:
    """float (N, groups): what the groups of a pattern are in the lines that it fits as a whole."""
    found = [match.groups() for match in (re.fullmatch(pattern, line) for line in lines) if match]
    return np.array(found, float).reshape(len(found), re.compile(pattern).groups)


NUMBER = r"(-?\d+\.\d+)"


def test_digits_by_their_log_likelihood(run: Run, digits: Path) -> None:
    """nll_loss of log_softmax, view_as, StepLR, a state saved."""
    lines = run(HERE / "mnist_nll.py")
    assert [line for line in lines if line.startswith("Train Epoch: 1 ")] == [
        line
        for line in lines[:3]
        if re.fullmatch(r"Train Epoch: 1 \[(0|160|320)/400 \((0|38|77)%\)\]\tLoss: \d\.\d{6}", line)
    ]
    losses = numbers(rf"Train Epoch: \d \[\d+/400 \(\d+%\)\]\tLoss: {NUMBER}", lines)[:, 0]
    assert len(losses) == 18 and losses[-3:].mean() < losses[:3].mean() / 2
    tests = numbers(rf"Test set: Average loss: {NUMBER}, Accuracy: (\d+)/10 \((\d+)%\)", lines)
    assert len(tests) == 6 and tests[-1, 1] >= 8 and (tests[:, 2] == 10 * tests[:, 1]).all()
    assert tests[-1, 0] < tests[0, 0]
    state = fastnn.load(digits / "mnist_mlp.pt")
    assert {name: tuple(tensor.shape) for name, tensor in state.items()}["fc1.weight"] == (128, 784) and len(state) == 6


@pytest.mark.parametrize("imports", [None, TORCH], ids=["unchanged", "imports changed"])
def test_the_or_gate(imports: tuple | None, tmp_path: Path) -> None:
    """torch.Tensor of whole numbers is float32; formats of tensors; BCELoss."""
    lines = runner(tmp_path, imports)(HERE / "or_gate.py")
    assert lines[0] == "torch.float32 torch.Size([4, 2]) torch.Size([4, 1])"
    losses = numbers(rf"epoch \d+: loss = {NUMBER}", lines)[:, 0]
    assert len(losses) == 5 and (np.diff(losses) < 0).all() and losses[-1] < 0.02
    first, last = numbers(rf"fell from {NUMBER} to {NUMBER}", lines)[0]
    assert first > 0.3 and last == round(losses[-1], 3)
    assert lines[7:9] == ["linear.weight (1, 2)", "linear.bias (1,)"]
    table = [re.fullmatch(r"(\d) OR (\d) = (\d) \((\d\.\d\d)\)", line).groups() for line in lines[9:]]
    assert [row[:3] for row in table] == [("0", "0", "0"), ("0", "1", "1"), ("1", "0", "1"), ("1", "1", "1")]
    assert float(table[0][3]) < 0.1 and all(float(row[3]) > 0.9 for row in table[1:])


@pytest.mark.parametrize("imports", [None, TORCH], ids=["unchanged", "imports changed"])
def test_spirals_in_variables(imports: tuple | None, tmp_path: Path) -> None:
    """FloatTensor, LongTensor, Variable, .data and .numpy(), a state in a file with any ending."""
    lines = runner(tmp_path, imports)(HERE / "spirals.py")
    assert lines[0] == "torch.Size([200, 2]) torch.Size([200]) torch.FloatTensor torch.LongTensor"
    steps = numbers(rf"step (\d+) \| loss {NUMBER} \| accuracy {NUMBER}", [" ".join(line.split()) for line in lines])
    assert steps[:, 0].tolist() == [100, 200, 300, 400]
    assert steps[-1, 1] < 0.05 and steps[-1, 2] >= 0.98
    assert lines[-1] == "the same: True" and (tmp_path / "spirals.pkl").is_file()


IRIS = {  # means and standard deviations of the four measures, as Fisher's flowers have them
    "setosa": ((5.0, 3.4, 1.5, 0.25), (0.35, 0.38, 0.17, 0.1)),
    "versicolor": ((5.9, 2.8, 4.3, 1.3), (0.5, 0.3, 0.47, 0.2)),
    "virginica": ((6.6, 3.0, 5.6, 2.0), (0.6, 0.3, 0.55, 0.27)),
}


def test_iris_with_pandas(run: Run, tmp_path: Path) -> None:
    """Tensors of what a data frame holds; argmax().item() against an element; losses to another CSV file."""
    pytest.importorskip("pandas")
    rng, rows = np.random.default_rng(0), []
    for species, (mean, deviation) in IRIS.items():
        rows += [[*np.round(rng.normal(mean, deviation), 1), species] for _ in range(50)]
    columns = ["sepal_length", "sepal_width", "petal_length", "petal_width", "species"]
    write_csv(tmp_path / "iris.csv", columns, rows)
    lines = run(HERE / "iris.py")
    assert lines[0] == f"(150, 5) {columns}"
    losses = numbers(rf"Epoch: (\d+) and loss: {NUMBER}.*", lines)
    assert losses[:, 0].tolist() == [0, 50, 100, 150, 200, 250] and losses[-1, 1] < 0.2 < 0.8 < losses[0, 1]
    assert numbers(r"We got (\d+) of 30 correct", lines)[0, 0] >= 27
    assert numbers(rf"test loss {NUMBER}", lines)[0, 0] < 0.5
    assert lines[-1] == "setosa"
    with (tmp_path / "losses.csv").open() as file:
        written = [float(row["loss"]) for row in csv.DictReader(file)]
    assert len(written) == 300 and written[-1] < losses[-1, 1] + 0.01


def test_a_csv_file_of_patients(run: Run, tmp_path: Path) -> None:
    """A Dataset over numpy.loadtxt, enumerate(loader, 0), BCELoss, torch.where and torch.eq."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(300, 8)).round(4)
    y = (x @ [2.0, -1.0, 0.5, 1.5, 0.0, -2.0, 1.0, 0.0] + rng.normal(0, 0.3, 300) > 0).astype(int)
    write_csv(
        tmp_path / "diabetes.csv",
        [*(f"x{i}" for i in range(8)), "y"],
        [[*row, label] for row, label in zip(x, y, strict=True)],
    )
    lines = run(HERE / "diabetes_csv.py")
    assert lines[0] == "300 10"
    losses = numbers(rf"\[(10|20|30)\] loss: {NUMBER}", lines)
    assert len(losses) == 3 and losses[-1, 1] < losses[0, 1] and losses[-1, 1] < 0.35
    assert numbers(rf"acc = {NUMBER}", lines)[0, 0] >= 0.9


def test_a_curve_with_steps_of_the_rate(run: Run) -> None:
    """random_split of a TensorDataset, StepLR, get_last_lr."""
    lines = run(HERE / "regression.py")
    epochs = numbers(rf"epoch (\d+) train {NUMBER} val {NUMBER} lr (\d.*)", lines)
    assert epochs[:, 0].tolist() == [10, 20, 30, 40, 50, 60]
    assert epochs[:, 3].tolist() == [0.01, 0.005, 0.005, 0.0025, 0.0025, 0.00125]
    assert (epochs[-1, 1:3] < 0.02).all()  # the noise has a variance of 0.01
    assert lines[-2] == "last lr [0.00125]"
    assert abs(numbers(rf"sin\(1\) is about {NUMBER}", lines)[0, 0] - np.sin(1)) < 0.15


def test_prices_until_nothing_gets_better(run: Run) -> None:
    """Columns joined and standardised, L1Loss, ReduceLROnPlateau."""
    lines = run(HERE / "plateau.py")
    epochs = numbers(rf"epoch (\d+) loss {NUMBER} lr {NUMBER}", [" ".join(line.split()) for line in lines])
    assert epochs[:, 0].tolist() == [25, 50, 75, 100] and epochs[-1, 1] < 0.1 and epochs[-1, 2] < 0.5
    falls = re.fullmatch(r"the rate fell (\d+) times and never rose: True", lines[4])
    assert epochs[-1, 2] == pytest.approx(0.5 * 0.5 ** int(falls[1]), abs=1e-6)
    error, price = numbers(rf"mean absolute error {NUMBER} of prices around (\d+)", lines)[0]
    assert error < 8 and 150 < price < 400


def test_an_autoencoder_of_digits(run: Run, digits: Path) -> None:
    """Two outputs, weight_decay, pictures written with ToPILImage."""
    lines = run(HERE / "autoencoder.py")
    losses = numbers(rf"epoch \[\d+/15\], loss:{NUMBER}", lines)[:, 0]
    assert len(losses) == 15 and losses[-1] < 0.75 * losses[0]
    assert lines[-1] == "(16, 16) (3, 784)"
    for epoch in (5, 10, 15):
        with Image.open(digits / f"reconstructed/image_{epoch}.png") as picture:
            assert picture.size == (28, 28) and picture.mode == "L"
            assert np.ptp(np.asarray(picture)) > 50
    assert len(fastnn.load(digits / "autoencoder.pth")) == 12


def test_noise_taken_away(run: Run) -> None:
    """randn_like, randperm and tensors as indices, F.mse_loss."""
    lines = run(HERE / "denoise.py")
    noise, first, last = numbers(rf"noise {NUMBER}, first {NUMBER}, last {NUMBER}", lines)[0]
    assert 0.07 < noise < 0.11 and last < first and last < noise / 2
    assert lines[-1] == "better than the noise: True"


def test_two_networks_against_each_other(run: Run, tmp_path: Path) -> None:
    """apply() of an initializer, detach(), two optimizers, tensors made on a device."""
    lines = run(HERE / "gan.py")
    before = numbers(rf"before: {NUMBER} from the ring", lines)[0, 0]
    after = numbers(rf"after: {NUMBER} from the ring", lines)[0, 0]
    assert before > 0.5 and after < 0.3
    steps = numbers(rf"\[(\d+)\] D loss {NUMBER} G loss {NUMBER} D\(x\) {NUMBER}", lines)
    assert steps[:, 0].tolist() == [300, 600, 900, 1200, 1500]
    assert ((steps[:, 3] > 0) & (steps[:, 3] < 1)).all() and (steps[:, 1] < 1.5).all()
    assert {name: len(state) for name, state in fastnn.load(tmp_path / "gan.pt").items()} == {
        "generator": 6,
        "discriminator": 6,
    }


def test_early_stopping_and_going_on(run: Run, tmp_path: Path) -> None:
    """Checkpoints of everything in one dict; a second process has the loss, the rate and the momentum of the best."""
    lines = run(HERE / "early_stopping.py")
    epochs = numbers(rf"epoch (\d+) train_loss {NUMBER} val_loss {NUMBER} val_acc {NUMBER}", lines)
    best, last, accuracy = numbers(rf"best epoch (\d+) of (\d+), accuracy {NUMBER}", lines)[0]
    assert lines[-2] == "Early stopping" and last == len(epochs) == best + 4 < 200
    assert epochs[:, 2].argmin() == best - 1 and accuracy == epochs[int(best) - 1, 3] >= 0.85
    checkpoint = fastnn.load(tmp_path / "best.pt")
    assert checkpoint["epoch"] == best and len(checkpoint["history"]["val_loss"]) == best
    assert checkpoint["optimizer_state_dict"]["param_groups"][0]["momentum"] == 0.9
    done = python(tmp_path, "-m", "fastnn.run", "early_stopping.py", "--resume")
    assert (done.returncode, done.stderr) == (0, "")
    resumed = done.stdout.splitlines()
    after, found, saved = numbers(rf"resumed after epoch (\d+), val_loss {NUMBER} was {NUMBER}", resumed)[0]
    assert after == best and found == saved
    assert resumed[1] == f"lr {0.3 * 0.98**best:.6f} momentum of 4 parameters"
    assert resumed[2].startswith(f"epoch {int(best) + 1} train_loss")


def test_digits_by_samplers(run: Run, digits: Path) -> None:
    """SubsetRandomSampler under its module's path, inference_mode, topk, view(*shape), type(FloatTensor)."""
    lines = run(HERE / "sampler.py")
    epochs = numbers(rf"Epoch: (\d) Training Loss: {NUMBER} Validation Loss: {NUMBER} Accuracy: {NUMBER}", lines)
    assert epochs[:, 0].tolist() == [*range(1, 9)]
    assert epochs[-1, 1] < epochs[0, 1] / 2 and epochs[-1, 2] < epochs[0, 2] and epochs[-1, 3] >= 0.6
    assert re.fullmatch(r"sums to one: True guess \[\d, \d, \d, \d\]", lines[-1])
    assert (digits / "model.pt").is_file()


def test_gradients_by_hand(run: Run) -> None:
    """Leaves changed in place under no_grad, clamp, gradients made zero."""
    lines = run(HERE / "by_hand.py")
    losses = numbers(rf"(\d+) {NUMBER}", lines)
    assert losses[:, 0].tolist() == [0, 100, 200, 300, 0, 499]
    assert losses[3, 1] < 0.01 < losses[0, 1] and losses[5, 1] < losses[4, 1] / 10
    weight, bias = numbers(rf"w = {NUMBER}, b = {NUMBER}", lines)[0]
    assert abs(weight - 3) < 0.15 and abs(bias - 0.8) < 0.1
