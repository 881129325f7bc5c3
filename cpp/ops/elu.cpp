#include "ops/elu.h"

namespace fastnn {

const Map elu_op = {
    Facts("elu").array("x").attribute("alpha", Argument::Kind::real).costs(transcendental).row_by_row(),
    [](const double* numbers, const TensorView& x, const TensorView& y) {
        map_check("elu", x, y);
        check_finite("elu", "alpha", x.dtype, *numbers);
    },
    [](Range part, const double* numbers, const TensorView& x, const TensorView& y) {
        map_unary(part, x, y, &Kernels<float>::elu, &Kernels<double>::elu, *numbers);
    },
};

const MapBackward elu_backward_op = {
    Facts("elu_backward")
        .array("grad_y")
        .array("x")
        .attribute("alpha", Argument::Kind::real)
        .costs(transcendental)
        .row_by_row(),
    [](const double* numbers, const TensorView& grad_y, const TensorView& x, const TensorView& grad_x) {
        map_backward_check("elu_backward", grad_y, x, grad_x);
        check_finite("elu_backward", "alpha", x.dtype, *numbers);
    },
    [](Range part, const double* numbers, const TensorView& grad_y, const TensorView& x, const TensorView& grad_x) {
        map_backward(part, grad_y, x, grad_x, &Kernels<float>::elu_backward, &Kernels<double>::elu_backward, *numbers);
    },
};

}  // namespace fastnn
