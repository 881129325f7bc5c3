"""The package as its users meet it: names, what an import costs them, versions, the console script, no pickle."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from contextlib import suppress
from importlib import import_module, metadata
from pathlib import Path

import fastnn
import pytest
from fastnn import _core
from fastnn.renamed import RENAMED
from processes import printed, python

PACKAGE = Path(fastnn.__file__).parent
ROOT = Path(__file__).parents[2]
SOURCES = sorted(set(PACKAGE.rglob("*.py")) - set(PACKAGE.glob("examples/**/*.py")))  # where it was installed

PUBLIC = {
    "fastnn": "Network Trainer compile kernels manual_seed set_num_threads get_num_threads runtime_info save load "
    "no_grad nn optim transforms datasets utils FormatError Tensor tensor zeros ones rand randperm arange cat stack "
    "flatten sum mean max argmax exp log relu sigmoid tanh softmax log_softmax matmul float32 float64 int64 uint8 "
    "float long bool from_numpy is_grad_enabled enable_grad set_grad_enabled initial_seed autograd "
    "__version__ LiveCurve",
    "fastnn.nn": "Module Parameter Linear ReLU Sigmoid Tanh Flatten Sequential Dropout CrossEntropyLoss MSELoss "
    "BCEWithLogitsLoss functional",
    "fastnn.nn.functional": "relu sigmoid tanh softmax log_softmax cross_entropy mse_loss linear "
    "binary_cross_entropy_with_logits",
    "fastnn.optim": "SGD Adam AdamW RMSprop Adadelta Adagrad Adamax NAdam RAdam Optimizer lr_scheduler",
    "fastnn.optim.lr_scheduler": "LRScheduler _LRScheduler LambdaLR MultiplicativeLR StepLR MultiStepLR ConstantLR "
    "LinearLR ExponentialLR PolynomialLR CosineAnnealingLR CosineAnnealingWarmRestarts CyclicLR OneCycleLR "
    "SequentialLR ChainedScheduler ReduceLROnPlateau",
    "fastnn.transforms": "Compose Grayscale Resize CenterCrop ToTensor Normalize",
    "fastnn.datasets": "ImageFolder MNIST",
    "fastnn.utils.data": "Dataset DataLoader TensorDataset Subset random_split",
    "fastnn.kernels": "dense_forward dense_backward relu_forward relu_backward softmax_cross_entropy adam_step",
    "fastnn.onnx": "export load",
    "fastnn.Network": "fit evaluate predict predict_classes save load summary",
}


def command(*words: str) -> subprocess.CompletedProcess[str]:
    return python("-m", "fastnn", *words)


@pytest.mark.parametrize("home", PUBLIC)
def test_public_names(home: str) -> None:
    owner = fastnn.Network if home == "fastnn.Network" else import_module(home)
    missing = [name for name in PUBLIC[home].split() if not hasattr(owner, name)]
    assert missing == []


def test_names_are_listed() -> None:
    listed = dir(fastnn)
    for name in PUBLIC["fastnn"].split():
        assert name in listed, name


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        *(("fastnn.sigmod", "sigmoid"), ("fastnn.transfroms", "transforms"), ("fastnn.nn.Relu", "ReLU")),
        *(("fastnn.nn.functional.cross_entorpy", "cross_entropy"), ("fastnn.optim.Adamw", "AdamW")),
        *(("fastnn.autograd.backwards", "backward"), ("fastnn.datasets.FashionMnist", "FashionMNIST")),
        *(("fastnn.utils.dta", "data"), ("fastnn.transforms.Resise", "Resize")),
        *((f"fastnn.{name}", "") for name in ("einsum", "quantile", "log2", "jit", "nn.LSTM", "nn.Conv3d")),
        *((f"fastnn.{name}", "") for name in ("nn.functional.unfold", "optim.LBFGS", "autograd.grad")),
    ],
)
def test_names_that_are_missing(path: str, meant: str) -> None:
    """PyTorch's names that are not there, and slips."""
    home, _, name = path.rpartition(".")
    module = import_module(home)
    assert not hasattr(module, name)
    said = f"module '{home}' has no attribute '{name}'; python -m fastnn.run --list shows what there is"
    with pytest.raises(AttributeError) as caught:
        getattr(module, name)
    assert str(caught.value) == (f"{said}; did you mean '{meant}'?" if meant else said)
    with pytest.raises(AttributeError, match=r"no attribute '__wrapped__'$"):
        _ = module.__wrapped__


