"""What fit, evaluate and predict take: weights of samples and classes, batches one by one, generators, steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import fastnn
import numpy as np
import pytest
from fastnn import keras
from fastnn.keras import layers
from fastnn.keras.utils import to_categorical
from fastnn.utils.data import DataLoader, TensorDataset

RNG = np.random.default_rng(5)
X = RNG.standard_normal((20, 3)).astype(np.float32)
LABELS = RNG.integers(0, 3, 20)
BITS = RNG.integers(0, 2, 20)
WEIGHTS = RNG.random(20).astype(np.float32) + 0.5


def model(units: int = 3, activation: str | None = "softmax", loss: Any = None, **given: Any) -> keras.Sequential:
    fastnn.manual_seed(2)
    made = keras.Sequential([layers.Dense(units, activation, input_shape=(3,))])
    loss = loss or "sparse_categorical_crossentropy"
    made.compile(given.pop("optimizer", keras.optimizers.SGD(0.5)), loss, **given)
    return made


def weights_after(made: keras.Sequential, *data: Any, **given: Any) -> list[np.ndarray]:
    made.fit(*data, batch_size=20, verbose=0, **given)
    return made.get_weights()


@pytest.mark.parametrize(
    ("made", "y"),
    [
        (lambda: model(), LABELS),
        (lambda: model(loss="categorical_crossentropy"), to_categorical(LABELS)),
        (lambda: model(1, "sigmoid", "binary_crossentropy"), BITS),
        (lambda: model(1, None, "mse"), BITS),
        (lambda: model(3, "sigmoid", "categorical_crossentropy"), to_categorical(LABELS)),
        (lambda: model(1, None, lambda t, p: (t - p) * (t - p)), BITS),
    ],
    ids=["numbers", "one-hot", "binary", "mse", "probabilities", "function"],
)
def test_a_weight_is_so_many_samples(made: Callable[[], keras.Sequential], y: np.ndarray) -> None:
    """Of whole numbers: a sample of weight 3 is there three times, one of 0 not at all."""
    counts = np.arange(20) % 4
    one = made()
    history = one.fit(X, y, batch_size=20, verbose=0, sample_weight=counts).history
    repeated = made()
    repeated.set_weights([w.copy() for w in made().get_weights()])
    scale = counts.sum() / 20  # Keras divides by the samples, not by their weights
    repeated.optimizer.learning_rate = 0.5 * scale
    many = repeated.fit(np.repeat(X, counts, 0), np.repeat(y, counts, 0), batch_size=99, verbose=0).history
    assert history["loss"][0] == pytest.approx(many["loss"][0] * scale, rel=1e-5)
    for got, expected in zip(one.get_weights(), repeated.get_weights(), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-6)
    evaluated = one.evaluate(X, y, sample_weight=counts, verbose=0)
    assert evaluated == pytest.approx(
        repeated.evaluate(np.repeat(X, counts, 0), np.repeat(y, counts, 0), verbose=0) * scale
    )


@pytest.mark.parametrize(
    "y",
    [LABELS, LABELS[:, None], to_categorical(LABELS), LABELS.astype(np.float32)],
    ids=["(N,)", "(N, 1)", "rows", "f"],
)
def test_class_weights_are_those_of_their_samples(y: np.ndarray) -> None:
    weights = {0: 0.5, 2: 3.0}  # class 1 has 1
    own = np.array([0.5, 1.0, 3.0])[LABELS]
    loss = "categorical_crossentropy" if y.ndim == 2 and y.shape[1] == 3 else None
    for given in ({}, {"sample_weight": WEIGHTS}):
        with pytest.warns(UserWarning, match="class_weight has no weight for class 1: 1.0 is taken"):
            by_class = weights_after(model(loss=loss), X, y, class_weight=weights, **given)
        by_sample = weights_after(model(loss=loss), X, y, sample_weight=own * given.get("sample_weight", 1))
        for got, expected in zip(by_class, by_sample, strict=True):
            np.testing.assert_allclose(got, expected, rtol=1e-6)


def test_class_weights_are_not_for_validation() -> None:
    """Neither of a split nor of data; sample weights are."""
    made = model(optimizer=keras.optimizers.SGD(0.0))
    given: dict[str, Any] = {"class_weight": {0: 9.0, 1: 5.0, 2: 7.0}, "verbose": 0}
    history = made.fit(X, LABELS, validation_split=0.4, **given).history
    assert history["val_loss"] == [pytest.approx(made.evaluate(X[12:], LABELS[12:], verbose=0))]
    history = made.fit(X, LABELS, validation_data=(X, LABELS), **given).history
    assert history["val_loss"] == [pytest.approx(made.evaluate(X, LABELS, verbose=0))]
    history = made.fit(X, LABELS, validation_split=0.4, sample_weight=WEIGHTS, verbose=0).history
    expected = made.evaluate(X[12:], LABELS[12:], sample_weight=WEIGHTS[12:], verbose=0)
    assert history["val_loss"] == [pytest.approx(expected)]
    history = made.fit(X, LABELS, validation_data=(X, LABELS, WEIGHTS), verbose=0).history
    assert history["val_loss"] == [pytest.approx(made.evaluate(X, LABELS, sample_weight=WEIGHTS, verbose=0))]


def test_metrics_and_weighted_metrics() -> None:
    made = model(optimizer=keras.optimizers.SGD(0.0), metrics=["accuracy"], weighted_metrics=["acc"])
    right = made.predict_classes(X) == LABELS
    history = made.fit(X, LABELS, sample_weight=WEIGHTS, batch_size=7, verbose=0).history
    assert history["accuracy"] == [pytest.approx(right.mean())]
    assert history["acc"] == [pytest.approx((right * WEIGHTS).sum() / WEIGHTS.sum(), rel=1e-5)]
    assert made.metrics_names == ["loss", "accuracy", "acc"]


def test_batch_by_batch_is_fit() -> None:
    """Of the same batches; what is returned is of each batch before its step."""
    fitted, stepped = (model(optimizer="adam", metrics=["accuracy"]) for _ in range(2))
    logs: list[dict] = []
    seen = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, values: logs.append(values))
    fitted.fit(X, LABELS, batch_size=6, epochs=2, shuffle=False, verbose=0, sample_weight=WEIGHTS, callbacks=[seen])
    results = []
    for _ in range(2):
        for i in range(0, 20, 6):
            rows = slice(i, i + 6)
            before = stepped.test_on_batch(X[rows], LABELS[rows], WEIGHTS[rows])
            results.append(stepped.train_on_batch(X[rows], LABELS[rows], WEIGHTS[rows]))
            assert results[-1] == pytest.approx(before, rel=1e-5)
    for got, expected in zip(stepped.get_weights(), fitted.get_weights(), strict=True):
        np.testing.assert_array_equal(got, expected)
    assert results[0] == pytest.approx([logs[0]["loss"], logs[0]["accuracy"]])
    assert stepped.optimizer.iterations == 8
    assert stepped.train_on_batch(X, LABELS, return_dict=True).keys() == {"loss", "accuracy"}
    assert isinstance(model().train_on_batch(X, LABELS, class_weight={0: 2.0, 1: 1, 2: 1}), float)
    np.testing.assert_array_equal(stepped.predict_on_batch(X), stepped.predict(X, verbose=0))


def test_metrics_that_go_on() -> None:
    made = model(optimizer=keras.optimizers.SGD(0.0), metrics=["accuracy"])
    made.train_on_batch(X[:5], LABELS[:5])
    both = made.train_on_batch(X[5:], LABELS[5:], reset_metrics=False)[1]
    assert both == pytest.approx((made.predict_classes(X) == LABELS).mean())


def test_two_models_share_weights() -> None:
    """As in a GAN: the critic learns alone, and holds still while the whole learns."""
    fastnn.manual_seed(1)
    maker = keras.Sequential([layers.Dense(3, input_shape=(2,))])
    critic = keras.Sequential([layers.Dense(4, "relu", input_shape=(3,)), layers.Dense(1, "sigmoid")])
    critic.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    whole = keras.Sequential([maker, critic])
    whole.compile("adam", "binary_crossentropy")
    noise = RNG.standard_normal((20, 2)).astype(np.float32)
    for _ in range(3):
        critic.trainable = True
        before = [w.copy() for w in (*maker.get_weights(), *critic.get_weights())]
        critic.train_on_batch(X, np.ones(20))
        critic.train_on_batch(maker.predict(noise, verbose=0), np.zeros(20))
        middle = [*maker.get_weights(), *critic.get_weights()]
        critic.trainable = False
        whole.train_on_batch(noise, np.ones(20))
        after = [*maker.get_weights(), *critic.get_weights()]
        assert [np.array_equal(a, b) for a, b in zip(before, middle, strict=True)] == [True] * 2 + [False] * 4
        assert [np.array_equal(a, b) for a, b in zip(middle, after, strict=True)] == [False] * 2 + [True] * 4


class Batches(keras.utils.Sequence):
    """A sequence of batches, as Keras' guide writes one."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def __len__(self) -> int:
        return -(-20 // self.size)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        rows = slice(index * self.size, (index + 1) * self.size)
        return X[rows], LABELS[rows]


def endless(size: int, *more: np.ndarray) -> Iterator[tuple]:
    while True:
        for start in range(0, 20, size):
            yield tuple(part[start : start + size] for part in (X, LABELS, *more))


SOURCES: dict[str, Callable[[], tuple[Any, dict]]] = {
    "sequence": lambda: (Batches(6), {"shuffle": False}),
    "generator": lambda: (endless(6), {"steps_per_epoch": 4}),
    "weights": lambda: (endless(6, np.ones(20)), {"steps_per_epoch": 4}),
    "loader": lambda: (
        DataLoader(TensorDataset(fastnn.tensor(X), fastnn.tensor(LABELS)), batch_size=6),
        {},
    ),
}


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES.keys())
@pytest.mark.parametrize("method", ["fit", "fit_generator"])
def test_what_brings_batches(source: Callable, method: str) -> None:
    given, named = source()
    made, plain = model(metrics=["accuracy"]), model(metrics=["accuracy"])
    history = getattr(made, method)(given, epochs=3, verbose=0, workers=2, max_queue_size=3, **named).history
    expected = plain.fit(X, LABELS, batch_size=6, epochs=3, shuffle=False, verbose=0).history
    assert history == {name: pytest.approx(values, rel=1e-5) for name, values in expected.items()}
    for got, wanted in zip(made.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-7)
    steps = {"steps": named["steps_per_epoch"]} if "steps_per_epoch" in named else {}
    assert made.evaluate(source()[0], verbose=0, **steps) == pytest.approx(
        plain.evaluate(X, LABELS, verbose=0), rel=1e-4
    )
    np.testing.assert_allclose(made.predict(source()[0], verbose=0, **steps), plain.predict(X, verbose=0), rtol=1e-4)


