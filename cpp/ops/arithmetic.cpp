#include "ops/arithmetic.h"

#include <algorithm>
#include <cstring>

#include "core/aligned_buffer.h"
#include "core/check.h"
#include "kernels/dispatch.h"
#include "ops/walk.h"

namespace fastnn {

namespace {

// Offset of row `row` of a view, a row being one run along the last dimension.
std::int64_t row_offset(const TensorView& view, std::int64_t row) {
    std::int64_t offset = 0;
    for (int i = view.rank - 2; i >= 0; --i) {
        offset += row % view.shape[i] * view.stride[i];
        row /= view.shape[i];
    }
    return offset;
}

std::int64_t row_length(const TensorView& y) { return y.rank == 0 ? 1 : y.shape[y.rank - 1]; }
std::int64_t last_stride(const TensorView& view) { return view.rank == 0 ? 1 : view.stride[view.rank - 1]; }

// A single value (step 0), or elements that lie as y's do (step 1).
TensorView flattened(const TensorView& view, std::int64_t n, std::int64_t step) {
    TensorView flat = view;
    flat.rank = 1;
    flat.shape[0] = n;
    flat.stride[0] = step;
    return flat;
}

bool single(const TensorView& view) {
    for (int i = 0; i < view.rank; ++i) {
        if (view.shape[i] != 1 && view.stride[i] != 0) return false;
    }
    return true;
}

// The operands as they are walked: one dimension where each lies as y does or is a single value, for rows would be
// short for no reason; else with y's innermost dimension last.
struct Walk {
    TensorView a, b, y;

    Walk(const TensorView& left, const TensorView& right, const TensorView& out) : a(left), b(right), y(out) {
        const bool a_alike = same_layout(a, y), b_alike = same_layout(b, y);
        if ((a_alike || single(a)) && (b_alike || single(b))) {
            const std::int64_t n = y.size();
            a = flattened(a, n, a_alike ? 1 : 0);
            b = flattened(b, n, b_alike ? 1 : 0);
            y = flattened(y, n, 1);
            return;
        }
        const MemoryOrder order(y);  // dimensions of one element, which it has last, make no rows
        for (TensorView* const view : {&a, &b, &y}) *view = order.applied(*view);
        for (; y.rank > 1 && y.shape[y.rank - 1] == 1; --y.rank) --a.rank, --b.rank;
        for (int i = y.rank - 2; i >= 0; --i) {
            const bool one = follows(a, i) && follows(b, i) && follows(y, i);
            if (one && y.shape[i] * y.shape[i + 1] <= most_joined) join(i);
        }
    }

    // Dimensions i and i + 1 are walked as one where all operands have them one behind the other: rows of 5 pixels
    // would be short for no reason. Longer ones are left to be shared out.
    static constexpr std::int64_t most_joined = 1 << 12;
    static bool follows(const TensorView& view, int i) {
        return view.stride[i] == view.stride[i + 1] * view.shape[i + 1];
    }
    void join(int i) {
        for (TensorView* const view : {&a, &b, &y}) {
            view->shape[i + 1] *= view->shape[i];
            std::copy(view->shape.begin() + i + 1, view->shape.begin() + view->rank, view->shape.begin() + i);
            std::copy(view->stride.begin() + i + 1, view->stride.begin() + view->rank, view->stride.begin() + i);
            --view->rank;
        }
    }

