#include "ops/leaky_relu.h"

#include <cmath>

namespace fastnn {

namespace {

void check_slope(const char* op, DType dtype, double slope) {
    dispatch_real(dtype, [&](auto zero) {
        if (!std::isfinite(static_cast<decltype(zero)>(slope)))
            fail(op, "negative_slope is ", slope, "; it must be a finite ", dtype_name(dtype));
    });
}

}  // namespace

const Map leaky_relu_op = {
    Facts("leaky_relu").array("x").attribute("negative_slope", Argument::Kind::real).row_by_row(),
    [](const double* slope, const TensorView& x, const TensorView& y) {
        map_check("leaky_relu", x, y);
        check_slope("leaky_relu", x.dtype, *slope);
    },
    [](Range part, const double* slope, const TensorView& x, const TensorView& y) {
        dispatch_real(x.dtype, [&](auto zero) {
            using T = decltype(zero);
            kernels<T>().leaky_relu(part.end - part.begin, x.as<T>() + part.begin, static_cast<T>(*slope),
                                    y.as<T>() + part.begin);
        });
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
        check_slope("leaky_relu_backward", x.dtype, *slope);
    },
    [](Range part, const double* slope, const TensorView& grad_y, const TensorView& x, const TensorView& grad_x) {
        dispatch_real(x.dtype, [&](auto zero) {
            using T = decltype(zero);
            kernels<T>().leaky_relu_backward(part.end - part.begin, grad_y.as<T>() + part.begin, x.as<T>() + part.begin,
                                             static_cast<T>(*slope), grad_x.as<T>() + part.begin);
        });
    },
};

}  // namespace fastnn
