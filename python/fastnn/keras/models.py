"""Sequential: layers one after the other, with compile, fit, evaluate and predict as Keras 3 has them."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np

from fastnn import nn
from fastnn.eager.autograd import no_grad
from fastnn.eager.tensor import Tensor
from fastnn.errors import told
from fastnn.keras import activations, layers, losses, optimizers, saving
from fastnn.keras.callbacks import Callback, CallbackList, History
from fastnn.keras.fitting import Fitting, Meter
from fastnn.keras.metrics import Metric
from fastnn.keras.metrics import get as get_metric
from fastnn.keras.named import unique
from fastnn.keras.progress import Progress
from fastnn.nn.contexts import modes
from fastnn.nn.labels import predicted_classes
from fastnn.platform import Turns
from fastnn.training.batches import Position
from fastnn.training.engines import PlanEngine
from fastnn.training.feed import Feed, as_array, check_finite
from fastnn.training.input_range import range_of, warn_if_unlike
from fastnn.training.trainer import Trainer, check_count

Shape = tuple[int, ...]


class Sequential:
    """Layers one after the other: ``Sequential([Dense(512, activation="relu", input_shape=(784,)), Dense(10)])``.

    Without an input_shape (or a first :func:`layers.Input`) the model is built by the first data it sees.

    Attributes: ``layers``, ``optimizer``, ``history`` (the last fit's), ``stop_training``.
    """

    def __init__(self, layers: Sequence[layers.Layer] | None = None, name: str | None = None) -> None:
        self.name = unique("sequential") if name is None else name
        self._layers: list[Any] = []
        self._input: Shape | None = None
        self._net: nn.Sequential | None = None
        self._predictor: PlanEngine | None = None
        self._input_range: list[float] | None = None  # of the last fit
        self._turns = Turns()  # of calls that evaluate
        self.optimizer: optimizers.Optimizer | None = None
        self.loss: losses.Loss | None = None
        self.metrics: list[Metric] = []
        self.history: History | None = None
        self.stop_training = False
        for layer in layers or ():
            self.add(layer)

    # -- layers ------------------------------------------------------------------------------------------------------

    @property
    def layers(self) -> list[layers.Layer]:
        return list(self._layers)

    def add(self, layer: layers.Layer) -> None:
        """One layer more, at the end.

        Raises:
            TypeError: something that is no layer.
            ValueError: a name that another of its layers has, or an Input that is not the first.
        """
        if not isinstance(layer, layers.Layer):
            kind = layer.__name__ if isinstance(layer, type) else type(layer).__name__
            raise TypeError(f"Sequential takes layers of fastnn.keras.layers, got {kind}")
        if layer.name in [other.name for other in self._layers]:
            raise ValueError(f"all layers of a model need names of their own: '{layer.name}' is there already")
        if not self._layers and layer.given_shape is not None:
            self._input = layer.given_shape
        if isinstance(layer, layers.InputLayer):
            if self._layers:
                raise ValueError("an Input is the first of a model's layers")
            return
        self._layers.append(layer)
        self._forget_net()
        try:
            if self._input is not None:
                self.build()
        except ValueError:
            self._layers.pop()
            raise

    def pop(self) -> layers.Layer:
        """Takes the last layer off."""
        if not self._layers:
            raise ValueError(f"model '{self.name}' has no layers")
        self._forget_net()
        return self._layers.pop()

    def get_layer(self, name: str | None = None, index: int | None = None) -> layers.Layer:
        """A layer by its name or its place.

        Raises:
            ValueError: there is none.
        """
        if index is not None and index < len(self._layers):
            return self._layers[index]
        for layer in self._layers:
            if layer.name == name:
                return layer
        raise ValueError(f"model '{self.name}' has no such layer: {', '.join(layer.name for layer in self._layers)}")

    def build(self, input_shape: Sequence[int | None] | None = None) -> None:
        """Makes the weights for inputs of a shape (None, ...), or of the shape that the first layer was given.

        Raises:
            ValueError: no shape is known, or one that a layer cannot take.
        """
        if input_shape is not None:
            self._input = tuple(int(size) for size in tuple(input_shape)[1:])  # type: ignore[arg-type]
        if self._input is None:
            raise ValueError(f"model '{self.name}' does not know its input shape: give the first layer an input_shape")
        shape = self._input
        for layer in self._layers:
            shape = layer.build(shape)

    @property
    def built(self) -> bool:
        return bool(self._layers) and all(layer.built for layer in self._layers)

    def check_built(self) -> None:
        """Refuses a model that has no weights yet.

        Raises:
            ValueError: it has no layers, or does not know its input shape.
        """
        if not self._layers:
            raise ValueError(f"model '{self.name}' has no layers: add some")
        if not self.built:
            self.build()

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        self.check_built()
        return self._layers[0].input_shape

    @property
    def output_shape(self) -> tuple[int | None, ...]:
        self.check_built()
        return self._layers[-1].output_shape

    @property
    def weights(self) -> list[nn.Parameter]:
        return [weight for layer in self._layers for weight in layer.weights]

    @property
    def trainable_weights(self) -> list[nn.Parameter]:
        """Those that fit changes."""
        return [weight for layer in self._layers for weight in layer.weights if layer.trainable]

    trainable_variables = trainable_weights

    @property
    def trainable(self) -> bool:
        """Whether fit changes any weight; set, it holds for all layers."""
        return any(layer.trainable for layer in self._layers)

    @trainable.setter
    def trainable(self, value: bool) -> None:
        for layer in self._layers:
            layer.trainable = value

    def get_weights(self) -> list[np.ndarray]:
        """Copies of all weights: kernel (inputs, outputs) and bias of each layer in turn."""
        return [values for layer in self._layers for values in layer.get_weights()]

    def set_weights(self, weights: Sequence[np.ndarray]) -> None:
        """Takes over what get_weights gives.

        Raises:
            ValueError: another number of arrays, or another shape.
        """
        self.check_built()
        if len(weights) != len(self.weights):
            raise ValueError(f"model '{self.name}' has {len(self.weights)} weights, got {len(weights)} arrays")
        rest = list(weights)
        for layer in self._layers:
            count = len(layer.weights)
            layer.set_weights(rest[:count])
            rest = rest[count:]

    def count_params(self) -> int:
        """How many numbers all weights have."""
        self.check_built()
        return sum(layer.count_params() for layer in self._layers)

    def summary(self, print_fn: Any = print) -> None:
        """Prints the table of layers."""
        from fastnn.keras.summary import summary

        print_fn(summary(self))

    def __repr__(self) -> str:
        return f"<Sequential name={self.name}, built={self.built}>"

    # -- training ----------------------------------------------------------------------------------------------------

    def compile(
        self, optimizer: Any = "rmsprop", loss: Any = None, loss_weights: None = None, metrics: Any = None
    ) -> None:
        """Sets what fit works with: names (``"rmsprop"``, ``"categorical_crossentropy"``, ``["accuracy"]``), objects
        or, for loss and metrics, functions. loss_weights: None, as there is one loss.

        Raises:
            ValueError: an unknown name, or loss_weights.
            TypeError: something else.
        """
        if loss_weights is not None:
            raise ValueError("loss_weights: a Sequential has one loss, which needs no weight")
        self.optimizer = optimizers.get(optimizer)
        self.loss = None if loss is None else losses.get(loss)
        given = [] if metrics is None else metrics if isinstance(metrics, list | tuple) else [metrics]
        self.metrics = [get_metric(each) for each in given]
        self._forget_net()

    @property
    def metrics_names(self) -> list[str]:
        return ["loss", *(metric.name for metric in self.metrics)]

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: int | str = "auto",
        callbacks: Sequence[Callback] | Callback | None = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        initial_epoch: int = 0,
        validation_freq: int = 1,
    ) -> History:
        """Trains on x (N, ...) and y, in batches of 32 where batch_size is None; returns the metrics of each epoch.

        Values of x are taken as they are: scale pixels yourself (x / 255). validation_split: the last share of x and y,
        taken off before they are shuffled. verbose: 0 silent, 1 a bar, 2 a line an epoch. epochs: the number of the
        last one, counted on from initial_epoch.

        Raises:
            ValueError: before compile, without a loss, or with data that does not fit.
            NonFiniteLossError: the loss became NaN or infinite.
        """
        self._check_compiled("fit")
        batch_size, epochs = self._checked_size(batch_size), check_count("epochs", epochs, 0)
        validation_freq, initial_epoch = check_count("validation_freq", validation_freq, 1), int(initial_epoch)
        if validation_data is not None:
            train, held_out = self._pair(x, y), self._pair(*_two(validation_data))
        else:
            train, held_out = _split(self._pair(x, y), validation_split)
        feed = self._feed(*train)
        validation = None if held_out is None else self._feed(*held_out)
        self._input_range = range_of(feed)
        if validation is not None:
            warn_if_unlike(self._input_range, validation, stacklevel=2)
        shown = _verbosity(verbose)
        self.history, self.stop_training = History(), False
        params = {"epochs": epochs, "steps": -(-len(feed) // batch_size), "verbose": shown}
        given = [callbacks] if isinstance(callbacks, Callback) else callbacks or ()
        heard = CallbackList([*given, self.history], self, params)
        trainer = self._trainer()
        trainer.position = Position(epoch=initial_epoch)
        fitting = Fitting(self, heard, shown, validation, validation_freq)
        trainer.fit(feed, epochs=epochs, batch_size=batch_size, shuffle=bool(shuffle), callbacks=[fitting])
        return self.history

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: int | str = "auto",
        return_dict: bool = False,
    ) -> Any:
        """[loss, metrics...] on x and y (the loss alone without metrics), or a dict of them."""
        self._check_compiled("evaluate")
        batch_size = self._checked_size(batch_size)
        with self._turns:
            feed = self._feed(*self._pair(x, y))
            warn_if_unlike(self._input_range, feed, stacklevel=2)
            progress = Progress(-(-len(feed) // batch_size), _verbosity(verbose))
            values = self.measured(self._trainer(), feed)
        progress.finish(values)
        if return_dict:
            return values
        results = [values[name] for name in self.metrics_names]
        return results if self.metrics else results[0]

    def measured(self, trainer: Trainer, feed: Feed) -> dict[str, float]:
        """Loss and metrics of a feed, by name."""
        outputs = trainer.outputs_of(feed)
        loss = self._criterion()(Tensor(outputs), Tensor(feed.y)).detach().numpy().reshape(1)
        meter = Meter(self)
        meter.add(loss, outputs, feed.y)
        return meter.logs()

    def predict(self, x: Any, batch_size: int | None = None, verbose: int | str = "auto") -> np.ndarray:
        """The outputs (N, ...) for x. Warns where x is not at all like what the model was trained on."""
        batch_size = self._checked_size(batch_size)
        with self._turns:
            array = self._inputs(x)
            progress = Progress(-(-len(array) // batch_size), _verbosity(verbose))
            if self._predictor is None:
                self._predictor = PlanEngine(self.net)
            feed = Feed.of_inputs(array)
            if len(array):
                warn_if_unlike(self._input_range, feed, stacklevel=2)
            out = self._predictor.outputs(feed) if len(array) else np.zeros((0, *self.output_shape[1:]), np.float32)
        progress.finish({})
        return out

    def predict_classes(self, x: Any) -> np.ndarray:
        """The most probable class of each row of x, int64 (N,)."""
        return predicted_classes(self.predict(x, verbose=0))

    def __call__(self, x: Any, training: bool = False) -> Tensor:
        """The outputs for a batch, as a tensor."""
        array = x._data if isinstance(x, Tensor) else self._inputs(x)
        self.check_built()
        with self._turns, modes(self.net, training=training), no_grad():
            return self.net(Tensor(array))

    # -- files -------------------------------------------------------------------------------------------------------

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes weights and architecture; :func:`load_model` reads them."""
        saving.save(self, path)

    def save_weights(self, path: str | os.PathLike[str]) -> None:
        """Writes the weights alone."""
        saving.save(self, path, architecture=False)

    def load_weights(self, path: str | os.PathLike[str]) -> None:
        """Takes over the weights in a file of save or save_weights.

        Raises:
            FormatError: damaged, or weights of other shapes.
        """
        saving.load_weights(self, path)

    def get_config(self) -> dict[str, Any]:
        """What :meth:`from_config` makes the model of again: name, input shape, layers."""
        described = [{"class_name": type(layer).__name__, "config": layer.config()} for layer in self._layers]
        return {"name": self.name, "input_shape": self._input, "layers": described}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Sequential:
        """The model that a config describes, with weights of its own."""
        shape = config["input_shape"]
        start = [] if shape is None else [layers.Input(shape)]
        return cls([*start, *(saving.make_layer(each) for each in config["layers"])], name=config["name"])

    # -- within ------------------------------------------------------------------------------------------------------

    @property
    def net(self) -> nn.Sequential:
        """All layers as one PyTorch-style module."""
        self.check_built()
        if self._net is None:
            modules = [(layer.name, module) for layer in self._layers for module in layer.modules]
            numbered = [(f"{name}_{i}", module) for i, (name, module) in enumerate(modules)]
            self._net = nn.Sequential(OrderedDict(numbered))
        return self._net

    def activated(self, outputs: np.ndarray) -> np.ndarray:
        """What the model gives where it was trained on its logits: these, after the last activation."""
        return self._last_activation()(Tensor(outputs)).numpy() if self._is_fused() else outputs

    def _forget_net(self) -> None:
        self._net = self._predictor = None

    def _last_activation(self) -> activations.Function:
        return getattr(self._layers[-1], "activation", activations.linear)

    def _is_fused(self) -> bool:
        return self.loss.fuses(self._last_activation())

    def _criterion(self) -> losses.Criterion:
        return self.loss.criterion(self.loss.from_logits or self._is_fused())

    def _trainer(self) -> Trainer:
        """Of the layers, without the last activation where the loss is computed from the logits."""
        net = nn.Sequential(OrderedDict(list(self.net._modules.items())[:-1])) if self._is_fused() else self.net
        return Trainer(net, self._criterion(), self.optimizer.bind(self.weights), outputs=True)

    def _check_compiled(self, method: str) -> None:
        if self.optimizer is None:
            text = f"model '{self.name}' is not compiled: call compile(optimizer, loss) before {method}"
            raise told(ValueError(text), "model.uncompiled", model=self.name)
        if self.loss is None:
            text = f"model '{self.name}' has no loss: compile(optimizer, loss='categorical_crossentropy')"
            raise told(ValueError(text), "model.loss", model=self.name)

    def _checked_size(self, batch_size: int | None) -> int:
        return 32 if batch_size is None else check_count("batch_size", batch_size, 1)

    def _inputs(self, x: Any) -> np.ndarray:
        """x as the model takes it, float32; a model without a shape is built for it.

        Raises:
            ValueError: another shape, or values that are not finite.
        """
        array = as_array(x, "x")
        if array.ndim == 0:
            raise ValueError("x is a single number: it needs a row for each sample")
        if array.ndim == 1:
            array = array[:, None]  # Keras: a number is a sample of one feature
        if not self.built and self._input is None:
            self.build((None, *array.shape[1:]))
        if (None, *array.shape[1:]) != self.input_shape:
            layer, kind = self._layers[0].name, type(self._layers[0]).__name__
            text = f"layer '{layer}' ({kind}) takes inputs of shape {self.input_shape}, x has shape {array.shape}"
            error = ValueError(text)
            raise told(error, "layer.shape", layer=layer, kind=kind, wanted=self.input_shape, shape=array.shape)
        array = np.ascontiguousarray(array, dtype=np.float32)
        check_finite("x", array)
        return array

    def _pair(self, x: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
        if y is None:
            raise ValueError("fit and evaluate need targets: fit(x, y)")
        x, y = as_array(x, "x"), as_array(y, "y")
        if x.ndim == 0 or y.ndim == 0 or len(x) != len(y):
            raise ValueError(f"x and y must have a row for each sample: x has shape {x.shape}, y has {y.shape}")
        if not len(x):
            raise told(ValueError("the data set is empty: there is nothing to learn from"), "data.empty")
        return x, y

    def _feed(self, x: np.ndarray, y: np.ndarray) -> Feed:
        inputs = self._inputs(x)
        targets = self.loss.targets(y, (len(x), *self.output_shape[1:]))
        if targets.dtype.kind == "f":
            targets = targets.astype(np.float32)
            check_finite("y", targets)
        return Feed(inputs, np.ascontiguousarray(targets))


def load_model(path: str | os.PathLike[str]) -> Sequential:
    """The model that :meth:`Sequential.save` wrote; compile it to train on.

    Raises:
        FormatError: damaged, or a file of Keras itself.
    """
    return saving.load(path)


def _two(pair: Any) -> tuple[Any, Any]:
    if not isinstance(pair, list | tuple) or len(pair) != 2:
        raise ValueError("validation_data must be a pair (x, y)")
    return pair[0], pair[1]


def _split(pair: tuple[np.ndarray, np.ndarray], share: float) -> tuple[Any, Any]:
    """The first rows to train with and the last share to validate with (None for a share of 0).

    Raises:
        ValueError: nothing would be left of one of them.
    """
    if not 0 <= share < 1:
        raise ValueError(f"validation_split is {share}; it must be at least 0 and less than 1")
    if share == 0:
        return pair, None
    x, y = pair
    at = int(np.floor(len(x) * (1 - share)))
    if at in (0, len(x)):
        raise ValueError(
            f"validation_split {share} of {len(x)} samples leaves {at} to train with, {len(x) - at} to validate"
        )
    return (x[:at], y[:at]), (x[at:], y[at:])


def _verbosity(verbose: int | str) -> int:
    return 1 if verbose == "auto" else int(verbose)
