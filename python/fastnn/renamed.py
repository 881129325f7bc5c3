"""Modules that version 0.1.0, PyTorch or Keras has elsewhere: an import of that name gives the module itself."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType

# Former name, or PyTorch's: where it is now, both below fastnn. `tensor` and `device` are a function and a class there.
RENAMED = {
    "amp.autocast_mode": "amp",
    "amp.grad_scaler": "amp",
    "cuda.amp": "amp",
    "cuda.amp.autocast_mode": "amp",
    "cuda.amp.grad_scaler": "amp",
    "check": "checks.check",
    "checkpoint": "training.checkpoint",
    "cli": "commands.cli",
    "console": "training.console",
    "creation": "eager.creation",
    "datasets.digits": "data.digits",
    "datasets.cifar": "data.cifar",
    "datasets.folder": "data.folder",
    "datasets.mnist": "data.mnist",
    "datasets.vision": "data.vision",
    "dtypes": "eager.dtypes",
    "autograd": "eager.autograd",
    "autograd.function": "eager.function",
    "feed": "training.feed",
    "fusion": "engine.fusion",
    "history": "training.history",
    "indexing": "eager.indexing",
    "info": "commands.info",
    "inplace": "eager.inplace",
    "keras.layers.advanced_activations": "keras.layers.activation",
    "keras.layers.convolutional": "keras.layers",
    "keras.layers.merge": "keras.layers.merging",
    "keras.objectives": "keras.losses",
    "keras.optimizers.legacy": "keras.optimizers.kinds",
    "linalg": "eager.linalg",
    "losses": "nn.losses",
    "lowering": "engine.lowering",
    "metrics": "training.metrics",
    "network": "training.network",
    "nn.layers": "nn",
    "nn.modules": "nn",
    "nn.modules.activation": "nn.activation",
    "nn.modules.container": "nn.container",
    "nn.modules.dropout": "nn.dropout",
    "nn.modules.flatten": "nn.flatten",
    "nn.modules.linear": "nn.linear",
    "nn.modules.loss": "nn.losses",
    "nn.modules.module": "nn.module",
    "nn.modules.normalization": "nn.normalization",
    "nn.modules.padding": "nn.padding",
    "nn.modules.sparse": "nn.embedding",
    "nn.modules.upsampling": "nn.upsampling",
    "nn.utils.clip_grad": "nn.utils",
    "nn.utils.convert_parameters": "nn.utils",
    "ops": "eager.ops",
    "photo": "data.photo",
    "plan": "engine.plan",
    "plot": "reporting.plot",
    "preparation": "training.preparation",
    "printing": "eager.printing",
    "profile": "engine.profile",
    "recipes": "training.recipes",
    "recording": "engine.recording",
    "reductions": "eager.reductions",
    "reporting.markup": "html.markup",
    "reporting.pictures": "html.pictures",
    "serialization": "training.model_files",
    "summary": "reporting.summary",
    "tensorboard_log": "training.tensorboard_log",
    "trainer": "training.trainer",
    "utils.data.dataloader": "data.loader",
    "utils.data.dataset": "data.dataset",
    "utils.data.sampler": "data.sampler",
    "utils.tensorboard.writer": "io.event_files",
}


# Functions of fastnn that have a former module's name.
FUNCTIONS = ("check",)


class _Former:
    """Loads nothing: hands out the module of today under its former name.

    Where ``fastnn`` has a function of that name, the function stands for the module, so that an import of the one does
    not hide the other: the module's names are the function's attributes.
    """

    def __init__(self, today: str) -> None:
        self.today = today

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = import_module(self.today)
        self._own = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        former, module.__spec__ = module.__spec__.name, self._own
        _, _, name = former.partition(".")
        if name in FUNCTIONS:
            function = getattr(module, name)
            for word, value in vars(module).items():
                if not word.startswith("_"):
                    setattr(function, word, value)
            sys.modules[former] = function


class Renamed:
    """A finder for ``sys.meta_path``, asked before those that look for files: in a package under a former name they
    would find its modules' files, and load each a second time.
    """

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        package, _, former = name.partition(".")
        today = _today(former) if package == "fastnn" else None
        return None if today is None else ModuleSpec(name, _Former(f"fastnn.{today}"))


def _today(former: str) -> str | None:
    """Where a former name's module is; of one within a package of a former name, the module within that of today."""
    if former in RENAMED:
        return RENAMED[former]
    parent, _, own = former.rpartition(".")
    if parent not in RENAMED:
        return None
    from importlib.util import find_spec  # of no use to most processes

    today = f"{RENAMED[parent]}.{own}"
    return today if find_spec(f"fastnn.{today}") else None
