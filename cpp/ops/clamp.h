// threads above | x within bounds. Kernel text: kernels/cpu/clamp.inl.
//
//   forward   y = min(max(x, low), high): high where low is above it; NaN stays NaN
//   backward  grad_x = grad_y where low <= x <= high, else 0, as of NaN
// Bounds are rounded to the arrays' type; infinite ones bound nothing, NaN is refused. x at a bound stays as it is, the
// sign of a zero too. Any shape, dense in any order, float32 or float64; the result may be an input.
#pragma once

#include "ops/map.h"

namespace fastnn {

extern const Map clamp_op;  // numbers: low, high
extern const MapBackward clamp_backward_op;

}  // namespace fastnn
