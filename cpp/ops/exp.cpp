#include "ops/exp.h"

namespace fastnn {

const Map exp_op = {
    Facts("exp").array("x").costs(transcendental).row_by_row(),
    [](const double*, const TensorView& x, const TensorView& y) { map_check("exp", x, y); },
    [](Range part, const double*, const TensorView& x, const TensorView& y) {
        map_unary(part, x, y, &Kernels<float>::exp, &Kernels<double>::exp);
    },
};

}  // namespace fastnn
