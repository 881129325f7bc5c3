"""Network of tables: x and y apart, labels that are words, a part held out, weights of classes, an early end, R2."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import fastnn
import numpy as np
import pytest
from fastnn import Network, nn
from fastnn.training import given
from fastnn.training.metrics import RunningMetrics, r_squared

RNG = np.random.default_rng(3)
X = RNG.standard_normal((90, 5)).astype(np.float32)
Y = (X[:, 0] > 0).astype(np.int64) + (X[:, 1] > 0.5)
WORDS = np.array(["mid", "low", "top"])[Y]
NUMBERS = 2 * X[:, 0] + 1
QUICK: dict[str, Any] = {"epochs": 3, "verbose": 0, "seed": 1}


def network(*sizes: int) -> Network:
    fastnn.manual_seed(0)
    return Network(*(sizes or (5, 8, 3)))


def bits(net: Network) -> list[bytes]:
    return [tensor.numpy().tobytes() for tensor in net.state_dict().values()]


class TestLabels:
    def test_x_and_y_are_the_pair(self) -> None:
        one, two, three = network(), network(), network()
        one.fit((X, Y), (X, Y), **QUICK)
        two.fit(X, Y, val=(X, Y), **QUICK)
        three.fit(X.tolist(), Y.tolist(), **QUICK)
        assert bits(one) == bits(two) == bits(three)
        assert one.evaluate((X, Y)) == two.evaluate(X, Y)
        assert one.score(X, Y) == one.evaluate((X, Y))[1] == float(np.mean(one.predict_classes(X) == Y))

    def test_words_are_classes_in_their_order(self, tmp_path: Path) -> None:
        words, numbers = network(), network()
        words.fit(X, WORDS, val=(X, WORDS), **QUICK)
        order = ["low", "mid", "top"]
        numbers.fit(X, [order.index(word) for word in WORDS], **QUICK)
        assert bits(words) == bits(numbers)
        assert words.classes.tolist() == order and numbers.classes.tolist() == [0, 1, 2]
        words.save(tmp_path / "n.safetensors")
        loaded = Network.load(tmp_path / "n.safetensors")
        assert loaded.classes.tolist() == order
        assert (
            loaded.score(X, WORDS)
            == words.score(X, WORDS)
            == np.mean(loaded.classes[words.predict_classes(X)] == WORDS)
        )

    def test_two_words_for_one_output(self, tmp_path: Path) -> None:
        net = network(5, 8, 1)
        net.fit(X, np.array(["no", "yes"])[Y % 2], loss="bce_with_logits", **QUICK)
        net.save(tmp_path / "n.safetensors")
        assert Network.load(tmp_path / "n.safetensors").classes.tolist() == net.classes.tolist() == ["no", "yes"]
        right = net.classes[net.predict_classes(X)] == np.array(["no", "yes"])[Y % 2]
        assert (net.predict(X)[:, 0] > 0.5).tolist() == net.predict_classes(X).tolist() and right.mean() > 0.3

    def test_a_part_of_the_labels_keeps_their_numbers(self) -> None:
        net = network()
        net.fit(X, WORDS, **QUICK)
        net.fit(X[Y > 0], WORDS[Y > 0], **QUICK)
        assert net.classes.tolist() == ["low", "mid", "top"]

    def test_a_class_of_ones_own_may_have_classes(self) -> None:
        class Mine(Network):
            def __init__(self) -> None:
                super().__init__(5, 3)
                self.classes = ["a", "b", "c"]

        assert Mine().classes == ["a", "b", "c"]


class TestYesOrNo:
    def test_accuracy_of_one_output(self, tmp_path: Path) -> None:
        net, y = network(5, 8, 1), Y % 2
        history = net.fit(X, y, loss="bce_with_logits", val=(X, y), **QUICK)
        right = float(np.mean((net.predict(X)[:, 0] > 0.5) == y))
        assert net.score(X, y) == net.score(X, y > 0) == net.score(X, y[:, None]) == history.val_accuracy[-1] == right
        assert 0 < right < 1 and net.classes.tolist() == [0, 1]
        net.save(tmp_path / "n.safetensors")
        assert Network.load(tmp_path / "n.safetensors").score(X, y) == right

    @pytest.mark.parametrize("dtype", [np.int64, np.uint8, bool, np.float64])
    def test_several_labels_are_right_together(self, dtype: Any) -> None:
        y = np.stack([Y > 0, Y > 1, X[:, 2] > 0], axis=1)
        net = network()
        net.fit(X, y.astype(dtype), loss="bce_with_logits", **{**QUICK, "epochs": 60})
        right = ((net.predict(X) > 0.5) == y).all(axis=1).mean()
        assert net.score(X, y.astype(dtype)) == right and 0.2 < right < 1

    def test_probabilities(self) -> None:
        net = Network(nn.Linear(5, 1), nn.Sigmoid())
        net.fit(X, Y[:, None] % 2, loss=nn.BCELoss(), **QUICK)
        assert net.score(X, Y % 2) == np.mean((net.predict(X)[:, 0] > 0.5) == Y % 2)

    def test_other_numbers_have_none(self) -> None:
        running = RunningMetrics(threshold=0.0)
        running.add(np.zeros((2, 1)), np.full((2, 1), 0.3))
        assert running.metrics() == {}


class TestHeldOut:
    def test_a_share_of_each_class_by_the_seed(self) -> None:
        (left, out), again = given.split((X, Y), 0.2, 7), given.split((X, Y), 0.2, 7)
        assert np.array_equal(out[0], again[1][0])
        assert not np.array_equal(out[0], given.split((X, Y), 0.2, 8)[1][0])
        assert np.bincount(out[1]).tolist() == np.floor(0.2 * np.bincount(Y) + 0.5).tolist()
        rows = np.concatenate([left[0], out[0]])
        assert np.array_equal(np.sort(rows, axis=0), np.sort(X, axis=0))

    def test_fit_trains_on_the_rest(self) -> None:
        net, other = network(), network()
        history = net.fit(X, WORDS, val=0.2, **QUICK)
        numbers = np.unique(WORDS, return_inverse=True)[1]
        left, out = given.split((X, numbers), 0.2, 1)
        same = other.fit(left, out, **QUICK)
        assert history.history == same.history and bits(net) == bits(other)

    def test_of_a_data_set(self) -> None:
        data = fastnn.utils.data.TensorDataset(fastnn.tensor(X), fastnn.tensor(Y))
        left, out = given.split(data, 0.25, 0)
        assert len(left) + len(out) == len(X) and not set(left.indices) & set(out.indices)
        assert "val_loss" in network().fit(data, 0.25, **QUICK).history

    def test_early_stopping_keeps_the_best(self) -> None:
        net = network()
        options = {**QUICK, "epochs": 200, "lr": 0.3, "early_stopping": 4}
        history = net.fit(X, Y, val=(X[:40], 2 - Y[:40]), **options)  # gets worse the more is learned
        ranks = list(zip(history.val_accuracy, [-loss for loss in history.val_loss], strict=True))
        best = ranks.index(max(ranks))
        assert len(ranks) == best + 5 < 200
        assert net.evaluate(X[:40], 2 - Y[:40]) == (history.val_loss[best], history.val_accuracy[best])


class TestNumbers:
    def test_one_number_a_sample(self) -> None:
        flat, column = network(5, 8, 1), network(5, 8, 1)
        flat.fit(X, NUMBERS, loss="mse", **QUICK)
        column.fit(X, NUMBERS[:, None], loss="mse", **QUICK)
        assert bits(flat) == bits(column)
        whole, same = network(5, 8, 2), network(5, 8, 2)
        whole.fit(X, np.stack([Y, Y], axis=1), loss="mse", **QUICK)
        same.fit(X, np.stack([Y, Y], axis=1).astype(np.float32), loss="mse", **QUICK)
        assert bits(whole) == bits(same) and whole._trainer is not None
        assert whole._trainer.engine_note == ""  # whole numbers would keep it from being compiled
        assert flat.score(X, NUMBERS) == pytest.approx(r_squared(flat.predict(X), NUMBERS[:, None]), rel=1e-12)

    def test_r2_of_batches_is_that_of_all(self) -> None:
        t = RNG.standard_normal((50, 3)) + 2000
        y = t + 0.1 * RNG.standard_normal(t.shape)
        running = RunningMetrics(numbers=True)
        for rows in (slice(0, 20), slice(20, 21), slice(21, 50)):
            running.add(y[rows], t[rows])
        missed, spread = ((t - y) ** 2).sum(0), ((t - t.mean(0)) ** 2).sum(0)
        expected = (1 - missed / spread).mean()
        assert running.metrics()["r2"] == pytest.approx(expected, rel=1e-10)
        assert r_squared(y, t) == pytest.approx(expected, rel=1e-10)
        weights = np.repeat([1.0, 3.0], 25)
        repeated = np.repeat(np.arange(50), weights.astype(int))
        assert r_squared(y, t, weights) == pytest.approx(r_squared(y[repeated], t[repeated]), rel=1e-10)

    def test_targets_that_are_all_the_same(self) -> None:
        ones = np.ones((4, 1))
        assert r_squared(ones, ones) == 1 and r_squared(ones + 1, ones) == 0


class TestClassWeights:
    def test_are_those_of_the_loss(self) -> None:
        one, two = network(), network()
        one.fit(X, WORDS, class_weight={"low": 2.0, "top": 0.5}, **QUICK)
        two.fit(X, np.unique(WORDS, return_inverse=True)[1], loss=nn.CrossEntropyLoss([2.0, 1.0, 0.5]), **QUICK)
        assert bits(one) == bits(two)

    def test_balanced(self) -> None:
        counts = np.bincount(Y)
        assert given.class_weights("balanced", (X, Y), 3) * counts == pytest.approx([30, 30, 30])


FAULTS: dict[str, tuple[Callable[[Network], Any], type, str]] = {
    "too many": (lambda n: network(5, 2).fit(X, WORDS), ValueError, r"3 labels \(low, mid, top\), the network 2 out"),
    "unknown": (lambda n: n.score(X, ["x"] * 90), ValueError, "the label 'x', which the network does not know: it was"),
    "two ways": (lambda n: n.fit((X, Y), (X, Y), val=0.2), TypeError, "train has its labels already"),
    "twice": (lambda n: n.evaluate((X, Y), Y), TypeError, "tuple brings its labels itself: leave y out"),
    "too few": (
        lambda n: network(5, 4).fit(X, WORDS),
        ValueError,
        r"3 labels \(low, mid, top\), the network 4 outputs: it needs one for each",
    ),
    "share": (lambda n: n.fit(X, Y, val=1.5), ValueError, "val is 1.5; a share must be between 0 and 1, such as 0.2"),
    "no share": (lambda n: n.fit(X, Y, val=0), ValueError, "val is 0; a share must"),
    "percent": (lambda n: n.fit(X, Y, val=20), ValueError, "val is 20; a share must"),
    "a flag": (lambda n: n.fit(X, Y, val=True), ValueError, "val is True; a share must"),
    "x alone": (lambda n: n.fit(X), TypeError, r"expected .* \(or x and y\), got ndarray"),
    "three": (lambda n: n.fit((X, Y, Y)), TypeError, r"expected .* \(or x and y\), got 3 arrays"),
    "tensors": (lambda n: n.fit([fastnn.tensor(X)] * 3), TypeError, r"expected .* \(or x and y\), got 3 arrays"),
    "rows": (lambda n: n.score(list(X)), TypeError, r"expected .* \(or x and y\), got 90 arrays"),
    "no loss": (lambda n: network(5, 1).fit(X, NUMBERS), TypeError, "y is float32; .*to learn numbers give loss='mse'"),
    "no loss of a column": (
        lambda n: network(5, 1).fit(X, NUMBERS[:, None]),
        ValueError,
        "an output for each class: to learn numbers give loss='mse', for two classes 'bce_with_logits'",
    ),
    "one output": (lambda n: network(5, 1).fit(X, Y), ValueError, "cross_entropy needs an output for each class"),
    "mae": (lambda n: n.fit(X, Y, loss="mae"), ValueError, r"unknown loss 'mae'\. .*nn.L1Loss\(\) for the mean abs"),
    "capitals": (lambda n: n.fit(X, Y, loss="MSE"), ValueError, "unknown loss 'MSE'; did you mean 'mse'"),
    "max_iter": (
        lambda n: n.fit(X, Y, max_iter=3),
        TypeError,
        "argument 'max_iter'; it takes train, y, epochs, ",
    ),
    "weights": (lambda n: n.fit(X, Y, sample_weight=Y), TypeError, "class_weight, early_stopping$"),
    "proba": (lambda n: n.predict_proba(X), AttributeError, r"'predict_proba': predict\(\) gives it"),
    "no attribute": (lambda n: n.predict_prob(X), AttributeError, "'Network' object has no attribute 'predict_prob'"),
    "gaps": (
        lambda n: n.fit(X, np.where(Y > 0, WORDS, None)),
        TypeError,
        f"y has words, but None at sample {int(np.argmin(Y))}$",
    ),
    "third": (lambda n: n.fit(X, Y, (X, Y)), TypeError, r"epochs must be an integer, got \(array(.|\n){50,75}$"),
    "list of weights": (lambda n: n.fit(X, Y, class_weight=[1, 2, 3]), ValueError, r"class_weight is \[1, 2, 3\]; it"),
    "no val": (lambda n: n.fit(X, Y, early_stopping=2), ValueError, "early_stopping needs val"),
    "patience": (lambda n: n.fit(X, Y, val=0.2, early_stopping=0), ValueError, "early_stopping is 0; it must be >= 1"),
    "no class": (lambda n: n.fit(X, Y, class_weight={7: 1}), ValueError, "weights from 0 on for 0..2"),
    "a word": (lambda n: n.fit(X, Y, class_weight="even"), ValueError, "must be 'balanced' or a dict"),
    "numbers": (lambda n: n.fit(X, X, loss="mse", class_weight="balanced"), ValueError, "goes with loss='cross_ent"),
    "classes": (lambda n: network(5, 1).classes, ValueError, "tells no classes apart"),
    "loader": (
        lambda n: n.fit(fastnn.utils.data.DataLoader(fastnn.utils.data.TensorDataset(X, Y)), val=0.2),
        TypeError,
        "a DataLoader brings batches",
    ),
}


@pytest.mark.parametrize("what", FAULTS)
def test_faults(what: str) -> None:
    call, error, text = FAULTS[what]
    with pytest.raises(error, match=text):
        call(network())
