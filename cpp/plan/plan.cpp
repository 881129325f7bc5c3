#include "plan/plan.h"

#include <algorithm>
#include <utility>

#include "core/check.h"
#include "ops/dense.h"

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
    if (view.panels) {
        const std::int64_t out = (checked_sum(view.panels.out, view.panels.width) - 1) / view.panels.width;
        return checked_product("plan", checked_product("plan", out, view.panels.width), view.panels.in) - 1;
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
    if (shape.size() != stride.size() || shape.size() > max_rank) {
        fail("plan", "a view needs a stride for each dimension, at most ", max_rank, " of them; got ", shape.size(),
             " sizes and ", stride.size(), " strides");
    }
    if (panel < 0 || (panel != 0 && shape.size() < 2)) {
        fail("plan", "panels are for a weight of two dimensions or more; got a width of ", panel, " for ", shape.size(),
             " dimensions");
    }
    if (offset < 0) fail("plan", "a view reaches outside its buffer: it begins at element ", offset);
    TensorView view;
    view.data = static_cast<char*>(memory.data()) + checked_product("plan", offset, item_size(dtype));
    view.dtype = dtype;
    view.rank = static_cast<int>(shape.size());
    for (std::size_t i = 0; i < shape.size(); ++i) {
        if (shape[i] < 0 || stride[i] < 0) {
            fail("plan", "sizes and strides of a view must not be negative; dimension ", i, " has size ", shape[i],
                 " and stride ", stride[i]);
        }
        view.shape[i] = shape[i];
        view.stride[i] = stride[i];
    }
    if (panel != 0) view.panels = panels_of(view, panel);
    const std::int64_t end = checked_product("plan", checked_sum(offset, last_element(view) + 1), item_size(dtype));
    if (end > static_cast<std::int64_t>(memory.size())) {
        fail("plan", "a view reaches outside its buffer: it ends at byte ", end, " of ", memory.size(), ", with ",
             layout_text(view), " at element ", offset);
    }
    views_.push_back(view);
    return static_cast<int>(views_.size()) - 1;
}

const TensorView& Plan::at(int view) const { return checked_at(views_, view, "view"); }

int Plan::program() {
    programs_.emplace_back();
    return static_cast<int>(programs_.size()) - 1;
}

Program& Plan::program_at(int program) { return checked_at(programs_, program, "program"); }

// Phases point to the bodies of instructions.
Program& Plan::unfinished(int program) {
    Program& found = program_at(program);
    if (found.threads != 0) fail("plan", "program ", program, " has been scheduled: it takes no more instructions");
    return found;
}

TensorView Plan::temporary(const TensorView& like, const PanelLayout& panels) {
    TensorView wanted = like;
    wanted.panels = {};
    wanted.stride = dense_strides(wanted);
    wanted.panels = panels;
    const std::vector<std::int64_t> shape(wanted.shape.begin(), wanted.shape.begin() + wanted.rank);
    const std::vector<std::int64_t> stride(wanted.stride.begin(), wanted.stride.begin() + wanted.rank);
    const int memory = buffer(wanted.storage_size() * item_size(wanted.dtype));
    return at(view(memory, 0, shape, stride, wanted.dtype, panels.width));
}

void Plan::emit(int program, const std::string& name, const std::vector<int>& in, const std::vector<int>& out,
                const Attributes& attributes, const State& state) {
    Call call{*this, unfinished(program), name.c_str(), {}, {}, attributes, state};
    for (const int id : in) call.in.push_back(id == missing_view ? TensorView() : at(id));
    for (const int id : out) call.out.push_back(at(id));
    find_builder(name)(call);
}

Access Plan::workspace_access(bool writes) const {
    const char* const place = reinterpret_cast<const char*>(&workspace_);  // it may still move when it grows
    return {place, place + 1, 0, writes};
}

void Plan::need_scratch(std::int64_t bytes) {
    constexpr std::int64_t line = cache_line;
    scratch_bytes_ = std::max(scratch_bytes_, (bytes + line - 1) / line * line);
}

Derived* Plan::with_transposed(const TensorView& weight) {
    Derived* const found = derived_.of(weight);
    if (found->transposed().data != nullptr) return found;
    TensorView turned = weight;
    turned.rank = 2;
    turned.shape[0] = weight.panels.in;
    turned.shape[1] = weight.panels.out;
    found->want_transposed(temporary(turned, {weight.panels.out, weight.panels.in, weight.panels.width}));
    return found;
}

}  // namespace fastnn
