// threads above | What the optimizers have in common: flat updates of dense memory, in place.
#pragma once

#include <initializer_list>

#include "core/check.h"
#include "core/tensor_view.h"

namespace fastnn {

struct NamedView {
    const char* name;
    const TensorView* view;
};

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

}  // namespace fastnn
