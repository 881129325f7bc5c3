"""The estimators themselves: labels, weights, partial_fit, dropout, rates, tables of pandas, errors, threads."""

from __future__ import annotations

import importlib
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fastnn
import numpy as np
import pytest
from fastnn import Network

pytest.importorskip("sklearn")

from fastnn.errors import NonFiniteLossError
from fastnn.sklearn import NetworkClassifier, NetworkRegressor, learner
from fastnn.sklearn.threads import threads_for
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RNG = np.random.default_rng(5)
X = RNG.standard_normal((120, 4))
Y = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0.4)
NUMBERS = np.stack([X[:, 0] * 2 + 1, np.abs(X[:, 1])], axis=1)
QUICK: dict[str, Any] = {"max_iter": 8, "random_state": 0, "hidden_layer_sizes": (12,)}


def arrays(estimator: Any) -> list[bytes]:
    return [array.tobytes() for array in (*estimator.coefs_, *estimator.intercepts_)]


def classifier(**settings: Any) -> NetworkClassifier:
    return NetworkClassifier(**{**QUICK, **settings})


class TestLabels:
    @pytest.mark.parametrize(
        "labels",
        [
            ["red", "green", "blue"],
            [-1.0, 2.0, 7.0],
            [False, True, True],
            np.array(["b", "a", "c"], object),
            [10, 3, 5],
        ],
        ids=["words", "numbers", "flags", "objects", "counts"],
    )
    def test_of_any_type(self, labels: Any) -> None:
        y = np.asarray(labels)[Y]
        found = classifier(max_iter=150, learning_rate_init=0.02).fit(X, y)
        assert found.classes_.tolist() == sorted(set(labels)) and found.classes_.dtype == y.dtype
        assert found.predict(X).dtype == y.dtype
        assert found.score(X, y) > 0.9
        assert np.array_equal(found.classes_[found.predict_proba(X).argmax(axis=1)], found.predict(X))

    def test_rows_of_a_sparse_matrix(self) -> None:
        sparse = pytest.importorskip("scipy.sparse")
        y = np.eye(3, dtype=int)[Y]
        found = classifier().fit(X, sparse.csr_matrix(y))
        assert arrays(found) == arrays(classifier().fit(X, y)) and found.score(X, y) == found.score(
            X, sparse.csr_matrix(y)
        )

    def test_pandas_categories(self) -> None:
        pd = pytest.importorskip("pandas")
        found = classifier().fit(pd.DataFrame(X, columns=list("abcd")), pd.Series(Y).map(dict(enumerate("xyz"))))
        assert found.feature_names_in_.tolist() == list("abcd") and found.classes_.tolist() == list("xyz")


class TestNumbers:
    def test_shapes(self) -> None:
        one = NetworkRegressor(**QUICK).fit(X, NUMBERS[:, 0])
        two = NetworkRegressor(**QUICK).fit(X, NUMBERS)
        assert one.predict(X).shape == (120,) and two.predict(X).shape == (120, 2)

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_are_computed_as_x_has_them(self, dtype: Any) -> None:
        found = NetworkRegressor(**QUICK).fit(X.astype(dtype), NUMBERS)
        assert found.coefs_[0].dtype == found.predict(X).dtype == dtype

    def test_too_large_for_float32(self) -> None:
        with pytest.raises(ValueError, match="y has 1 non-finite values"):
            NetworkRegressor(**QUICK).fit(X.astype(np.float32), np.where(np.arange(120) == 3, 1e300, 1.0))


