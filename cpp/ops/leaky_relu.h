// threads above | Leaky rectified linear unit (Maas, Hannun and Ng, 2013). Kernel text: kernels/cpu/leaky_relu.inl.
//
//   forward   y = x where x > 0, else negative_slope x: NaN where x is NaN
//   backward  grad_x = grad_y where x > 0, else negative_slope grad_y
// Backward reads x: where the slope is negative, the sign of y does not tell that of x. The slope is rounded to the
// arrays' type and must be finite there. Any shape, dense in any order, float32 or float64; the result may be an input.
#pragma once

#include "ops/map.h"

namespace fastnn {

extern const Map leaky_relu_op;  // numbers: the slope
extern const MapBackward leaky_relu_backward_op;

}  // namespace fastnn
