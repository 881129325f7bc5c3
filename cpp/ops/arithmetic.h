// threads above | y = a (+ - * /) b with broadcasting. Kernel text: kernels/cpu/elementwise.inl.
//
// a and b have y's shape, with stride 0 along the dimensions they are repeated over (any strides are allowed). Each
// element is one correctly rounded operation, so the bits are NumPy's; int64 wraps around and is not divided. y is
// dense in any order of its dimensions and may be a or b where those have its layout. copy is the same walk with one
// input: a strided or repeated view into dense memory; assign, into memory that is there.
#pragma once

#include <array>

#include "core/parallel.h"
#include "core/tensor_view.h"
#include "ops/facts.h"

namespace fastnn {

enum class Arithmetic { add, subtract, multiply, divide };

struct ArithmeticOp {
    Facts facts;
    Arithmetic operation;
};

extern const std::array<ArithmeticOp, 4> arithmetic_ops;
extern const Facts copy_facts, assign_facts;

void arithmetic_check(Arithmetic operation, const TensorView& a, const TensorView& b, const TensorView& y);
Split arithmetic_split(const TensorView& a, const TensorView& b, const TensorView& y);
void arithmetic(Range part, Arithmetic operation, const TensorView& a, const TensorView& b, const TensorView& y);

void copy_check(const TensorView& x, const TensorView& y);
Split copy_split(const TensorView& x, const TensorView& y);
void copy(Range part, const TensorView& x, const TensorView& y);

}  // namespace fastnn