class TestWeights:
    def test_none_is_one_each(self) -> None:
        assert arrays(classifier().fit(X, Y)) == arrays(classifier().fit(X, Y, np.ones(120)))
        some = classifier(alpha=0).fit(X, Y)  # a penalty counts less beside more weight
        assert arrays(some) == arrays(classifier(alpha=0).fit(X, Y, np.full(120, 3.0)))
        assert arrays(some) == arrays(classifier(alpha=0).fit(X, Y, 3.0))

    def test_zero_is_not_there(self) -> None:
        weights = np.where(np.arange(120) < 90, 1.0, 0.0)
        assert arrays(classifier().fit(X, Y, weights)) == arrays(classifier().fit(X[:90], Y[:90]))

    @pytest.mark.parametrize("kind", ["two", "three", "labels", "numbers"])
    def test_count_as_often(self, kind: str) -> None:
        y = {"two": Y > 0, "three": Y, "labels": np.eye(3, dtype=int)[Y], "numbers": NUMBERS}[kind]
        weights = np.arange(120) % 3 + 1
        settings = {**QUICK, "batch_size": 300, "hidden_layer_sizes": (7,)}
        kinds = NetworkRegressor if kind == "numbers" else NetworkClassifier
        weighted = kinds(**settings).fit(X, y, weights)
        repeated = kinds(**settings).fit(X.repeat(weights, axis=0), y.repeat(weights, axis=0))
        assert weighted.loss_curve_ == pytest.approx(repeated.loss_curve_, rel=1e-12)

    def test_of_classes(self) -> None:
        weights = np.array([1.0, 4.0, 0.5])
        by_class = classifier(class_weight=dict(enumerate(weights))).fit(X, Y)
        assert arrays(by_class) == arrays(classifier().fit(X, Y, weights[Y]))
        both = classifier(class_weight=dict(enumerate(weights))).fit(X, Y, np.arange(120) + 1.0)
        assert arrays(both) == arrays(classifier().fit(X, Y, weights[Y] * (np.arange(120) + 1.0)))
        balanced = classifier(class_weight="balanced").fit(X, Y)
        assert arrays(balanced) == arrays(classifier().fit(X, Y, (120 / 3 / np.bincount(Y))[Y]))


class TestGoingOn:
    def test_partial_fits_are_epochs(self) -> None:
        settings = {**QUICK, "shuffle": False, "batch_size": 50, "dropout": 0.2, "max_iter": 4}
        whole, parts = NetworkClassifier(**settings).fit(X, Y), NetworkClassifier(**settings)
        for _ in range(4):
            parts.partial_fit(X, Y, classes=[0, 1, 2])
        assert arrays(whole) == arrays(parts) and whole.loss_curve_ == parts.loss_curve_

    def test_pickles_go_on(self) -> None:
        one = classifier(dropout=0.3)
        for _ in range(2):
            one.partial_fit(X, Y, [0, 1, 2])
        two = pickle.loads(pickle.dumps(one))
        for each in (one, two):
            each.partial_fit(X, Y)
            each.partial_fit(X, Y, sample_weight=np.arange(120) + 1)
        assert arrays(one) == arrays(two) and one.t_ == two.t_ == 480

    def test_coefs_that_are_changed_by_hand_count(self) -> None:
        one, two = classifier().partial_fit(X, Y, [0, 1, 2]), classifier().partial_fit(X, Y, [0, 1, 2])
        one.coefs_[0][:] = 0
        assert arrays(one.partial_fit(X, Y)) != arrays(two.partial_fit(X, Y))
        assert np.abs(one.coefs_[0]).max() < 0.01

    def test_labels_that_nobody_named(self) -> None:
        with pytest.raises(ValueError, match="classes must be passed on the first call"):
            classifier().partial_fit(X, Y)
        found = classifier().partial_fit(X, Y, classes=[0, 1, 2])
        with pytest.raises(ValueError, match="label 3 that is none of the classes"):
            found.partial_fit(X, Y + 1)
        with pytest.raises(ValueError, match="not the same as on last call"):
            found.partial_fit(X, Y, classes=[0, 1])

    def test_idle_learners_leave_no_trace(self) -> None:
        learner._idle.clear()
        first = classifier(dropout=0.2).fit(X, Y)
        assert len(learner._idle) == 1
        kept = learner._idle[0][1]
        classifier(dropout=0.2, alpha=3.0, random_state=9, beta_1=0.5).fit(X[:70], Y[:70])
        again = classifier(dropout=0.2).fit(X, Y)
        assert [each for _, each in learner._idle] == [kept]
        assert arrays(first) == arrays(again)
        for width in range(2, 20):
            classifier(hidden_layer_sizes=(width,), max_iter=1).fit(X, Y)
        assert len(learner._idle) == 8


