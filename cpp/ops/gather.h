// threads above | Batches out of resident data. Kernel text: kernels/cpu/gather.inl.
//
//   gather_rows    y[i] = x[index[i]]            x (R, ...), index int64 (N,), y (N, ...): same dtype, rows copied
//   gather_uint8   y[i] = x[index[i]] / 255, then (y - mean[c]) / std[c] where given
//                  x uint8 (R, C, ...), mean and std float64 (C,), y real (N, C, ...)
//   take           y[i] = x.flat[index[i]]       any dtype; index of y's size
//   take_backward  grad_x = 0; grad_x.flat[index[i]] += grad_y[i], i ascending
// Rows lie one behind the other, those of x and y alike: in C order, or images with the channels innermost. All others
// are contiguous. Errors: an index outside the data (negative ones included), named with its place.
#pragma once

#include "core/parallel.h"
#include "core/tensor_view.h"
#include "ops/facts.h"

namespace fastnn {

extern const Facts take_facts, take_backward_facts;
extern const Facts gather_rows_facts, gather_uint8_facts;  // of the result

// 0 <= index < rows for a part of them.
void check_index(const char* op, const TensorView& index, Range part, std::int64_t rows);

void gather_rows_check(const TensorView& x, const TensorView& index, const TensorView& y);
void gather_rows(Range part, const TensorView& x, const TensorView& index, const TensorView& y);

void gather_uint8_check(const TensorView& x, const TensorView& index, const TensorView* mean, const TensorView* std,
                        const TensorView& y);
void gather_uint8(Range part, const TensorView& x, const TensorView& index, const TensorView* mean,
                  const TensorView* std, const TensorView& y);

void take_check(const TensorView& x, const TensorView& index, const TensorView& y);
void take(Range part, const TensorView& x, const TensorView& index, const TensorView& y);
// By one thread: one ascending order, and the same place may come twice.
void take_backward(const TensorView& grad_y, const TensorView& index, const TensorView& grad_x);

}  // namespace fastnn
