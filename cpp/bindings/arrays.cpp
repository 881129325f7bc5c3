#include "bindings/arrays.h"

#include <algorithm>

#include "bindings/array_memory.h"
#include "core/aligned_buffer.h"
#include "core/check.h"
#include "ops/arithmetic.h"

namespace fastnn {

namespace {

struct ArrayFacts {
    bool known, native;
    DType dtype;
};

ArrayFacts facts_of(const py::array& array) {
    const py::dtype dtype = array.dtype();
    const char order = dtype.byteorder();
    const bool native = order == '=' || order == '|';
    const bool eight_bytes = dtype.itemsize() == 8;
    switch (dtype.kind()) {
        case 'f':
            if (dtype.itemsize() == 4) return {true, native, DType::float32};
            return {eight_bytes, native, DType::float64};
        case 'i':
            return {eight_bytes, native, DType::int64};
        case 'u':
            return {dtype.itemsize() == 1, native, DType::uint8};
        case 'b':
            return {true, native, DType::boolean};
        default:
            return {false, native, DType::float32};
    }
}

[[noreturn]] void fail_dtype(const char* op, const char* name, const py::array& array) {
    std::string found = py::str(array.dtype()).cast<std::string>();
    if (array.dtype().kind() == 'O' && array.size() > 0) {
        const py::object first = array.attr("flat").attr("__getitem__")(0);
        found +=
            text(" (its first element is a '", py::str(py::type::of(first).attr("__name__")).cast<std::string>(), "')");
    }
    fail_type(Fault{"array.expected", {{"got", found}}}, op, name,
              ": expected a float32, float64, int64, uint8 or bool array, got ", found);
}

bool aligned(const py::array& array) { return (array.flags() & py::detail::npy_api::NPY_ARRAY_ALIGNED_) != 0; }

// Items are of 1, 4 or 8 bytes: strides are divided by shifting.
bool whole_strides(const py::array& array) {
    const py::ssize_t *const strides = array.strides(), rest = array.itemsize() - 1;
    return std::none_of(strides, strides + array.ndim(), [rest](py::ssize_t stride) { return (stride & rest) != 0; });
}

py::array as_ndarray(const char* op, const char* name, const py::handle& object) {
    if (!py::isinstance<py::array>(object)) {
        const std::string kind = py::str(py::type::of(object).attr("__name__")).cast<std::string>();
        fail_type(Fault{"array.expected", {{"got", kind}}}, op, name, ": expected a NumPy array, got ", kind);
    }
    auto array = py::reinterpret_borrow<py::array>(object);
    if (array.ndim() > max_rank)
        fail(op, name, " has ", array.ndim(), " dimensions; at most ", max_rank, " are supported");
    return array;
}

TensorView make_view(const py::array& array, DType dtype) {
    TensorView view;
    view.data = const_cast<void*>(array.data());
    view.dtype = dtype;
    view.rank = static_cast<int>(array.ndim());
    const py::ssize_t *const shape = array.shape(), *const strides = array.strides();
    const int shift = __builtin_ctzll(static_cast<std::uint64_t>(item_size(dtype)));
    for (int i = 0; i < view.rank; ++i) {
        view.shape[i] = shape[i];
        view.stride[i] = strides[i] >> shift;
    }
    return view;
}

// The dimensions of images and of kernels from the outermost in memory to the innermost.
constexpr std::array<int, 4> image_order = {0, 2, 3, 1}, kernel_order = {2, 3, 1, 0};

bool is_four(Layout layout) { return layout == Layout::images || layout == Layout::kernels; }
const std::array<int, 4>& order_of(Layout layout) { return layout == Layout::images ? image_order : kernel_order; }

bool lies_in_order(const TensorView& view, const std::array<int, 4>& order) {
    TensorView turned = view;
    for (std::size_t i = 0; i < order.size(); ++i) {
        turned.shape[i] = view.shape[static_cast<std::size_t>(order[i])];
        turned.stride[i] = view.stride[static_cast<std::size_t>(order[i])];
    }
    return turned.contiguous();
}

// A native, aligned copy in C order.
py::array copied(const py::array& array, DType dtype) {
    return py::module_::import("numpy").attr("array")(array, numpy_dtype(dtype), py::arg("order") = "C");
}

// A copy into fresh memory, on all threads: NumPy's takes three times as long to turn images around, on one.
py::array copied(const TensorView& view, const py::array& fresh) {
    run_copy(view, make_view(fresh, view.dtype));
    return fresh;
}

py::array new_array_in(Layout layout, const TensorView& view) {
    return is_four(layout) ? new_array_like(four_dimensions(shape_of(view), layout), view.dtype)
                           : new_array(shape_of(view), view.dtype);
}

bool fits(const TensorView& view, Layout layout) {
    if (is_four(layout)) return view.rank != 4 || lies_in_order(view, order_of(layout));
    switch (layout) {
        case Layout::any:
            return true;
        case Layout::rows:
            return view.rank == 0 || view.shape[view.rank - 1] <= 1 || view.stride[view.rank - 1] == 1;
        case Layout::dense:
            return view.dense();
        case Layout::samples:
            return view.dense_rows();
        default:
            return view.contiguous();
    }
}

struct Span {
    const char *begin, *end;
};

Span span_of(const TensorView& view) {
    const char* low = view.as<char>();
    const char* high = low + item_size(view.dtype);
    for (int i = 0; i < view.rank; ++i) {
        if (view.shape[i] == 0) return {low, low};
        const std::int64_t reach = (view.shape[i] - 1) * view.stride[i] * item_size(view.dtype);
        (reach < 0 ? low : high) += reach;
    }
    return {low, high};
}

void check_writeable(const char* op, const char* name, const py::array& array) {
    if (!array.writeable())
        fail(Fault{"array.readonly", {{"name", name}}}, op, name, " is read-only; pass a writeable array (a copy())");
}

// Two views of which one is written and the other reaches into its memory; null where there are none.
std::pair<const Use*, const Use*> overlapping(const std::vector<Use>& uses) {
    std::vector<std::pair<Span, const Use*>> spans;
    spans.reserve(uses.size());
    for (const Use& use : uses) spans.emplace_back(span_of(use.view), &use);
    std::sort(spans.begin(), spans.end(), [](const auto& a, const auto& b) { return a.first.begin < b.first.begin; });
    const std::pair<Span, const Use*>*furthest = nullptr, *furthest_written = nullptr;
    for (const auto& each : spans) {
        if (each.first.begin == each.first.end) continue;
        const auto* const before = each.second->written ? furthest : furthest_written;
        if (before != nullptr && each.first.begin < before->first.end) return {each.second, before->second};
        for (auto* last : {&furthest, &furthest_written}) {
            const bool counts = last == &furthest || each.second->written;
            if (counts && (*last == nullptr || (*last)->first.end < each.first.end)) *last = &each;
        }
    }
    return {nullptr, nullptr};
}

}  // namespace

bool overlap(const TensorView& a, const TensorView& b) {
    const Span x = span_of(a), y = span_of(b);
    return x.begin < y.end && y.begin < x.end;
}

bool apart(const std::vector<Use>& uses) { return !overlapping(uses).first; }

void check_apart(const char* op, const std::vector<Use>& uses) {
    const auto [one, other] = overlapping(uses);
    if (one != nullptr)
        fail(Fault{"out.overlap"}, op, one->name, " and ", other->name, " overlap in memory; pass arrays of their own");
}

Input::Input(const char* op, const char* name, const py::handle& object, Layout layout)
    : array_(as_ndarray(op, name, object)) {
    const ArrayFacts facts = facts_of(array_);
    if (!facts.known) fail_dtype(op, name, array_);
    const bool readable = facts.native && aligned(array_) && whole_strides(array_);
    if (readable) view_ = make_view(array_, facts.dtype);
    if (!readable) {
        array_ = copied(array_, facts.dtype);
        view_ = make_view(array_, facts.dtype);
    }
    if (!fits(view_, layout)) {
        array_ = copied(view_, new_array_in(layout, view_));
        view_ = make_view(array_, facts.dtype);
    }
}

Input::Input(const char* op, const char* name, const py::handle& object, const TensorView& other)
    : Input(op, name, object, Layout::dense) {
    if (same_layout(view_, other) || !same_shape(view_, other)) return;
    array_ = copied(view_, new_array_like(other, view_.dtype));
    view_ = make_view(array_, view_.dtype);
}

TensorView view_of(const char* op, const char* name, const py::array& array) {
    const ArrayFacts facts = facts_of(array);
    if (!facts.known) fail_dtype(op, name, array);
    if (!facts.native) fail(op, name, " is not in this machine's byte order");
    if (!aligned(array) || !whole_strides(array))
        fail(op, name, " is misaligned: its elements do not lie at multiples of their size");
    return make_view(array, facts.dtype);
}

TensorView in_place(const char* op, const char* name, const py::handle& object) {
    const py::array array = as_ndarray(op, name, object);
    check_writeable(op, name, array);
    return view_of(op, name, array);
}

Output::Output(const char* op, const py::object& out, const std::vector<std::int64_t>& shape, DType dtype,
               std::initializer_list<const Input*> inputs, bool may_alias) {
    if (out.is_none()) {
        array_ = new_array(shape, dtype);
        view_ = make_view(array_, dtype);
        return;
    }
    TensorView wanted;
    wanted.dtype = dtype;
    wanted.rank = static_cast<int>(shape.size());
    for (int i = 0; i < wanted.rank; ++i) wanted.shape[i] = shape[static_cast<std::size_t>(i)];
    take(op, out, wanted, inputs, may_alias);
}

Output::Output(const char* op, const py::object& out, const TensorView& like, DType dtype,
               std::initializer_list<const Input*> inputs, bool may_alias) {
    if (out.is_none()) {
        array_ = new_array_like(like, dtype);
        view_ = make_view(array_, dtype);
        return;
    }
    TensorView wanted = like;
    wanted.dtype = dtype;
    take(op, out, wanted, inputs, may_alias);
}

void Output::take(const char* op, const py::object& out, const TensorView& wanted,
                  std::initializer_list<const Input*> inputs, bool may_alias) {
    array_ = as_ndarray(op, "out", out);
    check_writeable(op, "out", array_);
    view_ = view_of(op, "out", array_);
    check_dtype(op, "out", view_, wanted.dtype);
    if (!same_shape(view_, wanted)) fail(op, "out has shape ", shape_text(view_), ", it must be ", shape_text(wanted));
    check_contiguous(op, "out", view_);
    for (const Input* input : inputs) {
        const bool itself = may_alias && input->view().data == view_.data && same_shape(input->view(), view_);
        if (!itself && overlap(view_, input->view()))
            fail(Fault{"out.overlap"}, op, "out overlaps an input in memory; pass an array of its own");
    }
}

py::dtype numpy_dtype(DType dtype) {
    switch (dtype) {
        case DType::float32:
            return py::dtype::of<float>();
        case DType::float64:
            return py::dtype::of<double>();
        case DType::int64:
            return py::dtype::of<std::int64_t>();
        case DType::uint8:
            return py::dtype::of<std::uint8_t>();
        default:
            return py::dtype::of<bool>();
    }
}

py::array new_array(const std::vector<std::int64_t>& shape, DType dtype) {
    if (shape.size() > max_rank) {
        fail("array", "a shape of ", shape.size(), " dimensions; at most ", max_rank, " are supported");
    }
    std::int64_t bytes = item_size(dtype);
    for (const std::int64_t extent : shape) bytes = checked_product("array", bytes, extent);
    const ArrayMemory memory(bytes);
    return py::array(numpy_dtype(dtype), std::vector<py::ssize_t>(shape.begin(), shape.end()));
}

TensorView four_dimensions(const std::vector<std::int64_t>& shape, Layout layout) {
    TensorView view;
    view.rank = 4;
    std::copy(shape.begin(), shape.end(), view.shape.begin());
    std::int64_t items = 1;
    for (std::size_t i = 4; i-- > 0;) {
        const auto axis = static_cast<std::size_t>(order_of(layout)[i]);
        view.stride[axis] = items;
        items = checked_product("array", items, view.shape[axis]);
    }
    return view;
}

py::array new_array_like(const TensorView& view, DType dtype) {
    if (view.contiguous()) return new_array(shape_of(view), dtype);
    const std::array<std::int64_t, max_rank> strides = dense_strides(view);
    std::vector<py::ssize_t> shape, bytes;
    for (int i = 0; i < view.rank; ++i) {
        shape.push_back(view.shape[i]);
        bytes.push_back(strides[i] * item_size(dtype));
    }
    const ArrayMemory memory(view.size() * item_size(dtype));
    return py::array(numpy_dtype(dtype), shape, bytes);
}

std::vector<std::int64_t> shape_of(const TensorView& view) {
    return {view.shape.begin(), view.shape.begin() + view.rank};
}

void* thread_workspace(std::int64_t bytes) {
    thread_local AlignedBuffer buffer;
    buffer.grow(static_cast<std::size_t>(bytes));
    return buffer.data();
}

void run_op(double operations, std::initializer_list<Stage> stages) {
    constexpr double long_call = 200e3;  // some 10 us: below, letting go of the GIL costs more than it gives others
    const int threads = threads_for(operations);
    const auto run = [&] {
        for (const Stage& stage : stages) share(threads, stage.split, stage.body);
    };
    if (operations < long_call) {
        run();
    } else {
        const py::gil_scoped_release released;
        run();
    }
}

void run_copy(const TensorView& x, const TensorView& y) {
    copy_check(x, y);
    run_op(copy_facts.operations(x), {{copy_split(x, y), [&](Range part) { copy(part, x, y); }}});
}

}  // namespace fastnn
