// threads above | Natural logarithm, at most 2 ULP. Kernel text: kernels/cpu/elementwise.inl.
//
//   forward   y = log(x); -inf at 0, NaN below
//   backward  grad_x = grad_y / x (ops/arithmetic.h)
// Any shape, dense in any order, float32 or float64; the result may be the input itself.
#pragma once

#include "ops/map.h"

namespace fastnn {

extern const Map log_op;

}  // namespace fastnn
