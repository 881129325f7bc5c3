#include "ops/exp.h"

#include "ops/map.h"

namespace fastnn {

void exp_check(const TensorView& x, const TensorView& y) { map_check("exp", x, y); }

void exp(Team& team, const TensorView& x, const TensorView& y) {
    map_unary(team, x, y, &Kernels<float>::exp, &Kernels<double>::exp);
}

}  // namespace fastnn
