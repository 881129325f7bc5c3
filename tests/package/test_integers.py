"""NumPy's integers wherever an integer is wanted: every function does with them what it does with Python's."""

from __future__ import annotations

import json
import pickle
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fastnn
import numpy as np
import pytest
from fastnn import Network, Trainer, keras, kernels, nn, optim, transforms
from fastnn.arrays import is_integer
from fastnn.keras import callbacks, layers
from fastnn.nn import functional
from fastnn.optim import lr_scheduler
from fastnn.utils import data, make_grid
from PIL import Image

Integer = Callable[[int], Any]

KINDS = [np.int64, np.int32, np.int16, np.int8, np.uint8, np.uint64]
NEGATIVE = KINDS[:4]

X = np.arange(24, dtype=np.float32).reshape(8, 3) / 24
Y = np.arange(8) % 2
SET = data.TensorDataset(fastnn.tensor(X), fastnn.tensor(Y))


def cube() -> fastnn.Tensor:
    return fastnn.arange(24, dtype=fastnn.float32).reshape(2, 3, 4)


def rates(scheduler: Callable[[optim.Optimizer], Any]) -> list[float]:
    """The learning rate over some steps of a scheduler."""
    optimizer = optim.SGD(nn.Linear(2, 2).parameters(), lr=1.0)
    stepped, seen = scheduler(optimizer), []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(6):
            stepped.step()
            seen.append(float(optimizer.param_groups[0]["lr"]))
    return seen


def fitted(**options: Any) -> Any:
    network = Network(3, 4, 2)
    history = network.fit((X, Y), verbose=0, **options)
    return history.history, network.predict(X).tolist()


def keras_fitted(heard: list[Any] | None = None, **options: Any) -> Any:
    model = keras.Sequential([layers.Dense(2, "softmax", input_shape=(3,))])
    model.compile("sgd", "sparse_categorical_crossentropy")
    history = model.fit(X, Y, **{"verbose": 0, "epochs": 4} | options, callbacks=heard or [])
    return history.epoch, history.history, [type(each) for each in history.epoch]


def adam(step: Any) -> list[float]:
    arrays = [np.full(3, value, np.float32) for value in (1, 0.5, 0, 0)]
    kernels.adam_step(*arrays, step=step)
    return arrays[0].tolist()


def trained(i: Integer) -> Any:
    network = Network(3, 2)
    trainer = Trainer(network, nn.CrossEntropyLoss(), optim.SGD(network.parameters(), lr=0.1))
    return trainer.fit((X, Y), epochs=i(2), batch_size=i(3)).history, trainer.epochs


def settings(module: Any) -> Any:
    """What a module was made with: plain values, that JSON can write."""
    plain = {name: value for name, value in vars(module).items() if isinstance(value, int | float | str | tuple)}
    return json.dumps(plain, sort_keys=True), repr(module)


def drawn(step: Callable) -> Any:
    """What a random step makes of the picture after one and the same seed."""
    fastnn.manual_seed(0)
    return picture(step)


def picture(transform: Callable[[Image.Image], Any]) -> Any:
    image = Image.fromarray(np.arange(60, dtype=np.uint8).reshape(6, 10))
    return repr(transform), np.asarray(transform(image)).tolist()


