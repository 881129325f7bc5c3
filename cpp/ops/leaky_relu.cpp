#include "ops/leaky_relu.h"

namespace fastnn {

const Map leaky_relu_op = {
    Facts("leaky_relu").array("x").attribute("negative_slope", Argument::Kind::real).row_by_row(),
    [](const double* slope, const TensorView& x, const TensorView& y) {
        map_check("leaky_relu", x, y);
        check_finite("leaky_relu", "negative_slope", x.dtype, *slope);
    },
    [](Range part, const double* slope, const TensorView& x, const TensorView& y) {
        map_unary(part, x, y, &Kernels<float>::leaky_relu, &Kernels<double>::leaky_relu, *slope);
    },
};

const MapBackward leaky_relu_backward_op = {
    Facts("leaky_relu_backward")
        .array("grad_y")
        .array("x")
        .attribute("negative_slope", Argument::Kind::real)
        .row_by_row(),
    [](const double* slope, const TensorView& grad_y, const TensorView& x, const TensorView& grad_x) {
        map_backward_check("leaky_relu_backward", grad_y, x, grad_x);
        check_finite("leaky_relu_backward", "negative_slope", x.dtype, *slope);
    },
    [](Range part, const double* slope, const TensorView& grad_y, const TensorView& x, const TensorView& grad_x) {
        map_backward(part, grad_y, x, grad_x, &Kernels<float>::leaky_relu_backward,
                     &Kernels<double>::leaky_relu_backward, *slope);
    },
};

}  // namespace fastnn
