#include "ops/softmax.h"

#include "ops/map.h"

namespace fastnn {

namespace {

void check_classes(const char* op, const TensorView& x) {
    if (x.rank == 0 || (x.shape[x.rank - 1] == 0 && x.size() == 0 && x.shape[0] != 0)) {
        fail(op, "x needs at least one class in its last dimension, got shape ", shape_text(x));
    }
}

// Runs a kernel on each of this thread's rows: arrays of one shape, the last of them written.
template <typename T, typename Kernel, typename... Views>
void for_each_row(Team& team, Kernel kernel, const TensorView& x, const Views&... others) {
    const std::int64_t classes = x.shape[x.rank - 1];
    const Range rows = team.share(classes == 0 ? 0 : x.size() / classes);
    for (std::int64_t row = rows.begin; row < rows.end; ++row) {
        kernel(classes, x.as<T>() + row * classes, (others.template as<T>() + row * classes)...);
    }
}

}  // namespace

void softmax_check(const TensorView& x, const TensorView& y) {
    map_check("softmax", x, y);
    check_classes("softmax", x);
}

void softmax_backward_check(const TensorView& grad_y, const TensorView& y, const TensorView& grad_x) {
    map_backward_check("softmax_backward", grad_y, y, grad_x);
    check_classes("softmax_backward", y);
}

void softmax(Team& team, const TensorView& x, const TensorView& y) {
    dispatch_real(y.dtype, [&](auto zero) {
        using T = decltype(zero);
        for_each_row<T>(team, kernels<T>().softmax, x, y);
    });
}

void softmax_backward(Team& team, const TensorView& grad_y, const TensorView& y, const TensorView& grad_x) {
    dispatch_real(y.dtype, [&](auto zero) {
        using T = decltype(zero);
        for_each_row<T>(team, kernels<T>().softmax_backward, grad_y, y, grad_x);
    });
}

void log_softmax(Team& team, const TensorView& x, const TensorView& y) {
    dispatch_real(y.dtype, [&](auto zero) {
        using T = decltype(zero);
        for_each_row<T>(team, kernels<T>().log_softmax, x, y);
    });
}

void log_softmax_backward(Team& team, const TensorView& grad_y, const TensorView& y, const TensorView& grad_x) {
    dispatch_real(y.dtype, [&](auto zero) {
        using T = decltype(zero);
        for_each_row<T>(team, kernels<T>().log_softmax_backward, grad_y, y, grad_x);
    });
}

}  // namespace fastnn
