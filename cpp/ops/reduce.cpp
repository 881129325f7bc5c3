#include "ops/reduce.h"

#include <algorithm>

#include "core/aligned_buffer.h"
#include "core/check.h"
#include "kernels/dispatch.h"

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

// Inner indices of one unit: a cache line of the smallest results.
constexpr std::int64_t inner_block = cache_items<float>;

// Calls f(outer index, inner indices) for the units of a part; units of one outer index that follow each other at once.
template <typename F>
void for_each_result(Range part, const TensorView& x, F f) {
    const std::int64_t inner = x.shape[2], blocks = std::max<std::int64_t>(blocks_of(inner, inner_block), 1);
    std::int64_t outer = part.begin / blocks, first = part.begin % blocks;
    for (std::int64_t left = part.end - part.begin; left > 0; ++outer, first = 0) {
        const std::int64_t end = std::min(blocks, first + left);
        f(outer, Range{first * inner_block, std::min(inner, end * inner_block)});
        left -= end - first;
    }
}

template <typename T>
void largest(const T* x, std::int64_t axis, std::int64_t inner, T* y, std::int64_t* index) {
    T best = x[0];
    std::int64_t at = 0;
    for (std::int64_t k = best == best ? 1 : axis; k < axis; ++k) {
        const T value = x[k * inner];
        if (value != value) {  // the first NaN wins
            best = value;
            at = k;
            break;
        }
        // Without a branch, which random numbers would mispredict a third of the time.
        const std::int64_t larger = -static_cast<std::int64_t>(value > best);
        at ^= (at ^ k) & larger;
        best = std::max(best, value);
    }
    *y = best;
    *index = at;
}

}  // namespace

const Facts sum_facts = Facts("sum").array("x").attribute("scale", 1.0).cut(reduce_split);
const Facts max_facts = Facts("max").array("x").cut(reduce_split);
const Facts max_backward_facts =
    Facts("max_backward").array("grad_y").array("index").attribute("axis", Argument::Kind::integer).cut(samples);

Split reduce_split(const TensorView& x) { return {x.shape[0] * blocks_of(x.shape[2], inner_block), 1}; }

void sum_check(const TensorView& x, const TensorView& y) { reduce_check("sum", x, y); }

void sum(Range part, const TensorView& x, double scale, const TensorView& y) {
    dispatch_real(x.dtype, [&](auto zero) {
        using T = decltype(zero);
        const std::int64_t axis = x.shape[1], inner = x.shape[2];
        const T factor = static_cast<T>(scale);
        for_each_result(part, x, [&](std::int64_t o, Range columns) {
            const std::int64_t count = columns.end - columns.begin;
            T* const out = y.as<T>() + o * inner + columns.begin;
            const T* const in = x.as<T>() + o * axis * inner + columns.begin;
            if (inner == 1) {
                *out = kernels<T>().sum(axis, in);
            } else {
                kernels<T>().column_sums(axis, count, in, inner, out);
            }
            if (factor != T(1)) kernels<T>().multiply(count, out, 1, &factor, 0, out);
        });
    });
}

void max_check(const TensorView& x, const TensorView& y, const TensorView& index) {
    reduce_check("max", x, y);
    check_dtype("max", "index", index, DType::int64);
    check_same_shape("max", "the result", y, "index", index);
    check_contiguous("max", "index", index);
    if (x.shape[1] == 0 && y.size() != 0) fail("max", "there is no largest of nothing: x has shape ", shape_text(x));
}

void max(Range part, const TensorView& x, const TensorView& y, const TensorView& index) {
    dispatch_real(x.dtype, [&](auto zero) {
        using T = decltype(zero);
        const std::int64_t axis = x.shape[1], inner = x.shape[2];
        for_each_result(part, x, [&](std::int64_t o, Range columns) {
            for (std::int64_t i = columns.begin; i < columns.end; ++i) {
                const std::int64_t at = o * inner + i;
                largest(x.as<T>() + o * axis * inner + i, axis, inner, y.as<T>() + at, index.as<std::int64_t>() + at);
            }
        });
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

void max_backward(Range rows, const TensorView& grad_y, const TensorView& index, const TensorView& grad_x) {
    dispatch_real(grad_y.dtype, [&](auto zero) {
        using T = decltype(zero);
        const std::int64_t axis = grad_x.shape[1], inner = grad_x.shape[2];
        std::fill(grad_x.as<T>() + rows.begin * axis * inner, grad_x.as<T>() + rows.end * axis * inner, T(0));
        for (std::int64_t at = rows.begin * inner; at < rows.end * inner; ++at) {
            const std::int64_t place = at / inner * axis + index.as<std::int64_t>()[at];
            grad_x.as<T>()[place * inner + at % inner] = grad_y.as<T>()[at];
        }
    });
}

}  // namespace fastnn
