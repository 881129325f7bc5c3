"""Module: layers that hold parameters and other modules. PyTorch's contract."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

import numpy as np

from fastnn.eager import autograd, dtypes
from fastnn.eager.device import destination
from fastnn.eager.legacy import dtype_of
from fastnn.eager.tensor import Tensor
from fastnn.errors import Fault, fault_of, retold, told
from fastnn.nn import hooks
from fastnn.nn.mistakes import refusal, without_init
from fastnn.nn.parameter import CHANGES, Parameter
from fastnn.text import did_you_mean

_REGISTRIES = ("_parameters", "_modules", "_buffers")


class IncompatibleKeys(NamedTuple):
    """What ``load_state_dict(strict=False)`` could not place."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not any(self):
            return "<All keys matched successfully>"
        return f"IncompatibleKeys(missing_keys={self.missing_keys}, unexpected_keys={self.unexpected_keys})"


class Module:
    """Base of all layers and models: assign parameters and modules as attributes, write ``forward``.

    Attributes that are a :class:`Parameter` or a :class:`Module` are registered in the order of their assignment.

    >>> import fastnn
    >>> class Net(fastnn.nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.layer = fastnn.nn.Linear(3, 2)
    ...     def forward(self, x):
    ...         return self.layer(x).relu()
    >>> Net()(fastnn.ones(5, 3)).shape
    torch.Size([5, 2])
    """

    training: bool

    # Fields that no recorded step depends on (engine/dependencies.py): a plan sets or reads them itself.
    unrecorded: ClassVar[frozenset[str]] = frozenset({"training"})

    def __init__(self) -> None:
        fields = self.__dict__
        fields["_parameters"] = {}
        fields["_modules"] = {}
        fields["_buffers"] = {}
        fields["training"] = True

    def __setattr__(self, name: str, value: Any) -> None:
        fields = self.__dict__
        if "_parameters" not in fields and isinstance(value, Parameter | Module):
            kind = type(self).__name__
            text = (
                f"cannot assign {name!r} to a {kind} before super().__init__() was called: "
                f"make that the first line of its __init__"
            )
            raise told(AttributeError(text), "module.init", kind=kind)
        home = "_parameters" if isinstance(value, Parameter) else "_modules" if isinstance(value, Module) else None
        for registry in ("_parameters", "_modules"):
            if registry == home:
                continue
            before = fields.get(registry, {}).get(name)
            if before is not None and home is None and value is not None:
                raise TypeError(
                    f"{name!r} is a {type(before).__name__} of this {type(self).__name__}, "
                    f"it cannot become a {type(value).__name__}: assign one of its kind or None, or delete it first"
                )
            fields.get(registry, {}).pop(name, None)
        if name in fields.get("_buffers", {}) and home is None and not isinstance(value, Tensor | None):
            kind = type(self).__name__
            raise TypeError(f"{name!r} is a buffer of this {kind}, it cannot become a {type(value).__name__}")
        if name not in self.unrecorded:
            CHANGES[0] += 1
        if home is not None:
            fields[home][name] = value
            fields.get("_buffers", {}).pop(name, None)
        elif name in fields.get("_buffers", {}):
            fields["_buffers"][name] = value
        fields[name] = value

    if not TYPE_CHECKING:  # which would take any name for one that a module has

        def __getattr__(self, name: str) -> Any:
            if name in _REGISTRIES:
                raise without_init(type(self).__name__)
            text = f"{type(self).__name__!r} object has no attribute {name!r}"
            if name.startswith("register_"):
                text += ": hooks hear of forward() alone; after backward() a parameter's gradient is in .grad"
            elif name == "predict_proba" and hasattr(type(self), "predict"):
                text += ": predict() gives it"
            raise AttributeError(text, name=name, obj=self)

    def __delattr__(self, name: str) -> None:
        for registry in _REGISTRIES:
            self.__dict__[registry].pop(name, None)
        CHANGES[0] += 1
        super().__delattr__(name)

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """The attribute of that name becomes the parameter; None keeps the name."""
        setattr(self, name, param)

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """A tensor that belongs to the state but is not learned; not persistent: not of ``state_dict()`` either. None
        keeps the name.

        Raises:
            AttributeError: before ``super().__init__()``.
            KeyError: a name with a dot, an empty one, or one that something else has.
            TypeError: no tensor.
        """
        kind = type(self).__name__
        if "_buffers" not in self.__dict__:
            raise AttributeError(f"a {kind} registers buffers behind super().__init__(): make that its first line")
        if not isinstance(tensor, Tensor | None):
            raise TypeError(f"buffer {name!r} of a {kind} must be a tensor or None, got {type(tensor).__name__}")
        if not name or "." in name:
            raise KeyError(f"a buffer's name must not be empty or have a dot, got {name!r}")
        if name not in self._buffers and getattr(self, name, None) is not None:
            raise KeyError(f"this {kind} has {name!r} already: give the buffer another name")
        CHANGES[0] += 1
        self._buffers[name] = tensor
        self.__dict__[name] = tensor
        if persistent == (name in self._transient):
            others = tuple(other for other in self._transient if other != name)
            self.__dict__["_transient"] = others if persistent else (*others, name)

    def add_module(self, name: str, module: Module) -> None:
        """The attribute of that name becomes the module."""
        setattr(self, name, module)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What it computes: to be overridden."""
        kind = type(self).__name__
        meant = did_you_mean("forward", vars(type(self)))
        error = NotImplementedError(f"{kind} has no forward(): define what it computes{meant}")
        raise told(error, "module.forward", kind=kind)

    # Names of the buffers that are not persistent.
    _transient: ClassVar[tuple[str, ...]] = ()

    # Lists of hooks; a module that has some has its own.
    _hooks: ClassVar[Any] = ()
    _pre_hooks: ClassVar[Any] = ()

    def register_forward_hook(self, hook: hooks.Hook, *, prepend: bool = False) -> hooks.RemovableHandle:
        """``hook(module, inputs, output)`` is called after each forward; what it gives, if not None, is the output.

        A model with hooks is not compiled: it trains with ``engine="eager"``.
        """
        return hooks.registered(self, "_hooks", hook, prepend)

    def register_forward_pre_hook(self, hook: hooks.Hook, *, prepend: bool = False) -> hooks.RemovableHandle:
        """``hook(module, inputs)`` is called before each forward; what it gives, if not None, are the inputs."""
        return hooks.registered(self, "_pre_hooks", hook, prepend)

    def __call__(self, *args: Any, **kwargs: Any) -> Tensor:
        try:
            if self._hooks or self._pre_hooks:
                return hooks.with_hooks(self, args, kwargs)
            return self.forward(*args, **kwargs) if kwargs else self.forward(*args)
        except (ValueError, TypeError, AttributeError) as error:
            if not _is_ours(error):
                _say_arrays(error, self, (*args, *kwargs.values()))
            if type(error) is ValueError or _is_ours(error):
                _say_where(error, self, args)
            raise

    def _advice(self, fault: Fault | None, inputs: tuple[Any, ...]) -> str:
        """What to add to the words of an error in its forward of inputs: what would fit, where that is known."""
        return ""

    # -- what it holds -----------------------------------------------------------------------------------------------

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The modules that it holds itself, with their names."""
        yield from self._modules.items()

    def children(self) -> Iterator[Module]:
        """The modules that it holds itself."""
        yield from self._modules.values()

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """This module and all below it, each once."""
        seen: set[int] = set()
        stack: list[tuple[str, Module]] = [(prefix, self)]
        while stack:
            name, module = stack.pop()
            if id(module) in seen:
                continue
            seen.add(id(module))
            yield name, module
            stack.extend((_join(name, child), value) for child, value in reversed(module._modules.items()))

    def modules(self) -> Iterator[Module]:
        """:meth:`named_modules` without names, which cost more than the walk."""
        seen: set[int] = set()
        stack: list[Module] = [self]
        while stack:
            module = stack.pop()
            if id(module) not in seen:
                seen.add(id(module))
                yield module
                stack.extend(reversed(module._modules.values()))

    def named_parameters(self, prefix: str = "", recurse: bool = True) -> Iterator[tuple[str, Parameter]]:
        """Each parameter once, with its dotted name."""
        seen: set[int] = set()
        for path, module in self.named_modules(prefix) if recurse else [(prefix, self)]:
            for name, parameter in module._parameters.items():
                if id(parameter) not in seen:
                    seen.add(id(parameter))
                    yield _join(path, name), parameter

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """All parameters, each once; recurse=False: its own."""
        seen: set[int] = set()
        for module in self.modules() if recurse else [self]:
            for parameter in module._parameters.values():
                if id(parameter) not in seen:
                    seen.add(id(parameter))
                    yield parameter

    def named_buffers(self, prefix: str = "", recurse: bool = True) -> Iterator[tuple[str, Tensor]]:
        """Each buffer once, with its dotted name."""
        seen: set[int] = set()
        for path, module in self.named_modules(prefix) if recurse else [(prefix, self)]:
            for name, buffer in module._buffers.items():
                if buffer is not None and id(buffer) not in seen:
                    seen.add(id(buffer))
                    yield _join(path, name), buffer

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """All buffers, each once; recurse=False: its own."""
        for _, buffer in self.named_buffers(recurse=recurse):
            yield buffer

    def get_submodule(self, target: str) -> Module:
        """The module at a dotted path; this one at the empty path.

        Raises:
            AttributeError: there is none.
        """
        for path, module in self.named_modules():
            if path == target:
                return module
        raise AttributeError(f"{type(self).__name__} has no module {target!r}")

    def get_parameter(self, target: str) -> Parameter:
        """The parameter at a dotted path.

        Raises:
            AttributeError: there is none.
        """
        return self._held("_parameters", target)

    def get_buffer(self, target: str) -> Tensor:
        """The buffer at a dotted path.

        Raises:
            AttributeError: there is none.
        """
        return self._held("_buffers", target)

    def _held(self, registry: str, target: str) -> Any:
        path, _, name = target.rpartition(".")
        found = self.get_submodule(path).__dict__[registry].get(name)
        if found is None:
            raise AttributeError(f"{type(self).__name__} has no {registry[1:-1]} {target!r}")
        return found

    # -- state -------------------------------------------------------------------------------------------------------

    def _named_state(self, persistent: bool = True) -> Iterator[tuple[str, Tensor]]:
        """Parameters and buffers module by module, under every name they have; persistent: of the buffers only those
        that are.
        """
        stack: list[tuple[str, Module]] = [("", self)]
        while stack:
            path, module = stack.pop()
            for registry in (module._parameters, module._buffers):
                for name, tensor in registry.items():
                    if tensor is not None and not (persistent and name in module._transient):
                        yield _join(path, name), tensor
            stack.extend((_join(path, child), value) for child, value in reversed(module._modules.items()))

    def state_dict(self) -> OrderedDict[str, Tensor]:
        """All parameters and buffers by dotted name, detached; they share memory with the module."""
        return OrderedDict((name, tensor.detach()) for name, tensor in self._named_state())

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> IncompatibleKeys:
        """Copies values in by name.

        Raises:
            RuntimeError: a shape differs, or (strict) a name is missing or unexpected: all of them are named, nothing
            is changed.
            TypeError: no state, or a checkpoint that has one.
        """
        return self._loading(state_dict, strict)()

    def _loading(self, state_dict: Mapping[str, Any], strict: bool = True) -> Callable[[], IncompatibleKeys]:
        """:meth:`load_state_dict` in two steps: everything is checked here, what it gives copies the values in."""
        if not isinstance(state_dict, Mapping):
            raise _no_state(state_dict)
        own = dict(self._named_state())
        for name, value in state_dict.items():
            if isinstance(value, Mapping) and own.keys() & value.keys():
                raise TypeError(f"load_state_dict takes a state, which is inside this one: give checkpoint[{name!r}]")
        arrays = {name: _array_of(name, value, own.get(name)) for name, value in state_dict.items()}
        missing = [name for name in own if name not in arrays]
        unexpected = [name for name in arrays if name not in own]
        sizes = [
            f"'{name}' has shape {arrays[name].shape} in the state, the model wants {tuple(tensor.shape)}"
            for name, tensor in own.items()
            if name in arrays and arrays[name].shape != tuple(tensor.shape)
        ]
        listed = {"missing": missing, "unexpected": unexpected} if strict else {}
        problems = [f"{what} {', '.join(map(repr, names))}" for what, names in listed.items() if names] + sizes
        if problems:
            hint = ", or pass strict=False to load only the names that match" if strict else ""
            model, names = type(self).__name__, [*missing, *unexpected] if strict else []
            names += [name for name in own if name in arrays and arrays[name].shape != tuple(own[name].shape)]
            found = f"{'; '.join(problems)}. Build the model with the sizes it was saved with{hint}"
            error = RuntimeError(f"this state does not fit {model}: {found}")
            raise told(error, "state.differs", model=model, names=", ".join(map(repr, names)))

        def copy_in() -> IncompatibleKeys:
            for name, tensor in own.items():
                if name in arrays:
                    tensor._data[...] = arrays[name]
                    autograd.mark_changed(tensor)
            return IncompatibleKeys(missing, unexpected)

        return copy_in

    # -- modes -------------------------------------------------------------------------------------------------------

    def train(self, mode: bool = True) -> Self:
        """Training mode: dropout is active."""
        for module in self.modules():
            module.__dict__["training"] = bool(mode)
        return self

    def eval(self) -> Self:
        """Evaluation mode: dropout does nothing."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Has all parameters learn, or not; returns itself."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forgets the gradients of all parameters."""
        for parameter in self.parameters():
            parameter.grad = None

    def apply(self, function: Callable[[Module], None]) -> Self:
        """Calls function with every module within, then with itself; returns itself."""
        for module in self.children():
            module.apply(function)
        function(self)
        return self

    def to(
        self,
        target: Any = None,
        second: Any = None,
        non_blocking: bool = False,
        *,
        dtype: Any = None,
        device: Any = None,
    ) -> Self:
        """Another floating dtype (float32, float64) or device (only 'cpu' without the CUDA backend).

        Raises:
            TypeError: a dtype that is not floating, or that fastnn does not compute in.
        """
        kind = destination(target, second, dtype, device)
        if kind is not None:
            if kind.kind != "f":
                raise TypeError(f"a module is cast to a floating dtype, float32 or float64, not to {kind}")
            floating = (tensor for _, tensor in self._named_state(False) if tensor.dtype.is_floating_point)
            for tensor in floating:
                tensor._data = _cast_keeping_layout(tensor._data, kind)
        return self

    def float(self) -> Self:
        """Parameters and buffers as float32."""
        return self.to(dtypes.float32)

    def double(self) -> Self:
        """Parameters and buffers as float64."""
        return self.to(dtypes.float64)

    def half(self) -> Self:
        """Refused.

        Raises:
            TypeError: always.
        """
        return self._refused_half("half()", "float16")

    def bfloat16(self) -> Self:
        """Refused.

        Raises:
            TypeError: always.
        """
        return self._refused_half("bfloat16()", "bfloat16")

    def _refused_half(self, call: str, kind: str) -> Self:
        raise TypeError(
            f"{type(self).__name__}.{call}: fastnn computes in float32 and float64, not in {kind}, which saves no time "
            f"on CPUs: leave the call out"
        )

    def type(self, dst_type: Any) -> Self:
        """As :meth:`to` that dtype, or that of a tensor type (FloatTensor)."""
        return self.to(dtype=dtype_of(dst_type))

    def cpu(self) -> Self:
        """Itself."""
        return self

    def cuda(self, device: Any = None) -> Self:
        """Refused: there is no GPU. RuntimeError."""
        return self.to(device="cuda")

    def multiply_adds(self, output_shape: tuple[int, ...]) -> int:
        """How many multiply-adds give an output of a shape; those of modules within are their own."""
        return 0

    # -- text --------------------------------------------------------------------------------------------------------

    def extra_repr(self) -> str:
        """What stands in the parentheses of a layer without children."""
        return ""

    def _shown_modules(self) -> Iterator[tuple[str, str]]:
        """Name and text of each module within."""
        for name, module in self._modules.items():
            yield name, repr(module)

    def __repr__(self) -> str:
        extra = self.extra_repr()
        if not self._modules:
            return f"{type(self).__name__}({extra})"
        lines = [extra] if extra else []
        lines += [f"({name}): " + text.replace("\n", "\n  ") for name, text in self._shown_modules()]
        return f"{type(self).__name__}(\n  " + "\n  ".join(lines) + "\n)"

    def _repr_html_(self) -> str | None:
        """For a notebook's cell: each layer and its parameters; None where a class has its own text."""
        if type(self).__repr__ is not Module.__repr__:
            return None
        from fastnn.nn.shown import cell

        return cell(self)