class TestDropout:
    def test_by_the_random_state_alone(self) -> None:
        first = classifier(dropout=0.4).fit(X, Y)
        fastnn.manual_seed(99)
        fastnn.nn.Dropout(0.5)
        assert arrays(classifier(dropout=0.4).fit(X, Y)) == arrays(first)
        assert arrays(classifier(dropout=0.4, random_state=1).fit(X, Y)) != arrays(first)
        assert arrays(classifier(dropout=0.0).fit(X, Y)) != arrays(first)

    def test_draws_nothing_of_fastnns_own(self) -> None:
        fastnn.manual_seed(4)
        before = fastnn.random.state.as_dict()
        classifier(dropout=0.4).fit(X, Y).predict(X)
        assert fastnn.random.state.as_dict() == before


@pytest.fixture
def rates(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Those of all calls for epochs."""
    seen: list[float] = []
    epochs = learner.Learner.epochs

    def noted(self: learner.Learner, *rest: Any) -> list[float]:
        seen.append(self.optimizer.param_groups[1]["lr"])
        return epochs(self, *rest)

    monkeypatch.setattr(learner.Learner, "epochs", noted)
    return seen


class TestRates:
    @pytest.mark.parametrize("name", ["linear", "onecycle", "cosine", "step", "invscaling"])
    def test_of_each_epoch(self, name: str, rates: list[float]) -> None:
        classifier(solver="sgd", learning_rate=name, learning_rate_init=0.02, max_iter=10).fit(X, Y)
        expected = {
            "linear": [0.02 * min((e + 0.5) / 10 / 0.05, (1 - (e + 0.5) / 10) / 0.95) for e in range(10)],
            "step": [0.02] * 5 + [0.002] * 3 + [0.0002] * 2,
            "invscaling": [0.02 / (120 * e + 1) ** 0.5 for e in range(10)],
        }
        assert len(rates) == 10 and max(rates) <= 0.02 * (1 + 1e-12) and rates[-1] < 0.1 * max(rates)
        if name in expected:
            assert rates == pytest.approx(expected[name], rel=1e-12)

    @pytest.mark.parametrize("solver", ["adam", "rmsprop"])
    def test_of_sgd_alone(self, solver: str) -> None:
        settings = {"solver": solver, "tol": 0.1, "n_iter_no_change": 2, "max_iter": 40}
        expected = classifier(**settings).fit(X, Y)
        for name in ("invscaling", "adaptive"):
            found = classifier(**settings, learning_rate=name).fit(X, Y)
            assert arrays(found) == arrays(expected) and found.n_iter_ == expected.n_iter_ < 40

    def test_adaptive_falls_to_a_fifth(self, rates: list[float]) -> None:
        settings = {"solver": "sgd", "learning_rate_init": 1.0, "tol": 1e-3, "max_iter": 400, "n_iter_no_change": 2}
        found = classifier(learning_rate="adaptive", **settings).fit(X, Y)
        assert sorted(set(rates), reverse=True) == pytest.approx([0.2**fall for fall in range(10)])  # down to 5e-7
        fixed = clone(found).set_params(learning_rate="constant").fit(X, Y)
        assert found.n_iter_ > fixed.n_iter_ and found.loss_curve_[: fixed.n_iter_] == fixed.loss_curve_


class TestTables:
    def test_predictions_as_pandas(self) -> None:
        pd = pytest.importorskip("pandas")
        table = pd.DataFrame(X, columns=list("abcd"), index=np.arange(120) * 2)
        found = classifier().fit(table, pd.Series(Y, name="kind"))
        assert isinstance(found.predict_proba(table), np.ndarray)
        assert found.set_output(transform="pandas") is found.set_output()
        p, labels = found.predict_proba(table), found.predict(table)
        assert p.columns.tolist() == [0, 1, 2] and p.index.equals(table.index) and labels.name == "kind"
        assert (p.idxmax(axis=1) == labels).all() and found.score(table, Y) == (labels == Y).mean()
        numbers = NetworkRegressor(**QUICK).fit(table, pd.DataFrame(NUMBERS, columns=["u", "v"]))
        assert numbers.set_output(transform="pandas").predict(table).columns.tolist() == ["u", "v"]
        assert isinstance(clone(found).fit(table, Y).predict(table), np.ndarray)
        with pytest.raises(ValueError, match="'default' or 'pandas'"):
            found.set_output(transform="polars")

    def test_history(self) -> None:
        found = classifier(early_stopping=True).fit(X, Y)
        assert found.history_.history == {"loss": found.loss_curve_, "val_score": found.validation_scores_}


class TestThreads:
    def test_one_for_small_work(self) -> None:
        fastnn.set_num_threads(2)
        with threads_for(1e6):
            assert fastnn.get_num_threads() == 1
            with threads_for(1e6), threads_for(1e12):
                assert fastnn.get_num_threads() == 1
            assert fastnn.get_num_threads() == 1
        with threads_for(1e12):
            assert fastnn.get_num_threads() == 2
        with pytest.raises(KeyError), threads_for(0):
            raise KeyError
        assert fastnn.get_num_threads() == 2

    def test_a_fit_takes_one(self, monkeypatch: pytest.MonkeyPatch) -> None:
        seen: list[int] = []
        monkeypatch.setattr(learner.math, "fsum", lambda values: seen.append(fastnn.get_num_threads()) or sum(values))
        fastnn.set_num_threads(2)
        classifier().fit(X, Y)
        assert seen and set(seen) == {1} and fastnn.get_num_threads() == 2


class TestNetwork:
    @pytest.mark.parametrize("activation", ["relu", "identity", "gelu"])
    @pytest.mark.parametrize("kind", ["two", "three", "numbers"])
    def test_predicts_the_same(self, kind: str, activation: str, tmp_path: Path) -> None:
        y = {"two": np.array(["no", "yes"])[Y % 2], "three": Y, "numbers": NUMBERS}[kind]
        kinds = NetworkRegressor if kind == "numbers" else NetworkClassifier
        found = kinds(**{**QUICK, "activation": activation, "hidden_layer_sizes": (9, 5)}).fit(X, y)
        found.to_network().save(tmp_path / "n.safetensors")
        network = Network.load(tmp_path / "n.safetensors")
        assert "(N, 9)" in found.to_network().summary()
        outputs = network.predict(X.astype(np.float32))
        expected = found.predict(X) if kind == "numbers" else found.predict_proba(X)[:, -outputs.shape[1] :]
        assert outputs == pytest.approx(expected, abs=1e-5)
        if kind != "numbers":
            assert network.classes.tolist() == found.classes_.tolist()

    @pytest.mark.parametrize(
        "labels",
        [
            [0, 1],
            [False, True],
            [0.0, 1.0],
            [5, 3],
            [1.0, -1.0],
            ["3", "1"],
            [1, 2, 3],
            [2.0, 7.0, -1.0],
            [0.0, 1.0, 2.0],
        ],
        ids=str,
    )
    def test_has_the_labels(self, labels: list[Any], tmp_path: Path) -> None:
        y = np.array(labels)[Y % len(labels)]
        found = classifier(max_iter=60, learning_rate_init=0.02).fit(X, y)
        network = found.to_network()
        network.save(tmp_path / "n.safetensors")
        for each in (network, Network.load(tmp_path / "n.safetensors")):
            assert (each.classes[each.predict_classes(X)] == found.predict(X)).all()
            assert each.score(X, y) == found.score(X, y) > 0.7

    def test_goes_on_with_the_labels(self) -> None:
        y = np.array([10, 30, 20])[Y]
        network = classifier().fit(X, y).to_network()
        network.fit(X, y, epochs=2, verbose=0)
        assert network.classes.tolist() == [10, 20, 30]
        assert network.score(X, y) == np.mean(network.classes[network.predict_classes(X)] == y)
        with pytest.raises(ValueError, match="label 11, which the network does not know: its classes are 10, 20, 30"):
            network.score(X, y + 1)
        with pytest.raises(ValueError, match="label 0, which the network does not know"):
            network.fit(X, Y)

    def test_of_several_labels(self) -> None:
        y = np.eye(3, dtype=int)[Y]
        found = classifier(max_iter=60, learning_rate_init=0.02).fit(X, y)
        assert found.to_network().score(X, y) == found.score(X, y) > 0.3


def test_without_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("fastnn.sklearn")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "sklearn.utils.validation", None)
    with pytest.raises(ImportError, match=r"fastnn.sklearn needs scikit-learn 1.6 or newer: pip install scikit-learn"):
        importlib.import_module("fastnn.sklearn")


def big(estimator: NetworkRegressor) -> Any:
    return estimator.set_params(solver="sgd", learning_rate_init=1e300).fit(X * 1e100, NUMBERS)


FAULTS: dict[str, tuple[Callable[[NetworkClassifier], Any], type[Exception], str]] = {
    "solver": (lambda c: c.set_params(solver="adan").fit(X, Y), ValueError, "solver is 'adan'; did you mean 'adam'"),
    "activation": (lambda c: c.set_params(activation=3).fit(X, Y), ValueError, "must be one of identity, logistic"),
    "dropout": (
        lambda c: c.set_params(dropout=1.0).fit(X, Y),
        ValueError,
        r"dropout is 1.0; it must be within \[0, 1\)",
    ),
    "alpha": (lambda c: c.set_params(alpha="a").fit(X, Y), TypeError, "alpha must be a number, got 'a'"),
    "sizes": (lambda c: c.set_params(hidden_layer_sizes=(3, 0)).fit(X, Y), ValueError, "sizes is 0; it must be at"),
    "epochs": (lambda c: c.set_params(max_iter=2.5).fit(X, Y), TypeError, "max_iter takes whole numbers, got 2.5"),
    "case": (
        lambda c: c.set_params(activation="Relu").fit(X, Y),
        ValueError,
        "activation is 'Relu'; did you mean 'relu'",
    ),
    "patience": (lambda c: c.set_params(early_stopping=5).fit(X, Y), ValueError, "early_stopping is 5; it must be Tr"),
    "shuffle": (lambda c: c.set_params(shuffle="yes").fit(X, Y), TypeError, "shuffle is 'yes'; it must be True or Fa"),
    "tol": (lambda c: c.set_params(tol=-1).fit(X, Y), ValueError, r"tol is -1; it must be within \[0, inf\)"),
    "word of sizes": (lambda c: c.set_params(hidden_layer_sizes="10").fit(X, Y), ValueError, "numbers, got '10'"),
    "no count": (lambda c: c.set_params(hidden_layer_sizes=2.5).fit(X, Y), ValueError, "sizes takes whole numbers, g"),
    "negative class": (
        lambda c: c.set_params(class_weight={0: -1, 1: 1, 2: 1}).fit(X, Y),
        ValueError,
        "class_weight has negative values",
    ),
    "nan": (lambda c: c.set_params(tol=float("nan")).fit(X, Y), ValueError, "tol is nan"),
    "not fitted": (lambda c: c.predict(X), NotFittedError, "not fitted yet"),
    "numbers": (lambda c: c.fit(X, X[:, 0]), ValueError, "Unknown label type: continuous.*NetworkRegressor"),
    "negative": (lambda c: c.fit(X, Y, -np.ones(120)), ValueError, "negative values"),
    "zeros": (lambda c: c.fit(X, Y, np.zeros(120)), ValueError, "all values of sample_weight are zero"),
    "shape": (lambda c: c.fit(X, Y, np.ones(3)), ValueError, r"sample_weight has shape \(3,\)"),
    "balanced": (
        lambda c: c.set_params(class_weight="balanced").partial_fit(X, Y, [0, 1, 2]),
        ValueError,
        "needs all samples at once",
    ),
    "early": (
        lambda c: c.set_params(early_stopping=True).partial_fit(X, Y, [0, 1, 2]),
        ValueError,
        "partial_fit does n",
    ),
    "held out": (
        lambda c: c.set_params(early_stopping=True, validation_fraction=0.1).fit(X[:6], Y[:6]),
        ValueError,
        "validation_fraction=0.1 of 6 samples is 1: it must be at least 2",
    ),
    "other labels": (
        lambda c: c.set_params(warm_start=True).fit(X, Y).fit(X, Y + 5),
        ValueError,
        "that is none of the classes",
    ),
    "diverges": (
        lambda c: big(NetworkRegressor(**QUICK)),
        NonFiniteLossError,
        "loss became NaN or infinite: training stopped. Scale the inputs and the targets",
    ),
}


@pytest.mark.parametrize("what", FAULTS)
@pytest.mark.filterwarnings("ignore:overflow")
def test_faults(what: str) -> None:
    call, error, text = FAULTS[what]
    with pytest.raises(error, match=text):
        call(classifier())


def test_an_end_before_it_converged_is_told() -> None:
    with pytest.warns(ConvergenceWarning, match=r"Maximum iterations \(8\) reached"):
        classifier().fit(X, Y)


def test_what_verbose_prints(capsys: pytest.CaptureFixture[str]) -> None:
    found = classifier(verbose=True, max_iter=2).fit(X, Y)
    lines = [f"Iteration {number}, loss = {loss:.8f}" for number, loss in enumerate(found.loss_curve_, start=1)]
    assert capsys.readouterr().out.splitlines() == lines
    settings = {"solver": "sgd", "tol": 9.0, "n_iter_no_change": 1, "learning_rate": "adaptive"}
    for early in (False, True):
        classifier(verbose=True, early_stopping=early, **settings, max_iter=90).fit(X, Y)
        what = "Validation score" if early else "Training loss"
        lines = [line for line in capsys.readouterr().out.splitlines() if not line.startswith("Iter")]
        text = f"{what} did not improve more than tol=9.000000 for 1 consecutive epochs. "
        assert lines[:2] == [text + "Setting learning rate to 0.000200", text + "Setting learning rate to 0.000040"]
        assert lines[-1] == text + "Stopping."


@pytest.mark.parametrize("batch", [120, 50])
def test_an_interrupt_counts_the_epochs_that_were_whole(batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that the last call has made already, whose last one it had begun."""
    from fastnn.engine.plan import Plan

    whole = Plan.run_in_turn

    def interrupted(self: Plan, parts: Any, turns: int, decays: Any) -> bool:
        begun = [(program, source, losses[: len(losses) // 11 * 7]) for program, source, losses in parts]
        whole(self, begun, min(turns, 7), decays)
        raise KeyboardInterrupt

    settings = {"max_iter": 100, "batch_size": batch, "learning_rate_init": 0.01}
    expected = classifier(**settings).fit(X, Y).loss_curve_
    monkeypatch.setattr(Plan, "run_in_turn", interrupted)
    with pytest.warns(UserWarning, match="Training interrupted"):
        found = classifier(**settings).fit(X, Y)
    assert found.n_iter_ == 7 and found.loss_curve_ == expected[:7] and found.loss_ == expected[6]


def test_an_interrupt_keeps_what_was_learned(monkeypatch: pytest.MonkeyPatch) -> None:
    epochs, calls = learner.Learner.epochs, [0]

    def interrupted(self: learner.Learner, *rest: Any) -> list[float]:
        calls[0] += 1
        if calls[0] > 1:
            raise KeyboardInterrupt
        return epochs(self, *rest)

    monkeypatch.setattr(learner.Learner, "epochs", interrupted)
    with pytest.warns(UserWarning, match="Training interrupted"):
        found = classifier(max_iter=100, learning_rate_init=0.01).fit(X, Y)
    assert found.n_iter_ == len(found.loss_curve_) == 11
    monkeypatch.undo()
    assert arrays(found) == arrays(classifier(max_iter=11, learning_rate_init=0.01).fit(X, Y))
