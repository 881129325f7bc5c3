// Convolution of images on NumPy arrays: check, allocate, run.
#include "ops/convolution.h"

#include <pybind11/stl.h>

#include "bindings/arrays.h"
#include "bindings/bindings.h"
#include "bindings/functions.h"
#include "core/check.h"
#include "ops/kernel_gradient.h"

namespace fastnn {

namespace {

using Numbers = std::vector<std::int64_t>;

void run_images(ImageProduct product, double cost) {
    run_op(cost, {{product.split(), [&](Range part) { product.multiply(part); }}});
}

py::array conv2d_array(const py::object& x_in, const py::object& weight_in, const py::object& bias_in,
                       const Numbers& stride, const Numbers& padding, const Numbers& dilation, std::int64_t groups,
                       bool use_relu) {
    const Input x("conv2d", "x", x_in, Layout::images), weight("conv2d", "weight", weight_in, Layout::kernels);
    const bool has_bias = !bias_in.is_none();
    const Input bias("conv2d", "bias", has_bias ? bias_in : weight_in, has_bias ? Layout::contiguous : Layout::any);
    const Convolution sizes =
        conv2d_check(x.view(), weight.view(), has_bias ? &bias.view() : nullptr, {stride, padding, dilation, groups});
    const Output y("conv2d", py::none(), four_dimensions(sizes.y_shape(), Layout::images), x.view().dtype, {});
    ImageProduct product = conv2d(sizes, x.view(), weight.view(), y.view());
    product.bias = has_bias ? bias.view().data : nullptr;
    product.relu = use_relu;
    run_images(product, sizes.cost());
    return y.array();
}

py::array conv2d_grad_x_array(const py::object& grad_in, const py::object& weight_in, const Numbers& size,
                              const Numbers& stride, const Numbers& padding, const Numbers& dilation,
                              std::int64_t groups) {
    const Input grad_y("conv2d", "grad_y", grad_in, Layout::images);
    const Input weight("conv2d", "weight", weight_in, Layout::kernels);
    const Convolution sizes =
        conv2d_grad_x_check(grad_y.view(), weight.view(), size, {stride, padding, dilation, groups});
    const Output grad_x("conv2d", py::none(), four_dimensions(sizes.x_shape(), Layout::images), grad_y.view().dtype,
                        {});
    run_images(conv2d_grad_x(sizes, grad_y.view(), weight.view(), grad_x.view()), sizes.cost());
    return grad_x.array();
}

py::array conv2d_grad_weight_array(const py::object& grad_in, const py::object& x_in, const Numbers& kernel,
                                   const Numbers& stride, const Numbers& padding, const Numbers& dilation,
                                   std::int64_t groups) {
    const Input grad_y("conv2d", "grad_y", grad_in, Layout::images), x("conv2d", "x", x_in, Layout::images);
    const Convolution sizes =
        conv2d_grad_weight_check(grad_y.view(), x.view(), kernel, {stride, padding, dilation, groups});
    const Output grad("conv2d", py::none(), four_dimensions(sizes.weight_shape(), Layout::kernels), x.view().dtype, {});
    KernelGradient gradient{sizes, grad_y.view(), x.view(), grad.view()};
    gradient.workspace = thread_workspace(gradient.workspace_bytes());
    run_op(sizes.cost(), {{gradient.split(), [&](Range part) { gradient.multiply(part); }},
                          {gradient.add_split(), [&](Range part) { gradient.add(part); }}});
    return grad.array();
}

py::array conv2d_grad_bias_array(const py::object& grad_in) {
    const Input grad_y("conv2d", "grad_y", grad_in, Layout::images);
    conv2d_grad_bias_check(grad_y.view());
    const std::int64_t samples = grad_y.view().shape[0], channels = grad_y.view().shape[1];
    const Output grad_bias("conv2d", py::none(), {channels}, grad_y.view().dtype, {});
    auto* const sums = static_cast<double*>(thread_workspace(checked_product("conv2d", samples * 8, channels)));
    run_op(conv2d_grad_bias_facts.operations(grad_y.view()),
           {{conv2d_grad_bias_facts.split(grad_y.view()),
             [&](Range part) { conv2d_sample_sums(part, grad_y.view(), sums); }},
            {{1, 1}, [&](Range) { conv2d_grad_bias(grad_y.view(), sums, grad_bias.view()); }}});
    return grad_bias.array();
}

}  // namespace

void bind_convolution(py::module_& module) {
    def(module, "conv2d",
        "x, weight, bias=None, stride=(1, 1), padding=(0, 0, 0, 0), dilation=(1, 1), groups=1, relu=False",
        conv2d_array);
    def(module, "conv2d_grad_x", "grad_y, weight, size, stride=(1, 1), padding=(0, 0, 0, 0), dilation=(1, 1), groups=1",
        conv2d_grad_x_array);
    def(module, "conv2d_grad_weight",
        "grad_y, x, kernel_size, stride=(1, 1), padding=(0, 0, 0, 0), dilation=(1, 1), groups=1",
        conv2d_grad_weight_array);
    def(module, "conv2d_grad_bias", "grad_y", conv2d_grad_bias_array);
}

}  // namespace fastnn
