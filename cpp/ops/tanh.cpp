#include "ops/tanh.h"

#include "ops/map.h"

namespace fastnn {

void tanh_check(const TensorView& x, const TensorView& y) { map_check("tanh", x, y); }

void tanh(Team& team, const TensorView& x, const TensorView& y) {
    map_unary(team, x, y, &Kernels<float>::tanh, &Kernels<double>::tanh);
}

void tanh_backward_check(const TensorView& grad_y, const TensorView& y, const TensorView& grad_x) {
    map_backward_check("tanh_backward", grad_y, y, grad_x);
}

void tanh_backward(Team& team, const TensorView& grad_y, const TensorView& y, const TensorView& grad_x) {
    map_backward(team, grad_y, y, grad_x, &Kernels<float>::tanh_backward, &Kernels<double>::tanh_backward);
}

}  // namespace fastnn
