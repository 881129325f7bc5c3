"""What the optimizers have in common: parameter groups, state, and who owns it."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from operator import itemgetter
from typing import Any

import numpy as np

from fastnn import _core
from fastnn.eager import evidence
from fastnn.eager.autograd import enable_grad, mark_changed
from fastnn.eager.support import wrap
from fastnn.eager.tensor import Tensor
from fastnn.errors import told
from fastnn.nn.parameter import Owner, Parameter

__all__ = ["Optimizer"]

Params = Iterable[Tensor] | Iterable[dict[str, Any]]
State = dict[str, Any]
# A count of steps that a file may state: at half a microsecond each (the smallest networks), six days.
MOST_STEPS = 2**40
# PyTorch's options of how a step is computed, and those that make another update, where they are on.
_WITHOUT_EFFECT = ("foreach", "fused", "capturable")
_CHANGE_THE_UPDATE = ("amsgrad", "centered", "maximize")
# State that a step makes where there is none: of a momentum that was zero so far.
_BEGIN_AT_ZERO = ("momentum_buffer",)

Update = tuple[Any, np.ndarray, np.ndarray, list[np.ndarray], State]


def check_number(
    optimizer: str, name: str, value: float, low: float, high: float = math.inf, below: bool = False
) -> None:
    """low <= value <= high (value < high where below), finite; ValueError that names the hyper-parameter otherwise."""
    if isinstance(value, str):
        text = f"{optimizer}: {name} must be a number, got {value!r}"
        raise told(TypeError(text), "number.kind", name=name, got=repr(value))
    fits = math.isfinite(value) and low <= value and (value < high if below else value <= high)
    if not fits:
        limit = f"{low:g} <= {name}" + ("" if high == math.inf else f" {'<' if below else '<='} {high:g}")
        raise ValueError(f"{optimizer}: {name} is {value}; it must satisfy {limit}")


def _check_options(kind: type[Optimizer], options: Mapping[str, Any]) -> None:
    """Refuses options that would change a step, and those that PyTorch's constructor has not either."""
    for name, value in options.items():
        if name in kind.other_updates and value:
            raise ValueError(
                f"{kind.__name__}: {name}={value} makes another update, which fastnn has not: leave it out"
            )
        if name not in (*kind.other_updates, *_WITHOUT_EFFECT):
            meant = "lr" if name in ("learning_rate", "rate") else None
            text = f"{kind.__name__}.__init__() got an unexpected keyword argument {name!r}"
            error = TypeError(text + (f"; did you mean {meant!r}?" if meant else ""))
            raise told(error, "argument.unknown", name=name, meant=meant)


