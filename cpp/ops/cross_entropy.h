// threads above | Softmax cross-entropy. Kernel text: kernels/cpu/cross_entropy.inl.
//
//   logits (N, C), labels int64 (N,), losses (N,), grad (N, C)
//   losses = log(sum exp(x - max)) - (x[label] - max);   grad = (softmax(x) - onehot(label)) * scale
// With label smoothing s (Szegedy et al., 2016, section 7) the target is (1 - s) onehot(label) + s / C.
// scale is 1/N for a mean. grad ends at zero (kernels/kernel_table.h). grad must not overlap logits. Errors: a label
// outside 0..C-1 (named with its sample), N = 0, a smoothing outside 0..1.
#pragma once

#include "core/parallel.h"
#include "core/tensor_view.h"
#include "ops/facts.h"

namespace fastnn {

extern const Facts cross_entropy_facts;

void cross_entropy_check(const TensorView& logits, const TensorView& labels, const TensorView& losses,
                         const TensorView& grad, double smoothing);

// Samples [part.begin, part.end), whose labels have been checked.
void cross_entropy(Range part, const TensorView& logits, const TensorView& labels, double smoothing, double scale,
                   const TensorView& losses, const TensorView& grad);

}  // namespace fastnn
