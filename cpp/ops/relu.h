// threads above | Rectified linear unit. Kernel text: kernels/cpu/relu.inl.
//
//   forward   y = x where x > 0, NaN where x is NaN, else +0
//   backward  grad_x = grad_y where x > 0, else 0; y serves as x
// Any shape, dense in any order, float32 or float64; the result may be the input itself.
#pragma once

#include "ops/map.h"

namespace fastnn {

extern const Map relu_op;
extern const MapBackward relu_backward_op;

}  // namespace fastnn
