// threads above | Dropout (Srivastava et al., 2014), inverted: what is kept is scaled by 1 / (1 - p).
//
//   mask = uniform(seed, call, module, element) >= p ? 1 / (1 - p) : 0;   y = x mask;   grad_x = grad_y mask
//   (arithmetic.h)
// The draw of element i is word i of the dropout stream at position `call` (the module's training calls so far); the
// module's number keeps two modules apart. x, mask, y: one shape, contiguous; `first` is the number of their first
// element, where they are a part of a batch.
#pragma once

#include "core/parallel.h"
#include "core/tensor_view.h"

namespace fastnn {

struct DropoutDraw {
    std::uint64_t seed = 0;
    std::uint32_t call = 0, module = 0;
};

void dropout_check(const TensorView& x, double p, const TensorView& mask, const TensorView& y);
void dropout(Team& team, const TensorView& x, double p, const DropoutDraw& draw, const TensorView& mask,
             const TensorView& y, std::int64_t first = 0);

}  // namespace fastnn
