// threads above | softmax and log_softmax over the last dimension. Kernel text: kernels/cpu/softmax.inl.
//
//   softmax      y = exp(x - max) / sum exp(x - max);   grad_x = y (grad_y - sum(grad_y y))
//   log_softmax  y = x - max - log(sum exp(x - max));   grad_x = grad_y - exp(y) sum(grad_y)
// Gradients end at zero (kernels/kernel_table.h). x, y (..., C), contiguous. Sums run along the lane tree. Results must
// not overlap inputs.
#pragma once

#include "ops/map.h"

namespace fastnn {

extern const Map softmax_op, log_softmax_op;
extern const MapBackward softmax_backward_op, log_softmax_backward_op;

}  // namespace fastnn
