#include "ops/sigmoid.h"

namespace fastnn {

const Map sigmoid_op = {
    Facts("sigmoid").array("x").costs(transcendental).row_by_row(),
    [](const double*, const TensorView& x, const TensorView& y) { map_check("sigmoid", x, y); },
    [](Range part, const double*, const TensorView& x, const TensorView& y) {
        map_unary(part, x, y, &Kernels<float>::sigmoid, &Kernels<double>::sigmoid);
    },
};

const MapBackward sigmoid_backward_op = {
    Facts("sigmoid_backward").array("grad_y").array("y").row_by_row(),
    [](const double*, const TensorView& grad_y, const TensorView& y, const TensorView& grad_x) {
        map_backward_check("sigmoid_backward", grad_y, y, grad_x);
    },
    [](Range part, const double*, const TensorView& grad_y, const TensorView& y, const TensorView& grad_x) {
        map_backward(part, grad_y, y, grad_x, &Kernels<float>::sigmoid_backward, &Kernels<double>::sigmoid_backward);
    },
};

}  // namespace fastnn
