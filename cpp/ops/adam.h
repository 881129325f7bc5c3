// threads above | Adam (Kingma and Ba, 2015) and AdamW (Loshchilov and Hutter, 2019). Kernel text:
// kernels/cpu/adam.inl.
//
//   m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2
//   w -= lr (m / c1) / (sqrt(v / c2) + eps),  c = 1 - beta^t
// with both corrections folded into two scalars (algebraically the same): rate = lr sqrt(c2) / c1, eps sqrt(c2).
// beta^t is a running product in double (of squares after 16 million steps). m and v end at zero, and a very small eps
// is raised: ops/optimizer.h. weight_decay: added to g (Adam), or w *= 1 - lr weight_decay (AdamW). param, grad, m, v:
// one shape and one dense layout, updated in place; grad must not overlap the others.
#pragma once

#include <limits>

#include "core/parallel.h"
#include "core/tensor_view.h"
#include "kernels/kernel_table.h"
#include "ops/facts.h"

namespace fastnn {

struct AdamSettings {
    double lr = 1e-3, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weight_decay = 0;
    bool decoupled = false;                   // AdamW
    bool eps_corrected = true;                // false: Keras' form, eps outside the bias correction
    std::int64_t step = 0;                    // the step being taken, from 1
    double beta1_power = 1, beta2_power = 1;  // beta^step
    double beta1_taken = 0, beta2_taken = 0;  // the betas that set_step made them of

    // Goes on from the step it has; from 0 where that lies behind target, or the betas have changed.
    void set_step(std::int64_t target);
    void advance() {
        if (++step > counted_steps) return jump();
        beta1_power = flushed(beta1_power * beta1);
        beta2_power = flushed(beta2_power * beta2);
    }
    void check() const;  // finite numbers, betas from 0 and below 1, eps from 0

private:
    // Beyond, a power is made by squaring: a file may say any step, and none should take more than these products (20
    // ms).
    static constexpr std::int64_t counted_steps = 1 << 24;
    void jump();

    // 1 - power has long been 1 when power becomes subnormal, which would cost a tiny network's step a tenth.
    static double flushed(double power) { return power < std::numeric_limits<double>::min() ? 0 : power; }
};

extern const Facts adam_facts;  // of the parameter

template <typename T>
AdamScalars<T> adam_scalars(const AdamSettings& settings);

void adam_check(const TensorView& param, const TensorView& grad, const TensorView& m, const TensorView& v);
void adam(Range part, const AdamSettings& settings, const TensorView& param, const TensorView& grad,
          const TensorView& m, const TensorView& v);

}  // namespace fastnn
