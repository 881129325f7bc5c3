#include "ops/mse.h"

#include "ops/loss.h"
#include "ops/map.h"

namespace fastnn {

void mse_check(const TensorView& x, const TensorView& target, const TensorView& losses, const TensorView& grad) {
    elementwise_loss_check("mse", x, target, losses, grad);
}

void mse(Team& team, const TensorView& x, const TensorView& target, double scale, const TensorView& losses,
         const TensorView& grad) {
    each_sample_loss(team, x, target, scale, losses, grad, &Kernels<float>::mse, &Kernels<double>::mse);
}

}  // namespace fastnn
