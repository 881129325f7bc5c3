// threads above | Binary cross-entropy with logits. Kernel text: kernels/cpu/bce.inl.
//
//   x, target, grad (N, ...), losses (N,)
//   losses = sum max(x, 0) - x t + log(1 + exp(-|x|)) a sample;   grad = (sigmoid(x) - t) * scale
// scale is 1 / (N C) for a mean. grad ends at zero (kernels/kernel_table.h). Sums run along the lane tree. grad must
// not overlap x or target.
#pragma once

#include "ops/loss.h"

namespace fastnn {

extern const Loss bce_with_logits_op;

}  // namespace fastnn
