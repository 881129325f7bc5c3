// threads above | Stochastic gradient descent with momentum (PyTorch's form). Kernel text: kernels/cpu/sgd.inl.
//
//   g += weight_decay w;  b = momentum b + (1 - dampening) g (b = g in the first step)
//   d = nesterov ? g + momentum b : b;  w -= lr d
// b ends at zero: kernels/kernel_table.h. Without momentum there is no buffer (null) and d = g. One shape, one dense
// layout, in place.
#pragma once

#include "core/parallel.h"
#include "core/tensor_view.h"
#include "kernels/kernel_table.h"
#include "ops/facts.h"

namespace fastnn {

struct SgdSettings {
    double lr = 1e-3, momentum = 0, dampening = 0, weight_decay = 0;
    bool nesterov = false, first = false;
    std::int64_t step = 0;  // the step being taken, from 1

    void advance() { first = ++step == 1; }
    void set_step(std::int64_t target);
    void check() const;  // finite numbers
};

extern const Facts sgd_facts;  // of the parameter

template <typename T>
SgdScalars<T> sgd_scalars(const SgdSettings& settings);

void sgd_check(const TensorView& param, const TensorView& grad, const TensorView* buffer);
void sgd(Range part, const SgdSettings& settings, const TensorView& param, const TensorView& grad,
         const TensorView* buffer);

}  // namespace fastnn
