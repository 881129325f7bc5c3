"""``python -m fastnn.run script.py``: runs a PyTorch or Keras script on fastnn, without a change.

In that process the names ``torch``, ``torchvision``, ``keras`` and ``tensorflow`` stand for fastnn's modules, whether
those packages are installed or not.
"""

from __future__ import annotations

import argparse
import ast
import functools
import glob
import inspect
import os
import re
import runpy
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import MetaPathFinder
from types import ModuleType, TracebackType

from fastnn import __version__, keras
from fastnn.chinese import noted
from fastnn.commands import cli
from fastnn.eager.dtypes import dtype
from fastnn.errors import fault_of
from fastnn.platform import BROKEN_PIPE, fill_standard_descriptors, raise_on_interrupt
from fastnn.renamed import RENAMED
from fastnn.text import did_you_mean, meant, say, suggested

# What scripts import, and what they get.
_TORCH = (
    *("accelerator", "amp", "autograd", "backends", "cuda", "random", "nn", "nn.functional", "nn.init", "nn.parameter"),
    *("nn.utils", "optim", "optim.lr_scheduler", "optim.optimizer", "utils", "utils.data", "utils.tensorboard"),
    *(f"backends.{name}" for name in ("cuda", "cudnn", "mkldnn", "mps", "openmp")),
)
_VISION = (
    *("datasets", "models", "models.resnet", "transforms", "transforms.autoaugment", "transforms.functional"),
    *("transforms.transforms", "transforms.v2", "utils"),
)
MODULES = {
    "torch": "fastnn",
    **{f"torch.{name}": f"fastnn.{name}" for name in _TORCH},
    "torch.utils.data.dataloader": "fastnn.data.loader",
    "torch.utils.data.dataset": "fastnn.data.dataset",
    "torch.utils.data.sampler": "fastnn.data.sampler",
    "torch.utils.tensorboard.writer": "fastnn.io.event_files",
    **{f"torchvision.{name}": f"fastnn.{name}" for name in _VISION},
    **{f"torchvision.datasets.{name}": f"fastnn.data.{name}" for name in ("cifar", "folder", "mnist", "vision")},
    "torchvision.transforms.v2.functional": "fastnn.transforms.functional",
    "torchvision.io": "fastnn.data.image_files",
    "torchvision.io.image": "fastnn.data.image_files",
    "keras": "fastnn.keras",
    **{f"keras.{name}": f"fastnn.keras.{name}" for name in [*keras.__all__, *keras.WITHIN] if name.islower()},
    **{former: f"fastnn.{ours}" for former, ours in RENAMED.items() if former.startswith("keras.")},
    "tensorflow": "fastnn.keras.tensorflow",
    "tensorflow.data": "fastnn.keras.data",
    "tensorflow.data.experimental": "fastnn.keras.data.experimental",
    "tensorflow.random": "fastnn.keras.tensorflow.random",
}
_TENSORFLOW = {
    f"{package}.{name}": ours
    for package in ("tensorflow", "tensorflow.python")
    for name, ours in MODULES.items()
    if name.partition(".")[0] == "keras"
}
_TENSORFLOW["tensorflow.nn"] = "fastnn.keras.activations"
# PyTorch's longer paths of the same names.
_LONGER = {
    f"torch.{former}": f"fastnn.{ours}"
    for former, ours in RENAMED.items()
    if former.startswith(("amp.", "cuda.amp", "nn.modules", "nn.utils."))
}
_PACKAGES = ("torch", "torchvision", "keras", "tensorflow")
_MADE = ("torchvision", "tensorflow.python")  # of which fastnn has parts


class NotThere(ImportError):
    """A script asks for a module that fastnn has nothing for."""


class Refusal(MetaPathFinder):
    """Refuses other modules of the same packages: a real one would not go together with ours."""

    def find_spec(self, fullname: str, path: object, target: object = None) -> None:
        if fullname.partition(".")[0] in _PACKAGES:
            raise NotThere(f"fastnn has no {fullname}", name=fullname)


def install() -> None:
    """Puts fastnn's modules in the places of PyTorch's and Keras', for the rest of this process."""
    for name, ours in {**MODULES, **_LONGER, **_TENSORFLOW}.items():
        sys.modules[name] = import_module(ours)
    made = {name: ModuleType(name, "The part of it that fastnn has.") for name in _MADE}
    for package, module in made.items():
        module.__version__ = f"fastnn {__version__}"
        module.__path__ = []  # a package: what lies in it is asked of Refusal
        sys.modules[package] = module
    for name in [*MODULES, *_TENSORFLOW, *made]:
        parent, _, child = name.rpartition(".")
        if parent and (parent in made or name in made):
            setattr(sys.modules[parent], child, sys.modules[name])
    sys.meta_path.insert(0, Refusal())


def names_of(module: ModuleType) -> list[str]:
    """What a script may use of a module: its functions, classes, types, and modules that scripts import. Its own are
    those that it lists (in ``__dir__`` or ``__all__``), or else that are made in it or handed on (``import x as x``).
    """
    listed = dir(module) if "__dir__" in vars(module) else getattr(module, "__all__", ())
    names = [name for name in sorted(set(listed or _own(module))) if not name.startswith("_")]
    return [name for name in names if _is_ours(module, name, getattr(module, name, None))]


def _own(module: ModuleType) -> set[str]:
    if getattr(module, "__file__", None) is None:  # made by a module
        return set(vars(module))
    names = {name for name, value in vars(module).items() if isinstance(value, ModuleType)}
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.ImportFrom):
            names |= {alias.name for alias in node.names if alias.asname == alias.name}
        elif isinstance(node, ast.Assign):
            names |= {
                part.id for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)
            }
    return names