    // One row is cut between elements, several between rows.
    Split split() const {
        const std::int64_t n = row_length(y);
        if (y.rank <= 1) return {n, cache_items<float>};
        return {n == 0 ? 0 : y.size() / n, 1};
    }
};

template <typename T>
using Binary = void (*)(std::int64_t, const T*, std::int64_t, const T*, std::int64_t, T*);

template <typename T>
Binary<T> kernel_of(Arithmetic operation) {
    const Kernels<T>& kernel = kernels<T>();
    switch (operation) {
        case Arithmetic::add:
            return kernel.add;
        case Arithmetic::subtract:
            return kernel.subtract;
        case Arithmetic::multiply:
            return kernel.multiply;
        default:
            return kernel.divide;
    }
}

// Integers wrap around, as NumPy's do; they are not divided.
template <Arithmetic operation>
void integers(std::int64_t n, const std::int64_t* a, std::int64_t a_step, const std::int64_t* b, std::int64_t b_step,
              std::int64_t* y) {
    for (std::int64_t i = 0; i < n; ++i) {
        const auto left = static_cast<std::uint64_t>(a[i * a_step]), right = static_cast<std::uint64_t>(b[i * b_step]);
        y[i] = static_cast<std::int64_t>(operation == Arithmetic::add        ? left + right
                                         : operation == Arithmetic::subtract ? left - right
                                                                             : left * right);
    }
}

template <>
Binary<std::int64_t> kernel_of(Arithmetic operation) {
    switch (operation) {
        case Arithmetic::add:
            return integers<Arithmetic::add>;
        case Arithmetic::subtract:
            return integers<Arithmetic::subtract>;
        default:
            return integers<Arithmetic::multiply>;
    }
}

template <typename T>
void arithmetic_elements(Range part, Binary<T> kernel, const Walk& walk) {
    const std::int64_t a_step = last_stride(walk.a), b_step = last_stride(walk.b);
    const T *const a = walk.a.as<T>(), *const b = walk.b.as<T>();
    T* const y = walk.y.as<T>();
    if ((a_step == 0 || a_step == 1) && (b_step == 0 || b_step == 1)) {
        kernel(part.end - part.begin, a + part.begin * a_step, a_step, b + part.begin * b_step, b_step, y + part.begin);
        return;
    }
    for (std::int64_t i = part.begin; i < part.end; ++i) kernel(1, a + i * a_step, 0, b + i * b_step, 0, y + i);
}

template <typename T>
void arithmetic_rows(Range rows, Binary<T> kernel, const Walk& walk) {
    const std::int64_t n = row_length(walk.y), a_step = last_stride(walk.a), b_step = last_stride(walk.b);
    const bool steps = (a_step == 0 || a_step == 1) && (b_step == 0 || b_step == 1);
    for (std::int64_t row = rows.begin; row < rows.end; ++row) {
        const T* left = walk.a.as<T>() + row_offset(walk.a, row);
        const T* right = walk.b.as<T>() + row_offset(walk.b, row);
        T* const out = walk.y.as<T>() + row * n;
        if (steps) {
            kernel(n, left, a_step, right, b_step, out);
            continue;
        }
        for (std::int64_t i = 0; i < n; ++i) kernel(1, left + i * a_step, 0, right + i * b_step, 0, out + i);
    }
}

template <typename T>
void copy_run(std::int64_t n, const T* source, std::int64_t step, T* out) {
    if (step == 1) {
        std::memcpy(out, source, static_cast<std::size_t>(n) * sizeof(T));
        return;
    }
    for (std::int64_t i = 0; i < n; ++i) out[i] = source[i * step];
}

template <typename T>
void turn(std::int64_t count, std::int64_t rows, const T* x, std::int64_t step, T* y, std::int64_t n) {
    const std::int64_t whole = n <= most_plane_channels ? rows - rows % most_lanes : 0;  // nothing behind x is read
    if (whole > 0) kernels<T>().turn_to_pixels(whole, n, x, step, y);
    kernels<T>().turn_to_planes(count, rows - whole, x + whole, step, y + whole * n, n);
}
void turn(std::int64_t count, std::int64_t rows, const std::uint8_t* x, std::int64_t step, std::uint8_t* y,
          std::int64_t n) {
    for (std::int64_t i = 0; i < count; ++i) {
        for (std::int64_t row = 0; row < rows; ++row) y[row * n + i] = x[i * step + row];
    }
}

// Rows one below the other, of n each. Where their columns are nearer to each other in the source than a row's elements
// are, they are turned, in blocks that stay in L1.
template <typename T>
void copy_rows(std::int64_t rows, std::int64_t n, const T* source, std::int64_t row_step, std::int64_t step, T* out) {
    constexpr std::int64_t row_block = 32, block = 256;
    if (step == 1 || row_step != 1) {
        for (std::int64_t row = 0; row < rows; ++row) copy_run(n, source + row * row_step, step, out + row * n);
        return;
    }
    for (std::int64_t row = 0; row < rows; row += row_block) {
        for (std::int64_t i = 0; i < n; i += block)
            turn(std::min(block, n - i), std::min(row_block, rows - row), source + i * step + row, step,
                 out + row * n + i, n);
    }
}

template <typename T>
void copy_part(Range part, const Walk& walk) {
    const std::int64_t n = row_length(walk.y), step = last_stride(walk.a);
    const int rank = walk.y.rank;
    if (rank <= 1)
        return copy_run(part.end - part.begin, walk.a.as<T>() + part.begin * step, step, walk.y.as<T>() + part.begin);
    const std::int64_t below = walk.y.shape[rank - 2], row_step = walk.a.stride[rank - 2];
    for (std::int64_t row = part.begin; row < part.end;) {
        const std::int64_t count = std::min(part.end - row, below - row % below);
        copy_rows(count, n, walk.a.as<T>() + row_offset(walk.a, row), row_step, step, walk.y.as<T>() + row * n);
        row += count;
    }
}

}  // namespace

const std::array<ArithmeticOp, 4> arithmetic_ops = {{
    {Facts("add").array("a").array("b").row_by_row().broadcasting(), Arithmetic::add},
    {Facts("subtract").array("a").array("b").row_by_row().broadcasting(), Arithmetic::subtract},
    {Facts("multiply").array("a").array("b").row_by_row().broadcasting(), Arithmetic::multiply},
    {Facts("divide").array("a").array("b").row_by_row().broadcasting(), Arithmetic::divide},
}};

const Facts copy_facts = Facts("copy").array("x");
const Facts assign_facts = Facts("assign").array("target").array("x");

void arithmetic_check(Arithmetic operation, const TensorView& a, const TensorView& b, const TensorView& y) {
    if (a.dtype != DType::int64 || operation == Arithmetic::divide) check_real("arithmetic", "a", a);
    check_dtype("arithmetic", "b", b, a.dtype);
    check_dtype("arithmetic", "the result", y, a.dtype);
    check_same_shape("arithmetic", "a", a, "the result", y);
    check_same_shape("arithmetic", "b", b, "the result", y);
    check_dense("arithmetic", "the result", y);
}

Split arithmetic_split(const TensorView& a, const TensorView& b, const TensorView& y) { return Walk(a, b, y).split(); }

void arithmetic(Range part, Arithmetic operation, const TensorView& a, const TensorView& b, const TensorView& y) {
    const Walk walk(a, b, y);
    const auto run = [&](auto zero) {
        using T = decltype(zero);
        const Binary<T> kernel = kernel_of<T>(operation);
        walk.y.rank <= 1 ? arithmetic_elements<T>(part, kernel, walk) : arithmetic_rows<T>(part, kernel, walk);
    };
    y.dtype == DType::int64 ? run(std::int64_t()) : dispatch_real(y.dtype, run);
}

void copy_check(const TensorView& x, const TensorView& y) {
    check_dtype("copy", "the result", y, x.dtype);
    check_same_shape("copy", "x", x, "the result", y);
    check_dense("copy", "the result", y);
}

Split copy_split(const TensorView& x, const TensorView& y) { return Walk(x, x, y).split(); }

void copy(Range part, const TensorView& x, const TensorView& y) {
    const Walk walk(x, x, y);
    switch (item_size(x.dtype)) {
        case 4:
            return copy_part<float>(part, walk);  // of any bits: they are only moved
        case 8:
            return copy_part<double>(part, walk);
        default:
            return copy_part<std::uint8_t>(part, walk);
    }
}

}  // namespace fastnn
