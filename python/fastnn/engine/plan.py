"""Plans: a training or evaluation step recorded once, then run by the compiled executor.

A :class:`Plan` runs the eager forward (and backward) once for a batch shape, records the primitive ops (recording.py),
joins neighbours (fusion.py) and lowers the list to instructions of ``cpp/plan`` (lowering.py). The executor runs the
same op bodies as eager code, so its result is eager's bit for bit.

Between steps the parameters and the optimizer's state live in the plan's packed memory. Any use of a parameter or of
``optimizer.state`` from Python takes them back first; the next step packs them again. ``.grad`` is None after a step.
A plan whose model, criterion or optimizer has changed since (a layer or parameter replaced, a hook, another number or
flag in a field or in a list or object there, momentum switched on or off) begins anew; arrays that ``forward`` reads
are read in each step. Code that draws numbers or changes its own fields has no plan (repeatable.py); what else it reads
(globals, closures) is frozen at recording.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from math import isfinite
from types import NoneType
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn import _core
from fastnn.arrays import has_dense_rows, rows_layout
from fastnn.eager.autograd import is_grad_enabled, mark_changed, no_grad
from fastnn.eager.memory import owner_of
from fastnn.eager.tensor import Tensor
from fastnn.engine.dependencies import Dependencies, contents, dependencies_of, held_by, is_known, objects_held
from fastnn.engine.executor import FACTS, CompiledExecutor, Executor
from fastnn.engine.fusion import drop_unused, fuse_linear_relu, split_gradients
from fastnn.engine.lowering import Constant, Lowering, ModuleState, ParameterSlot
from fastnn.engine.program import MISSING, Memory, Program
from fastnn.engine.recording import EAGERLY, Record, Recorder, RecordingError, one_at_a_time
from fastnn.engine.repeatable import repeatable
from fastnn.errors import told
from fastnn.nn.contexts import modes
from fastnn.nn.dropout import Dropout
from fastnn.nn.module import Module
from fastnn.nn.parameter import CHANGES, Parameter
from fastnn.optim.optimizer import Optimizer

if TYPE_CHECKING:
    from fastnn.engine.profile import Profile

__all__ = ["Plan", "Program", "RecordingError", "compile"]

Criterion = Callable[[Tensor, Tensor], Tensor]
Key = tuple[Any, ...]
Part = tuple[Program, _core.Source, np.ndarray]  # what is run on which batches, and where the losses go

# Seconds after which a run comes back, so that Ctrl-C is heard.
_INTERRUPTIBLE = 0.05


class _Update:
    """One parameter's optimizer update inside the plan."""

    def __init__(self, param: Parameter, group: dict[str, Any], settings: Any, views: dict[str, int]) -> None:
        self.param = param
        self.group = group
        self.settings = settings
        self.views = views
        self.configured: tuple[Any, ...] = ()  # the group's values that the settings have
        self.fresh = True  # the views are zeros, as memory is at first


class _NoCompiledUpdate(RecordingError):
    """All but the optimizer's step could be compiled."""


def _check_compiled(optimizer: Optimizer) -> None:
    """Raises RecordingError for an optimizer whose step is only written in Python, or goes up."""
    kind = type(optimizer)
    own = kind.step is not Optimizer.step or "step" in vars(optimizer) or kind.new_settings is Optimizer.new_settings
    if own or any(group.get("maximize") for group in optimizer.param_groups):
        how = "whose step is written in Python," if own else "with maximize=True"
        raise _NoCompiledUpdate(f"{kind.__name__} {how} has no compiled form, so training with it stays eager")


# What another thread than the one that runs a plan is told, but for evaluations, which wait for all but training.
_REFUSAL = "this model is being trained or evaluated by another thread: one plan runs one call at a time"


# Programs of a plan, and bytes of their buffers, that are kept. A training has four shapes: full and last batches, to
# train and to test on; batches as long as their longest sentence have some hundred.
FEW_PROGRAMS = 8
MOST_PROGRAMS = 64
MOST_BYTES = 256 * 2**20


