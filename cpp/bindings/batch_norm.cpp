// Batch normalisation on NumPy arrays: check, allocate, run.
#include "ops/batch_norm.h"

#include <algorithm>
#include <optional>

#include "bindings/arrays.h"
#include "bindings/bindings.h"
#include "core/check.h"

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

// Float64 values of the channels, and sums of the samples' channels.
struct Workspace {
    explicit Workspace(const TensorView& x) : channels(x.shape[1]) {
        const std::int64_t sums_of_all = checked_product("batch_norm", x.shape[0] * 8, channels);
        data = static_cast<double*>(thread_workspace(2 * sums_of_all + 4 * 8 * channels));
        sums = data + 4 * channels;
        more_sums = sums + x.shape[0] * channels;
    }
    double* values(std::int64_t which) const { return data + which * channels; }

    std::int64_t channels;
    double *data, *sums, *more_sums;
};

void divide_all(std::int64_t count, double* values, double by) {
    std::transform(values, values + count, values, [by](double value) { return value / by; });
}

double count_of(const TensorView& x) { return static_cast<double>(x.shape[0] * x.shape[2] * x.shape[3]); }

Split samples_of(const TensorView& x) { return {x.shape[0], 1}; }

py::array moved(const OfChannels& running, const double* value, double momentum, DType dtype) {
    if (running.view() == nullptr) return new_array({0}, dtype);
    const py::array result = new_array(shape_of(*running.view()), dtype);
    batch_norm_move(*running.view(), value, momentum, view_of("batch_norm", "the result", result));
    return result;
}

py::tuple batch_norm_arrays(const py::object& x_in, const py::object& weight_in, const py::object& bias_in,
                            const py::object& mean_in, const py::object& var_in, double momentum, double eps) {
    constexpr const char* op = "batch_norm";
    const Input input(op, "x", x_in, Layout::images);
    const TensorView& x = input.view();
    const OfChannels weight(op, "weight", weight_in), bias(op, "bias", bias_in),
        running_mean(op, "running_mean", mean_in), running_var(op, "running_var", var_in);
    batch_norm_check(
        op, x,
        {weight.checked(x.dtype), bias.checked(x.dtype), running_mean.checked(x.dtype), running_var.checked(x.dtype)},
        true);
    const Output y(op, py::none(), x, x.dtype, {}), mean(op, py::none(), {x.shape[1]}, DType::float64, {}),
        inverse(op, py::none(), {x.shape[1]}, DType::float64, {});
    const Workspace work(x);
    const double count = count_of(x);
    double *const means = mean.view().as<double>(), *const var = work.values(0);
    ChannelNumbers numbers(x.dtype, x.shape[1]);
    run_op(batch_norm_facts.operations(x),
           {{samples_of(x), [&](Range part) { batch_norm_sums(part, x, work.sums); }},
            {{1, 1},
             [&](Range) {
                 batch_norm_total(x, work.sums, means);
                 divide_all(work.channels, means, count);
             }},
            {samples_of(x), [&](Range part) { batch_norm_squares(part, x, means, work.sums); }},
            {{1, 1},
             [&](Range) {
                 batch_norm_total(x, work.sums, var);
                 divide_all(work.channels, var, count);
                 batch_norm_inverse(work.channels, var, eps, inverse.view().as<double>());
                 numbers.set_mean(means);
                 numbers.set_scale(inverse.view().as<double>(), weight.view());
                 numbers.set_bias(bias.view());
             }},
            {samples_of(x), [&](Range part) { numbers.normalise(part, x, y.view()); }}});
    const py::array new_mean = moved(running_mean, means, momentum, x.dtype);
    std::transform(var, var + work.channels, var, [count](double value) { return value * count / (count - 1); });
    return py::make_tuple(y.array(), mean.array(), inverse.array(), new_mean,
                          moved(running_var, var, momentum, x.dtype));
}

void float64_array(const TensorView& values, double* out) {
    dispatch_real(values.dtype, [&](auto zero) { std::copy_n(values.as<decltype(zero)>(), values.shape[0], out); });
}

