"""Network: fit, evaluate, predict, save, load and how it shows itself."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import fastnn
import numpy as np
import pytest
from fastnn import Network, nn, optim
from fastnn.errors import NonFiniteLossError
from fastnn.training.callbacks import Callback
from fastnn.training.model_files import parameters_sha256
from fastnn.training.trainer import Trainer
from fastnn.utils.data import DataLoader, Dataset, TensorDataset

RNG = np.random.default_rng(3)
CENTRES = 2 * RNG.standard_normal((3, 6)).astype(np.float32)
Y = np.arange(60) % 3
X = CENTRES[Y] + 0.3 * RNG.standard_normal((60, 6)).astype(np.float32)
ONE_HOT = np.eye(3, dtype=np.float32)[Y]


class Items(Dataset):
    """A user's own data set: an item at a time, from Python."""

    def __len__(self) -> int:
        return len(X)

    def __getitem__(self, index: int) -> tuple[np.ndarray, int]:
        return X[index], int(Y[index])


@pytest.fixture(autouse=True)
def seeded() -> None:
    fastnn.manual_seed(5)


def fitted(*data: Any, **options: Any) -> Network:
    """A network after 6 quiet epochs, the same weights and orders each time."""
    fastnn.manual_seed(5)
    network = Network(6, 8, 3)
    network.fit(*(data or ((X, Y),)), **{"epochs": 6, "batch_size": 8, "seed": 1, "verbose": 0} | options)
    return network


def digest(network: Network) -> str:
    return parameters_sha256(network)


class TestFit:
    def test_it_learns(self) -> None:
        network = Network(6, 8, 3)
        history = network.fit((X, Y), (X, Y), epochs=30, batch_size=8, verbose=0)
        assert history.loss[-1] < 0.1 * history.loss[0]
        assert history.val_accuracy[-1] == 1
        loss, accuracy = network.evaluate((X, Y))
        assert (loss, accuracy) == (history.val_loss[-1], 1)
        assert np.array_equal(network.predict_classes(X), Y)

    @pytest.mark.parametrize(
        "data",
        [
            lambda: (X.astype(np.float64), Y),
            lambda: (X.tolist(), Y.tolist()),
            lambda: [X[:, None, :], Y.astype(np.uint8)],
            lambda: (X[::-1][::-1], Y.astype(np.int32)),
            lambda: (fastnn.tensor(X), fastnn.tensor(Y)),
            lambda: TensorDataset(fastnn.tensor(X), fastnn.tensor(Y)),
            lambda: Items(),
        ],
        ids=["float64", "lists", "with a dimension more", "strided", "tensors", "TensorDataset", "Dataset"],
    )
    def test_the_same_data_in_any_form_is_the_same_run(self, data: Callable[[], Any]) -> None:
        assert digest(fitted(data())) == digest(fitted())

    @pytest.mark.parametrize("workers", [0, 2, 4])
    @pytest.mark.parametrize("dataset", [lambda: TensorDataset(fastnn.tensor(X), fastnn.tensor(Y)), Items])
    def test_a_loader_brings_its_batches_and_order(self, dataset: Callable[[], Any], workers: int) -> None:
        loader = DataLoader(dataset(), batch_size=8, shuffle=True, num_workers=workers)
        assert digest(fitted(loader, batch_size=99)) == digest(fitted())
        assert digest(fitted(DataLoader(dataset(), batch_size=8))) == digest(fitted(shuffle=False))

    def test_seed_decides_the_order(self) -> None:
        assert digest(fitted(seed=1)) == digest(fitted(seed=1))
        assert digest(fitted(seed=1)) != digest(fitted(seed=2))
        assert digest(fitted(seed=1)) != digest(fitted(shuffle=False))
        assert digest(fitted(seed=1, shuffle=False)) == digest(fitted(seed=2, shuffle=False))

    def test_without_a_seed_the_random_state_goes_on(self) -> None:
        first, second = fitted(seed=None), fitted(seed=None)
        assert digest(first) == digest(second)
        first.fit((X, Y), epochs=1, batch_size=8, verbose=0)
        fastnn.manual_seed(5)
        second.fit((X, Y), epochs=1, batch_size=8, verbose=0)
        assert digest(first) != digest(second)

    @pytest.mark.parametrize("loss", ["cross_entropy", "mse", "bce_with_logits"])
    @pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd", "rmsprop"])
    def test_names_are_objects_with_their_defaults(self, optimizer: str, loss: str) -> None:
        criterion = {"cross_entropy": nn.CrossEntropyLoss, "mse": nn.MSELoss, "bce_with_logits": nn.BCEWithLogitsLoss}
        kind = {"adam": optim.Adam, "adamw": optim.AdamW, "sgd": optim.SGD, "rmsprop": optim.RMSprop}[optimizer]
        data = (X, Y if loss == "cross_entropy" else ONE_HOT)
        named = fitted(data, loss=loss, optimizer=optimizer)
        fastnn.manual_seed(5)
        network = Network(6, 8, 3)
        options = {"loss": criterion[loss](), "optimizer": kind(network.parameters())}
        network.fit(data, epochs=6, batch_size=8, seed=1, verbose=0, **options)
        assert digest(network) == digest(named)
        assert digest(fitted(data, loss=loss, optimizer=optimizer, lr=0.02)) != digest(named)

    def test_history(self) -> None:
        history = Network(6, 3).fit((X, Y), (X, Y), epochs=2, verbose=0)
        assert list(history.history) == ["loss", "accuracy", "val_loss", "val_accuracy"]
        assert history.epoch == [0, 1]
        assert history.val_loss is history.history["val_loss"]
        assert repr(history) == "History(2 epochs: loss, accuracy, val_loss, val_accuracy)"
        with pytest.raises(AttributeError, match="has no 'acc'; it has loss, accuracy, val_loss, val_accuracy"):
            _ = history.acc

    def test_r2_for_numbers(self) -> None:
        network, data = Network(6, 2), (X, X[:, :2])
        history = network.fit(data, data, loss="mse", epochs=1, verbose=0)
        assert list(history.history) == ["loss", "r2", "val_loss", "val_r2"]
        missed, spread = ((data[1] - network.predict(X)) ** 2).sum(0), ((data[1] - data[1].mean(0)) ** 2).sum(0)
        assert network.evaluate(data)[1] == history.val_r2[-1] == pytest.approx((1 - missed / spread).mean(), rel=1e-6)

    def test_what_it_prints(self, capsys: pytest.CaptureFixture[str]) -> None:
        fitted((X, Y), (X, Y), epochs=2, verbose=1)
        lines = capsys.readouterr().out.splitlines()
        pattern = r"Epoch [12]/2 - \d+\.\d\d s" + "".join(
            rf" - {name}: \d\.\d{{4}}" for name in ("loss", "accuracy", "val_loss", "val_accuracy")
        )
        assert [bool(re.fullmatch(pattern, line)) for line in lines] == [True, True]
        fitted(verbose=0)
        assert capsys.readouterr().out == ""

    def test_callbacks_hear_everything_and_may_stop(self) -> None:
        heard: list[str] = []

        class Listener(Callback):
            def on_train_begin(self, trainer: Trainer) -> None:
                heard.append(f"begin {trainer.epochs} x {trainer.steps_per_epoch}")

            def on_epoch_begin(self, trainer: Trainer, epoch: int) -> None:
                heard.append(f"epoch {epoch}")

            def on_epoch_end(self, trainer: Trainer, epoch: int, metrics: dict[str, float]) -> None:
                heard.append(f"{sorted(metrics)} {len(trainer.epoch_losses)}")
                trainer.stop_training = epoch == 1

            def on_train_end(self, trainer: Trainer) -> None:
                heard.append("end")

        fitted(epochs=5, callbacks=[Listener()])
        assert heard == ["begin 5 x 8", "epoch 0", "['accuracy', 'loss'] 8", "epoch 1", "['accuracy', 'loss'] 8", "end"]


