#include "ops/rmsprop.h"

#include <algorithm>

#include "kernels/dispatch.h"
#include "ops/optimizer.h"

namespace fastnn {

const Facts rmsprop_facts = Facts("rmsprop").costs(4);

void RmspropSettings::set_step(std::int64_t target) {
    check_step("rmsprop", target);
    step = target;
}

void RmspropSettings::check() const {
    check_setting("rmsprop", "lr", lr);
    check_setting("rmsprop", "alpha", alpha, 0, 1);
    check_setting("rmsprop", "eps", eps, 0);
    check_setting("rmsprop", "weight_decay", weight_decay);
    check_setting("rmsprop", "momentum", momentum);
}

template <typename T>
RmspropScalars<T> rmsprop_scalars(const RmspropSettings& s) {
    const double least = least_root<T>(s.alpha);
    return {static_cast<T>(s.lr),        static_cast<T>(s.alpha),
            static_cast<T>(1 - s.alpha), static_cast<T>(std::max(s.eps, s.eps_inside ? least * least : least)),
            static_cast<T>(least),       static_cast<T>(s.weight_decay),
            static_cast<T>(s.momentum),  s.eps_inside};
}

void rmsprop_check(const TensorView& param, const TensorView& grad, const TensorView& square,
                   const TensorView* buffer) {
    update_check("rmsprop", param,
                 {{"grad", &grad}, {"square_avg", &square}, {"momentum_buffer", buffer ? buffer : &grad}});
}

void rmsprop(Range part, const RmspropSettings& settings, const TensorView& param, const TensorView& grad,
             const TensorView& square, const TensorView* buffer) {
    dispatch_real(param.dtype, [&](auto zero) {
        using T = decltype(zero);
        kernels<T>().rmsprop(part.end - part.begin, param.as<T>() + part.begin, grad.as<T>() + part.begin,
                             square.as<T>() + part.begin, buffer ? buffer->as<T>() + part.begin : nullptr,
                             rmsprop_scalars<T>(settings));
    });
}

template RmspropScalars<float> rmsprop_scalars(const RmspropSettings&);
template RmspropScalars<double> rmsprop_scalars(const RmspropSettings&);

}  // namespace fastnn
