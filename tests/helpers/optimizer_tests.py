"""What the tests of the optimizers share: one step beside the oracle's, in place, for any dense layout."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from harness import REMAINDERS, Arrays, Op, OpTests, Real, check_same_bits, placed, worth_three_threads

Update = Callable[..., None]


def in_place(update: Update) -> Callable[..., Arrays]:
    """As a function for Op: updates the drawn arrays and returns all but the gradient (the second)."""

    def run(param: np.ndarray, grad: np.ndarray, *states: np.ndarray) -> Arrays:
        update(param, grad, *states)
        return param, *states

    return run


def draw(states: int) -> Callable[[np.random.Generator, tuple[int, ...], type], Arrays]:
    """Draws param, grad and so many states; states are positive, as averages of squares are."""

    def arrays(rng: np.random.Generator, shape: tuple[int, ...], dtype: type) -> Arrays:
        signed = [rng.standard_normal(shape) for _ in range(2)]
        return tuple(array.astype(dtype) for array in (*signed, *(rng.uniform(0.1, 2, shape) for _ in range(states))))

    return arrays


def optimizer(run: Update, truth: Update, bound: Callable, states: int, operations: int) -> Op:
    return Op(
        run=in_place(run),
        truth=in_place(truth),
        bound=bound,
        draw=draw(states),
        small=[*REMAINDERS, (3, 11)],
        large=worth_three_threads(operations),
        takes_out=False,
    )


class OptimizerTests(OpTests):
    """OpTests, but nothing can stand in for an array that is updated in place: it must be dense, and all alike."""

    def test_strides(self, isa: str, real: Real, rng: np.random.Generator) -> None:
        """Fortran order for all gives the bits of C order; a gradient in another byte order is read all the same."""
        inputs = self.op.draw(rng, (5, 19), real.dtype)
        plain = self.op.results(placed(inputs, 0))
        fortran = self.op.results(tuple(np.asfortranarray(array) for array in inputs))
        swapped = list(placed(inputs, 0))
        swapped[1] = swapped[1].astype(swapped[1].dtype.newbyteorder())
        for results in (fortran, self.op.results(tuple(swapped))):
            for found, wanted in zip(results, plain, strict=True):
                check_same_bits(found, wanted)

    @pytest.mark.parametrize(
        "view",
        [lambda x: x[:, ::2], lambda x: x[::-1], lambda x: x[:, ::-1], lambda x: x.T[2::-1]],
        ids=["gaps", "rows reversed", "columns reversed", "transposed and reversed"],
    )
    def test_gaps_and_reversed_arrays_are_refused(self, view: Callable[[np.ndarray], np.ndarray]) -> None:
        """An update walks over memory: arrays that do not fill theirs in ascending order must not be accepted."""
        whole = [array.copy() for array in self.op.draw(np.random.default_rng(0), (2, 7), np.float32)]
        before = [array.copy() for array in whole]
        with pytest.raises(ValueError, match="memory"):
            self.op.run(*(view(array) for array in whole))
        for array, kept in zip(whole, before, strict=True):
            check_same_bits(array, kept)

    def test_mixed_layouts_are_refused(self) -> None:
        arrays = list(self.op.draw(np.random.default_rng(0), (4, 6), np.float32))
        arrays[1] = np.asfortranarray(arrays[1])
        with pytest.raises(ValueError, match="the same memory layout"):
            self.op.run(*arrays)
