// threads above | Powers with a fixed exponent.
//
//   forward   y = x^p
//   backward  grad_x = grad_y p x^(p-1)
// Whole |p| <= 64: repeated squaring in the array's own precision, 1/x^|p| for p < 0. p = 0.5: the square root. Any
// other p: exp(p log x) in double, so NaN for x < 0. x, y, grad_y, grad_x: one shape, dense in any order.
#pragma once

#include "ops/map.h"

namespace fastnn {

extern const Map pow_op;  // numbers: the exponent
extern const MapBackward pow_backward_op;

}  // namespace fastnn
