#include "ops/batch_norm.h"

#include <algorithm>
#include <cmath>

#include "core/check.h"
#include "kernels/dispatch.h"

namespace fastnn {

const Facts batch_norm_facts = Facts("batch_norm")
                                   .array("x")
                                   .optional_array("weight")
                                   .optional_array("bias")
                                   .optional_array("running_mean")
                                   .optional_array("running_var")
                                   .attribute("momentum", 0.1)
                                   .attribute("eps", 1e-5)
                                   .attribute("unbiased", true)
                                   .costs(6 * cheap)
                                   .cut(samples);
const Facts batch_norm_backward_facts = Facts("batch_norm_backward")
                                            .array("grad_y")
                                            .array("x")
                                            .optional_array("weight")
                                            .array("mean")
                                            .array("inverse")
                                            .costs(8 * cheap)
                                            .cut(samples);
const Facts batch_norm_inference_facts = Facts("batch_norm_inference")
                                             .array("x")
                                             .optional_array("weight")
                                             .optional_array("bias")
                                             .array("running_mean")
                                             .array("running_var")
                                             .attribute("eps", 1e-5)
                                             .costs(2 * cheap)
                                             .cut(samples);
const Facts batch_norm_inference_backward_facts = Facts("batch_norm_inference_backward")
                                                      .array("grad_y")
                                                      .array("x")
                                                      .optional_array("weight")
                                                      .array("running_mean")
                                                      .array("running_var")
                                                      .attribute("eps", 1e-5)
                                                      .costs(8 * cheap)
                                                      .cut(samples);

void batch_norm_check(const char* op, const TensorView& x, const std::vector<ChannelValues>& values,
                      std::int64_t least) {
    check_real(op, "x", x);
    if (x.rank != 4) fail(op, "x has shape ", shape_text(x), ": images are (N, C, H, W)");
    for (const ChannelValues& each : values) {
        if (each.view == nullptr) continue;
        check_dtype(op, each.name, *each.view, each.dtype);
        if (each.view->rank != 1 || each.view->shape[0] != x.shape[1])
            fail(Fault{"batch_norm.channels", {{"channels", x.shape[1]}}}, op, each.name, " has shape ",
                 shape_text(*each.view), ", x ", shape_text(x), " has ", x.shape[1], " channels");
    }
    const std::int64_t count = x.shape[0] * x.shape[2] * x.shape[3];
    if (count < least && x.shape[1] > 0)
        fail(Fault{"batch_norm.values", {{"shape", shape_text(x)}}}, op,
             least > 1 ? "training needs more than one value" : "training needs a value", " a channel, x has shape ",
             shape_text(x), ": use a larger batch (drop_last=True leaves out a last one of one sample), or eval()");
}

void batch_norm_backward_check(const char* op, const TensorView& grad_y, const TensorView& x) {
    check_dtype(op, "grad_y", grad_y, x.dtype);
    check_same_shape(op, "grad_y", grad_y, "x", x);
}

namespace {

std::int64_t pixels_of(const TensorView& x) { return x.shape[2] * x.shape[3]; }
std::int64_t sample_of(const TensorView& x) { return pixels_of(x) * x.shape[1]; }

}  // namespace

void batch_norm_sums(Range some, const TensorView& x, double* sums) {
    dispatch_real(x.dtype, [&](auto zero) {
        using T = decltype(zero);
        kernels<T>().channel_sums(some.end - some.begin, pixels_of(x), x.shape[1],
                                  x.as<T>() + some.begin * sample_of(x), sums + some.begin * x.shape[1]);
    });
}

void batch_norm_squares(Range some, const TensorView& x, const double* mean, double* sums) {
    dispatch_real(x.dtype, [&](auto zero) {
        using T = decltype(zero);
        kernels<T>().channel_squares(some.end - some.begin, pixels_of(x), x.shape[1],
                                     x.as<T>() + some.begin * sample_of(x), mean, sums + some.begin * x.shape[1]);
    });
}

void batch_norm_products(Range some, const TensorView& grad_y, const TensorView& x, const double* mean, double* sums,
                         double* products) {
    dispatch_real(x.dtype, [&](auto zero) {
        using T = decltype(zero);
        const std::int64_t first = some.begin * sample_of(x);
        kernels<T>().channel_products(some.end - some.begin, pixels_of(x), x.shape[1], grad_y.as<T>() + first,
                                      x.as<T>() + first, mean, sums + some.begin * x.shape[1],
                                      products + some.begin * x.shape[1]);
    });
}

void batch_norm_total(const TensorView& x, const double* sums, double* total) {
    kernels<double>().column_sums(x.shape[0], x.shape[1], sums, x.shape[1], total);
}

void batch_norm_inverse(std::int64_t channels, const double* var, double eps, double* inverse) {
    for (std::int64_t c = 0; c < channels; ++c) inverse[c] = 1 / std::sqrt(var[c] + eps);
}

void batch_norm_move(const TensorView& running, const double* value, double momentum, const TensorView& moved) {
    dispatch_real(running.dtype, [&](auto zero) {
        using T = decltype(zero);
        for (std::int64_t c = 0; c < running.shape[0]; ++c) {
            const double before = running.as<T>()[c];
            moved.as<T>()[c] = static_cast<T>((1 - momentum) * before + momentum * value[c]);
        }
    });
}

namespace {

enum Which { which_mean, which_scale, which_bias, which_a, which_b, which_count };

}  // namespace

ChannelNumbers::ChannelNumbers(DType dtype, std::int64_t channels)
    : dtype_(dtype), channels_(channels), memory_(static_cast<std::size_t>(which_count * channels) * sizeof(double)) {}

template <typename T>
T* ChannelNumbers::numbers(int which) const {
    return static_cast<T*>(memory_.data()) + which * channels_;
}

void ChannelNumbers::set_mean(const double* mean) {
    dispatch_real(dtype_, [&](auto zero) {
        using T = decltype(zero);
        std::transform(mean, mean + channels_, numbers<T>(which_mean), [](double x) { return static_cast<T>(x); });
    });
}

void ChannelNumbers::set_scale(const double* inverse, const TensorView* weight) {
    dispatch_real(dtype_, [&](auto zero) {
        using T = decltype(zero);
        for (std::int64_t c = 0; c < channels_; ++c)
            numbers<T>(which_scale)[c] =
                static_cast<T>(weight ? inverse[c] * static_cast<double>(weight->as<T>()[c]) : inverse[c]);
    });
}

void ChannelNumbers::set_bias(const TensorView* bias) {
    if (bias == nullptr) return;  // zeros
    dispatch_real(dtype_, [&](auto zero) {
        using T = decltype(zero);
        std::copy_n(bias->as<T>(), channels_, numbers<T>(which_bias));
    });
}

void ChannelNumbers::set_sums(const double* a, const double* b) {
    dispatch_real(dtype_, [&](auto zero) {
        using T = decltype(zero);
        std::transform(a, a + channels_, numbers<T>(which_a), [](double x) { return static_cast<T>(x); });
        std::transform(b, b + channels_, numbers<T>(which_b), [](double x) { return static_cast<T>(x); });
    });
}

void ChannelNumbers::normalise(Range some, const TensorView& x, const TensorView& y) const {
    dispatch_real(dtype_, [&](auto zero) {
        using T = decltype(zero);
        const std::int64_t first = some.begin * sample_of(x);
        kernels<T>().normalise((some.end - some.begin) * pixels_of(x), channels_, x.as<T>() + first,
                               numbers<T>(which_mean), numbers<T>(which_scale), numbers<T>(which_bias),
                               y.as<T>() + first);
    });
}

void ChannelNumbers::backward(Range some, const TensorView& grad_y, const TensorView& x,
                              const TensorView& grad_x) const {
    dispatch_real(dtype_, [&](auto zero) {
        using T = decltype(zero);
        const std::int64_t first = some.begin * sample_of(x);
        kernels<T>().normalise_backward((some.end - some.begin) * pixels_of(x), channels_, grad_y.as<T>() + first,
                                        x.as<T>() + first, numbers<T>(which_mean), numbers<T>(which_a),
                                        numbers<T>(which_b), numbers<T>(which_scale), grad_x.as<T>() + first);
    });
}

}  // namespace fastnn
