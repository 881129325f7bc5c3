// threads above | Hyperbolic tangent. Kernel text: kernels/cpu/tanh.inl.
//
//   forward   y = tanh(x)
//   backward  grad_x = grad_y (1 - y^2)
// Any shape, dense in any order, float32 or float64; the result may be the input itself.
#pragma once

#include "ops/map.h"

namespace fastnn {

extern const Map tanh_op;
extern const MapBackward tanh_backward_op;

}  // namespace fastnn
