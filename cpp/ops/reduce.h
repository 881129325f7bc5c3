// threads above | sum, mean and max over one axis. Kernel texts: kernels/cpu/lanes.inl (sum), reduce.inl.
//
//   x (outer, axis, inner) contiguous: any tensor with one axis, or a run of adjacent axes, picked out
//   sum            y (outer, inner) = scale * sum over axis; lane tree where inner = 1 (the last axis), else ascending
//                  from zero
//   max            y (outer, inner), index int64 (outer, inner): the first largest; NaN counts as largest
//   max_backward   grad_x (outer, axis, inner) = grad_y (outer, inner) where index points, 0 elsewhere
// scale = 1 / axis gives the mean. Errors: max over an empty axis.
#pragma once

#include "core/parallel.h"
#include "core/tensor_view.h"
#include "ops/facts.h"

namespace fastnn {

extern const Facts sum_facts, max_facts, max_backward_facts;

// Results in line: those of an outer index, whole cache lines of inner ones at a time.
Split reduce_split(const TensorView& x);

void sum_check(const TensorView& x, const TensorView& y);
void sum(Range part, const TensorView& x, double scale, const TensorView& y);

void max_check(const TensorView& x, const TensorView& y, const TensorView& index);
void max(Range part, const TensorView& x, const TensorView& y, const TensorView& index);

// A part: some of the outer indices.
void max_backward_check(const TensorView& grad_y, const TensorView& index, const TensorView& grad_x);
void max_backward(Range part, const TensorView& grad_y, const TensorView& index, const TensorView& grad_x);

}  // namespace fastnn
