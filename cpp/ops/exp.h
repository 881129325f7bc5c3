// threads above | Exponential, at most 2 ULP. Kernel text: kernels/cpu/elementwise.inl.
//
//   forward   y = exp(x)
//   backward  grad_x = grad_y y (ops/arithmetic.h)
// Any shape, contiguous, float32 or float64; the result may be the input itself.
#pragma once

#include "core/parallel.h"
#include "core/tensor_view.h"

namespace fastnn {

void exp_check(const TensorView& x, const TensorView& y);
void exp(Team& team, const TensorView& x, const TensorView& y);

}  // namespace fastnn
