#include "ops/softplus.h"

namespace fastnn {

const Map softplus_op = {
    Facts("softplus").array("x").costs(transcendental).row_by_row(),
    [](const double*, const TensorView& x, const TensorView& y) { map_check("softplus", x, y); },
    [](Range part, const double*, const TensorView& x, const TensorView& y) {
        map_unary(part, x, y, &Kernels<float>::softplus, &Kernels<double>::softplus);
    },
};

const MapBackward softplus_backward_op = {
    Facts("softplus_backward").array("grad_y").array("x").costs(transcendental).row_by_row(),
    [](const double*, const TensorView& grad_y, const TensorView& x, const TensorView& grad_x) {
        map_backward_check("softplus_backward", grad_y, x, grad_x);
    },
    [](Range part, const double*, const TensorView& grad_y, const TensorView& x, const TensorView& grad_x) {
        map_backward(part, grad_y, x, grad_x, &Kernels<float>::softplus_backward, &Kernels<double>::softplus_backward);
    },
};

}  // namespace fastnn
