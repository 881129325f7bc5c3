// Ops on NumPy arrays: check, allocate, run. Optimizer updates are in updates.cpp, batches and random numbers in
// data.cpp.
#include <pybind11/stl.h>

#include <algorithm>
#include <limits>

#include "bindings/arrays.h"
#include "bindings/bindings.h"
#include "core/check.h"
#include "ops/arithmetic.h"
#include "ops/bce.h"
#include "ops/cross_entropy.h"
#include "ops/dense.h"
#include "ops/dropout.h"
#include "ops/exp.h"
#include "ops/log.h"
#include "ops/loss.h"
#include "ops/matmul.h"
#include "ops/mse.h"
#include "ops/pow.h"
#include "ops/reduce.h"
#include "ops/relu.h"
#include "ops/sigmoid.h"
#include "ops/softmax.h"
#include "ops/tanh.h"

namespace fastnn {

namespace {

using Array = py::array;
using Object = py::object;

// Elementary operations of one element, for the choice of threads: about what each costs beside a multiply-add.
constexpr double cheap = 1, transcendental = 12;

double operations(const TensorView& view, double each) { return static_cast<double>(view.size()) * each; }

double product_operations(std::int64_t m, std::int64_t n, std::int64_t k) {
    return static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k) /
           8;  // some 8 multiply-adds a cycle
}

// The columns to use of a single row: a weight that is known to be finite need not be multiplied with zeros.
LiveColumns live_columns_of(const TensorView& x, const TensorView& weight) {
    const bool possible = x.shape[0] == 1 && x.stride[1] == 1 && weight.stride[0] == 1 && weight.panel == 0 &&
                          x.shape[1] < std::numeric_limits<std::int32_t>::max();
    if (!possible) return {};
    void* const memory = thread_workspace(live_columns_room(x) * static_cast<std::int64_t>(sizeof(std::int32_t)));
    const LiveColumns found = find_live_columns(x, static_cast<std::int32_t*>(memory));
    return leaving_out_pays(found.count, x.shape[1]) ? found : LiveColumns{};
}

Array dense_forward_array(const Object& x_in, const Object& weight_in, const Object& bias_in, bool use_relu,
                          const Object& out, bool finite) {
    const Input x("linear", "x", x_in, Layout::any), weight("linear", "weight", weight_in, Layout::any);
    if (x.view().rank != 2) check_rank("linear", "x", x.view(), 2);
    if (weight.view().rank != 2) check_rank("linear", "weight", weight.view(), 2);
    const bool has_bias = !bias_in.is_none();
    const Input bias("linear", "bias", has_bias ? bias_in : weight_in, has_bias ? Layout::contiguous : Layout::any);
    const TensorView* bias_view = has_bias ? &bias.view() : nullptr;
    const Output y("linear", out, {x.view().shape[0], weight.view().shape[0]}, x.view().dtype, {&x, &weight, &bias});
    dense_check(x.view(), weight.view(), bias_view, y.view());
    const LiveColumns live = finite ? live_columns_of(x.view(), weight.view()) : LiveColumns{};
    void* const workspace = live.columns ? nullptr : thread_workspace(dense_forward_workspace(weight.view()));
    const std::int64_t used = live.columns ? live.count : x.view().shape[1];
    run_op(product_operations(x.view().shape[0], weight.view().shape[0], used), [&](Team& team) {
        dense_forward(team, x.view(), weight.view(), bias_view, use_relu, y.view(), workspace, live);
    });
    return y.array();
}

Array dense_grad_x_array(const Object& grad_in, const Object& weight_in, const Object& out) {
    const Input grad_y("linear", "grad_y", grad_in, Layout::any), weight("linear", "weight", weight_in, Layout::any);
    check_rank("linear", "grad_y", grad_y.view(), 2);
    check_rank("linear", "weight", weight.view(), 2);
    const Output grad_x("linear", out, {grad_y.view().shape[0], weight.view().shape[1]}, grad_y.view().dtype,
                        {&grad_y, &weight});
    dense_backward_check(grad_y.view(), grad_x.view(), weight.view());
    void* const workspace = thread_workspace(dense_grad_x_workspace(weight.view()));
    run_op(product_operations(grad_y.view().shape[0], weight.view().shape[0], weight.view().shape[1]),
           [&](Team& team) { dense_grad_x(team, grad_y.view(), weight.view(), grad_x.view(), workspace); });
    return grad_x.array();
}

// The gradient (O, I); fresh ones lie [in][out] in memory, as the layer's weight does.
Array dense_grad_weight_array(const Object& grad_in, const Object& x_in, const Object& out) {
    const Input grad_y("linear", "grad_y", grad_in, Layout::any), x("linear", "x", x_in, Layout::any);
    check_rank("linear", "grad_y", grad_y.view(), 2);
    check_rank("linear", "x", x.view(), 2);
    const std::int64_t outputs = grad_y.view().shape[1], inputs = x.view().shape[1];
    const bool fresh = out.is_none();
    const Output grad("linear", out,
                      fresh ? std::vector<std::int64_t>{inputs, outputs} : std::vector<std::int64_t>{outputs, inputs},
                      grad_y.view().dtype, {&grad_y, &x});
    TensorView weight = grad.view();
    if (fresh) {
        std::swap(weight.shape[0], weight.shape[1]);
        std::swap(weight.stride[0], weight.stride[1]);
    }
    dense_backward_check(grad_y.view(), x.view(), weight);
    void* const workspace = thread_workspace(dense_grad_weight_workspace(grad_y.view(), x.view(), weight));
    run_op(product_operations(x.view().shape[0], outputs, inputs),
           [&](Team& team) { dense_grad_weight(team, grad_y.view(), x.view(), weight, workspace); });
    return fresh ? grad.array().attr("T").cast<Array>() : grad.array();
}

Array dense_grad_bias_array(const Object& grad_in, const Object& out) {
    const Input grad_y("linear", "grad_y", grad_in, Layout::rows);
    check_real("linear", "grad_y", grad_y.view());
    check_rank("linear", "grad_y", grad_y.view(), 2);
    const Output grad_bias("linear", out, {grad_y.view().shape[1]}, grad_y.view().dtype, {&grad_y});
    run_op(operations(grad_y.view(), cheap),
           [&](Team& team) { dense_grad_bias(team, grad_y.view(), grad_bias.view()); });
    return grad_bias.array();
}

Array matmul_array(const Object& a_in, const Object& b_in, const Object& out) {
    const Input a("matmul", "the first input", a_in, Layout::any), b("matmul", "the second input", b_in, Layout::any);
    if (a.view().rank < 2 || b.view().rank < 2) fail("matmul", "both inputs need at least 2 dimensions");
    std::vector<std::int64_t> shape = shape_of(a.view());
    shape.back() = b.view().shape[b.view().rank - 1];
    const Output c("matmul", out, shape, a.view().dtype, {&a, &b});
    matmul_check(a.view(), b.view(), c.view());
    void* const workspace = thread_workspace(matmul_workspace(b.view()));
    const double length = static_cast<double>(a.view().shape[a.view().rank - 1]);
    run_op(operations(c.view(), cheap) * length / 8,
           [&](Team& team) { matmul(team, a.view(), b.view(), c.view(), workspace); });
    return c.array();
}

using Check2 = void (*)(const TensorView&, const TensorView&);
using Check3 = void (*)(const TensorView&, const TensorView&, const TensorView&);
using Body2 = void (*)(Team&, const TensorView&, const TensorView&);
using Body3 = void (*)(Team&, const TensorView&, const TensorView&, const TensorView&);

void def_unary(py::module_& module, const char* name, Check2 check, Body2 body, double each, bool may_alias = true) {
    module.def(
        name,
        [=](const Object& x_in, const Object& out) {
            const Input x(name, "x", x_in, Layout::contiguous);
            const Output y(name, out, shape_of(x.view()), x.view().dtype, {&x}, may_alias);
            check(x.view(), y.view());
            run_op(operations(x.view(), each), [&](Team& team) { body(team, x.view(), y.view()); });
            return y.array();
        },
        py::arg("x"), py::arg("out") = py::none());
}

void def_backward(py::module_& module, const char* name, Check3 check, Body3 body, double each) {
    module.def(
        name,
        [=](const Object& grad_in, const Object& saved_in, const Object& out) {
            const Input grad_y(name, "grad_y", grad_in, Layout::contiguous),
                saved(name, "the saved array", saved_in, Layout::contiguous);
            const Output grad_x(name, out, shape_of(grad_y.view()), grad_y.view().dtype, {&grad_y, &saved}, true);
            check(grad_y.view(), saved.view(), grad_x.view());
            run_op(operations(grad_y.view(), each),
                   [&](Team& team) { body(team, grad_y.view(), saved.view(), grad_x.view()); });
            return grad_x.array();
        },
        py::arg("grad_y"), py::arg("saved"), py::arg("out") = py::none());
}

py::tuple cross_entropy_arrays(const Object& logits_in, const Object& labels_in, bool mean, const Object& out) {
    constexpr const char* op = "cross_entropy";
    const Input logits(op, "logits", logits_in, Layout::contiguous),
        labels(op, "labels", labels_in, Layout::contiguous);
    check_rank(op, "logits", logits.view(), 2);
    const std::int64_t samples = logits.view().shape[0];
    const DType dtype = logits.view().dtype;
    const Output total(op, py::none(), {}, dtype, {}), losses(op, py::none(), {samples}, dtype, {});
    const Output grad(op, out, shape_of(logits.view()), dtype, {&logits});
    cross_entropy_check(logits.view(), labels.view(), losses.view(), grad.view());
    check_labels(op, labels.view().as<std::int64_t>(), samples, logits.view().shape[1]);
    const double scale = mean ? 1.0 / static_cast<double>(samples) : 1.0;
    run_op(operations(logits.view(), transcendental), [&](Team& team) {
        cross_entropy(team, logits.view(), labels.view(), scale, losses.view(), grad.view());
        team.barrier();
        reduce_loss(team, losses.view(), scale, total.view());
    });
    return py::make_tuple(total.array(), losses.array(), grad.array());
}

using LossCheck = void (*)(const TensorView&, const TensorView&, const TensorView&, const TensorView&);
using LossBody = void (*)(Team&, const TensorView&, const TensorView&, double, const TensorView&, const TensorView&);

// factor: what the gradient has beyond the mean (2 for the square).
void def_loss(py::module_& module, const char* name, LossCheck check, LossBody body, double factor, double each) {
    module.def(
        name,
        [=](const Object& x_in, const Object& target_in, bool mean, const Object& out) {
            const Input x(name, "the input", x_in, Layout::contiguous),
                target(name, "the target", target_in, Layout::contiguous);
            const std::int64_t samples = x.view().rank == 0 ? 0 : x.view().shape[0];
            const DType dtype = x.view().dtype;
            const Output total(name, py::none(), {}, dtype, {}), losses(name, py::none(), {samples}, dtype, {});
            const Output grad(name, out, shape_of(x.view()), dtype, {&x, &target});
            check(x.view(), target.view(), losses.view(), grad.view());
            const double scale = mean ? 1.0 / static_cast<double>(x.view().size()) : 1.0;
            run_op(operations(x.view(), each), [&](Team& team) {
                body(team, x.view(), target.view(), factor * scale, losses.view(), grad.view());
                team.barrier();
                reduce_loss(team, losses.view(), scale, total.view());
            });
            return py::make_tuple(total.array(), losses.array(), grad.array());
        },
        py::arg("x"), py::arg("target"), py::arg("mean") = true, py::arg("out") = py::none());
}

// A Python number beside an array takes the array's dtype.
Object as_operand(const Object& operand, const Object& other) {
    if (!py::isinstance<py::float_>(operand) && !py::isinstance<py::int_>(operand)) return operand;
    if (!py::isinstance<Array>(other)) fail_type("arithmetic", "one of the two operands must be a NumPy array");
    const double value = operand.cast<double>();
    const bool single = py::reinterpret_borrow<Array>(other).itemsize() == 4;
    const Array scalar = new_array({}, single ? DType::float32 : DType::float64);
    if (single) {
        *static_cast<float*>(const_cast<void*>(scalar.data())) = static_cast<float>(value);
    } else {
        *static_cast<double*>(const_cast<void*>(scalar.data())) = value;
    }
    return scalar;
}

// Repeats a view over the result's shape (NumPy's rules: shapes are aligned at their last dimension).
TensorView broadcast(const TensorView& view, const std::vector<std::int64_t>& shape) {
    TensorView wide = view;
    wide.rank = static_cast<int>(shape.size());
    for (int i = wide.rank - 1, from = view.rank - 1; i >= 0; --i, --from) {
        wide.shape[i] = shape[static_cast<std::size_t>(i)];
        wide.stride[i] = from < 0 || view.shape[from] == 1 ? 0 : view.stride[from];
    }
    return wide;
}

std::vector<std::int64_t> broadcast_shape(const char* op, const TensorView& a, const TensorView& b) {
    std::vector<std::int64_t> shape(static_cast<std::size_t>(std::max(a.rank, b.rank)));
    for (int i = 1; i <= static_cast<int>(shape.size()); ++i) {
        const std::int64_t p = i <= a.rank ? a.shape[a.rank - i] : 1, q = i <= b.rank ? b.shape[b.rank - i] : 1;
        if (p != q && p != 1 && q != 1)
            fail(op, "shapes ", shape_text(a), " and ", shape_text(b), " do not broadcast together");
        shape[shape.size() - static_cast<std::size_t>(i)] = p == 1 ? q : p;
    }
    return shape;
}

void def_arithmetic(py::module_& module, const char* name, Arithmetic operation) {
    module.def(
        name,
        [=](const Object& a_in, const Object& b_in) {
            const Input a(name, "a", as_operand(a_in, b_in), Layout::any),
                b(name, "b", as_operand(b_in, a_in), Layout::any);
            const Output y(name, py::none(), broadcast_shape(name, a.view(), b.view()), a.view().dtype, {});
            const std::vector<std::int64_t> shape = shape_of(y.view());
            const TensorView left = broadcast(a.view(), shape), right = broadcast(b.view(), shape);
            arithmetic_check(left, right, y.view());
            run_op(operations(y.view(), cheap),
                   [&](Team& team) { arithmetic(team, operation, left, right, y.view()); });
            return y.array();
        },
        py::arg("a"), py::arg("b"));
}

void bind_reductions(py::module_& module) {
    module.def(
        "sum",
        [](const Object& x_in, double scale) {
            const Input x("sum", "x", x_in, Layout::contiguous);
            check_rank("sum", "x", x.view(), 3);
            const Output y("sum", py::none(), {x.view().shape[0], x.view().shape[2]}, x.view().dtype, {});
            sum_check(x.view(), y.view());
            run_op(operations(x.view(), cheap), [&](Team& team) { sum(team, x.view(), scale, y.view()); });
            return y.array();
        },
        py::arg("x"), py::arg("scale") = 1.0);
    module.def(
        "max",
        [](const Object& x_in) {
            const Input x("max", "x", x_in, Layout::contiguous);
            check_rank("max", "x", x.view(), 3);
            const std::vector<std::int64_t> shape = {x.view().shape[0], x.view().shape[2]};
            const Output y("max", py::none(), shape, x.view().dtype, {}),
                index("max", py::none(), shape, DType::int64, {});
            max_check(x.view(), y.view(), index.view());
            run_op(operations(x.view(), cheap), [&](Team& team) { max(team, x.view(), y.view(), index.view()); });
            return py::make_tuple(y.array(), index.array());
        },
        py::arg("x"));
    module.def(
        "max_backward",
        [](const Object& grad_in, const Object& index_in, std::int64_t axis) {
            const Input grad_y("max_backward", "grad_y", grad_in, Layout::contiguous);
            const Input index("max_backward", "index", index_in, Layout::contiguous);
            check_rank("max_backward", "grad_y", grad_y.view(), 2);
            const Output grad_x("max_backward", py::none(), {grad_y.view().shape[0], axis, grad_y.view().shape[1]},
                                grad_y.view().dtype, {});
            max_backward_check(grad_y.view(), index.view(), grad_x.view());
            run_op(operations(grad_x.view(), cheap),
                   [&](Team& team) { max_backward(team, grad_y.view(), index.view(), grad_x.view()); });
            return grad_x.array();
        },
        py::arg("grad_y"), py::arg("index"), py::arg("axis"));
}

void bind_elementwise(py::module_& module) {
    def_unary(module, "relu", relu_check, relu, cheap);
    def_unary(module, "sigmoid", sigmoid_check, sigmoid, transcendental);
    def_unary(module, "tanh", tanh_check, tanh, transcendental);
    def_unary(module, "exp", exp_check, exp, transcendental);
    def_unary(module, "log", log_check, log, transcendental);
    def_unary(module, "softmax", softmax_check, softmax, transcendental, false);
    def_unary(module, "log_softmax", softmax_check, log_softmax, transcendental, false);
    def_backward(module, "relu_backward", relu_backward_check, relu_backward, cheap);
    def_backward(module, "sigmoid_backward", sigmoid_backward_check, sigmoid_backward, cheap);
    def_backward(module, "tanh_backward", tanh_backward_check, tanh_backward, cheap);
    def_backward(module, "softmax_backward", softmax_backward_check, softmax_backward, cheap);
    def_backward(module, "log_softmax_backward", softmax_backward_check, log_softmax_backward, transcendental);

    module.def(
        "pow",
        [](const Object& x_in, double exponent) {
            const Input x("pow", "x", x_in, Layout::contiguous);
            const Output y("pow", py::none(), shape_of(x.view()), x.view().dtype, {&x});
            pow_check(x.view(), y.view());
            run_op(operations(x.view(), transcendental), [&](Team& team) { pow(team, x.view(), exponent, y.view()); });
            return y.array();
        },
        py::arg("x"), py::arg("exponent"));
    module.def(
        "pow_backward",
        [](const Object& grad_in, const Object& x_in, double exponent) {
            const Input grad_y("pow", "grad_y", grad_in, Layout::contiguous), x("pow", "x", x_in, Layout::contiguous);
            const Output grad_x("pow", py::none(), shape_of(x.view()), x.view().dtype, {&x});
            pow_backward_check(grad_y.view(), x.view(), grad_x.view());
            run_op(operations(x.view(), transcendental),
                   [&](Team& team) { pow_backward(team, grad_y.view(), x.view(), exponent, grad_x.view()); });
            return grad_x.array();
        },
        py::arg("grad_y"), py::arg("x"), py::arg("exponent"));
    def_arithmetic(module, "add", Arithmetic::add);
    def_arithmetic(module, "subtract", Arithmetic::subtract);
    def_arithmetic(module, "multiply", Arithmetic::multiply);
    def_arithmetic(module, "divide", Arithmetic::divide);
    module.def(
        "copy",
        [](const Object& x_in) {
            const Input x("copy", "x", x_in, Layout::any);
            const Output y("copy", py::none(), shape_of(x.view()), x.view().dtype, {});
            copy_check(x.view(), y.view());
            run_op(operations(x.view(), cheap), [&](Team& team) { copy(team, x.view(), y.view()); });
            return y.array();
        },
        py::arg("x"));
    module.def(
        "dropout",
        [](const Object& x_in, double p, std::uint64_t seed, std::uint32_t call, std::uint32_t number) {
            const Input x("dropout", "x", x_in, Layout::contiguous);
            const Output mask("dropout", py::none(), shape_of(x.view()), x.view().dtype, {});
            const Output y("dropout", py::none(), shape_of(x.view()), x.view().dtype, {});
            dropout_check(x.view(), p, mask.view(), y.view());
            const DropoutDraw draw{seed, call, number};
            run_op(operations(x.view(), transcendental),
                   [&](Team& team) { dropout(team, x.view(), p, draw, mask.view(), y.view()); });
            return py::make_tuple(y.array(), mask.array());
        },
        py::arg("x"), py::arg("p"), py::arg("seed"), py::arg("call"), py::arg("module"));
}

}  // namespace

