#include "ops/loss.h"

#include "ops/map.h"

namespace fastnn {

void reduce_loss(Team& team, const TensorView& losses, double scale, const TensorView& total) {
    if (team.index() != 0) return;
    dispatch_real(losses.dtype, [&](auto zero) {
        using T = decltype(zero);
        *total.as<T>() = kernels<T>().sum(losses.shape[0], losses.as<T>()) * static_cast<T>(scale);
    });
}

void elementwise_loss_check(const char* op, const TensorView& x, const TensorView& target, const TensorView& losses,
                            const TensorView& grad) {
    check_real(op, "the input", x);
    check_dtype(op, "the target", target, x.dtype);
    check_dtype(op, "the gradient", grad, x.dtype);
    check_dtype(op, "the losses", losses, x.dtype);
    check_same_shape(op, "the input", x, "the target", target);
    check_same_shape(op, "the input", x, "the gradient", grad);
    if (x.rank == 0) fail(op, "the input needs a batch dimension");
    if (x.size() == 0) fail(op, "the batch is empty: shape ", shape_text(x), "; a mean of nothing is not a number");
    check_rank(op, "the losses", losses, 1);
    if (losses.shape[0] != x.shape[0]) fail(op, "losses must have one value a sample");
    check_contiguous(op, "the input", x);
    check_contiguous(op, "the target", target);
    check_contiguous(op, "the gradient", grad);
    check_contiguous(op, "the losses", losses);
}

}  // namespace fastnn
