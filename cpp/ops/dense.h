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
// (TensorView::panel); grad_weight is written [in][out], (O, I) in C order, or as panels.
// Outputs must not overlap inputs. Errors: shapes that do not fit, dtypes that differ.
#pragma once

#include <cstdint>

#include "core/parallel.h"
#include "core/tensor_view.h"
#include "ops/zeros.h"

namespace fastnn {

void dense_check(const TensorView& x, const TensorView& weight, const TensorView* bias, const TensorView& y);
std::int64_t dense_forward_workspace(const TensorView& weight);
// columns: of all rows at once. Without them, and with a weight in strided memory, zeros are looked for.
void dense_forward(Team& team, const TensorView& x, const TensorView& weight, const TensorView* bias, bool relu,
                   const TensorView& y, void* workspace, LiveColumns columns = {});

void dense_backward_check(const TensorView& grad_y, const TensorView& x, const TensorView& weight);

// weight in strided memory (in panels: dense_forward with transpose_panels).
std::int64_t dense_grad_x_workspace(const TensorView& weight);
void dense_grad_x(Team& team, const TensorView& grad_y, const TensorView& weight, const TensorView& grad_x,
                  void* workspace);

std::int64_t dense_grad_weight_workspace(const TensorView& grad_y, const TensorView& x, const TensorView& grad_weight);
void dense_grad_weight(Team& team, const TensorView& grad_y, const TensorView& x, const TensorView& grad_weight,
                       void* workspace);

void dense_grad_bias(Team& team, const TensorView& grad_y, const TensorView& grad_bias);

// Panels of weight (O, I) for inputs [inputs.begin, inputs.end) of outputs [outputs.begin, outputs.end) into the panels
// of its transpose (I, O): with those, dense_forward of grad_y is grad_x.
void transpose_panels(const TensorView& weight, const TensorView& transposed, Range inputs, Range outputs);

// Weight (O, I) in strided memory to panels and back; the padding is zero.
void pack_weight(const TensorView& weight, const TensorView& panels);
void unpack_weight(const TensorView& panels, const TensorView& weight);

}  // namespace fastnn