void bind_ops(py::module_& module) {
    const auto none = py::none();
    module.def("dense_forward", &dense_forward_array, py::arg("x"), py::arg("weight"), py::arg("bias") = none,
               py::arg("relu") = false, py::arg("out") = none, py::arg("finite") = false);
    module.def(
        "finite",
        [](const Object& x_in) {
            const Input x("finite", "x", x_in, Layout::contiguous);
            check_real("finite", "x", x.view());
            return all_finite(x.view());
        },
        py::arg("x"));
    module.def("dense_grad_x", &dense_grad_x_array, py::arg("grad_y"), py::arg("weight"), py::arg("out") = none);
    module.def("dense_grad_weight", &dense_grad_weight_array, py::arg("grad_y"), py::arg("x"), py::arg("out") = none);
    module.def("dense_grad_bias", &dense_grad_bias_array, py::arg("grad_y"), py::arg("out") = none);
    module.def("matmul", &matmul_array, py::arg("a"), py::arg("b"), py::arg("out") = none);
    module.def("cross_entropy", &cross_entropy_arrays, py::arg("logits"), py::arg("labels"), py::arg("mean") = true,
               py::arg("out") = none);
    def_loss(module, "mse", mse_check, mse, 2.0, cheap);
    def_loss(module, "bce_with_logits", bce_with_logits_check, bce_with_logits, 1.0, 3 * transcendental);
    bind_elementwise(module);
    bind_reductions(module);
}

}  // namespace fastnn