def test_a_model_is_built_by_the_first_batch() -> None:
    made = keras.Sequential([layers.Dense(3, "softmax")])
    made.compile("sgd", "sparse_categorical_crossentropy")
    assert made.fit(endless(5), steps_per_epoch=2, verbose=0).epoch == [0]
    assert made.input_shape == (None, 3)


def test_steps_of_an_epoch_go_on_where_the_last_ended() -> None:
    """Of 20 rows in batches of 5: epochs of 3 steps take 15 rows, then the other 5 and 10 anew."""
    taken: list[np.ndarray] = []
    made = model(1, None, lambda t, p: p * 0 + t, optimizer=keras.optimizers.SGD(0.0))
    record = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: taken.append(logs["loss"]))
    numbers = np.arange(20)
    made.fit(X, numbers, batch_size=5, steps_per_epoch=3, epochs=2, shuffle=False, verbose=0, callbacks=[record])
    assert taken == [pytest.approx(numbers[:15].mean()), pytest.approx(numbers[[*range(15, 20), *range(10)]].mean())]
    made.fit(X, numbers, batch_size=5, steps_per_epoch=4, epochs=2, verbose=0, callbacks=[record])
    assert taken[2:] == [pytest.approx(numbers.mean())] * 2  # shuffled: each row once in four steps


