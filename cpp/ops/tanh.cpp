#include "ops/tanh.h"

namespace fastnn {

const Map tanh_op = {
    Facts("tanh").array("x").costs(transcendental).row_by_row(),
    [](const double*, const TensorView& x, const TensorView& y) { map_check("tanh", x, y); },
    [](Range part, const double*, const TensorView& x, const TensorView& y) {
        map_unary(part, x, y, &Kernels<float>::tanh, &Kernels<double>::tanh);
    },
};

const MapBackward tanh_backward_op = {
    Facts("tanh_backward").array("grad_y").array("y").row_by_row(),
    [](const double*, const TensorView& grad_y, const TensorView& y, const TensorView& grad_x) {
        map_backward_check("tanh_backward", grad_y, y, grad_x);
    },
    [](Range part, const double*, const TensorView& grad_y, const TensorView& y, const TensorView& grad_x) {
        map_backward(part, grad_y, y, grad_x, &Kernels<float>::tanh_backward, &Kernels<double>::tanh_backward);
    },
};

}  // namespace fastnn
