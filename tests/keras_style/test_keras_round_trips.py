"""What a saved model brings back: every argument of every constructor, and how it is compiled."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fastnn
import numpy as np
import pytest
from fastnn import io, keras
from fastnn.errors import FormatError
from fastnn.keras import initializers, layers, losses, metrics, models, optimizers, regularizers
from fastnn.keras.named import Configured, arguments, plain

X = np.random.default_rng(0).standard_normal((24, 6)).astype(np.float32)
Y = np.arange(24) % 3

# Another value than the default for each argument that a constructor of ours takes.
OTHERS: dict[str, Any] = {
    "units": 7,
    "activation": "tanh",
    "use_bias": False,
    "kernel_initializer": initializers.VarianceScaling(2.0, "fan_out", "uniform", seed=3),
    "bias_initializer": initializers.Constant(0.25),
    "kernel_regularizer": regularizers.L1L2(0.5, 0.25),
    "bias_regularizer": regularizers.L1(0.125),
    "name": "mine",
    "trainable": False,
    "negative_slope": 0.5,
    "max_value": 4.0,
    "alpha": 0.75,
    "axis": 1,
    "rate": 0.375,
    "target_shape": (3, 2),
    "mean": [1.0, 2, 3, 4, 5, 6],
    "variance": [1.0, 4, 9, 16, 25, 36],
    "seed": 5,
    "value": 2.0,
    "stddev": 3.0,
    "minval": -2.0,
    "maxval": 2.0,
    "gain": 1.5,
    "scale": 0.5,
    "mode": "fan_out",
    "distribution": "untruncated_normal",
    "l1": 0.5,
    "l2": 0.0625,
    "learning_rate": 0.0625,
    "momentum": 0.5,
    "nesterov": True,
    "rho": 0.625,
    "epsilon": 1e-3,
    "beta_1": 0.5,
    "beta_2": 0.75,
    "weight_decay": 0.125,
    "initial_accumulator_value": 0.5,
    "clipnorm": 2.0,
    "clipvalue": None,  # only one of the three
    "global_clipnorm": None,
    "decay": 0.5,
    "from_logits": True,
    "label_smoothing": 0.25,
    "reduction": "sum",
    "delta": 2.0,
    "threshold": 0.25,
    "thresholds": 0.75,
    "k": 2,
    "num_thresholds": 50,
    "curve": "PR",
    "initial_learning_rate": 0.5,
    "decay_steps": 20,
    "decay_rate": 0.25,
    "staircase": True,
    "boundaries": [3, 5],
    "values": [0.5, 0.25, 0.125],
    "end_learning_rate": 0.0625,
    "power": 2.0,
    "cycle": True,
    "warmup_target": 0.75,
    "warmup_steps": 4,
    "first_decay_steps": 10,
    "t_mul": 3.0,
    "m_mul": 0.5,
    "data_format": "channels_last",
    "filters": 6,
    "kernel_size": 2,
    "output_padding": 1,
    "strides": 2,
    "padding": "same",
    "dilation_rate": 1,  # strides are larger
    "groups": 2,
    "depth_multiplier": 3,
    "depthwise_initializer": initializers.RandomUniform(seed=4),
    "pointwise_initializer": initializers.RandomUniform(seed=5),
    "depthwise_regularizer": regularizers.L1(0.5),
    "pointwise_regularizer": regularizers.L2(0.5),
    "pool_size": 3,
    "keepdims": True,
    "center": False,
    "beta_initializer": initializers.Constant(0.5),
    "gamma_initializer": initializers.Constant(0.75),
    "moving_mean_initializer": initializers.Constant(0.25),
    "moving_variance_initializer": initializers.Constant(2.0),
    "beta_regularizer": regularizers.L1(0.25),
    "gamma_regularizer": regularizers.L2(0.25),
    "dims": (2, 3, 1),
    "cropping": ((1, 0), (2, 1)),
    "size": (3, 2),
    "offset": [0.5, 1.0, 2.0, 4.0],
    "interpolation": "nearest",  # UpSampling2D has no other
    "factor": 0.25,
    "height_factor": 0.25,
    "width_factor": [-0.125, 0.25],
    "value_range": [0, 1],
    "fill_mode": "nearest",
    "fill_value": 0.5,
    "height": 5,
    "width": 4,
    "antialias": True,
    "crop_to_aspect_ratio": True,
    "pad_to_aspect_ratio": False,  # only one of the two
}
OTHERS_OF: dict[str, dict[str, Any]] = {
    "BatchNormalization": {"scale": False, "epsilon": 0.5},
    "RandomFlip": {"mode": "vertical"},
    "Resizing": {"fill_mode": "constant"},
    "ZeroPadding2D": {"padding": ((1, 2), (0, 3))},
}
ALONE = ("clipvalue", "global_clipnorm", "interpolation", "pad_to_aspect_ratio")  # of which there is no other value
ALONE_OF = {"Resizing": "fill_mode"}
# Those that say where a layer stands or in what it computes: a first layer's input shape is the model's.
ELSEWHERE = {"input_shape", "input_dim", "batch_shape", "dtype"}


def kinds_in(*modules: Any) -> list[type]:
    found = {
        kind
        for module in modules
        for name, kind in vars(module).items()
        if isinstance(kind, type) and issubclass(kind, Configured) and not name.startswith("_")
    }
    bases = {layers.Layer, layers.InputLayer, layers.Lambda, losses.Loss, losses.FunctionLoss, metrics.Metric}
    bases |= {initializers.Initializer, regularizers.Regularizer, optimizers.Optimizer, metrics.MeanMetricWrapper}
    bases |= {Configured, optimizers.schedules.LearningRateSchedule, keras.Sequential}
    return sorted(found - bases, key=lambda kind: (kind.__module__, kind.__name__))


KINDS = kinds_in(layers, initializers, regularizers, losses, metrics, optimizers, optimizers.schedules)
# Those of several inputs: test_keras_functional.py.
LAYERS = [kind for kind in KINDS if issubclass(kind, layers.Layer) and not issubclass(kind, layers.merging.Merge)]


def made(kind: type) -> Any:
    """One with no argument at its default."""
    others = {**OTHERS, **OTHERS_OF.get(kind.__name__, {})}
    return kind(**{name: others[name] for name in arguments(kind) if name not in ELSEWHERE})


def samples_for(kind: type) -> np.ndarray:
    """Images, sequences or rows."""
    images = issubclass(kind, layers.windows.Images) or kind in (layers.Permute, layers.Rescaling)
    shape = (24, *(6,) * getattr(kind, "axes", 2), 4) if images else (24, 6)
    return np.random.default_rng(1).standard_normal(shape).astype(np.float32)


def value_of(thing: Any, name: str) -> Any:
    return plain(getattr(thing, name)) if name != "activation" else getattr(thing, name)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind.__module__.rpartition('.')[2]}.{kind.__name__}")
def test_every_argument_comes_back(kind: type) -> None:
    """Through JSON; and each was another than its default, so none is there by chance."""
    thing = made(kind)
    config = json.loads(json.dumps(thing.get_config()))
    again = kind.from_config(config)
    for name, default in arguments(kind).items():
        if name in ELSEWHERE:
            continue
        assert value_of(again, name) == value_of(thing, name), name
        if name not in ALONE and name != ALONE_OF.get(kind.__name__):
            assert value_of(thing, name) != default, f"{name} is at its default: the test says nothing of it"


@pytest.mark.parametrize("kind", LAYERS, ids=lambda kind: kind.__name__)
def test_every_layer_comes_back_from_a_file(kind: type, tmp_path: Path) -> None:
    x = samples_for(kind)
    model = models.Sequential([keras.Input(x.shape[1:]), made(kind)], name="whole")
    model.save(tmp_path / "m.keras")
    again = models.load_model(tmp_path / "m.keras")
    assert again.name == "whole" and again.get_config() == model.get_config()
    for name in arguments(kind).keys() - ELSEWHERE:
        assert value_of(again.layers[0], name) == value_of(model.layers[0], name), name
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))
    assert [w.requires_grad for w in again.weights] == [w.requires_grad for w in model.weights]


def test_all_layers_can_be_saved() -> None:
    """But those of functions, and the base."""
    of_several = {kind.__name__ for kind in KINDS if issubclass(kind, layers.merging.Merge)}
    assert {kind.__name__ for kind in LAYERS} | of_several | {"InputLayer"} == set(layers.KINDS)


def deep(frozen: bool = False) -> keras.Sequential:
    fastnn.manual_seed(3)
    inner = models.Sequential([keras.Input((6,)), layers.Dense(5, "relu", name="same")], name="inner")
    inner.layers[0].trainable = not frozen
    head = layers.Dense(3, "softmax", kernel_regularizer="l2", name="same")
    return models.Sequential([inner, layers.Dropout(0.25), head], name="outer")


@pytest.mark.parametrize("frozen", [False, True])
def test_models_within_models(frozen: bool, tmp_path: Path) -> None:
    model = deep(frozen)
    assert model.input_shape == (None, 6) and model.output_shape == (None, 3)
    w1, b1, w2, b2 = model.get_weights()
    z = np.maximum(X @ w1 + b1, 0) @ w2 + b2
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(model.predict(X, verbose=0), p, rtol=1e-5)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(X, Y, epochs=2, verbose=0)
    assert np.array_equal(w1, model.get_weights()[0]) == frozen and not np.array_equal(w2, model.get_weights()[2])
    model.save(tmp_path / "m.keras")
    again = models.load_model(tmp_path / "m.keras")
    assert again.layers[0].layers[0].name == "same" and again.layers[0].layers[0].trainable != frozen
    for x, y in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(x, y)
    assert again.evaluate(X, Y, verbose=0) == model.evaluate(X, Y, verbose=0)


def test_a_layer_added_within_is_seen() -> None:
    model = deep()
    before = model.predict(X, verbose=0)
    model.layers[0].add(layers.Activation("tanh"))
    assert not np.array_equal(model.predict(X, verbose=0), before)


OPTIMIZERS: dict[str, Callable[[], Any]] = {
    "sgd": lambda: optimizers.SGD(0.1, momentum=0.9),
    "rmsprop": lambda: "rmsprop",
    "adam": lambda: optimizers.Adam(0.01, clipvalue=0.5),
    "schedule": lambda: optimizers.AdamW(optimizers.schedules.ExponentialDecay(0.1, 3, 0.5)),
    "decay": lambda: optimizers.SGD(lr=0.1, decay=0.5),
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS.keys())
def test_a_loaded_model_goes_on(optimizer: Callable[[], Any], tmp_path: Path) -> None:
    """Compiled as it was, with the state of its optimizer: the same bits as without the file between."""
    model = models.Sequential([keras.Input((6,)), layers.Dense(3, "softmax")])
    scores = ["accuracy", metrics.SparseTopKCategoricalAccuracy(2, name="two")]
    model.compile(optimizer(), losses.SparseCategoricalCrossentropy(), metrics=scores, weighted_metrics=["acc"])
    model.fit(X, Y, batch_size=5, epochs=2, verbose=0)
    model.save(tmp_path / "m.keras")
    again = models.load_model(tmp_path / "m.keras")
    assert again.compiled and again.metrics_names == ["loss", "accuracy", "two", "acc"]
    assert again.optimizer.get_config() == model.optimizer.get_config()
    assert again.optimizer.iterations == 10 and float(again.optimizer.learning_rate) == model.optimizer.learning_rate
    assert again.evaluate(X, Y, verbose=0) == model.evaluate(X, Y, verbose=0)
    histories = [each.fit(X, Y, batch_size=5, epochs=2, shuffle=False, verbose=0).history for each in (model, again)]
    assert histories[0] == histories[1]
    for x, y in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(x, y)


def test_a_model_that_is_not_compiled_stays_so(tmp_path: Path) -> None:
    model = deep()
    model.save(tmp_path / "m.keras")
    assert not models.load_model(tmp_path / "m.keras").compiled
    model.compile("sgd", "mse")
    model.save(tmp_path / "m.keras")
    assert models.load_model(tmp_path / "m.keras").compiled
    assert not models.load_model(tmp_path / "m.keras", compile=False).compiled
    model.save(tmp_path / "m.keras", include_optimizer=False)
    assert not models.load_model(tmp_path / "m.keras").compiled


def own_loss(t: Any, p: Any) -> Any:
    return (p - t) ** 2


def test_functions_of_the_users_own_are_given_by_name(tmp_path: Path) -> None:
    model = models.Sequential([keras.Input((6,)), layers.Dense(1)])
    model.compile("sgd", own_loss, metrics=[own_loss])
    model.save(tmp_path / "m.keras")
    with pytest.warns(
        UserWarning, match=r"is not compiled, as that needs your own_loss, own_loss: load_model\(path, cus"
    ):
        assert not models.load_model(tmp_path / "m.keras").compiled
    again = models.load_model(tmp_path / "m.keras", custom_objects={"own_loss": own_loss})
    assert again.evaluate(X, Y, verbose=0) == model.evaluate(X, Y, verbose=0)


def test_a_state_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    model = models.Sequential([keras.Input((6,)), layers.Dense(3)])
    model.compile("adam", "mse", metrics=[metrics.AUC(num_thresholds=300)])
    model.fit(X, np.eye(3)[Y], verbose=0)
    model.save(tmp_path / "m")
    data = (tmp_path / "m").read_bytes()
    for change in (
        (b"optimizer/0/exp_avg", b"optimizer/9/exp_avg"),
        (b"optimizer/1/exp_avg_sq", b"optimizer/1/exp_avg_sz"),
        (b"optimizer/1/exp_avg_sq", b"optimizer/x/exp_avg_sq"),
        (b"Adam", b"Adem"),
        (b'\\"steps\\"', b'\\"steqs\\"'),
        (b'\\"learning_rate\\": 0.001', b'\\"learning_rate\\": -9999'),
        (b'\\"num_thresholds\\": 300', b'\\"num_thresholds\\": 9e9'),
    ):
        assert change[0] in data and len(change[0]) == len(change[1])
        (tmp_path / "bad").write_bytes(data.replace(*change))
        with pytest.raises(FormatError, match="is damaged"):
            models.load_model(tmp_path / "bad")


def test_a_file_of_the_first_version(tmp_path: Path) -> None:
    """Which had neither the other arguments nor how the model is compiled."""
    dense = {"name": "d", "units": 3, "activation": "softmax", "use_bias": True}
    parts = [{"class_name": "Dropout", "config": {"name": "o", "rate": 0.5}}, {"class_name": "Dense", "config": dense}]
    described = {"version": 1, "name": "old", "input_shape": [6], "layers": parts}
    arrays = {"d/0": np.ones((6, 3), dtype=np.float32), "d/1": np.zeros(3, dtype=np.float32)}
    io.save_safetensors(tmp_path / "m", arrays, {"fastnn.keras": json.dumps(described)})
    model = models.load_model(tmp_path / "m")
    assert model.name == "old" and not model.compiled and model.layers[1].trainable
    np.testing.assert_allclose(model.predict(X, verbose=0), 1 / 3, rtol=1e-6)


def test_json() -> None:
    model = deep(frozen=True)
    again = models.model_from_json(model.to_json())
    assert again.get_config() == model.get_config() == models.clone_model(model).get_config()
    assert [w.shape for w in again.get_weights()] == [w.shape for w in model.get_weights()]
    with pytest.raises(RuntimeError, match=r"use to_json\(\)"):
        model.to_yaml()
    for text in (
        "{}",
        "nothing",
        "[1]",
        "3",
        "null",
        "",
        '{"config": {}}',
        '{"config": 3}',
        "[" * 100_000,
        '{"a":' * 100_000,
    ):
        with pytest.raises(ValueError, match=r"no description that to_json\(\)"):
            models.model_from_json(text)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("units",), 10**10),
        (("units",), 2**63),
        (("units",), 10**30),
        (("units",), "8"),
        (("kernel_initializer", "class_name"), 7),
        (("kernel_initializer", "class_name"), None),
        (("kernel_initializer", "class_name"), {"class_name": {}}),
        (("kernel_regularizer",), [1]),
        (("activation",), 1.5),
    ],
)
def test_json_that_states_what_cannot_be(place: tuple[str, ...], value: Any) -> None:
    """Refused before memory is taken for it."""
    described = json.loads(deep().to_json())
    layer = next(each for each in described["config"]["layers"] if each["class_name"] == "Dense")["config"]
    for name in place[:-1]:
        layer = layer[name]
    layer[place[-1]] = value
    with pytest.raises(ValueError, match=r"no description that to_json\(\)"):
        models.model_from_json(json.dumps(described))


@pytest.mark.parametrize("name", ["m.h5", "m.hdf5", "M.H5"])
def test_a_name_of_hdf5_is_written_with_a_warning(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a script that trained for hours must not end there."""
    model = deep()
    with pytest.warns(
        UserWarning, match=r"HDF5 .*: it is a safetensors file, which fastnn's load_model reads$"
    ) as told:
        model.save(tmp_path / name)
    assert [warning.filename for warning in told] == [__file__]
    again = models.load_model(tmp_path / name)
    assert [a.tobytes() for a in again.get_weights()] == [b.tobytes() for b in model.get_weights()]
    with pytest.warns(UserWarning, match="HDF5"):  # before an hour of training
        keras.callbacks.ModelCheckpoint(tmp_path / name)
    with pytest.warns(UserWarning, match="load_model reads"):
        models.save_model(model, tmp_path / name)
    with pytest.warns(UserWarning, match="leave it out"):
        model.save(tmp_path / "m.keras", save_format="h5")
    assert models.load_model(tmp_path / "m.keras").name == "outer"
    monkeypatch.setenv("FASTNN_LANG", "zh")
    with pytest.warns(
        UserWarning, match=r"it is a safetensors file, which fastnn's load_weights reads\n.*load_weights"
    ):
        model.save_weights(tmp_path / name)
    deep().load_weights(tmp_path / name)
    with pytest.raises(ValueError, match="another format"):
        model.save(tmp_path / "m.onnx")


