"""Where weights start: Keras' distributions, from fastnn's own random stream (the same numbers on every machine)."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from fastnn import random
from fastnn.keras.named import Configured, resolve

Shape = tuple[int, ...]

# Of a normal distribution, what lies within two standard deviations, erf(sqrt(2)); and the standard deviation of that.
_WITHIN_TWO = 0.9544997361036416
_SPREAD_OF_TWO = 0.87962566103423978


class Initializer(Configured):
    """Makes the first values of a weight of a shape (..., inputs, outputs) or (outputs,).

    seed: None, the next numbers of the stream (:func:`fastnn.manual_seed`); a number, the same values at every call.
    """

    seed: int | None = None

    def __call__(self, shape: Shape, dtype: Any = None) -> np.ndarray:
        raise NotImplementedError

    def _position(self) -> int:
        return random.state.advance("parameters") if self.seed is None else 0

    def uniform(self, shape: Shape, low: float, high: float) -> np.ndarray:
        """float32 in [low, high)."""
        return random.uniform(shape, low, high, purpose=random.INIT, position=self._position(), seed=self.seed)

    def normal(self, shape: Shape, share_kept: float = 1.0) -> np.ndarray:
        """float64, of mean 0 and deviation 1 before all beyond a share about the middle is left out."""
        drawn = random.normal(
            shape, purpose=random.INIT, position=self._position(), share_kept=share_kept, seed=self.seed
        )
        return np.asarray(drawn)


def fans(shape: Shape) -> tuple[int, int]:
    """Inputs and outputs of one weight; those of a kernel (height, width, inputs, outputs) at each of its places."""
    places = prod(shape[:-2])
    return places * shape[-2 if len(shape) > 1 else 0], places * shape[-1]


class Constant(Initializer):
    """The same everywhere."""

    def __init__(self, value: float = 0.0) -> None:
        self.value = value

    def __call__(self, shape: Shape, dtype: Any = None) -> np.ndarray:
        return np.full(shape, self.value, dtype=np.float32)


class Zeros(Constant):
    """All zero."""

    def __init__(self) -> None:
        super().__init__(0.0)


class Ones(Constant):
    """All one."""

    def __init__(self) -> None:
        super().__init__(1.0)


class RandomUniform(Initializer):
    """Uniform in [minval, maxval)."""

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: int | None = None) -> None:
        self.minval = minval
        self.maxval = maxval
        self.seed = seed

    def __call__(self, shape: Shape, dtype: Any = None) -> np.ndarray:
        return self.uniform(shape, self.minval, self.maxval)


class RandomNormal(Initializer):
    """Normal with a mean and a standard deviation."""

    share_kept = 1.0

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | None = None) -> None:
        self.mean = mean
        self.stddev = stddev
        self.seed = seed

    def __call__(self, shape: Shape, dtype: Any = None) -> np.ndarray:
        return (self.mean + self.stddev * self.normal(shape, self.share_kept)).astype(np.float32)


class TruncatedNormal(RandomNormal):
    """The same without what is more than two standard deviations away from the mean."""

    share_kept = _WITHIN_TWO


class VarianceScaling(Initializer):
    """Of variance ``scale / n``; n by mode: ``fan_in``, ``fan_out``, ``fan_avg``.

    distribution: ``truncated_normal`` (within two standard deviations), ``untruncated_normal``, ``uniform``.

    Raises:
        ValueError: another mode or distribution, or a scale that is not positive.
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: int | None = None,
    ) -> None:
        distribution = "truncated_normal" if distribution == "normal" else distribution
        if mode not in ("fan_in", "fan_out", "fan_avg"):
            raise ValueError(f"VarianceScaling: mode is {mode!r}; it must be 'fan_in', 'fan_out' or 'fan_avg'")
        if distribution not in ("truncated_normal", "untruncated_normal", "uniform"):
            raise ValueError(
                f"VarianceScaling: distribution is {distribution!r}; it must be 'truncated_normal', "
                "'untruncated_normal' or 'uniform'"
            )
        if not scale > 0:
            raise ValueError(f"VarianceScaling: scale is {scale}; it must be positive")
        self.scale = scale
        self.mode = mode
        self.distribution = distribution
        self.seed = seed

    def __call__(self, shape: Shape, dtype: Any = None) -> np.ndarray:
        into, out = fans(shape)
        n = {"fan_in": into, "fan_out": out, "fan_avg": (into + out) / 2}[self.mode]
        if self.distribution == "uniform":
            bound = (3 * self.scale / max(n, 1)) ** 0.5
            return self.uniform(shape, -bound, bound)
        truncated = self.distribution == "truncated_normal"
        spread = (self.scale / max(n, 1)) ** 0.5 / (_SPREAD_OF_TWO if truncated else 1)
        return (spread * self.normal(shape, _WITHIN_TWO if truncated else 1.0)).astype(np.float32)