def test_steps_of_validation() -> None:
    made = model(optimizer=keras.optimizers.SGD(0.0))
    expected = pytest.approx(made.evaluate(X[:8], LABELS[:8], verbose=0), rel=1e-5)
    given: dict[str, Any] = {"verbose": 0, "validation_steps": 2, "batch_size": 4}
    assert made.fit(X, LABELS, validation_data=(X, LABELS), **given).history["val_loss"] == [expected]
    assert made.fit(X, LABELS, validation_data=endless(4), **given).history["val_loss"] == [expected]
    assert made.evaluate(X, LABELS, batch_size=4, steps=2, verbose=0) == expected
    assert made.predict(X, batch_size=4, steps=2, verbose=0).shape == (8, 3)
    # as a division gives them
    assert made.predict(X, batch_size=4, steps=np.ceil(5 / 3), verbose=0).shape == (8, 3)
    assert made.evaluate(X, LABELS, batch_size=4, steps=8 / 4, verbose=0) == expected
    assert made.fit(X, LABELS, steps_per_epoch=20 / 10, validation_data=(X, LABELS), validation_steps=1.0, verbose=0)
    for steps, words in ((100 / 32, "steps must be an integer, got 3.125"), (0, "steps is 0; it must be >= 1")):
        with pytest.raises((TypeError, ValueError), match=words):
            made.predict(X, steps=steps)
        with pytest.raises((TypeError, ValueError), match=words):
            made.evaluate(X, LABELS, steps=steps)
    history = made.fit(X, LABELS, epochs=4, validation_data=(X, LABELS), validation_freq=2, verbose=0).history
    assert len(history["val_loss"]) == 2


