// threads above | Logistic function. Kernel text: kernels/cpu/sigmoid.inl.
//
//   forward   y = 1 / (1 + exp(-x))
//   backward  grad_x = grad_y y (1 - y)
// Any shape, contiguous, float32 or float64; the result may be the input itself.
#pragma once

#include "core/parallel.h"
#include "core/tensor_view.h"

namespace fastnn {

void sigmoid_check(const TensorView& x, const TensorView& y);
void sigmoid(Team& team, const TensorView& x, const TensorView& y);

void sigmoid_backward_check(const TensorView& grad_y, const TensorView& y, const TensorView& grad_x);
void sigmoid_backward(Team& team, const TensorView& grad_y, const TensorView& y, const TensorView& grad_x);

}  // namespace fastnn
