"""What all layers have: a name, shapes, weights in Keras' order of axes, and the arguments that make them again."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import numpy as np

from fastnn import nn
from fastnn.arrays import is_integer
from fastnn.eager.tensor import Tensor
from fastnn.keras import activations
from fastnn.keras.layers.symbol import Symbol, symbols_in
from fastnn.keras.named import Configured, plain, unique
from fastnn.keras.named import arguments as arguments_of

Shape = tuple[int, ...]
# A weight, whose values are a penalty's to look at, and the penalty.
Penalties = list[tuple[Tensor, tuple[int, ...], Callable[[Tensor], Tensor]]]

_OWN_STEP = "write the training step yourself (fastnn.nn, fastnn.optim), where the loss is what you make of it"


class Layer(Configured):
    """Base of the layers. ``build(shape)`` makes the modules that compute it, once.

    name: its own or ``dense``, ``dense_1``, ...; input_shape: of one sample, for a model's first layer (input_dim: the
    same for one dimension; batch_shape: the same behind None for the batch). trainable: whether fit changes its
    weights. dtype: float32, which all layers compute in. Attributes once built: ``input_shape``, ``output_shape`` with
    None for the batch.

    Raises:
        ValueError: input_shape with a size that is no positive number, or another dtype.
    """

    # Keras' name of each weight, and which axis of our parameter each of its axes is: in the order of ``weights``.
    layout: tuple[tuple[str, tuple[int, ...]], ...] = ()
    former: ClassVar = {"batch_input_shape": "batch_shape"}
    refused: ClassVar = {
        "activity_regularizer": "kernel_regularizer and bias_regularizer are; or " + _OWN_STEP,
        "kernel_constraint": "kernel_regularizer keeps weights small; or " + _OWN_STEP,
        "bias_constraint": "bias_regularizer keeps weights small; or " + _OWN_STEP,
        "W_constraint": "kernel_regularizer keeps weights small; or " + _OWN_STEP,
        "b_constraint": "bias_regularizer keeps weights small; or " + _OWN_STEP,
    }

    def __init__(
        self,
        name: str | None = None,
        input_shape: Any = None,
        input_dim: int | None = None,
        trainable: bool = True,
        dtype: Any = None,
        batch_shape: Any = None,
    ) -> None:
        kind = type(self).__name__
        if batch_shape is not None:
            input_shape = tuple(batch_shape)[1:]
        self.name = unique(kind) if name is None else name
        self.dtype = _checked_dtype(kind, dtype)
        self.given_shape = _checked_shape(kind, (input_dim,) if input_dim is not None else input_shape)
        self.modules: list[nn.Module] = []
        self.input_shape: tuple[int | None, ...] | None = None
        self.output_shape: tuple[int | None, ...] | None = None
        self._trainable = bool(trainable)
        self._output: Symbol | None = None

    @property
    def trainable(self) -> bool:
        """Whether fit changes its weights."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = bool(value)
        self.learn(self._trainable)

    def learn(self, learns: bool) -> None:
        """Whether its modules change their weights in training."""
        for module in self.modules:
            module.requires_grad_(learns)

    @property
    def built(self) -> bool:
        return self.output_shape is not None

    def build(self, shape: Shape) -> Shape:
        """Makes the modules for samples of a shape; the shape that comes out.

        Raises:
            ValueError: it was built for another shape, or cannot take this one.
        """
        if self.built and self.input_shape != (None, *shape):
            raise ValueError(
                f"layer '{self.name}' ({type(self).__name__}) was built for inputs of shape {self.input_shape}, "
                f"got {(None, *shape)}"
            )
        if not self.built:
            out = self.make(shape)
            self.trainable = self._trainable
            self.input_shape, self.output_shape = (None, *shape), (None, *out)
        return self.output_shape[1:]  # type: ignore[index,return-value]

    build_for = build  # as a part of a model

    def make(self, shape: Shape) -> Shape:
        """Fills ``modules``; the shape that comes out."""
        raise NotImplementedError(
            f"{type(self).__name__}: a layer's own build and call are not called here. Lambda(function) "
            "makes a layer of a function; one with weights is a module of fastnn.nn"
        )

    def config(self) -> dict[str, Any]:
        """The arguments that make it again.

        Raises:
            ValueError: it has a function of the user's as activation, initializer or regularizer.
        """
        skipped = ("input_dim", "input_shape", "batch_shape")
        names = [name for name in arguments_of(type(self)) if name not in skipped]
        found = {name: _described(getattr(self, name)) for name in names}
        return found if self.given_shape is None else {**found, "input_shape": list(self.given_shape)}

    @classmethod
    def class_name(cls) -> str:
        """What tables and files call its kind."""
        return cls.__name__

    def get_config(self) -> dict[str, Any]:
        """The same."""
        return self.config()

    @classmethod
    def declared(cls, config: dict[str, Any], shape: Shape) -> tuple[list[Shape], Shape]:
        """The shapes of the weights that a layer of this config has for samples of a shape, and the shape that comes
        out; nothing is made.
        """
        return [], shape

    @property
    def weights(self) -> list[Tensor]:
        """Its parameters, and what else training changes: their axes are in PyTorch's order; get_weights has Keras'."""
        return [weight for module in self.modules for weight in (*module.parameters(), *module.buffers())]

    @property
    def parameters(self) -> list[nn.Parameter]:
        """Those of its weights that an optimizer may change."""
        return learned(self.weights)

    @property
    def trainable_weights(self) -> list[nn.Parameter]:
        """Those that fit changes."""
        return self.parameters if self.trainable else []

    @property
    def non_trainable_weights(self) -> list[Tensor]:
        """Those that it does not."""
        changed = {id(weight) for weight in self.trainable_weights}
        return [weight for weight in self.weights if id(weight) not in changed]

    @property
    def trainable_variables(self) -> list[nn.Parameter]:
        return self.trainable_weights

    @property
    def variables(self) -> list[Tensor]:
        return self.weights

    def penalties(self) -> Penalties:
        """What is added to the loss for its weights: of each, the parameter, its axes in Keras' order, and a function
        of the values.
        """
        named = zip(self.weights, self.layout, strict=False)
        found = [(w, axes, getattr(self, f"{_short(name)}_regularizer", None)) for w, (name, axes) in named]
        return [each for each in found if each[2] is not None]

    @property
    def losses(self) -> list[Tensor]:
        """What its regularizers make of its weights now."""
        return [penalty(weight.permute(*axes)) for weight, axes, penalty in self.penalties()]

    def named_weights(self) -> list[tuple[str, np.ndarray]]:
        """Each weight's name and its values, in Keras' order of axes and the parameter's own memory."""
        values = [weight.detach().numpy() for weight in self.weights]
        known = [(name, array.transpose(axes)) for array, (name, axes) in zip(values, self.layout, strict=False)]
        others = enumerate(values[len(known) :], start=len(known))  # an activation's own
        return [*known, *((f"weight_{number}", array) for number, array in others)]

    def get_weights(self) -> list[np.ndarray]:
        """Copies of its weights, in Keras' order of axes: of Dense, kernel (inputs, units) and bias (units,)."""
        return [np.array(values, order="C") for _, values in self.named_weights()]

    def set_weights(self, weights: list[np.ndarray]) -> None:
        """Takes over what get_weights gives.

        Raises:
            ValueError: another number of arrays, or another shape.
        """
        own = [values for _, values in self.named_weights()]
        if len(weights) != len(own):
            raise ValueError(f"layer '{self.name}' has {len(own)} weights, got {len(weights)} arrays")
        arrays = [np.asarray(values) for values in weights]
        for values, array in zip(own, arrays, strict=True):
            if array.shape != values.shape:
                raise ValueError(
                    f"layer '{self.name}': a weight of shape {values.shape} cannot take one of {array.shape}"
                )
        for values, array in zip(own, arrays, strict=True):
            values[...] = array

    def count_params(self) -> int:
        """How many numbers its weights have."""
        return sum(weight.numel() for weight in self.weights)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """The shape (None, ...) of what comes out for inputs of a shape (None, ...); nothing is made."""
        shape = tuple(input_shape)[1:]
        return (None, *type(self).declared(self.config(), shape)[1])

    @property
    def input(self) -> Symbol:
        """What goes in, as far as it is known: shape, dtype and name."""
        if self._output is not None and len(self._output.parents) == 1:
            return self._output.parents[0]
        return Symbol(self.input_shape, f"{self.name}_input")

    @property
    def output(self) -> Symbol:
        """What comes out; of a layer that a functional model is put together with, for :class:`fastnn.keras.Model`."""
        return self._output or Symbol(self.output_shape, f"{self.name}_output")

    def called_with(self, symbols: list[Symbol]) -> Symbol:
        """What comes out for symbols; the weights are made.

        Raises:
            ValueError: more than one, or a shape that it cannot take.
        """
        if len(symbols) != 1:
            raise ValueError(f"layer '{self.name}' ({type(self).__name__}) takes one input, got {len(symbols)}")
        return self._symbol_of(self.build_for(tuple(symbols[0].shape[1:])), symbols)

    def _symbol_of(self, shape: Shape, parents: list[Symbol]) -> Symbol:
        self._output = Symbol((None, *shape), f"{self.name}_output", self, parents)
        return self._output

    def __call__(self, x: Any, training: bool = False) -> Any:
        """The outputs for a batch; a layer without weights makes them for it. Of what ``Input`` gave, or another layer
        gave for that: what stands for them in a functional model.
        """
        symbols = symbols_in(x)
        if symbols:
            return self.called_with(symbols)
        batch = x if isinstance(x, Tensor) else Tensor(np.asarray(x, dtype=np.float32))
        self.build_for(tuple(batch.shape[1:]))
        for module in self.modules:
            module.train(training)
            batch = module(batch)
            module.train(False)
        return batch

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"