def test_overwrite(tmp_path: Path) -> None:
    model = deep()
    for save in (model.save, model.save_weights):
        save(tmp_path / "m.keras", overwrite=True)
        with pytest.raises(FileExistsError, match="is there already, and overwrite is False"):
            save(tmp_path / "m.keras", overwrite=False)
    models.save_model(model, tmp_path / "m.keras")
    assert models.load_model(tmp_path / "m.keras").name == "outer"


def test_weights_by_name(tmp_path: Path) -> None:
    model = models.Sequential([keras.Input((6,)), layers.Dense(5, name="a"), layers.Dense(3, name="b")])
    model.save_weights(tmp_path / "w")
    other = models.Sequential([keras.Input((6,)), layers.Dense(4, name="x"), layers.Dense(5, name="c")])
    other.add(layers.Dense(3, name="b"))
    before = other.get_weights()
    other.load_weights(tmp_path / "w", by_name=True)
    taken = [not np.array_equal(x, y) for x, y in zip(before, other.get_weights(), strict=True)]
    assert taken == [False, False, False, False, True, False]  # a bias of zeros is one
    third = models.Sequential([keras.Input((6,)), layers.Dense(5, name="a"), layers.Dense(2, name="b")])
    with pytest.raises(FormatError, match=r"do not fit layer 'b'"):
        third.load_weights(tmp_path / "w", by_name=True)
    third.load_weights(tmp_path / "w", skip_mismatch=True)
    np.testing.assert_array_equal(third.get_weights()[0], model.get_weights()[0])


def test_what_it_was_trained_on_comes_back(tmp_path: Path) -> None:
    """Pixels from 0 to 255 for a model that was trained on 0..1 are told of after loading too."""
    model = deep()
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.save(tmp_path / "new.keras")
    model.fit(np.clip(np.abs(X), 0, 1), Y, verbose=0)
    model.save(tmp_path / "trained.keras")
    again = models.load_model(tmp_path / "trained.keras", compile=False)
    with pytest.warns(UserWarning, match=r"x has values from .* to 255; .* trained on .*: divide pixels by 255"):
        again.predict(np.full((1, 6), 255.0), verbose=0)
    again.predict(np.full((1, 6), 1.0), verbose=0)
    models.load_model(tmp_path / "new.keras").predict(np.full((1, 6), 255.0), verbose=0)
    arrays, metadata = io.load_safetensors(tmp_path / "trained.keras")
    for wrong in ([1.0], "ab", ["a", "b"], 3, {}):
        described = json.dumps({**json.loads(metadata["fastnn.keras"]), "seen": wrong})
        io.save_safetensors(tmp_path / "bad", arrays, {"fastnn.keras": described})
        with pytest.raises(FormatError, match="is damaged"):
            models.load_model(tmp_path / "bad")
