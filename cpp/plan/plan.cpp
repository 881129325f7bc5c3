#include "plan/plan.h"

#include <algorithm>
#include <utility>

#include "core/check.h"

namespace fastnn {

namespace {

template <typename Items>
auto& checked_at(Items& items, int index, const char* what) {
    if (index < 0 || static_cast<std::size_t>(index) >= items.size()) fail("plan", "there is no ", what, " ", index);
    return items[static_cast<std::size_t>(index)];
}

std::int64_t checked_sum(std::int64_t a, std::int64_t b) {
    std::int64_t sum = 0;
    if (__builtin_add_overflow(a, b, &sum)) fail("plan", "a place of ", a, " + ", b, " does not fit a 64-bit count");
    return sum;
}

// The number of the last element of a view, -1 where it has none.
std::int64_t last_element(const TensorView& view) {
    if (view.panel != 0) {
        const std::int64_t rows = (checked_sum(view.shape[0], view.panel) - 1) / view.panel * view.panel;
        return checked_product("plan", rows, view.shape[1]) - 1;
    }
    std::int64_t last = view.empty() ? -1 : 0;
    for (int i = 0; !view.empty() && i < view.rank; ++i) {
        last = checked_sum(last, checked_product("plan", view.shape[i] - 1, view.stride[i]));
    }
    return last;
}

}  // namespace

int Plan::buffer(std::int64_t bytes) {
    if (bytes < 0) fail("plan", "a buffer of ", bytes, " bytes");
    buffers_.emplace_back(static_cast<std::size_t>(bytes) + cache_line);
    return static_cast<int>(buffers_.size()) - 1;
}

int Plan::view(int buffer, std::int64_t offset, const std::vector<std::int64_t>& shape,
               const std::vector<std::int64_t>& stride, DType dtype, std::int64_t panel) {
    const AlignedBuffer& memory = checked_at(buffers_, buffer, "buffer");
    if (shape.size() != stride.size() || shape.size() > max_rank)
        fail("plan", "a view needs a stride for each dimension");
    if (panel < 0 || (panel != 0 && shape.size() != 2)) fail("plan", "panels are for a weight of two dimensions");
    if (offset < 0) fail("plan", "a view reaches outside its buffer");
    TensorView view;
    view.data = static_cast<char*>(memory.data()) + checked_product("plan", offset, item_size(dtype));
    view.dtype = dtype;
    view.rank = static_cast<int>(shape.size());
    view.panel = panel;
    for (std::size_t i = 0; i < shape.size(); ++i) {
        if (shape[i] < 0 || stride[i] < 0) fail("plan", "sizes and strides of a view must not be negative");
        view.shape[i] = shape[i];
        view.stride[i] = stride[i];
    }
    const std::int64_t end = checked_product("plan", checked_sum(offset, last_element(view) + 1), item_size(dtype));
    if (offset < 0 || end > static_cast<std::int64_t>(memory.size())) fail("plan", "a view reaches outside its buffer");
    views_.push_back(view);
    return static_cast<int>(views_.size()) - 1;
}

const TensorView& Plan::at(int view) const { return checked_at(views_, view, "view"); }

int Plan::program() {
    programs_.emplace_back();
    return static_cast<int>(programs_.size()) - 1;
}

Program& Plan::program_at(int program) { return checked_at(programs_, program, "program"); }

TensorView Plan::temporary(const TensorView& like, std::int64_t panel) {
    std::vector<std::int64_t> shape(like.shape.begin(), like.shape.begin() + like.rank), stride(shape.size());
    std::int64_t items = 1;
    for (std::size_t i = shape.size(); i-- > 0;) {
        stride[i] = items;
        items *= shape[i];
    }
    TensorView measured = like;
    measured.panel = panel;
    return at(view(buffer(measured.storage_size() * item_size(like.dtype)), 0, shape, stride, like.dtype, panel));
}

void Plan::emit(int program, const std::string& name, const std::vector<int>& in, const std::vector<int>& out,
                const Attributes& attributes) {
    const Builder builder = find_builder(name);
    if (builder == nullptr) fail("plan", "there is no compiled form of '", name, "'");
    Program& target = program_at(program);
    Call call{*this, target, name.c_str(), {}, {}, attributes};
    for (const int id : in) call.in.push_back(at(id));
    for (const int id : out) call.out.push_back(at(id));
    Instruction instruction{name};
    instruction.body = builder(call);
    instruction.row_body = std::move(call.row_body);
    if (instruction.row_body) instruction.rows = call.out.at(0).shape[0];
    instruction.flops = call.flops;
    instruction.operations = call.operations;
    instruction.detail = std::move(call.detail);
    for (const TensorView& view : call.in) instruction.accesses.push_back(access_of(view, false));
    for (const TensorView& view : call.out) instruction.accesses.push_back(access_of(view, true));
    if (call.uses_workspace) {
        const char* const place = reinterpret_cast<const char*>(&workspace_);  // it may still move when it grows
        instruction.accesses.push_back({place, place + 1, 0, true});
    }
    target.instructions.push_back(std::move(instruction));
    for (Instruction& each : call.after) target.instructions.push_back(std::move(each));
}

void Plan::need_scratch(std::int64_t bytes) {
    constexpr std::int64_t line = cache_line;
    scratch_bytes_ = std::max(scratch_bytes_, (bytes + line - 1) / line * line);
}

Derived* Plan::derived(const TensorView& weight) {
    for (Derived& each : derived_) {
        if (each.weight.data == weight.data) return &each;
    }
    return &derived_.emplace_back(weight);
}

Derived* Plan::with_transposed(const TensorView& weight) {
    Derived* const found = derived(weight);
    if (found->transposed.data != nullptr) return found;
    TensorView turned = weight;
    std::swap(turned.shape[0], turned.shape[1]);
    found->transposed = temporary(turned, weight.panel);
    found->fresh = false;
    return found;
}

void Plan::written(const TensorView& view) {
    for (Derived& each : derived_) each.fresh = each.fresh && each.weight.data != view.data;
}

}  // namespace fastnn
