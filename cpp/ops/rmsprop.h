// threads above | RMSprop (Tieleman and Hinton, lecture 6e, 2012; PyTorch's form). Kernel text:
// kernels/cpu/rmsprop.inl.
//
//   g += weight_decay w;  s = alpha s + (1 - alpha) g^2;  d = g / (sqrt(s) + eps)
//   momentum: b = momentum b + d, d = b;   w -= lr d
// s and b end at zero, and a very small eps is raised: ops/optimizer.h. eps_inside: sqrt(s + eps), Keras' form. buffer
// is null without momentum. One shape, one dense layout, in place.
#pragma once

#include "core/parallel.h"
#include "core/tensor_view.h"
#include "kernels/kernel_table.h"
#include "ops/facts.h"

namespace fastnn {

struct RmspropSettings {
    double lr = 1e-2, alpha = 0.99, eps = 1e-8, weight_decay = 0, momentum = 0;
    bool eps_inside = false;
    std::int64_t step = 0;  // the step being taken, from 1

    void advance() { ++step; }
    void set_step(std::int64_t target);
    void check() const;  // finite numbers, alpha from 0 to 1, eps from 0
};

extern const Facts rmsprop_facts;  // of the parameter

template <typename T>
RmspropScalars<T> rmsprop_scalars(const RmspropSettings& settings);

void rmsprop_check(const TensorView& param, const TensorView& grad, const TensorView& square, const TensorView* buffer);
void rmsprop(Range part, const RmspropSettings& settings, const TensorView& param, const TensorView& grad,
             const TensorView& square, const TensorView* buffer);

}  // namespace fastnn