def test_a_slip_is_named_once() -> None:
    """Python looks for names alike too, where a traceback is shown."""
    error = "AttributeError: module 'fastnn' has no attribute 'sigmod'; python -m fastnn.run --list shows what there is"
    done = python("-c", "import fastnn; fastnn.sigmod")
    assert done.stderr.splitlines()[-1] == f"{error}; did you mean 'sigmoid'?"


def test_every_public_function_says_what_it_does() -> None:
    """Documented where it is a function or class of ours; the one-liners that mirror a method are its own words."""
    silent = []
    for home in (
        "fastnn.optim",
        "fastnn.transforms",
        "fastnn.datasets",
        "fastnn.utils.data",
        "fastnn.kernels",
        "fastnn.onnx",
    ):
        module = import_module(home)
        silent += [name for name in PUBLIC[home].split() if not getattr(module, name).__doc__]
    silent += [name for name in PUBLIC["fastnn.Network"].split() if not getattr(fastnn.Network, name).__doc__]
    assert silent == []


TUTORIAL = """
import fastnn as torch
import fastnn.nn.functional as F
import fastnn.optim as optim
from fastnn import nn, optim, transforms, datasets
from fastnn.utils.data import DataLoader, Dataset
from fastnn.optim import lr_scheduler
from fastnn.transforms import ToTensor

class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer1 = nn.Linear(784, 256)
        self.layer2 = nn.Linear(256, 10)

    def forward(self, x):
        x = x.view(-1, 28 * 28)
        x = self.layer1(x)
        x = torch.relu(x)
        return self.layer2(x)

torch.manual_seed(0)
model = Network()
optimizer = optim.Adam(model.parameters())
criterion = nn.CrossEntropyLoss()
data, label = torch.rand(64, 1, 28, 28), torch.arange(64) % 10
for batch_idx in range(3):
    output = model(data)
    loss = criterion(output, label)
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    print(f"Epoch 1/10 | Batch {batch_idx}/938 | Loss: {loss.item():.4f}")
torch.save(model.state_dict(), "mnist.pth")
model.load_state_dict(torch.load("mnist.pth"))
with torch.no_grad():
    print(model(data[:1]).argmax(1).item() in range(10))
"""


def test_a_tutorials_lines(tmp_path: Path) -> None:
    lines = printed(TUTORIAL, cwd=tmp_path).splitlines()
    losses = [float(line.rsplit(" ", 1)[1]) for line in lines[:3]]
    assert losses == sorted(losses, reverse=True)
    assert lines[3] == "True"


BEFORE_AND_AFTER = """
import sys, numpy
before = set(sys.modules)
import fastnn
print(*sorted(set(sys.modules) - before))
"""


def test_importing_loads_only_what_it_needs() -> None:
    """Beyond NumPy and what it brings: fastnn's own modules for tensors, layers and optimizers."""
    others = [name for name in printed(BEFORE_AND_AFTER).split() if not name.startswith("fastnn")]
    # Small ones of the standard library, should NumPy no longer bring them; anything with a cost would stand out.
    allowed = {"__future__", "contextlib", "copy", "dataclasses", "enum", "inspect", "threading", "types", "typing"}
    assert {name.split(".")[0] for name in others} <= allowed, others


# The rooms that an import loads; io, data, engine, training, keras and the rest wait until somebody asks for them.
LOADED_ROOMS = {"_core", "platform", "arrays", "text", "errors", "chinese", "random", "eager", "nn", "optim", "renamed"}

