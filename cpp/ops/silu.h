// threads above | Sigmoid linear unit, also swish (Elfwing et al., 2017). Kernel text: kernels/cpu/silu.inl.
//
//   forward   y = x s, s = sigmoid(x); NaN at -infinity, as PyTorch's
//   backward  grad_x = grad_y (s + x s (1 - s))
// The gradient ends at zero where it fades (kernels/kernel_table.h). Any shape, dense in any order, float32 or float64;
// the result may be an input.
#pragma once

#include "ops/map.h"

namespace fastnn {

extern const Map silu_op;
extern const MapBackward silu_backward_op;

}  // namespace fastnn