class Failure:
    """Where an op's error comes from: the innermost module, the one around it that it passed last, the path so far."""

    def __init__(self, innermost: Module, text: str) -> None:
        self.innermost = innermost
        self.passed = innermost
        self.text = text
        self.path = ""


def failure_of(error: BaseException) -> Failure | None:
    """What is known of an error that passed modules."""
    return getattr(error, "_fastnn_failure", None)


def _is_ours(error: BaseException) -> bool:
    """Whether an error is of an array that an op refused, not of Python code."""
    return type(error) in (TypeError, ValueError) and (fault_of(error) is not None or str(error).startswith("["))


def _say_where(error: BaseException, module: Module, inputs: tuple[Any, ...]) -> None:
    """Puts the path of the innermost module that failed into an error's message, as it passes the modules around it:
    ``layer 'features.0' Linear(784 -> 10): ...``.
    """
    failure = failure_of(error)
    if failure is None:
        advice = module._advice(fault_of(error), inputs) or _advice_of_dtypes(error, module, inputs)
        if advice:
            error.args = (f"{error}; {advice}",)
        error._fastnn_failure = Failure(module, str(error))  # type: ignore[attr-defined]
        return
    name = next((name for name, child in module.named_modules() if child is failure.passed and name), None)
    if name is not None:  # in lists too, which are not called themselves
        failure.passed, failure.path = module, f"{name}.{failure.path}".rstrip(".")
        layer = failure.innermost
        shown = type(layer).__name__ if layer._modules else repr(layer)
        error.args = (f"layer '{failure.path}' {shown}: {failure.text}",)
        retold(error, fault_of(error), layer=failure.path)