CASES: dict[str, Callable[[Integer], Any]] = {
    "Linear": lambda i: settings(nn.Linear(i(100), i(90))),
    "Linear's weight": lambda i: nn.Linear(i(3), i(2)).weight.tolist(),
    "Network": lambda i: (Network(i(3), i(4), i(2)).sizes, Network(i(3), i(2)).summary()),
    "Flatten": lambda i: (settings(nn.Flatten(i(0), i(1))), nn.Flatten(i(1), i(2))(cube()).shape),
    "Softmax": lambda i: (settings(nn.Softmax(dim=i(1))), nn.Softmax(i(0))(cube()).tolist()),
    "LogSoftmax": lambda i: (settings(nn.LogSoftmax(dim=i(1))), nn.LogSoftmax(i(0))(cube()).tolist()),
    "Dropout": lambda i: settings(nn.Dropout(i(0))),
    "Sequential": lambda i: repr(nn.Sequential(nn.Linear(2, 3), nn.ReLU())[i(1)]),
    "manual_seed": lambda i: fastnn.manual_seed(i(7)) and (fastnn.initial_seed(), fastnn.rand(3).tolist()),
    "sizes": lambda i: [f(i(2), i(3)).shape for f in (fastnn.zeros, fastnn.ones, fastnn.rand, fastnn.randn)],
    "sizes in a tuple": lambda i: [f((i(2), i(3))).shape for f in (fastnn.zeros, fastnn.ones, fastnn.rand)],
    "full": lambda i: fastnn.full((i(2), i(3)), i(7)).tolist(),
    "arange": lambda i: [fastnn.arange(i(5)).tolist(), fastnn.arange(i(1), i(7), i(2)).tolist()],
    "arange's dtype": lambda i: repr(fastnn.arange(i(5)).dtype),
    "linspace": lambda i: fastnn.linspace(0, 1, i(5)).tolist(),
    "eye": lambda i: fastnn.eye(i(3)).tolist(),
    "randint": lambda i: [fastnn.randint(i(0), i(9), (i(4),)).tolist(), fastnn.randint(i(100), (i(9),)).tolist()],
    "randperm": lambda i: fastnn.randperm(i(9)).tolist(),
    "reshape": lambda i: [cube().reshape(i(6), i(4)).shape, cube().view((i(4), i(6))).shape],
    "fastnn.reshape": lambda i: fastnn.reshape(cube(), (i(6), i(4))).shape,
    "flatten": lambda i: [cube().flatten(i(1)).shape, fastnn.flatten(cube(), i(0), i(1)).shape],
    "transpose": lambda i: [cube().transpose(i(0), i(2)).shape, fastnn.transpose(cube(), i(1), i(0)).shape],
    "permute": lambda i: cube().permute(i(2), i(0), i(1)).shape,
    "squeeze": lambda i: [cube().unsqueeze(i(1)).shape, cube().unsqueeze(i(0)).squeeze(i(0)).shape],
    "expand": lambda i: fastnn.ones(1, 3).expand(i(4), i(3)).shape,
    "size": lambda i: (cube().size(i(1)), cube().shape[i(1)]),
    "index": lambda i: [cube()[i(1)].tolist(), cube()[:, i(2)].tolist(), cube()[i(0) : i(1), i(1) :].tolist()],
    "assign": lambda i: [t.__setitem__((i(0), i(1)), i(5)) or t.tolist() for t in [fastnn.zeros(2, 2)]],
    "sum": lambda i: [cube().sum(i(1)).tolist(), fastnn.sum(cube(), dim=(i(0), i(1))).tolist()],
    "mean": lambda i: [cube().mean(dim=i(2)).tolist(), fastnn.mean(cube(), i(0)).tolist()],
    "max": lambda i: [part.tolist() for part in cube().max(i(1))],
    "argmax": lambda i: [cube().argmax(i(1)).tolist(), fastnn.argmax(cube(), dim=i(0)).tolist()],
    "softmax": lambda i: [cube().softmax(i(0)).tolist(), functional.log_softmax(cube(), dim=i(1)).tolist()],
    "cat": lambda i: [fastnn.cat([cube()] * 2, dim=i(1)).shape, fastnn.stack([cube()] * 2, i(2)).shape],
    "pow": lambda i: [(fastnn.arange(4) ** i(2)).tolist(), cube().pow(i(3)).tolist()],
    "arithmetic": lambda i: [(cube() * i(3) + i(1) - i(2)).tolist(), (fastnn.arange(3) + i(100)).tolist()],
    "one_hot": lambda i: functional.one_hot(fastnn.tensor([0, 2]), i(4)).tolist(),
    "device": lambda i: repr(fastnn.device("cpu", i(0))),
    "StepLR": lambda i: rates(lambda o: lr_scheduler.StepLR(o, i(2), 0.5)),
    "CosineAnnealingLR": lambda i: rates(lambda o: lr_scheduler.CosineAnnealingLR(o, T_max=i(5))),
    "DataLoader": lambda i: [x.tolist() for x, _ in data.DataLoader(SET, batch_size=i(3))],
    "workers": lambda i: len(list(data.DataLoader(SET, i(3), num_workers=i(2), prefetch_factor=i(2)))),
    "BatchSampler": lambda i: (s := data.BatchSampler(range(7), i(3), False)) and (list(s), len(s), s.batch_size),
    "RandomSampler": lambda i: (s := data.RandomSampler(SET, True, i(5))) and (list(s), len(s), s.num_samples),
    "Subset": lambda i: [y.item() for _, y in data.Subset(SET, [i(1), i(4)])],
    "random_split": lambda i: [list(map(int, part.indices)) for part in data.random_split(SET, [i(5), i(3)])],
    "a data set": lambda i: [SET[i(3)][0].tolist(), data.Subset(SET, [2, 3])[i(1)][1].item()],
    "ConcatDataset": lambda i: data.ConcatDataset([SET, SET])[i(9)][0].tolist(),
    "Resize": lambda i: [picture(transforms.Resize(i(4))), picture(transforms.Resize((i(4), i(5))))],
    "Resize to at most": lambda i: picture(transforms.Resize(i(4), max_size=i(5))),
    "CenterCrop": lambda i: [picture(transforms.CenterCrop(i(4))), picture(transforms.CenterCrop((i(3), i(4))))],
    "Grayscale": lambda i: picture(transforms.Grayscale(i(3))),
    "RandomCrop": lambda i: drawn(transforms.RandomCrop(i(3), i(1), fill=i(7))),
    "RandomResizedCrop": lambda i: drawn(transforms.RandomResizedCrop((i(3), i(4)), interpolation=i(2))),
    "RandomRotation": lambda i: drawn(transforms.RandomRotation(i(20), fill=i(3))),
    "RandomAffine": lambda i: drawn(transforms.RandomAffine(i(9), shear=i(3))),
    "Pad": lambda i: [picture(transforms.Pad(i(2), i(3))), picture(transforms.Pad((i(1), i(2))))],
    "GaussianBlur": lambda i: drawn(transforms.GaussianBlur(i(3), (i(1), i(2)))),
    "RandomPosterize": lambda i: picture(transforms.RandomPosterize(i(2), i(1))),
    "make_grid": lambda i: make_grid(fastnn.ones(3, 1, 2, 2), i(2), i(1)).tolist(),
    "fit": lambda i: fitted(epochs=i(2), batch_size=i(3), seed=i(5)),
    "Trainer.fit": trained,
    "threads": lambda i: fastnn._core.set_num_threads(i(1)),
    "check": lambda i: repr(fastnn.check(nn.Linear(i(3), i(2)), (X, Y))),
    "kernels": lambda i: adam(i(3)),
    "Dense": lambda i: settings(layers.Dense(i(5), input_shape=(i(3),), name="d")),
    "input_dim": lambda i: keras.Sequential([layers.Dense(i(5), input_dim=i(3))]).count_params(),
    "Input": lambda i: keras.Sequential([layers.Input((i(4), i(2))), layers.Flatten()]).output_shape,
    "one Input": lambda i: keras.Sequential([layers.Input(i(4)), layers.Dense(i(2))]).input_shape,
    "build": lambda i: [m.build((None, i(3))) or m.input_shape for m in [keras.Sequential([layers.Dense(2)])]],
    "get_layer": lambda i: keras.Sequential([layers.Dense(2), layers.Flatten(name="f")]).get_layer(index=i(1)).name,
    "keras config": lambda i: json.dumps(
        keras.Sequential([layers.Dense(i(2), input_shape=[i(3)], name="d")]).layers[0].config()
    ),
    "keras fit": lambda i: keras_fitted(epochs=i(3), batch_size=i(3), initial_epoch=i(1), verbose=i(0)),
    "validation_freq": lambda i: keras_fitted(validation_data=(X, Y), validation_freq=i(2)),
    "EarlyStopping": lambda i: keras_fitted([callbacks.EarlyStopping("loss", min_delta=i(9), patience=i(1))]),
    "start_from_epoch": lambda i: keras_fitted([callbacks.EarlyStopping("loss", 9, 1, start_from_epoch=i(2))]),
    "ReduceLROnPlateau": lambda i: keras_fitted(
        [callbacks.ReduceLROnPlateau("loss", patience=i(1), min_delta=9, cooldown=i(1))]
    ),
    "to_categorical": lambda i: keras.utils.to_categorical([0, 2], i(4)).tolist(),
    "set_random_seed": lambda i: keras.utils.set_random_seed(i(3)) or fastnn.rand(2).tolist(),
}