def _is_ours(module: ModuleType, name: str, value: object) -> bool:
    if isinstance(value, ModuleType):  # that scripts import from this one
        return any(ours == module.__name__ and f"{theirs}.{name}" in MODULES for theirs, ours in MODULES.items())
    return isinstance(value, dtype) or (callable(value) and str(getattr(value, "__module__", "")).startswith("fastnn"))


def missing(error: BaseException) -> str | None:
    """What fastnn lacks, by its PyTorch name, where that is what an error says; None for any other error."""
    from fastnn.eager.tensor import Tensor

    theirs = {
        **{name: name for name in (*_PACKAGES, *_MADE)},
        **{ours: name for name, ours in reversed(MODULES.items())},
    }
    if isinstance(error, NotThere):
        return error.name
    if isinstance(error, ImportError) and error.name in theirs:
        found = re.match(r"cannot import name '(\w+)'", str(error))
        return f"{theirs[error.name]}.{found[1]}" if found else None
    if isinstance(error, AttributeError):
        if (fault := fault_of(error)) and fault.code == "name.absent":
            return f"{theirs[fault.fields['module']]}.{error.name}"
        if isinstance(error.obj, Tensor):
            return f"Tensor.{error.name}"
        if error.obj is keras.data.Dataset or isinstance(error.obj, keras.data.Dataset):
            return f"tensorflow.data.Dataset.{error.name}"
        if isinstance(error.obj, ModuleType) and error.obj.__name__ in theirs:
            return f"{theirs[error.obj.__name__]}.{error.name}"
    return None


def place_of(error: BaseException, script: str) -> str:
    """The script's (or another of the user's files') line that an error comes from: ``train.py, line 3``."""
    ours = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # the package
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(ours)]
    users = [frame for frame in frames if os.path.exists(frame.filename) and not frame.filename.startswith("<")]
    shown = [frame for frame in users if "importlib" not in frame.filename and "runpy" not in frame.filename]
    return f"{os.path.relpath(shown[-1].filename)}, line {shown[-1].lineno}" if shown else script


def make_parser() -> cli.Parser:
    parser = cli.Parser(
        prog="fastnn.run",
        description="Run a PyTorch or Keras script on fastnn, without a change: torch and keras stand for it.\n"
        "用 fastnn 运行 PyTorch 或 Keras 的脚本, 不用改动: torch 和 keras 都指 fastnn。",
    )
    text = "the script; what follows are its own arguments\n脚本; 后面的都是它自己的参数"
    parser.add_argument("script", nargs="?", metavar="SCRIPT", help=text)
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    parser.add_argument("--list", action="store_true", help="show the names that there are\n列出可以使用的名字")
    return parser


def show_names() -> None:
    """The names of each module, and the methods of tensors."""
    from fastnn.eager.tensor import Tensor

    first: dict[str, str] = {}
    for name, ours in MODULES.items():
        again = first.setdefault(ours, name) != name
        say(f"{name}: {f'as {first[ours]}' if again else ' '.join(names_of(import_module(ours)))}\n", sys.stdout)
    say("tensorflow: newaxis\ntensorflow.data: AUTOTUNE\n", sys.stdout)
    say("tensorflow.keras: as keras\ntensorflow.nn: as keras.activations\n", sys.stdout)
    say(f"Tensor: {' '.join(name for name in dir(Tensor) if not name.startswith('_'))}\n", sys.stdout)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the script; returns the exit code: 2 where fastnn lacks what it uses."""
    fill_standard_descriptors()
    parser = make_parser()
    args = parser.parse(argv)
    if args.list:
        return _listed()
    if args.script is None:
        parser.error("which script?", "没有写是哪个脚本")
    if not os.path.isfile(args.script):
        scripts = glob.glob(os.path.join(os.path.dirname(args.script), "*.py"))
        close = did_you_mean(args.script, scripts)
        parser.error(f"there is no script {args.script!r}{close}", f"没有脚本 {args.script}")
    return _run(args)


def _listed() -> int:
    try:
        show_names()
    except BrokenPipeError:
        sys.stdout = None  # nobody reads any more: nothing to flush at exit
        return BROKEN_PIPE
    return 0


def _show(script: str, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """An error that ends the script, from its own line on."""
    while trace is not None and trace.tb_frame.f_code.co_filename != script:
        trace = trace.tb_next
    sys.__excepthook__(kind, error.with_traceback(trace), trace)


def _run(args: argparse.Namespace) -> int:
    prog = cli.started("fastnn.run")
    again = prog if " " in prog else f"python -m {prog}"
    install()
    raise_on_interrupt()  # as any script has it
    sys.argv = [args.script, *args.arguments]
    sys.path[0] = os.path.dirname(os.path.abspath(args.script))
    sys.excepthook = functools.partial(_show, args.script)
    try:
        runpy.run_path(args.script, run_name="__main__")
    except (ImportError, AttributeError) as error:
        lacking = missing(error)
        if lacking is None:
            raise
        place = place_of(error, args.script)
        owner, _, name = lacking.rpartition(".")
        close = meant(vars(sys.modules.get(owner) or type(getattr(error, "obj", None))), name)
        other = noted("", f"fastnn 没有 {lacking}{close and f': 是不是 {close}?'}\n")
        hint = suggested(close)
        say(f"{place}: fastnn has no {lacking}; {again} --list shows what there is{hint}\n{other}", sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
