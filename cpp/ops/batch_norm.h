// threads above | Batch normalisation of each channel (Ioffe and Szegedy, 2015). Kernel text:
// kernels/cpu/batch_norm.inl.
//
//   x, y (N, C, H, W), [N][H][W][C] in memory; weight, bias, running values (C,); m = N H W values a channel
//   training     mean = sum x / m;  var = sum (x - mean)^2 / m;  inverse = 1 / sqrt(var + eps)
//                y = (x - mean) (inverse weight) + bias
//                new running mean = (1 - momentum) running + momentum mean; the variance's with var m / (m - 1),
//                the unbiased one (PyTorch's), or with var (Keras')
//   backward     s = sum grad_y;  t = sum grad_y (x - mean)
//                grad_x = (grad_y - s / m - (x - mean) inverse^2 t / m) (inverse weight)
//                grad_weight = t inverse, grad_bias = s
//   inference    y as above with the running values; grad_x = grad_y (inverse weight)
// Sums are in float64 (products and differences too): a chain over the pixels of each sample, then one over the
// samples. What is computed for a channel is float64 until y and grad_x: there mean, inverse weight, s / m, inverse^2 t
// / m are rounded once, and y is a difference and a fused multiply-add. Without weight (bias): 1 (0). Errors: shapes
// and dtypes that do not fit, in training fewer than two values a channel where the variance is the unbiased one.
#pragma once

#include <cstdint>
#include <vector>

#include "core/aligned_buffer.h"
#include "core/parallel.h"
#include "core/tensor_view.h"
#include "ops/facts.h"

namespace fastnn {

extern const Facts batch_norm_facts, batch_norm_backward_facts, batch_norm_inference_facts,
    batch_norm_inference_backward_facts;

// x, or grad_y and x; what has a value for each channel may be null. Errors name it.
struct ChannelValues {
    const char* name;
    const TensorView* view;
    DType dtype;
};
// least: values that each channel needs.
void batch_norm_check(const char* op, const TensorView& x, const std::vector<ChannelValues>& values,
                      std::int64_t least);
void batch_norm_backward_check(const char* op, const TensorView& grad_y, const TensorView& x);

// Sums of the samples, (N, C) of float64: of x; of (x - mean)^2; of grad_y and of grad_y (x - mean). A part of the
// samples.
void batch_norm_sums(Range samples, const TensorView& x, double* sums);
void batch_norm_squares(Range samples, const TensorView& x, const double* mean, double* sums);
void batch_norm_products(Range samples, const TensorView& grad_y, const TensorView& x, const double* mean, double* sums,
                         double* products);

// The samples' sums added up, for each channel.
void batch_norm_total(const TensorView& x, const double* sums, double* total);

// 1 / sqrt(var + eps) for each channel.
void batch_norm_inverse(std::int64_t channels, const double* var, double eps, double* inverse);

// (1 - momentum) running + momentum value.
void batch_norm_move(const TensorView& running, const double* value, double momentum, const TensorView& moved);

// What the elements are computed with, in their precision; from float64 values of the channels.
class ChannelNumbers {
public:
    ChannelNumbers(DType dtype, std::int64_t channels);
    void set_mean(const double* mean);
    void set_scale(const double* inverse, const TensorView* weight);
    void set_bias(const TensorView* bias);
    void set_sums(const double* a, const double* b);

    // (x - mean) scale + bias; grad_x of training. A part of the samples.
    void normalise(Range samples, const TensorView& x, const TensorView& y) const;
    void backward(Range samples, const TensorView& grad_y, const TensorView& x, const TensorView& grad_x) const;

private:
    template <typename T>
    T* numbers(int which) const;

    DType dtype_;
    std::int64_t channels_;
    AlignedBuffer memory_;  // mean, scale, bias, a, b: zeros at first
};

}  // namespace fastnn
