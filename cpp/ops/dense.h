// threads above | The dense layer, y = relu(x W^T + b). Kernel text: kernels/cpu/gemm.inl.
//
//   x (N, I), weight (O, I), bias (O,), y (N, O)
//   forward       y = x W^T + b, then ReLU where asked           (b optional)
//   grad_x        = grad_y W                                      (N, I)
//   grad_weight   = grad_y^T x                                    (O, I)  one chain over all samples
//   grad_bias     = sum over samples of grad_y                    (O,)    one ascending chain of adds per output
// With ReLU fused, grad_y must already be masked (ops/relu.h); y > 0 tells where.
//
// Weights are fastest with inputs outermost in memory ([in][out], the transposed view of a C array) or as panels
// (PanelLayout); grad_weight is written [in][out] or (O, I) in C order.
// Outputs must not overlap inputs. Errors: shapes that do not fit, dtypes that differ.
#pragma once

#include <cstdint>

#include "core/parallel.h"
#include "core/tensor_view.h"
#include "ops/facts.h"
#include "ops/matmul.h"
#include "ops/zeros.h"

namespace fastnn {

extern const Facts dense_forward_facts, dense_grad_x_facts, dense_grad_weight_facts, dense_grad_bias_facts;

void dense_check(const TensorView& x, const TensorView& weight, const TensorView* bias, const TensorView& y);
void dense_backward_check(const TensorView& grad_y, const TensorView& x, const TensorView& weight);
void dense_grad_bias_check(const TensorView& grad_y, const TensorView& grad_bias);

// The products; bias, ReLU, the workspace and the live columns of x, where they are known, are the caller's to set.
Product dense_forward(const TensorView& x, const TensorView& weight, const TensorView& y);
Product dense_grad_x(const TensorView& grad_y, const TensorView& weight, const TensorView& grad_x);
Product dense_grad_weight(const TensorView& grad_y, const TensorView& x, const TensorView& grad_weight);

// A part of the outputs.
void dense_grad_bias(Range outputs, const TensorView& grad_y, const TensorView& grad_bias);

// Panels of weight for inputs [inputs.begin, inputs.end) of outputs [outputs.begin, outputs.end) into the panels of its
// transpose (I, O): with those, dense_forward of grad_y is grad_x.
void transpose_panels(const TensorView& weight, const TensorView& transposed, Range inputs, Range outputs);

// A weight of two or more dimensions as a matrix in x out in panels of this width (PanelLayout).
PanelLayout panels_of(const TensorView& weight, std::int64_t width);

// Weight in strided memory to panels and back; the padding is zero.
void pack_weight(const TensorView& weight, const TensorView& panels);
void unpack_weight(const TensorView& panels, const TensorView& weight);

}  // namespace fastnn
