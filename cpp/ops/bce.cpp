#include "ops/bce.h"

#include "ops/loss.h"
#include "ops/map.h"

namespace fastnn {

void bce_with_logits_check(const TensorView& x, const TensorView& target, const TensorView& losses,
                           const TensorView& grad) {
    elementwise_loss_check("bce_with_logits", x, target, losses, grad);
}

void bce_with_logits(Team& team, const TensorView& x, const TensorView& target, double scale, const TensorView& losses,
                     const TensorView& grad) {
    each_sample_loss(team, x, target, scale, losses, grad, &Kernels<float>::bce_with_logits,
                     &Kernels<double>::bce_with_logits);
}

}  // namespace fastnn
