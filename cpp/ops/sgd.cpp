#include "ops/sgd.h"

#include "kernels/dispatch.h"
#include "ops/optimizer.h"

namespace fastnn {

const Facts sgd_facts = Facts("sgd").costs(1);

void SgdSettings::set_step(std::int64_t target) {
    check_step("sgd", target);
    step = target;
    first = step == 1;
}

void SgdSettings::check() const {
    check_setting("sgd", "lr", lr);
    check_setting("sgd", "momentum", momentum);
    check_setting("sgd", "dampening", dampening);
    check_setting("sgd", "weight_decay", weight_decay);
}

template <typename T>
SgdScalars<T> sgd_scalars(const SgdSettings& s) {
    return {static_cast<T>(s.lr),
            static_cast<T>(s.momentum),
            static_cast<T>(1 - s.dampening),
            static_cast<T>(s.weight_decay),
            s.nesterov,
            s.first};
}

void sgd_check(const TensorView& param, const TensorView& grad, const TensorView* buffer) {
    update_check("sgd", param, {{"grad", &grad}, {"momentum_buffer", buffer ? buffer : &grad}});
}

void sgd(Range part, const SgdSettings& settings, const TensorView& param, const TensorView& grad,
         const TensorView* buffer) {
    dispatch_real(param.dtype, [&](auto zero) {
        using T = decltype(zero);
        kernels<T>().sgd(part.end - part.begin, param.as<T>() + part.begin, grad.as<T>() + part.begin,
                         buffer ? buffer->as<T>() + part.begin : nullptr, sgd_scalars<T>(settings));
    });
}

template SgdScalars<float> sgd_scalars(const SgdSettings&);
template SgdScalars<double> sgd_scalars(const SgdSettings&);

}  // namespace fastnn
