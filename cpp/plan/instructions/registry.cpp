#include "plan/instructions/registry.h"

#include <algorithm>

#include "core/check.h"
#include "kernels/dispatch.h"
#include "ops/arithmetic.h"
#include "ops/dense.h"
#include "plan/plan.h"

namespace fastnn {

const TensorView& Call::input(std::size_t i) const {
    if (!has_input(i)) fail(op, "the plan gives ", in.size(), " inputs, number ", i, " is missing");
    return in[i];
}

const TensorView& Call::output(std::size_t i) const {
    if (i >= out.size()) fail(op, "the plan gives ", out.size(), " outputs, number ", i, " is missing");
    return out[i];
}

template <typename T>
T Call::attribute(const Facts& facts, const char* name) const {
    const auto named = [name](const Argument& each) { return each.name == name; };
    const auto argument = std::find_if(facts.arguments.begin(), facts.arguments.end(), named);
    const auto found = attributes.find(name);
    if (found == attributes.end() && (argument == facts.arguments.end() || argument->required))
        fail(op, "the plan gives no ", name);
    const AttributeValue& value = found == attributes.end() ? argument->value : found->second;
    if (const T* const typed = std::get_if<T>(&value)) return *typed;
    fail_type(op, "the plan gives a ", name, " of another type than the op's");
}

template bool Call::attribute(const Facts&, const char*) const;
template std::int64_t Call::attribute(const Facts&, const char*) const;
template double Call::attribute(const Facts&, const char*) const;
template std::vector<std::int64_t> Call::attribute(const Facts&, const char*) const;

template <typename T>
const T& Call::state_of(const char* kind) const {
    if (const T* const found = std::get_if<T>(&state)) return *found;
    fail(op, "the plan gives no ", kind);
}

template const Settings& Call::state_of(const char*) const;
template const std::shared_ptr<DropoutDraw>& Call::state_of(const char*) const;

Instruction Call::instruction() const {
    Instruction made;
    made.name = op;
    for (const TensorView& view : in) {
        if (view.data != nullptr) made.reads(view);
    }
    for (const TensorView& view : out) made.writes(view);
    return made;
}

void Call::add(Instruction instruction) { program.instructions.push_back(std::move(instruction)); }

const TensorView& Call::strided(std::size_t i) { return input(i).panels ? contiguous(i) : in[i]; }

const TensorView& Call::contiguous(std::size_t i) {
    if (input(i).contiguous()) return in[i];
    TensorView c_order = in[i];
    c_order.panels = {};
    c_order.stride = {};
    return copied(i, c_order);
}

const TensorView& Call::rows(std::size_t i) {
    const TensorView& view = strided(i);
    const int last = view.rank - 1;
    return last < 0 || view.shape[last] <= 1 || view.stride[last] == 1 ? view : contiguous(i);
}

namespace {

// A view of four dimensions with these outermost to innermost in memory, without gaps.
TensorView in_order(const TensorView& view, const std::array<int, 4>& order) {
    TensorView dense = view;
    dense.panels = {};
    std::int64_t step = 1;
    for (int i = 3; i >= 0; --i) {
        const auto at = static_cast<std::size_t>(order[static_cast<std::size_t>(i)]);
        dense.stride[at] = step;
        step *= view.shape[at];
    }
    return dense;
}

constexpr std::array<int, 4> channels_last = {0, 2, 3, 1}, outputs_last = {2, 3, 1, 0};

}  // namespace

const TensorView& Call::images(std::size_t i) { return in_layout(i, channels_last); }

const TensorView& Call::kernels(std::size_t i) { return in_layout(i, outputs_last); }

const TensorView& Call::in_layout(std::size_t i, const std::array<int, 4>& order) {
    if (input(i).rank != 4) return in[i];  // the op's check refuses it
    const TensorView wanted = in_order(in[i], order);
    return same_layout(in[i], wanted) ? in[i] : copied(i, wanted);
}

const TensorView& Call::image_output(std::size_t i) const {
    const TensorView& view = output(i);
    if (view.rank != 4 || !same_layout(view, in_order(view, channels_last)))
        fail(op, "the result must be images with channels last, got ", layout_text(view));
    return view;
}

const TensorView& Call::kernel_output(std::size_t i) const {
    const TensorView& view = output(i);
    if (view.rank != 4 || !same_layout(view, in_order(view, outputs_last)))
        fail(op, "the result must be kernels with outputs last, got ", layout_text(view));
    return view;
}

const TensorView& Call::like(std::size_t i, const TensorView& other) {
    return same_layout(input(i), other) || !same_shape(in[i], other) ? in[i] : copied(i, other);
}

const TensorView& Call::apart(std::size_t i, const TensorView& other) {
    const Access mine = access_of(input(i), false), theirs = access_of(other, true);
    const bool overlap = mine.begin < theirs.end && theirs.begin < mine.end;
    return overlap ? copied(i, in[i]) : in[i];
}

void set_copy(Instruction& instruction, const TensorView& x, const TensorView& y) {
    instruction.operations = copy_facts.operations(x);
    instruction.split = copy_split(x, y);
    instruction.body = [=](Range part, int) { copy(part, x, y); };
    if (!in_rows(y, {&x})) return;
    const auto apply = [](const TensorView& from, const TensorView& to) { copy(copy_split(from, to).all(), from, to); };
    instruction.rows = y.shape[0];
    instruction.row_body = by_rows(apply, x, y);
}

const TensorView& Call::copied(std::size_t i, const TensorView& layout) {
    const TensorView from = in[i], to = plan.temporary(layout);
    Instruction copying;
    copying.reads(from);
    copying.writes(to);
    if (from.panels) {
        copying.name = "unpack";
        copying.split = {1, 1};
        copying.body = [=](Range, int) { unpack_weight(from, to); };
    } else {
        copying.name = "copy";
        set_copy(copying, from, to);
    }
    add(std::move(copying));
    return in[i] = to;
}

bool in_rows(const TensorView& result, std::initializer_list<const TensorView*> others) {
    if (result.rank < 2 || !result.dense()) return false;
    const std::int64_t rows = result.shape[0];
    if (rows > 1 && result.stride[0] != result.size() / rows) return false;
    return std::all_of(others.begin(), others.end(), [rows](const TensorView* view) {
        return view->rank >= 2 && !view->panels && view->shape[0] == rows;
    });
}

void check_result(const Call& call, const TensorView& result, DType dtype, const std::vector<std::int64_t>& shape) {
    check_dtype(call.op, "the result", result, dtype);
    const auto first = result.shape.begin();
    if (!std::equal(shape.begin(), shape.end(), first, first + result.rank))
        fail(call.op, "the plan gives a result of shape ", shape_text(result));
}

TensorView bytes_of(Plan& plan, std::int64_t bytes) {
    TensorView view;
    view.dtype = DType::uint8;
    view.rank = 1;
    view.shape[0] = bytes;
    return plan.temporary(view);
}

Split features_of(std::int64_t columns, DType dtype) {
    return {columns, dtype == DType::float64 ? kernels<double>().panel : kernels<float>().panel};
}

namespace {

const Registry& registry() {
    static const Registry all = [] {
        Registry entries;
        for (const auto add : {add_dense, add_elementwise, add_losses, add_reductions, add_indexing, add_dropout,
                               add_updates, add_convolution, add_pooling, add_batch_norm})
            add(entries);
        return entries;
    }();
    return all;
}

}  // namespace

const Builder& find_builder(const std::string& name) {
    const auto found = registry().find(name);
    if (found == registry().end()) fail("plan", "there is no compiled form of '", name, "'");
    return found->second;
}

std::vector<std::string> instruction_names() {
    std::vector<std::string> names;
    for (const auto& entry : registry()) names.push_back(entry.first);
    return names;
}

}  // namespace fastnn