class Optimizer:
    """Base of the optimizers. ``step()`` updates every parameter that has a gradient; one of your own has a ``step()``
    that uses ``param_groups`` and ``state``.

    state: per parameter, the running values under PyTorch's names; param_groups: hyper-parameters, a group each, in all
    of them ``maximize``: up the gradient instead of down.

    In SGD, Adam, AdamW and RMSprop running averages end at zero, where PyTorch's go on as subnormal numbers, which cost
    some processors much time: a step makes 0 of an average of gradients or steps below 2^-100 in magnitude (float64:
    2^-996), and of an average of squares below 2^-126 (2^-1022). No step becomes infinite, NaN or 2.5 times as long by
    that.

    options: PyTorch's foreach, fused and capturable, which change nothing here, and those of other updates (amsgrad,
    centered, differentiable), which must be off.

    Raises:
        ValueError: no parameters, one parameter twice, a hyper-parameter out of range, or an option of another update.
        TypeError: something that is no parameter, or no option.

    >>> import fastnn
    >>> w = fastnn.nn.Parameter(fastnn.ones(1))
    >>> optimizer = fastnn.optim.SGD([w], lr=0.1)
    >>> (w * 2).backward()
    >>> optimizer.step()
    >>> w.item()
    0.800000011920929
    """

    # Names of the state arrays, in the order in which plans and state dicts keep them.
    slots: tuple[str, ...] = ()

    # PyTorch's options of updates that are not here.
    other_updates: tuple[str, ...] = ("differentiable",)

    # Whether a state dict has "step"; PyTorch's of SGD has not.
    counts_steps = True

    def __init__(self, params: Params, defaults: dict[str, Any], **options: Any) -> None:
        _check_options(type(self), options)
        self.defaults = defaults
        self.values_of = itemgetter(*(defaults or ("params",)))  # the hyper-parameters of a group
        self.param_groups: list[dict[str, Any]] = []
        self._owner: Owner | None = None
        self._state: dict[Parameter, State] = defaultdict(dict)
        self._settings: dict[Parameter, Any] = {}  # of eager steps: see _settings_at
        entries = list(params) if isinstance(params, Iterable) and not isinstance(params, Tensor) else None
        if entries is None or hasattr(next(iter(entries), None), "parameters"):  # a model, or its layers
            raise self._no_parameters(params if entries is None or hasattr(params, "parameters") else entries[0])
        if not entries:
            text = (
                f"{type(self).__name__} got no parameters: pass model.parameters(), "
                f"and make sure that the model's layers are assigned as attributes"
            )
            raise told(ValueError(text), "optimizer.empty")
        for group in entries if isinstance(entries[0], dict) else [{"params": entries}]:
            self.add_param_group(group)

    def _no_parameters(self, given: Any) -> TypeError:
        """What was given in the place of parameters: a tensor, a model, or a method that was not called."""
        text = f"{type(self).__name__} takes parameters, such as model.parameters(), got"
        if isinstance(given, Tensor):
            return told(TypeError(f"{text} a single tensor: put it into a list"), "optimizer.tensor")
        if not hasattr(given, "parameters"):
            return told(TypeError(f"{text} a function: call it, with ()"), "optimizer.function")
        kind = given.__name__ if isinstance(given, type) else type(given).__name__
        return told(TypeError(f"{text} the model itself, {kind}"), "optimizer.model", got=kind)

    def add_param_group(self, group: dict[str, Any]) -> None:
        """Parameters with their own hyper-parameters: ``{"params": [...], "lr": 0.1}``."""
        params = [group["params"]] if isinstance(group["params"], Tensor) else list(group["params"])
        known = {id(p) for g in self.param_groups for p in g["params"]}
        for param in params:
            if not isinstance(param, Tensor):
                raise TypeError(f"{type(self).__name__} can only optimise tensors, got a {type(param).__name__}")
            if id(param) in known:
                raise ValueError("some parameters appear in more than one parameter group, or twice in one")
            if param._node is not None:
                raise ValueError("can only optimise leaf tensors: this one was computed from others")
            known.add(id(param))
        _check_options(type(self), {name: group[name] for name in self.other_updates if name in group})
        full = {**self.defaults, **group, "params": params}
        self.check_group(full)
        self.param_groups.append(full)

    def check_group(self, group: dict[str, Any]) -> None:
        """Refuses hyper-parameters out of range."""

    @property
    def state(self) -> dict[Parameter, State]:
        """The running values; taken back from a compiled plan that holds them."""
        if self._owner is not None:
            self._owner.release()
        return self._state

    def fresh_state(self, param: Parameter, group: dict[str, Any]) -> State:
        """The running values of one parameter before its first step, in its memory layout."""
        return {"step": 0, **{name: np.zeros_like(param._data) for name in self.active_slots(group)}}

    def active_slots(self, group: dict[str, Any]) -> tuple[str, ...]:
        """The state arrays that a group with these hyper-parameters keeps."""
        return self.slots

    def state_of(self, param: Parameter, group: dict[str, Any]) -> State:
        """The running values of one parameter, made where there are none yet."""
        state = self.state
        if not state.get(param):
            state[param] = self.fresh_state(param, group)
        return state[param]

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forgets all gradients. Without it they add up over calls of ``backward()``."""
        for group in self.param_groups:
            for param in group["params"]:
                param.grad = None

    def step(self, closure: Any = None) -> Tensor | None:
        """One update of every parameter that has a gradient: of all, with their states, or of none where it fails or is
        interrupted.

        closure: computes gradients and returns the loss, which is given back.

        Raises:
            NotImplementedError: there is none.
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        states, updates = self.state, {}
        for group in self.param_groups:
            updates.update(self._updates_of(group, states))
        for param in updates:
            mark_changed(param)  # now: an interrupt may come right behind the call
        if updates:
            self._apply(list(updates.values()))
        for param in updates:
            evidence.gradient_used(param)
        return loss

    def _apply(self, updates: list[Any]) -> None:
        """Takes over what :meth:`_updates_of` gave: in one call, which nothing can interrupt."""
        _core.update(updates)

    def _updates_of(self, group: dict[str, Any], states: dict[Parameter, State]) -> dict[Parameter, Update]:
        """What the core needs to update a group's parameters: settings, values, gradient and state of each."""
        if type(self).new_settings is Optimizer.new_settings:
            raise NotImplementedError(
                f"{type(self).__name__} has no step(): one of your own updates param_groups there"
            )
        slots, up, updates = self.active_slots(group), group.get("maximize"), {}
        settings: dict[int, Any] = {}  # by the number of the step: most often one for all
        for param in group["params"]:
            if param.grad is None:
                continue
            data, state = param._data, states.get(param) or self.state_of(param, group)
            for name in slots:
                if name not in state:  # of a momentum that was zero so far
                    state[name] = np.zeros_like(data)
            step = state["step"] + 1
            if step not in settings:
                settings[step] = self._settings_at(step, param, group)
            grad = -param.grad._data if up else param.grad._data
            updates[param] = settings[step], data, grad, [state[name] for name in slots], state
        return updates

    def _settings_at(self, step: int, param: Parameter, group: dict[str, Any]) -> Any:
        """The core's settings for a step of param, and of those after it in its group that are at the same step."""
        settings = self._settings.get(param)
        if settings is None:
            settings = self._settings[param] = self.new_settings()
        self.configure(settings, group)
        settings.set_step(step)
        return settings

    def new_settings(self) -> Any:
        """The compiled core's settings: hyper-parameters and the number of the step."""
        raise NotImplementedError

    def configure(self, settings: Any, group: dict[str, Any]) -> None:
        """Puts a group's hyper-parameters, which a schedule may have changed, into settings."""
        raise NotImplementedError

    def state_dict(self) -> dict[str, Any]:
        """State and groups with parameters as numbers in order, PyTorch's form."""
        number = {id(p): i for i, p in enumerate(self._all_params())}
        state = {
            number[id(param)]: {
                name: wrap(value) if isinstance(value, np.ndarray) else value for name, value in values.items()
            }
            for param, values in self.state.items()
        }
        groups = [{**group, "params": [number[id(p)] for p in group["params"]]} for group in self.param_groups]
        return {"state": state, "param_groups": groups}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Takes over what :meth:`state_dict` gave, here or in PyTorch. Nothing is changed where it does not fit.

        Raises:
            ValueError: other groups, hyper-parameters that this optimizer has not, arrays that do not fit parameters
                or are missing, a step that is no count.
        """
        self._loading(state_dict)()

    def _loading(self, state_dict: Mapping[str, Any]) -> Callable[[], None]:
        """:meth:`load_state_dict` in two steps: everything is checked here, what it gives takes the values over."""
        groups = [_plain_numbers(group) for group in state_dict["param_groups"]]
        sizes = [len(group["params"]) for group in self.param_groups]
        if [len(group["params"]) for group in groups] != sizes:
            raise ValueError(
                f"the saved optimizer has other parameter groups: {len(groups)} groups, "
                f"this one has {len(sizes)} of {sizes}"
            )
        merged = [
            {**own, **saved, "params": own["params"]} for own, saved in zip(self.param_groups, groups, strict=True)
        ]
        places = {}  # of each saved number, as text: the parameter and its group
        for group, saved in zip(merged, groups, strict=True):
            self._check_loaded(group, saved)
            pairs = zip(saved["params"], group["params"], strict=True)
            places |= {str(number): (param, group) for number, param in pairs}
        loaded = {}
        for number, values in state_dict["state"].items():
            if str(number) not in places:
                raise ValueError(f"the saved optimizer has the state of a parameter {number}, which no group has")
            param, group = places[str(number)]
            if state := self._loaded_state(param, group, values):
                loaded[param] = state

        def take_over() -> None:
            state = self.state
            state.clear()
            state.update(loaded)
            for own, group in zip(self.param_groups, merged, strict=True):
                own.update(group)

        return take_over

    def _check_loaded(self, group: dict[str, Any], saved: dict[str, Any]) -> None:
        """Refuses the hyper-parameters of a loaded group that are out of range or would have no effect here."""
        kind = type(self).__name__
        for name in _CHANGE_THE_UPDATE:
            if saved.get(name) and name not in self.defaults:
                raise ValueError(f"the saved optimizer has {name}, which fastnn's {kind} has not")
        decoupled, name = getattr(self, "decoupled", False), "decoupled_weight_decay"
        if name not in self.defaults and saved.get(name, decoupled) != decoupled:
            raise ValueError(f"the saved optimizer decays weights in another way than {kind}: one is Adam, one AdamW")
        try:
            self.check_group(group)
        except (TypeError, OverflowError) as error:
            raise ValueError(f"the saved optimizer's hyper-parameters are no numbers for {kind}: {error}") from error

    def _loaded_state(self, param: Parameter, group: dict[str, Any], values: Mapping[str, Any]) -> State:
        """The state of a parameter in PyTorch's form or ours; empty where it has made no step."""
        if not self.slots and type(self).step is not Optimizer.step:  # one of a user's own, with any state
            return deepcopy(dict(values))
        found = {name: value for name, value in values.items() if value is not None}
        if found and not self.counts_steps:
            found.setdefault("step", 1)  # all that counts is whether there was a first one
        required = [name for name in self.active_slots(group) if name not in _BEGIN_AT_ZERO]
        missing = [name for name in ("step", *required) if name not in found]
        if found and missing:
            raise ValueError(
                f"the saved optimizer's state of a parameter lacks {', '.join(missing)}; it has {[*found]}"
            )
        return {
            name: _step_count(value) if name == "step" else _placed(param, name, value) for name, value in found.items()
        }

    def _all_params(self) -> Iterable[Parameter]:
        return (param for group in self.param_groups for param in group["params"])

    def __getstate__(self) -> dict[str, Any]:
        """For pickle and copy: without a plan that holds the state, and what only belongs to this process."""
        return {**self.__dict__, "_state": self.state, "_owner": None, "_settings": {}}

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for number, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {number}")
            lines += [f"    {name}: {group[name]}" for name in sorted(group) if name != "params"]
        return "\n".join([*lines, ")"])