CALLS: dict[str, tuple[Callable[[Network], Any], type, str]] = {
    "width": (lambda n: n.fit((X[:, :5], Y)), ValueError, r"weight has 6 inputs, x has shape \(60, 5\)"),
    "label above": (lambda n: n.fit((X, Y + 1)), ValueError, "label 3 at sample 2 is outside 0..2"),
    "label below": (lambda n: n.fit((X, Y - 1)), ValueError, "label -1 at sample 0 is outside 0..2"),
    "late label": (
        lambda n: n.fit((X, np.where(np.arange(60) == 59, 7, Y)), batch_size=8),
        ValueError,
        "label 7 at sample 59 is outside 0..2: the last layer has 3 outputs",
    ),
    "rows": (lambda n: n.fit((X, ONE_HOT[:, :2])), TypeError, "class numbers, not one-hot rows"),
    "mse classes": (lambda n: n.fit((X, Y), loss="mse"), ValueError, r"output has shape \(60, 3\), the target \(60,\)"),
    "counts": (lambda n: n.fit((X, Y[:50])), ValueError, "x has 60 samples but y has 50"),
    "empty": (lambda n: n.fit((X[:0], Y[:0])), ValueError, "the data set is empty"),
    "x only": (lambda n: n.fit(X), TypeError, r"expected a data set, a DataLoader or a tuple \(x, y\) .* got ndarray"),
    "a name": (lambda n: n.fit("digits"), TypeError, "expected a data set, .* got str"),
    "nothing": (lambda n: n.fit(None), TypeError, "expected a data set, .* got NoneType"),
    "triples": (lambda n: n.fit(TensorDataset(*[fastnn.tensor(X)] * 3)), TypeError, r"a batch must be a pair \(x, y\)"),
    "text": (lambda n: n.fit((np.full((60, 6), "a"), Y)), TypeError, "x: expected numbers, got an array of <U1"),
    "a file": (
        lambda n: n.predict("a.png"),
        TypeError,
        r"expected numbers.* <U5; for image files: fastnn predict MODEL FILE",
    ),
    "a list": (lambda n: Network([784, 256, 10]), TypeError, r"one by one, not a list: Network\(\*layers\)"),
    "batch size 0": (lambda n: n.fit((X, Y), batch_size=0), ValueError, "batch_size is 0; it must be >= 1"),
    "batch size 1.5": (lambda n: n.fit((X, Y), batch_size=1.5), TypeError, "batch_size must be an integer, got 1.5"),
    "epochs": (lambda n: n.fit((X, Y), epochs=-1), ValueError, "epochs is -1; it must be >= 0"),
    "optimizer": (
        lambda n: n.fit((X, Y), optimizer="adan"),
        ValueError,
        "optimizer 'adan'; did you mean 'adam'",
    ),
    "loss": (lambda n: n.fit((X, Y), loss="crossentropy"), ValueError, "did you mean 'cross_entropy'. Known: cross_en"),
    "class": (lambda n: n.fit((X, Y), optimizer=optim.SGD), TypeError, r"optimizer must be .* the class SGD: call it"),
    "not its own": (
        lambda n: n.fit((X, Y), optimizer=optim.SGD(Network(6, 3).parameters(), lr=1)),
        ValueError,
        "the optimizer has none of this model's parameters",
    ),
    "lr twice": (
        lambda n: n.fit((X, Y), optimizer=optim.SGD(n.parameters(), lr=1), lr=2),
        ValueError,
        "lr=2 is for an optimizer given by name",
    ),
    "lr": (lambda n: n.fit((X, Y), lr=-1), ValueError, "lr is -1"),
    "callback": (
        lambda n: n.fit((X, Y), callbacks=[print]),
        TypeError,
        r"callbacks must be fastnn\.training\.callbacks\.Callback objects, got",
    ),
    "seed": (lambda n: n.fit((X, Y), seed=0.5), TypeError, "seed must be an integer"),
    "validation": (lambda n: n.fit((X, Y), (X[:, :5], Y), epochs=1), ValueError, "weight has 6 inputs"),
    "one sample": (lambda n: n.predict(X[0]), ValueError, r"input has shape \(6,\); .* x\[None\] for one"),
    "predict text": (lambda n: n.predict("7"), TypeError, "input: expected numbers"),
    "predict width": (lambda n: n.predict_classes(X[:, :5]), ValueError, "weight has 6 inputs"),
    "evaluate nothing": (lambda n: n.evaluate((X[:0], Y[:0])), ValueError, "the data set is empty"),
    "one size": (lambda n: Network(6), ValueError, "at least an input and an output size"),
    "a size of 0": (lambda n: Network(6, 0, 3), ValueError, "a layer's size is 0; it must be >= 1"),
    "half a unit": (lambda n: Network(6, 2.5), TypeError, "a layer's size must be an integer, got 2.5"),
    "huge": (lambda n: Network(10**9, 10**9), ValueError, r"Linear\(1000000000 -> 1000000000\) needs"),
}


