// threads above | Dropout (Srivastava et al., 2014), inverted: what is kept is scaled by 1 / (1 - p).
//
//   mask = uniform(seed, call, module, element) >= p ? 1 / (1 - p) : 0;   y = x mask;   grad_x = grad_y mask
//   (arithmetic.h)
// The draw of element i is word i of the dropout stream at position `call` (the module's training calls so far); the
// module's number keeps two modules apart. x, mask, y: one shape and one dense layout. Elements count in C order,
// however they lie in memory; `first` is the number of their first one, where they are some rows of a batch.
#pragma once

#include "core/parallel.h"
#include "core/tensor_view.h"
#include "ops/facts.h"

namespace fastnn {

extern const Facts dropout_facts;

struct DropoutDraw {
    std::uint64_t seed = 0;
    std::uint32_t call = 0, module = 0;
};

void dropout_check(const TensorView& x, double p, const TensorView& mask, const TensorView& y);
void dropout(Range part, const TensorView& x, double p, const DropoutDraw& draw, const TensorView& mask,
             const TensorView& y, std::int64_t first = 0);

}  // namespace fastnn
