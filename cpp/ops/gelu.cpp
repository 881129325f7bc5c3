#include "ops/gelu.h"

namespace fastnn {

const Map gelu_op = {
    Facts("gelu").array("x").costs(transcendental).row_by_row(),
    [](const double*, const TensorView& x, const TensorView& y) { map_check("gelu", x, y); },
    [](Range part, const double*, const TensorView& x, const TensorView& y) {
        map_unary(part, x, y, &Kernels<float>::gelu, &Kernels<double>::gelu);
    },
};

const MapBackward gelu_backward_op = {
    Facts("gelu_backward").array("grad_y").array("x").costs(transcendental).row_by_row(),
    [](const double*, const TensorView& grad_y, const TensorView& x, const TensorView& grad_x) {
        map_backward_check("gelu_backward", grad_y, x, grad_x);
    },
    [](Range part, const double*, const TensorView& grad_y, const TensorView& x, const TensorView& grad_x) {
        map_backward(part, grad_y, x, grad_x, &Kernels<float>::gelu_backward, &Kernels<double>::gelu_backward);
    },
};

const Map gelu_tanh_op = {
    Facts("gelu_tanh").array("x").costs(transcendental).row_by_row(),
    [](const double*, const TensorView& x, const TensorView& y) { map_check("gelu_tanh", x, y); },
    [](Range part, const double*, const TensorView& x, const TensorView& y) {
        map_unary(part, x, y, &Kernels<float>::gelu_tanh, &Kernels<double>::gelu_tanh);
    },
};

const MapBackward gelu_tanh_backward_op = {
    Facts("gelu_tanh_backward").array("grad_y").array("x").costs(transcendental).row_by_row(),
    [](const double*, const TensorView& grad_y, const TensorView& x, const TensorView& grad_x) {
        map_backward_check("gelu_tanh_backward", grad_y, x, grad_x);
    },
    [](Range part, const double*, const TensorView& grad_y, const TensorView& x, const TensorView& grad_x) {
        map_backward(part, grad_y, x, grad_x, &Kernels<float>::gelu_tanh_backward,
                     &Kernels<double>::gelu_tanh_backward);
    },
};

}  // namespace fastnn