def test_a_generator_that_ends() -> None:
    made = model()
    with pytest.warns(UserWarning, match=r"the data ended at step 1 of 2: training stops"):
        history = made.fit(
            (batch for batch, _ in zip(endless(10), range(2), strict=False)), steps_per_epoch=2, epochs=5, verbose=0
        )
    assert history.epoch[0] == 0 and len(history.epoch) <= 2


def test_a_generator_that_ends_while_it_is_measured() -> None:
    """What came is taken, with a warning; nothing is an error."""
    made = model()
    few = (batch for batch, _ in zip(endless(10), range(2), strict=False))
    with pytest.warns(UserWarning, match=r"the data ended at step 3 of 5: what came before it is taken"):
        assert made.evaluate(few, steps=5, verbose=0) == pytest.approx(made.evaluate(X, LABELS, verbose=0), rel=1e-5)
    few = (batch for batch, _ in zip(endless(10), range(1), strict=False))
    with pytest.warns(UserWarning, match="the data ended at step 1 of 1"), pytest.raises(ValueError, match="no batch"):
        made.fit(X, LABELS, epochs=2, validation_data=few, validation_steps=1, verbose=0)


def test_a_sequence_hears_of_epochs_and_is_shuffled() -> None:
    """As in Keras: the order of batches is new in every epoch of fit, and in order elsewhere."""
    taken: list[Any] = []

    class Told(Batches):
        def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
            taken.append(index)
            return super().__getitem__(index)

        def on_epoch_begin(self) -> None:
            taken.append("begin")

        def on_epoch_end(self) -> None:
            taken.append("end")

    made = model()
    made.fit(Told(2), epochs=3, verbose=0)
    first, begin, *rest = taken
    heard = [begin, first, *rest]
    epochs = [heard[at : at + 12] for at in range(0, 36, 12)]
    assert all(part[0] == "begin" and part[-1] == "end" for part in epochs) and len(heard) == 36
    assert [sorted(part[1:-1]) for part in epochs] == [list(range(10))] * 3
    assert len({tuple(part) for part in epochs}) == 3
    taken.clear()
    made.predict(Told(5), verbose=0)
    assert taken == ["begin", 0, 1, 2, 3, "end"]


