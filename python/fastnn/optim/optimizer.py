"""What the optimizers have in common: parameter groups, state, and who owns it."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
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

Params = Iterable[Parameter] | Iterable[dict[str, Any]]
State = dict[str, Any]
Update = tuple[Any, np.ndarray, np.ndarray, list[np.ndarray], State]


def check_number(
    optimizer: str, name: str, value: float, low: float, high: float = math.inf, below: bool = False
) -> None:
    """low <= value <= high (value < high where below), finite; ValueError that names the hyper-parameter otherwise."""
    fits = math.isfinite(value) and low <= value and (value < high if below else value <= high)
    if not fits:
        limit = f"{low:g} <= {name}" + ("" if high == math.inf else f" {'<' if below else '<='} {high:g}")
        raise ValueError(f"{optimizer}: {name} is {value}; it must satisfy {limit}")


class Optimizer:
    """Base of the optimizers. ``step()`` updates every parameter that has a gradient; one of your own has a ``step()``
    that uses ``param_groups`` and ``state``.

    state: per parameter, the running values under PyTorch's names; param_groups: hyper-parameters, a group each, in all
    of them ``maximize``: up the gradient instead of down.

    In SGD, Adam, AdamW and RMSprop running averages end at zero, where PyTorch's go on as subnormal numbers, which cost
    some processors much time: a step makes 0 of an average of gradients or steps below 2^-100 in magnitude (float64:
    2^-996), and of an average of squares below 2^-126 (2^-1022). No step becomes infinite, NaN or 2.5 times as long by
    that.

    Raises:
        ValueError: no parameters, one parameter twice, or a hyper-parameter out of range.
        TypeError: something that is no parameter.
    """

    # Names of the state arrays, in the order in which plans and state dicts keep them.
    slots: tuple[str, ...] = ()

    def __init__(self, params: Params, defaults: dict[str, Any]) -> None:
        self.defaults = defaults
        self.values_of = itemgetter(*(defaults or ("params",)))  # the hyper-parameters of a group
        self.param_groups: list[dict[str, Any]] = []
        self._owner: Owner | None = None
        self._state: dict[Parameter, State] = defaultdict(dict)
        self._settings: dict[Parameter, Any] = {}  # of eager steps: see _settings_at
        if isinstance(params, Tensor):
            raise TypeError("params must be an iterable of parameters, such as model.parameters(), got a single tensor")
        entries = list(params)
        if not entries:
            text = (
                f"{type(self).__name__} got no parameters: pass model.parameters(), "
                f"and make sure that the model's layers are assigned as attributes"
            )
            raise told(ValueError(text), "optimizer.empty")
        for group in entries if isinstance(entries[0], dict) else [{"params": entries}]:
            self.add_param_group(group)

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
        """Takes over what :meth:`state_dict` gave.

        Raises:
            ValueError: other groups, or arrays that do not fit the parameters.
        """
        groups, params = state_dict["param_groups"], list(self._all_params())
        sizes = [len(group["params"]) for group in self.param_groups]
        if [len(group["params"]) for group in groups] != sizes:
            raise ValueError(
                f"the saved optimizer has other parameter groups: {len(groups)} groups, "
                f"this one has {len(sizes)} of {sizes}"
            )
        state = self.state
        state.clear()
        for number, values in state_dict["state"].items():
            param = params[int(number)]
            state[param] = {name: _placed(param, name, value) for name, value in values.items()}
        for own, saved in zip(self.param_groups, groups, strict=True):
            own.update({name: value for name, value in saved.items() if name != "params"})

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
