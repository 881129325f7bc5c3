// threads above | Rectified linear unit. Kernel text: kernels/cpu/relu.inl.
//
//   forward   y = x where x > 0, NaN where x is NaN, else +0
//   backward  grad_x = grad_y where x > 0, else 0; y serves as x
// Any shape, contiguous, float32 or float64; the result may be the input itself.
#pragma once

#include "core/parallel.h"
#include "core/tensor_view.h"

namespace fastnn {

void relu_check(const TensorView& x, const TensorView& y);
void relu(Team& team, const TensorView& x, const TensorView& y);

void relu_backward_check(const TensorView& grad_y, const TensorView& x, const TensorView& grad_x);
void relu_backward(Team& team, const TensorView& grad_y, const TensorView& x, const TensorView& grad_x);

}  // namespace fastnn
