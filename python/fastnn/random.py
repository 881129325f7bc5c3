"""Random state: one seed and the counters that say how much of each stream is used.

Every random number is a pure function of (seed, purpose, position, index) (Philox, see ``cpp/core/philox.h``), so the
state is a handful of integers: it can be saved, restored and advanced by eager code and compiled plans alike.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np

from fastnn import _core
from fastnn.arrays import is_integer
from fastnn.text import way

__all__ = ["Generator", "initial_seed", "manual_seed"]

INIT, ORDER, DROPOUT, AUGMENTATION, DIGITS, USER = range(6)  # Purpose in cpp/core/philox.h


class RandomState:
    """Seed and counters since :func:`manual_seed`.

    parameters: initialised so far (stream INIT); orders: shuffles drawn by loaders (ORDER); dropouts: modules made
    (DROPOUT, each counts its own calls); draws: calls of ``rand`` and its like (USER).
    """

    def __init__(self, seed: int = 0, parameters: int = 0, orders: int = 0, dropouts: int = 0, draws: int = 0) -> None:
        self.seed = seed
        self.parameters = parameters
        self.orders = orders
        self.dropouts = dropouts
        self.draws = draws

    def __repr__(self) -> str:
        return f"RandomState({', '.join(f'{name}={value}' for name, value in self.as_dict().items())})"

    def __eq__(self, other: object) -> bool:
        return self.as_dict() == other.as_dict() if isinstance(other, RandomState) else NotImplemented

    def advance(self, counter: str) -> int:
        """The present value of a counter, which then moves on by one."""
        value: int = getattr(self, counter)
        setattr(self, counter, value + 1)
        return value

    def as_dict(self) -> dict[str, int]:
        names = ("seed", "parameters", "orders", "dropouts", "draws")
        return {name: getattr(self, name) for name in names}

    def restore(self, values: dict[str, int]) -> None:
        """Takes over what :meth:`as_dict` gave.

        Raises:
            ValueError: other names, or a number out of range: nothing is changed.
        """
        if set(values) != set(self.as_dict()):
            raise ValueError(
                f"a random state has {', '.join(self.as_dict())}; found {', '.join(map(str, values))[:200]}"
            )
        for name, value in values.items():
            bits = 64 if name == "seed" else 32  # of a stream's seed and position (cpp/core/philox.h)
            if type(value) is not int or not 0 <= value < 2**bits:
                raise ValueError(f"the random state's {name} is {str(value)[:60]}; it must be from 0 to 2**{bits} - 1")
        for name, value in values.items():
            setattr(self, name, value)


state = RandomState()


class Generator:
    """A stream of user draws and orders with a seed of its own: ``rand(3, generator=Generator().manual_seed(0))``.

    The numbers are those of fastnn's own stream after ``manual_seed`` of that seed. device: "cpu".
    """

    def __init__(self, device: object = "cpu") -> None:
        if str(device) != "cpu":
            raise RuntimeError(f"a Generator is on the CPU, where fastnn draws all numbers; not on {device}")
        self.device = device
        self.state = RandomState()

    def manual_seed(self, seed: int) -> Generator:
        """From the beginning of a seed's stream."""
        self.state = RandomState(_checked(seed))
        return self

    def initial_seed(self) -> int:
        """The seed in use."""
        return self.state.seed

    def seed(self) -> int:
        """Takes a seed from the operating system, and gives it."""
        return self.manual_seed(int.from_bytes(os.urandom(8), "little")).initial_seed()


def state_of(generator: Generator | None) -> RandomState:
    """What numbers are drawn from: a generator's own state, or fastnn's.

    Raises:
        TypeError: it is no :class:`Generator`.
    """
    if generator is None:
        return state
    if not isinstance(generator, Generator):
        raise TypeError(f"generator must be a fastnn.Generator, got {type(generator).__name__}")
    return generator.state


def manual_seed(seed: int) -> RandomState:
    """Seeds every stream and sets all counters to zero.

    Raises:
        TypeError: seed is not an integer.
        ValueError: seed is outside -2**63 .. 2**64 - 1.
    """
    state.restore(RandomState(seed=_checked(seed)).as_dict())
    return state


def _checked(seed: int) -> int:
    """A seed as 64 bits."""
    if not is_integer(seed):
        raise TypeError(f"seed must be an integer, got {type(seed).__name__}")
    if not -(2**63) <= seed < 2**64:
        raise ValueError(f"{way('--seed', 'seed')} is {seed}; it must fit 64 bits")
    return int(seed) % 2**64


def initial_seed() -> int:
    """The seed in use."""
    return state.seed


