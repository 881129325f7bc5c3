// threads above | Random fills and orders from Philox streams (core/philox.h).
//
//   uniform      y[i] = low + (high - low) u, u = word i of the stream as a float in [0, 1), computed in double
//   permutation  Fisher-Yates from the end, each place drawn without bias by Lemire's method (ACM TOMACS 29, 2019)
#pragma once

#include "core/parallel.h"
#include "core/philox.h"
#include "core/tensor_view.h"

namespace fastnn {

// y in C order.
void uniform(Range part, const PhiloxStream& stream, double low, double high, const TensorView& y);

void permutation(const PhiloxStream& stream, std::int64_t n, std::int64_t* order);

}  // namespace fastnn