@pytest.mark.parametrize("name", CALLS)
def test_refused(name: str) -> None:
    """The message says what is wrong; the network is as it was."""
    call, kind, message = CALLS[name]
    network = Network(6, 3)
    before = digest(network)
    with pytest.raises(kind, match=message):
        call(network)
    if name != "validation":
        assert digest(network) == before


class TestNonFinite:
    @pytest.mark.parametrize(
        "use", [lambda n, x: n.fit((x, Y)), lambda n, x: n.predict(x), lambda n, x: n.evaluate((x, Y))]
    )
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_inputs(self, use: Callable[[Network, np.ndarray], Any], dtype: type) -> None:
        x = X.astype(dtype)
        x[12, 5], x[12, 3], x[40, 0] = np.inf, np.nan, np.nan
        with pytest.raises(ValueError, match=r"input has 3 non-finite values, first at sample 12, feature 3 \(nan\)"):
            use(Network(6, 3), x)

    def test_numbers_too_large_for_float32(self) -> None:
        x = X.astype(np.float64)
        x[7, 1] = 1e39
        with pytest.raises(ValueError, match=r"input has 1 non-finite values, first at sample 7, feature 1 \(inf\)"):
            Network(6, 3).predict(x)

    def test_targets(self) -> None:
        with pytest.raises(ValueError, match=r"target has 1 non-finite values, first at sample 2, feature 2 \(nan\)"):
            Network(6, 3).fit((X, np.where(np.arange(180).reshape(60, 3) == 8, np.nan, ONE_HOT)), loss="mse")

    @pytest.mark.parametrize("data", [(X, Y), Items()], ids=["arrays", "data set"])
    def test_loss(self, data: Any) -> None:
        where = r"loss became (nan|inf) at epoch 1 step [12].*Try a lower learning rate than 1e\+30"
        with pytest.raises(NonFiniteLossError, match=where):
            Network(6, 8, 3).fit(data, lr=1e30, batch_size=8, verbose=0)
