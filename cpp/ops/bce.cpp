#include "ops/bce.h"

namespace fastnn {

const Loss bce_with_logits_op = {
    Facts("bce_with_logits")
        .array("x")
        .array("target")
        .attribute("mean", true)
        .costs(3 * transcendental)
        .cut(samples)
        .row_by_row(),
    1,
    [](Range part, const TensorView& x, const TensorView& target, double scale, const TensorView& losses,
       const TensorView& grad) {
        each_sample_loss(part, x, target, scale, losses, grad, &Kernels<float>::bce_with_logits,
                         &Kernels<double>::bce_with_logits);
    },
};

}  // namespace fastnn
