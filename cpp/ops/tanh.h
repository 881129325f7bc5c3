// threads above | Hyperbolic tangent. Kernel text: kernels/cpu/tanh.inl.
//
//   forward   y = tanh(x)
//   backward  grad_x = grad_y (1 - y^2)
// Any shape, contiguous, float32 or float64; the result may be the input itself.
#pragma once

#include "core/parallel.h"
#include "core/tensor_view.h"

namespace fastnn {

void tanh_check(const TensorView& x, const TensorView& y);
void tanh(Team& team, const TensorView& x, const TensorView& y);

void tanh_backward_check(const TensorView& grad_y, const TensorView& y, const TensorView& grad_x);
void tanh_backward(Team& team, const TensorView& grad_y, const TensorView& y, const TensorView& grad_x);

}  // namespace fastnn
