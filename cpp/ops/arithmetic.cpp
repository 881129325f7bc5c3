#include "ops/arithmetic.h"

#include <cstring>

#include "core/check.h"
#include "kernels/dispatch.h"

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

// One dimension where both inputs are contiguous or a single value: rows would be short for no reason.
TensorView flattened(const TensorView& view, std::int64_t n) {
    TensorView flat = view;
    flat.rank = 1;
    flat.shape[0] = n;
    flat.stride[0] = view.contiguous() ? 1 : 0;
    return flat;
}

bool single(const TensorView& view) {
    for (int i = 0; i < view.rank; ++i) {
        if (view.shape[i] != 1 && view.stride[i] != 0) return false;
    }
    return true;
}

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

template <typename T>
void arithmetic_rows(Team& team, Binary<T> kernel, const TensorView& a, const TensorView& b, const TensorView& y) {
    const std::int64_t n = row_length(y), a_step = last_stride(a), b_step = last_stride(b);
    if (y.rank <= 1) {  // one row: share its elements
        const Range mine = team.share(n, 16);
        if (a_step <= 1 && b_step <= 1 && a_step >= 0 && b_step >= 0) {
            kernel(mine.end - mine.begin, a.as<T>() + mine.begin * a_step, a_step, b.as<T>() + mine.begin * b_step,
                   b_step, y.as<T>() + mine.begin);
            return;
        }
        for (std::int64_t i = mine.begin; i < mine.end; ++i) {
            kernel(1, a.as<T>() + i * a_step, 0, b.as<T>() + i * b_step, 0, y.as<T>() + i);
        }
        return;
    }
    const bool steps = (a_step == 0 || a_step == 1) && (b_step == 0 || b_step == 1);
    const Range mine = team.share(n == 0 ? 0 : y.size() / n);
    for (std::int64_t row = mine.begin; row < mine.end; ++row) {
        const T* left = a.as<T>() + row_offset(a, row);
        const T* right = b.as<T>() + row_offset(b, row);
        T* const out = y.as<T>() + row * n;
        if (steps) {
            kernel(n, left, a_step, right, b_step, out);
            continue;
        }
        for (std::int64_t i = 0; i < n; ++i) kernel(1, left + i * a_step, 0, right + i * b_step, 0, out + i);
    }
}

template <typename T>
void copy_rows(Team& team, const TensorView& x, const TensorView& y) {
    const std::int64_t n = row_length(y), step = last_stride(x);
    const Range mine = team.share(n == 0 ? 0 : y.size() / n);
    for (std::int64_t row = mine.begin; row < mine.end; ++row) {
        const T* source = x.as<T>() + row_offset(x, row);
        T* const out = y.as<T>() + row * n;
        if (step == 1) {
            std::memcpy(out, source, static_cast<std::size_t>(n) * sizeof(T));
            continue;
        }
        for (std::int64_t i = 0; i < n; ++i) out[i] = source[i * step];
    }
}

}  // namespace

void arithmetic_check(const TensorView& a, const TensorView& b, const TensorView& y) {
    check_real("arithmetic", "a", a);
    check_dtype("arithmetic", "b", b, a.dtype);
    check_dtype("arithmetic", "the result", y, a.dtype);
    check_same_shape("arithmetic", "a", a, "the result", y);
    check_same_shape("arithmetic", "b", b, "the result", y);
    check_contiguous("arithmetic", "the result", y);
}

void arithmetic(Team& team, Arithmetic operation, const TensorView& a, const TensorView& b, const TensorView& y) {
    dispatch_real(y.dtype, [&](auto zero) {
        using T = decltype(zero);
        const Binary<T> kernel = kernel_of<T>(operation);
        if ((a.contiguous() || single(a)) && (b.contiguous() || single(b))) {
            const std::int64_t n = y.size();
            arithmetic_rows<T>(team, kernel, flattened(a, n), flattened(b, n), flattened(y, n));
        } else {
            arithmetic_rows<T>(team, kernel, a, b, y);
        }
    });
}

void copy_check(const TensorView& x, const TensorView& y) {
    check_dtype("copy", "the result", y, x.dtype);
    check_same_shape("copy", "x", x, "the result", y);
    check_contiguous("copy", "the result", y);
}

void copy(Team& team, const TensorView& x, const TensorView& y) {
    switch (item_size(x.dtype)) {
        case 4:
            return copy_rows<std::uint32_t>(team, x, y);
        case 8:
            return copy_rows<std::uint64_t>(team, x, y);
        default:
            return copy_rows<std::uint8_t>(team, x, y);
    }
}

}  // namespace fastnn
