"""Network: layers with fit, evaluate, predict, save and load; of sizes alone a multilayer perceptron."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from inspect import signature
from itertools import islice
from numbers import Real
from typing import Any, Never

import numpy as np

from fastnn import _core, optim, random
from fastnn.data.augment import augmentation
from fastnn.eager.creation import randint
from fastnn.eager.tensor import Tensor
from fastnn.engine.plan import Criterion
from fastnn.io.checks import shown_path
from fastnn.nn import losses
from fastnn.nn.container import Sequential
from fastnn.nn.labels import predicted_classes, predictions
from fastnn.nn.linear import Linear
from fastnn.nn.module import Module
from fastnn.text import did_you_mean
from fastnn.training import given
from fastnn.training.batches import whole_feed
from fastnn.training.best import Best
from fastnn.training.callbacks import Callback, EpochLines
from fastnn.training.engines import FallbackEngine
from fastnn.training.feed import Feed, as_array, as_inputs
from fastnn.training.history import History, LastHistory
from fastnn.training.input_range import warn_if_unlike
from fastnn.training.model_info import VERSION, ModelInfo
from fastnn.training.structure import structure_of, unknown_in
from fastnn.training.trained_on import loss_of, trained_on
from fastnn.training.trainer import Trainer, check_count

OPTIMIZERS = {"adam": optim.Adam, "adamw": optim.AdamW, "sgd": optim.SGD, "rmsprop": optim.RMSprop}
LOSSES = {"cross_entropy": losses.CrossEntropyLoss, "mse": losses.MSELoss, "bce_with_logits": losses.BCEWithLogitsLoss}


class Network(Module):
    """A multilayer perceptron, ``Network(784, 256, 10)``, or any other network: ``Network(Conv2d(1, 6, 5), ReLU(),
    ...)``, ``Network(models.lenet5())``.

    Of sizes: layers ``layer1``, ``layer2``, ... with ReLU between (not after the last). Inputs of any shape (N, ...)
    are flattened to (N, sizes[0]). The output is (N, sizes[-1]): logits, or numbers after a fit with a loss of numbers.

    Of modules: they are called one after the other, or the only one, with inputs as they are, images (N, C, H, W).
    Parameters and their names are the module's own. sizes is empty.

    Inputs are taken as they are whatever their dtype: scale pixels yourself (x / 255).

    Raises:
        ValueError: fewer than two sizes, or one below 1.
        TypeError: a size that is no whole number, or modules and sizes together.

    >>> import fastnn, numpy as np
    >>> net = fastnn.Network(4, 8, 2)
    >>> history = net.fit((np.eye(4), np.array([0, 1, 0, 1])), epochs=2, verbose=0)
    >>> net.predict(np.eye(4)).shape
    (4, 2)
    """

    history: History = LastHistory()  # type: ignore[assignment]
    _info = ModelInfo()  # of pickles from before networks knew of their training
    _sample: tuple[tuple[int, ...], int] = ((), 0)  # of modules: shape of an input, count of outputs, once one was seen
    unrecorded = Module.unrecorded | {"_trainer", "_idle", "_info", "_turns", "_sample"}

    def __init__(self, *layers: int | Module) -> None:
        super().__init__()
        self.sizes: tuple[int, ...] = ()
        if layers and all(isinstance(layer, Module) for layer in layers):
            # Under the empty name, so that its parameters have no other names here.
            alone = len(layers) == 1 and layers[0]._modules
            self.add_module("", layers[0] if alone else Sequential(*layers))
        else:
            self._add_dense(layers)
        self._info = ModelInfo(self.sizes)
        self._trainer: Trainer | None = None  # of the last fit
        self._idle: Trainer | None = None  # the same once that fit is over: its plan may serve the next one

    def _add_dense(self, sizes: Sequence[Any]) -> None:
        if sizes and isinstance(sizes[0], list | tuple):
            raise TypeError("Network takes its layers one by one, not a list: Network(*layers), Network(784, 256, 10)")
        if len(sizes) < 2:
            raise ValueError(f"Network needs at least an input and an output size, got {tuple(sizes)}")
        self.sizes = tuple(check_count("a layer's size", size, 1) for size in sizes)
        for number, (inputs, outputs) in enumerate(zip(self.sizes, self.sizes[1:], strict=False), start=1):
            setattr(self, f"layer{number}", Linear(inputs, outputs))

    def __getstate__(self) -> dict[str, Any]:
        """For copies: without the trainer of the last fit, whose plan holds this network's parameters."""
        state = {name: value for name, value in self.__dict__.items() if name != "_turns"}
        return {**state, "_trainer": None, "_idle": None}

    @property
    def _turns(self) -> _core.Lease:
        """What calls that evaluate take, one after the other; made here, as copies and files are without one."""
        return self.__dict__.setdefault("_turns", _core.Lease())

    def forward(self, x: Tensor) -> Tensor:
        """Outputs (N, outputs) of inputs (N, ...)."""
        if not self.sizes:
            y = self._modules[""](x)
            self.__dict__["_sample"] = (tuple(x.shape[1:]), y.shape[-1] if y.dim() > 1 else 1)
            return y
        if x.dim() != 2:
            x = x.flatten(1)
        *hidden, last = self.children()
        for layer in hidden:
            x = layer(x).relu()
        return last(x)

    def fit(
        self,
        train: Any,
        y: Any = None,
        epochs: int = 10,
        batch_size: int = 64,
        optimizer: str | optim.Optimizer = "adam",
        lr: float | None = None,
        loss: str | Module = "cross_entropy",
        shuffle: bool = True,
        seed: int | None = None,
        verbose: int = 1,
        callbacks: Sequence[Callback] = (),
        augment: str | None = None,
        *,
        val: Any = None,
        class_weight: Mapping[Any, float] | str | None = None,
        early_stopping: int | None = None,
        **other: Never,
    ) -> History:
        """Trains and returns the history: ``loss``, ``accuracy`` (of numbers ``r2``), with val ``val_loss`` and
        ``val_accuracy`` (``val_r2``), by epoch. Another call with the same kinds of loss and optimizer and the same
        shapes records nothing anew.

        train: a data set, a DataLoader, a tuple of arrays (x, y), or x alone, with y behind it: ``fit(x, y)``. x
        (N, ...); y (N,): class numbers, or labels that are words (:attr:`classes` then has them in their order); for
        ``loss="mse"`` numbers (N, outputs), or (N,) for one output. Tables of pandas are taken as arrays.
        val: the same kinds as train, to look at after each epoch; ``val=0.2``: a fifth of each class of train, by the
        seed, is held out for it. Behind anything but x alone, the second argument is val.
        optimizer: "adam", "adamw", "sgd", "rmsprop" or an optimizer of this network's parameters; lr: the learning
        rate of one given by name (None: its own default). seed: of shuffles and dropout. verbose: 0 silent, 1 a line
        per epoch, in a notebook one that is renewed, 2 a line per epoch there too. augment: "light" or "strong"
        (:class:`fastnn.data.augment.Augment`): photographs of a data set are changed in each epoch, by the seed; never
        those of val.
        class_weight: what each class's samples count in the cross-entropy, ``{"cat": 1, "dog": 3}`` by label or number,
        or "balanced": all alike. Such steps are not compiled; those of fastnn.sklearn are. early_stopping: ends after
        so many epochs that were no better on val (by accuracy, then loss), and keeps the parameters of the best.

        Raises:
            ValueError: an unknown name, a size that does not fit, values that are not finite; augment of anything but
                a data set's uint8 images; early_stopping without val; a cross-entropy of a single output.
            TypeError: data, optimizer or callbacks of a wrong kind; numbers where the loss takes classes.
            NonFiniteLossError: the loss became NaN or infinite.
        """
        _refuse(other)
        if seed is not None:
            random.manual_seed(seed)
        # A seed of its own for each fit, as each begins with epoch 0.
        changes = None if augment is None else augmentation(augment, int(randint(2**24, (1,)).item()))
        train, val = self._given(train, y, val, loss)
        best = None if early_stopping is None else _best(early_stopping, val)
        trainer = self._next_trainer(self._criterion(loss, class_weight, train), self._optimizer(optimizer, lr))
        shown = [*callbacks, *filter(None, (best, EpochLines(all_lines=verbose > 1) if verbose else None))]
        try:
            how = {"epochs": epochs, "batch_size": batch_size, "shuffle": shuffle, "augment": changes}
            return trainer.fit(train, val, callbacks=shown, **how)
        finally:
            if best is not None and best.tensors:
                self.load_state_dict(best.tensors)
            self.__dict__["_idle"] = trainer

    def _criterion(self, loss: str | Module, class_weight: Any, train: Any) -> Criterion:
        if class_weight is None:
            return _named("loss", loss, LOSSES)() if isinstance(loss, str) else loss
        if loss != "cross_entropy":
            raise ValueError("class_weight goes with loss='cross_entropy'")
        return losses.CrossEntropyLoss(given.class_weights(class_weight, train, self._output_size()))

    def _optimizer(self, optimizer: str | optim.Optimizer, lr: float | None) -> optim.Optimizer:
        if isinstance(optimizer, str):
            rate = {} if lr is None else {"lr": lr}
            made: optim.Optimizer = _named("optimizer", optimizer, OPTIMIZERS)(self.parameters(), **rate)
            return made
        if lr is not None:
            raise ValueError(f"lr={lr} is for an optimizer given by name; this one has its own learning rate")
        return optimizer

    def _given(self, train: Any, y: Any, val: Any, loss: Any) -> tuple[Any, Any]:
        """What to train on and to validate with, with numbers for labels."""
        if y is not None and not given.is_alone(train):
            if val is not None:
                raise TypeError("fit(train, val) and fit(x, y, val=...) are two ways: train has its labels already")
            y, val = None, y
        train = given.numbered(given.pair(train, y), self._info.classes, self._output_size(), learned=True)
        train = self._targets(train, loss)
        if isinstance(val, Real):
            return given.split(train, val, random.state.seed)
        if val is not None:
            val = self._targets(given.numbered(val, getattr(train, "labels", ())), loss)
        return train, val

    def _targets(self, data: Any, loss: Any) -> Any:
        predicts = getattr(LOSSES.get(loss) if isinstance(loss, str) else loss, "predicts", "")
        return given.targets(data, predicts, self._output_size())

    def _next_trainer(self, criterion: Criterion, optimizer: optim.Optimizer) -> Trainer:
        """With the plan of the last fit, where that is over: not in a fit that a callback begins within another."""
        trainer = Trainer(self, criterion, optimizer, outputs=True)
        plan = self._idle.hand_over() if self._idle is not None else None
        # The former trainer goes now, and so does its optimizer, unless somebody else has it: then it gets its state.
        self.__dict__.update(_trainer=trainer, _idle=None)
        if plan is not None:
            trainer.take_over(plan)
        return trainer

    def evaluate(self, data: Any, y: Any = None) -> tuple[float, float]:
        """(loss, accuracy) on a data set, a DataLoader, a tuple (x, y), or x and y; of numbers (loss, R2). NaN where
        the targets are neither. Of several labels of a sample (binary cross-entropy) all have to be right. Warns where
        x is not at all like what the network was trained on.
        """
        if self._trainer is not None and self._trainer.is_current():
            trainer = self._trainer
        else:
            info, last = self._info, self._trainer
            criterion = loss_of(info.loss, self._predicts()) if last is None else last.criterion
            trainer = Trainer(self, criterion, optim.SGD(self.parameters()))
        data = self._targets(given.numbered(given.pair(data, y), self._info.classes), trainer.criterion)
        feed = whole_feed(data, next(self.parameters())._storage.dtype)
        warn_if_unlike(self._info.input_range, feed, stacklevel=2)
        with self._turns:
            metrics = trainer.evaluate(feed)
        return metrics["loss"], metrics.get("accuracy", metrics.get("r2", float("nan")))

    def score(self, data: Any, y: Any = None) -> float:
        """The accuracy on a data set or on x and y; of numbers R2, 1 at best, 0 of always the mean."""
        return self.evaluate(data, y)[1]

    @property
    def classes(self) -> Any:
        """What the outputs stand for: names or labels of classes (C,), or their numbers where nobody named them.

        Raises:
            ValueError: the network gives numbers, or nobody knows yet what.
        """
        if "classes" in self.__dict__:  # of a class of one's own
            return self.__dict__["classes"]
        if self._info.classes:
            return np.array(self._info.classes)
        count = replace(self._info, **self._built()).class_count
        if self._predicts() == "numbers" or not count:
            raise ValueError("this network tells no classes apart: it gives numbers, or has seen no data yet")
        return np.arange(count)

    def predict(self, x: Any) -> np.ndarray:
        """What the outputs predict for inputs (N, ...), by the loss of the last fit (a model file remembers it):
        probabilities of classes (N, C) that exclude each other (cross-entropy, and before any fit), one probability
        each (binary cross-entropy), or the numbers themselves (mean squared error; a single output before any fit).

        Warns where x is not at all like what the network was trained on.
        """
        return predictions(self._scores(x), self._predicts())

    def predict_classes(self, x: Any) -> np.ndarray:
        """The number of the most probable class of each input, int64 (N,): ``net.classes[...]`` is its name.

        Raises:
            ValueError: the network was trained to give a number.
        """
        scores = self._scores(x)
        if self._output_size() == 1 and self._info.outputs == "numbers":
            raise ValueError("this network was trained to give a number: it tells no classes apart. Use predict()")
        return predicted_classes(scores)

    def _output_size(self) -> int:
        """0 while nobody knows it."""
        return self.sizes[-1] if self.sizes else self._sample[1] or self._info.output_size

    def _predicts(self) -> str:
        return self._info.outputs or ("numbers" if self._output_size() == 1 else "softmax")

    def _scores(self, x: Any) -> np.ndarray:
        array = as_array(x, "input")
        if array.ndim < 2:
            raise ValueError(f"input has shape {array.shape}; it must have a row for each sample: x[None] for one")
        if not len(array):
            size = self._output_size() or self._scores(np.zeros((1, *array.shape[1:]), np.float32)).shape[-1]
            return np.zeros((0, size), dtype=np.float32)
        array = as_inputs(array, next(self.parameters())._storage.dtype)
        feed = Feed.of_inputs(array)
        warn_if_unlike(self._info.input_range, feed, stacklevel=3)
        with self._turns:  # a subclass may have a forward of its own that looks at values
            return FallbackEngine("plan", self).outputs(feed)

    def _remember(self, criterion: Criterion, data: Any, feed: Feed | None) -> None:
        """What a fit that begins tells of this network."""
        known = trained_on(criterion, data, feed, self._output_size())
        self.__dict__["_info"] = ModelInfo(**self._built() | known)

    def _built(self) -> dict[str, Any]:
        """What a file has to tell of how it is made."""
        if self.sizes:
            return {"sizes": self.sizes}
        info, outputs = self._info, self._output_size()
        shape = info.input_shape or self._sample[0]
        return {
            "structure": structure_of(self._modules[""]),
            "output_size": outputs,
            "input_shape": shape if len(shape) == 3 else (),
            "classes": info.classes if len(info.classes) == replace(info, output_size=outputs).class_count else [],
        }

    def own_forward(self) -> str:
        """The name of its class where that has a forward of its own."""
        return "" if type(self).forward is Network.forward else type(self).__name__

    def save(self, path: str | os.PathLike[str], **info: Any) -> None:
        """Writes the network to ``.safetensors`` or ``.pth`` (any other ending: ``.pth``'s format), with its
        architecture. Warns of modules of your own classes, which :meth:`load` cannot build.

        info: fields of :class:`fastnn.training.model_info.ModelInfo` (classes, input_shape, mean, std, outputs, ...)
        for whoever loads it, in the place of what the last fit told.

        Raises:
            ValueError: the ending of another format; layers that have seen no input yet do not take one of this
                input_shape.
        """
        from fastnn.training.model_files import save_model
        from fastnn.training.saving import check_model_name

        check_model_name(path)
        shape = tuple(info.get("input_shape") or self._info.input_shape)
        if shape and not (self._output_size() or "output_size" in info):  # it has seen no input: this one tells
            self._scores(np.zeros((1, *shape), np.float32))
        built = self._built()
        for where, name in islice(unknown_in(built.get("structure", {})), 1):
            text = f"{shown_path(path)} will not tell how to build {name}" + (f" ('{where}')" if where else "")
            warnings.warn(f"{text}: load its tensors with model.load_state_dict(fastnn.load(path))", stacklevel=2)
        if "classes" in info:
            info["classes"] = [str(name) for name in info["classes"]]
        told = {"version": VERSION, "forward": self.own_forward(), **built, **info}
        save_model(path, self, replace(self._info, **told))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Network:
        """The network in a file that :meth:`save` or PyTorch wrote. Warns where that does not tell how it was built.

        Raises:
            FormatError: the file is damaged, foreign, or neither tells of which of fastnn's layers its network is made
                nor holds a chain of linear ones.
        """
        from fastnn.training.model_files import load_model

        network, info = load_model(path, cls if cls.__init__ is Network.__init__ else Network)
        if info.version == 0 or info.forward:
            assumed = "; ".join(info.assumptions())
            warnings.warn(
                f"{shown_path(path)} does not tell how its network was built. Assumed: {assumed}", stacklevel=2
            )
        return network

    def summary(self, input_shape: Sequence[int] | None = None) -> str:
        """A table of layers: output shape, parameters, bytes, multiply-adds for one input. Returned; print it.

        input_shape: of one input, without the batch; None: of those that it was made for or has seen.

        Raises:
            ValueError: that is not known yet.
        """
        from fastnn.reporting.summary import summary

        shape = input_shape or self.sizes[:1] or self._info.input_shape or self._sample[0]
        if not shape:
            raise ValueError("this network has seen no input yet: give its shape, summary((1, 28, 28))")
        return summary(self, tuple(shape))

    def _shown_modules(self) -> Iterator[tuple[str, str]]:
        return super()._shown_modules() if self.sizes else self._modules[""]._shown_modules()


def _refuse(other: Iterable[str]) -> None:
    for name in other:
        known = ", ".join([*signature(Network.fit).parameters][1:-1])
        raise TypeError(f"Network.fit() got an unexpected keyword argument {name!r}; it takes {known}")


def _best(patience: int, val: Any) -> Best:
    if val is None:
        raise ValueError("early_stopping needs val: data to look at after each epoch, or a share, val=0.2")
    return Best(lambda: None, check_count("early_stopping", patience, 1))


def _named(kind: str, name: str, known: dict[str, Any]) -> Any:
    """The entry of a name; ValueError with a suggestion otherwise."""
    if name in known:
        return known[name]
    # What losses are called is much alike ("mae", "mse").
    cutoff, more = (0.85, "; nn.L1Loss() for the mean absolute error") if kind == "loss" else (0.6, "")
    hint = did_you_mean(name, known, cutoff) or "."
    raise ValueError(f"unknown {kind} {name!r}{hint} Known: {', '.join(known)}{more}")