def learned(weights: Iterable[Tensor]) -> list[nn.Parameter]:
    """The parameters among a model's or layer's weights."""
    return [weight for weight in weights if isinstance(weight, nn.Parameter)]


def _short(weight: str) -> str:
    """What the arguments of a weight are named by: of depthwise_kernel, depthwise."""
    return weight.removesuffix("_kernel")


def positive(kind: str, name: str, value: Any) -> int:
    """An integer of at least 1.

    Raises:
        ValueError: something else.
    """
    if not is_integer(value) or value < 1:
        raise ValueError(f"{kind}: {name} is {value!r}; it must be an integer of at least 1")
    return int(value)


def _described(value: Any) -> Any:
    """An argument as JSON has it; an activation by its name."""
    if callable(value) and not isinstance(value, Configured | type):
        return activations.name_in_files(value)
    return plain(value)


def _checked_dtype(kind: str, dtype: Any) -> str:
    name = "float32" if dtype is None else str(getattr(dtype, "name", dtype)).rpartition(".")[2]
    if name != "float32":
        raise ValueError(f"{kind}: dtype is {name}; layers of fastnn.keras compute in float32")
    return name


def _checked_shape(kind: str, shape: Any) -> Shape | None:
    if shape is None:
        return None
    sizes = (shape,) if is_integer(shape) else tuple(shape)
    if not all(is_integer(size) and size > 0 for size in sizes):
        raise ValueError(f"{kind}: input_shape is {shape}; it must be the sizes of one sample, such as (784,)")
    return tuple(int(size) for size in sizes)
