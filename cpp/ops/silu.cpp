#include "ops/silu.h"

namespace fastnn {

const Map silu_op = {
    Facts("silu").array("x").costs(transcendental).row_by_row(),
    [](const double*, const TensorView& x, const TensorView& y) { map_check("silu", x, y); },
    [](Range part, const double*, const TensorView& x, const TensorView& y) {
        map_unary(part, x, y, &Kernels<float>::silu, &Kernels<double>::silu);
    },
};

const MapBackward silu_backward_op = {
    Facts("silu_backward").array("grad_y").array("x").costs(transcendental).row_by_row(),
    [](const double*, const TensorView& grad_y, const TensorView& x, const TensorView& grad_x) {
        map_backward_check("silu_backward", grad_y, x, grad_x);
    },
    [](Range part, const double*, const TensorView& grad_y, const TensorView& x, const TensorView& grad_x) {
        map_backward(part, grad_y, x, grad_x, &Kernels<float>::silu_backward, &Kernels<double>::silu_backward);
    },
};

}  // namespace fastnn
