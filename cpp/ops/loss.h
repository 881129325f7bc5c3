// threads above | What the losses have in common: per-sample losses, then their mean.
//
// A loss writes one value a sample and the gradient of the final value; reduce_loss adds the per-sample array along the
// lane tree on one thread and multiplies by scale (1 / N for a mean, 1 for a sum).
#pragma once

#include "core/parallel.h"
#include "core/tensor_view.h"
#include "kernels/dispatch.h"
#include "ops/facts.h"

namespace fastnn {

// x, target, grad (N, ...) of one shape in C order; losses (N,).
struct Loss {
    Facts facts;
    double factor;  // what the gradient has beyond the mean: 2 for the square
    void (*run)(Range part, const TensorView& x, const TensorView& target, double scale, const TensorView& losses,
                const TensorView& grad);
};

void loss_check(const char* op, const TensorView& x, const TensorView& target, const TensorView& losses,
                const TensorView& grad);

// losses (N,) -> total (), by one thread, behind all of the losses.
void reduce_loss(const TensorView& losses, double scale, const TensorView& total);

// Runs a loss kernel, named by its table member, on each sample of a part.
template <typename Member32, typename Member64>
void each_sample_loss(Range part, const TensorView& x, const TensorView& target, double scale, const TensorView& losses,
                      const TensorView& grad, Member32 f32, Member64 f64) {
    const auto run = [&](auto zero, auto member) {
        using T = decltype(zero);
        const std::int64_t outputs = x.size() / x.shape[0];
        const auto kernel = kernels<T>().*member;
        for (std::int64_t i = part.begin; i < part.end; ++i) {
            losses.as<T>()[i] = kernel(outputs, x.as<T>() + i * outputs, target.as<T>() + i * outputs,
                                       static_cast<T>(scale), grad.as<T>() + i * outputs);
        }
    };
    x.dtype == DType::float32 ? run(float(), f32) : run(double(), f64);
}

}  // namespace fastnn
