"""Adam (Kingma and Ba, 2015) and AdamW (Loshchilov and Hutter, 2019)."""

from __future__ import annotations

import numpy as np

from fastnn.reference.flush import average_squares, flushed, least_root


def adam(
    param: np.ndarray,
    grad: np.ndarray,
    m: np.ndarray,
    v: np.ndarray,
    step: int,
    lr: float = 1e-3,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    decoupled: bool = False,
    eps_corrected: bool = True,
    dtype: type | None = None,
) -> None:
    """One step, `step` counted from 1; param, m and v (one shape, as grad) are updated in place.

    m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2;  c = 1 - beta^step
    w -= lr (m / c1) / (sqrt(v / c2) + eps)
    Keras' form (eps_corrected=False): w -= lr sqrt(c2) / c1 m / (sqrt(v) + eps)

    weight_decay: added to the gradient (Adam), or w *= 1 - lr weight_decay first (decoupled: AdamW).
    dtype: whose limits hold (param's): m and v end at zero, and an eps that is too small for that is raised.
    """
    dtype = dtype or param.dtype.type
    if decoupled:
        param *= 1 - lr * weight_decay
    elif weight_decay:
        grad = grad + weight_decay * param
    m *= beta1
    m += (1 - beta1) * grad
    m[...] = flushed(m, dtype)
    average_squares(v, beta2, grad, dtype)
    correction1, correction2 = 1 - beta1**step, 1 - beta2**step
    least_eps = least_root(beta2, dtype)
    if eps_corrected:
        eps = max(eps, least_eps / correction2**0.5)
        param -= lr * (m / correction1) / (np.sqrt(v / correction2) + eps)
    else:
        param -= (lr * correction2**0.5 / correction1) * m / (np.sqrt(v) + max(eps, least_eps))
