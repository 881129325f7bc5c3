// Batch normalisation on NumPy arrays: check, allocate, run.
#include "ops/batch_norm.h"

#include <optional>

#include "bindings/arrays.h"
#include "bindings/bindings.h"
#include "bindings/functions.h"
#include "core/check.h"
#include "ops/batch_norm_stages.h"

namespace fastnn {

namespace {

// A value for each channel, or none.
struct OfChannels {
    OfChannels(const char* op, const char* argument, const py::object& object) : name(argument) {
        if (!object.is_none()) input.emplace(op, argument, object, Layout::contiguous);
    }
    const TensorView* view() const { return input ? &input->view() : nullptr; }
    ChannelValues checked(DType dtype) const { return {name, view(), dtype}; }

    const char* name;
    std::optional<Input> input;
};

TensorView view_or_none(const OfChannels& values) { return values.view() != nullptr ? *values.view() : TensorView(); }

// With a value for each channel, or with none where there is no running value to move.
Output moved(const OfChannels& running, const TensorView& x) {
    return {"batch_norm", py::none(), {running.view() != nullptr ? x.shape[1] : 0}, x.dtype, {}};
}

Split samples_of(const TensorView& x) { return {x.shape[0], 1}; }

py::tuple batch_norm_arrays(const py::object& x_in, const py::object& weight_in, const py::object& bias_in,
                            const py::object& mean_in, const py::object& var_in, double momentum, double eps,
                            bool unbiased) {
    constexpr const char* op = "batch_norm";
    const Input input(op, "x", x_in, Layout::images);
    const TensorView& x = input.view();
    const OfChannels weight(op, "weight", weight_in), bias(op, "bias", bias_in),
        running_mean(op, "running_mean", mean_in), running_var(op, "running_var", var_in);
    batch_norm_check(
        op, x,
        {weight.checked(x.dtype), bias.checked(x.dtype), running_mean.checked(x.dtype), running_var.checked(x.dtype)},
        unbiased ? 2 : 1);
    const Output y(op, py::none(), x, x.dtype, {}), mean(op, py::none(), {x.shape[1]}, DType::float64, {}),
        inverse(op, py::none(), {x.shape[1]}, DType::float64, {});
    const Output new_mean = moved(running_mean, x), new_var = moved(running_var, x);
    const BatchNormForward norm(
        {x, view_or_none(weight), view_or_none(bias), view_or_none(running_mean), view_or_none(running_var), y.view(),
         mean.view(), inverse.view(), new_mean.view(), new_var.view()},
        momentum, eps, unbiased, thread_workspace(batch_norm_workspace(x)));
    run_op(batch_norm_facts.operations(x), {{samples_of(x), [&](Range part) { norm.sum(part); }},
                                            {{1, 1}, [&](Range) { norm.centre(); }},
                                            {samples_of(x), [&](Range part) { norm.square(part); }},
                                            {{1, 1}, [&](Range) { norm.finish(); }},
                                            {samples_of(x), [&](Range part) { norm.normalise(part); }}});
    return py::make_tuple(y.array(), mean.array(), inverse.array(), new_mean.array(), new_var.array());
}

// grad_x, grad_weight, grad_bias.
py::tuple backward_arrays(const TensorView& grad_y, const TensorView& x, const OfChannels& weight,
                          const OfChannels& mean, const OfChannels& second, bool training, double eps) {
    const Output grad_x("batch_norm", py::none(), x, x.dtype, {}),
        grad_weight("batch_norm", py::none(), {x.shape[1]}, x.dtype, {}),
        grad_bias("batch_norm", py::none(), {x.shape[1]}, x.dtype, {});
    const BatchNormBackward norm({grad_y, x, view_or_none(weight), *mean.view(), *second.view(), grad_x.view(),
                                  grad_weight.view(), grad_bias.view()},
                                 training, eps, thread_workspace(batch_norm_workspace(x)));
    norm.begin();
    run_op(batch_norm_backward_facts.operations(x), {{samples_of(x), [&](Range part) { norm.multiply(part); }},
                                                     {{1, 1}, [&](Range) { norm.finish(); }},
                                                     {samples_of(x), [&](Range part) { norm.apply(part); }}});
    return py::make_tuple(grad_x.array(), grad_weight.array(), grad_bias.array());
}

py::tuple batch_norm_backward_arrays(const py::object& grad_in, const py::object& x_in, const py::object& weight_in,
                                     const py::object& mean_in, const py::object& inverse_in) {
    constexpr const char* op = "batch_norm_backward";
    const Input grad_y(op, "grad_y", grad_in, Layout::images), input(op, "x", x_in, Layout::images);
    const TensorView& x = input.view();
    const OfChannels weight(op, "weight", weight_in), mean(op, "mean", mean_in), inverse(op, "inverse", inverse_in);
    batch_norm_check(op, x, {weight.checked(x.dtype), mean.checked(DType::float64), inverse.checked(DType::float64)},
                     1);
    batch_norm_backward_check(op, grad_y.view(), x);
    if (mean.view() == nullptr || inverse.view() == nullptr)
        fail_type(op, "mean and inverse: expected a NumPy array, got NoneType");
    return backward_arrays(grad_y.view(), x, weight, mean, inverse, true, 0);
}

void check_running(const char* op, const TensorView& x, const OfChannels& weight, const OfChannels& bias,
                   const OfChannels& mean, const OfChannels& var) {
    batch_norm_check(op, x,
                     {weight.checked(x.dtype), bias.checked(x.dtype), mean.checked(x.dtype), var.checked(x.dtype)}, 0);
    if (mean.view() == nullptr || var.view() == nullptr)
        fail_type(op, "running values: expected a NumPy array, got NoneType");
}

py::array batch_norm_inference_array(const py::object& x_in, const py::object& weight_in, const py::object& bias_in,
                                     const py::object& mean_in, const py::object& var_in, double eps) {
    constexpr const char* op = "batch_norm_inference";
    const Input input(op, "x", x_in, Layout::images);
    const TensorView& x = input.view();
    const OfChannels weight(op, "weight", weight_in), bias(op, "bias", bias_in), mean(op, "running_mean", mean_in),
        var(op, "running_var", var_in);
    check_running(op, x, weight, bias, mean, var);
    const Output y(op, py::none(), x, x.dtype, {});
    const BatchNormInference norm({x, view_or_none(weight), view_or_none(bias), *mean.view(), *var.view(), y.view()},
                                  eps, thread_workspace(batch_norm_workspace(x)));
    norm.begin();
    run_op(batch_norm_inference_facts.operations(x), {{samples_of(x), [&](Range part) { norm.normalise(part); }}});
    return y.array();
}

py::tuple batch_norm_inference_backward_arrays(const py::object& grad_in, const py::object& x_in,
                                               const py::object& weight_in, const py::object& mean_in,
                                               const py::object& var_in, double eps) {
    constexpr const char* op = "batch_norm_inference_backward";
    const Input grad_y(op, "grad_y", grad_in, Layout::images), input(op, "x", x_in, Layout::images);
    const TensorView& x = input.view();
    const OfChannels weight(op, "weight", weight_in), mean(op, "running_mean", mean_in), var(op, "running_var", var_in);
    check_running(op, x, weight, weight, mean, var);
    batch_norm_backward_check(op, grad_y.view(), x);
    return backward_arrays(grad_y.view(), x, weight, mean, var, false, eps);
}

}  // namespace

void bind_batch_norm(py::module_& module) {
    def(module, "batch_norm",
        "x, weight=None, bias=None, running_mean=None, running_var=None, momentum=0.1, eps=1e-5, unbiased=True",
        batch_norm_arrays);
    def(module, "batch_norm_backward", "grad_y, x, weight, mean, inverse", batch_norm_backward_arrays);
    def(module, "batch_norm_inference", "x, weight, bias, running_mean, running_var, eps=1e-5",
        batch_norm_inference_array);
    def(module, "batch_norm_inference_backward", "grad_y, x, weight, running_mean, running_var, eps=1e-5",
        batch_norm_inference_backward_arrays);
}

}  // namespace fastnn