def uniform(
    shape: Sequence[int],
    low: float,
    high: float,
    *,
    purpose: int,
    position: int,
    dtype: type = np.float32,
    seed: int | None = None,
) -> np.ndarray:
    """Uniform numbers in [low, high): word i of the stream for element i. seed: another than the one in use."""
    key = state.seed if seed is None else int(seed) % 2**64
    return _core.uniform(list(shape), low, high, key, purpose, position, dtype is np.float64)


# Coefficients of M. J. Wichura's algorithm AS 241 (PPND16), Applied Statistics 37, 1988: the inverse of the normal
# distribution to about 1e-16, by a ratio of polynomials in each of three parts; highest power first.
_CENTRE = (
    (2509.0809287301226727, 33430.575583588128105, 67265.770927008700853, 45921.953931549871457,
     13731.693765509461125, 1971.5909503065514427, 133.14166789178437745, 3.387132872796366608),
    (5226.495278852545925, 28729.085735721942674, 39307.89580009271061, 21213.794301586595867,
     5394.1960214247511077, 687.1870074920579083, 42.313330701600911252, 1.0),
)  # fmt: skip
_SHOULDER = (
    (7.7454501427834140764e-4, 0.0227238449892691845833, 0.24178072517745061177, 1.27045825245236838258,
     3.64784832476320460504, 5.7694972214606914055, 4.6303378461565452959, 1.42343711074968357734),
    (1.05075007164441684324e-9, 5.475938084995344946e-4, 0.0151986665636164571966, 0.14810397642748007459,
     0.68976733498510000455, 1.6763848301838038494, 2.05319162663775882187, 1.0),
)  # fmt: skip
_TAIL = (
    (2.01033439929228813265e-7, 2.71155556874348757815e-5, 0.0012426609473880784386, 0.026532189526576123093,
     0.29656057182850489123, 1.7848265399172913358, 5.4637849111641143699, 6.6579046435011037772),
    (2.04426310338993978564e-15, 1.4215117583164458887e-7, 1.8463183175100546818e-5, 7.868691311456132591e-4,
     0.0148753612908506148525, 0.13692988092273580531, 0.59983220655588793769, 1.0),
)  # fmt: skip


def normal(
    shape: Sequence[int], *, purpose: int, position: int, share_kept: float = 1.0, seed: int | None = None
) -> np.ndarray:
    """Normal numbers, float64: each from one uniform number by the inverse of the distribution (AS 241).

    share_kept: how much of the distribution, about its middle, they are drawn from. seed: another than the one in use.
    The same bits everywhere: NumPy rounds + - * / and sqrt correctly, the logarithm is ours.
    """
    share = uniform(shape, 0.0, 1.0, purpose=purpose, position=position, dtype=np.float64, seed=seed)
    return normal_at((1 - share_kept) / 2 + share_kept * share)


# Numbers of which all that is made on the way, some ten arrays of 8 bytes each, stay in a cache of 1 MB.
_BLOCK = 8192


def normal_at(share: np.ndarray) -> np.ndarray:
    """The normal numbers below which such a share of all lies, in [0, 1)."""
    flat = share.reshape(-1)
    found = np.empty(flat.shape)
    for begin in range(0, flat.size, _BLOCK):
        found[begin : begin + _BLOCK] = _normal_at(flat[begin : begin + _BLOCK])
    return found.reshape(share.shape)


def _normal_at(share: np.ndarray) -> np.ndarray:
    half_step = 2.0**-54  # shares are multiples of 2**-53; the middle of a step is neither 0 nor 1
    q = share - 0.5 + half_step
    found = q * _ratio(_CENTRE, 0.180625 - q * q)
    is_outside = np.abs(q) > 0.425
    share, q = share[is_outside], q[is_outside]
    tail = np.sqrt(-_core.log(np.where(share < 0.5, share + half_step, 1 - share - half_step)))
    outside, is_far = _ratio(_SHOULDER, tail - 1.6), tail > 5
    outside[is_far] = _ratio(_TAIL, tail[is_far] - 5)
    found[is_outside] = np.copysign(outside, q)
    return found


def _ratio(polynomials: tuple[tuple[float, ...], tuple[float, ...]], x: np.ndarray) -> np.ndarray:
    """The first over the second, by Horner's rule."""
    above, below = (np.full_like(x, coefficients[0]) for coefficients in polynomials)
    for a, b in zip(*(coefficients[1:] for coefficients in polynomials), strict=True):
        above, below = above * x + a, below * x + b
    return above / below


def permutation(n: int, generator: Generator | None = None) -> np.ndarray:
    """The next shuffled order of n samples, int64 (n,)."""
    source = state_of(generator)
    return _core.permutation(n, source.seed, ORDER, source.advance("orders"))
