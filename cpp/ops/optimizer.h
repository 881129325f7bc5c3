// threads above | What the optimizers have in common: flat updates of dense memory, in place.
#pragma once

#include <initializer_list>

#include "ops/map.h"

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
        check_same_shape(op, "param", param, other.name, *other.view);
        bool same = other.view->panel == param.panel;
        for (int i = 0; param.panel == 0 && i < param.rank; ++i) {
            same = same && (param.shape[i] == 1 || other.view->stride[i] == param.stride[i]);
        }
        if (!same) fail(op, "param and ", other.name, " must have the same memory layout");
    }
    std::int64_t span = 1;
    bool ascending = true;
    for (int i = 0; i < param.rank; ++i) {
        span += (param.shape[i] - 1) * param.stride[i];
        ascending = ascending && (param.shape[i] == 1 || param.stride[i] > 0);
    }
    if (param.panel == 0 && param.size() != 0 && (span != param.size() || !ascending)) {
        fail(op, "param must fill its memory without gaps, got shape ", shape_text(param), " with strides");
    }
}

// This thread's share of n parameters, in whole cache lines.
template <typename T>
Range update_share(Team& team, const TensorView& param) {
    return team.share(param.storage_size(), cache_items<T>);
}

}  // namespace fastnn
