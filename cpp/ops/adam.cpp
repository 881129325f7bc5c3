#include "ops/adam.h"

#include <algorithm>
#include <cmath>

#include "kernels/dispatch.h"
#include "ops/optimizer.h"

namespace fastnn {

const Facts adam_facts = Facts("adam").costs(4);

namespace {

double power_of(double base, std::int64_t exponent) {
    double power = 1;
    for (; exponent > 0; exponent >>= 1, base *= base) {
        if (exponent & 1) power *= base;
    }
    return power;
}

}  // namespace

void AdamSettings::jump() {
    beta1_power = flushed(power_of(beta1, step));
    beta2_power = flushed(power_of(beta2, step));
}

void AdamSettings::check() const {
    check_setting("adam", "lr", lr);
    check_setting("adam", "beta1", beta1, 0, 1, true);
    check_setting("adam", "beta2", beta2, 0, 1, true);
    check_setting("adam", "eps", eps, 0);
    check_setting("adam", "weight_decay", weight_decay);
}

void AdamSettings::set_step(std::int64_t target) {
    check_step("adam", target);
    if (target < step || beta1 != beta1_taken || beta2 != beta2_taken) {
        step = 0;
        beta1_power = beta2_power = 1;
    }
    beta1_taken = beta1;
    beta2_taken = beta2;
    const std::int64_t counted = std::min(target, counted_steps);
    for (double before1 = -1, before2 = -1; step < counted && (before1 != beta1_power || before2 != beta2_power);) {
        before1 = beta1_power;
        before2 = beta2_power;
        advance();
    }
    step = target;  // where the loop ended before, the powers have come to rest, at 0
    if (step > counted_steps) jump();
}

template <typename T>
AdamScalars<T> adam_scalars(const AdamSettings& s) {
    const double correction1 = 1 - s.beta1_power, root2 = std::sqrt(1 - s.beta2_power);
    const double eps = s.eps_corrected ? s.eps * root2 : s.eps, least = least_root<T>(s.beta2);
    const double decay = s.decoupled ? 0 : s.weight_decay, keep = s.decoupled ? 1 - s.lr * s.weight_decay : 1;
    return {static_cast<T>(s.beta1),
            static_cast<T>(1 - s.beta1),
            static_cast<T>(s.beta2),
            static_cast<T>(1 - s.beta2),
            static_cast<T>(s.lr * root2 / correction1),
            static_cast<T>(std::max(eps, least)),
            static_cast<T>(least),
            static_cast<T>(decay),
            static_cast<T>(keep)};
}

void adam_check(const TensorView& param, const TensorView& grad, const TensorView& m, const TensorView& v) {
    update_check("adam", param, {{"grad", &grad}, {"m", &m}, {"v", &v}});
}

void adam(Range part, const AdamSettings& settings, const TensorView& param, const TensorView& grad,
          const TensorView& m, const TensorView& v) {
    dispatch_real(param.dtype, [&](auto zero) {
        using T = decltype(zero);
        kernels<T>().adam(part.end - part.begin, param.as<T>() + part.begin, grad.as<T>() + part.begin,
                          m.as<T>() + part.begin, v.as<T>() + part.begin, adam_scalars<T>(settings));
    });
}

template AdamScalars<float> adam_scalars(const AdamSettings&);
template AdamScalars<double> adam_scalars(const AdamSettings&);

}  // namespace fastnn
