"""Optimizers, under PyTorch's names and with its formulas and defaults."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from fastnn.optim.adam import Adam, AdamW
from fastnn.optim.optimizer import Optimizer
from fastnn.optim.rmsprop import RMSprop
from fastnn.optim.sgd import SGD
from fastnn.text import absent as _absent

if TYPE_CHECKING:
    from fastnn.optim import lr_scheduler
    from fastnn.optim.adadelta import Adadelta
    from fastnn.optim.adagrad import Adagrad
    from fastnn.optim.adamax import Adamax
    from fastnn.optim.nadam import NAdam
    from fastnn.optim.radam import RAdam

# Found on first use: `import fastnn` stays quick. The class is in the module of its name in small letters.
_LAZY = ("Adadelta", "Adagrad", "Adamax", "NAdam", "RAdam", "lr_scheduler")


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        _absent(globals(), name)
    module = import_module(f"fastnn.optim.{name.lower()}")
    value = globals()[name] = getattr(module, name, module)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})


__all__ = [
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "NAdam",
    "Optimizer",
    "RAdam",
    "RMSprop",
    "lr_scheduler",
]
