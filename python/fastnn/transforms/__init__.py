"""Image transforms under torchvision's names, with its results and its printed form, on PIL images and Tensors.

base.py              the class of steps, sizes, interpolations     draws.py         their random numbers
containers.py        Compose, Lambda, RandomApply, ...             convert.py       ToTensor, Normalize, types
resize.py geometry.py warps.py                                     sizes, crops and borders; rotations and the like
random_geometry.py random_warps.py                                 the random ones of them
color.py blur.py random_color.py erasing.py                        colours, sharpness; rectangles replaced
autoaugment.py       policies                                      tensors.py       resizing and grey of Tensors
transforms.py        all steps                                     functional.py    all functions
v2.py                torchvision's newer names

Source of the behaviour: torchvision.transforms (v1).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from fastnn.text import absent
from fastnn.transforms import transforms
from fastnn.transforms.base import MAX_PIXELS
from fastnn.transforms.resize import FULL_SIZE
from fastnn.transforms.transforms import *  # noqa: F403

if TYPE_CHECKING:
    from fastnn.transforms import autoaugment, functional, v2
    from fastnn.transforms.autoaugment import AutoAugment, AutoAugmentPolicy, RandAugment, TrivialAugmentWide

_AUTOMATIC = ("AutoAugment", "AutoAugmentPolicy", "RandAugment", "TrivialAugmentWide")
_MODULES = ("autoaugment", "functional", "v2")

__all__ = [
    "FULL_SIZE",
    "MAX_PIXELS",
    "AutoAugment",
    "AutoAugmentPolicy",
    "RandAugment",
    "TrivialAugmentWide",
    "autoaugment",
    "functional",
    "v2",
]
__all__ += transforms.__all__


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"{__name__}.{name}")
    if name not in _AUTOMATIC:
        absent(globals(), name)
    return getattr(import_module(f"{__name__}.autoaugment"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_AUTOMATIC, *_MODULES])
