#include "ops/reduce.h"

#include <algorithm>

#include "ops/map.h"

namespace fastnn {

namespace {

void reduce_check(const char* op, const TensorView& x, const TensorView& y) {
    check_real(op, "x", x);
    check_dtype(op, "the result", y, x.dtype);
    check_rank(op, "x", x, 3);
    check_rank(op, "the result", y, 2);
    if (y.shape[0] != x.shape[0] || y.shape[1] != x.shape[2]) {
        fail(op, "x has shape ", shape_text(x), " (outer, axis, inner), so the result must be (", x.shape[0], ", ",
             x.shape[2], "), got ", shape_text(y));
    }
    check_contiguous(op, "x", x);
    check_contiguous(op, "the result", y);
}

// This thread's part of the results: rows of `outer`, or columns of `inner` where there are too few rows.
struct Part {
    Range outer, inner;
};

template <typename T>
Part part_of(Team& team, const TensorView& x) {
    if (x.shape[0] >= team.size()) return {team.share(x.shape[0]), {0, x.shape[2]}};
    return {{0, x.shape[0]}, team.share(x.shape[2], cache_items<T>)};
}

template <typename T>
void largest(const T* x, std::int64_t axis, std::int64_t inner, T* y, std::int64_t* index) {
    *y = x[0];
    *index = 0;
    for (std::int64_t k = 1; k < axis; ++k) {
        const T value = x[k * inner];
        const bool larger = value > *y || (value != value && *y == *y);  // the first NaN wins
        if (larger) {
            *y = value;
            *index = k;
        }
    }
}

}  // namespace

void sum_check(const TensorView& x, const TensorView& y) { reduce_check("sum", x, y); }

void sum(Team& team, const TensorView& x, double scale, const TensorView& y) {
    dispatch_real(x.dtype, [&](auto zero) {
        using T = decltype(zero);
        const std::int64_t axis = x.shape[1], inner = x.shape[2];
        const Part part = part_of<T>(team, x);
        const std::int64_t count = part.inner.end - part.inner.begin;
        const T factor = static_cast<T>(scale);
        for (std::int64_t o = part.outer.begin; count > 0 && o < part.outer.end; ++o) {
            T* const out = y.as<T>() + o * inner + part.inner.begin;
            const T* const in = x.as<T>() + o * axis * inner + part.inner.begin;
            if (inner == 1) {
                *out = kernels<T>().sum(axis, in);
            } else {
                kernels<T>().column_sums(axis, count, in, inner, out);
            }
            if (factor != T(1)) kernels<T>().multiply(count, out, 1, &factor, 0, out);
        }
    });
}

void max_check(const TensorView& x, const TensorView& y, const TensorView& index) {
    reduce_check("max", x, y);
    check_dtype("max", "index", index, DType::int64);
    check_same_shape("max", "the result", y, "index", index);
    check_contiguous("max", "index", index);
    if (x.shape[1] == 0 && y.size() != 0) fail("max", "there is no largest of nothing: x has shape ", shape_text(x));
}

void max(Team& team, const TensorView& x, const TensorView& y, const TensorView& index) {
    dispatch_real(x.dtype, [&](auto zero) {
        using T = decltype(zero);
        const std::int64_t axis = x.shape[1], inner = x.shape[2];
        const Part part = part_of<T>(team, x);
        for (std::int64_t o = part.outer.begin; inner > 0 && o < part.outer.end; ++o) {
            for (std::int64_t i = part.inner.begin; i < part.inner.end; ++i) {
                const std::int64_t at = o * inner + i;
                largest(x.as<T>() + o * axis * inner + i, axis, inner, y.as<T>() + at, index.as<std::int64_t>() + at);
            }
        }
    });
}

void max_backward_check(const TensorView& grad_y, const TensorView& index, const TensorView& grad_x) {
    max_check(grad_x, grad_y, index);
    const std::int64_t* const at = index.as<std::int64_t>();
    for (std::int64_t i = 0; i < index.size(); ++i) {
        if (at[i] < 0 || at[i] >= grad_x.shape[1])
            fail("max_backward", "index ", at[i], " is outside 0..", grad_x.shape[1] - 1);
    }
}

void max_backward(Team& team, const TensorView& grad_y, const TensorView& index, const TensorView& grad_x) {
    dispatch_real(grad_y.dtype, [&](auto zero) {
        using T = decltype(zero);
        const std::int64_t axis = grad_x.shape[1], inner = grad_x.shape[2];
        const Range rows = team.share(grad_x.shape[0]);
        std::fill(grad_x.as<T>() + rows.begin * axis * inner, grad_x.as<T>() + rows.end * axis * inner, T(0));
        for (std::int64_t at = rows.begin * inner; at < rows.end * inner; ++at) {
            const std::int64_t place = at / inner * axis + index.as<std::int64_t>()[at];
            grad_x.as<T>()[place * inner + at % inner] = grad_y.as<T>()[at];
        }
    });
}

}  // namespace fastnn
