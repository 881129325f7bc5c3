// threads above | Logistic function. Kernel text: kernels/cpu/sigmoid.inl.
//
//   forward   y = 1 / (1 + exp(-x))
//   backward  grad_x = grad_y y (1 - y), which ends at zero (kernels/kernel_table.h)
// Any shape, dense in any order, float32 or float64; the result may be the input itself.
#pragma once

#include "ops/map.h"

namespace fastnn {

extern const Map sigmoid_op;
extern const MapBackward sigmoid_backward_op;

}  // namespace fastnn