# Finding and reading an empty module takes a quarter of a millisecond: so many are a quarter of the 45 to 50 ms that an
# import takes beyond NumPy.
MOST_MODULES = 50


def test_importing_loads_the_lower_rooms_alone() -> None:
    """What an import costs, in modules: seconds differ between machines, these do not."""
    loaded = {name for name in printed(BEFORE_AND_AFTER).split() if name.startswith("fastnn.")}
    above = {name for name in loaded if name.split(".")[1] not in LOADED_ROOMS}
    assert above == set()
    assert len(loaded) <= MOST_MODULES, f"{len(loaded)} modules: {sorted(loaded)}"


# Former names: each in a process of its own, where nothing has asked for it yet.


FORMER = (  # modules of version 0.1.0, each with a name that it had
    "autograd:no_grad check:Finding checkpoint:Checkpointer cli:Parser console:Console creation:zeros "
    "datasets.digits:make_digits datasets.folder:ImageFolder datasets.mnist:MNIST datasets.vision:VisionDataset "
    "dtypes:Size feed:Feed fusion:fuse_linear_relu history:History indexing:getitem info:runtime_info inplace:update "
    "linalg:matmul losses:MSELoss lowering:Lowering metrics:count_correct network:Network ops:copy photo:as_mnist "
    "plan:Plan plot:curves preparation:prepare printing:tensor_text profile:Profile recipes:Recipe recording:Recorder "
    "reductions:MaxResult serialization:save_model summary:summary tensorboard_log:TensorBoardLog trainer:Trainer"
)


def test_former_modules_are_the_very_modules() -> None:
    """Imported first under their former names: the modules of today, with what they had."""
    former = dict(word.split(":") for word in FORMER.split())
    assert set(former) <= set(RENAMED)
    former = {
        **dict.fromkeys(RENAMED, "__name__"),
        **former,
        "nn.modules.functional": "relu",
        "nn.layers.linear": "Linear",
    }
    today = {**RENAMED, "nn.modules.functional": "nn.functional", "nn.layers.linear": "nn.linear"}
    code = f"""
from importlib import import_module
for module, name in {former!r}.items():
    found = import_module(f"fastnn.{{module}}")
    today = import_module("fastnn." + {today!r}[module])
    print(module, hasattr(found, name), found is today, today.__spec__.name == today.__name__)
"""
    told = dict(line.split(" ", 1) for line in printed(code).splitlines())
    assert told.pop("check") == "True False True", "the function stands for it"
    assert told == dict.fromkeys(former.keys() - {"check"}, "True True True")


def test_check_is_a_function_whoever_is_imported_first() -> None:
    """``fastnn.check`` was a function and a module: an import of the one must not hide the other."""
    assert printed("from fastnn.check import Finding; import fastnn; print(fastnn.check.__name__)") == "check\n"
    assert printed("from fastnn import check; from fastnn.check import Finding; print(Finding.__name__)") == "Finding\n"
    same = "import fastnn; from fastnn.check import Finding, check; print(fastnn.check is check, fastnn.check.Finding)"
    assert printed(same).startswith("True <class 'fastnn.checks.")


def test_former_modules_are_attributes() -> None:
    """As messages name them: ``fastnn.trainer.Callback``."""
    assert printed("import fastnn; print(fastnn.trainer.Callback.__name__)") == "Callback\n"
    assert printed("import fastnn.trainer; print(fastnn.trainer.Callback.__name__)") == "Callback\n"
    code = "import fastnn; from fastnn import network; print(network is fastnn.network, fastnn.info.runtime_info)"
    assert printed(code).startswith("True <function runtime_info")


def test_training_needs_no_pillow() -> None:
    """Pillow, JSON and the like are loaded by what uses them: images and files."""
    code = """
import sys, numpy
before = set(sys.modules)
import fastnn
x, y = numpy.eye(6, dtype="f4"), numpy.arange(6) % 3
network = fastnn.Network(6, 3)
network.fit((x, y), epochs=1, verbose=0)
network.predict(x)
print(*sorted(set(sys.modules) - before))
"""
    loaded = set(printed(code).split())
    assert not loaded & {"PIL", "zipfile", "gzip", "argparse", "logging", "subprocess", "multiprocessing", "tempfile"}
    assert "fastnn.training.trainer" in loaded


