"""Compile, fit, evaluate and predict, as Keras 3 has them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn import _core, nn
from fastnn.eager.autograd import no_grad
from fastnn.eager.tensor import Tensor
from fastnn.errors import NonFiniteLossError, outside, told
from fastnn.keras import fitting, front, losses, optimizers, samples
from fastnn.keras.callbacks import Callback, CallbackList, History, Logs, TerminateOnNaN
from fastnn.keras.fitting import Fitting, Meter
from fastnn.keras.layers.preprocessing.pictures import wake
from fastnn.keras.layers.symbol import Symbol, symbols_in
from fastnn.keras.metrics import Metric
from fastnn.keras.metrics import get as get_metric
from fastnn.keras.named import options
from fastnn.keras.progress import Progress, show
from fastnn.keras.samples import Samples, Stream
from fastnn.keras.sources import Sources
from fastnn.nn.contexts import modes
from fastnn.nn.labels import predicted_classes
from fastnn.training.batches import Position
from fastnn.training.engines import FallbackEngine
from fastnn.training.feed import Feed
from fastnn.training.input_range import warn_if_unlike
from fastnn.training.trainer import Trainer, check_count

if TYPE_CHECKING:
    from fastnn.keras.activations import Function
    from fastnn.keras.layers import Layer
    from fastnn.keras.layers.layer import Penalties

BATCH = 32  # rows of a batch where batch_size is None
# How a generator is fed, which changes nothing here: batches are made where they are used.
_FEEDING = ("max_queue_size", "max_q_size", "workers", "nb_worker", "use_multiprocessing", "pickle_safe", "verbose")
# Keras' hooks of a model's class that there is nothing to call from here.
_UNHEARD = (
    *("call", "train_step", "test_step", "predict_step", "compute_loss", "compute_metrics"),
    *("make_train_function", "make_test_function", "make_predict_function"),
)


class Trained(Sources):
    """What a model does with data; its layers are its class's own matter."""

    if TYPE_CHECKING:
        _layers: list[Layer]
        activation: Function
        weights: list[Tensor]
        parameters: list[nn.Parameter]
        trainable_weights: list[nn.Parameter]

        def check_built(self) -> None: ...
        def assembled(self, logits: bool = False) -> nn.Module: ...
        def penalties(self) -> Penalties: ...
        def called_with(self, symbols: list[Symbol]) -> Symbol: ...

    def start_uncompiled(self) -> None:
        """As it is before compile.

        Raises:
            TypeError: a subclass overrides a step that Keras would call.
        """
        for hook in _UNHEARD:
            if hasattr(type(self), hook):
                raise TypeError(
                    f"{type(self).__name__}.{hook} would never be called: fit, evaluate and predict have "
                    "their own steps. Give compile a loss function, or write the training step with fastnn.nn and optim"
                )
        self._net: nn.Module | None = None
        self._parts: list[nn.Module] = []  # what that is made of
        self._predictor: FallbackEngine | None = None
        self._steppers: dict[Any, Trainer] = {}
        self.seen: list[float] | None = None  # the least and the largest number of the last fit
        self._turns = _core.Lease()  # of calls that evaluate
        self.optimizer: optimizers.Optimizer | None = None
        self.loss: losses.Loss | None = None
        self.metrics: list[Metric] = []
        self.weighted_metrics: list[Metric] = []
        self.run_eagerly = False
        self.history: History | None = None
        self.stop_training = False

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: None = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        **former: Any,
    ) -> None:
        """Sets what fit works with: names (``"rmsprop"``, ``"categorical_crossentropy"``, ``["accuracy"]``), objects
        or, for loss and metrics, functions. loss_weights: None, as there is one loss. weighted_metrics: those that
        count samples by their weights. run_eagerly: every step in Python, as a debugger needs it.
        (steps_per_execution, jit_compile, auto_scale_loss, class_mode, sample_weight_mode change nothing.)

        Raises:
            ValueError: an unknown name, or loss_weights.
            TypeError: something else.
        """
        harmless = ("steps_per_execution", "jit_compile", "auto_scale_loss", "class_mode", "sample_weight_mode")
        options(self.compile, former, {}, harmless)
        if loss_weights is not None:
            raise ValueError("loss_weights: a model has one loss, which needs no weight")
        loss = loss[0] if isinstance(loss, list) and len(loss) == 1 else loss
        self.optimizer = optimizers.get(optimizer)
        self.loss = None if loss is None else losses.get(loss)
        self.metrics = [get_metric(each) for each in _flat(metrics)]
        self.weighted_metrics = [get_metric(each) for each in _flat(weighted_metrics)]
        self.run_eagerly = bool(run_eagerly)
        self._forget_net()

    @property
    def compiled(self) -> bool:
        return self.optimizer is not None

    @property
    def all_metrics(self) -> list[Metric]:
        return [*self.metrics, *self.weighted_metrics]

    @property
    def metrics_names(self) -> list[str]:
        return ["loss", *(metric.name for metric in self.all_metrics)]

    def reset_metrics(self) -> None:
        """All metrics start from nothing."""
        for metric in self.all_metrics:
            metric.reset_state()

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
        class_weight: Mapping[int, float] | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int = 1,
        **former: Any,
    ) -> History:
        """Trains on x (N, ...) and y, in batches of 32 where batch_size is None; returns the metrics of each epoch.

        Values of x are taken as they are: scale pixels yourself (x / 255). x may be a generator, a loader or a sequence
        of batches (x, y) or (x, y, weight) instead, without y (a ``Sequence`` comes in a new order every epoch, but for
        shuffle=False), or a data set of samples. validation_split: the last share of x and y, taken off before they are
        shuffled; validation_data: (x, y), (x, y, weight) or what brings batches. verbose: 0 silent, 1 a bar, 2 a line
        an epoch. epochs: the number of the last one, counted on from initial_epoch. class_weight: ``{class: weight}``;
        sample_weight (N,): what each sample's loss counts (metrics count all alike, but for compile's
        weighted_metrics). steps_per_epoch: batches of an epoch, which go on where the last one ended; validation_steps:
        the batches to validate with. validation_freq: after every so many epochs.
        (nb_epoch: epochs; show_accuracy: a metric "acc"; max_queue_size, workers, use_multiprocessing change nothing.)

        Raises:
            ValueError: before compile, without a loss, or with data that does not fit.
            NonFiniteLossError: the loss became NaN or infinite.
        """
        epochs = self._former("fit", former).get("epochs", epochs)
        self._check_compiled("fit")
        size, epochs = _checked_size(batch_size), check_count("epochs", epochs, 0)
        validation_freq, initial_epoch = check_count("validation_freq", validation_freq, 1), int(initial_epoch)
        steps_per_epoch = samples.check_steps("steps_per_epoch", steps_per_epoch)
        validation_steps = samples.check_steps("validation_steps", validation_steps)
        data, held_out = self._training_data(x, y, sample_weight, class_weight, validation_split, validation_data)
        source, weights = self._source(data, size, shuffle, steps_per_epoch, class_weight)
        steps = len(source) if isinstance(source, Stream) else -(-len(source) // size)
        shown = _verbosity(verbose)
        self.history, self.stop_training = History(), False
        heard = self._heard(callbacks, {"epochs": epochs, "steps": steps, "verbose": shown}, self.history)
        check = self._validation(held_out, int(validation_batch_size or size), validation_steps, heard)
        run = Fitting(self, heard, shown, weights, check, validation_freq)
        trainer = self._trainer(weights)
        trainer.position = Position(epoch=initial_epoch)
        try:
            trainer.fit(source, epochs=epochs, batch_size=size, shuffle=bool(shuffle), callbacks=[run])
        except NonFiniteLossError as error:
            self._ended_by(error, run, trainer)
        return self.history

    def _ended_by(self, error: NonFiniteLossError, run: Fitting, trainer: Trainer) -> None:
        """What a loss that is no number does: a line and an end, where TerminateOnNaN is there, else the error."""
        if not any(isinstance(callback, TerminateOnNaN) for callback in run.callbacks.callbacks):
            raise error
        show(f"Batch {trainer.position.step}: Invalid loss, terminating training ({error})")
        self.stop_training = True
        run.on_train_end(trainer)

    def fit_generator(
        self, generator: Any, steps_per_epoch: int | None = None, epochs: int = 1, **named: Any
    ) -> History:
        """Keras 2's :meth:`fit` of what brings batches. (samples_per_epoch and nb_val_samples, of Keras 1: so many
        samples instead of steps.)
        """
        steps_per_epoch = samples.former_steps(generator, named.pop("samples_per_epoch", None), steps_per_epoch)
        held_out, steps = named.get("validation_data"), named.pop("validation_steps", None)
        steps = samples.former_steps(held_out, named.pop("nb_val_samples", None), steps)
        return self.fit(generator, steps_per_epoch=steps_per_epoch, epochs=epochs, validation_steps=steps, **named)

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: int | str = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Sequence[Callback] | Callback | None = None,
        return_dict: bool = False,
        **former: Any,
    ) -> Any:
        """[loss, metrics...] on x and y (the loss alone without metrics), or a dict of them. x, sample_weight: as fit
        takes them, batches one after the other; steps: the batches to take.
        """
        self._former("evaluate", former)
        self._check_compiled("evaluate")
        size, steps = _checked_size(batch_size), samples.check_steps("steps", steps)
        if samples.brings_batches(x):
            samples.check_alone(y, sample_weight)
        data = x if samples.brings_batches(x) else Samples.of(x, y, sample_weight)
        shown = _verbosity(verbose)
        with self._turns:
            source, weights = self._measured(data, size, steps, "steps")
            count = len(source) if isinstance(source, Stream) else -(-len(source) // size)
            heard = self._heard(callbacks, {"steps": count, "verbose": shown})
            progress = Progress(count, shown)
            outputs_of, criterion = self._outputs_of(weights), self._criterion(weights)
            values = fitting.tested(self, outputs_of, criterion, source, weights, heard, size, progress)
        progress.finish(values)
        return self._results(values, return_dict)

    def evaluate_generator(self, generator: Any, steps: int | None = None, callbacks: Any = None, **named: Any) -> Any:
        """Keras 2's :meth:`evaluate` of what brings batches. (val_samples, of Keras 1: so many samples.)"""
        steps = samples.former_steps(generator, named.pop("val_samples", None), steps)
        return self.evaluate(generator, steps=steps, callbacks=callbacks, **named)

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: int | str = "auto",
        steps: int | None = None,
        callbacks: Sequence[Callback] | Callback | None = None,
        **former: Any,
    ) -> np.ndarray:
        """The outputs (N, ...) for x, which may bring batches x, (x, y) or (x, y, weight). steps: the batches to take.
        Warns where x is not at all like what the model was trained on.
        """
        options(self.predict, former, {}, _FEEDING)
        size, steps = _checked_size(batch_size), samples.check_steps("steps", steps)
        with self._turns:
            source = self._given(x, size, steps)
            count = len(source) if isinstance(source, Stream) else -(-len(source) // size)
            heard = self._heard(callbacks, {"steps": count, "verbose": _verbosity(verbose)})
            progress = Progress(count, _verbosity(verbose))
            if isinstance(source, np.ndarray):
                step = size if heard.hears("predict_batch") else max(1, len(source))
                source = [source[at : at + step] for at in range(0, len(source), step)]
            out = self._predicted(source, heard, progress)
        progress.finish({})
        return out

    def predict_generator(self, generator: Any, steps: int | None = None, **named: Any) -> np.ndarray:
        """Keras 2's :meth:`predict` of what brings batches. (val_samples, of Keras 1: so many samples.)"""
        steps = samples.former_steps(generator, named.pop("val_samples", None), steps)
        return self.predict(generator, steps=steps, **named)

    def predict_proba(self, x: Any, batch_size: int | None = None, verbose: int | str = 0) -> np.ndarray:
        """Keras 1's name of :meth:`predict`."""
        return self.predict(x, batch_size, verbose)

    def predict_classes(self, x: Any, batch_size: int | None = None, verbose: int | str = 0) -> np.ndarray:
        """The most probable class of each row of x, int64 (N,); of a single output (N, 1), whether it is above 0.5."""
        outputs = self.predict(x, batch_size, verbose)
        return (outputs > 0.5).astype(np.int64) if outputs.shape[-1] == 1 else predicted_classes(outputs)

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: Mapping[int, float] | None = None,
        return_dict: bool = False,
        reset_metrics: bool = True,
        **former: Any,
    ) -> Any:
        """One step on one batch: its loss, or [loss, metrics...] of that batch, as they were before the step.

        reset_metrics: False, metrics go on from the batches before.
        """
        self._former("train_on_batch", former)
        self._check_compiled("train_on_batch")
        batch = Samples.of(x, y, sample_weight, class_weight)
        weights = batch.weight is not None
        feed = self._feed(batch, weights)
        trainer = self._stepper(weights)
        chunk = trainer.step(feed)
        self.optimizer.stepped(1)
        return self._batch_results(chunk.losses, chunk.outputs, feed, weights, reset_metrics, return_dict)

    def test_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        return_dict: bool = False,
        reset_metrics: bool = True,
        **former: Any,
    ) -> Any:
        """Loss, or [loss, metrics...], of one batch."""
        self._former("test_on_batch", former)
        self._check_compiled("test_on_batch")
        batch = Samples.of(x, y, sample_weight)
        weights = batch.weight is not None
        with self._turns:
            feed = self._feed(batch, weights)
            outputs = (self._stepper(weights).outputs_of if self.parameters else self._outputs_of(weights))(feed)
            loss = self._criterion(weights)(Tensor(outputs), Tensor(feed.y)).detach().numpy().reshape(1)
            return self._batch_results(loss, outputs, feed, weights, reset_metrics, return_dict)

    def predict_on_batch(self, x: Any) -> np.ndarray:
        """The outputs for one batch."""
        return self.predict(x, verbose=0)

    def __call__(self, x: Any, training: bool | None = None) -> Any:
        """The outputs for a batch, as a tensor; of what ``Input`` gave, what stands for them in a functional model.
        training: whether its layers do as in fit; None: those alone that make images different, as in Keras.
        """
        symbols = symbols_in(x)
        if symbols:
            return self.called_with(symbols)
        with self._turns:
            ready = isinstance(x, Tensor) and self.built and x.is_floating_point()
            array = x._data if ready else self._inputs(x)
            with modes(self.net, training=bool(training)), no_grad():
                if training is None:
                    wake(self.net)
                return self.net(Tensor(array))

    # -- within ------------------------------------------------------------------------------------------------------

    @property
    def net(self) -> nn.Module:
        """All layers as one PyTorch-style module."""
        self.check_net()
        return self._net  # type: ignore[return-value]

    def check_net(self) -> None:
        """Makes the module where there is none, or layers have changed, also those of models within."""
        self.check_built()
        modules = [module for layer in self._layers for module in layer.modules]
        if self._net is None or list(map(id, self._parts)) != list(map(id, modules)):
            self._forget_net()
            self._net, self._parts = self.assembled(), modules

    def activated(self, outputs: np.ndarray) -> np.ndarray:
        """What the model gives where it was trained on its logits: these, after the last activation."""
        return self.activation(Tensor(outputs)).numpy() if self._is_fused() else outputs

    def _forget_net(self) -> None:
        self._net = self._predictor = None
        self._steppers = {}

    def _is_fused(self) -> bool:
        return self.loss.fuses(self.activation)

    def _criterion(self, weights: bool = False) -> losses.Criterion:
        """With what regularizers make of the weights that learn."""
        logits = self.loss.from_logits or self._is_fused()
        own = fitting.weighted(self.loss, logits) if weights else self.loss.criterion(logits)
        changed = {id(weight) for weight in self.trainable_weights}
        penalties = [each for each in self.penalties() if id(each[0]) in changed]
        if not penalties:
            return own

        def criterion(p: Tensor, t: Tensor) -> Tensor:
            loss = own(p, t)
            for weight, axes, penalty in penalties:
                loss = loss + penalty(weight.permute(*axes))
            return loss

        return criterion

    def _trainer(self, weights: bool = False) -> Trainer:
        engine = "eager" if self.run_eagerly or self.optimizer.clips else "plan"
        bound = self.optimizer.bind(self.parameters)
        return front.trainer(self._trained(), self._criterion(weights), bound, outputs=True, engine=engine)

    def _trained(self) -> nn.Module:
        """The layers, without the last activation where the loss is computed from the logits."""
        return self.assembled(logits=True) if self._is_fused() else self.net

    def _outputs_of(self, weights: bool) -> fitting.Outputs:
        """What they give for a feed; a model without weights has no trainer."""
        return self._trainer(weights).outputs_of if self.parameters else front.engine(self._trained()).outputs

    def _stepper(self, weights: bool) -> Trainer:
        """The trainer of single batches, kept as long as the same weights learn."""
        self.check_net()
        key = (weights, *(weight.requires_grad for weight in self.weights))
        if key not in self._steppers:
            self._steppers[key] = self._trainer(weights)
        return self._steppers[key]

    def _batch_results(
        self, loss: np.ndarray, outputs: np.ndarray, feed: Feed, weights: bool, reset: bool, return_dict: bool
    ) -> Any:
        meter = Meter(self, weights, reset)
        meter.add(loss, outputs, feed.y)
        return self._results(meter.logs(), return_dict)

    def _results(self, values: Logs, return_dict: bool) -> Any:
        if return_dict:
            return values
        results = [values[name] for name in self.metrics_names]
        return results if len(results) > 1 else results[0]

    def _predicted(self, source: Iterable[np.ndarray], heard: CallbackList, progress: Progress) -> np.ndarray:
        self.check_net()
        if self._predictor is None:
            self._predictor = front.engine(self.net)
        heard.call("on_predict_begin", {})
        hears, outputs = heard.hears("predict_batch"), []
        for number, x in enumerate(source):
            feed = Feed.of_inputs(x)
            if number == 0:
                warn_if_unlike(self.seen, feed, stacklevel=outside())
            if hears:
                heard.call("on_predict_batch_begin", number, {})
            outputs.append(self._predictor.outputs(feed))
            if hears:
                heard.call("on_predict_batch_end", number, {"outputs": outputs[-1]})
            progress.update(number + 1, {})
        heard.call("on_predict_end", {})
        return np.concatenate(outputs) if outputs else np.zeros((0, *self.output_shape[1:]), np.float32)

    def _heard(self, callbacks: Any, params: dict[str, Any], *own: Callback) -> CallbackList:
        if isinstance(callbacks, CallbackList):
            return callbacks
        given = [callbacks] if isinstance(callbacks, Callback | type) else callbacks or ()
        return CallbackList([*given, *own], self, params)

    def _former(self, method: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """Keras 1's and 2's arguments of a method, under their names of today."""
        named = options(getattr(self, method), given, {"nb_epoch": "epochs", "show_accuracy": "accuracy"}, _FEEDING)
        if named.get("accuracy") and all(metric.name not in ("acc", "accuracy") for metric in self.metrics):
            self.metrics.append(get_metric("acc"))
        return named

    def _check_compiled(self, method: str) -> None:
        if self.optimizer is None:
            text = f"model '{self.name}' is not compiled: call compile(optimizer, loss) before {method}"
            raise told(ValueError(text), "model.uncompiled", model=self.name)
        if self.loss is None:
            text = f"model '{self.name}' has no loss: compile(optimizer, loss='categorical_crossentropy')"
            raise told(ValueError(text), "model.loss", model=self.name)
        if method in ("fit", "train_on_batch") and self.built and not self.trainable_weights:
            raise ValueError(f"model '{self.name}' has no weights that learn: set model.trainable = True, or a layer's")


def _checked_size(batch_size: int | None) -> int:
    return BATCH if batch_size is None else check_count("batch_size", batch_size, 1)


def _flat(metrics: Any) -> list[Any]:
    """A list of metrics, from one, from a dict or from lists within lists, one an output."""
    if isinstance(metrics, Mapping):
        metrics = list(metrics.values())
    if not isinstance(metrics, list | tuple):
        return [] if metrics is None else [metrics]
    return [each for part in metrics for each in _flat(part)]


def _verbosity(verbose: int | str) -> int:
    return 1 if verbose == "auto" else int(verbose)
