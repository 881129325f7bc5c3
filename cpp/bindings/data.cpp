// Batches out of resident data, and random numbers.
#include <pybind11/stl.h>

#include "bindings/arrays.h"
#include "bindings/bindings.h"
#include "bindings/functions.h"
#include "core/check.h"
#include "data/augment.h"
#include "ops/gather.h"
#include "ops/random.h"

namespace fastnn {

namespace {

using Array = py::array;
using Object = py::object;

// So many rows as x has them.
TensorView rows_like(const char* op, const TensorView& x, const TensorView& index) {
    if (x.rank == 0) fail(op, "x needs at least one dimension, got a single value");
    TensorView rows = x;
    rows.shape[0] = index.size();
    if (x.shape[0] <= 1 && !x.empty()) rows.stride[0] = x.size();
    return rows;
}

Array gather_rows_array(const Object& x_in, const Object& index_in, const Object& out) {
    const Input x("gather_rows", "x", x_in, Layout::samples),
        index("gather_rows", "index", index_in, Layout::contiguous);
    const Output y("gather_rows", out, rows_like("gather_rows", x.view(), index.view()), x.view().dtype, {&x, &index});
    gather_rows_check(x.view(), index.view(), y.view());
    run_op(gather_rows_facts.operations(y.view()), {{gather_rows_facts.split(y.view()), [&](Range part) {
                                                         gather_rows(part, x.view(), index.view(), y.view());
                                                     }}});
    return y.array();
}

Array gather_uint8_array(const Object& x_in, const Object& index_in, const Object& mean_in, const Object& std_in,
                         bool double_precision, const Object& out) {
    constexpr const char* op = "gather_uint8";
    const Input x(op, "x", x_in, Layout::samples), index(op, "index", index_in, Layout::contiguous);
    const bool normalise = !mean_in.is_none() || !std_in.is_none();  // one without the other is refused below
    const Input mean(op, "mean", normalise ? mean_in : index_in, Layout::contiguous);
    const Input std(op, "std", normalise ? std_in : index_in, Layout::contiguous);
    const TensorView* mean_view = normalise ? &mean.view() : nullptr;
    const TensorView* std_view = normalise ? &std.view() : nullptr;
    const DType dtype = double_precision ? DType::float64 : DType::float32;
    const Output y(op, out, rows_like(op, x.view(), index.view()), dtype, {&x, &index});
    gather_uint8_check(x.view(), index.view(), mean_view, std_view, y.view());
    run_op(gather_uint8_facts.operations(y.view()),
           {{gather_uint8_facts.split(y.view()),
             [&](Range part) { gather_uint8(part, x.view(), index.view(), mean_view, std_view, y.view()); }}});
    return y.array();
}

Array augmented_array(const Object& x_in, const Object& index_in, const std::string& name, std::uint64_t seed,
                      std::uint32_t epoch) {
    constexpr const char* op = "augment";
    const Augment how = augment_named(name, seed, epoch);
    const Input x(op, "x", x_in, Layout::samples), index(op, "index", index_in, Layout::contiguous);
    augment_check(op, x.view());
    const Output y(op, py::none(), rows_like(op, x.view(), index.view()), DType::uint8, {});
    gather_rows_check(x.view(), index.view(), y.view());
    constexpr double each = 40;  // elementary operations: 2.5 ns
    run_op(static_cast<double>(y.view().size()) * each,
           {{samples(y.view()), [&](Range part) {
                 for (std::int64_t i = part.begin; i < part.end; ++i) {
                     augment(how, x.view(), index.view().as<std::int64_t>()[i], y.view().rows(i, 1).as<std::uint8_t>());
                 }
             }}});
    return y.array();
}

PhiloxStream stream_of(std::uint64_t seed, std::uint32_t purpose, std::uint32_t position) {
    if (purpose > static_cast<std::uint32_t>(Purpose::user)) fail("random", "unknown purpose ", purpose);
    return {seed, static_cast<Purpose>(purpose), position};
}

Array take_array(const Object& x_in, const Object& index_in) {
    const Input x("take", "x", x_in, Layout::contiguous), index("take", "index", index_in, Layout::contiguous);
    const Output y("take", py::none(), shape_of(index.view()), x.view().dtype, {});
    take_check(x.view(), index.view(), y.view());
    run_op(take_facts.operations(y.view()),
           {{take_facts.split(y.view()), [&](Range part) { take(part, x.view(), index.view(), y.view()); }}});
    return y.array();
}

Array take_backward_array(const Object& grad_in, const Object& index_in, const std::vector<std::int64_t>& shape) {
    const Input grad_y("take", "grad_y", grad_in, Layout::contiguous),
        index("take", "index", index_in, Layout::contiguous);
    check_real("take_backward", "grad_y", grad_y.view());
    const Output grad_x("take", py::none(), shape, grad_y.view().dtype, {});
    take_check(grad_x.view(), index.view(), grad_y.view());
    run_op(take_backward_facts.operations(grad_x.view()),
           {{take_backward_facts.split(grad_x.view()),
             [&](Range) { take_backward(grad_y.view(), index.view(), grad_x.view()); }}});
    return grad_x.array();
}

Array uniform_array(const std::vector<std::int64_t>& shape, double low, double high, std::uint64_t seed,
                    std::uint32_t purpose, std::uint32_t position, bool double_precision) {
    const PhiloxStream stream = stream_of(seed, purpose, position);
    const Output y("uniform", py::none(), shape, double_precision ? DType::float64 : DType::float32, {});
    constexpr double each = 16;  // elementary operations: a quarter of a block of ten rounds
    run_op(static_cast<double>(y.view().size()) * each,
           {{elements(y.view()), [&](Range part) { uniform(part, stream, low, high, y.view()); }}});
    return y.array();
}

Array permutation_array(std::int64_t n, std::uint64_t seed, std::uint32_t purpose, std::uint32_t position) {
    if (n < 0) fail("permutation", "n is ", n, "; it must be at least 0");
    const PhiloxStream stream = stream_of(seed, purpose, position);
    const Output order("permutation", py::none(), {n}, DType::int64, {});
    permutation(stream, n, order.view().as<std::int64_t>());
    return order.array();
}

}  // namespace

void bind_data(py::module_& module) {
    def(module, "gather_rows", "x, index, out=None", gather_rows_array);
    def(module, "gather_uint8", "x, index, mean=None, std=None, double_precision=False, out=None", gather_uint8_array);
    def(module, "augmented", "x, index, name, seed, epoch", augmented_array);
    def(module, "take", "x, index", take_array);
    def(module, "take_backward", "grad_y, index, shape", take_backward_array);
    def(module, "uniform", "shape, low, high, seed, purpose, position, double_precision=False", uniform_array);
    def(module, "permutation", "n, seed, purpose, position", permutation_array);
}

}  // namespace fastnn
