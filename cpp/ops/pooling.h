// threads above | Pooling of images: the largest or the mean of each window. Kernel text: kernels/cpu/pooling.inl.
//
//   x (N, C, H, W), y (N, C, oh, ow), both [N][H][W][C] in memory; shapes and ceil_mode as PyTorch has them
//   max_pool2d            y = the first largest of the window in scanning order; a NaN is larger than all; padding
//   never
//                         wins. A window without a pixel (dilation) gives -inf
//   max_pool2d_backward   grad_x = grad_y at the winner, found again in x
//   avg_pool2d            y = a chain of adds from zero over the window in scanning order, divided by its pixels (those
//   of
//                         the padding too where count_include_pad) or by `divisor`
//   adaptive_avg_pool2d   y = the mean of windows that cut the image into oh x ow, [floor(i H / oh), ceil((i + 1) H /
//   oh)):
//                         a chain in float64, divided there, rounded once
//   their backwards       grad_x = grad_y / pixels, for each pixel of the window
// A pixel of several windows is a chain of adds over them from zero, in scanning order of the windows.
// Errors: shapes that do not fit, a kernel larger than the padded image, padding of more than half a kernel.
#pragma once

#include <cstdint>
#include <vector>

#include "core/parallel.h"
#include "core/tensor_view.h"
#include "ops/facts.h"
#include "ops/window.h"

namespace fastnn {

extern const Facts max_pool2d_facts, max_pool2d_backward_facts, avg_pool2d_facts, avg_pool2d_backward_facts,
    adaptive_avg_pool2d_facts, adaptive_avg_pool2d_backward_facts;

struct PoolingSettings {
    std::vector<std::int64_t> kernel, stride, padding, dilation{1, 1};
    bool ceil_mode = false;
    bool count_include_pad = true;  // of the mean
    std::int64_t divisor = 0;       // of the mean; 0: the window's pixels
};

// The sizes of a pooling, checked; what its windows meet, and by how many numbers each is divided.
struct Pooling {
    std::int64_t samples = 0, channels = 0, height = 0, width = 0, out_height = 0, out_width = 0;
    std::vector<AxisPart> rows, columns;
    std::vector<double> row_counts, column_counts;  // the divisor is their product
    bool apart = false;                             // no pixel is in two windows

    std::vector<std::int64_t> x_shape() const { return {samples, channels, height, width}; }
    std::vector<std::int64_t> y_shape() const { return {samples, channels, out_height, out_width}; }
    double operations(bool backward) const;  // elementary ones
};

// x (N, C, H, W), or of a backward the shape of x.
Pooling pooling_of(const char* op, const std::vector<std::int64_t>& x_shape, const PoolingSettings& settings);
Pooling adaptive_pooling_of(const char* op, const std::vector<std::int64_t>& x_shape,
                            const std::vector<std::int64_t>& outputs);
void pooling_check(const char* op, const char* name, const TensorView& images);
void pooling_backward_check(const char* op, const TensorView& grad_y, const Pooling& pooling);

// A part of the samples.
void max_pool2d(Range samples, const Pooling& pooling, const TensorView& x, const TensorView& y);
void max_pool2d_backward(Range samples, const Pooling& pooling, const TensorView& grad_y, const TensorView& x,
                         const TensorView& grad_x);
void avg_pool2d(Range samples, const Pooling& pooling, const TensorView& x, const TensorView& y);
void avg_pool2d_backward(Range samples, const Pooling& pooling, const TensorView& grad_y, const TensorView& grad_x);
void adaptive_avg_pool2d(Range samples, const Pooling& pooling, const TensorView& x, const TensorView& y);

}  // namespace fastnn