// grad_x, grad_weight, grad_bias: the sums and, from them, the gradients. mean, inverse: in float64.
py::tuple backward_arrays(const TensorView& grad_y, const TensorView& x, const OfChannels& weight, const double* mean,
                          const double* inverse, const Workspace& work, bool training) {
    const Output grad_x("batch_norm", py::none(), x, x.dtype, {}),
        grad_weight("batch_norm", py::none(), {x.shape[1]}, x.dtype, {}),
        grad_bias("batch_norm", py::none(), {x.shape[1]}, x.dtype, {});
    double *const total = work.values(0), *const product = work.values(1);
    ChannelNumbers numbers(x.dtype, x.shape[1]);
    const auto end = [&] {
        batch_norm_total(x, work.sums, total);
        batch_norm_total(x, work.more_sums, product);
        dispatch_real(x.dtype, [&](auto zero) {
            using T = decltype(zero);
            for (std::int64_t c = 0; c < work.channels; ++c) {
                grad_weight.view().as<T>()[c] = static_cast<T>(product[c] * inverse[c]);
                grad_bias.view().as<T>()[c] = static_cast<T>(total[c]);
                product[c] = inverse[c] * inverse[c] * product[c];
            }
        });
        divide_all(work.channels, total, count_of(x));
        divide_all(work.channels, product, count_of(x));
        numbers.set_scale(inverse, weight.view());
        if (!training) return;
        numbers.set_mean(mean);
        numbers.set_sums(total, product);
    };
    run_op(batch_norm_backward_facts.operations(x),
           {{samples_of(x), [&](Range part) { batch_norm_products(part, grad_y, x, mean, work.sums, work.more_sums); }},
            {{1, 1}, [&](Range) { end(); }},
            {samples_of(x), [&](Range part) {
                 training ? numbers.backward(part, grad_y, x, grad_x.view())
                          : numbers.normalise(part, grad_y, grad_x.view());
             }}});
    return py::make_tuple(grad_x.array(), grad_weight.array(), grad_bias.array());
}

py::tuple batch_norm_backward_arrays(const py::object& grad_in, const py::object& x_in, const py::object& weight_in,
                                     const py::object& mean_in, const py::object& inverse_in) {
    constexpr const char* op = "batch_norm_backward";
    const Input grad_y(op, "grad_y", grad_in, Layout::images), input(op, "x", x_in, Layout::images);
    const TensorView& x = input.view();
    const OfChannels weight(op, "weight", weight_in), mean(op, "mean", mean_in), inverse(op, "inverse", inverse_in);
    batch_norm_check(op, x, {weight.checked(x.dtype), mean.checked(DType::float64), inverse.checked(DType::float64)},
                     true);
    batch_norm_backward_check(op, grad_y.view(), x);
    if (mean.view() == nullptr || inverse.view() == nullptr)
        fail_type(op, "mean and inverse: expected a NumPy array, got NoneType");
    return backward_arrays(grad_y.view(), x, weight, mean.view()->as<double>(), inverse.view()->as<double>(),
                           Workspace(x), true);
}

// The running values in float64: mean, and 1 / sqrt(var + eps).
void running_values(const OfChannels& mean, const OfChannels& var, double eps, const Workspace& work) {
    float64_array(*mean.view(), work.values(2));
    float64_array(*var.view(), work.values(3));
    batch_norm_inverse(work.channels, work.values(3), eps, work.values(3));
}

void check_running(const char* op, const TensorView& x, const OfChannels& weight, const OfChannels& bias,
                   const OfChannels& mean, const OfChannels& var) {
    batch_norm_check(
        op, x, {weight.checked(x.dtype), bias.checked(x.dtype), mean.checked(x.dtype), var.checked(x.dtype)}, false);
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
    const Workspace work(x);
    running_values(mean, var, eps, work);
    ChannelNumbers numbers(x.dtype, x.shape[1]);
    numbers.set_mean(work.values(2));
    numbers.set_scale(work.values(3), weight.view());
    numbers.set_bias(bias.view());
    run_op(batch_norm_inference_facts.operations(x),
           {{samples_of(x), [&](Range part) { numbers.normalise(part, x, y.view()); }}});
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
    const Workspace work(x);
    running_values(mean, var, eps, work);
    return backward_arrays(grad_y.view(), x, weight, work.values(2), work.values(3), work, false);
}

}  // namespace

void bind_batch_norm(py::module_& module) {
    const py::arg x("x"), grad_y("grad_y"), mean("running_mean"), var("running_var");
    const py::arg_v weight = py::arg("weight") = py::none(), bias = py::arg("bias") = py::none(),
                    eps = py::arg("eps") = 1e-5;
    module.def("batch_norm", &batch_norm_arrays, x, weight, bias, py::arg("running_mean") = py::none(),
               py::arg("running_var") = py::none(), py::arg("momentum") = 0.1, eps);
    module.def("batch_norm_backward", &batch_norm_backward_arrays, grad_y, x, py::arg("weight"), py::arg("mean"),
               py::arg("inverse"));
    module.def("batch_norm_inference", &batch_norm_inference_array, x, py::arg("weight"), py::arg("bias"), mean, var,
               eps);
    module.def("batch_norm_inference_backward", &batch_norm_inference_backward_arrays, grad_y, x, py::arg("weight"),
               mean, var, eps);
}

}  // namespace fastnn