class Plan:
    """The compiled form of a model, with a criterion and an optimizer for training.

    arena: keep the gradients, all in one piece of memory, with an op between backward and updates that sees them whole
    (``all_reduce``, which has nothing to do on one machine), instead of using each up while it is made: the same bits.

    executor: what runs the programs.

    Raises (on first use for a batch shape):
        RecordingError: the model looks at values, or uses an op without a compiled form; it stays eager.
    """

    def __init__(
        self,
        model: Module,
        criterion: Criterion | None = None,
        optimizer: Optimizer | None = None,
        *,
        arena: bool = False,
        executor: Callable[[Memory], Executor] = CompiledExecutor,
    ) -> None:
        self.model = model
        self.criterion = criterion
        self.optimizer = optimizer
        self.arena = arena
        self._new_executor = executor
        self._exclusive, self._giving_back = _core.Lease(_REFUSAL), _core.Lease()
        self._profiled = False
        self._begin()

    def _begin(self) -> None:
        """With no programs and no memory of its own."""
        self._memory = Memory()
        self._executor = self._new_executor(self._memory)
        self._slots: dict[int, ParameterSlot] = {}
        self._states: dict[tuple[int, str], ModuleState] = {}
        self._updates: dict[int, _Update] = {}
        self._draws: dict[int, tuple[Dropout, _core.DropoutDraw]] = {}
        self._programs: dict[Key, Program] = {}
        self._recorded: Dependencies = {}  # what all programs depend on
        self._seen: list[Any] = []  # when it was last looked at
        self._objects: list[Any] = []  # in fields: what is in them can change unseen
        self._constants: list[Constant] = []

    # -- running -----------------------------------------------------------------------------------------------------

    def step(self, x: Tensor | np.ndarray, y: Tensor | np.ndarray) -> Tensor:
        """One training step on a batch: forward, backward, update. Returns the loss (before the update)."""
        x, y = _as_array(x), _as_array(y)
        with self._exclusive.training():
            try:
                program = self.train_program(x, y)
            except _NoCompiledUpdate:
                return self._eager_step(Tensor(x), Tensor(y))
            self._executor.write(program.input, x)
            self._executor.write(program.target, y)
            self._executor.step(program.number)
            self._after_steps(program)
            return Tensor._wrap(self._value(program.loss, (), program.dtype))

    def _eager_step(self, x: Tensor, y: Tensor) -> Tensor:
        with modes(self.model, training=True):
            loss = self.criterion(self.model(x), y)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad()
        return loss.detach()

    def last_output(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """The model's output in the last training step on a batch of this shape."""
        with self._exclusive:
            program = self.train_program(x, y)
            return self._value(program.output, program.output_shape, program.dtype)

    def forward(self, x: Tensor | np.ndarray) -> Tensor:
        """The model's output in evaluation mode."""
        x = _as_array(x)
        with self.evaluating():
            program = self.eval_program(x)
            self._executor.write(program.input, x)
            self._executor.step(program.number)
            self._give_back_states()
            return Tensor._wrap(self._value(program.output, program.output_shape, program.dtype))

    def evaluating(self) -> _core.LeaseUse:
        """Around evaluations, by this thread alone: another one that evaluates waits, one that trains is refused."""
        return self._exclusive.evaluation()

    def run(
        self,
        program: Program,
        source: _core.Source,
        first: int,
        steps: int,
        *,
        seconds: float = _INTERRUPTIBLE,
        stop_at_nan: bool = False,
        losses: np.ndarray | None = None,
        outputs: np.ndarray | None = None,
    ) -> int:
        """Steps first .. first + steps - 1 of a source's order, back after about ``seconds``. Returns the steps done.

        losses (steps in all,) and outputs (steps in all * batch, ...) are filled from step ``first`` on.
        """
        with self.evaluating() if program.loss == MISSING else self._exclusive.training():
            self._acquire()
            done = self._executor.run(program.number, source, first, steps, seconds, stop_at_nan, losses, outputs)
            self._after_steps(program)
            return done

    def run_in_turn(self, parts: Sequence[Part], turns: int, decays: Sequence[float]) -> bool:
        """In each turn so many steps of each part as its losses have for one, which are filled. Returns False where it
        ended because of a loss that is not finite. decays: the weight_decay of the first group in each part.
        """
        with self._exclusive.training():
            self._acquire()
            first = [update for update in self._updates.values() if update.group is self.optimizer.param_groups[0]]
            try:
                for turn in range(turns):
                    for (program, source, losses), decay in zip(parts, decays, strict=False):
                        for update in first:
                            update.settings.weight_decay, update.configured = decay, ()
                        steps = len(losses) // turns
                        step, end = turn * steps, (turn + 1) * steps
                        while step < end:
                            step += self._executor.run(
                                program.number, source, step, end - step, _INTERRUPTIBLE, True, losses, None
                            )
                            if not isfinite(losses[step - 1]):
                                return False
            finally:
                self._after_steps(parts[0][0])
            return True

    def start_profile(self, x: np.ndarray, y: np.ndarray) -> int:
        """Times every part of the training steps on batches like x and y from here on; the number of their program."""
        with self._exclusive:
            number = self.train_program(x, y).number
            self.core.start_profile(number, True)
            self._profiled = True
            return number

    def profile(self, number: int) -> Profile:
        """Where the time of a program's steps went since :meth:`start_profile`."""
        from fastnn.engine.profile import profile_of

        with self._exclusive:
            return profile_of(self.core, number)

    def _give_back_states(self) -> None:
        """What steps changed of modules' buffers, back to those."""
        for state in self._states.values():
            if state.changed:
                self._executor.read(state.view, state.array)

    def names(self) -> dict[int, str]:
        """Of the parameters that are in its memory, by the numbers of their buffers."""
        named = ((self._slots.get(id(param)), name) for name, param in self.model.named_parameters())
        return {slot.buffer: name for slot, name in named if slot is not None}

    def nbytes(self) -> int:
        """The memory of its own."""
        return self._memory.nbytes()

    @property
    def core(self) -> _core.Plan:
        """The compiled executor's own object: what it tells of its programs."""
        return self._executor.core

    def _value(self, view: int, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        out = np.empty(shape, dtype=dtype)
        self._executor.read(view, out)
        return out

    def _after_steps(self, program: Program) -> None:
        for module, draw in self._draws.values():
            module.calls = draw.call
        self._give_back_states()
        if program.loss != MISSING:
            self.optimizer.zero_grad()
            for update in self._updates.values():
                mark_changed(update.param)

    # -- who holds the parameters ------------------------------------------------------------------------------------

    def release(self) -> None:
        """Writes parameters and optimizer state back to their own arrays and lets go of them.

        Raises:
            RuntimeError: another thread is training with this plan.
        """
        with self._giving_back:  # by one thread; others wait, and find nothing left to do
            held = [slot for slot in self._slots.values() if slot.param._owner is self]
            if self._giving_back.depth() > 1 or not (held or self._holds_state()):
                return
            if self._updates:  # else it only reads: the parameters' own arrays are as they were
                self._write_back(held)
            for slot in held:
                slot.param._owner = None
            if self._holds_state():
                self.optimizer._owner = None

    def is_finite(self, parameter: Parameter) -> bool:
        """Whether a parameter that it holds has finite values only."""
        with self._exclusive:
            return self._executor.finite(self._slots[id(parameter)].view)

    def _holds_state(self) -> bool:
        return self.optimizer is not None and self.optimizer._owner is self

    def _write_back(self, held: list[ParameterSlot]) -> None:
        with self._exclusive:
            for slot in held:
                self._executor.read(slot.view, slot.param._storage)
            if self._holds_state():
                self._write_back_state(self.optimizer)

    def _write_back_state(self, optimizer: Optimizer) -> None:
        for update in self._updates.values():
            if update.settings.step == 0:
                continue  # not updated yet: eager code would have no state either
            state = optimizer.state_of(update.param, update.group)
            state["step"] = update.settings.step
            for name, view in update.views.items():
                if name not in state:  # it is no longer kept
                    state[name] = np.empty_like(update.param._storage)
                self._executor.read(view, state[name])

    def _acquire(self) -> None:
        """Takes parameters and optimizer state into packed memory, where they are not there already."""
        group, values = None, ()
        for update in self._updates.values():
            if update.group is not group:
                group = update.group
                values = self.optimizer.values_of(group)
            if values != update.configured:
                self.optimizer.configure(update.settings, group)
                update.settings.check()
                update.settings.set_step(update.settings.step)  # beta^step of the present betas, as eager has it
                update.configured = values
        for module, draw in self._draws.values():
            draw.seed, draw.call = module.drawn_by(), module.calls
        for state in self._states.values():
            self._executor.write(state.view, state.array)
        for constant in self._constants:
            if (array := constant.array()) is not None:  # somebody still has it, and may have changed it
                self._executor.write(constant.view, array.reshape(-1))
        if not all([slot.param._owner is self for slot in self._slots.values()]):
            for slot in self._slots.values():
                self._executor.write(slot.view, slot.param._data)  # takes it back from another plan first
            for slot in self._slots.values():
                slot.param._owner = self
        if self._updates and not self._holds_state():
            self._acquire_state()

    def _acquire_state(self) -> None:
        for update in self._updates.values():
            state = self.optimizer.state.get(update.param, {"step": 0})
            update.settings.set_step(state["step"])
            for name, view in update.views.items():
                if name in state:
                    self._executor.write(view, state[name])
                elif not update.fresh:
                    self._executor.clear(view)
            update.fresh = False
        self.optimizer._owner = self

    def is_current(self) -> bool:
        """Whether its programs are those that would be recorded now; False where that cannot be known."""
        now = dependencies_of(self.model, self.criterion, self.optimizer)
        return not self._programs or (is_known(now) and now == self._recorded)

    def serve(self, criterion: Criterion | None, optimizer: Optimizer | None) -> bool:
        """Goes on with another criterion and optimizer, where all that was recorded is the same with them.

        Returns False, with nothing changed, where it is not, or cannot be known.
        """
        with self._exclusive:
            wanted = dependencies_of(self.model, criterion, optimizer)
            if not is_known(wanted) or wanted != self._recorded or not is_grad_enabled():
                return False
            if optimizer is not self.optimizer:
                self._change_optimizer(optimizer)
            self.criterion = criterion
            return True

    def _change_optimizer(self, optimizer: Optimizer) -> None:
        """The state of the present one goes back to it, if somebody else has it."""
        held, present = self._holds_state(), weakref.ref(self.optimizer)
        self.optimizer, self._seen = optimizer, []  # what was seen of the present one held it
        with self._giving_back:
            former = present()
            if held and former is not None:
                self._write_back_state(former)
                former._owner = None
        self._use_groups()

    def _use_groups(self) -> None:
        """The updates' hyper-parameters are those of the optimizer's present groups."""
        for group in () if self.optimizer is None else self.optimizer.param_groups:
            for param in group["params"]:
                if id(param) in self._updates:
                    self._updates[id(param)].group, self._updates[id(param)].configured = group, ()

    # -- recording ---------------------------------------------------------------------------------------------------

    def _refresh(self) -> None:
        """Begins anew where what was recorded is not how it is now, as far as that can be seen."""
        seen = self._look()
        if seen == self._seen:
            return
        if self._programs and dependencies_of(self.model, self.criterion, self.optimizer) != self._recorded:
            with self._exclusive:
                self.release()
                self._begin()
        self._use_groups()
        self._remember()

    def _remember(self) -> None:
        """That all is as it should be now."""
        self._objects = objects_held(self.model, self.criterion)
        self._seen = self._look()

    def _look(self) -> list[Any]:
        """What tells, at little cost, that nothing has changed."""
        seen: list[Any] = [CHANGES[0], *map(contents, self._objects)]
        if self.optimizer is not None:
            seen.append(self.optimizer.step)
            seen += map(self.optimizer.values_of, self.optimizer.param_groups)
        if not isinstance(self.criterion, Module | NoneType):
            seen += held_by(self.criterion)
        return seen

    def known_program(self, *signature: Any) -> Program | None:
        """The program for batches of such an x (its rows_layout, dtype), or x and y to train on; None where there is
        none yet.
        """
        self._refresh()
        return self._programs.get(self._key(*signature))

    def _key(self, *signature: Any) -> Key:
        """A training program is also one of the parameters that learn."""
        groups = self.optimizer.param_groups if len(signature) == 4 and self.optimizer is not None else ()
        return (*signature, *[id(p) if p.requires_grad else 0 for group in groups for p in group["params"]])

    def train_program(self, x: np.ndarray, y: np.ndarray) -> Program:
        """The training program for batches like x and y, recorded where there is none yet; parameters are taken in."""
        if self.criterion is None or self.optimizer is None:
            raise ValueError("training needs a criterion and an optimizer: fastnn.compile(model, criterion, optimizer)")
        self._refresh()
        key = self._key(rows_layout(x.shape, x), x.dtype, y.shape, y.dtype)
        program = self._programs.get(key)
        if program is None:
            _check_compiled(self.optimizer)
            with self._recording():
                program = self._programs[key] = self._loaded(self._lower_training(x, y))
        self._acquire()
        return program

    def eval_program(self, x: np.ndarray) -> Program:
        """The evaluation program for batches like x."""
        self._refresh()
        key = self._key(rows_layout(x.shape, x), x.dtype)
        program = self._programs.get(key)
        if program is None:
            if x.size == 0:
                raise told(ValueError(f"[plan] the batch is empty: x has shape {x.shape}"), "data.empty")
            with self._recording():
                program = self._programs[key] = self._loaded(self._lower_evaluation(x))
        self._acquire()
        return program

    def _make_room(self) -> None:
        """Lets go of all programs where they have become too many or too large: those still in use are recorded again,
        one time in as many recordings as there may be programs. Parameters are the model's own then.
        """
        many = len(self._programs) >= MOST_PROGRAMS
        large = len(self._programs) >= FEW_PROGRAMS and self._memory.nbytes() > MOST_BYTES
        if (many or large) and not self._profiled:
            self._begin()

    @contextmanager
    def _recording(self) -> Iterator[None]:
        """Inside, parameters are the model's own; a recording that fails leaves the plan as it was."""
        self.release()
        self._make_room()
        sizes = self._memory.sizes()
        known = [dict(some) for some in (self._slots, self._states, self._updates, self._draws)]
        constants = len(self._constants)
        try:
            yield
        except BaseException:
            self._memory.cut(sizes)
            self._slots, self._states, self._updates, self._draws = known
            del self._constants[constants:]
            raise
        self._recorded = dependencies_of(self.model, self.criterion, self.optimizer)
        self._remember()

    def _lower_training(self, x: np.ndarray, y: np.ndarray) -> Program:
        x, y = _own(x), np.array(y, order="C")  # in memory of their own: views of them are told apart by their owner
        made = repeatable(lambda: self._recorded_training(x, y), self.model, self.criterion)
        output, loss, gradients, records = made
        results = [output, loss, *gradients.values()]
        records = fuse_linear_relu(self._used(records, results), results)
        split: dict[int, Record] = {}
        if not self.arena:
            records, split = split_gradients(records, gradients.values())
        lowering = self._lowering(records)
        lowering.inputs(x, y)
        arenas = lowering.arena(gradients.values()) if self.arena else []
        lowering.emit_all(records)
        views = {key: lowering.gradient(gradient) for key, gradient in gradients.items() if id(gradient) not in split}
        lowering.all_reduce(arenas)
        for group in self.optimizer.param_groups:
            for param in group["params"]:
                if id(param) in gradients:
                    gradient = gradients[id(param)]
                    fused = split.get(id(gradient))
                    if fused is not None and not self._can_fuse(param, fused):
                        lowering.emit(fused)
                        fused, views[id(param)] = None, lowering.view(gradient)
                    self._emit_update(lowering, param, group, views.get(id(param)), fused)
        return lowering.finish(loss, output)

    def _recorded_training(
        self, x: np.ndarray, y: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, dict[int, np.ndarray], list[Record]]:
        """The model's output, the loss, gradients by the ids of their parameters, and how all was computed."""
        params = [p for group in self.optimizer.param_groups for p in group["params"]]
        with one_at_a_time, self._recorder() as recorder, _untouched(self.model, params, training=True) as replaced:
            output = self.model(Tensor(x))
            loss = self.criterion(output, Tensor(y))
            if not isinstance(loss, Tensor) or loss._data.size != 1:
                raise RecordingError("the criterion must give a scalar tensor: a mean or a sum")
            loss.backward()
            gradients = {id(p): p.grad._data for p in params if p.grad is not None}
        return output._data, loss._data, gradients, [*recorder.records, *replaced]

    def _lower_evaluation(self, x: np.ndarray) -> Program:
        x = _own(x)
        output, records = repeatable(lambda: self._recorded_evaluation(x), self.model)
        records = fuse_linear_relu(self._used(records, [output]), [output])
        lowering = self._lowering(records)
        lowering.inputs(x, None)
        lowering.emit_all(records)
        return lowering.finish(None, output)

    def _recorded_evaluation(self, x: np.ndarray) -> tuple[np.ndarray, list[Record]]:
        with (
            one_at_a_time,
            self._recorder() as recorder,
            _untouched(self.model, [], training=False) as replaced,
            no_grad(),
        ):
            output = self.model(Tensor(x))
        if not isinstance(output, Tensor):
            raise RecordingError(f"forward() gives a {type(output).__name__}, so this model stays eager: {EAGERLY}")
        return output._data, [*recorder.records, *replaced]

    def _recorder(self) -> Recorder:
        return Recorder([tensor._data for tensor in self.model.buffers()])

    def _used(self, records: list[Record], results: list[np.ndarray]) -> list[Record]:
        """Without those whose outputs are neither read nor results nor state of a module."""
        return drop_unused(records, [*results, *(tensor._data for tensor in self.model.buffers())])

    def _lowering(self, records: list[Record]) -> Lowering:
        tensors = [t for _, t in self.model.named_parameters()]
        if self.optimizer is not None:
            known = {id(t) for t in tensors}
            tensors += [p for g in self.optimizer.param_groups for p in g["params"] if id(p) not in known]
        lowering = Lowering(self._memory, self._executor, self._slots, self._states, self._constants, self._state_of)
        lowering.register_parameters(tensors, records)
        lowering.register_states(self.model, records)
        return lowering

    def _loaded(self, program: Program) -> Program:
        self._executor.load(program)
        return program

    def _can_fuse(self, param: Parameter, record: Record) -> bool:
        """Whether the op that makes a parameter's gradient, in its shape, can update the parameter at once."""
        if record.outputs[0].shape != param._to_read().shape:
            return False  # a view of it is the gradient: a convolution's of sequences
        return bool(self._slots[id(param)].panel) or not FACTS[record.name]["update_in_panels"]

    def _emit_update(
        self, lowering: Lowering, param: Parameter, group: dict[str, Any], gradient: int | None, fused: Record | None
    ) -> None:
        """The update from a gradient's view, or together with the record that makes it."""
        update = self._updates.get(id(param))
        slot = self._slots[id(param)]
        if update is None:
            views = {name: lowering.like_parameter(slot) for name in self.optimizer.active_slots(group)}
            update = _Update(param, group, self.optimizer.new_settings(), views)
            self._updates[id(param)] = update
        name, inputs, attributes = "update", (gradient,), {}
        if fused is not None:
            name, (inputs, attributes) = FACTS[fused.name]["update"], lowering.arguments(fused)
        lowering.update(name, inputs, attributes, slot.view, update.views.values(), update.settings)

    def _state_of(self, record: Record) -> _core.DropoutDraw | None:
        """The draw of a dropout's module, shared by all programs."""
        return self._draw_of(record.args[-1]) if record.name == "dropout" else None

    def _draw_of(self, number: int) -> _core.DropoutDraw:
        """The draw of the dropout module with this number, shared by all programs."""
        if number not in self._draws:
            known = (m for m in self.model.modules() if isinstance(m, Dropout) and m.number == number)
            module = next(known, None)
            if module is None:
                raise RecordingError(
                    "forward() uses a Dropout that is no part of the model, so this model stays eager: make it in "
                    "__init__, as an attribute or in a Sequential"
                )
            self._draws[number] = (module, _core.DropoutDraw(module.drawn_by(), module.calls, number))
        return self._draws[number][1]


def _as_array(data: Tensor | np.ndarray) -> np.ndarray:
    """A batch as an array; class numbers of any integer type as int64."""
    array = data._data if isinstance(data, Tensor) else np.asarray(data)
    return array.astype(np.int64) if array.dtype.kind in "iu" and array.dtype != np.int64 else array


def _own(x: np.ndarray) -> np.ndarray:
    """A copy that lies as x does, as far as its rows lie one behind the other."""
    copy = np.array(x)
    return copy if has_dense_rows(copy) else np.array(x, order="C")


@contextmanager
def _untouched(model: Module, params: list[Parameter], training: bool) -> Iterator[list[Record]]:
    """Runs a recording in the given mode and puts back what it changed: modes, gradients, modules' state.

    Gives, once it is over, records that assign to modules' buffers what the code put in their places.
    """
    before = [(module, dict(module._buffers)) for module in model.modules()]
    values = [(tensor._data, tensor._data.copy()) for tensor in model.buffers()]
    assigned: list[Record] = []
    calls = [(module, module.calls) for module in model.modules() if isinstance(module, Dropout)]
    grads = [param.grad for param in params]
    for param in params:
        param.grad = None
    try:
        with modes(model, training=training):
            yield assigned
    finally:
        replaced = _put_back(before)
        for module, count in calls:
            module.calls = count
        for data, old in values:
            data[...] = old
        for param, grad in zip(params, grads, strict=True):
            param.grad = grad
    assigned += _assignments(replaced, {id(owner_of(param._data)) for param in model.parameters()})


_Replaced = list[tuple[str, Tensor | None, Tensor | None]]


def _put_back(before: list[tuple[Module, dict[str, Tensor | None]]]) -> _Replaced:
    """Gives modules the buffers that they had; each replaced one's name, tensor, and what stood there (None: none)."""
    replaced: _Replaced = []
    for module, buffers in before:
        for name in [*module._buffers.keys() - buffers.keys()]:
            replaced.append((name, module._buffers[name], None))
            delattr(module, name)
        for name, tensor in buffers.items():
            now = module._buffers.get(name)
            if now is not tensor:
                replaced.append((name, tensor, now))
                module._buffers[name] = module.__dict__[name] = tensor
                CHANGES[0] += 1
    return replaced


def _assignments(replaced: _Replaced, parameters: set[int]) -> list[Record]:
    """All new values are read before the first buffer is written: two may have changed places.

    Raises:
        RecordingError: what stands in a buffer's place is no tensor of its kind, or a parameter's memory.
    """
    copies, assignments = [], []
    for name, tensor, now in replaced:
        kinds = [None if each is None else (each._data.shape, each._data.dtype) for each in (tensor, now)]
        if None in kinds or kinds[0] != kinds[1]:
            raise RecordingError(f"forward() makes, deletes or reshapes buffer '{name}', so this model stays eager")
        if id(owner_of(now._data)) in parameters:
            raise RecordingError(f"buffer '{name}' becomes a parameter's memory, so this model stays eager: clone() it")
        value = now._data.copy(order="C")
        copies.append(Record("copy", [now._data], [value]))
        assignments.append(Record("assign", [tensor._data, value], [tensor._data]))
    return [*copies, *assignments]


class _Compiled(partial):
    """A method of a plan, which says to those who take it for a module that it is none."""

    def __getattr__(self, name: str) -> Any:
        if hasattr(self.func, name):
            return getattr(self.func, name)
        raise AttributeError(
            f"fastnn.compile(model) gives a function, without {name}: its forward in evaluation mode. To train, leave "
            "it out, or: step = fastnn.compile(model, criterion, optimizer); loss = step(x, y)"
        )


_PARTS = (
    (Module, "model must be a Module, such as Sequential(...)"),
    (Callable, "criterion must be a loss, such as MSELoss()"),
    (Optimizer, "optimizer must be an optimizer, such as Adam(model.parameters())"),
)


def check_parts(model: Any, *training: Any) -> None:
    """Refuses a model, and a criterion and an optimizer for it, that are none or do not belong together."""
    for given, (kind, text) in zip((model, *training), _PARTS, strict=False):
        if isinstance(given, type) or not isinstance(given, kind):
            found = f"the class {given.__name__}: call it" if isinstance(given, type) else type(given).__name__
            raise TypeError(f"{text}, got {found}")
    own = {id(param) for param in model.parameters()}
    for optimizer in training[1:]:
        if own.isdisjoint(id(param) for group in optimizer.param_groups for param in group["params"]):
            raise ValueError("the optimizer has none of this model's parameters: make it with model.parameters()")


def compile(
    model: Module, criterion: Criterion | None = None, optimizer: Optimizer | None = None
) -> Callable[..., Tensor]:
    """A compiled training step: ``step = fastnn.compile(model, criterion, optimizer); loss = step(x, y)``.

    The step does forward, backward and update for a batch x, y in training mode (``model.train()``: what is to stay in
    evaluation says so in its ``train()``) and returns the loss. Each new batch shape is recorded once. Without
    criterion and optimizer: the compiled forward in evaluation mode, without gradients, ``output = forward(x)``: a
    function, no model as PyTorch's.

    Raises:
        ValueError: only one of criterion and optimizer was given, or an optimizer of another model's parameters.
        TypeError: something else in the place of one.

    >>> import fastnn
    >>> model = fastnn.nn.Linear(3, 2)
    >>> step = fastnn.compile(model, fastnn.nn.MSELoss(), fastnn.optim.Adam(model.parameters()))
    >>> step(fastnn.ones(5, 3), fastnn.zeros(5, 2)).shape
    torch.Size([])
    """
    if (criterion is None) != (optimizer is None):
        raise ValueError("compile() takes a criterion and an optimizer together (training), or neither (inference)")
    check_parts(model, *(() if criterion is None else (criterion, optimizer)))
    plan = Plan(model, criterion, optimizer)
    return _Compiled(plan.forward if criterion is None else plan.step)
