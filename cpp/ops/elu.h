// threads above | Exponential linear unit (Clevert et al., 2016). Kernel text: kernels/cpu/elu.inl.
//
//   forward   y = x where x >= 0, else alpha (exp(x) - 1), without cancellation
//   backward  grad_x = grad_y where x > 0, else grad_y alpha exp(x): alpha at 0, as PyTorch's
// alpha is rounded to the arrays' type and must be finite there. The gradient ends at zero where it fades
// (kernels/kernel_table.h). Any shape, dense in any order, float32 or float64; the result may be an input.
#pragma once

#include "ops/map.h"

namespace fastnn {

extern const Map elu_op;  // numbers: alpha
extern const MapBackward elu_backward_op;

}  // namespace fastnn