NEGATIVES: dict[str, Callable[[Integer], Any]] = {
    "dims": lambda i: [cube().sum(i(-1)).tolist(), cube().flatten(i(-2)).shape, cube().softmax(i(-1)).tolist()],
    "shapes": lambda i: [cube().reshape(i(-1)).shape, cube().view(i(2), i(-1)).shape, cube().transpose(i(-1), 0).shape],
    "index": lambda i: [cube()[i(-1)].tolist(), cube()[..., i(-2)].tolist(), SET[i(-1)][0].tolist()],
    "unsqueeze": lambda i: [cube().unsqueeze(i(-1)).shape, fastnn.stack([cube()] * 2, i(-1)).shape],
    "Flatten": lambda i: (settings(nn.Flatten(i(1), i(-1))), nn.Softmax(i(-1))(cube()).tolist()),
    "one_hot": lambda i: functional.one_hot(fastnn.tensor([0, 2]), i(-1)).tolist(),
    "randint": lambda i: fastnn.randint(i(-5), i(9), (4,)).tolist(),
    "arange": lambda i: fastnn.arange(i(5), i(-4), i(-2)).tolist(),
    "manual_seed": lambda i: fastnn.manual_seed(i(-7)) and fastnn.initial_seed(),
}


def outcome(case: Callable[[Integer], Any], integer: Integer) -> str:
    """What a case gives from the same random state on; shapes and numbers as text, where NumPy's would be seen."""
    fastnn.manual_seed(1)
    return repr(case(integer))


