// threads above | Natural logarithm, at most 2 ULP. Kernel text: kernels/cpu/elementwise.inl.
//
//   forward   y = log(x); -inf at 0, NaN below
//   backward  grad_x = grad_y / x (ops/arithmetic.h)
// Any shape, contiguous, float32 or float64; the result may be the input itself.
#pragma once

#include "core/parallel.h"
#include "core/tensor_view.h"

namespace fastnn {

void log_check(const TensorView& x, const TensorView& y);
void log(Team& team, const TensorView& x, const TensorView& y);

}  // namespace fastnn