def imports_of(path: Path) -> set[str]:
    """The first words of all modules that a file imports, wherever in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add((node.module or "").split(".")[0])
    return names


def test_no_pickle_and_nothing_that_runs_text() -> None:
    calls = ("eval", "exec", "__import__", "compile")
    for path in SOURCES:
        assert not imports_of(path) & {"pickle", "_pickle", "cPickle", "dill", "marshal", "shelve", "joblib"}, path
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            called = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in calls
            assert not called, f"{path}:{node.lineno}"


def test_only_numpy_and_pillow_are_needed() -> None:
    """matplotlib is an extra, imported by what draws alone; scikit-learn and pandas by the estimators."""
    used = {path: imports_of(path) - set(sys.stdlib_module_names) - {"fastnn"} for path in SOURCES}
    for_checkers = {"typing_extensions"}
    assert set().union(*used.values()) - for_checkers == {"numpy", "PIL", "matplotlib", "sklearn", "pandas"}
    assert {path.name for path, names in used.items() if "matplotlib" in names} == {"plot.py", "history.py"}
    assert {path.parent.name for path, names in used.items() if names & {"sklearn", "pandas"}} == {"sklearn"}


def test_versions_agree() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert fastnn.__version__ == _core.__version__ == project["version"] == fastnn.runtime_info()["fastnn"]
    assert command("--version").stdout == f"fastnn {project['version']}\n"
    with suppress(metadata.PackageNotFoundError):  # run from the sources
        assert metadata.version(project["name"]) == project["version"]


def test_files_of_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["scripts"] == {"fastnn": "fastnn.__main__:main"}
    assert sorted(re.split("[<>=]", word)[0] for word in project["dependencies"]) == ["numpy", "pillow"]
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["scikit-build"]["wheel"]
    assert wheel["packages"] == {"fastnn": "python/fastnn", "fastnn/examples": "examples"}
    assert (PACKAGE / "py.typed").read_text() == ""
    assert "def dense_forward" in (PACKAGE / "_core.pyi").read_text()


def test_nobody_is_told_to_install_another_distribution() -> None:
    """A distribution called fastnn by somebody else is on PyPI: ours has its own name, installed from a folder."""
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["name"] != "fastnn"
    rooms = (PACKAGE, ROOT / "docs", ROOT / "examples")
    texts = [*ROOT.glob("*.md"), *(path for room in rooms for path in room.rglob("*"))]
    readable = [path for path in texts if path.suffix in (".md", ".py", ".html", ".js", ".ipynb")]
    assert not [path for path in readable if re.search(r"pip3? install [-'\"\w ]*fastnn", path.read_text("utf-8"))]


def test_info() -> None:
    told = json.loads(command("info", "--json").stdout)
    assert told["isa"] in told["isa_levels"]
    assert told["isa_levels"][told["isa"]] is True
    assert told["threads"] >= 1
    assert told["fastnn"] == fastnn.__version__
    text = command("info")
    assert (text.returncode, text.stderr) == (0, "")
    shown = dict(line.split(":", 1) for line in text.stdout.splitlines())
    assert {name.strip() for name in shown} == set(told)
    assert shown["isa"].strip() == told["isa"]
    assert "scalar (yes)" in shown["isa_levels"]


def test_commands_without_words() -> None:
    asked, unasked = command("--help"), command()
    assert (asked.returncode, unasked.returncode) == (0, 2)
    assert asked.stdout.startswith("usage: fastnn COMMAND")
    for name in ("train", "evaluate", "predict", "data", "info"):
        assert f"\n  {name} " in asked.stdout
        assert command(name, "--help").stdout.startswith("usage: fastnn")