@pytest.mark.parametrize("name", CASES)
def test_all_kinds_are_integers(name: str) -> None:
    expected = outcome(CASES[name], int)
    for kind in KINDS:
        assert outcome(CASES[name], kind) == expected


@pytest.mark.parametrize("name", NEGATIVES)
def test_negative_ones(name: str) -> None:
    expected = outcome(NEGATIVES[name], int)
    for kind in NEGATIVE:
        assert outcome(NEGATIVES[name], kind) == expected


def test_what_is_made_with_them_is_plain(tmp_path: Path) -> None:
    """Files and pickles hold Python's integers."""
    network = Network(np.int64(3), np.uint8(4), np.int32(2))
    network.save(tmp_path / "n.safetensors", input_shape=(np.int64(1), np.int32(1), np.uint8(3)))
    assert Network.load(tmp_path / "n.safetensors").sizes == (3, 4, 2)
    assert b"numpy" not in pickle.dumps(nn.Flatten(np.int64(1), np.int64(-1)).__dict__)


def test_what_is_an_integer() -> None:
    assert all(is_integer(kind(3)) for kind in (int, *KINDS))
    assert not any(map(is_integer, (True, np.True_, 3.0, np.float32(3), "3", None, np.array([3]), [3])))


@pytest.mark.parametrize("bad", [2.0, np.float64(2), "2", None, True, np.True_, [2]])
def test_others_are_refused(bad: Any) -> None:
    for make in (lambda: nn.Linear(bad, 2), lambda: Network(3, bad), lambda: data.BatchSampler(range(5), bad, False)):
        with pytest.raises((TypeError, ValueError)):
            make()
