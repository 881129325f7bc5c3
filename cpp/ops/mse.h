// threads above | Mean squared error. Kernel text: kernels/cpu/mse.inl.
//
//   x, target, grad (N, ...), losses (N,)
//   losses = sum (x - t)^2 a sample;   grad = (x - t) * scale
// scale holds the 2 of the square: 2 / (N C) for a mean. Sums run along the lane tree. grad must not overlap x or
// target.
#pragma once

#include "ops/loss.h"

namespace fastnn {

extern const Loss mse_op;

}  // namespace fastnn
