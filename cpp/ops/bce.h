// threads above | Binary cross-entropy with logits. Kernel text: kernels/cpu/bce.inl.
//
//   x, target, grad (N, ...), losses (N,)
//   losses = sum max(x, 0) - x t + log(1 + exp(-|x|)) a sample;   grad = (sigmoid(x) - t) * scale
// scale is 1 / (N C) for a mean. Sums run along the lane tree. grad must not overlap x or target.
#pragma once

#include "core/parallel.h"
#include "core/tensor_view.h"

namespace fastnn {

void bce_with_logits_check(const TensorView& x, const TensorView& target, const TensorView& losses,
                           const TensorView& grad);
void bce_with_logits(Team& team, const TensorView& x, const TensorView& target, double scale, const TensorView& losses,
                     const TensorView& grad);

}  // namespace fastnn