def _advice_of_dtypes(error: BaseException, module: Module, inputs: tuple[Any, ...]) -> str:
    """What to do where an op refused types: those of the input and of the module's parameters, if they differ."""
    given = {value.dtype for value in inputs if isinstance(value, Tensor)}
    own = {parameter.dtype for parameter in module._parameters.values() if parameter is not None}
    if not isinstance(error, TypeError) or len(given) != 1 or len(own) != 1 or given == own:
        return ""
    theirs, ours = (str(*kinds).removeprefix("torch.") for kinds in (given, own))
    call, other = ("float", "double") if ours == "float32" else ("double", "float")
    told(error, "input.dtype", given=theirs, kind=type(module).__name__, own=ours, call=call)
    how = f"x.{call}()" + (f", or model.{other}()" if theirs.startswith("float") else "")
    return f"the input is {theirs}, the {type(module).__name__} {ours}: {how}"


def _say_arrays(error: BaseException, module: Module, inputs: tuple[Any, ...]) -> None:
    """Says of an error of Python code that an input is no tensor but an array, a list or the like. A layer of ours
    refuses it; a module of the user's may take such, so that its error gets a note. An error that passed other modules
    is theirs.

    Raises:
        TypeError: the layer's.
    """
    if failure_of(error) is not None or hasattr(error, "__notes__"):
        return
    ours = type(module).__module__.startswith("fastnn.")
    refused = refusal(type(module).__name__, _meant_for_tensors(module, inputs, ours))
    if refused is None:
        return
    if ours:
        _say_where(refused, module, inputs)
        raise refused from error
    error.add_note(str(refused))
    retold(error, fault_of(refused))


