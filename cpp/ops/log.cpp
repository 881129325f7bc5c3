#include "ops/log.h"

#include "ops/map.h"

namespace fastnn {

void log_check(const TensorView& x, const TensorView& y) { map_check("log", x, y); }

void log(Team& team, const TensorView& x, const TensorView& y) {
    map_unary(team, x, y, &Kernels<float>::log, &Kernels<double>::log);
}

}  // namespace fastnn
