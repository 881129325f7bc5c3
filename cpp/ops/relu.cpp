#include "ops/relu.h"

#include "ops/map.h"

namespace fastnn {

void relu_check(const TensorView& x, const TensorView& y) { map_check("relu", x, y); }

void relu(Team& team, const TensorView& x, const TensorView& y) {
    map_unary(team, x, y, &Kernels<float>::relu, &Kernels<double>::relu);
}

void relu_backward_check(const TensorView& grad_y, const TensorView& x, const TensorView& grad_x) {
    map_backward_check("relu_backward", grad_y, x, grad_x);
}

void relu_backward(Team& team, const TensorView& grad_y, const TensorView& x, const TensorView& grad_x) {
    map_backward(team, grad_y, x, grad_x, &Kernels<float>::relu_backward, &Kernels<double>::relu_backward);
}

}  // namespace fastnn
