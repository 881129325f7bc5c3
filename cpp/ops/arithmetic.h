// threads above | y = a (+ - * /) b with broadcasting. Kernel text: kernels/cpu/elementwise.inl.
//
// a and b have y's shape, with stride 0 along the dimensions they are repeated over (any strides are allowed). Each
// element is one correctly rounded operation, so the bits are NumPy's. y is contiguous and may be a or b where those
// have its layout. copy is the same walk with one input: it turns a strided or repeated view into contiguous memory.
#pragma once

#include "core/parallel.h"
#include "core/tensor_view.h"

namespace fastnn {

enum class Arithmetic { add, subtract, multiply, divide };

void arithmetic_check(const TensorView& a, const TensorView& b, const TensorView& y);
void arithmetic(Team& team, Arithmetic operation, const TensorView& a, const TensorView& b, const TensorView& y);

void copy_check(const TensorView& x, const TensorView& y);
void copy(Team& team, const TensorView& x, const TensorView& y);

}  // namespace fastnn