def _meant_for_tensors(module: Module, inputs: tuple[Any, ...], ours: bool) -> tuple[Any, ...]:
    """Those of a module's inputs in whose place tensors are: of our layers and losses all that are no settings."""
    if not ours or module._modules:
        return tuple(value for value in inputs if isinstance(value, np.ndarray | list) or hasattr(value, "getbands"))
    if hasattr(module, "reduction"):
        return inputs
    return inputs[:1] + tuple(value for value in inputs[1:] if not isinstance(value, tuple | int | float | str))


def _join(prefix: str, name: str) -> str:
    return f"{prefix}.{name}" if prefix else name


def _no_state(given: Any) -> TypeError:
    """What was given to load_state_dict in the place of a state."""
    text = "load_state_dict takes a state, tensors by their names,"
    if isinstance(given, str | bytes | PathLike):
        error = TypeError(f"{text} not its file: load_state_dict(fastnn.load({given!r}))")
        return told(error, "state.path", path=repr(given))
    how = ": give its state_dict()" if isinstance(given, Module) else ""
    kind = type(given).__name__
    return told(TypeError(f"{text} not a {kind}{how}"), "state.kind", got=kind)


def _array_of(name: str, value: Any, own: Tensor | None) -> np.ndarray:
    """The array of a state's entry. Files of many programs have (1,) where a tensor has no dimensions: it is taken."""
    array = value._data if isinstance(value, Tensor) else np.asarray(value)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"state_dict entry '{name}' is a {type(value).__name__}, not a tensor or array")
    single = own is not None and own.dim() == 0 and array.shape == (1,)
    return array.reshape(()) if single else array


def _cast_keeping_layout(data: np.ndarray, kind: np.dtype) -> np.ndarray:
    return data.astype(kind, order="K", copy=False)