def _plain_numbers(group: Mapping[str, Any]) -> dict[str, Any]:
    """A saved group, with a rate that PyTorch keeps as a tensor as a number."""
    return {name: value.item() if isinstance(value, Tensor) else value for name, value in group.items()}


def _step_count(value: Any) -> int:
    """How many steps were made, as a number, or as the tensor that PyTorch has."""
    array = value._data if isinstance(value, Tensor) else value
    number = array.item() if isinstance(array, np.ndarray | np.generic) and array.size == 1 else value
    if isinstance(number, int | float) and 0 <= number <= MOST_STEPS and number == int(number):
        return int(number)
    raise ValueError(f"the saved optimizer's step is {str(value)[:60]}; it must be a count from 0 to 2**40")


def _placed(param: Parameter, name: str, value: Any) -> Any:
    """A loaded value: arrays are copied into the parameter's layout, PyTorch's tensor of a step is made a number."""
    array = value._data if isinstance(value, Tensor) else value
    if not isinstance(array, np.ndarray):
        return value
    if name in ("step", "mu_product"):
        return int(array) if name == "step" else float(array)
    if array.shape != param._data.shape:
        raise ValueError(f"the saved optimizer's {name} has shape {array.shape}, its parameter has {param._data.shape}")
    out = np.empty_like(param._data)
    out[...] = array
    return out
