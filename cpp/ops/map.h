// threads above | Sharing out elementwise work: what the elementwise ops have in common.
#pragma once

#include "core/aligned_buffer.h"
#include "core/check.h"
#include "core/parallel.h"
#include "core/tensor_view.h"
#include "kernels/dispatch.h"

namespace fastnn {

// y = f(x): same shape and dtype, contiguous.
inline void map_check(const char* op, const TensorView& x, const TensorView& y) {
    check_real(op, "x", x);
    check_dtype(op, "the result", y, x.dtype);
    check_same_shape(op, "x", x, "the result", y);
    check_contiguous(op, "x", x);
    check_contiguous(op, "the result", y);
}

// grad_x = f(grad_y, saved), all of one shape.
inline void map_backward_check(const char* op, const TensorView& grad_y, const TensorView& saved,
                               const TensorView& grad_x) {
    map_check(op, grad_y, grad_x);
    check_dtype(op, "the saved array", saved, grad_y.dtype);
    check_same_shape(op, "grad_y", grad_y, "the saved array", saved);
    check_contiguous(op, "the saved array", saved);
}

// Runs a unary kernel, named by its table member, over this thread's share.
template <typename Member32, typename Member64>
void map_unary(Team& team, const TensorView& x, const TensorView& y, Member32 f32, Member64 f64) {
    if (x.dtype == DType::float32) {
        const Range mine = team.share(x.size(), cache_items<float>);
        (kernels<float>().*f32)(mine.end - mine.begin, x.as<float>() + mine.begin, y.as<float>() + mine.begin);
    } else {
        const Range mine = team.share(x.size(), cache_items<double>);
        (kernels<double>().*f64)(mine.end - mine.begin, x.as<double>() + mine.begin, y.as<double>() + mine.begin);
    }
}

template <typename Member32, typename Member64>
void map_backward(Team& team, const TensorView& grad_y, const TensorView& saved, const TensorView& grad_x, Member32 f32,
                  Member64 f64) {
    const auto run = [&](auto zero, auto member) {
        using T = decltype(zero);
        const Range mine = team.share(grad_y.size(), cache_items<T>);
        (kernels<T>().*member)(mine.end - mine.begin, grad_y.as<T>() + mine.begin, saved.as<T>() + mine.begin,
                               grad_x.as<T>() + mine.begin);
    };
    if (grad_y.dtype == DType::float32) {
        run(float(), f32);
    } else {
        run(double(), f64);
    }
}

}  // namespace fastnn