def test_validation_begins_anew() -> None:
    """Of a sequence; a generator goes on."""
    made = model(1, None, lambda t, p: p * 0 + t, optimizer=keras.optimizers.SGD(0.0))
    numbers, given = np.arange(20), {"epochs": 2, "validation_steps": 2, "verbose": 0}

    class Numbers(Batches):
        def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
            return X[index * 5 : index * 5 + 5], numbers[index * 5 : index * 5 + 5]

    assert made.fit(X, numbers, validation_data=Numbers(5), **given).history["val_loss"] == [4.5, 4.5]
    going = ((X[at : at + 5], numbers[at : at + 5]) for at in range(0, 20, 5))
    assert made.fit(X, numbers, validation_data=going, **given).history["val_loss"] == [4.5, 14.5]


def test_a_data_set_of_samples() -> None:
    """As PyTorch's scripts have them: batches of batch_size are made of it."""
    data = TensorDataset(fastnn.tensor(X), fastnn.tensor(LABELS))
    made, plain = model(), model()
    history = made.fit(data, batch_size=6, epochs=2, shuffle=False, validation_data=data, verbose=0).history
    expected = plain.fit(X, LABELS, batch_size=6, epochs=2, shuffle=False, validation_data=(X, LABELS), verbose=0)
    assert history == {name: pytest.approx(values, rel=1e-5) for name, values in expected.history.items()}


def test_numbers_of_samples_of_keras_1() -> None:
    class Sized(Batches):
        batch_size = 5

    made = model()
    given: dict[str, Any] = {"samples_per_epoch": 10, "nb_epoch": 1, "validation_data": Sized(5), "nb_val_samples": 5}
    taken: list[int] = []
    counted = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: taken.append(batch))
    made.fit_generator(Sized(5), callbacks=[counted], verbose=0, **given)
    assert taken == [0, 1]
    assert made.evaluate_generator(Sized(5), val_samples=5, verbose=0) == made.evaluate(X[:5], LABELS[:5], verbose=0)
    assert made.predict_generator(Sized(5), 2, verbose=0).shape == (10, 3)


@pytest.mark.parametrize("share", [0.1, 0.25, 0.3, 0.5, 0.99])
def test_where_a_split_is(share: float) -> None:
    """Keras: floor(N (1 - share)) train."""
    made = model(1, None, lambda t, p: p * 0 + t, optimizer=keras.optimizers.SGD(0.0))
    numbers, at = np.arange(200), int(200 * (1 - share))
    rows = np.zeros((200, 3))
    history = made.fit(rows, numbers, validation_split=share, batch_size=200, verbose=0).history
    assert history["val_loss"] == [pytest.approx(numbers[at:].mean())]
    assert history["loss"] == [pytest.approx(numbers[:at].mean())]


