// threads above | Convolution of images and its gradients. Kernel texts: kernels/cpu/gemm.inl, convolution.inl.
//
//   x (N, C, H, W), weight (O, C / groups, kh, kw), bias (O,), y (N, O, oh, ow); logical shapes as PyTorch has them
//   forward       y = relu(conv(x, weight) + bias)    ReLU where asked, bias optional
//   grad_x        (N, C, H, W)                        from grad_y, weight and the size of the image
//   grad_weight   (O, C / groups, kh, kw)             from grad_y, x and the size of the kernel
//   grad_bias     (O,)
// Memory: images [N][H][W][C] ("channels last"), weights [kh][kw][C / groups][O].
//
// Orders, the same for float32 and float64, any ISA and number of threads:
//   forward       one chain of fused multiply-adds from zero over kh, kw, channel, ascending, of the taps inside of the
//                 image; then + 0.0, bias, ReLU
//   grad_x        one chain over kh, kw, output channel, of the taps whose output exists; then + 0.0
//   grad_weight   one chain over samples, output rows, output columns in a chunk of samples, of the pixels inside of
//                 the image, then + 0.0; chunks' sums are added ascending, the first as it is
//   grad_bias     in float64: a chain over the pixels of each sample, one over the samples' sums; rounded once
// A group is a convolution of its own.
//
// Samples of a chunk: the least power of two (as batches are) that has as many numbers in x and grad_y as
// the weight has, so that adding the chunks' sums up moves less memory than reading the images does, and 256 output
// pixels, so that beginning and ending a tile's chains (some 56 vectors of loads and stores) stays below a twentieth of
// their work. That is one sample for LeNet's first layers and the whole batch for ResNet's last. Of the shapes alone.
//
// Errors: shapes that do not fit, groups that do not divide, a kernel larger than the padded image, dtypes that differ.
#pragma once

#include <cstdint>
#include <vector>

#include "core/parallel.h"
#include "core/tensor_view.h"
#include "ops/facts.h"
#include "ops/image_product.h"
#include "ops/window.h"

namespace fastnn {

extern const Facts conv2d_facts, conv2d_grad_x_facts, conv2d_grad_weight_facts, conv2d_grad_bias_facts;

struct ConvolutionSettings {
    std::vector<std::int64_t> stride, padding, dilation;
    std::int64_t groups = 1;
};

// The sizes of a convolution, checked.
struct Convolution {
    std::int64_t samples = 0, channels = 0, outputs = 0, groups = 1;
    Window window;

    std::vector<std::int64_t> x_shape() const;
    std::vector<std::int64_t> weight_shape() const;
    std::vector<std::int64_t> y_shape() const;
    std::int64_t group_channels() const { return channels / groups; }
    std::int64_t taps() const { return window.rows.kernel * window.columns.kernel; }
    double cost() const;  // elementary operations of the forward, or of one gradient
};

Convolution conv2d_check(const TensorView& x, const TensorView& weight, const TensorView* bias,
                         const ConvolutionSettings& settings);
Convolution conv2d_grad_x_check(const TensorView& grad_y, const TensorView& weight,
                                const std::vector<std::int64_t>& size, const ConvolutionSettings& settings);
Convolution conv2d_grad_weight_check(const TensorView& grad_y, const TensorView& x,
                                     const std::vector<std::int64_t>& kernel, const ConvolutionSettings& settings);
void conv2d_grad_bias_check(const TensorView& grad_y);

// The products; bias and ReLU are the caller's to set.
ImageProduct conv2d(const Convolution& sizes, const TensorView& x, const TensorView& weight, const TensorView& y);
ImageProduct conv2d_grad_x(const Convolution& sizes, const TensorView& grad_y, const TensorView& weight,
                           const TensorView& grad_x);

std::int64_t chunk_samples(const Convolution& sizes);  // of grad_weight

// In two stages: the samples' sums into sums (N, O) of float64, then theirs.
void conv2d_sample_sums(Range samples, const TensorView& grad_y, double* sums);
void conv2d_grad_bias(const TensorView& grad_y, const double* sums, const TensorView& grad_bias);

}  // namespace fastnn
