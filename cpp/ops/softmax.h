// threads above | softmax and log_softmax over the last dimension. Kernel text: kernels/cpu/softmax.inl.
//
//   softmax      y = exp(x - max) / sum exp(x - max);   grad_x = y (grad_y - sum(grad_y y))
//   log_softmax  y = x - max - log(sum exp(x - max));   grad_x = grad_y - exp(y) sum(grad_y)
// x, y (..., C), contiguous. Sums run along the lane tree. Results must not overlap inputs.
#pragma once

#include "core/parallel.h"
#include "core/tensor_view.h"

namespace fastnn {

void softmax_check(const TensorView& x, const TensorView& y);
void softmax_backward_check(const TensorView& grad_y, const TensorView& y, const TensorView& grad_x);

void softmax(Team& team, const TensorView& x, const TensorView& y);
void softmax_backward(Team& team, const TensorView& grad_y, const TensorView& y, const TensorView& grad_x);
void log_softmax(Team& team, const TensorView& x, const TensorView& y);
void log_softmax_backward(Team& team, const TensorView& grad_y, const TensorView& y, const TensorView& grad_x);

}  // namespace fastnn
