// threads above | Gaussian error linear unit (Hendrycks and Gimpel, 2016). Kernel text: kernels/cpu/gelu.inl.
//
//   gelu       y = x P(x), P(x) = (1 + erf(x / sqrt(2))) / 2, the share of a normal distribution below x
//              grad_x = grad_y (P + x exp(-x^2 / 2) / sqrt(2 pi))
//   gelu_tanh  y = x (1 + tanh(u)) / 2 = x sigmoid(2 u), u = sqrt(2 / pi) (x + 0.044715 x^3), and its gradient
// P is right to some ULP far below zero, too, where 1 + erf is not. NaN at -infinity, as PyTorch's. The gradient ends
// at zero where it fades (kernels/kernel_table.h). Any shape, dense in any order, float32 or float64; the result may be
// an input.
#pragma once

#include "ops/map.h"

namespace fastnn {

extern const Map gelu_op;
extern const MapBackward gelu_backward_op;
extern const Map gelu_tanh_op;
extern const MapBackward gelu_tanh_backward_op;

}  // namespace fastnn
