// Pooling of images on NumPy arrays: check, allocate, run.
#include "ops/pooling.h"

#include <pybind11/stl.h>

#include "bindings/arrays.h"
#include "bindings/bindings.h"
#include "bindings/functions.h"

namespace fastnn {

namespace {

using Numbers = std::vector<std::int64_t>;

// Two numbers on each side: four.
Numbers both_sides(const Numbers& padding) {
    return padding.size() == 2 ? Numbers{padding[0], padding[1], padding[0], padding[1]} : padding;
}

// The shape of x: the samples and channels of grad_y, and the size of the images.
Numbers x_shape_of(const char* op, const Input& grad_y, const Numbers& size) {
    pooling_check(op, "grad_y", grad_y.view());
    Numbers shape = {grad_y.view().shape[0], grad_y.view().shape[1]};
    shape.insert(shape.end(), size.begin(), size.end());
    return shape;
}

template <typename Work>
py::array pooled(const std::vector<std::int64_t>& shape, DType dtype, const Pooling& pooling, bool backward,
                 Work work) {
    const Output result("pooling", py::none(), four_dimensions(shape, Layout::images), dtype, {});
    run_op(pooling.operations(backward), {{{pooling.samples, 1}, [&](Range part) { work(part, result.view()); }}});
    return result.array();
}

py::array max_pool2d_array(const py::object& x_in, const Numbers& kernel, const Numbers& stride, const Numbers& padding,
                           const Numbers& dilation, bool ceil_mode) {
    constexpr const char* op = "max_pool2d";
    const Input x(op, "x", x_in, Layout::images);
    pooling_check(op, "x", x.view());
    const Pooling p = pooling_of(op, shape_of(x.view()), {kernel, stride, both_sides(padding), dilation, ceil_mode});
    return pooled(p.y_shape(), x.view().dtype, p, false,
                  [&](Range part, const TensorView& y) { max_pool2d(part, p, x.view(), y); });
}

py::array max_pool2d_backward_array(const py::object& grad_in, const py::object& x_in, const Numbers& kernel,
                                    const Numbers& stride, const Numbers& padding, const Numbers& dilation,
                                    bool ceil_mode) {
    constexpr const char* op = "max_pool2d_backward";
    const Input grad_y(op, "grad_y", grad_in, Layout::images), x(op, "x", x_in, Layout::images);
    pooling_check(op, "x", x.view());
    check_dtype(op, "grad_y", grad_y.view(), x.view().dtype);
    const Pooling p = pooling_of(op, shape_of(x.view()), {kernel, stride, both_sides(padding), dilation, ceil_mode});
    pooling_backward_check(op, grad_y.view(), p);
    return pooled(p.x_shape(), x.view().dtype, p, true, [&](Range part, const TensorView& grad_x) {
        max_pool2d_backward(part, p, grad_y.view(), x.view(), grad_x);
    });
}

PoolingSettings mean_settings(const Numbers& kernel, const Numbers& stride, const Numbers& padding, bool ceil_mode,
                              bool count_include_pad, std::int64_t divisor) {
    return {kernel, stride, both_sides(padding), {1, 1}, ceil_mode, count_include_pad, divisor};
}

py::array avg_pool2d_array(const py::object& x_in, const Numbers& kernel, const Numbers& stride, const Numbers& padding,
                           bool ceil_mode, bool count_include_pad, std::int64_t divisor) {
    constexpr const char* op = "avg_pool2d";
    const Input x(op, "x", x_in, Layout::images);
    pooling_check(op, "x", x.view());
    const Pooling p = pooling_of(op, shape_of(x.view()),
                                 mean_settings(kernel, stride, padding, ceil_mode, count_include_pad, divisor));
    return pooled(p.y_shape(), x.view().dtype, p, false,
                  [&](Range part, const TensorView& y) { avg_pool2d(part, p, x.view(), y); });
}

py::array avg_pool2d_backward_array(const py::object& grad_in, const Numbers& size, const Numbers& kernel,
                                    const Numbers& stride, const Numbers& padding, bool ceil_mode,
                                    bool count_include_pad, std::int64_t divisor) {
    constexpr const char* op = "avg_pool2d_backward";
    const Input grad_y(op, "grad_y", grad_in, Layout::images);
    const Pooling p = pooling_of(op, x_shape_of(op, grad_y, size),
                                 mean_settings(kernel, stride, padding, ceil_mode, count_include_pad, divisor));
    pooling_backward_check(op, grad_y.view(), p);
    return pooled(p.x_shape(), grad_y.view().dtype, p, true,
                  [&](Range part, const TensorView& grad_x) { avg_pool2d_backward(part, p, grad_y.view(), grad_x); });
}

py::array adaptive_avg_pool2d_array(const py::object& x_in, const Numbers& output_size) {
    constexpr const char* op = "adaptive_avg_pool2d";
    const Input x(op, "x", x_in, Layout::images);
    pooling_check(op, "x", x.view());
    const Pooling p = adaptive_pooling_of(op, shape_of(x.view()), output_size);
    return pooled(p.y_shape(), x.view().dtype, p, false,
                  [&](Range part, const TensorView& y) { adaptive_avg_pool2d(part, p, x.view(), y); });
}

py::array adaptive_avg_pool2d_backward_array(const py::object& grad_in, const Numbers& size) {
    constexpr const char* op = "adaptive_avg_pool2d_backward";
    const Input grad_y(op, "grad_y", grad_in, Layout::images);
    const Numbers x_shape = x_shape_of(op, grad_y, size);
    const Pooling p = adaptive_pooling_of(op, x_shape, {grad_y.view().shape[2], grad_y.view().shape[3]});
    pooling_backward_check(op, grad_y.view(), p);
    return pooled(p.x_shape(), grad_y.view().dtype, p, true,
                  [&](Range part, const TensorView& grad_x) { avg_pool2d_backward(part, p, grad_y.view(), grad_x); });
}

}  // namespace

void bind_pooling(py::module_& module) {
    def(module, "max_pool2d", "x, kernel_size, stride, padding=(0, 0), dilation=(1, 1), ceil_mode=False",
        max_pool2d_array);
    def(module, "max_pool2d_backward",
        "grad_y, x, kernel_size, stride, padding=(0, 0), dilation=(1, 1), ceil_mode=False", max_pool2d_backward_array);
    def(module, "avg_pool2d",
        "x, kernel_size, stride, padding=(0, 0), ceil_mode=False, count_include_pad=True, divisor=0", avg_pool2d_array);
    def(module, "avg_pool2d_backward",
        "grad_y, size, kernel_size, stride, padding=(0, 0), ceil_mode=False, count_include_pad=True, divisor=0",
        avg_pool2d_backward_array);
    def(module, "adaptive_avg_pool2d", "x, output_size", adaptive_avg_pool2d_array);
    def(module, "adaptive_avg_pool2d_backward", "grad_y, size", adaptive_avg_pool2d_backward_array);
}

}  // namespace fastnn
