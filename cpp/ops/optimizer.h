// threads above | What the optimizers have in common: flat updates of dense memory, in place, and averages that end at
// zero (kernel_table.h).
//
// A quotient by the root of an average of squares has to bear that. Let v = beta v + (1 - beta) g^2 without it, v' with
// it, and e^2 = t / (1 - beta). A step takes less than t from v' where |g| < e, less than t more where it flushes; it
// flushes only then, and not twice without a gradient from e up between. What was taken decays as v does, so
//   v - v' < 2 (t + beta t + beta^2 t + ...) = 2 e^2
// An eps below e counts as e. The divisor d' = sqrt(v') + max(eps, e) is then at least d / 2.5, d = sqrt(v) + eps:
// sqrt(v') >= max(0, sqrt(v) - 1.42 e) makes d / d' largest at sqrt(v) = 1.42 e, where it is at most 2.42. Under the
// root (Keras' RMSprop) v' + max(eps, e^2) >= (v + eps) / 3 likewise. So no step becomes infinite or NaN by what was
// taken, and none 2.5 times as long. e is 3.4e-18 for Adam's usual beta2 (beside its kernel's eps sqrt(c2): 1.1e-16 in
// the first step), 1.1e-18 for RMSprop's usual alpha; an eps from there up is used as it is. Of m less than 2^-100 / (1
// - beta1) is missing: a weight moves by less than rate 2^-37 sqrt(1 - beta2) / (1 - beta1) for it, behind an eps of
// 1e-8 by less than rate 2^-70.
#pragma once

#include <cmath>
#include <initializer_list>
#include <limits>

#include "core/check.h"
#include "core/tensor_view.h"

namespace fastnn {

constexpr double max_setting = std::numeric_limits<double>::max();

struct NamedView {
    const char* name;
    const TensorView* view;
};

// low <= value <= high (value < high where below), and finite.
inline void check_setting(const char* op, const char* name, double value, double low = -max_setting,
                          double high = max_setting, bool below = false) {
    if (value >= low && (below ? value < high : value <= high)) return;
    if (low == -max_setting) fail(op, name, " is ", value, "; it must be finite");
    if (high == max_setting) fail(op, name, " is ", value, "; it must be finite and at least ", low);
    fail(op, name, " is ", value, "; it must satisfy ", low, " <= ", name, below ? " < " : " <= ", high);
}

inline void check_step(const char* op, std::int64_t step) {
    if (step < 0) fail(op, "step is ", step, "; steps are counted from 0 (none yet)");
}

// param, grad and the states: one real dtype, one shape, one dense layout (any order of dimensions, or the same
// panels).
inline void update_check(const char* op, const TensorView& param, std::initializer_list<NamedView> others) {
    check_real(op, "param", param);
    for (const NamedView& other : others) {
        check_dtype(op, other.name, *other.view, param.dtype);
        check_same_layout(op, "param", param, other.name, *other.view);
    }
    if (!param.panels && param.size() != 0) check_dense(op, "param", param);
}

// e for type T: the least gradient that counts, and the least eps (under the root: its square). Nothing decays for
// beta = 1.
template <typename T>
double least_root(double beta) {
    const double smallest = std::numeric_limits<T>::min();
    return std::sqrt(beta < 1 ? smallest / (1 - beta) : smallest);
}

}  // namespace fastnn