class _Scaled(VarianceScaling):
    """One whose scale, mode and distribution have a name."""

    fixed: tuple[float, str, str] = (1.0, "fan_in", "uniform")

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(*self.fixed, seed)


class GlorotUniform(_Scaled):
    """Uniform in +-sqrt(6 / (inputs + outputs)) (Glorot and Bengio, 2010)."""

    fixed = (1.0, "fan_avg", "uniform")


class GlorotNormal(_Scaled):
    """Normal of variance 2 / (inputs + outputs), within two standard deviations."""

    fixed = (1.0, "fan_avg", "truncated_normal")


class HeUniform(_Scaled):
    """Uniform in +-sqrt(6 / inputs) (He et al., 2015)."""

    fixed = (2.0, "fan_in", "uniform")


class HeNormal(_Scaled):
    """Normal of variance 2 / inputs, within two standard deviations."""

    fixed = (2.0, "fan_in", "truncated_normal")


class LecunUniform(_Scaled):
    """Uniform in +-sqrt(3 / inputs) (LeCun et al., 1998)."""

    fixed = (1.0, "fan_in", "uniform")


class LecunNormal(_Scaled):
    """Normal of variance 1 / inputs, within two standard deviations."""

    fixed = (1.0, "fan_in", "truncated_normal")


class Identity(Initializer):
    """gain on the diagonal, zero elsewhere.

    Raises:
        ValueError: of a shape that is no matrix's.
    """

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = gain

    def __call__(self, shape: Shape, dtype: Any = None) -> np.ndarray:
        if len(shape) != 2:
            raise ValueError(f"Identity makes matrices, not values of shape {shape}")
        return (self.gain * np.eye(*shape)).astype(np.float32)


class Orthogonal(Initializer):
    """gain times a matrix whose columns (or rows, where there are fewer) are of length 1 and at right angles (Saxe et
    al., 2013).

    Raises:
        ValueError: of a shape with less than two dimensions.
    """

    def __init__(self, gain: float = 1.0, seed: int | None = None) -> None:
        self.gain = gain
        self.seed = seed

    def __call__(self, shape: Shape, dtype: Any = None) -> np.ndarray:
        if len(shape) < 2:
            raise ValueError(f"Orthogonal makes values of two dimensions and more, not of shape {shape}")
        flat = (prod(shape[:-1]), shape[-1])
        rows = _at_right_angles(self.normal((min(flat), max(flat))))
        matrix = rows if flat[0] < flat[1] else rows.T
        return (self.gain * matrix).reshape(shape).astype(np.float32)


def _at_right_angles(rows: np.ndarray) -> np.ndarray:
    """By Gram and Schmidt's method, in NumPy's own sums: a BLAS would give other bits on another machine."""
    for i in range(len(rows)):
        rows[i] /= np.sqrt((rows[i] * rows[i]).sum())
        rows[i + 1 :] -= (rows[i + 1 :] * rows[i]).sum(axis=1, keepdims=True) * rows[i]
    return rows


_KNOWN: dict[str, Any] = {
    "glorot_uniform": GlorotUniform,
    "glorot_normal": GlorotNormal,
    "he_uniform": HeUniform,
    "he_normal": HeNormal,
    "lecun_uniform": LecunUniform,
    "lecun_normal": LecunNormal,
    "random_uniform": RandomUniform,
    "random_normal": RandomNormal,
    "uniform": RandomUniform,
    "normal": RandomNormal,
    "truncated_normal": TruncatedNormal,
    "variance_scaling": VarianceScaling,
    "orthogonal": Orthogonal,
    "identity": Identity,
    "constant": Constant,
    "zeros": Zeros,
    "zero": Zeros,
    "ones": Ones,
    "one": Ones,
}

# Keras' functions of these names make them.
glorot_uniform, glorot_normal = GlorotUniform, GlorotNormal
he_uniform, he_normal = HeUniform, HeNormal
lecun_uniform, lecun_normal = LecunUniform, LecunNormal
random_uniform, random_normal, truncated_normal = RandomUniform, RandomNormal, TruncatedNormal
variance_scaling, orthogonal, identity, constant = VarianceScaling, Orthogonal, Identity, Constant
zeros, ones = Zeros, Ones


def get(given: Any) -> Initializer:
    """The initialiser of a name, a class, a config, an object, or a function of a shape.

    Raises:
        ValueError: an unknown name.
        TypeError: something else.
    """
    if callable(given) and not isinstance(given, Initializer | type):
        return _OfFunction(given)
    return resolve("initializer", given, _KNOWN, Initializer)


class _OfFunction(Initializer):
    """A function of the user's: of a shape, and of a dtype where it takes one."""

    def __init__(self, function: Any) -> None:
        self.function = function

    def __call__(self, shape: Shape, dtype: Any = None) -> np.ndarray:
        try:
            values = self.function(shape, dtype="float32")
        except TypeError:
            values = self.function(shape)
        return np.asarray(values, dtype=np.float32)
