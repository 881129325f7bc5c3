// threads above | Exponential, at most 2 ULP. Kernel text: kernels/cpu/elementwise.inl.
//
//   forward   y = exp(x)
//   backward  grad_x = grad_y y (ops/arithmetic.h)
// Any shape, dense in any order, float32 or float64; the result may be the input itself.
#pragma once

#include "ops/map.h"

namespace fastnn {

extern const Map exp_op;

}  // namespace fastnn
