"""The names that public scripts use, under their public spelling: each is called once, and says what it must.

One script has all of them, run by ``fastnn run``. A row (``torch_names.py``, ``vision_names.py``, ``keras_names.py``)
is a name, statements of which the last is an expression, and what that is: by PyTorch's or Keras' documentation, or
worked out by hand.
"""

from __future__ import annotations

import ast
from pathlib import Path

import keras_names
import pytest
import torch_names
import vision_names
from tutorial_runs import python

ROWS = {**torch_names.TORCH, **vision_names.VISION, **keras_names.KERAS}

SCRIPT = """
import ast, traceback
from keras_names import KERAS
from torch_names import TORCH
from vision_names import VISION
IMPORTS = {imports!r}
found = {{}}
for name, (lines, _) in {{**TORCH, **VISION, **KERAS}}.items():
    places = {{}}
    try:
        exec(IMPORTS, places)
        *before, last = ast.parse(lines).body
        exec(compile(ast.Module(before, []), name, "exec"), places)
        found[name] = repr(eval(compile(ast.Expression(last.value), name, "eval"), places))
    except BaseException:
        found[name] = traceback.format_exc()
print(repr(found))
"""

IMPORTS = """
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch.autograd import Variable
import keras
import tensorflow as tf

def refusal(call):
    try:
        call()
    except Exception as error:
        return str(error)
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What each row's last line was, as text; or how it failed."""
    folder = tmp_path_factory.mktemp("names")
    for rows in (torch_names, vision_names, keras_names):
        (folder / Path(rows.__file__).name).write_text(Path(rows.__file__).read_text())
    (folder / "script.py").write_text(SCRIPT.format(imports=IMPORTS))
    done = python(folder, "-W", "error", "-m", "fastnn.run", "script.py")
    assert done.returncode == 0, done.stderr
    return ast.literal_eval(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("name", ROWS)
def test_a_name_does_what_it_says(name: str, found: dict[str, str]) -> None:
    assert found[name] == repr(ROWS[name][1])
