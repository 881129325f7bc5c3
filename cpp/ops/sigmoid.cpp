#include "ops/sigmoid.h"

#include "ops/map.h"

namespace fastnn {

void sigmoid_check(const TensorView& x, const TensorView& y) { map_check("sigmoid", x, y); }

void sigmoid(Team& team, const TensorView& x, const TensorView& y) {
    map_unary(team, x, y, &Kernels<float>::sigmoid, &Kernels<double>::sigmoid);
}

void sigmoid_backward_check(const TensorView& grad_y, const TensorView& y, const TensorView& grad_x) {
    map_backward_check("sigmoid_backward", grad_y, y, grad_x);
}

void sigmoid_backward(Team& team, const TensorView& grad_y, const TensorView& y, const TensorView& grad_x) {
    map_backward(team, grad_y, y, grad_x, &Kernels<float>::sigmoid_backward, &Kernels<double>::sigmoid_backward);
}

}  // namespace fastnn
