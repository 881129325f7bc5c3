// threads above | log(1 + exp(x)) (Dugas et al., 2001). Kernel text: kernels/cpu/softplus.inl.
//
//   forward   y = max(x, 0) + log(1 + exp(-|x|)): nothing overflows, nothing cancels
//   backward  grad_x = grad_y sigmoid(x)
// The gradient ends at zero where it fades (kernels/kernel_table.h). Any shape, dense in any order, float32 or float64;
// the result may be an input.
#pragma once

#include "ops/map.h"

namespace fastnn {

extern const Map softplus_op;
extern const MapBackward softplus_backward_op;

}  // namespace fastnn
