"""Names of Keras 1 and 2: modules, arguments, the backend, scikit-learn's wrappers; under every name of the package."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import fastnn
import numpy as np
import pytest
from fastnn import keras
from fastnn.eager.tensor import Tensor
from fastnn.keras import backend as K
from fastnn.keras import layers
from fastnn.keras.wrappers.scikit_learn import KerasClassifier, KerasRegressor
from tutorial_runs import python

X = np.random.default_rng(2).standard_normal((60, 4)).astype(np.float32)
LABELS = np.array(["a", "b", "c"])[(X[:, 0] > 0).astype(int) + (X[:, 1] > 0)]


def test_arguments_of_layers() -> None:
    dense = layers.Dense(output_dim=5, input_dim=4, init="uniform", W_regularizer="l2", b_regularizer="l1", bias=True)
    assert (dense.units, dense.given_shape, dense.use_bias) == (5, (4,), True)
    assert type(dense.kernel_initializer).__name__ == "RandomUniform" and dense.kernel_regularizer.l2 == 0.01
    assert dense.bias_regularizer.l1 == 0.01
    assert layers.Dropout(p=0.25).rate == 0.25 and layers.LeakyReLU(alpha=0.1).negative_slope == 0.1
    assert layers.Dense(3, batch_input_shape=(None, 7)).given_shape == (7,)
    assert (
        layers.InputLayer(batch_shape=(None, 4, 2)).given_shape
        == (4, 2)
        == layers.Input(batch_shape=(8, 4, 2)).given_shape
    )


def test_arguments_of_fit(capsys: pytest.CaptureFixture[str]) -> None:
    model = keras.Sequential([layers.Dense(2, "softmax", input_dim=4)])
    model.compile(loss="categorical_crossentropy", optimizer=keras.optimizers.rmsprop(lr=0.01, decay=1e-6))
    y = keras.utils.np_utils.to_categorical((X[:, 0] > 0).astype(int), nb_classes=2)
    history = model.fit(X, y, nb_epoch=2, verbose=2, show_accuracy=True).history
    assert list(history) == ["acc", "loss"] and len(history["acc"]) == 2
    score = model.evaluate(X, y, show_accuracy=True, verbose=0)
    assert len(score) == 2 and score[1] == (model.predict_classes(X) == y.argmax(1)).mean()
    np.testing.assert_array_equal(model.predict_proba(X), model.predict(X, verbose=0))
    with pytest.raises(TypeError, match="fit has no argument 'nb_epochs'"):
        model.fit(X, y, nb_epochs=2)


def test_classes_of_a_single_output() -> None:
    model = keras.Sequential([layers.Dense(1, "sigmoid", input_dim=4)])
    assert model.predict_classes(X).shape == (60, 1)
    np.testing.assert_array_equal(model.predict_classes(X) == 1, model.predict(X, verbose=0) > 0.5)


@pytest.mark.parametrize(
    ("former", "today"),
    [
        ("keras.layers.core", "keras.layers"),
        ("keras.layers.advanced_activations", "keras.layers"),
        ("keras.layers.convolutional", "keras.layers"),
        ("keras.layers.normalization", "keras.layers"),
        ("keras.layers.pooling", "keras.layers"),
        ("keras.objectives", "keras.losses"),
        ("keras.utils.np_utils", "keras.utils"),
        ("keras.optimizers.schedules", "keras.optimizers.schedules"),
        ("keras.optimizers.legacy", "keras.optimizers"),
        ("keras.wrappers.scikit_learn", "keras.wrappers"),
    ],
)
def test_modules(former: str, today: str) -> None:
    there, here = import_module(f"fastnn.{former}"), import_module(f"fastnn.{today}")
    images = ("Conv2D", "MaxPooling2D", "ZeroPadding2D", "BatchNormalization")
    for name in (*images, "Dense", "LeakyReLU", "mse", "to_categorical", "CosineDecay", "Adam", "KerasClassifier"):
        if hasattr(there, name) and hasattr(here, name):
            assert getattr(there, name) is getattr(here, name)
    assert sys.modules[f"fastnn.{former}"] is there


SCRIPT = """
from {0} import backend as K
from {0}.callbacks import CSVLogger, LearningRateScheduler, TerminateOnNaN
from {0}.datasets import cifar10, fashion_mnist, mnist
from {0}.initializers import he_normal
from {0}.layers.core import Activation, Dense, Dropout, Flatten
from {0}.layers import LeakyReLU
from {0}.layers.convolutional import Conv2D, MaxPooling2D, UpSampling2D, ZeroPadding2D
from {0}.layers.normalization import BatchNormalization
from {0}.layers.pooling import GlobalAveragePooling2D
from {0}.losses import categorical_crossentropy, mse
from {0}.metrics import Mean
from {0}.models import Sequential, load_model, model_from_json, save_model
from {0}.optimizers import SGD, Adadelta, RMSprop
from {0}.optimizers.schedules import ExponentialDecay
from {0}.regularizers import l1, l2
from {0}.utils import np_utils, plot_model
from {0}.utils.np_utils import to_categorical
from {0}.wrappers.scikit_learn import KerasClassifier
import {0}
K.clear_session()
assert {0}.Sequential is Sequential and {0}.layers.Dense is Dense
print(K.image_data_format(), Dense(3).name)
"""


@pytest.mark.parametrize("package", ["keras", "tensorflow.keras", "tensorflow.python.keras"])
def test_names_of_the_package(package: str, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT.format(package))
    done = python(tmp_path, "-m", "fastnn.run", "script.py")
    assert (done.stderr, done.stdout) == ("", "channels_last dense\n")


def test_backend_settings() -> None:
    assert (K.floatx(), K.epsilon(), K.image_data_format(), K.image_dim_ordering()) == (
        "float32",
        1e-7,
        "channels_last",
        "tf",
    )
    for call, value in (
        (K.set_floatx, "float32"),
        (K.set_epsilon, 1e-7),
        (K.set_image_data_format, "channels_last"),
        (K.set_image_dim_ordering, "tf"),
    ):
        call(value)  # type: ignore[operator]
        with pytest.raises(ValueError, match=r"is '?\w"):
            call("float16" if value != 1e-7 else 1e-3)  # type: ignore[operator]


A = np.array([[1.0, -2.0, 3.0], [4.0, 0.0, -6.0]], dtype=np.float32)
FUNCTIONS: dict[str, tuple[Any, Any]] = {
    "sum": (lambda: K.sum(A), 0.0),
    "sum of rows": (lambda: K.sum(A, axis=-1), A.sum(-1)),
    "sum of columns": (lambda: K.sum(A, axis=0, keepdims=True), A.sum(0, keepdims=True)),
    "mean": (lambda: K.mean(A, axis=(0, 1)), A.mean()),
    "mean kept": (lambda: K.mean(A, keepdims=True), A.mean(keepdims=True)),
    "var": (lambda: K.var(A, axis=1), A.var(1)),
    "std": (lambda: K.std(A), A.std()),
    "max": (lambda: K.max(A, axis=-1), A.max(-1)),
    "min": (lambda: K.min(A), -6.0),
    "argmax": (lambda: K.argmax(A), A.argmax(-1)),
    "square": (lambda: K.square(A), A**2),
    "abs": (lambda: K.abs(A), np.abs(A)),
    "sqrt": (lambda: K.sqrt(A), np.sqrt(np.maximum(A, 0))),
    "exp": (lambda: K.exp(A), np.exp(A)),
    "log": (lambda: K.log(np.abs(A) + 1), np.log(np.abs(A) + 1)),
    "pow": (lambda: K.pow(A, 3), A**3),
    "round": (lambda: K.round(A / 4), np.rint(A / 4)),
    "clip": (lambda: K.clip(A, -1, 2), np.clip(A, -1, 2)),
    "maximum": (lambda: K.maximum(A, Tensor(-A)), np.abs(A)),
    "minimum": (lambda: K.minimum(A, 0.5), np.minimum(A, 0.5)),
    "dot": (lambda: K.dot(A, A.T), A @ A.T),
    "transpose": (lambda: K.transpose(A), A.T),
    "flatten": (lambda: K.flatten(A), A.ravel()),
    "reshape": (lambda: K.reshape(A, (3, 2)), A.reshape(3, 2)),
    "softmax": (lambda: K.softmax(A), np.exp(A) / np.exp(A).sum(-1, keepdims=True)),
    "relu": (lambda: K.relu(A), np.maximum(A, 0)),
    "equal": (lambda: K.equal(A, 4.0), A == 4),
    "cast": (lambda: K.cast(A > 0, "float32"), (A > 0).astype(np.float32)),
}


@pytest.mark.parametrize(("call", "expected"), FUNCTIONS.values(), ids=FUNCTIONS.keys())
def test_backend_functions(call: Any, expected: Any) -> None:
    np.testing.assert_allclose(call().numpy(), expected, rtol=1e-5, atol=1e-6)


def test_a_loss_and_a_metric_of_the_backend() -> None:
    def rmse(y_true: Any, y_pred: Any) -> Any:
        return K.sqrt(K.mean(K.square(y_pred - y_true), axis=-1))

    model = keras.Sequential([layers.Dense(2, input_dim=4)])
    model.compile("adam", rmse, metrics=[rmse])
    y = X[:, :2] * 2
    model.fit(X, y, epochs=2, verbose=0)
    loss, metric = model.evaluate(X, y, verbose=0)
    expected = np.sqrt(((model.predict(X, verbose=0) - y) ** 2).mean(-1)).mean()
    assert loss == pytest.approx(expected, rel=1e-5) and metric == pytest.approx(expected, rel=1e-5)


def test_values_of_the_backend() -> None:
    model = keras.Sequential([layers.Dense(2, input_dim=4)])
    K.set_value(model.weights[1], [1.0, 2.0])
    np.testing.assert_array_equal(model.get_weights()[1], [1, 2])
    np.testing.assert_array_equal(K.eval(K.variable([[1, 2]])), [[1, 2]])
    assert K.int_shape(A) == (2, 3) and K.ndim(A) == 2
    with pytest.raises(TypeError, match=r"a float cannot be set; a weight or optimizer\.learning_rate can"):
        K.set_value(0.5, 1)


def build(units: int = 5, loss: str = "categorical_crossentropy") -> keras.Sequential:
    model = keras.Sequential([layers.Dense(units, "relu", input_dim=4), layers.Dense(3, "softmax")])
    model.compile("adam", loss, metrics=["accuracy"])
    return model


@pytest.mark.parametrize("loss", ["categorical_crossentropy", "sparse_categorical_crossentropy"])
def test_a_classifier(loss: str) -> None:
    fastnn.manual_seed(3)
    estimator = KerasClassifier(build_fn=build, nb_epoch=40, batch_size=10, verbose=0, units=16, loss=loss)
    assert estimator.fit(X, LABELS) is estimator
    assert estimator.model.layers[0].units == 16 and len(estimator.history_.epoch) == 40
    assert estimator.predict_proba(X).shape == (60, 3) and set(estimator.predict(X)) <= {"a", "b", "c"}
    assert estimator.score(X, LABELS) == (estimator.predict(X) == LABELS).mean() > 0.6
    assert estimator.get_params()["epochs"] == 40
    estimator.set_params(epochs=1, units=2)
    assert estimator.fit(X, LABELS).model.layers[0].units == 2 and estimator.history_.epoch == [0]


def test_a_regressor() -> None:
    def made() -> keras.Sequential:
        model = keras.Sequential([layers.Dense(1, input_dim=4)])
        model.compile(keras.optimizers.SGD(0.1), "mse")
        return model

    y = X @ [1.0, -2.0, 0.5, 3.0] + 1
    estimator = KerasRegressor(made, epochs=100, verbose=0).fit(X, y)
    assert estimator.predict(X).shape == (60,) and estimator.score(X, y) > 0.999
    mean = KerasRegressor(made, epochs=0, verbose=0).fit(X, y)
    mean.model.set_weights([np.zeros((4, 1)), np.array([y.mean()])])
    assert mean.score(X, y) == pytest.approx(0, abs=1e-6)


def test_mistakes_of_estimators() -> None:
    with pytest.raises(ValueError, match="needs build_fn: a function that gives a compiled model"):
        KerasClassifier()
    with pytest.raises(ValueError, match="neither build_fn nor fit takes 'epoch'"):
        KerasClassifier(build, epoch=3)
    with pytest.raises(ValueError, match=r"is not fitted yet: call fit\(X, y\) first"):
        KerasClassifier(build).predict(X)


def test_beside_scikit_learn() -> None:
    selection = pytest.importorskip("sklearn.model_selection")
    scores = selection.cross_val_score(KerasClassifier(build, epochs=5, verbose=0), X, LABELS, cv=3)
    assert len(scores) == 3 and (scores >= 0).all()
    search = selection.GridSearchCV(KerasClassifier(build, epochs=2, verbose=0), {"units": [2, 8]}, cv=2).fit(X, LABELS)
    assert search.best_params_["units"] in (2, 8)
