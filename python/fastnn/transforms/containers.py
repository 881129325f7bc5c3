"""Steps made of steps: one after the other, one of them, in any order; and any function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from fastnn.transforms import draws
from fastnn.transforms.base import Transform, check_share, plain

Step = Callable[[Any], Any]


class Compose:
    """Applies transforms one after the other.

    Raises:
        TypeError: a class in the place of a transform.
    """

    def __init__(self, transforms: Sequence[Step]) -> None:
        for each in transforms if isinstance(transforms, list | tuple) else ():
            if isinstance(each, type) and each.__module__.startswith("fastnn."):
                name = each.__name__
                raise TypeError(f"Compose: {name} is a class, not a transform: use {name}()")
        self.transforms = transforms

    def __call__(self, img: Any) -> Any:
        for transform in self.transforms:
            img = transform(img)
        return img

    def __repr__(self) -> str:
        return _listed(self, self.transforms)


class Lambda:
    """Applies any function.

    Raises:
        TypeError: lambd cannot be called.
    """

    def __init__(self, lambd: Step) -> None:
        if not callable(lambd):
            raise TypeError(f"Argument lambd should be callable, got {type(lambd).__name__!r}")
        self.lambd = lambd

    def __call__(self, img: Any) -> Any:
        return self.lambd(img)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class RandomApply(Transform):
    """Applies transforms one after the other, all of them with probability ``p``, else none."""

    def __init__(self, transforms: Sequence[Step], p: float = 0.5) -> None:
        check_share(p, "RandomApply")
        self.transforms = transforms
        self.p = plain(p)

    def forward(self, img: Any) -> Any:
        return Compose(self.transforms)(img) if draws.chance(self.p) else img

    def __repr__(self) -> str:
        return _listed(self, [f"p={self.p}", *self.transforms])


class RandomOrder:
    """Applies transforms in a random order.

    Raises:
        TypeError: they are no sequence.
    """

    def __init__(self, transforms: Sequence[Step]) -> None:
        self.transforms = _sequence(transforms)

    def __call__(self, img: Any) -> Any:
        return Compose([self.transforms[i] for i in draws.order(len(self.transforms))])(img)

    def __repr__(self) -> str:
        return _listed(self, self.transforms)


class RandomChoice:
    """Applies one of several transforms, drawn by the weights ``p``; None for equal ones.

    Raises:
        TypeError: transforms or p is no sequence.
        ValueError: another number of weights, a negative one, or none above zero.
    """

    def __init__(self, transforms: Sequence[Step], p: Sequence[float] | None = None) -> None:
        self.transforms = _sequence(transforms)
        if p is not None and not isinstance(p, Sequence):
            raise TypeError("Argument p should be a sequence")
        if p is not None and (len(p) != len(transforms) or min(p, default=0) < 0 or not sum(p) > 0):
            raise ValueError(f"RandomChoice: p should be a weight for each of {len(transforms)} transforms, got {p!r}")
        self.p = p

    def __call__(self, *args: Any) -> Any:
        return self.transforms[draws.choice(len(self.transforms), self.p)](*args)

    def __repr__(self) -> str:
        return f"{_listed(self, self.transforms)}(p={self.p})"


def _sequence(transforms: Sequence[Step]) -> Sequence[Step]:
    if not isinstance(transforms, Sequence):
        raise TypeError("Argument transforms should be a sequence")
    return transforms


def _listed(step: object, parts: Sequence[Any]) -> str:
    return "\n".join([f"{type(step).__name__}(", *(f"    {part}" for part in parts), ")"])