MISTAKES: dict[str, tuple[Callable[[], Any], type, str]] = {
    "weights": (
        lambda: model().fit(X, LABELS, sample_weight=WEIGHTS[:5]),
        ValueError,
        r"it must be a number a sample, \(20,",
    ),
    "weights that are no numbers": (
        lambda: model().fit(X, LABELS, sample_weight=np.where(np.arange(20) == 7, np.nan, 1)),
        ValueError,
        "sample_weight has 1 non-finite values, first at sample 7",
    ),
    "names of classes": (
        lambda: model().fit(X, LABELS, class_weight={"cat": 1.0}),
        TypeError,
        "class_weight: 'cat' is no class number",
    ),
    "targets beside a generator": (
        lambda: model().fit(endless(5), LABELS, steps_per_epoch=1),
        ValueError,
        "leave y=... out",
    ),
    "weights beside a sequence": (
        lambda: model().evaluate(Batches(5), sample_weight=WEIGHTS),
        ValueError,
        "leave sample_weight=... out",
    ),
    "a wrong batch": (
        lambda: model().fit(iter([(X, LABELS), (X[:, :2], LABELS)]), steps_per_epoch=2),
        ValueError,
        r"batch 2 of 2: layer 'dense\w*' \(Dense\) takes inputs of shape \(None, 3\), x has shape \(20, 2\)",
    ),
    "rows that do not go together": (
        lambda: model().evaluate(iter([(X, LABELS[:3])]), steps=1),
        ValueError,
        r"x and y must have a row for each sample: x has shape \(20, 3\), y has \(3,\)",
    ),
    "weights in some batches": (
        lambda: model().fit(iter([(X, LABELS), (X, LABELS, WEIGHTS)]), steps_per_epoch=2),
        ValueError,
        "batch 2 of 2: it has sample weights, which the first batch had not",
    ),
    "a wrong first batch": (
        lambda: model().fit(iter([(X[:, :2], LABELS)]), steps_per_epoch=2),
        ValueError,
        r"batch 1 of 2: layer 'dense\w*' \(Dense\) takes inputs of shape \(None, 3\)",
    ),
    "images alone": (lambda: model().fit(iter([X]), steps_per_epoch=1), ValueError, "as class_mode=None brings it"),
    "a function": (
        lambda: model().fit(endless, steps_per_epoch=1),
        ValueError,
        r"x is a function.*: give fit what it returns",
    ),
    "a list": (lambda: model().fit(X, LABELS, class_weight=[1, 2]), TypeError, "class_weight must be a dict"),
    "no end": (lambda: model().fit(endless(5)), ValueError, r"say how many batches an epoch has, steps_per_epoch"),
    "no end of another": (lambda: model().evaluate(endless(5)), ValueError, "how many batches to take, steps="),
    "no end to predict": (lambda: model().predict(endless(5)), ValueError, "how many batches to take, steps="),
    "a split": (lambda: model().fit(Batches(5), validation_split=0.5), ValueError, "give validation_data"),
    "nothing": (lambda: model().fit(iter(()), steps_per_epoch=1), ValueError, "it brought no batch"),
    "no pairs": (lambda: model().fit(iter([X]), steps_per_epoch=1), ValueError, r"a batch must be a pair \(x, y\) or"),
    "steps": (lambda: model().fit(X, LABELS, steps_per_epoch=0), ValueError, "steps_per_epoch is 0"),
    "four": (lambda: model().fit(X, LABELS, validation_data=(1, 2, 3, 4)), ValueError, "a pair .* or .*sample_weight"),
    "argument": (lambda: model().fit(X, LABELS, batchsize=3), TypeError, "fit has no argument 'batchsize'"),
    "of evaluate": (
        lambda: model().evaluate(X, LABELS, batchsize=3),
        TypeError,
        "evaluate has no argument 'batchsize'",
    ),
    "of compile": (lambda: model().compile("sgd", metric=["acc"]), TypeError, "compile has no argument 'metric'"),
    "first": (
        lambda: keras.Sequential([layers.Dense(1)]).train_on_batch(X, LABELS),
        ValueError,
        "before train_on_batch",
    ),
}


def test_a_model_that_cannot_learn() -> None:
    """Says so where it should; what needs no gradient goes on."""
    made = model()
    made.trainable = False
    made.evaluate(X, LABELS, verbose=0)
    made.test_on_batch(X, LABELS)
    for method in (made.fit, made.train_on_batch):
        with pytest.raises(ValueError, match=r"has no weights that learn: set model\.trainable = True"):
            method(X, LABELS)


@pytest.mark.parametrize(("call", "error", "message"), MISTAKES.values(), ids=MISTAKES.keys())
def test_mistakes(call: Callable[[], Any], error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        call()
