// threads above | Elementwise functions: what they have in common.
//
// Arrays of one shape and one memory layout, dense in whatever order of the dimensions: they are walked as they lie.
// softmax is of the same form, but takes rows of its last dimension, so C order.
#pragma once

#include <cmath>

#include "core/check.h"
#include "core/parallel.h"
#include "core/tensor_view.h"
#include "kernels/dispatch.h"
#include "ops/facts.h"

namespace fastnn {

// y = f(x). numbers: the values of the real attributes, in their order; null where there are none.
struct Map {
    Facts facts;
    void (*check)(const double* numbers, const TensorView& x, const TensorView& y);
    void (*run)(Range part, const double* numbers, const TensorView& x, const TensorView& y);
    bool in_place = true;  // y may be x
    bool any_order = true;
};

// grad_x = f(grad_y, saved), saved being x or y.
struct MapBackward {
    Facts facts;
    void (*check)(const double* numbers, const TensorView& grad_y, const TensorView& saved, const TensorView& grad_x);
    void (*run)(Range part, const double* numbers, const TensorView& grad_y, const TensorView& saved,
                const TensorView& grad_x);
    bool in_place = true;  // grad_x may be grad_y or saved
    bool any_order = true;
};

inline void map_check(const char* op, const TensorView& x, const TensorView& y) {
    check_real(op, "x", x);
    check_dtype(op, "the result", y, x.dtype);
    check_dense(op, "x", x);
    check_same_layout(op, "x", x, "the result", y);
}

inline void map_backward_check(const char* op, const TensorView& grad_y, const TensorView& saved,
                               const TensorView& grad_x) {
    map_check(op, grad_y, grad_x);
    check_dtype(op, "the saved array", saved, grad_y.dtype);
    check_same_layout(op, "grad_y", grad_y, "the saved array", saved);
}

// A number that an op is told must be finite in the arrays' type.
inline void check_finite(const char* op, const char* name, DType dtype, double value) {
    dispatch_real(dtype, [&](auto zero) {
        if (!std::isfinite(static_cast<decltype(zero)>(value)))
            fail(op, name, " is ", value, "; it must be a finite ", dtype_name(dtype));
    });
}

// Runs a unary kernel, named by its table member, over a part of the elements; numbers: what else it is told.
template <typename Member32, typename Member64, typename... Numbers>
void map_unary(Range part, const TensorView& x, const TensorView& y, Member32 f32, Member64 f64, Numbers... numbers) {
    const std::int64_t count = part.end - part.begin;
    if (x.dtype == DType::float32) {
        (kernels<float>().*f32)(count, x.as<float>() + part.begin, static_cast<float>(numbers)...,
                                y.as<float>() + part.begin);
    } else {
        (kernels<double>().*f64)(count, x.as<double>() + part.begin, numbers..., y.as<double>() + part.begin);
    }
}

template <typename Member32, typename Member64, typename... Numbers>
void map_backward(Range part, const TensorView& grad_y, const TensorView& saved, const TensorView& grad_x, Member32 f32,
                  Member64 f64, Numbers... numbers) {
    const std::int64_t count = part.end - part.begin;
    if (grad_y.dtype == DType::float32) {
        (kernels<float>().*f32)(count, grad_y.as<float>() + part.begin, saved.as<float>() + part.begin,
                                static_cast<float>(numbers)..., grad_x.as<float>() + part.begin);
    } else {
        (kernels<double>().*f64)(count, grad_y.as<double>() + part.begin, saved.as<double>() + part.begin, numbers...,
                                 grad_x.as<double>() + part.begin);
    }
}

}  // namespace fastnn
