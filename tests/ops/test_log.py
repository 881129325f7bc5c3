"""log: at most 2 ULP everywhere."""

import numpy as np
from fastnn import _core
from fastnn.reference.log import log
from function_tests import FunctionTests, two_ulp
from harness import REMAINDERS, Op, worth_three_threads


class TestLog(FunctionTests):
    op = Op(
        run=_core.log,
        truth=log,
        bound=two_ulp,
        draw=lambda rng, shape, dtype: (rng.uniform(0.01, 4, shape).astype(dtype),),
        small=REMAINDERS,
        large=worth_three_threads(12),
    )
    low, high = 0.5, 2.0  # where the logarithm is small and cancels
    specials = (
        (1.0, 0.0),
        (0.0, -np.inf),
        (-0.0, -np.inf),
        (np.inf, np.inf),
        (-np.inf, np.nan),
        (-1.0, np.nan),
        (-1e-40, np.nan),
        (np.nan, np.nan),
    )
