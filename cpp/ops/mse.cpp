#include "ops/mse.h"

namespace fastnn {

const Loss mse_op = {
    Facts("mse").array("x").array("target").attribute("mean", true).costs(4 * cheap).cut(samples).row_by_row(),
    2,
    [](Range part, const TensorView& x, const TensorView& target, double scale, const TensorView& losses,
       const TensorView& grad) {
        each_sample_loss(part, x, target, scale, losses, grad, &Kernels<float>::mse, &Kernels<double>::mse);
    },
};

}  // namespace fastnn
