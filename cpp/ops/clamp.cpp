#include "ops/clamp.h"

namespace fastnn {

namespace {

void check_bounds(const char* op, const double* bounds) {
    if (!(bounds[0] <= bounds[1] || bounds[0] > bounds[1]))
        fail(op, "the bounds are ", bounds[0], " and ", bounds[1], "; they must be numbers");
}

}  // namespace

const Map clamp_op = {
    Facts("clamp")
        .array("x")
        .attribute("low", Argument::Kind::real)
        .attribute("high", Argument::Kind::real)
        .row_by_row(),
    [](const double* numbers, const TensorView& x, const TensorView& y) {
        map_check("clamp", x, y);
        check_bounds("clamp", numbers);
    },
    [](Range part, const double* numbers, const TensorView& x, const TensorView& y) {
        map_unary(part, x, y, &Kernels<float>::clamp, &Kernels<double>::clamp, numbers[0], numbers[1]);
    },
};

const MapBackward clamp_backward_op = {
    Facts("clamp_backward")
        .array("grad_y")
        .array("x")
        .attribute("low", Argument::Kind::real)
        .attribute("high", Argument::Kind::real)
        .row_by_row(),
    [](const double* numbers, const TensorView& grad_y, const TensorView& x, const TensorView& grad_x) {
        map_backward_check("clamp_backward", grad_y, x, grad_x);
        check_bounds("clamp_backward", numbers);
    },
    [](Range part, const double* numbers, const TensorView& grad_y, const TensorView& x, const TensorView& grad_x) {
        map_backward(part, grad_y, x, grad_x, &Kernels<float>::clamp_backward, &Kernels<double>::clamp_backward,
                     numbers[0], numbers[1]);
    },
};

}  // namespace fastnn
