#include "ops/log.h"

namespace fastnn {

const Map log_op = {
    Facts("log").array("x").costs(transcendental).row_by_row(),
    [](const double*, const TensorView& x, const TensorView& y) { map_check("log", x, y); },
    [](Range part, const double*, const TensorView& x, const TensorView& y) {
        map_unary(part, x, y, &Kernels<float>::log, &Kernels<double>::log);
    },
};

}  // namespace fastnn
