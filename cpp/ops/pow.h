// threads above | Powers with a fixed exponent.
//
//   forward   y = x^p
//   backward  grad_x = grad_y p x^(p-1)
// Whole |p| <= 64: repeated squaring in the array's own precision, 1/x^|p| for p < 0. p = 0.5: the square root. Any
// other p: exp(p log x) in double, so NaN for x < 0. x, y, grad_y, grad_x: one shape, contiguous.
#pragma once

#include "core/parallel.h"
#include "core/tensor_view.h"

namespace fastnn {

void pow_check(const TensorView& x, const TensorView& y);
void pow(Team& team, const TensorView& x, double exponent, const TensorView& y);

void pow_backward_check(const TensorView& grad_y, const TensorView& x, const TensorView& grad_x);
void pow_backward(Team& team, const TensorView& grad_y, const TensorView& x, double exponent, const TensorView& grad_x);

}  // namespace fastnn
