"""exp: at most 2 ULP everywhere."""

import numpy as np
from fastnn import _core
from fastnn.reference.exp import exp
from function_tests import FunctionTests, two_ulp
from harness import REMAINDERS, Op, normals, worth_three_threads


class TestExp(FunctionTests):
    op = Op(run=_core.exp, truth=exp, bound=two_ulp, draw=normals(1), small=REMAINDERS, large=worth_three_threads(12))
    low, high = -105.0, 90.0
    specials = (
        (0.0, 1.0),
        (-0.0, 1.0),
        (np.inf, np.inf),
        (-np.inf, 0.0),
        (np.nan, np.nan),
        (1e-40, 1.0),
        (800.0, np.inf),
        (-800.0, 0.0),
    )
