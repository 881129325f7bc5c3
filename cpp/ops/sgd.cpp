#include "ops/sgd.h"

#include "ops/optimizer.h"

namespace fastnn {

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

void sgd(Team& team, const SgdSettings& settings, const TensorView& param, const TensorView& grad,
         const TensorView* buffer) {
    dispatch_real(param.dtype, [&](auto zero) {
        using T = decltype(zero);
        const Range mine = update_share<T>(team, param);
        kernels<T>().sgd(mine.end - mine.begin, param.as<T>() + mine.begin, grad.as<T>() + mine.begin,
                         buffer ? buffer->as<T>() + mine.begin : nullptr, sgd_scalars<T>(settings));
    });
}

template SgdScalars<float> sgd_scalars(const SgdSettings&);
template SgdScalars<double> sgd_scalars(const SgdSettings&);

}  // namespace fastnn
