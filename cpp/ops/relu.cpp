#include "ops/relu.h"

namespace fastnn {

const Map relu_op = {
    Facts("relu").array("x").costs(cheap).row_by_row(),
    [](const double*, const TensorView& x, const TensorView& y) { map_check("relu", x, y); },
    [](Range part, const double*, const TensorView& x, const TensorView& y) {
        map_unary(part, x, y, &Kernels<float>::relu, &Kernels<double>::relu);
    },
};

const MapBackward relu_backward_op = {
    Facts("relu_backward").array("grad_y").array("x").row_by_row(),
    [](const double*, const TensorView& grad_y, const TensorView& x, const TensorView& grad_x) {
        map_backward_check("relu_backward", grad_y, x, grad_x);
    },
    [](Range part, const double*, const TensorView& grad_y, const TensorView& x, const TensorView& grad_x) {
        map_backward(part, grad_y, x, grad_x, &Kernels<float>::relu_backward, &Kernels<double>::relu_backward);
    },
};

}  // namespace fastnn
