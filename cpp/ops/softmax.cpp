#include "ops/softmax.h"

namespace fastnn {

namespace {

void check(const double*, const TensorView& x, const TensorView& y) {
    map_check("softmax", x, y);
    check_contiguous("softmax", "x", x);
    if (x.rank == 0 || (x.shape[x.rank - 1] == 0 && x.size() == 0 && x.shape[0] != 0))
        fail("softmax", "x needs at least one class in its last dimension, got shape ", shape_text(x));
}

void backward_check(const double*, const TensorView& grad_y, const TensorView& y, const TensorView& grad_x) {
    map_backward_check("softmax_backward", grad_y, y, grad_x);
    check(nullptr, y, grad_x);
}

// Runs a kernel, named by its table member, on each row of a part: arrays of one shape, the last of them written.
template <typename Member32, typename Member64, typename... Views>
void each_row(Range rows, Member32 f32, Member64 f64, const TensorView& x, const Views&... others) {
    const std::int64_t classes = x.shape[x.rank - 1];
    const auto run = [&](auto zero, auto member) {
        using T = decltype(zero);
        for (std::int64_t row = rows.begin; row < rows.end; ++row)
            (kernels<T>().*member)(classes, x.as<T>() + row * classes, (others.template as<T>() + row * classes)...);
    };
    x.dtype == DType::float32 ? run(float(), f32) : run(double(), f64);
}

}  // namespace

const Map softmax_op = {
    Facts("softmax").array("x").costs(transcendental).cut(last_rows).row_by_row(),
    check,
    [](Range rows, const double*, const TensorView& x, const TensorView& y) {
        each_row(rows, &Kernels<float>::softmax, &Kernels<double>::softmax, x, y);
    },
    false,
    false,
};

const Map log_softmax_op = {
    Facts("log_softmax").array("x").costs(transcendental).cut(last_rows).row_by_row(),
    check,
    [](Range rows, const double*, const TensorView& x, const TensorView& y) {
        each_row(rows, &Kernels<float>::log_softmax, &Kernels<double>::log_softmax, x, y);
    },
    false,
    false,
};

const MapBackward softmax_backward_op = {
    Facts("softmax_backward").array("grad_y").array("y").costs(2 * cheap).cut(last_rows).row_by_row(),
    backward_check,
    [](Range rows, const double*, const TensorView& grad_y, const TensorView& y, const TensorView& grad_x) {
        each_row(rows, &Kernels<float>::softmax_backward, &Kernels<double>::softmax_backward, grad_y, y, grad_x);
    },
    true,
    false,
};

const MapBackward log_softmax_backward_op = {
    Facts("log_softmax_backward").array("grad_y").array("y").costs(transcendental).cut(last_rows).row_by_row(),
    backward_check,
    [](Range rows, const double*, const TensorView& grad_y, const TensorView& y, const TensorView& grad_x) {
        each_row(rows, &Kernels<float>::log_softmax_backward, &Kernels<double>::log_softmax_backward, grad_y, y,
                 grad_x);
    },
    true,
    false,
};

}  // namespace fastnn
