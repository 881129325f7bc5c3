// threads above | sum, mean and max over one axis. Kernel texts: kernels/cpu/lanes.inl (sum), reduce.inl.
//
//   x (outer, axis, inner) contiguous: any tensor with one axis, or a run of adjacent axes, picked out
//   sum   y (outer, inner) = scale * sum over axis       lane tree where inner = 1 (the last axis), else ascending from zero
//   max   y (outer, inner), index int64 (outer, inner)   the first largest; NaN counts as largest
// scale = 1 / axis gives the mean. Errors: max over an empty axis.
#pragma once

#include "core/parallel.h"
#include "core/tensor_view.h"

namespace fastnn {

void sum_check(const TensorView& x, const TensorView& y);
void sum(Team& team, const TensorView& x, double scale, const TensorView& y);

void max_check(const TensorView& x, const TensorView& y, const TensorView& index);
void max(Team& team, const TensorView& x, const TensorView& y, const TensorView& index);

}  // namespace fastnn
