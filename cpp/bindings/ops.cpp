// Ops on NumPy arrays: check, allocate, run. Optimizer updates are in updates.cpp, batches and random numbers in
// data.cpp; elementwise functions and losses are bound from their lists (ops/all.h).
#include <pybind11/stl.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <limits>

#include "bindings/arrays.h"
#include "bindings/bindings.h"
#include "bindings/functions.h"
#include "core/check.h"
#include "ops/all.h"
#include "ops/arithmetic.h"
#include "ops/cross_entropy.h"
#include "ops/dense.h"
#include "ops/dropout.h"
#include "ops/matmul.h"
#include "ops/reduce.h"
#include "ops/weight_gradient.h"

namespace fastnn {

namespace {

using Array = py::array;
using Object = py::object;

// -- products ---------------------------------------------------------------------------------------------------------

// Whether there is a zero among 32 numbers of a row: of one with so many zeros that leaving them out pays, an eighth,
// all but a few in a hundred have one. Looking at all of a dense row costs a tenth of its product.
bool may_have_zeros(const TensorView& x) {
    constexpr std::int64_t samples = 32;
    const std::int64_t step = std::max<std::int64_t>(x.shape[1] / samples, 1);
    bool any = false;
    dispatch_real(x.dtype, [&](auto zero) {
        using T = decltype(zero);
        for (std::int64_t i = 0; i < x.shape[1]; i += step) any |= x.as<T>()[i] == T(0);
    });
    return any;
}

// The columns to use of a single row: a weight that is known to be finite need not be multiplied with zeros.
LiveColumns live_columns_of(const TensorView& x, const TensorView& weight) {
    const bool possible = x.shape[0] == 1 && x.stride[1] == 1 && weight.stride[0] == 1 &&
                          x.shape[1] < std::numeric_limits<std::int32_t>::max();
    if (!possible || !may_have_zeros(x)) return {};
    void* const memory = thread_workspace(live_columns_room(x) * static_cast<std::int64_t>(sizeof(std::int32_t)));
    const LiveColumns found = find_live_columns(x, static_cast<std::int32_t*>(memory));
    return leaving_out_pays(found.count, x.shape[1]) ? found : LiveColumns{};
}

// Both stages of a product, with the calling thread's workspace.
void run_product(Product& product, std::int64_t k) {
    if (product.packs()) product.workspace = thread_workspace(product.workspace_bytes());
    run_op(product_cost(product.c.rows, product.c.columns, k),
           {{product.pack_split(), [&](Range part) { product.pack(part); }},
            {product.split(), [&](Range part) { product.multiply(part); }}});
}

// A large batch's weight gradient (O, I) into memory [in][out].
void run_blocks(WeightGradient& gradient, const TensorView& grad_weight) {
    gradient.set_packed(thread_workspace(gradient.packed_bytes()));
    const auto pack = [&](Range samples) { gradient.pack(samples, {0, gradient.panels()}); };
    const auto write = [&](Range inputs) { gradient.write(inputs, grad_weight); };
    run_op(product_cost(gradient.inputs(), grad_weight.shape[0], gradient.samples()),
           {{{gradient.samples(), 1}, pack}, {{gradient.inputs(), 1}, write}});
}

Array dense_forward_array(const Object& x_in, const Object& weight_in, const Object& bias_in, bool use_relu,
                          const Object& out, bool finite) {
    const Input x("linear", "x", x_in, Layout::any), weight("linear", "weight", weight_in, Layout::any);
    if (x.view().rank != 2) check_rank("linear", "x", x.view(), 2);
    if (weight.view().rank != 2) check_rank("linear", "weight", weight.view(), 2);
    const bool has_bias = !bias_in.is_none();
    const Input bias("linear", "bias", has_bias ? bias_in : weight_in, has_bias ? Layout::contiguous : Layout::any);
    const Output y("linear", out, {x.view().shape[0], weight.view().shape[0]}, x.view().dtype, {&x, &weight, &bias});
    dense_check(x.view(), weight.view(), has_bias ? &bias.view() : nullptr, y.view());
    Product product = dense_forward(x.view(), weight.view(), y.view());
    product.bias = has_bias ? bias.view().data : nullptr;
    product.relu = use_relu;
    if (finite) product.columns = live_columns_of(x.view(), weight.view());
    if (product.columns.columns != nullptr) product.zeros = Product::Zeros::kept;
    run_product(product, product.columns.columns ? product.columns.count : x.view().shape[1]);
    return y.array();
}

Array dense_grad_x_array(const Object& grad_in, const Object& weight_in, const Object& out) {
    const Input grad_y("linear", "grad_y", grad_in, Layout::any), weight("linear", "weight", weight_in, Layout::any);
    check_rank("linear", "grad_y", grad_y.view(), 2);
    check_rank("linear", "weight", weight.view(), 2);
    const Output grad_x("linear", out, {grad_y.view().shape[0], weight.view().shape[1]}, grad_y.view().dtype,
                        {&grad_y, &weight});
    dense_backward_check(grad_y.view(), grad_x.view(), weight.view());
    Product product = dense_grad_x(grad_y.view(), weight.view(), grad_x.view());
    run_product(product, product.a.columns);
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
    WeightGradient blocks(grad_y.view(), x.view(), panel_width(weight.dtype), false);
    if (fresh && blocks.by_blocks() && grad_y.view().stride[1] == 1) {
        run_blocks(blocks, weight);
    } else {
        Product product = dense_grad_weight(grad_y.view(), x.view(), weight);
        run_product(product, x.view().shape[0]);
    }
    return fresh ? grad.array().attr("T").cast<Array>() : grad.array();
}

Array dense_grad_bias_array(const Object& grad_in, const Object& out) {
    const Input grad_y("linear", "grad_y", grad_in, Layout::rows);
    check_real("linear", "grad_y", grad_y.view());
    check_rank("linear", "grad_y", grad_y.view(), 2);
    const Output grad_bias("linear", out, {grad_y.view().shape[1]}, grad_y.view().dtype, {&grad_y});
    dense_grad_bias_check(grad_y.view(), grad_bias.view());
    run_op(dense_grad_bias_facts.operations(grad_y.view()),
           {{dense_grad_bias_facts.split(grad_y.view()),
             [&](Range part) { dense_grad_bias(part, grad_y.view(), grad_bias.view()); }}});
    return grad_bias.array();
}

Array matmul_array(const Object& a_in, const Object& b_in, const Object& out) {
    const Input a("matmul", "the first input", a_in, Layout::any), b("matmul", "the second input", b_in, Layout::any);
    if (a.view().rank < 2 || b.view().rank < 2) {
        fail("matmul", "both inputs need at least 2 dimensions, got shapes ", shape_text(a.view()), " and ",
             shape_text(b.view()));
    }
    std::vector<std::int64_t> shape = shape_of(a.view());
    shape.back() = b.view().shape[b.view().rank - 1];
    const Output c("matmul", out, shape, a.view().dtype, {&a, &b});
    matmul_check(a.view(), b.view(), c.view());
    void* const workspace = thread_workspace(matmul_workspace(b.view()));
    run_op(product_cost(c.view().size(), 1, a.view().shape[a.view().rank - 1]),
           {{matmul_pack_split(b.view()), [&](Range part) { matmul_pack(part, b.view(), workspace); }},
            {matmul_split(b.view(), c.view()),
             [&](Range part) { matmul(part, a.view(), b.view(), c.view(), workspace); }}});
    return c.array();
}

// -- elementwise ------------------------------------------------------------------------------------------------------

// Where the caller gives `out`, which must be in C order, so must the inputs be.
Layout layout_for(bool any_order, const Object& out) {
    return any_order && out.is_none() ? Layout::dense : Layout::contiguous;
}

Array run_map(const Map& map, const double* numbers, const Object& x_in, const Object& out) {
    const char* const op = map.facts.name;
    const Input x(op, "x", x_in, layout_for(map.any_order, out));
    const Output y(op, out, x.view(), x.view().dtype, {&x}, map.in_place);
    map.check(numbers, x.view(), y.view());
    run_op(map.facts.operations(x.view()),
           {{map.facts.split(x.view()), [&](Range part) { map.run(part, numbers, x.view(), y.view()); }}});
    return y.array();
}

Array run_map_backward(const MapBackward& map, const double* numbers, const Object& grad_in, const Object& saved_in,
                       const Object& out) {
    const char* const op = map.facts.name;
    const Input saved(op, "the saved array", saved_in, layout_for(map.any_order, out));
    const Input grad_y(op, "grad_y", grad_in, saved.view());
    const Output grad_x(op, out, grad_y.view(), grad_y.view().dtype, {&grad_y, &saved}, map.in_place);
    map.check(numbers, grad_y.view(), saved.view(), grad_x.view());
    run_op(map.facts.operations(grad_y.view()),
           {{map.facts.split(grad_y.view()),
             [&](Range part) { map.run(part, numbers, grad_y.view(), saved.view(), grad_x.view()); }}});
    return grad_x.array();
}

// An elementwise op's arguments: arrays, its numbers, out.
template <typename Op>
Function map_function(const Op& map, const char* arrays, Caller call) {
    std::string signature = arrays;
    for (const Argument& each : map.facts.arguments) {
        if (each.kind == Argument::Kind::real) signature += ", " + each.name;
    }
    Function function{map.facts.name, signature + ", out=None", call};
    function.context = &map;
    return function;
}

// The numbers between the first `arrays` arguments and the last, two at most.
std::array<double, 2> numbers_of(const Function& function, PyObject* const* arguments, std::size_t arrays) {
    std::array<double, 2> numbers{};
    for (std::size_t i = arrays; i + 1 < function.names.size(); ++i) numbers[i - arrays] = value<double>(arguments, i);
    return numbers;
}

Object object_of(PyObject* argument) { return py::reinterpret_borrow<Object>(argument); }

void def_map(const py::module_& module, const Map& map) {
    define(module, map_function(map, "x", [](const Function& function, PyObject* const* arguments) -> Object {
               const auto numbers = numbers_of(function, arguments, 1);
               return run_map(*static_cast<const Map*>(function.context), numbers.data(), object_of(arguments[0]),
                              object_of(arguments[function.names.size() - 1]));
           }));
}

void def_map(const py::module_& module, const MapBackward& map) {
    define(module,
           map_function(map, "grad_y, saved", [](const Function& function, PyObject* const* arguments) -> Object {
               const auto numbers = numbers_of(function, arguments, 2);
               return run_map_backward(*static_cast<const MapBackward*>(function.context), numbers.data(),
                                       object_of(arguments[0]), object_of(arguments[1]),
                                       object_of(arguments[function.names.size() - 1]));
           }));
}

// A Python number beside an array takes the array's dtype.
Object as_operand(const Object& operand, const Object& other) {
    if (!py::isinstance<py::float_>(operand) && !py::isinstance<py::int_>(operand)) return operand;
    if (!py::isinstance<Array>(other)) {
        fail_type("arithmetic", "one of the two operands must be a NumPy array, got two of type ",
                  py::str(py::type::of(other).attr("__name__")).cast<std::string>());
    }
    if (py::isinstance<py::int_>(operand) && py::isinstance<py::array_t<std::int64_t>>(other)) {
        const Array whole = new_array({}, DType::int64);
        *static_cast<std::int64_t*>(const_cast<void*>(whole.data())) = operand.cast<std::int64_t>();
        return whole;
    }
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
TensorView broadcast(const TensorView& view, const TensorView& result) {
    TensorView wide = view;
    wide.rank = result.rank;
    for (int i = wide.rank - 1, from = view.rank - 1; i >= 0; --i, --from) {
        wide.shape[i] = result.shape[i];
        wide.stride[i] = from < 0 || view.shape[from] == 1 ? 0 : view.stride[from];
    }
    return wide;
}

TensorView broadcast_shape(const char* op, const TensorView& a, const TensorView& b) {
    TensorView result;
    result.rank = std::max(a.rank, b.rank);
    for (int i = 1; i <= result.rank; ++i) {
        const std::int64_t p = i <= a.rank ? a.shape[a.rank - i] : 1, q = i <= b.rank ? b.shape[b.rank - i] : 1;
        if (p != q && p != 1 && q != 1)
            fail(op, "shapes ", shape_text(a), " and ", shape_text(b), " do not broadcast together");
        result.shape[result.rank - i] = p == 1 ? q : p;
    }
    return result;
}

// A result lies in memory as the first operand does that has its shape and no gaps.
TensorView arithmetic_result(const char* op, const TensorView& a, const TensorView& b) {
    const TensorView shape = broadcast_shape(op, a, b);
    for (const TensorView* operand : {&a, &b}) {
        if (same_shape(*operand, shape) && operand->dense()) return *operand;
    }
    TensorView result = shape;
    result.stride = dense_strides(shape);
    return result;
}

Object arithmetic_array(const Function& function, PyObject* const* arguments) {
    const auto& op = *static_cast<const ArithmeticOp*>(function.context);
    const char* const name = op.facts.name;
    const Object a_in = object_of(arguments[0]), b_in = object_of(arguments[1]);
    const Input a(name, "a", as_operand(a_in, b_in), Layout::any), b(name, "b", as_operand(b_in, a_in), Layout::any);
    const Output y(name, py::none(), arithmetic_result(name, a.view(), b.view()), a.view().dtype, {});
    const TensorView left = broadcast(a.view(), y.view()), right = broadcast(b.view(), y.view());
    arithmetic_check(op.operation, left, right, y.view());
    run_op(op.facts.operations(y.view()), {{arithmetic_split(left, right, y.view()), [&](Range part) {
                                                arithmetic(part, op.operation, left, right, y.view());
                                            }}});
    return y.array();
}

Array copy_array(const Object& x_in) {
    const Input x("copy", "x", x_in, Layout::any);
    const Output y("copy", py::none(), shape_of(x.view()), x.view().dtype, {});
    run_copy(x.view(), y.view());
    return y.array();
}

// x into the memory of target, which it gives back.
Object assign_arrays(const Object& target_in, const Object& x_in) {
    const TensorView target = in_place("assign", "target", target_in);
    Input x("assign", "x", x_in, Layout::any);
    if (overlap(x.view(), target)) x = Input("assign", "x", x.array().attr("copy")(), Layout::any);
    run_copy(x.view(), target);
    return target_in;
}

py::tuple dropout_arrays(const Object& x_in, double p, std::uint64_t seed, std::uint32_t call, std::uint32_t number) {
    const Input x("dropout", "x", x_in, Layout::dense);
    const Output mask("dropout", py::none(), x.view(), x.view().dtype, {});
    const Output y("dropout", py::none(), x.view(), x.view().dtype, {});
    dropout_check(x.view(), p, mask.view(), y.view());
    const DropoutDraw draw{seed, call, number};
    run_op(dropout_facts.operations(x.view()), {{dropout_facts.split(x.view()), [&](Range part) {
                                                     dropout(part, x.view(), p, draw, mask.view(), y.view());
                                                 }}});
    return py::make_tuple(y.array(), mask.array());
}

// -- losses -----------------------------------------------------------------------------------------------------------

// A loss's stages: the samples, then the sum of theirs.
void run_loss(const Facts& facts, const TensorView& first, const PartBody& body, const TensorView& losses, double scale,
              const TensorView& total) {
    run_op(facts.operations(first),
           {{facts.split(first), body}, {{1, 1}, [&](Range) { reduce_loss(losses, scale, total); }}});
}

py::tuple cross_entropy_arrays(const Object& logits_in, const Object& labels_in, bool mean, double smoothing,
                               const Object& out) {
    constexpr const char* op = "cross_entropy";
    const Input logits(op, "logits", logits_in, Layout::contiguous),
        labels(op, "labels", labels_in, Layout::contiguous);
    check_rank(op, "logits", logits.view(), 2);
    const std::int64_t samples = logits.view().shape[0];
    const DType dtype = logits.view().dtype;
    const Output total(op, py::none(), std::vector<std::int64_t>{}, dtype, {}),
        losses(op, py::none(), {samples}, dtype, {});
    const Output grad(op, out, shape_of(logits.view()), dtype, {&logits});
    cross_entropy_check(logits.view(), labels.view(), losses.view(), grad.view(), smoothing);
    check_labels(op, labels.view().as<std::int64_t>(), samples, logits.view().shape[1]);
    const double scale = mean ? 1.0 / static_cast<double>(samples) : 1.0;
    run_loss(
        cross_entropy_facts, logits.view(),
        [&](Range part) {
            cross_entropy(part, logits.view(), labels.view(), smoothing, scale, losses.view(), grad.view());
        },
        losses.view(), scale, total.view());
    return py::make_tuple(total.array(), losses.array(), grad.array());
}

Object loss_arrays(const Function& function, PyObject* const* arguments) {
    const auto& loss = *static_cast<const Loss*>(function.context);
    const char* const op = loss.facts.name;
    const Input x(op, "the input", arguments[0], Layout::contiguous),
        target(op, "the target", arguments[1], Layout::contiguous);
    const bool mean = value<bool>(arguments, 2);
    const std::int64_t samples = x.view().rank == 0 ? 0 : x.view().shape[0];
    const DType dtype = x.view().dtype;
    const Output total(op, py::none(), std::vector<std::int64_t>{}, dtype, {}),
        losses(op, py::none(), {samples}, dtype, {});
    const Output grad(op, object_of(arguments[3]), shape_of(x.view()), dtype, {&x, &target});
    loss_check(op, x.view(), target.view(), losses.view(), grad.view());
    const double scale = mean ? 1.0 / static_cast<double>(x.view().size()) : 1.0;
    run_loss(
        loss.facts, x.view(),
        [&](Range part) { loss.run(part, x.view(), target.view(), loss.factor * scale, losses.view(), grad.view()); },
        losses.view(), scale, total.view());
    return py::make_tuple(total.array(), losses.array(), grad.array());
}

// -- reductions -------------------------------------------------------------------------------------------------------

Array sum_array(const Object& x_in, double scale) {
    const Input x("sum", "x", x_in, Layout::contiguous);
    check_rank("sum", "x", x.view(), 3);
    const Output y("sum", py::none(), {x.view().shape[0], x.view().shape[2]}, x.view().dtype, {});
    sum_check(x.view(), y.view());
    run_op(sum_facts.operations(x.view()),
           {{sum_facts.split(x.view()), [&](Range part) { sum(part, x.view(), scale, y.view()); }}});
    return y.array();
}

py::tuple max_arrays(const Object& x_in) {
    const Input x("max", "x", x_in, Layout::contiguous);
    check_rank("max", "x", x.view(), 3);
    const std::vector<std::int64_t> shape = {x.view().shape[0], x.view().shape[2]};
    const Output y("max", py::none(), shape, x.view().dtype, {}), index("max", py::none(), shape, DType::int64, {});
    max_check(x.view(), y.view(), index.view());
    run_op(max_facts.operations(x.view()),
           {{max_facts.split(x.view()), [&](Range part) { max(part, x.view(), y.view(), index.view()); }}});
    return py::make_tuple(y.array(), index.array());
}

Array max_backward_array(const Object& grad_in, const Object& index_in, std::int64_t axis) {
    const Input grad_y("max_backward", "grad_y", grad_in, Layout::contiguous);
    const Input index("max_backward", "index", index_in, Layout::contiguous);
    check_rank("max_backward", "grad_y", grad_y.view(), 2);
    const Output grad_x("max_backward", py::none(), {grad_y.view().shape[0], axis, grad_y.view().shape[1]},
                        grad_y.view().dtype, {});
    max_backward_check(grad_y.view(), index.view(), grad_x.view());
    run_op(max_backward_facts.operations(grad_x.view()),
           {{max_backward_facts.split(grad_x.view()),
             [&](Range part) { max_backward(part, grad_y.view(), index.view(), grad_x.view()); }}});
    return grad_x.array();
}

bool finite_array(const Object& x_in) {
    const Input x("finite", "x", x_in, Layout::contiguous);
    check_real("finite", "x", x.view());
    const std::int64_t size = x.view().size();
    std::atomic<bool> all{true};
    run_op(static_cast<double>(size), {{Split{size, cache_items<float>}, [&](Range part) {
                                            if (!all_finite(x.view(), part)) all = false;
                                        }}});
    return all;
}

// -- facts ------------------------------------------------------------------------------------------------------------

Object default_of(const Argument& argument) {
    return std::visit([](const auto& value) -> Object { return py::cast(value); }, argument.value);
}

const char* kind_name(Argument::Kind kind) {
    switch (kind) {
        case Argument::Kind::array:
            return "array";
        case Argument::Kind::optional_array:
            return "optional array";
        case Argument::Kind::boolean:
            return "bool";
        case Argument::Kind::integer:
            return "int";
        case Argument::Kind::real:
            return "float";
        case Argument::Kind::integers:
            return "ints";
        default:
            return "state";
    }
}

// Whether the result of an op may be written over an array that it reads.
bool works_in_place(const char* op) {
    const auto is = [op](const auto* map) { return map->in_place && std::strcmp(map->facts.name, op) == 0; };
    return std::any_of(maps().begin(), maps().end(), is) ||
           std::any_of(maps_backward().begin(), maps_backward().end(), is);
}

// What Python's passes over a recording ask: _core.pyi tells the keys.
py::dict facts_dict(const Facts& facts) {
    py::list arguments;
    for (const Argument& each : facts.arguments)
        arguments.append(py::make_tuple(each.name, kind_name(each.kind), each.required, default_of(each)));
    py::dict dict;
    dict["arguments"] = arguments;
    dict["broadcasts"] = facts.broadcasts;
    dict["epilogues"] = facts.epilogues;
    dict["in_place"] = works_in_place(facts.name);
    dict["update"] = facts.update;
    dict["update_in_panels"] = facts.update_in_panels;
    dict["weight_in_panels"] = facts.weight_in_panels;
    return dict;
}

}  // namespace

void bind_ops(py::module_& module) {
    def(module, "dense_forward", "x, weight, bias=None, relu=False, out=None, finite=False", dense_forward_array);
    def(module, "dense_grad_x", "grad_y, weight, out=None", dense_grad_x_array);
    def(module, "dense_grad_weight", "grad_y, x, out=None", dense_grad_weight_array);
    def(module, "dense_grad_bias", "grad_y, out=None", dense_grad_bias_array);
    def(module, "matmul", "a, b, out=None", matmul_array);
    def(module, "finite", "x", finite_array);
    for (const Map* map : maps()) def_map(module, *map);
    for (const MapBackward* map : maps_backward()) def_map(module, *map);
    for (const ArithmeticOp& op : arithmetic_ops)
        define(module, {op.facts.name, "a, b", arithmetic_array, nullptr, &op});
    for (const Loss* loss : losses())
        define(module, {loss->facts.name, "x, target, mean=True, out=None", loss_arrays, nullptr, loss});
    def(module, "copy", "x", copy_array);
    def(module, "assign", "target, x", assign_arrays);
    def(module, "dropout", "x, p, seed, call, module", dropout_arrays);
    def(module, "cross_entropy", "logits, labels, mean=True, smoothing=0.0, out=None", cross_entropy_arrays);
    def(module, "sum", "x, scale=1.0", sum_array);
    def(module, "max", "x", max_arrays);
    def(module, "max_backward", "grad_y, index, axis", max_backward_array);
    def(module, "instruction_facts", "", [] {
        py::dict ops;
        for (const Facts* facts : all_facts()) ops[facts->name] = facts_dict(*facts);
        return ops;
    });
}

}  // namespace fastnn
