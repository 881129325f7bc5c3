"""What is known of a network, and what its file carries: how it was built, on what it was trained, what it predicts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from math import isfinite, prod
from typing import Any

from fastnn.chinese import noted
from fastnn.data.typical import parse_typical
from fastnn.errors import FormatError, told
from fastnn.io.checks import MAX_JSON_VALUES, shown_name, shown_path
from fastnn.nn.labels import PREDICTIONS

# 1: until outputs, grounds and ranges were told. 0: a file that tells nothing (PyTorch's).
VERSION = 2


@dataclass
class ModelInfo:
    """What is known of a network; a field that nobody knows is empty.

    sizes: of :class:`fastnn.Network`; of any other network, structure: its layers as :mod:`fastnn.training.structure`
    describes them, and output_size: how many numbers it gives (0: it was never used). classes: their names by output,
    or labels that are numbers.
    input_shape: (C, H, W). mean, std: normalisation per channel, of pixels / 255. outputs: what they predict,
    ``softmax``, ``sigmoid`` or ``numbers``. loss: the class in ``fastnn.nn`` that it was trained with. input_range:
    the least and the largest number that it was given. ground of its training images: ``dark``, ``light`` or
    ``mixed``. preparation: how they came to their size, ``mnist`` (strokes in a box of 20 in the middle of 28x28),
    ``scaled``, or ``cropped`` (squares: the shorter side scaled, of the longer one the middle). forward:
    the class with a forward of its own, where it is not Network's: linear layers with ReLU between. typical: what its
    training images are like, as :mod:`fastnn.data.typical` describes them.
    """

    sizes: tuple[int, ...] = ()
    classes: list[Any] = field(default_factory=list)
    input_shape: tuple[int, ...] = ()
    mean: list[float] | None = None
    std: list[float] | None = None
    outputs: str = ""
    loss: str = ""
    input_range: list[float] | None = None
    ground: str = ""
    preparation: str = ""
    forward: str = ""
    typical: dict[str, Any] = field(default_factory=dict)
    version: int = VERSION
    structure: dict[str, Any] = field(default_factory=dict)
    output_size: int = 0

    def text(self) -> str:
        """As JSON; NumPy's numbers and arrays as Python's."""
        facts = asdict(self)
        if not self.structure:
            del facts["structure"], facts["output_size"]
        if not self.typical:
            del facts["typical"]
        return json.dumps(facts, default=lambda value: value.tolist())

    @property
    def output_count(self) -> int:
        """How many numbers it gives for an input; 0 where nobody knows."""
        return self.sizes[-1] if self.sizes else self.output_size

    @property
    def class_count(self) -> int:
        """How many classes its outputs tell apart; one of a ``sigmoid`` tells two."""
        if self.output_count == 1 and self.outputs == "sigmoid":
            return 2
        return self.output_count or len(self.classes)

    def assumptions(self) -> Iterator[str]:
        """What is taken for granted of its layers and outputs, because the file does not tell."""
        if self.version == 0 and not self.structure:
            yield noted("its layers: ReLU between them, nothing behind the last", "各层之间是 ReLU, 最后一层之后没有")
        if self.forward:
            order = (
                noted("one after the other", "依次相连")
                if self.structure
                else noted("ReLU between them", "之间是 ReLU")
            )
            own = shown_name(self.forward)
            yield noted(
                f"its layers: {order} (it was a {own}, with a forward of its own)",
                f"各层{order} (原来是 {own}, 有自己的 forward)",
            )
        if not (self.outputs or self.classes or self.input_shape):  # who describes images means classes
            single = self.output_count == 1
            yield (
                noted("its output: a number", "输出: 一个数")
                if single
                else noted("its outputs: scores of classes (softmax)", "输出: 各类别的分数 (softmax)")
            )


_CHOICES = {
    "outputs": ("", *PREDICTIONS),
    "ground": ("", "dark", "light", "mixed"),
    "preparation": ("", "mnist", "scaled", "cropped"),
}


def parse_info(path: Any, text: str) -> ModelInfo:
    """The info that :meth:`ModelInfo.text` wrote into a file.

    Raises:
        FormatError: it is damaged.
    """
    try:
        if sum(map(text.count, ",[{")) > MAX_JSON_VALUES:
            raise ValueError(f"it has more than {MAX_JSON_VALUES:,} values")
        content = json.loads(text)
        if not isinstance(content, dict):
            raise TypeError("it is no object")
        known = {name: content[name] for name in ModelInfo.__dataclass_fields__ if name in content}
        info = ModelInfo(**{"version": 1, **known})
        info.sizes = tuple(int(size) for size in info.sizes)
        info.input_shape = tuple(int(size) for size in info.input_shape)
        info.classes = [name if isinstance(name, int | float) else str(name) for name in info.classes]
        if not isinstance(info.structure, dict) or type(info.output_size) is not int:
            raise TypeError("its structure is no object, or its output_size no number")
        if info.typical:
            parse_typical(info.typical)
        info.loss, info.forward, info.version = str(info.loss), str(info.forward), max(int(info.version), 1)
        for name in ("mean", "std", "input_range"):
            values = getattr(info, name)
            setattr(info, name, None if values is None else [float(value) for value in values])
        for name, choices in _CHOICES.items():
            if getattr(info, name) not in choices:
                raise ValueError(f"its {name} is {shown_name(str(getattr(info, name)))}")
        if info.input_range is not None and len(info.input_range) != 2:
            raise ValueError("its input_range is no pair")
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        what = f"{shown_path(path)}: its description of the network"
        raise told(FormatError(f"{what} is damaged ({error})"), "file.damaged", what=what) from None
    return info


def check_info(path: Any, info: ModelInfo, sizes: tuple[int, ...]) -> None:
    """Refuses a description that does not fit the parameters: a network of these sizes, () for one of other layers.

    Raises:
        FormatError: what does not fit.
    """
    if info.sizes != sizes:
        raise FormatError(
            f"{shown_path(path)}: its parameters are of a {_dashed(sizes)} network, "
            f"its description says {_dashed(info.sizes)}"
        )
    if info.classes and info.output_count and len(info.classes) != info.class_count:
        described = f"its description names {len(info.classes)} classes"
        raise FormatError(f"{shown_path(path)}: {described}, the network has {info.output_count} outputs")
    shape = info.input_shape
    fits = prod(shape) == sizes[0] if sizes else len(shape) == 3
    if shape and (min(shape) < 1 or not fits):
        taken = f"that of {sizes[0]} inputs" if sizes else "that of images (C, H, W)"
        raise FormatError(f"{shown_path(path)}: the described input shape {shape} is not {taken}")
    mean, std = info.mean, info.std
    channels = shape[0] if shape else 1
    sound = mean is None and std is None
    if mean is not None and std is not None:
        sound = len(mean) == len(std) == channels and all(map(isfinite, mean + std)) and min(std) > 0
    if not sound:
        raise FormatError(f"{shown_path(path)}: the described normalisation, mean {mean} and std {std}, makes no sense")


def _dashed(sizes: tuple[int, ...]) -> str:
    return "-".join(map(str, sizes))
